//! What every part of one engine shares: the store, the queues, the agendas, the counters.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use duban_calendar::Instant;
use duban_core::{CaseId, Command};
use duban_model::DefinitionHash;
use duban_store::Store;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::agenda::Agenda;
use crate::believed::{Believed, ClockState};
use crate::channel::Channel;
use crate::clock::Clock;
use crate::error::EngineError;
use crate::evidence::EvidenceCheck;
use crate::library::Library;
use crate::openings::Openings;
use crate::options::EngineLimits;
use crate::route::Waiting;
use crate::stats::{Counters, Meters, add};
use crate::thinking::Thinking;
use crate::wake::Claims;
use crate::work::{Asked, Job, Outcome, Request, Work};

/// Where an engine is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum Phase {
    /// Everything is taken on.
    Running,
    /// Nothing new is taken on; what was taken on is finished.
    Draining,
    /// The workers stop.
    Stopped,
    /// The store is closed.
    Closed,
}

/// The two queues of a worker.
pub(crate) struct Queues {
    pub(crate) people: mpsc::Sender<Job>,
    pub(crate) background: mpsc::Sender<Job>,
}

/// The worker's ends of its queues.
pub(crate) struct Inbox {
    pub(crate) people: mpsc::Receiver<Job>,
    pub(crate) background: mpsc::Receiver<Job>,
}

/// One engine, as its parts see it.
pub(crate) struct Shared<S> {
    pub(crate) store: S,
    pub(crate) clock: Believed,
    pub(crate) limits: EngineLimits,
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    pub(crate) evidence: Arc<dyn EvidenceCheck>,
    pub(crate) library: Library<S>,
    pub(crate) thinking: Thinking,
    pub(crate) queues: Vec<Queues>,
    pub(crate) wakeups: Arc<Agenda>,
    pub(crate) claims: Arc<Claims>,
    pub(crate) outbox: Agenda,
    /// When people are next told of what nobody can move on.
    pub(crate) attention: Agenda,
    /// Whether something will be told, or may be, without anything else happening before.
    pub(crate) attends: AtomicBool,
    pub(crate) waiting: Waiting,
    pub(crate) openings: Openings,
    pub(crate) counters: Counters,
    pub(crate) meters: Meters,
    /// Counts commits, and whatever else readers of the feed must look at: they wait for it to
    /// change.
    pub(crate) commits: watch::Sender<u64>,
    /// Whether there is somebody who keeps the search index.
    pub(crate) indexes: bool,
    /// Up to which of `commits` the search index was complete last.
    pub(crate) indexed: watch::Sender<Option<u64>>,
    pub(crate) jobs: Arc<watch::Sender<usize>>,
    pub(crate) phase: watch::Sender<Phase>,
    /// The engine's own runtime: loops, deliveries and reads run there, never in the host's.
    pub(crate) runtime: Handle,
    /// Which run over all cases is the newest, by kind: older ones give up.
    pub(crate) directory_run: AtomicU64,
    pub(crate) calendar_run: AtomicU64,
}

/// Counts one thing under way until it is dropped.
pub(crate) struct Ticket(Arc<watch::Sender<usize>>);

impl Ticket {
    pub(crate) fn new(jobs: &Arc<watch::Sender<usize>>) -> Self {
        jobs.send_modify(|jobs| *jobs += 1);
        Self(Arc::clone(jobs))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.send_modify(|jobs| *jobs -= 1);
    }
}

impl<S: Store> Shared<S> {
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket::new(&self.jobs)
    }

    /// Tells of something stored that cannot be read.
    pub(crate) fn note_unreadable(
        &self,
        case: &str,
        what: &str,
        error: &(dyn std::error::Error + 'static),
    ) {
        add(&self.counters.unreadable, 1);
        tracing::error!(case, what, error, "a stored row cannot be read and is passed over");
    }

    /// Has readers of the feed look again.
    pub(crate) fn call_readers(&self) {
        self.commits.send_modify(|commits| *commits += 1);
    }

    /// Refuses what comes too late.
    pub(crate) fn check_running(&self) -> Result<(), EngineError> {
        if *self.phase.borrow() == Phase::Running { Ok(()) } else { Err(EngineError::Closed) }
    }

    /// Refuses what time alone may bring while the wall clock is not believed.
    pub(crate) fn check_clock(&self) -> Result<(), EngineError> {
        let ClockState { believed, wall, doubted_since, .. } = self.clock.state();
        match doubted_since {
            Some(_) => Err(EngineError::ClockDoubted { believed, wall }),
            None => Ok(()),
        }
    }

    /// Resolves once the engine is in this phase or a later one.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let waited = phases.wait_for(|now| *now >= phase).await;
        debug_assert!(waited.is_ok());
    }

    /// Runs a future on the engine's own threads and waits for it.
    pub(crate) async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        match self.runtime.spawn(work).await {
            Ok(answer) => answer,
            // The runtime is shut down, or the work failed in a way that was reported already.
            Err(error) if error.is_cancelled() => Err(EngineError::Closed),
            Err(error) => Err(EngineError::Thread(std::io::Error::other(error))),
        }
    }

    /// Work that waits in the workers' queues: people's, and what may wait.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let depth = |queue: &mpsc::Sender<Job>| queue.max_capacity() - queue.capacity();
        self.queues.iter().fold((0, 0), |(people, background), queues| {
            (people + depth(&queues.people), background + depth(&queues.background))
        })
    }

    fn queues_of(&self, case: &CaseId) -> &Queues {
        let count = u64::try_from(self.queues.len()).expect("invariant: queues are few");
        let at = usize::try_from(fnv(case.as_str().as_bytes()) % count);
        &self.queues[at.expect("invariant: smaller than a length")]
    }

    fn job(&self, case: &CaseId, work: Work) -> Job {
        Job { case: case.clone(), work, ticket: self.ticket(), span: tracing::Span::current() }
    }

    /// Queues a person's work, or turns it away.
    pub(crate) fn submit(&self, case: &CaseId, work: Work) -> Result<(), EngineError> {
        let job = self.job(case, work);
        self.queues_of(case).people.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                add(&self.counters.busy, 1);
                EngineError::Busy("commands_queued_max")
            }
            mpsc::error::TrySendError::Closed(_) => EngineError::Closed,
        })
    }

    /// Queues work that may wait, and waits for room in the queue.
    pub(crate) async fn submit_later(&self, case: &CaseId, work: Work) -> Result<(), EngineError> {
        let job = self.job(case, work);
        self.queues_of(case).background.send(job).await.map_err(|_| EngineError::Closed)
    }

    /// Has a command carried out with low priority.
    pub(crate) async fn command_later(
        &self,
        case: &CaseId,
        command: Command,
        definition: Option<DefinitionHash>,
    ) -> Result<Outcome, EngineError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { definition, ..Asked::default() };
        let request = Request { command, admitted_at: self.now(), asked };
        self.submit_later(case, Work::Command(Box::new(request), reply)).await?;
        self.answered(case, answer.await)
    }

    /// What a worker answered; a worker that is gone answers nothing.
    pub(crate) fn answered<T>(
        &self,
        case: &CaseId,
        answer: Result<Result<T, EngineError>, oneshot::error::RecvError>,
    ) -> Result<T, EngineError> {
        answer.unwrap_or_else(|_| {
            self.check_running()?;
            let error = "the engine failed outside the case".to_owned();
            Err(EngineError::Faulted { case: case.clone(), error })
        })
    }
}

/// The FNV-1a hash: stable on every machine, unlike the standard library's.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
