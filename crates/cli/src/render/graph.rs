//! A workflow's DAG as text for Graphviz and Mermaid.

use std::fmt::Write;

use duban_model::{Many, TaskDef, Workflow};

/// The DAG in Graphviz's DOT language.
pub(crate) fn dot(workflow: &Workflow) -> String {
    let mut text = String::new();
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    line(&mut text, format_args!("digraph \"{}\" {{", quoted(workflow.id.as_str())));
    line(&mut text, format_args!("  label=\"{}\"; rankdir=LR;", quoted(&workflow.title)));
    line(&mut text, format_args!("  node [shape=box, fontname=\"Noto Sans CJK SC\"];"));
    for task in &workflow.tasks {
        let label = quoted(&label(task));
        line(&mut text, format_args!("  \"{}\" [label=\"{label}\"];", task.id));
    }
    for task in &workflow.tasks {
        for need in &task.needs {
            let from = match &need.workflow {
                Some(other) => format!("{other}/{}", need.task),
                None => need.task.to_string(),
            };
            let many = match need.many {
                Many::All => String::new(),
                Many::AtLeast(number) => format!(" [label=\"≥{number}\"]"),
            };
            line(&mut text, format_args!("  \"{from}\" -> \"{}\"{many};", task.id));
        }
    }
    text.push_str("}\n");
    text
}

/// The DAG in Mermaid's flowchart language.
pub(crate) fn mermaid(workflow: &Workflow) -> String {
    let mut text = String::from("flowchart LR\n");
    for task in &workflow.tasks {
        let label = label(task).replace('"', "&quot;");
        line(&mut text, format_args!("  {}[\"{label}\"]", task.id));
    }
    for task in &workflow.tasks {
        for need in &task.needs {
            let (from, declared) = match &need.workflow {
                Some(other) => {
                    let node = format!("{other}_{}", need.task).replace('-', "_");
                    (node.clone(), format!("{node}([\"{other}/{}\"])", need.task))
                }
                None => (need.task.to_string(), need.task.to_string()),
            };
            let shown = if need.workflow.is_some() { declared } else { from };
            match need.many {
                Many::All => line(&mut text, format_args!("  {shown} --> {}", task.id)),
                Many::AtLeast(number) => {
                    line(&mut text, format_args!("  {shown} -->|≥{number}| {}", task.id));
                }
            }
        }
    }
    text
}

fn label(task: &TaskDef) -> String {
    let basis = task.basis.join(" ");
    let every = task.every.map(|every| format!("（每{}）", every.zh())).unwrap_or_default();
    let each = if task.each.is_empty() { "" } else { " ×" };
    if basis.is_empty() {
        format!("{}{every}{each}", task.title)
    } else {
        format!("{basis} {}{every}{each}", task.title)
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("invariant: writing to a String succeeds");
    text.push('\n');
}
