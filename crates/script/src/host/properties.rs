//! Properties of the types that scripts see.

use std::sync::Arc;

use chrono::{Datelike, Timelike};
use duban_calendar::{Date, Instant, Window, local};
use duban_model::{Assignee, UnitId};
use rhai::{Array, Dynamic, Engine, FuncRegistration, ImmutableString, NativeCallContext};

use super::functions::below;
use super::{chinese, someone, workdays};
use crate::convert::{assignee_to_dynamic, from_field, from_json, from_rung, to_dynamic};
use crate::frame::{Fallible, Frame, fail};
use crate::names::HostKind;
use crate::object::{Axes, Case, Data, Foreign, Form, Item, Rung, Tasks, task_named};
use crate::suggest::with_suggestion;

type Context<'a> = NativeCallContext<'a>;

/// Registers a property of a type under both of its names.
macro_rules! property {
    ($engine:expr, $of:literal, $kind:ty, $name:literal, $read:expr) => {
        let alias = chinese($name, |kind| kind == HostKind::Property { of: $of });
        for name in [$name, alias] {
            FuncRegistration::new_getter(name).register_into_engine(
                $engine,
                |context: Context<'_>, value: &mut $kind| -> Fallible {
                    let tag = Frame::of(&context)?;
                    let read: fn(&Frame, &$kind) -> Fallible = $read;
                    read(&tag.0, value)
                },
            );
        }
    };
}

pub(crate) fn register(engine: &mut Engine) {
    tasks(engine);
    units(engine);
    assignees(engine);
    windows(engine);
    dates(engine);
    cases(engine);
    rungs(engine);
    keyed(engine);
}

fn at(at: Option<Instant>) -> Fallible {
    Ok(at.map_or(Dynamic::UNIT, Dynamic::from))
}

fn tasks(engine: &mut Engine) {
    property!(engine, "task", Item, "key", |_, it| Ok(it.facts()?.key.clone().into()));
    property!(engine, "task", Item, "task", |_, it| Ok(it.task.to_string().into()));
    property!(engine, "task", Item, "title", |_, it| Ok(it.facts()?.title.clone().into()));
    property!(engine, "task", Item, "status", |_, it| Ok(it.facts()?.status.into()));
    property!(engine, "task", Item, "attempt", |_, it| Ok(i64::from(it.facts()?.attempt).into()));
    property!(engine, "task", Item, "unit", |frame, it| {
        let facts = it.facts()?;
        let owner = facts.owner.as_ref().and_then(|owner| frame.directory().unit_of(owner));
        Ok(Dynamic::from(owner.unwrap_or_else(|| facts.unit.clone())))
    });
    property!(engine, "task", Item, "owner", |_, it| Ok(someone(it.facts()?.owner.as_ref())));
    property!(engine, "task", Item, "reviewer", |_, it| {
        Ok(someone(it.facts()?.reviewers.first()))
    });
    property!(engine, "task", Item, "reviewers", |_, it| {
        Ok(it.facts()?.reviewers.iter().map(assignee_to_dynamic).collect::<Array>().into())
    });
    property!(engine, "task", Item, "item", |_, it| Ok(Dynamic::from(Axes(Arc::clone(
        it.facts()?
    )))));
    property!(engine, "task", Item, "window", |_, it| {
        Ok(it.facts()?.window.map_or(Dynamic::UNIT, Dynamic::from))
    });
    property!(engine, "task", Item, "due", |_, it| at(it.facts()?.due));
    property!(engine, "task", Item, "original_due", |_, it| at(it.facts()?.original_due));
    property!(engine, "task", Item, "ready_at", |_, it| at(it.facts()?.ready_at));
    property!(engine, "task", Item, "signed_at", |_, it| at(it.facts()?.signed_at));
    property!(engine, "task", Item, "submitted_at", |_, it| at(it.facts()?.submitted_at));
    property!(engine, "task", Item, "done_at", |_, it| at(it.facts()?.done_at));
    property!(engine, "task", Item, "progress", |_, it| Ok(i64::from(it.facts()?.progress).into()));
    property!(engine, "task", Item, "planned", |_, it| {
        Ok(it.facts()?.planned.map_or(Dynamic::UNIT, |planned| i64::from(planned).into()))
    });
    property!(engine, "task", Item, "form", |_, it| {
        Ok(Dynamic::from(Form::Item(Arc::clone(it.facts()?))))
    });
    property!(engine, "task", Item, "value", |_, it| {
        Ok(it.facts()?.value.map_or(Dynamic::UNIT, Dynamic::from_decimal))
    });
    property!(engine, "task", Item, "target", |_, it| {
        Ok(it.facts()?.target.map_or(Dynamic::UNIT, Dynamic::from_decimal))
    });
    property!(engine, "task", Item, "met", |_, it| {
        Ok(it.facts()?.met.map_or(Dynamic::UNIT, Into::into))
    });
    property!(engine, "task", Item, "breached", |_, it| Ok(it.facts()?.breached.into()));
    property!(engine, "task", Item, "stalled", |_, it| Ok(it.facts()?.stalled.into()));
    property!(engine, "task", Item, "entries", |_, it| Ok(i64::from(it.facts()?.entries).into()));
    property!(engine, "task", Item, "overdue_workdays", |frame, it| {
        Ok(workdays(frame, it.facts()?.due).0.into())
    });
    property!(engine, "task", Item, "remaining_workdays", |frame, it| {
        Ok(workdays(frame, it.facts()?.due).1.into())
    });
    property!(engine, "task", Item, "all", |frame, it| {
        let items = frame.scene.facts.items(&it.task).into_iter();
        Ok(items.map(|facts| Dynamic::from(Item::new(facts))).collect::<Array>().into())
    });
}

