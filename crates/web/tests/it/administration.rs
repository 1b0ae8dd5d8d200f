//! Migration, faulted cases, accounts and tokens, the audit trail, jobs.

use std::sync::Arc;

use duban::{
    Actor, CaseId, Engine, Item, OpenSpec, Options, SqliteStore, Status, Store, TestClock,
    load_suite,
};
use duban_core::{CaseRow, ItemRow};
use duban_web::{Scope, Settings, TokenError, Tokens};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW, problem};

/// Publishes a version of the workflow `report` with one more task.
async fn publish_newer(office: &Office) {
    let newer = format!("{WORKFLOW}  check: {{ title: 复核总结, owner: unit.post(\"书记\") }}\n");
    let sources = Office::sources(&newer);
    let suite = load_suite("points", &sources, &duban::library()).suite.unwrap();
    office.engine.publish(&suite).await.unwrap();
}

async fn job(office: &Office, scope: Scope, place: &str) -> Value {
    loop {
        let response = office.call(scope, Method::GET, place).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let job: Value = response.json().await.unwrap();
        if job["state"] != "running" {
            return job;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_case_is_tried_out_on_a_newer_version_and_then_migrated() {
    let office = Office::new().await;
    let case = office.open().await;
    publish_newer(&office).await;
    let versions = office.get("/api/v1/suites/points/versions").await;
    let of_report = |current: bool| {
        let versions = versions.as_array().unwrap().iter();
        versions.clone().find(|one| one["workflow"] == "report" && one["current"] == current)
    };
    assert_eq!(of_report(false).unwrap()["open_cases"], 1);
    assert_eq!(of_report(true).unwrap()["open_cases"], 0);

    let path = format!("/api/v1/cases/{case}/migrate");
    let send = async |path: &str, key: &str| {
        let request = office.call(Scope::Admin, Method::POST, path).header("idempotency-key", key);
        request.send().await.unwrap()
    };
    let plan: Value = send(&format!("{path}?dry_run=true"), "a").await.json().await.unwrap();
    assert_eq!(plan["to"], of_report(true).unwrap()["version"], "{plan}");
    let told = plan["changes"].to_string();
    assert!(told.contains("复核总结"), "{told}");
    let fates = plan["tasks"].as_array().unwrap();
    assert!(fates.iter().any(|task| task["fate"] == "new" && task["opened"] == json!(["check"])));
    assert_eq!(plan["differences"], json!([]), "{plan}");
    let wrong = send(&format!("{path}?dry_run=true&take=due,dues"), "a").await;
    assert_eq!(problem(wrong).await.0, 400);
    let tasks = format!("/api/v1/cases/{case}/tasks");
    assert_eq!(office.get(&tasks).await["rows"].as_array().unwrap().len(), 1);

    let first = send(&path, "b").await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    assert_eq!(tag, format!("\"{}\"", first["version"]));
    let again: Value = send(&path, "b").await.json().await.unwrap();
    assert_eq!(first, again, "the same key, the same answer");
    assert_eq!(office.get(&tasks).await["rows"].as_array().unwrap().len(), 2);
    let nothing: Value = send(&path, "c").await.json().await.unwrap();
    assert_eq!(nothing["events"], json!([]));
    let missing = send("/api/v1/cases/nothing/migrate", "d").await;
    assert_eq!(problem(missing).await, (404, "DB2001".to_owned()));
}

#[tokio::test]
async fn all_cases_of_a_workflow_are_migrated_in_the_background() {
    let office = Office::new().await;
    let body = json!({ "date": "2022-01-01", "workflow": "report" });
    let open = async || {
        let request = office.call(Scope::Admin, Method::POST, "/api/v1/suites/points/open");
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let opened = open().await;
    assert_eq!(opened["opened"].as_array().unwrap().len(), 2, "{opened}");
    let again = open().await;
    assert_eq!((&again["opened"], again["existing"].as_array().unwrap().len()), (&json!([]), 2));
    publish_newer(&office).await;

    let path = "/api/v1/suites/points/workflows/report/migrate";
    let send =
        async |path: &str| office.call(Scope::Admin, Method::POST, path).send().await.unwrap();
    let plans: Value = send(&format!("{path}?dry_run=true")).await.json().await.unwrap();
    assert_eq!((&plans["outdated"], &plans["tried"]), (&json!(2), &json!(2)), "{plans}");
    let begun = send(path).await;
    assert_eq!(begun.status(), 202);
    let place = begun.headers()["location"].to_str().unwrap().to_owned();
    let job = job(&office, Scope::Admin, &place).await;
    assert_eq!((&job["cases"], &job["failed"]), (&json!(2), &json!(0)), "{job}");
    let plans: Value = send(&format!("{path}?dry_run=true")).await.json().await.unwrap();
    assert_eq!(plans["outdated"], 0);
    let other = office.call(Scope::Audit, Method::GET, &place).send().await.unwrap();
    assert_eq!(problem(other).await.0, 404, "a job of others is not told of");
    let missing = send("/api/v1/suites/points/workflows/nothing/migrate").await;
    assert_eq!(problem(missing).await, (404, "DB4003".to_owned()));
}

#[tokio::test]
async fn an_author_migrates_on_a_page_after_seeing_what_would_change() {
    let office = Office::new().await;
    office.open().await;
    publish_newer(&office).await;
    office.accounts(&[("system", "admin:system"), ("li", "li")]).await;
    let (system, li) = (office.sign_in("system").await, office.sign_in("li").await);
    let path = "/suites/points/migrate/report";
    let (_, suite) = office.look(&system, "/suites/points").await;
    assert!(suite.contains(path), "{suite}");
    assert_eq!(office.look(&li, path).await.0, 403);
    let (status, page) = office.look(&system, path).await;
    assert_eq!(status, 200);
    assert!(page.contains("复核总结") && page.contains("新增"), "{page}");
    let (_, ticked) = office.look(&system, &format!("{path}?take=due&take=ladder")).await;
    assert_eq!(ticked.matches("type=\"hidden\" name=\"take\"").count(), 2, "{ticked}");
    assert_eq!(office.look(&system, &format!("{path}?take=dues")).await.0, 422);
    let send = async |version: &str| {
        let request = office.bare(Method::POST, path).header("cookie", &system);
        request.form(&[("version", version)]).send().await.unwrap().status()
    };
    assert_eq!(send("another").await, 422, "what was tried out was another version");
    let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
    assert_eq!(send(rest.split_once('"').unwrap().0).await, 303);
    loop {
        let (_, page) = office.look(&system, path).await;
        if page.contains("迁移结束") {
            assert!(page.contains("都已使用现行版本"), "{page}");
            break;
        }
    }
    assert!(!office.look(&system, "/suites/points").await.1.contains(path));
}

/// An office whose store holds a case with a wrong row: a moment that leaves no event, which the
/// engine takes for its own fault when it wakes the case.
async fn office_with_a_fault() -> (tempfile::TempDir, Office, CaseId) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("office.db");
    let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse().unwrap());
    let options = Options { clock: Arc::new(clock), ..Options::default() };
    let first = Engine::start(SqliteStore::open(&path).unwrap(), options).await.unwrap();
    let text =
        format!("{WORKFLOW}  check: {{ title: 复核, owner: unit.superior, needs: [write] }}\n");
    let suite = load_suite("points", &Office::sources(&text), &duban::library()).suite.unwrap();
    first.publish(&suite).await.unwrap();
    let spec = OpenSpec::new("points", "report", "D");
    let case = first.open(spec, Actor::operator("OA"), None).await.unwrap().case;
    first.settled().await.unwrap();
    let opened = first.case(&case).await.unwrap();
    let definition = first.definition(&opened.head().definition).await.unwrap();
    first.shutdown().await.unwrap();
    let early = "2022-05-01T00:00:00+08:00".parse().unwrap();
    let items = opened.items().map(|item| {
        let mut item = Item::clone(item);
        if item.status == Status::Waiting {
            item.held_until = Some(early);
            // Of a task that there is not, its moment comes to nothing.
            item.task = "gone".into();
        }
        ItemRow::of(&case, &item, &definition)
    });
    let row = CaseRow { next_wakeup: Some(early.millis()), ..CaseRow::of(&opened) };
    let store = SqliteStore::open(&path).unwrap();
    store.replace_rows(row, items.collect()).await.unwrap();
    let channels: Vec<Arc<dyn duban::Channel>> = vec![Arc::new(duban::LogChannel)];
    (folder, Office::on(store, channels, |settings| settings).await, case)
}

#[tokio::test]
async fn a_faulted_case_is_found_and_repaired_and_rows_are_made_again() {
    let (_folder, office, case) = office_with_a_fault().await;
    let mut faulted = json!({});
    for _ in 0..10_000 {
        faulted = office.get("/api/v1/cases?faulted=true").await;
        if faulted["rows"][0].is_object() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let fault = faulted["rows"][0]["fault"].as_str().unwrap_or_default();
    assert!(fault.contains("every moment leaves an event"), "{faulted}");
    let path = format!("/api/v1/cases/{case}/rebuild");
    assert_eq!(office.call(Scope::Admin, Method::POST, &path).send().await.unwrap().status(), 200);
    let repair = async |reason: &str| {
        let path = format!("/api/v1/cases/{case}/repair");
        let request = office.call(Scope::Admin, Method::POST, &path);
        request.json(&json!({ "reason": reason })).send().await.unwrap()
    };
    assert_eq!(problem(repair("").await).await.0, 422);
    assert_eq!(repair("换了版本").await.status(), 200);
    assert_eq!(problem(repair("再来").await).await.0, 409);
    assert_eq!(office.get("/api/v1/cases?faulted=true").await["rows"], json!([]));

    let shown = office.get(&format!("/api/v1/cases/{case}")).await;
    let path = format!("/api/v1/cases/{case}/rebuild");
    let rebuilt = office.call(Scope::Admin, Method::POST, &path).send().await.unwrap();
    let rebuilt: Value = rebuilt.json().await.unwrap();
    assert_eq!(rebuilt["events"], shown["version"]);
    assert_eq!(office.get(&format!("/api/v1/cases/{case}")).await, shown);
    assert!(office.get("/api/v1/stats").await["commits"].as_u64() >= Some(1));
}

#[tokio::test]
async fn accounts_and_tokens_are_made_and_taken_away_by_security_alone() {
    let office = Office::new().await;
    let send = async |method: Method, path: &str, body: Value| {
        let request = office.call(Scope::Security, method, &format!("/api/v1{path}"));
        request.json(&body).send().await.unwrap()
    };
    let person =
        |login: &str, person: &str| json!({ "login": login, "holder": { "person": person } });
    let made = send(Method::POST, "/accounts", person("li", "li")).await;
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    let link = made["link"].as_str().unwrap();
    assert_eq!(office.bare(Method::GET, link).send().await.unwrap().status(), 200);
    for (body, expected) in [
        (person("li", "li"), (409, "DB6032")),
        (person("x", "li"), (422, "DB6009")),
        (person("nobody", "nobody"), (422, "DB6009")),
    ] {
        let refused = problem(send(Method::POST, "/accounts", body.clone()).await).await;
        assert_eq!(refused, (expected.0, expected.1.to_owned()), "{body}");
    }
    let again = send(Method::POST, "/accounts/li/link", json!({})).await;
    assert_ne!(again.json::<Value>().await.unwrap()["link"], link);
    let listed = office.call(Scope::Security, Method::GET, "/api/v1/accounts").send().await;
    let listed: Value = listed.unwrap().json().await.unwrap();
    assert_eq!(listed[0]["holder"], json!({ "person": "li" }));
    assert_eq!(listed[0]["ready"], false);
    assert!(!listed.to_string().contains("hash"), "{listed}");
    assert_eq!(send(Method::DELETE, "/accounts/li", json!({})).await.status(), 204);
    assert_eq!(problem(send(Method::DELETE, "/accounts/li", json!({})).await).await.0, 404);

    let made = send(Method::POST, "/tokens", json!({ "name": "oa", "scope": "read" })).await;
    let made: Value = made.json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    let cases = async || {
        let request = office.bare(Method::GET, "/api/v1/cases").bearer_auth(token);
        request.send().await.unwrap().status()
    };
    assert_eq!(cases().await, 200);
    assert_eq!(send(Method::DELETE, "/tokens/oa", json!({})).await.status(), 204);
    assert_eq!(cases().await, 401, "at once");
    assert_eq!(problem(send(Method::DELETE, "/tokens/oa", json!({})).await).await.0, 404);
}

#[tokio::test]
async fn the_trail_says_who_did_what_when() {
    let office = Office::new().await;
    let (case, other) = (office.open().await, office.open_of("plan").await);
    let sign = |item: &str| json!({ "kind": "sign", "item": item });
    assert_eq!(office.act(&case, "li", sign("write")).await.status(), 200);
    office
        .clock
        .advance(&office.engine, "2022-06-02T09:00:00+08:00".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(office.act(&other, "li", sign("draft")).await.status(), 200);
    let trail = async |query: &str| {
        let path = format!("/api/v1/audit/events?{query}");
        let response = office.call(Scope::Audit, Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}");
        response.json::<Value>().await.unwrap()
    };
    let cases = |found: &Value| -> Vec<CaseId> {
        let rows = found["rows"].as_array().unwrap().iter();
        rows.map(|row| CaseId::new(row["case"].as_str().unwrap())).collect()
    };
    let by_li = trail("person=li").await;
    assert_eq!(cases(&by_li), [case.clone(), other.clone()], "{by_li}");
    assert_eq!(by_li["rows"][0]["kind"], "signed");
    assert!(by_li["rows"][0]["text"].as_str().unwrap().contains("李四"), "{by_li}");
    assert_eq!(cases(&trail("person=li&day=2022-06-02").await), std::slice::from_ref(&other));
    assert_eq!(cases(&trail("person=li&day=2022-06-01").await), std::slice::from_ref(&case));
    assert_eq!(trail("person=li&day=2022-05-31").await["rows"], json!([]));
    assert_eq!(cases(&trail(&format!("person=li&case={other}")).await), [other]);
    assert_eq!(trail("person=zhang").await["rows"], json!([]));

    for filter in [String::new(), format!("case={case}&")] {
        let whole = trail(&format!("{filter}limit=500")).await["rows"].clone();
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let part = trail(&format!("{filter}limit=2{after}")).await;
            seen.extend(part["rows"].as_array().unwrap().clone());
            let Some(next) = part["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(json!(seen), whole);
    }
}

#[tokio::test]
async fn every_log_is_checked_in_the_background() {
    let office = Office::new().await;
    office.open().await;
    office.open_of("plan").await;
    let path = "/api/v1/audit/verification";
    let begun = office.call(Scope::Audit, Method::POST, path).send().await.unwrap();
    assert_eq!(begun.status(), 202);
    let place = begun.headers()["location"].to_str().unwrap().to_owned();
    let job = job(&office, Scope::Audit, &place).await;
    assert_eq!((&job["cases"], &job["failed"]), (&json!(2), &json!(0)), "{job}");
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits() {
    let office = Office::with(|settings| Settings {
        token_requests_per_second_max: std::num::NonZeroU32::new(1),
        ..settings
    })
    .await;
    let call = async |scope| office.call(scope, Method::GET, "/api/v1/cases").send().await.unwrap();
    // Of two at once one is the first of its second, whatever the machine is doing.
    let mut refused = None;
    while refused.is_none() {
        let (one, two) = tokio::join!(call(Scope::Read), call(Scope::Read));
        refused = [one, two].into_iter().find(|response| response.status() == 429);
    }
    let refused = refused.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(problem(refused).await, (429, "DB6031".to_owned()));
    assert_eq!(call(Scope::Act).await.status(), 200, "each token by itself");
}

#[tokio::test]
async fn a_token_is_not_replaced_unasked() {
    let office = Office::new().await;
    let call = async || office.call(Scope::Read, Method::GET, "/api/v1/cases").send().await;
    assert_eq!(call().await.unwrap().status(), 200);
    let (store, name) = (office.engine.store(), "read");
    let again = Tokens::create(store, name, Scope::Read, 0).await;
    assert!(matches!(again, Err(TokenError::Taken(_))), "{again:?}");
    let body = json!({ "name": name, "scope": "admin" });
    let again = office.call(Scope::Security, Method::POST, "/api/v1/tokens").json(&body);
    assert_eq!(problem(again.send().await.unwrap()).await, (409, "DB6032".to_owned()));
    office.accounts(&[]).await;
    let security = office.sign_in("security").await;
    let form = [("what", "token"), ("name", name), ("scope", "read")];
    let again = office.bare(Method::POST, "/accounts").header("cookie", security).form(&form);
    let again = again.send().await.unwrap();
    assert_eq!(again.status(), 422);
    assert!(again.text().await.unwrap().contains("先撤销旧的"));
    assert_eq!(call().await.unwrap().status(), 200);

    assert!(Tokens::revoke(store, name).await.unwrap());
    Tokens::create(store, name, Scope::Read, 0).await.unwrap();
    assert_eq!(call().await.unwrap().status(), 401);
}
