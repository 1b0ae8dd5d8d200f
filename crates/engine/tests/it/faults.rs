//! What goes wrong inside: panics, failing scripts, missing definitions, broken rows.

use duban_core::{CaseRow, ItemKey, ItemRow, Refusal};
use duban_engine::EngineError;
use duban_store::Store;

use crate::support::{Office, at, operator, report, sign};

/// Puts a waiting item's next look into the past, under a task that there is not: a moment that
/// leaves no event, which the core takes for its own bug and panics.
async fn poison(office: &Office, case: &duban_core::CaseId) {
    let case = office.engine.case(case).await.unwrap();
    let definition = office.engine.definition(&case.head().definition).await.unwrap();
    let items: Vec<ItemRow> = case
        .items()
        .map(|item| {
            let mut item = duban_core::Item::clone(item);
            if item.key == ItemKey::new("b") {
                item.held_until = Some(at("2022-02-01", 0));
                item.task = "gone".into();
            }
            ItemRow::of(&case.id(), &item, &definition)
        })
        .collect();
    let mut row = CaseRow::of(&case);
    row.next_wakeup = Some(at("2022-02-01", 0).millis());
    office.engine.store().replace_rows(row, items).await.unwrap();
}

#[tokio::test]
async fn a_panic_marks_its_case_and_leaves_the_others_alone() {
    let office = Office::new(2).await;
    let (bad, good) = (office.open("one", 0).await, office.open("one", 1).await);
    poison(&office, &bad).await;
    let office = office.restart().await;
    office.sleep_until(at("2022-05-01", 0)).await;
    let head = office.engine.case(&bad).await.unwrap().head().clone();
    assert!(head.faulted.is_some_and(|error| error.contains("moment")), "{:?}", head.status);
    assert_eq!(office.engine.stats().faulted, 1);
    assert_eq!(office.count(&good, "rung_fired").await, 1);
    office.act(&good, "o-1", sign("a")).await.unwrap();
    let refused = office.act(&bad, "o-0", sign("a")).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::Faulted { .. }))), "{refused:?}");
    // The administrator is told.
    assert!(office.postbox.texts().iter().any(|text| text.contains("异常")));
    // Made again from its events, which are whole, and repaired, it goes on.
    office.engine.rebuild(&bad).await.unwrap();
    office.engine.repair(&bad, operator(), "已重建", None).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&bad, "rung_fired").await, 1);
}

#[tokio::test]
async fn a_panic_in_a_command_is_told_to_its_caller() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    poison(&office, &case).await;
    let office = office.restart().await;
    office.clock.set(at("2022-02-02", 0));
    // The wake loop may have found it first; then the case refuses.
    let answer = office.act(&case, "o-0", report("a", "甲")).await;
    let is_told = matches!(
        answer,
        Err(EngineError::Faulted { .. } | EngineError::Refused(Refusal::Faulted { .. }))
    );
    assert!(is_told, "{answer:?}");
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&case, "faulted").await, 1);
}

#[tokio::test]
async fn a_script_that_fails_is_replaced_and_counted() {
    let office = Office::new(1).await;
    let case = office.open("broken", 0).await;
    office.advance(at("2022-04-02", 0)).await;
    assert_eq!(office.count(&case, "script_failed").await, 1);
    assert_eq!(office.engine.stats().script_failures, 1);
    assert_eq!(office.count(&case, "faulted").await, 0);
}

#[tokio::test]
async fn a_case_whose_definition_is_gone_is_left_alone_and_holds_nobody_up() {
    let office = Office::new(2).await;
    let (bad, good) = (office.open("one", 0).await, office.open("one", 1).await);
    let case = office.engine.case(&bad).await.unwrap();
    let definition = office.engine.definition(&case.head().definition).await.unwrap();
    let mut head = case.head().clone();
    head.definition = "0".repeat(64).as_str().into();
    let mut row = CaseRow::of(&case);
    row.data = serde_json::to_string(&head).unwrap();
    row.definition = head.definition.to_string();
    let items = case.items().map(|item| ItemRow::of(&bad, item, &definition)).collect();
    office.engine.store().replace_rows(row, items).await.unwrap();
    let office = office.restart().await;
    let answer = office.act(&bad, "o-0", sign("a")).await;
    assert!(matches!(answer, Err(EngineError::NoDefinition(_))), "{answer:?}");
    office.advance(at("2022-05-01", 0)).await;
    assert_eq!(office.count(&good, "rung_fired").await, 1);
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_named_and_can_be_made_again() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let state = office.engine.case(&case).await.unwrap();
    let mut row = CaseRow::of(&state);
    row.data = "{".to_owned();
    office.engine.store().replace_rows(row, Vec::new()).await.unwrap();
    let office = office.restart().await;
    let answer = office.engine.case(&case).await;
    assert!(matches!(answer, Err(EngineError::Unreadable(_))), "{answer:?}");
    office.engine.rebuild(&case).await.unwrap();
    assert_eq!(office.engine.case(&case).await.unwrap(), state);
}
