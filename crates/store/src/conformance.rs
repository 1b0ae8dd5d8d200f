//! The tests that every backend must pass.
//!
//! Each function takes a handle on an empty database and panics where the backend does not do
//! what [`Store`] says. [`conformance_tests!`](crate::conformance_tests) makes a test of each, so
//! that no backend can forget one.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]
#![expect(clippy::missing_panics_doc, reason = "every function panics where a backend is wrong")]

mod deliveries;
mod lists;
mod search;

use std::collections::BTreeSet;

use duban_core::{Body, CaseId, CaseRow, Encoded, ItemRow, Message, Outgoing};

use crate::{
    Backlog, CaseFilter, ChannelNote, ChannelNotes, ChannelState, Commit, CommitError, Cursor,
    DefinitionRow, DeliveryFilter, DeliveryState, ItemFilter, KeyRecord, LightFilter, Noted,
    NotedState, Page, PageRequest, ScoreFilter, ScoreRow, Store, StoreError, VersionRow,
};

pub use self::deliveries::*;
pub use self::lists::*;
pub use self::search::*;

/// Makes a test of every function of this module, each with a database of its own.
#[macro_export]
macro_rules! conformance_tests {
    ($open:expr) => {
        $crate::conformance_tests! { $open;
            rule_6_a_key_is_taken_once_by_each_actor_of_each_case
            rule_12_the_feed_resumes_from_any_cursor_and_misses_nothing
            rule_13_a_delivery_comes_up_again_until_it_is_marked
            rule_13_a_dead_delivery_waits_for_a_person
            rule_40_pending_deliveries_move_with_the_clock
            rule_13_what_channels_said_is_kept_until_it_has_arrived
            rule_13_dead_deliveries_of_a_filter_are_put_back_together
            rule_13_a_message_without_an_event_is_queued_once
            held_messages_are_found_by_what_they_are_about
            rule_13_rebuilding_leaves_deliveries_alone
            rule_14_the_bytes_of_an_event_are_kept
            rule_15_lights_are_instants_compared_with_now
            rule_16_a_batch_answers_for_each_commit
            rule_16_due_cases_come_earliest_first
            a_refused_commit_leaves_nothing_behind
            rows_that_are_behind_are_refused
            pages_hand_out_every_row_once
            every_filter_of_items_means_what_it_says
            cases_of_a_suite_are_found_among_many_units
            events_about_an_item_are_found_from_the_end
            every_filter_of_deliveries_means_what_it_says
            a_cursor_of_another_listing_is_refused
            waiting_items_are_found_by_whom_they_wait_on
            the_newest_definition_is_the_current_one
            versions_say_how_many_open_cases_run_on_them
            documents_are_replaced
            documents_are_listed_and_removed
            a_document_is_swapped_only_for_the_one_that_was_read
            old_keys_and_old_deliveries_are_forgotten
            points_are_added_up_by_unit
            items_and_deliveries_are_found_by_what_their_case_is_for
            the_feed_is_entered_at_an_instant
            rule_26_what_needs_attention_is_listed_and_counted
            rule_26_cases_that_need_attention_themselves_are_listed_and_counted
            what_was_written_is_found_by_its_words
            a_search_is_narrowed_by_what_entries_are
            an_entry_that_is_indexed_again_replaces_itself
            the_index_goes_on_only_from_where_it_is
            pages_of_a_search_hand_out_every_entry_once
            a_closed_store_refuses
        }
    };
    ($open:expr; $($name:ident)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::conformance::$name($open).await;
            }
        )+
    };
}

