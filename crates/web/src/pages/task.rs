//! One task: what is owed and why by then, its form, files, history, and every move one may make.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::date_of;
use duban_core::{CaseId, Event, Item, ItemKey, Status, Teller, due_reason, fields_of, light};
use duban_model::Definition;
use duban_store::Store;
use serde::Deserialize;

use crate::about::{self, kept, occasion};
use crate::download;
use crate::ledger::Verdict;
use crate::lines::task_href;
use crate::offers;
use crate::pages::case::{visible, with_path};
use crate::pages::making;
use crate::pages::moves::{Desk, Forms, Tried};
use crate::pages::shell::Shell;
use crate::pages::standing::Standing;
use crate::pages::{Asked, Failure, Named, Uploaded, fields, render};
use crate::server::App;
use crate::session::Visitor;

#[derive(Deserialize)]
pub(crate) struct TaskQuery {
    item: String,
    /// What the last move did.
    done: Option<String>,
}

struct FileLine {
    name: String,
    href: String,
}

struct DueLine {
    date: String,
    why: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    shell: Shell,
    case_href: String,
    measure: String,
    description: String,
    basis: String,
    why: String,
    status: &'static str,
    light: &'static str,
    light_zh: &'static str,
    owner: String,
    handler: String,
    standing: Standing,
    progress: u8,
    indicator: String,
    dues: Vec<DueLine>,
    /// Working days left or passed; empty where nothing is owed any more.
    days: String,
    evidence_owed: Vec<String>,
    filled: Vec<(String, String)>,
    files: Vec<FileLine>,
    history: Vec<String>,
    moves: Forms,
    done: bool,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(case), _): Named<String>,
    WithRejection(Query(query), _): Asked<TaskQuery>,
) -> Result<Response, Failure> {
    page(&app, &visitor, &headers, &case, &query, None).await
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    case: &str,
    query: &TaskQuery,
    tried: Option<&Tried>,
) -> Result<Response, Failure> {
    let id = CaseId::new(case);
    let (sight, case, definition) = visible(app, visitor, &id).await?;
    let key = ItemKey::new(&query.item);
    let item = case.item(&key).ok_or(Failure::Missing)?;
    let teller = Teller::new(&definition, &sight.directory).of_case(case.head());
    let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
    let fields = fields_of(item, task);
    let light = light(item, &definition, app.engine.now());
    let name =
        |one: Option<&duban_model::Assignee>| one.map(|one| teller.name(one)).unwrap_or_default();
    let person = |id: &duban_model::PersonId| {
        sight.directory.person(id).map_or_else(|| id.to_string(), |person| person.name.clone())
    };
    let action = task_href(id.as_str(), key.as_str());
    let filled = fields
        .iter()
        .filter_map(|field| Some((field.title.clone(), fields::text(item.form.get(&field.name)?))))
        .collect();
    let dues = item.deadlines.iter().map(|due| {
        let provisional = if due.provisional { "（待日历公布）" } else { "" };
        DueLine {
            date: format!("{}{provisional}", teller.date(due.due)),
            why: due_reason(&due.why),
        }
    });
    let lacking = item
        .lacks_due()
        .map(|failed| DueLine { date: "期限无法计算".to_owned(), why: failed.error.clone() });
    let own = about::events(&app.engine, &id, &key).await?;
    let shell = Shell::new(teller.item_title(item), "", visitor, &sight.directory, headers);
    let evidence_owed = task.map(|task| task.evidence.clone()).unwrap_or_default();
    let offers = offers::offered(&app.engine, &sight, &id, Some(&key)).await?;
    let desk = Desk {
        teller: &teller,
        item: Some(item),
        fields: &fields,
        evidence_owed: &evidence_owed,
        near: &item.unit,
        tried,
    };
    let moves = desk.forms(action.clone(), offers)?;
    Ok(render(&TaskPage {
        shell: with_path(shell.following(id.as_str()), &action),
        case_href: format!("/cases/{id}"),
        measure: case.head().title.clone(),
        description: task.and_then(|task| task.description.clone()).unwrap_or_default(),
        basis: task.map(|task| task.basis.join("、")).unwrap_or_default(),
        why: occasion(item, &teller),
        status: item.status.zh(),
        light: light.as_str(),
        light_zh: light.zh(),
        owner: name(item.owner.as_ref()),
        handler: item.handler.as_ref().map(person).unwrap_or_default(),
        standing: Standing::of(&case, item, &teller),
        progress: item.progress,
        indicator: indicator(item, &definition),
        dues: dues.chain(lacking).collect(),
        days: days(app, item, &definition).await?,
        filled,
        files: files(&id, &own, &teller),
        evidence_owed,
        history: own.iter().rev().filter_map(|event| teller.line(event)).collect(),
        moves,
        done: query.done.is_some(),
    }))
}

