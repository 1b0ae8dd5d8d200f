//! `min`, `max`, `sum`, `avg` and `count`.

use std::cmp::Ordering;

use rhai::{Array, Dynamic};
use rust_decimal::Decimal;

use super::Host;
use crate::arithmetic::{Operator, calculate};
use crate::compare::compare;
use crate::frame::{Fallible, Frame, fail};
use crate::names::HostKind;
use crate::object::type_name;

/// `min(a, b, …)` takes so many at most; more go into a list.
pub(crate) const CHOICES_MAX: usize = 6;

pub(super) fn register(host: &mut Host) {
    let kind = HostKind::Function;
    for (name, wanted) in [("min", Ordering::Less), ("max", Ordering::Greater)] {
        host.function(kind, name, 1, move |frame, arguments| {
            extreme(frame, elements(name, arguments[0])?.iter(), wanted)
        });
        for arity in 2..=CHOICES_MAX {
            host.function(kind, name, arity, move |frame, arguments| {
                extreme(frame, arguments.iter().map(|value| &**value), wanted)
            });
        }
    }
    host.function(kind, "sum", 1, |frame, arguments| sum(frame, &elements("sum", arguments[0])?));
    host.function(kind, "avg", 1, |frame, arguments| {
        let values = elements("avg", arguments[0])?;
        let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(Dynamic::UNIT);
        }
        calculate(frame, Operator::Div, &sum(frame, &values)?, &count.into())
    });
    host.function(kind, "count", 1, |_, arguments| {
        let count = elements("count", arguments[0])?.len();
        Ok(i64::try_from(count).unwrap_or(i64::MAX).into())
    });
}

fn elements(name: &str, value: &Dynamic) -> Fallible<Array> {
    value
        .as_array_ref()
        .map(|values| values.clone())
        .map_err(|_| fail(format!("{name}(…) 需要列表，写的是{}", type_name(value))))
}

fn sum(frame: &Frame, values: &[Dynamic]) -> Fallible {
    let mut total = Dynamic::from(0_i64);
    for value in values {
        if !(value.is_int() || value.is::<Decimal>()) {
            return Err(fail(format!("列表里有{}，不能合计", type_name(value))));
        }
        total = calculate(frame, Operator::Add, &total, value)?;
    }
    Ok(total)
}

/// The first of the least or the greatest values; `()` of none.
fn extreme<'a>(
    frame: &Frame,
    values: impl Iterator<Item = &'a Dynamic>,
    wanted: Ordering,
) -> Fallible {
    let mut best: Option<&Dynamic> = None;
    for value in values {
        let better = match best {
            None => true,
            Some(best) => compare(frame, value, best)? == wanted,
        };
        if better {
            best = Some(value);
        }
    }
    Ok(best.cloned().unwrap_or(Dynamic::UNIT))
}
