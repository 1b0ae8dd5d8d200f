//! What the cases of neighbouring periods know of each other's duties: how many windows were missed
//! in a row, and what has been used as an entry.
//!
//! A row of misses goes on across the end of a period, and a meeting counts once, also where one
//! case would take it as the makeup of a missed window and the other as an entry of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::case::{Case, CaseHead};
use crate::command::{Message, ParentSays};
use crate::ids::{CaseId, ItemKey};
use crate::item::Item;

/// What a period's case tells the one beside it of one duty.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct DutyRecord {
    /// The duty: the key of its items without the window.
    pub duty: String,
    /// Windows missed in a row up to its last one; made up or not, a miss is one.
    #[serde(default, skip_serializing_if = "crate::item::is_zero")]
    pub missed_in_row: u32,
    /// What entries are about that a case beside it must not take again, and where each was used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<String, ItemKey>,
}

/// What a case knows of those of the periods before and after it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    /// The next period's case has been told of this one's duties.
    #[serde(default, skip_serializing_if = "crate::item::is_false")]
    pub next_is_told: bool,
    /// What each of them said, by duty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub heard: BTreeMap<CaseId, BTreeMap<String, Heard>>,
}

/// The last that was said of a duty.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The message's number: words may overtake each other, the largest holds.
    pub number: u64,
    /// What was said.
    pub record: DutyRecord,
}

/// The part of a duty's keys that all its windows share.
pub(crate) fn duty_of(key: &ItemKey) -> &str {
    key.as_str().split_once('@').map_or(key.as_str(), |(duty, _)| duty)
}

/// How many windows of a duty were missed in a row up to an item's own, with those of the period
/// before.
///
/// A kept window ends the row; one that was excused, or is not judged, neither lengthens nor ends
/// it.
pub(crate) fn missed_in_row(case: &Case, item: &Item) -> u32 {
    let Some(mut window) = item.window else { return 0 };
    let duty = duty_of(&item.key);
    let mut row = 0;
    loop {
        let key = format!("{duty}@{}", window.key());
        match case.find(&key).map(|found| found.window_met) {
            Some(Some(true)) => return row,
            Some(Some(false)) => row += 1,
            Some(None) => {}
            None => break,
        }
        window = window.previous();
    }
    let period = case.head().name.period;
    let is_before = period.is_some_and(|period| window.end < period.start);
    row + if is_before { row_before(case, item) } else { 0 }
}

fn row_before(case: &Case, item: &Item) -> u32 {
    let Some(earlier) = earlier(case.head()) else { return 0 };
    let told = heard_of(case, item).into_iter().find(|(from, _)| **from == earlier);
    told.map_or(0, |(_, record)| record.missed_in_row)
}

/// What the cases beside this one have said of an item's duty.
pub(crate) fn heard_of<'c>(case: &'c Case, item: &Item) -> Vec<(&'c CaseId, &'c DutyRecord)> {
    let Some(neighbours) = &case.head().neighbours else { return Vec::new() };
    let rest = duty_of(&item.key).split_once('/').map(|(_, axes)| axes);
    let duties: Vec<String> = case
        .names_of(item.task.as_str())
        .map(|name| rest.map_or_else(|| name.to_owned(), |axes| format!("{name}/{axes}")))
        .collect();
    let said = neighbours.heard.iter().flat_map(|(from, all)| {
        duties.iter().filter_map(move |duty| all.get(duty).map(|heard| (from, &heard.record)))
    });
    said.collect()
}

/// The case of the period before, and of the one after.
pub(crate) fn earlier(head: &CaseHead) -> Option<CaseId> {
    beside(head, duban_calendar::Window::previous)
}

pub(crate) fn next(head: &CaseHead) -> Option<CaseId> {
    beside(head, duban_calendar::Window::next)
}

fn beside(
    head: &CaseHead,
    step: fn(duban_calendar::Window) -> duban_calendar::Window,
) -> Option<CaseId> {
    let period = Some(step(head.name.period?));
    Some(crate::ids::CaseName { period, ..head.name.clone() }.id())
}

/// A case beside this one has told of its duties.
pub(crate) fn hear(head: &mut CaseHead, from: &CaseId, number: u64, records: &[DutyRecord]) {
    let neighbours = Arc::make_mut(head.neighbours.get_or_insert_default());
    let all = neighbours.heard.entry(from.clone()).or_default();
    for record in records {
        let is_newer = all.get(&record.duty).is_none_or(|known| known.number < number);
        if is_newer {
            let heard = Heard { number, record: record.clone() };
            all.insert(record.duty.clone(), heard);
        }
    }
}

/// This case has told another of its duties.
pub(crate) fn told(head: &mut CaseHead, message: &Message) {
    if let Message::ToChild { to, says: ParentSays::Duties { .. }, .. } = message
        && next(head).as_ref() == Some(to)
    {
        Arc::make_mut(head.neighbours.get_or_insert_default()).next_is_told = true;
    }
}
