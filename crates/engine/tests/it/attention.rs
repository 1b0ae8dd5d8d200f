//! Rule 26 beside the cases: who is told of what nobody can move on, and how often.

use duban_calendar::date_of;
use duban_core::{Act, CaseId, ItemKey};
use duban_model::{Directory, StandIn};
use duban_store::{AttentionFilter, DeliveryFilter, ItemFilter, PageRequest};

use crate::support::*;

/// Day, addressees and text of every message about attention, in the order of their ids.
async fn told(office: &Office) -> Vec<(String, Vec<String>, String)> {
    let filter = DeliveryFilter { kind: Some("attention".to_owned()), ..Default::default() };
    let page = office.engine.deliveries(filter, PageRequest::first(500)).await.unwrap();
    let taken = page.rows.into_iter().map(|row| row.outgoing);
    taken
        .map(|outgoing| {
            let duban_core::Body::People(sent) = outgoing.body else { panic!("for people") };
            let day = date_of(duban_calendar::Instant::from_millis(outgoing.at), TZ).to_string();
            let people = sent.people.iter().map(ToString::to_string).collect();
            (day, people, sent.text)
        })
        .collect()
}

fn days(told: &[(String, Vec<String>, String)], person: &str) -> Vec<String> {
    let own = told.iter().filter(|(_, people, _)| people.iter().any(|one| one == person));
    own.map(|(day, _, _)| day.clone()).collect()
}

/// The directory in which nobody holds these posts.
fn without(office: &Office, posts: &[(&str, &str)]) -> Directory {
    let mut data = office.engine.directory().data().clone();
    for post in &mut data.posts {
        if posts.contains(&(post.unit.as_str(), post.name.as_str())) {
            post.holders.clear();
        }
    }
    Directory::new(data).unwrap()
}

async fn change(office: &Office, directory: Directory) {
    office.engine.set_directory(directory).await.unwrap().finished().await.unwrap();
    office.engine.settled().await.unwrap();
}

