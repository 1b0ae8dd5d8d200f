//! Where results go: text for people, JSON for programs. Whoever reads them may have seen enough
//! (`duban cases --json | head`): then what is left is not written, and nothing is wrong.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};

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
    /// Where standard output cannot be written, for example to a full disk.
    pub(crate) fn print(&self, value: &Value, text: impl FnOnce() -> String) -> Result<()> {
        let text = if self.json { serde_json::to_string_pretty(value)? } else { text() };
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }

    /// Whether colours and progress bars make sense.
    pub(crate) fn is_terminal() -> bool {
        std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }
}

/// Says something on standard error. Where nobody listens there is nobody to tell.
pub(crate) fn tell(text: impl Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}
