//! A quorum, and whoever has not signed is chased: rules 23 and 24 by the dated scenarios.

mod support;

use std::sync::Arc;

use duban_core::{Act, Fact, Notification, Refusal, Status};
use duban_model::Assignee;
use support::signers::{
    B1, B2, C1, VACANT, X1, X2, accept_for, add, all, days_sent, opened, opened_in, pending,
    quorum, refuse, remove, seat, seats, steps, unsuitable, with_holders,
};
use support::{Office, accept, at, end, submit};

#[test]
fn rule_23_so_many_agreements_close_and_release_the_others() {
    let mut office = opened(&quorum(&[C1, B1, B2, X1, X2], 3, 2));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    office.act("b1", refuse("数字不对")).unwrap();
    office.act("b2", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    assert_eq!(pending(office.item("a")), [X1, X2]);
    office.act("x2", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    assert_eq!(days_sent(&office, Notification::Tell, X1).len(), 1);
    assert!(days_sent(&office, Notification::Tell, B1).is_empty(), "who has refused owed nothing");
    assert_eq!(office.count("scored"), 0);
    let late = office.act("x1", accept("a"));
    assert!(matches!(late, Err(Refusal::WrongStatus { .. })), "{late:?}");
    office.assert_replays();
}

#[test]
fn rule_23_s44_what_can_no_longer_be_agreed_returns() {
    let mut office = opened(&quorum(&[C1, B1, B2, X1, X2], 4, 2));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", refuse("一")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("x1", refuse("二")).unwrap();
    assert_eq!(office.status("a"), Status::Active);
    let returned = office.log.iter().rev().find_map(|(event, _)| match &event.fact {
        Fact::Returned { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(returned.as_deref(), Some("市 书记：一；一街 书记：二"));

    // Refusals that the agreements forestall: three of three must agree, one says no.
    let mut office = opened(&quorum(&[C1, B1, X1], 3, 1));
    office.act("d2", submit("a")).unwrap();
    office.act("b1", refuse("缺附件")).unwrap();
    assert_eq!((office.status("a"), office.count("review_refused")), (Status::Active, 0));
}

#[test]
fn rule_23_s45_a_vacant_seat_is_not_filled_from_above_and_does_not_lower_the_number() {
    let office = opened(&quorum(&[C1, VACANT, B1, B2, X1], 3, 1));
    assert_eq!(office.item("a").review.members, seats(&[C1, VACANT, B1, B2, X1]));
    let two = with_holders(&[(B1, &[]), (B2, &[])]);
    let mut office = opened_in(&quorum(&[C1, VACANT, B1, B2, X1], 3, 2), two);
    assert_eq!(office.item("a").review.members, seats(&[C1, VACANT, B1, B2, X1]));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    office.act("x1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted, "three must agree, two can");
    let directory = Arc::clone(&office.env.directory);
    let missing = |office: &Office| {
        let filled = |seat: &Assignee| !directory.holders(seat).is_empty();
        office.item("a").review.seats_missing(filled)
    };
    assert_eq!(missing(&office), 1);
    office.act("s1", add(X2)).unwrap();
    assert_eq!(missing(&office), 0);
    office.act("x2", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_23_s46_a_refusal_is_kept_with_its_reason_and_may_be_changed() {
    let mut office = opened(&quorum(&[C1, B1, X1, X2], 2, 2));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", refuse("缺附件")).unwrap();
    office.act("c1", refuse("附件不清")).unwrap();
    let kept: Vec<&str> =
        office.item("a").review.refused.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(kept, ["附件不清"], "one seat, one refusal");
    assert_eq!(pending(office.item("a")), [B1, X1, X2]);
    let withdrawn = office.act("d2", Act::Withdraw { item: "a".into() });
    assert!(matches!(withdrawn, Err(Refusal::NotApplicable { .. })), "{withdrawn:?}");
    office.act("c1", accept("a")).unwrap();
    assert!(office.item("a").review.refused.is_empty());
    // An agreement stands.
    let again = office.act("c1", refuse("又不同意"));
    assert!(matches!(again, Err(Refusal::NotAllowed { .. })), "{again:?}");
    office.act("b1", refuse("一")).unwrap();
    office.act("x1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    office.assert_replays();
}

#[test]
fn rule_23_taking_a_seat_off_leaves_enough_to_agree() {
    let mut office = opened(&quorum(&[C1, B1, X1, X2], 3, 2));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", refuse("一")).unwrap();
    assert!(unsuitable(&office.act("s1", remove(B1))), "two could agree, three must");
    // Who has refused may go: the refusal goes along.
    office.act("s1", remove(C1)).unwrap();
    assert!(office.item("a").review.refused.is_empty());
    assert!(unsuitable(&office.act("s1", remove(B1))));
    for person in ["b1", "x1", "x2"] {
        office.act(person, accept("a")).unwrap();
    }
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_23_one_person_on_two_seats_speaks_twice() {
    let both = || with_holders(&[(B1, &["c1"])]);
    let mut office = opened_in(&quorum(&[C1, B1, X1, X2], 2, 2), both());
    office.act("d2", submit("a")).unwrap();
    office.act("c1", refuse("不实")).unwrap();
    assert_eq!(office.status("a"), Status::Active);
    office.act("d2", submit("a")).unwrap();
    // For one seat he agrees, then speaks for the other.
    office.act("c1", accept_for(C1)).unwrap();
    office.act("c1", refuse("不实")).unwrap();
    assert_eq!(office.item("a").review.agreed, seats(&[C1]));
    assert_eq!(office.item("a").review.refused[0].member, seat(B1));
}

#[test]
fn rule_24_s41_in_steps_each_turn_has_its_own_date_and_the_ladder_speaks_to_whose_turn_it_is() {
    let mut office = opened(&steps(&[C1, B1, X1]));
    office.act("d2", submit("a")).unwrap();
    assert_eq!(office.item("a").review.due, Some(end("2026-03-05")));
    office.advance(at("2026-03-05", 9));
    office.act("c1", accept("a")).unwrap();
    office.advance(at("2026-03-10", 9));
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.item("a").review.due, Some(end("2026-03-13")));
    office.advance(at("2026-03-20", 9));
    assert_eq!(office.count("review_overdue"), 1);
    for signed in [C1, B1] {
        assert!(days_sent(&office, Notification::Remind, signed).is_empty(), "{signed}");
    }
    // 逾期一次，第 1、3 个工作日各一次。
    assert_eq!(days_sent(&office, Notification::Remind, X1).len(), 3);
}

#[test]
fn rule_24_countersigning_disarms_nothing_and_review_overdue_is_said_once() {
    for reviewer in [all(&[C1, B1, X1]), quorum(&[C1, B1, X1], 3, 1)] {
        let mut office = opened(&reviewer);
        office.act("d2", submit("a")).unwrap();
        office.advance(at("2026-03-04", 9));
        office.act("c1", accept("a")).unwrap();
        office.advance(at("2026-03-06", 9));
        assert_eq!(office.count("review_overdue"), 1);
        office.act("b1", accept("a")).unwrap();
        office.advance(at("2026-03-20", 9));
        assert_eq!(office.count("review_overdue"), 1);
        assert_eq!(days_sent(&office, Notification::Remind, X1).len(), 3);
        assert_eq!(days_sent(&office, Notification::Remind, B1).len(), 1, "before he signed");
        assert!(days_sent(&office, Notification::Remind, C1).is_empty());
        office.assert_replays();
    }
}

#[test]
fn rule_24_s43_whoever_is_added_has_a_full_review_within_and_a_ladder_of_their_own() {
    for reviewer in [all(&[C1, B1]), quorum(&[C1, B1], 2, 1)] {
        let mut office = opened(&reviewer);
        office.act("d2", submit("a")).unwrap();
        // A day before the last rung towards the others' date.
        office.advance(at("2026-03-10", 9));
        office.act("s1", add(X1)).unwrap();
        let review = &office.item("a").review;
        assert_eq!(review.due, Some(end("2026-03-05")));
        assert_eq!(review.due_of(&seat(X1)), Some(end("2026-03-13")));
        assert_eq!(review.due_of(&seat(B1)), Some(end("2026-03-05")));
        office.advance(at("2026-03-13", 9));
        assert!(days_sent(&office, Notification::Remind, X1).is_empty());
        assert_eq!(days_sent(&office, Notification::Remind, C1).len(), 3);
        office.act("c1", accept("a")).unwrap();
        office.advance(at("2026-03-27", 9));
        assert_eq!(office.count("review_overdue"), 2, "once for each date");
        assert_eq!(days_sent(&office, Notification::Remind, X1).len(), 3);
        assert_eq!(days_sent(&office, Notification::Remind, C1).len(), 3);
        office.assert_replays();
        // A person who is added and taken off is chased no more.
        office.act("s1", add(X2)).unwrap();
        office.act("s1", remove(X2)).unwrap();
        office.advance(at("2026-05-27", 9));
        assert!(days_sent(&office, Notification::Remind, X2).is_empty());
    }
}

#[test]
fn rule_24_who_is_left_on_the_first_date_alone_is_chased_by_it_alone() {
    let mut office = opened(&all(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    office.act("s1", add(X1)).unwrap();
    office.act("b1", accept("a")).unwrap();
    // The ladder towards the first date speaks to nobody any more, so it is silent.
    office.advance(at("2026-03-20", 9));
    assert_eq!(office.count("review_overdue"), 1);
    assert_eq!(days_sent(&office, Notification::Remind, X1).len(), 3);
    assert!(!office.item("a").review.overdue);
}

#[test]
fn rule_24_a_refusal_is_an_answer_and_is_not_chased() {
    let mut office = opened(&quorum(&[C1, B1, X1], 2, 2));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", refuse("缺附件")).unwrap();
    office.advance(at("2026-03-20", 9));
    assert!(days_sent(&office, Notification::Remind, C1).is_empty());
    assert_eq!(days_sent(&office, Notification::Remind, X1).len(), 3);
}