fn units(engine: &mut Engine) {
    property!(engine, "unit", UnitId, "name", |frame, it| {
        Ok(frame.directory().name_of(&Assignee::Unit(it.clone())).into())
    });
    property!(engine, "unit", UnitId, "code", |_, it| Ok(it.to_string().into()));
    property!(engine, "unit", UnitId, "level", |frame, it| {
        let unit = frame.directory().unit(it);
        Ok(unit.map_or(Dynamic::UNIT, |unit| unit.level.clone().into()))
    });
    property!(engine, "unit", UnitId, "superior", |frame, it| Ok(above(frame, it)));
    property!(engine, "unit", UnitId, "children", |frame, it| {
        let children = frame.directory().children(it);
        Ok(children.map(|unit| Dynamic::from(unit.id.clone())).collect::<Array>().into())
    });
    property!(engine, "unit", UnitId, "streets", |frame, it| Ok(below(frame, it, "street").into()));
    property!(engine, "unit", UnitId, "communities", |frame, it| {
        Ok(below(frame, it, "community").into())
    });
    property!(engine, "unit", UnitId, "tags", |frame, it| {
        let tags = frame.directory().unit(it).map(|unit| unit.tags.clone()).unwrap_or_default();
        Ok(tags.into_iter().map(Dynamic::from).collect::<Array>().into())
    });
    property!(engine, "unit", UnitId, "unit", |_, it| Ok(Dynamic::from(it.clone())));
}

/// The unit above; for the root the unit itself has none.
fn above(frame: &Frame, unit: &UnitId) -> Dynamic {
    let superior = frame.directory().unit(unit).and_then(|unit| unit.superior.clone());
    superior.map_or(Dynamic::UNIT, Dynamic::from)
}

fn assignees(engine: &mut Engine) {
    property!(engine, "assignee", Assignee, "name", |frame, it| {
        Ok(frame.directory().name_of(it).into())
    });
    property!(engine, "assignee", Assignee, "unit", |frame, it| {
        Ok(frame.directory().unit_of(it).map_or(Dynamic::UNIT, Dynamic::from))
    });
    property!(engine, "assignee", Assignee, "superior", |frame, it| {
        let unit = frame.directory().unit_of(it);
        Ok(unit.map_or(Dynamic::UNIT, |unit| above(frame, &unit)))
    });
    property!(engine, "assignee", Assignee, "post", |_, it| {
        Ok(match it {
            Assignee::Post(_, post) => post.to_string().into(),
            Assignee::Unit(_) | Assignee::Person(_) => Dynamic::UNIT,
        })
    });
}

fn windows(engine: &mut Engine) {
    property!(engine, "window", Window, "name", |_, it| Ok(it.name().into()));
    property!(engine, "window", Window, "start", |_, it| Ok(Dynamic::from(it.start)));
    property!(engine, "window", Window, "end", |_, it| Ok(Dynamic::from(it.end)));
    property!(engine, "window", Window, "next", |_, it| Ok(Dynamic::from(it.next())));
    property!(engine, "window", Window, "previous", |_, it| Ok(Dynamic::from(it.previous())));
    property!(engine, "window", Window, "key", |_, it| Ok(it.key().into()));
}

fn dates(engine: &mut Engine) {
    property!(engine, "date", Date, "year", |_, it| Ok(i64::from(it.year()).into()));
    property!(engine, "date", Date, "month", |_, it| Ok(i64::from(it.month()).into()));
    property!(engine, "date", Date, "day", |_, it| Ok(i64::from(it.day()).into()));
    property!(engine, "date", Date, "weekday", |_, it| {
        Ok(i64::from(it.weekday().number_from_monday()).into())
    });
    property!(engine, "instant", Instant, "date", |frame, it| Ok(Dynamic::from(
        frame.date_of(*it)
    )));
    property!(engine, "instant", Instant, "year", |frame, it| {
        Ok(i64::from(frame.date_of(*it).year()).into())
    });
    property!(engine, "instant", Instant, "month", |frame, it| {
        Ok(i64::from(frame.date_of(*it).month()).into())
    });
    property!(engine, "instant", Instant, "day", |frame, it| {
        Ok(i64::from(frame.date_of(*it).day()).into())
    });
    property!(engine, "instant", Instant, "weekday", |frame, it| {
        Ok(i64::from(frame.date_of(*it).weekday().number_from_monday()).into())
    });
    property!(engine, "instant", Instant, "hour", |frame, it| {
        Ok(i64::from(local(*it, frame.tz()).hour()).into())
    });
}

