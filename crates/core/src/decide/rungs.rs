//! Rungs of one ladder known again in another version of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Ladder, Rung, TaskId, Trigger};
use duban_script::{Program, Scene};

use super::Turn;
use super::migrate::Pairs;
use super::takeover::Weighing;
use crate::event::{Arming, ItemKind, Side};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Armed, Item};
use crate::migration::{Change, Done, LadderMap, Take};

/// A ladder that items climb, in the new definition's places.
pub(super) struct Relaid {
    pub(super) map: LadderMap,
    /// Places of the rungs that only the new definition has.
    added: Vec<u16>,
    items: Vec<ItemKey>,
}

impl Relaid {
    /// Whether nothing changes its place.
    pub(super) fn stays(&self) -> bool {
        self.map.to.as_ref() == Some(&self.map.from)
            && self.map.gone.is_empty()
            && self.map.rungs.iter().all(|(old, new)| old == new)
    }
}

/// Which ladder of whom: the side, the old name and the new one.
type Climbed = BTreeMap<(Side, String, Option<String>), (BTreeSet<TaskId>, Vec<ItemKey>)>;

fn armed_on(item: &Item, side: Side) -> Option<&Armed> {
    match side {
        Side::Work => item.armed.as_ref(),
        Side::Review => item.review.armed.as_ref(),
        Side::Answer => item.asked.as_ref().and_then(|asked| asked.armed.as_ref()),
    }
}

/// Since when the side has had it.
fn since(item: &Item, side: Side) -> Option<Instant> {
    match side {
        Side::Work => item.ready_at,
        Side::Review => item.submitted_at,
        Side::Answer => item.asked.as_ref().map(|asked| asked.at),
    }
}

fn due_on(item: &Item, side: Side) -> Option<Instant> {
    match side {
        Side::Work => item.due(),
        Side::Review => item.review.due,
        Side::Answer => item.asked.as_ref().and_then(|asked| asked.due),
    }
}

