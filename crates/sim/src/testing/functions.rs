//! The functions of workflow tests, under English and Chinese names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duban_calendar::Span;
use duban_core::{CaseId, MoveKind};
use duban_script::StopFlag;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext, Position};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use super::bench::{Bench, ItemRef, Outcome, REFUSED, Said, equal};
use super::moves::{self, Target};

pub(super) type Shared = Arc<Mutex<Bench>>;
type Fallible<T = ()> = Result<T, Box<EvalAltResult>>;

/// English and Chinese names of the functions that are no moves.
const FUNCTIONS: &[(&str, &str)] = &[
    ("open", "立项"),
    ("advance_to", "推进到"),
    ("advance", "推进"),
    ("item", "任务"),
    ("interview", "约谈"),
    ("rectification", "整改"),
    ("acting_as", "以身份"),
    ("accept_for", "代表办结"),
    ("accept_all", "会签办结"),
    ("send_back_for", "代表退回"),
    ("vacate", "空岗"),
    ("appoint", "任职"),
    ("assert_status", "断言状态"),
    ("assert_light", "断言灯"),
    ("assert_attention", "断言需要关注"),
    ("assert_no_attention", "断言无需关注"),
    ("assert_sent", "断言送出"),
    ("assert_sent_at_least", "断言至少送出"),
    ("assert_open_task", "断言有任务"),
    ("assert_no_open_task", "断言无任务"),
    ("assert_met", "断言达标"),
    ("assert_not_met", "断言未达标"),
    ("assert_unreported", "断言未报"),
    ("assert_breached", "断言未履行"),
    ("assert_not_breached", "断言已履行"),
    ("assert_event", "断言事件"),
    ("assert_score", "断言计分"),
    ("assert_refused", "断言被拒"),
    ("assert_may", "断言可办"),
    ("assert_may_not", "断言不可办"),
    ("expect_script_failure", "预期脚本出错"),
    ("assert", "断言"),
    ("assert_eq", "断言相等"),
    ("workdays", "工作日"),
    ("days", "天"),
    ("months", "月"),
    ("hours", "小时"),
];

/// English and Chinese names of every function of workflow tests: of the moves, then of the rest.
pub fn test_functions() -> Vec<(&'static str, &'static str)> {
    let moves = MoveKind::ALL.iter().copied().flat_map(moves::names_of);
    moves.chain(FUNCTIONS.iter().copied()).collect()
}

/// The most operations of one test.
const OPERATIONS_MAX: u64 = 5_000_000;

/// An engine with every limit set and no function of ours; it compiles test files.
pub(super) fn limited() -> Engine {
    let mut engine = Engine::new_raw();
    engine
        .set_max_operations(OPERATIONS_MAX)
        .set_max_call_levels(64)
        .set_max_expr_depths(256, 256)
        .set_fail_on_invalid_map_property(true)
        .disable_symbol("eval");
    engine
}

/// The engine of one test. The flag ends it.
pub(super) fn engine(bench: &Shared, stop: &StopFlag) -> Engine {
    let mut engine = limited();
    let stop = stop.clone();
    engine.on_progress(move |_| stop.is_set().then_some(Dynamic::UNIT));
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    engine.register_type_with_name::<CaseId>("事项").register_type_with_name::<ItemRef>("任务");
    time(&mut engine, bench);
    finding(&mut engine, bench);
    moves::register(&mut engine, bench);
    signers(&mut engine, bench);
    acting(&mut engine, bench);
    posts(&mut engine, bench);
    asserts(&mut engine, bench);
    verdicts(&mut engine, bench);
    general_asserts(&mut engine, bench);
    engine
}

fn chinese(english: &str) -> &'static str {
    FUNCTIONS
        .iter()
        .find(|(name, _)| *name == english)
        .map(|(_, chinese)| *chinese)
        .expect("invariant: every function stands in the table")
}

