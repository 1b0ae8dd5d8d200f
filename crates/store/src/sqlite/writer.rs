//! The one thread that writes: it takes what has queued up and commits it as one transaction.
//!
//! Work waits in two queues. What people do goes before what time brings: a transaction takes
//! urgent work first, and of the rest only a small portion, so that a person's act waits at most
//! for the transaction in progress, and a burst of wake-ups still moves on with every
//! transaction. An answer is given only after the transaction is durable.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::SqliteOptions;
use crate::error::StoreError;
use crate::measure::{AMOUNTS, DURATIONS_US, Distribution, Histogram};

/// How soon something is to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Urgency {
    /// Somebody waits for it.
    Urgent,
    /// It is taken in portions.
    Later,
}

/// How much a piece of work writes, roughly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Commits.
    pub commits: usize,
    /// Rows, of all tables.
    pub rows: usize,
}

/// One piece of work: runs inside a transaction, answers after it.
trait Work: Send {
    fn size(&self) -> Size;
    fn run(&mut self, conn: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), Arc<rusqlite::Error>>);
}

struct Task<T, F> {
    size: Size,
    body: F,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn size(&self) -> Size {
        self.size
    }

    fn run(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.value = Some((self.body)(conn)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Arc<rusqlite::Error>>) {
        let answer = match (outcome, self.value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
            (Err(error), _) => Err(StoreError::Database(Box::new(error))),
        };
        // Nobody listens where the caller has gone; what was written stands.
        self.reply.send(answer).ok();
    }
}

#[derive(Default)]
struct Waiting {
    urgent: VecDeque<Box<dyn Work>>,
    later: VecDeque<Box<dyn Work>>,
    closing: bool,
}

/// The way to the writer.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    urgent_room: Arc<Semaphore>,
    later_room: Arc<Semaphore>,
    options: SqliteOptions,
    transaction_us: Histogram,
    transaction_commits: Histogram,
    failures: Mutex<Failures>,
}

/// Transactions that the disk or the database engine did not take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    pub(super) count: u64,
    pub(super) last: Option<Instant>,
}

impl Queue {
    pub(super) fn new(options: &SqliteOptions) -> Self {
        let room = || Arc::new(Semaphore::new(options.queue_commits_max as usize));
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            urgent_room: room(),
            later_room: room(),
            options: options.clone(),
            transaction_us: Histogram::new(DURATIONS_US),
            transaction_commits: Histogram::new(AMOUNTS),
            failures: Mutex::default(),
        }
    }

    /// How long transactions took, in microseconds, and how many commits shared one.
    pub(super) fn measured(&self) -> (Distribution, Distribution) {
        (self.transaction_us.read(), self.transaction_commits.read())
    }

    /// Which transactions have failed, and when the last one did.
    pub(super) fn failures(&self) -> Failures {
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_failure(&self) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.count += 1;
        failures.last = Some(Instant::now());
    }

    /// Has something written and waits until it is durable. Waits before that while the queue is
    /// full. Work that was queued is done even where the caller does not wait for it.
    pub(super) async fn submit<T, F>(
        &self,
        urgency: Urgency,
        size: Size,
        body: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let room = match urgency {
            Urgency::Urgent => &self.urgent_room,
            Urgency::Later => &self.later_room,
        };
        let weight = u32::try_from(size.commits).unwrap_or(u32::MAX);
        let weight = weight.clamp(1, self.options.queue_commits_max);
        let room = Arc::clone(room).acquire_many_owned(weight).await;
        let room = room.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        self.push(urgency, Box::new(Task { size, body, value: None, reply, _room: room }))?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    fn push(&self, urgency: Urgency, work: Box<dyn Work>) -> Result<(), StoreError> {
        let mut waiting = self.waiting();
        if waiting.closing {
            return Err(StoreError::Closed);
        }
        match urgency {
            Urgency::Urgent => waiting.urgent.push_back(work),
            Urgency::Later => waiting.later.push_back(work),
        }
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes no more work. What has queued up is still done.
    pub(super) fn close(&self) {
        self.waiting().closing = true;
        self.urgent_room.close();
        self.later_room.close();
        self.arrived.notify_one();
    }

    /// Waits for work and takes what fits into one transaction; nothing: the queue is closed.
    fn take(&self) -> Vec<Box<dyn Work>> {
        let mut waiting = self.waiting();
        while waiting.urgent.is_empty() && waiting.later.is_empty() && !waiting.closing {
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        let all = Size {
            commits: self.options.transaction_commits_max as usize,
            rows: self.options.transaction_rows_max as usize,
        };
        let left = portion(&mut waiting.urgent, all, &mut taken);
        let part = Size { commits: all.commits / 8, rows: all.rows / 8 };
        let part = Size { commits: part.commits.min(left.commits), rows: part.rows.min(left.rows) };
        portion(&mut waiting.later, part, &mut taken);
        taken
    }

    /// Forgets what nobody will do any more: its callers learn that the store is closed.
    fn abandon(&self) {
        self.close();
        let mut waiting = self.waiting();
        let left = (std::mem::take(&mut waiting.urgent), std::mem::take(&mut waiting.later));
        drop(waiting);
        drop(left);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves work over while it fits, at least one piece; returns what room is left.
fn portion(from: &mut VecDeque<Box<dyn Work>>, room: Size, to: &mut Vec<Box<dyn Work>>) -> Size {
    let mut left = room;
    let mut first = true;
    while let Some(size) = from.front().map(|work| work.size()) {
        if !first && (size.commits > left.commits || size.rows > left.rows) {
            break;
        }
        first = false;
        left.commits = left.commits.saturating_sub(size.commits);
        left.rows = left.rows.saturating_sub(size.rows);
        to.extend(from.pop_front());
    }
    left
}

/// Abandons the queue when the thread ends, also by a panic.
struct Ending<'a>(&'a Queue);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The thread's work, until the queue is closed and empty.
pub(super) fn run(conn: &Connection, queue: &Queue) {
    let _ending = Ending(queue);
    loop {
        let work = queue.take();
        if work.is_empty() {
            return;
        }
        commit(conn, work, queue);
    }
}

fn commit(conn: &Connection, mut work: Vec<Box<dyn Work>>, queue: &Queue) {
    let begun = Instant::now();
    let outcome = transact(conn, &mut work);
    queue.transaction_us.note_time(begun.elapsed());
    let commits: usize = work.iter().map(|piece| piece.size().commits).sum();
    queue.transaction_commits.note(u64::try_from(commits).unwrap_or(u64::MAX));
    if work.len() > 1 && outcome.as_ref().is_err_and(blames_one) {
        // One piece broke a constraint: the others must not suffer from it.
        for piece in work {
            commit(conn, vec![piece], queue);
        }
        return;
    }
    let outcome = outcome.map_err(Arc::new);
    if let Err(error) = &outcome {
        if !blames_one(error) {
            queue.note_failure();
        }
        tracing::error!(%error, pieces = work.len(), "a transaction failed");
    }
    for piece in work {
        piece.answer(outcome.clone());
    }
}

fn blames_one(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    match error.sqlite_error_code() {
        Some(code) => matches!(code, ConstraintViolation | TooBig | TypeMismatch),
        None => true,
    }
}

fn transact(conn: &Connection, work: &mut [Box<dyn Work>]) -> rusqlite::Result<()> {
    if !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    conn.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let mut outcome = work.iter_mut().try_for_each(|piece| piece.run(conn));
    if outcome.is_ok() {
        outcome = conn.prepare_cached("COMMIT")?.execute(()).map(drop);
    }
    if outcome.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    outcome
}
