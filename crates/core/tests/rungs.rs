//! Rule 29: rungs have names.

mod support;

use std::sync::Arc;

use duban_core::{Done, Fact, Notification, Status, Take};
use duban_script::Program;

use support::*;

const SAY: &str = "fn say(task, rung) { remind(#{ to: task.owner, text: rung.what }); }";

/// A workflow of one task, due on 31 March, with this ladder.
fn workflow(ladder: &[&str]) -> Arc<Program> {
    program(&text(ladder), SAY, "")
}

fn text(ladder: &[&str]) -> String {
    let rungs: Vec<String> = ladder.iter().map(|rung| format!("    - {{ {rung} }}\n")).collect();
    format!(
        "period: year\nladders:\n  main:\n{}tasks:\n  a: {{ title: 方案, owner: \
         unit.post(\"书记\"), due: 2022-03-31, ladder: main }}\n",
        rungs.concat()
    )
}

const BEFORE_3: &str = "at: due - workdays(3), do: say, what: near";
const BLUE_1: &str = "at: due + workdays(1), do: say, what: blue";
const YELLOW_5: &str = "at: due + workdays(5), do: say, what: yellow";
const YELLOW_7: &str = "at: due + workdays(7), do: say, what: yellow";
const NOTICE_10: &str = "at: due + workdays(10), do: say, what: notice";
const MAIN: [&str; 4] = [BEFORE_3, BLUE_1, YELLOW_5, NOTICE_10];

fn open(ladder: &[&str]) -> Office {
    Office::open_with(&text(ladder), SAY, "")
}

/// When each thing was said, as `MM-DD what`.
fn said(office: &Office) -> Vec<String> {
    let said = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::Sent(sent) if sent.kind == Notification::Remind => {
            let day = duban_calendar::local(event.at.plus_millis(-1), TZ).format("%m-%d");
            Some(format!("{day} {}", sent.text))
        }
        _ => None,
    });
    said.collect()
}

#[test]
fn rule_29_the_sample_rungs_keep_their_days_whatever_is_put_before_them() {
    let before_10 = "at: due - workdays(10), do: say, what: near";
    let before_5 = "at: due - workdays(5), do: say, what: near";
    let more: &[&str] = &[before_10, before_5, BEFORE_3, BLUE_1, YELLOW_5, NOTICE_10];
    for ladder in [more, &[BLUE_1, YELLOW_5, NOTICE_10], &[NOTICE_10, YELLOW_5, BLUE_1]] {
        let mut office = open(&MAIN);
        office.advance(at("2022-03-29", 9));
        office.migrate(workflow(ladder), &[]).expect("it migrates");
        office.advance(at("2022-05-10", 0));
        // 3 to 5 April are off for Qingming, 2 April is a working Saturday.
        let kept = ["03-28 near", "04-01 blue", "04-08 yellow", "04-15 notice"];
        assert_eq!(said(&office), kept, "{ladder:?}");
    }
}

#[test]
fn rule_29_s63_equal_rungs_are_known_by_their_words_then_by_their_order() {
    // The unchanged one is never taken for another, fired or not.
    for when in ["2022-03-01", "2022-03-29"] {
        let mut office = open(&MAIN);
        office.advance(at(when, 9));
        let near_10 = "at: due - workdays(10), do: say, what: near";
        let ladder = [near_10, BEFORE_3, BLUE_1, YELLOW_5, NOTICE_10];
        office.migrate(workflow(&ladder), &[]).expect("it migrates");
        office.advance(at("2022-05-10", 0));
        let near = said(&office).iter().filter(|said| said.ends_with("near")).count();
        let expected = if when == "2022-03-01" { 2 } else { 1 };
        assert_eq!(near, expected, "migrated on {when}: {:?}", said(&office));
    }
    // Two that both moved: the earlier is the earlier.
    let early = "at: due - workdays(10), do: say, what: near";
    let mut office = open(&[BEFORE_3, early]);
    office.advance(at("2022-03-20", 9));
    assert_eq!(said(&office).len(), 1);
    let moved = [
        "at: due - workdays(2), do: say, what: near",
        "at: due - workdays(8), do: say, what: near",
    ];
    office.migrate(workflow(&moved), &[Take::Ladder]).expect("it migrates");
    office.advance(at("2022-04-30", 9));
    let dates: Vec<String> = said(&office);
    assert_eq!(dates.len(), 2, "the earlier has fired and stays fired: {dates:?}");
    assert_eq!(dates[1], "03-29 near");
}

