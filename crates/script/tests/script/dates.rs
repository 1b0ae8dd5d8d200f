//! Dates written as dates: what they give, where they may stand, and what is told of those that
//! are none.

use duban_calendar::Date;
use duban_script::{Limits, Program, ScriptError, Value};

use crate::support::{
    compile, eval, eval_with, load, place, render, scene, value, value_with, when, workflow,
};

#[track_caller]
fn check(expr: &str, expected: &str) {
    assert_eq!(eval(expr), expected, "\nexpression: {expr}");
}

/// What `due: …` of a task is refused with.
fn due(expr: &str) -> String {
    let loaded = load(&workflow("true").replace("due: 2022-07-08", &format!("due: {expr}")), "");
    let Some(definition) = loaded.draft.definitions.into_values().next() else {
        return render(&loaded.problems);
    };
    let found = Program::compile(definition, Limits::default()).map(drop);
    let found = found.err().unwrap_or_default();
    render(&[loaded.problems, found].concat())
}

#[test]
#[rustfmt::skip] // Rows line up.
fn a_date_is_a_date_wherever_it_stands() {
    check("2026-12-18 + workdays(3)",                  "2026年12月23日");
    check("2022-10-08",                                "2022年10月8日");
    check("2022-03-31-days(1)",                        "2022年3月30日");
    check("due < 2026-12-20 && due > 2022-07-07",      "是");
    check("is_workday(2022-10-08)",                    "是");
    check("workdays_between(2022-07-01, 2022-07-08)",  "5");
    check("2022-07-08.weekday",                        "5");
    check("[2022-03-31, 2022-06-30].map(|d| d < due)", "是、是");
    check("#{ d: 2024-02-29 }.d.day",                  "29");
    check("(2022-07-08 - 2022-07-01)",                 "7天");
    check("if due > 2022-07-01 { 2022-08-01 } else { 2022-09-01 }", "2022年8月1日");
    check("\"2022-07-08\" + 1",                        "2022-07-081");
    assert_eq!(value("2022-07-08"), Ok(Value::Date(Date::from_ymd_opt(2022, 7, 8).unwrap())));
}

