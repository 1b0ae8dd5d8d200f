//! Whoever comes to an item: how it passes from one to another, the time that they have, and who
//! stays late.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, PersonId, UnitId};
use duban_script::Scene;

use super::deadline::NewDeadline;
use super::{Turn, reason_of};
use crate::attention::AttentionKind;
use crate::event::{Deadline, DueReason, Schedule, Side};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, Item, Status};
use crate::lateness::LateWith;
use crate::refusal::{Refusal, Why};

impl Turn<'_> {
    pub(super) fn assign(
        &mut self,
        key: &ItemKey,
        to: &Assignee,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "assign";
        self.may_supervise(act, key.as_str())?;
        let item = self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        let reason = reason_of(act, reason)?;
        self.is_anothers(act, &item, to)?;
        self.may_be_given(act, &item, to)?;
        self.reassign(key, to, reason);
        self.begin_with_owner(&item, None);
        Ok(())
    }

    /// Nothing passes to whoever owns it.
    pub(super) fn is_anothers(
        &self,
        act: &'static str,
        item: &Item,
        to: &Assignee,
    ) -> Result<(), Refusal> {
        if item.owner.as_ref() != Some(to) {
            return Ok(());
        }
        let why = Why::new("it is theirs already", "任务已由其承办，无须再转").about("to");
        Err(Refusal::Unsuitable { act, item: item.key.to_string(), why })
    }

    /// Whether an item may pass to an assignee: somebody holds it, it stays with its post where it
    /// is to be done in person, and somebody else can review.
    pub(super) fn may_be_given(
        &mut self,
        act: &'static str,
        item: &Item,
        to: &Assignee,
    ) -> Result<(), Refusal> {
        if !self.stays_in_person(item, to) {
            let why = Why::new(
                "it is to be done in person: only a holder of the same post can be given it",
                "须本人办理，只能指派给同一岗位的任职人",
            );
            let item = item.key.to_string();
            return Err(Refusal::Unsuitable { act, item, why: why.about("to") });
        }
        self.may_be_taken(act, item, to)
    }

    /// Whether somebody holds an assignee's post, and somebody else can review then.
    fn may_be_taken(&self, act: &'static str, item: &Item, to: &Assignee) -> Result<(), Refusal> {
        let unsuitable = |why| Err(Refusal::Unsuitable { act, item: item.key.to_string(), why });
        if !self.is_held(to) {
            let why = Why::new("nobody holds the new owner's post", "新承办岗位无人在岗");
            return unsuitable(why.about("to"));
        }
        if !self.may_pass_to(item, to) {
            let why = Why::new("nobody could review it then", "由其承办则无人可以审核");
            return unsuitable(why.about("to"));
        }
        Ok(())
    }

    /// Whether an item may pass to the unit that took the place of its own: what is to be done in
    /// person goes to the post of the same name there, held or not by the same people.
    pub(super) fn may_succeed(
        &mut self,
        act: &'static str,
        item: &Item,
        to: &Assignee,
    ) -> Result<(), Refusal> {
        let is_post = |name: &str| matches!(to, Assignee::Post(_, other) if **other == *name);
        let keeps_post = match &item.owner {
            Some(Assignee::Post(_, name)) => is_post(name),
            Some(Assignee::Unit(_) | Assignee::Person(_)) | None => true,
        };
        if self.is_in_person(item) && keeps_post {
            return self.may_be_taken(act, item, to);
        }
        self.may_be_given(act, item, to)
    }

    /// A new owner has at least the time that rule 18 gives, and silence counts from now.
    ///
    /// `by` is the owner who passes it on: that gives time once, or it could be passed on for ever.
    pub(super) fn begin_with_owner(&mut self, before: &Item, by: Option<PersonId>) {
        let key = &before.key;
        let Some(item) = self.case.item(key).cloned() else { return };
        if !matches!(item.status, Status::Ready | Status::Active) {
            return;
        }
        let vacancy = before.attention.iter().find(|one| one.kind == AttentionKind::OwnerVacant);
        let vacant = vacancy.map(|one| one.since);
        let stays = self.stays_with(before, &item, vacant);
        if !stays && item.asked.is_some() {
            // It was asked for by somebody else.
            self.lapse(key);
        }
        let gives_time = !stays && (by.is_none() || !has_been_passed_on(&item));
        if item.window.is_none() {
            self.begin_by_floor(before, vacant, by);
        } else if item.window_met.is_none() && gives_time {
            self.defer_judgement(key);
        }
        if !gives_time {
            return;
        }
        if let Some(stall_at) = self.silence(&item).filter(|_| item.stall_at.is_some()) {
            let schedule = Schedule { stall_at: Some(stall_at), ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
    }

    /// Whoever takes an item over has at least the floor. A lateness that was said while somebody
    /// was there to be late is not said again (rule 19); whoever is new to it is judged by the time
    /// that they have, whoever was late with it by the date that they missed.
    ///
    /// `before` is the item as it was left, `vacant` since when nobody owned it, `by` the owner who
    /// passed it on.
    pub(super) fn begin_by_floor(
        &mut self,
        before: &Item,
        vacant: Option<Instant>,
        by: Option<PersonId>,
    ) {
        let key = &before.key;
        let Some(item) = self.case.item(key).cloned() else { return };
        let Some(in_force) = item.due() else { return };
        if self.stays_with(before, &item, vacant) {
            self.keep_ladder(key, &item);
            return;
        }
        let is_spent = by.is_some() && has_been_passed_on(&item);
        let due = if is_spent { in_force } else { self.floor(key).max(in_force) };
        let is_late = before.is_called_late(vacant);
        let missed = self.missed_before(before, &item, vacant, by.is_some()).filter(|_| is_late);
        let judged = if is_late { missed.or(Some(due)) } else { item.judged_due() };
        if due == in_force && judged == item.judged_due() {
            self.keep_ladder(key, &item);
            return;
        }
        let Some(missed) = missed else {
            self.begin_as_new(key, due, by, is_late);
            return;
        };
        let provisional = self.is_provisional(self.at, due);
        let why = DueReason::AtLeast;
        let new = NewDeadline { due, why, by, in_time: false, provisional };
        let ladder = self.ladder_to_come(&item, missed, vacant);
        let ladder = ladder.map(|armed| self.not_before(&armed, due));
        self.carry_deadline(key, new, ladder);
    }

    /// Somebody new has a date to be judged by, and the ladder begins with them. A lateness that was
    /// said goes on, so that it is not said again.
    fn begin_as_new(&mut self, key: &ItemKey, due: Instant, by: Option<PersonId>, is_late: bool) {
        let provisional = self.is_provisional(self.at, due);
        let why = DueReason::AtLeast;
        let new = NewDeadline { due, why, by, in_time: true, provisional };
        if is_late {
            self.carry_deadline(key, new, None);
        } else {
            self.set_deadline(key, new);
        }
    }

    /// Whether whoever has an item now had it already, without a working day in between.
    fn stays_with(&self, before: &Item, item: &Item, vacant: Option<Instant>) -> bool {
        let lay = vacant
            .map_or(0, |since| self.env.calendar.workdays_between(self.date(since), self.today()));
        lay == 0 && self.is_back(before, item, vacant)
    }

    /// Whether whoever has an item now is the one who had it last.
    fn is_back(&self, before: &Item, item: &Item, vacant: Option<Instant>) -> bool {
        // Where it was left and filled again, the last is who left it.
        let was_left = vacant.is_some_and(|since| {
            let mut passed = item.history.iter().rev().take_while(|(_, at)| *at >= since);
            passed.any(|(kind, _)| kind == "transferred")
        });
        let last = if was_left { item.had_by.last() } else { before.holder.as_ref() };
        last.is_some_and(|last| self.owners_of(item).contains(last))
    }

    /// The rungs that are to come for whoever missed a date: what has gone out about it has gone
    /// out, also where somebody else's ladder was armed meanwhile. What fell into a time in which
    /// nobody could work on it, `vacant` says since when, comes as much later as that lasted.
    fn ladder_to_come(
        &mut self,
        item: &Item,
        missed: Instant,
        vacant: Option<Instant>,
    ) -> Option<Armed> {
        let armed = item.armed.as_ref()?;
        let to_come = match vacant {
            // It moves when the clock goes on.
            Some(_) if item.is_held() => return Some(armed.clone()),
            Some(since) => {
                let lay = self.workdays_from(since, self.at);
                let then = self.armed_as_of(item, armed, missed, since)?;
                self.shifted(&then, lay)
            }
            None if item.judged_due() == Some(missed) => armed.clone(),
            None => self.armed_as_of(item, armed, missed, self.at)?,
        };
        self.still_to_come(Some(&to_come))
    }

    /// An item's ladder towards a date with the rungs that lay ahead at an instant.
    fn armed_as_of(
        &mut self,
        item: &Item,
        armed: &Armed,
        due: Instant,
        at: Instant,
    ) -> Option<Armed> {
        let definition = Arc::clone(&self.definition);
        let ladder = Self::ladder(&definition, &armed.ladder)?;
        let scene = Scene { due: Some(due), ..self.scene(Some(&item.key)) };
        let now = std::mem::replace(&mut self.at, at);
        let arming = self.arm_since(Side::Work, ladder, &scene, due);
        self.at = now;
        Some(Armed { fired: armed.fired.clone(), ..Armed::towards(&arming, armed.version) })
    }

    /// What is kept of whoever has an item when they give it away late.
    pub(super) fn left_late(&self, item: &Item) -> Option<LateWith> {
        let is_late = match item.status {
            Status::Ready | Status::Active => item.is_late(self.at) || item.is_called_late(None),
            Status::Submitted => !Self::was_in_time(item),
            Status::Waiting | Status::Done | Status::Skipped | Status::Cancelled => false,
        };
        let (holder, due) = (item.holder.clone()?, item.judged_due()?);
        // Called late was perhaps another, and their time goes on.
        let is_over = item.counted_until().unwrap_or(self.at) > due;
        let unit = Some(self.unit_in_charge(&item.key));
        (is_late && is_over && item.window.is_none()).then_some(LateWith { holder, due, unit })
    }

    /// The date that whoever has an item now missed with it before. Passed on within a unit by its
    /// owner, a lateness stays the unit's.
    fn missed_before(
        &self,
        before: &Item,
        item: &Item,
        vacant: Option<Instant>,
        passed_on: bool,
    ) -> Option<Instant> {
        let holders = self.owners_of(item);
        if let Some(missed) = holders.iter().find_map(|one| item.late_by(one)) {
            return Some(missed);
        }
        let unit = |owner: &Option<Assignee>| {
            owner.as_ref().and_then(|owner| self.env.directory.unit_of(owner))
        };
        let since = vacant.unwrap_or(self.at);
        let was_late = before.judged_due().is_some_and(|judged| judged < since);
        let is_same = was_late && self.is_back(before, item, vacant);
        let stays = passed_on && unit(&before.owner) == unit(&item.owner);
        (is_same || stays).then(|| before.judged_due()).flatten()
    }

    pub(super) fn transfer(
        &mut self,
        key: &ItemKey,
        to: &Assignee,
        reason: &str,
    ) -> Result<(), Refusal> {
        let item = self.in_status("transfer", key, &[Status::Ready, Status::Active])?;
        if self.is_in_person(&item) {
            return Err(Refusal::InPerson(key.clone()));
        }
        let reason = reason_of("transfer", reason)?;
        let by = match self.may_supervise("transfer", key.as_str()) {
            Ok(()) => None,
            Err(_) => {
                self.workable("transfer", key)?;
                let by = self.may_work("transfer", &item)?;
                self.may_pass_on(&item)?;
                Some(by)
            }
        };
        self.is_anothers("transfer", &item, to)?;
        self.may_be_given("transfer", &item, to)?;
        self.reassign(key, to, reason);
        self.begin_with_owner(&item, by);
        Ok(())
    }

    /// A duty is not passed on when its window leaves nobody the time to keep it: the miss would be
    /// another's.
    fn may_pass_on(&mut self, item: &Item) -> Result<(), Refusal> {
        let floor = self.floor(&item.key);
        let is_over = item.window_met.is_none() && item.due().is_some_and(|due| due < floor);
        if item.window.is_none() || !is_over {
            return Ok(());
        }
        let why = Why::new(
            "its window is nearly over; only the supervision office gives it to somebody else now",
            "本期即将或已经结束，只有督查机构可以另行指派",
        );
        Err(Refusal::NotApplicable { act: "transfer", item: item.key.to_string(), why })
    }

    /// Whether the owner's post has passed from whoever held it straight to somebody else.
    pub(super) fn has_passed_to_another(&self, item: &Item) -> bool {
        let Some(owner @ Assignee::Post(..)) = &item.owner else { return false };
        let holders = self.env.directory.holders(owner);
        let last = item.holder.as_ref();
        self.is_held(owner) && last.is_some_and(|last| !holders.contains(last))
    }

    /// Whether whoever has a submission when it comes back is new to it: it became theirs while it
    /// was under review, and they have not worked on it.
    pub(super) fn is_new_to(&self, before: &Item) -> bool {
        let Some(submitted) = before.submitted_at else { return false };
        let mut latest = before.history.iter().rev().take_while(|(_, at)| *at >= submitted);
        let is_given = latest.any(|(kind, _)| kind == "transferred");
        let had_it = |one| before.workers.contains(one) || before.late_by(one).is_some();
        let holders = self.owners_of(before);
        is_given && !holders.is_empty() && !holders.iter().any(had_it)
    }

    /// The unit whose late submission is decided upon, where the item has become another's since.
    pub(super) fn late_submitter(&self, before: &Item) -> Option<UnitId> {
        let late = before.late_with.last().filter(|_| self.is_new_to(before))?;
        late.unit.clone()
    }

    /// Whoever takes a submission back that another made has the time that everybody has.
    pub(super) fn begin_with_withdrawn(&mut self, before: &Item) {
        let key = &before.key;
        if before.window.is_some() {
            self.defer_judgement(key);
            return;
        }
        if let Some(in_force) = before.due() {
            let due = self.floor(key).max(in_force);
            self.begin_as_new(key, due, None, before.is_called_late(None));
        }
    }

    /// Whether a duty became its owner's when its window left less than an owner has at least.
    pub(super) fn came_too_late(&mut self, item: &Item) -> bool {
        let Some(end) = item.due().filter(|_| item.window.is_some()) else { return false };
        if self.owners_of(item).iter().any(|one| item.had_by.contains(one)) {
            return false;
        }
        let mut latest = item.history.iter().rev();
        let given = latest.find(|(kind, _)| matches!(kind.as_str(), "transferred" | "handed_over"));
        given.is_some_and(|(_, at)| self.floor_from(&item.key, *at) > end)
    }
}

/// Whether an owner has given another one time by passing it on.
fn has_been_passed_on(item: &Item) -> bool {
    let given = |one: &Deadline| one.why == DueReason::AtLeast && one.by.is_some();
    let is_deferred = |judged| item.deadline().is_some_and(|one| judged > one.red_at);
    match item.window {
        None => item.deadlines.iter().any(given),
        Some(_) => item.judged_at.is_some_and(is_deferred),
    }
}
