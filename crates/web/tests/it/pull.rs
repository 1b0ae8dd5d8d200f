//! The directory from a REST source: a real one on loopback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{PULL_BYTES_MAX, Pull};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::Office;

/// What the source has, and whether it was asked about what is new.
#[derive(Clone, Default)]
struct Source {
    said: Arc<Mutex<(Value, u64)>>,
    asked: Arc<Mutex<Vec<Option<String>>>>,
}

impl Source {
    fn say(&self, json: Value) {
        let mut said = self.said.lock().unwrap();
        *said = (json, said.1 + 1);
    }
}

async fn serve(State(source): State<Source>, headers: HeaderMap) -> Response {
    if headers.get("x-key").is_none_or(|key| key != "hush") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (json, number) = source.said.lock().unwrap().clone();
    let known = headers.get("if-none-match").map(|tag| tag.to_str().unwrap().to_owned());
    source.asked.lock().unwrap().push(known.clone());
    let tag = format!("\"{number}\"");
    if known.as_ref() == Some(&tag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([("etag", tag)], Json(json)).into_response()
}

fn pull(address: &str, key: &str, allowed: &[&str]) -> Pull {
    let client = HttpClient::new(ClientOptions {
        allowed_hosts: allowed.iter().map(|host| (*host).to_owned()).collect(),
        answer_bytes_max: PULL_BYTES_MAX,
        ..ClientOptions::default()
    });
    let header = Some(("x-key".to_owned(), key.to_owned()));
    Pull::new(client.unwrap(), &format!("http://{address}/org"), header).unwrap()
}

async fn source() -> (Source, String) {
    let source = Source::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = Router::new().route("/org", get(serve)).with_state(source.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (source, address)
}

async fn office(pull: Pull) -> (Office, String) {
    let office =
        Office::with(|settings| duban_web::Settings { pull: Some(Arc::new(pull)), ..settings });
    let office = office.await;
    office.accounts(&[("root", "admin:system")]).await;
    let root = office.sign_in("root").await;
    (office, root)
}

/// Pulls, and the page that says how it went.
async fn pull_now(office: &Office, root: &str) -> String {
    let request = office.bare(Method::POST, "/directory/pull").header("cookie", root);
    assert_eq!(request.send().await.unwrap().status(), 303);
    office.look(root, "/directory").await.1
}

const PEOPLE: [&str; 6] = ["zhang", "li", "wang", "sun", "qian", "wu"];

/// What the office has, with somebody else in one post.
fn whole() -> Value {
    let units = [("C", Value::Null), ("D", json!("C")), ("E", json!("C")), ("S", json!("C"))];
    let unit =
        |(id, above)| json!({ "id": id, "name": id, "level": "district", "superior": above });
    let people = PEOPLE.into_iter().chain(["zhao"]);
    let people: Vec<Value> = people.map(|id| json!({ "id": id, "name": id })).collect();
    json!({
        "units": units.map(unit),
        "posts": [{ "unit": "C", "name": "主任", "holders": ["zhang"] },
                  { "unit": "D", "name": "书记", "holders": ["zhao"] },
                  { "unit": "E", "name": "书记", "holders": ["wang"] },
                  { "unit": "S", "name": "主任", "holders": ["sun"] }],
        "people": people,
    })
}

#[tokio::test]
async fn what_the_source_has_is_taken_over_and_large_losses_wait() {
    let (source, address) = source().await;
    source.say(whole());
    let (office, root) = office(pull(&address, "hush", &["127.0.0.1"])).await;
    let absence = [
        ("what", "set"),
        ("absent", "wang"),
        ("by", "zhang"),
        ("from", "2022-06-01"),
        ("until", "2022-06-30"),
    ];
    let request = office.bare(Method::POST, "/absences").header("cookie", &root).form(&absence);
    assert_eq!(request.send().await.unwrap().status(), 303);
    // The pull of the start may have come first.
    let page = pull_now(&office, &root).await;
    assert!(page.contains("换人的岗位 1") && page.contains("最近一次"), "{page}");
    let directory = office.engine.directory();
    assert!(directory.person(&"zhao".into()).is_some());
    assert_eq!(directory.data().stand_ins.len(), 2, "absences are duban's own");

    let mut misspelt = whole();
    misspelt["units"][1]["superiour"] = json!("C");
    source.say(misspelt);
    let page = pull_now(&office, &root).await;
    assert!(page.contains("/units/1") && page.contains("superiour"), "{page}");
    assert_eq!(office.engine.directory().version(), directory.version());

    let mut less = whole();
    less["people"].as_array_mut().unwrap().pop();
    less["posts"][1]["holders"] = json!([]);
    source.say(less);
    let page = pull_now(&office, &root).await;
    assert!(page.contains("未采用：在任岗位 4 个中会少 1 个，超过上限"), "{page}");
    assert_eq!(office.engine.directory().version(), directory.version());
    // What waits is forgotten when the source has again what is there.
    let refused = source.said.lock().unwrap().0.clone();
    source.say(serde_json::to_value(directory.data()).unwrap());
    assert!(pull_now(&office, &root).await.contains("没有变化"));
    assert_eq!(office.look(&root, "/directory/change?of=pull").await.0, 404);
    source.say(refused);
    pull_now(&office, &root).await;
    let (_, page) = office.look(&root, "/directory/change?of=pull").await;
    assert!(page.contains("D 书记：zhao → 无人"), "{page}");
    let digest = page.split_once("name=\"digest\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let form = [("of", "pull"), ("digest", digest)];
    let request =
        office.bare(Method::POST, "/directory/change").header("cookie", &root).form(&form);
    assert_eq!(request.send().await.unwrap().status(), 303);
    assert!(office.engine.directory().person(&"zhao".into()).is_none());

    let mut broken = whole();
    broken["posts"][0]["holders"] = json!(["nobody"]);
    source.say(broken);
    let page = pull_now(&office, &root).await;
    assert!(page.contains("失败：数据对不上") && page.contains("nobody"), "{page}");
    source.say(json!({ "units": 1 }));
    assert!(pull_now(&office, &root).await.contains("回答不是通讯录"));
}

#[tokio::test]
async fn a_pull_of_the_interval_asks_whether_anything_is_new() {
    let (source, address) = source().await;
    source.say(whole());
    let mut pull = pull(&address, "hush", &["127.0.0.1"]);
    pull.every = Duration::from_millis(5);
    let (_office, _) = office(pull).await;
    let (none, some) = loop {
        let asked = source.asked.lock().unwrap().clone();
        if let [first, second, ..] = asked.as_slice() {
            break (first.clone(), second.clone());
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((none, some), (None, Some("\"1\"".to_owned())));
}

#[tokio::test]
async fn other_systems_json_is_mapped() {
    let (source, address) = source().await;
    let user = |id| json!({ "uid": id, "cn": id, "mail": format!("{id}@example.org") });
    let users = PEOPLE.map(user);
    source.say(json!({ "data": {
        "depts": [{ "code": "C", "title": "市委办", "superior": "0" },
                  { "code": "D", "title": "历下区", "superior": "C" },
                  { "code": "E", "title": "市中区", "superior": "C" },
                  { "code": "S", "title": "督查室", "superior": "C" }],
        "jobs": [{ "dept": "C", "job": "主任", "user": "zhang" }, { "dept": "E", "job": "书记", "user": "wang" },
                 { "dept": "D", "job": "书记", "user": "li" },
                 { "dept": "S", "job": "主任", "user": "sun" }],
        "users": users,
    } }));
    let mapping = json!({
        "units": { "list": "/data/depts", "id": "code", "name": "title", "level_default": "district",
                   "superior": "superior", "roots": ["0"] },
        "posts": { "list": "/data/jobs", "unit": "dept", "name": "job", "holders": "user" },
        "people": { "list": "/data/users", "id": "uid", "name": "cn", "addresses": { "email": "mail" } },
    });
    let mut pull = pull(&address, "hush", &["127.0.0.1"]);
    pull.mapping = Some(serde_json::from_value(mapping).unwrap());
    let (office, root) = office(pull).await;
    let page = pull_now(&office, &root).await;
    assert!(page.contains("拉取（"), "{page}");
    let directory = office.engine.directory();
    assert_eq!(directory.person(&"li".into()).unwrap().addresses["email"], "li@example.org");
}

#[tokio::test]
async fn a_source_that_cannot_be_asked_changes_nothing_and_says_why() {
    let (source, address) = source().await;
    source.say(whole());
    let port = address.rsplit_once(':').unwrap().1;
    let cases = [
        (pull(&address, "wrong", &["127.0.0.1"]), "对方回答 HTTP 401"),
        // A name that leads inside is found out only when it is resolved.
        (pull(&format!("localhost:{port}"), "hush", &[]), "连接不上"),
        (pull("127.0.0.1:1", "hush", &["127.0.0.1"]), "连接不上"),
    ];
    for (pull, told) in cases {
        let (office, root) = office(pull).await;
        let before = office.engine.directory();
        let page = pull_now(&office, &root).await;
        assert!(page.contains(told) && !page.contains("hush"), "{told}: {page}");
        assert_eq!(office.engine.directory().version(), before.version());
    }
    let (office, root) = {
        let office = Office::new().await;
        office.accounts(&[("root", "admin:system")]).await;
        let root = office.sign_in("root").await;
        (office, root)
    };
    let request = office.bare(Method::POST, "/directory/pull").header("cookie", &root);
    assert_eq!(request.send().await.unwrap().status(), 404, "nothing to pull from");
}
