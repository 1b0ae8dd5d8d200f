//! Reading: single rows, and listings with filters and keyset pages.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter};

use super::rows;
use crate::commit::KeyRecord;
use crate::error::StoreError;
use crate::query::{
    CaseFilter, Cursor, DeliveryFilter, DeliveryRow, EventRow, ItemFilter, LightCount, LightFilter,
    Page, PageRequest, ScoreTotal,
};
use crate::store::{DefinitionRow, StoredCase};
use duban_core::{CaseRow, ItemRow};

/// The first column of the first row.
pub(super) fn one<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<T>, StoreError> {
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?)
}

pub(super) fn load(connection: &Connection, case: &str) -> Result<Option<StoredCase>, StoreError> {
    // One read transaction, so that head and items are of one version.
    let transaction = connection.unchecked_transaction()?;
    let head = transaction
        .prepare_cached("SELECT version, definition, data FROM cases WHERE id = ?1")?
        .query_row([case], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((version, definition, head)) = head else { return Ok(None) };
    let items = transaction
        .prepare_cached("SELECT key, data FROM items WHERE case_id = ?1 ORDER BY key")?
        .query_map([case], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, String)>>>()?;
    Ok(Some(StoredCase { version, definition, head, items }))
}

pub(super) fn recall(
    connection: &Connection,
    case: &str,
    actor: &str,
    key: &str,
) -> Result<Option<KeyRecord>, StoreError> {
    let sql = "SELECT digest, version, at FROM keys WHERE case_id = ?1 AND actor = ?2 AND key = ?3";
    let found = connection
        .prepare_cached(sql)?
        .query_row([case, actor, key], |row| {
            Ok(KeyRecord {
                case: case.to_owned(),
                actor: actor.to_owned(),
                key: key.to_owned(),
                digest: row.get(0)?,
                version: row.get(1)?,
                at: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn due_cases(
    connection: &Connection,
    now: i64,
    limit: u32,
    skip: &[String],
) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT id, next_wakeup FROM cases WHERE next_wakeup IS NOT NULL \
               AND next_wakeup <= ?1 ORDER BY next_wakeup LIMIT ?2";
    let skipped = u32::try_from(skip.len()).unwrap_or(u32::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement
        .query_map(params![now, limit.saturating_add(skipped)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .filter(|row| !matches!(row, Ok((id, _)) if skip.contains(id)))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

/// Hands out deliveries and puts their next attempt behind the lease.
pub(super) fn lease(
    connection: &Connection,
    now: i64,
    until: i64,
    limit: u32,
) -> rusqlite::Result<Vec<Result<DeliveryRow, StoreError>>> {
    let sql = format!(
        "SELECT {} FROM outbox WHERE state = 0 AND next_at <= ?1 ORDER BY next_at LIMIT ?2",
        rows::DELIVERY_COLUMNS
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_map(params![now, limit], rows::delivery)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let sql = "UPDATE outbox SET next_at = ?3 WHERE case_id = ?1 AND seq = ?2";
    let mut update = connection.prepare_cached(sql)?;
    for delivery in found.iter().flatten() {
        update.execute(params![delivery.outgoing.case, delivery.outgoing.seq, until])?;
    }
    Ok(found)
}

pub(super) fn definition(
    connection: &Connection,
    hash: &str,
) -> Result<Option<DefinitionRow>, StoreError> {
    let sql = "SELECT hash, suite, workflow, json, published_at FROM definitions WHERE hash = ?1";
    let found = connection
        .prepare_cached(sql)?
        .query_row([hash], |row| {
            Ok(DefinitionRow {
                hash: row.get(0)?,
                suite: row.get(1)?,
                workflow: row.get(2)?,
                json: row.get(3)?,
                published_at: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn currents(
    connection: &Connection,
) -> Result<Vec<(String, String, String)>, StoreError> {
    let sql = "SELECT suite, workflow, hash FROM current ORDER BY suite, workflow";
    let found = connection
        .prepare_cached(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

/// A listing's WHERE clause in the making.
#[derive(Default)]
struct Where {
    clauses: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn equal(&mut self, column: &str, value: Option<&String>) {
        if let Some(value) = value {
            let bound = self.bind(value.clone());
            self.clauses.push(format!("{column} = {bound}"));
        }
    }

    fn among(&mut self, column: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let bound: Vec<String> = values.iter().map(|value| self.bind(value.clone())).collect();
        self.clauses.push(format!("{column} IN ({})", bound.join(", ")));
    }

    fn sql(&self) -> String {
        if self.clauses.is_empty() { "1".to_owned() } else { self.clauses.join(" AND ") }
    }
}

/// One page: a row more than asked for tells whether there is another page.
fn page<T>(
    connection: &Connection,
    sql: &str,
    filter: Where,
    limit: u32,
    row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    cursor: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let limit = usize::try_from(limit.clamp(1, PageRequest::LIMIT_MAX)).unwrap_or(1);
    let sql = format!("{sql} LIMIT {}", limit + 1);
    let mut rows = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(filter.values), row)?
        .collect::<rusqlite::Result<Vec<T>>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| Cursor(cursor(last)));
    Ok(Page { rows, next })
}

pub(super) fn case(connection: &Connection, id: &str) -> Result<Option<CaseRow>, StoreError> {
    let sql = format!("SELECT {} FROM cases WHERE id = ?1", rows::CASE_COLUMNS);
    Ok(connection.prepare_cached(&sql)?.query_row([id], rows::case).optional()?)
}

pub(super) fn cases(
    connection: &Connection,
    filter: &CaseFilter,
    request: &PageRequest,
) -> Result<Page<CaseRow>, StoreError> {
    let mut clauses = Where::default();
    clauses.equal("suite", filter.suite.as_ref());
    clauses.equal("workflow", filter.workflow.as_ref());
    clauses.equal("period", filter.period.as_ref());
    clauses.among("unit", &filter.units);
    clauses.among("status", &filter.statuses);
    if filter.faulted {
        clauses.clauses.push("faulted = 1".to_owned());
    }
    if let Some(Cursor(after)) = &request.after {
        let bound = clauses.bind(after.clone());
        clauses.clauses.push(format!("id > {bound}"));
    }
    let columns = rows::CASE_COLUMNS;
    let sql = format!("SELECT {columns} FROM cases WHERE {} ORDER BY id", clauses.sql());
    page(connection, &sql, clauses, request.limit, rows::case, |case| case.id.clone())
}

/// Items without a due date sort behind every other.
const NO_DUE: i64 = i64::MAX;

pub(super) fn items(
    connection: &Connection,
    filter: &ItemFilter,
    request: &PageRequest,
) -> Result<Page<ItemRow>, StoreError> {
    let mut clauses = Where::default();
    clauses.equal("case_id", filter.case.as_ref());
    clauses.equal("workflow", filter.workflow.as_ref());
    clauses.equal("task", filter.task.as_ref());
    clauses.among("unit", &filter.units);
    clauses.among("status", &filter.statuses);
    waiting_on(&mut clauses, &filter.waiting_on);
    if let Some((light, now)) = filter.light {
        let bound = clauses.bind(now);
        clauses.clauses.push(light_sql(light, &bound));
    }
    if let Some(until) = filter.due_until {
        let bound = clauses.bind(until);
        clauses.clauses.push(format!("due <= {bound}"));
    }
    if let Some(cursor) = &request.after {
        after_item(&mut clauses, cursor)?;
    }
    let sql = format!(
        "SELECT {} FROM items WHERE {} ORDER BY coalesce(due, {NO_DUE}), case_id, key",
        rows::ITEM_COLUMNS,
        clauses.sql()
    );
    page(connection, &sql, clauses, request.limit, rows::item, item_cursor)
}

fn item_cursor(item: &ItemRow) -> String {
    format!("{} {} {}", item.due.unwrap_or(NO_DUE), item.case, item.key)
}

fn after_item(clauses: &mut Where, cursor: &Cursor) -> Result<(), StoreError> {
    let bad = || StoreError::BadCursor(cursor.0.clone());
    let mut parts = cursor.0.splitn(3, ' ');
    let due: i64 = parts.next().and_then(|due| due.parse().ok()).ok_or_else(bad)?;
    let (case, key) = parts.next().zip(parts.next()).ok_or_else(bad)?;
    let (due, case, key) =
        (clauses.bind(due), clauses.bind(case.to_owned()), clauses.bind(key.to_owned()));
    clauses
        .clauses
        .push(format!("(coalesce(due, {NO_DUE}), case_id, key) > ({due}, {case}, {key})"));
    Ok(())
}

/// `waiting_on` holds one assignee, or several joined by a space.
fn waiting_on(clauses: &mut Where, assignees: &[String]) {
    if assignees.is_empty() {
        return;
    }
    let mut any = Vec::new();
    for assignee in assignees {
        let alone = clauses.bind(assignee.clone());
        let among = clauses.bind(format!(" {assignee} "));
        any.push(format!("waiting_on = {alone}"));
        any.push(format!(
            "(instr(waiting_on, ' ') > 0 AND instr(' ' || waiting_on || ' ', {among}) > 0)"
        ));
    }
    clauses.clauses.push(format!("waiting_on IS NOT NULL AND ({})", any.join(" OR ")));
}

fn light_sql(light: LightFilter, now: &str) -> String {
    let red = format!("(red_at IS NOT NULL AND red_at < {now})");
    let yellow = format!("(yellow_at IS NOT NULL AND yellow_at < {now})");
    let open = "status NOT IN ('done', 'skipped', 'cancelled')";
    match light {
        LightFilter::Red => format!("{open} AND {red}"),
        LightFilter::Yellow => format!("{open} AND NOT {red} AND {yellow}"),
        LightFilter::Green => {
            format!("{open} AND status <> 'waiting' AND NOT {red} AND NOT {yellow}")
        }
    }
}

pub(super) fn lights(
    connection: &Connection,
    suite: Option<&str>,
    now: i64,
) -> Result<Vec<LightCount>, StoreError> {
    let closed = "status IN ('done', 'skipped', 'cancelled')";
    let red = format!("NOT {closed} AND red_at < ?1");
    let yellow = format!("NOT {closed} AND ifnull(red_at >= ?1, 1) AND yellow_at < ?1");
    let of = match suite {
        Some(_) => "WHERE case_id IN (SELECT id FROM cases WHERE suite = ?2)",
        None => "WHERE ?2 IS NULL",
    };
    let sql = format!(
        "SELECT workflow, case_unit, count(*), \
         ifnull(sum({red}), 0), ifnull(sum({yellow}), 0), \
         ifnull(sum(status <> 'waiting' AND NOT {closed} \
             AND ifnull(red_at >= ?1, 1) AND ifnull(yellow_at >= ?1, 1)), 0), \
         ifnull(sum(status = 'done'), 0) \
         FROM items {of} GROUP BY workflow, case_unit ORDER BY workflow, case_unit"
    );
    let found = connection
        .prepare_cached(&sql)?
        .query_map(params![now, suite], |row| {
            let total: u64 = row.get(2)?;
            let (red, yellow, green): (u64, u64, u64) = (row.get(3)?, row.get(4)?, row.get(5)?);
            Ok(LightCount {
                workflow: row.get(0)?,
                unit: row.get(1)?,
                grey: total.saturating_sub(red + yellow + green),
                green,
                yellow,
                red,
                done: row.get(6)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

pub(super) fn events(
    connection: &Connection,
    case: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let sql = "SELECT case_id, seq, text, hash FROM events WHERE case_id = ?1 AND seq > ?2 \
               ORDER BY seq LIMIT ?3";
    let found = connection
        .prepare_cached(sql)?
        .query_map(params![case, after, limit], rows::event)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

pub(super) fn feed(
    connection: &Connection,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<EventRow>, StoreError> {
    let from: i64 = match after {
        Some(cursor) => cursor.0.parse().map_err(|_| StoreError::BadCursor(cursor.0.clone()))?,
        None => 0,
    };
    let sql = "SELECT case_id, seq, text, hash, feed FROM events WHERE feed > ?1 \
               ORDER BY feed LIMIT ?2";
    let mut last = None;
    let found = connection
        .prepare_cached(sql)?
        .query_map(params![from, limit.clamp(1, PageRequest::LIMIT_MAX)], |row| {
            last = Some(row.get::<_, i64>(4)?);
            rows::event(row)
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Page { rows: found, next: last.map(|last| Cursor(last.to_string())) })
}

pub(super) fn deliveries(
    connection: &Connection,
    filter: &DeliveryFilter,
    request: &PageRequest,
) -> Result<Page<DeliveryRow>, StoreError> {
    let mut clauses = Where::default();
    clauses.equal("case_id", filter.case.as_ref());
    clauses.equal("kind", filter.kind.as_ref());
    if let Some(state) = filter.state {
        let bound = clauses.bind(rows::state_number(state));
        clauses.clauses.push(format!("state = {bound}"));
    }
    if let Some(cursor) = &request.after {
        let bad = || StoreError::BadCursor(cursor.0.clone());
        let (case, seq) = cursor.0.split_once(' ').ok_or_else(bad)?;
        let seq: i64 = seq.parse().map_err(|_| bad())?;
        let (case, seq) = (clauses.bind(case.to_owned()), clauses.bind(seq));
        clauses.clauses.push(format!("(case_id, seq) > ({case}, {seq})"));
    }
    let sql = format!(
        "SELECT {} FROM outbox WHERE {} ORDER BY case_id, seq",
        rows::DELIVERY_COLUMNS,
        clauses.sql()
    );
    let cursor = |row: &Result<DeliveryRow, StoreError>| match row {
        Ok(row) => format!("{} {}", row.outgoing.case, row.outgoing.seq),
        Err(_) => String::new(),
    };
    let found = page(connection, &sql, clauses, request.limit, rows::delivery, cursor)?;
    let rows = found.rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Page { rows, next: found.next })
}

pub(super) fn scores(
    connection: &Connection,
    suite: Option<&str>,
) -> Result<Vec<ScoreTotal>, StoreError> {
    let of = match suite {
        Some(_) => "WHERE case_id IN (SELECT id FROM cases WHERE suite = ?1)",
        None => "WHERE ?1 IS NULL",
    };
    let sql =
        format!("SELECT unit, sum(points), count(*) FROM scores {of} GROUP BY unit ORDER BY 2, 1");
    let found = connection
        .prepare_cached(&sql)?
        .query_map([suite], |row| {
            Ok(ScoreTotal { unit: row.get(0)?, points: row.get(1)?, entries: row.get(2)? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}
