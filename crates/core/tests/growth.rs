//! Rule 38 inside one case: what its scripts may open.

mod support;

use duban_core::{Bound, Fact, Message, SCRIPT_CASES_MAX, SCRIPT_TASKS_MAX};

use support::*;

const WORKFLOW: &str = "
period: year
tasks:
  plan:
    title: 方案
    owner: unit.post(\"书记\")
    reviewer: none
    ladder: none
    hooks: { reported: more }
";

const HOOKS: &str = "
fn more(task) {
  for n in 0..90 { open_task(#{ title: `事${n}`, owner: task.owner }); }
}
";

const CASES: &str = "
fn more(task) {
  for n in 0..90 { open_case(\"other\", case.unit, #{}); }
}
";

fn openings(office: &Office) -> usize {
    let messages = office.log.iter().filter(|(event, _)| match &event.fact {
        Fact::MessageSent { message, .. } => matches!(message, Message::Open(_)),
        _ => false,
    });
    messages.count()
}

fn reached(office: &Office) -> Vec<Bound> {
    let facts = office.log.iter().filter_map(|(event, _)| match &event.fact {
        Fact::BoundReached { bound, .. } => Some(*bound),
        _ => None,
    });
    facts.collect()
}

#[test]
fn rule_38_scripts_open_a_thousand_tasks_in_one_case_and_no_more() {
    let mut office = Office::open_with(WORKFLOW, HOOKS, "");
    for _ in 0..11 {
        assert_eq!(reached(&office), []);
        office.act("d1", report("plan")).expect("reported");
    }
    assert_eq!(office.case.items_of("extra").count(), 990);
    let alarms = office.count("sent");
    office.act("d1", report("plan")).expect("the move itself is taken");
    office.act("d1", report("plan")).expect("the move itself is taken");
    assert_eq!(office.case.items_of("extra").count(), SCRIPT_TASKS_MAX);
    assert_eq!(reached(&office), [Bound::ScriptTasks]);
    assert_eq!(office.count("sent"), alarms + 1, "told once");
    office.assert_replays();
}

#[test]
fn rule_38_scripts_of_one_case_ask_for_a_thousand_cases_and_no_more() {
    let mut office = Office::open_with(WORKFLOW, CASES, "");
    for _ in 0..13 {
        office.act("d1", report("plan")).expect("the move itself is taken");
    }
    assert_eq!(openings(&office), usize::try_from(SCRIPT_CASES_MAX).expect("small"));
    assert_eq!(reached(&office), [Bound::ScriptCases]);
    assert_eq!(office.case.head().script_cases, SCRIPT_CASES_MAX);
    office.assert_replays();
}
