//! Accounts, tokens and sessions: for the administrator of security.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_model::{Directory, echoed, says_nothing};
use duban_store::Store;
use serde::Deserialize;

use crate::account::{Account, Accounts, AdminPost, Holder};
use crate::auth::{Scope, TokenError, TokenInfo, Tokens};
use crate::pages::sessions::SessionLine;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, Sent, go, render};
use crate::security::TARGET;
use crate::server::App;
use crate::session::{self, Session, Visitor};
use crate::sign_in::Way;

struct AccountLine {
    login: String,
    holder: String,
    is_ready: bool,
}

/// Sessions on one page.
const SESSIONS_SHOWN: u32 = 50;

/// Which sessions are shown.
#[derive(Default, Deserialize)]
pub(crate) struct AccountsQuery {
    /// An account's login, a person's id, or a person's name; empty: everybody's.
    #[serde(default)]
    who: String,
    /// The id of the last one that was shown.
    #[serde(default)]
    after: String,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    accounts: Vec<AccountLine>,
    tokens: Vec<TokenInfo>,
    /// Whose sessions are looked for.
    who: String,
    sessions: Vec<SessionLine>,
    /// Where the next sessions are.
    next: Option<String>,
    /// A link or a token, shown this once.
    secret: Option<(String, String)>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Query(query), _): Asked<AccountsQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Security)?;
    page(&app, &visitor, &headers, query, None).await
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
    query: AccountsQuery,
    secret: Option<(String, String)>,
) -> Result<Response, Failure> {
    let directory = app.engine.directory();
    let line = |account: Account| AccountLine {
        holder: holder_zh(&account.holder, &directory),
        is_ready: account.is_ready(),
        login: account.login,
    };
    let accounts = Accounts::list(app.engine.store()).await?.into_iter().map(line).collect();
    let tokens = Tokens::list(app.engine.store()).await?;
    let shell = Shell::new("账号与令牌", "/accounts", visitor, &directory, headers);
    let found = sessions(app, &directory, &query).await?;
    let next =
        found.last().filter(|_| query.who.is_empty() && found.len() >= SESSIONS_SHOWN as usize);
    let next = next.map(|(id, _)| format!("/accounts?after={}", encode(id)));
    let line = |one| SessionLine::new(one, &directory, visitor);
    let sessions = found.into_iter().map(line).collect();
    Ok(render(&AccountsPage { shell, accounts, tokens, who: query.who, sessions, next, secret }))
}

/// The sessions of whoever is looked for, or some of everybody's.
async fn sessions<S: Store>(
    app: &App<S>,
    directory: &Directory,
    query: &AccountsQuery,
) -> Result<Vec<(String, Session)>, Failure> {
    let (store, who) = (app.engine.store(), query.who.trim());
    if who.is_empty() {
        return Ok(session::some(store, &query.after, SESSIONS_SHOWN).await?);
    }
    let holder = match Accounts::find(store, who).await? {
        Some(account) => account.holder,
        None => holder_of(who, directory)?,
    };
    Ok(session::of_owner(store, &session::owner(who, &holder)).await?)
}

fn holder_zh(holder: &Holder, directory: &Directory) -> String {
    match holder {
        Holder::Admin(post) => post.zh().to_owned(),
        Holder::Person(person) => {
            let name = directory.person(person).map(|person| person.name.clone());
            format!("{}（{person}）", name.unwrap_or_else(|| "不在通讯录".to_owned()))
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct ChangeForm {
    /// `create`, `link`, `remove`, `token`, `revoke`, `end` or `end_all`.
    what: String,
    #[serde(default)]
    login: String,
    /// `admin:POST`, a person's id, or a person's name.
    #[serde(default)]
    holder: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: String,
    /// The id of a session.
    #[serde(default)]
    session: String,
}

pub(crate) async fn change<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Form(form), _): Sent<ChangeForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Security)?;
    let done = carry_out(&app, &form).await;
    let (by, error) = (&visitor.login, done.as_ref().err().map(Failure::zh));
    tracing::info!(
        target: TARGET,
        by,
        what = echoed(&form.what),
        login = echoed(&form.login),
        token = echoed(&form.name),
        session = echoed(&form.session),
        error,
        "accounts"
    );
    match done? {
        Some(secret) => {
            page(&app, &visitor, &headers, AccountsQuery::default(), Some(secret)).await
        }
        None => Ok(go("/accounts")),
    }
}

