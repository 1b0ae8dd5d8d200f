//! Dates worked out by hand from the notices, each with what plain weekdays would get wrong.

use duban_calendar::{Calendar, Projected, Roll, Span, Why, YearCalendar};

use crate::cn::{CHINA, date, days};

/// Asks a question in words and compares the answer.
///
/// Questions are `SPAN from DATE`, `SPAN before DATE`, `workdays between DATE and DATE`, and
/// `DATE`, each but the third with ` roll ROLL` behind it if wanted. A provisional answer has a
/// `?` behind it. The only place that knows the API.
#[track_caller]
fn check(question: &str, answer: &str) {
    assert_eq!(ask(&CHINA, question), answer, "\n{question}");
}

fn ask(calendar: &Calendar, question: &str) -> String {
    if let Some(between) = question.strip_prefix("workdays between ") {
        let (after, upto) = between.split_once(" and ").unwrap();
        return calendar.workdays_between(date(after), date(upto)).to_string();
    }
    let (question, roll) = question.split_once(" roll ").unwrap_or((question, "none"));
    let found = if let Some((span, from)) = question.split_once(" from ") {
        calendar.add(date(from), span.parse().unwrap())
    } else if let Some((span, end)) = question.split_once(" before ") {
        calendar.sub(date(end), span.parse().unwrap())
    } else {
        Ok(Projected { date: date(question), provisional: false })
    };
    match found {
        Ok(found) => rolled(calendar, found, roll.parse().unwrap()),
        Err(error) => error.to_string(),
    }
}

fn rolled(calendar: &Calendar, found: Projected, roll: Roll) -> String {
    let end = calendar.roll(found.date, roll);
    let mark = if found.provisional || end.provisional { "?" } else { "" };
    format!("{}{mark}", end.date)
}

#[test]
#[rustfmt::skip] // Rows line up.
fn working_days_follow_the_notice_and_not_the_weekdays() {
    check("5 workdays from 2026-02-12",  "2026-02-26"); // Sat 14th worked, 15th to 23rd off
    check("1 workday from 2026-02-13",   "2026-02-14"); // a working Saturday
    check("3 workdays from 2026-02-14",  "2026-02-26");
    check("10 workdays from 2026-09-18", "2026-10-09"); // Sun 20 September worked
    check("5 workdays from 2026-09-30",  "2026-10-13"); // Sat 10 October worked
    check("0 workdays from 2026-02-15",  "2026-02-15");
    check("1 workday from 2026-02-15",   "2026-02-24"); // a period may start on a day off
}

#[test]
#[rustfmt::skip] // Rows line up.
fn natural_days_and_months_stay_where_they_fall_unless_rolled() {
    check("15 days from 2026-09-18 roll forward",   "2026-10-08"); // 3 October is off
    check("30 days from 2026-01-20 roll forward",   "2026-02-24"); // 19 February is off
    check("30 days from 2026-01-20",                "2026-02-19");
    check("1 month from 2026-01-31 roll forward",   "2026-02-28"); // a working Saturday
    check("12 months from 2024-02-29",              "2025-02-28");
    check("1 month from 2026-04-05 roll forward",   "2026-05-06");
    check("1 month before 2026-03-31",              "2026-02-28");
    check("2026-10-03 roll backward",               "2026-09-30");
    check("2026-10-03 roll forward 2",              "2026-10-09");
    check("2026-10-09 roll forward 2",              "2026-10-09"); // a working day stays
}

#[test]
#[rustfmt::skip] // Rows line up.
fn reminders_count_back_over_holidays() {
    check("3 workdays before 2026-02-24",  "2026-02-12");
    check("3 workdays before 2026-10-08",  "2026-09-28");
    check("5 workdays before 2026-05-06",  "2026-04-24");
    check("10 workdays before 2026-06-30", "2026-06-15"); // Dragon Boat Festival on the 19th
}

