//! A year's notice as a table of days, and what it changes in a calendar.

use duban_calendar::{Calendar, Date, NamedDay, Why, YearCalendar};
use serde::Serialize;

use crate::dates::office_date;
use crate::problem::Problem;
use crate::table::{HEADING_ROWS_MAX, Row, Sheet, beyond, place_of};

/// Reads a notice from a table with the columns 日期 (`date`), 类别 (`kind`: 休/`off`, 班/`on`) and
/// 名称 (`name`). Its year is the latest that a date lies in: notices reach back into December.
///
/// # Errors
///
/// Every problem at its row and column.
pub fn year_from_table(sheet: &Sheet, notice: &str) -> Result<YearCalendar, Vec<Problem>> {
    let title = sheet.title();
    let error = |row: u32, column: usize, text: String| {
        Problem::error("DB1403", &place_of(&title, row, column), text)
    };
    let Some(first) = sheet.rows.first() else {
        return Err(vec![error(1, 0, "表是空的".to_owned())]);
    };
    let column = |row: &Row, names: &[&str]| {
        let is_named = |text: &String| names.contains(&text.trim().to_lowercase().as_str());
        row.cells.iter().position(is_named)
    };
    let columns = |row: &Row| {
        let (dates, kinds) = (column(row, &["日期", "date"])?, column(row, &["类别", "kind"])?);
        Some((dates, kinds, column(row, &["名称", "name"])?))
    };
    // Titles may stand above the headings.
    let mut rows = sheet.rows.iter().enumerate().take(HEADING_ROWS_MAX);
    let found = rows.find_map(|(at, row)| Some((at, row, columns(row)?)));
    let Some((at, heading, (dates, kinds, names))) = found else {
        let text = "要有三列：日期、类别、名称（date, kind, name）".to_owned();
        return Err(vec![error(first.number, 0, text)]);
    };
    let mut problems = Vec::new();
    let mut year =
        YearCalendar { year: 0, notice: notice.to_owned(), off: Vec::new(), on: Vec::new() };
    for row in sheet.rows.iter().skip(at + 1) {
        for (at, _) in beyond(row, heading) {
            problems.push(error(row.number, at, "这一格在所有列之外，不会被读取".to_owned()));
        }
        let cell = |at: usize| row.cells.get(at).map(|text| text.trim()).unwrap_or_default();
        let Some(date) = office_date(cell(dates)) else {
            let text = format!("`{}` 不是日期，写成 2027-01-01", cell(dates));
            problems.push(error(row.number, dates, text));
            continue;
        };
        let day = NamedDay { date, name: cell(names).to_owned() };
        match cell(kinds).to_lowercase().as_str() {
            "休" | "放假" | "off" => year.off.push(day),
            "班" | "上班" | "on" => year.on.push(day),
            other => {
                let text = format!("类别 `{other}` 不是“休”（off）或“班”（on）");
                problems.push(error(row.number, kinds, text));
            }
        }
        if cell(names).is_empty() {
            problems.push(error(row.number, names, "名称不能为空".to_owned()));
        }
        year.year = year.year.max(chrono::Datelike::year(&date));
    }
    if year.off.is_empty() && year.on.is_empty() && problems.is_empty() {
        problems.push(error(heading.number, 0, "表里没有一天".to_owned()));
    }
    if problems.is_empty() { Ok(year) } else { Err(problems) }
}

/// A day on which two calendars differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DayChange {
    /// The date.
    pub date: Date,
    /// Whether it was worked, and is.
    pub worked: (bool, bool),
    /// Why it was worked or not, and is.
    pub why: (String, String),
    /// Whether that was an assumption, and is.
    pub provisional: (bool, bool),
}

/// The days on which two calendars differ, in the years that either has a notice for, and in the
/// December before.
pub fn changed_days(before: &Calendar, after: &Calendar) -> Vec<DayChange> {
    let mut years: Vec<i32> =
        before.years().chain(after.years()).flat_map(|one| [one.year - 1, one.year]).collect();
    years.sort_unstable();
    years.dedup();
    let days = years.into_iter().filter_map(|year| Date::from_ymd_opt(year, 1, 1));
    let days = days.flat_map(|first| {
        let is_same =
            move |day: &Date| chrono::Datelike::year(day) == chrono::Datelike::year(&first);
        first.iter_days().take_while(is_same)
    });
    days.filter_map(|date| change(before, after, date)).collect()
}

fn change(before: &Calendar, after: &Calendar, date: Date) -> Option<DayChange> {
    let both = [before, after].map(|calendar| {
        let why: Why = calendar.why(date);
        (calendar.is_workday(date), why.zh(), !calendar.is_settled(date))
    });
    let [(was, old_why, was_open), (is, new_why, is_open)] = both;
    // That a day is settled now is worth a line only where something else changes too.
    if was == is && old_why == new_why {
        return None;
    }
    let (worked, why, provisional) = ((was, is), (old_why, new_why), (was_open, is_open));
    Some(DayChange { date, worked, why, provisional })
}
