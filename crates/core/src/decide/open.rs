//! Opening a case, its tasks' items, and the windows of its duties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::{Date, Instant, Span, Window, WindowKind, date_of, end_of, start_of};
use duban_model::{Assignee, TaskDef, TaskId, UnitId};
use duban_script::{Program, Scene, Value};

use super::deadline::NewDeadline;
use super::graph::Settle;
use super::scene::case_facts;
use super::{Decision, Env, Turn};
use crate::bounds::check_period_is_near;
use crate::case::CaseHead;
use crate::command::{Actor, Carried, Command, Open};
use crate::event::{DueReason, ItemKind, NewItem, SkipReason};
use crate::fact::Fact;
use crate::failed::Expression;
use crate::ids::{CaseName, ItemKey};
use crate::item::{Item, Status};
use crate::moment::task_order;
use crate::refusal::{Refusal, Why};

/// The most items that one task may have in one case; more are refused and the administrator is
/// told.
pub(crate) const ITEMS_MAX: usize = 20_000;

/// The names of the cases that a workflow's `cases` asks for, in the period around a date.
///
/// # Errors
///
/// [`Refusal::Definition`] where `cases` or `lead` fails or yields no unit;
/// [`Refusal::OverBudget`].
pub fn cases_of(env: &Env, on: Date) -> Result<Vec<CaseName>, Refusal> {
    let env = &env.begun();
    let names = names_of(env, on);
    env.budget.spent().map_or(names, |spent| Err(Refusal::OverBudget(spent)))
}

fn names_of(env: &Env, on: Date) -> Result<Vec<CaseName>, Refusal> {
    let definition = env.program.definition();
    let workflow = &definition.workflow;
    let name = CaseName {
        suite: definition.suite.id.clone(),
        workflow: workflow.id.clone(),
        unit: UnitId::default(),
        period: workflow.period.map(|kind| kind.containing(on)),
        parent: None,
        ordinal: 0,
    };
    let opening = Opening::new(&name, &serde_json::Map::new(), env);
    let (key, units) = match &workflow.cases {
        Some(expr) => ("cases", opening.value("cases", expr)?),
        None => ("lead", opening.lead()?.map_or(Value::Nil, Value::Assignee)),
    };
    let units = units.to_assignees().ok_or_else(|| Refusal::Definition {
        key: key.to_owned(),
        error: format!("expected units, got {}", units.type_name()),
    })?;
    let mut seen = BTreeSet::new();
    let units = units.iter().filter_map(|unit| env.directory.unit_of(unit));
    let distinct = units.filter(|unit| seen.insert(unit.clone()));
    Ok(distinct.map(|unit| CaseName { unit, ..name.clone() }).collect())
}

/// A case that does not exist yet, as scripts see it.
struct Opening<'e> {
    program: &'e Program,
    scene: Scene,
}

impl<'e> Opening<'e> {
    fn new(
        name: &CaseName,
        form: &serde_json::Map<String, serde_json::Value>,
        env: &'e Env,
    ) -> Self {
        let definition = env.program.definition();
        let unit = (!name.unit.as_str().is_empty()).then(|| Assignee::Unit(name.unit.clone()));
        let head = CaseHead::unopened(name, definition, form.clone(), unit, env.now);
        let mut turn = Turn::on(&crate::case::Case::new(head), env, Actor::Engine);
        let facts = case_facts(name.id().as_str().to_owned(), turn.case.head());
        turn.case_facts = Some(Arc::new(facts));
        Self { program: &env.program, scene: turn.scene(None) }
    }

    fn value(&self, key: &str, expr: &duban_model::Expr) -> Result<Value, Refusal> {
        self.program
            .eval(expr, &self.scene)
            .map_err(|error| Refusal::Definition { key: key.to_owned(), error: error.to_string() })
    }

