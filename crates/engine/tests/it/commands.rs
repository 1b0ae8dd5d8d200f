//! Commands: answers, repetition, races, bounds.

use duban_core::{Actor, CaseId, Refusal};
use duban_engine::{EngineError, EngineLimits, Outcome};
use duban_store::{CommitError, Store};

use crate::support::{Office, accept, fact_kinds, operator, report, sign, spec, submit};

#[tokio::test]
async fn a_case_is_opened_worked_on_and_accepted() {
    let office = Office::new(2).await;
    let case = office.open("one", 0).await;
    let signed = office.act(&case, "o-0", sign("a")).await.unwrap();
    assert_eq!(fact_kinds(&signed), ["signed"]);
    office.act(&case, "o-0", submit("a")).await.unwrap();
    office.act(&case, "s-0", accept("a")).await.unwrap();
    assert_eq!(office.status(&case, "a").await, "done");
    assert_eq!(office.status(&case, "b").await, "ready");
}

#[tokio::test]
async fn what_the_case_refuses_changes_nothing() {
    let office = Office::new(2).await;
    let case = office.open("one", 0).await;
    let before = office.log(&case).await.len();
    let refused = office.act(&case, "o-1", sign("a")).await;
    assert!(
        matches!(refused, Err(EngineError::Refused(Refusal::NotAllowed { .. }))),
        "{refused:?}"
    );
    assert_eq!(office.log(&case).await.len(), before);
    assert_eq!(office.engine.stats().refused, 1);
}

#[tokio::test]
async fn a_case_that_does_not_exist_is_named() {
    let office = Office::new(1).await;
    let unknown = CaseId::new("f".repeat(24));
    let refused = office.act(&unknown, "o-0", sign("a")).await;
    assert!(
        matches!(&refused, Err(EngineError::Refused(Refusal::NoCase(case))) if *case == unknown),
        "{refused:?}"
    );
    let refused = office.engine.case(&unknown).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::NoCase(_)))), "{refused:?}");
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_again() {
    let office = Office::new(1).await;
    let key = || Some("k1".to_owned());
    let opened = office.try_open("one", 0, Some("k0")).await.unwrap();
    let again = office.try_open("one", 0, Some("k0")).await.unwrap();
    assert_eq!(opened, again);
    let case = opened.case;
    let actor = Actor::person("o-0");
    let first = office.engine.act(&case, actor.clone(), report("a", "甲"), key()).await.unwrap();
    let again = office.engine.act(&case, actor.clone(), report("a", "甲"), key()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(office.count(&case, "reported").await, 1);
    let reused = office.engine.act(&case, actor, report("a", "乙"), key()).await;
    assert!(matches!(reused, Err(EngineError::KeyReused { .. })), "{reused:?}");
    assert_eq!(office.engine.stats().repeated, 2);
}

#[tokio::test]
async fn a_key_opens_one_case_whatever_it_is_used_for_again() {
    let office = Office::new(2).await;
    let reused = |answer: &Result<Outcome, EngineError>| matches!(answer, Err(EngineError::KeyReused { key }) if key == "k");
    let opened = office.try_open("one", 0, Some("k")).await.unwrap();
    for (workflow, district) in [("one", 1), ("parent", 0)] {
        let other = office.try_open(workflow, district, Some("k")).await;
        assert!(reused(&other), "{other:?}");
    }
    let form = [("note".to_owned(), "另一份".into())].into_iter().collect();
    let other = duban_engine::OpenSpec { form, ..spec("one", 0) };
    let other = office.engine.open(other, operator(), Some("k".to_owned())).await;
    assert!(reused(&other), "{other:?}");
    // Somebody else's key is another one, and what came to nothing leaves the key free.
    let theirs = office.engine.open(spec("one", 1), Actor::operator("other"), Some("k".to_owned()));
    let theirs = theirs.await.unwrap();
    let exists = office.try_open("one", 1, Some("k2")).await;
    assert!(matches!(exists, Err(EngineError::Refused(Refusal::Exists(_)))), "{exists:?}");
    office.try_open("parent", 0, Some("k2")).await.unwrap();
    let office = office.restart().await;
    assert_eq!(office.try_open("one", 0, Some("k")).await.unwrap(), opened);
    assert!(reused(&office.try_open("one", 1, Some("k")).await));
    assert_ne!(theirs.case, opened.case);
}

#[tokio::test]
async fn of_two_openings_under_one_key_at_once_one_is_made() {
    let office = Office::new(8).await;
    let openings = (0..8).map(|district| office.try_open("one", district, Some("k")));
    let answers = futures_util::future::join_all(openings).await;
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(made, 1, "{answers:?}");
    let is_reused = |error: &EngineError| matches!(error, EngineError::KeyReused { .. });
    assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(is_reused));
}

