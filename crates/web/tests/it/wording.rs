//! Ids and names that a link, a file or a terminal could not carry, at every door.

use duban_store::Store as _;
use duban_web::Scope;
use reqwest::Method;
use reqwest::header::{COOKIE, ORIGIN};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Office, WORKFLOW};

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
        for text in ["a\u{1b}[31mb", "a\nb", "", long.as_str()] {
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
