//! No page has a serious finding of axe-core, the checker of the WCAG 2.2 rules.

use serde_json::Value;

use crate::chromium::Browser;
use crate::support::Office;

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_serious_on_any_page() {
    let path = std::env::var("DUBAN_AXE")
        .expect("DUBAN_AXE names axe.min.js; `cargo xtask test` fetches it");
    let axe = std::fs::read_to_string(path).unwrap();
    let office = Office::new().await;
    office.accounts(&[("zhang", "zhang"), ("root", "admin:system"), ("eye", "admin:audit")]).await;
    let case = office.open_of("plan").await;
    let case_page = format!("/cases/{case}");
    let task_page = format!("/cases/{case}/task?item=draft");
    let pages = [
        (
            "zhang",
            &[
                "/",
                "/todo",
                "/tasks",
                "/duties",
                "/attention",
                "/interviews",
                "/notices",
                "/indicators",
                "/search?q=计划",
                "/suites",
                "/suites/points",
                "/suites/points/graph/plan",
                "/directory?unit=C",
                "/absences",
                &case_page,
                &task_page,
                "/sessions",
            ][..],
        ),
        (
            "root",
            &[
                "/suites",
                "/suites/points/draft",
                "/deliveries",
                "/deliveries?state=delivered",
                "/directory",
                "/absences",
                "/calendars?year=2022",
                "/calendars?year=2050",
            ],
        ),
        ("security", &["/accounts"]),
        ("eye", &["/audit"]),
    ];
    let browser = Browser::start().await;
    browser.go(&office.url("/signin")).await;
    check(&browser, &axe, "/signin").await;
    for (login, paths) in pages {
        browser.sign_in(&office, login).await;
        for path in paths {
            browser.go(&office.url(path)).await;
            check(&browser, &axe, path).await;
            let name: String =
                path.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            browser.picture(&format!("{login}{name}")).await;
        }
    }
    browser.quit().await;
}

async fn check(browser: &Browser, axe: &str, path: &str) {
    browser.driver.execute(axe, vec![]).await.unwrap();
    let script = "const done = arguments[arguments.length - 1];
        axe.run().then((found) => done(found.violations));";
    let found = browser.driver.execute_async(script, vec![]).await.unwrap();
    let found: Vec<Value> = found.convert().unwrap();
    let serious: Vec<String> = found
        .iter()
        .filter(|one| one["impact"] == "serious" || one["impact"] == "critical")
        .map(|one| format!("{}: {} {}", one["id"], one["help"], one["nodes"][0]["html"]))
        .collect();
    assert!(serious.is_empty(), "{path}: {serious:#?}");
}
