//! One line for each request, and what it took: by its route's template, never by its path, which
//! may hold a name or a key.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use duban_store::{Distribution, Histogram, Store};
use opentelemetry_http::HeaderExtractor;
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::server::App;

/// A request's name in every log: taken over where it is fit to be, made otherwise.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest name that is taken over, in characters.
const REQUEST_ID_CHARS_MAX: usize = 64;

/// Where a trace comes from (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Logs a request and measures it. What happens on its behalf is logged inside its span.
pub(crate) async fn log<S: Store>(
    State(app): State<App<S>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let id = name_of(request.headers());
    let method = known(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        id = id.as_str(),
        method,
        route,
        who = field::Empty,
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
    );
    follow(request.headers(), &span);
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    app.routes().note(method, route, status, took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(target: "duban::access", status, micros, "answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Notes in the request's span who asks.
pub(crate) fn note_who(who: &str) {
    Span::current().record("who", who);
}

fn name_of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_sane = |id: &&str| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match given.filter(is_sane) {
        Some(id) => id.to_owned(),
        // Without randomness requests share a name, and go on.
        None => format!("{:016x}", getrandom::u64().unwrap_or_default()),
    }
}

/// Makes a span part of the trace that a request belongs to.
fn follow(headers: &HeaderMap, span: &Span) {
    if headers.contains_key(TRACEPARENT) {
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract(&HeaderExtractor(headers))
        });
        // Without tracing nobody takes it.
        drop(span.set_parent(parent));
    }
}

/// A word for a method, out of few: whoever calls must not make up labels.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "OTHER",
    }
}

/// Bounds for answers, in microseconds.
const ANSWERS_US: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// Requests of one route that were answered alike.
pub(crate) struct RouteStats {
    pub(crate) method: &'static str,
    pub(crate) route: String,
    /// `2xx` and so on.
    pub(crate) class: &'static str,
    pub(crate) took_us: Distribution,
}

/// How long answers took, by method, route and class of status.
#[derive(Default)]
pub(crate) struct Routes {
    kept: RwLock<BTreeMap<String, BTreeMap<Kind, Arc<Histogram>>>>,
}

/// Method and class.
type Kind = (&'static str, &'static str);

impl Routes {
    fn note(&self, method: &'static str, route: &str, status: u16, took: std::time::Duration) {
        let kind = (method, class(status));
        let find = |kept: &BTreeMap<String, BTreeMap<Kind, Arc<Histogram>>>| {
            kept.get(route).and_then(|kinds| kinds.get(&kind)).cloned()
        };
        let found = find(&self.kept.read().unwrap_or_else(PoisonError::into_inner));
        let histogram = found.unwrap_or_else(|| {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            let made = kept.entry(route.to_owned()).or_default().entry(kind);
            Arc::clone(made.or_insert_with(|| Arc::new(Histogram::new(ANSWERS_US))))
        });
        histogram.note_time(took);
    }

    pub(crate) fn read(&self) -> Vec<RouteStats> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let all = kept.iter().flat_map(|(route, kinds)| {
            kinds.iter().map(|((method, class), took)| RouteStats {
                method,
                route: route.clone(),
                class,
                took_us: took.read(),
            })
        });
        all.collect()
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_forge_a_line_is_not_taken_over() {
        let name = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(given.as_bytes()).unwrap());
            name_of(&headers)
        };
        assert_eq!(name("a-1_B.2"), "a-1_B.2");
        let long = "a".repeat(REQUEST_ID_CHARS_MAX + 1);
        for given in ["", "a b", "督办", "a\"}", long.as_str()] {
            assert_ne!(name(given), given);
            assert_eq!(name(given).len(), 16, "{given}");
        }
    }
}
