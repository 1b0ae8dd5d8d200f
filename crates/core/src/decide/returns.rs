//! Returns: a submission goes back to its owner, or to the done items upstream that are meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Definition, Hook, ScoreOn, TaskDef, TaskId, TaskKind};

use super::graph::{exact_key, pairs};
use super::handover::Handover;
use super::{Turn, reason_of};
use crate::case::Case;
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::{Refusal, Why};
use crate::signers::Objection;

/// Where a return of an item may go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReturnChoice {
    /// The done items upstream that a return may name, in the order of the file and of their keys.
    pub may: Vec<ItemKey>,
    /// Where one goes that names none: to none, the item in hand; one, that one; with several the
    /// reviewer must name.
    pub meant: Vec<ItemKey>,
}

impl ReturnChoice {
    /// Whether a return must say where it goes.
    pub fn must_name(&self) -> bool {
        self.meant.len() > 1
    }
}

/// Where a return of an item may go: what a page offers to its reviewers.
pub fn return_choice(case: &Case, item: &ItemKey, definition: &Definition) -> ReturnChoice {
    let Some(item) = case.item(item) else { return ReturnChoice::default() };
    let Some((_, task)) = definition.workflow.task(item.task.as_str()) else {
        return ReturnChoice::default();
    };
    let mut found: Vec<Arc<Item>> = rests_on(case, definition, item)
        .into_iter()
        .filter(|other| other.status == Status::Done && is_done_by_somebody(definition, other))
        .collect();
    found.sort_by(|one, two| (one.order, &one.key).cmp(&(two.order, &two.key)));
    let keys = |items: &[&Arc<Item>]| items.iter().map(|item| item.key.clone()).collect();
    let meant: Vec<&Arc<Item>> = match &task.on_refuse {
        Some(target) => found
            .iter()
            .filter(|other| other.task == *target && is_meant(definition, task, item, other))
            .collect(),
        None => Vec::new(),
    };
    ReturnChoice { meant: keys(&meant), may: keys(&found.iter().collect::<Vec<_>>()) }
}

/// Whether somebody, or a sub-case, did an item and can do it again: no script, and no earlier
/// period's case.
fn is_done_by_somebody(definition: &Definition, item: &Item) -> bool {
    match definition.workflow.task(item.task.as_str()).map(|(_, task)| &task.kind) {
        Some(TaskKind::Human) => item.owner.is_some(),
        Some(TaskKind::SubCase { .. }) => true,
        Some(TaskKind::Automatic { .. }) | None => false,
    }
}

/// Whether `on_refuse` means this item of its task: the one that a need names, otherwise any on
/// all shared axes.
fn is_meant(definition: &Definition, task: &TaskDef, item: &Item, other: &Item) -> bool {
    let named = (0_u16..)
        .zip(&task.needs)
        .any(|(position, need)| need.task == other.task && item.which.contains_key(&position));
    let target = definition.workflow.task(other.task.as_str());
    named || target.is_some_and(|(_, target)| pairs(target, other, task, item))
}

/// The items that an item rests on, near or far.
fn rests_on(case: &Case, definition: &Definition, item: &Item) -> Vec<Arc<Item>> {
    let mut found: Vec<Arc<Item>> = Vec::new();
    let mut seen: BTreeSet<ItemKey> = BTreeSet::new();
    // Needs that mean every item of their task are looked at once, however many items have them.
    let mut whole: BTreeSet<(TaskId, TaskId)> = BTreeSet::new();
    let mut next = 0;
    let mut current = item;
    loop {
        if let Some((_, task)) = definition.workflow.task(current.task.as_str()) {
            let mut before = Vec::new();
            for (position, need) in (0_u16..).zip(&task.needs) {
                let source = definition.workflow.task(need.task.as_str());
                let Some((_, source)) = source.filter(|_| need.workflow.is_none()) else {
                    continue;
                };
                let which = current.which.get(&position).map(String::as_str);
                let shares = source.each.iter().any(|axis| current.axes.contains_key(&axis.name));
                let by_window = source.every.is_some() && source.every == task.every;
                let all = which.is_none() && !shares && !by_window;
                if all && !whole.insert((task.id.clone(), source.id.clone())) {
                    continue;
                }
                before.extend(needed(case, source, task, current, which));
            }
            for other in before {
                if seen.insert(other.key.clone()) {
                    found.push(other);
                }
            }
        }
        if next == found.len() {
            return found;
        }
        current = &found[next];
        next += 1;
    }
}

/// The items of `source` that an item of `task` needs.
fn needed(
    case: &Case,
    source: &TaskDef,
    task: &TaskDef,
    item: &Item,
    which: Option<&str>,
) -> Vec<Arc<Item>> {
    if let Some(key) = exact_key(case, source, task, item, which) {
        return case.item(&key).cloned().into_iter().collect();
    }
    let meant = |other: &&Arc<Item>| match which {
        Some(which) => other.axes.values().any(|axis| axis.to_key().as_deref() == Some(which)),
        None => pairs(source, other, task, item),
    };
    case.items_of(source.id.as_str()).filter(meant).cloned().collect()
}

