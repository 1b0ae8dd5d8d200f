//! `duban graph`: a workflow's DAG as DOT or Mermaid.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::load;
use crate::Ended;
use crate::output::Output;
use crate::render::graph::{dot, mermaid};

/// Print a workflow's DAG.
#[derive(Args)]
#[command(after_help = "Examples:
  duban graph workflows/jinan-2021 m23-duty-performance | dot -Tsvg > m23.svg
  duban graph workflows/jinan-2021 m06-village-conversion --format mermaid")]
pub(crate) struct Graph {
    /// The folder that holds suite.yaml.
    folder: PathBuf,
    /// The workflow's id.
    workflow: String,
    /// The language of the graph.
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

pub(crate) fn run(graph: &Graph, output: &Output) -> Result<Ended> {
    let (suite, _) = load(&graph.folder)?;
    let Some(definition) = suite.definitions.get(graph.workflow.as_str()) else {
        let known: Vec<&str> = suite.definitions.keys().map(|id| id.as_str()).collect();
        bail!("no workflow `{}`; there are: {}", graph.workflow, known.join(", "));
    };
    let text = match graph.format {
        Format::Dot => dot(&definition.workflow),
        Format::Mermaid => mermaid(&definition.workflow),
    };
    output.print(&json!({ "graph": text }), || text.trim_end().to_owned())?;
    Ok(Ended::Well)
}
