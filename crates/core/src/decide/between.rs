//! Between cases: what one asks of another. Never atomic, always deduplicated.

use duban_model::{TaskDef, UnitId};
use duban_script::Value;
use serde_json::Map;

use super::Turn;
use super::graph::Settle;
use crate::command::{Answer, Carried, Message, Open, OpenRequest, Watch};
use crate::event::SkipReason;
use crate::fact::Fact;
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::{Item, Status};
use crate::refusal::Refusal;

impl Turn<'_> {
    /// Sends a message under the next number of this case.
    pub(super) fn send(&mut self, message: Message, about: Option<(ItemKey, u16)>) {
        let number = self.case.head().messages + 1;
        self.push(Fact::MessageSent { number, message, about });
    }

    /// Asks other cases about the tasks that an item needs there.
    pub(super) fn ask_needs(&mut self, task: &TaskDef, key: &ItemKey) {
        for (position, need) in (0_u16..).zip(&task.needs) {
            let Some(workflow) = &need.workflow else { continue };
            let unit = match &need.which {
                Some(which) => {
                    let scene = self.scene(Some(key));
                    let found = self.read("needs", which, &scene, "单位", Value::to_assignee);
                    found.and_then(|found| self.env.directory.unit_of(&found))
                }
                None => Some(self.case.head().name.unit.clone()),
            };
            let unit = unit.unwrap_or_else(|| self.case.head().name.unit.clone());
            let candidates = self.candidates(workflow, &unit);
            let number = self.case.head().messages + 1;
            let asker = self.case.item(key).map(|item| item.unit.clone()).unwrap_or_default();
            let watch =
                Watch { from: self.case.id(), number, task: need.task.clone(), unit: asker };
            self.send(Message::Watch { candidates, watch }, Some((key.clone(), position)));
        }
    }

    /// Where a needed task may live: in the case of the same unit, then of its superiors; with
    /// this case's period, then without one.
    fn candidates(&self, workflow: &duban_model::WorkflowId, unit: &UnitId) -> Vec<CaseId> {
        let head = self.case.head();
        let name = |unit: &UnitId, period| CaseName {
            suite: head.name.suite.clone(),
            workflow: workflow.clone(),
            unit: unit.clone(),
            period,
            parent: None,
            ordinal: 0,
        };
        let mut candidates = Vec::new();
        for unit in self.env.directory.chain(unit) {
            for period in [head.name.period, None] {
                let id = name(&unit.id, period).id();
                if !candidates.contains(&id) {
                    candidates.push(id);
                }
            }
        }
        candidates
    }

    /// Another case asks to be told. A repeated request changes nothing.
    pub(super) fn watch(&mut self, watch: &Watch) -> Result<(), Refusal> {
        if self.case.head().handled.contains(&(watch.from.clone(), watch.number)) {
            return Ok(());
        }
        self.push(Fact::Watched(watch.clone()));
        self.answer_if_done(watch);
        Ok(())
    }

    pub(super) fn answer_watchers(&mut self, item: &Item) {
        let watchers: Vec<Watch> = self
            .case
            .head()
            .watchers
            .iter()
            .filter(|watch| watch.task == item.task)
            .cloned()
            .collect();
        for watch in watchers {
            self.answer_if_done(&watch);
        }
    }

    /// Answers once what is asked about is closed: the asking unit's own item where there is
    /// one, all of them otherwise.
    fn answer_if_done(&mut self, watch: &Watch) {
        let head = self.case.head();
        if !head.expanded.contains(&watch.task) || head.windows.contains_key(&watch.task) {
            return;
        }
        let items: Vec<_> = self.case.items_of(watch.task.as_str()).cloned().collect();
        let own: Vec<_> = items.iter().filter(|item| item.unit == watch.unit).cloned().collect();
        let meant = if own.is_empty() { items } else { own };
        if !meant.iter().all(|item| item.is_satisfied()) {
            return;
        }
        let last =
            meant.iter().filter(|item| item.status == Status::Done).max_by_key(|item| item.done_at);
        let form = last.map(|item| (*item.form).clone()).unwrap_or_default();
        let (from, number) = (watch.from.clone(), watch.number);
        self.push(Fact::WatchAnswered { from: from.clone(), number });
        let answer = Answer { number, from: self.case.id(), form };
        self.send(Message::Answer { to: from, answer }, None);
    }

    /// Another case answers. A repeated answer changes nothing.
    pub(super) fn answer(&mut self, answer: &Answer) -> Result<(), Refusal> {
        let Some((item, need)) = self.case.head().asked.get(&answer.number).cloned() else {
            return Ok(());
        };
        let definition = std::sync::Arc::clone(&self.definition);
        let name = self
            .case
            .item(&item)
            .and_then(|item| Self::task(&definition, item))
            .and_then(|task| task.needs.get(usize::from(need)))
            .map(|need| match &need.workflow {
                Some(workflow) => format!("{workflow}/{}", need.task),
                None => need.task.to_string(),
            });
        let name = name.unwrap_or_default();
        self.push(Fact::NeedAnswered {
            item: item.clone(),
            need,
            from: answer.from.clone(),
            name,
            form: answer.form.clone(),
        });
        self.case_facts = None;
        self.settled.push_back(Settle::Fresh(item));
        Ok(())
    }

    /// A sub-case has closed: the item that opened it is done.
    pub(super) fn child_closed(
        &mut self,
        key: &ItemKey,
        number: u64,
        child: &CaseId,
    ) -> Result<(), Refusal> {
        if self.case.head().handled.contains(&(child.clone(), number)) {
            return Ok(());
        }
        let (item, child) = (key.clone(), child.clone());
        self.push(Fact::ChildClosed { item, child, number });
        if self.is_open(key) {
            self.finish_item(key, None);
        }
        Ok(())
    }

    /// Asks for the next period's case and hands the `once` results on.
    pub(super) fn renew(&mut self) {
        let head = self.case.head();
        let mut name = head.name.clone();
        name.period = head.name.period.map(duban_calendar::Window::next);
        let workflow = name.workflow.clone();
        let definition = std::sync::Arc::clone(&self.definition);
        let once = definition.workflow.tasks.iter().filter(|task| task.once);
        let carried: Vec<Carried> = once
            .flat_map(|task| self.case.items_of(task.id.as_str()))
            .filter_map(|item| carried(item))
            .collect();
        let open = Open { name, form: Map::new(), carried };
        self.push(Fact::Renewed);
        self.send(Message::Open(Box::new(OpenRequest { workflow, open })), None);
    }
}

/// What the next period is told of a `once` item; what was skipped is asked for anew.
fn carried(item: &Item) -> Option<Carried> {
    let done = match (item.status, &item.skipped) {
        (Status::Done, _) => Some((*item.form).clone()),
        (Status::Skipped, Some(SkipReason::Earlier)) => None,
        (Status::Skipped | Status::Cancelled, _) => return None,
        _ => None,
    };
    Some(Carried { item: item.key.clone(), done })
}
