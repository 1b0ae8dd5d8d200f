//! Lights: derived from state, time and the light policy; never stored as truth.

use duban_calendar::{Instant, end_of};
use duban_model::{Definition, TaskDef};
use serde::{Deserialize, Serialize};

use crate::item::{Item, Status};

/// A light (灯).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Not started, or closed.
    Grey,
    /// On time.
    Green,
    /// Near its deadline, or behind its plan; or its deadline could not be worked out.
    Yellow,
    /// Overdue.
    Red,
}

impl Light {
    /// The word in scripts, rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }

    /// The word that people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Grey => "灰",
            Self::Green => "绿",
            Self::Yellow => "黄",
            Self::Red => "红",
        }
    }
}

/// The instants at which an item's light turns. Both are `None` for what is closed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Turns {
    /// From then on it is at least yellow.
    pub yellow_at: Option<Instant>,
    /// From then on it is red.
    pub red_at: Option<Instant>,
}

/// When an item's light turns, if nothing else happens to it.
///
/// A pure function of the item's state and its definition, so that rows can keep the answer and
/// queries need only compare it with the present.
pub fn turns(item: &Item, definition: &Definition) -> Turns {
    let task = definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
    turns_of(item, task, definition)
}

fn turns_of(item: &Item, task: Option<&TaskDef>, definition: &Definition) -> Turns {
    let policy = &definition.lights;
    // What waits cannot be begun: its light is grey, whatever its date says.
    if item.status.is_closed() || item.status == Status::Waiting {
        return Turns::default();
    }
    let since_ever = Some(Instant::MIN);
    // Whose date could not be worked out is neither on time nor late.
    if item.lacks_due().is_some() {
        return Turns { yellow_at: since_ever, red_at: None };
    }
    if item.is_breached() || (item.judged && item.met == Some(false)) {
        return Turns { yellow_at: since_ever, red_at: since_ever };
    }
    if let Some(row) = policy.red_missed_in_a_row
        && row > 0
        && item.missed_in_a_row >= row
    {
        return Turns { yellow_at: since_ever, red_at: since_ever };
    }
    if item.is_held() {
        return Turns::default();
    }
    let mut turns = nearness(item);
    // Whose owner could not be worked out is nobody's, and not on its way.
    offer(&mut turns.yellow_at, item.lacks_owner().and(since_ever));
    if policy.yellow_stalled {
        offer(&mut turns.yellow_at, item.stalled_at);
    }
    if item.status != Status::Submitted {
        let tz = definition.suite.time_zone;
        let behind = |points: Option<u8>| {
            let plan = task.map(|task| task.plan.as_slice()).unwrap_or_default();
            let points = points?;
            let late = plan
                .iter()
                .find(|(_, planned)| planned.saturating_sub(item.progress) >= points.max(1))?;
            Some(end_of(late.0, tz).plus_millis(1))
        };
        offer(&mut turns.yellow_at, behind(policy.yellow_points_behind));
        offer(&mut turns.red_at, behind(policy.red_points_behind));
    }
    turns
}

/// By the due date: under review, lateness is judged by the submission.
fn nearness(item: &Item) -> Turns {
    let Some(deadline) = item.deadline() else { return Turns::default() };
    // Nobody is late while an answer is owed, or while an order lets nobody work on it.
    let nobody_late = item.asks_in_time() || item.is_stopped();
    let red_at = if nobody_late { None } else { Some(deadline.red_at) };
    if item.status == Status::Submitted {
        let late = item.judged_submission().is_some_and(|at| at > deadline.due);
        let red = late.then_some(deadline.red_at);
        return Turns { yellow_at: red, red_at: red };
    }
    Turns { yellow_at: deadline.soon_at, red_at }
}

fn offer(slot: &mut Option<Instant>, other: Option<Instant>) {
    *slot = slot.iter().copied().chain(other).min();
}

/// An item's light at an instant.
pub fn light(item: &Item, definition: &Definition, now: Instant) -> Light {
    let turns = turns(item, definition);
    light_at(item.status, turns, now)
}

/// The light of a status with its turns at an instant. What waits is grey until it turns.
pub fn light_at(status: Status, turns: Turns, now: Instant) -> Light {
    let reached = |at: Option<Instant>| at.is_some_and(|at| at < now);
    if status.is_closed() {
        Light::Grey
    } else if reached(turns.red_at) {
        Light::Red
    } else if reached(turns.yellow_at) {
        Light::Yellow
    } else if status == Status::Waiting {
        Light::Grey
    } else {
        Light::Green
    }
}
