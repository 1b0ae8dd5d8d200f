//! What a move asks for as things are, and what a refusal says of which field.

mod support;

use duban_core::{Act, Actor, AvailableMove, Choice, MoveKind, Question, Refusal, available_moves};
use serde_json::{Map, json};
use support::signers::{B1, C1, X1, all, opened, opened_in, quorum, seats, steps, with_holders};
use support::{Office, accept, submit};

fn offered(office: &Office, item: &str, person: &str) -> Vec<AvailableMove> {
    let item = (!item.is_empty()).then(|| item.into());
    available_moves(&office.case, item.as_ref(), &[Actor::person(person)], &office.env)
}

fn one(office: &Office, item: &str, person: &str, kind: MoveKind) -> Option<AvailableMove> {
    offered(office, item, person).into_iter().find(|one| one.kind == kind)
}

fn asked(
    office: &Office,
    item: &str,
    person: &str,
    kind: MoveKind,
    field: &str,
) -> Option<Question> {
    let questions = one(office, item, person, kind).expect("offered").questions;
    questions.into_iter().find(|question| question.ask.field == field)
}

fn signers(names: &[&str]) -> Vec<Choice> {
    seats(names).into_iter().map(Choice::Signer).collect()
}

fn items(keys: &[&str]) -> Vec<Choice> {
    keys.iter().map(|key| Choice::Item((*key).into())).collect()
}

#[test]
fn a_seat_is_asked_of_whoever_holds_several_and_only_those_whose_turn_it_is() {
    let twice = || with_holders(&[(B1, &["c1"])]);
    let seat = |office: &Office, person| asked(office, "a", person, MoveKind::Accept, "seat");
    let mut office = opened_in(&all(&[C1, B1, X1]), twice());
    office.act("d2", submit("a")).unwrap();
    assert_eq!(seat(&office, "c1").unwrap().choices, Some(signers(&[C1, B1])));
    assert_eq!(seat(&office, "x1"), None);
    let named = Act::Accept { item: "a".into(), text: None, seat: Some(C1.parse().unwrap()) };
    office.act("c1", named).unwrap();
    assert_eq!(seat(&office, "c1"), None, "one seat is left");

    let mut office = opened_in(&steps(&[C1, X1, B1]), twice());
    office.act("d2", submit("a")).unwrap();
    assert_eq!(seat(&office, "c1").unwrap().choices, Some(signers(&[C1])));
}

#[test]
fn whoever_is_taken_off_is_chosen_among_those_whom_the_case_lets_go() {
    let who = |office: &Office| asked(office, "a", "s1", MoveKind::RemoveCountersigner, "who");
    let mut office = opened(&quorum(&[C1, B1, X1], 2, 2));
    office.act("d2", submit("a")).unwrap();
    assert_eq!(who(&office).unwrap().choices, Some(signers(&[C1, B1, X1])));
    let reason = "不实".to_owned();
    let refuse = Act::Return { item: "a".into(), reason, upstream: vec![], due: None };
    office.act("c1", refuse).unwrap();
    assert_eq!(who(&office).unwrap().choices, Some(signers(&[C1])), "both others must agree");
    // Where nobody may go the move is not offered.
    let all_owed = opened(&quorum(&[C1, B1], 2, 1));
    assert_eq!(one(&all_owed, "a", "s1", MoveKind::RemoveCountersigner), None);
    let before = asked(&all_owed, "a", "s1", MoveKind::AddCountersigner, "before").unwrap();
    assert_eq!((before.choices, before.required), (Some(signers(&[C1, B1])), false));
    let who = asked(&all_owed, "a", "s1", MoveKind::AddCountersigner, "who").unwrap();
    assert_eq!((who.choices, who.required), (None, true));
}

