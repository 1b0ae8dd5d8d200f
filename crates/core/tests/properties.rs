//! Properties that hold for random workflows and random commands.

mod support;

use std::collections::BTreeSet;

use duban_calendar::Instant;
use duban_core::{
    Act, Actor, CaseRow, Command, Fact, ItemKey, ItemRow, Refusal, Side, Status, case_from_texts,
    decide, verify,
};
use duban_model::Assignee;
use proptest::prelude::*;
use support::{Office, at, env, program};

/// A task as numbers: what it needs, its axes, its cadence, its reviewer, its dates.
type Shape = (u8, u8, u8, u8, u8);

fn workflow(shapes: &[Shape], join: u8) -> String {
    let mut text = String::from("period: year\ntasks:\n");
    for (number, (needs, each, every, reviewer, dates)) in shapes.iter().enumerate() {
        text.push_str(&format!("  t{number}:\n    title: 任务{number}\n"));
        let owner = match each % 3 {
            0 => "unit.post(\"组织部长\")",
            1 => "item.street.post(\"书记\")",
            _ => "unit.post(\"空岗\")",
        };
        text.push_str(&format!("    owner: {owner}\n"));
        if each % 3 == 1 {
            text.push_str("    each: { street: unit.below(\"street\") }\n");
        }
        let earlier: Vec<String> =
            (0..number).filter(|one| needs >> one & 1 == 1).map(|one| format!("t{one}")).collect();
        if !earlier.is_empty() {
            text.push_str(&format!("    needs: [{}]\n", earlier.join(", ")));
            if join % 3 == 1 {
                text.push_str("    join: any\n");
            }
        }
        if every % 4 == 1 {
            text.push_str(
                "    every: half-year\n    grace: workdays(3)\n    hooks: { missed: talk }\n",
            );
        } else if dates % 3 > 0 {
            text.push_str("    due: 2022-05-31\n    report: month\n    stall: workdays(20)\n");
            text.push_str("    extension: { max: 1, by: months(3) }\n");
            text.push_str("    hooks: { overdue: talk }\n");
        }
        text.push_str(match reviewer % 4 {
            0 => "    reviewer: none\n",
            1 => "    reviewer: org(\"组织部\")\n",
            2 => "    reviewer: { all: ['org(\"组织部\")', 'org(\"市\")'] }\n",
            _ => "    reviewer: { steps: ['unit.post(\"书记\")', 'org(\"市\")'] }\n",
        });
    }
    text
}

const PEOPLE: [&str; 8] = ["c1", "b1", "b2", "s1", "d1", "d2", "x1", "x2"];

/// Who acts: everyone, and everyone standing in for everyone.
fn actor(number: u16) -> Actor {
    let person = PEOPLE[usize::from(number) % PEOPLE.len()];
    let absent = PEOPLE[usize::from(number / 8) % PEOPLE.len()];
    if number.is_multiple_of(5) {
        Actor::Person { person: person.into(), on_behalf_of: Some(absent.into()) }
    } else {
        Actor::person(person)
    }
}

fn act(kind: u8, item: ItemKey, now: Instant) -> Act {
    let later = now.plus_millis(40 * 86_400_000);
    let reason = "理由".to_owned();
    let form =
        serde_json::json!({ "result": "已办", "held_on": "2022-05-05", "requirements": "改" });
    let mut fields = form.as_object().cloned().unwrap_or_default();
    match item.as_str().split('/').next() {
        Some("interview") => {
            fields.remove("result");
        }
        Some("rectification") => {
            fields.remove("held_on");
            fields.remove("requirements");
        }
        _ => fields.clear(),
    }
    match kind % 19 {
        0 => Act::Sign { item },
        1 => Act::Report {
            item,
            text: reason,
            percent: Some(kind),
            value: None,
            evidence: Vec::new(),
        },
        2..=4 => Act::Submit { item, form: fields, evidence: Vec::new() },
        5 | 6 => Act::Accept { item, text: None },
        7 => Act::Return { item, reason, upstream: None },
        8 => Act::Withdraw { item },
        9 => Act::AskExtension { item, until: later, reason },
        10 => Act::GrantExtension { item },
        11 => Act::Transfer { item, to: Assignee::Post("D".into(), "书记".into()), reason },
        12 => Act::Delegate { item, to: Some("x2".into()), reason: None },
        13 => Act::Suspend { item: Some(item), reason, until: Some(later), stops_clock: None },
        14 => Act::Resume { item: Some(item) },
        15 => Act::Skip { item, reason },
        16 => Act::Cancel { item: Some(item), reason },
        17 => Act::Reopen { item, reason, due: None },
        _ => Act::Urge { item, text: None },
    }
}

