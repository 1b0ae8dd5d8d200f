//! `duban cases` and `duban tasks`: what there is, filtered, a page at a time.

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use duban::{CaseFilter, Cursor, ItemFilter, Page, PageRequest, Store};
use duban_calendar::{Date, Instant, Tz, date_of, end_of, local};
use duban_core::{AttentionKind, CaseHead, CaseStatus, Item, Light, Status, Turns, light_at};
use duban_model::{Assignee, Directory};
use duban_store::{AttentionFilter, LightFilter};
use serde_json::json;

use super::civil;
use crate::Ended;
use crate::db::{DbArgs, Reading, block_on};
use crate::output::Output;
use crate::render::table::table;

/// Dates are shown in the time zone of the offices.
const TZ: Tz = Tz::Asia__Shanghai;

/// Which part of a listing.
#[derive(Args)]
struct PageArgs {
    /// At most this many rows (500 at most).
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Where the last page ended: its `next`.
    #[arg(long)]
    after: Option<String>,
}

impl PageArgs {
    fn request(&self) -> PageRequest {
        PageRequest { after: self.after.clone().map(Cursor), limit: self.limit }
    }
}

/// List cases.
#[derive(Args)]
#[command(after_help = "Examples:
  duban cases --db duban-demo.db --workflow m23-duty-performance
  duban cases --db duban-demo.db --unit 历下区 --status open --json")]
pub(crate) struct Cases {
    /// Of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Opened for this unit: code or name.
    #[arg(long)]
    unit: Option<String>,
    /// In this status: open, closed, struck_off, cancelled.
    #[arg(long, value_parser = PossibleValuesParser::new(CaseStatus::ALL.map(CaseStatus::as_str)))]
    status: Vec<String>,
    /// Faulted ones alone.
    #[arg(long)]
    faulted: bool,
    /// Those that need attention themselves, for one of their lists: of any kind, or of one.
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "any", value_parser = attention)]
    attention: Option<AttentionFilter>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn cases(command: &Cases, output: &Output) -> Result<Ended> {
    block_on(async {
        let reading = Reading::open(&command.db).await?;
        let filter = CaseFilter {
            workflow: command.workflow.clone(),
            units: units(&reading.directory, command.unit.as_deref())?,
            statuses: command.status.clone(),
            faulted: command.faulted,
            attention: command.attention.clone(),
            ..CaseFilter::default()
        };
        let page = reading.store.cases(&filter, &command.page.request()).await?;
        output.print(&json!({ "cases": page.rows, "next": page.next }), || {
            if command.attention.is_some() {
                return lists_text(&page, &reading);
            }
            page_text(&page, &["编号", "措施", "单位", "期间", "状态"], |case| {
                vec![
                    case.id.clone(),
                    case.title.clone(),
                    reading.directory.name_of(&Assignee::Unit(case.unit.as_str().into())),
                    case.period.clone().unwrap_or_default(),
                    case.status.clone(),
                ]
            })
        })?;
        reading.store.close().await?;
        Ok(Ended::Well)
    })
}

/// A unit by code or name, as a filter.
fn units(directory: &Directory, unit: Option<&str>) -> Result<Vec<String>> {
    let Some(text) = unit else { return Ok(Vec::new()) };
    if directory.unit(&text.into()).is_some() {
        return Ok(vec![text.to_owned()]);
    }
    let named: Vec<String> = directory.units_named(text).map(|unit| unit.id.to_string()).collect();
    if named.is_empty() {
        bail!("no unit of the directory has the code or name `{text}`");
    }
    Ok(named)
}

/// A page as people read it, with the way to the next one.
fn page_text<T>(page: &Page<T>, heading: &[&str], row: impl Fn(&T) -> Vec<String>) -> String {
    if page.rows.is_empty() {
        return "没有符合条件的记录".to_owned();
    }
    let listed = table(heading, page.rows.iter().map(row)).to_string();
    match &page.next {
        Some(Cursor(next)) => format!("{listed}\n还有更多：--after '{next}'"),
        None => listed,
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum LightArg {
    /// On time.
    Green,
    /// Near its deadline, or behind its plan.
    Yellow,
    /// Overdue.
    Red,
}

/// List tasks: what is owed by whom, since when, until when.
#[derive(Args)]
#[command(after_help = "Examples:
  duban tasks --db duban-demo.db --light red
  duban tasks --db duban-demo.db --on 'post:370102/书记'
  duban tasks --db duban-demo.db --attention
  duban tasks --db duban-demo.db --task interview --json")]
pub(crate) struct Tasks {
    /// Of this case.
    #[arg(long)]
    case: Option<String>,
    /// Of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Of this task; also interview, rectification, extra.
    #[arg(long)]
    task: Option<String>,
    /// Shown under this unit: code or name.
    #[arg(long)]
    unit: Option<String>,
    /// In this status: waiting, ready, active, submitted, done, skipped, cancelled.
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.map(Status::as_str)))]
    status: Vec<String>,
    /// Waiting on this assignee: unit:CODE, post:CODE/NAME or person:ID.
    #[arg(long)]
    on: Vec<Assignee>,
    /// With this light now.
    #[arg(long, value_enum)]
    light: Option<LightArg>,
    /// Those that nobody can move on, for whatever reason or of a kind, for example owner_vacant.
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "any", value_parser = attention)]
    attention: Option<AttentionFilter>,
    /// Due no later than this date.
    #[arg(long, value_parser = civil)]
    due: Option<Date>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn tasks(command: &Tasks, output: &Output) -> Result<Ended> {
    block_on(async {
        let reading = Reading::open(&command.db).await?;
        let light = command.light.map(|light| match light {
            LightArg::Green => LightFilter::Green,
            LightArg::Yellow => LightFilter::Yellow,
            LightArg::Red => LightFilter::Red,
        });
        let filter = ItemFilter {
            case: command.case.clone(),
            workflow: command.workflow.clone(),
            task: command.task.clone(),
            units: units(&reading.directory, command.unit.as_deref())?,
            statuses: command.status.clone(),
            waiting_on: command.on.iter().map(ToString::to_string).collect(),
            light: light.map(|light| (light, reading.now.millis())),
            attention: command.attention.clone(),
            due_until: command.due.map(|due| end_of(due, TZ).millis()),
            ..ItemFilter::default()
        };
        let page = reading.store.items(&filter, &command.page.request()).await?;
        output.print(&json!({ "tasks": page.rows, "next": page.next }), || {
            if command.attention.is_some() {
                let heading = ["事项", "任务", "状态", "需要关注", "自", "处理办法"];
                return attention_text(&page, &heading, &reading);
            }
            let heading = ["事项", "任务", "状态", "灯", "等谁", "自", "期限"];
            page_text(&page, &heading, |row| task_row(row, &reading))
        })?;
        reading.store.close().await?;
        Ok(Ended::Well)
    })
}

