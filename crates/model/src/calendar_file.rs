//! Reads working-day calendars, for example `workflows/calendars/cn.yaml`.

use std::collections::BTreeSet;

use duban_calendar::{Calendar, NamedDay, YearCalendar};

use crate::limits::LoadLimits;
use crate::load::any_error;
use crate::problem::Problem;
use crate::read::{Keys, Reader, Sources};
use crate::yaml::{Node, parse};

/// Reads a calendar: `id`, `name`, `tz`, and for each of `years` its `notice`, the days `off` and
/// the days worked in exchange, `on`.
///
/// # Errors
///
/// Every problem of the file, each at its place.
pub fn load_calendar(path: &str, text: &str) -> Result<Calendar, Vec<Problem>> {
    let sources = Sources::from([(path.to_owned(), text.to_owned())]);
    let mut r = Reader::new(&sources);
    let mut problems = Vec::new();
    let root = parse(path, text, LoadLimits::DEFAULT, &mut problems);
    r.problems.append(&mut problems);
    let calendar = root.and_then(|root| read_calendar(&mut r, &root));
    let mut problems = r.problems;
    problems.sort();
    match calendar {
        Some(calendar) if !any_error(&problems) => Ok(calendar),
        _ => Err(problems),
    }
}

fn read_calendar(r: &mut Reader<'_>, root: &Node) -> Option<Calendar> {
    let mut keys = r.keys(root)?;
    let id = keys.require(r, "id").and_then(|node| r.text(node));
    keys.text(r, "name");
    if let Some(node) = keys.take("tz") {
        r.parsed::<duban_calendar::Tz>(node, "IANA 时区名，例如 Asia/Shanghai");
    }
    let list = keys.require(r, "years");
    keys.finish(r);
    let mut seen = BTreeSet::new();
    let mut years = Vec::new();
    for node in list.map(|node| r.items(node)).unwrap_or_default() {
        let Some(year) = read_year(r, node) else { continue };
        if !seen.insert(year.year) {
            r.error("DB1402", node, format!("{} 年写了两次", year.year));
            continue;
        }
        years.push(year);
    }
    let built = Calendar::new(id?, years);
    built.map_err(|error| r.error("DB1402", root, format!("日历有误：{error}"))).ok()
}

fn read_year(r: &mut Reader<'_>, node: &Node) -> Option<YearCalendar> {
    let mut keys = r.keys(node)?;
    let year = keys.require(r, "year").and_then(|node| r.count(node, 1900));
    let notice = keys.require(r, "notice").and_then(|node| r.text(node));
    let off = read_days(r, &mut keys, "off");
    let on = read_days(r, &mut keys, "on");
    keys.finish(r);
    Some(YearCalendar { year: i32::try_from(year?).ok()?, notice: notice?, off, on })
}

fn read_days(r: &mut Reader<'_>, keys: &mut Keys<'_>, key: &'static str) -> Vec<NamedDay> {
    let Some(list) = keys.take(key) else { return Vec::new() };
    let mut days = Vec::new();
    for node in r.items(list) {
        let Some(mut entry) = r.keys(node) else { continue };
        let name = entry.require(r, "name").and_then(|node| r.text(node)).unwrap_or_default();
        let spans = entry.require(r, "days").map(|node| r.items(node)).unwrap_or_default();
        entry.finish(r);
        for span in spans {
            let Some(text) = r.text(span) else { continue };
            match Calendar::parse_days(&text) {
                Ok(found) => {
                    days.extend(
                        found.into_iter().map(|date| NamedDay { date, name: name.clone() }),
                    );
                }
                Err(_) => {
                    let help = "写成 2022-01-31 或 2022-01-31..2022-02-06";
                    r.error_help("DB1401", span, format!("`{text}` 不是日期或起止日期"), help);
                }
            }
        }
    }
    days
}
