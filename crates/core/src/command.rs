//! What may be asked of a case: people's moves, the clock's, other cases' and operators'.

use duban_calendar::Instant;
use duban_model::{Assignee, DefinitionHash, PersonId, TaskId, UnitId, WorkflowId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::duties::DutyRecord;
use crate::ids::{CaseId, CaseName, ItemKey, one_or_many};
use crate::migration::Take;
use crate::takeback::WrongFuture;

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A person, perhaps standing in for another.
    Person {
        /// Who acts.
        person: PersonId,
        /// Whom they stand in for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_behalf_of: Option<PersonId>,
    },
    /// An operator or the host program: opens cases, loads calendars, migrates and repairs, but
    /// makes no owner's or reviewer's move.
    Operator {
        /// Who or what it is, for the record.
        name: String,
    },
    /// Another case.
    Case {
        /// Which.
        case: CaseId,
    },
    /// The clock.
    Engine,
}

impl Actor {
    /// A person acting for themselves.
    pub fn person(id: impl Into<PersonId>) -> Self {
        Self::Person { person: id.into(), on_behalf_of: None }
    }

    /// An operator of that name.
    pub fn operator(name: impl Into<String>) -> Self {
        Self::Operator { name: name.into() }
    }
}

/// A request to change one case. It may be refused; it is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub request: Request,
}

impl Command {
    /// A command of an actor.
    pub fn new(actor: Actor, request: impl Into<Request>) -> Self {
        Self { actor, request: request.into() }
    }
}

/// What may be asked of a case, by who may ask it.
///
/// Written as JSON for idempotency keys alone and never read back: what cases and the engine say
/// to each other cannot come from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Open it. Repeated: refused as [`Refusal::Exists`](crate::Refusal::Exists).
    Open(Open),
    /// A move of a person.
    #[serde(untagged)]
    Move(Act),
    /// What operators see to.
    #[serde(untagged)]
    Operate(Operation),
    /// What the engine and other cases say. Refused for persons and operators.
    #[serde(untagged)]
    Signal(Signal),
}

impl Request {
    /// Its name, as refusals and logs give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Move(act) => act.kind().name(),
            Self::Operate(operation) => operation.name(),
            Self::Signal(signal) => signal.name(),
        }
    }
}

impl From<Open> for Request {
    fn from(open: Open) -> Self {
        Self::Open(open)
    }
}

impl From<Act> for Request {
    fn from(act: Act) -> Self {
        Self::Move(act)
    }
}

impl From<Operation> for Request {
    fn from(operation: Operation) -> Self {
        Self::Operate(operation)
    }
}

impl From<Signal> for Request {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

/// A file named by its content.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which of the task's named files it is, or a free name.
    pub name: String,
    /// Its content address, for example `sha256:…`, or a reference of the host.
    pub file: String,
}

