//! Spans as a collector receives them, metrics without a token, and a collector that is dead.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::daemon::{Home, client, open};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What came in: path, headers, body.
type Received = (String, HeaderMap, Bytes);

/// A peer that takes whatever is posted.
async fn peer() -> (std::net::SocketAddr, UnboundedReceiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = unbounded_channel();
    let take = post(async move |uri: axum::http::Uri, headers: HeaderMap, body: Bytes| {
        sender.send((uri.path().to_owned(), headers, body)).unwrap();
    });
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(take)).await.unwrap();
    });
    (address, received)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// The peers answer while the test waits for the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_spans_and_a_webhook_the_trace() {
    let (collector, mut exported) = peer().await;
    let (hook, mut hooked) = peer().await;
    let (home, token) = Home::office(&format!(
        "[network]\nallowed_hosts = [\"127.0.0.1\"]\n\
         [telemetry]\nendpoint = \"http://{collector}/v1/traces\"\nservice = \"督办\"\n\
         [channels.oa]\nkind = \"webhook\"\nurl = \"http://{hook}/oa\"\n\
         secret = \"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"\n"
    ));
    let daemon = home.serve();
    let request = client().get(daemon.url("/api/v1/cases")).bearer_auth(&token);
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    assert_eq!(request.header("traceparent", parent).send().await.unwrap().status(), 200);
    let case = open(&daemon, &token).await;
    let urge =
        json!({ "person": "zhang", "act": { "kind": "urge", "item": "write", "text": "请抓紧" } });
    let moves = client().post(daemon.url(&format!("/api/v1/cases/{case}/moves")));
    let urged = moves.bearer_auth(&token).json(&urge).send().await.unwrap();
    assert_eq!(urged.status(), 200, "{}", urged.text().await.unwrap());
    let hooked = tokio::time::timeout(Duration::from_secs(60), hooked.recv()).await;
    let (_, headers, _) = hooked.unwrap().unwrap();
    daemon.end();

    let mut spans: Vec<Span> = Vec::new();
    while let Ok((path, headers, body)) = exported.try_recv() {
        assert_eq!(
            (path.as_str(), &headers["content-type"]),
            ("/v1/traces", &"application/x-protobuf".parse().unwrap())
        );
        for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
            let name = format!("{:?}", resource.resource.unwrap());
            assert!(name.contains("督办"), "{name}");
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    let find = |name: &str| {
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {names:?}"))
    };
    let look = find("GET /api/v1/cases");
    assert_eq!(
        (hex(&look.trace_id).as_str(), hex(&look.parent_span_id).as_str()),
        (TRACE, "b7ad6b7169203331")
    );
    let opening = find("POST /api/v1/cases");
    let (command, commit) = (find("command"), find("commit"));
    assert_eq!(command.parent_span_id, opening.span_id);
    assert_eq!(commit.parent_span_id, command.span_id);
    let told = headers["traceparent"].to_str().unwrap();
    let attempt = find("deliver");
    assert_eq!(told, format!("00-{}-{}-01", hex(&attempt.trace_id), hex(&attempt.span_id)));
}

#[tokio::test]
async fn a_dead_collector_costs_a_warning_and_metrics_need_no_token_where_they_are_set_apart() {
    // Nobody listens there any more.
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (home, token) = Home::office(&format!(
        "[network]\nallowed_hosts = [\"127.0.0.1\"]\n\
         [telemetry]\nendpoint = \"http://{dead}/v1/traces\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n"
    ));
    let daemon = home.serve();
    open(&daemon, &token).await;
    let metrics = format!("http://{}", daemon.told["metrics"].as_str().unwrap());
    let page = client().get(format!("{metrics}/metrics")).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("duban_commits_total 1\n"));
    let other = client().get(format!("{metrics}/healthz")).send().await.unwrap();
    assert_eq!(other.status(), 404);
    let said = daemon.end();
    assert_eq!(said.matches("the collector of traces takes nothing").count(), 1, "{said}");
}
