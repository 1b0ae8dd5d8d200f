//! Workflows that open themselves, straight or in a circle: each case opens another, without end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use duban_model::{Place, Problem, TaskKind};

use crate::program::Program;

/// What each workflow opens, and where.
type Opens<'p> = BTreeMap<&'p str, BTreeSet<(&'p str, &'p Place)>>;

/// Warns of every place at which a workflow opens one that comes back to it. A workflow that a
/// script names by what it reckons is not seen.
pub(crate) fn circles(programs: &[Arc<Program>]) -> Vec<Problem> {
    let opens: Opens<'_> = programs.iter().map(|program| of(program)).collect();
    let mut problems = Vec::new();
    for (from, targets) in &opens {
        for (to, place) in targets {
            let Some(way) = way(&opens, to, from) else { continue };
            let circle = std::iter::once(*from).chain(way).collect::<Vec<_>>().join(" → ");
            let message = format!("措施会再立自己：{circle}，没有尽头");
            let help = "去掉其中一处立项，或加上终会不成立的条件";
            problems.push(Problem::warning("DB1530", place, message).with_help(help));
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

/// A workflow, and what its sub-cases and scripts open.
fn of(program: &Program) -> (&str, BTreeSet<(&str, &Place)>) {
    let workflow = &program.definition.workflow;
    let children = workflow.tasks.iter().filter_map(|task| match &task.kind {
        TaskKind::SubCase { workflow } => Some((workflow.as_str(), &task.place)),
        TaskKind::Human | TaskKind::Automatic { .. } => None,
    });
    let scripts = program.opens.iter().map(|(workflow, place)| (workflow.as_str(), place));
    (workflow.id.as_str(), scripts.chain(children).collect())
}

/// The shortest way from one workflow to another, both included.
fn way<'p>(opens: &Opens<'p>, from: &'p str, to: &str) -> Option<Vec<&'p str>> {
    let mut before: BTreeMap<&str, Option<&'p str>> = BTreeMap::from([(from, None)]);
    let mut open = VecDeque::from([from]);
    while let Some(next) = open.pop_front() {
        if next == to {
            let mut way = vec![next];
            let mut at = next;
            while let Some(Some(earlier)) = before.get(at) {
                way.push(earlier);
                at = earlier;
            }
            way.reverse();
            return Some(way);
        }
        for (target, _) in opens.get(next).into_iter().flatten() {
            if !before.contains_key(target) {
                before.insert(target, Some(next));
                open.push_back(target);
            }
        }
    }
    None
}
