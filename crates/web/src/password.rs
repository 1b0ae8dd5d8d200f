//! Which passwords are taken: long enough, of several kinds of characters, and none that whoever
//! guesses tries first (GB/T 22239-2019, 8.1.4.1).

use std::collections::BTreeSet;
use std::fmt;

/// Fewest characters.
const CHARS_MIN: usize = 10;

/// Most characters.
const CHARS_MAX: usize = 128;

/// Fewest kinds of characters, out of four.
const KINDS_MIN: usize = 3;

/// Fewest different characters.
const DIFFERENT_MIN: usize = 6;

/// The longest run of one character, or of neighbours.
const RUN_MAX: usize = 3;

/// Rows of a keyboard, whose letters are neighbours as well.
const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// The shortest login that must not stand inside a password, in characters.
const LOGIN_CHARS_MIN: usize = 4;

/// What a password lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Lack {
    /// It is too short or too long: so many characters.
    Length(usize),
    /// It has too few kinds of characters: the missing ones.
    Kinds(Vec<&'static str>),
    /// It repeats few characters.
    Different,
    /// It holds a run.
    Run(String),
    /// It repeats itself.
    Repeats,
    /// It holds the login.
    Login,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => {
                write!(f, "口令须有 {CHARS_MIN} 至 {CHARS_MAX} 个字符，现有 {length} 个")
            }
            Self::Kinds(missing) => write!(
                f,
                "大写字母、小写字母、数字、其他符号至少要有 {KINDS_MIN} 类，现缺{}",
                missing.join("、")
            ),
            Self::Different => write!(f, "至少要有 {DIFFERENT_MIN} 个不同的字符"),
            Self::Run(run) => {
                write!(f, "不能有 {RUN_MAX} 个以上相同或连续的字符，现有“{run}”")
            }
            Self::Repeats => f.write_str("不能由同一段字符重复而成"),
            Self::Login => f.write_str("不能与用户名相同，也不能含有用户名"),
        }
    }
}

/// What a password for a login lacks; nothing: it is taken.
pub(crate) fn lacks(password: &str, login: &str) -> Vec<Lack> {
    let letters: Vec<char> = password.chars().collect();
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let mut lacks = Vec::new();
    if !(CHARS_MIN..=CHARS_MAX).contains(&letters.len()) {
        lacks.push(Lack::Length(letters.len()));
    }
    let missing = missing_kinds(&letters);
    if KINDS.len() - missing.len() < KINDS_MIN {
        lacks.push(Lack::Kinds(missing));
    }
    if lower.iter().collect::<BTreeSet<_>>().len() < DIFFERENT_MIN {
        lacks.push(Lack::Different);
    }
    if let Some(run) = run(&lower) {
        lacks.push(Lack::Run(run));
    }
    if (1..=lower.len() / 2).any(|part| lower.iter().zip(&lower[part..]).all(|(a, b)| a == b)) {
        lacks.push(Lack::Repeats);
    }
    if holds_login(&lower, login) {
        lacks.push(Lack::Login);
    }
    lacks
}

/// The kinds of characters, by what people read.
const KINDS: [&str; 4] = ["大写字母", "小写字母", "数字", "其他符号"];

fn missing_kinds(letters: &[char]) -> Vec<&'static str> {
    let has = |is: fn(&char) -> bool| letters.iter().any(is);
    let there = [
        has(char::is_ascii_uppercase),
        has(char::is_ascii_lowercase),
        has(char::is_ascii_digit),
        has(|letter| !letter.is_ascii_alphanumeric()),
    ];
    KINDS.into_iter().zip(there).filter(|(_, is_there)| !is_there).map(|(kind, _)| kind).collect()
}

/// The first run that is too long: `aaaa`, `1234`, `dcba`, `qwer`.
fn run(letters: &[char]) -> Option<String> {
    let steps: [fn(char, char) -> bool; 5] = [
        |a, b| a == b,
        |a, b| u32::from(a) + 1 == u32::from(b),
        |a, b| u32::from(b) + 1 == u32::from(a),
        |a, b| in_row(a, b),
        |a, b| in_row(b, a),
    ];
    let is_run =
        |part: &[char]| steps.iter().any(|step| part.windows(2).all(|two| step(two[0], two[1])));
    letters.windows(RUN_MAX + 1).find(|part| is_run(part)).map(|part| part.iter().collect())
}

/// Whether the second key lies right of the first.
fn in_row(a: char, b: char) -> bool {
    ROWS.iter().any(|row| row.chars().zip(row.chars().skip(1)).any(|two| two == (a, b)))
}

/// Whether a password, in small letters, is a login or holds it, forwards or backwards.
fn holds_login(password: &[char], login: &str) -> bool {
    let login: Vec<char> = login.to_lowercase().chars().collect();
    let back: Vec<char> = login.iter().rev().copied().collect();
    [login, back].iter().any(|login| {
        password == login.as_slice()
            || (login.len() >= LOGIN_CHARS_MIN
                && password.windows(login.len()).any(|part| part == login.as_slice()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_are_guessed_first_are_refused_with_what_they_lack() {
        let refused: &[(&str, &str)] = &[
            ("", "0 个"),
            ("Aa1!xyqwk", "9 个"),
            (&"Aa1!xz".repeat(22), "132 个"),
            ("          ", "现缺大写字母、小写字母、数字"),
            ("1234567890", "现缺大写字母、小写字母、其他符号"),
            ("aaaaaaaaaa", "6 个不同的字符"),
            ("correcthorse", "3 类"),
            ("correct horse", "现缺大写字母、数字"),
            ("督查督办落实到位某某处", "3 类"),
            ("aA1!aA1!aA1!", "不同的字符"),
            ("Abc19!Abc19!", "重复"),
            ("Kx7!Kx7!Kx7!m", "不同的字符"),
            ("Kx7!mq2aaaaz", "“aaaa”"),
            ("Kx7!mq21234z", "“1234”"),
            ("Kx7!mq29876z", "“9876”"),
            ("Kx7!mqWXYZ2", "“wxyz”"),
            ("Kx7!mq2DsAPoIu", "“poiu”"),
            ("Kx7!mQwEr2v", "“qwer”"),
            ("7!mq2ZhangLeix", "用户名"),
            ("7!mq2ielgnahzX", "用户名"),
            ("ZHANGLEI", "用户名"),
        ];
        for (password, said) in refused {
            let told: Vec<String> =
                lacks(password, "zhanglei").iter().map(Lack::to_string).collect();
            assert!(told.join("；").contains(said), "{password}: {told:?}");
        }
    }

    #[test]
    fn what_lacks_nothing_is_taken() {
        let taken = [
            "correct horse 42",
            "Kx7mq2Lw9v",
            "督查督办aZ2022落实",
            "li7!Kx mq 2w",
            "abc-XYZ-123-zw",
            &"Aa1!xz mK9".repeat(12).replacen('A', "B", 1),
        ];
        for password in taken {
            assert_eq!(lacks(password, "li"), [], "{password}");
        }
        assert_eq!(lacks("Kx7!mq2 wei", "wei"), [], "a short login may stand in a word");
    }
}
