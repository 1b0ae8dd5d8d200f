//! `duban test`: an author's workflow tests, in virtual time.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use duban_sim::{Budget, run_tests};
use serde_json::json;

use super::load;
use crate::Ended;
use crate::output::Output;

/// Run a suite's workflow tests in virtual time.
#[derive(Args)]
#[command(after_help = "Examples:
  duban test workflows/jinan-2021
  duban test workflows/jinan-2021 --only m23

A failed test prints expected against actual, and what happened in its cases.")]
pub(crate) struct Test {
    /// The folder that holds suite.yaml.
    folder: PathBuf,
    /// Only tests whose file or name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How many seconds all of them together may take.
    #[arg(long, default_value_t = 600)]
    seconds_max: u64,
}

/// What a simulation or the tests may use up; after so many seconds they are ended.
pub(crate) fn budget(seconds_max: u64) -> Budget {
    let budget = Budget { seconds_max, ..Budget::default() };
    let stop = budget.stop.clone();
    // It ends with the process, which may well be done before.
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(seconds_max));
        stop.set();
    });
    budget
}

pub(crate) fn run(test: &Test, output: &Output) -> Result<Ended> {
    let (suite, programs) = load(&test.folder)?;
    let results = run_tests(&suite, &programs, &test.only, &budget(test.seconds_max));
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let passed = results.len() - failed;
    let value = json!({ "passed": passed, "failed": failed, "tests": results });
    output.print(&value, || {
        let mut lines = Vec::new();
        for result in &results {
            match &result.failure {
                None => lines.push(format!("通过  {} {}", result.file, result.name)),
                Some(failure) => {
                    lines.push(format!("失败  {} {}\n{failure}", result.file, result.name));
                    lines.extend(result.timeline.iter().map(|line| format!("    {line}")));
                }
            }
        }
        lines.push(format!("{passed} passed, {failed} failed"));
        lines.join("\n")
    })?;
    Ok(if failed == 0 { Ended::Well } else { Ended::WithProblems })
}
