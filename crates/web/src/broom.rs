//! Taking away what has expired.

use std::sync::{Mutex, PoisonError};

use duban_store::{Store, StoreError};
use serde::Deserialize;

/// Documents that one sweep looks at.
const SWEPT_MAX: u32 = 50;

/// Looks through the documents of a prefix, a few at a time, whenever one is added: what expires
/// is gone before the others have doubled, and no sweep takes long.
pub(crate) struct Broom {
    prefix: &'static str,
    /// How far the last sweep came.
    after: Mutex<String>,
}

/// What every such document says.
#[derive(Deserialize)]
struct Expiring {
    expires_at: i64,
}

impl Broom {
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, after: Mutex::default() }
    }

    /// Removes those among the next few that have expired.
    pub(crate) async fn sweep<S: Store>(&self, store: &S, now: i64) -> Result<(), StoreError> {
        let after = self.after.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let found = store.documents_after(self.prefix, &after, SWEPT_MAX).await?;
        // After the last one it begins again.
        let last = found.get(SWEPT_MAX as usize - 1).map(|(name, _)| name.clone());
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = last.unwrap_or_default();
        for (name, json) in found {
            let one: Expiring = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
            if one.expires_at < now {
                store.remove_document(&name).await?;
            }
        }
        Ok(())
    }
}

/// The brooms of a daemon.
pub(crate) struct Brooms {
    pub(crate) sessions: Broom,
    pub(crate) sign_ins: Broom,
    pub(crate) handovers: Broom,
}

impl Default for Brooms {
    fn default() -> Self {
        Self {
            sessions: Broom::new(crate::session::DOCUMENTS),
            sign_ins: Broom::new(crate::sign_in::SIGN_INS),
            handovers: Broom::new(crate::sign_in::HANDOVERS),
        }
    }
}

#[cfg(test)]
mod tests {
    use duban_store::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn what_has_expired_goes_and_the_rest_stays() {
        let store = SqliteStore::open_in_memory().unwrap();
        for number in 0..120 {
            let json = format!("{{\"expires_at\":{}}}", number % 2);
            store.put_document(&format!("x/{number:03}"), &json, 0).await.unwrap();
        }
        store.put_document("y", "{\"expires_at\":0}", 0).await.unwrap();
        let broom = Broom::new("x/");
        broom.sweep(&store, 1).await.unwrap();
        assert_eq!(store.documents("x/").await.unwrap().len(), 95, "fifty were looked at");
        for _ in 0..2 {
            broom.sweep(&store, 1).await.unwrap();
        }
        assert_eq!(store.documents("x/").await.unwrap().len(), 60);
        broom.sweep(&store, 2).await.unwrap();
        assert_eq!(store.documents("x/").await.unwrap().len(), 10, "it began again");
        assert!(store.document("y").await.unwrap().is_some());
    }
}
