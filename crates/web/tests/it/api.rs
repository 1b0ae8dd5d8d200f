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
    let sign = json!({ "kind": "sign", "item": "write" });
    assert_eq!(office.act(&case, "li", sign).await.status(), 200);
    let submit = json!({ "kind": "submit", "item": "write", "form": {} });
    assert_eq!(office.act(&case, "li", submit).await.status(), 200);
    let accepted = office.act(&case, "zhang", json!({ "kind": "accept", "item": "write" })).await;
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
    let sign = json!({ "kind": "sign", "item": "write" });
    let cases = [
        ("wang", sign.clone(), 403, "DB2008"),
        ("li", json!({ "kind": "sign", "item": "nothing" }), 404, "DB2003"),
        ("zhang", json!({ "kind": "accept", "item": "write" }), 409, "DB2005"),
        (
            "li",
            json!({ "kind": "report", "item": "write", "text": "一", "percent": 101 }),
            400,
            "DB6001",
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
async fn a_key_opens_what_it_opened_first() {
    let office = Office::new().await;
    let send = async |path: &str, body: &Value, key: &str| {
        let request = office.call(Scope::Admin, Method::POST, path).json(body);
        request.header("Idempotency-Key", key).send().await.unwrap()
    };
    let case = |unit: &str| json!({ "suite": "points", "workflow": "report", "unit": unit });
    let first: Value = send("/api/v1/cases", &case("D"), "k").await.json().await.unwrap();
    let again: Value = send("/api/v1/cases", &case("D"), "k").await.json().await.unwrap();
    assert_eq!(first, again);
    let other = send("/api/v1/cases", &case("E"), "k").await;
    assert_eq!(problem(other).await, (422, "DB4002".to_owned()));
    assert_eq!(
        office.get("/api/v1/cases?workflow=report").await["rows"].as_array().unwrap().len(),
        1
    );

    let (all, path) = ("points", |suite: &str| format!("/api/v1/suites/{suite}/open"));
    let body = |date: &str| json!({ "date": date, "workflow": "plan" });
    assert_eq!(send(&path(all), &body("2022-01-01"), "s").await.status(), 200);
    let again: Value = send(&path(all), &body("2022-01-01"), "s").await.json().await.unwrap();
    assert_eq!((&again["opened"], again["existing"].as_array().unwrap().len()), (&json!([]), 2));
    for (suite, body) in [
        (all, body("2022-02-01")),
        (all, json!({ "date": "2022-01-01" })),
        (all, json!({ "date": "2022-01-01", "workflow": "report" })),
        ("others", body("2022-01-01")),
    ] {
        let other = send(&path(suite), &body, "s").await;
        assert_eq!(problem(other).await, (422, "DB4002".to_owned()), "{suite} {body}");
    }
    assert_eq!(problem(send("/api/v1/cases", &case("E"), "s").await).await.1, "DB4002");
    // What came to nothing leaves its key free.
    assert_eq!(problem(send(&path("others"), &body("2022-01-01"), "n").await).await.0, 404);
    assert_eq!(send("/api/v1/cases", &case("E"), "n").await.status(), 201);
}

#[tokio::test]
async fn a_move_on_an_old_view_is_refused() {
    let office = Office::new().await;
    let case = office.open().await;
    let path = format!("/api/v1/cases/{case}");
    let shown = office.call(Scope::Read, Method::GET, &path).send().await.unwrap();
    let tag = shown.headers()["etag"].clone();
    let sign = |tag| {
        let body = json!({ "person": "li", "act": { "kind": "sign", "item": "write" } });
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

const BAD: &str =
    "id: visit\ntitle: 走访\nlead: org(\"市委办\")\ntasks:\n  visit: { titel: 走访 }\n";

#[tokio::test]
async fn sources_are_checked_simulated_and_published() {
    let office = Office::new().await;
    let head = "title: 新文件\ntarget_year: 2022\ncalendar: cn\n";
    let good =
        BAD.replace("titel: 走访", "title: 走访, owner: unit.post(\"主任\"), due: 2022-03-31");
    let files = |text: &str| json!({ "suite.yaml": head, "visit.yaml": text });
    let send = async |method: Method, path: &str, body: Value| {
        let request = office.call(Scope::Admin, method, path).json(&body);
        request.send().await.unwrap()
    };
    let check = "/api/v1/suites/new/check";
    let checked = send(Method::POST, check, json!({ "files": files(BAD) })).await;
    let checked: Value = checked.json().await.unwrap();
    assert_eq!(checked["publishable"], false);
    assert_eq!(checked["problems"][0]["place"]["file"], "visit.yaml");
    let refused = send(Method::PUT, "/api/v1/suites/new", json!({ "files": files(BAD) })).await;
    assert_eq!(problem(refused).await, (422, "DB6009".to_owned()));

    let body =
        json!({ "files": files(&good), "from": "2022-01-01", "to": "2022-12-31", "seed": 1 });
    let report = send(Method::POST, "/api/v1/suites/new/simulate", body).await;
    let report: Value = report.json().await.unwrap();
    assert_eq!(report["cases"], 1, "{report}");
    let body = json!({ "files": files(&good), "from": "2022-01-01", "to": "2032-12-31" });
    let long = send(Method::POST, "/api/v1/suites/new/simulate", body).await;
    assert_eq!(problem(long).await.0, 422);

    let published = send(Method::PUT, "/api/v1/suites/new", json!({ "files": files(&good) })).await;
    assert_eq!(published.status(), 200);
    let listed = office.get("/api/v1/suites").await;
    assert!(listed.as_array().unwrap().iter().any(|one| one["workflow"] == "visit"), "{listed}");
}

#[tokio::test]
async fn the_directory_is_replaced_as_a_whole_or_not_at_all() {
    let office = Office::new().await;
    let mut data = office.get("/api/v1/directory").await;
    data["people"].as_array_mut().unwrap().push(json!({ "id": "zhao", "name": "赵六" }));
    let put = async |data: &Value| {
        let request = office.call(Scope::Admin, Method::PUT, "/api/v1/directory").json(data);
        request.send().await.unwrap()
    };
    assert_eq!(put(&data).await.status(), 204);
    assert_eq!(office.get("/api/v1/directory").await, data);
    let mut broken = data.clone();
    broken["posts"][0]["holders"] = json!(["nobody"]);
    assert_eq!(problem(put(&broken).await).await, (422, "DB6009".to_owned()));
    for (at, field) in
        [("", "unit"), ("/units/1", "superiour"), ("/posts/0", "holder"), ("/people/0", "email")]
    {
        let mut misspelt = data.clone();
        misspelt.pointer_mut(at).unwrap()[field] = json!(null);
        let answer = put(&misspelt).await;
        assert_eq!(answer.status(), 422, "{at}");
        let told: Value = answer.json().await.unwrap();
        let detail = told["detail"].as_str().unwrap();
        let place = if at.is_empty() { "/" } else { at };
        assert!(detail.contains(&format!("`{place}` has a field `{field}`")), "{detail}");
        assert!(detail.contains("known are `"), "{detail}");
    }
    let mut deep = data.clone();
    for at in 0..100 {
        let above = if at == 0 { "C".to_owned() } else { format!("deep{}", at - 1) };
        let unit =
            json!({ "id": format!("deep{at}"), "name": "层", "level": "city", "superior": above });
        deep["units"].as_array_mut().unwrap().push(unit);
    }
    let told: Value = put(&deep).await.json().await.unwrap();
    assert!(told["detail"].as_str().unwrap().contains("unit_depth_max"), "{told}");
    assert_eq!(office.get("/api/v1/directory").await, data);
    // A level that no suite has is warned of, as a table with it is.
    data["units"][1]["level"] = json!("distrikt");
    let warned = put(&data).await;
    assert_eq!(warned.status(), 200);
    assert!(warned.headers().contains_key("etag"));
    let told: Value = warned.json().await.unwrap();
    let warning = told["warnings"][0].to_string();
    for word in ["DB1304", "distrikt", "/units/1/level", "district"] {
        assert!(warning.contains(word), "{word}: {told}");
    }
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(office.get("/api/v1/directory").await, data);
}

#[tokio::test]
async fn evidence_comes_back_as_it_was_and_logs_are_whole() {
    let office = Office::new().await;
    let case = office.open().await;
    let file = office.give(&case, "li", "a.txt", "一二三").await;
    let path = format!("/api/v1/evidence/{file}");
    let fetched = office.call(Scope::Read, Method::GET, &path).send().await.unwrap();
    assert_eq!(fetched.headers()["content-disposition"], "attachment");
    assert_eq!(fetched.text().await.unwrap(), "一二三");
    let large = vec![b'x'; (20 << 20) + 1];
    let refused = office.upload(case.as_str(), "li", "a.txt", large).await;
    assert_eq!(problem(refused).await, (413, "DB6008".to_owned()));

    let audit = office.get(&format!("/api/v1/cases/{case}/audit")).await;
    assert_eq!((&audit["whole"], audit["events"].as_u64() > Some(0)), (&json!(true), true));
}
