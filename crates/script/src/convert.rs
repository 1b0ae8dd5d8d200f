//! Values between rhai, JSON and [`Value`].

use std::collections::BTreeMap;

use duban_calendar::{Date, Instant, Span, Window};
use duban_model::{Assignee, Field, FieldKind, UnitId};
use rhai::{Array, Dynamic, Map};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::facts::RungValue;
use crate::object::View;
use crate::value::Value;

/// A value as rhai holds it.
pub(crate) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Nil => Dynamic::UNIT,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Decimal(number) => Dynamic::from_decimal(*number),
        Value::Text(text) => text.into(),
        Value::Date(date) => Dynamic::from(*date),
        Value::At(at) => Dynamic::from(*at),
        Value::Span(span) => Dynamic::from(*span),
        Value::Unit(unit) => Dynamic::from(unit.clone()),
        Value::Assignee(assignee) => assignee_to_dynamic(assignee),
        Value::Window(window) => Dynamic::from(*window),
        Value::List(values) => values.iter().map(to_dynamic).collect::<Array>().into(),
        Value::Map(values) => {
            let entries = values.iter().map(|(name, value)| (name.into(), to_dynamic(value)));
            entries.collect::<Map>().into()
        }
    }
}

/// An assignee as rhai holds it: a unit is a unit, so that its properties are at hand.
pub(crate) fn assignee_to_dynamic(assignee: &Assignee) -> Dynamic {
    match assignee {
        Assignee::Unit(unit) => Dynamic::from(unit.clone()),
        other => Dynamic::from(other.clone()),
    }
}

/// A rhai value as the rest of the house sees it.
///
/// # Errors
///
/// The Chinese name of a type that means something only inside scripts.
pub(crate) fn from_dynamic(value: &Dynamic) -> Result<Value, &'static str> {
    Ok(match View::of(value) {
        View::Nil => Value::Nil,
        View::Bool(flag) => Value::Bool(flag),
        View::Int(number) => Value::Int(number),
        View::Decimal(number) => Value::Decimal(number),
        View::Text(text) => Value::Text(text.to_string()),
        View::Date(date) => Value::Date(date),
        View::At(at) => Value::At(at),
        View::Span(span) => Value::Span(span),
        View::Window(window) => Value::Window(window),
        View::Unit(unit) => Value::Unit(unit),
        View::Assignee(assignee) => Value::Assignee(assignee),
        View::List => {
            let values = value.as_array_ref().map_err(|_| "列表")?;
            Value::List(values.iter().map(from_dynamic).collect::<Result<_, _>>()?)
        }
        View::Map => {
            let entries = value.as_map_ref().map_err(|_| "映射")?;
            let entry = |(name, value): (_, &Dynamic)| {
                Ok::<_, &'static str>((String::from(name), from_dynamic(value)?))
            };
            let entries = entries.iter().map(|(name, value)| (name.as_str(), value));
            Value::Map(entries.map(entry).collect::<Result<BTreeMap<_, _>, _>>()?)
        }
        other @ (View::Item(_) | View::Other(_)) => return Err(other.name()),
    })
}

/// Undeclared data as rhai holds it. A text that is an ISO date is a date.
pub(crate) fn from_json(json: &Json) -> Dynamic {
    match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => decimal(json).map_or(Dynamic::UNIT, Dynamic::from_decimal),
        },
        Json::String(text) => iso_date(text).map_or_else(|| text.into(), Dynamic::from),
        Json::Array(values) => values.iter().map(from_json).collect::<Array>().into(),
        Json::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.into(), from_json(value)));
            entries.collect::<Map>().into()
        }
    }
}

