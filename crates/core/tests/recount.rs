//! Rule 31: everything counted in provisional days is counted again when the year is loaded.

mod support;

use std::fmt::Write as _;
use std::sync::Arc;

use duban_calendar::{Calendar, NamedDay, YearCalendar, date_of};
use duban_core::{Act, Actor, Command, DueReason, Fact, Late, Notification, Operation, Status};
use duban_core::{Refusal, Signal, decide};
use serde_json::json;
use support::{
    Office, accept, at, end, report, resume, send_back, sign, submit, submit_with, suspend,
};

/// The year 2027 as it is announced: four days off after New Year, Saturday the 9th worked. What
/// was assumed before is New Year's Day off.
fn later(calendar: &Calendar) -> Calendar {
    announced(calendar, 2027, "2027-01-01..2027-01-04", "2027-01-09..2027-01-09")
}

fn announced(calendar: &Calendar, year: i32, off: &str, on: &str) -> Calendar {
    let named = |days: &str| {
        let days = Calendar::parse_days(days).expect("days").into_iter();
        days.map(|date| NamedDay { date, name: "放假".to_owned() }).collect()
    };
    let (off, on) = (named(off), named(on));
    let year = YearCalendar { year, notice: "试验".to_owned(), off, on };
    calendar.with_year(year).expect("a calendar")
}

fn load(office: &mut Office, calendar: Calendar) {
    office.env.calendar = Arc::new(calendar);
    office.command(Actor::operator("管理员"), Operation::ApplyCalendar).expect("applied");
    office.assert_replays();
}

fn load_2027(office: &mut Office) {
    load(office, later(&support::china()));
}

fn opened(on: &str, tasks: &str) -> Office {
    Office::open_on(on, &format!("period: year\ntasks:\n{tasks}"), PRESS, LADDERS)
}

const PRESS: &str = "
fn press(task, rung) { slip(#{ colour: \"blue\", to: task.owner, text: \"请抓紧\" }); }
";

const LADDERS: &str = "  paper:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: due + workdays(1), do: press, slip: blue }
    - { at: due + workdays(5), do: nudge, to: owner }
    - { at: due + days(8), do: nudge, to: owner }
  daily:
    - { every: workdays(2), after: due, do: nudge, to: owner }
  fixed:
    - { at: 2026-12-30 + workdays(2), do: nudge, to: owner }
  chase:
    - { at: due + workdays(1), do: nudge, to: task.reviewers }
review_ladder: chase
scoring:
  - { id: 逾期, on: overdue, points: -1 }
  - { id: 督办单, on: slip, points: -0.5 }
  - { id: 迟办结, on: done_late, points: -2 }
  - { id: 未履行, on: missed, points: -2 }
lights: { yellow_workdays_before: 2, red_workdays_after: 1 }
";

fn due(office: &Office, key: &str) -> String {
    day(office.item(key).due().expect("a date"))
}

fn day(at: duban_calendar::Instant) -> String {
    date_of(at, support::TZ).to_string()
}

fn rungs(office: &Office, key: &str) -> String {
    let armed = office.item(key).armed.as_ref().expect("a ladder");
    let mut text = String::new();
    for rung in &armed.rungs {
        write!(text, "{}:{} ", rung.rung, day(rung.at)).expect("a text");
    }
    text.trim_end().to_owned()
}

const OWNER: &str = "owner: unit.post(\"组织部长\")";

#[test]
fn rule_31_a_due_date_of_the_definition_and_what_does_not_count_working_days() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  counted: {{ title: 甲, {OWNER}, due: 2026-12-31 + workdays(2), ladder: none }}
  rolled: {{ title: 乙, {OWNER}, due: 2027-01-04, roll: forward, ladder: none }}
  natural: {{ title: 丙, {OWNER}, due: 2026-12-31 + days(4), ladder: none }}
  written: {{ title: 丁, {OWNER}, due: 2027-01-04, ladder: none }}
"
        ),
    );
    assert_eq!(due(&office, "counted"), "2027-01-05");
    assert_eq!(due(&office, "rolled"), "2027-01-04");
    load_2027(&mut office);
    assert_eq!(due(&office, "counted"), "2027-01-06");
    assert_eq!(due(&office, "rolled"), "2027-01-05");
    assert_eq!((due(&office, "natural"), due(&office, "written")), {
        ("2027-01-04".to_owned(), "2027-01-04".to_owned())
    });
    assert_eq!(office.item("counted").deadline().expect("a date").why, DueReason::Calendar);
    assert_eq!(office.count("deadline_set"), 2);
}

