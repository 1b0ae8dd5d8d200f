//! What happened to a case. Events are stored for ever: variants are added, never changed.

use std::collections::BTreeMap;

use duban_calendar::{Instant, Span, Window};
use duban_model::{Assignee, PersonId, UnitId};
use duban_script::{SlipColour, Value};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::case::CaseHead;
use crate::command::Actor;
use crate::fact::Fact;
use crate::failed::Failed;
use crate::ids::{CaseId, ItemKey};
use crate::item::{Armed, Item, Stood};
use crate::lateness::Paper;
use crate::names::Names;
use crate::signers::OwnDate;

/// One fact about one case, with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the case's log, from 1.
    pub seq: u64,
    /// The moment judged: what lateness and scores go by.
    pub at: Instant,
    /// When it was recorded; later than `at` where a wake-up came late.
    pub recorded_at: Instant,
    /// Which time the engine went by: it counts starts, outages, and clocks that were accepted.
    /// 0: the host answers for its clock.
    #[serde(default, skip_serializing_if = "crate::item::is_zero")]
    pub epoch: u32,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub fact: Fact,
    /// What those were called then whom its text names.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
}

/// Which ladder of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The owner's, towards the due date.
    Work,
    /// The reviewer's, towards the review's due date.
    Review,
    /// The reviewer's, towards an answer to a request for extension.
    Answer,
}

/// Why a due date is what it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueReason {
    /// As the definition has it; the text is the expression.
    Definition(String),
    /// The end of a window and its grace.
    Window,
    /// An extension was granted.
    Extension(String),
    /// The clock had stood still.
    Resumed,
    /// A year's calendar was loaded.
    Calendar,
    /// A newer definition's was taken over; the text is the expression.
    Migrated(String),
    /// A look-back set it.
    Reopened(String),
    /// A script asked for it.
    Script(String),
    /// An interview's, a rectification's or an opened task's own.
    Opened,
    /// Given by a return or by opening again; the reason.
    Returned(String),
    /// The time that an owner has at least, where the date came from before it was their turn.
    AtLeast,
    /// An extension asked for in time was refused after the date.
    NotExtended,
    /// An extension asked for in time was not answered when the work was submitted.
    NotAnswered,
    /// It ended while nobody could act, because the system stood still.
    Outage,
    /// The supervision office set it; the reason.
    Set(String),
}

/// What is taken back after a wrong clock, and what the case was before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The clock's epoch.
    pub epoch: u32,
    /// The last event that stands; those between it and this one are taken back.
    pub after: u64,
    /// What the case was besides its items. Numbers that were used stay used.
    pub head: Box<CaseHead>,
    /// Items as they were, where they differ.
    pub items: Vec<Item>,
    /// Items that did not exist.
    pub gone: Vec<ItemKey>,
    /// Cases that were asked for meanwhile; they are not undone.
    pub cases: Vec<CaseId>,
    /// Papers that were numbered meanwhile; they are not undone.
    pub papers: Vec<Paper>,
}

/// One version of a due date.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Deadline {
    /// From 1; a new version re-arms the ladder.
    pub version: u32,
    /// The end of the last day on which it is on time.
    pub due: Instant,
    /// Why.
    pub why: DueReason,
    /// Who granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Whether it was granted before the version before it had passed. Lateness is judged by the
    /// last version granted in time.
    pub in_time: bool,
    /// Whether it rests on a year without an announced calendar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// The instant that it was counted from, where it rests on such a year: the base from which it
    /// is counted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<Instant>,
    /// When the light turns yellow because it is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soon_at: Option<Instant>,
    /// When the light turns red because it has passed.
    pub red_at: Instant,
    /// Its nearness had passed when it was given: the light shows it, nothing is said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soon_passed: bool,
    /// It carries on the lateness of the version before: nobody gave the owner a new beginning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carries: bool,
    /// The date by which lateness is judged instead: whoever has it was late by that one before it
    /// was somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Instant>,
}

/// The rungs of a ladder with their instants, as evaluated when it was armed.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Arming {
    /// The ladder's name.
    pub ladder: String,
    /// Rungs to come: position and instant.
    pub rungs: Vec<(u16, Instant)>,
    /// Repeated rungs: position, first instant, span.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<(u16, Instant, Span)>,
    /// Rungs that had passed already when the ladder was armed; they count as collapsed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collapsed: Vec<u16>,
}

