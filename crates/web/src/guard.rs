//! What keeps strangers out: requests that other sites' pages send, and names of other sites that
//! lead to this machine.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderName, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use duban_store::Store;

use crate::pages::Failure;
use crate::problem::Problem;
use crate::server::App;

/// What browsers say of where a request comes from (Fetch Metadata, W3C).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that change something and come from another site's page. Browsers that do
/// not say where a request comes from say at least its origin.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_own(request.headers()) {
        return Failure::Foreign.into_response();
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

/// In a demonstration, refuses requests for another name than this machine's own: a site whose
/// name was made to lead here would otherwise be one with these pages for a browser.
pub(crate) async fn own_name<S: Store>(
    State(app): State<App<S>>,
    request: Request,
    next: Next,
) -> Response {
    if app.settings().is_demonstration && !is_for_this_machine(&request) {
        return Problem::wrong_host().into_response();
    }
    next.run(request).await
}

fn is_for_this_machine(request: &Request) -> bool {
    let hosts = request.headers().get_all(HOST);
    let mut named = hosts.iter().map(|host| host.to_str().ok().and_then(|host| host.parse().ok()));
    hosts.iter().next().is_some()
        && named.all(|host: Option<Authority>| host.is_some_and(|host| is_loopback(&host)))
        && request.uri().authority().is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_plain = !authority.as_str().contains('@');
    is_plain && (host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback()))
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
    fn only_this_machines_own_names_are_its_own() {
        let asked = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            is_for_this_machine(&request.body(axum::body::Body::empty()).unwrap())
        };
        for host in ["localhost", "LocalHost:80", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"] {
            assert!(asked("/", &[host]), "{host}");
        }
        let others = [
            "evil.cn",
            "evil.cn:8080",
            "localhost.evil.cn",
            "127.0.0.1.evil.cn",
            "10.0.0.1",
            "localhost@evil.cn",
            "evil.cn@localhost",
            "",
            "0.0.0.0",
            "[::]",
            "a b",
            "2130706433",
        ];
        for host in others {
            assert!(!asked("/", &[host]), "{host}");
        }
        assert!(!asked("/", &[]));
        assert!(!asked("/", &["localhost", "evil.cn"]));
        assert!(asked("http://localhost/", &["localhost"]));
        assert!(!asked("http://evil.cn/", &["localhost"]));
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
}
