//! Measures by units in lights, counts, and what turned red this week.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::Date;
use duban_documents::{Bar, Line, bars, lines};
use duban_model::{Assignee, DefinitionHash, UnitId};
use duban_store::{ItemFilter, LightCount, LightFilter, PageRequest, Store};
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::counts::Summary;
use crate::lines::{Lines, TaskLine, worst};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, go, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;
use crate::trend::Sum;

/// A week, in milliseconds.
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// Columns of the table.
const COLUMNS_MAX: usize = 60;

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
    /// Red and yellow lights over the last weeks; then how much is done.
    trend: Option<(String, String)>,
    reds: Vec<TaskLine>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<OverviewQuery>,
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
    let summary = summary(&app, wanted.as_deref(), &sight).await?;
    let counts = &summary.counts;
    let mut units: Vec<UnitId> = counts.iter().map(|count| count.unit.as_str().into()).collect();
    units.sort_by_cached_key(|unit| (sight.directory.chain(unit).count(), unit.clone()));
    units.dedup();
    let name = |unit: &UnitId| sight.directory.name_of(&Assignee::Unit(unit.clone()));
    let Matrix { rows, chart, green, yellow, red, done } = matrix(counts, &units, &titles, name);
    let reds = turned_red(&app, &sight).await?;
    let shell = Shell::new("总览", "/", &visitor, &sight.directory, &headers).following_all();
    let units = units.iter().map(name).collect();
    Ok(render(&OverviewPage {
        shell,
        suites,
        units,
        rows,
        green,
        yellow,
        red,
        done,
        chart,
        trend: trend(&summary.weeks),
        reds,
    }))
}

/// The counts and the last weeks as the visitor may see them.
async fn summary<S: Store>(
    app: &App<S>,
    suite: Option<&str>,
    sight: &Sight,
) -> Result<Arc<Summary>, Failure> {
    let all = app.lights(suite).await?;
    if let Some(summary) = app.counts().summary(&all, sight) {
        return Ok(summary);
    }
    let now = (app.engine.now(), all.as_slice());
    let sees = |unit: &str| sight.covers(&unit.into());
    let store = app.engine.store();
    let weeks = app.trend().weeks(store, suite.unwrap_or_default(), now, sees).await?;
    let summary = Summary { counts: rolled_up(&all, sight), weeks };
    Ok(app.counts().sum_up(all, sight, summary))
}

/// Lights over the last weeks; `None` where no earlier week is known.
fn trend(points: &[(Date, Option<Sum>)]) -> Option<(String, String)> {
    if points.iter().filter(|(_, sum)| sum.is_some()).count() < 2 {
        return None;
    }
    let labels: Vec<String> =
        points.iter().map(|(date, _)| date.format("%m-%d").to_string()).collect();
    let line = |class: &str, name: &str, much: fn(&Sum) -> u64| Line {
        class: class.to_owned(),
        name: name.to_owned(),
        values: points.iter().map(|(_, sum)| sum.as_ref().map(much)).collect(),
    };
    let lights = [line("red", "红灯", |sum| sum.red), line("yellow", "黄灯", |sum| sum.yellow)];
    let done =
        line("green", "办结率（%）", |sum| (100 * sum.done).checked_div(sum.all).unwrap_or(0));
    Some((lines("近十三周红灯、黄灯", &labels, &lights), lines("近十三周办结率", &labels, &[done])))
}

