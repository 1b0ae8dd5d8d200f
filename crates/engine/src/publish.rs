//! What an office loads: suites, its directory, calendars.

use std::sync::Arc;

use duban_calendar::Calendar;
use duban_core::opening_cost;
use duban_model::{
    Definition, DefinitionHash, Directory, DirectoryData, Problem, Severity, StandIn, Suite,
    SuiteId, WorkflowId,
};
use duban_store::{Store, StoreError};
use tokio::sync::watch;

use crate::apply::{self, Applying, Change};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::thinking::aside;

impl<S: Store> Engine<S> {
    /// Compiles every workflow of a suite without keeping anything, opens a few of its cases to see
    /// what that takes, and answers with every problem found. Names of units and posts are checked against the engine's directory, or the
    /// suite's own where the engine has none. Warnings do not stand in the way of
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`EngineError::Closed`].
    pub async fn check(&self, suite: &Suite) -> Result<Vec<Problem>, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let definitions: Vec<_> = suite.definitions.values().cloned().collect();
        let calendar = Arc::clone(&suite.calendar);
        let own = shared.library.directory();
        let is_empty = own.units().next().is_none();
        let directory = suite.directory.clone().filter(|_| is_empty).unwrap_or(own);
        let check = move || {
            let compiled = definitions.into_iter().map(|one| shared.library.compile(one));
            let budget = shared.thinking.budget();
            let problems = compiled.map(|program| match program.map(Arc::new) {
                Ok(program) => {
                    let mut problems = program.check_values();
                    problems.extend(program.check(&directory));
                    problems.extend(opening_cost(&program, &directory, &calendar, &budget));
                    problems
                }
                Err(problems) => problems,
            });
            problems.flatten().collect()
        };
        // Opening cases to see what it costs may take as long as a decision may.
        let check = async move { aside(check).await };
        self.shared().on_runtime(check).await
    }

    /// Keeps every definition of a suite and makes it the current one of its workflow. Running
    /// cases stay on theirs. Answers with the hashes by workflow.
    ///
    /// The directory and the calendar that came with the suite are kept only where the engine has
    /// none yet: an office's own are never replaced by a sample. Repeated: nothing changes.
    ///
    /// # Errors
    ///
    /// [`EngineError::Invalid`] with every problem; nothing was kept.
    pub async fn publish(
        &self,
        suite: &Suite,
    ) -> Result<Vec<(WorkflowId, DefinitionHash)>, EngineError> {
        let problems = self.check(suite).await?;
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(EngineError::Invalid(problems));
        }
        let shared = Arc::clone(self.shared());
        let suite = suite.clone();
        let keep = async move {
            let (library, now) = (&shared.library, shared.now());
            if !library.has_calendar(suite.calendar.id()).await? {
                library.set_calendar(Arc::clone(&suite.calendar), now).await?;
            }
            if let Some(directory) = &suite.directory
                && library.directory().units().next().is_none()
            {
                library.set_directory(Arc::clone(directory), now).await?;
            }
            for definition in suite.definitions.values() {
                library.publish(definition, now).await?;
            }
            // What authors wrote is kept beside it, for those who change it later.
            let sources = serde_json::to_string(&*suite.sources).map_err(StoreError::Unreadable)?;
            let name = format!("sources/{}", suite.head.id);
            shared.store.put_document(&name, &sources, now.millis()).await?;
            let hash = |(id, definition): (&WorkflowId, &Arc<Definition>)| {
                (id.clone(), definition.hash.clone())
            };
            Ok(suite.definitions.iter().map(hash).collect())
        };
        self.shared().on_runtime(keep).await
    }

    /// The hash of the definition that new cases of a workflow get.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoWorkflow`]; [`EngineError::NoSuite`] where nothing of its suite is
    /// published; [`EngineError::Store`].
    pub async fn current(
        &self,
        suite: &SuiteId,
        workflow: &WorkflowId,
    ) -> Result<DefinitionHash, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let (suite, workflow) = (suite.clone(), workflow.clone());
        let read = async move { shared.library.current(&suite, &workflow).await };
        self.shared().on_runtime(read).await
    }

    /// A definition by its hash, as a case runs on it.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoDefinition`].
    pub async fn definition(&self, hash: &DefinitionHash) -> Result<Arc<Definition>, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let hash = hash.clone();
        let read = async move {
            let program = shared.library.program(&hash).await?;
            Ok(Arc::clone(program.definition()))
        };
        self.shared().on_runtime(read).await
    }

    /// The directory as it is now; empty until one is loaded.
    pub fn directory(&self) -> Arc<Directory> {
        self.shared().library.directory()
    }

    /// The directory, and when it is replaced by another.
    pub fn directory_changes(&self) -> watch::Receiver<Arc<Directory>> {
        self.shared().library.directory_changes()
    }

    /// Keeps a new directory and lets every open case look again for owners that it lacks now, and
    /// where units or posts changed, say which items its axes would add and drop. The latter goes
    /// on in the background, through a restart too. A unit that comes without a date dates from
    /// today, unless the directory was empty.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] where a date lies outside
    /// [`CivilDate::RANGE`](duban_calendar::CivilDate::RANGE); [`EngineError::Store`]. The old
    /// directory stays.
    pub async fn set_directory(&self, directory: Directory) -> Result<Applying, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let keep = async move {
            let before = shared.library.directory();
            shared.library.set_directory(Arc::new(directory), shared.now()).await?;
            shared.call_readers();
            let change = apply::change_between(&before, &shared.library.directory());
            apply::begin(&shared, change).await
        };
        self.shared().on_runtime(keep).await
    }

    /// The same, but only in place of the directory at a version
    /// ([`Directory::version`]): for whoever decided by looking at that one.
    ///
    /// # Errors
    ///
    /// [`EngineError::Outdated`] where it has changed since; otherwise as
    /// [`set_directory`](Self::set_directory). The old directory stays.
    pub async fn replace_directory(
        &self,
        expected: &str,
        directory: Directory,
    ) -> Result<Applying, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let expected = expected.to_owned();
        let keep = async move {
            let directory = Arc::new(directory);
            let before = shared.library.directory();
            shared.library.replace_directory(&expected, directory, shared.now()).await?;
            shared.call_readers();
            let change = apply::change_between(&before, &shared.library.directory());
            apply::begin(&shared, change).await
        };
        self.shared().on_runtime(keep).await
    }

    /// Keeps other absences in the directory at a version. Open cases are not asked: who stands in
    /// acts for whoever owns a task, and owns none by it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Outdated`] where the directory has changed since; otherwise as
    /// [`set_directory`](Self::set_directory). The old absences stay.
    pub async fn set_stand_ins(
        &self,
        expected: &str,
        stand_ins: Vec<StandIn>,
    ) -> Result<(), EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let expected = expected.to_owned();
        let keep = async move {
            let current = shared.library.directory();
            let data = DirectoryData { stand_ins, ..current.data().clone() };
            let directory = Directory::kept(data).map_err(|error| EngineError::BadDocument {
                name: "directory".to_owned(),
                error: error.to_string(),
            })?;
            let directory = Arc::new(directory);
            shared.library.replace_directory(&expected, directory, shared.now()).await?;
            shared.call_readers();
            Ok(())
        };
        self.shared().on_runtime(keep).await
    }

    /// The ids of all calendars, in their order.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`].
    pub async fn calendars(&self) -> Result<Vec<String>, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        self.shared().on_runtime(async move { shared.library.calendars().await }).await
    }

    /// A calendar by its id.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoCalendar`].
    pub async fn calendar(&self, id: &str) -> Result<Arc<Calendar>, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let id = id.to_owned();
        let read = async move { shared.library.calendar(&id).await };
        self.shared().on_runtime(read).await
    }

    /// Keeps a calendar under its id and lets every open case project its provisional due dates
    /// anew. The latter goes on in the background, through a restart too.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`]; the old calendar stays.
    pub async fn set_calendar(&self, calendar: Calendar) -> Result<Applying, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let keep = async move {
            shared.library.set_calendar(Arc::new(calendar), shared.now()).await?;
            apply::begin(&shared, Change::Calendar).await
        };
        self.shared().on_runtime(keep).await
    }

    /// The same, but only in place of the calendar at a version ([`Calendar::version`]).
    ///
    /// # Errors
    ///
    /// [`EngineError::Outdated`] where it has changed since; [`EngineError::NoCalendar`];
    /// [`EngineError::Store`]. The old calendar stays.
    pub async fn replace_calendar(
        &self,
        expected: &str,
        calendar: Calendar,
    ) -> Result<Applying, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let expected = expected.to_owned();
        let keep = async move {
            let calendar = Arc::new(calendar);
            shared.library.replace_calendar(&expected, calendar, shared.now()).await?;
            apply::begin(&shared, Change::Calendar).await
        };
        self.shared().on_runtime(keep).await
    }
}
