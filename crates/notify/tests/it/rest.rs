//! To-dos by calls that the office has written down: the bytes that arrive.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use duban::{Act, Actor, CaseId};
use duban_notify::todo::{Ledger, RestTodos, RestTodosOptions, Todos};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::office::{Office, office};
use crate::peer::{Answer, Peer, Request, client};

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn options(peer: &Peer) -> RestTodosOptions {
    RestTodosOptions {
        name: "oa".to_owned(),
        base_url: peer.url("/api/"),
        secret: SECRET.to_owned(),
        token: Some("T".to_owned()),
        address: "oa".to_owned(),
        page_url: "https://duban.example.org/cases/{case}/task?item={item}".to_owned(),
        create: "POST /todos".parse().unwrap(),
        change: Some("PATCH /todos/{remote}".parse().unwrap()),
        done: "POST /todos/{remote}/done?by={account}".parse().unwrap(),
        delete: Some("DELETE /todos/{remote}".parse().unwrap()),
    }
}

fn todos(options: RestTodosOptions) -> Todos {
    Todos::new(Arc::new(RestTodos::new(client(), options).unwrap()), Ledger::in_memory())
}

async fn settle(office: &Office, todos: &Todos) -> bool {
    todos.settle_all(&office.engine).await.unwrap();
    todos.push().await.unwrap()
}

async fn case(office: &Office) -> CaseId {
    let page = duban::PageRequest::first(1);
    let row = office.engine.cases(duban::CaseFilter::default(), page).await.unwrap().rows.remove(0);
    CaseId::new(&row.id)
}

async fn act(office: &Office, act: Json) {
    let act: Act = serde_json::from_value(act).unwrap();
    let case = case(office).await;
    office.engine.act(&case, Actor::person("li"), act, None).await.unwrap();
}

/// Whether the signature is that of the bytes that came.
fn is_signed(request: &Request) -> bool {
    let header = |name| request.header(name).unwrap();
    let text = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), request.body);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(SECRET).unwrap()).unwrap();
    mac.update(text.as_bytes());
    header("webhook-signature") == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_to_do_is_made_changed_and_done_by_signed_calls() {
    let made = Answer::Http("201 Created", "", r#"{"id":4711}"#);
    let peer = Peer::start(vec![made, Answer::Http("200 OK", "", "{}")]).await;
    let (office, todos) = (office(Vec::new()).await, todos(options(&peer)));
    assert!(settle(&office, &todos).await);
    act(&office, json!({ "sign": { "item": "write" } })).await;
    assert!(settle(&office, &todos).await);
    act(&office, json!({ "submit": { "item": "write", "form": {}, "evidence": [] } })).await;
    assert!(settle(&office, &todos).await);

    let requests = peer.requests();
    let lines: Vec<&str> = requests.iter().map(Request::line).collect();
    let expected = [
        "POST /api/todos HTTP/1.1",
        "PATCH /api/todos/4711 HTTP/1.1",
        "POST /api/todos/4711/done?by=li HTTP/1.1",
    ];
    assert_eq!(lines, expected);
    assert!(requests.iter().all(is_signed));
    assert!(requests.iter().all(|request| request.header("authorization") == Some("Bearer T")));
    let body = requests[0].json();
    let case = case(&office).await;
    for (field, value) in [
        ("event", json!("create")),
        ("account", json!("li")),
        ("role", json!("work")),
        ("title", json!("撰写总结")),
        ("workflow", json!("报送半年总结")),
        ("due", json!("2022-06-30T16:00:00Z")),
        ("is_read", json!(false)),
        ("url", json!(format!("https://duban.example.org/cases/{case}/task?item=write"))),
    ] {
        assert_eq!(body[field], value, "{field}: {body}");
    }
    assert_eq!(requests[1].json()["is_read"], json!(true));
    assert_eq!(todos.status().open, 0, "the reviewer has no account there");
}

#[tokio::test]
async fn whatever_the_other_system_says_a_call_is_repeated_under_its_id_until_it_is_taken() {
    let answers = vec![
        Answer::Http("500 Internal Server Error", "", "down"),
        Answer::Hang,
        Answer::DieHalfWay,
        Answer::Http("409 Conflict", "", "there already"),
        Answer::Http("410 Gone", "", ""),
    ];
    let peer = Peer::start(answers).await;
    let (office, todos) = (office(Vec::new()).await, todos(options(&peer)));
    todos.settle_all(&office.engine).await.unwrap();
    assert_eq!(todos.status().pending, 1);
    while todos.status().pending > 0 {
        todos.push().await.unwrap();
    }
    let creates = peer.requests();
    assert_eq!(creates.len(), 4);
    let ids: Vec<_> = creates.iter().map(|request| request.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_some()), "{ids:?}");
    let status = todos.status();
    assert_eq!((status.open, status.pending, status.last_error), (1, 0, None));

    act(&office, json!({ "sign": { "item": "write" } })).await;
    act(&office, json!({ "submit": { "item": "write", "form": {}, "evidence": [] } })).await;
    assert!(settle(&office, &todos).await, "what is gone there has ended");
    let last = peer.requests().pop().unwrap();
    let id = creates[0].json()["id"].as_str().unwrap().to_owned();
    let expected = format!("POST /api/todos/{id}/done?by=li HTTP/1.1");
    assert_eq!(last.line(), expected, "without an id of its own, by ours");
}

#[tokio::test]
async fn what_went_wrong_is_told_until_it_is_well_again() {
    let down = Answer::Http("503 Service Unavailable", "", "closed for the night");
    let peer = Peer::start(vec![down.clone(), down, Answer::Http("200 OK", "", "{}")]).await;
    let (office, todos) = (office(Vec::new()).await, todos(options(&peer)));
    assert!(!settle(&office, &todos).await);
    let status = todos.status();
    assert_eq!((status.open, status.pending), (0, 1));
    assert!(status.last_error.unwrap().contains("closed for the night"));
    assert!(todos.push().await.unwrap());
    assert_eq!(todos.status().last_error, None);
}
