//! Reading arguments: each function names what it needed and what it got.

use duban_calendar::{Date, Instant, Span, end_of};
use duban_model::{Assignee, UnitId};
use rhai::{Dynamic, ImmutableString};

use crate::frame::{Fallible, Frame, fail};
use crate::object::{View, type_name};

fn needed(what: &str, value: &Dynamic) -> Box<rhai::EvalAltResult> {
    fail(format!("这里需要{what}，写的是{}", type_name(value)))
}

pub(super) fn int(value: &Dynamic) -> Fallible<i64> {
    value.as_int().map_err(|_| needed("整数", value))
}

pub(super) fn text(value: &Dynamic) -> Fallible<ImmutableString> {
    match View::of(value) {
        View::Text(text) => Ok(text),
        _ => Err(needed("文本", value)),
    }
}

/// A date, or the civil date of a moment.
pub(super) fn date_of(frame: &Frame, value: &Dynamic) -> Fallible<Date> {
    match View::of(value) {
        View::Date(date) => Ok(date),
        View::At(at) => Ok(frame.date_of(at)),
        _ => Err(needed("日期或时刻", value)),
    }
}

/// A moment, or the end of a date.
pub(super) fn instant(frame: &Frame, value: &Dynamic) -> Fallible<Instant> {
    match View::of(value) {
        View::At(at) => Ok(at),
        View::Date(date) => Ok(end_of(date, frame.tz())),
        _ => Err(needed("日期或时刻", value)),
    }
}

pub(super) fn span(value: &Dynamic) -> Fallible<Span> {
    match View::of(value) {
        View::Span(span) => Ok(span),
        View::Int(n) => Err(fail(format!("这里需要时长，写成 workdays({n}) 或 days({n})"))),
        _ => Err(needed("时长", value)),
    }
}

pub(super) fn unit(frame: &Frame, value: &Dynamic) -> Fallible<UnitId> {
    match View::of(value) {
        View::Unit(unit) => Ok(unit),
        View::Assignee(assignee) => frame
            .directory()
            .unit_of(&assignee)
            .ok_or_else(|| fail(format!("{} 不在任何单位", frame.directory().name_of(&assignee)))),
        View::Text(name) => {
            Err(fail(format!("这里需要单位，写的是文本；按名称取单位请写 org(\"{name}\")")))
        }
        _ => Err(needed("单位", value)),
    }
}

pub(super) fn assignee(value: &Dynamic) -> Fallible<Assignee> {
    match View::of(value) {
        View::Unit(unit) => Ok(Assignee::Unit(unit)),
        View::Assignee(assignee) => Ok(assignee),
        View::Text(name) => Err(fail(format!(
            "这里需要单位、岗位或人员，写的是文本；按名称取单位请写 org(\"{name}\")"
        ))),
        _ => Err(needed("单位、岗位或人员", value)),
    }
}

/// One assignee, a list of them (empty values are left out), or nothing.
pub(super) fn assignees(value: &Dynamic) -> Fallible<Vec<Assignee>> {
    match View::of(value) {
        View::Nil => Ok(Vec::new()),
        View::List => {
            let values = value.as_array_ref().map_err(|_| needed("列表", value))?;
            values.iter().filter(|one| !one.is_unit()).map(assignee).collect()
        }
        _ => Ok(vec![assignee(value)?]),
    }
}
