//! Sessions: whoever has signed in, known by a cookie whose digest the store keeps.
//!
//! A cookie is `OWNER.KEY`. A session's document is named by both, so that those of one person
//! stand together and nobody's are looked for among everybody's.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, HeaderMap};
use axum::http::request::Parts;
use axum::http::{HeaderName, Uri};
use axum_extra::extract::cookie::{Cookie, SameSite};
use duban_model::{PersonId, echoed};
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::access;
use crate::account::{Accounts, AdminPost, Holder};
use crate::address::ClientAddress;
use crate::auth::{digest, random_hex};
use crate::pages::Failure;
use crate::security::TARGET;
use crate::server::App;
use crate::sight::Sight;
use crate::sign_in::Way;

/// The cookie's name.
const COOKIE_NAME: &str = "duban_session";

/// What the names of sessions' documents begin with; owner and digest follow.
pub(crate) const DOCUMENTS: &str = "session/";

/// How long a session lasts, in milliseconds.
pub(crate) const SESSION_MS_MAX: i64 = 12 * 3_600_000;

/// Sessions of one person; with one more the oldest ends.
const SESSIONS_MAX: usize = 20;

/// Says that a page looks for changes by itself: nobody is using it.
const REFRESH: HeaderName = HeaderName::from_static("duban-refresh");

/// The stream that a page listens to.
const LIVE_PATH: &str = "/live";

/// Somebody who is to be signed in.
pub(crate) struct Newcomer {
    /// The account, here or elsewhere.
    pub(crate) login: String,
    pub(crate) holder: Holder,
    pub(crate) way: Way,
}

/// A session as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) login: String,
    pub(crate) holder: Holder,
    pub(crate) way: Way,
    /// Where it began.
    pub(crate) address: String,
    pub(crate) began_at: i64,
    /// When it was last used, within a step.
    pub(crate) seen_at: i64,
    expires_at: i64,
}

/// Signs somebody in: the cookie to be set. What the browser was signed in to before ends.
pub(crate) async fn begin<S: Store>(
    app: &App<S>,
    headers: &HeaderMap,
    address: ClientAddress,
    newcomer: Newcomer,
) -> Result<Cookie<'static>, StoreError> {
    let (store, now) = (app.engine.store(), app.engine.now().millis());
    app.brooms().sessions.sweep(store, now).await?;
    if let Some(before) = shown(app, headers) {
        store.remove_document(&before).await?;
    }
    let Newcomer { login, holder, way } = newcomer;
    let owner = owner(&login, &holder);
    let mut own = of_owner(store, &owner).await?;
    own.sort_by_key(|(_, session)| session.began_at);
    for (oldest, _) in own.iter().take((own.len() + 1).saturating_sub(SESSIONS_MAX)) {
        store.remove_document(&format!("{DOCUMENTS}{oldest}")).await?;
    }
    tracing::info!(target: TARGET, login = echoed(&login), way = way.as_str(), %address, "signed in");
    let session = Session {
        login,
        holder,
        way,
        address: address.to_string(),
        began_at: now,
        seen_at: now,
        expires_at: now + SESSION_MS_MAX,
    };
    let json = serde_json::to_string(&session).map_err(StoreError::Unreadable)?;
    let key = random_hex()?;
    store.put_document(&document(&owner, &key), &json, now).await?;
    Ok(cookie(app, cookie_name(app, COOKIE_NAME), format!("{owner}.{key}")))
}

/// Signs somebody out: the cookie to be set.
pub(crate) async fn end<S: Store>(
    app: &App<S>,
    headers: &HeaderMap,
) -> Result<Cookie<'static>, StoreError> {
    let store = app.engine.store();
    if let Some(document) = shown(app, headers)
        && let Some(json) = store.document(&document).await?
    {
        let session: Session = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
        store.remove_document(&document).await?;
        tracing::info!(target: TARGET, login = session.login, "signed out");
    }
    let mut gone = cookie(app, cookie_name(app, COOKIE_NAME), String::new());
    gone.make_removal();
    Ok(gone)
}

/// Ends one session, by its id; `false` where there is none.
pub(crate) async fn end_one<S: Store>(store: &S, id: &str) -> Result<bool, StoreError> {
    store.remove_document(&format!("{DOCUMENTS}{id}")).await
}

