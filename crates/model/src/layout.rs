//! What the lines of a file show of faults that YAML tells at another place or in other words:
//! full-width colons and spaces, tabs, indentation, expressions without quotes.
//!
//! A plain text goes on over lines, so YAML stumbles only behind the line that is wrong.

use crate::punctuation::{balanced_prefix, quote, unbalanced};

/// A fault of one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LineFault {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

const WIDE_SPACES: [char; 2] = ['\u{3000}', '\u{a0}'];

/// The faults of the line at which YAML stumbled, and of those before it that it ran over; else
/// its indentation.
pub(crate) fn faults(text: &str, line: usize) -> Vec<LineFault> {
    let lines: Vec<&str> = text.lines().collect();
    let in_block = block_lines(&lines);
    let last = line.clamp(1, lines.len().max(1));
    let mut found = Vec::new();
    for at in (1..=last).rev() {
        let Some(text) = lines.get(at - 1) else { break };
        if in_block.get(at - 1) == Some(&true) {
            break;
        }
        match separator_fault(at, text) {
            Some(fault) => found.push(fault),
            None if at == last || is_empty(text) => {}
            None => break,
        }
    }
    found.reverse();
    if found.is_empty() {
        found.extend(indentation_fault(&lines, &in_block, last));
    }
    found
}

fn is_empty(line: &str) -> bool {
    let body = line.trim();
    body.is_empty() || body.starts_with('#')
}

