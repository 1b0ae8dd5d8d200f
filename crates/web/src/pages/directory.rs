//! The directory: a unit with its posts, who holds them, and the units below.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_model::{Unit, UnitId};
use duban_store::Store;
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::pages::shell::{Shell, encode};
use crate::pages::{Failure, render};
use crate::server::App;
use crate::session::Visitor;

#[derive(Deserialize)]
pub(crate) struct DirectoryQuery {
    #[serde(default)]
    unit: String,
}

struct PostLine {
    name: String,
    holders: String,
}

#[derive(Template)]
#[template(path = "directory.html")]
struct DirectoryPage {
    shell: Shell,
    above: Vec<(String, String)>,
    code: String,
    posts: Vec<PostLine>,
    below: Vec<(String, String, String)>,
    stand_ins: Vec<String>,
}

/// Names and posts are for everybody who has signed in; addresses are shown to nobody.
pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(query): Query<DirectoryQuery>,
) -> Result<Response, Failure> {
    if visitor.holder == Holder::Admin(AdminPost::Audit) {
        return Err(Failure::NotYours);
    }
    let directory = app.engine.directory();
    let line = |unit: &Unit| (encode(unit.id.as_str()), unit.name.clone(), unit.id.to_string());
    if query.unit.is_empty() {
        let roots = directory.units().filter(|unit| unit.superior.is_none());
        let below = roots.map(line).collect();
        let shell = Shell::new("通讯录", "/directory", &visitor, &directory, &headers);
        let (above, posts, stand_ins) = (Vec::new(), Vec::new(), Vec::new());
        return Ok(render(&DirectoryPage {
            shell,
            above,
            code: String::new(),
            posts,
            below,
            stand_ins,
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
    let name = |id: &duban_model::PersonId| {
        directory.person(id).map_or_else(|| id.to_string(), |person| person.name.clone())
    };
    let post = |post: &duban_model::Post| PostLine {
        name: post.name.clone(),
        holders: post.holders.iter().map(name).collect::<Vec<_>>().join("、"),
    };
    let held =
        |person: &duban_model::PersonId| directory.posts_of(person).any(|post| post.unit == id);
    let stand_ins = directory.data().stand_ins.iter().filter(|one| held(&one.absent));
    let stand_ins = stand_ins.map(|one| {
        format!("{} 至 {}：{} 由 {} 代理", one.from, one.until, name(&one.absent), name(&one.by))
    });
    Ok(render(&DirectoryPage {
        shell: Shell::new(unit.name.clone(), "/directory", &visitor, &directory, &headers),
        above,
        code: id.to_string(),
        posts: directory.posts(&id).map(post).collect(),
        below: directory.children(&id).map(line).collect(),
        stand_ins: stand_ins.collect(),
    }))
}
