//! Idempotency keys: the same request again gets the same answer.

use duban_core::{Actor, CaseId, decode, link};
use duban_store::Store;

use crate::error::EngineError;
use crate::shared::Shared;
use crate::work::{Outcome, Request};

/// A digest of what is asked for: the command's JSON, hashed.
pub(crate) struct Digest(String);

impl Digest {
    /// The digest as it is kept: with the version that the request was decided on, so that its
    /// events can be found again.
    pub(crate) fn at(&self, expected: u64) -> String {
        format!("{}@{expected}", self.0)
    }
}

pub(crate) fn digest(request: &Request) -> Digest {
    let text = serde_json::to_string(&request.command.act);
    Digest(link("", &text.expect("invariant: commands are plain data")))
}

pub(crate) fn actor_text(actor: &Actor) -> String {
    serde_json::to_string(actor).expect("invariant: actors are plain data")
}

/// What the request's key stands for, if it was used before.
pub(crate) async fn recall<S: Store>(
    shared: &Shared<S>,
    case: &CaseId,
    request: &Request,
) -> Result<Option<Outcome>, EngineError> {
    let Some(key) = &request.asked.key else { return Ok(None) };
    let actor = actor_text(&request.command.actor);
    let Some(record) = shared.store.recall(case.as_str(), &actor, key).await? else {
        return Ok(None);
    };
    let (kept, expected) = record.digest.split_once('@').unwrap_or((&record.digest, ""));
    if kept != digest(request).0 {
        return Err(EngineError::KeyReused { case: case.clone(), key: key.clone() });
    }
    let expected: u64 = expected.parse().unwrap_or(record.version);
    let count = u32::try_from(record.version.saturating_sub(expected)).unwrap_or(u32::MAX);
    let rows = shared.store.events(case.as_str(), expected, count).await?;
    let events = rows
        .iter()
        .map(|row| {
            decode(&row.text).map_err(|source| EngineError::UnreadableEvent {
                case: case.clone(),
                seq: row.seq,
                source,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Some(Outcome { case: case.clone(), version: record.version, events }))
}
