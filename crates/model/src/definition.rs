//! What one case runs on: a workflow with everything it calls, closed and hashed.
//!
//! The types mirror the keys of the workflow language; see `docs/language.md` for what each key
//! means. They are built by the loader and are plain data: nothing here evaluates anything.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use duban_calendar::{Date, Roll, WindowKind};
use serde::{Deserialize, Serialize};

use crate::ids::{DefinitionHash, SuiteId, TaskId, WorkflowId};
use crate::ladder::{Ladder, LightPolicy, ScoreRule};

/// Where in the author's files something was written. Lines and columns count from 1; columns
/// count characters.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Place {
    /// Path inside the suite, for example `m23-duty-performance.yaml`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters of what is meant; 0 where only the start is known.
    pub length: usize,
}

/// An expression as the author wrote it. It is compiled by `duban-script`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// The rhai text.
    pub source: String,
    /// Where it stands.
    pub place: Place,
}

impl Expr {
    /// The text without white space, to compare it with another.
    pub(crate) fn squeezed(&self) -> String {
        self.source.split_whitespace().collect()
    }
}

/// A workflow with everything it calls: the closed bundle that a case is opened with.
///
/// Two definitions with the same [`hash`](Self::hash) behave alike for ever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// SHA-256 over the canonical JSON of all other fields.
    pub hash: DefinitionHash,
    /// What the suite says for all its workflows.
    pub suite: SuiteHead,
    /// The workflow.
    pub workflow: Workflow,
    /// Every ladder that a task of the workflow climbs, and the suite's default one, by name.
    pub ladders: BTreeMap<String, Ladder>,
    /// The suite's default ladder: what interviews and opened tasks climb.
    pub default_ladder: Option<String>,
    /// When lights turn.
    pub lights: LightPolicy,
    /// What is scored.
    pub scoring: Vec<ScoreRule>,
    /// rhai sources in look-up order: the workflow's own, the suite's, the library's.
    pub scripts: Vec<Script>,
}

/// One rhai file of a definition.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Path inside the suite, or `lib/standard.rhai`.
    pub file: String,
    /// Its text.
    pub source: String,
}

/// What a suite says for all its workflows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteHead {
    /// The suite's folder name.
    pub id: SuiteId,
    /// The document's title.
    pub title: String,
    /// Who issued the document.
    pub issuer: String,
    /// The date of the document.
    pub date: Option<Date>,
    /// The year whose end the document means by "by the end of the year".
    pub target_year: i32,
    /// The time zone in which dates end.
    pub time_zone: Tz,
    /// The id of the working-day calendar, for example `cn`.
    pub calendar: String,
    /// Level names from the top down with their Chinese names, for example `district` → `区县`.
    pub levels: Vec<(String, String)>,
    /// Plain data that scripts read as `params`.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Which unit supervises: it may suspend, resume, skip, cancel, reopen, urge and strike off.
    pub supervision: Option<Expr>,
    /// Who is told when nobody else can be found: a post or a person.
    pub administrator: Option<Expr>,
}

/// One measure: a DAG of tasks with owners, deadlines and a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its id: letters, digits, `-` and `_`.
    pub id: WorkflowId,
    /// Title as in the document.
    pub title: String,
    /// In the author's own words.
    pub description: Option<String>,
    /// Which measure of the document, for example `M23`.
    pub basis: Vec<String>,
    /// The unit that answers for the measure.
    pub lead: Option<Expr>,
    /// The units that cooperate.
    pub with: Option<Expr>,
    /// The units for which one case each is opened; left out: one case for the lead.
    pub cases: Option<Expr>,
    /// What a case covers.
    pub period: Option<WindowKind>,
    /// Whether the next period's case opens by itself at the end of this one.
    pub renew: bool,
    /// Set where people open cases by hand or by API, with data.
    pub open: Option<OpenForm>,
    /// Plain data that scripts read as `params`, over the suite's.
    pub params: serde_json::Map<String, serde_json::Value>,
    /// Tasks in the order of the file; the order breaks ties between moments.
    pub tasks: Vec<TaskDef>,
    /// Where the workflow begins.
    pub place: Place,
}

impl Workflow {
    /// The task of that id with its position in the file.
    pub fn task(&self, id: &str) -> Option<(usize, &TaskDef)> {
        self.tasks.iter().enumerate().find(|(_, task)| task.id.as_str() == id)
    }

