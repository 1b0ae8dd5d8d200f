//! Subscriptions: every case's events in the order of their commits.

use std::sync::Arc;
use std::time::Duration;

use duban_store::{Cursor, EventRow, Store};
use tokio::sync::watch;

use crate::error::EngineError;
use crate::shared::{Phase, Shared};
use crate::wake::tick;

/// Some events in the order of their commits, with the place after them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedBatch {
    /// The events, at least one.
    pub events: Vec<EventRow>,
    /// Subscribe with it to go on after these events.
    pub cursor: Cursor,
}

/// A reader of the feed. It reads at its own pace from the store, so a slow one holds nothing up
/// and misses nothing.
pub struct Subscription<S> {
    shared: Arc<Shared<S>>,
    after: Option<Cursor>,
    commits: watch::Receiver<u64>,
    poll: Option<Duration>,
}

impl<S: Store> Subscription<S> {
    pub(crate) fn new(
        shared: Arc<Shared<S>>,
        after: Option<Cursor>,
        poll: Option<Duration>,
    ) -> Self {
        let commits = shared.commits.subscribe();
        Self { shared, after, commits, poll }
    }

    /// Waits for the next events; `None` once the engine has shut down. Dropping the wait loses
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`]; ask again to try again.
    pub async fn next(&mut self) -> Result<Option<FeedBatch>, EngineError> {
        loop {
            if self.shared.check_running().is_err() {
                return Ok(None);
            }
            if let Some(batch) = self.read().await? {
                return Ok(Some(batch));
            }
            self.wait().await;
        }
    }

    /// The next events, where there are some already. Dropping it loses nothing.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`]; ask again to try again.
    pub async fn read(&mut self) -> Result<Option<FeedBatch>, EngineError> {
        // Seen before reading: a commit during the read is noticed by the next wait.
        self.commits.mark_unchanged();
        let limit = self.shared.limits.feed_batch;
        let (store, after) = (self.shared.store.clone(), self.after.clone());
        let read = async move { Ok(store.feed(after.as_ref(), limit).await?) };
        let page = self.shared.on_runtime(read).await?;
        let Some(cursor) = page.next.filter(|_| !page.rows.is_empty()) else { return Ok(None) };
        self.after = Some(cursor.clone());
        Ok(Some(FeedBatch { events: page.rows, cursor }))
    }

    /// Waits until there may be more to read; `false` once the engine has shut down.
    pub async fn wait(&mut self) -> bool {
        tokio::select! {
            _ = self.commits.changed() => {}
            () = self.shared.reached(Phase::Draining) => {}
            () = tick(self.poll) => {}
        }
        self.shared.check_running().is_ok()
    }

    /// The place after the last events read; `None`: the beginning.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }
}
