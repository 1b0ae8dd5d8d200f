//! Every route with every kind of token.

use duban_web::{Scope, Tokens, openapi};
use reqwest::Method;
use serde_json::json;

use crate::support::{Office, problem};

/// Every route of the document and the least scope that it needs.
const ROUTES: &[(&str, &str, Scope)] = &[
    ("get", "/api/v1/cases", Scope::Read),
    ("post", "/api/v1/cases", Scope::Admin),
    ("get", "/api/v1/cases/{case}", Scope::Read),
    ("get", "/api/v1/cases/{case}/events", Scope::Read),
    ("post", "/api/v1/cases/{case}/moves", Scope::Act),
    ("get", "/api/v1/tasks", Scope::Read),
    ("get", "/api/v1/lights", Scope::Read),
    ("get", "/api/v1/scores", Scope::Read),
    ("get", "/api/v1/search", Scope::Read),
    ("get", "/api/v1/deliveries", Scope::Read),
    ("post", "/api/v1/deliveries/{case}/{seq}/retry", Scope::Admin),
    ("get", "/api/v1/feed", Scope::Read),
    ("get", "/api/v1/stream", Scope::Read),
    ("get", "/api/v1/suites", Scope::Read),
    ("put", "/api/v1/suites/{suite}", Scope::Admin),
    ("post", "/api/v1/suites/{suite}/check", Scope::Read),
    ("post", "/api/v1/suites/{suite}/simulate", Scope::Read),
    ("get", "/api/v1/directory", Scope::Read),
    ("put", "/api/v1/directory", Scope::Admin),
    ("get", "/api/v1/cases/{case}/audit", Scope::Read),
    ("post", "/api/v1/evidence", Scope::Act),
    ("get", "/api/v1/evidence/{file}", Scope::Read),
];

#[test]
fn the_table_is_the_document() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut described: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys();
        described.extend(methods.map(|method| (path.clone(), method.clone())));
    }
    let mut listed: Vec<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| ((*path).to_owned(), (*method).to_owned())).collect();
    described.sort();
    listed.sort();
    assert_eq!(described, listed);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn every_route_asks_for_a_token_with_enough_scope() {
    let office = Office::new().await;
    let case = office.open().await;
    for (method, path, needed) in ROUTES {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let path = path.replace("{case}", case.as_str()).replace("{seq}", "1");
        let path = path.replace("{suite}", "points").replace("{file}", "0");
        let is_upload = path == "/api/v1/evidence";
        let path = if is_upload { format!("{path}?name=a.txt") } else { path };
        let body = match path.as_str() {
            "/api/v1/suites/points" | "/api/v1/suites/points/check" => json!({ "files": {} }),
            "/api/v1/cases" => json!({ "suite": "points", "workflow": "report", "unit": "E" }),
            _ => json!({ "person": "nobody", "act": { "sign": { "item": "write" } } }),
        };
        for header in [None, Some("Bearer wrong"), Some("Basic eDp5"), Some("Bearer")] {
            let mut request = office.bare(method.clone(), &path).json(&body);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            assert_eq!(problem(response).await, (401, "DB6002".to_owned()), "{method} {path}");
        }
        for scope in [Scope::Read, Scope::Act, Scope::Admin] {
            let request = office.call(scope, method.clone(), &path).json(&body);
            let status = request.send().await.unwrap().status().as_u16();
            let is_refused = scope < *needed;
            // A move of somebody unknown is refused by the case, with the same status.
            let is_move = path.ends_with("/moves");
            assert_eq!(status == 403, is_refused || is_move, "{method} {path} {scope:?}: {status}");
            assert!(status != 401 && status < 500, "{method} {path} {scope:?}: {status}");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_opens_nothing() {
    let office = Office::new().await;
    assert!(Tokens::revoke(office.engine.store(), "read").await.unwrap());
    assert!(!Tokens::revoke(office.engine.store(), "read").await.unwrap());
    let response = office.call(Scope::Read, Method::GET, "/api/v1/cases").send().await.unwrap();
    assert_eq!(problem(response).await.0, 401);
    assert_eq!(
        office.call(Scope::Act, Method::GET, "/api/v1/cases").send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn no_token_is_kept_as_it_is() {
    let office = Office::new().await;
    let kept = duban::Store::documents(office.engine.store(), "").await.unwrap();
    assert_eq!(kept.iter().filter(|(name, _)| name.starts_with("token/")).count(), 3);
    for (name, json) in kept {
        for scope in [Scope::Read, Scope::Act, Scope::Admin] {
            assert!(!name.contains(office.token(scope)) && !json.contains(office.token(scope)));
        }
    }
}

#[tokio::test]
async fn health_and_the_document_are_open_and_say_nothing_of_cases() {
    let office = Office::new().await;
    for path in ["/healthz", "/readyz", "/api/openapi.json"] {
        let response = office.bare(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let response = office.bare(Method::GET, "/nothing").send().await.unwrap();
    assert_eq!(problem(response).await, (404, "DB6004".to_owned()));
    let response = office.bare(Method::DELETE, "/api/v1/cases").send().await.unwrap();
    assert_eq!(problem(response).await, (405, "DB6005".to_owned()));
}

#[tokio::test]
async fn metrics_are_for_tokens_and_count() {
    let office = Office::new().await;
    office.open().await;
    let bare = office.bare(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let response = office.call(Scope::Read, Method::GET, "/metrics").send().await.unwrap();
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = response.text().await.unwrap();
    assert!(text.contains("duban_commits_total 1\n"), "{text}");
}
