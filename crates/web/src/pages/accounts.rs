//! Accounts and tokens: for the administrator of security.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header::HeaderMap;
use axum::response::Response;
use duban_model::Directory;
use duban_store::Store;
use serde::Deserialize;

use crate::account::{Account, Accounts, AdminPost, Holder};
use crate::auth::{Scope, TokenInfo, Tokens};
use crate::pages::shell::Shell;
use crate::pages::{Failure, go, render};
use crate::server::App;
use crate::session::Visitor;

struct AccountLine {
    login: String,
    holder: String,
    is_ready: bool,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    accounts: Vec<AccountLine>,
    tokens: Vec<TokenInfo>,
    /// A link or a token, shown this once.
    secret: Option<(String, String)>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Security)?;
    page(&app, &visitor, &headers, None).await
}

async fn page<S: Store>(
    app: &App<S>,
    visitor: &Visitor,
    headers: &HeaderMap,
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
    Ok(render(&AccountsPage { shell, accounts, tokens, secret }))
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
    /// `create`, `link`, `remove`, `token` or `revoke`.
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
}

pub(crate) async fn change<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<ChangeForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::Security)?;
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    tracing::info!(
        by = visitor.login,
        what = form.what,
        login = form.login,
        token = form.name,
        "accounts"
    );
    let secret = match form.what.as_str() {
        "create" => {
            let holder = holder_of(&form.holder, &app.engine.directory())?;
            let link = Accounts::create(store, &form.login, holder, now).await?;
            Some((
                format!("{} 的一次性链接（7 天内有效，请当面或经可靠渠道交给本人）", form.login),
                link,
            ))
        }
        "link" => {
            Accounts::find(store, &form.login).await?.ok_or(Failure::Missing)?;
            let link = Accounts::link(store, &form.login, now).await?;
            Some((format!("{} 的一次性链接（7 天内有效）", form.login), link))
        }
        "remove" => {
            Accounts::remove(store, &form.login).await?;
            None
        }
        "token" => {
            let scope: Scope = form.scope.parse().map_err(Failure::Bad)?;
            let name = form.name.trim();
            if name.is_empty() || name.chars().count() > 64 {
                return Err(Failure::Bad("令牌要有名称，至多 64 个字".to_owned()));
            }
            let token = Tokens::create(store, name, scope, now).await?;
            Some((format!("令牌 {name}（只显示这一次）"), token))
        }
        "revoke" => {
            Tokens::revoke(store, &form.name).await?;
            None
        }
        _ => return Err(Failure::Bad("没有这种操作".to_owned())),
    };
    match secret {
        Some(secret) => page(&app, &visitor, &headers, Some(secret)).await,
        None => Ok(go("/accounts")),
    }
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
