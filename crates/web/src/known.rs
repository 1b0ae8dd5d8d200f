//! Tokens that were shown lately, kept in memory so that a move costs no read of its token, and
//! how often each may call.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use duban_store::{Store, StoreError};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::auth::{TokenInfo, digest_of, document};
use crate::problem::Problem;

/// How long a token is known before the store is asked again: what another process on the same
/// database revokes may be used that much longer.
const KEPT_MAX: Duration = Duration::from_secs(1);

/// Counts the changes of tokens in this process.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// Has every token looked up anew: after one was made or taken away.
pub(crate) fn forget() {
    CHANGES.fetch_add(1, Ordering::SeqCst);
}

type Digest = [u8; 32];

struct Kept {
    info: Arc<TokenInfo>,
    changes: u64,
    read: Instant,
}

impl Kept {
    fn is_current(&self, changes: u64) -> bool {
        self.changes == changes && self.read.elapsed() < KEPT_MAX
    }
}

/// Tokens by their digests. Only those that the store knows are kept, and none for long.
pub(crate) struct Known {
    kept: RwLock<HashMap<Digest, Kept>>,
    calls: Option<DefaultKeyedRateLimiter<Digest>>,
}

impl Known {
    /// At most `per_second` requests of one token; `None`: any number.
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        let calls = per_second.map(|max| RateLimiter::keyed(Quota::per_second(max)));
        Self { kept: RwLock::default(), calls }
    }

    /// Whose token was shown.
    pub(crate) async fn identify<S: Store>(
        &self,
        store: &S,
        token: &str,
    ) -> Result<Arc<TokenInfo>, Problem> {
        // Digests are looked up, not tokens: how long a comparison takes tells nothing of use.
        let digest = digest_of(token);
        // Counted before the store is read: a change in between makes the answer old at once.
        let changes = CHANGES.load(Ordering::SeqCst);
        let info = match self.look(&digest, changes) {
            Some(info) => info,
            None => self.read(store, digest, changes).await?,
        };
        if self.calls.as_ref().is_some_and(|calls| calls.check_key(&digest).is_err()) {
            return Err(Problem::too_often());
        }
        Ok(info)
    }

    fn look(&self, digest: &Digest, changes: u64) -> Option<Arc<TokenInfo>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(digest).filter(|kept| kept.is_current(changes))?;
        Some(Arc::clone(&kept.info))
    }

    async fn read<S: Store>(
        &self,
        store: &S,
        digest: Digest,
        changes: u64,
    ) -> Result<Arc<TokenInfo>, Problem> {
        let read = Instant::now();
        let json = store.document(&document(&digest)).await.map_err(Problem::store)?;
        let json = json.ok_or_else(Problem::unknown_caller)?;
        let info: TokenInfo = serde_json::from_str(&json)
            .map_err(|error| Problem::store(StoreError::Unreadable(error)))?;
        let info = Arc::new(info);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.is_current(changes));
        kept.insert(digest, Kept { info: Arc::clone(&info), changes, read });
        if let Some(calls) = &self.calls {
            calls.retain_recent();
        }
        Ok(info)
    }
}
