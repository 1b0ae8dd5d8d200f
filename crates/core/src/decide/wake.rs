//! What time brings: every moment that has passed, in order, each at its own logical time.

use std::sync::Arc;

use duban_calendar::{Instant, WindowKind};
use duban_model::{Hook, ScoreOn, Trigger};

use super::graph::Settle;
use super::{Chase, Turn};
use crate::event::{ItemKind, Notification, Side, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, ArmedRung, Item};
use crate::moment::{CaseMoment, Moment, just_after, next_case_moment, next_moment};

/// The most moments that one commit handles; then the case yields to others.
pub const MOMENTS_MAX: usize = 256;

/// Moments with more events than this behind them yield earlier.
const EVENTS_BEFORE_YIELD: usize = 4_096;

impl Turn<'_> {
    /// Lets what has passed happen; `true` where more has passed than one commit handles.
    pub(super) fn wake(&mut self) -> bool {
        let now = self.env.now;
        self.by_time = true;
        if self.recount() {
            return true;
        }
        let outage = self.outage_since();
        if let Some(since) = outage {
            self.bridge_outage(since);
        }
        for _ in 0..MOMENTS_MAX {
            let Some((at, key)) = self.case.first_moment() else { return false };
            if at > now {
                return false;
            }
            // What comes next has a budget of its own in the next commit.
            let is_full =
                self.events.len() > EVENTS_BEFORE_YIELD || self.env.budget.is_time_to_yield();
            if is_full && !self.events.is_empty() {
                return true;
            }
            self.at = at.max(self.case.head().last_at);
            let before = self.events.len();
            match key {
                Some(key) => self.item_moment(&key),
                None => self.case_moment(),
            }
            self.settle();
            if let Some(since) = outage {
                self.bridge_touched(since, before);
            }
            assert!(self.events.len() > before, "invariant: every moment leaves an event");
        }
        self.case.next_wakeup().is_some_and(|at| at <= now)
    }

    fn case_moment(&mut self) {
        match next_case_moment(self.case.head()) {
            Some((_, CaseMoment::Resume)) => self.resume_case(),
            Some((_, CaseMoment::WindowOpens)) => self.open_windows(),
            Some((_, CaseMoment::Renew)) => self.renew(),
            None => {}
        }
    }

    fn item_moment(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        match next_moment(&item) {
            Some((_, Moment::Resume)) => self.release_due(key),
            Some((_, Moment::Begin)) => self.try_ready(key),
            Some((_, Moment::StartOverdue)) => self.start_overdue(key),
            Some((_, Moment::DueSoon)) => {
                self.push(Fact::DueSoon { item: key.clone() });
                self.chase(Hook::DueSoon, key, &item);
            }
            Some((_, Moment::Plan)) => self.check_plan(key, &item),
            Some((_, Moment::Report)) => self.check_report(key, &item),
            Some((_, Moment::Stall)) => self.stalled(key, &item),
            Some((_, Moment::WorkRung)) => self.rung(key, Side::Work, item.armed.as_ref()),
            Some((_, Moment::ReviewRung)) => {
                let Some((_, date)) = item.review.next_ladder() else { return };
                let to = self.manned(date.waits_on.into_iter().cloned().collect());
                self.chase = Some(Chase { side: Side::Review, to, due: date.due });
                self.rung(key, Side::Review, date.armed);
                self.chase = None;
            }
            Some((_, Moment::AnswerRung)) => {
                let asked = item.asked.as_ref();
                let to = self.manned(item.review.members.clone());
                let due = asked.and_then(|asked| asked.due);
                self.chase = Some(Chase { side: Side::Answer, to, due });
                self.rung(key, Side::Answer, asked.and_then(|asked| asked.armed.as_ref()));
                self.chase = None;
            }
            Some((_, Moment::AnswerOverdue)) => self.answer_overdue(key, &item),
            Some((_, Moment::Overdue)) => self.overdue(key, &item),
            Some((_, Moment::ReviewOverdue)) => self.review_overdue(key, &item),
            Some((_, Moment::Judge)) => self.judge_window(key),
            Some((_, Moment::Answer)) => self.child_silent(key),
            Some((_, Moment::NeedMissing)) => self.push(Fact::NeedMissing { item: key.clone() }),
            None => {}
        }
    }

    fn start_overdue(&mut self, key: &ItemKey) {
        self.push(Fact::StartOverdue { item: key.clone() });
        self.plain_message(key);
    }

    fn review_overdue(&mut self, key: &ItemKey, item: &Item) {
        let Some((_, date)) = item.review.next_due() else { return };
        let to = self.manned(date.waits_on.into_iter().cloned().collect());
        self.push(Fact::ReviewOverdue { item: key.clone(), member: date.own.cloned() });
        if !to.is_empty() {
            let text = format!("“{}”的审核已超过期限，请尽快审核。", self.title(key));
            self.notify(Notification::Remind, Some(key), to, text);
        }
    }

    fn answer_overdue(&mut self, key: &ItemKey, item: &Item) {
        self.push(Fact::AnswerOverdue { item: key.clone() });
        let to = self.manned(item.review.members.clone());
        if !to.is_empty() {
            let text = format!("“{}”的延期申请已超过答复期限，请尽快答复。", self.title(key));
            self.notify(Notification::Remind, Some(key), to, text);
        }
    }

    fn overdue(&mut self, key: &ItemKey, item: &Item) {
        let version = item.deadline().map_or(0, |deadline| deadline.version);
        self.push(Fact::Overdue { item: key.clone(), version });
        self.score(ScoreOn::Overdue, key);
        if !item.judged {
            self.judge_if_due(key, item);
        }
        if self.is_owner_vacant(item) {
            // Nobody was there to be late.
            return;
        }
        self.hook(Hook::Overdue, key);
        if let ItemKind::Rectification { interview, .. } = &item.kind {
            self.unrectified(interview);
        }
    }

    fn judge_if_due(&mut self, key: &ItemKey, item: &Item) {
        let judged = Self::task(&self.definition, item)
            .and_then(|task| task.indicator.as_ref())
            .map(|indicator| indicator.judged);
        if judged == Some(duban_model::Judged::Due) {
            self.judge_indicator(key);
        }
    }

    /// An unrectified interview means referral: by the rung that says so, or by itself.
    fn unrectified(&mut self, interview: &ItemKey) {
        let Some(item) = self.case.item(interview).cloned() else { return };
        if item.unrectified {
            return;
        }
        self.push(Fact::Unrectified { interview: interview.clone() });
        let ItemKind::Interview { origin, why, .. } = &item.kind else { return };
        let fired = self.fire_triggered(origin, |trigger| *trigger == Trigger::Unrectified);
        if !fired {
            self.refer(origin, None, format!("约谈后逾期未整改：{why}"));
        }
    }

    /// Lets every rung of an item's ladder fire that has this trigger.
    fn fire_triggered(&mut self, key: &ItemKey, is_meant: impl Fn(&Trigger) -> bool) -> bool {
        let Some(item) = self.case.item(key).cloned() else { return false };
        let definition = Arc::clone(&self.definition);
        let Some(armed) = &item.armed else { return false };
        let Some(ladder) = Self::ladder(&definition, &armed.ladder) else { return false };
        let fired_before = item.history.iter().filter(|(kind, _)| kind == "rung").count();
        let nth = u32::try_from(fired_before).unwrap_or(u32::MAX).saturating_add(1);
        let mut fired = false;
        for (rung, found) in (0_u16..).zip(&ladder.rungs) {
            if is_meant(&found.trigger) {
                self.push(Fact::RungFired {
                    item: key.clone(),
                    side: Side::Work,
                    rung,
                    version: armed.version,
                    nth,
                    collapsed: false,
                    next: None,
                });
                self.fire_rung(key, ladder, rung);
                fired = true;
            }
        }
        fired
    }

    /// The first armed rung of a ladder. Where a later one has passed too, or nobody is there to
    /// whom the ladder speaks, it counts as passed: its function is not called, so that it takes no
    /// number and no points.
    fn rung(&mut self, key: &ItemKey, side: Side, armed: Option<&Armed>) {
        let Some(armed) = armed else { return };
        let Some(rung) = armed.rungs.first() else { return };
        let next =
            rung.every.and_then(|every| self.after(rung.at, every)).filter(|at| *at > rung.at);
        // Rungs of one instant do not overtake each other: all of them are due now.
        let overtaken = |at: Instant| rung.at < at && at <= self.env.now;
        let collapsed = armed.rungs.iter().skip(1).any(|later| overtaken(later.at))
            || next.is_some_and(overtaken)
            || self.speaks_to_nobody(key, side);
        let ArmedRung { rung, nth, .. } = *rung;
        self.push(Fact::RungFired {
            item: key.clone(),
            side,
            rung,
            version: armed.version,
            nth,
            collapsed,
            next,
        });
        let definition = Arc::clone(&self.definition);
        let Some(ladder) = Self::ladder(&definition, &armed.ladder) else { return };
        if !collapsed {
            self.fire_rung(key, ladder, rung);
        }
    }

    fn stalled(&mut self, key: &ItemKey, item: &Item) {
        self.push(Fact::Stalled { item: key.clone() });
        if self.is_owner_vacant(item) {
            return;
        }
        self.score(ScoreOn::Stalled, key);
        let has_own = self.fire_triggered(key, |trigger| *trigger == Trigger::Stalled);
        let definition = Arc::clone(&self.definition);
        let hook = Self::task(&definition, item).and_then(|task| task.hooks.get(&Hook::Stalled));
        if hook.is_some() {
            self.hook(Hook::Stalled, key);
        } else if !has_own {
            self.plain_message(key);
        }
    }

    fn check_plan(&mut self, key: &ItemKey, item: &Item) {
        let definition = Arc::clone(&self.definition);
        let plan = Self::task(&definition, item).map(|task| task.plan.as_slice());
        let plan = plan.unwrap_or_default();
        let index = item.plan_next;
        let planned = plan.get(usize::from(index)).map_or(0, |(_, planned)| *planned);
        let behind = planned.saturating_sub(item.progress);
        let next = plan
            .get(usize::from(index) + 1)
            .map(|(date, _)| just_after(duban_calendar::end_of(*date, self.tz())));
        let rungs = self.behind_rungs(key, item, behind);
        self.push(Fact::PlanChecked { item: key.clone(), index, planned, rungs, next });
    }

    fn behind_rungs(&mut self, key: &ItemKey, item: &Item, behind: u8) -> Vec<(u16, Instant, u8)> {
        let definition = Arc::clone(&self.definition);
        let armed = item.armed.as_ref();
        let Some(ladder) = armed.and_then(|armed| Self::ladder(&definition, &armed.ladder)) else {
            return Vec::new();
        };
        let scene = self.scene(Some(key));
        let mut rungs = Vec::new();
        for (position, rung) in (0_u16..).zip(&ladder.rungs) {
            let Trigger::Behind { points, lasting } = &rung.trigger else { continue };
            if behind < (*points).max(1) {
                continue;
            }
            let span = lasting.as_ref().and_then(|expr| self.read_span("for", expr, &scene));
            let at = span.and_then(|span| self.after(self.at, span)).unwrap_or(self.at);
            rungs.push((position, at, *points));
        }
        rungs
    }

    fn check_report(&mut self, key: &ItemKey, item: &Item) {
        let definition = Arc::clone(&self.definition);
        let kind = Self::task(&definition, item).and_then(|task| task.report);
        let kind = kind.unwrap_or(WindowKind::Month);
        let ended = item.report_for.or(item.report_at).unwrap_or(self.at);
        let window = kind.containing(self.date(ended));
        let begins = duban_calendar::start_of(window.start, self.tz());
        // A report that was put off may come after the ends of further windows.
        let mut following = window.next();
        while self.window_end(&following) <= self.at {
            following = following.next();
        }
        let next = self.window_end(&following);
        if item.reported_at.is_some_and(|at| at > begins) {
            self.push(Fact::ReportKept { item: key.clone(), next });
        } else {
            let stall_at = item.stall.and_then(|span| self.after(self.at, span));
            self.push(Fact::ReportMissed { item: key.clone(), next, stall_at });
            self.score(ScoreOn::ReportMissed, key);
        }
    }

    /// Judges a duty's window by the entries that were submitted and not returned.
    pub(super) fn judge_window(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if item.status == crate::item::Status::Waiting {
            // What it needs was not there in its window: nobody could have done it.
            self.skip_item(key, SkipReason::Blocked);
            return;
        }
        let owed = Self::task(&self.definition, &item).map_or(1, |task| task.at_least);
        let entries = item.entries_counting();
        let met = entries >= owed;
        let is_excused =
            self.was_vacant_too_long(&item) || self.is_nobodys(&item) || self.came_too_late(&item);
        if !met && is_excused {
            self.skip_item(key, SkipReason::Excused);
            return;
        }
        self.push(Fact::WindowJudged { item: key.clone(), entries, met, in_mind: !met });
        self.settled.push_back(Settle::Closed(key.clone()));
        if !met {
            self.score(ScoreOn::Missed, key);
            self.chase(Hook::Missed, key, &item);
        }
    }

    /// Calls a function that chases the owner, where somebody is the owner.
    fn chase(&mut self, hook: Hook, key: &ItemKey, item: &Item) {
        if !self.is_owner_vacant(item) {
            self.hook(hook, key);
        }
    }
}
