//! Signed tokens that say who somebody is: what is asked of all of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AdditionalClaims, ClaimsVerificationError, ClientId, IdToken, IdTokenClaims, IdTokenVerifier,
    IssuerUrl, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sign_in::Refused;

/// Claims beyond those that OpenID Connect names.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct OtherClaims(BTreeMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// A token with any claims.
pub(super) type Token = IdToken<
    OtherClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

/// What such a token says.
pub(super) type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// How far two clocks may be apart, in milliseconds.
pub(super) const LEEWAY_MS: i64 = 60_000;

/// Signatures by a key that the verifier could not have made itself.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
];

/// Checks issuer, audience, signature and times. There is no client secret in it, so that no
/// token signed with a shared secret passes.
pub(super) fn verifier(
    audience: &ClientId,
    issuer: &IssuerUrl,
    keys: &CoreJsonWebKeySet,
    now: i64,
) -> IdTokenVerifier<'static, CoreJsonWebKey> {
    let (late, early) = (moment(now - LEEWAY_MS), moment(now + LEEWAY_MS));
    let issued = move |at: DateTime<Utc>| {
        if at <= early { Ok(()) } else { Err("issued in the future".to_owned()) }
    };
    IdTokenVerifier::new_public_client(audience.clone(), issuer.clone(), keys.clone())
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || late)
        .set_issue_time_verifier_fn(issued)
}

fn moment(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whether a token names a key that is not among those known: it may be a new one.
pub(super) fn wants_other_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)
    )
}

/// Claims by name.
pub(super) fn by_name(claims: &impl Serialize) -> Result<Value, Refused> {
    serde_json::to_value(claims).map_err(|error| Refused::Unproven(error.to_string()))
}

/// A claim as an account: a text, or a whole number such as a staff number.
pub(super) fn account(claims: &Value, claim: &str) -> Option<String> {
    match claims.get(claim)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        _ => None,
    }
}
