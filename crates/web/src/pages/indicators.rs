//! Indicators against their targets, and progress against plan.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_store::{Cursor, ItemFilter, PageRequest, Store};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;

use crate::ledger::{Verdict, has_indicator, tasks_with};
use crate::lines::{Lines, TaskLine};
use crate::pages::duties::Chosen;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

const LINES: u32 = 100;

#[derive(Deserialize)]
pub(crate) struct IndicatorsQuery {
    /// `WORKFLOW/TASK`.
    indicator: Option<String>,
    after: Option<String>,
}

struct Indicator {
    line: TaskLine,
    value: String,
    target: String,
    /// How much of the target is reached, in percent; `None` where there is nothing to divide.
    share: Option<i64>,
    verdict: &'static str,
    planned: String,
}

#[derive(Template)]
#[template(path = "indicators.html")]
struct IndicatorsPage {
    shell: Shell,
    choices: Vec<Chosen>,
    indicators: Vec<Indicator>,
    next: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<IndicatorsQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let tasks = tasks_with(&app, has_indicator).await?;
    let suffix: Vec<String> = tasks.iter().map(|task| task.unit.clone()).collect();
    let mut choices: Vec<Chosen> = tasks.into_iter().map(Chosen::from).collect();
    let wanted = choices.iter().position(|one| Some(&one.value) == query.indicator.as_ref());
    let at = wanted.unwrap_or(0);
    let (mut indicators, mut next) = (Vec::new(), None);
    if let (Some(chosen), Some(units)) = (choices.get_mut(at), sight.filter(None)) {
        chosen.is_chosen = true;
        let (workflow, task) = chosen.value.split_once('/').unwrap_or_default();
        let filter = ItemFilter {
            workflow: Some(workflow.to_owned()),
            task: Some(task.to_owned()),
            units,
            ..ItemFilter::default()
        };
        let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
        let page = app.engine.tasks(filter, request).await?;
        let value = encode(&chosen.value);
        next = page
            .next
            .map(|cursor| format!("/indicators?indicator={value}&after={}", encode(&cursor.0)));
        for line in Lines::new(&app.engine).lines(page.rows).await? {
            let item = &line.item;
            let number = |number: Option<Decimal>| {
                number.map_or("—".to_owned(), |number| {
                    format!("{}{}", number.normalize(), suffix[at])
                })
            };
            let (value, target) = (number(item.value), number(item.target));
            let verdict = Verdict::of(item).zh();
            let planned = if item.planned == 0 {
                String::new()
            } else {
                format!("{}% / 计划 {}%", item.progress, item.planned)
            };
            let share = share(item.value, item.target);
            indicators.push(Indicator { line, value, target, share, verdict, planned });
        }
    }
    let shell = Shell::new("指标", "/indicators", &visitor, &sight.directory, &headers);
    Ok(render(&IndicatorsPage { shell: shell.following_all(), choices, indicators, next }))
}

/// A value in percent of its target, rounded down. Where less is better, more than 100 is bad.
fn share(value: Option<Decimal>, target: Option<Decimal>) -> Option<i64> {
    let hundredth = target? / Decimal::ONE_HUNDRED;
    value?.checked_div(hundredth)?.floor().to_i64()
}
