//! The rules that fix the meaning, one test or more for each, named after it. The numbers are
//! those of "Rules that fix the meaning" in `docs/architecture.md`.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, Actor, Answer, Command, DueReason, Fact, MOMENTS_MAX, Message, Notification, Operation,
    Refusal, Signal, Status, Watch, decide,
};
use duban_model::{Assignee, Directory};
use serde_json::json;
use support::{
    Office, accept, at, directory, end, env, name_of, program, report, send_back, sign, submit,
    submit_with,
};

const ONE: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: unit.post(\"书记\"), due: 2022-03-31 }
";

#[test]
fn rule_1_at_exactly_the_deadline_the_command_wins() {
    let mut office = Office::open(ONE);
    office.advance(end("2022-03-31"));
    office.act("d2", submit("a")).expect("the command wins");
    office.act("d1", accept("a")).expect("accepted");
    assert_eq!(office.item("a").on_time, Some(true));
    assert_eq!(office.count("overdue"), 0);
}

#[test]
fn rule_1_lateness_begins_just_after_the_deadline() {
    let mut office = Office::open(ONE);
    office.advance(end("2022-03-31"));
    assert_eq!(office.count("overdue"), 0);
    office.advance(end("2022-03-31").plus_millis(1));
    assert_eq!(office.count("overdue"), 1);
}

#[test]
fn rule_1_earlier_moments_stand_even_if_the_command_is_refused() {
    let mut office = Office::open(ONE);
    office.advance(at("2022-03-31", 20));
    office.sleep_until(at("2022-04-01", 9));
    let refused = office.act("x1", submit("a"));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    assert_eq!(office.count("overdue"), 1);
}

#[test]
fn rule_1_a_command_stamped_in_the_past_is_raised_to_the_last_event() {
    let mut office = Office::open(ONE);
    office.advance(at("2022-02-01", 9));
    office.act("d2", sign("a")).expect("signed");
    office.sleep_until(at("2022-01-05", 9));
    office.act("d2", report("a")).expect("reported");
    let last = &office.log.last().expect("an event").0;
    assert_eq!(last.at, at("2022-02-01", 9));
}

#[test]
fn rule_1_moments_of_one_instant_come_in_the_order_of_the_file() {
    let mut office = Office::open(
        "
period: year
tasks:
  b: { title: 乙, owner: unit.post(\"组织部长\"), due: 2022-03-31 }
  a: { title: 甲, owner: unit.post(\"组织部长\"), due: 2022-03-31 }
",
    );
    office.advance(at("2022-03-31", 20));
    office.sleep_until(at("2022-04-01", 9));
    office.wake();
    let overdue: Vec<&str> = office
        .log
        .iter()
        .filter(|(event, _)| event.fact.kind() == "overdue")
        .filter_map(|(event, _)| event.fact.item().map(duban_core::ItemKey::as_str))
        .collect();
    assert_eq!(overdue, ["b", "a"]);
}

#[test]
fn rule_2_what_readiness_evaluated_changes_only_by_a_command() {
    let mut office = Office::open(ONE);
    let before = office.item("a").clone();
    let mut data = office.env.directory.data().clone();
    data.posts.retain(|post| post.name != "组织部长");
    office.env.directory = Arc::new(Directory::new(data).expect("a directory"));
    office.advance(at("2022-02-01", 9));
    assert_eq!(office.item("a").owner, before.owner);
    assert_eq!(office.item("a").deadlines, before.deadlines);
}

#[test]
fn rule_3_a_late_wake_up_keeps_the_moment_and_begins_nothing_in_the_past() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), due: 2022-03-31, hooks: { overdue: talk } }
",
    );
    office.advance(at("2022-03-31", 20));
    office.sleep_until(at("2022-04-01", 9));
    office.wake();
    let overdue = office.log.iter().find(|(event, _)| event.fact.kind() == "overdue");
    let (overdue, _) = overdue.expect("overdue");
    assert_eq!(overdue.at, end("2022-03-31").plus_millis(1));
    assert_eq!(overdue.recorded_at, at("2022-04-01", 9));
    let interview = office.item("interview/1");
    assert_eq!(interview.due(), Some(end("2022-04-18")));
}

#[test]
fn rule_4_one_wake_up_handles_a_bounded_number_of_moments() {
    let lists: Vec<String> = (0..400).map(|number| format!("t{number}")).collect();
    let workflow = format!(
        "
period: year
params: {{ many: [{}] }}
tasks:
  a: {{ title: 甲, each: {{ one: params.many }}, owner: unit.post(\"组织部长\"), due: 2022-03-31, ladder: none }}
",
        lists.join(", ")
    );
    let mut office = Office::open(&workflow);
    office.advance(at("2022-03-31", 20));
    office.sleep_until(at("2022-04-01", 9));
    let command = Command::new(Actor::Engine, Signal::Wake);
    let first = decide(Some(&office.case), &command, &office.env).expect("a wake-up");
    assert!(first.more);
    assert!(first.events.len() <= MOMENTS_MAX * 2, "{}", first.events.len());
    office.wake();
    assert_eq!(office.count("overdue"), 400);
    assert!(office.case.next_wakeup().is_none_or(|next| next > office.env.now));
}

#[test]
fn rule_5_rungs_past_when_a_ladder_is_armed_are_collapsed() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-03-29, ladder: none }
  b: { title: 乙, needs: [a], owner: unit.post(\"组织部长\"), due: 2022-03-31, return_within: workdays(1) }
",
    );
    office.advance(at("2022-03-30", 9));
    office.act("d2", submit("a")).expect("done");
    assert_eq!(office.status("b"), Status::Ready);
    office.advance(at("2022-04-02", 9));
    assert_eq!(office.sent(Notification::Remind), ["第1级"]);
}

#[test]
fn rule_5_a_ladder_counts_from_the_date_that_readiness_gives() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-03-29, ladder: none }
  b: { title: 乙, needs: [a], owner: unit.post(\"组织部长\"), due: 2022-03-31 }
",
    );
    office.advance(at("2022-06-01", 9));
    office.act("d2", submit("a")).expect("done");
    office.advance(at("2022-06-01", 18));
    assert_eq!(office.sent(Notification::Remind), Vec::<String>::new());
    // Three working days from readiness: 2, 6 and 7 June.
    assert_eq!(office.item("b").due(), Some(end("2022-06-07")));
    office.advance(end("2022-06-07"));
    assert_eq!(office.sent(Notification::Remind), ["第0级"]);
    office.advance(end("2022-06-08"));
    assert_eq!(office.sent(Notification::Remind), ["第0级", "第1级"]);
}

#[test]
fn rule_5_a_return_keeps_the_place_on_the_ladder() {
    let mut office = Office::open(ONE);
    office.advance(end("2022-03-28"));
    assert_eq!(office.sent(Notification::Remind), ["第0级"]);
    office.act("d2", submit("a")).expect("submitted");
    office.act("d1", send_back("a")).expect("returned");
    office.advance(end("2022-04-01"));
    assert_eq!(office.sent(Notification::Remind), ["第0级", "第1级"]);
}

#[test]
fn rule_6_a_case_id_follows_from_what_it_is_for() {
    let env = env(program(ONE, "", ""), at("2022-01-01", 0));
    let name = name_of(&env);
    let mut next = name.clone();
    next.period = name.period.map(duban_calendar::Window::next);
    assert_eq!(name.id(), name_of(&env).id());
    assert_ne!(name.id(), next.id());
}

#[test]
fn rule_6_a_need_looks_for_the_same_unit_then_its_superiors() {
    let office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, needs: [{ other/x: unit }], owner: unit.post(\"组织部长\") }
",
    );
    let sent = office.log.iter().find_map(|(event, _)| match &event.fact {
        Fact::MessageSent { message: Message::Watch { candidates, watch }, .. } => {
            Some((candidates.clone(), watch.clone()))
        }
        _ => None,
    });
    let (candidates, watch) = sent.expect("a watch");
    let id = |unit: &str| {
        let mut name = name_of(&office.env);
        name.workflow = "other".into();
        name.unit = unit.into();
        name.id()
    };
    assert_eq!(watch.task.as_str(), "x");
    assert_eq!(candidates[0], id("D"));
    assert_eq!(candidates[2], id("C"));
    assert_eq!(office.status("a"), Status::Waiting);
}

#[test]
fn rule_6_a_repeated_message_changes_nothing() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none }
",
    );
    let from = duban_core::CaseId::new("asker");
    let watch = Watch { from: from.clone(), number: 7, task: "a".into(), unit: "D".into() };
    let actor = Actor::Case { case: from.clone() };
    office.command(actor.clone(), Signal::Watch(watch.clone())).expect("watched");
    let again = office.command(actor.clone(), Signal::Watch(watch)).expect("nothing");
    assert_eq!(again, []);
    office.act("d2", submit("a")).expect("done");
    assert_eq!(office.count("watch_answered"), 1);
    let stray = Answer {
        number: 99,
        from,
        form: serde_json::Map::new(),
        says: duban_core::AnswerSays::Done,
    };
    assert_eq!(office.command(actor, Signal::Answer(stray)).expect("nothing"), []);
}

