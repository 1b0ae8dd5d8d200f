//! The directory: reading it, replacing it, importing tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_engine::EngineError;
use duban_model::{
    Directory, DoorError, Mode, Place, Problem as Finding, directory_from_json, echoed,
};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json_;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::change::{self, How, Preview, ReadError, Touched, Upload};
use crate::problem::Problem;
use crate::routes::cases::Rejecting;
use crate::server::App;

/// Levels of which one answer warns.
const LEVELS_TOLD_MAX: usize = 20;

/// What there is to say of a directory that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplacedView {
    /// What looks wrong: place (a JSON pointer), code, message.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Finding>,
}

/// Units, posts, people and stand-ins as they are now. The `ETag` is a digest of them.
#[utoipa::path(get, path = "/api/v1/directory", tag = "directory",
    responses((status = 200, body = Object)))]
pub(crate) async fn directory<S: Store>(State(app): State<App<S>>) -> Result<Response, Problem> {
    let directory = app.engine.directory();
    let mut response = Json(directory.data()).into_response();
    response.headers_mut().insert(ETAG, etag(directory.version()));
    Ok(response)
}

/// Replaces the directory, absences among it. Open cases look for owners that they lack now, in
/// the background; what happened keeps the posts that people held then.
#[utoipa::path(put, path = "/api/v1/directory", request_body = Object, tag = "directory",
    params(("If-Match" = Option<String>, Header, description = "the `ETag` of the directory that is to be replaced")),
    responses((status = 204), (status = 200, body = ReplacedView, description = "as 204, with warnings"),
        (status = 412, description = "the directory has changed since"),
        (status = 413, description = "the body is larger than `directory_bytes_max`"),
        (status = 422, description = "an id is repeated or leads nowhere, units lie too deep, or a field is not known")))]
pub(crate) async fn set_directory<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Json(body), _): Rejecting<Json<Json_>>,
) -> Result<Response, Problem> {
    let data = directory_from_json(body).map_err(|error| {
        let told = format!("this is no directory: {error}");
        match error {
            DoorError::UnknownField { .. } => Problem::unfit(told),
            _ => Problem::bad_request(told),
        }
    })?;
    let after = Directory::new(data).map_err(|error| Problem::unfit(error.to_string()))?;
    refuse_emptied(&app.engine.directory(), &after)?;
    let levels = change::suite_levels(app.engine.store()).await.map_err(Problem::store)?;
    let current = app.engine.directory();
    let expected = expected(&headers, current.version())?;
    let tag = etag(after.version());
    let warnings = unknown_levels(&after, &levels);
    let after = Arc::new(after);
    let Preview { difference, .. } =
        change::preview(&app.engine, current, Arc::clone(&after)).await?;
    let after = Directory::clone(&after);
    change::replace(&app.engine, &expected, after, &difference, How::Api, &caller.name).await?;
    if warnings.is_empty() {
        return Ok((StatusCode::NO_CONTENT, [(ETAG, tag)]).into_response());
    }
    Ok(([(ETAG, tag)], Json(ReplacedView { warnings })).into_response())
}

/// A directory that held units, posts or people and would hold none of them is a mistake of the
/// sender's: every open task would be nobody's.
fn refuse_emptied(before: &Directory, after: &Directory) -> Result<(), Problem> {
    let (before, after) = (before.data(), after.data());
    let parts = [
        ("units", before.units.is_empty(), after.units.is_empty()),
        ("posts", before.posts.is_empty(), after.posts.is_empty()),
        ("people", before.people.is_empty(), after.people.is_empty()),
    ];
    match parts.into_iter().find(|(_, was_empty, is_empty)| *is_empty && !was_empty) {
        None => Ok(()),
        Some((part, _, _)) => Err(Problem::unfit(format!(
            "`{part}` is empty and the directory in force has some; send all of it"
        ))),
    }
}

/// The levels of a directory that no published suite knows, each once, as a table that is imported
/// is warned of them. An office may keep units that no suite asks for.
fn unknown_levels(directory: &Directory, levels: &[(String, String)]) -> Vec<Finding> {
    let known: Vec<&str> = levels.iter().map(|(level, _)| level.as_str()).collect();
    let mut told: BTreeSet<&str> = known.iter().copied().collect();
    let mut warnings = Vec::new();
    for (at, unit) in directory.data().units.iter().enumerate() {
        if levels.is_empty() || warnings.len() == LEVELS_TOLD_MAX || !told.insert(&unit.level) {
            continue;
        }
        let file = format!("/units/{at}/level");
        let place = Place { file, line: 1, column: 1, length: 0 };
        let text = format!("没有层级 `{}`（单位 `{}`）", echoed(&unit.level), unit.id);
        let help = format!("已发布文件的层级：{}", known.join("、"));
        warnings.push(Finding::warning("DB1304", &place, text).with_help(help));
    }
    warnings
}

