//! Words that tests expect: kinds, statuses, units. One that does not exist is a mistake of the
//! test, also where it expects that there is none of it.

use duban_model::Directory;
use duban_script::closest;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::bench::Outcome;

/// A word of an enum's JSON, for example `referred` of [`Fact`](duban_core::Fact). The choices
/// are those that serde lists: no table of ours can fall behind the enum.
pub(super) fn known<T: DeserializeOwned>(what: &str, word: &str) -> Outcome {
    let Err(error) = serde_json::from_value::<T>(Json::from(word)) else { return Ok(()) };
    let text = error.to_string();
    let unknown = format!("unknown variant `{word}`, ");
    // Any other error means that the word is known, but holds more than a word.
    let Some(rest) = text.strip_prefix(&unknown) else { return Ok(()) };
    let choices: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    Err(told(what, word, &choices))
}

/// One of some words.
pub(super) fn among(what: &str, word: &str, known: &[&str]) -> Outcome {
    if known.contains(&word) { Ok(()) } else { Err(told(what, word, known)) }
}

/// Somebody whom messages may address: a unit, `UNIT POST`, a person.
pub(super) fn addressee(directory: &Directory, name: &str) -> Outcome {
    let posts = || {
        directory.units().flat_map(|unit| {
            let posts = directory.posts(&unit.id);
            posts.map(|post| format!("{} {}", unit.name, post.name))
        })
    };
    let people = || directory.data().people.iter().map(|person| person.name.as_str());
    let is_known = directory.units_named(name).next().is_some()
        || people().any(|person| person == name)
        || posts().any(|post| post == name);
    if is_known {
        return Ok(());
    }
    let posts: Vec<String> = posts().collect();
    let units = directory.units().map(|unit| unit.name.as_str());
    let near = closest(name, posts.iter().map(String::as_str).chain(units).chain(people()));
    Err(format!("通讯录中没有“{name}”{}", suggested(near)))
}

/// What is said of a unit that there is none of.
pub(super) fn no_unit(directory: &Directory, name: &str) -> String {
    let near = closest(name, directory.units().map(|unit| unit.name.as_str()));
    format!("通讯录中没有单位“{name}”{}", suggested(near))
}

/// What is said of a person that there is none of.
pub(super) fn no_person(directory: &Directory, name: &str) -> String {
    let people = directory.data().people.iter();
    let near = closest(name, people.map(|person| person.name.as_str()));
    format!("通讯录中没有人员“{name}”{}", suggested(near))
}

fn told(what: &str, word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(near) => format!("没有{what} {word}；是不是 {near}？"),
        None => format!("没有{what} {word}；有：{}", known.join("、")),
    }
}

fn suggested(near: Option<&str>) -> String {
    near.map(|near| format!("；是不是 {near}？")).unwrap_or_default()
}
