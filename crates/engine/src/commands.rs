//! What a host asks of cases: open, act, look, try out.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Date, Window};
use duban_core::{
    Act, Actor, AvailableMove, Case, CaseId, CaseName, Command, Decision, Env, ItemKey, Open,
    Operation, cases_of, check_date,
};
use duban_model::{DefinitionHash, SuiteId, UnitId, WorkflowId};
use duban_store::Store;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::{self, KeyClaim};
use crate::shared::Shared;
use crate::steps::{Upcoming, next_steps};
use crate::work::{Asked, Outcome, Question, Request, Work};

/// What to open a case for.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSpec {
    /// The suite.
    pub suite: SuiteId,
    /// The workflow; its current definition is taken.
    pub workflow: WorkflowId,
    /// The unit.
    pub unit: UnitId,
    /// The period it covers, for workflows that have one.
    pub period: Option<Window>,
    /// Its data, read as `case.form`.
    pub form: Map<String, Json>,
    /// Tells apart cases for the same unit and period; 0 for the first.
    pub ordinal: u32,
}

impl OpenSpec {
    /// A case without period and data, the first for its unit.
    pub fn new(
        suite: impl Into<SuiteId>,
        workflow: impl Into<WorkflowId>,
        unit: impl Into<UnitId>,
    ) -> Self {
        Self {
            suite: suite.into(),
            workflow: workflow.into(),
            unit: unit.into(),
            period: None,
            form: Map::new(),
            ordinal: 0,
        }
    }

    /// The case's name; its id follows from it.
    pub fn name(&self) -> CaseName {
        CaseName {
            suite: self.suite.clone(),
            workflow: self.workflow.clone(),
            unit: self.unit.clone(),
            period: self.period,
            parent: None,
            ordinal: self.ordinal,
        }
    }
}

/// What came of opening one case of a suite.
#[derive(Debug)]
pub struct Opened {
    /// The case.
    pub name: CaseName,
    /// The version it was opened at; a case that existed before is refused as `Exists`. The
    /// events are left to the store: those of a large suite would fill the memory.
    pub version: Result<u64, EngineError>,
}

/// Openings of one suite that are under way at once.
const OPENINGS_MAX: usize = 64;

