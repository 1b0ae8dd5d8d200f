//! The only rhai engine that scripts run in: no I/O, no clock, every limit set.

use rhai::packages::{
    BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalContext, NativeCallContext, Token};

use crate::arithmetic::{Operator, calculate, negate};
use crate::compare::{compare, contains, equal};
use crate::frame::{Fallible, Frame, Tag, fail};
use crate::host::{actions, functions, properties, variables};
use crate::program::Limits;

/// Words that rhai keeps for itself and that authors write as names.
const FREED: &[&str] = &["case", "with", "default", "new", "use", "match"];

/// Builds the engine.
///
/// Starts from `new_raw`, because `rhai::Engine::new` installs a module resolver that reads files
/// and a `print` that writes to standard output. Depth limits are set here because rhai's own
/// differ between debug and release builds.
pub(crate) fn engine(limits: &Limits) -> Engine {
    let mut engine = Engine::new_raw();
    LogicPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    engine
        .set_max_operations(limits.operations_max)
        .set_max_call_levels(limits.call_levels_max)
        .set_max_expr_depths(limits.expr_depth_max, limits.expr_depth_max)
        .set_max_string_size(limits.string_bytes_max)
        .set_max_array_size(limits.array_len_max)
        .set_max_map_size(limits.map_len_max)
        .set_max_variables(1_000)
        .set_max_functions(5_000)
        .set_fail_on_invalid_map_property(true)
        // Our operators must win over rhai's own, which compare a text with a number to `false`.
        .set_fast_operators(false)
        .disable_symbol("eval");
    #[expect(deprecated, reason = "rhai marks the hook as volatile; this is its use")]
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) if FREED.contains(&word.as_str()) => Token::Identifier(word),
        other => other,
    });
    #[expect(deprecated, reason = "rhai marks the hook as volatile; this is its use")]
    engine.on_var(|name, _, context| variable(name, &context));
    operators(&mut engine);
    functions::register(&mut engine);
    properties::register(&mut engine);
    actions::register(&mut engine);
    engine
}

/// What a name means that no parameter or local variable bears.
fn variable(
    name: &str,
    context: &EvalContext<'_, '_, '_, '_, '_, '_>,
) -> Fallible<Option<Dynamic>> {
    if context.scope().contains(name) {
        return Ok(None);
    }
    let Some(tag) = context.tag().read_lock::<Tag>().map(|tag| tag.clone()) else {
        return Ok(None);
    };
    variables::read(&tag.0, name)
}

fn operators(engine: &mut Engine) {
    for operator in Operator::ALL {
        engine.register_fn(
            operator.symbol(),
            move |context: NativeCallContext<'_>, left: Dynamic, right: Dynamic| -> Fallible {
                let tag = Frame::of(&context)?;
                calculate(&tag.0, operator, &left, &right)
            },
        );
    }
    engine.register_fn("-", |value: Dynamic| -> Fallible { negate(&value) });
    type Test = fn(std::cmp::Ordering) -> bool;
    let orders: [(&str, Test); 4] = [
        ("<", std::cmp::Ordering::is_lt),
        ("<=", std::cmp::Ordering::is_le),
        (">", std::cmp::Ordering::is_gt),
        (">=", std::cmp::Ordering::is_ge),
    ];
    for (symbol, test) in orders {
        engine.register_fn(
            symbol,
            move |context: NativeCallContext<'_>,
                  left: Dynamic,
                  right: Dynamic|
                  -> Fallible<bool> {
                let tag = Frame::of(&context)?;
                compare(&tag.0, &left, &right).map(test)
            },
        );
    }
    for (symbol, wanted) in [("==", true), ("!=", false)] {
        engine.register_fn(
            symbol,
            move |context: NativeCallContext<'_>,
                  left: Dynamic,
                  right: Dynamic|
                  -> Fallible<bool> {
                let tag = Frame::of(&context)?;
                Ok(equal(&tag.0, &left, &right)? == wanted)
            },
        );
    }
    engine.register_fn(
        "contains",
        |context: NativeCallContext<'_>, container: Dynamic, value: Dynamic| -> Fallible<bool> {
            let tag = Frame::of(&context)?;
            contains(&tag.0, &container, &value)
        },
    );
    engine.register_fn("!", |value: Dynamic| -> Fallible<bool> {
        match value.as_bool() {
            Ok(flag) => Ok(!flag),
            Err(_) => Err(fail(format!("{}不能取反", crate::object::type_name(&value)))),
        }
    });
}
