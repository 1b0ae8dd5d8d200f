//! What a period's case tells those beside it of its duties: with the renewal, and whenever a
//! window is judged or an entry used after it.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::TaskId;

use super::Turn;
use crate::command::ParentSays;
use crate::duties::{self, DutyRecord, duty_of};
use crate::fact::Fact;
use crate::ids::{CaseId, ItemKey};
use crate::item::{EntryState, Item};

/// Which entries a neighbour must know of.
#[derive(Clone, Copy, Eq, PartialEq)]
enum To {
    /// The next period's: what made up for a window of this one.
    Next,
    /// The earlier period's, which owes a makeup: everything.
    Earlier,
}

impl Turn<'_> {
    /// Tells the next period's case, which is just asked for, of the duties of this one.
    pub(super) fn hand_on_duties(&mut self, next: CaseId) {
        let tasks: BTreeSet<TaskId> = self
            .definition
            .workflow
            .tasks
            .iter()
            .filter(|task| task.every.is_some())
            .map(|task| task.id.clone())
            .collect();
        if tasks.is_empty() {
            return;
        }
        let mut records = self.duty_records(&tasks, To::Next, |_| true);
        records.retain(|record| record.missed_in_row > 0 || !record.used.is_empty());
        self.tell_child(next, &ItemKey::default(), ParentSays::Duties { records });
    }

    /// Tells the cases beside this one what has become of the duties in this decision.
    pub(super) fn tell_of_duties(&mut self) {
        let Some(neighbours) = &self.case.head().neighbours else { return };
        let next_is_told = neighbours.next_is_told;
        let touched: Vec<ItemKey> = self
            .events
            .iter()
            .filter(|event| changes_a_record(&event.fact))
            .filter_map(|event| event.fact.item().cloned())
            .collect();
        let items = touched.iter().filter_map(|key| self.case.item(key));
        let items: Vec<_> = items.filter(|item| item.window.is_some()).cloned().collect();
        let all: BTreeSet<&str> = items.iter().map(|item| duty_of(&item.key)).collect();
        if all.is_empty() {
            return;
        }
        let tasks: BTreeSet<TaskId> = items.iter().map(|item| item.task.clone()).collect();
        if next_is_told && let Some(next) = duties::next(self.case.head()) {
            let records = self.duty_records(&tasks, To::Next, |duty| all.contains(duty));
            self.tell_child(next, &ItemKey::default(), ParentSays::Duties { records });
        }
        let Some(earlier) = duties::earlier(self.case.head()) else { return };
        let owes = |item: &Item| {
            let said = duties::heard_of(&self.case, item);
            said.iter().any(|(from, record)| **from == earlier && record.missed_in_row > 0)
        };
        let owed: BTreeSet<&str> =
            items.iter().filter(|item| owes(item)).map(|item| duty_of(&item.key)).collect();
        if !owed.is_empty() {
            let records = self.duty_records(&tasks, To::Earlier, |duty| owed.contains(duty));
            self.tell_child(earlier, &ItemKey::default(), ParentSays::Duties { records });
        }
    }

    fn duty_records(
        &self,
        tasks: &BTreeSet<TaskId>,
        to: To,
        is_meant: impl Fn(&str) -> bool,
    ) -> Vec<DutyRecord> {
        let mut last: BTreeMap<&str, &Item> = BTreeMap::new();
        let mut used: BTreeMap<&str, BTreeMap<String, ItemKey>> = BTreeMap::new();
        let items = tasks.iter().flat_map(|task| self.case.items_of(task.as_str()));
        for item in items.filter(|item| item.window.is_some() && is_meant(duty_of(&item.key))) {
            let duty = duty_of(&item.key);
            let latest = last.entry(duty).or_insert(item);
            if item.window.map(|window| window.start) > latest.window.map(|window| window.start) {
                *latest = item;
            }
            let entries = item.entries.iter().filter(|one| one.state != EntryState::Returned);
            let entries = entries.filter(|one| one.makes_up || (one.counts && to == To::Earlier));
            let events = entries.filter_map(|one| one.event.clone());
            let uses = used.entry(duty).or_default();
            uses.extend(events.map(|event| (event, item.key.clone())));
        }
        let records = last.into_iter().map(|(duty, item)| DutyRecord {
            duty: duty.to_owned(),
            missed_in_row: duties::missed_in_row(&self.case, item),
            used: used.remove(duty).unwrap_or_default(),
        });
        records.collect()
    }

    /// What was said, under the names that the tasks have here.
    pub(super) fn named_here(&self, records: &[DutyRecord]) -> Vec<DutyRecord> {
        let named = |record: &DutyRecord| {
            let (task, axes) = match record.duty.split_once('/') {
                Some((task, axes)) => (task, Some(axes)),
                None => (record.duty.as_str(), None),
            };
            let now =
                self.definition.workflow.task_once(task).map_or(task, |task| task.id.as_str());
            let duty = axes.map_or_else(|| now.to_owned(), |axes| format!("{now}/{axes}"));
            DutyRecord { duty, ..record.clone() }
        };
        records.iter().map(named).collect()
    }
}

/// Whether a fact may change what a case beside this one is told of a duty.
fn changes_a_record(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::WindowJudged { .. }
            | Fact::ItemSkipped { .. }
            | Fact::PapersLate { .. }
            | Fact::LatenessWithdrawn { .. }
            | Fact::Submitted { event: Some(_), .. }
            | Fact::Returned { .. }
            | Fact::Withdrawn { .. }
            | Fact::Reopened { .. }
            | Fact::EntryCounted { .. }
    )
}
