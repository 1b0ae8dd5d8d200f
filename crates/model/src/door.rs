//! Directories and calendars that come from programs as JSON.
//!
//! Rows of a database are read as they were written, by whatever version: what is not known there
//! is passed over. A program that sends something new is told of a field that would be: a
//! misspelt `superior` must not make a root of a unit.

use std::fmt::Write as _;

use duban_calendar::Calendar;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::directory::DirectoryData;
use crate::wording::echoed;

/// Why some JSON is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// A field that nobody reads. Correct its name, or leave it out.
    #[error("`{at}` has a field `{}` that is not known; known are {}", echoed(.field), ticked(.known))]
    UnknownField {
        /// Where: a JSON pointer, `/` for the whole.
        at: String,
        /// The field.
        field: String,
        /// The fields that are read there.
        known: Vec<&'static str>,
    },
    /// A field is missing or of another type.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
}

impl DoorError {
    /// The same for people who read Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::UnknownField { at, field, known } => {
                format!("`{at}` 处没有字段 `{}`，可用的有 {}", echoed(field), ticked(known))
            }
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

fn ticked(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What may stand in a place.
enum Shape {
    /// Whatever its type allows.
    Any,
    /// Each entry of a list.
    Each(&'static Self),
    /// These fields and no others.
    Fields(&'static [(&'static str, Self)]),
}

use Shape::{Any, Each, Fields};

const SIGNED: Shape = Fields(&[("by", Any), ("at", Any)]);

const DIRECTORY: Shape = Fields(&[
    (
        "units",
        Each(&Fields(&[
            ("id", Any),
            ("name", Any),
            ("level", Any),
            ("superior", Any),
            ("tags", Any),
            ("since", Any),
            ("predecessors", Any),
        ])),
    ),
    ("posts", Each(&Fields(&[("unit", Any), ("name", Any), ("holders", Any)]))),
    ("people", Each(&Fields(&[("id", Any), ("name", Any), ("addresses", Any)]))),
    (
        "stand_ins",
        Each(&Fields(&[
            ("absent", Any),
            ("by", Any),
            ("from", Any),
            ("until", Any),
            ("set", SIGNED),
            ("ended", SIGNED),
        ])),
    ),
    ("came", Any),
    ("former", Fields(&[("units", Any), ("people", Any)])),
]);

const NAMED_DAYS: Shape = Each(&Fields(&[("date", Any), ("name", Any)]));

const CALENDAR: Shape = Fields(&[
    ("id", Any),
    ("workweek", Any),
    ("universal", Any),
    (
        "years",
        Each(&Fields(&[("year", Any), ("notice", Any), ("off", NAMED_DAYS), ("on", NAMED_DAYS)])),
    ),
]);

/// Reads a directory from JSON; its ids are not looked at yet.
///
/// # Errors
///
/// [`DoorError`] names the first field that is not known, or what cannot be read.
pub fn directory_from_json(json: Json) -> Result<DirectoryData, DoorError> {
    read(json, &DIRECTORY)
}

/// Reads a calendar from JSON, as the API gives it.
///
/// # Errors
///
/// [`DoorError`] names the first field that is not known, or what cannot be read.
pub fn calendar_from_json(json: Json) -> Result<Calendar, DoorError> {
    read(json, &CALENDAR)
}

fn read<T: DeserializeOwned>(json: Json, shape: &Shape) -> Result<T, DoorError> {
    check(&json, shape, &mut String::new())?;
    Ok(serde_json::from_value(json)?)
}

