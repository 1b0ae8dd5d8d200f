//! What messages say, for the administrator of the system to read, try and change.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Instant;
use duban_core::Body;
use duban_engine::Delivery;
use duban_notify::{TemplateInForce, TemplateOrigin, TemplateProblem, Templates};
use duban_store::{DeliveryRow, Store};
use serde::Deserialize;

use crate::account::AdminPost;
use crate::messages::{NotKept, keep_template};
use crate::pages::shell::Shell;
use crate::pages::{Failure, Named, Sent, go, render};
use crate::server::App;
use crate::session::Visitor;

struct Line {
    kind: &'static str,
    zh: &'static str,
    origin: &'static str,
    first: String,
}

#[derive(Template)]
#[template(path = "templates.html")]
struct TemplatesPage {
    shell: Shell,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "template.html")]
struct TemplatePage {
    shell: Shell,
    kind: &'static str,
    origin: &'static str,
    is_edited: bool,
    source: String,
    problems: Vec<TemplateProblem>,
    was_checked: bool,
    /// A message as it would read, and which one it is.
    preview: Option<(String, String)>,
}

fn origin_zh(origin: TemplateOrigin) -> &'static str {
    match origin {
        TemplateOrigin::BuiltIn => "内置",
        TemplateOrigin::Loaded => "文件夹",
        TemplateOrigin::Edited => "已编辑",
    }
}

pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let line = |one: TemplateInForce| Line {
        kind: one.kind,
        zh: one.zh,
        origin: origin_zh(one.origin),
        first: one.source.lines().next().unwrap_or_default().to_owned(),
    };
    let lines = app.messages().templates.in_force().into_iter().map(line).collect();
    let directory = app.engine.directory();
    let shell = Shell::new("消息模板", "/templates", &visitor, &directory, &headers);
    Ok(render(&TemplatesPage { shell, lines }))
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(kind), _): Named<String>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let one = in_force(&app, &kind)?;
    let source = one.source.clone();
    page(&app, &visitor, &headers, one, source, None).await
}

fn in_force<S: Store>(app: &App<S>, kind: &str) -> Result<TemplateInForce, Failure> {
    let mut all = app.messages().templates.in_force().into_iter();
    all.find(|one| one.kind == kind).ok_or(Failure::Missing)
}

/// The page with a text, its problems if it was checked, and a preview if there is a message.
async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    one: TemplateInForce,
    source: String,
    checked: Option<Vec<TemplateProblem>>,
) -> Result<Response, Failure> {
    let was_checked = checked.is_some();
    let mut problems = checked.unwrap_or_default();
    let mut preview = None;
    let recent = app.engine.store().last_delivery(one.kind).await?;
    if let Some(delivery) = recent.and_then(delivery).filter(|_| problems.is_empty()) {
        let (templates, text) = (app.messages().templates.clone(), source.clone());
        let id = delivery.id.clone();
        match aside(move || templates.preview(&text, &delivery)).await? {
            Ok(text) => preview = Some((id, text)),
            Err(found) => problems = found,
        }
    }
    let directory = app.engine.directory();
    let title = format!("消息模板：{}", one.zh);
    let shell = Shell::new(title, "/templates", visitor, &directory, headers);
    Ok(render(&TemplatePage {
        shell,
        kind: one.kind,
        origin: origin_zh(one.origin),
        is_edited: one.origin == TemplateOrigin::Edited,
        source,
        problems,
        was_checked,
        preview,
    }))
}

/// Tries templates on a thread where no request waits for it. What they may use up is bounded, so
/// it soon ends of itself.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Failure::Bad("检查中断，请把模板发给系统管理员".to_owned()))
}

async fn problems(kind: &'static str, source: &str) -> Result<Vec<TemplateProblem>, Failure> {
    let source = source.to_owned();
    aside(move || Templates::problems(kind, &source)).await
}

fn delivery(row: DeliveryRow) -> Option<Delivery> {
    let at = Instant::from_millis(row.outgoing.at);
    let id = row.outgoing.id();
    let Body::People(sent) = row.outgoing.body else { return None };
    Some(Delivery {
        id,
        case: row.outgoing.case,
        seq: row.outgoing.seq,
        kind: row.outgoing.kind,
        at,
        attempt: 1,
        now: at,
        sent: *sent,
    })
}

#[derive(Deserialize)]
pub(crate) struct TemplateForm {
    /// `check`, `save` or `reset`.
    what: String,
    #[serde(default)]
    source: String,
}

pub(crate) async fn change<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(kind), _): Named<String>,
    WithRejection(Form(form), _): Sent<TemplateForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let one = in_force(&app, &kind)?;
    // Browsers send line ends as the network wants them.
    let source = form.source.replace("\r\n", "\n");
    let wanted = match form.what.as_str() {
        "check" => {
            let problems = problems(one.kind, &source).await?;
            return page(&app, &visitor, &headers, one, source, Some(problems)).await;
        }
        "save" => Some(source.as_str()),
        "reset" => None,
        _ => return Err(Failure::Bad("不认识的操作".to_owned())),
    };
    if let Some(text) = wanted {
        let problems = problems(one.kind, text).await?;
        if !problems.is_empty() {
            return page(&app, &visitor, &headers, one, source, Some(problems)).await;
        }
    }
    let (store, templates) = (app.engine.store(), &app.messages().templates);
    match keep_template(store, templates, one.kind, wanted, app.engine.now().millis()).await {
        Ok(()) => {
            tracing::info!(login = visitor.login, template = one.kind, "{}", form.what);
            Ok(go(&format!("/templates/{}", one.kind)))
        }
        Err(NotKept::Store(error)) => Err(error.into()),
        Err(NotKept::Unsound(error)) => Err(Failure::Bad(error.to_string())),
    }
}