impl<S: Store> Engine<S> {
    /// Opens a case on the current definition of its workflow.
    ///
    /// With a `key`, the same request of the same actor gets the same answer again; for another
    /// unit, period or form the key is refused. Without one, a case that exists is refused as [`Refusal::Exists`](duban_core::Refusal::Exists).
    ///
    /// # Errors
    ///
    /// [`EngineError`]; no case was opened. [`EngineError::KeyReused`] where the actor's key stands
    /// for another opening.
    pub async fn open(
        &self,
        spec: OpenSpec,
        actor: Actor,
        key: Option<String>,
    ) -> Result<Outcome, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        let current = {
            let (shared, suite, workflow) =
                (Arc::clone(&shared), spec.suite.clone(), spec.workflow.clone());
            async move { shared.library.current(&suite, &workflow).await }
        };
        let definition = shared.on_runtime(current).await?;
        let name = spec.name();
        let case = name.id();
        let open = Open::new(name, spec.form);
        let claim = match &key {
            Some(key) => Some(self.claim_key(&actor, key, &open).await?),
            None => None,
        };
        let command = Command::new(actor, open);
        let asked = Asked { key, definition: Some(definition), version: None };
        let opened = self.command(&case, command, asked).await;
        // Whether a store that failed has opened it is unknown.
        if let (Some(claim), Err(error)) = (claim, &opened)
            && !matches!(error, EngineError::Store(_))
        {
            self.give_back_key(claim).await?;
        }
        opened
    }

    /// Notes that an actor's key stands for a request that opens many cases: for another one it
    /// is refused from now on, for as long as the limit `key_ms_max`. The cases themselves are
    /// opened once, whatever the key.
    ///
    /// # Errors
    ///
    /// [`EngineError::KeyReused`].
    pub async fn claim_key(
        &self,
        actor: &Actor,
        key: &str,
        request: &impl Serialize,
    ) -> Result<KeyClaim, EngineError> {
        let json = serde_json::to_value(request).expect("invariant: requests are plain data");
        let (shared, actor, key) = (Arc::clone(self.shared()), actor.clone(), key.to_owned());
        shared.check_running()?;
        let claim = async move { keys::claim(&shared, &actor, &key, &json).await };
        self.shared().on_runtime(claim).await
    }

    /// Gives a key back whose request came to nothing, so that it may stand for another one.
    ///
    /// # Errors
    ///
    /// [`EngineError::Store`].
    pub async fn give_back_key(&self, claim: KeyClaim) -> Result<(), EngineError> {
        let shared = Arc::clone(self.shared());
        let back = async move { keys::give_back(&shared, &claim).await };
        self.shared().on_runtime(back).await
    }

    /// Opens a case for every unit that each workflow of a suite names in its `cases`, in the
    /// period around a date. Workflows that people open by hand are left out.
    ///
    /// May be repeated: what exists is reported as refused, what failed is tried again. Answers in
    /// the order of workflows, then of the units in `cases`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] where the units cannot be found or the date lies outside
    /// [`CivilDate::RANGE`](duban_calendar::CivilDate::RANGE); no case was opened then. What came of
    /// each case is in the answer.
    pub async fn open_suite(
        &self,
        suite: &SuiteId,
        on: Date,
        actor: Actor,
    ) -> Result<Vec<Opened>, EngineError> {
        self.open_all(suite, None, on, actor).await
    }

    /// As [`open_suite`](Self::open_suite), for one of its workflows.
    ///
    /// # Errors
    ///
    /// As [`open_suite`](Self::open_suite); [`EngineError::NoWorkflow`].
    pub async fn open_workflow(
        &self,
        suite: &SuiteId,
        workflow: &WorkflowId,
        on: Date,
        actor: Actor,
    ) -> Result<Vec<Opened>, EngineError> {
        self.open_all(suite, Some(workflow), on, actor).await
    }

    async fn open_all(
        &self,
        suite: &SuiteId,
        workflow: Option<&WorkflowId>,
        on: Date,
        actor: Actor,
    ) -> Result<Vec<Opened>, EngineError> {
        let shared = Arc::clone(self.shared());
        shared.check_running()?;
        check_date("date", on)?;
        let names = names_of(Arc::clone(&shared), suite.clone(), workflow.cloned(), on);
        let mut names = shared.on_runtime(names).await?.into_iter().enumerate();
        let mut running = JoinSet::new();
        let mut opened = BTreeMap::new();
        loop {
            while running.len() < OPENINGS_MAX
                && let Some((place, (name, definition))) = names.next()
            {
                let (engine, actor) = (self.clone(), actor.clone());
                let open = Open::new(name.clone(), Map::new());
                running.spawn_on(
                    async move {
                        let command = Command::new(actor, open);
                        let asked = Asked { definition: Some(definition), ..Asked::default() };
                        let outcome = engine.command(&name.id(), command, asked).await;
                        let version = outcome.map(|outcome| outcome.version);
                        (place, Opened { name, version })
                    },
                    &shared.runtime,
                );
            }
            match running.join_next().await {
                Some(done) => {
                    let (place, one) = done.map_err(|_| EngineError::Closed)?;
                    opened.insert(place, one);
                }
                None => return Ok(opened.into_values().collect()),
            }
        }
    }

    /// Asks a case to do something, and answers once that is on the disk.
    ///
    /// The command is stamped with the present when this is called: time spent in queues makes
    /// nobody late. With a `key`, the same request of the same actor to the same case gets the
    /// same answer again, for as long as the limit `key_ms_max`; what was refused, or changed
    /// nothing, is decided anew.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`] says why the case does not do it; other variants say what stood
    /// in the way.
    pub async fn act(
        &self,
        case: &CaseId,
        actor: Actor,
        act: Act,
        key: Option<String>,
    ) -> Result<Outcome, EngineError> {
        let asked = Asked { key, ..Asked::default() };
        self.command(case, Command::new(actor, act), asked).await
    }

    /// As [`act`](Self::act), for somebody who has looked at the case at `version`: where it has
    /// changed since, nothing happens. What was answered under a `key` is answered again all the
    /// same.
    ///
    /// # Errors
    ///
    /// As [`act`](Self::act); [`EngineError::Changed`].
    pub async fn act_at(
        &self,
        case: &CaseId,
        version: u64,
        actor: Actor,
        act: Act,
        key: Option<String>,
    ) -> Result<Outcome, EngineError> {
        let asked = Asked { key, version: Some(version), ..Asked::default() };
        self.command(case, Command::new(actor, act), asked).await
    }

    /// The moves that a case would take now, on an item (`None`: on the case), from one of
    /// `actors`; earlier moments are imagined first.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCase`](duban_core::Refusal::NoCase); [`EngineError::Busy`].
    pub async fn available_moves(
        &self,
        case: &CaseId,
        item: Option<ItemKey>,
        actors: Vec<Actor>,
    ) -> Result<Vec<AvailableMove>, EngineError> {
        let shared = self.shared();
        shared.check_running()?;
        let (reply, answer) = oneshot::channel();
        let question = Question { item, actors, now: shared.now() };
        shared.submit(case, Work::Moves(question, reply))?;
        shared.answered(case, answer.await)
    }

    /// Lets a faulted case go on, for the reason given.
    ///
    /// # Errors
    ///
    /// As [`act`](Self::act).
    pub async fn repair(
        &self,
        case: &CaseId,
        actor: Actor,
        reason: impl Into<String>,
        key: Option<String>,
    ) -> Result<Outcome, EngineError> {
        let command = Command::new(actor, Operation::Repair { reason: reason.into() });
        self.command(case, command, Asked { key, ..Asked::default() }).await
    }

    pub(crate) async fn command(
        &self,
        case: &CaseId,
        command: Command,
        asked: Asked,
    ) -> Result<Outcome, EngineError> {
        let shared = self.shared();
        shared.check_running()?;
        let (reply, answer) = oneshot::channel();
        let request = Request { command, admitted_at: shared.now(), asked };
        shared.submit(case, Work::Command(Box::new(request), reply))?;
        shared.answered(case, answer.await)
    }

    /// What a case would do now. Nothing is stored; earlier moments are imagined too.
    ///
    /// # Errors
    ///
    /// As [`act`](Self::act).
    pub async fn dry_run(
        &self,
        case: &CaseId,
        actor: Actor,
        act: Act,
    ) -> Result<Decision, EngineError> {
        self.imagine(case, Command::new(actor, act)).await
    }

    pub(crate) async fn imagine(
        &self,
        case: &CaseId,
        command: Command,
    ) -> Result<Decision, EngineError> {
        let shared = self.shared();
        shared.check_running()?;
        let (reply, answer) = oneshot::channel();
        let asked = Asked::default();
        let request = Request { command, admitted_at: shared.now(), asked };
        shared.submit(case, Work::DryRun(Box::new(request), reply))?;
        shared.answered(case, answer.await)
    }

    /// A case as it was committed last.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCase`](duban_core::Refusal::NoCase); [`EngineError::Busy`].
    pub async fn case(&self, case: &CaseId) -> Result<Case, EngineError> {
        let shared = self.shared();
        shared.check_running()?;
        let (reply, answer) = oneshot::channel();
        shared.submit(case, Work::Look(reply))?;
        shared.answered(case, answer.await)
    }

    /// What comes next for a case if nobody does anything, earliest first.
    ///
    /// # Errors
    ///
    /// As [`case`](Self::case).
    pub async fn next_steps(&self, case: &CaseId) -> Result<Vec<Upcoming>, EngineError> {
        Ok(next_steps(&self.case(case).await?, self.now()))
    }
}

