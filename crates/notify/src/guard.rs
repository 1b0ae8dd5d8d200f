//! Which hosts may be sent to.
//!
//! Whoever may name a target could otherwise have the daemon knock at doors inside the office's
//! network. A host that is not listed may only resolve to public addresses, and what was checked
//! is what is connected to: the check is the client's own name resolution, so that a name cannot
//! answer one way to the check and another to the connection.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error::NotifyError;

/// The hosts that are listed, in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allowed: Arc<BTreeSet<String>>,
}

impl Guard {
    pub(crate) fn new(allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { allowed: Arc::new(allowed) }
    }

    /// Reads a target, and refuses what can be refused without resolving its name.
    pub(crate) fn target(&self, url: &str) -> Result<Url, NotifyError> {
        let bad = |error: String| NotifyError::BadUrl { url: url.to_owned(), error };
        let target = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if !matches!(target.scheme(), "http" | "https") {
            return Err(bad(format!("its scheme is `{}`", target.scheme())));
        }
        let Some(host) = target.host_str() else { return Err(bad("it names no host".to_owned())) };
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) if !is_public(address) && !self.allows(literal) => {
                Err(NotifyError::PrivateTarget(literal.to_owned()))
            }
            _ => Ok(target),
        }
    }

    pub(crate) fn allows(&self, host: &str) -> bool {
        self.allowed.contains(&host.to_ascii_lowercase())
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            let usable: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| guard.allows(host) || is_public(address.ip()))
                .collect();
            if usable.is_empty() {
                return Err(Box::from(NotifyError::PrivateTarget(host.to_owned())));
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is reachable by everybody.
///
/// Source: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        // Multicast, reserved, broadcast.
        || a >= 224;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [a, b, ..] = address.segments();
    // Global unicast alone; of it not the addresses that wrap an IPv4 address (6to4, Teredo), nor
    // those of documentation.
    let is_wrapped = a == 0x2002 || (a == 0x2001 && b == 0);
    let is_documentation = (a == 0x2001 && b == 0x0db8) || (0x3ff0..=0x3fff).contains(&a);
    (0x2000..0x4000).contains(&a) && !is_wrapped && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_not_public() {
        let inside = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.8",
            "192.168.0.1",
            "198.19.255.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
        ];
        for text in inside {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "223.5.5.5", "2400:3200::1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_target_must_be_public_or_listed() {
        let guard = Guard::new(&["127.0.0.1".to_owned(), "OA.example".to_owned()]);
        for url in ["http://127.0.0.1:8080/x", "https://oa.example/x", "https://example.org"] {
            assert!(guard.target(url).is_ok(), "{url}");
        }
        // Other spellings of loopback are read as what they are.
        for url in ["http://[::1]/x", "http://127.0.0.2/x", "http://2130706434/", "http://0x7f.2/"]
        {
            let refused = guard.target(url);
            assert!(matches!(refused, Err(NotifyError::PrivateTarget(_))), "{url}: {refused:?}");
        }
        for url in ["ftp://example.org", "file:///etc/passwd", "督办", "http://"] {
            let refused = guard.target(url);
            assert!(matches!(refused, Err(NotifyError::BadUrl { .. })), "{url}: {refused:?}");
        }
    }
}
