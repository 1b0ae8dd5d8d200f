//! A worker: one thread that owns some of the cases.
//!
//! A case's work goes one after the other; different cases go side by side while their commits
//! are on the way to the disk. People's commands go before wake-ups.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use duban_core::{Case, CaseId};
use duban_store::Store;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::error::EngineError;
use crate::shared::{Inbox, Phase, Shared};
use crate::stats::add;
use crate::work::{Finished, Job, perform};

/// Whose turn it is at a worker: what may wait lets people's commands be decided first.
pub(crate) struct Turn {
    undecided: Arc<AtomicUsize>,
    is_background: bool,
}

impl Turn {
    fn new(undecided: &Arc<AtomicUsize>, is_background: bool) -> Self {
        if !is_background {
            undecided.fetch_add(1, Ordering::Relaxed);
        }
        Self { undecided: Arc::clone(undecided), is_background }
    }

    /// Goes to the end of the worker's line once, if somebody waits there for an answer.
    pub(crate) async fn taken(&self) {
        if self.is_background && self.undecided.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_background {
            self.undecided.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Roughly what a case takes in memory, and what each of its items takes.
const CASE_BYTES: usize = 4 * 1024;
const ITEM_BYTES: usize = 3 * 1024;

/// What a worker knows of one case.
#[derive(Default)]
struct Slot {
    /// The case as committed last; `None`: it must be loaded.
    case: Option<Case>,
    bytes: usize,
    used: u64,
    is_busy: bool,
    people: VecDeque<Job>,
    background: VecDeque<Job>,
}

impl Slot {
    fn next(&mut self) -> Option<Job> {
        self.people.pop_front().or_else(|| self.background.pop_front())
    }
}

/// What a running task is for.
struct Running {
    case: CaseId,
    is_background: bool,
}

pub(crate) struct Shard<S: Store> {
    number: usize,
    shared: Arc<Shared<S>>,
    slots: HashMap<CaseId, Slot>,
    running: JoinSet<Finished>,
    tasks: HashMap<tokio::task::Id, Running>,
    people_running: usize,
    background_running: usize,
    /// People's commands that are not decided yet.
    undecided: Arc<AtomicUsize>,
    /// Cases in memory by when they were last used.
    recent: BTreeMap<u64, CaseId>,
    uses: u64,
    bytes: usize,
    cases_max: usize,
    bytes_max: usize,
}

impl<S: Store> Shard<S> {
    pub(crate) fn new(number: usize, shared: Arc<Shared<S>>) -> Self {
        let shards = shared.queues.len();
        let cases_max = (shared.limits.cached_cases_max / shards).max(1);
        let bytes_max = shared.limits.cached_bytes_max / shards;
        Self {
            number,
            shared,
            slots: HashMap::new(),
            running: JoinSet::new(),
            tasks: HashMap::new(),
            people_running: 0,
            background_running: 0,
            undecided: Arc::default(),
            recent: BTreeMap::new(),
            uses: 0,
            bytes: 0,
            cases_max,
            bytes_max,
        }
    }

    /// Works until the engine stops.
    pub(crate) async fn run(mut self, mut inbox: Inbox) {
        let shared = Arc::clone(&self.shared);
        let stopped = shared.reached(Phase::Stopped);
        tokio::pin!(stopped);
        loop {
            let limits = &shared.limits;
            let takes_people = self.people_running < limits.commands_running_max;
            let takes_background = self.background_running < limits.background_running_max;
            tokio::select! {
                biased;
                () = &mut stopped => return,
                Some(done) = self.running.join_next_with_id() => self.settle(done),
                Some(job) = inbox.people.recv(), if takes_people => self.admit(job),
                Some(job) = inbox.background.recv(), if takes_background => self.admit(job),
            }
        }
    }

    fn admit(&mut self, job: Job) {
        let slot = self.slots.entry(job.case.clone()).or_default();
        if !slot.is_busy {
            self.start(job);
        } else if job.work.is_background() {
            // Their number is bounded where they come from: a case is claimed once.
            slot.background.push_back(job);
        } else if slot.people.len() < self.shared.limits.case_queued_max {
            slot.people.push_back(job);
        } else {
            add(&self.shared.counters.busy, 1);
            job.work.refuse(EngineError::Busy("case_queued_max"));
        }
    }

    fn start(&mut self, job: Job) {
        let slot = self.slots.entry(job.case.clone()).or_default();
        slot.is_busy = true;
        let is_background = job.work.is_background();
        let running = Running { case: job.case.clone(), is_background };
        let turn = Turn::new(&self.undecided, is_background);
        let span = job.span.clone();
        let task = perform(Arc::clone(&self.shared), slot.case.clone(), turn, job).instrument(span);
        let handle = self.running.spawn(task);
        self.tasks.insert(handle.id(), running);
        self.shared.meters.note_begun(self.number);
        *self.counter(is_background) += 1;
    }

    fn counter(&mut self, is_background: bool) -> &mut usize {
        if is_background { &mut self.background_running } else { &mut self.people_running }
    }

    fn settle(&mut self, done: Result<(tokio::task::Id, Finished), tokio::task::JoinError>) {
        let (task, finished) = match done {
            Ok((task, finished)) => (task, Some(finished)),
            Err(error) => {
                tracing::error!(%error, "a task of the engine failed outside its case");
                (error.id(), None)
            }
        };
        let Some(running) = self.tasks.remove(&task) else { return };
        *self.counter(running.is_background) -= 1;
        self.put_back(&running.case, finished.as_ref().and_then(|done| done.case.clone()));
        if let Some(finished) = finished {
            finished.reply();
        }
        self.go_on(&running.case);
        self.shared.meters.note_finished(self.number, !self.tasks.is_empty());
        self.evict();
        self.shared.meters.note_memory(self.number, self.recent.len(), self.bytes);
    }

    /// Keeps a case as it is now, or forgets it.
    fn put_back(&mut self, id: &CaseId, case: Option<Case>) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        slot.is_busy = false;
        self.recent.remove(&slot.used);
        self.bytes -= std::mem::take(&mut slot.bytes);
        slot.case = case;
        if let Some(case) = &slot.case {
            self.uses += 1;
            slot.used = self.uses;
            slot.bytes = CASE_BYTES + case.items().size_hint().0 * ITEM_BYTES;
            self.bytes += slot.bytes;
            self.recent.insert(slot.used, id.clone());
        }
    }

    fn go_on(&mut self, id: &CaseId) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        match slot.next() {
            Some(job) => self.start(job),
            None if slot.case.is_none() => {
                self.slots.remove(id);
            }
            None => {}
        }
    }

    /// Drops the cases used longest ago until the cache fits.
    fn evict(&mut self) {
        while self.recent.len() > self.cases_max || self.bytes > self.bytes_max {
            let Some((_, id)) = self.recent.pop_first() else { return };
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            self.bytes -= std::mem::take(&mut slot.bytes);
            slot.case = None;
            if !slot.is_busy {
                self.slots.remove(&id);
            }
        }
    }
}