/// Ends every session of somebody; how many there were.
pub(crate) async fn end_all<S: Store>(store: &S, owner: &str) -> Result<usize, StoreError> {
    let all = of_owner(store, owner).await?;
    for (id, _) in &all {
        end_one(store, id).await?;
    }
    Ok(all.len())
}

/// Ends the sessions that the password of an account began.
pub(crate) async fn end_of_account<S: Store>(
    store: &S,
    login: &str,
    holder: &Holder,
) -> Result<(), StoreError> {
    for (id, session) in of_owner(store, &owner(login, holder)).await? {
        if session.way == Way::Password && session.login == login {
            end_one(store, &id).await?;
        }
    }
    Ok(())
}

/// Whose sessions stand together: those of a person, however they signed in, or those of an
/// account of administration.
pub(crate) fn owner(login: &str, holder: &Holder) -> String {
    let name = match holder {
        Holder::Person(person) => format!("person:{person}"),
        Holder::Admin(post) => format!("{}:{login}", post.as_str()),
    };
    let mut owner = digest(&name);
    owner.truncate(32);
    owner
}

/// The sessions of somebody, with their ids.
pub(crate) async fn of_owner<S: Store>(
    store: &S,
    owner: &str,
) -> Result<Vec<(String, Session)>, StoreError> {
    read(store.documents(&format!("{DOCUMENTS}{owner}/")).await?)
}

/// Some of everybody's sessions, those of one person together, after the one of an id.
pub(crate) async fn some<S: Store>(
    store: &S,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, Session)>, StoreError> {
    let after = if after.is_empty() { String::new() } else { format!("{DOCUMENTS}{after}") };
    read(store.documents_after(DOCUMENTS, &after, limit).await?)
}

fn read(documents: Vec<(String, String)>) -> Result<Vec<(String, Session)>, StoreError> {
    let one = |(name, json): (String, String)| {
        let id = name.strip_prefix(DOCUMENTS).unwrap_or(&name).to_owned();
        // One without an owner was begun by an older version: no cookie leads to it any more.
        if !id.contains('/') {
            return None;
        }
        let session = serde_json::from_str(&json).map_err(StoreError::Unreadable);
        Some(session.map(|session| (id, session)))
    };
    documents.into_iter().filter_map(one).collect()
}

fn document(owner: &str, key: &str) -> String {
    format!("{DOCUMENTS}{owner}/{}", digest(key))
}

/// The document of the session that a request shows.
fn shown<S: Store>(app: &App<S>, headers: &HeaderMap) -> Option<String> {
    let cookie = cookie_of(headers, &cookie_name(app, COOKIE_NAME))?;
    let (owner, key) = cookie.split_once('.')?;
    let is_owner = owner.len() == 32 && owner.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_owner.then(|| document(owner, key))
}

/// The name of a cookie. Over TLS it says that no other host and no plain connection has set it.
pub(crate) fn cookie_name<S: Store>(app: &App<S>, name: &str) -> String {
    if app.settings().is_behind_tls { format!("__Host-{name}") } else { name.to_owned() }
}

/// A cookie that scripts cannot read and that ends with the browser.
pub(crate) fn cookie<S: Store>(app: &App<S>, name: String, value: String) -> Cookie<'static> {
    let settings = app.settings();
    // Inside another site's frame only a cookie that says so is sent; browsers that keep framed
    // sites apart by the site around them want it marked as one that may be kept so.
    let is_framed = !settings.frame_ancestors.is_empty() && settings.is_behind_tls;
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(settings.is_behind_tls)
        .same_site(if is_framed { SameSite::None } else { SameSite::Lax })
        .partitioned(is_framed)
        .build()
}

/// A cookie of a request.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(Cookie::split_parse).filter_map(Result::ok);
    pairs.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// Whoever looks at a page, signed in.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) login: String,
    pub(crate) holder: Holder,
    /// The id of the session.
    pub(crate) session: String,
    /// How many tasks that they may see nobody can move on.
    pub(crate) attention: u64,
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

    /// Whose sessions theirs are.
    pub(crate) fn owner(&self) -> String {
        owner(&self.login, &self.holder)
    }
}

