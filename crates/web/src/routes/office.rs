//! Evidence.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Scope};
use crate::download::download;
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::server::App;

/// What a file is called.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceQuery {
    /// Its name; the ending says what it is.
    #[param(min_length = 1)]
    name: String,
}

/// A file that was kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    /// Its content address, to be named in a move.
    file: String,
}

/// Keeps a file under its content address. Repeated: nothing changes.
#[utoipa::path(post, path = "/api/v1/evidence", params(EvidenceQuery), tag = "evidence",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = EvidenceView),
        (status = 422, description = "the file is of a kind that is not taken")))]
pub(crate) async fn keep<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Query(query), _): Rejecting<Query<EvidenceQuery>>,
    body: Body,
) -> Result<(StatusCode, Json<EvidenceView>), Problem> {
    caller.may(Scope::Act)?;
    let file = app.evidence().keep(&query.name, body.into_data_stream()).await;
    let file = file.map_err(Problem::evidence)?;
    Ok((StatusCode::CREATED, Json(EvidenceView { file })))
}

/// A file by its content address.
#[utoipa::path(get, path = "/api/v1/evidence/{file}", tag = "evidence", params(("file" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = 404, description = "there is none")))]
pub(crate) async fn fetch<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(file), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    caller.may(Scope::Read)?;
    let digest = file.strip_prefix("sha256:").unwrap_or(&file);
    let found = app.evidence().open(digest).await.map_err(Problem::evidence)?;
    Ok(download(found, None))
}