#[test]
fn rule_29_s64_what_has_fired_and_moved_stays_fired() {
    for take in [&[][..], &[Take::Ladder]] {
        let mut office = open(&MAIN);
        office.advance(at("2022-04-10", 9));
        let moved = [BEFORE_3, BLUE_1, YELLOW_7, NOTICE_10];
        let (report, _) = office.migrate(workflow(&moved), take).expect("it migrates");
        assert!(report.changes.iter().any(|change| change.what == Take::Ladder), "{report:?}");
        office.advance(at("2022-05-10", 0));
        let yellow = said(&office).iter().filter(|said| said.ends_with("yellow")).count();
        assert_eq!(yellow, 1, "{:?}", said(&office));
    }
}

#[test]
fn rule_29_a_rung_that_moved_and_is_to_come_moves_if_it_is_taken_over() {
    for (take, done, date) in
        [(&[][..], Done::Kept, "04-08 yellow"), (&[Take::Ladder], Done::Taken, "04-12 yellow")]
    {
        let mut office = open(&MAIN);
        office.advance(at("2022-04-02", 9));
        let moved = [BEFORE_3, BLUE_1, YELLOW_7, NOTICE_10];
        let (report, _) = office.migrate(workflow(&moved), take).expect("it migrates");
        let change = report.changes.iter().find(|change| change.what == Take::Ladder);
        assert_eq!(change.map(|change| change.done), Some(done));
        office.advance(at("2022-05-10", 0));
        assert!(said(&office).contains(&date.to_owned()), "{:?}", said(&office));
    }
}

#[test]
fn rule_29_s65_what_differs_in_one_word_is_another_rung() {
    let red_1 = "at: due + workdays(1), do: say, what: red";
    let mut office = open(&[BLUE_1]);
    office.advance(at("2022-04-10", 9));
    // Blue has gone out; red is new, and its day is past: by rule 5 it is not sent.
    office.migrate(workflow(&[red_1, NOTICE_10]), &[]).expect("it migrates");
    office.advance(at("2022-05-10", 0));
    let words: Vec<String> = said(&office);
    assert!(words.iter().any(|said| said.ends_with("blue")), "{words:?}");
    assert!(words.iter().any(|said| said.ends_with("notice")), "a new rung is armed: {words:?}");
    assert!(!words.iter().any(|said| said.ends_with("red")), "{words:?}");
}

#[test]
fn rule_29_an_id_outlives_every_other_word() {
    let old = "id: second, at: due + workdays(5), do: say, what: yellow";
    let new = "id: second, at: due + workdays(6), do: say, what: orange, to: owner";
    let mut office = open(&[BLUE_1, old, NOTICE_10]);
    office.advance(at("2022-04-10", 9));
    office.migrate(workflow(&[new, NOTICE_10]), &[Take::Ladder]).expect("it migrates");
    office.advance(at("2022-05-10", 0));
    assert_eq!(said(&office).len(), 3, "{:?}", said(&office));
    // Two ids that differ are two rungs, however alike.
    let mut office = open(&[old]);
    office.advance(at("2022-04-01", 9));
    let other = "id: third, at: due + workdays(5), do: say, what: yellow";
    let (report, _) = office.migrate(workflow(&[other]), &[]).expect("it migrates");
    assert_eq!(report.changes.len(), 2, "one gone, one new: {:?}", report.changes);
}

#[test]
fn rule_29_a_rung_that_fired_and_comes_back_stays_fired() {
    let mut office = open(&MAIN);
    office.advance(at("2022-04-10", 9));
    office.migrate(workflow(&[BEFORE_3, BLUE_1, NOTICE_10]), &[]).expect("it migrates");
    let back = "at: due + workdays(9), do: say, what: yellow";
    office.migrate(workflow(&[BEFORE_3, BLUE_1, back, NOTICE_10]), &[]).expect("it migrates");
    office.advance(at("2022-05-10", 0));
    let yellow = said(&office).iter().filter(|said| said.ends_with("yellow")).count();
    assert_eq!(yellow, 1, "{:?}", said(&office));
    // One that had not fired when it was taken away fires.
    let mut office = open(&MAIN);
    office.advance(at("2022-04-02", 9));
    office.migrate(workflow(&[BEFORE_3, BLUE_1, NOTICE_10]), &[]).expect("it migrates");
    office.migrate(workflow(&MAIN), &[]).expect("it migrates");
    office.advance(at("2022-05-10", 0));
    assert!(said(&office).contains(&"04-08 yellow".to_owned()), "{:?}", said(&office));
}