/// Registers a function under both of its names; the bench is at hand as its first argument.
macro_rules! both {
    ($engine:expr, $bench:expr, $name:literal, |$b:ident $(, $arg:ident : $kind:ty)*| -> $out:ty $body:block) => {
        for name in [$name, chinese($name)] {
            let bench = Arc::clone($bench);
            $engine.register_fn(name, move |$($arg: $kind),*| -> Fallible<$out> {
                doing(&bench, |$b: &mut Bench| -> Outcome<$out> {
                    $b.note(what_of($name));
                    $body
                })
            });
        }
    };
}

/// Does something at the bench; a bound that was reached meanwhile is what failed.
pub(super) fn doing<T>(bench: &Shared, act: impl FnOnce(&mut Bench) -> Outcome<T>) -> Fallible<T> {
    let mut bench = lock(bench);
    let done = act(&mut bench);
    match bench.stopped() {
        Some(stop) => Err(fail(stop.zh())),
        None => done.map_err(fail),
    }
}

/// What a function is to the verdict: it asserts, or what it does may be impossible, or neither.
fn what_of(name: &str) -> Said {
    let finds_or_moves =
        ["item", "interview", "rectification", "accept_for", "accept_all", "send_back_for"];
    if name.starts_with("assert") || name.starts_with("expect") {
        Said::Asserted
    } else if finds_or_moves.contains(&name) {
        Said::MayFail
    } else {
        Said::Nothing
    }
}

fn lock(bench: &Shared) -> MutexGuard<'_, Bench> {
    bench.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fail(message: String) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(message.into(), Position::NONE).into()
}

fn time(engine: &mut Engine, bench: &Shared) {
    for (name, span) in [
        ("workdays", Span::Workdays as fn(i64) -> Span),
        ("days", Span::Days),
        ("months", Span::Months),
        ("hours", Span::Hours),
    ] {
        for name in [name, chinese(name)] {
            engine.register_fn(name, move |units: i64| span(units));
        }
    }
    both!(engine, bench, "advance_to", |b, at: &str| -> () { b.advance_to(at) });
    both!(engine, bench, "advance", |b, span: Span| -> () { b.advance(span) });
    both!(engine, bench, "open", |b, workflow: &str, unit: &str, year: i64| -> CaseId {
        b.open(workflow, unit, year, serde_json::Map::new())
    });
    both!(engine, bench, "open", |b, workflow: &str, unit: &str, year: i64, form: Map| -> CaseId {
        b.open(workflow, unit, year, to_form(&form)?)
    });
}

fn finding(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "item", |b, case: CaseId, task: &str| -> ItemRef {
        b.item(&case, task, None, None)
    });
    both!(engine, bench, "item", |b, case: CaseId, task: &str, who: &str| -> ItemRef {
        match b.item(&case, task, Some(who), None) {
            Ok(found) => Ok(found),
            // A duty of one owner is named by its window alone.
            Err(error) => b.item(&case, task, None, Some(who)).map_err(|_| error),
        }
    });
    both!(engine, bench, "item", |b,
                                  case: CaseId,
                                  task: &str,
                                  who: &str,
                                  window: &str|
     -> ItemRef { b.item(&case, task, Some(who), Some(window)) });
    both!(engine, bench, "interview", |b, case: CaseId, unit: &str| -> ItemRef {
        b.latest(&case, "interview", unit)
    });
    both!(engine, bench, "rectification", |b, case: CaseId, unit: &str| -> ItemRef {
        b.latest(&case, "rectification", unit)
    });
}

fn signers(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "accept_for", |b, item: ItemRef, seat: &str| -> () {
        b.accept_for(&item, seat)
    });
    both!(engine, bench, "accept_all", |b, item: ItemRef| -> () { b.accept_all(&item) });
    both!(engine, bench, "send_back_for", |b, item: ItemRef, why: &str, seat: &str| -> () {
        b.send_back_for(&item, why, seat)
    });
}

/// What is done in a function, is done by whoever holds a post, or is a person.
fn acting(engine: &mut Engine, bench: &Shared) {
    for name in ["acting_as", chinese("acting_as")] {
        let bench = Arc::clone(bench);
        let call = move |context: NativeCallContext<'_>, who: &str, act: FnPtr| -> Fallible {
            let before = doing(&bench, |bench| {
                let who = bench.assignee(who)?;
                bench.holders(Some(&who))?;
                Ok(bench.acting.replace(who))
            })?;
            let done = act.call_within_context::<Dynamic>(&context, ());
            lock(&bench).acting = before;
            done.map(|_| ())
        };
        engine.register_fn(name, call);
    }
}

