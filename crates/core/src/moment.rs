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
    /// A rung of the ladder towards an answer that is owed.
    AnswerRung,
    /// The due date has passed.
    Overdue,
    /// The date for an answer has passed.
    AnswerOverdue,
    /// The review's due date has passed.
    ReviewOverdue,
    /// A duty's window is judged.
    Judge,
    /// A sub-case that was asked to end has not answered.
    Answer,
    /// A case that it waits for has not been there for too long.
    NeedMissing,
}

/// What time brings to a case itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum CaseMoment {
    /// The case's suspension ends.
    Resume,
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
    let earliest = item.dated_at.map_or(item.since, |dated| dated.max(item.since));
    let mut first = First { found: None, earliest };
    first.offer(item.holds.iter().filter_map(|hold| hold.until).min(), Moment::Resume);
    first.offer(item.child.as_ref().and_then(|child| child.answer_by), Moment::Answer);
    // What waits has no clock that could stand. What nobody may work on brings nothing either.
    if (item.is_held() && item.status != Status::Waiting) || item.is_stopped() {
        return first.found;
    }
    if !matches!(item.status, Status::Skipped | Status::Cancelled) {
        let judged_at =
            if item.window_met.is_none() { item.judged_at } else { item.judge_again_at };
        first.offer(judged_at.map(just_after), Moment::Judge);
    }
    match item.status {
        Status::Waiting => {
            first.offer(item.held_until, Moment::Begin);
            first.offer(item.foreign.awaited_until, Moment::NeedMissing);
        }
        Status::Ready | Status::Active => offer_work(item, &mut first),
        Status::Submitted => offer_review(item, &mut first),
        Status::Done | Status::Skipped | Status::Cancelled => {}
    }
    first.found
}

/// The first of the moments offered. A date that lay in the past when it was given, or when the item
/// came back to whom it binds, brings what it brings then: it has not waited since, and is no sign
/// that the system stood still.
struct First {
    found: Option<(Instant, Moment)>,
    earliest: Instant,
}

impl First {
    fn offer(&mut self, at: Option<Instant>, moment: Moment) {
        let at = at.map(|at| at.max(self.earliest));
        if let Some(at) = at
            && self.found.is_none_or(|first| (at, moment) < first)
        {
            self.found = Some((at, moment));
        }
    }
}

fn offer_work(item: &Item, first: &mut First) {
    if item.status == Status::Ready && !item.start_overdue {
        first.offer(item.start_by.map(just_after), Moment::StartOverdue);
    }
    if let Some(deadline) = item.deadline() {
        let is_said = item.soon_version >= deadline.version || deadline.soon_passed;
        // What is judged, or came to its owner after its date, is not near its end any more.
        let is_over = item.window_met.is_some() || first.earliest > deadline.due;
        if !is_said && !is_over && item.overdue_version < deadline.version {
            first.offer(deadline.soon_at, Moment::DueSoon);
        }
        // A duty is not overdue: its window is judged. Nobody is late while an answer is owed.
        let owed = item.window.is_none() && !item.asks_in_time();
        if item.overdue_version < deadline.version && owed {
            first.offer(Some(just_after(deadline.due)), Moment::Overdue);
        }
    }
    if let Some(asked) = &item.asked {
        first.offer(rung_at(asked.armed.as_ref()), Moment::AnswerRung);
        if !asked.overdue {
            first.offer(asked.due.map(just_after), Moment::AnswerOverdue);
        }
    }
    first.offer(item.plan_at, Moment::Plan);
    first.offer(item.report_at.map(just_after), Moment::Report);
    first.offer(item.stall_at, Moment::Stall);
    let waits = |at: &Instant| item.asks_in_time() && item.due().is_some_and(|due| *at > due);
    first.offer(rung_at(item.armed.as_ref()).filter(|at| !waits(at)), Moment::WorkRung);
}

fn offer_review(item: &Item, first: &mut First) {
    first.offer(item.review.next_ladder().map(|(at, _)| at), Moment::ReviewRung);
    first.offer(item.review.next_due().map(|(due, _)| just_after(due)), Moment::ReviewOverdue);
}

fn rung_at(armed: Option<&Armed>) -> Option<Instant> {
    armed.and_then(|armed| armed.rungs.first()).map(|rung| rung.at)
}

/// What time brings to the case itself first, and when.
pub(crate) fn next_case_moment(head: &CaseHead) -> Option<(Instant, CaseMoment)> {
    let opens = head.windows.values().map(|(at, _)| (*at, CaseMoment::WindowOpens)).min();
    let renews = head.renew_at.map(|at| (at, CaseMoment::Renew));
    let resumes = head.suspended.as_ref().and_then(|suspended| suspended.until);
    let resumes = resumes.map(|at| (at, CaseMoment::Resume));
    opens.into_iter().chain(renews).chain(resumes).min()
}
