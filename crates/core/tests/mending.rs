//! Rule 27: what failed can be mended. Dates of 2022 with its off days.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, Actor, DueReason, EntryState, Fact, ItemKey, Light, Notification, Operation, Refusal,
    Status, available_moves, light,
};
use duban_model::{Directory, Unit};
use serde_json::{Map, json};
use support::*;

/// One task of the district's 组织部长 (d2), reviewed by its superior; `more` are further keys.
fn one(more: &str) -> String {
    format!(
        "tasks:\n  a:\n    title: 甲\n    owner: unit.post(\"组织部长\")\n    \
         reviewer: 'org(\"组织部\").post(\"部长\")'\n{more}"
    )
}

/// A date that nothing can work out until the directory has a unit of that name.
const DUE: &str = "    due: 'if org(\"新局\").name == \"新局\" { date(2022, 6, 30) } else { date(2022, 7, 1) }'\n";

fn set_due(key: &str, due: &str) -> Act {
    Act::SetDue { item: key.into(), due: end(due), reason: "按市委要求".to_owned() }
}

fn assign(key: &str, to: &str) -> Act {
    let to = to.parse().expect("an assignee");
    Act::Assign { item: key.into(), to, reason: "另行指派".to_owned() }
}

fn retry(key: Option<&str>) -> Act {
    Act::Retry { item: key.map(ItemKey::from), reason: Some("名录已补".to_owned()) }
}

/// Adds a unit to the directory, with a post that somebody holds.
fn found(office: &mut Office, id: &str, name: &str, level: &str, superior: &str, holder: &str) {
    let mut data = office.env.directory.data().clone();
    data.units.push(Unit {
        id: id.into(),
        name: name.to_owned(),
        level: level.to_owned(),
        superior: Some(superior.into()),
        tags: Vec::new(),
        since: None,
        predecessors: Vec::new(),
    });
    data.posts.push(duban_model::Post {
        unit: id.into(),
        name: "书记".to_owned(),
        holders: vec![holder.into()],
    });
    office.env.directory = Arc::new(Directory::new(data).expect("a directory"));
}

fn light_of(office: &Office, key: &str) -> Light {
    light(office.item(key), office.env.program.definition(), office.env.now)
}

fn keys_failed(office: &Office, key: &str) -> Vec<String> {
    office.item(key).failed.iter().map(|failed| failed.expression.key.as_str().to_owned()).collect()
}

#[test]
fn rule_27_an_item_whose_due_failed_is_never_green() {
    let mut office = Office::open(&one(DUE));
    assert_eq!((office.item("a").due(), keys_failed(&office, "a")), (None, vec!["due".to_owned()]));
    let failed = &office.item("a").failed[0];
    assert!(failed.error.contains("新局"), "{failed:?}");
    assert_eq!(failed.since, at("2022-01-01", 0));
    for day in ["2022-01-04", "2022-06-30", "2022-12-31"] {
        office.advance(at(day, 9));
        assert_eq!(light_of(&office, "a"), Light::Yellow, "{day}");
    }
    office.act("d2", submit("a")).unwrap();
    assert_eq!(light_of(&office, "a"), Light::Yellow);
    // Mended, it is green.
    office.act("s1", set_due("a", "2023-03-31")).unwrap();
    assert_eq!((office.item("a").failed.len(), light_of(&office, "a")), (0, Light::Green));
    office.assert_replays();
}

#[test]
fn rule_28_a_due_that_yields_no_date_at_all_has_failed() {
    let office = Office::open(&one("    due: 'if unit.level == \"city\" { date(2022, 6, 30) }'\n"));
    assert_eq!((office.item("a").due(), keys_failed(&office, "a")), (None, vec!["due".to_owned()]));
    assert_eq!(light_of(&office, "a"), Light::Yellow);
    assert_eq!(office.sent(Notification::Alarm).len(), 1);
}

