//! One case: its graph with states, tasks, timeline, deliveries, what comes next.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Instant;
use duban_core::{Case, CaseId, Item, ItemKind, Light, MoveKind, Teller, light};
use duban_documents::{Dag, Node};
use duban_engine::{NextStep, Upcoming, next_steps};
use duban_model::{Assignee, Definition, Many, Workflow};
use duban_store::{DeliveryFilter, DeliveryState, PageRequest, Store};
use serde::Deserialize;

use crate::about::read;
use crate::lines::task_href;
use crate::offers;
use crate::pages::making;
use crate::pages::moves::{Desk, Forms, Tried};
use crate::pages::shell::Shell;
use crate::pages::standing::suspension;
use crate::pages::{Asked, Failure, Named, Uploaded, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Items that are shown; a case may have thousands.
const ITEMS_SHOWN: usize = 400;

/// Events that the timeline tells of, the latest.
const EVENTS_TOLD: u32 = 300;

/// Lines of the timeline that stand open; earlier ones are folded away.
const LATEST: usize = 20;

struct ItemLine {
    href: String,
    title: String,
    status: &'static str,
    /// Whether nobody may work on it, or its clock stands still.
    held: bool,
    light: &'static str,
    light_zh: &'static str,
    owner: String,
    due: String,
}

/// The items of one task: what is owed stands open, what is closed is folded away.
struct Group {
    title: String,
    open: Vec<ItemLine>,
    closed: Vec<ItemLine>,
}

struct DeliveryLine {
    kind: String,
    to: String,
    text: String,
    state: &'static str,
}

/// An item that a list of the case would add now, with the form that adds it.
struct CameLine {
    title: String,
    task: String,
    which: String,
}

/// What the directory would make of the case's lists now, and what else they need.
struct ListChanges {
    /// What the case itself needs attention for, with the remedy.
    needs: Vec<(&'static str, String, &'static str)>,
    came: Vec<CameLine>,
    /// Page and title of what is still owed and on no list any more.
    gone: Vec<(String, String)>,
    may_add: bool,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage {
    shell: Shell,
    status: &'static str,
    unit: String,
    period: String,
    lead: String,
    description: String,
    basis: String,
    faulted: Option<String>,
    suspended: Option<String>,
    changes: Option<ListChanges>,
    moves: Forms,
    done: bool,
    graph: String,
    groups: Vec<Group>,
    /// The list of the whole case, where it is too long for this page.
    all_href: Option<String>,
    timeline: Vec<String>,
    left_out: usize,
    next: Vec<String>,
    deliveries: Vec<DeliveryLine>,
    deliveries_go_on: bool,
}

/// A case that the visitor may see, with what it runs on.
pub(crate) async fn visible<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    id: &CaseId,
) -> Result<(Sight, Case, Arc<Definition>), Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let case = app.engine.case(id).await?;
    // Whoever may not see it learns nothing of whether it exists.
    if !sight.may_see(&case) {
        return Err(Failure::Missing);
    }
    let definition = app.engine.definition(&case.head().definition).await?;
    Ok((sight, case, definition))
}

#[derive(Deserialize)]
pub(crate) struct CaseQuery {
    /// What the last move did.
    done: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(Query(query), _): Asked<CaseQuery>,
) -> Result<Response, Failure> {
    page(&app, &visitor, &headers, CaseId::new(&id), &query, None).await
}

/// Makes a move on the case as a whole.
pub(crate) async fn make_move<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(form, _): Uploaded,
) -> Result<Response, Failure> {
    let id = CaseId::new(&id);
    let query = CaseQuery { done: None };
    let show_again =
        async |tried| page(&app, &visitor, &headers, id.clone(), &query, Some(&tried)).await;
    making::make(&app, &visitor, (&id, None), &format!("/cases/{id}"), form, show_again).await
}

