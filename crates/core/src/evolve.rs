//! Evolving: what an event makes of a case. Total: never fails, never asks.
//!
//! Live deciding and replay share these functions. A stored event was valid once, so an item that
//! is not there is passed over rather than refused.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::PersonId;

use crate::case::{Case, CaseHead, CaseStatus};
use crate::command::{Actor, Evidence};
use crate::event::{
    Arming, Deadline, DueReason, Event, ItemKind, NewItem, Notification, Readiness, Sent, Side,
};
use crate::fact::Fact;
use crate::item::{
    Armed, ArmedRung, Asked, Attempt, Entry, EntryState, Hold, Item, Review, Status,
};
use crate::moment::OPENED_ORDER;

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
            scored: Default::default(),
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
        let head = self.head_mut();
        evolve_head(head, event);
        head.version = event.seq;
        head.last_at = head.last_at.max(event.at);
        hash.clone_into(&mut head.chain);
    }

    fn add_items(&mut self, event: &Event) {
        match &event.fact {
            Fact::ItemsAdded { task, order, items } => {
                for new in items {
                    let mut item = waiting(new, event.at);
                    item.task = task.clone();
                    item.order = *order;
                    self.put(item);
                }
            }
            Fact::ItemOpened { key, kind, ready, unit } => {
                let mut item = Item {
                    key: key.clone(),
                    task: task_of(kind).into(),
                    order: OPENED_ORDER,
                    kind: kind.clone(),
                    unit: unit.clone(),
                    attempt: 1,
                    ..Item::default()
                };
                make_ready(&mut item, ready, event.at);
                self.put(item);
            }
            _ => {}
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
        attempt: 1,
        since: at,
        ..Item::default()
    }
}

fn evolve_head(head: &mut CaseHead, event: &Event) {
    match &event.fact {
        Fact::WindowsPlanned { task, next } => match next {
            Some(next) => {
                head.windows.insert(task.clone(), *next);
            }
            None => {
                head.windows.remove(task);
            }
        },
        Fact::ItemsAdded { task, .. } => {
            head.expanded.insert(task.clone());
        }
        Fact::ItemOpened { .. } => head.opened += 1,
        Fact::Sent(sent) => count_papers(head, sent),
        Fact::VarSet { name, value } => {
            head.vars.insert(name.clone(), value.clone());
        }
        Fact::Scored { rule: Some(rule), points, .. } => {
            *head.scored.entry(rule.clone()).or_default() += points;
        }
        Fact::MessageSent { number, about, .. } => {
            head.messages = *number;
            if let Some(about) = about {
                head.asked.insert(*number, about.clone());
            }
        }
        Fact::Watched(watch) => {
            head.handled.insert((watch.from.clone(), watch.number));
            head.watchers.push(watch.clone());
        }
        Fact::WatchAnswered { from, number } => {
            head.watchers.retain(|watch| !(watch.from == *from && watch.number == *number));
        }
        Fact::NeedAnswered { item, need, name, form, .. } => {
            head.asked.retain(|_, about| !(about.0 == *item && about.1 == *need));
            head.foreign.insert(name.clone(), form.clone());
        }
        Fact::ChildClosed { child, number, .. } => {
            head.handled.insert((child.clone(), *number));
        }
        Fact::StruckOff { item: None, .. } => head.status = CaseStatus::StruckOff,
        Fact::Renewed => head.renew_at = None,
        Fact::CaseClosed => {
            head.status = CaseStatus::Closed;
            head.closed_at = Some(event.at);
        }
        Fact::CaseReopened => {
            head.status = CaseStatus::Open;
            head.closed_at = None;
        }
        Fact::CaseCancelled { .. } => {
            head.status = CaseStatus::Cancelled;
            head.closed_at = Some(event.at);
        }
        Fact::Migrated { definition, title } => {
            head.definition = definition.clone();
            head.title.clone_from(title);
        }
        Fact::Faulted { error } => head.faulted = Some(error.clone()),
        Fact::Repaired { .. } => head.faulted = None,
        _ => {}
    }
}