#[test]
fn rule_27_set_due_gives_a_date_with_its_ladder_and_its_reason() {
    let mut office = Office::open(&one(DUE));
    office.advance(at("2022-03-01", 9));
    office.act("s1", set_due("a", "2022-03-31")).unwrap();
    let item = office.item("a");
    assert_eq!(item.due(), Some(end("2022-03-31")));
    assert_eq!(item.deadline().map(|one| &one.why), Some(&DueReason::Set("按市委要求".to_owned())));
    assert_eq!(item.deadline().and_then(|one| one.by.as_ref()).map(|by| by.as_str()), Some("s1"));
    office.advance(at("2022-04-20", 9));
    let days: Vec<String> = office.fired().into_iter().map(|(_, day)| day).collect();
    assert_eq!(days, ["2022-03-28", "2022-04-01", "2022-04-08"]);
    assert_eq!(office.count("overdue"), 1);
    office.assert_replays();
}

#[test]
fn rule_27_set_due_is_the_offices_with_a_reason_and_later_than_now() {
    let mut office = Office::open(&one("    due: 2022-06-30\n"));
    office.advance(at("2022-03-01", 9));
    let refused = office.act("d2", set_due("a", "2022-07-31"));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    for day in ["2022-02-28", "2021-12-31"] {
        let refused = office.act("s1", set_due("a", day));
        assert!(matches!(refused, Err(Refusal::OutOfRange { what: "due", .. })), "{refused:?}");
    }
    let unsaid = Act::SetDue { item: "a".into(), due: end("2022-07-31"), reason: " ".to_owned() };
    assert!(matches!(office.act("s1", unsaid), Err(Refusal::ReasonMissing("set_due"))));
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    let refused = office.act("s1", set_due("a", "2022-07-31"));
    assert!(matches!(refused, Err(Refusal::WrongStatus { .. })), "{refused:?}");
}

#[test]
fn rule_27_an_earlier_date_is_told_and_leaves_the_floor() {
    let mut office = Office::open(&one("    due: 2022-06-30\n"));
    office.advance(at("2022-03-01", 9));
    // Tuesday: three working days end on Friday.
    office.act("s1", set_due("a", "2022-03-02")).unwrap();
    assert_eq!(office.item("a").due(), Some(end("2022-03-04")));
    let told = office.sent(Notification::Tell);
    assert!(told.len() == 1 && told[0].contains("2022-03-04"), "{told:?}");
    // The floor lifts nothing above the date in force.
    office.act("s1", set_due("a", "2022-03-03")).unwrap();
    assert_eq!(office.item("a").due(), Some(end("2022-03-04")));
    office.assert_replays();
}

#[test]
fn rule_27_a_later_date_after_lateness_is_a_new_beginning() {
    let mut office = Office::open(&one("    due: 2022-03-31\n"));
    office.advance(at("2022-04-07", 9));
    assert_eq!((office.count("overdue"), light_of(&office, "a")), (1, Light::Red));
    office.act("s1", set_due("a", "2022-04-29")).unwrap();
    assert_eq!(light_of(&office, "a"), Light::Green);
    office.advance(at("2022-05-05", 9));
    assert_eq!(office.days_of("overdue"), ["2022-04-01", "2022-04-30"]);
    office.act("s1", set_due("a", "2022-05-31")).unwrap();
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.item("a").on_time, Some(true), "judged by the date that the office set");
    office.assert_replays();
}

#[test]
fn rule_27_a_date_set_while_the_clock_stands_is_that_date() {
    let mut office = Office::open(&one("    due: 2022-03-31\n"));
    office.advance(at("2022-03-21", 9));
    office.act("s1", suspend(Some("a"))).unwrap();
    office.act("s1", set_due("a", "2022-05-31")).unwrap();
    office.advance(at("2022-04-01", 9));
    office.act("s1", resume(Some("a"))).unwrap();
    assert_eq!(office.item("a").due(), Some(end("2022-05-31")));
    office.assert_replays();
}