async fn needing(office: &Office) -> Vec<String> {
    let filter = ItemFilter { attention: Some(AttentionFilter::Any), ..ItemFilter::default() };
    let rows = office.engine.tasks(filter, PageRequest::first(500)).await.unwrap().rows;
    rows.into_iter()
        .map(|row| format!("{} {}", row.key, row.attention.unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn rule_26_s55_a_vacant_post_is_told_once_a_day_grouped_and_again_after_five_working_days() {
    let office = Office::new(3).await;
    let full = Directory::clone(&office.engine.directory());
    for workflow in ["one", "broken", "child"] {
        office.open(workflow, 0).await;
    }
    office.open("one", 1).await;
    office.advance(at("2022-01-04", 10)).await;
    change(&office, without(&office, &[("D0", "组织部长"), ("D1", "组织部长"), ("D1", "书记")]))
        .await;
    assert_eq!(needing(&office).await.len(), 4);
    let alarms = DeliveryFilter { kind: Some("alarm".to_owned()), ..Default::default() };
    let alarms = office.engine.deliveries(alarms, PageRequest::first(9)).await.unwrap().rows;
    assert_eq!(alarms, [], "no case alarms anybody by itself");
    office.advance(at("2022-01-05", 9)).await;
    let first = told(&office).await;
    assert_eq!(days(&first, "s-0"), ["2022-01-05"], "one message for three cases");
    let text = &first.iter().find(|(_, people, _)| people.contains(&"s-0".to_owned())).unwrap().2;
    assert!(text.contains("承办岗位无人在岗（区0 组织部长，自2022年1月4日起）3项"), "{text}");
    assert!(text.contains("处理办法：在通讯录中补上任职人员"), "{text}");
    assert_eq!(days(&first, "s1"), ["2022-01-05"], "above is the head of the whole: the office");
    // A restart on the same day sends nothing again, nor does the next day.
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    office.advance(at("2022-01-11", 9)).await;
    assert_eq!(told(&office).await.len(), 2);
    office.advance(at("2022-01-12", 9)).await;
    let again = told(&office).await;
    assert_eq!(days(&again, "s-0"), ["2022-01-05", "2022-01-12"], "as long as it lasts");
    assert!(again.iter().any(|(day, _, text)| day == "2022-01-12" && text.starts_with("仍有")));
    change(&office, full).await;
    assert_eq!(needing(&office).await, Vec::<String>::new());
    office.advance(at("2022-01-30", 9)).await;
    assert_eq!(told(&office).await.len(), 4, "nothing once it is mended");
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn rule_36_what_lists_would_add_is_told_once_and_again_after_five_working_days() {
    let office = Office::new(2).await;
    office.engine.publish(&suite_with(2, crate::units::LISTED)).await.unwrap();
    let cases = [office.open("one", 0).await, office.open("one", 1).await];
    office.advance(at("2022-03-03", 10)).await;
    let changed = crate::units::changed(&office, crate::units::founded);
    change(&office, changed).await;
    office.advance(at("2022-03-04", 8)).await;
    assert_eq!(told(&office).await, [], "not before the morning");
    office.advance(at("2022-03-04", 9)).await;
    let first = told(&office).await;
    assert_eq!(days(&first, "s1"), ["2022-03-04"], "one message for both cases");
    let text = &first[0].2;
    let says = "有2件事项的名单需要处理。通讯录变动，名单应增列（落实，自2022年3月3日起）2件：";
    assert!(text.starts_with(says), "{text}");
    assert!(text.contains("一件事：落实（新区）"), "{text}");
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    office.advance(at("2022-03-10", 9)).await;
    assert_eq!(told(&office).await.len(), 1);
    let add =
        Act::AddItem { task: "st".into(), which: "D9".to_owned(), reason: "新设".to_owned() };
    office.engine.act(&cases[0], duban_core::Actor::person("s1"), add, None).await.unwrap();
    office.advance(at("2022-03-11", 9)).await;
    let again = told(&office).await;
    assert_eq!(days(&again, "s1"), ["2022-03-04", "2022-03-11"]);
    assert!(again[1].2.starts_with("仍有1件事项的名单需要处理。"), "{}", again[1].2);
    let counts = office.engine.attention().await.unwrap();
    let counts: Vec<_> =
        counts.iter().map(|one| (one.kind.as_str(), one.items, one.cases)).collect();
    assert_eq!(counts, [("items_came", 0, 1)]);
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn rule_26_a_message_that_was_queued_before_a_crash_is_not_queued_twice() {
    let office = Office::new(1).await;
    office.open("one", 0).await;
    office.advance(at("2022-01-04", 10)).await;
    change(&office, without(&office, &[("D0", "组织部长")])).await;
    let before = duban_store::Store::document(office.engine.store(), "attention").await.unwrap();
    office.advance(at("2022-01-05", 9)).await;
    assert_eq!(told(&office).await.len(), 1);
    // The process ended between the message and the note that the day is done.
    let store = office.engine.store().clone();
    duban_store::Store::put_document(&store, "attention", &before.unwrap(), 0).await.unwrap();
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    assert_eq!(told(&office).await.len(), 1);
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn rule_26_s58_an_absence_that_time_ends_reaches_the_cases_that_wait_on_it() {
    let office = Office::new(2).await;
    let case = office.open("one", 0).await;
    let other = office.open("one", 1).await;
    let mut data = office.engine.directory().data().clone();
    data.stand_ins.push(StandIn {
        absent: "o-0".into(),
        by: "gone".into(),
        from: "2022-01-04".parse().unwrap(),
        until: "2022-01-20".parse().unwrap(),
        set: None,
        ended: None,
    });
    change(&office, Directory::new(data).unwrap()).await;
    let version = async |case: &CaseId| office.engine.case(case).await.unwrap().head().version;
    let before = version(&other).await;
    for day in ["2022-01-05", "2022-01-07", "2022-01-10"] {
        office.advance(at(day, 9)).await;
    }
    assert_eq!(needing(&office).await, Vec::<String>::new(), "the fifth working day");
    office.advance(at("2022-01-11", 9)).await;
    assert_eq!(needing(&office).await, ["a owner_vacant"]);
    assert_eq!(days(&told(&office).await, "s-0"), ["2022-01-11"]);
    office.advance(at("2022-01-21", 9)).await;
    assert_eq!(needing(&office).await, Vec::<String>::new(), "back again");
    assert_eq!(version(&other).await, before, "who is not concerned is not asked");
    let kinds = office.kinds(&case).await;
    assert!(kinds.contains(&"attention_needed") && kinds.contains(&"attention_ended"));
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn rule_26_a_case_that_waits_for_a_cancelled_one_is_told_through_the_outbox() {
    let office = Office::new(1).await;
    let waiting = office.open("after", 0).await;
    office.engine.settled().await.unwrap();
    office.advance(at("2022-01-14", 9)).await;
    assert_eq!(needing(&office).await, Vec::<String>::new());
    office.advance(at("2022-01-18", 9)).await;
    assert_eq!(needing(&office).await, ["x need_missing"], "ten working days without the case");
    let one = office.open("one", 0).await;
    office.engine.settled().await.unwrap();
    assert_eq!(needing(&office).await, Vec::<String>::new(), "it is there now");
    let cancel = Act::Cancel { item: None, reason: "停止".to_owned() };
    office.act(&one, "s1", cancel).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(needing(&office).await, ["x need_cancelled"]);
    let case = office.engine.case(&waiting).await.unwrap();
    assert_eq!(case.item(&ItemKey::new("x")).unwrap().attention[0].about, "one/a");
    office.engine.shutdown().await.unwrap();
}

/// Two sub-cases of one workflow for one unit.
const SUB_CASES: &str = "
id: one
title: 大事
lead: org(\"督查室\")
open: { by: org(\"督查室\"), form: {} }
tasks:
  a: { title: 甲, each: { n: '[\"一\", \"二\"]' }, workflow: child }
";

#[tokio::test]
async fn rule_26_what_a_bound_holds_back_needs_attention_until_it_is_opened() {
    let limits = duban_engine::EngineLimits { opened_per_day_max: 1, ..Default::default() };
    let office = Office::with(1, limits).await;
    office.engine.publish(&suite_with(1, SUB_CASES)).await.unwrap();
    let spec = duban_engine::OpenSpec::new("s", "one", "D0");
    office.engine.open(spec, operator(), None).await.unwrap();
    office.engine.settled().await.unwrap();
    assert_eq!(needing(&office).await, ["a/二 held_back"]);
    office.advance(at("2022-01-02", 1)).await;
    assert_eq!(needing(&office).await, Vec::<String>::new(), "opened on the next day");
    office.engine.shutdown().await.unwrap();
}
