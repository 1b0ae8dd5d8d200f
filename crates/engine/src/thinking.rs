//! Where decisions are made: short ones at the worker whose case it is, long ones beside it.
//!
//! A decision changes nothing, so one that turns out to be long is dropped after its slice and made
//! again on another thread; the worker goes on with its other cases meanwhile. Which definitions
//! took long is remembered for a while: their decisions do not begin at the worker at all.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use duban_core::{Case, Command, Decision, Env, Refusal, decide};
use duban_model::DefinitionHash;
use duban_script::{Budget, BudgetLimits, Spent, StopFlag};
use tokio::sync::Semaphore;

use crate::error::EngineError;
use crate::options::EngineLimits;

/// How long a definition is thought to be slow.
const SLOW_FOR: Duration = Duration::from_secs(60);

/// What came of a decision: an answer, or the text of a panic.
pub(crate) type Decided = Result<Result<Decision, Refusal>, String>;

/// The bounds of decisions, and the threads beside the workers.
pub(crate) struct Thinking {
    limits: BudgetLimits,
    slice: Duration,
    time: Duration,
    /// Long decisions that somebody waits for, and others: neither takes the other's place.
    people: Semaphore,
    background: Semaphore,
    slow: Mutex<BTreeMap<DefinitionHash, Instant>>,
    is_stopping: Arc<AtomicBool>,
}

impl Thinking {
    pub(crate) fn new(limits: &EngineLimits, workers: usize) -> Self {
        Self {
            limits: BudgetLimits {
                operations_max: limits.decision_operations_max,
                items_max: limits.decision_items_max,
                events_max: limits.decision_events_max,
            },
            slice: Duration::from_millis(limits.decision_slice_ms),
            time: Duration::from_millis(limits.decision_ms_max),
            people: Semaphore::new(workers.max(1)),
            background: Semaphore::new((workers / 2).max(1)),
            slow: Mutex::default(),
            is_stopping: Arc::default(),
        }
    }

    /// Long decisions end at once from now on: the process is to end.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// The whole budget of a decision that begins now.
    pub(crate) fn budget(&self) -> Budget {
        let (begun, time) = (Instant::now(), self.time);
        let is_stopping = Arc::clone(&self.is_stopping);
        let is_over = move || is_stopping.load(Ordering::Relaxed) || begun.elapsed() >= time;
        Budget::new(self.limits.clone(), StopFlag::when(is_over))
    }

    fn slice(&self) -> Budget {
        let (begun, slice) = (Instant::now(), self.slice);
        Budget::new(self.limits.clone(), StopFlag::when(move || begun.elapsed() >= slice))
    }

    /// Decides. `is_urgent`: somebody waits for the answer.
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`] where the engine was told to end meanwhile.
    pub(crate) async fn decide(
        &self,
        case: Option<&Case>,
        command: &Command,
        env: &Env,
        is_urgent: bool,
    ) -> Result<Decided, EngineError> {
        let hash = &env.program.definition().hash;
        if !self.is_slow(hash) {
            let env = Env { budget: self.slice(), ..env.clone() };
            let decided = guarded(case, command, &env);
            if !ran_out_of_time(&decided) {
                return Ok(decided);
            }
            self.note_slow(hash);
        }
        let (case, command, env) = (case.cloned(), command.clone(), env.clone());
        let turns = if is_urgent { &self.people } else { &self.background };
        let turn = turns.acquire().await.map_err(|_| EngineError::Closed)?;
        // Its time begins with its turn.
        let env = Env { budget: self.budget(), ..env };
        let decided = aside(move || guarded(case.as_ref(), &command, &env)).await?;
        drop(turn);
        if ran_out_of_time(&decided) && self.is_stopping.load(Ordering::Relaxed) {
            // The next start decides it anew, with all of its time.
            return Err(EngineError::Closed);
        }
        Ok(decided)
    }

    fn is_slow(&self, hash: &DefinitionHash) -> bool {
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.get(hash).is_some_and(|since| since.elapsed() < SLOW_FOR)
    }

    fn note_slow(&self, hash: &DefinitionHash) {
        tracing::debug!(definition = %hash, "decisions of a definition take long");
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.retain(|_, since| since.elapsed() < SLOW_FOR);
        slow.insert(hash.clone(), Instant::now());
    }
}

/// Does work that takes long on a thread of its own, so that the worker goes on with other cases.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, EngineError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| EngineError::Thread(std::io::Error::other(error)))
}

/// Whether time ended a decision, or cut off one of its scripts.
fn ran_out_of_time(decided: &Decided) -> bool {
    match decided {
        Ok(Ok(decision)) => decision.spent == Some(Spent::Time),
        Ok(Err(refusal)) => *refusal == Refusal::OverBudget(Spent::Time),
        Err(_) => false,
    }
}

/// Decides; a panic is caught and told as text.
fn guarded(case: Option<&Case>, command: &Command, env: &Env) -> Decided {
    // The case and the environment are only read; what the panic left half-done is dropped.
    catch_unwind(AssertUnwindSafe(|| decide(case, command, env))).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panicked without a message".to_owned())
    })
}
