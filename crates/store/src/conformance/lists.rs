//! Listings of items and cases: every filter, beside a plain look at all rows.

use duban_core::ItemRow;

use super::{all, commit, item, page, write};
use crate::{CaseFilter, ItemFilter, LightFilter, Store};

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
