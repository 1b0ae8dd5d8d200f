//! The facts that events carry: one variant for each thing that can happen to a case.

use std::collections::BTreeMap;

use duban_calendar::{Instant, Window, WindowKind};
use duban_model::{Assignee, DefinitionHash, PersonId, TaskId, UnitId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::attention::AttentionKind;
use crate::command::{Carried, Evidence, Message, ParentSays, Watch};
use crate::event::{
    Arming, Deadline, HoldCause, ItemKind, NewItem, People, Readiness, Remaining, ReviewPlan,
    Schedule, Sent, Side, SignerDate, SkipReason, TakenBack,
};
use crate::failed::{Expression, MendedValues};
use crate::growth::Bound;
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::Armed;
use crate::lateness::{Late, LateWith};
use crate::migration::MigrationMap;

mod bookkeeping;
mod names;

pub(crate) use bookkeeping::bookkeeping;

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
        /// Why it begins suspended, with the case that asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suspended: Option<String>,
        /// The years from now on whose calendars are there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counted: Option<Vec<i32>>,
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
        ready: Box<Readiness>,
        /// The unit it is shown under.
        unit: UnitId,
    },
    /// An item's needs are met but it may not begin yet.
    ItemHeldUntil {
        /// Which.
        item: ItemKey,
        /// When it is looked at again; `None`: when something that it needs is there again.
        at: Option<Instant>,
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
        /// It makes up for a window that was judged missed, and keeps none.
        #[serde(default, skip_serializing_if = "crate::item::is_false")]
        makes_up: bool,
        /// What a duty's entry is about: the same counts once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        event: Option<String>,
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
        /// Further seats of the same person that are signed with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        also: Vec<Assignee>,
        /// The remark.
        text: Option<String>,
        /// By when the next must decide.
        review_due: Option<Instant>,
        /// The ladder towards it.
        arming: Option<Arming>,
        /// The others' date and ladder stay as they are; `review_due` and `arming` say nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stays: bool,
    },
    /// A signer of a quorum does not agree; the round goes on.
    ReviewRefused {
        /// Which.
        item: ItemKey,
        /// For which seats.
        members: Vec<Assignee>,
        /// Why.
        reason: String,
        /// Done items upstream to which it should go; empty: to its owner.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        upstream: Vec<ItemKey>,
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
        /// For which seats this last agreement was given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seats: Vec<Assignee>,
        /// Nobody agreed just now: this signer was taken off, and all who remain had agreed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_off: Option<Assignee>,
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
        /// Who answers for it from now on; `None`: the same as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        people: Option<Box<People>>,
        /// The entry that closed a duty's window counts no more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        looks_back: bool,
    },
    /// A later due date is asked for.
    ExtensionAsked {
        /// Which.
        item: ItemKey,
        /// The date asked for.
        until: Instant,
        /// Why.
        reason: String,
        /// By when it must be answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_due: Option<Instant>,
        /// The reviewers' ladder towards that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arming: Option<Arming>,
    },
    /// Whoever must answer a request for extension has not, by the date for it.
    AnswerOverdue {
        /// Which.
        item: ItemKey,
    },
    /// A request for extension came to nothing: the item was submitted or returned first.
    ExtensionLapsed {
        /// Which.
        item: ItemKey,
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
        /// In place of `arming`: the ladder as it goes on, with the rungs to come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        armed: Option<Armed>,
    },
    /// Calendars of further years are there: what was counted in their days is counted again.
    CalendarApplied {
        /// The years from the opening on whose calendars are there.
        years: Vec<i32>,
        /// The first item that is still to be counted again; `None`: all are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<ItemKey>,
    },
    /// A newly loaded calendar shows that what was called late was not. It may come to be late yet.
    LatenessWithdrawn {
        /// Which.
        item: ItemKey,
        /// What was called late.
        late: Late,
        /// An indicator was judged with it; it is judged again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        judgement: bool,
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
        /// Who had it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<PersonId>,
        /// Whoever had it was late with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<LateWith>,
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
    /// The reviewers changed. What the others have said stays.
    ReviewersChanged {
        /// Which.
        item: ItemKey,
        /// Who reviews now.
        members: Vec<Assignee>,
        /// Why.
        reason: Option<String>,
        /// Who was added.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        added: Option<Assignee>,
        /// Who was taken off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<Assignee>,
        /// What it means for review dates.
        #[serde(default, skip_serializing_if = "SignerDate::is_stays")]
        date: SignerDate,
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
        /// Since when the clock stands, where that is earlier; older versions noted a hold again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Instant>,
    },
    /// Work goes on, as far as one cause stopped it.
    Released {
        /// Which.
        item: ItemKey,
        /// When silence will have lasted too long.
        stall_at: Option<Instant>,
        /// The cause that has ended; `None`: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<HoldCause>,
    },
    /// The owner asks the supervision office to suspend the item.
    SuspensionAsked {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
        /// Until when.
        until: Option<Instant>,
    },
    /// It is refused.
    SuspensionRefused {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
    },
    /// The case is suspended: what is open and what is to come stands still.
    CaseSuspended {
        /// Why.
        reason: String,
        /// When it resumes by itself.
        until: Option<Instant>,
    },
    /// The case goes on.
    CaseResumed,
    /// What fell into another's turn, or while the clock stood, is passed over or moved.
    Rescheduled {
        /// Which.
        item: ItemKey,
        /// Where to.
        schedule: Box<Schedule>,
    },
    /// A duty's window is kept open, or judged again, for an entry that was returned.
    JudgementDeferred {
        /// Which occurrence.
        item: ItemKey,
        /// When it is judged.
        at: Instant,
    },
    /// It was cancelled.
    ItemCancelled {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
        /// What it was called, where the definition does not know it any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
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
        /// Whose own date it is, where a signer was added during the round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<Assignee>,
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
        /// What a miss brings is kept in mind: papers may still show that there was none.
        #[serde(default, skip_serializing_if = "crate::item::is_false")]
        in_mind: bool,
    },
    /// Papers that came late show that a missed window was kept: the miss is taken back.
    PapersLate {
        /// Which occurrence.
        item: ItemKey,
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
        /// What the item, or the task's list, lacks; `None`: it was for this moment alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keeps: Option<Expression>,
    },
    /// What had failed was evaluated again, or somebody gave what it lacked.
    Mended {
        /// The item; `None`: lists of tasks.
        item: Option<ItemKey>,
        /// Which expressions.
        what: Vec<Expression>,
        /// Why it was tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What they yielded, where no other fact says it.
        #[serde(default, skip_serializing_if = "MendedValues::is_empty")]
        values: MendedValues,
    },
    /// A duty's entry counts for its window after all.
    EntryCounted {
        /// The occurrence.
        item: ItemKey,
        /// The entry's position, from 0.
        entry: u32,
    },
    /// After a change of the directory the case's axes would add and drop other items than before.
    AxesDiffer {
        /// Items that they would add.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        came: Vec<ItemKey>,
        /// Items that they would drop.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<ItemKey>,
    },
    /// An item of a unit that is gone passes to the unit that took its place.
    HandedOver {
        /// Which.
        item: ItemKey,
        /// The unit that it is shown under from now on.
        unit: UnitId,
        /// The new owner.
        to: Assignee,
        /// Who holds that post.
        holder: Option<PersonId>,
        /// Who reviews from now on, where the old reviewer would be the new owner.
        review: Option<ReviewPlan>,
        /// Why.
        reason: String,
        /// Who had it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<PersonId>,
        /// Whoever had it was late with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late: Option<LateWith>,
    },
    /// An item that its axes would drop is finished as it is.
    FinishesAsItIs {
        /// Which.
        item: ItemKey,
        /// Why.
        reason: String,
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
    /// An item asked for its sub-case to be opened.
    SubCaseOpened {
        /// The item.
        item: ItemKey,
        /// The sub-case.
        child: CaseId,
    },
    /// An item has ended or begins anew, and parts from its sub-case.
    SubCaseLeft {
        /// The item.
        item: ItemKey,
        /// The sub-case.
        child: CaseId,
        /// Whether the sub-case goes on by itself; otherwise it is asked to end.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps: bool,
        /// When its answer will have been out for too long; `None`: nothing waits for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer_by: Option<Instant>,
    },
    /// A sub-case answered that it has ended, or was ended there.
    SubCaseEnded {
        /// The item.
        item: ItemKey,
        /// The sub-case.
        child: CaseId,
        /// The sub-case's message number.
        number: u64,
    },
    /// A sub-case that was asked to end has not answered; the next one waits for it.
    SubCaseSilent {
        /// The item.
        item: ItemKey,
    },
    /// Nobody can move on an item, and not for time alone; or the case needs to be looked at.
    AttentionNeeded {
        /// Which; `None`: the case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemKey>,
        /// Why.
        kind: AttentionKind,
        /// What it is about: a post, a unit, a key, a task.
        about: String,
    },
    /// That is over.
    AttentionEnded {
        /// Which; `None`: the case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemKey>,
        /// Why it was needed.
        kind: AttentionKind,
        /// What it was about.
        about: String,
    },
    /// All that an item waits for are other cases that have not said that they are there.
    NeedAwaited {
        /// Which.
        item: ItemKey,
        /// When they will have been waited for too long.
        until: Instant,
    },
    /// They have been waited for too long.
    NeedMissing {
        /// Which.
        item: ItemKey,
    },
    /// A case that an item waits for says that it is there.
    NeedFound {
        /// The item.
        item: ItemKey,
        /// The position of its need.
        need: u16,
        /// Who says so.
        from: CaseId,
    },
    /// A case that an item waits for was cancelled.
    NeedEnded {
        /// The item.
        item: ItemKey,
        /// The position of its need.
        need: u16,
        /// Who says so.
        from: CaseId,
    },
    /// A bound holds the opening of an item's sub-case back, or does so no more.
    OpeningHeld {
        /// The item.
        item: ItemKey,
        /// Which bound; `None`: it is opened.
        reason: Option<String>,
    },
    /// Somebody holds a reviewer's post again; the time for their answer begins.
    SeatFilled {
        /// Which.
        item: ItemKey,
        /// The seat.
        member: Assignee,
        /// What it means for review dates.
        date: SignerDate,
    },
    /// The case that opened this one told what became of its item.
    ParentSaid {
        /// The parent.
        from: CaseId,
        /// Its message number.
        number: u64,
        /// What it says.
        says: ParentSays,
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
        /// What changes its name or place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        map: Option<Box<MigrationMap>>,
    },
    /// Another definition gives a waiting item other needs.
    NeedsChanged {
        /// Which.
        item: ItemKey,
        /// Which items its needs mean, by position of the need.
        which: BTreeMap<u16, String>,
    },
    /// Another definition gives an item other plan dates.
    PlanMoved {
        /// Which.
        item: ItemKey,
        /// The next one with its position.
        next: Option<(u16, Instant)>,
    },
    /// Another definition's ladder has rungs that are to fire for an item.
    RungsArmed {
        /// Which.
        item: ItemKey,
        /// Which ladder.
        side: Side,
        /// The rungs, evaluated.
        arming: Arming,
        /// In place of all that were to fire; otherwise besides them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        anew: bool,
    },
    /// Another definition's reviewers were taken over.
    ReviewPlanned {
        /// Which.
        item: ItemKey,
        /// Who reviews from now on.
        review: ReviewPlan,
    },
    /// Another definition's cadence was taken over: it begins where a window of each begins.
    CadenceTaken {
        /// The duty.
        task: TaskId,
        /// The cadence.
        kind: WindowKind,
    },
    /// Scripts of this case have opened as much as one case may.
    BoundReached {
        /// The item whose script asked for more.
        item: ItemKey,
        /// Which bound.
        bound: Bound,
    },
    /// What a wrong clock brought about is taken back: the case is as it was before.
    TakenBack(Box<TakenBack>),
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