/// In which statuses the state table allows a move; written down apart from the code.
fn allows(act: &Act, status: Status) -> bool {
    use Status::{Active, Done, Ready, Submitted, Waiting};
    let statuses: &[Status] = match act {
        Act::Sign { .. } => &[Ready],
        Act::Report { .. }
        | Act::Submit { .. }
        | Act::AskExtension { .. }
        | Act::GrantExtension { .. }
        | Act::Transfer { .. }
        | Act::Delegate { .. } => &[Ready, Active],
        Act::Accept { .. } | Act::Return { .. } | Act::Withdraw { .. } => &[Submitted],
        Act::Urge { .. } | Act::Suspend { .. } | Act::Resume { .. } => &[Ready, Active, Submitted],
        Act::Skip { .. } | Act::Cancel { .. } => &[Waiting, Ready, Active, Submitted],
        Act::Reopen { .. } => &[Done],
        _ => &[],
    };
    statuses.contains(&status)
}

/// One step of a random life: what, by whom, on which item, how many hours later.
type Step = (u8, u16, u8, u16);

/// Lives through random steps and checks what must hold at each of them.
fn live(shapes: &[Shape], join: u8, steps: &[Step]) -> Office {
    let env = env(program(&workflow(shapes, join), "", ""), at("2022-01-01", 0));
    let mut office = Office::open_in(env, serde_json::Map::new()).expect("the case opens");
    for (kind, who, which, hours) in steps {
        let later = office.env.now.plus_millis(i64::from(*hours) * 3_600_000);
        if kind % 3 == 0 {
            office.advance(later);
        } else {
            office.sleep_until(later);
        }
        let keys: Vec<ItemKey> = office.case.items().map(|item| item.key.clone()).collect();
        let item = keys[usize::from(*which) % keys.len()].clone();
        make_move(&mut office, actor(*who), act(*kind, item.clone(), later), &item);
        office.wake();
        let next = office.case.next_wakeup();
        assert!(next.is_none_or(|next| next > office.env.now), "{next:?} lies in the past");
    }
    office
}

fn make_move(office: &mut Office, actor: Actor, act: Act, item: &ItemKey) {
    office.wake();
    let before = office.case.clone();
    let status = before.item(item).map(|item| item.status);
    let command = Command::new(actor.clone(), act.clone());
    let again = decide(Some(&office.case), &command, &office.env);
    match office.command(actor, act.clone()) {
        Ok(_) => {
            let status = status.expect("an accepted move has an item");
            assert!(allows(&act, status), "{act:?} was accepted while {status:?}");
            let decision = again.expect("the same inputs give the same answer");
            let texts: Vec<&str> =
                decision.encoded.iter().map(|event| event.hash.as_str()).collect();
            let log: Vec<&str> = office.log.iter().map(|(_, hash)| hash.as_str()).collect();
            assert!(log.ends_with(&texts), "deciding twice gave different events");
        }
        Err(Refusal::WakeFirst) => panic!("the case was awake"),
        Err(_) => assert_eq!(before, office.case, "a refusal changed the case"),
    }
}

fn assert_rungs_fire_once(office: &Office) {
    let mut fired = BTreeSet::new();
    for (event, _) in &office.log {
        if let Fact::RungFired { item, side, rung, version, nth, .. } = &event.fact {
            let review = *side == Side::Review;
            let key = (item.clone(), review, *rung, *version, *nth);
            assert!(fired.insert(key.clone()), "{key:?} fired twice");
        }
    }
}