impl<S: Store> FromRequestParts<App<S>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, Failure> {
        let unknown = || {
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            Failure::SignIn(path.to_owned())
        };
        let document = shown(app, &parts.headers).ok_or_else(unknown)?;
        let json = app.engine.store().document(&document).await?.ok_or_else(unknown)?;
        let session: Session = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
        if !is_standing(app, &session).await? {
            return Err(unknown());
        }
        if is_use(&parts.uri, &parts.headers) {
            note_use(app, &document, &json, &session).await?;
        }
        access::note_who(&session.login);
        let id = document.strip_prefix(DOCUMENTS).unwrap_or(&document).to_owned();
        let attention = attention(app, &session.holder).await?;
        Ok(Self { login: session.login, holder: session.holder, session: id, attention })
    }
}

/// How much of what somebody may see nobody can move on. Nearly always nothing at all, and then
/// nothing more is asked.
async fn attention<S: Store>(app: &App<S>, holder: &Holder) -> Result<u64, Failure> {
    let Holder::Person(person) = holder else { return Ok(0) };
    let counts = app.engine.attention().await?;
    if counts.is_empty() {
        return Ok(0);
    }
    let sight = Sight::of(&app.engine, person).await?;
    let seen = counts.into_iter().filter(|one| sight.covers(&one.unit.as_str().into()));
    Ok(seen.map(|one| one.items + one.cases).sum())
}

/// The steps in which use is noted, in milliseconds.
fn step_ms<S: Store>(app: &App<S>) -> i64 {
    app.sign_in().idle_ms_max() / 8
}

/// Whether a session holds: it is neither old nor idle, and whoever began it may still sign in so.
async fn is_standing<S: Store>(app: &App<S>, session: &Session) -> Result<bool, Failure> {
    let now = app.engine.now().millis();
    let idle = now - session.seen_at;
    if session.expires_at < now || idle > app.sign_in().idle_ms_max() + step_ms(app) {
        return Ok(false);
    }
    if app.settings().is_demonstration {
        return Ok(session.way == Way::Demonstration);
    }
    if !app.sign_in().offers(session.way, &session.holder) {
        return Ok(false);
    }
    // Whoever lost the account, or left the directory, is out at once.
    if let Holder::Person(person) = &session.holder
        && app.engine.directory().person(person).is_none()
    {
        return Ok(false);
    }
    if session.way != Way::Password {
        return Ok(true);
    }
    let account = Accounts::find(app.engine.store(), &session.login).await?;
    Ok(account.is_some_and(|account| account.holder == session.holder))
}

fn is_use(uri: &Uri, headers: &HeaderMap) -> bool {
    uri.path() != LIVE_PATH && !headers.contains_key(REFRESH)
}

/// Notes that a session is in use, once in a step, so that looking at pages writes next to
/// nothing. A session that has ended meanwhile stays ended.
async fn note_use<S: Store>(
    app: &App<S>,
    document: &str,
    json: &str,
    session: &Session,
) -> Result<(), StoreError> {
    let now = app.engine.now().millis();
    if now - session.seen_at < step_ms(app) {
        return Ok(());
    }
    let used = Session { seen_at: now, ..session.clone() };
    let fresh = serde_json::to_string(&used).map_err(StoreError::Unreadable)?;
    app.engine.store().swap_document(document, Some(json), &fresh, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use duban_store::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn sessions_of_an_older_version_are_passed_over() {
        let store = SqliteStore::open_in_memory().unwrap();
        let old = "{\"login\":\"li\",\"holder\":{\"person\":\"li\"},\"expires_at\":1}";
        store.put_document("session/0123", old, 0).await.unwrap();
        let session = Session {
            login: "li".to_owned(),
            holder: Holder::Person("li".into()),
            way: Way::Password,
            address: "127.0.0.1".to_owned(),
            began_at: 0,
            seen_at: 0,
            expires_at: 1,
        };
        let json = serde_json::to_string(&session).unwrap();
        store.put_document(&document("owner", "key"), &json, 0).await.unwrap();
        let found = some(&store, "", 10).await.unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].0.starts_with("owner/"));
    }
}
