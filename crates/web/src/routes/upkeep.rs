//! What keeps a store in order: faulted cases, rows made again, jobs, counters.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::CaseId;
use duban_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::cases::{Rejecting, done, key};
use crate::auth::Caller;
use crate::jobs::JobView;
use crate::problem::Problem;
use crate::server::App;
use crate::view::OutcomeView;

/// What was done about a failed case.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "已升级到修正后的版本"}))]
pub(crate) struct RepairBody {
    reason: String,
}

/// Lets a case go on that was left alone because it failed inside the engine. Where the cause is
/// still there, it fails again. Those that have failed: `GET /api/v1/cases?faulted=true`.
#[utoipa::path(post, path = "/api/v1/cases/{case}/repair", request_body = RepairBody, tag = "upkeep",
    params(("case" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request safe to repeat")),
    responses((status = 200, body = OutcomeView), (status = 404, description = "there is no such case"),
        (status = 409, description = "it has not failed"), (status = 422, description = "the reason is empty")))]
pub(crate) async fn repair<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<RepairBody>>,
) -> Result<Response, Problem> {
    tracing::info!(token = caller.name, case, "repair");
    let (case, key) = (CaseId::new(&case), key(&headers)?);
    let outcome = app.engine.repair(&case, caller.operator(), body.reason, key).await?;
    Ok(done(StatusCode::OK, outcome.into()))
}

/// A case whose rows were made again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RebuiltView {
    case: String,
    /// Events replayed.
    events: u64,
}

/// Makes a case's rows again from its events. Repeated: the same rows.
#[utoipa::path(post, path = "/api/v1/cases/{case}/rebuild", tag = "upkeep", params(("case" = String, Path)),
    responses((status = 200, body = RebuiltView), (status = 404, description = "there is no such case")))]
pub(crate) async fn rebuild<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Json<RebuiltView>, Problem> {
    tracing::info!(token = caller.name, case, "rebuild");
    let rebuilt = app.engine.rebuild(&CaseId::new(&case)).await?;
    Ok(Json(RebuiltView { case: rebuilt.case.to_string(), events: rebuilt.events }))
}

/// How far a job has come. Jobs are remembered until the daemon is restarted.
#[utoipa::path(get, path = "/api/v1/jobs/{job}", tag = "upkeep", params(("job" = u64, Path)),
    responses((status = 200, body = JobView), (status = 404, description = "there is no such job")))]
pub(crate) async fn job<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(job), _): Rejecting<Path<u64>>,
) -> Result<Json<JobView>, Problem> {
    let found = app.jobs().find(job).filter(|(scope, _)| caller.has(*scope));
    let (_, view) = found.ok_or_else(Problem::missing)?;
    Ok(Json(view))
}

/// What the engine has done since it was started, as counters, and what waits now.
#[utoipa::path(get, path = "/api/v1/stats", tag = "upkeep",
    responses((status = 200, body = Object, description = "numbers by name")))]
pub(crate) async fn stats<S: Store>(State(app): State<App<S>>) -> Result<Json<Json_>, Problem> {
    Ok(Json(serde_json::to_value(app.engine.stats()).unwrap_or_default()))
}
