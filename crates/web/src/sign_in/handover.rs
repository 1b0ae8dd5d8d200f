//! A token that another system hands over: whoever is signed in there is signed in here.
//!
//! The token is a signed JWT (RFC 7519) with `iss`, `aud`, `sub`, `iat` and `exp`; it lives
//! shortly and works once.

use std::sync::Arc;

use duban_model::echoed;
use duban_store::Store;
use openidconnect::core::CoreJsonWebKeySet;
use openidconnect::url::Url;
use openidconnect::{ClientId, IssuerUrl, JsonWebKeySetUrl, Nonce};
use serde_json::{Value, json};

use crate::auth::digest;
use crate::server::App;
use crate::sign_in::kept::{KEPT_MS_MAX, Kept};
use crate::sign_in::peer::{Peer, told};
use crate::sign_in::person::PersonKey;
use crate::sign_in::token::{
    Claims, LEEWAY_MS, Token, account, by_name, verifier, wants_other_key,
};
use crate::sign_in::{Refused, SignInError};

/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What the names of used tokens begin with; a digest follows.
pub(crate) const DOCUMENTS: &str = "handover/";

/// Where the other system's public keys are.
#[derive(Clone, Debug)]
pub enum HandoverKeys {
    /// A JSON Web Key Set (RFC 7517) at this address.
    Url(String),
    /// Such a set itself.
    Set(String),
}

/// Whose tokens are taken, and what they say.
#[derive(Clone, Debug)]
pub struct HandoverOptions {
    /// `iss` of the tokens: the other system.
    pub issuer: String,
    /// `aud` of the tokens: what duban is called there.
    pub audience: String,
    /// The keys that sign them.
    pub keys: HandoverKeys,
    /// The claim that names the account.
    pub claim: String,
    /// Where the directory has that account.
    pub person: PersonKey,
    /// The claim with the path to open, if there is one.
    pub path_claim: String,
    /// The longest life of a token, in seconds from `iat` to `exp`.
    pub seconds_max: u32,
}

/// Sign-in by a token handed over, set up.
pub(crate) struct Handover {
    options: HandoverOptions,
    audience: ClientId,
    issuer: IssuerUrl,
    keys: Keys,
    peer: Peer,
}

enum Keys {
    At(JsonWebKeySetUrl, Kept<CoreJsonWebKeySet>),
    Given(Arc<CoreJsonWebKeySet>),
}

/// What a token says that is in order.
pub(crate) struct HandedOver {
    pub(crate) account: String,
    /// The path to open, as it stands there.
    pub(crate) path: Option<String>,
    /// What makes it known again.
    once: String,
    /// Until when it would be taken, in milliseconds UTC.
    until: i64,
}

impl Handover {
    pub(super) fn new(options: HandoverOptions, peer: Peer) -> Result<Self, SignInError> {
        for (key, text) in [
            ("sign_in.handover.audience", &options.audience),
            ("sign_in.handover.claim", &options.claim),
        ] {
            if text.is_empty() {
                return Err(SignInError::Empty(key));
            }
        }
        if !(10..=3_600).contains(&options.seconds_max) {
            return Err(SignInError::Life);
        }
        let issuer = IssuerUrl::new(options.issuer.clone());
        let issuer = issuer.map_err(|error| SignInError::BadAddress {
            key: "sign_in.handover.issuer",
            url: options.issuer.clone(),
            problem: error.to_string(),
        })?;
        let keys = match &options.keys {
            HandoverKeys::Url(url) => {
                let url: Url = peer.address("sign_in.handover.keys", url)?;
                Keys::At(JsonWebKeySetUrl::from_url(url), Kept::default())
            }
            HandoverKeys::Set(json) => Keys::Given(Arc::new(given(json)?)),
        };
        let audience = ClientId::new(options.audience.clone());
        Ok(Self { audience, issuer, keys, peer, options })
    }

    pub(crate) fn person(&self) -> &PersonKey {
        &self.options.person
    }

