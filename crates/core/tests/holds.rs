//! Rules 20 and 21: clocks that stand, and cases that are suspended.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, Fact, Light, Operation, Refusal, SkipReason, Status, light};
use serde_json::json;
use support::signers::with_holders;
use support::{Office, accept, ask, at, end, resume, send_back, submit, submit_with, suspend};

const PAPER: &str = "  paper:
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
";

fn one(due: &str, more: &str) -> Office {
    let workflow = format!(
        "
period: year
tasks:
  plan:
    title: 方案
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: {due}
    ladder: paper
{more}"
    );
    Office::open_on("2026-01-01", &workflow, "", PAPER)
}

#[test]
fn rule_20_s15_rungs_not_yet_sent_move_by_the_time_that_the_clock_stood() {
    let mut office = one("2026-01-29", "");
    office.advance(at("2026-02-03", 9));
    office.act("s1", suspend(Some("plan"))).expect("suspended");
    office.advance(at("2026-02-12", 9));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    office.advance(at("2026-03-30", 9));
    let fired = [(0, "2026-01-30".to_owned()), (1, "2026-02-14".to_owned())];
    assert_eq!(office.fired(), fired);
    assert_eq!(office.count("overdue"), 1);
    assert_eq!(office.item("plan").due(), Some(end("2026-01-29")));
    office.assert_replays();
}

#[test]
fn rule_20_s19_s20_a_date_given_while_the_clock_stands_is_that_date() {
    for (granted, due) in [("2026-05-29", "2026-05-29"), ("2026-04-03", "2026-04-13")] {
        let mut office = one("2026-03-31", "    extension: { max: 2, by: months(6) }\n");
        office.advance(at("2026-03-19", 9));
        office.act("d2", ask(granted)).expect("asked");
        office.advance(at("2026-03-20", 9));
        office.act("s1", suspend(None)).expect("suspended");
        office.advance(at("2026-03-25", 9));
        office.act("b1", Act::GrantExtension { item: "plan".into() }).expect("granted");
        assert_eq!(office.item("plan").judged_due(), Some(end(granted)));
        office.advance(at("2026-04-01", 9));
        office.act("s1", resume(None)).expect("resumed");
        assert_eq!(office.item("plan").due(), Some(end(due)));
        assert_eq!(office.item("plan").judged_due(), Some(end(due)));
        office.advance(at("2026-08-01", 9));
        assert_eq!(office.count("overdue"), 1);
        office.assert_replays();
    }
}

/// Somebody comes into a vacant post while the case is suspended: three working days from then.
fn filled_in_a_suspension(office: &mut Office, date: &str) {
    office.env.directory = Arc::new(with_holders(&[("post:D/组织部长", &["x1"])]));
    office.advance(at(date, 9));
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
}

#[test]
fn rule_20_time_counted_while_the_clock_stands_stands_too() {
    for (released, due) in [
        ("2026-04-21", "2026-04-24"), // long after the three days would have been over
        ("2026-04-15", "2026-04-20"), // on the last of them
        ("2026-04-10", "2026-04-15"), // at once
    ] {
        let mut office = one("2026-03-31", "");
        office.env.directory = Arc::new(with_holders(&[("post:D/组织部长", &[])]));
        office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
        office.advance(at("2026-04-07", 9));
        office.act("s1", suspend(None)).expect("suspended");
        filled_in_a_suspension(&mut office, "2026-04-10");
        assert_eq!(office.item("plan").due(), Some(end("2026-04-15")), "counted from its coming");
        office.advance(at(released, 9));
        office.act("s1", resume(None)).expect("resumed");
        assert_eq!(office.item("plan").due(), Some(end(due)), "released on {released}");
        let late = office.count("overdue");
        office.advance(end(due));
        assert_eq!(office.count("overdue"), late, "nobody is late for a clock that stood");
        office.advance(at("2026-05-29", 9));
        assert_eq!(office.count("overdue"), late + 1);
        assert_eq!(office.fired().last().expect("a rung").0, 1, "its ladder goes with it");
        office.assert_replays();
    }
}

