//! Rows against events: checking wake-ups, making rows again, verifying logs.

use std::sync::Arc;
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::{
    CaseId, CaseRow, Event, ItemRow, Refusal, case_from_texts, decode, replay, verify,
};
use duban_store::{CaseFilter, EventRow, PageRequest, Store};
use tokio::sync::oneshot;

use crate::error::EngineError;
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

fn decoded(case: &CaseId, row: &EventRow) -> Result<Event, EngineError> {
    decode(&row.text).map_err(|source| EngineError::UnreadableEvent {
        case: case.clone(),
        seq: row.seq,
        source,
    })
}

async fn read_log<S: Store>(store: &S, case: &CaseId) -> Result<Vec<EventRow>, EngineError> {
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
    let mut rows = read_log(store, case).await?;
    let events = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let audit = |broken| Audit { case: case.clone(), events, broken };
    if let Err(broken) = check_log(&rows) {
        return Ok(audit(Some(broken)));
    }
    rows.retain(|row| row.seq <= stored.version);
    let head = case_from_texts(case.as_str(), &stored.head, [])?;
    let last = rows.last().map_or("", |row| row.hash.as_str());
    if rows.last().map_or(0, |row| row.seq) < stored.version {
        let what = format!("the log ends before version {}", stored.version);
        return Ok(audit(Some((stored.version, what))));
    }
    if last != head.head().chain {
        let what = "the last hash is not the one in the case's row".to_owned();
        return Ok(audit(Some((stored.version, what))));
    }
    Ok(audit(None))
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
