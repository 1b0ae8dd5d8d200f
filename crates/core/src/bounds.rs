//! What a command may not hold: dates beyond the years that anybody means.
//!
//! A year typed as "22" is taken by a browser for the year 22. What is once in the log stays
//! there, so hosts ask here before they decide. Facts that are stored are never asked.

use duban_calendar::{CivilDate, Date, Instant, Tz, Window, YEAR_MAX, date_of};

use crate::command::{Act, Command, Request};
use crate::refusal::{Refusal, Why};

/// The last year in which something can be due: rungs and judgements that are counted from a date
/// lie behind it, and within the years that there are.
pub const DUE_YEAR_MAX: i32 = YEAR_MAX - 1;

/// A case is opened for a period that ended, or begins, at most so many years from now: one mistyped
/// year would open a case, and each that it asks for in its turn, for every year since.
pub const PERIOD_YEARS_AWAY_MAX: i64 = 10;

/// Checks that a case's period is near enough to the present to be meant.
///
/// # Errors
///
/// [`Refusal::OutOfRange`] for a period more than [`PERIOD_YEARS_AWAY_MAX`] years away from `today`.
pub(crate) fn check_period_is_near(period: Option<Window>, today: Date) -> Result<(), Refusal> {
    let days_max = PERIOD_YEARS_AWAY_MAX * 366;
    let is_near = |period: &Window| {
        (today - period.end).num_days() <= days_max && (period.start - today).num_days() <= days_max
    };
    if period.as_ref().is_none_or(is_near) {
        return Ok(());
    }
    let range = Why::new("a period within ten years of now", "距今十年以内的期间");
    Err(Refusal::OutOfRange { what: "period", range })
}

/// Checks every date that a command brings along; `tz` is the time zone of its suite.
///
/// # Errors
///
/// [`Refusal::OutOfRange`] names the first that lies outside [`CivilDate::RANGE`]; of due dates, the
/// first after [`DUE_YEAR_MAX`].
pub fn check_bounds(command: &Command, tz: Tz) -> Result<(), Refusal> {
    match &command.request {
        Request::Open(open) => match open.name.period {
            Some(period) if !period.is_civil() => Err(beyond("period")),
            _ => Ok(()),
        },
        Request::Move(act) => check_act(act, tz),
        // Nothing that a caller writes.
        Request::Operate(_) | Request::Signal(_) => Ok(()),
    }
}

fn check_act(act: &Act, tz: Tz) -> Result<(), Refusal> {
    let (what, at) = match act {
        Act::AskExtension { until, .. } => return check_due("until", Some(*until), tz),
        Act::Suspend { until, .. } | Act::AskSuspension { until, .. } => ("until", *until),
        Act::Reopen { due, .. } | Act::Return { due, .. } => return check_due("due", *due, tz),
        Act::SetDue { due, .. } => return check_due("due", Some(*due), tz),
        Act::Sign { .. }
        | Act::Report { .. }
        | Act::Submit { .. }
        | Act::Withdraw { .. }
        | Act::Accept { .. }
        | Act::GrantExtension { .. }
        | Act::RefuseExtension { .. }
        | Act::Transfer { .. }
        | Act::Delegate { .. }
        | Act::AddCountersigner { .. }
        | Act::RemoveCountersigner { .. }
        | Act::GrantSuspension { .. }
        | Act::RefuseSuspension { .. }
        | Act::Resume { .. }
        | Act::Skip { .. }
        | Act::Cancel { .. }
        | Act::Urge { .. }
        | Act::StrikeOff { .. }
        | Act::Assign { .. }
        | Act::Retry { .. }
        | Act::AddItem { .. }
        | Act::HandToSuccessor { .. }
        | Act::FinishAsItIs { .. }
        | Act::ConsentEarlier { .. } => return Ok(()),
    };
    at.map_or(Ok(()), |at| check_instant(what, at, tz))
}

/// Checks a date that decides what is opened or kept.
///
/// # Errors
///
/// [`Refusal::OutOfRange`] with the name of the date where it lies outside [`CivilDate::RANGE`].
pub fn check_date(what: &'static str, date: Date) -> Result<(), Refusal> {
    CivilDate::try_from(date).map(|_| ()).map_err(|_| beyond(what))
}

