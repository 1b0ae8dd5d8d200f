//! Histories that the tests live through, offered for keeping.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use duban_core::{Case, Event, decode, encode, link, replay};
use serde_json::{Value as Json, json};

/// Set to `write`, tests keep what they live through where a kind of fact has no history yet.
pub(crate) const VARIABLE: &str = "DUBAN_GOLDEN";

/// The longest history that is kept whole; of a longer one the beginning, up to the fact.
const EVENTS_MAX: usize = 150;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/histories")
}

/// What a stored history folds to: everything that a store keeps of it, as JSON for people.
pub(crate) fn state_of(case: &Case) -> String {
    let items: Vec<Json> = case.items().map(|item| json!(**item)).collect();
    let state = json!({ "head": case.head(), "items": items });
    serde_json::to_string_pretty(&state).expect("plain data") + "\n"
}

/// Reads the stored texts of a history, one a line, and folds them.
pub(crate) fn fold(texts: &str) -> (Vec<Event>, Case) {
    let mut log: Vec<(Event, String)> = Vec::new();
    for text in texts.lines() {
        let event = decode(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let previous = log.last().map(|(_, hash)| hash.clone()).unwrap_or_default();
        log.push((event, link(&previous, text)));
    }
    let case = replay(log.iter().map(|(event, hash)| (event, hash.as_str()))).expect("a case");
    (log.into_iter().map(|(event, _)| event).collect(), case)
}

/// Writes the history down once for each kind of fact in it that has no file. A file that is there
/// is never written.
pub(crate) fn offer(log: &[(Event, String)]) {
    if std::env::var(VARIABLE).as_deref() != Ok("write") || log.is_empty() {
        return;
    }
    let mut seen = BTreeSet::new();
    for (place, (event, _)) in log.iter().enumerate() {
        if !seen.insert(event.fact.kind()) {
            continue;
        }
        let path = folder().join(format!("{}.jsonl", event.fact.kind()));
        let upto = if log.len() <= EVENTS_MAX { log.len() } else { place + 1 };
        if log.first().is_some_and(|(first, _)| first.seq == 1) {
            keep(&path, &log[..upto]);
        }
    }
}

fn keep(path: &Path, log: &[(Event, String)]) {
    let Ok(mut file) = fs::File::create_new(path) else { return };
    let mut texts = String::new();
    let mut previous = String::new();
    for (event, _) in log {
        let encoded = encode(event, &previous);
        writeln!(texts, "{}", encoded.text).expect("a text");
        previous = encoded.hash;
    }
    file.write_all(texts.as_bytes()).expect("the history is written");
    let (_, case) = fold(&texts);
    fs::write(path.with_extension("state.json"), state_of(&case)).expect("the state is written");
}
