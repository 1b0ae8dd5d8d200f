//! Clocks that stand: an order, the owner's own wish, a task that stops others, a suspended case.
//!
//! Each cause has its own end and is ended only by who may set it. The clock goes on when no cause
//! is left, in whatever order they end.

use std::sync::Arc;

use duban_calendar::{Instant, Span, Window};
use duban_model::TaskDef;

use super::graph::pairs;
use super::{Turn, reason_of};
use crate::command::ParentSays;
use crate::event::{DueReason, HoldCause, Remaining, Schedule, SkipReason};
use crate::fact::Fact;
use crate::ids::{CaseId, ItemKey};
use crate::item::{Armed, Hold, Item, Status, Stood};
use crate::refusal::{Refusal, Why};
use crate::signers::OwnDate;

/// A window that left less than this many working days is excused; of a shorter one, half.
const WINDOW_WORKDAYS_MIN: i64 = 20;

/// A clock that stands still without a due date keeps nothing, but its ladder and stalls rest.
const NO_DUE: Remaining = Remaining::Days(0);

/// How long a clock stood, in the unit in which the item's due date was counted.
#[derive(Clone, Copy)]
pub(super) enum Lay {
    Workdays(i64),
    Days(i64),
}

impl Turn<'_> {
    pub(super) fn suspend(
        &mut self,
        item: Option<&ItemKey>,
        reason: &str,
        until: Option<Instant>,
        stops_clock: Option<bool>,
    ) -> Result<(), Refusal> {
        let act = "suspend";
        let reason = reason_of(act, reason)?;
        if until.is_some_and(|until| until <= self.at) {
            let range = Why::new("in the future", "将来的时间");
            return Err(Refusal::OutOfRange { what: "until", range });
        }
        let Some(key) = item else {
            self.may_supervise(act, "case")?;
            if stops_clock == Some(false) {
                let why =
                    Why::new("a suspended case always stops the clock", "事项挂起后一律停止计时");
                let (item, why) = (self.case.id().to_string(), why.about("stops_clock"));
                return Err(Refusal::Unsuitable { act, item, why });
            }
            return self.suspend_case(reason, until);
        };
        let ordered = self.may_supervise(act, key.as_str()).is_ok();
        let found = self.item(key)?;
        if !ordered {
            self.may_work(act, &found)?;
        }
        let found =
            self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        let refused = |why| Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        if found.holds.iter().any(|hold| is_ordered(hold) == Some(ordered)) {
            return refused(Why::new("it is suspended already", "任务已经挂起"));
        }
        if ordered {
            let stops = stops_clock.unwrap_or(true);
            self.hold(key, HoldCause::Order(reason), until, stops);
            return Ok(());
        }
        if stops_clock == Some(true) {
            let why = Why::new(
                "only the supervision office stops the clock; ask it for a suspension",
                "只有督查机构可以停止计时，请申请挂起",
            )
            .about("stops_clock");
            return Err(Refusal::Unsuitable { act, item: key.to_string(), why });
        }
        self.hold(key, HoldCause::Own(reason), until, false);
        self.release_clocks(key);
        Ok(())
    }

    /// Suspends what is open, and by the case's head what is to come.
    fn suspend_case(&mut self, reason: String, until: Option<Instant>) -> Result<(), Refusal> {
        let act = "suspend";
        let item = self.case.id().to_string();
        if self.case.head().suspended.is_some() {
            let why = Why::new("it is suspended already", "事项已经挂起");
            return Err(Refusal::NotApplicable { act, item, why });
        }
        self.push(Fact::CaseSuspended { reason, until });
        let open: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| item.status.is_open())
            .map(|item| item.key.clone())
            .collect();
        for key in open {
            self.hold_with_case(&key);
        }
        Ok(())
    }

    /// Holds an item as the suspended case, or the one above, holds it.
    fn hold_with_case(&mut self, key: &ItemKey) {
        let head = self.case.head();
        let own = head.suspended.as_ref().map(|order| HoldCause::Case(order.reason.clone()));
        let above = head.above.as_ref().map(|order| HoldCause::Above(order.reason.clone()));
        for cause in own.into_iter().chain(above) {
            self.hold(key, cause, None, true);
        }
    }

    /// A sub-case stands still with the item that opened it.
    fn hold(&mut self, key: &ItemKey, cause: HoldCause, until: Option<Instant>, stops: bool) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let remaining = stops.then(|| self.left(&item));
        let reason = self.reason_of_hold(&cause);
        self.push(Fact::Held { item: key.clone(), cause, until, remaining, since: None });
        if stops && !item.is_held() {
            self.tell_child_of(&item, ParentSays::Suspended { reason });
        }
    }

    fn reason_of_hold(&self, cause: &HoldCause) -> String {
        match cause {
            HoldCause::Suspended(reason)
            | HoldCause::Order(reason)
            | HoldCause::Own(reason)
            | HoldCause::Case(reason)
            | HoldCause::Above(reason) => reason.clone(),
            HoldCause::Item(item) => format!("等待“{}”", self.title(item)),
        }
    }

    /// Why an item's clock stands, as its sub-case is told; `None`: it runs.
    pub(super) fn why_held(&self, item: &Item) -> Option<String> {
        let first = item.holds.iter().find(|hold| hold.remaining.is_some())?;
        Some(self.reason_of_hold(&first.cause))
    }

    /// The case above, or the earlier period's, is suspended: what is open stands still too.
    pub(super) fn suspend_with_above(&mut self, reason: &str) {
        let open: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| item.status.is_open() && !item.holds.iter().any(is_from_above))
            .map(|item| item.key.clone())
            .collect();
        for key in open {
            self.hold(&key, HoldCause::Above(reason.to_owned()), None, true);
        }
    }

    pub(super) fn resume_with_above(&mut self, next: Option<CaseId>) {
        self.release_all(is_from_above);
        self.tell_next(next);
    }

    fn release_all(&mut self, which: fn(&Hold) -> bool) {
        let held: Vec<(ItemKey, HoldCause)> = self
            .case
            .items()
            .flat_map(|item| {
                let holds = item.holds.iter().filter(|hold| which(hold));
                holds.map(|hold| (item.key.clone(), hold.cause.clone()))
            })
            .collect();
        for (key, cause) in held {
            self.release(&key, &cause);
        }
    }

    /// The next period's case began suspended; it goes on once nothing holds this one any more.
    fn tell_next(&mut self, next: Option<CaseId>) {
        if let Some(next) = next.filter(|_| self.case.head().suspension().is_none()) {
            self.tell_child(next, &ItemKey::default(), ParentSays::Resumed);
        }
    }

    /// What is left of an item's time. What is under review has nothing left to count.
    fn left(&self, item: &Item) -> Remaining {
        match item.status {
            Status::Submitted => NO_DUE,
            Status::Waiting
            | Status::Ready
            | Status::Active
            | Status::Done
            | Status::Skipped
            | Status::Cancelled => self.remaining(item, self.at).unwrap_or(NO_DUE),
        }
    }

    pub(super) fn resume(&mut self, item: Option<&ItemKey>) -> Result<(), Refusal> {
        let act = "resume";
        let Some(key) = item else {
            self.may_supervise(act, "case")?;
            if self.case.head().suspended.is_none() {
                let item = self.case.id().to_string();
                let why = match self.case.head().above {
                    None => Why::new("it is not suspended", "事项没有挂起"),
                    Some(_) => Why::new(
                        "it is suspended with the case above or of the earlier period; resume that one",
                        "它随上级事项或上期事项挂起，请先恢复该事项",
                    ),
                };
                return Err(Refusal::NotApplicable { act, item, why });
            }
            self.resume_case();
            return Ok(());
        };
        let found = self.item(key)?;
        let of = |ordered: bool| {
            found.holds.iter().find(|hold| is_ordered(hold) == Some(ordered)).cloned()
        };
        let office = self.may_supervise(act, key.as_str());
        let ended = match &office {
            Ok(()) => of(true).or_else(|| of(false)),
            Err(refusal) => {
                self.may_work(act, &found)?;
                if of(false).is_none() && of(true).is_some() {
                    return Err(refusal.clone());
                }
                of(false)
            }
        };
        let Some(ended) = ended else {
            let why = Why::new("it is not suspended", "任务没有挂起");
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        };
        self.release(key, &ended.cause);
        if is_ordered(&ended) == Some(false) {
            self.stop_clocks(key);
        }
        Ok(())
    }

    /// Lets everything go on that the case's suspension held.
    pub(super) fn resume_case(&mut self) {
        let next = self.case.head().next_held.clone();
        self.push(Fact::CaseResumed);
        self.release_all(is_by_case);
        self.tell_next(next);
    }

    pub(super) fn ask_suspension(
        &mut self,
        key: &ItemKey,
        reason: &str,
        until: Option<Instant>,
    ) -> Result<(), Refusal> {
        let act = "ask_suspension";
        let item = self.in_status(act, key, &[Status::Ready, Status::Active])?;
        self.may_work(act, &item)?;
        let reason = reason_of(act, reason)?;
        if until.is_some_and(|until| until <= self.at) {
            let range = Why::new("in the future", "将来的时间");
            return Err(Refusal::OutOfRange { what: "until", range });
        }
        if item.holds.iter().any(|hold| is_ordered(hold) == Some(true)) {
            let why = Why::new("it is suspended already", "任务已经挂起");
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        }
        self.push(Fact::SuspensionAsked { item: key.clone(), reason: reason.clone(), until });
        let head = self.case.head();
        let to = head.supervision.clone().or_else(|| head.lead.clone());
        let text = format!("“{}”申请挂起：{reason}", self.title(key));
        let kind = crate::event::Notification::Ask;
        self.notify(kind, Some(key), to.into_iter().collect(), text);
        Ok(())
    }

    pub(super) fn answer_suspension(
        &mut self,
        act: &'static str,
        key: &ItemKey,
        refused: Option<&str>,
    ) -> Result<(), Refusal> {
        self.may_supervise(act, key.as_str())?;
        let item = self.in_status(act, key, &[Status::Ready, Status::Active])?;
        let Some(asked) = item.asked_suspension.clone() else {
            let why = Why::new("no suspension is asked for", "没有待答复的挂起申请");
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        };
        match refused {
            Some(reason) => {
                let reason = reason_of(act, reason)?;
                self.push(Fact::SuspensionRefused { item: key.clone(), reason });
            }
            None => {
                let until = asked.until.filter(|until| *until > self.at);
                self.hold(key, HoldCause::Order(asked.reason), until, true);
            }
        }
        Ok(())
    }

    /// What holds an item from the moment at which it becomes ready.
    pub(super) fn hold_from_the_start(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        // An order given before goes on; the time that it keeps is what is left from now.
        self.count_anew(key, None);
        self.hold_with_case(key);
        let definition = Arc::clone(&self.definition);
        let Some(task) = Self::task(&definition, &item) else { return };
        let mut stoppers = Vec::new();
        for stopper in
            definition.workflow.tasks.iter().filter(|one| one.stops_clock.contains(&task.id))
        {
            let open = self.case.items_of(stopper.id.as_str()).filter(|other| stops(other));
            let paired = open.filter(|other| pairs(task, &item, stopper, other));
            stoppers.extend(paired.map(|other| other.key.clone()));
        }
        for stopper in stoppers {
            self.hold(key, HoldCause::Item(stopper), None, true);
        }
    }

    /// Orders outlive the attempt that they were given in.
    pub(super) fn keep_orders(&mut self, before: Option<&Item>) {
        let Some(before) = before else { return };
        let orders = before.holds.iter().filter(|hold| is_ordered(hold) == Some(true)).cloned();
        for hold in orders.collect::<Vec<Hold>>() {
            self.hold(&before.key, hold.cause, hold.until, hold.remaining.is_some());
        }
    }

    /// An item comes to its owner while its clock stands: what is left is counted from now, and is
    /// no less than `least`.
    ///
    /// A window's clock goes on standing: it loses the days since its first cause.
    fn count_anew(&mut self, key: &ItemKey, least: Option<Remaining>) {
        let Some(item) = self.case.item(key).filter(|item| item.window.is_none()).cloned() else {
            return;
        };
        if let Some(left) = more(self.remaining(&item, self.at), least) {
            self.hold_again(&item, None, left);
        }
    }

    /// An item that was submitted comes back to its owner while its clock stands.
    pub(super) fn come_back(&mut self, before: &Item) {
        let Some(stood) = &before.stood else { return };
        let least = stopped_in_hand(before, stood).then_some(stood.remaining);
        self.count_anew(&before.key, least);
    }

    /// An item is taken back by its owner while its clock stands: it has what was left when the
    /// clock stopped, be it that the item was under review then.
    pub(super) fn count_on(&mut self, item: &Item) {
        let Some(stood) = item.stood.as_ref().filter(|_| item.window.is_none()) else { return };
        if !stopped_in_hand(item, stood)
            && let Some(left) = self.remaining(item, stood.since)
        {
            self.hold_again(item, Some(stood.since), left);
        }
    }

    fn hold_again(&mut self, item: &Item, since: Option<Instant>, left: Remaining) {
        let standing = item.holds.iter().filter(|hold| hold.remaining.is_some()).cloned();
        let standing: Vec<Hold> = standing.collect();
        for hold in &standing {
            let (key, cause) = (item.key.clone(), Some(hold.cause.clone()));
            let stall_at = self.case.item(&key).and_then(|item| item.stall_at);
            self.push(Fact::Released { item: key, stall_at, cause });
        }
        for hold in standing {
            let (key, remaining) = (item.key.clone(), Some(left));
            let (cause, until) = (hold.cause, hold.until);
            self.push(Fact::Held { item: key, cause, until, remaining, since });
        }
    }

    /// Stops the clocks that stand still while an item is open.
    pub(super) fn stop_clocks(&mut self, key: &ItemKey) {
        let definition = Arc::clone(&self.definition);
        let Some(item) = self.case.item(key).cloned() else { return };
        let Some(task) = Self::task(&definition, &item).filter(|_| stops(&item)) else { return };
        for stopped in self.stopped_by(&definition, task, &item) {
            self.hold(&stopped, HoldCause::Item(key.clone()), None, true);
        }
    }

    /// Items whose clocks an item stops and that it does not hold yet.
    fn stopped_by(
        &self,
        definition: &duban_model::Definition,
        task: &TaskDef,
        item: &Item,
    ) -> Vec<ItemKey> {
        let cause = HoldCause::Item(item.key.clone());
        let targets = task.stops_clock.iter().filter_map(|stopped| {
            definition.workflow.task(stopped.as_str()).map(|(_, target)| target)
        });
        targets
            .flat_map(|target| {
                let items = self.case.items_of(target.id.as_str());
                let open = items.filter(|other| other.status.is_open());
                open.filter(move |other| pairs(target, other, task, item))
            })
            .filter(|other| other.holds.iter().all(|hold| hold.cause != cause))
            .map(|other| other.key.clone())
            .collect()
    }

    pub(super) fn release_clocks(&mut self, key: &ItemKey) {
        let cause = HoldCause::Item(key.clone());
        let stops = Self::task(&self.definition, &self.case.item(key).cloned().unwrap_or_default())
            .is_some_and(|task| !task.stops_clock.is_empty());
        if !stops {
            return;
        }
        let held: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| item.holds.iter().any(|hold| hold.cause == cause))
            .map(|item| item.key.clone())
            .collect();
        for item in held {
            self.release(&item, &cause);
        }
    }

    /// Ends the causes whose time has come.
    pub(super) fn release_due(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let now = self.at;
        for hold in item.holds.iter().filter(|hold| hold.until.is_some_and(|until| until <= now)) {
            self.release(key, &hold.cause);
            if is_ordered(hold) == Some(false) {
                self.stop_clocks(key);
            }
        }
    }

    /// Ends one cause. The clock goes on when it was the last.
    pub(super) fn release(&mut self, key: &ItemKey, cause: &HoldCause) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let (item_key, ended) = (key.clone(), Some(cause.clone()));
        self.push(Fact::Released { item: item_key, stall_at: item.stall_at, cause: ended });
        let goes_on = self.case.item(key).is_some_and(|item| !item.is_held());
        if let Some(stood) = item.stood.clone().filter(|_| goes_on && item.is_held()) {
            self.go_on(key, &item, &stood);
            self.tell_child_of(&item, ParentSays::Resumed);
            self.run_if_automatic(key);
        }
    }

    /// A clock that stood goes on: what was left is counted from now, and everything that has not
    /// happened yet is moved by the time that it stood.
    fn go_on(&mut self, key: &ItemKey, item: &Item, stood: &Stood) {
        match item.status {
            Status::Ready | Status::Active if item.window.is_some() => {
                self.go_on_in_window(key, item, stood);
            }
            Status::Ready | Status::Active => self.go_on_with_work(key, item, stood),
            Status::Submitted => self.go_on_with_review(key, item, stood),
            Status::Waiting | Status::Done | Status::Skipped | Status::Cancelled => {}
        }
    }

    fn go_on_with_work(&mut self, key: &ItemKey, item: &Item, stood: &Stood) {
        let lay = self.lay(stood);
        let mut schedule = self.moved(item, lay, None);
        if let Some(asked) = &item.asked {
            let since = stood.since.max(asked.at);
            let lay = self.lay(&Stood { since, ..stood.clone() });
            let owed = asked.due.filter(|_| !asked.overdue);
            schedule.answer_due = owed.map(|due| self.owed_after(due, lay));
            let chases = asked.armed.as_ref();
            schedule.answer_armed = chases.map(|armed| self.shifted(armed, lay, None));
        }
        self.due_goes_on(key, item, stood, &mut schedule);
        self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
    }

    /// The due date of a clock that goes on, with the ladder towards it: what was left when it
    /// stopped, counted from now, or the date given since, whichever is later.
    fn due_goes_on(&mut self, key: &ItemKey, item: &Item, stood: &Stood, moved: &mut Schedule) {
        let ran = match stood.remaining {
            Remaining::Workdays(days) | Remaining::Days(days) => days >= 0,
        };
        // A calendar that came while it stood may count more days than there seemed to be.
        let now_known = self.remaining(item, stood.since).filter(|_| !stood.given);
        let left = more(Some(stood.remaining), now_known).filter(|_| ran && item.due().is_some());
        let resumed = left.and_then(|left| self.resumed_due(left));
        let anew = stood.given.then(|| self.given_due(key, item, stood)).flatten();
        let later = resumed.max(anew).filter(|later| item.due().is_some_and(|due| *later > due));
        if stood.given {
            // The ladder towards a date that a person gave is that date's own.
            moved.armed = self.still_to_come(item.armed.as_ref());
        }
        if let Some(due) = later {
            let in_time = item.judged_due().is_none_or(|judged| stood.since <= judged);
            let provisional = self.is_provisional(self.at, due);
            let why = DueReason::Resumed;
            let armed = if stood.given { None } else { moved.armed.take() };
            let new = super::deadline::NewDeadline { due, why, by: None, in_time, provisional };
            self.carry_deadline(key, new, armed);
            moved.armed = None;
        }
    }

    /// What a date becomes that was given while the clock stood. Time that was only counted from
    /// then on stood as well; a date that a person gave is that date, and where it passed meanwhile
    /// the owner has what everybody has whose turn it is.
    fn given_due(&mut self, key: &ItemKey, item: &Item, stood: &Stood) -> Option<Instant> {
        let deadline = item.deadline()?;
        match deadline.why {
            DueReason::AtLeast | DueReason::NotExtended => {
                let since = stood.since.max(item.dated_at.unwrap_or(stood.since));
                let lay = self.lay(&Stood { since, ..stood.clone() });
                Some(self.shift(deadline.due, lay))
            }
            DueReason::Definition(_)
            | DueReason::Window
            | DueReason::Extension(_)
            | DueReason::Resumed
            | DueReason::Calendar
            | DueReason::Migrated(_)
            | DueReason::Reopened(_)
            | DueReason::Script(_)
            | DueReason::Opened
            | DueReason::Returned(_)
            | DueReason::Outage
            | DueReason::Set(_) => {
                (deadline.in_time && deadline.due < self.at).then(|| self.floor(key))
            }
        }
    }

    fn go_on_with_review(&mut self, key: &ItemKey, item: &Item, stood: &Stood) {
        let submitted = item.submitted_at.unwrap_or(stood.since);
        let review = Stood { since: stood.since.max(submitted), ..stood.clone() };
        let lay = self.lay(&review);
        let moved = |armed: &Armed| self.shifted(armed, lay, None);
        let own: Vec<OwnDate> = item
            .review
            .own
            .iter()
            .map(|one| OwnDate {
                due: self.owed_after(one.due, lay),
                armed: one.armed.as_ref().map(moved),
                ..one.clone()
            })
            .collect();
        let mut schedule = Schedule {
            review_due: item.review.due.map(|due| self.owed_after(due, lay)),
            review_armed: item.review.armed.as_ref().map(moved),
            review_own: (!own.is_empty()).then_some(own),
            ..Schedule::default()
        };
        if stopped_in_hand(item, stood) && item.window.is_none() {
            // What was left then is there again should the item come back.
            let lay = self.lay(stood);
            schedule.armed = item.armed.as_ref().map(|armed| self.shifted(armed, lay, None));
            self.due_goes_on(key, item, stood, &mut schedule);
        }
        self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
    }

    /// A duty's window: excused where too little of it was left, otherwise its end moves as a due
    /// date does, at most to the end of the next window.
    pub(super) fn go_on_in_window(&mut self, key: &ItemKey, item: &Item, stood: &Stood) {
        let (Some(window), Some(deadline)) = (item.window, item.deadline()) else { return };
        let calendar = &self.env.calendar;
        let (lost, too_little) = self.left_of_window(item, window, stood.since);
        let owed = Self::task(&self.definition, item).map_or(1, |task| task.at_least);
        if too_little && item.window_met.is_none() && item.entries_counting() < owed {
            self.skip_item(key, SkipReason::Excused);
            return;
        }
        let lay = Lay::Workdays(calendar.workdays_between(self.date(stood.since), self.today()));
        let last = self.window_end(&window.next());
        let due = if stood.since <= deadline.due {
            self.shift(deadline.due, lay).min(last.max(deadline.due))
        } else {
            deadline.due
        };
        let judged_at = item.judged_at.map(|judged| {
            if due == deadline.due {
                return self.shift(judged, lay);
            }
            let (from, upto) = (self.date(deadline.due), self.date(judged));
            let grace = self.env.calendar.workdays_between(from, upto);
            self.after(due, Span::Workdays(grace)).unwrap_or(due)
        });
        if let Some(again) = item.judge_again_at {
            let at = self.owed_after(again, lay);
            self.push(Fact::JudgementDeferred { item: key.clone(), at });
        }
        let mut schedule = self.moved(item, lay, None);
        schedule.lost = Some(lost);
        let mut moved = deadline.clone();
        moved.version += 1;
        moved.why = DueReason::Resumed;
        moved.due = due;
        moved.carries = true;
        moved.provisional = self.is_provisional(self.at, judged_at.unwrap_or(due));
        moved.counted_from = moved.provisional.then_some(self.at);
        // Counted back from the end: that moves by less than the clock stood where it is cut off.
        moved.soon_at = moved.soon_at.and_then(|_| self.soon_before(due));
        moved.red_at = judged_at.unwrap_or(due);
        let version = moved.version;
        let armed = schedule.armed.take().map(|armed| Armed { version, ..armed });
        let deadline = self.passes_nearness(moved);
        self.push(Fact::DeadlineSet {
            item: key.clone(),
            deadline,
            arming: None,
            judged_at,
            armed,
        });
        self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
    }

    /// Working days of a window in which nobody could work on it, with those since an instant, and
    /// whether too few are left for anybody to be judged by.
    pub(super) fn left_of_window(
        &self,
        item: &Item,
        window: Window,
        since: Instant,
    ) -> (i64, bool) {
        let calendar = &self.env.calendar;
        let before = window.start.pred_opt().unwrap_or(window.start);
        let total = calendar.workdays_between(before, window.end);
        let from = self.date(since).max(before).min(window.end);
        let upto = self.today().min(window.end).max(from);
        let lost = item.lost + calendar.workdays_between(from, upto);
        let free = total - lost;
        (lost, leaves_too_little(free, total))
    }

    /// How long a clock stood.
    fn lay(&self, stood: &Stood) -> Lay {
        let (from, today) = (self.date(stood.since), self.today());
        match stood.remaining {
            Remaining::Workdays(_) => {
                Lay::Workdays(self.env.calendar.workdays_between(from, today))
            }
            // Without a due date nothing says how to count; working days are people's.
            NO_DUE => Lay::Workdays(self.env.calendar.workdays_between(from, today)),
            Remaining::Days(_) => Lay::Days((today - from).num_days()),
        }
    }

    /// An instant later by the time that a clock stood, at the same time of day.
    pub(super) fn shift(&self, at: Instant, lay: Lay) -> Instant {
        let span = match lay {
            Lay::Workdays(0) | Lay::Days(0) => return at,
            Lay::Workdays(days) => Span::Workdays(days),
            Lay::Days(days) => Span::Days(days),
        };
        let (date, tz) = (self.date(at), self.tz());
        let Ok(moved) = self.env.calendar.add(date, span) else { return at };
        let days =
            duban_calendar::end_of(moved.date, tz).millis_since(duban_calendar::end_of(date, tz));
        at.plus_millis(days)
    }

    /// What was owed while a clock stood is moved by that time, and is not owed before the end of
    /// the day on which the clock goes on, be it a day off.
    fn owed_after(&self, at: Instant, lay: Lay) -> Instant {
        self.shift(at, lay).max(duban_calendar::end_of(self.today(), self.tz()))
    }

    /// A ladder whose rungs to come are moved, none to before `earliest`.
    pub(super) fn shifted(&self, armed: &Armed, lay: Lay, earliest: Option<Instant>) -> Armed {
        let mut moved = Armed { rungs: Vec::new(), ..armed.clone() };
        for rung in &armed.rungs {
            let at = self.shift(rung.at, lay);
            let at = earliest.map_or(at, |earliest| at.max(earliest));
            moved.insert(crate::item::ArmedRung { at, ..rung.clone() });
        }
        moved
    }

    /// Everything of an item's own time that is to come, moved.
    fn moved(&self, item: &Item, lay: Lay, earliest: Option<Instant>) -> Schedule {
        let report = item.report_at.map(|at| {
            let nominal = item.report_for.unwrap_or(at);
            (self.owed_after(at, lay), nominal)
        });
        let plan = item.plan_at.map(|at| (item.plan_next, Some(self.owed_after(at, lay))));
        let signs = item.start_by.filter(|_| item.status == Status::Ready);
        Schedule {
            armed: item.armed.as_ref().map(|armed| self.shifted(armed, lay, earliest)),
            start_by: signs.map(|at| self.owed_after(at, lay)),
            report,
            plan,
            stall_at: item.stall_at.map(|at| self.owed_after(at, lay)),
            ..Schedule::default()
        }
    }
}

