//! The service: routes, limits, and running it.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use duban_engine::Engine;
use duban_store::Store;
use tokio::net::TcpListener;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::document;
use crate::problem::Problem;
use crate::routes::{cases, deliveries, feed, tasks};

/// What every route works with. A cheap handle.
#[derive(Clone)]
pub struct App<S: Store> {
    pub(crate) engine: Engine<S>,
}

impl<S: Store> App<S> {
    /// An API over an engine.
    pub fn new(engine: Engine<S>) -> Self {
        Self { engine }
    }
}

/// The largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a body may pause between two of its parts.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(10);

/// The service, to be run by [`serve`] or to be nested into a host's own.
pub fn router<S: Store>(app: App<S>) -> Router {
    let api = Router::new()
        .route("/cases", get(cases::list::<S>).post(cases::open::<S>))
        .route("/cases/{case}", get(cases::show::<S>))
        .route("/cases/{case}/events", get(cases::events::<S>))
        .route("/cases/{case}/moves", post(cases::make_move::<S>))
        .route("/tasks", get(tasks::list::<S>))
        .route("/lights", get(tasks::lights::<S>))
        .route("/scores", get(tasks::scores::<S>))
        .route("/deliveries", get(deliveries::list::<S>))
        .route("/deliveries/{case}/{seq}/retry", post(deliveries::retry::<S>))
        .route("/feed", get(feed::read::<S>))
        .route("/stream", get(feed::stream::<S>));
    Router::new()
        .nest("/api/v1", api)
        .route("/api/openapi.json", get(document::serve))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready::<S>))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE_MAX))
        .layer(SetResponseHeaderLayer::overriding(
            X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .with_state(app)
}

/// Whether the store answers.
async fn ready<S: Store>(State(app): State<App<S>>) -> impl IntoResponse {
    match app.engine.feed_end().await {
        Ok(_) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    }
}

/// Serves until `stop` resolves, then finishes the requests under way.
///
/// # Errors
///
/// What the listener gave.
pub async fn serve<S: Store>(
    app: App<S>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(app)).with_graceful_shutdown(stop).await
}
