//! Rule 35: history keeps the names of its time.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, Event, Fact, Names, Notification, Teller, decode, encode, outgoing};
use duban_model::{Assignee, Directory, DirectoryData};
use serde_json::json;
use support::{Office, accept, at, report, send_back, sign, submit, submit_with, suspend};

const WORK: &str = "
period: year
tasks:
  plan: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: { all: ['org(\"组织部\").post(\"部长\")', 'org(\"组织部\").post(\"干事\")'] }, due: 2022-02-28, ladder: paper, hooks: { overdue: talk } }
  street: { title: 落实, each: { street: 'unit.below(\"street\")' }, owner: item.street.post(\"书记\"), reviewer: unit.post(\"书记\"), due: 2022-06-30, extension: {}, ladder: none }
  check: { title: 督促, owner: org(\"督查室\").post(\"主任\"), stops_clock: [plan], due: 2022-03-31, ladder: none }
";

const PAPER: &str = "  paper:
    - { at: due - workdays(3), do: press, slip: blue }
    - { at: due + workdays(1), do: press, slip: blue }
scoring:
  - { id: 逾期, on: overdue, points: -1 }
  - { id: 督办单, on: slip, points: -0.5 }
";

const PRESS: &str = "
fn press(task, rung) { slip(#{ colour: \"blue\", to: task.owner, text: \"请抓紧\" }); }
";

/// A case in which much has happened, to people of the first directory.
fn busy() -> Office {
    let mut office = Office::open_with(WORK, PRESS, PAPER);
    office.advance(at("2022-01-10", 9));
    let street = "street/D1";
    let done = "done";
    for (person, act) in [
        ("x1", sign(street)),
        ("x1", report(street)),
        ("x1", Act::Delegate { item: street.into(), to: Some("x2".into()), reason: None }),
        (
            "s1",
            Act::Transfer {
                item: "street/D2".into(),
                to: Assignee::Post("D1".into(), "书记".into()),
                reason: done.to_owned(),
            },
        ),
        ("x1", submit(street)),
        ("d1", send_back(street)),
        ("s1", submit("check")),
    ] {
        office.act(person, act.clone()).unwrap_or_else(|refusal| panic!("{act:?}: {refusal}"));
    }
    let reviewer = office.item("check").review.members[0].clone();
    let reviewer = office.env.directory.holders(&reviewer)[0].clone();
    office.act(reviewer.as_str(), accept("check")).expect("accepted");
    office.advance(at("2022-03-10", 9));
    office.act("s1", suspend(Some("street/D2"))).expect("suspended");
    office.act("d2", submit("plan")).expect("submitted");
    let add = Act::AddCountersigner {
        item: "plan".into(),
        who: Assignee::Person("c1".into()),
        before: None,
    };
    office.act("b1", add).expect("added");
    let stands_in = Actor::Person { person: "d1".into(), on_behalf_of: Some("b1".into()) };
    office.command(stands_in, accept("plan")).expect("countersigned");
    let key = "interview/1";
    let holder = office.item(key).holder.clone().expect("a holder");
    let held = json!({ "held_on": "2022-03-09", "requirements": "尽快" });
    office.act(holder.as_str(), submit_with(key, &held)).expect("held");
    office
}

fn lines(office: &Office, directory: &Directory) -> Vec<String> {
    let teller = Teller::new(office.env.program.definition(), directory);
    office.log.iter().filter_map(|(event, _)| teller.line(event)).collect()
}

/// Everybody has another name, or is gone.
fn renamed(office: &Office) -> Directory {
    let mut data = office.env.directory.data().clone();
    data.units.iter_mut().for_each(|unit| unit.name = format!("新{}", unit.name));
    data.people.iter_mut().for_each(|person| person.name = format!("新{}", person.name));
    Directory::new(data).expect("a directory")
}

#[test]
fn rule_35_what_happened_is_told_with_the_names_of_its_time() {
    let office = busy();
    let then = lines(&office, &office.env.directory);
    assert!(then.iter().any(|line| line.contains("区一（代 部一）会签同意")), "{then:#?}");
    assert!(then.iter().any(|line| line.contains("街一 签收“落实（一街）”")), "{then:#?}");
    let all = then.join("\n");
    for kind in [
        "委托 街二",
        "转办",
        "蓝色督办单 1 号 → 历下 组织部长",
        "约谈 历下 组织部长",
        "历下 计 -0.50 分",
        "停止计时，等待“督促",
        "审核人改为",
    ] {
        assert!(all.contains(kind), "{kind} in {all}");
    }
    assert_eq!(lines(&office, &renamed(&office)), then, "renamed");
    let gone = Directory::new(DirectoryData::default()).expect("a directory");
    assert_eq!(lines(&office, &gone), then, "gone");
    office.assert_replays();
}

#[test]
fn rule_35_what_is_shown_of_the_present_uses_the_present_name() {
    let office = busy();
    let now = renamed(&office);
    let teller = Teller::new(office.env.program.definition(), &now);
    assert_eq!(teller.item_title(office.item("street/D1")), "落实（新一街）");
    let owner = office.item("street/D1").owner.clone().expect("an owner");
    assert_eq!(teller.name(&owner), "新一街 书记");
}

#[test]
fn rule_35_events_after_a_renaming_have_the_new_names() {
    let mut office = busy();
    office.env.directory = Arc::new(renamed(&office));
    office.act("x1", report("street/D1")).expect("reported");
    let last = office.log.last().expect("an event");
    assert_eq!(last.0.names.people.get("x1").map(String::as_str), Some("新街一"));
    let lines = lines(&office, &office.env.directory);
    assert!(lines.iter().any(|line| line.contains("  街一 签收")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("新街一 反馈“落实（新一街）”")), "{lines:#?}");
}

#[test]
fn rule_35_what_is_delivered_bears_the_names_of_its_time() {
    let office = busy();
    let slip =
        office.log.iter().map(|(event, _)| event).find(
            |event| matches!(&event.fact, Fact::Sent(sent) if sent.kind == Notification::Slip),
        );
    let sent = outgoing(&office.case.id(), slip.expect("a slip")).expect("a message");
    let duban_core::Body::People(sent) = sent.body else { panic!("{sent:?}") };
    assert_eq!(sent.names.name_of(&sent.to[0], &renamed(&office)), "历下 组织部长");
    // The interviewed keeps the name in the ledger, too.
    let interview = office.item("interview/1");
    let duban_core::ItemKind::Interview { who, .. } = &interview.kind else { panic!() };
    assert_eq!(interview.names.name_of(who, &renamed(&office)), "历下 组织部长");
}

#[test]
fn rule_35_the_chain_covers_the_names_and_events_without_any_are_read() {
    let office = busy();
    let (event, _) = office.log.iter().find(|(event, _)| !event.names.is_empty()).expect("names");
    let renamed = Event { names: Names::default(), ..event.clone() };
    assert_ne!(encode(event, "").hash, encode(&renamed, "").hash);
    let text = encode(&renamed, "").text;
    assert!(!text.contains("names"), "nothing is written where nothing is named: {text}");
    let read = decode(&text).expect("an event of an older version");
    assert_eq!(read, renamed);
    let directory = &office.env.directory;
    let teller = Teller::new(office.env.program.definition(), directory);
    assert_eq!(teller.line(&read), teller.line(event), "as known when shown");
}

#[test]
fn rule_35_what_nobody_is_told_names_nobody() {
    let office = busy();
    let teller = Teller::new(office.env.program.definition(), &office.env.directory);
    let silent = office.log.iter().filter(|(event, _)| teller.line(event).is_none());
    for (event, _) in silent {
        assert_eq!(event.names, Names::default(), "{event:?}");
    }
}

#[test]
fn rule_35_who_has_left_the_directory_keeps_the_last_name() {
    let mut office = busy();
    let mut data = office.env.directory.data().clone();
    data.units.retain(|unit| unit.id.as_str() != "D2");
    data.posts.retain(|post| post.unit.as_str() != "D2");
    data.people.retain(|person| person.id.as_str() != "x2");
    let present = Directory::new(data).expect("a directory");
    let after = present.following(&office.env.directory);
    assert_eq!(after.version(), present.version(), "the same directory");
    // Once more: what was remembered stays remembered, until the unit comes back.
    let after = present.following(&after);
    assert_eq!(after.unit_name(&"D2".into()), Some("二街"));
    assert_eq!(after.person_name(&"x2".into()), Some("街二"));
    let back = office.env.directory.following(&after);
    assert_eq!(back.data().former, duban_model::Former::default());

    office.env.directory = Arc::new(after);
    office.act("s1", Act::Resume { item: Some("street/D2".into()) }).expect("resumed");
    let lines = lines(&office, &office.env.directory);
    assert!(lines.iter().any(|line| line.contains("“落实（二街）”恢复")), "{lines:#?}");
}
