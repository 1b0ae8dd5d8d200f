//! `duban rebuild` and `duban audit verify`: what operators do now and then.

use anyhow::Result;
use clap::{Args, Subcommand};
use duban::{CaseFilter, CaseId, PageRequest, Store};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::Ended;
use crate::db::{DbArgs, block_on, upkeep};
use crate::output::Output;

/// Make all rows again from the events.
#[derive(Args)]
#[command(after_help = "Examples:
  duban rebuild --db office.db
  duban rebuild --db office.db --case CASE

Deliveries and idempotency keys are left alone.")]
pub(crate) struct Rebuild {
    /// Only this case.
    #[arg(long)]
    case: Option<String>,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn rebuild(command: &Rebuild, output: &Output) -> Result<Ended> {
    block_on(async {
        let engine = upkeep(&command.db.db).await?;
        let bar = bar();
        let (mut cases, mut events, mut failures) = (0_u64, 0_u64, Vec::new());
        match &command.case {
            Some(case) => {
                events = engine.rebuild(&CaseId::new(case)).await?.events;
                cases = 1;
            }
            None => {
                engine
                    .rebuild_all(|case, rebuilt| {
                        bar.inc(1);
                        cases += 1;
                        match rebuilt {
                            Ok(rebuilt) => events += rebuilt.events,
                            Err(error) => failures.push(format!("{case}：{error}")),
                        }
                    })
                    .await?;
            }
        }
        bar.finish_and_clear();
        engine.shutdown().await?;
        let value = json!({ "cases": cases, "events": events, "failures": failures });
        output.print(&value, || {
            let mut lines = failures.clone();
            lines.push(format!("重建 {cases} 件事项，{events} 条记录，{} 件失败", failures.len()));
            lines.join("\n")
        })?;
        Ok(if failures.is_empty() { Ended::Well } else { Ended::WithProblems })
    })
}

/// Work on the audit trail.
#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    what: AuditWhat,
}

#[derive(Subcommand)]
enum AuditWhat {
    /// Check every event's hash: finds any edit, gap or reordering.
    #[command(
        after_help = "Exit code 1 where a log is broken, or something cannot be read or checked. What cannot be
read is told apart: its log may be whole, see `duban repair`."
    )]
    Verify {
        /// Only this case.
        #[arg(long)]
        case: Option<String>,
        #[command(flatten)]
        db: DbArgs,
    },
}

pub(crate) fn audit(command: &Audit, output: &Output) -> Result<Ended> {
    let AuditWhat::Verify { case, db } = &command.what;
    block_on(async {
        let engine = upkeep(&db.db).await?;
        let bar = bar();
        let (mut cases, mut events, mut broken) = (0_u64, 0_u64, Vec::new());
        let (mut unreadable, mut failed) = (Vec::new(), Vec::new());
        let mut note = |case: &CaseId, audit: &duban_engine::Audit| {
            cases += 1;
            events += audit.events;
            if let Some((seq, what)) = &audit.broken {
                broken.push(json!({ "case": case, "seq": seq, "what": what }));
            }
            let told = |(what, why): &(String, String)| format!("{case} {what}：{why}");
            unreadable.extend(audit.unreadable.iter().map(told));
        };
        match case {
            Some(case) => {
                let id = CaseId::new(case);
                note(&id, &engine.verify(&id).await?);
            }
            None => {
                // What no case would show: a damaged page or index of the file itself.
                if let Err(error) = duban_store::check_file(&db.db) {
                    failed.push(format!("{}：{}", db.db.display(), told(&error)));
                }
                let verified = engine.verify_all(|case, audit| {
                    bar.inc(1);
                    match audit {
                        Ok(audit) => note(case, audit),
                        Err(error) => failed.push(format!("{case}：{}", told(error))),
                    }
                });
                if let Err(error) = verified.await {
                    failed.push(told(&error));
                }
            }
        }
        bar.finish_and_clear();
        engine.shutdown().await?;
        let value = json!({
            "cases": cases, "events": events, "broken": broken, "unreadable": unreadable,
            "failed": failed,
        });
        output.print(&value, || {
            let break_of =
                |one: &Value| format!("{} 第 {} 条断裂：{}", one["case"], one["seq"], one["what"]);
            let mut lines: Vec<String> = broken.iter().map(break_of).collect();
            lines.extend(unreadable.iter().map(|one| format!("无法读取：{one}")));
            lines.extend(failed.iter().map(|one| format!("无法核验：{one}")));
            lines.push(format!(
                "核验 {cases} 件事项，{events} 条记录，{} 处断裂，{} 处无法读取，{} 处无法核验",
                broken.len(),
                unreadable.len(),
                failed.len()
            ));
            lines.join("\n")
        })?;
        let is_well = broken.is_empty() && unreadable.is_empty() && failed.is_empty();
        Ok(if is_well { Ended::Well } else { Ended::WithProblems })
    })
}

/// An error with what caused it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push('：');
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn bar() -> ProgressBar {
    if !Output::is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} 件  {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Counts the cases of a database; used to show that it is not empty.
pub(crate) async fn has_cases(store: &impl Store) -> Result<bool> {
    let page = store.cases(&CaseFilter::default(), &PageRequest::first(1)).await?;
    Ok(!page.rows.is_empty())
}
