//! A duty that is owed in person stays with the post: a delegate carries papers and nothing else.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, Fact, MoveKind, Operation, Refusal, available_moves};
use duban_model::Assignee;
use serde_json::json;

use support::signers::*;
use support::*;

const STUDY: &str = "
tasks:
  study:
    title: 专题研究
    owner: unit.post(\"书记\")
    in_person: true
    reviewer: org(\"组织部\").post(\"部长\")
    due: 2022-06-30
    extension: { max: 1, by: months(1) }
    hooks: { signed: pass_on }
";

const HOOKS: &str = "fn pass_on(task) { assign(org(\"D\").post(\"组织部长\"), \"脚本\"); }";

/// The duty of a district's 书记, whom no hook disturbs.
fn study() -> Office {
    Office::open(&STUDY.replace("    hooks: { signed: pass_on }\n", ""))
}

fn delegate(to: Option<&str>) -> Act {
    Act::Delegate { item: "study".into(), to: to.map(Into::into), reason: None }
}

fn assign(to: &str) -> Act {
    Act::Assign { item: "study".into(), to: seat(to), reason: "指派".to_owned() }
}

fn transfer(to: &str) -> Act {
    Act::Transfer { item: "study".into(), to: seat(to), reason: "转办".to_owned() }
}

fn in_person<T: std::fmt::Debug>(outcome: &Result<T, Refusal>) -> bool {
    matches!(outcome, Err(Refusal::InPerson(_)))
}

fn change(office: &mut Office, changes: &[(&str, &[&str])]) -> Vec<Fact> {
    office.env.directory = Arc::new(with_holders(changes));
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied")
}

fn owner(office: &Office) -> String {
    office.item("study").owner.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_delegate_reports_and_submits_and_does_nothing_else() {
    let mut office = study();
    office.env.now = at("2022-03-01", 9);
    office.act("d1", delegate(Some("d2"))).expect("delegated");
    assert!(in_person(&office.act("d2", sign("study"))));
    assert!(in_person(&office.act("d2", delegate(Some("x1")))));
    office.act("d1", sign("study")).expect("signed by the holder");
    let ask = Act::AskExtension {
        item: "study".into(),
        until: end("2022-07-20"),
        reason: "请宽限".to_owned(),
    };
    assert!(in_person(&office.act("d2", ask)));
    assert!(in_person(&office.act("d2", suspend(Some("study")))));
    office.act("d2", report("study")).expect("reported");
    office.act("d2", submit("study")).expect("submitted");
    assert!(in_person(&office.act("d2", Act::Withdraw { item: "study".into() })));
    office.act("d1", Act::Withdraw { item: "study".into() }).expect("withdrawn by the holder");
    assert_eq!(owner(&office), "post:D/书记", "whoever carries the papers answers for nothing");
}

#[test]
fn what_a_delegate_may_not_do_is_not_offered_to_them() {
    let mut office = study();
    office.env.now = at("2022-03-01", 9);
    office.act("d1", delegate(Some("d2"))).expect("delegated");
    let key = "study".into();
    let offered = |person: &str| {
        let actors = [Actor::person(person)];
        let moves = available_moves(&office.case, Some(&key), &actors, &office.env);
        moves.into_iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(offered("d2"), [MoveKind::Report, MoveKind::Submit]);
    assert!(offered("d1").contains(&MoveKind::Sign));
    assert!(!offered("d1").contains(&MoveKind::Transfer));
    assert!(offered("s1").contains(&MoveKind::Assign));
}

#[test]
fn nobody_passes_it_on_not_the_supervision_office_either() {
    let mut office = study();
    office.env.now = at("2022-03-01", 9);
    for person in ["d1", "s1"] {
        for to in ["post:D/组织部长", "person:d2", "post:D/书记", "unit:D"] {
            assert!(in_person(&office.act(person, transfer(to))), "{person} {to}");
        }
    }
    for to in ["post:D/组织部长", "person:d2", "person:b1", "unit:D", "unit:X"] {
        assert!(unsuitable(&office.act("s1", assign(to))), "{to}");
    }
    assert_eq!(owner(&office), "post:D/书记");
}

#[test]
fn an_assignment_goes_to_a_holder_of_the_same_post_for_as_long_as_they_hold_it() {
    let mut office = study();
    office.env.now = at("2022-03-01", 9);
    change(&mut office, &[("post:D/书记", &["d1", "x1"])]);
    office.act("s1", assign("person:x1")).expect("the other holder");
    assert_eq!(owner(&office), "person:x1");
    assert!(in_person(&office.act("x1", transfer("person:d1"))));
    office.act("x1", sign("study")).expect("signed");
    // Nothing that the directory says of others moves it.
    change(&mut office, &[("post:D/书记", &["d1", "x1"]), ("post:D/组织部长", &["x2"])]);
    assert_eq!(owner(&office), "person:x1");
    change(&mut office, &[("post:D/书记", &["d1"])]);
    assert_eq!(owner(&office), "post:D/书记", "the duty stays with the post");
}

#[test]
fn a_script_gives_it_to_nobody_else() {
    let mut office = Office::open_with(STUDY, HOOKS, "");
    office.env.now = at("2022-03-01", 9);
    office.act("d1", sign("study")).expect("signed");
    assert_eq!(owner(&office), "post:D/书记");
    let is_told =
        |fact: &Fact| matches!(fact, Fact::Logged { text, .. } if text.contains("须本人办理"));
    assert!(office.log.iter().any(|(event, _)| is_told(&event.fact)), "{:?}", office.kinds());
}

#[test]
fn a_unit_that_must_act_in_person_acts_through_the_post_that_answers_for_it() {
    let mut office = Office::open(
        &STUDY
            .replace("    hooks: { signed: pass_on }\n", "")
            .replace("unit.post(\"书记\")", "unit"),
    );
    office.env.now = at("2022-03-01", 9);
    assert!(office.act("d2", sign("study")).is_err(), "another post of the unit");
    office.act("d1", sign("study")).expect("the answering post");
    assert!(unsuitable(&office.act("s1", assign("person:d2"))));
}

#[test]
fn nobody_stands_in_for_whoever_must_act_in_person() {
    let mut office = study();
    office.env.now = at("2022-03-01", 9);
    let stand_in = Actor::Person { person: "d2".into(), on_behalf_of: Some("d1".into()) };
    for act in [sign("study"), report("study"), submit("study"), delegate(Some("d2"))] {
        assert!(in_person(&office.command(stand_in.clone(), act)));
    }
    let content = json!({ "until": end("2022-04-01"), "reason": "外出" });
    let content = content.as_object().cloned().expect("an object");
    let ask = Act::make(MoveKind::AskExtension, Some(&"study".into()), content).expect("a move");
    assert!(in_person(&office.command(stand_in, ask)));
    assert!(matches!(&office.item("study").owner, Some(Assignee::Post(..))));
}