#[test]
fn rule_31_rungs_and_lights_after_a_date_that_stands() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, {OWNER}, due: 2026-12-31, ladder: paper }}
  b: {{ title: 乙, {OWNER}, due: 2026-12-31, ladder: daily }}
  c: {{ title: 丙, {OWNER}, due: 2026-12-31, ladder: fixed }}
"
        ),
    );
    assert_eq!(rungs(&office, "a"), "0:2026-12-28 1:2027-01-04 2:2027-01-08 3:2027-01-08");
    load_2027(&mut office);
    assert_eq!(rungs(&office, "a"), "0:2026-12-28 1:2027-01-05 3:2027-01-08 2:2027-01-09");
    assert_eq!(rungs(&office, "b"), "0:2027-01-06");
    assert_eq!(rungs(&office, "c"), "0:2027-01-05");
    let deadline = office.item("a").deadline().expect("a date").clone();
    assert_eq!((deadline.version, day(deadline.red_at)), (1, "2027-01-05".to_owned()));
    office.advance(at("2027-01-20", 0));
    let slip = office.log.iter().find(|(event, _)| {
        matches!(&event.fact,
        Fact::Sent(sent) if sent.kind == Notification::Slip)
    });
    assert_eq!(slip.expect("a slip").0.at, end("2027-01-05"));
}

#[test]
fn rule_31_the_time_after_a_return_a_stop_and_at_readiness() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  back: {{ title: 甲, {OWNER}, reviewer: org(\"组织部\").post(\"干事\"), due: 2026-12-10, ladder: none }}
  first: {{ title: 乙, {OWNER}, reviewer: none, due: 2026-12-10, ladder: none }}
  held: {{ title: 丙, {OWNER}, due: 2026-12-15, ladder: paper }}
  next: {{ title: 丁, {OWNER}, needs: [first], due: 2026-12-20, ladder: none }}
"
        ),
    );
    office.advance(at("2026-12-09", 9));
    office.act("d2", submit("back")).expect("submitted");
    office.act("s1", suspend(Some("held"))).expect("suspended");
    office.advance(at("2026-12-30", 9));
    office.act("b2", send_back("back")).expect("returned");
    office.act("s1", resume(Some("held"))).expect("resumed");
    office.act("d2", submit("first")).expect("submitted");
    let dates = |office: &Office| ["back", "held", "next"].map(|key| due(office, key));
    // Three working days from 12-30; four were left when it stopped.
    assert_eq!(dates(&office), ["2027-01-05", "2027-01-06", "2027-01-05"]);
    load_2027(&mut office);
    assert_eq!(dates(&office), ["2027-01-06", "2027-01-07", "2027-01-06"]);
    // One more year changes nothing.
    let calendar =
        announced(&office.env.calendar, 2028, "2028-01-01..2028-01-04", "2028-01-08..2028-01-08");
    load(&mut office, calendar);
    assert_eq!(dates(&office), ["2027-01-06", "2027-01-07", "2027-01-06"]);
}

#[test]
fn rule_31_a_date_that_a_person_gave_stays() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, {OWNER}, reviewer: org(\"组织部\").post(\"干事\"), due: 2026-12-31, extension: {{}}, ladder: paper }}\n"
        ),
    );
    let ask =
        Act::AskExtension {
            item: "a".into(), until: end("2027-01-04"), reason: "冻土".to_owned()
        };
    office.act("d2", ask).expect("asked");
    office.act("b2", Act::GrantExtension { item: "a".into() }).expect("granted");
    assert_eq!(rungs(&office, "a"), "0:2026-12-29 1:2027-01-05 2:2027-01-11 3:2027-01-12");
    load_2027(&mut office);
    assert_eq!(due(&office, "a"), "2027-01-04");
    assert_eq!(rungs(&office, "a"), "0:2026-12-29 1:2027-01-05 2:2027-01-09 3:2027-01-12");
}

#[test]
fn rule_31_after_an_outage() {
    let mut office = opened(
        "2026-12-01",
        &format!("  a: {{ title: 甲, {OWNER}, due: 2026-12-29, ladder: none }}\n"),
    );
    office.advance(at("2026-12-28", 9));
    office.sleep_until(at("2026-12-31", 9));
    office.wake();
    assert_eq!(due(&office, "a"), "2027-01-06");
    load_2027(&mut office);
    assert_eq!(due(&office, "a"), "2027-01-07");
}

