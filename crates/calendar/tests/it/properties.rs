//! What holds for all dates, checked on many.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{Datelike, TimeDelta};
use duban_calendar::{Date, Roll, Span, Tz, WindowKind, date_of, end_of, start_of};
use proptest::prelude::*;

use crate::cn::{CHINA, date, notices};

/// Zones whose clocks skip or repeat midnight, and some that do not. None skips a whole day.
const ZONES: [Tz; 9] = [
    Tz::Asia__Shanghai,
    Tz::UTC,
    Tz::America__New_York,
    Tz::America__Sao_Paulo,
    Tz::America__St_Johns,
    Tz::America__Toronto,
    Tz::America__Havana,
    Tz::Asia__Beirut,
    Tz::Australia__Lord_Howe,
];

/// The days that the notices name, off and on, without the crate's own tables.
static NAMED: LazyLock<(BTreeSet<Date>, BTreeSet<Date>)> = LazyLock::new(|| {
    let years = notices();
    let off = years.iter().flat_map(|year| year.off.iter().map(|day| day.date)).collect();
    let on = years.iter().flat_map(|year| year.on.iter().map(|day| day.date)).collect();
    (off, on)
});

/// The rule itself, one day at a time. Right for the years with a notice.
fn oracle_is_workday(date: Date) -> bool {
    let (off, on) = &*NAMED;
    on.contains(&date) || (!off.contains(&date) && date.weekday().num_days_from_monday() < 5)
}

fn oracle_add(from: Date, workdays: i64) -> Date {
    let step = TimeDelta::days(workdays.signum());
    let (mut date, mut left) = (from, workdays.abs());
    while left > 0 {
        date += step;
        left -= i64::from(oracle_is_workday(date));
    }
    date
}

fn oracle_between(after: Date, upto: Date) -> i64 {
    let days = after.iter_days().skip(1).take_while(|day| *day <= upto);
    days.map(|day| i64::from(oracle_is_workday(day))).sum()
}

fn add(from: Date, workdays: i64) -> Date {
    CHINA.add(from, Span::Workdays(workdays)).unwrap().date
}

fn dates(first: &str, last: &str) -> impl Strategy<Value = Date> + use<> {
    let first = date(first);
    (0..=(date(last) - first).num_days()).prop_map(move |n| first + TimeDelta::days(n))
}

/// Dates for which two years to either side have a notice.
fn covered() -> impl Strategy<Value = Date> {
    dates("2006-01-01", "2024-12-31")
}

fn any_date() -> impl Strategy<Value = Date> {
    dates("1950-01-01", "2150-12-31")
}

#[test]
fn every_day_with_a_notice_agrees_with_the_rule() {
    for day in date("2004-01-01").iter_days().take_while(|day| day.year() <= 2026) {
        assert_eq!(CHINA.is_workday(day), oracle_is_workday(day), "{day}");
    }
}

