//! `duban publish` and `duban open`: definitions into a database, cases out of them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use duban::{Actor, Date, Engine, OpenSpec, SqliteStore, WindowKind};
use serde_json::json;

use super::{civil, load};
use crate::Ended;
use crate::db::{DbArgs, block_on, engine, engine_with, tell_if_new};
use crate::output::Output;

/// Publish a suite: its workflows become the current ones of the database.
#[derive(Args)]
#[command(after_help = "Examples:
  duban publish workflows/jinan-2021 --db office.db
  duban open --db office.db --suite jinan-2021 --all --date 2022-01-01")]
pub(crate) struct Publish {
    /// The folder that holds suite.yaml.
    folder: PathBuf,
    #[command(flatten)]
    db: DbArgs,
}

pub(crate) fn publish(command: &Publish, output: &Output) -> Result<Ended> {
    let (suite, _) = load(&command.folder)?;
    block_on(async {
        tell_if_new(&command.db.db);
        let (engine, _) = engine_with(&command.db.db, Vec::new(), None).await?;
        let published = engine.publish(&suite).await?;
        engine.shutdown().await?;
        output.print(&json!({ "published": published }), || {
            format!("已发布 {} 项措施到 {}", published.len(), command.db.db.display())
        })?;
        Ok(Ended::Well)
    })
}

/// Open cases: one workflow for one unit, or everything that a suite asks for.
#[derive(Args)]
#[command(after_help = "Examples:
  duban open --db office.db --suite jinan-2021 --workflow m23-duty-performance --unit 370102 --date 2022-01-01
  duban open --db office.db --suite jinan-2021 --all --date 2022-01-01

A case that exists already is refused (exit code 3); with --all it is passed over.")]
pub(crate) struct Open {
    /// The suite's id.
    #[arg(long)]
    suite: String,
    /// Every workflow, for every unit of its `cases`.
    #[arg(long, conflicts_with_all = ["workflow", "unit"])]
    all: bool,
    /// The workflow's id.
    #[arg(long, required_unless_present = "all")]
    workflow: Option<String>,
    /// The unit's code.
    #[arg(long, required_unless_present = "all")]
    unit: Option<String>,
    /// A date in the period to be covered.
    #[arg(long, value_parser = civil)]
    date: Date,
    /// What the case covers: year, half-year, quarter, month or week. Left out: what the workflow
    /// says; another is refused.
    #[arg(long, conflicts_with = "all")]
    period: Option<WindowKind>,
    /// Makes the request safe to repeat.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    db: DbArgs,
}

/// What a workflow's cases cover, as it is published now.
async fn period_of(engine: &Engine<SqliteStore>, spec: &OpenSpec) -> Result<Option<WindowKind>> {
    let current = engine.current(&spec.suite, &spec.workflow).await?;
    Ok(engine.definition(&current).await?.workflow.period)
}

pub(crate) fn open(command: &Open, output: &Output) -> Result<Ended> {
    block_on(async {
        let engine = engine(&command.db.db).await?;
        let actor = Actor::operator("duban open");
        let mut opened = Vec::new();
        let mut refused = Vec::new();
        if let (false, Some(workflow), Some(unit)) = (command.all, &command.workflow, &command.unit)
        {
            let mut spec = OpenSpec::new(command.suite.as_str(), workflow.as_str(), unit.as_str());
            let kind = match command.period {
                Some(kind) => Some(kind),
                None => period_of(&engine, &spec).await?,
            };
            spec.period = kind.map(|kind| kind.containing(command.date));
            let outcome = engine.open(spec, actor, command.key.clone()).await;
            match outcome {
                Ok(outcome) => opened.push(outcome.case),
                Err(error) => {
                    engine.shutdown().await?;
                    return Err(error.into());
                }
            }
        } else {
            let suite = command.suite.as_str().into();
            for one in engine.open_suite(&suite, command.date, actor).await? {
                match one.version {
                    Ok(_) => opened.push(one.name.id()),
                    Err(error) => refused.push(format!("{}：{error}", one.name.workflow)),
                }
            }
        }
        engine.shutdown().await?;
        output.print(&json!({ "opened": opened, "refused": refused }), || {
            let mut lines: Vec<String> = opened.iter().map(ToString::to_string).collect();
            lines.extend(refused.iter().cloned());
            lines.push(format!("立项 {} 件", opened.len()));
            lines.join("\n")
        })?;
        Ok(Ended::Well)
    })
}
