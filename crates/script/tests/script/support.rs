//! A small real directory, calendar and suite, and a plain implementation of [`Facts`].

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use duban_calendar::{Calendar, Date, Instant, Tz, WindowKind, end_of};
use duban_model::{
    Assignee, Definition, Directory, Expr, Library, Loaded, Place, Problem, Script, load_calendar,
    load_suite,
};
use duban_script::{
    CaseFacts, Facts, Limits, Program, RungFacts, RungSide, RungValue, Scene, ScriptError,
    TaskFacts, Value,
};
use serde_json::{Map, Value as Json, json};

pub(crate) const STANDARD: &str = include_str!("../../../../workflows/lib/standard.rhai");
const CN: &str = include_str!("../../../../workflows/calendars/cn.yaml");

pub(crate) const SUITE: &str = r#"
title: 关于提升城市基层党建工作质量的若干措施
issuer: 中共济南市委办公厅
date: 2021-12-13
target_year: 2022
calendar: cn
levels: [{ city: 市 }, { district: 区县 }, { street: 街道 }, { community: 社区 }]
params: { four_lists: [资源, 需求], limits: { days: 5 }, share: 0.7, latest: 2022-10-31 }
supervision: org("市委组织部")
administrator: org("市委组织部")
ladders:
  standard:
    - { at: due - workdays(10), do: remind, to: owner }
    - { at: due + workdays(20), do: interview, rectify_within: workdays(30) }
"#;

const DIRECTORY: &str = r#"{
  "units": [
    { "id": "370100", "name": "济南市", "level": "city" },
    { "id": "370100-zzb", "name": "市委组织部", "level": "department", "superior": "370100" },
    { "id": "370102", "name": "历下区", "level": "district", "superior": "370100", "tags": ["中心城区"] },
    { "id": "370103", "name": "市中区", "level": "district", "superior": "370100" },
    { "id": "370102001", "name": "解放路街道", "level": "street", "superior": "370102" },
    { "id": "370102002", "name": "千佛山街道", "level": "street", "superior": "370102" },
    { "id": "370102001001", "name": "后坡社区", "level": "community", "superior": "370102001" },
    { "id": "370103001", "name": "官庄村", "level": "community", "superior": "370103" },
    { "id": "370102002001", "name": "官庄村", "level": "community", "superior": "370102002" }
  ],
  "posts": [
    { "unit": "370102", "name": "书记", "holders": ["p1"] },
    { "unit": "370102", "name": "组织部长", "holders": [] },
    { "unit": "370102001", "name": "书记", "holders": ["p2"] }
  ],
  "people": [
    { "id": "p1", "name": "王明" },
    { "id": "p2", "name": "李华" }
  ]
}"#;

pub(crate) static DIRECTORY_DATA: LazyLock<Arc<Directory>> =
    LazyLock::new(|| Arc::new(Directory::new(serde_json::from_str(DIRECTORY).unwrap()).unwrap()));

pub(crate) static CALENDAR: LazyLock<Arc<Calendar>> =
    LazyLock::new(|| Arc::new(load_calendar("cn.yaml", CN).unwrap()));

pub(crate) const TZ: Tz = Tz::Asia__Shanghai;

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// The end of a date.
pub(crate) fn end(text: &str) -> Instant {
    end_of(date(text), TZ)
}

/// Loads a suite of one workflow.
pub(crate) fn load(workflow: &str, hooks: &str) -> Loaded {
    let mut sources = BTreeMap::from([
        ("suite.yaml".to_owned(), SUITE.to_owned()),
        ("m01.yaml".to_owned(), workflow.to_owned()),
    ]);
    if !hooks.is_empty() {
        sources.insert("hooks.rhai".to_owned(), hooks.to_owned());
    }
    let library = Library {
        scripts: vec![Script { file: "lib/standard.rhai".to_owned(), source: STANDARD.to_owned() }],
        calendars: BTreeMap::from([("cn".to_owned(), (**CALENDAR).clone())]),
    };
    load_suite("jinan-2021", &sources, &library)
}