proptest! {
    #[test]
    fn adding_agrees_with_counting_day_by_day(from in covered(), n in -400_i64..=400) {
        prop_assert_eq!(add(from, n), oracle_add(from, n));
    }

    #[test]
    fn counting_between_agrees_with_counting_day_by_day(a in covered(), b in covered()) {
        let (a, b) = (a.min(b), a.max(b));
        prop_assert_eq!(CHINA.workdays_between(a, b), oracle_between(a, b));
        prop_assert_eq!(CHINA.workdays_between(b, a), -oracle_between(a, b));
    }

    #[test]
    fn subtracting_undoes_adding_from_a_working_day(from in any_date(), n in 0_i64..=5_000) {
        let from = CHINA.roll(from, Roll::Forward).date;
        let there = add(from, n);
        prop_assert_eq!(CHINA.sub(there, Span::Workdays(n)).unwrap().date, from);
    }

    #[test]
    fn a_later_start_or_a_longer_span_never_ends_earlier(
        a in any_date(), b in any_date(), n in -500_i64..=500, more in 1_i64..=50,
    ) {
        prop_assert!(add(a.min(b), n) <= add(a.max(b), n));
        prop_assert!(add(a, n) < add(a, n + more));
    }

    #[test]
    fn between_counts_what_was_added(from in any_date(), n in 0_i64..=5_000) {
        prop_assert_eq!(CHINA.workdays_between(from, add(from, n)), n);
    }

    #[test]
    fn between_adds_up(a in any_date(), b in any_date(), c in any_date()) {
        let between = |x, y| CHINA.workdays_between(x, y);
        prop_assert_eq!(between(a, b) + between(b, c), between(a, c));
    }

    #[test]
    fn added_working_days_land_on_working_days(from in any_date(), n in 1_i64..=500) {
        prop_assert!(CHINA.is_workday(add(from, n)));
        prop_assert!(CHINA.is_workday(add(from, -n)));
    }

    #[test]
    fn rolling_lands_on_the_nearest_working_day_that_way(from in any_date()) {
        let (on, back) = (CHINA.roll(from, Roll::Forward), CHINA.roll(from, Roll::Backward));
        prop_assert!(back.date <= from && from <= on.date);
        prop_assert!(CHINA.is_workday(on.date) && CHINA.is_workday(back.date));
        let skipped = from.iter_days().take_while(|day| *day < on.date);
        prop_assert!(skipped.into_iter().all(|day| !CHINA.is_workday(day)));
        prop_assert_eq!(CHINA.roll(on.date, Roll::KthAfter(3)).date, on.date);
    }

    #[test]
    fn provisional_means_that_an_unsettled_day_was_touched(from in any_date(), n in -200_i64..=200) {
        let found = CHINA.add(from, Span::Workdays(n)).unwrap();
        let step = TimeDelta::days(n.signum());
        let days = (found.date - from).num_days().abs();
        let touched = (0..days).scan(from, |day, _| {
            *day += step;
            Some(*day)
        });
        prop_assert_eq!(found.provisional, touched.into_iter().any(|day| !CHINA.is_settled(day)));
    }

    #[test]
    fn the_explanation_counts_to_the_same_day(from in any_date(), n in -200_i64..=200) {
        let notes = CHINA.explain_add(from, n).unwrap();
        let last = notes.last().unwrap();
        prop_assert_eq!(last.date, add(from, n));
        prop_assert_eq!(last.counted.unwrap_or(0), n.abs());
    }

    #[test]
    fn months_keep_the_day_or_take_the_last_one(from in any_date(), n in -600_i64..=600) {
        let end = CHINA.add(from, Span::Months(n)).unwrap().date;
        let last_of_month = end.succ_opt().unwrap().day() == 1;
        prop_assert!(end.day() == from.day() || (last_of_month && end.day() < from.day()));
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month0());
        prop_assert_eq!(months(end) - months(from), n);
    }

    #[test]
    fn a_day_ends_within_itself(day in dates("1900-01-01", "2200-12-31"), zone in 0..ZONES.len()) {
        let zone = ZONES[zone];
        prop_assert_eq!(date_of(end_of(day, zone), zone), day);
        prop_assert!(start_of(day, zone) < end_of(day, zone));
        prop_assert_eq!(start_of(day.succ_opt().unwrap(), zone), end_of(day, zone));
        let (_, provisional) = CHINA.add_instant(end_of(day, zone), Span::Days(0), zone).unwrap();
        prop_assert!(!provisional);
    }

    #[test]
    fn windows_part_time_without_gap_or_overlap(day in any_date(), kind in 0..WindowKind::ALL.len()) {
        let window = WindowKind::ALL[kind].containing(day);
        prop_assert!(window.contains(day));
        prop_assert_eq!(window.end.succ_opt(), Some(window.next().start));
        prop_assert_eq!(window.previous().end.succ_opt(), Some(window.start));
        prop_assert_eq!(window.next().previous(), window);
        prop_assert_eq!(window.key().parse(), Ok(window));
        prop_assert_eq!(window.kind.containing(window.start), window);
        prop_assert_eq!(window.kind.containing(window.end), window);
    }

    #[test]
    fn the_windows_within_a_period_are_all_that_fit(
        a in any_date(), days in 0_i64..=1_500, kind in 0..WindowKind::ALL.len(),
    ) {
        let (kind, b) = (WindowKind::ALL[kind], a + TimeDelta::days(days));
        let inside: BTreeSet<_> = kind.within(a, b).collect();
        let fitting: BTreeSet<_> = a
            .iter_days()
            .take_while(|day| *day <= b)
            .map(|day| kind.containing(day))
            .filter(|window| a <= window.start && window.end <= b)
            .collect();
        prop_assert_eq!(inside, fitting);
    }
}
