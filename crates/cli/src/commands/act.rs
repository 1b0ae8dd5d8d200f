//! `duban act`: makes a move in a case.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::error::ErrorKind;
use duban::{Actor, CaseId, Engine, EngineError, SqliteStore};
use duban_calendar::Tz;
use duban_core::Evidence;
use duban_web::{CaseFiles, Given, Giving};
use serde_json::json;

use super::moves::What;
use crate::Ended;
use crate::config::read;
use crate::db::{DbArgs, block_on, engine_with, must_exist};
use crate::evidence;
use crate::output::Output;

/// Make a move in a case, as a person of the directory.
#[derive(Args)]
#[command(after_help = "Examples:
  duban act CASE sign study/370102@2022-H1 --as p0001 --db office.db
  duban act CASE submit project/370102 --form '{\"name\":\"…\"}' --as p0001 --db office.db
  duban act CASE report project/370102 --text 进展 --file 方案=./方案.pdf --as p0001 --db office.db
  duban act CASE accept project/370102 --as p0002 --db office.db
  duban act CASE suspend --item project/370102 --reason 上级叫停 --as p0003 --db office.db
  duban act CASE report --help                   what a move asks for

Exit code 3 where the move is refused; the message says why.")]
pub(crate) struct Act {
    /// The case's id.
    case: String,
    /// Who acts: a person's id.
    #[arg(long = "as", global = true)]
    person: Option<String>,
    /// Whom they stand in for.
    #[arg(long, global = true)]
    on_behalf_of: Option<String>,
    /// Makes the request safe to repeat.
    #[arg(long, global = true)]
    key: Option<String>,
    /// The configuration file, which says where files are kept; left out: `duban.toml` where
    /// there is one.
    #[arg(long, env = "DUBAN_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    db: DbArgs,
    #[command(subcommand)]
    what: What,
}

pub(crate) fn run(command: &Act, output: &Output) -> Result<Ended> {
    let mut what = command.what.clone();
    // An option that may stand after the move cannot be required by the parser itself.
    let Some(person) = &command.person else {
        let missing = "a person must act: give their id with --as\n";
        clap::Error::raw(ErrorKind::MissingRequiredArgument, missing).exit();
    };
    let actor = Actor::Person {
        person: person.as_str().into(),
        on_behalf_of: command.on_behalf_of.as_deref().map(Into::into),
    };
    block_on(async {
        let (config, _) = read(command.config.as_deref())?;
        let evidence = if what.takes_files() {
            let folder = evidence::folder(&config, &command.db.db);
            Some(evidence::make(&config, &folder).await?)
        } else {
            None
        };
        must_exist(&command.db.db)?;
        let (engine, files) = engine_with(&command.db.db, Vec::new(), evidence).await?;
        let case = CaseId::new(&command.case);
        let mut given = Vec::new();
        let outcome = async {
            if let Some(files) = &files {
                // A case that does not exist is given no files.
                engine.case(&case).await?;
                let giving = Giving { case: &case, by: person, name: "", at: engine.now() };
                give(files, giving, &mut what.files, &mut given).await?;
            }
            let act = what.act(async || zone(&engine, &case).await).await?;
            Ok::<_, anyhow::Error>(engine.act(&case, actor, act, command.key.clone()).await?)
        };
        let outcome = outcome.await;
        if let (Err(_), Some(files)) = (&outcome, &files) {
            files.take_back(&given).await;
        }
        engine.shutdown().await?;
        let outcome = outcome?;
        let kinds: Vec<&str> = outcome.events.iter().map(|event| event.fact.kind()).collect();
        output.print(&json!({ "version": outcome.version, "events": outcome.events }), || {
            format!("已办理：{}（第 {} 条记录）", kinds.join("、"), outcome.version)
        })?;
        Ok(Ended::Well)
    })
}

/// The time zone of a case's suite.
async fn zone(engine: &Engine<SqliteStore>, case: &CaseId) -> Result<Tz, EngineError> {
    let definition = engine.case(case).await?.head().definition.clone();
    Ok(engine.definition(&definition).await?.suite.time_zone)
}

/// Gives every file of this machine for the case, and names its address in its place. What was
/// given on the way to a failure stands in `given`.
async fn give(
    files: &CaseFiles<SqliteStore>,
    giving: Giving<'_>,
    named: &mut [Evidence],
    given: &mut Vec<Given>,
) -> Result<()> {
    for one in named.iter_mut().filter(|one| !one.file.starts_with("sha256:")) {
        let path = Path::new(&one.file);
        let file = File::open(path).with_context(|| {
            format!("`{}` cannot be read; write NAME=PATH, or NAME=sha256:…", path.display())
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let new = files.give_file(Giving { name: &name, ..giving.clone() }, file).await?;
        one.file = new.address();
        given.push(new);
    }
    Ok(())
}
