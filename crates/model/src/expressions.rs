//! Every expression of a definition, for whoever compiles them.

use crate::definition::{Definition, Expr, TaskDef, Workflow};
use crate::ladder::{Ladder, Rung, Trigger};
use crate::reviewer_file::reviewers;

/// What an expression decides, and so what it may read and must give.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum ExprRole {
    /// The units for which cases are opened.
    Cases,
    /// The unit that answers for the measure.
    Lead,
    /// The units that cooperate.
    With,
    /// Who may open a case by hand.
    OpenBy,
    /// Which unit supervises.
    Supervision,
    /// Who is told when nobody else can be found.
    Administrator,
    /// Who owes a task.
    Owner,
    /// Who accepts it.
    Reviewer,
    /// How long a review may take: a span.
    ReviewWithin,
    /// `return_within`.
    ReturnWithin,
    /// By when to sign for it: an instant or a date.
    StartBy,
    /// By when it is owed: an instant or a date.
    Due,
    /// Before when it is not ready: an instant or a date.
    NotBefore,
    /// Whether it is done at all.
    When,
    /// Whether a submission counts for the window.
    Counts,
    /// What a submission is about.
    Event,
    /// How long after a window entries may follow: a span.
    Grace,
    /// How long silence may last: a span.
    Stall,
    /// What an axis ranges over: a list.
    Axis,
    /// Which item, or unit, of a needed task.
    NeedWhich,
    /// The longest by which an extension moves the due date: a span.
    ExtensionBy,
    /// When asking for an extension ends: an instant or a date.
    ApplyBefore,
    /// An indicator's number.
    IndicatorValue,
    /// An indicator's target.
    Target,
    /// Whether an indicator is met.
    Met,
    /// To which unit an item belongs when numbers are rolled up.
    RollBy,
    /// When a rung fires, or from when it repeats: an instant or a date.
    RungAt,
    /// How often a rung repeats: a span.
    RungEvery,
    /// How long an item must be behind: a span.
    RungFor,
    /// Whom a rung addresses.
    RungTo,
    /// A further value of a rung, read by its function.
    RungValue,
}

/// Every expression of a definition with what it decides and, where it belongs to one, its task.
/// Those of ladders belong to none: every task that climbs the ladder evaluates them.
pub fn expressions(definition: &Definition) -> Vec<(ExprRole, Option<&TaskDef>, &Expr)> {
    let mut found = Vec::new();
    let suite = &definition.suite;
    found.extend(optional(ExprRole::Supervision, &suite.supervision));
    found.extend(optional(ExprRole::Administrator, &suite.administrator));
    found.extend(of_workflow(&definition.workflow));
    let mut all: Vec<_> = found.into_iter().map(|(role, expr)| (role, None, expr)).collect();
    for task in &definition.workflow.tasks {
        all.extend(of_task(task).into_iter().map(|(role, expr)| (role, Some(task), expr)));
    }
    let rungs = definition.ladders.values().flat_map(of_ladder);
    all.extend(rungs.map(|(role, expr)| (role, None, expr)));
    all
}

type Found<'d> = (ExprRole, &'d Expr);

fn optional(role: ExprRole, expr: &Option<Expr>) -> Option<Found<'_>> {
    expr.as_ref().map(|expr| (role, expr))
}

fn of_workflow(workflow: &Workflow) -> Vec<Found<'_>> {
    let by = workflow.open.as_ref().and_then(|open| optional(ExprRole::OpenBy, &open.by));
    [
        optional(ExprRole::Lead, &workflow.lead),
        optional(ExprRole::With, &workflow.with),
        optional(ExprRole::Cases, &workflow.cases),
        by,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_task(task: &TaskDef) -> Vec<Found<'_>> {
    let mut found: Vec<Found<'_>> = [
        optional(ExprRole::When, &task.when),
        optional(ExprRole::Grace, &task.grace),
        optional(ExprRole::Owner, &task.owner),
        optional(ExprRole::ReviewWithin, &task.review_within),
        optional(ExprRole::ReturnWithin, &task.return_within),
        optional(ExprRole::StartBy, &task.start_by),
        optional(ExprRole::Due, &task.due),
        optional(ExprRole::NotBefore, &task.not_before),
        optional(ExprRole::Stall, &task.stall),
        optional(ExprRole::Counts, &task.counts),
        optional(ExprRole::Event, &task.event),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(task.needs.iter().filter_map(|need| optional(ExprRole::NeedWhich, &need.which)));
    found.extend(task.each.iter().map(|axis| (ExprRole::Axis, &axis.over)));
    found.extend(reviewers(&task.reviewer).map(|expr| (ExprRole::Reviewer, expr)));
    if let Some(extension) = &task.extension {
        found.extend(optional(ExprRole::ExtensionBy, &extension.by));
        found.extend(optional(ExprRole::ApplyBefore, &extension.apply_before));
    }
    if let Some(indicator) = &task.indicator {
        found.extend(optional(ExprRole::IndicatorValue, &indicator.value));
        found.extend(optional(ExprRole::Target, &indicator.target));
        found.extend(optional(ExprRole::Met, &indicator.met));
        let by = indicator.from.as_ref().and_then(|from| optional(ExprRole::RollBy, &from.by));
        found.extend(by);
    }
    found
}

fn of_ladder(ladder: &Ladder) -> Vec<Found<'_>> {
    ladder.rungs.iter().flat_map(of_rung).collect()
}

fn of_rung(rung: &Rung) -> Vec<Found<'_>> {
    let mut found = match &rung.trigger {
        Trigger::At(at) => vec![(ExprRole::RungAt, at)],
        Trigger::Every { every, after } => {
            vec![(ExprRole::RungEvery, every), (ExprRole::RungAt, after)]
        }
        Trigger::Behind { lasting, .. } => {
            optional(ExprRole::RungFor, lasting).into_iter().collect()
        }
        Trigger::Stalled | Trigger::Unrectified => Vec::new(),
    };
    found.extend(rung.to.iter().map(|to| (ExprRole::RungTo, to)));
    found.extend(rung.values.iter().map(|(_, value)| (ExprRole::RungValue, value)));
    found
}
