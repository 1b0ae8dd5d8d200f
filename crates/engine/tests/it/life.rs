//! Starting, stopping, starting again.

use duban_core::{Actor, Refusal};
use duban_engine::{EngineError, EngineLimits};
use duban_store::{SqliteStore, StoreError};

use crate::support::{Office, at, end, operator, report, sign, spec, start, suite};

#[tokio::test]
async fn after_shutdown_everything_is_refused_and_the_file_is_free() {
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

#[tokio::test]
async fn an_engine_dropped_in_the_middle_loses_nothing_that_was_answered() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let mut answered = 0;
    for number in 0..20 {
        office.act(&case, "o-0", report("a", &number.to_string())).await.unwrap();
        answered += 1;
    }
    // One more is under way when the engine goes.
    let late = {
        let (engine, case) = (office.engine.clone(), case.clone());
        tokio::spawn(async move {
            engine.act(&case, Actor::person("o-0"), report("a", "末"), None).await
        })
    };
    tokio::task::yield_now().await;
    late.abort();
    drop(late.await);
    let Office { engine, clock, postbox, path, .. } = &office;
    let store = engine.store().clone();
    drop(store);
    engine.shutdown().await.unwrap();
    let engine = start(path, clock, postbox, EngineLimits::default()).await;
    let log = engine.events(&case, 0, 1_000).await.unwrap();
    let reported = log
        .iter()
        .filter(|row| duban_core::decode(&row.text).unwrap().fact.kind() == "reported")
        .count();
    assert!(reported == answered || reported == answered + 1, "{reported} of {answered}");
    assert_eq!(engine.verify(&case).await.unwrap().broken, None);
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
async fn a_suite_that_does_not_compile_is_not_published() {
    let office = Office::new(1).await;
    let suite = suite(1);
    assert_eq!(office.engine.check(&suite).await.unwrap(), []);
    let missing = office.engine.open(spec("nothing", 0), operator(), None).await;
    assert!(matches!(missing, Err(EngineError::NoWorkflow { .. })), "{missing:?}");
}
