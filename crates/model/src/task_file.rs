//! Reads one task of a workflow.

use std::collections::{BTreeMap, BTreeSet};

use duban_calendar::{Roll, WindowKind};

use crate::definition::{Axis, Expr, Join, Many, Need, Place, Reviewer, TaskDef, TaskKind};
use crate::form_file::{check_once, past_where_counted, read_form};
use crate::ids::{TaskId, WorkflowId};
use crate::names::identifier;
use crate::read::{Keys, Reader};
use crate::reviewer_file::read_reviewer;
use crate::task_check::{check_companions, check_people};
use crate::task_parts::{read_extension, read_hooks, read_indicator, read_plan};
use crate::yaml::{Kind, Node};

/// What a task takes from its suite and its workflow.
#[derive(Debug)]
pub(crate) struct TaskContext<'a> {
    /// What other tasks mean by the name of a task that became several.
    pub(crate) aliases: &'a BTreeMap<String, String>,
    /// The ladder of tasks that name none.
    pub(crate) ladder: Option<&'a str>,
    /// The ladder of reviews where the task names none.
    pub(crate) review_ladder: Option<&'a str>,
    /// What a case covers.
    pub(crate) period: Option<WindowKind>,
    /// Whether tasks that do not say so follow the directory.
    pub(crate) follows: bool,
}

/// A name that must lead somewhere, for checks once everything is read.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The task that names it.
    pub(crate) from: TaskId,
    /// What is named.
    pub(crate) to: Target,
    /// Where.
    pub(crate) place: Place,
}

/// What a task names besides its needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A task of the same workflow.
    Task(TaskId),
    /// A task of the same workflow that comes before.
    Upstream(TaskId),
    /// Another workflow of the suite.
    Workflow(WorkflowId),
    /// A ladder of the workflow or the suite.
    Ladder(String),
}

/// A task with the names it uses.
#[derive(Debug)]
pub(crate) struct ReadTask {
    pub(crate) task: TaskDef,
    pub(crate) references: Vec<Reference>,
}

/// Reads one task. `None` where it is no map or has no id.
pub(crate) fn read_task(
    r: &mut Reader<'_>,
    key: &Node,
    node: &Node,
    context: &TaskContext<'_>,
) -> Option<ReadTask> {
    let id = TaskId::new(identifier(r, key)?);
    let mut keys = r.keys(node)?;
    let mut names = Names { from: id.clone(), aliases: context.aliases, found: Vec::new() };
    let written: BTreeSet<&str> =
        node.entries().unwrap_or_default().iter().filter_map(|(key, _)| key.text()).collect();

    let kind = read_kind(r, &mut keys, &mut names);
    let (reviewer, on_refuse) = read_reviewer(r, &mut keys, &kind);
    let on_refuse = on_refuse.and_then(|node| names.upstream(r, node));
    let ladder = names.ladder(r, &mut keys, "ladder", default_ladder(&kind, context.ladder));
    let reviewed = reviewer != Reviewer::None;
    let review_ladder =
        names.ladder(r, &mut keys, "review_ladder", context.review_ladder.filter(|_| reviewed));
    let evidence = read_evidence(r, &mut keys);
    let title = keys.require(r, "title").and_then(|node| r.title(node)).unwrap_or_default();
    let mut task = TaskDef {
        was: keys.texts(r, "was").into_iter().map(TaskId::new).collect(),
        title,
        description: keys.text(r, "description"),
        basis: keys.texts(r, "basis"),
        assumed: read_assumed(r, &mut keys, &written),
        kind,
        keeps_case: read_on_cancel(r, &mut keys),
        needs: keys.take("needs").map(|node| read_needs(r, node, &names)).unwrap_or_default(),
        join: read_join(r, &mut keys),
        when: keys.expr(r, "when"),
        each: keys.take("each").map(|node| read_each(r, node)).unwrap_or_default(),
        key: keys.text(r, "key"),
        empty_skips: read_empty(r, &mut keys),
        follows: read_follow(r, &mut keys).unwrap_or(context.follows),
        every: read_window(r, &mut keys, "every"),
        at_least: keys.take("at_least").and_then(|node| r.count(node, 1)).unwrap_or(1),
        grace: keys.expr(r, "grace"),
        once: keys.flag(r, "once"),
        owner: keys.expr(r, "owner"),
        in_person: keys.flag(r, "in_person"),
        reviewer,
        review_within: keys.expr(r, "review_within"),
        return_within: keys.expr(r, "return_within"),
        on_refuse,
        start_by: keys.date_expr(r, "start_by"),
        due: keys.date_expr(r, "due"),
        roll: read_roll(r, &mut keys),
        not_before: keys.date_expr(r, "not_before"),
        extension: keys.take("extension").and_then(|node| read_extension(r, node)),
        stops_clock: names.tasks(r, &mut keys, "stops_clock"),
        report: read_window(r, &mut keys, "report"),
        stall: keys.expr(r, "stall"),
        plan: keys.take("plan").map(|node| read_plan(r, node)).unwrap_or_default(),
        indicator: keys.take("indicator").and_then(|node| read_indicator(r, node, &mut names)),
        form: keys.take("form").map(|node| read_form(r, node)).unwrap_or_default(),
        evidence,
        counts: keys.expr(r, "counts"),
        event: keys.expr(r, "event"),
        ladder,
        review_ladder,
        hooks: keys.take("hooks").map(|node| read_hooks(r, node)).unwrap_or_default(),
        place: key.place(),
        id,
    };
    if let Some(counts) = &task.counts {
        past_where_counted(&mut task.form, &counts.source);
    }
    check_companions(r, &keys, &task, context);
    check_people(r, &keys, &task);
    keys.finish(r);
    Some(ReadTask { task, references: names.found })
}

