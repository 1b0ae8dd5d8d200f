//! Reads `directory.yaml`: units, posts, people, absences.

use std::collections::{BTreeMap, BTreeSet};

use crate::absence::check_stand_in;
use crate::definition::Place;
use crate::directory::{
    Directory, DirectoryData, DirectoryError, Former, Person, Post, StandIn, Unit,
};
use crate::ids::{PersonId, UnitId};
use crate::load::any_error;
use crate::problem::Problem;
use crate::read::{Keys, Reader, closest};
use crate::wording::What;
use crate::yaml::{Kind, Node};

/// Beyond this many problems names are no longer suggested.
const SUGGESTIONS_MAX: usize = 100;

/// Absences of a file among which circles are looked for: each is compared with all before it.
const ABSENCES_COMPARED_MAX: usize = 500;

/// Reads a directory. `None` if any of it is wrong, since half a directory would send work to the
/// wrong people.
pub(crate) fn read_directory(
    r: &mut Reader<'_>,
    root: &Node,
    levels: &[(String, String)],
) -> Option<Directory> {
    let before = r.problems.len();
    let mut keys = r.keys(root)?;
    let units = read_all(r, &mut keys, "units", read_unit);
    let posts = read_all(r, &mut keys, "posts", read_post);
    let people = read_all(r, &mut keys, "people", read_person);
    let stand_ins = read_all(r, &mut keys, "stand_ins", read_stand_in);
    keys.finish(r);
    check_units(r, &units, levels);
    check_posts(r, &posts, &units, &people);
    check_people(r, &people, &stand_ins);
    if any_error(&r.problems[before..]) {
        return None;
    }
    let data = DirectoryData {
        came: BTreeMap::new(),
        units: values(units),
        posts: values(posts),
        people: values(people),
        stand_ins: values(stand_ins),
        former: Former::default(),
    };
    Directory::new(data).map_err(|error| report(r, root, &error)).ok()
}

/// A value with the node that it was read from.
type At<'n, T> = (T, &'n Node);

fn values<T>(read: Vec<At<'_, T>>) -> Vec<T> {
    read.into_iter().map(|(value, _)| value).collect()
}

fn read_all<'n, T>(
    r: &mut Reader<'_>,
    keys: &mut Keys<'n>,
    key: &'static str,
    read: impl Fn(&mut Reader<'_>, &mut Keys<'n>) -> Option<T>,
) -> Vec<At<'n, T>> {
    let Some(list) = keys.take(key) else { return Vec::new() };
    let mut found = Vec::new();
    for node in r.items(list) {
        let Some(mut entry) = r.keys(node) else { continue };
        let value = read(r, &mut entry);
        entry.finish(r);
        found.extend(value.map(|value| (value, node)));
    }
    found
}

fn required(
    r: &mut Reader<'_>,
    keys: &mut Keys<'_>,
    key: &'static str,
    what: What,
) -> Option<String> {
    let node = keys.require(r, key)?;
    let text = r.text(node)?;
    if let Err(bad) = what.check(&text) {
        r.error("DB1313", node, bad.zh());
    }
    Some(text)
}

