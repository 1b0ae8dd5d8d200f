//! Rule 26: whether somebody can move on an item, and what a vacant post means for it.
//!
//! After a command's facts the items that they are about are looked at, and all that are not
//! closed where the directory or the definition changed. Nothing here looks at other items than
//! those, so that what lies idle costs nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_calendar::{Instant, Span, Window};
use duban_model::{Assignee, Join, PersonId, TaskDef, TaskKind};

use super::Turn;
use super::between::name_of_need;
use crate::attention::AttentionKind as Kind;
use crate::case::CaseStatus;
use crate::event::{HoldCause, ItemKind, Manner, Remaining, Schedule, Side, SignerDate};
use crate::fact::Fact;
use crate::failed::Expression;
use crate::ids::ItemKey;
use crate::item::{Item, Status, Stood};
use crate::rows::touched;

/// How long a case that an item needs may be missing after everything else is there.
const NEED_WITHIN: Span = Span::Workdays(10);

/// Whether a fact may change what a case's lists need attention for. What lies idle is not looked at
/// for any other.
fn concerns_lists(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::AttentionNeeded { item: Some(_), kind: Kind::ListEmpty | Kind::UnitGone, .. }
            | Fact::AttentionEnded { item: Some(_), kind: Kind::ListEmpty | Kind::UnitGone, .. }
            | Fact::AxesDiffer { .. }
            | Fact::ItemsAdded { .. }
            | Fact::FinishesAsItIs { .. }
            | Fact::ScriptFailed { item: None, keeps: Some(_), .. }
            | Fact::Mended { item: None, .. }
            | Fact::Migrated { .. }
            | Fact::TakenBack { .. }
            | Fact::CaseClosed
            | Fact::CaseReopened
            | Fact::CaseCancelled { .. }
    )
}

/// Facts of what was said, sent or counted: nobody can move on an item more or less because of
/// them. They are most of what time brings, so that their items are not looked at for nothing.
fn says_only(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Sent(_)
            | Fact::Scored { .. }
            | Fact::Logged { .. }
            | Fact::RungFired { .. }
            | Fact::PlanChecked { .. }
            | Fact::ReportKept { .. }
            | Fact::ReportMissed { .. }
    )
}

/// Something that needs attention: why, and what it is about.
type Cause = (Kind, String);

