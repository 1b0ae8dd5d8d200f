//! Dates, moments, spans and windows.

use chrono::{Datelike, Timelike};
use duban_calendar::{CivilDate, Date, Instant, Span, Window, local};
use rhai::Dynamic;

use super::Host;
use super::args::{date_of, int, text};
use crate::arithmetic::BEYOND;
use crate::convert::iso_date;
use crate::frame::{Fallible, fail};
use crate::names::HostKind;

pub(super) fn register(host: &mut Host) {
    spans(host);
    dates(host);
    date_properties(host);
    instant_properties(host);
    window_properties(host);
}

fn spans(host: &mut Host) {
    type Make = fn(i64) -> Span;
    let makers: [(&str, Make); 4] = [
        ("days", Span::Days),
        ("workdays", Span::Workdays),
        ("months", Span::Months),
        ("hours", Span::Hours),
    ];
    for (name, make) in makers {
        host.function(HostKind::Function, name, 1, move |_, arguments| {
            Ok(Dynamic::from(make(int(arguments[0])?)))
        });
    }
}

fn dates(host: &mut Host) {
    host.function(HostKind::Function, "date", 3, |_, arguments| {
        let parts = (int(arguments[0])?, int(arguments[1])?, int(arguments[2])?);
        let date = civil(parts)
            .ok_or_else(|| fail(format!("{}年{}月{}日不是日期", parts.0, parts.1, parts.2)))?;
        within(date).map(Dynamic::from)
    });
    host.function(HostKind::Function, "date", 1, |frame, arguments| {
        if let Ok(date) = date_of(frame, arguments[0]) {
            return within(date).map(Dynamic::from);
        }
        let written = text(arguments[0])?;
        let date = iso_date(&written)
            .ok_or_else(|| fail(format!("{written} 不是日期；写成 2022-07-08")))?;
        within(date).map(Dynamic::from)
    });
    host.function(HostKind::Function, "workdays_between", 2, |frame, arguments| {
        let (after, upto) = (date_of(frame, arguments[0])?, date_of(frame, arguments[1])?);
        Ok(frame.calendar().workdays_between(after, upto).into())
    });
    host.function(HostKind::Function, "is_workday", 1, |frame, arguments| {
        let date = date_of(frame, arguments[0])?;
        Ok(frame.calendar().is_workday(date).into())
    });
}

/// A date that may become a fact.
fn within(date: Date) -> Fallible<Date> {
    CivilDate::try_from(date).map(CivilDate::date).map_err(|_| fail(BEYOND))
}

/// A window that may become a fact.
fn whole(window: Window) -> Fallible {
    if window.is_civil() { Ok(Dynamic::from(window)) } else { Err(fail(BEYOND)) }
}

fn civil((year, month, day): (i64, i64, i64)) -> Option<Date> {
    let (month, day) = (u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    Date::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn weekday(date: Date) -> Dynamic {
    i64::from(date.weekday().number_from_monday()).into()
}

fn number(number: u32) -> Fallible {
    Ok(i64::from(number).into())
}

fn date_properties(host: &mut Host) {
    host.property::<Date>("date", "year", |_, date| Ok(i64::from(date.year()).into()));
    host.property::<Date>("date", "month", |_, date| number(date.month()));
    host.property::<Date>("date", "day", |_, date| number(date.day()));
    host.property::<Date>("date", "weekday", |_, date| Ok(weekday(*date)));
}

fn instant_properties(host: &mut Host) {
    host.property::<Instant>("instant", "date", |frame, at| Ok(Dynamic::from(frame.date_of(*at))));
    host.property::<Instant>("instant", "year", |frame, at| {
        Ok(i64::from(frame.date_of(*at).year()).into())
    });
    host.property::<Instant>("instant", "month", |frame, at| number(frame.date_of(*at).month()));
    host.property::<Instant>("instant", "day", |frame, at| number(frame.date_of(*at).day()));
    host.property::<Instant>("instant", "weekday", |frame, at| Ok(weekday(frame.date_of(*at))));
    host.property::<Instant>("instant", "hour", |frame, at| number(local(*at, frame.tz()).hour()));
}

fn window_properties(host: &mut Host) {
    host.property::<Window>("window", "name", |_, window| Ok(window.name().into()));
    host.property::<Window>("window", "key", |_, window| Ok(window.key().into()));
    host.property::<Window>("window", "start", |_, window| Ok(Dynamic::from(window.start)));
    host.property::<Window>("window", "end", |_, window| Ok(Dynamic::from(window.end)));
    host.property::<Window>("window", "next", |_, window| whole(window.next()));
    host.property::<Window>("window", "previous", |_, window| whole(window.previous()));
}