#[test]
fn rule_31_a_rectification() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, {OWNER}, due: 2026-12-10, ladder: none, hooks: {{ overdue: talk }} }}\n"
        ),
    );
    office.advance(at("2026-12-11", 9));
    let who = office.item("interview/1").holder.clone().expect("a holder");
    office
        .act(
            who.as_str(),
            submit_with("interview/1", &json!({ "held_on": "2026-12-11", "requirements": "尽快" })),
        )
        .expect("held");
    if office.status("interview/1") == Status::Submitted {
        let reviewer = office.item("interview/1").review.members[0].clone();
        let reviewer = office.env.directory.holders(&reviewer)[0].clone();
        office.act(reviewer.as_str(), accept("interview/1")).expect("accepted");
    }
    let before = due(&office, "rectification/2");
    load(
        &mut office,
        announced(&support::china(), 2027, "2027-01-01..2027-01-08", "2027-01-30..2027-01-30"),
    );
    assert_eq!(
        (before.as_str(), due(&office, "rectification/2").as_str()),
        ("2027-01-11", "2027-01-18")
    );
}

#[test]
fn rule_31_reviews_answers_signing_and_silence() {
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, {OWNER}, reviewer: {{ all: ['org(\"组织部\").post(\"干事\")', 'org(\"组织部\").post(\"部长\")'] }}, review_within: workdays(3), due: 2027-02-20, ladder: none }}
  b: {{ title: 乙, {OWNER}, reviewer: org(\"组织部\").post(\"干事\"), review_within: workdays(3), due: 2027-02-20, extension: {{}}, ladder: none }}
  c: {{ title: 丙, {OWNER}, start_by: now + workdays(23), stall: workdays(25), due: 2027-02-20, ladder: none }}
"
        ),
    );
    let starts = office.item("c").start_by.expect("a date");
    assert_eq!(day(starts), "2026-12-31");
    office.advance(at("2026-12-30", 9));
    office.act("d2", submit("a")).expect("submitted");
    let ask =
        Act::AskExtension {
            item: "b".into(), until: end("2027-03-01"), reason: "冻土".to_owned()
        };
    office.act("d2", ask).expect("asked");
    let add = Act::AddCountersigner {
        item: "a".into(),
        who: duban_model::Assignee::Person("c1".into()),
        before: None,
    };
    office.act("b2", add).expect("added");
    let dates = |office: &Office| {
        let item = office.item("a");
        let own = item.review.own.first().map(|own| day(own.due)).unwrap_or_default();
        let asked = office.item("b").asked.as_ref().and_then(|asked| asked.due).expect("a date");
        [
            day(item.review.due.expect("a date")),
            own,
            day(asked),
            day(office.item("c").stall_at.expect("a date")),
        ]
    };
    assert_eq!(dates(&office), ["2027-01-05", "2027-01-05", "2027-01-05", "2027-01-05"]);
    load_2027(&mut office);
    assert_eq!(dates(&office), ["2027-01-06", "2027-01-06", "2027-01-06", "2027-01-06"]);
}

#[test]
fn rule_31_a_review_that_was_not_late_is_said_so_and_may_be_late_yet() {
    let mut office = opened(
        "2026-12-01",
        &format!("  a: {{ title: 甲, {OWNER}, reviewer: org(\"组织部\").post(\"干事\"), review_within: workdays(3), due: 2027-02-20, start_by: 2026-12-31 + workdays(1), ladder: none }}
  b: {{ title: 乙, {OWNER}, due: 2027-02-20, start_by: 2026-12-31 + workdays(2), ladder: none }}\n"),
    );
    office.advance(at("2026-12-30", 9));
    office.act("d2", submit("a")).expect("submitted");
    office.advance(at("2027-01-06", 9));
    assert_eq!((office.count("review_overdue"), office.count("start_overdue")), (1, 1));
    load_2027(&mut office);
    let item = office.item("a");
    assert!(!item.review.overdue && !office.item("b").start_overdue);
    assert_eq!(withdrawn(&office), [Late::Review, Late::Sign]);
    office.advance(at("2027-01-20", 9));
    assert_eq!(office.days_of("review_overdue"), ["2027-01-06", "2027-01-07"]);
    assert_eq!(office.days_of("start_overdue"), ["2027-01-06", "2027-01-07"]);
}

fn withdrawn(office: &Office) -> Vec<Late> {
    let found = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::LatenessWithdrawn { late, .. } => Some(*late),
        _ => None,
    });
    found.collect()
}