/// A move of a person. [`MoveKind`](crate::MoveKind) says of each kind what it asks for and who
/// may make it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// The owner acknowledges the task.
    Sign {
        /// Which item.
        item: ItemKey,
    },
    /// The owner reports progress. It signs for the task too, where that was not done.
    Report {
        /// Which item.
        item: ItemKey,
        /// What was done.
        text: String,
        /// Progress in percent; left out: unchanged.
        #[serde(default)]
        percent: Option<u8>,
        /// The indicator's value; left out: unchanged.
        #[serde(default)]
        value: Option<Decimal>,
        /// Files.
        #[serde(default)]
        evidence: Vec<Evidence>,
    },
    /// The owner asks for the task to be closed (申请办结). For a duty: an entry.
    Submit {
        /// Which item.
        item: ItemKey,
        /// The form's fields.
        form: Map<String, Json>,
        /// Files.
        #[serde(default)]
        evidence: Vec<Evidence>,
    },
    /// The owner takes a submission back that nobody has reviewed.
    Withdraw {
        /// Which item.
        item: ItemKey,
    },
    /// A reviewer accepts.
    Accept {
        /// Which item.
        item: ItemKey,
        /// A remark.
        #[serde(default)]
        text: Option<String>,
        /// The one seat that is signed for; left out: every seat that the person holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seat: Option<Assignee>,
    },
    /// A reviewer returns the task, or done tasks upstream of it. In a quorum: refuses.
    Return {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
        /// Done items upstream that are returned in place of this one: in JSON a key or a list of
        /// keys. Left out: as `on_refuse` says, else the item in hand.
        #[serde(default, with = "one_or_many")]
        upstream: Vec<ItemKey>,
        /// By when it is owed again; later than the date in force it counts as an extension.
        #[serde(default)]
        due: Option<Instant>,
    },
    /// The owner asks for a later due date.
    AskExtension {
        /// Which item.
        item: ItemKey,
        /// The due date asked for.
        until: Instant,
        /// Why.
        reason: String,
    },
    /// A reviewer grants the extension asked for.
    GrantExtension {
        /// Which item.
        item: ItemKey,
    },
    /// A reviewer refuses the extension asked for.
    RefuseExtension {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// The task passes to another owner (转办).
    Transfer {
        /// Which item.
        item: ItemKey,
        /// The new owner.
        to: Assignee,
        /// Why.
        reason: String,
    },
    /// The owner lets someone handle the task and stays answerable (委托).
    Delegate {
        /// Which item.
        item: ItemKey,
        /// Who handles it; `None` takes the delegation back.
        to: Option<PersonId>,
        /// A remark.
        #[serde(default)]
        reason: Option<String>,
    },
    /// One more countersigner, with a full time for review.
    AddCountersigner {
        /// Which item.
        item: ItemKey,
        /// Who.
        who: Assignee,
        /// Before whom on the list; left out: last, and in steps behind the one in hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Assignee>,
    },
    /// One countersigner less. During a round it is the supervision office's; the list never
    /// becomes empty.
    RemoveCountersigner {
        /// Which item.
        item: ItemKey,
        /// Who.
        who: Assignee,
        /// Why.
        reason: String,
    },
    /// Work stops for a while (挂起).
    Suspend {
        /// Which item; `None`: the case, with everything that is open or to come.
        item: Option<ItemKey>,
        /// Why.
        reason: String,
        /// When it resumes by itself.
        #[serde(default)]
        until: Option<Instant>,
        /// Whether the clock stands still. The supervision office's order stops it by default
        /// (left out); the owner's own wish does not.
        #[serde(default)]
        stops_clock: Option<bool>,
    },
    /// Work goes on (恢复).
    Resume {
        /// Which item; `None`: the case. What was suspended by itself stays so.
        item: Option<ItemKey>,
    },
    /// The owner asks the supervision office to suspend the item.
    AskSuspension {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
        /// Until when.
        #[serde(default)]
        until: Option<Instant>,
    },
    /// The supervision office suspends as asked.
    GrantSuspension {
        /// Which item.
        item: ItemKey,
    },
    /// The supervision office does not suspend as asked.
    RefuseSuspension {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// The supervision office drops the task.
    Skip {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// The supervision office ends the task, or the case (中止).
    Cancel {
        /// Which item; `None`: the whole case.
        item: Option<ItemKey>,
        /// Why.
        reason: String,
    },
    /// The supervision office reopens a done task after looking back (回头看).
    Reopen {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
        /// A new due date; left out: the old one stands.
        #[serde(default)]
        due: Option<Instant>,
    },
    /// Someone urges the owner by hand (催办); there is a cool-down.
    Urge {
        /// Which item.
        item: ItemKey,
        /// What to say.
        #[serde(default)]
        text: Option<String>,
    },
    /// The supervision office strikes an interview, or a closed case, off (销号).
    StrikeOff {
        /// The interview; `None`: the case.
        item: Option<ItemKey>,
        /// On what ground.
        #[serde(default)]
        text: Option<String>,
    },
    /// The supervision office agrees that a due date moves to an earlier day, as a newly loaded
    /// calendar would have it.
    ConsentEarlier {
        /// Which item.
        item: ItemKey,
    },
    /// The supervision office sets a due date.
    SetDue {
        /// Which item; one that waits too.
        item: ItemKey,
        /// The end of the last day on which it is on time.
        due: Instant,
        /// Why.
        reason: String,
    },
    /// The supervision office gives an item to an owner, whoever had it.
    Assign {
        /// Which item.
        item: ItemKey,
        /// The new owner.
        to: Assignee,
        /// Why.
        reason: String,
    },
    /// The supervision office has what failed evaluated again.
    Retry {
        /// Which item; `None`: lists of tasks (`each`) that failed or held nothing.
        item: Option<ItemKey>,
        /// Why it should succeed now.
        #[serde(default)]
        reason: Option<String>,
    },
    /// The supervision office adds an item of a task's axes to the running case.
    AddItem {
        /// Which task.
        task: TaskId,
        /// Which item of it, as in its key after the task: the axes' values joined by `/`.
        which: String,
        /// Why.
        reason: String,
    },
    /// The supervision office hands an item of a unit that is gone to the unit that took its
    /// place.
    HandToSuccessor {
        /// Which item.
        item: ItemKey,
        /// The unit or post; left out: as the directory names it.
        #[serde(default)]
        to: Option<Assignee>,
        /// Why.
        reason: String,
    },
    /// The supervision office has an item finished that the axes would drop.
    FinishAsItIs {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
    },
}

/// What operators see to. The host program may do it in their name; so may the supervision office.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Run on another definition from now on; the environment holds it.
    Migrate {
        /// Its hash, which must be the environment's.
        definition: DefinitionHash,
        /// What is taken over from it for work that has begun.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        take: Vec<Take>,
    },
    /// A year's calendar was loaded: project provisional due dates anew.
    ApplyCalendar,
    /// The directory changed: look again for owners that were missing, and say which items the
    /// axes of the case would add and drop.
    ApplyDirectory,
    /// Take back what a wrong clock brought about.
    TakeBack(Box<WrongFuture>),
    /// Only who holds the posts of the directory changed: look again for owners that were missing.
    ApplyHolders,
    /// A faulted case goes on.
    Repair {
        /// What was done about it.
        reason: String,
    },
}

impl Operation {
    /// Its name, as refusals and logs give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Migrate { .. } => "migrate",
            Self::ApplyCalendar => "apply_calendar",
            Self::ApplyDirectory => "apply_directory",
            Self::TakeBack(_) => "take_back",
            Self::ApplyHolders => "apply_holders",
            Self::Repair { .. } => "repair",
        }
    }
}