/// A commit that takes a case from one version to the next with one event.
fn commit(case: &str, expected: u64) -> Commit {
    let version = expected + 1;
    Commit {
        expected,
        case: CaseRow {
            id: case.to_owned(),
            suite: "s".to_owned(),
            workflow: "w".to_owned(),
            unit: "u".to_owned(),
            period: Some("2022".to_owned()),
            title: "措施".to_owned(),
            status: "open".to_owned(),
            faulted: false,
            definition: "d".to_owned(),
            version,
            next_wakeup: None,
            opened_at: 1,
            closed_at: None,
            attention: None,
            data: format!("{{\"version\":{version}}}"),
        },
        items: Vec::new(),
        events: vec![Encoded {
            seq: version,
            at: 10,
            recorded_at: 11,
            kind: "reported".to_owned(),
            item: None,
            text: format!("{{\"n\":{version}}}"),
            hash: "0a".repeat(32),
        }],
        outgoing: Vec::new(),
        scores: Vec::new(),
        key: None,
        urgent: true,
    }
}

fn item(case: &str, key: &str, due: Option<i64>) -> ItemRow {
    ItemRow {
        case: case.to_owned(),
        key: key.to_owned(),
        task: "t".to_owned(),
        unit: "u".to_owned(),
        status: "active".to_owned(),
        held: false,
        owner: Some("post:u/科 长".to_owned()),
        waiting_on: Some("post:u/科 长".to_owned()),
        since: 1,
        due,
        yellow_at: due.map(|due| due - 10),
        red_at: due,
        window: None,
        attention: None,
        data: format!("{{\"key\":\"{key}\"}}"),
    }
}

fn outgoing(case: &str, seq: u64, at: i64) -> Outgoing {
    let body = Body::Case(
        seq,
        Box::new(Message::ChildClosed { to: CaseId::new("p"), item: "x".into(), number: seq }),
    );
    Outgoing { case: case.to_owned(), seq, kind: "message".to_owned(), at, body }
}

fn key(case: &str, actor: &str, key: &str, at: i64) -> KeyRecord {
    KeyRecord {
        case: case.to_owned(),
        actor: actor.to_owned(),
        key: key.to_owned(),
        digest: "digest@0".to_owned(),
        version: 1,
        at,
    }
}

async fn write<S: Store>(store: &S, commit: Commit) {
    let answers = store.append(vec![commit]).await.unwrap();
    assert_eq!(answers, [Ok(())]);
}

fn page(after: Option<Cursor>, limit: u32) -> PageRequest {
    PageRequest { after, limit }
}

/// An idempotency key is unique by case, actor and key, and remembers what it stands for.
pub async fn rule_6_a_key_is_taken_once_by_each_actor_of_each_case<S: Store>(store: S) {
    let first = key("a", "甲", "k", 5);
    write(&store, Commit { key: Some(first.clone()), ..commit("a", 0) }).await;
    assert_eq!(store.recall("a", "甲", "k").await.unwrap(), Some(first.clone()));
    assert_eq!(store.recall("a", "乙", "k").await.unwrap(), None);

    let taken = CommitError::KeyTaken { case: "a".to_owned() };
    for expected in [0, 1] {
        let again = Commit { key: Some(first.clone()), ..commit("a", expected) };
        assert_eq!(store.append(vec![again]).await.unwrap(), [Err(taken.clone())]);
    }
    write(&store, Commit { key: Some(key("a", "乙", "k", 6)), ..commit("a", 1) }).await;
    write(&store, Commit { key: Some(key("b", "甲", "k", 6)), ..commit("b", 0) }).await;
}

/// Whoever reads on from any cursor gets what came after it, in the order of the commits.
pub async fn rule_12_the_feed_resumes_from_any_cursor_and_misses_nothing<S: Store>(store: S) {
    let order = [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)];
    let start = store.feed_end().await.unwrap();
    for (case, expected) in order {
        write(&store, commit(case, expected)).await;
    }
    let expected: Vec<_> = order.map(|(case, seq)| (case.to_owned(), seq + 1)).to_vec();
    for from in [None, Some(start)] {
        let (mut cursor, mut seen) = (from, Vec::new());
        loop {
            let part = store.feed(cursor.as_ref(), 2).await.unwrap();
            let Some(next) = part.next else { break };
            seen.extend(part.rows.into_iter().map(|row| (row.case, row.seq)));
            cursor = Some(next);
        }
        assert_eq!(seen, expected);
        assert!(store.feed(cursor.as_ref(), 2).await.unwrap().rows.is_empty());
        assert_eq!(cursor, Some(store.feed_end().await.unwrap()));
    }
}

