//! What can only be seen when everything is read: names, cycles, dates, and what the document
//! asks for.

use std::collections::{BTreeMap, BTreeSet};

use duban_calendar::{Calendar, Date, Roll};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::definition::{Join, Need, Place, TaskDef, TaskKind, Workflow};
use crate::graph::graph;
use crate::problem::Problem;
use crate::read::{Reader, closest};
use crate::suite_file::SuiteFile;
use crate::task_file::{Reference, Target};
use crate::turns::check_stoppers;
use crate::workflow_file::ReadWorkflow;

/// Workflows by id.
type ById<'a> = BTreeMap<&'a str, &'a Workflow>;

/// Every check over the whole suite.
pub(crate) fn check_suite(
    r: &mut Reader<'_>,
    suite: &SuiteFile,
    workflows: &[ReadWorkflow],
    calendar: &Calendar,
) {
    let by_id: ById<'_> =
        workflows.iter().map(|read| (read.workflow.id.as_str(), &read.workflow)).collect();
    for read in workflows {
        read.references.iter().for_each(|named| check_reference(r, named, read, suite, &by_id));
        check_needs(r, &read.workflow, &by_id);
        check_cycles(r, &read.workflow);
        check_stoppers(r, &read.workflow);
        check_dates(r, &read.workflow, calendar);
        check_returns(r, &read.workflow);
    }
    check_between(r, &by_id);
    check_basis(r, suite, workflows);
}

fn report_unknown<'a>(
    r: &mut Reader<'_>,
    code: &str,
    place: &Place,
    message: String,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) {
    let several = name.contains(['，', '、']);
    let help = if several {
        let names = name.replace(['，', '、'], ", ");
        Some(format!("几个名称之间用半角逗号：[{names}]"))
    } else {
        closest(name, known).map(|near| format!("是否想写 `{near}`？"))
    };
    let problem = Problem::error(code, place, message);
    r.problems.push(Problem { help, ..problem });
}

fn unknown_task(r: &mut Reader<'_>, place: &Place, name: &str, workflow: &Workflow) {
    let known = workflow.tasks.iter().map(|task| task.id.as_str());
    let message = format!("措施 `{}` 没有任务 `{name}`", workflow.id);
    report_unknown(r, "DB1203", place, message, name, known);
}

fn unknown_workflow(r: &mut Reader<'_>, place: &Place, name: &str, by_id: &ById<'_>) {
    let message = format!("文件没有措施 `{name}`");
    report_unknown(r, "DB1204", place, message, name, by_id.keys().copied());
}

fn check_reference(
    r: &mut Reader<'_>,
    named: &Reference,
    read: &ReadWorkflow,
    suite: &SuiteFile,
    by_id: &ById<'_>,
) {
    let workflow = &read.workflow;
    match &named.to {
        Target::Task(task) | Target::Upstream(task) if workflow.task(task.as_str()).is_none() => {
            unknown_task(r, &named.place, task.as_str(), workflow);
        }
        Target::Upstream(task)
            if !workflow.upstream(named.from.as_str()).contains(task.as_str()) =>
        {
            let message = format!("`{task}` 不在 `{}` 的前置任务之中，不能退回到它", named.from);
            r.problems.push(Problem::error("DB1220", &named.place, message));
        }
        Target::Task(task) if *task == named.from => {
            let message = format!("任务 `{task}` 在这里指了它自己");
            r.problems.push(Problem::error("DB1220", &named.place, message));
        }
        Target::Workflow(id) if !by_id.contains_key(id.as_str()) => {
            unknown_workflow(r, &named.place, id.as_str(), by_id);
        }
        Target::Ladder(name)
            if !read.ladders.contains_key(name) && !suite.ladders.contains_key(name) =>
        {
            let known = read.ladders.keys().chain(suite.ladders.keys()).map(String::as_str);
            let message = format!("没有阶梯 `{name}`");
            report_unknown(r, "DB1209", &named.place, message, name, known);
        }
        _ => {}
    }
}

fn check_needs(r: &mut Reader<'_>, workflow: &Workflow, by_id: &ById<'_>) {
    for need in workflow.tasks.iter().flat_map(|task| &task.needs) {
        let target = match &need.workflow {
            None => workflow,
            Some(id) => match by_id.get(id.as_str()) {
                Some(other) => other,
                None => {
                    unknown_workflow(r, &need.place, id.as_str(), by_id);
                    continue;
                }
            },
        };
        if target.task(need.task.as_str()).is_none() {
            unknown_task(r, &need.place, need.task.as_str(), target);
        }
    }
}