#[tokio::test]
async fn a_key_survives_a_restart() {
    let office = Office::new(1).await;
    let opened = office.try_open("one", 0, Some("k0")).await.unwrap();
    let office = office.restart().await;
    assert_eq!(office.try_open("one", 0, Some("k0")).await.unwrap(), opened);
}

#[tokio::test]
async fn without_a_key_a_second_opening_is_refused() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let again = office.try_open("one", 0, None).await;
    assert!(
        matches!(&again, Err(EngineError::Refused(Refusal::Exists(id))) if *id == case),
        "{again:?}"
    );
}

#[tokio::test]
async fn another_writer_is_noticed_and_the_command_decided_anew() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    // Another daemon on the same database: it decides on its own and commits past the engine.
    let plan = office.engine.dry_run(&case, Actor::person("o-0"), sign("a")).await.unwrap();
    let program = office.engine.definition(&plan.case.head().definition).await.unwrap();
    let commit = duban_store::Commit::of(&plan, &program, None);
    assert_eq!(office.engine.store().append(vec![commit]).await.unwrap(), [Ok(())]);
    // The engine still has the case as it was; its commit conflicts, it loads and decides again.
    office.act(&case, "o-0", report("a", "甲")).await.unwrap();
    assert_eq!(office.engine.stats().conflicts, 1);
    assert_eq!(office.count(&case, "signed").await, 1);
    assert_eq!(office.count(&case, "reported").await, 1);
}

#[tokio::test]
async fn a_stale_commit_is_refused_by_the_store() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let plan = office.engine.dry_run(&case, Actor::person("o-0"), sign("a")).await.unwrap();
    office.act(&case, "o-0", report("a", "甲")).await.unwrap();
    let program = office.engine.definition(&plan.case.head().definition).await.unwrap();
    let commit = duban_store::Commit::of(&plan, &program, None);
    let answers = office.engine.store().append(vec![commit]).await.unwrap();
    assert!(matches!(answers[..], [Err(CommitError::Conflict { .. })]), "{answers:?}");
}

#[tokio::test]
async fn many_commands_of_one_case_go_one_after_the_other() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let reports = (0..50).map(|number| {
        let (engine, case) = (office.engine.clone(), case.clone());
        tokio::spawn(async move {
            let act = report("a", &number.to_string());
            engine.act(&case, Actor::person("o-0"), act, None).await.unwrap().version
        })
    });
    let mut versions = Vec::new();
    for report in reports.collect::<Vec<_>>() {
        versions.push(report.await.unwrap());
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 50);
    assert_eq!(office.count(&case, "reported").await, 50);
    assert_eq!(office.engine.stats().conflicts, 0);
    assert_eq!(office.engine.verify(&case).await.unwrap().broken, None);
}

#[tokio::test]
async fn a_full_queue_turns_commands_away() {
    let limits = EngineLimits { case_queued_max: 1, ..EngineLimits::default() };
    let office = Office::with(1, limits).await;
    let case = office.open("one", 0).await;
    let act = |number: u32| {
        let (engine, case) = (office.engine.clone(), case.clone());
        async move {
            engine.act(&case, Actor::person("o-0"), report("a", &number.to_string()), None).await
        }
    };
    // On a current-thread runtime all of these are queued before any is answered.
    let (a, b, c, d, e, f) = tokio::join!(act(1), act(2), act(3), act(4), act(5), act(6));
    let answers = [a, b, c, d, e, f];
    let busy = answers
        .iter()
        .filter(|answer| matches!(answer, Err(EngineError::Busy("case_queued_max"))))
        .count();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(busy + done, 6, "{answers:?}");
    assert_eq!(office.count(&case, "reported").await, done);
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let before = office.log(&case).await;
    let plan = office.engine.dry_run(&case, Actor::person("o-0"), sign("a")).await.unwrap();
    assert_eq!(plan.events.len(), 1);
    assert_eq!(office.log(&case).await, before);
    assert_eq!(office.status(&case, "a").await, "ready");
}

