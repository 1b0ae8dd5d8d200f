//! A draft lived through in virtual time, before it is published.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Date;
use duban_core::{CaseId, Decision, Event, Teller};
use duban_model::{Definition, Directory, Sources};
use duban_sim::{Budget, Observer, Plan, Report, simulate};
use duban_store::Store;
use serde::Deserialize;

use crate::account::AdminPost;
use crate::civil::civil;
use crate::pages::shell::Shell;
use crate::pages::suites::{Checker, read_draft};
use crate::pages::{Failure, Named, Sent, render};
use crate::server::App;
use crate::session::Visitor;

/// The longest period, in days.
const DAYS_MAX: i64 = 800;

/// Lines of the timeline.
const LINES_MAX: usize = 400;

#[derive(Deserialize)]
pub(crate) struct SimulateForm {
    /// Whose first case is told in full.
    workflow: String,
    from: String,
    to: String,
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
    directory: Option<Arc<Directory>>,
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

/// Checks a draft and lives through it.
fn lived(
    checker: Checker,
    draft: &Sources,
    (workflow, seed): (String, u64),
    (from, to): (Date, Date),
    budget: Budget,
) -> Result<(Report, First), Failure> {
    let checked = checker.check(draft);
    let Some(suite) = checked.suite else {
        return Err(Failure::Bad("草稿里还有错误，先改正再模拟".to_owned()));
    };
    if suite.directory.is_none() {
        return Err(Failure::Bad("还没有通讯录，无法模拟；请先导入".to_owned()));
    }
    let plan = Plan { from, to, seed, budget };
    let mut first = First {
        workflow,
        case: None,
        log: Vec::new(),
        definition: None,
        directory: suite.directory.clone(),
    };
    let report = simulate(&suite, &checked.programs, &plan, &mut first, |_| {});
    Ok((report.map_err(|error| Failure::Bad(error.zh()))?, first))
}

pub(crate) async fn run<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(Form(form), _): Sent<SimulateForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let (from, to) = (civil(&form.from)?, civil(&form.to)?);
    if to < from || (to - from).num_days() > DAYS_MAX {
        return Err(Failure::Bad(format!("起止日期不对，最长 {DAYS_MAX} 天（days_max）")));
    }
    let draft = read_draft(&app, &id).await?;
    let checker = Checker::of(&app, &id);
    let of = (form.workflow, form.seed);
    let work = move |budget| lived(checker, &draft, of, (from, to), budget);
    let (report, first) = app.rehearsals().run(app.ending(), work).await??;
    let mut timeline = Vec::new();
    if let (Some(definition), Some(directory)) = (&first.definition, &first.directory) {
        let teller = Teller::new(definition, directory);
        timeline = first.log.iter().filter_map(|event| teller.line(event)).collect();
    }
    let is_cut = timeline.len() > LINES_MAX;
    timeline.truncate(LINES_MAX);
    let case = first.definition.map(|one| one.workflow.title.clone()).unwrap_or_default();
    let shell = Shell::new("模拟", "/suites", &visitor, &app.engine.directory(), &headers);
    let period = format!("{from} 至 {to}");
    Ok(render(&SimulationPage { shell, suite: id, period, report, case, timeline, is_cut }))
}
