//! Items, forms, the case, the rung, and functions over the tasks of a case.

use std::sync::Arc;

use duban_calendar::Instant;
use rhai::{Array, Dynamic};
use serde_json::{Map, Value as Json};

use super::Host;
use super::args::text;
use crate::convert::{assignee_to_dynamic, from_field, from_json, from_rung, to_dynamic};
use crate::facts::TaskFacts;
use crate::frame::{Frame, fail};
use crate::meter;
use crate::names::{HostKind, english};
use crate::object::{
    Axes, Case, Data, Foreign, Form, Item, Rung, Tasks, View, matching, task_named,
};
use crate::suggest::with_suggestion;

pub(super) fn register(host: &mut Host) {
    named(host);
    states(host);
    moments(host);
    indicators(host);
    dynamic_names(host);
    case(host);
    rung(host);
    functions(host);
}

const OF: &str = "task";

fn read(
    host: &mut Host,
    name: &'static str,
    read: impl Fn(&Frame, &Arc<TaskFacts>) -> Dynamic + Send + Sync + Clone + 'static,
) {
    host.property::<Item>(OF, name, move |frame, item| Ok(read(frame, item.facts()?)));
}

fn optional<T: Clone + Send + Sync + 'static>(value: Option<T>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}

fn named(host: &mut Host) {
    read(host, "key", |_, item| item.key.as_str().into());
    host.property::<Item>(OF, "task", |_, item| Ok((&*item.task).into()));
    read(host, "title", |_, item| item.title.as_str().into());
    read(host, "unit", |_, item| Dynamic::from(item.unit.clone()));
    read(host, "owner", |_, item| item.owner.as_ref().map_or(Dynamic::UNIT, assignee_to_dynamic));
    read(host, "reviewer", |_, item| {
        item.reviewers.first().map_or(Dynamic::UNIT, assignee_to_dynamic)
    });
    read(host, "reviewers", |_, item| {
        item.reviewers.iter().map(assignee_to_dynamic).collect::<Array>().into()
    });
    read(host, "item", |_, item| Dynamic::from(Axes(item.clone())));
    read(host, "form", |_, item| Dynamic::from(Form::Item(item.clone())));
    host.property::<Item>(OF, "all", |frame, item| {
        let items = frame.scene.facts.items(&item.task);
        meter::items(items.len())?;
        Ok(items.into_iter().map(|item| Dynamic::from(Item::new(item))).collect::<Array>().into())
    });
}

fn states(host: &mut Host) {
    read(host, "status", |_, item| item.status.into());
    read(host, "attempt", |_, item| i64::from(item.attempt).into());
    read(host, "progress", |_, item| i64::from(item.progress).into());
    read(host, "planned", |_, item| optional(item.planned.map(i64::from)));
    read(host, "breached", |_, item| item.breached.into());
    read(host, "missed_in_row", |frame, item| {
        i64::from(frame.scene.facts.missed_in_row(&item.key)).into()
    });
    read(host, "stalled", |_, item| item.stalled.into());
    read(host, "entries", |_, item| i64::from(item.entries).into());
}

fn moments(host: &mut Host) {
    read(host, "window", |_, item| optional(item.window));
    read(host, "due", |_, item| optional(item.due));
    read(host, "original_due", |_, item| optional(item.original_due));
    read(host, "ready_at", |_, item| optional(item.ready_at));
    read(host, "signed_at", |_, item| optional(item.signed_at));
    read(host, "submitted_at", |_, item| optional(item.submitted_at));
    read(host, "done_at", |_, item| optional(item.done_at));
    read(host, "overdue_workdays", |frame, item| overdue_workdays(frame, item, item.due).into());
    read(host, "remaining_workdays", |frame, item| {
        remaining_workdays(frame, item, item.due).into()
    });
}

/// Working days after the due date up to the moment judged, by the owner's clock: while it stood,
/// and after the submission, nothing is counted.
pub(crate) fn overdue_workdays(frame: &Frame, item: &TaskFacts, due: Option<Instant>) -> i64 {
    let (until, stood) = counted(frame, item, due);
    workdays(frame, due, until).saturating_sub(stood).max(0)
}

/// Working days up to the due date from the moment judged, by the owner's clock.
pub(crate) fn remaining_workdays(frame: &Frame, item: &TaskFacts, due: Option<Instant>) -> i64 {
    let (from, _) = counted(frame, item, due);
    workdays(frame, due, from).saturating_neg().max(0)
}

/// Up to when a date is counted, and for how many working days the clock stood. A date that is not
/// the item's own, a review's, goes by the moment judged.
fn counted(frame: &Frame, item: &TaskFacts, due: Option<Instant>) -> (Instant, i64) {
    if due == item.due {
        (item.counted_at.unwrap_or(frame.scene.moment), item.stood_workdays)
    } else {
        (frame.scene.moment, 0)
    }
}

fn workdays(frame: &Frame, due: Option<Instant>, at: Instant) -> i64 {
    let due = due.map(|due| frame.date_of(due));
    due.map_or(0, |due| frame.calendar().workdays_between(due, frame.date_of(at)))
}

fn indicators(host: &mut Host) {
    let number = |number: Option<_>| number.map_or(Dynamic::UNIT, Dynamic::from_decimal);
    read(host, "value", move |_, item| number(item.value));
    read(host, "target", move |_, item| number(item.target));
    read(host, "met", |_, item| optional(item.met));
}

