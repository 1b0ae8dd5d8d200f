//! Signers are a set: rule 22 by the dated scenarios, and what rule 26 says of transfers.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, Actor, CaseStatus, Fact, Item, Notification, Operation, Refusal, Status, case_from_texts,
};
use serde_json::json;
use support::signers::{
    B1, B2, C1, D1, X1, X2, accept_for, add, add_before, all, expr, exprs, opened, opened_in,
    pending, quorum, remove, seat, seats, steps, unsuitable, with_holders,
};
use support::{accept, at, end, send_back, submit};

#[test]
fn rule_22_removing_who_has_signed_in_steps_skips_nobody() {
    for gone in [C1, B1] {
        let mut office = opened(&steps(&[C1, B1, X1]));
        office.act("d2", submit("a")).unwrap();
        office.act("c1", accept("a")).unwrap();
        office.act("s1", remove(gone)).unwrap();
        let next: &[(&str, &str)] =
            if gone == C1 { &[("b1", B1), ("x1", X1)] } else { &[("x1", X1)] };
        for (person, seat) in next {
            assert_eq!(pending(office.item("a")), [*seat]);
            assert_eq!(office.status("a"), Status::Submitted);
            office.act(person, accept("a")).unwrap();
        }
        assert_eq!(office.status("a"), Status::Done);
        office.assert_replays();
    }
}