fn points(office: &Office) -> i64 {
    let points = office.log.iter().map(|(event, _)| match &event.fact {
        Fact::Scored { points, .. } => *points,
        _ => 0,
    });
    points.sum()
}

#[test]
fn rule_31_s73_who_was_called_late_and_was_not_is_told_so_and_may_be_late_yet() {
    let mut office = opened(
        "2027-01-20",
        &format!("  a: {{ title: 甲, {OWNER}, due: 2027-02-10, roll: none, ladder: paper }}\n")
            .replace("due: 2027-02-10", "due: 2027-01-20 + workdays(15)"),
    );
    assert_eq!(due(&office, "a"), "2027-02-10");
    office.advance(at("2027-02-12", 9));
    assert_eq!((office.count("overdue"), points(&office)), (1, -150));
    load(
        &mut office,
        announced(&support::china(), 2027, "2027-02-05..2027-02-11", "2027-02-14..2027-02-14"),
    );
    assert_eq!(due(&office, "a"), "2027-02-16");
    assert_eq!((withdrawn(&office), points(&office)), (vec![Late::Work], 0));
    let told = office.sent(Notification::Tell);
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["2027-02-16", "蓝色督办单第 1 号撤回", "计分一并撤回"] {
        assert!(told[0].contains(part), "{told:?}");
    }
    office.advance(at("2027-02-16", 12));
    assert_eq!(office.count("overdue"), 1);
    office.advance(at("2027-02-20", 9));
    assert_eq!(office.days_of("overdue"), ["2027-02-11", "2027-02-17"]);
    assert_eq!(points(&office), -150);
    let numbers: Vec<Option<u32>> = office
        .log
        .iter()
        .filter_map(|(event, _)| match &event.fact {
            Fact::Sent(sent) if sent.kind == Notification::Slip => Some(sent.number),
            _ => None,
        })
        .collect();
    assert_eq!(numbers, [Some(1), Some(2)], "numbers go on");
}

#[test]
fn rule_31_who_is_late_by_both_calendars_is_not_called_late_again() {
    let mut office = opened(
        "2027-01-20",
        &format!("  a: {{ title: 甲, {OWNER}, due: 2027-01-20 + workdays(15), ladder: none }}\n"),
    );
    office.advance(at("2027-02-19", 9));
    load(
        &mut office,
        announced(&support::china(), 2027, "2027-02-05..2027-02-11", "2027-02-14..2027-02-14"),
    );
    assert_eq!(due(&office, "a"), "2027-02-16");
    assert_eq!(withdrawn(&office), []);
    office.advance(at("2027-03-10", 9));
    assert_eq!((office.count("overdue"), points(&office)), (1, -100));
}

#[test]
fn rule_31_what_was_done_in_time_after_all_is_on_time() {
    let mut office = opened(
        "2027-01-20",
        &format!(
            "  a: {{ title: 甲, {OWNER}, due: 2027-01-20 + workdays(15), ladder: none }}
  b: {{ title: 乙, {OWNER}, due: 2027-12-31, ladder: none }}\n"
        )
        .replace("title: 甲,", "title: 甲, reviewer: org(\"组织部\").post(\"干事\"),"),
    );
    office.advance(at("2027-02-12", 9));
    office.act("d2", submit("a")).expect("submitted");
    office.act("b2", accept("a")).expect("accepted");
    assert_eq!((office.item("a").on_time, points(&office)), (Some(false), -300));
    load(
        &mut office,
        announced(&support::china(), 2027, "2027-02-05..2027-02-11", "2027-02-14..2027-02-14"),
    );
    assert_eq!((office.item("a").on_time, points(&office)), (Some(true), 0));
}

#[test]
fn rule_31_a_windows_judgement_comes_later_and_may_come_again() {
    let duty = "  study: { title: 学习, every: quarter, grace: workdays(3), owner: unit.post(\"书记\"), reviewer: org(\"市\").post(\"书记\"), ladder: none }\n";
    let mut office = opened("2026-10-01", duty);
    let judged = |office: &Office| day(office.item("study@2026-Q4").judged_at.expect("a date"));
    office.advance(at("2026-12-20", 9));
    assert_eq!(judged(&office), "2027-01-06");
    load_2027(&mut office);
    assert_eq!(judged(&office), "2027-01-07");

    let mut office = opened("2026-10-01", duty);
    office.advance(at("2027-01-07", 9));
    assert_eq!((office.item("study@2026-Q4").window_met, points(&office)), (Some(false), -200));
    load_2027(&mut office);
    assert_eq!((office.item("study@2026-Q4").window_met, points(&office)), (None, 0));
    office.advance(at("2027-01-20", 9));
    assert_eq!(office.days_of("window_judged"), ["2027-01-07", "2027-01-08"]);
    assert_eq!(points(&office), -200);
}

