//! One item of a case: a task for one combination of its axes and one window.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Instant, Span, Window};
use duban_model::{Assignee, PersonId, TaskId, UnitId};
use duban_script::Value;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::attention::Attention;
use crate::command::Evidence;
use crate::event::{Arming, Deadline, DueReason, HoldCause, ItemKind, Remaining, SkipReason};
use crate::failed::{Failed, KeptKey};
use crate::ids::{CaseId, ItemKey};
use crate::lateness::{LateWith, Lateness};
use crate::names::Names;
use crate::signers::Review;

/// Notable moves kept with an item for `history(…)`; older ones stay in the log alone.
pub(crate) const HISTORY_MAX: usize = 64;

/// Where an item is in its life.
#[derive(
    Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// What it needs is not there yet.
    #[default]
    Waiting,
    /// It can be worked on; nobody has signed for it.
    Ready,
    /// It is being worked on.
    Active,
    /// Its reviewers have it.
    Submitted,
    /// Accepted.
    Done,
    /// Closed without work.
    Skipped,
    /// Ended by the supervision office.
    Cancelled,
}

impl Status {
    /// All of them, as a task's life goes.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Ready,
        Self::Active,
        Self::Submitted,
        Self::Done,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The status of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The word in scripts, rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Submitted => "submitted",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word that people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Waiting => "未到",
            Self::Ready => "待签收",
            Self::Active => "在办",
            Self::Submitted => "待审核",
            Self::Done => "办结",
            Self::Skipped => "跳过",
            Self::Cancelled => "中止",
        }
    }

    /// Whether nothing more is owed.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Cancelled)
    }

    /// Whether somebody owes something now.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Active | Self::Submitted)
    }
}

/// A rung that is still to fire.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ArmedRung {
    /// When.
    pub at: Instant,
    /// Its position in the ladder.
    pub rung: u16,
    /// Which firing, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// The span of a repeated rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// It fires only while the item is still this many points behind plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u8>,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A ladder towards one deadline version.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    /// The ladder's name.
    pub ladder: String,
    /// The deadline version.
    pub version: u32,
    /// Rungs to come, by instant, then position.
    pub rungs: Vec<ArmedRung>,
    /// Names of rungs that fired, or had passed, and that the definition has no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<String>,
}

impl Armed {
    /// A ladder as it was armed towards a version.
    pub(crate) fn towards(arming: &Arming, version: u32) -> Self {
        let mut armed = Self { ladder: arming.ladder.clone(), version, ..Self::default() };
        for (rung, at) in &arming.rungs {
            armed.insert(ArmedRung { at: *at, rung: *rung, nth: 1, every: None, behind: None });
        }
        for (rung, at, every) in &arming.repeats {
            let every = Some(*every);
            armed.insert(ArmedRung { at: *at, rung: *rung, nth: 1, every, behind: None });
        }
        armed
    }

    /// Takes a rung that has fired away; a repeated one comes again.
    pub(crate) fn fire(&mut self, rung: u16, nth: u32, next: Option<Instant>) {
        let place = self.rungs.iter().position(|one| one.rung == rung && one.nth == nth);
        let Some(place) = place else { return };
        let fired = self.rungs.remove(place);
        if let Some(at) = next {
            self.insert(ArmedRung { at, nth: nth + 1, ..fired });
        }
    }

    /// Puts a rung in its place.
    pub(crate) fn insert(&mut self, rung: ArmedRung) {
        let place = (rung.at, rung.rung);
        let at = self.rungs.partition_point(|other| (other.at, other.rung) <= place);
        self.rungs.insert(at, rung);
    }
}

/// Work that has stopped.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Since when.
    pub since: Instant,
    /// Why.
    pub cause: HoldCause,
    /// When it resumes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// What is left of the time; `None`: the clock runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Remaining>,
}

/// A clock that stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// Since when: the beginning of the first cause.
    pub since: Instant,
    /// What was left of the time then.
    pub remaining: Remaining,
    /// A person has given a date since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub given: bool,
}