#[test]
fn rule_27_a_waiting_item_takes_a_date_and_keeps_it() {
    let mut office = Office::open(&format!(
        "{}  b: {{ title: 乙, needs: [a], owner: unit.post(\"书记\"), reviewer: none, due: 2022-02-28 }}\n",
        one("    due: 2022-01-28\n")
    ));
    office.advance(at("2022-01-10", 9));
    office.act("s1", set_due("b", "2022-08-31")).unwrap();
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(
        (office.status("b"), office.item("b").due()),
        (Status::Ready, Some(end("2022-08-31")))
    );
    // Superseded and set again while it waits: the office's word stands.
    let reopen = Act::Reopen { item: "a".into(), reason: "回看".to_owned(), due: None };
    office.act("s1", reopen).unwrap();
    assert_eq!(office.status("b"), Status::Waiting);
    office.act("s1", set_due("b", "2022-02-25")).unwrap();
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.item("b").due(), Some(end("2022-02-25")));
    office.assert_replays();
}

#[test]
fn rule_27_a_duty_takes_no_date() {
    let mut office = Office::open(
        "period: year\ntasks:\n  a: { title: 例会, every: quarter, owner: unit.post(\"书记\"), reviewer: none, ladder: none }\n",
    );
    let refused = office.act("s1", set_due("a@2022-Q1", "2022-06-30"));
    assert!(matches!(refused, Err(Refusal::NotApplicable { act: "set_due", .. })), "{refused:?}");
}

#[test]
fn rule_27_assign_gives_an_item_to_an_owner_with_the_floor() {
    let mut office = Office::open(&one("    due: 2022-03-31\n    stall: workdays(10)\n"));
    office.advance(at("2022-03-31", 9));
    office.act("s1", assign("a", "post:D/书记")).unwrap();
    let item = office.item("a");
    assert_eq!(item.owner.as_ref().map(ToString::to_string).as_deref(), Some("post:D/书记"));
    assert_eq!(item.holder.as_ref().map(|one| one.as_str()), Some("d1"));
    // 2 April is worked in exchange, 3 to 5 April are off.
    assert_eq!(item.due(), Some(end("2022-04-06")));
    assert_eq!(office.count("overdue"), 0);
    office.advance(at("2022-04-06", 9));
    office.act("d1", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.item("a").on_time, Some(true));
    office.assert_replays();
}

#[test]
fn rule_27_assign_reaches_what_nobody_owns_and_strands_no_review() {
    let mut office = Office::open(&one("    due: 2022-03-31\n").replace("组织部长", "空岗"));
    assert_eq!(office.item("a").holder, None);
    let refused = office.act("s1", assign("a", "post:D/空岗"));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "vacant: {refused:?}");
    let refused = office.act("d1", assign("a", "post:D/书记"));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    office.act("s1", assign("a", "person:x2")).unwrap();
    office.act("x2", submit("a")).unwrap();
    // Under review it passes on too; the reviewer cannot become the owner.
    let refused = office.act("s1", assign("a", "post:B/部长"));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{refused:?}");
    office.act("s1", assign("a", "post:D/书记")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("b1", send_back("a")).unwrap();
    office.act("d1", report("a")).unwrap();
    office.assert_replays();
}

#[test]
fn rule_27_a_reopened_or_assigned_item_lacks_its_owner_no_more() {
    let owner = "'org(\"新局\").post(\"书记\")'";
    let workflow = one("    due: 2022-03-31\n").replace("unit.post(\"组织部长\")", owner);
    let mut office = Office::open(&workflow);
    assert_eq!(
        (office.item("a").owner.clone(), keys_failed(&office, "a")),
        (None, vec!["owner".to_owned()])
    );
    office.act("s1", assign("a", "person:d2")).unwrap();
    assert!(office.item("a").failed.is_empty());
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    let reopen = Act::Reopen { item: "a".into(), reason: "回看".to_owned(), due: None };
    office.act("s1", reopen).unwrap();
    assert_eq!(keys_failed(&office, "a"), ["owner"], "it fails again when it is evaluated again");
    office.assert_replays();
}

