//! Who has done a periodic duty in which window.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_model::Assignee;
use duban_store::{ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::ledger::{DutyState, Listed, is_duty, tasks_with};
use crate::lines::{Lines, task_href};
use crate::pages::shell::Shell;
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Occurrences shown at most.
const SHOWN_MAX: usize = 3_000;

#[derive(Deserialize)]
pub(crate) struct DutiesQuery {
    /// `WORKFLOW/TASK`.
    duty: Option<String>,
    #[serde(default)]
    unit: String,
}

pub(crate) struct Chosen {
    pub(crate) value: String,
    pub(crate) name: String,
    pub(crate) is_chosen: bool,
}

impl From<Listed> for Chosen {
    fn from(task: Listed) -> Self {
        Self { value: task.value, name: task.name, is_chosen: false }
    }
}

struct Mark {
    href: String,
    light: &'static str,
    text: String,
}

struct UnitRow {
    name: String,
    marks: Vec<Option<Mark>>,
}

#[derive(Template)]
#[template(path = "duties.html")]
struct DutiesPage {
    shell: Shell,
    duties: Vec<Chosen>,
    unit: String,
    windows: Vec<String>,
    rows: Vec<UnitRow>,
    is_cut: bool,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<DutiesQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let duties = tasks_with(&app, is_duty).await?;
    let mut duties: Vec<Chosen> = duties.into_iter().map(Chosen::from).collect();
    let wanted = duties.iter().position(|duty| Some(&duty.value) == query.duty.as_ref());
    let at = wanted.unwrap_or_else(|| {
        // The duty of most units is what people come for first.
        duties.iter().position(|duty| duty.value.ends_with("/study")).unwrap_or(0)
    });
    let mut page = Sorted::default();
    if let Some(duty) = duties.get_mut(at) {
        duty.is_chosen = true;
        let value = duty.value.clone();
        page = collect(&app, &sight, &value, &query.unit).await?;
    }
    let windows = page.windows;
    let name = |unit: &str| sight.directory.name_of(&Assignee::Unit(unit.into()));
    let rows = page.units.into_iter().map(|(unit, mut marks)| UnitRow {
        name: name(&unit),
        marks: windows.keys().map(|window| marks.remove(window)).collect(),
    });
    let rows = rows.collect();
    let shell = Shell::new("周期职责", "/duties", &visitor, &sight.directory, &headers);
    let is_cut = page.is_cut;
    Ok(render(&DutiesPage {
        shell: shell.following_all(),
        duties,
        unit: query.unit,
        windows: windows.into_values().collect(),
        rows,
        is_cut,
    }))
}

#[derive(Default)]
struct Sorted {
    /// Key and name.
    windows: BTreeMap<String, String>,
    units: BTreeMap<String, BTreeMap<String, Mark>>,
    is_cut: bool,
}

async fn collect<S: Store>(
    app: &App<S>,
    sight: &Sight,
    duty: &str,
    unit: &str,
) -> Result<Sorted, Failure> {
    let mut sorted = Sorted::default();
    let Some((workflow, task)) = duty.split_once('/') else { return Ok(sorted) };
    let named = sight.directory.units_named(unit).next();
    let unit = named.map_or(unit.to_owned(), |unit| unit.id.to_string());
    let Some(mut units) = sight.filter(Some(&unit)) else { return Ok(sorted) };
    if !unit.is_empty() {
        // A district's row stands with those of its streets.
        let below = sight.directory.units();
        let above = unit.as_str().into();
        let within = below.filter(|one| sight.directory.is_within(&one.id, &above));
        units = within.map(|one| one.id.to_string()).collect();
    }
    let filter = ItemFilter {
        workflow: Some(workflow.to_owned()),
        task: Some(task.to_owned()),
        units,
        ..ItemFilter::default()
    };
    let (mut lines, mut after, mut count) = (Lines::new(&app.engine), None, 0);
    loop {
        let request = PageRequest { after, limit: PageRequest::LIMIT_MAX };
        let page = app.engine.tasks(filter.clone(), request).await?;
        for row in page.rows {
            count += 1;
            let (unit, case) = (row.unit.clone(), row.case.clone());
            let line = lines.line(row).await?;
            let Some(window) = line.item.window else { continue };
            let text = match DutyState::of(&line.item) {
                DutyState::Open => format!("{} 次，{}", line.item.entries_counting(), line.status),
                judged => judged.zh().to_owned(),
            };
            let href = task_href(&case, line.item.key.as_str());
            sorted.windows.insert(window.key(), window.name());
            let mark = Mark { href, light: line.light, text };
            sorted.units.entry(unit).or_default().insert(window.key(), mark);
        }
        after = page.next;
        sorted.is_cut = after.is_some() && count >= SHOWN_MAX;
        if after.is_none() || sorted.is_cut {
            return Ok(sorted);
        }
    }
}
