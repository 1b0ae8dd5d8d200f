//! Every route with every kind of token.

use duban_web::{Scope, Tokens, openapi};
use reqwest::Method;
use serde_json::json;

use crate::support::{Office, problem};

/// Every route of the document and the scopes that suffice for it, beside those that include one.
const ROUTES: &[(&str, &str, &[Scope])] = &[
    ("get", "/api/v1/cases", &[Scope::Read]),
    ("post", "/api/v1/cases", &[Scope::Admin]),
    ("get", "/api/v1/cases/{case}", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/events", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/timeline", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/graph", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/graph.svg", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/next", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/tasks", &[Scope::Read]),
    ("get", "/api/v1/cases/{case}/tasks/{item}", &[Scope::Read]),
    ("post", "/api/v1/cases/{case}/moves", &[Scope::Act]),
    ("post", "/api/v1/cases/{case}/migrate", &[Scope::Admin]),
    ("post", "/api/v1/cases/{case}/repair", &[Scope::Admin]),
    ("post", "/api/v1/cases/{case}/rebuild", &[Scope::Admin]),
    ("get", "/api/v1/cases/{case}/audit", &[Scope::Read, Scope::Audit]),
    ("post", "/api/v1/moves", &[Scope::Act]),
    ("get", "/api/v1/people/{person}/todo", &[Scope::Read]),
    ("get", "/api/v1/tasks", &[Scope::Read]),
    ("get", "/api/v1/lights", &[Scope::Read]),
    ("get", "/api/v1/scores", &[Scope::Read]),
    ("get", "/api/v1/scores/entries", &[Scope::Read]),
    ("get", "/api/v1/duties", &[Scope::Read]),
    ("get", "/api/v1/interviews", &[Scope::Read]),
    ("get", "/api/v1/notices", &[Scope::Read]),
    ("get", "/api/v1/indicators", &[Scope::Read]),
    ("get", "/api/v1/search", &[Scope::Read]),
    ("get", "/api/v1/deliveries", &[Scope::Read]),
    ("post", "/api/v1/deliveries/{case}/{seq}/retry", &[Scope::Admin]),
    ("get", "/api/v1/feed", &[Scope::Read]),
    ("get", "/api/v1/stream", &[Scope::Read]),
    ("get", "/api/v1/suites", &[Scope::Read]),
    ("put", "/api/v1/suites/{suite}", &[Scope::Admin]),
    ("post", "/api/v1/suites/{suite}/check", &[Scope::Read]),
    ("post", "/api/v1/suites/{suite}/simulate", &[Scope::Admin]),
    ("post", "/api/v1/suites/{suite}/test", &[Scope::Admin]),
    ("get", "/api/v1/suites/{suite}/sources", &[Scope::Read]),
    ("get", "/api/v1/suites/{suite}/draft", &[Scope::Admin]),
    ("put", "/api/v1/suites/{suite}/draft", &[Scope::Admin]),
    ("delete", "/api/v1/suites/{suite}/draft", &[Scope::Admin]),
    ("post", "/api/v1/suites/{suite}/open", &[Scope::Admin]),
    ("get", "/api/v1/suites/{suite}/versions", &[Scope::Read]),
    ("get", "/api/v1/suites/{suite}/workflows/{workflow}", &[Scope::Read]),
    ("post", "/api/v1/suites/{suite}/workflows/{workflow}/migrate", &[Scope::Admin]),
    ("get", "/api/v1/directory", &[Scope::Read]),
    ("put", "/api/v1/directory", &[Scope::Admin]),
    ("post", "/api/v1/directory/import", &[Scope::Admin]),
    ("get", "/api/v1/stand-ins", &[Scope::Read]),
    ("put", "/api/v1/stand-ins", &[Scope::Act]),
    ("delete", "/api/v1/stand-ins", &[Scope::Act]),
    ("get", "/api/v1/calendars", &[Scope::Read]),
    ("get", "/api/v1/calendars/{id}", &[Scope::Read]),
    ("put", "/api/v1/calendars/{id}", &[Scope::Admin]),
    ("post", "/api/v1/evidence", &[Scope::Act]),
    ("get", "/api/v1/evidence/{file}", &[Scope::Read]),
    ("get", "/api/v1/accounts", &[Scope::Security]),
    ("post", "/api/v1/accounts", &[Scope::Security]),
    ("delete", "/api/v1/accounts/{login}", &[Scope::Security]),
    ("post", "/api/v1/accounts/{login}/link", &[Scope::Security]),
    ("get", "/api/v1/tokens", &[Scope::Security]),
    ("post", "/api/v1/tokens", &[Scope::Security]),
    ("delete", "/api/v1/tokens/{name}", &[Scope::Security]),
    ("get", "/api/v1/audit/events", &[Scope::Audit]),
    ("post", "/api/v1/audit/verification", &[Scope::Audit]),
    ("get", "/api/v1/jobs/{job}", &[Scope::Admin, Scope::Audit]),
    ("get", "/api/v1/stats", &[Scope::Read]),
    ("get", "/api/v1/clock", &[Scope::Read]),
    ("post", "/api/v1/clock/accept", &[Scope::Admin]),
    ("post", "/api/v1/clock/take-back", &[Scope::Admin]),
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

#[test]
fn each_operation_is_told_of_and_its_body_shown() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    let paths = document["paths"].as_object().unwrap().values();
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} stands twice");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty(), "{name} is not told of");
        for status in ["401", "403", "429", "503", "default"] {
            let response = &operation["responses"][status]["content"];
            assert!(response["application/problem+json"].is_object(), "{name} {status}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.values().all(|one| one["description"].is_string()), "{name}");
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if let Some(schema) = body["$ref"].as_str() {
            let schema = schema.rsplit('/').next().unwrap();
            let schema = &document["components"]["schemas"][schema];
            assert!(schema["example"].is_object(), "{name} has no example: {schema}");
        }
    }
}