fn dynamic_names(host: &mut Host) {
    host.index::<Tasks>(|frame, _, name| task_named(frame, name));
    host.index::<Axes>(|_, axes, name| {
        let known = &axes.0.axes;
        known.get(name).map(to_dynamic).ok_or_else(|| {
            let known = known.keys().map(String::as_str);
            fail(with_suggestion(format!("条目没有轴 {name}"), name, known))
        })
    });
    host.index::<Form>(|_, form, name| {
        let field = form.fields().iter().find(|field| field.name == name);
        field.map(|field| from_field(field, form.data().get(name))).ok_or_else(|| {
            let known = form.fields().iter().map(|field| field.name.as_str());
            fail(with_suggestion(format!("表单没有字段 {name}"), name, known))
        })
    });
    host.index::<Data>(|_, data, name| match data.map.get(name) {
        Some(json) => Ok(from_json(json)),
        None if data.open => Ok(Dynamic::UNIT),
        None => {
            let known = data.map.keys().map(String::as_str);
            Err(fail(with_suggestion(format!("{}里没有 {name}", data.name), name, known)))
        }
    });
    host.index::<Foreign>(|_, foreign, name| match name {
        "form" | "表单" => {
            let map = foreign.0.clone();
            Ok(Dynamic::from(Data { name: "其他事项的表单", map, open: false }))
        }
        _ => Err(fail(format!("其他事项的任务只能读 .form，没有 {name}"))),
    });
}

fn case(host: &mut Host) {
    const OF: &str = "case";
    host.property::<Case>(OF, "id", |_, case| Ok(case.0.id.as_str().into()));
    host.property::<Case>(OF, "title", |_, case| Ok(case.0.title.as_str().into()));
    host.property::<Case>(OF, "unit", |_, case| Ok(Dynamic::from(case.0.unit.clone())));
    host.property::<Case>(OF, "period", |_, case| Ok(optional(case.0.period)));
    host.property::<Case>(OF, "lead", |_, case| {
        Ok(case.0.lead.as_ref().map_or(Dynamic::UNIT, assignee_to_dynamic))
    });
    host.property::<Case>(OF, "with", |_, case| {
        Ok(case.0.with.iter().map(assignee_to_dynamic).collect::<Array>().into())
    });
    host.property::<Case>(OF, "opened_at", |_, case| Ok(Dynamic::from(case.0.opened_at)));
    host.property::<Case>(OF, "form", |frame, case| {
        let open = frame.definition().workflow.open.as_ref();
        let fields = open.map(|open| open.form.clone()).unwrap_or_default();
        Ok(Dynamic::from(Form::Case(case.0.clone(), Arc::new(fields))))
    });
    host.property::<Case>(OF, "vars", |_, case| {
        let map: Arc<Map<String, Json>> = Arc::new(case.0.vars.clone());
        Ok(Dynamic::from(Data { name: "变量", map, open: true }))
    });
}

fn rung(host: &mut Host) {
    const OF: &str = "rung";
    host.property::<Rung>(OF, "to", |_, rung| {
        Ok(rung.0.to.iter().map(assignee_to_dynamic).collect::<Array>().into())
    });
    host.property::<Rung>(OF, "index", |_, rung| {
        Ok(i64::try_from(rung.0.index).unwrap_or(i64::MAX).into())
    });
    host.property::<Rung>(OF, "side", |_, rung| Ok(rung.0.side.as_str().into()));
    host.property::<Rung>(OF, "due", |_, rung| match rung_value(rung, "due") {
        written if !written.is_unit() => Ok(written),
        _ => Ok(optional(rung.0.due)),
    });
    host.property::<Rung>(OF, "ladder", |_, rung| Ok(rung.0.ladder.as_str().into()));
    host.property::<Rung>(OF, "slip", |_, rung| Ok(rung_value(rung, "slip")));
    host.property::<Rung>(OF, "rectify_within", |_, rung| Ok(rung_value(rung, "rectify_within")));
    host.index::<Rung>(|_, rung, name| Ok(rung_value(rung, name)));
}

/// A key of the rung; `()` where it was not written.
fn rung_value(rung: &Rung, name: &str) -> Dynamic {
    match (rung.0.values.get(name), rung.0.words.get(name)) {
        (Some(value), _) => from_rung(value),
        (None, Some(word)) => word.into(),
        (None, None) => Dynamic::UNIT,
    }
}

fn functions(host: &mut Host) {
    let kind = HostKind::Function;
    host.function(kind, "history", 1, |frame, arguments| {
        let wanted = text(arguments[0])?;
        let wanted = english(HostKind::Action, &wanted).unwrap_or(&wanted).to_owned();
        let Some(item) = &frame.scene.item else {
            return Err(fail("此处没有任务，读不到历史"));
        };
        let found = item.history.iter().filter(|(kind, _)| *kind == wanted);
        Ok(found.map(|(_, at)| Dynamic::from(*at)).collect::<Array>().into())
    });
    host.function(kind, "indicator", 1, |frame, arguments| {
        let item = match View::of(arguments[0]) {
            View::Item(item) => item,
            _ => {
                let name = text(arguments[0])?;
                if frame.definition().workflow.task(&name).is_none() {
                    let tasks = &frame.definition().workflow.tasks;
                    let known = tasks.iter().map(|task| task.id.as_str());
                    return Err(fail(with_suggestion(format!("没有任务 {name}"), &name, known)));
                }
                matching(frame, &name)?
            }
        };
        Ok(item.facts()?.value.map_or(Dynamic::UNIT, Dynamic::from_decimal))
    });
}
