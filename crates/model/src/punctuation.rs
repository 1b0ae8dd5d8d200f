//! Texts that authors get wrong at the keyboard: brackets, quotes, full-width punctuation.
//!
//! Nothing here understands rhai. It only knows where strings and comments end, so that what is
//! inside them is left alone.

/// Full-width characters of a Chinese keyboard and what an expression needs in their place.
const HALF_WIDTH: &[(char, char)] = &[
    ('（', '('),
    ('）', ')'),
    ('，', ','),
    ('：', ':'),
    ('；', ';'),
    ('“', '"'),
    ('”', '"'),
    ('‘', '\''),
    ('’', '\''),
    ('【', '['),
    ('】', ']'),
    ('｛', '{'),
    ('｝', '}'),
    ('！', '!'),
    ('？', '?'),
    ('＋', '+'),
    ('－', '-'),
    ('＊', '*'),
    ('／', '/'),
    ('＝', '='),
    ('＜', '<'),
    ('＞', '>'),
    ('\u{3000}', ' '),
];

fn half_of(wide: char) -> Option<char> {
    HALF_WIDTH.iter().find(|(from, _)| *from == wide).map(|(_, to)| *to)
}

/// What a character of an expression belongs to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Code,
    Quoted(char),
    Escaped(char),
    LineComment,
    BlockComment,
}

/// Walks an expression and hands each character with the part it belongs to. Answers the part in
/// which the text ends.
fn walk(text: &str, mut visit: impl FnMut(usize, char, bool)) -> Part {
    let mut part = Part::Code;
    let mut before = ' ';
    for (at, now) in text.chars().enumerate() {
        visit(at, now, part == Part::Code);
        part = step(part, before, now);
        before = now;
    }
    part
}

fn step(part: Part, before: char, now: char) -> Part {
    match (part, now) {
        (Part::Code, '"' | '\'' | '`') => Part::Quoted(now),
        (Part::Code, '/') if before == '/' => Part::LineComment,
        (Part::Code, '*') if before == '/' => Part::BlockComment,
        (Part::Quoted(mark), '\\') if mark != '`' => Part::Escaped(mark),
        (Part::Quoted(mark), _) if mark == now => Part::Code,
        (Part::Escaped(mark), _) => Part::Quoted(mark),
        (Part::LineComment, '\n') => Part::Code,
        (Part::BlockComment, '/') if before == '*' => Part::Code,
        _ => part,
    }
}

/// The expression with half-width punctuation; `None` if it has no other.
pub(crate) fn half_width(text: &str) -> Option<String> {
    let mut found = false;
    let mut half = String::with_capacity(text.len());
    let _ = walk(text, |_, now, in_code| {
        let replaced = if in_code { half_of(now) } else { None };
        found |= replaced.is_some();
        half.push(replaced.unwrap_or(now));
    });
    found.then_some(half)
}

/// A line of YAML with half-width separators: a full-width colon behind its key, quotation marks
/// around values.
pub(crate) fn half_width_line(line: &str) -> Option<String> {
    let trimmed = line.trim();
    line.contains(['：', '，', '\u{3000}', '“', '”', '（', '）', '｛', '｝', '【', '】']).then(
        || {
            let half: String = trimmed.chars().map(|wide| half_of(wide).unwrap_or(wide)).collect();
            half.replacen(':', ": ", usize::from(!half.contains(": ")))
        },
    )
}

/// What is wrong with brackets or quotes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unbalanced {
    /// An opening bracket that nothing closes, with its position in characters.
    Open(usize, char),
    /// A closing bracket that nothing opened.
    Close(usize, char),
    /// A string that does not end.
    Text,
}

/// The first bracket or quote without its counterpart.
pub(crate) fn unbalanced(text: &str) -> Option<Unbalanced> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut stray = None;
    let end = walk(text, |at, now, in_code| {
        if !in_code || stray.is_some() {
            return;
        }
        match now {
            '(' | '[' | '{' => open.push((at, now)),
            ')' | ']' | '}' if open.pop().map(|(_, mark)| closing(mark)) != Some(now) => {
                stray = Some(Unbalanced::Close(at, now));
            }
            _ => {}
        }
    });
    let quoted = matches!(end, Part::Quoted(_) | Part::Escaped(_)).then_some(Unbalanced::Text);
    stray.or(quoted).or_else(|| open.pop().map(|(at, mark)| Unbalanced::Open(at, mark)))
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// The start of `text` up to where all its brackets are closed and a comma or a bracket of the
/// flow map around it follows; the whole text if they never are.
pub(crate) fn balanced_prefix(text: &str) -> &str {
    let mut depth = 0_i32;
    let mut end = None;
    let mut bytes = 0;
    let _ = walk(text, |_, now, in_code| {
        if in_code && end.is_none() {
            match now {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            if depth < 0 || (depth == 0 && now == ',') {
                end = Some(bytes);
            }
        }
        bytes += now.len_utf8();
    });
    text[..end.unwrap_or(text.len())].trim_end()
}

/// The text as a quoted YAML scalar.
pub(crate) fn quote(text: &str) -> String {
    if text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_inside_strings_is_left_alone() {
        assert_eq!(half_width("org(\"甲（乙）\")"), None);
        assert_eq!(half_width("org（“甲”）"), Some("org(\"甲\")".to_owned()));
        assert_eq!(half_width("a // 注释（一）\n+ b"), None);
    }

    #[test]
    fn brackets_are_matched_outside_strings() {
        assert_eq!(unbalanced("f(a, [b], #{c: \"(\"})"), None);
        assert_eq!(unbalanced("min(due"), Some(Unbalanced::Open(3, '(')));
        assert_eq!(unbalanced("a)"), Some(Unbalanced::Close(1, ')')));
        assert_eq!(unbalanced("(a]"), Some(Unbalanced::Close(2, ']')));
        assert_eq!(unbalanced("post(\"书记)"), Some(Unbalanced::Text));
    }

    #[test]
    fn a_value_ends_where_its_brackets_do() {
        assert_eq!(balanced_prefix("min(due, now), do: x }"), "min(due, now)");
        assert_eq!(quote("a \"b\""), "'a \"b\"'");
    }
}