/// The forms of the moves that may be made on the case.
async fn forms<S: Store>(
    app: &App<S>,
    sight: &Sight,
    case: &Case,
    teller: &Teller<'_>,
    tried: Option<&Tried>,
) -> Result<Forms, Failure> {
    let id = case.id();
    let offers = offers::offered(&app.engine, sight, &id, None).await?;
    let near = &case.head().name.unit;
    let desk = Desk { teller, item: None, fields: &[], evidence_owed: &[], near, tried };
    desk.forms(format!("/cases/{id}"), offers)
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    id: CaseId,
    query: &CaseQuery,
    tried: Option<&Tried>,
) -> Result<Response, Failure> {
    let (sight, case, definition) = visible(app, visitor, &id).await?;
    let head = case.head();
    let teller = Teller::new(&definition, &sight.directory).of_case(head);
    let now = app.engine.now();
    let left_out = head.version.saturating_sub(u64::from(EVENTS_TOLD));
    let log = read(&app.engine, &app.engine.events(&id, left_out, EVENTS_TOLD).await?);
    let told: Vec<String> = log.iter().filter_map(|event| teller.line(event)).collect();
    let filter = DeliveryFilter { case: Some(id.as_str().to_owned()), ..DeliveryFilter::default() };
    let deliveries = app.engine.deliveries(filter, PageRequest::first(100)).await?;
    let deliveries_go_on = deliveries.next.is_some();
    let deliveries = deliveries.rows.into_iter().filter_map(|row| {
        let duban_core::Body::People(sent) = row.outgoing.body else { return None };
        let to: Vec<String> =
            sent.to.iter().map(|to| sent.names.name_of(to, &sight.directory)).collect();
        let state = state_zh(row.state);
        Some(DeliveryLine {
            kind: sent.kind.zh().to_owned(),
            to: to.join("、"),
            text: sent.text,
            state,
        })
    });
    let deliveries = deliveries.collect();
    let moves = forms(app, &sight, &case, &teller, tried).await?;
    let unit = teller.name(&Assignee::Unit(head.name.unit.clone()));
    let title = format!("{} · {unit}", head.title);
    let shell = Shell::new(title, "", visitor, &sight.directory, headers).following(id.as_str());
    Ok(render(&CasePage {
        shell: with_path(shell, &format!("/cases/{id}")),
        status: head.status.zh(),
        unit,
        period: head.name.period.map(|period| period.name()).unwrap_or_default(),
        lead: head.lead.as_ref().map(|lead| teller.name(lead)).unwrap_or_default(),
        description: definition.workflow.description.clone().unwrap_or_default(),
        basis: definition.workflow.basis.join("、"),
        faulted: head.faulted.clone(),
        suspended: head.suspended.as_ref().map(|suspended| suspension(suspended, &teller)),
        changes: list_changes(&case, &teller, &moves),
        moves,
        done: query.done.is_some(),
        graph: picture(&id, &case, &definition, now).svg(),
        groups: groups(&id, &case, &definition, &teller, now),
        all_href: (case.items().count() > ITEMS_SHOWN).then(|| format!("/tasks?case={id}")),
        timeline: told.into_iter().rev().collect(),
        left_out: usize::try_from(left_out).unwrap_or(usize::MAX),
        next: next_steps(&case, now).iter().take(20).map(|step| coming(step, &teller)).collect(),
        deliveries,
        deliveries_go_on,
    }))
}

fn list_changes(case: &Case, teller: &Teller<'_>, moves: &Forms) -> Option<ListChanges> {
    let head = case.head();
    if head.attention.is_empty() {
        return None;
    }
    let needs = head.attention.iter();
    let needs =
        needs.map(|one| (one.kind.zh(), teller.task_title(&one.about), one.kind.remedy_zh()));
    let differs = head.differs.clone().unwrap_or_default();
    let came = differs.came.iter().take(ITEMS_SHOWN).filter_map(|key| {
        let (task, which) = key.as_str().split_once('/')?;
        let title = teller.key_title(key);
        Some(CameLine { title, task: task.to_owned(), which: which.to_owned() })
    });
    let gone = differs.gone.iter().take(ITEMS_SHOWN).map(|key| {
        let title = case.item(key).map_or_else(|| key.to_string(), |item| teller.item_title(item));
        (task_href(case.id().as_str(), key.as_str()), title)
    });
    Some(ListChanges {
        needs: needs.collect(),
        came: came.collect(),
        gone: gone.collect(),
        may_add: moves.forms.iter().any(|form| form.kind == MoveKind::AddItem),
    })
}

pub(crate) fn with_path(mut shell: Shell, path: &str) -> Shell {
    path.clone_into(&mut shell.path);
    shell
}

pub(crate) fn state_zh(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "待送达",
        DeliveryState::Delivered => "已送达",
        DeliveryState::Dead => "未送达",
    }
}

