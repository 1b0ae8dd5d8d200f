//! What migrating the cases of a workflow to its current version would change.

use duban_core::{Actor, CaseId, CaseRow, Decision, Fact, Teller};
use duban_engine::EngineError;
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
}

impl Plan {
    fn of(decision: &Decision, from: String, teller: &Teller<'_>) -> Self {
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
        }
    }
}

/// What would change in a case.
pub(crate) async fn plan<S: Store>(
    app: &App<S>,
    case: &CaseId,
    actor: Actor,
) -> Result<Plan, EngineError> {
    let before = app.engine.case(case).await?.head().definition.to_string();
    let decision = app.engine.migrate_dry_run(case, actor).await?;
    let definition = app.engine.definition(&decision.case.head().definition).await?;
    let directory = app.engine.directory();
    let teller = Teller { definition: &definition, directory: &directory };
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
) -> Result<Plans, EngineError> {
    let mut plans = Plans::default();
    let mut after = None;
    loop {
        let page = app.engine.outdated(&suite.into(), &workflow.into(), after).await?;
        for row in &page.rows {
            plans.outdated += 1;
            if plans.outdated <= DRY_RUNS_MAX as u64 {
                plans.tried += 1;
                plans.add(row, plan(app, &CaseId::new(&row.id), actor.clone()).await)?;
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
