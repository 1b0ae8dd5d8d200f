//! Absences: who stands in for whom.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Date;
use duban_model::StandIn;
use duban_store::{Cursor, Page, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::absence::{self, AbsenceError, Which};
use crate::auth::Caller;
use crate::civil::civil;
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::server::App;

/// Which absences.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Of this person, absent or standing in.
    person: Option<String>,
    /// That hold on this date.
    #[param(value_type = Option<String>, format = Date)]
    on: Option<Date>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An absence.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandInView {
    /// Who is absent.
    absent: String,
    /// Who stands in.
    by: String,
    /// First date.
    #[schema(value_type = String, format = Date)]
    from: Date,
    /// Last date.
    #[schema(value_type = String, format = Date)]
    until: Date,
    /// Who set it, where that is known.
    set_by: Option<String>,
    set_at: Option<String>,
    /// Who ended it early.
    ended_by: Option<String>,
    ended_at: Option<String>,
}

impl From<StandIn> for StandInView {
    fn from(one: StandIn) -> Self {
        let split = |signed: Option<duban_model::Signed>| {
            signed.map(|signed| (signed.by, signed.at.to_string())).unzip()
        };
        let ((set_by, set_at), (ended_by, ended_at)) = (split(one.set), split(one.ended));
        Self {
            absent: one.absent.to_string(),
            by: one.by.to_string(),
            from: one.from,
            until: one.until,
            set_by,
            set_at,
            ended_by,
            ended_at,
        }
    }
}

/// Absences in the order in which they were set, those that are over among them.
#[utoipa::path(get, path = "/api/v1/stand-ins", params(ListQuery), tag = "stand-ins",
    responses((status = 200, body = Part<StandInView>, description = "`rows`, and `next` where there is more")))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<ListQuery>>,
) -> Result<Response, Problem> {
    let request = page::request(query.limit, query.after)?;
    let number = |Cursor(after)| {
        let place = page::position(Some(&after)).map_err(Problem::store)?;
        Ok::<_, Problem>(usize::try_from(place).unwrap_or(usize::MAX))
    };
    let start = request.after.map(number).transpose()?.unwrap_or(0);
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let directory = app.engine.directory();
    let is_meant = |one: &&StandIn| {
        let person = query.person.as_deref();
        person.is_none_or(|id| one.absent.as_str() == id || one.by.as_str() == id)
            && query.on.is_none_or(|on| one.covers(on))
    };
    let mut found = directory.data().stand_ins.iter().filter(is_meant).skip(start);
    let rows: Vec<StandIn> = found.by_ref().take(limit).cloned().collect();
    let next = found.next().map(|_| Cursor((start + limit).to_string()));
    Ok(page::answer(&uri, Page { rows, next }, StandInView::from))
}

/// An absence to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"absent": "li", "by": "wang", "from": "2022-06-20", "until": "2022-06-24"}))]
pub(crate) struct StandInBody {
    /// Who is absent: a person's id.
    absent: String,
    /// Who stands in: a person's id.
    by: String,
    /// First date.
    #[schema(format = Date)]
    from: String,
    /// Last date, today or later, at most a year after the first.
    #[schema(format = Date)]
    until: String,
}

/// Says that somebody is absent and who stands in. Repeated: nothing changes.
#[utoipa::path(put, path = "/api/v1/stand-ins", request_body = StandInBody, tag = "stand-ins",
    responses((status = 204), (status = 422, description = "somebody unknown, dates that do not fit, or a circle")))]
pub(crate) async fn set<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Json(body), _): Rejecting<Json<StandInBody>>,
) -> Result<StatusCode, Problem> {
    let new = StandIn {
        absent: body.absent.as_str().into(),
        by: body.by.as_str().into(),
        from: civil(&body.from)?,
        until: civil(&body.until)?,
        set: None,
        ended: None,
    };
    absence::set(&app.engine, new, &caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which absence.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichQuery {
    /// Who is absent.
    absent: String,
    /// Who stands in.
    by: String,
    /// Its first date.
    #[param(value_type = String, format = Date)]
    from: Date,
}

/// Ends an absence: from today on nobody stands in by it.
#[utoipa::path(delete, path = "/api/v1/stand-ins", params(WhichQuery), tag = "stand-ins",
    responses((status = 204), (status = 404, description = "there is none, or it is over")))]
pub(crate) async fn end<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Query(query), _): Rejecting<Query<WhichQuery>>,
) -> Result<StatusCode, Problem> {
    let (absent, by) = (query.absent.as_str().into(), query.by.as_str().into());
    absence::end(&app.engine, &Which { absent, by, from: query.from }, &caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<AbsenceError> for Problem {
    fn from(error: AbsenceError) -> Self {
        match error {
            AbsenceError::Engine(error) => error.into(),
            AbsenceError::Missing => Self::not_found(),
            other => Self::unfit(other.zh()),
        }
    }
}
