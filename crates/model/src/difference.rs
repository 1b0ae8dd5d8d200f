//! What differs between two directories, for people who decide whether one takes the other's
//! place.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::directory::{Assignee, Directory, Person, Post, StandIn, Unit};
use crate::ids::{PersonId, UnitId};

/// Things that came, changed and went. The order is that of the newer directory, of what went
/// that of the older.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Changes<T> {
    added: Vec<T>,
    changed: Vec<(T, T)>,
    removed: Vec<T>,
}

/// Another set of people at one post.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HolderChange {
    /// The unit.
    pub unit: UnitId,
    /// The post's name.
    pub post: String,
    /// Who held it.
    pub before: Vec<PersonId>,
    /// Who holds it; empty: nobody, or the post is gone.
    pub after: Vec<PersonId>,
}

/// What differs between two directories.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    units: Changes<Unit>,
    posts: Changes<Post>,
    people: Changes<Person>,
    stand_ins: Changes<StandIn>,
    /// Posts whose holders change; those that are gone are among them if somebody held them.
    pub holders: Vec<HolderChange>,
    /// Units whose answering post, the first one, is another.
    pub answering: Vec<UnitId>,
}

/// One kind of change, with what people read.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Section {
    /// The kind, for example `units_added`.
    pub key: &'static str,
    /// What people read.
    #[serde(skip)]
    pub zh: &'static str,
    /// What people read in English.
    #[serde(skip)]
    pub en: &'static str,
    /// How many there are.
    pub total: usize,
    /// The first of them.
    pub lines: Vec<String>,
}

/// How many of how many are lost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Loss {
    /// Lost.
    pub lost: usize,
    /// Of how many.
    pub of: usize,
}

impl Loss {
    /// Whether more than that many percent are lost.
    pub fn exceeds(self, percent_max: u32) -> bool {
        let percent = usize::try_from(percent_max).unwrap_or(usize::MAX);
        self.lost.saturating_mul(100) > self.of.saturating_mul(percent)
    }
}

/// What would be lost if the newer directory took the older one's place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Units that are gone.
    pub units: Loss,
    /// Held posts that nobody holds any more.
    pub posts: Loss,
    /// People who are gone.
    pub people: Loss,
}

