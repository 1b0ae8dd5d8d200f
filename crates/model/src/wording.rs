//! What ids, codes and names may be made of, and how an error repeats what somebody wrote.

use std::fmt;

/// The most characters of an id or a code (`id_chars_max`).
pub const ID_CHARS_MAX: usize = 64;

/// The most characters of a name (`name_chars_max`).
pub const NAME_CHARS_MAX: usize = 200;

/// The most characters that an error or a line of a log repeats of a text from outside.
pub const ECHOED_CHARS_MAX: usize = 64;

/// The most characters of a quotation in a message: a digest of a file fits.
const QUOTED_CHARS_MAX: usize = 100;

/// What a text is to be. Ids stand in links, in names of files and on terminals.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wording {
    /// The id of a suite, a workflow or a rung: letters, digits, `-` and `_`.
    Id,
    /// The code of a unit or the id of a person, as an office's other systems give them: an id
    /// that may hold `.` and `@` too.
    Code,
    /// What people read.
    Name,
    /// What may be missing, such as an address.
    Optional,
}

/// Why a text is not what it is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WordingError {
    /// Nothing stands there that could be read ([`says_nothing`]).
    #[error("is empty")]
    Empty,
    /// It is too long.
    #[error("has more than {max} characters (limit `{limit}`)")]
    TooLong {
        /// The limit's name.
        limit: &'static str,
        /// The limit.
        max: usize,
    },
    /// An id holds something else.
    #[error("has something else than letters, digits, `-` and `_`, or begins with `-` or `_`")]
    NoId,
    /// A code holds something else.
    #[error(
        "has something else than letters, digits, `-`, `_`, `.` and `@`, or does not begin with a letter or digit"
    )]
    NoCode,
    /// A name holds a character that is not seen: a control character or one that turns the
    /// direction of writing.
    #[error("has a line break or a control character")]
    Unseen,
}

impl WordingError {
    /// The same for people who read Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::Empty => "不能为空".to_owned(),
            Self::TooLong { limit, max } => format!("超过 {max} 个字（上限 {limit}）"),
            Self::NoId => "只能用字母（可用中文）、数字、`-` 和 `_`，以字母或数字开头".to_owned(),
            Self::NoCode => {
                "只能用字母（可用中文）、数字、`-`、`_`、`.` 和 `@`，以字母或数字开头".to_owned()
            }
            Self::Unseen => "含有换行或控制字符".to_owned(),
        }
    }
}

impl Wording {
    /// Whether a text can be this.
    ///
    /// ```
    /// # use duban_model::Wording;
    /// assert!(Wording::Id.check("key-points-2027").is_ok());
    /// assert!(Wording::Id.check("..").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`WordingError`] says what is wrong with it.
    pub fn check(self, text: &str) -> Result<(), WordingError> {
        let (limit, max) = match self {
            Self::Id | Self::Code => ("id_chars_max", ID_CHARS_MAX),
            Self::Name | Self::Optional => ("name_chars_max", NAME_CHARS_MAX),
        };
        if self != Self::Optional && says_nothing(text) {
            return Err(WordingError::Empty);
        }
        if text.chars().nth(max).is_some() {
            return Err(WordingError::TooLong { limit, max });
        }
        match self {
            Self::Id if !is_made_of(text, "-_") => Err(WordingError::NoId),
            Self::Code if !is_made_of(text, "-_.@") => Err(WordingError::NoCode),
            Self::Name | Self::Optional if text.chars().any(is_unseen) => Err(WordingError::Unseen),
            Self::Id | Self::Code | Self::Name | Self::Optional => Ok(()),
        }
    }
}

/// Whether a text says nothing: it holds no character but spaces and those that nobody sees,
/// controls, format characters and fillers. Every place where somebody must say something asks
/// this.
///
/// ```
/// # use duban_model::says_nothing;
/// assert!(says_nothing("") && says_nothing("\u{3000}\u{200b}\u{feff}\n"));
/// assert!(!says_nothing("。") && !says_nothing("\u{200b}阅"));
/// ```
pub fn says_nothing(text: &str) -> bool {
    text.chars().all(|letter| letter.is_whitespace() || letter.is_control() || is_blank(letter))
}

