//! The signed webhook: every message as a CloudEvent, for programs to read.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use duban_engine::{BoxFuture, Channel, ChannelError, Delivery};
use reqwest::Url;
use serde_json::{Value as Json, json};

use crate::error::NotifyError;
use crate::http::{HttpClient, dead};
use crate::sign;

/// Where a webhook leads.
#[derive(Clone)]
pub struct WebhookOptions {
    /// Its name in logs and errors.
    pub name: String,
    /// The address.
    pub url: String,
    /// The secret that both sides know: Base64 of at least 24 bytes, behind an optional `whsec_`.
    pub secret: String,
}

impl fmt::Debug for WebhookOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secret nor the address, which may hold a token, belongs into a log.
        f.debug_struct("WebhookOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Posts each message as a CloudEvent 1.0 in structured mode, signed after Standard Webhooks.
///
/// Headers: `webhook-id` (the delivery's stable id, also the event's `id`: whoever takes it twice
/// drops the second), `webhook-timestamp` (seconds, of this attempt) and `webhook-signature`. The
/// message has arrived when the other side answers with a 2xx status; 410 and 413 make it a dead
/// letter at once, everything else is tried again, after `Retry-After` where that is given.
///
/// Sources: CloudEvents 1.0.2 with its JSON format; Standard Webhooks.
#[derive(Debug)]
pub struct Webhook {
    client: HttpClient,
    name: String,
    target: Url,
    key: Vec<u8>,
}

impl Webhook {
    /// Checks the settings; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] names what is wrong with them.
    pub fn new(client: HttpClient, options: WebhookOptions) -> Result<Self, NotifyError> {
        let target = client.target(&options.url)?;
        let key = sign::webhook_key(&options.secret)
            .map_err(|error| NotifyError::BadSecret { channel: options.name.clone(), error })?;
        Ok(Self { client, name: options.name, target, key })
    }

    async fn post(&self, delivery: &Delivery) -> Result<(), ChannelError> {
        let body = serde_json::to_vec(&event(delivery)).map_err(|error| dead(error.to_string()))?;
        let seconds = seconds_now();
        let headers = vec![
            ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", sign::webhook(&self.key, &delivery.id, seconds, &body)),
        ];
        self.client.post(self.target.clone(), headers, body).await.map(drop)
    }
}

impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(self.post(delivery))
    }
}

fn event(delivery: &Delivery) -> Json {
    let sent = &delivery.sent;
    let mut event = json!({
        "specversion": "1.0",
        "id": delivery.id,
        "source": format!("/duban/cases/{}", delivery.case),
        "type": format!("duban.{}", delivery.kind),
        "time": delivery.at.to_string(),
        "datacontenttype": "application/json",
        "data": sent,
    });
    if let Some(item) = &sent.item {
        event["subject"] = json!(item);
    }
    event
}

/// The wall clock, which the other side compares with its own.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