/// The workflow that expressions are tried in; `EXPR` is `when` of its task `main`.
pub(crate) fn workflow(expr: &str) -> String {
    let quoted = serde_json::to_string(expr).unwrap();
    format!(
        r#"
id: m01
title: 试验措施
lead: org("市委组织部")
period: year
open: {{ form: {{ received: {{ type: date, title: 收到日期 }} }} }}
tasks:
  list:
    title: 清单
    each: {{ body: unit.with("street") }}
    owner: item.body
    due: 2022-06-30
    form: {{ covered: integer, items: list }}
    indicator: {{ unit: "%", value: form.covered, target: 70, better: up }}
  main:
    title: 专题研究城市基层党建工作
    each: {{ body: unit.with("street"), list: params.four_lists }}
    owner: item.body.post("书记")
    due: 2022-07-08
    needs: [list]
    when: {quoted}
    form:
      held_on: {{ type: date, title: 研究日期 }}
      covered: {{ type: integer, title: 覆盖数 }}
      total: {{ type: integer, title: 总数 }}
      share: {{ type: number, title: 比例 }}
      money: {{ type: money, title: 经费 }}
      topic: {{ type: text, title: 议题 }}
      where: {{ type: unit, title: 地点 }}
      by: {{ type: person, title: 主持人 }}
      done: {{ type: bool, title: 完成 }}
      tags: {{ type: list, title: 标签 }}
      rows: {{ type: table, title: 明细, columns: {{ name: text, count: integer }} }}
"#
    )
}

pub(crate) fn definition(expr: &str, hooks: &str) -> Arc<Definition> {
    let loaded = load(&workflow(expr), hooks);
    let found = loaded.draft.definitions.into_values().next();
    found.unwrap_or_else(|| panic!("not loaded: {}", render(&loaded.problems)))
}

/// A plain implementation of [`Facts`].
pub(crate) struct World {
    pub(crate) definition: Arc<Definition>,
    pub(crate) items: Vec<Arc<TaskFacts>>,
    pub(crate) case: Arc<CaseFacts>,
}

impl Facts for World {
    fn directory(&self) -> &Arc<Directory> {
        &DIRECTORY_DATA
    }

    fn calendar(&self) -> &Arc<Calendar> {
        &CALENDAR
    }

    fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    fn case(&self) -> Arc<CaseFacts> {
        self.case.clone()
    }

    fn item(&self, key: &str) -> Option<Arc<TaskFacts>> {
        self.items.iter().find(|item| item.key == key).cloned()
    }

    fn items(&self, task: &str) -> Vec<Arc<TaskFacts>> {
        self.items.iter().filter(|item| item.task == task).cloned().collect()
    }

    fn missed_in_row(&self, _key: &str) -> u32 {
        0
    }

    fn foreign(&self, name: &str) -> Option<Map<String, Json>> {
        let data = json!({ "count": 12, "held_on": "2022-05-04" });
        (name == "m02/setup").then(|| data.as_object().cloned().unwrap())
    }
}

fn object(json: Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap()
}

fn item(definition: &Definition, key: &str, task: &str, axes: &[(&str, Value)]) -> TaskFacts {
    let fields = definition.workflow.task(task).map(|(_, task)| task.form.clone());
    let axes: BTreeMap<String, Value> =
        axes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let unit = match axes.get("body") {
        Some(Value::Unit(unit)) => unit.clone(),
        _ => "370102".into(),
    };
    TaskFacts {
        key: key.to_owned(),
        task: task.to_owned(),
        title: "专题研究城市基层党建工作".to_owned(),
        status: "active",
        attempt: 1,
        owner: Some(Assignee::Post(unit.clone(), "书记".into())),
        unit,
        reviewers: vec![Assignee::Unit("370102".into())],
        axes: Arc::new(axes),
        window: None,
        due: Some(end("2022-07-08")),
        original_due: Some(end("2022-06-30")),
        ready_at: Some(end("2022-01-01")),
        signed_at: None,
        submitted_at: None,
        done_at: None,
        counted_at: None,
        stood_workdays: 0,
        progress: 40,
        planned: Some(60),
        form: Arc::new(Map::new()),
        fields: Arc::new(fields.unwrap_or_default()),
        value: None,
        target: None,
        met: None,
        breached: false,
        stalled: true,
        entries: 2,
        history: Arc::new(vec![
            ("remind".to_owned(), end("2022-06-24")),
            ("slip".to_owned(), end("2022-07-11")),
            ("remind".to_owned(), end("2022-07-05")),
        ]),
    }
}

