//! The service: routes, limits, and running it.

use std::future::Future;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use duban_documents::TABLE_BYTES_MAX;
use duban_engine::{Engine, EngineError};
use duban_model::Library;
use duban_store::{LightCount, Store};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::access::{self, Routes};
use crate::broom::Brooms;
use crate::case_files::{self, CaseFiles};
use crate::connections;
use crate::counts::Counts;
use crate::document;
use crate::evidence::Evidence;
use crate::guard;
use crate::jobs::Jobs;
use crate::known::Known;
use crate::limits::Limits;
use crate::messages::Messages;
use crate::metrics::{self, HostStats};
use crate::pace;
use crate::pages::{self, Changes};
use crate::problem::Problem;
use crate::pull::{self, Pull};
use crate::ready::Readiness;
use crate::rehearsal::Rehearsals;
use crate::rights;
use crate::routes::{
    audit, calendars, cases, clock, deliveries, directory, drafts, feed, graph, items, ledgers,
    migration, moves, office, search, security, stand_ins, suites, tasks, upkeep,
};
use crate::sign_in::SignIn;
use crate::streams::Streams;
use crate::trend::Trend;
use crate::tries::SignInLimits;

/// How a daemon is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Origins whose pages may show these in a frame, for example `https://oa.example.cn`.
    pub frame_ancestors: Vec<String>,
    /// Whoever calls speaks TLS, to a proxy in front: cookies travel over TLS alone.
    pub is_behind_tls: bool,
    /// Proxies whose word on whom they speak for is taken, only behind TLS; `None`: those on
    /// loopback.
    pub trusted_proxies: Option<Vec<IpAddr>>,
    /// How people sign in.
    pub sign_in: Arc<SignIn>,
    /// Anybody may sign in as anybody. For simulated databases on loopback.
    pub is_demonstration: bool,
    /// What comes with the program: scripts and calendars that drafts are checked against.
    pub library: Arc<Library>,
    /// Where files of evidence lie. Give the engine [`CaseFiles`](crate::CaseFiles) of the same
    /// place as [`Options::evidence`](duban_engine::Options::evidence), so that moves name none
    /// that was not given for their case.
    pub evidence: Evidence,
    /// How much of the service whoever calls may take up.
    pub limits: Limits,
    /// Requests to the API that one token may make in a second; `None`: any number.
    pub token_requests_per_second_max: Option<NonZeroU32>,
    /// What sends messages.
    pub messages: Messages,
    /// What the process around it counts, shown at `/metrics`.
    pub host: Arc<HostStats>,
    /// How long to go on answering after the end was asked for, so that a proxy that looks at
    /// `/readyz` can turn away first.
    pub drain: Duration,
    /// How long requests under way may then take to finish.
    pub shutdown_max: Duration,
    /// Where the directory is fetched from, if it is.
    pub pull: Option<Arc<Pull>>,
}

impl Default for Settings {
    /// No frames, no TLS, passwords alone, no demonstration, no library, files that go with the
    /// process; at the end 30 seconds for what is under way.
    fn default() -> Self {
        Self {
            frame_ancestors: Vec::new(),
            is_behind_tls: false,
            trusted_proxies: None,
            sign_in: Arc::default(),
            is_demonstration: false,
            library: Arc::default(),
            evidence: Evidence::in_memory(),
            limits: Limits::default(),
            token_requests_per_second_max: None,
            messages: Messages::default(),
            host: Arc::default(),
            drain: Duration::ZERO,
            shutdown_max: Duration::from_secs(30),
            pull: None,
        }
    }
}

/// What every route works with. A cheap handle.
#[derive(Clone)]
pub struct App<S: Store> {
    pub(crate) engine: Engine<S>,
    site: Arc<Site>,
}

/// What the pages share.
struct Site {
    settings: Settings,
    changes: Changes,
    counts: Arc<Counts>,
    trend: Trend,
    limits: SignInLimits,
    brooms: Brooms,
    tokens: Known,
    jobs: Jobs,
    rehearsals: Rehearsals,
    pulling: Mutex<()>,
    stop: watch::Sender<bool>,
    routes: Routes,
    streams: Arc<Streams>,
    readiness: Readiness,
}

