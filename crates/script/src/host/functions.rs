//! Functions and methods that answer.

use std::cmp::Ordering;

use duban_calendar::{Date, Span};
use duban_model::{Assignee, UnitId};
use rhai::{Array, Dynamic, Engine, ImmutableString, NativeCallContext};
use rust_decimal::Decimal;

use super::chinese;
use crate::arithmetic::{Operator, calculate};
use crate::compare::compare;
use crate::convert::iso_date;
use crate::frame::{Fallible, Frame, fail};
use crate::names::HostKind;
use crate::object::{View, type_name};
use crate::suggest::with_suggestion;
use crate::text;

type Context<'a> = NativeCallContext<'a>;

fn is_function(kind: HostKind) -> bool {
    kind == HostKind::Function
}

fn is_method(kind: HostKind) -> bool {
    matches!(kind, HostKind::Method { .. })
}

/// Registers a function under both of its names.
macro_rules! both {
    ($engine:expr, $name:literal, $kind:expr, $function:expr) => {
        $engine.register_fn($name, $function);
        $engine.register_fn(chinese($name, $kind), $function);
    };
}

pub(crate) fn register(engine: &mut Engine) {
    spans(engine);
    dates(engine);
    units(engine);
    folds(engine);
    item_in_hand(engine);
    texts(engine);
}

fn spans(engine: &mut Engine) {
    both!(engine, "days", is_function, |n: i64| Span::Days(n));
    both!(engine, "workdays", is_function, |n: i64| Span::Workdays(n));
    both!(engine, "months", is_function, |n: i64| Span::Months(n));
    both!(engine, "hours", is_function, |n: i64| Span::Hours(n));
}

fn dates(engine: &mut Engine) {
    let of_text = |text: &str| -> Fallible<Date> {
        iso_date(text).ok_or_else(|| fail(format!("“{text}”不是日期；请写成 2022-07-08")))
    };
    let of_numbers = |year: i64, month: i64, day: i64| -> Fallible<Date> {
        let found =
            i32::try_from(year).ok().zip(u32::try_from(month).ok()).zip(u32::try_from(day).ok());
        found
            .and_then(|((year, month), day)| Date::from_ymd_opt(year, month, day))
            .ok_or_else(|| fail(format!("没有 {year} 年 {month} 月 {day} 日")))
    };
    both!(engine, "date", is_function, of_text);
    both!(engine, "date", is_function, of_numbers);
    both!(engine, "workdays_between", is_function, |context: Context<'_>,
                                                    after: Dynamic,
                                                    upto: Dynamic|
     -> Fallible<i64> {
        let tag = Frame::of(&context)?;
        let (after, upto) = (civil(&tag.0, &after)?, civil(&tag.0, &upto)?);
        Ok(tag.0.calendar().workdays_between(after, upto))
    });
    both!(engine, "is_workday", is_function, |context: Context<'_>,
                                              date: Dynamic|
     -> Fallible<bool> {
        let tag = Frame::of(&context)?;
        let date = civil(&tag.0, &date)?;
        Ok(tag.0.calendar().is_workday(date))
    });
}

fn civil(frame: &Frame, value: &Dynamic) -> Fallible<Date> {
    match View::of(value) {
        View::Date(date) => Ok(date),
        View::At(at) => Ok(frame.date_of(at)),
        other => Err(fail(format!("这里要日期或时刻，给的是{}", other.name()))),
    }
}

fn units(engine: &mut Engine) {
    both!(engine, "org", is_function, |context: Context<'_>, name: &str| -> Fallible<UnitId> {
        let tag = Frame::of(&context)?;
        org(&tag.0, name)
    });
    both!(engine, "units", is_function, |context: Context<'_>, level: &str| -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        Ok(of_level(&tag.0, level, None))
    });
    both!(engine, "units", is_function, |context: Context<'_>,
                                         level: &str,
                                         label: ImmutableString|
     -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        Ok(of_level(&tag.0, level, Some(&label)))
    });
    both!(engine, "districts", is_function, |context: Context<'_>| -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        Ok(of_level(&tag.0, "district", None))
    });
    both!(engine, "districts", is_function, |context: Context<'_>,
                                             label: &str|
     -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        Ok(of_level(&tag.0, "district", Some(label)))
    });
    both!(engine, "post", is_method, |unit: &mut UnitId, name: &str| {
        Assignee::Post(unit.clone(), name.into())
    });
    both!(engine, "below", is_method, |context: Context<'_>,
                                       unit: &mut UnitId,
                                       level: &str|
     -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        Ok(below(&tag.0, unit, level))
    });
    both!(engine, "with", is_method, |context: Context<'_>,
                                      unit: &mut UnitId,
                                      level: &str|
     -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        let mut found = vec![Dynamic::from(unit.clone())];
        found.extend(below(&tag.0, unit, level));
        Ok(found)
    });
    both!(engine, "is_within", is_method, |context: Context<'_>,
                                           unit: &mut UnitId,
                                           above: UnitId|
     -> Fallible<bool> {
        let tag = Frame::of(&context)?;
        Ok(tag.0.directory().is_within(unit, &above))
    });
}

pub(crate) fn below(frame: &Frame, unit: &UnitId, level: &str) -> Array {
    let found = frame.directory().below(unit, level);
    found.into_iter().map(|unit| Dynamic::from(unit.id.clone())).collect()
}

