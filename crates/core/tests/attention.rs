//! Rule 26: somebody always knows. Attention comes when nobody can move on an item and goes when
//! somebody can; for a vacant post nothing is numbered, scored or repeated.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, Actor, Answer, AnswerSays, Case, CaseId, Command, Fact, Notification, Operation, Signal,
    Status, decide, post_above, presence_changes,
};
use duban_model::{Directory, StandIn};
use serde_json::{Map, json};

use support::signers::*;
use support::*;

/// What an item needs attention for.
fn attention(office: &Office, key: &str) -> Vec<String> {
    let item = office.item(key);
    item.attention.iter().map(|one| format!("{} {}", one.kind.as_str(), one.about)).collect()
}

/// The directory changes, and every open case is told.
fn change(office: &mut Office, directory: Directory) -> Vec<Fact> {
    office.env.directory = Arc::new(directory);
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied")
}

fn fill(office: &mut Office, changes: &[(&str, &[&str])]) -> Vec<Fact> {
    change(office, with_holders(changes))
}

/// The directory with other absences.
fn absent(entries: &[(&str, &str, &str, &str)]) -> Directory {
    let mut data = directory().data().clone();
    data.stand_ins = entries
        .iter()
        .map(|(absent, by, from, until)| StandIn {
            absent: (*absent).into(),
            by: (*by).into(),
            from: day(from),
            until: day(until),
            set: None,
            ended: None,
        })
        .collect();
    Directory::new(data).expect("a directory")
}

const D2: &str = "post:D/组织部长";

/// A task of a district's 组织部长 with papers, points, a report and an interview.
const CHASED: &str = "
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: none
    due: 2026-03-31
    stall: workdays(5)
    ladder: hard
";

const HARD: &str = "
  hard:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: due + workdays(1), do: paper }
    - { at: due + workdays(5), do: paper }
    - { at: due + workdays(10), do: talk }
scoring:
  - { id: late, on: overdue, points: -1 }
  - { id: still, on: stalled, points: -1 }
";