/// What the engine says to a case, and one case to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Everything that time has brought, up to 256 moments. The engine's.
    Wake,
    /// The case failed inside the engine: leave it alone until it is repaired. The engine's.
    MarkFaulted {
        /// What happened.
        error: String,
    },
    /// Another case asks to be told when a task is done.
    Watch(Watch),
    /// The answer to a [`Watch`].
    Answer(Answer),
    /// A sub-case has closed.
    ChildClosed {
        /// The item that opened it.
        item: ItemKey,
        /// The number of the closing command, for deduplication.
        number: u64,
        /// The child.
        child: CaseId,
    },
    /// A sub-case was ended before it had closed, or was asked to.
    ChildEnded {
        /// The item that opened it.
        item: ItemKey,
        /// The child's message number, for deduplication.
        number: u64,
        /// The child.
        child: CaseId,
    },
    /// The case that opened this one tells what became of its item, or of itself.
    ParentSays {
        /// The parent, or the earlier period's case.
        from: CaseId,
        /// The item that opened this case; empty for the earlier period's.
        item: ItemKey,
        /// The parent's message number, for deduplication.
        number: u64,
        /// What it says.
        says: ParentSays,
    },
    /// A bound holds back the opening of an item's sub-case, or does so no more. The engine's.
    OpeningHeld {
        /// The item.
        item: ItemKey,
        /// Which bound; `None`: it is opened.
        reason: Option<String>,
    },
}

/// What a case says to one that an item of it has opened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentSays {
    /// The item has ended, or begins anew: end, and answer.
    End {
        /// Why.
        reason: String,
    },
    /// The item has ended; go on all the same, on your own.
    GoOn,
    /// The item was done and is worked on again.
    Reopened,
    /// The item's clock stands, or its whole case is suspended: stand still with it.
    Suspended {
        /// Why.
        reason: String,
    },
    /// What stood still goes on.
    Resumed,
    /// What has become of the duties in the case of the period beside this one.
    Duties {
        /// One for each duty of which something is to be known.
        records: Vec<DutyRecord>,
    },
}

