//! Files that moves name: before a move is committed the host says whether they are there.

use duban_calendar::Instant;
use duban_core::{CaseId, Decision, Evidence, Fact, fields_of, files_in_form};
use duban_model::Definition;

use crate::clock::BoxFuture;

/// Says whether the files that a move names are there, whole, and given for its case.
///
/// The engine asks after the case has agreed to the move and before anything is committed. A host
/// that keeps files of its own implements it and hands it over in
/// [`Options::evidence`](crate::Options::evidence); the daemon asks its store of evidence.
pub trait EvidenceCheck: Send + Sync {
    /// Looks at every file that one move names: those of its evidence and those in its form's
    /// fields for files. `at` is the present by the engine's clock.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`]; the move is not made.
    fn check<'a>(
        &'a self,
        case: &'a CaseId,
        files: &'a [Evidence],
        at: Instant,
    ) -> BoxFuture<'a, Result<(), EvidenceError>>;
}

/// Why a move cannot name a file. Nothing was changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The file was never given for this case, or is not there whole. Give it, then name it. That
    /// it belongs to another case is not told.
    #[error("the file `{file}` (`{name}`) was not given for this case; upload it for it first")]
    NotGiven {
        /// What the move calls it.
        name: String,
        /// Its address.
        file: String,
    },
    /// The place where files lie does not answer. Try again.
    #[error("the place where files lie does not answer: {0}")]
    Unreachable(String),
}

impl EvidenceError {
    /// The refusal of one file.
    pub fn not_given(file: &Evidence) -> Self {
        Self::NotGiven { name: file.name.clone(), file: file.file.clone() }
    }

    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::NotGiven { name, .. } => {
                format!("“{name}”没有为本事项上传，或文件不完整；请先上传该文件，再办理")
            }
            Self::Unreachable(_) => "佐证材料库暂时无法访问，请稍后重试".to_owned(),
        }
    }
}

/// Takes every reference as it is: for a host that has looked at its files before it asks.
///
/// It is the default of [`Options`](crate::Options): the engine cannot know where a host's files
/// lie, and takes the host's word for them as it takes its word for who acts.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostsWord;

impl EvidenceCheck for HostsWord {
    fn check<'a>(
        &'a self,
        _: &'a CaseId,
        _: &'a [Evidence],
        _: Instant,
    ) -> BoxFuture<'a, Result<(), EvidenceError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Every file that a decision's events name.
pub(crate) fn named(decision: &Decision, definition: &Definition) -> Vec<Evidence> {
    let mut files = Vec::new();
    for event in &decision.events {
        files.extend_from_slice(event.fact.evidence());
        if let Fact::Submitted { item, form, .. } = &event.fact
            && let Some(item) = decision.case.item(item)
        {
            let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
            files.extend(files_in_form(&fields_of(item, task), form));
        }
    }
    files
}
