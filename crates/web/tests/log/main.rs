//! The security log: what has a line, and what no line holds. A program of its own: whoever
//! listens to the log must be there before anything else is logged.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which use the rest")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{HandoverKeys, HandoverOptions, PersonKey, Settings, SignIn, SignInOptions};
use reqwest::Method;
use serde_json::json;

use crate::support::{Office, PASSWORD};

/// Lines that were logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_concerns_security_is_logged_and_no_secret_is() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE);
    // For this thread, on which the daemon of the test runs as well.
    let _guard = tracing::subscriber::set_default(log.finish());

    let office = Office::new().await;
    office.accounts(&[("li", "li")]).await;
    let send = async |cookie: &str, path: &str, form: &[(&str, &str)]| {
        let request = office.bare(Method::POST, path).header("cookie", cookie).form(form);
        request.send().await.unwrap().text().await.unwrap()
    };
    let wrong = "not the right one";
    send("", "/signin", &[("login", "li"), ("password", wrong)]).await;
    let security = office.sign_in("security").await;
    let li = office.sign_in("li").await;
    let page =
        send(&security, "/accounts", &[("what", "token"), ("name", "oa"), ("scope", "read")]);
    let page = page.await;
    let token = page.split_once("<code id=\"secret\">").unwrap().1.split_once('<').unwrap().0;
    assert!(token.starts_with("duban_"), "{token}");
    send(&security, "/accounts", &[("what", "revoke"), ("name", "oa")]).await;
    let page = send(&security, "/accounts", &[("what", "link"), ("login", "li")]).await;
    let key = page.split_once("key=").unwrap().1.split_once('<').unwrap().0;
    send(&security, "/accounts", &[("what", "end"), ("session", "a/b")]).await;
    send(&security, "/accounts", &[("what", "remove"), ("login", "li")]).await;
    send(&security, "/sessions", &[]).await;
    let again = office.sign_in("security").await;
    send(&again, "/signout", &[]).await;

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let expected = [
        "password set login=\"security\"",
        "sign-in refused login=\"li\" address=127.0.0.1",
        "signed in login=\"li\" way=\"password\" address=127.0.0.1",
        "accounts by=\"security\" what=\"create\" login=\"li\"",
        "accounts by=\"security\" what=\"token\" login=\"\" token=\"oa\"",
        "token made token=\"oa\" scope=\"read\"",
        "token removed token=\"oa\"",
        "accounts by=\"security\" what=\"revoke\" login=\"\" token=\"oa\"",
        "accounts by=\"security\" what=\"end\" login=\"\" token=\"\" session=\"a/b\" error=",
        "accounts by=\"security\" what=\"remove\" login=\"li\"",
        "own sessions ended login=\"security\"",
        "signed out login=\"security\"",
    ];
    for expected in expected {
        let line = logged.lines().find(|line| line.contains(expected));
        let line = line.unwrap_or_else(|| panic!("no line `{expected}` in:\n{logged}"));
        assert!(line.contains("duban::security:"), "{line}");
    }
    let cookies = [&security, &li, &again].map(|cookie| cookie.split_once('.').unwrap().1);
    for secret in [PASSWORD, wrong, token, key].iter().chain(&cookies) {
        assert!(!logged.contains(secret), "a line holds `{secret}`");
    }
}

/// Tokens are taken from another system, whose key signs nothing here.
fn handed_over() -> SignIn {
    let keys = json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one",
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    }] });
    let handover = HandoverOptions {
        issuer: "https://oa.example.cn".to_owned(),
        audience: "duban".to_owned(),
        keys: HandoverKeys::Set(keys.to_string()),
        claim: "sub".to_owned(),
        person: PersonKey::Id,
        path_claim: "path".to_owned(),
        seconds_max: 300,
    };
    let options = SignInOptions { handover: Some(handover), ..SignInOptions::default() };
    SignIn::new(options, &HttpClient::new(ClientOptions::default()).unwrap()).unwrap()
}

#[tokio::test]
async fn what_strangers_send_stays_short_in_every_line() {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO);
    let _guard = tracing::subscriber::set_default(log.finish());
    drop(rustls::crypto::ring::default_provider().install_default());
    let sign_in = Arc::new(handed_over());
    let office = Office::with(|settings| Settings { sign_in, ..settings }).await;

    let mut answers = Vec::new();
    for letter in ["x", "%01", "%1B", "督", "%22", "%5C", "%E2%80%AE"] {
        let body = format!("login={}&password=p", letter.repeat(16_000 / letter.len()));
        for _ in 0..12 {
            let request = office.bare(Method::POST, "/signin").body(body.clone());
            let request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("x-request-id", "i".repeat(5_000))
                .header("user-agent", "u".repeat(5_000));
            answers.push(request.send().await.unwrap().status().as_u16());
        }
    }
    assert!(answers.contains(&401) && answers.contains(&429), "{answers:?}");
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let long = "y".repeat(2_000);
    for (header, claims) in [
        (
            json!({ "alg": "ES256", "kid": "one" }),
            json!({ "iss": long, "aud": "duban", "sub": "z" }),
        ),
        (json!({ "alg": long }), json!({})),
        (json!({ "alg": "ES256", "kid": long }), json!({ "iss": long, "aud": [long] })),
    ] {
        let token = format!("{}.{}.{}", part(header), part(claims), part(json!(long)));
        let form = [("token", token.as_str())];
        let request = office.bare(Method::POST, "/signin/handover").form(&form);
        answers.push(request.send().await.unwrap().status().as_u16());
    }
    let path = format!("/signin/handover?token={}", "w".repeat(3_000));
    office.look("", &path).await;
    office.look("", &format!("/{}", "v".repeat(3_000))).await;

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("sign-in refused") && logged.contains("too many tries"), "{logged}");
    for line in logged.lines() {
        assert!(line.len() <= 1_024, "{} bytes: {line}", line.len());
        for letter in ['x', 'y', 'i', 'u', 'v', 'w', '督'] {
            let run = letter.to_string().repeat(65);
            assert!(!line.contains(&run), "{line}");
        }
    }
}
