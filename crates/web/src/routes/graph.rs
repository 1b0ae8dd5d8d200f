//! A case as a graph, as a timeline, and what comes next for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::WithRejection;
use duban_core::{Case, CaseHead, CaseId, Refusal, Teller, decode};
use duban_documents::{Dag, Node};
use duban_engine::{EngineError, next_steps};
use duban_model::Definition;
use duban_store::{Cursor, Page, Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::cases::Rejecting;
use super::items::LineView;
use crate::page::{self, Part};
use crate::pages::case::{picture, what_zh};
use crate::problem::Problem;
use crate::server::App;
use crate::view::word;

/// A task in a graph.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// The task's id, or `WORKFLOW/TASK` of another workflow.
    id: String,
    title: String,
    /// What stands below the title: its status, or how often it is owed.
    note: String,
    /// The worst light of its items; empty without a case; `foreign`: of another workflow.
    class: String,
    /// Keys of its items, in a case.
    items: Vec<String>,
}

/// What one task needs of another.
#[derive(Serialize, ToSchema)]
pub(crate) struct EdgeView {
    from: String,
    to: String,
    /// For example `≥3`; empty: all of its items.
    label: String,
}

/// Tasks and what they need.
#[derive(Serialize, ToSchema)]
pub(crate) struct GraphView {
    title: String,
    nodes: Vec<NodeView>,
    edges: Vec<EdgeView>,
}

impl GraphView {
    pub(crate) fn of(dag: Dag, case: Option<&Case>) -> Self {
        let items = |id: &str| -> Vec<String> {
            let items = case.map(|case| case.items_of(id).map(|item| item.key.to_string()));
            items.map(Iterator::collect).unwrap_or_default()
        };
        let node = |node: Node| NodeView {
            items: items(&node.id),
            id: node.id,
            title: node.title,
            note: node.note,
            class: node.class,
        };
        let edge = |(from, to, label)| EdgeView { from, to, label };
        Self {
            title: dag.title,
            nodes: dag.nodes.into_iter().map(node).collect(),
            edges: dag.edges.into_iter().map(edge).collect(),
        }
    }
}

async fn with_definition<S: Store>(
    app: &App<S>,
    case: &CaseId,
) -> Result<(Case, Arc<Definition>), Problem> {
    let case = app.engine.case(case).await?;
    let definition = app.engine.definition(&case.head().definition).await?;
    Ok((case, definition))
}

pub(crate) fn svg(dag: &Dag) -> Response {
    let kind = HeaderValue::from_static("image/svg+xml");
    ([(CONTENT_TYPE, kind)], dag.file()).into_response()
}

/// A case's graph with the state of each task: as JSON, or as a picture for who accepts
/// `image/svg+xml`.
#[utoipa::path(get, path = "/api/v1/cases/{case}/graph", tag = "cases", params(("case" = String, Path)),
    responses((status = 200, content((GraphView = "application/json"), (String = "image/svg+xml"))),
        (status = 404, description = "there is no such case")))]
pub(crate) async fn graph<S: Store>(
    State(app): State<App<S>>,
    headers: HeaderMap,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    let id = CaseId::new(&case);
    let (case, definition) = with_definition(&app, &id).await?;
    let dag = picture(&id, &case, &definition, app.engine.now());
    let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let mut response = if accepts.contains("image/svg+xml") {
        svg(&dag)
    } else {
        Json(GraphView::of(dag, Some(&case))).into_response()
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// A case's graph as a picture.
#[utoipa::path(get, path = "/api/v1/cases/{case}/graph.svg", tag = "cases", params(("case" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String),
        (status = 404, description = "there is no such case")))]
pub(crate) async fn graph_svg<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Response, Problem> {
    let id = CaseId::new(&case);
    let (case, definition) = with_definition(&app, &id).await?;
    Ok(svg(&picture(&id, &case, &definition, app.engine.now())))
}

/// A moment to come.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpcomingView {
    at: String,
    /// To which item; left out: to the case.
    item: Option<String>,
    /// What, for example `due` or `rung`.
    what: String,
    /// The same as people read it.
    text: String,
}

/// What comes next for a case when nobody does anything, earliest first.
#[utoipa::path(get, path = "/api/v1/cases/{case}/next", tag = "cases", params(("case" = String, Path)),
    responses((status = 200, body = Vec<UpcomingView>), (status = 404, description = "there is no such case")))]
pub(crate) async fn next<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
) -> Result<Json<Vec<UpcomingView>>, Problem> {
    let case = app.engine.case(&CaseId::new(&case)).await?;
    let view = |step: duban_engine::Upcoming| UpcomingView {
        at: step.at.to_string(),
        item: step.item.map(|item| item.to_string()),
        text: what_zh(&step.what),
        what: word(&step.what),
    };
    Ok(Json(next_steps(&case, app.engine.now()).into_iter().map(view).collect()))
}

/// Which part of a log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    /// The `next` of the page before: a position in the log.
    #[param(value_type = Option<u64>, maximum = 9_223_372_036_854_775_807_u64)]
    after: Option<String>,
    /// Events to be told of, 50 where it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// What happened to a case, oldest first, as people read it. Events that are bookkeeping are not
/// told of, so that a page may hold fewer lines than `limit`.
#[utoipa::path(get, path = "/api/v1/cases/{case}/timeline", tag = "cases",
    params(("case" = String, Path), TimelineQuery),
    responses((status = 200, body = Part<LineView>, description = "`rows`, and `next` where there is more"),
        (status = 404, description = "there is no such case")))]
pub(crate) async fn timeline<S: Store>(
    State(app): State<App<S>>,
    OriginalUri(uri): OriginalUri,
    WithRejection(Path(case), _): Rejecting<Path<String>>,
    WithRejection(Query(query), _): Rejecting<Query<TimelineQuery>>,
) -> Result<Response, Problem> {
    let after = page::position(query.after.as_deref()).map_err(Problem::store)?;
    let id = CaseId::new(&case);
    let limit = page::request(query.limit, None)?.limit;
    let row = app.engine.store().case(&case).await.map_err(Problem::store)?;
    let row = row.ok_or_else(|| EngineError::Refused(Refusal::NoCase(id.clone())))?;
    let head: CaseHead =
        serde_json::from_str(&row.data).map_err(StoreError::Unreadable).map_err(Problem::store)?;
    let definition = app.engine.definition(&head.definition).await?;
    let directory = app.engine.directory();
    let teller = Teller::new(&definition, &directory).of_case(&head);
    let rows = app.engine.events(&id, after, limit).await?;
    let last = rows.last().map(|row| row.seq).filter(|last| *last < row.version);
    let mut lines = Vec::new();
    for row in rows {
        let event = match decode(&row.text) {
            Ok(event) => event,
            Err(error) => {
                app.engine.note_unreadable(&row.case, &format!("event {}", row.seq), &error);
                let text = format!("第 {} 条记录无法读取", row.seq);
                lines.push(LineView { seq: row.seq, at: String::new(), text });
                continue;
            }
        };
        if let Some(text) = teller.line(&event) {
            lines.push(LineView { seq: event.seq, at: event.at.to_string(), text });
        }
    }
    let page = Page { rows: lines, next: last.map(|last| Cursor(last.to_string())) };
    Ok(page::answer(&uri, page, |line| line))
}
