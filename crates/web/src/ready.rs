//! Whether the service can do its work: the store must take a write in time.

use std::time::{Duration, Instant};

use duban_store::Store;
use tokio::sync::Mutex;

/// How long the store may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How long an answer holds: whoever asks must not be able to keep the disk busy.
const HOLDS_FOR: Duration = Duration::from_secs(5);

/// The document that is written.
const DOCUMENT: &str = "ready";

/// The last answer.
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Why the store does not take a write, if it does not: the disk is full or may only be
    /// read, or it takes too long.
    pub(crate) async fn check<S: Store>(&self, store: &S, at: i64) -> Result<(), String> {
        // Whoever comes while the store is asked waits for the same answer.
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < HOLDS_FOR
        {
            return answer.clone();
        }
        let now = at.to_string();
        let write = store.put_document(DOCUMENT, &now, at);
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
