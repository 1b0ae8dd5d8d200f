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

mod absence;
mod calendar_file;
mod calendar_table;
mod check;
mod dates;
mod definition;
mod difference;
mod directory;
mod directory_file;
mod door;
mod encoding;
mod expressions;
mod form_file;
mod graph;
mod hash;
mod ids;
mod ladder;
mod ladder_file;
mod layout;
mod lights;
mod limits;
mod load;
mod mapping;
mod names;
mod preset;
mod problem;
mod punctuation;
mod read;
#[cfg(test)]
mod renames;
mod reviewer_file;
mod suite;
mod suite_file;
mod table;
mod task_check;
mod task_file;
mod task_parts;
#[cfg(test)]
mod tests;
mod turns;
mod wording;
mod workflow_file;
mod yaml;

pub use crate::absence::{ABSENCE_DAYS_MAX, StandInError, check_stand_in};
pub use crate::calendar_file::load_calendar;
pub use crate::calendar_table::{DayChange, changed_days, year_from_table};
pub use crate::dates::{civil_date, is_civil, office_date};
pub use crate::definition::{
    Axis, Better, Definition, Expr, Extension, Field, FieldKind, Fold, Hook, Indicator, Join,
    Judged, Many, Need, OpenForm, Place, Reviewer, RollUp, Script, SuiteHead, TaskDef, TaskKind,
    Workflow,
};
pub use crate::difference::{Difference, HolderChange, Loss, Losses, Section};
pub use crate::directory::{
    Assignee, Directory, DirectoryData, DirectoryError, Former, NotAnAssignee, Person, Post,
    Signed, StandIn, UNIT_DEPTH_MAX, Unit,
};
pub use crate::door::{DoorError, calendar_from_json, directory_from_json};
pub use crate::encoding::decode_text;
pub use crate::expressions::{ExprRole, expressions};
pub use crate::form_file::whole_pattern;
pub use crate::graph::graph;
pub use crate::ids::{DefinitionHash, PersonId, SuiteId, TaskId, UnitId, WorkflowId};
pub use crate::ladder::{Ladder, LightPolicy, Rung, ScoreOn, ScoreRule, Trigger};
pub use crate::limits::LoadLimits;
pub use crate::load::{load_suite, load_suite_within};
pub use crate::mapping::{Mapping, PeopleMapping, PostsMapping, UnitsMapping};
pub use crate::names::is_identifier;
pub use crate::problem::{CODES, Problem, Severity};
pub use crate::read::Sources;
pub use crate::suite::{Library, Loaded, Obligation, Suite};
pub use crate::table::{
    Imported, Mode, PROBLEMS_MAX, Row, Sheet, TableKind, export_tables, import_tables,
};
pub use crate::wording::{
    BadWording, ECHOED_CHARS_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, What, Wording, WordingError,
    echoed, echoed_to, says_nothing, shortened,
};
