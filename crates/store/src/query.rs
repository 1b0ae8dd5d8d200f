//! Questions that a store answers: filters, keyset pages, rows.

use std::collections::BTreeMap;

use duban_core::Outgoing;
use serde::{Deserialize, Serialize};

/// A place in a listing. Opaque: hand back what a page gave you.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Which part of a listing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageRequest {
    /// After this place; `None`: from the beginning.
    pub after: Option<Cursor>,
    /// At most this many rows; more than [`PageRequest::LIMIT_MAX`] are never given.
    pub limit: u32,
}

impl PageRequest {
    /// The most rows of one page.
    pub const LIMIT_MAX: u32 = 500;

    /// The first rows of a listing.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// Part of a listing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next part begins; `None`: there is none.
    pub next: Option<Cursor>,
}

/// Which cases. Fields that are `None` or empty do not filter. Ordered by id.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaseFilter {
    /// Of this suite.
    pub suite: Option<String>,
    /// Of this workflow.
    pub workflow: Option<String>,
    /// Opened for one of these units.
    pub units: Vec<String>,
    /// With this period, for example `2022`.
    pub period: Option<String>,
    /// In one of these statuses.
    pub statuses: Vec<String>,
    /// Faulted ones only.
    pub faulted: bool,
    /// Those that need attention themselves, not only through an item.
    pub attention: Option<AttentionFilter>,
}

/// A light as a filter, compared with the instants at which it turns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LightFilter {
    /// Open, and neither yellow nor red.
    Green,
    /// Open and yellow.
    Yellow,
    /// Open and red.
    Red,
}

/// Which items. Fields that are `None` or empty do not filter.
///
/// Ordered by (due date, case, key); items without a due date come last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ItemFilter {
    /// Of this case.
    pub case: Option<String>,
    /// Of this workflow.
    pub workflow: Option<String>,
    /// Of this task, or `interview`, `rectification`, `extra`.
    pub task: Option<String>,
    /// Of one of these tasks, written `WORKFLOW/TASK`.
    pub tasks: Vec<String>,
    /// Of cases of this suite.
    pub suite: Option<String>,
    /// Of cases with this period, for example `2022`.
    pub period: Option<String>,
    /// Of this window of a duty, for example `2022-H1`.
    pub window: Option<String>,
    /// Shown under one of these units.
    pub units: Vec<String>,
    /// In one of these statuses.
    pub statuses: Vec<String>,
    /// Waiting on one of these assignees now (their text, for example `post:370102/书记`).
    pub waiting_on: Vec<String>,
    /// With this light at an instant (milliseconds UTC).
    pub light: Option<(LightFilter, i64)>,
    /// Due no earlier than this, in milliseconds UTC.
    pub due_from: Option<i64>,
    /// Due no later than this, in milliseconds UTC.
    pub due_until: Option<i64>,
    /// Those that need attention.
    pub attention: Option<AttentionFilter>,
}

/// Which items, or cases, that need attention.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AttentionFilter {
    /// For whatever reason.
    Any,
    /// For one of this kind, for example `owner_vacant`.
    Kind(String),
}

/// How many items and cases of a unit need attention of a kind. One may need several.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AttentionCount {
    /// The kind, for example `owner_vacant`.
    pub kind: String,
    /// The unit that the items are shown under, and that the cases are for.
    pub unit: String,
    /// How many items.
    pub items: u64,
    /// How many cases, for what no item of theirs shows.
    pub cases: u64,
}

/// An event as stored.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EventRow {
    /// The case.
    pub case: String,
    /// Position in the case's log, from 1.
    pub seq: u64,
    /// The JSON text that was hashed.
    pub text: String,
    /// Its hash.
    pub hash: String,
}

/// What the reason begins with of a delivery that cannot be read and was set aside.
pub const UNREADABLE: &str = "unreadable";

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waiting for its (next) attempt.
    Pending,
    /// It arrived.
    Delivered,
    /// It failed too often; a person may retry it.
    Dead,
}

/// How far one channel has come with a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// It has taken it.
    Taken,
    /// It waited until a later message about the same thing had overtaken it, or until what it
    /// reminds of was done or judged; not sent.
    Collapsed,
    /// It failed and is tried again.
    Failed,
    /// It waits until the channel's hours begin. No failed attempt.
    Held,
    /// It waits its turn, since the channel takes only so many in a minute. No failed attempt.
    Paced,
    /// It failed for good, or too often.
    Dead,
}

