//! Deliveries: retries, dead letters, restarts, the file channel.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use duban_engine::{Channel, Delivery, EngineLimits, FileChannel};
use duban_store::{DeliveryFilter, DeliveryState, PageRequest};

use crate::support::{Office, at, end};

async fn states(office: &Office) -> Vec<(DeliveryState, u32)> {
    let filter = DeliveryFilter { kind: Some("remind".to_owned()), ..DeliveryFilter::default() };
    let page = office.engine.deliveries(filter, PageRequest::first(100)).await.unwrap();
    page.rows.iter().map(|row| (row.state, row.attempts)).collect()
}

#[tokio::test]
async fn rule_13_a_failed_delivery_is_tried_again_until_it_arrives() {
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.postbox.failures.store(3, Ordering::SeqCst);
    office.advance(end("2022-03-31")).await;
    let taken = office.postbox.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].attempt, 4);
    assert_eq!(taken[0].id, format!("{}-{}", taken[0].case, taken[0].seq));
    assert_eq!(states(&office).await, [(DeliveryState::Delivered, 4)]);
    assert_eq!(office.engine.stats().delivery_failures, 3);
}

#[tokio::test]
async fn what_fails_too_often_is_parked_and_can_be_put_back() {
    let limits = EngineLimits { delivery_attempts_max: 3, ..EngineLimits::default() };
    let office = Office::with(1, limits).await;
    let case = office.open("one", 0).await;
    office.postbox.failures.store(3, Ordering::SeqCst);
    office.advance(end("2022-03-31")).await;
    assert_eq!(states(&office).await, [(DeliveryState::Dead, 3)]);
    assert_eq!(office.engine.stats().dead_letters, 1);
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    let page = office.engine.deliveries(filter, PageRequest::first(1)).await.unwrap();
    let seq = page.rows[0].outgoing.seq;
    assert!(office.engine.retry_delivery(&case, seq).await.unwrap());
    office.engine.settled().await.unwrap();
    assert_eq!(office.postbox.texts(), ["第0级"]);
    assert!(!office.engine.retry_delivery(&case, seq).await.unwrap());
}

#[tokio::test]
async fn a_channel_that_gives_up_is_believed() {
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.postbox.is_dead.store(true, Ordering::SeqCst);
    office.advance(end("2022-03-31")).await;
    assert_eq!(states(&office).await, [(DeliveryState::Dead, 1)]);
}

#[tokio::test]
async fn rule_13_undelivered_messages_survive_a_restart() {
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.postbox.failures.store(1, Ordering::SeqCst);
    office.sleep_until(end("2022-03-31")).await;
    assert_eq!(office.postbox.texts(), Vec::<String>::new());
    let office = office.restart().await;
    office.advance(at("2022-04-01", 9)).await;
    assert_eq!(office.postbox.texts()[0], "第0级");
}

#[tokio::test]
async fn the_file_channel_writes_one_line_for_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deliveries.jsonl");
    let channel = Arc::new(FileChannel::open(&path).unwrap());
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.advance(at("2022-05-01", 0)).await;
    let taken = office.postbox.taken.lock().unwrap().clone();
    for delivery in &taken {
        channel.deliver(delivery).await.unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string())
        .collect();
    let expected: Vec<String> =
        taken.iter().map(|one: &Delivery| format!("\"{}\"", one.id)).collect();
    assert_eq!(ids, expected);
}
