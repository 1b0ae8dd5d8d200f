//! Rule 38 where messages are routed: how deep and how many cases open by themselves.

use duban_core::{CaseHead, CaseRow};
use duban_engine::EngineLimits;
use duban_store::{CaseFilter, DeliveryFilter, DeliveryState, PageRequest};

use crate::support::{Office, at, start, suite_with};

/// One task whose readiness calls a function.
fn on_ready(function: &str) -> String {
    format!(
        "
id: one
title: 自立项
lead: org(\"督查室\")
open: {{ by: org(\"督查室\"), form: {{}} }}
tasks:
  a: {{ title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none, hooks: {{ ready: {function} }} }}
"
    )
}

async fn opened(office: &Office, workflow: &str) -> Vec<CaseRow> {
    let filter = CaseFilter { workflow: Some(workflow.to_owned()), ..CaseFilter::default() };
    office.engine.cases(filter, PageRequest::first(500)).await.unwrap().rows
}

async fn dead(office: &Office) -> Vec<String> {
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    let rows = office.engine.deliveries(filter, PageRequest::first(500)).await.unwrap().rows;
    rows.into_iter().filter_map(|row| row.error).collect()
}

fn told(office: &Office, what: &str) -> usize {
    office.postbox.texts().iter().filter(|text| text.contains(what)).count()
}

#[tokio::test]
async fn a_workflow_that_opens_itself_comes_to_an_end() {
    let office = Office::new(1).await;
    office.engine.publish(&suite_with(1, &on_ready("again"))).await.unwrap();
    let spec = duban_engine::OpenSpec::new("s", "one", "D0");
    office.engine.open(spec, crate::support::operator(), None).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(opened(&office, "one").await.len(), 1 + 8);
    let dead = dead(&office).await;
    assert!(matches!(dead.as_slice(), [why] if why.contains("opened_depth_max")), "{dead:?}");
    assert_eq!(told(&office, "opened_depth_max"), 1);
    // Neither time nor a restart opens any more.
    office.advance(at("2022-01-20", 9)).await;
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    assert_eq!(opened(&office, "one").await.len(), 1 + 8);
}

#[tokio::test]
async fn what_is_too_much_for_a_day_opens_on_the_next_in_order() {
    let limits = EngineLimits { opened_per_day_max: 3, ..EngineLimits::default() };
    let office = Office::with(2, limits.clone()).await;
    office.engine.publish(&suite_with(2, &on_ready("eight"))).await.unwrap();
    for district in ["D0", "D1"] {
        let spec = duban_engine::OpenSpec::new("s", "one", district);
        office.engine.open(spec, crate::support::operator(), None).await.unwrap();
    }
    office.engine.settled().await.unwrap();
    // Each unit has its own three.
    assert_eq!(opened(&office, "child").await.len(), 6);
    assert_eq!(told(&office, "opened_per_day_max"), 2, "once for each unit");
    // A restart does not begin the day anew.
    let Office { engine, clock, postbox, path, _folder } = office;
    engine.shutdown().await.unwrap();
    drop(engine);
    let engine = start(&path, &clock, &postbox, limits).await;
    let office = Office { engine, clock, postbox, path, _folder };
    office.advance(at("2022-01-01", 23)).await;
    assert_eq!(opened(&office, "child").await.len(), 6);
    office.advance(at("2022-01-02", 1)).await;
    assert_eq!(opened(&office, "child").await.len(), 12);
    office.advance(at("2022-01-03", 1)).await;
    let mut all = opened(&office, "child").await;
    assert_eq!(all.len(), 16);
    // In the order in which they were asked for.
    all.retain(|row| row.unit == "D0");
    all.sort_by_key(|row| row.opened_at);
    let ordinals: Vec<u32> = all
        .iter()
        .map(|row| serde_json::from_str::<CaseHead>(&row.data).unwrap().name.ordinal)
        .collect();
    let days: Vec<&[u32]> = ordinals.chunks(3).collect();
    assert!(days.is_sorted_by_key(|day| day.iter().copied().max()), "{ordinals:?}");
    assert!(days.windows(2).all(|two| two[0].iter().max() < two[1].iter().min()), "{ordinals:?}");
}

#[tokio::test]
async fn a_message_that_is_beyond_the_budget_is_answered_to_its_sender() {
    let limits = EngineLimits { decision_operations_max: 20_000, ..EngineLimits::default() };
    let office = Office::new(2).await;
    office.engine.publish(&suite_with(2, &on_ready("heavy"))).await.unwrap();
    let spec = duban_engine::OpenSpec::new("s", "one", "D0");
    office.engine.shutdown().await.unwrap();
    let engine = start(&office.path, &office.clock, &office.postbox, limits).await;
    let office = Office { engine, ..office };
    office.engine.open(spec, crate::support::operator(), None).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(opened(&office, "one").await.len(), 1);
    let dead = dead(&office).await;
    assert!(
        matches!(dead.as_slice(), [why] if why.contains("decision_operations_max")),
        "{dead:?}"
    );
    assert_eq!(told(&office, "未被受理"), 1);
}