const STREETS: &str = "
tasks:
  a:
    title: 街道报送
    each: { street: unit.below(\"street\") }
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
    due: 2022-12-31
  b:
    title: 汇总
    needs: [a]
    owner: unit.post(\"组织部长\")
    reviewer: { all: ['org(\"市\").post(\"书记\")'], on_refuse: a }
    due: 2022-12-31
";

#[test]
fn where_a_return_goes_is_asked_and_must_be_said_where_it_is_unclear() {
    let upstream = |office: &Office| asked(office, "b", "c1", MoveKind::Return, "upstream");
    let mut office = Office::open(STREETS);
    for (owner, key) in [("x1", "a/D1"), ("x2", "a/D2")] {
        office.act(owner, submit(key)).unwrap();
        let alone = asked(&office, key, "d1", MoveKind::Return, "upstream");
        assert_eq!(alone, None, "nothing is upstream");
        office.act("d1", accept(key)).unwrap();
    }
    office.act("d2", submit("b")).unwrap();
    let several = upstream(&office).unwrap();
    assert_eq!(several.choices, Some(items(&["b", "a/D1", "a/D2"])));
    assert_eq!((several.required, several.otherwise), (true, vec![]));

    let mut office = Office::open(STREETS);
    let skip = Act::Skip { item: "a/D1".into(), reason: "本年不报".to_owned() };
    office.act("s1", skip).unwrap();
    office.act("x2", submit("a/D2")).unwrap();
    office.act("d1", accept("a/D2")).unwrap();
    office.act("d2", submit("b")).unwrap();
    let single = upstream(&office).unwrap();
    assert_eq!(single.choices, Some(items(&["b", "a/D2"])));
    assert_eq!((single.required, single.otherwise), (false, vec!["a/D2".into()]));
}

#[test]
fn what_only_one_answer_fits_is_not_asked() {
    let mut office = opened(&all(&[C1]));
    let clock = |office: &Office, item, person| {
        asked(office, item, person, MoveKind::Suspend, "stops_clock").is_some()
    };
    assert!(clock(&office, "a", "s1"), "the office may leave the clock running");
    assert!(!clock(&office, "a", "d2"), "the owner's own wish stops none");
    assert!(!clock(&office, "", "s1"), "a suspended case always stops it");
    let runs_on = json!({ "reason": "等", "stops_clock": false });
    let act = Act::make(MoveKind::Suspend, None, runs_on.as_object().cloned().unwrap()).unwrap();
    assert!(matches!(office.act("s1", act.clone()), Err(Refusal::Unsuitable { .. })));
    assert!(matches!(office.act("d2", act), Err(Refusal::NotAllowed { .. })));
    // No indicator, no value; no delegation, none to end.
    assert_eq!(asked(&office, "a", "d2", MoveKind::Report, "value"), None);
    let to = |office: &Office| asked(office, "a", "d2", MoveKind::Delegate, "to").unwrap();
    assert!(to(&office).required);
    let delegate = Act::Delegate { item: "a".into(), to: Some("x1".into()), reason: None };
    office.act("d2", delegate).unwrap();
    assert!(!to(&office).required);
}

#[test]
fn a_refusal_about_content_names_a_field_of_its_move() {
    let mut office = Office::open(STREETS);
    office.act("x2", submit("a/D2")).unwrap();
    let later =
        json!({ "reason": "重报", "due": office.item("a/D2").due().unwrap().plus_millis(1) });
    let bad = [
        ("a/D2", "d1", "return", later),
        ("a/D2", "d1", "return", json!({ "reason": "重报", "due": 1 })),
        ("a/D2", "d1", "return", json!({ "reason": "重报", "upstream": ["b"] })),
        ("a/D1", "x1", "ask_extension", json!({ "reason": "忙", "until": 1 })),
        ("a/D1", "x1", "transfer", json!({ "to": "post:D/空岗", "reason": "" })),
        ("a/D1", "x1", "transfer", json!({ "to": "post:D/空岗", "reason": "出差" })),
        ("a/D1", "x1", "delegate", json!({ "to": "nobody" })),
        ("a/D1", "x1", "delegate", json!({ "to": "x1" })),
        ("a/D1", "x1", "suspend", json!({ "reason": "等", "stops_clock": true })),
        ("a/D1", "s1", "suspend", json!({ "reason": "等", "until": 1 })),
        ("", "s1", "suspend", json!({ "reason": "等", "stops_clock": false })),
        ("a/D1", "x1", "ask_suspension", json!({ "reason": "等", "until": 1 })),
        ("a/D1", "s1", "add_countersigner", json!({ "who": "post:D/书记" })),
        (
            "a/D1",
            "s1",
            "add_countersigner",
            json!({ "who": "post:C/书记", "before": "post:B/部长" }),
        ),
        ("a/D1", "x1", "report", json!({ "text": "一", "percent": 101 })),
        ("a/D1", "x1", "submit", json!({ "form": { "nothing": 1 } })),
    ];
    let mut seen = 0;
    for (item, person, kind, content) in bad {
        let kind = MoveKind::named(kind).unwrap();
        let content: Map<_, _> = content.as_object().cloned().unwrap();
        let key = (!item.is_empty()).then(|| item.into());
        let act = Act::make(kind, key.as_ref(), content.clone()).unwrap();
        let refusal = office.act(person, act).expect_err(kind.name());
        for remark in refusal.remarks(kind) {
            let field = remark.field.split('.').next().unwrap();
            assert!(kind.asks().iter().any(|ask| ask.field == field), "{kind:?} {remark:?}");
            assert!(!remark.zh.is_ascii(), "{remark:?}");
            seen += 1;
        }
        if refusal.is_about_content() {
            assert!(!refusal.remarks(kind).is_empty(), "{kind:?} {content:?}: {refusal:?}");
        }
    }
    assert!(seen >= 15, "{seen}");
}
