//! Every limit ends a script with its name, and nothing panics.

use duban_script::{Limits, Program, ScriptError};

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
