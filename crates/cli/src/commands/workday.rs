//! `duban workday`: arithmetic on the working-day calendar.

use anyhow::Result;
use clap::{Args, Subcommand};
use duban_calendar::{Date, DayNote, Span};
use serde_json::json;

use super::civil;
use crate::Ended;
use crate::output::Output;
use crate::suite_files::china;

/// Working days of the State Council's yearly notices, 2004 to 2026.
#[derive(Args)]
#[command(after_help = "Examples:
  duban workday add 2026-02-12 5        prints 2026-02-26
  duban workday sub 2026-02-24 3        prints 2026-02-12
  duban workday between 2026-04-30 2026-05-09
  duban workday explain 2026-02-12 5    says which days counted, and why")]
pub(crate) struct Workday {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The date a number of working days after another; the first day is not counted.
    Add {
        /// From this date (YYYY-MM-DD).
        #[arg(value_parser = civil)]
        from: Date,
        /// Working days.
        days: i64,
    },
    /// The date a number of working days before another.
    Sub {
        /// From this date (YYYY-MM-DD).
        #[arg(value_parser = civil)]
        from: Date,
        /// Working days.
        days: i64,
    },
    /// How many working days lie after the first date, up to and with the second.
    Between {
        /// After this date.
        #[arg(value_parser = civil)]
        after: Date,
        /// Up to and with this date.
        #[arg(value_parser = civil)]
        upto: Date,
    },
    /// Which days were counted or skipped on the way, and why.
    Explain {
        /// From this date.
        #[arg(value_parser = civil)]
        from: Date,
        /// Working days, negative to count back.
        #[arg(allow_negative_numbers = true)]
        days: i64,
    },
}

pub(crate) fn run(workday: &Workday, output: &Output) -> Result<Ended> {
    let calendar = china();
    let printed = match workday.what {
        What::Add { from, days } => {
            let projected = calendar.add(from, Span::Workdays(days))?;
            date(output, projected.date, projected.provisional)
        }
        What::Sub { from, days } => {
            let projected = calendar.sub(from, Span::Workdays(days))?;
            date(output, projected.date, projected.provisional)
        }
        What::Between { after, upto } => {
            let days = calendar.workdays_between(after, upto);
            output.print(&json!({ "workdays": days }), || days.to_string())
        }
        What::Explain { from, days } => {
            let notes = calendar.explain_add(from, days)?;
            let lines: Vec<String> = notes.iter().map(DayNote::zh).collect();
            output.print(&json!({ "days": lines }), || lines.join("\n"))
        }
    };
    printed.map(|()| Ended::Well)
}

fn date(output: &Output, date: Date, provisional: bool) -> Result<()> {
    output.print(&json!({ "date": date, "provisional": provisional }), || {
        let note = if provisional { "（暂定：该年放假安排尚未公布）" } else { "" };
        format!("{date}{note}")
    })
}
