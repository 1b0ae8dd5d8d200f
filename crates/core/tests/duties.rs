//! A half-yearly duty whose meetings are counted by the day on which they were held.

mod support;

use duban_core::{Fact, Refusal, Status};
use serde_json::{Value as Json, json};

use support::*;

const DUTY: &str = "
period: year
tasks:
  study:
    title: 专题研究
    every: half-year
    owner: unit.post(\"书记\")
    reviewer: none
    form:
      held_on: { type: date, required: true }
      next_on: { type: date }
    counts: form.held_on in window
    grace: workdays(5)
    ladder: none
";

fn fields_of(outcome: Result<Vec<Fact>, Refusal>) -> Vec<String> {
    match outcome {
        Err(Refusal::BadForm(problems)) => problems.into_iter().map(|one| one.field).collect(),
        other => panic!("{other:?}"),
    }
}

fn held(date: &str) -> Json {
    json!({ "held_on": date })
}

#[test]
fn what_is_counted_cannot_lie_in_the_future() {
    let mut office = Office::open(DUTY);
    office.env.now = at("2022-06-20", 23);
    for date in ["2022-06-21", "2022-06-30", "2023-06-20"] {
        let outcome = office.act("d1", submit_with("study@2022-H1", &held(date)));
        assert_eq!(fields_of(outcome), ["held_on"], "{date}");
    }
    assert_eq!(office.status("study@2022-H1"), Status::Ready);
    // A date that nothing counts may lie ahead; the day itself is not the future.
    let form = json!({ "held_on": "2022-06-20", "next_on": "2022-11-01" });
    office.act("d1", submit_with("study@2022-H1", &form)).expect("held today");
}

#[test]
fn the_author_may_say_otherwise_of_any_date() {
    let planned = DUTY
        .replace("held_on: { type: date,", "held_on: { type: date, past: false,")
        .replace("next_on: { type: date }", "next_on: { type: date, past: true }");
    let mut office = Office::open(&planned);
    office.env.now = at("2022-03-01", 9);
    let form = json!({ "held_on": "2022-06-20", "next_on": "2022-03-02" });
    let outcome = office.act("d1", submit_with("study@2022-H1", &form));
    assert_eq!(fields_of(outcome), ["next_on"]);
    office.act("d1", submit_with("study@2022-H1", &held("2022-06-20"))).expect("a plan counts");
}

const REVIEWED: &str = "
period: year
tasks:
  study:
    title: 专题研究
    every: half-year
    owner: org(\"D1\").post(\"书记\")
    in_person: true
    reviewer: org(\"组织部\").post(\"部长\")
    evidence: [会议纪要]
    form: { held_on: { type: date, required: true } }
    counts: form.held_on in window
    grace: workdays(5)
    ladder: none
    hooks: { missed: talk_and_score }
";

const TALK: &str = "
fn talk_and_score(task) {
    interview(#{ who: task.owner, by: org(\"D\"), why: \"未研究\",
                 due: now + workdays(10), rectify_within: workdays(20) });
    score(task.unit, -2, \"未研究\");
}
";

const RULES: &str = "
scoring:
  - { id: made_up, on: made_up, points: 0.5 }
  - { id: papers_late, on: papers_late, points: -0.5 }
";

const H1: &str = "study@2022-H1";
const H2: &str = "study@2022-H2";

/// The duty, its first window judged missed on 2022-07-08 and an interview open.
fn missed() -> Office {
    let mut office = Office::open_with(REVIEWED, TALK, RULES);
    office.advance(at("2022-07-11", 9));
    assert_eq!(office.item(H1).window_met, Some(false));
    assert_eq!(office.status("interview/1"), Status::Ready);
    office
}

/// Points by unit, in hundredths.
fn points(office: &Office) -> i64 {
    let scored = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::Scored { points, .. } => Some(*points),
        _ => None,
    });
    scored.sum()
}

fn used(outcome: Result<Vec<Fact>, Refusal>) -> String {
    match outcome {
        Err(Refusal::EventUsed { used, .. }) => used.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn s107_papers_that_come_late_take_the_miss_back_once_they_are_verified() {
    let mut office = missed();
    office.env.now = at("2022-07-20", 9);
    office.act("x1", minutes(H1, "2022-06-30", "sha256:a")).expect("submitted");
    // Until they are verified it is missed.
    assert_eq!((office.item(H1).window_met, points(&office)), (Some(false), -200));
    let facts = office.act("b1", accept(H1)).expect("verified");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::PapersLate { .. })), "{facts:?}");
    let item = office.item(H1);
    assert_eq!(
        (item.status, item.window_met, item.on_time),
        (Status::Done, Some(true), Some(false))
    );
    assert_eq!(office.status("interview/1"), Status::Cancelled, "nobody is interviewed for it");
    assert_eq!(points(&office), -50, "the miss is given back, the lateness of papers stays");
    assert_eq!(office.count("made_up"), 0);
    office.assert_replays();
}

