//! What scripts hold besides plain values: items, forms, the case, a rung.
//!
//! Each is a handle on shared facts; a property is read when a script asks for it.

use std::sync::Arc;

use duban_calendar::{Date, Instant, Span, Window};
use duban_model::{Assignee, Field, UnitId};
use rhai::{Dynamic, ImmutableString};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use crate::facts::{CaseFacts, RungFacts, TaskFacts};
use crate::frame::{Fallible, Frame, fail};
use crate::meter;
use crate::suggest::with_suggestion;

/// An item (`task`), or a task of the workflow (`tasks.NAME`) with the item that matches the one
/// in hand.
#[derive(Clone)]
pub(crate) struct Item {
    /// The task's id.
    pub(crate) task: Arc<str>,
    /// The item; `None` where none, or more than one, matches.
    pub(crate) facts: Option<Arc<TaskFacts>>,
}

impl Item {
    pub(crate) fn new(facts: Arc<TaskFacts>) -> Self {
        Self { task: facts.task.as_str().into(), facts: Some(facts) }
    }

    pub(crate) fn facts(&self) -> Fallible<&Arc<TaskFacts>> {
        self.facts.as_ref().ok_or_else(|| {
            let task = &self.task;
            fail(format!("任务 {task} 没有与当前条目唯一对应的一项；要读全部请写 tasks.{task}.all"))
        })
    }
}

/// The axes of an item (`item`).
#[derive(Clone)]
pub(crate) struct Axes(pub(crate) Arc<TaskFacts>);

/// The tasks of the workflow (`tasks`).
#[derive(Clone, Copy)]
pub(crate) struct Tasks;

/// Data of a form with its declared fields.
#[derive(Clone)]
pub(crate) enum Form {
    /// An item's.
    Item(Arc<TaskFacts>),
    /// What the case was opened with.
    Case(Arc<CaseFacts>, Arc<Vec<Field>>),
}

impl Form {
    pub(crate) fn fields(&self) -> &[Field] {
        match self {
            Self::Item(facts) => &facts.fields,
            Self::Case(_, fields) => fields,
        }
    }

    pub(crate) fn data(&self) -> &Map<String, Json> {
        match self {
            Self::Item(facts) => &facts.form,
            Self::Case(case, _) => &case.form,
        }
    }
}

/// Plain data whose keys are read one by one: `params`, `case.vars`, another case's form.
#[derive(Clone)]
pub(crate) struct Data {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    pub(crate) map: Arc<Map<String, Json>>,
    /// A key that is not there is empty, not an error.
    pub(crate) open: bool,
}

/// Another case's task (`tasks["workflow/task"]`).
#[derive(Clone)]
pub(crate) struct Foreign(pub(crate) Arc<Map<String, Json>>);

/// The case (`case`).
#[derive(Clone)]
pub(crate) struct Case(pub(crate) Arc<CaseFacts>);

/// The rung whose function is called (`rung`).
#[derive(Clone)]
pub(crate) struct Rung(pub(crate) Arc<RungFacts>);

/// A rhai value seen through the types that scripts know.
pub(crate) enum View {
    Nil,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(ImmutableString),
    Date(Date),
    At(Instant),
    Span(Span),
    Window(Window),
    Unit(UnitId),
    Assignee(Assignee),
    Item(Item),
    List,
    Map,
    Other(&'static str),
}

impl View {
    /// Looks at a value.
    pub(crate) fn of(value: &Dynamic) -> Self {
        if let Ok(number) = value.as_int() {
            return Self::Int(number);
        }
        if value.is_unit() {
            return Self::Nil;
        }
        if let Ok(flag) = value.as_bool() {
            return Self::Bool(flag);
        }
        if let Ok(text) = value.as_immutable_string_ref() {
            return Self::Text(text.clone());
        }
        if let Ok(number) = value.as_decimal() {
            return Self::Decimal(number);
        }
        if value.is_array() {
            return Self::List;
        }
        if value.is_map() {
            return Self::Map;
        }
        if let Ok(letter) = value.as_char() {
            return Self::Text(letter.to_string().into());
        }
        Self::custom(value)
    }

    fn custom(value: &Dynamic) -> Self {
        macro_rules! try_as {
            ($($kind:ty => $variant:ident),*) => {
                $(if let Some(found) = value.read_lock::<$kind>() {
                    return Self::$variant(found.clone());
                })*
            };
        }
        try_as!(Instant => At, Span => Span, Date => Date, UnitId => Unit, Assignee => Assignee,
            Window => Window, Item => Item);
        Self::Other(other_name(value))
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nil => "空值",
            Self::Bool(_) => "真假值",
            Self::Int(_) => "整数",
            Self::Decimal(_) => "小数",
            Self::Text(_) => "文本",
            Self::Date(_) => "日期",
            Self::At(_) => "时刻",
            Self::Span(_) => "时长",
            Self::Window(_) => "周期",
            Self::Unit(_) => "单位",
            Self::Assignee(_) => "岗位或人员",
            Self::Item(_) => "任务",
            Self::List => "列表",
            Self::Map => "映射",
            Self::Other(name) => name,
        }
    }
}

/// What a value is called in messages.
pub(crate) fn type_name(value: &Dynamic) -> &'static str {
    View::of(value).name()
}

fn other_name(value: &Dynamic) -> &'static str {
    if value.is::<Axes>() {
        "条目"
    } else if value.is::<Form>() {
        "表单"
    } else if value.is::<Case>() {
        "事项"
    } else if value.is::<Rung>() {
        "梯级"
    } else if value.is::<Tasks>() {
        "各任务"
    } else if value.is::<Foreign>() {
        "其他事项的任务"
    } else if value.is::<Data>() {
        "数据"
    } else if value.is_fnptr() {
        "函数"
    } else {
        "其他值"
    }
}

/// The item of a task that matches the one in hand: equal on the axes that both have, and of the
/// same window where both have one.
pub(crate) fn matching(frame: &Frame, task: &str) -> Fallible<Item> {
    let items = frame.scene.facts.items(task);
    meter::items(items.len())?;
    let here = frame.scene.item.as_ref();
    let window = frame.scene.window.or_else(|| here.and_then(|item| item.window));
    let mut found = items.into_iter().filter(|other| {
        let same_axes = here.is_none_or(|here| {
            let shared = |(name, value)| here.axes.get(name).is_none_or(|mine| mine == value);
            other.axes.iter().all(shared)
        });
        same_axes && (window.is_none() || other.window.is_none() || window == other.window)
    });
    let first = found.next();
    let facts = if found.next().is_some() { None } else { first };
    Ok(Item { task: task.into(), facts })
}

/// `tasks.NAME`: a task of this workflow, or `workflow/task` of another case.
pub(crate) fn task_named(frame: &Frame, name: &str) -> Fallible {
    if name.contains('/') {
        let found = frame.scene.facts.foreign(name);
        return Ok(found.map_or(Dynamic::UNIT, |map| Dynamic::from(Foreign(Arc::new(map)))));
    }
    let definition = frame.definition();
    let opened_by_rungs = ["interview", "rectification", "extra"];
    if definition.workflow.task(name).is_none() && !opened_by_rungs.contains(&name) {
        let known = definition.workflow.tasks.iter().map(|task| task.id.as_str());
        return Err(fail(with_suggestion(format!("没有任务 {name}"), name, known)));
    }
    Ok(Dynamic::from(matching(frame, name)?))
}