/// Cycles of one workflow, and the tasks that can never be ready because of them.
fn check_cycles(r: &mut Reader<'_>, workflow: &Workflow) {
    let graph = graph(workflow);
    let mut blocked: BTreeSet<&str> = BTreeSet::new();
    for cycle in cycles(&graph) {
        let names: Vec<&str> = cycle.iter().map(|at| graph[*at].id.as_str()).collect();
        report_cycle(r, "DB1205", &graph[cycle[0]].place, "任务", &names);
        blocked.extend(names);
    }
    for task in workflow.tasks.iter().filter(|task| !blocked.contains(task.id.as_str())) {
        let upstream = workflow.upstream(task.id.as_str());
        if let Some(reason) = upstream.intersection(&blocked).next() {
            let message = format!("任务 `{}` 永远不会开始：它前面的 `{reason}` 在圈里", task.id);
            r.problems.push(Problem::error("DB1207", &task.place, message));
        }
    }
}

fn report_cycle(r: &mut Reader<'_>, code: &str, place: &Place, what: &str, names: &[&str]) {
    report_circle(r, code, place, &format!("{what}互相等待"), names, "needs");
}

/// A circle of names, which ends where one of the keys is taken away.
pub(crate) fn report_circle(
    r: &mut Reader<'_>,
    code: &str,
    place: &Place,
    what: &str,
    names: &[&str],
    key: &str,
) {
    let circle = format!("{} → {}", names.join(" → "), names[0]);
    let problem = Problem::error(code, place, format!("{what}：{circle}"));
    r.problems.push(problem.with_help(format!("去掉其中一个 {key}")));
}

/// One cycle of each tangle, in the order in which its nodes wait for each other.
pub(crate) fn cycles<N, E>(graph: &DiGraph<N, E>) -> Vec<Vec<NodeIndex>> {
    let mut found: Vec<Vec<NodeIndex>> =
        tarjan_scc(graph).into_iter().filter_map(|tangle| cycle_in(graph, &tangle)).collect();
    found.sort();
    found
}

/// Walks within a tangle from its first node until a node comes round again.
fn cycle_in<N, E>(graph: &DiGraph<N, E>, tangle: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
    let inside: BTreeSet<NodeIndex> = tangle.iter().copied().collect();
    let mut path = vec![*inside.first()?];
    loop {
        let last = *path.last()?;
        let next = graph.neighbors(last).filter(|at| inside.contains(at)).min()?;
        if let Some(start) = path.iter().position(|at| *at == next) {
            let mut cycle = path.split_off(start);
            let first = cycle.iter().enumerate().min_by_key(|(_, at)| **at).map_or(0, |(at, _)| at);
            cycle.rotate_left(first);
            return Some(cycle);
        }
        path.push(next);
    }
}

/// Cycles that run through several workflows: tasks that wait for each other, and workflows that
/// open each other without end.
fn check_between(r: &mut Reader<'_>, by_id: &ById<'_>) {
    let mut tasks: DiGraph<(&Workflow, &TaskDef), ()> = DiGraph::new();
    let mut at: BTreeMap<(&str, &str), NodeIndex> = BTreeMap::new();
    for workflow in by_id.values() {
        for task in &workflow.tasks {
            let node = tasks.add_node((workflow, task));
            at.insert((workflow.id.as_str(), task.id.as_str()), node);
        }
    }
    let mut edges = Vec::new();
    for ((own, _), node) in &at {
        for need in &tasks[*node].1.needs {
            edges.extend(at.get(&need_key(own, need)).map(|before| (*before, *node)));
        }
        if let TaskKind::SubCase { workflow } = &tasks[*node].1.kind {
            let inside = at
                .range((workflow.as_str(), "")..)
                .take_while(|((id, _), _)| *id == workflow.as_str());
            edges.extend(inside.map(|(_, before)| (*before, *node)));
        }
    }
    for (before, after) in edges {
        tasks.add_edge(before, after, ());
    }
    for cycle in cycles(&tasks) {
        let owners: BTreeSet<&str> = cycle.iter().map(|at| tasks[*at].0.id.as_str()).collect();
        let opens_itself =
            cycle.len() == 1 && matches!(tasks[cycle[0]].1.kind, TaskKind::SubCase { .. });
        if owners.len() > 1 || opens_itself {
            let names: Vec<String> =
                cycle.iter().map(|at| format!("{}/{}", tasks[*at].0.id, tasks[*at].1.id)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            report_cycle(r, "DB1206", &tasks[cycle[0]].1.place, "不同措施的任务", &names);
        }
    }
}

fn need_key<'a>(own: &'a str, need: &'a Need) -> (&'a str, &'a str) {
    (need.workflow.as_ref().map_or(own, |id| id.as_str()), need.task.as_str())
}