impl<S: Store> App<S> {
    /// An API and pages over an engine.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(engine: Engine<S>, settings: Settings) -> Self {
        tokio::spawn(Trend::keep(engine.clone()));
        let files = CaseFiles::new(engine.store().clone(), settings.evidence.clone());
        tokio::spawn(case_files::keep_swept(engine.clone(), files));
        let site = Site {
            streams: Streams::new(&settings.limits),
            tokens: Known::new(settings.token_requests_per_second_max),
            jobs: Jobs::default(),
            rehearsals: Rehearsals::default(),
            settings,
            changes: Changes::of(&engine),
            counts: Arc::default(),
            trend: Trend::default(),
            limits: SignInLimits::default(),
            brooms: Brooms::default(),
            pulling: Mutex::default(),
            stop: watch::Sender::new(false),
            routes: Routes::default(),
            readiness: Readiness::default(),
        };
        Self { engine, site: Arc::new(site) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.site.settings
    }

    pub(crate) fn evidence(&self) -> &Evidence {
        &self.site.settings.evidence
    }

    pub(crate) fn messages(&self) -> &Messages {
        &self.site.settings.messages
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.site.changes
    }

    /// Counts of lights, perhaps a moment old.
    pub(crate) async fn lights(
        &self,
        suite: Option<&str>,
    ) -> Result<Arc<Vec<LightCount>>, EngineError> {
        self.site.counts.of(&self.engine, suite).await
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.site.counts
    }

    pub(crate) fn trend(&self) -> &Trend {
        &self.site.trend
    }

    pub(crate) fn limits(&self) -> &SignInLimits {
        &self.site.limits
    }

    pub(crate) fn brooms(&self) -> &Brooms {
        &self.site.brooms
    }

    pub(crate) fn sign_in(&self) -> &SignIn {
        &self.site.settings.sign_in
    }

    pub(crate) fn tokens(&self) -> &Known {
        &self.site.tokens
    }

    pub(crate) fn jobs(&self) -> &Jobs {
        &self.site.jobs
    }

    pub(crate) fn rehearsals(&self) -> &Rehearsals {
        &self.site.rehearsals
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.site.routes
    }

    pub(crate) fn host(&self) -> &HostStats {
        &self.site.settings.host
    }

    /// Open event streams.
    pub(crate) fn streams(&self) -> &Arc<Streams> {
        &self.site.streams
    }

    /// Held by whoever pulls the directory.
    pub(crate) fn pulling(&self) -> &Mutex<()> {
        &self.site.pulling
    }

    /// Resolves when the service is to end: streams, which would go on for ever, end then.
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.site.stop.subscribe())
    }

    /// The same as a future of its own.
    pub(crate) fn ending(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.stopping();
        async move { stopping.wait().await }
    }
}

/// A wait for the end of the service.
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    pub(crate) async fn wait(&mut self) {
        // Where the sender is gone, the service is too.
        drop(self.0.wait_for(|stops| *stops).await);
    }
}

