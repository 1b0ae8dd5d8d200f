//! Columns as they are found, also where the file was damaged.
//!
//! One row that cannot be read as it should must not stop the others of its listing: bytes that
//! are no UTF-8 are shown as U+FFFD, and a number that is none is 0. What such a row is worth
//! shows where its JSON is read, or its hash compared.

use rusqlite::Row;
use rusqlite::types::ValueRef;

/// A text.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(text_or_null(row, column)?.unwrap_or_default())
}

/// A text, or nothing.
pub(super) fn text_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
    })
}

/// The text of a JSON value. One whose bytes are damaged is made to be no JSON: what was not
/// written must not be read as if it had been.
pub(super) fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(error) => format!("damaged ({error}): {}", String::from_utf8_lossy(bytes)),
        },
        _ => format!("damaged (no text): {}", text(row, column)?),
    })
}

/// The same, or nothing.
pub(super) fn json_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => json(row, column).map(Some),
    }
}

/// A whole number.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(number_or_null(row, column)?.unwrap_or_default())
}

/// A whole number, or nothing.
pub(super) fn number_or_null(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    })
}

/// A count or position.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(number(row, column)?).unwrap_or_default())
}
