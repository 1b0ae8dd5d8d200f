//! Messages between cases: watches, answers, sub-cases, in any order of opening.

use crate::support::{Office, accept, spec, submit};

async fn finish_a(office: &Office, case: &duban_core::CaseId) {
    office.act(case, "o-0", submit("a")).await.unwrap();
    office.act(case, "s-0", accept("a")).await.unwrap();
    office.engine.settled().await.unwrap();
}

#[tokio::test]
async fn a_need_is_answered_when_the_other_case_is_done() {
    let office = Office::new(1).await;
    let one = office.open("one", 0).await;
    let after = office.open("after", 0).await;
    office.engine.settled().await.unwrap();
    assert_eq!(office.status(&after, "x").await, "waiting");
    finish_a(&office, &one).await;
    assert_eq!(office.status(&after, "x").await, "ready");
    assert_eq!(office.count(&after, "need_answered").await, 1);
}

#[tokio::test]
async fn a_need_waits_for_a_case_that_is_opened_later() {
    let office = Office::new(1).await;
    let after = office.open("after", 0).await;
    office.engine.settled().await.unwrap();
    let one = office.open("one", 0).await;
    office.engine.settled().await.unwrap();
    assert_eq!(office.count(&one, "watched").await, 1);
    finish_a(&office, &one).await;
    assert_eq!(office.status(&after, "x").await, "ready");
}

#[tokio::test]
async fn a_need_waits_through_a_restart() {
    let office = Office::new(1).await;
    let after = office.open("after", 0).await;
    office.engine.settled().await.unwrap();
    let office = office.restart().await;
    let one = office.open("one", 0).await;
    office.engine.settled().await.unwrap();
    // The shortcut is gone with the old process; the back-off brings the watch again.
    office.advance(office.engine.now().plus_millis(3_600_000)).await;
    finish_a(&office, &one).await;
    assert_eq!(office.status(&after, "x").await, "ready");
}

/// Sub-cases of the workflow `child` with their statuses.
async fn children(office: &Office) -> Vec<String> {
    let filter =
        duban_store::CaseFilter { workflow: Some("child".to_owned()), ..Default::default() };
    let page = office.engine.cases(filter, duban_store::PageRequest::first(10)).await.unwrap();
    let mut statuses: Vec<String> = page.rows.iter().map(|row| row.status.clone()).collect();
    statuses.sort();
    statuses
}

#[tokio::test]
async fn rule_34_a_cancelled_case_cancels_its_sub_cases() {
    let office = Office::new(1).await;
    let parent = office.open("parent", 0).await;
    office.engine.settled().await.unwrap();
    assert_eq!(children(&office).await, ["open"]);
    let cancel = duban_core::Act::Cancel { item: None, reason: "不办了".to_owned() };
    office.act(&parent, "s1", cancel).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(children(&office).await, ["cancelled"]);
}

#[tokio::test]
async fn a_task_is_done_when_its_sub_case_is() {
    let office = Office::new(1).await;
    let parent = office.open("parent", 0).await;
    office.engine.settled().await.unwrap();
    let mut name = spec("child", 0).name();
    name.parent = Some((parent.clone(), "sub".into()));
    let page = office
        .engine
        .cases(
            duban_store::CaseFilter { workflow: Some("child".to_owned()), ..Default::default() },
            duban_store::PageRequest::first(10),
        )
        .await
        .unwrap();
    assert_eq!(page.rows.len(), 1);
    let child = duban_core::CaseId::new(&page.rows[0].id);
    office.act(&child, "o-0", submit("c")).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(office.status(&parent, "sub").await, "done");
    let head = office.engine.case(&child).await.unwrap().head().clone();
    assert_eq!(head.name.parent, name.parent);
}
