//! Runs workflow tests that use every function of the bench, and some that must fail.

mod support;

use duban_core::{MoveKind, On};
use duban_sim::{Budget, TestResult, check, run_tests, test_functions};

fn results(source: &str) -> Vec<TestResult> {
    let loaded = support::small(source);
    run_tests(&loaded.suite, &loaded.programs, "", &Budget::default())
}

const PASSING: &str = r#"
fn east() { open("plan", "东区", 2022) }

fn drafted(c) {
    let d = item(c, "draft");
    submit(d, #{ name: "计划" });
    accept(d);
    d
}

fn test_a_draft_goes_its_way() {
    let c = east();
    advance_to("2022-01-10");
    let d = item(c, "draft");
    assert_status(d, "ready");
    assert_light(d, "green");
    sign(d);
    assert_status(d, "active");
    report(d, #{ percent: 50, text: "过半" });
    assert_refused(|| submit(d, #{}));
    assert_refused(|| submit(d, #{ name: "计划" }, []));
    submit(d, #{ name: "计划" });
    withdraw(d);
    submit(d, #{ name: "计划" });
    send_back(d, "不全");
    submit(d, #{ name: "计划" });
    accept(d);
    assert_status(d, "done");
    assert_event(c, "returned", 1);
}

fn test_all_countersign() {
    let c = east();
    drafted(c);
    let s = item(c, "sign_off");
    submit(s, #{});
    accept(s);
    assert_status(s, "submitted");
    accept(s);
    assert_status(s, "done");
    reopen(s, "回头看");
    submit(s);
    accept_all(s);
    assert_status(s, "done");
}

fn test_an_extension_is_asked_for() {
    let c = east();
    advance_to("2022-03-01");
    let d = item(c, "draft");
    ask_extension(d, "2022-04-15", "等数据");
    refuse(d, "不必");
    ask_extension(d, "2022-04-20", "等数据");
    grant(d);
    assert_refused(|| ask_extension(d, "2022-05-20", "再等"));
    advance_to("2022-04-20 23:00");
    assert_event(c, "overdue", 0);
    advance(hours(2));
    assert_event(c, "overdue", 1);
    assert_light(d, "red");
    assert_score(c, "东区", -1);
    advance(workdays(2));
    assert_sent(c, "slip", "东区 书记", 1);
    assert_sent_at_least(c, "remind", "东区 书记", 1);
    advance(days(1));
    advance(months(1));
}

fn test_the_office_steps_in() {
    let c = east();
    advance_to("2022-02-01");
    let d = item(c, "draft");
    urge(d);
    assert_refused(|| urge(d));
    suspend(d, "等上级");
    assert_refused(|| submit(d, #{ name: "计划" }));
    resume(d);
    transfer(d, "东区 联络员", "换人");
    submit(d, #{ name: "计划" });
    accept(d);
    skip(item(c, "sign_off"), "不需要");
    cancel(item(c, "figure"), "不再要");
    assert_status(item(c, "sign_off"), "skipped");
    assert_status(item(c, "figure"), "cancelled");
}

fn figure(covered) {
    let c = east();
    advance_to("2022-09-01");
    let f = item(c, "figure");
    if covered != () {
        submit(f, #{ covered: covered, total: 100 });
        accept(f);
    }
    advance_to("2022-10-05");
    f
}

fn test_figures() {
    assert_met(figure(70));
}

fn test_figures_not_met() {
    assert_not_met(figure(69));
}

fn test_figures_unreported() {
    assert_unreported(figure(()));
}

fn test_a_missed_study_is_put_right() {
    let c = east();
    drafted(c);
    skip(item(c, "sign_off"), "不需要");
    skip(item(c, "figure"), "不需要");
    advance_to("2022-07-08");
    assert_breached(item(c, "study", "2022-H1"));
    assert_open_task(c, "interview", "东区");
    assert_no_open_task(c, "interview", "某市");   // 约谈人不是被约谈的
    submit(interview(c, "东区"), #{ held_on: "2022-07-08", place: "市里", requirements: "马上研究" });
    let r = rectification(c, "东区");
    submit(r, #{ result: "研究了" });
    accept(r);
    strike_off(r);
    assert_no_open_task(c, "interview", "东区");
    let h2 = item(c, "study", "2022-H2");
    submit(h2, #{ held_on: "2022-07-08" });
    accept(h2);
    advance_to("2023-01-10");
    assert_not_breached(h2);
    assert_event(c, "referred", 0);
}

fn test_a_district_hears_of_its_neighbour() {
    let f = open("follow", "某市", 2022);
    assert_status(item(f, "wait"), "waiting");
    drafted(east());
    assert_status(item(f, "wait"), "ready");
    assert(1 + 1 == 2, "算术");
    assert_eq(1 + 1, 2);
}

fn test_a_vacant_post_is_known_and_gets_no_papers() {
    let c = east();
    let d = item(c, "draft");
    assert_no_attention(d);
    vacate("东区 书记");
    assert_attention(d, "owner_vacant");
    advance_to("2022-12-01");
    assert_sent(c, "slip", "东区 书记", 0);
    appoint("东区 书记", "东联络");
    assert_no_attention(d);
    断言无需关注(d);
    空岗("东区 书记");
    断言需要关注(d, "owner_vacant");
    任职("东区 书记", "e1");
    submit(d, #{ name: "计划" });
}

fn test_中文() {
    let c = 立项("plan", "西区", 2022);
    推进到("2022-02-10");
    let d = 任务(c, "draft");
    签收(d);
    反馈(d, #{ percent: 10 });
    申请办结(d, #{ name: "计划" });
    退回(d, "不全");
    申请办结(d, #{ name: "计划" });
    办结(d);
    断言状态(d, "done");
    断言被拒(|| 签收(d));
    推进(工作日(3));
    断言(true, "真");
}
"#;

#[test]
fn every_function_does_what_it_says() {
    let results = results(PASSING);
    assert_eq!(results.len(), 11);
    for result in results {
        let told = result.timeline.join("\n");
        assert_eq!(result.failure, None, "{}\n{told}", result.name);
    }
}

/// A countersignature in each manner, and a return upstream of several.
const SIGNING: &str = r#"
id: signing
title: 会签
lead: org("某市")
cases: units("district")
period: year
tasks:
  part:
    title: 分报
    each: { of: units("district") }
    owner: item.of.post("书记")
    reviewer: none
  whole:
    title: 汇总
    needs: [part]
    owner: unit.post("书记")
    reviewer: { all: ['org("督查室").post("主任")', 'org("某市").post("书记")'], on_refuse: part }
  voted:
    title: 表决
    owner: unit.post("书记")
    reviewer:
      of: ['org("督查室").post("主任")', 'org("督查室").post("联络员")', 'org("某市").post("书记")']
      at_least: 2
      refusals: 2
"#;

const SIGNED: &str = r#"
fn east() { open("signing", "东区", 2022) }

fn test_signers_come_and_go() {
    let c = east();
    let v = item(c, "voted");
    submit(v);
    send_back_for(v, "缺附件", "督查室 主任");
    assert_status(v, "submitted");
    accept_for(v, "督查室 主任");
    assert_refused(|| accept_for(v, "督查室 主任"));
    assert_refused(|| remove_countersigner(v, "东区 书记", "不在名单中"));
    add_countersigner(v, "西区 书记", "某市 书记");
    remove_countersigner(v, "某市 书记", "回避");
    accept(v);
    assert_status(v, "done");
    assert_sent(c, "tell", "西区 书记", 1);
}

fn test_a_return_says_where() {
    let c = east();
    submit(item(c, "part", "东区"));
    submit(item(c, "part", "西区"));
    let w = item(c, "whole");
    submit(w);
    assert_refused(|| send_back(w, "数字不对"));
    send_back(w, "数字不对", item(c, "part", "西区"));
    assert_status(item(c, "part", "东区"), "done");
    assert_status(item(c, "part", "西区"), "active");
    submit(item(c, "part", "西区"));
    submit(w);
    add_countersigner(w, "督查室 联络员");
    send_back(w, "都不对", [item(c, "part", "东区"), item(c, "part", "西区")]);
    assert_status(item(c, "part", "东区"), "active");
    assert_event(c, "returned", 3);
}

fn test_中文() {
    let c = 立项("signing", "西区", 2022);
    let v = 任务(c, "voted");
    申请办结(v);
    代表退回(v, "缺附件", "某市 书记");
    加签(v, "东区 书记");
    代表办结(v, "东区 书记");
    减签(v, "某市 书记", "回避");
    办结(v);
    断言状态(v, "done");
}
"#;

#[test]
fn signers_and_returns_have_functions_of_their_own() {
    let loaded = support::small_with(&[("signing.yaml", SIGNING), ("tests/signed.rhai", SIGNED)]);
    let results = run_tests(&loaded.suite, &loaded.programs, "", &Budget::default());
    assert_eq!(results.len(), 3);
    for result in results {
        assert_eq!(result.failure, None, "{}\n{}", result.name, result.timeline.join("\n"));
    }
}

#[test]
fn a_failed_assertion_says_where_what_and_what_happened() {
    let source = "fn test_wrong() {\n    let c = open(\"plan\", \"东区\", 2022);\n    \
                  assert_status(item(c, \"draft\"), \"done\");\n}\n";
    let [result] = results(source).try_into().expect("fits");
    let failure = result.failure.expect("fits");
    assert_eq!(failure, "tests/all.rhai:3:5: 状态：应为 done，实为 ready");
    assert!(
        result.timeline.iter().any(|line| line.contains("立项：计划")),
        "{:?}",
        result.timeline
    );
}

#[test]
fn mistakes_of_the_author_are_failures_and_never_refusals() {
    let failure = |body: &str| {
        let source = format!("fn test_it() {{ let c = open(\"plan\", \"东区\", 2022); {body} }}");
        results(&source)[0].failure.clone().unwrap_or_default()
    };
    assert!(failure("item(c, \"nothing\");").contains("有：draft"));
    assert!(failure("assert_refused(|| item(c, \"nothing\"));").contains("没有任务"));
    assert!(failure("assert_refused(|| 1);").contains("应被拒绝"));
    assert!(failure("advance_to(\"2021-12-31\");").contains("时间不能倒退"));
    for span in ["days(-5)", "days(0)", "workdays(-1)", "workdays(0)", "months(-2)", "hours(0)"] {
        let said = failure(&format!("advance({span});"));
        assert!(said.contains("只能向前推进"), "{span}: {said}");
    }
    assert!(failure("推进(天(-1));").contains("只能向前推进"));
    assert!(failure("loop {}").contains("tests/all.rhai:1:"));
}

#[test]
fn dates_are_written_as_dates_in_tests_too() {
    let source = "fn test_bare() {\n    let c = open(\"plan\", \"东区\", 2022);\n    \
                  advance_to(2022-01-10); // 2022-02-30\n    assert_status(item(c, \"draft\"), \"ready\");\n}\n";
    assert_eq!(results(source)[0].failure, None);
    let late = "fn test_late() { advance_to(2022-01-10); advance_to(2022-01-05); }";
    let failure = results(late)[0].failure.clone().unwrap_or_default();
    assert!(failure.starts_with("tests/all.rhai:1:42: "), "{failure}");
    let wrong = "fn test_wrong() {\n  advance_to(2022-02-30);\n}";
    let failure = results(wrong)[0].failure.clone().unwrap_or_default();
    assert!(failure.starts_with("tests/all.rhai:2:14: 错误 DB1520: 没有 2022-02-30"), "{failure}");
}

#[test]
fn words_that_do_not_exist_fail_also_where_none_is_expected() {
    let failure = |body: &str| {
        let source = format!("fn test_it() {{ let c = open(\"plan\", \"东区\", 2022); {body} }}");
        results(&source)[0].failure.clone().unwrap_or_default()
    };
    let expected = [
        ("assert_event(c, \"refered\", 0);", "没有事件 refered；是不是 referred？"),
        ("断言事件(c, \"scord\", 0);", "没有事件 scord；是不是 scored？"),
        ("assert_sent(c, \"remnid\", \"东区 书记\", 0);", "没有消息 remnid；是不是 remind？"),
        ("assert_sent(c, \"slip\", \"东区 书纪\", 0);", "没有“东区 书纪”；是不是 东区 书记？"),
        ("assert_sent_at_least(c, \"slip\", \"南区\", 0);", "没有“南区”"),
        (
            "assert_no_open_task(c, \"intervieww\", \"东区\");",
            "没有任务 intervieww；是不是 interview？",
        ),
        ("assert_no_open_task(c, \"darft\", \"东区\");", "没有任务 darft；是不是 draft？"),
        ("assert_no_open_task(c, \"draft\", \"东曲\");", "没有单位“东曲”；是不是 东区？"),
        ("assert_score(c, \"东曲\", 0);", "没有单位“东曲”"),
        ("assert_status(item(c, \"draft\"), \"readdy\");", "没有状态 readdy；是不是 ready？"),
        ("assert_light(item(c, \"draft\"), \"grean\");", "没有灯 grean；是不是 green？"),
    ];
    for (body, part) in expected {
        let told = failure(body);
        assert!(told.contains(part), "{body}: {told}");
    }
    // The same with the words that exist, by name and by code.
    for body in [
        "assert_event(c, \"referred\", 0); assert_event(c, \"case_opened\", 1);",
        "assert_event(c, \"sent\", 0); assert_event(c, \"renewed\", 0);",
        "assert_sent(c, \"remind\", \"东区 书记\", 0); assert_sent(c, \"emit\", \"东书记\", 0);",
        "assert_no_open_task(c, \"interview\", \"东区\"); assert_open_task(c, \"draft\", \"10\");",
        "assert_no_open_task(c, \"extra\", \"东区\"); assert_score(c, \"10\", 0);",
    ] {
        assert_eq!(failure(body), "", "{body}");
    }
}

#[test]
fn a_refusal_may_be_asked_for_by_its_code() {
    let failure = |code: &str| {
        let source = format!(
            "fn test_it() {{ let c = open(\"plan\", \"东区\", 2022); let d = item(c, \"draft\"); \
             assert_refused(|| submit(d, #{{}}), \"{code}\"); }}"
        );
        results(&source)[0].failure.clone().unwrap_or_default()
    };
    assert_eq!(failure("DB2012"), "");
    assert!(failure("DB2009").contains("应以 DB2009 拒绝，实为："), "{}", failure("DB2009"));
    assert!(failure("2012").contains("不是拒绝的代码"));
}

#[test]
fn a_test_that_asserts_nothing_fails() {
    let source = "fn helper() { assert(true, \"\"); }\n\nfn test_nothing() {\n  open(\"plan\", \"东区\", 2022);\n}\nfn test_far() { helper(); }\n";
    let [nothing, far] = results(source).try_into().unwrap();
    let failure = nothing.failure.unwrap();
    assert!(failure.starts_with("tests/all.rhai:3:1: 测试里没有断言"), "{failure}");
    assert_eq!(far.failure, None);
}

#[test]
fn a_test_claims_something_where_it_ends_with_a_move_or_finds_an_item() {
    let verdict = |body: &str| {
        let source = format!("fn test_it() {{ let c = open(\"plan\", \"东区\", 2022); {body} }}");
        let [result] = results(&source).try_into().unwrap();
        result.failure
    };
    for body in [
        "item(c, \"draft\");",
        "sign(item(c, \"draft\"));",
        "advance(days(1)); item(c, \"draft\");",
    ] {
        assert_eq!(verdict(body), None, "{body}");
    }
    for body in ["", "advance(days(1));", "let d = item(c, \"draft\"); advance(days(1));"] {
        assert!(verdict(body).unwrap().contains("测试里没有断言"), "{body}");
    }
    assert!(verdict("item(c, \"nowhere\");").is_some(), "and what is not there fails");
}

#[test]
fn a_name_that_no_test_has_is_told_with_the_nearest() {
    let loaded = support::small(
        "fn test_draft() { let c = open(\"plan\", \"东区\", 2022); item(c, \"draft\"); }",
    );
    let run = |only: &str| run_tests(&loaded.suite, &loaded.programs, only, &Budget::default());
    assert_eq!(run("draft").len(), 1);
    for only in ["test_drafts", "nothing"] {
        let [told] = run(only).try_into().unwrap();
        let failure = told.failure.unwrap();
        assert!(failure.contains(&format!("没有文件或名称含“{only}”的测试")), "{failure}");
    }
    let [told] = run("test_drafts").try_into().unwrap();
    assert!(told.failure.unwrap().contains("最接近的是 test_draft"));
}

#[test]
fn a_script_that_fails_fails_the_test_unless_it_is_expected() {
    let hooks = [
        (
            "plan.yaml",
            "id: plan\ntitle: 计划\nbasis: M1\nlead: org(\"某市\")\nperiod: year\ntasks:\n  draft:\n    \
          title: 起草\n    owner: unit.post(\"书记\")\n    hooks: { ready: 坏 }\n",
        ),
        ("hooks.rhai", "fn 坏(task) { cancel(#{ task: task }); }"),
    ];
    let failure = |body: &str| {
        let test = format!(
            "fn test_it() {{ {body} let c = open(\"plan\", \"东区\", 2022); assert(true, \"\"); }}"
        );
        let loaded = support::of(&[&hooks[..], &[("tests/a.rhai", test.as_str())]].concat());
        let results = run_tests(&loaded.suite, &loaded.programs, "", &Budget::default());
        (results[0].failure.clone().unwrap_or_default(), results[0].timeline.len())
    };
    let (told, lines) = failure("");
    assert!(told.starts_with("tests/a.rhai:1:1: 脚本“坏”出错：hooks.rhai:1:"), "{told}");
    assert!(lines > 1);
    assert_eq!(failure("expect_script_failure(\"坏\");").0, "");
    assert_eq!(failure("预期脚本出错(\"坏\");").0, "");
    assert!(failure("expect_script_failure(\"好\");").0.contains("脚本“坏”出错"));
    let (told, _) = failure("expect_script_failure(\"坏\"); expect_script_failure(\"好\");");
    assert!(told.contains("脚本“好”应出错，实际没有"), "{told}");
    // Of one case: another one's failure is not expected.
    let one = "let one = open(\"plan\", \"西区\", 2022); expect_script_failure(one, \"坏\");";
    assert!(failure(one).0.contains("脚本“坏”出错"));
    let both = "let one = open(\"plan\", \"西区\", 2022); expect_script_failure(\"坏\");";
    assert_eq!(failure(both).0, "");
}

#[test]
fn every_function_is_in_the_language_reference_by_both_names() {
    let page = include_str!("../../../docs/language.md");
    for (english, chinese) in test_functions() {
        let row = format!("| `{english}` | `{chinese}` |");
        assert!(page.contains(&row), "docs/language.md lacks {row}");
    }
}

#[test]
fn every_move_is_in_the_language_reference_with_what_it_asks_for() {
    let page = include_str!("../../../docs/language.md");
    for kind in MoveKind::ALL {
        let on = match kind.on() {
            On::Item => "i",
            On::ItemOrCase => "i or c",
            On::Case => "c",
        };
        let asks = kind.asks().iter();
        let asks =
            asks.map(|ask| format!(", {}{}", ask.field, if ask.required { "" } else { "?" }));
        let name = if kind.name() == "return" { "send_back" } else { kind.name() };
        let call = format!("| `{name}({on}{})` |", asks.collect::<String>());
        assert!(page.contains(&call), "docs/language.md lacks {call}");
    }
}

#[test]
fn files_of_tests_are_checked_with_the_suite() {
    let problems = |test: &str| {
        let mut loaded = support::draft(&[
            ("plan.yaml", support::PLAN),
            ("hooks.rhai", support::HOOKS),
            ("tests/a.rhai", test),
        ]);
        check(&mut loaded);
        loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(!problems(PASSING).contains("tests/a.rhai"), "{}", problems(PASSING));
    let told = problems("fn test_a() {\n    断言装态(1);\n}");
    assert!(
        told.contains("tests/a.rhai:2:5") && told.contains("DB1504") && told.contains("断言装态"),
        "{told}"
    );
    assert!(problems("fn test_a() {\n let x = 1\n}\nfn b() { open( }").contains("DB1501"));
}
