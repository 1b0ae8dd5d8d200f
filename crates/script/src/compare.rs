//! Comparison: what may be compared with what, and how.
//!
//! rhai answers `false` where two values cannot be compared. Here that is an error, because an
//! author who compares a text with a number has made a mistake. Only `==` and `!=` with `()` are
//! always allowed. A date and a moment are compared by civil date.

use std::cmp::Ordering;

use duban_model::Assignee;
use rhai::Dynamic;
use rust_decimal::Decimal;

use crate::frame::{Fallible, Frame, fail};
use crate::object::View;

/// Whether two values are equal.
pub(crate) fn equal(frame: &Frame, left: &Dynamic, right: &Dynamic) -> Fallible<bool> {
    use View::{Assignee as Who, Bool, Item, List, Map, Nil, Span, Unit};
    Ok(match (View::of(left), View::of(right)) {
        (Nil, Nil) => true,
        (Nil, _) | (_, Nil) => false,
        (Bool(a), Bool(b)) => a == b,
        (Span(a), Span(b)) => a == b,
        (Unit(a), Unit(b)) => a == b,
        (Who(a), Who(b)) => a == b,
        (Unit(a), Who(b)) | (Who(b), Unit(a)) => Assignee::Unit(a) == b,
        (Item(a), Item(b)) => {
            let key = |item: &crate::object::Item| item.facts.as_ref().map(|it| it.key.clone());
            a.task == b.task && key(&a) == key(&b)
        }
        (List, List) => lists_equal(frame, left, right)?,
        (Map, Map) => maps_equal(frame, left, right)?,
        (a, b) => order(frame, &a, &b)? == Ordering::Equal,
    })
}

fn lists_equal(frame: &Frame, left: &Dynamic, right: &Dynamic) -> Fallible<bool> {
    let (Ok(left), Ok(right)) = (left.as_array_ref(), right.as_array_ref()) else {
        return Ok(false);
    };
    if left.len() != right.len() {
        return Ok(false);
    }
    for (a, b) in left.iter().zip(right.iter()) {
        if !equal(frame, a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_equal(frame: &Frame, left: &Dynamic, right: &Dynamic) -> Fallible<bool> {
    let (Ok(left), Ok(right)) = (left.as_map_ref(), right.as_map_ref()) else {
        return Ok(false);
    };
    if !left.keys().eq(right.keys()) {
        return Ok(false);
    }
    for (a, b) in left.values().zip(right.values()) {
        if !equal(frame, a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which of two values comes first.
pub(crate) fn compare(frame: &Frame, left: &Dynamic, right: &Dynamic) -> Fallible<Ordering> {
    order(frame, &View::of(left), &View::of(right))
}

fn order(frame: &Frame, left: &View, right: &View) -> Fallible<Ordering> {
    use View::{At, Date, Int, Span, Text, Window};
    Ok(match (left, right) {
        (Int(a), Int(b)) => a.cmp(b),
        (View::Decimal(a), View::Decimal(b)) => a.cmp(b),
        (Int(a), View::Decimal(b)) => Decimal::from(*a).cmp(b),
        (View::Decimal(a), Int(b)) => a.cmp(&Decimal::from(*b)),
        (Text(a), Text(b)) => a.as_str().cmp(b.as_str()),
        (At(a), At(b)) => a.cmp(b),
        (Date(a), Date(b)) => a.cmp(b),
        (At(a), Date(b)) => frame.date_of(*a).cmp(b),
        (Date(a), At(b)) => a.cmp(&frame.date_of(*b)),
        (Window(a), Window(b)) if a.kind == b.kind => a.start.cmp(&b.start),
        (Span(a), Span(b)) if std::mem::discriminant(a) == std::mem::discriminant(b) => {
            a.units().cmp(&b.units())
        }
        (Span(a), Span(b)) => {
            return Err(fail(format!("不能比较{}和{}：单位不同", a.zh(), b.zh())));
        }
        (a, b) => return Err(fail(cannot_compare(a, b))),
    })
}

fn cannot_compare(left: &View, right: &View) -> String {
    let message = format!("不能比较{}和{}", left.name(), right.name());
    match (left, right) {
        (View::Nil, _) | (_, View::Nil) => format!("{message}：值还没有填；可先判断 == ()"),
        (View::Unit(_) | View::Assignee(_), View::Text(_))
        | (View::Text(_), View::Unit(_) | View::Assignee(_)) => {
            format!("{message}；比较名称请写 .name")
        }
        (View::Span(_), View::Int(_)) | (View::Int(_), View::Span(_)) => {
            format!("{message}；时长请写成 days(3) 或 workdays(3)")
        }
        _ => message,
    }
}

/// `x in container`.
pub(crate) fn contains(frame: &Frame, container: &Dynamic, value: &Dynamic) -> Fallible<bool> {
    match (View::of(container), View::of(value)) {
        (View::List, _) => {
            let Ok(values) = container.as_array_ref() else { return Ok(false) };
            for one in values.iter() {
                if equal(frame, one, value)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        (View::Window(window), View::Date(date)) => Ok(window.contains(date)),
        (View::Window(window), View::At(at)) => Ok(window.contains(frame.date_of(at))),
        (_, View::Nil) => Ok(false),
        (View::Text(text), View::Text(part)) => Ok(text.contains(part.as_str())),
        (View::Map, View::Text(key)) => {
            Ok(container.as_map_ref().is_ok_and(|map| map.contains_key(key.as_str())))
        }
        (a, b) => Err(fail(format!("不能判断{}是否在{}之中", b.name(), a.name()))),
    }
}
