//! Moves of people: one by one, or many in one request.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::{Actor, CaseId};
use duban_store::Store;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cases::{Rejecting, check_key, done, key};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::server::App;
use crate::view::OutcomeView;
use crate::wire::{self, WireMove};

/// Moves of one request.
const MOVES_MAX: usize = 100;

/// A move of a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"person": "li", "act": {"kind": "sign", "item": "write"}}))]
pub(crate) struct MoveBody {
    /// Who acts: a person's id. Whoever holds the token answers for having signed them in.
    person: String,
    /// Whom they stand in for.
    on_behalf_of: Option<String>,
    /// The move, for example `{"kind": "sign", "item": "write"}`.
    #[schema(schema_with = wire::reference)]
    act: WireMove,
}

/// Makes a move in a case, and answers once it is on the disk.
#[utoipa::path(post, path = "/api/v1/cases/{case}/moves", request_body = MoveBody, tag = "moves",
    params(("case" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "makes the request safe to repeat"),
        ("If-Match" = Option<String>, Header, description = "the version that was looked at")),
    responses((status = 200, body = OutcomeView), (status = 404, description = "there is no such case or item"),
        (status = 409, description = "the case refuses"), (status = 412, description = "the case has changed"),
        (status = 422, description = "the move's content does not fit, or the key was used for another one")))]
pub(crate) async fn make<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<MoveBody>>,
) -> Result<Response, Problem> {
    let version = seen(&headers)?;
    let outcome = carry_out(&app, &caller, &case, body, version, key(&headers)?).await?;
    Ok(done(StatusCode::OK, outcome))
}

/// The version that `If-Match` names; `None`: any.
fn seen(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(tag) = headers.get(IF_MATCH) else { return Ok(None) };
    if tag == HeaderValue::from_static("*") {
        return Ok(None);
    }
    let digits = tag.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
    // What is no version was never the case's tag.
    Ok(Some(digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)))
}

async fn carry_out<S: Store>(
    app: &App<S>,
    caller: &Caller,
    case: &str,
    body: MoveBody,
    version: Option<u64>,
    key: Option<String>,
) -> Result<OutcomeView, Problem> {
    let case = CaseId::new(case);
    let actor = Actor::Person {
        person: body.person.as_str().into(),
        on_behalf_of: body.on_behalf_of.as_deref().map(Into::into),
    };
    tracing::debug!(token = caller.name, case = case.as_str(), person = body.person, "move");
    let act = body.act.act(&app.engine, &case).await?;
    let outcome = match version {
        Some(version) => app.engine.act_at(&case, version, actor, act, key).await?,
        None => app.engine.act(&case, actor, act, key).await?,
    };
    Ok(outcome.into())
}

/// One move of several.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneMove {
    /// The case.
    case: String,
    /// Who acts: a person's id.
    person: String,
    /// Whom they stand in for.
    on_behalf_of: Option<String>,
    /// The move.
    #[schema(schema_with = wire::reference)]
    act: WireMove,
    /// Makes it safe to repeat, as `Idempotency-Key` does.
    #[schema(min_length = 1, max_length = 200, pattern = "^[ -~]*$")]
    key: Option<String>,
    /// The case's version that was looked at.
    #[schema(format = "uint64")]
    version: Option<u64>,
}

/// Moves to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"moves": [{"case": "0123456789abcdef01234567", "person": "li",
    "act": {"kind": "report", "item": "write", "text": "完成初稿", "percent": 60}, "key": "oa-4711"}]}))]
pub(crate) struct MovesBody {
    /// At most 100.
    #[schema(max_items = 100)]
    moves: Vec<OneMove>,
}

/// What came of one move of several.
#[derive(Serialize, ToSchema)]
pub(crate) struct MoveResult {
    /// The status that it would have had alone.
    status: u16,
    /// What it has brought about.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    /// Why it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// What came of several moves.
#[derive(Serialize, ToSchema)]
pub(crate) struct MovesView {
    /// For each move, in the order in which they were sent.
    results: Vec<MoveResult>,
}

/// Makes several moves and answers for each. Those of one case are made in their order, others
/// side by side; one that is refused stops none of the others, and nothing is undone.
#[utoipa::path(post, path = "/api/v1/moves", request_body = MovesBody, tag = "moves",
    responses((status = 200, body = MovesView), (status = 400, description = "a key is not as it may be; nothing is made"),
        (status = 422, description = "more moves than `moves_max`")))]
pub(crate) async fn make_many<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Json(body), _): Rejecting<Json<MovesBody>>,
) -> Result<Json<MovesView>, Problem> {
    if body.moves.len() > MOVES_MAX {
        return Err(Problem::unfit(format!("limit `moves_max` ({MOVES_MAX}) reached")));
    }
    // What the document refuses is refused before anything is done.
    for (place, one) in body.moves.iter().enumerate() {
        if let Some(key) = &one.key {
            check_key(key, &format!("moves[{place}].key"))?;
        }
    }
    let mut by_case: BTreeMap<String, Vec<(usize, OneMove)>> = BTreeMap::new();
    for (place, one) in body.moves.into_iter().enumerate() {
        by_case.entry(one.case.clone()).or_default().push((place, one));
    }
    let of_case = async |moves: Vec<(usize, OneMove)>| {
        let mut results = Vec::with_capacity(moves.len());
        for (place, one) in moves {
            results.push((place, make_one(&app, &caller, one).await));
        }
        results
    };
    let made = join_all(by_case.into_values().map(of_case)).await;
    let mut results: Vec<(usize, MoveResult)> = made.into_iter().flatten().collect();
    results.sort_by_key(|(place, _)| *place);
    Ok(Json(MovesView { results: results.into_iter().map(|(_, result)| result).collect() }))
}

async fn make_one<S: Store>(app: &App<S>, caller: &Caller, one: OneMove) -> MoveResult {
    let OneMove { case, person, on_behalf_of, act, key, version } = one;
    let body = MoveBody { person, on_behalf_of, act };
    match carry_out(app, caller, &case, body, version, key).await {
        Ok(outcome) => MoveResult { status: 200, outcome: Some(outcome), problem: None },
        Err(problem) => {
            MoveResult { status: problem.status(), outcome: None, problem: Some(problem) }
        }
    }
}
