//! Signatures: HMAC-SHA256 in the forms that the other sides check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("invariant: HMAC takes any key");
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A webhook's signature: `v1,` and the HMAC of `id.timestamp.body`, with seconds.
///
/// Source: Standard Webhooks, "Signature scheme" (standardwebhooks.com).
pub(crate) fn webhook(key: &[u8], id: &str, seconds: u64, body: &[u8]) -> String {
    let mut message = format!("{id}.{seconds}.").into_bytes();
    message.extend_from_slice(body);
    format!("v1,{}", hmac(key, &message))
}

/// The key of a webhook's secret: Base64 behind an optional `whsec_`.
pub(crate) fn webhook_key(secret: &str) -> Result<Vec<u8>, String> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = STANDARD.decode(text).map_err(|error| format!("it is not Base64: {error}"))?;
    if key.len() < KEY_BYTES_MIN {
        return Err(format!("it has {} bytes, at least {KEY_BYTES_MIN} are needed", key.len()));
    }
    Ok(key)
}

/// The shortest key that the scheme allows, in bytes (192 bits).
const KEY_BYTES_MIN: usize = 24;

/// DingTalk: the secret is the key, `milliseconds\nsecret` the message.
///
/// Source: DingTalk open platform, "custom robot, security settings, signing".
pub(crate) fn dingtalk(secret: &str, millis: u64) -> String {
    hmac(secret.as_bytes(), format!("{millis}\n{secret}").as_bytes())
}

/// Feishu: `seconds\nsecret` is the key, and the message is empty. It looks like DingTalk's and
/// is not: with key and message in DingTalk's places Feishu answers 19021.
///
/// Source: Feishu open platform, "custom bot, signature verification".
pub(crate) fn feishu(secret: &str, seconds: u64) -> String {
    hmac(format!("{seconds}\n{secret}").as_bytes(), b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_signed_as_published() {
        let key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = webhook(&key, id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn robots_are_signed_as_their_servers_check_it() {
        let dingtalk = dingtalk("SECtest", 1_599_360_473_000);
        assert_eq!(dingtalk, "9uMBwWNha8Pcr4QQCL9YQitwL0E0g2JIxycWz23gAkE=");
        let feishu = feishu("test-secret", 1_599_360_473);
        assert_eq!(feishu, "wSds2BzzFIIGf/WrhUO+NI1q/9j+FRJd3JNHKAq0NZY=");
    }

    #[test]
    fn short_or_garbled_secrets_are_refused() {
        assert!(webhook_key("whsec_c2hvcnQ=").unwrap_err().contains("24"));
        assert!(webhook_key("whsec_督办").unwrap_err().contains("Base64"));
    }
}
