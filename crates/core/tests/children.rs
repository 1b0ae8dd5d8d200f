//! Rule 34: cases that depend on cases. Messages are carried by hand, so that they may come late.

mod support;

use duban_core::{
    Act, Actor, Case, CaseId, CaseName, CaseStatus, Command, Fact, ItemKey, Message, Open,
    ParentSays, Refusal, Signal, Status, decide,
};
use serde_json::Map;

use support::*;

const PARENT: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  sub: { title: 子事项, needs: [a], workflow: other }
  z: { title: 末, needs: [sub], owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";

const KEEPING: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  sub: { title: 子事项, needs: [a], workflow: other, on_cancel: keep }
";

/// Two tasks, so that one may be done while the other is open.
const CHILD: &str = "
period: year
tasks:
  x: { title: 子一, owner: unit.post(\"书记\"), ladder: none }
  y: { title: 子二, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";

fn messages(office: &Office) -> Vec<Message> {
    let sent = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::MessageSent { message, .. } => Some(message.clone()),
        _ => None,
    });
    sent.collect()
}

/// The sub-cases that were asked for, in order.
fn opened(office: &Office) -> Vec<CaseId> {
    let messages = messages(office).into_iter();
    let opened = messages.filter_map(|message| match message {
        Message::Open(request) => Some(request.open.name.id()),
        _ => None,
    });
    opened.collect()
}

/// What sub-cases were told, in order.
fn told(office: &Office) -> Vec<(CaseId, ParentSays)> {
    let messages = messages(office).into_iter();
    let told = messages.filter_map(|message| match message {
        Message::ToChild { to, says, .. } => Some((to, says)),
        _ => None,
    });
    told.collect()
}

fn ends(says: &ParentSays) -> bool {
    matches!(says, ParentSays::End { .. })
}

/// A parent whose sub-case has been asked for.
fn parent(workflow: &str) -> Office {
    let mut office = Office::open(workflow);
    office.act("d1", submit("a")).expect("it is taken");
    assert_eq!(opened(&office).len(), 1);
    office
}

fn closed(office: &mut Office, child: &CaseId, number: u64) {
    let signal = Signal::ChildClosed { item: "sub".into(), number, child: child.clone() };
    office.command(Actor::Case { case: child.clone() }, signal).expect("it is taken");
}

fn ended(office: &mut Office, child: &CaseId, number: u64) {
    let signal = Signal::ChildEnded { item: "sub".into(), number, child: child.clone() };
    office.command(Actor::Case { case: child.clone() }, signal).expect("it is taken");
}

fn cancel(item: Option<&str>) -> Act {
    Act::Cancel { item: item.map(ItemKey::new), reason: "不办了".to_owned() }
}

fn reopen(item: &str) -> Act {
    Act::Reopen { item: item.into(), reason: "回头看".to_owned(), due: None }
}

/// A case that an item of another has opened.
fn child() -> Office {
    let env = env(program(CHILD, "", ""), at("2022-01-01", 0));
    let parent = Some((CaseId::new("p"), ItemKey::new("sub")));
    let name = CaseName { parent, ordinal: 1, ..name_of(&env) };
    let open = Open::new(name, Map::new());
    let command = Command::new(Actor::Case { case: CaseId::new("p") }, open);
    let decision = decide(None, &command, &env).expect("it is taken");
    let hashes = decision.encoded.iter().map(|encoded| encoded.hash.clone());
    let log = decision.events.into_iter().zip(hashes).collect();
    Office { env, case: decision.case, log }
}

fn says(office: &mut Office, number: u64, says: ParentSays) {
    let from = CaseId::new("p");
    let signal = Signal::ParentSays { from: from.clone(), item: "sub".into(), number, says };
    office.command(Actor::Case { case: from }, signal).expect("it is taken");
}

fn end_of_parent() -> ParentSays {
    ParentSays::End { reason: "不办了".to_owned() }
}

fn status(case: &Case) -> CaseStatus {
    case.head().status
}

#[test]
fn rule_34_every_way_to_end_an_item_ends_its_sub_case() {
    let skip = Act::Skip { item: "sub".into(), reason: "免办".to_owned() };
    for act in [cancel(None), cancel(Some("sub")), skip] {
        let mut office = parent(PARENT);
        let child = opened(&office)[0].clone();
        office.act("s1", act).unwrap();
        let told = told(&office);
        assert_eq!(told.len(), 1);
        assert!(told[0].0 == child && ends(&told[0].1), "{told:?}");
        office.assert_replays();
    }
}

#[test]
fn rule_34_a_script_that_cancels_ends_the_sub_case() {
    let workflow = "
period: year
tasks:
  sub: { title: 子事项, workflow: other, hooks: { ready: ends } }
  z: { title: 末, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";
    let office = Office::open_with(workflow, "fn ends(task) { cancel(\"改做\"); }", "");
    assert_eq!(office.status("sub"), Status::Cancelled);
    assert!(ends(&told(&office)[0].1));
}

#[test]
fn rule_34_on_cancel_keep_leaves_the_sub_case_to_itself() {
    let mut office = parent(KEEPING);
    let child = opened(&office)[0].clone();
    office.act("s1", cancel(Some("sub"))).unwrap();
    assert_eq!(told(&office), [(child.clone(), ParentSays::GoOn)]);
    // Its closing is taken note of and changes nothing.
    closed(&mut office, &child, 9);
    assert_eq!(office.status("sub"), Status::Cancelled);
    // Begun again, the item has a sub-case of its own at once.
    let mut office = parent(KEEPING);
    office.act("s1", reopen("a")).unwrap();
    office.act("d1", submit("a")).unwrap();
    assert_eq!(opened(&office).len(), 2);
    assert_eq!(told(&office).len(), 1);
}

#[test]
fn rule_34_s80_the_next_sub_case_opens_on_the_answer_of_the_earlier() {
    let mut office = parent(PARENT);
    let first = opened(&office)[0].clone();
    office.act("s1", reopen("a")).unwrap();
    assert!(ends(&told(&office)[0].1));
    office.act("d1", submit("a")).unwrap();
    assert_eq!(office.status("sub"), Status::Ready);
    assert_eq!(opened(&office).len(), 1, "the earlier one has not answered");
    ended(&mut office, &first, 3);
    let all = opened(&office);
    assert_eq!(all.len(), 2);
    assert_ne!(all[0], all[1]);
    ended(&mut office, &first, 3);
    assert_eq!(opened(&office).len(), 2, "a repeated answer");
    // Only the sub-case that the item now has closes it.
    closed(&mut office, &first, 4);
    assert_eq!(office.status("sub"), Status::Ready);
    closed(&mut office, &all[1], 5);
    assert_eq!(office.status("sub"), Status::Done);
    assert_eq!(office.status("z"), Status::Ready);
    office.assert_replays();
}

#[test]
fn rule_34_an_answer_that_comes_first_opens_nothing_before_its_time() {
    let mut office = parent(PARENT);
    let first = opened(&office)[0].clone();
    office.act("s1", reopen("a")).unwrap();
    ended(&mut office, &first, 3);
    assert_eq!((office.status("sub"), opened(&office).len()), (Status::Waiting, 1));
    office.act("d1", submit("a")).unwrap();
    assert_eq!(opened(&office).len(), 2);
}

#[test]
fn rule_34_s80_no_answer_within_a_working_day_is_noted_once() {
    let mut office = parent(PARENT);
    office.env.now = at("2022-01-07", 10);
    office.act("s1", reopen("a")).unwrap();
    office.advance(at("2022-01-10", 23));
    assert_eq!(office.count("sub_case_silent"), 0);
    office.advance(at("2022-01-20", 0));
    assert_eq!(office.count("sub_case_silent"), 1);
    assert!(office.item("sub").child.as_ref().is_some_and(|child| child.silent));
    let first = opened(&office)[0].clone();
    ended(&mut office, &first, 3);
    office.act("d1", submit("a")).unwrap();
    assert_eq!(opened(&office).len(), 2, "a late answer is an answer");
    office.assert_replays();
}

#[test]
fn rule_34_s81_a_sub_case_that_was_done_is_done_anew() {
    let mut office = parent(PARENT);
    let first = opened(&office)[0].clone();
    closed(&mut office, &first, 2);
    assert_eq!(office.status("sub"), Status::Done);
    office.act("s1", reopen("a")).unwrap();
    office.act("d1", submit("a")).unwrap();
    assert_eq!(opened(&office).len(), 1);
    ended(&mut office, &first, 3);
    assert_eq!(opened(&office).len(), 2);
}

#[test]
fn rule_34_s79_what_the_child_did_before_the_message_stands() {
    let mut office = child();
    for key in ["x", "y"] {
        office.act("d1", submit(key)).unwrap();
    }
    office.act("c1", accept("x")).unwrap();
    assert_eq!(status(&office.case), CaseStatus::Closed);
    says(&mut office, 7, end_of_parent());
    assert_eq!(status(&office.case), CaseStatus::Closed);
    assert_eq!(office.status("x"), Status::Done);
    let answers = messages(&office);
    assert!(matches!(answers.last(), Some(Message::ChildEnded { .. })), "{answers:?}");
    office.assert_replays();
}

#[test]
fn rule_34_a_child_that_is_told_to_end_ends_and_answers_once() {
    let mut office = child();
    office.act("d1", submit("y")).unwrap();
    says(&mut office, 7, end_of_parent());
    says(&mut office, 7, end_of_parent());
    assert_eq!(status(&office.case), CaseStatus::Cancelled);
    assert_eq!((office.status("x"), office.status("y")), (Status::Cancelled, Status::Done));
    let answers = messages(&office).into_iter();
    let answers = answers.filter(|message| matches!(message, Message::ChildEnded { .. }));
    assert_eq!(answers.count(), 1);
}

#[test]
fn rule_34_only_the_parent_is_listened_to() {
    let mut office = child();
    let from = CaseId::new("another");
    let told = Signal::ParentSays {
        from: from.clone(),
        item: "sub".into(),
        number: 1,
        says: end_of_parent(),
    };
    office.command(Actor::Case { case: from.clone() }, told.clone()).unwrap();
    assert_eq!(status(&office.case), CaseStatus::Open);
    let as_parent = Actor::Case { case: CaseId::new("p") };
    let refused = office.command(as_parent, told.clone());
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "a name that is not the sender's");
    for actor in [Actor::person("s1"), Actor::operator("值班")] {
        let refused = office.command(actor, told.clone());
        assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    }
}

#[test]
fn rule_34_the_parent_learns_of_a_sub_case_that_was_ended_there() {
    let mut office = child();
    office.act("s1", cancel(None)).unwrap();
    assert!(matches!(messages(&office).last(), Some(Message::ChildEnded { .. })));
    let mut office = parent(PARENT);
    let first = opened(&office)[0].clone();
    ended(&mut office, &first, 3);
    assert_eq!(office.status("sub"), Status::Ready);
    assert!(office.item("sub").child.as_ref().is_some_and(|child| child.ended));
    assert_eq!(opened(&office).len(), 1, "nobody asked for another");
}

#[test]
fn rule_34_s83_reopening_needs_the_item_above_reopened_first() {
    let mut office = child();
    for key in ["x", "y"] {
        office.act("d1", submit(key)).unwrap();
    }
    office.act("c1", accept("x")).unwrap();
    let refused = office.act("s1", reopen("x"));
    assert!(matches!(refused, Err(Refusal::NotApplicable { act: "reopen", .. })), "{refused:?}");
    says(&mut office, 7, ParentSays::Reopened);
    office.act("s1", reopen("x")).unwrap();
    assert_eq!(status(&office.case), CaseStatus::Open);
    // Closed again, it tells again and is closed to others again.
    office.act("d1", submit("x")).unwrap();
    office.act("c1", accept("x")).unwrap();
    assert!(matches!(messages(&office).last(), Some(Message::ChildClosed { .. })));
    assert!(office.act("s1", reopen("x")).is_err());
    office.assert_replays();
}

#[test]
fn rule_34_reopening_within_an_open_sub_case_stays_possible_and_ends_with_it() {
    let mut office = child();
    office.act("d1", submit("y")).unwrap();
    office.act("s1", reopen("y")).unwrap();
    office.act("d1", submit("y")).unwrap();
    says(&mut office, 7, end_of_parent());
    let refused = office.act("s1", reopen("y"));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "{refused:?}");
    // A sub-case that was left to itself asks nobody.
    let mut office = child();
    says(&mut office, 7, ParentSays::GoOn);
    for key in ["x", "y"] {
        office.act("d1", submit(key)).unwrap();
    }
    office.act("c1", accept("x")).unwrap();
    office.act("s1", reopen("x")).unwrap();
}

#[test]
fn rule_34_reopening_the_item_above_tells_the_child_and_waits_for_it_again() {
    let mut office = parent(PARENT);
    let first = opened(&office)[0].clone();
    closed(&mut office, &first, 2);
    office.act("s1", reopen("sub")).unwrap();
    assert_eq!(told(&office), [(first.clone(), ParentSays::Reopened)]);
    assert_eq!(office.status("sub"), Status::Active);
    closed(&mut office, &first, 8);
    assert_eq!(office.status("sub"), Status::Done);
    assert_eq!(opened(&office).len(), 1);
    office.assert_replays();
}