    /// The task that is, or once was, called so.
    pub fn task_once(&self, id: &str) -> Option<&TaskDef> {
        let was = |task: &&TaskDef| task.was.iter().any(|old| old.as_str() == id);
        let found = self.task(id).map(|(_, task)| task);
        found.or_else(|| self.tasks.iter().find(was))
    }
}

/// Who may open a case by hand, and with what data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenForm {
    /// Who may open: a unit, post or person. Left out: whoever may act for the lead.
    pub by: Option<Expr>,
    /// The data that comes with the opening, read as `case.form`.
    pub form: Vec<Field>,
}

/// A step of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDef {
    /// Its id.
    pub id: TaskId,
    /// What earlier versions called it: items of those are carried over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<TaskId>,
    /// What people read.
    pub title: String,
    /// In the author's own words.
    pub description: Option<String>,
    /// Rows of the document that the task carries, for example `M23.1`.
    pub basis: Vec<String>,
    /// Keys whose values the document does not give.
    pub assumed: Vec<String>,
    /// Who does it: people, a script or another case.
    pub kind: TaskKind,
    /// The case that it opens goes on where the item ends before it is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_case: bool,
    /// What comes first.
    pub needs: Vec<Need>,
    /// How many of the needs.
    pub join: Join,
    /// False: the task is skipped.
    pub when: Option<Expr>,
    /// Named axes, in order; the items are their product.
    pub each: Vec<Axis>,
    /// What identifies an item where the axis yields rows (maps), for example a column's name.
    pub key: Option<String>,
    /// An empty `each` is in order; otherwise the administrator is told.
    pub empty_skips: bool,
    /// A changed directory adds items and ends those that have not begun by itself; otherwise the
    /// supervision office does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
    /// A duty: one occurrence for each window.
    pub every: Option<WindowKind>,
    /// Entries owed in each window, at least 1.
    pub at_least: u32,
    /// How long after the window's end entries may follow.
    pub grace: Option<Expr>,
    /// A later period's case takes the first result over.
    pub once: bool,
    /// Who owes it.
    pub owner: Option<Expr>,
    /// No stand-in attends.
    pub in_person: bool,
    /// Who accepts it.
    pub reviewer: Reviewer,
    /// How long a review may take.
    pub review_within: Option<Expr>,
    /// How long the owner has at least whenever the task becomes theirs; working days, 3 if left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_within: Option<Expr>,
    /// A return goes to this done upstream task in place of the task in hand.
    pub on_refuse: Option<TaskId>,
    /// By when to sign for it.
    pub start_by: Option<Expr>,
    /// By when it is owed.
    pub due: Option<Expr>,
    /// What happens to a due date on a day off.
    pub roll: Roll,
    /// It is not ready before then.
    pub not_before: Option<Expr>,
    /// Extensions that may be asked for.
    pub extension: Option<Extension>,
    /// Tasks whose clocks stand still while this one is open.
    pub stops_clock: Vec<TaskId>,
    /// How often progress is to be reported.
    pub report: Option<WindowKind>,
    /// How long silence may last: a span.
    pub stall: Option<Expr>,
    /// Planned progress in percent, by date.
    pub plan: Vec<(Date, u8)>,
    /// A number with a target.
    pub indicator: Option<Indicator>,
    /// Fields filled in at submission.
    pub form: Vec<Field>,
    /// Names of the files owed at submission.
    pub evidence: Vec<String>,
    /// Whether a submission counts for `window`.
    pub counts: Option<Expr>,
    /// What a submission is about, for example one meeting: the same counts once. Where it is left
    /// out, the dates that are counted and the files say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Expr>,
    /// Which ladder; `None`: the task climbs none.
    pub ladder: Option<String>,
    /// Which ladder the review climbs.
    pub review_ladder: Option<String>,
    /// Functions to call, by moment.
    pub hooks: BTreeMap<Hook, String>,
    /// Where the task begins.
    pub place: Place,
}

/// Who does a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TaskKind {
    /// People do it.
    Human,
    /// A function of the scripts does it: no owner.
    Automatic {
        /// The function called when the task is ready.
        run: String,
    },
    /// Another case does it; done when that case is.
    SubCase {
        /// The workflow opened for the item's unit.
        workflow: WorkflowId,
    },
}

/// What comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The workflow whose task it is; `None`: this one.
    pub workflow: Option<WorkflowId>,
    /// The task.
    pub task: TaskId,
    /// How many of its items.
    pub many: Many,
    /// Which item, or for another case which unit. `None`: by the axes shared by name.
    pub which: Option<Expr>,
    /// Where the need is written.
    pub place: Place,
}

