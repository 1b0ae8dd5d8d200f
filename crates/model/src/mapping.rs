//! A directory out of another system's JSON: where the lists lie, and what their fields are
//! called.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::directory::{DirectoryData, Former, Person, Post, Unit};
use crate::ids::{PersonId, UnitId};
use crate::wording::says_nothing;

/// The most problems that are told.
const TOLD_MAX: usize = 20;

/// How to read a directory out of JSON. Lists are JSON pointers (RFC 6901) from the root, fields
/// are names, or pointers from the record: `dept/code` is the `code` of its `dept`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Units.
    pub units: UnitsMapping,
    /// Posts, or people at posts.
    pub posts: PostsMapping,
    /// People.
    pub people: PeopleMapping,
}

/// Units.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct UnitsMapping {
    /// The list, for example `/data/depts`.
    pub list: String,
    /// The code.
    pub id: String,
    /// The name.
    pub name: String,
    /// The level; a unit without one gets `level_default`.
    pub level: Option<String>,
    /// The level of units that name none.
    pub level_default: Option<String>,
    /// Levels by what the other system calls them; what is not listed stays as it is.
    #[serde(default)]
    pub levels: BTreeMap<String, String>,
    /// The superior's code.
    pub superior: String,
    /// What stands for no superior besides nothing at all, for example `0`.
    #[serde(default)]
    pub roots: Vec<String>,
    /// Tags: a list of texts.
    pub tags: Option<String>,
}

/// Posts. Several records of one post are one post with several holders.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PostsMapping {
    /// The list.
    pub list: String,
    /// The unit's code.
    pub unit: String,
    /// The post's name.
    pub name: String,
    /// Who holds it: an id, or a list of them.
    pub holders: String,
}

/// People.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PeopleMapping {
    /// The list.
    pub list: String,
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Addresses: a field for each channel.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
}

impl Mapping {
    /// Reads a directory without absences.
    ///
    /// # Errors
    ///
    /// The first problems, each with the pointer to what is wrong.
    pub fn read(&self, json: &Json) -> Result<DirectoryData, Vec<String>> {
        let mut problems = Vec::new();
        let data = DirectoryData {
            came: BTreeMap::new(),
            units: self.read_units(json, &mut problems),
            posts: self.read_posts(json, &mut problems),
            people: self.read_people(json, &mut problems),
            stand_ins: Vec::new(),
            former: Former::default(),
        };
        if problems.is_empty() {
            return Ok(data);
        }
        if problems.len() > TOLD_MAX {
            let rest = problems.len() - TOLD_MAX;
            problems.truncate(TOLD_MAX);
            problems.push(format!("另有 {rest} 处"));
        }
        Err(problems)
    }

    fn read_units(&self, json: &Json, problems: &mut Vec<String>) -> Vec<Unit> {
        let map = &self.units;
        let mut units = Vec::new();
        for record in records(json, &map.list, problems) {
            let id = record.require(&map.id, problems);
            let name = record.require(&map.name, problems);
            let level = map.level.as_ref().and_then(|field| record.text(field));
            let level = level.or_else(|| map.level_default.clone());
            if level.is_none() {
                problems.push(format!("{}：没有级别，也没有 level_default", record.place));
            }
            let (Some(id), Some(name), Some(level)) = (id, name, level) else { continue };
            let superior = record.text(&map.superior).filter(|text| !map.roots.contains(text));
            let tags = map.tags.as_ref().map(|field| record.texts(field));
            units.push(Unit {
                superior: superior.filter(|superior| *superior != id).map(UnitId::new),
                id: UnitId::new(id),
                name,
                level: map.levels.get(&level).cloned().unwrap_or(level),
                tags: tags.unwrap_or_default(),
                since: None,
                predecessors: Vec::new(),
            });
        }
        units
    }

    fn read_posts(&self, json: &Json, problems: &mut Vec<String>) -> Vec<Post> {
        let map = &self.posts;
        let mut posts: Vec<Post> = Vec::new();
        let mut known: BTreeMap<(String, String), usize> = BTreeMap::new();
        for record in records(json, &map.list, problems) {
            let unit = record.require(&map.unit, problems);
            let name = record.require(&map.name, problems);
            let (Some(unit), Some(name)) = (unit, name) else { continue };
            let at = *known.entry((unit.clone(), name.clone())).or_insert(posts.len());
            if at == posts.len() {
                posts.push(Post { unit: UnitId::new(unit), name, holders: Vec::new() });
            }
            for holder in record.texts(&map.holders).iter().map(PersonId::new) {
                if !posts[at].holders.contains(&holder) {
                    posts[at].holders.push(holder);
                }
            }
        }
        posts
    }

