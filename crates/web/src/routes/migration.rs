//! Versions of workflows, and having cases run on newer ones.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_calendar::Instant;
use duban_core::{CaseId, Take};
use duban_engine::EngineError;
use duban_store::{Store, VersionRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cases::{Rejecting, etag, key};
use crate::auth::Caller;
use crate::jobs::{JobView, Task};
use crate::migration::{Plan, Plans, plan, plans, takes};
use crate::problem::Problem;
use crate::server::App;
use crate::view::OutcomeView;

/// A version of a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    workflow: String,
    /// The hash of its content.
    version: String,
    published_at: String,
    /// Whether new cases get it.
    current: bool,
    /// Open cases that run on it.
    open_cases: u64,
}

impl From<VersionRow> for VersionView {
    fn from(row: VersionRow) -> Self {
        Self {
            workflow: row.workflow,
            version: row.hash,
            published_at: Instant::from_millis(row.published_at).to_string(),
            current: row.current,
            open_cases: row.open_cases,
        }
    }
}

/// Every version of a suite's workflows, and how many open cases run on it.
#[utoipa::path(get, path = "/api/v1/suites/{suite}/versions", tag = "suites", params(("suite" = String, Path)),
    responses((status = 200, body = Vec<VersionView>), (status = 404, description = "nobody published it")))]
pub(crate) async fn versions<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
) -> Result<Json<Vec<VersionView>>, Problem> {
    let versions = app.engine.versions(&suite.as_str().into()).await?;
    if versions.is_empty() {
        return Err(EngineError::NoSuite(suite).into());
    }
    Ok(Json(versions.into_iter().map(VersionView::from).collect()))
}

/// For good, or to see.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrateQuery {
    /// Only says what would change.
    #[serde(default)]
    dry_run: bool,
    /// What is taken over from the new version for work that has begun, with commas: `due`,
    /// `owner`, `reviewer`, `ladder`, `cadence`, `items`. What is not named stays as it is.
    #[serde(default)]
    take: String,
}

impl MigrateQuery {
    fn takes(&self) -> Result<Vec<Take>, Problem> {
        takes(&self.take).map_err(Problem::bad_request)
    }
}

/// A dry run, or what was done.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum MigratedView {
    /// With `dry_run=true`.
    Plan(Plan),
    /// Without.
    Outcome(OutcomeView),
}

/// Has a case run on the current version of its workflow, or says what that would change. Work
/// that has begun stays as it is but for what `take` names; tasks that are gone end, new ones
/// begin. Where it runs on it already, nothing happens.
#[utoipa::path(post, path = "/api/v1/cases/{case}/migrate", tag = "cases",
    params(("case" = String, Path), MigrateQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request safe to repeat")),
    responses((status = 200, body = MigratedView), (status = 404, description = "there is no such case"),
        (status = 409, description = "the case refuses"),
        (status = 422, description = "the new definition fails in this case")))]
pub(crate) async fn migrate<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<MigrateQuery>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let case = CaseId::new(&case);
    let key = key(&headers)?;
    let take = query.takes()?;
    if query.dry_run {
        let plan = plan(&app, &case, caller.operator(), &take).await?;
        return Ok(Json(MigratedView::Plan(plan)).into_response());
    }
    tracing::info!(token = caller.name, case = case.as_str(), "migrate");
    let outcome = app.engine.migrate(&case, caller.operator(), &take, key).await?;
    let tag = etag(outcome.version);
    Ok(([(ETAG, tag)], Json(MigratedView::Outcome(outcome.into()))).into_response())
}

/// Has every open case of a workflow run on its current version, in the background; `Location`
/// says where to look how far that is. With `dry_run=true` it says what would change, in full for
/// the first 50 cases. Repeated while it runs: the same job.
#[utoipa::path(post, path = "/api/v1/suites/{suite}/workflows/{workflow}/migrate", tag = "suites",
    params(("suite" = String, Path), ("workflow" = String, Path), MigrateQuery),
    responses((status = 200, body = Plans, description = "with `dry_run=true`"), (status = 202, body = JobView),
        (status = 404, description = "nobody published it")))]
pub(crate) async fn migrate_all<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path((suite, workflow)), _): Rejecting<Path<(String, String)>>,
    WithRejection(Query(query), _): Rejecting<Query<MigrateQuery>>,
) -> Result<Response, Problem> {
    let take = query.takes()?;
    if query.dry_run {
        let plans = plans(&app, &suite, &workflow, &caller.operator(), &take).await?;
        return Ok(Json(plans).into_response());
    }
    app.engine.current(&suite.as_str().into(), &workflow.as_str().into()).await?;
    tracing::info!(token = caller.name, suite, workflow, "migrate");
    let task = Task::Migrate(suite, workflow, take);
    Ok(accepted(app.jobs().begin(&app.engine, task, caller.operator())))
}

/// A job that has begun.
pub(crate) fn accepted(job: JobView) -> Response {
    let place = HeaderValue::from_str(&format!("/api/v1/jobs/{}", job.id));
    let place = place.expect("invariant: a number is a header value");
    (StatusCode::ACCEPTED, [(LOCATION, place)], Json(job)).into_response()
}
