//! One task: what is owed and why by then, its form, files, history, and every move one may make.

use askama::Template;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_calendar::{Instant, date_of};
use duban_core::{
    Actor, CaseId, Event, Evidence, Fact, Item, ItemKey, ItemKind, Teller, due_reason, fields_of,
    light,
};
use duban_engine::Engine;
use duban_model::Definition;
use duban_store::Store;
use serde::Deserialize;

use crate::download;
use crate::evidence::EvidenceError;
use crate::ledger::Verdict;
use crate::pages::case::{read, visible, with_path};
use crate::pages::fields::{self, Input, Sent};
use crate::pages::lines::task_href;
use crate::pages::moves::{self, Offer};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, go, render};
use crate::server::App;
use crate::session::Visitor;

/// Events about the task that its page tells of, the latest.
const EVENTS_TOLD: u32 = 1_000;

/// Files of one form.
const FILES_MAX: usize = 20;

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

/// A file that came with a report or a submission.
pub(crate) struct Kept<'a> {
    pub(crate) name: &'a str,
    /// Its content address.
    pub(crate) file: &'a str,
    pub(crate) at: Instant,
}

struct DueLine {
    date: String,
    why: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    shell: Shell,
    action: String,
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
    reviewers: String,
    progress: u8,
    indicator: String,
    dues: Vec<DueLine>,
    /// Working days left or passed; empty where nothing is owed any more.
    days: String,
    asked: String,
    evidence_owed: Vec<String>,
    filled: Vec<(String, String)>,
    files: Vec<FileLine>,
    history: Vec<String>,
    offers: Vec<Offer>,
    inputs: Vec<Input>,
    key: String,
    done: bool,
    problem: Option<String>,
}

impl EvidenceError {
    fn failure(self) -> Failure {
        match self {
            Self::Missing => Failure::Missing,
            other => {
                if let Self::Failed(error) = &other {
                    tracing::error!(error = error as &dyn std::error::Error, "evidence failed");
                }
                Failure::Bad(other.to_string())
            }
        }
    }
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(case): Path<String>,
    Query(query): Query<TaskQuery>,
) -> Result<Response, Failure> {
    page(&app, &visitor, &headers, &case, &query, None).await
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    case: &str,
    query: &TaskQuery,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let id = CaseId::new(case);
    let (sight, case, definition) = visible(app, visitor, &id).await?;
    let key = ItemKey::new(&query.item);
    let item = case.item(&key).ok_or(Failure::Missing)?;
    let teller = Teller { definition: &definition, directory: &sight.directory };
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
    let asked = item
        .asked
        .as_ref()
        .map(|asked| format!("申请延至 {}：{}", teller.date(asked.until), asked.reason));
    let reviewers: Vec<String> = item.review.members.iter().map(|one| teller.name(one)).collect();
    let own = about(&app.engine, &id, &key).await?;
    let shell = Shell::new(teller.item_title(item), "", visitor, &sight.directory, headers);
    let evidence_owed = task.map(|task| task.evidence.clone()).unwrap_or_default();
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
        reviewers: reviewers.join("、"),
        progress: item.progress,
        indicator: indicator(item, &definition),
        dues: dues.collect(),
        days: days(app, item, &definition).await?,
        asked: asked.unwrap_or_default(),
        filled,
        files: files(&id, &own, &teller),
        evidence_owed,
        history: own.iter().rev().filter_map(|event| teller.line(event)).collect(),
        offers: moves::offered(&app.engine, &sight, &id, item).await?,
        inputs: fields::inputs(&fields, &item.form),
        key: crate::auth::random_hex()?,
        done: query.done.is_some(),
        problem,
        action,
    }))
}

