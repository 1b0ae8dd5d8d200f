//! Rule 36: units that come later, and units that go. S84 to S88.

mod support;

use std::sync::Arc;

use duban_core::{
    Act, Actor, AttentionKind, AxisDifferences, DueReason, Fact, ItemKey, Operation, Refusal,
    SkipReason, Status, axis_differences,
};
use duban_model::{Directory, DirectoryData, Post, Unit};
use duban_script::Budget;
use support::*;

const STREETS: &str = "
period: year
tasks:
  st:
    title: 街道落实
    each: { street: unit.below(\"street\") }
    empty: skip
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
    due: 2026-02-28
  q:
    title: 季度例会
    each: { street: unit.below(\"street\") }
    empty: skip
    every: quarter
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
    ladder: none
  end: { title: 总结, owner: unit.post(\"书记\"), reviewer: none, due: 2026-12-31 }
";

fn opened(workflow: &str) -> Office {
    Office::open_on("2026-01-01", workflow, "", "")
}

/// Changes the directory as a host does; the case is not told.
fn change(office: &mut Office, change: impl FnOnce(&mut DirectoryData)) {
    let mut data = office.env.directory.data().clone();
    change(&mut data);
    office.env.directory = Arc::new(Directory::new(data).expect("a directory"));
}

fn street(id: &str, superior: &str) -> Unit {
    Unit {
        id: id.into(),
        name: format!("{id}街"),
        level: "street".to_owned(),
        superior: Some(superior.into()),
        tags: Vec::new(),
        since: None,
        predecessors: Vec::new(),
    }
}

fn founded(data: &mut DirectoryData, id: &str) {
    data.units.push(street(id, "D"));
    let holders = vec!["b2".into()];
    data.posts.push(Post { unit: id.into(), name: "书记".to_owned(), holders });
}

/// D2 goes; `into` takes its place.
fn merged(data: &mut DirectoryData, into: &str) {
    data.units.retain(|unit| unit.id.as_str() != "D2");
    data.posts.retain(|post| post.unit.as_str() != "D2");
    for unit in data.units.iter_mut().filter(|unit| unit.id.as_str() == into) {
        unit.predecessors.push("D2".into());
    }
}

fn tell(office: &mut Office) -> Vec<Fact> {
    office.command(Actor::Engine, Operation::ApplyDirectory).expect("applied")
}

fn differs(office: &Office) -> (Vec<&str>, Vec<&str>) {
    let found = office.case.head().differs.as_ref();
    let keys = |list: fn(&AxisDifferences) -> &Vec<ItemKey>| {
        found.map(|found| list(found).iter().map(ItemKey::as_str).collect()).unwrap_or_default()
    };
    (keys(|found| &found.came), keys(|found| &found.gone))
}

fn add(task: &str, which: &str) -> Act {
    Act::AddItem { task: task.into(), which: which.to_owned(), reason: "新设街道".to_owned() }
}

fn hand(key: &str, to: Option<&str>) -> Act {
    let to = to.map(|to| to.parse().expect("an assignee"));
    Act::HandToSuccessor { item: key.into(), to, reason: "街道合并".to_owned() }
}

fn as_it_is(key: &str) -> Act {
    Act::FinishAsItIs { item: key.into(), reason: "接近尾声".to_owned() }
}

/// What the case itself needs attention for.
fn attention(office: &Office) -> Vec<String> {
    let needed = office.case.head().attention.iter();
    needed.map(|one| format!("{} {}", one.kind.as_str(), one.about)).collect()
}

#[test]
fn rule_36_what_a_list_would_add_or_drop_needs_attention_until_it_is_settled() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| {
        founded(data, "D3");
        // It comes under another unit, and is there all the same.
        for unit in data.units.iter_mut().filter(|unit| unit.id.as_str() == "D2") {
            unit.superior = Some("C".into());
        }
    });
    tell(&mut office);
    assert_eq!(attention(&office), ["items_came st", "items_gone q", "items_gone st"]);
    assert_eq!(office.case.head().attention[0].since, at("2026-03-03", 10));
    office.act("s1", add("st", "D3")).expect("added");
    tell(&mut office);
    assert_eq!(attention(&office), ["items_gone q", "items_gone st"]);
    office.act("s1", as_it_is("st/D2")).expect("finished as it is");
    tell(&mut office);
    assert_eq!(attention(&office), ["items_gone q"]);
    office.act("s1", Act::Cancel { item: None, reason: "撤销".to_owned() }).expect("cancelled");
    assert_eq!(attention(&office), Vec::<String>::new(), "an ended case needs none");
    office.assert_replays();
}

#[test]
fn rule_36_what_was_to_begin_on_a_day_waits_for_the_item_that_came_before_it() {
    let workflow = STREETS
        .replace("    title: 街道落实\n", "    title: 街道落实\n    follow: directory\n")
        .replace("reviewer: none, due", "reviewer: none, needs: [st], not_before: 2026-03-20, due");
    for day in ["2026-03-10", "2026-03-19"] {
        let mut office = opened(&workflow);
        office.advance(at("2026-02-02", 10));
        for (owner, key) in [("x1", "st/D1"), ("x2", "st/D2")] {
            office.act(owner, submit(key)).expect("submitted");
            office.act("d1", accept(key)).expect("accepted");
        }
        assert_eq!(office.item("end").held_until, Some(at("2026-03-20", 0)));
        office.advance(at(day, 10));
        change(&mut office, |data| founded(data, "D3"));
        tell(&mut office);
        office.advance(at("2026-03-30", 10));
        assert_eq!(office.status("end"), Status::Waiting, "{day}");
        assert_eq!(office.item("end").held_until, None);
        office.act("b2", submit("st/D3")).expect("submitted");
        office.act("d1", accept("st/D3")).expect("accepted");
        assert_eq!(office.status("end"), Status::Ready, "{day}");
        office.assert_replays();
    }
}

#[test]
fn rule_36_a_unit_that_is_gone_is_told_by_its_items_alone() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    assert_eq!(attention(&office), Vec::<String>::new());
    let kinds =
        |key: &str| office.item(key).attention.iter().map(|one| one.kind).collect::<Vec<_>>();
    assert!(kinds("st/D2").contains(&AttentionKind::UnitGone));
}

#[test]
fn rule_36_a_case_says_once_what_its_axes_would_add_and_drop() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    assert!(tell(&mut office).is_empty(), "nothing differs");
    change(&mut office, |data| founded(data, "D3"));
    let facts = tell(&mut office);
    let [Fact::AxesDiffer { .. }, Fact::AttentionNeeded { item: None, .. }] = facts.as_slice()
    else {
        panic!("{facts:?}")
    };
    assert_eq!(differs(&office), (vec!["st/D3"], vec![]));
    assert_eq!(attention(&office), ["items_came st"]);
    assert!(tell(&mut office).is_empty(), "said once");
    // Renamed people and posts differ in no list.
    change(&mut office, |data| data.people[0].name.push('某'));
    assert!(tell(&mut office).is_empty());
    // Gone again before anybody has settled it: nothing is left to say but that.
    change(&mut office, |data| {
        data.units.retain(|unit| unit.id.as_str() != "D3");
        data.posts.retain(|post| post.unit.as_str() != "D3");
    });
    assert_eq!(differs(&office), (vec!["st/D3"], vec![]), "until it is told");
    tell(&mut office);
    assert_eq!(office.case.head().differs, None);
    office.assert_replays();
}

#[test]
fn rule_36_s84_an_item_that_is_added_has_twenty_working_days() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| founded(data, "D3"));
    tell(&mut office);
    office.act("s1", add("st", "D3")).unwrap();
    let item = office.item("st/D3");
    assert_eq!((item.status, item.due()), (Status::Ready, Some(end("2026-03-31"))));
    assert_eq!(item.deadline().map(|one| &one.why), Some(&DueReason::AtLeast));
    assert_eq!(office.case.head().differs, None, "settled");
    let own = |fact: &Fact| fact.item().is_some_and(|key| key.as_str() == "st/D3");
    let late = |office: &Office| {
        let found = office.log.iter().map(|(event, _)| &event.fact);
        found.filter(|fact| own(fact) && fact.kind() == "overdue").count()
    };
    office.advance(at("2026-03-31", 23));
    assert_eq!(late(&office), 0);
    office.advance(at("2026-04-01", 1));
    assert_eq!(late(&office), 1);
    assert!(tell(&mut office).is_empty());
    office.assert_replays();
}

