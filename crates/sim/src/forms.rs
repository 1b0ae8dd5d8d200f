//! Forms filled in as a person would: plausible, and mostly such that the figure is met.

use duban_calendar::Date;
use duban_model::{Field, FieldKind};
use serde_json::{Map, Value as Json, json};

/// What a form is filled in with.
pub(crate) struct Pen {
    /// The date written into date fields.
    pub(crate) date: Date,
    /// The number written into number fields.
    pub(crate) number: i64,
    /// The first number of the form is half of that: a figure that falls short.
    pub(crate) short: bool,
    /// A unit's code for unit fields.
    pub(crate) unit: String,
    /// A person's id for person fields.
    pub(crate) person: String,
}

/// Fills in every field.
pub(crate) fn fill(fields: &[Field], pen: &Pen) -> Map<String, Json> {
    let is_number = |field: &&Field| {
        matches!(field.kind, FieldKind::Number | FieldKind::Integer | FieldKind::Money)
    };
    let mut form: Map<String, Json> =
        fields.iter().map(|field| (field.name.clone(), value(field, pen, 1))).collect();
    if let Some(first) = fields.iter().find(is_number).filter(|_| pen.short) {
        form.insert(first.name.clone(), Json::from(bounded(pen.number / 2, first)));
    }
    form
}

fn value(field: &Field, pen: &Pen, row: usize) -> Json {
    let value = match &field.kind {
        FieldKind::Text => Json::from(padded(&field.title, field)),
        FieldKind::Number | FieldKind::Integer => Json::from(bounded(pen.number, field)),
        FieldKind::Money => json!(bounded(pen.number.saturating_mul(300_000), field)),
        FieldKind::Date => json!(pen.date.to_string()),
        FieldKind::Bool => json!(true),
        FieldKind::Choice(choices) => json!(choices.first()),
        FieldKind::Unit => json!(pen.unit),
        FieldKind::Person => json!(pen.person),
        FieldKind::File => json!(format!("sha256:{}", field.name)),
        FieldKind::List => {
            let names: Vec<String> = (1..=least(field).max(1))
                .map(|number| format!("{}{number}", field.title))
                .collect();
            json!(names)
        }
        FieldKind::Table(columns) => {
            let rows: Vec<Json> = (1..=least(field).max(2))
                .map(|row| Json::Object(cells(columns, pen, row)))
                .collect();
            json!(rows)
        }
    };
    match field.kind {
        FieldKind::Text => told_apart(value, row),
        _ => value,
    }
}

fn cells(columns: &[Field], pen: &Pen, row: usize) -> Map<String, Json> {
    columns.iter().map(|column| (column.name.clone(), value(column, pen, row))).collect()
}

/// Texts of a table's later rows differ, so that rows can be told apart.
fn told_apart(value: Json, row: usize) -> Json {
    match value {
        Json::String(text) if row > 1 && text.parse::<Date>().is_err() => {
            Json::String(format!("{text}{row}"))
        }
        other => other,
    }
}

fn least(field: &Field) -> usize {
    field
        .min
        .as_ref()
        .and_then(Json::as_u64)
        .and_then(|least| usize::try_from(least).ok())
        .unwrap_or(0)
}

fn padded(title: &str, field: &Field) -> String {
    let mut text = format!("{title}已落实");
    while text.chars().count() < least(field) {
        text.push('。');
    }
    text
}

fn bounded(number: i64, field: &Field) -> i64 {
    let bound = |value: &Option<Json>| value.as_ref().and_then(Json::as_i64);
    let number = bound(&field.min).map_or(number, |min| number.max(min));
    bound(&field.max).map_or(number, |max| number.min(max))
}