pub(crate) fn etag(version: &str) -> HeaderValue {
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    tag.expect("invariant: a version is visible ASCII")
}

/// The version that a request means to replace: the present one where it names none.
pub(crate) fn expected(headers: &HeaderMap, current: &str) -> Result<String, Problem> {
    match headers.get(IF_MATCH) {
        Some(tag) if *tag != etag(current) && tag != "*" => {
            Err(EngineError::Outdated("directory".to_owned()).into())
        }
        _ => Ok(current.to_owned()),
    }
}

/// What becomes of what the tables do not name.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModeQuery {
    /// It goes.
    Replace,
    /// It stays.
    Merge,
}

/// How to import.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// `replace`: the tables are the whole directory; `merge`: they add and change.
    #[param(inline)]
    mode: ModeQuery,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
    /// What a CSV file is a table of: 单位, 岗位, 人员, 花名册, 代理, or `units`, `posts`, `people`,
    /// `roster`, `stand-ins`. Left out: its headings say.
    #[param(min_length = 1, max_length = 40)]
    sheet: Option<String>,
}

/// What an import came to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// Whether the directory was replaced; `false` for a dry run and where nothing differs.
    applied: bool,
    /// The directory's version now.
    version: String,
    /// Kinds of changes: key, total, and the first lines in Chinese.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<duban_model::Section>,
    /// The first open tasks that have another owner by it.
    tasks: Vec<Touched>,
    /// What was not read, and what looks wrong: place, code, message.
    #[schema(value_type = Vec<Object>)]
    warnings: Vec<Finding>,
}

/// Imports a table, .xlsx or CSV (UTF-8 or GB18030), and says what changes. Repeated: nothing
/// changes. Absences that are there stay.
#[utoipa::path(post, path = "/api/v1/directory/import", tag = "directory", params(ImportQuery,
        ("If-Match" = Option<String>, Header, description = "the `ETag` of the directory that is to be replaced")),
    request_body(content(
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (String = "text/csv"))),
    responses((status = 200, body = ImportView), (status = 412, description = "the directory has changed since"),
        (status = 413, description = "the file is larger than `table_bytes_max`"),
        (status = 422, description = "the table has problems; `detail` names the first ones")))]
pub(crate) async fn import<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    headers: HeaderMap,
    WithRejection(Query(query), _): Rejecting<Query<ImportQuery>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportView>, Problem> {
    let body = body?;
    if body.is_empty() {
        return Err(Problem::unfit("there is no body; send an .xlsx or a CSV file".to_owned()));
    }
    let current = app.engine.directory();
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_csv = kind.trim().to_ascii_lowercase().starts_with("text/csv");
    let name = match (is_csv, query.sheet) {
        (true, Some(sheet)) => format!("{sheet}.csv"),
        (true, None) => "upload.csv".to_owned(),
        (false, _) => "upload.xlsx".to_owned(),
    };
    let mode = match query.mode {
        ModeQuery::Replace => Mode::Replace,
        ModeQuery::Merge => Mode::Merge,
    };
    let upload = Upload { name, bytes: body.to_vec() };
    let imported = change::read(&app.engine, vec![upload], mode).await.map_err(Problem::from)?;
    let expected = expected(&headers, current.version())?;
    let after = Directory::new(imported.data).map_err(|error| Problem::unfit(error.to_string()))?;
    let after = Arc::new(after);
    let Preview { difference, sections, tasks } =
        change::preview(&app.engine, Arc::clone(&current), Arc::clone(&after)).await?;
    let applied = !query.dry_run && after.version() != current.version();
    if applied {
        let after = Directory::clone(&after);
        change::replace(&app.engine, &expected, after, &difference, How::Api, &caller.name).await?;
    }
    Ok(Json(ImportView {
        applied,
        version: app.engine.directory().version().to_owned(),
        changes: sections,
        tasks,
        warnings: imported.warnings,
    }))
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Problems(problems) => Self::bad_sources(&problems),
            ReadError::Engine(error) => error.into(),
        }
    }
}
