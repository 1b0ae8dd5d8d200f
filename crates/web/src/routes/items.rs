//! The tasks of a case, one of them in full, and what a person has to do.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_core::{
    CaseHead, CaseId, Deadline, Event, Hold, HoldCause, Item, ItemKey, ItemRow, Refusal, Status,
    Teller, due_reason, fields_of,
};
use duban_engine::EngineError;
use duban_model::{Definition, Directory, Field, FieldKind};
use duban_store::{ItemFilter, Page, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json_};
use utoipa::{IntoParams, ToSchema};

use super::cases::{Rejecting, etag};
use super::offers::{ForPerson, MoveView, moves_for};
use crate::about::{self, Kept, kept, occasion};
use crate::ledger::Verdict;
use crate::lines::{Lines, TaskLine};
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::sight::Sight;
use crate::view::{TaskView, word};

/// Which part of a listing.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartQuery {
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A task with the names that people read.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedView {
    #[serde(flatten)]
    pub(crate) row: TaskView,
    /// What people read for it.
    pub(crate) title: String,
    /// The title of its case.
    pub(crate) case_title: String,
    /// The name of its unit.
    pub(crate) unit_name: String,
}

/// Rows with the names that people read.
pub(crate) async fn named<S: Store>(
    app: &App<S>,
    rows: Vec<ItemRow>,
) -> Result<Vec<(NamedView, TaskLine)>, Problem> {
    let (mut lines, now) = (Lines::new(&app.engine), app.engine.now());
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let line = lines.line(row.clone()).await?;
        let view = NamedView {
            row: TaskView::new(row, now),
            title: line.title.clone(),
            case_title: line.measure.clone(),
            unit_name: line.unit.clone(),
        };
        views.push((view, line));
    }
    Ok(views)
}

/// The tasks of a case, by due date; those without one come last.
#[utoipa::path(get, path = "/api/v1/cases/{case}/tasks", tag = "tasks",
    params(("case" = String, Path), PartQuery),
    responses((status = 200, body = Part<NamedView>, description = "`rows`, and `next` where there is more"),
        (status = 404, description = "there is no such case")))]
pub(crate) async fn of_case<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<PartQuery>>,
) -> Result<Response, Problem> {
    if app.engine.store().case(&case).await.map_err(Problem::store)?.is_none() {
        return Err(EngineError::Refused(Refusal::NoCase(CaseId::new(&case))).into());
    }
    let filter = ItemFilter { case: Some(case), ..ItemFilter::default() };
    let page = app.engine.tasks(filter, page::request(query.limit, query.after)?).await?;
    let rows = named(&app, page.rows).await?;
    Ok(page::answer(&uri, Page { rows, next: page.next }, |(view, _)| view))
}

/// What waits on a person: as owner, as reviewer, by delegation, or for somebody for whom they
/// stand in today. By due date.
#[utoipa::path(get, path = "/api/v1/people/{person}/todo", tag = "tasks",
    params(("person" = String, Path), PartQuery),
    responses((status = 200, body = Part<NamedView>, description = "`rows`, and `next` where there is more"),
        (status = 404, description = "the directory has no such person")))]
pub(crate) async fn todo<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Path(person), _): Rejecting<Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<PartQuery>>,
) -> Result<Response, Problem> {
    let sight = sight_of(&app, &person).await?;
    let part = page::request(query.limit, query.after)?;
    let page = app.engine.waiting(&sight.assignees(), part).await?;
    let rows = named(&app, page.rows).await?;
    Ok(page::answer(&uri, Page { rows, next: page.next }, |(view, _)| view))
}

/// What somebody of the directory may see and do.
pub(crate) async fn sight_of<S: Store>(app: &App<S>, person: &str) -> Result<Sight, Problem> {
    let person = person.into();
    if app.engine.directory().person(&person).is_none() {
        return Err(Problem::missing());
    }
    Ok(Sight::of(&app.engine, &person).await?)
}

/// A version of a due date.
#[derive(Serialize, ToSchema)]
pub(crate) struct DueView {
    due: String,
    /// Why it is so, for example `definition` or `extension`.
    why: String,
    /// The same as people read it.
    why_text: String,
    /// Who granted it.
    by: Option<String>,
    /// Whether it was granted before the one before it had passed.
    in_time: bool,
    /// Whether it rests on a year whose holidays are not announced.
    provisional: bool,
}

impl From<&Deadline> for DueView {
    fn from(due: &Deadline) -> Self {
        Self {
            due: due.due.to_string(),
            why: word(&due.why),
            why_text: due_reason(&due.why),
            by: due.by.as_ref().map(ToString::to_string),
            in_time: due.in_time,
            provisional: due.provisional,
        }
    }
}

/// A field of a form.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldView {
    name: String,
    title: String,
    required: bool,
    /// Its type in the workflow language, for example `text`.
    kind: &'static str,
    /// What may be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    /// A table's columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    columns: Vec<Self>,
}