    /// What a token says, once everything about it is right, except that it may have been used.
    pub(crate) async fn read(&self, now: i64, text: &str) -> Result<HandedOver, Refused> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(unproven(format!("it is longer than {TOKEN_BYTES_MAX} bytes")));
        }
        let token: Token = text.parse().map_err(|error| unproven(format!("{error}")))?;
        let claims = self.claims(now, &token).await?;
        let life = claims.expiration() - claims.issue_time();
        if life.num_seconds() > i64::from(self.options.seconds_max) {
            return Err(unproven(format!("it lives for {} seconds", life.num_seconds())));
        }
        let named = by_name(&claims)?;
        let begins = named.get("nbf").and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds; clocks differ by more")]
        if begins.is_some_and(|begins| begins * 1_000.0 > (now + LEEWAY_MS) as f64) {
            return Err(unproven("it does not hold yet".to_owned()));
        }
        let account = account(&named, &self.options.claim)
            .ok_or_else(|| unproven(format!("there is no claim `{}`", self.options.claim)))?;
        let path = named.get(&self.options.path_claim).and_then(Value::as_str);
        // Not the signature: some can be written in several ways.
        let signed = text.rsplit_once('.').map_or(text, |(signed, _)| signed);
        let id = named.get("jti").and_then(Value::as_str);
        Ok(HandedOver {
            account,
            path: path.map(ToOwned::to_owned),
            once: digest(&id.map_or(format!("token {signed}"), |id| format!("jti {id}"))),
            until: claims.expiration().timestamp_millis() + LEEWAY_MS,
        })
    }

    /// The claims of a token that is signed by one of the keys and holds now.
    async fn claims(&self, now: i64, token: &Token) -> Result<Claims, Refused> {
        let check = |keys: &CoreJsonWebKeySet| {
            let verifier = verifier(&self.audience, &self.issuer, keys, now);
            token.claims(&verifier, |_: Option<&Nonce>| Ok(())).cloned()
        };
        let checked = match check(&*self.keys(now, KEPT_MS_MAX).await?) {
            Err(error) if wants_other_key(&error) => check(&*self.keys(now, 0).await?),
            checked => checked,
        };
        checked.map_err(|error| unproven(told(&error)))
    }

    async fn keys(&self, now: i64, age_ms_max: i64) -> Result<Arc<CoreJsonWebKeySet>, Refused> {
        match &self.keys {
            Keys::Given(keys) => Ok(Arc::clone(keys)),
            Keys::At(url, kept) => {
                let fetch = async {
                    let found = CoreJsonWebKeySet::fetch_async(url, &self.peer).await;
                    found.map_err(|error| told(&error))
                };
                kept.get(now, age_ms_max, fetch).await
            }
        }
    }
}

impl HandedOver {
    /// Uses the token up: of two who show it, one comes through.
    pub(crate) async fn use_up<S: Store>(&self, app: &App<S>) -> Result<(), Refused> {
        let (store, now) = (app.engine.store(), app.engine.now().millis());
        app.brooms().handovers.sweep(store, now).await?;
        let json = json!({ "expires_at": self.until }).to_string();
        let name = format!("{DOCUMENTS}{}", self.once);
        let is_first = store.swap_document(&name, None, &json, now).await?;
        if is_first { Ok(()) } else { Err(Refused::Replayed) }
    }
}

/// Anybody may show a token, and what is wrong with it may repeat it.
fn unproven(problem: String) -> Refused {
    Refused::Unproven(echoed(&problem))
}

/// A key set in a file.
fn given(json: &str) -> Result<CoreJsonWebKeySet, SignInError> {
    let keys: CoreJsonWebKeySet =
        serde_json::from_str(json).map_err(|error| SignInError::BadKeys(error.to_string()))?;
    if keys.keys().is_empty() {
        return Err(SignInError::BadKeys("there is none that is known".to_owned()));
    }
    Ok(keys)
}
