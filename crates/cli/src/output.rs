//! Where results go: text for people, JSON for programs.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use serde_json::Value;

/// How results are printed.
pub(crate) struct Output {
    /// One JSON value in place of text.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: the JSON value, or the text.
    ///
    /// # Errors
    ///
    /// Where standard output is closed.
    pub(crate) fn print(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, value)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}", text())?;
        }
        Ok(())
    }

    /// Whether colours and progress bars make sense.
    pub(crate) fn is_terminal() -> bool {
        std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }
}