#[test]
fn rule_36_s84_a_date_that_counts_from_the_readiness_stands_as_written() {
    let mut office = opened(&STREETS.replace("2026-02-28", "now + workdays(5)"));
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| founded(data, "D3"));
    tell(&mut office);
    office.act("s1", add("st", "D3")).unwrap();
    assert_eq!(office.item("st/D3").due(), Some(end("2026-03-10")));
}

#[test]
fn rule_36_what_is_added_is_on_the_list_and_nobody_elses_move() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| founded(data, "D3"));
    // Told or not, the list says it.
    for (task, which) in [("st", "D9"), ("st", "D1"), ("none", "D3"), ("end", "D3"), ("q", "D3")] {
        let refused = office.act("s1", add(task, which));
        assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{task} {which}: {refused:?}");
    }
    let refused = office.act("d1", add("st", "D3"));
    assert!(matches!(refused, Err(Refusal::NotAllowed { .. })), "{refused:?}");
    let unsaid = Act::AddItem { task: "st".into(), which: "D3".to_owned(), reason: String::new() };
    assert!(matches!(office.act("s1", unsaid), Err(Refusal::ReasonMissing("add_item"))));
    office.act("s1", add("st", "D3")).unwrap();
}

#[test]
fn rule_36_s85_a_duty_is_owed_from_the_window_after_a_unit_came() {
    let mut office = opened(STREETS);
    office.advance(at("2026-06-28", 10));
    let came = "2026-06-28".parse().expect("a date");
    change(&mut office, |data| {
        founded(data, "D3");
        data.came.insert("D3".into(), came);
    });
    tell(&mut office);
    assert_eq!(differs(&office).0, ["st/D3"], "nothing of the window in hand");
    office.advance(at("2026-07-01", 9));
    assert_eq!(office.status("q/D3@2026-Q3"), Status::Ready);
    assert!(office.case.item(&ItemKey::new("q/D3@2026-Q2")).is_none());
    // A case that opens within the window does not owe it either: the unit dates from its import.
    let mut env = env(program(STREETS, "", ""), at("2026-06-29", 9));
    env.directory = Arc::clone(&office.env.directory);
    let other = Office::open_in(env, serde_json::Map::new()).expect("opened");
    assert!(other.case.item(&ItemKey::new("q/D3@2026-Q2")).is_none());
    assert_eq!(other.status("q/D1@2026-Q2"), Status::Ready);
}