    fn read_people(&self, json: &Json, problems: &mut Vec<String>) -> Vec<Person> {
        let map = &self.people;
        let mut people = Vec::new();
        for record in records(json, &map.list, problems) {
            let id = record.require(&map.id, problems);
            let name = record.require(&map.name, problems);
            let (Some(id), Some(name)) = (id, name) else { continue };
            let address =
                |(channel, field): (&String, &String)| Some((channel.clone(), record.text(field)?));
            let addresses = map.addresses.iter().filter_map(address).collect();
            people.push(Person { id: PersonId::new(id), name, addresses });
        }
        people
    }
}

/// One record of a list, and where it lies.
struct Record<'j> {
    value: &'j Json,
    place: String,
}

fn records<'j>(json: &'j Json, list: &str, problems: &mut Vec<String>) -> Vec<Record<'j>> {
    let Some(Json::Array(all)) = json.pointer(&pointer(list)) else {
        problems.push(format!("`{list}` 处没有列表"));
        return Vec::new();
    };
    let record =
        |(at, value)| Record { value, place: format!("{}/{at}", list.trim_end_matches('/')) };
    all.iter().enumerate().map(record).collect()
}

/// A name is a pointer of one step; the empty one is the record itself.
fn pointer(field: &str) -> String {
    if field.is_empty() || field.starts_with('/') { field.to_owned() } else { format!("/{field}") }
}

impl Record<'_> {
    fn text(&self, field: &str) -> Option<String> {
        self.value.pointer(&pointer(field)).and_then(text_of)
    }

    fn texts(&self, field: &str) -> Vec<String> {
        match self.value.pointer(&pointer(field)) {
            Some(Json::Array(values)) => values.iter().filter_map(text_of).collect(),
            Some(one) => text_of(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn require(&self, field: &str, problems: &mut Vec<String>) -> Option<String> {
        let text = self.text(field);
        if text.is_none() {
            problems.push(format!("{}{} 没有值", self.place, pointer(field)));
        }
        text
    }
}

fn text_of(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    (!says_nothing(&text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping() -> Mapping {
        serde_json::from_value(json!({
            "units": { "list": "/data/depts", "id": "code", "name": "title", "level": "kind/no",
                       "levels": { "1": "city" }, "superior": "parent", "roots": ["0"] },
            "posts": { "list": "/data/jobs", "unit": "dept", "name": "job", "holders": "user" },
            "people": { "list": "/data/users", "id": "uid", "name": "cn",
                        "addresses": { "email": "mail" } },
        }))
        .unwrap()
    }

    #[test]
    fn lists_and_fields_are_found_by_pointers() {
        let json = json!({ "data": {
            "depts": [{ "code": 3701, "title": "市", "kind": { "no": 1 }, "parent": "0" },
                      { "code": "D", "title": "区", "kind": { "no": "district" }, "parent": 3701 }],
            "jobs": [{ "dept": "D", "job": "书记", "user": "li" },
                     { "dept": "D", "job": "书记", "user": ["li", 7] }],
            "users": [{ "uid": "li", "cn": "李四", "mail": "li@example.org" },
                      { "uid": 7, "cn": "七", "mail": null }],
        } });
        let data = mapping().read(&json).unwrap();
        assert_eq!((data.units[0].level.as_str(), &data.units[0].superior), ("city", &None));
        assert_eq!(data.units[1].superior, Some("3701".into()));
        assert_eq!(data.posts.len(), 1);
        assert_eq!(data.posts[0].holders, ["li".into(), "7".into()]);
        assert_eq!(data.people[0].addresses["email"], "li@example.org");
        assert!(crate::Directory::new(data).is_ok());
    }

    #[test]
    fn what_is_missing_is_told_with_its_pointer() {
        let json =
            json!({ "data": { "depts": [{ "code": "D", "kind": {} }], "jobs": {}, "users": [] } });
        let problems = mapping().read(&json).unwrap_err();
        assert_eq!(
            problems,
            [
                "/data/depts/0/title 没有值",
                "/data/depts/0：没有级别，也没有 level_default",
                "`/data/jobs` 处没有列表",
            ]
        );
    }
}