/// A form's value as its field declares it; what does not fit the declaration is empty.
pub(crate) fn from_field(field: &Field, json: Option<&Json>) -> Dynamic {
    let Some(json) = json.filter(|json| !json.is_null()) else {
        return Dynamic::UNIT;
    };
    match &field.kind {
        FieldKind::Number | FieldKind::Money => {
            decimal(json).map_or(Dynamic::UNIT, Dynamic::from_decimal)
        }
        FieldKind::Integer => json.as_i64().map_or(Dynamic::UNIT, Into::into),
        FieldKind::Date => json.as_str().and_then(iso_date).map_or(Dynamic::UNIT, Dynamic::from),
        FieldKind::Bool => json.as_bool().map_or(Dynamic::UNIT, Into::into),
        FieldKind::Unit => json.as_str().map_or(Dynamic::UNIT, |code| {
            let code = code.strip_prefix("unit:").unwrap_or(code);
            Dynamic::from(UnitId::from(code))
        }),
        FieldKind::Person => json.as_str().map_or(Dynamic::UNIT, |id| {
            let id = id.strip_prefix("person:").unwrap_or(id);
            Dynamic::from(Assignee::Person(id.into()))
        }),
        FieldKind::Text | FieldKind::Choice(_) | FieldKind::File => {
            json.as_str().map_or_else(|| from_json(json), Into::into)
        }
        FieldKind::List => {
            let texts = json.as_array().map(Vec::as_slice).unwrap_or_default().iter();
            texts
                .map(|text| text.as_str().map_or_else(|| from_json(text), Into::into))
                .collect::<Array>()
                .into()
        }
        FieldKind::Table(columns) => {
            let rows = json.as_array().map(Vec::as_slice).unwrap_or_default().iter();
            rows.map(|row| row_of(columns, row)).collect::<Array>().into()
        }
    }
}

fn row_of(columns: &[Field], row: &Json) -> Dynamic {
    let cell =
        |column: &Field| (column.name.as_str().into(), from_field(column, row.get(&column.name)));
    columns.iter().map(cell).collect::<Map>().into()
}

/// A rung's value as rhai holds it.
pub(crate) fn from_rung(value: &RungValue) -> Dynamic {
    match value {
        RungValue::Span(span) => Dynamic::from(*span),
        RungValue::Date(date) => Dynamic::from(*date),
        RungValue::Number(number) => Dynamic::from_decimal(*number),
        RungValue::Text(text) => text.into(),
    }
}

/// A rhai value as plain data.
///
/// # Errors
///
/// The Chinese name of a type that plain data cannot hold.
pub(crate) fn to_json(value: &Dynamic) -> Result<Json, &'static str> {
    Ok(match View::of(value) {
        View::Nil => Json::Null,
        View::Bool(flag) => flag.into(),
        View::Int(number) => number.into(),
        View::Decimal(number) => number.to_string().into(),
        View::Text(text) => text.as_str().into(),
        View::Date(date) => date.to_string().into(),
        View::At(at) => at.to_string().into(),
        View::Span(span) => span.to_string().into(),
        View::Window(window) => window.key().into(),
        View::Unit(unit) => unit.as_str().into(),
        View::Assignee(assignee) => assignee.to_string().into(),
        View::List => {
            let values = value.as_array_ref().map_err(|_| "列表")?;
            Json::Array(values.iter().map(to_json).collect::<Result<_, _>>()?)
        }
        View::Map => {
            let entries = value.as_map_ref().map_err(|_| "映射")?;
            let entries =
                entries.iter().map(|(name, value)| Ok((name.to_string(), to_json(value)?)));
            Json::Object(entries.collect::<Result<_, &'static str>>()?)
        }
        other @ (View::Item(_) | View::Other(_)) => return Err(other.name()),
    })
}

/// A date as `YYYY-MM-DD`.
pub(crate) fn iso_date(text: &str) -> Option<Date> {
    let shape = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    shape.then(|| text.parse().ok()).flatten()
}

fn decimal(json: &Json) -> Option<Decimal> {
    let text = match json {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
        _ => return None,
    };
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

// The custom types that rhai holds; each is cheap to clone.
const _: fn() = || {
    fn holds<T: Clone + Send + Sync + 'static>() {}
    holds::<(Date, Instant, Span, Window, UnitId, Assignee)>();
};
