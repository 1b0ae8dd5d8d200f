//! Tasks in full, to-dos, graphs, timelines, ledgers, drafts, and many moves at once.

use duban::CaseId;
use duban_web::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW, problem};

fn acts(item: &Value) -> Vec<String> {
    let moves = item["moves"].as_array().unwrap().iter();
    moves.map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_task_tells_everything_and_what_a_person_may_do() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    let path = format!("/api/v1/cases/{case}/tasks/draft");
    let item = office.get(&format!("{path}?person=li")).await;
    assert_eq!((&item["title"], &item["case_title"]), (&json!("起草计划"), &json!("制定工作计划")));
    assert_eq!(item["unit_name"], "历下区");
    assert_eq!(item["fields"][0]["name"], "topic");
    assert_eq!(
        (&item["fields"][0]["kind"], &item["fields"][1]["kind"]),
        (&json!("text"), &json!("money"))
    );
    assert_eq!(item["evidence_owed"], json!(["计划书"]));
    assert_eq!(item["dues"][0]["due"], "2022-06-30T16:00:00Z");
    assert!(item["dues"][0]["why_text"].as_str().unwrap().starts_with("措施规定"), "{item}");
    assert_eq!(item["reviewers"][0]["name"], "市委办");
    let acts_of_li = acts(&item);
    assert!(acts_of_li.contains(&"sign".to_owned()) && !acts_of_li.contains(&"accept".to_owned()));
    assert!(acts(&office.get(&format!("{path}?person=wang")).await).is_empty());
    assert!(office.get(&path).await.get("moves").is_none());

    let file = office.give(&case, "li", "a.txt", "一").await;
    let evidence = json!([{ "name": "计划书", "file": file }]);
    let submit = json!({ "kind": "submit", "item": "draft", "form": { "topic": "一" }, "evidence": evidence });
    assert_eq!(office.act(&case, "li", submit).await.status(), 200);
    let response = office.call(Scope::Read, Method::GET, &format!("{path}?person=zhang"));
    let response = response.send().await.unwrap();
    let tag = response.headers()["etag"].clone();
    let item: Value = response.json().await.unwrap();
    assert_eq!(item["form"], json!({ "topic": "一" }));
    assert_eq!(item["files"][0]["file"], file);
    assert!(acts(&item).contains(&"accept".to_owned()), "{item}");
    assert!(item["history"].to_string().contains("申请办结"), "{item}");
    let shown = office.call(Scope::Read, Method::GET, &format!("/api/v1/cases/{case}"));
    assert_eq!(shown.send().await.unwrap().headers()["etag"], tag, "the case's own tag");

    for missing in [
        format!("/api/v1/cases/{case}/tasks/nothing"),
        "/api/v1/cases/nothing/tasks/draft".to_owned(),
        "/api/v1/cases/nothing/tasks".to_owned(),
        format!("{path}?person=nobody"),
        "/api/v1/people/nobody/todo".to_owned(),
    ] {
        let refused = office.call(Scope::Read, Method::GET, &missing).send().await.unwrap();
        assert_eq!(problem(refused).await.0, 404, "{missing}");
    }
}

