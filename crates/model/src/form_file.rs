//! Reads forms: the fields filled in at submission.

use std::collections::BTreeSet;

use duban_calendar::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::definition::{Field, FieldKind};
use crate::names::identifier;
use crate::read::{Keys, Reader};
use crate::yaml::Node;

/// The spelling of every kind of field; `choice` and `table` are filled in later.
const KINDS: &[(&str, FieldKind)] = &[
    ("text", FieldKind::Text),
    ("number", FieldKind::Number),
    ("integer", FieldKind::Integer),
    ("money", FieldKind::Money),
    ("date", FieldKind::Date),
    ("bool", FieldKind::Bool),
    ("choice", FieldKind::Choice(Vec::new())),
    ("unit", FieldKind::Unit),
    ("person", FieldKind::Person),
    ("file", FieldKind::File),
    ("list", FieldKind::List),
    ("table", FieldKind::Table(Vec::new())),
];

/// Reads `form:` or `columns:`: by name a type, or a map with `type`.
pub(crate) fn read_form(r: &mut Reader<'_>, node: &Node) -> Vec<Field> {
    let entries = r.map(node);
    let fields: Vec<Field> =
        entries.iter().filter_map(|(name, field)| read_field(r, name, field)).collect();
    let names = fields.iter().flat_map(|field| field.was.iter().chain([&field.name]));
    check_once(r, node, &names.cloned().collect::<Vec<_>>());
    fields
}

fn read_field(r: &mut Reader<'_>, name: &Node, node: &Node) -> Option<Field> {
    let name = identifier(r, name)?;
    if node.entries().is_none() {
        // What is wrong with its type is told already; the name is there for expressions.
        let kind = r.choice(node, KINDS).unwrap_or(FieldKind::Text);
        check_kind(r, node, &kind);
        return Some(Field {
            title: name.clone(),
            name,
            was: Vec::new(),
            kind,
            required: false,
            min: None,
            max: None,
            pattern: None,
            past: None,
        });
    }
    let mut keys = r.keys(node)?;
    let kind = keys.require(r, "type").and_then(|node| r.choice(node, KINDS));
    let field = Field {
        title: keys.take("title").and_then(|node| r.title(node)).unwrap_or_else(|| name.clone()),
        name,
        was: keys.texts(r, "was"),
        kind: read_kind(r, &mut keys, kind),
        required: keys.flag(r, "required"),
        min: keys.take("min").map(|node| r.data(node)),
        max: keys.take("max").map(|node| r.data(node)),
        pattern: read_pattern(r, &mut keys),
        past: None,
    };
    check_bounds(r, &keys, &field);
    let past = read_past(r, &mut keys, &field);
    keys.finish(r);
    Some(Field { past, ..field })
}

/// Bounds between which no value lies.
fn check_bounds(r: &mut Reader<'_>, keys: &Keys<'_>, field: &Field) {
    let (Some(min), Some(max)) = (&field.min, &field.max) else { return };
    let is_crossed = match field.kind {
        FieldKind::Date => crossed(min, max, |bound| bound.as_str()?.parse::<Date>().ok()),
        FieldKind::Number | FieldKind::Integer | FieldKind::Money => {
            crossed(min, max, |bound| match bound {
                Value::Number(number) => number.to_string().parse::<Decimal>().ok(),
                Value::String(text) => text.parse().ok(),
                _ => None,
            })
        }
        // Of texts, lists and tables it is how long they are.
        _ => crossed(min, max, Value::as_u64),
    };
    if is_crossed {
        let plain = |bound: &Value| bound.as_str().map_or_else(|| bound.to_string(), str::to_owned);
        let message = format!("`min: {}` 大于 `max: {}`，填什么都不合要求", plain(min), plain(max));
        let node = keys.key("min").unwrap_or(keys.node);
        r.error_help("DB1226", node, message, "对调两个数，或去掉其中一个");
    }
}

fn crossed<T: PartialOrd>(min: &Value, max: &Value, read: impl Fn(&Value) -> Option<T>) -> bool {
    matches!((read(min), read(max)), (Some(min), Some(max)) if min > max)
}

fn read_past(r: &mut Reader<'_>, keys: &mut Keys<'_>, field: &Field) -> Option<bool> {
    let node = keys.take("past")?;
    if field.kind != FieldKind::Date {
        r.error("DB1219", node, "`past` 只与 `type: date` 同用");
    }
    r.flag(node)
}

/// What a duty counts has happened: dates that its `counts` reads cannot lie in the future, unless
/// the author says otherwise.
pub(crate) fn past_where_counted(fields: &mut [Field], counts: &str) {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let words: BTreeSet<&str> = counts.split(|letter| !is_part(letter)).collect();
    for field in fields.iter_mut().filter(|field| field.kind == FieldKind::Date) {
        if field.past.is_none() && words.contains(field.name.as_str()) {
            field.past = Some(true);
        }
    }
}

fn read_kind(r: &mut Reader<'_>, keys: &mut Keys<'_>, kind: Option<FieldKind>) -> FieldKind {
    let choices = keys.take("choices");
    let columns = keys.take("columns");
    let misplaced = match &kind {
        Some(FieldKind::Choice(_)) => columns,
        Some(FieldKind::Table(_)) => choices,
        Some(_) => choices.or(columns),
        None => None,
    };
    if let Some(node) = misplaced {
        let message = "`choices` 只与 `type: choice` 同用，`columns` 只与 `type: table` 同用";
        r.error("DB1219", node, message);
    }
    let kind = match kind {
        Some(FieldKind::Choice(_)) => {
            FieldKind::Choice(choices.map(|node| r.texts(node)).unwrap_or_default())
        }
        Some(FieldKind::Table(_)) => {
            FieldKind::Table(columns.map(|node| read_form(r, node)).unwrap_or_default())
        }
        other => return other.unwrap_or(FieldKind::Text),
    };
    check_kind(r, keys.node, &kind);
    kind
}

fn check_kind(r: &mut Reader<'_>, node: &Node, kind: &FieldKind) {
    match kind {
        FieldKind::Choice(choices) if choices.is_empty() => {
            r.error("DB1012", node, "`type: choice` 要有 `choices`");
        }
        FieldKind::Choice(choices) => check_once(r, node, choices),
        FieldKind::Table(columns) if columns.is_empty() => {
            r.error("DB1012", node, "`type: table` 要有 `columns`");
        }
        _ => {}
    }
}

/// Reports texts that stand in a list twice.
pub(crate) fn check_once(r: &mut Reader<'_>, node: &Node, texts: &[String]) {
    let mut seen = BTreeSet::new();
    for text in texts {
        if !seen.insert(text) {
            r.error("DB1213", node, format!("`{text}` 写了两次"));
        }
    }
}

/// What a compiled pattern may take, in bytes: a text is matched in steps of its length times
/// this.
const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// The pattern of a form's field, to be met by the whole text.
///
/// # Errors
///
/// It is no regular expression, or takes more than 64 KiB when it is compiled.
pub fn whole_pattern(pattern: &str) -> Result<regex_lite::Regex, regex_lite::Error> {
    let build =
        |text: &str| regex_lite::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
    // By itself first: brackets of its own must not close those around it.
    build(pattern)?;
    build(&format!("^(?:{pattern})$"))
}

fn read_pattern(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<String> {
    let node = keys.take("pattern")?;
    let pattern = r.text(node)?;
    if let Err(error) = whole_pattern(&pattern) {
        r.error("DB1214", node, format!("`{pattern}` 不是正则表达式：{error}"));
    }
    Some(pattern)
}
