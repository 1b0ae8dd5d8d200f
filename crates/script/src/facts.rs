//! What scripts can read. `duban-core` answers for a case; scripts never see the case itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Span, Window};
use duban_model::{Assignee, Definition, Directory, UnitId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::budget::Budget;
use crate::value::Value;

/// A read-only view of one case at one moment. Cheap to make, lazily read.
pub trait Facts: Send + Sync + 'static {
    /// The directory as it is now.
    fn directory(&self) -> &Arc<Directory>;
    /// The working-day calendar.
    fn calendar(&self) -> &Arc<Calendar>;
    /// The definition the case runs on.
    fn definition(&self) -> &Arc<Definition>;
    /// The case as a whole.
    fn case(&self) -> Arc<CaseFacts>;
    /// One item by its key.
    fn item(&self, key: &str) -> Option<Arc<TaskFacts>>;
    /// Every item of a task of this workflow, in the order of their keys.
    fn items(&self, task: &str) -> Vec<Arc<TaskFacts>>;
    /// How many windows of a duty were missed in a row up to that of an item, also those of earlier
    /// periods; 0 where it was kept, or is no duty's.
    fn missed_in_row(&self, key: &str) -> u32;
    /// What came with the completion of another case's task, by `workflow/task`.
    fn foreign(&self, name: &str) -> Option<Map<String, Json>>;
}

/// The case as scripts see it (`case`, `unit`, `period`).
#[derive(Clone, Debug)]
pub struct CaseFacts {
    /// The case's id.
    pub id: String,
    /// The workflow's title.
    pub title: String,
    /// The unit it is opened for.
    pub unit: UnitId,
    /// The period it covers; `None` for a case without one.
    pub period: Option<Window>,
    /// The leading unit.
    pub lead: Option<Assignee>,
    /// The cooperating units.
    pub with: Vec<Assignee>,
    /// The data it was opened with.
    pub form: Map<String, Json>,
    /// Values kept by `set`.
    pub vars: Map<String, Json>,
    /// When it was opened.
    pub opened_at: Instant,
}

/// One item as scripts see it (`task`).
#[derive(Clone, Debug)]
pub struct TaskFacts {
    /// The item's key, unique in the case.
    pub key: String,
    /// The task's id; for tasks that a rung opened, `interview`, `rectification` or `extra`.
    pub task: String,
    /// What people read.
    pub title: String,
    /// `waiting`, `ready`, `active`, `submitted`, `done`, `skipped` or `cancelled`.
    pub status: &'static str,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The unit that owes it: the owner's.
    pub unit: UnitId,
    /// Who owes it.
    pub owner: Option<Assignee>,
    /// Who accepts it, in order.
    pub reviewers: Vec<Assignee>,
    /// Values of its axes by name.
    pub axes: Arc<BTreeMap<String, Value>>,
    /// The window of a duty's occurrence.
    pub window: Option<Window>,
    /// The due date in force.
    pub due: Option<Instant>,
    /// The due date before any extension.
    pub original_due: Option<Instant>,
    /// When it became ready.
    pub ready_at: Option<Instant>,
    /// When it was signed for.
    pub signed_at: Option<Instant>,
    /// When it was last submitted.
    pub submitted_at: Option<Instant>,
    /// When it was done.
    pub done_at: Option<Instant>,
    /// The instant up to which its owner's time is counted, where that is not the moment judged:
    /// the submission, or since when its clock stands.
    pub counted_at: Option<Instant>,
    /// Working days after the due date in which its clock stood.
    pub stood_workdays: i64,
    /// Reported progress in percent.
    pub progress: u8,
    /// Planned progress in percent at this moment; `None` without a plan.
    pub planned: Option<u8>,
    /// The data of the last submission, or what is being submitted.
    pub form: Arc<Map<String, Json>>,
    /// The declared fields of its form, empty for tasks that a rung opened.
    pub fields: Arc<Vec<duban_model::Field>>,
    /// The indicator's value; `None`: unreported.
    pub value: Option<Decimal>,
    /// The indicator's target.
    pub target: Option<Decimal>,
    /// The indicator's verdict; `None`: not judged.
    pub met: Option<bool>,
    /// Whether its window was judged missed.
    pub breached: bool,
    /// Whether silence has lasted too long.
    pub stalled: bool,
    /// Entries that count for the window so far.
    pub entries: u32,
    /// Notable moves so far: kind and moment, oldest first, at most 64.
    pub history: Arc<Vec<(String, Instant)>>,
}

/// The rung whose function is called (`rung`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RungFacts {
    /// The ladder's name.
    pub ladder: String,
    /// The rung's position, from 0.
    pub index: usize,
    /// What the ladder is about.
    #[serde(default)]
    pub side: RungSide,
    /// The date that the ladder goes towards; `None`: the rung has none.
    #[serde(default)]
    pub due: Option<Instant>,
    /// Who is addressed.
    pub to: Vec<Assignee>,
    /// The rung's plain words, for example `slip` → `blue`.
    pub words: BTreeMap<String, String>,
    /// The rung's evaluated values, for example `rectify_within`.
    pub values: BTreeMap<String, RungValue>,
}

/// What a ladder is about: whom it chases for what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungSide {
    /// The owner, for the work itself.
    #[default]
    Work,
    /// The reviewers, for their review.
    Review,
    /// The reviewers, for an answer to a request for extension.
    Answer,
}

impl RungSide {
    /// The word in scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Review => "review",
            Self::Answer => "answer",
        }
    }
}

/// A value of a rung, kept with the event that fired it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungValue {
    /// A span of time.
    Span(Span),
    /// A date.
    Date(Date),
    /// A number.
    Number(Decimal),
    /// Anything else, as text.
    Text(String),
}

/// What one evaluation sees.
#[derive(Clone)]
pub struct Scene {
    /// The case.
    pub facts: Arc<dyn Facts>,
    /// The item in hand (`task`, `item`, `owner`, `form`); `None` for keys of the case.
    pub item: Option<Arc<TaskFacts>>,
    /// The window in hand where it is not the item's own: a candidate for `counts`, or an
    /// occurrence that is being opened.
    pub window: Option<Window>,
    /// When the event is recorded (`now`): no new obligation begins before it.
    pub now: Instant,
    /// The moment judged (`moment`): earlier than `now` when a wake-up came late.
    pub moment: Instant,
    /// The due date that a rung's `at` or an extension's keys are relative to (`due`).
    pub due: Option<Instant>,
    /// Whether time, not a person, set the script off: then it may neither extend nor cancel.
    pub by_time: bool,
    /// What the decision that it belongs to may spend.
    pub budget: Budget,
}
