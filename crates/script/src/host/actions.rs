//! Actions: what scripts ask for. Each call keeps one action; nothing happens here.

use duban_calendar::{Instant, Span, end_of};
use duban_model::{Assignee, UnitId};
use rhai::{Array, Dynamic, Engine, Map, NativeCallContext};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::chinese;
use crate::action::{Action, SlipColour};
use crate::convert::to_json;
use crate::frame::{Fallible, Frame, Tag, fail};
use crate::names::{HostKind, NAMES};
use crate::object::View;
use crate::suggest::with_suggestion;

type Context<'a> = NativeCallContext<'a>;

/// How an action reads its arguments from a map, or from positions as if from a map.
type Build = fn(&Frame, &mut Arguments) -> Fallible<Action>;

/// Every action: its name, the keys that positions stand for, and how it is made.
///
/// Positional forms with two arguments exist only where no function of a ladder bears the name:
/// a ladder's functions take (task, rung), and a script's function wins over the host's.
const ACTIONS: &[Entry] = &[
    ("remind", &[&["to"]], remind),
    ("slip", &[&["colour", "to", "text"]], slip),
    ("notice", &[&["text"]], notice),
    ("interview", &[], interview),
    ("refer", &[&["why"]], refer),
    ("open_task", &[], open_task),
    ("open_case", &[&["workflow", "unit"], &["workflow", "unit", "form"]], open_case),
    ("assign", &[&["to"], &["to", "why"]], assign),
    ("extend", &[&["due", "why"]], extend),
    ("cancel", &[&["why"]], cancel),
    ("set", &[&["name", "value"]], set),
    ("score", &[&["unit", "points", "why"]], score),
    ("emit", &[&["kind"], &["kind", "data"]], emit),
    ("log", &[&["text"]], log),
];

pub(crate) fn register(engine: &mut Engine) {
    for (english, positions, build) in ACTIONS {
        let alias = chinese(english, |kind| kind == HostKind::Action);
        for name in [*english, alias] {
            register_one(engine, name, (english, positions, *build));
        }
    }
}

type Entry = (&'static str, &'static [&'static [&'static str]], Build);

fn register_one(engine: &mut Engine, name: &str, (english, positions, build): Entry) {
    let single = positions.iter().find(|keys| keys.len() == 1).map(|keys| keys[0]);
    engine.register_fn(name, move |context: Context<'_>, first: Dynamic| -> Fallible<()> {
        let given = match (single, first.is_map()) {
            (_, true) => first.cast::<Map>(),
            (Some(key), false) => named(&[key], [first]),
            (None, false) => return Err(fail(format!("{english}(#{{…}}) 要一个映射"))),
        };
        keep(&context, english, build, given)
    });
    for keys in positions.iter().filter(|keys| keys.len() == 2) {
        engine.register_fn(
            name,
            move |context: Context<'_>, one: Dynamic, two: Dynamic| -> Fallible<()> {
                keep(&context, english, build, named(keys, [one, two]))
            },
        );
    }
    for keys in positions.iter().filter(|keys| keys.len() == 3) {
        engine.register_fn(
            name,
            move |context: Context<'_>,
                  one: Dynamic,
                  two: Dynamic,
                  three: Dynamic|
                  -> Fallible<()> {
                keep(&context, english, build, named(keys, [one, two, three]))
            },
        );
    }
}

fn named<const N: usize>(keys: &[&str], values: [Dynamic; N]) -> Map {
    keys.iter().zip(values).map(|(key, value)| ((*key).into(), value)).collect()
}

/// Makes an action of its arguments and keeps it.
fn keep(context: &Context<'_>, action: &'static str, build: Build, given: Map) -> Fallible<()> {
    let Tag(frame) = Frame::of(context)?;
    let mut arguments = Arguments::new(action, given)?;
    let made = build(&frame, &mut arguments)?;
    frame.act(made)
}

/// The arguments of one action by their English keys.
struct Arguments {
    action: &'static str,
    given: Map,
}

