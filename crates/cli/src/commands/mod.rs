//! One file for each command.

pub(crate) mod act;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod directory;
pub(crate) mod graph;
pub(crate) mod listing;
pub(crate) mod migrate;
pub(crate) mod moves;
pub(crate) mod publish;
pub(crate) mod repair;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod simulate;
pub(crate) mod test;
pub(crate) mod upkeep;
pub(crate) mod workday;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use duban::{Date, EngineError};
use duban_calendar::{CivilDate, ParseError};
use duban_model::{Severity, Suite, shortened};
use duban_script::Program;
use duban_web::TokenError;

use crate::db::NoDatabase;
use crate::suite_files;

/// The exit code of a failure: see the head of `main.rs`.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let engine = error.downcast_ref::<EngineError>();
    let refused = matches!(engine, Some(EngineError::Refused(_) | EngineError::Evidence(_)));
    let token = error.downcast_ref::<TokenError>();
    let refused = refused || matches!(token, Some(TokenError::Taken(_)));
    let store = matches!(engine, Some(EngineError::Store(_)))
        || matches!(token, Some(TokenError::Store(_)));
    if refused || error.downcast_ref::<duban_core::Refusal>().is_some() {
        3
    } else if store
        || error.downcast_ref::<duban_store::StoreError>().is_some()
        || error.downcast_ref::<NoDatabase>().is_some()
    {
        4
    } else {
        1
    }
}

/// What a failure says: a refusal with its code, anything else with its causes.
pub(crate) fn message(error: &anyhow::Error) -> String {
    match error.downcast_ref::<EngineError>() {
        Some(EngineError::Refused(refusal)) => {
            format!("{} {}", refusal.code(), shortened(&refusal.to_string()))
        }
        Some(other) => format!("{} {}", other.code(), shortened(&other.to_string())),
        None => format!("{error:#}"),
    }
}

/// A date as it may be given on the command line.
pub(crate) fn civil(text: &str) -> Result<Date, ParseError> {
    text.parse().map(CivilDate::date)
}

/// A suite that is fit to run, compiled. What is wrong with it goes to standard error.
pub(crate) fn load(folder: &Path) -> Result<(Suite, Vec<Arc<Program>>)> {
    let checked = suite_files::check(folder)?;
    let errors = check::show(&checked, |problem| problem.severity == Severity::Error);
    match checked.loaded.suite {
        Some(suite) if errors == 0 => Ok((suite, checked.programs)),
        _ => bail!("`{}` has {errors} errors; see `duban check`", folder.display()),
    }
}
