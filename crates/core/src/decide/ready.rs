//! Readiness: everything that is evaluated once, when an item can be worked on.

use std::sync::Arc;

use duban_calendar::{Instant, WindowKind, end_of};
use duban_model::{Assignee, Hook, PersonId, Reviewer, ScoreOn, TaskDef, TaskKind};
use duban_script::{Scene, Value};
use rust_decimal::Decimal;

use super::Turn;
use super::graph::Settle;
use super::signers::Closing;
use crate::authority::{is_separate, superior};
use crate::event::{Manner, People, Readiness, ReviewPlan, Side};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::moment::just_after;

impl Turn<'_> {
    /// Makes an item ready: for people, for a script, or by opening another case.
    pub(super) fn make_ready(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let Some(task) = Self::task(&definition, &item) else { return };
        match &task.kind {
            TaskKind::Human => self.ready_for_people(key, &item, task),
            TaskKind::Automatic { run } => self.run_automatic(key, run),
            TaskKind::SubCase { workflow } => self.ready_sub_case(key, workflow),
        }
    }

    fn ready_for_people(&mut self, key: &ItemKey, item: &Item, task: &TaskDef) {
        let scene = self.scene(Some(key));
        let owner = task.owner.as_ref().and_then(|expr| self.read_assignee("owner", expr, &scene));
        let ready = self.readiness(item, task, owner, &scene);
        drop(scene);
        let missing = ready.holder.is_none();
        self.push(Fact::ItemReady { item: key.clone(), ready: Box::new(ready) });
        if missing {
            self.note_owner_missing(key);
        }
        self.hold_from_the_start(key);
        self.stop_clocks(key);
        self.hook(Hook::Ready, key);
    }

    /// Who answers for an item that is opened again: owner and reviewers are evaluated anew. An
    /// owner who cannot be found leaves the one before; `None`: people do not do it.
    pub(super) fn people_anew(&mut self, key: &ItemKey) -> Option<Box<People>> {
        let item = self.case.item(key).cloned()?;
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &item)?;
        if task.kind != TaskKind::Human {
            return None;
        }
        let failures = self.failures;
        let scene = self.scene(Some(key));
        let owner = task.owner.as_ref().and_then(|expr| self.read_assignee("owner", expr, &scene));
        let owner = owner.or(item.owner.clone());
        let scene = with_owner(&scene, owner.clone());
        let review = self.review_plan(task, owner.as_ref(), &scene);
        drop(scene);
        if self.failures == failures {
            self.mend(&item, &["owner", "reviewer", "review_within"]);
        }
        let holder =
            owner.as_ref().and_then(|owner| self.env.directory.holders(owner).first().cloned());
        Some(Box::new(People { owner, holder, review }))
    }

    /// Nobody holds the owner's post. Who is told of it is told once a day, beside the cases.
    pub(super) fn note_owner_missing(&mut self, key: &ItemKey) {
        self.push(Fact::OwnerMissing { item: key.clone() });
    }

    /// Everything that readiness fixes for people's work.
    fn readiness(
        &mut self,
        item: &Item,
        task: &TaskDef,
        owner: Option<Assignee>,
        scene: &Scene,
    ) -> Readiness {
        let holder =
            owner.as_ref().and_then(|owner| self.env.directory.holders(owner).first().cloned());
        // The reviewer, the dates and the ladder may all speak of the owner.
        let scene = with_owner(scene, owner.clone());
        let review = self.review_plan(task, owner.as_ref(), &scene);
        let start_by =
            task.start_by.as_ref().and_then(|expr| self.read_instant("start_by", expr, &scene));
        // What fell into another's turn is passed over.
        let start_by = start_by.filter(|at| *at > self.at);
        let deadline = self.deadline_at_readiness(item, task, &scene);
        let due = deadline.as_ref().map(|deadline| deadline.due).or(item.due());
        let definition = Arc::clone(&self.definition);
        let ladder = task.ladder.as_deref().and_then(|name| Self::ladder(&definition, name));
        let arming = ladder.map(|ladder| {
            let scene = Scene { due, ..scene.clone() };
            self.arm(Side::Work, ladder, &scene)
        });
        let stall = task.stall.as_ref().and_then(|expr| self.read_span("stall", expr, &scene));
        let silent = stall.filter(|_| task.report.is_none());
        Readiness {
            unit: owner.as_ref().and_then(|owner| self.shown_under(item, owner)),
            owner,
            holder,
            review,
            start_by,
            deadline,
            arming,
            stall,
            stall_at: silent.and_then(|span| self.after(self.at, span)),
            report_at: task.report.map(|kind| self.first_report(kind)),
            plan: self.first_plan_date(task),
            target: self.target(task, &scene),
        }
    }

    /// An item whose axes name a unit is shown under that one, any other under its owner's where
    /// that lies below the case's.
    fn shown_under(&self, item: &Item, owner: &Assignee) -> Option<duban_model::UnitId> {
        let unit = self.env.directory.unit_of(owner)?;
        let has_unit = item.axes.values().any(|value| matches!(value, Value::Unit(_)));
        let below = self.env.directory.is_within(&unit, &self.case.head().name.unit);
        (!has_unit && below).then_some(unit)
    }

    /// The end of the first window that begins no earlier than the day of readiness.
    fn first_report(&self, kind: WindowKind) -> Instant {
        let today = self.today();
        let window = kind.containing(today);
        let first = if window.start < today { window.next() } else { window };
        end_of(first.end, self.tz())
    }

    pub(super) fn first_plan_date(&self, task: &TaskDef) -> Option<(u16, Instant)> {
        let ends = task.plan.iter().map(|(date, _)| just_after(end_of(*date, self.tz())));
        (0_u16..).zip(ends).find(|(_, at)| *at > self.at)
    }

    fn target(&mut self, task: &TaskDef, scene: &Scene) -> Option<Decimal> {
        let expr = task.indicator.as_ref()?.target.as_ref()?;
        if self.program().reads(expr).later {
            return None;
        }
        self.read("target", expr, scene, "数字", Value::to_decimal)
    }

    pub(super) fn review_plan(
        &mut self,
        task: &TaskDef,
        owner: Option<&Assignee>,
        scene: &Scene,
    ) -> ReviewPlan {
        let (manner, exprs) = match &task.reviewer {
            Reviewer::None => return ReviewPlan::default(),
            Reviewer::Superior => (Manner::All, [].as_slice()),
            Reviewer::One(expr) => (Manner::All, std::slice::from_ref(expr)),
            Reviewer::All(exprs) => (Manner::All, exprs.as_slice()),
            Reviewer::Any(exprs) => (Manner::Any, exprs.as_slice()),
            Reviewer::Steps(exprs) => (Manner::Steps, exprs.as_slice()),
            Reviewer::Quorum { of, at_least, refusals } => {
                (Manner::Quorum { at_least: *at_least, refusals: *refusals }, of.as_slice())
            }
        };
        let mut members = Vec::new();
        for expr in exprs {
            let found = self.read("reviewer", expr, scene, "单位、岗位或人员", Value::to_assignees);
            for member in found.unwrap_or_default() {
                if !members.contains(&member) {
                    members.push(member);
                }
            }
        }
        let within = task
            .review_within
            .as_ref()
            .and_then(|expr| self.read_span("review_within", expr, scene));
        // A quorum's seats stay as they are named: one that is vacant, or the owner's own, is
        // neither filled from above nor counted less.
        if manner.quorum().is_none() || members.is_empty() {
            members = self.separate(owner, members);
        }
        ReviewPlan { manner, members, within }
    }

    /// Reviewers other than the owner: whoever would review their own work is replaced by the
    /// next superior. Where nobody is named, the owner's superior reviews. A vacant post stays on
    /// the list: nobody above signs in its place.
    pub(super) fn separate(
        &self,
        owner: Option<&Assignee>,
        members: Vec<Assignee>,
    ) -> Vec<Assignee> {
        let directory = &self.env.directory;
        let workers: Vec<PersonId> =
            owner.map(|owner| directory.holders(owner)).into_iter().flatten().take(1).collect();
        let mut kept: Vec<Assignee> = Vec::new();
        for member in members {
            let fits = Some(&member) != owner && is_separate(directory, &member, &workers);
            let found = if fits {
                Some(member)
            } else {
                superior(directory, &member, &workers).or_else(|| self.last_resort(&workers))
            };
            kept.extend(found.filter(|found| !kept.contains(found)));
        }
        if kept.is_empty() {
            let above = owner.and_then(|owner| superior(directory, owner, &workers));
            kept.extend(above.or_else(|| self.last_resort(&workers)));
        }
        kept
    }

    /// Who answers where no superior does: the administrator, then the supervision office.
    fn last_resort(&self, avoid: &[PersonId]) -> Option<Assignee> {
        let head = self.case.head();
        [head.administrator.clone(), head.supervision.clone()]
            .into_iter()
            .flatten()
            .find(|assignee| is_separate(&self.env.directory, assignee, avoid))
    }

    /// What becomes ready while the case is suspended runs once it goes on.
    fn run_automatic(&mut self, key: &ItemKey, run: &str) {
        self.push(Fact::ItemReady { item: key.clone(), ready: Box::default() });
        self.hold_from_the_start(key);
        self.hook(Hook::Ready, key);
        if self.case.item(key).is_some_and(|item| !item.is_held()) {
            self.run(key, run);
        }
    }

    /// An automatic task's clock goes on: it runs.
    pub(super) fn run_if_automatic(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).filter(|item| item.status == Status::Ready) else {
            return;
        };
        let definition = Arc::clone(&self.definition);
        let kind = Self::task(&definition, item).map(|task| &task.kind);
        if let Some(TaskKind::Automatic { run }) = kind {
            self.run(key, run);
        }
    }

    fn run(&mut self, key: &ItemKey, run: &str) {
        self.call(run, key, None);
        if self.is_open(key) {
            self.finish_item(key, Closing::default());
        }
    }

    /// Closes an item as done, and looks at its neighbours.
    pub(super) fn finish_item(&mut self, key: &ItemKey, closing: Closing) {
        let on_time = self.case.item(key).is_none_or(|item| {
            let judged = item.judged_submission().unwrap_or(self.at);
            item.judged_due().is_none_or(|due| judged <= due)
        });
        let before = self.case.item(key).cloned();
        // One lateness is one lateness: looked back at, it is not scored once more.
        let is_known = !on_time && self.case.item(key).is_some_and(|item| item.was_done_late());
        let Closing { text, seats, taken_off } = closing;
        let item = key.clone();
        self.push(Fact::Accepted { item, text, done: true, on_time, seats, taken_off });
        self.settled.push_back(Settle::Closed(key.clone()));
        if is_known {
            // Said and scored before.
        } else if let Some(late) =
            before.filter(|_| !on_time).and_then(|item| self.late_submitter(&item))
        {
            self.score_unit(ScoreOn::DoneLate, key, late);
        } else {
            self.score_done(key, on_time);
        }
        self.hook(Hook::Done, key);
    }
}

pub(super) fn with_owner(scene: &Scene, owner: Option<Assignee>) -> Scene {
    let mut scene = scene.clone();
    if let (Some(item), Some(owner)) = (&mut scene.item, owner) {
        Arc::make_mut(item).owner = Some(owner);
    }
    scene
}