/// What is hashed is text, and comes back byte by byte.
pub async fn rule_14_the_bytes_of_an_event_are_kept<S: Store>(store: S) {
    let text = "{ \"b\":1.0,  \"a\" : \"督办\\u0020\\n\", \"a\":2 }";
    let mut odd = commit("a", 0);
    odd.events[0].text = text.to_owned();
    odd.events[0].hash = "not hexadecimal".to_owned();
    write(&store, odd).await;
    write(&store, commit("a", 1)).await;
    let rows = store.events("a", 0, 9).await.unwrap();
    assert_eq!((rows[0].text.as_str(), rows[0].hash.as_str()), (text, "not hexadecimal"));
    assert_eq!(rows[1].hash, "0a".repeat(32));
    assert_eq!(store.events("a", 1, 9).await.unwrap(), rows[1..]);
    assert_eq!(store.events("a", 0, 1).await.unwrap(), rows[..1]);
    assert!(store.events("unknown", 0, 9).await.unwrap().is_empty());
}

/// No write turns a light: the question says what time it is. At its instant a light has not
/// turned yet.
pub async fn rule_15_lights_are_instants_compared_with_now<S: Store>(store: S) {
    let closed = ItemRow { status: "done".to_owned(), ..item("a", "z", Some(100)) };
    let begun = Commit {
        items: vec![item("a", "x", Some(100)), item("a", "y", None), closed],
        ..commit("a", 0)
    };
    write(&store, begun).await;
    for (now, green, yellow, red) in [(90, 2, 0, 0), (91, 1, 1, 0), (100, 1, 1, 0), (101, 1, 0, 1)]
    {
        let counts = store.lights(Some("s"), now).await.unwrap();
        assert_eq!(counts.len(), 1);
        let count = &counts[0];
        assert_eq!((count.green, count.yellow, count.red), (green, yellow, red), "at {now}");
        assert_eq!((count.grey, count.done), (1, 1), "at {now}");
        let lights =
            [(LightFilter::Green, green), (LightFilter::Yellow, yellow), (LightFilter::Red, red)];
        for (light, expected) in lights {
            let filter = ItemFilter { light: Some((light, now)), ..ItemFilter::default() };
            let found = store.items(&filter, &page(None, 9)).await.unwrap().rows.len();
            assert_eq!(u64::try_from(found).unwrap(), expected, "{light:?} at {now}");
        }
    }
    assert!(store.lights(Some("other"), 1).await.unwrap().is_empty());
}

/// One commit that comes too late does not undo its neighbours.
pub async fn rule_16_a_batch_answers_for_each_commit<S: Store>(store: S) {
    let batch = vec![commit("a", 0), commit("b", 3), commit("a", 1), commit("c", 0)];
    let answers = store.append(batch).await.unwrap();
    let conflict = CommitError::Conflict { case: "b".to_owned(), current: 0, expected: 3 };
    assert_eq!(answers, [Ok(()), Err(conflict), Ok(()), Ok(())]);
    assert_eq!(store.case("a").await.unwrap().unwrap().version, 2);
    assert_eq!(store.case("b").await.unwrap(), None);
    assert_eq!(store.case("c").await.unwrap().unwrap().version, 1);

    let stale = store.append(vec![commit("a", 1)]).await.unwrap();
    let conflict = CommitError::Conflict { case: "a".to_owned(), current: 2, expected: 1 };
    assert_eq!(stale, [Err(conflict)]);
}

