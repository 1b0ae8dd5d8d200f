//! Reading what is asked for by name: cases, keys, due cases, events, definitions, documents.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::append::{signed, unsigned};
use super::column::{count, json, text};
use super::cursor;
use crate::commit::KeyRecord;
use crate::error::StoreError;
use crate::query::{Cursor, EventRow, Page, VersionRow};
use crate::store::{DefinitionRow, StoredCase};

pub(super) fn load(conn: &Connection, id: &str) -> Result<Option<StoredCase>, StoreError> {
    // Both questions see one state of the database.
    let snapshot = conn.unchecked_transaction()?;
    let mut head =
        snapshot.prepare_cached("SELECT no, version, definition, data FROM cases WHERE id = ?1")?;
    let head = head
        .query_row([id], |row| {
            let case = StoredCase {
                version: unsigned(row, 1)?,
                definition: row.get(2)?,
                head: json(row, 3)?,
                items: Vec::new(),
            };
            Ok((row.get::<_, i64>(0)?, case))
        })
        .optional()?;
    let Some((no, mut case)) = head else { return Ok(None) };
    let mut items =
        snapshot.prepare_cached("SELECT key, data FROM items WHERE case_no = ?1 ORDER BY key")?;
    let items = items.query_map([no], |row| Ok((text(row, 0)?, json(row, 1)?)))?;
    case.items = items.collect::<Result<_, _>>()?;
    Ok(Some(case))
}

pub(super) fn recall(
    conn: &Connection,
    case: &str,
    actor: &str,
    key: &str,
) -> Result<Option<KeyRecord>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT digest, version, at FROM keys WHERE case_id = ?1 AND actor = ?2 AND key = ?3",
        )?
        .query_row([case, actor, key], |row| {
            Ok(KeyRecord {
                case: case.to_owned(),
                actor: actor.to_owned(),
                key: key.to_owned(),
                digest: row.get(0)?,
                version: unsigned(row, 1)?,
                at: row.get(2)?,
            })
        })
        .optional()?)
}

/// A key's place in the order of keys.
pub(super) type KeyPlace = (String, String, String);

/// Of the next `limit` keys after a place: those older than an instant, and the last one looked
/// at; `None`: there are no more.
pub(super) fn old_keys(
    conn: &Connection,
    after: &KeyPlace,
    before: i64,
    limit: u32,
) -> Result<(Vec<KeyPlace>, Option<KeyPlace>), StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT case_id, actor, key, at FROM keys WHERE (case_id, actor, key) > (?1, ?2, ?3)
         ORDER BY case_id, actor, key LIMIT ?4",
    )?;
    let mut rows = select.query(params![after.0, after.1, after.2, limit])?;
    let (mut old, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let place: KeyPlace = (row.get(0)?, row.get(1)?, row.get(2)?);
        if row.get::<_, i64>(3)? < before {
            old.push(place.clone());
        }
        last = Some(place);
    }
    Ok((old, last))
}

pub(super) fn forget_keys(
    conn: &Connection,
    keys: &[KeyPlace],
    before: i64,
) -> rusqlite::Result<usize> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM keys WHERE case_id = ?1 AND actor = ?2 AND key = ?3 AND at < ?4",
    )?;
    keys.iter().map(|(case, actor, key)| delete.execute(params![case, actor, key, before])).sum()
}

pub(super) fn next_wakeup(conn: &Connection) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT next_wakeup FROM cases WHERE next_wakeup IS NOT NULL AND faulted = 0
             ORDER BY next_wakeup LIMIT 1",
        )?
        .query_row((), |row| row.get(0))
        .optional()?)
}

