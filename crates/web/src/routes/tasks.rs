//! Tasks, their lights, and points.

use axum::Json;
use axum::extract::{OriginalUri, Query, State};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Window;
use duban_core::{AttentionKind, Status};
use duban_model::Assignee;
use duban_store::{AttentionFilter, ItemFilter, LightFilter, ScoreFilter, Store};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use crate::page::{self, Part};
use crate::problem::Problem;
use crate::server::App;
use crate::view::{LightsView, PointsView, ScoreView, TaskView};

/// A light to look for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LightQuery {
    Green,
    Yellow,
    Red,
}

/// Which tasks.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    case: Option<String>,
    suite: Option<String>,
    workflow: Option<String>,
    /// A task, or `interview`, `rectification`, `extra`.
    task: Option<String>,
    /// A unit's code.
    unit: Option<String>,
    /// `waiting`, `ready`, `active`, `submitted`, `done`, `skipped` or `cancelled`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// On whom it waits: `unit:CODE`, `post:CODE/NAME` or `person:ID`.
    #[param(value_type = Option<String>)]
    on: Option<Assignee>,
    /// The period of the case, for example `2022`.
    #[param(value_type = Option<String>)]
    period: Option<Window>,
    /// Those that nobody can move on: `any`, or a kind, for example `owner_vacant`.
    attention: Option<String>,
    /// With this light now.
    #[param(inline)]
    light: Option<LightQuery>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Tasks, by due date; those without one come last.
#[utoipa::path(get, path = "/api/v1/tasks", params(ListQuery), tag = "tasks",
    responses((status = 200, body = Part<TaskView>, description = "`rows`, and `next` where there is more")))]
pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<ListQuery>>,
) -> Result<Response, Problem> {
    let now = app.engine.now();
    let light = query.light.map(|light| match light {
        LightQuery::Green => LightFilter::Green,
        LightQuery::Yellow => LightFilter::Yellow,
        LightQuery::Red => LightFilter::Red,
    });
    let attention = query.attention.as_deref().map(attention_filter).transpose()?;
    let filter = ItemFilter {
        attention,
        case: query.case,
        workflow: query.workflow,
        task: query.task,
        suite: query.suite,
        period: query.period.map(Window::key),
        units: query.unit.into_iter().collect(),
        statuses: query.status.iter().map(|status| status.as_str().to_owned()).collect(),
        waiting_on: query.on.iter().map(ToString::to_string).collect(),
        light: light.map(|light| (light, now.millis())),
        ..ItemFilter::default()
    };
    let page = app.engine.tasks(filter, page::request(query.limit, query.after)?).await?;
    Ok(page::answer(&uri, page, |row| TaskView::new(row, now)))
}

pub(super) fn attention_filter(word: &str) -> Result<AttentionFilter, Problem> {
    if word == "any" {
        return Ok(AttentionFilter::Any);
    }
    let kind = AttentionKind::named(word);
    let kind = kind.map(|kind| AttentionFilter::Kind(kind.as_str().to_owned()));
    kind.ok_or_else(|| {
        let known: Vec<&str> = AttentionKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::bad_request(format!(
            "`attention` must be `any` or one of {}; got `{word}`",
            known.join(", ")
        ))
    })
}

/// Of which suite.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuiteQuery {
    /// A suite's id; left out: all.
    suite: Option<String>,
}

/// How many tasks of which workflow and unit have which light now.
#[utoipa::path(get, path = "/api/v1/lights", params(SuiteQuery), tag = "tasks",
    responses((status = 200, body = Vec<LightsView>)))]
pub(crate) async fn lights<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Rejecting<Query<SuiteQuery>>,
) -> Result<Json<Vec<LightsView>>, Problem> {
    let counts = app.engine.lights(query.suite.as_deref()).await?;
    Ok(Json(counts.into_iter().map(LightsView::from).collect()))
}

/// Points by unit.
#[utoipa::path(get, path = "/api/v1/scores", params(SuiteQuery), tag = "tasks",
    responses((status = 200, body = Vec<ScoreView>)))]
pub(crate) async fn scores<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Rejecting<Query<SuiteQuery>>,
) -> Result<Json<Vec<ScoreView>>, Problem> {
    let totals = app.engine.scores(query.suite.as_deref()).await?;
    Ok(Json(totals.into_iter().map(ScoreView::from).collect()))
}

/// Which points.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    /// Given in cases of this suite.
    suite: Option<String>,
    /// Given to this unit, by code.
    unit: Option<String>,
    /// Given in this case.
    case: Option<String>,
    /// Rows, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Points one by one, with the reason for each, by case and position.
#[utoipa::path(get, path = "/api/v1/scores/entries", params(EntriesQuery), tag = "tasks",
    responses((status = 200, body = Part<PointsView>, description = "`rows`, and `next` where there is more")))]
pub(crate) async fn score_entries<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Query(query), _): Rejecting<Query<EntriesQuery>>,
) -> Result<Response, Problem> {
    let filter = ScoreFilter { suite: query.suite, unit: query.unit, case: query.case };
    let page = app.engine.score_entries(filter, page::request(query.limit, query.after)?).await?;
    Ok(page::answer(&uri, page, PointsView::from))
}
