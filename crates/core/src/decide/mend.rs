//! What failed can be mended: the supervision office sets a date, and has expressions evaluated
//! again.

use std::sync::Arc;

use duban_calendar::{Instant, Span, Window, end_of};
use duban_model::{Judged, PersonId, TaskDef};
use duban_script::{Scene, Value};

use super::clock::leaves_too_little;
use super::deadline::NewDeadline;
use super::graph::Settle;
use super::ready::with_owner;
use super::{ADDED_WORKDAYS, Turn, reason_of};
use crate::case::CaseStatus;
use crate::command::Actor;
use crate::event::{Arming, Deadline, DueReason, Notification, Side, SkipReason};
use crate::fact::Fact;
use crate::failed::{Expression, KeptKey, MendedValues};
use crate::ids::ItemKey;
use crate::item::{Armed, Entry, EntryState, Item, Status};
use crate::refusal::{Refusal, Why};

/// Statuses in which something is owed, or will be.
pub(super) const OWED: [Status; 4] =
    [Status::Waiting, Status::Ready, Status::Active, Status::Submitted];

impl Turn<'_> {
    /// Forgets failures of an item that were evaluated again by the way.
    pub(super) fn mend(&mut self, item: &Item, keys: &[&str]) {
        let failed = item.failed.iter().map(|failed| &failed.expression);
        let what: Vec<Expression> =
            failed.filter(|one| keys.contains(&one.key.as_str())).cloned().collect();
        if !what.is_empty() {
            let (item, values) = (Some(item.key.clone()), MendedValues::default());
            self.push(Fact::Mended { item, what, reason: None, values });
        }
    }

    pub(super) fn set_due(
        &mut self,
        key: &ItemKey,
        due: Instant,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "set_due";
        self.may_supervise(act, key.as_str())?;
        let item = self.in_status(act, key, &OWED)?;
        let reason = reason_of(act, reason)?;
        if item.window.is_some() {
            let why = Why::new(
                "a duty is judged with its window and takes no date",
                "周期性职责随本期评判，不能另定期限",
            );
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        }
        if due <= self.at {
            let range = Why::new("in the future", "将来的时间");
            return Err(Refusal::OutOfRange { what: "due", range });
        }
        let in_force = item.due();
        // What waits has the floor when it becomes its owner's.
        let floor = if item.status == Status::Waiting { due } else { self.floor(key) };
        let due = match in_force {
            Some(old) if due < old => due.max(floor.min(old)),
            Some(_) => due,
            None => due.max(floor),
        };
        if item.asked.is_some() {
            self.lapse(key);
        }
        // A later date is a new beginning; an earlier one carries no lateness away.
        let in_time = in_force.is_none_or(|old| due > old)
            || item.judged_due().is_none_or(|judged| self.at <= judged);
        let by = self.person();
        let why = DueReason::Set(reason.clone());
        self.set_deadline(key, NewDeadline { due, why, by, in_time, provisional: false });
        if item.status != Status::Waiting {
            let text = format!("“{}”的期限定为{}：{reason}", self.title(key), self.date(due));
            self.notify(Notification::Tell, Some(key), item.owner.iter().cloned().collect(), text);
        }
        Ok(())
    }

    pub(super) fn person(&self) -> Option<PersonId> {
        match &self.actor {
            Actor::Person { person, .. } => Some(person.clone()),
            Actor::Operator { .. } | Actor::Case { .. } | Actor::Engine => None,
        }
    }

    pub(super) fn retry(
        &mut self,
        item: Option<&ItemKey>,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let act = "retry";
        self.may_supervise(act, item.map_or("case", |key| key.as_str()))?;
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.map(ToOwned::to_owned);
        match item {
            Some(key) => self.retry_item(key, reason),
            None => self.retry_lists(reason),
        }
    }

    fn nothing_failed(on: String) -> Refusal {
        let why = Why::new("nothing that failed can be tried again now", "没有可以重新计算的内容");
        Refusal::NotApplicable { act: "retry", item: on, why }
    }

    fn retry_item(&mut self, key: &ItemKey, reason: Option<String>) -> Result<(), Refusal> {
        let item = self.in_status("retry", key, &OWED)?;
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &item);
        let in_round = |one: &Expression| {
            let is_list = matches!(one.key.as_str(), "reviewer" | "review_within");
            is_list && item.status == Status::Submitted
        };
        let failed: Vec<Expression> = item
            .failed
            .iter()
            .map(|failed| failed.expression.clone())
            // The list of a round in hand is the signers'.
            .filter(|one| !in_round(one))
            .collect();
        let Some(task) = task.filter(|_| !failed.is_empty()) else {
            return Err(Self::nothing_failed(key.to_string()));
        };
        if self.probing {
            return Ok(());
        }
        let (mut what, mut values) = (Vec::new(), MendedValues::default());
        for one in failed {
            let before = self.failures;
            self.evaluate_again(key, task, &one, &mut values);
            if self.failures == before {
                what.push(one);
            }
        }
        if what.is_empty() {
            return Ok(());
        }
        let has_value = values.value.is_some();
        self.push(Fact::Mended { item: Some(key.clone()), what, reason, values });
        self.judge_if(key, has_value, &[Judged::First, Judged::Always]);
        Ok(())
    }

    /// Evaluates one expression of an item again and lets what follows from it happen.
    fn evaluate_again(
        &mut self,
        key: &ItemKey,
        task: &TaskDef,
        one: &Expression,
        values: &mut MendedValues,
    ) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let scene = with_owner(&self.scene(Some(key)), item.owner.clone());
        match one.key {
            KeptKey::Owner => self.owner_again(&item, task, &scene),
            KeptKey::Reviewer | KeptKey::ReviewWithin => {
                let failures = self.failures;
                let review = self.review_plan(task, item.owner.as_ref(), &scene);
                if self.failures == failures {
                    self.push(Fact::ReviewPlanned { item: key.clone(), review });
                }
            }
            KeptKey::Due => self.due_again(&item, task, scene),
            KeptKey::StartBy => {
                let at = task.start_by.as_ref();
                let at = at.and_then(|expr| self.read_instant("start_by", expr, &scene));
                values.start_by = at.filter(|at| *at > self.at);
            }
            KeptKey::Stall => {
                let span = task.stall.as_ref();
                let span = span.and_then(|expr| self.read_span("stall", expr, &scene));
                let silent = span.filter(|_| item.report_at.is_none());
                let at = silent.and_then(|span| self.after(self.at, span));
                values.stall = span.map(|span| (span, at));
            }
            KeptKey::Target => {
                let expr = task.indicator.as_ref().and_then(|one| one.target.as_ref());
                let read = |expr| self.read("target", expr, &scene, "数字", Value::to_decimal);
                values.target = expr.and_then(read);
            }
            KeptKey::Value => values.value = self.indicator_value(Some(task), key, &item.form),
            KeptKey::When => self.when_again(&item, task, &scene),
            KeptKey::Needs => {
                let places = (0..u16::try_from(task.needs.len()).unwrap_or(u16::MAX)).collect();
                let which = self.which(task, key, &places);
                self.push(Fact::NeedsChanged { item: key.clone(), which });
                self.settled.push_back(Settle::Fresh(key.clone()));
            }
            KeptKey::Grace => self.grace_again(&item, task, &scene),
            KeptKey::Counts => self.counts_again(&item, task),
            KeptKey::Ladder => self.rung_again(&item, Side::Work, one.rung),
            KeptKey::ReviewLadder => self.rung_again(&item, Side::Review, one.rung),
            // A list is the case's, and is made again by `retry_lists`.
            KeptKey::Each => {}
        }
    }

    fn owner_again(&mut self, item: &Item, task: &TaskDef, scene: &Scene) {
        let owner = task.owner.as_ref();
        let found = owner.and_then(|expr| self.read_assignee("owner", expr, scene));
        let Some(owner) = found else { return };
        self.reassign(&item.key, &owner, "重新计算承办".to_owned());
        if self.is_held(&owner) {
            self.begin_with_owner(item, None);
        } else {
            self.note_owner_missing(&item.key);
        }
    }

    /// The due date counted from the same readiness, with the time that an owner has at least.
    fn due_again(&mut self, item: &Item, task: &TaskDef, scene: Scene) {
        let Some(expr) = &task.due else { return };
        if item.status == Status::Waiting && self.program().reads(expr).later {
            // It is evaluated when the item becomes ready.
            return;
        }
        let now = item.ready_at.unwrap_or(self.case.head().opened_at);
        let scene = Scene { now, moment: now, ..scene };
        let Some(found) = self.defined_deadline(expr, task.roll, &scene) else { return };
        let floor = if item.status == Status::Waiting {
            found.due
        } else {
            Some(self.floor(&item.key)).max(item.not_due_before).unwrap_or(found.due)
        };
        let (due, why) =
            if floor > found.due { (floor, DueReason::AtLeast) } else { (found.due, found.why) };
        let provisional = found.provisional || self.is_provisional(self.at, due);
        self.set_deadline(
            &item.key,
            NewDeadline { due, why, by: None, in_time: true, provisional },
        );
    }

    fn when_again(&mut self, item: &Item, task: &TaskDef, scene: &Scene) {
        let wanted = task.when.as_ref().and_then(|when| self.read_bool("when", when, scene));
        if wanted == Some(false) && !item.has_begun() {
            self.skip_item(&item.key, SkipReason::When);
        }
    }

    /// A window is judged later by the grace that could not be worked out.
    fn grace_again(&mut self, item: &Item, task: &TaskDef, scene: &Scene) {
        let grace = task.grace.as_ref().and_then(|expr| self.read_span("grace", expr, scene));
        let (Some(grace), Some(old)) = (grace, item.deadline()) else { return };
        let Some(judged_at) = self.after(old.due, grace) else { return };
        if item.window_met.is_some() || item.judged_at.is_some_and(|at| at >= judged_at) {
            return;
        }
        let version = old.version + 1;
        let provisional =
            matches!(grace, Span::Workdays(_)) && self.is_provisional(old.due, judged_at);
        let deadline =
            Deadline { version, red_at: judged_at, provisional, carries: true, ..old.clone() };
        let armed = item.armed.clone().map(|armed| Armed { version, ..armed });
        let (item, judged_at) = (item.key.clone(), Some(judged_at));
        self.push(Fact::DeadlineSet { item, deadline, arming: None, judged_at, armed });
    }

    /// Entries that were taken as not counted count where `counts` says so now. A window that was
    /// judged without them is judged again.
    fn counts_again(&mut self, item: &Arc<Item>, task: &TaskDef) {
        let entries = (0_u32..).zip(&item.entries);
        let is_left =
            |one: &Entry| !one.counts && !one.makes_up && one.state != EntryState::Returned;
        let left = entries.filter(|(_, one)| is_left(one));
        let left: Vec<_> = left.map(|(place, one)| (place, Arc::clone(&one.form))).collect();
        let mut counted = false;
        for (entry, form) in left {
            match self.counts_for(item, task, &form) {
                Ok(true) => {
                    counted = true;
                    self.push(Fact::EntryCounted { item: item.key.clone(), entry });
                }
                Ok(false) => {}
                Err(error) => {
                    let scene = self.scene(Some(&item.key));
                    let keeps = Some(Expression::of(KeptKey::Counts));
                    self.script_failed(&scene, "counts", &error, keeps);
                }
            }
        }
        if !counted {
            return;
        }
        if item.window_met == Some(false) {
            self.push(Fact::JudgementDeferred { item: item.key.clone(), at: self.at });
        }
        let now = self.case.item(&item.key).cloned().unwrap_or_default();
        if now.status == Status::Active && now.entries_accepted() >= task.at_least {
            self.finish_item(&item.key, super::signers::Closing::default());
        }
    }

    /// Arms one rung of a ladder that could not be worked out; one that has passed by now counts
    /// as passed.
    fn rung_again(&mut self, item: &Item, side: Side, rung: Option<u16>) {
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, item);
        let (name, due, armed) = match side {
            Side::Work => (task.and_then(|task| task.ladder.as_ref()), item.due(), &item.armed),
            Side::Review | Side::Answer => {
                let name = task.and_then(|task| task.review_ladder.as_ref());
                (name, item.review.due, &item.review.armed)
            }
        };
        let (Some(name), Some(rung)) = (name, rung) else { return };
        let Some(ladder) = Self::ladder(&definition, name) else { return };
        let scene = Scene { due: due.or(Some(self.at)), ..self.scene(Some(&item.key)) };
        let failures = self.failures;
        let arming = super::rungs::only(self.arm(side, ladder, &scene), |place| place == rung);
        let is_there = armed
            .as_ref()
            .is_some_and(|armed| armed.rungs.iter().any(|one| one.rung == rung) || due.is_none());
        let is_empty = arming.rungs.is_empty() && arming.repeats.is_empty();
        if self.failures == failures && armed.is_some() && !is_there && !is_empty {
            let arming = Arming { collapsed: Vec::new(), ..arming };
            self.push(Fact::RungsArmed { item: item.key.clone(), side, arming, anew: false });
        }
    }

    /// Makes lists of tasks again that failed or that held nothing.
    fn retry_lists(&mut self, reason: Option<String>) -> Result<(), Refusal> {
        if self.case.head().status != CaseStatus::Open {
            return Err(Refusal::CaseClosed(self.case.id()));
        }
        let failed = self.case.head().failed.clone();
        let failed: Vec<Expression> = failed.into_iter().map(|failed| failed.expression).collect();
        let empty = self.empty_lists(&failed);
        if failed.is_empty() && empty.is_empty() {
            return Err(Self::nothing_failed(self.case.id().to_string()));
        }
        if self.probing {
            return Ok(());
        }
        let mut what = Vec::new();
        for one in failed {
            let before = self.failures;
            self.list_again(&one);
            if self.failures == before {
                what.push(one);
            }
        }
        for one in empty {
            self.list_again(&one);
        }
        if !what.is_empty() {
            let values = MendedValues::default();
            self.push(Fact::Mended { item: None, what, reason, values });
        }
        Ok(())
    }

    /// Lists that were made and hold nothing, though something is told of that.
    pub(super) fn empty_lists(&self, failed: &[Expression]) -> Vec<Expression> {
        let head = self.case.head();
        let tasks = self.definition.workflow.tasks.iter();
        let empty = tasks.filter(|task| {
            !task.each.is_empty()
                && !task.empty_skips
                && task.every.is_none()
                && head.expanded.contains(&task.id)
                && self.case.tally(task.id.as_str()).total == 0
        });
        let lists = empty.map(|task| Expression::of_list(&task.id, None));
        lists.filter(|one| !failed.contains(one)).collect()
    }

    /// Adds what a task's list yields now and the case has not; nothing is taken away.
    fn list_again(&mut self, one: &Expression) {
        let definition = Arc::clone(&self.definition);
        let Some(task) = &one.task else { return };
        let Some((position, task)) = definition.workflow.task(task.as_str()) else { return };
        let Some(rows) = self.product(task, one.window) else { return };
        let mut fresh: Vec<(ItemKey, _)> = Vec::new();
        for (names, axes) in rows {
            let key = self.case.key_of(task.id.as_str(), &names, one.window.as_ref());
            if self.case.item(&key).is_none() && fresh.iter().all(|(known, _)| *known != key) {
                fresh.push((key, axes));
            }
        }
        if fresh.is_empty() {
            return;
        }
        let keys: Vec<ItemKey> = fresh.iter().map(|(key, _)| key.clone()).collect();
        let not_before = self.after(self.at, Span::Workdays(ADDED_WORKDAYS));
        self.make_items(position, one.window, fresh, not_before);
        if one.window.is_some_and(|window| self.is_too_short(&window)) {
            for key in keys {
                if self.status(&key) == Some(Status::Waiting) {
                    self.skip_item(&key, SkipReason::TooShort);
                }
            }
        }
    }

    /// Whether too little of a window is left for anybody to keep it.
    pub(super) fn is_too_short(&self, window: &Window) -> bool {
        let calendar = &self.env.calendar;
        let before = window.start.pred_opt().unwrap_or(window.start);
        let total = calendar.workdays_between(before, window.end);
        let today = self.today().max(before).min(window.end);
        let over = end_of(window.end, self.tz()) < self.at;
        over || leaves_too_little(calendar.workdays_between(today, window.end), total)
    }
}
