//! Signing in and out, and the link that sets a password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::Response;
use axum_extra::extract::WithRejection;
use axum_extra::extract::cookie::Cookie;
use duban_model::echoed;
use duban_store::{Store, StoreError};
use serde::Deserialize;

use crate::account::{Account, Accounts, AdminPost, Holder};
use crate::address::ClientAddress;
use crate::pages::shell::{Shell, encode, local};
use crate::pages::{Asked, Failure, Sent, go, render};
use crate::security::TARGET;
use crate::server::App;
use crate::session::{self, Newcomer};
use crate::sight::supervisors;
use crate::sign_in::Way;

/// People offered in a demonstration.
const OFFERED_MAX: usize = 400;

#[derive(Deserialize)]
pub(crate) struct SignInQuery {
    pub(crate) to: Option<String>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    to: String,
    problem: Option<String>,
    /// Other ways: where they begin, and what they are called.
    elsewhere: Vec<(String, String)>,
    /// Whether others than administrators have passwords.
    has_passwords: bool,
    /// In a demonstration: whom one may be.
    offered: Vec<(String, String)>,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Asked<SignInQuery>,
) -> Result<Response, Failure> {
    page(&app, local(query.to.as_deref()), None).await
}

async fn page<S: Store>(
    app: &App<S>,
    to: String,
    problem: Option<String>,
) -> Result<Response, Failure> {
    let is_demonstration = app.settings().is_demonstration;
    let offered = if is_demonstration { offer(app).await? } else { Vec::new() };
    let elsewhere = if is_demonstration { Vec::new() } else { elsewhere(app, &to) };
    let has_passwords = app.sign_in().has_passwords();
    let shell = Shell::bare("登录");
    Ok(render(&SignInPage { shell, to, problem, elsewhere, has_passwords, offered }))
}

/// The other ways to sign in. They are links, not forms: a form may not lead to another site.
fn elsewhere<S: Store>(app: &App<S>, to: &str) -> Vec<(String, String)> {
    let oidc = app.sign_in().oidc.as_ref().map(|oidc| ("/signin/oidc", oidc.label()));
    let cas = app.sign_in().cas.as_ref().map(|cas| ("/signin/cas", cas.label()));
    let link =
        |(path, label): (&str, &str)| (format!("{path}?to={}", encode(to)), label.to_owned());
    oidc.into_iter().chain(cas).map(link).collect()
}

/// The supervision office, the heads of the upper units, then the posts of administration.
async fn offer<S: Store>(app: &App<S>) -> Result<Vec<(String, String)>, Failure> {
    let directory = app.engine.directory();
    let supervisors: Vec<_> = supervisors(&app.engine).await?.into_iter().flatten().collect();
    let mut posts: Vec<_> = directory.data().posts.iter().collect();
    posts.sort_by_cached_key(|post| {
        let supervises = post.holders.iter().any(|holder| supervisors.contains(holder));
        (!supervises, directory.chain(&post.unit).count())
    });
    let named = posts.into_iter().filter_map(|post| {
        let person = directory.person(post.holders.first()?)?;
        let unit = directory.unit(&post.unit)?;
        let name = format!("{} {}（{}）", unit.name, post.name, person.name);
        Some((format!("person:{}", person.id), name))
    });
    let mut offered: Vec<(String, String)> = named.take(OFFERED_MAX).collect();
    offered.extend(
        AdminPost::ALL.map(|post| (format!("admin:{}", post.as_str()), post.zh().to_owned())),
    );
    Ok(offered)
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    /// In a demonstration: `person:ID` or `admin:POST`.
    who: Option<String>,
    to: Option<String>,
}

pub(crate) async fn sign_in<S: Store>(
    State(app): State<App<S>>,
    address: ClientAddress,
    headers: HeaderMap,
    WithRejection(Form(form), _): Sent<SignInForm>,
) -> Result<Response, Failure> {
    let to = local(form.to.as_deref());
    if app.settings().is_demonstration {
        let holder = form.who.as_deref().and_then(|who| chosen(&app, who));
        let holder = holder.ok_or_else(|| Failure::Bad("请选择一个身份".to_owned()))?;
        let login = form.who.unwrap_or_default();
        let newcomer = Newcomer { login, holder, way: Way::Demonstration };
        let cookie = session::begin(&app, &headers, address, newcomer).await?;
        return Ok(with_cookie(go(&to), &cookie));
    }
    if !may_try(&app, &form.login, address).await? {
        app.limits().note_too_many(&form.login, address);
        return Err(Failure::TooOften);
    }
    let account = Accounts::verify(app.engine.store(), &form.login, &form.password).await?;
    let account = account.filter(|account| may_enter(&app, &account.holder));
    let Some(account) = account else {
        tracing::warn!(target: TARGET, login = echoed(&form.login), %address, "sign-in refused");
        let mut answer = page(&app, to, Some("用户名或口令不对".to_owned())).await?;
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(answer);
    };
    let newcomer = Newcomer { login: account.login, holder: account.holder, way: Way::Password };
    let cookie = session::begin(&app, &headers, address, newcomer).await?;
    Ok(with_cookie(go(&to), &cookie))
}

