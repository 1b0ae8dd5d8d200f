//! The event stream.

use std::num::NonZeroUsize;
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

    let sign = json!({ "kind": "sign", "item": "write" });
    assert_eq!(office.act(&case, "li", sign).await.status(), 200);
    let again = office.call(Scope::Read, Method::GET, path).header("Last-Event-ID", id);
    let (missed, _) = read(&mut again.send().await.unwrap(), 1).await;
    assert_eq!(missed[0]["seq"], json!(opened + 1));
    assert!(missed[0]["record"]["event"]["fact"]["signed"].is_object(), "{missed:?}");
}

#[tokio::test]
async fn streams_are_bounded_for_each_caller_and_in_all() {
    let office = Office::with(|mut settings| {
        settings.limits.streams_per_caller_max = NonZeroUsize::new(2).unwrap();
        settings.limits.streams_max = NonZeroUsize::new(5).unwrap();
        settings
    })
    .await;
    office.accounts(&[("li", "li"), ("zhang", "zhang")]).await;
    let ask = async |scope| office.call(scope, Method::GET, "/api/v1/stream").send().await.unwrap();
    let watch = async |cookie: &str| {
        let request = office.bare(Method::GET, "/live").header("cookie", cookie);
        request.send().await.unwrap()
    };
    let mut open = vec![ask(Scope::Read).await, ask(Scope::Read).await];
    let refused = ask(Scope::Read).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(problem(refused).await, (503, "DB6042".to_owned()));

    // Two sessions of one person are one caller.
    let (one, two) = (office.sign_in("li").await, office.sign_in("li").await);
    open.extend([watch(&one).await, watch(&two).await]);
    let refused = watch(&two).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert!(refused.text().await.unwrap().contains("自动刷新的页面过多"));
    assert_eq!(office.look(&two, "/todo").await.0, 200, "everything else goes on");

    open.push(ask(Scope::Act).await);
    assert!(open.iter().all(|stream| stream.status() == 200));
    let zhang = office.sign_in("zhang").await;
    assert_eq!(watch(&zhang).await.status(), 503, "five are all");
    drop(open.remove(0));
    let freed = async {
        while watch(&zhang).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), freed).await.expect("one that ended is free");
}

#[tokio::test]
async fn many_that_are_far_behind_read_in_turn_and_miss_nothing() {
    let office = Office::with(|mut settings| {
        settings.limits.stream_reads_max = NonZeroUsize::new(1).unwrap();
        settings.limits.streams_per_caller_max = NonZeroUsize::new(50).unwrap();
        settings
    })
    .await;
    let case = office.open().await;
    let begin = office.get("/api/v1/feed?limit=1").await["next"].as_str().unwrap().to_owned();
    for text in 0..20 {
        let report =
            json!({ "kind": "report", "item": "write", "text": format!("{text}"), "percent": 1 });
        let told = office.act(&case, "li", report).await;
        assert!(text > 0 || told.status() == 200, "{}", told.text().await.unwrap());
    }
    let all = office.get(&format!("/api/v1/feed?limit=500&after={begin}")).await;
    let all = all["rows"].as_array().unwrap().clone();
    let mut streams = Vec::new();
    for _ in 0..40 {
        let request = office.call(Scope::Read, Method::GET, "/api/v1/stream");
        streams.push(request.header("Last-Event-ID", &begin).send().await.unwrap());
    }
    for stream in &mut streams {
        assert_eq!(read(stream, all.len()).await.0, all);
    }
    // A stream that waits for what is to come holds no turn.
    let sign = json!({ "kind": "sign", "item": "write" });
    office.act(&case, "li", sign).await;
    let last = office.get(&format!("/api/v1/feed?limit=500&after={begin}")).await;
    let last = last["rows"].as_array().unwrap()[all.len()..].to_vec();
    if !last.is_empty() {
        for stream in &mut streams {
            assert_eq!(read(stream, last.len()).await.0, last);
        }
    }
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_told_at_once() {
    let office = Office::new().await;
    let request = office.call(Scope::Read, Method::GET, "/api/v1/stream");
    let refused = request.header("Last-Event-ID", "督办?".escape_default().to_string());
    assert_eq!(problem(refused.send().await.unwrap()).await.0, 400);
}
