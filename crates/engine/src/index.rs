//! The search index: a projection of the feed that follows in the background.
//!
//! A commit never waits for it. The index is written in small parts without urgency, each with
//! the place up to which it has come, so that it goes on after a crash where it was. While
//! people's commands are under way it rests most of the time.
//!
//! Entries carry names. When a name in the directory changes, everything is gone through again
//! beside what is new; what comes out the same is not written again. What `entries.rs` makes of
//! an event depends on the case as it is now, so doing a part twice changes nothing.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use duban_model::Directory;
use duban_store::{
    Cursor, Entry, EventRow, INDEX_PROGRESS, Indexed, Indexing, Page, PageRequest, SearchFilter,
    SearchWords, Store,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use crate::engine::Engine;
use crate::entries::Reader;
use crate::error::EngineError;
use crate::shared::{Phase, Shared};
use crate::stats::add;
use crate::wake::tick;

/// Events that one step reads.
const EVENTS_PAGE: u32 = 128;

/// Entries that are written at once: a person's commit may wait for these.
const ENTRIES_PART: usize = 128;

/// How many times as long as a step took the next one is put off while people's commands are
/// under way.
const REST: u32 = 4;

/// The pause after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a search waits for the index to take in what has just been written.
const SEARCH_WAIT: Duration = Duration::from_millis(300);

/// What a search came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The entries, newest first; a page may be short and still have a next.
    pub page: Page<Entry>,
    /// Whether everything that was committed before the search is in the index. Where it is not,
    /// [`Stats::index_behind`](crate::Stats::index_behind) says how far it is behind.
    pub is_current: bool,
}

impl<S: Store> Engine<S> {
    /// Finds what people wrote and what things are called. Waits up to 300 ms for what was
    /// committed before to be indexed, so that whoever has just written finds it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`], [`EngineError::Closed`].
    pub async fn search(
        &self,
        words: SearchWords,
        filter: SearchFilter,
        page: PageRequest,
    ) -> Result<Found, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let search = async move {
            let wait = if shared.indexes { SEARCH_WAIT } else { Duration::ZERO };
            let is_current = timeout(wait, indexed(&shared)).await.is_ok();
            let page = shared.store.search(&words, &filter, &page).await?;
            Ok(Found { page, is_current })
        };
        self.shared().on_runtime(search).await
    }

    /// Waits until everything committed by now is in the search index.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`], also where the options leave the index alone.
    pub async fn indexed(&self) -> Result<(), EngineError> {
        let shared = self.shared();
        if !shared.indexes {
            return Err(EngineError::Closed);
        }
        tokio::select! {
            () = shared.reached(Phase::Draining) => Err(EngineError::Closed),
            () = indexed(shared) => Ok(()),
        }
    }

    /// Forgets the search index and has it made again from the events, in the background.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`], [`EngineError::Closed`].
    pub async fn reindex(&self) -> Result<(), EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let clear = async move {
            shared.store.clear_index().await?;
            shared.call_readers();
            Ok(())
        };
        self.shared().on_runtime(clear).await
    }
}

async fn indexed<S: Store>(shared: &Shared<S>) {
    let now = *shared.commits.borrow();
    let mut indexed = shared.indexed.subscribe();
    // The sender lives in `shared`, so the wait cannot fail.
    let waited = indexed.wait_for(|upto| upto.is_some_and(|upto| upto >= now)).await;
    debug_assert!(waited.is_ok());
}

/// How far the index has come, as the store keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Events up to here are in it.
    after: Option<Cursor>,
    /// Stands for the names that entries were made with.
    names: u64,
    /// A second reader, which goes through everything again.
    again: Option<Again>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Again {
    after: Option<Cursor>,
}

/// Follows the feed until the engine shuts down.
pub(crate) async fn run<S: Store>(shared: Arc<Shared<S>>, poll: Option<Duration>) {
    let mut commits = shared.commits.subscribe();
    let mut follower = Follower::default();
    loop {
        let seen = *commits.borrow_and_update();
        let began = Instant::now();
        let rest = match follower.step(&shared).await {
            Ok(true) if *shared.jobs.borrow() > 0 => began.elapsed() * REST,
            Ok(true) => Duration::ZERO,
            Ok(false) => {
                shared.counters.index_behind.store(0, Ordering::Relaxed);
                shared.indexed.send_replace(Some(seen));
                tokio::select! {
                    _ = commits.changed() => {}
                    () = shared.reached(Phase::Draining) => {}
                    () = tick(poll) => {}
                }
                Duration::ZERO
            }
            Err(error) => {
                tracing::error!(%error, "the search index is stuck");
                PAUSE
            }
        };
        tokio::select! {
            () = shared.reached(Phase::Draining) => return,
            () = sleep(rest) => {}
        }
    }
}