/// Does what a form asks for; what is to be shown, this once, comes with its name.
async fn carry_out<S: Store>(
    app: &App<S>,
    form: &ChangeForm,
) -> Result<Option<(String, String)>, Failure> {
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    match form.what.as_str() {
        "create" => {
            let holder = holder_of(&form.holder, &app.engine.directory())?;
            must_use_password(app, &holder)?;
            let link = Accounts::create(store, &form.login, holder, now).await?;
            let name =
                format!("{} 的一次性链接（7 天内有效，请当面或经可靠渠道交给本人）", form.login);
            return Ok(Some((name, link)));
        }
        "link" => {
            let account = Accounts::find(store, &form.login).await?.ok_or(Failure::Missing)?;
            must_use_password(app, &account.holder)?;
            let link = Accounts::link(store, &form.login, now).await?;
            return Ok(Some((format!("{} 的一次性链接（7 天内有效）", form.login), link)));
        }
        "token" => {
            let scope: Scope = form.scope.parse().map_err(Failure::Bad)?;
            let name = form.name.trim();
            if says_nothing(name) || name.chars().count() > 64 {
                return Err(Failure::Bad("令牌要有名称，至多 64 个字".to_owned()));
            }
            let token =
                Tokens::create(store, name, scope, now).await.map_err(|error| match error {
                    TokenError::Taken(name) => {
                        Failure::Bad(format!("已有名为“{name}”的令牌，请换个名称，或先撤销旧的"))
                    }
                    TokenError::Store(error) => error.into(),
                })?;
            return Ok(Some((format!("令牌 {name}（只显示这一次）"), token)));
        }
        "remove" => Accounts::remove(store, &form.login).await?,
        "revoke" => drop(Tokens::revoke(store, &form.name).await?),
        "end" => {
            if !session::end_one(store, &form.session).await? {
                return Err(Failure::Missing);
            }
        }
        "end_all" => {
            let (owner, _) = form.session.split_once('/').ok_or(Failure::Missing)?;
            session::end_all(store, owner).await?;
        }
        _ => return Err(Failure::Bad("没有这种操作".to_owned())),
    }
    Ok(None)
}

/// Refuses a password for somebody who could not sign in with it.
pub(crate) fn must_use_password<S: Store>(app: &App<S>, holder: &Holder) -> Result<(), Failure> {
    if app.sign_in().offers(Way::Password, holder) {
        return Ok(());
    }
    Err(Failure::Bad(
        "人员不用口令登录（sign_in.passwords = false）；只能为管理岗位建账号".to_owned(),
    ))
}

fn holder_of(text: &str, directory: &Directory) -> Result<Holder, Failure> {
    if let Some(post) = text.strip_prefix("admin:") {
        let post = AdminPost::ALL.into_iter().find(|one| one.as_str() == post);
        return post.map(Holder::Admin).ok_or_else(|| Failure::Bad("没有这个管理岗位".to_owned()));
    }
    if let Some(person) = directory.person(&text.into()) {
        return Ok(Holder::Person(person.id.clone()));
    }
    let mut named = directory.data().people.iter().filter(|person| person.name == text);
    match (named.next(), named.next()) {
        (Some(person), None) => Ok(Holder::Person(person.id.clone())),
        (Some(_), Some(_)) => Err(Failure::Bad(format!("有几位“{text}”，请填人员编号"))),
        _ => Err(Failure::Bad(format!("通讯录里没有“{text}”"))),
    }
}
