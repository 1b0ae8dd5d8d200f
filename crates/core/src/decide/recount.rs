//! What was counted in working days is counted again when the calendar of a year is loaded.
//!
//! Nothing is kept for it that can be derived: a case knows which years' calendars its dates were
//! counted by, so that the calendar of that time can be made again, and the working days from a
//! base to an instant by that calendar are its span. Calendars are applied before anything else
//! happens in a case, so that its dates never rest on two of them.

use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Roll, Span};
use duban_model::{Expr, TaskDef, Trigger};
use duban_script::Scene;

use super::deadline::{NewDeadline, counts_calendar, counts_workdays};
use super::{Env, Turn};
use crate::case::CaseStatus;
use crate::command::Actor;
use crate::event::{Deadline, DueReason, ItemKind, Schedule};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, ArmedRung, Item, Status};
use crate::lateness::Late;
use crate::moment::just_after;
use crate::refusal::Refusal;
use crate::signers::OwnDate;

/// Counting again yields after this many events, and goes on in a commit of its own.
const EVENTS_BEFORE_YIELD: usize = 2_048;

/// Two calendars: the one that instants were counted by, and the one that they are counted by now.
pub(super) struct Recount {
    then: Arc<Calendar>,
    now: Arc<Calendar>,
    /// The first day on which they differ.
    from: Date,
}