#[tokio::test]
async fn every_route_asks_for_a_token_with_enough_scope() {
    let office = Office::new().await;
    let case = office.open().await;
    for (method, path, needed) in ROUTES {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let body = body(path);
        let path = filled(method.as_str(), path, case.as_str());
        for header in [None, Some("Bearer wrong"), Some("Basic eDp5"), Some("Bearer")] {
            let mut request = office.bare(method.clone(), &path).json(&body);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            assert_eq!(problem(response).await, (401, "DB6002".to_owned()), "{method} {path}");
        }
        for scope in Scope::ALL {
            let request = office.call(scope, method.clone(), &path).json(&body);
            let status = request.send().await.unwrap().status().as_u16();
            let is_refused = !needed.iter().any(|needed| scope.includes(*needed));
            // A move of somebody unknown is refused by the case, with the same status.
            let is_move = path.ends_with(&format!("{case}/moves"));
            assert_eq!(status == 403, is_refused || is_move, "{method} {path} {scope:?}: {status}");
            assert!(status != 401 && status < 500, "{method} {path} {scope:?}: {status}");
        }
    }
}

#[tokio::test]
async fn what_a_token_may_not_do_is_refused_before_its_body_is_looked_at() {
    let office = Office::new().await;
    let case = office.open().await;
    for (method, path, needed) in ROUTES {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        // Neither a query that is asked for nor a body that can be read.
        let path = filled(method.as_str(), path, case.as_str());
        let path = path.split('?').next().unwrap();
        let spoilt = |request: reqwest::RequestBuilder| {
            request.header("content-type", "application/json").body("{\"").send()
        };
        let bare = spoilt(office.bare(method.clone(), path)).await.unwrap();
        assert_eq!(problem(bare).await, (401, "DB6002".to_owned()), "{method} {path}");
        for scope in Scope::ALL {
            let answer = spoilt(office.call(scope, method.clone(), path)).await.unwrap();
            let may = needed.iter().any(|needed| scope.includes(*needed));
            if !may {
                let told = problem(answer).await;
                assert_eq!(told, (403, "DB6003".to_owned()), "{method} {path} {scope:?}");
            } else if answer.status() != 200 {
                assert_ne!(answer.status(), 403, "{method} {path} {scope:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_whom_may_not_no_body_is_read_however_large() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let office = Office::new().await;
    let length = 60 * 1024 * 1024;
    for (method, path) in [
        ("PUT", "/api/v1/directory"),
        ("POST", "/api/v1/directory/import?mode=merge"),
        ("POST", "/api/v1/evidence?name=a.txt&case=x&person=li"),
        ("POST", "/api/v1/cases"),
        ("PUT", "/api/v1/suites/points"),
    ] {
        for (authorization, status) in [
            (format!("Authorization: Bearer {}\r\n", office.token(Scope::Read)), "403"),
            (String::new(), "401"),
        ] {
            let mut socket = tokio::net::TcpStream::connect(office.address).await.unwrap();
            let head = format!(
                "{method} {path} HTTP/1.1\r\nHost: duban\r\n{authorization}\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).await.unwrap();
            // Nothing of the body is ever sent.
            let mut answer = vec![0; 12];
            socket.read_exact(&mut answer).await.unwrap();
            let expected = format!("HTTP/1.1 {status}");
            assert_eq!(String::from_utf8(answer).unwrap(), expected, "{method} {path}");
        }
    }
}

/// A path with something in each of its places.
fn filled(method: &str, path: &str, case: &str) -> String {
    let places = [
        ("{case}", case),
        ("{seq}", "1"),
        ("{suite}", "points"),
        ("{file}", "0"),
        ("{item}", "write"),
        ("{person}", "li"),
        ("{workflow}", "report"),
        ("{login}", "nobody"),
        ("{name}", "nobody"),
        ("{job}", "1"),
        ("{id}", "cn"),
    ];
    let mut path = path.to_owned();
    for (place, value) in places {
        path = path.replace(place, value);
    }
    match path.as_str() {
        "/api/v1/evidence" => format!("{path}?name=a.txt&case={case}&person=li"),
        "/api/v1/search" => format!("{path}?q=a"),
        "/api/v1/directory/import" => format!("{path}?mode=merge"),
        "/api/v1/stand-ins" if method == "DELETE" => {
            format!("{path}?absent=li&by=wang&from=2022-06-01")
        }
        _ => path,
    }
}

/// A body that can be read; most do not fit, so that nothing changes under the next request.
fn body(path: &str) -> serde_json::Value {
    match path {
        "/api/v1/suites/{suite}"
        | "/api/v1/suites/{suite}/check"
        | "/api/v1/suites/{suite}/draft"
        | "/api/v1/suites/{suite}/test" => json!({ "files": {} }),
        "/api/v1/suites/{suite}/simulate" => {
            json!({ "files": {}, "from": "2022-01-01", "to": "2022-01-01" })
        }
        "/api/v1/suites/{suite}/open" => json!({ "date": "2022-01-01", "workflow": "nothing" }),
        "/api/v1/cases/{case}/repair" => json!({ "reason": "" }),
        "/api/v1/cases" => json!({ "suite": "points", "workflow": "report", "unit": "E" }),
        "/api/v1/moves" => json!({ "moves": [] }),
        "/api/v1/stand-ins" => {
            json!({ "absent": "li", "by": "wang", "from": "2022-06-01", "until": "2022-06-01" })
        }
        "/api/v1/accounts" => json!({ "login": "x", "holder": { "admin": "audit" } }),
        "/api/v1/tokens" => json!({ "name": "", "scope": "read" }),
        _ => json!({ "person": "nobody", "act": { "kind": "sign", "item": "write" } }),
    }
}

#[test]
fn scopes_are_steps_or_stand_alone() {
    let included = |scope: Scope| {
        Scope::ALL.into_iter().filter(|asked| scope.includes(*asked)).collect::<Vec<_>>()
    };
    assert_eq!(included(Scope::Read), [Scope::Read]);
    assert_eq!(included(Scope::Act), [Scope::Read, Scope::Act]);
    assert_eq!(included(Scope::Admin), [Scope::Read, Scope::Act, Scope::Admin]);
    assert_eq!(included(Scope::Security), [Scope::Security]);
    assert_eq!(included(Scope::Audit), [Scope::Audit]);
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
    assert_eq!(
        kept.iter().filter(|(name, _)| name.starts_with("token/")).count(),
        Scope::ALL.len()
    );
    for (name, json) in kept {
        for scope in Scope::ALL {
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
