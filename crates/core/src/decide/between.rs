//! Between cases: what one asks of another. Never atomic, always deduplicated.

use duban_model::{TaskDef, UnitId};
use duban_script::Value;
use serde_json::{Map, Value as Json};

use super::Turn;
use super::graph::Settle;
use crate::case::CaseStatus;
use crate::command::{Answer, AnswerSays, Carried, Message, Open, OpenRequest, Watch};
use crate::event::SkipReason;
use crate::fact::Fact;
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::{Item, Status};

impl Turn<'_> {
    /// Sends a message under the next number of this case.
    pub(super) fn send(&mut self, message: Message, about: Option<(ItemKey, u16)>) {
        let number = self.case.head().messages + 1;
        self.push(Fact::MessageSent { number, message, about });
    }

    /// Asks other cases about the tasks that an item needs there.
    pub(super) fn ask_needs(
        &mut self,
        task: &TaskDef,
        key: &ItemKey,
        wanted: impl Fn(u16) -> bool,
    ) {
        for (position, need) in (0_u16..).zip(&task.needs).filter(|(place, _)| wanted(*place)) {
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
    pub(super) fn watch(&mut self, watch: &Watch) {
        if self.case.head().handled.contains(&(watch.from.clone(), watch.number)) {
            return;
        }
        // Whoever asks may know the task by an earlier name.
        let named = self.definition.workflow.task_once(watch.task.as_str());
        let task = named.map_or(&watch.task, |task| &task.id).clone();
        let watch = Watch { task, ..watch.clone() };
        self.push(Fact::Watched(watch.clone()));
        let says = match self.case.head().status {
            CaseStatus::Cancelled => AnswerSays::Ended,
            CaseStatus::Open | CaseStatus::Closed | CaseStatus::StruckOff => AnswerSays::There,
        };
        if !self.answer_if_done(&watch) {
            self.answer_watch(&watch, says, Map::new());
        }
    }

    /// Tells everybody who waits for a task of this case that it is cancelled, or there again.
    pub(super) fn tell_watchers(&mut self, says: AnswerSays) {
        for watch in self.case.head().watchers.clone() {
            self.answer_watch(&watch, says, Map::new());
        }
    }

    fn answer_watch(&mut self, watch: &Watch, says: AnswerSays, form: Map<String, Json>) {
        let answer = Answer { number: watch.number, from: self.case.id(), form, says };
        self.send(Message::Answer { to: watch.from.clone(), answer }, None);
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
    /// one, all of them otherwise. Whether it was.
    fn answer_if_done(&mut self, watch: &Watch) -> bool {
        let head = self.case.head();
        let is_over = head.status == CaseStatus::Cancelled;
        if is_over || !head.expanded.contains(&watch.task) || head.windows.contains_key(&watch.task)
        {
            return false;
        }
        let items: Vec<_> = self.case.items_of(watch.task.as_str()).cloned().collect();
        let own: Vec<_> = items.iter().filter(|item| item.unit == watch.unit).cloned().collect();
        let meant = if own.is_empty() { items } else { own };
        if !meant.iter().all(|item| item.is_satisfied()) {
            return false;
        }
        let last =
            meant.iter().filter(|item| item.status == Status::Done).max_by_key(|item| item.done_at);
        let form = last.map(|item| (*item.form).clone()).unwrap_or_default();
        let (from, number) = (watch.from.clone(), watch.number);
        self.push(Fact::WatchAnswered { from, number });
        self.answer_watch(watch, AnswerSays::Done, form);
        true
    }

    /// Another case answers. A repeated answer changes nothing.
    pub(super) fn answer(&mut self, answer: &Answer) {
        let Some((item, need)) = self.case.head().asked.get(&answer.number).cloned() else {
            return;
        };
        if answer.says != AnswerSays::Done {
            self.hear_of_need(item, need, answer);
            return;
        }
        let definition = std::sync::Arc::clone(&self.definition);
        let name = self
            .case
            .item(&item)
            .and_then(|item| Self::task(&definition, item))
            .and_then(|task| task.needs.get(usize::from(need)))
            .map(name_of_need);
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
    }

    /// Another case says that it is there, or that it was cancelled.
    fn hear_of_need(&mut self, item: ItemKey, need: u16, answer: &Answer) {
        let Some(known) = self.case.item(&item).map(|item| item.foreign.clone()) else { return };
        let from = answer.from.clone();
        let ended = answer.says == AnswerSays::Ended;
        if ended && !known.ended.contains(&need) {
            self.push(Fact::NeedEnded { item, need, from });
        } else if !ended && !known.found.contains(&need) {
            self.push(Fact::NeedFound { item: item.clone(), need, from });
            self.settled.push_back(Settle::Fresh(item));
        }
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
        let suspended = self.case.head().suspension().map(|order| order.reason.clone());
        let open = Open { carried, suspended, ..Open::new(name, Map::new()) };
        self.push(Fact::Renewed);
        let next = open.name.id();
        self.send(Message::Open(Box::new(OpenRequest::new(workflow, open))), None);
        self.hand_on_duties(next);
    }
}

/// What a need is called: `workflow/task`, or the task of the same case.
pub(super) fn name_of_need(need: &duban_model::Need) -> String {
    match &need.workflow {
        Some(workflow) => format!("{workflow}/{}", need.task),
        None => need.task.to_string(),
    }
}

/// What the next period is told of a `once` item; what was skipped is asked for anew.
fn carried(item: &Item) -> Option<Carried> {
    let done = match item.status {
        Status::Done => Some((*item.form).clone()),
        Status::Skipped if item.skipped == Some(SkipReason::Earlier) => None,
        Status::Skipped | Status::Cancelled => return None,
        Status::Waiting | Status::Ready | Status::Active | Status::Submitted => None,
    };
    Some(Carried { item: item.key.clone(), done })
}