/// The counts that the visitor may see. Where they are of more units than a table can show, those
/// below are added to the units above, level by level.
fn rolled_up<'c>(counts: &'c [LightCount], sight: &'c Sight) -> Vec<LightCount> {
    // There may be a hundred thousand counts: each unit is looked up once.
    let mut chains: BTreeMap<&str, Option<Vec<&str>>> = BTreeMap::new();
    for count in counts {
        chains.entry(&count.unit).or_insert_with(|| {
            let unit: UnitId = count.unit.as_str().into();
            let chain = sight.directory.chain(&unit).map(|one| one.id.as_str());
            let mut chain: Vec<&str> = chain.collect();
            chain.reverse();
            sight.covers(&unit).then_some(chain)
        });
    }
    let at = |chain: &[&'c str], depth: usize| -> Option<&'c str> {
        chain.get(depth.min(chain.len()).checked_sub(1)?).copied()
    };
    let deepest = chains.values().flatten().map(Vec::len).max().unwrap_or(0);
    let depth = (1..=deepest).rev().find(|depth| {
        let shown: BTreeSet<_> = chains.values().flatten().map(|chain| at(chain, *depth)).collect();
        shown.len() <= COLUMNS_MAX
    });
    let depth = depth.unwrap_or(1);
    // A unit that the directory does not know any more stands for itself.
    let shown: BTreeMap<&str, &str> = chains
        .iter()
        .filter_map(|(unit, chain)| Some((*unit, at(chain.as_ref()?, depth).unwrap_or(unit))))
        .collect();
    let mut sums: BTreeMap<(&str, &str), LightCount> = BTreeMap::new();
    for count in counts {
        let Some(unit) = shown.get(count.unit.as_str()) else { continue };
        let sum = sums.entry((&count.workflow, unit)).or_insert_with(|| LightCount {
            suite: count.suite.clone(),
            workflow: count.workflow.clone(),
            unit: (*unit).to_owned(),
            ..LightCount::default()
        });
        sum.grey += count.grey;
        sum.green += count.green;
        sum.yellow += count.yellow;
        sum.red += count.red;
        sum.done += count.done;
    }
    sums.into_values().collect()
}

struct Matrix {
    rows: Vec<MeasureRow>,
    chart: String,
    green: u64,
    yellow: u64,
    red: u64,
    done: u64,
}

fn matrix(
    counts: &[LightCount],
    units: &[UnitId],
    titles: &BTreeMap<String, String>,
    name: impl Fn(&UnitId) -> String,
) -> Matrix {
    let mut rows: BTreeMap<&str, Vec<Option<Cell>>> = BTreeMap::new();
    let mut bars_of: Vec<[u64; 3]> = vec![[0; 3]; units.len()];
    for count in counts {
        let Some(at) = units.iter().position(|unit| unit.as_str() == count.unit) else { continue };
        let row = rows.entry(&count.workflow).or_default();
        row.resize_with(units.len(), || None);
        row[at] = Some(cell(count, &name(&units[at])));
        for (sum, more) in bars_of[at].iter_mut().zip([count.red, count.yellow, count.green]) {
            *sum += more;
        }
    }
    let bar = |(unit, sums): (&UnitId, &[u64; 3])| {
        let words = [("red", "红"), ("yellow", "黄"), ("green", "绿")];
        let part = |((class, name), much): ((&str, &str), &u64)| {
            (class.to_owned(), name.to_owned(), *much)
        };
        Bar { label: name(unit), parts: words.into_iter().zip(sums).map(part).collect() }
    };
    let shown: Vec<Bar> = units.iter().zip(&bars_of).map(bar).collect();
    let row = |(workflow, cells): (&str, Vec<Option<Cell>>)| MeasureRow {
        title: titles.get(workflow).cloned().unwrap_or_else(|| workflow.to_owned()),
        cells,
    };
    Matrix {
        rows: rows.into_iter().map(row).collect(),
        chart: bars("各单位亮灯数", &shown),
        green: counts.iter().map(|count| count.green).sum(),
        yellow: counts.iter().map(|count| count.yellow).sum(),
        red: counts.iter().map(|count| count.red).sum(),
        done: counts.iter().map(|count| count.done).sum(),
    }
}

fn cell(count: &LightCount, unit: &str) -> Cell {
    let LightCount { red, yellow, green, grey, done, .. } = count;
    let light = worst(*red, *yellow, *green);
    let (workflow, code) = (encode(&count.workflow), encode(&count.unit));
    Cell {
        light: light.as_str(),
        light_zh: light.zh(),
        text: format!("{done}/{}", red + yellow + green + grey),
        href: format!("/tasks?workflow={workflow}&unit={code}"),
        label: format!("{unit}：红 {red}，黄 {yellow}，绿 {green}，办结 {done}"),
    }
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
