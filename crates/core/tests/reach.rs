//! Rule 21 between cases: a suspension reaches sub-cases and the next period's case, by message.

mod support;

use duban_core::{
    Act, Actor, CaseId, CaseName, Command, Fact, ItemKey, Message, Open, OpenRequest, ParentSays,
    Refusal, Signal, Status, decide,
};
use serde_json::Map;

use support::*;

const PARENT: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  sub: { title: 子事项, needs: [a], workflow: other, stops_clock: [] }
  halt: { title: 检测, owner: unit.post(\"书记\"), reviewer: none, ladder: none, due: 2022-11-30, stops_clock: [sub] }
  auto: { title: 自动, needs: [a], run: note }
";

const HOOKS: &str = "fn note(task) { set(\"ran\", 1); }";

/// Owed by the year; its successor is asked for at the end of it.
const CHILD: &str = "
period: year
renew: auto
tasks:
  x: { title: 子一, owner: unit.post(\"书记\"), reviewer: none, ladder: none, due: 2022-06-30 }
  y: { title: 子二, needs: [x], owner: unit.post(\"书记\"), reviewer: none, ladder: none, due: 2022-07-29 }
";

fn messages(office: &Office) -> Vec<Message> {
    let sent = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::MessageSent { message, .. } => Some(message.clone()),
        _ => None,
    });
    sent.collect()
}

fn opened(office: &Office) -> Vec<OpenRequest> {
    let opened = messages(office).into_iter().filter_map(|message| match message {
        Message::Open(request) => Some(*request),
        _ => None,
    });
    opened.collect()
}

fn told(office: &Office) -> Vec<(CaseId, ItemKey, ParentSays)> {
    let told = messages(office).into_iter().filter_map(|message| match message {
        Message::ToChild { to, item, says, .. } => Some((to, item, says)),
        _ => None,
    });
    told.collect()
}

fn suspended(reason: &str) -> ParentSays {
    ParentSays::Suspended { reason: reason.to_owned() }
}

/// A case that an item of another has opened, `above` being why that one stands still.
fn child(above: Option<&str>) -> Office {
    let env = env(program(CHILD, "", ""), at("2022-01-01", 0));
    let parent = Some((CaseId::new("p"), ItemKey::new("sub")));
    let name = CaseName { parent, ordinal: 1, ..name_of(&env) };
    let open = Open { suspended: above.map(str::to_owned), ..Open::new(name, Map::new()) };
    let command = Command::new(Actor::Case { case: CaseId::new("p") }, open);
    let decision = decide(None, &command, &env).expect("it is taken");
    let hashes = decision.encoded.iter().map(|encoded| encoded.hash.clone());
    let log = decision.events.into_iter().zip(hashes).collect();
    Office { env, case: decision.case, log }
}

fn hear(office: &mut Office, from: &CaseId, item: &str, number: u64, says: ParentSays) {
    let signal = Signal::ParentSays { from: from.clone(), item: item.into(), number, says };
    office.command(Actor::Case { case: from.clone() }, signal).expect("it is taken");
}

fn parent_says(office: &mut Office, number: u64, says: ParentSays) {
    hear(office, &CaseId::new("p"), "sub", number, says);
}

#[test]
fn rule_21_s37_a_suspended_case_tells_its_sub_case_and_tells_it_again_at_the_end() {
    let without_stopper: Vec<&str> = PARENT.lines().filter(|line| !line.contains("halt")).collect();
    let mut office = Office::open_with(&without_stopper.join("\n"), HOOKS, "");
    office.act("d1", submit("a")).expect("done");
    let child = opened(&office)[0].open.name.id();
    office.act("s1", suspend(None)).expect("suspended");
    let key = ItemKey::new("sub");
    assert_eq!(told(&office), [(child.clone(), key.clone(), suspended("上级叫停"))]);
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(told(&office)[1..], [(child, key, ParentSays::Resumed)]);
    office.assert_replays();
}

#[test]
fn rule_21_the_last_of_several_causes_lets_the_sub_case_go_on() {
    for first in [None, Some("sub")] {
        let second = if first.is_none() { Some("sub") } else { None };
        let mut office = Office::open_with(PARENT, HOOKS, "");
        office.act("d1", submit("a")).expect("done");
        // The stopper holds it from the start; its sub-case is asked for suspended.
        assert!(opened(&office)[0].open.suspended.is_some());
        office.act("s1", suspend(first)).expect("suspended");
        office.act("s1", suspend(second)).expect("suspended");
        office.act("d1", submit("halt")).expect("done");
        office.act("s1", resume(first)).expect("resumed");
        assert_eq!(told(&office), [], "{first:?}: something holds it still");
        office.act("s1", resume(second)).expect("resumed");
        assert!(matches!(&told(&office)[..], [(_, _, ParentSays::Resumed)]), "{first:?}");
    }
}

#[test]
fn rule_21_what_becomes_ready_in_a_suspended_case_opens_its_sub_case_suspended_and_runs_nothing() {
    let mut office = Office::open_with(PARENT, HOOKS, "");
    office.act("s1", suspend(None)).expect("suspended");
    office.act("d1", submit("a")).expect("moves of people are taken");
    assert_eq!(opened(&office)[0].open.suspended.as_deref(), Some("上级叫停"));
    assert_eq!(office.status("auto"), Status::Ready, "it waits");
    assert_eq!(office.case.head().vars.get("ran"), None);
    office.act("d1", submit("halt")).expect("done");
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(office.status("auto"), Status::Done);
    assert!(office.case.head().vars.contains_key("ran"));
    office.assert_replays();
}

#[test]
fn rule_21_a_sub_case_stands_still_with_its_parent_and_nothing_is_late_in_it() {
    let mut office = child(None);
    office.advance(at("2022-06-01", 9));
    parent_says(&mut office, 4, suspended("上级叫停"));
    assert!(office.item("x").is_held());
    let refused = office.act("s1", resume(None)).expect_err("it is not its own");
    assert!(matches!(refused, Refusal::NotApplicable { .. }), "{refused}");
    office.advance(at("2022-09-01", 9));
    assert_eq!(office.count("overdue"), 0);
    // What becomes ready meanwhile begins held.
    office.act("d1", submit("x")).expect("taken");
    assert!(office.item("y").is_held());
    parent_says(&mut office, 9, ParentSays::Resumed);
    assert!(!office.item("y").is_held());
    assert!(office.item("y").due().expect("a date") >= end("2022-09-06"));
    office.advance(at("2022-12-30", 9));
    assert_eq!(office.count("overdue"), 1);
    office.assert_replays();
}

#[test]
fn rule_21_words_from_above_that_overtake_each_other_leave_what_the_last_one_said() {
    let mut office = child(None);
    parent_says(&mut office, 9, ParentSays::Resumed);
    parent_says(&mut office, 4, suspended("上级叫停"));
    assert!(!office.item("x").is_held(), "out of date");
    parent_says(&mut office, 12, suspended("再次叫停"));
    parent_says(&mut office, 12, suspended("再次叫停"));
    assert_eq!(office.item("x").holds.len(), 1);
    // Left to itself, it goes on.
    parent_says(&mut office, 13, ParentSays::GoOn);
    assert!(!office.item("x").is_held());
    office.assert_replays();
}

#[test]
fn rule_21_an_own_order_and_one_from_above_end_each_by_itself() {
    for own_first in [true, false] {
        let mut office = child(Some("上级叫停"));
        assert!(office.item("x").is_held(), "it began so");
        office.act("s1", suspend(None)).expect("suspended");
        if own_first {
            office.act("s1", resume(None)).expect("resumed");
        } else {
            parent_says(&mut office, 7, ParentSays::Resumed);
        }
        assert!(office.item("x").is_held(), "{own_first}");
        if own_first {
            parent_says(&mut office, 7, ParentSays::Resumed);
        } else {
            office.act("s1", resume(None)).expect("resumed");
        }
        assert!(!office.item("x").is_held(), "{own_first}");
    }
}

#[test]
fn rule_21_s36_the_next_periods_case_begins_suspended_and_goes_on_with_the_earlier() {
    let mut office = child(None);
    office.advance(at("2022-11-01", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2023-01-01", 9));
    let next = opened(&office)[0].open.clone();
    assert_eq!(next.suspended.as_deref(), Some("上级叫停"));
    // The next one, as it is opened.
    let env = env(program(CHILD, "", ""), at("2023-01-01", 9));
    let earlier = office.case.id();
    let id = next.name.id();
    let command = Command::new(Actor::Case { case: earlier.clone() }, next);
    let decision = decide(None, &command, &env).expect("it is taken");
    let hashes = decision.encoded.iter().map(|encoded| encoded.hash.clone());
    let log = decision.events.into_iter().zip(hashes).collect();
    let mut successor = Office { env, case: decision.case, log };
    assert!(successor.item("x").is_held());
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(told(&office), [(id, ItemKey::default(), ParentSays::Resumed)]);
    hear(&mut successor, &earlier, "", 5, ParentSays::Resumed);
    assert!(!successor.item("x").is_held());
    // A case that was not suspended when it asked has nothing to say later.
    let before = told(&office).len();
    office.act("s1", suspend(None)).expect("suspended");
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(told(&office).len(), before);
    // Nobody else speaks for the earlier period.
    hear(&mut successor, &CaseId::new("other"), "", 6, suspended("冒名"));
    assert!(!successor.item("x").is_held());
    office.assert_replays();
    successor.assert_replays();
}

#[test]
fn rule_21_nothing_scores_in_a_case_that_is_suspended_from_above() {
    let suite = "scoring:\n  - { id: on_time, on: done_on_time, points: 1 }\n";
    let env = env(program(CHILD, "", suite), at("2022-01-01", 0));
    let name = CaseName { parent: Some((CaseId::new("p"), "sub".into())), ..name_of(&env) };
    for (above, points) in [(None, 1), (Some("上级叫停".to_owned()), 0)] {
        let open = Open { suspended: above, ..Open::new(name.clone(), Map::new()) };
        let command = Command::new(Actor::Case { case: CaseId::new("p") }, open);
        let decision = decide(None, &command, &env).expect("it is taken");
        let mut office = Office { env: env.clone(), case: decision.case, log: Vec::new() };
        office
            .act("d1", Act::Submit { item: "x".into(), form: Map::new(), evidence: Vec::new() })
            .expect("done");
        assert_eq!(office.count("scored"), points);
    }
}