/// Who holds posts.
fn posts(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "vacate", |b, post: &str| -> () { b.appoint(post, None) });
    both!(engine, bench, "appoint", |b, post: &str, person: &str| -> () {
        b.appoint(post, Some(person))
    });
}

fn asserts(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "assert_status", |b, item: ItemRef, status: &str| -> () {
        b.assert_status(&item, status)
    });
    both!(engine, bench, "assert_light", |b, item: ItemRef, light: &str| -> () {
        b.assert_light(&item, light)
    });
    both!(engine, bench, "assert_attention", |b, item: ItemRef, kind: &str| -> () {
        b.assert_attention(&item, kind)
    });
    both!(engine, bench, "assert_no_attention", |b, item: ItemRef| -> () {
        equal("需要关注", "", b.attention(&item)?.as_str())
    });
    both!(engine, bench, "assert_sent", |b, case: CaseId, kind: &str, to: &str, n: i64| -> () {
        b.assert_sent(&case, kind, to, n)
    });
    both!(engine, bench, "assert_sent_at_least", |b,
                                                  case: CaseId,
                                                  kind: &str,
                                                  to: &str,
                                                  n: i64|
     -> () {
        b.assert_sent_at_least(&case, kind, to, n)
    });
    both!(engine, bench, "assert_open_task", |b, case: CaseId, task: &str, unit: &str| -> () {
        let open = b.is_open_task(&case, task, unit)?;
        open.then_some(()).ok_or_else(|| format!("{unit} 应有未办结的 {task}，实际没有"))
    });
    both!(engine, bench, "assert_no_open_task", |b, case: CaseId, task: &str, unit: &str| -> () {
        let open = b.is_open_task(&case, task, unit)?;
        (!open).then_some(()).ok_or_else(|| format!("{unit} 不应有未办结的 {task}，实际有"))
    });
    both!(engine, bench, "assert_may", |b, item: ItemRef, who: &str, act: &str| -> () {
        may(b, &Target::Item(item), who, act, true)
    });
    both!(engine, bench, "assert_may", |b, case: CaseId, who: &str, act: &str| -> () {
        may(b, &Target::Case(case), who, act, true)
    });
    both!(engine, bench, "assert_may_not", |b, item: ItemRef, who: &str, act: &str| -> () {
        may(b, &Target::Item(item), who, act, false)
    });
    both!(engine, bench, "assert_may_not", |b, case: CaseId, who: &str, act: &str| -> () {
        may(b, &Target::Case(case), who, act, false)
    });
}

fn verdicts(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "assert_met", |b, item: ItemRef| -> () {
        equal("指标", "达标", verdict(b.state(&item)?.met))
    });
    both!(engine, bench, "assert_not_met", |b, item: ItemRef| -> () {
        equal("指标", "未达标", verdict(b.state(&item)?.met))
    });
    both!(engine, bench, "assert_unreported", |b, item: ItemRef| -> () {
        let state = b.state(&item)?;
        equal("指标", "未报", if state.value.is_none() { "未报" } else { "已报" })
    });
    both!(engine, bench, "assert_breached", |b, item: ItemRef| -> () {
        equal("本期", "未履行", duty(b.state(&item)?.is_breached()))
    });
    both!(engine, bench, "assert_not_breached", |b, item: ItemRef| -> () {
        equal("本期", "未判为未履行", duty(b.state(&item)?.is_breached()))
    });
    both!(engine, bench, "assert_event", |b, case: CaseId, kind: &str, n: i64| -> () {
        equal(&format!("事件 {kind}"), n, b.event_count(&case, kind)?)
    });
    both!(engine, bench, "assert_score", |b, case: CaseId, unit: &str, points: Dynamic| -> () {
        let expected = hundredths(&points)?;
        equal(&format!("{unit} 的分（百分之一分）"), expected, b.score(&case, unit)?)
    });
    both!(engine, bench, "expect_script_failure", |b, function: &str| -> () {
        b.expect_failure(None, function);
        Ok(())
    });
    both!(engine, bench, "expect_script_failure", |b, case: CaseId, function: &str| -> () {
        b.expect_failure(Some(case), function);
        Ok(())
    });
}

