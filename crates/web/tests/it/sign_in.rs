//! Signing in: links, passwords, sessions, and what other sites may not do.

use duban_web::Accounts;
use reqwest::Method;

use crate::support::{Office, PASSWORD};

async fn post(office: &Office, path: &str, form: &[(&str, &str)]) -> (u16, String) {
    let response = office.bare(Method::POST, path).form(form).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_link_works_once_and_for_a_week() {
    let office = Office::new().await;
    let now = office.engine.now();
    let store = office.engine.store();
    let first = Accounts::first_link(store, now.millis()).await.unwrap().unwrap();
    let second = Accounts::first_link(store, now.millis()).await.unwrap().unwrap();
    let key = |link: &str| link.split_once("key=").unwrap().1.to_owned();
    let set = async |link: &str, password: &str| {
        let key = key(link);
        post(&office, "/welcome", &[("key", &key), ("password", password), ("again", password)])
            .await
    };
    assert_eq!(set(&first, PASSWORD).await.0, 422, "a later link takes its place");
    let (status, page) = set(&second, "short").await;
    assert!(status == 200 && page.contains("口令须有 10"), "{page}");
    assert_eq!(set(&second, PASSWORD).await.0, 303);
    assert_eq!(set(&second, PASSWORD).await.0, 422, "it works once");
    assert_eq!(Accounts::first_link(store, now.millis()).await.unwrap(), None);
}

#[tokio::test]
async fn passwords_are_kept_as_hashes_and_guesses_are_bounded() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    for (_, json) in duban::Store::documents(office.engine.store(), "").await.unwrap() {
        assert!(!json.contains(PASSWORD));
    }
    let kept = duban::Store::document(office.engine.store(), "account/li").await.unwrap().unwrap();
    assert!(kept.contains("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    for login in ["li", "nobody"] {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses
                .push(post(&office, "/signin", &[("login", login), ("password", "wrong")]).await.0);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2, "{statuses:?}");
    }
    assert_eq!(post(&office, "/signin", &[("login", "li"), ("password", PASSWORD)]).await.0, 429);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_time_and_with_its_account() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("zhang", "zhang")]).await;
    let li = office.sign_in("li").await;
    assert_eq!(office.look(&li, "/todo").await.0, 200);
    let out = office.bare(Method::POST, "/signout").header("cookie", &li).send().await.unwrap();
    assert_eq!(out.status(), 303);
    assert_eq!(office.look(&li, "/todo").await.0, 303);

    let li = office.sign_in("li").await;
    let security = office.sign_in("security").await;
    let request = office.bare(Method::POST, "/accounts").header("cookie", &security);
    let removed = request.form(&[("what", "remove"), ("login", "li")]).send().await.unwrap();
    assert_eq!(removed.status(), 303);
    assert_eq!(office.look(&li, "/todo").await.0, 303);
    let request = office.bare(Method::POST, "/accounts").header("cookie", &security);
    let last = request.form(&[("what", "remove"), ("login", "security")]).send().await.unwrap();
    assert_eq!(last.status(), 422, "somebody must be able to make accounts");

    let zhang = office.sign_in("zhang").await;
    let later = office.engine.now().plus_millis(12 * 3_600_000 + 1);
    office.clock.set(later);
    assert_eq!(office.look(&zhang, "/todo").await.0, 303);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused_and_nothing_leads_away() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let li = office.sign_in("li").await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let request = office.bare(Method::POST, "/signout").header("cookie", &li);
        assert_eq!(request.header(name, value).send().await.unwrap().status(), 422);
    }
    assert_eq!(office.look(&li, "/todo").await.0, 200, "still signed in");
    let form = [("login", "li"), ("password", PASSWORD), ("to", "//evil.example/")];
    let response = office.bare(Method::POST, "/signin").form(&form).send().await.unwrap();
    assert_eq!(response.headers()["location"], "/");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let page = office.bare(Method::GET, "/signin").send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
}
