//! Units, posts and people.

use duban_model::{Assignee, Directory, SuiteHead, Unit, UnitId};
use rhai::{Array, Dynamic};

use super::Host;
use super::args::{text, unit};
use crate::frame::{Fallible, Frame, fail};
use crate::meter;
use crate::names::HostKind;
use crate::suggest::with_suggestion;

/// The level that `districts()` means, and those of `streets` and `communities`.
const DISTRICT: &str = "district";
const STREET: &str = "street";
const COMMUNITY: &str = "community";

pub(super) fn register(host: &mut Host) {
    lookups(host);
    properties(host);
    methods(host);
    assignees(host);
}

fn lookups(host: &mut Host) {
    let kind = HostKind::Function;
    host.function(kind, "org", 1, |frame, arguments| {
        let name = text(arguments[0])?;
        let found = find(frame.directory(), &name);
        if found.is_err() {
            // The whole directory was gone through for a name that was meant.
            meter::values(frame.directory().data().units.len())?;
        }
        found.map(|unit| Dynamic::from(unit.id.clone())).map_err(fail)
    });
    host.function(kind, "units", 1, |frame, arguments| {
        of_level(frame, &level(frame, &text(arguments[0])?)?, None)
    });
    host.function(kind, "units", 2, |frame, arguments| {
        let tag = text(arguments[1])?;
        of_level(frame, &level(frame, &text(arguments[0])?)?, Some(&tag))
    });
    host.function(kind, "districts", 0, |frame, _| of_level(frame, DISTRICT, None));
    host.function(kind, "districts", 1, |frame, arguments| {
        of_level(frame, DISTRICT, Some(&text(arguments[0])?))
    });
}

/// The unit of that code or, where only one has it, of that name.
///
/// # Errors
///
/// What is wrong, in Chinese, with candidates.
pub(crate) fn find<'a>(directory: &'a Directory, name: &str) -> Result<&'a Unit, String> {
    if let Some(unit) = directory.unit(&UnitId::from(name)) {
        return Ok(unit);
    }
    let named: Vec<&Unit> = directory.units_named(name).collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => {
            let known = directory.units().map(|unit| unit.name.as_str());
            Err(with_suggestion(format!("机构名录里没有 {name}"), name, known))
        }
        several => {
            let codes: Vec<String> =
                several.iter().take(5).map(|unit| described(directory, unit)).collect();
            Err(format!("有 {} 个单位叫 {name}，请写代码：{}", several.len(), codes.join("、")))
        }
    }
}

fn described(directory: &Directory, unit: &Unit) -> String {
    let above = unit.superior.as_ref().and_then(|id| directory.unit(id));
    match above {
        Some(above) => format!("{}（{}）", unit.id, above.name),
        None => unit.id.to_string(),
    }
}

/// The level meant by its name or its Chinese name.
fn level(frame: &Frame, written: &str) -> Fallible<String> {
    level_named(&frame.definition().suite, written).map_err(fail)
}

/// The level meant by its name or its Chinese name.
///
/// # Errors
///
/// What is wrong, in Chinese.
pub(crate) fn level_named(suite: &SuiteHead, written: &str) -> Result<String, String> {
    let levels = &suite.levels;
    let found = levels.iter().find(|(name, chinese)| name == written || chinese == written);
    match found {
        Some((name, _)) => Ok(name.clone()),
        None if levels.is_empty() => Ok(written.to_owned()),
        None => {
            let known = levels.iter().flat_map(|(a, b)| [a.as_str(), b.as_str()]);
            Err(with_suggestion(format!("没有层级 {written}"), written, known))
        }
    }
}

fn of_level(frame: &Frame, level: &str, tag: Option<&str>) -> Fallible {
    meter::values(frame.directory().data().units.len())?;
    let tagged = |unit: &&Unit| tag.is_none_or(|tag| unit.tags.iter().any(|own| own == tag));
    let units = frame.directory().units().filter(|unit| unit.level == level).filter(tagged);
    Ok(list(units))
}

/// Units of a level below one, in the order of the directory.
fn below<'a>(frame: &'a Frame, id: &UnitId, level: &str) -> Fallible<Vec<&'a Unit>> {
    let mut visited = 0;
    let units = frame.directory().descendants(id).inspect(|_| visited += 1);
    let found = units.filter(|unit| unit.level == level).collect();
    meter::values(visited)?;
    Ok(found)
}

