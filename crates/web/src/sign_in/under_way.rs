//! Sign-ins under way: somebody was sent to another system and is to come back from it.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::Cookie;
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::auth::{digest, random_hex};
use crate::server::App;
use crate::session::{self, cookie_of};
use crate::sign_in::{Refused, Way};

/// How long somebody may take to come back, in milliseconds.
const UNDER_WAY_MS_MAX: i64 = 600_000;

/// The cookie that says in which browser it began.
const COOKIE_NAME: &str = "duban_sign_in";

/// What the names of their documents begin with; the digest of the state follows.
pub(crate) const DOCUMENTS: &str = "sign-in/";

/// A sign-in under way, kept until it is used or too old.
#[derive(Serialize, Deserialize)]
pub(crate) struct UnderWay {
    way: Way,
    /// The digest of the browser's cookie.
    browser: String,
    /// What the ID token must repeat.
    pub(crate) nonce: String,
    /// The secret half of the proof key (RFC 7636); empty where there is none.
    pub(crate) verifier: String,
    /// The path to open in the end.
    pub(crate) to: String,
    expires_at: i64,
}

/// A sign-in that has just begun.
pub(crate) struct Started {
    /// What the other system sends back.
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// What marks the browser.
    pub(crate) cookie: Cookie<'static>,
}

impl UnderWay {
    /// Begins a sign-in in the browser whose request this is.
    pub(crate) async fn start<S: Store>(
        app: &App<S>,
        headers: &HeaderMap,
        way: Way,
        verifier: &str,
        to: &str,
    ) -> Result<Started, StoreError> {
        let (store, now) = (app.engine.store(), app.engine.now().millis());
        app.brooms().sign_ins.sweep(store, now).await?;
        let name = session::cookie_name(app, COOKIE_NAME);
        // Two tabs of one browser may be on their way at once.
        let browser = match cookie_of(headers, &name).filter(|key| is_key(key)) {
            Some(browser) => browser,
            None => random_hex()?,
        };
        let (state, nonce) = (random_hex()?, random_hex()?);
        let under_way = Self {
            way,
            browser: digest(&browser),
            nonce: nonce.clone(),
            verifier: verifier.to_owned(),
            to: to.to_owned(),
            expires_at: now + UNDER_WAY_MS_MAX,
        };
        let json = serde_json::to_string(&under_way).map_err(StoreError::Unreadable)?;
        store.put_document(&document(&state), &json, now).await?;
        Ok(Started { state, nonce, cookie: session::cookie(app, name, browser) })
    }

    /// Takes up a sign-in when its browser comes back, once.
    pub(crate) async fn finish<S: Store>(
        app: &App<S>,
        headers: &HeaderMap,
        way: Way,
        state: &str,
    ) -> Result<Self, Refused> {
        let (store, now) = (app.engine.store(), app.engine.now().millis());
        let browser = cookie_of(headers, &session::cookie_name(app, COOKIE_NAME));
        let browser = browser.ok_or(Refused::Stale)?;
        let json = store.document(&document(state)).await?.ok_or(Refused::Stale)?;
        let found: Self = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
        // Another browser's stays as it is: whoever learns a state cannot use it up.
        let is_theirs = found.way == way && found.browser == digest(&browser);
        if !is_theirs || found.expires_at < now {
            return Err(Refused::Stale);
        }
        if !store.remove_document(&document(state)).await? {
            return Err(Refused::Stale);
        }
        Ok(found)
    }
}

fn document(state: &str) -> String {
    format!("{DOCUMENTS}{}", digest(state))
}

fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