#[test]
fn rule_36_s86_a_begun_item_passes_to_the_successor_whose_own_is_excused() {
    let mut office = opened(STREETS);
    office.advance(at("2026-08-15", 10));
    office.act("x2", submit("q/D2@2026-Q3")).unwrap();
    office.act("d1", send_back("q/D2@2026-Q3")).unwrap();
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    assert_eq!(differs(&office), (vec![], vec!["st/D2", "q/D2@2026-Q3"]));
    let refused = office.act("s1", hand("q/D1@2026-Q3", None));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "its unit is there");
    office.act("s1", hand("q/D2@2026-Q3", None)).unwrap();
    let item = office.item("q/D2@2026-Q3");
    assert_eq!(item.owner.as_ref().map(ToString::to_string).as_deref(), Some("post:D1/书记"));
    assert_eq!((item.unit.as_str(), item.status), ("D1", Status::Active));
    let own = office.item("q/D1@2026-Q3");
    assert_eq!(own.skipped, Some(SkipReason::TookOver("q/D2@2026-Q3".into())));
    assert_eq!(differs(&office), (vec![], vec!["st/D2"]));
    // The successor does it, and it counts.
    office.act("x1", submit("q/D2@2026-Q3")).unwrap();
    office.act("d1", accept("q/D2@2026-Q3")).unwrap();
    office.advance(at("2026-10-08", 9));
    assert_eq!(office.item("q/D2@2026-Q3").window_met, Some(true));
    assert_eq!(office.item("q/D1@2026-Q3").window_met, None, "excused is not missed");
    assert_eq!(office.status("q/D1@2026-Q4"), Status::Ready, "the next one is its own");
    tell(&mut office);
    assert_eq!(differs(&office), (vec![], vec!["st/D2"]), "what was handed over is settled");
    office.assert_replays();
}

