//! What compiles and still can only fail, or makes no sense, whenever it is evaluated.

use duban_model::{Problem, Severity};
use duban_script::{Limits, Program};

use crate::support::{load, place, workflow};

/// The problems of the workflow with a text replaced and functions beside it.
fn of(from: &str, to: &str, hooks: &str) -> String {
    let text = workflow("true").replace(from, to);
    assert!(workflow("true").contains(from), "{from} is not there");
    let loaded = load(&text, hooks);
    let found = loaded.draft.definitions.into_values().next();
    let program = Program::compile(found.unwrap(), Limits::default()).unwrap();
    let line = |problem: &Problem| {
        let sign = if problem.severity == Severity::Error { "" } else { "? " };
        assert!(problem.help.is_some(), "no remedy: {problem}");
        assert!(problem.place.line > 0, "no place: {problem}");
        format!("{sign}{} {}", problem.code, problem.message)
    };
    program.check_values().iter().map(line).collect::<Vec<_>>().join("\n")
}

const DUE: &str = "due: 2022-07-08";

/// A key with a value beside the due date of `main`.
#[track_caller]
fn key(written: &str, expected: &str) {
    assert_eq!(of(DUE, &format!("{DUE}\n    {written}"), ""), expected, "{written}");
}

/// A due date.
#[track_caller]
fn due(written: &str, expected: &str) {
    assert_eq!(of(DUE, &format!("due: {written}"), ""), expected, "{written}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn spans_are_made_of_whole_numbers() {
    key("stall: workdays(3.5)",        "DB1521 workdays 要整数，写的是小数");
    key("stall: 工作日(3)",            "");
    key("stall: workdays(7 / 2)",      "DB1521 workdays 要整数，写的是小数");
    key("stall: workdays(params.limits.days)", "");
    key("stall: workdays(params.share)", "DB1521 workdays 要整数，写的是小数");
    due("now + days(form.covered)",    "");
    due("now + days(form.share)",      "DB1521 days 要整数，写的是小数");
    due("now + days(form.share.to_int())", "");
    due("now + days(\"3\")",           "DB1521 days 要整数，写的是文本");
    due("if form.done { now + hours(1.5) } else { now }", "DB1521 hours 要整数，写的是小数");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn spans_and_dates_lie_within_the_years() {
    due("now + days(999999999)",         "DB1521 时长 days(999999999) 太长，推算不出日期");
    due("now - months(20000)",           "DB1521 时长 months(20000) 太长，推算不出日期");
    due("now + days(10000)",             "");
    due("2022-07-08 + days(10001)",      "DB1521 时长 days(10001) 太长，推算不出日期");
    due("2199-12-01 + months(24)",       "DB1521 这个表达式每次都会出错：结果超出 1900 年至 2200 年");
    due("2022-07-08 + months(24)",       "");
    due("if 1 > 2 { 2199-12-01 + months(24) } else { 2022-07-08 }", "");
    key("stall: days(20000)",            "DB1521 时长 20000天 太长，推算不出日期");
    // Spans that are only compared may be as long as they like.
    key("when: due - now < days(20000)", "");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn spans_last() {
    key("stall: workdays(-3)",         "? DB1522 这里的时长是负的：-3个工作日");
    key("stall: -days(3)",             "? DB1522 这里的时长是负的：-3天");
    key("review_within: days(-1)",     "? DB1522 这里的时长是负的：-1天");
    key("return_within: hours(-1)",    "? DB1522 这里的时长是负的：-1小时");
    key("return_within: days(0)",      "");
    key("extension: { by: days(-5) }", "DB1522 至多延期 -5天，就不能延期");
    key("extension: { by: days(5), apply_before: due - days(3) }", "");
    // A date before another one may be found with a negative span.
    due("now + workdays(-3)",          "");
}

#[test]
fn what_repeats_does_so_after_a_while() {
    let ladder = |rung: &str| {
        let ladders = format!("ladders: {{ own: [{rung}] }}\ntasks:\n  list:\n    ladder: own");
        of("tasks:\n  list:", &ladders, "")
    };
    let every = |span: &str| ladder(&format!("{{ every: {span}, after: due, do: remind }}"));
    assert_eq!(every("workdays(1)"), "");
    assert_eq!(every("workdays(0)"), "DB1522 每隔 0个工作日 不能重复");
    assert_eq!(every("days(-7)"), "DB1522 每隔 -7天 不能重复");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn a_due_date_is_one() {
    due("()",                          "DB1521 期限是空值，任务开始后只能由督查单位另定");
    due("if false { now } else { () }", "");
    key("stall: ()",                   "");
    key("not_before: ()",              "");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn expressions_end() {
    key("stall: 'loop {}'",            "DB1521 这个表达式每次都会超过上限 operations_max");
    key("stall: 'let n = 3; while n > 0 { n -= 1; } days(n + 1)'", "");
    due("'while true {} now'",         "");
}

#[test]
fn what_is_said_of_many_endless_ones_ends() {
    let tasks: String = (0..100)
        .map(|at| format!("  t{at}: {{ title: t, owner: unit, stall: 'loop {{ {at}; }}' }}\n"))
        .collect();
    let found = of("tasks:\n", &format!("tasks:\n{tasks}"), "");
    let told = found.lines().count();
    assert!((10..100).contains(&told), "{told}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn fields_of_the_case_are_those_it_is_opened_with() {
    let open = "open: { form: { received: { type: date, title: 收到日期 } } }\n";
    let read = |expr: &str| {
        let text = workflow(expr).replace(open, "");
        let found = load(&text, "fn f() { case.form.received }").draft.definitions.into_values().next();
        let program = Program::compile(found.unwrap(), Limits::default()).unwrap();
        let line = |it: &Problem| format!("{} {}", it.code, it.message);
        program.check_values().iter().map(line).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(read("case.form.received > now"), "DB1506 措施没有立项表单，读不到字段 received");
    assert_eq!(read("事项.表单.received > now"), "DB1506 措施没有立项表单，读不到字段 received");
    assert_eq!(read("case.form[\"received\"] > now"), "DB1506 措施没有立项表单，读不到字段 received");
    assert_eq!(read("case.vars.received == 1"), "");
    assert_eq!(of("true", "true", ""), "");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn windows_are_those_of_duties() {
    let missing = "任务 `main` 没有 every，周期窗口是空值，读不到";
    due("window.end",                  &format!("DB1523 {missing} end"));
    due("周期窗口.结束 + days(3)",     &format!("DB1523 {missing} 结束"));
    due("task.window.start",           &format!("DB1523 {missing} start"));
    due("window?.end ?? now",          "");
    due("period.end",                  "");
    due("if window == () { now } else { window.end }", &format!("? DB1523 {missing} end"));
    let duty = "every: month\n    stall: workdays(3)\n    grace: window.end - window.start";
    assert_eq!(of(DUE, duty, ""), "");
}

#[test]
fn slips_have_colours() {
    let ladder = |words: &str| {
        let rung = format!("{{ at: due, do: supervise, {words} }}");
        of(
            "tasks:\n  list:",
            &format!("ladders: {{ own: [{rung}] }}\ntasks:\n  list:\n    ladder: own"),
            "",
        )
    };
    assert_eq!(ladder("slip: purple"), "? DB1524 督办单没有颜色 purple");
    assert_eq!(ladder("slip: 紫"), "? DB1524 督办单没有颜色 紫");
    assert_eq!(ladder("slip: blue"), "");
    assert_eq!(ladder("slip: 红色, colour: purple"), "");
    let script = |call: &str| of("true", "true", &format!("fn f(task, kind) {{ {call} }}"));
    assert_eq!(script("slip(\"purple\", owner)"), "DB1524 督办单没有颜色 purple");
    assert_eq!(script("督办单(#{ 颜色: \"rde\", to: owner })"), "DB1524 督办单没有颜色 rde");
    assert_eq!(script("slip(\"yellow\", owner); slip(kind, owner); slip(#{ to: owner })"), "");
}

#[test]
fn they_are_told_at_their_places() {
    let text = workflow("true").replace(DUE, "due: now + workdays(3.5)");
    let line = text.lines().position(|line| line.contains("3.5")).unwrap() + 1;
    let definition = load(&text, "").draft.definitions.into_values().next().unwrap();
    let problems = Program::compile(definition, Limits::default()).unwrap().check_values();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    let column = "    due: now + workdays(".len() + 1;
    assert_eq!(place(&problem.place), format!("m01.yaml:{line}:{column}"));
    assert_eq!(
        problem.help.as_deref(),
        Some("写整数，例如 workdays(4)；小数先取整：x.round().to_int()")
    );
}
