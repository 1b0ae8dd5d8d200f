//! The vocabulary of moves: one table, and what is no move.

mod support;

use std::collections::BTreeSet;

use duban_core::{
    Act, Actor, Answer, AnswerSays, AskKind, ItemKey, MoveKind, On, ParentSays, Refusal, Signal,
    Status, Watch, available_moves,
};
use serde_json::{Map, Value as Json, json};
use support::Office;

const REVIEWED: &str = "
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: { all: ['org(\"组织部\").post(\"部长\")', 'org(\"市\").post(\"书记\")'] }
    due: 2022-06-30
    extension: { max: 1, by: months(1) }
";

fn content(kind: MoveKind) -> Map<String, Json> {
    let value = |kind: AskKind| match kind {
        AskKind::Text => json!("字"),
        AskKind::Percent => json!(50),
        AskKind::Number => json!("1.5"),
        AskKind::Date => json!(1_700_000_000_000_i64),
        AskKind::Assignee => json!("unit:D"),
        AskKind::Person => json!("d1"),
        AskKind::Items => json!(["b", "c"]),
        AskKind::Flag => json!(true),
        AskKind::Form => json!({ "result": "已办" }),
        AskKind::Files => json!([{ "name": "总结", "file": "sha256:1" }]),
    };
    kind.asks().iter().map(|ask| (ask.field.to_owned(), value(ask.kind))).collect()
}

#[test]
fn every_move_is_made_of_what_its_kind_asks_for_and_of_nothing_else() {
    let key = ItemKey::new("a");
    let mut names = BTreeSet::new();
    for kind in MoveKind::ALL.iter().copied() {
        assert_eq!(MoveKind::named(kind.name()), Some(kind));
        assert!(names.insert(kind.name()) && names.insert(kind.zh()) && names.insert(kind.en()));
        assert!(kind.meaning().ends_with('.'), "{}", kind.meaning());
        // Some are made on the case alone.
        let item = (kind.on() != On::Case).then_some(&key);
        assert_eq!(Act::make(kind, Some(&key), content(kind)).is_ok(), item.is_some());
        let act = Act::make(kind, item, content(kind));
        let act = act.unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        assert_eq!((act.kind(), act.item()), (kind, item.cloned()));
        let mut more = content(kind);
        more.insert("surplus".to_owned(), json!(1));
        assert!(Act::make(kind, item, more).is_err(), "{}", kind.name());
        for ask in kind.asks().iter().filter(|ask| ask.required) {
            let mut less = content(kind);
            less.remove(ask.field);
            assert!(Act::make(kind, item, less).is_err(), "{} {}", kind.name(), ask.field);
        }
        let on_case = Act::make(kind, None, content(kind));
        assert_eq!(on_case.is_ok(), kind.is_for_case(), "{}", kind.name());
    }
}

#[test]
fn what_is_offered_is_taken_and_what_is_not_is_refused() {
    let mut office = Office::open(REVIEWED);
    let key = ItemKey::new("a");
    let offered = |office: &Office, person: &str| -> Vec<&'static str> {
        let moves =
            available_moves(&office.case, Some(&key), &[Actor::person(person)], &office.env);
        moves.iter().map(|one| one.kind.name()).collect()
    };
    let owner = [
        "sign",
        "report",
        "submit",
        "ask_extension",
        "transfer",
        "delegate",
        "suspend",
        "ask_suspension",
    ];
    assert_eq!(offered(&office, "d2"), owner);
    assert_eq!(offered(&office, "x1"), [""; 0]);
    office.act("d2", support::sign("a")).expect("signed");
    office
        .act("d2", Act::Submit { item: key.clone(), form: Map::new(), evidence: vec![] })
        .unwrap();
    assert_eq!(office.item("a").status, Status::Submitted);
    assert!(offered(&office, "d2").contains(&"withdraw"));
    assert!(!offered(&office, "d2").contains(&"report"));
    let reviewer = offered(&office, "b1");
    for kind in ["accept", "return", "urge", "add_countersigner"] {
        assert!(reviewer.contains(&kind), "{kind}: {reviewer:?}");
    }
    // Within a round signers are taken off by the supervision office alone.
    assert!(!reviewer.contains(&"remove_countersigner"), "{reviewer:?}");
    assert!(offered(&office, "s1").contains(&"remove_countersigner"));
    // On the case as a whole, by the supervision office alone.
    let whole = available_moves(&office.case, None, &[Actor::person("s1")], &office.env);
    let whole: Vec<&str> = whole.iter().map(|one| one.kind.name()).collect();
    assert!(whole.contains(&"suspend") && whole.contains(&"cancel"), "{whole:?}");
    assert!(available_moves(&office.case, None, &[Actor::person("d2")], &office.env).is_empty());
}

