//! What nobody can move on, grouped by cause, with what is to be done about it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Tz, date_of};
use duban_core::{AttentionKind, CaseId, Teller};
use duban_model::{Assignee, Directory};
use duban_store::{AttentionFilter, CaseFilter, Cursor, ItemFilter, PageRequest, Store};
use serde::Deserialize;

use crate::lines::{Lines, TaskLine};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::server::App;
use crate::session::Visitor;
use crate::sight::Sight;

/// Items of one page: causes are put together within it.
const LINES: u32 = 200;

#[derive(Deserialize)]
pub(crate) struct AttentionQuery {
    after: Option<String>,
}

/// A case that needs attention itself, for one of its lists.
struct CaseLine {
    href: String,
    title: String,
    unit: String,
    /// Which list, and what of it.
    about: String,
    since: String,
}

/// One kind with the cases that it concerns.
struct Lists {
    kind: AttentionKind,
    lines: Vec<CaseLine>,
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
    lists: Vec<Lists>,
    next: Option<String>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<AttentionQuery>,
) -> Result<Response, Failure> {
    let sight = Sight::of(&app.engine, visitor.person()?).await?;
    let (mut causes, mut lists, mut next) = (Vec::new(), Vec::new(), None);
    if let Some(units) = sight.filter(None) {
        if query.after.is_none() {
            lists = lists_of(&app, &sight, units.clone()).await?;
        }
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
    Ok(render(&AttentionPage { shell: shell.following_all(), causes, lists, next }))
}

/// Cases that need attention themselves, by kind.
async fn lists_of<S: Store>(
    app: &App<S>,
    sight: &Sight,
    units: Vec<String>,
) -> Result<Vec<Lists>, Failure> {
    let attention = Some(AttentionFilter::Any);
    let filter = CaseFilter { attention, units, ..CaseFilter::default() };
    let mut lists: Vec<Lists> = Vec::new();
    for row in app.engine.cases(filter, PageRequest::first(LINES)).await?.rows {
        let case = app.engine.case(&CaseId::new(&row.id)).await?;
        let head = case.head();
        let definition = app.engine.definition(&head.definition).await?;
        let teller = Teller::new(&definition, &sight.directory);
        for one in &head.attention {
            let what = teller.list_line(head, one);
            let line = CaseLine {
                href: format!("/cases/{}", row.id),
                title: head.title.clone(),
                unit: teller.name(&Assignee::Unit(head.name.unit.clone())),
                about: what.unwrap_or_else(|| teller.task_title(&one.about)),
                since: date_of(one.since, Tz::Asia__Shanghai).to_string(),
            };
            match lists.iter_mut().find(|list| list.kind == one.kind) {
                Some(list) => list.lines.push(line),
                None => lists.push(Lists { kind: one.kind, lines: vec![line] }),
            }
        }
    }
    lists.sort_by_key(|list| list.kind);
    Ok(lists)
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
