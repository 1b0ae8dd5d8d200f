//! The security log: who signed in, who was refused, and what was done to accounts, tokens and
//! sessions. An office keeps it apart from the other logs.

/// The target of its lines.
pub(crate) const TARGET: &str = "duban::security";

/// The longest reason of a refusal in a line, in characters: it may repeat what another system
/// has answered.
pub(crate) const REASON_CHARS_MAX: usize = 300;
