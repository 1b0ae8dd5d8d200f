//! What cannot be read, because a file was damaged or another version wrote it: it is set aside
//! with an alarm, and blocks nobody.

use std::path::Path;
use std::sync::atomic::Ordering;

use duban_core::{CHAIN_START, CaseId, link};
use duban_engine::EngineError;
use duban_store::{DeliveryFilter, DeliveryState, ItemFilter, PageRequest, Store, UNREADABLE};
use rusqlite::Connection;

use crate::support::{Office, end, sign};

/// Closes the office, lets something happen to its file, and opens it again.
async fn damaged(office: Office, damage: impl FnOnce(&Connection)) -> Office {
    office.engine.shutdown().await.unwrap();
    damage(&Connection::open(&office.path).unwrap());
    office.restarted().await
}

/// An office of three cases whose first reminders could not be delivered yet.
async fn waiting() -> (Office, [CaseId; 3]) {
    let office = Office::new(3).await;
    let mut cases = Vec::new();
    for district in 0..3 {
        cases.push(office.open("one", district).await);
    }
    office.postbox.failures.store(3, Ordering::SeqCst);
    office.clock.set(end("2022-03-31"));
    office.engine.settled().await.unwrap();
    assert_eq!(office.postbox.texts(), [""; 0]);
    (office, cases.try_into().unwrap())
}

fn first_reminders(office: &Office) -> usize {
    office.postbox.texts().iter().filter(|text| *text == "第0级").count()
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_stops_no_other() {
    for damage in ["'{'", "'{\"people\":{}}'", "CAST(X'7bff7d' AS TEXT)", "''"] {
        let (office, [bad, ..]) = waiting().await;
        let office = damaged(office, |conn| {
            let sql = format!("UPDATE outbox SET body = {damage} WHERE case_id = ?1");
            assert_eq!(conn.execute(&sql, [bad.as_str()]).unwrap(), 1);
        })
        .await;
        // Listings show it beside the others before and after.
        let all = |state| DeliveryFilter { state, ..DeliveryFilter::default() };
        let list = async |state| {
            office.engine.deliveries(all(state), PageRequest::first(10)).await.unwrap().rows
        };
        assert_eq!(list(None).await.len(), 3, "{damage}");
        office.advance(end("2022-04-01")).await;
        assert_eq!(first_reminders(&office), 2, "{damage}");
        let dead = list(Some(DeliveryState::Dead)).await;
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].outgoing.case, bad.as_str());
        assert!(dead[0].error.as_ref().unwrap().starts_with(UNREADABLE), "{dead:?}");
        assert_eq!(office.engine.stats().unreadable, 1);
        // A person may try again: it is set aside again, and nobody waits for it.
        assert_eq!(office.engine.retry_deliveries(all(None)).await.unwrap(), 1);
        office.engine.settled().await.unwrap();
        assert_eq!(list(Some(DeliveryState::Dead)).await.len(), 1);
    }
}

#[tokio::test]
async fn what_channels_said_of_a_delivery_may_be_damaged_too() {
    let (office, [bad, ..]) = waiting().await;
    let office = damaged(office, |conn| {
        conn.execute("UPDATE outbox SET channels = '{' WHERE case_id = ?1", [bad.as_str()])
            .unwrap();
    })
    .await;
    office.advance(end("2022-04-01")).await;
    assert_eq!(first_reminders(&office), 2);
    let filter = DeliveryFilter { channel: Some("postbox".to_owned()), ..Default::default() };
    office.engine.deliveries(filter.clone(), PageRequest::first(10)).await.unwrap();
    office.engine.retry_deliveries(filter).await.unwrap();
    // Whom it had reached is unknown: put back, it goes to all of them.
    assert_eq!(office.engine.retry_deliveries(DeliveryFilter::default()).await.unwrap(), 1);
    office.engine.settled().await.unwrap();
    assert_eq!(first_reminders(&office), 3);
}