impl Turn<'_> {
    /// Finds the rungs of every ladder that items climb in the new definition.
    pub(super) fn relay_ladders(&mut self, pairs: &Pairs, weighing: &mut Weighing) -> Vec<Relaid> {
        let climbed = self.climbed(pairs, weighing.takes(Take::Ladder));
        let mut relaid = Vec::new();
        for ((side, from, to), (tasks, items)) in &climbed {
            let Some(old) = pairs.before().ladders.get(from) else { continue };
            let splits = climbed
                .keys()
                .any(|(other, name, target)| other == side && name == from && target != to);
            let tasks: Vec<TaskId> =
                if splits { tasks.iter().cloned().collect() } else { Vec::new() };
            let mut map = LadderMap {
                side: *side,
                from: from.clone(),
                tasks,
                to: to.clone(),
                rungs: BTreeMap::new(),
                gone: BTreeMap::new(),
            };
            let mut added = Vec::new();
            let new = to.as_ref().and_then(|to| pairs.new.ladders.get(to));
            if let (Some(new), Some(sample)) = (new, items.first()) {
                map.rungs = self.known_again(pairs, (old, new), (sample, *side));
                let lost = |place: &u16| !map.rungs.contains_key(place);
                let gone = (0_u16..)
                    .zip(&old.rungs)
                    .filter(|(place, rung)| lost(place) && has_instant(rung));
                map.gone = gone.map(|(place, rung)| (place, rung.name())).collect();
                let known: BTreeSet<u16> = map.rungs.values().copied().collect();
                let fresh = (0_u16..).zip(&new.rungs).filter(|(place, _)| !known.contains(place));
                added = fresh.map(|(place, _)| place).collect();
            }
            say(weighing, old, new, &map, &added);
            relaid.push(Relaid { map, added, items: items.clone() });
        }
        relaid
    }

    fn climbed(&self, pairs: &Pairs, takes: bool) -> Climbed {
        let mut climbed = Climbed::new();
        for item in self.case.items() {
            for side in [Side::Work, Side::Review, Side::Answer] {
                let Some(armed) = armed_on(item, side) else { continue };
                let from = armed.ladder.clone();
                let is_task = item.kind == ItemKind::Task;
                let (task, wanted) = if is_task {
                    let Some(id) = pairs.names.get(&item.task) else { continue };
                    let task = pairs.new.workflow.task(id.as_str()).map(|(_, task)| task);
                    let wanted = task.and_then(|task| match side {
                        Side::Work => task.ladder.clone(),
                        Side::Review | Side::Answer => task.review_ladder.clone(),
                    });
                    (id.clone(), wanted)
                } else {
                    (item.task.clone(), pairs.new.default_ladder.clone())
                };
                let stays = pairs.new.ladders.contains_key(&from) && !(takes && is_task);
                let to = if stays { Some(from.clone()) } else { wanted };
                let (tasks, items) = climbed.entry((side, from, to)).or_default();
                tasks.insert(task);
                items.push(item.key.clone());
            }
        }
        climbed
    }

    fn known_again(
        &mut self,
        pairs: &Pairs,
        (old, new): (&Ladder, &Ladder),
        (sample, side): (&ItemKey, Side),
    ) -> BTreeMap<u16, u16> {
        let due = self.case.item(sample).and_then(|item| due_on(item, side));
        let program = Arc::clone(&self.env.program);
        let scene = Scene { due, ..self.scene_in(&pairs.old, sample) };
        let before = times(&pairs.old, old, &scene);
        let scene = Scene { due, ..self.scene_in(&program, sample) };
        let after = times(&program, new, &scene);
        known_again((old, &before), (new, &after))
    }

    /// Arms the rungs that are new to open items; where ladders are taken over, all that are still
    /// to fire.
    pub(super) fn arm_relaid(&mut self, relaid: &[Relaid], take: &[Take]) {
        let anew = take.contains(&Take::Ladder);
        let definition = Arc::clone(&self.definition);
        for one in relaid.iter().filter(|one| anew || !one.added.is_empty()) {
            let ladder = one.map.to.as_ref().and_then(|to| Self::ladder(&definition, to));
            let Some(ladder) = ladder else { continue };
            for key in &one.items {
                self.arm_item(one, ladder, key, anew);
            }
        }
    }

    fn arm_item(&mut self, relaid: &Relaid, ladder: &Ladder, key: &ItemKey, anew: bool) {
        let side = relaid.map.side;
        let Some(item) = self.case.item(key).cloned() else { return };
        let (Some(armed), Some(due)) = (armed_on(&item, side), due_on(&item, side)) else { return };
        if item.status.is_closed() {
            return;
        }
        let known: BTreeSet<u16> = relaid.map.rungs.values().copied().collect();
        let is_to_come = |place: u16| armed.rungs.iter().any(|rung| rung.rung == place);
        let has_fired = |place: u16| {
            let rung = ladder.rungs.get(usize::from(place));
            rung.is_some_and(|rung| armed.fired.contains(&rung.name()))
        };
        let scene = Scene { due: Some(due), ..self.scene(Some(key)) };
        let since = since(&item, side).unwrap_or(self.at);
        let arming = only(self.arm_since(side, ladder, &scene, since), |place| {
            let wanted = if known.contains(&place) { anew && is_to_come(place) } else { true };
            wanted && !has_fired(place)
        });
        let own: BTreeSet<(u16, Instant)> = armed
            .rungs
            .iter()
            .filter(|rung| rung.behind.is_none())
            .map(|rung| (rung.rung, rung.at))
            .collect();
        let repeats = arming.repeats.iter().map(|(rung, at, _)| (*rung, *at));
        let fresh: BTreeSet<(u16, Instant)> = arming.rungs.iter().copied().chain(repeats).collect();
        if if anew { own != fresh } else { !fresh.is_empty() } {
            self.push(Fact::RungsArmed { item: key.clone(), side, arming, anew });
        }
    }
}