/// Which lines belong to a text in a block (`|`, `>`).
fn block_lines(lines: &[&str]) -> Vec<bool> {
    let mut inside = Vec::with_capacity(lines.len());
    let mut block: Option<usize> = None;
    for line in lines {
        let indent = indent(line);
        if block.is_some_and(|above| !line.trim().is_empty() && indent <= above) {
            block = None;
        }
        inside.push(block.is_some());
        let head = line.split(" #").next().unwrap_or_default().trim_end();
        let mark = head.trim_end_matches(|mark: char| mark.is_ascii_digit() || "+-".contains(mark));
        let begins =
            mark.strip_suffix(['|', '>']).is_some_and(|before| before.ends_with([' ', ':']));
        if block.is_none() && begins {
            block = Some(indent);
        }
    }
    inside
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A line from behind its indentation and its dashes, with the column where that begins, from 0.
fn body(line: &str) -> (usize, &str) {
    let mut column = indent(line);
    let mut body = &line[column..];
    while let Some(rest) = body.strip_prefix("- ") {
        let inner = rest.trim_start_matches(' ');
        column += body.len() - inner.len();
        body = inner;
    }
    (column, body)
}

/// A character that stands where YAML needs another, up to the value of a line's key.
fn separator_fault(line: usize, text: &str) -> Option<LineFault> {
    let wide_space = |column: usize, help: String| LineFault {
        line,
        column,
        code: "DB1008",
        message: "这里是全角空格，YAML 要用半角空格".to_owned(),
        help,
    };
    let leading: Vec<char> = text.chars().take_while(|letter| letter.is_whitespace()).collect();
    let body_start = leading.len();
    if is_empty(text) {
        return None;
    }
    if let Some(at) = leading.iter().position(|letter| WIDE_SPACES.contains(letter)) {
        return Some(wide_space(at + 1, "缩进用半角空格，与同级的行对齐".to_owned()));
    }
    if let Some(at) = leading.iter().position(|letter| *letter == '\t') {
        return Some(LineFault {
            line,
            column: at + 1,
            code: "DB1001",
            message: "缩进里有制表符（Tab），YAML 不认".to_owned(),
            help: "换成空格，与同级的行对齐".to_owned(),
        });
    }
    let (start, body) = body(text);
    debug_assert!(start >= body_start);
    let (at, mark) = body.char_indices().find(|(_, letter)| matches!(letter, ':' | '：'))?;
    let (key, behind) = (&body[..at], &body[at + mark.len_utf8()..]);
    if key.is_empty() || key.contains([' ', '"', '\'', '(', '[', '{', '#', ',']) {
        return None;
    }
    let column = start + key.chars().count() + 1;
    let written = format!("写成：{key}: {}", behind.trim());
    let wide = |column: usize, help: String| LineFault {
        line,
        column,
        code: "DB1008",
        message: "这里用了全角标点，YAML 的分隔符要用半角".to_owned(),
        help,
    };
    match (mark, behind.chars().next()) {
        ('：', _) => Some(wide(column, written)),
        (_, Some(next)) if WIDE_SPACES.contains(&next) => Some(wide_space(column + 1, written)),
        (_, Some(' ')) => {
            let value = behind.trim_start();
            let bracket = value.starts_with(['｛', '【']);
            let skipped = behind.len() - value.len();
            let half: String = value
                .chars()
                .map(|letter| match letter {
                    '｛' => '{',
                    '｝' => '}',
                    '【' => '[',
                    '】' => ']',
                    '，' => ',',
                    other => other,
                })
                .collect();
            bracket.then(|| wide(column + skipped + 1, format!("写成：{key}: {half}")))
        }
        (_, Some(next)) if next != '/' => Some(LineFault {
            line,
            column,
            code: "DB1001",
            message: "冒号后面要空一格".to_owned(),
            help: written,
        }),
        _ => None,
    }
}

/// A line that is indented as none above it.
fn indentation_fault(lines: &[&str], in_block: &[bool], line: usize) -> Option<LineFault> {
    let text = lines.get(line.checked_sub(1)?)?;
    let (_, content) = body(text);
    let key = content.split_once(':').map(|(key, _)| key)?;
    if is_empty(text) || key.contains([' ', '"', '{', '[', '(']) {
        return None;
    }
    let own = indent(text);
    let above = |at: &usize| !is_empty(lines[*at]) && !in_block[*at];
    let fault = |message: String, help: String| LineFault {
        line,
        column: own + 1,
        code: "DB1001",
        message,
        help,
    };
    let mut before = (0..line - 1).rev().filter(above);
    let (inner, previous) = body(lines[before.next()?]);
    if own > inner {
        let (_, value) = previous.split_once(": ")?;
        let value = value.split(" #").next().unwrap_or_default().trim();
        let goes_on = value.is_empty() || value.starts_with(['|', '>']);
        if goes_on || unbalanced(value).is_some() {
            return None;
        }
        let message = "缩进比上一行多，而上一行已经有值".to_owned();
        return Some(fault(message, format!("与上一行对齐：前面空 {inner} 格")));
    }
    let mut open: Vec<usize> = Vec::new();
    for at in (0..line - 1).rev().filter(above) {
        let (outer, inner) = (indent(lines[at]), body(lines[at]).0);
        for column in [inner, outer] {
            if open.last().is_none_or(|last| column < *last) {
                open.push(column);
            }
        }
    }
    if open.contains(&own) {
        return None;
    }
    let near: Vec<String> = [
        open.iter().rev().find(|column| **column > own),
        open.iter().find(|column| **column < own),
    ]
    .into_iter()
    .flatten()
    .map(ToString::to_string)
    .collect();
    let message = format!("缩进 {own} 格，与上面各行都对不上");
    Some(fault(message, format!("改为前面空 {} 格", near.join(" 格或 "))))
}

/// Something that is open where YAML stumbled.
struct Frame {
    open: char,
    /// Where its present entry begins.
    start: usize,
    /// The key of the entry, and where its value begins.
    value: Option<(String, usize)>,
}

/// The expression around a column (from 1) with its key, in quotes; `None` where nothing there
/// needs them.
pub(crate) fn quoted_at(line: &str, column: usize) -> Option<String> {
    let letters: Vec<char> = line.chars().collect();
    let begin = body(line).0;
    let mut frames = vec![Frame { open: ' ', start: begin, value: None }];
    let mut text: Option<char> = None;
    for (at, letter) in letters.iter().enumerate().take(column.saturating_sub(1)).skip(begin) {
        let (before, after) =
            (at.checked_sub(1).and_then(|at| letters.get(at)), letters.get(at + 1));
        match (text, *letter) {
            (Some(mark), letter) if letter == mark => text = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => text = Some(*letter),
            (None, '{' | '[' | '(') => {
                let open = if before == Some(&'#') { '(' } else { *letter };
                frames.push(Frame { open, start: at + 1, value: None });
            }
            (None, '}' | ']' | ')') if frames.len() > 1 => drop(frames.pop()),
            (None, ',') => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.open != '(') {
                    (frame.start, frame.value) = (at + 1, None);
                }
            }
            (None, ':') if after == Some(&' ') => {
                let Some(frame) = frames.last_mut().filter(|frame| "{ ".contains(frame.open))
                else {
                    continue;
                };
                let key: String = letters[frame.start..at].iter().collect();
                if frame.value.is_none() && !key.trim().is_empty() && !key.trim().contains(' ') {
                    frame.value = Some((key.trim().to_owned(), at + 1));
                }
            }
            _ => {}
        }
    }
    let depth = frames.iter().rposition(|frame| frame.value.is_some())?;
    let (key, start) = frames[depth].value.clone()?;
    let in_flow = depth > 0 || line.trim_end().ends_with(',');
    let rest = |from: usize| letters[from..].iter().collect::<String>();
    let whole = rest(start);
    let whole = if in_flow { balanced_prefix(whole.trim_start()) } else { whole.trim() };
    if let Some(item) = frames.get(depth + 1).filter(|frame| frame.open == '[' && is_list(whole)) {
        let item = rest(item.start);
        return Some(quote(balanced_prefix(item.trim_start())));
    }
    // A quote that nothing closes is another fault.
    let is_open = whole.starts_with(['"', '\'']) && unbalanced(whole).is_some();
    (needs_quotes(whole) && !is_open).then(|| format!("{key}: {}", quote(whole)))
}

