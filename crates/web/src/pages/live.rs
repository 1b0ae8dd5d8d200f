//! Pages follow what happens: a stream that says that something has changed, not what.
//!
//! One reader of the feed serves all listeners, so a thousand open pages cost the store nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum_extra::extract::WithRejection;
use duban_core::CaseId;
use duban_engine::Engine;
use duban_store::Store;
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::broadcast;

use crate::pages::{Asked, Failure};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;
use crate::streams::Streams;

/// Changes that a slow listener may be behind before it is told once for all of them.
const BEHIND_MAX: usize = 256;

/// How long the reader waits after a failure of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells listeners which cases have changed.
#[derive(Clone)]
pub(crate) struct Changes {
    sender: broadcast::Sender<Arc<str>>,
}

impl Changes {
    /// Follows an engine until it shuts down. Must be called on a tokio runtime.
    pub(crate) fn of<S: Store>(engine: &Engine<S>) -> Self {
        let (sender, _) = broadcast::channel(BEHIND_MAX);
        let changes = Self { sender: sender.clone() };
        let engine = engine.clone();
        tokio::spawn(async move {
            let Ok(end) = engine.feed_end().await else { return };
            let mut subscription = engine.subscribe(Some(end));
            loop {
                match subscription.next().await {
                    Ok(Some(batch)) => {
                        let mut last = "";
                        for event in batch.events.iter().filter(|_| sender.receiver_count() > 0) {
                            if event.case != last {
                                // Nobody listening is no failure.
                                drop(sender.send(Arc::from(event.case.as_str())));
                                last = &event.case;
                            }
                        }
                    }
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "feed unreadable");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        changes
    }
}

#[derive(Deserialize)]
pub(crate) struct LiveQuery {
    /// Only this case.
    case: Option<String>,
}

/// Says `change` whenever something did, at most a few times a second.
pub(crate) async fn stream<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Query(query), _): Asked<LiveQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    if let Some(case) = &query.case {
        let sight = Sight::of(&app.engine, visitor.person()?).await?;
        if !sight.may_see(&app.engine.case(&CaseId::new(case)).await?) {
            return Err(Failure::Missing);
        }
    }
    let caller = format!("session {}", visitor.owner());
    let listening = Streams::begin(app.streams(), &caller).ok_or(Failure::Crowded)?;
    let receiver = app.changes().sender.subscribe();
    let (stop, only) = (app.stopping(), query.case);
    let told = futures_util::stream::unfold(
        (receiver, stop, only, listening),
        |(mut receiver, mut stop, only, listening)| async move {
            loop {
                let change = tokio::select! {
                    change = receiver.recv() => change,
                    () = stop.wait() => return None,
                };
                match change {
                    Ok(case) if only.as_deref().is_some_and(|only| only != &*case) => {}
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        // What comes close together is told once.
                        tokio::time::sleep(Duration::from_millis(250)).await;
                        receiver = receiver.resubscribe();
                        let event = Event::default().event("change").data("1");
                        return Some((Ok(event), (receiver, stop, only, listening)));
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        },
    );
    Ok(Sse::new(told).keep_alive(KeepAlive::default()))
}
