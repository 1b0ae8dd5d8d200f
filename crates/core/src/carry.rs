//! What a migration makes of a case: names and places change, nothing is lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_model::TaskId;
use serde_json::{Map, Value as Json};

use crate::case::{Case, CaseHead};
use crate::event::{Arming, ItemKind, Side};
use crate::failed::KeptKey;
use crate::ids::ItemKey;
use crate::item::{Armed, Item};
use crate::migration::{FieldMap, LadderMap, MigrationMap, TaskMap};

impl Case {
    /// Gives everything the names and places of another definition.
    pub(crate) fn carry(&mut self, map: &MigrationMap) {
        let keys: Vec<ItemKey> = self.items().map(|item| item.key.clone()).collect();
        let mut needs: Vec<(ItemKey, BTreeMap<u16, u16>)> = Vec::new();
        for key in keys {
            let Some(item) = self.item(&key) else { continue };
            let task = map.tasks.get(&item.task).filter(|_| item.kind == ItemKind::Task);
            if let Some(moved) = task.and_then(|task| task.needs.clone()) {
                needs.push((key.clone(), moved));
            }
            let mut carried = Item::clone(item);
            carry_item(&mut carried, task, map);
            if carried != **item {
                self.change(&key, |item| *item = carried);
            }
        }
        let head = self.head_mut();
        for (item, moved) in needs {
            head.asked.retain(|_, about| about.0 != item || moved.contains_key(&about.1));
            for about in head.asked.values_mut().filter(|about| about.0 == item) {
                about.1 = moved.get(&about.1).copied().unwrap_or(about.1);
            }
        }
        carry_head(head, map);
    }
}

fn carry_head(head: &mut CaseHead, map: &MigrationMap) {
    rename(&mut head.form, &map.form);
    for (old, task) in map.tasks.iter().filter(|(old, task)| **old != task.to) {
        if head.expanded.remove(old) {
            head.expanded.insert(task.to.clone());
        }
        if let Some(window) = head.windows.remove(old) {
            head.windows.insert(task.to.clone(), window);
        }
        if let Some(kind) = head.cadences.remove(old) {
            head.cadences.insert(task.to.clone(), kind);
        }
        for watch in head.watchers.iter_mut().filter(|watch| watch.task == *old) {
            watch.task = task.to.clone();
        }
        let mut names: Vec<TaskId> = head.was.remove(old).unwrap_or_default();
        names.push(old.clone());
        head.was.entry(task.to.clone()).or_default().extend(names);
    }
}

fn carry_item(item: &mut Item, task: Option<&TaskMap>, map: &MigrationMap) {
    if let Some(task) = task {
        item.task = task.to.clone();
        item.order = task.order;
        if !task.axes.is_empty() {
            let axes = Arc::make_mut(&mut item.axes);
            let old: Vec<_> =
                task.axes.iter().filter_map(|(old, new)| Some((new, axes.remove(old)?))).collect();
            axes.extend(old.into_iter().map(|(new, value)| (new.clone(), value)));
        }
        if !task.fields.is_empty() {
            rename(Arc::make_mut(&mut item.form), &task.fields);
            for entry in &mut item.entries {
                rename(Arc::make_mut(&mut entry.form), &task.fields);
            }
            for attempt in &mut item.attempts {
                rename(Arc::make_mut(&mut attempt.form), &task.fields);
            }
        }
        if let Some(needs) = &task.needs {
            let which = std::mem::take(&mut item.which).into_iter();
            item.which = which.filter_map(|(at, which)| Some((*needs.get(&at)?, which))).collect();
            for known in [&mut item.answered, &mut item.foreign.found, &mut item.foreign.ended] {
                *known = known.iter().filter_map(|at| needs.get(at).copied()).collect();
            }
        }
    }
    move_failed_rungs(item, map);
    let task = item.task.clone();
    let relay = |side: Side, place: &mut Option<Armed>| {
        let Some(old) = place else { return };
        let meant = map.ladders.iter().find(|ladder| {
            ladder.side == side
                && ladder.from == old.ladder
                && (ladder.tasks.is_empty() || ladder.tasks.contains(&task))
        });
        if let Some(ladder) = meant {
            *place = relaid(old, ladder);
        }
    };
    relay(Side::Work, &mut item.armed);
    relay(Side::Review, &mut item.review.armed);
    for own in &mut item.review.own {
        relay(Side::Review, &mut own.armed);
    }
    if let Some(asked) = &mut item.asked {
        relay(Side::Answer, &mut asked.armed);
    }
}

