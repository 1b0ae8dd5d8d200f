//! Moments: what time will bring to an item, derived from its state alone.

use duban_calendar::Instant;

use crate::case::CaseHead;
use crate::item::{Armed, Item, Status};

/// What time brings to an item. In the order in which moments of one instant happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum Moment {
    /// Its suspension ends.
    Resume,
    /// It may begin.
    Begin,
    /// The sign-for date has passed.
    StartOverdue,
    /// The due date is near.
    DueSoon,
    /// A plan date has passed.
    Plan,
    /// A window for reports has closed.
    Report,
    /// Silence has lasted too long.
    Stall,
    /// A rung of the owner's ladder.
    WorkRung,
    /// A rung of the reviewer's ladder.
    ReviewRung,
    /// The due date has passed.
    Overdue,
    /// The review's due date has passed.
    ReviewOverdue,
    /// A duty's window is judged.
    Judge,
}

/// What time brings to a case itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum CaseMoment {
    /// A duty's next window opens.
    WindowOpens,
    /// The next period's case is opened.
    Renew,
}

/// The order of the case's own moments: before every task's.
pub(crate) const CASE_ORDER: u32 = 0;

/// The order of a task at a position in the file.
pub(crate) fn task_order(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX / 2).saturating_add(1)
}

/// The order of items that rungs opened: after every task's.
pub(crate) const OPENED_ORDER: u32 = u32::MAX;

/// Just after an instant: lateness begins when the deadline itself is over.
pub(crate) fn just_after(at: Instant) -> Instant {
    at.plus_millis(1)
}

/// What time brings to an item first, and when.
///
/// `plan` dates and their thresholds are kept as armed instants in the item, so that nothing but
/// the item is needed here.
pub(crate) fn next_moment(item: &Item) -> Option<(Instant, Moment)> {
    let mut first = First(None);
    if let Some(until) = item.hold.as_ref().and_then(|hold| hold.until) {
        first.offer(Some(until), Moment::Resume);
    }
    // A window closes whether or not the work on it has stopped.
    if item.window_met.is_none() && !matches!(item.status, Status::Skipped | Status::Cancelled) {
        first.offer(item.judged_at.map(just_after), Moment::Judge);
    }
    if item.is_held() {
        return first.0;
    }
    match item.status {
        Status::Waiting => first.offer(item.held_until, Moment::Begin),
        Status::Ready | Status::Active => offer_work(item, &mut first),
        Status::Submitted => offer_review(item, &mut first),
        Status::Done | Status::Skipped | Status::Cancelled => {}
    }
    first.0
}

struct First(Option<(Instant, Moment)>);

impl First {
    fn offer(&mut self, at: Option<Instant>, moment: Moment) {
        if let Some(at) = at
            && self.0.is_none_or(|first| (at, moment) < first)
        {
            self.0 = Some((at, moment));
        }
    }
}

fn offer_work(item: &Item, first: &mut First) {
    if item.status == Status::Ready && !item.start_overdue {
        first.offer(item.start_by.map(just_after), Moment::StartOverdue);
    }
    if let Some(deadline) = item.deadline() {
        if item.soon_version < deadline.version && item.overdue_version < deadline.version {
            first.offer(deadline.soon_at, Moment::DueSoon);
        }
        // A duty is not overdue: its window is judged.
        if item.overdue_version < deadline.version && item.window.is_none() {
            first.offer(Some(just_after(deadline.due)), Moment::Overdue);
        }
    }
    first.offer(item.plan_at, Moment::Plan);
    first.offer(item.report_at.map(just_after), Moment::Report);
    first.offer(item.stall_at, Moment::Stall);
    first.offer(rung_at(item.armed.as_ref()), Moment::WorkRung);
}

fn offer_review(item: &Item, first: &mut First) {
    first.offer(rung_at(item.review.armed.as_ref()), Moment::ReviewRung);
    if !item.review.overdue {
        first.offer(item.review.due.map(just_after), Moment::ReviewOverdue);
    }
}

fn rung_at(armed: Option<&Armed>) -> Option<Instant> {
    armed.and_then(|armed| armed.rungs.first()).map(|rung| rung.at)
}

/// What time brings to the case itself first, and when.
pub(crate) fn next_case_moment(head: &CaseHead) -> Option<(Instant, CaseMoment)> {
    let opens = head.windows.values().map(|(at, _)| (*at, CaseMoment::WindowOpens)).min();
    let renews = head.renew_at.map(|at| (at, CaseMoment::Renew));
    opens.into_iter().chain(renews).min()
}
