//! Working-day calendars: the days of a year, and the notice of the next one: for the
//! administrator of the system.

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_calendar::{Calendar, Date, Tz, Why, YEAR_MAX, YEAR_MIN, date_of};
use duban_documents::read_tables;
use duban_engine::EngineError;
use duban_model::{DayChange, Problem, changed_days, load_calendar, year_from_table};
use duban_store::Store;
use serde::Deserialize;

use crate::account::AdminPost;
use crate::pages::shell::Shell;
use crate::pages::{Asked, Failure, Sent, Uploaded, go, render};
use crate::server::App;
use crate::session::Visitor;

/// The largest file of a notice, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Changed days that are shown.
const DAYS_SHOWN: usize = 400;

#[derive(Deserialize)]
pub(crate) struct CalendarQuery {
    id: Option<String>,
    year: Option<i32>,
}

struct Day {
    number: String,
    class: &'static str,
    mark: &'static str,
    why: String,
}

struct Month {
    number: usize,
    days: Vec<Day>,
    worked: usize,
}

#[derive(Template)]
#[template(path = "calendars.html")]
struct CalendarsPage {
    shell: Shell,
    ids: Vec<String>,
    id: String,
    year: i32,
    years: Vec<i32>,
    notice: String,
    is_provisional: bool,
    worked: usize,
    months: Vec<Month>,
    numbers: Vec<usize>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<CalendarQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let ids = app.engine.calendars().await?;
    let id = query.id.or_else(|| ids.first().cloned()).ok_or(Failure::Missing)?;
    let calendar = calendar(&app, &id).await?;
    let today = date_of(app.engine.now(), Tz::Asia__Shanghai);
    let year = query.year.unwrap_or_else(|| year_of(today)).clamp(YEAR_MIN, YEAR_MAX - 1);
    let mut years: Vec<i32> = calendar.years().map(|one| one.year).collect();
    years.extend([year_of(today), year_of(today) + 1, year]);
    years.sort_unstable();
    years.dedup();
    let months: Vec<Month> = (1..=12).map(|number| month(&calendar, year, number)).collect();
    let notice = calendar.years().find(|one| one.year == year);
    let notice = notice.map(|one| one.notice.clone()).unwrap_or_default();
    let shell = Shell::new("工作日历", "/calendars", &visitor, &app.engine.directory(), &headers);
    Ok(render(&CalendarsPage {
        shell,
        ids,
        id,
        year,
        years,
        notice,
        is_provisional: !calendar.covers(year),
        worked: months.iter().map(|month| month.worked).sum(),
        months,
        numbers: (1..=31).collect(),
    }))
}

async fn calendar<S: Store>(app: &App<S>, id: &str) -> Result<Calendar, Failure> {
    match app.engine.calendar(id).await {
        Ok(calendar) => Ok(Calendar::clone(&calendar)),
        Err(EngineError::NoCalendar(_)) => Err(Failure::Missing),
        Err(error) => Err(error.into()),
    }
}

fn year_of(date: Date) -> i32 {
    date.format("%Y").to_string().parse().unwrap_or(YEAR_MIN)
}

fn month(calendar: &Calendar, year: i32, number: usize) -> Month {
    let month = u32::try_from(number).unwrap_or(1);
    let days: Vec<Day> = (1..=31)
        .filter_map(|day| Date::from_ymd_opt(year, month, day))
        .map(|date| day(calendar, date))
        .collect();
    let worked = days.iter().filter(|day| matches!(day.class, "work" | "made-up")).count();
    Month { number, days, worked }
}

fn day(calendar: &Calendar, date: Date) -> Day {
    let why = calendar.why(date);
    let (class, mark) = match &why {
        Why::Workday | Why::StartDay => ("work", ""),
        Why::Weekend => ("weekend", ""),
        Why::Holiday(_) => ("holiday", "休"),
        Why::MadeUp(_) => ("made-up", "班"),
    };
    let open = if calendar.is_settled(date) { "" } else { "（待定）" };
    Day {
        number: date.format("%-d").to_string(),
        class,
        mark,
        why: format!("{date} {}{open}", why.zh()),
    }
}

#[derive(Template)]
#[template(path = "calendar_change.html")]
struct ChangePage {
    shell: Shell,
    id: String,
    version: String,
    name: String,
    notice: String,
    text: String,
    changed: Vec<DayChange>,
    total: usize,
}

#[derive(Template)]
#[template(path = "calendar_problems.html")]
struct ProblemsPage {
    shell: Shell,
    problems: Vec<String>,
}

/// A notice as it was sent: a calendar's file in YAML, or a table of days.
#[derive(Default, Deserialize)]
pub(crate) struct NoticeForm {
    id: String,
    /// The file's name; its ending says what it is.
    #[serde(default)]
    name: String,
    /// The number and date of the notice, for tables.
    #[serde(default)]
    notice: String,
    #[serde(default)]
    text: String,
    /// The calendar that it was compared with.
    #[serde(default)]
    version: String,
}

