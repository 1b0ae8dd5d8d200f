//! Rule 40: a clock is believed with care.

use std::sync::atomic::Ordering;

use duban_core::Actor;
use duban_engine::{Clock, EngineError, EngineLimits, EpochCause, TestClock, accept_clock};
use duban_store::{SqliteStore, Store};

use crate::support::{Office, at, report, sign};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

async fn doubting(districts: usize) -> Office {
    let clock = TestClock::untrusted(at("2022-01-01", 9));
    Office::by(clock, districts, EngineLimits::default()).await
}

#[tokio::test]
async fn a_clock_that_is_wrong_for_a_while_brings_nothing_about() {
    for wrong in ["2023-03-02", "2031-01-01", "2021-06-01"] {
        let office = doubting(1).await;
        let case = office.open("one", 0).await;
        let before = office.kinds(&case).await;
        office.clock.jump(at(wrong, 9));
        office.engine.settled().await.unwrap();
        assert!(office.engine.clock().doubted_since.is_some());
        assert_eq!(office.kinds(&case).await, before);
        // People go on, by the time that is right.
        let outcome = office.act(&case, "o-0", sign("a")).await.unwrap();
        assert_eq!(outcome.events[0].at, at("2022-01-01", 9), "{wrong}");
        // Forty seconds later somebody puts it right.
        office.clock.set(office.clock.now().plus_millis(40_000));
        office.clock.jump(at("2022-01-01", 9).plus_millis(40_000));
        office.engine.settled().await.unwrap();
        assert_eq!(office.engine.clock().doubted_since, None);
        office.advance(at("2022-05-01", 9)).await;
        assert_eq!(office.count(&case, "rung_fired").await, 3, "each once, at its time");
    }
}

#[tokio::test]
async fn while_it_is_doubted_moments_wait_and_moves_go_on_where_nothing_is_pending() {
    let office = doubting(2).await;
    let (case, calm) = (office.open("one", 0).await, office.open("child", 1).await);
    office.clock.jump(at("2023-01-01", 9));
    // A hundred days pass: the due date is behind, by the time that is believed.
    office.clock.set(office.clock.now().plus_millis(100 * DAY));
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&case, "rung_fired").await, 0);
    let refused = office.act(&case, "o-0", sign("a")).await;
    let Err(error @ EngineError::ClockDoubted { .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.code(), "DB4040");
    office.act(&calm, "o-1", report("c", "进展")).await.unwrap();
    // An operator says that the clock is right.
    let state = office.engine.accept_clock().await.unwrap();
    assert_eq!((state.believed, state.doubted_since), (office.clock.now(), None));
    office.engine.settled().await.unwrap();
    assert!(office.count(&case, "rung_fired").await > 0);
    office.act(&case, "o-0", sign("a")).await.unwrap();
    // Said twice, nothing changes.
    assert_eq!(office.engine.accept_clock().await.unwrap(), office.engine.clock());
}

#[tokio::test]
async fn a_machine_that_slept_over_a_holiday_goes_on() {
    let office = doubting(1).await;
    let case = office.open("one", 0).await;
    office.advance(at("2022-03-25", 9)).await;
    office.clock.jump(at("2022-04-03", 9));
    office.engine.settled().await.unwrap();
    assert_eq!(office.engine.clock().doubted_since, None);
    // What ended while it slept ends three working days after it.
    assert_eq!(office.count(&case, "overdue").await, 0);
    office.advance(at("2022-04-12", 9)).await;
    assert_eq!(office.count(&case, "overdue").await, 1);
}

#[tokio::test]
async fn a_start_is_compared_with_the_last_heartbeat() {
    let office = doubting(1).await;
    let case = office.open("one", 0).await;
    // A long weekend is no reason to doubt.
    office.clock.jump(at("2022-01-10", 9));
    let office = office.restart().await;
    assert_eq!(office.engine.clock().doubted_since, None);
    // A year is.
    office.engine.shutdown().await.unwrap();
    office.clock.jump(at("2023-01-10", 9));
    let office = office.restart_only().await;
    let state = office.engine.clock();
    assert_eq!((state.believed, state.wall), (at("2022-01-10", 9), at("2023-01-10", 9)));
    assert!(state.doubted_since.is_some());
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&case, "overdue").await, 0);
    // It is accepted while no engine runs.
    office.engine.shutdown().await.unwrap();
    let store = SqliteStore::open(&office.path).unwrap();
    let moved = accept_clock(&store, office.clock.now()).await.unwrap();
    assert_eq!(moved, Some(365 * DAY));
    store.close().await.unwrap();
    drop(store);
    let office = office.restart_only().await;
    assert_eq!(office.engine.clock().doubted_since, None);
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&case, "deadline_set").await, 1, "an outage of a year");
}