#[test]
fn rule_27_retry_evaluates_again_only_what_failed() {
    let more = format!(
        "{DUE}    stall: 'if org(\"新局\").name == \"新局\" {{ workdays(10) }} else {{ workdays(1) }}'\n"
    );
    let mut office = Office::open(
        &one(&more).replace("unit.post(\"组织部长\")", "'org(\"新局\").post(\"书记\")'"),
    );
    assert_eq!(keys_failed(&office, "a"), ["owner", "due", "stall"]);
    office.advance(at("2022-03-01", 9));
    office.act("s1", assign("a", "person:d2")).unwrap();
    // Still nothing to be had: the failures stand, with their beginning.
    office.act("s1", retry(Some("a"))).unwrap();
    assert_eq!(keys_failed(&office, "a"), ["due", "stall"]);
    assert_eq!(office.item("a").failed[0].since, at("2022-01-01", 0));
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    let facts = office.act("s1", retry(Some("a"))).unwrap();
    let item = office.item("a");
    assert!(item.failed.is_empty(), "{:?}", item.failed);
    assert_eq!(item.owner.as_ref().map(ToString::to_string).as_deref(), Some("person:d2"));
    assert_eq!(item.due(), Some(end("2022-06-30")));
    assert!(item.stall_at.is_some());
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Mended { what, .. } if what.len() == 2)));
    let refused = office.act("s1", retry(Some("a")));
    assert!(matches!(refused, Err(Refusal::NotApplicable { act: "retry", .. })), "{refused:?}");
    office.advance(at("2022-07-15", 9));
    assert_eq!(office.days_of("overdue"), ["2022-07-01"]);
    office.assert_replays();
}

#[test]
fn rule_27_a_date_that_is_found_late_leaves_the_floor() {
    let mut office = Office::open(&one(DUE));
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.advance(at("2022-07-15", 9));
    office.act("s1", retry(Some("a"))).unwrap();
    // Friday: three working days end on Wednesday.
    assert_eq!(office.item("a").due(), Some(end("2022-07-20")));
    assert_eq!(office.item("a").deadline().map(|one| &one.why), Some(&DueReason::AtLeast));
    assert_eq!(office.count("overdue"), 0);
}

#[test]
fn rule_27_owner_and_reviewer_are_tried_again() {
    let workflow = one("    due: 2022-06-30\n")
        .replace("unit.post(\"组织部长\")", "'org(\"新局\").post(\"书记\")'")
        .replace("org(\"组织部\").post(\"部长\")", "org(\"新局\").superior");
    let mut office = Office::open(&workflow);
    assert_eq!(keys_failed(&office, "a"), ["owner", "reviewer"]);
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.act("s1", retry(Some("a"))).unwrap();
    let item = office.item("a");
    assert!(item.failed.is_empty(), "{:?}", item.failed);
    assert_eq!(item.holder.as_ref().map(|one| one.as_str()), Some("b2"));
    assert_eq!(item.review.members.iter().map(ToString::to_string).collect::<Vec<_>>(), ["unit:C"]);
    office.act("b2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    office.assert_replays();
}

#[test]
fn rule_27_a_rung_that_failed_is_armed_alone() {
    let ladder = "
  odd:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: 'if org(\"新局\").name == \"新局\" { due + workdays(2) } else { due }', do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
";
    let workflow = one("    due: 2022-03-31\n    ladder: odd\n");
    let mut office = Office::open_with(&workflow, "", ladder);
    let failed = &office.item("a").failed;
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].expression.key.as_str(), failed[0].expression.rung), ("ladder", Some(1)));
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.advance(at("2022-03-30", 9));
    office.act("s1", retry(Some("a"))).unwrap();
    assert!(office.item("a").failed.is_empty());
    office.advance(at("2022-04-20", 9));
    let fired = office.fired();
    let places: Vec<u16> = fired.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 1, 2], "{fired:?}");
    office.assert_replays();
}