impl Turn<'_> {
    /// Whether calendars of years are there that its dates were not counted by.
    pub(super) fn is_behind(&self) -> bool {
        let head = self.case.head();
        if !self.case.is_running() || head.status == CaseStatus::StruckOff {
            return false;
        }
        // A migration to another calendar keeps the dates that are there.
        if self.other_calendar() {
            return false;
        }
        let Some(counted) = &head.counted else { return head.recounting.is_some() };
        let opened = self.date(head.opened_at);
        let mut announced = self.env.calendar.announced_since(opened);
        head.recounting.is_some() || announced.any(|year| !counted.contains(&year))
    }

    /// Whether the decision is a migration to another calendar.
    pub(super) fn other_calendar(&self) -> bool {
        let calendar = &self.definition.suite.calendar;
        let before = self.env.previous.as_ref();
        before.is_some_and(|before| before.definition().suite.calendar != *calendar)
    }

    /// Counts a case's dates anew if calendars are there that it does not know. `true`: the rest
    /// follows in another commit.
    pub(super) fn apply_calendar(&mut self) -> Result<bool, Refusal> {
        self.may_operate("apply_calendar")?;
        self.by_time = true;
        let opened = self.case.head().opened_at;
        if self.case.head().counted.is_none() && self.case.head().recounting.is_none() {
            let mut years = super::open::announced(self.env, opened);
            let is_provisional = |item: &Arc<Item>| {
                !item.status.is_closed() && item.deadline().is_some_and(|one| one.provisional)
            };
            if self.case.items().any(is_provisional) {
                // An older version counted it by the calendars up to the year it last moved in.
                let known = self.env.calendar.announced_since(self.date(opened));
                let later = self.env.calendar.announced_since(self.date(self.case.head().last_at));
                let later: Vec<i32> = later.skip(1).collect();
                years = known.filter(|year| !later.contains(year)).collect();
            }
            self.push(Fact::CalendarApplied { years, next: None });
        }
        Ok(self.recount())
    }

    /// Counts again as much as one commit takes; `true` where more is left.
    pub(super) fn recount(&mut self) -> bool {
        if !self.is_behind() {
            return false;
        }
        let head = self.case.head();
        let (opened, counted) = (self.date(head.opened_at), head.counted.clone());
        let (years, next) = match &head.recounting {
            Some(recounting) => (recounting.years.clone(), recounting.next.clone()),
            None => (self.env.calendar.announced_since(opened).collect(), ItemKey::new("")),
        };
        let announced: Vec<i32> = self.env.calendar.announced_since(opened).collect();
        let not_in = |known: &[i32]| -> Vec<i32> {
            announced.iter().filter(|year| !known.contains(year)).copied().collect()
        };
        let then = Arc::new(self.env.calendar.without(&not_in(&counted.unwrap_or_default())));
        let now = match not_in(&years) {
            later if later.is_empty() => Arc::clone(&self.env.calendar),
            later => Arc::new(self.env.calendar.without(&later)),
        };
        // What is pending happens at its own time, by the dates as they are counted now.
        let pending = self.case.first_moment().map(|(at, _)| at);
        self.at = pending.map_or(self.env.now, |at| at.min(self.env.now));
        self.at = self.at.max(self.case.head().last_at);
        if let Some(from) = then.first_difference(&now, opened) {
            let recount = Recount { then, now, from };
            let keys: Vec<ItemKey> =
                self.case.items_from(next).map(|item| item.key.clone()).collect();
            for key in keys {
                if self.events.len() >= EVENTS_BEFORE_YIELD || self.env.budget.is_time_to_yield() {
                    self.push(Fact::CalendarApplied { years, next: Some(key) });
                    return true;
                }
                self.recount_item(&key, &recount);
            }
        }
        self.push(Fact::CalendarApplied { years, next: None });
        self.is_behind()
    }

    fn recount_item(&mut self, key: &ItemKey, recount: &Recount) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let was_late = item.status == Status::Done && item.on_time == Some(false);
        if item.status.is_closed() && !was_late {
            return;
        }
        if item.window.is_some() {
            self.recount_window(&item, recount);
        } else {
            self.recount_due(&item, recount);
        }
        let Some(item) = self.case.item(key).cloned() else { return };
        match item.status {
            Status::Waiting if item.held_until.is_some_and(|at| recount.concerns(self, at)) => {
                self.try_ready(key);
            }
            Status::Ready | Status::Active | Status::Submitted => self.recount_rest(&item, recount),
            Status::Waiting | Status::Done | Status::Skipped | Status::Cancelled => {}
        }
    }

    /// The due date in force. Later counts at once, earlier is proposed.
    fn recount_due(&mut self, item: &Arc<Item>, recount: &Recount) {
        let Some(old) = item.deadline().cloned() else { return };
        let due = match self.counted_again(item, &old, recount) {
            Some(due) if due < old.due && !item.status.is_closed() => {
                self.propose_earlier(item, due);
                old.due
            }
            Some(due) => due.max(old.due),
            None => old.due,
        };
        let judged = match item.status {
            Status::Submitted | Status::Done => item.judged_submission().unwrap_or(self.at),
            Status::Waiting
            | Status::Ready
            | Status::Active
            | Status::Skipped
            | Status::Cancelled => self.at,
        };
        let said = item.overdue_version > 0 && item.overdue_version == old.version;
        let late = said || item.status == Status::Done;
        let withdrawn = due > old.due && late && judged <= due;
        let armed = self.recounted_ladder(item, item.armed.as_ref(), (old.due, due), recount);
        if due == old.due {
            let soon_at = old.soon_at.map(|at| recount.moved(self, old.due, old.due, at));
            let red_at = match old.red_at {
                red if red == old.due => red,
                red => recount.moved(self, old.due, old.due, red),
            };
            let schedule = Schedule {
                armed: armed.filter(|armed| Some(armed) != item.armed.as_ref()),
                soon_at: soon_at.filter(|at| Some(*at) != old.soon_at),
                red_at: (red_at != old.red_at).then_some(red_at),
                ..Schedule::default()
            };
            self.reschedule(&item.key, schedule);
            return;
        }
        if withdrawn {
            self.withdraw_lateness(item, due);
        }
        let version = old.version + 1;
        let mut deadline = self.deadline(
            version,
            NewDeadline {
                due,
                why: DueReason::Calendar,
                by: old.by.clone(),
                in_time: old.in_time,
                provisional: self.is_provisional(old.counted_from.unwrap_or(self.at), due),
            },
        );
        deadline.counted_from = old.counted_from.filter(|_| deadline.provisional);
        deadline.carries = true;
        deadline.soon_passed = deadline.soon_at.is_some_and(|at| at < self.at);
        if !old.in_time && !withdrawn {
            deadline.soon_at = old.soon_at;
            deadline.red_at = old.red_at;
        }
        let anew = if withdrawn { self.arm_towards(item, due) } else { None };
        let armed = match anew {
            Some(arming) => {
                let mut anew = Armed::towards(&arming, version);
                let behind = armed.into_iter().flat_map(|armed| armed.rungs);
                behind.filter(|rung| rung.behind.is_some()).for_each(|rung| anew.insert(rung));
                Some(anew)
            }
            None => armed.map(|armed| Armed { version, ..armed }),
        };
        let (item, arming) = (item.key.clone(), None);
        self.push(Fact::DeadlineSet { item, deadline, arming, judged_at: None, armed });
    }

    /// The due date that an item would have by the calendar now; `None`: it was not counted in
    /// working days.
    fn counted_again(
        &mut self,
        item: &Item,
        deadline: &Deadline,
        recount: &Recount,
    ) -> Option<Instant> {
        if !recount.concerns(self, deadline.due) {
            return None;
        }
        let is_given = |one: &&Deadline| one.why != DueReason::Calendar;
        let origin = item.deadlines.iter().rev().find(is_given)?;
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, item);
        let from = deadline.counted_from;
        let by_distance = |turn: &Self| Some(recount.moved(turn, from?, from?, deadline.due));
        match &origin.why {
            DueReason::Definition(source) | DueReason::Migrated(source) => {
                let task = task?;
                let due = task.due.as_ref().filter(|due| due.source == *source)?;
                let fixed_at = item.ready_at.unwrap_or(self.case.head().opened_at);
                self.evaluated_again(item, (due, task.roll), fixed_at, deadline.due, recount)
            }
            DueReason::AtLeast
            | DueReason::NotExtended
            | DueReason::NotAnswered
            | DueReason::Returned(_) => {
                task.is_none_or(returns_in_workdays).then(|| by_distance(self)).flatten()
            }
            DueReason::Reopened(_) if origin.by.is_none() => {
                task.is_none_or(returns_in_workdays).then(|| by_distance(self)).flatten()
            }
            DueReason::Resumed => match item.deadlines.first().map(|first| &first.why) {
                Some(DueReason::Definition(source)) if counts_calendar(source) => None,
                _ => by_distance(self),
            },
            DueReason::Outage => by_distance(self),
            DueReason::Opened => {
                let ItemKind::Rectification { interview, .. } = &item.kind else { return None };
                let interview = self.case.item(interview)?;
                let ItemKind::Interview { rectify_within, .. } = &interview.kind else {
                    return None;
                };
                is_workdays(*rectify_within).then(|| by_distance(self)).flatten()
            }
            DueReason::Window
            | DueReason::Extension(_)
            | DueReason::Set(_)
            | DueReason::Reopened(_)
            | DueReason::Script(_)
            | DueReason::Calendar => None,
        }
    }

    /// An expression evaluated by both calendars: what it gives now where it gave the date in force
    /// then.
    fn evaluated_again(
        &mut self,
        item: &Item,
        (due, roll): (&Expr, Roll),
        fixed_at: Instant,
        in_force: Instant,
        recount: &Recount,
    ) -> Option<Instant> {
        if !counts_workdays(&due.source) && roll == Roll::None {
            return None;
        }
        let scene = Scene { now: fixed_at, moment: fixed_at, ..self.scene(Some(&item.key)) };
        let env = self.env_by(&recount.now);
        let now = Turn::imagined(self, &env).defined_deadline(due, roll, &scene)?.due;
        let env = self.env_by(&recount.then);
        let mut then = Turn::imagined(self, &env);
        let scene = Scene { now: fixed_at, moment: fixed_at, ..then.scene(Some(&item.key)) };
        let then = then.defined_deadline(due, roll, &scene)?.due;
        Some(if then == in_force { now } else { recount.moved(self, fixed_at, fixed_at, in_force) })
    }

    fn env_by(&self, calendar: &Arc<Calendar>) -> Env {
        Env { calendar: Arc::clone(calendar), ..self.env.clone() }
    }

    /// The same moment by another calendar. Nothing of it is kept.
    fn imagined<'o>(&self, env: &'o Env) -> Turn<'o> {
        let mut turn = Turn::on(&self.case, env, Actor::Engine);
        turn.at = self.at;
        turn.probing = true;
        turn
    }

    /// A duty's window: when it is judged, and its end where that was moved.
    fn recount_window(&mut self, item: &Arc<Item>, recount: &Recount) {
        let Some(old) = item.deadline().cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, item);
        let due = self.counted_again(item, &old, recount).unwrap_or(old.due).max(old.due);
        let missed = item.window_met == Some(false);
        let judged_at = item.judged_at.map(|judged| {
            if !recount.concerns(self, judged) || !self.judged_in_workdays(item, task) {
                return judged;
            }
            recount.moved(self, old.due, due, judged).max(judged)
        });
        let again = item.judge_again_at.filter(|at| recount.concerns(self, *at)).and_then(|at| {
            let returned = item.attempts.last()?.ended_at;
            let in_workdays = task.is_none_or(returns_in_workdays);
            let moved = recount.moved(self, returned, returned, at);
            (in_workdays && moved > at).then_some(moved)
        });
        let schedule = Schedule { judge_again_at: again, ..Schedule::default() };
        self.reschedule(&item.key, schedule);
        let armed = self.recounted_ladder(item, item.armed.as_ref(), (old.due, due), recount);
        let (Some(judged_at), true) = (judged_at, judged_at != item.judged_at || due != old.due)
        else {
            let armed = armed.filter(|armed| Some(armed) != item.armed.as_ref());
            self.reschedule(&item.key, Schedule { armed, ..Schedule::default() });
            return;
        };
        if missed && self.at <= judged_at {
            self.withdraw_lateness(item, judged_at);
        }
        let version = old.version + 1;
        let provisional = self.is_provisional(old.counted_from.unwrap_or(due), judged_at);
        let deadline = Deadline {
            version,
            due,
            why: DueReason::Calendar,
            provisional,
            counted_from: old.counted_from.filter(|_| provisional),
            red_at: judged_at,
            carries: true,
            ..old
        };
        let armed = armed.map(|armed| Armed { version, ..armed });
        let (item, arming, judged_at) = (item.key.clone(), None, Some(judged_at));
        self.push(Fact::DeadlineSet { item, deadline, arming, judged_at, armed });
    }

    /// Whether the judgement of a window was counted in working days: by its grace, or by the time
    /// that a returned entry has.
    fn judged_in_workdays(&mut self, item: &Item, task: Option<&TaskDef>) -> bool {
        let Some(task) = task else { return true };
        let Some(grace) = &task.grace else {
            return item.judged_at > item.due() && returns_in_workdays(task);
        };
        let scene = self.scene(Some(&item.key));
        self.read_span("grace", grace, &scene).is_some_and(is_workdays)
    }

    /// Everything that is owed besides the item itself.
    fn recount_rest(&mut self, item: &Item, recount: &Recount) {
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, item);
        let mut schedule = Schedule::default();
        self.recount_signing(item, task, recount, &mut schedule);
        self.recount_reviews(item, recount, &mut schedule);
        if let Some(at) = item.stall_at
            && let Some(Span::Workdays(days)) = item.stall
        {
            let moved = recount.counted_back(self, at, days);
            schedule.stall_at = (moved != at).then_some(moved);
        }
        // Reports and plan dates are dates of the calendar, unless a clock that stood moved them.
        if let (Some(at), Some(nominal)) = (item.report_at, item.report_for) {
            let moved = recount.moved(self, nominal, nominal, at);
            schedule.report = (moved != at).then_some((moved, nominal));
        }
        let plan = task.and_then(|task| task.plan.get(usize::from(item.plan_next)));
        if let (Some(at), Some((date, _))) = (item.plan_at, plan) {
            let nominal = just_after(duban_calendar::end_of(*date, self.tz()));
            let moved = recount.moved(self, nominal, nominal, at);
            let put = at != nominal && moved != at;
            schedule.plan = put.then_some((item.plan_next, Some(moved)));
        }
        if let Some(child) = &item.child
            && let (Some(asked), Some(at)) = (child.asked_at, child.answer_by)
        {
            let moved = recount.moved(self, asked, asked, at);
            schedule.child_answer_by = (moved != at).then_some(moved);
        }
        self.reschedule(&item.key, schedule);
    }

    fn recount_signing(
        &mut self,
        item: &Item,
        task: Option<&TaskDef>,
        recount: &Recount,
        schedule: &mut Schedule,
    ) {
        let counted = task
            .and_then(|task| task.start_by.as_ref())
            .is_some_and(|start_by| counts_workdays(&start_by.source));
        let (Some(at), Some(ready), true) = (item.start_by, item.ready_at, counted) else { return };
        let moved = recount.moved(self, ready, ready, at);
        if item.status != Status::Ready || moved == at {
            return;
        }
        schedule.start_by = Some(moved);
        if item.start_overdue && self.at <= moved {
            self.was_not_late(&item.key, Late::Sign);
        }
    }

    /// Reviews and answers that are owed: later at once, never earlier.
    fn recount_reviews(&mut self, item: &Item, recount: &Recount, schedule: &mut Schedule) {
        let Some(Span::Workdays(days)) = item.review.within else { return };
        let later = |turn: &Self, at: Instant| recount.counted_back(turn, at, days).max(at);
        if let Some(asked) = &item.asked
            && let Some(at) = asked.due
        {
            let due = later(self, at);
            schedule.answer_due = (due != at).then_some(due);
            let armed = self.recounted_ladder(item, asked.armed.as_ref(), (at, due), recount);
            schedule.answer_armed = armed.filter(|armed| Some(armed) != asked.armed.as_ref());
            if asked.overdue && due != at && self.at <= due {
                self.was_not_late(&item.key, Late::Answer);
            }
        }
        let Some(at) = item.review.due.filter(|_| item.status == Status::Submitted) else { return };
        let due = later(self, at);
        schedule.review_due = (due != at).then_some(due);
        let armed = self.recounted_ladder(item, item.review.armed.as_ref(), (at, due), recount);
        schedule.review_armed = armed.filter(|armed| Some(armed) != item.review.armed.as_ref());
        if item.review.overdue && due != at && self.at <= due {
            self.was_not_late(&item.key, Late::Review);
        }
        let mut own = item.review.own.clone();
        for date in &mut own {
            let due = later(self, date.due);
            let armed = self.recounted_ladder(item, date.armed.as_ref(), (date.due, due), recount);
            let overdue = date.overdue && (due == date.due || self.at > due);
            *date = OwnDate { due, overdue, armed, ..date.clone() };
        }
        schedule.review_own = (own != item.review.own).then_some(own);
    }

    /// A ladder with the rungs to come as far from its date as they were written.
    fn recounted_ladder(
        &mut self,
        item: &Item,
        armed: Option<&Armed>,
        (old, due): (Instant, Instant),
        recount: &Recount,
    ) -> Option<Armed> {
        let armed = armed?;
        let definition = Arc::clone(&self.definition);
        let Some(ladder) = Self::ladder(&definition, &armed.ladder) else {
            return Some(armed.clone());
        };
        let mut again = Armed { rungs: Vec::new(), ..armed.clone() };
        for rung in &armed.rungs {
            let found = ladder.rungs.get(usize::from(rung.rung)).map(|found| &found.trigger);
            let at = match (found, rung.every) {
                _ if old == due && !recount.concerns(self, old.max(rung.at)) => rung.at,
                (Some(Trigger::At(expr)), _) if !speaks_of_date(&expr.source) => {
                    self.fixed_again(item, expr, (old, due), rung, recount)
                }
                (Some(Trigger::At(expr)), _) if counts_workdays(&expr.source) => {
                    recount.moved(self, old, due, rung.at)
                }
                (_, Some(Span::Workdays(_))) => recount.moved(self, old, due, rung.at),
                (Some(Trigger::Behind { lasting: Some(lasting), .. }), _)
                    if counts_workdays(&lasting.source) =>
                {
                    recount.moved_in_place(self, rung.at)
                }
                (Some(Trigger::At(_)), _) | (_, Some(_)) => {
                    rung.at.plus_millis(due.millis_since(old))
                }
                _ => rung.at,
            };
            again.insert(ArmedRung { at, ..rung.clone() });
        }
        Some(again)
    }

    /// A rung whose instant does not go by the ladder's date.
    fn fixed_again(
        &mut self,
        item: &Item,
        expr: &Expr,
        (old, due): (Instant, Instant),
        rung: &ArmedRung,
        recount: &Recount,
    ) -> Instant {
        let instant = |calendar: &Arc<Calendar>, due: Instant| {
            let env = self.env_by(calendar);
            let mut turn = Turn::imagined(self, &env);
            let scene = Scene { due: Some(due), ..turn.scene(Some(&item.key)) };
            turn.read_instant("at", expr, &scene)
        };
        let then = instant(&recount.then, old);
        let now = instant(&recount.now, due);
        if then == Some(rung.at) { now.unwrap_or(rung.at) } else { rung.at }
    }

    fn was_not_late(&mut self, key: &ItemKey, late: Late) {
        let (item, judgement) = (key.clone(), false);
        self.push(Fact::LatenessWithdrawn { item, late, judgement });
    }

    fn reschedule(&mut self, key: &ItemKey, schedule: Schedule) {
        if schedule != Schedule::default() {
            let (item, schedule) = (key.clone(), Box::new(schedule));
            self.push(Fact::Rescheduled { item, schedule });
        }
    }
}