/// Turns an event into one of a later version, in a log that is whole.
fn foretell(path: &Path, case: &CaseId, seq: i64) {
    let conn = Connection::open(path).unwrap();
    let no: i64 = conn
        .query_row("SELECT no FROM cases WHERE id = ?1", [case.as_str()], |r| r.get(0))
        .unwrap();
    let mut select =
        conn.prepare("SELECT seq, text FROM events WHERE case_no = ?1 ORDER BY seq").unwrap();
    let rows = select.query_map([no], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>().unwrap();
    let (mut chain, before) = (CHAIN_START.to_owned(), chain_of(&conn, no));
    for (at, text) in rows {
        let text = if at == seq { text.replace("\"fact\":", "\"later\":") } else { text };
        chain = link(&chain, &text);
        conn.execute(
            "UPDATE events SET text = ?3, hash = ?4 WHERE case_no = ?1 AND seq = ?2",
            (no, at, text, &chain),
        )
        .unwrap();
    }
    conn.execute(
        "UPDATE cases SET data = replace(data, ?2, ?3) WHERE no = ?1",
        (no, before, chain),
    )
    .unwrap();
}

fn chain_of(conn: &Connection, no: i64) -> String {
    let sql = "SELECT data ->> 'chain' FROM cases WHERE no = ?1";
    conn.query_row(sql, [no], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_log_that_is_whole_is_not_called_broken() {
    let office = Office::new(2).await;
    let (odd, good) = (office.open("one", 0).await, office.open("one", 1).await);
    office.act(&odd, "o-0", sign("a")).await.unwrap();
    let path = office.path.clone();
    let office = damaged(office, |_| foretell(&path, &odd, 2)).await;
    let audit = office.engine.verify(&odd).await.unwrap();
    assert_eq!(audit.broken, None);
    assert_eq!(audit.unreadable.len(), 1, "{audit:?}");
    assert_eq!(audit.unreadable[0].0, "event 2");
    assert!(!audit.is_well());
    // The others are verified, and made again, all the same.
    let mut told = Vec::new();
    assert_eq!(office.engine.verify_all(|case, _| told.push(case.clone())).await.unwrap(), 1);
    assert_eq!(told, [odd.clone(), good.clone()]);
    let rebuilt = office.engine.rebuild(&odd).await;
    assert!(matches!(rebuilt, Err(EngineError::UnreadableEvent { seq: 2, .. })), "{rebuilt:?}");
    assert_eq!(office.engine.rebuild_all(|_, _| ()).await.unwrap(), 1);
    // The feed hands it on as it is, and the search index goes over it.
    let feed = office.engine.store().feed(None, 500).await.unwrap();
    assert!(feed.rows.iter().any(|row| row.text.contains("\"later\":")));
    office.engine.indexed().await.unwrap();
    assert!(office.engine.stats().unreadable > 0);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named_and_lists_go_on() {
    let office = Office::new(2).await;
    let (odd, good) = (office.open("one", 0).await, office.open("one", 1).await);
    let office = damaged(office, |conn| {
        let sql = "UPDATE items SET data = CAST(X'7bff' AS TEXT), owner = CAST(X'ff' AS TEXT)
             WHERE case_id = ?1 AND key = 'a'";
        assert_eq!(conn.execute(sql, [odd.as_str()]).unwrap(), 1);
    })
    .await;
    let rows = office.engine.tasks(ItemFilter::default(), PageRequest::first(100)).await.unwrap();
    assert!(rows.rows.iter().any(|row| row.case == good.as_str()));
    assert!(rows.rows.iter().any(|row| row.case == odd.as_str() && row.key == "a"));
    let audit = office.engine.verify(&odd).await.unwrap();
    assert_eq!((audit.broken, audit.unreadable[0].0.as_str()), (None, "row a"));
    office.act(&good, "o-1", sign("a")).await.unwrap();
    office.engine.rebuild(&odd).await.unwrap();
    assert!(office.engine.verify(&odd).await.unwrap().is_well());
    office.act(&odd, "o-0", sign("a")).await.unwrap();
}

#[tokio::test]
async fn texts_of_damaged_bytes_stop_no_list() {
    let office = Office::new(2).await;
    let (odd, good) = (office.open("one", 0).await, office.open("one", 1).await);
    let office = damaged(office, |conn| {
        let sql = "UPDATE cases SET title = CAST(X'e79cff' AS TEXT) WHERE id = ?1";
        conn.execute(sql, [odd.as_str()]).unwrap();
        let sql = "UPDATE events SET text = CAST(X'7b22ff227d' AS TEXT) WHERE seq = 2 AND case_no =
             (SELECT no FROM cases WHERE id = ?1)";
        conn.execute(sql, [odd.as_str()]).unwrap();
    })
    .await;
    let cases = office.engine.cases(Default::default(), PageRequest::first(10)).await.unwrap();
    assert_eq!(cases.rows.len(), 2);
    let feed = office.engine.store().feed(None, 500).await.unwrap();
    assert!(feed.rows.iter().any(|row| row.case == good.as_str()));
    let audit = office.engine.verify(&odd).await.unwrap();
    assert_eq!(audit.broken.unwrap().0, 2, "damaged bytes are no event of another version");
    assert!(office.engine.verify(&good).await.unwrap().is_well());
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_not_made_to_look_whole() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.act(&case, "o-0", sign("a")).await.unwrap();
    let office = damaged(office, |conn| {
        let sql = "DELETE FROM events WHERE feed = (SELECT max(feed) FROM events)";
        assert_eq!(conn.execute(sql, ()).unwrap(), 1);
    })
    .await;
    assert!(office.engine.verify(&case).await.unwrap().broken.is_some());
    let rebuilt = office.engine.rebuild(&case).await;
    assert!(matches!(rebuilt, Err(EngineError::BrokenLog { .. })), "{rebuilt:?}");
    assert!(office.engine.verify(&case).await.unwrap().broken.is_some());
}
