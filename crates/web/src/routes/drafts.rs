//! What authors work on: sources, drafts, tests; and opening cases of what is published.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_core::Refusal;
use duban_engine::{EngineError, Opened};
use duban_model::{Sources, What};
use duban_sim::{TestResult, run_tests};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cases::{Rejecting, key};
use super::graph::GraphView;
use super::suites::SourcesBody;
use crate::auth::{Caller, digest};
use crate::civil::civil;
use crate::pages::case::plain;
use crate::pages::suites::{Checker, FILE_BYTES_MAX, keep_draft, published, safe_name, sources};
use crate::problem::Problem;
use crate::server::App;

/// The files of a suite.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourcesView {
    /// Text by file name, for example `suite.yaml`.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    files: Sources,
}

fn tag(files: &Sources) -> HeaderValue {
    let json = serde_json::to_string(files).expect("invariant: texts are plain data");
    let tag = format!("\"{}\"", digest(&json));
    HeaderValue::from_str(&tag).expect("invariant: digits are a header value")
}

fn answer(files: Sources) -> Result<Response, Problem> {
    if files.is_empty() {
        return Err(Problem::missing());
    }
    let tag = tag(&files);
    Ok(([(ETAG, tag)], Json(SourcesView { files })).into_response())
}

/// The files of a suite as they were published last.
#[utoipa::path(get, path = "/api/v1/suites/{suite}/sources", tag = "suites", params(("suite" = String, Path)),
    responses((status = 200, body = SourcesView), (status = 404, description = "nobody published it, or not with its files")))]
pub(crate) async fn published_sources<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    let files = published(&app, &suite).await?;
    if files.is_empty() {
        return Err(EngineError::NoSuite(suite).into());
    }
    answer(files)
}

async fn draft_of<S: Store>(app: &App<S>, suite: &str) -> Result<Sources, Problem> {
    Ok(sources(app, &format!("draft/{suite}")).await?)
}

/// The draft of a suite, with its digest as `ETag`.
#[utoipa::path(get, path = "/api/v1/suites/{suite}/draft", tag = "suites", params(("suite" = String, Path)),
    responses((status = 200, body = SourcesView), (status = 404, description = "there is no draft")))]
pub(crate) async fn draft<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    answer(draft_of(&app, &suite).await?)
}

/// Replaces the draft of a suite. It may have errors; publishing it may not.
#[utoipa::path(put, path = "/api/v1/suites/{suite}/draft", request_body = SourcesBody, tag = "suites",
    params(("suite" = String, Path),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the draft that was looked at")),
    responses((status = 204), (status = 412, description = "somebody else has changed the draft"),
        (status = 422, description = "an id or a file's name or size does not fit")))]
pub(crate) async fn put_draft<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<SourcesBody>>,
) -> Result<Response, Problem> {
    What::Suite.check(&suite).map_err(|bad| Problem::unfit(bad.to_string()))?;
    for (name, text) in &body.files {
        safe_name(name)?;
        if text.len() > FILE_BYTES_MAX {
            let what = format!("`{name}`: limit `suite_file_bytes_max` (1 MiB) reached");
            return Err(Problem::unfit(what));
        }
    }
    match_draft(&app, &suite, &headers).await?;
    keep_draft(&app, &suite, &body.files).await?;
    tracing::info!(token = caller.name, suite, "draft");
    Ok((StatusCode::NO_CONTENT, [(ETAG, tag(&body.files))]).into_response())
}

/// Takes the draft of a suite away. What is published stays.
#[utoipa::path(delete, path = "/api/v1/suites/{suite}/draft", tag = "suites",
    params(("suite" = String, Path),
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the draft that was looked at")),
    responses((status = 204), (status = 404, description = "there is no draft"),
        (status = 412, description = "somebody else has changed the draft")))]