/// Whether a text is one list from its first character to its last.
fn is_list(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| unbalanced(inner).is_none())
}

/// Characters for which YAML has a use of its own inside or at the start of a plain text.
const SPECIAL: &[char] =
    &[',', ':', '#', '?', '{', '[', '!', '&', '*', '@', '%', '`', '|', '>', '"', '\''];

fn needs_quotes(value: &str) -> bool {
    let quoted = value.len() > 1
        && ['"', '\''].iter().any(|mark| {
            value.starts_with(*mark) && value.ends_with(*mark) && value.matches(*mark).count() == 2
        });
    !quoted && value.contains(SPECIAL) && !value.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_at_the_fault_is_quoted_and_nothing_around_it() {
        let check = |line: &str, at: &str, expected: &str| {
            let column = line[..line.find(at).unwrap()].chars().count() + 1;
            assert_eq!(quoted_at(line, column).unwrap_or_default(), expected, "{line}");
        };
        check("    each: [unit] + x", "+ x", "each: \"[unit] + x\"");
        check("- when: a ? \"x\" : 1", " : 1", "when: 'a ? \"x\" : 1'");
        check("title: \"a: b\"", "a: b", "");
        let map = "i: { unit: \"%\", value: [a, b].len() + 1, target: 3 }";
        check(map, ".len", "value: \"[a, b].len() + 1\"");
        check(
            "i: { 单位: \"%\", value: \"a\" + f(b, c), t: 3 }",
            "+ f",
            "value: '\"a\" + f(b, c)'",
        );
        check("i: { v: { w: [a] + b }, t: 3 }", "+ b", "w: \"[a] + b\"");
        check("i: { to: [owner, \"x\" + b], t: 3 }", "+ b", "'\"x\" + b'");
        check("i: { to: [owner, \"x\" + b].len(), t: 3 }", "+ b", "to: '[owner, \"x\" + b].len()'");
        check("  value: [a] + b,", "+ b", "value: \"[a] + b\"");
        check("i: { v: f(#{ a: [x] }) + [b], t: 3 }", "+ [b]", "v: \"f(#{ a: [x] }) + [b]\"");
    }
}
