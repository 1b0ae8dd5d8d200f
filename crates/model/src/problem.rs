//! What is wrong with an author's files: every problem of every file, each at its place.

use serde::{Deserialize, Serialize};

use crate::definition::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The suite cannot be used.
    Error,
    /// It can, but the author probably meant something else.
    Warning,
}

/// One problem, in words for the author.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Problem {
    /// Where: file, line, column.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// Stable code, for example `DB1003`; `docs/errors.md` explains each.
    pub code: String,
    /// What is wrong, in Chinese.
    pub message: String,
    /// What was probably meant, or how to put it right, in Chinese.
    pub help: Option<String>,
}

impl Problem {
    /// A problem that makes the suite unusable.
    pub fn error(code: &str, place: &Place, message: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            severity: Severity::Error,
            code: code.to_owned(),
            message: message.into(),
            help: None,
        }
    }

    /// A problem worth a look.
    pub fn warning(code: &str, place: &Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds what was probably meant.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
