//! What a lateness has brought upon an item, so that it can be taken back.
//!
//! Kept only while the due date rests on a year whose calendar is not announced, and of duties,
//! whose papers may come late: nothing else shows afterwards that there was no lateness.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, PersonId, UnitId};
use duban_script::SlipColour;
use serde::{Deserialize, Serialize};

use crate::event::{Notification, Sent};
use crate::item::{Item, Status};

/// What was said to be late.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// The work itself: overdue, done late, or a window missed.
    Work,
    /// A review.
    Review,
    /// An answer to a request for extension.
    Answer,
    /// Signing for it.
    Sign,
    /// The rectification after an interview: said of the interview and of what it was about.
    Rectification,
}

/// Who was late with an item, and by which date: given back to them, it is judged by that date.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LateWith {
    /// Who had it.
    pub holder: PersonId,
    /// The date that they missed.
    pub due: Instant,
    /// The unit that owed it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
}

/// What a lateness has brought so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// When it was first said.
    pub since: Instant,
    /// When something last came of it: what happens in the same moment belongs to it.
    pub moment: Instant,
    /// Points given for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Points>,
    /// Papers sent for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub papers: Vec<Paper>,
}

/// Points for or against a unit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// The unit.
    pub unit: UnitId,
    /// In hundredths.
    pub points: i64,
    /// The rule; `None`: a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// A paper that was sent: a slip, a notice, a summons or a referral.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Paper {
    /// What it was.
    pub kind: Notification,
    /// A slip's colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<SlipColour>,
    /// Its number within the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Whom it addressed.
    pub to: Vec<Assignee>,
}

impl Paper {
    /// What was sent, if it is one.
    pub(crate) fn of(sent: &Sent) -> Option<Self> {
        match sent.kind {
            Notification::Slip
            | Notification::Notice
            | Notification::Interview
            | Notification::Refer => Some(Self {
                kind: sent.kind,
                colour: sent.colour,
                number: sent.number,
                to: sent.to.clone(),
            }),
            Notification::Remind
            | Notification::Urge
            | Notification::Ask
            | Notification::Tell
            | Notification::Alarm
            | Notification::Emit => None,
        }
    }
}

/// Something of an item is late. Deadlines of older versions say nothing about what they were
/// counted from: of those nothing is taken back.
pub(crate) fn begin(item: &mut Item, at: Instant) {
    if item.deadline().is_some_and(|deadline| deadline.counted_from.is_some()) {
        keep(item, at);
    }
}

/// Whoever had an item was late with it; the first date that they missed is theirs.
pub(crate) fn remember(item: &mut Item, late: Option<&LateWith>) {
    let Some(late) = late else { return };
    if item.late_by(&late.holder).is_none() {
        item.late_with.push(late.clone());
    }
}

/// What comes of it from now on is kept in mind.
pub(crate) fn keep(item: &mut Item, at: Instant) {
    let new = Lateness { since: at, moment: at, points: Vec::new(), papers: Vec::new() };
    item.lateness.get_or_insert_with(|| Arc::new(new));
    touch(item, at);
}

/// A rung of the owner's ladder is about to fire: what comes of it belongs to the lateness, unless
/// the rung speaks of silence.
pub(crate) fn goes_on(item: &mut Item, rung: u16, nth: u32, at: Instant) {
    let behind = item.armed.iter().flat_map(|armed| &armed.rungs);
    let mut behind = behind.filter(|one| one.behind.is_some());
    let is_about_dates = !behind.any(|one| one.rung == rung && one.nth == nth);
    if is_about_dates && item.stalled_at != Some(at) {
        touch(item, at);
    }
}

pub(crate) fn add_points(item: &mut Item, given: Points, at: Instant) {
    with(item, at, |lateness| lateness.points.push(given));
}

pub(crate) fn add_paper(item: &mut Item, sent: &Sent, at: Instant) {
    if let Some(paper) = Paper::of(sent) {
        with(item, at, |lateness| lateness.papers.push(paper));
    }
}

fn touch(item: &mut Item, at: Instant) {
    if let Some(lateness) = &mut item.lateness {
        Arc::make_mut(lateness).moment = at;
    }
}

fn with(item: &mut Item, at: Instant, change: impl FnOnce(&mut Lateness)) {
    if let Some(lateness) = item.lateness.as_mut().filter(|lateness| lateness.moment == at) {
        change(Arc::make_mut(lateness));
    }
}

/// Takes a lateness back: it was none, and may come again.
pub(crate) fn withdraw(item: &mut Item, late: Late) {
    match late {
        Late::Work => {
            let since = item.lateness.take().map(|lateness| lateness.since);
            let of_lateness = |kind: &str| {
                matches!(kind, "overdue" | "missed" | "slip" | "notice" | "interview" | "refer")
            };
            let stays = |kind: &str, at: Instant| {
                !of_lateness(kind) || since.is_none_or(|since| at < since)
            };
            Arc::make_mut(&mut item.history).retain(|(kind, at)| stays(kind, *at));
            item.overdue_version = 0;
            item.late_with.clear();
            if item.window_met == Some(false) {
                item.window_met = None;
            }
            if item.status == Status::Done {
                item.on_time = Some(true);
            }
            item.referred_at = item.referred_at.filter(|at| since.is_some_and(|since| *at < since));
        }
        Late::Review => item.review.overdue = false,
        Late::Answer => {
            if let Some(asked) = &mut item.asked {
                asked.overdue = false;
            }
        }
        Late::Sign => item.start_overdue = false,
        Late::Rectification => {
            item.unrectified = false;
            item.referred_at = None;
        }
    }
}
