//! Operators' moves: changed directories, faults.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::Assignee;

use super::Turn;
use crate::command::Actor;
use crate::event::ItemKind;
use crate::fact::Fact;
use crate::item::Item;
use crate::refusal::{Refusal, Why};

impl Turn<'_> {
    pub(super) fn may_operate(&self, act: &'static str) -> Result<(), Refusal> {
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

    pub(super) fn propose_earlier(&mut self, item: &Item, due: Instant) {
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

    /// Looks for the owners of open items that have none, or whose owner nobody is any more, and
    /// at all items for whether somebody can still move on them.
    pub(super) fn apply_directory(&mut self) -> Result<(), Refusal> {
        self.may_operate("apply_directory")?;
        self.looks_at_all = true;
        let orphans: Vec<Arc<Item>> = self
            .case
            .items()
            .filter(|item| item.status.is_open())
            .filter(|item| {
                item.holder.is_none()
                    || item.owner.as_ref().is_some_and(|owner| !self.is_held(owner))
                    || self.has_passed_to_another(item)
                    || matches!(item.owner, Some(Assignee::Person(_))) && self.is_in_person(item)
            })
            .filter(|item| item.kind != ItemKind::Task || self.is_human(item))
            .cloned()
            .collect();
        for item in orphans {
            let is_held = item.owner.as_ref().is_some_and(|owner| self.is_held(owner));
            if self.has_passed_to_another(&item) {
                if let Some(owner) = &item.owner {
                    self.reassign(&item.key, owner, "岗位任职人变动".to_owned());
                    self.begin_with_owner(&item, None);
                }
                continue;
            }
            if item.holder.is_some() && is_held && !self.has_left_post(&item) {
                continue;
            }
            match self.find_owner(&item).filter(|owner| self.is_held(owner)) {
                Some(owner) => {
                    self.reassign(&item.key, &owner, "通讯录更新".to_owned());
                    // Where a clock stands nothing needed attention that would end now.
                    if item.is_held() || item.is_stopped() {
                        self.begin_with_owner(&item, None);
                    }
                }
                None if item.holder.is_some() => self.vacate(&item),
                // That is known.
                None => {}
            }
        }
        Ok(())
    }

    pub(super) fn find_owner(&mut self, item: &Item) -> Option<Assignee> {
        let definition = Arc::clone(&self.definition);
        let owner = Self::task(&definition, item).and_then(|task| task.owner.as_ref());
        let Some(expr) = owner else { return item.owner.clone() };
        let scene = self.scene(Some(&item.key));
        self.program().eval(expr, &scene).ok().and_then(|value| value.to_assignee())
    }

    /// Whether somebody of the directory can act for an assignee.
    pub(super) fn is_held(&self, assignee: &Assignee) -> bool {
        let directory = &self.env.directory;
        directory.holders(assignee).iter().any(|holder| directory.person(holder).is_some())
    }

    /// Notes that nobody holds the owner's post any more.
    fn vacate(&mut self, item: &Item) {
        let Some(to) = item.owner.clone() else { return };
        let (late, from, item) = (self.left_late(item), item.holder.clone(), item.key.clone());
        let (holder, review, reason) = (None, None, "通讯录更新，岗位空缺".to_owned());
        self.push(Fact::Transferred { item: item.clone(), to, holder, review, reason, from, late });
        self.note_owner_missing(&item);
    }

    fn is_human(&self, item: &Item) -> bool {
        Self::task(&self.definition, item)
            .is_some_and(|task| task.kind == duban_model::TaskKind::Human)
    }

    pub(super) fn mark_faulted(&mut self, error: &str) {
        self.push(Fact::Faulted { error: error.to_owned() });
        self.alarm(None, format!("督办事项处理异常，已暂停：{error}"));
    }

    pub(super) fn repair(&mut self, reason: &str) -> Result<(), Refusal> {
        self.may_operate("repair")?;
        let reason = super::reason_of("repair", reason)?;
        if self.case.head().faulted.is_none() {
            let item = self.case.id().to_string();
            return Err(Refusal::NotApplicable {
                act: "repair",
                item,
                why: Why::new("it is not faulted", "事项没有处理异常"),
            });
        }
        self.push(Fact::Repaired { reason });
        Ok(())
    }
}
