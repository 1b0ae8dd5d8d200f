//! The tasks of a workflow as a directed acyclic graph.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::{DiGraph, NodeIndex};

use crate::definition::{Need, TaskDef, Workflow};

/// The tasks of a workflow with an edge from each needed task to the one that needs it. Nodes are
/// in the order of the file, so a node's index is its task's position. Needs of other workflows
/// have no node.
pub fn graph(workflow: &Workflow) -> DiGraph<&TaskDef, &Need> {
    let mut graph = DiGraph::new();
    let mut at: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for task in &workflow.tasks {
        at.insert(task.id.as_str(), graph.add_node(task));
    }
    for task in &workflow.tasks {
        for need in task.needs.iter().filter(|need| need.workflow.is_none()) {
            if let Some(before) = at.get(need.task.as_str()) {
                graph.add_edge(*before, at[task.id.as_str()], need);
            }
        }
    }
    graph
}

impl Workflow {
    /// The tasks of this workflow that need a task directly, in the order of the file.
    pub fn needed_by<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a TaskDef> {
        let needs = move |need: &Need| need.workflow.is_none() && need.task.as_str() == id;
        self.tasks.iter().filter(move |task| task.needs.iter().any(needs))
    }

    /// Every task that comes before a task, near or far.
    pub fn upstream(&self, id: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            let Some((_, task)) = self.task(next) else { continue };
            for need in task.needs.iter().filter(|need| need.workflow.is_none()) {
                if found.insert(need.task.as_str()) {
                    open.push(need.task.as_str());
                }
            }
        }
        found
    }
}