#[test]
fn dates_stand_in_scripts_and_in_closures_too() {
    let hooks = "fn late(d) { d > 2022-06-30 } // 2026-02-30\nfn last() { 2022-12-31 }";
    assert_eq!(eval_with("late(due)", hooks), "是");
    assert_eq!(eval_with("last() - days(1)", hooks), "2022年12月30日");
    let closure = "fn f() { [1, 2].filter(|x| due + days(x) > 2022-07-09).len() }";
    assert_eq!(eval_with("f()", closure), "1");
    let text = "fn f() { `到${2022-07-09}止，2022-02-30` }";
    assert_eq!(eval_with("f()", text), "到2022年7月9日止，2022-02-30");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn a_due_date_that_is_none_is_refused_before_it_is_owed() {
    for sound in ["2026-12-20 + workdays(3)", "'min(2026-12-20, now)'", "params.latest", "now + hours(24)", "params.latest + days(3)"] {
        assert_eq!(due(sound), "", "{sound}");
    }
    check_due("2026 + 3",                   "DB1513 这里需要日期或时刻，写的是整数（日期写成 2026-12-31）");
    check_due("params.share",               "DB1513 这里需要日期或时刻，写的是小数（日期写成 2026-12-31）");
    check_due("'\"2026-12-20\"'",           "DB1513 这里需要日期或时刻，写的是文本（日期不加引号，写成 2026-12-31）");
    check_due("'\"2026-12-20\" + workdays(3)'", "DB1513 这里需要日期或时刻，写的是文本（日期不加引号，写成 2026-12-31）");
    check_due("20261220 + workdays(3)",     "DB1515 整数不能加时长（从日期算起，例如 2026-12-20 + workdays(3)）");
    check_due("2026-12-20 + hours(3)",      "DB1515 日期不能加小时（小时从时刻算起，例如 now + hours(24)；日期加 days 或 workdays）");
    check_due("period.start - hours(3) * 2", "DB1515 日期不能减小时（小时从时刻算起，例如 now + hours(24)；日期加 days 或 workdays）");
    check_due("2026-12-20 + 3",             "DB1515 日期不能直接加减整数（按自然日写 days(1)，按工作日写 workdays(1)）");
    check_due("workdays(3) + 2026-12-20",   "DB1515 时长不能加日期（时长写在后面：2026-12-20 + workdays(3)）");
    check_due("period + days(3)",           "DB1515 周期不能加时长（写成 period.start 或 period.end）");
    check_due("'if now > 2026-12-20 { 3 } else { now }'", "DB1513 这里需要日期或时刻，写的是整数（日期写成 2026-12-31）");
    check_due("'tasks.list.done_at ?? 3'",  "DB1513 这里需要日期或时刻，写的是整数（日期写成 2026-12-31）");
    check_due("period",                     "DB1513 这里需要日期或时刻，写的是周期");
}

#[track_caller]
fn check_due(expr: &str, expected: &str) {
    assert_eq!(due(expr), expected, "\ndue: {expr}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn dates_that_do_not_exist_or_are_written_otherwise_are_told() {
    let no_day = "（日期写成 2026-12-31，在 1900 年至 2200 年之间；要做减法，在减号两边空格）";
    check_due("2026-02-30 + workdays(3)",   &format!("DB1520 没有 2026-02-30 这一天{no_day}"));
    check_due("'min(2026-13-01, now)'",     &format!("DB1520 没有 2026-13-01 这一天{no_day}"));
    check_due("2843-01-05 + days(1)",       &format!("DB1520 没有 2843-01-05 这一天{no_day}"));
    check_due("date(2026, 2, 30)",          &format!("DB1520 没有 2026-2-30 这一天{no_day}"));
    check_due("date(\"2026-02-30\")",       &format!("DB1520 没有 2026-02-30 这一天{no_day}"));
    check_due("日期(\"明天\")",             &format!("DB1520 没有 明天 这一天{no_day}"));
    check_due("2026/6/30",                  "DB1520 `2026/6/30` 不是日期的写法（日期写成 2026-06-30；要作计算，在符号两边空格）");
    check_due("2026年6月30日",              "DB1520 `2026年6月30日` 不是日期的写法（日期写成 2026-06-30；要作计算，在符号两边空格）");
    check_due("2026-6-30 + days(1)",        "DB1520 `2026-6-30` 不是日期的写法（日期写成 2026-06-30；要作计算，在符号两边空格）");
    check_due("2026-12-20 18:00",           "DB1520 日期后面不能写时刻：2026-12-20 18:00（只写 2026-12-20，指当天结束）");
}

#[test]
fn places_are_those_of_the_author() {
    let script = "fn f(d) {\n  if d < 2022-06-30 && d > 2022-02-30 { 1 }\n}";
    let problems = compile("true", script).map(drop).unwrap_err();
    assert_eq!(place(&problems[0].place), "hooks.rhai:2:28");
    assert_eq!(problems[0].place.length, 10);
    let script = "fn f(d) {\n  d < 2022-06-30 && d > 2022-02-20 && duo > now\n}";
    let problems = compile("true", script).map(drop).unwrap_err();
    assert_eq!(place(&problems[0].place), "hooks.rhai:2:39");
    let script = "fn f(d) {\n  d < 2022-06-30 )\n}";
    let problems = compile("true", script).map(drop).unwrap_err();
    assert_eq!(place(&problems[0].place), "hooks.rhai:2:18");

    let program = compile(
        "due > 2022-06-30 && due > 2022-06-30 + later()",
        "fn later() {\n  if due > 2022-06-30 { throw \"一\" }\n}",
    )
    .unwrap();
    let failed = program.eval(&when(program.definition()), &scene(program.definition()));
    let Err(ScriptError::Failed { place, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(place, "hooks.rhai:2:25");
    let program = compile("due > 2022-06-30 && due > period.start + case.vars.seen", "").unwrap();
    let start = when(program.definition()).place;
    let failed = program.eval(&when(program.definition()), &scene(program.definition()));
    let Err(ScriptError::Failed { place, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(place, format!("{}:{}:{}", start.file, start.line, start.column + 39));
}

#[test]
fn a_date_cannot_stand_for_a_name() {
    for source in ["let 2022-07-08 = 3; true", "#{ 2022-07-08: 3 } == ()", "due.2022-07-08 == ()"] {
        let problems = compile(source, "").map(drop).unwrap_err();
        assert_eq!(problems[0].code, "DB1501", "{source}: {}", render(&problems));
    }
    assert_eq!(value_with("f(3)", "fn f(date) { 2022-07-08.day + date }"), Ok(Value::Int(11)));
}
