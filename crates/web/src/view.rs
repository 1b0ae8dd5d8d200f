//! What answers look like. Instants are RFC 3339 in UTC.

use std::collections::BTreeMap;

use duban_calendar::Instant;
use duban_core::{Attention, CaseHead, CaseRow, Item, ItemRow, Status, Turns, light_at};
use duban_store::{
    ChannelNote, ChannelState, DeliveryRow, DeliveryState, Entry, EventRow, LightCount, ScoreRow,
    ScoreTotal, SearchWords,
};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::snippet::{Stretch, snippet};

fn time(millis: i64) -> String {
    Instant::from_millis(millis).to_string()
}

/// The word for a choice that may carry data: that is left out.
pub(crate) fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(Json::String(word)) => word,
        Ok(Json::Object(one)) => one.into_iter().next().map(|(word, _)| word).unwrap_or_default(),
        _ => String::new(),
    }
}

/// A case.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseView {
    /// Its id.
    id: String,
    suite: String,
    workflow: String,
    /// The code of the unit it was opened for.
    unit: String,
    /// What it covers, for example `2022`.
    period: Option<String>,
    title: String,
    /// `open`, `closed`, `struck_off` or `cancelled`.
    status: String,
    /// Whether it is left alone because it failed inside the engine.
    faulted: bool,
    /// What it failed with.
    fault: Option<String>,
    /// Events so far; also its `ETag`.
    version: u64,
    opened_at: String,
    closed_at: Option<String>,
    /// When it is looked at next, if nobody does anything.
    next_wakeup: Option<String>,
    /// What the case itself needs attention for; its tasks say the rest.
    attention: Vec<AttentionView>,
}

impl From<CaseRow> for CaseView {
    fn from(row: CaseRow) -> Self {
        let head = Some(&row.data).filter(|_| row.faulted || row.attention.is_some());
        let head = head.and_then(|data| serde_json::from_str::<CaseHead>(data).ok());
        Self {
            id: row.id,
            suite: row.suite,
            workflow: row.workflow,
            unit: row.unit,
            period: row.period,
            title: row.title,
            status: row.status,
            faulted: row.faulted,
            attention: head
                .iter()
                .flat_map(|head| &head.attention)
                .map(AttentionView::from)
                .collect(),
            fault: head.and_then(|head| head.faulted),
            version: row.version,
            opened_at: time(row.opened_at),
            closed_at: row.closed_at.map(time),
            next_wakeup: row.next_wakeup.map(time),
        }
    }
}

/// An item of a task.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskView {
    case: String,
    /// Its key, unique in the case.
    item: String,
    /// The task, or `interview`, `rectification`, `extra`.
    task: String,
    unit: String,
    /// `waiting`, `ready`, `active`, `submitted`, `done`, `skipped` or `cancelled`.
    status: String,
    /// `green`, `yellow`, `red` or `grey`, now.
    light: Option<String>,
    /// Whether work on it has stopped for a while.
    held: bool,
    owner: Option<String>,
    /// On whom it waits; several are joined by a space.
    waiting_on: Option<String>,
    since: String,
    due: Option<String>,
    /// A duty's window, for example `2022-H1`.
    window: Option<String>,
    /// Why nobody can move on it; empty: somebody can, or only time is awaited.
    attention: Vec<AttentionView>,
}

/// Why nobody can move on a task, or what a case needs somebody to look at.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttentionView {
    /// For example `owner_vacant`.
    kind: &'static str,
    /// What it is about: `post:CODE/NAME`, `unit:CODE`, a key, `workflow/task`, a task.
    about: String,
    since: String,
    /// The kind as people read it.
    title: &'static str,
    /// What an office does about it.
    remedy: &'static str,
}

/// What a row says that needs attention; only few rows are read for it.
fn attention(row: &ItemRow) -> Vec<AttentionView> {
    let Some(_) = &row.attention else { return Vec::new() };
    let item = serde_json::from_str::<Item>(&row.data);
    let all = item.map(|item| item.attention).unwrap_or_default();
    all.iter().map(AttentionView::from).collect()
}

impl From<&Attention> for AttentionView {
    fn from(one: &Attention) -> Self {
        Self {
            kind: one.kind.as_str(),
            about: one.about.clone(),
            since: one.since.to_string(),
            title: one.kind.zh(),
            remedy: one.kind.remedy_zh(),
        }
    }
}

impl TaskView {
    pub(crate) fn new(row: ItemRow, now: Instant) -> Self {
        let at = |millis: Option<i64>| millis.map(Instant::from_millis);
        let turns = Turns { yellow_at: at(row.yellow_at), red_at: at(row.red_at) };
        let status = serde_json::from_value::<Status>(Json::from(row.status.as_str())).ok();
        let light = status.map(|status| light_at(status, turns, now));
        Self {
            attention: attention(&row),
            case: row.case,
            item: row.key,
            task: row.task,
            unit: row.unit,
            status: row.status,
            light: light.map(|light| light.as_str().to_owned()),
            held: row.held,
            owner: row.owner,
            waiting_on: row.waiting_on,
            since: time(row.since),
            due: row.due.map(time),
            window: row.window,
        }
    }
}

