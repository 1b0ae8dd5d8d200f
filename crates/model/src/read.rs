//! A small toolkit that turns nodes into typed values and collects what is wrong.
//!
//! A reader never stops: what cannot be read is reported and left out, and reading goes on.

use std::collections::BTreeMap;
use std::str::FromStr;

use duban_calendar::{CivilDate, Date};
use serde_json::Value;

use crate::dates::{is_civil, office_date};
use crate::definition::{Expr, Place};
use crate::names::is_identifier;
use crate::problem::Problem;
use crate::punctuation::{
    Unbalanced, balanced_prefix, half_width, half_width_line, quote, unbalanced,
};
use crate::wording::says_nothing;
use crate::yaml::{Kind, Node, Style};

/// The files of a suite: text by path inside the suite, for example `suite.yaml`,
/// `m01-strong-streets.yaml`, `hooks.rhai`, `tests/m01.rhai`, `directory.yaml`.
pub type Sources = BTreeMap<String, String>;

/// Collects problems while values are read.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    sources: &'s Sources,
    pub(crate) problems: Vec<Problem>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(sources: &'s Sources) -> Self {
        Self { sources, problems: Vec::new() }
    }

    /// Reports an error at a node.
    pub(crate) fn error(&mut self, code: &str, node: &Node, message: impl Into<String>) {
        self.problems.push(Problem::error(code, &node.place(), message));
    }

    /// Reports an error at a node with what was probably meant.
    pub(crate) fn error_help(
        &mut self,
        code: &str,
        node: &Node,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::error(code, &node.place(), message).with_help(help));
    }

    fn line_of(&self, node: &Node) -> &'s str {
        let text = self.sources.get(&*node.file).map_or("", String::as_str);
        text.lines().nth(node.line.saturating_sub(1)).unwrap_or_default()
    }

    /// Whether something stands there that can be read; an empty value is reported.
    pub(crate) fn filled(&mut self, node: &Node) -> bool {
        match node.kind {
            Kind::Empty => {
                self.report_empty(node);
                false
            }
            Kind::Broken => false,
            _ => true,
        }
    }

    fn report_empty(&mut self, node: &Node) {
        let line = self.line_of(node);
        let after: String = line.chars().skip(node.column + node.length).collect();
        let raw = after.trim().trim_start_matches(':').trim();
        let key: String = line.chars().skip(node.column - 1).take(node.length).collect();
        let problem = Problem::error("DB1007", &node.place(), "这里没有值");
        let looks_cut = raw.starts_with(['#', '>', '|', '!', '&']);
        let help = if looks_cut {
            format!("YAML 把 `{raw}` 读成了空值；表达式要加引号：{key}: {}", quote(raw))
        } else {
            "在冒号后面写上值，或去掉这个键".to_owned()
        };
        self.problems.push(problem.with_help(help));
    }

    /// Reports that something else was expected there.
    pub(crate) fn wrong(&mut self, node: &Node, expected: &str) {
        if !self.filled(node) {
            return;
        }
        let found = match &node.kind {
            Kind::Text(text, _) => format!("文字 `{}`", shortened(text)),
            Kind::List(_) => "列表".to_owned(),
            _ => "映射".to_owned(),
        };
        let problem =
            Problem::error("DB1013", &node.place(), format!("这里应当是{expected}，却是{found}"));
        let help = match &node.kind {
            Kind::Text(text, Style::Plain) if text.contains('：') => {
                Some(format!("冒号要用半角，后面空一格：{}", text.replacen('：', ": ", 1)))
            }
            Kind::Map(entries)
                if entries.iter().all(|(_, value)| matches!(value.kind, Kind::Empty)) =>
            {
                Some("以 `{` 开头的表达式要加引号".to_owned())
            }
            Kind::List(items) if expected.contains("表达式") => Some(list_help(items)),
            _ => None,
        };
        self.problems.push(Problem { help, ..problem });
    }

    /// What the author wrote from the node's start to the end of the value, on one line.
    fn flow_text(&self, node: &Node) -> String {
        let rest: String = self.line_of(node).chars().skip(node.column - 1).collect();
        balanced_prefix(&rest).to_owned()
    }

    /// A text.
    pub(crate) fn text(&mut self, node: &Node) -> Option<String> {
        let text = node.text().map(|text| text.trim_end().to_owned());
        if text.is_none() {
            self.wrong(node, "文字");
        }
        text
    }

    /// What people read as a name; one of blanks alone is reported.
    pub(crate) fn title(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if text.trim().is_empty() {
            self.error_help("DB1007", node, "标题是空的", "写上办事的人看得懂的名称");
            return None;
        }
        Some(text)
    }

    /// One text or a list of texts.
    pub(crate) fn texts(&mut self, node: &Node) -> Vec<String> {
        self.items(node).into_iter().filter_map(|item| self.text(item)).collect()
    }

    /// The items of a list; a single value is a list of one.
    pub(crate) fn items<'n>(&mut self, node: &'n Node) -> Vec<&'n Node> {
        match &node.kind {
            Kind::List(items) => items.iter().collect(),
            _ if self.filled(node) => vec![node],
            _ => Vec::new(),
        }
    }

    /// An expression: anything that could be rhai, checked for brackets and punctuation.
    pub(crate) fn expr(&mut self, node: &Node) -> Option<Expr> {
        let Kind::Text(text, style) = &node.kind else {
            self.wrong(node, "表达式");
            return None;
        };
        if says_nothing(text) {
            self.error_help("DB1007", node, "表达式是空的", "写上表达式，或去掉这个键");
            return None;
        }
        let place = inner_place(node, *style);
        let sound =
            self.check_punctuation(node, text, &place) && self.check_brackets(node, text, &place);
        sound.then(|| Expr { source: text.trim_end().to_owned(), place })
    }

    fn check_punctuation(&mut self, node: &Node, text: &str, place: &Place) -> bool {
        let Some(half) = half_width(text) else { return true };
        let style = node.column != place.column;
        let shown = if style || needs_quotes(&half) { quote(&half) } else { half };
        let problem = Problem::error("DB1008", place, "表达式里有全角标点");
        self.problems.push(problem.with_help(format!("写成：{shown}")));
        false
    }

    fn check_brackets(&mut self, node: &Node, text: &str, place: &Place) -> bool {
        let (offset, message) = match unbalanced(text) {
            None => return true,
            Some(Unbalanced::Open(at, mark)) => (at, format!("`{mark}` 没有闭合")),
            Some(Unbalanced::Close(at, mark)) => (at, format!("多出一个 `{mark}`")),
            Some(Unbalanced::Text) => (0, "引号没有闭合".to_owned()),
        };
        let at = shifted(place, text, offset);
        let whole = self.flow_text(node);
        let plain = matches!(node.kind, Kind::Text(_, Style::Plain));
        let cut = plain && unbalanced(&whole).is_none() && whole.len() > text.len();
        let problem = Problem::error("DB1009", &at, message);
        let help = cut.then(|| format!("YAML 在标点处截断了表达式，要加引号：{}", quote(&whole)));
        self.problems.push(Problem { help, ..problem });
        false
    }

    /// One expression or a list of them.
    pub(crate) fn exprs(&mut self, node: &Node) -> Vec<Expr> {
        self.items(node).into_iter().filter_map(|item| self.expr(item)).collect()
    }

    /// An expression for an instant, or a bare ISO date, which becomes `date("…")`.
    pub(crate) fn date_expr(&mut self, node: &Node) -> Option<Expr> {
        match node.text().map(str::trim) {
            Some(text) if looks_like_date(text) => {
                let date = self.date(node)?;
                Some(Expr { source: format!("date(\"{date}\")"), place: node.place() })
            }
            _ => self.expr(node),
        }
    }

    /// A civil date.
    pub(crate) fn date(&mut self, node: &Node) -> Option<Date> {
        let text = self.text(node)?;
        let found = iso_date(&text).and_then(|date| CivilDate::try_from(date).ok());
        if found.is_none() {
            let message = format!("`{}` 不是 1900 至 2200 年的日期", shortened(&text));
            let meant = office_date(&text).map_or("2022-12-31".to_owned(), |date| date.to_string());
            self.error_help("DB1015", node, message, format!("日期写成 {meant}"));
        }
        found.map(CivilDate::date)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, node: &Node) -> Option<bool> {
        self.choice(node, &[("true", true), ("false", false)])
    }

    /// A whole number of at least `min`.
    pub(crate) fn count(&mut self, node: &Node, min: u32) -> Option<u32> {
        let text = self.text(node)?;
        match text.parse::<u32>() {
            Ok(number) if number >= min => Some(number),
            Ok(_) => {
                self.error("DB1015", node, format!("至少是 {min}"));
                None
            }
            Err(_) => {
                self.wrong(node, "整数");
                None
            }
        }
    }

    /// One of some words.
    pub(crate) fn choice<T: Clone>(&mut self, node: &Node, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!("`{}` 不在可选值之中", shortened(&text));
            let meant = closest(&text, words.iter().copied())
                .map_or_else(String::new, |near| format!("，是否想写 `{near}`？"));
            self.error_help("DB1014", node, message, format!("可选：{}{meant}", words.join("、")));
        }
        found.map(|(_, value)| value.clone())
    }

    /// A value whose type knows its own spelling.
    pub(crate) fn parsed<T: FromStr>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let text = self.text(node)?;
        let found = text.parse().ok();
        if found.is_none() {
            let message = format!("`{}` 不在可选值之中", shortened(&text));
            self.error_help("DB1014", node, message, format!("可选：{expected}"));
        }
        found
    }

    /// The entries of a map; anything else is reported.
    pub(crate) fn map<'n>(&mut self, node: &'n Node) -> &'n [(Node, Node)] {
        if let Some(entries) = node.entries() {
            return entries;
        }
        self.wrong(node, "映射（键: 值）");
        &[]
    }

    /// The keys of a map; anything else is reported.
    pub(crate) fn keys<'n>(&mut self, node: &'n Node) -> Option<Keys<'n>> {
        if node.entries().is_none() {
            self.wrong(node, "映射（键: 值）");
            return None;
        }
        let entries = self.map(node);
        Some(Keys { node, entries, taken: vec![false; entries.len()], known: Vec::new() })
    }

    /// Plain data.
    pub(crate) fn data(&mut self, node: &Node) -> Value {
        match &node.kind {
            Kind::Empty | Kind::Broken => Value::Null,
            Kind::Text(text, Style::Plain) => {
                // Scripts read a date as a date, and what is none as a text.
                if looks_like_date(text) {
                    let _ = self.date(node);
                }
                plain_value(text)
            }
            Kind::Text(text, _) => Value::String(text.clone()),
            Kind::List(items) => items.iter().map(|item| self.data(item)).collect(),
            Kind::Map(_) => Value::Object(self.data_map(node)),
        }
    }

    /// Plain data by name.
    pub(crate) fn data_map(&mut self, node: &Node) -> serde_json::Map<String, Value> {
        let entries = self.map(node);
        entries
            .iter()
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), self.data(value))))
            .collect()
    }
}

