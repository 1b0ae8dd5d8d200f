//! Rules 18, 19 and 26: whoever comes to a task has time for it, and whoever was late with it stays
//! late, by whichever way it passes from one to the other.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, DueReason, Fact, Light, Operation, Refusal, Status, light};
use duban_model::Assignee;
use support::signers::with_holders;
use support::{Office, accept, ask, at, end, resume, send_back, submit, suspend};

const WORK: &str = "
period: year
tasks:
  plan:
    title: 方案
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    due: 2026-03-31
    ladder: paper
";

const LADDER: &str = "  paper:
    - { at: due - workdays(1), do: nudge, to: owner }
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
scoring:
  - { id: late, on: overdue, points: -1 }
  - { id: done_late, on: done_late, points: -1 }
";

fn plan() -> Office {
    Office::open_on("2026-01-05", WORK, "", LADDER)
}

fn to(who: &str) -> Assignee {
    who.parse().expect("an assignee")
}

fn assign(who: &str) -> Act {
    Act::Assign { item: "plan".into(), to: to(who), reason: "调整承办".to_owned() }
}

fn transfer(key: &str, who: &str) -> Act {
    Act::Transfer { item: key.into(), to: to(who), reason: "分工调整".to_owned() }
}

fn reopen() -> Act {
    Act::Reopen { item: "plan".into(), reason: "回头看".to_owned(), due: None }
}

fn post_is_held_by(office: &mut Office, holders: &[&str]) {
    office.env.directory = Arc::new(with_holders(&[("post:D/组织部长", holders)]));
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
}

fn finish(office: &mut Office, owner: &str) -> Option<bool> {
    office.act(owner, submit("plan")).expect("submitted");
    office.act("b1", accept("plan")).expect("accepted");
    office.assert_replays();
    office.item("plan").on_time
}

/// How often a rule gave points.
fn scored(office: &Office, rule: &str) -> usize {
    let given = office.log.iter().filter(|(event, _)| match &event.fact {
        Fact::Scored { rule: Some(by), .. } => by == rule,
        _ => false,
    });
    given.count()
}

#[test]
fn rule_19_given_away_late_and_back_it_is_judged_by_the_date_that_was_missed() {
    // Assigned away, back, done by: within the time that the other had, and after it.
    let lives = [
        ("2026-04-03", "2026-04-03", "2026-04-08"),
        ("2026-04-03", "2026-04-07", "2026-04-08"),
        ("2026-04-03", "2026-04-20", "2026-04-21"),
    ];
    for (away, back, done) in lives {
        let mut office = plan();
        office.advance(at(away, 9));
        office.act("s1", assign("post:D1/书记")).expect("assigned away");
        assert_eq!(office.item("plan").judged_due(), Some(end("2026-04-09")), "theirs");
        office.advance(at(back, 10));
        office.act("s1", assign("post:D/组织部长")).expect("assigned back");
        assert_eq!(office.item("plan").judged_due(), Some(end("2026-03-31")), "{back}");
        office.advance(at(done, 9));
        assert_eq!(finish(&mut office, "d2"), Some(false), "{back}");
        assert_eq!(office.days_of("overdue"), ["2026-04-01"], "said once");
    }
    // Whoever had it in between, and not late, is not accused when it comes to them again.
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    for who in ["post:D1/书记", "post:D/组织部长", "post:D1/书记"] {
        office.act("s1", assign(who)).expect("assigned");
    }
    office.advance(at("2026-04-08", 9));
    assert_eq!(finish(&mut office, "x1"), Some(true));
}

