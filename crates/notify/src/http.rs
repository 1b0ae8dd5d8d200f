//! The HTTP client that channels share, and what an answer means.

use std::time::Duration;

use duban_engine::ChannelError;
use http::{Request, Response};
use opentelemetry_http::HeaderInjector;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error::NotifyError;
use crate::guard::Guard;

/// How channels reach other machines.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Hosts inside the office's network that may be sent to, by name or address. All others must
    /// have public addresses.
    pub allowed_hosts: Vec<String>,
    /// How long connecting may take.
    pub connect_max: Duration,
    /// How long one request may take, from connecting to the end of the answer.
    pub request_max: Duration,
    /// How much of an answer is read, in bytes.
    pub answer_bytes_max: usize,
    /// The longest wait that the other side may ask for; it is asked again no later.
    pub retry_after_max: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            connect_max: Duration::from_secs(5),
            request_max: Duration::from_secs(20),
            answer_bytes_max: 64 * 1024,
            retry_after_max: Duration::from_secs(3_600),
        }
    }
}

/// Sends requests. A cheap handle; clones share connections.
///
/// Redirects are not followed and proxies of the environment are not used: either would lead past
/// the check of the target.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client,
    guard: Guard,
    options: ClientOptions,
}

impl HttpClient {
    /// Sets a client up.
    ///
    /// # Errors
    ///
    /// [`NotifyError::Client`].
    pub fn new(options: ClientOptions) -> Result<Self, NotifyError> {
        // A host program may have chosen a provider before; its choice stands.
        drop(rustls::crypto::ring::default_provider().install_default());
        let guard = Guard::new(&options.allowed_hosts);
        let client = Client::builder()
            .user_agent(concat!("duban/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(guard.clone())
            .connect_timeout(options.connect_max)
            .timeout(options.request_max)
            .build()
            .map_err(NotifyError::Client)?;
        Ok(Self { client, guard, options })
    }

    /// Checks a target: that it is an address of HTTP, and public or listed as far as that can be
    /// told without resolving its name.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with it.
    pub fn check(&self, url: &str) -> Result<(), NotifyError> {
        self.target(url).map(drop)
    }

    /// Whether a target's host is listed as one inside the office's network.
    pub fn lists(&self, url: &str) -> bool {
        let target = Url::parse(url).ok();
        target.and_then(|target| target.host_str().map(|host| self.guard.allows(host)))
            == Some(true)
    }

    /// The client below, for a library that makes its own requests to a target that was checked.
    /// Names that it resolves must be public or listed.
    pub fn transport(&self) -> Client {
        self.client.clone()
    }

    /// Reads and checks a target.
    pub(crate) fn target(&self, url: &str) -> Result<Url, NotifyError> {
        self.guard.target(url)
    }

    /// Posts a body; answers with what the other side said, if it said that all is well.
    pub(crate) async fn post(
        &self,
        target: Url,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ChannelError> {
        self.exchange(Method::POST, target, headers, body).await?.judge()
    }

    /// Sends a request; answers with whatever the other side said.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        target: Url,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Answer, ChannelError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).map_err(|error| dead(error.to_string()))?;
            map.insert(HeaderName::from_static(name), value);
        }
        follow_trace(&mut map);
        let sent = self.client.request(method, target).headers(map).body(body).send().await;
        let mut response = sent.map_err(unreached)?;
        let (status, after) = (response.status(), self.asked_wait(response.headers()));
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreached)? {
            let room = self.options.answer_bytes_max.saturating_sub(answer.len());
            answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if answer.len() >= self.options.answer_bytes_max {
                break;
            }
        }
        Ok(Answer { status, after, body: answer })
    }

    /// Sends one request and answers with whatever the other side said, read whole: for what is no
    /// channel.
    ///
    /// # Errors
    ///
    /// [`FetchError`]. Nothing is tried again.
    pub async fn fetch(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let (parts, body) = request.into_parts();
        let target = self.target(&parts.uri.to_string())?;
        let request = self.client.request(parts.method, target).headers(parts.headers).body(body);
        let unreached = |error: reqwest::Error| FetchError::Unreached(error.without_url());
        let mut answer = request.send().await.map_err(unreached)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreached)? {
            if body.len() + chunk.len() > self.options.answer_bytes_max {
                return Err(FetchError::TooLong(self.options.answer_bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    /// `Retry-After` in seconds. Its other form, a date, depends on two clocks and is left alone.
    fn asked_wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(self.options.retry_after_max))
    }
}

/// Names the span in which a request is sent, so that the other side can follow (W3C Trace
/// Context). Without tracing nothing is named.
fn follow_trace(headers: &mut HeaderMap) {
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderInjector(headers));
    });
}

/// Why there is no answer to a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The target may not be sent to. Correct it, or list its host.
    #[error(transparent)]
    Target(#[from] NotifyError),
    /// The other side could not be reached, or broke off. Its address is left out: it may carry a
    /// secret.
    #[error("it could not be reached")]
    Unreached(#[source] reqwest::Error),
    /// The answer is longer than `answer_bytes_max`.
    #[error("its answer is longer than {0} bytes (`answer_bytes_max`)")]
    TooLong(usize),
}

/// What the other side said.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// How long it asks to wait.
    pub(crate) after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body, if the status says that all is well.
    pub(crate) fn judge(self) -> Result<Vec<u8>, ChannelError> {
        let Self { status, after, body } = self;
        if status.is_success() {
            return Ok(body);
        }
        let error = format!("HTTP {}: {}", status.as_u16(), excerpt(&body));
        match status {
            // Gone for ever, or never to be taken: nothing that a person corrects here will help.
            StatusCode::GONE | StatusCode::PAYLOAD_TOO_LARGE => Err(ChannelError::Dead { error }),
            // Also where the settings are wrong: the office has until the last attempt to correct
            // them.
            _ => Err(ChannelError::Retry { error, after }),
        }
    }
}

/// The type of a body in JSON.
pub(crate) const JSON_TYPE: &str = "application/json; charset=utf-8";

fn unreached(error: reqwest::Error) -> ChannelError {
    // Addresses carry tokens, and errors are shown to people.
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    ChannelError::Retry { error: text, after: None }
}

pub(crate) fn dead(error: String) -> ChannelError {
    ChannelError::Dead { error }
}

/// Characters of an answer that an error quotes.
const EXCERPT_CHARS_MAX: usize = 200;

pub(crate) fn excerpt(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).chars().take(EXCERPT_CHARS_MAX).collect()
}
