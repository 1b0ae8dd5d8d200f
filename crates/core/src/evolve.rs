//! Evolving: what an event makes of a case. Total: never fails, never asks.
//!
//! Live deciding and replay share these functions. A stored event was valid once, so an item that
//! is not there is passed over rather than refused.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::PersonId;

use crate::case::{Case, CaseHead, CaseStatus, CaseSuspension, ParentItem};
use crate::command::{Actor, Evidence};
use crate::event::{
    Arming, Deadline, DueReason, Event, ItemKind, NewItem, Notification, People, Readiness,
    Schedule, Side,
};
use crate::fact::Fact;
use crate::failed::KeptKey;
use crate::item::{
    Armed, ArmedRung, Asked, AskedSuspension, Attempt, Child, Entry, EntryState, Hold, Item,
    Status, Stood,
};
use crate::lateness::Points;
use crate::moment::OPENED_ORDER;
use crate::signers::Review;
use crate::{attention, carry, failed, kin, lateness, takeback};

mod head;

use self::head::evolve_head;

/// Makes a case again from its log: events with their hashes, from the first on.
///
/// `None` where the first event does not open a case.
pub fn replay<'a>(log: impl IntoIterator<Item = (&'a Event, &'a str)>) -> Option<Case> {
    let mut log = log.into_iter();
    let (first, hash) = log.next()?;
    let mut case = Case::opened_by(first, hash)?;
    for (event, hash) in log {
        case.evolve(event, hash);
    }
    Some(case)
}

impl Case {
    /// The case that a first event opens; `None` where it opens none.
    pub(crate) fn opened_by(event: &Event, hash: &str) -> Option<Self> {
        let Fact::CaseOpened {
            name,
            definition,
            title,
            lead,
            with,
            supervision,
            administrator,
            form,
            renew_at,
            carried,
            suspended,
            counted,
        } = &event.fact
        else {
            return None;
        };
        Some(Self::new(CaseHead {
            name: name.clone(),
            definition: definition.clone(),
            title: title.clone(),
            status: CaseStatus::Open,
            faulted: None,
            lead: lead.clone(),
            with: with.clone(),
            supervision: supervision.clone(),
            administrator: administrator.clone(),
            form: form.clone(),
            vars: Default::default(),
            opened_at: event.at,
            closed_at: None,
            version: event.seq,
            last_at: event.at,
            epoch: event.epoch,
            chain: hash.to_owned(),
            renew_at: *renew_at,
            expanded: Default::default(),
            windows: Default::default(),
            carried: carried.clone(),
            opened: 0,
            slips: 0,
            notices: 0,
            messages: 0,
            asked: Default::default(),
            watchers: Vec::new(),
            handled: Default::default(),
            foreign: Default::default(),
            suspended: None,
            above: suspended.as_ref().map(|reason| {
                let (reason, since) = (reason.clone(), event.at);
                Box::new(CaseSuspension { reason, since, until: None })
            }),
            above_said: 0,
            next_held: None,
            scored: Default::default(),
            was: Default::default(),
            cadences: Default::default(),
            script_cases: 0,
            bounds: Default::default(),
            parent_item: ParentItem::Waits,
            failed: Vec::new(),
            neighbours: None,
            past_titles: Vec::new(),
            differs: None,
            attention: Vec::new(),
            counted: counted.clone(),
            recounting: None,
        }))
    }

    /// Folds one event into the case. `hash` is the event's place in the chain.
    pub fn evolve(&mut self, event: &Event, hash: &str) {
        match event.fact.item() {
            Some(key) if self.item(key).is_some() => {
                self.change(key, |item| evolve_item(item, event));
            }
            _ => self.add_items(event),
        }
        if let Fact::Migrated { map: Some(map), .. } = &event.fact {
            self.carry(map);
        }
        if let Fact::TakenBack(wrong) = &event.fact {
            takeback::restore(self, &wrong.head, &wrong.items, &wrong.gone);
        }
        let head = self.head_mut();
        evolve_head(head, event);
        head.version = event.seq;
        head.epoch = event.epoch;
        head.last_at = head.last_at.max(event.at);
        hash.clone_into(&mut head.chain);
    }

