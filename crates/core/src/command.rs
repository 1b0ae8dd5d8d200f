//! What may be asked of a case: people's moves, the clock's, other cases' and operators'.

use duban_calendar::Instant;
use duban_model::{Assignee, DefinitionHash, PersonId, TaskId, UnitId, WorkflowId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::ids::{CaseId, CaseName, ItemKey};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub act: Act,
}

impl Command {
    /// A command of an actor.
    pub fn new(actor: Actor, act: Act) -> Self {
        Self { actor, act }
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

/// What a case is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Open the case. Repeated: refused as [`Refusal::Exists`](crate::Refusal::Exists).
    Open(Open),
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
    },
    /// A reviewer returns the task, or a done task upstream of it.
    Return {
        /// Which item.
        item: ItemKey,
        /// Why.
        reason: String,
        /// A done item upstream that is returned in place of this one.
        #[serde(default)]
        upstream: Option<ItemKey>,
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
    /// One more countersigner.
    AddCountersigner {
        /// Which item.
        item: ItemKey,
        /// Who.
        who: Assignee,
    },
    /// One countersigner less; the last one stays.
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
        /// Which item; `None`: every open one.
        item: Option<ItemKey>,
        /// Why.
        reason: String,
        /// When it resumes by itself.
        #[serde(default)]
        until: Option<Instant>,
        /// Whether the clock stands still. A superior's order stops it by default (left out);
        /// the owner's own wish does not.
        #[serde(default)]
        stops_clock: Option<bool>,
    },
    /// Work goes on (恢复).
    Resume {
        /// Which item; `None`: every suspended one.
        item: Option<ItemKey>,
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
    /// Everything that time has brought, up to 256 moments.
    Wake,
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
    /// Run on another definition from now on; the environment holds it.
    Migrate {
        /// Its hash, which must be the environment's.
        definition: DefinitionHash,
    },
    /// A year's calendar was loaded: project provisional due dates anew.
    ApplyCalendar,
    /// The directory changed: look again for owners that were missing.
    ApplyDirectory,
    /// The case failed inside the engine: leave it alone until it is repaired.
    MarkFaulted {
        /// What happened.
        error: String,
    },
    /// An operator lets a faulted case go on.
    Repair {
        /// What was done about it.
        reason: String,
    },
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
}

/// A case to be opened by the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// The workflow; its current version is taken.
    pub workflow: WorkflowId,
    /// How.
    pub open: Open,
}