/// A suspension that was asked for and not answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AskedSuspension {
    /// Why.
    pub reason: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// When it was asked for.
    pub at: Instant,
}

/// What is known of other cases that an item waits for. Places of needs, as in the task.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct ForeignNeeds {
    /// Needs whose case has said that it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<u16>,
    /// Needs whose case was cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<u16>,
    /// When a case that is not there will have been waited for too long: nothing else is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited_until: Option<Instant>,
    /// It has been.
    #[serde(default, skip_serializing_if = "is_false")]
    pub missing: bool,
}

/// The case that an item has opened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Which.
    pub case: CaseId,
    /// When the item parted from it: it was asked to end, or left to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Instant>,
    /// When its answer will have been out for too long, if something waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<Instant>,
    /// It has not answered in time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub silent: bool,
    /// It has ended, or is the item's no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ended: bool,
}

impl Child {
    pub(crate) fn new(case: CaseId) -> Self {
        Self { case, asked_at: None, answer_by: None, silent: false, ended: false }
    }
}

/// An extension that was asked for and not answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The date asked for.
    pub until: Instant,
    /// Why.
    pub reason: String,
    /// When it was asked for.
    pub at: Instant,
    /// By when it must be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Instant>,
    /// Whether that has passed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overdue: bool,
    /// The reviewers' ladder towards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
}

/// A duty's entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was submitted.
    pub at: Instant,
    /// Whether it counts for the window.
    pub counts: bool,
    /// It makes up for the window, which was judged missed, and keeps none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub makes_up: bool,
    /// What it is about: the same counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What became of it.
    pub state: EntryState,
    /// Its form.
    pub form: Arc<Map<String, Json>>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Nobody has reviewed it.
    Submitted,
    /// It was accepted.
    Accepted,
    /// It was returned.
    Returned,
}

/// What is kept of an attempt that was superseded, returned or reopened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which, from 1.
    pub number: u32,
    /// When it ended.
    pub ended_at: Instant,
    /// Its form.
    pub form: Arc<Map<String, Json>>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Its indicator value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
}

