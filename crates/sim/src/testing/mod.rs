//! Workflow tests: rhai files whose functions `test_…` run in virtual time.
//!
//! Each test begins with an empty world at the start of the suite's target year. A failed
//! assertion ends the test and says what was expected and what is; the timelines of its cases
//! follow.

mod bench;
mod functions;

use std::sync::{Arc, Mutex, PoisonError};

use duban_model::{Script, Suite};
use duban_script::Program;
use rhai::{CallFnOptions, Dynamic, EvalAltResult, Position, Scope};
use serde::Serialize;

use self::bench::Bench;

/// What came of one test.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct TestResult {
    /// The file, for example `tests/m23.rhai`.
    pub file: String,
    /// The function.
    pub name: String,
    /// `file:line:column: what was expected and what is`; `None`: it passed.
    pub failure: Option<String>,
    /// What happened in its cases, where it failed.
    pub timeline: Vec<String>,
}

/// Runs the tests of a suite whose file or name contains `only`, in the order of the files.
///
/// A test file that does not compile is one failed test.
pub fn run_tests(suite: &Suite, programs: &[Arc<Program>], only: &str) -> Vec<TestResult> {
    let mut results = Vec::new();
    for script in &suite.tests {
        results.extend(run_file(suite, programs, script, only));
    }
    results
}

fn run_file(
    suite: &Suite,
    programs: &[Arc<Program>],
    script: &Script,
    only: &str,
) -> Vec<TestResult> {
    let failed = |failure: String| TestResult {
        file: script.file.clone(),
        name: String::new(),
        failure: Some(failure),
        timeline: Vec::new(),
    };
    let ast = match functions::limited().compile(&script.source) {
        Ok(ast) => ast,
        Err(error) => {
            return vec![failed(format!("{}:{}: {error}", script.file, shown(error.position())))];
        }
    };
    let mut names: Vec<(usize, String)> = ast
        .iter_functions()
        .filter(|function| function.name.starts_with("test_") && function.params.is_empty())
        .map(|function| (place_of(&script.source, function.name), function.name.to_owned()))
        .filter(|(_, name)| script.file.contains(only) || name.contains(only))
        .collect();
    names.sort();
    let mut results = Vec::new();
    for (_, name) in names {
        let bench = Arc::new(Mutex::new(Bench::new(suite, programs)));
        let engine = functions::engine(&bench);
        let options = CallFnOptions::new().eval_ast(false);
        let called: Result<Dynamic, _> =
            engine.call_fn_with_options(options, &mut Scope::new(), &ast, &name, ());
        let failure = called.err().map(|error| explain(&script.file, &error));
        let bench = bench.lock().unwrap_or_else(PoisonError::into_inner);
        let timeline = if failure.is_some() { bench.timeline() } else { Vec::new() };
        results.push(TestResult { file: script.file.clone(), name, failure, timeline });
    }
    results
}

/// Where a function stands in its file, so that tests run in the order in which they are written.
fn place_of(source: &str, name: &str) -> usize {
    source.find(&format!("fn {name}")).unwrap_or(usize::MAX)
}

fn shown(position: Position) -> String {
    match (position.line(), position.position()) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        (Some(line), None) => format!("{line}:1"),
        _ => "1:1".to_owned(),
    }
}

fn explain(file: &str, error: &EvalAltResult) -> String {
    let mut inner = error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, below, _) = inner {
        inner = below;
    }
    let message = match inner {
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        other => other.to_string(),
    };
    format!("{file}:{}: {message}", shown(inner.position()))
}
