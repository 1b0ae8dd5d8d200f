//! Clocks that stand: an order, the owner's own wish, a task that stops others, a suspended case.
//!
//! Each cause has its own end and is ended only by who may set it. The clock goes on (`clock`) when
//! no cause is left, in whatever order they end.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::TaskDef;

use super::clock::NO_DUE;
use super::graph::pairs;
use super::{Turn, reason_of};
use crate::command::ParentSays;
use crate::event::{HoldCause, Remaining, Schedule};
use crate::fact::Fact;
use crate::ids::{CaseId, ItemKey};
use crate::item::{Hold, Item, Status, Stood};
use crate::refusal::{Refusal, Why};

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
        self.go_on_unstopped(key, &item);
    }

    /// An order has ended under which the clock ran: whoever has it begins with the time that
    /// everybody has whose turn it is, also where another cause goes on, and what fell into it is
    /// passed over.
    fn go_on_unstopped(&mut self, key: &ItemKey, before: &Item) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let in_hand = matches!(item.status, Status::Ready | Status::Active);
        let since = |item: &Item| {
            item.holds.iter().filter(|hold| is_stop(hold)).map(|hold| hold.since).min()
        };
        let (Some(since), None) = (since(before), since(&item)) else { return };
        if !in_hand {
            return;
        }
        let since = before.dated_at.map_or(since, |dated| since.max(dated));
        if let (Some(stood), true) = (&item.stood, item.window.is_some() && item.is_held()) {
            // What the window has lost begins with the order.
            let stood = Some(Stood { since: since.min(stood.since), ..Stood::clone(stood) });
            let schedule = Schedule { stood, ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
        self.begin_work(before, since);
        if item.asked.is_some() {
            self.ask_anew(key);
        }
    }
}

/// Whether a hold is an order under which the clock runs.
fn is_stop(hold: &Hold) -> bool {
    hold.remaining.is_none() && is_ordered(hold) == Some(true)
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
