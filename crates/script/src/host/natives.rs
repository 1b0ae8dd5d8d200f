//! rhai's own functions whose work grows with what they touch: counted by its size.
//!
//! rhai counts a call as one operation, whether it looks through two letters or through a book.
//! Each is registered under its own types, so that it goes before rhai's, counts, and has rhai's
//! do the work. Functions that call a closure, or compare with `==`, need none of this: each call
//! is counted.

use std::any::TypeId;
use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

use rhai::{Array, Dynamic, Engine, GlobalRuntimeState, ImmutableString, Map, NativeCallContext};

use super::{Arguments, Host, packages};
use crate::frame::{Fallible, fail, limit};
use crate::meter;

/// What rhai gives, without what we put before it.
static LIBRARY: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    let mut module = rhai::Module::new();
    for package in packages() {
        module.fill_with(&package);
    }
    module.register_lazy_functions();
    module.build_index();
    engine.register_global_module(module.into());
    engine
});

static STATE: LazyLock<GlobalRuntimeState> = LazyLock::new(|| LIBRARY.new_global_runtime_state());

/// A type of an argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Any,
    Text,
    Letter,
    Int,
    List,
    Map,
    Range,
    RangeTo,
}

impl Kind {
    fn id(self) -> TypeId {
        match self {
            Self::Any => TypeId::of::<Dynamic>(),
            Self::Text => TypeId::of::<ImmutableString>(),
            Self::Letter => TypeId::of::<char>(),
            Self::Int => TypeId::of::<i64>(),
            Self::List => TypeId::of::<Array>(),
            Self::Map => TypeId::of::<Map>(),
            Self::Range => TypeId::of::<Range<i64>>(),
            Self::RangeTo => TypeId::of::<RangeInclusive<i64>>(),
        }
    }
}

use Kind::{Any, Int, Letter, List, Map as Entries, Range as Upto, RangeTo, Text};

/// The functions by name and types of their arguments.
const NATIVES: &[(&str, &[Kind])] = &[
    ("len", &[Text]),
    ("contains", &[Text, Text]),
    ("contains", &[Text, Letter]),
    ("starts_with", &[Text, Text]),
    ("ends_with", &[Text, Text]),
    ("trim", &[Text]),
    ("to_upper", &[Text]),
    ("to_lower", &[Text]),
    ("sub_string", &[Text, Int]),
    ("sub_string", &[Text, Int, Int]),
    ("sub_string", &[Text, Upto]),
    ("sub_string", &[Text, RangeTo]),
    ("split", &[Text]),
    ("split", &[Text, Int]),
    ("split", &[Text, Text]),
    ("split", &[Text, Letter]),
    ("split", &[Text, Text, Int]),
    ("split", &[Text, Letter, Int]),
    ("replace", &[Text, Text, Text]),
    ("replace", &[Text, Text, Letter]),
    ("replace", &[Text, Letter, Text]),
    ("replace", &[Text, Letter, Letter]),
    ("index_of", &[Text, Text]),
    ("index_of", &[Text, Letter]),
    ("index_of", &[Text, Text, Int]),
    ("index_of", &[Text, Letter, Int]),
    ("pad", &[Text, Int, Text]),
    ("pad", &[Text, Int, Letter]),
    ("parse_int", &[Text]),
    ("parse_decimal", &[Text]),
    ("pop", &[Text]),
    ("remove", &[Text, Text]),
    ("remove", &[Text, Letter]),
    ("append", &[Text, Any]),
    ("append", &[Text, Text]),
    ("append", &[Text, Letter]),
    ("get", &[Text, Int]),
    ("set", &[Text, Int, Letter]),
    ("append", &[List, List]),
    ("extract", &[List, Int]),
    ("extract", &[List, Int, Int]),
    ("extract", &[List, Upto]),
    ("extract", &[List, RangeTo]),
    ("split", &[List, Int]),
    ("reverse", &[List]),
    ("sort", &[List]),
    ("sort_desc", &[List]),
    ("pad", &[List, Int, Any]),
    ("retain", &[List, Upto]),
    ("retain", &[List, RangeTo]),
    ("keys", &[Entries]),
    ("values", &[Entries]),
    ("mixin", &[Entries, Entries]),
];

pub(super) fn register(host: &mut Host) {
    for (name, kinds) in NATIVES {
        let types: Vec<TypeId> = kinds.iter().map(|kind| kind.id()).collect();
        // What a host function touches is counted where it is registered.
        host.typed(name, &types, move |context, arguments| {
            check_growth(context, name, arguments)?;
            let position = context.call_position();
            let library: NativeCallContext<'_> = (&*LIBRARY, *name, None, &*STATE, position).into();
            library.call_native_fn_raw(*name, true, arguments)
        });
    }
}

