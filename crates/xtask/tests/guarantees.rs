//! The table of guarantees names tests that exist, and leaves no rule out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root exists")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).expect("a page")
}

/// The rows of the tables of guarantees, as cells.
fn rows() -> Vec<Vec<String>> {
    let page = page("guarantees.md");
    let rows = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.map(|line| {
        line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
    })
    .filter(|cells: &Vec<String>| cells.last().is_some_and(|last| last != "test"))
    .collect()
}

/// Names of the tests of a crate: functions below an attribute that makes them one, and the names
/// that stand alone on their lines, as tests are handed to a macro that makes them.
fn tests_of(krate: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("crates").join(krate)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                tests_in(&fs::read_to_string(&path).expect("a source file"), &mut found);
            }
        }
    }
    found
}

fn tests_in(text: &str, found: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if !line.is_empty()
            && line.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c))
        {
            found.insert(line.to_owned());
        }
        let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(name) = name {
            if is_test {
                found.insert(
                    name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect(),
                );
            }
            is_test = false;
        } else if line.starts_with("#[") {
            is_test |= line.contains("test]") || line.contains("::test(");
        } else if !line.starts_with("//") {
            is_test = false;
        }
    }
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rows = rows();
    assert!(!rows.is_empty(), "docs/guarantees.md has no table");
    for cells in rows {
        let [_, promise, tests] = cells.as_slice() else { panic!("three cells, not {cells:?}") };
        let named: Vec<&str> = tests.split(", ").map(|test| test.trim_matches('`')).collect();
        for test in named {
            let (krate, name) = test.split_once(" · ").unwrap_or_else(|| {
                panic!("“{promise}” names `{test}`; write `crate · test`");
            });
            let tests = known.entry(krate.to_owned()).or_insert_with(|| tests_of(krate));
            assert!(tests.contains(name), "“{promise}” rests on `{test}`, which is no test");
        }
    }
}

#[test]
fn every_rule_has_its_promise() {
    let architecture = page("architecture.md");
    let rules: BTreeSet<u32> = architecture
        .lines()
        .filter_map(|line| line.split_once(". **"))
        .filter_map(|(number, _)| number.parse().ok())
        .collect();
    assert!(rules.len() > 30, "docs/architecture.md numbers its rules otherwise: {rules:?}");
    let kept: BTreeSet<u32> = rows().iter().filter_map(|cells| cells[0].parse().ok()).collect();
    let missing: Vec<&u32> = rules.difference(&kept).collect();
    assert!(missing.is_empty(), "docs/guarantees.md has no line for the rules {missing:?}");
}
