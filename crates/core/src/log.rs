//! The log's bytes: one JSON text an event, each hashed together with the one before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::ids::hex;

/// The shape of events that this version writes. Older shapes are lifted on reading.
pub const EVENT_SCHEMA: u32 = 1;

/// The chain's first link, before any event.
pub const CHAIN_START: &str = "";

/// An event as it is stored and hashed: these bytes never change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Encoded {
    /// Position in the case's log, from 1.
    pub seq: u64,
    /// The moment judged, in milliseconds UTC.
    pub at: i64,
    /// When it was recorded, in milliseconds UTC.
    pub recorded_at: i64,
    /// The kind of fact, for example `item_ready`.
    pub kind: String,
    /// The item it is about, if any.
    pub item: Option<String>,
    /// The JSON text that is hashed.
    pub text: String,
    /// SHA-256 over the previous hash and the text, in hexadecimal.
    pub hash: String,
}

/// Why a stored text is no event of this version.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// It was written by a newer version. Leave the case alone and upgrade.
    #[error("event schema {0} is newer than {EVENT_SCHEMA}")]
    Newer(u32),
    /// It is damaged, or of a kind that this version does not know.
    #[error("event cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

#[derive(Serialize)]
struct Envelope<'a> {
    schema: u32,
    algorithm: &'a str,
    event: &'a Event,
}

#[derive(Deserialize)]
struct Opened {
    schema: u32,
    event: serde_json::Value,
}

/// Writes an event down.
///
/// The hash is `SHA-256(previous hash in hexadecimal ‖ text)`.
pub fn encode(event: &Event, previous: &str) -> Encoded {
    let envelope = Envelope { schema: EVENT_SCHEMA, algorithm: "sha256", event };
    let text = serde_json::to_string(&envelope).expect("invariant: events are plain data");
    Encoded {
        seq: event.seq,
        at: event.at.millis(),
        recorded_at: event.recorded_at.millis(),
        kind: event.fact.kind().to_owned(),
        item: event.fact.item().map(|item| item.as_str().to_owned()),
        hash: link(previous, &text),
        text,
    }
}

/// The hash of a text after the hash before it.
pub fn link(previous: &str, text: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous.as_bytes());
    hasher.update(text.as_bytes());
    hex(&hasher.finalize())
}

/// Reads a stored text.
///
/// # Errors
///
/// [`DecodeError`]: the case must then be left untouched.
pub fn decode(text: &str) -> Result<Event, DecodeError> {
    let opened: Opened = serde_json::from_str(text).map_err(DecodeError::Unreadable)?;
    if opened.schema > EVENT_SCHEMA {
        return Err(DecodeError::Newer(opened.schema));
    }
    serde_json::from_value(opened.event).map_err(DecodeError::Unreadable)
}

/// Where a chain of stored texts is broken.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Break {
    /// The position at which it was noticed.
    pub seq: u64,
    /// What is wrong there.
    pub what: String,
}

/// Checks a case's log from its start: `(seq, text, hash)` in order.
///
/// Finds an edited text, a missing or repeated position and a changed order. A log that was cut
/// off at its end is found by comparing the last hash with the case's own.
///
/// # Errors
///
/// [`Break`]: the first position at which the chain does not hold.
pub fn verify<'a>(log: impl IntoIterator<Item = (u64, &'a str, &'a str)>) -> Result<String, Break> {
    let mut previous = CHAIN_START.to_owned();
    for (expected, (seq, text, hash)) in (1..).zip(log) {
        if seq != expected {
            return Err(Break { seq: expected, what: format!("position {expected} is missing") });
        }
        let computed = link(&previous, text);
        if computed != hash {
            return Err(Break { seq, what: "text and hash do not belong together".to_owned() });
        }
        previous = computed;
    }
    Ok(previous)
}
