//! The ledger of interviews: who, by whom, why, what had to be put right, what came of it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::ItemKind;
use duban_store::{Cursor, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::ledger::InterviewState;
use crate::lines::{Lines, TaskLine};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

const LINES: u32 = 50;

#[derive(Deserialize)]
pub(crate) struct InterviewsQuery {
    after: Option<String>,
}

struct Interview {
    line: TaskLine,
    who: String,
    why: String,
    outcome: &'static str,
}

#[derive(Template)]
#[template(path = "interviews.html")]
struct InterviewsPage {
    shell: Shell,
    interviews: Vec<Interview>,
    next: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<InterviewsQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let (mut interviews, mut next) = (Vec::new(), None);
    if let Some(units) = sight.filter(None) {
        let task = Some("interview".to_owned());
        let filter = ItemFilter { task, units, ..ItemFilter::default() };
        let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
        let page = app.engine.tasks(filter, request).await?;
        next = page.next.map(|cursor| format!("/interviews?after={}", encode(&cursor.0)));
        for line in Lines::new(&app.engine).lines(page.rows).await? {
            let ItemKind::Interview { who, why, .. } = &line.item.kind else { continue };
            let who = line.item.names.name_of(who, &sight.directory);
            let why = why.clone();
            let outcome = InterviewState::of(&line.item).zh();
            interviews.push(Interview { line, who, why, outcome });
        }
    }
    let shell = Shell::new("约谈台账", "/interviews", &visitor, &sight.directory, &headers);
    Ok(render(&InterviewsPage { shell: shell.following_all(), interviews, next }))
}
