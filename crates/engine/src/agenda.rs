//! When a loop has something to do next, as far as this process knows.
//!
//! Commits note what they bring; the loop sleeps until the earliest of it and asks the store
//! nothing meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};

use duban_calendar::Instant;
use tokio::sync::{Notify, watch};

/// The earliest instant at which a loop is needed.
pub(crate) struct Agenda {
    state: Mutex<State>,
    changed: Notify,
    quiet: watch::Sender<u64>,
}

struct State {
    earliest: i64,
    asked: u64,
}

impl Agenda {
    /// An agenda of which nothing is known yet: the loop must look.
    pub(crate) fn new() -> Self {
        let state = Mutex::new(State { earliest: i64::MIN, asked: 0 });
        Self { state, changed: Notify::new(), quiet: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be done at `at`.
    pub(crate) fn note(&self, at: Option<i64>) {
        let Some(at) = at else { return };
        let mut state = self.lock();
        if at < state.earliest {
            state.earliest = at;
            self.changed.notify_one();
        }
    }

    /// Forgets what was known: the store is about to be asked. What is noted meanwhile stays.
    pub(crate) fn forget(&self) {
        self.lock().earliest = i64::MAX;
    }

    /// The earliest instant known.
    pub(crate) fn earliest(&self) -> Instant {
        Instant::from_millis(self.lock().earliest)
    }

    /// Makes the loop look again.
    pub(crate) fn nudge(&self) {
        self.changed.notify_one();
    }

    /// Resolves when something was noted since the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How often somebody asked whether the loop is quiet.
    pub(crate) fn asked(&self) -> u64 {
        self.lock().asked
    }

    /// The loop found nothing to do after it had been asked so often.
    pub(crate) fn answer_quiet(&self, asked: u64) {
        self.quiet.send_if_modified(|quiet| {
            let news = *quiet < asked;
            *quiet = asked.max(*quiet);
            news
        });
    }

    /// Resolves once the loop has looked after this call and found nothing to do.
    pub(crate) async fn quiet(&self) {
        let asked = {
            let mut state = self.lock();
            state.asked += 1;
            state.asked
        };
        self.nudge();
        let mut quiet = self.quiet.subscribe();
        let waited = quiet.wait_for(|quiet| *quiet >= asked).await;
        debug_assert!(waited.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_earlier_instant_wakes_the_loop() {
        let agenda = Agenda::new();
        agenda.forget();
        agenda.note(Some(10));
        agenda.changed().await;
        agenda.note(Some(20));
        assert_eq!(agenda.earliest(), Instant::from_millis(10));
        let waited = tokio::time::timeout(std::time::Duration::ZERO, agenda.changed()).await;
        assert!(waited.is_err());
    }

    #[tokio::test]
    async fn quiet_waits_for_an_answer_given_after_the_question() {
        let agenda = Agenda::new();
        agenda.answer_quiet(0);
        let ask = agenda.quiet();
        let answer = async {
            agenda.changed().await;
            agenda.answer_quiet(agenda.asked());
        };
        tokio::join!(ask, answer);
    }
}