/// Items by task in the order of the workflow, open ones before closed ones.
fn groups(
    id: &CaseId,
    case: &Case,
    definition: &Definition,
    teller: &Teller<'_>,
    now: Instant,
) -> Vec<Group> {
    let mut items: Vec<_> = case.items().collect();
    items.sort_by_key(|item| (item.status.is_closed(), item.order));
    items.truncate(ITEMS_SHOWN);
    items.sort_by_key(|item| item.order);
    let line = |item: &Item| {
        let light = light(item, definition, now);
        ItemLine {
            href: task_href(id.as_str(), item.key.as_str()),
            title: teller.item_title(item),
            status: item.status.zh(),
            held: item.is_held() || item.blocked().is_some(),
            light: light.as_str(),
            light_zh: light.zh(),
            owner: item.owner.as_ref().map(|owner| teller.name(owner)).unwrap_or_default(),
            due: item.due().map(|due| teller.date(due)).unwrap_or_default(),
        }
    };
    let mut groups: Vec<(&str, Group)> = Vec::new();
    for item in items {
        if groups.last().is_none_or(|(task, _)| *task != item.task.as_str()) {
            let title = task_title(item, definition);
            let group = Group { title, open: Vec::new(), closed: Vec::new() };
            groups.push((item.task.as_str(), group));
        }
        if let Some((_, group)) = groups.last_mut() {
            let part = if item.status.is_closed() { &mut group.closed } else { &mut group.open };
            part.push(line(item));
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn task_title(item: &Item, definition: &Definition) -> String {
    match &item.kind {
        ItemKind::Task => {
            let task = definition.workflow.task(item.task.as_str());
            task.map_or_else(|| item.task.to_string(), |(_, task)| task.title.clone())
        }
        ItemKind::Interview { .. } => "约谈".to_owned(),
        ItemKind::Rectification { .. } => "整改".to_owned(),
        ItemKind::Extra { .. } => "增办任务".to_owned(),
    }
}

/// The workflow's graph, each task with the worst light of its items and how many are done.
pub(crate) fn picture(id: &CaseId, case: &Case, definition: &Definition, now: Instant) -> Dag {
    let mut dag = plain(&definition.workflow);
    for node in &mut dag.nodes {
        let items: Vec<_> = case.items_of(&node.id).collect();
        let worst = items.iter().map(|item| light(item, definition, now)).max();
        let done = items.iter().filter(|item| item.status.is_closed()).count();
        node.class = worst.unwrap_or(Light::Grey).as_str().to_owned();
        node.note = match items.as_slice() {
            [] => "未开始".to_owned(),
            [one] => one.status.zh().to_owned(),
            many => format!("{done}/{} 已结束", many.len()),
        };
        node.href = match items.as_slice() {
            [one] => Some(task_href(id.as_str(), one.key.as_str())),
            _ => None,
        };
    }
    dag
}

/// A workflow's graph without a case.
pub(crate) fn plain(workflow: &Workflow) -> Dag {
    let mut nodes = Vec::new();
    let mut edges = Vec::new();
    for task in &workflow.tasks {
        for need in &task.needs {
            let from = match &need.workflow {
                Some(other) => format!("{other}/{}", need.task),
                None => need.task.to_string(),
            };
            if need.workflow.is_some() && nodes.iter().all(|node: &Node| node.id != from) {
                let title = from.clone();
                let class = "foreign".to_owned();
                nodes.push(Node { id: from.clone(), title, class, ..Node::default() });
            }
            let label = match need.many {
                Many::All => String::new(),
                Many::AtLeast(number) => format!("≥{number}"),
            };
            edges.push((from, task.id.to_string(), label));
        }
        let note = task.every.map(|every| format!("每{}", every.zh())).unwrap_or_default();
        let title = task.title.clone();
        nodes.push(Node { id: task.id.to_string(), title, note, ..Node::default() });
    }
    Dag { title: workflow.title.clone(), nodes, edges }
}

/// What a moment to come is called.
pub(crate) fn what_zh(step: &NextStep) -> String {
    match step {
        NextStep::Resumes => "恢复".to_owned(),
        NextStep::Begins => "可以开始".to_owned(),
        NextStep::StartDue => "应签收".to_owned(),
        NextStep::DueSoon => "转黄灯".to_owned(),
        NextStep::Due => "到期".to_owned(),
        NextStep::ReportDue => "应反馈".to_owned(),
        NextStep::PlanChecked => "对照计划进度".to_owned(),
        NextStep::Stalls => "无进展即停滞".to_owned(),
        NextStep::Rung(ladder, rung) => format!("阶梯 {ladder} 第 {} 级", rung + 1),
        NextStep::ReviewRung(ladder, rung) => format!("审核阶梯 {ladder} 第 {} 级", rung + 1),
        NextStep::ReviewDue => "应审核".to_owned(),
        NextStep::WindowJudged => "判定本期".to_owned(),
        NextStep::WindowOpens(task) => format!("任务 {task} 的下一期开始"),
        NextStep::Renews => "下一期事项立项".to_owned(),
        other => format!("{other:?}"),
    }
}

fn coming(step: &Upcoming, teller: &Teller<'_>) -> String {
    let what = what_zh(&step.what);
    let item = step.item.as_ref().map(|item| teller.key_title(item)).unwrap_or_default();
    format!("{}  {what}  {item}", teller.date(step.at))
}
