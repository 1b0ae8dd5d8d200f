//! Rows of the tables as values.

use duban_core::{Body, CaseRow, ItemRow, Outgoing};
use rusqlite::Row;

use crate::error::StoreError;
use crate::query::{DeliveryRow, DeliveryState, EventRow};

/// `outbox.state` of what waits for its next attempt.
pub(super) const PENDING: i64 = 0;
/// `outbox.state` of what arrived.
pub(super) const DELIVERED: i64 = 1;
/// `outbox.state` of what was given up.
pub(super) const DEAD: i64 = 2;

pub(super) const CASE_COLUMNS: &str = "id, suite, workflow, unit, period, title, status, faulted, \
    definition, version, next_wakeup, opened_at, closed_at, data";

pub(super) fn case(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    Ok(CaseRow {
        id: row.get(0)?,
        suite: row.get(1)?,
        workflow: row.get(2)?,
        unit: row.get(3)?,
        period: row.get(4)?,
        title: row.get(5)?,
        status: row.get(6)?,
        faulted: row.get(7)?,
        definition: row.get(8)?,
        version: row.get(9)?,
        next_wakeup: row.get(10)?,
        opened_at: row.get(11)?,
        closed_at: row.get(12)?,
        data: row.get(13)?,
    })
}

pub(super) const ITEM_COLUMNS: &str = "case_id, key, task, unit, status, held, owner, waiting_on, \
    since, due, yellow_at, red_at, window, data";

pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    Ok(ItemRow {
        case: row.get(0)?,
        key: row.get(1)?,
        task: row.get(2)?,
        unit: row.get(3)?,
        status: row.get(4)?,
        held: row.get(5)?,
        owner: row.get(6)?,
        waiting_on: row.get(7)?,
        since: row.get(8)?,
        due: row.get(9)?,
        yellow_at: row.get(10)?,
        red_at: row.get(11)?,
        window: row.get(12)?,
        data: row.get(13)?,
    })
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow { case: row.get(0)?, seq: row.get(1)?, text: row.get(2)?, hash: row.get(3)? })
}

pub(super) const DELIVERY_COLUMNS: &str =
    "case_id, seq, kind, at, state, attempts, next_at, error, body";

/// A delivery, or that its body cannot be read.
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Result<DeliveryRow, StoreError>> {
    let body: String = row.get(8)?;
    let body: Body = match serde_json::from_str(&body) {
        Ok(body) => body,
        Err(error) => return Ok(Err(StoreError::Unreadable(error))),
    };
    let state = match row.get::<_, i64>(4)? {
        DELIVERED => DeliveryState::Delivered,
        DEAD => DeliveryState::Dead,
        _ => DeliveryState::Pending,
    };
    let outgoing =
        Outgoing { case: row.get(0)?, seq: row.get(1)?, kind: row.get(2)?, at: row.get(3)?, body };
    Ok(Ok(DeliveryRow {
        outgoing,
        state,
        attempts: row.get(5)?,
        next_at: row.get(6)?,
        error: row.get(7)?,
    }))
}

pub(super) fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => PENDING,
        DeliveryState::Delivered => DELIVERED,
        DeliveryState::Dead => DEAD,
    }
}
