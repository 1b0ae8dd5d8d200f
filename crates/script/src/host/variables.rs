//! Variables: read from the scene when a script asks for them.

use std::sync::Arc;

use duban_calendar::{Date, Window, WindowKind};
use rhai::{Array, Dynamic};

use super::{someone, workdays};
use crate::convert::assignee_to_dynamic;
use crate::facts::TaskFacts;
use crate::frame::{Fallible, Frame, fail};
use crate::names::{HostKind, NAMES};
use crate::object::{Axes, Case, Data, Form, Item, Rung, Tasks};
use crate::suggest::with_suggestion;

/// The English name of a host variable under either of its names.
pub(crate) fn english(name: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .filter(|entry| entry.kind == HostKind::Variable)
        .find(|entry| entry.english == name || entry.chinese == name)
        .map(|entry| entry.english)
}

/// Every name of a host variable.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    NAMES
        .iter()
        .filter(|entry| entry.kind == HostKind::Variable)
        .flat_map(|entry| [entry.english, entry.chinese])
}

/// The value of a variable, or an error that names what was probably meant.
pub(crate) fn read(frame: &Frame, name: &str) -> Fallible<Option<Dynamic>> {
    match english(name) {
        Some(english) => value(frame, english).map(Some),
        None => Err(fail(with_suggestion(format!("没有变量 {name}"), name, all()))),
    }
}

fn task(frame: &Frame) -> Fallible<&Arc<TaskFacts>> {
    frame.scene.item.as_ref().ok_or_else(|| fail("此处没有当前任务（立项时的表达式读不到任务）"))
}

fn value(frame: &Frame, name: &str) -> Fallible {
    let scene = &frame.scene;
    Ok(match name {
        "task" => Dynamic::from(Item::new(Arc::clone(task(frame)?))),
        "item" => Dynamic::from(Axes(Arc::clone(task(frame)?))),
        "form" => Dynamic::from(Form::Item(Arc::clone(task(frame)?))),
        "owner" => someone(task(frame)?.owner.as_ref()),
        "reviewer" => someone(task(frame)?.reviewers.first()),
        "overdue_workdays" => workdays(frame, task(frame)?.due).0.into(),
        "remaining_workdays" => workdays(frame, task(frame)?.due).1.into(),
        "case" => Dynamic::from(Case(scene.facts.case())),
        "unit" => Dynamic::from(scene.facts.case().unit.clone()),
        "lead" => someone(scene.facts.case().lead.as_ref()),
        "with" => scene.facts.case().with.iter().map(assignee_to_dynamic).collect::<Array>().into(),
        "window" => window(scene.window),
        "period" => window(scene.facts.case().period),
        "target" => window(target(frame)),
        "now" => Dynamic::from(scene.now),
        "moment" => Dynamic::from(scene.moment),
        "due" => scene.due.map_or(Dynamic::UNIT, Dynamic::from),
        "params" => {
            Dynamic::from(Data { name: "params", map: Arc::clone(&frame.params), open: false })
        }
        "tasks" => Dynamic::from(Tasks),
        "interview" => latest_interview(frame),
        "rung" => frame.rung.clone().map_or(Dynamic::UNIT, |rung| Dynamic::from(Rung(rung))),
        _ => return Err(fail(format!("没有变量 {name}"))),
    })
}

fn window(window: Option<Window>) -> Dynamic {
    window.map_or(Dynamic::UNIT, Dynamic::from)
}

fn target(frame: &Frame) -> Option<Window> {
    let first = Date::from_ymd_opt(frame.definition().suite.target_year, 1, 1)?;
    Some(WindowKind::Year.containing(first))
}

fn latest_interview(frame: &Frame) -> Dynamic {
    let mut found = frame.scene.facts.items("interview");
    found.sort_by_key(|item| item.ready_at);
    found.pop().map_or(Dynamic::UNIT, |facts| Dynamic::from(Item::new(facts)))
}
