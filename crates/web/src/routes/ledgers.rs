//! The ledgers: periodic duties, interviews, slips and notices, indicators.
//!
//! What a ledger says of a row is worked out from the row (`ledger.rs`); a filter by it goes over
//! the page's rows. A page may therefore hold fewer rows than `limit`, even none, and have a next.

use axum::extract::{OriginalUri, Query, State};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Window};
use duban_core::{Body, Item, ItemKind, Sent};
use duban_script::SlipColour;
use duban_store::{Cursor, DeliveryFilter, ItemFilter, Page, PageRequest, Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use super::items::{IndicatorView, NamedView, named};
use crate::ledger::{DutyState, InterviewState, Verdict, has_indicator, is_duty, tasks_with};
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::view::word;

/// Which rows of a ledger.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DutiesQuery {
    suite: Option<String>,
    workflow: Option<String>,
    task: Option<String>,
    /// A unit's code.
    unit: Option<String>,
    /// A window, for example `2022-H1`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    #[param(inline)]
    state: Option<DutyState>,
    /// Rows that are looked at, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A window of a duty.
#[derive(Serialize, ToSchema)]
pub(crate) struct DutyView {
    #[serde(flatten)]
    task: NamedView,
    /// The window as people read it.
    window_name: String,
    state: DutyState,
    /// Entries that count.
    entries: u32,
}

/// Rows of items that a view can be made of.
async fn items<S: Store, V: Serialize>(
    app: &App<S>,
    uri: &axum::http::Uri,
    filter: ItemFilter,
    part: PageRequest,
    view: impl Fn(NamedView, &Item) -> Option<V>,
) -> Result<Response, Problem> {
    let page = app.engine.tasks(filter, part).await?;
    let rows = named(app, page.rows).await?;
    let rows = rows.into_iter().filter_map(|(named, line)| view(named, &line.item)).collect();
    Ok(page::answer(uri, Page { rows, next: page.next }, |view| view))
}

/// A ledger without rows: no published workflow has what it is about. A filter by no tasks would
/// mean all of them. It has given no cursor either.
fn nothing(uri: &axum::http::Uri, part: PageRequest) -> Result<Response, Problem> {
    if let Some(Cursor(after)) = part.after {
        return Err(Problem::store(StoreError::BadCursor(after)));
    }
    Ok(page::answer(uri, Page { rows: Vec::<()>::new(), next: None }, |row| row))
}

/// Periodic duties: every window of every unit, by due date.
#[utoipa::path(get, path = "/api/v1/duties", params(DutiesQuery), tag = "ledgers",
    responses((status = 200, body = Part<DutyView>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn duties<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<DutiesQuery>>,
) -> Result<Response, Problem> {
    let part = page::request(query.limit, query.after)?;
    let tasks = tasks_with(&app, is_duty).await?;
    if tasks.is_empty() {
        return nothing(&uri, part);
    }
    let filter = ItemFilter {
        suite: query.suite,
        workflow: query.workflow,
        task: query.task,
        tasks: tasks.into_iter().map(|task| task.value).collect(),
        units: query.unit.into_iter().collect(),
        window: query.period.map(Window::key),
        ..ItemFilter::default()
    };
    items(&app, &uri, filter, part, |task, item| {
        let state = DutyState::of(item);
        let window_name = item.window?.name();
        let entries = item.entries_counting();
        let is_wanted = query.state.is_none_or(|wanted| wanted == state);
        is_wanted.then_some(DutyView { task, window_name, state, entries })
    })
    .await
}

/// Which rows of a ledger.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InterviewsQuery {
    suite: Option<String>,
    workflow: Option<String>,
    /// A unit's code.
    unit: Option<String>,
    /// The period of the case, for example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    #[param(inline)]
    state: Option<InterviewState>,
    /// Rows that are looked at, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An interview.
#[derive(Serialize, ToSchema)]
pub(crate) struct InterviewView {
    #[serde(flatten)]
    task: NamedView,
    /// Who is interviewed: a unit, post or person.
    who: String,
    who_name: String,
    why: String,
    /// The item that led to it.
    origin: String,
    state: InterviewState,
}

/// Interviews, by due date.
#[utoipa::path(get, path = "/api/v1/interviews", params(InterviewsQuery), tag = "ledgers",
    responses((status = 200, body = Part<InterviewView>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn interviews<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<InterviewsQuery>>,
) -> Result<Response, Problem> {
    let part = page::request(query.limit, query.after)?;
    let directory = app.engine.directory();
    let filter = ItemFilter {
        suite: query.suite,
        workflow: query.workflow,
        task: Some("interview".to_owned()),
        units: query.unit.into_iter().collect(),
        period: query.period.map(Window::key),
        ..ItemFilter::default()
    };
    items(&app, &uri, filter, part, |task, item| {
        let ItemKind::Interview { who, why, origin, .. } = &item.kind else { return None };
        let state = InterviewState::of(item);
        let is_wanted = query.state.is_none_or(|wanted| wanted == state);
        is_wanted.then(|| InterviewView {
            task,
            who: who.to_string(),
            who_name: item.names.name_of(who, &directory),
            why: why.clone(),
            origin: origin.to_string(),
            state,
        })
    })
    .await
}

/// Which rows of a ledger.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct IndicatorsQuery {
    suite: Option<String>,
    workflow: Option<String>,
    task: Option<String>,
    /// A unit's code.
    unit: Option<String>,
    /// The period of the case, for example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    #[param(inline)]
    state: Option<Verdict>,
    /// Rows that are looked at, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An indicator, or planned progress, of one item.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndicatorRow {
    #[serde(flatten)]
    task: NamedView,
    indicator: IndicatorView,
    /// In percent.
    progress: u8,
    /// Planned for the last plan date, in percent.
    planned: u8,
}

/// Indicators against their targets, and progress against plan, by due date.
#[utoipa::path(get, path = "/api/v1/indicators", params(IndicatorsQuery), tag = "ledgers",
    responses((status = 200, body = Part<IndicatorRow>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn indicators<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<IndicatorsQuery>>,
) -> Result<Response, Problem> {
    let part = page::request(query.limit, query.after)?;
    let tasks = tasks_with(&app, has_indicator).await?;
    if tasks.is_empty() {
        return nothing(&uri, part);
    }
    let filter = ItemFilter {
        suite: query.suite,
        workflow: query.workflow,
        task: query.task,
        tasks: tasks.iter().map(|task| task.value.clone()).collect(),
        units: query.unit.into_iter().collect(),
        period: query.period.map(Window::key),
        ..ItemFilter::default()
    };
    items(&app, &uri, filter, part, |task, item| {
        let is_wanted = query.state.is_none_or(|wanted| wanted == Verdict::of(item));
        let ending = format!("/{}", item.task);
        let unit = tasks.iter().find(|task| task.value.ends_with(&ending));
        let unit = unit.map(|task| task.unit.as_str()).unwrap_or_default();
        is_wanted.then(|| IndicatorRow {
            task,
            indicator: IndicatorView::of(item, unit),
            progress: item.progress,
            planned: item.planned,
        })
    })
    .await
}

/// What was issued.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    #[default]
    Slip,
    Notice,
    Refer,
}

/// Which rows of a ledger.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticesQuery {
    /// Slips where it is left out.
    #[serde(default)]
    #[param(inline)]
    kind: NoticeKind,
    suite: Option<String>,
    /// The code of the unit that the case was opened for.
    unit: Option<String>,
    /// The period of the case, for example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    /// Of which colour: `blue`, `yellow` or `red`.
    #[param(value_type = Option<String>)]
    colour: Option<SlipColour>,
    /// Rows that are looked at, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A slip, a notice or a referral.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeView {
    /// `CASE-SEQ`: also the delivery's id.
    id: String,
    case: String,
    /// The item that it is about; left out: the case.
    item: Option<String>,
    at: String,
    /// As people read it, for example 督办单.
    kind: &'static str,
    /// A slip's colour.
    colour: Option<String>,
    /// Its number within the case.
    number: Option<u32>,
    /// Whom it addresses.
    to: Vec<String>,
    /// The same by name.
    to_names: Vec<String>,
    /// Who held those posts then.
    people: Vec<String>,
    text: String,
    /// `pending`: it is to be sent; `delivered`: every channel has taken it; `dead`: a channel has
    /// given it up.
    state: String,
}

/// Slips, notices and referrals, by case and position. Those that arrived long ago and whose
/// deliveries were cleared away stand in the case's log alone.
#[utoipa::path(get, path = "/api/v1/notices", params(NoticesQuery), tag = "ledgers",
    responses((status = 200, body = Part<NoticeView>, description = "`rows`, perhaps fewer than `limit`, and `next` where there is more")))]
