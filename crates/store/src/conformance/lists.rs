//! Listings of items and cases: every filter, beside a plain look at all rows.

use duban_core::ItemRow;

use super::deliveries::failed;
use super::{all, commit, item, outgoing, page, write};
use crate::{
    AttentionFilter, CaseFilter, Commit, DeliveryFilter, DeliveryState, ItemFilter, LightFilter,
    NotedState, Store,
};

/// Whichever index serves it, a filter finds the rows that meet it, by due date.
pub async fn every_filter_of_items_means_what_it_says<S: Store>(store: S) {
    let mut rows = Vec::new();
    let statuses = ["waiting", "ready", "active", "submitted", "done", "cancelled"];
    for (case, workflow) in [("a", "w"), ("b", "v")] {
        let mut begun = commit(case, 0);
        workflow.clone_into(&mut begun.case.workflow);
        for number in 0..48 {
            let task = ["t", "s", "interview", "t"][number % 4];
            let due = (number % 5 > 0).then(|| 100 + i64::try_from(number * 7 % 40).unwrap());
            let mut row = item(case, &format!("{task}/{number:02}"), due);
            statuses[number % 6].clone_into(&mut row.status);
            (row.task, row.unit) = (task.to_owned(), format!("u{}", number % 3));
            if matches!(row.status.as_str(), "done" | "cancelled") {
                (row.yellow_at, row.red_at) = (None, None);
            }
            begun.items.push(row.clone());
            rows.push((workflow, row));
        }
        write(&store, begun).await;
    }
    rows.sort_by_key(|(_, row)| (row.due.unwrap_or(i64::MAX), row.case.clone(), row.key.clone()));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let many: Vec<String> = (1..1_000).map(|number| format!("u{number}")).collect();
    for units in [vec![], vec!["u1".to_owned()], many] {
        for (workflow, task) in
            [("", ""), ("w", ""), ("w", "s"), ("", "interview"), ("v", "interview"), ("none", "")]
        {
            for status in ["", "waiting", "active", "submitted", "done", "skipped"] {
                for light in [
                    None,
                    Some(LightFilter::Green),
                    Some(LightFilter::Yellow),
                    Some(LightFilter::Red),
                ] {
                    let filter = ItemFilter {
                        workflow: some(workflow),
                        task: some(task),
                        units: units.clone(),
                        statuses: some(status).into_iter().collect(),
                        light: light.map(|light| (light, 120)),
                        ..ItemFilter::default()
                    };
                    let meets = |of: &str, row: &ItemRow| {
                        (workflow.is_empty() || of == workflow)
                            && (task.is_empty() || row.task == task)
                            && (status.is_empty() || row.status == status)
                            && (units.is_empty() || units.contains(&row.unit))
                            && light.is_none_or(|light| has_light(row, light, 120))
                    };
                    let expected: Vec<&ItemRow> = rows
                        .iter()
                        .filter(|(of, row)| meets(of, row))
                        .map(|(_, row)| row)
                        .collect();
                    let part = async |after| store.items(&filter, &page(after, 7)).await;
                    let found = all(part).await;
                    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
                }
            }
        }
    }
}

fn has_light(row: &ItemRow, light: LightFilter, now: i64) -> bool {
    let reached = |at: Option<i64>| at.is_some_and(|at| at < now);
    let (yellow, red) = (reached(row.yellow_at), reached(row.red_at));
    let is_open = !matches!(row.status.as_str(), "done" | "skipped" | "cancelled");
    is_open
        && match light {
            LightFilter::Red => red,
            LightFilter::Yellow => yellow && !red,
            LightFilter::Green => !yellow && !red && row.status != "waiting",
        }
}

/// By id, with any of the filters, whatever the number of units.
pub async fn cases_of_a_suite_are_found_among_many_units<S: Store>(store: S) {
    for (id, suite, workflow, unit) in
        [("a", "s", "w", "u1"), ("b", "s", "v", "u2"), ("c", "r", "w", "u3"), ("d", "s", "w", "u9")]
    {
        let mut begun = commit(id, 0);
        for (field, value) in [
            (&mut begun.case.suite, suite),
            (&mut begun.case.workflow, workflow),
            (&mut begun.case.unit, unit),
        ] {
            value.clone_into(field);
        }
        write(&store, begun).await;
    }
    let many: Vec<String> = (0..1_000).filter(|n| *n != 2).map(|n| format!("u{n}")).collect();
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (suite, workflow, units, expected) in [
        ("", "", vec![], vec!["a", "b", "c", "d"]),
        ("s", "", vec![], vec!["a", "b", "d"]),
        ("s", "w", vec![], vec!["a", "d"]),
        ("s", "", many.clone(), vec!["a", "d"]),
        ("", "w", many, vec!["a", "c", "d"]),
        ("s", "w", vec!["u9".to_owned()], vec!["d"]),
        ("none", "", vec![], vec![]),
    ] {
        let filter = CaseFilter {
            suite: some(suite),
            workflow: some(workflow),
            units,
            ..CaseFilter::default()
        };
        let found = all(async |after| store.cases(&filter, &page(after, 1)).await).await;
        let found: Vec<String> = found.into_iter().map(|case| case.id).collect();
        assert_eq!(found, expected, "{suite} {workflow}");
    }
}