/// One item of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its key, unique in the case.
    pub key: ItemKey,
    /// Its task; for other kinds `interview`, `rectification` or `extra`.
    pub task: TaskId,
    /// The task's position in the file; other kinds come after all tasks.
    pub order: u32,
    /// What it is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kind: ItemKind,
    /// What those were called whom an interview named when it was opened.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub names: Names,
    /// Values of its axes.
    #[serde(default, skip_serializing_if = "is_empty_axes")]
    pub axes: Arc<BTreeMap<String, Value>>,
    /// A duty's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// When the window is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_at: Option<Instant>,
    /// Whether the window was judged, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_met: Option<bool>,
    /// The unit it is shown under.
    pub unit: UnitId,
    /// What it was called, where the definition does not know its task any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Which items its needs mean, by position of the need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub which: BTreeMap<u16, String>,
    /// Needs that another case has answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<u16>,
    /// What is known of the cases that its needs are about.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub foreign: ForeignNeeds,
    /// The case that it has opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<Box<Child>>,
    /// Expressions that failed and that it lacks until they are evaluated again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// It was added to a case that was running: its due date is not earlier, unless it counts from
    /// the readiness itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_due_before: Option<Instant>,
    /// Its axes would drop it, and it is finished as it is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub as_it_is: bool,
    /// The bound that holds the opening of that case back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// What it needs attention for, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<Attention>,

    /// Where it is in its life.
    pub status: Status,
    /// Why it was closed without work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<SkipReason>,
    /// Which attempt, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempt: u32,
    /// Earlier attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// What stops work on it, or its clock: each cause has its own end.
    #[serde(
        default,
        alias = "hold",
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub holds: Vec<Hold>,
    /// Since when its clock stands, and what was left then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood: Option<Box<Stood>>,
    /// Working days of its window, or after its due date, in which its clock stood.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: i64,
    /// When its window, which was judged, is judged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_again_at: Option<Instant>,
    /// A suspension that the owner has asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_suspension: Option<Box<AskedSuspension>>,

    /// Who owes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Assignee>,
    /// Who held the post when it became ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PersonId>,
    /// Who held it before, whoever left it last at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub had_by: Vec<PersonId>,
    /// Who handles it for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler: Option<PersonId>,
    /// Everyone who worked on the attempt in hand; none of them may accept it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<PersonId>,
    /// Who reviews.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub review: Review,

    /// When it came to its present status.
    pub since: Instant,
    /// When a waiting item whose needs are met is looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Instant>,
    /// When it became ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Instant>,
    /// When it was signed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<Instant>,
    /// When it was last submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Instant>,
    /// Since when its clock stood when it was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Instant>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Instant>,
    /// Whether it was done on time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_time: Option<bool>,

    /// By when to sign for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_by: Option<Instant>,
    /// Whether that has been found overdue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub start_overdue: bool,
    /// When its dates were last given or moved: nothing that they bring comes about before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dated_at: Option<Instant>,
    /// Every version of the due date, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deadlines: Vec<Deadline>,
    /// The deadline version that was found near.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub soon_version: u32,
    /// The deadline version that was found overdue.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overdue_version: u32,
    /// What its lateness has brought, where a calendar still to be announced may show that there
    /// was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Arc<Lateness>>,
    /// Who gave it away late, until a person gives a later date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_with: Vec<LateWith>,
    /// An earlier due date that a newly loaded calendar would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_due: Option<Instant>,
    /// The ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// The extension asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Box<Asked>>,
    /// Extensions granted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extensions: u32,
    /// When it was last urged by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urged_at: Option<Instant>,

    /// How long silence may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<Span>,
    /// When silence will have lasted too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_at: Option<Instant>,
    /// Since when silence has lasted too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<Instant>,
    /// The end of the window in which a report is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_at: Option<Instant>,
    /// The end of the window that report is owed for, where `report_at` was moved away from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_for: Option<Instant>,
    /// When it was last reported on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Instant>,
    /// Progress in percent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub progress: u8,
    /// The next plan date to check, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub plan_next: u16,
    /// When that plan date ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_at: Option<Instant>,
    /// Progress planned for the last plan date, in percent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub planned: u8,
    /// Percentage points behind it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub behind: u8,
    /// Plan dates missed in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed_in_a_row: u32,

    /// The data of the last submission.
    #[serde(default, skip_serializing_if = "is_empty_form")]
    pub form: Arc<Map<String, Json>>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// A duty's entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// The indicator's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    /// The indicator's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Decimal>,
    /// Whether the indicator was judged.
    #[serde(default, skip_serializing_if = "is_false")]
    pub judged: bool,
    /// The indicator's verdict; `None`: unreported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
    /// Its rectification passed its due date (interviews).
    #[serde(default, skip_serializing_if = "is_false")]
    pub unrectified: bool,
    /// It was struck off (interviews).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub struck_off_at: Option<Instant>,
    /// Its case was referred on its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred_at: Option<Instant>,
    /// Notable moves, oldest first, at most 64.
    #[serde(default, skip_serializing_if = "is_empty_history")]
    pub history: Arc<Vec<(String, Instant)>>,
}

/// Rows of older versions have one hold or none.
fn one_or_many<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Vec<Hold>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Read {
        One(Hold),
        Many(Vec<Hold>),
    }
    Ok(match Option::<Read>::deserialize(reader)? {
        None => Vec::new(),
        Some(Read::One(hold)) => vec![hold],
        Some(Read::Many(holds)) => holds,
    })
}

fn is_empty_axes(axes: &Arc<BTreeMap<String, Value>>) -> bool {
    axes.is_empty()
}

fn is_empty_form(form: &Arc<Map<String, Json>>) -> bool {
    form.is_empty()
}

fn is_empty_history(history: &Arc<Vec<(String, Instant)>>) -> bool {
    history.is_empty()
}

