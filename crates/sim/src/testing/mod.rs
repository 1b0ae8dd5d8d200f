//! Workflow tests: rhai files whose functions `test_…` run in virtual time.
//!
//! Each test begins with an empty world at the start of the suite's target year. A failed
//! assertion ends the test and says what was expected and what is; the timelines of its cases
//! follow. A test has failed too where a script failed and the test does not expect it, and where
//! it claims nothing: it asserts nothing, and does not end with a move or by finding an item.

mod bench;
mod functions;
mod moves;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use duban_model::{Script, Suite, echoed};
use duban_script::{Program, Shifts, closest, dates_as_texts};
use rhai::{CallFnOptions, Dynamic, Engine, EvalAltResult, Position, Scope};
use serde::Serialize;

use self::bench::Bench;
use crate::budget::Budget;

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

pub use self::functions::test_functions;

/// The engine that test files are compiled with: every limit set, no function of ours.
pub(crate) fn test_engine() -> Engine {
    functions::limited()
}

/// The names of the tests' functions, English and Chinese.
pub(crate) fn names() -> Vec<&'static str> {
    test_functions().into_iter().flat_map(|(english, chinese)| [english, chinese]).collect()
}

/// Lines of a timeline that are told.
const TIMELINE_LINES_MAX: usize = 1_000;

/// Runs the tests of a suite whose file or name contains `only`, in the order of the files.
///
/// A test file that does not compile is one failed test. Each test may use up the budget; one
/// that reaches a bound has failed, and so have all that come after the flag was set.
pub fn run_tests(
    suite: &Suite,
    programs: &[Arc<Program>],
    only: &str,
    budget: &Budget,
) -> Vec<TestResult> {
    let files = suite.tests.iter();
    let run = || files.flat_map(|script| run_file(suite, programs, script, only, budget)).collect();
    let results: Vec<TestResult> = budget.stop.during(run);
    let is_none = results.is_empty() && !only.is_empty() && !budget.stop.is_set();
    if is_none { vec![nothing_named(suite, only)] } else { results }
}

/// What is told where no test's name, or file, holds a text.
fn nothing_named(suite: &Suite, only: &str) -> TestResult {
    let names: Vec<String> = suite.tests.iter().flat_map(names_of).collect();
    let known = suite.tests.iter().map(|script| script.file.as_str());
    let known = known.chain(names.iter().map(String::as_str));
    let nearest = closest(only, known).map(|name| format!("；最接近的是 {name}"));
    let none = if names.is_empty() { "；这份文件还没有测试" } else { "" };
    let failure =
        format!("没有文件或名称含“{}”的测试{}{none}", echoed(only), nearest.unwrap_or_default());
    TestResult {
        file: String::new(),
        name: String::new(),
        failure: Some(failure),
        timeline: Vec::new(),
    }
}

/// Names of a file's tests; none where it cannot be read.
fn names_of(script: &Script) -> Vec<String> {
    let Ok(dated) = dates_as_texts(&script.file, &script.source) else { return Vec::new() };
    let Ok(ast) = functions::limited().compile(&dated.source) else { return Vec::new() };
    let tests = ast.iter_functions().filter(|function| is_test(function));
    tests.map(|function| function.name.to_owned()).collect()
}

fn is_test(function: &rhai::ScriptFnMetadata<'_>) -> bool {
    function.name.starts_with("test_") && function.params.is_empty()
}

fn run_file(
    suite: &Suite,
    programs: &[Arc<Program>],
    script: &Script,
    only: &str,
    budget: &Budget,
) -> Vec<TestResult> {
    let failed = |failure: String| TestResult {
        file: script.file.clone(),
        name: String::new(),
        failure: Some(failure),
        timeline: Vec::new(),
    };
    // Tests write dates as texts; a bare one is the same.
    let dated = match dates_as_texts(&script.file, &script.source) {
        Ok(dated) => dated,
        Err(problems) => return problems.iter().map(|it| failed(it.to_string())).collect(),
    };
    let dates = &dated.shifts;
    let ast = match functions::limited().compile(&dated.source) {
        Ok(ast) => ast,
        Err(error) => {
            let at = shown(dates.original(error.position()));
            return vec![failed(format!("{}:{at}: {error}", script.file))];
        }
    };
    let mut names: Vec<(usize, String)> = ast
        .iter_functions()
        .filter(is_test)
        .map(|function| (place_of(&script.source, function.name), function.name.to_owned()))
        .filter(|(_, name)| script.file.contains(only) || name.contains(only))
        .collect();
    names.sort();
    let mut results = Vec::new();
    for (_, name) in names {
        let bench = Arc::new(Mutex::new(Bench::new(suite, programs, budget)));
        let engine = functions::engine(&bench, &budget.stop);
        let options = CallFnOptions::new().eval_ast(false);
        let called: Result<Dynamic, _> =
            engine.call_fn_with_options(options, &mut Scope::new(), &ast, &name, ());
        let bench = bench.lock().unwrap_or_else(PoisonError::into_inner);
        // A script cannot pass over a bound that was reached, as it may over an error.
        let failure = match (bench.stopped(), called) {
            (Some(stop), _) => Some(format!("{}: {} {stop}", script.file, stop.code())),
            (None, Err(error)) => Some(explain(&script.file, dates, &error)),
            (None, Ok(_)) => bench.verdict().err().map(|wrong| {
                let line = line_of(&script.source, &name);
                format!("{}:{line}:1: {wrong}", script.file)
            }),
        };
        let timeline = match failure {
            Some(_) => bench.timeline(TIMELINE_LINES_MAX),
            None => Vec::new(),
        };
        results.push(TestResult { file: script.file.clone(), name, failure, timeline });
    }
    results
}

/// Where a function stands in its file, so that tests run in the order in which they are written.
fn place_of(source: &str, name: &str) -> usize {
    source.find(&format!("fn {name}")).unwrap_or(usize::MAX)
}

/// The line of a function, from 1.
fn line_of(source: &str, name: &str) -> usize {
    let before = source.get(..place_of(source, name)).unwrap_or_default();
    before.matches('\n').count() + 1
}

fn shown(position: Position) -> String {
    match (position.line(), position.position()) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        (Some(line), None) => format!("{line}:1"),
        _ => "1:1".to_owned(),
    }
}

fn explain(file: &str, dates: &Shifts, error: &EvalAltResult) -> String {
    let mut inner = error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, below, _) = inner {
        inner = below;
    }
    let message = match inner {
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        other => other.to_string(),
    };
    format!("{file}:{}: {message}", shown(dates.original(inner.position())))
}
