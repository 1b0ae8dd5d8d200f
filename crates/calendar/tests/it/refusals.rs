//! What a calendar refuses, and what it keeps through serialization.

use chrono::Weekday;
use duban_calendar::{Calendar, CalendarError, Roll, Span, Workweek, YearCalendar};

use crate::cn::{CHINA, date, days, notices};

fn notice(year: i32, off: &str, on: &str) -> YearCalendar {
    let (off, on) = (days("春节", off), days("春节", on));
    YearCalendar { year, notice: "test".to_owned(), off, on }
}

#[track_caller]
fn check(years: Vec<YearCalendar>, message: &str) {
    let built = Calendar::new("cn", years).map(|calendar| calendar.version());
    assert_eq!(built.unwrap_err().to_string(), message);
}

#[test]
#[rustfmt::skip] // Rows line up.
fn a_wrong_notice_is_refused_with_its_date() {
    check(vec![notice(2022, "2022-02-01", ""), notice(2022, "2022-02-02", "")],
        "calendar `cn` has the year 2022 twice");
    check(vec![notice(2022, "2022-02-01 2022-02-01", "")],
        "2022-02-01 is listed twice (year 2022 and year 2022)");
    check(vec![notice(2022, "2022-12-31", ""), notice(2023, "2022-12-31", "")],
        "2022-12-31 is listed twice (year 2022 and year 2023)");
    check(vec![notice(2022, "2022-01-29", "2022-01-29")],
        "2022-01-29 is listed both as off and as worked");
    check(vec![notice(2022, "", "2022-01-28")],
        "2022-01-28 is listed as worked, but is a Friday and worked anyway");
    check(vec![notice(2022, "2021-12-24", "")],
        "2021-12-24 is not in 2022, nor in the last days (from 25 December) of the year before");
    check(vec![notice(2022, "2023-01-01", "")],
        "2023-01-01 is not in 2022, nor in the last days (from 25 December) of the year before");
    check(vec![notice(1899, "", "")],
        "the year 1899 lies outside 1900 to 2200");
}

#[test]
fn questions_beyond_the_limits_are_refused_with_the_limit() {
    let ask = |from: &str, span| CHINA.add(date(from), span).unwrap_err().to_string();
    let max = "is more than 10000 units";
    assert_eq!(ask("2022-01-01", Span::Workdays(10_001)), format!("10001 workdays {max}"));
    assert!(ask("2022-01-01", Span::Months(i64::MIN)).ends_with(max));
    assert!(CHINA.sub(date("2022-01-01"), Span::Days(i64::MIN)).is_err());
    let years = "outside the years 1900 to 2200";
    assert_eq!(ask("1899-12-31", Span::Days(1)), format!("1899-12-31 lies {years}"));
    assert_eq!(
        ask("2200-12-31", Span::Workdays(1)),
        format!("1 workday from 2200-12-31 lies {years}")
    );
    assert!(ask("1900-01-01", Span::Workdays(-1)).ends_with(years));
    assert!(ask("2199-01-01", Span::Months(24)).ends_with(years));
    assert_eq!(
        ask("2022-01-01", Span::Hours(1)),
        "1 hour cannot be counted from a date, only from an instant"
    );
    let long = CHINA.explain_between(date("1900-01-01"), date("2000-01-01"));
    assert_eq!(long, Err(CalendarError::TooLongToExplain { days: 36_524 }));
}

#[test]
fn dates_beyond_the_limits_never_panic() {
    for far in [duban_calendar::Date::MIN, date("1899-12-30"), duban_calendar::Date::MAX] {
        for roll in [Roll::Forward, Roll::Backward, Roll::KthAfter(u32::MAX)] {
            assert_eq!(CHINA.roll(far, roll).date, far);
        }
        assert_eq!(CHINA.roll(far, Roll::None).date, far);
        assert_eq!(CHINA.workdays_between(far, far), 0);
        assert!(!CHINA.why(far).zh().is_empty());
    }
    assert!(CHINA.is_provisional(date("1899-01-01"), date("2201-01-01")));
}

#[test]
#[rustfmt::skip] // Rows line up.
fn days_in_files_are_read_strictly() {
    for wrong in ["", "2022-2-1", "2022-02-30", "2022-02-02..2022-02-01", "2022-01-01..2023-06-01",
        "2022-01-01...2022-01-03", "1899-12-31", "+2022-01-01", "2022-01-01.."] {
        assert!(Calendar::parse_days(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Calendar::parse_days("2021-12-31..2022-01-01").unwrap(),
        [date("2021-12-31"), date("2022-01-01")]);
    assert_eq!(Calendar::parse_days("2022-01-01").unwrap(), [date("2022-01-01")]);
}

#[test]
fn a_calendar_survives_serialization() {
    let json = serde_json::to_string(&*CHINA).unwrap();
    let read: Calendar = serde_json::from_str(&json).unwrap();
    assert_eq!(read, *CHINA);
    assert_eq!(read.version(), CHINA.version());
    assert_eq!(read.add(date("2026-02-12"), Span::Workdays(5)).unwrap().date, date("2026-02-26"));
    assert!(
        serde_json::from_str::<Calendar>(&json.replace("\"workweek\":31", "\"workweek\":0"))
            .is_err()
    );
}

#[test]
fn a_version_names_the_content_and_not_its_order() {
    let mut years = notices();
    years.reverse();
    for year in &mut years {
        year.off.reverse();
    }
    assert_eq!(Calendar::new("cn", years.clone()).unwrap().version(), CHINA.version());
    years[0].off.pop();
    assert_ne!(Calendar::new("cn", years).unwrap().version(), CHINA.version());
    assert!(CHINA.version().starts_with("cn@"));
}

#[test]
fn another_working_week_decides_what_can_be_made_up() {
    let six = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];
    let six = Workweek::of(&six).unwrap();
    assert_eq!(Workweek::of(&[]), Err(CalendarError::EmptyWorkweek));
    assert!(matches!(CHINA.with_workweek(six), Err(CalendarError::WorkedAnyway { .. })));
    let plain = Calendar::weekdays_only("plain").with_workweek(six).unwrap();
    assert!(plain.is_workday(date("2022-07-02")));
    assert!(plain.covers(2022) && !plain.is_workday(date("2022-07-03")));
}

#[test]
fn every_notice_has_a_number() {
    assert_eq!(
        CHINA.years().map(|year| year.year).collect::<Vec<_>>(),
        Vec::from_iter(2004..=2026)
    );
    assert!(CHINA.years().all(|year| year.notice.contains("发明电〔")));
    assert!(!CHINA.covers(2003) && !CHINA.covers(2027));
}
