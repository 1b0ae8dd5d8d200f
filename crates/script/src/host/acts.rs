//! Actions: what scripts may ask for.
//!
//! Every action takes a map of named values; where it reads naturally, also positional forms. A
//! script function may carry an action's name with one or two parameters, as the functions of a
//! ladder do: `remind(task, rung)` calls the script's function, `remind(owner, "text")` is the
//! action. The two are told apart by their arguments: an item (and a rung), or anything else.

use std::collections::BTreeMap;

use duban_calendar::Span;
use duban_model::Assignee;
use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::args::{assignee, assignees, instant, span, text, unit};
use super::{Arguments, Host};
use crate::action::Action;
use crate::arithmetic::later;
use crate::colours::{LISTED, colour_named};
use crate::convert::to_json;
use crate::frame::{Fallible, Frame, fail};
use crate::names::{HostKind, both, english, of_kind};
use crate::object::{Item, Rung, type_name};
use crate::suggest::with_suggestion;
use crate::value::Value;

/// Working days until an interview must be held, and for the rectification after it.
const INTERVIEW_WORKDAYS: i64 = 10;
const RECTIFY_WORKDAYS: i64 = 20;

/// The positional forms of each action: the keys that the positions stand for.
pub(crate) const FORMS: &[(&str, &[&[&str]])] = &[
    ("remind", &[&["to"], &["to", "text"]]),
    ("slip", &[&["colour", "to"], &["colour", "to", "text"]]),
    ("notice", &[&["to"], &["to", "text"]]),
    ("interview", &[&["who", "why"]]),
    ("refer", &[&["why"], &["to", "why"]]),
    ("open_task", &[]),
    ("open_case", &[&["workflow", "unit"], &["workflow", "unit", "form"]]),
    ("assign", &[&["to"], &["to", "why"]]),
    ("extend", &[&["due", "why"]]),
    ("cancel", &[&["why"]]),
    ("set", &[&["name", "value"]]),
    ("score", &[&["unit", "points", "why"]]),
    ("emit", &[&["kind"], &["kind", "data"]]),
    ("log", &[&["text"]]),
];

/// The name under which a script's function is kept where an action has its name.
pub(crate) fn script_name(action: &str) -> String {
    format!("{action}__script")
}

/// Whether an action can be called with so many arguments.
pub(crate) fn takes(action: &str, arity: usize) -> bool {
    let form = FORMS.iter().find(|(name, _)| *name == action);
    arity == 1 || form.is_some_and(|(_, forms)| forms.iter().any(|form| form.len() == arity))
}

pub(super) fn register(host: &mut Host) {
    for (action, forms) in FORMS {
        let most = forms.iter().map(|form| form.len()).max().unwrap_or(1);
        for name in both(HostKind::Action, action) {
            for arity in 1..=most.max(2) {
                host.raw(name, arity, move |context, arguments| {
                    call(context, action, forms, arguments)
                });
            }
        }
    }
}

fn call(
    context: &NativeCallContext<'_>,
    action: &'static str,
    forms: &[&[&'static str]],
    arguments: &mut Arguments<'_>,
) -> Fallible {
    let for_script = match &*arguments {
        [task] => task.is::<Item>(),
        [task, rung] => task.is::<Item>() && rung.is::<Rung>(),
        _ => false,
    };
    if for_script {
        return call_script(context, action, arguments);
    }
    let frame = Frame::of(context)?;
    let keys = Keys::read(action, forms, arguments)?;
    let asked = keys.action(&frame.0)?;
    frame.0.act(asked)?;
    Ok(Dynamic::UNIT)
}

/// Calls the scripts' function of the action's name.
fn call_script(
    context: &NativeCallContext<'_>,
    action: &str,
    arguments: &Arguments<'_>,
) -> Fallible {
    let name = script_name(action);
    // A script's function consumes its arguments; these belong to the caller.
    let mut copies: Vec<Dynamic> = arguments.iter().map(|value| (**value).clone()).collect();
    let mut copies: Vec<&mut Dynamic> = copies.iter_mut().collect();
    context.call_fn_raw(&name, false, false, &mut copies).map_err(|error| match *error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) if signature.starts_with(&name) => fail(
            format!("脚本里没有函数 {action}(task…)；{action} 的第一个参数应是单位、岗位或人员"),
        ),
        _ => error,
    })
}

