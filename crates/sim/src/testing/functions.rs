//! The functions of workflow tests, under English and Chinese names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duban_calendar::Span;
use duban_core::{Act, CaseId};
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Array, Dynamic, Engine, EvalAltResult, FnPtr, Map, NativeCallContext, Position};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use super::bench::{Bench, ItemRef, Outcome, REFUSED, equal};

type Shared = Arc<Mutex<Bench>>;
type Fallible<T = ()> = Result<T, Box<EvalAltResult>>;

/// English and Chinese names of every function.
const NAMES: &[(&str, &str)] = &[
    ("open", "立项"),
    ("advance_to", "推进到"),
    ("advance", "推进"),
    ("item", "任务"),
    ("interview", "约谈"),
    ("rectification", "整改"),
    ("sign", "签收"),
    ("report", "反馈"),
    ("submit", "申请办结"),
    ("withdraw", "撤回"),
    ("accept", "办结"),
    ("accept_all", "会签办结"),
    ("send_back", "退回"),
    ("ask_extension", "申请延期"),
    ("grant", "同意延期"),
    ("refuse", "不同意延期"),
    ("transfer", "转办"),
    ("suspend", "挂起"),
    ("resume", "恢复"),
    ("skip", "跳过"),
    ("cancel", "中止"),
    ("reopen", "回头看"),
    ("urge", "催办"),
    ("strike_off", "销号"),
    ("assert_status", "断言状态"),
    ("assert_light", "断言灯"),
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
    ("assert", "断言"),
    ("assert_eq", "断言相等"),
    ("workdays", "工作日"),
    ("days", "天"),
    ("months", "月"),
    ("hours", "小时"),
];

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

/// The engine of one test.
pub(super) fn engine(bench: &Shared) -> Engine {
    let mut engine = limited();
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
    owners(&mut engine, bench);
    reviewers(&mut engine, bench);
    office(&mut engine, bench);
    asserts(&mut engine, bench);
    general_asserts(&mut engine);
    engine
}

fn chinese(english: &str) -> &'static str {
    NAMES
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
                let act = |$b: &mut Bench| -> Outcome<$out> { $body };
                act(&mut lock(&bench)).map_err(fail)
            });
        }
    };
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

fn owners(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "sign", |b, item: ItemRef| -> () {
        b.as_owner(&item, Act::Sign { item: item.key.clone() })
    });
    both!(engine, bench, "report", |b, item: ItemRef, report: Map| -> () {
        let act = report_of(&item, &report)?;
        b.as_owner(&item, act)
    });
    both!(engine, bench, "submit", |b, item: ItemRef| -> () {
        b.submit(&item, serde_json::Map::new(), None)
    });
    both!(engine, bench, "submit", |b, item: ItemRef, form: Map| -> () {
        b.submit(&item, to_form(&form)?, None)
    });
    both!(engine, bench, "submit", |b, item: ItemRef, form: Map, files: Array| -> () {
        let files = files.iter().map(ToString::to_string).collect();
        b.submit(&item, to_form(&form)?, Some(files))
    });
    both!(engine, bench, "withdraw", |b, item: ItemRef| -> () {
        b.as_owner(&item, Act::Withdraw { item: item.key.clone() })
    });
    both!(engine, bench, "ask_extension", |b, item: ItemRef, until: &str, why: &str| -> () {
        let until = b.end(until)?;
        let act = Act::AskExtension { item: item.key.clone(), until, reason: why.to_owned() };
        b.as_owner(&item, act)
    });
    both!(engine, bench, "transfer", |b, item: ItemRef, to: &str, why: &str| -> () {
        let to = b.assignee(to)?;
        b.as_owner(&item, Act::Transfer { item: item.key.clone(), to, reason: why.to_owned() })
    });
}

fn reviewers(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "accept", |b, item: ItemRef| -> () { b.accept(&item) });
    both!(engine, bench, "accept_all", |b, item: ItemRef| -> () { b.accept_all(&item) });
    both!(engine, bench, "send_back", |b, item: ItemRef, why: &str| -> () {
        let (key, reason) = (item.key.clone(), why.to_owned());
        b.as_reviewer(&item, &Act::Return { item: key, reason, upstream: None })
    });
    both!(engine, bench, "grant", |b, item: ItemRef| -> () {
        b.as_reviewer(&item, &Act::GrantExtension { item: item.key.clone() })
    });
    both!(engine, bench, "refuse", |b, item: ItemRef, why: &str| -> () {
        let (key, reason) = (item.key.clone(), why.to_owned());
        b.as_reviewer(&item, &Act::RefuseExtension { item: key, reason })
    });
}

