//! Group robots: a line of text into a chat group of DingTalk, Feishu or WeCom.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use duban_engine::{BoxFuture, Channel, ChannelError, Delivery};
use reqwest::Url;
use serde_json::{Value as Json, json};

use crate::error::NotifyError;
use crate::http::{HttpClient, JSON_TYPE, excerpt};
use crate::pace::Pace;
use crate::sign;
use crate::template::Templates;
use crate::webhook::seconds_now;

/// Whose robot it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RobotKind {
    /// 钉钉.
    DingTalk,
    /// 飞书.
    Feishu,
    /// 企业微信.
    WeCom,
}

/// A group's robot.
#[derive(Clone)]
pub struct RobotOptions {
    /// Whose it is.
    pub kind: RobotKind,
    /// Its name in logs and errors.
    pub name: String,
    /// The address that the group's settings show, with its token.
    pub url: String,
    /// The secret, where the group asks for signatures. WeCom has none: the address is the secret.
    pub secret: Option<String>,
    /// Messages a minute; more wait. The services drop what goes beyond 20.
    pub per_minute: NonZeroU32,
    /// What messages say.
    pub templates: Templates,
}

impl fmt::Debug for RobotOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secret nor the address, which holds a token, belongs into a log.
        let mut shown = f.debug_struct("RobotOptions");
        shown.field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

const PER_MINUTE: NonZeroU32 = NonZeroU32::new(20).expect("invariant: 20 is not 0");

impl RobotOptions {
    /// A robot of DingTalk that checks signatures.
    pub fn dingtalk(url: &str, secret: &str) -> Self {
        Self::of(RobotKind::DingTalk, "dingtalk", url, Some(secret))
    }

    /// A robot of Feishu that checks signatures.
    pub fn feishu(url: &str, secret: &str) -> Self {
        Self::of(RobotKind::Feishu, "feishu", url, Some(secret))
    }

    /// A robot of WeCom.
    pub fn wecom(url: &str) -> Self {
        Self::of(RobotKind::WeCom, "wecom", url, None)
    }

    fn of(kind: RobotKind, name: &str, url: &str, secret: Option<&str>) -> Self {
        let secret = secret.map(ToOwned::to_owned);
        let (name, url) = (name.to_owned(), url.to_owned());
        Self { kind, name, url, secret, per_minute: PER_MINUTE, templates: Templates::default() }
    }
}

/// Posts each message as plain text into a group.
///
/// The message has arrived when the robot says so in its answer: these services answer HTTP 200
/// also to what they refuse. More messages than the group takes in a minute wait for their turn;
/// that a message waited counts as an attempt. A text that is too long is cut at a character and
/// ends with `…`.
///
/// Sources: the open platforms of DingTalk, Feishu and WeCom, "custom robot" pages.
#[derive(Debug)]
pub struct Robot {
    client: HttpClient,
    options: RobotOptions,
    target: Url,
    pace: Pace,
}

impl Robot {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with them.
    pub fn new(client: HttpClient, options: RobotOptions) -> Result<Self, NotifyError> {
        let target = client.target(&options.url)?;
        if options.secret.as_ref().is_some_and(|secret| secret.trim().is_empty()) {
            let error = "it is empty".to_owned();
            return Err(NotifyError::BadSecret { channel: options.name, error });
        }
        let pace = Pace::per_minute(options.per_minute);
        Ok(Self { client, options, target, pace })
    }

    async fn post(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        self.pace.turn(delivery)?;
        let text = self.options.templates.text_aside(delivery).await;
        let (target, body) = self.request(&text, seconds_now());
        let headers = vec![("content-type", JSON_TYPE.to_owned())];
        let answer = self.client.post(target, headers, body.to_string().into_bytes()).await?;
        self.read(&answer)
    }

    fn request(&self, text: &str, seconds: u64) -> (Url, Json) {
        let mut target = self.target.clone();
        let secret = self.options.secret.as_deref();
        let body = match self.options.kind {
            RobotKind::DingTalk => {
                if let Some(secret) = secret {
                    let millis = seconds * 1_000;
                    target
                        .query_pairs_mut()
                        .append_pair("timestamp", &millis.to_string())
                        .append_pair("sign", &sign::dingtalk(secret, millis));
                }
                json!({
                    "msgtype": "text",
                    "text": { "content": cut(text, DINGTALK_BYTES_MAX) },
                    "at": { "atMobiles": [], "isAtAll": false },
                })
            }
            RobotKind::Feishu => {
                // Feishu reads mentions out of the text itself: nobody who writes a report may
                // call a whole group.
                let text = text.replace("<at", "＜at");
                let mut body = json!({
                    "msg_type": "text",
                    "content": { "text": cut(&text, FEISHU_BYTES_MAX) },
                });
                if let Some(secret) = secret {
                    body["timestamp"] = json!(seconds.to_string());
                    body["sign"] = json!(sign::feishu(secret, seconds));
                }
                body
            }
            RobotKind::WeCom => json!({
                "msgtype": "text",
                "text": { "content": cut(text, WECOM_BYTES_MAX) },
            }),
        };
        (target, body)
    }

    fn read(&self, answer: &[u8]) -> Result<(), ChannelError> {
        let (field, too_fast) = match self.options.kind {
            RobotKind::DingTalk => ("errcode", 130_101),
            RobotKind::Feishu => ("code", 11_232),
            RobotKind::WeCom => ("errcode", 45_009),
        };
        let read: Json = serde_json::from_slice(answer).unwrap_or_default();
        match read[field].as_i64() {
            Some(0) => Ok(()),
            code => {
                let after = (code == Some(too_fast)).then_some(TOO_FAST_WAIT);
                Err(ChannelError::Retry { error: excerpt(answer), after })
            }
        }
    }
}

/// The window of the services' own limits.
const TOO_FAST_WAIT: Duration = Duration::from_secs(60);

/// The longest text, in bytes of UTF-8: WeCom's is published, the others are kept well below the
/// 20 KiB at which DingTalk and Feishu refuse a request.
const WECOM_BYTES_MAX: usize = 2_048;
const DINGTALK_BYTES_MAX: usize = 16 * 1_024;
const FEISHU_BYTES_MAX: usize = 16 * 1_024;

impl Channel for Robot {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.post(delivery))
    }
}

/// The beginning of a text that is too long.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let room = bytes_max - '…'.len_utf8();
    let ends = text.char_indices().map(|(at, _)| at);
    let end = ends.take_while(|at| *at <= room).last().unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(cut("督办", 6), "督办");
        assert_eq!(cut("督办督办", 9), "督办…");
        assert_eq!(cut("督办督办", 11), "督办…");
        assert_eq!(cut(&"督".repeat(3_000), WECOM_BYTES_MAX).len(), 2_046);
    }
}
