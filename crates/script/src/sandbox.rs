//! The only rhai engine that workflow scripts run in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use duban_calendar::{Date, Instant, Span, Window, WindowKind};
use duban_model::{Assignee, UnitId};
use rhai::{Dynamic, Engine, OptimizationLevel, Token};

use crate::convert::assignee_to_dynamic;
use crate::frame::{Fallible, Frame, LimitReached, Tag, fail};
use crate::host;
use crate::meter;
use crate::names::{HostKind, of_kind};
use crate::object::{Axes, Case, Data, Foreign, Form, Item, Rung, Tasks};
use crate::program::Limits;

/// Words that rhai reserves without using them; here they are ordinary names.
pub(crate) const FREED_WORDS: &[&str] = &[
    "as",
    "async",
    "await",
    "case",
    "default",
    "export",
    "go",
    "goto",
    "import",
    "is",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "protected",
    "public",
    "shared",
    "spawn",
    "static",
    "super",
    "sync",
    "thread",
    "use",
    "var",
    "void",
    "with",
    "yield",
];

/// Builds the engine.
///
/// Starts from `new_raw`, because `Engine::new` installs a module resolver that reads files and a
/// `print` that writes. There is one module of functions, [`host::MODULE`]. Every limit is set:
/// rhai's own defaults differ between debug and release builds.
pub(crate) fn engine(limits: &Limits) -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(host::MODULE.clone());

    engine
        // Counted by the meter, with native work and over closures; rhai's own count knows neither.
        .set_max_operations(0)
        .set_max_call_levels(limits.call_levels_max)
        .set_max_expr_depths(limits.expr_depth_max, limits.expr_depth_max)
        .set_max_string_size(limits.string_bytes_max)
        .set_max_array_size(limits.array_len_max)
        .set_max_map_size(limits.map_len_max)
        .set_max_variables(limits.variables_max)
        .set_max_functions(limits.functions_max)
        // Sharing equal strings would cost a lock for each string made.
        .set_max_strings_interned(0)
        // Unknown names are reported by our own check: all of them, in Chinese.
        .set_strict_variables(false)
        .set_fail_on_invalid_map_property(true)
        // The built-in operators answer `false` where an author needs an error.
        .set_fast_operators(false)
        // The optimizer would fold constants with those operators: 35 / 50 * 100 is not 0.
        .set_optimization_level(OptimizationLevel::None)
        .disable_symbol("eval");
    name_types(&mut engine);
    set_hooks(&mut engine);
    engine
}

#[expect(deprecated, reason = "rhai marks its volatile interfaces as deprecated")]
fn set_hooks(engine: &mut Engine) {
    engine.on_parse_token(|token, _, _| match token {
        Token::Reserved(word) if FREED_WORDS.contains(&word.as_str()) => Token::Identifier(word),
        other => other,
    });
    engine.on_var(|name, index, context| {
        // A local variable or parameter hides the host's. Most have an index; what a closure
        // captures is found by name only.
        let local = context.scope().get(name);
        if let Some(local) = local {
            meter::read(local)?;
        }
        if index != 0 || local.is_some() {
            return Ok(None);
        }
        let Some(english) = VARIABLES.get(name) else { return Ok(None) };
        let Some(tag) = context.tag().read_lock::<Tag>() else { return Ok(None) };
        variable(&tag.0, english).map(Some)
    });
    engine.on_progress(|_| meter::spend(1).map(|reached| Dynamic::from(LimitReached(reached))));
}

fn name_types(engine: &mut Engine) {
    engine
        .register_type_with_name::<Date>("日期")
        .register_type_with_name::<Instant>("时刻")
        .register_type_with_name::<Span>("时长")
        .register_type_with_name::<Window>("周期")
        .register_type_with_name::<UnitId>("单位")
        .register_type_with_name::<Assignee>("岗位或人员")
        .register_type_with_name::<Item>("任务")
        .register_type_with_name::<Axes>("条目")
        .register_type_with_name::<Form>("表单")
        .register_type_with_name::<Case>("事项")
        .register_type_with_name::<Tasks>("各任务")
        .register_type_with_name::<Foreign>("其他事项的任务")
        .register_type_with_name::<Data>("数据")
        .register_type_with_name::<Rung>("梯级");
}

/// The English name of each variable, by both names.
static VARIABLES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    of_kind(HostKind::Variable)
        .flat_map(|host| [(host.english, host.english), (host.chinese, host.english)])
        .collect()
});

/// The English name of a variable known by either name.
pub(crate) fn variable_named(name: &str) -> Option<&'static str> {
    VARIABLES.get(name).copied()
}

/// Reads a variable of the scene.
fn variable(frame: &Frame, english: &str) -> Fallible {
    let scene = &frame.scene;
    let facts = &scene.facts;
    let item =
        || scene.item.as_ref().ok_or_else(|| fail(format!("此处没有任务，不能读 {english}")));
    let in_hand = || scene.due.or_else(|| scene.item.as_ref().and_then(|item| item.due));
    Ok(match english {
        "task" => Dynamic::from(Item::new(item()?.clone())),
        "item" => Dynamic::from(Axes(item()?.clone())),
        "form" => Dynamic::from(Form::Item(item()?.clone())),
        "owner" => item()?.owner.as_ref().map_or(Dynamic::UNIT, assignee_to_dynamic),
        "reviewer" => item()?.reviewers.first().map_or(Dynamic::UNIT, assignee_to_dynamic),
        "overdue_workdays" => host::overdue_workdays(frame, item()?, in_hand()).into(),
        "remaining_workdays" => host::remaining_workdays(frame, item()?, in_hand()).into(),
        "now" => Dynamic::from(scene.now),
        "moment" => Dynamic::from(scene.moment),
        "due" => optional(in_hand()),
        "window" => {
            optional(scene.window.or_else(|| scene.item.as_ref().and_then(|item| item.window)))
        }
        "case" => Dynamic::from(Case(facts.case())),
        "unit" => Dynamic::from(facts.case().unit.clone()),
        "period" => optional(facts.case().period),
        "lead" => facts.case().lead.as_ref().map_or(Dynamic::UNIT, assignee_to_dynamic),
        "with" => facts.case().with.iter().map(assignee_to_dynamic).collect::<rhai::Array>().into(),
        "target" => {
            let year = frame.definition().suite.target_year;
            optional(Date::from_ymd_opt(year, 1, 1).map(|date| WindowKind::Year.containing(date)))
        }
        "params" => Dynamic::from(Data { name: "参数", map: frame.params.clone(), open: false }),
        "tasks" => Dynamic::from(Tasks),
        "interview" => {
            let items = facts.items("interview");
            meter::items(items.len())?;
            let latest = items.into_iter().next_back();
            latest.map_or(Dynamic::UNIT, |item| Dynamic::from(Item::new(item)))
        }
        "rung" => {
            frame.rung.as_ref().map_or(Dynamic::UNIT, |rung| Dynamic::from(Rung(rung.clone())))
        }
        other => return Err(fail(format!("没有变量 {other}"))),
    })
}

fn optional<T: Clone + Send + Sync + 'static>(value: Option<T>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Dynamic::from)
}
