//! Whole suites through the loader: what is read, and what is said about what is wrong.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use duban_calendar::WindowKind;

use crate::definition::{Definition, Fold, Join, Many, Reviewer, Script, TaskKind};
use crate::expressions::{ExprRole, expressions};
use crate::ladder::{LightPolicy, Trigger};
use crate::load::load_suite;
use crate::problem::Problem;
use crate::read::Sources;
use crate::suite::{Library, Loaded};
use crate::{CODES, LoadLimits, graph, is_identifier, load_calendar, load_suite_within};

mod damage;

const CN: &str = include_str!("../../../workflows/calendars/cn.yaml");

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library {
    scripts: vec![Script {
        file: "lib/standard.rhai".to_owned(),
        source: "fn remind(task) {}".to_owned(),
    }],
    calendars: BTreeMap::from([("cn".to_owned(), load_calendar("cn.yaml", CN).unwrap())]),
});

const SUITE: &str = r#"
title: 关于提升城市基层党建工作质量的若干措施
issuer: 中共济南市委办公厅
date: 2021-12-13
target_year: 2022
levels:
  - city: 市
  - { district: 区县, street: 街道 }
params: { four_lists: [发展党员, 覆盖], share: 0.7, count: 3 }
supervision: org("市委组织部")
administrator: org("市委组织部").post("管理员")
lights: { preset: 银川, yellow_workdays_before: 5, red_points_behind: none }
presets:
  mechanism:
    tasks:
      setup: { title: "{title}：建立", owner: unit, due: period.start + workdays(60) }
      runs: { title: "{title}：运行", needs: [setup], owner: unit, every: half-year }
  by_district: { owner: unit, form: { a: text, b: { type: number } } }
ladders:
  standard:
    basis: "M25.5"
    rungs:
      - { at: due - workdays(10), do: remind, to: owner }
      - { at: due + workdays(5), do: supervise, slip: yellow, to: [owner, owner.superior] }
      - { at: due + workdays(20), do: interview, rectify_within: workdays(20) }
      - { after: interview.unrectified, do: refer }
      - { stalled: true, do: press }
      - { behind: 10, for: workdays(20), do: press }
      - { every: workdays(5), after: due, do: remind }
  duty:
    - { at: 2022-06-01, do: remind }
scoring:
  - { id: late, on: done_late, points: -1.5, cap: 10 }
"#;

const DUTY: &str = r#"
id: m23-duty-performance
title: 完善分级负责、协调联动的履职机制
basis: "M23"
lead: org("市委组织部")
with: org("市直有关部门")
cases: districts()               # one case for each
period: year
renew: auto

tasks:
  study:
    title: 书记专题研究城市基层党建工作
    basis: "M23.1"
    each: { body: unit.with("street") }
    every: half-year
    at_least: 1
    owner: item.body.post("书记")
    in_person: true
    reviewer: item.body.superior
    evidence: [会议纪要]
    form:
      held_on: { type: date, title: 研究日期, required: true }
      topics:  { type: text, title: 议题 }
    counts: form.held_on in window
    grace: workdays(5)
    ladder: duty
    hooks: { missed: study_missed }
  project:
    title: 领办重点项目
    each: { body: unit.with("street") }
    owner: item.body.post("书记")
    due: period.start + workdays(40)
    form: { name: { type: text, title: 项目名称, required: true } }
  deliver:
    title: 重点项目完成
    needs: [project]
    each: { body: unit.with("street") }
    owner: item.body.post("书记")
    reviewer: lead
    due: 2022-12-30
    assumed: [due]
    report: month
    stall: workdays(30)
    plan: { 2022-03-31: 30, 2022-06-30: 60 }
"#;

fn sources(workflows: &[&str]) -> Sources {
    let mut sources = Sources::from([("suite.yaml".to_owned(), SUITE.to_owned())]);
    for (at, text) in workflows.iter().enumerate() {
        sources.insert(format!("w{at}.yaml"), (*text).to_owned());
    }
    sources
}

fn load(sources: &Sources) -> Loaded {
    load_suite("jinan", sources, &LIBRARY)
}

