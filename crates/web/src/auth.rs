//! Who may do what: tokens with a scope, kept as digests.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use duban_core::Actor;
use duban_model::echoed;
use duban_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::access;
use crate::known;
use crate::problem::Problem;
use crate::security::TARGET;
use crate::server::App;

/// What a token may do. `act` includes `read`, `admin` includes both; `security` and `audit` stand
/// alone, as the posts of administration do ([`AdminPost`](crate::AdminPost)).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything but accounts, tokens and the audit trail.
    Read,
    /// Make moves in the name of people: for a program that has signed them in itself.
    Act,
    /// Open and migrate cases, test, simulate and publish suites, put dead letters back.
    Admin,
    /// Make and take away accounts and tokens.
    Security,
    /// Read and check the audit trail.
    Audit,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Act, Self::Admin, Self::Security, Self::Audit];

    /// Whether it suffices for what asks for another.
    pub fn includes(self, asked: Self) -> bool {
        match self {
            Self::Read | Self::Security | Self::Audit => asked == self,
            Self::Act => matches!(asked, Self::Read | Self::Act),
            Self::Admin => matches!(asked, Self::Read | Self::Act | Self::Admin),
        }
    }

    /// The word in settings and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Act => "act",
            Self::Admin => "admin",
            Self::Security => "security",
            Self::Audit => "audit",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found
            .ok_or_else(|| format!("`{text}` is no scope; use read, act, admin, security or audit"))
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

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is one of that name, which somebody may be using. Take another name, or revoke the
    /// old one first.
    #[error("there is a token `{}` already; take another name, or revoke that one first", echoed(.0))]
    Taken(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The tokens of a database.
pub struct Tokens;

/// What the names of their documents begin with; the token's digest follows.
const DOCUMENTS: &str = "token/";

/// What every token begins with, so that it is recognised where it must not be.
const PREFIX: &str = "duban_";

impl Tokens {
    /// Makes a token of 256 random bits and keeps its digest; the token itself cannot be read
    /// again.
    ///
    /// # Errors
    ///
    /// [`TokenError`]; there is no new token then, and one of the same name goes on working.
    pub async fn create<S: Store>(
        store: &S,
        name: &str,
        scope: Scope,
        at: i64,
    ) -> Result<String, TokenError> {
        if Self::list(store).await?.iter().any(|token| token.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        let token = format!("{PREFIX}{}", random_hex()?);
        let info = TokenInfo { name: name.to_owned(), scope, made_at: at };
        let json = serde_json::to_string(&info).map_err(StoreError::Unreadable)?;
        store.put_document(&document(&digest_of(&token)), &json, at).await?;
        tracing::info!(target: TARGET, token = name, scope = scope.as_str(), "token made");
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
        known::forget();
        if is_gone {
            tracing::info!(target: TARGET, token = name, "token removed");
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

/// The document of the token of a digest.
pub(crate) fn document(digest: &[u8]) -> String {
    format!("{DOCUMENTS}{}", hex(digest))
}

/// 256 bits that nobody can guess, in hexadecimal.
pub(crate) fn random_hex() -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(hex(&bytes))
}

pub(crate) fn digest(token: &str) -> String {
    hex(&digest_of(token))
}

pub(crate) fn digest_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whoever calls, once their token is known and may do what is asked (`rights.rs`).
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    scope: Scope,
}

impl Caller {
    /// Whoever shows a token, by the head of a request.
    pub(crate) async fn identify<S: Store>(
        headers: &HeaderMap,
        app: &App<S>,
    ) -> Result<Self, Problem> {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) =
            shown.and_then(|value| value.split_once(' ')).ok_or_else(Problem::unknown_caller)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Problem::unknown_caller());
        }
        let known = app.tokens().identify(app.engine.store(), token.trim()).await?;
        access::note_who(&format!("token:{}", known.name));
        Ok(Self { name: known.name.clone(), scope: known.scope })
    }

    /// Whether the token has a scope, or one that includes it.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scope.includes(scope)
    }

    /// Refuses a caller whose token has none of these scopes, nor one that includes one.
    pub(crate) fn may_with(&self, scopes: &[Scope]) -> Result<(), Problem> {
        let is_in_order = scopes.iter().any(|scope| self.has(*scope));
        if is_in_order { Ok(()) } else { Err(Problem::forbidden(scopes)) }
    }

    /// Who acts, for the record, where no person does.
    pub(crate) fn operator(&self) -> Actor {
        Actor::operator(self.name.as_str())
    }
}
