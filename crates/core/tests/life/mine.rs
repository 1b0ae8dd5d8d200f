//! What a watcher knows of one item, from the events alone.

use std::collections::BTreeSet;

use duban_calendar::{Instant, Window};
use duban_core::{
    Actor, AttentionKind, DueReason, Event, Fact, HoldCause, ItemKind, Manner, NewItem, Readiness,
    ReviewPlan, Status,
};
use duban_model::{Assignee, PersonId};

/// One item as the events tell it.
#[derive(Clone, Debug)]
pub(crate) struct Mine {
    pub(crate) task: String,
    pub(crate) is_task: bool,
    pub(crate) window: Option<Window>,
    pub(crate) status: Status,
    /// Causes for which its clock stands.
    pub(crate) stops: Vec<HoldCause>,
    pub(crate) due: Option<Instant>,
    /// How often it has become its owner's.
    pub(crate) begun: u32,
    /// When somebody took the owner's vacant post.
    pub(crate) taken_over: Option<Instant>,
    /// Nobody holds the owner's post.
    pub(crate) vacant: bool,
    /// Who held the post when it was last given to somebody, and before that.
    pub(crate) holders: [Option<PersonId>; 2],
    /// Somebody who had not been late has it since its lateness was said.
    pub(crate) is_anothers: bool,
    /// Its lateness was said when nobody was there to be late.
    pub(crate) late_of_nobody: bool,
    /// Its lateness was said and nobody has given a later date since.
    pub(crate) late_said: bool,
    /// It was late once, or had a date after another had passed.
    pub(crate) was_late: bool,
    /// When an extension was asked for that is not answered.
    pub(crate) asked: Option<Instant>,
    pub(crate) manner: Manner,
    pub(crate) members: Vec<Assignee>,
    pub(crate) agreed: BTreeSet<Assignee>,
    pub(crate) workers: BTreeSet<PersonId>,
    /// The date that was in force when it was last submitted, and when that was by its clock.
    pub(crate) submitted: Option<(Option<Instant>, Instant)>,
    /// Since when its clock stands, and the date that was in force then; `None` once somebody
    /// has given another, or it was not its owner's.
    pub(crate) stood: Option<(Instant, Instant)>,
    /// The same of a standing that has just ended.
    pub(crate) has_stood: Option<(Instant, Instant)>,
    pub(crate) stood_since: Option<Instant>,
    /// When its clock went on.
    pub(crate) went_on: Option<Instant>,
    pub(crate) judged: bool,
    pub(crate) stalled_at: Option<Instant>,
    pub(crate) judge_again: bool,
    /// Its owner took it back when its date had passed: it is late as soon as its clock runs.
    pub(crate) taken_back_late: bool,
    /// Words of the rungs that have spoken since a person last gave it a date.
    pub(crate) said: BTreeSet<String>,
}

impl Mine {
    fn new(task: String, is_task: bool) -> Self {
        Self {
            task,
            is_task,
            window: None,
            status: Status::Waiting,
            stops: Vec::new(),
            due: None,
            begun: 0,
            taken_over: None,
            vacant: false,
            holders: [None, None],
            is_anothers: false,
            late_of_nobody: false,
            late_said: false,
            was_late: false,
            asked: None,
            manner: Manner::All,
            members: Vec::new(),
            agreed: BTreeSet::new(),
            workers: BTreeSet::new(),
            submitted: None,
            stood: None,
            has_stood: None,
            stood_since: None,
            went_on: None,
            judged: false,
            stalled_at: None,
            judge_again: false,
            taken_back_late: false,
            said: BTreeSet::new(),
        }
    }

    pub(crate) fn added(task: &str, new: &NewItem) -> Self {
        let due = new.deadline.as_ref().map(|deadline| deadline.due);
        Self { window: new.window, due, ..Self::new(task.to_owned(), true) }
    }

    pub(crate) fn opened(kind: &ItemKind, ready: &Readiness) -> Self {
        let mut mine = Self::new(String::new(), *kind == ItemKind::Task);
        mine.ready(ready);
        mine
    }