pub(super) fn due(
    conn: &Connection,
    now: i64,
    limit: u32,
    skip: &[String],
) -> Result<Vec<(String, i64)>, StoreError> {
    let skip: std::collections::HashSet<&str> = skip.iter().map(String::as_str).collect();
    let mut select = conn.prepare_cached(
        "SELECT id, next_wakeup FROM cases WHERE next_wakeup <= ?1 AND faulted = 0
         ORDER BY next_wakeup, no",
    )?;
    let mut rows = select.query([now])?;
    let mut found = Vec::new();
    while found.len() < optional_count(limit) {
        let Some(row) = rows.next()? else { break };
        if !skip.contains(row.get_ref(0)?.as_str().unwrap_or_default()) {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(found)
}

/// A limit as a count of rows in memory.
pub(super) fn optional_count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

pub(super) fn events(
    conn: &Connection,
    case: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT ?1, seq, text, hash FROM events
         WHERE case_no = (SELECT no FROM cases WHERE id = ?1) AND seq > ?2
         ORDER BY seq LIMIT ?3",
    )?;
    let rows = select.query_map(params![case, signed(after), limit], event)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Goes over the case's events from the last one back. An index by item would cost every move
/// more than it saves here.
pub(super) fn events_about(
    conn: &Connection,
    case: &str,
    item: &str,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT ?1, seq, text, hash FROM events
         WHERE case_no = (SELECT no FROM cases WHERE id = ?1) AND item = ?2
         ORDER BY seq DESC LIMIT ?3",
    )?;
    let rows = select.query_map(params![case, item, limit], event)?;
    let mut rows: Vec<EventRow> = rows.collect::<Result<_, _>>()?;
    rows.reverse();
    Ok(rows)
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let hash = match row.get_ref(3)? {
        ValueRef::Blob(bytes) => hex(bytes),
        _ => text(row, 3)?,
    };
    Ok(EventRow { case: text(row, 0)?, seq: count(row, 1)?, text: json(row, 2)?, hash })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

pub(super) fn feed(
    conn: &Connection,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<EventRow>, StoreError> {
    let after: i64 = after.map_or(Ok(0), |cursor| cursor::read(cursor::FEED, cursor))?;
    let mut select = conn.prepare_cached(
        "SELECT coalesce((SELECT id FROM cases WHERE no = case_no), 'no-row-' || case_no),
             seq, text, hash, feed FROM events
         WHERE feed > ?1 ORDER BY feed LIMIT ?2",
    )?;
    let mut found = select.query(params![after, limit])?;
    let (mut rows, mut last) = (Vec::new(), None);
    while let Some(row) = found.next()? {
        rows.push(event(row)?);
        last = Some(row.get::<_, i64>(4)?);
    }
    Ok(Page { rows, next: last.map(|feed| cursor::write(cursor::FEED, &feed)) })
}

pub(super) fn feed_end(conn: &Connection) -> Result<Cursor, StoreError> {
    let last: i64 = conn
        .prepare_cached("SELECT coalesce(max(feed), 0) FROM events")?
        .query_row((), |row| row.get(0))?;
    Ok(cursor::write(cursor::FEED, &last))
}

/// Row numbers of events have no gaps, as none is ever removed.
pub(super) fn feed_left(conn: &Connection, after: Option<&Cursor>) -> Result<u64, StoreError> {
    let after: i64 = after.map_or(Ok(0), |cursor| cursor::read(cursor::FEED, cursor))?;
    Ok(conn
        .prepare_cached("SELECT max(0, coalesce(max(feed), 0) - ?1) FROM events")?
        .query_row([after], |row| unsigned(row, 0))?)
}

/// Row numbers of the feed and the times of recording grow together: the place is found by
/// halving.
pub(super) fn feed_from(conn: &Connection, at: i64) -> Result<Cursor, StoreError> {
    let last: i64 = conn
        .prepare_cached("SELECT coalesce(max(feed), 0) FROM events")?
        .query_row((), |row| row.get(0))?;
    let mut select = conn.prepare_cached("SELECT recorded_at FROM events WHERE feed = ?1")?;
    let (mut before, mut end) = (0, last + 1);
    while before + 1 < end {
        let middle = before + (end - before) / 2;
        let recorded: Option<i64> = select.query_row([middle], |row| row.get(0)).optional()?;
        if recorded.is_some_and(|recorded| recorded < at) {
            before = middle;
        } else {
            end = middle;
        }
    }
    Ok(cursor::write(cursor::FEED, &before))
}

pub(super) fn last_event(conn: &Connection, case_no: i64) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM events WHERE case_no = ?1")?
        .query_row([case_no], |row| unsigned(row, 0))
}

pub(super) fn publish(conn: &Connection, row: &DefinitionRow) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO definitions (hash, suite, workflow, json, published_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?
    .execute(params![row.hash, row.suite, row.workflow, row.json, row.published_at])?;
    conn.prepare_cached(
        "INSERT INTO current (suite, workflow, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET hash = excluded.hash",
    )?
    .execute(params![row.suite, row.workflow, row.hash])?;
    Ok(())
}

pub(super) fn definition(
    conn: &Connection,
    hash: &str,
) -> Result<Option<DefinitionRow>, StoreError> {
    Ok(conn
        .prepare_cached(
            "SELECT hash, suite, workflow, json, published_at FROM definitions WHERE hash = ?1",
        )?
        .query_row([hash], |row| {
            Ok(DefinitionRow {
                hash: row.get(0)?,
                suite: row.get(1)?,
                workflow: row.get(2)?,
                json: row.get(3)?,
                published_at: row.get(4)?,
            })
        })
        .optional()?)
}

pub(super) fn current(
    conn: &Connection,
    suite: &str,
    workflow: &str,
) -> Result<Option<DefinitionRow>, StoreError> {
    let hash: Option<String> = conn
        .prepare_cached("SELECT hash FROM current WHERE suite = ?1 AND workflow = ?2")?
        .query_row([suite, workflow], |row| row.get(0))
        .optional()?;
    // A definition is never removed, so that the second question finds it.
    hash.map_or(Ok(None), |hash| definition(conn, &hash))
}

pub(super) fn currents(conn: &Connection) -> Result<Vec<(String, String, String)>, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT suite, workflow, hash FROM current ORDER BY suite, workflow")?;
    let rows = select.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn versions(conn: &Connection, suite: &str) -> Result<Vec<VersionRow>, StoreError> {
    let mut select = conn.prepare_cached(
        "SELECT d.workflow, d.hash, d.published_at, c.hash IS NOT NULL, coalesce(n.open, 0)
         FROM definitions d
         LEFT JOIN current c ON c.suite = d.suite AND c.workflow = d.workflow AND c.hash = d.hash
         LEFT JOIN (SELECT definition, count(*) AS open FROM cases
             WHERE suite = ?1 AND status = 'open' GROUP BY definition) n ON n.definition = d.hash
         WHERE d.suite = ?1 ORDER BY d.workflow, d.no",
    )?;
    let rows = select.query_map([suite], |row| {
        Ok(VersionRow {
            workflow: row.get(0)?,
            hash: row.get(1)?,
            published_at: row.get(2)?,
            current: row.get(3)?,
            open_cases: unsigned(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put_document(
    conn: &Connection,
    name: &str,
    json: &str,
    at: i64,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO documents (name, json, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET json = excluded.json, at = excluded.at",
    )?
    .execute(params![name, json, at])?;
    Ok(())
}

pub(super) fn swap_document(
    conn: &Connection,
    name: &str,
    expected: Option<&str>,
    json: &str,
    at: i64,
) -> rusqlite::Result<bool> {
    let kept = match expected {
        Some(expected) => conn
            .prepare_cached(
                "UPDATE documents SET json = ?2, at = ?3 WHERE name = ?1 AND json = ?4",
            )?
            .execute(params![name, json, at, expected])?,
        None => conn
            .prepare_cached(
                "INSERT INTO documents (name, json, at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO NOTHING",
            )?
            .execute(params![name, json, at])?,
    };
    Ok(kept > 0)
}

pub(super) fn document(conn: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT json FROM documents WHERE name = ?1")?
        .query_row([name], |row| json(row, 0))
        .optional()?)
}

pub(super) fn documents(
    conn: &Connection,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    documents_after(conn, prefix, "", i64::MAX)
}

pub(super) fn documents_after(
    conn: &Connection,
    prefix: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    // A range of the unique index: names that begin so stand together.
    let end = format!("{prefix}\u{10ffff}");
    let mut select = conn.prepare_cached(
        "SELECT name, json FROM documents WHERE name >= ?1 AND name <> ?2 AND name < ?3
         ORDER BY name LIMIT ?4",
    )?;
    let rows = select.query_map(params![prefix.max(after), after, end, limit], |row| {
        Ok((text(row, 0)?, json(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn remove_document(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    Ok(conn.prepare_cached("DELETE FROM documents WHERE name = ?1")?.execute([name])? > 0)
}