#[test]
fn rule_19_back_with_whoever_missed_it_it_is_red_and_its_ladder_goes_on() {
    for by_post in [true, false] {
        let mut office = plan();
        office.advance(at("2026-04-02", 9));
        let before = office.fired();
        if by_post {
            post_is_held_by(&mut office, &["x1"]);
            post_is_held_by(&mut office, &["d2"]);
        } else {
            office.act("s1", assign("post:D1/书记")).expect("assigned");
            office.act("s1", assign("post:D/组织部长")).expect("assigned back");
        }
        let definition = Arc::clone(office.env.program.definition());
        assert_eq!(light(office.item("plan"), &definition, office.env.now), Light::Red);
        office.advance(at("2026-04-30", 9));
        let later: Vec<u16> =
            office.fired()[before.len()..].iter().map(|(rung, _)| *rung).collect();
        assert_eq!(later, [2], "the first two went out before");
        office.assert_replays();
    }
}

#[test]
fn rule_19_nothing_passes_to_whoever_owns_it_and_no_time_to_whoever_had_it() {
    let mut office = plan();
    office.advance(at("2026-03-30", 9));
    for refused in [
        office.act("d2", transfer("plan", "post:D/组织部长")),
        office.act("s1", assign("post:D/组织部长")),
    ] {
        assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{refused:?}");
    }
    office.act("d2", transfer("plan", "person:d2")).expect("the same person, by name");
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
}

#[test]
fn rule_19_passed_on_and_back_by_their_owners_a_lateness_stays() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    office.act("d2", transfer("plan", "post:D1/书记")).expect("passed on");
    office.advance(at("2026-04-07", 9));
    office.act("x1", transfer("plan", "post:D/组织部长")).expect("and back");
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-03-31")));
    office.advance(at("2026-04-08", 9));
    assert_eq!(finish(&mut office, "d2"), Some(false));
}

#[test]
fn rule_19_whoever_has_what_was_submitted_late_by_another_is_not_scored_for_it() {
    let mut office = plan();
    office.advance(at("2026-04-02", 9));
    office.act("d2", submit("plan")).expect("submitted late");
    office.advance(at("2026-04-03", 9));
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    office.act("b1", accept("plan")).expect("accepted");
    let late = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::Scored { unit, rule: Some(rule), .. } if rule == "done_late" => {
            Some(unit.to_string())
        }
        _ => None,
    });
    assert_eq!(late.collect::<Vec<_>>(), ["D"]);
}

#[test]
fn rule_18_a_new_owner_who_takes_a_submission_back_has_time() {
    for direct in [false, true] {
        let mut office = plan();
        office.advance(at("2026-03-30", 9));
        office.act("d2", submit("plan")).expect("submitted in time");
        office.advance(at("2026-04-08", 9));
        if direct {
            post_is_held_by(&mut office, &["x1"]);
        } else {
            office.act("s1", assign("post:D1/书记")).expect("assigned");
        }
        office.advance(at("2026-04-13", 9));
        office.act("x1", Act::Withdraw { item: "plan".into() }).expect("taken back");
        office.wake();
        assert_eq!(office.count("overdue"), 0, "{direct}");
        assert_eq!(office.item("plan").due(), Some(end("2026-04-16")));
        office.assert_replays();
    }
}

#[test]
fn rule_18_a_request_for_extension_ends_with_whoever_made_it() {
    let mut office = Office::open_on(
        "2026-01-05",
        &WORK.replace(
            "due: 2026-03-31",
            "due: 2026-03-31\n    extension: { max: 2, by: months(6) }",
        ),
        "",
        LADDER,
    );
    office.advance(at("2026-03-30", 9));
    office.act("d2", ask("2026-04-30")).expect("asked");
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    assert!(office.item("plan").asked.is_none());
    office.advance(at("2026-04-03", 9));
    assert_eq!(office.days_of("overdue"), ["2026-04-03"]);
}

#[test]
fn rule_19_late_by_the_time_that_they_had_a_second_owner_stays_late_too() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    office.advance(at("2026-04-14", 9));
    office.act("s1", assign("post:D2/书记")).expect("assigned on");
    office.act("s1", assign("post:D1/书记")).expect("and back");
    office.advance(at("2026-04-15", 9));
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-04-09")));
    assert_eq!(finish(&mut office, "x1"), Some(false));
}

