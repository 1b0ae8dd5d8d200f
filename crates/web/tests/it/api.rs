//! What the routes do.

use duban::CaseId;
use duban_web::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Office, problem};

#[tokio::test]
async fn a_case_is_opened_signed_for_submitted_and_accepted() {
    let office = Office::new().await;
    let body = json!({ "suite": "points", "workflow": "report", "unit": "D" });
    let open = || {
        let request = office.call(Scope::Admin, Method::POST, "/api/v1/cases").json(&body);
        request.header("Idempotency-Key", "one").send()
    };
    let opened = open().await.unwrap();
    assert_eq!(opened.status(), 201);
    let place = opened.headers()["location"].to_str().unwrap().to_owned();
    let first: Value = opened.json().await.unwrap();
    let again: Value = open().await.unwrap().json().await.unwrap();
    assert_eq!(first, again, "the same key, the same answer");

    let shown = office.get(&place).await;
    assert_eq!((&shown["title"], &shown["status"]), (&json!("报送半年总结"), &json!("open")));
    let case = CaseId::new(shown["id"].as_str().unwrap());
    let sign = json!({ "sign": { "item": "write" } });
    assert_eq!(office.act(&case, "li", sign).await.status(), 200);
    let submit = json!({ "submit": { "item": "write", "form": {} } });
    assert_eq!(office.act(&case, "li", submit).await.status(), 200);
    let accepted = office.act(&case, "zhang", json!({ "accept": { "item": "write" } })).await;
    assert_eq!(accepted.status(), 200);
    let tag = accepted.headers()["etag"].to_str().unwrap().to_owned();
    let outcome: Value = accepted.json().await.unwrap();
    assert_eq!(tag, format!("\"{}\"", outcome["version"]));
    assert_eq!(office.get(&place).await["status"], "closed");

    let events = office.get(&format!("{place}/events?limit=500")).await;
    let events = events.as_array().unwrap().clone();
    assert_eq!(json!(events.len()), outcome["version"]);
    assert_eq!(events[0]["seq"], 1);
    assert!(events[0]["record"]["event"]["fact"]["case_opened"].is_object());
    let rest = office.get(&format!("{place}/events?after={}", events.len() - 1)).await;
    assert_eq!(rest.as_array().unwrap()[..], events[events.len() - 1..]);
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let office = Office::new().await;
    let case = office.open().await;
    let sign = json!({ "sign": { "item": "write" } });
    let cases = [
        ("wang", sign.clone(), 403, "DB2008"),
        ("li", json!({ "sign": { "item": "nothing" } }), 404, "DB2003"),
        ("zhang", json!({ "accept": { "item": "write" } }), 409, "DB2005"),
        (
            "li",
            json!({ "report": { "item": "write", "text": "一", "percent": 101 } }),
            422,
            "DB2021",
        ),
        ("li", json!({ "fly": {} }), 400, "DB6001"),
        ("li", json!("wake"), 400, "DB6001"),
        ("li", json!({ "mark_faulted": { "error": "x" } }), 400, "DB6001"),
        ("li", json!(null), 400, "DB6001"),
    ];
    for (person, act, status, code) in cases {
        let refused = problem(office.act(&case, person, act.clone()).await).await;
        assert_eq!(refused, (status, code.to_owned()), "{act}");
    }
    let missing = office.act(&CaseId::new("nothing"), "li", sign).await;
    assert_eq!(problem(missing).await, (404, "DB2001".to_owned()));

    let post = |path: &str| office.call(Scope::Admin, Method::POST, path);
    let opening = |body: Value| post("/api/v1/cases").json(&body).send();
    let good = json!({ "suite": "points", "workflow": "report", "unit": "D" });
    assert_eq!(problem(opening(good.clone()).await.unwrap()).await, (409, "DB2002".to_owned()));
    let mut other = good.clone();
    other["workflow"] = json!("nothing");
    assert_eq!(problem(opening(other).await.unwrap()).await, (404, "DB4003".to_owned()));
    let mut other = good.clone();
    other["period"] = json!("neulich");
    assert_eq!(problem(opening(other).await.unwrap()).await, (400, "DB6001".to_owned()));
    let mut other = good.clone();
    other["colour"] = json!("red");
    assert_eq!(problem(opening(other).await.unwrap()).await, (400, "DB6001".to_owned()));
    let text = post("/api/v1/cases").body("{").send().await.unwrap();
    assert_eq!(problem(text).await, (400, "DB6001".to_owned()));
    let long = "k".repeat(201);
    let keyed = post("/api/v1/cases").json(&good).header("Idempotency-Key", long).send();
    assert_eq!(problem(keyed.await.unwrap()).await, (400, "DB6001".to_owned()));
    let retry = post("/api/v1/deliveries/nothing/1/retry").send().await.unwrap();
    assert_eq!(problem(retry).await, (404, "DB6007".to_owned()));
}

