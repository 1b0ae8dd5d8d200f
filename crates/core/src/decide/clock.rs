//! A clock that stood goes on, and what is counted while it stands.

use duban_calendar::{Instant, Span, Window};

use super::Turn;
use crate::event::{DueReason, Remaining, Schedule, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, ArmedRung, Item, Status, Stood};
use crate::signers::OwnDate;

/// A window that left less than this many working days is excused; of a shorter one, half.
const WINDOW_WORKDAYS_MIN: i64 = 20;

/// A clock that stands still without a due date keeps nothing, but its ladder and stalls rest.
pub(super) const NO_DUE: Remaining = Remaining::Days(0);

/// How long a clock stood, in the unit in which the item's due date was counted.
#[derive(Clone, Copy)]
pub(super) enum Lay {
    Workdays(i64),
    Days(i64),
}

impl Turn<'_> {
    /// An item comes to its owner while its clock stands: what is left is counted from now, and is
    /// no less than `least`.
    ///
    /// A window's clock goes on standing: it loses the days since its first cause.
    pub(super) fn count_anew(&mut self, key: &ItemKey, least: Option<Remaining>) {
        let Some(item) = self.case.item(key).filter(|item| item.window.is_none()).cloned() else {
            return;
        };
        if let Some(left) = more(self.remaining(&item, self.at), least) {
            self.stand_anew(&item, self.at, left);
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
            self.stand_anew(item, stood.since, left);
        }
    }

    /// The causes go on, and history is not told that they ended.
    fn stand_anew(&mut self, item: &Item, since: Instant, remaining: Remaining) {
        let stood = Some(Stood { since, remaining, given: false });
        if item.is_held() {
            let schedule = Schedule { stood, ..Schedule::default() };
            self.push(Fact::Rescheduled { item: item.key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// A clock that stood goes on: what was left is counted from now, and everything that has not
    /// happened yet is moved by the time that it stood.
    pub(super) fn go_on(&mut self, key: &ItemKey, item: &Item, stood: &Stood) {
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
        let mut schedule = self.moved(item, lay);
        if let Some(asked) = &item.asked {
            let since = stood.since.max(asked.at);
            let lay = self.lay(&Stood { since, ..stood.clone() });
            let owed = asked.due.filter(|_| !asked.overdue);
            schedule.answer_due = owed.map(|due| self.owed_after(due, lay));
            let chases = asked.armed.as_ref();
            schedule.answer_armed = chases.map(|armed| self.shifted(armed, lay));
        }
        self.due_goes_on(key, item, stood, &mut schedule);
        let late = self.case.item(key).and_then(|item| item.due()).filter(|due| *due < stood.since);
        if late.is_some() {
            let (since, today) = (self.date(stood.since), self.today());
            schedule.lost = Some(item.lost + self.env.calendar.workdays_between(since, today));
        }
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
        // Whoever it was given to while it stood has the time that they were given.
        let to_somebody = item.dated_at.is_some_and(|at| at > stood.since)
            && item.deadline().is_some_and(|one| one.why == DueReason::AtLeast);
        let is_given = stood.given || to_somebody;
        let anew = is_given.then(|| self.given_due(key, item, stood)).flatten();
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
            DueReason::AtLeast | DueReason::NotExtended | DueReason::NotAnswered => {
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
        let moved = |armed: &Armed| self.shifted(armed, lay);
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
        let in_hand = stopped_in_hand(item, stood);
        let left = self.remaining(item, stood.since).filter(|_| Self::was_in_time(item));
        // What was left then is there again should the item come back.
        let stood = match left {
            Some(remaining) if !in_hand => &Stood { remaining, ..stood.clone() },
            Some(_) | None => stood,
        };
        if (in_hand || left.is_some()) && item.window.is_none() {
            let lay = self.lay(stood);
            schedule.armed = item.armed.as_ref().map(|armed| self.shifted(armed, lay));
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
        let is_owed = item.window_met.is_none() && item.entries_counting() < owed;
        if too_little && is_owed {
            self.skip_item(key, SkipReason::Excused);
            return;
        }
        let lay = Lay::Workdays(calendar.workdays_between(self.date(stood.since), self.today()));
        let last = self.window_end(&window.next());
        let due = if stood.since <= deadline.due {
            let shifted = self.shift(deadline.due, lay);
            let hours = self.resumed_due(Remaining::Workdays(0)).unwrap_or(shifted);
            let capped = shifted.max(hours).min(last.max(deadline.due));
            // Beyond the next window nobody is given what was left of this one.
            if is_owed && capped < shifted && capped < self.floor(key) {
                self.skip_item(key, SkipReason::Excused);
                return;
            }
            capped
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
        let mut schedule = self.moved(item, lay);
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
        let today = duban_calendar::end_of(self.today(), self.tz());
        // At the very end of a day that day is over.
        let next = self.after(today, Span::Days(1)).filter(|_| today <= self.at);
        self.shift(at, lay).max(next.unwrap_or(today))
    }

    /// A ladder whose rungs to come are moved.
    pub(super) fn shifted(&self, armed: &Armed, lay: Lay) -> Armed {
        let mut moved = Armed { rungs: Vec::new(), ..armed.clone() };
        for rung in &armed.rungs {
            let at = self.shift(rung.at, lay);
            moved.insert(ArmedRung { at, ..rung.clone() });
        }
        moved
    }

    /// A ladder none of whose rungs comes before an instant. Those that would have keep their
    /// distance, so that what was apart does not come at once.
    pub(super) fn not_before(&self, armed: &Armed, earliest: Instant) -> Armed {
        let mut moved = Armed { rungs: Vec::new(), ..armed.clone() };
        // Where the rung before was, and where it came to be.
        let mut last: Option<(Instant, Instant)> = None;
        for rung in &armed.rungs {
            let mut at = rung.at.max(earliest);
            if let Some((was, became)) =
                last.filter(|(was, became)| *was < rung.at && at <= *became)
            {
                at = self.shift(became, self.workdays_from(was, rung.at));
            }
            last = Some((rung.at, at));
            moved.insert(ArmedRung { at, ..rung.clone() });
        }
        moved
    }

    /// Everything of an item's own time that is to come, moved.
    fn moved(&self, item: &Item, lay: Lay) -> Schedule {
        let report = item.report_at.map(|at| {
            let nominal = item.report_for.unwrap_or(at);
            (self.owed_after(at, lay), nominal)
        });
        let plan = item.plan_at.map(|at| (item.plan_next, Some(self.owed_after(at, lay))));
        let signs = item.start_by.filter(|_| item.status == Status::Ready);
        Schedule {
            armed: item.armed.as_ref().map(|armed| self.shifted(armed, lay)),
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
