//! What `check` says of signers, of quorums, and of where a return may go.

use std::collections::BTreeMap;

use duban_calendar::Calendar;
use duban_model::{Library, Reviewer, Severity, Sources, Suite, load_suite};

const SUITE: &str = "
title: 试验
issuer: 试验办
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市 }
";

fn load(tasks: &str) -> (Option<Suite>, Vec<String>) {
    let mut sources = Sources::new();
    sources.insert("suite.yaml".to_owned(), SUITE.to_owned());
    let head = "id: w\ntitle: 措施\nlead: org(\"x\")\nperiod: year\ntasks:\n";
    sources.insert("w.yaml".to_owned(), format!("{head}{tasks}"));
    let calendars = BTreeMap::from([("cn".to_owned(), Calendar::weekdays_only("cn"))]);
    let loaded = load_suite("s", &sources, &Library { scripts: Vec::new(), calendars });
    let problems = loaded.problems.iter().map(|problem| {
        let warning = if problem.severity == Severity::Warning { " (warning)" } else { "" };
        format!("{}{warning}", problem.code)
    });
    (loaded.suite, problems.collect())
}

fn quorum(text: &str) -> Vec<String> {
    load(&format!("  a: {{ title: 甲, owner: unit, reviewer: {{ {text} }} }}\n")).1
}

#[test]
fn rule_23_a_quorum_is_read_with_its_numbers() {
    let (suite, problems) = load(
        "  a: { title: 甲, owner: unit, reviewer: { of: [x, y, z], at_least: 2 } }
  b: { title: 乙, needs: a, owner: unit,
       reviewer: { of: [x, y, z], at_least: 1, refusals: 3, on_refuse: a } }\n",
    );
    assert_eq!(problems, [""; 0]);
    let suite = suite.expect("a suite");
    let tasks = &suite.definitions["w"].workflow.tasks;
    let numbers = |reviewer: &Reviewer| match reviewer {
        Reviewer::Quorum { of, at_least, refusals } => (of.len(), *at_least, *refusals),
        other => panic!("{other:?}"),
    };
    assert_eq!(numbers(&tasks[0].reviewer), (3, 2, 1));
    assert_eq!(numbers(&tasks[1].reviewer), (3, 1, 3));
    assert_eq!(tasks[1].on_refuse.as_ref().map(|task| task.as_str()), Some("a"));
}

#[test]
fn rule_23_what_can_never_be_reached_is_an_error() {
    let cases: [(&str, &[&str]); 12] = [
        ("of: [x, y, z], at_least: 3", &[]),
        ("of: [x, y, z], at_least: 4", &["DB1230"]),
        ("of: [x, y, z], at_least: 3, refusals: 1", &[]),
        ("of: [x, y, z], at_least: 3, refusals: 2", &["DB1230"]),
        ("of: [x, y, z], at_least: 2, refusals: 2", &[]),
        ("of: [x, y, z], at_least: 2, refusals: 3", &["DB1230"]),
        ("of: [x, y, z], at_least: 0", &["DB1015"]),
        ("of: [x, y, z], at_least: 2, refusals: 0", &["DB1015"]),
        ("of: [x, y, x], at_least: 2", &["DB1213"]),
        ("of: [x, y]", &["DB1012"]),
        ("of: [x, y], all: [x], at_least: 1", &["DB1219"]),
        ("all: [x, y], at_least: 1", &["DB1217"]),
    ];
    for (text, expected) in cases {
        assert_eq!(quorum(text), expected, "{text}");
    }
    assert_eq!(quorum("of: [unit, y], at_least: 1"), ["DB1210"], "the owner is one of them");
}

#[test]
fn rule_25_a_return_that_may_mean_several_is_said_beforehand() {
    let task = |a: &str, b: &str| {
        load(&format!(
            "  a: {{ title: 甲, owner: unit, {a} }}
  b: {{ title: 乙, owner: unit, on_refuse: a, reviewer: x, {b} }}\n"
        ))
        .1
    };
    let street = "each: { street: x }";
    assert_eq!(task(street, "needs: a"), ["DB1231 (warning)"]);
    assert_eq!(task(street, &format!("needs: a, {street}")), [""; 0]);
    assert_eq!(
        task("each: { street: x, kind: y }", &format!("needs: a, {street}")),
        ["DB1231 (warning)"]
    );
    assert_eq!(task(street, "needs: { a: x }"), [""; 0], "the need says which");
    assert_eq!(task("every: month", "needs: a"), ["DB1231 (warning)"]);
    assert_eq!(task("every: month", "needs: a, every: month"), [""; 0]);
    assert_eq!(task("description: 无", "needs: a"), [""; 0]);
}

#[test]
fn rule_25_a_return_goes_to_what_people_do() {
    let (_, problems) = load(
        "  a: { title: 甲, run: f }
  b: { title: 乙, needs: a, owner: unit, on_refuse: a, reviewer: x }\n",
    );
    assert_eq!(problems, ["DB1220"]);
}
