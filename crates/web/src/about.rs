//! What is told of an item beside its state: its events, its files, why it came about.

use duban_calendar::Instant;
use duban_core::{CaseId, Event, Fact, Item, ItemKey, ItemKind, Teller, decode};
use duban_engine::{Engine, EngineError};
use duban_store::{EventRow, Store};

/// Events about the task that its page tells of, the latest.
const EVENTS_TOLD: u32 = 1_000;

/// A file that came with a report or a submission.
pub(crate) struct Kept<'a> {
    pub(crate) name: &'a str,
    /// Its content address.
    pub(crate) file: &'a str,
    pub(crate) at: Instant,
}

/// Why an interview, a rectification or an opened task came about.
pub(crate) fn occasion(item: &Item, teller: &Teller<'_>) -> String {
    match &item.kind {
        ItemKind::Interview { who, why, .. } => format!("约谈 {}：{why}", teller.name(who)),
        ItemKind::Rectification { why, .. } => why.clone(),
        ItemKind::Extra { why, .. } => why.clone().unwrap_or_default(),
        ItemKind::Task => String::new(),
    }
}

/// The latest events about an item, oldest first.
pub(crate) async fn events<S: Store>(
    engine: &Engine<S>,
    case: &CaseId,
    item: &ItemKey,
) -> Result<Vec<Event>, EngineError> {
    Ok(read(engine, &engine.events_about(case, item, EVENTS_TOLD).await?))
}

/// Files that came with reports and submissions, the latest first.
pub(crate) fn kept(log: &[Event]) -> Vec<Kept<'_>> {
    let mut all = Vec::new();
    for event in log.iter().rev() {
        let (Fact::Reported { evidence, .. } | Fact::Submitted { evidence, .. }) = &event.fact
        else {
            continue;
        };
        let files = evidence.iter();
        all.extend(files.map(|one| Kept { name: &one.name, file: &one.file, at: event.at }));
    }
    all
}

/// Events as they were stored; one that cannot be read is told of and passed over.
pub(crate) fn read<S: Store>(engine: &Engine<S>, rows: &[EventRow]) -> Vec<Event> {
    let event = |row: &EventRow| match decode(&row.text) {
        Ok(event) => Some(event),
        Err(error) => {
            engine.note_unreadable(&row.case, &format!("event {}", row.seq), &error);
            None
        }
    };
    rows.iter().filter_map(event).collect()
}
