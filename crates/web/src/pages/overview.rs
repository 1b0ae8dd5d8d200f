//! Measures by units in lights, counts, and what turned red this week.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_documents::{Bar, bars};
use duban_model::{Assignee, DefinitionHash, UnitId};
use duban_store::{ItemFilter, LightFilter, PageRequest, Store};
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::pages::lines::{Lines, TaskLine, worst};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, go, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// A week, in milliseconds.
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// Tasks that turned red this week, shown at most.
const RED_SHOWN: u32 = 30;

#[derive(Deserialize)]
pub(crate) struct OverviewQuery {
    suite: Option<String>,
}

struct Cell {
    light: &'static str,
    light_zh: &'static str,
    text: String,
    href: String,
    label: String,
}

struct MeasureRow {
    title: String,
    cells: Vec<Option<Cell>>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    suites: Vec<(String, String, bool)>,
    units: Vec<String>,
    rows: Vec<MeasureRow>,
    green: u64,
    yellow: u64,
    red: u64,
    done: u64,
    chart: String,
    reds: Vec<TaskLine>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<OverviewQuery>,
) -> Result<Response, Failure> {
    let Holder::Person(person) = &visitor.holder else {
        return Ok(go(match visitor.holder {
            Holder::Admin(AdminPost::Security) => "/accounts",
            Holder::Admin(AdminPost::Audit) => "/audit",
            _ => "/suites",
        }));
    };
    let sight = Sight::of(&app.engine, person).await?;
    let currents = app.engine.store().currents().await?;
    let mut titles = BTreeMap::new();
    let mut suites: Vec<(String, String, bool)> = Vec::new();
    let wanted = query.suite.or_else(|| currents.first().map(|(suite, _, _)| suite.clone()));
    for (suite, workflow, hash) in &currents {
        let definition = app.engine.definition(&DefinitionHash::new(hash)).await?;
        if suites.last().is_none_or(|(last, _, _)| last != suite) {
            let is_chosen = Some(suite) == wanted.as_ref();
            suites.push((suite.clone(), definition.suite.title.clone(), is_chosen));
        }
        if Some(suite) == wanted.as_ref() {
            let basis = definition.workflow.basis.join("、");
            titles.insert(workflow.clone(), format!("{basis} {}", definition.workflow.title));
        }
    }
    let counts = app.engine.lights(wanted.as_deref()).await?;
    let counts: Vec<_> =
        counts.into_iter().filter(|count| sight.covers(&count.unit.as_str().into())).collect();
    let mut units: Vec<UnitId> = counts.iter().map(|count| count.unit.as_str().into()).collect();
    units.sort_by_key(|unit| (sight.directory.chain(unit).count(), unit.clone()));
    units.dedup();
    let name = |unit: &UnitId| sight.directory.name_of(&Assignee::Unit(unit.clone()));
    let mut rows: BTreeMap<&str, Vec<Option<Cell>>> = BTreeMap::new();
    let mut by_unit: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    let (mut green, mut yellow, mut red, mut done) = (0, 0, 0, 0);
    for count in &counts {
        let light = worst(count.red, count.yellow, count.green);
        let all = count.grey + count.green + count.yellow + count.red;
        let at = units.iter().position(|unit| unit.as_str() == count.unit).unwrap_or(0);
        let row = rows.entry(&count.workflow).or_default();
        row.resize_with(units.len(), || None);
        row[at] = Some(Cell {
            light: light.as_str(),
            light_zh: light.zh(),
            text: format!("{}/{all}", count.done),
            href: format!(
                "/tasks?workflow={}&unit={}",
                encode(&count.workflow),
                encode(&count.unit)
            ),
            label: format!(
                "{}：红 {}，黄 {}，绿 {}，办结 {}",
                name(&units[at]),
                count.red,
                count.yellow,
                count.green,
                count.done
            ),
        });
        let sums = by_unit.entry(&count.unit).or_default();
        for (sum, more) in sums.iter_mut().zip([count.red, count.yellow, count.green]) {
            *sum += more;
        }
        green += count.green;
        yellow += count.yellow;
        red += count.red;
        done += count.done;
    }
    let bar = |unit: &UnitId| {
        let sums = by_unit.get(unit.as_str()).copied().unwrap_or_default();
        let words = [("red", "红"), ("yellow", "黄"), ("green", "绿")];
        let part =
            |((class, name), much): ((&str, &str), u64)| (class.to_owned(), name.to_owned(), much);
        Bar { label: name(unit), parts: words.into_iter().zip(sums).map(part).collect() }
    };
    let chart = bars("各单位亮灯数", &units.iter().map(bar).collect::<Vec<_>>());
    let rows = rows
        .into_iter()
        .map(|(workflow, cells)| MeasureRow {
            title: titles.get(workflow).cloned().unwrap_or_else(|| workflow.to_owned()),
            cells,
        })
        .collect();
    let reds = turned_red(&app, &sight).await?;
    let shell = Shell::new("总览", "/", &visitor, &sight.directory, &headers).following_all();
    let units = units.iter().map(name).collect();
    Ok(render(&OverviewPage { shell, suites, units, rows, green, yellow, red, done, chart, reds }))
}

/// Red tasks that fell due in the last seven days.
async fn turned_red<S: Store>(app: &App<S>, sight: &Sight) -> Result<Vec<TaskLine>, Failure> {
    let Some(units) = sight.filter(None) else { return Ok(Vec::new()) };
    let now = app.engine.now().millis();
    let filter = ItemFilter {
        units,
        light: Some((LightFilter::Red, now)),
        due_from: Some(now - WEEK_MS),
        due_until: Some(now),
        ..ItemFilter::default()
    };
    let page = app.engine.tasks(filter, PageRequest::first(RED_SHOWN)).await?;
    Lines::new(&app.engine).lines(page.rows).await
}