/// A word of `--attention`.
fn attention(word: &str) -> Result<AttentionFilter, String> {
    if word == "any" {
        return Ok(AttentionFilter::Any);
    }
    let known: Vec<&str> = AttentionKind::ALL.iter().map(|kind| kind.as_str()).collect();
    AttentionKind::named(word)
        .map(|kind| AttentionFilter::Kind(kind.as_str().to_owned()))
        .ok_or_else(|| format!("no such kind; known are: any, {}", known.join(", ")))
}

/// A line for each thing that a task needs attention for, with the remedy.
fn attention_text(page: &Page<duban_core::ItemRow>, heading: &[&str], reading: &Reading) -> String {
    let mut lines = Vec::new();
    for row in &page.rows {
        let Ok(item) = serde_json::from_str::<Item>(&row.data) else { continue };
        for one in &item.attention {
            let about = match one.about.parse::<Assignee>() {
                Ok(assignee) => reading.directory.name_of(&assignee),
                Err(_) => one.about.clone(),
            };
            lines.push(vec![
                row.case.clone(),
                row.key.clone(),
                item.status.zh().to_owned(),
                format!("{}：{about}", one.kind.zh()),
                local(one.since, TZ).date().to_string(),
                one.kind.remedy_zh().to_owned(),
            ]);
        }
    }
    page_text(&Page { rows: lines, next: page.next.clone() }, heading, Vec::clone)
}

/// A line for each thing that a case itself needs attention for, with the remedy.
fn lists_text(page: &Page<duban_core::CaseRow>, reading: &Reading) -> String {
    let mut lines = Vec::new();
    for row in &page.rows {
        let Ok(head) = serde_json::from_str::<CaseHead>(&row.data) else { continue };
        for one in &head.attention {
            let unit = Assignee::Unit(row.unit.as_str().into());
            lines.push(vec![
                row.id.clone(),
                row.title.clone(),
                reading.directory.name_of(&unit),
                format!("{}：{}", one.kind.zh(), one.about),
                local(one.since, TZ).date().to_string(),
                one.kind.remedy_zh().to_owned(),
            ]);
        }
    }
    let heading = ["编号", "措施", "单位", "原因", "起始", "处理办法"];
    page_text(&Page { rows: lines, next: page.next.clone() }, &heading, Vec::clone)
}

fn task_row(row: &duban_core::ItemRow, reading: &Reading) -> Vec<String> {
    let item = serde_json::from_str::<Item>(&row.data).ok();
    let status = item.as_ref().map_or(Status::Waiting, |item| item.status);
    let lacks_due = item.as_ref().is_some_and(|item| item.lacks_due().is_some());
    let at = |millis: Option<i64>| millis.map(Instant::from_millis);
    let turns = Turns { yellow_at: at(row.yellow_at), red_at: at(row.red_at) };
    let light = light_at(status, turns, reading.now);
    let waiting = row.waiting_on.as_deref().unwrap_or_default().split(' ');
    let waiting: Vec<String> = waiting
        .filter_map(|text| text.parse::<Assignee>().ok())
        .map(|assignee| reading.directory.name_of(&assignee))
        .collect();
    vec![
        row.case.clone(),
        row.key.clone(),
        status.zh().to_owned(),
        if light == Light::Grey { String::new() } else { light.zh().to_owned() },
        waiting.join("、"),
        local(Instant::from_millis(row.since), TZ).date().to_string(),
        if lacks_due {
            "期限无法计算".to_owned()
        } else {
            at(row.due).map(|due| date_of(due, TZ).to_string()).unwrap_or_default()
        },
    ]
}