/// Refuses what would be too large before it is made: rhai looks at it only afterwards.
fn check_growth(
    context: &NativeCallContext<'_>,
    name: &str,
    arguments: &Arguments<'_>,
) -> Fallible<()> {
    match (name, arguments) {
        ("pad", [padded, length, _]) => {
            let length = usize::try_from(length.as_int().unwrap_or_default()).unwrap_or(0);
            if padded.is_array() {
                check(length, context.engine().max_array_size(), "array_len_max")?;
                meter::values(length)
            } else {
                check(length, context.engine().max_string_size(), "string_bytes_max")?;
                meter::text(length)
            }
        }
        ("replace", [text, from, to]) => {
            let (text, from, to) = (as_text(text)?, as_text(from)?, as_text(to)?);
            let found = text.matches(from.as_str()).count();
            let length = text.len().saturating_add(found.saturating_mul(to.len()));
            check(
                length.saturating_sub(found * from.len()),
                context.engine().max_string_size(),
                "string_bytes_max",
            )
        }
        _ => Ok(()),
    }
}

fn check(size: usize, max: usize, name: &'static str) -> Fallible<()> {
    if max > 0 && size > max { Err(limit(name)) } else { Ok(()) }
}

fn as_text(value: &Dynamic) -> Fallible<ImmutableString> {
    let letter = value.as_char().map(|letter| letter.to_string().into());
    letter.or_else(|_| value.as_immutable_string_ref().map(|text| text.clone())).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::known::RHAI;
    use crate::meter::Metered;
    use crate::program::Limits;

    /// What rhai gives beside [`NATIVES`]: its work does not grow with what it touches, or lies in
    /// closures and comparisons that are counted themselves, or the host has its own.
    const COUNTED_OTHERWISE: &[&str] = &[
        "abs",
        "sign",
        "floor",
        "ceiling",
        "round",
        "to_int",
        "to_decimal",
        "type_of",
        "is_empty",
        "push",
        "insert",
        "clear",
        "range",
        "chars",
        "call",
        "curry",
        "to_string",
        "index_of",
        "dedup",
        "filter",
        "map",
        "reduce",
        "some",
        "all",
        "find",
        "find_map",
        "for_each",
        "zip",
        "sort",
        "concat",
        "merge",
    ];

    fn value(kind: Kind, size: usize) -> Dynamic {
        match kind {
            Any => Dynamic::from(1_i64),
            Text => "7".repeat(size).into(),
            Letter => Dynamic::from('x'),
            Int => Dynamic::from(1_i64),
            List => vec![Dynamic::from(1_i64); size].into(),
            Entries => {
                (0..size).map(|at| (format!("k{at}").into(), Dynamic::UNIT)).collect::<Map>().into()
            }
            Upto => Dynamic::from(0_i64..4),
            RangeTo => Dynamic::from(0_i64..=4),
        }
    }

    fn spent(engine: &Engine, name: &str, kinds: &[Kind], size: usize) -> u64 {
        let mut values: Vec<Dynamic> = kinds.iter().map(|kind| value(*kind, size)).collect();
        let mut arguments: Vec<&mut Dynamic> = values.iter_mut().collect();
        let state = engine.new_global_runtime_state();
        let position = rhai::Position::NONE;
        let context: NativeCallContext<'_> = (engine, name, None, &state, position).into();
        let budget = Budget::default();
        let metered = Metered::begin(&budget, u64::MAX);
        // A number of so many digits is too large to parse; the digits were read all the same.
        let answer = context.call_native_fn_raw(name, true, &mut arguments);
        assert!(answer.is_ok() || name.starts_with("parse"), "{name} {kinds:?}: {answer:?}");
        drop(metered);
        budget.operations()
    }

    #[test]
    fn native_work_counts_by_what_it_touches() {
        let engine = crate::sandbox::engine(&Limits::default());
        for (name, kinds) in NATIVES {
            let (few, many) = (spent(&engine, name, kinds, 16), spent(&engine, name, kinds, 1_616));
            assert!(many >= few + 1_600 / 64, "{name} {kinds:?}: {few}, {many}");
        }
    }

    #[test]
    fn nothing_that_rhai_gives_is_forgotten() {
        for (name, _) in RHAI {
            let is_counted = NATIVES.iter().any(|(native, _)| native == name);
            assert!(is_counted || COUNTED_OTHERWISE.contains(name), "{name}");
        }
    }

    #[test]
    fn what_would_be_too_large_is_never_made() {
        let engine = crate::sandbox::engine(&Limits::default());
        let fails = |script: &str| {
            let answer = engine.eval::<Dynamic>(script);
            matches!(*answer.unwrap_err(), rhai::EvalAltResult::ErrorTerminated(..))
        };
        let long = "let s = \"a\"; s.pad(60000, 'a');";
        assert!(fails("let s = \"a\"; s.pad(9000000000000, 'a')"));
        assert!(fails("let a = [1]; a.pad(9000000000000, 1)"));
        assert!(fails(&format!("{long} let t = s; s.replace('a', t)")));
        assert!(fails(&format!("{long} s.replace(\"\", \"bb\")")));
    }
}
