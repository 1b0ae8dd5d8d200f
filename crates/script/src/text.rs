//! Values as people read them, in Chinese: what `${…}` yields.

use chrono::{Datelike, Timelike};
use duban_calendar::{Date, Instant, end_of, local};
use rhai::Dynamic;

use crate::frame::Frame;
use crate::object::View;

/// A date, for example `2022年7月8日`.
pub(crate) fn date(value: Date) -> String {
    format!("{}年{}月{}日", value.year(), value.month(), value.day())
}

/// A moment: the date alone where it is the end of that day, otherwise with the time.
pub(crate) fn instant(frame: &Frame, at: Instant) -> String {
    let civil = frame.date_of(at);
    if at == end_of(civil, frame.tz()) {
        return date(civil);
    }
    let time = local(at, frame.tz());
    format!("{}{}时{:02}分", date(time.date()), time.hour(), time.minute())
}

/// Any value.
pub(crate) fn any(frame: &Frame, value: &Dynamic) -> String {
    match View::of(value) {
        View::Nil => String::new(),
        View::Bool(flag) => if flag { "是" } else { "否" }.to_owned(),
        View::Int(number) => number.to_string(),
        View::Decimal(number) => number.normalize().to_string(),
        View::Text(text) => text.to_string(),
        View::Date(value) => date(value),
        View::At(at) => instant(frame, at),
        View::Span(span) => span.zh(),
        View::Window(window) => window.name(),
        View::Unit(unit) => frame.directory().name_of(&duban_model::Assignee::Unit(unit)),
        View::Assignee(assignee) => frame.directory().name_of(&assignee),
        View::Item(item) => {
            item.facts.map_or_else(|| item.task.to_string(), |facts| facts.title.clone())
        }
        View::List => match value.as_array_ref() {
            Ok(values) => {
                values.iter().map(|value| any(frame, value)).collect::<Vec<_>>().join("、")
            }
            Err(_) => String::new(),
        },
        View::Map => match value.as_map_ref() {
            Ok(entries) => entries
                .iter()
                .map(|(name, value)| format!("{name}：{}", any(frame, value)))
                .collect::<Vec<_>>()
                .join("，"),
            Err(_) => String::new(),
        },
        View::Other(name) => name.to_owned(),
    }
}
