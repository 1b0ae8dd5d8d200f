//! Suites: what is published, checking, simulating and publishing sources.

use axum::Json;
use axum::extract::{Path, State};
use axum_extra::extract::WithRejection;
use duban_model::{DefinitionHash, Problem as Finding, Severity, Sources};
use duban_sim::{Plan, simulate};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::civil::civil;
use crate::pages::suites::{Checker, check};
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::server::App;

/// The longest simulated period, in days.
const DAYS_MAX: i64 = 800;

/// A published workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    suite: String,
    workflow: String,
    title: String,
    /// The hash of its content.
    version: String,
}

/// Every workflow in the version that new cases get.
#[utoipa::path(get, path = "/api/v1/suites", tag = "suites",
    responses((status = 200, body = Vec<WorkflowView>)))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
) -> Result<Json<Vec<WorkflowView>>, Problem> {
    let mut views = Vec::new();
    for (suite, workflow, version) in app.engine.store().currents().await.map_err(Problem::store)? {
        let definition = app.engine.definition(&DefinitionHash::new(&version)).await?;
        let title = definition.workflow.title.clone();
        views.push(WorkflowView { suite, workflow, title, version });
    }
    Ok(Json(views))
}

/// The files of a suite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"files": {"suite.yaml": "title: 要点\ntarget_year: 2022\ncalendar: cn\n"}}))]
pub(crate) struct SourcesBody {
    /// Text by file name, for example `suite.yaml`.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub(crate) files: Sources,
}

/// What a check found.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckView {
    /// Whether it could be published.
    publishable: bool,
    /// Every problem of every file: place, severity, code, message and help.
    #[schema(value_type = Vec<Object>)]
    problems: Vec<Finding>,
}

/// Checks sources against the office's directory. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/suites/{suite}/check", request_body = SourcesBody, tag = "suites",
    params(("suite" = String, Path)), responses((status = 200, body = CheckView)))]
pub(crate) async fn check_sources<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
    WithRejection(Json(body), _): Rejecting<Json<SourcesBody>>,
) -> Result<Json<CheckView>, Problem> {
    let checked = check(&app, &suite, body.files).await?;
    Ok(Json(CheckView { publishable: checked.suite.is_some(), problems: checked.problems }))
}

/// Publishes sources: its workflows become the current ones. Running cases stay on theirs.
/// Repeated: nothing changes.
#[utoipa::path(put, path = "/api/v1/suites/{suite}", request_body = SourcesBody, tag = "suites",
    params(("suite" = String, Path)),
    responses((status = 200, body = Vec<WorkflowView>), (status = 422, description = "the sources have errors")))]
pub(crate) async fn publish<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(id), _): Rejecting<Path<String>>,
    WithRejection(Json(body), _): Rejecting<Json<SourcesBody>>,
) -> Result<Json<Vec<WorkflowView>>, Problem> {
    let checked = check(&app, &id, body.files).await?;
    let suite = checked.suite.ok_or_else(|| Problem::bad_sources(&checked.problems))?;
    tracing::info!(token = caller.name, suite = id, "publish");
    let hashes = app.engine.publish(&suite).await?;
    let view = |(workflow, hash): (duban_model::WorkflowId, DefinitionHash)| WorkflowView {
        suite: id.clone(),
        title: suite
            .definitions
            .get(&workflow)
            .map(|one| one.workflow.title.clone())
            .unwrap_or_default(),
        workflow: workflow.to_string(),
        version: hash.to_string(),
    };
    Ok(Json(hashes.into_iter().map(view).collect()))
}

/// A period to live through.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"files": {"suite.yaml": "title: 要点\ntarget_year: 2022\ncalendar: cn\n"},
    "from": "2022-01-01", "to": "2022-12-31", "seed": 1}))]
pub(crate) struct SimulateBody {
    /// Text by file name.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    files: Sources,
    /// First day.
    #[schema(format = Date)]
    from: String,
    /// Last day, at most 800 days later.
    #[schema(format = Date)]
    to: String,
    /// What the cast's behaviour follows from.
    #[serde(default)]
    #[schema(value_type = u64, maximum = 4_294_967_295_u64)]
    seed: u32,
}

/// Lives through a period in virtual time with a seeded cast. Nothing is kept. It ends at a bound
/// (DB3001), and when its client hangs up.
#[utoipa::path(post, path = "/api/v1/suites/{suite}/simulate", request_body = SimulateBody, tag = "suites",
    params(("suite" = String, Path)),
    responses((status = 200, body = Object, description = "lights, what was sent, interviews, scores"),
        (status = 422, description = "the sources have errors, the period does not fit, or a bound was reached"),
        (status = 503, description = "others have their turn")))]
pub(crate) async fn run<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(id), _): Rejecting<Path<String>>,
    WithRejection(Json(body), _): Rejecting<Json<SimulateBody>>,
) -> Result<Json<Json_>, Problem> {
    let (from, to) = (civil(&body.from)?, civil(&body.to)?);
    let seed = u64::from(body.seed);
    if to < from || (to - from).num_days() > DAYS_MAX {
        return Err(Problem::unfit(format!("`to` must be 0 to {DAYS_MAX} days after `from`")));
    }
    let checker = Checker::of(&app, &id);
    let work = move |budget| {
        let checked = checker.check(&body.files);
        let suite = checked.suite.ok_or_else(|| Problem::bad_sources(&checked.problems))?;
        if suite.directory.is_none() {
            return Err(Problem::unfit("there is no directory to simulate with".to_owned()));
        }
        let plan = Plan { from, to, seed, budget };
        let report = simulate(&suite, &checked.programs, &plan, &mut (), |_| {})?;
        Ok(serde_json::to_value(&report).unwrap_or_default())
    };
    Ok(Json(app.rehearsals().run(app.ending(), work).await??))
}

/// The first errors, for the detail of a refusal.
pub(crate) fn told(problems: &[Finding]) -> String {
    let errors = problems.iter().filter(|one| one.severity == Severity::Error);
    errors.take(5).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
