//! Running cases on newer versions of their workflows.

use duban_core::{Actor, CaseId, CaseRow, Command, Decision, Operation, Take};
use duban_model::{DefinitionHash, SuiteId, WorkflowId};
use duban_store::{CaseFilter, Cursor, Page, PageRequest, Store};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::work::{Asked, Outcome};

impl<S: Store> Engine<S> {
    /// Has a case run on the current definition of its workflow from now on, and takes over what
    /// is named for work that has begun. Where it runs on it already, nothing happens.
    ///
    /// # Errors
    ///
    /// As [`act`](Self::act).
    pub async fn migrate(
        &self,
        case: &CaseId,
        actor: Actor,
        take: &[Take],
        key: Option<String>,
    ) -> Result<Outcome, EngineError> {
        let definition = self.current_of(case).await?;
        let command = Command::new(actor, Operation::Migrate { definition, take: take.to_vec() });
        self.command(case, command, Asked { key, ..Asked::default() }).await
    }

    /// What [`migrate`](Self::migrate) would do: [`Decision::migration`] says it for each task and
    /// each difference; it is empty where the case runs on that definition already. Nothing is
    /// stored.
    ///
    /// # Errors
    ///
    /// As [`act`](Self::act).
    pub async fn migrate_dry_run(
        &self,
        case: &CaseId,
        actor: Actor,
        take: &[Take],
    ) -> Result<Decision, EngineError> {
        let definition = self.current_of(case).await?;
        let operation = Operation::Migrate { definition, take: take.to_vec() };
        self.imagine(case, Command::new(actor, operation)).await
    }

    /// Has every open case of a workflow run on its current definition, one after the other, and
    /// tells of each; a case that refuses does not stop the others. Answers with how many refused.
    /// What was interrupted may be asked for again: cases that run on it already are passed over.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoWorkflow`]; [`EngineError::Store`]; [`EngineError::Closed`].
    pub async fn migrate_all(
        &self,
        suite: &SuiteId,
        workflow: &WorkflowId,
        actor: Actor,
        take: &[Take],
        mut progress: impl FnMut(&CaseId, &Result<Outcome, EngineError>),
    ) -> Result<u64, EngineError> {
        let (mut failed, mut after) = (0, None);
        loop {
            let page = self.outdated(suite, workflow, after).await?;
            for row in page.rows {
                let case = CaseId::new(&row.id);
                let migrated = self.migrate(&case, actor.clone(), take, None).await;
                failed += u64::from(migrated.is_err());
                progress(&case, &migrated);
            }
            after = page.next;
            if after.is_none() {
                return Ok(failed);
            }
        }
    }

    /// Open cases of a workflow that run on an older definition than its current one, a page at a
    /// time; a page may be empty and have a next one.
    ///
    /// # Errors
    ///
    /// As [`migrate_all`](Self::migrate_all).
    pub async fn outdated(
        &self,
        suite: &SuiteId,
        workflow: &WorkflowId,
        after: Option<Cursor>,
    ) -> Result<Page<CaseRow>, EngineError> {
        let current = self.current(suite, workflow).await?;
        let filter = CaseFilter {
            suite: Some(suite.to_string()),
            workflow: Some(workflow.to_string()),
            statuses: vec!["open".to_owned()],
            ..CaseFilter::default()
        };
        let request = PageRequest { after, limit: PageRequest::LIMIT_MAX };
        let mut page = self.cases(filter, request).await?;
        page.rows.retain(|row| row.definition != current.as_str());
        Ok(page)
    }

    /// The current definition of a case's workflow.
    async fn current_of(&self, case: &CaseId) -> Result<DefinitionHash, EngineError> {
        let name = self.case(case).await?.head().name.clone();
        self.current(&name.suite, &name.workflow).await
    }
}
