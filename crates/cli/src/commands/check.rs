//! `duban check`: every problem of every file of a suite.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use duban_model::{Problem, Severity};
use serde_json::json;

use crate::Ended;
use crate::output::{Output, tell};
use crate::render::problems::render;
use crate::suite_files::{self, Checked};

/// Check a suite: every problem of every file at once, with place, source line and suggestion.
#[derive(Args)]
#[command(after_help = "Examples:
  duban check workflows/jinan-2021
  duban check workflows/jinan-2021 --json | jq '.problems[].message'

Exit code 1 where there are errors; warnings alone give 0, or 1 with --strict.")]
pub(crate) struct Check {
    /// The folder that holds suite.yaml.
    folder: PathBuf,
    /// Warnings count as errors.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(check: &Check, output: &Output) -> Result<Ended> {
    let checked = suite_files::check(&check.folder)?;
    let problems = &checked.loaded.problems;
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    if !output.json {
        show(&checked, |_| true);
    }
    let draft = &checked.loaded.draft;
    let tasks: usize =
        draft.definitions.values().map(|definition| definition.workflow.tasks.len()).sum();
    let summary = json!({
        "errors": errors,
        "warnings": warnings,
        "workflows": draft.definitions.len(),
        "tasks": tasks,
        "obligations": draft.obligations.len(),
        "problems": problems,
    });
    output.print(&summary, || {
        format!(
            "{} 项措施，{tasks} 个任务，{} 条要求：{errors} 个错误，{warnings} 个警告",
            draft.definitions.len(),
            draft.obligations.len()
        )
    })?;
    let bad = errors > 0 || (check.strict && warnings > 0);
    Ok(if bad { Ended::WithProblems } else { Ended::Well })
}

/// Shows the chosen problems on standard error and returns how many there are.
pub(crate) fn show(checked: &Checked, is_chosen: impl Fn(&Problem) -> bool) -> usize {
    let chosen = checked.loaded.problems.iter().filter(|problem| is_chosen(problem));
    let mut shown = 0;
    for problem in chosen {
        let text = render(problem, &checked.sources, Output::is_terminal());
        tell(format_args!("{text}\n"));
        shown += 1;
    }
    shown
}
