//! What waits on the visitor, and lists of tasks.

use askama::Template;
use axum::extract::{OriginalUri, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::Status;
use duban_model::echoed;
use duban_store::{Cursor, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::lines::{Lines, TaskLine, light_filter};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Lines of one page.
const LINES: u32 = 50;

#[derive(Template)]
#[template(path = "todo.html")]
struct TodoPage {
    shell: Shell,
    lines: Vec<TaskLine>,
    absent: Vec<String>,
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct TodoQuery {
    after: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<TodoQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
    let page = app.engine.waiting(&sight.assignees(), request).await?;
    let lines = Lines::new(&app.engine).lines(page.rows).await?;
    let name = |id| sight.directory.person(id).map(|person| person.name.clone());
    let absent = sight.absent.iter().filter_map(name).collect();
    let shell = Shell::new("我的待办", "/todo", &visitor, &sight.directory, &headers);
    let next = page.next.map(|cursor| format!("/todo?after={}", encode(&cursor.0)));
    Ok(render(&TodoPage { shell: shell.following_all(), lines, absent, next }))
}

#[derive(Deserialize)]
pub(crate) struct TasksQuery {
    #[serde(default)]
    light: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    workflow: String,
    /// Only of this case.
    #[serde(default)]
    case: String,
    after: Option<String>,
}

struct Choice {
    value: String,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    shell: Shell,
    lights: Vec<Choice>,
    statuses: Vec<Choice>,
    workflows: Vec<Choice>,
    unit: String,
    case: String,
    lines: Vec<TaskLine>,
    next: Option<String>,
}

pub(crate) async fn tasks<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Asked<TasksQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if !query.status.is_empty() && Status::named(&query.status).is_none() {
        let known = Status::ALL.map(Status::as_str).join("、");
        let given = echoed(&query.status);
        return Err(Failure::Bad(format!("没有状态“{given}”，可用的有 {known}")));
    }
    // A unit is written by code or by name.
    let named = sight.directory.units_named(&query.unit).next();
    let unit = named.map_or(query.unit.clone(), |unit| unit.id.to_string());
    let now = app.engine.now().millis();
    let (mut lines, mut next) = (Vec::new(), None);
    if let Some(units) = sight.filter(Some(&unit)) {
        let filter = ItemFilter {
            case: some(&query.case),
            workflow: some(&query.workflow),
            units,
            statuses: some(&query.status).into_iter().collect(),
            light: light_filter(&query.light).map(|light| (light, now)),
            ..ItemFilter::default()
        };
        let request = PageRequest { after: query.after.clone().map(Cursor), limit: LINES };
        let page = app.engine.tasks(filter, request).await?;
        lines = Lines::new(&app.engine).lines(page.rows).await?;
        next = page.next.map(|cursor| {
            format!(
                "/tasks?light={}&status={}&unit={}&workflow={}&case={}&after={}",
                encode(&query.light),
                encode(&query.status),
                encode(&query.unit),
                encode(&query.workflow),
                encode(&query.case),
                encode(&cursor.0)
            )
        });
    }
    let choices = |all: &[(&str, &str)], chosen: &str| {
        let choice = |(value, name): &(&str, &str)| Choice {
            value: (*value).to_owned(),
            name: (*name).to_owned(),
            is_chosen: *value == chosen,
        };
        all.iter().map(choice).collect::<Vec<_>>()
    };
    let mut workflows = Vec::new();
    for (_, id, hash) in app.engine.store().currents().await? {
        let definition = app.engine.definition(&duban_model::DefinitionHash::new(&hash)).await?;
        let is_chosen = id == query.workflow;
        workflows.push(Choice { value: id, name: definition.workflow.title.clone(), is_chosen });
    }
    let mut shell = Shell::new("任务", "/tasks", &visitor, &sight.directory, &headers);
    shell.path = uri.to_string();
    Ok(render(&TasksPage {
        shell: shell.following_all(),
        lights: choices(&[("red", "红"), ("yellow", "黄"), ("green", "绿")], &query.light),
        statuses: choices(&Status::ALL.map(|one| (one.as_str(), one.zh())), &query.status),
        workflows,
        unit: query.unit,
        case: query.case,
        lines,
        next,
    }))
}
