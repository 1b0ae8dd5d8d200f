//! What compiling a definition finds, at which place, and what it suggests.

use std::sync::Arc;

use duban_model::{Definition, Directory, Library, Problem, Script, Severity, Sources, load_suite};
use duban_script::{Limits, Program, Reads, check_test};

use crate::support::{DIRECTORY_DATA, compile, definition, load, place, render, when, workflow};

/// The problems of `when: EXPR`.
#[track_caller]
fn check(expr: &str, expected: &str) {
    let found = compile(expr, "").map(drop).map_err(|it| render(&it));
    assert_eq!(found.err().unwrap_or_default(), expected, "\nexpression: {expr}");
}

/// The problems of a script beside the workflow.
#[track_caller]
fn check_script(script: &str, expected: &str) {
    let found = compile("true", script).map(drop).map_err(|problems| {
        let line = |problem: &Problem| {
            format!("{} {}", place(&problem.place), render(std::slice::from_ref(problem)))
        };
        problems.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    assert_eq!(found.err().unwrap_or_default(), expected, "\nscript: {script}");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn names_are_known_before_anything_runs() {
    check("due > now",                     "");
    check("duo > now",                     "DB1503 没有变量 duo（是不是 due？）");
    check("期线 > 现在",                   "DB1503 没有变量 期线（是不是 期间？）");
    check("due > now + workday(3)",        "DB1504 没有函数 workday（是不是 workdays？）");
    check("due > now + workdays(3, 4)",    "DB1509 workdays 要 1 个参数，写了 2 个");
    check("unit.pots(\"书记\") == owner",  "DB1504 没有函数 pots（是不是 post？）");
    check("unit.post() == owner",          "DB1509 post 要 1 个参数，写了 0 个");
    check("task.titel == \"a\"",           "DB1510 任务没有属性 titel（是不是 title？）");
    check("unit.superor == lead",          "DB1510 单位没有属性 superor（是不是 superior？）");
    check("item.boby == lead",             "DB1511 条目没有轴 boby（是不是 body？）");
    check("form.coverd > 3",               "DB1506 表单没有字段 coverd（是不是 covered？）");
    check("task.form.coverd > 3",          "DB1506 表单没有字段 coverd（是不是 covered？）");
    check("tasks.list.form.coverd > 3",    "DB1506 表单没有字段 coverd（是不是 covered？）");
    check("tasks.lists.form.covered > 3",  "DB1505 没有任务 lists（是不是 list？）");
    check("tasks[\"lists\"].form.x > 3",   "DB1505 没有任务 lists（是不是 list？）");
    check("indicator(\"lst\") > 3",        "DB1505 没有任务 lst（是不是 list？）");
    check("case.form.recieved > due",      "DB1506 表单没有字段 recieved（是不是 received？）");
    check("params.zebra > 0.5",            "DB1512 参数里没有 zebra（可用的参数：four_lists、latest、limits、share；在 params 里加上）");
    check("item.zebra == lead",            "DB1511 条目没有轴 zebra（可用的轴：body、list；在 each 里加上这个轴）");
    check("period.zebra == lead",          "DB1510 周期没有属性 zebra（可用的属性：name、start、end、next、previous、key；改用其中一个）");
    check("params.shar > 0.5",             "DB1512 参数里没有 shar（是不是 share？）");
    check("tasks[\"m02/x\"].form.any > 3", "");
    check("form[\"covered\"] > 3",         "");
    check("form[\"coverd\"] > 3",          "DB1506 表单没有字段 coverd（是不是 covered？）");
    check("tasks.list.all.some(|it| it.form.covered > form.covered)", "");
    check("tasks.list.all.some(|it| it.form.covered > form.coverd)", "DB1506 表单没有字段 coverd（是不是 covered？）");
    check("sleep(3) == ()",                "DB1504 没有函数 sleep");
    check("print(3) == ()",                "DB1504 没有函数 print");
    check("Fn(\"sleep\") == ()",           "DB1504 没有函数 Fn");
    check("eval(\"1\") == 1",              "DB1501 脚本里不能用 eval");
    check("timestamp() == ()",             "DB1504 没有函数 timestamp");
}

#[test]
#[rustfmt::skip] // Rows line up.
fn what_can_only_fail_is_found_before_it_does() {
    check("due",                           "DB1513 这里需要真假值，写的是时刻");
    check("workdays(3)",                   "DB1513 这里需要真假值，写的是时长");
    check("period.start + 1 == due",       "DB1515 日期不能直接加减整数（按自然日写 days(1)，按工作日写 workdays(1)）");
    check("due - 3 < now",                 "DB1515 时刻不能直接加减整数（按自然日写 days(1)，按工作日写 workdays(1)）");
    check("form.covered >= \"七十\"",      "DB1515 不能比较整数和文本");
    check("owner == \"书记\"",             "DB1515 不能比较单位、岗位或人员和文本");
    check("due == ()",                     "");
    check("form.covered >= 70.5",          "");
    check("due <= period.end",             "");
}

#[test]
fn every_role_says_what_it_needs() {
    let replaced = |from: &str, to: &str| {
        let loaded = load(&workflow("true").replace(from, to), "");
        let definition = loaded.draft.definitions.into_values().next().unwrap();
        let found = Program::compile(definition, Limits::default()).map(drop);
        found.map_err(|it| render(&it)).err().unwrap_or_default()
    };
    let owner = "owner: item.body.post(\"书记\")";
    assert_eq!(
        replaced(owner, "owner: workdays(3)"),
        "DB1513 这里需要单位、岗位或人员，写的是时长"
    );
    assert_eq!(
        replaced(owner, "owner: '\"历下区\"'"),
        "DB1513 这里需要单位、岗位或人员，写的是文本（按名称取单位请写 org(\"…\")）"
    );
    let due = "due: 2022-07-08";
    assert_eq!(
        replaced(due, "due: 5"),
        "DB1513 这里需要日期或时刻，写的是整数（日期写成 2026-12-31）"
    );
    assert_eq!(
        replaced(due, "due: workdays(5)"),
        "DB1513 这里需要日期或时刻，写的是时长（写明从何时算起，例如 now + workdays(3)）"
    );
    assert_eq!(
        replaced(due, "due: 2022-07-08\n    stall: 5"),
        "DB1513 这里需要时长，写的是整数（写成 workdays(3) 或 days(3)）"
    );
    assert_eq!(replaced(due, "due: 2022-07-08\n    stall: workdays(5)"), "");
}

#[test]
fn places_point_into_the_yaml() {
    let loaded = load(&workflow("due > now &&\n  form.coverd > 3"), "");
    let definition = loaded.draft.definitions.into_values().next().unwrap();
    let problems = Program::compile(definition.clone(), Limits::default()).map(drop).unwrap_err();
    let start = when(&definition).place;
    let [problem] = problems.as_slice() else { panic!("{}", render(&problems)) };
    assert_eq!(problem.place.file, start.file);
    assert_eq!(problem.place.line, start.line + 1);
    assert_eq!(problem.place.length, "coverd".len());
    let problems = compile("due > nov", "").map(drop).unwrap_err();
    assert_eq!(problems[0].place.column, start.column + "due > ".len());
    assert_eq!(problems[0].place.line, start.line);
}

#[test]
#[rustfmt::skip] // Rows line up.
fn scripts_are_checked_at_their_own_places() {
    check_script("fn f() {\n  log(now + worday(3));\n}",  "hooks.rhai:2:13 DB1504 没有函数 worday（是不是 workday？）".replace("workday？", "workdays？").as_str());
    check_script("fn f() { x }",                "hooks.rhai:1:10 DB1503 没有变量 x（可用的变量：task、case、unit、item、owner、reviewer、window、period、target、now、moment、due等；文字要加引号，自己的变量先写 let）");
    check_script("fn f(x) { let y = x; [1].map(|z| x + y + z) }", "");
    check_script("fn f() { g(1, 2) }\nfn g(a) {}", "hooks.rhai:1:10 DB1509 g 要 1 个参数，写了 2 个");
    check_script("let x = 1;\nfn f() {}",       "hooks.rhai:1:1 DB1516 脚本文件里只能定义函数（把语句放进 fn 名称() { … }）");
    check_script("fn score(a, b, c) {}",        "hooks.rhai:1:19 DB1517 score 已是内置函数，不能再定义 3 个参数的同名函数（换一个名称）");
    check_script("fn 工作日(a) {}",             "hooks.rhai:1:11 DB1517 工作日 已是内置函数，不能再定义 1 个参数的同名函数（换一个名称）");
    check_script("fn f() {",                    "hooks.rhai:1:9 DB1501 这里缺少 }");
    check_script("fn f() { if x = 3 {} }",      "hooks.rhai:1:15 DB1501 这里不能赋值；比较是否相等请写 ==");
    check_script("fn f() { let a = [1]; a[0] = 2; a[0] += 3; a.set(0, 2) }", "hooks.rhai:1:23 DB1519 不能按下标赋值（写成 x.set(下标, 值)）\nhooks.rhai:1:33 DB1519 不能按下标赋值（写成 x.set(下标, 值)）");
    check_script("fn f() {\n  log(\"一\")；\n}", "hooks.rhai:2:11 DB1501 脚本里有全角标点 ；（改为半角：log(\"一\");）");
    check_script("fn f() { log('一二') }",      "hooks.rhai:1:14 DB1501 单引号里只能有一个字：'一二'；文本请用双引号");
}

#[test]
fn all_problems_come_at_once() {
    let problems = compile("duo > now", "fn f() { x }\nfn g() { y }").map(drop).unwrap_err();
    let found: Vec<String> = problems.iter().map(|it| place(&it.place)).collect();
    assert_eq!(problems.len(), 3, "{}", render(&problems));
    assert!(found[0].starts_with("hooks.rhai:1:"), "{found:?}");
}

#[test]
fn functions_that_the_definition_names_must_exist() {
    let of = |from: &str, to: &str, hooks: &str| {
        let loaded = load(&workflow("true").replace(from, to), hooks);
        let definition = loaded.draft.definitions.into_values().next().unwrap();
        let found = Program::compile(definition, Limits::default()).map(drop);
        found.map_err(|it| render(&it)).err().unwrap_or_default()
    };
    let due = "due: 2022-07-08";
    let hooked = "due: 2022-07-08\n    hooks: { done: told }";
    assert_eq!(of(due, hooked, "fn told(task) {}"), "");
    assert_eq!(
        of(due, hooked, "fn tole(task) {}"),
        "DB1502 钩子的函数 told 没有定义（是不是 tole？）"
    );
    assert_eq!(
        of(due, hooked, "fn told(a, b, c) {}"),
        "DB1502 钩子的函数 told 没有定义（told 的参数应为 (task)）"
    );
    assert_eq!(
        of(due, hooked, "fn told(task) { log(task.titel) }"),
        "DB1510 任务没有属性 titel（是不是 title？）"
    );
}

#[test]
fn a_directory_shows_which_units_do_not_exist() {
    let found = |expr: &str, hooks: &str, directory: &Directory| {
        let program = compile(expr, hooks).unwrap_or_else(|it| panic!("{}", render(&it)));
        let problems = program.check(directory);
        problems
            .iter()
            .map(|it| format!("{:?} {}", it.severity, render(std::slice::from_ref(it))))
            .collect::<Vec<_>>()
    };
    assert_eq!(found("unit == org(\"历下区\")", "", &DIRECTORY_DATA), Vec::<String>::new());
    assert_eq!(
        found("unit == org(\"历下\")", "", &DIRECTORY_DATA),
        ["Error DB1507 机构名录里没有 历下；是不是 历下区？"]
    );
    assert_eq!(
        found("owner == unit.post(\"书计\")", "", &DIRECTORY_DATA),
        ["Warning DB1508 名录里没有一个单位有岗位 书计（是不是 书记？）"]
    );
    assert_eq!(
        found("true", "fn f() { units(\"distrct\") }", &DIRECTORY_DATA),
        ["Error DB1518 没有层级 distrct；是不是 district？"]
    );
    assert!(!found("true", "", &Directory::default()).is_empty());
}

#[test]
#[rustfmt::skip] // Rows line up.
fn reads_are_known_without_running() {
    let reads = |expr: &str, hooks: &str| {
        let program = compile(expr, hooks).unwrap_or_else(|it| panic!("{}", render(&it)));
        program.reads(&when(program.definition()))
    };
    let expected = |tasks: &[&str], foreign: &[&str], later| Reads {
        tasks: tasks.iter().map(ToString::to_string).collect(),
        foreign: foreign.iter().map(ToString::to_string).collect(),
        later,
    };
    assert_eq!(reads("period.start + workdays(40) < period.end", ""), expected(&[], &[], false));
    assert_eq!(reads("tasks.list.form.covered > 3", ""), expected(&["list"], &[], false));
    assert_eq!(reads("各任务[\"list\"].status == \"done\"", ""), expected(&["list"], &[], false));
    assert_eq!(reads("tasks[\"m02/x\"].form.y > 3", ""), expected(&[], &["m02/x"], false));
    assert_eq!(reads("form.covered > 3", ""), expected(&[], &[], true));
    assert_eq!(reads("现在 > 期限", ""), expected(&[], &[], true));
    assert_eq!(reads("history(\"remind\").len() > 1", ""), expected(&[], &[], true));
    assert_eq!(reads("f()", "fn f() { g() } fn g() { tasks.list.form.covered > 3 && now > due }"), expected(&["list"], &[], true));
}

#[test]
fn a_program_compiles_only_once_what_is_written_twice() {
    let definition: Arc<Definition> = definition("true", "");
    let program = Program::compile(definition.clone(), Limits::default()).unwrap();
    assert!(program.has_function("remind", true) && program.has_function("催办", true));
    assert!(!program.has_function("remind", false));
    assert_eq!(program.definition().hash, definition.hash);
}

#[test]
fn every_code_is_in_the_table_once() {
    let codes: Vec<&str> = duban_script::CODES.iter().map(|(code, ..)| *code).collect();
    assert!(codes.is_sorted() && codes.windows(2).all(|pair| pair[0] != pair[1]));
    let sources = [
        include_str!("../../src/check.rs"),
        include_str!("../../src/check/absent.rs"),
        include_str!("../../src/check/infer.rs"),
        include_str!("../../src/check/spans.rs"),
        include_str!("../../src/check/sums.rs"),
        include_str!("../../src/circle.rs"),
        include_str!("../../src/test_file.rs"),
        include_str!("../../src/compile.rs"),
        include_str!("../../src/colours.rs"),
        include_str!("../../src/constants.rs"),
        include_str!("../../src/dates.rs"),
        include_str!("../../src/trial.rs"),
    ];
    let mut used: Vec<&str> = sources
        .iter()
        .flat_map(|text| text.match_indices("\"DB15").map(|(at, _)| &text[at + 1..at + 7]))
        .collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, codes);
}

/// Programs of workflows that each have one task, with its hook and what else the task says.
fn programs(workflows: &[(&str, &str)], hooks: &str) -> Vec<Arc<Program>> {
    let workflow = |(id, task): &(&str, &str)| {
        let head =
            "title: 一\nlead: org(\"市委组织部\")\nperiod: year\ntasks:\n  work:\n    title: 二\n";
        (format!("{id}.yaml"), format!("id: {id}\n{head}{task}\n"))
    };
    let mut sources: Sources = workflows.iter().map(workflow).collect();
    sources.insert("suite.yaml".to_owned(), crate::support::SUITE.to_owned());
    sources.insert("hooks.rhai".to_owned(), hooks.to_owned());
    let library = Library {
        calendars: [("cn".to_owned(), (**crate::support::CALENDAR).clone())].into(),
        scripts: vec![Script {
            file: "lib/standard.rhai".to_owned(),
            source: crate::support::STANDARD.to_owned(),
        }],
    };
    let loaded = load_suite("s", &sources, &library);
    assert!(loaded.suite.is_some(), "{}", render(&loaded.problems));
    let compiled = loaded.draft.definitions.into_values();
    compiled.map(|one| Arc::new(Program::compile(one, Limits::default()).unwrap())).collect()
}

#[test]
fn workflows_that_open_themselves_are_warned_of() {
    let found = |workflows: &[(&str, &str)], hooks: &str| {
        let problems = Program::check_together(&programs(workflows, hooks));
        assert!(problems.iter().all(|it| it.severity == Severity::Warning && it.code == "DB1530"));
        let line = |it: &Problem| format!("{}:{} {}", it.place.file, it.place.line, it.message);
        problems.iter().map(line).collect::<Vec<_>>()
    };
    let ready = "    owner: unit\n    hooks: { ready: 开 }";
    let circle = |ways: &[(&str, &str)]| -> Vec<String> {
        ways.iter().map(|(place, way)| format!("{place} 措施会再立自己：{way}，没有尽头")).collect()
    };
    // Straight, in each way of writing it, through another function, in a closure.
    for body in [
        "fn 开(task) { open_case(\"a\", unit, #{}); }",
        "fn 开(task) { 新事项(\"a\", unit); }",
        "fn 开(task) { open_case(#{ workflow: \"a\", unit: unit }); }",
        "fn 开(task) { 新事项(#{ 措施: \"a\", 单位: unit }); }",
        "fn 开(task) { [1].for_each(|x| { open_case(\"a\", unit); }); }",
        "fn 开(task) { 再(1); } fn 再(n) { open_case(\"a\", unit); }",
    ] {
        assert_eq!(found(&[("a", ready)], body), circle(&[("hooks.rhai:1", "a → a")]), "{body}");
    }
    // A rung.
    let late = "    owner: unit\n    due: now + days(1)\n    ladder: standard";
    let rung = "fn remind(task, rung) { open_case(\"a\", unit); }";
    assert_eq!(found(&[("a", late)], rung), circle(&[("hooks.rhai:1", "a → a")]));
    // Sub-cases are part of a circle too; one of them alone is an error of its own.
    let child = |of: &str| format!("    workflow: {of}");
    let three = [("a", child("b")), ("b", child("c")), ("c", ready.to_owned())];
    let three = three.each_ref().map(|(id, task)| (*id, task.as_str()));
    let opens = "fn 开(task) { open_case(\"a\", unit); }";
    let all = [
        ("a.yaml:6", "a → b → c → a"),
        ("b.yaml:6", "b → c → a → b"),
        ("hooks.rhai:1", "c → a → b → c"),
    ];
    assert_eq!(found(&three, opens), circle(&all));
    // No circle: one opens the other, and a function that nothing calls.
    assert_eq!(
        found(&[("a", ready), ("b", "    owner: unit")], "fn 开(task) { open_case(\"b\", unit); }"),
        circle(&[])
    );
    assert_eq!(found(&[("a", "    owner: unit")], opens), circle(&[]));
}

#[test]
fn files_of_tests_are_checked_without_being_run() {
    let found = |source: &str| {
        let script = Script { file: "tests/a.rhai".to_owned(), source: source.to_owned() };
        let problems = check_test(&rhai::Engine::new_raw(), &script, &["open", "断言状态"]);
        let line = |it: &Problem| {
            let help = it.help.clone().unwrap_or_default();
            format!("{} {}:{} {} {help}", it.code, it.place.line, it.place.column, it.message)
        };
        problems.iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        found(
            "fn test_a() { let c = open(1); 帮(|| 断言状态(c)); }\nfn 帮(f) { f.call(); [1].push(2); 1 + 2 }"
        ),
        [""; 0]
    );
    assert_eq!(
        found("fn test_a() {\n  断言装态(1)\n}"),
        ["DB1504 2:3 没有函数 断言装态 是不是 断言状态？"]
    );
    assert_eq!(
        found("fn test_a() {帮(|| opne(2)); }\nfn 帮(f) { }"),
        ["DB1504 1:19 没有函数 opne 是不是 open？"]
    );
    assert_eq!(
        found("fn test_a() {\n  open(1，2);\n}"),
        ["DB1501 2:9 脚本里有全角标点 ， 改为半角：open(1,2);"]
    );
    assert_eq!(found("fn test_a() {\n  let x = 1\n  open(x);\n}").len(), 1);
}