/// The latest of them, oldest first; those about other items are left out.
pub async fn events_about_an_item_are_found_from_the_end<S: Store>(store: S) {
    for (version, about) in [Some("x"), Some("y"), None, Some("x"), Some("x")].iter().enumerate() {
        let mut next = commit("a", u64::try_from(version).unwrap());
        next.events[0].item = about.map(str::to_owned);
        write(&store, next).await;
    }
    let about = async |item: &str, limit| -> Vec<u64> {
        let rows = store.events_about("a", item, limit).await.unwrap();
        rows.into_iter().map(|row| row.seq).collect()
    };
    assert_eq!(about("x", 9).await, [1, 4, 5]);
    assert_eq!(about("x", 2).await, [4, 5]);
    assert_eq!(about("z", 9).await, [0; 0]);
    assert!(store.events_about("unknown", "x", 9).await.unwrap().is_empty());
}

/// By case and position, whichever of its filters is set, among few that wait and among many.
pub async fn every_filter_of_deliveries_means_what_it_says<S: Store>(store: S) {
    let mut expected = Vec::new();
    for (case, kind, count) in [("b", "slip", 3), ("a", "notice", 3), ("c", "slip", 2_500)] {
        let mut sent: Vec<_> = (1..=count).map(|seq| outgoing(case, seq, 1)).collect();
        sent.iter_mut().for_each(|one| kind.clone_into(&mut one.kind));
        write(&store, Commit { outgoing: sent, ..commit(case, 0) }).await;
        let arrived: Vec<_> = (1..=count).filter(|seq| seq % 2 == 0).collect();
        let ids = arrived.iter().map(|seq| (case.to_owned(), *seq)).collect();
        store.delivered(ids, 2).await.unwrap();
        store.noted(vec![failed(case, NotedState::Dead, "对端拒绝")]).await.unwrap();
        for seq in 1..=count {
            let state = match seq {
                1 => DeliveryState::Dead,
                seq if arrived.contains(&seq) => DeliveryState::Delivered,
                _ => DeliveryState::Pending,
            };
            expected.push((case.to_owned(), seq, kind, state));
        }
        expected.sort();
        for state in [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead] {
            for (case, kind) in [(None, None), (Some("a"), None), (None, Some("slip"))] {
                let filter = DeliveryFilter {
                    case: case.map(str::to_owned),
                    kind: kind.map(str::to_owned),
                    state: Some(state),
                    ..DeliveryFilter::default()
                };
                let rows = all(async |after| store.deliveries(&filter, &page(after, 400)).await);
                let rows = rows.await.into_iter().map(|row| (row.outgoing.case, row.outgoing.seq));
                let wanted = expected.iter().filter(|(of, _, sort, is)| {
                    case.is_none_or(|case| of == case)
                        && kind.is_none_or(|kind| *sort == kind)
                        && *is == state
                });
                let wanted: Vec<_> = wanted.map(|(of, seq, ..)| (of.clone(), *seq)).collect();
                assert_eq!(rows.collect::<Vec<_>>(), wanted, "{filter:?}");
            }
        }
    }
}

