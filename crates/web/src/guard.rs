//! What keeps strangers out: requests that other sites' pages send, and guessed passwords.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::{HeaderName, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::address::ClientAddress;
use crate::pages::Failure;

/// What browsers say of where a request comes from (Fetch Metadata, W3C).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that change something and come from another site's page. Browsers that do
/// not say where a request comes from say at least its origin.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_own(request.headers()) {
        return Failure::Bad("请求来自其他网站，已拒绝".to_owned()).into_response();
    }
    next.run(request).await
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(&SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    match (text(&ORIGIN), text(&HOST)) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        // No browser: a program has no cookie that it was tricked into sending.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// How often one login may be tried in a minute.
const TRIES_MAX: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// How often somebody at one address may try to sign in, in whatever way, in a minute. Many people
/// of an office may share an address.
const TRIES_BY_ADDRESS_MAX: NonZeroU32 = NonZeroU32::new(120).expect("it is not zero");

/// How many people may be sent elsewhere to sign in, in a minute. They have ten minutes to come
/// back: ten times as many are remembered at most.
const SENT_MAX: NonZeroU32 = NonZeroU32::new(3_000).expect("it is not zero");

/// Logins and addresses that are remembered before old ones are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Bounds on guessing, and on sign-ins under way.
pub(crate) struct SignInLimits {
    by_login: DefaultKeyedRateLimiter<String>,
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    sent: DefaultDirectRateLimiter,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            by_login: RateLimiter::keyed(Quota::per_minute(TRIES_MAX)),
            by_address: RateLimiter::keyed(Quota::per_minute(TRIES_BY_ADDRESS_MAX)),
            sent: RateLimiter::direct(Quota::per_minute(SENT_MAX)),
        }
    }
}

impl SignInLimits {
    /// Whether one more try from this address is in order.
    pub(crate) fn may_try_from(&self, address: ClientAddress) -> bool {
        if self.by_address.len() > REMEMBERED_MAX {
            self.by_address.retain_recent();
        }
        address.group().is_none_or(|group| self.by_address.check_key(&group).is_ok())
    }

    /// Whether one more try for this login is in order.
    pub(crate) fn may_try(&self, login: &str) -> bool {
        if self.by_login.len() > REMEMBERED_MAX {
            self.by_login.retain_recent();
        }
        let login: String = login.chars().take(64).collect();
        self.by_login.check_key(&login).is_ok()
    }

    /// Whether one more may be sent elsewhere.
    pub(crate) fn may_send(&self) -> bool {
        self.sent.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        is_own(&headers)
    }

    #[test]
    fn other_sites_are_strangers() {
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        assert!(!own(&[("sec-fetch-site", "same-site")]));
        assert!(!own(&[("sec-fetch-site", "cross-site"), ("host", "a")]));
        assert!(own(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!own(&[("origin", "http://evil"), ("host", "127.0.0.1:8080")]));
        assert!(!own(&[("origin", "null"), ("host", "127.0.0.1:8080")]));
        assert!(own(&[("host", "127.0.0.1:8080")]));
    }

    #[test]
    fn guesses_in_a_minute_are_bounded() {
        let limits = SignInLimits::default();
        assert_eq!((0..11).filter(|_| limits.may_try("li")).count(), 10);
        assert!(limits.may_try("wang"));
        let from = |text: &str| ClientAddress(Some(text.parse().unwrap()));
        assert_eq!((0..121).filter(|_| limits.may_try_from(from("9.9.9.9"))).count(), 120);
        assert!(limits.may_try_from(from("9.9.9.8")));
        assert!(limits.may_try_from(ClientAddress(None)));
    }
}