#[test]
fn rule_29_s66_at_the_instant_of_a_rung_the_migration_wins() {
    // The rung fires afterwards, under the new ladder; or not at all.
    for (ladder, fired) in [(&[NOTICE_10, YELLOW_5, BLUE_1][..], 1), (&[NOTICE_10, BLUE_1], 0)] {
        let mut office = open(&MAIN);
        office.advance(at("2022-04-02", 9));
        office.sleep_until(end("2022-04-08"));
        office.migrate(workflow(ladder), &[]).expect("no wake-up comes first");
        office.advance(at("2022-05-10", 0));
        let yellow = said(&office).iter().filter(|said| said.ends_with("yellow")).count();
        assert_eq!(yellow, fired, "{:?}", said(&office));
    }
}

#[test]
fn rule_29_repeated_rungs_go_on_repeating_in_their_new_place() {
    let daily = "every: workdays(1), after: due, do: say, what: again";
    let mut office = open(&[daily, NOTICE_10]);
    office.advance(at("2022-04-10", 9));
    let before = said(&office).len();
    office.migrate(workflow(&[BLUE_1, NOTICE_10, daily]), &[]).expect("it migrates");
    office.advance(at("2022-04-13", 9));
    let again = said(&office).iter().filter(|said| said.ends_with("again")).count();
    assert_eq!(again, before + 2, "{:?}", said(&office));
}

#[test]
fn rule_29_a_review_ladder_is_carried_over_too() {
    let text = |rungs: &[&str]| {
        let rungs: Vec<String> = rungs.iter().map(|rung| format!("    - {{ {rung} }}\n")).collect();
        format!(
            "period: year\nladders:\n  look:\n{}tasks:\n  a: {{ title: 方案, owner: \
             unit.post(\"书记\"), due: 2022-03-31, ladder: none, review_within: workdays(2), \
             review_ladder: look }}\n",
            rungs.concat()
        )
    };
    let mut office = Office::open_with(&text(&[BLUE_1, YELLOW_5]), SAY, "");
    office.env.now = at("2022-03-01", 9);
    office.act("d1", submit("a")).unwrap();
    let before = office.item("a").review.armed.clone().unwrap();
    let other = "at: due - workdays(1), do: say, what: near";
    office.migrate(program(&text(&[other, YELLOW_5, BLUE_1]), SAY, ""), &[]).expect("it migrates");
    let after = office.item("a").review.armed.clone().unwrap();
    let instants = |armed: &duban_core::Armed, place| {
        armed.rungs.iter().find(|rung| rung.rung == place).map(|rung| rung.at)
    };
    assert_eq!(instants(&before, 0), instants(&after, 2));
    assert_eq!(instants(&before, 1), instants(&after, 1));
    assert_eq!(office.status("a"), Status::Submitted);
}

#[test]
fn rule_29_a_ladder_that_is_gone_gives_its_place_to_the_tasks_own() {
    let named = |name: &str| text(&[BLUE_1, NOTICE_10]).replace("main", name);
    let mut office = Office::open_with(&named("old"), SAY, "");
    office.advance(at("2022-04-02", 9));
    let (report, _) = office.migrate(program(&named("fresh"), SAY, ""), &[]).expect("it migrates");
    assert!(report.changes.iter().any(|change| change.from == "old" && change.to == "fresh"));
    office.advance(at("2022-05-10", 0));
    let words: Vec<String> = said(&office);
    assert_eq!(words.iter().filter(|said| said.ends_with("blue")).count(), 1, "{words:?}");
    assert_eq!(words.iter().filter(|said| said.ends_with("notice")).count(), 1, "{words:?}");
}