#[test]
fn rule_27_a_submission_whose_counts_fails_is_not_counted_and_can_be_mended() {
    let duty = "
period: year
tasks:
  q:
    title: 例会
    every: quarter
    owner: unit.post(\"组织部长\")
    reviewer: 'org(\"组织部\").post(\"部长\")'
    counts: 'org(\"新局\").name == \"新局\"'
    form: { held: { type: text } }
    ladder: none
";
    let mut office = Office::open(duty);
    office.advance(at("2022-03-01", 9));
    let facts = office.act("d2", submit_with("q@2022-Q1", &json!({ "held": "开过" }))).unwrap();
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Submitted { counts: false, .. })));
    assert!(facts.iter().any(|fact| matches!(fact, Fact::ScriptFailed { .. })));
    let told = office.sent(Notification::Tell);
    assert!(told.len() == 1 && told[0].contains("暂不计入"), "{told:?}");
    assert_eq!(keys_failed(&office, "q@2022-Q1"), ["counts"]);
    office.act("b1", accept("q@2022-Q1")).unwrap();
    assert_eq!(office.status("q@2022-Q1"), Status::Active, "accepted, and not counted");
    office.advance(at("2022-04-01", 9));
    assert_eq!(office.item("q@2022-Q1").window_met, Some(false));
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.act("s1", retry(Some("q@2022-Q1"))).unwrap();
    assert_eq!(office.item("q@2022-Q1").entries[0].state, EntryState::Accepted);
    assert!(office.item("q@2022-Q1").entries[0].counts);
    assert_eq!(office.status("q@2022-Q1"), Status::Done);
    office.advance(at("2022-04-01", 10));
    assert_eq!(office.item("q@2022-Q1").window_met, Some(true), "judged again");
    office.assert_replays();
}

#[test]
fn rule_27_a_list_that_failed_is_made_when_it_is_tried_again() {
    let workflow = "
tasks:
  a:
    title: 甲
    each: { body: 'org(\"新局\").superior.below(\"street\")' }
    owner: item.body.post(\"书记\")
    reviewer: none
    due: 2022-02-28
  b: { title: 乙, owner: unit.post(\"书记\"), reviewer: none, due: 2022-12-31 }
";
    let mut office = Office::open(workflow);
    let failed = office.case.head().failed.clone();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].expression.task.as_ref().map(|task| task.as_str()), Some("a"));
    office.advance(at("2022-03-01", 9));
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.act("s1", retry(None)).unwrap();
    assert!(office.case.head().failed.is_empty());
    // What comes so late has twenty working days.
    for key in ["a/D1", "a/D2"] {
        assert_eq!(
            (office.status(key), office.item(key).due()),
            (Status::Ready, Some(end("2022-03-29")))
        );
    }
    assert_eq!(office.count("overdue"), 0);
    let refused = office.act("s1", retry(None));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "{refused:?}");
    office.assert_replays();
}

