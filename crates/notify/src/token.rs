//! Access tokens of open platforms: fetched once, kept while they hold, fetched anew when refused.

use std::future::Future;
use std::time::{Duration, Instant};

use duban_engine::ChannelError;
use tokio::sync::Mutex;

/// A token of one app.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    held: Mutex<Option<Held>>,
}

struct Held {
    token: String,
    until: Instant,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("until", &self.until).finish_non_exhaustive()
    }
}

/// A token is not used in its last minutes: it could run out on its way.
const MARGIN: Duration = Duration::from_secs(300);

impl TokenCache {
    /// The token, fetched if there is none that holds. Whoever asks meanwhile waits and shares it:
    /// the platforms limit how often one may be fetched.
    pub(crate) async fn get<F>(
        &self,
        fetch: impl FnOnce() -> F + Send,
    ) -> Result<String, ChannelError>
    where
        F: Future<Output = Result<(String, Duration), ChannelError>> + Send,
    {
        let mut held = self.held.lock().await;
        if let Some(held) = &*held
            && Instant::now() < held.until
        {
            return Ok(held.token.clone());
        }
        let (token, lifetime) = fetch().await?;
        let until = Instant::now() + lifetime.saturating_sub(MARGIN).max(lifetime / 2);
        *held = Some(Held { token: token.clone(), until });
        Ok(token)
    }

    /// Drops a token that was refused, unless another has taken its place already.
    pub(crate) async fn forget(&self, refused: &str) {
        let mut held = self.held.lock().await;
        held.take_if(|held| held.token == refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_of_an_older_token_leaves_the_newer_one() {
        let cache = TokenCache::default();
        let fetch = |token: &str| {
            let token = token.to_owned();
            || std::future::ready(Ok((token, Duration::from_secs(7_200))))
        };
        assert_eq!(cache.get(fetch("a")).await.unwrap(), "a");
        assert_eq!(cache.get(fetch("b")).await.unwrap(), "a", "it still holds");
        cache.forget("a").await;
        assert_eq!(cache.get(fetch("b")).await.unwrap(), "b");
        cache.forget("a").await;
        assert_eq!(cache.get(fetch("c")).await.unwrap(), "b");
    }

    #[tokio::test]
    async fn a_token_of_no_lifetime_is_fetched_each_time() {
        let cache = TokenCache::default();
        for token in ["a", "b"] {
            let fetch = || std::future::ready(Ok((token.to_owned(), Duration::ZERO)));
            assert_eq!(cache.get(fetch).await.unwrap(), token);
        }
    }
}
