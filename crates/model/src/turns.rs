//! Whose turn it is when tasks stop each other's clocks.

use petgraph::graph::{DiGraph, NodeIndex};

use crate::check::{cycles, report_circle};
use crate::definition::{TaskDef, TaskKind, Workflow};
use crate::problem::Problem;
use crate::read::Reader;

/// Tasks that stop the clocks of others: no circles, and each with a date of its own, or what
/// they stop would stand for ever.
pub(crate) fn check_stoppers(r: &mut Reader<'_>, workflow: &Workflow) {
    let mut graph: DiGraph<&TaskDef, ()> = DiGraph::new();
    let nodes: Vec<NodeIndex> = workflow.tasks.iter().map(|task| graph.add_node(task)).collect();
    for (stopper, at) in workflow.tasks.iter().zip(&nodes) {
        let stopped = stopper.stops_clock.iter().filter_map(|id| workflow.task(id.as_str()));
        for (position, task) in stopped.filter(|(_, task)| task.id != stopper.id) {
            graph.add_edge(*at, nodes[position], ());
            check_owners(r, stopper, task);
        }
        // What a script does is done at once; a duty's window has an end.
        let ends = stopper.due.is_some()
            || stopper.every.is_some()
            || matches!(stopper.kind, TaskKind::Automatic { .. });
        if !stopper.stops_clock.is_empty() && !ends {
            let message = format!("`{}` 停住别的任务的时限，自己却没有期限", stopper.id);
            let problem = Problem::error("DB1224", &stopper.place, message);
            r.problems.push(problem.with_help("写上 due，或去掉 stops_clock"));
        }
    }
    for cycle in cycles(&graph) {
        let names: Vec<&str> = cycle.iter().map(|at| graph[*at].id.as_str()).collect();
        report_circle(
            r,
            "DB1223",
            &graph[cycle[0]].place,
            "任务互相停住时限",
            &names,
            "stops_clock",
        );
    }
}

/// Whoever is held may not be the one who holds.
fn check_owners(r: &mut Reader<'_>, stopper: &TaskDef, stopped: &TaskDef) {
    let (Some(own), Some(other)) = (&stopper.owner, &stopped.owner) else { return };
    if own.squeezed() == other.squeezed() {
        let message = format!(
            "`{}` 停住 `{}` 的时限，两项的承办相同：拖着前一项，后一项就不算逾期",
            stopper.id, stopped.id
        );
        let problem = Problem::warning("DB1225", &stopper.place, message);
        r.problems.push(problem.with_help("由别人承办其中一项，或去掉 stops_clock"));
    }
}