/// How many working days are left, or have passed since the due date.
async fn days<S: Store>(
    app: &App<S>,
    item: &Item,
    definition: &Definition,
) -> Result<String, Failure> {
    let Some(due) = item.due().filter(|_| !item.status.is_closed()) else {
        return Ok(String::new());
    };
    let calendar = app.engine.calendar(&definition.suite.calendar).await?;
    let (now, tz) = (app.engine.now(), definition.suite.time_zone);
    let left = calendar.workdays_between(date_of(now, tz), date_of(due, tz));
    Ok(if now > due {
        format!("已逾期 {} 个工作日", -left)
    } else {
        format!("还有 {left} 个工作日")
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

/// Why an interview, a rectification or an opened task came about.
pub(crate) fn occasion(item: &Item, teller: &Teller<'_>) -> String {
    match &item.kind {
        ItemKind::Interview { who, why, .. } => format!("约谈 {}：{why}", teller.name(who)),
        ItemKind::Rectification { why, .. } => why.clone(),
        ItemKind::Extra { why, .. } => why.clone().unwrap_or_default(),
        ItemKind::Task => String::new(),
    }
}

/// The latest events about an item, oldest first.
pub(crate) async fn about<S: Store>(
    engine: &Engine<S>,
    case: &CaseId,
    item: &ItemKey,
) -> Result<Vec<Event>, Failure> {
    read(&engine.events_about(case, item, EVENTS_TOLD).await?)
}

/// Files that came with reports and submissions, the latest first.
pub(crate) fn kept(log: &[Event]) -> Vec<Kept<'_>> {
    let mut all = Vec::new();
    for event in log.iter().rev() {
        let (Fact::Reported { evidence, .. } | Fact::Submitted { evidence, .. }) = &event.fact
        else {
            continue;
        };
        let files = evidence.iter();
        all.extend(files.map(|one| Kept { name: &one.name, file: &one.file, at: event.at }));
    }
    all
}

fn files(case: &CaseId, log: &[Event], teller: &Teller<'_>) -> Vec<FileLine> {
    let line = |one: Kept<'_>| {
        let digest = one.file.strip_prefix("sha256:")?;
        let href = format!("/cases/{case}/files/{digest}?name={}", encode(one.name));
        Some(FileLine { name: format!("{}（{}）", one.name, teller.date(one.at)), href })
    };
    kept(log).into_iter().filter_map(line).collect()
}

/// Everything that a form sent: texts by name, and files already kept.
struct Received {
    sent: Sent,
    evidence: Vec<Evidence>,
}

async fn receive<S: Store>(app: &App<S>, mut form: Multipart) -> Result<Received, Failure> {
    let unreadable =
        |error: axum::extract::multipart::MultipartError| Failure::Bad(error.body_text());
    let mut received = Received { sent: Sent::new(), evidence: Vec::new() };
    while let Some(mut part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let Some(file) = part.file_name().map(str::to_owned) else {
            let text = part.text().await.map_err(unreadable)?;
            received.sent.entry(name).or_default().push(text);
            continue;
        };
        if file.is_empty() {
            // A field for files where none was chosen.
            match part.chunk().await.map_err(unreadable)? {
                Some(bytes) if !bytes.is_empty() => {
                    return Err(Failure::Bad("文件没有名字，请重新选择".to_owned()));
                }
                _ => continue,
            }
        }
        if received.evidence.len() == FILES_MAX {
            return Err(Failure::Bad(format!("一次最多 {FILES_MAX} 个文件（files_max）")));
        }
        let address = app.evidence().keep(&file, part).await.map_err(EvidenceError::failure)?;
        match name.strip_prefix("e.") {
            // A file that the task names; others keep the name they came with.
            Some(owed) if !owed.is_empty() => {
                received.evidence.push(Evidence { name: owed.to_owned(), file: address });
            }
            Some(_) => received.evidence.push(Evidence { name: file, file: address }),
            None => {
                received.evidence.push(Evidence { name: file, file: address.clone() });
                received.sent.entry(name).or_default().push(address);
            }
        }
    }
    Ok(received)
}

pub(crate) async fn make_move<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(case): Path<String>,
    Query(query): Query<TaskQuery>,
    form: Multipart,
) -> Result<Response, Failure> {
    let made = attempt(&app, &visitor, &case, &query, form).await;
    match made {
        Ok(()) => Ok(go(&format!("{}&done=1", task_href(&case, &query.item)))),
        // What the case says about the content is read beside the form.
        Err(failure @ (Failure::Bad(_) | Failure::Engine(_))) => {
            let status = failure.status();
            let query = TaskQuery { item: query.item, done: None };
            let mut response =
                page(&app, &visitor, &headers, &case, &query, Some(failure.zh())).await?;
            *response.status_mut() = status;
            Ok(response)
        }
        Err(failure) => Err(failure),
    }
}

async fn attempt<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    case: &str,
    query: &TaskQuery,
    form: Multipart,
) -> Result<(), Failure> {
    let id = CaseId::new(case);
    let (sight, case, definition) = visible(app, visitor, &id).await?;
    let item = case.item(&ItemKey::new(&query.item)).ok_or(Failure::Missing)?;
    let received = receive(app, form).await?;
    let given = |name: &str| received.sent.get(name).and_then(|values| values.first()).cloned();
    let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
    let fields = fields_of(item, task);
    let name = given("move").unwrap_or_default();
    let on_behalf_of = given("on_behalf_of").filter(|absent| !absent.is_empty());
    let key = given("key").filter(|key| (1..=200).contains(&key.len()));
    let tz = definition.suite.time_zone;
    let filling = moves::read(&received.sent, &fields, received.evidence, &sight.directory, tz)?;
    let act = moves::act(&name, item, filling);
    let act = act.ok_or_else(|| Failure::Bad("请填写日期或接办人，再提交".to_owned()))?;
    let actor = Actor::Person {
        person: sight.person.clone(),
        on_behalf_of: on_behalf_of.map(|absent| absent.as_str().into()),
    };
    app.engine.act(&id, actor, act, key).await?;
    Ok(())
}

#[derive(Deserialize)]
pub(crate) struct DownloadQuery {
    name: Option<String>,
}

/// A file that some event of the case names. It is saved, never shown inside a page.
pub(crate) async fn download<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    Path((case, digest)): Path<(String, String)>,
    Query(query): Query<DownloadQuery>,
) -> Result<Response, Failure> {
    let id = CaseId::new(&case);
    visible(&app, &visitor, &id).await?;
    if !is_named(&app, &id, &format!("sha256:{digest}")).await? {
        return Err(Failure::Missing);
    }
    let found = app.evidence().open(&digest).await.map_err(EvidenceError::failure)?;
    Ok(download::download(found, query.name.as_deref()))
}

async fn is_named<S: Store>(app: &App<S>, id: &CaseId, address: &str) -> Result<bool, Failure> {
    let mut after = 0;
    loop {
        let rows = app.engine.events(id, after, 500).await?;
        let Some(last) = rows.last() else { return Ok(false) };
        after = last.seq;
        if rows.iter().any(|row| row.text.contains(address)) {
            return Ok(true);
        }
    }
}
