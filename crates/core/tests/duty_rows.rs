//! Rows of missed windows, and what has been used, over the end of a period.

mod support;

use duban_core::{Actor, Fact, Message, ParentSays, Refusal, Signal, Status};
use serde_json::Map;
use support::*;

const DUTY: &str = "
period: year
renew: auto
tasks:
  study:
    title: 专题研究
    every: half-year
    owner: org(\"D1\").post(\"书记\")
    reviewer: org(\"组织部\").post(\"部长\")
    evidence: [会议纪要]
    form: { held_on: { type: date, required: true } }
    counts: form.held_on in window
    grace: workdays(5)
    ladder: none
    hooks: { missed: tally }
";

const COUNT: &str = "
fn tally(task) { remind(#{ to: task.owner, text: `第${task.missed_in_row}次` }); }
";

/// The case of a year, and that of the next one, which it asks for.
struct Years {
    one: Office,
    two: Option<Office>,
    /// Messages that have arrived.
    seen: usize,
    back: usize,
}

impl Years {
    fn open(workflow: &str) -> Self {
        Self { one: Office::open_with(workflow, COUNT, ""), two: None, seen: 0, back: 0 }
    }

    /// Lets time pass in both; what one tells the other arrives at once.
    fn advance(&mut self, date: &str) {
        self.one.advance(at(date, 9));
        if self.two.is_none() && self.one.count("renewed") > 0 {
            let now = at("2023-01-01", 0);
            let mut env = self.one.env.clone();
            env.now = now;
            self.two = Some(Office::open_in(env, Map::new()).expect("the next period's case"));
        }
        self.pass_on();
        if let Some(two) = &mut self.two {
            two.advance(at(date, 9));
        }
        self.pass_on();
    }

    fn pass_on(&mut self) {
        let Some(two) = &mut self.two else { return };
        self.seen = deliver(&mut self.one, two, self.seen);
        self.back = deliver(two, &mut self.one, self.back);
    }

    fn next(&mut self) -> &mut Office {
        self.two.as_mut().expect("the next period's case")
    }
}

/// Gives one case what the other has said to it since.
fn deliver(from: &mut Office, to: &mut Office, seen: usize) -> usize {
    let said: Vec<(u64, ParentSays)> = from
        .log
        .iter()
        .skip(seen)
        .filter_map(|(event, _)| match &event.fact {
            Fact::MessageSent {
                message: Message::ToChild { number, says, to: id, .. }, ..
            } if *id == to.case.id() => Some((*number, says.clone())),
            _ => None,
        })
        .collect();
    let case = from.case.id();
    for (number, says) in said {
        let actor = Actor::Case { case: case.clone() };
        let item = duban_core::ItemKey::default();
        let signal = Signal::ParentSays { from: case.clone(), item, number, says };
        to.command(actor, signal).expect("heard");
    }
    from.log.len()
}

fn hold(office: &mut Office, key: &str, date: &str) {
    office.act("x1", minutes(key, date, &format!("sha256:{date}"))).expect("submitted");
    office.act("b1", accept(key)).expect("accepted");
}

fn said(office: &Office) -> Vec<String> {
    office.sent(duban_core::Notification::Remind)
}

#[test]
fn s108_a_row_goes_on_over_the_end_of_the_year() {
    // What was held in the first year, and the row at the first window of the second.
    let lives = [
        (None, vec!["第1次", "第2次", "第3次"]),
        (Some(("study@2022-H1", "2022-03-01")), vec!["第1次", "第2次"]),
        (Some(("study@2022-H2", "2022-09-01")), vec!["第1次", "第1次"]),
    ];
    for (held, expected) in lives {
        let mut years = Years::open(DUTY);
        if let Some((key, date)) = held {
            years.advance(date);
            hold(&mut years.one, key, date);
        }
        // The last window of the year is judged after the next year's case was opened.
        years.advance("2023-01-20");
        years.advance("2023-07-20");
        let mut all = said(&years.one);
        all.extend(said(years.next()));
        assert_eq!(all, expected);
        years.one.assert_replays();
        years.next().assert_replays();
    }
}

#[test]
fn s109_a_miss_that_was_made_up_is_a_link_and_papers_that_came_late_take_it_out() {
    for (date, expected) in [("2023-01-25", "第2次"), ("2022-12-30", "第1次")] {
        let mut years = Years::open(DUTY);
        years.advance("2022-03-01");
        hold(&mut years.one, "study@2022-H1", "2022-03-01");
        years.advance("2023-01-26");
        hold(&mut years.one, "study@2022-H2", date);
        years.pass_on();
        years.advance("2023-07-20");
        assert_eq!(said(years.next()), [expected], "{date}");
    }
}

#[test]
fn a_window_that_is_excused_neither_lengthens_nor_ends_a_row() {
    let mut years = Years::open(DUTY);
    years.advance("2022-07-20");
    years.one.act("s1", suspend(Some("study@2022-H2"))).expect("suspended");
    years.advance("2022-12-28");
    years.one.act("s1", resume(Some("study@2022-H2"))).expect("resumed");
    years.advance("2023-01-20");
    assert_eq!(years.one.status("study@2022-H2"), Status::Skipped);
    years.advance("2023-07-20");
    assert_eq!(said(years.next()), ["第2次"]);
}

#[test]
fn s102_a_meeting_counts_once_over_the_end_of_the_year_whichever_case_it_was_given_to_first() {
    let taken = |outcome: Result<Vec<Fact>, Refusal>| match outcome {
        Err(Refusal::EventUsed { used, .. }) => used.to_string(),
        other => panic!("{other:?}"),
    };
    for first_in_old in [true, false] {
        let mut years = Years::open(DUTY);
        years.advance("2023-02-10");
        assert_eq!(years.one.item("study@2022-H2").window_met, Some(false));
        let (old, new) = (
            minutes("study@2022-H2", "2023-02-10", "sha256:2023-02-10"),
            minutes("study@2023-H1", "2023-02-10", "sha256:2023-02-10"),
        );
        if first_in_old {
            years.one.act("x1", old).expect("it makes up");
            years.pass_on();
            assert_eq!(taken(years.next().act("x1", new.clone())), "study@2022-H2");
            // What was returned is free.
            years.one.act("b1", send_back("study@2022-H2")).expect("returned");
            years.pass_on();
            years.next().act("x1", new).expect("it counts");
        } else {
            years.next().act("x1", new).expect("it counts");
            years.pass_on();
            assert_eq!(taken(years.one.act("x1", old)), "study@2023-H1");
        }
    }
}