/// What differs between two versions of a ladder, each once.
fn say(
    weighing: &mut Weighing,
    old: &Ladder,
    new: Option<&Ladder>,
    map: &LadderMap,
    added: &[u16],
) {
    let takes = weighing.takes(Take::Ladder);
    let mut note = |from: String, to: String, done: Done| {
        let title = old.name.clone();
        let change = Change {
            what: Take::Ladder,
            task: None,
            item: None,
            title,
            from,
            to,
            done,
            note: None,
        };
        if !weighing.changes.contains(&change) {
            weighing.changes.push(change);
        }
    };
    let Some(new) = new else {
        note(old.name.clone(), String::new(), Done::Taken);
        return;
    };
    if new.name != old.name {
        note(old.name.clone(), new.name.clone(), Done::Taken);
    }
    for (place, rung) in (0_u16..).zip(&old.rungs) {
        match map.rungs.get(&place).and_then(|place| new.rungs.get(usize::from(*place))) {
            None => note(described(rung), String::new(), Done::Taken),
            Some(now) if now.when() != rung.when() => {
                let done = if takes { Done::Taken } else { Done::Kept };
                note(described(rung), described(now), done);
            }
            Some(_) => {}
        }
    }
    for rung in added.iter().filter_map(|place| new.rungs.get(usize::from(*place))) {
        note(String::new(), described(rung), Done::Taken);
    }
}

/// A rung as people read it: what it does, and when.
fn described(rung: &Rung) -> String {
    let name = rung.id.clone().unwrap_or_else(|| duban_script::in_chinese(&rung.run));
    let words = rung.words.iter().map(|(_, word)| word.clone());
    let parts = std::iter::once(name).chain(words).chain([duban_script::in_chinese(&rung.when())]);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// For each rung when it would fire, as far as an instant says so.
fn times(program: &Program, ladder: &Ladder, scene: &Scene) -> Vec<Option<Instant>> {
    let tz = program.definition().suite.time_zone;
    let at = |rung: &Rung| {
        let (Trigger::At(expr) | Trigger::Every { after: expr, .. }) = &rung.trigger else {
            return None;
        };
        program.eval(expr, scene).ok()?.to_instant(tz)
    };
    ladder.rungs.iter().map(at).collect()
}

/// Whether two rungs are one.
type Same<'f> = &'f dyn Fn(&Rung, &Rung) -> bool;

/// Old place, new place of every rung that both versions have: by id; without one by what it does,
/// and among equals first by the words that say when, then by their order in time.
fn known_again(
    old: (&Ladder, &[Option<Instant>]),
    new: (&Ladder, &[Option<Instant>]),
) -> BTreeMap<u16, u16> {
    let same_id = |a: &Rung, b: &Rung| a.id.is_some() && a.id == b.id;
    let same_deed = |a: &Rung, b: &Rung| (a.id.is_none() || b.id.is_none()) && a.deed() == b.deed();
    let unmoved = |a: &Rung, b: &Rung| same_deed(a, b) && a.when() == b.when();
    let mut map = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let (from, to) = (in_time(old), in_time(new));
    for same in [&same_id as Same<'_>, &unmoved, &same_deed] {
        for (place, rung) in &from {
            if map.contains_key(place) {
                continue;
            }
            let found =
                to.iter().find(|(place, other)| !taken.contains(place) && same(rung, other));
            if let Some((found, _)) = found {
                map.insert(*place, *found);
                taken.insert(*found);
            }
        }
    }
    map
}

/// Rungs with their places in the order in which they fire; those of no instant last.
fn in_time<'l>((ladder, times): (&'l Ladder, &[Option<Instant>])) -> Vec<(u16, &'l Rung)> {
    let mut rungs: Vec<(u16, &Rung)> = (0_u16..).zip(&ladder.rungs).collect();
    rungs.sort_by_key(|(place, _)| {
        let at = times.get(usize::from(*place)).copied().flatten();
        (at.is_none(), at, *place)
    });
    rungs
}

/// Whether a rung is armed by an instant of its own.
fn has_instant(rung: &Rung) -> bool {
    matches!(rung.trigger, Trigger::At(_) | Trigger::Every { .. })
}

/// An arming without the rungs that are not wanted.
pub(super) fn only(mut arming: Arming, wanted: impl Fn(u16) -> bool) -> Arming {
    arming.rungs.retain(|(rung, _)| wanted(*rung));
    arming.repeats.retain(|(rung, _, _)| wanted(*rung));
    arming.collapsed.retain(|rung| wanted(*rung));
    arming
}
