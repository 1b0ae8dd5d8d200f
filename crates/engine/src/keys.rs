//! Idempotency keys: the same request again gets the same answer.
//!
//! A key of a move is kept with its case. Which case an opening is about follows from what it asks
//! for: its key is claimed for the whole database first, so that it cannot open another one.

use duban_core::{Actor, CaseId, decode, link};
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

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
    let text = serde_json::to_string(&request.command.request);
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
        return Err(EngineError::KeyReused { key: key.clone() });
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

/// What the names of claims begin with; a digest of actor and key follows.
const CLAIMS: &str = "opening-key/";

/// Claims that are looked at together.
const CLAIMS_READ: u32 = 500;

/// That an actor has used a key for a request that no case keeps.
#[derive(Serialize, Deserialize)]
struct Claimed {
    digest: String,
    at: i64,
}

/// An idempotency key that stands for one request.
#[derive(Debug)]
pub struct KeyClaim {
    document: String,
    /// Whether nobody had claimed it before.
    is_new: bool,
}

/// Claims an actor's key for a request.
///
/// # Errors
///
/// [`EngineError::KeyReused`] where it stands for another one.
pub(crate) async fn claim<S: Store>(
    shared: &Shared<S>,
    actor: &Actor,
    key: &str,
    request: &impl Serialize,
) -> Result<KeyClaim, EngineError> {
    let plain =
        |json: Result<String, serde_json::Error>| json.expect("invariant: requests are plain data");
    let document = format!("{CLAIMS}{}", link(&actor_text(actor), key));
    let digest = link("", &plain(serde_json::to_string(request)));
    let at = shared.now().millis();
    let claimed = plain(serde_json::to_string(&Claimed { digest: digest.clone(), at }));
    let store = &shared.store;
    let mut before: Option<String> = None;
    for _ in 0..shared.limits.attempts_max {
        if store.swap_document(&document, before.as_deref(), &claimed, at).await? {
            return Ok(KeyClaim { document, is_new: true });
        }
        before = store.document(&document).await?;
        let Some(kept) = &before else { continue };
        let kept: Claimed = serde_json::from_str(kept).map_err(StoreError::Unreadable)?;
        if kept.digest == digest {
            return Ok(KeyClaim { document, is_new: false });
        }
        if kept.at >= at.saturating_sub(shared.limits.key_ms_max) {
            return Err(EngineError::KeyReused { key: key.to_owned() });
        }
    }
    Err(EngineError::Busy("attempts_max"))
}

/// Gives a key back whose request came to nothing, so that it may be used for another one.
pub(crate) async fn give_back<S: Store>(
    shared: &Shared<S>,
    claim: &KeyClaim,
) -> Result<(), EngineError> {
    if claim.is_new {
        shared.store.remove_document(&claim.document).await?;
    }
    Ok(())
}

/// Forgets the claims from before a moment, as keys of cases are forgotten.
pub(crate) async fn forget_claims<S: Store>(
    shared: &Shared<S>,
    before: i64,
) -> Result<(), EngineError> {
    let mut after = String::new();
    loop {
        let found = shared.store.documents_after(CLAIMS, &after, CLAIMS_READ).await?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after.clone_from(last);
        for (name, json) in &found {
            let kept: Claimed = serde_json::from_str(json).map_err(StoreError::Unreadable)?;
            if kept.at < before {
                shared.store.remove_document(name).await?;
            }
        }
    }
}