pub(crate) async fn remove_draft<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    match_draft(&app, &suite, &headers).await?;
    let gone = app.engine.store().remove_document(&format!("draft/{suite}")).await;
    if !gone.map_err(Problem::store)? {
        return Err(Problem::missing());
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn match_draft<S: Store>(
    app: &App<S>,
    suite: &str,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let Some(wanted) = headers.get(IF_MATCH) else { return Ok(()) };
    let draft = draft_of(app, suite).await?;
    let is_there = !draft.is_empty();
    if is_there && (*wanted == tag(&draft) || wanted == "*") {
        return Ok(());
    }
    Err(Problem::draft_changed())
}

/// Sources with tests.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"files": {"suite.yaml": "title: 要点\n", "tests/a.rhai": "fn test_a() {}\n"}, "only": "a"}))]
pub(crate) struct TestBody {
    /// Text by file name; left out: the files as they were published last.
    #[schema(value_type = Option<Object>)]
    files: Option<Sources>,
    /// Only tests whose file or name contains this.
    #[serde(default)]
    only: String,
}

/// What came of one test.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestView {
    /// For example `tests/m23.rhai`.
    file: String,
    /// The function.
    name: String,
    /// `file:line:column: what was expected and what is`; left out: it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// What happened in its cases, where it failed.
    timeline: Vec<String>,
}

/// What came of tests.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestsView {
    passed: usize,
    failed: usize,
    tests: Vec<TestView>,
}

/// Runs a suite's workflow tests in virtual time. Nothing is kept. A test that reaches a bound
/// (DB3001) has failed; all of them end when their client hangs up.
#[utoipa::path(post, path = "/api/v1/suites/{suite}/test", request_body = TestBody, tag = "suites",
    params(("suite" = String, Path)),
    responses((status = 200, body = TestsView), (status = 404, description = "there are no published files to test"),
        (status = 422, description = "the sources have errors, or the time is up"),
        (status = 503, description = "others have their turn")))]
pub(crate) async fn test<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(id), _): Rejecting<Path<String>>,
    WithRejection(Json(body), _): Rejecting<Json<TestBody>>,
) -> Result<Json<TestsView>, Problem> {
    let files = match body.files {
        Some(files) => files,
        None => published(&app, &id).await?,
    };
    if files.is_empty() {
        return Err(EngineError::NoSuite(id).into());
    }
    let checker = Checker::of(&app, &id);
    let work = move |budget| {
        let checked = checker.check(&files);
        let suite = checked.suite.ok_or_else(|| Problem::bad_sources(&checked.problems))?;
        Ok::<_, Problem>(run_tests(&suite, &checked.programs, &body.only, &budget))
    };
    let results = app.rehearsals().run(app.ending(), work).await??;
    let failed = results.iter().filter(|result| result.failure.is_some()).count();
    let view = |result: TestResult| {
        let TestResult { file, name, failure, timeline } = result;
        TestView { file, name, failure, timeline }
    };
    Ok(Json(TestsView {
        passed: results.len() - failed,
        failed,
        tests: results.into_iter().map(view).collect(),
    }))
}

/// A task of a workflow.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskDefView {
    id: String,
    title: String,
    /// Rows of the document that it carries.
    basis: Vec<String>,
    /// The expression of who owes it.
    owner: Option<String>,
    /// The expression of by when.
    due: Option<String>,
    /// How often it is owed, for duties.
    every: Option<&'static str>,
    /// Names of the files owed.
    evidence: Vec<String>,
    /// The ladder that it climbs.
    ladder: Option<String>,
}

/// A published workflow in full.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowDetail {
    suite: String,
    workflow: String,
    title: String,
    description: Option<String>,
    basis: Vec<String>,
    /// The hash of its content.
    version: String,
    tasks: Vec<TaskDefView>,
    graph: GraphView,
}

/// A workflow in the version that new cases get: its tasks and its graph.
#[utoipa::path(get, path = "/api/v1/suites/{suite}/workflows/{workflow}", tag = "suites",
    params(("suite" = String, Path), ("workflow" = String, Path)),
    responses((status = 200, body = WorkflowDetail), (status = 404, description = "nobody published it")))]