fn compare<T: Clone + PartialEq, K: Ord>(
    before: &[T],
    after: &[T],
    key: impl Fn(&T) -> K,
) -> Changes<T> {
    let mut old: BTreeMap<K, &T> = before.iter().map(|one| (key(one), one)).collect();
    let mut changes = Changes { added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
    for new in after {
        match old.remove(&key(new)) {
            None => changes.added.push(new.clone()),
            Some(old) if old != new => changes.changed.push((old.clone(), new.clone())),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|one| old.contains_key(&key(one)));
    changes.removed = gone.cloned().collect();
    changes
}

impl Difference {
    /// Compares two directories. Where a list is in another order, the posts of a unit alone
    /// count: the first one answers for it.
    pub fn between(before: &Directory, after: &Directory) -> Self {
        let (old, new) = (before.data(), after.data());
        let posts = compare(&old.posts, &new.posts, |post| (post.unit.clone(), post.name.clone()));
        let answers = |directory: &Directory, unit: &UnitId| {
            directory.posts(unit).next().map(|post| post.name.clone())
        };
        let both = new.units.iter().filter(|unit| before.unit(&unit.id).is_some());
        let other = both.filter(|unit| answers(before, &unit.id) != answers(after, &unit.id));
        Self {
            units: compare(&old.units, &new.units, |unit| unit.id.clone()),
            people: compare(&old.people, &new.people, |person| person.id.clone()),
            stand_ins: compare(&old.stand_ins, &new.stand_ins, |one| {
                (one.absent.clone(), one.by.clone(), one.from)
            }),
            holders: holder_changes(&posts),
            answering: other.map(|unit| unit.id.clone()).collect(),
            posts,
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.sections(0).is_empty()
    }

    /// Posts that were held and that nobody holds any more.
    pub fn vacated(&self) -> impl Iterator<Item = &HolderChange> {
        self.holders.iter().filter(|one| !one.before.is_empty() && one.after.is_empty())
    }

    /// Those who answer for something else than before: open tasks of theirs have another owner.
    pub fn affected(&self, before: &Directory, after: &Directory) -> Vec<Assignee> {
        let mut all = Vec::new();
        let mut units: Vec<&UnitId> = self.answering.iter().collect();
        for one in &self.holders {
            if one.before.first() != one.after.first() {
                all.push(Assignee::Post(one.unit.clone(), one.post.as_str().into()));
            }
            units.push(&one.unit);
        }
        units.extend(self.units.removed.iter().map(|unit| &unit.id));
        units.sort();
        units.dedup();
        let answers = |directory: &Directory, unit: &UnitId| {
            directory.holders(&Assignee::Unit(unit.clone())).first().cloned()
        };
        let other = units.into_iter().filter(|unit| answers(before, unit) != answers(after, unit));
        all.extend(other.map(|unit| Assignee::Unit(unit.clone())));
        all.extend(self.people.removed.iter().map(|one| Assignee::Person(one.id.clone())));
        all
    }

    /// What would be lost.
    pub fn losses(&self, before: &Directory) -> Losses {
        let data = before.data();
        let held = data.posts.iter().filter(|post| !post.holders.is_empty()).count();
        Losses {
            units: Loss { lost: self.units.removed.len(), of: data.units.len() },
            posts: Loss { lost: self.vacated().count(), of: held },
            people: Loss { lost: self.people.removed.len(), of: data.people.len() },
        }
    }

    /// The changes by kind, those that there are, each with its first `lines_max` lines.
    pub fn sections(&self, lines_max: usize) -> Vec<Section> {
        let max = lines_max;
        let vacated: Vec<&HolderChange> = self.vacated().collect();
        let handed: Vec<&HolderChange> =
            self.holders.iter().filter(|one| !one.after.is_empty()).collect();
        let newer = |(_, new): &(StandIn, StandIn)| stand_in(new);
        let lists = [
            told(&self.units.added, unit, max),
            told(&self.units.changed, unit_change, max),
            told(&self.units.removed, unit, max),
            told(&self.posts.added, post, max),
            told(&self.posts.removed, post, max),
            told(&handed, handing, max),
            told(&vacated, handing, max),
            told(&self.answering, ToString::to_string, max),
            told(&self.people.added, person, max),
            told(&self.people.changed, person_change, max),
            told(&self.people.removed, person, max),
            told(&self.stand_ins.added, stand_in, max),
            told(&self.stand_ins.changed, newer, max),
            told(&self.stand_ins.removed, stand_in, max),
        ];
        let named = KINDS.into_iter().zip(lists).filter(|(_, (total, _))| *total > 0);
        let section = |((key, zh, en), (total, lines))| Section { key, zh, en, total, lines };
        named.map(section).collect()
    }
}

/// The kinds of changes in the order in which they are told.
const KINDS: [(&str, &str, &str); 14] = [
    ("units_added", "新增单位", "Units added"),
    ("units_changed", "变更单位", "Units changed"),
    ("units_removed", "减少单位", "Units removed"),
    ("posts_added", "新增岗位", "Posts added"),
    ("posts_removed", "减少岗位", "Posts removed"),
    ("holders_changed", "换人的岗位", "Posts held by others"),
    ("posts_vacated", "空出的岗位", "Posts left vacant"),
    ("answering_changed", "首位岗位变了的单位", "Units with another first post"),
    ("people_added", "新增人员", "People added"),
    ("people_changed", "变更人员", "People changed"),
    ("people_removed", "减少人员", "People removed"),
    ("stand_ins_added", "新增代理", "Stand-ins added"),
    ("stand_ins_changed", "变更代理", "Stand-ins changed"),
    ("stand_ins_removed", "减少代理", "Stand-ins removed"),
];

/// How many there are, and the first of them as people read them.
fn told<T>(all: &[T], line: impl Fn(&T) -> String, max: usize) -> (usize, Vec<String>) {
    (all.len(), all.iter().take(max).map(line).collect())
}

fn holder_changes(posts: &Changes<Post>) -> Vec<HolderChange> {
    let change = |post: &Post, before: &[PersonId], after: &[PersonId]| HolderChange {
        unit: post.unit.clone(),
        post: post.name.clone(),
        before: before.to_vec(),
        after: after.to_vec(),
    };
    let changed = posts.changed.iter().map(|(old, new)| change(new, &old.holders, &new.holders));
    let gone = posts.removed.iter().filter(|post| !post.holders.is_empty());
    changed.chain(gone.map(|old| change(old, &old.holders, &[]))).collect()
}

fn joined(people: &[PersonId]) -> String {
    let people: Vec<&str> = people.iter().map(PersonId::as_str).collect();
    if people.is_empty() { "无人".to_owned() } else { people.join("、") }
}

fn unit(unit: &Unit) -> String {
    format!("{} {}", unit.id, unit.name)
}

fn post(post: &Post) -> String {
    format!("{} {}：{}", post.unit, post.name, joined(&post.holders))
}

fn handing(change: &&HolderChange) -> String {
    let (before, after) = (joined(&change.before), joined(&change.after));
    format!("{} {}：{before} → {after}", change.unit, change.post)
}

fn person(person: &Person) -> String {
    format!("{} {}", person.id, person.name)
}

fn stand_in(one: &StandIn) -> String {
    format!("{} 至 {}：{} 由 {} 代理", one.from, one.until, one.absent, one.by)
}

/// `名称：旧 → 新` for each property that differs.
fn listed(head: String, properties: &[(&str, String, String)]) -> String {
    let differing = properties.iter().filter(|(_, old, new)| old != new);
    let changes: Vec<String> =
        differing.map(|(name, old, new)| format!("{name} {old} → {new}")).collect();
    format!("{head}：{}", changes.join("；"))
}

fn unit_change((old, new): &(Unit, Unit)) -> String {
    let superior =
        |unit: &Unit| unit.superior.as_ref().map_or("无".to_owned(), ToString::to_string);
    let since = |unit: &Unit| unit.since.map_or("无".to_owned(), |date| date.to_string());
    let predecessors =
        |unit: &Unit| unit.predecessors.iter().map(UnitId::as_str).collect::<Vec<_>>().join("、");
    listed(
        new.id.to_string(),
        &[
            ("名称", old.name.clone(), new.name.clone()),
            ("级别", old.level.clone(), new.level.clone()),
            ("上级", superior(old), superior(new)),
            ("标签", old.tags.join("、"), new.tags.join("、")),
            ("设立日期", since(old), since(new)),
            ("前身", predecessors(old), predecessors(new)),
        ],
    )
}

/// Addresses are named, not shown: whoever decides need not read them.
fn person_change((old, new): &(Person, Person)) -> String {
    let mut channels: Vec<&str> = old.addresses.keys().map(String::as_str).collect();
    channels.extend(new.addresses.keys().map(String::as_str));
    channels.sort_unstable();
    channels.dedup();
    channels.retain(|channel| old.addresses.get(*channel) != new.addresses.get(*channel));
    let mut line = if old.name == new.name {
        format!("{} {}", new.id, new.name)
    } else {
        format!("{} {} → {}", new.id, old.name, new.name)
    };
    if !channels.is_empty() {
        line.push_str(&format!("：地址 {}", channels.join("、")));
    }
    line
}