impl Item {
    /// The due date in force.
    pub fn deadline(&self) -> Option<&Deadline> {
        self.deadlines.last()
    }

    /// The due date in force, as an instant.
    pub fn due(&self) -> Option<Instant> {
        self.deadline().map(|deadline| deadline.due)
    }

    /// The due date before any change.
    pub fn original_due(&self) -> Option<Instant> {
        self.deadlines.first().map(|deadline| deadline.due)
    }

    /// The due date by which lateness is judged: the last one granted in time; for whoever was late
    /// and has it again, the one that they had.
    pub fn judged_due(&self) -> Option<Instant> {
        if let Some(judged) = self.deadline().and_then(|deadline| deadline.judged) {
            return Some(judged);
        }
        let granted = self.deadlines.iter().rev().find(|deadline| deadline.in_time);
        granted.or(self.deadlines.first()).map(|deadline| deadline.due)
    }

    /// Whether it was called late by the date in force while somebody was there to be late: `vacant`
    /// says since when nobody owned it.
    pub fn is_called_late(&self, vacant: Option<Instant>) -> bool {
        let said = self.deadline().is_some_and(|last| self.overdue_version == last.version);
        let mut latest = self.history.iter().rev().filter(|(kind, _)| kind == "overdue");
        let at = latest.next().map(|(_, at)| *at);
        said && at.zip(vacant).is_none_or(|(at, vacant)| at < vacant)
    }

    /// Why its due date could not be worked out (期限无法计算); `None`: it has one, or owes none.
    pub fn lacks_due(&self) -> Option<&Failed> {
        self.failed.iter().find(|failed| failed.expression.key == KeptKey::Due)
    }

    /// The failure that keeps it from having an owner, where one does.
    pub fn lacks_owner(&self) -> Option<&Failed> {
        self.failed.iter().find(|failed| failed.expression.key == KeptKey::Owner)
    }

    /// Whether it has begun: it was signed for, reported on or submitted.
    pub fn has_begun(&self) -> bool {
        self.signed_at.is_some()
            || self.reported_at.is_some()
            || self.submitted_at.is_some()
            || matches!(self.status, Status::Active | Status::Submitted | Status::Done)
    }

    /// Whether whoever owns it is late at an instant: the date has passed, and nothing lets nobody be
    /// late. A duty is late once its window was judged missed, not in its grace.
    pub fn is_late(&self, now: Instant) -> bool {
        let in_hand = matches!(self.status, Status::Ready | Status::Active);
        let passed = self.due().is_some_and(|due| due < now);
        let excused = self.is_held() || self.is_stopped() || self.asks_in_time();
        let is_missed = self.window.is_none() || self.is_breached();
        in_hand && passed && is_missed && !excused
    }

    /// Whether its window was judged missed.
    pub fn is_breached(&self) -> bool {
        self.window_met == Some(false)
    }

    /// The moment by which what was submitted is judged: where the clock stood, since then.
    pub fn judged_submission(&self) -> Option<Instant> {
        self.counted_at.or(self.submitted_at)
    }

    /// The instant up to which its owner's time is counted: the submission, or since when the clock
    /// stands; `None`: it runs, up to now.
    pub fn counted_until(&self) -> Option<Instant> {
        match self.status {
            Status::Submitted | Status::Done => self.judged_submission().or(self.done_at),
            Status::Waiting
            | Status::Ready
            | Status::Active
            | Status::Skipped
            | Status::Cancelled => self.stood.as_ref().map(|stood| stood.since),
        }
    }

    /// Working days after the due date in which its clock stood: nobody is late for them.
    pub fn stood_workdays(&self) -> i64 {
        if self.window.is_none() { self.lost } else { 0 }
    }

    /// Whether it was looked back at after it had been done late, with no later date than to work
    /// to: that is known of it.
    pub(crate) fn was_done_late(&self) -> bool {
        let mut versions = self.deadlines.iter().rev().take_while(|one| one.carries);
        versions.any(|one| !one.in_time && matches!(one.why, DueReason::Reopened(_)))
    }

