//! Messages between cases: who gets them, and what waits for a case that is yet to open.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use duban_core::{Actor, CaseId, Command, Message, OpenRequest, Refusal, Signal, Watch};
use duban_script::Spent;
use duban_store::Store;

use crate::attempt::Verdict;
use crate::error::EngineError;
use crate::openings;
use crate::shared::Shared;

/// A delivery's stable id.
pub(crate) type DeliveryId = (String, u64);

/// Watches whose candidates do not exist yet, by candidate. Only a shortcut: each is also tried
/// again after its back-off.
#[derive(Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_case: BTreeMap<CaseId, Vec<DeliveryId>>,
    ready: Vec<DeliveryId>,
}

/// Candidates that are kept in mind; further ones wait for their back-off alone.
const CANDIDATES_MAX: usize = 100_000;

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, candidates: &[CaseId], id: &DeliveryId) {
        let mut state = self.lock();
        for candidate in candidates {
            if state.by_case.len() >= CANDIDATES_MAX {
                return;
            }
            let waiting = state.by_case.entry(candidate.clone()).or_default();
            if !waiting.contains(id) {
                waiting.push(id.clone());
            }
        }
    }

    fn forget(&self, candidates: &[CaseId], id: &DeliveryId) {
        let mut state = self.lock();
        for candidate in candidates {
            if let Some(waiting) = state.by_case.get_mut(candidate) {
                waiting.retain(|other| other != id);
                if waiting.is_empty() {
                    state.by_case.remove(candidate);
                }
            }
        }
    }

    /// A case was opened: what waited for it may be tried again.
    pub(crate) fn opened(&self, case: &CaseId) {
        let mut state = self.lock();
        if let Some(waiting) = state.by_case.remove(case) {
            state.ready.extend(waiting);
        }
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.lock().ready.is_empty()
    }

    pub(crate) fn take_ready(&self) -> Vec<DeliveryId> {
        std::mem::take(&mut self.lock().ready)
    }
}

/// Carries a message of `from` to the case that it is for; a refusal that stays is told to whoever
/// administers `from`.
pub(crate) async fn route<S: Store>(
    shared: &Shared<S>,
    from: &CaseId,
    id: &DeliveryId,
    message: &Message,
) -> Verdict {
    let verdict = carry(shared, from, id, message).await;
    if let Verdict::Never(error) = &verdict {
        let text =
            format!("由本事项发往其他事项的要求未被受理，请检查措施后由督查部门处理：{error}");
        if let Message::Open(request) = message {
            openings::held_back(shared, request, Some(error)).await;
        }
        let about = format!("{}-{}", id.0, id.1);
        if let Err(error) = openings::alarm(shared, from.as_str(), about, text).await {
            tracing::error!(%error, case = id.0, seq = id.1, "a refused message could not be told");
        }
    }
    verdict
}

async fn carry<S: Store>(
    shared: &Shared<S>,
    from: &CaseId,
    id: &DeliveryId,
    message: &Message,
) -> Verdict {
    match message {
        Message::Open(request) => verdict(open(shared, from, request).await),
        Message::Watch { candidates, watch } => {
            watch_first(shared, from, id, candidates, watch).await
        }
        Message::Answer { to, answer } => {
            verdict(send(shared, from, to, Signal::Answer(answer.clone())).await)
        }
        Message::ChildClosed { to, item, number } => {
            let (item, child) = (item.clone(), from.clone());
            let closed = Signal::ChildClosed { item, number: *number, child };
            verdict(send(shared, from, to, closed).await)
        }
        Message::ChildEnded { to, item, number } => {
            let (item, child) = (item.clone(), from.clone());
            let ended = Signal::ChildEnded { item, number: *number, child };
            verdict(send(shared, from, to, ended).await)
        }
        // A sub-case that does not exist yet is about to: the message is tried again.
        Message::ToChild { to, item, number, says } => {
            let (item, says) = (item.clone(), says.clone());
            let told = Signal::ParentSays { from: from.clone(), item, number: *number, says };
            verdict(send(shared, from, to, told).await)
        }
    }
}

async fn send<S: Store>(
    shared: &Shared<S>,
    from: &CaseId,
    to: &CaseId,
    signal: Signal,
) -> Result<(), EngineError> {
    let command = Command::new(Actor::Case { case: from.clone() }, signal);
    shared.command_later(to, command, None).await.map(|_| ())
}

async fn open<S: Store>(
    shared: &Shared<S>,
    from: &CaseId,
    request: &OpenRequest,
) -> Result<(), EngineError> {
    let name = &request.open.name;
    let definition = shared.library.current(&name.suite, &request.workflow).await?;
    let command = Command::new(Actor::Case { case: from.clone() }, request.open.clone());
    match shared.command_later(&name.id(), command, Some(definition)).await {
        Ok(_) | Err(EngineError::Refused(Refusal::Exists(_))) => {
            openings::held_back(shared, request, None).await;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn watch_first<S: Store>(
    shared: &Shared<S>,
    from: &CaseId,
    id: &DeliveryId,
    candidates: &[CaseId],
    watch: &Watch,
) -> Verdict {
    // Kept in mind before looking, so that a case that opens meanwhile is not missed.
    shared.waiting.register(candidates, id);
    let found = first_existing(shared, candidates).await;
    let to = match found {
        Ok(Some(to)) => to,
        Ok(None) => return Verdict::Waits("no case to watch exists yet".to_owned()),
        Err(error) => return verdict(Err(error)),
    };
    shared.waiting.forget(candidates, id);
    verdict(send(shared, from, to, Signal::Watch(watch.clone())).await)
}

async fn first_existing<'a, S: Store>(
    shared: &Shared<S>,
    candidates: &'a [CaseId],
) -> Result<Option<&'a CaseId>, EngineError> {
    for candidate in candidates {
        if shared.store.case(candidate.as_str()).await?.is_some() {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// What a target said decides whether the message is tried again: a refusal may pass once an
/// operator has put the target, or the definition, right.
fn verdict(answer: Result<(), EngineError>) -> Verdict {
    match answer {
        Ok(()) => Verdict::Arrived,
        // It would take as much every time; how busy the machine was would not.
        Err(EngineError::Refused(Refusal::OverBudget(spent))) if spent != Spent::Time => {
            Verdict::Never(Refusal::OverBudget(spent).zh())
        }
        Err(error @ EngineError::ClockDoubted { .. }) => Verdict::Waits(error.to_string()),
        // A period that nobody means, asked for by a case of an older version.
        Err(error @ EngineError::Refused(Refusal::OutOfRange { .. })) => {
            Verdict::Refused(error.to_string())
        }
        Err(error) => Verdict::Failed(error.to_string()),
    }
}
