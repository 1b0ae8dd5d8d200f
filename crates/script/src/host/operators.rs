//! Operators, and how values become text.

use std::any::TypeId;
use std::cmp::Ordering;

use duban_calendar::{Date, Instant, Span, Window};
use duban_model::{Assignee, UnitId};
use rhai::{Array, Dynamic};
use rust_decimal::Decimal;

use super::Host;
use crate::arithmetic::{Operator, calculate, negate};
use crate::compare::{compare, contains, equal};
use crate::frame::{Fallible, Frame, fail};
use crate::object::{Item, type_name};
use crate::text;

pub(super) fn register(host: &mut Host) {
    equality(host);
    ordering(host);
    arithmetic(host);
    membership(host);
    texts(host);
}

fn equality(host: &mut Host) {
    for (symbol, wanted) in [("==", true), ("!=", false)] {
        host.raw(symbol, 2, move |context, arguments| {
            let [left, right] = arguments else { return Err(arity()) };
            Ok((equal(&Frame::of(context)?.0, left, right)? == wanted).into())
        });
    }
}

fn ordering(host: &mut Host) {
    type Wanted = fn(Ordering) -> bool;
    let symbols: [(&str, Wanted); 4] = [
        ("<", Ordering::is_lt),
        ("<=", Ordering::is_le),
        (">", Ordering::is_gt),
        (">=", Ordering::is_ge),
    ];
    for (symbol, wanted) in symbols {
        host.raw(symbol, 2, move |context, arguments| {
            let [left, right] = arguments else { return Err(arity()) };
            Ok(wanted(compare(&Frame::of(context)?.0, left, right)?).into())
        });
    }
}

fn arithmetic(host: &mut Host) {
    for operator in Operator::ALL {
        host.raw(operator.symbol(), 2, move |context, arguments| {
            let [left, right] = arguments else { return Err(arity()) };
            calculate(&Frame::of(context)?.0, operator, left, right)
        });
        host.raw(operator.assignment(), 2, move |context, arguments| {
            let [left, right] = arguments else { return Err(arity()) };
            let found = calculate(&Frame::of(context)?.0, operator, left, right)?;
            **left = found;
            Ok(Dynamic::UNIT)
        });
    }
    // rhai has these lists of its own, found first by their exact types.
    let list = [TypeId::of::<Array>(), TypeId::of::<Array>()];
    host.typed("+", &list, |context, arguments| {
        let [left, right] = arguments else { return Err(arity()) };
        calculate(&Frame::of(context)?.0, Operator::Add, left, right)
    });
    host.raw("-", 1, |_, arguments| {
        let [value] = arguments else { return Err(arity()) };
        negate(value)
    });
    host.raw("!", 1, |_, arguments| {
        let [value] = arguments else { return Err(arity()) };
        match value.as_bool() {
            Ok(flag) => Ok((!flag).into()),
            Err(_) => Err(fail(format!("! 后面应是真假值，这里是{}", type_name(value)))),
        }
    });
}

fn membership(host: &mut Host) {
    let any = TypeId::of::<Dynamic>();
    for container in [any, TypeId::of::<Array>()] {
        host.typed("contains", &[container, any], |context, arguments| {
            let [container, value] = arguments else { return Err(arity()) };
            Ok(contains(&Frame::of(context)?.0, container, value)?.into())
        });
    }
}

fn texts(host: &mut Host) {
    let kinds = [
        TypeId::of::<Dynamic>(),
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<Decimal>(),
        TypeId::of::<Array>(),
        TypeId::of::<rhai::Map>(),
        TypeId::of::<Date>(),
        TypeId::of::<Instant>(),
        TypeId::of::<Span>(),
        TypeId::of::<Window>(),
        TypeId::of::<UnitId>(),
        TypeId::of::<Assignee>(),
        TypeId::of::<Item>(),
    ];
    for name in ["to_string", "to_debug"] {
        for kind in kinds {
            host.typed(name, &[kind], as_text);
        }
    }
}

fn as_text(
    context: &rhai::NativeCallContext<'_>,
    arguments: &mut super::Arguments<'_>,
) -> Fallible {
    let [value] = arguments else { return Err(arity()) };
    Ok(text::any(&Frame::of(context)?.0, value).into())
}

fn arity() -> Box<rhai::EvalAltResult> {
    fail("参数个数不对")
}
