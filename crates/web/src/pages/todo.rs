//! What waits on the visitor, and lists of tasks.

use askama::Template;
use axum::extract::{OriginalUri, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_core::{AttentionKind, Status};
use duban_model::{Assignee, echoed};
use duban_store::{AttentionFilter, Cursor, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::lines::{Lines, TaskLine, light_filter};
use crate::pages::choice::{Choice, choices};
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

/// What narrows the list: what the API's list knows. Empty is left out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TasksQuery {
    light: String,
    status: String,
    unit: String,
    workflow: String,
    /// Only of this case.
    case: String,
    suite: String,
    /// A task's id, or `interview`, `rectification`, `extra`.
    task: String,
    /// On whom it waits.
    on: String,
    /// The period of the case.
    period: String,
    /// `any`, or a kind of attention.
    attention: String,
    after: Option<String>,
}

/// The words that the page's own fields do not ask for: carried on, and told above the list.
struct Narrowed {
    name: &'static str,
    value: String,
    zh: &'static str,
    en: &'static str,
}

impl TasksQuery {
    /// What the form asks for.
    fn asked(&self) -> [(&'static str, &str); 5] {
        [
            ("light", &self.light),
            ("status", &self.status),
            ("unit", &self.unit),
            ("workflow", &self.workflow),
            ("attention", &self.attention),
        ]
    }

    fn narrowed(&self) -> Vec<Narrowed> {
        let all = [
            ("case", &self.case, "事项", "Case"),
            ("suite", &self.suite, "文件", "Suite"),
            ("task", &self.task, "任务", "Task"),
            ("on", &self.on, "待办人", "Waiting on"),
            ("period", &self.period, "周期", "Period"),
        ];
        let given = all.into_iter().filter(|(_, value, ..)| !value.is_empty());
        let narrowed = |(name, value, zh, en): (_, &String, _, _)| Narrowed {
            name,
            value: value.clone(),
            zh,
            en,
        };
        given.map(narrowed).collect()
    }

    /// Where the list goes on.
    fn next(&self, cursor: &Cursor) -> String {
        let narrowed = self.narrowed();
        let rest = narrowed.iter().map(|one| (one.name, one.value.as_str()));
        let given = self.asked().into_iter().chain(rest).filter(|(_, value)| !value.is_empty());
        let given: String =
            given.map(|(name, value)| format!("{name}={}&", encode(value))).collect();
        format!("/tasks?{given}after={}", encode(&cursor.0))
    }

    /// What to look for in these units.
    fn filter(&self, units: Vec<String>, now: i64) -> Result<ItemFilter, Failure> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let unknown = |what: &str, given: &str, known: &str| {
            Failure::Bad(format!("没有{what}“{}”，可用的有 {known}", echoed(given)))
        };
        if !self.status.is_empty() && Status::named(&self.status).is_none() {
            return Err(unknown("状态", &self.status, &Status::ALL.map(Status::as_str).join("、")));
        }
        let light = light_filter(&self.light);
        if !self.light.is_empty() && light.is_none() {
            return Err(unknown("灯", &self.light, "red、yellow、green"));
        }
        let attention = match self.attention.as_str() {
            "" => None,
            ANY => Some(AttentionFilter::Any),
            word if AttentionKind::named(word).is_some() => {
                Some(AttentionFilter::Kind(word.to_owned()))
            }
            word => {
                let known = AttentionKind::ALL.map(AttentionKind::as_str).join("、");
                return Err(unknown("关注事由", word, &format!("{ANY}、{known}")));
            }
        };
        let on = some(&self.on).map(|on| on.parse::<Assignee>()).transpose();
        let on = on.map_err(|_| {
            let known = "unit:代码、post:代码/岗位、person:编号";
            unknown("待办人", &self.on, known)
        })?;
        let period = some(&self.period).map(|period| period.parse::<Window>()).transpose();
        let period =
            period.map_err(|_| unknown("周期", &self.period, "2022、2022-Q3、2022-07 等"))?;
        Ok(ItemFilter {
            attention,
            case: some(&self.case),
            suite: some(&self.suite),
            workflow: some(&self.workflow),
            task: some(&self.task),
            period: period.map(Window::key),
            waiting_on: on.iter().map(ToString::to_string).collect(),
            units,
            statuses: some(&self.status).into_iter().collect(),
            light: light.map(|light| (light, now)),
            ..ItemFilter::default()
        })
    }
}

/// The word for whatever needs attention.
const ANY: &str = "any";

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    shell: Shell,
    lights: Vec<Choice>,
    statuses: Vec<Choice>,
    workflows: Vec<Choice>,
    attention: Vec<Choice>,
    unit: String,
    case: String,
    narrowed: Vec<Narrowed>,
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
    // A unit is written by code or by name.
    let named = sight.directory.units_named(&query.unit).next();
    let unit = named.map_or(query.unit.clone(), |unit| unit.id.to_string());
    let now = app.engine.now().millis();
    let units = sight.filter(Some(&unit));
    let filter = query.filter(units.clone().unwrap_or_default(), now)?;
    let (mut lines, mut next) = (Vec::new(), None);
    if units.is_some() {
        let request = PageRequest { after: query.after.clone().map(Cursor), limit: LINES };
        let page = app.engine.tasks(filter, request).await?;
        lines = Lines::new(&app.engine).lines(page.rows).await?;
        next = page.next.map(|cursor| query.next(&cursor));
    }
    let mut workflows = Vec::new();
    for (_, id, hash) in app.engine.store().currents().await? {
        let definition = app.engine.definition(&duban_model::DefinitionHash::new(&hash)).await?;
        let is_chosen = id == query.workflow;
        workflows.push(Choice { value: id, name: definition.workflow.title.clone(), is_chosen });
    }
    let kinds = AttentionKind::ALL.map(|kind| (kind.as_str(), kind.zh()));
    let kinds: Vec<(&str, &str)> = [(ANY, "任一事由")].into_iter().chain(kinds).collect();
    let mut shell = Shell::new("任务", "/tasks", &visitor, &sight.directory, &headers);
    shell.path = uri.to_string();
    Ok(render(&TasksPage {
        shell: shell.following_all(),
        lights: choices(&[("red", "红"), ("yellow", "黄"), ("green", "绿")], &query.light),
        statuses: choices(&Status::ALL.map(|one| (one.as_str(), one.zh())), &query.status),
        attention: choices(&kinds, &query.attention),
        workflows,
        narrowed: query.narrowed(),
        unit: query.unit,
        case: query.case,
        lines,
        next,
    }))
}