#[test]
fn rule_19_a_later_date_from_a_person_is_a_new_beginning_for_all() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    let (due, reason) = (end("2026-05-29"), "另定".to_owned());
    office.act("s1", Act::SetDue { item: "plan".into(), due, reason }).expect("set");
    office.act("s1", assign("post:D/组织部长")).expect("assigned back");
    office.advance(at("2026-05-28", 9));
    assert_eq!(finish(&mut office, "d2"), Some(true));
}

#[test]
fn rule_18_what_came_to_somebody_while_it_was_under_review_is_judged_by_their_time() {
    // Submitted late by the predecessor; how it came to the successor; who that is.
    for direct in [false, true] {
        let mut office = plan();
        office.advance(at("2026-04-03", 9));
        office.act("d2", submit("plan")).expect("submitted late");
        if direct {
            post_is_held_by(&mut office, &["x1"]);
        } else {
            office.act("s1", assign("post:D1/书记")).expect("assigned");
        }
        office.advance(at("2026-04-13", 9));
        office.act("b1", send_back("plan")).expect("returned");
        assert_eq!(office.item("plan").judged_due(), Some(end("2026-04-16")), "{direct}");
        office.advance(at("2026-04-15", 9));
        assert_eq!(finish(&mut office, "x1"), Some(true), "{direct}");
        assert_eq!(office.days_of("overdue"), ["2026-04-01"]);
    }
    // Given to another and back while it was under review, it is whose it was.
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    office.act("d2", submit("plan")).expect("submitted late");
    for who in ["post:D1/书记", "post:D/组织部长"] {
        office.act("s1", assign(who)).expect("assigned");
    }
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(finish(&mut office, "d2"), Some(false));
}

#[test]
fn rule_19_looked_back_at_a_lateness_is_not_scored_again() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    assert_eq!(finish(&mut office, "d2"), Some(false));
    office.advance(at("2026-04-20", 9));
    office.act("s1", reopen()).expect("reopened");
    office.advance(at("2026-05-20", 9));
    assert_eq!(finish(&mut office, "d2"), Some(false));
    assert_eq!((scored(&office, "late"), scored(&office, "done_late")), (1, 1));
}

#[test]
fn rule_18_a_post_that_passes_straight_to_another_gives_them_time() {
    for (day, due) in [("2026-03-31", "2026-04-03"), ("2026-03-30", "2026-04-02")] {
        let mut office = plan();
        office.advance(at(day, 9));
        post_is_held_by(&mut office, &["x1"]);
        assert_eq!(office.item("plan").due(), Some(end(due)));
        assert_eq!(office.item("plan").holder, Some("x1".into()));
        // Applied again, nothing changes.
        let before = office.log.len();
        office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
        assert_eq!(office.log.len(), before);
        office.advance(end(due));
        assert_eq!(office.count("overdue"), 0);
        assert_eq!(finish(&mut office, "x1"), Some(true));
    }
    // Long before its date nothing changes but who has it.
    let mut office = plan();
    office.advance(at("2026-02-02", 9));
    post_is_held_by(&mut office, &["x1"]);
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
    // Whoever was late and comes back is late.
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    for holder in ["x1", "d2"] {
        post_is_held_by(&mut office, &[holder]);
        office.advance(at("2026-04-07", 9));
    }
    assert_eq!(finish(&mut office, "d2"), Some(false));
    // One of two who stays has had it all along, and has it.
    let mut office = plan();
    post_is_held_by(&mut office, &["d2", "x1"]);
    post_is_held_by(&mut office, &["d2"]);
    assert_eq!(office.count("transferred"), 0);
}

#[test]
fn rule_18_what_its_owner_passes_on_gives_time_once() {
    let mut office = plan();
    office.advance(at("2026-03-31", 9));
    office.act("d2", transfer("plan", "post:D1/书记")).expect("passed on");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-03")));
    assert_eq!(office.item("plan").deadline().map(|one| &one.why), Some(&DueReason::AtLeast));
    office.advance(at("2026-04-03", 9));
    office.act("x1", transfer("plan", "post:D2/书记")).expect("passed on");
    office.act("x2", transfer("plan", "post:D1/书记")).expect("and back");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-03")), "not for ever");
    // The office gives time each time.
    office.act("s1", assign("post:D2/书记")).expect("assigned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-09")));
    office.assert_replays();
}

