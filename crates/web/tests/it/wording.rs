//! What comes in that cannot be, at every door: ids and names that a link, a file or a terminal
//! could not carry, words of filters that are none, periods of another kind, empty reports. And
//! what is said of it: shortly, in the words of who reads it.

use duban_store::Store as _;
use duban_web::Scope;
use reqwest::Method;
use reqwest::header::{COOKIE, ORIGIN};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW, problem};

/// Ids as a program writes them into an address.
const BAD: [&str; 8] =
    ["a%2Fb", "%00", "a%0Ab", "%3Cscript%3E", "a%20b", "a%5Cb", "%2E%2E%2Fx", "-a"];

#[tokio::test]
async fn suites_are_published_and_drafted_by_good_ids_alone() {
    let office = Office::new().await;
    let before = office.get("/api/v1/suites").await;
    let body = json!({ "files": Office::sources(WORKFLOW) });
    let long = "x".repeat(65);
    for id in BAD.iter().copied().chain([long.as_str()]) {
        for path in [format!("/api/v1/suites/{id}"), format!("/api/v1/suites/{id}/draft")] {
            let request = office.call(Scope::Admin, Method::PUT, &path).json(&body);
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert_eq!(status, 422, "{path}: {text}");
            assert!(text.contains("DB6009") && text.chars().count() < 600, "{path}: {text}");
        }
        let path = format!("/api/v1/suites/{id}/check");
        let request = office.call(Scope::Admin, Method::POST, &path).json(&body);
        let checked: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(checked["publishable"], false, "{path}");
        assert_eq!(checked["problems"][0]["code"], "DB1019", "{path}: {checked}");
    }
    assert_eq!(office.get("/api/v1/suites").await, before);
    assert_eq!(office.engine.store().documents("draft/").await.unwrap(), []);
}

#[tokio::test]
async fn a_directory_brings_good_ids_and_names_by_program_and_page() {
    let office = Office::new().await;
    office.accounts(&[("system", "admin:system")]).await;
    let system = office.sign_in("system").await;
    let before = office.engine.directory().version().to_owned();
    let whole = office.get("/api/v1/directory").await;
    let long = "长".repeat(100_000);
    for (place, field) in [
        ("units", "id"),
        ("units", "name"),
        ("posts", "name"),
        ("people", "id"),
        ("people", "name"),
    ] {
        for text in ["a\u{1b}[31mb", "a\nb", "", "\u{200b}\u{feff}", "\0", long.as_str()] {
            let mut body = whole.clone();
            // The last one: nobody names it but itself.
            body[place].as_array_mut().unwrap().last_mut().unwrap()[field] = text.into();
            let request = office.call(Scope::Admin, Method::PUT, "/api/v1/directory").json(&body);
            let answer = request.send().await.unwrap();
            let (status, told) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert_eq!(status, 422, "{place} {field} {text:.20}: {told:.300}");
            assert!(told.chars().count() < 600, "{told:.600}");
        }
    }
    let csv = format!("编号,姓名\nli,{long}\nw/u,吴\n");
    let part = Part::bytes(csv.into_bytes()).file_name("人员.csv");
    let form = Form::new().text("mode", "merge").part("files", part);
    let request = office.bare(Method::POST, "/directory/import").header(COOKIE, &system);
    let request = request.header(ORIGIN, office.url("")).multipart(form);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("人员.csv:2:2") && page.contains("name_chars_max"), "{page:.2000}");
    assert!(page.contains("人员.csv:3:1") && page.contains("不能作人员编号"), "{page:.2000}");
    assert_eq!(office.engine.directory().version(), before);
}

