//! Search: what is found, by whom, and what the others learn.

use duban_web::Scope;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Office, problem};

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// An office in which 李四 of 历下区 has reported.
async fn office() -> Office {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("zhang", "zhang"), ("wang", "wang")]).await;
    let case = office.open_of("plan").await;
    let report = |text: &str| json!({ "kind": "report", "item": "draft", "text": text });
    for text in ["<b>约谈</b>３人，进展顺利", "再次约谈，附“整改方案”"] {
        assert_eq!(office.act(&case, "li", report(text)).await.status(), 200);
    }
    office.engine.indexed().await.unwrap();
    office
}

async fn search(office: &Office, cookie: &str, query: &str) -> String {
    let (status, page) = office.look(cookie, &format!("/search?{query}")).await;
    assert_eq!(status, 200, "{query}: {page}");
    page
}

#[tokio::test]
async fn a_report_is_found_by_those_who_may_see_it() {
    let office = office().await;
    let query = format!("q={}", encode("约谈"));
    for login in ["li", "zhang"] {
        let cookie = office.sign_in(login).await;
        let page = search(&office, &cookie, &query).await;
        assert!(page.contains("&#60;b&#62;<mark>约谈</mark>&#60;/b&#62;３人"), "{login}: {page}");
        assert!(page.contains("历下区") && page.contains("/task?item=draft"), "{login}: {page}");
        let (newer, older) = (page.find("再次").unwrap(), page.find("３人").unwrap());
        assert!(newer < older, "the newest comes first");
    }
}

#[tokio::test]
async fn a_person_of_another_district_learns_nothing() {
    let office = office().await;
    let wang = office.sign_in("wang").await;
    for filter in
        ["", "&kind=report", "&unit=D", "&unit=%E5%8E%86%E4%B8%8B%E5%8C%BA", "&state=open"]
    {
        let hidden = search(&office, &wang, &format!("q={}{filter}", encode("约谈"))).await;
        let nothing = search(&office, &wang, &format!("q={}{filter}", encode("无此"))).await;
        assert_eq!(hidden.replace("约谈", "无此"), nothing.replace("约谈", "无此"), "{filter}");
        assert!(!hidden.contains("<mark>") && !hidden.contains("进展"), "{hidden}");
    }
    // Those who may see nothing at all are told so before anything is looked for.
    let cookie = office.sign_in("security").await;
    assert_eq!(office.look(&cookie, "/search?q=x").await.0, 403);
}

#[tokio::test]
async fn answers_are_narrowed_and_gone_through_in_pages() {
    let office = office().await;
    let (zhang, li) = (office.sign_in("zhang").await, office.sign_in("li").await);
    let found = |page: &str| page.matches("<mark>").count();
    let q = format!("q={}", encode("约谈"));
    for (filter, expected) in [
        ("", 2),
        ("&kind=report", 2),
        ("&kind=slip", 0),
        ("&kind=nonsense", 2),
        ("&suite=points", 2),
        ("&suite=other", 0),
        ("&unit=C", 2),
        ("&unit=%E5%B8%82%E5%A7%94%E5%8A%9E", 2),
        ("&unit=E", 0),
        ("&unit=nowhere", 0),
        ("&state=open", 2),
        ("&state=closed", 0),
        ("&period=2022", 0),
    ] {
        let page = search(&office, &zhang, &format!("{q}{filter}")).await;
        assert_eq!(found(&page), expected, "{filter}: {page}");
    }
    let names = search(&office, &zhang, &format!("q={}", encode("起草 书记"))).await;
    assert!(names.contains("<h2>任务</h2>") && names.contains("<mark>起草</mark>计划"), "{names}");

    let report = |text: String| json!({ "kind": "report", "item": "draft", "text": text });
    let case = office.engine.cases(Default::default(), duban::PageRequest::first(1)).await.unwrap();
    let case = duban::CaseId::new(&case.rows[0].id);
    for number in 0..40 {
        office.act(&case, "li", report(format!("翻页{number}"))).await;
    }
    office.engine.indexed().await.unwrap();
    let q = format!("q={}", encode("翻页"));
    let all = search(&office, &li, &q).await;
    assert_eq!(found(&all), 5);
    let mut next = next_of(&all).unwrap();
    let mut seen = 0;
    for _ in 0..2 {
        let (_, page) = office.look(&li, &next).await;
        seen += found(&page);
        next = next_of(&page).unwrap_or_default();
    }
    assert_eq!((seen, next.as_str()), (40, ""));
}

fn next_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("rel=\"next\" href=\"")?;
    Some(rest.split_once('"')?.0.replace("&#38;", "&"))
}

#[tokio::test]
async fn whatever_is_typed_is_no_error() {
    let office = office().await;
    let li = office.sign_in("li").await;
    let long = "督办".repeat(200);
    for text in
        ["", "\"", "-", "- -\"", "a* OR NEAR(b, 5) ^c {own}: d", "'; DROP TABLE words", "％", &long]
    {
        search(&office, &li, &format!("q={}", encode(text))).await;
        let path = format!("/api/v1/search?q={}", encode(text));
        let response = office.call(Scope::Read, Method::GET, &path).send().await.unwrap();
        if text == long {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["code"], "DB6001");
            assert!(body["detail"].as_str().unwrap().contains("query_chars_max"), "{body}");
        } else {
            assert_eq!(response.status(), 200, "{text}");
        }
    }
    let bad = office.call(Scope::Read, Method::GET, "/api/v1/search?q=x&after=zz").send().await;
    assert_eq!(problem(bad.unwrap()).await.0, 400);
}

#[tokio::test]
async fn the_api_finds_the_same_in_parts() {
    let office = office().await;
    let path = format!("/api/v1/search?q={}&limit=1&unit=C&closed=false", encode("约谈"));
    let first = office.get(&path).await;
    assert_eq!(
        (first["current"].clone(), first["rows"][0]["kind"].clone()),
        (true.into(), "report".into())
    );
    let snippet = json!([
        { "text": "再次", "is_hit": false },
        { "text": "约谈", "is_hit": true },
        { "text": "，附“整改方案”", "is_hit": false },
    ]);
    assert_eq!(first["rows"][0]["snippet"], snippet);
    let next = first["next"].as_str().unwrap();
    let second = office.get(&format!("{path}&after={next}")).await;
    assert_eq!(second["rows"].as_array().unwrap().len(), 1);
    assert!(second["rows"][0]["seq"].as_u64() < first["rows"][0]["seq"].as_u64());
    assert_eq!(second["next"], Value::Null);
    assert_eq!(office.get("/api/v1/search?q=x&unit=nowhere").await["rows"], json!([]));
}