impl Turn<'_> {
    pub(super) fn send_back(
        &mut self,
        key: &ItemKey,
        reason: &str,
        upstream: &[ItemKey],
        due: Option<Instant>,
    ) -> Result<(), Refusal> {
        let item = self.in_status("return", key, &[Status::Submitted])?;
        let seats = self.seats("return", &item, None)?;
        let reason = reason_of("return", reason)?;
        let targets = self.return_targets(&item, upstream)?;
        for target in targets.iter().chain(targets.is_empty().then_some(key)) {
            self.check_returned_due(target, due)?;
        }
        if item.review.manner.quorum().is_none() {
            self.return_to(key, targets, &reason, due);
            return Ok(());
        }
        let mut review = item.review.clone();
        review.refuse(&seats, &reason, &targets, self.at);
        if review.is_rejected() {
            let reason = self.reasons(&review.refused);
            self.return_to(key, common(&review.refused), &reason, due);
        } else {
            let (item, members) = (key.clone(), seats);
            self.push(Fact::ReviewRefused { item, members, reason, upstream: targets });
        }
        Ok(())
    }

    /// What every refusal holds against a submission, under the names of the seats where there
    /// are several.
    fn reasons(&self, refused: &[Objection]) -> String {
        let mut said: Vec<(String, &str)> = Vec::new();
        for one in refused {
            let name = self.env.directory.name_of(&one.member);
            match said.iter_mut().find(|(_, reason)| *reason == one.reason) {
                Some((names, _)) => {
                    names.push('、');
                    names.push_str(&name);
                }
                None => said.push((name, &one.reason)),
            }
        }
        match said.as_slice() {
            [(_, only)] => (*only).to_owned(),
            several => {
                let lines = several.iter().map(|(names, reason)| format!("{names}：{reason}"));
                lines.collect::<Vec<_>>().join("；")
            }
        }
    }

    /// Opens what a return goes to again: the item in hand where nothing else is meant.
    fn return_to(
        &mut self,
        key: &ItemKey,
        targets: Vec<ItemKey>,
        reason: &str,
        due: Option<Instant>,
    ) {
        let targets = if targets.is_empty() { vec![key.clone()] } else { targets };
        for target in targets {
            let Some(item) = self.case.item(&target).cloned() else { continue };
            // One that rests on another of them waits for it already.
            let upstream = target != *key;
            if upstream && item.status != Status::Done {
                continue;
            }
            let stall_at = self.silence(&item);
            let reason = reason.to_owned();
            self.push(Fact::Returned { item: target.clone(), reason: reason.clone(), stall_at });
            self.hand_back(&target, Handover { before: &item, reason, due, reopened: false });
            if upstream {
                self.reopen_child(&target);
                self.supersede_dependents(&target);
                self.stop_clocks(&target);
            }
            self.score(ScoreOn::Returned, &target);
            self.hook(Hook::Returned, &target);
        }
    }

    /// The done items upstream that a return means; empty: the item in hand.
    fn return_targets(&self, item: &Item, named: &[ItemKey]) -> Result<Vec<ItemKey>, Refusal> {
        let choice = return_choice(&self.case, &item.key, &self.definition);
        if named.is_empty() {
            if choice.must_name() {
                let (item, among) = (item.key.clone(), choice.meant);
                return Err(Refusal::UpstreamUnclear { item, among });
            }
            return Ok(choice.meant);
        }
        let mut targets: Vec<ItemKey> = Vec::new();
        for key in named.iter().filter(|key| **key != item.key) {
            let target = self.item(key)?;
            let unsuitable =
                |why| Err(Refusal::Unsuitable { act: "return", item: key.to_string(), why });
            if target.status != Status::Done {
                return unsuitable(
                    Why::new(
                        "only a done item upstream can be returned",
                        "只能退回已办结的前置任务",
                    )
                    .about("upstream"),
                );
            }
            if !choice.may.contains(key) {
                return unsuitable(
                    Why::new(
                        "the item in hand does not rest on it, or nobody did it",
                        "当前任务不以它为前置，或它不由人办理",
                    )
                    .about("upstream"),
                );
            }
            if !targets.contains(key) {
                targets.push(key.clone());
            }
        }
        Ok(targets)
    }
}

/// The items upstream that every refusal names.
fn common(refused: &[Objection]) -> Vec<ItemKey> {
    let Some((first, others)) = refused.split_first() else { return Vec::new() };
    let named = |key: &&ItemKey| others.iter().all(|other| other.upstream.contains(key));
    first.upstream.iter().filter(named).cloned().collect()
}