fn check_instant(what: &'static str, at: Instant, tz: Tz) -> Result<(), Refusal> {
    CivilDate::of(at, tz).map(|_| ()).map_err(|_| beyond(what))
}

fn check_due(what: &'static str, due: Option<Instant>, tz: Tz) -> Result<(), Refusal> {
    let Some(due) = due else { return Ok(()) };
    let last = Date::from_ymd_opt(DUE_YEAR_MAX, 12, 31);
    let is_early = last.is_none_or(|last| date_of(due, tz) <= last);
    if is_early && CivilDate::of(due, tz).is_ok() {
        return Ok(());
    }
    let range = Why::new(
        "1900-01-01 to 2199-12-31; 2200 is left for what is counted from it",
        "1900 至 2199 年的日期，2200 年留给由它推算的日期",
    );
    Err(Refusal::OutOfRange { what, range })
}

fn beyond(what: &'static str) -> Refusal {
    Refusal::OutOfRange { what, range: Why::new(CivilDate::RANGE, "1900 至 2200 年的日期") }
}

#[cfg(test)]
mod tests {
    use duban_calendar::{WindowKind, end_of};
    use serde_json::Map;

    use super::*;
    use crate::command::{Actor, Open};
    use crate::ids::CaseName;

    const TZ: Tz = Tz::Asia__Shanghai;

    fn asked(date: Date) -> Vec<Request> {
        let at = end_of(date, TZ);
        let (item, reason) = (crate::ids::ItemKey::new("a"), "x".to_owned());
        let name = CaseName {
            suite: "s".into(),
            workflow: "w".into(),
            unit: "u".into(),
            period: Some(WindowKind::Month.containing(date)),
            parent: None,
            ordinal: 0,
        };
        let (until, some) = (Some(at), Some(item.clone()));
        let (one, two, three) = (item.clone(), item.clone(), item.clone());
        vec![
            Open::new(name, Map::new()).into(),
            Act::AskExtension { item: item.clone(), until: at, reason: reason.clone() }.into(),
            Act::Suspend { item: some, reason: reason.clone(), until, stops_clock: None }.into(),
            Act::AskSuspension { item: one, reason: reason.clone(), until }.into(),
            Act::Return { item: two, reason: reason.clone(), upstream: Vec::new(), due: until }
                .into(),
            Act::SetDue { item: three, reason: reason.clone(), due: at }.into(),
            Act::Reopen { item, reason, due: until }.into(),
        ]
    }

    #[test]
    fn a_period_is_within_ten_years_of_now() {
        let day = |year| Date::from_ymd_opt(year, 11, 27).unwrap();
        for (year, is_near) in
            [(2026, true), (2022, true), (2017, true), (2036, true), (2015, false), (2038, false)]
        {
            let period = WindowKind::Year.containing(day(year));
            let answer = check_period_is_near(Some(period), day(2026));
            assert_eq!(answer.is_ok(), is_near, "{year}");
        }
        assert!(check_period_is_near(None, day(2026)).is_ok());
    }

    #[test]
    fn every_date_of_every_command_lies_in_the_years() {
        let check = |year: i32, month, day| {
            let asked = asked(Date::from_ymd_opt(year, month, day).unwrap());
            let asked = asked.into_iter().map(|request| Command::new(Actor::Engine, request));
            asked.map(|command| check_bounds(&command, TZ)).collect::<Vec<_>>()
        };
        for (year, month, day) in [(1900, 1, 1), (2022, 2, 28), (DUE_YEAR_MAX, 12, 31)] {
            assert!(check(year, month, day).iter().all(Result::is_ok), "{year}");
        }
        // What is counted from a due date lies behind it.
        for answer in check(YEAR_MAX, 1, 1).into_iter().filter_map(Result::err) {
            assert!(answer.to_string().contains("1900-01-01 to 2199-12-31"), "{answer}");
        }
        assert_eq!(check(YEAR_MAX, 12, 31).iter().filter(|answer| answer.is_err()).count(), 4);
        for (year, month, day) in
            [(22, 1, 1), (1899, 12, 31), (2201, 1, 1), (2843, 6, 1), (-1, 1, 1), (10_000, 1, 1)]
        {
            for answer in check(year, month, day) {
                let refusal = answer.unwrap_err();
                assert!(refusal.to_string().contains("1900-01-01 to 2"), "{refusal}");
            }
        }
    }
}
