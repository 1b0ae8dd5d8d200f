//! What is fetched from elsewhere and kept for a while.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::sign_in::Refused;

/// How long a fetched thing is kept, in milliseconds.
pub(super) const KEPT_MS_MAX: i64 = 3_600_000;

/// The least time between two fetches, in milliseconds: whoever shows tokens with invented keys
/// must not have the other side asked each time.
pub(super) const REFETCH_MS_LEAST: i64 = 60_000;

/// A thing that is fetched when it is wanted.
pub(super) struct Kept<T>(Mutex<Option<Fetched<T>>>);

struct Fetched<T> {
    at: i64,
    /// The thing, or why there is none.
    found: Result<Arc<T>, String>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// The thing, no older than `age_ms_max` where it may be fetched again; otherwise `fetch` is
    /// never polled. Of many who ask at once one fetches. A failure is kept as well, for a shorter while.
    pub(super) async fn get(
        &self,
        now: i64,
        age_ms_max: i64,
        fetch: impl Future<Output = Result<T, String>> + Send,
    ) -> Result<Arc<T>, Refused> {
        let mut slot = self.0.lock().await;
        if let Some(Fetched { at, found }) = &*slot {
            let age_ms_max = if found.is_ok() { age_ms_max } else { 0 };
            if now - at < age_ms_max.max(REFETCH_MS_LEAST) {
                return found.clone().map_err(Refused::Unreachable);
            }
        }
        let found = fetch.await.map(Arc::new);
        *slot = Some(Fetched { at: now, found: found.clone() });
        found.map_err(Refused::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thing_is_fetched_when_it_is_old_and_never_in_quick_succession() {
        let kept = Kept::default();
        let get = async |now, age, next: Result<i32, String>| {
            kept.get(now, age, async { next }).await.map(|found| *found).map_err(|e| e.to_string())
        };
        let soon = REFETCH_MS_LEAST - 1;
        assert!(get(0, KEPT_MS_MAX, Err("down".to_owned())).await.unwrap_err().contains("down"));
        assert!(get(soon, KEPT_MS_MAX, Ok(1)).await.is_err(), "a failure is remembered");
        assert_eq!(get(100_000, KEPT_MS_MAX, Ok(1)).await, Ok(1));
        assert_eq!(get(100_000 + soon, 0, Ok(2)).await, Ok(1), "too soon");
        assert_eq!(get(100_001 + soon, KEPT_MS_MAX, Ok(2)).await, Ok(1), "still good");
        assert_eq!(get(100_001 + soon, 0, Ok(2)).await, Ok(2));
        assert_eq!(get(200_000 + KEPT_MS_MAX, KEPT_MS_MAX, Ok(3)).await, Ok(3));
    }
}
