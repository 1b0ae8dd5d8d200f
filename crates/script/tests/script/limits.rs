//! Every limit ends a script with its name, and nothing panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use duban_script::{Budget, BudgetLimits, Limits, Program, Scene, ScriptError, Spent, StopFlag};

use crate::support::{definition, render, scene};

/// Calls `act` under limits and answers with the limit reached.
#[track_caller]
fn check(body: &str, limits: Limits, expected: &str) {
    let hooks = format!(
        "fn act(task) {{ {body} }}\nfn deeper(n) {{ deeper(n + 1) }}\nfn one(task, rung) {{ {body} }}"
    );
    let definition = definition("true", &hooks);
    let program = match Program::compile(definition.clone(), limits) {
        Ok(program) => program,
        Err(problems) => panic!("{}", render(&problems)),
    };
    match program.call("act", &scene(&definition), None) {
        Err(ScriptError::Limit { limit, place }) => {
            assert_eq!(limit, expected, "\nbody: {body}");
            assert!(place.starts_with("hooks.rhai:"), "{place}");
        }
        other => panic!("{other:?}\nbody: {body}"),
    }
}

fn small() -> Limits {
    Limits {
        operations_max: 20_000,
        call_levels_max: 8,
        string_bytes_max: 1_000,
        array_len_max: 200,
        map_len_max: 50,
        variables_max: 30,
        actions_max: 10,
        ..Limits::default()
    }
}

#[test]
fn each_limit_is_reached_by_name() {
    check("loop {}", small(), "operations_max");
    check("while true { let x = 1; }", small(), "operations_max");
    check("deeper(0)", small(), "call_levels_max");
    check("let s = \"甲\"; loop { s += s; }", small(), "string_bytes_max");
    check("let s = \"甲\"; loop { s = `${s}${s}`; }", small(), "string_bytes_max");
    check("let a = [1]; loop { a += a; }", small(), "array_len_max");
    check("let a = [1]; loop { a.push(1); }", small(), "array_len_max");
    check("let a = [1]; loop { a.insert(0, \"甲\"); }", small(), "array_len_max");
    check("let a = []; loop { a = [a, a]; }", small(), "array_len_max");
    check("let m = #{}; let i = 0; loop { m.set(`k${i}`, i); i += 1; }", small(), "map_len_max");
    check("loop { log(\"一\"); }", small(), "actions_max");
    check("try { loop { log(\"一\"); } } catch (e) { }", small(), "actions_max");
    check("[1, 2].map(|x| { loop {} })", small(), "operations_max");
}

#[test]
fn values_cannot_lie_in_each_other_without_end() {
    check("let a = []; loop { a = [a]; }", Limits::default(), "nesting_max");
    check("let a = #{}; loop { a = #{ a: a }; }", Limits::default(), "nesting_max");
    check("let a = [1]; loop { let b = []; b.push(a); a = b; }", Limits::default(), "nesting_max");
    check("let f = |x| x; loop { let g = f; f = |x| g; }", Limits::default(), "nesting_max");
    check("[1, 2].reduce(|a, x| { loop { a = [a]; } })", Limits::default(), "nesting_max");
}

#[test]
fn the_default_limits_end_scripts_too() {
    check("loop {}", Limits::default(), "operations_max");
    check("deeper(0)", Limits::default(), "call_levels_max");
    check("let s = \"甲\"; loop { s += s; }", Limits::default(), "string_bytes_max");
    check("let a = [1]; loop { a += a; }", Limits::default(), "array_len_max");
}

#[test]
fn too_many_variables_are_refused() {
    let body: String = (0..40).map(|n| format!("let x{n} = {n}; ")).collect();
    check(&body, small(), "variables_max");
}