/// Returns upstream: to tasks that people do, and whether one item alone can be meant.
fn check_returns(r: &mut Reader<'_>, workflow: &Workflow) {
    for task in &workflow.tasks {
        let target = task.on_refuse.as_ref().and_then(|id| workflow.task(id.as_str()));
        let Some((_, target)) = target else { continue };
        let place = &task.place;
        if matches!(target.kind, TaskKind::Automatic { .. }) {
            let message = format!("`{}` 由脚本完成，`{}` 不能退回到它", target.id, task.id);
            r.problems.push(Problem::error("DB1220", place, message));
            continue;
        }
        // A need that says which item means that one.
        let named = task.needs.iter().any(|need| need.task == target.id && need.which.is_some());
        let own = |name: &str| task.each.iter().any(|axis| axis.name == name);
        let further = target.each.iter().find(|axis| !own(&axis.name));
        let windows = target.every.is_some() && target.every != task.every;
        let why = match further {
            Some(axis) => format!("它按 `{}` 分条目，`{}` 没有这个轴", axis.name, task.id),
            None if windows => "它每个周期一项".to_owned(),
            None => continue,
        };
        if !named {
            let message = format!("`{}` 退回到 `{}` 时可能对应多项：{why}", task.id, target.id);
            let help = "审核人退回时须写明退回到哪一项或哪几项";
            r.problems.push(Problem::warning("DB1231", place, message).with_help(help));
        }
    }
}

/// Due dates that are written as dates: before those of what comes first, or on a day off.
fn check_dates(r: &mut Reader<'_>, workflow: &Workflow, calendar: &Calendar) {
    for task in &workflow.tasks {
        let (Some(due), Some(expr)) = (fixed_due(task), &task.due) else { continue };
        check_day_off(r, task, due, calendar);
        if task.join != Join::All {
            continue;
        }
        let upstream = workflow.upstream(task.id.as_str());
        let before = upstream.iter().filter_map(|id| workflow.task(id)).map(|(_, before)| before);
        let later = before.filter_map(|before| Some((fixed_due(before)?, before)));
        let Some((latest, before)) = later.max_by_key(|(date, _)| *date) else { continue };
        if latest > due {
            let message = format!("期限 {due} 早于前置任务 `{}` 的期限 {latest}", before.id);
            r.problems.push(Problem::error("DB1215", &expr.place, message));
        }
    }
}

fn check_day_off(r: &mut Reader<'_>, task: &TaskDef, due: Date, calendar: &Calendar) {
    let Some(expr) = &task.due else { return };
    if task.roll != Roll::None || calendar.is_workday(due) {
        return;
    }
    let next = calendar.roll(due, Roll::Forward).date;
    let message = format!("期限 {due} 不是工作日");
    let help = format!("下一个工作日是 {next}；写 `roll: forward` 则自动顺延");
    r.problems.push(Problem::warning("DB1221", &expr.place, message).with_help(help));
}

/// The due date, if it is written as a date.
fn fixed_due(task: &TaskDef) -> Option<Date> {
    let source = task.due.as_ref()?.source.trim();
    source.strip_prefix("date(\"")?.strip_suffix("\")")?.parse().ok()
}

/// What the document asks for against what workflows carry.
fn check_basis(r: &mut Reader<'_>, suite: &SuiteFile, workflows: &[ReadWorkflow]) {
    if suite.obligations.is_empty() {
        return;
    }
    let carried = carried(suite, workflows);
    for obligation in &suite.obligations {
        if !carried.iter().any(|(basis, _)| *basis == obligation.row) {
            let message = format!("条目 {} 没有措施承载：{}", obligation.row, obligation.text);
            let help = format!("在相应的任务上写 basis: \"{}\"", obligation.row);
            r.problems.push(Problem::warning("DB1104", &obligation.place, message).with_help(help));
        }
    }
    let rows: BTreeSet<&str> = suite.obligations.iter().map(|row| row.row.as_str()).collect();
    for (basis, place) in carried {
        let measure = format!("{basis}.");
        if !rows.iter().any(|row| *row == basis || row.starts_with(&measure)) {
            let message = format!("文件的条目里没有 `{basis}`");
            let help =
                closest(basis, rows.iter().copied()).map(|near| format!("是否想写 `{near}`？"));
            let problem = Problem::warning("DB1105", place, message);
            r.problems.push(Problem { help, ..problem });
        }
    }
}

/// Every basis of a workflow, a task or a ladder, with the place of what carries it.
fn carried<'a>(suite: &'a SuiteFile, workflows: &'a [ReadWorkflow]) -> Vec<(&'a str, &'a Place)> {
    let mut found: Vec<(&str, &Place)> = Vec::new();
    for read in workflows {
        let workflow = &read.workflow;
        found.extend(workflow.basis.iter().map(|basis| (basis.as_str(), &workflow.place)));
        for task in &workflow.tasks {
            found.extend(task.basis.iter().map(|basis| (basis.as_str(), &task.place)));
        }
    }
    let own = workflows.iter().flat_map(|read| read.ladders.values());
    for ladder in own.chain(suite.ladders.values()) {
        let Some(first) = ladder.rungs.first() else { continue };
        found.extend(ladder.basis.iter().map(|basis| (basis.as_str(), &first.place)));
    }
    found
}
