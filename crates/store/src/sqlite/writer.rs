//! The writer: one thread that owns the write connection and commits whatever has queued up.
//!
//! Jobs wait in two queues. People's come first and are never kept waiting by more than one
//! bounded transaction of background work.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use duban_core::{CaseRow, ItemRow};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use crate::commit::Commit;
use crate::error::{CommitError, StoreError};

/// Rows that one transaction may write before it is committed, unless a single commit has more.
const ROWS_MAX: usize = 4_096;

/// Rows of background work that one transaction may write, so that people wait but briefly.
const BACKGROUND_ROWS_MAX: usize = 1_024;

/// What is answered to a batch: an answer for each commit.
pub(super) type Answers = Vec<Result<(), CommitError>>;

type Work = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// Something to be written.
pub(super) enum Job {
    /// A batch of commits.
    Append(Vec<Commit>, oneshot::Sender<Result<Answers, StoreError>>),
    /// Any other write; its answer travels inside the closure's owner.
    Other(Work, oneshot::Sender<Result<(), StoreError>>),
}

impl Job {
    fn rows(&self) -> usize {
        match self {
            Self::Append(batch, _) => batch
                .iter()
                .map(|commit| 1 + commit.items.len() + commit.events.len() + commit.outgoing.len())
                .sum(),
            Self::Other(..) => 1,
        }
    }
}

#[derive(Default)]
struct Queues {
    urgent: VecDeque<Job>,
    background: VecDeque<Job>,
    closing: bool,
}

/// The queues between callers and the writer.
#[derive(Default)]
pub(super) struct Queue {
    queues: Mutex<Queues>,
    filled: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a job over; `false` once the store is closing.
    pub(super) fn push(&self, job: Job, urgent: bool) -> bool {
        let mut queues = self.lock();
        if queues.closing {
            return false;
        }
        if urgent {
            queues.urgent.push_back(job);
        } else {
            queues.background.push_back(job);
        }
        drop(queues);
        self.filled.notify_one();
        true
    }

    /// Lets the writer end once everything queued is written.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.filled.notify_one();
    }

    /// What the next transaction holds; `None` when closed and empty.
    fn take(&self) -> Option<Vec<Job>> {
        let mut queues = self.lock();
        loop {
            if !queues.urgent.is_empty() || !queues.background.is_empty() {
                break;
            }
            if queues.closing {
                return None;
            }
            queues = self.filled.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
        let mut jobs = Vec::new();
        let mut rows = 0;
        while rows < ROWS_MAX
            && let Some(job) = queues.urgent.pop_front()
        {
            rows += job.rows();
            jobs.push(job);
        }
        let mut background = 0;
        while background < BACKGROUND_ROWS_MAX
            && let Some(job) = queues.background.pop_front()
        {
            background += job.rows();
            jobs.push(job);
        }
        Some(jobs)
    }
}

/// Serves the queue until it is closed.
pub(super) fn serve(connection: &Connection, queue: &Arc<Queue>) {
    // Whatever ends this thread, callers must not wait for it.
    let _closer = CloseOnDrop(Arc::clone(queue));
    connection.set_prepared_statement_cache_capacity(64);
    while let Some(jobs) = queue.take() {
        run(connection, jobs);
    }
}

struct CloseOnDrop(Arc<Queue>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        let mut queues = self.0.lock();
        queues.closing = true;
        queues.urgent.clear();
        queues.background.clear();
    }
}

enum Answer {
    Append(Answers, oneshot::Sender<Result<Answers, StoreError>>),
    Other(oneshot::Sender<Result<(), StoreError>>),
}

impl Answer {
    fn send(self, failure: Option<&rusqlite::Error>) {
        // A caller that went away is owed nothing.
        match (self, failure) {
            (Self::Append(answers, reply), None) => drop(reply.send(Ok(answers))),
            (Self::Other(reply), None) => drop(reply.send(Ok(()))),
            (Self::Append(_, reply), Some(error)) => drop(reply.send(Err(failed(error)))),
            (Self::Other(reply), Some(error)) => drop(reply.send(Err(failed(error)))),
        }
    }
}

fn failed(error: &rusqlite::Error) -> StoreError {
    StoreError::Database(error.to_string().into())
}

/// One transaction. It holds all of the jobs or none.
fn run(connection: &Connection, jobs: Vec<Job>) {
    let mut answers = Vec::with_capacity(jobs.len());
    let done = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
        let mut failure = None;
        for job in jobs {
            let (answer, result) = write_job(connection, job, failure.is_some());
            answers.push(answer);
            failure = failure.or(result.err());
        }
        match failure {
            None => connection.execute_batch("COMMIT"),
            Some(error) => Err(error),
        }
    });
    if done.is_err() && !connection.is_autocommit() {
        // The transaction is gone either way; what failed first is what callers are told.
        drop(connection.execute_batch("ROLLBACK"));
    }
    for answer in answers {
        answer.send(done.as_ref().err());
    }
}

fn write_job(connection: &Connection, job: Job, skip: bool) -> (Answer, rusqlite::Result<()>) {
    match job {
        Job::Append(batch, reply) => {
            let mut answers = Vec::with_capacity(batch.len());
            let mut result = Ok(());
            for commit in batch {
                if skip || result.is_err() {
                    break;
                }
                match write_commit(connection, &commit) {
                    Ok(answer) => answers.push(answer),
                    Err(error) => result = Err(error),
                }
            }
            (Answer::Append(answers, reply), result)
        }
        Job::Other(work, reply) => {
            let result = if skip { Ok(()) } else { work(connection) };
            (Answer::Other(reply), result)
        }
    }
}

