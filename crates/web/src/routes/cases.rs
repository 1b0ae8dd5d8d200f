//! Cases: listing, opening, looking.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_core::{CaseId, CaseStatus, Refusal, Teller};
use duban_engine::{EngineError, OpenSpec};
use duban_store::{CaseFilter, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json_};
use utoipa::{IntoParams, ToSchema};

use super::offers::{ForPerson, MoveView, moves_for};
use crate::auth::Caller;
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::routes::tasks::attention_filter;
use crate::server::App;
use crate::view::{CaseView, EventView, OutcomeView};

/// The header that makes a request safe to repeat.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest such key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 200;

/// Which cases.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    suite: Option<String>,
    workflow: Option<String>,
    /// A unit's code.
    unit: Option<String>,
    /// For example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    /// `open`, `closed`, `struck_off` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<CaseStatus>,
    /// Only those that are left alone because they failed inside the engine.
    #[serde(default)]
    faulted: bool,
    /// Only those that need attention themselves: `any`, or a kind, for example `items_came`.
    attention: Option<String>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

pub(crate) type Rejecting<T> = WithRejection<T, Problem>;

/// Cases, by id.
#[utoipa::path(get, path = "/api/v1/cases", params(ListQuery), tag = "cases",
    responses((status = 200, body = Part<CaseView>, description = "`rows`, and `next` where there is more")))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<ListQuery>>,
) -> Result<Response, Problem> {
    let filter = CaseFilter {
        suite: query.suite,
        workflow: query.workflow,
        units: query.unit.into_iter().collect(),
        period: query.period.map(Window::key),
        statuses: query.status.iter().map(|status| status.as_str().to_owned()).collect(),
        faulted: query.faulted,
        attention: query.attention.as_deref().map(attention_filter).transpose()?,
    };
    let page = app.engine.cases(filter, page::request(query.limit, query.after)?).await?;
    Ok(page::answer(&uri, page, CaseView::from))
}

/// A case to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"suite": "points", "workflow": "report", "unit": "370102"}))]
pub(crate) struct OpenBody {
    suite: String,
    workflow: String,
    /// A unit's code.
    unit: String,
    /// What it covers, for workflows that have a period, for example `2022` or `2022-H1`.
    period: Option<String>,
    /// Its data.
    #[serde(default)]
    #[schema(value_type = Object)]
    form: Map<String, Json_>,
}

/// Opens a case on the current version of its workflow.
#[utoipa::path(post, path = "/api/v1/cases", request_body = OpenBody, tag = "cases",
    params(("Idempotency-Key" = Option<String>, Header, description = "makes the request safe to repeat")),
    responses((status = 201, body = OutcomeView), (status = 409, body = Problem), (status = 404, body = Problem),
        (status = 422, description = "its content does not fit, or the key was used for another opening")))]
pub(crate) async fn open<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<OpenBody>>,
) -> Result<Response, Problem> {
    let mut spec = OpenSpec::new(body.suite.as_str(), body.workflow.as_str(), body.unit.as_str());
    spec.form = body.form;
    if let Some(period) = body.period {
        // One beyond the years is a window too: the engine refuses it as it refuses dates.
        let window = Window::try_from(period);
        spec.period = Some(window.map_err(|error| Problem::bad_request(error.to_string()))?);
    }
    let outcome = app.engine.open(spec, caller.operator(), key(&headers)?).await?;
    let place = format!("/api/v1/cases/{}", outcome.case);
    let mut response = done(StatusCode::CREATED, outcome.into());
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// One case, with what somebody may do with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneCaseView {
    #[serde(flatten)]
    case: CaseView,
    /// The moves that `person` may make now on the case itself; left out without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<Vec<MoveView>>,
}

/// One case. With `person` it lists the moves which they may make on the case itself; those on
/// its items come with each of these.
#[utoipa::path(get, path = "/api/v1/cases/{case}", tag = "cases", params(("case" = String, Path), ForPerson),
    responses((status = 200, body = OneCaseView), (status = 404, description = "there is no such case, or person")))]
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    WithRejection(axum::extract::Path(case), _): Rejecting<axum::extract::Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<ForPerson>>,
) -> Result<Response, Problem> {
    let row = app.engine.store().case(&case).await.map_err(Problem::store)?;
    let id = CaseId::new(&case);
    let row = row.ok_or_else(|| EngineError::Refused(Refusal::NoCase(id.clone())))?;
    let version = row.version;
    let mut view = OneCaseView { case: row.into(), moves: None };
    if let Some(person) = query.person {
        let head = app.engine.case(&id).await?;
        let definition = app.engine.definition(&head.head().definition).await?;
        let directory = app.engine.directory();
        let teller = Teller::new(&definition, &directory);
        view.moves = Some(moves_for(&app, &person, (&id, None), &teller).await?);
    }
    let mut response = Json(view).into_response();
    response.headers_mut().insert(ETAG, etag(version));
    Ok(response)
}

/// Which events of a case.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// After this position; left out: from the first one.
    #[param(value_type = Option<u64>, maximum = 9_223_372_036_854_775_807_u64)]
    after: Option<String>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A case's log, oldest first.
#[utoipa::path(get, path = "/api/v1/cases/{case}/events", tag = "cases",
    params(("case" = String, Path), EventsQuery),
    responses((status = 200, body = Vec<EventView>), (status = 404, body = Problem)))]
pub(crate) async fn events<S: Store>(
    State(app): State<App<S>>,
    WithRejection(axum::extract::Path(case), _): Rejecting<axum::extract::Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<EventsQuery>>,
) -> Result<Json<Vec<EventView>>, Problem> {
    let after = page::position(query.after.as_deref()).map_err(Problem::store)?;
    let id = CaseId::new(&case);
    let limit = page::request(query.limit, None)?.limit;
    let rows = app.engine.events(&id, after, limit).await?;
    if rows.is_empty() && app.engine.store().case(&case).await.map_err(Problem::store)?.is_none() {
        return Err(EngineError::Refused(Refusal::NoCase(id)).into());
    }
    Ok(Json(rows.into_iter().map(EventView::from).collect()))
}

/// An outcome as an answer, with the case's version as its tag.
pub(crate) fn done(status: StatusCode, outcome: OutcomeView) -> Response {
    let tag = etag(outcome.version());
    let mut response = (status, Json(outcome)).into_response();
    response.headers_mut().insert(ETAG, tag);
    response
}

/// A case's version as an entity tag.
pub(crate) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("invariant: digits are a header value")
}

/// The key that a request came with.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    // What is no text has no visible ASCII characters alone.
    let key = key.to_str().unwrap_or_default();
    check_key(key, KEY.as_str())?;
    Ok(Some(key.to_owned()))
}

/// Refuses a key that the document does not allow; `place` names it in the request.
pub(crate) fn check_key(key: &str, place: &str) -> Result<(), Problem> {
    let is_visible = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_visible && (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(());
    }
    let what = format!("`{place}` must be 1 to {KEY_BYTES_MAX} visible ASCII characters");
    Err(Problem::bad_request(what))
}
