//! Time: wake-ups, outages, bursts, clocks that jump.

use duban_core::Actor;
use duban_engine::{NextStep, next_steps};

use crate::support::{Office, accept, at, end, operator, report, sign, submit};

#[tokio::test]
async fn moments_happen_when_their_time_comes() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.advance(end("2022-03-27")).await;
    assert_eq!(office.count(&case, "rung_fired").await, 0);
    office.advance(end("2022-03-31")).await;
    assert_eq!(office.count(&case, "rung_fired").await, 1);
    assert_eq!(office.count(&case, "overdue").await, 0);
    office.advance(at("2022-05-01", 0)).await;
    assert_eq!(office.count(&case, "rung_fired").await, 3);
    assert_eq!(office.count(&case, "overdue").await, 1);
    assert_eq!(office.postbox.texts(), ["第0级", "第1级", "第2级"]);
}

#[tokio::test]
async fn after_an_outage_the_lowest_reminder_goes_out_and_nobody_is_late() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.sleep_until(at("2022-05-01", 0)).await;
    assert_eq!(office.count(&case, "rung_fired").await, 1);
    assert_eq!(office.count(&case, "overdue").await, 0);
    assert_eq!(office.postbox.texts(), ["第0级"]);
    assert!(office.engine.stats().lateness_ms_max > 0);
}

#[tokio::test]
async fn a_command_lets_the_past_happen_first() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.advance(at("2022-03-31", 20)).await;
    office.clock.set(at("2022-04-01", 9));
    // Whether the wake loop or the command comes first, the past comes before the command.
    office.act(&case, "o-0", submit("a")).await.unwrap();
    let kinds = office.kinds(&case).await;
    let overdue = kinds.iter().position(|kind| *kind == "overdue");
    let submitted = kinds.iter().position(|kind| *kind == "submitted");
    assert!(overdue.unwrap() < submitted.unwrap(), "{kinds:?}");
}

#[tokio::test]
async fn a_clock_that_steps_back_fires_nothing_twice() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.sleep_until(at("2022-04-02", 0)).await;
    let before = office.log(&case).await;
    office.sleep_until(at("2022-03-01", 0)).await;
    assert_eq!(office.log(&case).await, before);
    office.act(&case, "o-0", report("a", "甲")).await.unwrap();
    office.sleep_until(at("2022-04-02", 0)).await;
    assert_eq!(office.log(&case).await.len(), before.len() + 1);
}

#[tokio::test]
async fn an_idle_engine_asks_its_store_nothing() {
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.engine.settled().await.unwrap();
    let before = office.engine.stats();
    office.sleep_until(at("2022-02-01", 0)).await;
    // The search index is written without urgency, perhaps only now, and a case is counted as
    // cached once its caller has been answered.
    let duban_engine::Stats { indexed, cases_cached, bytes_cached, .. } = office.engine.stats();
    let expected = duban_engine::Stats { indexed, cases_cached, bytes_cached, ..before };
    assert_eq!(office.engine.stats(), expected);
}

#[tokio::test]
async fn a_burst_of_deadlines_leaves_nothing_out_while_people_act() {
    let districts = 400;
    let office = Office::new(districts).await;
    let on = "2022-01-01".parse().unwrap();
    let opened = office.engine.open_suite(&"s".into(), on, operator()).await.unwrap();
    assert_eq!(opened.len(), districts);
    office.advance(at("2022-03-31", 12)).await;
    office.clock.set(end("2022-03-31").plus_millis(1));
    let acts: Vec<_> = (0..districts)
        .step_by(10)
        .map(|number| {
            let (engine, case) =
                (office.engine.clone(), crate::support::spec("one", number).name().id());
            tokio::spawn(async move {
                let actor = Actor::person(format!("o-{number}").as_str());
                engine.act(&case, actor, sign("a"), None).await.unwrap();
            })
        })
        .collect();
    for act in acts {
        act.await.unwrap();
    }
    office.engine.settled().await.unwrap();
    for number in 0..districts {
        let case = crate::support::spec("one", number).name().id();
        assert_eq!(office.count(&case, "overdue").await, 1, "district {number}");
        assert_eq!(office.count(&case, "rung_fired").await, 1, "district {number}");
    }
    assert_eq!(office.postbox.texts().len(), districts);
    assert_eq!(office.engine.stats().wakes_claimed, 0);
}

#[tokio::test]
async fn a_cache_of_one_case_changes_no_outcome() {
    let limits = duban_engine::EngineLimits { cached_cases_max: 1, ..Default::default() };
    let office = Office::with(6, limits).await;
    for number in 0..6 {
        office.open("one", number).await;
    }
    for number in 0..6 {
        let case = crate::support::spec("one", number).name().id();
        office.act(&case, &format!("o-{number}"), submit("a")).await.unwrap();
        office.act(&case, &format!("s-{number}"), accept("a")).await.unwrap();
        assert_eq!(office.status(&case, "b").await, "ready");
    }
    assert!(office.engine.stats().loads >= 4, "{:?}", office.engine.stats());
}

#[tokio::test]
async fn what_comes_next_is_told_in_order() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let steps = office.engine.next_steps(&case).await.unwrap();
    assert!(steps.is_sorted());
    let of_a: Vec<&NextStep> = steps
        .iter()
        .filter(|step| step.item.as_ref().is_some_and(|item| item.as_str() == "a"))
        .map(|step| &step.what)
        .collect();
    let rung = |number| NextStep::Rung("standard".to_owned(), number);
    let expected = [&rung(0), &NextStep::Due, &rung(1), &rung(2)];
    let without_soon: Vec<_> =
        of_a.into_iter().filter(|step| **step != NextStep::DueSoon).collect();
    assert_eq!(without_soon, expected);
    let due = steps.iter().find(|step| step.what == NextStep::Due).unwrap();
    assert_eq!(due.at, end("2022-03-31"));
    // What is past is no more to come, handled or not.
    let state = office.engine.case(&case).await.unwrap();
    let all = next_steps(&state, office.engine.now());
    assert_eq!(all, steps);
    for step in &all {
        for now in [step.at.plus_millis(-1), step.at, step.at.plus_millis(1)] {
            let later: Vec<_> = all.iter().filter(|one| one.at > now).cloned().collect();
            assert_eq!(next_steps(&state, now), later);
        }
    }
}