    /// Whether it is its owner's, and time counts.
    pub(crate) fn is_owners(&self) -> bool {
        matches!(self.status, Status::Ready | Status::Active) && self.stops.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.status, Status::Done | Status::Skipped | Status::Cancelled)
    }

    fn plan(&mut self, plan: &ReviewPlan) {
        self.manner = plan.manner;
        self.members.clone_from(&plan.members);
    }

    fn ready(&mut self, ready: &Readiness) {
        self.status = Status::Ready;
        self.begun += 1;
        self.plan(&ready.review);
        self.given_to(ready.holder.as_ref());
        self.agreed.clear();
        self.said.clear();
        if let Some(deadline) = &ready.deadline {
            self.due = Some(deadline.due);
            self.late_said = false;
        }
        self.stood = None;
    }

    fn given_to(&mut self, holder: Option<&PersonId>) {
        self.holders.swap(0, 1);
        self.holders[0] = holder.cloned();
    }

    fn worked(&mut self, actor: &Actor) {
        if let Actor::Person { person, on_behalf_of } = actor {
            self.workers
                .extend([Some(person), on_behalf_of.as_ref()].into_iter().flatten().cloned());
        }
        if self.status == Status::Ready {
            self.status = Status::Active;
        }
    }

    fn close(&mut self, status: Status) {
        self.status = status;
        self.stops.clear();
        (self.stood, self.stood_since, self.asked) = (None, None, None);
        self.agreed.clear();
    }

    fn again(&mut self, status: Status) {
        self.status = status;
        self.begun += 1;
        self.agreed.clear();
        self.workers.clear();
        self.asked = None;
        self.stood = None;
    }

    /// Takes in what happened to it.
    pub(crate) fn hear(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::ItemReady { ready, .. } => self.ready(ready),
            Fact::ItemSkipped { .. } => self.close(Status::Skipped),
            Fact::ItemCancelled { .. } => self.close(Status::Cancelled),
            Fact::ItemCarried { .. } => self.close(Status::Done),
            Fact::Signed { .. } | Fact::Reported { .. } => self.worked(&event.actor),
            Fact::Submitted { .. } => {
                self.worked(&event.actor);
                self.status = Status::Submitted;
                self.agreed.clear();
                self.submitted = Some((self.due, self.stood_since.unwrap_or(at)));
                self.stood = None;
            }
            Fact::Withdrawn { .. } => {
                self.status = Status::Active;
                self.taken_back_late = self.due.is_some_and(|due| due < at);
                self.agreed.clear();
            }
            Fact::Countersigned { member, also, .. } => {
                self.agreed.extend(std::iter::once(member).chain(also).cloned());
            }
            Fact::Accepted { done: true, .. } => self.close(Status::Done),
            Fact::Accepted { done: false, .. } => {
                self.status = Status::Active;
                self.agreed.clear();
            }
            Fact::Returned { .. } => self.again(Status::Active),
            Fact::Reopened { people, .. } => {
                self.again(Status::Active);
                if let Some(people) = people {
                    self.plan(&people.review);
                }
            }
            Fact::Superseded { .. } => {
                self.close(Status::Waiting);
                self.workers.clear();
            }
            Fact::ExtensionAsked { .. } => self.asked = Some(at),
            Fact::ExtensionRefused { .. } | Fact::ExtensionLapsed { .. } => self.asked = None,
            Fact::DeadlineSet { .. } => self.dated(event),
            Fact::Transferred { review, holder, .. } | Fact::HandedOver { review, holder, .. } => {
                self.given_to(holder.as_ref());
                if let Some(plan) = review {
                    self.plan(plan);
                }
            }
            Fact::ReviewPlanned { review, .. } => self.plan(review),
            Fact::ReviewersChanged { members, added, removed, .. } => {
                self.members.clone_from(members);
                self.agreed
                    .retain(|seat| Some(seat) != added.as_ref() && Some(seat) != removed.as_ref());
            }
            Fact::Held { cause, remaining: Some(_), .. } => self.stand(cause, at),
            Fact::Released { cause, .. } => self.go_on(cause.as_ref(), at),
            Fact::Stalled { .. } => self.stalled_at = Some(at),
            Fact::Overdue { .. } => {
                (self.late_said, self.was_late) = (true, true);
                (self.is_anothers, self.late_of_nobody) = (false, self.vacant);
            }
            Fact::WindowJudged { .. } => (self.judged, self.judge_again) = (true, false),
            Fact::LatenessWithdrawn { late: duban_core::Late::Work, .. } => self.was_none(),
            Fact::AttentionNeeded { kind: AttentionKind::OwnerVacant, .. } => self.vacant = true,
            Fact::AttentionEnded { kind: AttentionKind::OwnerVacant, .. } => {
                self.vacant = false;
                self.taken_over = Some(at);
            }
            Fact::JudgementDeferred { .. } => self.judge_again = self.judged,
            // What changes nothing that a watcher looks at.
            _ => {}
        }
    }

    /// What was said of a date that was none is said again of the one that is.
    fn was_none(&mut self) {
        (self.late_said, self.judged) = (false, false);
        self.said.retain(|word| !word.starts_with("late"));
    }

    fn stand(&mut self, cause: &HoldCause, at: Instant) {
        if self.stops.is_empty() {
            self.stood_since = Some(at);
            self.stood = self.due.filter(|_| self.is_owners()).map(|due| (at, due));
        }
        self.stops.push(cause.clone());
    }

    fn go_on(&mut self, cause: Option<&HoldCause>, at: Instant) {
        let stood = !self.stops.is_empty();
        self.stops.retain(|one| cause.is_some_and(|cause| cause != one));
        self.has_stood = None;
        if stood && self.stops.is_empty() {
            self.has_stood = self.stood.take();
            self.stood_since = None;
            self.went_on = Some(at);
        }
    }

    fn dated(&mut self, event: &Event) {
        let Fact::DeadlineSet { deadline, .. } = &event.fact else { return };
        self.taken_back_late = false;
        self.was_late |= self.due.is_some_and(|due| due < event.at);
        let is_person = matches!(event.actor, Actor::Person { .. });
        if !deadline.carries {
            self.said.clear();
            self.stood = None;
        }
        // A year's calendar shows that it was not late after all.
        if deadline.why == DueReason::Calendar && deadline.due > event.at {
            self.late_said = false;
        }
        // Whoever takes over begins anew where nobody was there to be late, and is judged by their
        // own time where they were not there then.
        let begins = deadline.why == DueReason::AtLeast;
        if begins && !deadline.carries && self.late_of_nobody {
            self.late_said = false;
        }
        let is_new = self.taken_over == Some(event.at) || self.holders[0] != self.holders[1];
        if begins && deadline.carries && deadline.in_time && is_new {
            self.is_anothers = true;
            // The ladder speaks to whoever has it now, from its first rung.
            self.said.clear();
        }
        if is_person && !begins && !deadline.carries && Some(deadline.due) > self.due {
            self.late_said = false;
        }
        if matches!(deadline.why, DueReason::Extension(_)) {
            self.asked = None;
        }
        self.due = Some(deadline.due);
    }
}
