//! Moments and the dates they belong to, where the clocks are kind and where they are not.

use duban_calendar::{Instant, Span, Tz, date_of, end_of, local, start_of};

use crate::cn::{CHINA, date};

const SHANGHAI: Tz = Tz::Asia__Shanghai;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

#[track_caller]
fn check(zone: Tz, day: &str, start: &str, end: &str) {
    assert_eq!(start_of(date(day), zone).to_string(), start, "start of {day} in {zone}");
    assert_eq!(end_of(date(day), zone).to_string(), end, "end of {day} in {zone}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn a_day_starts_and_ends_even_where_midnight_is_skipped_or_repeated() {
    //    zone                   day           start                   end
    check(SHANGHAI,              "2022-06-30", "2022-06-29T16:00:00Z", "2022-06-30T16:00:00Z");
    // 24:00 became 01:00.
    check(Tz::America__Sao_Paulo, "2017-10-14", "2017-10-14T03:00:00Z", "2017-10-15T03:00:00Z");
    // 23:30 became 00:30 of the next day.
    check(Tz::America__Toronto,  "1919-03-30", "1919-03-30T05:00:00Z", "1919-03-31T04:30:00Z");
    // 24:00 became 23:00: the evening lasts an hour longer.
    check(Tz::America__Sao_Paulo, "2018-02-17", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z");
    // 00:01 became 23:01 of the day before: midnight counts the first time.
    check(Tz::America__St_Johns, "2010-11-06", "2010-11-06T02:30:00Z", "2010-11-07T02:30:00Z");
    // The day never was.
    check(Tz::Pacific__Apia,     "2011-12-30", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z");
}

#[test]
fn exactly_midnight_belongs_to_the_day_it_ends() {
    let end = end_of(date("2022-06-30"), SHANGHAI);
    assert_eq!(date_of(end, SHANGHAI), date("2022-06-30"));
    assert_eq!(date_of(end.plus_millis(1), SHANGHAI), date("2022-07-01"));
    assert_eq!(local(end, SHANGHAI).to_string(), "2022-07-01 00:00:00");
}

#[test]
fn spans_from_a_moment_end_with_a_day_and_hours_are_exact() {
    let half_year = end_of(date("2022-06-30"), SHANGHAI);
    let noon = at("2022-06-30T12:00:00+08:00");
    for from in [noon, half_year] {
        let (due, provisional) = CHINA.add_instant(from, Span::Workdays(10), SHANGHAI).unwrap();
        assert_eq!((date_of(due, SHANGHAI), provisional), (date("2022-07-14"), false));
    }
    let (due, _) = CHINA.add_instant(noon, Span::Hours(24), SHANGHAI).unwrap();
    assert_eq!(due, at("2022-07-01T12:00:00+08:00"));
    let (due, _) = CHINA.add_instant(noon, Span::Hours(-24), SHANGHAI).unwrap();
    assert_eq!(due, at("2022-06-29T12:00:00+08:00"));
    let (due, provisional) = CHINA.add_instant(half_year, Span::Months(1), SHANGHAI).unwrap();
    assert_eq!((due, provisional), (end_of(date("2022-07-30"), SHANGHAI), false));
}

#[test]
fn no_moment_is_too_far_to_ask_about() {
    for far in [Instant::MIN, Instant::MAX] {
        assert!(!far.to_string().is_empty());
        assert!(!local(far, SHANGHAI).to_string().is_empty());
        assert!(CHINA.add_instant(far, Span::Hours(1), SHANGHAI).is_err());
        assert!(CHINA.add_instant(far, Span::Workdays(1), SHANGHAI).is_err());
    }
    assert_eq!(Instant::MAX.plus_millis(1), Instant::MAX);
    assert_eq!(Instant::MIN.plus_millis(-1), Instant::MIN);
    for date in [duban_calendar::Date::MIN, duban_calendar::Date::MAX] {
        assert!(start_of(date, SHANGHAI) <= end_of(date, SHANGHAI));
    }
}

#[test]
fn a_moment_is_a_number_in_json() {
    let end = end_of(date("2022-06-30"), SHANGHAI);
    assert_eq!(serde_json::to_string(&end).unwrap(), "1656604800000");
    assert_eq!(serde_json::from_str::<Instant>("1656604800000").unwrap(), end);
    assert_eq!(at("2022-06-30T16:00:00.25Z").millis_since(end), 250);
    assert!("2022-06-30".parse::<Instant>().is_err());
}
