//! The signed webhook.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use duban_engine::{Channel, ChannelError};
use duban_notify::{NotifyError, Webhook, WebhookOptions};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;

use crate::peer::{Answer, OK, Peer, client, delivery};

const KEY: &[u8; 24] = b"four and twenty bytes!!!";

fn options(url: &str) -> WebhookOptions {
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    WebhookOptions { name: "oa".to_owned(), url: url.to_owned(), secret }
}

#[tokio::test]
async fn a_message_is_a_signed_cloud_event() {
    let peer = Peer::start(vec![OK]).await;
    let channel = Webhook::new(client(), options(&peer.url("/in?token=t"))).unwrap();
    channel.deliver(&delivery("逾期未办结")).await.unwrap();

    let request = &peer.requests()[0];
    assert_eq!(request.line(), "POST /in?token=t HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/cloudevents+json; charset=utf-8"));
    let expected = json!({
        "specversion": "1.0",
        "id": "c0ffee-7",
        "source": "/duban/cases/c0ffee",
        "type": "duban.slip",
        "subject": "write",
        "time": "2022-06-30T16:00:00Z",
        "datacontenttype": "application/json",
        "data": {
            "kind": "slip", "item": "write", "to": ["post:D/书记"], "people": ["li"],
            "text": "逾期未办结", "number": 3,
        },
    });
    assert_eq!(request.json(), expected);

    let (id, stamp) =
        (request.header("webhook-id").unwrap(), request.header("webhook-timestamp").unwrap());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY).unwrap();
    mac.update(format!("{id}.{stamp}.{}", request.body).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!((id, request.header("webhook-signature")), ("c0ffee-7", Some(signature.as_str())));
}

#[tokio::test]
async fn an_answer_says_whether_and_when_to_try_again() {
    let answers = vec![
        Answer::Http("500 Internal Server Error", "", "坏了"),
        Answer::Http("429 Too Many Requests", "retry-after: 7\r\n", ""),
        Answer::Http("503 Service Unavailable", "retry-after: 999999\r\n", ""),
        Answer::Http("302 Found", "location: http://127.0.0.1:1/\r\n", ""),
        Answer::Http("410 Gone", "", ""),
    ];
    let peer = Peer::start(answers).await;
    let channel = Webhook::new(client(), options(&peer.url("/"))).unwrap();
    let mut said = Vec::new();
    for _ in 0..5 {
        said.push(channel.deliver(&delivery("一")).await.unwrap_err());
    }
    let retry = |error: &str, seconds: Option<u64>| ChannelError::Retry {
        error: error.to_owned(),
        after: seconds.map(Duration::from_secs),
    };
    let expected = [
        retry("HTTP 500: 坏了", None),
        retry("HTTP 429: ", Some(7)),
        retry("HTTP 503: ", Some(3_600)),
        retry("HTTP 302: ", None),
        ChannelError::Dead { error: "HTTP 410: ".to_owned() },
    ];
    assert_eq!(said, expected);
    assert_eq!(peer.requests().len(), 5, "redirects are not followed");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
    let peer = Peer::start(vec![OK]).await;
    let url = format!("http://localhost:{}/token", peer.port);
    let channel = Webhook::new(client(), options(&url)).unwrap();
    let refused = channel.deliver(&delivery("一")).await.unwrap_err().to_string();
    assert!(refused.contains("allowed_hosts"), "{refused}");
    assert!(!refused.contains("token"), "addresses may hold secrets: {refused}");
    assert!(peer.requests().is_empty());
}

#[test]
fn settings_that_cannot_work_are_told_at_once() {
    let short = WebhookOptions { secret: "c2hvcnQ=".to_owned(), ..options("https://example.org") };
    let refused = Webhook::new(client(), short).unwrap_err();
    assert!(matches!(refused, NotifyError::BadSecret { .. }), "{refused}");
    let inside = Webhook::new(client(), options("http://192.168.1.1/")).unwrap_err();
    assert_eq!(inside.code(), "DB5002");
    assert!(!format!("{:?}", options("https://example.org/SECRET")).contains("SECRET"));
}
