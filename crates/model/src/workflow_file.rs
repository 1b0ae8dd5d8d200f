//! Reads one workflow file.

use std::collections::{BTreeMap, BTreeSet};

use duban_calendar::WindowKind;

use crate::definition::{OpenForm, Workflow};
use crate::form_file::read_form;
use crate::ids::WorkflowId;
use crate::ladder::Ladder;
use crate::ladder_file::read_ladders;
use crate::limits::LoadLimits;
use crate::names::check_id;
use crate::preset::{Presets, expand_tasks, resolve};
use crate::problem::Problem;
use crate::read::{Keys, Reader};
use crate::task_file::{ReadTask, Reference, TaskContext, read_follow, read_task};
use crate::wording::What;
use crate::yaml::Node;

/// What workflows take from their suite while they are read.
#[derive(Debug)]
pub(crate) struct WorkflowContext<'a> {
    /// How much a file may ask for.
    pub(crate) limits: LoadLimits,
    /// The suite's presets.
    pub(crate) presets: &'a Presets,
    /// The ladder of tasks that name none.
    pub(crate) ladder: Option<&'a str>,
    /// The ladder of reviews where the task names none.
    pub(crate) review_ladder: Option<&'a str>,
}

/// A workflow with its own ladders and the names its tasks use.
#[derive(Debug)]
pub(crate) struct ReadWorkflow {
    pub(crate) workflow: Workflow,
    pub(crate) ladders: BTreeMap<String, Ladder>,
    pub(crate) references: Vec<Reference>,
}

/// Reads one workflow. `None` where it is no map or has no id.
pub(crate) fn read_workflow(
    r: &mut Reader<'_>,
    root: &Node,
    context: &WorkflowContext<'_>,
) -> Option<ReadWorkflow> {
    let root = resolve(r, root, context.presets);
    let mut keys = r.keys(&root)?;
    let id = keys.require(r, "id").and_then(|node| read_id(r, node));
    let title = keys.require(r, "title").and_then(|node| r.title(node)).unwrap_or_default();
    let period = read_period(r, &mut keys);
    let ladders = keys.take("ladders").map(|node| read_ladders(r, node)).unwrap_or_default();
    let tasks = read_tasks(r, &mut keys, context, period);
    let (tasks, references) = unzip(r, tasks);
    let workflow = Workflow {
        id: id.clone().unwrap_or_else(|| WorkflowId::new("")),
        title,
        description: keys.text(r, "description"),
        basis: keys.texts(r, "basis"),
        lead: keys.expr(r, "lead"),
        with: keys.expr(r, "with"),
        cases: keys.expr(r, "cases"),
        period,
        renew: read_renew(r, &mut keys),
        open: keys.take("open").and_then(|node| read_open(r, node)),
        params: keys.take("params").map(|node| r.data_map(node)).unwrap_or_default(),
        tasks,
        place: root.place(),
    };
    check_opening(r, &keys, &workflow);
    keys.finish(r);
    id.map(|_| ReadWorkflow { workflow, ladders, references })
}

fn read_id(r: &mut Reader<'_>, node: &Node) -> Option<WorkflowId> {
    let text = r.text(node)?;
    check_id(r, node, What::Workflow, &text);
    Some(WorkflowId::new(text))
}

fn read_period(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> Option<WindowKind> {
    keys.take("period").and_then(|node| r.parsed(node, "year、half-year、quarter、month、week"))
}

fn read_renew(r: &mut Reader<'_>, keys: &mut Keys<'_>) -> bool {
    let choices = [("auto", true), ("none", false)];
    keys.take("renew").and_then(|node| r.choice(node, &choices)).unwrap_or_default()
}

fn read_open(r: &mut Reader<'_>, node: &Node) -> Option<OpenForm> {
    let mut keys = r.keys(node)?;
    let by = keys.expr(r, "by");
    let form = keys.take("form").map(|node| read_form(r, node)).unwrap_or_default();
    keys.finish(r);
    Some(OpenForm { by, form })
}

fn read_tasks(
    r: &mut Reader<'_>,
    keys: &mut Keys<'_>,
    context: &WorkflowContext<'_>,
    period: Option<WindowKind>,
) -> Vec<ReadTask> {
    let follows = read_follow(r, keys).unwrap_or_default();
    let Some(node) = keys.require(r, "tasks") else { return Vec::new() };
    let expanded = expand_tasks(r, node, context.presets, context.limits);
    if node.entries().is_some_and(<[_]>::is_empty) {
        let help = "在 tasks 下写任务，例如 study: { title: 研究, owner: unit }";
        r.error_help("DB1007", node, "至少要有一个任务", help);
    }
    let context = TaskContext {
        aliases: &expanded.aliases,
        ladder: context.ladder,
        review_ladder: context.review_ladder,
        period,
        follows,
    };
    let tasks = expanded.tasks.iter();
    tasks.filter_map(|(key, body)| read_task(r, key, body, &context)).collect()
}

/// The tasks in order without those whose id a preset made a second time.
fn unzip(r: &mut Reader<'_>, tasks: Vec<ReadTask>) -> (Vec<crate::TaskDef>, Vec<Reference>) {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    let mut references = Vec::new();
    for read in tasks {
        if seen.insert(read.task.id.clone()) {
            references.extend(read.references);
            kept.push(read.task);
        } else {
            let message = format!("任务 `{}` 重复", read.task.id);
            r.problems.push(Problem::error("DB1202", &read.task.place, message));
        }
    }
    check_was(r, &kept);
    (kept, references)
}

/// An earlier name leads to one task: it is no other's, and nobody's name now.
fn check_was(r: &mut Reader<'_>, tasks: &[crate::TaskDef]) {
    let mut taken: BTreeSet<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    for task in tasks {
        for old in &task.was {
            if !taken.insert(old.as_str()) {
                let message = format!("任务 `{old}` 重复：`{}` 的 was 用了已有的名称", task.id);
                let help = "was 写旧版里的任务名，一个旧名只归一个任务";
                let problem = Problem::error("DB1202", &task.place, message);
                r.problems.push(problem.with_help(help));
            }
        }
    }
}

fn check_opening(r: &mut Reader<'_>, keys: &Keys<'_>, workflow: &Workflow) {
    if let Some(node) = keys.key("renew").filter(|_| keys.key("period").is_none()) {
        r.error("DB1217", node, "`renew` 要与 `period` 同用");
    }
    let opened = ["cases", "lead", "open"].iter().any(|key| keys.key(key).is_some());
    if !opened {
        let place = Problem::error("DB1012", &workflow.place, "缺少 `cases` 或 `lead`");
        r.problems.push(place.with_help("cases 说为哪些单位各开一件；只开一件的，写牵头单位 lead"));
    }
}