#[tokio::test]
async fn backwards_nothing_fires_twice_and_no_delivery_waits_for_the_clock() {
    let office = doubting(1).await;
    let case = office.open("one", 0).await;
    office.advance(at("2022-04-02", 9)).await;
    let fired = office.count(&case, "rung_fired").await;
    assert!(fired > 0);
    // A reminder that could not be delivered is to be tried again within some seconds.
    office.postbox.failures.store(1, Ordering::SeqCst);
    let urge = duban_core::Act::Urge { item: "a".into(), text: None };
    office.act(&case, "s1", urge).await.unwrap();
    office.engine.settled().await.unwrap();
    // What is said of the clock itself comes when it comes.
    let taken = || office.postbox.texts().iter().filter(|text| !text.contains("时钟")).count();
    let before = taken();
    office.clock.jump(at("2022-04-01", 8));
    office.engine.accept_clock().await.unwrap();
    office.clock.set(office.clock.now().plus_millis(10_000));
    office.engine.settled().await.unwrap();
    assert_eq!(taken(), before + 1);
    office.advance(at("2022-04-02", 10)).await;
    assert_eq!(office.count(&case, "rung_fired").await, fired);
    assert_eq!(taken(), before + 1);
}

/// A case by whose clock three months pass while somebody accepts what is wrong.
async fn wrongly_accepted() -> (Office, duban_core::CaseId, u32) {
    let office = doubting(1).await;
    let case = office.open("one", 0).await;
    office.clock.jump(at("2022-05-20", 9));
    office.engine.settled().await.unwrap();
    let state = office.engine.accept_clock().await.unwrap();
    office.engine.settled().await.unwrap();
    let wrong = state.epochs.last().unwrap();
    assert_eq!(wrong.cause, EpochCause::Accepted);
    // Somebody sees it, and puts the clock right.
    office.clock.jump(at("2022-01-01", 10));
    (office, case, wrong.number)
}

#[tokio::test]
async fn rule_40_a_wrong_future_is_taken_back_where_nobody_has_moved_since() {
    let (office, case, wrong) = wrongly_accepted().await;
    let moved = office.kinds(&case).await.len();
    assert!(moved > 1, "time brought something about");
    let operator = Actor::operator("运维");
    // By a clock that is not believed nothing is put back.
    let refused = office.engine.take_back(wrong, operator.clone(), false).await;
    assert!(matches!(refused, Err(EngineError::ClockDoubted { .. })), "{refused:?}");
    office.engine.accept_clock().await.unwrap();

    let dry = office.engine.take_back(wrong, operator.clone(), true).await.unwrap();
    assert_eq!(office.kinds(&case).await.len(), moved, "a dry run changes nothing");
    let taken = office.engine.take_back(wrong, operator.clone(), false).await.unwrap();
    assert_eq!(taken, dry);
    let restored: Vec<_> = taken.restored.iter().map(|one| &one.case).collect();
    assert!(restored.contains(&&case) && taken.left.is_empty(), "{taken:?}");
    assert!(office.engine.verify(&case).await.unwrap().is_well());
    let again = office.engine.take_back(wrong, operator.clone(), false).await.unwrap();
    assert!(again.restored.is_empty(), "{again:?}");
    // A mistyped number is told, not answered with nothing to do.
    for mistyped in [0, wrong + 2, u32::MAX] {
        let refused = office.engine.take_back(mistyped, operator.clone(), true).await;
        assert!(matches!(refused, Err(EngineError::NoEpoch { epoch, .. }) if epoch == mistyped));
    }

    // Everything comes at its own time again.
    let fired = office.count(&case, "rung_fired").await;
    office.act(&case, "o-0", sign("a")).await.unwrap();
    office.advance(at("2022-05-01", 9)).await;
    assert_eq!(office.count(&case, "rung_fired").await, fired + 3);
}

#[tokio::test]
async fn rule_40_a_case_in_which_somebody_has_moved_is_left_and_named() {
    let (office, case, wrong) = wrongly_accepted().await;
    office.engine.accept_clock().await.unwrap();
    office.act(&case, "o-0", report("a", "进展")).await.unwrap();
    let taken = office.engine.take_back(wrong, Actor::operator("运维"), false).await.unwrap();
    assert!(taken.left.iter().any(|(left, _)| *left == case), "{taken:?}");
    assert!(taken.restored.iter().all(|one| one.case != case));
}

#[tokio::test]
async fn rule_40_somebody_is_told_of_a_clock_that_is_not_believed_and_of_an_outage() {
    for (jump, word) in [("2023-03-02", "未予采信"), ("2022-01-08", "按停机处理")] {
        let office = doubting(1).await;
        office.open("one", 0).await;
        office.clock.jump(at(jump, 9));
        let is_told = |text: &String| text.contains(word);
        // The clocks are looked at beside everything else.
        for _ in 0..100_000 {
            if office.postbox.texts().iter().any(is_told) {
                break;
            }
            tokio::task::yield_now().await;
        }
        office.engine.settled().await.unwrap();
        let texts = office.postbox.texts();
        let told = texts.iter().filter(|text| text.contains(word)).count();
        assert_eq!(told, 1, "{jump}: {texts:?}");
    }
}
