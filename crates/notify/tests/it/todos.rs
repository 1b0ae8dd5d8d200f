//! To-dos of another system, with the engine behind: what it shows is what people owe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use duban::{
    Act, Actor, CaseId, Directory, DirectoryData, Engine, OpenSpec, Options, Sources, SqliteStore,
    TestClock, library, load_suite,
};
use duban_notify::NotifyError;
use duban_notify::todo::{
    DingTalkTodos, DingTalkTodosOptions, Ecology, EcologyOptions, Ledger, TodoSink, Todos,
};
use serde_json::{Value as Json, json};

use crate::peer::{Answer, Peer, client};

const SUITE: &str = "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
supervision: org(\"市委办\")
";

const WORKFLOW: &str = "
id: report
title: 报送半年总结
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30 }
";

fn data(secretary: &str) -> DirectoryData {
    let person = |id: &str, name: &str| {
        json!({ "id": id, "name": name,
            "addresses": { "ecology": format!("e-{id}"), "dingtalk_union": format!("u-{id}") } })
    };
    serde_json::from_value(json!({
        "units": [
            { "id": "C", "name": "市委办", "level": "city" },
            { "id": "D", "name": "历下区", "level": "district", "superior": "C" },
        ],
        "posts": [
            { "unit": "C", "name": "主任", "holders": ["zhang"] },
            { "unit": "D", "name": "书记", "holders": [secretary] },
            { "unit": "D", "name": "主任", "holders": ["wang"] },
        ],
        "people": [person("zhang", "张三"), person("li", "李四"), person("wang", "王五")],
    }))
    .unwrap()
}

struct Office {
    engine: Engine<SqliteStore>,
    case: CaseId,
}

impl Office {
    async fn new() -> Self {
        let texts = [("suite.yaml", SUITE), ("report.yaml", WORKFLOW)];
        let sources: Sources =
            texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let loaded = load_suite("points", &sources, &library());
        let suite = loaded.suite.unwrap_or_else(|| panic!("{:?}", loaded.problems));
        let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse().unwrap());
        let options = Options { clock: Arc::new(clock), ..Options::default() };
        let engine = Engine::start(SqliteStore::open_in_memory().unwrap(), options).await.unwrap();
        engine.set_directory(Directory::new(data("li")).unwrap()).await.unwrap();
        engine.publish(&suite).await.unwrap();
        let spec = OpenSpec::new("points", "report", "D");
        let case = engine.open(spec, Actor::operator("OA"), None).await.unwrap().case;
        Self { engine, case }
    }

    async fn act(&self, person: &str, act: Json) {
        let act: Act = serde_json::from_value(act).unwrap();
        self.engine.act(&self.case, Actor::person(person), act, None).await.unwrap();
    }
}

