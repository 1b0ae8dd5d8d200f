//! What people do with the pages, from beginning to end.

use duban::{Act, Actor, Instant};

use crate::chromium::Browser;
use crate::support::Office;

/// A file to upload.
fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_works_and_a_reviewer_returns_then_accepts() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("zhang", "张三")]).await;
    let case = office.open_of("plan").await;
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start().await;

    browser.sign_in(&office, "li").await;
    browser.go(&office.url("/todo")).await;
    browser.wait_for_text("起草计划").await;
    browser.picture("todo").await;
    browser.click("tbody a").await;
    browser.click("#move-sign button").await;
    browser.wait_for_text("在办").await;

    browser.fill("#move-report textarea[name=text]", "已列出提纲 <b>三条</b>").await;
    browser.fill("#move-report input[name=percent]", "40").await;
    browser.attach("#move-report input[name='e.']", &file(&folder, "提纲.txt", "一二三")).await;
    browser.click("#move-report button").await;
    browser.wait_for_text("反馈“起草计划”（40%）：已列出提纲 <b>三条</b>").await;
    browser.picture("task").await;

    // The case says what is missing, beside the form.
    browser.click("#move-submit button").await;
    browser.wait_for_text("“主题”必填").await;
    browser.fill("#move-submit textarea[name='f.topic']", "城市基层党建").await;
    browser.fill("#move-submit input[name='f.budget']", "120000.50").await;
    browser.attach("#move-submit input[name='e.计划书']", &file(&folder, "计划.txt", "全文")).await;
    browser.click("#move-submit button").await;
    browser.wait_for_text("待审核").await;
    browser.wait_for_text("计划书").await;

    browser.sign_in(&office, "zhang").await;
    browser.go(&office.url("/todo")).await;
    browser.click("tbody a").await;
    browser.wait_for_text("城市基层党建").await;
    browser.click("details:has(#move-return) summary").await;
    browser.fill("#return-reason", "缺少时间安排").await;
    browser.click("#move-return button").await;
    browser.wait_for_text("退回“起草计划”：缺少时间安排").await;

    browser.sign_in(&office, "li").await;
    browser.go(&office.url("/todo")).await;
    browser.click("tbody a").await;
    browser.attach("#move-submit input[name='e.计划书']", &file(&folder, "计划2.txt", "改")).await;
    browser.click("#move-submit button").await;
    browser.wait_for_text("待审核").await;

    browser.sign_in(&office, "zhang").await;
    browser.go(&office.url("/todo")).await;
    browser.click("tbody a").await;
    browser.click("#move-accept button").await;
    browser.wait_for_text("办结“起草计划”").await;
    browser.go(&office.url(&format!("/cases/{case}"))).await;
    browser.wait_for_text("办结“起草计划”").await;
    browser.wait_for("svg.dag .node").await;
    browser.picture("case").await;

    let done = office.engine.case(&case).await.unwrap();
    let item = done.items().find(|item| item.task.as_str() == "draft").unwrap();
    assert_eq!(item.form["budget"], "120000.5");
    assert_eq!(item.evidence.len(), 1);
    browser.quit().await;
}

const WITH_AN_ERROR: &str = "id: visit\ntitle: 走访社区\nlead: org(\"市委办\")\ncases: units(\"district\")\n\
tasks:\n  pay: { titel: 走访, owner: unit.post(\"书记\"), due: 2022-09-30 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_author_corrects_simulates_and_publishes() {
    let office = Office::new().await;
    office.accounts(&[("root", "admin:system")]).await;
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start().await;
    browser.sign_in(&office, "root").await;
    browser.go(&office.url("/suites/points/draft")).await;
    browser.wait_for_text("没有问题").await;

    browser.attach("#upload input[name=files]", &file(&folder, "visit.yaml", WITH_AN_ERROR)).await;
    browser.click("#upload button").await;
    browser.wait_for_text("visit.yaml:6:10").await;
    browser.wait_for_text("没有 `titel` 这个键").await;
    assert!(!browser.text().await.contains("模拟"), "a draft with errors cannot be simulated");
    browser.picture("draft").await;

    let corrected = WITH_AN_ERROR.replace("titel", "title");
    browser.fill("#edit textarea", &corrected).await;
    browser.click("#edit button").await;
    browser.wait_for("#simulate").await;
    browser.fill("#simulate input[name=from]", "01012022").await;
    browser.fill("#simulate input[name=to]", "12312022").await;
    browser.click("#simulate select option[value=visit]").await;
    browser.click("#simulate button").await;
    browser.wait_for_text("交办“走访”").await;
    browser.picture("simulation").await;

    browser.go(&office.url("/suites/points/draft")).await;
    browser.click("#publish button").await;
    browser.wait_for_text("走访社区").await;
    let published = duban::Store::current(office.engine.store(), "points", "visit").await.unwrap();
    assert!(published.is_some());
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_turns_in_a_window_that_nobody_touches() {
    let office = Office::new().await;
    office.accounts(&[("zhang", "zhang")]).await;
    let case = office.open().await;
    office
        .engine
        .act(&case, Actor::person("li"), Act::Sign { item: "write".into() }, None)
        .await
        .unwrap();
    let evening: Instant = "2022-06-30T23:30:00+08:00".parse().unwrap();
    office.clock.advance(&office.engine, evening).await.unwrap();
    let browser = Browser::start().await;
    browser.sign_in(&office, "zhang").await;
    browser.go(&office.url("/")).await;
    browser.wait_for(".cell.yellow").await;
    browser.picture("overview").await;

    let late: Instant = "2022-07-01T00:10:00+08:00".parse().unwrap();
    office.clock.advance(&office.engine, late).await.unwrap();
    browser.wait_for(".cell.red").await;
    browser.wait_for_text("本周转红").await;
    browser.quit().await;
}