    /// The due date by which a person has been late with it.
    pub(crate) fn late_by(&self, person: &PersonId) -> Option<Instant> {
        self.late_with.iter().find(|one| one.holder == *person).map(|one| one.due)
    }

    /// Whether an order lets nobody work on it although its clock runs: nobody is chased then.
    pub fn is_stopped(&self) -> bool {
        let in_hand = matches!(self.status, Status::Ready | Status::Active);
        let is_order = |hold: &Hold| matches!(hold.cause, HoldCause::Order(_));
        in_hand && !self.is_held() && self.holds.iter().any(is_order)
    }

    /// Whether its clock stands still.
    pub fn is_held(&self) -> bool {
        self.holds.iter().any(|hold| hold.remaining.is_some())
    }

    /// The cause that lets nobody work on it, if there is one: an order, or the owner's own wish.
    /// What a case's suspension or another task holds may be worked on.
    pub fn blocked(&self) -> Option<&Hold> {
        self.holds.iter().find(|hold| match hold.cause {
            HoldCause::Suspended(_) | HoldCause::Order(_) | HoldCause::Own(_) => true,
            HoldCause::Item(_) | HoldCause::Case(_) | HoldCause::Above(_) => false,
        })
    }

    /// Whether a request for extension is open that was made before the due date had passed. Until
    /// it is answered nobody is late.
    pub fn asks_in_time(&self) -> bool {
        let asked = self.asked.as_ref().zip(self.due());
        asked.is_some_and(|(asked, due)| asked.at <= due)
    }

    /// Whether what needs it may go on: it is closed, or its window is.
    pub fn is_satisfied(&self) -> bool {
        self.status.is_closed() || self.window_met.is_some()
    }

    /// Entries that count for the window and were not returned.
    pub fn entries_counting(&self) -> u32 {
        self.entries_that(|entry| entry.counts && entry.state != EntryState::Returned)
    }

    /// Entries that count for the window and were accepted.
    pub fn entries_accepted(&self) -> u32 {
        self.entries_that(|entry| entry.counts && entry.state == EntryState::Accepted)
    }

    /// Entries that were accepted and make up for the window.
    pub(crate) fn entries_made_up(&self) -> u32 {
        self.entries_that(|entry| entry.makes_up && entry.state == EntryState::Accepted)
    }

    fn entries_that(&self, is_meant: impl Fn(&Entry) -> bool) -> u32 {
        let meant = self.entries.iter().filter(|entry| is_meant(entry)).count();
        u32::try_from(meant).unwrap_or(u32::MAX)
    }

    /// On whom it waits now: the owner, or the reviewers whose turn it is.
    pub fn waiting_on(&self) -> Vec<&Assignee> {
        match self.status {
            Status::Ready | Status::Active => self.owner.iter().collect(),
            Status::Submitted => self.review.pending(),
            Status::Waiting | Status::Done | Status::Skipped | Status::Cancelled => Vec::new(),
        }
    }

    /// Who has it among their to-dos now: whoever handles it for its owner, who goes on answering
    /// for it, or else those on whom it waits.
    pub fn in_hands_of(&self) -> Vec<Assignee> {
        match (&self.handler, self.status) {
            (Some(handler), Status::Ready | Status::Active) => {
                vec![Assignee::Person(handler.clone())]
            }
            _ => self.waiting_on().into_iter().cloned().collect(),
        }
    }

    /// Somebody holds it no more.
    pub(crate) fn left_by(&mut self, person: Option<&PersonId>) {
        let Some(person) = person else { return };
        self.had_by.retain(|one| one != person);
        self.had_by.push(person.clone());
    }

    /// Records a notable move.
    pub(crate) fn note(&mut self, kind: &str, at: Instant) {
        let history = Arc::make_mut(&mut self.history);
        if history.len() == HISTORY_MAX {
            history.remove(0);
        }
        history.push((kind.to_owned(), at));
    }

    /// Comes to a new status.
    pub(crate) fn turn(&mut self, status: Status, at: Instant) {
        self.status = status;
        self.since = at;
    }
}
