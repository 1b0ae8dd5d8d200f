//! Rows against events: verifying, rebuilding, checking wake-ups; and questions about all cases.

use std::sync::Arc;
use std::time::Duration;

use duban_core::CaseRow;
use duban_engine::{Engine, Options};
use duban_store::{CaseFilter, PageRequest, SqliteStore, Store};

use crate::support::{Office, accept, at, end, sign, submit};

#[tokio::test]
async fn rebuilding_gives_the_same_rows() {
    let office = Office::new(2).await;
    for number in 0..2 {
        let case = office.open("one", number).await;
        office.act(&case, &format!("o-{number}"), sign("a")).await.unwrap();
    }
    office.advance(at("2022-05-01", 0)).await;
    let rows = async || {
        let cases =
            office.engine.cases(CaseFilter::default(), PageRequest::first(10)).await.unwrap();
        let items = office.engine.tasks(Default::default(), PageRequest::first(10)).await.unwrap();
        (cases, items)
    };
    let before = rows().await;
    let mut told = 0;
    let failed = office.engine.rebuild_all(|_, _| told += 1).await.unwrap();
    assert_eq!((failed, told), (0, 2));
    assert_eq!(rows().await, before);
}

#[tokio::test]
async fn a_log_that_was_cut_off_or_edited_is_found() {
    let office = Office::new(2).await;
    let (edited, whole) = (office.open("one", 0).await, office.open("one", 1).await);
    office.act(&edited, "o-0", sign("a")).await.unwrap();
    assert_eq!(office.engine.verify_all(|_, _| ()).await.unwrap(), 0);
    // A head that claims one event more than the log has.
    let case = office.engine.case(&edited).await.unwrap();
    let mut head = case.head().clone();
    head.chain = "0".repeat(64);
    let mut row = CaseRow::of(&case);
    row.data = serde_json::to_string(&head).unwrap();
    office.engine.store().replace_rows(row, Vec::new()).await.unwrap();
    assert!(office.engine.verify(&edited).await.unwrap().broken.is_some());
    assert_eq!(office.engine.verify(&whole).await.unwrap().broken, None);
    assert_eq!(office.engine.verify_all(|_, _| ()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_wrong_wake_up_index_is_found_at_the_start_and_put_right() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let state = office.engine.case(&case).await.unwrap();
    let definition = office.engine.definition(&state.head().definition).await.unwrap();
    let items: Vec<_> =
        state.items().map(|item| duban_core::ItemRow::of(&case, item, &definition)).collect();
    let row = CaseRow { next_wakeup: None, ..CaseRow::of(&state) };
    office.engine.store().replace_rows(row, items.clone()).await.unwrap();
    office.engine.shutdown().await.unwrap();
    let store = SqliteStore::open(&office.path).unwrap();
    let options = Options {
        clock: Arc::new(office.clock.clone()),
        channels: vec![],
        check_every: Some(Duration::from_secs(3_600)),
        ..Options::default()
    };
    let engine = Engine::start(store, options).await.unwrap();
    // The check runs in the background; the feed tells when what time has brought has happened.
    let mut feed = engine.subscribe(Some(engine.feed_end().await.unwrap()));
    office.clock.set(end("2022-03-31").plus_millis(1));
    let mut kinds = Vec::new();
    while !kinds.contains(&"rung_fired") {
        let batch = feed.next().await.unwrap().unwrap();
        let found =
            batch.events.iter().map(|row| duban_core::decode(&row.text).unwrap().fact.kind());
        kinds.extend(found);
    }
    assert_eq!(engine.stats().repaired, 1);
    // An index that is too early is noticed by the wake-up itself.
    let state = engine.case(&case).await.unwrap();
    let items: Vec<_> =
        state.items().map(|item| duban_core::ItemRow::of(&case, item, &definition)).collect();
    let row = CaseRow { next_wakeup: Some(0), ..CaseRow::of(&state) };
    engine.store().replace_rows(row, items).await.unwrap();
    engine.check_wakeups().await.unwrap();
    assert_eq!(engine.stats().repaired, 2);
}

#[tokio::test]
async fn who_waits_for_whom_is_told() {
    let office = Office::new(2).await;
    let case = office.open("one", 0).await;
    office.open("one", 1).await;
    let page = async |who: &str| {
        let who = [who.parse().unwrap()];
        office.engine.waiting(&who, PageRequest::first(10)).await.unwrap().rows
    };
    assert_eq!(page("post:D0/组织部长").await.len(), 1);
    assert_eq!(page("post:D0/书记").await.len(), 0);
    office.act(&case, "o-0", submit("a")).await.unwrap();
    let rows = page("post:D0/书记").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].since, office.engine.now().millis());
    office.act(&case, "s-0", accept("a")).await.unwrap();
    assert_eq!(office.engine.waiting(&[], PageRequest::first(10)).await.unwrap().rows.len(), 2);
    assert_eq!(office.engine.lights(None).await.unwrap().len(), 2);
    assert_eq!(office.engine.interviews(PageRequest::first(1)).await.unwrap().rows.len(), 0);
}
