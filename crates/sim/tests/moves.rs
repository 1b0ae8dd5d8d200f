//! Every move of the table can be made from a workflow test, by its rightful person.

mod support;

use duban_core::{Ask, AskKind, MoveKind, On};
use duban_sim::{Budget, run_tests};

/// What tests with a case `c` and an item `i` come to: of each its failure, or nothing.
fn failures(bodies: &[String]) -> Vec<String> {
    let test = |(place, body): (usize, &String)| {
        format!(
            "fn test_{place:04}() {{ let c = open(\"plan\", \"东区\", 2022); \
             let i = item(c, \"draft\"); assert(true, \"\"); {body} }}\n"
        )
    };
    let source: String = bodies.iter().enumerate().map(test).collect();
    let loaded = support::small(&source);
    let results = run_tests(&loaded.suite, &loaded.programs, "", &Budget::default());
    assert_eq!(results.len(), bodies.len(), "{results:?}");
    results.into_iter().map(|result| result.failure.unwrap_or_default()).collect()
}

fn written(kind: AskKind) -> &'static str {
    match kind {
        AskKind::Text => "\"字\"",
        AskKind::Percent => "40",
        AskKind::Number => "98.5",
        AskKind::Date => "2022-04-15",
        AskKind::Assignee => "\"西区 书记\"",
        AskKind::Person => "\"西书记\"",
        AskKind::Items => "[i]",
        AskKind::Flag => "true",
        AskKind::Form => "#{ name: \"计划\" }",
        AskKind::Files => "[\"计划文本\"]",
    }
}

/// The functions of a kind: the English one and the Chinese one.
fn names(kind: MoveKind) -> [&'static str; 2] {
    let english = if kind.name() == "return" { "send_back" } else { kind.name() };
    [english, kind.zh().split('，').next().unwrap_or_default()]
}

fn call(name: &str, on: &str, asks: &[Ask]) -> String {
    let values = asks.iter().map(|ask| written(ask.kind));
    let values: Vec<&str> = std::iter::once(on).chain(values).collect();
    format!("{name}({});", values.join(", "))
}

/// Whether the case was asked: it took the move, or refused it.
fn reaches_the_case(told: &str) -> bool {
    told.is_empty() || told.contains("被拒：")
}

#[test]
fn every_kind_of_the_table_is_made_from_a_test_by_both_names() {
    // What is written, and what must stand in its failure; `None`: the case was asked.
    let mut written: Vec<(String, Option<&str>)> = Vec::new();
    for kind in MoveKind::ALL.iter().copied() {
        let on_item = (kind.on() != On::Case).then_some("i");
        let on_case = kind.is_for_case().then_some("c");
        let asks = kind.asks();
        for on in on_item.into_iter().chain(on_case) {
            for name in names(kind) {
                let whole = call(name, on, asks);
                // More arguments than the table has.
                written.push((whole.replace(");", ", 1, 1);"), Some("Function not found")));
                let required = asks.iter().take_while(|ask| ask.required).count();
                written.push((call(name, on, &asks[..required]), None));
                written.push((whole, None));
            }
            if asks.first().is_none_or(|ask| ask.kind == AskKind::Form) {
                continue;
            }
            let [name, _] = names(kind);
            let pair = |ask: &Ask| format!("\"{}\": {}", ask.field, self::written(ask.kind));
            let pairs = asks.iter().map(pair).collect::<Vec<_>>().join(", ");
            written.push((format!("{name}({on}, #{{ {pairs} }});"), None));
            let surplus = format!("{name}({on}, #{{ {pairs}, surplus: 1 }});");
            written.push((surplus, Some("没有 surplus")));
        }
    }
    let bodies: Vec<String> = written.iter().map(|(body, _)| body.clone()).collect();
    for ((body, part), told) in written.iter().zip(failures(&bodies)) {
        let is_so = part.map_or_else(|| reaches_the_case(&told), |part| told.contains(part));
        assert!(is_so, "{body}: {told}");
    }
}

