//! Runs over all open cases in the background: a changed directory, a newly loaded calendar.
//!
//! How far a run has come is kept in the store, so that a restart goes on with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use duban_core::{Actor, CaseId, Command, Operation, Refusal};
use duban_model::Directory;
use duban_store::{CaseFilter, Cursor, PageRequest, Store};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::error::EngineError;
use crate::shared::Shared;

/// What a run applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Directory,
    /// Of the directory only who holds which post: no list of any case comes out otherwise.
    Holders,
    Calendar,
}

impl Change {
    fn operation(self) -> Operation {
        match self {
            Self::Directory => Operation::ApplyDirectory,
            Self::Holders => Operation::ApplyHolders,
            Self::Calendar => Operation::ApplyCalendar,
        }
    }

    /// The document that holds the place up to which the run has come; empty: it is over.
    fn document(self) -> &'static str {
        match self {
            Self::Directory | Self::Holders => "applying:directory",
            Self::Calendar => "applying:calendar",
        }
    }

    fn newest<S>(self, shared: &Shared<S>) -> &AtomicU64 {
        match self {
            Self::Directory | Self::Holders => &shared.directory_run,
            Self::Calendar => &shared.calendar_run,
        }
    }
}

/// What a run over all open cases came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Applied {
    /// Cases that were asked.
    pub cases: u64,
    /// Those that changed.
    pub changed: u64,
    /// Those that could not be asked; the log of the process says why.
    pub failed: u64,
}

/// A run over all open cases that goes on by itself.
#[derive(Debug)]
pub struct Applying {
    answer: oneshot::Receiver<Applied>,
}

impl Applying {
    /// Waits until every open case has been asked.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`] where a newer run took over, or the engine shut down; it then goes
    /// on at the next start.
    pub async fn finished(self) -> Result<Applied, EngineError> {
        self.answer.await.map_err(|_| EngineError::Closed)
    }
}

/// Notes that a change is to be applied to every open case, and begins with it.
pub(crate) async fn begin<S: Store>(
    shared: &Arc<Shared<S>>,
    change: Change,
) -> Result<Applying, EngineError> {
    // What it takes the place of may have had more to say to the cases that are left.
    let change = match change {
        Change::Holders if is_under_way(shared, change).await? => Change::Directory,
        other => other,
    };
    keep_place(shared, change, &Some(Cursor(String::new()))).await?;
    Ok(spawn(shared, change, None))
}

async fn is_under_way<S: Store>(shared: &Shared<S>, change: Change) -> Result<bool, EngineError> {
    let kept = shared.store.document(change.document()).await?.unwrap_or_default();
    let place: Option<Cursor> = serde_json::from_str(&kept).unwrap_or_default();
    Ok(place.is_some())
}

/// The run that a directory in place of another asks for.
pub(crate) fn change_between(before: &Directory, after: &Directory) -> Change {
    if after.has_the_units_of(before) { Change::Holders } else { Change::Directory }
}

/// Goes on with what an earlier process left undone.
pub(crate) async fn resume<S: Store>(shared: &Arc<Shared<S>>) -> Result<(), EngineError> {
    for change in [Change::Directory, Change::Calendar] {
        let kept = shared.store.document(change.document()).await?.unwrap_or_default();
        let place: Option<Cursor> = serde_json::from_str(&kept).unwrap_or_default();
        if let Some(place) = place {
            let after = Some(place).filter(|place| !place.0.is_empty());
            drop(spawn(shared, change, after));
        }
    }
    Ok(())
}

async fn keep_place<S: Store>(
    shared: &Shared<S>,
    change: Change,
    place: &Option<Cursor>,
) -> Result<(), EngineError> {
    let json = serde_json::to_string(place).expect("invariant: a cursor is plain data");
    let at = shared.now().millis();
    Ok(shared.store.put_document(change.document(), &json, at).await?)
}

fn spawn<S: Store>(shared: &Arc<Shared<S>>, change: Change, after: Option<Cursor>) -> Applying {
    let number = change.newest(shared).fetch_add(1, Ordering::SeqCst) + 1;
    let (reply, answer) = oneshot::channel();
    let ticket = shared.ticket();
    let run = Arc::clone(shared);
    shared.runtime.spawn(async move {
        match run_over_all(&run, change, after, number).await {
            // Whoever asked may not wait for the end.
            Ok(Some(applied)) => drop(reply.send(applied)),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, ?change, "a run over all cases stopped"),
        }
        drop(ticket);
    });
    Applying { answer }
}

/// `None`: a newer run has taken over, or the engine shuts down.
async fn run_over_all<S: Store>(
    shared: &Arc<Shared<S>>,
    change: Change,
    after: Option<Cursor>,
    number: u64,
) -> Result<Option<Applied>, EngineError> {
    let filter = CaseFilter { statuses: vec!["open".to_owned()], ..CaseFilter::default() };
    let mut request = PageRequest { after, limit: shared.limits.chunk_cases };
    let mut applied = Applied::default();
    loop {
        let is_newest = change.newest(shared).load(Ordering::SeqCst) == number;
        if !is_newest || shared.check_running().is_err() {
            return Ok(None);
        }
        let page = shared.store.cases(&filter, &request).await?;
        let ids = page.rows.iter().filter(|row| !row.faulted).map(|row| CaseId::new(&row.id));
        apply_chunk(shared, change, ids.collect(), &mut applied).await;
        if change.newest(shared).load(Ordering::SeqCst) == number {
            keep_place(shared, change, &page.next).await?;
        }
        match page.next {
            Some(next) => request.after = Some(next),
            None => return Ok(Some(applied)),
        }
    }
}

pub(crate) async fn apply_chunk<S: Store>(
    shared: &Arc<Shared<S>>,
    change: Change,
    ids: Vec<CaseId>,
    applied: &mut Applied,
) {
    let mut running = JoinSet::new();
    for id in ids {
        let shared = Arc::clone(shared);
        running.spawn(async move {
            let command = Command::new(Actor::Engine, change.operation());
            let mut answer = shared.command_later(&id, command, None).await;
            if change == Change::Directory
                && let Err(EngineError::Refused(Refusal::OverBudget(spent))) = &answer
            {
                // Lists that take too much keep nobody from finding the owners.
                let limit = spent.limit();
                tracing::error!(case = %id, limit, "the lists of a case could not be compared");
                let command = Command::new(Actor::Engine, Operation::ApplyHolders);
                answer = shared.command_later(&id, command, None).await;
            }
            if let Err(error) = &answer {
                tracing::error!(case = %id, %error, ?change, "a case could not take a change");
            }
            answer.map(|outcome| !outcome.events.is_empty())
        });
    }
    while let Some(done) = running.join_next().await {
        applied.cases += 1;
        match done {
            Ok(Ok(has_changed)) => applied.changed += u64::from(has_changed),
            Ok(Err(_)) | Err(_) => applied.failed += 1,
        }
    }
}
