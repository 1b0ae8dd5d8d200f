//! What lists show: the trend of past weeks, and what was delegated.

use duban_web::Trend;
use serde_json::json;

use crate::support::Office;

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
    for act in
        [json!({ "sign": { "item": item } }), json!({ "submit": { "item": item, "form": {} } })]
    {
        assert_eq!(office.act(&case, "li", act).await.status(), 200);
    }
    let accept = json!({ "accept": { "item": item } });
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
    let act = json!({ "delegate": { "item": "write", "to": "wang", "reason": "出差" } });
    assert_eq!(office.act(&case, "li", act).await.status(), 200);
    assert!(office.look(&wang, "/todo").await.1.contains("撰写总结"));
    assert!(!office.look(&li, "/todo").await.1.contains("撰写总结"));
    let act = json!({ "delegate": { "item": "write", "to": null } });
    assert_eq!(office.act(&case, "li", act).await.status(), 200);
    assert!(office.look(&li, "/todo").await.1.contains("撰写总结"));
}
