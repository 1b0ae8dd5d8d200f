//! The DAG at run time: what is ready once something is closed, and what must begin again once
//! something is opened again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use duban_model::{Definition, Join, Many, Need, TaskDef, TaskId};

use super::Turn;
use crate::case::Case;
use crate::command::Message;
use crate::event::SkipReason;
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};

/// Something whose neighbours must be looked at.
#[derive(Clone, Debug)]
pub(super) enum Settle {
    /// An item that was just made.
    Fresh(ItemKey),
    /// An item that was closed, or whose window was.
    Closed(ItemKey),
    /// A task whose items now exist.
    Expanded(TaskId),
}

/// What an item's needs amount to.
struct Needs {
    met: usize,
    skipped: usize,
    total: usize,
    /// Not met, and of this case.
    owed_here: usize,
}

impl Turn<'_> {
    /// Looks at the neighbours of everything that was closed, until nothing more follows.
    pub(super) fn settle(&mut self) {
        while let Some(next) = self.settled.pop_front() {
            if self.is_over() {
                self.settled.clear();
                return;
            }
            match next {
                Settle::Fresh(key) => self.try_ready(&key),
                Settle::Closed(key) => self.after_closing(&key),
                Settle::Expanded(task) => {
                    self.ready_dependents(&task, None);
                    self.expand_readers(&task);
                }
            }
        }
    }

    fn after_closing(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        self.release_clocks(key);
        self.answer_watchers(&item);
        self.ready_dependents(&item.task, Some(&item));
        self.expand_readers(&item.task);
    }

    /// Tries every waiting item that needs `task` and, where given, this item of it.
    fn ready_dependents(&mut self, task: &TaskId, item: Option<&Item>) {
        let definition = Arc::clone(&self.definition);
        for dependent in &definition.workflow.tasks {
            let needs_it =
                dependent.needs.iter().any(|need| need.workflow.is_none() && need.task == *task);
            if !needs_it {
                continue;
            }
            for key in self.dependents(&definition, dependent, task, item) {
                self.try_ready(&key);
            }
        }
    }

    /// Keys of the waiting items of `dependent` that one item of `task` may hold up.
    fn dependents(
        &self,
        definition: &Definition,
        dependent: &TaskDef,
        task: &TaskId,
        item: Option<&Item>,
    ) -> Vec<ItemKey> {
        let source = definition.workflow.task(task.as_str()).map(|(_, source)| source);
        let matches = |other: &Item| {
            other.status == Status::Waiting
                && item.is_none_or(|item| {
                    source.is_none_or(|source| pairs(source, item, dependent, other))
                })
        };
        let found = self.case.items_of(dependent.id.as_str()).filter(|other| matches(other));
        found.map(|other| other.key.clone()).collect()
    }

    /// Makes the items of tasks whose `each` reads what `task` came to.
    fn expand_readers(&mut self, task: &TaskId) {
        let definition = Arc::clone(&self.definition);
        for (position, reader) in definition.workflow.tasks.iter().enumerate() {
            if reader.every.is_some() {
                continue;
            }
            let sources = self.sources(reader);
            if !sources.iter().any(|source| source == task.as_str()) {
                continue;
            }
            if sources.iter().all(|source| self.is_finished(source)) {
                self.expand(position, None);
            }
        }
    }

    /// Whether every item of a task exists and is satisfied, and no window is to come.
    pub(super) fn is_finished(&self, task: &str) -> bool {
        let head = self.case.head();
        let tally = self.case.tally(task);
        head.expanded.contains(task)
            && !head.windows.contains_key(task)
            && tally.satisfied == tally.total
    }

    /// Makes an item ready, holds it until it may begin, or skips it; nothing while it must wait.
    pub(super) fn try_ready(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if item.status != Status::Waiting {
            return;
        }
        let definition = Arc::clone(&self.definition);
        let Some(task) = Self::task(&definition, &item) else { return };
        let needs = self.needs(&definition, task, &item);
        let owed = match task.join {
            Join::All => needs.total,
            Join::AtLeast(number) => needs.total.min(usize::try_from(number).unwrap_or(usize::MAX)),
        };
        if needs.met < owed {
            // It was to begin at an instant, and what it needs has come to be owed again since.
            if item.held_until.is_some() {
                self.push(Fact::ItemHeldUntil { item: key.clone(), at: None });
            }
            if needs.owed_here == 0 {
                self.await_other_cases(task, &item);
            }
            return;
        }
        if needs.total > 0 && needs.skipped == needs.total {
            self.skip_item(key, SkipReason::Needs);
        } else if !self.is_wanted(task, key) {
            self.skip_item(key, SkipReason::When);
        } else if !self.is_held_back(task, &item) {
            self.make_ready(key);
        }
    }

    pub(super) fn skip_item(&mut self, key: &ItemKey, why: SkipReason) {
        self.push(Fact::ItemSkipped { item: key.clone(), why });
        self.settled.push_back(Settle::Closed(key.clone()));
    }

    /// Whether `when` holds. A `when` that fails is an event, and the task is owed.
    fn is_wanted(&mut self, task: &TaskDef, key: &ItemKey) -> bool {
        let Some(when) = &task.when else { return true };
        let scene = self.scene(Some(key));
        self.read_bool("when", when, &scene).unwrap_or(true)
    }

    fn is_held_back(&mut self, task: &TaskDef, item: &Item) -> bool {
        let Some(not_before) = &task.not_before else { return false };
        let scene = self.scene(Some(&item.key));
        let Some(at) = self.read_instant("not_before", not_before, &scene) else { return false };
        // A bare date means its end for a deadline; work may begin when the day does.
        let begins = duban_calendar::start_of(self.date(at), self.tz()).max(self.at);
        let at = if at == duban_calendar::end_of(self.date(at), self.tz()) { begins } else { at };
        if at <= self.at {
            return false;
        }
        if item.held_until != Some(at) {
            self.push(Fact::ItemHeldUntil { item: item.key.clone(), at: Some(at) });
        }
        true
    }

    fn needs(&self, definition: &Definition, task: &TaskDef, item: &Item) -> Needs {
        let mut needs = Needs { met: 0, skipped: 0, total: task.needs.len(), owed_here: 0 };
        for (position, need) in (0_u16..).zip(&task.needs) {
            let (met, skipped) = match need.workflow {
                Some(_) => (item.answered.contains(&position), false),
                None => self.need(definition, task, item, position, need),
            };
            needs.met += usize::from(met);
            needs.owed_here += usize::from(!met && need.workflow.is_none());
            needs.skipped += usize::from(met && skipped);
        }
        needs
    }

    /// Whether a need within the case is met, and whether only by what was skipped.
    fn need(
        &self,
        definition: &Definition,
        task: &TaskDef,
        item: &Item,
        position: u16,
        need: &Need,
    ) -> (bool, bool) {
        let head = self.case.head();
        let Some((_, source)) = definition.workflow.task(need.task.as_str()) else {
            return (true, true);
        };
        let by_window = source.every.is_some() && source.every == task.every;
        if self.is_empty_list(source)
            || !head.expanded.contains(&need.task)
            || (!by_window && head.windows.contains_key(&need.task))
        {
            return (false, false);
        }
        let which = item.which.get(&position);
        let shares = source.each.iter().any(|axis| item.axes.contains_key(&axis.name));
        let (total, satisfied, skipped) = if which.is_none() && !by_window && !shares {
            let tally = self.case.tally(need.task.as_str());
            (tally.total, tally.satisfied, tally.skipped)
        } else {
            self.count(source, task, item, which.map(String::as_str))
        };
        let owed = match need.many {
            Many::All => total,
            Many::AtLeast(number) => total.min(usize::try_from(number).unwrap_or(usize::MAX)),
        };
        (satisfied >= owed, skipped == total)
    }

    fn count(
        &self,
        source: &TaskDef,
        task: &TaskDef,
        item: &Item,
        which: Option<&str>,
    ) -> (usize, usize, usize) {
        if let Some(key) = exact_key(&self.case, source, task, item, which) {
            let found = self.case.item(&key);
            let satisfied = found.is_some_and(|found| found.is_satisfied());
            let skipped = found.is_none_or(|found| found.status == Status::Skipped);
            return (
                usize::from(found.is_some()),
                usize::from(satisfied),
                usize::from(skipped && found.is_some()),
            );
        }
        let (mut total, mut satisfied, mut skipped) = (0, 0, 0);
        for other in self.case.items_of(source.id.as_str()) {
            let meant = match which {
                Some(which) => {
                    other.axes.values().any(|axis| axis.to_key().as_deref() == Some(which))
                }
                None => pairs(source, other, task, item),
            };
            if meant {
                total += 1;
                satisfied += usize::from(other.is_satisfied());
                skipped += usize::from(other.status == Status::Skipped);
            }
        }
        (total, satisfied, skipped)
    }

    /// Opens again what rested on an item, item by item: it waits for the next attempt.
    pub(super) fn supersede_dependents(&mut self, key: &ItemKey) {
        let definition = Arc::clone(&self.definition);
        let mut seen = BTreeSet::from([key.clone()]);
        let mut queue = VecDeque::from([key.clone()]);
        while let Some(opened) = queue.pop_front() {
            let Some(item) = self.case.item(&opened).cloned() else { continue };
            for dependent in self.started_dependents(&definition, &item) {
                if seen.insert(dependent.clone()) {
                    let before = self.case.item(&dependent).cloned();
                    self.push(Fact::Superseded { item: dependent.clone(), because: key.clone() });
                    if let Some(before) = &before {
                        self.replace_child(before, "前置任务重新办理");
                    }
                    self.release_clocks(&dependent);
                    self.keep_orders(before.as_deref());
                    queue.push_back(dependent);
                }
            }
        }
    }

    fn started_dependents(&self, definition: &Definition, item: &Item) -> Vec<ItemKey> {
        let Some(source) = Self::task(definition, item) else { return Vec::new() };
        let mut found = Vec::new();
        for dependent in &definition.workflow.tasks {
            let position = dependent
                .needs
                .iter()
                .position(|need| need.workflow.is_none() && need.task == item.task);
            let Some(position) = position else { continue };
            let position = u16::try_from(position).unwrap_or(u16::MAX);
            for other in self.case.items_of(dependent.id.as_str()) {
                let meant = match other.which.get(&position) {
                    Some(which) => {
                        item.axes.values().any(|axis| axis.to_key().as_ref() == Some(which))
                    }
                    None => pairs(source, item, dependent, other),
                };
                if meant && has_started(other) {
                    found.push(other.key.clone());
                }
            }
        }
        found
    }

    /// Closes the case when nothing is open and nothing is to come.
    pub(super) fn close_if_nothing_is_left(&mut self) {
        let head = self.case.head();
        let is_open = head.status == crate::case::CaseStatus::Open;
        let everything_exists =
            self.definition.workflow.tasks.iter().all(|task| head.expanded.contains(&task.id));
        let nothing = self.case.unclosed() == 0 && head.windows.is_empty() && everything_exists;
        // What a list owes that failed, or that held nothing unallowed, is not known.
        let is_known = head.failed.is_empty() && self.empty_lists(&[]).is_empty();
        if !is_open || !nothing || !is_known || head.faulted.is_some() {
            return;
        }
        let parent = head.name.parent.clone();
        self.push(Fact::CaseClosed);
        if let Some((to, item)) = parent {
            let number = self.case.head().messages + 1;
            self.send(Message::ChildClosed { to, item, number }, None);
        }
    }
}