#[test]
fn rule_22_s39_taking_off_the_last_who_has_not_signed_closes_and_the_record_says_so() {
    let mut office = opened(&all(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    // A signer alone cannot close it so.
    let refused = office.act("c1", remove(B1));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    let facts = office.act("s1", remove(B1)).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    let said = facts.iter().find_map(|fact| match fact {
        Fact::Accepted { done: true, taken_off, .. } => taken_off.clone(),
        _ => None,
    });
    assert_eq!(said, Some(seat(B1)));
    office.assert_replays();
}

#[test]
fn rule_22_nobody_has_agreed_so_taking_one_off_closes_nothing() {
    let mut office = opened(&all(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    office.act("s1", remove(B1)).unwrap();
    assert_eq!(
        (office.status("a"), pending(office.item("a"))),
        (Status::Submitted, vec![C1.to_owned()])
    );
    let refused = office.act("s1", remove(C1));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "a list never becomes empty");
    // What somebody said who is taken off and comes back is asked anew.
    office.act("s1", add(B1)).unwrap();
    office.act("c1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_22_before_a_round_signers_may_change_the_list_but_not_empty_it() {
    let mut office = opened(&all(&[C1, B1]));
    assert!(unsuitable(&office.act("s1", remove(X1))), "not on the list");
    office.act("c1", remove(B1)).unwrap();
    let refused = office.act("s1", remove(C1));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "{refused:?}");
}

#[test]
fn rule_22_s40_any_is_a_quorum_of_one_and_the_others_are_released() {
    let mut office = opened(&format!("{{ any: [{}] }}", exprs(&[C1, B1, X1])));
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    let told = office.log.iter().rev().find_map(|(event, _)| match &event.fact {
        Fact::Sent(sent) if sent.kind == Notification::Tell => Some(sent.to.clone()),
        _ => None,
    });
    assert_eq!(told, Some(seats(&[C1, X1])));
    assert_eq!(office.count("scored"), 0);
}

#[test]
fn rule_22_s42_in_steps_whoever_is_added_stands_behind_the_one_in_hand() {
    let mut office = opened(&steps(&[C1, B1, X1]));
    office.act("d2", submit("a")).unwrap();
    office.advance(at("2026-03-05", 9));
    office.act("c1", accept("a")).unwrap();
    let turn = office.item("a").review.due;
    assert_eq!(turn, Some(end("2026-03-10")));
    office.advance(at("2026-03-06", 9));
    office.act("s1", add(X2)).unwrap();
    // 部长 keeps the turn, and its date.
    assert_eq!(office.item("a").review.members, seats(&[C1, B1, X2, X1]));
    assert_eq!(
        (pending(office.item("a")), office.item("a").review.due),
        (vec![B1.to_owned()], turn)
    );
    office.act("b1", accept("a")).unwrap();
    assert_eq!(pending(office.item("a")), [X2]);
    assert_eq!(office.item("a").review.due, Some(end("2026-03-11")));
}

#[test]
fn rule_22_s42_whoever_is_added_before_the_one_in_hand_has_a_full_turn_and_so_has_he_after() {
    let mut office = opened(&steps(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    office.advance(at("2026-03-05", 9));
    office.act("s1", add_before(X2, B1)).unwrap();
    assert_eq!(pending(office.item("a")), [X2]);
    assert_eq!(office.item("a").review.due, Some(end("2026-03-10")));
    office.advance(at("2026-03-09", 9));
    office.act("x2", accept("a")).unwrap();
    assert_eq!(pending(office.item("a")), [B1]);
    assert_eq!(office.item("a").review.due, Some(end("2026-03-12")));
    office.advance(at("2026-03-12", 9));
    assert_eq!(office.count("review_overdue"), 0);
    assert!(unsuitable(&office.act("s1", add_before(X1, D1))), "nobody of that name is on it");
    office.assert_replays();
}

#[test]
fn rule_22_taking_off_whose_turn_it_is_begins_the_next_turn() {
    let mut office = opened(&steps(&[C1, B1, X1]));
    office.act("d2", submit("a")).unwrap();
    office.advance(at("2026-03-20", 9));
    office.act("s1", remove(C1)).unwrap();
    let review = &office.item("a").review;
    assert_eq!((review.due, review.overdue), (Some(end("2026-03-25")), false));
    assert_eq!(pending(office.item("a")), [B1]);
    // Who is further back may go without a change of dates.
    office.advance(at("2026-03-23", 9));
    office.act("s1", remove(X1)).unwrap();
    assert_eq!(office.item("a").review.due, Some(end("2026-03-25")));
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_22_s48_a_person_signs_for_all_seats_they_hold_unless_they_name_one() {
    let both = || with_holders(&[(B1, &["b1"]), (C1, &["b1"])]);
    let mut office = opened_in(&all(&[C1, B1]), both());
    office.act("d2", submit("a")).unwrap();
    let facts = office.act("b1", accept("a")).unwrap();
    assert!(facts.iter().any(
        |fact| matches!(fact, Fact::Accepted { seats: signed, .. } if *signed == seats(&[C1, B1]))
    ));
    assert_eq!(office.status("a"), Status::Done);

    let mut office = opened_in(&all(&[C1, B1, X1]), both());
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept_for(B1)).unwrap();
    assert_eq!(pending(office.item("a")), [C1, X1]);
    assert!(unsuitable(&office.act("b1", accept_for(B1))), "it has agreed");
    assert!(unsuitable(&office.act("b1", accept_for(X2))), "it is not on the list");
    let refused = office.act("b1", accept_for(X1));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    let facts = office.act("b1", accept("a")).unwrap();
    assert!(matches!(&facts[0], Fact::Countersigned { member, also, .. }
        if *member == seat(C1) && also.is_empty()));
    office.act("x1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    office.assert_replays();
}

#[test]
fn rule_22_seats_of_one_person_in_steps_and_a_seat_whose_turn_it_is_not() {
    let both = with_holders(&[(X1, &["c1", "x1"])]);
    let mut office = opened_in(&steps(&[C1, B1, X1]), both);
    office.act("d2", submit("a")).unwrap();
    assert!(unsuitable(&office.act("x1", accept_for(X1))), "it is not their turn");
    let refused = office.act("x1", accept("a"));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    office.act("c1", accept("a")).unwrap();
    assert_eq!(office.item("a").review.agreed, seats(&[C1, X1]));
    assert_eq!(office.item("a").review.due, Some(end("2026-03-05")));
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_22_s49_reopening_evaluates_owner_and_reviewers_anew() {
    let mut office = opened(&all(&[C1, B2]));
    let transfer = Act::Transfer { item: "a".into(), to: seat(X1), reason: "分工".to_owned() };
    office.act("d2", transfer).unwrap();
    office.act("c1", add(X2)).unwrap();
    office.act("x1", submit("a")).unwrap();
    for person in ["c1", "b2", "x2"] {
        office.act(person, accept("a")).unwrap();
    }
    assert_eq!(office.case.head().status, CaseStatus::Closed);
    // A year later the 干事 has left, and nobody came after them.
    office.advance(at("2026-09-01", 9));
    office.env.directory = Arc::new(with_holders(&[(B2, &[])]));
    let reopen = Act::Reopen { item: "a".into(), reason: "回头看".to_owned(), due: None };
    office.act("s1", reopen).unwrap();
    let item = office.item("a");
    assert_eq!(item.owner, Some(seat("post:D/组织部长")));
    assert_eq!(item.holder.as_ref().map(|one| one.as_str()), Some("d2"));
    assert_eq!(item.review.members, seats(&[C1, B2]), "nobody above signs for the vacant one");
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("s1", remove(B2)).unwrap();
    assert_eq!(office.status("a"), Status::Done);
    office.assert_replays();
}

#[test]
fn rule_22_s49_the_last_signer_who_is_nobody_any_more_is_replaced() {
    let mut office = opened(&expr(B1));
    office.act("d2", submit("a")).unwrap();
    office.env.directory = Arc::new(with_holders(&[(B1, &[])]));
    office.act("s1", add(X1)).unwrap();
    office.act("s1", remove(B1)).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("x1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}

#[test]
fn rule_22_a_return_keeps_the_signers_and_so_does_a_change_of_the_owner_in_a_round() {
    let mut office = opened(&all(&[C1, B2]));
    office.act("c1", add(X2)).unwrap();
    let transfer = Act::Transfer { item: "a".into(), to: seat(X1), reason: "分工".to_owned() };
    office.act("d2", transfer).unwrap();
    office.act("x1", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    // The owner's post falls vacant; whoever is found in their place signs as 干事 too.
    office.env.directory = Arc::new(with_holders(&[(X1, &[]), (B2, &["d2"])]));
    office.command(Actor::operator("通讯录"), Operation::ApplyDirectory).unwrap();
    assert_eq!(office.item("a").owner, Some(seat("post:D/组织部长")));
    assert_eq!(office.item("a").review.members, seats(&[C1, B2, X2]));
    assert_eq!(office.item("a").review.agreed, seats(&[C1]));
    office.act("x2", send_back("a")).unwrap();
    assert_eq!(office.item("a").review.members, seats(&[C1, B2, X2]));
}

#[test]
fn rule_22_a_new_submission_asks_everybody_anew() {
    let mut office = opened(&all(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    office.act("c1", accept("a")).unwrap();
    office.act("b1", send_back("a")).unwrap();
    office.act("d2", submit("a")).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(
        (office.status("a"), pending(office.item("a"))),
        (Status::Submitted, vec![C1.to_owned()])
    );
}

#[test]
fn rule_26_a_transfer_or_delegation_that_leaves_nobody_to_review_is_refused() {
    let only = || with_holders(&[(B1, &["b1"]), (C1, &["b1"])]);
    let transfer =
        |to: &str| Act::Transfer {
            item: "a".into(), to: seat(to), reason: "分工调整".to_owned()
        };
    let delegate = |to: &str| Act::Delegate { item: "a".into(), to: Some(to.into()), reason: None };
    let mut office = opened_in(&quorum(&[C1, B1, X1], 2, 1), only());
    assert!(
        unsuitable(&office.act("d2", transfer("post:B/部长"))),
        "one seat would be left of two"
    );
    assert!(unsuitable(&office.act("d2", delegate("b1"))));
    office.act("d2", delegate("x1")).expect("two seats are left");
    office.act("d2", transfer("post:D2/书记")).expect("nobody of the signers");

    let mut office = opened(&all(&[C1, B1]));
    assert!(unsuitable(&office.act("d2", delegate("b1"))));
    // Where a superior takes the seat there is somebody.
    office.act("d2", transfer("post:B/部长")).unwrap();
    assert_eq!(office.item("a").review.members, seats(&[C1]));

    // The head of the whole has nobody above; here nobody else answers either.
    let mut office = opened(&expr(C1));
    let mut head = office.case.head().clone();
    (head.administrator, head.supervision) = (None, None);
    let text = |item: &Item| serde_json::to_string(item).unwrap();
    let items: Vec<(String, String)> =
        office.case.items().map(|item| (item.key.to_string(), text(item))).collect();
    let items = items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
    let head = serde_json::to_string(&head).unwrap();
    office.case = case_from_texts(office.case.id().as_str(), &head, items).unwrap();
    assert!(unsuitable(&office.act("d2", transfer(C1))));
    assert_eq!(office.item("a").review.members, seats(&[C1]));
}

#[test]
fn rule_22_old_events_of_a_round_fold_as_they_did() {
    let mut office = opened(&all(&[C1, B1]));
    office.act("d2", submit("a")).unwrap();
    let old = json!({ "countersigned": {
        "item": "a", "member": C1, "text": null, "review_due": null, "arming": null
    } });
    let fact: Fact = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(serde_json::to_value(&fact).unwrap(), old, "nothing is added to it");
    let mut event = office.log.last().unwrap().0.clone();
    (event.seq, event.fact) = (event.seq + 1, fact);
    let mut case = office.case.clone();
    case.evolve(&event, "");
    let review = &case.item(&"a".into()).unwrap().review;
    assert_eq!((review.due, &review.armed, review.round), (None, &None, 2));
    let changed: Fact = serde_json::from_value(
        json!({ "reviewers_changed": { "item": "a", "members": [B1], "reason": "误列" } }),
    )
    .unwrap();
    (event.seq, event.fact) = (event.seq + 1, changed);
    case.evolve(&event, "");
    let review = &case.item(&"a".into()).unwrap().review;
    assert_eq!((review.members.clone(), review.agreed.clone()), (seats(&[B1]), seats(&[C1])));
    // And what such a case decides next skips nobody.
    office.case = case;
    office.act("s1", add(X1)).unwrap();
    office.act("b1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Submitted);
    office.act("x1", accept("a")).unwrap();
    assert_eq!(office.status("a"), Status::Done);
}
