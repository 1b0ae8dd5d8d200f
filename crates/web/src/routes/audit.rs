//! The audit trail: who did what when, and the check of its hashes.

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Date, Instant, Tz, end_of, start_of};
use duban_core::{Actor, CaseId, Event, Teller, decode};
use duban_engine::EngineError;
use duban_model::DefinitionHash;
use duban_store::{Cursor, EventRow, Page, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use super::migration::accepted;
use crate::auth::{Caller, Scope};
use crate::jobs::{JobView, Task};
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;

/// Events that one request looks at: a filter that hits few of them answers in parts.
const EVENTS_LOOKED_AT_MAX: usize = 5_000;

/// Events read at once.
const BATCH: u32 = 500;

/// What the check of a log came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// Events read.
    events: u64,
    /// Whether nothing was edited, lost or reordered.
    whole: bool,
    /// Where it is broken, and how.
    broken: Option<String>,
}

/// Checks every hash of a case's log.
#[utoipa::path(get, path = "/api/v1/cases/{case}/audit", tag = "audit", params(("case" = String, Path)),
    responses((status = 200, body = AuditView), (status = 404, description = "there is none")))]
pub(crate) async fn check<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Json<AuditView>, Problem> {
    caller.may_with(&[Scope::Read, Scope::Audit])?;
    let audit = app.engine.verify(&CaseId::new(&case)).await?;
    let broken = audit.broken.map(|(at, what)| format!("{at}: {what}"));
    Ok(Json(AuditView { events: audit.events, whole: broken.is_none(), broken }))
}

/// Checks the logs of all cases, in the background; `Location` says where to look how far that
/// is. Repeated while it runs: the same job.
#[utoipa::path(post, path = "/api/v1/audit/verification", tag = "audit",
    responses((status = 202, body = JobView)))]
