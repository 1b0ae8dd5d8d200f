//! Damaged files: what is said, where, and that the remedy is the right one.

use super::{LIBRARY, SUITE, definition, load, sources};
use std::collections::BTreeMap;

use crate::directory::{
    Assignee, Directory, DirectoryData, DirectoryError, Person, Post, UNIT_DEPTH_MAX, Unit,
};
use crate::ids::{PersonId, UnitId};
use crate::load_suite;
use crate::problem::Problem;

/// Every problem of the suite with this workflow in it, with its help.
fn said(workflow: &str) -> Vec<String> {
    said_of(SUITE, workflow)
}

fn said_of(suite: &str, workflow: &str) -> Vec<String> {
    let mut files = sources(&[workflow]);
    files.insert("suite.yaml".to_owned(), suite.to_owned());
    load(&files).problems.iter().map(Problem::to_string).collect()
}

/// A workflow of one task with these lines in it.
fn task(lines: &str) -> String {
    format!("id: w\ntitle: 甲\ncases: x\ntasks:\n  a:\n    title: 乙\n    owner: unit\n{lines}")
}

#[test]
fn dates_in_other_forms_are_shown_in_the_right_one() {
    for written in ["2022/6/30", "2022年6月30日", "2022.6.30", "２０２２-６-30"] {
        let found = said(&task(&format!("    plan: {{ {written}: 60 }}\n")));
        let expected = format!(
            "w0.yaml:8:13: 错误 DB1015: `{written}` 不是 1900 至 2200 年的日期（日期写成 2022-06-30）"
        );
        assert_eq!(found, [expected]);
    }
    let far = said(&task("    plan: { 2843-06-30: 60 }\n"));
    assert_eq!(
        far,
        [
            "w0.yaml:8:13: 错误 DB1015: `2843-06-30` 不是 1900 至 2200 年的日期（日期写成 2022-12-31）"
        ]
    );
    let suite = SUITE.replace("share: 0.7", "latest: 2022-02-30");
    let found = said_of(&suite, &task(""));
    assert_eq!(
        found,
        [
            "suite.yaml:9:43: 错误 DB1015: `2022-02-30` 不是 1900 至 2200 年的日期（日期写成 2022-12-31）"
        ]
    );
}

