//! Absences: who says when they are absent and who stands in, and what that lets them do.

use duban_web::Scope;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{Office, problem};

async fn send(office: &Office, cookie: &str, form: &[(&str, &str)]) -> Response {
    let request = office.bare(Method::POST, "/absences").header("cookie", cookie);
    request.form(form).send().await.unwrap()
}

#[tokio::test]
async fn a_person_says_who_stands_in_and_ends_it_early() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("wang", "wang"), ("root", "admin:system")]).await;
    let (li, wang) = (office.sign_in("li").await, office.sign_in("wang").await);
    let case = office.open().await;
    let version = office.engine.directory().version().to_owned();
    // The page takes a name; who is absent is whoever asks, whatever the form says.
    let form = [
        ("what", "set"),
        ("absent", "zhang"),
        ("by", "王五"),
        ("from", "2022-05-30"),
        ("until", "2022-06-10"),
    ];
    assert_eq!(send(&office, &li, &form).await.status(), 303);
    assert_ne!(office.engine.directory().version(), version);
    let (_, page) = office.look(&li, "/absences").await;
    assert!(
        page.contains("<td>李四</td><td>王五</td>") && page.contains("value=\"end\""),
        "{page}"
    );
    let (_, page) = office.look(&wang, "/absences").await;
    assert!(page.contains("<td>李四</td>") && !page.contains("value=\"end\""), "{page}");

    let path = format!("/api/v1/cases/{case}/moves");
    let sign = |on_behalf_of: Value| {
        let act = json!({ "kind": "sign", "item": "write" });
        let body = json!({ "person": "wang", "on_behalf_of": on_behalf_of, "act": act });
        office.call(Scope::Act, Method::POST, &path).json(&body).send()
    };
    assert_eq!(sign(Value::Null).await.unwrap().status(), 403);
    assert_eq!(sign(json!("li")).await.unwrap().status(), 200);
    let events = office.get(&format!("/api/v1/cases/{case}/events")).await.to_string();
    assert!(events.contains("on_behalf_of"), "{events}");

    let end = [("what", "end"), ("by", "wang"), ("from", "2022-05-30")];
    assert_eq!(send(&office, &wang, &end).await.status(), 404, "not theirs");
    assert_eq!(send(&office, &li, &end).await.status(), 303);
    assert_eq!(send(&office, &li, &end).await.status(), 404, "it is over");
    let report = json!({ "person": "wang", "on_behalf_of": "li",
        "act": { "kind": "report", "item": "write", "text": "一" } });
    let request = office.call(Scope::Act, Method::POST, &path).json(&report);
    assert_eq!(problem(request.send().await.unwrap()).await, (403, "DB2010".to_owned()));
    let kept = office.get("/api/v1/stand-ins?person=wang").await;
    let kept = &kept["rows"][0];
    assert_eq!(
        (&kept["until"], &kept["set_by"], &kept["ended_by"]),
        (&json!("2022-05-31"), &json!("li"), &json!("li"))
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("root", "admin:system")]).await;
    let (li, root) = (office.sign_in("li").await, office.sign_in("root").await);
    let set = async |cookie: &str, absent: &str, by: &str, from: &str, until: &str| {
        let form =
            [("what", "set"), ("absent", absent), ("by", by), ("from", from), ("until", until)];
        let response = send(&office, cookie, &form).await;
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let cases = [
        ("li", "2022-06-02", "2022-06-03", "不能由本人代理本人"),
        ("没有", "2022-06-02", "2022-06-03", "通讯录里没有"),
        ("wang", "2022-06-03", "2022-06-02", "结束日期在开始日期之前"),
        ("wang", "2022-05-01", "2022-05-31", "已经过去"),
        ("wang", "2022-06-02", "2024-06-02", "absence_days_max"),
    ];
    for (by, from, until, told) in cases {
        let (status, page) = set(&li, "", by, from, until).await;
        assert!(status == 422 && page.contains(told), "{by} {from}: {status} {page}");
    }
    assert_eq!(set(&root, "wang", "li", "2022-06-01", "2022-06-05").await.0, 303);
    let (status, page) = set(&li, "", "wang", "2022-06-05", "2022-06-09").await;
    assert!(status == 422 && page.contains("绕成了圈"), "{page}");
    assert_eq!(set(&li, "", "wang", "2022-06-06", "2022-06-09").await.0, 303);
    let (_, page) = office.look(&root, "/absences").await;
    assert_eq!(page.matches("value=\"end\"").count(), 3, "{page}");
}

#[tokio::test]
async fn programs_set_list_and_end_absences() {
    let office = Office::new().await;
    let put = async |body: Value| {
        let request = office.call(Scope::Act, Method::PUT, "/api/v1/stand-ins").json(&body);
        request.send().await.unwrap()
    };
    let body = |absent: &str, from: &str| json!({ "absent": absent, "by": "wang", "from": from, "until": "2022-07-01" });
    for absent in ["li", "li", "zhang"] {
        assert_eq!(put(body(absent, "2022-06-20")).await.status(), 204);
    }
    let first = office.get("/api/v1/stand-ins?person=wang&limit=1").await;
    assert_eq!(first["rows"][0]["absent"], "li");
    let after = first["next"].as_str().unwrap();
    let second = office.get(&format!("/api/v1/stand-ins?person=wang&limit=1&after={after}")).await;
    assert_eq!((&second["rows"][0]["absent"], &second["next"]), (&json!("zhang"), &Value::Null));
    let none = office.get("/api/v1/stand-ins?person=wang&on=2022-06-19").await;
    assert_eq!(none["rows"], json!([]));
    assert_eq!(problem(put(body("nobody", "2022-06-20")).await).await, (422, "DB6009".to_owned()));
    let end = async |from: &str| {
        let path = format!("/api/v1/stand-ins?absent=li&by=wang&from={from}");
        office.call(Scope::Act, Method::DELETE, &path).send().await.unwrap()
    };
    assert_eq!(problem(end("2022-06-21").await).await, (404, "DB6004".to_owned()));
    assert_eq!(end("2022-06-20").await.status(), 204);
    // It had not begun: nothing is left of it.
    let left = office.get("/api/v1/stand-ins?person=wang").await;
    assert_eq!((&left["rows"][0]["absent"], &left["rows"][1]), (&json!("zhang"), &Value::Null));
}
