//! Deliveries and dead letters.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_calendar::{Instant, Tz, local};
use duban_core::{Body, CaseId};
use duban_store::{Cursor, DeliveryFilter, DeliveryState, PageRequest, Store};
use serde::Deserialize;

use crate::account::AdminPost;
use crate::pages::case::state_zh;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, go, render};
use crate::server::App;
use crate::session::Visitor;

const LINES: u32 = 50;

#[derive(Deserialize)]
pub(crate) struct DeliveriesQuery {
    state: Option<String>,
    after: Option<String>,
}

struct Line {
    at: String,
    kind: String,
    to: usize,
    state: &'static str,
    attempts: u32,
    error: String,
    case: String,
    seq: u64,
    is_dead: bool,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    shell: Shell,
    states: Vec<(&'static str, &'static str, bool)>,
    lines: Vec<Line>,
    next: Option<String>,
}

const STATES: [(&str, DeliveryState); 3] = [
    ("dead", DeliveryState::Dead),
    ("pending", DeliveryState::Pending),
    ("delivered", DeliveryState::Delivered),
];

/// What a message says is not for the administrator of the system: kinds and numbers are shown.
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let wanted = query.state.as_deref();
    let (word, state) =
        STATES.into_iter().find(|(word, _)| Some(*word) == wanted).unwrap_or(STATES[0]);
    let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
    let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
    let page = app.engine.deliveries(filter, request).await?;
    let next =
        page.next.map(|cursor| format!("/deliveries?state={word}&after={}", encode(&cursor.0)));
    let line = |row: duban_store::DeliveryRow| {
        let (kind, to) = match &row.outgoing.body {
            Body::People(sent) => (sent.kind.zh().to_owned(), sent.people.len()),
            Body::Case(..) => ("事项之间".to_owned(), 0),
        };
        let at = local(Instant::from_millis(row.outgoing.at), Tz::Asia__Shanghai);
        Line {
            at: at.format("%Y-%m-%d %H:%M").to_string(),
            kind,
            to,
            state: state_zh(row.state),
            attempts: row.attempts,
            error: row.error.unwrap_or_default(),
            case: row.outgoing.case,
            seq: row.outgoing.seq,
            is_dead: row.state == DeliveryState::Dead,
        }
    };
    let lines = page.rows.into_iter().map(line).collect();
    let directory = app.engine.directory();
    let shell = Shell::new("送达", "/deliveries", &visitor, &directory, &headers);
    let states = STATES.map(|(one, state)| (one, state_zh(state), one == word)).to_vec();
    Ok(render(&DeliveriesPage { shell, states, lines, next }))
}

#[derive(Deserialize)]
pub(crate) struct RetryForm {
    case: String,
    seq: u64,
}

pub(crate) async fn retry<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    Form(form): Form<RetryForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    if app.engine.retry_delivery(&CaseId::new(&form.case), form.seq).await? {
        Ok(go("/deliveries"))
    } else {
        Err(Failure::Missing)
    }
}