const WELL: Answer = Answer::Http("200 OK", "", r#"{"operType":"AutoNew","operResult":"1"}"#);

fn ecology(peer: &Peer) -> Arc<Ecology> {
    let page = "https://duban.example.org/cases/{case}/items/{item}";
    let options = EcologyOptions::new(&peer.url("/"), "duban", "admin", page);
    Arc::new(Ecology::new(client(), options).unwrap())
}

/// What e-cology shows after all these requests: by to-do, whose it is and how it stands.
fn shown(peer: &Peer) -> BTreeMap<String, (String, String)> {
    let mut shown = BTreeMap::new();
    for request in peer.requests() {
        let body = request.json();
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        if request.line().contains("/rest/ofs/deleteUserRequestInfoByJson") {
            shown.remove(&text("flowid"));
        } else {
            assert_eq!(request.line(), "POST /rest/ofs/ReceiveRequestInfoByJson HTTP/1.1");
            let state = match (body["isremark"].as_str(), body["viewtype"].as_str()) {
                (Some("0"), Some("0")) => "未读",
                (Some("0"), Some("1")) => "已读",
                (Some("2"), Some("1")) => "已办",
                (Some("4"), Some("1")) => "办结",
                other => panic!("{other:?}"),
            };
            shown.insert(text("flowid"), (text("receiver"), state.to_owned()));
        }
    }
    shown
}

/// Whose to-dos there are and how they stand.
type Shown = &'static [(&'static str, &'static str)];

/// The same without ids, in order.
fn list(peer: &Peer) -> Vec<(String, String)> {
    let mut list: Vec<_> = shown(peer).into_values().collect();
    list.sort();
    list
}

fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(who, state)| ((*who).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test]
async fn the_other_system_shows_what_people_owe() {
    let office = Office::new().await;
    let peer = Peer::start(vec![WELL]).await;
    let todos = Todos::new(ecology(&peer), Ledger::in_memory());
    let write = |act: &str, more: Json| {
        let mut fields = json!({ "item": "write" });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ act: fields })
    };
    let steps: [(&str, Json, Shown); 7] = [
        ("li", write("sign", json!({})), &[("e-li", "已读")]),
        ("li", write("submit", json!({ "form": {} })), &[("e-li", "已办"), ("e-zhang", "未读")]),
        (
            "zhang",
            write("return", json!({ "reason": "太短" })),
            &[("e-li", "已办"), ("e-li", "已读"), ("e-zhang", "已办")],
        ),
        // Passed on: the old one disappears, the new one appears.
        (
            "zhang",
            write("transfer", json!({ "to": "post:D/主任", "reason": "分工" })),
            &[("e-li", "已办"), ("e-wang", "已读"), ("e-zhang", "已办")],
        ),
        (
            "wang",
            write("delegate", json!({ "to": "li" })),
            &[("e-li", "已办"), ("e-li", "已读"), ("e-zhang", "已办")],
        ),
        (
            "wang",
            write("delegate", json!({ "to": null })),
            &[("e-li", "已办"), ("e-wang", "已读"), ("e-zhang", "已办")],
        ),
        (
            "zhang",
            json!({ "cancel": { "item": null, "reason": "不办了" } }),
            &[("e-li", "已办"), ("e-zhang", "已办")],
        ),
    ];
    todos.settle_all(&office.engine).await.unwrap();
    assert_eq!(list(&peer), rows(&[("e-li", "未读")]));
    let first = peer.requests()[0].json();
    let link = format!("https://duban.example.org/cases/{}/items/write", office.case);
    assert_eq!(first["pcurl"], link);
    assert_eq!((&first["syscode"], &first["creator"]), (&json!("duban"), &json!("admin")));
    assert_eq!((&first["requestname"], &first["nodename"]), (&json!("撰写总结"), &json!("待签收")));
    assert_eq!(first["receivedatetime"], "2022-06-01 09:00:00");

    for (who, act, expected) in steps {
        office.act(who, act.clone()).await;
        todos.settle_all(&office.engine).await.unwrap();
        assert_eq!(list(&peer), rows(expected), "after {act}");
        let calls = peer.requests().len();
        todos.settle_all(&office.engine).await.unwrap();
        assert_eq!(peer.requests().len(), calls, "what is shown is not shown again");
    }
    assert!(todos.entries().is_empty(), "nothing is left open");
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_new_holder_of_a_post_takes_over_its_todos() {
    let office = Office::new().await;
    let peer = Peer::start(vec![WELL]).await;
    let todos = Todos::new(ecology(&peer), Ledger::in_memory());
    todos.settle_all(&office.engine).await.unwrap();
    let changed = Directory::new(data("wang")).unwrap();
    office.engine.set_directory(changed).await.unwrap().finished().await.unwrap();
    todos.settle_all(&office.engine).await.unwrap();
    assert_eq!(list(&peer), rows(&[("e-wang", "未读")]));
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn after_failures_and_a_restart_nothing_is_left_as_a_ghost() {
    let office = Office::new().await;
    let answers = vec![
        Answer::Http("500 Internal Server Error", "", ""),
        // It has taken it, and nobody hears of it.
        Answer::DieHalfWay,
        Answer::Http("200 OK", "", r#"{"operResult":"0","message":"IP"}"#),
        WELL,
    ];
    let peer = Peer::start(answers).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("todos.jsonl");
    let todos = Todos::new(ecology(&peer), Ledger::open(&path).unwrap());
    todos.settle_all(&office.engine).await.unwrap();
    assert!(!todos.push().await.unwrap(), "the answer was lost");
    // The daemon dies, and the case is cancelled before it is back.
    drop(todos);
    office.act("zhang", json!({ "cancel": { "item": null, "reason": "不办了" } })).await;

    let todos = Todos::new(ecology(&peer), Ledger::open(&path).unwrap());
    todos.settle_all(&office.engine).await.unwrap();
    assert!(!todos.entries().is_empty(), "refused, so it is still owed");
    assert!(todos.push().await.unwrap());
    assert_eq!(list(&peer), rows(&[]));
    let ids: Vec<Json> =
        peer.requests().iter().map(|request| request.json()["flowid"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one to-do: {ids:?}");
    assert!(Ledger::open(&path).unwrap().entries().next().is_none());
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_is_refused_becomes_the_end_of_it() {
    let office = Office::new().await;
    let refused = Answer::Http("200 OK", "", r#"{"operResult":"0","message":"没有该待办"}"#);
    let peer = Peer::start(vec![WELL, refused, WELL]).await;
    let todos = Todos::new(ecology(&peer), Ledger::in_memory());
    todos.settle_all(&office.engine).await.unwrap();
    office.act("zhang", json!({ "cancel": { "item": null, "reason": "不办了" } })).await;
    todos.settle_all(&office.engine).await.unwrap();
    assert_eq!(list(&peer), rows(&[("e-li", "办结")]));
    assert!(todos.entries().is_empty());
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_feed_is_followed_until_the_engine_shuts_down() {
    let office = Office::new().await;
    let peer = Peer::start(vec![WELL]).await;
    let todos = Arc::new(Todos::new(ecology(&peer), Ledger::in_memory()));
    let (engine, following) = (office.engine.clone(), Arc::clone(&todos));
    let task = tokio::spawn(async move { following.follow(&engine).await });
    let until = async |expected: &[(&str, &str)]| {
        while list(&peer) != rows(expected) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, until(&[("e-li", "未读")])).await.unwrap();
    office.act("li", json!({ "submit": { "item": "write", "form": {} } })).await;
    let submitted = [("e-li", "已办"), ("e-zhang", "未读")];
    tokio::time::timeout(patience, until(&submitted)).await.unwrap();
    office.engine.shutdown().await.unwrap();
    task.await.unwrap().unwrap();
}

fn dingtalk(peer: &Peer) -> DingTalkTodos {
    let page = "https://duban.example.org/cases/{case}?item={item}";
    let options = DingTalkTodosOptions::new("key", "secret", "op/1", page);
    DingTalkTodos::new(client(), DingTalkTodosOptions { base_url: peer.url(""), ..options })
        .unwrap()
}

const TOKEN: Answer = Answer::Http("200 OK", "", r#"{"accessToken":"T1","expireIn":7200}"#);
const MADE: Answer = Answer::Http("200 OK", "", r#"{"id":"task1"}"#);
const DONE: Answer = Answer::Http("200 OK", "", r#"{"result":true}"#);

#[tokio::test]
async fn dingtalk_gets_its_todos_made_changed_done_and_deleted() {
    let office = Office::new().await;
    let peer = Peer::start(vec![TOKEN, MADE, DONE, DONE, MADE, DONE]).await;
    let todos = Todos::new(Arc::new(dingtalk(&peer)), Ledger::in_memory());
    todos.settle_all(&office.engine).await.unwrap();
    for act in [
        json!({ "sign": { "item": "write" } }),
        json!({ "submit": { "item": "write", "form": {} } }),
    ] {
        office.act("li", act).await;
        todos.settle_all(&office.engine).await.unwrap();
    }
    office.act("zhang", json!({ "cancel": { "item": null, "reason": "不办了" } })).await;
    todos.settle_all(&office.engine).await.unwrap();
    assert!(todos.entries().is_empty());

    let requests = peer.requests();
    let mut lines: Vec<String> =
        requests[1..].iter().map(|request| request.line().replace(" HTTP/1.1", "")).collect();
    // The two calls that follow from the submission have no order.
    lines[2..4].sort();
    let tasks = "/v1.0/todo/users/op%2F1/tasks";
    let expected = [
        format!("POST {tasks}?operatorId=op%2F1"),
        format!("PUT {tasks}/task1?operatorId=op%2F1"),
        format!("POST {tasks}?operatorId=op%2F1"),
        format!("PUT {tasks}/task1?operatorId=op%2F1"),
        format!("DELETE {tasks}/task1?operatorId=op%2F1"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(requests[1].header("x-acs-dingtalk-access-token"), Some("T1"));
    let made = requests[1].json();
    assert_eq!(made["executorIds"], json!(["u-li"]));
    assert_eq!(made["subject"], "报送半年总结：撰写总结");
    assert_eq!(made["dueTime"], 1_656_604_800_000_i64);
    assert_eq!(made["sourceId"].as_str().map(str::len), Some(32));
    office.engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn dingtalk_finds_again_what_it_made_without_an_answer_and_misses_nothing_deleted() {
    let exists = r#"{"code":"todo.taskCreate.paramError","message":"task exist"}"#;
    let missing = r#"{"code":"todo.taskUpdate.paramError","message":"task not exist"}"#;
    let expired = r#"{"code":"InvalidAuthentication","message":"token"}"#;
    let answers = vec![
        TOKEN,
        Answer::Http("400 Bad Request", "", exists),
        MADE,
        Answer::Http("400 Bad Request", "", expired),
        TOKEN,
        Answer::Http("400 Bad Request", "", missing),
    ];
    let peer = Peer::start(answers).await;
    let sink = dingtalk(&peer);
    let office = Office::new().await;
    let mut ledger = Ledger::in_memory();
    let case = office.engine.case(&office.case).await.unwrap();
    let definition = office.engine.definition(&case.head().definition).await.unwrap();
    let directory = office.engine.directory();
    let wanted = duban_notify::todo::wanted(&case, &definition, &directory, sink.address());
    ledger.plan(office.case.as_str(), wanted, |_| duban_notify::todo::Ending::Gone);
    let todo = ledger.entries().next().unwrap().todo.clone();
    assert_eq!(sink.open(&todo).await.unwrap().as_deref(), Some("task1"));
    let found = &peer.requests()[2];
    assert!(found.line().contains(&format!("/tasks/sources/{}?", todo.id)), "{}", found.line());
    sink.close(&todo, Some("task1"), duban_notify::todo::Ending::Done).await.unwrap();
    assert_eq!(peer.requests().len(), 6);
    office.engine.shutdown().await.unwrap();
}

#[test]
fn todos_lead_somewhere() {
    let options = EcologyOptions::new("https://oa.example.org", "duban", "admin", " ");
    let refused: NotifyError = Ecology::new(client(), options).unwrap_err();
    assert_eq!(refused.code(), "DB5010");
}