#[test]
fn rule_19_passed_on_late_it_stays_late_within_the_unit() {
    for (who, person, in_time) in [("post:D/书记", "d1", false), ("post:D1/书记", "x1", true)] {
        let mut office = plan();
        office.advance(at("2026-04-03", 9));
        office.act("d2", transfer("plan", who)).expect("passed on");
        assert_eq!(office.item("plan").due(), Some(end("2026-04-09")));
        let before = office.fired().len();
        office.advance(at("2026-04-09", 9));
        let reminded = usize::from(in_time);
        assert_eq!(office.fired().len(), before + reminded, "{who}: nobody is chased at once");
        assert_eq!(finish(&mut office, person), Some(in_time), "{who}");
        assert_eq!(office.days_of("overdue"), ["2026-04-01"], "{who}");
    }
}

const DUTY: &str = "
period: year
tasks:
  plan:
    title: 月报
    every: month
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    grace: workdays(5)
    ladder: none
";

#[test]
fn rule_18_what_came_to_somebody_when_its_window_was_nearly_over_is_not_missed_by_them() {
    // When it came, by which way, and what became of the window of January.
    let lives = [
        ("2026-01-29", "assign", true),
        ("2026-02-05", "assign", true),
        ("2026-01-30", "post", true),
        ("2026-01-12", "assign", false),
        ("2026-01-12", "post", false),
    ];
    for (day, way, excused) in lives {
        let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
        let key = "plan@2026-01";
        office.advance(at(day, 9));
        if way == "post" {
            post_is_held_by(&mut office, &["x1"]);
        } else {
            let (to, reason) = (to("post:D1/书记"), "调整".to_owned());
            office.act("s1", Act::Assign { item: key.into(), to, reason }).expect("assigned");
        }
        office.advance(at("2026-02-26", 9));
        assert_eq!(office.status(key) == Status::Skipped, excused, "{day} {way}");
        office.assert_replays();
    }
    // Its owner cannot get rid of it then.
    let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
    for day in ["2026-01-29", "2026-01-31", "2026-02-06"] {
        office.advance(at(day, 9));
        let refused = office.act("d2", transfer("plan@2026-01", "post:D1/书记"));
        assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "{day}: {refused:?}");
    }
}

#[test]
fn rule_18_what_its_owner_takes_back_after_the_judgement_is_judged_again() {
    // Taken back, submitted again before the end of that day, and what became of the window.
    for (again, met) in [(true, true), (false, false)] {
        let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
        let key = "plan@2026-01";
        office.advance(at("2026-01-30", 9));
        office.act("d2", submit(key)).expect("submitted");
        office.advance(at("2026-02-12", 9));
        assert_eq!(office.item(key).window_met, Some(true));
        office.act("d2", Act::Withdraw { item: key.into() }).expect("taken back");
        if again {
            office.advance(at("2026-02-12", 18));
            office.act("d2", submit(key)).expect("submitted again");
        }
        office.advance(at("2026-02-13", 9));
        assert_eq!(office.item(key).window_met, Some(met), "{again}");
        office.assert_replays();
    }
}

#[test]
fn rule_8_a_duty_that_is_looked_back_at_is_judged_again_without_the_entry() {
    // Opened again before its judgement and after it; with another entry or without.
    for day in ["2026-01-28", "2026-02-20"] {
        for again in [true, false] {
            let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
            let key = "plan@2026-01";
            office.advance(at("2026-01-22", 9));
            office.act("d2", submit(key)).expect("submitted");
            office.act("b1", accept(key)).expect("accepted");
            office.advance(at(day, 9));
            let reason = "不实".to_owned();
            office
                .act("s1", Act::Reopen { item: key.into(), reason, due: None })
                .expect("reopened");
            if again {
                office.act("d2", submit(key)).expect("submitted anew");
                office.act("b1", accept(key)).expect("accepted");
            }
            office.advance(at("2026-03-20", 9));
            assert_eq!(office.item(key).window_met, Some(again), "{day} {again}");
            office.assert_replays();
        }
    }
}