    fn add_items(&mut self, event: &Event) {
        if let Fact::ItemsAdded { task, order, items } = &event.fact {
            for new in items {
                let mut item = waiting(new, event.at);
                item.task = task.clone();
                item.order = *order;
                self.put(item);
            }
        }
        if let Fact::ItemOpened { key, kind, ready, unit } = &event.fact {
            let mut item = Item {
                key: key.clone(),
                task: task_of(kind).into(),
                order: OPENED_ORDER,
                kind: kind.clone(),
                names: event.names.clone(),
                unit: unit.clone(),
                attempt: 1,
                ..Item::default()
            };
            make_ready(&mut item, ready, event.at);
            self.put(item);
        }
    }
}

fn task_of(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Task => "task",
        ItemKind::Interview { .. } => "interview",
        ItemKind::Rectification { .. } => "rectification",
        ItemKind::Extra { .. } => "extra",
    }
}

fn waiting(new: &NewItem, at: Instant) -> Item {
    Item {
        key: new.key.clone(),
        axes: Arc::new(new.axes.clone()),
        window: new.window,
        judged_at: new.judged_at,
        unit: new.unit.clone(),
        which: new.which.clone(),
        deadlines: new.deadline.iter().cloned().collect(),
        not_due_before: new.not_due_before,
        failed: new.failed.clone(),
        attempt: 1,
        since: at,
        ..Item::default()
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each fact about an item")]
fn evolve_item(item: &mut Item, event: &Event) {
    let at = event.at;
    match &event.fact {
        Fact::ItemHeldUntil { at: until, .. } => item.held_until = *until,
        Fact::ItemReady { ready, .. } => make_ready(item, ready, at),
        Fact::ItemSkipped { why, .. } => {
            item.skipped = Some(why.clone());
            close(item, Status::Skipped, at);
        }
        Fact::ItemCarried { form, .. } => {
            item.form = Arc::new(form.clone());
            item.done_at = Some(at);
            close(item, Status::Done, at);
        }
        Fact::Signed { stall_at, .. } => {
            work(item, &event.actor);
            sign(item, at);
            item.stall_at = *stall_at;
        }
        Fact::Reported { percent, value, evidence, stall_at, .. } => {
            work(item, &event.actor);
            report(item, *percent, *value, evidence, at);
            item.stall_at = *stall_at;
        }
        Fact::Submitted {
            form,
            evidence,
            value,
            counts,
            makes_up,
            event: about,
            review_due,
            arming,
            ..
        } => {
            work(item, &event.actor);
            sign(item, at);
            item.form = Arc::new(form.clone());
            item.evidence.clone_from(evidence);
            item.value = value.or(item.value);
            let (counts, makes_up, event) = (*counts, *makes_up, about.clone());
            let state = EntryState::Submitted;
            let form = Arc::clone(&item.form);
            submit(item, Entry { at, counts, makes_up, event, state, form });
            item.review.towards(*review_due, arming.as_ref());
        }
        Fact::Withdrawn { .. } => {
            if item.entries.last().is_some_and(|entry| entry.state == EntryState::Submitted) {
                item.entries.pop();
            }
            item.review.end();
            item.turn(Status::Active, at);
        }
        Fact::Countersigned { member, also, review_due, arming, stays, .. } => {
            item.review.agree(std::iter::once(member).chain(also));
            if !stays {
                item.review.towards(*review_due, arming.as_ref());
            }
        }
        Fact::ReviewRefused { members, reason, upstream, .. } => {
            item.review.refuse(members, reason, upstream, at);
        }
        Fact::Accepted { done, on_time, .. } => {
            if *done && !on_time {
                lateness::begin(item, at);
            }
            accept(item, *done, *on_time, at);
        }
        Fact::Returned { stall_at, .. } => {
            if let Some(entry) = item.entries.last_mut() {
                entry.state = EntryState::Returned;
            }
            begin_again(item, at);
            item.note("returned", at);
            item.stall_at = *stall_at;
            item.turn(Status::Active, at);
        }
        Fact::Superseded { .. } => {
            begin_again(item, at);
            item.armed = None;
            item.held_until = None;
            item.ready_at = None;
            item.signed_at = None;
            item.skipped = None;
            item.holds.clear();
            item.stood = None;
            item.stall_at = None;
            item.stalled_at = None;
            item.report_at = None;
            item.plan_at = None;
            item.failed.clear();
            item.late_with.clear();
            item.note("superseded", at);
            item.turn(Status::Waiting, at);
        }
        Fact::Reopened { stall_at, people, looks_back, .. } => {
            if let Some(entry) = item.entries.last_mut().filter(|_| *looks_back) {
                entry.state = EntryState::Returned;
            }
            begin_again(item, at);
            if let Some(people) = people {
                answer_for(item, people);
            }
            item.note("reopened", at);
            item.stall_at = *stall_at;
            item.turn(Status::Active, at);
        }
        Fact::ExtensionAsked { until, reason, answer_due, arming, .. } => {
            let armed = arming.as_ref().map(|arming| Armed::towards(arming, item.extensions + 1));
            let (until, reason, due) = (*until, reason.clone(), *answer_due);
            item.asked = Some(Box::new(Asked { until, reason, at, due, overdue: false, armed }));
        }
        Fact::AnswerOverdue { .. } => {
            if let Some(asked) = item.asked.as_mut() {
                asked.overdue = true;
            }
        }
        Fact::ExtensionRefused { .. } | Fact::ExtensionLapsed { .. } => item.asked = None,
        Fact::DeadlineSet { deadline, arming, judged_at, armed, .. } => {
            if !deadline.carries {
                item.lateness = None;
            }
            set_deadline(item, deadline, arming.as_ref(), armed.as_ref());
            item.judged_at = judged_at.or(item.judged_at);
            item.dated_at = Some(at);
            item.note("deadline_set", at);
        }
        Fact::LatenessWithdrawn { late, judgement, .. } => {
            lateness::withdraw(item, *late);
            if *judgement {
                item.judged = false;
                item.met = None;
            }
        }
        Fact::EarlierDueProposed { due, .. } => item.earlier_due = Some(*due),
        Fact::Transferred { to, holder, review, from, late, .. } => {
            lateness::remember(item, late.as_ref());
            item.left_by(from.as_ref());
            item.owner = Some(to.clone());
            item.holder = holder.clone();
            item.handler = None;
            if let Some(plan) = review {
                item.review.manner = plan.manner;
                item.review.members.clone_from(&plan.members);
            }
            failed::forget(&mut item.failed, KeptKey::Owner);
            item.note("transferred", at);
        }
        Fact::Delegated { to, .. } => item.handler = to.clone(),
        Fact::ReviewersChanged { members, added, removed, date, .. } => {
            item.review.members.clone_from(members);
            for member in added.iter().chain(removed) {
                item.review.forget(member);
            }
            item.review.date_from(added.as_ref(), date);
        }
        Fact::SeatFilled { member, date, .. } => {
            item.review.own.retain(|own| own.member != *member);
            item.review.date_from(Some(member), date);
        }
        Fact::Held { cause, until, remaining, since, .. } => {
            let (cause, until, remaining) = (cause.clone(), *until, *remaining);
            let since = since.unwrap_or(at);
            if let (None, Some(remaining)) = (&item.stood, remaining) {
                item.stood = Some(Box::new(Stood { since, remaining, given: false }));
            }
            item.holds.push(Hold { since, cause, until, remaining });
            item.asked_suspension = None;
            item.note("held", at);
        }
        Fact::Released { stall_at, cause, .. } => {
            item.holds.retain(|hold| cause.as_ref().is_some_and(|cause| hold.cause != *cause));
            if !item.is_held() {
                item.stood = None;
            }
            item.stall_at = *stall_at;
            item.note("released", at);
        }
        Fact::ItemCancelled { title, .. } => {
            item.title = title.clone().or(item.title.take());
            close(item, Status::Cancelled, at);
        }
        Fact::RungFired { side, rung, version, nth, next, .. } => {
            if *side == Side::Work {
                lateness::goes_on(item, *rung, *nth, at);
            }
            let armed = match side {
                Side::Work => item.armed.as_mut(),
                Side::Review => item.review.ladder_mut(*version),
                Side::Answer => item.asked.as_mut().and_then(|asked| asked.armed.as_mut()),
            };
            if let Some(armed) = armed {
                armed.fire(*rung, *nth, *next);
            }
            item.note("rung", at);
        }
        Fact::StartOverdue { .. } => item.start_overdue = true,
        Fact::DueSoon { .. } => {
            item.soon_version = item.deadline().map_or(0, |deadline| deadline.version);
            item.note("due_soon", at);
        }
        Fact::Overdue { version, .. } => {
            lateness::begin(item, at);
            item.overdue_version = *version;
            item.note("overdue", at);
        }
        Fact::ReviewOverdue { member, .. } => item.review.find_overdue(member.as_ref()),
        Fact::ReportMissed { next, stall_at, .. } => {
            item.report_at = Some(*next);
            item.report_for = None;
            item.stall_at = item.stall_at.or(*stall_at);
            item.note("report_missed", at);
        }
        Fact::ReportKept { next, .. } => {
            item.report_at = Some(*next);
            item.report_for = None;
        }
        Fact::Stalled { .. } => {
            item.stalled_at = Some(at);
            item.stall_at = None;
            item.note("stalled", at);
        }
        Fact::PlanChecked { index, planned, rungs, next, .. } => {
            item.plan_next = index + 1;
            item.plan_at = *next;
            item.planned = *planned;
            item.behind = planned.saturating_sub(item.progress);
            item.missed_in_a_row = if item.behind > 0 { item.missed_in_a_row + 1 } else { 0 };
            arm_behind(item, *index, rungs);
        }
        Fact::WindowJudged { met, in_mind, .. } => {
            if *in_mind {
                lateness::keep(item, at);
            } else if !met {
                lateness::begin(item, at);
            }
            item.window_met = Some(*met);
            item.judge_again_at = None;
            item.note(if *met { "met" } else { "missed" }, at);
        }
        Fact::JudgementDeferred { at: judged, .. } => match item.window_met {
            None => item.judged_at = Some(*judged),
            Some(_) => item.judge_again_at = Some(*judged),
        },
        Fact::Rescheduled { schedule, .. } => {
            // A clock that is counted anew moves no date.
            if schedule.stood.is_none() {
                item.dated_at = Some(at);
            }
            reschedule(item, schedule);
        }
        Fact::SuspensionAsked { reason, until, .. } => {
            let (reason, until) = (reason.clone(), *until);
            item.asked_suspension = Some(Box::new(AskedSuspension { reason, until, at }));
        }
        Fact::SuspensionRefused { .. } => item.asked_suspension = None,
        Fact::PapersLate { .. } => {
            lateness::withdraw(item, lateness::Late::Work);
            item.window_met = Some(true);
            item.on_time = Some(false);
            item.note("papers_late", at);
        }
        Fact::MadeUp { .. } => item.note("made_up", at),
        Fact::IndicatorJudged { met, .. } => {
            item.judged = true;
            item.met = *met;
            item.note("judged", at);
        }
        Fact::Unrectified { .. } => item.unrectified = true,
        Fact::Referred { .. } => item.referred_at = Some(at),
        Fact::StruckOff { .. } => item.struck_off_at = Some(at),
        Fact::NeedAnswered { need, .. } => item.answered.push(*need),
        Fact::Sent(sent) => {
            lateness::add_paper(item, sent, at);
            if sent.kind == Notification::Urge {
                item.urged_at = Some(at);
            }
            item.note(sent.kind.as_str(), at);
        }
        Fact::SubCaseOpened { child, .. } => item.child = Some(Box::new(Child::new(child.clone()))),
        Fact::SubCaseLeft { child, keeps, answer_by, .. } => {
            kin::left(item, child, *keeps, *answer_by, at);
        }
        Fact::SubCaseEnded { child, .. } => kin::ended(item, child),
        Fact::SubCaseSilent { .. } => kin::silent(item),
        Fact::NeedsChanged { which, .. } => item.which.clone_from(which),
        Fact::PlanMoved { next, .. } => {
            item.plan_next = next.map_or(item.plan_next, |(index, _)| index);
            item.plan_at = next.map(|(_, at)| at);
        }
        Fact::ReviewPlanned { review, .. } => {
            item.review.manner = review.manner;
            item.review.members.clone_from(&review.members);
            item.review.within = review.within;
            failed::forget(&mut item.failed, KeptKey::Reviewer);
            failed::forget(&mut item.failed, KeptKey::ReviewWithin);
        }
        Fact::RungsArmed { side, arming, anew, .. } => {
            carry::arm_rungs(item, *side, arming, *anew);
        }
        Fact::ScriptFailed { keeps, error, .. } => {
            failed::of_item(item, keeps.as_ref(), error, at);
        }
        Fact::Mended { what, values, .. } => failed::mend(item, what, values, at),
        Fact::EntryCounted { entry, .. } => failed::count_entry(item, *entry),
        Fact::HandedOver { unit, to, holder, review, from, late, .. } => {
            lateness::remember(item, late.as_ref());
            item.left_by(from.as_ref());
            item.unit = unit.clone();
            item.owner = Some(to.clone());
            item.holder.clone_from(holder);
            item.handler = None;
            if let Some(plan) = review {
                item.review.manner = plan.manner;
                item.review.members.clone_from(&plan.members);
            }
            item.as_it_is = true;
            failed::forget(&mut item.failed, KeptKey::Owner);
            item.note("handed_over", at);
        }
        Fact::FinishesAsItIs { .. } => item.as_it_is = true,
        Fact::AttentionNeeded { kind, about, .. } => {
            attention::need(&mut item.attention, *kind, about, at);
        }
        Fact::AttentionEnded { kind, about, .. } => {
            attention::end(&mut item.attention, *kind, about);
        }
        Fact::NeedAwaited { until, .. } => item.foreign.awaited_until = Some(*until),
        Fact::NeedMissing { .. } => {
            item.foreign.awaited_until = None;
            item.foreign.missing = true;
        }
        Fact::NeedFound { need, .. } => {
            item.foreign.ended.retain(|place| place != need);
            item.foreign.found.push(*need);
            item.foreign.awaited_until = None;
        }
        Fact::NeedEnded { need, .. } => {
            item.foreign.found.retain(|place| place != need);
            item.foreign.ended.push(*need);
            item.foreign.awaited_until = None;
        }
        Fact::OpeningHeld { reason, .. } => item.held_back.clone_from(reason),
        Fact::Scored { unit, points, rule, .. } => {
            let given = Points { unit: unit.clone(), points: *points, rule: rule.clone() };
            lateness::add_points(item, given, at);
        }
        // What is no item's, makes items, or leaves them as they are.
        Fact::CaseOpened { .. }
        | Fact::WindowsPlanned { .. }
        | Fact::ItemsAdded { .. }
        | Fact::ItemOpened { .. }
        | Fact::OwnerMissing { .. }
        | Fact::CaseSuspended { .. }
        | Fact::CaseResumed
        | Fact::VarSet { .. }
        | Fact::Logged { .. }
        | Fact::AxesDiffer { .. }
        | Fact::CalendarApplied { .. }
        | Fact::BoundReached { .. }
        | Fact::TakenBack { .. }
        | Fact::MessageSent { .. }
        | Fact::Watched(_)
        | Fact::WatchAnswered { .. }
        | Fact::ChildClosed { .. }
        | Fact::ParentSaid { .. }
        | Fact::Renewed
        | Fact::CaseClosed
        | Fact::CaseReopened
        | Fact::CaseCancelled { .. }
        | Fact::Migrated { .. }
        | Fact::CadenceTaken { .. }
        | Fact::Faulted { .. }
        | Fact::Repaired { .. } => {}
    }
}

fn make_ready(item: &mut Item, ready: &Readiness, at: Instant) {
    item.owner.clone_from(&ready.owner);
    item.holder.clone_from(&ready.holder);
    if let Some(unit) = &ready.unit {
        item.unit = unit.clone();
    }
    item.review = Review {
        manner: ready.review.manner,
        members: ready.review.members.clone(),
        within: ready.review.within,
        round: item.review.round,
        ..Review::default()
    };
    item.held_until = None;
    item.ready_at = Some(at);
    item.dated_at = Some(at);
    item.start_by = ready.start_by;
    item.start_overdue = false;
    if ready.owner.is_some() {
        failed::forget(&mut item.failed, KeptKey::Owner);
    }
    if ready.deadline.is_some() {
        failed::forget(&mut item.failed, KeptKey::Due);
    }
    item.deadlines.extend(ready.deadline.clone());
    let version = item.deadline().map_or(0, |deadline| deadline.version);
    item.armed = ready.arming.as_ref().map(|arming| Armed::towards(arming, version));
    item.stall = ready.stall;
    item.stall_at = ready.stall_at;
    item.report_at = ready.report_at;
    if let Some((index, plan_at)) = ready.plan {
        item.plan_next = index;
        item.plan_at = Some(plan_at);
    }
    item.target = ready.target;
    item.turn(Status::Ready, at);
}

fn arm_behind(item: &mut Item, index: u16, rungs: &[(u16, Instant, u8)]) {
    let nth = u32::from(index) + 1;
    let Some(armed) = item.armed.as_mut() else { return };
    for (rung, at, points) in rungs {
        let behind = Some(*points);
        armed.insert(ArmedRung { at: *at, rung: *rung, nth, every: None, behind });
    }
}

fn reschedule(item: &mut Item, schedule: &Schedule) {
    if let Some(armed) = &schedule.armed {
        item.armed = Some(armed.clone());
    }
    if let Some(due) = schedule.review_due {
        item.review.due = Some(due);
    }
    if let Some(armed) = &schedule.review_armed {
        item.review.armed = Some(armed.clone());
    }
    if let Some(own) = &schedule.review_own {
        item.review.own.clone_from(own);
    }
    if let Some((at, nominal)) = schedule.report {
        item.report_at = Some(at);
        item.report_for = (at != nominal).then_some(nominal);
    }
    if let Some((index, at)) = schedule.plan {
        item.plan_next = index;
        item.plan_at = at;
    }
    item.start_by = schedule.start_by.or(item.start_by);
    item.stall_at = schedule.stall_at.or(item.stall_at);
    if let Some(deadline) = item.deadlines.last_mut() {
        deadline.soon_at = schedule.soon_at.or(deadline.soon_at);
        deadline.red_at = schedule.red_at.unwrap_or(deadline.red_at);
    }
    item.judge_again_at = schedule.judge_again_at.or(item.judge_again_at);
    if let Some(asked) = &mut item.asked {
        if let Some(due) = schedule.answer_due {
            asked.due = Some(due);
            asked.overdue = false;
        }
        if let Some(armed) = &schedule.answer_armed {
            asked.armed = Some(armed.clone());
        }
    }
    if let Some(child) = &mut item.child {
        child.answer_by = schedule.child_answer_by.or(child.answer_by);
    }
    item.lost = schedule.lost.unwrap_or(item.lost);
    if let Some(stood) = &schedule.stood {
        for hold in item.holds.iter_mut().filter(|hold| hold.remaining.is_some()) {
            hold.remaining = Some(stood.remaining);
        }
        item.stood = Some(Box::new(stood.clone()));
    }
}

/// Whoever works on an attempt may not review it, nor may whom they stand in for.
fn work(item: &mut Item, actor: &Actor) {
    let Actor::Person { person, on_behalf_of } = actor else { return };
    let people: [Option<&PersonId>; 2] = [Some(person), on_behalf_of.as_ref()];
    for person in people.into_iter().flatten() {
        if !item.workers.contains(person) {
            item.workers.push(person.clone());
        }
    }
}

fn sign(item: &mut Item, at: Instant) {
    if item.signed_at.is_none() {
        item.signed_at = Some(at);
    }
    if item.status == Status::Ready {
        item.turn(Status::Active, at);
    }
}

fn report(
    item: &mut Item,
    percent: Option<u8>,
    value: Option<rust_decimal::Decimal>,
    evidence: &[Evidence],
    at: Instant,
) {
    sign(item, at);
    item.progress = percent.unwrap_or(item.progress);
    item.value = value.or(item.value);
    item.evidence.extend(evidence.iter().cloned());
    item.reported_at = Some(at);
    item.stalled_at = None;
    item.behind = item.planned.saturating_sub(item.progress);
    let behind = item.behind;
    if let Some(armed) = item.armed.as_mut() {
        armed.rungs.retain(|rung| rung.behind.is_none_or(|points| behind >= points));
    }
}

fn submit(item: &mut Item, entry: Entry) {
    let at = entry.at;
    item.submitted_at = Some(at);
    item.counted_at = item.stood.as_ref().map(|stood| stood.since);
    item.stalled_at = None;
    if item.window.is_some() {
        item.entries.push(entry);
    }
    item.review.end();
    item.turn(Status::Submitted, at);
}

fn accept(item: &mut Item, done: bool, on_time: bool, at: Instant) {
    if let Some(entry) = item.entries.last_mut() {
        entry.state = EntryState::Accepted;
    }
    if done {
        item.done_at = Some(at);
        item.on_time = Some(on_time);
        item.progress = 100;
        item.behind = 0;
        close(item, Status::Done, at);
    } else {
        item.review.end();
        item.turn(Status::Active, at);
    }
}

/// Keeps what the attempt in hand has come to and begins the next.
fn begin_again(item: &mut Item, at: Instant) {
    item.attempts.push(Attempt {
        number: item.attempt,
        ended_at: at,
        form: Arc::clone(&item.form),
        evidence: item.evidence.clone(),
        value: item.value,
    });
    item.attempt += 1;
    item.workers.clear();
    item.done_at = None;
    item.on_time = None;
    item.judged = false;
    item.met = None;
    item.asked = None;
    item.review.end();
}

fn answer_for(item: &mut Item, people: &People) {
    item.owner.clone_from(&people.owner);
    item.holder.clone_from(&people.holder);
    item.handler = None;
    item.review.manner = people.review.manner;
    item.review.members.clone_from(&people.review.members);
    item.review.within = people.review.within;
}

/// Closes an item. Its ladder stays where it is, for the case that it is opened again.
fn close(item: &mut Item, status: Status, at: Instant) {
    item.holds.clear();
    item.stood = None;
    item.asked_suspension = None;
    item.asked = None;
    item.held_until = None;
    item.stalled_at = None;
    item.review.end();
    item.turn(status, at);
}

fn set_deadline(
    item: &mut Item,
    deadline: &Deadline,
    arming: Option<&Arming>,
    ladder: Option<&Armed>,
) {
    if matches!(deadline.why, DueReason::Extension(_)) {
        item.extensions += 1;
        item.asked = None;
    }
    if matches!(deadline.why, DueReason::Calendar | DueReason::Set(_)) {
        item.earlier_due = None;
    }
    failed::forget(&mut item.failed, KeptKey::Due);
    let version = item.deadline().map_or(0, |deadline| deadline.version);
    let was_overdue = version > 0 && item.overdue_version == version;
    let goes_on = deadline.carries || matches!(deadline.why, DueReason::Migrated(_));
    if was_overdue && goes_on {
        item.overdue_version = deadline.version;
    }
    if !goes_on {
        item.late_with.clear();
    }
    if let (Some(stood), false) = (item.stood.as_mut(), deadline.carries) {
        stood.given = true;
    }
    // Days are counted from the date in force; a window's are lost for good.
    if item.window.is_none() {
        item.lost = 0;
    }
    item.deadlines.push(deadline.clone());
    let anew = arming.map(|arming| Armed::towards(arming, deadline.version));
    item.armed = ladder.cloned().or(anew);
}