/// Cases are claimed by wake-up; faulted ones and those in hand are passed over.
pub async fn rule_16_due_cases_come_earliest_first<S: Store>(store: S) {
    for (case, wakeup, faulted) in [
        ("a", Some(30), false),
        ("b", Some(10), false),
        ("c", None, false),
        ("d", Some(5), true),
        ("e", Some(20), false),
    ] {
        let mut begun = commit(case, 0);
        (begun.case.next_wakeup, begun.case.faulted) = (wakeup, faulted);
        write(&store, begun).await;
    }
    assert_eq!(store.next_wakeup().await.unwrap(), Some(10));
    assert!(store.claim_due(9, 99, 9, &[]).await.unwrap().is_empty());
    let first = store.claim_due(20, 99, 1, &[]).await.unwrap();
    assert_eq!(first, [("b".to_owned(), 10)]);
    let in_hand = ["b".to_owned()];
    assert_eq!(store.claim_due(20, 99, 9, &in_hand).await.unwrap(), [("e".to_owned(), 20)]);

    let mut woken = commit("b", 1);
    woken.case.next_wakeup = Some(40);
    write(&store, woken).await;
    assert_eq!(store.case("b").await.unwrap().unwrap().next_wakeup, Some(40));
}

/// Neither rows nor events nor what was to leave.
pub async fn a_refused_commit_leaves_nothing_behind<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    let late = Commit {
        items: vec![item("a", "x", Some(1))],
        outgoing: vec![outgoing("a", 1, 1)],
        scores: vec![score("a", 1, "u", 100)],
        key: Some(key("a", "甲", "k", 1)),
        ..commit("a", 5)
    };
    assert!(store.append(vec![late]).await.unwrap()[0].is_err());
    let loaded = store.load("a").await.unwrap().unwrap();
    assert_eq!((loaded.version, loaded.items.len()), (1, 0));
    assert_eq!(store.events("a", 0, 9).await.unwrap().len(), 1);
    assert_eq!(store.next_delivery().await.unwrap(), None);
    assert_eq!(store.recall("a", "甲", "k").await.unwrap(), None);
    assert!(store.scores(None).await.unwrap().is_empty());
    assert_eq!(store.load("b").await.unwrap(), None);
}

/// Rows of an older event than the last would undo what happened since.
pub async fn rows_that_are_behind_are_refused<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    write(&store, commit("a", 1)).await;
    let behind = store.replace_rows(commit("a", 0).case, Vec::new()).await;
    assert!(matches!(&behind, Err(StoreError::Behind { rows: 1, events: 2, .. })), "{behind:?}");
    assert_eq!(store.case("a").await.unwrap().unwrap().version, 2);
}

/// Whatever the size of the page, in the order that is promised.
pub async fn pages_hand_out_every_row_once<S: Store>(store: S) {
    for case in ["b", "a", "c"] {
        let begun = Commit {
            items: vec![
                item(case, "x", Some(50)),
                item(case, "y", None),
                item(case, "w", Some(50)),
            ],
            outgoing: vec![outgoing(case, 1, 1), outgoing(case, 2, 1)],
            ..commit(case, 0)
        };
        write(&store, begun).await;
    }
    for limit in [1, 2, 100] {
        let cases =
            all(async |after| store.cases(&CaseFilter::default(), &page(after, limit)).await);
        let ids: Vec<_> = cases.await.into_iter().map(|row| row.id).collect();
        assert_eq!(ids, ["a", "b", "c"]);

        let items =
            all(async |after| store.items(&ItemFilter::default(), &page(after, limit)).await);
        let keys: Vec<_> =
            items.await.into_iter().map(|row| format!("{}{}", row.case, row.key)).collect();
        assert_eq!(keys, ["aw", "ax", "bw", "bx", "cw", "cx", "ay", "by", "cy"]);

        let sent = all(async |after| {
            store.deliveries(&DeliveryFilter::default(), &page(after, limit)).await
        });
        let ids: Vec<_> =
            sent.await.into_iter().map(|row| (row.outgoing.case, row.outgoing.seq)).collect();
        assert_eq!(ids.len(), 6);
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 6);
    }
}

async fn all<T>(
    mut part: impl AsyncFnMut(Option<Cursor>) -> Result<Page<T>, StoreError>,
) -> Vec<T> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = part(after).await.unwrap();
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => return rows,
        }
    }
}