fn default_ladder<'a>(kind: &TaskKind, ladder: Option<&'a str>) -> Option<&'a str> {
    ladder.filter(|_| !matches!(kind, TaskKind::Automatic { .. }))
}

/// Collects the names that a task uses.
pub(crate) struct Names<'a> {
    from: TaskId,
    aliases: &'a BTreeMap<String, String>,
    found: Vec<Reference>,
}

impl Names<'_> {
    fn note(&mut self, to: Target, node: &Node) {
        self.found.push(Reference { from: self.from.clone(), to, place: node.place() });
    }

    /// The task that is meant by a name.
    fn meant(&self, text: &str) -> TaskId {
        TaskId::new(self.aliases.get(text).map_or(text, String::as_str))
    }

    pub(crate) fn task(&mut self, r: &mut Reader<'_>, node: &Node) -> Option<TaskId> {
        let id = self.meant(&r.text(node)?);
        self.note(Target::Task(id.clone()), node);
        Some(id)
    }

    fn upstream(&mut self, r: &mut Reader<'_>, node: &Node) -> Option<TaskId> {
        let id = self.meant(&r.text(node)?);
        self.note(Target::Upstream(id.clone()), node);
        Some(id)
    }

    fn tasks(&mut self, r: &mut Reader<'_>, keys: &mut Keys<'_>, key: &'static str) -> Vec<TaskId> {
        let Some(node) = keys.take(key) else { return Vec::new() };
        r.items(node).into_iter().filter_map(|item| self.task(r, item)).collect()
    }

    fn ladder(
        &mut self,
        r: &mut Reader<'_>,
        keys: &mut Keys<'_>,
        key: &'static str,
        default: Option<&str>,
    ) -> Option<String> {
        let Some(node) = keys.take(key) else { return default.map(str::to_owned) };
        let name = r.text(node).filter(|name| name != "none")?;
        self.note(Target::Ladder(name.clone()), node);
        Some(name)
    }
}

fn read_kind(r: &mut Reader<'_>, keys: &mut Keys<'_>, names: &mut Names<'_>) -> TaskKind {
    let run = keys.take("run");
    let workflow = keys.take("workflow");
    if let (Some(run), Some(_)) = (run, workflow) {
        r.error("DB1219", run, "`run` 与 `workflow` 不能同时写");
    }
    if let Some(run) = run.and_then(|node| r.text(node)) {
        return TaskKind::Automatic { run };
    }
    let Some(id) = workflow.and_then(|node| r.text(node)) else { return TaskKind::Human };
    let id = WorkflowId::new(id);
    names.note(Target::Workflow(id.clone()), workflow.unwrap_or(keys.node));
    TaskKind::SubCase { workflow: id }
}

fn read_window(r: &mut Reader<'_>, keys: &mut Keys<'_>, key: &'static str) -> Option<WindowKind> {
    keys.take(key).and_then(|node| r.parsed(node, "year、half-year、quarter、month、week"))
}