fn office(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "suspend", |b, item: ItemRef, why: &str| -> () {
        let (key, reason) = (Some(item.key.clone()), why.to_owned());
        b.as_office(&item, Act::Suspend { item: key, reason, until: None, stops_clock: None })
    });
    both!(engine, bench, "resume", |b, item: ItemRef| -> () {
        b.as_office(&item, Act::Resume { item: Some(item.key.clone()) })
    });
    both!(engine, bench, "skip", |b, item: ItemRef, why: &str| -> () {
        b.as_office(&item, Act::Skip { item: item.key.clone(), reason: why.to_owned() })
    });
    both!(engine, bench, "cancel", |b, item: ItemRef, why: &str| -> () {
        b.as_office(&item, Act::Cancel { item: Some(item.key.clone()), reason: why.to_owned() })
    });
    both!(engine, bench, "reopen", |b, item: ItemRef, why: &str| -> () {
        let (key, reason) = (item.key.clone(), why.to_owned());
        b.as_office(&item, Act::Reopen { item: key, reason, due: None })
    });
    both!(engine, bench, "urge", |b, item: ItemRef| -> () {
        b.as_office(&item, Act::Urge { item: item.key.clone(), text: None })
    });
    both!(engine, bench, "strike_off", |b, item: ItemRef| -> () { b.strike_off(&item) });
}

fn asserts(engine: &mut Engine, bench: &Shared) {
    both!(engine, bench, "assert_status", |b, item: ItemRef, status: &str| -> () {
        b.assert_status(&item, status)
    });
    both!(engine, bench, "assert_light", |b, item: ItemRef, light: &str| -> () {
        b.assert_light(&item, light)
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
        equal(&format!("事件 {kind}"), n, b.event_count(&case, kind))
    });
    both!(engine, bench, "assert_score", |b, case: CaseId, unit: &str, points: Dynamic| -> () {
        let expected = hundredths(&points)?;
        equal(&format!("{unit} 的分（百分之一分）"), expected, b.score(&case, unit))
    });
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

fn general_asserts(engine: &mut Engine) {
    for name in ["assert", chinese("assert")] {
        engine.register_fn(name, |truth: bool, text: &str| -> Fallible {
            if truth { Ok(()) } else { Err(fail(text.to_owned())) }
        });
    }
    for name in ["assert_eq", chinese("assert_eq")] {
        engine.register_fn(name, |expected: Dynamic, actual: Dynamic| -> Fallible {
            let (expected, actual) = (expected.to_string(), actual.to_string());
            equal("值", expected, actual).map_err(fail)
        });
    }
    for name in ["assert_refused", chinese("assert_refused")] {
        engine.register_fn(name, |context: NativeCallContext<'_>, act: FnPtr| -> Fallible {
            match act.call_within_context::<Dynamic>(&context, ()) {
                Ok(_) => Err(fail("应被拒绝，实际办成了".to_owned())),
                Err(error) if error.to_string().contains(REFUSED) => Ok(()),
                Err(error) => Err(error),
            }
        });
    }
}

fn report_of(item: &ItemRef, report: &Map) -> Outcome<Act> {
    let known = ["text", "percent", "value"];
    if let Some(unknown) = report.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("report 没有 {unknown}，只有 text、percent、value"));
    }
    let number = |key: &str| match report.get(key) {
        None => Ok(None),
        Some(value) => match (value.as_int(), value.as_decimal()) {
            (Ok(whole), _) => Ok(Some(Decimal::from(whole))),
            (_, Ok(number)) => Ok(Some(number)),
            _ => Err(format!("report 的 {key} 应为数字")),
        },
    };
    let percent = match number("percent")? {
        Some(percent) => Some(percent.to_u8().ok_or("percent 应在 0 到 100 之间")?),
        None => None,
    };
    Ok(Act::Report {
        item: item.key.clone(),
        text: report.get("text").map_or("进展".to_owned(), ToString::to_string),
        percent,
        value: number("value")?,
        evidence: Vec::new(),
    })
}

fn to_form(map: &Map) -> Outcome<serde_json::Map<String, Json>> {
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
