//! Facts that no rule has a scenario for: what they make of a case, and that they replay.

mod support;

use std::sync::Arc;

use duban_core::{Act, Actor, Command, Fact, Message, Operation, Refusal, Signal, Status, decide};
use serde_json::{Map, json};

use support::{Office, at, china, end, env, program, report, submit, submit_with, unannounced};

const ONE: &str = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: unit.post(\"书记\"), due: 2022-06-30, ladder: none, extension: { max: 2, by: months(3) } }
";

#[test]
fn what_is_taken_back_is_worked_on_again() {
    let mut office = Office::open(ONE);
    office.act("d2", submit("a")).expect("submitted");
    office.act("d2", Act::Withdraw { item: "a".into() }).expect("taken back");
    assert_eq!(office.status("a"), Status::Active);
    office.assert_replays();
}

#[test]
fn a_refused_extension_leaves_the_date_and_the_request_is_answered() {
    let mut office = Office::open(ONE);
    let (until, reason) = (end("2022-08-31"), "协调未完".to_owned());
    office.act("d2", Act::AskExtension { item: "a".into(), until, reason }).expect("asked");
    let refuse = Act::RefuseExtension { item: "a".into(), reason: "按期办".to_owned() };
    office.act("d1", refuse).expect("refused");
    assert_eq!(office.item("a").due(), Some(end("2022-06-30")));
    assert_eq!(office.item("a").asked, None);
    office.assert_replays();
}

#[test]
fn a_case_that_failed_is_left_alone_until_it_is_repaired() {
    let mut office = Office::open(ONE);
    let failed = Signal::MarkFaulted { error: "坏了".to_owned() };
    office.command(Actor::Engine, failed).expect("marked");
    assert_eq!(office.case.next_wakeup(), None);
    let refused = office.act("d2", submit("a"));
    assert!(matches!(refused, Err(Refusal::Faulted { .. })), "{refused:?}");
    let repair = Operation::Repair { reason: "已修复".to_owned() };
    office.command(Actor::operator("测试"), repair).expect("repaired");
    assert!(office.case.next_wakeup().is_some());
    office.act("d2", submit("a")).expect("it goes on");
    office.assert_replays();
}

#[test]
fn values_points_and_verdicts_are_kept_with_the_case() {
    let work = "
period: year
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: none
    ladder: none
    indicator: { unit: 项, value: form.count, target: 3, better: up }
    form: { count: { type: integer, title: 数量 } }
    hooks: { reported: keep }
";
    let hooks = "fn keep(task) { set(\"值\", 7); score(task.unit, -1, \"说明\"); }";
    let mut office = Office::open_with(work, hooks, "");
    office.act("d2", report("a")).expect("reported");
    office.act("d2", submit_with("a", &json!({ "count": 2 }))).expect("done");
    assert_eq!(office.case.head().vars["值"], json!(7));
    assert_eq!(office.item("a").met, Some(false));
    assert_eq!(office.count("scored"), 1);
    office.assert_replays();
}

#[test]
fn a_renewed_case_takes_over_what_is_done_once() {
    let work = "
period: year
renew: auto
tasks:
  once: { title: 建章, once: true, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none, form: { no: { type: text, title: 文号, required: true } } }
  yearly: { title: 年报, owner: unit.post(\"组织部长\"), reviewer: none, ladder: none }
";
    let mut office = Office::open(work);
    office.act("d2", submit_with("once", &json!({ "no": "一号" }))).expect("done");
    office.advance(at("2023-01-01", 9));
    assert_eq!(office.count("renewed"), 1);
    let next = office.log.iter().find_map(|(event, _)| match &event.fact {
        Fact::MessageSent { message: Message::Open(request), .. } => Some(request.open.clone()),
        _ => None,
    });
    let next = next.expect("the next period's case is asked for");
    let command = Command::new(Actor::Case { case: office.case.id() }, next);
    let decision = decide(None, &command, &office.env).expect("it opens");
    let hashes = decision.encoded.iter().map(|encoded| encoded.hash.clone());
    let log = decision.events.iter().cloned().zip(hashes).collect();
    let next = Office { env: office.env.clone(), case: decision.case, log };
    assert_eq!(next.status("once"), Status::Done);
    assert_eq!(next.item("once").form["no"], json!("一号"));
    assert_eq!(next.status("yearly"), Status::Ready);
    next.assert_replays();
}

#[test]
fn an_earlier_date_of_an_announced_year_is_proposed_and_taken_with_consent() {
    let work = "
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, due: now + workdays(5), ladder: none }
";
    // 9 May 2026 is a Saturday that is worked in exchange, which nobody knew.
    let mut early = env(program(work, "", ""), at("2026-05-07", 9));
    early.calendar = Arc::new(unannounced());
    let mut office = Office::open_in(early, Map::new()).expect("it opens");
    assert_eq!(office.item("a").due(), Some(end("2026-05-14")));
    office.env.calendar = Arc::new(china());
    office.command(Actor::operator("测试"), Operation::ApplyCalendar).expect("applied");
    assert_eq!(office.count("earlier_due_proposed"), 1);
    assert_eq!(office.item("a").due(), Some(end("2026-05-14")));
    office.act("s1", Act::ConsentEarlier { item: "a".into() }).expect("agreed");
    assert_eq!(office.item("a").due(), Some(end("2026-05-13")));
    office.assert_replays();
}