fn count_papers(head: &mut CaseHead, sent: &Sent) {
    match (sent.kind, sent.number) {
        (Notification::Slip, Some(number)) => head.slips = number,
        (Notification::Notice, Some(number)) => head.notices = number,
        _ => {}
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each fact about an item")]
fn evolve_item(item: &mut Item, event: &Event) {
    let at = event.at;
    match &event.fact {
        Fact::ItemHeldUntil { at: until, .. } => item.held_until = Some(*until),
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
        Fact::Submitted { form, evidence, value, counts, review_due, arming, .. } => {
            work(item, &event.actor);
            sign(item, at);
            item.form = Arc::new(form.clone());
            item.evidence.clone_from(evidence);
            item.value = value.or(item.value);
            submit(item, *counts, at);
            review_towards(item, *review_due, arming.as_ref());
        }
        Fact::Withdrawn { .. } => {
            if item.entries.last().is_some_and(|entry| entry.state == EntryState::Submitted) {
                item.entries.pop();
            }
            end_review(&mut item.review);
            item.turn(Status::Active, at);
        }
        Fact::Countersigned { member, review_due, arming, .. } => {
            item.review.agreed.push(member.clone());
            review_towards(item, *review_due, arming.as_ref());
        }
        Fact::Accepted { done, on_time, .. } => accept(item, *done, *on_time, at),
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
            item.hold = None;
            item.stall_at = None;
            item.stalled_at = None;
            item.report_at = None;
            item.plan_at = None;
            item.note("superseded", at);
            item.turn(Status::Waiting, at);
        }
        Fact::Reopened { stall_at, .. } => {
            begin_again(item, at);
            item.note("reopened", at);
            item.stall_at = *stall_at;
            item.turn(Status::Active, at);
        }
        Fact::ExtensionAsked { until, reason, .. } => {
            item.asked = Some(Asked { until: *until, reason: reason.clone(), at });
        }
        Fact::ExtensionRefused { .. } => item.asked = None,
        Fact::DeadlineSet { deadline, arming, judged_at, .. } => {
            set_deadline(item, deadline, arming.as_ref());
            item.judged_at = judged_at.or(item.judged_at);
            item.note("deadline_set", at);
        }
        Fact::EarlierDueProposed { due, .. } => item.earlier_due = Some(*due),
        Fact::Transferred { to, holder, review, .. } => {
            item.owner = Some(to.clone());
            item.holder = holder.clone();
            item.handler = None;
            if let Some(plan) = review {
                item.review.manner = plan.manner;
                item.review.members.clone_from(&plan.members);
            }
            item.note("transferred", at);
        }
        Fact::Delegated { to, .. } => item.handler = to.clone(),
        Fact::ReviewersChanged { members, .. } => item.review.members.clone_from(members),
        Fact::Held { cause, until, remaining, .. } => {
            item.hold = Some(Hold {
                since: at,
                cause: cause.clone(),
                until: *until,
                remaining: *remaining,
            });
            item.note("held", at);
        }
        Fact::Released { stall_at, .. } => {
            item.hold = None;
            item.stall_at = *stall_at;
            item.note("released", at);
        }
        Fact::ItemCancelled { .. } => close(item, Status::Cancelled, at),
        Fact::RungFired { side, rung, nth, next, .. } => {
            let armed = match side {
                Side::Work => item.armed.as_mut(),
                Side::Review => item.review.armed.as_mut(),
            };
            if let Some(armed) = armed {
                fire(armed, *rung, *nth, *next);
            }
            item.note("rung", at);
        }
        Fact::StartOverdue { .. } => item.start_overdue = true,
        Fact::DueSoon { .. } => {
            item.soon_version = item.deadline().map_or(0, |deadline| deadline.version);
            item.note("due_soon", at);
        }
        Fact::Overdue { version, .. } => {
            item.overdue_version = *version;
            item.note("overdue", at);
        }
        Fact::ReviewOverdue { .. } => item.review.overdue = true,
        Fact::ReportMissed { next, stall_at, .. } => {
            item.report_at = Some(*next);
            item.stall_at = item.stall_at.or(*stall_at);
            item.note("report_missed", at);
        }
        Fact::ReportKept { next, .. } => item.report_at = Some(*next),
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
        Fact::WindowJudged { met, .. } => {
            item.window_met = Some(*met);
            item.note(if *met { "met" } else { "missed" }, at);
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
            if sent.kind == Notification::Urge {
                item.urged_at = Some(at);
            }
            item.note(sent.kind.as_str(), at);
        }
        _ => {}
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
    item.start_by = ready.start_by;
    item.start_overdue = false;
    item.deadlines.extend(ready.deadline.clone());
    let version = item.deadline().map_or(0, |deadline| deadline.version);
    item.armed = ready.arming.as_ref().map(|arming| armed(arming, version));
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

fn armed(arming: &Arming, version: u32) -> Armed {
    let mut armed = Armed { ladder: arming.ladder.clone(), version, rungs: Vec::new() };
    for (rung, at) in &arming.rungs {
        armed.insert(ArmedRung { at: *at, rung: *rung, nth: 1, every: None, behind: None });
    }
    for (rung, at, every) in &arming.repeats {
        let every = Some(*every);
        armed.insert(ArmedRung { at: *at, rung: *rung, nth: 1, every, behind: None });
    }
    armed
}

fn arm_behind(item: &mut Item, index: u16, rungs: &[(u16, Instant, u8)]) {
    let nth = u32::from(index) + 1;
    let Some(armed) = item.armed.as_mut() else { return };
    for (rung, at, points) in rungs {
        let behind = Some(*points);
        armed.insert(ArmedRung { at: *at, rung: *rung, nth, every: None, behind });
    }
}

fn fire(armed: &mut Armed, rung: u16, nth: u32, next: Option<Instant>) {
    let Some(place) = armed.rungs.iter().position(|one| one.rung == rung && one.nth == nth) else {
        return;
    };
    let fired = armed.rungs.remove(place);
    if let Some(at) = next {
        armed.insert(ArmedRung { at, nth: nth + 1, ..fired });
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

fn submit(item: &mut Item, counts: bool, at: Instant) {
    item.submitted_at = Some(at);
    item.stalled_at = None;
    if item.window.is_some() {
        item.entries.push(Entry {
            at,
            counts,
            state: EntryState::Submitted,
            form: Arc::clone(&item.form),
        });
    }
    item.review.agreed.clear();
    item.turn(Status::Submitted, at);
}

fn review_towards(item: &mut Item, due: Option<Instant>, arming: Option<&Arming>) {
    item.review.round += 1;
    item.review.due = due;
    item.review.overdue = false;
    item.review.armed = arming.map(|arming| armed(arming, item.review.round));
}

fn end_review(review: &mut Review) {
    review.agreed.clear();
    review.due = None;
    review.overdue = false;
    review.armed = None;
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
        end_review(&mut item.review);
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
    end_review(&mut item.review);
}

/// Closes an item. Its ladder stays where it is, for the case that it is opened again.
fn close(item: &mut Item, status: Status, at: Instant) {
    item.hold = None;
    item.asked = None;
    item.held_until = None;
    item.stalled_at = None;
    end_review(&mut item.review);
    item.turn(status, at);
}

fn set_deadline(item: &mut Item, deadline: &Deadline, arming: Option<&Arming>) {
    if matches!(deadline.why, DueReason::Extension(_)) {
        item.extensions += 1;
        item.asked = None;
    }
    if deadline.why == DueReason::Calendar {
        item.earlier_due = None;
    }
    item.deadlines.push(deadline.clone());
    item.armed = arming.map(|arming| armed(arming, deadline.version));
}
