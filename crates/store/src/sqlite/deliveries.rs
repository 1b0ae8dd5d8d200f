//! The outbox: leasing, noting what became of an attempt, listing, putting back.
//!
//! A lease moves `next_at` to its own end: where the process dies, the delivery comes up again
//! by itself.

use duban_core::{Body, Outgoing};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::append::{signed, unsigned};
use super::column::{count, json, json_or_null, number, text, text_or_null};
use super::cursor;
use super::read::optional_count;
use crate::error::StoreError;
use crate::query::{
    ChannelNotes, DeliveryFilter, DeliveryRow, DeliveryState, Noted, NotedState, Page, PageRequest,
    UNREADABLE,
};
use crate::store::Backlog;

const COLUMNS: &str = "case_id, seq, kind, at, state, attempts, next_at, error, body, channels";

/// A delivery as it stands in its row; its body is read outside the writer.
pub(super) struct Raw {
    case: String,
    seq: u64,
    kind: String,
    at: i64,
    state: i64,
    attempts: u32,
    next_at: i64,
    error: Option<String>,
    body: String,
    channels: Option<String>,
}

impl Raw {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            case: text(row, 0)?,
            seq: count(row, 1)?,
            kind: text(row, 2)?,
            at: number(row, 3)?,
            state: number(row, 4)?,
            attempts: u32::try_from(number(row, 5)?).unwrap_or(u32::MAX),
            next_at: number(row, 6)?,
            error: text_or_null(row, 7)?,
            body: json(row, 8)?,
            channels: json_or_null(row, 9)?,
        })
    }

    /// What it carries and what channels have said.
    fn read(&self) -> Result<(Body, ChannelNotes), serde_json::Error> {
        let body = serde_json::from_str(&self.body)?;
        let channels = self.channels.as_deref().map(serde_json::from_str).transpose()?;
        Ok((body, channels.unwrap_or_default()))
    }

    /// As listings show it, also where it cannot be read.
    fn show(self) -> DeliveryRow {
        let (body, channels, unread) = match self.read() {
            Ok((body, channels)) => (body, channels, None),
            Err(error) => (no_body(), ChannelNotes::new(), Some(unreadable(&error))),
        };
        self.with(body, channels, unread)
    }

    /// For an attempt: only what can be read.
    pub(super) fn open(self) -> Result<DeliveryRow, SetAside> {
        match self.read() {
            Ok((body, channels)) => Ok(self.with(body, channels, None)),
            Err(error) => {
                let error = unreadable(&error);
                Err(SetAside { case: self.case, seq: self.seq, error })
            }
        }
    }

    fn with(self, body: Body, channels: ChannelNotes, unread: Option<String>) -> DeliveryRow {
        let state = match self.state {
            0 => DeliveryState::Pending,
            1 => DeliveryState::Delivered,
            _ => DeliveryState::Dead,
        };
        let Self { case, seq, kind, at, attempts, next_at, error, .. } = self;
        let outgoing = Outgoing { case, seq, kind, at, body };
        let is_unreadable = unread.is_some();
        let error = unread.or(error);
        DeliveryRow { outgoing, state, attempts, next_at, error, is_unreadable, channels }
    }
}

/// A delivery that cannot be read: it must not be attempted, nor stop any other.
pub(super) struct SetAside {
    pub(super) case: String,
    pub(super) seq: u64,
    pub(super) error: String,
}

fn unreadable(error: &serde_json::Error) -> String {
    format!("{UNREADABLE}: {error}")
}

/// Stands in listings for what cannot be read.
fn no_body() -> Body {
    let body = serde_json::json!({ "people": {
        "kind": "alarm", "to": [], "people": [],
        "text": "（内容无法读取，请运行 duban repair / it cannot be read, run duban repair）",
    } });
    serde_json::from_value(body).expect("invariant: an alarm is a message")
}

