//! Rows against events: checking wake-ups, making rows again, verifying logs.

use std::sync::Arc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::{
    CaseId, CaseRow, Event, ItemRow, Refusal, case_from_texts, decode, replay, verify,
};
use duban_store::{CaseFilter, EventRow, PageRequest, Store, StoredCase};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::keys;
use crate::shared::{Phase, Shared};
use crate::stats::add;
use crate::work::{Desk, Work};

/// Events read at once.
const EVENTS_PAGE: u32 = 500;

/// The pause between two chunks of a consistency check, so that it never fills the disk.
const CHECK_PAUSE: Duration = Duration::from_millis(20);

/// A case whose rows were made again from its events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rebuilt {
    /// The case.
    pub case: CaseId,
    /// Events replayed.
    pub events: u64,
}

/// What verifying one case's log came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audit {
    /// The case.
    pub case: CaseId,
    /// Events read.
    pub events: u64,
    /// Where the log is broken: the position and what is wrong there; `None`: it is whole, and
    /// ends where the case's row says.
    pub broken: Option<(u64, String)>,
    /// What is as it was written and still cannot be read by this version: `event 3`, `row case`
    /// or `row KEY`, and what the reader said. The log may be whole all the same.
    pub unreadable: Vec<(String, String)>,
}

impl Audit {
    /// Whether the log is whole and everything in it can be read.
    pub fn is_well(&self) -> bool {
        self.broken.is_none() && self.unreadable.is_empty()
    }
}

/// Of a case's head, what says where its log ends.
#[derive(Deserialize)]
struct End {
    version: u64,
    chain: String,
}

/// Compares a case's wake-up with the index and puts a wrong index right; `true` if it was.
pub(crate) async fn check<S: Store>(desk: &mut Desk<S>) -> Result<bool, EngineError> {
    let shared = Arc::clone(&desk.shared);
    add(&shared.counters.checked, 1);
    let id = desk.id.as_str();
    let Some(row) = shared.store.case(id).await? else { return Ok(false) };
    let Some(stored) = shared.store.load(id).await? else { return Ok(false) };
    let items = stored.items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    let case = case_from_texts(id, &stored.head, items)?;
    if row.version != stored.version || case.next_wakeup().map(Instant::millis) == row.next_wakeup {
        return Ok(false);
    }
    tracing::warn!(case = id, "the wake-up index was wrong and is put right");
    let program = shared.library.program(&case.head().definition).await?;
    let items = case.items().map(|item| ItemRow::of(&desk.id, item, program.definition()));
    shared.store.replace_rows(CaseRow::of(&case), items.collect()).await?;
    shared.wakeups.note(case.next_wakeup().map(Instant::millis));
    add(&shared.counters.repaired, 1);
    desk.case = Some(case);
    Ok(true)
}

/// Makes a case's rows again from its events.
pub(crate) async fn rebuild<S: Store>(desk: &mut Desk<S>) -> Result<Rebuilt, EngineError> {
    let shared = Arc::clone(&desk.shared);
    let rows = read_log(&shared.store, &desk.id).await?;
    if let Err((seq, what)) = check_log(&rows) {
        return Err(EngineError::BrokenLog { case: desk.id.clone(), seq, what });
    }
    // Rows made again from a log that lost its end would make it look whole.
    let events = rows.last().map_or(0, |row| row.seq);
    if let Some(seq) = end_of(&shared.store, &desk.id).await?.filter(|end| *end > events) {
        let what = format!("the log ends at {events}, before its last event");
        return Err(EngineError::BrokenLog { case: desk.id.clone(), seq, what });
    }
    let events = rows.iter().map(|row| decoded(&desk.id, row)).collect::<Result<Vec<_>, _>>()?;
    let log = events.iter().zip(rows.iter().map(|row| row.hash.as_str()));
    let case = replay(log).ok_or_else(|| Refusal::NoCase(desk.id.clone()))?;
    let program = shared.library.program(&case.head().definition).await?;
    let items = case.items().map(|item| ItemRow::of(&desk.id, item, program.definition()));
    shared.store.replace_rows(CaseRow::of(&case), items.collect()).await?;
    shared.wakeups.note(case.next_wakeup().map(Instant::millis));
    let events = case.head().version;
    desk.case = Some(case);
    Ok(Rebuilt { case: desk.id.clone(), events })
}

/// Where a case's log ends, where column and head of its row say the same.
async fn end_of<S: Store>(store: &S, case: &CaseId) -> Result<Option<u64>, EngineError> {
    let Some(stored) = store.load(case.as_str()).await? else { return Ok(None) };
    let end = serde_json::from_str::<End>(&stored.head).ok().map(|end| end.version);
    Ok(end.filter(|end| *end == stored.version))
}