#[test]
fn rule_31_s74_earlier_only_with_consent_and_the_rungs_follow() {
    let earlier = |office: &Office| {
        announced(&office.env.calendar, 2027, "2027-01-01..2027-01-01", "2027-01-02..2027-01-03")
    };
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, {OWNER}, reviewer: org(\"组织部\").post(\"干事\"), review_within: workdays(3), due: 2026-12-31 + workdays(2), ladder: paper }}\n"
        ),
    );
    let calendar = earlier(&office);
    load(&mut office, calendar);
    assert_eq!(due(&office, "a"), "2027-01-05");
    assert_eq!(office.item("a").earlier_due.map(day).as_deref(), Some("2027-01-03"));
    // Three and one working days from the date in force.
    assert_eq!(rungs(&office, "a"), "0:2027-01-02 1:2027-01-06 2:2027-01-12 3:2027-01-13");
    office.act("s1", Act::ConsentEarlier { item: "a".into() }).expect("consented");
    assert_eq!(due(&office, "a"), "2027-01-03");
    assert_eq!(rungs(&office, "a"), "0:2026-12-30 1:2027-01-04 2:2027-01-08 3:2027-01-11");
    office.advance(at("2026-12-29", 9));
    office.act("d2", submit("a")).expect("submitted");
    assert_eq!(office.item("a").review.due.map(day).as_deref(), Some("2027-01-02"));
}

#[test]
fn rule_31_a_calendar_comes_before_whatever_happens_next() {
    let tasks =
        format!("  a: {{ title: 甲, {OWNER}, due: 2026-12-31 + workdays(1), ladder: none }}\n");
    // A move that nobody has told the case about the calendar before.
    let mut office = opened("2026-12-01", &tasks);
    office.env.calendar = Arc::new(later(&support::china()));
    let command = Command::new(Actor::person("d2"), sign("a"));
    let first = decide(Some(&office.case), &command, &office.env);
    assert!(matches!(first, Err(Refusal::WakeFirst)));
    office.act("d2", sign("a")).expect("signed for");
    assert_eq!(due(&office, "a"), "2027-01-05");
    assert_eq!(office.count("calendar_applied"), 1);
    // A moment that is pending.
    let mut office = opened("2026-12-01", &tasks);
    office.advance(at("2027-01-04", 9));
    office.sleep_until(at("2027-01-05", 9));
    office.env.calendar = Arc::new(later(&support::china()));
    office.wake();
    assert_eq!(office.count("overdue"), 0);
    office.advance(at("2027-01-10", 9));
    assert_eq!(office.days_of("overdue"), ["2027-01-06"]);
    office.act("d2", report("a")).expect("reported");
    office.assert_replays();
}

#[test]
fn rule_31_a_large_case_is_counted_again_in_parts() {
    let rows: Vec<String> = (0..2_500).map(|row| format!("\"{row}\"")).collect();
    let mut office = opened(
        "2026-12-01",
        &format!(
            "  a: {{ title: 甲, each: {{ row: '[{}]' }}, {OWNER}, due: 2026-12-31 + workdays(1), ladder: none }}\n",
            rows.join(", ")
        ),
    );
    office.env.calendar = Arc::new(later(&support::china()));
    let mut parts = Vec::new();
    loop {
        let decision =
            decide(Some(&office.case), &Command::new(Actor::Engine, Signal::Wake), &office.env)
                .expect("a wake-up");
        parts.push(decision.events.len());
        assert!(decision.case.head().recounting.is_none() || decision.more);
        let log = decision.events.into_iter().zip(decision.encoded.into_iter().map(|one| one.hash));
        office.log.extend(log);
        office.case = decision.case;
        if !decision.more {
            break;
        }
    }
    assert!(parts.len() >= 2 && parts.iter().all(|part| *part < 4_096), "{parts:?}");
    assert!(office.case.items().all(|item| item.due().map(day).as_deref() == Some("2027-01-05")));
    office.assert_replays();
}
