//! How often one may try to sign in. Whoever guesses is stopped by where the tries come from
//! first, so that nobody locks another person out from a desk of their own.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use duban_model::echoed;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::address::ClientAddress;
use crate::security::TARGET;

/// How often one login may be tried from one address in a minute.
const TRIES_MAX: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// How often one login may be tried in a minute, from wherever. One address alone does not come
/// so far.
const TRIES_BY_LOGIN_MAX: NonZeroU32 = NonZeroU32::new(100).expect("it is not zero");

/// How often somebody at one address may try to sign in, in whatever way, in a minute. Many people
/// of an office may share an address.
const TRIES_BY_ADDRESS_MAX: NonZeroU32 = NonZeroU32::new(120).expect("it is not zero");

/// How many people may be sent elsewhere to sign in, in a minute. They have ten minutes to come
/// back: ten times as many are remembered at most.
const SENT_MAX: NonZeroU32 = NonZeroU32::new(3_000).expect("it is not zero");

/// Lines about too many tries that the log takes in a minute; the next one counts what was left
/// out. Whoever goes on trying must not fill the log.
const TOLD_MAX: NonZeroU32 = NonZeroU32::new(120).expect("it is not zero");

/// Logins and addresses that are remembered before old ones are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Bounds on guessing, and on sign-ins under way.
pub(crate) struct SignInLimits {
    by_both: DefaultKeyedRateLimiter<(String, Option<IpAddr>)>,
    by_login: DefaultKeyedRateLimiter<String>,
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    sent: DefaultDirectRateLimiter,
    told: DefaultDirectRateLimiter,
    untold: AtomicU64,
}

impl Default for SignInLimits {
    fn default() -> Self {
        Self {
            by_both: RateLimiter::keyed(Quota::per_minute(TRIES_MAX)),
            by_login: RateLimiter::keyed(Quota::per_minute(TRIES_BY_LOGIN_MAX)),
            by_address: RateLimiter::keyed(Quota::per_minute(TRIES_BY_ADDRESS_MAX)),
            sent: RateLimiter::direct(Quota::per_minute(SENT_MAX)),
            told: RateLimiter::direct(Quota::per_minute(TOLD_MAX)),
            untold: AtomicU64::new(0),
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

    /// Whether one more try for this login from this address is in order.
    pub(crate) fn may_try(&self, login: &str, address: ClientAddress) -> bool {
        if self.by_both.len() > REMEMBERED_MAX {
            self.by_both.retain_recent();
        }
        self.by_both.check_key(&(name(login), address.group())).is_ok()
    }

    /// Whether one more try for this login is in order, wherever it comes from.
    pub(crate) fn may_try_anywhere(&self, login: &str) -> bool {
        if self.by_login.len() > REMEMBERED_MAX {
            self.by_login.retain_recent();
        }
        self.by_login.check_key(&name(login)).is_ok()
    }

    /// Whether one more may be sent elsewhere.
    pub(crate) fn may_send(&self) -> bool {
        self.sent.check().is_ok()
    }

    /// Writes down that somebody was turned away, as often as the log bears.
    pub(crate) fn note_too_many(&self, login: &str, address: ClientAddress) {
        if self.told.check().is_err() {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let untold = self.untold.swap(0, Ordering::Relaxed);
        let login = echoed(login);
        tracing::warn!(target: TARGET, login, %address, untold, "too many tries to sign in");
    }
}

/// What is counted of a login, in characters: the longest is shorter.
const COUNTED_CHARS_MAX: usize = 64;

/// A login as it is counted.
fn name(login: &str) -> String {
    login.chars().take(COUNTED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> ClientAddress {
        ClientAddress(Some(text.parse().unwrap()))
    }

    #[test]
    fn guesses_in_a_minute_are_bounded_where_they_come_from() {
        let limits = SignInLimits::default();
        let tries = |login, address| (0..11).filter(|_| limits.may_try(login, address)).count();
        assert_eq!(tries("li", from("9.9.9.9")), 10);
        assert_eq!(tries("wang", from("9.9.9.9")), 10, "another login");
        assert_eq!(tries("li", from("9.9.9.8")), 10, "another address");
        assert_eq!(tries("li", ClientAddress(None)), 10);
        assert_eq!((0..121).filter(|_| limits.may_try_from(from("9.9.9.9"))).count(), 120);
        assert!(limits.may_try_from(from("9.9.9.8")));
        assert!(limits.may_try_from(ClientAddress(None)));
        assert_eq!((0..101).filter(|_| limits.may_try_anywhere("li")).count(), 100);
        assert!(limits.may_try_anywhere("wang"));
    }

    #[test]
    fn lines_about_tries_are_bounded_and_what_is_left_out_is_counted() {
        let limits = SignInLimits::default();
        for _ in 0..130 {
            limits.note_too_many("li", from("9.9.9.9"));
        }
        assert_eq!(limits.untold.load(Ordering::Relaxed), 10);
    }
}
