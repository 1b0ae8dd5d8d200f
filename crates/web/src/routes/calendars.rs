//! Working-day calendars.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_engine::EngineError;
use duban_model::{DayChange, calendar_from_json, changed_days};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::routes::directory::{etag, expected};
use crate::server::App;

/// The ids of all calendars.
#[utoipa::path(get, path = "/api/v1/calendars", tag = "calendars",
    responses((status = 200, body = Vec<String>)))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
) -> Result<Json<Vec<String>>, Problem> {
    Ok(Json(app.engine.calendars().await?))
}

/// A calendar: its working week, and for each year that is announced the days off and the days
/// worked in exchange.
#[utoipa::path(get, path = "/api/v1/calendars/{id}", tag = "calendars", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, description = "there is none")))]
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(id), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    let calendar = app.engine.calendar(&id).await.map_err(missing)?;
    let mut response = Json(&*calendar).into_response();
    response.headers_mut().insert(ETAG, etag(&calendar.version()));
    Ok(response)
}

fn missing(error: EngineError) -> Problem {
    match error {
        EngineError::NoCalendar(_) => Problem::not_found(),
        other => other.into(),
    }
}

/// How to load a calendar.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutQuery {
    /// Only say which days would change.
    #[serde(default)]
    dry_run: bool,
}

/// What a calendar changes.
#[derive(Serialize, ToSchema)]
pub(crate) struct CalendarView {
    /// Whether it was kept; `false` for a dry run and where nothing differs.
    applied: bool,
    /// The days that are worked or not for another reason: date, and of `worked`, `why` and
    /// `provisional` what was and what is.
    #[schema(value_type = Vec<Object>)]
    changed: Vec<DayChange>,
}

/// Replaces a calendar by the whole of another. Open cases project their provisional due dates
/// anew, in the background; none moves to an earlier day without a person's consent.
#[utoipa::path(put, path = "/api/v1/calendars/{id}", request_body = Object, tag = "calendars",
    params(("id" = String, Path), PutQuery,
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the calendar that is to be replaced")),
    responses((status = 200, body = CalendarView), (status = 404, description = "there is none"),
        (status = 412, description = "it has changed since"), (status = 422, description = "it contradicts itself, or has a field that is not known")))]
pub(crate) async fn put<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Path(id), _): Rejecting<Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<PutQuery>>,
    WithRejection(Json(body), _): Rejecting<Json<Json_>>,
) -> Result<Json<CalendarView>, Problem> {
    let calendar = calendar_from_json(body)
        .map_err(|error| Problem::unfit(format!("this is no calendar: {error}")))?;
    if calendar.id() != id {
        return Err(Problem::unfit(format!("its `id` is `{}`, not `{id}`", calendar.id())));
    }
    let current = app.engine.calendar(&id).await.map_err(missing)?;
    let expected = expected(&headers, &current.version())?;
    let changed = changed_days(&current, &calendar);
    let applied = !query.dry_run && calendar.version() != current.version();
    if applied {
        tracing::info!(target: "duban::security", token = caller.name, id, "calendar");
        drop(app.engine.replace_calendar(&expected, calendar).await?);
    }
    Ok(Json(CalendarView { applied, changed }))
}
