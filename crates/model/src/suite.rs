//! A suite: the workflows of one policy document with everything they share.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::Calendar;
use serde::{Deserialize, Serialize};

use crate::definition::{Definition, Place, Script, SuiteHead};
use crate::directory::Directory;
use crate::ids::WorkflowId;
use crate::load::OF_WORKFLOWS;
use crate::problem::{Problem, Severity};
use crate::read::Sources;

/// What the host hands in beside a suite's own files.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// Scripts that every workflow may call, for example `lib/standard.rhai`, in look-up order.
    pub scripts: Vec<Script>,
    /// Working-day calendars by id.
    pub calendars: BTreeMap<String, Calendar>,
}

/// The workflows of one policy document, loaded.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What it says for all its workflows.
    pub head: SuiteHead,
    /// Its workflows, each closed over what it calls.
    pub definitions: BTreeMap<WorkflowId, Arc<Definition>>,
    /// The directory that came with it, if any.
    pub directory: Option<Arc<Directory>>,
    /// The rows of the document that workflows must carry.
    pub obligations: Vec<Obligation>,
    /// Workflow tests: `tests/*.rhai`.
    pub tests: Vec<Script>,
    /// The working-day calendar that it names.
    pub calendar: Arc<Calendar>,
    /// The text of every file, for messages that show the line.
    pub sources: Arc<Sources>,
}

/// A row of the document: something that somebody owes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Obligation {
    /// Its number, for example `M23.1`.
    pub row: String,
    /// What is owed.
    pub text: String,
    /// In the author's words: one-off, recurring, indicator or mechanism.
    pub kind: Option<String>,
    /// Who acts, in the author's words; several levels stand behind each other with `、`.
    pub level: Option<String>,
    /// By when, in the author's words.
    pub due: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// What loading gave.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The suite; `None` if any problem is an error.
    pub suite: Option<Suite>,
    /// Whatever could be read, errors or not, so that further checks can add their problems in the
    /// same run. Not to be run.
    pub draft: Suite,
    /// Every problem of every file, by file, line and column.
    pub problems: Vec<Problem>,
    /// Codes that would only repeat that a file cannot be read.
    pub(crate) untold: Vec<&'static str>,
}

impl Loaded {
    /// Adds the problem of a file that gave no text at all, and takes back what only follows from
    /// its absence.
    pub fn add_unread(&mut self, problem: Problem) {
        self.untold.push("DB1016");
        self.untold.extend(OF_WORKFLOWS);
        self.problems.retain(|it| !self.untold.contains(&it.code.as_str()));
        self.add([problem]);
    }

    /// Adds problems that later checks found, and withdraws the suite if one is an error. What
    /// only follows from a file that cannot be read is not added.
    pub fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        let told = problems.into_iter().filter(|it| !self.untold.contains(&it.code.as_str()));
        self.problems.extend(told);
        self.problems.sort();
        self.problems.dedup();
        if self.problems.iter().any(|problem| problem.severity == Severity::Error) {
            self.suite = None;
        }
    }
}