/// Who reviews, in what manner.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ReviewPlan {
    /// All at once, any one, or in turn.
    pub manner: Manner,
    /// The reviewers in order; empty: submission closes the task.
    pub members: Vec<Assignee>,
    /// How long a review may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Who answers for an item that is opened again, as evaluated then.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// Who owes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Assignee>,
    /// Who held the post then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PersonId>,
    /// Who reviews.
    pub review: ReviewPlan,
}

/// How several reviewers decide.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Each of them (会签).
    #[default]
    All,
    /// Whoever comes first: a quorum of one.
    Any,
    /// One after the other.
    Steps,
    /// So many of them (会签达到法定数).
    Quorum {
        /// How many must agree, at least 1.
        at_least: u32,
        /// How many refusals return the item, at least 1.
        refusals: u32,
    },
}

impl Manner {
    /// How many must agree, and how many refusals return the item; `None` where everybody must
    /// agree and one return suffices.
    pub fn quorum(self) -> Option<(u32, u32)> {
        match self {
            Self::All | Self::Steps => None,
            Self::Any => Some((1, 1)),
            Self::Quorum { at_least, refusals } => Some((at_least, refusals)),
        }
    }
}

/// What a change of the signers means for review dates of the round in hand.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignerDate {
    /// Every date stays as it is.
    #[default]
    Stays,
    /// Whoever was added has a date of their own; the others' stays.
    Own {
        /// By when they must decide.
        due: Instant,
        /// The ladder towards it.
        arming: Option<Arming>,
    },
    /// In steps: another signer's turn begins.
    Turn {
        /// By when they must decide.
        due: Option<Instant>,
        /// The ladder towards it.
        arming: Option<Arming>,
    },
}

impl SignerDate {
    pub(crate) fn is_stays(&self) -> bool {
        *self == Self::Stays
    }
}

/// A new item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewItem {
    /// Its key.
    pub key: ItemKey,
    /// Values of its axes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: BTreeMap<String, Value>,
    /// A duty's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// When the window is judged: its end and the grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_at: Option<Instant>,
    /// The unit it is shown under: the first unit among its axes, or the case's.
    pub unit: UnitId,
    /// A due date that is fixed already and runs while the item waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// Which items its needs mean, where the need has an expression: by position of the need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub which: BTreeMap<u16, String>,
    /// It was added to a case that was running: what it owes is not due before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_due_before: Option<Instant>,
    /// Expressions that failed while it was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
}

/// What makes an item ready. Evaluated once; changed by commands alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// Who owes it; `None`: nobody was found, and the item needs attention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Assignee>,
    /// Who held the post then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PersonId>,
    /// The unit it is shown under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Who reviews.
    pub review: ReviewPlan,
    /// By when to sign for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_by: Option<Instant>,
    /// The due date, unless one was fixed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// The armed ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arming: Option<Arming>,
    /// How long silence may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<Span>,
    /// When silence will have lasted too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_at: Option<Instant>,
    /// The end of the first window in which a report is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_at: Option<Instant>,
    /// The end of the first plan date to come, with its position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<(u16, Instant)>,
    /// The indicator's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Decimal>,
}

/// What an item is, besides a task of the workflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A task of the workflow.
    #[default]
    Task,
    /// An interview (约谈).
    Interview {
        /// Who is interviewed.
        who: Assignee,
        /// Why.
        why: String,
        /// The item that stalled.
        origin: ItemKey,
        /// How long the rectification may take.
        rectify_within: Span,
    },
    /// What the interviewed must put right (整改).
    Rectification {
        /// The interview.
        interview: ItemKey,
        /// Why it was held.
        why: String,
    },
    /// A task that a rung opened.
    Extra {
        /// What people read.
        title: String,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// The item whose rung opened it.
        origin: ItemKey,
    },
}

/// What a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notification {
    /// 催办: a reminder of a ladder or hook.
    Remind,
    /// 催办 by hand.
    Urge,
    /// 督办单.
    Slip,
    /// 通报.
    Notice,
    /// 约谈通知.
    Interview,
    /// 问责移送.
    Refer,
    /// A request that a reviewer must answer, for example for an extension.
    Ask,
    /// Word of something that asks nothing of anybody (告知).
    Tell,
    /// Something that the administrator must look at.
    Alarm,
    /// A custom event for webhooks.
    Emit,
}

