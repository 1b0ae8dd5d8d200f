//! A small suite for tests, written here, with the library and calendar of the repository.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duban_model::{Library, Problem, Script, Sources, Suite, load_calendar, load_suite};
use duban_script::{Limits, Program};

/// A suite and its compiled workflows.
pub(crate) struct Loaded {
    pub(crate) suite: Suite,
    pub(crate) programs: Vec<Arc<Program>>,
}

fn workflows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn library() -> Library {
    let file = "lib/standard.rhai";
    let source = read(&workflows().join(file));
    let text = read(&workflows().join("calendars/cn.yaml"));
    let calendar = load_calendar("calendars/cn.yaml", &text).expect("the calendar loads");
    Library {
        scripts: vec![Script { file: file.to_owned(), source }],
        calendars: BTreeMap::from([("cn".to_owned(), calendar)]),
    }
}

fn told(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let place = &problem.place;
        let (file, line, column) = (&place.file, place.line, place.column);
        format!("{file}:{line}:{column}: {} {}", problem.code, problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Loads and compiles files; every problem ends the test.
pub(crate) fn load(id: &str, sources: &Sources) -> Loaded {
    let loaded = load_suite(id, sources, &library());
    let suite = loaded.suite.unwrap_or_else(|| panic!("{}", told(&loaded.problems)));
    let programs = suite
        .definitions
        .values()
        .map(|definition| {
            let program = Program::compile(Arc::clone(definition), Limits::default());
            Arc::new(program.unwrap_or_else(|problems| panic!("{}", told(&problems))))
        })
        .collect();
    Loaded { suite, programs }
}

/// A city, two districts and three workflows, with a test file.
pub(crate) fn small(test: &str) -> Loaded {
    small_with(&[("tests/all.rhai", test)])
}

/// The same with further files.
pub(crate) fn small_with(further: &[(&str, &str)]) -> Loaded {
    let files = [("plan.yaml", PLAN), ("follow.yaml", FOLLOW), ("hooks.rhai", HOOKS)];
    of(&[&files, further].concat())
}

/// A city and two districts with workflows and scripts.
pub(crate) fn of(files: &[(&str, &str)]) -> Loaded {
    load("small", &sources(files))
}

/// The same as it is before it is compiled.
pub(crate) fn draft(files: &[(&str, &str)]) -> duban_model::Loaded {
    load_suite("small", &sources(files), &library())
}

fn sources(files: &[(&str, &str)]) -> Sources {
    let all = [&[("suite.yaml", SUITE), ("directory.yaml", DIRECTORY)], files].concat();
    all.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

const SUITE: &str = r#"
title: 小文件
issuer: 某市
date: 2021-12-13
target_year: 2022
time_zone: Asia/Shanghai
calendar: cn
levels:
  city: 市
  district: 区县
supervision: org("督查室")
administrator: org("督查室").post("联络员")
ladder: standard
ladders:
  standard:
    - { at: due - workdays(3), do: remind, to: owner }
    - { at: due + workdays(1), do: press, slip: blue }
    - { at: due + workdays(5), do: supervise, slip: red }
    - { at: due + workdays(20), do: interview, rectify_within: workdays(20) }
    - { after: interview.unrectified, do: refer }
lights:
  preset: standard
scoring:
  - { id: overdue, on: overdue, points: -1, cap: 10 }
"#;

const DIRECTORY: &str = r#"
units:
  - { id: "1", name: 某市, level: city }
  - { id: "2", name: 督查室, level: city, superior: "1" }
  - { id: "10", name: 东区, level: district, superior: "1" }
  - { id: "20", name: 西区, level: district, superior: "1" }
posts:
  - { unit: "1", name: 书记, holders: [c1] }
  - { unit: "2", name: 主任, holders: [s1] }
  - { unit: "2", name: 联络员, holders: [s2] }
  - { unit: "10", name: 书记, holders: [e1] }
  - { unit: "10", name: 联络员, holders: [e2] }
  - { unit: "20", name: 书记, holders: [w1] }
people:
  - { id: c1, name: 市书记 }
  - { id: s1, name: 主任甲 }
  - { id: s2, name: 联络乙 }
  - { id: e1, name: 东书记 }
  - { id: e2, name: 东联络 }
  - { id: w1, name: 西书记 }
"#;

pub(crate) const PLAN: &str = r#"
id: plan
title: 计划
basis: "M1"
lead: org("某市")
cases: units("district")
period: year
tasks:
  draft:
    title: 起草计划
    owner: unit.post("书记")
    due: date(2022, 3, 31)
    extension: { max: 1, by: months(2) }
    evidence: [计划文本]
    form: { name: { type: text, title: 名称, required: true } }
  sign_off:
    title: 会签
    needs: [draft]
    owner: unit.post("书记")
    reviewer: { all: ['org("某市")', 'org("督查室")'] }
    due: date(2022, 6, 30)
  figure:
    title: 覆盖率
    owner: unit.post("书记")
    due: date(2022, 9, 30)
    indicator:
      unit: "%"
      value: 100 * form.covered / form.total
      target: 70
      better: up
      judged: due
    form:
      covered: { type: integer, title: 覆盖数, required: true, min: 0 }
      total: { type: integer, title: 总数, required: true, min: 1 }
  study:
    title: 专题研究
    every: half-year
    owner: unit.post("书记")
    form: { held_on: { type: date, title: 日期, required: true } }
    counts: form.held_on in window
    grace: workdays(5)
    hooks: { missed: study_missed }
"#;

const FOLLOW: &str = r#"
id: follow
title: 跟进
basis: "M2"
lead: org("某市")
period: year
tasks:
  wait:
    title: 等计划
    needs: { plan/draft: 'org("东区")' }
    owner: org("某市").post("书记")
    reviewer: none
    due: date(2022, 12, 31)
"#;

pub(crate) const HOOKS: &str = r#"
fn study_missed(task) {
    interview(#{
        who: task.owner,
        by: task.unit.superior,
        why: `${task.window.name}未研究`,
        due: now + workdays(10),
        rectify_within: workdays(20),
    });
    score(task.unit, -2, "未研究");
}
"#;