/// Nobody accepts what they, or those they stand in for, have worked on in the same attempt.
fn assert_owner_and_reviewer_differ(office: &Office) {
    let mut workers: BTreeSet<(ItemKey, String)> = BTreeSet::new();
    for (event, _) in &office.log {
        let Actor::Person { person, on_behalf_of } = &event.actor else { continue };
        let people: Vec<String> = [Some(person), on_behalf_of.as_ref()]
            .into_iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        match &event.fact {
            Fact::Signed { item, .. }
            | Fact::Reported { item, .. }
            | Fact::Submitted { item, .. } => {
                workers.extend(people.into_iter().map(|person| (item.clone(), person)));
            }
            Fact::Returned { item, .. }
            | Fact::Reopened { item, .. }
            | Fact::Superseded { item, .. } => {
                workers.retain(|(other, _)| other != item);
            }
            Fact::Countersigned { item, .. } => assert_others(&workers, item, &people),
            Fact::Accepted { item, .. } => {
                let reviewed =
                    office.case.item(item).is_some_and(|item| !item.review.members.is_empty());
                if reviewed {
                    assert_others(&workers, item, &people);
                }
            }
            _ => {}
        }
    }
}

fn assert_others(workers: &BTreeSet<(ItemKey, String)>, item: &ItemKey, people: &[String]) {
    for person in people {
        let both = workers.contains(&(item.clone(), person.clone()));
        assert!(!both, "{person} worked on {item} and reviewed it");
    }
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    prop::collection::vec(any::<Shape>(), 2..6)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((any::<u8>(), any::<u16>(), any::<u8>(), 0_u16..900), 10..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_state_that_was_lived_through(
        shapes in shapes(), join in any::<u8>(), steps in steps()
    ) {
        let office = live(&shapes, join, &steps);
        office.assert_replays();
    }

    #[test]
    fn rows_give_the_state_back(shapes in shapes(), join in any::<u8>(), steps in steps()) {
        let office = live(&shapes, join, &steps);
        let id = office.case.id();
        let definition = office.env.program.definition();
        let head = CaseRow::of(&office.case).data;
        let items: Vec<(String, String)> = office
            .case
            .items()
            .map(|item| ItemRow::of(&id, item, definition))
            .map(|row| (row.key, row.data))
            .collect();
        let items = items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
        let read = case_from_texts(id.as_str(), &head, items).expect("rows");
        prop_assert_eq!(read, office.case);
    }

    #[test]
    fn each_rung_fires_at_most_once(shapes in shapes(), join in any::<u8>(), steps in steps()) {
        assert_rungs_fire_once(&live(&shapes, join, &steps));
    }

    #[test]
    fn owner_and_reviewer_are_never_one_person(
        shapes in shapes(), join in any::<u8>(), steps in steps()
    ) {
        assert_owner_and_reviewer_differ(&live(&shapes, join, &steps));
    }

    #[test]
    fn an_edited_log_is_found(shapes in shapes(), steps in steps(), at in any::<prop::sample::Index>()) {
        let office = live(&shapes, 0, &steps);
        let mut previous = String::new();
        let mut log = Vec::new();
        for (event, hash) in &office.log {
            let encoded = duban_core::encode(event, &previous);
            prop_assert_eq!(&encoded.hash, hash);
            previous = encoded.hash.clone();
            log.push(encoded);
        }
        let whole = |log: &[duban_core::Encoded]| {
            verify(log.iter().map(|one| (one.seq, one.text.as_str(), one.hash.as_str()))).is_ok()
        };
        prop_assert!(whole(&log));
        let place = at.index(log.len());
        let mut edited = log.clone();
        edited[place].text.push(' ');
        prop_assert!(!whole(&edited));
        if place + 1 < log.len() {
            let mut cut = log.clone();
            cut.remove(place);
            prop_assert!(!whole(&cut));
            log.swap(place, place + 1);
            prop_assert!(!whole(&log));
        }
    }
}