#[test]
fn what_is_too_deep_or_too_much_to_compile_is_a_problem() {
    let compile = |hooks: &str, limits: Limits| {
        let definition = definition("true", hooks);
        Program::compile(definition, limits).map(drop).map_err(|it| render(&it))
    };
    let deep = format!("fn f() {{ {}1{} }}", "(1 + ".repeat(200), ")".repeat(200));
    let found = compile(&deep, Limits::default());
    assert_eq!(found, Err("DB1501 表达式嵌套太深（expr_depth_max）".to_owned()));
    let many: String = (0..30).map(|n| format!("fn f{n}() {{}}\n")).collect();
    let found = compile(&many, Limits { functions_max: 20, ..Limits::default() });
    assert_eq!(found, Err("DB1501 函数太多（functions_max）".to_owned()));
    let long = format!("fn f() {{ \"{}\" }}", "甲".repeat(500));
    let found = compile(&long, Limits { string_bytes_max: 1_000, ..Limits::default() });
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn a_flag_from_outside_ends_what_no_limit_would() {
    let definition = definition("true", "fn act(task) { loop {} }\nfn short(task) { }");
    // For rhai, 0 is no limit.
    let limits = Limits { operations_max: 0, ..Limits::default() };
    let program = Program::compile(definition.clone(), limits).unwrap();
    let limits = BudgetLimits { operations_max: u64::MAX, ..BudgetLimits::default() };
    let scene = Scene { budget: Budget::new(limits, StopFlag::default()), ..scene(&definition) };
    let flag = StopFlag::default();
    let stopped = |function: &str| {
        let called = flag.during(|| program.call(function, &scene, None));
        matches!(called, Err(ScriptError::Limit { limit: "stopped", .. }))
    };
    std::thread::scope(|threads| {
        threads.spawn(|| flag.set());
        assert!(stopped("act"));
    });
    // What has not begun does not begin; other work of the thread is not touched.
    assert!(stopped("short"));
    assert!(program.call("short", &scene, None).is_ok());
    let other = StopFlag::default();
    assert!(other.during(|| program.call("short", &scene, None)).is_ok());
}

/// Loops whose native work is much and whose operations are few.
#[test]
fn native_work_ends_scripts_too() {
    let long =
        "let s = \"x\"; while s.len < 32000 { s += s; } let t = s.sub_string(0, 16000) + \"y\";";
    let list = "let a = []; a.pad(20000, 7);";
    let bodies = [
        format!("{long} loop {{ s.contains(t); }}"),
        format!("{long} loop {{ s.index_of(t); }}"),
        format!("{long} loop {{ t in s; }}"),
        format!("{long} loop {{ s == t; }}"),
        format!("{long} loop {{ s + t; }}"),
        format!("{long} loop {{ `${{s}}${{t}}`; }}"),
        format!("{long} loop {{ s[9000]; }}"),
        format!("{long} loop {{ try {{ org(s); }} catch {{ }} }}"),
        format!("{list} loop {{ let b = a; }}"),
        format!("{list} loop {{ a.contains(8); }}"),
        format!("{list} loop {{ a.index_of(8); }}"),
        format!("{list} loop {{ a.sort(); }}"),
        format!("{list} loop {{ sum(a); }}"),
        format!("{list} loop {{ a == a; }}"),
        format!("{list} loop {{ a.map(|x| {{ let n = 0; while n < 1000 {{ n += 1; }} }}); }}"),
        format!("{list} a.some(|x| {{ let n = 0; while n < 1000 {{ n += 1; }} false }})"),
        "loop { units(\"street\"); }".to_owned(),
        "loop { unit.below(\"street\"); }".to_owned(),
        "loop { tasks.main; }".to_owned(),
    ];
    for body in bodies {
        let limits = Limits { operations_max: 50_000, ..Limits::default() };
        check(&body, limits, "operations_max");
    }
}

fn counting(body: &str) -> (Program, Scene) {
    let definition = definition("true", &format!("fn act(task) {{ {body} }}"));
    let scene = scene(&definition);
    (Program::compile(definition, Limits::default()).unwrap(), scene)
}

#[test]
fn the_calls_of_a_decision_share_its_budget() {
    let (program, scene) = counting("let n = 0; while n < 1000 { n += 1; }");
    let limits = BudgetLimits { operations_max: 20_000, ..BudgetLimits::default() };
    let scene = Scene { budget: Budget::new(limits, StopFlag::default()), ..scene };
    let mut calls = 0;
    let error = loop {
        match program.call("act", &scene, None) {
            Ok(_) => calls += 1,
            Err(error) => break error,
        }
    };
    assert!((2..10).contains(&calls), "{calls}");
    assert!(
        matches!(error, ScriptError::Limit { limit: "decision_operations_max", .. }),
        "{error}"
    );
    assert_eq!(scene.budget.spent(), Some(Spent::Operations));
    // The next decision has all of it again, and spends the same.
    let next = Scene { budget: scene.budget.begun(), ..scene.clone() };
    program.call("act", &next, None).unwrap();
    let again = Scene { budget: scene.budget.begun(), ..scene };
    program.call("act", &again, None).unwrap();
    assert_eq!(next.budget.operations(), again.budget.operations());
}

#[test]
fn a_stop_ends_a_script_in_its_middle_and_is_not_caught() {
    let (program, scene) = counting("try { loop { } } catch { log(\"一\") }");
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let stop = StopFlag::when(move || counter.fetch_add(1, Ordering::Relaxed) > 3);
    let scene = Scene { budget: Budget::new(BudgetLimits::default(), stop), ..scene };
    let error = program.call("act", &scene, None).unwrap_err();
    assert!(matches!(error, ScriptError::Limit { limit: "decision_ms_max", .. }), "{error}");
    assert_eq!(scene.budget.spent(), Some(Spent::Time));
    assert!(scene.budget.operations() < 10_000, "{}", scene.budget.operations());
}
