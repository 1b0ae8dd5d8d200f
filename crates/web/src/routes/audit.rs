//! The audit trail: who did what when, and the check of its hashes.

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Date, Instant, Tz, end_of, start_of};
use duban_core::{Actor, CaseHead, CaseId, Event, Teller, decode};

use duban_store::{Cursor, EventRow, Page, Store, UNREADABLE};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use super::migration::accepted;
use crate::auth::Caller;
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
    /// What is as it was written and cannot be read by this version, and why. A log may be whole
    /// all the same.
    unreadable: Vec<String>,
}

/// Checks every hash of a case's log.
#[utoipa::path(get, path = "/api/v1/cases/{case}/audit", tag = "audit", params(("case" = String, Path)),
    responses((status = 200, body = AuditView), (status = 404, description = "there is none")))]
pub(crate) async fn check<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Json<AuditView>, Problem> {
    let audit = app.engine.verify(&CaseId::new(&case)).await?;
    let broken = audit.broken.map(|(at, what)| format!("{at}: {what}"));
    let unreadable = audit.unreadable.iter().map(|(what, why)| format!("{what}: {why}"));
    let unreadable = unreadable.collect();
    Ok(Json(AuditView { events: audit.events, whole: broken.is_none(), broken, unreadable }))
}

/// Checks the logs of all cases, in the background; `Location` says where to look how far that
/// is. Repeated while it runs: the same job.
#[utoipa::path(post, path = "/api/v1/audit/verification", tag = "audit",
    responses((status = 202, body = JobView)))]
pub(crate) async fn check_all<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
) -> Result<Response, Problem> {
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
    /// The moment judged; empty where the event cannot be read.
    at: String,
    /// When it was recorded; likewise.
    recorded_at: String,
    /// Who did it: `{"person": …}`, `{"operator": …}`, `{"case": …}` or `"engine"`.
    actor: Json_,
    /// What happened, for example `signed`; `unreadable` where the event cannot be read.
    kind: &'static str,
    /// The same as people read it; left out for bookkeeping.
    text: Option<String>,
    /// SHA-256 over the hash before it and the stored text.
    hash: String,
}

impl TrailView {
    /// An event that cannot be read: its place and its hash.
    fn unreadable(row: EventRow) -> Self {
        let text = format!("第 {} 条记录无法读取", row.seq);
        Self {
            case: row.case,
            seq: row.seq,
            at: String::new(),
            recorded_at: String::new(),
            actor: Json_::Null,
            kind: UNREADABLE,
            text: Some(text),
            hash: row.hash,
        }
    }
}

/// Who did what when, in the order of recording. A request looks at 5,000 events at most, so
/// that a page may hold fewer rows than `limit`, even none, and have a `next`.
#[utoipa::path(get, path = "/api/v1/audit/events", params(TrailQuery), tag = "audit",
    responses((status = 200, body = Part<TrailView>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn trail<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<TrailQuery>>,
) -> Result<Response, Problem> {
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

/// Events of a trail; `None`: one that cannot be read.
type Found = Page<(EventRow, Option<Event>)>;

/// What a row means to a filter.
enum Met {
    Wanted(Option<Box<Event>>),
    Other,
    /// It was recorded after the day that is wanted.
    Beyond,
}

fn meet<S: Store>(app: &App<S>, query: &TrailQuery, row: &EventRow) -> Met {
    let event = match decode(&row.text) {
        Ok(event) => event,
        Err(error) => {
            app.engine.note_unreadable(&row.case, &format!("event {}", row.seq), &error);
            // It is part of the trail; whose it is and when it was recorded is unknown.
            let is_any = query.person.is_none() && query.day.is_none();
            return if is_any { Met::Wanted(None) } else { Met::Other };
        }
    };
    if let Some(day) = query.day {
        if end_of(day, ZONE) <= event.recorded_at {
            return Met::Beyond;
        }
        if event.recorded_at < start_of(day, ZONE) {
            return Met::Other;
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
    if is_wanted { Met::Wanted(Some(Box::new(event))) } else { Met::Other }
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
    let place = page::position(query.after.as_deref()).map_err(Problem::store)?;
    let (mut place, mut looked_at, mut rows) = (place, 0, Vec::new());
    loop {
        let batch = app.engine.events(&id, place, BATCH).await?;
        if batch.is_empty() {
            return Ok(Page { rows, next: None });
        }
        for row in batch {
            (place, looked_at) = (row.seq, looked_at + 1);
            if let Met::Wanted(event) = meet(app, query, &row) {
                rows.push((row, event.map(|event| *event)));
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
            match meet(app, query, &row) {
                Met::Wanted(event) => rows.push((row, event.map(|event| *event))),
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

async fn told<S: Store>(
    app: &App<S>,
    row: EventRow,
    event: Option<Event>,
) -> Result<TrailView, Problem> {
    let Some(event) = event else { return Ok(TrailView::unreadable(row)) };
    let case = app.engine.store().case(&row.case).await.map_err(Problem::store)?;
    // A trail is read even where a definition is lost: without the words for people then.
    let head = case.and_then(|case| serde_json::from_str::<CaseHead>(&case.data).ok());
    let definition = match &head {
        Some(head) => app.engine.definition(&head.definition).await.ok(),
        None => None,
    };
    let directory = app.engine.directory();
    let text = head.as_ref().zip(definition.as_ref()).and_then(|(head, definition)| {
        Teller::new(definition, &directory).of_case(head).line(&event)
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
