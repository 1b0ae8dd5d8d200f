//! Accounts and tokens: for the administrator of security.
//!
//! Links and tokens are shown once and kept as digests, so that no answer of these routes can be
//! given again: they take no idempotency key. Asking again gives a new link, or a new token in
//! the place of the old one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum_extra::extract::WithRejection;
use duban_calendar::Instant;
use duban_model::says_nothing;
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cases::Rejecting;
use crate::account::{Account, Accounts, AdminPost, Holder};
use crate::auth::{Caller, Scope, TokenInfo, Tokens};
use crate::pages::accounts::must_use_password;
use crate::problem::Problem;
use crate::security::TARGET;
use crate::server::App;

/// Whose an account is.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HolderView {
    /// A person's: their id.
    Person(String),
    /// A post of administration.
    Admin(AdminPost),
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    login: String,
    holder: HolderView,
    /// Whether its owner has set a password.
    ready: bool,
    made_at: String,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let ready = account.is_ready();
        let holder = match account.holder {
            Holder::Person(person) => HolderView::Person(person.to_string()),
            Holder::Admin(post) => HolderView::Admin(post),
        };
        let made_at = Instant::from_millis(account.made_at).to_string();
        Self { login: account.login, holder, ready, made_at }
    }
}

/// Every account, by login.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "security",
    responses((status = 200, body = Vec<AccountView>)))]
pub(crate) async fn accounts<S: Store>(
    State(app): State<App<S>>,
) -> Result<Json<Vec<AccountView>>, Problem> {
    let accounts = Accounts::list(app.engine.store()).await.map_err(Problem::store)?;
    Ok(Json(accounts.into_iter().map(AccountView::from).collect()))
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"login": "zhang.san", "holder": {"person": "zhang"}}))]
pub(crate) struct AccountBody {
    /// 2 to 32 letters, digits, dots, hyphens or underscores.
    #[schema(min_length = 2, max_length = 32, pattern = "^[A-Za-z0-9._-]+$")]
    login: String,
    holder: HolderView,
}

/// A link that sets a password, once, within seven days.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkView {
    login: String,
    /// A path of the pages. Hand it to its owner by a way that nobody else reads.
    link: String,
}

/// Makes an account without a password, and the link with which its owner sets one.
#[utoipa::path(post, path = "/api/v1/accounts", request_body = AccountBody, tag = "security",
    responses((status = 201, body = LinkView), (status = 409, description = "the login is taken"),
        (status = 422, description = "the login does not fit, the directory has no such person, or people have no passwords")))]
pub(crate) async fn create_account<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Json(body), _): Rejecting<Json<AccountBody>>,
) -> Result<(StatusCode, Json<LinkView>), Problem> {
    let holder = match body.holder {
        HolderView::Admin(post) => Holder::Admin(post),
        HolderView::Person(person) => {
            let person = person.as_str().into();
            if app.engine.directory().person(&person).is_none() {
                return Err(Problem::unfit(format!("the directory has no person `{person}`")));
            }
            Holder::Person(person)
        }
    };
    must_use_password(&app, &holder)?;
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    let link = Accounts::create(store, &body.login, holder, now).await?;
    note(&caller, "account made", &body.login);
    Ok((StatusCode::CREATED, Json(LinkView { login: body.login, link })))
}

/// Makes a new link for an account; links given out earlier stop working.
#[utoipa::path(post, path = "/api/v1/accounts/{login}/link", tag = "security", params(("login" = String, Path)),
    responses((status = 200, body = LinkView), (status = 404, description = "there is no such account"),
        (status = 422, description = "its holder does not sign in with a password")))]
pub(crate) async fn new_link<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(login), _): Rejecting<Path<String>>,
) -> Result<Json<LinkView>, Problem> {
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    let account = Accounts::find(store, &login).await.map_err(Problem::store)?;
    must_use_password(&app, &account.ok_or_else(Problem::missing)?.holder)?;
    let link = Accounts::link(store, &login, now).await.map_err(Problem::store)?;
    note(&caller, "account link made", &login);
    Ok(Json(LinkView { login, link }))
}

/// Takes an account away; its sessions end with it.
#[utoipa::path(delete, path = "/api/v1/accounts/{login}", tag = "security", params(("login" = String, Path)),
    responses((status = 204), (status = 404, description = "there is no such account"),
        (status = 409, description = "it is the last security administrator's")))]
pub(crate) async fn remove_account<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(login), _): Rejecting<Path<String>>,
) -> Result<StatusCode, Problem> {
    let store = app.engine.store();
    let account = Accounts::find(store, &login).await.map_err(Problem::store)?;
    account.ok_or_else(Problem::missing)?;
    Accounts::remove(store, &login).await?;
    note(&caller, "account removed", &login);
    Ok(StatusCode::NO_CONTENT)
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    name: String,
    scope: Scope,
    made_at: String,
}

impl From<TokenInfo> for TokenView {
    fn from(info: TokenInfo) -> Self {
        let made_at = Instant::from_millis(info.made_at).to_string();
        Self { name: info.name, scope: info.scope, made_at }
    }
}

/// Every token's name and scope.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "security",
    responses((status = 200, body = Vec<TokenView>)))]
pub(crate) async fn tokens<S: Store>(
    State(app): State<App<S>>,
) -> Result<Json<Vec<TokenView>>, Problem> {
    let tokens = Tokens::list(app.engine.store()).await.map_err(Problem::store)?;
    Ok(Json(tokens.into_iter().map(TokenView::from).collect()))
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "oa", "scope": "act"}))]
pub(crate) struct TokenBody {
    /// Whose it is, 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    scope: Scope,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewTokenView {
    name: String,
    /// Shown this once.
    token: String,
}

/// Makes a token. One of the same name is not replaced: revoke it first.
#[utoipa::path(post, path = "/api/v1/tokens", request_body = TokenBody, tag = "security",
    responses((status = 201, body = NewTokenView), (status = 409, description = "there is a token of that name"),
        (status = 422, description = "the name does not fit")))]
pub(crate) async fn create_token<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Json(body), _): Rejecting<Json<TokenBody>>,
) -> Result<(StatusCode, Json<NewTokenView>), Problem> {
    let name = body.name.trim().to_owned();
    if says_nothing(&name) || name.chars().count() > 64 {
        return Err(Problem::unfit("`name` must have 1 to 64 characters that are seen".to_owned()));
    }
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    let token = Tokens::create(store, &name, body.scope, now).await?;
    note(&caller, "token made", &name);
    Ok((StatusCode::CREATED, Json(NewTokenView { name, token })))
}

/// Takes a token away, at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{name}", tag = "security", params(("name" = String, Path)),
    responses((status = 204), (status = 404, description = "there is no such token")))]
pub(crate) async fn revoke_token<S: Store>(
    State(app): State<App<S>>,
    caller: Caller,
    WithRejection(Path(name), _): Rejecting<Path<String>>,
) -> Result<StatusCode, Problem> {
    let is_gone = Tokens::revoke(app.engine.store(), &name).await.map_err(Problem::store)?;
    if !is_gone {
        return Err(Problem::missing());
    }
    note(&caller, "token revoked", &name);
    Ok(StatusCode::NO_CONTENT)
}

fn note(caller: &Caller, what: &'static str, whose: &str) {
    tracing::info!(target: TARGET, token = caller.name, whose, "{what}");
}
