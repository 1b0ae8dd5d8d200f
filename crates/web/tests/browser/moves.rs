//! Moves that change who signs, where work goes back to, and whether the clock runs, made on pages.

use duban::core::MoveKind;
use duban::{Act, Actor, CaseId, ItemKey, OpenSpec, Status, library, load_suite};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::chromium::Browser;
use crate::support::{Office, WORKFLOW};

const SIGNING: &str = "
id: signing
title: 汇总上报
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  figures: { title: 报数字, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30, extension: { max: 1, by: months(1) } }
  text: { title: 写文字, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30, extension: { max: 1, by: months(1) } }
  sum:
    title: 汇总
    needs: [figures, text]
    owner: unit.post(\"书记\")
    reviewer: { all: ['org(\"市委办\").post(\"主任\")', 'org(\"督查室\").post(\"主任\")'] }
    due: 2022-07-15
";

async fn office() -> (Office, CaseId) {
    let office = Office::new().await;
    let mut sources = Office::sources(WORKFLOW);
    sources.insert("signing.yaml".to_owned(), SIGNING.to_owned());
    let loaded = load_suite("points", &sources, &library());
    office.engine.publish(&loaded.suite.unwrap()).await.unwrap();
    office.accounts(&[("li", "li"), ("zhang", "zhang"), ("sun", "sun")]).await;
    let spec = OpenSpec::new("points", "signing", "D");
    let case = office.engine.open(spec, Actor::operator("OA"), None).await.unwrap().case;
    (office, case)
}

async fn act(office: &Office, case: &CaseId, person: &str, kind: &str, item: &str, content: Value) {
    let content = content.as_object().cloned().unwrap();
    let kind = MoveKind::named(kind).unwrap();
    let act = Act::make(kind, Some(&ItemKey::new(item)), content).unwrap();
    office.engine.act(case, Actor::person(person), act, None).await.unwrap();
}

async fn submit(office: &Office, case: &CaseId, item: &str) {
    act(office, case, "li", "submit", item, json!({ "form": {} })).await;
}

/// The sum is submitted: what it rests on is done.
async fn until_the_sum(office: &Office, case: &CaseId) {
    for item in ["figures", "text"] {
        submit(office, case, item).await;
        act(office, case, "zhang", "accept", item, json!({})).await;
    }
    submit(office, case, "sum").await;
}

fn task(office: &Office, case: &CaseId, item: &str) -> String {
    office.url(&format!("/cases/{case}/task?item={item}"))
}

async fn unfold(browser: &Browser, kind: &str) {
    browser.click(&format!("details:has(#move-{kind}) summary")).await;
}

async fn make(browser: &Browser, kind: &str) {
    // What an earlier move was answered with is not this one's answer.
    let script = "document.querySelectorAll('[role=status].good').forEach(one => one.remove());";
    browser.driver.execute(script, vec![]).await.unwrap();
    browser.click(&format!("#move-{kind} button")).await;
    browser.wait_for("[role=status].good").await;
}

/// A date as a date field takes it from the keys, in Chromium's own language.
async fn date(browser: &Browser, css: &str, date: &str) {
    let script = format!(
        "const one = document.querySelector('{css}'); one.value = '{date}'; \
         one.dispatchEvent(new Event('input', {{ bubbles: true }}));"
    );
    browser.wait_for(css).await;
    browser.driver.execute(&script, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_25_a_return_with_a_date_goes_to_two_items_upstream() {
    let (office, case) = office().await;
    until_the_sum(&office, &case).await;
    let browser = Browser::start().await;
    browser.sign_in(&office, "zhang").await;
    browser.go(&task(&office, &case, "sum")).await;
    browser.wait_for_text("2 方会签，须全部同意").await;
    unfold(&browser, "return").await;
    browser.fill("#return-reason", "两处对不上").await;
    browser.click("#return-upstream input[value=figures]").await;
    browser.click("#return-upstream input[value=text]").await;
    date(&browser, "#return-due", "2022-05-01").await;
    browser.pictures("return").await;
    browser.click("#move-return button").await;
    // The date is past: that is said beside it, and nothing that was filled in is lost.
    browser.wait_for("#return-due-err").await;
    let checked = browser.driver.find_all(By::Css("#return-upstream input:checked")).await.unwrap();
    assert_eq!(checked.len(), 2);
    assert_eq!(
        browser.wait_for("#return-reason").await.value().await.unwrap().unwrap(),
        "两处对不上"
    );
    browser.pictures("return-refused").await;
    date(&browser, "#return-due", "2022-07-08").await;
    make(&browser, "return").await;
    let now = office.engine.case(&case).await.unwrap();
    for item in ["figures", "text"] {
        let item = now.item(&item.into()).unwrap();
        assert_eq!((item.status, item.attempt), (Status::Active, 2));
        assert_eq!(item.due().unwrap().to_string(), "2022-07-08T16:00:00Z");
    }
    assert_eq!(now.item(&"sum".into()).unwrap().status, Status::Waiting);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_22_a_countersigner_is_added_by_name_and_taken_off_with_a_reason() {
    let (office, case) = office().await;
    until_the_sum(&office, &case).await;
    act(&office, &case, "zhang", "accept", "sum", json!({})).await;
    let browser = Browser::start().await;
    browser.sign_in(&office, "sun").await;
    browser.go(&task(&office, &case, "sum")).await;
    unfold(&browser, "add_countersigner").await;
    let listed =
        browser.driver.find_all(By::Css("#names option[value='市中区 书记']")).await.unwrap();
    assert_eq!(listed.len(), 1);
    browser.fill("#add_countersigner-who", "市中区 书记").await;
    browser.click("#add_countersigner-before option[value='post:S/主任']").await;
    make(&browser, "add_countersigner").await;
    browser.wait_for_text("3 方会签，须全部同意").await;
    // Read at once: the page may be drawn anew between two questions.
    let states = async || {
        let script = "return [...document.querySelectorAll('.signers li')]\
            .map(line => line.innerText.split('\u{3000}')[0].trim());";
        let read = browser.driver.execute(script, vec![]).await.unwrap();
        read.convert::<Vec<String>>().unwrap()
    };
    assert_eq!(states().await, ["已同意 市委办 主任", "待审核 市中区 书记", "待审核 督查室 主任"]);
    browser.pictures("signers").await;
    unfold(&browser, "remove_countersigner").await;
    browser.click("#remove_countersigner-who option[value='post:E/书记']").await;
    browser.fill("#remove_countersigner-reason", "与本项无关").await;
    make(&browser, "remove_countersigner").await;
    assert_eq!(states().await, ["已同意 市委办 主任", "待审核 督查室 主任"]);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_20_a_suspension_is_asked_for_granted_and_ended() {
    let (office, case) = office().await;
    let browser = Browser::start().await;
    browser.sign_in(&office, "li").await;
    browser.go(&task(&office, &case, "figures")).await;
    unfold(&browser, "ask_suspension").await;
    browser.fill("#ask_suspension-reason", "统计口径待定").await;
    date(&browser, "#ask_suspension-until", "2022-06-20").await;
    make(&browser, "ask_suspension").await;
    browser.wait_for_text("申请挂起至 2022-06-20：统计口径待定（待督查机构答复）").await;

    browser.sign_in(&office, "sun").await;
    browser.go(&task(&office, &case, "figures")).await;
    unfold(&browser, "grant_suspension").await;
    make(&browser, "grant_suspension").await;
    browser.wait_for_text("督查机构挂起：统计口径待定").await;
    browser.wait_for_text("2022-06-01 起，至 2022-06-20；停止计时").await;
    browser.pictures("held").await;
    unfold(&browser, "resume").await;
    make(&browser, "resume").await;
    assert!(!browser.text().await.contains("挂起原因"));
    let now = office.engine.case(&case).await.unwrap();
    assert!(!now.item(&"figures".into()).unwrap().is_held());
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_21_a_case_is_suspended_and_resumed_on_its_page() {
    let (office, case) = office().await;
    let browser = Browser::start().await;
    let page = office.url(&format!("/cases/{case}"));
    browser.sign_in(&office, "li").await;
    browser.go(&page).await;
    browser.wait_for_text("接下来").await;
    assert!(browser.driver.find_all(By::Css(".moves form")).await.unwrap().is_empty());

    browser.sign_in(&office, "sun").await;
    browser.go(&page).await;
    unfold(&browser, "suspend").await;
    browser.fill("#suspend-reason", "机构改革").await;
    date(&browser, "#suspend-until", "2022-05-01").await;
    browser.click("#move-suspend button").await;
    browser.wait_for("#suspend-until-err").await;
    date(&browser, "#suspend-until", "2022-06-24").await;
    make(&browser, "suspend").await;
    browser.wait_for_text("本事项自 2022-06-01 起挂起，至 2022-06-24 恢复：机构改革").await;
    browser.pictures("case-suspended").await;
    browser.go(&task(&office, &case, "text")).await;
    browser.wait_for_text("本事项自 2022-06-01 起挂起").await;
    browser.wait_for_text("事项挂起：机构改革").await;
    browser.pictures("task-suspended").await;
    browser.go(&page).await;
    unfold(&browser, "resume").await;
    make(&browser, "resume").await;
    assert!(!browser.text().await.contains("本事项自"));
    assert!(office.engine.case(&case).await.unwrap().head().suspended.is_none());
    browser.quit().await;
}
