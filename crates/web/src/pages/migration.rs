//! Having the open cases of a workflow run on its current version: tried out first, then done.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::{Actor, Take};
use duban_model::DefinitionHash;
use duban_store::{DefinitionRow, Store};

use crate::account::AdminPost;
use crate::jobs::{JobView, Task};
use crate::migration::{Plans, plans, takes};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, Named, Sent, go, render};
use crate::server::App;
use crate::session::Visitor;

#[derive(Template)]
#[template(path = "migration.html")]
struct MigrationPage {
    shell: Shell,
    suite: String,
    workflow: String,
    /// The version that was tried out: another one must be tried out anew.
    version: String,
    plans: Plans,
    job: Option<JobView>,
    /// What may be taken over, and whether it is to be.
    takes: Vec<(Take, bool)>,
}

/// What the boxes of a form ask to be taken over.
fn taken(fields: &[(String, String)]) -> Result<Vec<Take>, Failure> {
    let words = fields.iter().filter(|(name, _)| name == "take").map(|(_, word)| word.as_str());
    takes(&words.collect::<Vec<_>>().join(",")).map_err(Failure::Bad)
}

async fn current<S: Store>(
    app: &App<S>,
    suite: &str,
    workflow: &str,
) -> Result<DefinitionRow, Failure> {
    app.engine.store().current(suite, workflow).await?.ok_or(Failure::Missing)
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path((suite, workflow)), _): Named<(String, String)>,
    WithRejection(Query(fields), _): Asked<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let take = taken(&fields)?;
    let row = current(&app, &suite, &workflow).await?;
    let definition = app.engine.definition(&DefinitionHash::new(&row.hash)).await?;
    // First how far the job is: what is tried out after that is not older.
    let job = app.jobs().last(&Task::Migrate(suite.clone(), workflow.clone(), Vec::new()));
    let actor = Actor::operator(visitor.login.as_str());
    let plans = plans(&app, &suite, &workflow, &actor, &take).await?;
    let takes = Take::ALL.map(|one| (one, take.contains(&one))).into();
    let title = format!("{}：迁移到现行版本", definition.workflow.title);
    let shell = Shell::new(title, "/suites", &visitor, &app.engine.directory(), &headers);
    Ok(render(&MigrationPage { shell, suite, workflow, version: row.hash, plans, job, takes }))
}

pub(crate) async fn begin<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Path((suite, workflow)), _): Named<(String, String)>,
    WithRejection(Form(fields), _): Sent<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let take = taken(&fields)?;
    let seen = fields.iter().find(|(name, _)| name == "version").map(|(_, hash)| hash.as_str());
    if seen != Some(current(&app, &suite, &workflow).await?.hash.as_str()) {
        return Err(Failure::Bad("试算之后又发布了新版，请重新试算".to_owned()));
    }
    tracing::info!(suite, workflow, by = visitor.login, "migrate");
    let path = format!("/suites/{}/migrate/{}", encode(&suite), encode(&workflow));
    let actor = Actor::operator(visitor.login.as_str());
    app.jobs().begin(&app.engine, Task::Migrate(suite, workflow, take), actor);
    Ok(go(&path))
}
