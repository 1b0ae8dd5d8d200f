//! Writing commits: what is checked first, and which statements a commit costs.
//!
//! Everything that can refuse a commit is checked before anything of it is written, so that a
//! refused commit needs no savepoint. An `UPDATE` that names an indexed column rewrites the
//! index even where the value stays, so the rows are compared first and the statement that names
//! no more than what changed is taken: a report touches no index of its row, signing for a task
//! those that hold the status (two), submitting those that hold the light as well (three), and
//! only closing a task or another due date moves its places in the listings (four).

use rusqlite::{Connection, OptionalExtension, Row, params};

use duban_core::{CaseRow, Encoded, ItemRow, Outgoing};

use super::cursor::unhex;
use super::writer::Size;
use crate::commit::{Commit, KeyRecord};
use crate::error::CommitError;
use crate::query::ScoreRow;

/// Stands for a due date that there is not.
pub(super) const NEVER: i64 = i64::MAX;

/// How much a batch writes.
pub(super) fn size_of(batch: &[Commit]) -> Size {
    let rows = |commit: &Commit| {
        2 + commit.items.len() + commit.events.len() + commit.outgoing.len() + commit.scores.len()
    };
    Size { commits: batch.len(), rows: batch.iter().map(rows).sum() }
}

/// Writes a batch; a refused commit leaves nothing behind.
pub(super) fn write_batch(
    conn: &Connection,
    batch: &[Commit],
) -> rusqlite::Result<Vec<Result<(), CommitError>>> {
    batch.iter().map(|commit| write(conn, commit)).collect()
}

fn write(conn: &Connection, commit: &Commit) -> rusqlite::Result<Result<(), CommitError>> {
    let id = &commit.case.id;
    let stored = find_case(conn, id)?;
    let current = stored.as_ref().map_or(0, |stored| stored.version);
    if current != commit.expected {
        return Ok(Err(match &commit.key {
            Some(key) if is_taken(conn, key)? => CommitError::KeyTaken { case: id.clone() },
            _ => CommitError::Conflict { case: id.clone(), current, expected: commit.expected },
        }));
    }
    if let Some(key) = &commit.key
        && !take_key(conn, key)?
    {
        return Ok(Err(CommitError::KeyTaken { case: id.clone() }));
    }
    let no = match &stored {
        Some(stored) => {
            update_case(conn, stored, &commit.case)?;
            stored.no
        }
        None => insert_case(conn, &commit.case)?,
    };
    for item in &commit.items {
        let before = if stored.is_some() { find_item(conn, no, item)? } else { None };
        match before {
            Some(before) => update_item(conn, &before, item)?,
            None => insert_item(conn, no, &commit.case.workflow, item)?,
        }
    }
    for event in &commit.events {
        insert_event(conn, no, event)?;
    }
    for outgoing in &commit.outgoing {
        insert_outgoing(conn, outgoing)?;
    }
    for score in &commit.scores {
        insert_score(conn, &commit.case.suite, score)?;
    }
    Ok(Ok(()))
}

/// What must be known of a case to write it.
pub(super) struct StoredHead {
    pub no: i64,
    pub version: u64,
    next_wakeup: Option<i64>,
    faulted: bool,
    attention: Option<String>,
}

pub(super) fn find_case(conn: &Connection, id: &str) -> rusqlite::Result<Option<StoredHead>> {
    conn.prepare_cached(
        "SELECT no, version, next_wakeup, faulted, attention FROM cases WHERE id = ?1",
    )?
    .query_row([id], |row| {
        Ok(StoredHead {
            no: row.get(0)?,
            version: unsigned(row, 1)?,
            next_wakeup: row.get(2)?,
            faulted: row.get(3)?,
            attention: row.get(4)?,
        })
    })
    .optional()
}

/// A count or position, which is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A count or position as a column.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn is_taken(conn: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM keys WHERE case_id = ?1 AND actor = ?2 AND key = ?3")?
        .exists(params![key.case, key.actor, key.key])
}

