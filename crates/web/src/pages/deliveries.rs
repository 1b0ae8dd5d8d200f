//! Deliveries and dead letters, channel by channel; to-dos of other systems.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Tz, local as civil};
use duban_core::{Body, CaseId};
use duban_model::says_nothing;
use duban_notify::todo::TodoStatus;
use duban_store::{
    ChannelNote, ChannelState, Cursor, DeliveryFilter, DeliveryRow, DeliveryState, PageRequest,
    Store,
};
use serde::Deserialize;

use crate::account::AdminPost;
use crate::pages::case::state_zh;
use crate::pages::shell::{Shell, encode, local};
use crate::pages::{Asked, Failure, Sent, go, render};
use crate::server::App;
use crate::session::Visitor;

const LINES: u32 = 50;

/// The longest reason for giving a delivery up, in characters.
const REASON_CHARS_MAX: usize = 200;

#[derive(Deserialize)]
pub(crate) struct DeliveriesQuery {
    state: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    channel: String,
    after: Option<String>,
}

struct ChannelLine {
    name: String,
    state: &'static str,
    /// When it is asked next, or what it said.
    more: String,
}

struct Line {
    at: String,
    kind: String,
    to: usize,
    state: &'static str,
    attempts: u32,
    error: String,
    channels: Vec<ChannelLine>,
    id: String,
    case: String,
    seq: u64,
    is_dead: bool,
    is_pending: bool,
}

/// A choice of a filter: value, name, whether it is chosen.
type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    shell: Shell,
    states: Vec<(&'static str, &'static str, bool)>,
    state: &'static str,
    kind: String,
    kinds: Vec<Choice>,
    channel: String,
    channels: Vec<Choice>,
    lines: Vec<Line>,
    next: Option<String>,
    todos: Vec<TodoStatus>,
}

const STATES: [(&str, DeliveryState); 3] = [
    ("dead", DeliveryState::Dead),
    ("pending", DeliveryState::Pending),
    ("delivered", DeliveryState::Delivered),
];

/// What a message says is not shown here: kinds, numbers and what channels answered are.
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<DeliveriesQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let wanted = query.state.as_deref();
    let (word, state) =
        STATES.into_iter().find(|(word, _)| Some(*word) == wanted).unwrap_or(STATES[0]);
    let filter = DeliveryFilter { state: Some(state), ..filter(&query.kind, &query.channel) };
    let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
    let page = app.engine.deliveries(filter, request).await?;
    let next = page.next.map(|cursor| {
        let (kind, channel) = (encode(&query.kind), encode(&query.channel));
        let after = encode(&cursor.0);
        format!("/deliveries?state={word}&kind={kind}&channel={channel}&after={after}")
    });
    let directory = app.engine.directory();
    let shell = Shell::new("送达", "/deliveries", &visitor, &directory, &headers);
    let states = STATES.map(|(one, state)| (one, state_zh(state), one == word)).to_vec();
    let messages = app.messages();
    let in_force = messages.templates.in_force();
    let kinds = in_force.iter().map(|one| (one.kind, format!("{}（{}）", one.zh, one.kind)));
    let kinds = kinds.chain([("message", "事项之间（message）".to_owned())]);
    let kinds = kinds.map(|(kind, name)| (kind.to_owned(), name, kind == query.kind));
    let channels = messages.channels.iter();
    let channels = channels.map(|name| (name.clone(), name.clone(), *name == query.channel));
    Ok(render(&DeliveriesPage {
        shell,
        states,
        state: word,
        kinds: kinds.collect(),
        kind: query.kind,
        channels: channels.collect(),
        channel: query.channel,
        lines: page.rows.into_iter().map(line).collect(),
        next,
        todos: messages.todos.iter().map(|todos| todos.status()).collect(),
    }))
}

fn filter(kind: &str, channel: &str) -> DeliveryFilter {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    DeliveryFilter { kind: some(kind), channel: some(channel), ..DeliveryFilter::default() }
}

fn line(row: DeliveryRow) -> Line {
    let (kind, to) = match &row.outgoing.body {
        Body::People(sent) if row.outgoing.seq > 0 => {
            (sent.kind.zh().to_owned(), sent.people.len())
        }
        Body::People(sent) => (row.outgoing.kind.clone(), sent.people.len()),
        Body::Case(..) => ("事项之间".to_owned(), 0),
    };
    Line {
        at: shown(row.outgoing.at),
        kind,
        to,
        state: state_zh(row.state),
        attempts: row.attempts,
        error: row.error.unwrap_or_default(),
        channels: row.channels.into_iter().map(channel_line).collect(),
        id: row.outgoing.id(),
        case: row.outgoing.case,
        seq: row.outgoing.seq,
        is_dead: row.state == DeliveryState::Dead,
        is_pending: row.state == DeliveryState::Pending,
    }
}

fn channel_line((name, note): (String, ChannelNote)) -> ChannelLine {
    let state = match note.state {
        ChannelState::Taken => "已收",
        ChannelState::Collapsed => "已并入后一次",
        ChannelState::Failed => "待重试",
        ChannelState::Held => "待时段开放",
        ChannelState::Paced => "排队限速",
        ChannelState::Dead => "已放弃",
    };
    let next = note.state.is_owed().then(|| shown(note.next_at));
    let more: Vec<String> = next.into_iter().chain(note.said).collect();
    ChannelLine { name, state, more: more.join(" ") }
}

fn shown(millis: i64) -> String {
    let at = civil(Instant::from_millis(millis), Tz::Asia__Shanghai);
    at.format("%Y-%m-%d %H:%M").to_string()
}

#[derive(Deserialize)]
pub(crate) struct RetryForm {
    case: String,
    seq: u64,
    #[serde(default)]
    back: String,
}

pub(crate) async fn retry<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<RetryForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    if app.engine.retry_delivery(&CaseId::new(&form.case), form.seq).await? {
        Ok(back(&form.back))
    } else {
        Err(Failure::Missing)
    }
}

#[derive(Deserialize)]
pub(crate) struct RetryAllForm {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    channel: String,
}

/// Puts every dead letter of the filter back.
pub(crate) async fn retry_all<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<RetryAllForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let back = app.engine.retry_deliveries(filter(&form.kind, &form.channel)).await?;
    tracing::info!(login = visitor.login, back, "dead letters were put back");
    Ok(go("/deliveries?state=pending"))
}

#[derive(Deserialize)]
pub(crate) struct GiveUpForm {
    case: String,
    seq: u64,
    reason: String,
    #[serde(default)]
    back: String,
}

/// Parks a pending delivery, with the reason and who gave it.
pub(crate) async fn give_up<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<GiveUpForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let reason = form.reason.trim();
    if says_nothing(reason) || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Failure::Bad(format!("放弃送达须写明理由，不超过 {REASON_CHARS_MAX} 字")));
    }
    let why = format!("{} 放弃：{reason}", visitor.login);
    app.engine.give_up_delivery(&CaseId::new(&form.case), form.seq, &why).await?;
    tracing::info!(
        login = visitor.login,
        case = form.case,
        seq = form.seq,
        "a delivery was given up"
    );
    Ok(back(&form.back))
}

/// Back to the filter that the form stood under.
fn back(path: &str) -> Response {
    match path.is_empty() {
        true => go("/deliveries"),
        false => go(&local(Some(path))),
    }
}
