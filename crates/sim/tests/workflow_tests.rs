//! Runs workflow tests that use every function of the bench, and some that must fail.

mod support;

use duban_sim::{TestResult, run_tests};

fn results(source: &str) -> Vec<TestResult> {
    let loaded = support::small(source);
    run_tests(&loaded.suite, &loaded.programs, "")
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
    assert_eq!(results.len(), 10);
    for result in results {
        let told = result.timeline.join("\n");
        assert_eq!(result.failure, None, "{}\n{told}", result.name);
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
    assert!(failure("loop {}").contains("tests/all.rhai:1:"));
}