fn take_key(conn: &Connection, key: &KeyRecord) -> rusqlite::Result<bool> {
    let written = conn
        .prepare_cached(
            "INSERT INTO keys (case_id, actor, key, digest, version, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(params![key.case, key.actor, key.key, key.digest, signed(key.version), key.at])?;
    Ok(written == 1)
}

pub(super) fn insert_case(conn: &Connection, row: &CaseRow) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO cases (id, suite, workflow, unit, period, version, next_wakeup, faulted,
             status, title, definition, opened_at, closed_at, data, attention)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .insert(params![
        row.id,
        row.suite,
        row.workflow,
        row.unit,
        row.period,
        signed(row.version),
        row.next_wakeup,
        row.faulted,
        row.status,
        row.title,
        row.definition,
        row.opened_at,
        row.closed_at,
        row.data,
        row.attention
    ])
}

pub(super) fn update_case(
    conn: &Connection,
    stored: &StoredHead,
    row: &CaseRow,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE cases SET version = ?2, status = ?3, title = ?4, definition = ?5, closed_at = ?6,
             data = ?7
         WHERE no = ?1",
    )?
    .execute(params![
        stored.no,
        signed(row.version),
        row.status,
        row.title,
        row.definition,
        row.closed_at,
        row.data
    ])?;
    if stored.next_wakeup != row.next_wakeup || stored.faulted != row.faulted {
        conn.prepare_cached("UPDATE cases SET next_wakeup = ?2, faulted = ?3 WHERE no = ?1")?
            .execute(params![stored.no, row.next_wakeup, row.faulted])?;
    }
    if stored.attention != row.attention {
        conn.prepare_cached("UPDATE cases SET attention = ?2 WHERE no = ?1")?
            .execute(params![stored.no, row.attention])?;
    }
    Ok(())
}

/// The indexed columns of an item as they stand.
struct StoredItem {
    no: i64,
    unit: String,
    status: String,
    due: i64,
    yellow_at: Option<i64>,
    red_at: Option<i64>,
    waiting_on: Option<String>,
    attention: Option<String>,
}

fn find_item(conn: &Connection, case: i64, item: &ItemRow) -> rusqlite::Result<Option<StoredItem>> {
    conn.prepare_cached(
        "SELECT no, unit, status, due, yellow_at, red_at, waiting_on, attention FROM items
         WHERE case_no = ?1 AND key = ?2",
    )?
    .query_row(params![case, item.key], |row| {
        Ok(StoredItem {
            no: row.get(0)?,
            unit: row.get(1)?,
            status: row.get(2)?,
            due: row.get(3)?,
            yellow_at: row.get(4)?,
            red_at: row.get(5)?,
            waiting_on: row.get(6)?,
            attention: row.get(7)?,
        })
    })
    .optional()
}

/// Whether nothing more is owed in a status.
pub(super) fn is_closed(status: &str) -> bool {
    matches!(status, "done" | "skipped" | "cancelled")
}

fn update_item(conn: &Connection, before: &StoredItem, row: &ItemRow) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE items SET held = ?2, owner = ?3, waiting_on = ?4, since = ?5, data = ?6
         WHERE no = ?1",
    )?
    .execute(params![before.no, row.held, row.owner, row.waiting_on, row.since, row.data])?;
    let (was_closed, closed) = (is_closed(&before.status), is_closed(&row.status));
    let due = row.due.unwrap_or(NEVER);
    if before.due != due || before.unit != row.unit || was_closed != closed {
        conn.prepare_cached(
            "UPDATE items SET unit = ?2, closed = ?3, status = ?4, due = ?5, yellow_at = ?6,
                 red_at = ?7
             WHERE no = ?1",
        )?
        .execute(params![
            before.no,
            row.unit,
            closed,
            row.status,
            due,
            row.yellow_at,
            row.red_at
        ])?;
    } else if before.yellow_at != row.yellow_at || before.red_at != row.red_at {
        conn.prepare_cached(
            "UPDATE items SET status = ?2, yellow_at = ?3, red_at = ?4 WHERE no = ?1",
        )?
        .execute(params![before.no, row.status, row.yellow_at, row.red_at])?;
    } else if before.status != row.status {
        conn.prepare_cached("UPDATE items SET status = ?2 WHERE no = ?1")?
            .execute(params![before.no, row.status])?;
    }
    if before.attention != row.attention {
        conn.prepare_cached("UPDATE items SET attention = ?2 WHERE no = ?1")?
            .execute(params![before.no, row.attention])?;
    }
    if before.waiting_on != row.waiting_on {
        unlist(conn, before.no, before.waiting_on.as_deref())?;
        list(conn, before.no, row.waiting_on.as_deref())?;
    }
    Ok(())
}