    fn assignee(
        &self,
        key: &str,
        expr: Option<&duban_model::Expr>,
    ) -> Result<Option<Assignee>, Refusal> {
        let Some(expr) = expr else { return Ok(None) };
        let value = self.value(key, expr)?;
        if value == Value::Nil {
            return Ok(None);
        }
        let found = value.to_assignee().ok_or_else(|| Refusal::Definition {
            key: key.to_owned(),
            error: format!("expected a unit, post or person, got {}", value.type_name()),
        })?;
        Ok(Some(found))
    }

    fn lead(&self) -> Result<Option<Assignee>, Refusal> {
        let definition = self.program.definition();
        self.assignee("lead", definition.workflow.lead.as_ref())
    }
}

pub(super) fn decide_open(open: &Open, command: &Command, env: &Env) -> Result<Decision, Refusal> {
    let definition = env.program.definition();
    if open.name.workflow != definition.workflow.id || open.name.suite != definition.suite.id {
        return Err(Refusal::OtherDefinition {
            expected: format!("{}/{}", open.name.suite, open.name.workflow),
            given: format!("{}/{}", definition.suite.id, definition.workflow.id),
        });
    }
    if env.directory.unit(&open.name.unit).is_none() {
        return Err(Refusal::Definition {
            key: "unit".to_owned(),
            error: format!("`{}` is not in the directory", open.name.unit),
        });
    }
    // A case that a case opens has the period of that one.
    if open.name.parent.is_none() && command.actor != Actor::Engine {
        check_period(definition.workflow.period, open.name.period)?;
        let today = date_of(env.now, definition.suite.time_zone);
        check_period_is_near(open.name.period, today)?;
    }
    let form = match &definition.workflow.open {
        Some(form) => {
            let today = date_of(env.now, definition.suite.time_zone);
            crate::form::check(&form.form, &open.form, &env.directory, today)?
        }
        None => open.form.clone(),
    };
    let fact = opened(open, form, env)?;
    if let Actor::Person { .. } = &command.actor {
        may_open(&fact, command, env)?;
    }
    let mut turn = Turn::begin(fact, env, command.actor.clone());
    for position in 0..definition.workflow.tasks.len() {
        turn.begin_task(position);
    }
    turn.finish(false)
}

/// Whoever opens a case names a period of the workflow's kind.
fn check_period(kind: Option<WindowKind>, given: Option<Window>) -> Result<(), Refusal> {
    if given.map(|period| period.kind) == kind {
        return Ok(());
    }
    let range = match kind {
        None => Why::new("left out: the workflow has no period", "空：这项措施不分期间"),
        Some(WindowKind::Year) => {
            Why::new("a year, such as 2022: the workflow is yearly", "年度，例如 2022")
        }
        Some(WindowKind::HalfYear) => Why::new(
            "a half-year, such as 2022-H1: the workflow is half-yearly",
            "半年，例如 2022-H1",
        ),
        Some(WindowKind::Quarter) => {
            Why::new("a quarter, such as 2022-Q3: the workflow is quarterly", "季度，例如 2022-Q3")
        }
        Some(WindowKind::Month) => {
            Why::new("a month, such as 2022-03: the workflow is monthly", "月份，例如 2022-03")
        }
        Some(WindowKind::Week) => {
            Why::new("a week, such as 2022-W09: the workflow is weekly", "周，例如 2022-W09")
        }
    };
    Err(Refusal::OutOfRange { what: "period", range })
}

fn opened(
    open: &Open,
    form: serde_json::Map<String, serde_json::Value>,
    env: &Env,
) -> Result<Fact, Refusal> {
    let definition = env.program.definition();
    let workflow = &definition.workflow;
    let opening = Opening::new(&open.name, &form, env);
    let lead = opening.lead()?;
    let with = match &workflow.with {
        Some(expr) => opening.value("with", expr)?.to_assignees().unwrap_or_default(),
        None => Vec::new(),
    };
    let renew_at = open
        .name
        .period
        .filter(|_| workflow.renew)
        .map(|period| end_of(period.end, definition.suite.time_zone));
    Ok(Fact::CaseOpened {
        name: open.name.clone(),
        definition: definition.hash.clone(),
        title: workflow.title.clone(),
        lead,
        with,
        supervision: opening.assignee("supervision", definition.suite.supervision.as_ref())?,
        administrator: opening
            .assignee("administrator", definition.suite.administrator.as_ref())?,
        form,
        renew_at,
        carried: open.carried.clone(),
        suspended: open.suspended.clone(),
        counted: Some(announced(env, env.now)),
    })
}

