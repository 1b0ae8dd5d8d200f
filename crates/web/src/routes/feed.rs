//! Every case's events in the order of their commits: in parts, or as a stream.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{OriginalUri, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_engine::{FeedBatch, Subscription};
use duban_store::{Cursor, Store};
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;
use utoipa::IntoParams;

use super::cases::Rejecting;
use crate::auth::Caller;
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::streams::{Listening, Streams};
use crate::view::EventView;

/// From where.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedQuery {
    /// After this cursor; left out: from the beginning.
    after: Option<String>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Events after a cursor. `next` is where to go on, also once there is nothing new.
#[utoipa::path(get, path = "/api/v1/feed", params(FeedQuery), tag = "feed",
    responses((status = 200, body = Part<EventView>, description = "`rows`, and `next`")))]
pub(crate) async fn read<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<FeedQuery>>,
) -> Result<Response, Problem> {
    let part = page::request(query.limit, query.after)?;
    let store = app.engine.store();
    let page = store.feed(part.after.as_ref(), part.limit).await.map_err(Problem::store)?;
    Ok(page::answer(&uri, page, EventView::from))
}

/// How often a stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// From where a stream begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    /// After this cursor; left out: from now on. `Last-Event-ID` goes before it.
    after: Option<String>,
}

/// Events as they are committed. The last of each commit's events carries the cursor as its `id`:
/// who reconnects with `Last-Event-ID` misses nothing and may see some again.
#[utoipa::path(get, path = "/api/v1/stream", params(StreamQuery), tag = "feed",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn stream<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Query(query), _): Rejecting<Query<StreamQuery>>,
) -> Result<Response, Problem> {
    let name = format!("token {}", caller.name);
    let listening = Streams::begin(app.streams(), &name).ok_or_else(Problem::too_many_streams)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = match last.map(str::to_owned).or(query.after) {
        Some(cursor) => {
            let cursor = Cursor(cursor);
            // A bad cursor is told at once, not in the middle of a stream.
            app.engine.store().feed(Some(&cursor), 1).await.map_err(Problem::store)?;
            cursor
        }
        None => app.engine.feed_end().await?,
    };
    let subscription = app.engine.subscribe(Some(after));
    let batches = stream::unfold((subscription, listening), next_batch);
    let mut stopping = app.stopping();
    let stop = Box::pin(async move { stopping.wait().await });
    let events = batches.take_until(stop).flat_map(stream::iter);
    let events = events.map(Ok::<Event, Infallible>);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The next events as they are sent. They are read and written in turn with other streams.
async fn next_batch<S: Store>(
    (mut subscription, listening): (Subscription<S>, Listening),
) -> Option<(Vec<Event>, (Subscription<S>, Listening))> {
    loop {
        let turn = listening.turn().await;
        match subscription.read().await {
            Ok(Some(batch)) => {
                let events = events_of(batch);
                drop(turn);
                return Some((events, (subscription, listening)));
            }
            Ok(None) => drop(turn),
            Err(error) => {
                // The client reconnects from the last event that it has seen.
                tracing::warn!(%error, "an event stream ended");
                return None;
            }
        }
        if !subscription.wait().await {
            return None;
        }
    }
}

fn events_of(batch: FeedBatch) -> Vec<Event> {
    let last = batch.events.len().saturating_sub(1);
    let FeedBatch { events, cursor: Cursor(cursor) } = batch;
    let views = events.into_iter().map(EventView::from).enumerate();
    let written = views.filter_map(|(place, view)| {
        let event = Event::default().json_data(view).ok()?;
        Some(if place == last { event.id(cursor.clone()) } else { event })
    });
    written.collect()
}