/// What is of another type is left to the reader, whose message says so.
fn check(json: &Json, shape: &Shape, at: &mut String) -> Result<(), DoorError> {
    match (shape, json) {
        (Each(entry), Json::Array(all)) => {
            for (number, one) in all.iter().enumerate() {
                step(one, entry, at, &number.to_string())?;
            }
        }
        (Fields(fields), Json::Object(map)) => {
            for (name, value) in map {
                let Some((_, shape)) = fields.iter().find(|(known, _)| known == name) else {
                    return Err(DoorError::UnknownField {
                        at: if at.is_empty() { "/".to_owned() } else { at.clone() },
                        field: name.clone(),
                        known: fields.iter().map(|(known, _)| *known).collect(),
                    });
                };
                step(value, shape, at, name)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn step(json: &Json, shape: &Shape, at: &mut String, name: &str) -> Result<(), DoorError> {
    if matches!(shape, Any) {
        return Ok(());
    }
    let length = at.len();
    write!(at, "/{name}").expect("invariant: a text takes what is written");
    check(json, shape, at)?;
    at.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Json {
        let signed = json!({ "by": "li", "at": 0 });
        json!({
            "units": [{ "id": "D", "name": "区", "level": "district", "superior": null,
                "tags": ["功能区"], "since": "2020-01-01", "predecessors": ["C"] }],
            "posts": [{ "unit": "D", "name": "书记", "holders": ["li"] }],
            "people": [{ "id": "li", "name": "李四", "addresses": { "whatever": "x" } }],
            "stand_ins": [{ "absent": "li", "by": "wu", "from": "2022-01-01",
                "until": "2022-01-02", "set": signed, "ended": signed }],
            "came": { "D": "2020-01-01" },
            "former": { "units": { "C": "旧" }, "people": { "old": "旧" } },
        })
    }

    fn calendar() -> Json {
        let day = json!([{ "date": "2022-01-03", "name": "元旦" }]);
        json!({ "id": "cn", "workweek": 31, "universal": false, "years": [
            { "year": 2022, "notice": "x", "off": day, "on": [] },
        ] })
    }

    /// Every place where fields stand, by pointer.
    fn places(json: &Json, at: String, found: &mut Vec<String>) {
        match json {
            Json::Object(map) => {
                for (name, value) in map {
                    places(value, format!("{at}/{name}"), found);
                }
                found.push(at);
            }
            Json::Array(all) => {
                for (number, one) in all.iter().enumerate() {
                    places(one, format!("{at}/{number}"), found);
                }
            }
            _ => {}
        }
    }

    fn refused<T>(good: &Json, free: &[&str], read: impl Fn(Json) -> Result<T, DoorError>) {
        assert!(read(good.clone()).is_ok());
        let mut all = Vec::new();
        places(good, String::new(), &mut all);
        assert!(all.len() > 2);
        for at in all {
            for field in ["superiour", "Name", "id ", "", "a\nb"] {
                let mut json = good.clone();
                json.pointer_mut(&at).unwrap()[field] = json!(1);
                if free.contains(&at.as_str()) {
                    let error = read(json).err().map(|error| error.to_string());
                    assert!(error.is_none_or(|error| !error.contains("not known")), "{at}");
                    continue;
                }
                let error = read(json).err().unwrap();
                let told = error.to_string();
                assert!(matches!(error, DoorError::UnknownField { .. }), "{at} {told}");
                let place = if at.is_empty() { "/" } else { &at };
                assert!(told.starts_with(&format!("`{place}` has")), "{told}");
                assert!(!told.contains('\n') && error.zh().contains(place), "{told}");
            }
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_wherever_it_stands() {
        let free = ["/people/0/addresses", "/came", "/former/units", "/former/people"];
        refused(&whole(), &free, directory_from_json);
        refused(&calendar(), &[], calendar_from_json);
    }

    #[test]
    fn the_fields_that_are_known_are_those_that_are_written() {
        let data = directory_from_json(whole()).unwrap();
        assert!(directory_from_json(serde_json::to_value(&data).unwrap()).is_ok());
        let read = calendar_from_json(calendar()).unwrap();
        assert!(calendar_from_json(serde_json::to_value(&read).unwrap()).is_ok());
    }

    #[test]
    fn what_is_stored_stays_readable() {
        let mut json = whole();
        json["units"][0]["later"] = json!(1);
        assert!(serde_json::from_value::<DirectoryData>(json).is_ok());
    }

    #[test]
    fn another_type_is_told_as_such() {
        for json in [json!(null), json!([]), json!({ "units": {} }), json!({ "units": [1] })] {
            assert!(matches!(directory_from_json(json), Err(DoorError::Unreadable(_))));
        }
    }
}
