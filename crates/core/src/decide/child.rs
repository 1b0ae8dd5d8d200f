//! Sub-cases: opened by an item, ended with it, and what parent and child tell each other.

use std::sync::Arc;

use duban_calendar::Span;
use duban_model::{Hook, TaskKind, WorkflowId};

use super::Turn;
use super::signers::Closing;
use crate::case::{CaseStatus, ParentItem};
use crate::command::{AnswerSays, Message, Open, OpenRequest, ParentSays};
use crate::duties;
use crate::event::Readiness;
use crate::fact::Fact;
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::{Item, Status};
use crate::moment::just_after;
use crate::refusal::{Refusal, Why};

/// How long an earlier sub-case may take to answer that it has ended.
const ANSWER_WITHIN: Span = Span::Workdays(1);

impl Turn<'_> {
    /// A sub-case's item is ready. Its case opens, once an earlier one has ended.
    pub(super) fn ready_sub_case(&mut self, key: &ItemKey, workflow: &WorkflowId) {
        let definition = Arc::clone(&self.definition);
        let item = self.case.item(key).cloned();
        // Whoever owes what is in it begins now.
        let deadline = item.as_deref().and_then(|item| {
            let task = Self::task(&definition, item)?;
            let scene = self.scene(Some(key));
            self.deadline_at_readiness(item, task, &scene)
        });
        let ready = Readiness { deadline, ..Readiness::default() };
        self.push(Fact::ItemReady { item: key.clone(), ready: Box::new(ready) });
        self.hold_from_the_start(key);
        let waits = |item: &Arc<Item>| item.child.as_ref().is_some_and(|child| !child.ended);
        if !self.case.item(key).is_some_and(waits) {
            self.open_child(key, workflow);
        }
        self.hook(Hook::Ready, key);
    }

    fn open_child(&mut self, key: &ItemKey, workflow: &WorkflowId) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let name = self.child_name(&item, workflow);
        let child = name.id();
        self.push(Fact::SubCaseOpened { item: key.clone(), child });
        let form = self.case.head().form.clone();
        let open = Open { suspended: self.why_held(&item), ..Open::new(name, form) };
        let request = OpenRequest::new(workflow.clone(), open);
        self.send(Message::Open(Box::new(request)), None);
    }

    fn child_name(&self, item: &Item, workflow: &WorkflowId) -> CaseName {
        let head = self.case.head();
        CaseName {
            suite: head.name.suite.clone(),
            workflow: workflow.clone(),
            unit: item.unit.clone(),
            period: head.name.period,
            parent: Some((self.case.id(), item.key.clone())),
            ordinal: item.attempt,
        }
    }

    /// The sub-case that an item now has. Logs of older versions do not name it, but what it was
    /// called follows from the item.
    fn child_of(&self, item: &Item) -> Option<CaseId> {
        if let Some(child) = &item.child {
            return (!child.ended).then(|| child.case.clone());
        }
        let kind = Self::task(&self.definition, item).map(|task| &task.kind);
        let Some(TaskKind::SubCase { workflow }) = kind else { return None };
        self.child_from(item, workflow)
    }

    fn child_from(&self, item: &Item, workflow: &WorkflowId) -> Option<CaseId> {
        item.ready_at.map(|_| self.child_name(item, workflow).id())
    }

    /// An item has ended before it was done; `item` is as it was. Its sub-case ends too, unless it
    /// is to be kept.
    pub(super) fn end_child(&mut self, item: &Item, reason: &str) {
        let keeps = Self::task(&self.definition, item).is_some_and(|task| task.keeps_case);
        let child = self.child_of(item);
        self.part_from_child(item, child, (keeps, false), reason);
    }

    /// The same for an item whose task the definition does not have any more.
    pub(super) fn end_child_of_gone(&mut self, item: &Item, workflow: &WorkflowId, keeps: bool) {
        let child = match &item.child {
            Some(_) => self.child_of(item),
            None => self.child_from(item, workflow),
        };
        self.part_from_child(item, child, (keeps, false), "新版措施中已无此任务");
    }

    /// What an item rested on was opened again: its sub-case ends, and the next one opens on its
    /// answer.
    pub(super) fn replace_child(&mut self, item: &Item, reason: &str) {
        let keeps = Self::task(&self.definition, item).is_some_and(|task| task.keeps_case);
        let child = self.child_of(item);
        self.part_from_child(item, child, (keeps, true), reason);
    }

    fn part_from_child(
        &mut self,
        item: &Item,
        child: Option<CaseId>,
        (keeps, replace): (bool, bool),
        reason: &str,
    ) {
        let asked_already = item.child.as_ref().is_some_and(|child| child.asked_at.is_some());
        let Some(child) = child.filter(|_| !asked_already) else { return };
        let answer_by = if replace && !keeps {
            self.after(self.at, ANSWER_WITHIN).map(just_after)
        } else {
            None
        };
        let key = item.key.clone();
        self.push(Fact::SubCaseLeft { item: key.clone(), child: child.clone(), keeps, answer_by });
        let says =
            if keeps { ParentSays::GoOn } else { ParentSays::End { reason: reason.to_owned() } };
        self.tell_child(child, &key, says);
    }

    /// A done item is worked on again: in its sub-case, work may be opened again too.
    pub(super) fn reopen_child(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if let Some(child) = self.child_of(&item) {
            self.tell_child(child, key, ParentSays::Reopened);
        }
    }

    /// Tells the sub-case that an item has, if it is one that the item waits for.
    pub(super) fn tell_child_of(&mut self, item: &Item, says: ParentSays) {
        let waits = item.child.as_ref().is_some_and(|child| child.asked_at.is_none());
        if let (true, Some(child)) = (waits, self.child_of(item)) {
            self.tell_child(child, &item.key, says);
        }
    }

    pub(super) fn tell_child(&mut self, to: CaseId, item: &ItemKey, says: ParentSays) {
        let number = self.case.head().messages + 1;
        self.send(Message::ToChild { to, item: item.clone(), number, says }, None);
    }

    /// The earlier sub-case has not answered.
    pub(super) fn child_silent(&mut self, key: &ItemKey) {
        self.push(Fact::SubCaseSilent { item: key.clone() });
    }

    /// A sub-case has closed: the item is done, if that is the sub-case that it now has.
    pub(super) fn child_closed(&mut self, key: &ItemKey, number: u64, child: &CaseId) {
        if self.case.head().handled.contains(&(child.clone(), number)) {
            return;
        }
        let current = self.case.item(key).cloned().filter(|item| {
            let asked = item.child.as_ref().is_some_and(|child| child.asked_at.is_some());
            item.status.is_open() && !asked && self.child_of(item).as_ref() == Some(child)
        });
        self.push(Fact::ChildClosed { item: key.clone(), child: child.clone(), number });
        if current.is_some() {
            self.finish_item(key, Closing::default());
        }
    }

    /// A sub-case was ended. Where its item asked for that and is ready again, the next one opens.
    pub(super) fn child_ended(&mut self, key: &ItemKey, number: u64, child: &CaseId) {
        if self.case.head().handled.contains(&(child.clone(), number)) {
            return;
        }
        let waits = self.case.item(key).is_some_and(|item| {
            let asked = |one: &crate::item::Child| one.case == *child && one.asked_at.is_some();
            item.status == Status::Ready && item.child.as_deref().is_some_and(asked)
        });
        self.push(Fact::SubCaseEnded { item: key.clone(), child: child.clone(), number });
        let definition = Arc::clone(&self.definition);
        let kind = self
            .case
            .item(key)
            .and_then(|item| Self::task(&definition, item))
            .map(|task| &task.kind);
        if let (true, Some(TaskKind::SubCase { workflow })) = (waits, kind) {
            self.open_child(key, workflow);
        }
    }

    /// The case that opened this one says what became of its item. What was done here before
    /// stands.
    pub(super) fn parent_says(
        &mut self,
        from: &CaseId,
        item: &ItemKey,
        number: u64,
        says: &ParentSays,
    ) {
        let head = self.case.head();
        let is_parent = head.name.parent.as_ref() == Some(&(from.clone(), item.clone()));
        let is_beside = match says {
            ParentSays::Duties { .. } => {
                self.is_earlier(from) || duties::next(head).as_ref() == Some(from)
            }
            ParentSays::End { .. }
            | ParentSays::GoOn
            | ParentSays::Reopened
            | ParentSays::Suspended { .. }
            | ParentSays::Resumed => self.is_earlier(from),
        };
        let speaks = is_parent || (item.as_str().is_empty() && is_beside);
        if !speaks || head.handled.contains(&(from.clone(), number)) {
            return;
        }
        let next = head.next_held.clone();
        let was_held = head.above.is_some();
        let named = if let ParentSays::Duties { records } = says {
            Some(ParentSays::Duties { records: self.named_here(records) })
        } else {
            None
        };
        let says = named.as_ref().unwrap_or(says);
        self.push(Fact::ParentSaid { from: from.clone(), number, says: says.clone() });
        let is_held = self.case.head().above.is_some();
        if was_held && !is_held {
            self.resume_with_above(next);
        }
        match says {
            ParentSays::End { reason } if self.case.head().status == CaseStatus::Open => {
                self.end_case(&format!("上级事项中的任务已结束：{reason}"));
            }
            ParentSays::End { .. } => self.tell_parent_of_end(),
            ParentSays::Suspended { reason } if is_held && !was_held => {
                self.suspend_with_above(reason);
            }
            ParentSays::Suspended { .. }
            | ParentSays::Resumed
            | ParentSays::GoOn
            | ParentSays::Reopened
            | ParentSays::Duties { .. } => {}
        }
    }

    /// Whether a case is the earlier period's, which asked for this one.
    fn is_earlier(&self, from: &CaseId) -> bool {
        duties::earlier(self.case.head()).as_ref() == Some(from)
    }

    /// Ends the case and everything that is open in it.
    pub(super) fn end_case(&mut self, reason: &str) {
        let open: Vec<Arc<Item>> =
            self.case.items().filter(|item| !item.status.is_closed()).cloned().collect();
        self.push(Fact::CaseCancelled { reason: reason.to_owned() });
        for item in open {
            let (key, reason) = (item.key.clone(), reason.to_owned());
            self.push(Fact::ItemCancelled {
                item: key.clone(),
                reason: reason.clone(),
                title: None,
            });
            self.end_child(&item, &reason);
            self.hook(Hook::Cancelled, &key);
        }
        self.tell_watchers(AnswerSays::Ended);
        self.tell_parent_of_end();
    }

    fn tell_parent_of_end(&mut self) {
        let Some((to, item)) = self.parent_item() else { return };
        let number = self.case.head().messages + 1;
        self.send(Message::ChildEnded { to, item, number }, None);
    }

    /// The item that opened this case. What a script opened has none.
    fn parent_item(&self) -> Option<(CaseId, ItemKey)> {
        let parent = self.case.head().name.parent.clone();
        parent.filter(|(_, item)| *item != ItemKey::default())
    }

    /// In a case whose item in the case above is closed nothing is opened again before that.
    pub(super) fn parent_waits(&self, act: &'static str, key: &ItemKey) -> Result<(), Refusal> {
        let head = self.case.head();
        let closed = matches!(head.status, CaseStatus::Closed | CaseStatus::StruckOff);
        let refused = self.parent_item().is_some()
            && match head.parent_item {
                ParentItem::Waits => closed,
                ParentItem::Reopened | ParentItem::Left => false,
                ParentItem::Ended => true,
            };
        if !refused {
            return Ok(());
        }
        let why = Why::new(
            "the item of the case above that it belongs to is closed; reopen that one first",
            "所属上级事项中的任务已结束，请先在上级事项中重新办理该任务",
        );
        Err(Refusal::NotApplicable { act, item: key.to_string(), why })
    }
}
