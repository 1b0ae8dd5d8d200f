//! The parts of a script that are code: what lies outside strings and comments.

/// A run of code without a string or comment in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Piece<'s> {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    /// Line and column of its first character, from 1.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: &'s str,
}

impl Piece<'_> {
    /// Its characters, each with its place in bytes from the beginning of the piece, its line and
    /// its column.
    pub(crate) fn letters(&self) -> impl Iterator<Item = (usize, usize, usize, char)> + '_ {
        let (mut line, mut column) = (self.line, self.column);
        self.text.char_indices().map(move |(at, letter)| {
            let found = (at, line, column, letter);
            if letter == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
            found
        })
    }
}

/// What a character belongs to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Code,
    /// Between two of these marks.
    Text(char),
    Line,
    /// Comments may lie in each other this deep.
    Block(u32),
}

/// Every piece of code, also inside `${…}` of templates.
pub(crate) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    // Code inside `${…}` of a template goes on until its own brace closes.
    let mut templates: Vec<u32> = Vec::new();
    let mut part = Part::Code;
    let (mut line, mut column) = (1, 1);
    let mut start = Some((0, line, column));
    let mut letters = source.char_indices().peekable();
    let mut close = |start: &mut Option<(usize, usize, usize)>, end: usize| {
        if let Some((start, line, column)) = start.take()
            && start < end
        {
            found.push(Piece { start, line, column, text: &source[start..end] });
        }
    };
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map_or(' ', |(_, next)| *next);
        let was_code = part == Part::Code;
        let mut skip = false;
        match (part, letter) {
            (Part::Code, '/') if next == '/' => part = Part::Line,
            (Part::Code, '/') if next == '*' => (part, skip) = (Part::Block(0), true),
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
            (Part::Text('`'), '$') if next == '{' => {
                templates.push(0);
                (part, skip) = (Part::Code, true);
            }
            (Part::Text(mark), '\\') if mark != '`' => skip = true,
            (Part::Text(mark), _) if mark == letter => part = Part::Code,
            (Part::Line, '\n') => part = Part::Code,
            (Part::Block(depth), '/') if next == '*' => {
                (part, skip) = (Part::Block(depth + 1), true);
            }
            (Part::Block(depth), '*') if next == '/' => {
                part = depth.checked_sub(1).map_or(Part::Code, Part::Block);
                skip = true;
            }
            _ => {}
        }
        if was_code && part != Part::Code {
            close(&mut start, at);
        }
        let mut end = at + letter.len_utf8();
        let skipped = if skip { letters.next() } else { None };
        end += skipped.map_or(0, |(_, skipped)| skipped.len_utf8());
        for passed in [Some(letter), skipped.map(|(_, skipped)| skipped)].into_iter().flatten() {
            (line, column) = if passed == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        if !was_code && part == Part::Code {
            start = Some((end, line, column));
        }
    }
    close(&mut start, source.len());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(usize, usize, &str)]) {
        let found: Vec<_> =
            pieces(source).iter().map(|piece| (piece.line, piece.column, piece.text)).collect();
        assert_eq!(found, expected, "{source}");
        for piece in pieces(source) {
            assert!(source[piece.start..].starts_with(piece.text), "{source}");
        }
    }

    #[test]
    fn strings_and_comments_are_no_code() {
        check("a", &[(1, 1, "a")]);
        check("log(\"你\\\"好\") + b", &[(1, 1, "log("), (1, 11, ") + b")]);
        check("// 一\nb /* 二 /* 三 */ 四 */ c", &[(2, 1, "b "), (2, 20, " c")]);
        check("`共${f({1})}项` + '一'", &[(1, 5, "f({1})"), (1, 14, " + ")]);
        check("\"a\nb\" c\n d", &[(2, 3, " c\n d")]);
    }
}
