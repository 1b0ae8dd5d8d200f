//! Where a request comes from.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use duban_store::Store;

use crate::server::App;

/// What proxies write down of whom they speak for, the nearest last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address; `None` where a host program does not tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("?"),
        }
    }
}

impl ClientAddress {
    /// Whose tries are counted together: one address, or the network of one IPv6 host.
    pub(crate) fn group(self) -> Option<IpAddr> {
        let IpAddr::V6(address) = self.0? else { return self.0 };
        let [a, b, c, d, ..] = address.segments();
        Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
    }
}

impl<S: Store> FromRequestParts<App<S>> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|peer| peer.0.ip().to_canonical());
        let settings = app.settings();
        if !settings.is_behind_tls {
            return Ok(Self(peer));
        }
        Ok(Self(forwarded(peer, &parts.headers, &settings.trusted_proxies)))
    }
}

/// Behind a proxy: the last address that none of the office's own proxies has. What stands before
/// it was written by whoever called, and may be anything.
fn forwarded(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut nearest = peer;
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        let address = address.to_canonical();
        nearest = Some(address);
        if !trusted.contains(&address) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_proxy_the_last_address_that_is_no_proxys_counts() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted = [address("10.0.0.2"), address("10.0.0.3")];
        let cases: &[(&[&str], &str)] = &[
            (&[], "127.0.0.1"),
            (&["9.9.9.9"], "9.9.9.9"),
            (&["1.1.1.1, 9.9.9.9"], "9.9.9.9"),
            (&["1.1.1.1, 9.9.9.9, 10.0.0.2"], "9.9.9.9"),
            (&["1.1.1.1", "9.9.9.9, 10.0.0.3 ,10.0.0.2"], "9.9.9.9"),
            (&["9.9.9.9", "10.0.0.2"], "9.9.9.9"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["9.9.9.9, made up"], "127.0.0.1"),
            (&["9.9.9.9, made up, 10.0.0.2"], "10.0.0.2"),
            (&["::ffff:9.9.9.9"], "9.9.9.9"),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in *lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let found = forwarded(Some(address("127.0.0.1")), &headers, &trusted);
            assert_eq!(found, Some(address(expected)), "{lines:?}");
        }
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_counted_together() {
        let group = |text: &str| ClientAddress(Some(text.parse().unwrap())).group();
        assert_eq!(group("2400:3200:1:2:3::4"), group("2400:3200:1:2::9"));
        assert_ne!(group("2400:3200:1:2::1"), group("2400:3200:1:3::1"));
        assert_ne!(group("9.9.9.9"), group("9.9.9.8"));
        assert_eq!(ClientAddress(None).group(), None);
    }
}
