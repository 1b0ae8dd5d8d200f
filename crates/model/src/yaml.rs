//! YAML text as a tree of nodes that know where they stand.
//!
//! Authors get the part of YAML that holds no surprises: maps, lists and texts. Tags, anchors,
//! aliases, duplicate keys and further documents are refused; no text is ever taken for a number
//! or a truth value here, that is for whoever reads it.

use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::definition::Place;
use crate::layout::{faults, quoted_at};
use crate::limits::LoadLimits;
use crate::problem::Problem;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) file: Arc<str>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
    pub(crate) kind: Kind,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A text and how it was written.
    Text(String, Style),
    /// Nothing, `~` or `null`. The node's place is that of its key.
    Empty,
    /// Something that has been reported already: readers pass over it in silence.
    Broken,
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file, without duplicates.
    Map(Vec<(Node, Node)>),
}

/// How a text was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    Block,
}

impl Node {
    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        Place {
            file: self.file.to_string(),
            line: self.line,
            column: self.column,
            length: self.length,
        }
    }

    /// Its text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text, _) => Some(text),
            _ => None,
        }
    }

    /// Its entries, if it is a map.
    pub(crate) fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key, if it is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries()?.iter().find(|(name, _)| name.text() == Some(key))?;
        Some(&entry.1)
    }

    /// How many nodes it is made of.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Self::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, value)| 1 + value.size()).sum(),
            _ => 0,
        }
    }

    /// The same place with something else in it.
    pub(crate) fn with(&self, kind: Kind) -> Self {
        Self { kind, ..self.clone_place() }
    }

    fn clone_place(&self) -> Self {
        Self {
            file: Arc::clone(&self.file),
            line: self.line,
            column: self.column,
            length: self.length,
            kind: Kind::Empty,
        }
    }
}

/// Parses one file. `None` where nothing can be read; the problems then say why.
pub(crate) fn parse(
    file: &str,
    text: &str,
    limits: LoadLimits,
    problems: &mut Vec<Problem>,
) -> Option<Node> {
    let top = Place { file: file.to_owned(), line: 1, column: 1, length: 0 };
    if text.len() > limits.bytes_max {
        let message = format!("文件有 {} 字节，上限是 {} 字节", text.len(), limits.bytes_max);
        problems.push(Problem::error("DB1006", &top, message).with_help("把内容分到几个文件里"));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree {
        file: Arc::from(file),
        text,
        events: Parser::new_from_str(text),
        limits,
        nodes: 0,
        problems,
    };
    let root = tree.document().ok().flatten();
    if root.is_none() && !problems.iter().any(|problem| problem.place.file == file) {
        problems.push(Problem::error("DB1017", &top, "文件是空的"));
    }
    root
}

/// Parsing cannot go on; the reason is among the problems.
struct Stopped;

type Next<'t> = (Event<'t>, Span);

struct Tree<'t, 'p> {
    file: Arc<str>,
    text: &'t str,
    events: Parser<'t, StrInput<'t>>,
    limits: LoadLimits,
    nodes: usize,
    problems: &'p mut Vec<Problem>,
}

