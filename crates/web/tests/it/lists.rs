//! What lists show: the trend of past weeks, and what was delegated.

use duban_web::{Scope, Trend};
use reqwest::Method;
use serde_json::json;

use crate::support::{Office, problem};

const WEEK_MS: i64 = 7 * 24 * 3_600_000;

#[tokio::test]
async fn the_trend_shows_past_weeks_as_they_were() {
    let office = Office::new().await;
    office.accounts(&[("zhang", "zhang"), ("wang", "wang")]).await;
    let case = office.open().await;
    let zhang = office.sign_in("zhang").await;
    let (_, page) = office.look(&zhang, "/").await;
    assert!(!page.contains("class=\"lines\""), "there is no past yet");

    // Five weeks on the task is late; then it is done, and past snapshots stay what they were.
    let start = office.engine.now();
    office.clock.advance(&office.engine, start.plus_millis(5 * WEEK_MS)).await.unwrap();
    Trend::record(office.engine.store(), office.engine.now()).await.unwrap();
    let item = "write";
    for act in [
        json!({ "kind": "sign", "item": item }),
        json!({ "kind": "submit", "item": item, "form": {} }),
    ] {
        assert_eq!(office.act(&case, "li", act).await.status(), 200);
    }
    let accept = json!({ "kind": "accept", "item": item });
    assert_eq!(office.act(&case, "zhang", accept).await.status(), 200);
    office.clock.advance(&office.engine, start.plus_millis(6 * WEEK_MS)).await.unwrap();
    let zhang = office.sign_in("zhang").await;
    let (_, page) = office.look(&zhang, "/").await;
    assert!(page.contains("红灯 07-06：1") && page.contains("红灯 07-13：0"), "{page}");
    assert!(page.contains("办结率（%） 07-06：0") && page.contains("办结率（%） 07-13：100"));

    // Another district sees nothing of it.
    let wang = office.sign_in("wang").await;
    let (_, page) = office.look(&wang, "/").await;
    assert!(!page.contains("07-06：1"), "{page}");
}

#[tokio::test]
async fn what_is_delegated_stands_among_the_to_dos_of_whoever_handles_it() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("wang", "wang")]).await;
    let case = office.open().await;
    let (li, wang) = (office.sign_in("li").await, office.sign_in("wang").await);
    assert!(office.look(&li, "/todo").await.1.contains("撰写总结"));
    let act = json!({ "kind": "delegate", "item": "write", "to": "wang", "reason": "出差" });
    assert_eq!(office.act(&case, "li", act).await.status(), 200);
    assert!(office.look(&wang, "/todo").await.1.contains("撰写总结"));
    assert!(!office.look(&li, "/todo").await.1.contains("撰写总结"));
    let act = json!({ "kind": "delegate", "item": "write", "to": null });
    assert_eq!(office.act(&case, "li", act).await.status(), 200);
    assert!(office.look(&li, "/todo").await.1.contains("撰写总结"));
}

#[tokio::test]
async fn a_cursor_that_none_handed_out_is_the_callers_error_on_every_list() {
    let office = Office::new().await;
    let case = office.open().await;
    let document = duban_web::openapi();
    let mut seen = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array();
        let names: Vec<&str> =
            parameters.into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
        if !names.contains(&"after") {
            continue;
        }
        seen += 1;
        let path = path.replace("{case}", case.as_str()).replace("{person}", "li");
        let query = if names.contains(&"q") { "q=a&" } else { "" };
        let scope = if path.contains("/audit/") { Scope::Audit } else { Scope::Read };
        for after in ["", "x", "c", "c7", "czz", "-1", "%00", "99999999999999999999", "i22"] {
            let address = format!("{path}?{query}after={after}");
            let refused = office.call(scope, Method::GET, &address).send().await.unwrap();
            assert_eq!(problem(refused).await, (400, "DB4033".to_owned()), "{address}");
        }
    }
    assert!(seen > 14, "{seen} lists");
    let header =
        office.call(Scope::Read, Method::GET, "/api/v1/stream").header("last-event-id", "x");
    assert_eq!(problem(header.send().await.unwrap()).await, (400, "DB4033".to_owned()));
}

#[tokio::test]
async fn pages_tell_a_bad_cursor_as_the_api_does() {
    let office = Office::new().await;
    office.accounts(&[("sun", "sun")]).await;
    office.open().await;
    let sun = office.sign_in("sun").await;
    for path in ["/todo", "/tasks", "/interviews", "/notices"] {
        for after in ["", "x", "f7"] {
            let (status, text) = office.look(&sun, &format!("{path}?after={after}")).await;
            assert_eq!(status, 400, "{path} {after}");
            assert!(text.contains("翻页位置无效"), "{path} {after}");
        }
    }
}
