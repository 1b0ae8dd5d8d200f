//! Tokens as another system makes them: good ones, and such as somebody forges.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::Sha256;

/// A key with its name.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: &'static str,
    key: SigningKey,
}

impl Key {
    pub(crate) fn new(id: &'static str, seed: u8) -> Self {
        Self { id, key: SigningKey::from_slice(&[seed; 32]).unwrap() }
    }

    /// The public half.
    pub(crate) fn public(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        })
    }

    /// A token signed by it.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let signed = body(&header, claims);
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature.to_bytes()))
    }

    /// The same token with the signature's other spelling: it is as valid.
    pub(crate) fn respelt(token: &str) -> String {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let (r, s) = signature.split_scalars();
        let other = Signature::from_scalars(r, -s).unwrap();
        format!("{signed}.{}", encode(&other.to_bytes()))
    }
}

/// A token without a signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.", body(&json!({ "alg": "none", "typ": "JWT" }), claims))
}

/// A token signed with a shared secret.
pub(crate) fn shared(id: &str, secret: &[u8], claims: &Value) -> String {
    let signed = body(&json!({ "alg": "HS256", "typ": "JWT", "kid": id }), claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
}

fn body(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
