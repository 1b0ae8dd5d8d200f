//! Having the open cases of a workflow run on its current version: tried out first, then done.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_core::Actor;
use duban_model::DefinitionHash;
use duban_store::{DefinitionRow, Store};
use serde::Deserialize;

use crate::account::AdminPost;
use crate::jobs::{JobView, Task};
use crate::migration::{Plans, plans};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, go, render};
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
    Path((suite, workflow)): Path<(String, String)>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let row = current(&app, &suite, &workflow).await?;
    let definition = app.engine.definition(&DefinitionHash::new(&row.hash)).await?;
    // First how far the job is: what is tried out after that is not older.
    let job = app.jobs().last(&Task::Migrate(suite.clone(), workflow.clone()));
    let actor = Actor::operator(visitor.login.as_str());
    let plans = plans(&app, &suite, &workflow, &actor).await?;
    let title = format!("{}：迁移到现行版本", definition.workflow.title);
    let shell = Shell::new(title, "/suites", &visitor, &app.engine.directory(), &headers);
    Ok(render(&MigrationPage { shell, suite, workflow, version: row.hash, plans, job }))
}

#[derive(Deserialize)]
pub(crate) struct MigrateForm {
    version: String,
}

pub(crate) async fn begin<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    Path((suite, workflow)): Path<(String, String)>,
    Form(form): Form<MigrateForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    if current(&app, &suite, &workflow).await?.hash != form.version {
        return Err(Failure::Bad("试算之后又发布了新版，请重新试算".to_owned()));
    }
    tracing::info!(suite, workflow, by = visitor.login, "migrate");
    let path = format!("/suites/{}/migrate/{}", encode(&suite), encode(&workflow));
    let actor = Actor::operator(visitor.login.as_str());
    app.jobs().begin(&app.engine, Task::Migrate(suite, workflow), actor);
    Ok(go(&path))
}