pub(crate) async fn check_all<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
) -> Result<Response, Problem> {
    caller.may(Scope::Audit)?;
    tracing::info!(token = caller.name, "verification of all cases");
    Ok(accepted(app.jobs().begin(&app.engine, Task::Verify, caller.operator())))
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrailQuery {
    /// Done by this person, or by somebody who stood in for them.
    person: Option<String>,
    /// Of this case.
    case: Option<String>,
    /// Recorded on this day, in the zone of Asia/Shanghai.
    #[param(value_type = Option<String>, format = Date)]
    day: Option<Date>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An event of the trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrailView {
    case: String,
    /// Its position in the case's log.
    seq: u64,
    /// The moment judged.
    at: String,
    /// When it was recorded.
    recorded_at: String,
    /// Who did it: `{"person": …}`, `{"operator": …}`, `{"case": …}` or `"engine"`.
    actor: Json_,
    /// What happened, for example `signed`.
    kind: &'static str,
    /// The same as people read it; left out for bookkeeping.
    text: Option<String>,
    /// SHA-256 over the hash before it and the stored text.
    hash: String,
}

/// Who did what when, in the order of recording. A request looks at 5,000 events at most, so
/// that a page may hold fewer rows than `limit`, even none, and have a `next`.
#[utoipa::path(get, path = "/api/v1/audit/events", params(TrailQuery), tag = "audit",
    responses((status = 200, body = Part<TrailView>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn trail<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<TrailQuery>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Audit)?;
    let part = page::request(query.limit, query.after.clone())?;
    let found = match &query.case {
        Some(case) => of_case(&app, case, &query, part.limit).await?,
        None => of_all(&app, &query, part.after, part.limit).await?,
    };
    let mut rows = Vec::with_capacity(found.rows.len());
    for (row, event) in found.rows {
        rows.push(told(&app, row, event).await?);
    }
    Ok(page::answer(&uri, Page { rows, next: found.next }, |row| row))
}

type Found = Page<(EventRow, Event)>;

/// What a row means to a filter.
enum Met {
    Wanted(Box<Event>),
    Other,
    /// It was recorded after the day that is wanted.
    Beyond,
}

fn meet(query: &TrailQuery, row: &EventRow) -> Result<Met, Problem> {
    let event = decode(&row.text).map_err(|source| EngineError::UnreadableEvent {
        case: CaseId::new(&row.case),
        seq: row.seq,
        source,
    })?;
    if let Some(day) = query.day {
        if end_of(day, ZONE) <= event.recorded_at {
            return Ok(Met::Beyond);
        }
        if event.recorded_at < start_of(day, ZONE) {
            return Ok(Met::Other);
        }
    }
    let is_by = |person: &String| match &event.actor {
        Actor::Person { person: by, on_behalf_of } => {
            by.as_str() == person
                || on_behalf_of.as_ref().is_some_and(|absent| absent.as_str() == person)
        }
        _ => false,
    };
    let is_wanted = query.person.as_ref().is_none_or(is_by);
    Ok(if is_wanted { Met::Wanted(Box::new(event)) } else { Met::Other })
}

/// Offices of one database share a zone.
const ZONE: Tz = Tz::Asia__Shanghai;

async fn of_case<S: Store>(
    app: &App<S>,
    case: &str,
    query: &TrailQuery,
    limit: u32,
) -> Result<Found, Problem> {
    let id = CaseId::new(case);
    let place = query.after.as_deref().unwrap_or("0").parse::<u32>();
    let place = place.map_err(|_| Problem::bad_request("`after` is no position".to_owned()))?;
    let (mut place, mut looked_at, mut rows) = (u64::from(place), 0, Vec::new());
    loop {
        let batch = app.engine.events(&id, place, BATCH).await?;
        if batch.is_empty() {
            return Ok(Page { rows, next: None });
        }
        for row in batch {
            (place, looked_at) = (row.seq, looked_at + 1);
            if let Met::Wanted(event) = meet(query, &row)? {
                rows.push((row, *event));
            }
            if rows.len() >= limit as usize || looked_at >= EVENTS_LOOKED_AT_MAX {
                return Ok(Page { rows, next: Some(Cursor(place.to_string())) });
            }
        }
    }
}

async fn of_all<S: Store>(
    app: &App<S>,
    query: &TrailQuery,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Found, Problem> {
    let store = app.engine.store();
    let mut after = match (after, query.day) {
        (None, Some(day)) => {
            Some(store.feed_from(start_of(day, ZONE).millis()).await.map_err(Problem::store)?)
        }
        (after, _) => after,
    };
    let (mut looked_at, mut rows) = (0, Vec::new());
    loop {
        let page = store.feed(after.as_ref(), BATCH).await.map_err(Problem::store)?;
        if page.rows.is_empty() {
            return Ok(Page { rows, next: None });
        }
        looked_at += page.rows.len();
        for (row, read) in page.rows.into_iter().zip(1_u32..) {
            match meet(query, &row)? {
                Met::Wanted(event) => rows.push((row, *event)),
                Met::Other => {}
                Met::Beyond => return Ok(Page { rows, next: None }),
            }
            if rows.len() >= limit as usize {
                // Only the end of a batch has a cursor: the batch is read again up to here.
                let part = store.feed(after.as_ref(), read).await.map_err(Problem::store)?;
                return Ok(Page { rows, next: part.next });
            }
        }
        after = page.next;
        if looked_at >= EVENTS_LOOKED_AT_MAX {
            return Ok(Page { rows, next: after });
        }
    }
}

async fn told<S: Store>(app: &App<S>, row: EventRow, event: Event) -> Result<TrailView, Problem> {
    let case = app.engine.store().case(&row.case).await.map_err(Problem::store)?;
    let hash = case.map(|case| case.definition).unwrap_or_default();
    // A trail is read even where a definition is lost: without the words for people then.
    let definition = app.engine.definition(&DefinitionHash::new(&hash)).await.ok();
    let directory = app.engine.directory();
    let text = definition.and_then(|definition| {
        Teller { definition: &definition, directory: &directory }.line(&event)
    });
    let at = |at: Instant| at.to_string();
    Ok(TrailView {
        case: row.case,
        seq: event.seq,
        at: at(event.at),
        recorded_at: at(event.recorded_at),
        actor: serde_json::to_value(&event.actor).unwrap_or_default(),
        kind: event.fact.kind(),
        text,
        hash: row.hash,
    })
}