/// Whether a character is not seen: one of format (Unicode's category Cf), or one that is drawn as
/// nothing, as fillers and selectors of variants are.
fn is_blank(letter: char) -> bool {
    matches!(letter,
        // Cf
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
        // Drawn as nothing
        | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Letters, digits and some signs, a letter or digit first.
fn is_made_of(text: &str, signs: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
        && text.chars().all(|letter| letter.is_alphanumeric() || signs.contains(letter))
}

/// Whether a character is not seen itself but changes what is: control characters, line and
/// paragraph separators, and those that turn the direction of writing.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// A text from outside as an error or a line of a log repeats it: short, and on one line.
///
/// ```
/// # use duban_model::{ECHOED_CHARS_MAX, echoed};
/// assert_eq!(echoed("a\nb"), "a\u{fffd}b");
/// assert_eq!(echoed(&"督".repeat(1000)).chars().count(), ECHOED_CHARS_MAX);
/// ```
pub fn echoed(text: &str) -> String {
    echoed_to(text, ECHOED_CHARS_MAX)
}

/// As [`echoed`], with a length of its own; `…` stands for what is left out.
pub fn echoed_to(text: &str, chars_max: usize) -> String {
    let shown = |letter: char| if is_unseen(letter) { char::REPLACEMENT_CHARACTER } else { letter };
    if text.chars().nth(chars_max).is_none() {
        return text.chars().map(shown).collect();
    }
    let kept = text.chars().take(chars_max.saturating_sub(1)).map(shown);
    kept.chain(['…']).collect()
}

/// A message whose quotations are cut: what stands between backticks, or in Chinese quotation
/// marks, is repeated as by [`echoed`], only that a file's digest fits; so is an endless word
/// outside them.
///
/// ```
/// # use duban_model::shortened;
/// let long = format!("unknown field `{}`, expected `id`", "x".repeat(1000));
/// assert!(shortened(&long).ends_with("…`, expected `id`") && shortened(&long).len() < 200);
/// ```
pub fn shortened(message: &str) -> String {
    let mut said = String::with_capacity(message.len().min(1024));
    let mut rest = message;
    while let Some(at) = rest.find(['`', '“']) {
        let open = if rest[at..].starts_with('`') { '`' } else { '“' };
        let close = if open == '`' { '`' } else { '”' };
        let (before, quoted) = rest.split_at(at + open.len_utf8());
        let end = quoted.find(close).unwrap_or(quoted.len());
        push_words(&mut said, before);
        said.push_str(&echoed_to(&quoted[..end], QUOTED_CHARS_MAX));
        rest = &quoted[end..];
        if let Some(behind) = rest.strip_prefix(close) {
            said.push(close);
            rest = behind;
        }
    }
    push_words(&mut said, rest);
    said
}

/// What stands outside quotations: libraries repeat names of fields there, without marks.
fn push_words(said: &mut String, text: &str) {
    for word in text.split_inclusive(char::is_whitespace) {
        if word.is_ascii() && word.len() > QUOTED_CHARS_MAX {
            said.push_str(&echoed_to(word, QUOTED_CHARS_MAX));
        } else {
            said.push_str(word);
        }
    }
}

/// An id, code or name that cannot be one, and where it was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{}` cannot be {what}: it {error}", echoed(.text))]
pub struct BadWording {
    /// What it is the id or name of.
    pub what: What,
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub error: WordingError,
}

impl BadWording {
    /// The same for people who read Chinese.
    pub fn zh(&self) -> String {
        format!("`{}` 不能作{}：{}", echoed(&self.text), self.what.zh(), self.error.zh())
    }
}

/// What an id or a name belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// A suite's id.
    Suite,
    /// A workflow's id.
    Workflow,
    /// A rung's id.
    Rung,
    /// A unit's code.
    Unit,
    /// A person's id.
    Person,
    /// A unit's name.
    UnitName,
    /// A unit's level.
    Level,
    /// A unit's tag.
    Tag,
    /// A post's name.
    Post,
    /// A person's name.
    PersonName,
    /// A channel of a person's addresses.
    Channel,
    /// A person's address.
    Address,
}

impl What {
    /// What its text is to be.
    pub fn wording(self) -> Wording {
        match self {
            Self::Suite | Self::Workflow | Self::Rung => Wording::Id,
            Self::Unit | Self::Person => Wording::Code,
            Self::UnitName | Self::Level | Self::Post | Self::PersonName | Self::Channel => {
                Wording::Name
            }
            Self::Tag | Self::Address => Wording::Optional,
        }
    }

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// [`BadWording`] names it and what is wrong with it.
    pub fn check(self, text: &str) -> Result<(), BadWording> {
        let bad = |error| BadWording { what: self, text: text.to_owned(), error };
        self.wording().check(text).map_err(bad)
    }

    /// In Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Suite => "文件的编号",
            Self::Workflow => "措施的 id",
            Self::Rung => "梯级的 id",
            Self::Unit => "单位代码",
            Self::Person => "人员编号",
            Self::UnitName => "单位名称",
            Self::Level => "层级",
            Self::Tag => "单位标签",
            Self::Post => "岗位名称",
            Self::PersonName => "姓名",
            Self::Channel => "联系渠道",
            Self::Address => "联系地址",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suite => "the suite's id",
            Self::Workflow => "the workflow's id",
            Self::Rung => "the rung's id",
            Self::Unit => "the unit's code",
            Self::Person => "the person's id",
            Self::UnitName => "the unit's name",
            Self::Level => "the unit's level",
            Self::Tag => "the unit's tag",
            Self::Post => "the post's name",
            Self::PersonName => "the person's name",
            Self::Channel => "the channel",
            Self::Address => "the person's address",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_stand_in_links_files_and_terminals() {
        for good in ["a", "7", "m23-duty_performance", "要点-2027", &"x".repeat(ID_CHARS_MAX)] {
            assert_eq!(Wording::Id.check(good), Ok(()), "{good}");
            assert_eq!(Wording::Code.check(good), Ok(()), "{good}");
        }
        let bad = [
            "",
            " ",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "a\0",
            "a\nb",
            "\u{1b}[2J",
            "<b>",
            "a b",
            "-a",
            "_a",
            "a?b",
            "a#b",
            "a%2e",
            "a\u{202e}b",
            "a\u{200b}",
            &"督".repeat(65),
        ];
        for bad in bad {
            assert!(Wording::Id.check(bad).is_err(), "{bad:?}");
            assert!(Wording::Code.check(bad).is_err(), "{bad:?}");
        }
        assert!(Wording::Id.check("li@a.cn").is_err() && Wording::Code.check("li@a.cn").is_ok());
    }

    #[test]
    fn names_are_seen_and_short() {
        for good in ["书记（兼）", "O'Neill / 2", " a ", &"督".repeat(NAME_CHARS_MAX)] {
            assert_eq!(Wording::Name.check(good), Ok(()), "{good}");
        }
        for bad in ["", "\u{3000}", "a\tb", "a\u{0}", "a\u{2028}b", "\u{202e}a", &"a".repeat(201)] {
            assert!(Wording::Name.check(bad).is_err(), "{bad:?}");
        }
        assert!(Wording::Optional.check("").is_ok() && Wording::Optional.check("\r").is_err());
    }

    #[test]
    fn what_nobody_sees_says_nothing() {
        let unseen = [
            "",
            " ",
            "\u{3000}",
            "\u{0}",
            "\u{1b}",
            "\u{7f}",
            "\u{85}",
            "\u{ad}",
            "\u{61c}",
            "\u{180e}",
            "\u{200b}",
            "\u{200d}",
            "\u{200f}",
            "\u{202e}",
            "\u{2028}",
            "\u{2060}",
            "\u{2064}",
            "\u{2069}",
            "\u{206f}",
            "\u{feff}",
            "\u{fffb}",
            "\u{e0001}",
            "\u{e0041}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{115f}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0100}",
        ];
        for text in unseen {
            assert!(says_nothing(text) && says_nothing(&text.repeat(3)), "{text:?}");
            assert!(Wording::Name.check(text).is_err(), "{text:?}");
            assert!(!says_nothing(&format!("{text}阅{text}")), "{text:?}");
        }
        assert!(says_nothing(&unseen.concat()));
        for text in [".", "。", "0", "-", "☑\u{fe0f}", "👨\u{200d}👩", "é", "e\u{301}", "\u{fffd}"]
        {
            assert!(!says_nothing(text), "{text:?}");
        }
    }

    #[test]
    fn quotations_are_cut_and_the_rest_of_a_message_stays() {
        let long = "长".repeat(5_000);
        for message in ["`a` is not `b`", "没有“甲”，可用的有“乙”", "a ` b", "", "“"]
        {
            assert_eq!(shortened(message), message);
        }
        assert_eq!(shortened("`a\nb`"), "`a\u{fffd}b`");
        for message in [format!("没有“{long}”。"), format!("no `{long}`."), format!("`{long}")]
        {
            assert!(shortened(&message).chars().count() < 120, "{message:.20}");
        }
        let endless = format!("failed: {}: 1 2", "x".repeat(5_000));
        assert!(shortened(&endless).len() < 150, "{endless:.20}");
        let whole = "word ".repeat(50);
        assert_eq!(shortened(&format!("{whole}`{long}`{whole}")).matches("word").count(), 100);
    }

    #[test]
    fn whatever_comes_is_repeated_shortly() {
        assert_eq!(echoed("li"), "li");
        assert_eq!(echoed("a\u{1}\n\u{7f}\u{85}b"), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(echoed(&"a".repeat(ECHOED_CHARS_MAX)), "a".repeat(ECHOED_CHARS_MAX));
        for letter in ["\u{0}", "\u{1b}", "督", "😀", "\"", "\\", "\u{202e}", "\u{301}"] {
            let kept = echoed(&letter.repeat(100_000));
            assert_eq!(kept.chars().count(), ECHOED_CHARS_MAX);
            for written in [serde_json::to_string(&kept).unwrap(), format!("{kept:?}")] {
                assert!(written.len() < 800, "{letter:?}: {}", written.len());
            }
        }
    }
}
