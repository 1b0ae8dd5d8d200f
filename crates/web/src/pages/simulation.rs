//! A draft lived through in virtual time, before it is published.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_calendar::{Date, Instant};
use duban_core::{CaseId, Decision, Event, Teller};
use duban_model::Definition;
use duban_sim::{Observer, Report, simulate};
use duban_store::Store;
use serde::Deserialize;

use crate::account::AdminPost;
use crate::pages::shell::Shell;
use crate::pages::suites::{check, read_draft};
use crate::pages::{Failure, render};
use crate::server::App;
use crate::session::Visitor;

/// The longest period, in days.
const DAYS_MAX: i64 = 800;

/// Lines of the timeline.
const LINES_MAX: usize = 400;

/// Simulations at once: each takes a core.
static AT_ONCE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// Waits until no other simulation runs.
pub(crate) async fn turn() -> tokio::sync::SemaphorePermit<'static> {
    AT_ONCE.acquire().await.expect("invariant: the semaphore is never closed")
}

#[derive(Deserialize)]
pub(crate) struct SimulateForm {
    /// Whose first case is told in full.
    workflow: String,
    from: Date,
    to: Date,
    #[serde(default)]
    seed: u64,
}

#[derive(Template)]
#[template(path = "simulation.html")]
struct SimulationPage {
    shell: Shell,
    suite: String,
    period: String,
    report: Report,
    case: String,
    timeline: Vec<String>,
    is_cut: bool,
}

/// Keeps the log of the first case of one workflow.
struct First {
    workflow: String,
    case: Option<CaseId>,
    log: Vec<Event>,
    definition: Option<Arc<Definition>>,
}

impl Observer for First {
    fn decided(&mut self, decision: &Decision, definition: &Arc<Definition>) {
        let head = decision.case.head();
        if head.name.workflow.as_str() != self.workflow {
            return;
        }
        let id = decision.case.id();
        if self.case.as_ref().is_none_or(|case| *case == id) {
            self.case = Some(id);
            self.log.extend(decision.events.iter().cloned());
            self.definition = Some(Arc::clone(definition));
        }
    }
}

pub(crate) async fn run<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<SimulateForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    if form.to < form.from || (form.to - form.from).num_days() > DAYS_MAX {
        return Err(Failure::Bad(format!("起止日期不对，最长 {DAYS_MAX} 天（days_max）")));
    }
    let draft = read_draft(&app, &id).await?;
    let checked = check(&app, &id, draft).await?;
    let Some(suite) = checked.suite else {
        return Err(Failure::Bad("草稿里还有错误，先改正再模拟".to_owned()));
    };
    let Some(directory) = suite.directory.clone() else {
        return Err(Failure::Bad("还没有通讯录，无法模拟；请先导入".to_owned()));
    };
    let _permit = turn().await;
    let mut first =
        First { workflow: form.workflow, case: None, log: Vec::new(), definition: None };
    let work = move || {
        let quiet = |_: Instant| {};
        let programs = &checked.programs;
        let report = simulate(&suite, programs, form.from, form.to, form.seed, &mut first, quiet);
        (report, first)
    };
    let (report, first) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Failure::Bad("模拟中断，请把文件发给系统管理员".to_owned()))?;
    let report = report.map_err(|refusal| Failure::Bad(refusal.zh()))?;
    let mut timeline = Vec::new();
    if let Some(definition) = &first.definition {
        let teller = Teller { definition, directory: &directory };
        timeline = first.log.iter().filter_map(|event| teller.line(event)).collect();
    }
    let is_cut = timeline.len() > LINES_MAX;
    timeline.truncate(LINES_MAX);
    let case = first.definition.map(|one| one.workflow.title.clone()).unwrap_or_default();
    let shell = Shell::new("模拟", "/suites", &visitor, &app.engine.directory(), &headers);
    let period = format!("{} 至 {}", form.from, form.to);
    Ok(render(&SimulationPage { shell, suite: id, period, report, case, timeline, is_cut }))
}