impl Recount {
    /// Whether days up to an instant are counted otherwise now.
    fn concerns(&self, turn: &Turn<'_>, at: Instant) -> bool {
        turn.date(at) >= self.from
    }

    /// An instant as many working days from its base as it was, at the same time of day. What fell
    /// on a day off by the calendar of that time was not counted in working days.
    fn moved(&self, turn: &Turn<'_>, base: Instant, base_now: Instant, at: Instant) -> Instant {
        let days = self.then.workdays_between(turn.date(base), turn.date(at));
        self.put(turn, turn.date(base_now), days, at)
    }

    /// An instant that was counted from a day before the calendars differ.
    fn moved_in_place(&self, turn: &Turn<'_>, at: Instant) -> Instant {
        let base = self.from.pred_opt().unwrap_or(self.from);
        let days = self.then.workdays_between(base, turn.date(at));
        if days <= 0 { at } else { self.put(turn, base, days, at) }
    }

    /// An instant that lies a known number of working days after what it was counted from.
    fn counted_back(&self, turn: &Turn<'_>, at: Instant, days: i64) -> Instant {
        let base = self.then.sub(turn.date(at), Span::Workdays(days));
        base.map_or(at, |base| self.put(turn, base.date, days, at))
    }

    fn put(&self, turn: &Turn<'_>, base: Date, days: i64, at: Instant) -> Instant {
        let date = turn.date(at);
        if !self.then.is_workday(date) {
            return at;
        }
        let Ok(put) = self.now.add(base, Span::Workdays(days)) else { return at };
        let end = |date| duban_calendar::end_of(date, turn.tz());
        at.plus_millis(end(put.date).millis_since(end(date)))
    }
}

fn is_workdays(span: Span) -> bool {
    matches!(span, Span::Workdays(_))
}

/// Whether the time that an owner has after a return is counted in working days.
fn returns_in_workdays(task: &TaskDef) -> bool {
    task.return_within.as_ref().is_none_or(|within| counts_workdays(&within.source))
}

fn is_of_window(source: &str) -> bool {
    source.contains("window") || source.contains("周期窗口")
}

/// Whether a rung's instant goes by the date of its ladder.
fn speaks_of_date(source: &str) -> bool {
    source.contains("due") || source.contains("期限") || is_of_window(source)
}