/// The case of 历下区 in 2022 with the item of 解放路街道 and 资源 in hand.
pub(crate) fn world(definition: &Arc<Definition>) -> (Arc<World>, Arc<TaskFacts>) {
    let unit = |code: &str| Value::Unit(code.into());
    let street = || ("body", unit("370102001"));
    let mut main =
        item(definition, "main/1", "main", &[street(), ("list", Value::Text("资源".into()))]);
    main.form = Arc::new(object(json!({
        "held_on": "2022-05-04", "covered": 35, "total": 50, "share": 0.7, "money": "1200.50",
        "topic": "研究", "where": "370102", "by": "p1", "done": true, "tags": ["甲", "乙"],
        "rows": [{ "name": "一", "count": 3 }, { "name": "二", "count": 4 }],
    })));
    main.value = Some(70.into());
    let main = Arc::new(main);
    let mut here = item(definition, "list/1", "list", &[street()]);
    here.form = Arc::new(object(json!({ "covered": 9, "items": ["甲"] })));
    here.value = Some(9.into());
    let row = BTreeMap::from([("name".to_owned(), Value::Text("一期".to_owned()))]);
    let axes = [("body", unit("370102")), ("row", Value::Map(row))];
    let mut there = item(definition, "list/2", "list", &axes);
    there.form = Arc::new(object(json!({ "covered": 5 })));
    let case = CaseFacts {
        id: "case-1".to_owned(),
        title: "试验措施".to_owned(),
        unit: "370102".into(),
        period: Some(WindowKind::Year.containing(date("2022-01-01"))),
        lead: Some(Assignee::Unit("370100-zzb".into())),
        with: vec![Assignee::Unit("370103".into())],
        form: object(json!({ "received": "2022-01-04" })),
        vars: object(json!({ "seen": 3 })),
        opened_at: end("2022-01-01"),
    };
    let items = vec![main.clone(), Arc::new(here), Arc::new(there)];
    (Arc::new(World { definition: definition.clone(), items, case: Arc::new(case) }), main)
}

pub(crate) fn scene(definition: &Arc<Definition>) -> Scene {
    let (facts, item) = world(definition);
    Scene {
        facts,
        item: Some(item),
        window: Some(WindowKind::HalfYear.containing(date("2022-03-01"))),
        now: end("2022-07-15"),
        moment: end("2022-07-13"),
        due: None,
        by_time: false,
        budget: duban_script::Budget::default(),
    }
}

/// The rung that functions are called with.
pub(crate) fn rung() -> RungFacts {
    RungFacts {
        ladder: "standard".to_owned(),
        index: 3,
        side: RungSide::Work,
        due: Some(end("2022-07-08")),
        to: vec![Assignee::Post("370102001".into(), "书记".into())],
        words: BTreeMap::from([("slip".to_owned(), "red".to_owned())]),
        values: BTreeMap::from([(
            "rectify_within".to_owned(),
            RungValue::Span(duban_calendar::Span::Workdays(30)),
        )]),
    }
}

/// The expression of the task `main`.
pub(crate) fn when(definition: &Definition) -> Expr {
    definition.workflow.task("main").and_then(|(_, task)| task.when.clone()).unwrap()
}

/// Compiles the expression in the workflow, or answers with what is wrong.
pub(crate) fn compile(expr: &str, hooks: &str) -> Result<Program, Vec<Problem>> {
    Program::compile(definition(expr, hooks), Limits::default())
}

/// What an expression gives as text (through interpolation), or what is wrong with it.
pub(crate) fn eval(expr: &str) -> String {
    eval_with(expr, "")
}

/// The same with functions beside it.
pub(crate) fn eval_with(expr: &str, hooks: &str) -> String {
    match value_with(&format!("`${{{expr}}}`"), hooks) {
        Ok(Value::Text(text)) => text,
        Ok(other) => format!("{other:?}"),
        Err(error) => error,
    }
}

/// What an expression gives as a value, or what is wrong with it.
pub(crate) fn value(expr: &str) -> Result<Value, String> {
    value_with(expr, "")
}

/// The same with functions beside it.
pub(crate) fn value_with(expr: &str, hooks: &str) -> Result<Value, String> {
    // A function hides from the checks that the key wants yes or no.
    let hooks = format!("fn as_it_is(x) {{ x }}\n{hooks}");
    let program = compile(&format!("as_it_is({expr})"), &hooks).map_err(|it| render(&it))?;
    let answer = program.eval(&when(program.definition()), &scene(program.definition()));
    answer.map_err(|error| match error {
        ScriptError::Failed { message, .. } => format!("错误：{message}"),
        other => other.to_string(),
    })
}

/// Codes and messages, one a line.
pub(crate) fn render(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let help = problem.help.as_ref().map(|help| format!("（{help}）")).unwrap_or_default();
        format!("{} {}{help}", problem.code, problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `file:line:column` of a place.
pub(crate) fn place(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}