#[tokio::test]
async fn to_dos_follow_delegation_and_review() {
    let office = Office::new().await;
    let case = office.open().await;
    let todo = async |person: &str| {
        let found = office.get(&format!("/api/v1/people/{person}/todo")).await;
        let rows = found["rows"].as_array().unwrap().iter();
        rows.map(|row| row["item"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((todo("li").await, todo("wang").await), (vec!["write".to_owned()], vec![]));
    let delegate = json!({ "kind": "delegate", "item": "write", "to": "wang" });
    assert_eq!(office.act(&case, "li", delegate).await.status(), 200);
    assert_eq!((todo("li").await, todo("wang").await), (vec![], vec!["write".to_owned()]));
    let submit = json!({ "kind": "submit", "item": "write", "form": {} });
    assert_eq!(office.act(&case, "wang", submit).await.status(), 200);
    assert!(todo("li").await.is_empty() && todo("wang").await.is_empty());
    assert_eq!(todo("zhang").await, ["write"]);
}

#[tokio::test]
async fn a_case_is_drawn_told_and_looked_ahead() {
    let office = Office::new().await;
    let case = office.open_of("plan").await;
    let graph = office.get(&format!("/api/v1/cases/{case}/graph")).await;
    assert_eq!(graph["edges"], json!([{ "from": "draft", "to": "publish", "label": "" }]));
    assert_eq!(graph["nodes"][0]["items"], json!(["draft"]));
    assert_eq!(graph["nodes"][0]["class"], "green");
    let path = format!("/api/v1/cases/{case}/graph");
    let by_accept = office.call(Scope::Read, Method::GET, &path).header("accept", "image/svg+xml");
    let by_name = office.call(Scope::Read, Method::GET, &format!("{path}.svg"));
    for request in [by_accept, by_name] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "image/svg+xml");
        let svg = response.text().await.unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("xmlns=") && svg.contains("起草计划"));
    }
    let next = office.get(&format!("/api/v1/cases/{case}/next")).await;
    let due = next.as_array().unwrap().iter().find(|step| step["what"] == "due").unwrap();
    assert_eq!((&due["item"], &due["text"]), (&json!("draft"), &json!("到期")));

    let whole = office.get(&format!("/api/v1/cases/{case}/timeline?limit=500")).await;
    assert!(whole["rows"][0]["text"].as_str().unwrap().contains("立项"), "{whole}");
    assert_eq!(whole["next"], Value::Null);
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/api/v1/cases/{case}/timeline?limit=1&after={after}");
        let part = office.get(&path).await;
        seen.extend(part["rows"].as_array().unwrap().clone());
        let Some(next) = part["next"].as_str() else { break };
        after = next.parse().unwrap();
    }
    assert_eq!(json!(seen), whole["rows"]);
    let detail = office.get("/api/v1/suites/points/workflows/plan").await;
    assert_eq!(detail["tasks"][1]["id"], "publish");
    assert_eq!(detail["graph"]["edges"], graph["edges"]);
}

#[tokio::test]
async fn slips_and_points_are_listed_and_ledgers_without_rows_are_empty() {
    let office = Office::new().await;
    office.open().await;
    let late = "2022-07-20T09:00:00+08:00".parse().unwrap();
    office.clock.advance(&office.engine, late).await.unwrap();
    let reminders = office.get("/api/v1/deliveries?suite=points&unit=D&kind=remind").await;
    assert_eq!(reminders["rows"].as_array().unwrap().len(), 1, "{reminders}");
    assert_eq!(office.get("/api/v1/deliveries?unit=E").await["rows"], json!([]));
    // This suite has no duties, interviews, slips or indicators.
    for ledger in
        ["duties", "interviews?state=pending", "notices?kind=slip&colour=red", "indicators"]
    {
        let found = office.get(&format!("/api/v1/{ledger}")).await;
        assert_eq!(found["rows"], json!([]), "{ledger}");
    }
    assert_eq!(office.get("/api/v1/scores/entries?unit=D").await["rows"], json!([]));
}

