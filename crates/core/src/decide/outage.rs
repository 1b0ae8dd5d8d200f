//! After an outage: nobody is judged for days on which nobody could act.
//!
//! A moment that comes more than a day late is the sign of one. What ended in it, or ends within
//! three working days after it, ends three working days after it. Of a ladder's rungs that were
//! overtaken the lowest is sent, the others keep their distance from it in working days.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_calendar::{Instant, Span};

use super::Turn;
use super::clock::Lay;
use crate::event::{Deadline, DueReason, Schedule, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, ArmedRung, Item, Status};
use crate::moment::just_after;
use crate::rows::touched;
use crate::signers::OwnDate;

/// A moment that comes later than this fell into an outage, in milliseconds: a day.
const LATE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// What ended in an outage ends so long after it.
const AFTER_OUTAGE: Span = Span::Workdays(3);

impl Turn<'_> {
    /// When an outage began, where the first moment that waits comes too late for anything else.
    pub(super) fn outage_since(&self) -> Option<Instant> {
        let (first, _) = self.case.first_moment()?;
        (self.env.now.millis_since(first) > LATE_MS_MAX).then_some(first)
    }

    /// Gives everything that ended in an outage its time after it. What comes of it is recorded at
    /// the end of the outage.
    pub(super) fn bridge_outage(&mut self, since: Instant) {
        let keys = self.case.items().map(|item| item.key.clone()).collect();
        self.bridge(since, keys);
    }

    /// The same of what the events after a position are about: what came to be in the outage may
    /// have ended in it.
    pub(super) fn bridge_touched(&mut self, since: Instant, from: usize) {
        let keys = self.events[from..].iter().flat_map(touched).collect();
        self.bridge(since, keys);
    }

    fn bridge(&mut self, since: Instant, mut keys: BTreeSet<ItemKey>) {
        self.at = self.env.now.max(self.case.head().last_at);
        let Some(ends) = self.after(self.at, AFTER_OUTAGE) else { return };
        let bridge = Bridge { since, now: self.at, ends };
        while !keys.is_empty() {
            let from = self.events.len();
            for key in keys {
                let item = self.case.item(&key);
                if item.is_some_and(|item| item.status.is_open() && !item.is_held()) {
                    self.bridge_item(&key, &bridge);
                }
            }
            // A window that is excused lets others begin.
            self.settle();
            keys = self.events[from..].iter().flat_map(touched).collect();
        }
    }

    fn bridge_item(&mut self, key: &ItemKey, bridge: &Bridge) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if self.left_too_little(&item, bridge) {
            self.skip_item(key, SkipReason::Excused);
            return;
        }
        // A date that lay in the past when it was given binds since it was given.
        let binds = |at: Instant| item.dated_at.map_or(at, |dated| at.max(dated));
        let judged = item.judged_at.filter(|_| item.window_met.is_none());
        let due = bridge.moved(item.due().filter(|_| self.can_still_end(&item)).map(binds));
        let judged = bridge.moved(judged.map(binds));
        let armed = self.bridged_ladder(item.armed.as_ref(), item.due(), due, bridge);
        if due.is_some() || judged.is_some() {
            self.end_after_outage(&item, due, judged, armed);
        } else if armed.is_some() {
            let schedule = Schedule { armed, ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
        if let Some(at) = bridge.moved(item.judge_again_at) {
            self.push(Fact::JudgementDeferred { item: key.clone(), at });
        }
        let schedule = self.bridged(&item, bridge);
        if schedule != Schedule::default() {
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// Whether an outage left too little of a duty's window for anybody to be judged by it, as a
    /// clock that stood would have.
    fn left_too_little(&self, item: &Item, bridge: &Bridge) -> bool {
        let Some(window) = item.window.filter(|_| item.window_met.is_none()) else { return false };
        let owed = Self::task(&self.definition, item).map_or(1, |task| task.at_least);
        let reaches = self.window_end(&window) >= bridge.since;
        reaches
            && matches!(item.status, Status::Ready | Status::Active)
            && item.entries_counting() < owed
            && self.left_of_window(item, window, bridge.since).1
    }

    /// Whether an item's due date is still to be missed: nobody has said that it was.
    fn can_still_end(&self, item: &Item) -> bool {
        let said = item.deadline().is_some_and(|deadline| item.overdue_version >= deadline.version);
        let judged = item.window.is_some() && item.window_met.is_some();
        let in_hand = matches!(item.status, Status::Ready | Status::Active);
        // Its owner may take it back: what was in time has its date to go by again.
        let may_return = item.status == Status::Submitted && Self::was_in_time(item);
        (in_hand || may_return) && !said && !judged
    }

    fn end_after_outage(
        &mut self,
        item: &Arc<Item>,
        due: Option<Instant>,
        judged_at: Option<Instant>,
        armed: Option<Armed>,
    ) {
        let Some(old) = item.deadline() else { return };
        let version = old.version + 1;
        let due = due.unwrap_or(old.due);
        let lay = self.workdays_from(old.due, due);
        let red_at = match judged_at {
            Some(judged) => judged,
            None => self.shift(old.red_at, lay),
        };
        let deadline = Deadline {
            version,
            due,
            why: DueReason::Outage,
            provisional: self.is_provisional(self.at, due.max(red_at)),
            counted_from: self.is_provisional(self.at, due.max(red_at)).then_some(self.at),
            soon_at: old.soon_at.map(|at| self.shift(at, lay)),
            red_at,
            carries: true,
            ..old.clone()
        };
        let deadline = self.passes_nearness(deadline);
        let armed = armed.or_else(|| item.armed.clone()).map(|armed| Armed { version, ..armed });
        let (item, arming) = (item.key.clone(), None);
        self.push(Fact::DeadlineSet { item, deadline, arming, judged_at, armed });
    }

    /// A ladder whose overtaken rungs begin with the lowest now. What came after a date that has
    /// moved moves with it. `None`: nothing changes.
    fn bridged_ladder(
        &self,
        armed: Option<&Armed>,
        old_due: Option<Instant>,
        due: Option<Instant>,
        bridge: &Bridge,
    ) -> Option<Armed> {
        let armed = armed?;
        let with_date = old_due.zip(due);
        let is_after = |rung: &ArmedRung| with_date.is_some_and(|(old, _)| rung.at > old);
        let lowest = armed.rungs.iter().filter(|rung| !is_after(rung)).map(|rung| rung.at).min();
        let overtaken = lowest.filter(|at| *at < bridge.now);
        let mut ladder = Armed { rungs: Vec::new(), ..armed.clone() };
        for rung in &armed.rungs {
            let at = match (with_date, overtaken) {
                (Some((old, new)), _) if rung.at > old => {
                    self.shift(rung.at, self.workdays_from(old, new))
                }
                (_, Some(lowest)) if rung.at == lowest => bridge.now,
                (_, Some(lowest)) => {
                    self.shift(rung.at, self.workdays_from(lowest, bridge.now)).max(bridge.now)
                }
                _ => rung.at,
            };
            ladder.insert(ArmedRung { at, ..rung.clone() });
        }
        (ladder != *armed).then_some(ladder)
    }

    /// The dates of signers who were added during the round.
    fn bridged_own(&self, item: &Item, bridge: &Bridge) -> Option<Vec<OwnDate>> {
        let bridged = |one: &OwnDate| {
            let due = bridge.moved((!one.overdue).then_some(one.due));
            let armed = self.bridged_ladder(one.armed.as_ref(), Some(one.due), due, bridge);
            OwnDate {
                due: due.unwrap_or(one.due),
                armed: armed.or_else(|| one.armed.clone()),
                ..one.clone()
            }
        };
        let own: Vec<OwnDate> = item.review.own.iter().map(bridged).collect();
        (item.status == Status::Submitted && own != item.review.own).then_some(own)
    }

    pub(super) fn workdays_from(&self, from: Instant, to: Instant) -> Lay {
        Lay::Workdays(self.env.calendar.workdays_between(self.date(from), self.date(to)))
    }

    /// The days of lateness on which its clock stood, with those of the outage: nobody is late for
    /// days on which nobody could act.
    fn lost_in(&self, item: &Item, bridge: &Bridge) -> Option<i64> {
        let in_hand = matches!(item.status, Status::Ready | Status::Active);
        let is_late = item.due().is_some_and(|due| just_after(due) < bridge.since);
        if !in_hand || !is_late || item.window.is_some() {
            return None;
        }
        let since = item.dated_at.map_or(bridge.since, |dated| bridge.since.max(dated));
        let days = self.env.calendar.workdays_between(self.date(since), self.today());
        (days > 0).then_some(item.lost + days)
    }

    /// What is owed besides the item itself: signing, reports, plan dates, silence, reviews,
    /// answers.
    fn bridged(&mut self, item: &Item, bridge: &Bridge) -> Schedule {
        let works = matches!(item.status, Status::Ready | Status::Active);
        let signs = item.start_by.filter(|_| item.status == Status::Ready && !item.start_overdue);
        let report = bridge.moved(item.report_at.filter(|_| works));
        let plan = bridge.moved(item.plan_at.filter(|_| works));
        let review = item.review.due.filter(|_| item.status == Status::Submitted);
        let review_due = bridge.moved(review.filter(|_| !item.review.overdue));
        let ladder = item.review.armed.as_ref().filter(|_| item.status == Status::Submitted);
        let asked = item.asked.as_ref();
        let answer = asked.and_then(|asked| asked.due);
        let answer_due = bridge.moved(answer.filter(|_| asked.is_some_and(|asked| !asked.overdue)));
        let chases = asked.and_then(|asked| asked.armed.as_ref());
        Schedule {
            lost: self.lost_in(item, bridge),
            answer_armed: self.bridged_ladder(chases, answer, answer_due, bridge),
            answer_due,
            start_by: bridge.moved(signs),
            report: report.map(|at| (at, item.report_for.or(item.report_at).unwrap_or(at))),
            plan: plan.map(|at| (item.plan_next, Some(at))),
            stall_at: bridge.moved(item.stall_at.filter(|_| works)),
            review_armed: self.bridged_ladder(ladder, review, review_due, bridge),
            review_own: self.bridged_own(item, bridge),
            review_due,
            ..Schedule::default()
        }
    }
}

/// An outage that is over.
struct Bridge {
    since: Instant,
    now: Instant,
    ends: Instant,
}

impl Bridge {
    /// The end after the outage of what ended in it or shortly after it.
    fn moved(&self, at: Option<Instant>) -> Option<Instant> {
        // A date is missed just after it.
        let in_outage = |at: &Instant| just_after(*at) >= self.since && *at < self.ends;
        at.filter(in_outage).map(|_| self.ends)
    }
}
