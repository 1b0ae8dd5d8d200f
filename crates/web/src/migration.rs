//! What migrating the cases of a workflow to its current version would change.

use duban_core::{
    Actor, CaseId, CaseRow, Change, Decision, Done, Fact, MigrationReport, Take, TaskFate, Teller,
};
use duban_engine::EngineError;
use duban_model::echoed;
use duban_store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::App;

/// Cases that are tried out at once; the others are counted.
pub(crate) const DRY_RUNS_MAX: usize = 50;

/// What would change in one case.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    pub(crate) case: String,
    /// The hash of the definition that it runs on now.
    pub(crate) from: String,
    /// The hash of the one that it would run on.
    pub(crate) to: String,
    /// What would happen, as people read it; empty: it runs on that one already.
    pub(crate) changes: Vec<String>,
    /// Tasks that would end because the new version does not have them.
    pub(crate) cancelled: Vec<String>,
    /// What becomes of each task of both versions.
    pub(crate) tasks: Vec<TaskPlan>,
    /// What differs for work that has begun, and what would be done about it.
    pub(crate) differences: Vec<Difference>,
    /// Further differences that are not listed.
    pub(crate) left_out: usize,
}

/// What becomes of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskPlan {
    pub(crate) task: String,
    pub(crate) title: String,
    /// What the old version called it, if otherwise.
    pub(crate) was: Option<String>,
    /// `kept`, `new` or `gone`.
    pub(crate) fate: &'static str,
    /// How many of its items stay.
    pub(crate) kept: usize,
    /// Items that would begin.
    pub(crate) opened: Vec<String>,
    /// Items that would be cancelled.
    pub(crate) cancelled: Vec<String>,
}

impl TaskPlan {
    fn of(fate: TaskFate) -> Self {
        let keys = |keys: Vec<duban_core::ItemKey>| keys.iter().map(ToString::to_string).collect();
        Self {
            task: fate.task.to_string(),
            title: fate.title,
            was: fate.was.map(|was| was.to_string()),
            fate: match (fate.new, fate.gone) {
                (true, _) => "new",
                (_, true) => "gone",
                _ => "kept",
            },
            kept: fate.kept,
            opened: keys(fate.opened),
            cancelled: keys(fate.cancelled),
        }
    }

    /// What becomes of it, as people read it.
    pub(crate) fn fate_zh(&self) -> &'static str {
        match self.fate {
            "new" => "新增",
            "gone" => "新版已无",
            _ => "保留",
        }
    }
}

/// One difference for work that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// `due`, `owner`, `reviewer`, `ladder`, `cadence` or `items`.
    pub(crate) what: &'static str,
    pub(crate) task: Option<String>,
    pub(crate) item: Option<String>,
    /// What is in force; empty: nothing.
    pub(crate) from: String,
    /// What the new version gives; empty: nothing.
    pub(crate) to: String,
    /// Whether that would be taken over; otherwise what is in force stays.
    pub(crate) taken: bool,
    /// All of it in one line, as people read it.
    pub(crate) text: String,
}

impl Difference {
    fn of(change: &Change) -> Self {
        Self {
            what: change.what.name(),
            task: change.task.as_ref().map(ToString::to_string),
            item: change.item.as_ref().map(ToString::to_string),
            from: change.from.clone(),
            to: change.to.clone(),
            taken: change.done == Done::Taken,
            text: change.zh(),
        }
    }
}

/// What is to be taken over, from a list of words with commas.
///
/// # Errors
///
/// The word that names nothing, in a message.
pub(crate) fn takes(text: &str) -> Result<Vec<Take>, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let known = || Take::ALL.map(Take::name).join("、");
            Take::named(word)
                .ok_or_else(|| format!("take 没有 `{}`，可写 {}", echoed(word), known()))
        })
        .collect()
}

impl Plan {
    fn of(decision: &Decision, from: String, teller: &Teller<'_>) -> Self {
        let report: Option<&MigrationReport> = decision.migration.as_deref();
        let tasks = report.map(|report| report.tasks.clone()).unwrap_or_default();
        let tasks = tasks.into_iter().map(TaskPlan::of).collect();
        let differences = report.map(|report| report.changes.as_slice()).unwrap_or_default();
        let differences = differences.iter().map(Difference::of).collect();
        let left_out = report.map_or(0, |report| report.left_out);
        let cancelled = decision.events.iter().filter_map(|event| match &event.fact {
            Fact::ItemCancelled { item, .. } => Some(item.to_string()),
            _ => None,
        });
        Self {
            case: decision.case.id().to_string(),
            from,
            to: decision.case.head().definition.to_string(),
            changes: decision.events.iter().filter_map(|event| teller.line(event)).collect(),
            cancelled: cancelled.collect(),
            tasks,
            differences,
            left_out,
        }
    }
}

/// What would change in a case.
pub(crate) async fn plan<S: Store>(
    app: &App<S>,
    case: &CaseId,
    actor: Actor,
    take: &[Take],
) -> Result<Plan, EngineError> {
    let before = app.engine.case(case).await?.head().definition.to_string();
    let decision = app.engine.migrate_dry_run(case, actor, take).await?;
    let definition = app.engine.definition(&decision.case.head().definition).await?;
    let directory = app.engine.directory();
    let teller = Teller::new(&definition, &directory);
    Ok(Plan::of(&decision, before, &teller))
}

/// A case that could not be migrated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Refused {
    pub(crate) case: String,
    pub(crate) code: &'static str,
    /// Why, as people read it.
    pub(crate) why: String,
}

/// What would change in the cases of a workflow.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Plans {
    /// Open cases that run on an older version.
    pub(crate) outdated: u64,
    /// How many of them were tried out, at most 50.
    pub(crate) tried: u64,
    pub(crate) plans: Vec<Plan>,
    pub(crate) refused: Vec<Refused>,
}

/// What would change in the cases of a workflow that run on an older version.
pub(crate) async fn plans<S: Store>(
    app: &App<S>,
    suite: &str,
    workflow: &str,
    actor: &Actor,
    take: &[Take],
) -> Result<Plans, EngineError> {
    let mut plans = Plans::default();
    let mut after = None;
    loop {
        let page = app.engine.outdated(&suite.into(), &workflow.into(), after).await?;
        for row in &page.rows {
            plans.outdated += 1;
            if plans.outdated <= DRY_RUNS_MAX as u64 {
                plans.tried += 1;
                plans.add(row, plan(app, &CaseId::new(&row.id), actor.clone(), take).await)?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(plans);
        }
    }
}

impl Plans {
    fn add(&mut self, row: &CaseRow, tried: Result<Plan, EngineError>) -> Result<(), EngineError> {
        match tried {
            Ok(plan) => self.plans.push(plan),
            Err(error @ (EngineError::Refused(_) | EngineError::Faulted { .. })) => {
                let (code, why) = (error.code(), error.zh());
                self.refused.push(Refused { case: row.id.clone(), code, why });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
