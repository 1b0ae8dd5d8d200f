//! What happened to a case. Events are stored for ever: variants are added, never changed.

use std::collections::BTreeMap;

use duban_calendar::{Instant, Span, Window};
use duban_model::{Assignee, DefinitionHash, PersonId, TaskId, UnitId};
use duban_script::{SlipColour, Value};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::command::{Actor, Carried, Evidence, Message, Watch};
use crate::ids::{CaseId, CaseName, ItemKey};

/// One fact about one case, with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the case's log, from 1.
    pub seq: u64,
    /// The moment judged: what lateness and scores go by.
    pub at: Instant,
    /// When it was recorded; later than `at` where a wake-up came late.
    pub recorded_at: Instant,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub fact: Fact,
}

/// Which ladder of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The owner's, towards the due date.
    Work,
    /// The reviewer's, towards the review's due date.
    Review,
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
    /// A look-back set it.
    Reopened(String),
    /// A script asked for it.
    Script(String),
    /// An interview's, a rectification's or an opened task's own.
    Opened,
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
    /// When the light turns yellow because it is near.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soon_at: Option<Instant>,
    /// When the light turns red because it has passed.
    pub red_at: Instant,
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

/// How several reviewers decide.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Each of them (会签).
    #[default]
    All,
    /// Whoever comes first.
    Any,
    /// One after the other.
    Steps,
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
}

/// What makes an item ready. Evaluated once; changed by commands alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// Who owes it; `None`: nobody was found and the administrator is told.
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
}

/// What stopped a clock.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldCause {
    /// A person suspended it.
    Suspended(String),
    /// Another item of the case is open.
    Item(ItemKey),
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

