//! Whole suites through the loader: what is read, and what is said about what is wrong.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use duban_calendar::{Calendar, WindowKind};

use crate::definition::{Definition, Fold, Join, Many, Reviewer, Script, TaskKind};
use crate::expressions::{ExprRole, expressions};
use crate::ladder::{LightPolicy, Trigger};
use crate::load::load_suite;
use crate::problem::Problem;
use crate::read::Sources;
use crate::suite::{Library, Loaded};
use crate::{load_calendar, problem};

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
