//! The directory: a unit with its posts, who holds them, and the units below. The administrator of
//! the system also sees how it came to be what it is.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Tz, local};
use duban_model::{PersonId, Post, Unit, UnitId};
use duban_store::Store;
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::change::{self, Changed, PULLED};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, render};
use crate::pull::{self, Outcome, Pulled};
use crate::server::App;
use crate::session::Visitor;

/// Units, posts and absences of one page.
const LINES_MAX: usize = 200;

/// Changes that are shown.
const CHANGES_SHOWN: usize = 10;

#[derive(Deserialize)]
pub(crate) struct DirectoryQuery {
    #[serde(default)]
    unit: String,
    /// How many units below have been shown.
    #[serde(default)]
    after: usize,
}

struct PostLine {
    name: String,
    holders: String,
}

/// What the administrator of the system sees besides.
struct Office {
    is_pulled: bool,
    pulled: Option<(String, String)>,
    waits: bool,
    changes: Vec<String>,
}

#[derive(Template)]
#[template(path = "directory.html")]
struct DirectoryPage {
    shell: Shell,
    above: Vec<(String, String)>,
    code: String,
    posts: Vec<PostLine>,
    below: Vec<(String, String, String)>,
    next: Option<String>,
    stand_ins: Vec<String>,
    office: Option<Office>,
}

/// Names and posts are for everybody who has signed in; addresses are shown to nobody.
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<DirectoryQuery>,
) -> Result<Response, Failure> {
    if visitor.holder == Holder::Admin(AdminPost::Audit) {
        return Err(Failure::NotYours);
    }
    let directory = app.engine.directory();
    let line = |unit: &Unit| (encode(unit.id.as_str()), unit.name.clone(), unit.id.to_string());
    if query.unit.is_empty() {
        let roots = directory.units().filter(|unit| unit.superior.is_none());
        let (below, next) = part(roots.map(line), "", query.after);
        let is_office = visitor.holder == Holder::Admin(AdminPost::System);
        let office = if is_office { Some(office(&app).await?) } else { None };
        return Ok(render(&DirectoryPage {
            shell: Shell::new("通讯录", "/directory", &visitor, &directory, &headers),
            above: Vec::new(),
            code: String::new(),
            posts: Vec::new(),
            below,
            next,
            stand_ins: Vec::new(),
            office,
        }));
    }
    let id = UnitId::new(&query.unit);
    let unit = directory.unit(&id).ok_or(Failure::Missing)?;
    let mut above: Vec<(String, String)> = directory
        .chain(&id)
        .skip(1)
        .map(|unit| (encode(unit.id.as_str()), unit.name.clone()))
        .collect();
    above.reverse();
    let name = |id: &PersonId| {
        directory.person(id).map_or_else(|| id.to_string(), |person| person.name.clone())
    };
    let post = |post: &Post| PostLine {
        name: post.name.clone(),
        holders: post.holders.iter().map(name).collect::<Vec<_>>().join("、"),
    };
    let today = crate::absence::today(&app.engine);
    let held = |person: &PersonId| directory.posts_of(person).any(|post| post.unit == id);
    let current = directory.data().stand_ins.iter().filter(|one| today <= one.until);
    let stand_ins = current.filter(|one| held(&one.absent)).take(LINES_MAX).map(|one| {
        format!("{} 至 {}：{} 由 {} 代理", one.from, one.until, name(&one.absent), name(&one.by))
    });
    let (below, next) = part(directory.children(&id).map(line), &query.unit, query.after);
    Ok(render(&DirectoryPage {
        shell: Shell::new(unit.name.clone(), "/directory", &visitor, &directory, &headers),
        above,
        code: id.to_string(),
        posts: directory.posts(&id).take(LINES_MAX).map(post).collect(),
        below,
        next,
        stand_ins: stand_ins.collect(),
        office: None,
    }))
}

/// The units of one page, and where the next one begins.
fn part<T>(all: impl Iterator<Item = T>, unit: &str, after: usize) -> (Vec<T>, Option<String>) {
    let mut rest = all.skip(after);
    let lines: Vec<T> = rest.by_ref().take(LINES_MAX).collect();
    let next = rest.next().map(|_| {
        format!("/directory?unit={}&after={}", encode(unit), after.saturating_add(LINES_MAX))
    });
    (lines, next)
}

async fn office<S: Store>(app: &App<S>) -> Result<Office, Failure> {
    let changes = change::changes(&app.engine, CHANGES_SHOWN).await?;
    let pulled = pull::last(app).await?;
    Ok(Office {
        is_pulled: app.settings().pull.is_some(),
        waits: app.engine.store().document(PULLED).await?.is_some(),
        pulled: pulled.map(|Pulled { at, outcome, .. }| (time(at), outcome_zh(&outcome))),
        changes: changes.iter().map(change_zh).collect(),
    })
}

/// A moment as people read it.
pub(super) fn time(at: Instant) -> String {
    local(at, Tz::Asia__Shanghai).format("%Y-%m-%d %H:%M").to_string()
}

fn counts_zh(counts: &[(String, usize)]) -> String {
    if counts.is_empty() {
        return "无变化".to_owned();
    }
    counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join("，")
}

fn outcome_zh(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unchanged => "没有变化".to_owned(),
        Outcome::Applied(counts) => format!("已更新：{}", counts_zh(counts)),
        Outcome::Refused(why) => format!("未采用：{why}"),
        Outcome::Failed(why) => format!("失败：{why}"),
    }
}

fn change_zh(changed: &Changed) -> String {
    let Changed { signed, how, counts } = changed;
    format!("{} {}（{}）：{}", time(signed.at), how.zh(), signed.by, counts_zh(counts))
}
