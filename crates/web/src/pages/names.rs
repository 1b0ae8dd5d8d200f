//! Units, posts and people as people write them, and the names that a page suggests.

use std::collections::BTreeSet;

use duban_model::{Assignee, Directory, PersonId, Unit, UnitId};

/// Names that a page suggests of each kind; others are written out.
const SUGGESTED_MAX: usize = 300;

/// Something that may be written into a field, and what is read beside it.
pub(crate) struct Name {
    pub(crate) value: String,
    pub(crate) beside: String,
}

/// A post, unit or person by what people write: `单位 岗位`, a unit's name, a person's name, or
/// the exact form that the engine writes.
///
/// # Errors
///
/// What is wrong with it, in Chinese.
pub(crate) fn assignee(text: &str, directory: &Directory) -> Result<Assignee, String> {
    if let Ok(exact) = text.parse() {
        return Ok(exact);
    }
    let text = text.replace('\u{3000}', " ");
    if let Some((unit, post)) = text.rsplit_once(' ') {
        let has_post = |one: &&Unit| directory.post(&one.id, post.trim()).is_some();
        let mut units = directory.units_named(unit.trim()).filter(has_post);
        if let (Some(unit), None) = (units.next(), units.next()) {
            return Ok(Assignee::Post(unit.id.clone(), post.trim().into()));
        }
    }
    let mut units = directory.units_named(&text);
    if let (Some(unit), None) = (units.next(), units.next()) {
        return Ok(Assignee::Unit(unit.id.clone()));
    }
    match person(&text, directory) {
        Ok(person) => Ok(Assignee::Person(person)),
        Err(_) => Err(format!("通讯录里找不到唯一的“{text}”；可写“单位 岗位”、单位名或人名")),
    }
}

/// A person by their name where only one has it, by their id, or in the exact form.
///
/// # Errors
///
/// What is wrong with it, in Chinese.
pub(crate) fn person(text: &str, directory: &Directory) -> Result<PersonId, String> {
    if let Ok(Assignee::Person(person)) = text.parse() {
        return Ok(person);
    }
    if let Some(person) = directory.person(&text.into()) {
        return Ok(person.id.clone());
    }
    let mut people = directory.data().people.iter().filter(|one| one.name == text);
    match (people.next(), people.next()) {
        (Some(person), None) => Ok(person.id.clone()),
        _ => Err(format!("通讯录里找不到唯一的人“{text}”；同名的请从列出的人中选择")),
    }
}

/// Units in the order in which they are likely to be meant: those near a unit, then the others.
fn units_near<'a>(near: &UnitId, directory: &'a Directory) -> Vec<&'a Unit> {
    let above: Vec<&Unit> = directory.chain(near).collect();
    let beside = above.get(1).into_iter().flat_map(|unit| directory.children(&unit.id));
    let around = above.iter().copied().chain(directory.children(near)).chain(beside);
    let mut seen = BTreeSet::new();
    let all = around.chain(directory.units()).filter(|unit| seen.insert(&unit.id));
    all.take(SUGGESTED_MAX).collect()
}

/// What a field for a unit, post or person suggests.
pub(crate) fn assignees(near: &UnitId, directory: &Directory) -> Vec<Name> {
    let mut names = Vec::new();
    for unit in units_near(near, directory) {
        let posts = directory.posts(&unit.id);
        let posts = posts.map(|post| Assignee::Post(unit.id.clone(), post.name.as_str().into()));
        for who in std::iter::once(Assignee::Unit(unit.id.clone())).chain(posts) {
            let name = directory.name_of(&who);
            let is_clear = assignee(&name, directory).is_ok_and(|found| found == who);
            let holder = match &who {
                Assignee::Post(..) => directory.holders(&who).first().cloned(),
                Assignee::Unit(_) | Assignee::Person(_) => None,
            };
            let holder = holder.and_then(|one| directory.person(&one));
            names.push(Name {
                beside: match (is_clear, holder) {
                    (true, Some(person)) => person.name.clone(),
                    (true, None) => String::new(),
                    (false, _) => name.clone(),
                },
                value: if is_clear { name } else { who.to_string() },
            });
        }
    }
    names.truncate(SUGGESTED_MAX);
    names
}

/// What a field for a person suggests: those with posts near a unit first.
pub(crate) fn people(near: &UnitId, directory: &Directory) -> Vec<Name> {
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for unit in units_near(near, directory) {
        for post in directory.posts(&unit.id) {
            for holder in post.holders.iter().filter(|holder| seen.insert(*holder)) {
                let Some(found) = directory.person(holder) else { continue };
                let is_clear = person(&found.name, directory).is_ok_and(|one| one == *holder);
                let place = format!("{} {}", unit.name, post.name);
                names.push(Name {
                    value: if is_clear { found.name.clone() } else { format!("person:{holder}") },
                    beside: if is_clear { place } else { format!("{}，{place}", found.name) },
                });
            }
        }
    }
    names.truncate(SUGGESTED_MAX);
    names
}