/// Whether one more try is in order. Many tries from elsewhere do not keep anybody out who is
/// signed in from the address that this one comes from.
async fn may_try<S: Store>(
    app: &App<S>,
    login: &str,
    address: ClientAddress,
) -> Result<bool, StoreError> {
    let limits = app.limits();
    if !limits.may_try_from(address) || !limits.may_try(login, address) {
        return Ok(false);
    }
    Ok(limits.may_try_anywhere(login) || is_at_home(app, login, address).await?)
}

/// Whether the owner of an account has a session from an address.
async fn is_at_home<S: Store>(
    app: &App<S>,
    login: &str,
    address: ClientAddress,
) -> Result<bool, StoreError> {
    let store = app.engine.store();
    let Some(account) = Accounts::find(store, login).await? else { return Ok(false) };
    let own = session::of_owner(store, &session::owner(&account.login, &account.holder)).await?;
    let mut places = own.iter().map(|(_, session)| ClientAddress::read(&session.address));
    Ok(places.any(|place| place.group().is_some() && place.group() == address.group()))
}

/// Whether a password lets them in: where people sign in elsewhere, or have left the directory, it
/// does not.
fn may_enter<S: Store>(app: &App<S>, holder: &Holder) -> bool {
    let is_known = match holder {
        Holder::Person(person) => app.engine.directory().person(person).is_some(),
        Holder::Admin(_) => true,
    };
    is_known && app.sign_in().offers(Way::Password, holder)
}

fn chosen<S: Store>(app: &App<S>, who: &str) -> Option<Holder> {
    let (kind, id) = who.split_once(':')?;
    match kind {
        "person" => {
            let person = app.engine.directory().person(&id.into())?.id.clone();
            Some(Holder::Person(person))
        }
        "admin" => {
            let post = AdminPost::ALL.into_iter().find(|post| post.as_str() == id)?;
            Some(Holder::Admin(post))
        }
        _ => None,
    }
}

pub(crate) async fn sign_out<S: Store>(
    State(app): State<App<S>>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let gone = session::end(&app, &headers).await?;
    Ok(with_cookie(go("/signin"), &gone))
}

pub(crate) fn with_cookie(mut response: Response, cookie: &Cookie<'_>) -> Response {
    if let Ok(cookie) = cookie.to_string().parse() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
pub(crate) struct WelcomeQuery {
    key: String,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    shell: Shell,
    key: String,
    login: String,
    problem: Option<String>,
}

/// The page of a link that sets a password.
pub(crate) async fn welcome<S: Store>(
    State(app): State<App<S>>,
    WithRejection(Query(query), _): Asked<WelcomeQuery>,
) -> Result<Response, Failure> {
    let now = app.engine.now().millis();
    let account = Accounts::invited(app.engine.store(), &query.key, now).await?;
    let shell = Shell::bare("设置口令");
    Ok(render(&WelcomePage { shell, key: query.key, login: account.login, problem: None }))
}

#[derive(Deserialize)]
pub(crate) struct WelcomeForm {
    key: String,
    password: String,
    again: String,
}

pub(crate) async fn set_password<S: Store>(
    State(app): State<App<S>>,
    address: ClientAddress,
    headers: HeaderMap,
    WithRejection(Form(form), _): Sent<WelcomeForm>,
) -> Result<Response, Failure> {
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    let invited = Accounts::invited(store, &form.key, now).await;
    // Whoever has a link is no stranger, however many try beside them.
    if invited.is_err() && !app.limits().may_try_from(address) {
        app.limits().note_too_many("", address);
        return Err(Failure::TooOften);
    }
    let invited = invited?;
    if !may_enter(&app, &invited.holder) {
        return Err(Failure::Bad("这里不用口令登录；请从登录页进入".to_owned()));
    }
    let problem = if form.password == form.again {
        match Accounts::set_password(store, &form.key, &form.password, now).await {
            Ok(account) => {
                let Account { login, holder, .. } = account;
                tracing::info!(target: TARGET, login, %address, "password set");
                // Whoever knew the old one is out.
                session::end_all(store, &session::owner(&login, &holder)).await?;
                let newcomer = Newcomer { login, holder, way: Way::Password };
                let cookie = session::begin(&app, &headers, address, newcomer).await?;
                return Ok(with_cookie(go("/"), &cookie));
            }
            Err(error) => error.to_string(),
        }
    } else {
        "两次输入的口令不同".to_owned()
    };
    let shell = Shell::bare("设置口令");
    let (key, login) = (form.key, invited.login);
    Ok(render(&WelcomePage { shell, key, login, problem: Some(problem) }))
}