pub(crate) fn decoded(case: &CaseId, row: &EventRow) -> Result<Event, EngineError> {
    decode(&row.text).map_err(|source| EngineError::UnreadableEvent {
        case: case.clone(),
        seq: row.seq,
        source,
    })
}

pub(crate) async fn read_log<S: Store>(
    store: &S,
    case: &CaseId,
) -> Result<Vec<EventRow>, EngineError> {
    let mut rows: Vec<EventRow> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let page = store.events(case.as_str(), after, EVENTS_PAGE).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

fn check_log(rows: &[EventRow]) -> Result<String, (u64, String)> {
    verify(rows.iter().map(|row| (row.seq, row.text.as_str(), row.hash.as_str())))
        .map_err(|found| (found.seq, found.what))
}

/// Verifies a case's log and that its row ends where the log does.
pub(crate) async fn audit<S: Store>(store: &S, case: &CaseId) -> Result<Audit, EngineError> {
    // The row first: events that are added meanwhile are beyond it and are not compared.
    let stored = store.load(case.as_str()).await?;
    let stored = stored.ok_or_else(|| Refusal::NoCase(case.clone()))?;
    let rows = read_log(store, case).await?;
    let events = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let broken = check_log(&rows).err().or_else(|| check_end(&rows, &stored));
    Ok(Audit { case: case.clone(), events, broken, unreadable: unreadable(case, &rows, &stored) })
}

/// Compares the end of a log with the one that the case's row names.
fn check_end(rows: &[EventRow], stored: &StoredCase) -> Option<(u64, String)> {
    let version = stored.version;
    let last = rows.iter().rev().find(|row| row.seq <= version);
    if last.map_or(0, |row| row.seq) < version {
        return Some((version, format!("the log ends before version {version}")));
    }
    // A head that cannot be read names no end; it is told of as unreadable.
    let end: End = serde_json::from_str(&stored.head).ok()?;
    let is_other = last.map_or("", |row| row.hash.as_str()) != end.chain;
    is_other.then(|| (version, "the last hash is not the one in the case's row".to_owned()))
}

/// Everything of a case that this version cannot read.
fn unreadable(case: &CaseId, rows: &[EventRow], stored: &StoredCase) -> Vec<(String, String)> {
    let told = |error: &dyn std::error::Error| {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        format!("{error}{source}")
    };
    let mut found = Vec::new();
    for row in rows {
        if let Err(error) = decode(&row.text) {
            found.push((format!("event {}", row.seq), told(&error)));
        }
    }
    let items = stored.items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    if let Err(error) = case_from_texts(case.as_str(), &stored.head, items) {
        found.push((format!("row {}", error.row), told(&error)));
    }
    found
}

/// Every case that has a log, in the order of their openings, a page at a time.
#[derive(Clone)]
pub(crate) struct Openings<S> {
    store: S,
    after: Option<duban_store::Cursor>,
}

impl<S: Store> Openings<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, after: None }
    }

    /// The next cases; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<CaseId>>, EngineError> {
        let page = self.store.feed(self.after.as_ref(), EVENTS_PAGE).await?;
        if page.rows.is_empty() || page.next.is_none() {
            return Ok(None);
        }
        self.after = page.next;
        let first = page.rows.iter().filter(|row| row.seq == 1);
        Ok(Some(first.map(|row| CaseId::new(&row.case)).collect()))
    }
}

/// Checks all running cases at the start and every so often, and forgets old idempotency keys.
pub(crate) async fn watch<S: Store>(shared: Arc<Shared<S>>, every: Duration) {
    loop {
        if let Err(error) = check_all(&shared).await {
            tracing::error!(%error, "the consistency check failed");
        }
        tokio::select! {
            () = shared.reached(Phase::Draining) => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

pub(crate) async fn check_all<S: Store>(shared: &Shared<S>) -> Result<(), EngineError> {
    let before = shared.now().plus_millis(-shared.limits.key_ms_max);
    shared.store.forget_keys(before.millis()).await?;
    keys::forget_claims(shared, before.millis()).await?;
    let statuses = vec!["open".to_owned(), "closed".to_owned()];
    let filter = CaseFilter { statuses, ..CaseFilter::default() };
    let mut request = PageRequest::first(shared.limits.chunk_cases);
    loop {
        let page = shared.store.cases(&filter, &request).await?;
        let mut answers = Vec::new();
        for row in &page.rows {
            shared.check_running()?;
            let (reply, answer) = oneshot::channel();
            shared.submit_later(&CaseId::new(&row.id), Work::Check(reply)).await?;
            answers.push(answer);
        }
        for (answer, row) in answers.into_iter().zip(&page.rows) {
            if let Err(error) = shared.answered(&CaseId::new(&row.id), answer.await) {
                tracing::error!(case = row.id, %error, "a case could not be checked");
            }
        }
        let Some(next) = page.next else { return Ok(()) };
        request.after = Some(next);
        tokio::time::sleep(CHECK_PAUSE).await;
    }
}
