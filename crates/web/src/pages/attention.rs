//! What nobody can move on, grouped by cause, with what is to be done about it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_calendar::{Tz, date_of};
use duban_core::AttentionKind;
use duban_model::{Assignee, Directory};
use duban_store::{AttentionFilter, Cursor, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::lines::{Lines, TaskLine};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Items of one page: causes are put together within it.
const LINES: u32 = 200;

#[derive(Deserialize)]
pub(crate) struct AttentionQuery {
    after: Option<String>,
}

/// One cause with everything that it concerns.
struct Cause {
    kind: AttentionKind,
    about: String,
    name: String,
    since: String,
    lines: Vec<(String, TaskLine)>,
}

#[derive(Template)]
#[template(path = "attention.html")]
struct AttentionPage {
    shell: Shell,
    causes: Vec<Cause>,
    next: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<AttentionQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let (mut causes, mut next) = (Vec::new(), None);
    if let Some(units) = sight.filter(None) {
        let attention = Some(AttentionFilter::Any);
        let filter = ItemFilter { attention, units, ..ItemFilter::default() };
        let request = PageRequest { after: query.after.map(Cursor), limit: LINES };
        let page = app.engine.tasks(filter, request).await?;
        next = page.next.map(|cursor| format!("/attention?after={}", encode(&cursor.0)));
        let mut lines = Lines::new(&app.engine);
        for row in page.rows {
            causes_of(lines.lines(vec![row]).await?, &sight.directory, &mut causes);
        }
    }
    causes.sort_by(|a, b| (a.kind, &a.since, &a.name).cmp(&(b.kind, &b.since, &b.name)));
    let shell = Shell::new("需要关注", "/attention", &visitor, &sight.directory, &headers);
    Ok(render(&AttentionPage { shell: shell.following_all(), causes, next }))
}

/// Puts an item under each of its causes.
fn causes_of(lines: Vec<TaskLine>, directory: &Directory, causes: &mut Vec<Cause>) {
    for line in lines {
        for one in &line.item.attention {
            let since = date_of(one.since, Tz::Asia__Shanghai).to_string();
            let place =
                causes.iter().position(|cause| cause.kind == one.kind && cause.about == one.about);
            let place = place.unwrap_or_else(|| {
                let assignee: Option<Assignee> = one.about.parse().ok();
                let name = assignee.map(|assignee| directory.name_of(&assignee));
                let name = name.unwrap_or_else(|| one.about.clone());
                let (kind, about, since) = (one.kind, one.about.clone(), since.clone());
                causes.push(Cause { kind, about, name, since, lines: Vec::new() });
                causes.len() - 1
            });
            let cause = &mut causes[place];
            cause.since = cause.since.clone().min(since.clone());
            cause.lines.push((since, line.clone()));
        }
    }
}