impl From<&Field> for FieldView {
    fn from(field: &Field) -> Self {
        let (mut choices, mut columns) = (Vec::new(), Vec::new());
        let kind = match &field.kind {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Integer => "integer",
            FieldKind::Money => "money",
            FieldKind::Date => "date",
            FieldKind::Bool => "bool",
            FieldKind::Choice(all) => {
                choices.clone_from(all);
                "choice"
            }
            FieldKind::Unit => "unit",
            FieldKind::Person => "person",
            FieldKind::File => "file",
            FieldKind::List => "list",
            FieldKind::Table(all) => {
                columns = all.iter().map(Self::from).collect();
                "table"
            }
        };
        let (name, title) = (field.name.clone(), field.title.clone());
        Self { name, title, required: field.required, kind, choices, columns }
    }
}

/// A file that came with a report or a submission.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileView {
    name: String,
    /// Its content address.
    file: String,
    at: String,
}

/// A reviewer.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewerView {
    /// A unit, post or person.
    who: String,
    name: String,
    /// Whether they have agreed to the submission in hand.
    agreed: bool,
    /// Whether it is their turn.
    pending: bool,
    /// By when they must answer, if it is their turn.
    due: Option<String>,
    /// Why a signer of a quorum does not agree.
    refused: Option<String>,
}

/// A cause that stops work on an item, or its clock.
#[derive(Serialize, ToSchema)]
pub(crate) struct HoldView {
    /// `order` of the supervision office, `own` wish of the owner, another `item` that is open,
    /// the `case` that is suspended, or `suspended` in an older version.
    cause: String,
    /// The reason, or the key of the other item.
    why: String,
    since: String,
    /// When it ends by itself.
    until: Option<String>,
    /// Whether the clock stands still.
    stops_clock: bool,
}

impl From<&Hold> for HoldView {
    fn from(hold: &Hold) -> Self {
        let why = match &hold.cause {
            HoldCause::Suspended(why)
            | HoldCause::Order(why)
            | HoldCause::Own(why)
            | HoldCause::Case(why)
            | HoldCause::Above(why) => why.clone(),
            HoldCause::Item(key) => key.to_string(),
        };
        Self {
            cause: word(&hold.cause),
            why,
            since: hold.since.to_string(),
            until: hold.until.map(|until| until.to_string()),
            stops_clock: hold.remaining.is_some(),
        }
    }
}

/// A suspension that was asked for and not answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskedSuspensionView {
    until: Option<String>,
    reason: String,
    at: String,
}

/// A number with a target.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndicatorView {
    /// In what it counts.
    unit: String,
    /// As last reported; a decimal number in text.
    value: Option<String>,
    target: Option<String>,
    verdict: Verdict,
}

impl IndicatorView {
    pub(crate) fn of(item: &Item, unit: &str) -> Self {
        let text = |number: Option<rust_decimal::Decimal>| {
            number.map(|number| number.normalize().to_string())
        };
        Self {
            unit: unit.to_owned(),
            value: text(item.value),
            target: text(item.target),
            verdict: Verdict::of(item),
        }
    }
}

/// An extension that was asked for and not answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskedView {
    until: String,
    reason: String,
    at: String,
}

/// An event as people read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct LineView {
    /// Its position in the case's log.
    pub(crate) seq: u64,
    pub(crate) at: String,
    /// When, who, what; in Chinese.
    pub(crate) text: String,
}

/// Everything that is known of a task.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemView {
    #[serde(flatten)]
    task: NamedView,
    description: Option<String>,
    /// Rows of the document that it carries.
    basis: Vec<String>,
    /// Why it came about, for interviews, rectifications and opened tasks.
    occasion: Option<String>,
    /// Which attempt, from 1.
    attempt: u32,
    /// Earlier attempts with their forms and files.
    #[schema(value_type = Vec<Object>)]
    attempts: Json_,
    /// A duty's entries.
    #[schema(value_type = Vec<Object>)]
    entries: Json_,
    /// The fields that a submission fills.
    fields: Vec<FieldView>,
    /// What the last submission filled in.
    #[schema(value_type = Object)]
    form: Map<String, Json_>,
    /// Names of the files that a submission owes.
    evidence_owed: Vec<String>,
    /// Files so far, the latest first.
    files: Vec<FileView>,
    /// Every version of the due date, oldest first.
    dues: Vec<DueView>,
    /// The extension asked for.
    asked: Option<AskedView>,
    /// The suspension asked for.
    asked_suspension: Option<AskedSuspensionView>,
    /// What stops work on it, or its clock.
    holds: Vec<HoldView>,
    reviewers: Vec<ReviewerView>,
    /// Who handles it for the owner.
    handler: Option<String>,
    /// In percent.
    progress: u8,
    /// Planned for the last plan date, in percent.
    planned: u8,
    indicator: Option<IndicatorView>,
    /// What happened to it, oldest first.
    history: Vec<LineView>,
    /// The moves that `person` may make now; left out without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    moves: Option<Vec<MoveView>>,
}