impl<'t> Tree<'t, '_> {
    fn next(&mut self) -> Result<Next<'t>, Stopped> {
        match self.events.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                self.report_syntax(&error);
                Err(Stopped)
            }
            None => Err(Stopped),
        }
    }

    /// The first document; a second one is refused unread.
    fn document(&mut self) -> Result<Option<Node>, Stopped> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::DocumentStart(_) if root.is_some() => {
                    let place = self.node(span, Kind::Empty).place();
                    self.problems.push(
                        Problem::error("DB1004", &place, "一个文件里只能有一份 YAML 文档")
                            .with_help("去掉 `---`，或把后面的内容放到另一个文件"),
                    );
                    return Ok(root);
                }
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                other => {
                    let found = self.value(other, span, 0)?;
                    root = (!matches!(found.kind, Kind::Empty)).then_some(found);
                }
            }
        }
    }

    fn value(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stopped> {
        self.count(span, depth)?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let refused = self.refuse(anchor, tag.is_some(), span);
                let kind = if refused { Kind::Broken } else { scalar(&text, style) };
                Ok(self.node(span, kind))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(anchor, tag.is_some(), span);
                self.list(span, depth)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(anchor, tag.is_some(), span);
                self.map(span, depth)
            }
            _ => {
                self.refuse(1, false, span);
                Ok(self.node(span, Kind::Broken))
            }
        }
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node, Stopped> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(self.node(span, Kind::List(items))),
                (event, at) => items.push(self.value(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Stopped> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut seen = std::collections::BTreeMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(self.node(span, Kind::Map(entries))),
                (event, at) => self.value(event, at, depth + 1)?,
            };
            let (event, at) = self.next()?;
            let mut value = self.value(event, at, depth + 1)?;
            if matches!(value.kind, Kind::Empty) {
                value = key.with(Kind::Empty);
            }
            if self.accept_key(&key, &mut seen) {
                entries.push((key, value));
            }
        }
    }

    fn accept_key(
        &mut self,
        key: &Node,
        seen: &mut std::collections::BTreeMap<String, usize>,
    ) -> bool {
        let Some(text) = key.text() else {
            if !matches!(key.kind, Kind::Broken) {
                let problem = Problem::error("DB1013", &key.place(), "键必须是文字");
                let help = self.quoting_help(key.line, key.column);
                self.problems.push(Problem { help, ..problem });
            }
            return false;
        };
        if let Some(first) = seen.get(text) {
            let message = format!("键 `{text}` 重复");
            let help = format!("第一次写在第 {first} 行，保留一处");
            self.problems.push(Problem::error("DB1003", &key.place(), message).with_help(help));
            return false;
        }
        seen.insert(text.to_owned(), key.line);
        true
    }

    fn count(&mut self, span: Span, depth: usize) -> Result<(), Stopped> {
        self.nodes += 1;
        let place = || self.node(span, Kind::Empty).place();
        let problem = if depth > self.limits.depth_max {
            let message = format!("嵌套超过 {} 层", self.limits.depth_max);
            Problem::error("DB1005", &place(), message)
        } else if self.nodes > self.limits.nodes_max {
            let message = format!("文件的内容超过 {} 项", self.limits.nodes_max);
            Problem::error("DB1006", &place(), message).with_help("把内容分到几个文件里")
        } else {
            return Ok(());
        };
        self.problems.push(problem);
        Err(Stopped)
    }

    /// Reports a tag, an anchor or an alias. Answers whether there was one.
    fn refuse(&mut self, anchor: usize, tag: bool, span: Span) -> bool {
        if anchor == 0 && !tag {
            return false;
        }
        let what =
            if tag { "标签（以 `!` 开头）" } else { "锚点和别名（`&`、`*`）" };
        let place = self.node(span, Kind::Empty).place();
        let help = self.quoting_help(place.line, place.column);
        let problem = Problem::error("DB1002", &place, format!("不能使用 YAML 的{what}"));
        self.problems.push(Problem { help, ..problem });
        true
    }

    fn node(&self, span: Span, kind: Kind) -> Node {
        let length = match kind {
            Kind::List(_) | Kind::Map(_) => 1,
            _ => span.len(),
        };
        Node {
            file: Arc::clone(&self.file),
            line: span.start.line(),
            column: span.start.col() + 1,
            length,
            kind,
        }
    }

    fn source_line(&self, line: usize) -> &'t str {
        self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    fn quoting_help(&self, line: usize, column: usize) -> Option<String> {
        quoted_at(self.source_line(line), column).map(|quoted| format!("表达式要加引号：{quoted}"))
    }

    fn report_syntax(&mut self, error: &ScanError) {
        let (line, column) = (error.marker().line(), error.marker().col() + 1);
        let place =
            |line, column, length| Place { file: self.file.to_string(), line, column, length };
        // A tab is told at the end of the line before it.
        let upto = if error.info().contains("tab") { line + 1 } else { line };
        let mut found: Vec<Problem> = faults(self.text, upto)
            .into_iter()
            .map(|fault| {
                let place = place(fault.line, fault.column, 1);
                Problem::error(fault.code, &place, fault.message).with_help(fault.help)
            })
            .collect();
        if found.is_empty() {
            let message = format!("YAML 写法有误：{}", in_chinese(error));
            let problem = Problem::error("DB1001", &place(line, column, 0), message);
            let closing = || {
                let is_open = error.info().contains("in quoted scalar");
                is_open.then(|| "在这个值的末尾补上引号".to_owned())
            };
            let help = self.quoting_help(line, column).or_else(closing);
            let general = "改正这一行或上一行；含有 , : # ? { [ ! 的表达式要加引号";
            found.push(problem.with_help(help.unwrap_or_else(|| general.to_owned())));
        }
        self.problems.append(&mut found);
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Kind {
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    match (style, text) {
        (Style::Plain, "" | "~" | "null") | (Style::Block, "") => Kind::Empty,
        _ => Kind::Text(text.to_owned(), style),
    }
}

fn in_chinese(error: &ScanError) -> String {
    let known = [
        ("tabs disallowed", "缩进要用空格，不能用制表符"),
        ("mapping values are not allowed", "这里不能再出现冒号"),
        ("did not find expected ',' or '}'", "花括号没有闭合，或少了逗号"),
        ("did not find expected ',' or ']'", "方括号没有闭合，或少了逗号"),
        ("unexpected end of stream", "引号没有闭合"),
        ("invalid indentation in quoted scalar", "引号没有闭合"),
        ("invalid trailing content after", "引号后面还有内容"),
        ("found unprintable character", "有不能显示的字符"),
        ("unknown anchor", "不能使用别名（以 `*` 开头）"),
        ("did not find expected key", "这里应当是一个键：检查缩进，或给上面的值加引号"),
        ("could not find expected ':'", "少了冒号"),
        ("unexpected character", "值不能以这个字符开头"),
        ("recursion limit", "嵌套太深"),
    ];
    let info = error.info();
    let found = known.iter().find(|(english, _)| info.contains(english));
    found.map_or_else(|| info.to_owned(), |(_, chinese)| (*chinese).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut problems = Vec::new();
        let limits =
            LoadLimits { nodes_max: 50, depth_max: 8, bytes_max: 400, ..LoadLimits::DEFAULT };
        let _ = parse("a.yaml", text, limits, &mut problems);
        let lines: Vec<String> = problems
            .iter()
            .map(|found| {
                let help = found.help.as_deref().unwrap_or("-");
                format!("{}:{} {} {help}", found.place.line, found.place.column, found.code)
            })
            .collect();
        assert_eq!(lines.join("\n"), expected, "\n{text}");
    }

    #[test]
    fn what_yaml_would_swallow_is_refused_with_the_quoted_form() {
        check("when: !x\n", "1:7 DB1002 表达式要加引号：when: \"!x\"");
        check("when: &x 3\n", "1:7 DB1002 表达式要加引号：when: \"&x 3\"");
        check("t: \"abc\nb: 1\n", "1:4 DB1001 在这个值的末尾补上引号");
        check("when: *x\n", "1:7 DB1001 表达式要加引号：when: \"*x\"");
        check("each: [unit] + x\n", "1:14 DB1001 表达式要加引号：each: \"[unit] + x\"");
        check("x: a ? 1 : 2\n", "1:10 DB1001 表达式要加引号：x: \"a ? 1 : 2\"");
    }

    #[test]
    fn what_has_two_meanings_is_refused() {
        check("a: 1\nb: 2\na: 3\n", "3:1 DB1003 第一次写在第 1 行，保留一处");
        check("a: 1\n---\nb: 2\n", "2:1 DB1004 去掉 `---`，或把后面的内容放到另一个文件");
        check("[a]: 1\n", "1:1 DB1013 -");
        check("", "1:1 DB1017 -");
    }

    #[test]
    fn faults_of_lines_are_told_at_their_own_line() {
        check("a: 1\nb：2，3\n\nc: 3\n", "2:2 DB1008 写成：b: 2，3");
        check("a:\n  b: 1\n\tc: 2\n  d: 3\n", "3:1 DB1001 换成空格，与同级的行对齐");
        let help = "缩进用半角空格，与同级的行对齐";
        check("a:\n  b: 1\n　　c: 2\n  d: 3\n", &format!("3:1 DB1008 {help}"));
        check("a:\n  owner:　unit\n  due: x\n", "2:9 DB1008 写成：owner: unit");
        check("a:\n  owner:unit\n  due: x\n", "2:8 DB1001 写成：owner: unit");
        check("a: ｛ b: 1 ｝\n", "1:4 DB1008 写成：a: { b: 1 }");
        check("a:\n  b: 1\n   c: 2\nd: 3\n", "3:4 DB1001 与上一行对齐：前面空 2 格");
        check("a:\n  b: 1\n c: 2\n", "3:2 DB1001 改为前面空 2 格或 0 格");
        check("a:\n  - x: 1\n   y: 2\n", "3:4 DB1001 改为前面空 4 格或 2 格");
        // The text of a block has no separators.
        check("d: |\n  甲：乙\nb: 1\n c: 2\n", "4:2 DB1001 与上一行对齐：前面空 0 格");
    }

    #[test]
    fn in_a_flow_map_the_expression_at_the_fault_is_quoted() {
        let quoted = "1:30 DB1001 表达式要加引号：value: \"[a, b].len() + 1\"";
        check("i: { unit: \"%\", value: [a, b].len() + 1, target: 3 }\n", quoted);
        check("i: { unit: \"%\", when: !x }\n", "1:23 DB1002 表达式要加引号：when: \"!x\"");
    }

    #[test]
    fn full_width_separators_are_shown_in_half_width() {
        check("id：x\ntitle: y\n", "1:3 DB1008 写成：id: x");
    }

    #[test]
    fn limits_hold() {
        check(&"[".repeat(30), "1:10 DB1005 -");
        check(&"- a\n".repeat(60), "50:3 DB1006 把内容分到几个文件里");
        check(&"x".repeat(401), "1:1 DB1006 把内容分到几个文件里");
    }
}