/// How many items of a needed task.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Many {
    /// Every one.
    All,
    /// At least this many, at least 1; more than remain means all.
    AtLeast(u32),
}

/// How many needs make a task ready.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Join {
    /// Every one.
    All,
    /// At least this many; more than there are, as earlier versions took it, means all.
    AtLeast(u32),
}

/// One named axis of `each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// Its name, read as `item.NAME`.
    pub name: String,
    /// What earlier versions called it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// What it ranges over: units, texts, numbers or rows.
    pub over: Expr,
}

/// Who accepts a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reviewer {
    /// Not written: the owner's superior.
    Superior,
    /// Submission closes the task.
    None,
    /// One unit, post or person.
    One(Expr),
    /// Countersigning: each of them.
    All(Vec<Expr>),
    /// Whoever comes first.
    Any(Vec<Expr>),
    /// One after the other.
    Steps(Vec<Expr>),
    /// So many of several, each a seat of its own.
    Quorum {
        /// The seats.
        of: Vec<Expr>,
        /// How many must agree, from 1 to the number of seats.
        at_least: u32,
        /// How many refusals return the task, at least 1 (what is not written).
        refusals: u32,
    },
}

/// Which extensions may be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// How many may be granted, for one item.
    pub max: u32,
    /// The longest by which one may move the due date.
    pub by: Option<Expr>,
    /// When asking ends; left out: at the due date.
    pub apply_before: Option<Expr>,
    /// A function called when one is granted.
    pub then: Option<String>,
}

/// A number with a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    /// What people read after the number, for example `%`.
    pub unit: String,
    /// How the number follows from the form.
    pub value: Option<Expr>,
    /// The target.
    pub target: Option<Expr>,
    /// Which way is better.
    pub better: Better,
    /// When it is judged.
    pub judged: Judged,
    /// What a plain target cannot say.
    pub met: Option<Expr>,
    /// The number is made from another task's items.
    pub from: Option<RollUp>,
}

/// Which way an indicator is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Better {
    /// At least the target.
    Up,
    /// At most the target.
    Down,
}

/// When an indicator is judged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Judged {
    /// Once, at the due date, by the value that stands then.
    Due,
    /// Once, by the first value submitted.
    First,
    /// At each value.
    Always,
}

/// An indicator made from another task's items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollUp {
    /// The task whose items are summed up.
    pub task: TaskId,
    /// To which unit each item belongs.
    pub by: Option<Expr>,
    /// How their numbers become one.
    pub using: Fold,
}

/// How several numbers become one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Fold {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// Their mean.
    Avg,
    /// How many there are.
    Count,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Read as `form.NAME`.
    pub name: String,
    /// What earlier versions called it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
    /// What people read.
    pub title: String,
    /// What it holds.
    pub kind: FieldKind,
    /// It must be filled in.
    pub required: bool,
    /// Least number, earliest date, or least length of a text or list.
    pub min: Option<serde_json::Value>,
    /// Greatest number, latest date, or greatest length of a text or list.
    pub max: Option<serde_json::Value>,
    /// A regular expression that a text must match as a whole.
    pub pattern: Option<String>,
    /// A date of something that has happened: it cannot lie in the future. Where the author says
    /// nothing, the dates that a duty's `counts` reads are such, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<bool>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A decimal number.
    Number,
    /// A whole number.
    Integer,
    /// An amount of money in yuan, two decimals.
    Money,
    /// A civil date.
    Date,
    /// Yes or no.
    Bool,
    /// One of these.
    Choice(Vec<String>),
    /// A unit of the directory.
    Unit,
    /// A person of the directory.
    Person,
    /// A file: its content address.
    File,
    /// Several texts.
    List,
    /// Rows with columns.
    Table(Vec<Field>),
}

/// A moment at which a workflow calls a function of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// An item is ready.
    Ready,
    /// The owner has signed for it.
    Signed,
    /// Progress was reported.
    Reported,
    /// Its light turns yellow because the due date is near.
    DueSoon,
    /// The due date has passed.
    Overdue,
    /// Silence has lasted too long.
    Stalled,
    /// A window closed without the entries owed, or an indicator was judged not met.
    Missed,
    /// It was submitted.
    Submitted,
    /// It was returned.
    Returned,
    /// It is done.
    Done,
    /// It was cancelled.
    Cancelled,
}
