//! Rule 33: after an outage only what was sent counts, and nobody is judged for days on which
//! nobody could act.

mod support;

use duban_core::{Act, Fact, Notification, SkipReason, Status};
use serde_json::json;
use support::{Office, accept, at, end, submit, submit_with};

const PAPER: &str = "  paper:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
    - { at: due + workdays(10), do: nudge, to: owner }
  daily:
    - { every: days(1), after: 2026-03-05, do: nudge, to: owner }
";

const WORK: &str = "
period: year
tasks:
  plan: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: org(\"组织部\").post(\"部长\"), due: 2026-03-31, ladder: paper }
  urged: { title: 天天催, owner: unit.post(\"组织部长\"), due: 2026-12-31, ladder: daily }
  monthly: { title: 月报, owner: unit.post(\"组织部长\"), due: 2026-12-31, report: month, stall: workdays(10), start_by: 2026-04-10, ladder: none }
  study:
    title: 学习
    every: quarter
    grace: workdays(5)
    counts: form.held_on in window
    owner: unit.post(\"书记\")
    reviewer: org(\"市\").post(\"书记\")
    form: { held_on: { type: date, title: 日期, required: true } }
    ladder: none
    hooks: { missed: talk }
";

/// An office whose system stood still; its log begins with that.
fn down(from: &str, upto: &str) -> Office {
    let mut office = Office::open_on("2026-01-01", WORK, "", PAPER);
    office.advance(at(from, 9));
    office.log.clear();
    office.sleep_until(at(upto, 9));
    office.wake();
    office
}

#[test]
fn rule_33_s77_what_ended_in_the_outage_ends_three_working_days_after_it() {
    let mut office = down("2026-03-02", "2026-07-08");
    for key in ["plan", "study@2026-Q1"] {
        assert_eq!(office.item(key).due(), Some(end("2026-07-13")), "{key}");
    }
    // It lay wholly in the outage.
    assert_eq!(office.status("study@2026-Q2"), Status::Skipped);
    assert_eq!(office.item("study@2026-Q2").skipped, Some(SkipReason::Excused));
    assert_eq!((office.count("overdue"), office.count("window_judged")), (0, 0));
    assert_eq!((office.count("report_missed"), office.count("stalled")), (0, 0));
    assert_eq!(office.count("start_overdue"), 0);
    assert_eq!(office.count("scored"), 0);
    assert!(office.case.items().all(|item| item.key.as_str() != "interview/1"));
    // The lowest rung goes out at once, the others keep their distance.
    office.advance(at("2026-07-10", 9));
    let of_plan: Vec<String> = rungs(&office, "plan");
    assert_eq!(of_plan, ["0 2026-07-08"]);
    office.advance(at("2026-07-30", 9));
    assert_eq!(
        rungs(&office, "plan"),
        ["0 2026-07-08", "1 2026-07-14", "2 2026-07-20", "3 2026-07-27"]
    );
    assert_eq!(office.days_of("overdue")[0], "2026-07-14");
    assert_eq!(office.days_of("window_judged"), ["2026-07-14"]);
}

#[test]
fn rule_33_windows_of_which_an_outage_leaves_too_little_are_excused() {
    let monthly = WORK.replace("every: quarter", "every: month");
    // From, upto, and what became of the windows of March to July.
    let (kept, excused) = (None, Some(SkipReason::Excused));
    let outages = [
        (
            "2026-03-27",
            "2026-07-08",
            [kept.clone(), excused.clone(), excused.clone(), excused.clone(), kept.clone()],
        ),
        // Of March 10 of 22 working days were left, of July 13 of 23.
        (
            "2026-03-12",
            "2026-07-14",
            [excused.clone(), excused.clone(), excused.clone(), excused.clone(), kept.clone()],
        ),
        (
            "2026-04-27",
            "2026-05-08",
            [kept.clone(), kept.clone(), kept.clone(), kept.clone(), kept.clone()],
        ),
        ("2026-05-06", "2026-05-28", [kept.clone(), kept.clone(), excused, kept.clone(), kept]),
    ];
    for (from, upto, expected) in outages {
        let mut office = Office::open_on("2026-01-01", &monthly, "", PAPER);
        office.advance(at(from, 9));
        office.sleep_until(at(upto, 9));
        office.wake();
        office.advance(at("2026-09-01", 9));
        for (month, expected) in (3..).zip(expected) {
            let item = office.item(&format!("study@2026-{month:02}"));
            assert_eq!(item.skipped, expected, "{from} to {upto}, month {month}");
            let judged = expected.is_none().then_some(false);
            assert_eq!(item.window_met, judged, "{from} to {upto}, month {month}");
        }
        office.assert_replays();
    }
}

fn rungs(office: &Office, key: &str) -> Vec<String> {
    let fired = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::RungFired { item, rung, collapsed: false, .. } if item.as_str() == key => {
            Some(format!("{rung} {}", duban_calendar::date_of(event.at, support::TZ)))
        }
        _ => None,
    });
    fired.collect()
}

#[test]
fn rule_33_a_repeated_rung_is_sent_once_and_goes_on() {
    let mut office = down("2026-03-02", "2026-07-08");
    assert_eq!(rungs(&office, "urged"), ["0 2026-07-08"]);
    office.advance(at("2026-07-10", 12));
    assert_eq!(rungs(&office, "urged").len(), 2, "days end at midnight");
}

#[test]
fn rule_33_what_was_overdue_before_goes_on_from_the_lowest_unsent_rung() {
    let mut office = down("2026-04-07", "2026-07-08");
    assert_eq!(office.count("overdue"), 0, "said before");
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
    assert_eq!(rungs(&office, "plan"), ["2 2026-07-08"]);
    office.advance(at("2026-07-30", 9));
    // Five working days from the one before, as it was written.
    assert_eq!(rungs(&office, "plan"), ["2 2026-07-08", "3 2026-07-15"]);
}

#[test]
fn rule_33_s76_minutes_of_the_last_days_come_in_time() {
    let mut office = down("2026-06-29", "2026-07-10");
    let key = "study@2026-Q2";
    assert_eq!(office.item(key).judged_at, Some(end("2026-07-15")));
    office.advance(at("2026-07-14", 9));
    let held = submit_with(key, &json!({ "held_on": "2026-06-26" }));
    office.act("d1", held).expect("submitted");
    office.act("c1", accept(key)).expect("accepted");
    assert_eq!(office.status(key), Status::Done);
    office.advance(at("2026-08-01", 9));
    assert_eq!(office.item(key).window_met, Some(true));
}

#[test]
fn rule_33_a_review_is_not_overdue_for_an_outage() {
    let work = WORK.replace(
        "due: 2026-03-31, ladder: paper",
        "due: 2026-03-31, review_within: workdays(3), ladder: paper",
    );
    let mut office = Office::open_on("2026-01-01", &work, "", PAPER);
    office.advance(at("2026-03-02", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.sleep_until(at("2026-04-20", 9));
    office.wake();
    office.assert_replays();
    assert_eq!(office.count("review_overdue"), 0);
    assert_eq!(office.item("plan").review.due, Some(end("2026-04-23")));
    office.advance(at("2026-04-24", 9));
    assert_eq!(office.count("review_overdue"), 1);
}

#[test]
fn rule_33_within_a_day_an_overtaken_rung_takes_nothing() {
    let mut office = Office::open_on(
        "2026-01-01",
        WORK,
        "",
        "  paper:
    - { at: due - hours(20), do: nudge, to: owner }
    - { at: due - hours(10), do: nudge, to: owner }
  daily: []
",
    );
    office.advance(at("2026-03-31", 2));
    office.sleep_until(at("2026-03-31", 20));
    office.wake();
    let sent = office.sent(Notification::Remind);
    assert!(sent.contains(&"第1级".to_owned()) && !sent.contains(&"第0级".to_owned()), "{sent:?}");
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
}

#[test]
fn rule_33_an_answer_that_was_owed_in_an_outage_is_owed_three_working_days_after_it() {
    let work = "
period: year
tasks:
  plan: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: org(\"组织部\").post(\"部长\"), review_within: workdays(3), due: 2026-06-30, extension: { max: 2, by: months(6) }, ladder: none }
";
    let review = "  chase:\n    - { at: due - workdays(1), do: nudge }\nreview_ladder: chase\n";
    let mut office = Office::open_on("2026-01-01", work, "", review);
    office.advance(at("2026-03-02", 9));
    let (until, reason) = (end("2026-08-31"), "协调未完".to_owned());
    let ask = Act::AskExtension { item: "plan".into(), until, reason };
    office.act("d2", ask).expect("asked");
    let owed = |office: &Office| office.item("plan").asked.clone().and_then(|asked| asked.due);
    assert_eq!(owed(&office), Some(end("2026-03-05")));
    office.sleep_until(at("2026-04-20", 9));
    office.wake();
    office.assert_replays();
    assert_eq!(office.count("answer_overdue"), 0);
    assert_eq!(owed(&office), Some(end("2026-04-23")));
    office.advance(at("2026-04-24", 9));
    assert_eq!(office.days_of("answer_overdue"), ["2026-04-24"]);
}

#[test]
fn rule_33_what_was_near_its_end_when_it_came_about_is_no_outage() {
    let work = "
period: year
tasks:
  weekly: { title: 周报, every: week, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  plan: { title: 方案, owner: unit.post(\"组织部长\"), due: now + workdays(2), ladder: none }
";
    let mut office = Office::open_on("2026-03-04", work, "", "");
    office.advance(at("2026-03-05", 9));
    assert_eq!(office.item("weekly@2026-W10").due(), Some(end("2026-03-08")));
    assert_eq!(office.item("plan").due(), Some(end("2026-03-05")));
    assert_eq!(office.count("deadline_set"), 0);
}

#[test]
fn rule_33_a_date_that_lay_in_the_past_when_it_was_given_is_no_outage() {
    let work = "
period: year
tasks:
  plan: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: org(\"组织部\").post(\"部长\"), due: 2026-03-04, extension: { max: 2, by: months(6) }, ladder: none }
  other: { title: 另一件, owner: unit.post(\"书记\"), due: 2026-03-17, ladder: none }
";
    let mut office = Office::open_on("2026-01-01", work, "", "");
    office.advance(at("2026-03-02", 9));
    let (until, reason) = (end("2026-03-09"), "协调未完".to_owned());
    office.act("d2", Act::AskExtension { item: "plan".into(), until, reason }).expect("asked");
    office.advance(at("2026-03-16", 9));
    office.act("b1", Act::GrantExtension { item: "plan".into() }).expect("granted, late");
    office.advance(at("2026-03-16", 10));
    assert_eq!(office.item("other").due(), Some(end("2026-03-17")), "nothing stood still");
    assert_eq!(office.item("plan").due(), Some(end("2026-03-19")), "what a refusal would give");
    assert_eq!(office.count("overdue"), 0);
    office.assert_replays();
}

#[test]
fn rule_33_what_is_taken_back_after_its_date_is_late_at_once_and_no_outage() {
    let work = "
period: year
tasks:
  plan: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: org(\"组织部\").post(\"部长\"), due: 2026-03-04, ladder: none }
  other: { title: 另一件, owner: unit.post(\"书记\"), due: 2026-03-17, ladder: none }
";
    let mut office = Office::open_on("2026-01-01", work, "", "");
    office.advance(at("2026-03-02", 9));
    office.act("d2", submit("plan")).expect("submitted");
    office.advance(at("2026-03-16", 9));
    office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
    office.advance(at("2026-03-16", 10));
    assert_eq!(office.days_of("overdue"), ["2026-03-16"]);
    assert_eq!(office.item("other").due(), Some(end("2026-03-17")), "nothing stood still");
    office.assert_replays();
}

#[test]
fn rule_33_what_was_under_review_in_the_outage_has_its_time_when_it_is_taken_back() {
    // Submitted, when it is taken back, and the date that it has then.
    let lives =
        [("2026-03-20", "2026-04-20", "2026-04-23"), ("2026-03-31", "2026-04-22", "2026-04-23")];
    for (given, taken, due) in lives {
        let mut office = Office::open_on("2026-01-01", WORK, "", PAPER);
        office.advance(at(given, 9));
        office.act("d2", submit("plan")).expect("submitted");
        office.sleep_until(at("2026-04-20", 8));
        office.wake();
        office.advance(at(taken, 9));
        office.act("d2", Act::Withdraw { item: "plan".into() }).expect("taken back");
        office.wake();
        assert_eq!(office.count("overdue"), 0, "{given}");
        assert_eq!(office.item("plan").due(), Some(end(due)));
        office.advance(at("2026-04-24", 9));
        assert_eq!(office.days_of("overdue"), ["2026-04-24"]);
        office.assert_replays();
    }
    // What was submitted late comes back as late as it was.
    let mut office = Office::open_on("2026-01-01", WORK, "", PAPER);
    office.advance(at("2026-04-02", 9));
    office.act("d2", submit("plan")).expect("submitted late");
    office.sleep_until(at("2026-04-20", 8));
    office.wake();
    assert_eq!(office.item("plan").due(), Some(end("2026-03-31")));
}

#[test]
fn rule_33_days_of_an_outage_are_no_days_of_lateness() {
    // The outage, the day asked, and the days late then.
    let lives = [
        ("2026-04-03", "2026-04-30", "2026-05-06", 4),
        ("2026-04-08", "2026-05-12", "2026-05-13", 6),
    ];
    for (from, upto, asked, days) in lives {
        let mut office = down(from, upto);
        office.advance(at(asked, 9));
        let item = office.item("plan");
        let date = |instant| duban_calendar::date_of(instant, support::TZ);
        let due = date(item.due().expect("a date"));
        let late = support::china().workdays_between(due, date(office.env.now));
        assert_eq!(late - item.stood_workdays(), days, "{from} to {upto}");
    }
}
