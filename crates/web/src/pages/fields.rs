//! Fields of forms: shown as inputs, read back from what a browser sends.

use std::collections::BTreeMap;

use duban_model::{Directory, Field, FieldKind, says_nothing};
use serde_json::{Map, Value as Json};

/// Empty rows that a table offers.
const ROWS: usize = 8;

/// What a form sent, by the name of its input.
pub(crate) type Sent = BTreeMap<String, Vec<String>>;

/// One input.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) kind: &'static str,
    pub(crate) required: bool,
    pub(crate) value: String,
    pub(crate) choices: Vec<String>,
    pub(crate) columns: Vec<Self>,
    pub(crate) rows: Vec<Vec<Self>>,
    pub(crate) hint: String,
    /// What is wrong with what was sent; empty: nothing.
    pub(crate) problem: String,
}

fn input(name: String, field: &Field, value: String) -> Input {
    let bounds = [("至少", &field.min), ("至多", &field.max)];
    let hint = bounds
        .iter()
        .filter_map(|(word, bound)| Some(format!("{word} {}", text(bound.as_ref()?))))
        .chain((field.past == Some(true)).then(|| "不晚于今天".to_owned()));
    let hint: Vec<String> = hint.collect();
    let (kind, choices) = match &field.kind {
        FieldKind::Text => ("text", Vec::new()),
        FieldKind::Number | FieldKind::Money => ("decimal", Vec::new()),
        FieldKind::Integer => ("integer", Vec::new()),
        FieldKind::Date => ("date", Vec::new()),
        FieldKind::Bool => ("bool", Vec::new()),
        FieldKind::Choice(choices) => ("choice", choices.clone()),
        FieldKind::Unit => ("unit", Vec::new()),
        FieldKind::Person => ("person", Vec::new()),
        FieldKind::File => ("file", Vec::new()),
        FieldKind::List => ("list", Vec::new()),
        FieldKind::Table(_) => ("table", Vec::new()),
    };
    Input {
        name,
        title: field.title.clone(),
        kind,
        required: field.required,
        value,
        choices,
        columns: Vec::new(),
        rows: Vec::new(),
        hint: hint.join("，"),
        problem: String::new(),
    }
}

/// The inputs of some fields, filled with an earlier form.
pub(crate) fn inputs(fields: &[Field], earlier: &Map<String, Json>) -> Vec<Input> {
    let one = |field: &Field| {
        let name = format!("f.{}", field.name);
        let before = earlier.get(&field.name);
        let mut shown = input(name.clone(), field, before.map(text).unwrap_or_default());
        if let FieldKind::Table(columns) = &field.kind {
            let given = before.and_then(Json::as_array).cloned().unwrap_or_default();
            shown.columns =
                columns.iter().map(|column| input(String::new(), column, String::new())).collect();
            shown.rows = (0..given.len() + ROWS)
                .map(|row| {
                    let cell = |column: &Field| {
                        let value = given.get(row).and_then(|row| row.get(&column.name));
                        let name = format!("{name}.{row}.{}", column.name);
                        input(name, column, value.map(text).unwrap_or_default())
                    };
                    columns.iter().map(cell).collect()
                })
                .collect();
        }
        shown
    };
    fields.iter().map(one).collect()
}

/// Puts back what was sent in a form that was not taken.
pub(crate) fn refill(input: &mut Input, sent: &Sent) {
    for cell in input.rows.iter_mut().flatten() {
        refill(cell, sent);
    }
    let Some(given) = sent.get(&input.name).and_then(|values| values.first()) else { return };
    input.value = match (input.kind, given.as_str()) {
        ("bool", "true") => "是".to_owned(),
        ("bool", "false") => "否".to_owned(),
        _ => given.clone(),
    };
}

/// A value as people read it.
pub(crate) fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "是".to_owned(),
        Json::Bool(false) => "否".to_owned(),
        Json::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("\n"),
        Json::Object(map) => map.values().map(text).collect::<Vec<_>>().join("，"),
        Json::Number(number) => number.to_string(),
    }
}

/// The form that a browser sent for some fields. Whether it fits is for the case to say.
pub(crate) fn read(fields: &[Field], sent: &Sent, directory: &Directory) -> Map<String, Json> {
    let mut form = Map::new();
    for field in fields {
        let name = format!("f.{}", field.name);
        let value = match &field.kind {
            FieldKind::Table(columns) => table(columns, &name, sent, directory),
            _ => scalar(field, sent.get(&name), directory),
        };
        if let Some(value) = value {
            form.insert(field.name.clone(), value);
        }
    }
    form
}

fn scalar(field: &Field, given: Option<&Vec<String>>, directory: &Directory) -> Option<Json> {
    let given = given?.first()?.trim();
    if says_nothing(given) {
        return None;
    }
    Some(match &field.kind {
        FieldKind::Bool => Json::Bool(given == "true"),
        FieldKind::List => {
            let lines = given.lines().map(str::trim).filter(|line| !says_nothing(line));
            lines.map(|line| Json::String(line.to_owned())).collect()
        }
        // People write names; codes and ids are kept.
        FieldKind::Unit => {
            let mut named = directory.units_named(given);
            match (named.next(), named.next()) {
                (Some(unit), None) => Json::String(unit.id.to_string()),
                _ => Json::String(given.to_owned()),
            }
        }
        FieldKind::Person => {
            let mut named = directory.data().people.iter().filter(|one| one.name == given);
            match (named.next(), named.next()) {
                (Some(person), None) => Json::String(person.id.to_string()),
                _ => Json::String(given.to_owned()),
            }
        }
        _ => Json::String(given.to_owned()),
    })
}

fn table(columns: &[Field], name: &str, sent: &Sent, directory: &Directory) -> Option<Json> {
    let prefix = format!("{name}.");
    let mut numbers: Vec<usize> = sent
        .keys()
        .filter_map(|key| key.strip_prefix(&prefix)?.split_once('.')?.0.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut rows = Vec::new();
    for number in numbers {
        let mut row = Map::new();
        for column in columns {
            let given = sent.get(&format!("{prefix}{number}.{}", column.name));
            if let Some(value) = scalar(column, given, directory) {
                row.insert(column.name.clone(), value);
            }
        }
        if !row.is_empty() {
            rows.push(Json::Object(row));
        }
    }
    (!rows.is_empty()).then_some(Json::Array(rows))
}
