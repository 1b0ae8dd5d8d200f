//! A list that the directory outgrew, brought up to date on the case's page.

use duban::Status;
use thirtyfour::prelude::*;

use crate::chromium::Browser;
use crate::listed::{listed, parts};
use crate::support::Office;

#[tokio::test(flavor = "multi_thread")]
async fn rule_36_a_unit_that_came_is_added_from_the_cases_page() {
    let office = Office::new().await;
    parts(&office, &[("P1", "东片"), ("P4", "北片")]).await;
    office.accounts(&[("sun", "sun")]).await;
    let case = listed(&office).await;
    parts(&office, &[("P1", "东片"), ("P2", "西片"), ("P3", "南片")]).await;
    let browser = Browser::start().await;
    browser.sign_in(&office, "sun").await;
    browser.go(&office.url("/attention")).await;
    browser.wait_for_text("通讯录变动，名单应增列").await;
    browser.pictures("attention").await;
    browser.go(&office.url("/tasks?attention=any&period=2022")).await;
    browser.wait_for_text("只列").await;
    browser.pictures("tasks").await;

    let page = office.url(&format!("/cases/{case}"));
    browser.go(&page).await;
    browser.wait_for_text("应减列").await;
    browser.pictures("case-lists").await;
    let of_west = "#lists form:has(input[value=P2])";
    // Without a reason the browser sends nothing.
    browser.click(&format!("{of_west} button")).await;
    assert!(browser.text().await.contains("落实（西片）"));
    browser.fill(&format!("{of_west} input[name=reason]"), "新设西片").await;
    browser.click(&format!("{of_west} button")).await;
    browser.wait_for("[role=status].good").await;
    let left = browser.driver.find_all(By::Css("#lists form")).await.unwrap();
    assert_eq!(left.len(), 1);
    browser.pictures("case-lists-added").await;
    let now = office.engine.case(&case).await.unwrap();
    assert_eq!(now.item(&"part/P2".into()).unwrap().status, Status::Ready);
    browser.quit().await;
}