#[tokio::test]
async fn a_move_on_an_old_view_is_refused() {
    let office = Office::new().await;
    let case = office.open().await;
    let path = format!("/api/v1/cases/{case}");
    let shown = office.call(Scope::Read, Method::GET, &path).send().await.unwrap();
    let tag = shown.headers()["etag"].clone();
    let sign = |tag| {
        let body = json!({ "person": "li", "act": { "sign": { "item": "write" } } });
        let request = office.call(Scope::Act, Method::POST, &format!("{path}/moves")).json(&body);
        request.header("If-Match", tag).send()
    };
    assert_eq!(sign(tag.clone()).await.unwrap().status(), 200);
    assert_eq!(problem(sign(tag).await.unwrap()).await, (412, "DB6006".to_owned()));
}

#[tokio::test]
async fn listings_come_in_pages_that_link_on() {
    let office = Office::new().await;
    let on = "2022-01-01".parse().unwrap();
    let operator = duban::Actor::operator("OA");
    office.engine.open_suite(&"points".into(), on, operator).await.unwrap();
    for path in ["/api/v1/cases?suite=points", "/api/v1/tasks?status=ready", "/api/v1/feed?"] {
        let (mut next, mut seen) = (format!("{path}&limit=1"), Vec::new());
        loop {
            let request = office.call(Scope::Read, Method::GET, &next);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200, "{next}");
            let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["next"].is_string(), link.is_some(), "{next}: {body}");
            seen.extend(body["rows"].as_array().unwrap().clone());
            let Some(link) = link else { break };
            next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
        }
        let whole = office.get(&format!("{path}&limit=500")).await;
        assert_eq!(json!(seen), whole["rows"], "{path}");
        assert!(seen.len() >= 2, "{path}");
    }
    for bad in ["/api/v1/cases?after=x", "/api/v1/tasks?light=blue", "/api/v1/cases?colour=red"] {
        let refused = office.call(Scope::Read, Method::GET, bad).send().await.unwrap();
        assert_eq!(problem(refused).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn lights_follow_the_clock_and_deliveries_are_listed() {
    let office = Office::new().await;
    office.open().await;
    assert_eq!(office.get("/api/v1/lights?suite=points").await[0]["green"], 1);
    office
        .clock
        .advance(&office.engine, "2022-07-02T09:00:00+08:00".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(office.get("/api/v1/lights").await[0]["red"], 1);
    let red = office.get("/api/v1/tasks?light=red&on=post:D/%E4%B9%A6%E8%AE%B0").await;
    assert_eq!(red["rows"][0]["due"], "2022-06-30T16:00:00Z");
    assert_eq!(red["rows"][0]["light"], "red");
    let sent = office.get("/api/v1/deliveries?state=delivered&kind=remind").await;
    assert_eq!(sent["rows"][0]["body"]["people"]["to"], json!(["post:D/书记"]));
    assert_eq!(office.get("/api/v1/scores").await, json!([]));
}
