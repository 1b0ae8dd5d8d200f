//! A half-yearly duty whose meetings are counted by the day on which they were held.

mod support;

use duban_core::{Refusal, Status};
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

fn fields_of(outcome: Result<Vec<duban_core::Fact>, Refusal>) -> Vec<String> {
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