/// The cases that a suite's workflows ask for, each with the definition to run on.
async fn names_of<S: Store>(
    shared: Arc<Shared<S>>,
    suite: SuiteId,
    workflow: Option<WorkflowId>,
    on: Date,
) -> Result<Vec<(CaseName, DefinitionHash)>, EngineError> {
    let mut names = Vec::new();
    let mut currents = shared.store.currents().await?;
    currents.retain(|(of, ..)| of == suite.as_str());
    if currents.is_empty() {
        return Err(EngineError::NoSuite(suite.to_string()));
    }
    if let Some(workflow) = workflow {
        currents.retain(|(_, of, _)| of == workflow.as_str());
        if currents.is_empty() {
            let (suite, workflow) = (suite.to_string(), workflow.to_string());
            return Err(EngineError::NoWorkflow { suite, workflow });
        }
    }
    for (_, _, hash) in currents {
        let hash = DefinitionHash::new(hash);
        let program = shared.library.program(&hash).await?;
        if program.definition().workflow.open.is_some() {
            continue;
        }
        let calendar = shared.library.calendar(&program.definition().suite.calendar).await?;
        let directory = shared.library.directory();
        let budget = shared.thinking.budget();
        let env = Env {
            now: shared.now(),
            program,
            previous: None,
            directory,
            calendar,
            epoch: 0,
            budget,
        };
        names.extend(cases_of(&env, on)?.into_iter().map(|name| (name, hash.clone())));
    }
    Ok(names)
}