impl Signal {
    /// Its name, as refusals and logs give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::MarkFaulted { .. } => "mark_faulted",
            Self::Watch(_) => "watch",
            Self::Answer(_) => "answer",
            Self::ChildClosed { .. } => "child_closed",
            Self::ChildEnded { .. } => "child_ended",
            Self::ParentSays { .. } => "parent_says",
            Self::OpeningHeld { .. } => "opening_held",
        }
    }

    /// Whether an actor may send it: the engine its own, a case those in its own name.
    pub(crate) fn is_from(&self, actor: &Actor) -> bool {
        match self {
            Self::Wake | Self::MarkFaulted { .. } | Self::OpeningHeld { .. } => {
                *actor == Actor::Engine
            }
            Self::Watch(Watch { from: case, .. })
            | Self::Answer(Answer { from: case, .. })
            | Self::ChildClosed { child: case, .. }
            | Self::ChildEnded { child: case, .. }
            | Self::ParentSays { from: case, .. } => {
                matches!(actor, Actor::Case { case: sender } if sender == case)
            }
        }
    }
}

/// How a case is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// What it is for; its id follows.
    pub name: CaseName,
    /// Its data, read as `case.form`.
    #[serde(default)]
    pub form: Map<String, Json>,
    /// Results of `once` tasks that an earlier period's case hands on.
    #[serde(default)]
    pub carried: Vec<Carried>,
    /// Why the case that asks for it is suspended; it begins suspended with that one and goes on
    /// with it. `None`: that one is not suspended, or none has asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<String>,
}

impl Open {
    /// A case that somebody opens, with its data; no other case has asked for it.
    pub fn new(name: CaseName, form: Map<String, Json>) -> Self {
        Self { name, form, carried: Vec::new(), suspended: None }
    }
}

/// What an earlier period's case knows of one `once` item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The item.
    pub item: ItemKey,
    /// Its form, if it is done; `None`: the earlier case goes on chasing it.
    pub done: Option<Map<String, Json>>,
}

/// A case asks another to be told when a task is done.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Who asks.
    pub from: CaseId,
    /// The asker's number, for deduplication and in the answer.
    pub number: u64,
    /// The task.
    pub task: TaskId,
    /// Where the task has an item for this unit, that one; otherwise all.
    pub unit: UnitId,
}

/// What came of a [`Watch`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The number of the watch.
    pub number: u64,
    /// Who answers.
    pub from: CaseId,
    /// The form of the completed item; with several, of the last one completed.
    pub form: Map<String, Json>,
    /// What it says.
    #[serde(default, skip_serializing_if = "AnswerSays::is_done")]
    pub says: AnswerSays,
}

/// What a case says to one that watches a task of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSays {
    /// The task is done.
    #[default]
    Done,
    /// The case is there; the task is still to be done.
    There,
    /// The case was cancelled.
    Ended,
}

impl AnswerSays {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_done(&self) -> bool {
        *self == Self::Done
    }
}

/// A request that one case sends to another, or to the host for a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Open a case of this workflow of the same suite, in its current version.
    Open(Box<OpenRequest>),
    /// Watch a task. The first of the candidates that exists gets it.
    Watch {
        /// Cases in the order of preference: the same unit's, then its superiors'.
        candidates: Vec<CaseId>,
        /// The request.
        watch: Watch,
    },
    /// Answer a watch.
    Answer {
        /// Who asked.
        to: CaseId,
        /// The answer.
        answer: Answer,
    },
    /// Tell a parent that this case has closed.
    ChildClosed {
        /// The parent.
        to: CaseId,
        /// Its item.
        item: ItemKey,
        /// This message's number.
        number: u64,
    },
    /// Tell a parent that this case was ended.
    ChildEnded {
        /// The parent.
        to: CaseId,
        /// Its item.
        item: ItemKey,
        /// This message's number.
        number: u64,
    },
    /// Tell a sub-case what became of the item that opened it, or the next period's case that this
    /// one, which was suspended when it asked for it, goes on.
    ToChild {
        /// The sub-case, or the next period's case.
        to: CaseId,
        /// The item of this case; empty for the next period's case.
        item: ItemKey,
        /// This message's number.
        number: u64,
        /// What became of it.
        says: ParentSays,
    },
}

/// A case to be opened by the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The workflow; its current version is taken.
    pub workflow: WorkflowId,
    /// How.
    pub open: Open,
    /// For a case that a script opens: how many the scripts of the case that asks have opened with
    /// this one. 0: no script asks.
    #[serde(default, skip_serializing_if = "crate::item::is_zero")]
    pub by_script: u32,
}

impl OpenRequest {
    /// A case of a workflow that the engine itself asks for.
    pub fn new(workflow: WorkflowId, open: Open) -> Self {
        Self { workflow, open, by_script: 0 }
    }
}
