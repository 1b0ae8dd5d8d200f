//! Rules 18 and 19: whose turn it is, and that one lateness is one lateness.

mod support;

use duban_core::{Act, DueReason, Fact, Light, Refusal, Status, light};
use serde_json::json;
use support::{
    Office, accept, ask, at, end, report, resume, send_back, send_back_until, submit, submit_with,
    suspend,
};

fn plan(more: &str) -> Office {
    let workflow = format!(
        "
period: year
tasks:
  plan:
    title: 方案
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: 2026-03-31
    ladder: paper
{more}"
    );
    Office::open_on("2026-01-01", &workflow, "", PAPER)
}

/// A ladder as offices have it: blue, yellow, red, notice, interview.
const PAPER: &str = "  paper:
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
    - { at: due + workdays(10), do: nudge, to: owner }
    - { at: due + workdays(15), do: nudge, to: owner }
    - { at: due + workdays(20), do: nudge, to: owner }
";

fn days(days: &[&str]) -> Vec<String> {
    days.iter().map(|day| (*day).to_owned()).collect()
}

#[test]
fn rule_18_s1_what_came_late_and_is_returned_goes_on_on_its_ladder() {
    let mut office = plan("");
    office.advance(at("2026-04-21", 9));
    let sent = [(0, "2026-04-01"), (1, "2026-04-08"), (2, "2026-04-15")];
    let sent: Vec<(u16, String)> = sent.iter().map(|(n, d)| (*n, (*d).to_owned())).collect();
    assert_eq!(office.fired(), sent);
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-22", 9));
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-27")));
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-03-31")));
    office.advance(at("2026-06-30", 9));
    // Lateness was said once; the rungs to come keep their distance, none before the new date.
    assert_eq!(office.days_of("overdue"), days(&["2026-04-01"]));
    let fired = office.fired();
    assert_eq!(&fired[3..], [(3, "2026-04-27".to_owned()), (4, "2026-04-30".to_owned())]);
    office.assert_replays();
}

#[test]
fn rule_18_s2_what_was_late_and_comes_again_by_the_new_date_stays_late() {
    let mut office = plan("");
    office.advance(at("2026-04-21", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-22", 9));
    office.act("b1", send_back("plan")).expect("returned");
    let definition = office.env.program.definition().clone();
    assert_eq!(light(office.item("plan"), &definition, office.env.now), Light::Red);
    office.advance(at("2026-04-24", 9));
    office.act("d2", submit("plan")).expect("again");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(false));
}

#[test]
fn rule_18_s3_what_came_in_time_and_is_returned_late_is_in_time() {
    let mut office = plan("");
    office.advance(at("2026-03-30", 9));
    office.act("d2", submit("plan")).expect("in time");
    office.advance(at("2026-04-29", 9));
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-05-07")));
    assert!(office.fired().is_empty());
    office.advance(at("2026-05-06", 9));
    office.act("d2", submit("plan")).expect("again");
    office.advance(at("2026-05-20", 9));
    office.act("b1", send_back("plan")).expect("returned twice");
    assert_eq!(office.item("plan").due(), Some(end("2026-05-25")));
    assert_eq!(office.count("overdue"), 0);
    office.act("d2", submit("plan")).expect("again");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(true));
    office.assert_replays();
}

#[test]
fn rule_18_s3b_a_second_return_of_what_came_late_is_no_second_lateness() {
    let mut office = plan("");
    office.advance(at("2026-03-30", 9));
    office.act("d2", submit("plan")).expect("in time");
    office.advance(at("2026-04-29", 9));
    office.act("b1", send_back("plan")).expect("returned");
    office.advance(at("2026-05-12", 9));
    assert_eq!(office.days_of("overdue"), days(&["2026-05-08"]));
    office.act("d2", submit("plan")).expect("late");
    office.advance(at("2026-05-20", 9));
    office.act("b1", send_back("plan")).expect("returned twice");
    office.advance(at("2026-07-01", 9));
    assert_eq!(office.days_of("overdue"), days(&["2026-05-08"]));
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-05-07")));
}