fn cases(engine: &mut Engine) {
    property!(engine, "case", Case, "id", |_, it| Ok(it.0.id.clone().into()));
    property!(engine, "case", Case, "title", |_, it| Ok(it.0.title.clone().into()));
    property!(engine, "case", Case, "unit", |_, it| Ok(Dynamic::from(it.0.unit.clone())));
    property!(engine, "case", Case, "period", |_, it| {
        Ok(it.0.period.map_or(Dynamic::UNIT, Dynamic::from))
    });
    property!(engine, "case", Case, "lead", |_, it| Ok(someone(it.0.lead.as_ref())));
    property!(engine, "case", Case, "with", |_, it| {
        Ok(it.0.with.iter().map(assignee_to_dynamic).collect::<Array>().into())
    });
    property!(engine, "case", Case, "form", |frame, it| {
        let fields = frame.definition().workflow.open.as_ref().map(|open| open.form.clone());
        let fields = Arc::new(fields.unwrap_or_default());
        Ok(Dynamic::from(Form::Case(Arc::clone(&it.0), fields)))
    });
    property!(engine, "case", Case, "vars", |_, it| {
        let map = Arc::new(it.0.vars.clone());
        Ok(Dynamic::from(Data { name: "case.vars", map, open: true }))
    });
    property!(engine, "case", Case, "opened_at", |_, it| Ok(Dynamic::from(it.0.opened_at)));
}

fn rungs(engine: &mut Engine) {
    property!(engine, "rung", Rung, "to", |_, it| {
        Ok(it.0.to.iter().map(assignee_to_dynamic).collect::<Array>().into())
    });
    property!(engine, "rung", Rung, "index", |_, it| {
        Ok(i64::try_from(it.0.index).unwrap_or(i64::MAX).into())
    });
    property!(engine, "rung", Rung, "ladder", |_, it| Ok(it.0.ladder.clone().into()));
    property!(engine, "rung", Rung, "slip", |_, it| Ok(rung_key(it, "slip")));
    property!(engine, "rung", Rung, "rectify_within", |_, it| Ok(rung_key(it, "rectify_within")));
}

fn rung_key(rung: &Rung, name: &str) -> Dynamic {
    match (rung.0.words.get(name), rung.0.values.get(name)) {
        (Some(word), _) => word.clone().into(),
        (None, Some(value)) => from_rung(value),
        (None, None) => Dynamic::UNIT,
    }
}

/// Types whose keys are the author's own: read as `x.key` or `x["key"]`.
fn keyed(engine: &mut Engine) {
    engine.register_indexer_get(
        |context: Context<'_>, _: &mut Tasks, name: ImmutableString| -> Fallible {
            let tag = Frame::of(&context)?;
            task_named(&tag.0, &name)
        },
    );
    engine.register_indexer_get(|axes: &mut Axes, name: ImmutableString| -> Fallible {
        let known = || axes.0.axes.keys().map(String::as_str);
        let missing = || fail(with_suggestion(format!("条目没有轴 {name}"), &name, known()));
        axes.0.axes.get(name.as_str()).map(to_dynamic).ok_or_else(missing)
    });
    engine.register_indexer_get(|form: &mut Form, name: ImmutableString| -> Fallible {
        let field = form.fields().iter().find(|field| field.name == name.as_str());
        let Some(field) = field else {
            let known = form.fields().iter().map(|field| field.name.as_str());
            return Err(fail(with_suggestion(format!("表单没有字段 {name}"), &name, known)));
        };
        Ok(from_field(field, form.data().get(name.as_str())))
    });
    engine.register_indexer_get(|data: &mut Data, name: ImmutableString| -> Fallible {
        match data.map.get(name.as_str()) {
            Some(value) => Ok(from_json(value)),
            None if data.open => Ok(Dynamic::UNIT),
            None => {
                let known = data.map.keys().map(String::as_str);
                let message = format!("{} 没有 {name}", data.name);
                Err(fail(with_suggestion(message, &name, known)))
            }
        }
    });
    engine.register_indexer_get(|foreign: &mut Foreign, name: ImmutableString| -> Fallible {
        if name == "form" || name == "表单" {
            let map = Arc::clone(&foreign.0);
            return Ok(Dynamic::from(Data { name: "表单", map, open: true }));
        }
        Err(fail(format!("其他事项的任务只能读 .form，没有 {name}")))
    });
    engine.register_indexer_get(|rung: &mut Rung, name: ImmutableString| -> Fallible {
        Ok(rung_key(rung, &name))
    });
}
