//! Importing, exporting and pulling the directory: for the administrator of the system.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_documents::{TABLE_BYTES_MAX, write_csv, write_xlsx};
use duban_model::{Directory, Mode, Problem, Section, Signed, export_tables};
use duban_store::Store;
use serde::Deserialize;

use crate::account::AdminPost;
use crate::change::{self, How, PULLED, ReadError, Staged, TASKS_MAX, Touched, Upload};
use crate::pages::directory::time;
use crate::pages::shell::Shell;
use crate::pages::{Asked, Failure, Sent, Uploaded, go, render};
use crate::pull;
use crate::server::App;
use crate::session::Visitor;

/// Files of one import.
const FILES_MAX: usize = 8;

/// Problems shown at once.
const PROBLEMS_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "directory_problems.html")]
struct ProblemsPage {
    shell: Shell,
    problems: Vec<String>,
    total: usize,
}

/// Reads tables and keeps what they make for the page that shows the difference.
pub(crate) async fn import<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(form, _): Uploaded,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let (uploads, mode) = sent(form).await?;
    let current = app.engine.directory();
    let imported = match change::read(&app.engine, uploads, mode).await {
        Ok(imported) => imported,
        Err(ReadError::Engine(error)) => return Err(error.into()),
        Err(ReadError::Problems(problems)) => {
            let shell = Shell::new("表格有问题", "/directory", &visitor, &current, &headers);
            let shown = problems.iter().take(PROBLEMS_SHOWN).map(Problem::to_string).collect();
            let page = ProblemsPage { shell, problems: shown, total: problems.len() };
            return Ok(
                (axum::http::StatusCode::UNPROCESSABLE_ENTITY, render(&page)).into_response()
            );
        }
    };
    let after = Directory::new(imported.data);
    let after = after.map_err(|error| Failure::Bad(error.zh()))?;
    let staged = Staged {
        expected: current.version().to_owned(),
        digest: after.version().to_owned(),
        signed: Signed { by: visitor.login.clone(), at: app.engine.now() },
        warnings: imported.warnings,
        data: after.data().clone(),
    };
    change::stage(&app.engine, &change::uploaded_by(&visitor.login), &staged).await?;
    Ok(go("/directory/change?of=upload"))
}

/// The files of a form, and how they are meant.
async fn sent(mut form: Multipart) -> Result<(Vec<Upload>, Mode), Failure> {
    let unreadable = Failure::unread;
    let (mut uploads, mut mode) = (Vec::new(), Mode::Merge);
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(unreadable)?;
        match name.as_str() {
            "mode" if &bytes[..] == b"replace" => mode = Mode::Replace,
            "files" if !file.is_empty() => {
                if bytes.len() > TABLE_BYTES_MAX {
                    let text = format!("“{file}”超过上限 table_bytes_max（20 MiB）");
                    return Err(Failure::Bad(text));
                }
                uploads.push(Upload { name: file, bytes: bytes.to_vec() });
            }
            _ => {}
        }
        if uploads.len() > FILES_MAX {
            return Err(Failure::Bad(format!("一次至多 {FILES_MAX} 个文件（table_files_max）")));
        }
    }
    if uploads.is_empty() {
        return Err(Failure::Bad("请选择表格文件".to_owned()));
    }
    Ok((uploads, mode))
}

#[derive(Deserialize)]
pub(crate) struct ChangeQuery {
    of: String,
}

/// Where the directory lies that a page or form speaks of.
fn place(of: &str, visitor: &Visitor) -> Result<String, Failure> {
    match of {
        "upload" => Ok(change::uploaded_by(&visitor.login)),
        "pull" => Ok(PULLED.to_owned()),
        _ => Err(Failure::Missing),
    }
}

#[derive(Template)]
#[template(path = "directory_change.html")]
struct ChangePage {
    shell: Shell,
    of: String,
    by: String,
    at: String,
    digest: String,
    /// Whether the directory has changed since it was compared.
    is_outdated: bool,
    sections: Vec<Section>,
    tasks: Vec<Touched>,
    has_more_tasks: bool,
    warnings: Vec<String>,
}

/// What would change, for somebody who decides.
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<ChangeQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let staged = change::staged(&app.engine, &place(&query.of, &visitor)?).await?;
    let staged = staged.ok_or(Failure::Missing)?;
    let current = app.engine.directory();
    let after = Directory::new(staged.data).map_err(|error| Failure::Bad(error.zh()))?;
    let found = change::preview(&app.engine, Arc::clone(&current), Arc::new(after)).await?;
    let warnings = staged.warnings.iter().take(PROBLEMS_SHOWN).map(Problem::to_string);
    Ok(render(&ChangePage {
        shell: Shell::new("核对通讯录的变更", "/directory", &visitor, &current, &headers),
        of: query.of,
        by: staged.signed.by,
        at: time(staged.signed.at),
        digest: staged.digest,
        is_outdated: staged.expected != current.version(),
        sections: found.sections,
        has_more_tasks: found.tasks.len() >= TASKS_MAX,
        tasks: found.tasks,
        warnings: warnings.collect(),
    }))
}

#[derive(Deserialize)]
pub(crate) struct ApplyForm {
    of: String,
    /// What was shown.
    digest: String,
}

/// Takes over what was shown, if it is still what waits, and still the present directory that it
/// was compared with.
pub(crate) async fn apply<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<ApplyForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let place = place(&form.of, &visitor)?;
    let staged = change::staged(&app.engine, &place).await?.ok_or(Failure::Missing)?;
    if staged.digest != form.digest {
        return Err(duban_engine::EngineError::Outdated("directory".to_owned()).into());
    }
    let current = app.engine.directory();
    let after = Directory::new(staged.data).map_err(|error| Failure::Bad(error.zh()))?;
    let after = Arc::new(after);
    let found = change::preview(&app.engine, current, Arc::clone(&after)).await?;
    let how = if form.of == "pull" { How::Pull } else { How::Import };
    let (after, by) = (Directory::clone(&after), &visitor.login);
    change::replace(&app.engine, &staged.expected, after, &found.difference, how, by).await?;
    app.engine.store().remove_document(&place).await?;
    Ok(go("/directory"))
}

/// Pulls now, whatever the source says of news.
pub(crate) async fn pull<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let pull = app.settings().pull.clone().ok_or(Failure::Missing)?;
    pull::now(&app, &pull, &visitor.login, true).await?;
    Ok(go("/directory"))
}

#[derive(Deserialize)]
pub(crate) struct ExportQuery {
    format: String,
    /// Which table, for CSV: units, posts, people, absences.
    #[serde(default)]
    table: usize,
}

/// The directory as tables. It holds everybody's addresses: for the administrator alone.
pub(crate) async fn export<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Query(query), _): Asked<ExportQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    tracing::info!(target: "duban::security", by = visitor.login, "the directory was exported");
    let directory = app.engine.directory();
    let is_csv = query.format == "csv";
    let write = move || {
        let sheets = export_tables(&directory);
        if is_csv {
            return sheets.get(query.table).map(write_csv).ok_or(Failure::Missing);
        }
        write_xlsx(&sheets).map_err(|error| Failure::Bad(error.to_string()))
    };
    let written = tokio::task::spawn_blocking(write).await;
    let bytes = written.map_err(|_| Failure::Bad("导出中断".to_owned()))??;
    let (kind, name) = if is_csv {
        ("text/csv; charset=utf-8", "directory.csv")
    } else {
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "directory.xlsx")
    };
    let shown = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let shown = shown.map_err(|_| Failure::Missing)?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(kind)), (CONTENT_DISPOSITION, shown)], bytes)
        .into_response())
}