/// The years from an instant on whose calendars are there.
pub(super) fn announced(env: &Env, from: Instant) -> Vec<i32> {
    let tz = env.program.definition().suite.time_zone;
    env.calendar.announced_since(date_of(from, tz)).collect()
}

/// A person opens a case by hand for whom the definition names, the lead or the supervision.
fn may_open(fact: &Fact, command: &Command, env: &Env) -> Result<(), Refusal> {
    let Fact::CaseOpened { name, lead, supervision, form, .. } = fact else { return Ok(()) };
    let workflow = &env.program.definition().workflow;
    let by = workflow.open.as_ref().and_then(|open| open.by.as_ref());
    let named = Opening::new(name, form, env).assignee("by", by)?;
    let allowed: Vec<Assignee> = match named {
        Some(named) => [Some(named), supervision.clone()].into_iter().flatten().collect(),
        None => [lead.clone(), supervision.clone()].into_iter().flatten().collect(),
    };
    let today = date_of(env.now, env.program.definition().suite.time_zone);
    crate::authority::check("open", name.id().as_str(), &command.actor, &allowed, env, today)
}

impl Turn<'_> {
    /// Makes the items of a task that reads no other task, or plans its windows.
    pub(super) fn begin_task(&mut self, position: usize) {
        let definition = Arc::clone(&self.definition);
        let task = &definition.workflow.tasks[position];
        match task.every {
            Some(kind) => self.begin_duty(position, kind),
            None if self.sources(task).is_empty() => self.expand(position, None),
            None => {}
        }
    }

    /// Tasks whose results a task's `each` reads.
    pub(super) fn sources(&self, task: &TaskDef) -> Vec<String> {
        let reads = task.each.iter().flat_map(|axis| self.program().reads(&axis.over).tasks);
        let distinct: BTreeSet<String> = reads.collect();
        distinct.into_iter().collect()
    }

    /// The first window owed is the one that is open; those before it are not.
    fn begin_duty(&mut self, position: usize, kind: WindowKind) {
        let current = kind.containing(self.today_exactly());
        let first = match self.case.head().name.period {
            Some(period) if current.end < period.end && !current.belongs_to(period) => {
                let earliest = kind.containing(period.start);
                if earliest.belongs_to(period) { earliest } else { earliest.next() }
            }
            _ => current,
        };
        let task = self.definition.workflow.tasks[position].id.clone();
        if self.is_owed(first) {
            if self.starts(first) <= self.at {
                self.open_window(position, first);
            } else {
                self.plan_window(position, Some(first));
                self.push(Fact::ItemsAdded {
                    task,
                    order: task_order(position),
                    items: Vec::new(),
                });
            }
        } else {
            self.push(Fact::ItemsAdded { task, order: task_order(position), items: Vec::new() });
        }
    }

    /// The civil date of now; midnight belongs to the day that begins.
    pub(super) fn today_exactly(&self) -> Date {
        date_of(self.at.plus_millis(1), self.tz())
    }

    pub(super) fn starts(&self, window: Window) -> Instant {
        start_of(window.start, self.tz())
    }

    pub(super) fn is_owed(&self, window: Window) -> bool {
        self.case.head().name.period.is_none_or(|period| window.belongs_to(period))
    }

    pub(super) fn plan_window(&mut self, position: usize, next: Option<Window>) {
        let task = self.definition.workflow.tasks[position].id.clone();
        let next = next.map(|window| self.in_cadence(&task, window));
        let next = next.filter(|window| self.is_owed(*window));
        let next = next.map(|window| (self.starts(window), window));
        if next.is_some() || self.case.head().windows.contains_key(&task) {
            self.push(Fact::WindowsPlanned { task, next });
        }
    }

    /// The window that opens where one was planned: of a cadence that was taken over, as soon as a
    /// window of it begins there.
    fn in_cadence(&self, task: &TaskId, planned: Window) -> Window {
        let taken = self.case.head().cadences.get(task).map(|kind| kind.containing(planned.start));
        taken.filter(|window| window.start == planned.start).unwrap_or(planned)
    }

    fn open_window(&mut self, position: usize, window: Window) {
        self.plan_window(position, Some(window.next()));
        self.expand(position, Some(window));
    }

    /// Opens every window whose time has come.
    pub(super) fn open_windows(&mut self) {
        let definition = Arc::clone(&self.definition);
        for (position, task) in definition.workflow.tasks.iter().enumerate() {
            let due = self.case.head().windows.get(&task.id).copied();
            if let Some((at, window)) = due
                && at <= self.at
            {
                self.open_window(position, window);
            }
        }
    }

    /// Makes the items of a task: the product of its axes, in one window or none. Items that
    /// exist stay; those that are no longer in the list are cancelled.
    pub(super) fn expand(&mut self, position: usize, window: Option<Window>) {
        let definition = Arc::clone(&self.definition);
        let task = &definition.workflow.tasks[position];
        let Some(rows) = self.product(task, window) else {
            self.mark_expanded(task, position);
            return;
        };
        let (mut keys, mut twice) = (BTreeSet::new(), BTreeSet::new());
        let mut fresh = Vec::new();
        for (names, axes) in rows {
            if self.is_over() {
                return;
            }
            let key = self.case.key_of(task.id.as_str(), &names, window.as_ref());
            if !keys.insert(key.clone()) {
                self.alarm(None, format!("任务“{}”的条目 {key} 重复，只保留第一个", task.title));
                twice.insert(key);
                continue;
            }
            if self.case.item(&key).is_none() {
                fresh.push((key, axes));
            }
        }
        self.cancel_missing(task, window, &keys);
        if keys.is_empty() && !task.empty_skips && !task.each.is_empty() {
            self.alarm(None, format!("任务“{}”没有任何对象（each 为空）", task.title));
        }
        self.make_items(position, window, fresh, None);
        self.note_twice(task, window, &twice);
    }

    /// Makes items of a task. What is added to a running case is not due before `not_due_before`.
    pub(super) fn make_items(
        &mut self,
        position: usize,
        window: Option<Window>,
        rows: Vec<(ItemKey, BTreeMap<String, Value>)>,
        not_due_before: Option<Instant>,
    ) {
        let definition = Arc::clone(&self.definition);
        let task = &definition.workflow.tasks[position];
        let mut items = Vec::new();
        for (key, axes) in rows {
            if self.is_over() {
                return;
            }
            let new = self.new_item(task, key, axes, window);
            items.extend(new.map(|new| NewItem { not_due_before, ..new }));
        }
        let added: Vec<ItemKey> = items.iter().map(|item| item.key.clone()).collect();
        self.push(Fact::ItemsAdded { task: task.id.clone(), order: task_order(position), items });
        for key in &added {
            if self.is_over() {
                return;
            }
            self.take_over(task, key);
            self.ask_needs(task, key, |_| true);
        }
        self.settled.extend(added.into_iter().map(Settle::Fresh));
        self.settled.push_back(Settle::Expanded(task.id.clone()));
    }

    fn mark_expanded(&mut self, task: &TaskDef, position: usize) {
        let order = task_order(position);
        self.push(Fact::ItemsAdded { task: task.id.clone(), order, items: Vec::new() });
        self.settled.push_back(Settle::Expanded(task.id.clone()));
    }

    /// Items whose row is gone from the list that made them.
    fn cancel_missing(&mut self, task: &TaskDef, window: Option<Window>, keys: &BTreeSet<ItemKey>) {
        let gone: Vec<Arc<Item>> = self
            .case
            .items_of(task.id.as_str())
            .filter(|item| item.window == window && !item.status.is_closed())
            .filter(|item| !keys.contains(&item.key))
            .cloned()
            .collect();
        for item in gone {
            self.cancel_item(&item, "名单中已无此项");
        }
    }

    /// A `once` task takes over what an earlier period's case came to.
    fn take_over(&mut self, task: &TaskDef, key: &ItemKey) {
        if !task.once {
            return;
        }
        // The earlier case may have known the task by another name.
        let rest = key.as_str().get(key.task().len()..).unwrap_or_default();
        let is_meant = |carried: &&Carried| {
            carried.item == *key
                || task.was.iter().any(|old| carried.item.as_str() == format!("{old}{rest}"))
        };
        let carried = self.case.head().carried.iter().find(is_meant);
        let Some(carried) = carried.cloned() else { return };
        self.push(match carried.done {
            Some(form) => Fact::ItemCarried { item: key.clone(), form },
            None => Fact::ItemSkipped { item: key.clone(), why: SkipReason::Earlier },
        });
        self.settled.push_back(Settle::Closed(key.clone()));
    }

    /// The rows of a task's axes: the texts that name them, and their values.
    #[expect(clippy::type_complexity, reason = "a list of rows, used in two places")]
    pub(super) fn product(
        &mut self,
        task: &TaskDef,
        window: Option<Window>,
    ) -> Option<Vec<(Vec<String>, BTreeMap<String, Value>)>> {
        let scene = Scene { window, ..self.scene(None) };
        let mut rows = vec![(Vec::new(), BTreeMap::new())];
        for axis in &task.each {
            self.reading = Some(Expression::of_list(&task.id, window));
            let values = self.read("each", &axis.over, &scene, "列表", |value| match value {
                Value::List(values) => Some(values.clone()),
                Value::Nil => Some(Vec::new()),
                Value::Map(_) | Value::Text(_) | Value::Unit(_) => Some(vec![value.clone()]),
                Value::Bool(_)
                | Value::Int(_)
                | Value::Decimal(_)
                | Value::Date(_)
                | Value::At(_)
                | Value::Span(_)
                | Value::Assignee(_)
                | Value::Window(_) => None,
            });
            self.reading = None;
            let values = values?;
            if rows.len().saturating_mul(values.len()) > ITEMS_MAX {
                self.alarm(
                    None,
                    format!("任务“{}”的条目超过上限 items_max（{ITEMS_MAX}）", task.title),
                );
                return None;
            }
            let mut wider = Vec::with_capacity(rows.len() * values.len());
            for (names, axes) in &rows {
                for (index, value) in values.iter().enumerate() {
                    let mut names: Vec<String> = Vec::clone(names);
                    let mut axes: BTreeMap<String, Value> = BTreeMap::clone(axes);
                    names.push(name_of(value, task.key.as_deref(), index));
                    axes.insert(axis.name.clone(), value.clone());
                    wider.push((names, axes));
                }
            }
            rows = wider;
        }
        // Time owes all of it: the bound of each task is enough there.
        (self.by_time || self.env.budget.take_items(rows.len())).then_some(rows)
    }

    /// `None` for a window in which the item's unit was made: it is not owed.
    fn new_item(
        &mut self,
        task: &TaskDef,
        key: ItemKey,
        axes: BTreeMap<String, Value>,
        window: Option<Window>,
    ) -> Option<NewItem> {
        let unit = axes.values().find_map(|value| {
            if let Value::Unit(unit) = value { Some(unit.clone()) } else { None }
        });
        let unit = unit.unwrap_or_else(|| self.case.head().name.unit.clone());
        if let Some(window) = window
            && self.env.directory.since(&unit).is_some_and(|since| since > window.start)
        {
            return None;
        }
        let mut new = NewItem {
            key,
            axes,
            window,
            judged_at: None,
            unit,
            deadline: None,
            which: BTreeMap::new(),
            not_due_before: None,
            failed: Vec::new(),
        };
        let scene = self.scene_of_new(task, &new);
        if let Some(window) = window {
            self.close_window(task, window, &scene, &mut new);
        } else if !task.needs.is_empty()
            && let Some(due) = &task.due
        {
            let reads = self.program().reads(due);
            if !reads.later && reads.tasks.is_empty() && reads.foreign.is_empty() {
                new.deadline = self.defined_deadline(due, task.roll, &scene);
            }
        }
        new.which = self.named_needs(task, &scene, |_| true);
        for (key, failed) in std::mem::take(&mut self.unborn) {
            if key == new.key {
                new.failed.push(failed);
            }
        }
        Some(new)
    }

    /// Which items the needs of a waiting item mean, at these places.
    pub(super) fn which(
        &mut self,
        task: &TaskDef,
        key: &ItemKey,
        places: &BTreeSet<u16>,
    ) -> BTreeMap<u16, String> {
        let scene = self.scene(Some(key));
        self.named_needs(task, &scene, |place| places.contains(&place))
    }

    fn named_needs(
        &mut self,
        task: &TaskDef,
        scene: &Scene,
        wanted: impl Fn(u16) -> bool,
    ) -> BTreeMap<u16, String> {
        let mut named = BTreeMap::new();
        for (place, need) in (0_u16..).zip(&task.needs).filter(|(place, _)| wanted(*place)) {
            if let (None, Some(which)) = (&need.workflow, &need.which) {
                let found = self.read("needs", which, scene, "单位或文本", Value::to_key);
                named.extend(found.map(|found| (place, found)));
            }
        }
        named
    }

    /// When an occurrence is due and when it is judged.
    fn close_window(&mut self, task: &TaskDef, window: Window, scene: &Scene, new: &mut NewItem) {
        let due = self.window_end(&window);
        let grace = task.grace.as_ref().and_then(|expr| self.read_span("grace", expr, scene));
        let grace = grace.unwrap_or(Span::Days(0));
        // A window is judged when it is over, whatever the grace.
        let judged_at = self.after(due, grace).unwrap_or(due).max(due);
        let mut deadline = self.deadline(
            1,
            NewDeadline {
                due,
                why: DueReason::Window,
                by: None,
                in_time: true,
                provisional: matches!(grace, Span::Workdays(_))
                    && self.is_provisional(due, judged_at),
            },
        );
        deadline.red_at = judged_at;
        new.judged_at = Some(judged_at);
        new.deadline = Some(deadline);
    }

    /// A scene of an item that is about to be made.
    fn scene_of_new(&mut self, task: &TaskDef, new: &NewItem) -> Scene {
        let item = Item {
            key: new.key.clone(),
            task: task.id.clone(),
            kind: ItemKind::Task,
            axes: Arc::new(new.axes.clone()),
            window: new.window,
            unit: new.unit.clone(),
            status: Status::Waiting,
            attempt: 1,
            ..Item::default()
        };
        let scene = self.scene(None);
        let facts = super::scene::facts_of(&item, &self.definition, self.at);
        Scene { item: Some(Arc::new(facts)), window: new.window, ..scene }
    }
}

/// The text that names an axis value; for a row its naming column, else its first text.
fn name_of(value: &Value, column: Option<&str>, index: usize) -> String {
    let named = match value {
        Value::Map(row) => match column {
            Some(column) => row.get(column).and_then(Value::to_key),
            None => row.values().find_map(|cell| {
                if matches!(cell, Value::Text(_) | Value::Unit(_)) { cell.to_key() } else { None }
            }),
        },
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Date(_)
        | Value::At(_)
        | Value::Span(_)
        | Value::Unit(_)
        | Value::Assignee(_)
        | Value::Window(_)
        | Value::List(_) => value.to_key(),
    };
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| (index + 1).to_string())
}
