//! Subscriptions: catch-up, going on, resuming, ending.

use crate::support::{Office, report, sign};

#[tokio::test]
async fn a_subscriber_sees_what_was_and_what_comes() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let mut feed = office.engine.subscribe(None);
    let first = feed.next().await.unwrap().unwrap();
    assert_eq!(first.events[0].seq, 1);
    let (batch, signed) = tokio::join!(feed.next(), office.act(&case, "o-0", sign("a")));
    let batch = batch.unwrap().unwrap();
    assert_eq!(batch.events.last().unwrap().seq, signed.unwrap().version);
}

#[tokio::test]
async fn rule_12_a_subscriber_goes_on_from_its_cursor_after_a_restart() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let mut feed = office.engine.subscribe(None);
    let cursor = feed.next().await.unwrap().unwrap().cursor;
    assert_eq!(office.engine.feed_end().await.unwrap(), cursor);
    let office = office.restart().await;
    office.act(&case, "o-0", report("a", "甲")).await.unwrap();
    let mut feed = office.engine.subscribe(Some(cursor));
    let kinds: Vec<&str> = feed
        .next()
        .await
        .unwrap()
        .unwrap()
        .events
        .iter()
        .map(|row| duban_core::decode(&row.text).unwrap().fact.kind())
        .collect();
    assert_eq!(kinds, ["reported"]);
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing_and_holds_nobody_up() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let mut feed = office.engine.subscribe(None);
    for number in 0..600 {
        office.act(&case, "o-0", report("a", &number.to_string())).await.unwrap();
    }
    let expected = office.log(&case).await.len();
    let mut seen = Vec::new();
    while seen.len() < expected {
        let batch = feed.next().await.unwrap().unwrap();
        seen.extend(batch.events.iter().map(|row| row.seq));
    }
    assert!(seen.iter().copied().eq(1..=u64::try_from(expected).unwrap()));
}

#[tokio::test]
async fn a_subscription_ends_with_the_engine() {
    let office = Office::new(1).await;
    let mut feed = office.engine.subscribe(None);
    let (end, closed) = tokio::join!(feed.next(), office.engine.shutdown());
    closed.unwrap();
    assert_eq!(end.unwrap(), None);
}
