//! Deciding: what a command means for a case.

use std::sync::Arc;

use duban_calendar::{Calendar, Instant};
use duban_model::Directory;
use duban_script::Program;

use crate::case::Case;
use crate::command::Command;
use crate::event::Event;
use crate::log::Encoded;
use crate::refusal::Refusal;

/// Everything that [`decide`] may know besides the case and the command.
#[derive(Clone)]
pub struct Env {
    /// When the command was admitted. Raised to the case's last event where it lies before.
    pub now: Instant,
    /// The definition that the case runs on, compiled.
    pub program: Arc<Program>,
    /// The directory as it is now.
    pub directory: Arc<Directory>,
    /// The working-day calendar as it is now.
    pub calendar: Arc<Calendar>,
}

/// What a command means: the events to store and the case after them.
#[derive(Clone, Debug)]
#[must_use = "a decision has no effect until it is stored"]
pub struct Decision {
    /// The version that the case was at; 0: it did not exist.
    pub expected: u64,
    /// What happened, in order. Never empty, but for a wake-up that came too early.
    pub events: Vec<Event>,
    /// The same as bytes, chained.
    pub encoded: Vec<Encoded>,
    /// The case after the events.
    pub case: Case,
    /// Further moments have passed already: wake the case again.
    pub more: bool,
}

/// Says what `command` means for `case` (`None`: it does not exist). Changes nothing.
///
/// # Errors
///
/// [`Refusal`]: nothing happened.
pub fn decide(_case: Option<&Case>, _command: &Command, _env: &Env) -> Result<Decision, Refusal> {
    todo!()
}