#[test]
fn what_a_move_asks_for_is_checked_in_the_authors_words() {
    let cases = [
        ("ask_extension(i, \"2022-02-30\", \"等\");", "2022-02-30"),
        ("ask_extension(i, \"明天\", \"等\");", "写成 2022-07-08"),
        ("ask_extension(i, 2022-04-15);", "缺 reason（理由）"),
        ("suspend(i);", "缺 reason（理由）"),
        ("transfer(i, \"南区\", \"换人\");", "没有单位“南区”"),
        ("delegate(i, \"东联路\");", "是不是 东联络？"),
        ("report(i, #{ percent: 101 });", "0 到 100"),
        ("report(i, #{ persent: 10 });", "只有 text、percent、value、evidence"),
        ("suspend(i, \"等\", (), 1);", "true 或 false"),
        ("send_back(i, \"缺\", 3);", "任务，或任务的列表"),
        ("assert_may(i, \"东区 书记\", \"sgin\");", "没有动作 sgin；是不是 sign？"),
        ("acting_as(\"南区\", || sign(i));", "没有单位“南区”"),
    ];
    let bodies = cases.map(|(body, _)| body.to_owned());
    for ((body, part), told) in cases.into_iter().zip(failures(&bodies)) {
        assert!(told.contains(part) && !told.contains("被拒"), "{body}: {told}");
    }
}

const MADE: &str = r#"
fn test_a_suspension_is_asked_for() {
    let c = open("plan", "东区", 2022);
    let i = item(c, "draft");
    ask_suspension(i, "等上级", 2022-03-01);
    不同意挂起(i, "不必");
    assert_status(i, "ready");
    申请挂起(i, "等上级");
    grant_suspension(i);
    assert_refused(|| submit(i, #{ name: "计划" }));
    resume(i);
    assert_event(c, "held", 1);
    assert_event(c, "released", 1);
}

fn test_a_case_is_suspended_and_ended() {
    let c = open("plan", "东区", 2022);
    suspend(c, "机构改革", 2022-06-01);
    assert_refused(|| suspend(c, "再次"));
    resume(c);
    assert_may(c, "督查室 主任", "cancel");
    cancel(c, "不再要");
    assert_may_not(c, "督查室 主任", "中止");
}

fn test_somebody_else_handles_it() {
    let c = open("plan", "东区", 2022);
    let i = item(c, "draft");
    delegate(i, "东联络", "出差");
    委托(i);
    委托(i, "e2");
    acting_as("东区 联络员", || submit(i, #{ name: "计划" }));
    assert_refused(|| acting_as("西区 书记", || accept(i)), "DB2008");
    assert_status(i, "submitted");
    assert_event(c, "delegated", 3);
}

fn test_who_may_do_what() {
    let c = open("plan", "东区", 2022);
    let i = item(c, "draft");
    assert_may(i, "东区 书记", "sign");
    断言可办(i, "东区 书记", "申请挂起");
    assert_may_not(i, "东区 书记", "accept");
    断言不可办(i, "西区 书记", "反馈");
    submit(i, #{ name: "计划" });
    assert_may(i, "person:c1", "send_back");
    assert_may_not(i, "东区 书记", "sign");
}

fn test_a_return_gives_a_date() {
    let c = open("plan", "东区", 2022);
    advance_to("2022-03-30");
    let i = item(c, "draft");
    submit(i, #{ name: "计划" });
    send_back(i, "不全", (), 2022-05-10);
    advance_to("2022-05-10 23:00");
    assert_event(c, "overdue", 0);
    advance(hours(2));
    assert_event(c, "overdue", 1);
}

fn test_an_owner_may_rest() {
    let c = open("plan", "东区", 2022);
    let i = item(c, "draft");
    acting_as("东区 书记", || suspend(i, "先办别的"));
    advance_to("2022-04-01 01:00");
    assert_event(c, "overdue", 1);
}

fn test_a_seat_is_named() {
    let c = open("plan", "东区", 2022);
    let i = item(c, "draft");
    submit(i, #{ name: "计划" }, ["计划文本"]);
    accept(i);
    let s = item(c, "sign_off");
    submit(s);
    accept(s, #{ text: "同意", seat: "督查室" });
    assert_status(s, "submitted");
    assert_refused(|| accept(s, "再次", "督查室"));
    accept(s, "同意", "unit:1");
    assert_status(s, "done");
}
"#;

#[test]
fn moves_do_what_they_say_on_items_and_cases() {
    let loaded = support::small(MADE);
    let results = run_tests(&loaded.suite, &loaded.programs, "", &Budget::default());
    assert_eq!(results.len(), 7);
    for result in results {
        assert_eq!(result.failure, None, "{}\n{}", result.name, result.timeline.join("\n"));
    }
}
