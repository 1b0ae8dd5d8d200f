//! The sessions of whoever looks: where they are signed in, and ending that.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_calendar::{Instant, Tz, local};
use duban_model::Directory;
use duban_store::Store;
use serde::Deserialize;

use crate::account::Holder;
use crate::pages::shell::Shell;
use crate::pages::{Failure, Sent, go, render};
use crate::security::TARGET;
use crate::server::App;
use crate::session::{self, Session, Visitor};

/// A session as a line of a table.
pub(crate) struct SessionLine {
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) who: String,
    pub(crate) way: &'static str,
    pub(crate) began: String,
    pub(crate) seen: String,
    pub(crate) address: String,
    /// Whether it is the one that looks.
    pub(crate) is_here: bool,
}

impl SessionLine {
    pub(crate) fn new(
        (id, session): (String, Session),
        directory: &Directory,
        visitor: &Visitor,
    ) -> Self {
        let at = |millis| {
            let at = local(Instant::from_millis(millis), Tz::Asia__Shanghai);
            at.format("%Y-%m-%d %H:%M").to_string()
        };
        let who = match &session.holder {
            Holder::Person(person) => {
                let name = directory.person(person).map(|person| person.name.as_str());
                format!("{}（{person}）", name.unwrap_or("不在通讯录"))
            }
            Holder::Admin(post) => format!("{}（{}）", session.login, post.zh()),
        };
        Self {
            is_here: id == visitor.session,
            who,
            way: session.way.zh(),
            began: at(session.began_at),
            seen: at(session.seen_at),
            address: session.address,
            id,
        }
    }
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    shell: Shell,
    sessions: Vec<SessionLine>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let directory = app.engine.directory();
    let mut own = session::of_owner(app.engine.store(), &visitor.owner()).await?;
    own.sort_by_key(|(_, session)| std::cmp::Reverse(session.began_at));
    let line = |one| SessionLine::new(one, &directory, &visitor);
    let sessions = own.into_iter().map(line).collect();
    let shell = Shell::new("登录会话", "/sessions", &visitor, &directory, &headers);
    Ok(render(&SessionsPage { shell, sessions }))
}

#[derive(Deserialize)]
pub(crate) struct EndForm {
    /// The session to end; left out: all of them.
    session: Option<String>,
}

/// Ends one of the visitor's own sessions, or all.
pub(crate) async fn end<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<EndForm>,
) -> Result<Response, Failure> {
    let (store, owner) = (app.engine.store(), visitor.owner());
    let ended = match &form.session {
        Some(id) if id.split_once('/').is_some_and(|(of, _)| of == owner) => {
            usize::from(session::end_one(store, id).await?)
        }
        Some(_) => return Err(Failure::Missing),
        None => session::end_all(store, &owner).await?,
    };
    tracing::info!(target: TARGET, login = visitor.login, ended, "own sessions ended");
    Ok(go("/sessions"))
}
