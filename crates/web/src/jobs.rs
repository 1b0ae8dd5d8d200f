//! Work that goes on after its request was answered: over all cases of a workflow, or all there
//! are. How far it has come is kept in memory; what a restart interrupts may be asked for again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use duban_calendar::Instant;
use duban_core::{Actor, CaseId, Take};
use duban_engine::{Engine, EngineError};
use duban_store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Scope;

/// Jobs that are remembered; the oldest that have ended are forgotten first.
const JOBS_KEPT: usize = 100;

/// Cases that a job names as failed.
const FAILURES_KEPT: usize = 20;

/// What a job does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    /// Has the open cases of a workflow run on its current version: suite and workflow, and what
    /// is taken over.
    Migrate(String, String, Vec<Take>),
    /// Checks every case's log.
    Verify,
}

impl Task {
    /// What a token must be allowed to look at the job.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Migrate(..) => Scope::Admin,
            Self::Verify => Scope::Audit,
        }
    }

    /// Whether two jobs would do their work on the same cases; they must not run beside each other.
    fn is_same_work(&self, other: &Self) -> bool {
        (self.kind(), self.subject()) == (other.kind(), other.subject())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Migrate(..) => "migrate",
            Self::Verify => "verify",
        }
    }

    fn subject(&self) -> Option<String> {
        match self {
            Self::Migrate(suite, workflow, _) => Some(format!("{suite}/{workflow}")),
            Self::Verify => None,
        }
    }
}

/// A case in which a job did not do what it was to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobFailure {
    /// The case.
    pub(crate) case: String,
    /// Why.
    pub(crate) what: String,
}

/// Work in the background, and how far it has come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its number since the daemon was started.
    pub(crate) id: u64,
    /// `migrate` or `verify`.
    kind: &'static str,
    /// `SUITE/WORKFLOW` of a migration.
    subject: Option<String>,
    /// `running`, `done`, or `failed`: it broke off.
    pub(crate) state: &'static str,
    /// Cases that it has been through.
    pub(crate) cases: u64,
    /// Those of them that refused, or whose log is broken.
    pub(crate) failed: u64,
    /// The first of those.
    pub(crate) failures: Vec<JobFailure>,
    /// Why it broke off.
    error: Option<String>,
    begun_at: String,
    ended_at: Option<String>,
}

/// A job.
pub(crate) struct Job {
    task: Task,
    view: Mutex<JobView>,
}

impl Job {
    pub(crate) fn view(&self) -> JobView {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_running(&self) -> bool {
        self.view().state == "running"
    }

    /// Notes that a case was handled.
    fn tell(&self, case: &CaseId, failure: Option<String>) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.cases += 1;
        let Some(what) = failure else { return };
        view.failed += 1;
        if view.failures.len() < FAILURES_KEPT {
            view.failures.push(JobFailure { case: case.to_string(), what });
        }
    }

    fn end(&self, ended: Result<u64, EngineError>, at: Instant) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        view.ended_at = Some(at.to_string());
        match ended {
            Ok(_) => view.state = "done",
            Err(error) => {
                tracing::error!(job = view.kind, %error, "a job broke off");
                view.state = "failed";
                view.error = Some(error.to_string());
            }
        }
    }
}

/// The jobs of one daemon.
#[derive(Default)]
pub(crate) struct Jobs {
    kept: Mutex<VecDeque<Arc<Job>>>,
}

impl Jobs {
    /// Begins a job; where the same is running already, that one is given.
    pub(crate) fn begin<S: Store>(&self, engine: &Engine<S>, task: Task, actor: Actor) -> JobView {
        let (job, is_new) = self.enlist(task, engine.now());
        if is_new {
            let (engine, job) = (engine.clone(), Arc::clone(&job));
            tokio::spawn(async move {
                let ended = carry_out(&engine, &job, actor).await;
                job.end(ended, engine.now());
            });
        }
        job.view()
    }

    fn enlist(&self, task: Task, now: Instant) -> (Arc<Job>, bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) =
            kept.iter().find(|job| job.task.is_same_work(&task) && job.is_running())
        {
            return (Arc::clone(running), false);
        }
        if kept.len() >= JOBS_KEPT
            && let Some(oldest) = kept.iter().position(|job| !job.is_running())
        {
            kept.remove(oldest);
        }
        let view = JobView {
            id: kept.back().map_or(0, |job| job.view().id) + 1,
            kind: task.kind(),
            subject: task.subject(),
            state: "running",
            cases: 0,
            failed: 0,
            failures: Vec::new(),
            error: None,
            begun_at: now.to_string(),
            ended_at: None,
        };
        let job = Arc::new(Job { task, view: Mutex::new(view) });
        kept.push_back(Arc::clone(&job));
        (job, true)
    }

    /// A job by its number, with the scope that may look at it.
    pub(crate) fn find(&self, id: u64) -> Option<(Scope, JobView)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|job| (job.task.scope(), job.view())).find(|(_, view)| view.id == id)
    }

    /// The last job that did this, whatever it took over.
    pub(crate) fn last(&self, task: &Task) -> Option<JobView> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|job| job.task.is_same_work(task)).map(|job| job.view())
    }
}

async fn carry_out<S: Store>(
    engine: &Engine<S>,
    job: &Job,
    actor: Actor,
) -> Result<u64, EngineError> {
    match &job.task {
        Task::Migrate(suite, workflow, take) => {
            let (suite, workflow) = (suite.as_str().into(), workflow.as_str().into());
            let tell = |case: &CaseId, migrated: &Result<_, EngineError>| {
                job.tell(case, migrated.as_ref().err().map(EngineError::zh));
            };
            engine.migrate_all(&suite, &workflow, actor, take, tell).await
        }
        Task::Verify => {
            let tell = |case: &CaseId, audit: &Result<duban_engine::Audit, EngineError>| {
                let broken = match audit {
                    Ok(audit) => match (&audit.broken, audit.unreadable.first()) {
                        (Some((at, what)), _) => Some(format!("event {at}: {what}")),
                        (None, Some((what, why))) => Some(format!("unreadable {what}: {why}")),
                        (None, None) => None,
                    },
                    Err(error) => Some(error.to_string()),
                };
                job.tell(case, broken);
            };
            engine.verify_all(tell).await
        }
    }
}