fn list<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Dynamic {
    units.into_iter().map(|unit| Dynamic::from(unit.id.clone())).collect::<Array>().into()
}

fn known<'a>(frame: &'a Frame, id: &UnitId) -> Fallible<&'a Unit> {
    frame.directory().unit(id).ok_or_else(|| fail(format!("机构名录里没有代码 {id}")))
}

fn superior(frame: &Frame, id: &UnitId) -> Fallible {
    let above = known(frame, id)?.superior.clone();
    Ok(above.map_or(Dynamic::UNIT, Dynamic::from))
}

fn properties(host: &mut Host) {
    const OF: &str = "unit";
    host.property::<UnitId>(OF, "name", |frame, id| Ok(known(frame, id)?.name.as_str().into()));
    host.property::<UnitId>(OF, "code", |_, id| Ok(id.as_str().into()));
    host.property::<UnitId>(OF, "level", |frame, id| Ok(known(frame, id)?.level.as_str().into()));
    host.property::<UnitId>(OF, "superior", superior);
    host.property::<UnitId>(OF, "unit", |_, id| Ok(Dynamic::from(id.clone())));
    host.property::<UnitId>(OF, "children", |frame, id| {
        Ok(list(frame.directory().children(&known(frame, id)?.id)))
    });
    host.property::<UnitId>(OF, "tags", |frame, id| {
        Ok(known(frame, id)?.tags.iter().map(|tag| tag.into()).collect::<Array>().into())
    });
    for (name, level) in [("streets", STREET), ("communities", COMMUNITY)] {
        host.property::<UnitId>(OF, name, move |frame, id| Ok(list(below(frame, id, level)?)));
    }
}

fn methods(host: &mut Host) {
    let kind = HostKind::Method { of: "unit" };
    host.function(kind, "post", 2, |frame, arguments| {
        let (unit, name) = (unit(frame, arguments[0])?, text(arguments[1])?);
        post(frame.directory(), &unit, &name).map(Dynamic::from).map_err(fail)
    });
    host.function(kind, "below", 2, |frame, arguments| {
        let unit = unit(frame, arguments[0])?;
        let level = level(frame, &text(arguments[1])?)?;
        Ok(list(below(frame, &unit, &level)?))
    });
    host.function(kind, "with", 2, |frame, arguments| {
        let unit = unit(frame, arguments[0])?;
        let level = level(frame, &text(arguments[1])?)?;
        let itself = std::iter::once(known(frame, &unit)?);
        Ok(list(itself.chain(below(frame, &unit, &level)?)))
    });
    host.function(kind, "is_within", 2, |frame, arguments| {
        let (below, above) = (unit(frame, arguments[0])?, unit(frame, arguments[1])?);
        Ok(frame.directory().is_within(&below, &above).into())
    });
}

/// A unit's post of that name.
fn post(directory: &Directory, unit: &UnitId, name: &str) -> Result<Assignee, String> {
    if directory.post(unit, name).is_some() {
        return Ok(Assignee::Post(unit.clone(), name.into()));
    }
    let known: Vec<&str> = directory.posts(unit).map(|post| post.name.as_str()).collect();
    let unit = directory.name_of(&Assignee::Unit(unit.clone()));
    if known.is_empty() {
        return Err(format!("{unit}没有岗位 {name}：名录里它没有岗位"));
    }
    Err(format!("{unit}没有岗位 {name}；有：{}", known.join("、")))
}

fn assignees(host: &mut Host) {
    const OF: &str = "assignee";
    host.property::<Assignee>(OF, "name", |frame, who| Ok(frame.directory().name_of(who).into()));
    host.property::<Assignee>(OF, "unit", |frame, who| {
        Ok(frame.directory().unit_of(who).map_or(Dynamic::UNIT, Dynamic::from))
    });
    host.property::<Assignee>(OF, "superior", |frame, who| {
        frame.directory().unit_of(who).map_or(Ok(Dynamic::UNIT), |unit| superior(frame, &unit))
    });
    host.property::<Assignee>(OF, "post", |_, who| match who {
        Assignee::Post(_, name) => Ok((&**name).into()),
        Assignee::Unit(_) | Assignee::Person(_) => Ok(Dynamic::UNIT),
    });
}
