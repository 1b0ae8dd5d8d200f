//! Worlds that change while they run: newer versions, sub-cases that end with their items.

mod support;

use std::sync::Arc;

use duban_calendar::{Instant, Tz, start_of};
use duban_core::{Act, Actor, CaseId, CaseName, CaseStatus, Status, Take};
use duban_model::Sources;
use duban_sim::World;
use serde_json::Map;

const SUITE: &str = "
title: 小文件
target_year: 2022
calendar: cn
levels: { city: 市, district: 区县 }
supervision: org(\"督查室\")
ladder: none
";

const DIRECTORY: &str = "
units:
  - { id: \"1\", name: 某市, level: city }
  - { id: \"2\", name: 督查室, level: city, superior: \"1\" }
  - { id: \"10\", name: 东区, level: district, superior: \"1\" }
posts:
  - { unit: \"1\", name: 书记, holders: [c1] }
  - { unit: \"2\", name: 主任, holders: [s1] }
  - { unit: \"10\", name: 书记, holders: [e1] }
people:
  - { id: c1, name: 市书记 }
  - { id: s1, name: 主任甲 }
  - { id: e1, name: 东书记 }
";

const CHILD: &str = "
id: child
title: 子事项
lead: org(\"某市\")
cases: \"[]\"
period: year
tasks:
  c: { title: 子一, owner: unit.post(\"书记\"), reviewer: none }
";

fn parent(due: &str) -> String {
    format!(
        "id: parent\ntitle: 总事项\nlead: org(\"某市\")\nperiod: year\ntasks:\n  a: {{ title: 甲, owner: \
         unit.post(\"书记\"), reviewer: none, due: {due} }}\n  sub: {{ title: 子事项, needs: [a], \
         workflow: child }}\n"
    )
}

fn loaded(due: &str) -> support::Loaded {
    let files = [
        ("suite.yaml", SUITE.to_owned()),
        ("directory.yaml", DIRECTORY.to_owned()),
        ("parent.yaml", parent(due)),
        ("child.yaml", CHILD.to_owned()),
    ];
    support::load("small", &Sources::from(files.map(|(path, text)| (path.to_owned(), text))))
}

fn at(date: &str) -> Instant {
    start_of(date.parse().expect("a date"), Tz::Asia__Shanghai).plus_millis(9 * 3_600_000)
}

fn opened(world: &mut World<'_>) -> CaseId {
    let definition = world.program("parent").expect("the workflow").definition();
    let name = CaseName {
        suite: definition.suite.id.clone(),
        workflow: "parent".into(),
        unit: "10".into(),
        period: Some(
            duban_calendar::WindowKind::Year.containing("2022-01-01".parse().expect("a date")),
        ),
        parent: None,
        ordinal: 0,
    };
    world.open(name, Map::new()).expect("it opens")
}

fn submit(world: &mut World<'_>, case: &CaseId, item: &str) {
    let act = Act::Submit { item: item.into(), form: Map::new(), evidence: Vec::new() };
    world.act(case, Actor::person("e1"), act).expect("it is submitted");
}

/// Statuses of the sub-cases, by their ordinal.
fn children(world: &World<'_>) -> Vec<(u32, CaseStatus)> {
    let children = world.cases().filter(|(_, case)| case.head().name.parent.is_some());
    let mut children: Vec<_> =
        children.map(|(_, case)| (case.head().name.ordinal, case.head().status)).collect();
    children.sort_by_key(|(ordinal, _)| *ordinal);
    children
}

#[test]
fn rule_34_a_world_ends_and_replaces_sub_cases() {
    let small = loaded("2022-06-30");
    let mut world = World::new(&small.suite, &small.programs, at("2022-03-01"));
    let case = opened(&mut world);
    submit(&mut world, &case, "a");
    assert_eq!(children(&world), [(1, CaseStatus::Open)]);
    let reopen = Act::Reopen { item: "a".into(), reason: "回头看".to_owned(), due: None };
    world.act(&case, Actor::person("s1"), reopen).expect("it is reopened");
    assert_eq!(children(&world), [(1, CaseStatus::Cancelled)]);
    submit(&mut world, &case, "a");
    assert_eq!(children(&world), [(1, CaseStatus::Cancelled), (2, CaseStatus::Open)]);
    let cancel = Act::Cancel { item: None, reason: "不办了".to_owned() };
    world.act(&case, Actor::person("s1"), cancel).expect("it is cancelled");
    assert_eq!(children(&world), [(1, CaseStatus::Cancelled), (2, CaseStatus::Cancelled)]);
}

#[test]
fn rule_30_a_world_migrates_a_case() {
    let (old, new) = (loaded("2022-06-30"), loaded("2022-09-30"));
    let mut world = World::new(&old.suite, &old.programs, at("2022-03-01"));
    let case = opened(&mut world);
    let program = |loaded: &support::Loaded| {
        let found =
            loaded.programs.iter().find(|one| one.definition().workflow.id.as_str() == "parent");
        Arc::clone(found.expect("the workflow"))
    };
    let unchanged = world.migrate(&case, &program(&old), &[]).expect("it runs on it already");
    assert!(unchanged.is_none());
    let report = world.migrate(&case, &program(&new), &[Take::Due]).expect("it migrates");
    assert_eq!(report.map(|report| report.changes.len()), Some(1));
    submit(&mut world, &case, "a");
    let item = world.case(&case).and_then(|case| case.item(&"a".into())).expect("the item");
    assert_eq!((item.status, item.deadlines.len()), (Status::Done, 2));
    assert_eq!(world.definition(&case).expect("a case").hash, program(&new).definition().hash);
}
