//! The pace of requests' bodies: whoever drips one must not hold the service for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use duban_store::Store;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;

use crate::limits::Limits;
use crate::pages::Failure;
use crate::problem::Problem;
use crate::server::App;

/// Ends requests whose bodies come too slowly, and says so.
pub(crate) async fn keep<S: Store>(
    State(app): State<App<S>>,
    request: Request,
    next: Next,
) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let is_page = !request.uri().path().starts_with("/api/");
    let pace = Pace::new(&app.settings().limits, Arc::clone(&is_late));
    let request = request.map(|body| Body::from_stream(paced(body.into_data_stream(), pace)));
    let response = next.run(request).await;
    if !is_late.load(Ordering::Relaxed) {
        return response;
    }
    if is_page { Failure::TooSlow.into_response() } else { Problem::too_slow().into_response() }
}

/// What a body has brought, and how long it was waited for.
struct Pace {
    pause_max: Duration,
    bytes_per_second_min: u32,
    bytes: u64,
    waited: Duration,
    is_late: Arc<AtomicBool>,
}

impl Pace {
    fn new(limits: &Limits, is_late: Arc<AtomicBool>) -> Self {
        Self {
            pause_max: limits.body_pause_max,
            bytes_per_second_min: limits.body_bytes_per_second_min.get(),
            bytes: 0,
            waited: Duration::ZERO,
            is_late,
        }
    }

    /// How long the next part may take: no longer than a pause, and no longer than what has come
    /// so far is worth. Only waiting counts, not what is done with what has come.
    fn patience(&self) -> Duration {
        let per_second = u64::from(self.bytes_per_second_min);
        let worth = Duration::from_millis(self.bytes.saturating_mul(1_000) / per_second);
        (self.pause_max + worth).saturating_sub(self.waited).min(self.pause_max)
    }
}

fn paced(body: BodyDataStream, pace: Pace) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    stream::unfold(Some((body, pace)), async |state| {
        let (mut body, mut pace) = state?;
        let begun = Instant::now();
        match tokio::time::timeout(pace.patience(), body.next()).await {
            Ok(part) => {
                pace.waited += begun.elapsed();
                let part = part?;
                if let Ok(part) = &part {
                    pace.bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
                }
                Some((part, Some((body, pace))))
            }
            Err(late) => {
                pace.is_late.store(true, Ordering::Relaxed);
                Some((Err(axum::Error::new(late)), None))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_with_a_pause_or_with_what_was_brought() {
        let pace = |bytes, waited_s| Pace {
            bytes,
            waited: Duration::from_secs(waited_s),
            ..Pace::new(&Limits::default(), Arc::default())
        };
        let seconds = |bytes, waited_s| pace(bytes, waited_s).patience().as_secs();
        assert_eq!(seconds(0, 0), 10);
        assert_eq!(seconds(0, 9), 1);
        assert_eq!(seconds(20, 10), 0, "a drip");
        assert_eq!(seconds(16 * 1024, 25), 1);
        assert_eq!(seconds(16 * 1024, 26), 0);
        assert_eq!(seconds(64 * 1024 * 1024, 60), 10, "much has come, and still no long pause");
    }
}