/// The largest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The largest directory that is put as a whole, in bytes.
const DIRECTORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The service, to be run by [`serve`] or to be nested into a host's own.
pub fn router<S: Store>(app: App<S>) -> Router {
    let api = cases_api().merge(ledgers_api()).merge(suites_api()).merge(office_api());
    // It counts for itself, as far as the settings allow.
    let files = Router::new()
        .route("/evidence", post(office::keep::<S>))
        .layer(DefaultBodyLimit::disable());
    let tables = Router::new()
        .route("/directory/import", post(directory::import::<S>))
        .layer(DefaultBodyLimit::max(TABLE_BYTES_MAX));
    let whole = Router::new()
        .route("/directory", get(directory::directory::<S>).put(directory::set_directory::<S>))
        .layer(DefaultBodyLimit::max(DIRECTORY_BYTES_MAX));
    let settings = app.settings();
    let policy = security_policy(&settings.frame_ancestors);
    let api = Router::new()
        .nest("/api/v1", api)
        .route("/api/openapi.json", get(document::serve))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready::<S>))
        .route("/metrics", get(metrics::serve::<S>))
        .fallback(async || Problem::not_found())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .nest("/api/v1", files.merge(tables).merge(whole))
        .route_layer(from_fn_with_state(app.clone(), rights::check::<S>));
    pages::router::<S>(app.evidence().limits().bytes_max)
        .layer(from_fn(guard::same_site))
        .merge(pages::handed_over::<S>())
        // Files bring a stricter one.
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, policy))
        .layer(set(REFERRER_POLICY, HeaderValue::from_static("same-origin")))
        .merge(api)
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(from_fn_with_state(app.clone(), pace::keep::<S>))
        .layer(from_fn_with_state(app.clone(), guard::own_name::<S>))
        .layer(set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(
            CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(from_fn_with_state(app.clone(), access::log::<S>))
        .with_state(app)
}

/// Cases, their tasks and moves.
fn cases_api<S: Store>() -> Router<App<S>> {
    Router::new()
        .route("/cases", get(cases::list::<S>).post(cases::open::<S>))
        .route("/cases/{case}", get(cases::show::<S>))
        .route("/cases/{case}/events", get(cases::events::<S>))
        .route("/cases/{case}/timeline", get(graph::timeline::<S>))
        .route("/cases/{case}/graph", get(graph::graph::<S>))
        .route("/cases/{case}/graph.svg", get(graph::graph_svg::<S>))
        .route("/cases/{case}/next", get(graph::next::<S>))
        .route("/cases/{case}/tasks", get(items::of_case::<S>))
        .route("/cases/{case}/tasks/{item}", get(items::show::<S>))
        .route("/cases/{case}/moves", post(moves::make::<S>))
        .route("/cases/{case}/migrate", post(migration::migrate::<S>))
        .route("/cases/{case}/repair", post(upkeep::repair::<S>))
        .route("/cases/{case}/rebuild", post(upkeep::rebuild::<S>))
        .route("/cases/{case}/audit", get(audit::check::<S>))
        .route("/moves", post(moves::make_many::<S>))
        .route("/people/{person}/todo", get(items::todo::<S>))
        .route("/tasks", get(tasks::list::<S>))
}

/// What is counted and listed over all cases, and what leaves them.
fn ledgers_api<S: Store>() -> Router<App<S>> {
    Router::new()
        .route("/lights", get(tasks::lights::<S>))
        .route("/scores", get(tasks::scores::<S>))
        .route("/scores/entries", get(tasks::score_entries::<S>))
        .route("/duties", get(ledgers::duties::<S>))
        .route("/interviews", get(ledgers::interviews::<S>))
        .route("/notices", get(ledgers::notices::<S>))
        .route("/indicators", get(ledgers::indicators::<S>))
        .route("/search", get(search::search::<S>))
        .route("/deliveries", get(deliveries::list::<S>))
        .route("/deliveries/{case}/{seq}/retry", post(deliveries::retry::<S>))
        .route("/feed", get(feed::read::<S>))
        .route("/stream", get(feed::stream::<S>))
}

/// What authors write.
fn suites_api<S: Store>() -> Router<App<S>> {
    let draft = get(drafts::draft::<S>).put(drafts::put_draft::<S>);
    Router::new()
        .route("/suites", get(suites::list::<S>))
        .route("/suites/{suite}", put(suites::publish::<S>))
        .route("/suites/{suite}/check", post(suites::check_sources::<S>))
        .route("/suites/{suite}/simulate", post(suites::run::<S>))
        .route("/suites/{suite}/test", post(drafts::test::<S>))
        .route("/suites/{suite}/sources", get(drafts::published_sources::<S>))
        .route("/suites/{suite}/draft", draft.delete(drafts::remove_draft::<S>))
        .route("/suites/{suite}/open", post(drafts::open::<S>))
        .route("/suites/{suite}/versions", get(migration::versions::<S>))
        .route("/suites/{suite}/workflows/{workflow}", get(drafts::workflow::<S>))
        .route("/suites/{suite}/workflows/{workflow}/migrate", post(migration::migrate_all::<S>))
}

/// What an office and its administrators keep.
fn office_api<S: Store>() -> Router<App<S>> {
    let accounts = get(security::accounts::<S>).post(security::create_account::<S>);
    Router::new()
        .route(
            "/stand-ins",
            get(stand_ins::list::<S>).put(stand_ins::set::<S>).delete(stand_ins::end::<S>),
        )
        .route("/calendars", get(calendars::list::<S>))
        .route("/calendars/{id}", get(calendars::show::<S>).put(calendars::put::<S>))
        .route("/evidence/{file}", get(office::fetch::<S>))
        .route("/accounts", accounts)
        .route("/accounts/{login}", delete(security::remove_account::<S>))
        .route("/accounts/{login}/link", post(security::new_link::<S>))
        .route("/tokens", get(security::tokens::<S>).post(security::create_token::<S>))
        .route("/tokens/{name}", delete(security::revoke_token::<S>))
        .route("/audit/events", get(audit::trail::<S>))
        .route("/audit/verification", post(audit::check_all::<S>))
        .route("/jobs/{job}", get(upkeep::job::<S>))
        .route("/stats", get(upkeep::stats::<S>))
        .route("/clock", get(clock::show::<S>))
        .route("/clock/accept", post(clock::accept::<S>))
        .route("/clock/take-back", post(clock::take_back::<S>))
}

fn set(name: HeaderName, value: HeaderValue) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, value)
}

