//! What comes next for a case: the moments that its state already knows of.

use duban_calendar::{Instant, Window};
use duban_core::{Case, CaseStatus, Item, ItemKey, Status};
use duban_model::TaskId;
use serde::Serialize;

/// What will happen if nobody does anything.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NextStep {
    /// A suspension ends by itself.
    Resumes,
    /// The item may begin.
    Begins,
    /// It should have been signed for.
    StartDue,
    /// Its light turns yellow because the due date is near.
    DueSoon,
    /// It is owed.
    Due,
    /// A report is owed.
    ReportDue,
    /// Its progress is compared with the plan.
    PlanChecked,
    /// Silence will have lasted too long.
    Stalls,
    /// A rung fires: the ladder and the position in it, from 0.
    Rung(String, u16),
    /// A rung of the review's ladder fires.
    ReviewRung(String, u16),
    /// Its review is owed.
    ReviewDue,
    /// A duty's window is judged.
    WindowJudged,
    /// A duty's next window opens.
    WindowOpens(TaskId),
    /// The next period's case is opened.
    Renews,
}

/// A moment to come.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize)]
pub struct Upcoming {
    /// When.
    pub at: Instant,
    /// To which item; `None`: to the case.
    pub item: Option<ItemKey>,
    /// What.
    pub what: NextStep,
}

/// The moments after `now` that a case's state knows of, earliest first; a case that is faulted,
/// cancelled or struck off has none.
pub fn next_steps(case: &Case, now: Instant) -> Vec<Upcoming> {
    let head = case.head();
    if head.faulted.is_some() || !matches!(head.status, CaseStatus::Open | CaseStatus::Closed) {
        return Vec::new();
    }
    let mut steps: Vec<Upcoming> = case.items().flat_map(|item| steps_of(item)).collect();
    let opens = |(task, (at, _)): (&TaskId, &(Instant, Window))| Upcoming {
        at: *at,
        item: None,
        what: NextStep::WindowOpens(task.clone()),
    };
    steps.extend(head.windows.iter().map(opens));
    let renews = head.renew_at.map(|at| Upcoming { at, item: None, what: NextStep::Renews });
    steps.extend(renews);
    steps.retain(|step| step.at > now);
    steps.sort();
    steps
}

fn steps_of(item: &Item) -> Vec<Upcoming> {
    let mut found: Vec<(Option<Instant>, NextStep)> = Vec::new();
    found.push((item.holds.iter().filter_map(|hold| hold.until).min(), NextStep::Resumes));
    if item.window_met.is_none() && !matches!(item.status, Status::Skipped | Status::Cancelled) {
        found.push((item.judged_at, NextStep::WindowJudged));
    }
    if !item.is_held() {
        match item.status {
            Status::Waiting => found.push((item.held_until, NextStep::Begins)),
            Status::Ready | Status::Active => work_steps(item, &mut found),
            Status::Submitted => review_steps(item, &mut found),
            Status::Done | Status::Skipped | Status::Cancelled => {}
        }
    }
    let upcoming = |(at, what): (Option<Instant>, NextStep)| {
        at.map(|at| Upcoming { at, item: Some(item.key.clone()), what })
    };
    found.into_iter().filter_map(upcoming).collect()
}

fn work_steps(item: &Item, found: &mut Vec<(Option<Instant>, NextStep)>) {
    if item.status == Status::Ready && !item.start_overdue {
        found.push((item.start_by, NextStep::StartDue));
    }
    if let Some(deadline) = item.deadline()
        && item.overdue_version < deadline.version
    {
        if item.soon_version < deadline.version {
            found.push((deadline.soon_at, NextStep::DueSoon));
        }
        found.push((Some(deadline.due), NextStep::Due));
    }
    found.push((item.plan_at, NextStep::PlanChecked));
    found.push((item.report_at, NextStep::ReportDue));
    found.push((item.stall_at, NextStep::Stalls));
    if let Some(armed) = &item.armed {
        let rung = |rung: u16| NextStep::Rung(armed.ladder.clone(), rung);
        found.extend(armed.rungs.iter().map(|armed| (Some(armed.at), rung(armed.rung))));
    }
}

fn review_steps(item: &Item, found: &mut Vec<(Option<Instant>, NextStep)>) {
    for date in item.review.dates() {
        if let Some(armed) = date.armed {
            let rung = |rung: u16| NextStep::ReviewRung(armed.ladder.clone(), rung);
            found.extend(armed.rungs.iter().map(|armed| (Some(armed.at), rung(armed.rung))));
        }
        if !date.overdue {
            found.push((date.due, NextStep::ReviewDue));
        }
    }
}