/// Gives deliveries up that cannot be read, as dead letters with the reason.
pub(super) fn set_aside(conn: &Connection, found: &[SetAside]) -> rusqlite::Result<()> {
    let mut update = conn.prepare_cached(
        "UPDATE outbox SET state = 2, error = ?3 WHERE case_id = ?1 AND seq = ?2 AND state = 0",
    )?;
    for SetAside { case, seq, error } in found {
        update.execute(params![case, signed(*seq), error])?;
    }
    Ok(())
}

fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => 0,
        DeliveryState::Delivered => 1,
        DeliveryState::Dead => 2,
    }
}

pub(super) fn lease(
    conn: &Connection,
    now: i64,
    until: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Raw>> {
    let mut select = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, no FROM outbox WHERE state = 0 AND next_at <= ?1
         ORDER BY next_at, no LIMIT ?2"
    ))?;
    let found = select.query_map(params![now, limit], |row| Ok((Raw::of(row)?, row.get(10)?)))?;
    let found: Vec<(Raw, i64)> = found.collect::<Result<_, _>>()?;
    let mut lease = conn.prepare_cached("UPDATE outbox SET next_at = ?2 WHERE no = ?1")?;
    found
        .into_iter()
        .map(|(raw, no)| {
            lease.execute(params![no, until])?;
            Ok(Raw { next_at: until, ..raw })
        })
        .collect()
}

pub(super) fn next(conn: &Connection) -> Result<Option<i64>, StoreError> {
    Ok(conn
        .prepare_cached("SELECT next_at FROM outbox WHERE state = 0 ORDER BY next_at LIMIT 1")?
        .query_row((), |row| row.get(0))
        .optional()?)
}

/// Moves when pending deliveries are tried, and when their channels want to be asked.
pub(super) fn shift(conn: &Connection, by: i64) -> rusqlite::Result<usize> {
    conn.execute(
        "UPDATE outbox SET next_at = next_at + ?1, channels =
             (SELECT iif(count(*) = 0, NULL, json_group_object(key, json_set(value, '$.next_at',
                  (value ->> 'next_at') + ?1)))
              FROM json_each(channels))
         WHERE state = 0",
        [by],
    )
}

pub(super) fn delivered(conn: &Connection, ids: &[(String, u64)], at: i64) -> rusqlite::Result<()> {
    let mut update = conn.prepare_cached(
        "UPDATE outbox SET state = 1, attempts = attempts + 1, delivered_at = ?3, error = NULL,
             channels = NULL
         WHERE case_id = ?1 AND seq = ?2 AND state <> 1",
    )?;
    for (case, seq) in ids {
        update.execute(params![case, signed(*seq), at])?;
    }
    Ok(())
}

pub(super) fn noted(conn: &Connection, notes: &[Noted]) -> rusqlite::Result<()> {
    let mut update = conn.prepare_cached(
        "UPDATE outbox SET state = ?3, attempts = attempts + ?4, next_at = coalesce(?5, next_at),
             delivered_at = ?6, error = iif(?3 = 1, NULL, coalesce(?7, error)),
             channels = coalesce(?8, channels), topic = coalesce(?9, topic)
         WHERE case_id = ?1 AND seq = ?2 AND state = 0",
    )?;
    for Noted { case, seq, state, counts, error, channels, topic } in notes {
        let (state, next_at, delivered_at) = match *state {
            NotedState::Pending(at) => (DeliveryState::Pending, Some(at), None),
            NotedState::Delivered(at) => (DeliveryState::Delivered, None, Some(at)),
            NotedState::Dead => (DeliveryState::Dead, None, None),
        };
        let channels = channels.as_ref().map(|channels| {
            serde_json::to_string(channels).expect("invariant: notes are plain data")
        });
        let attempts = i64::from(*counts);
        update.execute(params![
            case,
            signed(*seq),
            state_number(state),
            attempts,
            next_at,
            delivered_at,
            error,
            channels,
            topic
        ])?;
    }
    Ok(())
}

