//! `duban simulate`: a period in virtual time, with a seeded cast.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use duban_calendar::{Date, Instant, date_of};
use duban_core::Light;
use duban_model::Suite;
use duban_sim::{Cell, NotSimulated, Plan, Report, simulate};
use indicatif::{ProgressBar, ProgressStyle};

use super::test::budget;
use super::{civil, load};
use crate::Ended;
use crate::output::Output;
use crate::render::table::table;

/// Simulate a period: every workflow opened, a cast of people living through it.
#[derive(Args)]
#[command(after_help = "Examples:
  duban simulate workflows/jinan-2021 --from 2022-01-01 --to 2022-12-31
  duban simulate workflows/jinan-2021 --from 2022-01-01 --to 2022-06-30 --seed 7 --json

The same seed gives the same year, event for event.

Exit code 1 where a script failed, or where a bound was reached: then nothing is known of the rest.")]
pub(crate) struct Simulate {
    /// The folder that holds suite.yaml.
    folder: PathBuf,
    /// The first day.
    #[arg(long, value_parser = civil)]
    from: Date,
    /// The last day.
    #[arg(long, value_parser = civil)]
    to: Date,
    /// What the cast's behaviour follows from.
    #[arg(long, default_value_t = 2022)]
    seed: u64,
    /// How many seconds it may take.
    #[arg(long, default_value_t = 600)]
    seconds_max: u64,
}

pub(crate) fn run(command: &Simulate, output: &Output) -> Result<Ended> {
    if command.to < command.from {
        bail!("--to {} lies before --from {}", command.to, command.from);
    }
    let (suite, programs) = load(&command.folder)?;
    let progress = Progress::new(&suite, command.from, command.to);
    let Simulate { from, to, seed, seconds_max, .. } = *command;
    let plan = Plan { from, to, seed, budget: budget(seconds_max) };
    let simulated = simulate(&suite, &programs, &plan, &mut (), |now| progress.show(now));
    progress.end();
    let report = simulated.map_err(told)?;
    let value = serde_json::to_value(&report)?;
    output.print(&value, || summary(&report))?;
    Ok(if report.script_failures.is_empty() { Ended::Well } else { Ended::WithProblems })
}

/// Why there is no report, as the command line tells it.
pub(crate) fn told(error: NotSimulated) -> anyhow::Error {
    match error {
        NotSimulated::Refused(refusal) => refusal.into(),
        NotSimulated::Stopped(stop) => anyhow!("{} {stop}", stop.code()),
    }
}

/// A bar that moves with the days; silent where nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    from: Date,
    tz: duban_calendar::Tz,
}

impl Progress {
    pub(crate) fn new(suite: &Suite, from: Date, to: Date) -> Self {
        let days = u64::try_from((to - from).num_days() + 1).unwrap_or(0);
        let bar =
            if Output::is_terminal() { ProgressBar::new(days) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} 天  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, from, tz: suite.head.time_zone }
    }

    pub(crate) fn show(&self, now: Instant) {
        let today = date_of(now, self.tz);
        let day = u64::try_from((today - self.from).num_days().max(0)).unwrap_or(0);
        if self.bar.position() != day {
            self.bar.set_message(today.to_string());
            self.bar.set_position(day);
        }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// What a period came to, for people.
pub(crate) fn summary(report: &Report) -> String {
    let mut parts = vec![lights(report)];
    parts.push(format!(
        "{} 件督办事项，{} 个任务条目，{} 条记录",
        report.cases, report.items, report.events
    ));
    let sent: Vec<String> =
        report.sent.iter().map(|(kind, count)| format!("{} {count}", kind_zh(kind))).collect();
    parts.push(format!("送出：{}；移送 {}", sent.join("，"), report.referrals));
    if !report.attention.is_empty() {
        let kinds = report.attention.iter().map(|(kind, count)| {
            let zh = duban_core::AttentionKind::named(kind).map_or(kind.as_str(), |kind| kind.zh());
            format!("{zh} {count}")
        });
        parts.push(format!("需要关注：{}", kinds.collect::<Vec<_>>().join("，")));
    }
    if let Some(unit) = &report.never_studies {
        parts.push(format!("本次剧本里从不履行周期性职责的单位：{unit}"));
    }
    if !report.interviews.is_empty() {
        // What ended worst comes first.
        let mut interviews: Vec<_> = report.interviews.iter().collect();
        interviews.sort_by_key(|interview| !interview.outcome.contains("移送"));
        let rows = interviews.into_iter().map(|interview| {
            vec![
                interview.measure.clone(),
                interview.opened_on.to_string(),
                interview.who.clone(),
                interview.by.clone(),
                shorten(&interview.why, 30),
                interview.outcome.clone(),
            ]
        });
        let heading = ["措施", "日期", "被约谈", "约谈人", "事由", "结果"];
        parts.push(table(&heading, rows.take(INTERVIEWS_SHOWN)).to_string());
        let more = report.interviews.len().saturating_sub(INTERVIEWS_SHOWN);
        if more > 0 {
            parts.push(format!("……另有 {more} 次约谈，见 --json"));
        }
    }
    for failure in report.script_failures.iter().take(FAILURES_SHOWN) {
        parts.push(format!("脚本出错：{failure}"));
    }
    let more = report.script_failures.len().saturating_sub(FAILURES_SHOWN);
    if more > 0 {
        parts.push(format!("……另有 {more} 种脚本错误，见 --json"));
    }
    for refused in report.refused.iter().take(10) {
        parts.push(format!("被拒：{refused}"));
    }
    parts.join("\n\n")
}

const INTERVIEWS_SHOWN: usize = 20;
const FAILURES_SHOWN: usize = 10;

fn kind_zh(kind: &str) -> &str {
    match kind {
        "remind" => "催办",
        "urge" => "人工催办",
        "slip" => "督办单",
        "notice" => "通报",
        "interview" => "约谈通知",
        "refer" => "移送函",
        "ask" => "请示",
        "tell" => "告知",
        "alarm" => "告警",
        other => other,
    }
}

fn shorten(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let short: String = text.chars().take(length).collect();
    format!("{short}…")
}

/// Measures by units, each cell the worst light and how many items are done, open and late.
fn lights(report: &Report) -> String {
    let mut heading = vec!["措施"];
    heading.extend(report.units.iter().map(|(_, name)| name.as_str()));
    let rows = report.measures.iter().map(|(id, basis, title)| {
        let cells = report.lights.get(id);
        let mut row = vec![format!("{basis} {}", shorten(title, 12))];
        row.extend(report.units.iter().map(|(code, _)| {
            cells.and_then(|cells| cells.get(code)).map(cell).unwrap_or_default()
        }));
        row
    });
    table(&heading, rows).to_string()
}

fn cell(cell: &Cell) -> String {
    let mark = match cell.light {
        Some(Light::Red) => "红",
        Some(Light::Yellow) => "黄",
        Some(Light::Green) => "绿",
        Some(Light::Grey) => "灰",
        None => "",
    };
    format!("{mark} {}/{}", cell.done, cell.done + cell.open)
}