impl Turn<'_> {
    /// Says for the items that this decision is about what they need attention for, where that has
    /// changed.
    pub(super) fn note_attention(&mut self) {
        if self.probing {
            return;
        }
        let migrates = self.events.iter().any(|one| matches!(one.fact, Fact::Migrated { .. }));
        let keys: BTreeSet<ItemKey> = if self.looks_at_all || migrates {
            let is_concerned =
                |item: &&Arc<Item>| !item.status.is_closed() || !item.attention.is_empty();
            self.case.items().filter(is_concerned).map(|item| item.key.clone()).collect()
        } else {
            let telling = self.events.iter().filter(|event| !says_only(&event.fact));
            telling.flat_map(touched).collect()
        };
        for key in keys {
            self.looked_at += 1;
            self.look_at(&key);
        }
        if self.looks_at_all || self.events.iter().any(|event| concerns_lists(&event.fact)) {
            self.look_at_case();
        }
    }

    /// The same of the case itself.
    fn look_at_case(&mut self) {
        let known = self.case.head().attention.clone();
        let wanted = self.causes_of_case();
        for one in &known {
            let (kind, about) = (one.kind, one.about.clone());
            if !wanted.contains(&(kind, about.clone())) {
                self.push(Fact::AttentionEnded { item: None, kind, about });
            }
        }
        for (kind, about) in wanted {
            if !known.iter().any(|one| one.kind == kind && one.about == about) {
                self.push(Fact::AttentionNeeded { item: None, kind, about });
            }
        }
    }

    /// What a case needs attention for and no item of it shows, by the task whose list it is.
    fn causes_of_case(&self) -> Vec<Cause> {
        let head = self.case.head();
        let mut causes: BTreeSet<Cause> = BTreeSet::new();
        if head.status != CaseStatus::Open {
            return Vec::new();
        }
        let about = |key: &ItemKey| key.task().to_owned();
        let differs = head.differs.iter();
        causes.extend(
            differs.clone().flat_map(|one| &one.came).map(|key| (Kind::ItemsCame, about(key))),
        );
        // Where the unit itself is gone, the item says so.
        let is_told = |key: &&ItemKey| {
            let item = self.case.item(key);
            item.is_some_and(|item| item.attention.iter().any(|one| one.kind == Kind::UnitGone))
        };
        let gone = differs.flat_map(|one| &one.gone).filter(|key| !is_told(key));
        causes.extend(gone.map(|key| (Kind::ItemsGone, about(key))));
        let lists = |list: &Expression| list.task.as_ref().map(ToString::to_string);
        let failed: Vec<Expression> =
            head.failed.iter().map(|failed| failed.expression.clone()).collect();
        causes.extend(failed.iter().filter_map(lists).map(|task| (Kind::ExpressionFailed, task)));
        let is_shown = |task: &String| {
            let waits = |item: &Arc<Item>| {
                let mut causes = item.attention.iter();
                causes.any(|one| one.kind == Kind::ListEmpty && one.about == *task)
            };
            self.case.items().any(waits)
        };
        let empty = self.empty_lists(&failed);
        let empty = empty.iter().filter_map(lists).filter(|task| !is_shown(task));
        causes.extend(empty.map(|task| (Kind::ListEmpty, task)));
        causes.into_iter().collect()
    }

    fn look_at(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let wanted = self.causes(&item);
        for one in &item.attention {
            let (kind, about) = (one.kind, one.about.clone());
            if wanted.iter().any(|(other, text)| *other == kind && *text == about) {
                continue;
            }
            let (item, about) = (Some(key.clone()), about);
            self.push(Fact::AttentionEnded { item, kind, about: about.clone() });
            self.begin_anew(key, kind, &about, one.since);
        }
        for (kind, about) in wanted {
            if !item.attention.iter().any(|one| one.kind == kind && one.about == about) {
                self.push(Fact::AttentionNeeded { item: Some(key.clone()), kind, about });
            }
        }
    }

    /// What an item needs attention for.
    fn causes(&self, item: &Item) -> Vec<Cause> {
        if item.status.is_closed() {
            return Vec::new();
        }
        let mut causes = self.kept_causes(item);
        // Once that is settled, only whether somebody is there counts.
        let is_gone = !item.as_it_is && self.env.directory.unit(&item.unit).is_none();
        if is_gone {
            causes.push((Kind::UnitGone, Assignee::Unit(item.unit.clone()).to_string()));
        }
        match (item.status, self.lifted_by_office(item)) {
            (Status::Waiting, _) => causes.extend(self.unmet(item)),
            (_, Some(true)) => causes.extend(self.office_vacant()),
            // Time lifts it.
            (_, Some(false)) => {}
            (Status::Submitted, None) => causes.extend(self.seats_lacking(item)),
            (_, None) => causes.extend(self.work_lacking(item, is_gone)),
        }
        causes.dedup();
        causes
    }

    /// What stays until it is mended, because only the moment at which it came about knows of it.
    fn kept_causes(&self, item: &Item) -> Vec<Cause> {
        let stays = |kind: Kind| match kind {
            // Somebody has looked at it.
            Kind::BudgetReached => !self.is_moved_by_person(item),
            Kind::KeyDuplicate => true,
            Kind::OwnerVacant
            | Kind::ReviewerVacant
            | Kind::OwnerReviews
            | Kind::ReviewerWorked
            | Kind::OfficeVacant
            | Kind::ExpressionFailed
            | Kind::ListEmpty
            | Kind::NeedCancelled
            | Kind::NeedMissing
            | Kind::SubCaseEnded
            | Kind::SubCaseSilent
            | Kind::UnitGone
            | Kind::HeldBack
            | Kind::ItemsCame
            | Kind::ItemsGone => false,
        };
        let kept = item.attention.iter().filter(|one| stays(one.kind));
        let mut causes: Vec<Cause> = kept.map(|one| (one.kind, one.about.clone())).collect();
        let failed = item.failed.iter().map(|one| one.expression.key.as_str());
        causes.extend(failed.map(|key| (Kind::ExpressionFailed, key.to_owned())));
        causes.extend(item.held_back.iter().map(|bound| (Kind::HeldBack, bound.clone())));
        causes
    }

    fn is_moved_by_person(&self, item: &Item) -> bool {
        let is_persons = matches!(self.actor, crate::command::Actor::Person { .. });
        let is_it = |fact: &Fact| fact.item() == Some(&item.key);
        is_persons && self.events.iter().any(|event| is_it(&event.fact))
    }

    /// Whether nobody may work on it until the office lifts that (`true`) or time does (`false`).
    /// The owner's own wish to rest is the owner's to end.
    fn lifted_by_office(&self, item: &Item) -> Option<bool> {
        let orders = item
            .holds
            .iter()
            .filter(|hold| matches!(hold.cause, HoldCause::Order(_) | HoldCause::Suspended(_)));
        orders.map(|hold| hold.until.is_none()).max()
    }

    fn office_vacant(&self) -> Option<Cause> {
        let head = self.case.head();
        let office = head.supervision.as_ref().or(head.lead.as_ref());
        let is_there = office.is_some_and(|office| self.is_manned(office));
        let about = office.map(ToString::to_string).unwrap_or_default();
        (!is_there).then_some((Kind::OfficeVacant, about))
    }

    /// Needs of a waiting item that nothing can meet any more, where too few others are left.
    fn unmet(&self, item: &Item) -> Vec<Cause> {
        let Some(task) = Self::task(&self.definition, item) else { return Vec::new() };
        let mut dead = Vec::new();
        for (place, need) in (0_u16..).zip(&task.needs) {
            let foreign = need.workflow.is_some() && !item.answered.contains(&place);
            let known = &item.foreign;
            let kind = if foreign && known.ended.contains(&place) {
                Some(Kind::NeedCancelled)
            } else if foreign && known.missing && !known.found.contains(&place) {
                Some(Kind::NeedMissing)
            } else {
                let source = self.definition.workflow.task(need.task.as_str());
                let is_empty = need.workflow.is_none()
                    && source.is_some_and(|(_, source)| self.is_empty_list(source));
                is_empty.then_some(Kind::ListEmpty)
            };
            dead.extend(kind.map(|kind| (kind, name_of_need(need))));
        }
        let total = task.needs.len();
        let owed = match task.join {
            Join::All => total,
            Join::AtLeast(number) => total.min(usize::try_from(number).unwrap_or(usize::MAX)),
        };
        if total - dead.len() < owed { dead } else { Vec::new() }
    }

    /// Whether a task's list exists and gave nothing, and that was not allowed for.
    pub(super) fn is_empty_list(&self, source: &TaskDef) -> bool {
        let may_be_empty = source.empty_skips || source.each.is_empty() || source.every.is_some();
        !may_be_empty
            && self.case.head().expanded.contains(&source.id)
            && self.case.tally(source.id.as_str()).total == 0
    }

    /// Signers whose answer is owed and who cannot give it.
    fn seats_lacking(&self, item: &Item) -> Vec<Cause> {
        let review = &item.review;
        let workers: Vec<PersonId> = item.workers.iter().chain(&item.handler).cloned().collect();
        let owners = self.owners(item);
        let presence = self.presence();
        let barred: Vec<PersonId> = workers.iter().chain(&owners).cloned().collect();
        let can_sign = |seat: &Assignee| presence.can_act(seat, &barred, false);
        let can_answer = |seat: &Assignee| review.refused.is_empty() || !review.has_answered(seat);
        if review.manner.quorum().is_some()
            && review.seats_missing(|seat| can_answer(seat) && can_sign(seat)) == 0
        {
            return Vec::new();
        }
        let lacking = review.pending().into_iter().filter(|seat| !can_sign(seat));
        lacking
            .map(|seat| {
                let kind = if !presence.can_act(seat, &[], false) {
                    Kind::ReviewerVacant
                } else if !presence.can_act(seat, &owners, false) {
                    Kind::OwnerReviews
                } else {
                    Kind::ReviewerWorked
                };
                (kind, seat.to_string())
            })
            .collect()
    }

    /// People who own an item by their post. A unit's owner bars nobody of the unit.
    fn owners(&self, item: &Item) -> Vec<PersonId> {
        match &item.owner {
            Some(owner @ (Assignee::Post(..) | Assignee::Person(_))) => {
                self.env.directory.holders(owner)
            }
            Some(Assignee::Unit(_)) | None => Vec::new(),
        }
    }

    /// Why nobody can go on with an open item.
    fn work_lacking(&self, item: &Item, unit_is_gone: bool) -> Vec<Cause> {
        let kind = Self::task(&self.definition, item).map(|task| &task.kind);
        if item.kind == ItemKind::Task && matches!(kind, Some(TaskKind::SubCase { .. })) {
            return self.child_lacking(item).into_iter().collect();
        }
        let mut causes = Vec::new();
        let owner = item.owner.as_ref();
        let is_told = unit_is_gone
            && owner.is_some_and(|one| self.env.directory.unit_of(one) == Some(item.unit.clone()));
        if self.is_owner_vacant(item) && !is_told {
            let about = owner.map(ToString::to_string).unwrap_or_default();
            causes.push((Kind::OwnerVacant, about));
        }
        if item.asked.is_some() {
            // Nobody is late until it is answered: it must not wait for nobody.
            let members = &item.review.members;
            if !members.iter().any(|member| self.is_manned(member)) {
                let vacant = members.iter().map(|one| (Kind::ReviewerVacant, one.to_string()));
                causes.extend(vacant);
            }
        }
        causes
    }

    fn child_lacking(&self, item: &Item) -> Option<Cause> {
        let child = item.child.as_ref()?;
        let about = child.case.to_string();
        if child.ended {
            Some((Kind::SubCaseEnded, about))
        } else if child.silent {
            Some((Kind::SubCaseSilent, about))
        } else {
            None
        }
    }

    /// Whether nobody who is there can work on an item that people do.
    pub(super) fn is_owner_vacant(&self, item: &Item) -> bool {
        if !matches!(item.status, Status::Ready | Status::Active) {
            return false;
        }
        let task = Self::task(&self.definition, item);
        if task.is_some_and(|task| item.kind == ItemKind::Task && task.kind != TaskKind::Human) {
            return false;
        }
        let in_person = self.is_in_person(item);
        let presence = self.presence();
        let owns = self.owners_of(item).iter().any(|one| presence.is_there(one, &[], in_person));
        let handles =
            item.handler.as_ref().is_some_and(|one| presence.is_there(one, &[], in_person));
        !owns && !handles
    }

    /// Whether nobody holds the post, or is the person, that an item which people do belongs to.
    /// Whoever is merely away is somebody.
    pub(super) fn is_nobodys(&self, item: &Item) -> bool {
        let task = Self::task(&self.definition, item);
        let is_human = task.is_none_or(|task| task.kind == TaskKind::Human);
        is_human && !item.owner.as_ref().is_some_and(|owner| self.is_held(owner))
    }

    /// Whether somebody who is there can act for an assignee.
    pub(super) fn is_manned(&self, who: &Assignee) -> bool {
        self.presence().can_act(who, &[], false)
    }

    /// Those for whom somebody is there.
    pub(super) fn manned(&self, mut to: Vec<Assignee>) -> Vec<Assignee> {
        to.retain(|one| self.is_manned(one));
        to
    }

    /// Whom a paper reaches; where all are vacant, it is not written, with a line in the log.
    pub(super) fn manned_or_log(
        &mut self,
        key: &ItemKey,
        paper: &str,
        to: Vec<Assignee>,
    ) -> Option<Vec<Assignee>> {
        let manned = self.manned(to.clone());
        if manned.is_empty() && !to.is_empty() {
            self.log_vacant(key, paper, &to);
            return None;
        }
        Some(manned)
    }

    pub(super) fn log_vacant(&mut self, key: &ItemKey, paper: &str, to: &[Assignee]) {
        let names: Vec<String> = to.iter().map(|one| self.env.directory.name_of(one)).collect();
        self.log(key, format!("{}无人在岗，不发{paper}", names.join("、")));
    }

    /// Whether a ladder's rung has nobody to speak to.
    pub(super) fn speaks_to_nobody(&self, key: &ItemKey, side: Side) -> bool {
        match side {
            Side::Work => self.case.item(key).is_some_and(|item| self.is_owner_vacant(item)),
            Side::Review | Side::Answer => {
                self.chase.as_ref().is_none_or(|chase| chase.to.is_empty())
            }
        }
    }

    /// Whether the owner's post of a duty was vacant for so much of its window that nobody can be
    /// judged by it.
    pub(super) fn was_vacant_too_long(&self, item: &Item) -> bool {
        let vacancy = item.attention.iter().find(|one| one.kind == Kind::OwnerVacant);
        let since = vacancy.map(|one| one.since).zip(item.window);
        since.is_some_and(|(since, window)| self.left_of_window(item, window, since).1)
    }

    /// Whoever takes a post that was vacant begins with the time that everybody has.
    fn begin_anew(&mut self, key: &ItemKey, kind: Kind, about: &str, since: Instant) {
        let Some(item) = self.case.item(key).cloned() else { return };
        match kind {
            Kind::OwnerVacant => {
                let is_in_hand = matches!(item.status, Status::Ready | Status::Active);
                // An order may have ended the attention, with nobody there as before.
                if is_in_hand && !self.is_owner_vacant(&item) {
                    self.begin_work(&item, since);
                }
            }
            Kind::ReviewerVacant => {
                let seat: Option<Assignee> = about.parse().ok();
                let is_back =
                    |seat: &Assignee| item.review.pending().contains(&seat) && self.is_manned(seat);
                if let Some(seat) = seat.filter(is_back)
                    && item.status == Status::Submitted
                {
                    self.begin_review(&item, seat);
                } else if item.asked.is_some() {
                    self.ask_anew(key);
                }
            }
            Kind::OwnerReviews
            | Kind::ReviewerWorked
            | Kind::OfficeVacant
            | Kind::ExpressionFailed
            | Kind::ListEmpty
            | Kind::NeedCancelled
            | Kind::NeedMissing
            | Kind::SubCaseEnded
            | Kind::SubCaseSilent
            | Kind::KeyDuplicate
            | Kind::UnitGone
            | Kind::BudgetReached
            | Kind::HeldBack
            | Kind::ItemsCame
            | Kind::ItemsGone => {}
        }
    }

    /// Work goes on on which nobody could be since an instant.
    pub(super) fn begin_work(&mut self, item: &Item, since: Instant) {
        let key = &item.key;
        if item.window.is_some() {
            if item.window_met.is_none() && !item.is_held() {
                let stood = Stood { since, remaining: Remaining::Workdays(0), given: false };
                self.go_on_in_window(key, item, &stood);
            }
            if self.case.item(key).is_some_and(|item| !item.status.is_closed()) {
                self.defer_judgement(key);
            }
        } else {
            self.begin_by_floor(item, Some(since), None);
        }
        self.pass_over(key);
        if let Some(stall_at) = self.silence(item) {
            let schedule = Schedule { stall_at: Some(stall_at), ..Schedule::default() };
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
    }

    fn begin_review(&mut self, item: &Item, member: Assignee) {
        let (due, arming) = self.review_deadline(&item.key, item);
        let date = match (item.review.manner, due) {
            (_, None) => return,
            (Manner::Steps, due) => SignerDate::Turn { due, arming },
            (Manner::All | Manner::Any | Manner::Quorum { .. }, Some(due)) => {
                SignerDate::Own { due, arming }
            }
        };
        self.push(Fact::SeatFilled { item: item.key.clone(), member, date });
    }

    /// A script was cut off for an item: what it would have done is not done.
    pub(super) fn note_cut_off(&mut self, key: &ItemKey, function: &str) {
        if self.env.budget.spent().is_none() || self.probing {
            return;
        }
        let (kind, about) = (Kind::BudgetReached, function.to_owned());
        let is_new = self.case.item(key).is_some_and(|item| {
            !item.attention.iter().any(|one| one.kind == kind && one.about == about)
        });
        if is_new {
            self.push(Fact::AttentionNeeded { item: Some(key.clone()), kind, about });
        }
    }

    /// Notes which of a task's items have a key that its list gave twice.
    pub(super) fn note_twice(
        &mut self,
        task: &TaskDef,
        window: Option<Window>,
        twice: &BTreeSet<ItemKey>,
    ) {
        let kind = Kind::KeyDuplicate;
        let is_noted = |item: &Item| item.attention.iter().any(|one| one.kind == kind);
        let noted: Vec<ItemKey> = self
            .case
            .items_of(task.id.as_str())
            .filter(|item| item.window == window && is_noted(item))
            .map(|item| item.key.clone())
            .collect();
        for item in noted.iter().filter(|key| !twice.contains(*key)) {
            let about = item.to_string();
            self.push(Fact::AttentionEnded { item: Some(item.clone()), kind, about });
        }
        for item in twice.iter().filter(|key| !noted.contains(key)) {
            let about = item.to_string();
            self.push(Fact::AttentionNeeded { item: Some(item.clone()), kind, about });
        }
    }

    /// Counts from now for how long an item has waited for other cases alone.
    pub(super) fn await_other_cases(&mut self, task: &TaskDef, item: &Item) {
        let known = &item.foreign;
        let is_open = |place: u16| {
            ![&item.answered, &known.found, &known.ended].iter().any(|at| at.contains(&place))
        };
        let mut places = (0_u16..).zip(&task.needs);
        let waits = places.any(|(place, need)| need.workflow.is_some() && is_open(place));
        if !waits || known.missing || known.awaited_until.is_some() {
            return;
        }
        if let Some(until) = self.after(self.at, NEED_WITHIN) {
            self.push(Fact::NeedAwaited { item: item.key.clone(), until });
        }
    }

    /// A bound holds the opening of an item's sub-case back, or does so no more.
    pub(super) fn opening_held(&mut self, key: &ItemKey, reason: Option<&String>) {
        let held = self.case.item(key).map(|item| item.held_back.clone());
        if held.is_some_and(|held| held.as_ref() != reason) {
            self.push(Fact::OpeningHeld { item: key.clone(), reason: reason.cloned() });
        }
    }
}
