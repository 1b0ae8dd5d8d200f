//! Search by words: measures, tasks and units whose names hold them.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_model::{Assignee, DefinitionHash};
use duban_store::{CaseFilter, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::pages::lines::{Lines, TaskLine};
use crate::pages::shell::Shell;
use crate::pages::{Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Characters of a query that are read.
const QUERY_CHARS_MAX: usize = 100;

/// Answers of each kind.
const SHOWN: u32 = 30;

/// Workflows and tasks that are looked into.
const LOOKED_INTO: usize = 12;

#[derive(Deserialize)]
pub(crate) struct SearchQuery {
    #[serde(default)]
    q: String,
}

struct CaseLine {
    href: String,
    title: String,
    unit: String,
    period: String,
    status: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    shell: Shell,
    query: String,
    cases: Vec<CaseLine>,
    tasks: Vec<TaskLine>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<SearchQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let text: String = query.q.chars().take(QUERY_CHARS_MAX).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    let (mut cases, mut tasks) = (Vec::new(), Vec::new());
    if !words.is_empty() {
        let found = Found::of(&app, &sight, &words).await?;
        cases = find_cases(&app, &sight, &found).await?;
        tasks = find_tasks(&app, &sight, &found).await?;
    }
    let shell = Shell::new("搜索", "", &visitor, &sight.directory, &headers);
    Ok(render(&SearchPage { shell, query: text, cases, tasks }))
}

/// What the words name. A word that names a unit narrows to it; the others must all stand in the
/// names of a measure, or of a measure and one of its tasks.
struct Found {
    units: Vec<String>,
    workflows: BTreeSet<String>,
    tasks: BTreeSet<(String, String)>,
    names_units_alone: bool,
}

impl Found {
    async fn of<S: Store>(app: &App<S>, sight: &Sight, words: &[&str]) -> Result<Self, Failure> {
        let names_unit = |word: &str| {
            sight.directory.units().any(|unit| unit.name.contains(word) || unit.id.as_str() == word)
        };
        let mut others = Vec::new();
        let mut units: Option<BTreeSet<String>> = None;
        let definitions = definitions(app).await?;
        for word in words {
            let is_title = definitions.iter().any(|one| {
                one.workflow.title.contains(word)
                    || one.workflow.tasks.iter().any(|task| task.title.contains(word))
            });
            if is_title || !names_unit(word) {
                others.push(*word);
                continue;
            }
            let named = sight.directory.units().filter(|unit| {
                (unit.name.contains(word) || unit.id.as_str() == *word) && sight.covers(&unit.id)
            });
            let named: BTreeSet<String> = named.map(|unit| unit.id.to_string()).collect();
            units = Some(match units {
                Some(before) => before.intersection(&named).cloned().collect(),
                None => named,
            });
        }
        let mut found = Self {
            units: units.into_iter().flatten().collect(),
            workflows: BTreeSet::new(),
            tasks: BTreeSet::new(),
            names_units_alone: others.is_empty(),
        };
        for definition in &definitions {
            let workflow = &definition.workflow;
            let measure = format!("{} {}", workflow.basis.join(" "), workflow.title);
            if others.iter().all(|word| measure.contains(word)) {
                found.workflows.insert(workflow.id.to_string());
            }
            for task in &workflow.tasks {
                let holds = |word: &&str| measure.contains(*word) || task.title.contains(*word);
                let is_own = others.iter().any(|word| task.title.contains(word));
                if is_own && others.iter().all(holds) {
                    found.tasks.insert((workflow.id.to_string(), task.id.to_string()));
                }
            }
        }
        Ok(found)
    }
}

async fn definitions<S: Store>(
    app: &App<S>,
) -> Result<Vec<std::sync::Arc<duban_model::Definition>>, Failure> {
    let mut definitions = Vec::new();
    for (_, _, hash) in app.engine.store().currents().await? {
        definitions.push(app.engine.definition(&DefinitionHash::new(&hash)).await?);
    }
    Ok(definitions)
}

async fn find_cases<S: Store>(
    app: &App<S>,
    sight: &Sight,
    found: &Found,
) -> Result<Vec<CaseLine>, Failure> {
    let Some(all) = sight.filter(None) else { return Ok(Vec::new()) };
    let units = if found.units.is_empty() { all } else { found.units.clone() };
    let workflows: Vec<Option<String>> = if found.names_units_alone {
        vec![None]
    } else {
        found.workflows.iter().take(LOOKED_INTO).cloned().map(Some).collect()
    };
    if found.names_units_alone && found.units.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for workflow in workflows {
        let filter = CaseFilter { workflow, units: units.clone(), ..CaseFilter::default() };
        let page = app.engine.cases(filter, PageRequest::first(SHOWN)).await?;
        lines.extend(page.rows.into_iter().map(|row| CaseLine {
            href: format!("/cases/{}", row.id),
            unit: sight.directory.name_of(&Assignee::Unit(row.unit.as_str().into())),
            title: row.title,
            period: row.period.unwrap_or_default(),
            status: status_zh(&row.status).to_owned(),
        }));
    }
    Ok(lines)
}

fn status_zh(status: &str) -> &str {
    match status {
        "open" => "进行中",
        "closed" => "已办结",
        "struck_off" => "已销号",
        "cancelled" => "已中止",
        other => other,
    }
}

async fn find_tasks<S: Store>(
    app: &App<S>,
    sight: &Sight,
    found: &Found,
) -> Result<Vec<TaskLine>, Failure> {
    let Some(all) = sight.filter(None) else { return Ok(Vec::new()) };
    let units = if found.units.is_empty() { all } else { found.units.clone() };
    let mut lines = Vec::new();
    let mut reader = Lines::new(&app.engine);
    for (workflow, task) in found.tasks.iter().take(LOOKED_INTO) {
        let filter = ItemFilter {
            workflow: Some(workflow.clone()),
            task: Some(task.clone()),
            units: units.clone(),
            ..ItemFilter::default()
        };
        let page = app.engine.tasks(filter, PageRequest::first(SHOWN)).await?;
        lines.extend(reader.lines(page.rows).await?);
    }
    Ok(lines)
}