#[test]
fn rule_18_s4_what_waited_has_its_time_from_readiness_and_no_light_before() {
    let mut office = Office::open_on(
        "2026-01-01",
        "
period: year
tasks:
  approve: { title: 批复, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  deliver:
    title: 交付
    needs: [approve]
    owner: unit.post(\"组织部长\")
    due: 2026-03-31
    start_by: 2026-03-10
    ladder: paper
",
        "",
        PAPER,
    );
    office.advance(at("2026-04-29", 9));
    let definition = office.env.program.definition().clone();
    assert_eq!(light(office.item("deliver"), &definition, office.env.now), Light::Grey);
    office.act("d1", submit("approve")).expect("approved");
    assert_eq!(office.item("deliver").due(), Some(end("2026-05-07")));
    assert_eq!(office.item("deliver").deadline().map(|one| &one.why), Some(&DueReason::AtLeast));
    office.advance(at("2026-05-07", 9));
    assert_eq!((office.count("overdue"), office.count("start_overdue")), (0, 0));
    office.advance(at("2026-05-08", 9));
    assert_eq!(office.count("overdue"), 1);
}

#[test]
fn rule_18_a_date_that_counts_from_readiness_stands_as_written_at_first() {
    for (due, expected) in [
        // At midnight the day before ends.
        ("now + workdays(1)", "2026-03-02"),
        ("now + workdays(8)", "2026-03-11"),
        ("2026-03-03", "2026-03-04"),
        ("2026-03-20", "2026-03-20"),
    ] {
        let workflow = format!(
            "tasks:\n  a: {{ title: 甲, owner: unit.post(\"书记\"), due: '{due}', ladder: none }}\n"
        );
        let office = Office::open_on("2026-03-02", &workflow, "", "");
        assert_eq!(office.item("a").due(), Some(end(expected)), "{due}");
    }
}

#[test]
fn rule_18_s6_a_return_goes_on_with_the_same_readiness() {
    let mut office = Office::open_on(
        "2026-01-05",
        "
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: now + workdays(60)
    ladder: none
",
        "",
        "",
    );
    let due = office.item("a").due().expect("a date");
    office.advance(due.plus_millis(-2 * 86_400_000));
    office.act("d2", submit("a")).expect("submitted");
    office.act("b1", send_back("a")).expect("returned");
    let days = office.item("a").due().expect("a date").millis_since(due) / 86_400_000;
    assert!((0..=7).contains(&days), "{days}");
}

#[test]
fn rule_18_s7_s8_review_gives_no_time_back_but_the_floor() {
    let mut office = plan("");
    office.advance(at("2026-03-02", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-03-30", 9));
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-02")));
    // Returned long before the date, it keeps the date.
    let mut office = plan("");
    office.advance(at("2026-03-02", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
    assert_eq!(office.item("plan").deadlines.len(), 1);
}

#[test]
fn rule_18_s9_reports_plans_and_nearness_of_another_turn_are_passed_over() {
    let mut office = plan(
        "    report: month
    stall: workdays(20)
    plan: { 2026-02-28: 10, 2026-03-31: 60, 2026-05-31: 90 }
",
    );
    office.advance(at("2026-01-20", 9));
    office.act("d2", report("plan")).expect("reported");
    office.advance(at("2026-02-20", 9));
    office.act("d2", report("plan")).expect("reported");
    let missed = office.count("report_missed");
    office.advance(at("2026-03-20", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-29", 9));
    let before = office.log.len();
    office.act("b1", send_back("plan")).expect("returned");
    office.advance(at("2026-04-30", 1));
    let kinds: Vec<&str> = office.log[before..].iter().map(|(one, _)| one.fact.kind()).collect();
    for kind in ["report_missed", "plan_checked", "due_soon", "stalled"] {
        assert!(!kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert_eq!(office.item("plan").report_at, Some(end("2026-04-30")));
    assert_eq!(office.item("plan").plan_next, 2);
    office.advance(at("2026-06-01", 9));
    assert_eq!(office.count("report_missed"), missed + 2);
    office.assert_replays();
}

#[test]
fn rule_18_s10_a_date_that_comes_with_a_return_lies_after_it_and_may_be_an_extension() {
    let ready = || {
        let mut office = plan("    extension: { max: 1, by: workdays(20) }\n");
        office.advance(at("2026-03-30", 9));
        office.act("d2", submit("plan")).expect("submitted");
        office.advance(at("2026-04-01", 9));
        office
    };
    let mut office = ready();
    let past = office.act("b1", send_back_until("plan", at("2026-04-01", 8)));
    assert!(matches!(past, Err(Refusal::OutOfRange { what: "due", .. })), "{past:?}");
    // Below the floor it is the floor.
    office.act("b1", send_back_until("plan", at("2026-04-01", 10))).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-07")));
    assert_eq!(office.item("plan").extensions, 0);
    // Beyond it an extension, within its limits.
    let mut office = ready();
    let late = office.act("b1", send_back_until("plan", end("2027-12-31")));
    assert!(matches!(late, Err(Refusal::Extension { .. })), "{late:?}");
    // The day is that of the suite, not of Greenwich.
    assert_eq!(late.unwrap_err().zh(), "任务 plan 不能延期：最晚可延至 2026-04-29");
    office.act("b1", send_back_until("plan", end("2026-04-20"))).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-20")));
    assert_eq!(office.item("plan").extensions, 1);
    office.act("d2", submit("plan")).expect("again");
    let twice = office.act("b1", send_back_until("plan", end("2026-04-30")));
    assert!(matches!(twice, Err(Refusal::Extension { .. })), "{twice:?}");
}

const STUDY: &str = "
period: year
tasks:
  study:
    title: 集中学习
    every: half-year
    grace: workdays(5)
    counts: form.held_on in window
    owner: unit.post(\"书记\")
    reviewer: org(\"市\").post(\"书记\")
    form: { held_on: { type: date, title: 日期, required: true } }
    ladder: none
    hooks: { missed: talk }
";

#[test]
fn rule_18_s11_a_return_after_the_judgement_breaches_only_after_its_time() {
    for (again, met) in [(Some("2022-06-10"), true), (None, false), (Some("2022-07-21"), false)] {
        let mut office = Office::open_on("2022-01-01", STUDY, "", "");
        office.advance(at("2022-06-15", 9));
        let held = |date: &str| submit_with("study@2022-H1", &json!({ "held_on": date }));
        office.act("d1", held("2022-06-10")).expect("submitted");
        office.advance(at("2022-07-20", 9));
        assert_eq!(office.item("study@2022-H1").window_met, Some(true));
        office.act("c1", send_back("study@2022-H1")).expect("returned");
        assert_eq!(office.item("study@2022-H1").window_met, Some(true));
        assert_eq!(office.count("sent"), 0);
        office.advance(at("2022-07-22", 9));
        if let Some(date) = again {
            office.act("d1", held(date)).expect("submitted again");
        }
        office.advance(at("2022-08-01", 9));
        assert_eq!(office.item("study@2022-H1").window_met, Some(met), "{again:?}");
        office.assert_replays();
    }
}

#[test]
fn rule_18_s12_a_return_just_before_the_judgement_puts_it_off() {
    let mut office = Office::open_on("2022-01-01", STUDY, "", "");
    office.advance(at("2022-07-04", 9));
    let held = submit_with("study@2022-H1", &json!({ "held_on": "2022-06-10" }));
    office.act("d1", held.clone()).expect("submitted");
    office.advance(at("2022-07-06", 9));
    office.act("c1", send_back("study@2022-H1")).expect("returned");
    office.advance(at("2022-07-11", 9));
    assert_eq!(office.item("study@2022-H1").window_met, None);
    office.act("d1", held).expect("again, by the date of the event");
    office.advance(at("2022-07-12", 9));
    assert_eq!(office.item("study@2022-H1").window_met, Some(true));
}

#[test]
fn rule_18_s13_an_extension_asked_for_in_time_is_judged_as_of_its_making() {
    let extensible = "    extension: { max: 2, by: months(3) }\n    review_within: workdays(3)\n";
    let mut office = plan(extensible);
    office.advance(at("2026-03-27", 9));
    office.act("d2", ask("2026-04-30")).expect("asked");
    office.advance(at("2026-04-10", 9));
    assert_eq!((office.count("overdue"), office.fired().len()), (0, 0));
    assert_eq!(office.count("answer_overdue"), 1);
    let definition = office.env.program.definition().clone();
    assert_ne!(light(office.item("plan"), &definition, office.env.now), Light::Red);
    let mut refused = Office { env: office.env.clone(), case: office.case.clone(), log: vec![] };
    office.act("b1", Act::GrantExtension { item: "plan".into() }).expect("granted");
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-04-30")));
    office.advance(at("2026-04-29", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(true));
    // Refused, what was left begins with the answer.
    let no = Act::RefuseExtension { item: "plan".into(), reason: "不宜再拖".to_owned() };
    refused.act("b1", no).expect("refused");
    assert_eq!(refused.item("plan").due(), Some(end("2026-04-15")));
    refused.advance(at("2026-05-20", 9));
    assert_eq!(refused.days_of("overdue"), days(&["2026-04-16"]));
    assert_eq!(refused.fired()[0], (0, "2026-04-16".to_owned()));
}

#[test]
fn rule_18_s14_a_request_that_nobody_answered_lapses_and_is_told() {
    let mut office = plan("    extension: { max: 2, by: months(3) }\n");
    office.advance(at("2026-03-27", 9));
    office.act("d2", ask("2026-04-30")).expect("asked");
    let facts = office.act("d2", submit("plan")).expect("submitted");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::ExtensionLapsed { .. })), "{facts:?}");
    assert_eq!(office.item("plan").asked, None);
    // One asked for too late waits for nobody.
    let mut office = plan("    extension: { max: 2, by: months(3), apply_before: 2026-12-31 }\n");
    office.advance(at("2026-04-03", 9));
    office.act("d2", ask("2026-04-30")).expect("asked late");
    office.advance(at("2026-04-09", 9));
    assert_eq!(office.fired().len(), 2);
    assert_eq!(office.count("overdue"), 1);
}

#[test]
fn rule_18_an_upstream_return_and_a_reopening_give_time_too() {
    let mut office = Office::open_on(
        "2026-01-01",
        "
period: year
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: 2026-01-31
    ladder: paper
  b:
    title: 乙
    needs: [a]
    owner: unit.post(\"书记\")
    reviewer: { all: ['org(\"组织部\").post(\"部长\")'], on_refuse: a }
    due: now + workdays(5)
    ladder: paper
",
        "",
        PAPER,
    );
    office.advance(at("2026-01-08", 9));
    office.act("d2", submit("a")).expect("submitted");
    office.act("b1", accept("a")).expect("accepted");
    office.act("d1", submit("b")).expect("submitted");
    office.advance(at("2026-04-13", 9));
    office.act("b1", send_back("b")).expect("returned upstream");
    assert_eq!(office.item("a").due(), Some(end("2026-04-16")));
    assert_eq!(office.status("b"), Status::Waiting);
    office.advance(at("2026-04-16", 9));
    assert_eq!(office.count("overdue"), 0);
    office.act("d2", submit("a")).expect("again");
    office.act("b1", accept("a")).expect("accepted");
    assert_eq!(office.item("a").on_time, Some(true));
    // What was superseded is ready anew: five working days from now.
    assert_eq!(office.item("b").due(), Some(end("2026-04-23")));
    office.act("d1", submit("b")).expect("submitted");
    office.act("b1", accept("b")).expect("accepted");
    office.advance(at("2026-09-01", 9));
    let reopen = |due| Act::Reopen { item: "b".into(), reason: "回头看".to_owned(), due };
    office.act("s1", reopen(None)).expect("reopened");
    assert_eq!(office.item("b").due(), Some(end("2026-09-04")));
    office.advance(at("2026-09-04", 20));
    assert_eq!(office.count("overdue"), 0);
    office.assert_replays();
}

#[test]
fn rule_19_a_person_s_later_date_begins_a_new_lateness_a_computed_one_does_not() {
    // S18: granted after the fact.
    let mut office = plan("    extension: { max: 2, by: months(3), apply_before: 2026-12-31 }\n");
    office.advance(at("2026-04-08", 9));
    office.act("d2", ask("2026-04-30")).expect("asked late");
    office.advance(at("2026-04-10", 9));
    office.act("b1", Act::GrantExtension { item: "plan".into() }).expect("granted");
    office.advance(at("2026-06-01", 9));
    assert_eq!(office.days_of("overdue"), days(&["2026-04-01", "2026-05-01"]));
    // S16: a clock that stood over the date.
    let mut office = plan("");
    office.advance(at("2026-03-20", 9));
    office.act("s1", suspend(Some("plan"))).expect("suspended");
    office.advance(at("2026-04-01", 9));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-13")));
    office.advance(at("2026-06-01", 9));
    assert_eq!(office.days_of("overdue"), days(&["2026-04-14"]));
    assert_eq!(office.fired()[0], (0, "2026-04-14".to_owned()));
}

#[test]
fn rule_18_what_fell_into_a_review_is_passed_over_when_the_owner_takes_it_back() {
    let mut office = plan("    report: month\n    plan: { 2026-02-15: 30, 2026-06-15: 70 }\n");
    office.advance(at("2026-01-20", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-10", 9));
    office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
    office.advance(at("2026-04-11", 9));
    for kind in ["report_missed", "plan_checked", "due_soon", "stalled"] {
        assert_eq!(office.count(kind), 0, "{kind}");
    }
    // It was taken back after its date: late, and told so, once.
    assert_eq!(office.days_of("overdue"), days(&["2026-04-10"]));
    office.advance(at("2026-05-01", 9));
    assert_eq!(office.days_of("report_missed"), days(&["2026-05-01"]));
    office.assert_replays();
}

#[test]
fn rule_18_a_window_that_is_judged_again_waits_for_outages_and_standing_clocks() {
    for outage in [true, false] {
        let mut office = Office::open_on("2022-01-01", STUDY, "", "");
        office.advance(at("2022-06-15", 9));
        let held = submit_with("study@2022-H1", &json!({ "held_on": "2022-06-10" }));
        office.act("d1", held.clone()).expect("submitted");
        office.advance(at("2022-07-20", 9));
        office.act("c1", send_back("study@2022-H1")).expect("returned");
        if outage {
            office.sleep_until(at("2022-09-01", 9));
            office.wake();
        } else {
            office.act("s1", suspend(None)).expect("suspended");
            office.advance(at("2022-09-01", 9));
            office.act("s1", resume(None)).expect("resumed");
        }
        office.advance(at("2022-09-02", 9));
        assert_eq!(office.item("study@2022-H1").window_met, Some(true), "{outage}");
        office.act("d1", held).expect("submitted again");
        office.advance(at("2022-09-30", 9));
        assert_eq!(office.item("study@2022-H1").window_met, Some(true), "{outage}");
        office.assert_replays();
    }
}
