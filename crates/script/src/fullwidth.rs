//! Full-width punctuation in scripts: what a Chinese keyboard types by accident.

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

/// One full-width character outside strings and comments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wide {
    /// Line and column in characters, from 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) wide: char,
    pub(crate) half: char,
}

/// What a character belongs to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Code,
    /// Between two of these marks.
    Text(char),
    Line,
    Block,
}

/// Every full-width character that stands where a script needs a half-width one.
pub(crate) fn find(source: &str) -> Vec<Wide> {
    let mut found = Vec::new();
    let (mut line, mut column) = (1, 0);
    // Code inside `${…}` of a template goes on until its own brace closes.
    let mut templates: Vec<u32> = Vec::new();
    let mut part = Part::Code;
    let mut letters = source.chars().peekable();
    while let Some(letter) = letters.next() {
        column += 1;
        let next = letters.peek().copied().unwrap_or(' ');
        let mut skip = false;
        match (part, letter) {
            (Part::Code, '/') if next == '/' => part = Part::Line,
            (Part::Code, '/') if next == '*' => (part, skip) = (Part::Block, true),
            (Part::Code, '"' | '\'' | '`') => part = Part::Text(letter),
            (Part::Code, '{') => {
                if let Some(depth) = templates.last_mut() {
                    *depth += 1;
                }
            }
            (Part::Code, '}') => match templates.last_mut() {
                Some(0) => {
                    templates.pop();
                    part = Part::Text('`');
                }
                Some(depth) => *depth -= 1,
                None => {}
            },
            (Part::Code, wide) => {
                let half = HALF_WIDTH.iter().find(|(from, _)| *from == wide);
                found.extend(half.map(|(_, half)| Wide { line, column, wide, half: *half }));
            }
            (Part::Text('`'), '$') if next == '{' => {
                templates.push(0);
                (part, skip) = (Part::Code, true);
            }
            (Part::Text(mark), '\\') if mark != '`' => skip = true,
            (Part::Text(mark), _) if mark == letter => part = Part::Code,
            (Part::Line, '\n') => part = Part::Code,
            (Part::Block, '*') if next == '/' => (part, skip) = (Part::Code, true),
            _ => {}
        }
        let mut pass = |letter: char| {
            if letter == '\n' {
                (line, column) = (line + 1, 0);
            }
        };
        pass(letter);
        if skip && let Some(skipped) = letters.next() {
            column += 1;
            if skipped == '\n' {
                (line, column) = (line + 1, 0);
            }
        }
    }
    found
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
    }

    #[test]
    fn the_corrected_text_has_half_width_marks() {
        assert_eq!(corrected("org（“甲，乙”）"), "org(\"甲,乙\")");
        assert_eq!(corrected("org（\"甲，乙\"）"), "org(\"甲，乙\")");
    }
}
