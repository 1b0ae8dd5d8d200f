//! Full-width punctuation and digits in scripts: what a Chinese keyboard types by accident.

use std::ops::RangeInclusive;

use crate::pieces::pieces;

/// Full-width characters and what a script needs in their place.
const HALF_WIDTH: &[(char, char)] = &[
    ('（', '('),
    ('）', ')'),
    ('，', ','),
    ('：', ':'),
    ('；', ';'),
    ('。', '.'),
    ('“', '"'),
    ('”', '"'),
    ('‘', '"'),
    ('’', '"'),
    ('【', '['),
    ('】', ']'),
    ('｛', '{'),
    ('｝', '}'),
    ('！', '!'),
    ('？', '?'),
    ('＋', '+'),
    ('－', '-'),
    ('＊', '*'),
    ('×', '*'),
    ('÷', '/'),
    ('／', '/'),
    ('％', '%'),
    ('＝', '='),
    ('＜', '<'),
    ('＞', '>'),
    ('＆', '&'),
    ('｜', '|'),
    ('＃', '#'),
    ('\u{3000}', ' '),
];

const WIDE_DIGITS: RangeInclusive<char> = '０'..='９';

/// One full-width character outside strings and comments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wide {
    /// Line and column in characters, from 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) wide: char,
    pub(crate) half: char,
}

/// Every full-width character that stands where a script needs a half-width one.
pub(crate) fn find(source: &str) -> Vec<Wide> {
    let mut found = Vec::new();
    for piece in pieces(source) {
        let mut in_word = false;
        for (_, line, column, wide) in piece.letters() {
            // A name may hold full-width digits; a number may not.
            let is_digit = wide.is_ascii_digit() || WIDE_DIGITS.contains(&wide);
            let half = half_of(wide).filter(|_| !in_word || !is_digit);
            found.extend(half.map(|half| Wide { line, column, wide, half }));
            in_word = wide == '_' || (wide.is_alphanumeric() && (in_word || !is_digit));
        }
    }
    found
}

fn half_of(wide: char) -> Option<char> {
    let digit = WIDE_DIGITS.zip('0'..='9').find(|(from, _)| *from == wide);
    HALF_WIDTH.iter().find(|(from, _)| *from == wide).copied().or(digit).map(|(_, half)| half)
}

/// The text with every full-width character that `find` names replaced.
pub(crate) fn corrected(source: &str) -> String {
    let found = find(source);
    let mut lines: Vec<Vec<char>> = source.split('\n').map(|line| line.chars().collect()).collect();
    for wide in found {
        let letter = lines.get_mut(wide.line - 1).and_then(|line| line.get_mut(wide.column - 1));
        if let Some(letter) = letter {
            *letter = wide.half;
        }
    }
    let lines: Vec<String> = lines.into_iter().map(String::from_iter).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(usize, usize, char)]) {
        let found: Vec<_> = find(source).iter().map(|w| (w.line, w.column, w.wide)).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn only_code_is_looked_at() {
        check("催办（承办）", &[(1, 3, '（'), (1, 6, '）')]);
        check("log(\"你好，世界（一）\")", &[]);
        check("// 说明：一\nlog(\"a\")；", &[(2, 9, '；')]);
        check("/* （ */ a，b", &[(1, 10, '，')]);
        check("`共${f（x）}项，完`", &[(1, 6, '（'), (1, 8, '）')]);
        check("`a${#{x: \"，\"}.x}，`", &[]);
        check("\"\\\"，\" ，", &[(1, 7, '，')]);
        check("天(２０) + 街道１ + 1２", &[(1, 3, '２'), (1, 4, '０'), (1, 16, '２')]);
    }

    #[test]
    fn the_corrected_text_has_half_width_marks() {
        assert_eq!(corrected("org（“甲，乙”）"), "org(\"甲,乙\")");
        assert_eq!(corrected("org（\"甲，乙\"）"), "org(\"甲，乙\")");
    }
}
