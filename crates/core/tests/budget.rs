//! Rule 39: a decision has a budget over all its calls.

mod support;

use duban_core::{
    Actor, Command, Fact, Notification, Refusal, Signal, cases_of, decide, opening_cost,
};
use duban_script::{Budget, BudgetLimits, Spent, StopFlag};
use serde_json::Map;
use support::{Office, at, day, env, name_of, program, report, submit};

/// Two items, each with a function that counts so far.
fn counting(to: u32) -> (String, String) {
    let workflow = "
period: year
tasks:
  a:
    title: 甲
    each: { street: unit.below(\"street\") }
    owner: item.street.post(\"书记\")
    reviewer: none
    due: 2022-03-31
    hooks: { ready: busy }
    ladder: none
  b: { title: 乙, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none }
";
    let hooks = format!("fn busy(task) {{ let n = 0; while n < {to} {{ n += 1; }} }}");
    (workflow.to_owned(), hooks)
}

fn budget(operations_max: u64) -> Budget {
    let limits = BudgetLimits { operations_max, ..BudgetLimits::default() };
    Budget::new(limits, StopFlag::default())
}

#[test]
fn an_opening_beyond_the_budget_is_refused_whole() {
    // One call is well inside its own limit; two are beyond what the decision has.
    let (workflow, hooks) = counting(5_000);
    let mut env = env(program(&workflow, &hooks, ""), at("2022-01-01", 0));
    env.budget = budget(30_000);
    let refused = Office::open_in(env.clone(), Map::new()).err();
    assert_eq!(refused, Some(Refusal::OverBudget(Spent::Operations)));
    // With more it opens, and says what it took.
    env.budget = budget(100_000);
    let open = duban_core::Open::new(name_of(&env), Map::new());
    let command = Command::new(Actor::operator("测试"), open);
    let decision = decide(None, &command, &env).expect("it opens");
    assert!((30_000..100_000).contains(&decision.operations), "{}", decision.operations);
    assert_eq!(decision.spent, None);
    // The same decision spends the same, on the same budget.
    let again = decide(None, &command, &env).expect("it opens");
    assert_eq!(again.operations, decision.operations);
    assert_eq!(
        again.encoded.last().map(|last| &last.hash),
        decision.encoded.last().map(|last| &last.hash)
    );
}

#[test]
fn items_events_and_time_have_bounds_too() {
    let (workflow, hooks) = counting(1);
    let program = program(&workflow, &hooks, "");
    let opened = |limits: BudgetLimits, stop: StopFlag| {
        let mut env = env(program.clone(), at("2022-01-01", 0));
        env.budget = Budget::new(limits, stop);
        Office::open_in(env, Map::new()).err()
    };
    let all = BudgetLimits::default();
    assert_eq!(opened(all.clone(), StopFlag::default()), None);
    let few = BudgetLimits { items_max: 2, ..all.clone() };
    assert_eq!(opened(few, StopFlag::default()), Some(Refusal::OverBudget(Spent::Items)));
    let few = BudgetLimits { events_max: 4, ..all.clone() };
    assert_eq!(opened(few, StopFlag::default()), Some(Refusal::OverBudget(Spent::Events)));
    let stopped = StopFlag::when(|| true);
    assert_eq!(opened(all, stopped), Some(Refusal::OverBudget(Spent::Time)));
}

#[test]
fn the_units_of_a_workflow_have_a_budget() {
    let program = program(
        "
period: year
cases: many()
tasks:
  b: { title: 乙, owner: unit.post(\"组织部长\"), ladder: none }
",
        "fn many() { let n = 0; while n < 20000 { n += 1; } units(\"district\") }",
        "",
    );
    let mut env = env(program, at("2022-01-01", 0));
    assert_eq!(cases_of(&env, day("2022-01-01")).expect("one").len(), 1);
    env.budget = budget(5_000);
    let refused = cases_of(&env, day("2022-01-01"));
    assert_eq!(refused, Err(Refusal::OverBudget(Spent::Operations)));
}

#[test]
fn what_opening_costs_is_said_beforehand() {
    // The case is the lead's, which has no streets; the district's has two.
    let (workflow, hooks) = counting(5_000);
    let env = env(
        program(&format!("cases: units(\"district\")\n{workflow}"), &hooks, ""),
        at("2022-01-01", 0),
    );
    let cost = |operations_max| {
        opening_cost(&env.program, &env.directory, &env.calendar, &budget(operations_max))
            .map(|found| (found.code, found.message))
    };
    let code = |operations_max| cost(operations_max).map(|(code, _)| code);
    assert_eq!(code(1_000_000), None);
    assert_eq!(code(100_000).as_deref(), Some("DB1602"), "{:?}", cost(100_000));
    assert_eq!(code(30_000).as_deref(), Some("DB1601"));
    let limits = BudgetLimits { items_max: 1, ..BudgetLimits::default() };
    let budget = Budget::new(limits, StopFlag::default());
    let found = opening_cost(&env.program, &env.directory, &env.calendar, &budget).expect("one");
    assert!(found.message.contains("decision_items_max"), "{}", found.message);
}

/// A ladder whose rungs of one instant call `step` for two streets.
fn rungs(body: &str) -> Office {
    let workflow = "
period: year
tasks:
  a:
    title: 甲
    each: { street: unit.below(\"street\") }
    owner: item.street.post(\"书记\")
    reviewer: none
    due: 2022-03-31
    ladder: steps
  b: { title: 乙, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none }
";
    let ladders = "
  steps:
    - { at: due + workdays(1), do: step, to: owner }
    - { at: due + workdays(1), do: step, to: owner }
";
    let hooks = format!("fn step(task, rung) {{ {body} log(\"走完\"); }}");
    Office::open_with(workflow, &hooks, ladders)
}

#[test]
fn in_a_wake_up_the_script_in_hand_is_cut_off_and_the_rest_goes_on() {
    let mut office = rungs("let s = \"x\"; s.pad(60000, 'x'); loop { s.contains(\"y\"); }");
    office.env.budget = budget(50_000);
    office.advance(at("2022-05-01", 9));
    // Each rung fired, each script was cut off, and each time people heard of it all the same.
    assert_eq!(office.count("rung_fired"), 4);
    assert_eq!(office.count("script_failed"), 4);
    assert_eq!(office.sent(Notification::Remind).len(), 4);
    assert!(office.case.next_wakeup().is_none_or(|next| next > at("2022-05-01", 9)));
    office.act("x1", submit("a/D1")).expect("the case is unharmed");
    office.act("d2", report("b")).expect("the others too");
    office.assert_replays();
}

#[test]
fn a_script_that_is_inside_the_budget_is_never_cut_off_by_its_neighbours() {
    let mut office = rungs("let n = 0; while n < 3000 { n += 1; }");
    // Enough for two of them, not for all four.
    office.env.budget = budget(60_000);
    office.advance(at("2022-04-01", 20));
    office.sleep_until(at("2022-04-02", 9));
    let wake = Command::new(Actor::Engine, Signal::Wake);
    let first = decide(Some(&office.case), &wake, &office.env).expect("a wake-up");
    assert!(first.more && first.spent.is_none());
    office.wake();
    assert_eq!(office.count("script_failed"), 0);
    let done = |fact: &Fact| matches!(fact, Fact::Logged { text, .. } if text == "走完");
    assert_eq!(office.log.iter().filter(|(event, _)| done(&event.fact)).count(), 4);
}

#[test]
fn a_stop_lets_a_wake_up_end_between_moments() {
    let mut office = rungs("");
    office.advance(at("2022-04-01", 20));
    office.sleep_until(at("2022-04-02", 9));
    office.env.budget = Budget::new(BudgetLimits::default(), StopFlag::when(|| true));
    let wake = Command::new(Actor::Engine, Signal::Wake);
    let before = office.case.head().version;
    let decision = decide(Some(&office.case), &wake, &office.env).expect("a wake-up");
    assert!(decision.more && decision.case.head().version > before);
    office.wake();
    assert_eq!(office.count("rung_fired"), 4);
    assert_eq!(office.count("script_failed"), 0, "what is short is not cut off");
}