#[test]
fn rule_20_an_extension_refused_while_the_clock_stands_leaves_its_time_after_the_release() {
    let mut office = one("2026-03-31", "    extension: { max: 2, by: months(6) }\n");
    office.advance(at("2026-03-31", 9));
    office.act("d2", ask("2026-05-29")).expect("asked");
    office.advance(at("2026-04-07", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2026-04-08", 9));
    let refused = Act::RefuseExtension { item: "plan".into(), reason: "不宜再拖".to_owned() };
    office.act("b1", refused).expect("refused");
    office.advance(at("2026-05-06", 9));
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(office.item("plan").due(), Some(end("2026-05-09")), "the 9th is a working day");
    office.advance(end("2026-05-09"));
    assert_eq!(office.count("overdue"), 0);
    office.assert_replays();
}

#[test]
fn rule_20_a_date_that_passes_while_the_clock_stands_judges_nobody_at_its_release() {
    for (set, due) in [("2026-04-10", "2026-04-24"), ("2026-05-29", "2026-05-29")] {
        let mut office = one("2026-03-31", "");
        office.advance(at("2026-04-03", 9));
        office.act("s1", suspend(None)).expect("suspended");
        let why = "按市委要求".to_owned();
        let given = Act::SetDue { item: "plan".into(), due: end(set), reason: why };
        office.act("s1", given).expect("set");
        office.advance(at("2026-04-21", 9));
        office.act("s1", resume(None)).expect("resumed");
        assert_eq!(office.item("plan").due(), Some(end(due)));
        office.advance(end(due));
        assert_eq!(office.count("overdue"), 1, "that of March");
        office.advance(at("2026-08-03", 9));
        assert_eq!(office.count("overdue"), 2);
        office.assert_replays();
    }
}

#[test]
fn rule_20_s21_what_is_under_review_has_nothing_left_to_count() {
    let mut office = one("2026-03-31", "    extension: { max: 2, by: months(6) }\n");
    office.advance(at("2026-03-30", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-10", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2026-04-15", 9));
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-20")));
    office.advance(at("2026-05-11", 9));
    assert_eq!(office.count("overdue"), 0);
    office.act("s1", resume(None)).expect("resumed");
    // Three working days from the release.
    assert_eq!(office.item("plan").due(), Some(end("2026-05-14")));
    office.act("d2", ask("2026-06-15")).expect("asked");
    assert_eq!(office.count("overdue"), 0);
}

#[test]
fn rule_20_s23_s24_s25_each_cause_has_its_own_end_and_its_own_hand() {
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-03-02", 9));
    let own = |until| Act::Suspend {
        item: Some("plan".into()),
        reason: "等材料".to_owned(),
        until,
        stops_clock: None,
    };
    office.act("d2", own(Some(end("2026-03-06")))).expect("the owner's own");
    assert!(!office.item("plan").is_held());
    office.act("s1", suspend(Some("plan"))).expect("an order beside it");
    office.act("s1", suspend(None)).expect("the case beside both");
    assert_eq!(office.item("plan").holds.len(), 3);
    let twice = office.act("s1", suspend(Some("plan")));
    assert!(matches!(twice, Err(Refusal::NotApplicable { .. })), "{twice:?}");
    // The owner lifts what is theirs, not what was ordered; reviewers neither.
    office.advance(at("2026-03-09", 9));
    assert_eq!(office.item("plan").holds.len(), 2);
    let lifted = office.act("d2", resume(Some("plan")));
    assert!(matches!(lifted, Err(Refusal::NotAllowed { .. })), "{lifted:?}");
    let lifted = office.act("b1", resume(Some("plan")));
    assert!(matches!(lifted, Err(Refusal::NotAllowed { .. })), "{lifted:?}");
    assert!(office.act("b1", suspend(Some("plan"))).is_err());
    // The case's resumption leaves the order, and the clock stands on.
    office.act("s1", resume(None)).expect("the case goes on");
    assert!(office.item("plan").is_held());
    office.advance(at("2026-03-12", 9));
    office.act("s1", resume(Some("plan"))).expect("the order is lifted");
    assert!(office.item("plan").holds.is_empty());
    // Held from 03-02 to 03-12: eight working days later.
    assert_eq!(office.item("plan").due(), Some(end("2026-04-13")));
    office.assert_replays();
}

#[test]
fn rule_20_an_owner_asks_for_an_order_as_for_an_extension() {
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-03-02", 9));
    let ask = Act::AskSuspension {
        item: "plan".into(),
        reason: "等上级批复".to_owned(),
        until: Some(end("2026-03-13")),
    };
    assert!(office.act("x1", ask.clone()).is_err());
    office.act("d2", ask.clone()).expect("asked");
    let refuse =
        Act::RefuseSuspension { item: "plan".into(), reason: "可先办其他".to_owned() };
    assert!(office.act("d2", refuse.clone()).is_err());
    office.act("s1", refuse.clone()).expect("refused");
    assert!(office.act("s1", refuse).is_err());
    office.act("d2", ask).expect("asked again");
    office.advance(at("2026-03-04", 9));
    office.act("s1", Act::GrantSuspension { item: "plan".into() }).expect("granted");
    assert!(office.item("plan").is_held());
    office.advance(at("2026-03-16", 9));
    assert!(!office.item("plan").is_held());
    // Suspended in the morning: that day is there again too.
    assert_eq!(office.item("plan").due(), Some(end("2026-04-13")));
}

const STOPPED: &str = "
period: year
tasks:
  main:
    title: 主办
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: 2026-03-31
    ladder: paper
  first: { title: 停一, owner: unit.post(\"书记\"), reviewer: none, due: 2026-02-10, stops_clock: [main], ladder: none }
  second: { title: 停二, owner: unit.post(\"书记\"), reviewer: none, due: 2026-02-20, stops_clock: [main], ladder: none }
";

#[test]
fn rule_20_the_clock_stands_until_the_last_stopper_has_gone_and_again_when_one_is_reopened() {
    for order in [["first", "second"], ["second", "first"]] {
        let mut office = Office::open_on("2026-01-05", STOPPED, "", PAPER);
        assert_eq!(office.item("main").holds.len(), 2);
        office.advance(at("2026-02-02", 9));
        office.act("d1", submit(order[0])).expect("one done");
        assert!(office.item("main").is_held(), "{order:?}");
        office.act("s1", suspend(Some("main"))).expect("an order beside a stopper");
        office.advance(at("2026-02-04", 9));
        office.act("d1", submit(order[1])).expect("both done");
        assert!(office.item("main").is_held(), "{order:?}");
        office.act("s1", resume(Some("main"))).expect("the last cause");
        assert!(!office.item("main").is_held(), "{order:?}");
        let due = office.item("main").due().expect("a date");
        assert!(due > end("2026-04-20"), "{due}");
        // S26: reopened, it stops again.
        let reopen = Act::Reopen { item: order[0].into(), reason: "有误".to_owned(), due: None };
        office.act("s1", reopen).expect("reopened");
        assert!(office.item("main").is_held());
        office.act("d1", submit(order[0])).expect("done again");
        assert!(!office.item("main").is_held());
        office.assert_replays();
    }
}

#[test]
fn rule_20_s27_a_stopper_suspended_by_order_stops_on_by_its_owner_not() {
    let mut office = Office::open_on("2026-01-05", STOPPED, "", PAPER);
    office.act("d1", submit("second")).expect("one done");
    office.act("s1", suspend(Some("first"))).expect("by order");
    assert!(office.item("main").is_held());
    office.act("s1", resume(Some("first"))).expect("resumed");
    let own = Act::Suspend {
        item: Some("first".into()),
        reason: "等材料".to_owned(),
        until: None,
        stops_clock: None,
    };
    office.act("d1", own).expect("the owner's own");
    assert!(!office.item("main").is_held());
    office.act("d1", resume(Some("first"))).expect("resumed");
    assert!(office.item("main").is_held());
}

#[test]
fn rule_20_a_stopper_open_before_the_item_is_ready_holds_it_from_the_start() {
    let late =
        STOPPED.replace("    title: 主办\n", "    title: 主办\n    not_before: 2026-01-12\n");
    let mut office = Office::open_on("2026-01-05", &late, "", PAPER);
    assert_eq!(office.status("main"), Status::Waiting);
    office.advance(at("2026-01-13", 9));
    assert_eq!(office.status("main"), Status::Ready);
    assert_eq!(office.item("main").holds.len(), 2);
    let definition = office.env.program.definition().clone();
    office.advance(at("2026-04-10", 9));
    assert_ne!(light(office.item("main"), &definition, office.env.now), Light::Red);
    assert_eq!(office.count("overdue"), 2, "the stoppers' own");
}

const DUTIES: &str = "
period: year
tasks:
  first: { title: 起步, owner: unit.post(\"书记\"), reviewer: none, due: 2022-05-20, ladder: none }
  then: { title: 随后, needs: [first], owner: unit.post(\"书记\"), reviewer: org(\"市\").post(\"书记\"), due: 2022-05-31, review_within: workdays(3), ladder: none }
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

fn held(key: &str, date: &str) -> Act {
    submit_with(key, &json!({ "held_on": date }))
}

#[test]
fn rule_21_s30_s31_a_window_s_end_moves_as_a_due_date_does() {
    for (from, upto, ends) in
        [("2022-04-01", "2022-07-20", "2022-10-19"), ("2022-04-01", "2022-06-20", "2022-09-14")]
    {
        let mut office = Office::open_on("2022-01-01", DUTIES, "", "");
        office.advance(at(from, 9));
        office.act("s1", suspend(None)).expect("suspended");
        office.advance(at(upto, 9));
        office.act("s1", resume(None)).expect("resumed");
        assert_eq!(office.item("study@2022-H1").due(), Some(end(ends)), "{from} {upto}");
        // What is done in the added days is that window's, whichever was named.
        office.advance(at("2022-08-02", 9));
        office.act("d1", held("study@2022-H2", "2022-08-01")).expect("submitted");
        assert_eq!(office.status("study@2022-H1"), Status::Submitted);
        office.act("c1", accept("study@2022-H1")).expect("accepted");
        office.advance(at("2023-03-01", 9));
        // Done before it was judged; the second half has no entry of its own.
        assert_eq!(office.status("study@2022-H1"), Status::Done);
        assert_eq!(office.item("study@2022-H2").window_met, Some(false));
        office.assert_replays();
    }
}

#[test]
fn rule_21_a_window_that_left_too_little_is_excused() {
    let mut office = Office::open_on("2022-01-01", DUTIES, "", "");
    office.advance(at("2022-01-20", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2022-08-01", 9));
    assert_eq!(office.item("study@2022-H1").window_met, None);
    assert!(office.item("study@2022-H2").is_held(), "what opens meanwhile begins held");
    office.act("s1", resume(None)).expect("resumed");
    assert_eq!(office.item("study@2022-H1").skipped, Some(SkipReason::Excused));
    assert_eq!(office.count("window_judged"), 0);
    // The other keeps as many working days as it had, at most to the end of the next window.
    let due = office.item("study@2022-H2").due().expect("an end");
    assert!(due > end("2023-01-19") && due < end("2023-02-10"), "{due}");
}

#[test]
fn rule_21_s33_grace_is_kept_too() {
    let quarters = DUTIES.replace("half-year", "quarter");
    let mut office = Office::open_on("2022-01-01", &quarters, "", "");
    office.advance(at("2022-09-30", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2022-10-12", 9));
    office.act("s1", resume(None)).expect("resumed");
    let item = office.item("study@2022-Q3");
    assert_eq!(item.judged_at, Some(end("2022-10-19")));
    office.act("d1", held("study@2022-Q3", "2022-09-20")).expect("in the grace that was left");
    office.advance(at("2022-10-20", 9));
    assert_eq!(office.item("study@2022-Q3").window_met, Some(true));
}

#[test]
fn rule_21_s35_s38_moves_are_taken_and_nothing_scores() {
    let scoring = "  none: []
scoring:
  - { id: returned, on: returned, points: -1 }
  - { id: early, on: done_on_time, points: 1 }
";
    let mut office = Office::open_on("2022-01-01", DUTIES, "", scoring);
    office.advance(at("2022-03-01", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.act("d1", submit("first")).expect("moves of people are taken");
    assert_eq!(office.status("then"), Status::Ready);
    assert!(office.item("then").is_held(), "what becomes ready begins held");
    office.act("d1", submit("then")).expect("submitted");
    office.advance(at("2022-05-01", 9));
    assert_eq!(office.count("review_overdue"), 0, "reviews are held too");
    office.act("c1", send_back("then")).expect("returned");
    assert!(office.log.iter().all(|(event, _)| !matches!(event.fact, Fact::Scored { .. })));
    office.act("s1", resume(None)).expect("resumed");
    assert!(!office.item("then").is_held());
    office.assert_replays();
}

#[test]
fn rule_21_an_item_suspended_by_order_takes_none_but_the_reviewers_moves() {
    let mut office = one("2026-03-31", "");
    office.act("s1", suspend(Some("plan"))).expect("ordered");
    assert!(matches!(office.act("d2", submit("plan")), Err(Refusal::Suspended(_))));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    office.act("d2", submit("plan")).expect("submitted");
    office.act("s1", suspend(Some("plan"))).expect("ordered");
    assert!(matches!(
        office.act("d2", Act::Withdraw { item: "plan".into() }),
        Err(Refusal::Suspended(_))
    ));
    office.act("b1", accept("plan")).expect("the reviewer's");
    assert_eq!(office.status("plan"), Status::Done);
}

#[test]
fn rule_21_a_submission_while_the_clock_stands_is_judged_by_that_clock() {
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-03-20", 9));
    office.act("s1", suspend(None)).expect("suspended");
    office.advance(at("2026-04-20", 9));
    office.act("d2", submit("plan")).expect("submitted while it stands");
    office.act("s1", resume(None)).expect("resumed");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(true));
    office.advance(at("2026-06-01", 9));
    assert_eq!(office.count("overdue"), 0);
}

#[test]
fn rule_21_a_suspension_with_an_end_resumes_by_itself() {
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-03-02", 9));
    let until = Some(end("2026-03-13"));
    let reason = "专项检查".to_owned();
    office.act("s1", Act::Suspend { item: None, reason, until, stops_clock: None }).expect("ok");
    office.advance(at("2026-03-16", 9));
    assert!(office.case.head().suspended.is_none());
    assert_eq!(office.count("case_resumed"), 1);
    assert_eq!(office.item("plan").due(), Some(end("2026-04-15")));
}

#[test]
fn rule_20_an_answer_that_is_owed_moves_by_the_time_that_the_clock_stood() {
    let more = "    extension: { max: 2, by: months(6) }\n    review_within: workdays(3)\n";
    for (asked, suspended) in [("2026-03-02", "2026-03-03"), ("2026-03-03", "2026-03-02")] {
        let mut office = one("2026-04-30", more);
        let mut days = [asked, suspended];
        days.sort_unstable();
        for day in days {
            office.advance(at(day, 9));
            if day == asked {
                office.act("d2", ask("2026-06-30")).expect("asked");
            } else {
                office.act("s1", suspend(None)).expect("suspended");
            }
        }
        office.advance(at("2026-03-20", 9));
        office.act("s1", resume(None)).expect("resumed");
        let owed = office.item("plan").asked.clone().and_then(|asked| asked.due);
        // Asked before: two of three working days were left. Asked while it stood: all three.
        let due = if asked < suspended { "2026-03-24" } else { "2026-03-25" };
        assert_eq!(owed, Some(end(due)));
        assert_eq!(office.count("answer_overdue"), 0);
        office.assert_replays();
    }
}

#[test]
fn rule_18_what_is_over_is_not_near_its_end() {
    let workflow = "
period: year
tasks:
  first: { title: 先, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none }
  study: { title: 学习, every: quarter, grace: workdays(3), owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  after: { title: 后, needs: [first], every: quarter, grace: workdays(3), owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";
    let near = |office: &Office, key: &str| {
        office
            .log
            .iter()
            .filter(
                |(event, _)| matches!(&event.fact, Fact::DueSoon { item } if item.as_str() == key),
            )
            .count()
    };
    // Released in its grace, and after it was judged.
    for (from, upto) in [("2026-04-01", "2026-04-02"), ("2026-04-10", "2026-04-14")] {
        let mut office = Office::open_on("2026-01-01", workflow, "", "");
        office.advance(at(from, 9));
        assert_eq!(near(&office, "study@2026-Q1"), 1);
        office.act("s1", suspend(Some("study@2026-Q1"))).expect("suspended");
        office.advance(at(upto, 9));
        office.act("s1", resume(Some("study@2026-Q1"))).expect("resumed");
        office.advance(at("2026-04-20", 9));
        assert_eq!(near(&office, "study@2026-Q1"), 1, "{from}");
        office.assert_replays();
    }
    // What it needs was there only after its window.
    let mut office = Office::open_on("2026-01-01", workflow, "", "");
    office.advance(at("2026-04-01", 9));
    office.act("d2", submit("first")).expect("done");
    assert_eq!(office.status("after@2026-Q1"), Status::Ready);
    office.advance(at("2026-04-03", 9));
    assert_eq!(near(&office, "after@2026-Q1"), 0);
}

#[test]
fn rule_20_what_was_owed_on_the_day_of_the_hold_is_owed_on_the_day_of_the_release() {
    // A working day, a Saturday, a Sunday.
    for released in ["2026-04-10", "2026-04-11", "2026-04-12"] {
        let mut office = one("2026-12-31", "    report: quarter\n");
        office.advance(at("2026-03-31", 9));
        office.act("s1", suspend(Some("plan"))).expect("suspended");
        office.advance(at(released, 9));
        office.act("s1", resume(Some("plan"))).expect("resumed");
        office.advance(at(released, 20));
        assert_eq!(office.count("report_missed"), 0, "{released}");
        assert_eq!(office.item("plan").report_at, Some(end(released)));
        office.assert_replays();
    }
}

fn stop(key: &str) -> Act {
    let (item, reason) = (Some(key.into()), "先停下".to_owned());
    Act::Suspend { item, reason, until: None, stops_clock: Some(false) }
}

#[test]
fn rule_20_nobody_is_chased_while_an_order_lets_nobody_work_though_the_clock_runs() {
    // Stopped, resumed, the date then, and how often it is called late by June.
    let lives = [
        ("2026-03-20", "2026-04-15", "2026-04-20"),
        ("2026-03-20", "2026-03-30", "2026-04-02"),
        ("2026-03-02", "2026-03-20", "2026-03-31"),
    ];
    for (stopped, resumed, due) in lives {
        let mut office = one("2026-03-31", "    stall: workdays(5)\n    report: month\n");
        office.advance(at(stopped, 9));
        office.act("s1", stop("plan")).expect("stopped");
        office.log.clear();
        office.advance(at(resumed, 9));
        assert_eq!((office.count("rung_fired"), office.count("overdue")), (0, 0), "{stopped}");
        assert_eq!((office.count("stalled"), office.count("report_missed")), (0, 0), "{stopped}");
        let definition = office.env.program.definition();
        assert_ne!(light(office.item("plan"), definition, office.env.now), Light::Red);
        office.act("s1", resume(Some("plan"))).expect("resumed");
        office.wake();
        assert_eq!(office.item("plan").due(), Some(end(due)), "{stopped} to {resumed}");
        assert_eq!(office.count("overdue"), 0);
        office.advance(at("2026-06-01", 9));
        assert_eq!(office.count("overdue"), 1);
    }
    // What was late before it is late after it, and no more of it is said.
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-04-02", 9));
    office.act("s1", stop("plan")).expect("stopped");
    office.advance(at("2026-05-20", 9));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    office.advance(at("2026-05-21", 9));
    assert_eq!(office.fired().len(), 1, "{:?}", office.fired());
    // What it overtook comes as much later as it lasted.
    office.advance(at("2026-06-01", 9));
    assert_eq!(office.fired().len(), 2, "{:?}", office.fired());
    office.act("d2", submit("plan")).expect("submitted");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(false));
    office.assert_replays();
}

#[test]
fn rule_20_a_duty_that_nobody_may_work_on_is_not_missed() {
    let workflow = "
period: year
tasks:
  plan: { title: 月报, every: month, owner: unit.post(\"组织部长\"), reviewer: none, grace: workdays(5), ladder: none }
";
    let mut office = Office::open_on("2026-01-05", workflow, "", PAPER);
    for (key, stopped, resumed) in
        [("plan@2026-01", "2026-01-28", "2026-02-25"), ("plan@2026-03", "2026-03-31", "2026-04-09")]
    {
        office.advance(at(stopped, 9));
        office.act("s1", stop(key)).expect("stopped");
        office.advance(at(resumed, 9));
        assert_eq!(office.item(key).window_met, None, "{key}");
        office.act("s1", resume(Some(key))).expect("resumed");
        office.wake();
        assert_eq!(office.item(key).window_met, None, "{key}");
        assert!(office.item(key).judged_at > Some(office.env.now), "{key}");
    }
}

#[test]
fn rule_20_an_order_under_which_the_clock_runs_that_ends_while_another_cause_stands() {
    // The order, the case's suspension, when each ends, and the date then.
    let lives = [
        ("2026-03-20", "2026-04-07", "2026-04-13", "2026-04-20", "2026-04-23"),
        ("2026-03-20", "2026-03-25", "2026-04-01", "2026-04-20", "2026-04-23"),
    ];
    for (stopped, suspended, unstopped, resumed, due) in lives {
        let mut office = one("2026-03-31", "");
        office.advance(at(stopped, 9));
        office.act("s1", stop("plan")).expect("stopped");
        office.advance(at(suspended, 9));
        office.act("s1", suspend(None)).expect("suspended");
        office.advance(at(unstopped, 9));
        office.act("s1", resume(Some("plan"))).expect("the order ends");
        office.advance(at(resumed, 9));
        office.act("s1", resume(None)).expect("the case goes on");
        office.wake();
        assert_eq!(office.count("overdue"), 0, "{suspended}");
        assert!(office.item("plan").due() >= Some(end(due)), "{:?}", office.item("plan").due());
        office.assert_replays();
    }
}

#[test]
fn rule_20_in_time_and_under_review_while_the_clock_stood_it_has_what_was_left() {
    for (suspended, due) in [("2026-03-26", "2026-04-23"), ("2026-03-30", "2026-04-21")] {
        let mut office = one("2026-03-31", "");
        office.advance(at("2026-03-25", 9));
        office.act("d2", submit("plan")).expect("submitted");
        office.advance(at(suspended, 9));
        office.act("s1", suspend(Some("plan"))).expect("suspended");
        office.advance(at("2026-04-20", 9));
        office.act("s1", resume(Some("plan"))).expect("resumed");
        office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
        office.wake();
        assert_eq!((office.count("overdue"), office.item("plan").due()), (0, Some(end(due))));
    }
}

#[test]
fn rule_18_days_under_review_are_no_days_of_lateness() {
    let mut office = one("2026-03-31", "");
    office.advance(at("2026-03-30", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-13", 9));
    office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
    office.advance(at("2026-04-15", 9));
    let item = office.item("plan");
    let date = |instant| duban_calendar::date_of(instant, support::TZ);
    let late = support::china().workdays_between(date(end("2026-03-31")), date(office.env.now));
    assert_eq!(late - item.stood_workdays(), 2, "late from the day on which it was taken back");
}
