//! A return goes where it is meant: rule 25, by the dated scenarios.

mod support;

use duban_core::{
    Act, Actor, ItemKey, Refusal, ReturnChoice, Status, available_moves, return_choice,
};
use serde_json::json;
use support::{Office, accept, submit};

/// Streets report, the district sums up, the city reviews.
fn district(each: &str, reviewer: &str) -> Office {
    Office::open(&format!(
        "
tasks:
  a:
    title: 街道报送
    each: {{ street: unit.below(\"street\") }}
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
    due: 2022-12-31
  b:
    title: 汇总
    needs: [a]
    {each}
    owner: unit.post(\"组织部长\")
    reviewer: {reviewer}
    due: 2022-12-31
"
    ))
}

const TWO: &str =
    "{ all: ['org(\"组织部\").post(\"部长\")', 'org(\"市\").post(\"书记\")'], on_refuse: a }";

fn done(office: &mut Office, owner: &str, key: &str) {
    office.act(owner, submit(key)).expect("taken");
    office.act("d1", accept(key)).expect("taken");
}

fn back(key: &str, upstream: &[&str]) -> Act {
    Act::Return {
        item: key.into(),
        reason: "数字不对".to_owned(),
        upstream: upstream.iter().map(|key| (*key).into()).collect(),
        due: None,
    }
}

fn choice(office: &Office, key: &str) -> ReturnChoice {
    return_choice(&office.case, &key.into(), office.env.program.definition())
}

fn keys(keys: &[&str]) -> Vec<ItemKey> {
    keys.iter().map(|key| (*key).into()).collect()
}

fn statuses(office: &Office, keys: &[&str]) -> Vec<Status> {
    keys.iter().map(|key| office.status(key)).collect()
}

#[test]
fn rule_25_among_several_the_reviewer_names_one_or_more() {
    for named in [&["a/D1"][..], &["a/D2"], &["a/D2", "a/D1", "a/D2"]] {
        let mut office = district("", TWO);
        done(&mut office, "x1", "a/D1");
        done(&mut office, "x2", "a/D2");
        office.act("d2", submit("b")).unwrap();
        assert_eq!(choice(&office, "b").may, keys(&["a/D1", "a/D2"]));
        assert!(choice(&office, "b").must_name());
        let refused = office.act("b1", back("b", &[])).unwrap_err();
        assert_eq!(refused.code(), "DB2030");
        assert!(refused.to_string().contains("a/D1、a/D2"), "{refused}");
        assert!(refused.zh().contains("a/D1、a/D2"), "{}", refused.zh());
        // It is offered all the same: with another content it would be taken.
        let offered =
            available_moves(&office.case, Some(&"b".into()), &[Actor::person("b1")], &office.env);
        assert!(offered.iter().any(|one| one.kind.name() == "return"));
        office.act("b1", back("b", named)).unwrap();
        for key in ["a/D1", "a/D2"] {
            let is_named = named.contains(&key);
            let expected = if is_named { Status::Active } else { Status::Done };
            assert_eq!(office.status(key), expected, "{named:?} {key}");
            assert_eq!(office.item(key).attempt, if is_named { 2 } else { 1 });
        }
        assert_eq!(office.status("b"), Status::Waiting);
        office.assert_replays();
    }
}

#[test]
fn rule_25_s51_where_one_was_skipped_it_is_the_other_and_where_none_is_there_the_item_in_hand() {
    let skip = |key: &str| Act::Skip { item: key.into(), reason: "本年不报".to_owned() };
    for (gone, left, owner) in [("a/D1", "a/D2", "x2"), ("a/D2", "a/D1", "x1")] {
        let mut office = district("", TWO);
        office.act("s1", skip(gone)).unwrap();
        done(&mut office, owner, left);
        office.act("d2", submit("b")).unwrap();
        assert_eq!(choice(&office, "b").meant, keys(&[left]));
        office.act("c1", back("b", &[])).unwrap();
        assert_eq!(
            statuses(&office, &[gone, left, "b"]),
            [Status::Skipped, Status::Active, Status::Waiting]
        );
    }
    let mut office = district("each: { street: unit.below(\"street\") }", TWO);
    office.act("s1", skip("a/D1")).unwrap();
    done(&mut office, "x2", "a/D2");
    office.act("s1", skip("b/D2")).unwrap();
    // b/D1 was skipped with what it needs.
    assert_eq!(office.status("b/D1"), Status::Skipped);

    // Nothing done is there: the item in hand.
    let mut office = Office::open(
        "
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none }
  z: { title: 丙, owner: unit.post(\"书记\"), reviewer: none }
  b:
    title: 乙
    needs: [a, z]
    owner: unit.post(\"组织部长\")
    reviewer: { any: 'org(\"市\").post(\"书记\")', on_refuse: a }
",
    );
    office.act("s1", skip("a")).unwrap();
    office.act("d1", submit("z")).unwrap();
    office.act("d2", submit("b")).unwrap();
    office.act("c1", back("b", &[])).unwrap();
    assert_eq!(
        statuses(&office, &["a", "z", "b"]),
        [Status::Skipped, Status::Done, Status::Active]
    );
}

#[test]
fn rule_25_on_all_shared_axes_it_is_the_one() {
    let mut office = district("each: { street: unit.below(\"street\") }", TWO);
    done(&mut office, "x1", "a/D1");
    done(&mut office, "x2", "a/D2");
    office.act("d2", submit("b/D1")).unwrap();
    office.act("d2", submit("b/D2")).unwrap();
    assert_eq!(
        choice(&office, "b/D2"),
        ReturnChoice { may: keys(&["a/D2"]), meant: keys(&["a/D2"]) }
    );
    // What another rests on cannot be named.
    let refused = office.act("b1", back("b/D2", &["a/D1"]));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{refused:?}");
    office.act("b1", back("b/D2", &[])).unwrap();
    let found = statuses(&office, &["a/D1", "a/D2", "b/D1", "b/D2"]);
    assert_eq!(found, [Status::Done, Status::Active, Status::Submitted, Status::Waiting]);
}

#[test]
fn rule_25_s50_several_share_the_axes_in_hand() {
    let mut office = Office::open(
        "
params: { kinds: [道路, 绿化] }
tasks:
  a:
    title: 分项
    each: { street: unit.below(\"street\"), kind: params.kinds }
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
  m: { title: 汇总, needs: [a], owner: unit.post(\"书记\"), reviewer: none }
  b:
    title: 核定
    each: { street: unit.below(\"street\") }
    needs: [m]
    owner: unit.post(\"组织部长\")
    reviewer: { steps: 'org(\"市\").post(\"书记\")', on_refuse: a }
",
    );
    for (owner, street) in [("x1", "D1"), ("x2", "D2")] {
        for kind in ["道路", "绿化"] {
            done(&mut office, owner, &format!("a/{street}/{kind}"));
        }
    }
    office.act("d1", submit("m")).unwrap();
    office.act("d2", submit("b/D2")).unwrap();
    let choice = choice(&office, "b/D2");
    assert_eq!(choice.meant, keys(&["a/D2/绿化", "a/D2/道路"]));
    // All that it rests on may be named, also what lies between.
    assert_eq!(choice.may.len(), 5);
    assert_eq!(office.act("c1", back("b/D2", &[])).unwrap_err().code(), "DB2030");
    // One that rests on another of those named waits for it.
    office.act("c1", back("b/D2", &["a/D2/绿化", "m"])).unwrap();
    assert_eq!(
        statuses(&office, &["a/D2/绿化", "a/D2/道路", "a/D1/道路", "m", "b/D2"]),
        [Status::Active, Status::Done, Status::Done, Status::Waiting, Status::Waiting]
    );
}

#[test]
fn rule_25_a_need_that_says_which_item_means_that_one() {
    let mut office = Office::open(
        "
tasks:
  a:
    title: 甲
    each: { street: unit.below(\"street\") }
    owner: item.street.post(\"书记\")
    reviewer: unit.post(\"书记\")
  b:
    title: 乙
    needs: { a: 'unit.below(\"street\")[1]' }
    owner: unit.post(\"组织部长\")
    reviewer: { all: 'org(\"市\").post(\"书记\")', on_refuse: a }
",
    );
    done(&mut office, "x1", "a/D1");
    done(&mut office, "x2", "a/D2");
    office.act("d2", submit("b")).unwrap();
    assert_eq!(choice(&office, "b"), ReturnChoice { may: keys(&["a/D2"]), meant: keys(&["a/D2"]) });
    office.act("c1", back("b", &[])).unwrap();
    assert_eq!(statuses(&office, &["a/D1", "a/D2"]), [Status::Done, Status::Active]);
}

#[test]
fn rule_25_what_nobody_did_is_no_place_to_return_to() {
    let mut office = Office::open_with(
        "
tasks:
  a: { title: 计算, run: nothing }
  m: { title: 甲, needs: [a], owner: unit.post(\"书记\"), reviewer: none }
  b: { title: 乙, needs: [m], owner: unit.post(\"组织部长\"), reviewer: 'org(\"市\").post(\"书记\")' }
",
        "fn nothing(task) { }",
        "",
    );
    office.act("d1", submit("m")).unwrap();
    office.act("d2", submit("b")).unwrap();
    assert_eq!(choice(&office, "b"), ReturnChoice { may: keys(&["m"]), meant: Vec::new() });
    let refused = office.act("c1", back("b", &["a"]));
    assert!(matches!(refused, Err(Refusal::Unsuitable { .. })), "{refused:?}");
    // Without `on_refuse` and a name it is the item in hand, also where that one is named.
    office.act("c1", back("b", &["b"])).unwrap();
    assert_eq!(statuses(&office, &["m", "b"]), [Status::Done, Status::Active]);
}

#[test]
fn rule_23_s47_a_quorum_returns_to_what_all_refusals_name_else_to_the_owner() {
    const QUORUM: &str = "{ of: ['org(\"组织部\").post(\"部长\")', 'org(\"市\").post(\"书记\")', \
         'org(\"组织部\").post(\"干事\")'], at_least: 2, refusals: 2 }";
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (&["a/D1"], &[], &["b"]),
        (&["a/D1"], &["a/D1"], &["a/D1"]),
        (&["a/D1", "a/D2"], &["a/D2"], &["a/D2"]),
        (&["a/D1"], &["a/D2"], &["b"]),
    ];
    for (one, two, expected) in cases {
        let mut office = district("", QUORUM);
        done(&mut office, "x1", "a/D1");
        done(&mut office, "x2", "a/D2");
        office.act("d2", submit("b")).unwrap();
        office.act("b1", back("b", one)).unwrap();
        assert_eq!(office.status("b"), Status::Submitted);
        office.act("c1", back("b", two)).unwrap();
        for key in ["a/D1", "a/D2", "b"] {
            let returned = office.status(key) == Status::Active;
            assert_eq!(returned, expected.contains(&key), "{one:?} {two:?}: {key}");
        }
        office.assert_replays();
    }
}

#[test]
fn rule_25_json_takes_none_one_or_several() {
    let read = |upstream: serde_json::Value| -> Act {
        let text = json!({ "return": { "item": "b", "reason": "数字不对", "upstream": upstream } });
        serde_json::from_value(text).unwrap()
    };
    assert_eq!(read(json!(null)), back("b", &[]));
    assert_eq!(read(json!("a/D1")), back("b", &["a/D1"]));
    assert_eq!(read(json!(["a/D1", "a/D2"])), back("b", &["a/D1", "a/D2"]));
    let left_out = json!({ "return": { "item": "b", "reason": "数字不对" } });
    assert_eq!(serde_json::from_value::<Act>(left_out).unwrap(), back("b", &[]));
    // What was written before is written so still: a repeated request is known by it.
    let written = serde_json::to_value(back("b", &["a/D1"])).unwrap();
    assert_eq!(written["return"]["upstream"], json!("a/D1"));
    let written = serde_json::to_value(back("b", &[])).unwrap();
    assert_eq!(written["return"]["upstream"], json!(null));
}

#[test]
fn rule_25_what_many_items_rest_on_is_named_once() {
    let lists: Vec<String> = (0..3_000).map(|number| format!("t{number}")).collect();
    let mut office = Office::open(&format!(
        "
params: {{ many: [{}] }}
tasks:
  p: {{ title: 总, owner: unit.post(\"书记\"), reviewer: none, ladder: none }}
  a: {{ title: 甲, needs: [p], each: {{ one: params.many }}, owner: unit.post(\"书记\"), reviewer: none, ladder: none }}
  b: {{ title: 乙, needs: {{ a: 1 }}, owner: unit.post(\"组织部长\"), reviewer: 'org(\"市\").post(\"书记\")', ladder: none }}
",
        lists.join(", ")
    ));
    office.act("d1", submit("p")).unwrap();
    office.act("d1", submit("a/t7")).unwrap();
    office.act("d2", submit("b")).unwrap();
    assert_eq!(choice(&office, "b").may, keys(&["p", "a/t7"]));
}