pub(crate) async fn workflow<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path((suite, workflow)), _): Rejecting<Path<(String, String)>>,
) -> Result<Json<WorkflowDetail>, Problem> {
    let hash = app.engine.current(&suite.as_str().into(), &workflow.as_str().into()).await?;
    let definition = app.engine.definition(&hash).await?;
    let source = |expr: &Option<duban_model::Expr>| expr.as_ref().map(|expr| expr.source.clone());
    let task = |task: &duban_model::TaskDef| TaskDefView {
        id: task.id.to_string(),
        title: task.title.clone(),
        basis: task.basis.clone(),
        owner: source(&task.owner),
        due: source(&task.due),
        every: task.every.map(|every| every.zh()),
        evidence: task.evidence.clone(),
        ladder: task.ladder.clone(),
    };
    let found = &definition.workflow;
    Ok(Json(WorkflowDetail {
        suite,
        workflow,
        title: found.title.clone(),
        description: found.description.clone(),
        basis: found.basis.clone(),
        version: hash.to_string(),
        tasks: found.tasks.iter().map(task).collect(),
        graph: GraphView::of(plain(found), None),
    }))
}

/// Which cases to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"date": "2022-01-01", "workflow": "report"}))]
pub(crate) struct OpenAllBody {
    /// A day of the period.
    #[schema(format = Date)]
    date: String,
    /// Of this workflow alone; left out: of every one that names its units itself.
    workflow: Option<String>,
}

/// A case that is open.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedView {
    case: String,
    workflow: String,
    unit: String,
}

/// A case that could not be opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotOpenedView {
    workflow: String,
    unit: String,
    problem: Problem,
}

/// What came of opening cases.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct OpenAllView {
    opened: Vec<OpenedView>,
    /// They had been opened before.
    existing: Vec<OpenedView>,
    refused: Vec<NotOpenedView>,
}

impl OpenAllView {
    fn add(&mut self, one: Opened) {
        let Opened { name, version } = one;
        let case = name.id().to_string();
        let (workflow, unit) = (name.workflow.to_string(), name.unit.to_string());
        match version {
            Ok(_) => self.opened.push(OpenedView { case, workflow, unit }),
            Err(EngineError::Refused(Refusal::Exists(_))) => {
                self.existing.push(OpenedView { case, workflow, unit });
            }
            Err(error) => {
                let problem = error.into();
                self.refused.push(NotOpenedView { workflow, unit, problem });
            }
        }
    }
}

/// Opens every case that a suite, or one of its workflows, asks for in the period of a day.
/// May be repeated: what is open stays as it is, what was refused is tried again.
#[utoipa::path(post, path = "/api/v1/suites/{suite}/open", request_body = OpenAllBody, tag = "suites",
    params(("suite" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "stands for this request alone")),
    responses((status = 200, body = OpenAllView), (status = 404, description = "nobody published it"),
        (status = 422, description = "its units cannot be found, the date lies outside 1900 to 2200, or the key was used for another request")))]
pub(crate) async fn open<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(suite), _): Rejecting<Path<String>>,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<OpenAllBody>>,
) -> Result<Json<OpenAllView>, Problem> {
    tracing::info!(token = caller.name, suite, workflow = body.workflow, "open");
    let (id, actor) = (suite.as_str().into(), caller.operator());
    let date = civil(&body.date)?;
    let claim = match key(&headers)? {
        Some(key) => {
            let request = ("open", &suite, &body.workflow, date);
            Some(app.engine.claim_key(&actor, &key, &request).await?)
        }
        None => None,
    };
    let opened = match body.workflow {
        Some(workflow) => {
            app.engine.open_workflow(&id, &workflow.as_str().into(), date, actor).await
        }
        None => app.engine.open_suite(&id, date, actor).await,
    };
    if let (Some(claim), Err(_)) = (claim, &opened) {
        app.engine.give_back_key(claim).await?;
    }
    let mut view = OpenAllView::default();
    opened?.into_iter().for_each(|one| view.add(one));
    Ok(Json(view))
}