/// Writes one commit, or says why not before anything of it is written.
fn write_commit(
    connection: &Connection,
    commit: &Commit,
) -> rusqlite::Result<Result<(), CommitError>> {
    let case = &commit.case;
    if let Some(key) = &commit.key {
        let taken = connection
            .prepare_cached("SELECT 1 FROM keys WHERE case_id = ?1 AND actor = ?2 AND key = ?3")?
            .exists(params![key.case, key.actor, key.key])?;
        if taken {
            return Ok(Err(CommitError::KeyTaken { case: case.id.clone() }));
        }
    }
    if !write_case(connection, case, commit.expected)? {
        let current = connection
            .prepare_cached("SELECT version FROM cases WHERE id = ?1")?
            .query_row([&case.id], |row| row.get(0))
            .optional()?;
        return Ok(Err(CommitError::Conflict {
            case: case.id.clone(),
            current: current.unwrap_or(0),
            expected: commit.expected,
        }));
    }
    for item in &commit.items {
        write_item(connection, case, item)?;
    }
    write_events(connection, commit)?;
    write_outbox(connection, commit)?;
    if let Some(key) = &commit.key {
        connection
            .prepare_cached("INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![key.case, key.actor, key.key, key.digest, key.version, key.at])?;
    }
    Ok(Ok(()))
}

/// Writes the case's row if it is at the expected version; `false` otherwise.
fn write_case(connection: &Connection, case: &CaseRow, expected: u64) -> rusqlite::Result<bool> {
    let changed = if expected == 0 {
        insert_case(&mut connection.prepare_cached(INSERT_CASE)?, case)?
    } else {
        connection.prepare_cached(UPDATE_CASE)?.execute(params![
            case.id,
            expected,
            case.title,
            case.status,
            case.faulted,
            case.definition,
            case.version,
            case.next_wakeup,
            case.closed_at,
            case.data,
        ])?
    };
    Ok(changed == 1)
}

const INSERT_CASE: &str = "INSERT INTO cases VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING";

const UPDATE_CASE: &str = "UPDATE cases SET title = ?3, status = ?4, faulted = ?5, \
    definition = ?6, version = ?7, next_wakeup = ?8, closed_at = ?9, data = ?10 \
    WHERE id = ?1 AND version = ?2";

fn insert_case(statement: &mut CachedStatement<'_>, case: &CaseRow) -> rusqlite::Result<usize> {
    statement.execute(params![
        case.id,
        case.suite,
        case.workflow,
        case.unit,
        case.period,
        case.title,
        case.status,
        case.faulted,
        case.definition,
        case.version,
        case.next_wakeup,
        case.opened_at,
        case.closed_at,
        case.data,
    ])
}

const UPDATE_ITEM: &str = "UPDATE items SET unit = ?3, status = ?4, held = ?5, owner = ?6, \
    waiting_on = ?7, since = ?8, due = ?9, yellow_at = ?10, red_at = ?11, data = ?12 \
    WHERE case_id = ?1 AND key = ?2";

const INSERT_ITEM: &str = "INSERT INTO items VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

fn write_item(connection: &Connection, case: &CaseRow, item: &ItemRow) -> rusqlite::Result<()> {
    let updated = connection.prepare_cached(UPDATE_ITEM)?.execute(params![
        item.case,
        item.key,
        item.unit,
        item.status,
        item.held,
        item.owner,
        item.waiting_on,
        item.since,
        item.due,
        item.yellow_at,
        item.red_at,
        item.data,
    ])?;
    if updated == 0 {
        connection.prepare_cached(INSERT_ITEM)?.execute(params![
            item.case,
            item.key,
            case.workflow,
            case.unit,
            item.task,
            item.unit,
            item.status,
            item.held,
            item.owner,
            item.waiting_on,
            item.since,
            item.due,
            item.yellow_at,
            item.red_at,
            item.window,
            item.data,
        ])?;
    }
    Ok(())
}

fn write_events(connection: &Connection, commit: &Commit) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (case_id, seq, at, recorded_at, kind, item, text, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for event in &commit.events {
        insert.execute(params![
            commit.case.id,
            event.seq,
            event.at,
            event.recorded_at,
            event.kind,
            event.item,
            event.text,
            event.hash,
        ])?;
    }
    Ok(())
}

fn write_outbox(connection: &Connection, commit: &Commit) -> rusqlite::Result<()> {
    for outgoing in &commit.outgoing {
        let body =
            serde_json::to_string(&outgoing.body).expect("invariant: a delivery is plain data");
        connection
            .prepare_cached("INSERT INTO outbox VALUES (?1, ?2, ?3, ?4, 0, 0, ?4, NULL, ?5)")?
            .execute(params![outgoing.case, outgoing.seq, outgoing.kind, outgoing.at, body])?;
    }
    for score in &commit.scores {
        connection
            .prepare_cached("INSERT INTO scores VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![
                score.case,
                score.seq,
                score.at,
                score.unit,
                score.points,
                score.rule,
                score.why,
            ])?;
    }
    Ok(())
}

/// Replaces a case's rows by ones made again from its events.
pub(super) fn replace(
    connection: &Connection,
    case: &CaseRow,
    items: &[ItemRow],
) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM items WHERE case_id = ?1")?.execute([&case.id])?;
    connection.prepare_cached("DELETE FROM cases WHERE id = ?1")?.execute([&case.id])?;
    insert_case(&mut connection.prepare_cached(INSERT_CASE)?, case)?;
    for item in items {
        write_item(connection, case, item)?;
    }
    Ok(())
}