#[test]
#[rustfmt::skip] // Rows line up.
fn lateness_is_counted_in_working_days_and_signed() {
    check("workdays between 2026-04-30 and 2026-05-09", "4");
    check("workdays between 2026-05-09 and 2026-04-30", "-4");
    check("workdays between 2026-05-09 and 2026-05-09", "0");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn years_have_the_published_number_of_working_days() {
    check("workdays between 2024-12-31 and 2025-12-31", "248");
    check("workdays between 2025-12-31 and 2026-12-31", "248");
    check("workdays between 2025-12-31 and 2026-03-31", "59");
    check("workdays between 2026-03-31 and 2026-06-30", "61");
    check("workdays between 2026-06-30 and 2026-09-30", "66");
    check("workdays between 2026-09-30 and 2026-12-31", "62");
}

#[test]
fn the_made_up_days_of_2021_are_worked() {
    let year = CHINA.years().find(|year| year.year == 2021).unwrap();
    let on: Vec<String> =
        year.on.iter().map(|day| day.date.format("%-m/%-d").to_string()).collect();
    assert_eq!(on, ["2/7", "2/20", "4/25", "5/8", "9/18", "9/26", "10/9"]);
    assert!(year.on.iter().all(|day| CHINA.is_workday(day.date)));
}

#[test]
#[rustfmt::skip] // Rows line up.
fn late_december_follows_the_notice_of_the_next_year() {
    check("1 workday from 2005-12-30", "2005-12-31"); // Saturday, by the notice for 2006
    check("1 workday from 2007-12-28", "2007-12-29"); // Saturday, by the notice for 2008
    check("2 workdays from 2007-12-28", "2008-01-02"); // Monday the 31st is off
    check("1 workday from 2011-12-30", "2011-12-31");
    check("1 workday from 2018-12-28", "2018-12-29");
    check("2022-12-31 roll forward",   "2023-01-03");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn what_no_notice_settles_is_provisional() {
    check("5 workdays from 2026-12-17",  "2026-12-24");  // settled to the last day
    check("5 workdays from 2026-12-18",  "2026-12-25?"); // the notice for 2027 may change it
    check("10 workdays from 2026-12-28", "2027-01-12?"); // 1 January is assumed off
    check("1 workday from 2028-04-28",   "2028-05-03?"); // and so are 1 and 2 May
    check("1 workday from 2027-09-30",   "2027-10-04?"); // and 1 to 3 October
    check("15 days from 2026-12-28",     "2027-01-12");
    check("2 months from 2026-12-28",    "2027-02-28");
    check("15 days from 2026-12-28 roll forward",  "2027-01-12?");
    check("2027-01-01 roll backward",    "2026-12-31?");
    check("1 workday before 2027-01-01", "2026-12-31?");
    check("0 workdays from 2027-01-01",  "2027-01-01");
    check("5 workdays before 2004-01-05", "2003-12-26?");
    check("1 workday before 2004-01-05", "2004-01-02");
}

#[test]
fn a_new_notice_settles_what_was_provisional() {
    let notice = YearCalendar {
        year: 2027,
        notice: "invented for this test".to_owned(),
        off: days("元旦", "2027-01-01..2027-01-03"),
        on: days("元旦", "2026-12-26"),
    };
    let settled = CHINA.with_year(notice).unwrap();
    assert_eq!(ask(&CHINA, "3 workdays from 2026-12-24"), "2026-12-29?");
    assert_eq!(ask(&settled, "3 workdays from 2026-12-24"), "2026-12-28");
    assert_ne!(settled.version(), CHINA.version());
}

#[test]
fn calendars_without_notices_are_never_provisional() {
    let weekdays = Calendar::weekdays_only("plain");
    assert_eq!(ask(&weekdays, "5 workdays from 2026-02-12"), "2026-02-19");
    assert_eq!(ask(&weekdays, "1 workday from 2099-12-31"), "2100-01-01");
    let every_day = Calendar::every_day("on-duty");
    assert_eq!(ask(&every_day, "5 workdays from 2026-02-12"), "2026-02-17");
    assert_eq!(ask(&every_day, "2026-10-03 roll forward"), "2026-10-03");
}

#[test]
fn a_count_can_be_read_day_by_day() {
    let notes = CHINA.explain_add(date("2026-02-13"), 2).unwrap();
    let lines: Vec<String> = notes.iter().map(|note| note.zh()).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[0], "2026年2月13日（周五）起始日，不计");
    assert_eq!(lines[1], "2026年2月14日（周六）春节调休上班，第1个");
    assert_eq!(lines[2], "2026年2月15日（周日）春节放假");
    assert_eq!(lines[11], "2026年2月24日（周二）工作日，第2个");

    let back = CHINA.explain_add(date("2026-02-24"), -1).unwrap();
    assert_eq!(back.last().unwrap().why, Why::MadeUp("春节".to_owned()));
    assert_eq!(back.last().unwrap().counted, Some(1));

    let late = CHINA.explain_between(date("2026-05-09"), date("2026-04-30")).unwrap();
    assert_eq!(late.last().unwrap().counted, Some(4));
    let assumed = CHINA.explain_add(date("2026-12-31"), 1).unwrap();
    assert_eq!(assumed[1].zh(), "2027年1月1日（周五）元旦放假（暂定）");
}

#[test]
fn spans_read_as_people_write_them() {
    assert_eq!(Span::Days(30).zh(), "30天");
    assert_eq!(Span::Months(6).zh(), "6个月");
    assert_eq!(Span::Hours(24).zh(), "24小时");
    assert_eq!(Span::Workdays(3).negate().to_string(), "-3 workdays");
    assert_eq!(Span::Hours(1).to_string(), "1 hour");
}