/// An event of a case's log.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventView {
    case: String,
    /// Position in the case's log, from 1.
    seq: u64,
    /// SHA-256 over the hash before it and the stored text.
    hash: String,
    /// The stored text as JSON: schema, algorithm and event.
    #[schema(value_type = Object)]
    record: Json,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        // A text that is no JSON is shown as text: it is evidence either way.
        let record = serde_json::from_str(&row.text).unwrap_or(Json::String(row.text));
        Self { case: row.case, seq: row.seq, hash: row.hash, record }
    }
}

/// Something that a search has found.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// `case`, `task`, `report`, `interview`, `slip`, `notice` or `refer`.
    kind: &'static str,
    case: String,
    /// The item it is about; null: the case.
    item: Option<String>,
    /// The event that said it; null: it is what the case or the item is called.
    seq: Option<u64>,
    /// The code of the unit it is shown under.
    unit: String,
    at: String,
    title: String,
    /// What was written, around the first hit, with the hits marked.
    snippet: Vec<Stretch>,
}

impl EntryView {
    pub(crate) fn new(entry: Entry, words: &SearchWords) -> Self {
        Self {
            kind: entry.kind.as_str(),
            snippet: snippet(&entry.text, words),
            case: entry.case,
            item: entry.item,
            seq: Some(entry.seq).filter(|seq| *seq > 0),
            unit: entry.unit,
            at: time(entry.at),
            title: entry.title,
        }
    }
}

/// A message on its way, or arrived.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// `CASE-SEQ`: the same at every attempt.
    id: String,
    case: String,
    seq: u64,
    /// `message` for another case, otherwise for example `remind`.
    kind: String,
    at: String,
    /// `pending`, `delivered` or `dead`.
    state: &'static str,
    attempts: u32,
    next_at: Option<String>,
    /// What the last attempt said.
    error: Option<String>,
    /// What each channel has said, by name. Empty until an attempt ends otherwise than with all
    /// channels having taken it.
    channels: BTreeMap<String, ChannelView>,
    /// What it carries.
    #[schema(value_type = Object)]
    body: Json,
}

/// What a channel has said of a delivery.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// `taken`; `collapsed`: a later reminder had overtaken it, not sent; `failed`: tried again;
    /// `held`: waits for the channel's hours; `paced`: waits its turn; `dead`: given up.
    #[schema(value_type = String)]
    state: ChannelState,
    /// Failed attempts through this channel.
    attempts: u32,
    next_at: Option<String>,
    /// What it said last; of a collapsed one, the id of the reminder that overtook it.
    said: Option<String>,
}

impl From<ChannelNote> for ChannelView {
    fn from(note: ChannelNote) -> Self {
        let ChannelNote { state, attempts, next_at, said } = note;
        Self { state, attempts, next_at: state.is_owed().then(|| time(next_at)), said }
    }
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        let state = match row.state {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        };
        let is_pending = row.state == DeliveryState::Pending;
        Self {
            id: row.outgoing.id(),
            case: row.outgoing.case,
            seq: row.outgoing.seq,
            kind: row.outgoing.kind,
            at: time(row.outgoing.at),
            state,
            attempts: row.attempts,
            next_at: is_pending.then(|| time(row.next_at)),
            error: row.error,
            channels: row.channels.into_iter().map(|(name, note)| (name, note.into())).collect(),
            body: serde_json::to_value(row.outgoing.body).unwrap_or_default(),
        }
    }
}

/// Lights of one workflow and one unit.
#[derive(Serialize, ToSchema)]
pub(crate) struct LightsView {
    suite: String,
    workflow: String,
    unit: String,
    /// Not begun, or closed.
    grey: u64,
    green: u64,
    yellow: u64,
    red: u64,
    /// Done; counted in `grey` too.
    done: u64,
}

impl From<LightCount> for LightsView {
    fn from(count: LightCount) -> Self {
        Self {
            suite: count.suite,
            workflow: count.workflow,
            unit: count.unit,
            grey: count.grey,
            green: count.green,
            yellow: count.yellow,
            red: count.red,
            done: count.done,
        }
    }
}

/// A unit's points in sum.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScoreView {
    unit: String,
    /// In hundredths of a point.
    points: i64,
    entries: u64,
}

impl From<ScoreTotal> for ScoreView {
    fn from(total: ScoreTotal) -> Self {
        Self { unit: total.unit, points: total.points, entries: total.entries }
    }
}

/// Points that a unit was given or lost.
#[derive(Serialize, ToSchema)]
pub(crate) struct PointsView {
    case: String,
    /// The position of the event in the case's log.
    seq: u64,
    at: String,
    unit: String,
    /// In hundredths of a point.
    points: i64,
    /// The rule of the suite; left out: a script gave them.
    rule: Option<String>,
    why: String,
}

impl From<ScoreRow> for PointsView {
    fn from(row: ScoreRow) -> Self {
        Self {
            case: row.case,
            seq: row.seq,
            at: time(row.at),
            unit: row.unit,
            points: row.points,
            rule: row.rule,
            why: row.why,
        }
    }
}

/// What a move has brought about.
#[derive(Serialize, ToSchema)]
pub(crate) struct OutcomeView {
    case: String,
    /// The case's version after it; also its `ETag`.
    version: u64,
    /// The kinds of what happened, in order.
    events: Vec<&'static str>,
}

impl OutcomeView {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl From<duban_engine::Outcome> for OutcomeView {
    fn from(outcome: duban_engine::Outcome) -> Self {
        let events = outcome.events.iter().map(|event| event.fact.kind()).collect();
        Self { case: outcome.case.as_str().to_owned(), version: outcome.version, events }
    }
}
