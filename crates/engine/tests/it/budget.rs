//! Rule 39: long decisions hold nobody up, have an end, and stop no case.

use std::sync::Arc;

use duban_core::Refusal;
use duban_engine::{Engine, EngineError, EngineLimits, Options};
use duban_script::{Limits, Spent};
use duban_store::SqliteStore;

use crate::support::{Office, Postbox, at, operator, report, sign, spec, suite_with};

/// An item for each district, each with a function that counts so far; what checks measure is
/// earlier in the year.
const MANY: &str = "
id: one
title: 许多
lead: org(\"督查室\")
period: year
tasks:
  a:
    title: 甲
    each: { district: units(\"district\") }
    owner: item.district.post(\"组织部长\")
    reviewer: none
    due: 2022-03-31
    hooks: { ready: counts }
    ladder: none
";

/// A task whose rungs call a function that does not end.
fn endless(function: &str) -> String {
    format!(
        "
id: one
title: 没完
lead: org(\"督查室\")
period: year
ladders:
  mine:
    - {{ at: due + workdays(1), do: {function}, to: owner }}
    - {{ at: due + workdays(2), do: {function}, to: owner }}
tasks:
  a: {{ title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-03-31, ladder: mine }}
"
    )
}

/// Long decisions that only a stop ends.
fn without_end() -> EngineLimits {
    EngineLimits {
        decision_operations_max: u64::MAX,
        decision_ms_max: 3_600_000,
        ..EngineLimits::default()
    }
}

/// An engine whose scripts have no limit of their own.
async fn restart_unlimited(office: Office, limits: EngineLimits) -> Office {
    office.engine.shutdown().await.unwrap();
    let options = Options {
        clock: Arc::new(office.clock.clone()),
        channels: vec![Arc::<Postbox>::clone(&office.postbox)],
        limits,
        script: Limits { operations_max: 0, ..Limits::default() },
        workers: 2,
        check_every: None,
        ..Options::default()
    };
    let store = SqliteStore::open(&office.path).unwrap();
    let engine = Engine::start(store, options).await.unwrap();
    Office { engine, ..office }
}

#[tokio::test]
async fn an_opening_beyond_the_budget_is_refused_and_leaves_nothing() {
    let limits = EngineLimits { decision_operations_max: 500_000, ..EngineLimits::default() };
    let office = Office::with(50, limits).await;
    office.engine.publish(&suite_with(50, MANY)).await.unwrap();
    office.clock.set(at("2022-02-01", 9));
    let refused = office.try_open("one", 0, None).await;
    let expected = Refusal::OverBudget(Spent::Operations);
    assert!(
        matches!(&refused, Err(EngineError::Refused(refusal)) if *refusal == expected),
        "{refused:?}"
    );
    let id = spec("one", 0).name().id();
    assert!(matches!(office.engine.case(&id).await, Err(EngineError::Refused(Refusal::NoCase(_)))));
}

#[tokio::test]
async fn a_long_opening_holds_nobody_up_and_ends_when_the_process_does() {
    let office = Office::with(2_000, without_end()).await;
    office.engine.publish(&suite_with(2_000, MANY)).await.unwrap();
    office.clock.set(at("2022-02-01", 9));
    let engine = office.engine.clone();
    let long = tokio::spawn(async move { engine.open(spec("one", 0), operator(), None).await });
    // Cases of either worker are opened and moved while it goes on.
    for district in 0..8 {
        let case = office.open("child", district).await;
        office.act(&case, &format!("o-{district}"), report("c", "进展")).await.unwrap();
    }
    assert!(!long.is_finished());
    office.engine.give_up_long_decisions();
    let answer = long.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Closed)), "{answer:?}");
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_poisoned_ladder_stops_no_case_and_is_told() {
    let limits = EngineLimits { decision_operations_max: 50_000, ..EngineLimits::default() };
    let office = Office::with(4, limits).await;
    office.engine.publish(&suite_with(4, &endless("searches"))).await.unwrap();
    let mut cases = Vec::new();
    for district in 0..4 {
        cases.push(office.open("one", district).await);
    }
    office.advance(at("2022-04-01", 12)).await;
    office.sleep_until(at("2022-04-02", 9)).await;
    office.advance(at("2022-05-01", 9)).await;
    for (district, case) in cases.iter().enumerate() {
        let kinds = office.kinds(case).await;
        let count = |kind| kinds.iter().filter(|found| **found == kind).count();
        assert_eq!((count("rung_fired"), count("script_failed")), (2, 2), "{kinds:?}");
        office.act(case, &format!("o-{district}"), sign("a")).await.unwrap();
    }
    let texts = office.postbox.texts();
    let failures = texts.iter().filter(|text| text.contains("decision_operations_max"));
    assert!(failures.count() >= 4, "{texts:?}");
}

#[tokio::test]
async fn the_end_of_the_process_changes_nothing_of_what_a_wake_up_brings() {
    let office = Office::with(1, without_end()).await;
    office.engine.publish(&suite_with(1, &endless("spins"))).await.unwrap();
    let case = office.open("one", 0).await;
    let office = restart_unlimited(office, without_end()).await;
    office.advance(at("2022-04-01", 12)).await;
    office.clock.set(at("2022-04-02", 9));
    let other = office.open("child", 0).await;
    // The wake-up has no end of its own.
    while office.engine.stats().wakes_claimed == 0 {
        tokio::task::yield_now().await;
    }
    office.act(&other, "o-0", sign("c")).await.unwrap();
    office.engine.shutdown().await.unwrap();
    let store = SqliteStore::open(&office.path).unwrap();
    let log = duban_store::Store::events(&store, case.as_str(), 0, 100).await.unwrap();
    let kinds: Vec<&str> =
        log.iter().map(|row| duban_core::decode(&row.text).unwrap().fact.kind()).collect();
    assert!(!kinds.contains(&"script_failed"), "nothing was cut off by the end: {kinds:?}");
    duban_store::Store::close(&store).await.unwrap();
    drop(store);
    // The next start wakes it with limits, and cuts it off.
    let office = office.restart().await;
    office.advance(at("2022-05-01", 9)).await;
    assert_eq!(office.count(&case, "script_failed").await, 2);
}

#[tokio::test]
async fn time_ends_a_wake_up_that_nothing_else_does() {
    let limits = EngineLimits { decision_ms_max: 50, ..without_end() };
    let office = Office::with(1, limits.clone()).await;
    office.engine.publish(&suite_with(1, &endless("spins"))).await.unwrap();
    let case = office.open("one", 0).await;
    let office = restart_unlimited(office, limits).await;
    office.advance(at("2022-04-01", 12)).await;
    office.sleep_until(at("2022-04-02", 9)).await;
    office.advance(at("2022-05-01", 9)).await;
    assert_eq!(office.count(&case, "rung_fired").await, 2);
    let texts = office.postbox.texts();
    assert!(texts.iter().any(|text| text.contains("decision_ms_max")), "{texts:?}");
    office.act(&case, "o-0", sign("a")).await.unwrap();
}

#[tokio::test]
async fn what_could_never_be_opened_is_not_published() {
    let limits = EngineLimits { decision_operations_max: 2_000, ..EngineLimits::default() };
    let office = Office::with(200, limits).await;
    let when = "    when: \"[1, 2, 3].map(|x| x * 2).len > 2\"\n    reviewer: none";
    let always = MANY.replace("    reviewer: none", when);
    let published = office.engine.publish(&suite_with(200, &always)).await;
    let Err(EngineError::Invalid(problems)) = published else { panic!("{published:?}") };
    assert!(problems.iter().any(|problem| problem.code == "DB1601"), "{problems:?}");
}