/// Deliveries of one topic that one call answers with: the newest reminder of an item is what
/// counts, and a hundred rungs within one night are none.
const OVERTAKING_MAX: u32 = 100;

pub(super) fn overtaking(
    conn: &Connection,
    topic: &str,
    after: u64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let mut select = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE topic = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    ))?;
    let raws = select.query_map(params![topic, signed(after), OVERTAKING_MAX], Raw::of)?;
    raws.map(|raw| Ok(raw?.show())).collect()
}

pub(super) fn enqueue(conn: &Connection, messages: &[Outgoing]) -> rusqlite::Result<usize> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO outbox (case_id, seq, kind, at, state, attempts, next_at, body)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?4, ?5) ON CONFLICT (case_id, seq) DO NOTHING",
    )?;
    let mut added = 0;
    for message in messages {
        let body = serde_json::to_string(&message.body).expect("invariant: a body is plain data");
        let Outgoing { case, seq, kind, at, .. } = message;
        added += insert.execute(params![case, signed(*seq), kind, at, body])?;
    }
    Ok(added)
}

/// Removes up to `limit` messages that no event sends and that have arrived.
pub(super) fn prune_messages(
    conn: &Connection,
    from: &str,
    until: &str,
    limit: u32,
) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "DELETE FROM outbox WHERE no IN
             (SELECT no FROM outbox
              WHERE case_id >= ?1 AND case_id < ?2 AND seq = 0 AND state = 1 LIMIT ?3)",
    )?
    .execute(params![from, until, limit])
}

/// The one of a kind that was queued last.
pub(super) fn last(conn: &Connection, kind: &str) -> Result<Option<DeliveryRow>, StoreError> {
    let mut select = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE kind = ?1 ORDER BY no DESC LIMIT 1"
    ))?;
    Ok(select.query_row([kind], Raw::of).optional()?.map(Raw::show))
}

/// What a dead delivery becomes that is put back: channels that have not taken it begin anew.
const PUT_BACK: &str = "UPDATE outbox SET state = 0, attempts = 0, next_at = ?1, channels =
    (SELECT iif(count(*) = 0, NULL, json_group_object(key, json(value)))
     FROM json_each(iif(json_valid(channels), channels, '{}')) WHERE value ->> 'state' IN ('taken', 'collapsed'))";

pub(super) fn retry(conn: &Connection, case: &str, seq: u64, at: i64) -> rusqlite::Result<bool> {
    let changed = conn
        .prepare_cached(&format!("{PUT_BACK} WHERE case_id = ?2 AND seq = ?3 AND state = 2"))?
        .execute(params![at, case, signed(seq)])?;
    Ok(changed == 1)
}

/// Puts up to `limit` dead deliveries of a filter back.
pub(super) fn retry_chunk(
    conn: &Connection,
    filter: &DeliveryFilter,
    at: i64,
    limit: u32,
) -> rusqlite::Result<usize> {
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..filter.clone() };
    let (conditions, mut values) = conditions(&filter);
    let sql =
        format!("{PUT_BACK} WHERE no IN (SELECT no FROM outbox WHERE TRUE{conditions} LIMIT ?)");
    values.insert(0, at.into());
    values.push(i64::from(limit).into());
    conn.prepare_cached(&sql)?.execute(params_from_iter(values))
}

pub(super) fn dead_letters(conn: &Connection, before: i64) -> Result<u64, StoreError> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM outbox WHERE state = 2 AND at < ?1")?
        .query_row([before], |row| unsigned(row, 0))?)
}

pub(super) fn backlog(conn: &Connection) -> Result<Backlog, StoreError> {
    // Both counts read nothing but their partial index.
    let (pending, first) = conn
        .prepare_cached("SELECT count(*), min(no) FROM outbox WHERE state = 0")?
        .query_row((), |row| Ok((unsigned(row, 0)?, row.get::<_, Option<i64>>(1)?)))?;
    let dead = conn
        .prepare_cached("SELECT count(*) FROM outbox WHERE state = 2")?
        .query_row((), |row| unsigned(row, 0))?;
    let oldest_at = conn
        .prepare_cached("SELECT at FROM outbox WHERE no = ?1")?
        .query_row([first], |row| row.get(0))
        .optional()?;
    Ok(Backlog { pending, dead, oldest_at })
}

