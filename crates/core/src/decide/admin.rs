//! Operators' moves: other definitions, newly loaded calendars, changed directories, faults.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_calendar::{Instant, Span};
use duban_model::{Assignee, TaskId};
use duban_script::{Scene, Value};

use super::Turn;
use super::deadline::NewDeadline;
use super::graph::Settle;
use crate::command::Actor;
use crate::event::{DueReason, ItemKind};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::Item;
use crate::refusal::Refusal;

impl Turn<'_> {
    fn may_operate(&self, act: &'static str) -> Result<(), Refusal> {
        match &self.actor {
            Actor::Operator { .. } | Actor::Engine => Ok(()),
            Actor::Person { .. } => self.may_supervise(act, self.case.id().as_str()),
            Actor::Case { .. } => Err(Refusal::NotAllowed {
                act,
                item: self.case.id().to_string(),
                allowed: Vec::new(),
            }),
        }
    }

    /// Runs on another definition; on its own, nothing happens. Open due dates keep their instants and their rungs; tasks that
    /// are gone are cancelled, new ones begin.
    pub(super) fn migrate(&mut self) -> Result<(), Refusal> {
        self.may_operate("migrate")?;
        let definition = Arc::clone(&self.definition);
        if self.case.head().definition == definition.hash {
            return Ok(());
        }
        self.push(Fact::Migrated {
            definition: definition.hash.clone(),
            title: definition.workflow.title.clone(),
        });
        let known: BTreeSet<&TaskId> =
            definition.workflow.tasks.iter().map(|task| &task.id).collect();
        let gone: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| item.kind == ItemKind::Task && !item.status.is_closed())
            .filter(|item| !known.contains(&item.task))
            .map(|item| item.key.clone())
            .collect();
        for item in gone {
            let reason = "新版措施中已无此任务".to_owned();
            self.push(Fact::ItemCancelled { item: item.clone(), reason });
            self.settled.push_back(Settle::Closed(item));
        }
        let stale: Vec<TaskId> =
            self.case.head().windows.keys().filter(|task| !known.contains(task)).cloned().collect();
        for task in stale {
            self.push(Fact::WindowsPlanned { task, next: None });
        }
        for position in 0..definition.workflow.tasks.len() {
            let task = &definition.workflow.tasks[position];
            if !self.case.head().expanded.contains(&task.id) {
                self.begin_task(position);
            }
        }
        Ok(())
    }

    /// Projects provisional due dates anew. None moves to an earlier day without consent.
    pub(super) fn apply_calendar(&mut self) -> Result<(), Refusal> {
        self.may_operate("apply_calendar")?;
        let provisional: Vec<Arc<Item>> = self
            .case
            .items()
            .filter(|item| !item.status.is_closed())
            .filter(|item| item.deadline().is_some_and(|deadline| deadline.provisional))
            .cloned()
            .collect();
        for item in provisional {
            self.project_anew(&item);
        }
        Ok(())
    }

    fn project_anew(&mut self, item: &Arc<Item>) {
        let definition = Arc::clone(&self.definition);
        let Some(task) = Self::task(&definition, item) else { return };
        if item.window.is_some() {
            self.judge_later(item, task.grace.as_ref());
            return;
        }
        let Some(due) = &task.due else { return };
        let is_defined = item.deadline().is_some_and(|deadline| {
            matches!(deadline.why, DueReason::Definition(_) | DueReason::Calendar)
        });
        if !is_defined {
            return;
        }
        let fixed_at = item.ready_at.unwrap_or(self.case.head().opened_at);
        let scene = Scene { now: fixed_at, moment: fixed_at, ..self.scene(Some(&item.key)) };
        let Some(projected) = self.defined_deadline(due, task.roll, &scene) else { return };
        let (old, new) = (item.due().unwrap_or(projected.due), projected.due);
        if new < old {
            self.propose_earlier(item, new);
        } else {
            let why = DueReason::Calendar;
            let provisional = self.is_provisional(fixed_at, new);
            self.set_deadline(
                &item.key,
                NewDeadline { due: new, why, by: None, in_time: true, provisional },
            );
        }
    }

    fn propose_earlier(&mut self, item: &Item, due: Instant) {
        if item.earlier_due == Some(due) {
            return;
        }
        self.push(Fact::EarlierDueProposed { item: item.key.clone(), due });
        let text = format!(
            "按新公布的工作日历，“{}”的期限应提前到{}，须督查机构同意后生效。",
            self.title(&item.key),
            self.date(due)
        );
        self.alarm(Some(&item.key), text);
    }

    /// A duty's window may be judged later than was thought, never earlier.
    fn judge_later(&mut self, item: &Item, grace: Option<&duban_model::Expr>) {
        let (Some(window), Some(deadline), Some(grace)) = (item.window, item.deadline(), grace)
        else {
            return;
        };
        let scene = self.scene(Some(&item.key));
        let grace = self.read("grace", grace, &scene, "时长", |value| match value {
            Value::Span(span) => Some(*span),
            _ => None,
        });
        let due = self.window_end(&window);
        let judged_at = self.after(due, grace.unwrap_or(Span::Days(0))).unwrap_or(due);
        let judged_at = item.judged_at.map_or(judged_at, |old| old.max(judged_at));
        let mut deadline = deadline.clone();
        deadline.version += 1;
        deadline.why = DueReason::Calendar;
        deadline.provisional = self.is_provisional(due, judged_at);
        deadline.red_at = judged_at;
        let arming = item.armed.as_ref().map(|armed| crate::event::Arming {
            ladder: armed.ladder.clone(),
            rungs: armed
                .rungs
                .iter()
                .filter(|rung| rung.every.is_none() && rung.behind.is_none())
                .map(|rung| (rung.rung, rung.at))
                .collect(),
            repeats: armed
                .rungs
                .iter()
                .filter_map(|rung| Some((rung.rung, rung.at, rung.every?)))
                .collect(),
            collapsed: Vec::new(),
        });
        self.push(Fact::DeadlineSet {
            item: item.key.clone(),
            deadline,
            arming,
            judged_at: Some(judged_at),
        });
    }

    /// Looks for the owners of open items that have none, or whose owner nobody is any more.
    pub(super) fn apply_directory(&mut self) -> Result<(), Refusal> {
        self.may_operate("apply_directory")?;
        let orphans: Vec<Arc<Item>> = self
            .case
            .items()
            .filter(|item| item.status.is_open())
            .filter(|item| {
                item.holder.is_none()
                    || item.owner.as_ref().is_some_and(|owner| !self.is_held(owner))
            })
            .filter(|item| item.kind != ItemKind::Task || self.is_human(item))
            .cloned()
            .collect();
        for item in orphans {
            match self.find_owner(&item).filter(|owner| self.is_held(owner)) {
                Some(owner) => self.reassign(&item.key, &owner, "通讯录更新".to_owned()),
                None if item.holder.is_some() => self.vacate(&item),
                // The administrator knows.
                None => {}
            }
        }
        Ok(())
    }

    fn find_owner(&mut self, item: &Item) -> Option<Assignee> {
        let definition = Arc::clone(&self.definition);
        let owner = Self::task(&definition, item).and_then(|task| task.owner.as_ref());
        let Some(expr) = owner else { return item.owner.clone() };
        let scene = self.scene(Some(&item.key));
        self.program().eval(expr, &scene).ok().and_then(|value| value.to_assignee())
    }

    /// Whether somebody of the directory can act for an assignee.
    fn is_held(&self, assignee: &Assignee) -> bool {
        let directory = &self.env.directory;
        directory.holders(assignee).iter().any(|holder| directory.person(holder).is_some())
    }

    /// Notes that nobody holds the owner's post any more, and tells the administrator once.
    fn vacate(&mut self, item: &Item) {
        let Some(to) = item.owner.clone() else { return };
        let (item, holder, review) = (item.key.clone(), None, None);
        let reason = "通讯录更新，岗位空缺".to_owned();
        self.push(Fact::Transferred { item: item.clone(), to, holder, review, reason });
        self.tell_owner_missing(&item);
    }

    fn is_human(&self, item: &Item) -> bool {
        Self::task(&self.definition, item)
            .is_some_and(|task| task.kind == duban_model::TaskKind::Human)
    }

    pub(super) fn mark_faulted(&mut self, error: &str) -> Result<(), Refusal> {
        self.may_operate("mark_faulted")?;
        self.push(Fact::Faulted { error: error.to_owned() });
        self.alarm(None, format!("督办事项处理异常，已暂停：{error}"));
        Ok(())
    }

    pub(super) fn repair(&mut self, reason: &str) -> Result<(), Refusal> {
        self.may_operate("repair")?;
        let reason = super::reason_of("repair", reason)?;
        if self.case.head().faulted.is_none() {
            let item = self.case.id().to_string();
            return Err(Refusal::NotApplicable { act: "repair", item, why: "it is not faulted" });
        }
        self.push(Fact::Repaired { reason });
        Ok(())
    }
}
