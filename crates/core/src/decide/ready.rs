//! Readiness: everything that is evaluated once, when an item can be worked on.

use std::sync::Arc;

use duban_calendar::{Instant, WindowKind, end_of};
use duban_model::{Assignee, Hook, PersonId, Reviewer, TaskDef, TaskKind};
use duban_script::{Scene, Value};
use rust_decimal::Decimal;

use super::Turn;
use super::graph::Settle;
use crate::authority::{is_separate, superior};
use crate::command::{Message, Open, OpenRequest};
use crate::event::{Manner, Readiness, ReviewPlan};
use crate::fact::Fact;
use crate::ids::{CaseName, ItemKey};
use crate::item::Item;
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
            TaskKind::SubCase { workflow } => self.open_sub_case(key, &item, workflow),
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
            self.tell_owner_missing(key);
        }
        self.stop_clocks(key);
        self.hook(Hook::Ready, key);
    }

    pub(super) fn tell_owner_missing(&mut self, key: &ItemKey) {
        self.push(Fact::OwnerMissing { item: key.clone() });
        let title = self.title(key);
        self.alarm(Some(key), format!("任务“{title}”找不到承办人，请指派"));
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
        let deadline = match (item.deadline(), &task.due) {
            (None, Some(due)) => self.defined_deadline(due, task.roll, &scene),
            _ => None,
        };
        let due = deadline.as_ref().map(|deadline| deadline.due).or(item.due());
        let definition = Arc::clone(&self.definition);
        let ladder = task.ladder.as_deref().and_then(|name| Self::ladder(&definition, name));
        let arming = ladder.map(|ladder| {
            let scene = Scene { due, ..scene.clone() };
            self.arm(ladder, &scene)
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

    fn first_plan_date(&self, task: &TaskDef) -> Option<(u16, Instant)> {
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

    fn review_plan(
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
        let members = self.separate(owner, members);
        ReviewPlan { manner, members, within }
    }

    /// Reviewers other than the owner: whoever would review their own work is replaced by the
    /// next superior. Where nobody is named, the owner's superior reviews.
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
            let is_vacant = directory.holders(&member).is_empty();
            let fits = Some(&member) != owner && is_separate(directory, &member, &workers);
            let found = if fits && !is_vacant {
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

    fn run_automatic(&mut self, key: &ItemKey, run: &str) {
        self.push(Fact::ItemReady { item: key.clone(), ready: Box::default() });
        self.hook(Hook::Ready, key);
        self.call(run, key, None);
        if self.is_open(key) {
            self.finish_item(key, None);
        }
    }

    fn open_sub_case(&mut self, key: &ItemKey, item: &Item, workflow: &duban_model::WorkflowId) {
        let ready = Readiness::default();
        self.push(Fact::ItemReady { item: key.clone(), ready: Box::new(ready) });
        let head = self.case.head();
        let name = CaseName {
            suite: head.name.suite.clone(),
            workflow: workflow.clone(),
            unit: item.unit.clone(),
            period: head.name.period,
            parent: Some((self.case.id(), key.clone())),
            ordinal: item.attempt,
        };
        let open = Open { name, form: head.form.clone(), carried: Vec::new() };
        let request = OpenRequest { workflow: workflow.clone(), open };
        self.send(Message::Open(Box::new(request)), None);
        self.hook(Hook::Ready, key);
    }

    /// Closes an item as done, and looks at its neighbours.
    pub(super) fn finish_item(&mut self, key: &ItemKey, text: Option<String>) {
        let on_time = self.case.item(key).is_none_or(|item| {
            let judged = item.submitted_at.unwrap_or(self.at);
            item.judged_due().is_none_or(|due| judged <= due)
        });
        self.push(Fact::Accepted { item: key.clone(), text, done: true, on_time });
        self.settled.push_back(Settle::Closed(key.clone()));
        self.score_done(key, on_time);
        self.hook(Hook::Done, key);
    }
}

fn with_owner(scene: &Scene, owner: Option<Assignee>) -> Scene {
    let mut scene = scene.clone();
    if let (Some(item), Some(owner)) = (&mut scene.item, owner) {
        Arc::make_mut(item).owner = Some(owner);
    }
    scene
}