/// Removes up to `limit` of what arrived before an instant.
pub(super) fn prune(conn: &Connection, before: i64, limit: u32) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "DELETE FROM outbox WHERE no IN
             (SELECT no FROM outbox WHERE state = 1 AND delivered_at < ?1 LIMIT ?2)",
    )?
    .execute(params![before, limit])
}

/// A filter as conditions, each with ` AND ` before it, and what stands for their `?`.
fn conditions(filter: &DeliveryFilter) -> (String, Vec<Value>) {
    let mut sql = String::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(case) = &filter.case {
        sql.push_str(" AND case_id = ?");
        values.push(case.clone().into());
    }
    if let Some(kind) = &filter.kind {
        sql.push_str(" AND kind = ?");
        values.push(kind.clone().into());
    }
    let of_case = [("suite", &filter.suite), ("unit", &filter.unit), ("period", &filter.period)];
    for (column, value) in of_case {
        if let Some(value) = value {
            sql.push_str(&format!(" AND (SELECT {column} FROM cases WHERE id = case_id) = ?"));
            values.push(value.clone().into());
        }
    }
    if let Some(state) = filter.state {
        // Written out, so that the partial index of dead ones can serve.
        sql.push_str(&format!(" AND state = {}", state_number(state)));
    }
    if let Some(channel) = &filter.channel {
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM json_each(iif(json_valid(channels), channels, '{}'))
                 WHERE key = ? AND value ->> 'state' NOT IN ('taken', 'collapsed'))",
        );
        values.push(channel.clone().into());
    }
    (sql, values)
}

/// What is pending is mostly little, and then sooner sorted than picked out of what has arrived.
const SORTED_MAX: i64 = 2_000;

/// Where a listing looks.
fn index(conn: &Connection, filter: &DeliveryFilter) -> rusqlite::Result<&'static str> {
    if filter.case.is_some() {
        return Ok("outbox_id");
    }
    if filter.state == Some(DeliveryState::Dead) {
        return Ok("outbox_dead");
    }
    if filter.state == Some(DeliveryState::Pending) {
        let pending: i64 = conn
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 0 LIMIT ?1 + 1)",
            )?
            .query_row([SORTED_MAX], |row| row.get(0))?;
        if pending <= SORTED_MAX {
            return Ok("outbox_pending");
        }
    }
    Ok(if filter.kind.is_some() { "outbox_kind" } else { "outbox_id" })
}

pub(super) fn list(
    conn: &Connection,
    filter: &DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<DeliveryRow>, StoreError> {
    let (conditions, mut values) = conditions(filter);
    let index = index(conn, filter)?;
    let mut sql = format!("SELECT {COLUMNS} FROM outbox INDEXED BY {index} WHERE TRUE{conditions}");
    if let Some(after) = &page.after {
        let (case, seq): (String, u64) = cursor::read(cursor::DELIVERIES, after)?;
        sql.push_str(" AND (case_id, seq) > (?, ?)");
        values.extend([case.into(), signed(seq).into()]);
    }
    let limit = page.limit.clamp(1, PageRequest::LIMIT_MAX);
    sql.push_str(" ORDER BY case_id, seq LIMIT ?");
    values.push(i64::from(limit + 1).into());
    let mut select = conn.prepare_cached(&sql)?;
    let raws = select.query_map(params_from_iter(values), Raw::of)?;
    let rows = raws.map(|raw| Ok(raw?.show()));
    let rows: Vec<DeliveryRow> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(cursor::page(rows, optional_count(limit), |row| {
        cursor::write(cursor::DELIVERIES, &(&row.outgoing.case, row.outgoing.seq))
    }))
}
