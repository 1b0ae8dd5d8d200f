//! Starting, stopping, starting again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use duban_core::{Actor, Refusal};
use duban_engine::{EngineError, EngineLimits, TestClock};
use duban_store::{SqliteStore, Store, StoreError};

use crate::support::{Office, at, end, operator, report, sign, spec, start, suite};

#[tokio::test]
async fn rule_17_after_shutdown_everything_is_refused_and_the_file_is_free() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let taken = SqliteStore::open(&office.path);
    assert!(matches!(taken, Err(StoreError::Locked { .. })));
    office.engine.shutdown().await.unwrap();
    office.engine.shutdown().await.unwrap();
    let late = office.act(&case, "o-0", sign("a")).await;
    assert!(matches!(late, Err(EngineError::Closed)), "{late:?}");
    let late = office.engine.case(&case).await.err();
    assert!(matches!(late, Some(EngineError::Closed)), "{late:?}");
    let late = office.engine.publish(&suite(1)).await.err();
    assert!(matches!(late, Some(EngineError::Closed)), "{late:?}");
    assert!(matches!(office.engine.settled().await, Err(EngineError::Closed)));
    SqliteStore::open(&office.path).unwrap();
}

#[tokio::test]
async fn commands_taken_on_before_shutdown_are_finished() {
    let office = Office::new(40).await;
    for number in 0..40 {
        office.open("one", number).await;
    }
    let acts: Vec<_> = (0..40)
        .map(|number| {
            let engine = office.engine.clone();
            tokio::spawn(async move {
                let (case, actor) = (spec("one", number).name().id(), format!("o-{number}"));
                engine.act(&case, Actor::person(actor.as_str()), sign("a"), None).await
            })
        })
        .collect();
    // Let every task hand its command over before the engine closes.
    tokio::task::yield_now().await;
    office.engine.shutdown().await.unwrap();
    let mut done = Vec::new();
    for (number, act) in acts.into_iter().enumerate() {
        match act.await.unwrap() {
            Ok(_) => done.push(number),
            Err(error) => assert!(matches!(error, EngineError::Closed), "{error}"),
        }
    }
    assert!(!done.is_empty());
    let engine = start(&office.path, &office.clock, &office.postbox, EngineLimits::default()).await;
    for number in 0..40 {
        let case = engine.case(&spec("one", number).name().id()).await.unwrap();
        let status = case.item(&"a".into()).unwrap().status.as_str();
        let expected = if done.contains(&number) { "active" } else { "ready" };
        assert_eq!(status, expected, "district {number}");
    }
}

#[tokio::test]
async fn what_fell_due_while_no_engine_ran_happens_at_the_start() {
    let office = Office::new(3).await;
    for number in 0..3 {
        office.open("one", number).await;
    }
    office.clock.set(at("2022-01-02", 0));
    office.engine.shutdown().await.unwrap();
    office.clock.set(end("2022-03-31").plus_millis(1));
    let engine = start(&office.path, &office.clock, &office.postbox, EngineLimits::default()).await;
    engine.settled().await.unwrap();
    assert_eq!(office.postbox.texts(), ["第0级"; 3]);
}

/// Says where the killed process below keeps its file; unset in an ordinary run.
const VICTIM: &str = "DUBAN_TEST_VICTIM";

/// Not a test by itself: the process that the next test kills. It reports on a task for ever and
/// prints a line for each answer.
#[tokio::test]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let clock = TestClock::new(at("2022-01-01", 9));
    let postbox = Arc::default();
    let engine = start(&path.into(), &clock, &postbox, EngineLimits::default()).await;
    engine.publish(&suite(1)).await.unwrap();
    let case = engine.open(spec("one", 0), operator(), None).await.unwrap().case;
    loop {
        engine.act(&case, Actor::person("o-0"), report("a", "甲"), None).await.unwrap();
        println!("answered");
    }
}

#[tokio::test]
async fn a_process_killed_in_the_middle_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duban.db");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "life::victim", "--nocapture"])
        .env(VICTIM, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let answered = lines.map(Result::unwrap).filter(|line| line.contains("answered")).take(30);
    let answered = answered.count();
    victim.kill().unwrap();
    victim.wait().unwrap();
    let clock = TestClock::new(at("2022-01-01", 9));
    let postbox = Arc::default();
    let engine = start(&path, &clock, &postbox, EngineLimits::default()).await;
    let case = spec("one", 0).name().id();
    let log = engine.events(&case, 0, 10_000).await.unwrap();
    let reported = log
        .iter()
        .filter(|row| duban_core::decode(&row.text).unwrap().fact.kind() == "reported")
        .count();
    assert!(reported >= answered && answered == 30, "{reported} of {answered}");
    assert_eq!(engine.verify(&case).await.unwrap().broken, None);
    engine.act(&case, Actor::person("o-0"), sign("a"), None).await.unwrap_err();
    engine.act(&case, Actor::person("o-0"), report("a", "乙"), None).await.unwrap();
}

#[tokio::test]
async fn a_directory_change_reaches_open_cases_through_a_restart() {
    let office = Office::new(3).await;
    let full = office.engine.directory();
    let mut vacant = full.data().clone();
    for post in &mut vacant.posts {
        if post.name == "组织部长" || post.name == "书记" {
            post.holders.clear();
        }
    }
    let vacant = duban_model::Directory::new(vacant).unwrap();
    office.engine.set_directory(vacant).await.unwrap().finished().await.unwrap();
    for number in 0..3 {
        office.open("one", number).await;
    }
    let case = spec("one", 1).name().id();
    let refused = office.act(&case, "o-1", sign("a")).await;
    assert!(
        matches!(refused, Err(EngineError::Refused(Refusal::NotAllowed { .. }))),
        "{refused:?}"
    );
    let applying = office.engine.set_directory(duban_model::Directory::clone(&full)).await.unwrap();
    drop(applying);
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    for number in 0..3 {
        let case = spec("one", number).name().id();
        office.act(&case, &format!("o-{number}"), sign("a")).await.unwrap();
    }
}

#[tokio::test]
async fn a_suite_is_checked_against_the_offices_own_directory_before_it_is_published() {
    let office = Office::new(1).await;
    let suite = suite(1);
    assert_eq!(office.engine.check(&suite).await.unwrap(), []);
    let mut data = office.engine.directory().data().clone();
    data.units.retain(|unit| unit.id.as_str() != "S");
    data.posts.retain(|post| post.unit.as_str() != "S");
    let without_office = duban_model::Directory::new(data).unwrap();
    office.engine.set_directory(without_office).await.unwrap().finished().await.unwrap();
    let before = office.engine.store().currents().await.unwrap();
    let refused = office.engine.publish(&crate::support::suite_renamed(1)).await;
    assert!(matches!(refused, Err(EngineError::Invalid(_))), "{refused:?}");
    assert_eq!(office.engine.store().currents().await.unwrap(), before);
}

#[tokio::test]
async fn a_workflow_that_nobody_published_is_named() {
    let office = Office::new(1).await;
    let missing = office.engine.open(spec("nothing", 0), operator(), None).await;
    assert!(matches!(missing, Err(EngineError::NoWorkflow { .. })), "{missing:?}");
    let on = "2022-01-01".parse().unwrap();
    let missing = office.engine.open_suite(&"nothing".into(), on, operator()).await;
    assert!(matches!(missing, Err(EngineError::NoSuite(_))), "{missing:?}");
}
