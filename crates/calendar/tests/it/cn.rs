//! The national calendar, read by a reader just good enough for its own file.

use std::sync::LazyLock;

use duban_calendar::{Calendar, Date, NamedDay, YearCalendar};

const TEXT: &str = include_str!("../../../../workflows/calendars/cn.yaml");

pub(crate) static CHINA: LazyLock<Calendar> =
    LazyLock::new(|| Calendar::new("cn", notices()).unwrap());

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Days as a calendar file writes them: `2022-01-31..2022-02-06`, several separated by spaces.
pub(crate) fn days(name: &str, text: &str) -> Vec<NamedDay> {
    let dates = text.split_whitespace().flat_map(|part| Calendar::parse_days(part).unwrap());
    dates.map(|date| NamedDay { date, name: name.to_owned() }).collect()
}

pub(crate) fn notices() -> Vec<YearCalendar> {
    let mut years: Vec<YearCalendar> = Vec::new();
    let mut worked = false;
    let body = TEXT.split_once("years:\n").unwrap().1;
    for line in body.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(year) = line.strip_prefix("- year: ") {
            let (year, notice) = (year.parse().unwrap(), String::new());
            years.push(YearCalendar { year, notice, off: Vec::new(), on: Vec::new() });
            continue;
        }
        let current = years.last_mut().unwrap();
        match line.split_once(": ").map_or(line, |(key, _)| key) {
            "notice" => current.notice = line["notice: ".len()..].to_owned(),
            "off:" => worked = false,
            "on:" => worked = true,
            _ => {
                let entry = line.strip_prefix("- { name: ").unwrap().strip_suffix(" }").unwrap();
                let (name, text) = entry.split_once(", days: ").unwrap();
                let list = if worked { &mut current.on } else { &mut current.off };
                list.extend(days(name, text));
            }
        }
    }
    years
}