pub(super) fn insert_item(
    conn: &Connection,
    case: i64,
    workflow: &str,
    row: &ItemRow,
) -> rusqlite::Result<()> {
    let no = conn
        .prepare_cached(
            "INSERT INTO items (case_no, case_id, key, workflow, task, unit, closed, status, held,
                 owner, waiting_on, since, due, yellow_at, red_at, window, data, attention)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18)",
        )?
        .insert(params![
            case,
            row.case,
            row.key,
            workflow,
            row.task,
            row.unit,
            is_closed(&row.status),
            row.status,
            row.held,
            row.owner,
            row.waiting_on,
            row.since,
            row.due.unwrap_or(NEVER),
            row.yellow_at,
            row.red_at,
            row.window,
            row.data,
            row.attention
        ])?;
    list(conn, no, row.waiting_on.as_deref())
}

fn list(conn: &Connection, item: i64, waiting_on: Option<&str>) -> rusqlite::Result<()> {
    for assignee in waiting_on.map(assignees).unwrap_or_default() {
        conn.prepare_cached(
            "INSERT INTO waiting (assignee, item) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![assignee, item])?;
    }
    Ok(())
}

pub(super) fn unlist(
    conn: &Connection,
    item: i64,
    waiting_on: Option<&str>,
) -> rusqlite::Result<()> {
    for assignee in waiting_on.map(assignees).unwrap_or_default() {
        conn.prepare_cached("DELETE FROM waiting WHERE assignee = ?1 AND item = ?2")?
            .execute(params![assignee, item])?;
    }
    Ok(())
}

/// The assignees of a joined text. A post's name may hold spaces itself.
fn assignees(joined: &str) -> Vec<&str> {
    let begins =
        |rest: &str| ["unit:", "post:", "person:"].iter().any(|kind| rest.starts_with(kind));
    let mut starts = vec![0];
    starts.extend(
        joined.match_indices(' ').map(|(at, _)| at + 1).filter(|&at| begins(&joined[at..])),
    );
    let ends = starts.iter().skip(1).map(|at| at - 1).chain([joined.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &joined[start..end]).collect()
}

fn insert_event(conn: &Connection, case: i64, event: &Encoded) -> rusqlite::Result<()> {
    let hash = unhex(&event.hash).filter(|bytes| bytes.len() == 32);
    let mut insert = conn.prepare_cached(
        "INSERT INTO events (case_no, seq, at, recorded_at, kind, item, hash, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let hash: &dyn rusqlite::ToSql = match &hash {
        Some(bytes) => bytes,
        None => &event.hash,
    };
    insert.execute(params![
        case,
        signed(event.seq),
        event.at,
        event.recorded_at,
        event.kind,
        event.item,
        hash,
        event.text
    ])?;
    Ok(())
}

fn insert_outgoing(conn: &Connection, outgoing: &Outgoing) -> rusqlite::Result<()> {
    let body = serde_json::to_string(&outgoing.body).expect("invariant: a body is plain data");
    conn.prepare_cached(
        "INSERT INTO outbox (case_id, seq, kind, at, state, attempts, next_at, body)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?4, ?5)",
    )?
    .execute(params![
        outgoing.case,
        signed(outgoing.seq),
        outgoing.kind,
        outgoing.at,
        body
    ])?;
    Ok(())
}

fn insert_score(conn: &Connection, suite: &str, score: &ScoreRow) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO scores (case_id, seq, suite, at, unit, points, rule, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        score.case,
        signed(score.seq),
        suite,
        score.at,
        score.unit,
        score.points,
        score.rule,
        score.why
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::assignees;

    #[test]
    fn joined_assignees_are_taken_apart_at_their_kinds_alone() {
        assert_eq!(assignees("person:a"), ["person:a"]);
        assert_eq!(assignees("person:a unit:1"), ["person:a", "unit:1"]);
        assert_eq!(assignees("post:1/科 长 post:2/书记"), ["post:1/科 长", "post:2/书记"]);
    }
}