/// Reads a notice and shows the days that it would change.
pub(crate) async fn preview<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(form, _): Uploaded,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let (mut form, bytes) = sent(form).await?;
    let current = calendar(&app, &form.id).await?;
    let directory = app.engine.directory();
    let shell = |title| Shell::new(title, "/calendars", &visitor, &directory, &headers);
    match text_of(&form.name, &bytes).and_then(|text| {
        form.text = text;
        read(&current, &form)
    }) {
        Ok(next) => {
            let changed = changed_days(&current, &next);
            Ok(render(&ChangePage {
                shell: shell("核对日历的变更"),
                version: current.version(),
                total: changed.len(),
                changed: changed.into_iter().take(DAYS_SHOWN).collect(),
                id: form.id,
                name: form.name,
                notice: form.notice,
                text: form.text,
            }))
        }
        Err(problems) => {
            let problems = problems.iter().map(Problem::to_string).collect();
            let page = ProblemsPage { shell: shell("日历有问题"), problems };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response())
        }
    }
}

async fn sent(mut form: Multipart) -> Result<(NoticeForm, Vec<u8>), Failure> {
    let unreadable = Failure::unread;
    let (mut sent, mut bytes) = (NoticeForm::default(), Vec::new());
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let value = part.bytes().await.map_err(unreadable)?;
        if value.len() > FILE_BYTES_MAX {
            return Err(Failure::Bad("文件超过上限 calendar_bytes_max（1 MiB）".to_owned()));
        }
        let text = || String::from_utf8_lossy(&value).trim().to_owned();
        match (name.as_str(), file) {
            ("file", Some(file)) => {
                sent.name = file;
                bytes = value.to_vec();
            }
            ("id", None) => sent.id = text(),
            ("notice", None) => sent.notice = text(),
            _ => {}
        }
    }
    Ok((sent, bytes))
}

/// The text of a file, whatever its encoding.
fn text_of(name: &str, bytes: &[u8]) -> Result<String, Vec<Problem>> {
    if !name.to_ascii_lowercase().ends_with(".csv") {
        return String::from_utf8(bytes.to_vec())
            .map_err(|_| vec![problem(name, "文件须是 UTF-8 文本")]);
    }
    let sheets = read_tables(name, bytes)?;
    let rows = sheets.iter().flat_map(|sheet| &sheet.rows);
    // Commas and quotation marks have no place in a date, a kind or a holiday's name.
    let plain = |cell: &String| cell.replace([',', '"', '\n', '\r'], " ");
    let line = |row: &duban_model::Row| row.cells.iter().map(plain).collect::<Vec<_>>().join(",");
    Ok(rows.map(line).collect::<Vec<_>>().join("\n"))
}

fn problem(name: &str, text: impl Into<String>) -> Problem {
    let place = duban_model::Place { file: name.to_owned(), line: 1, column: 1, length: 0 };
    Problem::error("DB1402", &place, text)
}

/// The calendar with what the notice says of its years.
fn read(current: &Calendar, form: &NoticeForm) -> Result<Calendar, Vec<Problem>> {
    let years = if form.name.to_ascii_lowercase().ends_with(".csv") {
        if form.notice.is_empty() {
            return Err(vec![problem(&form.name, "请填写通知的文号和日期")]);
        }
        let sheets = read_tables(&form.name, form.text.as_bytes())?;
        let sheet = sheets.first().cloned().unwrap_or_default();
        vec![year_from_table(&sheet, &form.notice)?]
    } else {
        let read = load_calendar(&form.name, &form.text)?;
        if read.id() != current.id() {
            let text = format!("文件是日历 `{}`，不是 `{}`", read.id(), current.id());
            return Err(vec![problem(&form.name, text)]);
        }
        read.years().cloned().collect()
    };
    let mut next = current.clone();
    for year in years {
        next = next
            .with_year(year)
            .map_err(|error| vec![problem(&form.name, format!("日历有误：{error}"))])?;
    }
    Ok(next)
}

/// Takes over what was shown, if the calendar is still the one that it was compared with.
pub(crate) async fn apply<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<NoticeForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let current = calendar(&app, &form.id).await?;
    let next = read(&current, &form);
    let next = next.map_err(|problems| Failure::Bad(crate::routes::suites::told(&problems)))?;
    tracing::info!(target: "duban::security", by = visitor.login, id = form.id, "calendar");
    drop(app.engine.replace_calendar(&form.version, next).await?);
    Ok(go(&format!("/calendars?id={}", crate::pages::shell::encode(&form.id))))
}