#[test]
fn rule_7_a_skipped_predecessor_counts_as_satisfied() {
    let office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, when: unit.level == \"street\", owner: unit.post(\"组织部长\"), reviewer: none }
  b: { title: 乙, owner: unit.post(\"组织部长\"), reviewer: none }
  c: { title: 丙, needs: [a, b], owner: unit.post(\"组织部长\"), reviewer: none }
  d: { title: 丁, needs: [a], owner: unit.post(\"组织部长\"), reviewer: none }
",
    );
    assert_eq!(office.status("a"), Status::Skipped);
    assert_eq!(office.status("c"), Status::Waiting);
    assert_eq!(office.status("d"), Status::Skipped, "every way to it was skipped");
}

#[test]
fn rule_7_a_number_above_what_remains_means_all() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, each: { street: unit.below(\"street\") }, owner: item.street.post(\"书记\"), reviewer: none }
  b: { title: 乙, needs: { a: 5 }, owner: unit.post(\"组织部长\"), reviewer: none }
",
    );
    office.act("x1", submit("a/D1")).expect("one");
    assert_eq!(office.status("b"), Status::Waiting);
    office.act("x2", submit("a/D2")).expect("two");
    assert_eq!(office.status("b"), Status::Ready);
}

#[test]
fn rule_7_what_arrives_late_stays_owed_and_triggers_nothing() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none }
  b: { title: 乙, owner: unit.post(\"组织部长\"), reviewer: none }
  c: { title: 丙, needs: [a, b], join: any, owner: unit.post(\"组织部长\"), reviewer: none }
",
    );
    office.act("d2", submit("a")).expect("first");
    office.act("d2", submit("c")).expect("joined");
    assert_eq!(office.status("b"), Status::Ready);
    office.act("d2", submit("b")).expect("late");
    assert_eq!(office.status("c"), Status::Done);
    assert_eq!(office.item("c").attempt, 1);
}

#[test]
fn rule_7_items_of_one_key_are_refused() {
    let office = Office::open(
        "
period: year
params: { twice: [x, x] }
tasks:
  a: { title: 甲, each: { one: params.twice }, owner: unit.post(\"组织部长\") }
",
    );
    assert_eq!(office.case.items_of("a").count(), 1);
    assert_eq!(office.sent(Notification::Alarm).len(), 1);
}

const DUTY: &str = "
period: year
tasks:
  study:
    title: 研究
    every: half-year
    grace: workdays(5)
    owner: unit.post(\"书记\")
    reviewer: org(\"市\").post(\"书记\")
    form: { held_on: { type: date, title: 日期, required: true } }
    counts: form.held_on in window
    hooks: { missed: talk }
    ladder: none
";

#[test]
fn rule_8_an_entry_submitted_and_not_returned_counts_at_the_end_of_grace() {
    let mut office = Office::open(DUTY);
    office.advance(at("2022-07-05", 9));
    office
        .act("d1", submit_with("study@2022-H1", &json!({ "held_on": "2022-06-20" })))
        .expect("in grace");
    office.advance(at("2022-07-08", 9));
    assert_eq!(office.item("study@2022-H1").window_met, Some(true));
}

#[test]
fn rule_8_a_later_return_may_breach_the_window() {
    let mut office = Office::open(DUTY);
    office.advance(at("2022-07-05", 9));
    office
        .act("d1", submit_with("study@2022-H1", &json!({ "held_on": "2022-06-20" })))
        .expect("in grace");
    office.advance(at("2022-07-08", 9));
    office.act("c1", send_back("study@2022-H1")).expect("returned");
    // The owner has three working days before anybody judges.
    assert_eq!(office.item("study@2022-H1").window_met, Some(true));
    office.advance(end("2022-07-13"));
    assert_eq!(office.item("study@2022-H1").window_met, Some(true));
    office.advance(at("2022-07-14", 1));
    assert_eq!(office.item("study@2022-H1").window_met, Some(false));
    assert_eq!(office.status("interview/1"), Status::Ready);
}

#[test]
fn rule_8_a_submission_belongs_to_the_window_in_which_it_counts() {
    let mut office = Office::open(DUTY);
    office.advance(at("2022-07-05", 9));
    office
        .act("d1", submit_with("study@2022-H2", &json!({ "held_on": "2022-06-20" })))
        .expect("routed");
    assert_eq!(office.status("study@2022-H1"), Status::Submitted);
    assert_eq!(office.status("study@2022-H2"), Status::Ready);
    let stray = office.act("d1", submit_with("study@2022-H2", &json!({ "held_on": "2021-06-20" })));
    assert!(matches!(stray, Err(Refusal::NoWindow(_))), "{stray:?}");
}

#[test]
fn rule_8_a_late_entry_makes_up_and_the_breach_stands() {
    let mut office = Office::open(DUTY);
    office.advance(at("2022-07-08", 9));
    assert_eq!(office.item("study@2022-H1").window_met, Some(false));
    office
        .act("d1", submit_with("study@2022-H1", &json!({ "held_on": "2022-07-07" })))
        .expect("late");
    office.act("c1", accept("study@2022-H1")).expect("accepted");
    assert_eq!(office.status("study@2022-H1"), Status::Done);
    assert!(office.item("study@2022-H1").is_breached());
    assert_eq!(office.count("made_up"), 1);
}

#[test]
fn rule_8_windows_closed_before_the_case_opened_are_not_owed() {
    let env = env(program(DUTY, "", ""), at("2022-08-15", 9));
    let office = Office::open_in(env, serde_json::Map::new()).expect("opened");
    let keys: Vec<&str> = office.case.items().map(|item| item.key.as_str()).collect();
    assert_eq!(keys, ["study@2022-H2"]);
}

#[test]
fn rule_8_downstream_waits_until_every_window_is_closed() {
    let workflow = format!(
        "{DUTY}  after: {{ title: 后续, needs: [study], owner: unit.post(\"组织部长\"), ladder: none }}\n"
    );
    let mut office = Office::open(&workflow);
    office.advance(at("2022-07-08", 9));
    assert_eq!(office.status("after"), Status::Waiting);
    office.advance(at("2023-02-01", 9));
    assert_eq!(office.status("after"), Status::Ready);
}

#[test]
fn rule_9_lateness_is_judged_by_the_submission_that_was_accepted() {
    let mut office = Office::open(ONE);
    office.advance(at("2022-03-31", 17));
    office.act("d2", submit("a")).expect("in time");
    office.advance(at("2022-05-10", 9));
    assert_eq!(office.count("overdue"), 0);
    assert_eq!(office.sent(Notification::Remind), ["第0级"], "the ladder is held under review");
    office.act("d1", accept("a")).expect("accepted");
    assert_eq!(office.item("a").on_time, Some(true));
}

#[test]
fn rule_9_a_script_set_off_by_time_cannot_extend_or_cancel() {
    let mut office = Office::open_with(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), due: 2022-03-31, ladder: none, hooks: { overdue: give_up } }
",
        "fn give_up(task) { cancel(#{ why: \"算了\" }); }",
        "",
    );
    office.advance(at("2022-04-01", 9));
    assert_eq!(office.status("a"), Status::Ready);
    assert_eq!(office.count("item_cancelled"), 0);
}

const TALK: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), due: 2022-03-31, ladder: none, hooks: { overdue: talk } }
";

fn held() -> Office {
    let mut office = Office::open(TALK);
    office.advance(at("2022-04-06", 9));
    let record = json!({ "held_on": "2022-04-06", "requirements": "补办" });
    office.act("c1", submit_with("interview/1", &record)).expect("held");
    office
}

#[test]
fn rule_10_an_interview_is_followed_by_a_rectification_that_the_superior_reviews() {
    let mut office = held();
    assert_eq!(office.status("interview/1"), Status::Done);
    let refused = office.act("s1", Act::StrikeOff { item: Some("interview/1".into()), text: None });
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })));
    office
        .act("d2", submit_with("rectification/2", &json!({ "result": "已补" })))
        .expect("rectified");
    office.act("c1", accept("rectification/2")).expect("accepted");
    office
        .act("s1", Act::StrikeOff { item: Some("interview/1".into()), text: None })
        .expect("struck off");
    assert!(office.item("interview/1").struck_off_at.is_some());
}

#[test]
fn rule_10_unrectified_means_referral_and_no_further_interview() {
    let mut office = held();
    office.advance(at("2022-08-01", 9));
    assert_eq!(office.count("unrectified"), 1);
    assert_eq!(office.count("referred"), 1);
    assert_eq!(office.case.items_of("interview").count(), 1);
}

#[test]
fn rule_11_a_vacant_superior_post_is_not_climbed_over() {
    let mut data = directory().data().clone();
    for post in data.posts.iter_mut().filter(|post| post.unit.as_str() == "D") {
        post.holders.clear();
    }
    let mut env = env(
        program(
            "
period: year
tasks:
  a: { title: 甲, each: { street: unit.below(\"street\") }, owner: item.street.post(\"书记\") }
",
            "",
            "",
        ),
        at("2022-01-01", 0),
    );
    env.directory = Arc::new(Directory::new(data).expect("a directory"));
    let office = Office::open_in(env, serde_json::Map::new()).expect("opened");
    assert_eq!(office.item("a/D1").review.members, [Assignee::Post("D".into(), "书记".into())]);
}

#[test]
fn rule_11_a_vacant_owner_is_noted_and_found_later() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"空岗\"), ladder: none }
",
    );
    assert_eq!(office.status("a"), Status::Ready);
    assert_eq!(office.count("owner_missing"), 1);
    let mut data = office.env.directory.data().clone();
    let vacant = data.posts.iter_mut().find(|post| post.name == "空岗").expect("the post");
    vacant.holders.push("x2".into());
    office.env.directory = Arc::new(Directory::new(data).expect("a directory"));
    office.command(Actor::operator("管理员"), Operation::ApplyDirectory).expect("applied");
    assert_eq!(office.item("a").holder.as_ref().map(|person| person.as_str()), Some("x2"));
}

#[test]
fn rule_11_an_owner_who_is_gone_is_looked_for_again_and_the_past_keeps_the_old_one() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), ladder: none }
",
    );
    let first = office.item("a").holder.clone().expect("a holder");
    office.act(first.as_str(), sign("a")).expect("signed for");
    let full = office.env.directory.data().clone();
    let mut vacant = full.clone();
    for post in vacant.posts.iter_mut().filter(|post| post.name == "组织部长") {
        post.holders.clear();
    }
    office.env.directory = Arc::new(Directory::new(vacant.clone()).expect("a directory"));
    for _ in 0..2 {
        office.command(Actor::operator("管理员"), Operation::ApplyDirectory).expect("applied");
        assert_eq!(office.item("a").holder, None);
        assert_eq!(office.count("owner_missing"), 1, "it is noted once");
    }
    for post in vacant.posts.iter_mut().filter(|post| post.name == "组织部长") {
        post.holders.push("x2".into());
    }
    office.env.directory = Arc::new(Directory::new(vacant).expect("a directory"));
    office.command(Actor::operator("管理员"), Operation::ApplyDirectory).expect("applied");
    assert_eq!(office.item("a").holder.as_ref().map(|person| person.as_str()), Some("x2"));
    office.act("x2", report("a")).expect("reported");
    let signed = office.log.iter().find(|(event, _)| event.fact.kind() == "signed");
    assert_eq!(signed.map(|(event, _)| &event.actor), Some(&Actor::person(first.clone())));
    office.assert_replays();
}

#[test]
fn a_year_that_is_loaded_moves_due_dates_by_logged_events_and_never_earlier() {
    let mut office = Office::open(
        "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), due: date(\"2026-12-28\") + workdays(5), ladder: none }
",
    );
    assert!(office.item("a").deadline().expect("a date").provisional);
    let before = office.item("a").due().expect("a date");
    let year = duban_calendar::YearCalendar {
        year: 2027,
        notice: "测试".to_owned(),
        off: duban_calendar::Calendar::parse_days("2027-01-01..2027-01-08")
            .expect("days")
            .into_iter()
            .map(|date| duban_calendar::NamedDay { date, name: "元旦".to_owned() })
            .collect(),
        on: Vec::new(),
    };
    office.env.calendar = Arc::new(support::china().with_year(year).expect("a calendar"));
    office.command(Actor::operator("管理员"), Operation::ApplyCalendar).expect("applied");
    let deadline = office.item("a").deadline().expect("a date");
    assert!(deadline.due > before);
    assert_eq!(deadline.why, DueReason::Calendar);
    office.assert_replays();
}
