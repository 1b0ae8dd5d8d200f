//! Cursors: a letter for the kind of listing, then the place in it, fit for an address.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::query::{Cursor, Page};

/// Cases: the last id.
pub(super) const CASES: char = 'c';
/// Items: the last due date, case and key.
pub(super) const ITEMS: char = 'i';
/// Deliveries: the last case and position.
pub(super) const DELIVERIES: char = 'd';
/// Entries: the last row number.
pub(super) const SEARCH: char = 's';
/// Points: the last case and position.
pub(super) const SCORES: char = 'p';
/// The feed: the last row number.
pub(super) const FEED: char = 'f';

/// The cursor of a place.
pub(super) fn write(kind: char, place: &impl Serialize) -> Cursor {
    use std::fmt::Write;
    let json = serde_json::to_string(place).expect("invariant: a place is plain data");
    let mut text = String::with_capacity(1 + 2 * json.len());
    text.push(kind);
    for byte in json.bytes() {
        write!(text, "{byte:02x}").expect("invariant: writing to a String succeeds");
    }
    Cursor(text)
}

/// The place of a cursor.
pub(super) fn read<T: DeserializeOwned>(kind: char, cursor: &Cursor) -> Result<T, StoreError> {
    let place = cursor.0.strip_prefix(kind).and_then(unhex);
    place
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| StoreError::BadCursor(cursor.0.clone()))
}

/// The bytes of hexadecimal digits in lower case.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// A page of rows of which one more than asked for was read, to see whether there is one.
pub(super) fn page<T>(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> Cursor) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(place) } else { None };
    Page { rows, next }
}
