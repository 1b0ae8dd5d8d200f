//! `duban migrate`: cases on the current version of their workflow, tried out or for good.

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValue;
use duban::{Actor, CaseId, Engine, SqliteStore};
use duban_core::{MigrationReport, Take};
use duban_engine::EngineError;
use serde_json::{Value, json};

use crate::Ended;
use crate::db::{DbArgs, block_on, engine};
use crate::output::Output;

/// Have cases run on the current version of their workflow.
#[derive(Args)]
#[command(after_help = "Examples:
  duban migrate CASE --dry-run --db office.db
  duban migrate --suite jinan-2021 --workflow m01-streets --take due,ladder --dry-run --db office.db
  duban migrate --suite jinan-2021 --workflow m01-streets --take due,ladder --db office.db

Work that has begun keeps its due dates, owners, reviewers, ladders, cadences and lists, but for
what --take names. Tasks that are gone are cancelled, new ones begin. Exit code 1 where a case
refused.")]
pub(crate) struct Migrate {
    /// One case.
    #[arg(required_unless_present = "workflow", conflicts_with_all = ["suite", "workflow"])]
    case: Option<String>,
    /// Every open case of a workflow of this suite.
    #[arg(long, requires = "workflow")]
    suite: Option<String>,
    /// The workflow's id.
    #[arg(long, requires = "suite")]
    workflow: Option<String>,
    /// What is taken over from the new version: due, owner, reviewer, ladder, cadence, items.
    #[arg(long, value_delimiter = ',')]
    take: Vec<Taken>,
    /// Say what would happen; change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    db: DbArgs,
}

/// A word of `--take`.
#[derive(Clone, Copy)]
struct Taken(Take);

impl clap::ValueEnum for Taken {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self(Take::Due),
            Self(Take::Owner),
            Self(Take::Reviewer),
            Self(Take::Ladder),
            Self(Take::Cadence),
            Self(Take::Items),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// What came of it, for one case.
struct Tried {
    case: CaseId,
    answer: Result<Option<MigrationReport>, EngineError>,
}

pub(crate) fn run(command: &Migrate, output: &Output) -> Result<Ended> {
    let take: Vec<Take> = command.take.iter().map(|taken| taken.0).collect();
    block_on(async {
        let engine = engine(&command.db.db).await?;
        let mut tried = Vec::new();
        for case in cases(command, &engine).await? {
            let answer = one(&engine, &case, &take, command.dry_run).await;
            // A single case's refusal is the command's.
            match answer {
                Err(error) if command.case.is_some() => {
                    engine.shutdown().await?;
                    return Err(error.into());
                }
                answer => tried.push(Tried { case, answer }),
            }
        }
        engine.shutdown().await?;
        let all_well = tried.iter().all(|one| one.answer.is_ok());
        let value: Vec<Value> = tried.iter().map(Tried::json).collect();
        output.print(&json!({ "dry_run": command.dry_run, "cases": value }), || {
            if tried.is_empty() {
                return "在办事项都已使用现行版本".to_owned();
            }
            tried.iter().map(Tried::text).collect::<Vec<_>>().join("\n")
        })?;
        Ok(if all_well { Ended::Well } else { Ended::WithProblems })
    })
}

/// The case that is named, or every open case of the workflow that runs on an older version.
async fn cases(command: &Migrate, engine: &Engine<SqliteStore>) -> Result<Vec<CaseId>> {
    if let Some(case) = &command.case {
        return Ok(vec![CaseId::new(case)]);
    }
    let (Some(suite), Some(workflow)) = (&command.suite, &command.workflow) else {
        return Ok(Vec::new());
    };
    let (mut cases, mut after) = (Vec::new(), None);
    loop {
        let page =
            engine.outdated(&suite.as_str().into(), &workflow.as_str().into(), after).await?;
        cases.extend(page.rows.iter().map(|row| CaseId::new(&row.id)));
        after = page.next;
        if after.is_none() {
            return Ok(cases);
        }
    }
}

/// What it means for a case; for good unless it is only tried.
async fn one(
    engine: &Engine<SqliteStore>,
    case: &CaseId,
    take: &[Take],
    dry_run: bool,
) -> Result<Option<MigrationReport>, EngineError> {
    let actor = Actor::operator("duban migrate");
    let report = engine.migrate_dry_run(case, actor.clone(), take).await?.migration;
    if !dry_run {
        engine.migrate(case, actor, take, None).await?;
    }
    Ok(report.map(|report| *report))
}

impl Tried {
    fn json(&self) -> Value {
        match &self.answer {
            Ok(report) => json!({ "case": self.case, "report": report }),
            Err(error) => {
                json!({ "case": self.case, "refused": error.zh(), "code": error.code() })
            }
        }
    }

    fn text(&self) -> String {
        let report = match &self.answer {
            Ok(Some(report)) => report,
            Ok(None) => return format!("{}：已使用现行版本", self.case),
            Err(error) => return format!("{}：{}（{}）", self.case, error.zh(), error.code()),
        };
        let mut lines = vec![format!("{}：", self.case)];
        for task in &report.tasks {
            let fate = match (task.new, task.gone) {
                (true, _) => "，新增",
                (_, true) => "，新版已无",
                _ => "",
            };
            let was = task.was.as_ref().map(|was| format!("（原 {was}）")).unwrap_or_default();
            lines.push(format!(
                "  {} {}{was}{fate}：保留 {}，新开 {}，中止 {}",
                task.task,
                task.title,
                task.kept,
                task.opened.len(),
                task.cancelled.len()
            ));
        }
        lines.extend(report.changes.iter().map(|change| format!("  {}", change.zh())));
        if report.left_out > 0 {
            lines.push(format!("  另有 {} 处不同", report.left_out));
        }
        lines.join("\n")
    }
}