#[test]
fn rule_36_s86_a_successor_may_be_named_and_has_the_floor() {
    let mut office = opened(&STREETS.replace("2026-02-28", "2026-08-17"));
    office.advance(at("2026-08-14", 10));
    change(&mut office, |data| merged(data, "nobody"));
    tell(&mut office);
    let refused = office.act("s1", hand("st/D2", None));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "nobody says who: {refused:?}");
    let refused = office.act("s1", hand("st/D2", Some("unit:D2")));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "gone itself: {refused:?}");
    office.act("s1", hand("st/D2", Some("unit:D1"))).unwrap();
    // Friday: three working days end on Wednesday.
    assert_eq!(office.item("st/D2").due(), Some(end("2026-08-19")));
    assert_eq!(office.status("st/D1"), Status::Skipped);
    office.act("x1", sign("st/D2")).unwrap();
    office.assert_replays();
}

#[test]
fn rule_36_an_item_is_finished_as_it_is_or_cancelled_and_not_asked_again() {
    let mut office = opened(STREETS);
    office.advance(at("2026-02-10", 10));
    office.act("x2", report("st/D2")).unwrap();
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    assert_eq!(differs(&office).1, ["st/D2", "q/D2@2026-Q1"]);
    office.act("s1", as_it_is("st/D2")).unwrap();
    let cancel = Act::Cancel { item: Some("q/D2@2026-Q1".into()), reason: "已撤销".to_owned() };
    office.act("s1", cancel).unwrap();
    assert_eq!(office.case.head().differs, None);
    tell(&mut office);
    assert_eq!(office.case.head().differs, None, "not asked again");
    let refused = office.act("s1", as_it_is("st/D2"));
    assert!(matches!(refused, Err(Refusal::NotApplicable { .. })), "{refused:?}");
    office.assert_replays();
}

#[test]
fn rule_36_s87_what_follows_the_directory_does_it_by_itself_unless_it_has_begun() {
    let follows = STREETS.replace("    empty: skip\n", "    empty: skip\n    follow: directory\n");
    for begun in [false, true] {
        let mut office = opened(&follows);
        office.advance(at("2026-02-10", 10));
        if begun {
            office.act("x2", sign("st/D2")).unwrap();
        }
        change(&mut office, |data| {
            founded(data, "D3");
            merged(data, "D1");
        });
        tell(&mut office);
        assert_eq!(
            (office.status("st/D3"), office.item("st/D3").due()),
            (Status::Ready, Some(end("2026-03-16")))
        );
        // Ready is not begun.
        assert_eq!(office.status("q/D2@2026-Q1"), Status::Cancelled);
        let (status, left) =
            if begun { (Status::Active, vec!["st/D2"]) } else { (Status::Cancelled, vec![]) };
        assert_eq!((office.status("st/D2"), differs(&office).1), (status, left));
        office.assert_replays();
    }
}

