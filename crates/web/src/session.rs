//! Sessions: whoever has signed in, known by a cookie whose digest the store keeps.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HeaderMap};
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, SameSite};
use duban_model::PersonId;
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::account::{Accounts, AdminPost, Holder};
use crate::auth::{digest, random_hex};
use crate::pages::Failure;
use crate::server::App;

/// The cookie's name.
const COOKIE_NAME: &str = "duban_session";

/// How long a session lasts, in milliseconds.
const SESSION_MS_MAX: i64 = 12 * 3_600_000;

/// Expired sessions are looked for when somebody signs in, at most this often.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    login: String,
    holder: Holder,
    expires_at: i64,
}

/// Signs somebody in: the cookie to be set.
pub(crate) async fn begin<S: Store>(
    app: &App<S>,
    login: &str,
    holder: Holder,
) -> Result<Cookie<'static>, StoreError> {
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    for (document, json) in store.documents("session/").await? {
        let old: Session = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
        if old.expires_at < now {
            store.remove_document(&document).await?;
        }
    }
    let key = random_hex()?;
    let session = Session { login: login.to_owned(), holder, expires_at: now + SESSION_MS_MAX };
    let json = serde_json::to_string(&session).map_err(StoreError::Unreadable)?;
    store.put_document(&format!("session/{}", digest(&key)), &json, now).await?;
    Ok(cookie(app, key))
}

/// Signs somebody out: the cookie to be set.
pub(crate) async fn end<S: Store>(
    app: &App<S>,
    headers: &HeaderMap,
) -> Result<Cookie<'static>, StoreError> {
    if let Some(key) = key_of(headers) {
        app.engine.store().remove_document(&format!("session/{}", digest(&key))).await?;
    }
    let mut gone = cookie(app, String::new());
    gone.make_removal();
    Ok(gone)
}

fn cookie<S: Store>(app: &App<S>, key: String) -> Cookie<'static> {
    let settings = app.settings();
    // Inside another site's frame only a cookie that says so is sent.
    let is_framed = !settings.frame_ancestors.is_empty() && settings.is_behind_tls;
    Cookie::build((COOKIE_NAME, key))
        .path("/")
        .http_only(true)
        .secure(settings.is_behind_tls)
        .same_site(if is_framed { SameSite::None } else { SameSite::Lax })
        .build()
}

/// A cookie of a request.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
    pairs.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

fn key_of(headers: &HeaderMap) -> Option<String> {
    cookie_of(headers, COOKIE_NAME)
}

/// Whoever looks at a page, signed in.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) login: String,
    pub(crate) holder: Holder,
}

impl Visitor {
    /// The person, where it is one.
    pub(crate) fn person(&self) -> Result<&PersonId, Failure> {
        match &self.holder {
            Holder::Person(person) => Ok(person),
            Holder::Admin(_) => Err(Failure::NotYours),
        }
    }

    /// Refuses whoever does not hold this post.
    pub(crate) fn must_be(&self, post: AdminPost) -> Result<(), Failure> {
        if self.holder == Holder::Admin(post) { Ok(()) } else { Err(Failure::NotYours) }
    }
}

impl<S: Store> FromRequestParts<App<S>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, Failure> {
        let unknown = || {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            Failure::SignIn(path.to_owned())
        };
        let key = key_of(&parts.headers).ok_or_else(unknown)?;
        let store = app.engine.store();
        let json = store.document(&format!("session/{}", digest(&key))).await?;
        let session: Session =
            serde_json::from_str(&json.ok_or_else(unknown)?).map_err(StoreError::Unreadable)?;
        if session.expires_at < app.engine.now().millis() {
            return Err(unknown());
        }
        // Whoever lost the account since is out at once; in a demonstration nobody has one.
        if !app.settings().is_demonstration {
            let account = Accounts::find(store, &session.login).await?;
            account.filter(|account| account.holder == session.holder).ok_or_else(unknown)?;
        }
        Ok(Self { login: session.login, holder: session.holder })
    }
}
