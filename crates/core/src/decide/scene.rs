//! What scripts see of a case, and how the core asks them.

use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Window, date_of, end_of};
use duban_model::{Assignee, Definition, Directory, Expr, Field, TaskDef};
use duban_script::{CaseFacts, Facts, Program, Scene, ScriptError, TaskFacts, Value};
use serde_json::{Map, Value as Json};

use super::Turn;
use crate::case::{Case, CaseHead};
use crate::duties::missed_in_row;
use crate::event::ItemKind;
use crate::fact::Fact;
use crate::failed::{Expression, Failed, KeptKey};
use crate::ids::ItemKey;
use crate::item::{Item, Status};

/// A read-only view of a case for scripts. Holds a cheap copy, so nothing is borrowed.
pub(super) struct View {
    case: Case,
    facts: Arc<CaseFacts>,
    definition: Arc<Definition>,
    directory: Arc<Directory>,
    calendar: Arc<Calendar>,
    moment: Instant,
}

impl Facts for View {
    fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    fn case(&self) -> Arc<CaseFacts> {
        Arc::clone(&self.facts)
    }

    fn item(&self, key: &str) -> Option<Arc<TaskFacts>> {
        self.case.find(key).map(|item| self.task_facts(item))
    }

    fn items(&self, task: &str) -> Vec<Arc<TaskFacts>> {
        self.case.items_of(task).map(|item| self.task_facts(item)).collect()
    }

    fn missed_in_row(&self, key: &str) -> u32 {
        self.case.find(key).map_or(0, |item| missed_in_row(&self.case, item))
    }

    fn foreign(&self, name: &str) -> Option<Map<String, Json>> {
        self.case.head().foreign.get(name).cloned()
    }
}

impl View {
    fn task_facts(&self, item: &Item) -> Arc<TaskFacts> {
        Arc::new(facts_of(item, &self.definition, self.moment))
    }
}

pub(super) fn case_facts(id: String, head: &CaseHead) -> CaseFacts {
    CaseFacts {
        id,
        title: head.title.clone(),
        unit: head.name.unit.clone(),
        period: head.name.period,
        lead: head.lead.clone(),
        with: head.with.clone(),
        form: head.form.clone(),
        vars: head.vars.clone(),
        opened_at: head.opened_at,
    }
}

pub(super) fn facts_of(item: &Item, definition: &Definition, moment: Instant) -> TaskFacts {
    let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
    TaskFacts {
        key: item.key.as_str().to_owned(),
        task: item.task.to_string(),
        title: title_of(item, task).to_owned(),
        status: item.status.as_str(),
        attempt: item.attempt,
        unit: item.unit.clone(),
        owner: item.owner.clone(),
        reviewers: item.review.members.clone(),
        axes: Arc::clone(&item.axes),
        window: item.window,
        due: item.due(),
        original_due: item.original_due(),
        ready_at: item.ready_at,
        signed_at: item.signed_at,
        submitted_at: item.submitted_at,
        done_at: item.done_at,
        counted_at: item.counted_until(),
        stood_workdays: item.stood_workdays(),
        progress: item.progress,
        planned: planned(task, definition, moment),
        form: Arc::clone(&item.form),
        fields: Arc::new(fields_of(item, task)),
        value: item.value,
        target: item.target,
        met: item.met,
        breached: item.is_breached(),
        stalled: item.stalled_at.is_some(),
        entries: item.entries_counting(),
        history: Arc::clone(&item.history),
    }
}

fn planned(task: Option<&TaskDef>, definition: &Definition, moment: Instant) -> Option<u8> {
    let plan = task.map(|task| task.plan.as_slice()).filter(|plan| !plan.is_empty())?;
    let today = date_of(moment, definition.suite.time_zone);
    Some(plan.iter().rev().find(|(date, _)| *date < today).map_or(0, |(_, percent)| *percent))
}