#[test]
fn rule_27_an_empty_list_is_tried_again_and_by_hand_an_item_is_added_where_it_fails() {
    let workflow = "
tasks:
  a:
    title: 甲
    each: { body: 'unit.below(\"bureau\")' }
    owner: item.body.post(\"书记\")
    reviewer: none
    due: 2022-12-31
  c:
    title: 丙
    each: { body: 'org(\"无此局\").children' }
    owner: item.body.post(\"书记\")
    reviewer: none
    due: 2022-12-31
  b: { title: 乙, owner: unit.post(\"书记\"), reviewer: none, due: 2022-12-31 }
";
    let mut office = Office::open(workflow);
    found(&mut office, "N", "新局", "bureau", "D", "b2");
    office.act("s1", retry(None)).unwrap();
    assert_eq!(office.status("a/N"), Status::Ready);
    assert_eq!(office.case.head().failed.len(), 1, "`c` fails still");
    let add = |which: &str| Act::AddItem {
        task: "c".into(),
        which: which.to_owned(),
        reason: "名单无法计算".to_owned(),
    };
    assert!(matches!(office.act("s1", add("无")), Err(Refusal::Unsuitable { .. })));
    office.act("s1", add("D1")).unwrap();
    assert_eq!(office.status("c/D1"), Status::Ready);
    assert!(
        matches!(office.act("s1", add("D1")), Err(Refusal::Unsuitable { .. })),
        "there already"
    );
    office.assert_replays();
}

#[test]
fn rule_27_a_waiting_item_keeps_what_failed_when_it_was_made() {
    let workflow = format!(
        "{}  b:\n    title: 乙\n    needs: [a]\n    owner: unit.post(\"书记\")\n    reviewer: none\n{DUE}",
        one("    due: 2022-03-31\n")
    );
    let mut office = Office::open(&workflow);
    assert_eq!(keys_failed(&office, "b"), ["due"]);
    assert_eq!(light_of(&office, "b"), Light::Grey, "what waits is grey");
    found(&mut office, "N", "新局", "bureau", "C", "b2");
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.item("b").due(), Some(end("2022-06-30")), "evaluated at readiness");
    assert!(office.item("b").failed.is_empty());
    office.assert_replays();
}

#[test]
fn rule_27_the_moves_are_offered_to_the_office_where_they_can_be_made() {
    let office = Office::open(&one(DUE));
    let offered = |office: &Office, item: Option<&str>| -> Vec<&'static str> {
        let key = item.map(ItemKey::from);
        let moves =
            available_moves(&office.case, key.as_ref(), &[Actor::person("s1")], &office.env);
        moves.iter().map(|one| one.kind.name()).collect()
    };
    let on_item = offered(&office, Some("a"));
    for kind in ["set_due", "assign", "retry"] {
        assert!(on_item.contains(&kind), "{kind}: {on_item:?}");
    }
    for kind in ["add_item", "hand_to_successor", "finish_as_it_is"] {
        assert!(!on_item.contains(&kind), "{kind}: {on_item:?}");
    }
    assert!(offered(&office, None).contains(&"add_item"));
    assert!(!offered(&office, None).contains(&"retry"), "no list has failed");
}

#[test]
fn rule_27_a_failure_is_forgotten_by_no_other_success() {
    let workflow = one(DUE).replace("unit.post(\"组织部长\")", "unit.post(\"空岗\")");
    let mut office = Office::open(&workflow);
    let mut data = office.env.directory.data().clone();
    for post in data.posts.iter_mut().filter(|post| post.name == "空岗") {
        post.holders.push("x2".into());
    }
    office.env.directory = Arc::new(Directory::new(data).expect("a directory"));
    office.command(Actor::operator("通讯录"), Operation::ApplyDirectory).unwrap();
    assert_eq!(office.item("a").holder.as_ref().map(|one| one.as_str()), Some("x2"));
    assert_eq!(keys_failed(&office, "a"), ["due"]);
    office.act("x2", Act::Submit { item: "a".into(), form: Map::new(), evidence: vec![] }).unwrap();
    office.act("b1", send_back("a")).unwrap();
    assert_eq!(keys_failed(&office, "a"), ["due"]);
    office.assert_replays();
}

#[test]
fn rule_27_a_corrected_definition_mends_by_one_retry() {
    let mut office = Office::open(&one(DUE));
    office.advance(at("2022-03-01", 9));
    let (report, _) = office.migrate(program(&one("    due: 2022-06-30\n"), "", ""), &[]).unwrap();
    assert!(!report.changes.is_empty(), "the date that it would give is said");
    assert_eq!(keys_failed(&office, "a"), ["due"], "kept as it was");
    office.act("s1", retry(Some("a"))).unwrap();
    assert_eq!(
        (office.item("a").due(), keys_failed(&office, "a").len()),
        (Some(end("2022-06-30")), 0)
    );
    office.assert_replays();
}

#[test]
fn rule_27_what_a_new_definition_fails_to_give_is_not_lacking() {
    let mut office = Office::open(&one("    due: 2022-06-30\n"));
    let broken = one("    due: 2022-06-30\n").replace("org(\"组织部\").post", "org(\"新局\").post");
    office.migrate(program(&broken, "", ""), &[]).unwrap();
    assert!(office.item("a").failed.is_empty(), "its reviewers stay");
    assert_eq!(office.item("a").review.members.len(), 1);
}

#[test]
fn rule_27_a_case_whose_list_is_not_known_stays_open() {
    for (each, empty, closes) in [
        ("'org(\"新局\").superior.below(\"street\")'", "", false),
        ("'unit.below(\"bureau\")'", "", false),
        ("'unit.below(\"bureau\")'", "    empty: skip\n", true),
    ] {
        for beside in [false, true] {
            let other = "  b: { title: 乙, owner: unit.post(\"书记\"), reviewer: none }\n";
            let workflow = format!(
                "\ntasks:\n  a:\n    title: 甲\n    each: {{ body: {each} }}\n{empty}    \
                 owner: item.body.post(\"书记\")\n    reviewer: none\n{}",
                if beside { other } else { "" }
            );
            let mut office = Office::open(&workflow);
            if beside {
                office.act("d1", submit("b")).expect("submitted");
            }
            assert_eq!(office.count("case_closed") == 1, closes, "{each} {empty} {beside}");
            if closes {
                continue;
            }
            if each.contains("新局") {
                found(&mut office, "N", "新局", "bureau", "C", "b2");
            } else {
                found(&mut office, "N", "新局", "bureau", "D", "b2");
            }
            office.act("s1", retry(None)).expect("tried again");
            let keys: Vec<ItemKey> =
                office.case.items_of("a").map(|item| item.key.clone()).collect();
            assert!(!keys.is_empty() && office.count("case_closed") == 0, "{each}");
            for key in keys {
                let holder = office.item(key.as_str()).holder.clone().expect("somebody");
                office.act(holder.as_str(), submit(key.as_str())).expect("submitted");
            }
            if !beside {
                office.act("s1", Act::StrikeOff { item: None, text: None }).expect("closed");
            }
            office.assert_replays();
        }
    }
}

#[test]
fn rule_26_nothing_is_passed_to_somebody_who_is_not_there() {
    let mut office = Office::open(&one("    due: 2022-06-30\n"));
    for (by, to) in [("d2", "person:nobody"), ("s1", "person:nobody"), ("d2", "post:D/空岗")] {
        let to = to.parse().expect("an assignee");
        let transfer = Act::Transfer { item: "a".into(), to, reason: "分工".to_owned() };
        let refused = office.act(by, transfer);
        assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{refused:?}");
    }
    assert_eq!(office.item("a").owner.as_ref().expect("an owner").to_string(), "post:D/组织部长");
}

#[test]
fn rule_27_an_item_whose_owner_failed_is_yellow_until_somebody_has_it() {
    let workflow = "tasks:\n  a:\n    title: 甲\n    owner: 'org(\"新局\").post(\"书记\")'\n    \
                    reviewer: none\n    due: 2022-06-30\n";
    let mut office = Office::open(workflow);
    assert_eq!(office.item("a").failed.len(), 1);
    assert_eq!(light_of(&office, "a"), Light::Yellow);
    office.act("s1", assign("a", "post:D/组织部长")).expect("assigned");
    assert_eq!(light_of(&office, "a"), Light::Green);
    office.assert_replays();
}
