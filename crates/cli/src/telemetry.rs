//! Spans to a collector: OpenTelemetry over HTTP, as protobuf.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use duban_notify::HttpClient;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use serde::Deserialize;
use tokio::runtime::Handle;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;

use crate::logs::BoxedLayer;

/// What an operator sets about traces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TelemetryConfig {
    endpoint: Option<String>,
    service: String,
    sample: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { endpoint: None, service: "duban".to_owned(), sample: 1.0 }
    }
}

impl TelemetryConfig {
    /// Whether the settings fit; nothing is sent.
    ///
    /// # Errors
    ///
    /// What does not.
    pub(crate) fn check(&self, client: &HttpClient) -> Result<()> {
        if !(0.0..=1.0).contains(&self.sample) {
            bail!("[telemetry] sample = {}: write a share from 0.0 to 1.0", self.sample);
        }
        if let Some(endpoint) = &self.endpoint {
            client.check(endpoint).context("[telemetry] endpoint")?;
        }
        Ok(())
    }
}

/// Spans on their way to the collector.
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

/// How long the last spans may take at the end.
const FLUSH_MAX: Duration = Duration::from_secs(5);

impl Telemetry {
    /// Sets sending up, where a collector is named, with the layer that takes spans. Must be
    /// called on a tokio runtime, which does the sending.
    ///
    /// # Errors
    ///
    /// Settings that do not fit. A collector that does not answer is no error.
    pub(crate) fn start(
        config: &TelemetryConfig,
        client: &HttpClient,
    ) -> Result<Option<(Self, BoxedLayer)>> {
        config.check(client)?;
        let Some(endpoint) = &config.endpoint else { return Ok(None) };
        let carrier = Carrier {
            client: client.clone(),
            runtime: Handle::current(),
            told_at: Mutex::default(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(carrier)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .context("[telemetry]")?;
        let share = Sampler::TraceIdRatioBased(config.sample);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(Resource::builder().with_service_name(config.service.clone()).build())
            .build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("duban"))
            .with_filter(filter_fn(is_ours))
            .boxed();
        Ok(Some((Self { provider }, layer)))
    }

    /// Sends what is left. Must be called while the runtime still runs.
    pub(crate) async fn end(self) {
        let ended =
            tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FLUSH_MAX));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans were not sent"),
            Err(error) => tracing::warn!(%error, "the last spans were not sent"),
        }
    }
}

/// The spans of this program, and within them its warnings. Those of libraries are left out: the
/// sending itself would be among them.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let is_wanted = if metadata.is_span() { Level::DEBUG } else { Level::WARN };
    metadata.target().starts_with("duban") && *metadata.level() <= is_wanted
}

/// Carries spans through the guarded client. The exporter has a thread of its own, without a
/// runtime: requests are made on the daemon's.
#[derive(Debug)]
struct Carrier {
    client: HttpClient,
    runtime: Handle,
    told_at: Mutex<Option<Instant>>,
}

/// How often a collector that does not answer is told of.
const TOLD_EVERY: Duration = Duration::from_secs(60);

impl Carrier {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), request.map(|body| body.to_vec()));
        let sent = self.runtime.spawn(async move { client.fetch(request).await }).await;
        let answer = sent.map_err(HttpError::from).and_then(|sent| Ok(sent?));
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.tell(&format!("HTTP {}", answer.status())),
            Err(error) => self.tell(&error.to_string()),
        }
        Ok(answer?.map(Bytes::from))
    }

    fn tell(&self, error: &str) {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if told_at.is_none_or(|told| told.elapsed() > TOLD_EVERY) {
            *told_at = Some(Instant::now());
            tracing::warn!(error, "the collector of traces takes nothing; spans are dropped");
        }
    }
}

impl opentelemetry_http::HttpClient for Carrier {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}
