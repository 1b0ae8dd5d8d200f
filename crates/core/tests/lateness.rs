//! Rules 18, 19, 20 and 24: who is called late, for what, how often, and for how many days.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, Fact, Notification, Operation, Status};
use duban_model::{Assignee, Directory, DirectoryData};
use support::{Office, accept, ask, at, directory, end, resume, send_back, submit, suspend};

const WORK: &str = "
period: year
tasks:
  plan:
    title: 方案
    owner: unit.post(\"组织部长\")
    reviewer: org(\"组织部\").post(\"部长\")
    review_within: workdays(5)
    due: 2026-03-31
    extension: { max: 2, by: workdays(60) }
    ladder: paper
    review_ladder: slow
";

/// Blue, yellow and an interview for the owner; slips for whoever must review or answer.
const LADDERS: &str = "
  paper:
    - { at: due - workdays(5), do: nudge, to: owner }
    - { at: due + workdays(1), do: paper }
    - { at: due + workdays(5), do: paper }
    - { at: due + workdays(20), do: talk }
  slow:
    - { at: due - workdays(1), do: said, to: task.reviewers }
    - { at: due + workdays(1), do: paper }
scoring:
  - { id: late, on: overdue, points: -1 }
  - { id: slip, on: slip, points: -0.5 }
  - { id: done_late, on: done_late, points: -1 }
";

const HOOKS: &str = "
fn paper(task, rung) { slip(#{ colour: \"blue\" }); }
fn said(task, rung) {
    remind(#{ text: `${rung.side} ${rung.due.date} ${due.date} ${task.due.date} ${overdue_workdays} ${task.overdue_workdays}` });
}
";

fn plan() -> Office {
    Office::open_on("2026-01-05", WORK, HOOKS, LADDERS)
}

fn held_by(holders: &[&str]) -> Directory {
    let mut data: DirectoryData = directory().data().clone();
    for post in &mut data.posts {
        if post.unit.as_str() == "D" && post.name == "组织部长" {
            post.holders = holders.iter().map(|one| (*one).into()).collect();
        }
    }
    Directory::new(data).expect("a directory")
}

fn fill(office: &mut Office, holders: &[&str]) {
    office.env.directory = Arc::new(held_by(holders));
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
}

fn assign(to: &str) -> Act {
    let to: Assignee = to.parse().expect("an assignee");
    Act::Assign { item: "plan".into(), to, reason: "调整承办".to_owned() }
}

/// Points that were given, by unit and rule.
fn points(office: &Office) -> Vec<String> {
    let given = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::Scored { unit, rule, .. } => {
            Some(format!("{unit} {}", rule.as_deref().unwrap_or("script")))
        }
        _ => None,
    });
    given.collect()
}

fn slips(office: &Office) -> Vec<String> {
    office.sent(Notification::Slip)
}

#[test]
fn rule_19_whoever_is_assigned_what_was_late_is_not_called_late_for_it_again() {
    for to in [["post:D1/书记", "post:D/组织部长"], ["post:D/书记", "post:D1/书记"]] {
        let mut office = plan();
        office.advance(at("2026-04-03", 9));
        assert_eq!(office.days_of("overdue"), ["2026-04-01"]);
        for (to, day) in to.into_iter().zip(["2026-04-17", "2026-05-06"]) {
            office.act("s1", assign(to)).expect("assigned");
            office.advance(at(day, 9));
        }
        assert_eq!(office.days_of("overdue"), ["2026-04-01"], "{to:?}");
        let late = points(&office).iter().filter(|one| one.ends_with(" late")).count();
        assert_eq!(late, 1, "{to:?}");
        office.assert_replays();
    }
}

#[test]
fn rule_19_the_same_person_stays_late_and_another_is_judged_by_the_time_they_have() {
    for (to, owner, in_time) in [("person:d2", "d2", false), ("post:D1/书记", "x1", true)] {
        let mut office = plan();
        office.advance(at("2026-04-03", 9));
        office.act("s1", assign(to)).expect("assigned");
        let due = if in_time { end("2026-04-09") } else { end("2026-03-31") };
        assert_eq!(office.item("plan").due(), Some(due), "who had it has no more time");
        office.advance(at("2026-04-08", 9));
        office.act(owner, submit("plan")).expect("submitted");
        office.act("b1", accept("plan")).expect("accepted");
        assert_eq!(office.item("plan").on_time, Some(in_time), "{to}");
        let late = points(&office).iter().any(|one| one.ends_with("done_late"));
        assert_eq!(late, !in_time, "{to}");
    }
}

#[test]
fn rule_19_leaving_a_post_and_coming_back_washes_no_lateness_away() {
    let mut office = plan();
    office.advance(at("2026-04-03", 9));
    for (left, back) in [("2026-04-07", "2026-04-08"), ("2026-04-20", "2026-04-21")] {
        office.advance(at(left, 9));
        fill(&mut office, &[]);
        office.advance(at(back, 9));
        fill(&mut office, &["d2"]);
    }
    office.advance(at("2026-05-08", 9));
    assert_eq!(office.days_of("overdue"), ["2026-04-01"]);
    office.act("d2", submit("plan")).expect("submitted");
    office.act("b1", accept("plan")).expect("accepted");
    assert_eq!(office.item("plan").on_time, Some(false));
    office.assert_replays();
}

#[test]
fn rule_19_what_is_handed_over_late_brings_no_interview_at_once() {
    let mut office = plan();
    office.advance(at("2026-04-09", 9));
    let before = office.fired().len();
    assert_eq!(before, 3, "reminded, blue, yellow");
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-14")));
    office.advance(at("2026-04-14", 9));
    assert_eq!(office.fired().len(), before);
    // The ladder speaks to them from its first rung, by the date that they have.
    office.advance(at("2026-05-12", 9));
    assert_eq!(office.days_of("rung_fired")[before..], ["2026-04-15", "2026-04-21"]);
    office.advance(at("2026-05-15", 9));
    assert_eq!(office.days_of("rung_fired").len(), before + 3, "then the interview");
    assert_eq!(office.days_of("overdue"), ["2026-04-01"], "the lateness was said");
}

fn grant() -> Act {
    Act::GrantExtension { item: "plan".into() }
}

#[test]
fn rule_18_an_extension_granted_late_gives_no_less_than_a_refusal() {
    for (until, granted, due) in [
        ("2026-04-02", "2026-04-08", "2026-04-13"),
        ("2026-04-09", "2026-04-08", "2026-04-13"),
        ("2026-04-30", "2026-04-08", "2026-04-30"),
        ("2026-04-01", "2026-03-31", "2026-04-01"),
    ] {
        let mut office = plan();
        office.advance(at("2026-03-30", 9));
        office.act("d2", ask(until)).expect("asked");
        office.advance(at(granted, 9));
        office.act("b1", grant()).expect("granted");
        assert_eq!(office.item("plan").due(), Some(end(due)), "{until} {granted}");
        assert_eq!(office.count("overdue"), 0, "{until} {granted}");
        office.assert_replays();
    }
}

#[test]
fn rule_18_an_extension_never_shortens_what_another_was_given_meanwhile() {
    let mut office = plan();
    office.advance(at("2026-03-30", 9));
    office.act("d2", ask("2026-04-01")).expect("asked");
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    let due = office.item("plan").due();
    assert_eq!(due, Some(end("2026-04-02")));
    office.advance(at("2026-03-31", 9));
    if office.item("plan").asked.is_some() {
        office.act("b1", grant()).expect("granted");
    }
    assert_eq!(office.item("plan").due(), due);
}

fn suspend_until(until: &str) -> Act {
    Act::Suspend {
        item: Some("plan".into()),
        reason: "等待".to_owned(),
        until: Some(end(until)),
        stops_clock: None,
    }
}

#[test]
fn rule_20_hours_that_were_left_are_there_again_when_a_clock_goes_on_at_the_end_of_a_day() {
    for (until, due) in [("2026-04-03", "2026-04-07"), ("2026-04-08", "2026-04-09")] {
        let mut office = plan();
        office.advance(at("2026-03-31", 9));
        office.act("s1", suspend_until(until)).expect("suspended");
        office.advance(at("2026-04-09", 9));
        assert_eq!(office.item("plan").due(), Some(end(due)), "{until}");
        let late = if due < "2026-04-09" { 1 } else { 0 };
        assert_eq!(office.count("overdue"), late, "{until}");
        office.assert_replays();
    }
}

#[test]
fn rule_20_whoever_is_assigned_what_stands_has_their_time_when_it_goes_on() {
    let mut office = plan();
    office.advance(at("2026-04-09", 9));
    office.act("s1", suspend(Some("plan"))).expect("suspended");
    office.advance(at("2026-04-20", 9));
    office.act("s1", assign("post:D1/书记")).expect("assigned");
    office.advance(at("2026-05-20", 9));
    let before = office.fired().len();
    office.act("s1", resume(Some("plan"))).expect("resumed");
    assert_eq!(office.item("plan").due(), Some(end("2026-05-25")));
    office.advance(at("2026-05-25", 9));
    assert_eq!(office.fired().len(), before, "nobody is chased for days on which it stood");
}

const DUTY: &str = "
period: year
tasks:
  plan:
    title: 月报
    every: month
    owner: unit.post(\"组织部长\")
    reviewer: none
    grace: workdays(5)
    ladder: none
";

#[test]
fn rule_20_a_window_that_stood_beyond_the_next_is_excused_and_not_missed_when_it_goes_on() {
    for day in ["2026-01-28", "2026-01-15"] {
        let mut office = Office::open_on("2026-01-05", DUTY, HOOKS, "");
        office.advance(at(day, 9));
        let key = "plan@2026-01";
        office.act("s1", suspend(Some(key))).expect("suspended");
        office.advance(at("2026-04-28", 9));
        office.act("s1", resume(Some(key))).expect("resumed");
        office.advance(at("2026-05-11", 9));
        let item = office.item(key);
        assert_eq!((item.status, item.window_met), (Status::Skipped, None), "{day}");
    }
}

#[test]
fn rule_19_a_duty_that_is_assigned_in_its_grace_is_not_missed_the_day_after() {
    let mut office = Office::open_on("2026-01-05", DUTY, HOOKS, "");
    office.advance(at("2026-02-06", 9));
    let key = "plan@2026-01";
    let to: Assignee = "post:D1/书记".parse().expect("an assignee");
    let reason = "调整承办".to_owned();
    office.act("s1", Act::Assign { item: key.into(), to, reason }).expect("assigned");
    office.advance(at("2026-02-10", 9));
    assert_eq!(office.item(key).window_met, None);
    office.act("x1", submit(key)).expect("in time");
    assert_eq!(office.item(key).window_met, None);
    office.advance(at("2026-02-12", 9));
    assert_ne!(office.item(key).window_met, Some(false));
}

#[test]
fn rule_18_what_its_owner_takes_back_keeps_its_date_and_no_rung_of_the_review_comes_at_once() {
    // Submitted, taken back, when it is overdue, when the rungs after the date come.
    let lives = [
        ("2026-03-30", "2026-04-29", "2026-04-29", ["2026-05-06", "2026-05-11"]),
        ("2026-03-30", "2026-04-09", "2026-04-09", ["2026-04-13", "2026-04-17"]),
        ("2026-03-20", "2026-03-25", "2026-04-01", ["2026-04-01", "2026-04-08"]),
    ];
    for (given, taken, late, rungs) in lives {
        let mut office = plan();
        office.advance(at(given, 9));
        office.act("d2", submit("plan")).expect("submitted");
        office.advance(at(taken, 9));
        let before = office.fired().len();
        office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
        office.wake();
        assert_eq!(office.fired().len(), before, "{taken}: nothing comes at once");
        assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
        office.advance(at("2026-05-14", 9));
        assert_eq!(office.days_of("overdue"), [late]);
        let fired: Vec<String> =
            office.fired()[before..].iter().map(|(_, day)| day.clone()).collect();
        assert_eq!(fired[..2], rungs, "{taken}");
        office.assert_replays();
    }
}

#[test]
fn rule_18_what_is_submitted_while_an_extension_is_unanswered_is_in_time() {
    let ask = Act::AskExtension {
        item: "plan".into(),
        until: end("2026-04-20"),
        reason: "等数据".to_owned(),
    };
    // Asked, submitted, in time.
    let lives = [("2026-03-30", "2026-05-08", true), ("2026-03-31", "2026-04-01", true)];
    for (asked, given, in_time) in lives {
        let mut office = plan();
        office.advance(at(asked, 9));
        office.act("d2", ask.clone()).expect("asked");
        office.advance(at(given, 9));
        office.act("d2", submit("plan")).expect("submitted");
        office.act("b1", accept("plan")).expect("accepted");
        assert_eq!(office.item("plan").on_time, Some(in_time), "{given}");
        assert_eq!(office.count("overdue"), 0);
        assert_eq!(office.count("extension_lapsed"), 1);
        let of_owner = |one: &String| one.starts_with("D ");
        assert!(!points(&office).iter().any(of_owner), "{:?}", points(&office));
        office.assert_replays();
    }
    // Returned, it has the time of a return, and is late after that.
    let mut office = plan();
    office.advance(at("2026-03-30", 9));
    office.act("d2", ask).expect("asked");
    office.advance(at("2026-04-13", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-04-14", 9));
    office.act("b1", send_back("plan")).expect("returned");
    assert_eq!(office.item("plan").due(), Some(end("2026-04-17")));
    office.advance(at("2026-04-21", 9));
    assert_eq!(office.days_of("overdue"), ["2026-04-18"]);
}

#[test]
fn rule_24_a_ladder_towards_a_review_speaks_of_it_and_costs_whoever_is_slow() {
    let mut office = plan();
    office.advance(at("2026-03-02", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-03-12", 9));
    assert_eq!(
        office.sent(Notification::Remind)[0],
        "review 2026年3月9日 2026年3月9日 2026年3月31日 0 0"
    );
    let paper = "“方案”应于2026-03-09前审核，已逾期，请尽快审核。";
    assert_eq!(slips(&office), [paper]);
    assert_eq!(points(&office), ["B slip"]);
}

#[test]
fn rule_24_a_ladder_towards_an_answer_speaks_of_it() {
    let mut office = plan();
    office.advance(at("2026-03-30", 9));
    let ask = Act::AskExtension {
        item: "plan".into(),
        until: end("2026-04-20"),
        reason: "等数据".to_owned(),
    };
    office.act("d2", ask).expect("asked");
    office.advance(at("2026-04-10", 9));
    let paper = "“方案”的延期申请应于2026-04-07前答复，已逾期，请尽快答复。";
    assert_eq!(slips(&office), [paper]);
    assert_eq!(points(&office), ["B slip"]);
}

#[test]
fn rule_20_days_on_which_the_clock_stood_are_no_days_of_lateness() {
    // When the order comes and ends, the day asked, days late then.
    let lives = [
        ("2026-04-09", "2026-04-23", "2026-04-24", 7),
        ("2026-04-09", "2026-04-23", "2026-04-17", 6),
        ("2026-04-02", "2026-05-29", "2026-06-01", 3),
        ("2026-05-06", "2026-05-07", "2026-05-08", 23),
    ];
    for (from, upto, asked, days) in lives {
        let mut office = plan();
        office.advance(at(from, 9));
        office.act("s1", suspend(Some("plan"))).expect("suspended");
        let ends = at(upto, 9);
        if at(asked, 9) > ends {
            office.advance(ends);
            office.act("s1", resume(Some("plan"))).expect("resumed");
        }
        office.advance(at(asked, 9));
        let item = office.item("plan");
        let until = item.counted_until().unwrap_or(office.env.now);
        let date = |instant| duban_calendar::date_of(instant, support::TZ);
        let late = support::china().workdays_between(date(end("2026-03-31")), date(until));
        assert_eq!(late - item.stood_workdays(), days, "{from} to {upto}, on {asked}");
        office.assert_replays();
    }
}

#[test]
fn rule_20_history_tells_no_end_of_a_cause_that_goes_on() {
    let mut office = plan();
    office.advance(at("2026-03-27", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.act("s1", suspend(Some("plan"))).expect("suspended");
    office.advance(at("2026-04-03", 9));
    office.act("b1", send_back("plan")).expect("returned while it stands");
    assert_eq!((office.count("held"), office.count("released")), (1, 0));
    assert_eq!(office.status("plan"), Status::Active);
    office.advance(at("2026-04-24", 9));
    office.act("s1", resume(Some("plan"))).expect("resumed");
    assert_eq!((office.count("held"), office.count("released")), (1, 1));
    assert_eq!(office.item("plan").due(), Some(end("2026-04-29")));
    office.assert_replays();
}
