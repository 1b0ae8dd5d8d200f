//! Asking the system that signs people in.

use std::pin::Pin;
use std::sync::Arc;

use duban_notify::{FetchError, HttpClient};
use openidconnect::http::{Method, Request};
use openidconnect::url::Url;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use crate::sign_in::SignInError;

/// Where answers come from that say who somebody is: over TLS, or from a host that the operator
/// vouches for.
#[derive(Clone)]
pub(super) struct Peer {
    client: HttpClient,
    plain_hosts: Arc<[String]>,
}

impl Peer {
    pub(super) fn new(client: HttpClient, plain_hosts: &[String]) -> Self {
        let plain_hosts = plain_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { client, plain_hosts }
    }

    /// Reads an address of the settings.
    pub(super) fn address(&self, key: &'static str, text: &str) -> Result<Url, SignInError> {
        let bad = |problem: String| SignInError::BadAddress { key, url: text.to_owned(), problem };
        let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
        self.check(&url).map_err(bad)?;
        Ok(url)
    }

    /// Refuses an address over which anybody in between could say who somebody is.
    pub(super) fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host_str().unwrap_or_default();
        let is_listed =
            || self.plain_hosts.iter().any(|plain| plain == host.trim_matches(['[', ']']));
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_listed() => Ok(()),
            "http" => Err(format!("use https, or list `{host}` in `network.allowed_hosts`")),
            other => Err(format!("its scheme is `{other}`")),
        }
    }

    /// Sends one request.
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, PeerError> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| PeerError::Target(error.to_string()))?;
        self.check(&url).map_err(PeerError::Target)?;
        Ok(self.client.fetch(request).await?)
    }

    /// The body at an address.
    pub(super) async fn get(&self, url: &Url) -> Result<Vec<u8>, PeerError> {
        let request = Request::builder().method(Method::GET).uri(url.as_str()).body(Vec::new());
        let request = request.map_err(|error| PeerError::Target(error.to_string()))?;
        let response = self.fetch(request).await?;
        if response.status().is_success() {
            Ok(response.into_body())
        } else {
            Err(PeerError::Status(response.status().as_u16()))
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Peer {
    type Error = PeerError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, PeerError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error("the address cannot be used: {0}")]
    Target(String),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("it answered with HTTP {0}")]
    Status(u16),
}

/// An error and what lies behind it, in one line.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
