//! The event stream.

use std::time::Duration;

use duban_web::Scope;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Office, problem};

/// Reads a stream until so many events have come: their data, and the last id.
async fn read(response: &mut Response, count: usize) -> (Vec<Value>, String) {
    let mut text = String::new();
    let (mut events, mut id) = (Vec::new(), String::new());
    while events.len() < count {
        let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await;
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            for line in event.lines() {
                if let Some(data) = line.strip_prefix("data: ") {
                    events.push(serde_json::from_str(data).unwrap());
                } else if let Some(text) = line.strip_prefix("id: ") {
                    id = text.to_owned();
                }
            }
            text = rest.to_owned();
        }
    }
    (events, id)
}

#[tokio::test]
async fn a_listener_hears_what_happens_and_goes_on_where_it_left_off() {
    let office = Office::new().await;
    let path = "/api/v1/stream";
    let mut live = office.call(Scope::Read, Method::GET, path).send().await.unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let case = office.open().await;
    let opened = office.engine.case(&case).await.unwrap().head().version;
    let (heard, id) = read(&mut live, usize::try_from(opened).unwrap()).await;
    assert_eq!((&heard[0]["case"], &heard[0]["seq"]), (&json!(case), &json!(1)));
    drop(live);

    let sign = json!({ "sign": { "item": "write" } });
    assert_eq!(office.act(&case, "li", sign).await.status(), 200);
    let again = office.call(Scope::Read, Method::GET, path).header("Last-Event-ID", id);
    let (missed, _) = read(&mut again.send().await.unwrap(), 1).await;
    assert_eq!(missed[0]["seq"], json!(opened + 1));
    assert!(missed[0]["record"]["event"]["fact"]["signed"].is_object(), "{missed:?}");
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_told_at_once() {
    let office = Office::new().await;
    let request = office.call(Scope::Read, Method::GET, "/api/v1/stream");
    let refused = request.header("Last-Event-ID", "督办?".escape_default().to_string());
    assert_eq!(problem(refused.send().await.unwrap()).await.0, 400);
}