/// Nothing from elsewhere, nothing inline, and frames only where they are allowed.
fn security_policy(frame_ancestors: &[String]) -> HeaderValue {
    let frames = if frame_ancestors.is_empty() {
        "'none'".to_owned()
    } else {
        format!("'self' {}", frame_ancestors.join(" "))
    };
    let policy = format!(
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors {frames}"
    );
    // What cannot stand in a header allows no frame at all.
    HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'"))
}

/// Whether requests are best sent here: the service is not about to end, and the store takes
/// writes.
async fn ready<S: Store>(State(app): State<App<S>>) -> impl IntoResponse {
    let is_ending = *app.site.stop.borrow();
    let answer = if is_ending {
        Err("about to end".to_owned())
    } else {
        app.site.readiness.check(&app.engine).await
    };
    match answer {
        Ok(()) => (StatusCode::OK, "ready".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}")),
    }
}

/// Serves until `stop` resolves. Then `/readyz` says so and streams end; after
/// [`drain`](Settings::drain) nobody new is let in, and the requests under way finish within
/// [`shutdown_max`](Settings::shutdown_max) or are cut off.
///
pub async fn serve<S: Store>(
    app: App<S>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    if let Some(pull) = app.settings().pull.clone() {
        tokio::spawn(pull::run(app.clone(), pull));
    }
    let site = Arc::clone(&app.site);
    let Settings { drain, shutdown_max, ref limits, .. } = app.site.settings;
    let limits = limits.clone();
    let (closing, mut closed) = watch::channel(false);
    let stop = async move {
        stop.await;
        site.stop.send_replace(true);
        tokio::time::sleep(drain).await;
        closing.send_replace(true);
    };
    let patience = async {
        // Where the sender is gone, serving has ended.
        drop(closed.wait_for(|closed| *closed).await);
        tokio::time::sleep(shutdown_max).await;
    };
    tokio::select! {
        () = connections::run(listener, router(app), &limits, stop) => {}
        () = patience => {
            tracing::warn!(seconds = shutdown_max.as_secs(), "requests under way were cut off");
        }
    }
}

/// Serves `/metrics` alone, without a token, until the service ends: for an address that only the
/// monitoring reaches.
pub async fn serve_metrics<S: Store>(app: App<S>, listener: TcpListener) {
    let mut stopping = app.stopping();
    let connections_max = app.settings().limits.connections_max.min(METRICS_CONNECTIONS_MAX);
    let limits = Limits { connections_max, ..app.settings().limits.clone() };
    let routes = Router::new().route("/metrics", get(metrics::serve_openly::<S>)).with_state(app);
    connections::run(listener, routes, &limits, stopping.wait()).await;
}

/// Connections to the monitoring's own address at a time.
const METRICS_CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("it is not zero");
