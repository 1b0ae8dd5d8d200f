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
    assert!(status == 200 && page.contains("口令须有 10 至 128 个字符，现有 5 个"), "{page}");
    assert!(page.contains("现缺大写字母、数字、其他符号"), "{page}");
    for weak in ["          ", "1234567890", "aaaaaaaaaa", "Security-2026!", "Qwer-2026-zm"] {
        let (status, page) = set(&second, weak).await;
        assert!(status == 200 && page.contains("口令不合要求"), "{weak}: {page}");
    }
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
    assert_eq!(last.status(), 409, "somebody must be able to make accounts");

    let zhang = office.sign_in("zhang").await;
    let began = office.engine.now();
    for hour in 1..=12 {
        office.clock.set(began.plus_millis(hour * HOUR));
        assert_eq!(office.look(&zhang, "/todo").await.0, 200, "in use at hour {hour}");
    }
    office.clock.set(began.plus_millis(12 * HOUR + 1));
    assert_eq!(office.look(&zhang, "/todo").await.0, 303);
}

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// The one session of the store: its name and what is kept of it.
async fn kept(office: &Office) -> Vec<(String, String)> {
    duban::Store::documents(office.engine.store(), "session/").await.unwrap()
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let li = office.sign_in("li").await;
    let (began, first) = (office.engine.now(), kept(&office).await);
    office.clock.set(began.plus_millis(HOUR / 5));
    assert_eq!(office.look(&li, "/todo").await.0, 200);
    assert_eq!(kept(&office).await, first, "looking at pages writes nothing");
    office.clock.set(began.plus_millis(HOUR));
    assert_eq!(office.look(&li, "/todo").await.0, 200);
    let used = kept(&office).await;
    assert_ne!(used, first, "once in a while it is noted");

    // A page that looks for changes by itself is no use.
    office.clock.set(began.plus_millis(2 * HOUR));
    let refresh = office.bare(Method::GET, "/todo").header("cookie", &li);
    assert_eq!(refresh.header("duban-refresh", "1").send().await.unwrap().status(), 200);
    assert_eq!(kept(&office).await, used);
    office.clock.set(began.plus_millis(3 * HOUR + HOUR / 4 + 1));
    assert_eq!(office.look(&li, "/todo").await.0, 303);
    // Signing in takes away what has run out.
    office.clock.set(began.plus_millis(13 * HOUR));
    office.sign_in("li").await;
    assert_eq!(kept(&office).await.len(), 1);
}

async fn press(office: &Office, cookie: &str, path: &str, form: &[(&str, &str)]) -> u16 {
    let request = office.bare(Method::POST, path).header("cookie", cookie).form(form);
    request.send().await.unwrap().status().as_u16()
}

/// The ids of the sessions that a page shows.
fn ids(page: &str) -> Vec<String> {
    let rest = page.split("name=\"session\" value=\"").skip(1);
    let ids = rest.map(|rest| rest.split('"').next().unwrap().replace("&#47;", "/"));
    ids.collect()
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_whose_they_are_and_by_security() {
    let office = Office::new().await;
    office.accounts(&[("li", "li"), ("zhang", "zhang")]).await;
    let security = office.sign_in("security").await;
    let (one, two) = (office.sign_in("li").await, office.sign_in("li").await);
    let zhang = office.sign_in("zhang").await;
    let shown = ids(&office.look(&zhang, "/sessions").await.1);
    // The link that set the password began one as well.
    assert_eq!(shown.len(), 2);
    let (_, page) = office.look(&one, "/sessions").await;
    let own = ids(&page);
    assert!(own.len() == 3 && page.contains("（本次）") && page.contains("127.0.0.1"), "{page}");

    assert_eq!(press(&office, &zhang, "/sessions", &[("session", &own[0])]).await, 404);
    assert_eq!(office.look(&one, "/todo").await.0, 200);
    assert_eq!(press(&office, &one, "/sessions", &[]).await, 303);
    for cookie in [&one, &two] {
        assert_eq!(office.look(cookie, "/todo").await.0, 303);
    }
    assert_eq!(office.look(&zhang, "/todo").await.0, 200);

    for who in ["zhang", "张三"] {
        let (_, page) = office.look(&security, &format!("/accounts?who={who}")).await;
        assert_eq!(ids(&page), shown, "{who}");
    }
    let (status, page) = office.look(&security, "/accounts?who=nobody").await;
    assert!(status == 422 && page.contains("通讯录里没有"), "{page}");
    let end = [("what", "end_all"), ("session", shown[0].as_str())];
    assert_eq!(press(&office, &zhang, "/accounts", &end).await, 403);
    assert_eq!(press(&office, &security, "/accounts", &end).await, 303);
    assert_eq!(office.look(&zhang, "/todo").await.0, 303);
    for id in ["", "x", "../account/li", "x/y"] {
        let end = [("what", "end"), ("session", id)];
        assert_eq!(press(&office, &security, "/accounts", &end).await, 404, "{id}");
    }
    let left = ids(&office.look(&security, "/accounts").await.1);
    assert_eq!(left.len(), 3, "those of the security administrator");
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_began() {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let (li, security) = (office.sign_in("li").await, office.sign_in("security").await);
    let form = [("what", "link"), ("login", "li")];
    let request = office.bare(Method::POST, "/accounts").header("cookie", &security).form(&form);
    let page = request.send().await.unwrap().text().await.unwrap();
    let key = page.split_once("key=").unwrap().1.split_once('<').unwrap().0;
    assert_eq!(office.look(&li, "/todo").await.0, 200, "the link alone does nothing");
    let form = [("key", key), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(post(&office, "/welcome", &form).await.0, 303);
    assert_eq!(office.look(&li, "/todo").await.0, 303);
}

#[tokio::test]
async fn tries_are_counted_by_address() {
    let office =
        Office::with(|settings| duban_web::Settings { is_behind_tls: true, ..settings }).await;
    let from = async |address: &str| {
        let request = office.bare(Method::GET, "/signin/handover?token=x");
        let request = request.header("x-forwarded-for", format!("1.2.3.4, {address}"));
        request.send().await.unwrap().status().as_u16()
    };
    let mut tries = 0;
    while from("9.9.9.9").await == 404 {
        tries += 1;
        assert!(tries < 5_000, "nothing stops it");
    }
    assert!(tries >= 120, "{tries}");
    assert_eq!(from("9.9.9.8").await, 404);
}
