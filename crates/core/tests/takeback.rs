//! Rule 40: what a wrong clock brought about is taken back, where nobody has moved since.

mod support;

use duban_core::{Actor, Case, Fact, Operation, Refusal, Status, WrongFuture};

use support::*;

const WORKFLOW: &str = "
period: year
renew: auto
tasks:
  plan: { title: 方案, owner: unit.post(\"书记\"), reviewer: none, due: 2022-06-30, ladder: hard }
  study: { title: 学习, every: quarter, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
";

const SUITE: &str = "
  hard:
    - { at: due + workdays(1), do: press, to: owner, slip: blue }
    - { at: due + workdays(5), do: ask_for, to: owner }
scoring:
  - { id: late, on: overdue, points: -1 }
";

const HOOKS: &str = "
fn press(task, rung) { slip(\"blue\", rung.to); }
fn ask_for(task, rung) { interview(#{ who: task.owner, by: org(\"督查室\"), due: now + workdays(3), why: \"逾期\" }); }
";

/// A case by whose clock a year passes in a second.
fn wrong() -> (Office, Case) {
    let mut office = Office::open_with(WORKFLOW, HOOKS, SUITE);
    office.env.epoch = 1;
    office.advance(at("2022-03-01", 9));
    office.act("d1", report("plan")).expect("reported");
    let before = office.case.clone();
    office.env.epoch = 2;
    office.advance(at("2023-03-01", 9));
    office.env.epoch = 3;
    office.env.now = at("2022-03-01", 10);
    (office, before)
}

fn take_back(office: &mut Office, epoch: u32) -> Result<Vec<Fact>, Refusal> {
    let wrong = WrongFuture::of(&office.log, epoch).expect("something was recorded in it");
    office.command(Actor::operator("运维"), Operation::TakeBack(Box::new(wrong)))
}

#[test]
fn rule_40_s96_everything_that_time_brought_about_is_taken_back() {
    let (mut office, before) = wrong();
    assert!(office.count("overdue") > 0 && office.count("item_opened") > 0);
    let found = WrongFuture::of(&office.log, 2).expect("found");
    assert_eq!((found.after, found.moves.len()), (before.head().version, 0));
    assert_eq!(found.cases.len(), 1, "the next period's case is named");
    assert!(!found.papers.is_empty(), "the slip is named");
    take_back(&mut office, 2).expect("taken back");

    let (now, then) = (office.case.head(), before.head());
    assert!(office.case.items().eq(before.items()), "items are as they were");
    assert_eq!(now.windows, then.windows);
    assert_eq!(now.scored, then.scored);
    assert_eq!(now.renew_at, then.renew_at);
    assert_eq!(now.last_at, at("2022-03-01", 10), "by the right clock");
    assert!(now.slips > then.slips, "a number that was used stays used");
    assert_eq!(office.case.next_wakeup(), before.next_wakeup());
    let points = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::Scored { points, .. } => Some(*points),
        _ => None,
    });
    assert_eq!(points.sum::<i64>(), 0);
    office.assert_replays();

    // Time goes on, and everything comes at its own time, once.
    let overdue = office.count("overdue");
    office.act("d1", submit("plan")).expect("people go on");
    assert_eq!(office.status("plan"), Status::Done);
    office.advance(at("2022-07-20", 9));
    assert_eq!(office.count("overdue"), overdue);
    assert!(office.case.item(&"study@2022-Q2".into()).is_some());
    office.assert_replays();
}

#[test]
fn rule_40_where_somebody_has_moved_since_nothing_is_taken_back() {
    let moves = [("d1", report("plan")), ("s1", suspend(Some("plan")))];
    for (person, act) in moves {
        let (mut office, _) = wrong();
        office.env.now = at("2023-03-01", 9);
        office.act(person, act).expect("taken");
        let refused = take_back(&mut office, 2).expect_err("somebody has moved");
        assert!(matches!(refused, Refusal::NotApplicable { .. }), "{refused}");
        let found = WrongFuture::of(&office.log, 2).expect("found");
        assert_eq!(found.moves.len(), 1);
    }
}

#[test]
fn rule_40_what_is_out_of_date_or_begins_in_the_wrong_future_is_not_taken_back() {
    let (mut office, _) = wrong();
    let wrong = WrongFuture::of(&office.log, 2).expect("found");
    let act = Operation::TakeBack(Box::new(wrong));
    office.command(Actor::operator("运维"), act.clone()).expect("taken back");
    let again = office.command(Actor::operator("运维"), act).expect_err("it was looked at before");
    assert!(matches!(again, Refusal::NotApplicable { .. }), "{again}");
    // A case that was opened by the wrong clock is nobody's earlier state.
    assert_eq!(WrongFuture::of(&office.log[..1], 0), None);
    assert_eq!(WrongFuture::of(&office.log, 9), None);
}