/// How many working days are left, or have passed since the due date, by the owner's clock: up to
/// the submission, or to when the clock began to stand.
async fn days<S: Store>(
    app: &App<S>,
    item: &Item,
    definition: &Definition,
) -> Result<String, Failure> {
    let Some(due) = item.due().filter(|_| !item.status.is_closed()) else {
        return Ok(String::new());
    };
    let calendar = app.engine.calendar(&definition.suite.calendar).await?;
    let tz = definition.suite.time_zone;
    let until = item.counted_until().unwrap_or_else(|| app.engine.now());
    let left = calendar.workdays_between(date_of(until, tz), date_of(due, tz));
    let late = (-left - item.stood_workdays()).max(0);
    let is_late = until > due;
    Ok(match (item.status == Status::Submitted, item.is_held(), is_late) {
        (true, _, false) => "已按期提交".to_owned(),
        (true, _, true) => format!("逾期 {late} 个工作日提交"),
        (false, true, false) => format!("计时已停，还有 {left} 个工作日"),
        (false, true, true) => format!("计时已停，已逾期 {late} 个工作日"),
        (false, false, false) => format!("还有 {left} 个工作日"),
        (false, false, true) => format!("已逾期 {late} 个工作日"),
    })
}

fn indicator(item: &Item, definition: &Definition) -> String {
    let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
    let Some(indicator) = task.and_then(|task| task.indicator.as_ref()) else {
        return String::new();
    };
    let number = |value: Option<rust_decimal::Decimal>| {
        value.map_or("—".to_owned(), |value| format!("{}{}", value.normalize(), indicator.unit))
    };
    let mut text = format!("{}，目标 {}", number(item.value), number(item.target));
    if item.judged {
        text = format!("{text}，{}", Verdict::of(item).zh());
    }
    text
}

fn files(case: &CaseId, log: &[Event], teller: &Teller<'_>) -> Vec<FileLine> {
    let line = |one: about::Kept<'_>| {
        let digest = one.file.strip_prefix("sha256:")?;
        let href = format!("/cases/{case}/files/{digest}");
        Some(FileLine { name: format!("{}（{}）", one.name, teller.date(one.at)), href })
    };
    kept(log).into_iter().filter_map(line).collect()
}

pub(crate) async fn make_move<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(case), _): Named<String>,
    WithRejection(Query(query), _): Asked<TaskQuery>,
    WithRejection(form, _): Uploaded,
) -> Result<Response, Failure> {
    let (id, key) = (CaseId::new(&case), ItemKey::new(&query.item));
    let back = task_href(&case, &query.item);
    let query = TaskQuery { item: query.item, done: None };
    let show_again =
        async |tried| page(&app, &visitor, &headers, &case, &query, Some(&tried)).await;
    making::make(&app, &visitor, (&id, Some(&key)), &back, form, show_again).await
}

/// A file that a report or a submission of the case names, under the name it has there. It is
/// saved, never shown inside a page.
pub(crate) async fn download<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Path((case, digest)), _): Named<(String, String)>,
) -> Result<Response, Failure> {
    let id = CaseId::new(&case);
    visible(&app, &visitor, &id).await?;
    let name = app.files().name_in(&id, &digest).await?.ok_or(Failure::Missing)?;
    let found = app.evidence().open(&digest).await?;
    Ok(download::download(found, Some(&name)))
}
