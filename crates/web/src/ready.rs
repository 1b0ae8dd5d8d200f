//! Whether the service can do its work: moves must get through, and the store must take a write of
//! their kind in time.

use std::time::{Duration, Instant};

use duban_engine::Engine;
use duban_store::Store;
use serde_json::json;
use tokio::sync::Mutex;

/// How long the store may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How long an answer holds: whoever asks must not be able to keep the disk busy.
const HOLDS_FOR: Duration = Duration::from_secs(5);

/// How long a failed write counts: where every seventh one fails, moves do not get through though
/// the next probe may.
const FAILED_WITHIN: Duration = Duration::from_secs(10);

/// How long work may be under way at a worker without any of it finishing.
const STUCK_MAX: Duration = Duration::from_secs(10);

/// The document that is written.
const DOCUMENT: &str = "ready";

/// How much is written, in bytes: a move with its events, rows and indexes touches some ten pages,
/// and a disk may have room for one and not for ten.
const ROOM_BYTES: usize = 64 * 1024;

/// The last answer of the store.
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Why moves do not get through, if they do not: writes have failed a moment ago, the disk is
    /// full or may only be read, the store takes too long, or a worker is stuck.
    pub(crate) async fn check<S: Store>(&self, engine: &Engine<S>) -> Result<(), String> {
        let failed = engine.store().stats().failed_ms_ago.map(Duration::from_millis);
        if let Some(ago) = failed.filter(|ago| *ago < FAILED_WITHIN) {
            return Err(format!("a write failed {} s ago", ago.as_secs()));
        }
        let stuck = engine.stuck_for();
        if stuck > STUCK_MAX {
            return Err(format!("work waits and none has finished for {} s", stuck.as_secs()));
        }
        self.probe(engine.store(), engine.now().millis()).await
    }

    async fn probe<S: Store>(&self, store: &S, at: i64) -> Result<(), String> {
        // Whoever comes while the store is asked waits for the same answer.
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < HOLDS_FOR
        {
            return answer.clone();
        }
        let text = json!({ "at": at, "room": "x".repeat(ROOM_BYTES) }).to_string();
        let write = store.put_document(DOCUMENT, &text, at);
        let answer = match tokio::time::timeout(ANSWER_MAX, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                let told: &dyn std::error::Error = &error;
                tracing::error!(error = told, "the store takes no writes");
                Err("the store takes no writes".to_owned())
            }
            Err(_) => Err(format!("the store took longer than {} s", ANSWER_MAX.as_secs())),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