#[derive(Default)]
struct Follower {
    names: Names,
    /// The progress that was stored last, and how far the feed was read beyond it without finding
    /// anything to index: not worth a write.
    ahead: Option<(String, Progress)>,
}

impl Follower {
    /// Takes the index one step further; `false`: there was nothing to do.
    async fn step<S: Store>(&mut self, shared: &Shared<S>) -> Result<bool, EngineError> {
        let names = self.names.of(&shared.library.directory());
        let Some(before) = shared.store.document(INDEX_PROGRESS).await? else {
            let begun = text(&Progress { names, ..Progress::default() });
            shared.store.index(Indexing { after: begun, ..Indexing::default() }).await?;
            return Ok(true);
        };
        let mut progress = match self.ahead.take() {
            Some((stored, ahead)) if stored == before => ahead,
            // What another version has stored counts as nothing.
            _ => serde_json::from_str(&before).unwrap_or_default(),
        };
        if progress.names != names {
            (progress.names, progress.again) = (names, Some(Again::default()));
        }
        let Some(events) = next_events(shared, &mut progress).await? else {
            self.ahead = Some((before, progress));
            return Ok(false);
        };
        let mut reader = Reader::new(shared);
        for event in &events {
            reader.read(event).await?;
        }
        let entries = reader.entries();
        if entries.is_empty() && events.len() < EVENTS_PAGE as usize && progress.again.is_none() {
            self.ahead = Some((before, progress));
            return Ok(true);
        }
        let left = shared.store.feed_left(progress.after.as_ref()).await?;
        shared.counters.index_behind.store(left, Ordering::Relaxed);
        keep(shared, entries, before, text(&progress)).await?;
        Ok(true)
    }
}

/// The next events: new ones first, then those to be gone through again.
async fn next_events<S: Store>(
    shared: &Shared<S>,
    progress: &mut Progress,
) -> Result<Option<Vec<EventRow>>, EngineError> {
    let fresh = shared.store.feed(progress.after.as_ref(), EVENTS_PAGE).await?;
    if let Some(next) = fresh.next {
        progress.after = Some(next);
        return Ok(Some(fresh.rows));
    }
    let Some(again) = progress.again.take() else { return Ok(None) };
    let old = shared.store.feed(again.after.as_ref(), EVENTS_PAGE).await?;
    progress.again = old.next.map(|next| Again { after: Some(next) });
    Ok(Some(old.rows))
}

/// Writes entries in parts; the progress counts from the last part on.
async fn keep<S: Store>(
    shared: &Shared<S>,
    mut entries: Vec<Indexed>,
    before: String,
    after: String,
) -> Result<(), EngineError> {
    add(&shared.counters.indexed, u64::try_from(entries.len()).unwrap_or(u64::MAX));
    loop {
        let rest = entries.split_off(entries.len().min(ENTRIES_PART));
        let is_last = rest.is_empty();
        let stands = if is_last { after.clone() } else { before.clone() };
        let part = Indexing { entries, before: Some(before.clone()), after: stands };
        // Where somebody else was first, the next step begins from there.
        if !shared.store.index(part).await? || is_last {
            return Ok(());
        }
        entries = rest;
    }
}

fn text(progress: &Progress) -> String {
    serde_json::to_string(progress).expect("invariant: a cursor is plain data")
}

/// The names of the directory, as one number.
#[derive(Default)]
struct Names {
    of: Option<(Arc<Directory>, u64)>,
}

impl Names {
    fn of(&mut self, directory: &Arc<Directory>) -> u64 {
        if let Some((known, names)) = &self.of
            && Arc::ptr_eq(known, directory)
        {
            return *names;
        }
        let mut hasher = DefaultHasher::new();
        for unit in directory.units() {
            (unit.id.as_str(), &unit.name).hash(&mut hasher);
        }
        for person in &directory.data().people {
            (person.id.as_str(), &person.name).hash(&mut hasher);
        }
        let names = hasher.finish();
        self.of = Some((Arc::clone(directory), names));
        names
    }
}