#[test]
fn rule_36_follow_of_a_workflow_holds_for_its_tasks_unless_they_say_otherwise() {
    let follows = STREETS
        .replace("period: year\n", "period: year\nfollow: directory\n")
        .replace("    every: quarter\n", "    every: quarter\n    follow: none\n");
    let mut office = opened(&follows);
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    assert_eq!(office.status("st/D2"), Status::Cancelled);
    assert_eq!(differs(&office), (vec![], vec!["q/D2@2026-Q1"]));
}

#[test]
fn rule_36_s88_a_case_whose_axes_read_nothing_that_changed_says_nothing() {
    let mut office = opened(STREETS);
    change(&mut office, |data| {
        let mut elsewhere = street("E1", "C");
        elsewhere.level = "street".to_owned();
        data.units.push(elsewhere);
    });
    assert!(tell(&mut office).is_empty(), "another district's street");
    // Who holds a post is looked at without the lists.
    change(&mut office, |data| founded(data, "D3"));
    let facts = office.command(Actor::Engine, Operation::ApplyHolders).expect("applied");
    assert!(facts.is_empty() && office.case.head().differs.is_none(), "{facts:?}");
}

#[test]
fn rule_36_looking_changes_nothing_and_calls_no_function() {
    let mut office = opened(STREETS);
    office.advance(at("2026-03-03", 10));
    change(&mut office, |data| founded(data, "D3"));
    let before = office.case.clone();
    let env = duban_core::Env { budget: Budget::default(), ..office.env.clone() };
    let found = axis_differences(&office.case, &env);
    assert_eq!(found.came, ["st/D3".into()]);
    assert_eq!(office.case, before);
    // A list that fails says nothing of what came or went.
    let mut broken = opened(
        &STREETS.replace("unit.below(\"street\")", "org(\"二街\").superior.below(\"street\")"),
    );
    change(&mut broken, |data| merged(data, "D1"));
    assert_eq!(axis_differences(&broken.case, &broken.env), AxisDifferences::default());
}

#[test]
fn rule_36_a_unit_that_comes_back_is_owed_no_more_than_before() {
    let mut office = opened(STREETS);
    let full = Arc::clone(&office.env.directory);
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    assert_eq!(differs(&office).1, ["st/D2", "q/D2@2026-Q1"]);
    office.env.directory = full;
    let facts = tell(&mut office);
    let told = facts.iter().filter(|fact| fact.kind() == "axes_differ").count();
    assert_eq!(told, 1, "{facts:?}");
    assert_eq!(office.case.head().differs, None);
    office.assert_replays();
}

#[test]
fn rule_36_a_migration_says_what_the_new_lists_would_add_and_drop() {
    let mut office = opened(STREETS);
    change(&mut office, |data| {
        founded(data, "D3");
        merged(data, "D1");
    });
    tell(&mut office);
    assert_eq!(differs(&office), (vec!["st/D3"], vec!["st/D2", "q/D2@2026-Q1"]));
    let follows =
        STREETS.replacen("    empty: skip\n", "    empty: skip\n    follow: directory\n", 1);
    office.migrate(program(&follows, "", ""), &[]).expect("migrated");
    assert_eq!(differs(&office), (vec![], vec!["q/D2@2026-Q1"]), "the first one follows now");
    assert_eq!(
        (office.status("st/D3"), office.status("st/D2")),
        (Status::Ready, Status::Cancelled)
    );
}

#[test]
fn rule_36_what_was_handed_over_is_settled_also_when_the_merger_is_undone() {
    let mut office = opened(STREETS);
    office.advance(at("2026-02-10", 10));
    change(&mut office, |data| merged(data, "D1"));
    tell(&mut office);
    office.act("s1", hand("st/D2", None)).unwrap();
    change(&mut office, |data| *data = directory().data().clone());
    tell(&mut office);
    let needs = |office: &Office| {
        let item = office.item("st/D2");
        item.attention.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert!(!needs(&office).contains(&AttentionKind::UnitGone), "{:?}", needs(&office));
    office.assert_replays();
}
