//! Operators, and how values become text.

use std::any::TypeId;

use duban_calendar::{Date, Instant, Span, Window};
use duban_model::{Assignee, UnitId};
use rhai::{Array, Dynamic, ImmutableString};
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

/// Types that rhai has operators for. It looks for exact types before it looks for any value, so
/// ours are registered for these as well, and for the pairs that scripts use most.
fn pairs() -> Vec<[TypeId; 2]> {
    let any = TypeId::of::<Dynamic>();
    let own = [
        any,
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<i64>(),
        TypeId::of::<char>(),
        TypeId::of::<Decimal>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<Array>(),
        TypeId::of::<rhai::Map>(),
    ];
    let (at, date) = (TypeId::of::<Instant>(), TypeId::of::<Date>());
    let (span, unit) = (TypeId::of::<Span>(), TypeId::of::<UnitId>());
    let often = [[at, span], [date, span], [at, at], [date, date], [unit, unit]];
    own.iter().flat_map(|left| own.map(|right| [*left, right])).chain(often).collect()
}

type Run = fn(&Frame, &Dynamic, &Dynamic) -> Fallible;

fn binary(
    host: &mut Host,
    symbol: &str,
    run: impl Fn(&Frame, &Dynamic, &Dynamic) -> Fallible + Copy + Send + Sync + 'static,
) {
    for types in pairs() {
        host.typed(symbol, &types, move |context, arguments| {
            let [left, right] = arguments else { return Err(arity()) };
            run(&Frame::of(context)?.0, left, right)
        });
    }
}

fn equality(host: &mut Host) {
    binary(host, "==", |frame, left, right| Ok(equal(frame, left, right)?.into()));
    binary(host, "!=", |frame, left, right| Ok((!equal(frame, left, right)?).into()));
}

fn ordering(host: &mut Host) {
    let symbols: [(&str, Run); 4] = [
        ("<", |frame, left, right| Ok(compare(frame, left, right)?.is_lt().into())),
        ("<=", |frame, left, right| Ok(compare(frame, left, right)?.is_le().into())),
        (">", |frame, left, right| Ok(compare(frame, left, right)?.is_gt().into())),
        (">=", |frame, left, right| Ok(compare(frame, left, right)?.is_ge().into())),
    ];
    for (symbol, run) in symbols {
        binary(host, symbol, run);
    }
}

fn arithmetic(host: &mut Host) {
    for operator in Operator::ALL {
        binary(host, operator.symbol(), move |frame, left, right| {
            calculate(frame, operator, left, right)
        });
        for types in pairs() {
            host.typed(operator.assignment(), &types, move |context, arguments| {
                let [left, right] = arguments else { return Err(arity()) };
                let found = calculate(&Frame::of(context)?.0, operator, left, right)?;
                **left = found;
                Ok(Dynamic::UNIT)
            });
        }
    }
    for number in [TypeId::of::<Dynamic>(), TypeId::of::<i64>(), TypeId::of::<Decimal>()] {
        host.typed("-", &[number], |_, arguments| {
            let [value] = arguments else { return Err(arity()) };
            negate(value)
        });
    }
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