/// The named values of one call.
struct Keys {
    action: &'static str,
    values: BTreeMap<&'static str, Dynamic>,
}

impl Keys {
    fn read(
        action: &'static str,
        forms: &[&[&'static str]],
        arguments: &mut Arguments<'_>,
    ) -> Fallible<Self> {
        if let [map] = arguments
            && map.is_map()
        {
            let map = map.as_map_ref().map_err(|_| fail("映射不可读"))?;
            return Self::named(action, &map);
        }
        let Some(form) = forms.iter().find(|form| form.len() == arguments.len()) else {
            return Err(fail(format!("{action} 没有 {} 个参数的写法", arguments.len())));
        };
        let values =
            form.iter().zip(arguments.iter()).map(|(key, value)| (*key, (**value).clone()));
        Ok(Self { action, values: values.collect() })
    }

    fn named(action: &'static str, map: &Map) -> Fallible<Self> {
        let kind = HostKind::Key { of: action };
        let mut values = BTreeMap::new();
        for (name, value) in map {
            let Some(key) = english(kind, name) else {
                let known = of_kind(kind).flat_map(|key| [key.english, key.chinese]);
                return Err(fail(with_suggestion(format!("{action} 没有 {name}"), name, known)));
            };
            values.insert(key, value.clone());
        }
        Ok(Self { action, values })
    }

    /// The value of a key; `()` counts as not written.
    fn get(&self, key: &str) -> Option<&Dynamic> {
        self.values.get(key).filter(|value| !value.is_unit())
    }

    fn must(&self, key: &str) -> Fallible<&Dynamic> {
        self.get(key).ok_or_else(|| fail(format!("{} 缺少 {key}", self.action)))
    }

    fn text(&self, key: &str) -> Fallible<Option<String>> {
        self.get(key).map(|value| text(value).map(String::from)).transpose()
    }

    fn must_text(&self, key: &str) -> Fallible<String> {
        text(self.must(key)?).map(String::from)
    }

    fn to(&self) -> Fallible<Vec<Assignee>> {
        self.get("to").map_or_else(|| Ok(Vec::new()), assignees)
    }

    /// The action asked for.
    fn action(&self, frame: &Frame) -> Fallible<Action> {
        match self.action {
            "remind" => Ok(Action::Remind { to: self.to()?, text: self.text("text")? }),
            "slip" => self.slip(),
            "notice" => Ok(Action::Notice { to: self.to()?, text: self.text("text")? }),
            "interview" => self.interview(frame),
            "refer" => Ok(Action::Refer {
                to: self.get("to").map(assignee).transpose()?,
                why: self.must_text("why")?,
            }),
            "open_task" => self.open_task(frame),
            "open_case" => self.open_case(frame),
            "assign" => {
                Ok(Action::Assign { to: assignee(self.must("to")?)?, why: self.text("why")? })
            }
            "extend" => {
                by_person(frame, "延期")?;
                let due = instant(frame, self.must("due")?)?;
                Ok(Action::Extend { due, why: self.must_text("why")? })
            }
            "cancel" => {
                by_person(frame, "中止")?;
                Ok(Action::Cancel { why: self.must_text("why")? })
            }
            "set" => self.set(),
            "score" => self.score(frame),
            "emit" => self.emit(),
            "log" => Ok(Action::Log { text: self.must_text("text")? }),
            other => Err(fail(format!("没有动作 {other}"))),
        }
    }

    fn slip(&self) -> Fallible<Action> {
        let written = self.must_text("colour")?;
        let colour = colour_named(&written).ok_or_else(|| {
            let message = format!("督办单没有颜色 {written}，只有 blue、yellow、red");
            fail(with_suggestion(message, &written, LISTED))
        })?;
        Ok(Action::Slip { colour, to: self.to()?, text: self.text("text")? })
    }

    fn interview(&self, frame: &Frame) -> Fallible<Action> {
        let who = match self.get("who") {
            Some(who) => assignee(who)?,
            None => owner(frame)?,
        };
        let by = match self.get("by") {
            Some(by) => assignee(by)?,
            None => superior(frame, &who)?,
        };
        let due = match self.get("due") {
            Some(due) => instant(frame, due)?,
            None => later(frame, frame.scene.now, Span::Workdays(INTERVIEW_WORKDAYS))?,
        };
        let rectify_within = match self.get("rectify_within") {
            Some(within) => span(within)?,
            None => Span::Workdays(RECTIFY_WORKDAYS),
        };
        Ok(Action::Interview { who, by, why: self.must_text("why")?, due, rectify_within })
    }

    fn open_task(&self, frame: &Frame) -> Fallible<Action> {
        Ok(Action::OpenTask {
            title: self.must_text("title")?,
            owner: assignee(self.must("owner")?)?,
            reviewer: self.get("reviewer").map(assignee).transpose()?,
            due: self.get("due").map(|due| instant(frame, due)).transpose()?,
            ladder: self.text("ladder")?,
            why: self.text("why")?,
        })
    }

    fn open_case(&self, frame: &Frame) -> Fallible<Action> {
        Ok(Action::OpenCase {
            workflow: self.must_text("workflow")?.as_str().into(),
            unit: unit(frame, self.must("unit")?)?,
            form: self.data("form")?.into_iter().collect(),
        })
    }

    fn set(&self) -> Fallible<Action> {
        let name = self.must_text("name")?;
        let value = self.values.get("value").map(to_json).transpose();
        let value = value.map_err(|kind| fail(format!("{kind}不能保存")))?;
        Ok(Action::Set { name, value: value.unwrap_or_default() })
    }

    fn score(&self, frame: &Frame) -> Fallible<Action> {
        Ok(Action::Score {
            unit: unit(frame, self.must("unit")?)?,
            points: hundredths(self.must("points")?)?,
            why: self.must_text("why")?,
        })
    }

    fn emit(&self) -> Fallible<Action> {
        Ok(Action::Emit { kind: self.must_text("kind")?, data: self.data("data")? })
    }

    fn data(&self, key: &str) -> Fallible<BTreeMap<String, serde_json::Value>> {
        let Some(value) = self.get(key) else { return Ok(BTreeMap::new()) };
        match to_json(value) {
            Ok(serde_json::Value::Object(map)) => Ok(map.into_iter().collect()),
            Ok(_) => Err(fail(format!("{key} 需要映射，写的是{}", type_name(value)))),
            Err(kind) => Err(fail(format!("{kind}不能放进 {key}"))),
        }
    }
}

fn by_person(frame: &Frame, what: &str) -> Fallible<()> {
    if frame.scene.by_time {
        return Err(fail(format!("到点触发的脚本不能{what}，须由人决定")));
    }
    Ok(())
}

fn owner(frame: &Frame) -> Fallible<Assignee> {
    let owner = frame.scene.item.as_ref().and_then(|item| item.owner.clone());
    owner.ok_or_else(|| fail("interview 缺少 who：当前任务没有承办方"))
}

fn superior(frame: &Frame, who: &Assignee) -> Fallible<Assignee> {
    let directory = frame.directory();
    let unit = directory.unit_of(who).and_then(|unit| directory.unit(&unit)?.superior.clone());
    unit.map(Assignee::Unit)
        .ok_or_else(|| fail(format!("interview 缺少 by：{} 没有上级", directory.name_of(who))))
}

/// Points as hundredths.
fn hundredths(points: &Dynamic) -> Fallible<i64> {
    let wrong = || fail("points 需要数，至多两位小数");
    let points: Value = crate::convert::from_dynamic(points).map_err(|_| wrong())?;
    let points = points.to_decimal().ok_or_else(wrong)?;
    let scaled = points.checked_mul(Decimal::ONE_HUNDRED).ok_or_else(wrong)?;
    if !scaled.fract().is_zero() {
        return Err(wrong());
    }
    scaled.to_i64().ok_or_else(wrong)
}
