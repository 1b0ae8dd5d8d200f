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
    /// One that was written down as it is shown.
    pub(crate) fn read(text: &str) -> Self {
        Self(text.parse().ok())
    }

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
        Ok(Self(forwarded(peer, &parts.headers, settings.trusted_proxies.as_deref())))
    }
}

/// Behind a proxy: the last address that none of the office's own proxies has. What stands before
/// it was written by whoever called, and may be anything; so was the whole header where it was no
/// proxy that called.
fn forwarded(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: Option<&[IpAddr]>,
) -> Option<IpAddr> {
    let is_proxy = |address: IpAddr| match trusted {
        Some(trusted) => trusted.iter().any(|proxy| proxy.to_canonical() == address),
        None => address.is_loopback(),
    };
    if !peer.is_some_and(is_proxy) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let mut nearest = peer;
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        let address = address.to_canonical();
        nearest = Some(address);
        if !is_proxy(address) {
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
        let trusted = [address("127.0.0.1"), address("10.0.0.2"), address("::ffff:10.0.0.3")];
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
            let found = forwarded(Some(address("127.0.0.1")), &headers, Some(&trusted));
            assert_eq!(found, Some(address(expected)), "{lines:?}");
        }
    }

    #[test]
    fn only_a_proxy_is_believed() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, "9.9.9.9, 127.0.0.9".parse().unwrap());
        let one = [address("10.0.0.2")];
        let cases: &[(&str, Option<&[IpAddr]>, &str)] = &[
            ("127.0.0.1", None, "9.9.9.9"),
            ("::1", None, "9.9.9.9"),
            ("10.0.0.2", None, "10.0.0.2"),
            ("10.0.0.2", Some(&one), "127.0.0.9"),
            ("127.0.0.1", Some(&one), "127.0.0.1"),
            ("10.0.0.3", Some(&one), "10.0.0.3"),
            ("127.0.0.1", Some(&[]), "127.0.0.1"),
        ];
        for (peer, trusted, expected) in cases {
            let found = forwarded(Some(address(peer)), &headers, *trusted);
            assert_eq!(found, Some(address(expected)), "{peer} {trusted:?}");
        }
        assert_eq!(forwarded(None, &headers, None), None);
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