impl Arguments {
    /// Turns Chinese keys into English ones and refuses unknown ones.
    fn new(action: &'static str, given: Map) -> Fallible<Self> {
        let keys = || NAMES.iter().filter(|name| name.kind == HostKind::Key { of: action });
        let mut known = Map::new();
        for (written, value) in given {
            let found = keys()
                .find(|key| key.english == written.as_str() || key.chinese == written.as_str());
            let Some(found) = found else {
                let names = keys().flat_map(|key| [key.english, key.chinese]);
                let message = format!("{action} 没有 {written} 这一项");
                return Err(fail(with_suggestion(message, &written, names)));
            };
            known.insert(found.english.into(), value);
        }
        Ok(Self { action, given: known })
    }

    fn take(&mut self, key: &str) -> Option<Dynamic> {
        self.given.remove(key).filter(|value| !value.is_unit())
    }

    fn owed(&mut self, key: &str) -> Fallible {
        let action = self.action;
        self.take(key).ok_or_else(|| fail(format!("{action} 缺少 {key}")))
    }

    fn wrong<T>(&self, key: &str, expected: &str, value: &Dynamic) -> Fallible<T> {
        let got = crate::object::type_name(value);
        Err(fail(format!("{} 的 {key} 要{expected}，给的是{got}", self.action)))
    }

    fn text(&mut self, key: &str) -> Fallible<Option<String>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match View::of(&value) {
            View::Text(text) => Ok(Some(text.to_string())),
            _ => self.wrong(key, "文本", &value),
        }
    }

    fn owed_text(&mut self, key: &str) -> Fallible<String> {
        let action = self.action;
        self.text(key)?.ok_or_else(|| fail(format!("{action} 缺少 {key}")))
    }

    fn people(&mut self, key: &str) -> Fallible<Vec<Assignee>> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let values: Array = match value.as_array_ref() {
            Ok(values) => values.clone(),
            Err(_) => vec![value.clone()],
        };
        let mut people = Vec::new();
        for value in values.iter().filter(|value| !value.is_unit()) {
            match View::of(value) {
                View::Unit(unit) => people.push(Assignee::Unit(unit)),
                View::Assignee(assignee) => people.push(assignee),
                _ => return self.wrong(key, "单位、岗位或人员", value),
            }
        }
        Ok(people)
    }

    fn person(&mut self, key: &str) -> Fallible<Option<Assignee>> {
        Ok(self.people(key)?.into_iter().next())
    }

    fn instant(&mut self, frame: &Frame, key: &str) -> Fallible<Option<Instant>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match View::of(&value) {
            View::At(at) => Ok(Some(at)),
            View::Date(date) => Ok(Some(end_of(date, frame.tz()))),
            _ => self.wrong(key, "日期或时刻", &value),
        }
    }

    fn span(&mut self, key: &str) -> Fallible<Option<Span>> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match View::of(&value) {
            View::Span(span) => Ok(Some(span)),
            _ => self.wrong(key, "时长", &value),
        }
    }

    fn unit(&mut self, frame: &Frame, key: &str) -> Fallible<UnitId> {
        let value = self.owed(key)?;
        match View::of(&value) {
            View::Unit(unit) => Ok(unit),
            View::Assignee(assignee) => match frame.directory().unit_of(&assignee) {
                Some(unit) => Ok(unit),
                None => self.wrong(key, "单位", &value),
            },
            _ => self.wrong(key, "单位", &value),
        }
    }

    fn json_map(&mut self, key: &str) -> Fallible<serde_json::Map<String, serde_json::Value>> {
        let Some(value) = self.take(key) else { return Ok(serde_json::Map::new()) };
        match to_json(&value) {
            Ok(serde_json::Value::Object(map)) => Ok(map),
            Ok(_) => self.wrong(key, "映射", &value),
            Err(kind) => Err(fail(format!("{} 的 {key} 不能含{kind}", self.action))),
        }
    }
}

fn remind(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    Ok(Action::Remind { to: given.people("to")?, text: given.text("text")? })
}

fn slip(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let colour = given.owed_text("colour")?;
    let colour = match colour.as_str() {
        "blue" | "蓝" | "蓝色" => SlipColour::Blue,
        "yellow" | "黄" | "黄色" => SlipColour::Yellow,
        "red" | "红" | "红色" => SlipColour::Red,
        other => return Err(fail(format!("督办单没有“{other}”色，只有 blue、yellow、red"))),
    };
    Ok(Action::Slip { colour, to: given.people("to")?, text: given.text("text")? })
}