/// What needs attention is found among what does not, by due date, by kind and by unit, and
/// counted; it is forgotten with its end, and with rows that are made again.
pub async fn rule_26_what_needs_attention_is_listed_and_counted<S: Store>(store: S) {
    let needing = |key: &str, due, unit: &str, kinds: Option<&str>| {
        let mut row = item("a", key, due);
        (row.unit, row.attention) = (unit.to_owned(), kinds.map(str::to_owned));
        row
    };
    let rows = vec![
        needing("v", None, "u1", Some("owner_vacant")),
        needing("w", Some(90), "u2", Some("owner_vacant unit_gone")),
        needing("x", Some(50), "u1", Some("reviewer_vacant")),
        needing("y", Some(10), "u1", None),
    ];
    let begun = commit("a", 0);
    let case = begun.case.clone();
    write(&store, Commit { items: rows.clone(), ..begun }).await;
    let keys = async |filter: ItemFilter| -> Vec<String> {
        let part = async |after| store.items(&filter, &page(after, 1)).await;
        all(part).await.into_iter().map(|row| row.key).collect()
    };
    let any = || ItemFilter { attention: Some(AttentionFilter::Any), ..ItemFilter::default() };
    let of = |kind: &str| ItemFilter {
        attention: Some(AttentionFilter::Kind(kind.to_owned())),
        ..ItemFilter::default()
    };
    assert_eq!(keys(any()).await, ["x", "w", "v"]);
    assert_eq!(keys(of("owner_vacant")).await, ["w", "v"]);
    assert_eq!(keys(of("vacant")).await, Vec::<String>::new(), "whole words alone");
    assert_eq!(keys(ItemFilter { units: vec!["u1".to_owned()], ..any() }).await, ["x", "v"]);
    assert_eq!(keys(ItemFilter { case: Some("a".to_owned()), ..any() }).await, ["x", "w", "v"]);
    assert_eq!(store.item("a", "w").await.unwrap().unwrap(), rows[1]);
    let counted = async || -> Vec<(String, String, u64)> {
        let counts = store.attention().await.unwrap().into_iter();
        counts.map(|one| (one.kind, one.unit, one.items)).collect()
    };
    let count = |kind: &str, unit: &str| (kind.to_owned(), unit.to_owned(), 1);
    assert_eq!(
        counted().await,
        [
            count("owner_vacant", "u1"),
            count("owner_vacant", "u2"),
            count("reviewer_vacant", "u1"),
            count("unit_gone", "u2"),
        ]
    );
    let over = vec![needing("w", Some(90), "u2", None), needing("x", Some(50), "u1", None)];
    write(&store, Commit { items: over, ..commit("a", 1) }).await;
    assert_eq!(keys(any()).await, ["v"]);
    let again = vec![needing("x", Some(50), "u1", Some("need_missing"))];
    store.replace_rows(duban_core::CaseRow { version: 2, ..case }, again).await.unwrap();
    assert_eq!(counted().await, [count("need_missing", "u1")]);
}

/// What a case needs attention for that no item of it shows.
pub async fn rule_26_cases_that_need_attention_themselves_are_listed_and_counted<S: Store>(
    store: S,
) {
    let needing = |id: &str, expected, unit: &str, kinds: Option<&str>| {
        let mut commit = commit(id, expected);
        commit.case.unit = unit.to_owned();
        commit.case.attention = kinds.map(str::to_owned);
        commit
    };
    write(&store, needing("a", 0, "u1", Some("items_came"))).await;
    write(&store, needing("b", 0, "u2", None)).await;
    write(&store, needing("c", 0, "u2", Some("items_gone list_empty"))).await;
    let ids = async |filter: CaseFilter| -> Vec<String> {
        let part = async |after| store.cases(&filter, &page(after, 1)).await;
        all(part).await.into_iter().map(|row| row.id).collect()
    };
    let any = || CaseFilter { attention: Some(AttentionFilter::Any), ..CaseFilter::default() };
    let of = |kind: &str| CaseFilter {
        attention: Some(AttentionFilter::Kind(kind.to_owned())),
        ..CaseFilter::default()
    };
    assert_eq!(ids(any()).await, ["a", "c"]);
    assert_eq!(ids(of("list_empty")).await, ["c"]);
    assert_eq!(ids(of("items")).await, Vec::<String>::new(), "whole words alone");
    assert_eq!(ids(CaseFilter { units: vec!["u2".to_owned()], ..any() }).await, ["c"]);
    let kept = store.case("c").await.unwrap().unwrap();
    assert_eq!(kept.attention.as_deref(), Some("items_gone list_empty"));
    let counts = async || -> Vec<(String, String, u64, u64)> {
        let counts = store.attention().await.unwrap().into_iter();
        counts.map(|one| (one.kind, one.unit, one.items, one.cases)).collect()
    };
    let count = |kind: &str, unit: &str| (kind.to_owned(), unit.to_owned(), 0, 1);
    assert_eq!(
        counts().await,
        [count("items_came", "u1"), count("items_gone", "u2"), count("list_empty", "u2")]
    );
    write(&store, needing("a", 1, "u1", None)).await;
    write(&store, needing("b", 1, "u2", Some("expression_failed"))).await;
    assert_eq!(ids(any()).await, ["b", "c"]);
}