/// What people read for an item.
pub(crate) fn title_of<'a>(item: &'a Item, task: Option<&'a TaskDef>) -> &'a str {
    match &item.kind {
        ItemKind::Task => match (task, &item.title) {
            (Some(task), _) => &task.title,
            (None, Some(title)) => title,
            (None, None) => item.task.as_str(),
        },
        ItemKind::Interview { .. } => "约谈",
        ItemKind::Rectification { .. } => "整改",
        ItemKind::Extra { title, .. } => title,
    }
}

/// The fields that an item's submission fills in; `task` is the one it is an item of.
pub fn fields_of(item: &Item, task: Option<&TaskDef>) -> Vec<Field> {
    match &item.kind {
        ItemKind::Task => task.map(|task| task.form.clone()).unwrap_or_default(),
        ItemKind::Interview { .. } => crate::form::interview_fields(),
        ItemKind::Rectification { .. } | ItemKind::Extra { .. } => crate::form::result_fields(),
    }
}

impl Turn<'_> {
    /// What an evaluation sees, with an item in hand or none.
    pub(super) fn scene(&mut self, item: Option<&ItemKey>) -> Scene {
        let facts = match &self.case_facts {
            Some(facts) => Arc::clone(facts),
            None => {
                let id = self.case.id().as_str().to_owned();
                let facts = Arc::new(case_facts(id, self.case.head()));
                self.case_facts = Some(Arc::clone(&facts));
                facts
            }
        };
        let view = View {
            case: self.case.clone(),
            facts,
            definition: Arc::clone(&self.definition),
            directory: Arc::clone(&self.env.directory),
            calendar: Arc::clone(&self.env.calendar),
            moment: self.at,
        };
        let item = item.and_then(|key| self.case.item(key)).map(|item| {
            let mut facts = view.task_facts(item);
            if let Some(chase) = self.chase.as_ref().filter(|chase| !chase.to.is_empty()) {
                Arc::make_mut(&mut facts).reviewers.clone_from(&chase.to);
            }
            facts
        });
        // A ladder towards a review or an answer speaks of that date.
        let chased_for = self.chase.as_ref().and_then(|chase| chase.due);
        Scene {
            window: item.as_ref().and_then(|item| item.window),
            due: chased_for.or(item.as_ref().and_then(|item| item.due)),
            facts: Arc::new(view),
            item,
            now: self.now(),
            moment: self.at,
            by_time: self.by_time,
            budget: self.env.budget.clone(),
        }
    }

    pub(super) fn program(&self) -> &Program {
        &self.env.program
    }

    /// Evaluates a key for this moment; a failure is an event that the administrator sees.
    pub(super) fn value(&mut self, key: &str, expr: &Expr, scene: &Scene) -> Option<Value> {
        match self.env.program.eval(expr, scene) {
            Ok(value) => Some(value),
            Err(error) => {
                self.script_failed(scene, key, &error.to_string(), None);
                None
            }
        }
    }

    /// Evaluates a key to what `read` makes of it; another kind of value is a failure too.
    pub(super) fn read<T>(
        &mut self,
        key: &str,
        expr: &Expr,
        scene: &Scene,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let keeps = self.reading.clone().or_else(|| {
            let kept = KeptKey::of_item(key).filter(|_| scene.item.is_some() && !self.compares);
            kept.map(Expression::of)
        });
        let value = match self.env.program.eval(expr, scene) {
            Ok(value) => value,
            Err(error) => {
                self.script_failed(scene, key, &error.to_string(), keeps);
                return None;
            }
        };
        let found = read(&value);
        // What is owed by a date that is no date at all would never be late.
        if found.is_none() && (value != Value::Nil || key == "due") {
            let place = format!("{}:{}:{}", expr.place.file, expr.place.line, expr.place.column);
            let got = value.type_name().to_owned();
            let error = ScriptError::WrongType { place, expected, got };
            self.script_failed(scene, key, &error.to_string(), keeps);
        }
        found
    }

    pub(super) fn read_instant(
        &mut self,
        key: &str,
        expr: &Expr,
        scene: &Scene,
    ) -> Option<Instant> {
        let tz = self.tz();
        self.read(key, expr, scene, "日期或时刻", |value| value.to_instant(tz))
    }

    pub(super) fn read_span(
        &mut self,
        key: &str,
        expr: &Expr,
        scene: &Scene,
    ) -> Option<duban_calendar::Span> {
        self.read(key, expr, scene, "时长", |value| {
            if let Value::Span(span) = value { Some(*span) } else { None }
        })
    }

    pub(super) fn read_bool(&mut self, key: &str, expr: &Expr, scene: &Scene) -> Option<bool> {
        self.read(key, expr, scene, "真假值", |value| {
            if let Value::Bool(truth) = value { Some(*truth) } else { None }
        })
    }

    pub(super) fn read_assignee(
        &mut self,
        key: &str,
        expr: &Expr,
        scene: &Scene,
    ) -> Option<Assignee> {
        self.read(key, expr, scene, "单位、岗位或人员", Value::to_assignee)
    }

    pub(super) fn script_failed(
        &mut self,
        scene: &Scene,
        function: &str,
        error: &str,
        keeps: Option<Expression>,
    ) {
        let item = scene.item.as_ref().map(|item| ItemKey::new(&item.key));
        self.failures += usize::from(keeps.is_some());
        if let (Some(key), Some(expression)) = (&item, &keeps)
            && self.case.item(key).is_none()
        {
            // The item is only being made; it brings the failure along.
            let (expression, error, since) = (expression.clone(), error.to_owned(), self.at);
            self.unborn.push((key.clone(), Failed { expression, error, since }));
        }
        self.push(Fact::ScriptFailed {
            item: item.clone(),
            function: function.to_owned(),
            error: error.to_owned(),
            keeps,
        });
        if let Some(item) = &item {
            self.note_cut_off(item, function);
        }
        // Once the budget has run out every further script ends at once: one alarm says it.
        let is_spent = self.env.budget.spent().is_some();
        if !std::mem::replace(&mut self.told_spent, is_spent) {
            self.alarm(item.as_ref(), format!("脚本“{function}”出错：{error}"));
        }
    }

    /// Calls a function for an item and lets its actions happen. On failure the engine's plain
    /// message goes out in its place.
    pub(super) fn call(
        &mut self,
        function: &str,
        key: &ItemKey,
        rung: Option<&duban_script::RungFacts>,
    ) {
        if self.probing {
            return;
        }
        let scene = self.scene(Some(key));
        let called = self.env.program.call(function, &scene, rung);
        match called {
            Ok(actions) => {
                drop(scene);
                self.apply_actions(key, actions);
            }
            Err(error) => {
                self.script_failed(&scene, function, &error.to_string(), None);
                drop(scene);
                self.plain_message(key);
            }
        }
    }

    /// Calls the workflow's own function for a moment, where it has one.
    pub(super) fn hook(&mut self, hook: duban_model::Hook, key: &ItemKey) {
        let definition = Arc::clone(&self.definition);
        let function = self
            .case
            .item(key)
            .and_then(|item| Self::task(&definition, item))
            .and_then(|task| task.hooks.get(&hook));
        if let Some(function) = function {
            self.call(function, key, None);
        }
    }

    /// The end of a window's last day.
    pub(super) fn window_end(&self, window: &Window) -> Instant {
        end_of(window.end, self.tz())
    }

    pub(super) fn date(&self, at: Instant) -> Date {
        date_of(at, self.tz())
    }

    /// Whether an item is one that somebody owes something on.
    pub(super) fn is_open(&self, key: &ItemKey) -> bool {
        self.case.item(key).is_some_and(|item| item.status.is_open())
    }

    pub(super) fn status(&self, key: &ItemKey) -> Option<Status> {
        self.case.item(key).map(|item| item.status)
    }
}
