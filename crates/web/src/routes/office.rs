//! Evidence.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::{CaseId, Refusal};
use duban_engine::EngineError;
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::case_files::Giving;
use crate::download::download;
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::routes::items::sight_of;
use crate::server::App;

/// What a file is called, and for what it is given.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceQuery {
    /// Its name; the ending says what it is.
    #[param(min_length = 1)]
    name: String,
    /// The case whose move is to name it.
    case: String,
    /// Who gives it: a person's id. They must be able to see the case.
    person: String,
}

/// A file that was kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// Its content address, to be named in a move.
    file: String,
}

/// Keeps a file for a case under its content address. It goes again unless a move of that case
/// names it within a day. Repeated: nothing changes.
#[utoipa::path(post, path = "/api/v1/evidence", params(EvidenceQuery), tag = "evidence",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = EvidenceView), (status = 404, description = "there is no such case, or the person may not see it"),
        (status = 422, description = "the file is of a kind that is not taken")))]
pub(crate) async fn keep<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Rejecting<Query<EvidenceQuery>>,
    body: Body,
) -> Result<(StatusCode, Json<EvidenceView>), Problem> {
    let id = CaseId::new(&query.case);
    let case = app.engine.case(&id).await?;
    let sight = sight_of(&app, &query.person).await?;
    if !sight.may_see(&case) {
        return Err(EngineError::Refused(Refusal::NoCase(id)).into());
    }
    let at = app.engine.now();
    let giving = Giving { case: &id, by: &query.person, name: &query.name, at };
    let given = app.files().give(giving, body.into_data_stream()).await?;
    Ok((StatusCode::CREATED, Json(EvidenceView { file: given.address() })))
}

/// A file by its content address.
#[utoipa::path(get, path = "/api/v1/evidence/{file}", tag = "evidence", params(("file" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, description = "there is none")))]
pub(crate) async fn fetch<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(file), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    let digest = file.strip_prefix("sha256:").unwrap_or(&file);
    let found = app.evidence().open(digest).await?;
    Ok(download(found, None))
}