/// One task with its form, files, due dates, reviewers, attempts and history. Its `ETag` is the
/// case's, for `If-Match` of a move.
#[utoipa::path(get, path = "/api/v1/cases/{case}/tasks/{item}", tag = "tasks",
    params(("case" = String, Path), ("item" = String, Path, description = "the item's key, percent-encoded"), ForPerson),
    responses((status = 200, body = ItemView), (status = 404, description = "there is no such case, item or person")))]
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path((case, item)), _): Rejecting<Path<(String, String)>>,
    WithRejection(Query(query), _): Rejecting<Query<ForPerson>>,
) -> Result<Response, Problem> {
    let (id, key) = (CaseId::new(&case), ItemKey::new(&item));
    let case = app.engine.case(&id).await?;
    let definition = app.engine.definition(&case.head().definition).await?;
    let item = case.item(&key).ok_or_else(|| EngineError::Refused(Refusal::NoItem(key.clone())))?;
    let own = about::events(&app.engine, &id, &key).await?;
    let row = ItemRow::of(&id, item, &definition);
    let (task, _) = named(&app, vec![row]).await?.pop().ok_or_else(Problem::missing)?;
    let scene = Scene { definition, directory: app.engine.directory() };
    let mut view = scene.view(case.head(), item, task, &own);
    if let Some(person) = query.person {
        let teller = Teller::new(&scene.definition, &scene.directory);
        view.moves = Some(moves_for(&app, &person, (&id, Some(&key)), &teller).await?);
    }
    let mut response = Json(view).into_response();
    response.headers_mut().insert(ETAG, etag(case.head().version));
    Ok(response)
}

/// What an item is told with.
struct Scene {
    definition: Arc<Definition>,
    directory: Arc<Directory>,
}

impl Scene {
    fn view(&self, head: &CaseHead, item: &Item, named: NamedView, own: &[Event]) -> ItemView {
        let teller = Teller::new(&self.definition, &self.directory).of_case(head);
        let task = self.definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
        let json = |value: Result<Json_, serde_json::Error>| value.unwrap_or_default();
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let file = |one: Kept<'_>| FileView {
            name: one.name.to_owned(),
            file: one.file.to_owned(),
            at: one.at.to_string(),
        };
        let is_turn = |who: &duban_model::Assignee| {
            item.status == Status::Submitted && item.review.pending().contains(&who)
        };
        let refusal = |who: &duban_model::Assignee| {
            let found = item.review.refused.iter().find(|one| one.member == *who);
            found.map(|one| one.reason.clone())
        };
        let reviewer = |who: &duban_model::Assignee| ReviewerView {
            who: who.to_string(),
            name: teller.name(who),
            agreed: item.review.agreed.contains(who),
            pending: is_turn(who),
            due: item.review.due_of(who).filter(|_| is_turn(who)).map(|due| due.to_string()),
            refused: refusal(who),
        };
        let line = |event: &Event| {
            let (seq, at) = (event.seq, event.at.to_string());
            Some(LineView { seq, at, text: teller.line(event)? })
        };
        let indicator = task.and_then(|task| task.indicator.as_ref());
        ItemView {
            task: named,
            description: task.and_then(|task| task.description.clone()),
            basis: task.map(|task| task.basis.clone()).unwrap_or_default(),
            occasion: text(occasion(item, &teller)),
            attempt: item.attempt,
            attempts: json(serde_json::to_value(&item.attempts)),
            entries: json(serde_json::to_value(&item.entries)),
            fields: fields_of(item, task).iter().map(FieldView::from).collect(),
            form: item.form.as_ref().clone(),
            evidence_owed: task.map(|task| task.evidence.clone()).unwrap_or_default(),
            files: kept(own).into_iter().map(file).collect(),
            dues: item.deadlines.iter().map(DueView::from).collect(),
            asked: item.asked.as_ref().map(|asked| AskedView {
                until: asked.until.to_string(),
                reason: asked.reason.clone(),
                at: asked.at.to_string(),
            }),
            asked_suspension: item.asked_suspension.as_ref().map(|asked| AskedSuspensionView {
                until: asked.until.map(|until| until.to_string()),
                reason: asked.reason.clone(),
                at: asked.at.to_string(),
            }),
            holds: item.holds.iter().map(HoldView::from).collect(),
            reviewers: item.review.members.iter().map(reviewer).collect(),
            handler: item.handler.as_ref().map(ToString::to_string),
            progress: item.progress,
            planned: item.planned,
            indicator: indicator.map(|indicator| IndicatorView::of(item, &indicator.unit)),
            history: own.iter().filter_map(line).collect(),
            moves: None,
        }
    }
}