/// Problems of these files beside a sound suite, with their help.
fn beside(suite: &str, files: &[(&str, &str)]) -> Vec<String> {
    let mut all = sources(&[&task("")]);
    all.insert("suite.yaml".to_owned(), suite.to_owned());
    all.extend(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    load(&all).problems.iter().map(Problem::to_string).collect()
}

#[test]
fn a_file_that_cannot_be_read_is_told_once() {
    let obliged =
        format!("{SUITE}obligations: [{{ row: A2, text: 二 }}, {{ row: M25.5, text: 一 }}]\n");
    let broken = ("w9.yaml", "id: w9\ntitle：甲\nbasis: A2\n");
    let script = ("w9.rhai", "fn f() {}");
    let expected =
        "w9.yaml:2:6: 错误 DB1008: 这里用了全角标点，YAML 的分隔符要用半角（写成：title: 甲）";
    assert_eq!(beside(&obliged, &[broken, script]), [expected]);
    let calls =
        ("w8.yaml", "id: w8\ntitle: x\ncases: x\ntasks:\n  a: { title: x, workflow: w9 }\n");
    let whole = (
        "w9.yaml",
        "id: w9\ntitle: x\nbasis: A2\ncases: x\ntasks:\n  a: { title: x, owner: unit }\n",
    );
    assert_eq!(beside(&obliged, &[broken, calls]), [expected]);
    assert_eq!(beside(&obliged, &[whole, calls]), [""; 0], "the same without the fault");
    assert_eq!(beside(&obliged, &[]).len(), 1, "what nobody carries is told");

    // Without suite.yaml nobody knows ladders, levels and presets.
    let uses = (
        "w8.yaml",
        "id: w8\ntitle: x\ncases: x\ntasks:\n  a: { title: x, owner: unit, ladder: steep }\n",
    );
    let found = beside(&SUITE.replace("target_year: 2022", "target_year：2022"), &[uses]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("suite.yaml:5:12: 错误 DB1008"), "{found:?}");
}

#[test]
fn what_is_wrong_with_a_list_leaves_its_name_there() {
    let each = said(&task("    each: { 证: [食品经营许可（预包装食品）, 药品 许可, 单位] }\n"));
    let expected = "w0.yaml:8:16: 错误 DB1013: 这里应当是表达式，却是列表（以 `[` 开头的表达式要加引号：'[\"食品经营许可（预包装食品）\", \"药品 许可\", 单位]'；其中是文字的，里面再加引号：'[\"食品经营许可（预包装食品）\", \"药品 许可\", \"单位\"]'）";
    assert_eq!(each, [expected]);
    let loaded =
        load(&sources(&[&task("    each: { 证: [甲] }\n    form: { 数: nunber, 表: [x] }\n")]));
    let found = &loaded.draft.definitions.values().next().unwrap().workflow.tasks[0];
    assert_eq!((found.each[0].name.as_str(), found.each[0].over.source.as_str()), ("证", "[]"));
    assert_eq!(found.form.len(), 2);
    let plain = said(&task("    due: [now, owner.unit]\n"));
    assert!(plain[0].contains("以 `[` 开头的表达式要加引号：\"[now, owner.unit]\"；"), "{plain:?}");
}

#[test]
fn names_behind_full_width_commas_and_spaces_are_shown_apart() {
    let needs = said(&task("    needs: [发现，整改]\n"));
    let expected = "w0.yaml:8:13: 错误 DB1203: 措施 `w` 没有任务 `发现，整改`（几个名称之间用半角逗号：[发现, 整改]）";
    assert_eq!(needs, [expected]);
    let wide = said(&format!("{}　basis: \"M1\"\n", task("")));
    assert_eq!(
        wide,
        ["w0.yaml:8:1: 错误 DB1008: 这里用了全角标点或空格，YAML 要用半角（写成：basis）"]
    );
}

#[test]
fn absences_of_the_sample_directory_are_held_to_the_same_rules() {
    let directory = |stand_ins: &str| {
        let text = format!(
            "units:\n  - {{ id: u, name: 市, level: city }}\npeople:\n  - {{ id: p, name: 甲 }}\n  - {{ id: q, name: 乙 }}\nstand_ins:\n{stand_ins}"
        );
        beside(SUITE, &[("directory.yaml", &text)])
    };
    let own = directory("  - { absent: p, by: p, from: 2022-01-01, until: 2022-01-02 }\n");
    assert_eq!(own, ["directory.yaml:7:15: 错误 DB1312: 不能由本人代理本人"]);
    let around = "  - { absent: p, by: q, from: 2022-01-01, until: 2022-01-02 }\n  - { absent: q, by: p, from: 2022-01-02, until: 2022-01-03 }\n";
    assert!(directory(around)[0].starts_with("directory.yaml:8:15: 错误 DB1312"));
    let apart = around.replace("2022-01-02, until", "2022-01-03, until");
    assert_eq!(directory(&apart), [""; 0]);
}

/// A workflow of these tasks.
fn tasks(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("id: w\ntitle: 甲\ncases: x\nperiod: year\ntasks:\n{lines}")
}

#[test]
fn clocks_are_stopped_without_circles_and_by_what_has_a_date() {
    let a = "a: { title: 一, owner: unit, due: 2022-06-30, stops_clock: [b] }";
    let b = "b: { title: 二, owner: lead, due: 2022-06-30, stops_clock: [c] }";
    let c = "c: { title: 三, owner: unit, due: 2022-06-30, stops_clock: [a] }";
    let open = "c: { title: 三, owner: with, due: 2022-06-30 }";
    assert_eq!(said(&tasks(&[a, b, open])), [""; 0]);
    let circle = said(&tasks(&[a, b, c]));
    assert!(circle[0].contains("DB1223: 任务互相停住时限：a → b → c → a"), "{circle:?}");
    assert!(circle[0].contains("去掉其中一个 stops_clock"), "{circle:?}");
    let undated = said(&tasks(&["a: { title: 一, owner: unit, stops_clock: [c] }", open]));
    let expected = "w0.yaml:6:3: 错误 DB1224: `a` 停住别的任务的时限，自己却没有期限（写上 due，或去掉 stops_clock）";
    assert_eq!(undated, [expected]);
    let duty = "a: { title: 一, owner: unit, every: month, stops_clock: [c] }";
    assert_eq!(said(&tasks(&[duty, open])), [""; 0], "a window has an end");
    let script = "a: { title: 一, run: f, stops_clock: [c] }";
    assert_eq!(said(&tasks(&[script, open])), [""; 0], "a script is done at once");
    let same = said(&tasks(&[a, "b: { title: 二, owner: ' unit ', due: 2022-06-30 }"]));
    assert_eq!(same.len(), 1, "{same:?}");
    assert!(same[0].starts_with("w0.yaml:6:3: 警告 DB1225: `a` 停住 `b` 的时限"), "{same:?}");
}

#[test]
fn a_return_that_could_mean_several_items_is_told_beforehand() {
    let plan = |each: &str| format!("plan: {{ title: 一, owner: unit, {each} }}");
    let review = |each: &str| {
        format!("review: {{ title: 二, owner: unit, {each}, needs: [plan], on_refuse: plan }}")
    };
    let found = |a: &str, b: &str| said(&tasks(&[&plan(a), &review(b)]));
    assert_eq!(found("each: { v: x }", "each: { v: x }"), [""; 0]);
    assert_eq!(found("each: { v: x }", "each: { v: x, k: y }"), [""; 0]);
    assert_eq!(found("once: true", "each: { v: x }"), [""; 0]);
    let several = found("each: { v: x, k: y }", "each: { v: x }");
    assert_eq!(several.len(), 1, "{several:?}");
    assert!(
        several[0].contains("警告 DB1231: `review` 退回到 `plan` 时可能对应多项"),
        "{several:?}"
    );
    assert!(several[0].contains("它按 `k` 分条目"), "{several:?}");
    assert!(found("every: month", "each: { v: x }")[0].contains("它每个周期一项"));
}

#[test]
fn rungs_have_names_of_their_own_and_equals_are_told() {
    let ladder = |rungs: &str| {
        let rungs: String = rungs.lines().map(|rung| format!("    - {{ {rung} }}\n")).collect();
        format!(
            "id: w\ntitle: 甲\ncases: x\nladders:\n  steep:\n{rungs}tasks:\n  a: {{ title: 乙, owner: unit, ladder: steep }}\n"
        )
    };
    let named =
        definition(&ladder("id: 提前三日, at: due, do: remind\nid: x-2, at: now, do: remind"));
    let ids: Vec<_> = named.ladders["steep"].rungs.iter().map(|rung| rung.id.as_deref()).collect();
    assert_eq!(ids, [Some("提前三日"), Some("x-2")]);
    assert!(named.ladders["steep"].rungs[0].words.is_empty());
    let equal = said(&ladder(
        "at: due - days(3), do: remind, to: [owner]\nstalled: true, do: remind\nat: due, do: remind, to: [owner]\nat: now, do: remind, to: owner",
    ));
    let expected = "w0.yaml:8:7: 警告 DB1222: 第 1、3、4 级只有时间不同，换新版时按先后对应，增删一级就会错位（给每一级写一个 id，例如 id: 提前三天）";
    assert_eq!(equal, [expected]);
    for different in [
        "do: press",
        "do: remind, slip: red",
        "do: remind, to: unit",
        "do: remind, within: days(3)",
        "do: remind, id: 一",
    ] {
        let found = said(&ladder(&format!("at: due, do: remind\nat: now, {different}")));
        assert_eq!(found, [""; 0], "{different}");
    }
    let twice = said(&ladder("id: a, at: due, do: remind\nid: a, stalled: true, do: press"));
    assert_eq!(twice, ["w0.yaml:7:7: 错误 DB1213: 这个阶梯里已有梯级叫 `a`（换一个 id）"]);
    let bad = said(&ladder("id: a b, at: due, do: remind"));
    assert!(bad[0].contains("DB1201") && bad[0].contains("不能作梯级的 id"), "{bad:?}");
}

#[test]
fn a_rung_without_a_name_is_stored_as_before() {
    let suite = definition("id: w\ntitle: 甲\ncases: x\ntasks:\n  a: { title: 乙, owner: unit }\n");
    let stored = serde_json::to_value(&suite.ladders["standard"]).unwrap();
    assert!(stored["rungs"][0].get("id").is_none(), "its hash stays");
    let read: crate::Ladder = serde_json::from_value(stored).unwrap();
    assert_eq!(read, suite.ladders["standard"]);
}

#[test]
fn a_suite_has_an_id_that_a_link_and_a_file_can_carry() {
    for good in ["jinan", "要点-2027", "2027_Q1"] {
        assert!(load_suite(good, &sources(&[]), &LIBRARY).problems.is_empty(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "a b", "\0", "<script>", "-a", "a.b", &"长".repeat(65)] {
        let loaded = load_suite(bad, &sources(&[]), &LIBRARY);
        assert!(loaded.suite.is_none(), "{bad:?}");
        assert_eq!(loaded.problems[0].code, "DB1019", "{bad:?}");
    }
}

/// What is done to a directory with a text.
type Damage = fn(&mut DirectoryData, &str);

#[test]
fn a_directory_has_ids_and_names_that_can_be_shown() {
    let good = || DirectoryData {
        units: vec![Unit {
            id: "3701".into(),
            name: "市委办".to_owned(),
            level: "city".to_owned(),
            superior: None,
            tags: Vec::new(),
            since: None,
            predecessors: Vec::new(),
        }],
        posts: vec![Post {
            unit: "3701".into(),
            name: "书记（兼）".to_owned(),
            holders: Vec::new(),
        }],
        people: vec![Person {
            id: "li.si@a.cn".into(),
            name: "李四".to_owned(),
            addresses: [("email".to_owned(), String::new())].into(),
        }],
        ..DirectoryData::default()
    };
    assert!(Directory::new(good()).is_ok());
    let long = "长".repeat(100_000);
    let damages: [(&str, Damage); 9] = [
        ("a\u{1b}[31m", |data, text| data.units[0].id = text.into()),
        ("\n", |data, text| text.clone_into(&mut data.units[0].name)),
        ("\u{202e}", |data, text| text.clone_into(&mut data.units[0].level)),
        ("a\rb", |data, text| data.units[0].tags.push(text.to_owned())),
        ("", |data, text| text.clone_into(&mut data.posts[0].name)),
        ("..", |data, text| data.people[0].id = text.into()),
        ("\u{0}", |data, text| text.clone_into(&mut data.people[0].name)),
        ("\u{7f}", |data, text| {
            drop(data.people[0].addresses.insert("sms".to_owned(), text.to_owned()))
        }),
        ("x y", |data, text| drop(data.former.units.insert(text.into(), "旧".to_owned()))),
    ];
    for (text, damage) in damages {
        for text in [text, &long] {
            let mut data = good();
            damage(&mut data, text);
            // The unit of the post is looked for only after the ids are.
            let error = Directory::new(data).unwrap_err();
            assert!(matches!(error, DirectoryError::Bad(_)), "{text:?}: {error}");
            for told in [error.to_string(), error.zh()] {
                assert!(told.chars().count() < 250 && !told.contains(char::is_control), "{told}");
            }
        }
    }
}

/// Units one below the other, the last of the list the root or the first, as `reverse` says.
fn tower(levels: usize, reverse: bool) -> DirectoryData {
    let unit = |at: usize| Unit {
        id: UnitId::new(format!("u{at}")),
        name: format!("单位{at}"),
        level: "any".to_owned(),
        superior: at.checked_sub(1).map(|above| UnitId::new(format!("u{above}"))),
        tags: Vec::new(),
        since: None,
        predecessors: Vec::new(),
    };
    let mut units: Vec<Unit> = (0..levels).map(unit).collect();
    if reverse {
        units.reverse();
    }
    DirectoryData { units, ..DirectoryData::default() }
}

#[test]
fn units_lie_only_so_deep() {
    for reverse in [false, true] {
        assert!(Directory::new(tower(UNIT_DEPTH_MAX, reverse)).is_ok());
        for levels in [UNIT_DEPTH_MAX + 1, 1_000, 100_000] {
            let error = Directory::new(tower(levels, reverse)).unwrap_err();
            assert_eq!(error.code(), "DB1314");
            assert!(error.to_string().contains("unit_depth_max"), "{error}");
            assert!(error.zh().contains("unit_depth_max"), "{}", error.zh());
        }
        // What has been taken before is read, and in time that grows with it alone.
        assert!(Directory::kept(tower(100_000, reverse)).is_ok());
        let mut round = tower(100_000, reverse);
        round.units.iter_mut().find(|unit| unit.superior.is_none()).unwrap().superior =
            Some("u99999".into());
        assert!(matches!(Directory::kept(round), Err(DirectoryError::Circle(_))));
    }
    let mut lost = tower(3, false);
    lost.units[0].superior = Some("none".into());
    assert_eq!(
        Directory::new(lost).unwrap_err(),
        DirectoryError::Unknown { what: "none".to_owned(), of: "u0".to_owned() }
    );
}

#[test]
fn wide_directories_are_taken_at_once() {
    let mut flat = tower(100_000, false);
    for unit in flat.units.iter_mut().skip(1) {
        unit.superior = Some("u0".into());
    }
    assert_eq!(Directory::new(flat).unwrap().children(&"u0".into()).count(), 99_999);
    let mut one = tower(1, false);
    for at in 0..20_000 {
        let id = PersonId::new(format!("p{at}"));
        one.people.push(Person {
            id: id.clone(),
            name: "某".to_owned(),
            addresses: BTreeMap::new(),
        });
        one.posts.push(Post { unit: "u0".into(), name: format!("岗{at}"), holders: vec![id] });
    }
    let directory = Directory::new(one.clone()).unwrap();
    assert_eq!(directory.holders(&Assignee::Unit("u0".into())).len(), 20_000);
    let twice = one.posts[7].clone();
    one.posts.push(twice);
    assert_eq!(Directory::new(one).unwrap_err(), DirectoryError::Duplicate("u0/岗7".to_owned()));
}

#[test]
fn a_directory_file_says_which_unit_lies_too_deep() {
    let mut text = "units:\n".to_owned();
    for unit in tower(UNIT_DEPTH_MAX + 1, false).units {
        let superior = unit.superior.map(|id| format!(", superior: {id}")).unwrap_or_default();
        text.push_str(&format!(
            "  - {{ id: {}, name: {}, level: city{superior} }}\n",
            unit.id, unit.name
        ));
    }
    let mut files =
        sources(&["id: w\ntitle: x\ncases: x\ntasks:\n  a: { title: 一, owner: unit }"]);
    files.insert("directory.yaml".to_owned(), text);
    let said: Vec<String> = load(&files).problems.iter().map(Problem::to_string).collect();
    let found = said.iter().find(|one| one.contains("DB1314")).unwrap();
    assert!(found.contains("directory.yaml:66:") && found.contains("unit_depth_max"), "{said:?}");
}

#[test]
fn a_join_of_more_than_there_is_names_the_place() {
    let workflow = |needs: &str, join: &str| {
        format!(
            "id: w\ntitle: x\ncases: x\ntasks:\n  a: {{ title: 一, owner: unit }}\n  \
             b: {{ title: 二, owner: unit }}\n  c: {{ title: 三, owner: unit, needs: {needs}, \
             join: {join} }}\n"
        )
    };
    for (needs, join) in
        [("[a, b]", "3"), ("[a, b]", "4294967295"), ("a", "2"), ("{ a: any }", "5")]
    {
        let said = said(&workflow(needs, join));
        let found = said.iter().find(|one| one.contains("DB1015")).unwrap();
        assert!(found.contains(&format!("`join: {join}`")) && found.contains(":7:"), "{said:?}");
    }
    for (needs, join) in [("[a, b]", "2"), ("[a, b]", "1"), ("a", "all"), ("[a, { b: 5 }]", "any")]
    {
        let said = said(&workflow(needs, join));
        assert!(!said.iter().any(|one| one.contains("DB1015")), "{said:?}");
    }
}