pub(crate) async fn notices<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<NoticesQuery>>,
) -> Result<Response, Problem> {
    let kind = match query.kind {
        NoticeKind::Slip => "slip",
        NoticeKind::Notice => "notice",
        NoticeKind::Refer => "refer",
    };
    let filter = DeliveryFilter {
        kind: Some(kind.to_owned()),
        suite: query.suite,
        unit: query.unit,
        period: query.period.map(Window::key),
        ..DeliveryFilter::default()
    };
    let page = app.engine.deliveries(filter, page::request(query.limit, query.after)?).await?;
    let directory = app.engine.directory();
    let view = |row: duban_store::DeliveryRow| {
        let (case, seq, at) = (row.outgoing.case, row.outgoing.seq, row.outgoing.at);
        let state = word(&row.state);
        let Body::People(sent) = row.outgoing.body else { return None };
        let Sent { kind, item, to, people, text, colour, number, names, .. } = *sent;
        let is_wanted = query.colour.is_none() || query.colour == colour;
        let colour = colour.map(|one| word(&one));
        is_wanted.then(|| NoticeView {
            id: format!("{case}-{seq}"),
            case,
            item: item.map(|item| item.to_string()),
            at: Instant::from_millis(at).to_string(),
            kind: kind.zh(),
            colour,
            number,
            to_names: to.iter().map(|to| names.name_of(to, &directory)).collect(),
            to: to.iter().map(ToString::to_string).collect(),
            people: people.iter().map(ToString::to_string).collect(),
            text,
            state,
        })
    };
    let rows: Vec<NoticeView> = page.rows.into_iter().filter_map(view).collect();
    Ok(page::answer(&uri, Page { rows, next: page.next }, |view| view))
}
