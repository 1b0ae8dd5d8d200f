//! Rule 32: every window is owed once.

mod support;

use std::collections::BTreeMap;

use duban_calendar::{Date, Window, WindowKind, start_of};
use duban_core::{Act, Actor, Case, CaseName, Command, Fact, Message, Open, Signal, decide};
use proptest::prelude::*;

use support::*;

const CADENCES: [WindowKind; 4] =
    [WindowKind::HalfYear, WindowKind::Quarter, WindowKind::Month, WindowKind::Week];

/// A workflow of a period with a duty of every shorter cadence.
fn duties(period: WindowKind) -> String {
    let mut text = format!("period: {period}\nrenew: auto\ntasks:\n");
    for kind in CADENCES.into_iter().filter(|kind| *kind > period) {
        text.push_str(&format!(
            "  {}: {{ title: 职责, every: {kind}, owner: unit.post(\"书记\"), reviewer: none, \
             ladder: none }}\n",
            task(kind)
        ));
    }
    text
}

fn task(kind: WindowKind) -> String {
    format!("t_{}", kind.to_string().replace('-', "_"))
}

/// Opens a case at the start of a day's period and has it renewed for so many periods; by duty the
/// windows owed, in the order in which they opened.
fn lived(period: WindowKind, from: Date, periods: usize) -> BTreeMap<String, Vec<Window>> {
    let first = period.containing(from);
    let mut env = env(program(&duties(period), "", ""), start_of(first.start, TZ));
    let name = CaseName { period: Some(first), ..name_of(&env) };
    let mut open = Open::new(name, serde_json::Map::new());
    let mut owed: BTreeMap<String, Vec<Window>> = BTreeMap::new();
    let mut note = |fact: &Fact| {
        if let Fact::ItemsAdded { task, items, .. } = fact {
            let windows = items.iter().filter_map(|item| item.window);
            owed.entry(task.to_string()).or_default().extend(windows);
        }
    };
    for _ in 0..periods {
        let command = Command::new(Actor::operator("测试"), open.clone());
        let opened = decide(None, &command, &env).expect("the case opens");
        opened.events.iter().for_each(|event| note(&event.fact));
        let mut case: Case = opened.case;
        let mut next = None;
        while next.is_none() {
            env.now = case.next_wakeup().expect("a renewal to come");
            let woken = decide(Some(&case), &Command::new(Actor::Engine, Signal::Wake), &env);
            let woken = woken.expect("a wake-up");
            for event in &woken.events {
                note(&event.fact);
                if let Fact::MessageSent { message: Message::Open(request), .. } = &event.fact {
                    next = Some(request.open.clone());
                }
            }
            case = woken.case;
        }
        open = next.expect("the next period");
    }
    owed
}

/// Each window follows the one before it: none twice, none left out.
fn assert_once(period: WindowKind, from: Date, periods: usize) {
    for (task, windows) in lived(period, from, periods) {
        for pair in windows.windows(2) {
            assert_eq!(pair[0].next(), pair[1], "{task} in cases of a {period}");
        }
        let (first, last) = (windows[0], windows[windows.len() - 1]);
        assert!(first.belongs_to(period.containing(from)), "{task}: {}", first.key());
        let days = (last.end - first.start).num_days();
        let lived = 28 * i64::try_from(periods).expect("a small number");
        assert!(days > lived, "{task}: {days} days of {periods} periods");
    }
}

#[test]
fn rule_32_every_cadence_over_thirty_years_of_renewed_cases() {
    for (period, periods) in
        [(WindowKind::Year, 30), (WindowKind::HalfYear, 60), (WindowKind::Quarter, 120)]
    {
        assert_once(period, day("2010-01-01"), periods);
    }
    assert_once(WindowKind::Month, day("2010-01-01"), 360);
}

#[test]
fn rule_32_f31_the_weeks_of_new_year_2026() {
    let owed = lived(WindowKind::Year, day("2025-01-01"), 3);
    let weeks: Vec<String> = owed[&task(WindowKind::Week)].iter().map(|week| week.key()).collect();
    let place = |key: &str| weeks.iter().position(|week| week == key);
    // 2025-12-29 to 2026-01-04 has its Thursday in 2026; 2026-12-28 to 2027-01-03 too.
    assert_eq!(place("2026-W01").map(|at| at + 52), place("2026-W53"));
    assert_eq!(weeks.iter().filter(|week| *week == "2026-W53").count(), 1);
    assert_eq!(place("2027-W01"), place("2026-W53").map(|at| at + 1));
}

#[test]
fn rule_32_f31_the_first_week_is_owed_though_three_of_its_days_had_no_case() {
    let mut env = env(program(&duties(WindowKind::Year), "", ""), at("2026-01-01", 0));
    let period = Some(WindowKind::Year.containing(day("2026-01-01")));
    let name = CaseName { period, ..name_of(&env) };
    let open = Open::new(name, serde_json::Map::new());
    let command = Command::new(Actor::operator("测试"), open.clone());
    let opened = decide(None, &command, &env).expect("the case opens");
    let key = format!("{}@2026-W01", task(WindowKind::Week)).as_str().into();
    assert!(opened.case.item(&key).is_some());
    // Opened on the last day of the year, the week in hand is the one of its Thursday.
    env.now = at("2026-12-31", 9);
    let opened = decide(None, &command, &env).expect("the case opens");
    let weeks: Vec<&str> = opened.case.items().map(|item| item.key.as_str()).collect();
    assert!(weeks.contains(&"t_week@2026-W53"), "{weeks:?}");
    assert!(!weeks.contains(&"t_week@2026-W52"), "{weeks:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rule_32_from_any_year_on(year in 1950_i32..2150, kind in 0_usize..4) {
        let period =
            [WindowKind::Year, WindowKind::HalfYear, WindowKind::Quarter, WindowKind::Month][kind];
        assert_once(period, Date::from_ymd_opt(year, 1, 1).unwrap(), 6);
    }
}

#[test]
fn rule_32_windows_that_went_by_while_a_case_was_over_are_none() {
    let workflow = "
period: year
tasks:
  done: { title: 方案, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none }
  plan: { title: 月报, every: month, owner: unit.post(\"书记\"), reviewer: none, grace: workdays(3), ladder: none }
";
    // When it is opened again, the first month that is owed then.
    for (reopened, first) in [("2026-06-10", 6), ("2026-06-29", 7), ("2026-12-30", 13)] {
        let mut office = Office::open_on("2026-01-05", workflow, "", "");
        office.act("d2", submit("done")).expect("done");
        office.advance(at("2026-02-10", 9));
        let reason = "撤销".to_owned();
        office.act("s1", Act::Cancel { item: None, reason: reason.clone() }).expect("cancelled");
        office.sleep_until(at(reopened, 9));
        office.act("s1", Act::Reopen { item: "done".into(), reason, due: None }).expect("reopened");
        office.wake();
        assert_eq!(office.item("done").due(), None, "no outage");
        office.advance(at("2027-01-20", 9));
        for month in 3..=12 {
            let key = format!("plan@2026-{month:02}");
            let is_there = office.case.item(&key.as_str().into()).is_some();
            assert_eq!(is_there, month >= first, "{key}, reopened on {reopened}");
        }
        office.assert_replays();
    }
}