/// A yearly workflow beside those of the office.
const YEARLY: &str = "
id: yearly
title: 年度任务
lead: org(\"市委办\")
cases: units(\"district\")
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"书记\"), reviewer: none, due: 2022-06-30 }
";

#[tokio::test]
async fn a_case_is_opened_for_a_period_of_its_workflows_kind() {
    let office = Office::new().await;
    let mut files = Office::sources(WORKFLOW);
    files.insert("yearly.yaml".to_owned(), YEARLY.to_owned());
    let request = office.call(Scope::Admin, Method::PUT, "/api/v1/suites/points");
    let published = request.json(&json!({ "files": files })).send().await.unwrap();
    assert_eq!(published.status(), 200, "{}", published.text().await.unwrap());
    let open = async |workflow: &str, period: Value| {
        let mut body = json!({ "suite": "points", "workflow": workflow, "unit": "D" });
        body["period"] = period;
        let request = office.call(Scope::Admin, Method::POST, "/api/v1/cases").json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for period in
        [json!("2022-W09"), json!("2022-03"), json!("2022-Q1"), json!("2022-H2"), Value::Null]
    {
        let (status, told) = open("yearly", period.clone()).await;
        assert_eq!(status, 422, "{period}: {told}");
        for word in ["DB2021", "a year, such as 2022", "期间应为年度"] {
            assert!(told.contains(word), "{period}: {told}");
        }
    }
    let (status, told) = open("report", json!("2022")).await;
    assert!(status == 422 && told.contains("left out") && told.contains("不分期间"), "{told}");
    assert_eq!(open("yearly", json!("2023")).await.0, 201);
    assert_eq!(open("report", Value::Null).await.0, 201);
    let date = json!({ "date": "2022-03-01", "workflow": "yearly" });
    let request = office.call(Scope::Admin, Method::POST, "/api/v1/suites/points/open").json(&date);
    let opened: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(opened["opened"].as_array().unwrap().len(), 2, "{opened}");
}

#[tokio::test]
async fn an_empty_report_is_refused_as_the_page_does() {
    let office = Office::new().await;
    let case = office.open().await;
    for text in ["", "  ", "\u{3000}\n"] {
        let report = json!({ "kind": "report", "item": "write", "text": text, "percent": 10 });
        let answer = office.act(&case, "li", report).await;
        assert_eq!(answer.status(), 422, "{text:?}");
        assert!(answer.text().await.unwrap().contains("DB2025"));
    }
}

#[tokio::test]
async fn words_of_filters_that_are_none_are_refused_with_those_that_are() {
    let office = Office::new().await;
    let refused = [
        ("tasks?status=foo", "submitted"),
        ("tasks?status=Ready", "ready"),
        ("tasks?light=blue", "yellow"),
        ("tasks?attention=foo", "owner_vacant"),
        ("tasks?on=li", "person:ID"),
        ("tasks?period=2022-13", "2022-H1"),
        ("cases?status=done", "struck_off"),
        ("cases?period=heute", "2022-H1"),
        ("deliveries?kind=foo", "remind"),
        ("deliveries?state=foo", "delivered"),
        ("deliveries?period=x", "2022-H1"),
        ("notices?colour=green", "yellow"),
        ("notices?period=x", "2022-H1"),
        ("duties?period=x", "2022-H1"),
        ("search?q=a&kind=foo", "report"),
        ("search?q=a&period=x", "2022-H1"),
    ];
    for (path, known) in refused {
        let path = format!("/api/v1/{path}");
        let answer = office.call(Scope::Read, Method::GET, &path).send().await.unwrap();
        let (status, told) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 400, "{path}: {told}");
        assert!(told.contains("DB6001") && told.contains(known), "{path}: {told}");
    }
    let taken = [
        "tasks?status=ready&on=person:li&period=2022",
        "cases?status=struck_off&period=2022-W09",
        "deliveries?kind=message",
        "deliveries?kind=refer&period=2022-Q4",
        "notices?colour=red",
    ];
    for path in taken {
        office.get(&format!("/api/v1/{path}")).await;
    }
    office.accounts(&[("li", "li")]).await;
    let li = office.sign_in("li").await;
    let (status, page) = office.look(&li, "/tasks?status=foo").await;
    assert!(status == 422 && page.contains("没有状态“foo”"), "{page}");
    assert_eq!(office.look(&li, "/tasks?status=done").await.0, 200);
}

#[tokio::test]
async fn what_nobody_sees_is_no_text_at_any_door() {
    let office = Office::new().await;
    let case = office.open().await;
    for text in ["", "\u{200b}", "\u{feff}\u{3000}", "\0", "\u{1}\u{2060}"] {
        let report = json!({ "kind": "report", "item": "write", "text": text });
        assert_eq!(problem(office.act(&case, "li", report).await).await.0, 422, "{text:?}");
        let transfer =
            json!({ "kind": "transfer", "item": "write", "to": "unit:E", "reason": text });
        assert_eq!(problem(office.act(&case, "li", transfer).await).await.0, 422, "{text:?}");
        let token = json!({ "name": text, "scope": "read" });
        let request = office.call(Scope::Security, Method::POST, "/api/v1/tokens").json(&token);
        assert_eq!(request.send().await.unwrap().status(), 422, "{text:?}");
    }
    let report = json!({ "kind": "report", "item": "write", "text": "已办\0" });
    assert_eq!(problem(office.act(&case, "li", report).await).await, (422, "DB2021".to_owned()));
    let report = json!({ "kind": "report", "item": "write", "text": "\u{200b}已办" });
    assert_eq!(office.act(&case, "li", report).await.status(), 200);
}

#[tokio::test]
async fn a_suite_that_nobody_published_has_one_code() {
    let office = Office::new().await;
    let (date, empty) = (json!({ "date": "2022-01-01" }), json!({}));
    let one = json!({ "date": "2022-01-01", "workflow": "report" });
    let case = json!({ "suite": "nothing", "workflow": "report", "unit": "D" });
    for (method, path, body) in [
        (Method::GET, "/api/v1/suites/nothing/sources", &empty),
        (Method::GET, "/api/v1/suites/nothing/versions", &empty),
        (Method::GET, "/api/v1/suites/nothing/workflows/report", &empty),
        (Method::POST, "/api/v1/suites/nothing/test", &empty),
        (Method::POST, "/api/v1/suites/nothing/open", &date),
        (Method::POST, "/api/v1/suites/nothing/open", &one),
        (Method::POST, "/api/v1/suites/nothing/workflows/report/migrate", &empty),
        (Method::POST, "/api/v1/suites/nothing/workflows/report/migrate?dry_run=true", &empty),
        (Method::POST, "/api/v1/cases", &case),
    ] {
        let answer = office.call(Scope::Admin, method, path).json(body).send().await.unwrap();
        assert_eq!(problem(answer).await, (404, "DB4016".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_somebody_sent_is_repeated_shortly() {
    let office = Office::new().await;
    let case = office.open().await;
    let long = "x".repeat(5_000);
    for path in [
        format!("/api/v1/suites/{long}/versions"),
        format!("/api/v1/cases/{long}"),
        format!("/api/v1/cases?{long}=1"),
        format!("/api/v1/tasks?status={long}"),
        format!("/api/v1/tasks?attention={long}"),
        format!("/api/v1/cases?period={long}"),
    ] {
        let answer = office.call(Scope::Admin, Method::GET, &path).send().await.unwrap();
        assert!([400, 404].contains(&answer.status().as_u16()), "{path:.60}");
        let told = answer.text().await.unwrap();
        assert!(told.len() < 900, "{path:.60}: {told}");
    }
    let acts = [
        json!({ "kind": "report", "item": long, "text": "一" }),
        json!({ "kind": long, "item": "write" }),
        json!({ "kind": "report", "item": "write", "text": "一", (long.clone()): 1 }),
    ];
    for act in acts {
        let told = office.act(&case, "li", act).await.text().await.unwrap();
        assert!(told.len() < 1_500, "{told}");
    }
}

/// A form as a browser sends it.
type Fields = &'static [(&'static str, &'static str)];

#[tokio::test]
async fn pages_refuse_in_chinese_with_the_names_of_things() {
    let office = Office::new().await;
    office.accounts(&[("system", "admin:system"), ("li", "li"), ("wang", "wang")]).await;
    let case = office.open().await;
    let (system, li) = (office.sign_in("system").await, office.sign_in("li").await);
    let post = async |cookie: &str, path: &str, form: &[(&str, &str)]| {
        let request = office.bare(Method::POST, path).header(COOKIE, cookie).form(form);
        let answer = request.header(ORIGIN, office.url("")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let forms: [(&str, &str, Fields); 7] = [
        (&system, "/suites", &[]),
        (&system, "/suites/points/open", &[]),
        (&system, "/suites/points/open", &[("date", "0022-01-01")]),
        (&system, "/suites/points/simulate", &[("workflow", "report")]),
        (&system, "/deliveries/retry", &[("seq", "x")]),
        (
            &li,
            "/absences",
            &[("what", "set"), ("by", "zhang"), ("from", "0022-01-01"), ("until", "2022-07-01")],
        ),
        (&li, "/absences", &[]),
    ];
    for (cookie, path, form) in forms {
        let (status, page) = post(cookie, path, form).await;
        assert!((400..500).contains(&status), "{path} {form:?}: {status}");
        assert!(page.contains("<html"), "{path} {form:?}: {page}");
        for english in ["missing field", "Failed to", "invalid", " to 2200"] {
            assert!(!page.contains(english), "{path} {form:?}: {page}");
        }
    }
    let (status, page) = office.look(&li, "/cases/x/task").await;
    assert!(status == 422 && page.contains("<html") && !page.contains("missing"), "{page}");

    let form = Form::new().text("move", "suspend").text("reason", "x");
    let path = format!("/cases/{case}");
    let request = office.bare(Method::POST, &path).header(COOKIE, &li).multipart(form);
    let answer = request.header(ORIGIN, office.url("")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let page = answer.text().await.unwrap();
    assert!(page.contains("您无权对 本事项 执行“挂起”") && page.contains("督查室"), "{page}");
    assert!(!page.contains("unit:S"), "{page}");
}

#[tokio::test]
async fn a_template_is_refused_in_chinese() {
    let office = Office::new().await;
    office.accounts(&[("system", "admin:system")]).await;
    let system = office.sign_in("system").await;
    for (source, zh) in [
        ("{{ nothing }}", "没有 `nothing`"),
        ("{% if %}", "语法有误"),
        ("{{ text | nothing }}", "没有这个过滤器"),
        ("", "模板没有写出任何文字"),
    ] {
        let form = [("what", "save"), ("source", source)];
        let request = office.bare(Method::POST, "/templates/remind").header(COOKIE, &system);
        let answer = request.header(ORIGIN, office.url("")).form(&form).send().await.unwrap();
        let page = answer.text().await.unwrap();
        assert!(page.contains(zh), "{source}: {page}");
    }
}

#[tokio::test]
async fn strangers_get_the_status_that_says_so() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let form = [("login", "li"), ("password", "wrong")];
    let answer = office.bare(Method::POST, "/signin").form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let page = answer.text().await.unwrap();
    assert!(page.contains("用户名或口令不对") && page.contains("name=\"password\""), "{page}");
    let li = office.sign_in("li").await;
    for (path, cookie) in
        [("/signin", ""), ("/signout", &li), ("/absences", &li), ("/accounts", &li)]
    {
        let request = office.bare(Method::POST, path).header(COOKIE, cookie);
        let request = request.header(ORIGIN, "http://evil.example").form(&form);
        assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
    }
}

#[tokio::test]
async fn a_directory_is_not_emptied_by_one_request() {
    let office = Office::new().await;
    let whole = office.get("/api/v1/directory").await;
    for part in ["units", "posts", "people"] {
        let mut body = whole.clone();
        body[part] = serde_json::json!([]);
        let request = office.call(Scope::Admin, Method::PUT, "/api/v1/directory").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 422, "{part}");
    }
    assert_eq!(office.get("/api/v1/directory").await, whole);
}
