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

/// A token as it is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Whose it is: shown in the log of what it did.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// SHA-256 of the token, in hexadecimal.
    digest: String,
}

/// The tokens of a database.
pub struct Tokens;

/// The document of the store that holds them.
const DOCUMENT: &str = "tokens";

/// What every token begins with, so that it is recognised where it must not be.
const PREFIX: &str = "duban_";

impl Tokens {
    /// Makes a token of 256 random bits and keeps its digest; the token itself cannot be read
    /// again. A token of the same name is replaced. Nobody else may change tokens meanwhile.
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
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Database(Box::new(error)))?;
        let token = format!("{PREFIX}{}", hex(&bytes));
        let mut tokens = Self::list(store).await?;
        tokens.retain(|token| token.name != name);
        tokens.push(TokenInfo { name: name.to_owned(), scope, digest: digest(&token) });
        Self::keep(store, &tokens, at).await?;
        Ok(token)
    }

    /// Takes a token away, at once; `false` where there is none of that name.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn revoke<S: Store>(store: &S, name: &str, at: i64) -> Result<bool, StoreError> {
        let mut tokens = Self::list(store).await?;
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        let is_gone = tokens.len() < before;
        if is_gone {
            Self::keep(store, &tokens, at).await?;
        }
        Ok(is_gone)
    }

    /// Every token's name and scope.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`].
    pub async fn list<S: Store>(store: &S) -> Result<Vec<TokenInfo>, StoreError> {
        let Some(json) = store.document(DOCUMENT).await? else { return Ok(Vec::new()) };
        serde_json::from_str(&json).map_err(StoreError::Unreadable)
    }

    async fn keep<S: Store>(store: &S, tokens: &[TokenInfo], at: i64) -> Result<(), StoreError> {
        let json = serde_json::to_string(tokens).map_err(StoreError::Unreadable)?;
        store.put_document(DOCUMENT, &json, at).await
    }
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
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
        let digest = digest(token.trim());
        let tokens = Tokens::list(app.engine.store()).await.map_err(Problem::store)?;
        let known = tokens.into_iter().find(|token| token.digest == digest);
        let known = known.ok_or_else(Problem::unknown_caller)?;
        Ok(Self { name: known.name, scope: known.scope })
    }
}
