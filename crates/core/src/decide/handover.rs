//! Whose turn it is: an item comes to its owner, for the first time or again.
//!
//! Nobody is late because of somebody else's turn. Whatever fell into it is passed over; what an
//! owner who had been in time gets back is a new version that is in time, what an owner who was
//! late gets back is a date to work to.

use std::sync::Arc;

use duban_calendar::{Instant, Span, WindowKind, date_of, end_of};
use duban_model::TaskDef;
use duban_script::Scene;

use super::Turn;
use super::deadline::NewDeadline;
use crate::event::{Deadline, DueReason, Schedule};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, ArmedRung, Item, Status};
use crate::moment::just_after;
use crate::refusal::{ExtensionRefusal, Refusal, Why};

/// What an owner has at least, where the task does not say otherwise.
const RETURN_WITHIN: Span = Span::Workdays(3);

/// How an item comes back to its owner.
pub(super) struct Handover<'a> {
    /// The item before it was sent back.
    pub(super) before: &'a Item,
    /// Why.
    pub(super) reason: String,
    /// The date that came with it.
    pub(super) due: Option<Instant>,
    /// It was done and is looked at again, rather than returned by a reviewer.
    pub(super) reopened: bool,
}

impl Turn<'_> {
    /// The end of the time that an owner has at least from now.
    pub(super) fn floor(&mut self, key: &ItemKey) -> Instant {
        self.floor_from(key, self.at)
    }

    pub(super) fn floor_from(&mut self, key: &ItemKey, from: Instant) -> Instant {
        let definition = Arc::clone(&self.definition);
        let item = self.case.item(key).cloned();
        let task = item.as_ref().and_then(|item| Self::task(&definition, item));
        let within = task.and_then(|task| task.return_within.as_ref()).and_then(|expr| {
            let scene = self.scene(Some(key));
            self.read_span("return_within", expr, &scene)
        });
        self.after(from, within.unwrap_or(RETURN_WITHIN)).unwrap_or(from)
    }

    /// The version of the due date that readiness gives, where it gives one.
    ///
    /// A date that was fixed before is raised to the floor. A date that counts from the first
    /// readiness stands as the author wrote it, however short.
    pub(super) fn deadline_at_readiness(
        &mut self,
        item: &Item,
        task: &TaskDef,
        scene: &Scene,
    ) -> Option<Deadline> {
        if item.window.is_some() {
            return None;
        }
        let in_force = item.due();
        // What was superseded becomes ready anew, and its date is evaluated anew, unless the office
        // has set one since.
        let anew = in_force.is_none() || (!item.attempts.is_empty() && !Self::was_set_since(item));
        let defined = task.due.as_ref().filter(|_| anew);
        let defined = defined.and_then(|due| self.defined_deadline(due, task.roll, scene));
        let own = defined.as_ref().map(|deadline| deadline.due);
        let due = own.max(in_force)?;
        let floor = match (own, &task.due) {
            (Some(own), Some(expr))
                if item.attempts.is_empty() && self.counts_from_now(expr, scene, own) =>
            {
                due
            }
            _ => Some(self.floor(&item.key)).max(item.not_due_before).unwrap_or(due),
        };
        let version = item.deadline().map_or(0, |deadline| deadline.version) + 1;
        let deadline = if floor > due {
            let provisional = self.is_provisional(self.at, floor);
            let why = DueReason::AtLeast;
            let new = NewDeadline { due: floor, why, by: None, in_time: true, provisional };
            self.deadline(version, new)
        } else if own == Some(due) {
            Deadline { version, ..defined? }
        } else {
            return None;
        };
        Some(self.passes_nearness(deadline))
    }

    /// Whether the supervision office has set a waiting item's date since it was superseded.
    fn was_set_since(item: &Item) -> bool {
        let is_set = item.deadline().is_some_and(|last| matches!(last.why, DueReason::Set(_)));
        let mut kinds = item.history.iter().rev().map(|(kind, _)| kind.as_str());
        let last = kinds.find(|kind| matches!(*kind, "superseded" | "deadline_set"));
        is_set && last == Some("deadline_set")
    }

    /// Whether a due date would be another if the item became ready at another time.
    fn counts_from_now(&mut self, expr: &duban_model::Expr, scene: &Scene, due: Instant) -> bool {
        if !self.program().reads(expr).later {
            return false;
        }
        let much_later = scene.now.plus_millis(400 * 86_400_000);
        let scene = Scene { now: much_later, moment: much_later, ..scene.clone() };
        let moved = self.program().eval(expr, &scene).ok();
        let moved = moved.and_then(|value| value.to_instant(self.tz()));
        // Rolling moves a date by days, not by months.
        moved.is_some_and(|moved| moved.millis_since(due) > 100 * 86_400_000)
    }

    /// Whether what an item was submitted with came in time, by the clock that stood.
    pub(super) fn was_in_time(item: &Item) -> bool {
        let Some(due) = item.judged_due() else { return true };
        match item.judged_submission() {
            Some(at) => at <= due,
            None => item.on_time.unwrap_or(true),
        }
    }

    /// A date that comes with a return: later than the date in force and the floor it is an
    /// extension, with the limits of one. The supervision office is bound by none.
    pub(super) fn check_returned_due(
        &mut self,
        key: &ItemKey,
        due: Option<Instant>,
    ) -> Result<(), Refusal> {
        let Some(due) = due else { return Ok(()) };
        let item = self.item(key)?;
        if due <= self.at {
            let range = Why::new("after the return", "退回之后的时间");
            return Err(Refusal::OutOfRange { what: "due", range });
        }
        if item.window.is_some() {
            let why = Why::new(
                "a duty's entry is judged with its window and takes no date",
                "周期性职责随本期评判，不能另定期限",
            )
            .about("due");
            return Err(Refusal::Unsuitable { act: "return", item: key.to_string(), why });
        }
        let free = item.due().max(Some(self.floor(key)));
        if Some(due) <= free || self.may_supervise("return", key.as_str()).is_ok() {
            return Ok(());
        }
        self.may_be_extended(&item, due)
            .map_err(|why| Refusal::Extension { item: key.clone(), why })
    }

    /// The limits of an extension, besides when it may be asked for.
    pub(super) fn may_be_extended(
        &mut self,
        item: &Item,
        until: Instant,
    ) -> Result<(), ExtensionRefusal> {
        let definition = Arc::clone(&self.definition);
        let allowed = Self::task(&definition, item).and_then(|task| task.extension.as_ref());
        let allowed = allowed.ok_or(ExtensionRefusal::None)?;
        let due = item.due().ok_or(ExtensionRefusal::NoDue)?;
        if item.extensions >= allowed.max {
            return Err(ExtensionRefusal::TooMany(item.extensions));
        }
        if until <= due {
            return Err(ExtensionRefusal::NotLater(date_of(due, self.tz())));
        }
        let scene = self.scene(Some(&item.key));
        if let Some(by) = &allowed.by
            && let Some(span) = self.read_span("by", by, &scene)
            && let Some(last) = self.after(due, span)
            && until > last
        {
            return Err(ExtensionRefusal::TooLong(date_of(last, self.tz())));
        }
        Ok(())
    }

    /// Gives an item that was sent back its time: called once the sending back is recorded.
    pub(super) fn hand_back(&mut self, key: &ItemKey, handover: Handover<'_>) {
        let before = handover.before;
        if before.asked.is_some() {
            self.lapse(key);
        }
        if before.window.is_some() {
            self.defer_judgement(key);
            self.keep_ladder(key, before);
        } else {
            self.give_time(key, &handover);
        }
        self.pass_over(key);
        self.come_back(before);
    }

    /// A request for extension comes to nothing, and those concerned are told.
    pub(super) fn lapse(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        self.push(Fact::ExtensionLapsed { item: key.clone() });
        let mut to: Vec<_> = item.owner.iter().cloned().collect();
        to.extend(item.review.members.iter().cloned());
        let text = format!("“{}”的延期申请未及答复，已失效。", self.title(key));
        self.notify(crate::event::Notification::Remind, Some(key), to, text);
    }

    fn give_time(&mut self, key: &ItemKey, handover: &Handover<'_>) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let Some(in_force) = item.due() else { return };
        let floor = self.floor(key);
        let due = [Some(floor), self.defined_again(&item), handover.due].into_iter().flatten();
        let due = due.fold(in_force, Instant::max);
        let given = handover.due.filter(|given| *given == due && *given > floor.max(in_force));
        let fresh = Self::was_in_time(handover.before) || (handover.reopened && given.is_some());
        let is_new = !fresh && self.is_new_to(handover.before);
        let why = match (given, handover.reopened) {
            (_, true) => DueReason::Reopened(handover.reason.clone()),
            (Some(_), false) => DueReason::Extension(handover.reason.clone()),
            (None, false) => DueReason::Returned(handover.reason.clone()),
        };
        let provisional = self.is_provisional(self.at, due);
        let by = given.and_then(|_| self.person());
        let new = NewDeadline { due, why, by, in_time: fresh || is_new, provisional };
        match (fresh, due > in_force) {
            // The lateness was another's; the ladder begins with whoever has it now.
            (false, _) if is_new && given.is_none() => self.carry_deadline(key, new, None),
            (true, true) => self.set_deadline(key, new),
            // Later than owed anyway: an extension after the fact, late and with a new lateness.
            (false, true) if given.is_some() => self.set_deadline(key, new),
            (true, false) => self.keep_ladder(key, &item),
            (false, _) => self.date_to_work_to(key, handover.before, new),
        }
    }

    /// The due date with what other tasks say now, counted from the same readiness.
    fn defined_again(&mut self, item: &Item) -> Option<Instant> {
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, item)?;
        let due = task.due.as_ref()?;
        let reads = self.program().reads(due);
        if reads.tasks.is_empty() && reads.foreign.is_empty() {
            return None;
        }
        let ready_at = item.ready_at.unwrap_or(self.case.head().opened_at);
        let scene = Scene { now: ready_at, moment: ready_at, ..self.scene(Some(&item.key)) };
        self.defined_deadline(due, task.roll, &scene).map(|deadline| deadline.due)
    }

    /// The ladder towards a date that stands: what has passed meanwhile counts as passed.
    pub(super) fn keep_ladder(&mut self, key: &ItemKey, item: &Item) {
        let armed = self.still_to_come(item.armed.as_ref());
        if armed != item.armed {
            let schedule = Schedule { armed, ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// The rungs of a ladder that lie ahead; repeated ones go on with the next.
    pub(super) fn still_to_come(&self, armed: Option<&Armed>) -> Option<Armed> {
        Some(self.ahead_of(armed?, self.at))
    }

    fn ahead_of(&self, armed: &Armed, now: Instant) -> Armed {
        let mut ahead = Armed { rungs: Vec::new(), ..armed.clone() };
        for rung in &armed.rungs {
            let mut at = Some(rung.at);
            while let (Some(passed), Some(every)) = (at.filter(|at| *at <= now), rung.every) {
                at = self.after(passed, every).filter(|next| *next > passed);
            }
            if let Some(at) = at.filter(|at| *at > now) {
                ahead.insert(ArmedRung { at, ..rung.clone() });
            }
        }
        ahead
    }

    /// What had been late and comes back: lateness stays judged by the old date and is not said
    /// again; the rungs to come keep their distance, moved by the days that the paper lay with the
    /// reviewer, and none comes before the date now given.
    fn date_to_work_to(&mut self, key: &ItemKey, before: &Item, new: NewDeadline) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let lain = self.workdays_from(before.submitted_at.unwrap_or(self.at), self.at);
        let due = new.due;
        let armed = item.armed.as_ref().map(|armed| self.shifted(armed, lain));
        let armed = armed.map(|armed| self.not_before(&armed, due));
        if item.due() == Some(due) {
            let schedule = Schedule { armed, ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        } else {
            self.carry_deadline(key, new, armed);
        }
    }

    /// What its owner takes back has the date that it had, be it that it has passed: nobody else
    /// sent it. What has passed of the ladder before that date counts as passed; the rungs after it
    /// keep their distance from the submission, so that none comes of the days that the paper lay
    /// with the reviewer.
    pub(super) fn keep_distance(&mut self, before: &Item) {
        let Some(armed) = &before.armed else { return };
        let submitted = before.submitted_at.unwrap_or(self.at);
        // What a clock that stands has not counted is moved when it goes on.
        let counted = before.stood.as_ref().map_or(self.at, |stood| stood.since.max(submitted));
        let passed = before.due().filter(|due| *due < counted && before.window.is_none());
        let lain = self.workdays_from(submitted, counted);
        let mut ladder = Armed { rungs: Vec::new(), ..armed.clone() };
        let after = |rung: &&ArmedRung| passed.is_some_and(|due| rung.at > due);
        let (after, until): (Vec<_>, Vec<_>) = armed.rungs.iter().partition(after);
        ladder.rungs = until.into_iter().cloned().collect();
        ladder = self.ahead_of(&ladder, counted);
        for rung in after {
            ladder.insert(ArmedRung { at: self.shift(rung.at, lain), ..rung.clone() });
        }
        let armed = Some(ladder).filter(|ladder| *ladder != *armed);
        // The days that the paper lay with the reviewer are no days of lateness.
        let late_from = before.due().map(|due| due.max(submitted));
        let lain = late_from.map_or(0, |from| {
            self.env.calendar.workdays_between(self.date(from), self.date(counted))
        });
        let lost = (lain > 0 && before.window.is_none()).then_some(before.lost + lain);
        let schedule = Schedule { armed, lost, ..Schedule::default() };
        if schedule != Schedule::default() {
            self.push(Fact::Rescheduled { item: before.key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// A version of a due date that carries on the lateness of the one before, with the ladder as
    /// it goes on; without one it is armed anew.
    pub(super) fn carry_deadline(
        &mut self,
        key: &ItemKey,
        new: NewDeadline,
        ladder: Option<Armed>,
    ) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let Some(old) = item.deadline().cloned() else { return };
        let (due, version) = (new.due, old.version + 1);
        let mut deadline = self.deadline(version, new);
        deadline.carries = true;
        if !deadline.in_time {
            // Who is late stays red, or turns red when they would have.
            deadline.soon_at = None;
            deadline.red_at = old.red_at;
            let missed = self.owners_of(&item).iter().find_map(|one| item.late_by(one));
            // Whoever was late before it was somebody else's is late by the date that they missed.
            let missed = missed.filter(|missed| item.judged_due() != Some(*missed));
            if let Some(missed) = missed {
                deadline.red_at = self.red_after(missed);
            }
            deadline.judged = missed.or(old.judged);
        }
        let deadline = self.passes_nearness(deadline);
        let arming = match &ladder {
            Some(_) => None,
            None => self.arm_towards(&item, due),
        };
        let armed = ladder.map(|armed| Armed { version, ..armed });
        let item = key.clone();
        self.push(Fact::DeadlineSet { item, deadline, arming, judged_at: None, armed });
    }

    /// Keeps a duty's window open for an entry that was returned.
    pub(super) fn defer_judgement(&mut self, key: &ItemKey) {
        let at = self.floor(key);
        let Some(item) = self.case.item(key).cloned() else { return };
        let owed = Self::task(&self.definition, &item).map_or(1, |task| task.at_least);
        let put = match item.window_met {
            None => item.judged_at.is_some_and(|judged| judged < at),
            Some(true) => item.entries_counting() < owed,
            Some(false) => false,
        };
        if put {
            self.push(Fact::JudgementDeferred { item: key.clone(), at });
        }
    }

    /// A window that was kept by an entry which its owner has taken back is judged again at the end
    /// of the day.
    pub(super) fn judge_again(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let owed = Self::task(&self.definition, &item).map_or(1, |task| task.at_least);
        if item.window_met == Some(true) && item.entries_counting() < owed {
            let at = end_of(self.today(), self.tz());
            self.push(Fact::JudgementDeferred { item: key.clone(), at });
        }
    }

    /// Passes over reports and plan dates that fell into another's turn; the next ones count.
    pub(super) fn pass_over(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &item);
        let mut schedule = Schedule::default();
        if item.report_at.is_some_and(|at| at < self.at) {
            let kind = task.and_then(|task| task.report).unwrap_or(WindowKind::Month);
            let next = end_of(kind.containing(self.today()).end, self.tz());
            schedule.report = Some((next, next));
        }
        if item.plan_at.is_some_and(|at| at <= self.at) {
            let plan = task.map(|task| task.plan.as_slice()).unwrap_or_default();
            let ends = plan.iter().map(|(date, _)| just_after(end_of(*date, self.tz())));
            let next = (0_u16..).zip(ends).find(|(_, at)| *at > self.at);
            let none = u16::try_from(plan.len()).unwrap_or(u16::MAX);
            schedule.plan = Some(next.map_or((none, None), |(index, at)| (index, Some(at))));
        }
        if schedule != Schedule::default() {
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// Whether work on an item may go on: it is open, and nothing lets nobody work on it.
    pub(super) fn workable(&self, act: &'static str, key: &ItemKey) -> Result<Arc<Item>, Refusal> {
        let item = self.in_status(act, key, &[Status::Ready, Status::Active])?;
        if item.blocked().is_some() { Err(Refusal::Suspended(key.clone())) } else { Ok(item) }
    }
}
