//! Event streams: how many there may be, in all and of one caller.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::Limits;

/// The event streams that are open.
pub(crate) struct Streams {
    max: usize,
    per_caller_max: usize,
    open: Mutex<Open>,
    reads: Semaphore,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_caller: BTreeMap<String, usize>,
}

impl Streams {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            max: limits.streams_max.get(),
            per_caller_max: limits.streams_per_caller_max.get(),
            open: Mutex::default(),
            reads: Semaphore::new(limits.stream_reads_max.get().min(Semaphore::MAX_PERMITS)),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.open().all).unwrap_or(u64::MAX)
    }

    /// Counts one more until it is dropped; `None`: there are as many as there may be.
    pub(crate) fn begin(streams: &Arc<Self>, caller: &str) -> Option<Listening> {
        let mut open = streams.open();
        let own = open.by_caller.get(caller).copied().unwrap_or(0);
        if open.all >= streams.max || own >= streams.per_caller_max {
            return None;
        }
        open.all += 1;
        open.by_caller.insert(caller.to_owned(), own + 1);
        drop(open);
        Some(Listening { streams: Arc::clone(streams), caller: caller.to_owned() })
    }
}

/// An open event stream.
pub(crate) struct Listening {
    streams: Arc<Streams>,
    caller: String,
}

impl Listening {
    /// A turn to read what has happened: those that are far behind must not keep everybody busy.
    pub(crate) async fn turn(&self) -> SemaphorePermit<'_> {
        self.streams.reads.acquire().await.expect("invariant: the semaphore is never closed")
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        open.all -= 1;
        if let Some(own) = open.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn streams_are_bounded_for_each_caller_and_in_all() {
        let count = |count| NonZeroUsize::new(count).unwrap();
        let limits =
            Limits { streams_max: count(5), streams_per_caller_max: count(2), ..Limits::default() };
        let streams = Streams::new(&limits);
        let begin = |who: &str| Streams::begin(&streams, who);
        let mut open: Vec<Listening> =
            ["a", "a", "b", "b"].iter().filter_map(|w| begin(w)).collect();
        assert_eq!(open.len(), 4);
        assert!(begin("a").is_none() && begin("b").is_none());
        open.push(begin("c").unwrap());
        assert!(begin("d").is_none(), "five are all");
        open.remove(0);
        open.push(begin("a").unwrap());
        assert_eq!(streams.count(), 5);
        drop(open);
        assert_eq!(streams.count(), 0);
        assert!(streams.open().by_caller.is_empty());
    }
}