/// A cursor is opaque, but it is not trusted.
pub async fn a_cursor_of_another_listing_is_refused<S: Store>(store: S) {
    write(&store, commit("a", 0)).await;
    let feed = store.feed_end().await.unwrap();
    for cursor in [feed, Cursor(String::new()), Cursor("督办".to_owned())] {
        let answer = store.cases(&CaseFilter::default(), &page(Some(cursor.clone()), 1)).await;
        assert!(matches!(answer, Err(StoreError::BadCursor(_))), "{cursor:?}: {answer:?}");
    }
}

/// Several may be waited on; whom an item no longer waits on does not see it.
pub async fn waiting_items_are_found_by_whom_they_wait_on<S: Store>(store: S) {
    let both = Some("post:u/科 长 person:乙".to_owned());
    let begun = Commit {
        items: vec![ItemRow { waiting_on: both, ..item("a", "x", Some(50)) }],
        ..commit("a", 0)
    };
    write(&store, begun).await;
    let count = async |whom: &str| {
        let filter = ItemFilter { waiting_on: vec![whom.to_owned()], ..ItemFilter::default() };
        store.items(&filter, &page(None, 9)).await.unwrap().rows.len()
    };
    assert_eq!((count("post:u/科 长").await, count("person:乙").await), (1, 1));
    assert_eq!(count("person:丙").await, 0);

    let other = Some("person:丙".to_owned());
    let moved = Commit {
        items: vec![ItemRow { waiting_on: other, ..item("a", "x", Some(50)) }],
        ..commit("a", 1)
    };
    write(&store, moved).await;
    assert_eq!((count("post:u/科 长").await, count("person:丙").await), (0, 1));
}

/// Publishing an older one again makes it current again; none is lost.
pub async fn the_newest_definition_is_the_current_one<S: Store>(store: S) {
    let definition = |hash: &str| DefinitionRow {
        hash: hash.to_owned(),
        suite: "s".to_owned(),
        workflow: "w".to_owned(),
        json: format!("{{\"of\":\"{hash}\"}}"),
        published_at: 1,
    };
    for hash in ["one", "two", "one"] {
        store.publish(definition(hash)).await.unwrap();
        assert_eq!(store.current("s", "w").await.unwrap(), Some(definition(hash)));
    }
    assert_eq!(store.definition("two").await.unwrap(), Some(definition("two")));
    assert_eq!(store.definition("three").await.unwrap(), None);
    assert_eq!(store.current("s", "other").await.unwrap(), None);
    let currents = store.currents().await.unwrap();
    assert_eq!(currents, [("s".to_owned(), "w".to_owned(), "one".to_owned())]);
}

/// A closed case counts for none.
pub async fn versions_say_how_many_open_cases_run_on_them<S: Store>(store: S) {
    for (hash, published_at) in [("d", 1), ("e", 2)] {
        let json = "{}".to_owned();
        let (suite, workflow) = ("s".to_owned(), "w".to_owned());
        let row = DefinitionRow { hash: hash.to_owned(), suite, workflow, json, published_at };
        store.publish(row).await.unwrap();
    }
    for case in ["a", "b", "c"] {
        write(&store, commit(case, 0)).await;
    }
    let mut closed = commit("c", 1);
    closed.case.status = "closed".to_owned();
    write(&store, closed).await;
    let version = |hash: &str, published_at, current, open_cases| VersionRow {
        workflow: "w".to_owned(),
        hash: hash.to_owned(),
        published_at,
        current,
        open_cases,
    };
    let versions = store.versions("s").await.unwrap();
    assert_eq!(versions, [version("d", 1, false, 2), version("e", 2, true, 0)]);
    assert_eq!(store.versions("other").await.unwrap(), []);
}

/// The last one counts.
pub async fn documents_are_replaced<S: Store>(store: S) {
    assert_eq!(store.document("directory").await.unwrap(), None);
    for json in ["{}", "{\"units\":[]}"] {
        store.put_document("directory", json, 1).await.unwrap();
        assert_eq!(store.document("directory").await.unwrap().as_deref(), Some(json));
    }
}