/// Whether somebody may make a move now is as expected.
fn may(bench: &Bench, target: &Target, who: &str, act: &str, expected: bool) -> Outcome {
    let word = |may: bool| if may { "可办" } else { "不可办" };
    equal(&format!("{who} {act}"), word(expected), word(bench.may(target, who, act)?))
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "达标",
        Some(false) => "未达标",
        None => "未判",
    }
}

fn duty(breached: bool) -> &'static str {
    if breached { "未履行" } else { "未判为未履行" }
}

fn hundredths(points: &Dynamic) -> Outcome<i64> {
    let number = match (points.as_int(), points.as_decimal()) {
        (Ok(whole), _) => Decimal::from(whole),
        (_, Ok(number)) => number,
        _ => return Err("分数应为数字".to_owned()),
    };
    (number * Decimal::ONE_HUNDRED).to_i64().ok_or_else(|| "分数太大".to_owned())
}

fn general_asserts(engine: &mut Engine, bench: &Shared) {
    for name in ["assert", chinese("assert")] {
        let bench = Arc::clone(bench);
        engine.register_fn(name, move |truth: bool, text: &str| -> Fallible {
            lock(&bench).note(Said::Asserted);
            if truth { Ok(()) } else { Err(fail(text.to_owned())) }
        });
    }
    for name in ["assert_eq", chinese("assert_eq")] {
        let bench = Arc::clone(bench);
        engine.register_fn(name, move |expected: Dynamic, actual: Dynamic| -> Fallible {
            lock(&bench).note(Said::Asserted);
            let (expected, actual) = (expected.to_string(), actual.to_string());
            equal("值", expected, actual).map_err(fail)
        });
    }
    for name in ["assert_refused", chinese("assert_refused")] {
        let any = Arc::clone(bench);
        engine.register_fn(name, move |context: NativeCallContext<'_>, act: FnPtr| -> Fallible {
            refused(&context, &act, &any, None)
        });
        let bench = Arc::clone(bench);
        let by_code = move |context: NativeCallContext<'_>, act: FnPtr, code: &str| -> Fallible {
            refused(&context, &act, &bench, Some(code))
        };
        engine.register_fn(name, by_code);
    }
}

/// Makes a move that must be refused, with the code if one is given.
fn refused(
    context: &NativeCallContext<'_>,
    act: &FnPtr,
    bench: &Shared,
    code: Option<&str>,
) -> Fallible {
    lock(bench).note(Said::Asserted);
    if let Some(code) = code
        && !is_refusal_code(code)
    {
        return Err(fail(format!("{code} 不是拒绝的代码；写成 DB2009 这样")));
    }
    let Err(error) = act.call_within_context::<Dynamic>(context, ()) else {
        return Err(fail("应被拒绝，实际办成了".to_owned()));
    };
    let told = error.to_string();
    if !told.contains(REFUSED) {
        return Err(error);
    }
    match code {
        Some(code) if !told.contains(&format!("（{code}）")) => {
            Err(fail(format!("应以 {code} 拒绝，实为：{told}")))
        }
        _ => Ok(()),
    }
}

/// Whether a text is written as the code of a refused move.
fn is_refusal_code(code: &str) -> bool {
    let digits = code.strip_prefix("DB2").unwrap_or_default();
    digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit())
}

pub(super) fn to_form(map: &Map) -> Outcome<serde_json::Map<String, Json>> {
    map.iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?))).collect()
}

fn to_json(value: &Dynamic) -> Outcome<Json> {
    if value.is_unit() {
        return Ok(Json::Null);
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_decimal() {
        return Ok(number.to_string().into());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(text.as_str().into());
    }
    if let Ok(values) = value.as_array_ref() {
        return values.iter().map(to_json).collect::<Outcome<Vec<Json>>>().map(Json::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        return to_form(&map).map(Json::Object);
    }
    Err(format!("表单里不能有 {}", value.type_name()))
}