/// Whether an item has begun, or was closed in a way that a new attempt upstream undoes.
fn has_started(item: &Item) -> bool {
    match item.status {
        Status::Waiting => item.held_until.is_some(),
        Status::Cancelled => false,
        Status::Skipped => {
            matches!(item.skipped, Some(SkipReason::When | SkipReason::Needs))
        }
        Status::Ready | Status::Active | Status::Submitted | Status::Done => true,
    }
}

/// Whether two items of tasks that follow one another belong together: they agree on the axes
/// that the tasks share by name and, between duties of the same cadence, on the window.
pub(super) fn pairs(source: &TaskDef, item: &Item, dependent: &TaskDef, other: &Item) -> bool {
    let by_window = source.every.is_some() && source.every == dependent.every;
    if by_window && item.window != other.window {
        return false;
    }
    source.each.iter().all(|axis| match (item.axes.get(&axis.name), other.axes.get(&axis.name)) {
        (Some(one), Some(two)) => {
            one.to_key() == two.to_key() && (one.to_key().is_some() || one == two)
        }
        _ => true,
    })
}

/// The key of the one item that is meant, where all of the source's axes are shared; items of a
/// task that was renamed keep theirs.
pub(super) fn exact_key(
    case: &Case,
    source: &TaskDef,
    task: &TaskDef,
    item: &Item,
    which: Option<&str>,
) -> Option<ItemKey> {
    if which.is_some() || source.key.is_some() {
        return None;
    }
    let by_window = source.every.is_some() && source.every == task.every;
    if source.every.is_some() && !by_window {
        return None;
    }
    let names: Option<Vec<String>> =
        source.each.iter().map(|axis| item.axes.get(&axis.name)?.to_key()).collect();
    let window = if by_window { item.window } else { None };
    Some(case.key_of(source.id.as_str(), &names?, window.as_ref()))
}