/// Those of a prefix come by name; what is removed is gone.
pub async fn documents_are_listed_and_removed<S: Store>(store: S) {
    for name in ["b", "a/2", "a/1", "a", "ab"] {
        store.put_document(name, "{}", 1).await.unwrap();
    }
    let names = |rows: Vec<(String, String)>| -> Vec<String> {
        rows.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(store.documents("a/").await.unwrap()), ["a/1", "a/2"]);
    assert!(store.remove_document("a/1").await.unwrap());
    assert!(!store.remove_document("a/1").await.unwrap());
    assert_eq!(names(store.documents("a/").await.unwrap()), ["a/2"]);
    assert_eq!(store.documents("").await.unwrap().len(), 4);
    store.put_document("a/3", "{}", 1).await.unwrap();
    let after =
        async |after: &str, limit| names(store.documents_after("a/", after, limit).await.unwrap());
    assert_eq!(after("", 1).await, ["a/2"]);
    assert_eq!(after("a/2", 9).await, ["a/3"]);
    assert_eq!(after("a/3", 9).await, [""; 0]);
}

/// Of two who read the same, or found nothing, one comes through; a removed one stays away.
pub async fn a_document_is_swapped_only_for_the_one_that_was_read<S: Store>(store: S) {
    let swap = async |expected, json| store.swap_document("once", expected, json, 1).await.unwrap();
    assert!(!swap(Some("1"), "2").await);
    assert!(swap(None, "1").await);
    assert!(!swap(None, "other").await);
    assert!(swap(Some("1"), "2").await);
    assert!(!swap(Some("1"), "other").await);
    assert_eq!(store.document("once").await.unwrap().as_deref(), Some("2"));
    assert!(store.remove_document("once").await.unwrap());
    assert!(!swap(Some("2"), "3").await);
    assert_eq!(store.document("once").await.unwrap(), None);
}

/// Their events stay.
pub async fn old_keys_and_old_deliveries_are_forgotten<S: Store>(store: S) {
    for (case, at) in [("a", 10), ("b", 20)] {
        let begun = Commit {
            outgoing: vec![outgoing(case, 1, 1)],
            key: Some(key(case, "甲", "k", at)),
            ..commit(case, 0)
        };
        write(&store, begun).await;
        store.delivered(vec![(case.to_owned(), 1)], at).await.unwrap();
    }
    assert_eq!(store.forget_keys(20).await.unwrap(), 1);
    assert_eq!(store.recall("a", "甲", "k").await.unwrap(), None);
    assert!(store.recall("b", "甲", "k").await.unwrap().is_some());
    assert_eq!(store.prune_delivered(20).await.unwrap(), 1);
    let left = store.deliveries(&DeliveryFilter::default(), &page(None, 9)).await.unwrap();
    assert_eq!(left.rows.len(), 1);
    assert_eq!(left.rows[0].outgoing.case, "b");
    assert_eq!(store.events("a", 0, 9).await.unwrap().len(), 1);
}

fn score(case: &str, seq: u64, unit: &str, points: i64) -> ScoreRow {
    ScoreRow {
        case: case.to_owned(),
        seq,
        at: 1,
        unit: unit.to_owned(),
        points,
        rule: Some("on-time".to_owned()),
        why: "按期".to_owned(),
    }
}

