//! Everything that can be found wrong with a suite without running it.

use std::sync::Arc;

use duban_core::opening_cost;
use duban_model::Loaded;
use duban_script::{Budget, Limits, Program, check_test};

use crate::testing::{names, test_engine};

/// Compiles every workflow of a loaded suite and adds what is wrong with it: with each workflow,
/// with what it names in the directory, with what opening its cases costs, with workflows that open each other, with the tests' files.
/// Workflows with errors are missing in the answer.
pub fn check(loaded: &mut Loaded) -> Vec<Arc<Program>> {
    let mut programs = Vec::new();
    let definitions: Vec<_> = loaded.draft.definitions.values().cloned().collect();
    for definition in definitions {
        match Program::compile(definition, Limits::default()) {
            Ok(program) => {
                let program = Arc::new(program);
                loaded.add(program.check_values());
                if let Some(directory) = loaded.draft.directory.clone() {
                    loaded.add(program.check(&directory));
                    let (budget, calendar) = (Budget::default(), &loaded.draft.calendar);
                    let is_whole = loaded.suite.is_some();
                    let cost =
                        is_whole.then(|| opening_cost(&program, &directory, calendar, &budget));
                    loaded.add(cost.flatten());
                }
                programs.push(program);
            }
            Err(problems) => loaded.add(problems),
        }
    }
    loaded.add(Program::check_together(&programs));
    let (engine, names) = (test_engine(), names());
    let tests = loaded.draft.tests.clone();
    for script in &tests {
        loaded.add(check_test(&engine, script, &names));
    }
    programs
}