#[test]
fn rule_26_a_vacancy_of_minutes_changes_nothing_for_whoever_had_it() {
    // Of a task near its date, and of a duty whose window is nearly over.
    let mut office = plan();
    office.advance(at("2026-03-31", 9));
    post_is_held_by(&mut office, &[]);
    post_is_held_by(&mut office, &["d2"]);
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
    let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
    office.advance(at("2026-01-30", 9));
    post_is_held_by(&mut office, &[]);
    post_is_held_by(&mut office, &["d2"]);
    office.advance(at("2026-02-26", 9));
    assert_eq!(office.item("plan@2026-01").window_met, Some(false), "not excused");
    office.assert_replays();
}

#[test]
fn rule_19_late_by_their_own_time_a_second_owner_stays_late_after_an_order() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    office.advance(at("2026-04-14", 9));
    let (item, reason) = (Some("plan".into()), "先停下".to_owned());
    let stop = Act::Suspend { item, reason, until: None, stops_clock: Some(false) };
    office.act("s1", stop).expect("stopped");
    office.advance(at("2026-05-06", 9));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    assert_eq!(office.item("plan").judged_due(), Some(end("2026-04-09")));
    office.advance(at("2026-05-07", 9));
    assert_eq!(finish(&mut office, "x1"), Some(false));
}

#[test]
fn rule_26_whoever_was_late_before_a_vacancy_goes_on_on_their_ladder() {
    let mut office = plan();
    office.advance(at("2026-04-02", 9));
    let before = office.fired().len();
    post_is_held_by(&mut office, &[]);
    office.advance(at("2026-04-20", 9));
    post_is_held_by(&mut office, &["d2"]);
    office.advance(at("2026-05-20", 9));
    // What was left of the five days when the post fell vacant.
    assert_eq!(office.fired()[before..], [(2, "2026-04-23".to_owned())]);
    assert_eq!(finish(&mut office, "d2"), Some(false));
}

#[test]
fn rule_26_a_window_at_whose_end_nobody_holds_the_post_is_nobodys() {
    for (left, excused) in [("2026-02-05", true), ("2026-02-02", true)] {
        let mut office = Office::open_on("2026-01-05", DUTY, "", LADDER);
        let key = "plan@2026-01";
        office.advance(at(left, 9));
        post_is_held_by(&mut office, &[]);
        office.advance(at("2026-02-12", 9));
        assert_eq!(office.status(key) == Status::Skipped, excused, "{left}");
        post_is_held_by(&mut office, &["x1"]);
        office.advance(at("2026-02-26", 9));
        assert_eq!(office.count("window_judged"), 0);
        assert_eq!(office.status("plan@2026-02"), Status::Ready);
        office.assert_replays();
    }
}

#[test]
fn rule_26_whoever_fills_a_post_while_the_clock_stands_has_time_when_it_goes_on() {
    for stood in ["2026-03-30", "2026-03-31", "2026-04-07"] {
        let mut office = plan();
        office.advance(at(stood, 9));
        office.act("s1", suspend(Some("plan"))).expect("suspended");
        post_is_held_by(&mut office, &[]);
        office.advance(at("2026-05-06", 9));
        post_is_held_by(&mut office, &["x1"]);
        office.advance(at("2026-05-13", 9));
        office.act("s1", resume(Some("plan"))).expect("resumed");
        assert_eq!(office.item("plan").due(), Some(end("2026-05-18")), "{stood}");
        office.advance(at("2026-05-18", 9));
        assert_eq!(finish(&mut office, "x1"), Some(true), "{stood}");
    }
}