fn org(frame: &Frame, name: &str) -> Fallible<UnitId> {
    let directory = frame.directory();
    if let Some(unit) = directory.unit(&name.into()) {
        return Ok(unit.id.clone());
    }
    let mut named = directory.units_named(name);
    match (named.next(), named.next()) {
        (Some(unit), None) => Ok(unit.id.clone()),
        (Some(one), Some(two)) => {
            Err(fail(format!("有多个单位叫“{name}”（{}、{} 等），请写代码", one.id, two.id)))
        }
        (None, _) => {
            let known = directory.units().map(|unit| unit.name.as_str());
            Err(fail(with_suggestion(format!("通讯录中没有单位“{name}”"), name, known)))
        }
    }
}

fn of_level(frame: &Frame, level: &str, label: Option<&str>) -> Array {
    frame
        .directory()
        .units()
        .filter(|unit| unit.level == level)
        .filter(|unit| label.is_none_or(|label| unit.tags.iter().any(|own| own == label)))
        .map(|unit| Dynamic::from(unit.id.clone()))
        .collect()
}

fn folds(engine: &mut Engine) {
    both!(engine, "min", is_function, |context: Context<'_>, values: Array| -> Fallible {
        extreme(&context, &values, Ordering::Less)
    });
    both!(engine, "min", is_function, |context: Context<'_>, a: Dynamic, b: Dynamic| -> Fallible {
        extreme(&context, &[a, b], Ordering::Less)
    });
    both!(engine, "max", is_function, |context: Context<'_>, values: Array| -> Fallible {
        extreme(&context, &values, Ordering::Greater)
    });
    both!(engine, "max", is_function, |context: Context<'_>, a: Dynamic, b: Dynamic| -> Fallible {
        extreme(&context, &[a, b], Ordering::Greater)
    });
    both!(engine, "sum", is_function, |context: Context<'_>, values: Array| -> Fallible {
        sum(&context, &values)
    });
    both!(engine, "avg", is_function, |context: Context<'_>, values: Array| -> Fallible {
        let Ok(count) = i64::try_from(values.len()) else { return Err(fail("列表太长")) };
        if count == 0 {
            return Ok(Dynamic::UNIT);
        }
        let total = sum(&context, &values)?;
        let tag = Frame::of(&context)?;
        calculate(&tag.0, Operator::Div, &total, &count.into())
    });
    both!(engine, "count", is_function, |values: Array| -> i64 {
        i64::try_from(values.len()).unwrap_or(i64::MAX)
    });
}

fn extreme(context: &Context<'_>, values: &[Dynamic], wanted: Ordering) -> Fallible {
    let tag = Frame::of(context)?;
    let mut best: Option<&Dynamic> = None;
    for value in values {
        let better = match best {
            Some(best) => compare(&tag.0, value, best)? == wanted,
            None => true,
        };
        if better {
            best = Some(value);
        }
    }
    Ok(best.cloned().unwrap_or(Dynamic::UNIT))
}

fn sum(context: &Context<'_>, values: &[Dynamic]) -> Fallible {
    let tag = Frame::of(context)?;
    let mut total = Dynamic::from(0_i64);
    for value in values {
        total = calculate(&tag.0, Operator::Add, &total, value)?;
    }
    Ok(total)
}

fn item_in_hand(engine: &mut Engine) {
    both!(engine, "history", is_function, |context: Context<'_>, kind: &str| -> Fallible<Array> {
        let tag = Frame::of(&context)?;
        let item = tag.0.scene.item.as_ref().ok_or_else(|| fail("此处没有当前任务"))?;
        let moments = item.history.iter().filter(|(found, _)| found == kind);
        Ok(moments.map(|(_, at)| Dynamic::from(*at)).collect())
    });
    both!(engine, "indicator", is_function, |context: Context<'_>, task: &str| -> Fallible {
        let tag = Frame::of(&context)?;
        let found = crate::object::matching(&tag.0, task);
        let value = found.facts()?.value;
        Ok(value.map_or(Dynamic::UNIT, Dynamic::from_decimal))
    });
}

/// How values become text, and a few conversions that authors expect.
fn texts(engine: &mut Engine) {
    engine.register_fn("to_string", |context: Context<'_>, value: Dynamic| -> Fallible<String> {
        let tag = Frame::of(&context)?;
        Ok(text::any(&tag.0, &value))
    });
    engine.register_fn("to_int", |value: Dynamic| -> Fallible<i64> {
        let number = match View::of(&value) {
            View::Int(number) => return Ok(number),
            View::Decimal(number) => Some(number),
            View::Text(text) => text.parse::<Decimal>().ok(),
            _ => None,
        };
        number
            .and_then(|number| i64::try_from(number.trunc()).ok())
            .ok_or_else(|| fail(format!("{}不能变成整数", type_name(&value))))
    });
    engine.register_fn("to_decimal", |value: Dynamic| -> Fallible {
        let number = match View::of(&value) {
            View::Int(number) => Some(Decimal::from(number)),
            View::Decimal(number) => Some(number),
            View::Text(text) => text.parse::<Decimal>().ok(),
            _ => None,
        };
        number
            .map(Dynamic::from_decimal)
            .ok_or_else(|| fail(format!("{}不能变成小数", type_name(&value))))
    });
    engine.register_fn("round", |value: Dynamic, digits: i64| -> Fallible {
        let number = match View::of(&value) {
            View::Int(number) => Decimal::from(number),
            View::Decimal(number) => number,
            other => return Err(fail(format!("{}不能取整", other.name()))),
        };
        let digits = u32::try_from(digits).unwrap_or(0);
        Ok(Dynamic::from_decimal(number.round_dp(digits)))
    });
}
