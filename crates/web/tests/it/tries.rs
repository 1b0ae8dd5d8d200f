//! Guessing passwords: whoever tries is stopped, and nobody else is.

use std::net::{IpAddr, Ipv4Addr};

use duban_web::{Accounts, Settings};
use reqwest::{Client, Method, Response};

use crate::support::{Office, PASSWORD, cookie};

/// Somebody at an address of their own.
struct Desk {
    client: Client,
    office: std::sync::Arc<Office>,
}

impl Desk {
    fn new(office: &std::sync::Arc<Office>, last: u8) -> Self {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
        Self { client: client.build().unwrap(), office: std::sync::Arc::clone(office) }
    }

    async fn send(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.client.post(self.office.url(path)).form(form).send().await.unwrap()
    }

    async fn try_in(&self, login: &str, password: &str) -> u16 {
        self.send("/signin", &[("login", login), ("password", password)]).await.status().as_u16()
    }

    /// Wrong tries until they are refused; how many were not.
    async fn guess(&self, login: &str) -> usize {
        for tries in 0..200 {
            if self.try_in(login, "wrong").await == 429 {
                return tries;
            }
        }
        panic!("nothing stops whoever guesses");
    }
}

async fn office() -> std::sync::Arc<Office> {
    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    std::sync::Arc::new(office)
}

#[tokio::test]
async fn whoever_guesses_at_one_desk_locks_nobody_out_at_another() {
    let office = office().await;
    for login in ["li", "security", "nobody"] {
        let tries = Desk::new(&office, 10).guess(login).await;
        assert!((10..20).contains(&tries), "{login}: {tries}");
    }
    let owner = Desk::new(&office, 11);
    assert_eq!(owner.try_in("li", PASSWORD).await, 303);
    assert_eq!(owner.try_in("security", PASSWORD).await, 303);
    assert_eq!(Desk::new(&office, 10).try_in("li", PASSWORD).await, 429);
}

#[tokio::test]
async fn guesses_from_everywhere_keep_nobody_out_who_is_in() {
    let office = office().await;
    let owner = Desk::new(&office, 100);
    let entered = owner.send("/signin", &[("login", "li"), ("password", PASSWORD)]).await;
    assert_eq!(entered.status(), 303);
    let session = cookie(&entered);
    let mut tries = 0;
    let mut desks = 0;
    for last in 20..60 {
        let own = Desk::new(&office, last).guess("li").await;
        tries += own;
        desks += 1;
        if own == 0 {
            break;
        }
    }
    assert!(desks > 5 && desks < 30, "{tries} tries at {desks} desks");
    assert_eq!(Desk::new(&office, 101).try_in("li", PASSWORD).await, 429, "a new address waits");
    assert_eq!(Desk::new(&office, 101).try_in("security", PASSWORD).await, 303, "others do not");
    // Whoever is in goes on, may sign in once more from there, and may set a new password.
    assert_eq!(office.look(&session, "/todo").await.0, 200);
    assert_eq!(owner.try_in("li", PASSWORD).await, 303);
    let security = office.sign_in("security").await;
    let form = [("what", "link"), ("login", "li")];
    let page = office.bare(Method::POST, "/accounts").header("cookie", &security).form(&form);
    let page = page.send().await.unwrap().text().await.unwrap();
    let key = page.split_once("key=").unwrap().1.split_once('<').unwrap().0;
    let form = [("key", key), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(owner.send("/welcome", &form).await.status(), 303);
}

#[tokio::test]
async fn a_link_works_however_many_try_from_the_same_address() {
    let office = std::sync::Arc::new(Office::new().await);
    let now = office.engine.now().millis();
    let link = Accounts::first_link(office.engine.store(), now).await.unwrap().unwrap();
    let desk = Desk::new(&office, 12);
    let set = async |key: &str| {
        let form = [("key", key), ("password", PASSWORD), ("again", PASSWORD)];
        desk.send("/welcome", &form).await.status().as_u16()
    };
    let mut tries = 0;
    while set("guessed").await != 429 {
        tries += 1;
        assert!(tries < 500, "nothing stops whoever guesses keys");
    }
    assert!(tries >= 120, "{tries}");
    assert_eq!(set(link.split_once("key=").unwrap().1).await, 303);
}

#[tokio::test]
async fn the_word_of_a_stranger_on_whom_they_speak_for_is_not_taken() {
    let proxy: IpAddr = "127.0.0.50".parse().unwrap();
    let office = Office::with(|settings| Settings {
        is_behind_tls: true,
        trusted_proxies: Some(vec![proxy]),
        ..settings
    })
    .await;
    let office = std::sync::Arc::new(office);
    let claim = async |desk: &Desk, number: usize| {
        let request = desk.client.get(office.url("/signin/handover?token=x"));
        let claimed = format!("9.9.{}.{}", number / 200, number % 200);
        request.header("x-forwarded-for", claimed).send().await.unwrap().status().as_u16()
    };
    let (stranger, proxy) = (Desk::new(&office, 51), Desk::new(&office, 50));
    let mut tries = 0;
    while claim(&stranger, tries).await == 404 {
        tries += 1;
        assert!(tries < 1_000, "another claim each time is another address");
    }
    assert!(tries >= 120, "{tries}");
    for number in 0..300 {
        assert_eq!(claim(&proxy, number).await, 404, "the proxy is believed");
    }
}