/// Rungs that failed are known by their new places; those that are gone lack nothing.
fn move_failed_rungs(item: &mut Item, map: &MigrationMap) {
    let name = |armed: &Option<Armed>| armed.as_ref().map(|armed| armed.ladder.clone());
    let names = (name(&item.armed), name(&item.review.armed));
    item.failed.retain_mut(|failed| {
        let Some(rung) = failed.expression.rung else { return true };
        let (side, name) = match failed.expression.key {
            KeptKey::Ladder => (Side::Work, &names.0),
            KeptKey::ReviewLadder => (Side::Review, &names.1),
            KeptKey::Owner
            | KeptKey::Reviewer
            | KeptKey::ReviewWithin
            | KeptKey::StartBy
            | KeptKey::Due
            | KeptKey::Stall
            | KeptKey::Target
            | KeptKey::Value
            | KeptKey::When
            | KeptKey::Needs
            | KeptKey::Grace
            | KeptKey::Counts
            | KeptKey::Each => return true,
        };
        let meant = |ladder: &&LadderMap| {
            ladder.side == side
                && Some(&ladder.from) == name.as_ref()
                && (ladder.tasks.is_empty() || ladder.tasks.contains(&item.task))
        };
        let Some(ladder) = map.ladders.iter().find(meant) else { return true };
        let place = ladder.rungs.get(&rung).copied();
        failed.expression.rung = place;
        place.is_some()
    });
}

/// A ladder in its new places. What is gone and is not to come any more has fired.
fn relaid(old: &Armed, map: &LadderMap) -> Option<Armed> {
    let mut armed = Armed {
        ladder: map.to.clone()?,
        version: old.version,
        rungs: Vec::new(),
        fired: old.fired.clone(),
    };
    for rung in &old.rungs {
        if let Some(place) = map.rungs.get(&rung.rung) {
            armed.insert(crate::item::ArmedRung { rung: *place, ..rung.clone() });
        }
    }
    let is_to_come = |place: &u16| old.rungs.iter().any(|rung| rung.rung == *place);
    let fired = map.gone.iter().filter(|(place, _)| !is_to_come(place));
    armed.fired.extend(fired.map(|(_, name)| name.clone()));
    Some(armed)
}

fn rename(form: &mut Map<String, Json>, fields: &[FieldMap]) {
    for field in fields {
        let Some(mut value) = form.remove(&field.from) else { continue };
        for row in value.as_array_mut().into_iter().flatten().filter_map(Json::as_object_mut) {
            rename(row, &field.columns);
        }
        form.entry(field.to.clone()).or_insert(value);
    }
}

/// Rungs of another definition are to fire for an item: in place of all that were to, or besides.
pub(crate) fn arm_rungs(item: &mut Item, side: Side, arming: &Arming, anew: bool) {
    let version = item.deadline().map_or(0, |deadline| deadline.version);
    let (place, version) = match side {
        Side::Work => (Some(&mut item.armed), version),
        Side::Review => (Some(&mut item.review.armed), item.review.round),
        Side::Answer => (item.asked.as_mut().map(|asked| &mut asked.armed), item.extensions + 1),
    };
    let Some(place) = place else { return };
    let fresh = Armed::towards(arming, version);
    match place {
        Some(old) if anew => {
            old.ladder = fresh.ladder;
            old.rungs.retain(|rung| rung.behind.is_some());
            fresh.rungs.into_iter().for_each(|rung| old.insert(rung));
        }
        Some(old) => fresh.rungs.into_iter().for_each(|rung| old.insert(rung)),
        None => *place = Some(fresh),
    }
}
