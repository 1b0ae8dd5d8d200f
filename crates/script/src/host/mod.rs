//! What the host gives to scripts, under English and Chinese names.

pub(crate) mod actions;
pub(crate) mod functions;
pub(crate) mod properties;
pub(crate) mod variables;

use rhai::Dynamic;

use crate::convert::assignee_to_dynamic;
use crate::frame::Frame;
use duban_model::Assignee;

use crate::names::{HostKind, NAMES};

/// The Chinese name of an entry of the table.
pub(crate) fn chinese(english: &str, is_meant: impl Fn(HostKind) -> bool) -> &'static str {
    NAMES
        .iter()
        .find(|name| name.english == english && is_meant(name.kind))
        .map(|name| name.chinese)
        .expect("invariant: what the host registers stands in the table")
}

/// Someone who owes or reviews, or nothing.
pub(crate) fn someone(assignee: Option<&Assignee>) -> Dynamic {
    assignee.map_or(Dynamic::UNIT, assignee_to_dynamic)
}

/// Working days overdue and left of a due date, each 0 where the other is not.
pub(crate) fn workdays(frame: &Frame, due: Option<duban_calendar::Instant>) -> (i64, i64) {
    let Some(due) = due else { return (0, 0) };
    let (today, last) = (frame.date_of(frame.scene.moment), frame.date_of(due));
    let left = frame.calendar().workdays_between(today, last);
    ((-left).max(0), left.max(0))
}