#[test]
fn papers_that_are_sent_back_leave_the_miss_where_it_is() {
    let mut office = missed();
    office.env.now = at("2022-07-20", 9);
    office.act("x1", minutes(H1, "2022-06-30", "sha256:a")).expect("submitted");
    office.act("b1", send_back(H1)).expect("returned");
    assert_eq!((office.item(H1).window_met, points(&office)), (Some(false), -200));
    assert_eq!(office.status("interview/1"), Status::Ready);
}

#[test]
fn a_meeting_outside_the_window_makes_up_for_it_and_the_miss_stays() {
    let mut office = missed();
    office.env.now = at("2022-09-12", 9);
    office.act("x1", minutes(H1, "2022-09-10", "sha256:b")).expect("submitted");
    office.act("b1", accept(H1)).expect("accepted");
    let item = office.item(H1);
    assert_eq!((item.status, item.window_met), (Status::Done, Some(false)));
    assert_eq!(points(&office), -150, "made up, the miss stays in the record");
    assert_eq!(office.count("papers_late"), 0);
    assert_eq!(office.status("interview/1"), Status::Ready, "an interview opened is held");
    // What made up for one window keeps no other.
    assert_eq!(used(office.act("x1", minutes(H2, "2022-09-10", "sha256:b"))), H1);
    office.act("x1", minutes(H2, "2022-09-10", "sha256:c")).expect("another meeting of that day");
    office.assert_replays();
}

#[test]
fn s104_what_keeps_a_window_makes_up_for_no_other() {
    let mut office = missed();
    office.env.now = at("2022-09-12", 9);
    office.act("x1", minutes(H2, "2022-09-10", "sha256:b")).expect("submitted");
    assert_eq!(used(office.act("x1", minutes(H1, "2022-09-10", "sha256:b"))), H2);
    office.act("b1", send_back(H2)).expect("returned");
    office.act("x1", minutes(H1, "2022-09-10", "sha256:b")).expect("what was returned is free");
}

#[test]
fn s103_nothing_makes_up_for_a_window_that_nobody_has_judged() {
    let mut office = Office::open_with(REVIEWED, TALK, RULES);
    office.advance(at("2022-07-05", 9));
    office.act("x1", minutes(H1, "2022-07-03", "sha256:b")).expect("it counts for its own");
    assert_eq!(office.item(H1).entries.len(), 0);
    assert_eq!(office.item(H2).entries.len(), 1);
}

#[test]
fn what_was_held_before_a_window_makes_up_for_nothing_in_it() {
    let mut office = Office::open_with(REVIEWED, TALK, RULES);
    office.advance(at("2022-03-01", 9));
    office.act("x1", minutes(H1, "2022-02-01", "sha256:a")).expect("submitted");
    office.act("b1", accept(H1)).expect("accepted");
    office.advance(at("2023-01-16", 9));
    assert_eq!(office.item(H2).window_met, Some(false));
    let early = office.act("x1", minutes(H2, "2022-03-01", "sha256:b"));
    assert!(matches!(early, Err(Refusal::NoWindow(_))), "{early:?}");
    office.act("x1", minutes(H2, "2023-01-12", "sha256:c")).expect("after it");
}

#[test]
fn s105_two_are_owed_and_one_was_held_so_one_makes_up() {
    let twice = REVIEWED.replace("every: half-year", "every: half-year\n    at_least: 2");
    let mut office = Office::open_with(&twice, TALK, RULES);
    office.advance(at("2022-06-20", 9));
    office.act("x1", minutes(H1, "2022-06-15", "sha256:a")).expect("submitted");
    office.act("b1", accept(H1)).expect("accepted");
    assert_eq!(used(office.act("x1", minutes(H1, "2022-06-15", "sha256:a"))), H1);
    office.advance(at("2022-07-11", 9));
    assert_eq!(office.item(H1).window_met, Some(false));
    office.act("x1", minutes(H1, "2022-07-10", "sha256:b")).expect("submitted");
    office.act("b1", accept(H1)).expect("accepted");
    assert_eq!(office.item(H1).status, Status::Done);
    assert_eq!(office.count("made_up"), 1);
}

#[test]
fn s106_what_is_one_event_is_the_authors_to_say() {
    let by_day = REVIEWED.replace("    grace:", "    event: form.held_on\n    grace:");
    let mut office = Office::open_with(&by_day, TALK, RULES);
    office.advance(at("2022-07-11", 9));
    office.act("x1", minutes(H1, "2022-07-10", "sha256:a")).expect("submitted");
    assert_eq!(used(office.act("x1", minutes(H2, "2022-07-10", "sha256:b"))), H1);
    office.act("x1", minutes(H2, "2022-07-11", "sha256:a")).expect("another day");
}
