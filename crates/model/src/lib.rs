//! What authors write and offices own: suites, workflows, ladders, and the directory.
//!
//! The crate loads YAML text into typed definitions with source positions, and reports every
//! problem of every file at once. It reads no file, knows no clock and runs nothing: the host
//! hands it text, `duban-script` compiles the expressions, `duban-core` runs the result.
//!
//! # Where to start reading
//!
//! [`Workflow`] and [`TaskDef`], then [`Directory`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod definition;
mod directory;
mod ids;
mod ladder;
mod problem;

pub use crate::definition::{
    Axis, Better, Definition, Expr, Extension, Field, FieldKind, Fold, Hook, Indicator, Join,
    Judged, Many, Need, OpenForm, Place, Reviewer, RollUp, Script, SuiteHead, TaskDef, TaskKind,
    Workflow,
};
pub use crate::directory::{
    Assignee, Directory, DirectoryData, DirectoryError, NotAnAssignee, Person, Post, StandIn, Unit,
};
pub use crate::ids::{DefinitionHash, PersonId, SuiteId, TaskId, UnitId, WorkflowId};
pub use crate::ladder::{Ladder, LightPolicy, Rung, ScoreOn, ScoreRule, Trigger};
pub use crate::problem::{Problem, Severity};
