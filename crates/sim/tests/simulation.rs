//! Simulates a small suite for a year.
//!
//! Goal: the same seed gives the same year, nobody's move is refused, no script fails, and the
//! unit that never studies ends at the body in charge.

mod support;

use duban_calendar::{Date, Instant, end_of, start_of};
use duban_core::{Actor, CaseId, CaseName, Env, Fact, Notification, Sent, Teller};
use duban_sim::{Budget, Plan, Report, World, forecast, simulate};
use serde_json::Map;

use self::support::Loaded;

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

fn year(seed: u64) -> Report {
    let loaded = support::small("");
    let (from, to) = (date("2022-01-01"), date("2022-12-31"));
    let plan = Plan { from, to, seed, budget: Budget::default() };
    simulate(&loaded.suite, &loaded.programs, &plan, &mut (), |_| ()).expect("every case opens")
}

#[test]
fn the_same_seed_gives_the_same_year() {
    let text = |seed| serde_json::to_string(&year(seed)).unwrap();
    for seed in 0..4 {
        assert_eq!(text(seed), text(seed), "seed {seed}");
    }
    assert!((1..8).any(|seed| text(seed) != text(0)));
}

#[test]
fn the_year_comes_to_what_a_year_comes_to() {
    for seed in 0..8 {
        let report = year(seed);
        assert_eq!(report.script_failures, [], "seed {seed}");
        assert_eq!(report.refused, Vec::<String>::new(), "seed {seed}");
        assert!(report.referrals > 0, "seed {seed}: {:#?}", report.interviews);
    }
}

fn at(loaded: &Loaded, day: &str) -> Instant {
    start_of(date(day), loaded.suite.head.time_zone)
}

/// The case of `plan` for the western district, opened on 1 January 2022.
fn opened(loaded: &Loaded) -> (World<'static>, CaseId) {
    let mut world = World::new(&loaded.suite, &loaded.programs, at(loaded, "2022-01-01"));
    let name = CaseName {
        suite: "small".into(),
        workflow: "plan".into(),
        unit: "20".into(),
        period: "2022".parse().ok(),
        parent: None,
        ordinal: 0,
    };
    let case = world.open(name, Map::new()).expect("it opens");
    (world, case)
}

fn sent<'w>(world: &'w World<'_>, case: &CaseId) -> Vec<&'w Sent> {
    let facts = world.log(case).iter().map(|event| &event.fact);
    facts
        .filter_map(|fact| match fact {
            Fact::Sent(sent) => Some(&**sent),
            _ => None,
        })
        .collect()
}

#[test]
fn on_time_every_rung_sends_and_after_an_outage_the_lowest_does() {
    let loaded = support::small("");
    let draft = |sent: &&&Sent| sent.item.as_ref().is_some_and(|item| item.as_str() == "draft");
    let kinds = |all: &[&Sent]| -> Vec<(Notification, bool)> {
        all.iter().filter(draft).map(|sent| (sent.kind, sent.collapsed)).collect()
    };
    let until = at(&loaded, "2022-04-20");

    let (mut world, case) = opened(&loaded);
    world.advance_to(until);
    assert_eq!(
        kinds(&sent(&world, &case)),
        [(Notification::Remind, false), (Notification::Slip, false), (Notification::Slip, false),]
    );

    let (mut late, case) = opened(&loaded);
    late.sleep_until(until);
    late.advance_to(until);
    assert_eq!(
        kinds(&sent(&late, &case)),
        [(Notification::Remind, false)],
        "what ended in the outage ends after it"
    );
}

#[test]
fn a_forecast_says_what_comes_if_nobody_acts_and_changes_nothing() {
    let loaded = support::small("");
    let (mut world, id) = opened(&loaded);
    let until = end_of(date("2022-08-31"), loaded.suite.head.time_zone);
    let case = world.case(&id).unwrap().clone();
    let env = Env {
        previous: None,
        now: world.now(),
        program: world.program("plan").unwrap().clone(),
        directory: world.directory().clone(),
        calendar: world.calendar().clone(),
        epoch: 0,
        budget: duban_script::Budget::default(),
    };
    let ahead = forecast(&case, &env, until);
    assert!(!ahead.cut);
    let teller = Teller::new(env.program.definition(), &env.directory);
    let lines = ahead.lines(&teller).join("\n");
    assert!(lines.contains("发起约谈：由 某市 书记 约谈 西区 书记"), "{lines}");

    let before = world.log(&id).len();
    assert_eq!(world.case(&id), Some(&case));
    world.advance_to(until);
    assert_eq!(&world.log(&id)[before..], ahead.events.as_slice());
    assert_eq!(world.case(&id), Some(&ahead.case));
}

#[test]
fn a_case_that_waits_for_another_finds_it_whichever_opens_first() {
    let loaded = support::small("");
    for first in ["follow", "plan"] {
        let mut world = World::new(&loaded.suite, &loaded.programs, at(&loaded, "2022-01-01"));
        let name = |workflow: &str, unit: &str| CaseName {
            suite: "small".into(),
            workflow: workflow.into(),
            unit: unit.into(),
            period: Some("2022".parse().unwrap()),
            parent: None,
            ordinal: 0,
        };
        let (follow, plan) = (name("follow", "1"), name("plan", "10"));
        let order = if first == "follow" { [&follow, &plan] } else { [&plan, &follow] };
        for name in order {
            world.open(name.clone(), Map::new()).unwrap();
        }
        let skip = duban_core::Act::Skip { item: "draft".into(), reason: "不需要".to_owned() };
        world.act(&plan.id(), Actor::person("s1"), skip).unwrap();
        let case = world.case(&follow.id()).unwrap();
        assert!(case.items().all(|item| item.status != duban_core::Status::Waiting), "{first}");
    }
}