/// A fact about a case.
///
/// Replay reads facts and never runs a script: whatever an expression yielded is in here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The case exists. Always the first.
    CaseOpened {
        /// What it is for.
        name: CaseName,
        /// What it runs on.
        definition: DefinitionHash,
        /// The workflow's title.
        title: String,
        /// Who leads.
        lead: Option<Assignee>,
        /// Who cooperates.
        with: Vec<Assignee>,
        /// The supervision office.
        supervision: Option<Assignee>,
        /// Who is told when nobody else can be found.
        administrator: Option<Assignee>,
        /// Its data.
        form: Map<String, Json>,
        /// When the next period's case opens.
        renew_at: Option<Instant>,
        /// What an earlier period's case hands on.
        carried: Vec<Carried>,
    },
    /// Windows of a duty that are still to open.
    WindowsPlanned {
        /// The duty.
        task: TaskId,
        /// The next window to open and when; `None`: there is none left.
        next: Option<(Instant, Window)>,
    },
    /// Items of a task exist. They wait.
    ItemsAdded {
        /// The task.
        task: TaskId,
        /// Its position in the file.
        order: u32,
        /// The items, perhaps none.
        items: Vec<NewItem>,
    },
    /// An item outside the workflow's tasks exists: an interview, a rectification, an extra task.
    ItemOpened {
        /// Its key.
        key: ItemKey,
        /// What it is.
        kind: ItemKind,
        /// Everything that readiness fixes.
        ready: Readiness,
        /// The unit it is shown under.
        unit: UnitId,
    },
    /// An item's needs are met but it may not begin yet.
    ItemHeldUntil {
        /// Which.
        item: ItemKey,
        /// When it is looked at again.
        at: Instant,
    },
    /// An item can be worked on.
    ItemReady {
        /// Which.
        item: ItemKey,
        /// What was evaluated.
        ready: Box<Readiness>,
    },
    /// Nobody was found to own an item.
    OwnerMissing {
        /// Which.
        item: ItemKey,
    },
    /// An item was closed without work.
    ItemSkipped {
        /// Which.
        item: ItemKey,
        /// Why.
        why: SkipReason,
    },
    /// An earlier period's result was taken over.
    ItemCarried {
        /// Which.
        item: ItemKey,
        /// Its form.
        form: Map<String, Json>,
    },
    /// The owner acknowledged it.
    Signed {
        /// Which.
        item: ItemKey,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// The owner reported.
    Reported {
        /// Which.
        item: ItemKey,
        /// What was said.
        text: String,
        /// Progress in percent.
        percent: Option<u8>,
        /// The indicator's value.
        value: Option<Decimal>,
        /// Files.
        evidence: Vec<Evidence>,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// The owner asked for it to be closed.
    Submitted {
        /// Which.
        item: ItemKey,
        /// The form, checked.
        form: Map<String, Json>,
        /// Files.
        evidence: Vec<Evidence>,
        /// The indicator's value.
        value: Option<Decimal>,
        /// Whether it counts for its window; `true` for what is no duty.
        counts: bool,
        /// By when it must be reviewed.
        review_due: Option<Instant>,
        /// The review's ladder.
        arming: Option<Arming>,
    },
    /// The owner took it back.
    Withdrawn {
        /// Which.
        item: ItemKey,
    },
    /// One of several reviewers agreed; others are still to come.
    Countersigned {
        /// Which.
        item: ItemKey,
        /// For whom.
        member: Assignee,
        /// The remark.
        text: Option<String>,
        /// By when the next must decide.
        review_due: Option<Instant>,
        /// The ladder towards it.
        arming: Option<Arming>,
    },
    /// It is done, or an entry of a duty is accepted.
    Accepted {
        /// Which.
        item: ItemKey,
        /// The remark.
        text: Option<String>,
        /// Whether the item is done; a duty that owes more entries is not.
        done: bool,
        /// Whether it was on time: by its submission and the last due date granted in time.
        on_time: bool,
    },
    /// A reviewer returned it: the next attempt begins.
    Returned {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// What it rested on was opened again; it waits for the next attempt.
    Superseded {
        /// Which.
        item: ItemKey,
        /// What was opened again.
        because: ItemKey,
    },
    /// A done item was opened again.
    Reopened {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// A later due date is asked for.
    ExtensionAsked {
        /// Which.
        item: ItemKey,
        /// The date asked for.
        until: Instant,
        /// Why.
        reason: String,
    },
    /// It is refused.
    ExtensionRefused {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// A new version of a due date, with its ladder armed anew.
    DeadlineSet {
        /// Which.
        item: ItemKey,
        /// The version.
        deadline: Deadline,
        /// The ladder towards it.
        arming: Option<Arming>,
        /// When a duty's window is judged from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        judged_at: Option<Instant>,
    },
    /// A newly loaded calendar would move a due date to an earlier day; nobody has agreed.
    EarlierDueProposed {
        /// Which.
        item: ItemKey,
        /// The earlier date.
        due: Instant,
    },
    /// It has another owner.
    Transferred {
        /// Which.
        item: ItemKey,
        /// The new owner.
        to: Assignee,
        /// Who holds that post.
        holder: Option<PersonId>,
        /// Who reviews from now on, where the old reviewer would be the new owner.
        review: Option<ReviewPlan>,
        /// Why.
        reason: String,
    },
    /// Someone handles it for the owner.
    Delegated {
        /// Which.
        item: ItemKey,
        /// Who; `None`: nobody any more.
        to: Option<PersonId>,
        /// The remark.
        reason: Option<String>,
    },
    /// The reviewers changed.
    ReviewersChanged {
        /// Which.
        item: ItemKey,
        /// Who reviews now.
        members: Vec<Assignee>,
        /// Why.
        reason: Option<String>,
    },
    /// Work stopped.
    Held {
        /// Which.
        item: ItemKey,
        /// Why.
        cause: HoldCause,
        /// When it resumes by itself.
        until: Option<Instant>,
        /// What is left of the time; `None`: the clock runs on.
        remaining: Option<Remaining>,
    },
    /// Work goes on.
    Released {
        /// Which.
        item: ItemKey,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// It was cancelled.
    ItemCancelled {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// A rung fired.
    RungFired {
        /// Which item's.
        item: ItemKey,
        /// Which ladder.
        side: Side,
        /// The rung's position.
        rung: u16,
        /// The deadline version it belongs to.
        version: u32,
        /// Which firing of a repeated rung, from 1.
        nth: u32,
        /// Overtaken by a higher one: its messages are not delivered.
        collapsed: bool,
        /// When a repeated rung fires again.
        next: Option<Instant>,
    },
    /// The sign-for date passed.
    StartOverdue {
        /// Which.
        item: ItemKey,
    },
    /// The due date is near.
    DueSoon {
        /// Which.
        item: ItemKey,
    },
    /// The due date passed.
    Overdue {
        /// Which.
        item: ItemKey,
        /// Which version.
        version: u32,
    },
    /// The review's due date passed.
    ReviewOverdue {
        /// Which.
        item: ItemKey,
    },
    /// A report that was owed did not come.
    ReportMissed {
        /// Which.
        item: ItemKey,
        /// The end of the next window.
        next: Instant,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
    },
    /// A report came in its window.
    ReportKept {
        /// Which.
        item: ItemKey,
        /// The end of the next window.
        next: Instant,
    },
    /// Silence has lasted too long.
    Stalled {
        /// Which.
        item: ItemKey,
    },
    /// A plan date passed.
    PlanChecked {
        /// Which.
        item: ItemKey,
        /// Which plan date, from 0.
        index: u16,
        /// Progress planned for it, in percent.
        planned: u8,
        /// Rungs this arms: position, instant, points.
        rungs: Vec<(u16, Instant, u8)>,
        /// When the next plan date ends.
        next: Option<Instant>,
    },
    /// A duty's window was judged.
    WindowJudged {
        /// Which occurrence.
        item: ItemKey,
        /// Entries that counted.
        entries: u32,
        /// Whether they sufficed.
        met: bool,
    },
    /// A missed window was made up for; the breach stands.
    MadeUp {
        /// Which occurrence.
        item: ItemKey,
    },
    /// An indicator was judged.
    IndicatorJudged {
        /// Which item's.
        item: ItemKey,
        /// The value; `None`: unreported.
        value: Option<Decimal>,
        /// The verdict; `None`: unreported.
        met: Option<bool>,
    },
    /// A rectification passed its due date.
    Unrectified {
        /// The interview.
        interview: ItemKey,
    },
    /// The case was handed to the body that holds people to account.
    Referred {
        /// The item it is about.
        item: ItemKey,
        /// To whom.
        to: Option<Assignee>,
        /// Why.
        why: String,
    },
    /// An interview or the case was struck off.
    StruckOff {
        /// The interview; `None`: the case.
        item: Option<ItemKey>,
        /// On what ground.
        text: Option<String>,
    },
    /// A message for people.
    Sent(Box<Sent>),
    /// A value was kept with the case.
    VarSet {
        /// Its name.
        name: String,
        /// The value.
        value: Json,
    },
    /// Points for or against a unit.
    Scored {
        /// The unit.
        unit: UnitId,
        /// Points, in hundredths.
        points: i64,
        /// The rule; `None`: a script.
        rule: Option<String>,
        /// Why.
        why: String,
        /// The item.
        item: Option<ItemKey>,
    },
    /// A line in the log.
    Logged {
        /// The item.
        item: Option<ItemKey>,
        /// The line.
        text: String,
    },
    /// A script failed; the built-in action was taken in its place.
    ScriptFailed {
        /// The item.
        item: Option<ItemKey>,
        /// The function or key.
        function: String,
        /// What went wrong.
        error: String,
    },
    /// A message to another case or to the host.
    MessageSent {
        /// Counted within the case, from 1.
        number: u64,
        /// The message.
        message: Message,
        /// The item and the position of its need that the message is for.
        about: Option<(ItemKey, u16)>,
    },
    /// Another case asked to be told.
    Watched(Watch),
    /// Another case answered.
    NeedAnswered {
        /// The item.
        item: ItemKey,
        /// The position of its need.
        need: u16,
        /// Who answered.
        from: CaseId,
        /// The `workflow/task` asked for.
        name: String,
        /// What came with it.
        form: Map<String, Json>,
    },
    /// A watch was answered and is forgotten.
    WatchAnswered {
        /// Who had asked.
        from: CaseId,
        /// Under which number.
        number: u64,
    },
    /// A sub-case closed.
    ChildClosed {
        /// The item that had opened it.
        item: ItemKey,
        /// The child.
        child: CaseId,
        /// The child's message number.
        number: u64,
    },
    /// The next period's case was asked for.
    Renewed,
    /// Nothing is left to do.
    CaseClosed,
    /// Something was opened again in a closed case.
    CaseReopened,
    /// The case was ended.
    CaseCancelled {
        /// Why.
        reason: String,
    },
    /// It runs on another definition.
    Migrated {
        /// Its hash.
        definition: DefinitionHash,
        /// The workflow's title in it.
        title: String,
    },
    /// The engine failed in this case and leaves it alone.
    Faulted {
        /// What happened.
        error: String,
    },
    /// An operator let it go on.
    Repaired {
        /// What was done.
        reason: String,
    },
}

impl Notification {
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
            Self::Alarm => "告警",
            Self::Emit => "事件",
        }
    }
}

impl Fact {
    /// The kind, as it stands in the log and in filters.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CaseOpened { .. } => "case_opened",
            Self::WindowsPlanned { .. } => "windows_planned",
            Self::ItemsAdded { .. } => "items_added",
            Self::ItemOpened { .. } => "item_opened",
            Self::ItemHeldUntil { .. } => "item_held_until",
            Self::ItemReady { .. } => "item_ready",
            Self::OwnerMissing { .. } => "owner_missing",
            Self::ItemSkipped { .. } => "item_skipped",
            Self::ItemCarried { .. } => "item_carried",
            Self::Signed { .. } => "signed",
            Self::Reported { .. } => "reported",
            Self::Submitted { .. } => "submitted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Countersigned { .. } => "countersigned",
            Self::Accepted { .. } => "accepted",
            Self::Returned { .. } => "returned",
            Self::Superseded { .. } => "superseded",
            Self::Reopened { .. } => "reopened",
            Self::ExtensionAsked { .. } => "extension_asked",
            Self::ExtensionRefused { .. } => "extension_refused",
            Self::DeadlineSet { .. } => "deadline_set",
            Self::EarlierDueProposed { .. } => "earlier_due_proposed",
            Self::Transferred { .. } => "transferred",
            Self::Delegated { .. } => "delegated",
            Self::ReviewersChanged { .. } => "reviewers_changed",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::ItemCancelled { .. } => "item_cancelled",
            Self::RungFired { .. } => "rung_fired",
            Self::StartOverdue { .. } => "start_overdue",
            Self::DueSoon { .. } => "due_soon",
            Self::Overdue { .. } => "overdue",
            Self::ReviewOverdue { .. } => "review_overdue",
            Self::ReportMissed { .. } => "report_missed",
            Self::ReportKept { .. } => "report_kept",
            Self::Stalled { .. } => "stalled",
            Self::PlanChecked { .. } => "plan_checked",
            Self::WindowJudged { .. } => "window_judged",
            Self::MadeUp { .. } => "made_up",
            Self::IndicatorJudged { .. } => "indicator_judged",
            Self::Unrectified { .. } => "unrectified",
            Self::Referred { .. } => "referred",
            Self::StruckOff { .. } => "struck_off",
            Self::Sent(_) => "sent",
            Self::VarSet { .. } => "var_set",
            Self::Scored { .. } => "scored",
            Self::Logged { .. } => "logged",
            Self::ScriptFailed { .. } => "script_failed",
            Self::MessageSent { .. } => "message_sent",
            Self::Watched(_) => "watched",
            Self::NeedAnswered { .. } => "need_answered",
            Self::WatchAnswered { .. } => "watch_answered",
            Self::ChildClosed { .. } => "child_closed",
            Self::Renewed => "renewed",
            Self::CaseClosed => "case_closed",
            Self::CaseReopened => "case_reopened",
            Self::CaseCancelled { .. } => "case_cancelled",
            Self::Migrated { .. } => "migrated",
            Self::Faulted { .. } => "faulted",
            Self::Repaired { .. } => "repaired",
        }
    }

    /// The item it is about, if it is about one.
    pub fn item(&self) -> Option<&ItemKey> {
        match self {
            Self::ItemOpened { key: item, .. }
            | Self::ItemHeldUntil { item, .. }
            | Self::ItemReady { item, .. }
            | Self::OwnerMissing { item }
            | Self::ItemSkipped { item, .. }
            | Self::ItemCarried { item, .. }
            | Self::Signed { item, .. }
            | Self::Reported { item, .. }
            | Self::Submitted { item, .. }
            | Self::Withdrawn { item }
            | Self::Countersigned { item, .. }
            | Self::Accepted { item, .. }
            | Self::Returned { item, .. }
            | Self::Superseded { item, .. }
            | Self::Reopened { item, .. }
            | Self::ExtensionAsked { item, .. }
            | Self::ExtensionRefused { item, .. }
            | Self::DeadlineSet { item, .. }
            | Self::EarlierDueProposed { item, .. }
            | Self::Transferred { item, .. }
            | Self::Delegated { item, .. }
            | Self::ReviewersChanged { item, .. }
            | Self::Held { item, .. }
            | Self::Released { item, .. }
            | Self::ItemCancelled { item, .. }
            | Self::RungFired { item, .. }
            | Self::StartOverdue { item }
            | Self::DueSoon { item }
            | Self::Overdue { item, .. }
            | Self::ReviewOverdue { item }
            | Self::ReportMissed { item, .. }
            | Self::ReportKept { item, .. }
            | Self::Stalled { item }
            | Self::PlanChecked { item, .. }
            | Self::WindowJudged { item, .. }
            | Self::MadeUp { item }
            | Self::IndicatorJudged { item, .. }
            | Self::Unrectified { interview: item }
            | Self::Referred { item, .. }
            | Self::NeedAnswered { item, .. }
            | Self::ChildClosed { item, .. } => Some(item),
            Self::StruckOff { item, .. }
            | Self::Scored { item, .. }
            | Self::Logged { item, .. }
            | Self::ScriptFailed { item, .. } => item.as_ref(),
            Self::Sent(sent) => sent.item.as_ref(),
            Self::CaseOpened { .. }
            | Self::WindowsPlanned { .. }
            | Self::ItemsAdded { .. }
            | Self::VarSet { .. }
            | Self::MessageSent { .. }
            | Self::Watched(_)
            | Self::WatchAnswered { .. }
            | Self::Renewed
            | Self::CaseClosed
            | Self::CaseReopened
            | Self::CaseCancelled { .. }
            | Self::Migrated { .. }
            | Self::Faulted { .. }
            | Self::Repaired { .. } => None,
        }
    }
}
