//! Cases: listing, opening, looking, making moves.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::http::header::{ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_core::{Act, Actor, CaseId, Refusal};
use duban_engine::{EngineError, OpenSpec};
use duban_store::{CaseFilter, Store};
use serde::Deserialize;
use serde_json::{Map, Value as Json_};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Scope};
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::view::{CaseView, EventView, OutcomeView};

/// The header that makes a request safe to repeat.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest such key, in bytes.
const KEY_BYTES_MAX: usize = 200;

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
    period: Option<String>,
    /// `open`, `closed`, `struck_off` or `cancelled`.
    status: Option<String>,
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
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<ListQuery>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Read)?;
    let filter = CaseFilter {
        suite: query.suite,
        workflow: query.workflow,
        units: query.unit.into_iter().collect(),
        period: query.period,
        statuses: query.status.into_iter().collect(),
        faulted: false,
    };
    let page = app.engine.cases(filter, page::request(query.limit, query.after)?).await?;
    Ok(page::answer(&uri, page, CaseView::from))
}

/// A case to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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
    responses((status = 201, body = OutcomeView), (status = 409, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn open<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<OpenBody>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Admin)?;
    let mut spec = OpenSpec::new(body.suite.as_str(), body.workflow.as_str(), body.unit.as_str());
    spec.form = body.form;
    if let Some(period) = body.period {
        let window = Window::parse(&period);
        spec.period = Some(window.map_err(|error| Problem::bad_request(error.to_string()))?);
    }
    let actor = Actor::operator(caller.name.as_str());
    let outcome = app.engine.open(spec, actor, key(&headers)?).await?;
    let place = format!("/api/v1/cases/{}", outcome.case);
    let mut response = done(StatusCode::CREATED, outcome.into());
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(LOCATION, place);
    }
    Ok(response)
}

/// One case.
#[utoipa::path(get, path = "/api/v1/cases/{case}", tag = "cases", params(("case" = String, Path)),
    responses((status = 200, body = CaseView), (status = 404, body = Problem)))]
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(axum::extract::Path(case), _): Rejecting<axum::extract::Path<String>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Read)?;
    let row = app.engine.store().case(&case).await.map_err(Problem::store)?;
    let row = row.ok_or_else(|| EngineError::Refused(Refusal::NoCase(CaseId::new(&case))))?;
    let version = row.version;
    let mut response = Json(CaseView::from(row)).into_response();
    response.headers_mut().insert(ETAG, etag(version));
    Ok(response)
}

/// Which events of a case.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// After this position; 0 for all.
    #[serde(default)]
    after: u64,
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
    caller: Caller,
    WithRejection(axum::extract::Path(case), _): Rejecting<axum::extract::Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<EventsQuery>>,
) -> Result<Json<Vec<EventView>>, Problem> {
    caller.may(Scope::Read)?;
    if i64::try_from(query.after).is_err() {
        return Err(Problem::bad_request("`after` is no position".to_owned()));
    }
    let id = CaseId::new(&case);
    let limit = page::request(query.limit, None)?.limit;
    let rows = app.engine.events(&id, query.after, limit).await?;
    if rows.is_empty() && app.engine.store().case(&case).await.map_err(Problem::store)?.is_none() {
        return Err(EngineError::Refused(Refusal::NoCase(id)).into());
    }
    Ok(Json(rows.into_iter().map(EventView::from).collect()))
}

/// A move of a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveBody {
    /// Who acts: a person's id. Whoever holds the token answers for having signed them in.
    person: String,
    /// Whom they stand in for.
    on_behalf_of: Option<String>,
    /// The move, for example `{"sign": {"item": "write"}}`.
    #[schema(value_type = Object)]
    act: Json_,
}

/// Makes a move in a case, and answers once it is on the disk.
#[utoipa::path(post, path = "/api/v1/cases/{case}/moves", request_body = MoveBody, tag = "cases",
    params(("case" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request safe to repeat"),
        ("If-Match" = Option<String>, Header, description = "the version that was looked at")),
    responses((status = 200, body = OutcomeView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn make_move<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(axum::extract::Path(case), _): Rejecting<axum::extract::Path<String>>,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<MoveBody>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Act)?;
    let act: Act = serde_json::from_value(body.act)
        .map_err(|error| Problem::bad_request(format!("`act` is no move: {error}")))?;
    if !is_move(&act) {
        return Err(Problem::bad_request("`act` is not a move that people make".to_owned()));
    }
    let case = CaseId::new(&case);
    if let Some(expected) = headers.get(IF_MATCH) {
        let current = app.engine.case(&case).await?.head().version;
        if *expected != etag(current) && expected != "*" {
            return Err(Problem::changed(current));
        }
    }
    let actor = Actor::Person {
        person: body.person.as_str().into(),
        on_behalf_of: body.on_behalf_of.as_deref().map(Into::into),
    };
    tracing::info!(token = caller.name, case = case.as_str(), person = body.person, "move");
    let outcome = app.engine.act(&case, actor, act, key(&headers)?).await?;
    Ok(done(StatusCode::OK, outcome.into()))
}

/// Whether people make it; the rest is between the engine and its cases.
fn is_move(act: &Act) -> bool {
    match act {
        Act::Sign { .. }
        | Act::Report { .. }
        | Act::Submit { .. }
        | Act::Withdraw { .. }
        | Act::Accept { .. }
        | Act::Return { .. }
        | Act::AskExtension { .. }
        | Act::GrantExtension { .. }
        | Act::RefuseExtension { .. }
        | Act::Transfer { .. }
        | Act::Delegate { .. }
        | Act::AddCountersigner { .. }
        | Act::RemoveCountersigner { .. }
        | Act::Suspend { .. }
        | Act::Resume { .. }
        | Act::Skip { .. }
        | Act::Cancel { .. }
        | Act::Reopen { .. }
        | Act::Urge { .. }
        | Act::StrikeOff { .. }
        | Act::ConsentEarlier { .. } => true,
        Act::Open(_)
        | Act::Wake
        | Act::Watch(_)
        | Act::Answer(_)
        | Act::ChildClosed { .. }
        | Act::Migrate { .. }
        | Act::ApplyCalendar
        | Act::ApplyDirectory
        | Act::MarkFaulted { .. }
        | Act::Repair { .. } => false,
    }
}

fn done(status: StatusCode, outcome: OutcomeView) -> Response {
    let tag = etag(outcome.version());
    let mut response = (status, Json(outcome)).into_response();
    response.headers_mut().insert(ETAG, tag);
    response
}

fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("invariant: digits are a header value")
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let text = key.to_str().ok().filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()));
    let text = text.ok_or_else(|| {
        let what =
            format!("`Idempotency-Key` must be 1 to {KEY_BYTES_MAX} visible ASCII characters");
        Problem::bad_request(what)
    })?;
    Ok(Some(text.to_owned()))
}