/// Whether an item was in its owner's hands when its clock stopped, rather than under review.
fn stopped_in_hand(item: &Item, stood: &Stood) -> bool {
    // Both in one instant: what was under review had nothing left to keep.
    item.submitted_at
        .is_none_or(|at| stood.since < at || (stood.since == at && stood.remaining != NO_DUE))
}

/// The more of two amounts of time, which are counted alike.
fn more(one: Option<Remaining>, other: Option<Remaining>) -> Option<Remaining> {
    match (one, other) {
        (Some(Remaining::Workdays(one)), Some(Remaining::Workdays(other))) => {
            Some(Remaining::Workdays(one.max(other)))
        }
        (Some(Remaining::Days(one)), Some(Remaining::Days(other))) => {
            Some(Remaining::Days(one.max(other)))
        }
        (one, other) => one.or(other),
    }
}

/// Whether so many working days of a window's total leave nobody a chance to keep it.
pub(super) fn leaves_too_little(free: i64, total: i64) -> bool {
    free < WINDOW_WORKDAYS_MIN && 2 * free < total
}

/// Whether an item stops the clocks that it is meant to stop: while it is open, also where the
/// office has suspended it; its owner's own wish to rest stops nobody's clock.
fn stops(item: &Item) -> bool {
    let rests = item.holds.iter().any(|hold| is_ordered(hold) == Some(false));
    item.status.is_open() && !rests
}

/// Whether a hold was ordered from above or is the owner's own wish; `None`: neither.
fn is_ordered(hold: &Hold) -> Option<bool> {
    match hold.cause {
        HoldCause::Order(_) => Some(true),
        HoldCause::Own(_) => Some(false),
        // Written by older versions: an order is what stopped the clock.
        HoldCause::Suspended(_) => Some(hold.remaining.is_some()),
        HoldCause::Item(_) | HoldCause::Case(_) | HoldCause::Above(_) => None,
    }
}

fn is_by_case(hold: &Hold) -> bool {
    matches!(hold.cause, HoldCause::Case(_))
}

fn is_from_above(hold: &Hold) -> bool {
    matches!(hold.cause, HoldCause::Above(_))
}