#[tokio::test]
async fn many_moves_are_answered_one_by_one() {
    let office = Office::new().await;
    let (case, other) = (office.open().await, office.open_of("plan").await);
    let of = |case: &CaseId, person: &str, act: Value, key: &str| json!({ "case": case.as_str(), "person": person, "act": act, "key": key });
    let sign = json!({ "kind": "sign", "item": "write" });
    let report = json!({ "kind": "report", "item": "write", "text": "一", "percent": 50 });
    let moves = json!({ "moves": [
        of(&case, "li", sign.clone(), "1"),
        of(&other, "wang", json!({ "kind": "sign", "item": "draft" }), "2"),
        of(&case, "li", report, "3"),
        { "case": other.as_str(), "person": "li", "act": { "kind": "sign", "item": "draft" }, "version": 1 },
        of(&CaseId::new("nothing"), "li", json!({ "kind": "sign", "item": "write" }), "5"),
    ]});
    let send = async |body: &Value| {
        let request = office.call(Scope::Act, Method::POST, "/api/v1/moves").json(body);
        request.send().await.unwrap()
    };
    let made: Value = send(&moves).await.json().await.unwrap();
    let results = made["results"].as_array().unwrap();
    let status: Vec<u64> = results.iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(status, [200, 403, 200, 412, 404], "{made}");
    assert!(results[2]["outcome"]["version"].as_u64() > results[0]["outcome"]["version"].as_u64());
    assert_eq!(results[1]["problem"]["code"], "DB2008");
    let again: Value = send(&moves).await.json().await.unwrap();
    assert_eq!(again["results"][0], results[0], "the same key, the same answer");
    // A key that the document does not allow: the place is named, and none of them is made.
    let report = json!({ "kind": "report", "item": "write", "text": "二", "percent": 60 });
    for key in [String::new(), "k".repeat(201), "键".to_owned(), "a\tb".to_owned()] {
        let bad = of(&case, "li", report.clone(), &key);
        let body = json!({ "moves": [of(&case, "li", report.clone(), "6"), bad] });
        let before = office.engine.case(&case).await.unwrap().head().version;
        let refused: Value = send(&body).await.json().await.unwrap();
        assert_eq!(refused["code"], "DB6001", "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("moves[1].key"), "{refused}");
        assert_eq!(office.engine.case(&case).await.unwrap().head().version, before);
    }
    let too_many = json!({ "moves": vec![of(&case, "li", sign, "x"); 101] });
    assert_eq!(problem(send(&too_many).await).await, (422, "DB6009".to_owned()));
}

#[tokio::test]
async fn drafts_are_kept_beside_what_is_published() {
    let office = Office::new().await;
    let path = "/api/v1/suites/points/draft";
    let send = async |method: Method, body: Value, tag: Option<&str>| {
        let mut request = office.call(Scope::Admin, method, path).json(&body);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        request.send().await.unwrap()
    };
    assert_eq!(problem(send(Method::GET, Value::Null, None).await).await.0, 404);
    let files = json!(Office::sources(WORKFLOW));
    let kept = send(Method::PUT, json!({ "files": files }), None).await;
    assert_eq!(kept.status(), 204);
    let tag = kept.headers()["etag"].to_str().unwrap().to_owned();
    let shown = send(Method::GET, Value::Null, None).await;
    assert_eq!(shown.headers()["etag"], tag.as_str());
    assert_eq!(shown.json::<Value>().await.unwrap()["files"], files);
    let other = send(Method::PUT, json!({ "files": { "suite.yaml": "" } }), Some("\"0\"")).await;
    assert_eq!(problem(other).await, (412, "DB6006".to_owned()));
    for bad in [json!({ "../a.yaml": "" }), json!({ "a.sh": "" })] {
        assert_eq!(problem(send(Method::PUT, json!({ "files": bad }), None).await).await.0, 422);
    }
    let sources = office.get("/api/v1/suites/points/sources").await;
    assert_eq!(sources["files"]["report.yaml"], WORKFLOW);
    assert_eq!(send(Method::DELETE, Value::Null, Some(&tag)).await.status(), 204);
    assert_eq!(problem(send(Method::DELETE, Value::Null, None).await).await.0, 404);
}

#[tokio::test]
async fn workflow_tests_run_in_virtual_time() {
    let office = Office::new().await;
    let test = "fn test_good() { assert(true, \"\"); }\nfn test_bad() { throw \"nein\"; }\n";
    let mut files = Office::sources(WORKFLOW);
    files.insert("tests/report.rhai".to_owned(), test.to_owned());
    let run = async |body: Value| {
        let path = "/api/v1/suites/points/test";
        office.call(Scope::Admin, Method::POST, path).json(&body).send().await.unwrap()
    };
    let results: Value = run(json!({ "files": files })).await.json().await.unwrap();
    assert_eq!((&results["passed"], &results["failed"]), (&json!(1), &json!(1)), "{results}");
    let failure = results["tests"][1]["failure"].as_str().unwrap();
    assert!(failure.starts_with("tests/report.rhai:2:"), "{failure}");
    let published: Value = run(json!({})).await.json().await.unwrap();
    assert_eq!(published["tests"], json!([]), "what is published has none");
}
