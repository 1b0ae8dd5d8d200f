//! OpenID Connect: the authorization code flow with a proof key.
//!
//! Source: OpenID Connect Core 1.0 and Discovery 1.0; RFC 7636 for the proof key; RFC 9207 for
//! `iss` in the answer.

use std::fmt;
use std::sync::Arc;

use duban_model::echoed;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::Url;
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims,
};
use serde_json::Value;

use crate::sign_in::kept::{KEPT_MS_MAX, Kept};
use crate::sign_in::peer::{Peer, told};
use crate::sign_in::person::PersonKey;
use crate::sign_in::token::{
    Claims, OtherClaims, Token, account, by_name, verifier, wants_other_key,
};
use crate::sign_in::{Refused, SignInError, UnderWay};

/// How people sign in by OpenID Connect.
pub struct OidcOptions {
    /// What the button says.
    pub label: String,
    /// The provider's issuer, letter by letter as it names itself.
    pub issuer: String,
    /// What duban is called there.
    pub client_id: String,
    /// Its secret there; `None` for a public client.
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names the account, in the ID token or at the user-info endpoint.
    pub claim: String,
    /// Where the directory has that account.
    pub person: PersonKey,
}

impl fmt::Debug for OidcOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret does not belong into a log.
        f.debug_struct("OidcOptions").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

type TokenAnswer = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type Provider = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Sign-in by OpenID Connect, set up.
pub(crate) struct Oidc {
    options: OidcOptions,
    client_id: ClientId,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    peer: Peer,
    /// What the provider says of itself, with its keys.
    metadata: Kept<CoreProviderMetadata>,
}

/// A new proof key: what is kept, and what is shown.
pub(crate) fn proof_key() -> (PkceCodeVerifier, PkceCodeChallenge) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    (verifier, challenge)
}

impl Oidc {
    pub(super) fn new(options: OidcOptions, site: &Url, peer: Peer) -> Result<Self, SignInError> {
        peer.address("sign_in.oidc.issuer", &options.issuer)?;
        for (key, text) in [
            ("sign_in.oidc.client_id", &options.client_id),
            ("sign_in.oidc.claim", &options.claim),
            ("sign_in.oidc.label", &options.label),
        ] {
            if text.is_empty() {
                return Err(SignInError::Empty(key));
            }
        }
        let bad = |error: openidconnect::url::ParseError| SignInError::BadAddress {
            key: "sign_in.oidc.issuer",
            url: options.issuer.clone(),
            problem: error.to_string(),
        };
        let issuer = IssuerUrl::new(options.issuer.clone()).map_err(bad)?;
        let redirect = RedirectUrl::new(format!("{site}signin/oidc/back")).map_err(bad)?;
        let client_id = ClientId::new(options.client_id.clone());
        Ok(Self { client_id, issuer, redirect, peer, metadata: Kept::default(), options })
    }

    pub(crate) fn label(&self) -> &str {
        &self.options.label
    }

    pub(crate) fn person(&self) -> &PersonKey {
        &self.options.person
    }

    /// Where the browser is sent.
    pub(crate) async fn authorize_url(
        &self,
        now: i64,
        challenge: PkceCodeChallenge,
        state: String,
        nonce: String,
    ) -> Result<Url, Refused> {
        let provider = self.provider(&*self.metadata(now, KEPT_MS_MAX).await?);
        self.peer.check(provider.auth_uri().url()).map_err(Refused::Unreachable)?;
        let (state, nonce) = (CsrfToken::new(state), Nonce::new(nonce));
        let scopes = self.options.scopes.iter().cloned().map(Scope::new);
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = provider.authorize_url(flow, move || state, move || nonce);
        let (url, _, _) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        Ok(url)
    }

    /// The account that a code stands for.
    pub(crate) async fn account(
        &self,
        now: i64,
        code: &str,
        iss: Option<&str>,
        under_way: UnderWay,
    ) -> Result<String, Refused> {
        if iss.is_some_and(|iss| iss != self.options.issuer) {
            return Err(Refused::Unproven("the answer is another issuer's".to_owned()));
        }
        let metadata = self.metadata(now, KEPT_MS_MAX).await?;
        let provider = self.provider(&metadata);
        let answer = provider
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| Refused::Unreachable(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(under_way.verifier))
            .request_async(&self.peer)
            .await
            .map_err(|error| Refused::Unproven(told(&error)))?;
        let token = answer.id_token();
        let token = token.ok_or_else(|| Refused::Unproven("there is no ID token".to_owned()))?;
        let nonce = Nonce::new(under_way.nonce);
        let claims = self.claims(now, &metadata, token, &nonce).await?;
        let named = by_name(&claims)?;
        if let Some(account) = self.named(&named)? {
            return Ok(account);
        }
        let subject = claims.subject().clone();
        let more = self.user_info(&provider, answer.access_token().clone(), subject).await?;
        self.named(&more)?
            .ok_or_else(|| Refused::Unproven(format!("there is no claim `{}`", self.options.claim)))
    }

    /// What a token says, once everything about it is right. It may be signed with a key that the
    /// provider has taken up since its keys were fetched.
    async fn claims(
        &self,
        now: i64,
        metadata: &CoreProviderMetadata,
        token: &Token,
        nonce: &Nonce,
    ) -> Result<Claims, Refused> {
        let check = |metadata: &CoreProviderMetadata| {
            let verifier = verifier(&self.client_id, &self.issuer, metadata.jwks(), now);
            token.claims(&verifier, nonce).cloned()
        };
        let checked = match check(metadata) {
            Err(error) if wants_other_key(&error) => check(&*self.metadata(now, 0).await?),
            checked => checked,
        };
        checked.map_err(|error| Refused::Unproven(told(&error)))
    }

    /// The account that claims name, if they do. An address of mail that the provider has not
    /// checked may be anybody's.
    fn named(&self, claims: &Value) -> Result<Option<String>, Refused> {
        let account = account(claims, &self.options.claim);
        if self.options.claim == "email"
            && claims.get("email_verified") == Some(&Value::Bool(false))
        {
            let email = echoed(account.as_deref().unwrap_or_default());
            return Err(Refused::Unproven(format!("the address `{email}` is not verified")));
        }
        Ok(account)
    }

    async fn user_info(
        &self,
        provider: &Provider,
        token: AccessToken,
        subject: SubjectIdentifier,
    ) -> Result<Value, Refused> {
        // A provider without this endpoint has said everything in the ID token.
        let Ok(request) = provider.user_info(token, Some(subject)) else { return Ok(Value::Null) };
        let claims: UserInfoClaims<OtherClaims, CoreGenderClaim> = request
            .request_async(&self.peer)
            .await
            .map_err(|error| Refused::Unproven(told(&error)))?;
        by_name(&claims)
    }

    fn provider(&self, metadata: &CoreProviderMetadata) -> Provider {
        let secret = self.options.client_secret.clone().map(ClientSecret::new);
        let takes_basic = metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        Provider::from_provider_metadata(metadata.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth)
    }

    async fn metadata(
        &self,
        now: i64,
        age_ms_max: i64,
    ) -> Result<Arc<CoreProviderMetadata>, Refused> {
        let fetch = async {
            let issuer = self.issuer.clone();
            let found = CoreProviderMetadata::discover_async(issuer, &self.peer).await;
            found.map_err(|error| told(&error))
        };
        self.metadata.get(now, age_ms_max, fetch).await
    }
}
