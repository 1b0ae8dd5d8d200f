//! Golden histories: stored events of each kind of fact, and the state that they fold to for ever.
//!
//! `histories/KIND.jsonl` holds the texts of one case's events as a store keeps them, one a line;
//! `histories/KIND.state.json` beside it what they fold to. Both are written once and never edited:
//! what an old fact folds to stays as it was.
//!
//! A new kind of fact gets its file from any test of this crate in which it happens, by one
//! command:
//!
//! ```sh
//! DUBAN_GOLDEN=write cargo test -p duban-core
//! ```
//!
//! It writes a file for each kind that has none, from the first history in which it comes, and
//! touches no other.

#[path = "../support/mod.rs"]
mod support;

mod variants;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use duban_core::{Fact, encode};
use serde_json::Value as Json;
use support::golden::{fold, folder, state_of};

/// The files of histories by the kind that names them.
fn histories() -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    found.sort();
    found
}

/// Whether everything that `old` says stands in `new` too.
fn holds(new: &Json, old: &Json) -> bool {
    match (new, old) {
        (Json::Object(new), Json::Object(old)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| holds(new, old)))
        }
        (Json::Array(new), Json::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| holds(new, old))
        }
        (new, old) => new == old,
    }
}

#[test]
fn every_golden_history_folds_to_its_state() {
    for (kind, path) in histories() {
        let texts = fs::read_to_string(&path).expect("the history");
        let state = fs::read_to_string(path.with_extension("state.json")).expect("the state");
        let (_, case) = fold(&texts);
        // The order of keys is not the state's.
        let read = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
        let folded = state_of(&case);
        let differs = folded.lines().zip(state.lines()).find(|(now, then)| now != then);
        let same = read(&folded) == read(&state);
        assert!(same, "{kind} folds to another state than it did: {differs:?}");
    }
}

#[test]
fn what_is_read_of_a_golden_history_is_all_that_was_written() {
    for (kind, path) in histories() {
        let texts = fs::read_to_string(&path).expect("the history");
        let (events, _) = fold(&texts);
        for (event, text) in events.iter().zip(texts.lines()) {
            let old: Json = serde_json::from_str(text).expect("JSON");
            let new: Json = serde_json::from_str(&encode(event, "").text).expect("JSON");
            assert!(holds(&new, &old), "{kind}: something of {text} is not read");
        }
    }
}

#[test]
fn every_kind_of_fact_has_a_golden_history() {
    let kinds: BTreeSet<String> =
        variants::of::<Fact>().iter().map(|kind| (*kind).to_owned()).collect();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (kind, path) in histories() {
        let (events, _) = fold(&fs::read_to_string(&path).expect("the history"));
        let own = events.iter().any(|event| event.fact.kind() == kind);
        assert!(own, "{kind}.jsonl has no such fact");
        told.extend(events.iter().map(|event| event.fact.kind().to_owned()));
    }
    let missing: Vec<&String> = kinds.difference(&told).collect();
    let unknown: Vec<&String> = told.difference(&kinds).collect();
    assert!(unknown.is_empty(), "the log calls kinds otherwise than the stored facts: {unknown:?}");
    assert!(
        missing.is_empty(),
        "no golden history has {missing:?}; write them with \
         `DUBAN_GOLDEN=write cargo test -p duban-core` after a test in which they happen"
    );
}