fn read_unit(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<Unit> {
    let id = required(r, keys, "id", What::Unit);
    let name = required(r, keys, "name", What::UnitName);
    let level = required(r, keys, "level", What::Level);
    let superior = keys.text(r, "superior").map(UnitId::new);
    let tags = keys.texts(r, "tags");
    let since = keys.take("since").and_then(|node| r.date(node));
    let predecessors = keys.texts(r, "predecessors").into_iter().map(UnitId::new).collect();
    let id = UnitId::new(id?);
    Some(Unit { id, name: name?, level: level?, superior, tags, since, predecessors })
}

fn read_post(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<Post> {
    let unit = required(r, keys, "unit", What::Unit).map(UnitId::new);
    let name = required(r, keys, "name", What::Post);
    let holders = keys.texts(r, "holders").iter().map(PersonId::new).collect();
    Some(Post { unit: unit?, name: name?, holders })
}

fn read_person(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<Person> {
    let id = required(r, keys, "id", What::Person).map(PersonId::new);
    let name = required(r, keys, "name", What::PersonName);
    let mut addresses = BTreeMap::new();
    if let Some(node) = keys.take("addresses") {
        for (channel, address) in r.map(node) {
            if let (Some(channel), Some(address)) = (r.text(channel), r.text(address)) {
                addresses.insert(channel, address);
            }
        }
    }
    Some(Person { id: id?, name: name?, addresses })
}

fn read_stand_in(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<StandIn> {
    let absent = required(r, keys, "absent", What::Person).map(PersonId::new);
    let by = required(r, keys, "by", What::Person).map(PersonId::new);
    let from = keys.require(r, "from").and_then(|node| r.date(node));
    let until = keys.require(r, "until").and_then(|node| r.date(node));
    let (absent, by, from, until) = (absent?, by?, from?, until?);
    Some(StandIn { absent, by, from, until, set: None, ended: None })
}

/// The node of a key, or that of the whole entry.
fn at<'n>(node: &'n Node, key: &str) -> &'n Node {
    node.get(key).unwrap_or(node)
}

fn check_units(r: &mut Reader<'_>, units: &[At<'_, Unit>], levels: &[(String, String)]) {
    let mut superiors = BTreeMap::new();
    for (unit, node) in units {
        if superiors.insert(unit.id.as_str(), unit.superior.as_ref()).is_some() {
            r.error("DB1301", at(node, "id"), format!("单位代码 `{}` 重复", unit.id));
        }
        if !levels.is_empty() && !levels.iter().any(|(level, _)| *level == unit.level) {
            let known: Vec<&str> = levels.iter().map(|(level, _)| level.as_str()).collect();
            let message = format!("没有层级 `{}`", unit.level);
            let help = format!("suite.yaml 的层级：{}", known.join("、"));
            r.error_help("DB1304", at(node, "level"), message, help);
        }
    }
    for (unit, node) in units {
        let Some(superior) = &unit.superior else { continue };
        if superiors.contains_key(superior.as_str()) {
            continue;
        }
        unknown(r, at(node, "superior"), "单位", superior.as_str(), superiors.keys().copied());
    }
    check_circles(r, units, &superiors);
}

/// Reports each circle of superiors once, at its first unit.
fn check_circles(
    r: &mut Reader<'_>,
    units: &[At<'_, Unit>],
    superiors: &BTreeMap<&str, Option<&UnitId>>,
) {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for (unit, node) in units {
        let mut path: Vec<&str> = Vec::new();
        let mut on_path: BTreeSet<&str> = BTreeSet::new();
        let mut next = Some(unit.id.as_str());
        while let Some(id) = next.filter(|id| !settled.contains(id)) {
            if !on_path.insert(id) {
                let start = path.iter().position(|step| *step == id).unwrap_or_default();
                let circle = path[start..].join(" → ");
                let message = format!("上级绕成了圈：{circle} → {id}");
                r.error("DB1303", at(node, "superior"), message);
                break;
            }
            path.push(id);
            next = superiors.get(id).copied().flatten().map(UnitId::as_str);
        }
        settled.extend(path);
    }
}

fn check_posts(
    r: &mut Reader<'_>,
    posts: &[At<'_, Post>],
    units: &[At<'_, Unit>],
    people: &[At<'_, Person>],
) {
    let units: BTreeSet<&str> = units.iter().map(|(unit, _)| unit.id.as_str()).collect();
    let people: BTreeSet<&str> = people.iter().map(|(person, _)| person.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    for (post, node) in posts {
        if !units.contains(post.unit.as_str()) {
            unknown(r, at(node, "unit"), "单位", post.unit.as_str(), units.iter().copied());
        }
        if !seen.insert((post.unit.as_str(), post.name.as_str())) {
            r.error("DB1301", at(node, "name"), format!("岗位 `{} {}` 重复", post.unit, post.name));
        }
        for holder in &post.holders {
            if !people.contains(holder.as_str()) {
                unknown(r, at(node, "holders"), "人员", holder.as_str(), people.iter().copied());
            }
        }
    }
}

fn check_people(r: &mut Reader<'_>, people: &[At<'_, Person>], stand_ins: &[At<'_, StandIn>]) {
    let mut known = BTreeSet::new();
    for (person, node) in people {
        if !known.insert(person.id.as_str()) {
            r.error("DB1301", at(node, "id"), format!("人员 `{}` 重复", person.id));
        }
    }
    let mut before: Vec<StandIn> = Vec::new();
    for (entry, node) in stand_ins {
        for (key, person) in [("absent", &entry.absent), ("by", &entry.by)] {
            if !known.contains(person.as_str()) {
                unknown(r, at(node, key), "人员", person.as_str(), known.iter().copied());
            }
        }
        if entry.until < entry.from {
            r.error("DB1015", at(node, "until"), "结束日期在开始日期之前");
        } else if let Err(error) = check_stand_in(known_absences(&before), entry) {
            r.error("DB1312", at(node, "absent"), error.zh());
            continue;
        }
        before.push((*entry).clone());
    }
}

/// Those among which circles are looked for.
fn known_absences(before: &[StandIn]) -> &[StandIn] {
    &before[..before.len().min(ABSENCES_COMPARED_MAX)]
}

fn unknown<'a>(
    r: &mut Reader<'_>,
    node: &Node,
    what: &str,
    id: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let problem = Problem::error("DB1302", &node.place(), format!("没有{what} `{id}`"));
    // A wrong column would ask for thousands of suggestions over thousands of names.
    let few = r.problems.len() < SUGGESTIONS_MAX;
    let near = if few { closest(id, known) } else { None };
    let help = near.map(|near| format!("是否想写 `{near}`？"));
    r.problems.push(Problem { help, ..problem });
}

/// What only the directory itself found.
fn report(r: &mut Reader<'_>, root: &Node, error: &DirectoryError) {
    let whole = Place { line: 1, column: 1, length: 0, ..root.place() };
    let place = match error {
        DirectoryError::TooDeep(unit) => superior_of(root, unit).unwrap_or(whole),
        _ => whole,
    };
    r.problems.push(Problem::error(error.code(), &place, error.zh()));
}

/// Where the superior of a unit is written.
fn superior_of(root: &Node, unit: &UnitId) -> Option<Place> {
    let Kind::List(units) = &root.get("units")?.kind else { return None };
    let is_it = |node: &&Node| node.get("id").and_then(Node::text) == Some(unit.as_str());
    units.iter().find(is_it).map(|node| at(node, "superior").place())
}