fn read_roll(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Roll {
    let found =
        keys.take("roll").and_then(|node| r.parsed(node, "none、forward、backward、forward 2"));
    found.unwrap_or_default()
}

fn read_empty(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> bool {
    let choices = [("skip", true), ("tell", false)];
    keys.take("empty").and_then(|node| r.choice(node, &choices)).unwrap_or_default()
}

/// Reads `follow`: whether items follow the directory by themselves.
pub(crate) fn read_follow(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<bool> {
    let choices = [("directory", true), ("none", false)];
    keys.take("follow").and_then(|node| r.choice(node, &choices))
}

fn read_on_cancel(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> bool {
    let choices = [("end", false), ("keep", true)];
    keys.take("on_cancel").and_then(|node| r.choice(node, &choices)).unwrap_or_default()
}

fn read_join(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Join {
    let Some(node) = keys.take("join") else { return Join::All };
    match node.text() {
        Some("all") => Join::All,
        Some("any") => Join::AtLeast(1),
        Some(text) if text.parse::<u32>().is_ok() => {
            r.count(node, 1).map_or(Join::All, Join::AtLeast)
        }
        _ => {
            r.wrong(node, " all、any 或前置任务的个数");
            Join::All
        }
    }
}

fn read_evidence(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Vec<String> {
    let Some(node) = keys.take("evidence") else { return Vec::new() };
    let evidence = r.texts(node);
    check_once(r, node, &evidence);
    evidence
}

fn read_assumed(r: &mut Reader<'_>, keys: &mut Keys<'_>, written: &BTreeSet<&str>) -> Vec<String> {
    let Some(node) = keys.take("assumed") else { return Vec::new() };
    let mut assumed = Vec::new();
    for item in r.items(node) {
        let Some(name) = r.text(item) else { continue };
        let key = name.split('.').next().unwrap_or_default();
        if !written.contains(key) {
            let help = "assumed 列出文件没有给出、由作者设定的键";
            r.error_help("DB1216", item, format!("任务没有写 `{key}`，不能列入 assumed"), help);
        }
        assumed.push(name);
    }
    assumed
}

/// Reads `needs`: a name, a list of names and single maps, or a map.
fn read_needs(r: &mut Reader<'_>, node: &Node, names: &Names<'_>) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let mut push = |r: &mut Reader<'_>, key: &Node, value: Option<&Node>| {
        let Some(need) = read_need(r, key, value, names) else { return };
        if needs.iter().any(|other| other.task == need.task && other.workflow == need.workflow) {
            r.error("DB1213", key, format!("`{}` 写了两次", need.task));
            return;
        }
        needs.push(need);
    };
    if let Some(entries) = node.entries() {
        entries.iter().for_each(|(key, value)| push(r, key, Some(value)));
        return needs;
    }
    for item in r.items(node) {
        match item.entries() {
            Some(entries) => entries.iter().for_each(|(key, value)| push(r, key, Some(value))),
            None => push(r, item, None),
        }
    }
    needs
}

fn read_need(
    r: &mut Reader<'_>,
    key: &Node,
    value: Option<&Node>,
    names: &Names<'_>,
) -> Option<Need> {
    let text = r.text(key)?;
    let (workflow, task) = match text.split_once('/') {
        Some((workflow, task)) => (Some(WorkflowId::new(workflow)), TaskId::new(task)),
        None => (None, names.meant(&text)),
    };
    let (many, which) = match value {
        None => (Many::All, None),
        Some(value) => read_many(r, value)?,
    };
    Some(Need { workflow, task, many, which, place: key.place() })
}

/// What a need says of its task: `all`, `any`, a number, or which item.
fn read_many(r: &mut Reader<'_>, value: &Node) -> Option<(Many, Option<Expr>)> {
    match value.text() {
        Some("all") => Some((Many::All, None)),
        Some("any") => Some((Many::AtLeast(1), None)),
        Some(text) if text.parse::<u32>().is_ok() => {
            r.count(value, 1).map(|many| (Many::AtLeast(many), None))
        }
        _ => r.expr(value).map(|which| (Many::All, Some(which))),
    }
}

fn read_each(r: &mut Reader<'_>, node: &Node) -> Vec<Axis> {
    if let Kind::Text(text, _) = &node.kind {
        let help = format!("写成：each: {{ unit: {} }}", crate::punctuation::quote(text.trim()));
        r.error_help("DB1013", node, "each 要给每个轴起名", help);
        return Vec::new();
    }
    let entries = r.map(node);
    let axes: Vec<Axis> =
        entries.iter().filter_map(|(name, over)| read_axis(r, name, over)).collect();
    let names = axes.iter().flat_map(|axis| axis.was.iter().chain([&axis.name]));
    check_once(r, node, &names.cloned().collect::<Vec<_>>());
    axes
}

/// Reads an axis: what it ranges over, or a map that says besides what it was called.
fn read_axis(r: &mut Reader<'_>, name: &Node, node: &Node) -> Option<Axis> {
    let name = identifier(r, name);
    // What is wrong with its list is told already; the name is there for expressions.
    let nothing = |node: &Node| Expr { source: "[]".to_owned(), place: node.place() };
    if node.entries().is_none() {
        let over = r.expr(node).unwrap_or_else(|| nothing(node));
        return Some(Axis { name: name?, was: Vec::new(), over });
    }
    let mut keys = r.keys(node)?;
    let over = keys.require(r, "over").map(|over| r.expr(over).unwrap_or_else(|| nothing(over)));
    let was = keys.texts(r, "was");
    keys.finish(r);
    Some(Axis { name: name?, was, over: over? })
}
