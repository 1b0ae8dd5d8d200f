//! duban inside another system's frame, with somebody whom that system hands over.

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{HandoverKeys, HandoverOptions, PersonKey, Settings, SignIn, SignInOptions};
use serde_json::json;
use tokio::net::TcpListener;

use crate::chromium::Browser;
use crate::signing::Key;
use crate::support::Office;

/// `localhost` and `127.0.0.1` are two sites to a browser, and it trusts both as if over TLS.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_works_in_a_frame_of_the_system_that_hands_them_over() {
    let key = Key::new("one", 7);
    let handover = HandoverOptions {
        issuer: "https://oa.example.cn".to_owned(),
        audience: "duban".to_owned(),
        keys: HandoverKeys::Set(json!({ "keys": [key.public()] }).to_string()),
        claim: "sub".to_owned(),
        person: PersonKey::Id,
        path_claim: "path".to_owned(),
        seconds_max: 300,
    };
    let options = SignInOptions { handover: Some(handover), ..SignInOptions::default() };
    let client = HttpClient::new(ClientOptions::default()).unwrap();
    let sign_in = Arc::new(SignIn::new(options, &client).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let oa = format!("http://{}", listener.local_addr().unwrap());
    let office = Office::with(|settings| Settings {
        sign_in,
        frame_ancestors: vec![oa.clone()],
        is_behind_tls: true,
        ..settings
    })
    .await;
    office.open_of("plan").await;

    let now = office.engine.now().millis() / 1_000;
    let token = key.token(&json!({
        "iss": "https://oa.example.cn", "aud": "duban", "sub": "li", "path": "/todo",
        "iat": now, "exp": now + 60, "jti": "1",
    }));
    let duban = office.url("").replace("127.0.0.1", "localhost");
    let page = format!(
        "<!doctype html><title>OA</title><main>
        <form method=\"post\" action=\"{duban}/signin/handover\" target=\"duban\">
        <input type=\"hidden\" name=\"token\" value=\"{token}\"><button>督办</button></form>
        <iframe name=\"duban\" width=\"1000\" height=\"800\"></iframe></main>"
    );
    let router = Router::new().route("/", get(async move || Html(page)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let browser = Browser::start().await;
    browser.go(&oa).await;
    browser.click("main button").await;
    browser.driver.enter_frame(0).await.unwrap();
    browser.wait_for("a[href='/sessions']").await;
    browser.wait_for_text("起草计划").await;
    // The cookie comes with every later request of the frame, and its forms are its own.
    browser.click("nav a[href='/duties']").await;
    browser.wait_for("nav a[href='/duties'][aria-current]").await;
    browser.click("a[href='/sessions']").await;
    browser.wait_for_text("办公系统转入").await;
    browser.picture("frame-sessions").await;
    browser.click("form[action='/signout'] button").await;
    browser.wait_for("input[name=password]").await;
    browser.quit().await;
}