/// A message that must reach people. Delivered at least once unless collapsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// What it is.
    pub kind: Notification,
    /// The item it is about; `None`: the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemKey>,
    /// Whom it addresses.
    pub to: Vec<Assignee>,
    /// Who held those posts then.
    pub people: Vec<PersonId>,
    /// What it says.
    pub text: String,
    /// A slip's colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<SlipColour>,
    /// A slip's or notice's number within the case, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Further data: a custom event's, an evidence package's.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Json>,
    /// What the addressees were called, in what is delivered; an event has its own.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
    /// It was overtaken by a higher rung during an outage and is not delivered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub collapsed: bool,
}

/// Why an item was closed without being done.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its `when` is false.
    When,
    /// Every way to it was skipped.
    Needs,
    /// Its window closed before what it needs was there.
    Blocked,
    /// An earlier period's case goes on chasing it.
    Earlier,
    /// The supervision office dropped it.
    Dropped(String),
    /// Its window was held up so long that nobody could have kept it.
    Excused,
    /// It came when too little of its window was left.
    TooShort,
    /// Its unit has taken over another one's item in its place.
    TookOver(ItemKey),
}

/// What stopped a clock.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldCause {
    /// A person suspended it.
    Suspended(String),
    /// Another item of the case is open.
    Item(ItemKey),
    /// An order of the supervision office; the reason.
    Order(String),
    /// The owner's own wish; the clock runs on.
    Own(String),
    /// The case is suspended; the reason.
    Case(String),
    /// The case above, or the earlier period's, is suspended; the reason.
    Above(String),
}

/// Time used of a deadline: what a stopped clock keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remaining {
    /// Working days; negative when overdue.
    Workdays(i64),
    /// Calendar days; negative when overdue.
    Days(i64),
}

impl Notification {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Remind,
        Self::Urge,
        Self::Slip,
        Self::Notice,
        Self::Interview,
        Self::Refer,
        Self::Ask,
        Self::Tell,
        Self::Alarm,
        Self::Emit,
    ];

    /// The word in rows, filters and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remind => "remind",
            Self::Urge => "urge",
            Self::Slip => "slip",
            Self::Notice => "notice",
            Self::Interview => "interview",
            Self::Refer => "refer",
            Self::Ask => "ask",
            Self::Tell => "tell",
            Self::Alarm => "alarm",
            Self::Emit => "emit",
        }
    }

    /// The word that people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Remind | Self::Urge => "催办",
            Self::Slip => "督办单",
            Self::Notice => "通报",
            Self::Interview => "约谈",
            Self::Refer => "移送",
            Self::Ask => "请示",
            Self::Tell => "告知",
            Self::Alarm => "告警",
            Self::Emit => "事件",
        }
    }
}

/// Instants of an item that are put elsewhere, because they fell into another's turn or the clock
/// stood. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The owner's ladder with the rungs to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// By when the submission in hand must be reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<Instant>,
    /// The reviewers' ladder with the rungs to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_armed: Option<Armed>,
    /// Dates of signers who were added during the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_own: Option<Vec<OwnDate>>,
    /// By when the request for extension must be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_due: Option<Instant>,
    /// The ladder towards that with the rungs to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_armed: Option<Armed>,
    /// By when to sign for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_by: Option<Instant>,
    /// When the next report is owed, and the end of the window it is owed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<(Instant, Instant)>,
    /// The next plan date and when it ends; no instant: none is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<(u16, Option<Instant>)>,
    /// When silence will have lasted too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_at: Option<Instant>,
    /// When the light turns yellow because the due date is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soon_at: Option<Instant>,
    /// When the light turns red because the due date has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub red_at: Option<Instant>,
    /// When a duty's window, which was judged, is judged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_again_at: Option<Instant>,
    /// When a sub-case's answer will have been out for too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_answer_by: Option<Instant>,
    /// Working days of the window, or after the due date, in which the clock stood, so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<i64>,
    /// From when on the standing clock is counted, and what is left: the item came to its owner
    /// while it stood. Its causes go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood: Option<Stood>,
}
