//! Who may do what: tokens with a scope, kept as digests.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::problem::Problem;
use crate::server::App;

/// What a token may do. Each scope includes those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything.
    Read,
    /// Make moves in the name of people: for a program that has signed them in itself.
    Act,
    /// Open cases and put dead letters back.
    Admin,
}

impl Scope {
    /// The word in settings and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Act => "act",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Read, Self::Act, Self::Admin];
        let found = all.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no scope; use read, act or admin"))
    }
}

/// What is known of a token.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Whose it is: shown in the log of what it did.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made, in milliseconds UTC.
    pub made_at: i64,
}

/// The tokens of a database.
pub struct Tokens;

/// What the names of their documents begin with; the token's digest follows.
const DOCUMENTS: &str = "token/";

/// What every token begins with, so that it is recognised where it must not be.
const PREFIX: &str = "duban_";

impl Tokens {
    /// Makes a token of 256 random bits and keeps its digest; the token itself cannot be read
    /// again. A token of the same name is replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; there is no new token then.
    pub async fn create<S: Store>(
        store: &S,
        name: &str,
        scope: Scope,
        at: i64,
    ) -> Result<String, StoreError> {
        let token = format!("{PREFIX}{}", random_hex()?);
        Self::revoke(store, name).await?;
        let info = TokenInfo { name: name.to_owned(), scope, made_at: at };
        let json = serde_json::to_string(&info).map_err(StoreError::Unreadable)?;
        store.put_document(&document(&token), &json, at).await?;
        Ok(token)
    }

    /// Takes a token away, at once; `false` where there is none of that name.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn revoke<S: Store>(store: &S, name: &str) -> Result<bool, StoreError> {
        let mut is_gone = false;
        for (document, json) in store.documents(DOCUMENTS).await? {
            let info: TokenInfo = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
            if info.name == name {
                is_gone |= store.remove_document(&document).await?;
            }
        }
        Ok(is_gone)
    }

    /// Every token's name and scope.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`].
    pub async fn list<S: Store>(store: &S) -> Result<Vec<TokenInfo>, StoreError> {
        let kept = store.documents(DOCUMENTS).await?;
        let read = kept.iter().map(|(_, json)| serde_json::from_str(json));
        let mut tokens: Vec<TokenInfo> =
            read.collect::<Result<_, _>>().map_err(StoreError::Unreadable)?;
        tokens.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tokens)
    }
}

fn document(token: &str) -> String {
    format!("{DOCUMENTS}{}", digest(token))
}

/// 256 bits that nobody can guess, in hexadecimal.
pub(crate) fn random_hex() -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(hex(&bytes))
}

pub(crate) fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whoever calls, once their token is known.
pub(crate) struct Caller {
    pub(crate) name: String,
    scope: Scope,
}

impl Caller {
    /// Refuses a caller whose token may not do this.
    pub(crate) fn may(&self, scope: Scope) -> Result<(), Problem> {
        if self.scope >= scope { Ok(()) } else { Err(Problem::forbidden(scope)) }
    }
}

impl<S: Store> FromRequestParts<App<S>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, Problem> {
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) =
            shown.and_then(|value| value.split_once(' ')).ok_or_else(Problem::unknown_caller)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Problem::unknown_caller());
        }
        // Digests are looked up, not tokens: how long a comparison takes tells nothing of use.
        let kept = app.engine.store().document(&document(token.trim())).await;
        let kept = kept.map_err(Problem::store)?.ok_or_else(Problem::unknown_caller)?;
        let known: TokenInfo = serde_json::from_str(&kept)
            .map_err(|error| Problem::store(StoreError::Unreadable(error)))?;
        Ok(Self { name: known.name, scope: known.scope })
    }
}