fn notice(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    Ok(Action::Notice { to: given.people("to")?, text: given.text("text")? })
}

/// Left out: the owner is interviewed by the unit above, within ten working days, and has twenty
/// to put things right.
fn interview(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let owner = frame.scene.item.as_ref().and_then(|item| item.owner.clone());
    let who = given.person("who")?.or(owner);
    let who = who.ok_or_else(|| fail("interview 缺少 who，当前任务也没有承办方"))?;
    let directory = frame.directory();
    let above = || {
        let unit = directory.unit_of(&who)?;
        let superior = directory.unit(&unit)?.superior.clone().unwrap_or(unit);
        Some(Assignee::Unit(superior))
    };
    // A unit answers through its first post.
    let by = match given.person("by")?.or_else(above) {
        Some(Assignee::Unit(unit)) => match directory.posts(&unit).next() {
            Some(post) => Assignee::Post(unit, post.name.as_str().into()),
            None => Assignee::Unit(unit),
        },
        Some(by) => by,
        None => return Err(fail("interview 缺少 by，也找不到上级")),
    };
    let default = crate::arithmetic::later(frame, frame.scene.now, Span::Workdays(10));
    let due = match given.instant(frame, "due")? {
        Some(due) => due,
        None => default?,
    };
    Ok(Action::Interview {
        who,
        by,
        why: given.owed_text("why")?,
        due,
        rectify_within: given.span("rectify_within")?.unwrap_or(Span::Workdays(20)),
    })
}

fn refer(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    Ok(Action::Refer { to: given.person("to")?, why: given.owed_text("why")? })
}

fn open_task(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let owner = given.person("owner")?.ok_or_else(|| fail("open_task 缺少 owner"))?;
    Ok(Action::OpenTask {
        title: given.owed_text("title")?,
        owner,
        reviewer: given.person("reviewer")?,
        due: given.instant(frame, "due")?,
        ladder: given.text("ladder")?,
        why: given.text("why")?,
    })
}

fn open_case(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    Ok(Action::OpenCase {
        workflow: given.owed_text("workflow")?.as_str().into(),
        unit: given.unit(frame, "unit")?,
        form: given.json_map("form")?,
    })
}

fn assign(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let to = given.person("to")?.ok_or_else(|| fail("assign 缺少 to"))?;
    Ok(Action::Assign { to, why: given.text("why")? })
}

fn extend(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    if frame.scene.by_time {
        return Err(fail("由时间触发的脚本不能延期"));
    }
    let due = given.instant(frame, "due")?.ok_or_else(|| fail("extend 缺少 due"))?;
    Ok(Action::Extend { due, why: given.owed_text("why")? })
}

fn cancel(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    if frame.scene.by_time {
        return Err(fail("由时间触发的脚本不能中止任务"));
    }
    Ok(Action::Cancel { why: given.owed_text("why")? })
}

fn set(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let name = given.owed_text("name")?;
    let value = given.take("value").unwrap_or(Dynamic::UNIT);
    let value = to_json(&value).map_err(|kind| fail(format!("set 不能保存{kind}")))?;
    Ok(Action::Set { name, value })
}

fn score(frame: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let unit = given.unit(frame, "unit")?;
    let points = given.owed("points")?;
    let number = match View::of(&points) {
        View::Int(number) => Decimal::from(number),
        View::Decimal(number) => number,
        _ => return given.wrong("points", "数字", &points),
    };
    let hundredths = number
        .checked_mul(Decimal::ONE_HUNDRED)
        .filter(Decimal::is_integer)
        .and_then(|hundredths| hundredths.to_i64());
    let points = hundredths.ok_or_else(|| fail("分数至多两位小数"))?;
    Ok(Action::Score { unit, points, why: given.owed_text("why")? })
}

fn emit(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    let kind = given.owed_text("kind")?;
    Ok(Action::Emit { kind, data: given.json_map("data")?.into_iter().collect() })
}

fn log(_: &Frame, given: &mut Arguments) -> Fallible<Action> {
    Ok(Action::Log { text: given.owed_text("text")? })
}