/// Problems as people read them, one a line, without help.
fn lines(problems: &[Problem]) -> String {
    let line = |found: &Problem| {
        let at = &found.place;
        format!("{}:{}:{} {} {}", at.file, at.line, at.column, found.code, found.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn definition(text: &str) -> Definition {
    let loaded = load(&sources(&[text]));
    assert_eq!(lines(&loaded.problems), "");
    let suite = loaded.suite.unwrap();
    Definition::clone(suite.definitions.values().next().unwrap())
}

#[test]
fn the_workflow_of_the_handbook_loads() {
    let found = definition(DUTY);
    let study = &found.workflow.tasks[0];
    assert_eq!(study.every, Some(WindowKind::HalfYear));
    assert_eq!(study.each[0].over.source, "unit.with(\"street\")");
    assert_eq!(found.workflow.tasks[2].due.as_ref().unwrap().source, "date(\"2022-12-30\")");
    assert_eq!(found.workflow.tasks[1].ladder.as_deref(), Some("standard"));
    assert_eq!(found.ladders.keys().collect::<Vec<_>>(), ["duty", "standard"]);
    assert_eq!(found.suite.levels[2], ("street".to_owned(), "街道".to_owned()));
    assert_eq!(found.scoring[0].points, -150);
}

/// Loads one workflow whose tasks are `tasks`, and compares what is said about it. Each line of
/// `expected` is `line:column code`, the line counted from the first of the tasks.
#[track_caller]
fn check(tasks: &str, expected: &str) {
    check_with("cases: districts()\nperiod: year", tasks, expected);
}

/// The same with other keys of the workflow.
#[track_caller]
fn check_with(head: &str, tasks: &str, expected: &str) {
    let head = format!("id: w\ntitle: 措施\n{head}\ntasks:\n");
    let above = head.lines().count();
    let tasks: String =
        tasks.trim_matches('\n').lines().map(|line| format!("  {line}\n")).collect();
    let loaded = load(&sources(&[&format!("{head}{tasks}")]));
    let found: Vec<String> = loaded
        .problems
        .iter()
        .map(|found| {
            let at = &found.place;
            let line = i64::try_from(at.line).unwrap() - i64::try_from(above).unwrap();
            let file = if at.file == "w0.yaml" { String::new() } else { format!("{} ", at.file) };
            format!("{file}{line}:{} {}", at.column, found.code)
        })
        .collect();
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found.join("; "), expected, "\n{}\n{tasks}", said.join("\n"));
}

/// A task that is in order, with more keys.
fn task(id: &str, more: &str) -> String {
    format!("{id}: {{ title: 任务, owner: unit, {more} }}\n")
}

#[test]
fn names_must_be_readable_by_scripts() {
    check(&task("a", ""), "");
    check(&task("match", ""), "1:3 DB1201");
    check(&task("a-b", ""), "1:3 DB1201");
    check(&task("任务一", ""), "");
    check(&task("a", "form: { default: text }"), "1:40 DB1201");
    check(&task("a", "each: { 1x: units(1) }"), "1:40 DB1201");
    assert!(is_identifier("书记") && !is_identifier("case") && !is_identifier("_1"));
}

#[test]
fn keys_are_known_filled_and_of_their_type() {
    check(&task("a", "ower: x"), "1:32 DB1011");
    check("a: { owner: unit }", "1:6 DB1012");
    check(&task("a", "due:"), "1:32 DB1007");
    check("a:\n  title: x\n  owner: unit\n  when: >3\n", "4:5 DB1007");
    check("a:\n  title: x\n  owner: unit\n  when: !x\n", "4:11 DB1002");
    check(&task("a", "once: yes"), "1:38 DB1014");
    check(&task("a", "every: fortnight"), "1:39 DB1014");
    check(&task("a", "roll: sideways, due: x"), "1:38 DB1014");
    check(&task("a", "due: [x]"), "1:37 DB1013");
    check(&task("a", "due: 2022-02-30"), "1:37 DB1015");
    check(&task("a", "plan: { 2022-06-30: 60, 2022-03-31: 70 }"), "1:56 DB1015");
    check(&task("a", "plan: { 2022-06-30: 160 }"), "1:52 DB1015");
    check("- a\n", "1:3 DB1013");
}

#[test]
fn expressions_are_balanced_and_half_width() {
    check(&task("a", "when: min(due, now)"), "1:41 DB1009; 1:47 DB1010");
    check(&task("a", "when: \"(a]\""), "1:41 DB1009");
    check(&task("a", "when: org（x）"), "1:38 DB1008");
    check(&task("a", "when: x，y"), "1:38 DB1008");
    check("a：{ title: x }\n", "1:3 DB1008; 1:14 DB1013");
}

#[test]
fn what_is_named_must_be_there() {
    let with = |more: &str| task("aa", "") + &task("bb", more);
    check(&with("needs: [ab]"), "2:41 DB1203");
    check(&with("needs: [aa]"), "");
    check(&with("needs: [aa, { aa: any }]"), "2:47 DB1213");
    check(&with("needs: [other/aa]"), "2:41 DB1204");
    check(&with("stops_clock: [x], due: now"), "2:47 DB1203");
    check(&with("stops_clock: [bb], due: now"), "2:47 DB1220");
    check(&with("on_refuse: aa"), "2:44 DB1220");
    check(&with("needs: aa, on_refuse: aa"), "");
    check(&with("reviewer: { all: [x, y], on_refuse: aa }, needs: aa"), "");
    check(&with("indicator: { value: 1, target: 2, from: { task: x } }"), "2:81 DB1203");
    check(&with("ladder: steep"), "2:41 DB1209");
    check(&with("ladder: none"), "");
    check("a: { title: x, workflow: other }", "1:28 DB1204");
}

#[test]
fn tasks_that_wait_for_each_other_are_printed_as_a_circle() {
    let tasks = task("a", "needs: [c]") + &task("b", "needs: [a]") + &task("c", "needs: [b]");
    check(&tasks, "1:3 DB1205");
    check(&(tasks.clone() + &task("d", "needs: [c]")), "1:3 DB1205; 4:3 DB1207");
    check(&task("a", "needs: [a]"), "1:3 DB1205");
    check("a: { title: x, workflow: w }", "1:3 DB1206");
    let found =
        load(&sources(&[&format!("id: w\ntitle: x\ncases: x\ntasks:\n{}", indented(&tasks))]));
    assert_eq!(found.problems[0].message, "任务互相等待：a → b → c → a");
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[test]
fn circles_run_across_workflows_only_where_tasks_do() {
    let workflow = |id: &str, first: &str, second: &str| {
        let tasks = indented(&(task("a", first) + &task("b", second)));
        format!("id: {id}\ntitle: x\ncases: x\ntasks:\n{tasks}")
    };
    let fine = [workflow("v", "", "needs: [w/a]"), workflow("w", "", "needs: [v/a]")];
    assert_eq!(lines(&load(&sources(&[&fine[0], &fine[1]])).problems), "");
    let stuck = [workflow("v", "needs: [w/a]", ""), workflow("w", "needs: [v/a]", "")];
    insta::assert_snapshot!(lines(&load(&sources(&[&stuck[0], &stuck[1]])).problems), @"w0.yaml:5:3 DB1206 不同措施的任务互相等待：v/a → w/a → v/a");
    let named = [workflow("v", "needs: [w/x]", ""), workflow("v", "", "")];
    insta::assert_snapshot!(lines(&load(&sources(&[&named[0], &named[1]])).problems), @r#"
    w0.yaml:5:40 DB1204 文件没有措施 `w`
    w1.yaml:1:5 DB1106 措施 `v` 重复
    "#);
}

#[test]
fn people_are_named_once_and_never_judge_themselves() {
    check("a: { title: x }", "1:3 DB1211");
    check("a: { title: x, run: f, owner: unit }", "1:26 DB1212");
    check("a: { title: x, run: f, reviewer: unit }", "1:6 DB1212");
    check("a: { title: x, run: f }", "");
    check("a: { title: x, run: f, workflow: w }", "1:23 DB1219");
    check(&task("a", "reviewer: unit"), "1:42 DB1210");
    check(&task("a", "reviewer: { steps: [lead, unit] }"), "1:58 DB1210");
    check(&task("a", "reviewer: { all: [x], any: y }"), "1:42 DB1219");
    check(&task("a", "reviewer: { all: [] }"), "1:49 DB1012");
    check(&task("a", "reviewer: { of: [], at_least: 1 }"), "1:48 DB1012");
    check(&task("a", "reviewer: owner.superior"), "");
}

#[test]
fn duties_have_windows_inside_the_period() {
    check(&task("a", "every: month, at_least: 2, counts: x, grace: workdays(5)"), "");
    check(&task("a", "every: year"), "1:32 DB1208");
    check(&task("a", "every: month, at_least: 0"), "1:56 DB1015");
    check(&task("a", "at_least: 1"), "1:32 DB1217");
    check(&task("a", "grace: days(1)"), "1:32 DB1217");
    check(&task("a", "counts: x"), "1:32 DB1217");
    check(&task("a", "key: x"), "1:32 DB1217");
    check(&task("a", "empty: skip"), "1:32 DB1217");
    check(&task("a", "reviewer: none, review_within: days(1)"), "1:48 DB1217");
    check_with("cases: x", &task("a", "every: month"), "1:32 DB1217");
    check_with("cases: x", &task("a", "once: true"), "1:32 DB1217");
    check_with("cases: x\nrenew: auto", &task("a", ""), "-1:1 DB1217");
    check_with("period: year", &task("a", ""), "-3:1 DB1012");
}

#[test]
fn dates_follow_each_other_and_fall_on_working_days() {
    let two = |first: &str, second: &str| {
        task("a", &format!("due: {first}")) + &task("b", &format!("needs: [a], due: {second}"))
    };
    check(&two("2022-06-30", "2022-09-30"), "");
    check(&two("2022-09-30", "2022-06-30"), "2:49 DB1215");
    check(&task("a", "due: 2022-10-01"), "1:37 DB1221");
    check(&task("a", "due: 2022-10-01, roll: forward"), "");
    check(&task("a", "due: 2022-10-08"), "");
    let found = load(&sources(&[&format!(
        "id: w\ntitle: x\ncases: x\ntasks:\n{}",
        indented(&task("a", "due: 2022-10-01"))
    )]));
    insta::assert_snapshot!(found.problems[0], @"w0.yaml:5:37: 警告 DB1221: 期限 2022-10-01 不是工作日（下一个工作日是 2022-10-08；写 `roll: forward` 则自动顺延）");
    assert!(found.suite.is_some(), "a warning does not withdraw the suite");
}

#[test]
fn forms_indicators_and_lists_are_checked() {
    check(&task("a", "evidence: [x, x]"), "1:42 DB1213");
    check(&task("a", "form: { x: texts }"), "1:43 DB1014");
    check(&task("a", "form: { x: choice }"), "1:43 DB1012");
    check(&task("a", "form: { x: { type: choice, choices: [甲, 甲] } }"), "1:43 DB1213");
    check(&task("a", "form: { x: { type: table } }"), "1:43 DB1012");
    check(&task("a", "form: { x: { type: table, columns: { new: text } } }"), "1:69 DB1201");
    check(&task("a", "form: { x: { type: text, choices: [y] } }"), "1:66 DB1219");
    check(&task("a", "form: { x: { type: text, past: true } }"), "1:63 DB1219");
    check(&task("a", "form: { x: { type: date, past: maybe } }"), "1:63 DB1014");
    check(&task("a", "form: { x: { type: text, pattern: '[a' } }"), "1:66 DB1214");
    check(&task("a", "form: { x: { type: text, pattern: 'a)|(b' } }"), "1:66 DB1214");
    check(&task("a", "form: { x: { type: text, pattern: '((a{90}){90}){90}' } }"), "1:66 DB1214");
    check(&task("a", "indicator: { unit: '%' }"), "1:43 DB1012; 1:43 DB1012");
    check(&task("a", "assumed: [due]"), "1:42 DB1216");
    check(&task("a", "assumed: [due], due: x"), "");
    check(&task("a", "hooks: { late: f }"), "1:41 DB1014");
    check(&task("a", "each: units(1)"), "1:38 DB1013");
}

#[test]
fn rungs_have_one_trigger() {
    let rung = |rung: &str| format!("cases: x\nladders: {{ own: [{rung}] }}");
    let one = task("a", "ladder: own");
    check_with(&rung("{ at: due, do: f }"), &one, "");
    check_with(&rung("{ do: f }"), &one, "-1:18 DB1218");
    check_with(&rung("{ at: due, stalled: true, do: f }"), &one, "-1:18 DB1218");
    check_with(&rung("{ after: due, do: f }"), &one, "-1:18 DB1218");
    check_with(&rung("{ at: due, for: days(1), do: f }"), &one, "-1:18 DB1218");
    check_with(&rung("{ at: due }"), &one, "-1:18 DB1012");
    check_with(&rung("{ at: min(due, now), do: f }"), &one, "-1:27 DB1009; -1:33 DB1010");
}

#[test]
fn presets_merge_and_may_make_two_tasks() {
    let found = definition(
        r#"
id: w
title: 机制
cases: districts()
period: year
tasks:
  survey: { title: 调查, owner: unit }
  joint:
    extends: mechanism
    title: 联席会议
    needs: [survey]
    due: 2022-06-30
    assumed: [due, every]
    runs: { owner: lead, reviewer: unit }
  after: { extends: by_district, title: 后续, needs: [joint], form: { b: { required: true } } }
"#,
    );
    let tasks = &found.workflow.tasks;
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["survey", "joint_setup", "joint_runs", "after"]);
    assert_eq!(tasks[1].title, "联席会议：建立");
    assert_eq!(
        (tasks[1].needs[0].task.as_str(), tasks[2].needs[0].task.as_str()),
        ("survey", "joint_setup")
    );
    assert_eq!(
        (tasks[1].assumed.as_slice(), tasks[2].assumed.as_slice()),
        (&["due".to_owned()][..], &["every".to_owned()][..])
    );
    assert_eq!((tasks[1].due.is_some(), tasks[2].due.is_some()), (true, false));
    assert_eq!(tasks[2].owner.as_ref().unwrap().source, "lead");
    assert_eq!(tasks[3].needs[0].task.as_str(), "joint_runs");
    assert!(tasks[3].form[1].required && tasks[3].form.len() == 2);
    check(&task("a", "extends: mechanisms"), "1:41 DB1108");
    check(
        &(task("joint_runs", "") + "joint: { extends: mechanism, title: x, owner: unit }\n"),
        "2:3 DB1202",
    );
}

#[test]
fn every_form_of_needs_and_reviewers_is_read() {
    let found = definition(
        r#"
id: w
title: x
cases: x
tasks:
  a: { title: 一, owner: unit, reviewer: none }
  b: { title: 二, owner: unit, reviewer: { any: unit.members } }
  c:
    title: 三
    owner: unit
    needs: [{ a: any }, { b: 2 }]
    join: any
    reviewer: { steps: [lead, 'org("甲")'], on_refuse: a }
  d: { title: 四, owner: unit, needs: { c: item.street.superior, a: all }, join: 1 }
  e: { title: 五, run: tidy, needs: d }
  f: { title: 六, owner: unit, indicator: { value: form.x, target: 70, from: { task: d, use: avg } } }
"#,
    );
    let tasks = &found.workflow.tasks;
    assert_eq!(tasks[0].reviewer, Reviewer::None);
    assert!(matches!(&tasks[1].reviewer, Reviewer::Any(any) if any.len() == 1));
    assert_eq!(
        (tasks[2].needs[0].many, tasks[2].needs[1].many),
        (Many::AtLeast(1), Many::AtLeast(2))
    );
    assert_eq!(
        (tasks[2].join, tasks[2].on_refuse.as_ref().unwrap().as_str()),
        (Join::AtLeast(1), "a")
    );
    assert_eq!(tasks[3].needs[0].which.as_ref().unwrap().source, "item.street.superior");
    assert_eq!(tasks[4].kind, TaskKind::Automatic { run: "tidy".to_owned() });
    assert_eq!((tasks[4].ladder.clone(), tasks[4].reviewer.clone()), (None, Reviewer::None));
    let from = tasks[5].indicator.as_ref().unwrap().from.as_ref().unwrap();
    assert_eq!((from.task.as_str(), from.using), ("d", Fold::Avg));
    let edges = graph(&found.workflow);
    assert_eq!((edges.node_count(), edges.edge_count()), (6, 5));
    let needed: Vec<&str> = found.workflow.needed_by("a").map(|task| task.id.as_str()).collect();
    assert_eq!(needed, ["c", "d"]);
    assert_eq!(found.workflow.upstream("e").len(), 4);
}

#[test]
fn ladders_lights_and_params_are_read() {
    let found = definition(DUTY);
    let rungs = &found.ladders["standard"].rungs;
    assert_eq!(found.ladders["standard"].basis, ["M25.5"]);
    assert_eq!(rungs[1].words, [("slip".to_owned(), "yellow".to_owned())]);
    assert_eq!(rungs[2].values[0].1.source, "workdays(20)");
    assert_eq!(rungs[3].trigger, Trigger::Unrectified);
    assert!(matches!(&rungs[5].trigger, Trigger::Behind { points: 10, lasting: Some(_) }));
    assert!(matches!(&rungs[6].trigger, Trigger::Every { .. }));
    let yinchuan = LightPolicy::preset("银川").unwrap();
    let expected =
        LightPolicy { yellow_workdays_before: Some(5), red_points_behind: None, ..yinchuan };
    assert_eq!(found.lights, expected);
    assert_eq!(LightPolicy::preset_names().count(), 9);
    assert_eq!(found.suite.params["share"].to_string(), "0.7");
    assert_eq!(found.suite.params["count"], 3);
}

#[test]
fn every_expression_is_handed_out_with_its_place() {
    let found = definition(DUTY);
    let all = expressions(&found);
    let roles: std::collections::BTreeSet<ExprRole> = all.iter().map(|(role, ..)| *role).collect();
    assert!(roles.contains(&ExprRole::Supervision) && roles.contains(&ExprRole::RungValue));
    for (_, _, expr) in all.iter().filter(|(_, _, expr)| !expr.source.starts_with("date(")) {
        let text = if expr.place.file == "suite.yaml" { SUITE } else { DUTY };
        let line = text.lines().nth(expr.place.line - 1).unwrap();
        let there: String =
            line.chars().skip(expr.place.column - 1).take(expr.place.length).collect();
        assert_eq!(there, expr.source);
    }
}

#[test]
fn a_block_expression_begins_behind_its_indentation() {
    let text = "id: w\ntitle: x\ncases: |\n    let a = 1;\n    districts()\ntasks:\n  a: { title: x, owner: unit }\n";
    let cases = definition(text).workflow.cases.unwrap();
    assert_eq!(
        (cases.source.as_str(), cases.place.line, cases.place.column),
        ("let a = 1;\ndistricts()", 4, 5)
    );
}

#[test]
fn a_definition_is_known_by_its_content() {
    let mut files = sources(&[DUTY]);
    files.insert("hooks.rhai".to_owned(), "fn study_missed(task) { 1 }".to_owned());
    files.insert("m23-duty-performance.rhai".to_owned(), "fn own() {}".to_owned());
    let hash = |files: &Sources| {
        let suite = load(files).suite.unwrap();
        let found = suite.definitions.values().next().unwrap();
        assert_eq!(found.hash, found.content_hash());
        found.hash.clone()
    };
    let first = hash(&files);
    assert_eq!(first, hash(&files.clone()));
    let scripts = &load(&files).suite.unwrap().definitions["m23-duty-performance"].scripts;
    let order: Vec<&str> = scripts.iter().map(|script| script.file.as_str()).collect();
    assert_eq!(order, ["m23-duty-performance.rhai", "hooks.rhai", "lib/standard.rhai"]);
    files.insert("hooks.rhai".to_owned(), "fn study_missed(task) { 2 }".to_owned());
    assert_ne!(first, hash(&files));
}

/// Loads a suite file beside one workflow and a directory.
fn suite_problems(suite: &str, directory: Option<&str>) -> String {
    let mut files = sources(&[
        "id: w\ntitle: x\nbasis: M9\ncases: x\ntasks:\n  a: { title: x, owner: unit, basis: [M1.1] }\n",
    ]);
    files.insert("suite.yaml".to_owned(), suite.to_owned());
    if let Some(text) = directory {
        files.insert("directory.yaml".to_owned(), text.to_owned());
    }
    lines(&load(&files).problems)
}

#[test]
fn a_suite_file_is_checked() {
    let suite = r#"
title: x
target_year: 22
time_zone: 北京
calendar: ch
lights: 金川
ladder: steep
presets: { a: { extends: b }, b: { extends: a } }
scoring: [{ id: a, on: late, points: 1.234 }]
obligations:
  - { row: M1.1, text: 一 }
  - { row: M1.2, text: 二, level: [city, district] }
  - { row: M1.2, text: 三 }
colour: red
"#;
    insta::assert_snapshot!(suite_problems(suite, None), @r#"
    suite.yaml:3:14 DB1015 `22` 不是年份
    suite.yaml:4:12 DB1101 没有时区 `北京`
    suite.yaml:5:11 DB1102 没有工作日历 `ch`
    suite.yaml:6:9 DB1014 `金川` 不在可选值之中
    suite.yaml:7:9 DB1209 文件没有阶梯 `steep`
    suite.yaml:8:45 DB1109 预设互相引用：a → b → a
    suite.yaml:9:24 DB1014 `late` 不在可选值之中
    suite.yaml:9:38 DB1015 `1.234` 不是最多两位小数的数
    suite.yaml:12:5 DB1104 条目 M1.2 没有措施承载：二
    suite.yaml:13:5 DB1107 条目 `M1.2` 重复
    suite.yaml:14:1 DB1011 没有 `colour` 这个键
    w0.yaml:1:1 DB1105 文件的条目里没有 `M9`
    "#);
}

#[test]
fn presets_in_a_circle_are_refused() {
    let suite = "title: x\ntarget_year: 2022\npresets: { a: { extends: b }, b: { extends: a } }\n";
    let mut files = sources(&[
        "id: w\ntitle: x\ncases: x\ntasks:\n  t: { extends: a, title: x, owner: unit }\n",
    ]);
    files.insert("suite.yaml".to_owned(), suite.to_owned());
    assert_eq!(lines(&load(&files).problems), "suite.yaml:3:45 DB1109 预设互相引用：a → b → a");
}

#[test]
fn a_directory_is_checked_at_its_places() {
    let suite = "title: x\ntarget_year: 2022\nlevels: { city: 市, district: 区 }\n";
    let directory = r#"
units:
  - { id: 1, name: 市, level: city }
  - { id: 2, name: 区, level: distict, superior: 1, since: 2020-13-01 }
  - { id: 2, name: 区, level: district, superior: 9 }
  - { id: 4, name: 甲, level: district, superior: 5 }
  - { id: 5, name: 乙, level: district, superior: 4 }
posts:
  - { unit: 1, name: 书记, holders: [p1, p9] }
  - { unit: 1, name: 书记 }
  - { unit: 8, name: 书记 }
people:
  - { id: p1, name: 张三, addresses: { email: a@example.com } }
  - { id: p1, name: 李四 }
stand_ins:
  - { absent: p1, by: p7, from: 2022-02-01, until: 2022-01-01 }
"#;
    insta::assert_snapshot!(suite_problems(suite, Some(directory)), @r#"
    directory.yaml:4:30 DB1304 没有层级 `distict`
    directory.yaml:4:59 DB1015 `2020-13-01` 不是 1900 至 2200 年的日期
    directory.yaml:5:11 DB1301 单位代码 `2` 重复
    directory.yaml:5:50 DB1302 没有单位 `9`
    directory.yaml:6:50 DB1303 上级绕成了圈：4 → 5 → 4
    directory.yaml:9:35 DB1302 没有人员 `p9`
    directory.yaml:10:22 DB1301 岗位 `1 书记` 重复
    directory.yaml:11:13 DB1302 没有单位 `8`
    directory.yaml:14:11 DB1301 人员 `p1` 重复
    directory.yaml:16:23 DB1302 没有人员 `p7`
    directory.yaml:16:52 DB1015 结束日期在开始日期之前
    "#);
}

#[test]
fn thousands_of_units_load() {
    use std::fmt::Write as _;
    let mut text = "units:\n  - { id: u0, name: 市, level: city }\n".to_owned();
    for at in 1..6_000 {
        writeln!(
            text,
            "  - {{ id: u{at}, name: 单位{at}, level: district, superior: u{}, tags: [甲] }}",
            at / 20
        )
        .unwrap();
    }
    let mut files = sources(&[DUTY]);
    files.insert("directory.yaml".to_owned(), text);
    let loaded = load(&files);
    assert_eq!(lines(&loaded.problems), "");
    assert_eq!(loaded.suite.unwrap().directory.unwrap().units().count(), 6_000);
}

#[test]
fn a_suite_without_its_file_still_says_everything() {
    let mut files = sources(&["id: w\ntitle: x\ncases: x\ntasks: {}\n", "id: w\nname: x\n"]);
    files.remove("suite.yaml");
    files.insert("stray.rhai".to_owned(), String::new());
    let limits = LoadLimits { files_max: 2, ..LoadLimits::DEFAULT };
    let loaded = load_suite_within("jinan", &files, &LIBRARY, limits);
    insta::assert_snapshot!(lines(&loaded.problems), @r#"
    stray.rhai:1:1 DB1110 没有措施使用这个脚本
    suite.yaml:1:1 DB1006 文件夹里有 3 个文件，上限是 2 个
    suite.yaml:1:1 DB1016 缺少文件 suite.yaml
    w0.yaml:4:8 DB1007 至少要有一个任务
    w1.yaml:1:1 DB1012 缺少 `cases` 或 `lead`
    w1.yaml:1:1 DB1012 缺少 `tasks`
    w1.yaml:1:1 DB1012 缺少 `title`
    w1.yaml:1:5 DB1106 措施 `w` 重复
    w1.yaml:2:1 DB1011 没有 `name` 这个键
    "#);
    assert_eq!(loaded.draft.definitions.len(), 1);
}

#[test]
fn no_cut_of_a_file_stops_the_loader() {
    for at in (0..DUTY.len()).filter(|at| DUTY.is_char_boundary(*at)).step_by(7) {
        let without_a_piece = format!("{}{}", &DUTY[..at], DUTY.get(at + 5..).unwrap_or_default());
        for text in [&DUTY[..at], &DUTY[at..], &without_a_piece] {
            let loaded = load(&sources(&[text]));
            assert!(loaded.suite.is_none() || loaded.draft.definitions.len() < 2);
        }
    }
}

#[test]
fn presets_cannot_grow_beyond_their_limits() {
    let body: String = (0..40)
        .map(|at| format!("    b{at}: {{ extends: mechanism, title: x, owner: unit }}\n"))
        .collect();
    let text = format!("id: w\ntitle: x\ncases: x\nperiod: year\ntasks:\n{body}");
    let limits = LoadLimits { tasks_max: 60, ..LoadLimits::DEFAULT };
    let loaded = load_suite_within("jinan", &sources(&[&text]), &LIBRARY, limits);
    assert_eq!(
        lines(&loaded.problems),
        "w0.yaml:36:5 DB1006 任务超过 60 个，或展开后超过 50000 项"
    );
    check(
        &task(
            "a",
            "extends: [by_district, by_district, by_district, by_district, by_district, by_district, by_district, by_district, by_district]",
        ),
        "1:146 DB1006",
    );
}

#[test]
fn a_calendar_is_read_and_checked() {
    let cn = &LIBRARY.calendars["cn"];
    assert!(cn.covers(2022) && cn.is_workday("2022-10-08".parse().unwrap()));
    let text = "id: x\nyears:\n  - { year: 2022, notice: n, off: [{ name: 元旦, days: 2022-1-1 }] }\n  - { year: 2022, notice: n }\n";
    insta::assert_snapshot!(lines(&load_calendar("x.yaml", text).unwrap_err()), @r#"
    x.yaml:3:54 DB1401 `2022-1-1` 不是日期或起止日期
    x.yaml:4:5 DB1402 2022 年写了两次
    "#);
}

#[test]
fn a_problem_reads_as_one_line() {
    let files =
        sources(&["id: w\ntitle: x\ncases: org（“甲”）\ntasks:\n  a: { titel: x, owner: unit }\n"]);
    let said: Vec<String> = load(&files).problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    w0.yaml:3:8: 错误 DB1008: 表达式里有全角标点（写成：'org("甲")'）
    w0.yaml:5:6: 错误 DB1012: 缺少 `title`
    w0.yaml:5:8: 错误 DB1011: 没有 `titel` 这个键（是否想写 `title`？）
    "#);
}

#[test]
fn every_code_of_the_crate_is_listed_once() {
    let source = [
        include_str!("calendar_file.rs"),
        include_str!("calendar_table.rs"),
        include_str!("check.rs"),
        include_str!("directory.rs"),
        include_str!("directory_file.rs"),
        include_str!("form_file.rs"),
        include_str!("ladder_file.rs"),
        include_str!("layout.rs"),
        include_str!("lights.rs"),
        include_str!("load.rs"),
        include_str!("names.rs"),
        include_str!("preset.rs"),
        include_str!("read.rs"),
        include_str!("reviewer_file.rs"),
        include_str!("suite_file.rs"),
        include_str!("table/import.rs"),
        include_str!("table/rows.rs"),
        include_str!("task_check.rs"),
        include_str!("task_file.rs"),
        include_str!("task_parts.rs"),
        include_str!("turns.rs"),
        include_str!("workflow_file.rs"),
        include_str!("yaml.rs"),
    ]
    .concat();
    let mut used: std::collections::BTreeSet<&str> =
        source.match_indices("\"DB1").map(|(at, _)| &source[at + 1..at + 7]).collect();
    // Those of scripts are only left out here.
    used.retain(|code| !code.starts_with("DB15"));
    // Told by whoever reads files: this crate is given rows and texts.
    used.extend(["DB1018", "DB1309"]);
    let listed: Vec<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(listed, used.into_iter().collect::<Vec<_>>());
}

#[test]
fn titles_are_not_blank() {
    check("a:\n  title: \"\"\n  owner: unit\n", "2:12 DB1007");
    check("a:\n  title: \"  \"\n  owner: unit\n", "2:12 DB1007");
    check("a: { title: x, owner: unit, form: { f: { type: text, title: \"\" } } }", "1:63 DB1007");
    check("a: { title: 题, owner: unit, form: { f: { type: text, title: 名 } } }", "");
}

#[test]
fn bounds_leave_something_between_them() {
    let field = |words: &str| task("a", &format!("form: {{ f: {{ {words} }} }}"));
    check(&field("type: integer, min: 5, max: 1"), "1:60 DB1226");
    check(&field("type: number, min: 0.5, max: -0.5"), "1:59 DB1226");
    check(&field("type: money, min: 100.01, max: 100"), "1:58 DB1226");
    check(&field("type: text, min: 5, max: 1"), "1:57 DB1226");
    check(&field("type: list, min: 2, max: 1"), "1:57 DB1226");
    check(&field("type: date, min: 2022-02-01, max: 2022-01-31"), "1:57 DB1226");
    check(&field("type: integer, min: 5, max: 5"), "");
    check(&field("type: integer, min: -5, max: 1"), "");
    check(&field("type: integer, min: 5"), "");
    check(&field("type: date, min: 2022-01-01, max: 2022-01-31"), "");
}
