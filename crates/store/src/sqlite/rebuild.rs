//! Replacing the rows of a case by ones made again from its events.

use duban_core::{CaseRow, ItemRow};
use rusqlite::{Connection, params};

use super::append::{find_case, insert_case, insert_item, unlist, update_case};
use super::read::last_event;

/// Replaces the rows; where they are not of the last event, answers with its position.
pub(super) fn replace_rows(
    conn: &Connection,
    case: &CaseRow,
    items: &[ItemRow],
) -> rusqlite::Result<Result<(), u64>> {
    let no = match find_case(conn, &case.id)? {
        Some(stored) => {
            let last = last_event(conn, stored.no)?;
            if last != case.version {
                return Ok(Err(last));
            }
            update_case(conn, &stored, case)?;
            update_names(conn, stored.no, case)?;
            remove_items(conn, stored.no)?;
            stored.no
        }
        None if case.version == 0 => insert_case(conn, case)?,
        None => return Ok(Err(0)),
    };
    for item in items {
        insert_item(conn, no, &case.workflow, item)?;
    }
    Ok(Ok(()))
}

/// What never changes in a case's life, but may have been damaged.
fn update_names(conn: &Connection, no: i64, case: &CaseRow) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE cases SET suite = ?2, workflow = ?3, unit = ?4, period = ?5, opened_at = ?6
         WHERE no = ?1",
    )?
    .execute(params![
        no,
        case.suite,
        case.workflow,
        case.unit,
        case.period,
        case.opened_at
    ])?;
    Ok(())
}

fn remove_items(conn: &Connection, case: i64) -> rusqlite::Result<()> {
    let mut select = conn.prepare_cached("SELECT no, waiting_on FROM items WHERE case_no = ?1")?;
    let rows = select.query_map([case], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(i64, Option<String>)> = rows.collect::<Result<_, _>>()?;
    for (item, waiting_on) in rows {
        unlist(conn, item, waiting_on.as_deref())?;
    }
    conn.prepare_cached("DELETE FROM items WHERE case_no = ?1")?.execute([case])?;
    Ok(())
}