/// Of one suite or of all.
pub async fn points_are_added_up_by_unit<S: Store>(store: S) {
    let first = vec![score("a", 1, "u", 150), score("a", 2, "v", -50)];
    write(&store, Commit { scores: first, ..commit("a", 0) }).await;
    write(&store, Commit { scores: vec![score("b", 1, "u", 25)], ..commit("b", 0) }).await;
    for suite in [None, Some("s")] {
        let totals = store.scores(suite).await.unwrap();
        let of = |unit: &str| totals.iter().find(|total| total.unit == unit).unwrap();
        assert_eq!((of("u").points, of("u").entries), (175, 2));
        assert_eq!((of("v").points, of("v").entries), (-50, 1));
    }
    assert!(store.scores(Some("other")).await.unwrap().is_empty());
    let entries = async |filter: ScoreFilter, page: &PageRequest| {
        store.score_entries(&filter, page).await.unwrap()
    };
    let first = entries(ScoreFilter::default(), &page(None, 2)).await;
    assert_eq!(first.rows, [score("a", 1, "u", 150), score("a", 2, "v", -50)]);
    let rest = entries(ScoreFilter::default(), &page(first.next, 2)).await;
    assert_eq!((rest.rows, rest.next), (vec![score("b", 1, "u", 25)], None));
    let of = |unit: &str| ScoreFilter { unit: Some(unit.to_owned()), ..ScoreFilter::default() };
    assert_eq!(entries(of("v"), &page(None, 9)).await.rows, [score("a", 2, "v", -50)]);
}

/// By suite, period, window, and tasks of several workflows.
pub async fn items_and_deliveries_are_found_by_what_their_case_is_for<S: Store>(store: S) {
    let half = ItemRow { window: Some("2022-H1".to_owned()), ..item("a", "x", None) };
    let outgoing = vec![outgoing("a", 1, 1)];
    write(&store, Commit { items: vec![half], outgoing, ..commit("a", 0) }).await;
    let some = |text: &str| Some(text.to_owned());
    let items =
        async |filter: ItemFilter| store.items(&filter, &page(None, 9)).await.unwrap().rows.len();
    let task = item("a", "x", None).task;
    for (suite, period, window, tasks, found) in [
        ("s", "2022", "2022-H1", format!("w/{task}"), 1),
        ("t", "2022", "2022-H1", format!("w/{task}"), 0),
        ("s", "2021", "2022-H1", format!("w/{task}"), 0),
        ("s", "2022", "2022-H2", format!("w/{task}"), 0),
        ("s", "2022", "2022-H1", format!("v/{task}"), 0),
    ] {
        let (suite, period, window) = (some(suite), some(period), some(window));
        let tasks = vec![tasks, "w/other".to_owned()];
        let filter = ItemFilter { suite, period, window, tasks, ..ItemFilter::default() };
        assert_eq!(items(filter.clone()).await, found, "{filter:?}");
    }
    let deliveries = async |filter: DeliveryFilter| {
        store.deliveries(&filter, &page(None, 9)).await.unwrap().rows.len()
    };
    for (suite, unit, period, found) in
        [("s", "u", "2022", 1), ("t", "u", "2022", 0), ("s", "v", "2022", 0), ("s", "u", "2021", 0)]
    {
        let (suite, unit, period) = (some(suite), some(unit), some(period));
        let filter = DeliveryFilter { suite, unit, period, ..DeliveryFilter::default() };
        assert_eq!(deliveries(filter.clone()).await, found, "{filter:?}");
    }
}

/// At the first event that was recorded then or later.
pub async fn the_feed_is_entered_at_an_instant<S: Store>(store: S) {
    for (number, recorded_at) in [(1, 10), (2, 20), (3, 20), (4, 30)] {
        let mut commit = commit("a", number - 1);
        commit.events[0].recorded_at = recorded_at;
        write(&store, commit).await;
    }
    for (at, first) in [(0, Some(1)), (10, Some(1)), (11, Some(2)), (20, Some(2)), (30, Some(4))] {
        let from = store.feed_from(at).await.unwrap();
        let found = store.feed(Some(&from), 9).await.unwrap().rows;
        assert_eq!(found.first().map(|row| row.seq), first, "from {at}");
    }
    assert_eq!(store.feed_from(31).await.unwrap(), store.feed_end().await.unwrap());
}

/// Through any handle, whatever is asked; closing again does nothing.
pub async fn a_closed_store_refuses<S: Store>(store: S) {
    let other = store.clone();
    store.close().await.unwrap();
    other.close().await.unwrap();
    assert!(matches!(other.load("a").await, Err(StoreError::Closed)));
    assert!(matches!(other.append(vec![commit("a", 0)]).await, Err(StoreError::Closed)));
}
