//! Windows: keys, names, and the edges of years.

use duban_calendar::{Date, Window, WindowKind};

use crate::cn::date;

/// Compares the window of `kind` around `day` with its key, name, first and last day, and reads
/// it back from its key.
#[track_caller]
fn check(kind: &str, day: &str, key: &str, name: &str, first: &str, last: &str) {
    let kind: WindowKind = kind.parse().unwrap();
    let window = kind.containing(date(day));
    assert_eq!((window.key().as_str(), window.name().as_str()), (key, name));
    assert_eq!((window.start, window.end), (date(first), date(last)));
    assert_eq!(Window::parse(key), Ok(window));
    let json = serde_json::to_string(&window).unwrap();
    assert_eq!(json, format!("\"{key}\""));
    assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window);
}

#[test]
#[rustfmt::skip] // Rows line up.
fn windows_have_keys_for_machines_and_names_for_people() {
    //    kind         day           key         name              first         last
    check("year",      "2022-05-01", "2022",     "2022年",         "2022-01-01", "2022-12-31");
    check("half-year", "2022-06-30", "2022-H1",  "2022年上半年",   "2022-01-01", "2022-06-30");
    check("half-year", "2022-07-01", "2022-H2",  "2022年下半年",   "2022-07-01", "2022-12-31");
    check("quarter",   "2022-09-30", "2022-Q3",  "2022年第三季度", "2022-07-01", "2022-09-30");
    check("quarter",   "2022-12-31", "2022-Q4",  "2022年第四季度", "2022-10-01", "2022-12-31");
    check("month",     "2022-03-15", "2022-03",  "2022年3月",      "2022-03-01", "2022-03-31");
    check("month",     "2024-02-29", "2024-02",  "2024年2月",      "2024-02-01", "2024-02-29");
    check("week",      "2022-03-01", "2022-W09", "2022年第9周",    "2022-02-28", "2022-03-06");
    check("week",      "2021-01-03", "2020-W53", "2020年第53周",   "2020-12-28", "2021-01-03");
    check("week",      "2024-12-30", "2025-W01", "2025年第1周",    "2024-12-30", "2025-01-05");
}

#[test]
fn only_the_one_right_spelling_of_a_key_is_read() {
    for wrong in [
        "",
        "2022-",
        "2022-H0",
        "2022-H3",
        "2022-Q5",
        "2022-13",
        "2022-3",
        "2022-W9",
        "2022-W53",
        "22",
        "1899",
        "2201-H1",
        "2022-HH1",
        "2022-01-01",
        "+2022",
        "2022-W00",
        "2022-Q99999999999",
    ] {
        let error = Window::parse(wrong).unwrap_err();
        assert!(error.to_string().contains("`2022-W09`, years 1900 to 2200"), "{wrong}: {error}");
    }
    assert!("fortnight".parse::<WindowKind>().is_err());
}

#[test]
fn only_full_windows_lie_within_a_period() {
    let keys = |kind: WindowKind, start: &str, end: &str| -> Vec<String> {
        kind.within(date(start), date(end)).map(Window::key).collect()
    };
    assert_eq!(keys(WindowKind::HalfYear, "2022-01-01", "2022-12-31"), ["2022-H1", "2022-H2"]);
    assert_eq!(keys(WindowKind::HalfYear, "2022-01-02", "2022-12-31"), ["2022-H2"]);
    assert_eq!(keys(WindowKind::Month, "2021-11-30", "2022-01-30"), ["2021-12"]);
    assert_eq!(keys(WindowKind::Year, "2022-01-02", "2022-12-31"), [""; 0]);
    assert_eq!(keys(WindowKind::Week, "2022-12-31", "2022-01-01"), [""; 0]);
    assert_eq!(WindowKind::Week.within(date("2022-01-01"), date("2022-12-31")).count(), 51);
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for kind in WindowKind::ALL {
        for far in [Date::MIN, Date::MAX] {
            let window = kind.containing(far);
            assert!(window.contains(far));
            assert!(window.previous() <= window && window <= window.next());
        }
    }
    let last = Date::MAX;
    assert!(WindowKind::Year.within(last, last).count() <= 1);
}

#[test]
fn what_was_stored_is_read_again_whatever_its_year() {
    for year in [-200_000, -9999, -1, 0, 22, 1899, 1900, 2200, 2201, 2843, 10_000, 200_000] {
        for (month, day) in [(1, 1), (2, 28), (6, 30), (12, 31)] {
            let date = Date::from_ymd_opt(year, month, day).unwrap();
            for kind in WindowKind::ALL {
                let window = kind.containing(date);
                let json = serde_json::to_string(&window).unwrap();
                assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window, "{json}");
                // The doors take it exactly where the whole of it lies in the years.
                assert_eq!(Window::parse(&window.key()).is_ok(), window.is_civil(), "{json}");
            }
        }
    }
    for wrong in ["--1", "-0-H1", "2022-H9", "99999999999", "-262143-W99", ""] {
        assert!(serde_json::from_value::<Window>(wrong.into()).is_err(), "{wrong}");
    }
}

#[test]
fn a_week_of_two_years_is_civil_only_as_a_whole() {
    let last = WindowKind::Week.containing(date("2200-12-31"));
    assert_eq!((last.key().as_str(), last.is_civil()), ("2201-W01", false));
    assert!(WindowKind::Week.containing(date("1900-01-01")).is_civil());
    assert!(WindowKind::Year.containing(date("2200-12-31")).is_civil());
}
