//! The facts that events carry: one variant for each thing that can happen to a case.

use duban_calendar::{Instant, Window};
use duban_model::{Assignee, DefinitionHash, PersonId, TaskId, UnitId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::command::{Carried, Evidence, Message, Watch};
use crate::event::{
    Arming, Deadline, HoldCause, ItemKind, NewItem, Readiness, Remaining, ReviewPlan, Sent, Side,
    SkipReason,
};
use crate::ids::{CaseId, CaseName, ItemKey};

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
