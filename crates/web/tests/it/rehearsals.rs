//! Tests and simulations that come to no end of their own: each door says which bound ended them.

use duban::Sources;
use duban_web::Scope;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW};

/// Each case opens another as soon as its task is ready.
fn without_end() -> Sources {
    let hooks = "reviewer: unit.superior, hooks: { ready: 又开 }, due";
    let mut files = Office::sources(&WORKFLOW.replace("reviewer: unit.superior, due", hooks));
    let script = "fn 又开(task) { open_case(\"report\", task.unit, #{}); }";
    files.insert("hooks.rhai".to_owned(), script.to_owned());
    let test = "fn test_one() { assert_status(item(open(\"report\", \"历下区\", 2022), \"write\"), \"ready\"); }";
    files.insert("tests/report.rhai".to_owned(), test.to_owned());
    files
}

async fn post(office: &Office, what: &str, body: Value) -> Response {
    let path = format!("/api/v1/suites/points/{what}");
    office.call(Scope::Admin, Method::POST, &path).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn what_opens_itself_ends_at_a_bound_at_every_door() {
    let office = Office::new().await;
    let files = without_end();
    let checked: Value =
        post(&office, "check", json!({ "files": files })).await.json().await.unwrap();
    let codes: Vec<&str> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|problem| problem["code"].as_str())
        .collect();
    assert!(codes.contains(&"DB1530"), "{checked}");
    assert_eq!(checked["publishable"], true);

    let year = json!({ "files": files, "from": "2022-01-01", "to": "2022-12-31" });
    let answer = post(&office, "simulate", year).await;
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "DB3001");
    assert_eq!(problem["detail"], "limit `opened_depth_max` (8) reached");

    let tested: Value =
        post(&office, "test", json!({ "files": files })).await.json().await.unwrap();
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(0), &json!(1)), "{tested}");
    let failure = tested["tests"][0]["failure"].as_str().unwrap();
    assert!(failure.contains("DB3001 达到上限 opened_depth_max（8）"), "{failure}");

    office.accounts(&[("root", "admin:system")]).await;
    let root = office.sign_in("root").await;
    let draft = office.call(Scope::Admin, Method::PUT, "/api/v1/suites/points/draft");
    assert_eq!(draft.json(&json!({ "files": files })).send().await.unwrap().status(), 204);
    let (_, page) = office.look(&root, "/suites/points/draft").await;
    assert!(page.contains("DB1530"), "the page of the draft warns");
    let form = [("workflow", "report"), ("from", "2022-01-01"), ("to", "2022-12-31")];
    let request = office.bare(Method::POST, "/suites/points/simulate").header("cookie", &root);
    let answer = request.form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("达到上限 opened_depth_max（8）"), "{page}");
}

#[tokio::test]
async fn scripts_that_fail_are_counted_in_a_simulation() {
    let office = Office::new().await;
    let hooks = "reviewer: unit.superior, hooks: { ready: 坏 }, due";
    let mut files = Office::sources(&WORKFLOW.replace("reviewer: unit.superior, due", hooks));
    files.insert("hooks.rhai".to_owned(), "fn 坏(task) { throw \"不行\"; }".to_owned());
    let year = json!({ "files": files, "from": "2022-01-01", "to": "2022-12-31" });
    let report: Value = post(&office, "simulate", year).await.json().await.unwrap();
    let failures = report["script_failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!((&failures[0]["function"], &failures[0]["count"]), (&json!("坏"), &json!(2)));
}