#[tokio::test]
async fn a_suite_is_opened_for_every_unit_once() {
    let office = Office::new(5).await;
    let on = "2022-01-01".parse().unwrap();
    let opened = office.engine.open_suite(&"s".into(), on, operator()).await.unwrap();
    assert_eq!(opened.len(), 5);
    assert!(opened.iter().all(|one| one.version.is_ok()), "{opened:?}");
    let again = office.engine.open_suite(&"s".into(), on, operator()).await.unwrap();
    assert!(
        again
            .iter()
            .all(|one| { matches!(one.version, Err(EngineError::Refused(Refusal::Exists(_)))) })
    );
    assert_eq!(spec("one", 0).name().id(), opened[0].name.id());
}

#[tokio::test]
async fn a_new_version_reaches_a_case_by_migration_alone() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.engine.publish(&crate::support::suite_renamed(1)).await.unwrap();
    let title = async |case| office.engine.case(case).await.unwrap().head().title.clone();
    assert_eq!(title(&case).await, "一件事");
    let plan = office.engine.migrate_dry_run(&case, operator(), &[]).await.unwrap();
    assert_eq!(plan.case.head().title, "改名的事");
    let report = plan.migration.expect("what it means is said");
    assert_eq!((report.case, report.tasks.len()), (case.clone(), plan.case.items().count()));
    assert_eq!(title(&case).await, "一件事");
    office.engine.migrate(&case, operator(), &[], None).await.unwrap();
    assert_eq!(title(&case).await, "改名的事");
    office.act(&case, "o-0", sign("a")).await.unwrap();
}

#[tokio::test]
async fn every_open_case_of_a_workflow_is_migrated_once() {
    let office = Office::new(3).await;
    let on = "2022-01-01".parse().unwrap();
    office.engine.open_suite(&"s".into(), on, operator()).await.unwrap();
    office.engine.publish(&crate::support::suite_renamed(3)).await.unwrap();
    for changed in [3, 0] {
        let mut told = Vec::new();
        let tell = |_: &CaseId, one: &Result<Outcome, EngineError>| {
            told.push(one.as_ref().unwrap().events.len());
        };
        let (suite, workflow) = ("s".into(), "one".into());
        let failed =
            office.engine.migrate_all(&suite, &workflow, operator(), &[], tell).await.unwrap();
        assert_eq!(failed, 0);
        assert_eq!(told.len(), changed, "the second time nothing is left");
        assert!(told.iter().all(|events| *events > 0));
    }
    let again =
        office.engine.migrate(&spec("one", 0).name().id(), operator(), &[], None).await.unwrap();
    assert_eq!(again.events, []);
    let nothing =
        office.engine.migrate_all(&"s".into(), &"nothing".into(), operator(), &[], |_, _| {}).await;
    assert!(matches!(nothing, Err(EngineError::NoWorkflow { .. })));
}

#[tokio::test]
async fn a_command_on_an_old_view_does_nothing() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let version = office.engine.case(&case).await.unwrap().head().version;
    let (who, key) = (Actor::person("o-0"), || Some("k".to_owned()));
    let first = office.engine.act_at(&case, version, who.clone(), sign("a"), key()).await.unwrap();
    let again = office.engine.act_at(&case, version, who.clone(), sign("a"), key()).await.unwrap();
    assert_eq!(first, again, "a key goes before the version");
    let late = office.engine.act_at(&case, version, who, sign("a"), None).await;
    assert!(
        matches!(late, Err(EngineError::Changed { version, .. }) if version == first.version),
        "{late:?}"
    );
}

#[test]
fn the_host_may_have_a_current_thread_runtime_or_none_at_all() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // No timer and no I/O driver: the engine brings its own.
    runtime.block_on(async {
        let office = Office::new(1).await;
        let case = office.open("one", 0).await;
        office.act(&case, "o-0", sign("a")).await.unwrap();
        office.engine.shutdown().await.unwrap();
    });
}
