//! The suites that come with the project compile without a problem.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duban_model::{Library, Problem, Script, Sources, load_suite};
use duban_script::{Limits, Program};

use crate::support::{CALENDAR, STANDARD, place, render};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder by their paths in it.
fn sources(folder: &Path) -> Sources {
    let mut sources = Sources::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                sources.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

/// Every problem of every workflow of a suite, with its place.
fn problems(folder: &str) -> Vec<String> {
    let path = root().join(folder);
    let library = Library {
        scripts: vec![Script { file: "lib/standard.rhai".to_owned(), source: STANDARD.to_owned() }],
        calendars: BTreeMap::from([("cn".to_owned(), (**CALENDAR).clone())]),
    };
    let loaded = load_suite("suite", &sources(&path), &library);
    let mut found = Vec::new();
    for definition in loaded.draft.definitions.values() {
        match Program::compile(definition.clone(), Limits::default()) {
            Ok(program) => {
                let directory = loaded.draft.directory.clone().map(Arc::unwrap_or_clone);
                found.extend(directory.map(|it| program.check(&it)).unwrap_or_default());
            }
            Err(problems) => found.extend(problems),
        }
    }
    assert!(!loaded.draft.definitions.is_empty(), "{}", render(&loaded.problems));
    let line = |it: &Problem| format!("{} {}", place(&it.place), render(std::slice::from_ref(it)));
    found.sort();
    found.dedup();
    found.iter().map(line).collect()
}

#[test]
fn the_suites_of_the_project_compile() {
    for folder in ["workflows/jinan-2021", "examples/oa"] {
        let found = problems(folder);
        assert!(found.is_empty(), "{folder}:\n{}", found.join("\n"));
    }
}
