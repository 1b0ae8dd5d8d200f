//! The moves that the cast makes: what is written into a submission, who makes a move.

use duban_calendar::{Span, date_of};
use duban_core::{Act, Actor, CaseId, Decision, Evidence, Item, ItemKey, ItemKind, Refusal};
use duban_model::{Assignee, Better, PersonId, TaskDef};
use serde_json::{Map, Value as Json};

use crate::cast::time_zone;
use crate::forms::{Pen, fill};
use crate::world::World;

pub(crate) fn first_holder(world: &World<'_>, assignee: Option<&Assignee>) -> Option<PersonId> {
    world.directory().holders(assignee?).into_iter().next()
}

/// The first of several who may do it does.
pub(crate) fn as_first_of(
    world: &mut World<'_>,
    case: &CaseId,
    assignees: &[&Assignee],
    act: &Act,
) -> Result<(), Refusal> {
    let mut outcome = Ok(());
    for assignee in assignees {
        for person in world.directory().holders(assignee) {
            outcome = world.act(case, Actor::person(person), act.clone());
            if outcome.is_ok() {
                return outcome;
            }
        }
    }
    outcome
}

/// Whether a submission reaches the target, as far as a number tells.
pub(crate) fn is_enough(decision: &Decision, key: &ItemKey, better: Option<Better>) -> bool {
    let item = decision.case.item(key);
    let (value, target) = item.map_or((None, None), |item| (item.value, item.target));
    match (value, target, better) {
        (Some(value), Some(target), Some(Better::Up)) => target <= value,
        (Some(value), Some(target), Some(Better::Down)) => value <= target,
        _ => true,
    }
}

/// Ten working days more than the due date in force.
pub(crate) fn ask_extension(world: &World<'_>, case: &CaseId, item: &Item) -> Option<Act> {
    let due = item.due().filter(|due| world.now() < *due)?;
    let (until, _) =
        world.calendar().add_instant(due, Span::Workdays(10), time_zone(world, case)).ok()?;
    let reason = "协调工作尚未完成".to_owned();
    Some(Act::AskExtension { item: item.key.clone(), until, reason })
}

pub(crate) fn as_office(world: &mut World<'_>, case: &CaseId, act: Act) -> Result<(), Refusal> {
    let head = world.case(case).map(duban_core::Case::head);
    let office = head.and_then(|head| head.supervision.clone().or_else(|| head.lead.clone()));
    match first_holder(world, office.as_ref()) {
        Some(person) => world.act(case, Actor::person(person), act),
        None => Ok(()),
    }
}

pub(crate) fn task_of<'w>(world: &'w World<'_>, case: &CaseId, item: &Item) -> Option<&'w TaskDef> {
    world.definition(case)?.workflow.task(item.task.as_str()).map(|(_, task)| task)
}

pub(crate) fn report(world: &World<'_>, case: &CaseId, item: &Item) -> Act {
    let now = world.now();
    let share = match (item.ready_at, item.due()) {
        (Some(from), Some(due)) if due > from => {
            now.millis_since(from).saturating_mul(100) / due.millis_since(from)
        }
        _ => 50,
    };
    let title = task_of(world, case, item).map(|task| task.title.clone()).unwrap_or_default();
    Act::Report {
        item: item.key.clone(),
        text: format!("{title}有序推进"),
        percent: u8::try_from(share.clamp(5, 95)).ok(),
        value: None,
        evidence: Vec::new(),
    }
}

/// What a submission holds: the form filled in, every named file attached.
pub(crate) fn submission(
    world: &World<'_>,
    case: &CaseId,
    item: &Item,
    number: i64,
    short: bool,
    person: &PersonId,
) -> Act {
    let tz = time_zone(world, case);
    let today = date_of(world.now(), tz);
    let date = item.window.map_or(today, |window| {
        let working = world.calendar().roll(window.end, duban_calendar::Roll::Backward).date;
        if window.contains(today) { today } else { working }
    });
    let pen = Pen { date, number, short, unit: item.unit.to_string(), person: person.to_string() };
    let task = task_of(world, case, item);
    let form = match (&item.kind, task) {
        (ItemKind::Task, Some(task)) => fill(&task.form, &pen),
        (ItemKind::Interview { .. }, _) => {
            record(&[("held_on", &today.to_string()), ("requirements", "限期整改并书面反馈")])
        }
        _ => record(&[("result", "已按要求整改到位")]),
    };
    let evidence = task.map(|task| task.evidence.as_slice()).unwrap_or_default();
    let evidence =
        evidence.iter().map(|name| Evidence { name: name.clone(), file: format!("sample:{name}") });
    Act::Submit { item: item.key.clone(), form, evidence: evidence.collect() }
}

fn record(fields: &[(&str, &str)]) -> Map<String, Json> {
    fields.iter().map(|(name, text)| ((*name).to_owned(), Json::from(*text))).collect()
}