#[test]
fn a_reason_is_seen() {
    let mut office = Office::open(REVIEWED);
    let skip = |reason: &str| Act::Skip { item: "a".into(), reason: reason.to_owned() };
    for reason in ["", "\u{3000}", "\u{200b}\u{200d}", "\u{feff}", "\0", "\u{ad}\u{3164}"] {
        let refusal = office.act("s1", skip(reason)).unwrap_err();
        assert!(matches!(refusal, Refusal::ReasonMissing("skip")), "{reason:?}: {refusal}");
    }
    let refusal = office.act("s1", skip("无须\0办理")).unwrap_err();
    assert_eq!(refusal.code(), "DB2021");
    assert!(refusal.zh().contains("U+0000"), "{}", refusal.zh());
    office.act("s1", skip("\u{200b}无须办理")).unwrap();
}

#[test]
fn a_report_says_what_was_done() {
    let mut office = Office::open(REVIEWED);
    for text in ["", " ", "\n\t", "\u{3000}\u{a0}", "\u{200b}", "\u{feff} \u{2060}", "\u{1b}\u{7f}"]
    {
        let given =
            Map::from_iter([("text".to_owned(), json!(text)), ("percent".to_owned(), json!(40))]);
        let report = Act::make(MoveKind::Report, Some(&"a".into()), given).unwrap();
        let refusal = office.act("d2", report).unwrap_err();
        assert_eq!(refusal.code(), "DB2025", "{text:?}: {refusal}");
        assert!(refusal.is_about_content() && refusal.zh().contains("须写明进展情况"));
    }
    for text in ["\0", "已开工\0", "\u{200b}\0已"] {
        let given = Map::from_iter([("text".to_owned(), json!(text))]);
        let report = Act::make(MoveKind::Report, Some(&"a".into()), given).unwrap();
        let refusal = office.act("d2", report).unwrap_err();
        let said = refusal.zh();
        assert!(refusal.is_about_content(), "{text:?}: {refusal}");
        assert!(said.contains("U+0000") || said.contains("须写明"), "{text:?}: {said}");
    }
    assert_eq!(office.status("a"), Status::Ready);
    let given = Map::from_iter([("text".to_owned(), json!(" 已开工 "))]);
    office.act("d2", Act::make(MoveKind::Report, Some(&"a".into()), given).unwrap()).unwrap();
}

#[test]
fn what_cases_and_the_engine_say_comes_from_them_alone() {
    let mut office = Office::open(REVIEWED);
    let own = office.case.id();
    let watch = Watch { from: own.clone(), number: 1, task: "a".into(), unit: "D".into() };
    let answer = Answer { number: 1, from: own.clone(), form: Map::new(), says: AnswerSays::Done };
    let signals = [
        Signal::Wake,
        Signal::MarkFaulted { error: "坏了".to_owned() },
        Signal::Watch(watch),
        Signal::Answer(answer),
        Signal::ChildClosed { item: ItemKey::new("a"), number: 1, child: own.clone() },
        Signal::ChildEnded { item: ItemKey::new("a"), number: 1, child: own.clone() },
        Signal::ParentSays {
            from: own.clone(),
            item: ItemKey::new("a"),
            number: 1,
            says: ParentSays::Reopened,
        },
    ];
    let strangers = [
        Actor::person("s1"),
        Actor::Person { person: "d2".into(), on_behalf_of: Some("d1".into()) },
        Actor::operator("宿主"),
        Actor::Case { case: duban_core::CaseId::new("0123456789abcdef01234567") },
    ];
    for signal in signals {
        for actor in strangers.clone() {
            let refused = office.command(actor.clone(), signal.clone());
            let name = signal.name();
            assert!(
                matches!(&refused, Err(Refusal::NotAllowed { act, .. }) if *act == name),
                "{actor:?} {name}: {refused:?}"
            );
        }
        // Nor can a host's JSON be read as one.
        let text = json!({ signal.name(): { "item": "a", "number": 1, "child": own } });
        assert!(serde_json::from_value::<Act>(text).is_err(), "{}", signal.name());
    }
    for name in ["wake", "apply_calendar", "mark_faulted", "open", "migrate", "repair"] {
        assert!(serde_json::from_value::<Act>(json!(name)).is_err(), "{name}");
        assert!(serde_json::from_value::<Act>(json!({ name: {} })).is_err(), "{name}");
    }
    assert_eq!(office.item("a").status, Status::Ready);
}