/// A map whose keys are taken one by one; what nobody took is unknown.
#[derive(Debug)]
pub(crate) struct Keys<'n> {
    pub(crate) node: &'n Node,
    entries: &'n [(Node, Node)],
    taken: Vec<bool>,
    known: Vec<&'static str>,
}

impl<'n> Keys<'n> {
    /// The value of a key. It is known from now on.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, _)| name.text() == Some(key))?;
        self.taken[at] = true;
        Some(&self.entries[at].1)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        let found = self.take(key);
        if found.is_none() {
            let place = self.node.place();
            r.problems.push(Problem::error("DB1012", &place, format!("缺少 `{key}`")));
        }
        found
    }

    /// The key itself, where it is written.
    pub(crate) fn key(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().map(|(name, _)| name).find(|name| name.text() == Some(key))
    }

    pub(crate) fn text(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<String> {
        self.take(key).and_then(|node| r.text(node))
    }

    pub(crate) fn texts(&mut self, r: &mut Reader<'_>, key: &'static str) -> Vec<String> {
        self.take(key).map(|node| r.texts(node)).unwrap_or_default()
    }

    pub(crate) fn expr(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Expr> {
        self.take(key).and_then(|node| r.expr(node))
    }

    pub(crate) fn date_expr(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Expr> {
        self.take(key).and_then(|node| r.date_expr(node))
    }

    pub(crate) fn flag(&mut self, r: &mut Reader<'_>, key: &'static str) -> bool {
        self.take(key).and_then(|node| r.flag(node)).unwrap_or_default()
    }

    pub(crate) fn count(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<u32> {
        self.take(key).and_then(|node| r.count(node, 0))
    }

    /// What nobody took.
    pub(crate) fn rest(&mut self) -> Vec<&'n (Node, Node)> {
        let rest = self.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        let found = rest.map(|(entry, _)| entry).collect();
        self.taken.fill(true);
        found
    }

    /// Reports what nobody took.
    pub(crate) fn finish(mut self, r: &mut Reader<'_>) {
        for (key, _) in self.rest() {
            let name = key.text().unwrap_or_default();
            if name.contains(['(', ')', '[', ']', '"', '.', '=']) {
                let message = format!("`{}` 像是表达式的一部分", shortened(name));
                r.error_help("DB1010", key, message, "含有逗号或冒号的表达式要加引号");
                continue;
            }
            if let Some(half) = half_width_line(name) {
                let message = "这里用了全角标点或空格，YAML 要用半角";
                r.error_help("DB1008", key, message, format!("写成：{half}"));
                continue;
            }
            let message = format!("没有 `{}` 这个键", shortened(name));
            let help = closest(name, self.known.iter().copied()).map_or_else(
                || format!("可用的键：{}", self.known.join("、")),
                |near| format!("是否想写 `{near}`？"),
            );
            r.error_help("DB1011", key, message, help);
        }
    }
}

/// The known word nearest to a misspelt one, if one is near.
pub(crate) fn closest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let half = half_width(word).unwrap_or_else(|| word.to_owned()).replace('-', "_");
    let far = (word.chars().count() / 3).max(1);
    known
        .map(|name| (strsim::damerau_levenshtein(&half, &name.replace('-', "_")), name))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How a list is written where an expression belongs: in quotes, and its texts in quotes of their
/// own.
fn list_help(items: &[Node]) -> String {
    let written = |bare_is_text: bool| {
        let item = |item: &Node| match &item.kind {
            Kind::Text(text, Style::Plain) if is_code(text) => {
                let is_text = bare_is_text && is_identifier(text);
                if is_text { format!("\"{text}\"") } else { text.clone() }
            }
            Kind::Text(text, _) => format!("\"{}\"", text.replace('"', "\\\"")),
            _ => "…".to_owned(),
        };
        let items: Vec<String> = items.iter().map(item).collect();
        quote(&format!("[{}]", items.join(", ")))
    };
    let (expressions, texts) = (written(false), written(true));
    if expressions == texts {
        return format!("以 `[` 开头的表达式要加引号：{expressions}");
    }
    format!("以 `[` 开头的表达式要加引号：{expressions}；其中是文字的，里面再加引号：{texts}")
}

/// Whether an item of a list can be code: a name, or something with a sign of code in it.
fn is_code(text: &str) -> bool {
    let signs = ['(', ')', '.', '+', '*', '/', '<', '>', '=', '"', '\''];
    half_width(text).is_none()
        && (is_identifier(text)
            || text.contains(signs)
            || text.starts_with(|first: char| first.is_ascii_digit()))
}

/// A text short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(40).collect();
    if short.len() < text.trim_end().len() {
        short.push('…');
    }
    short
}

/// Whether a text has the shape of an ISO date.
fn looks_like_date(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

/// An ISO date in the years that are counted in.
fn iso_date(text: &str) -> Option<Date> {
    let date = looks_like_date(text).then(|| Date::from_str(text).ok()).flatten();
    date.filter(|date| is_civil(*date))
}

fn needs_quotes(text: &str) -> bool {
    text.contains([',', ':', '#', '?', '{', '[', '!', '"'])
}

/// Where the expression itself begins: inside the quotes.
fn inner_place(node: &Node, style: Style) -> Place {
    let place = node.place();
    match style {
        Style::Quoted => {
            Place { column: place.column + 1, length: place.length.saturating_sub(2), ..place }
        }
        _ => place,
    }
}

/// The place `offset` characters into a text that begins at `place`.
fn shifted(place: &Place, text: &str, offset: usize) -> Place {
    let before: Vec<char> = text.chars().take(offset).collect();
    let lines = before.iter().filter(|now| **now == '\n').count();
    let column = before.iter().rev().take_while(|now| **now != '\n').count();
    Place { line: place.line + lines, column: place.column + column, length: 1, ..place.clone() }
}

fn plain_value(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if is_number(text) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
        _ => Value::String(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|now| now.is_ascii_digit() || now == '.')
}