const PAPER: &str = "
fn paper(task, rung) { slip(#{ colour: \"blue\", text: \"督办\" }); score(#{ unit: task.unit, points: -1, why: \"督办\" }); }
";

fn chased(holders: &[(&str, &[&str])]) -> Office {
    let mut env = env(program(CHASED, PAPER, HARD), at("2026-03-02", 9));
    env.directory = Arc::new(with_holders(holders));
    Office::open_in(env, Map::new()).expect("the case opens")
}

#[test]
fn rule_26_a_list_that_no_item_shows_is_the_cases_own_attention() {
    // What the list gives, and whether a task waits for it.
    let of_case = |office: &Office| -> Vec<String> {
        let needed = office.case.head().attention.iter();
        needed.map(|one| format!("{} {}", one.kind.as_str(), one.about)).collect()
    };
    let lists = [
        ("unit.below(\"bureau\")", "", vec!["list_empty a"], vec![]),
        ("unit.below(\"bureau\")", "needs: [a]", vec![], vec!["list_empty a"]),
        ("org(\"无此局\").children", "", vec!["expression_failed a"], vec![]),
    ];
    for (list, needs, case, item) in lists {
        let work = format!(
            "
period: year
tasks:
  a: {{ title: 甲, each: {{ one: '{list}' }}, owner: item.one.post(\"书记\"), reviewer: none, due: 2026-06-30 }}
  b: {{ title: 乙, {needs}{} owner: unit.post(\"书记\"), reviewer: none, due: 2026-06-30 }}
",
            if needs.is_empty() { "" } else { "," }
        );
        let mut office = Office::open_on("2026-01-05", &work, "", "");
        assert_eq!(of_case(&office), case, "{list} {needs}");
        assert_eq!(attention(&office, "b"), item, "{list} {needs}");
        if needs.is_empty() {
            let before = office.log.len();
            office.act("d1", submit("b")).expect("submitted");
            assert!(office.log.len() > before);
            assert_eq!(of_case(&office), case, "it stays, and is said once");
        } else {
            let skip = Act::Skip { item: "b".into(), reason: "不办".to_owned() };
            office.act("s1", skip).expect("skipped");
            assert_eq!(of_case(&office), ["list_empty a"], "nothing shows it any more");
        }
        office.assert_replays();
    }
}

#[test]
fn rule_26_s53_for_a_vacant_post_nothing_is_numbered_scored_or_repeated() {
    let mut office = chased(&[(D2, &[])]);
    assert_eq!(attention(&office, "a"), ["owner_vacant post:D/组织部长"]);
    assert_eq!(office.item("a").attention[0].since, at("2026-03-02", 9));
    office.advance(at("2026-05-20", 9));
    let urge = Act::Urge { item: "a".into(), text: None };
    assert!(office.act("s1", urge).is_err(), "nor does the office by hand");
    assert_eq!(office.fired(), [], "no rung speaks to nobody");
    for kind in [Notification::Remind, Notification::Slip, Notification::Interview] {
        assert_eq!(office.sent(kind), Vec::<String>::new());
    }
    assert_eq!(office.sent(Notification::Alarm), Vec::<String>::new(), "told beside the cases");
    assert_eq!((office.count("scored"), office.case.head().slips), (0, 0));
    assert_eq!(office.case.items_of("interview").count(), 0);
    assert_eq!(office.item("a").due(), Some(end("2026-03-31")), "the dates stand");
    assert_eq!(attention(&office, "a").len(), 1, "said once");
    assert_eq!(office.count("attention_needed"), 1);
    office.assert_replays();
}

#[test]
fn rule_26_whoever_takes_the_post_begins_with_the_floor_and_is_then_chased() {
    let mut office = chased(&[(D2, &[])]);
    office.advance(at("2026-05-20", 9));
    fill(&mut office, &[(D2, &["d2"])]);
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
    assert_eq!(office.count("attention_ended"), 1);
    let deadline = office.item("a").deadline().expect("a date").clone();
    assert_eq!((deadline.due, deadline.in_time), (end("2026-05-25"), true));
    office.advance(at("2026-06-03", 9));
    assert_eq!(office.case.head().slips, 2, "blue a day after the date now given, and again");
    assert_eq!(office.days_of("overdue"), ["2026-04-01", "2026-05-26"]);
    assert_eq!(office.count("scored"), 4, "two papers, their rule, and one lateness of their own");
    office.assert_replays();
}

#[test]
fn rule_26_the_post_falls_vacant_and_what_is_in_time_keeps_its_date() {
    let mut office = chased(&[]);
    office.advance(at("2026-03-10", 9));
    fill(&mut office, &[(D2, &[])]);
    assert_eq!(attention(&office, "a"), ["owner_vacant post:D/组织部长"]);
    let again = office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied");
    assert_eq!(again, [], "nothing has changed");
    fill(&mut office, &[(D2, &["x1"])]);
    assert_eq!(office.item("a").due(), Some(end("2026-03-31")));
    office.act("x1", submit("a")).expect("the new holder may");
    office.assert_replays();
}

#[test]
fn rule_26_s56_that_the_office_may_skip_is_no_next_move_but_a_transfer_ends_it() {
    let mut office = chased(&[(D2, &[])]);
    assert_eq!(attention(&office, "a").len(), 1, "the office could skip it, and yet");
    office.advance(at("2026-04-15", 9));
    let transfer = Act::Transfer { item: "a".into(), to: seat(X1), reason: "空岗".to_owned() };
    office.act("s1", transfer).expect("transferred");
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
    assert_eq!(office.item("a").due(), Some(end("2026-04-20")), "and gives the time to do it");
}

#[test]
fn rule_26_s52_s54_the_first_filled_post_above_is_told_never_the_head_of_the_whole() {
    let told = |changes: &[(&str, &[&str])], vacant: &str| {
        post_above(&with_holders(changes), &seat(vacant)).map(|post| post.to_string())
    };
    let some = |post: &str| Some(post.to_owned());
    assert_eq!(told(&[], D2), some(D1), "the unit's own 书记 first (S54)");
    assert_eq!(told(&[(D1, &[])], D2), None, "above lies the head of the whole (S52)");
    assert_eq!(told(&[], D1), None);
    assert_eq!(told(&[], X1), some(D1), "(S53)");
    assert_eq!(told(&[(D1, &[])], X1), some(D2), "the first filled one of the unit above");
    assert_eq!(told(&[], B2), some(B1));
    assert_eq!(told(&[], C1), None);
    assert_eq!(told(&[], "person:gone"), None);
}

#[test]
fn rule_26_a_vacant_reviewer_needs_attention_and_gets_no_papers_for_it() {
    for reviewer in [all(&[B1, B2]), expr(B2), steps(&[B2, B1])] {
        let mut office = opened(&reviewer);
        fill(&mut office, &[(B2, &[])]);
        assert_eq!(attention(&office, "a"), Vec::<String>::new(), "the owner's move is next");
        office.act("d2", submit("a")).unwrap();
        assert_eq!(attention(&office, "a"), ["reviewer_vacant post:B/干事"], "{reviewer}");
        office.act("b1", accept("a")).ok();
        office.advance(at("2026-04-01", 9));
        assert_eq!(days_sent(&office, Notification::Remind, B2), Vec::<String>::new());
        assert_eq!(
            days_sent(&office, Notification::Remind, C1),
            Vec::<String>::new(),
            "{reviewer}"
        );
        fill(&mut office, &[(B2, &["x2"])]);
        assert_eq!(attention(&office, "a"), Vec::<String>::new());
        let due = office.item("a").review.due_of(&seat(B2));
        assert_eq!(due, Some(end("2026-04-07")), "a full time for review: {reviewer}");
        office.advance(at("2026-04-10", 9));
        assert_eq!(days_sent(&office, Notification::Remind, B2).len(), 2, "and is chased then");
        office.act("x2", accept("a")).unwrap();
        office.assert_replays();
    }
}

#[test]
fn rule_26_a_vacant_seat_of_a_quorum_matters_where_too_few_are_left() {
    let mut office = opened(&quorum(&[C1, B1, B2], 2, 1));
    fill(&mut office, &[(B2, &[])]);
    office.act("d2", submit("a")).unwrap();
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "two can still agree");
    fill(&mut office, &[(B2, &[]), (B1, &[])]);
    assert_eq!(
        attention(&office, "a"),
        ["reviewer_vacant post:B/部长", "reviewer_vacant post:B/干事"]
    );
    office.act("s1", add(X1)).unwrap();
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
}

#[test]
fn rule_26_owner_and_reviewer_one_person_and_a_reviewer_who_has_worked_on_it() {
    let mut office = opened(&all(&[C1, B2]));
    fill(&mut office, &[(B2, &["d2"])]);
    office.act("d2", submit("a")).unwrap();
    assert_eq!(attention(&office, "a"), ["owner_reviews post:B/干事"]);
    office.act("s1", remove(B2)).unwrap();
    assert_eq!(attention(&office, "a"), Vec::<String>::new());

    let mut office = opened(&expr(B2));
    office.act("d2", submit("a")).unwrap();
    // Who did it has moved on to the reviewer's post, somebody else to theirs.
    fill(&mut office, &[(B2, &["d2"]), (D2, &["x1"])]);
    assert_eq!(attention(&office, "a"), ["reviewer_worked post:B/干事"]);
    fill(&mut office, &[(B2, &["d2", "x2"]), (D2, &["x1"])]);
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
    office.act("x2", accept("a")).unwrap();
    office.assert_replays();
}

#[test]
fn rule_26_s57_an_absence_without_anybody_standing_in_counts_as_vacant_beyond_five_days() {
    let away = |by: &str| absent(&[("d2", by, "2026-03-09", "2026-03-27")]);
    let mut office = chased(&[]);
    office.advance(at("2026-03-13", 9));
    change(&mut office, away("gone"));
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "the fifth working day");
    office.advance(at("2026-03-16", 9));
    change(&mut office, away("gone"));
    assert_eq!(attention(&office, "a"), ["owner_vacant post:D/组织部长"]);
    change(&mut office, away("d1"));
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "somebody stands in");
    change(&mut office, away("gone"));
    office.act("d2", report("a")).expect("whoever is away may still act");
    office.advance(at("2026-03-28", 9));
    change(&mut office, away("gone"));
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "back again");
    office.assert_replays();
}

#[test]
fn rule_26_s58_who_must_be_looked_at_because_time_changed_their_presence() {
    let directory = absent(&[
        ("d2", "x1", "2026-03-09", "2026-06-30"),
        ("x1", "x2", "2026-06-01", "2026-06-02"),
        ("c1", "b1", "2026-01-05", "2026-12-31"),
    ]);
    let changed = |after: &str, upto: &str| -> Vec<String> {
        let people = presence_changes(&directory, &china(), day(after), day(upto));
        people.iter().map(ToString::to_string).collect()
    };
    let nobody: Vec<String> = Vec::new();
    assert_eq!(changed("2026-06-30", "2026-07-01"), ["d2"], "it ended");
    assert_eq!(changed("2026-03-08", "2026-03-09"), ["d2"], "it began");
    assert_eq!(changed("2026-03-13", "2026-03-16"), ["d2"], "the sixth working day");
    assert_eq!(changed("2026-05-31", "2026-06-01"), ["d2", "x1"], "so did who stands in");
    assert_eq!(changed("2026-03-10", "2026-03-12"), nobody);
    assert_eq!(changed("2026-07-01", "2026-07-20"), nobody);
}

#[test]
fn rule_26_what_must_be_done_in_person_waits_for_nobody_while_the_owner_is_away() {
    let workflow = CHASED.replace("    reviewer: none", "    reviewer: none\n    in_person: true");
    let mut office =
        Office::open_in(env(program(&workflow, PAPER, HARD), at("2026-03-02", 9)), Map::new())
            .expect("the case opens");
    office.advance(at("2026-03-17", 9));
    change(&mut office, absent(&[("d2", "d1", "2026-03-09", "2026-03-27")]));
    assert_eq!(attention(&office, "a"), ["owner_vacant post:D/组织部长"]);
}

const LIST: &str = "
tasks:
  a: { title: 甲, each: { street: unit.below(\"bureau\") }, owner: unit.post(\"组织部长\") }
  b: { title: 乙, needs: [a], owner: unit.post(\"书记\"), ladder: none }
  c: { title: 丙, needs: [b], owner: unit.post(\"书记\"), ladder: none }
";

#[test]
fn rule_26_s59_a_list_without_items_starves_what_follows() {
    let office = Office::open(LIST);
    assert_eq!(office.status("b"), Status::Waiting, "it is not passed over in silence");
    assert_eq!(attention(&office, "b"), ["list_empty a"]);
    assert_eq!(attention(&office, "c"), Vec::<String>::new(), "it waits for what may come");
    let mut office = office;
    office.act("s1", Act::Skip { item: "b".into(), reason: "无对象".to_owned() }).unwrap();
    assert_eq!(attention(&office, "b"), Vec::<String>::new());
    // Where a list may be empty, what follows goes on.
    let allowed = LIST
        .replace("owner: unit.post(\"组织部长\")", "empty: skip, owner: unit.post(\"组织部长\")");
    let office = Office::open(&allowed);
    assert_eq!((office.status("b"), attention(&office, "b").len()), (Status::Skipped, 0));
}

const FOREIGN: &str = "
period: year
tasks:
  p: { title: 前, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  a: { title: 甲, needs: [p, { other/x: unit }], owner: unit.post(\"组织部长\") }
";

fn says(office: &mut Office, says: AnswerSays) -> Vec<Fact> {
    let number = office.case.head().asked.keys().next().copied().expect("a watch");
    let from = CaseId::new("other");
    let answer = Answer { number, from: from.clone(), form: Map::new(), says };
    office.command(Actor::Case { case: from }, Signal::Answer(answer)).expect("heard")
}

#[test]
fn rule_26_s61_a_needed_case_is_missing_ten_days_after_everything_else() {
    let mut office = Office::open(FOREIGN);
    office.advance(at("2022-03-01", 9));
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "it may still come");
    office.act("d1", submit("p")).unwrap();
    office.advance(at("2022-03-15", 8));
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
    office.advance(at("2022-03-16", 9));
    assert_eq!(attention(&office, "a"), ["need_missing other/x"]);
    says(&mut office, AnswerSays::There);
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "it is there: somebody owes it");
    says(&mut office, AnswerSays::Ended);
    assert_eq!(attention(&office, "a"), ["need_cancelled other/x"]);
    says(&mut office, AnswerSays::There);
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "it was opened again");
    says(&mut office, AnswerSays::Ended);
    assert_eq!(says(&mut office, AnswerSays::Ended), [], "a repeated answer changes nothing");
    says(&mut office, AnswerSays::Done);
    assert_eq!((office.status("a"), attention(&office, "a").len()), (Status::Ready, 0));
    office.assert_replays();
}

#[test]
fn rule_26_a_case_that_is_there_is_not_missed() {
    let mut office = Office::open(FOREIGN);
    office.act("d1", submit("p")).unwrap();
    says(&mut office, AnswerSays::There);
    office.advance(at("2022-12-01", 9));
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
    assert_eq!(office.count("need_missing"), 0);
}

#[test]
fn rule_26_a_cancelled_case_tells_whoever_waits_for_it() {
    let workflow = "
tasks:
  x: { title: 前置, owner: unit.post(\"组织部长\"), ladder: none }
";
    let mut office = Office::open(workflow);
    let from = CaseId::new("asker");
    let watch = |number| duban_core::Watch {
        from: from.clone(),
        number,
        task: "x".into(),
        unit: "D".into(),
    };
    let answers = |facts: &[Fact]| -> Vec<(u64, AnswerSays)> {
        let sent = facts.iter().filter_map(|fact| match fact {
            Fact::MessageSent { message: duban_core::Message::Answer { answer, .. }, .. } => {
                Some((answer.number, answer.says))
            }
            _ => None,
        });
        sent.collect()
    };
    let actor = || Actor::Case { case: from.clone() };
    let facts = office.command(actor(), Signal::Watch(watch(1))).unwrap();
    assert_eq!(answers(&facts), [(1, AnswerSays::There)]);
    let facts = office.act("s1", Act::Cancel { item: None, reason: "停止".to_owned() }).unwrap();
    assert_eq!(answers(&facts), [(1, AnswerSays::Ended)]);
    // Whoever asks late is told at once.
    let facts = office.command(actor(), Signal::Watch(watch(2))).unwrap();
    assert_eq!(answers(&facts), [(2, AnswerSays::Ended)]);
    office.assert_replays();
}

const CHILD: &str = "
tasks:
  p: { title: 前, owner: unit.post(\"书记\"), reviewer: none, ladder: none }
  sub: { title: 子事项, needs: [p], workflow: other }
";

#[test]
fn rule_26_a_sub_case_that_was_cancelled_is_silent_or_held_back() {
    let mut office = Office::open(CHILD);
    office.act("d1", submit("p")).unwrap();
    assert_eq!(attention(&office, "sub"), Vec::<String>::new());
    let hold = |reason: Option<&str>| Signal::OpeningHeld {
        item: "sub".into(),
        reason: reason.map(ToOwned::to_owned),
    };
    office.command(Actor::Engine, hold(Some("opened_per_day_max"))).unwrap();
    assert_eq!(attention(&office, "sub"), ["held_back opened_per_day_max"]);
    assert_eq!(office.command(Actor::Engine, hold(Some("opened_per_day_max"))).unwrap(), []);
    office.command(Actor::Engine, hold(None)).unwrap();
    assert_eq!(attention(&office, "sub"), Vec::<String>::new());
    let child = office.item("sub").child.clone().expect("a sub-case").case;
    let ended = Signal::ChildEnded { item: "sub".into(), number: 1, child: child.clone() };
    office.command(Actor::Case { case: child.clone() }, ended).unwrap();
    assert_eq!(attention(&office, "sub"), [format!("sub_case_ended {child}")]);

    let mut office = Office::open(CHILD);
    office.act("d1", submit("p")).unwrap();
    let child = office.item("sub").child.clone().expect("a sub-case").case;
    let reopen = Act::Reopen { item: "p".into(), reason: "重来".to_owned(), due: None };
    office.act("s1", reopen).unwrap();
    office.act("d1", submit("p")).unwrap();
    office.advance(at("2022-02-01", 9));
    assert_eq!(attention(&office, "sub"), [format!("sub_case_silent {child}")]);
    office.assert_replays();
}

#[test]
fn rule_26_a_key_given_twice_a_unit_that_is_gone_and_an_expression_that_failed() {
    let office = Office::open(
        "
tasks:
  a: { title: 甲, each: { row: '[\"一\", \"一\", \"二\"]' }, owner: unit.post(\"书记\"), ladder: none }
  b: { title: 乙, owner: unit.post(\"书记\"), due: 'date(case.form.day)', ladder: none }
",
    );
    assert_eq!(attention(&office, "a/一"), ["key_duplicate a/一"]);
    assert_eq!(attention(&office, "a/二"), Vec::<String>::new());
    assert_eq!(attention(&office, "b"), ["expression_failed due"]);

    let mut office = Office::open(
        "
tasks:
  a: { title: 甲, each: { street: unit.below(\"street\") }, owner: item.street.post(\"书记\"), ladder: none }
",
    );
    let mut data = directory().data().clone();
    data.units.retain(|unit| unit.id.as_str() != "D2");
    data.posts.retain(|post| post.unit.as_str() != "D2");
    change(&mut office, Directory::new(data).expect("a directory"));
    assert_eq!(attention(&office, "a/D2"), ["unit_gone unit:D2"], "one cause, not two");
    assert_eq!(attention(&office, "a/D1"), Vec::<String>::new());
    fill(&mut office, &[]);
    assert_eq!(attention(&office, "a/D2"), Vec::<String>::new());
    office.assert_replays();
}

#[test]
fn rule_26_a_wake_up_whose_budget_ran_out_is_known_until_somebody_moves_on_it() {
    let workflow = "
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, due: 2022-03-31, ladder: none, hooks: { overdue: busy } }
";
    let hooks = "fn busy(task) { let n = 0; while n < 50000 { n += 1; } }";
    let mut office = Office::open_with(workflow, hooks, "");
    let limits = duban_script::BudgetLimits { operations_max: 30_000, ..Default::default() };
    office.env.budget = duban_script::Budget::new(limits, duban_script::StopFlag::default());
    office.advance(at("2022-04-02", 9));
    assert_eq!(attention(&office, "a"), ["budget_reached busy"]);
    office.act("d1", report("a")).unwrap();
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
}

#[test]
fn rule_26_what_is_held_needs_attention_where_nobody_could_lift_it() {
    let mut office = chased(&[]);
    office.act("s1", suspend(Some("a"))).unwrap();
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "the office's move");
    fill(&mut office, &[(D2, &[])]);
    assert_eq!(attention(&office, "a"), Vec::<String>::new(), "not the owner's");
    fill(&mut office, &[("post:S/主任", &[])]);
    assert_eq!(attention(&office, "a"), ["office_vacant unit:S"]);
    fill(&mut office, &[]);
    assert_eq!(attention(&office, "a"), Vec::<String>::new());
}

const DUTY: &str = "
period: year
tasks:
  q:
    title: 例会
    every: half-year
    owner: unit.post(\"组织部长\")
    reviewer: none
    ladder: none
    hooks: { missed: talk }
";

#[test]
fn rule_26_a_duty_whose_post_was_vacant_is_excused_or_has_its_time_after_it() {
    let key = "q@2022-H1";
    let scoring = "scoring:\n  - { id: missed, on: missed, points: -2 }\n";
    // Vacant from January on, never filled: nobody could have kept it.
    let mut office = Office::open_with(DUTY, "", scoring);
    office.advance(at("2022-01-10", 9));
    fill(&mut office, &[(D2, &[])]);
    office.advance(at("2022-07-20", 9));
    assert_eq!(office.status(key), Status::Skipped);
    assert_eq!((office.count("scored"), office.case.items_of("interview").count()), (0, 0));
    // Filled in May: what was left in January is counted from then.
    let mut office = Office::open_with(DUTY, "", scoring);
    office.advance(at("2022-03-10", 9));
    fill(&mut office, &[(D2, &[])]);
    office.advance(at("2022-05-10", 9));
    let before = office.item(key).due().expect("a date");
    fill(&mut office, &[(D2, &["x1"])]);
    assert!(office.item(key).due().expect("a date") > before);
    office.advance(at("2022-07-05", 9));
    assert_eq!(office.count("window_judged"), 0);
    office.assert_replays();
}

/// How many items a command has the case look at.
fn looked_at(case: &Case, office: &Office, command: Command) -> u64 {
    decide(Some(case), &command, &office.env).expect("decided").looked_at
}

#[test]
fn rule_26_a_move_looks_at_the_items_that_it_touches_however_many_lie_idle() {
    for rows in [10, 1000] {
        let names: Vec<String> = (0..rows).map(|n| format!("\"第{n}\"")).collect();
        let each = format!("{{ n: '[{}]' }}", names.join(", "));
        let workflow = format!(
            "
tasks:
  a: {{ title: 甲, owner: unit.post(\"书记\"), reviewer: none, ladder: none }}
  b: {{ title: 乙, each: {each}, owner: unit.post(\"组织部长\"), due: 2022-06-30, ladder: none }}
  c: {{ title: 丙, needs: [a], each: {each}, owner: unit.post(\"组织部长\"), ladder: none }}
"
        );
        let office = Office::open(&workflow);
        let case = office.case.clone();
        let signed = Command::new(Actor::person("d1"), sign("a"));
        assert_eq!(looked_at(&case, &office, signed), 1, "of {rows}");
        let signed = Command::new(Actor::person("d2"), sign("b/第3"));
        assert_eq!(looked_at(&case, &office, signed), 1, "of {rows}");
        let all = Command::new(Actor::Engine, Operation::ApplyDirectory);
        assert_eq!(looked_at(&case, &office, all), 2 * rows + 1);
    }
}

#[test]
fn rule_26_a_request_for_extension_that_nobody_could_answer_needs_attention() {
    let workflow = "
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: 'org(\"组织部\").post(\"干事\")', due: 2022-03-31,
       extension: { max: 1 }, ladder: none }
";
    let mut office = Office::open(workflow);
    let ask =
        Act::AskExtension {
            item: "a".into(), until: end("2022-04-29"), reason: "雨季".to_owned()
        };
    office.act("d2", ask).unwrap();
    fill(&mut office, &[(B2, &[])]);
    assert_eq!(attention(&office, "a"), ["reviewer_vacant post:B/干事"]);
}

#[test]
fn rule_26_old_logs_fold_to_items_that_need_no_attention() {
    let item = json!({
        "key": "a", "task": "a", "order": 1, "unit": "D", "status": "ready", "since": 0
    });
    let item: duban_core::Item = serde_json::from_value(item).expect("an older row");
    assert_eq!((item.attention, item.held_back), (Vec::new(), None));
    let answer = json!({ "number": 1, "from": "other", "form": {} });
    let answer: Answer = serde_json::from_value(answer).expect("an older message");
    assert_eq!(answer.says, AnswerSays::Done);
}