impl ChannelState {
    /// Whether the channel still owes the message.
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Failed | Self::Held | Self::Paced)
    }
}

/// What a channel has said of a delivery.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ChannelNote {
    /// How far it has come.
    pub state: ChannelState,
    /// Failed attempts through this channel.
    #[serde(default)]
    pub attempts: u32,
    /// When the channel is asked next, in milliseconds UTC, where it still owes the message.
    #[serde(default)]
    pub next_at: i64,
    /// What it said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// Notes by the channel's name.
pub type ChannelNotes = BTreeMap<String, ChannelNote>;

/// What became of an attempt that did not simply arrive everywhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Noted {
    /// The case.
    pub case: String,
    /// The position of its event.
    pub seq: u64,
    /// Where the delivery stands now.
    pub state: NotedState,
    /// Whether it counts as an attempt.
    pub counts: bool,
    /// What went wrong; `None` leaves what was said before.
    pub error: Option<String>,
    /// What each channel has said so far; `None` leaves what was there.
    pub channels: Option<ChannelNotes>,
    /// What a held reminder is about; `None` leaves what was noted before.
    pub topic: Option<String>,
}

/// Where a delivery stands after an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotedState {
    /// It is tried next at this moment, in milliseconds UTC.
    Pending(i64),
    /// Nothing is owed any more since this moment, in milliseconds UTC.
    Delivered(i64),
    /// It is given up until a person puts it back.
    Dead,
}

/// A delivery as stored. Its stable id is `CASE-SEQ`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeliveryRow {
    /// What it carries.
    pub outgoing: Outgoing,
    /// How far it has come.
    pub state: DeliveryState,
    /// Attempts made.
    pub attempts: u32,
    /// When it is tried next, in milliseconds UTC.
    pub next_at: i64,
    /// What the last attempt said.
    pub error: Option<String>,
    /// What it carries cannot be read, and something else stands in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unreadable: bool,
    /// What each channel has said. Empty until an attempt ends otherwise than with all channels
    /// having taken it; one that is not named has not been asked.
    pub channels: ChannelNotes,
}

/// Which deliveries. Ordered by (case, seq).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeliveryFilter {
    /// Of this case.
    pub case: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Those that this channel still owes or has given up.
    pub channel: Option<String>,
    /// Of cases of this suite.
    pub suite: Option<String>,
    /// Of cases opened for this unit.
    pub unit: Option<String>,
    /// Of cases with this period, for example `2022`.
    pub period: Option<String>,
}

/// Which points. Fields that are `None` do not filter. Ordered by (case, seq).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScoreFilter {
    /// Given in cases of this suite.
    pub suite: Option<String>,
    /// Given to this unit.
    pub unit: Option<String>,
    /// Given in this case.
    pub case: Option<String>,
}

/// Points given to a unit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ScoreRow {
    /// The case.
    pub case: String,
    /// The position of the event.
    pub seq: u64,
    /// When, in milliseconds UTC.
    pub at: i64,
    /// The unit.
    pub unit: String,
    /// Points, in hundredths.
    pub points: i64,
    /// The rule; `None`: a script.
    pub rule: Option<String>,
    /// Why.
    pub why: String,
}

/// A version of a workflow, and how many open cases run on it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct VersionRow {
    /// The workflow.
    pub workflow: String,
    /// The definition's hash.
    pub hash: String,
    /// When it was first published, in milliseconds UTC.
    pub published_at: i64,
    /// Whether new cases get it.
    pub current: bool,
    /// Open cases that run on it.
    pub open_cases: u64,
}

/// A unit's points in sum.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ScoreTotal {
    /// The unit.
    pub unit: String,
    /// Points, in hundredths.
    pub points: i64,
    /// How many entries.
    pub entries: u64,
}

/// How many open items of one workflow and one case unit have which light.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct LightCount {
    /// The suite.
    pub suite: String,
    /// The workflow.
    pub workflow: String,
    /// The unit that the case was opened for.
    pub unit: String,
    /// Not begun, or closed.
    pub grey: u64,
    /// Open and on time.
    pub green: u64,
    /// Open and near.
    pub yellow: u64,
    /// Open and late.
    pub red: u64,
    /// Done (counted in `grey` too).
    pub done: u64,
}
