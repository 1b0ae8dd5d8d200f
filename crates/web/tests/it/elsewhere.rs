//! Signing in elsewhere, with an identity provider, a CAS server and another system's page that
//! are there, on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response as AxumResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{
    CasOptions, HandoverKeys, HandoverOptions, OidcOptions, PersonKey, Settings, SignIn,
    SignInOptions,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use crate::signing::{Key, encode, shared, unsigned};
use crate::support::Office;

type Fields = BTreeMap<String, String>;

const SITE: &str = "https://duban.example.cn";
const SECRET: &str = "between us";

/// What the peer knows and has been asked.
#[derive(Default)]
struct Known {
    address: String,
    /// Who is signed in there: claims of the ID token, and what the user-info endpoint adds.
    claims: Value,
    more: Value,
    /// Sign-ins by their code: what was asked for.
    codes: BTreeMap<String, Fields>,
    /// The keys that are published, and how often they were asked for.
    published: Vec<Value>,
    fetched: usize,
    /// The key that signs.
    signs: Option<Key>,
    now: i64,
    given: usize,
    /// Services by ticket, and the answer to a valid one.
    tickets: BTreeMap<String, String>,
}

/// An identity provider and a CAS server.
#[derive(Clone, Default)]
struct Peer(Arc<Mutex<Known>>);

impl Peer {
    async fn new() -> Self {
        let peer = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = Key::new("one", 7);
        peer.with(|known| {
            known.address = format!("http://{}", listener.local_addr().unwrap());
            known.published = vec![key.public()];
            known.signs = Some(key);
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/me", get(user_info))
            .route("/cas/login", get(cas_login))
            .route("/cas/p3/serviceValidate", get(cas_validate))
            .with_state(peer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        peer
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// A name that was not given before.
    fn number(&self, prefix: &str) -> String {
        self.with(|known| {
            known.given += 1;
            format!("{prefix}{}", known.given)
        })
    }

    fn at(&self, path: &str) -> String {
        self.with(|known| format!("{}{path}", known.address))
    }
}

async fn discovery(State(peer): State<Peer>) -> Json<Value> {
    let at = |path| peer.at(path);
    Json(json!({
        "issuer": at(""),
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/me"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
    }))
}

async fn keys(State(peer): State<Peer>) -> Json<Value> {
    peer.with(|known| {
        known.fetched += 1;
        Json(json!({ "keys": known.published }))
    })
}

/// Whoever comes is signed in at once and sent back with a code.
async fn authorize(State(peer): State<Peer>, Query(asked): Query<Fields>) -> AxumResponse {
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], "duban");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(asked["scope"], "openid profile");
    let code = peer.number("c");
    let back = format!(
        "{}?code={code}&state={}&iss={}",
        asked["redirect_uri"],
        asked["state"],
        peer.at("").replace(':', "%3A").replace('/', "%2F")
    );
    peer.with(|known| known.codes.insert(code, asked));
    (StatusCode::FOUND, [("location", back)]).into_response()
}

/// A code works once, for the client that asked for it, with its proof key.
async fn token(
    State(peer): State<Peer>,
    headers: axum::http::HeaderMap,
    Form(form): Form<Fields>,
) -> AxumResponse {
    let refusal = |why: &str| {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": "invalid_grant", "error_description": why })),
        )
            .into_response()
    };
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("duban:{}", SECRET.replace(' ', "+")),
    );
    if headers
        .get("authorization")
        .is_none_or(|it| it.as_bytes() != format!("Basic {basic}").as_bytes())
    {
        return refusal("client");
    }
    peer.with(|known| {
        let Some(asked) = known.codes.remove(&form["code"]) else { return refusal("code") };
        let challenge = encode(&Sha256::digest(form["code_verifier"].as_bytes()));
        if asked["code_challenge"] != challenge || asked["redirect_uri"] != form["redirect_uri"] {
            return refusal("proof");
        }
        let mut claims = json!({
            "iss": known.address, "aud": "duban", "sub": "s-1",
            "iat": known.now, "exp": known.now + 60, "nonce": asked["nonce"],
        });
        for (name, value) in known.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = known.signs.as_ref().unwrap().token(&claims);
        Json(json!({ "access_token": "a1", "token_type": "Bearer", "id_token": token }))
            .into_response()
    })
}

async fn user_info(State(peer): State<Peer>, headers: axum::http::HeaderMap) -> AxumResponse {
    if headers["authorization"] != "Bearer a1" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    peer.with(|known| Json(known.more.clone()).into_response())
}

async fn cas_login(State(peer): State<Peer>, Query(asked): Query<Fields>) -> AxumResponse {
    let service = asked["service"].clone();
    let ticket = peer.number("ST-");
    let back = format!("{service}&ticket={ticket}");
    peer.with(|known| known.tickets.insert(ticket, service));
    (StatusCode::FOUND, [("location", back)]).into_response()
}

async fn cas_validate(State(peer): State<Peer>, Query(asked): Query<Fields>) -> String {
    let service = peer.with(|known| known.tickets.remove(&asked["ticket"]));
    let inner = if service.as_ref() == Some(&asked["service"]) {
        "<cas:authenticationSuccess><cas:user>someone</cas:user><cas:attributes>\
         <cas:number>0417</cas:number></cas:attributes></cas:authenticationSuccess>"
    } else {
        "<cas:authenticationFailure code=\"INVALID_TICKET\">no</cas:authenticationFailure>"
    };
    format!(
        "<cas:serviceResponse xmlns:cas=\"http://www.yale.edu/tp/cas\">{inner}</cas:serviceResponse>"
    )
}

/// The ways to sign in with the peer.
async fn ways(change: impl FnOnce(&mut SignInOptions)) -> (Arc<SignIn>, Peer) {
    let peer = Peer::new().await;
    let allowed = vec!["127.0.0.1".to_owned()];
    let options = ClientOptions { allowed_hosts: allowed.clone(), ..ClientOptions::default() };
    let client = HttpClient::new(options).unwrap();
    let mut options = SignInOptions {
        site: Some(SITE.to_owned()),
        oidc: Some(OidcOptions {
            label: "统一认证".to_owned(),
            issuer: peer.at(""),
            client_id: "duban".to_owned(),
            client_secret: Some(SECRET.to_owned()),
            scopes: vec!["profile".to_owned()],
            claim: "staff".to_owned(),
            person: PersonKey::Address("staff".to_owned()),
        }),
        cas: Some(CasOptions {
            label: "单点登录".to_owned(),
            server: peer.at("/cas"),
            attribute: Some("number".to_owned()),
            person: PersonKey::Address("staff".to_owned()),
        }),
        handover: Some(HandoverOptions {
            issuer: "https://oa.example.cn".to_owned(),
            audience: "duban".to_owned(),
            keys: HandoverKeys::Url(peer.at("/keys")),
            claim: "sub".to_owned(),
            person: PersonKey::Id,
            path_claim: "path".to_owned(),
            seconds_max: 300,
        }),
        plain_hosts: allowed,
        ..SignInOptions::default()
    };
    change(&mut options);
    (Arc::new(SignIn::new(options, &client).unwrap()), peer)
}

/// An office where people sign in so.
async fn office(change: impl FnOnce(&mut SignInOptions)) -> (Office, Peer) {
    let (sign_in, peer) = ways(change).await;
    let office = Office::with(|settings| Settings { sign_in, ..settings }).await;
    peer.with(|known| {
        known.now = office.engine.now().millis() / 1_000;
        known.claims = json!({ "staff": "0417" });
    });
    (office, peer)
}

fn cookie(response: &Response) -> String {
    let set = response.headers()["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A browser that goes to sign in: its cookie, and the way back that it is sent.
async fn go(office: &Office, path: &str) -> (String, String) {
    let begun = office.bare(Method::GET, path).send().await.unwrap();
    assert_eq!(begun.status(), 303, "{path}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let there = client.unwrap().get(location(&begun)).send().await.unwrap();
    let back = location(&there);
    (cookie(&begun), back.strip_prefix(SITE).unwrap().to_owned())
}

async fn back(office: &Office, cookie: &str, path: &str) -> Response {
    office.bare(Method::GET, path).header("cookie", cookie).send().await.unwrap()
}

async fn told(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn whoever_signs_in_elsewhere_comes_back_to_where_they_were() {
    let (office, _peer) = office(|_| ()).await;
    for path in ["/signin/oidc?to=%2Ftasks%3Flight%3Dred", "/signin/cas?to=%2Ftasks%3Flight%3Dred"]
    {
        let (browser, way) = go(&office, path).await;
        let entered = back(&office, &browser, &way).await;
        assert_eq!(entered.status(), 303, "{path}: {}", entered.text().await.unwrap());
        assert_eq!(location(&entered), "/tasks?light=red");
        let li = cookie(&entered);
        let (status, page) = office.look(&li, "/todo").await;
        assert!(status == 200 && page.contains("李四"), "{path}");
        assert_eq!(told(back(&office, &browser, &way).await).await.0, 403, "{path}: it works once");
    }
    let (status, page) = office.look("", "/signin?to=%2Ftodo").await;
    assert_eq!(status, 200);
    assert!(page.contains("href=\"/signin/oidc?to=%2Ftodo\">统一认证<"), "{page}");
    assert!(page.contains("href=\"/signin/cas?to=%2Ftodo\">单点登录<"), "{page}");
}

#[tokio::test]
async fn a_sign_in_belongs_to_its_browser_and_to_its_time() {
    let (office, _peer) = office(|_| ()).await;
    for path in ["/signin/oidc", "/signin/cas"] {
        let (mine, way) = go(&office, path).await;
        let (other, others_way) = go(&office, path).await;
        // Somebody sends me the way back of their own sign-in, or I have no cookie.
        for (browser, way) in [(&mine, &others_way), (&other, &way), (&String::new(), &way)] {
            let (status, page) = told(back(&office, browser, way).await).await;
            assert!(status == 403 && page.contains("不是在这个浏览器里开始的"), "{path}: {page}");
        }
        let forged = way.replace("state=", "state=0");
        assert_eq!(back(&office, &mine, &forged).await.status(), 403);
        let swapped = if path.ends_with("oidc") {
            way.replace("/oidc/", "/cas/").replace("code=", "ticket=")
        } else {
            way.replace("/cas/", "/oidc/").replace("ticket=", "code=")
        };
        assert_eq!(back(&office, &mine, &swapped).await.status(), 403, "the other way in");
        // None of that has used it up.
        assert_eq!(back(&office, &mine, &way).await.status(), 303, "{path}");

        let (late, way) = go(&office, path).await;
        office.clock.set(office.engine.now().plus_millis(600_001));
        assert_eq!(back(&office, &late, &way).await.status(), 403, "{path}: ten minutes");
    }
    // One browser, two tabs.
    let (browser, first) = go(&office, "/signin/cas?to=%2Fone").await;
    let begun = office.bare(Method::GET, "/signin/cas?to=%2Ftwo").header("cookie", &browser);
    let begun = begun.send().await.unwrap();
    assert_eq!(cookie(&begun), browser);
    assert_eq!(location(&back(&office, &browser, &first).await), "/one");
}

#[tokio::test]
async fn nothing_leads_away() {
    let (office, _peer) = office(|_| ()).await;
    for to in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%0D%0Ax"]
    {
        let (browser, way) = go(&office, &format!("/signin/oidc?to={to}")).await;
        assert_eq!(location(&back(&office, &browser, &way).await), "/", "{to}");
    }
    for path in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let (_, response) = hand(&office, &json!({ "path": path })).await;
        assert_eq!(location(&response), "/", "{path}");
    }
    let (_, response) = hand(&office, &json!({ "path": "/cases/1?a=b" })).await;
    assert_eq!(location(&response), "/cases/1?a=b");
}

#[tokio::test]
async fn what_a_provider_says_is_checked() {
    let (office, peer) = office(|_| ()).await;
    let attempt = async |claims: Value| {
        peer.with(|known| known.claims = claims);
        let (browser, way) = go(&office, "/signin/oidc").await;
        told(back(&office, &browser, &way).await).await
    };
    let now = peer.with(|known| known.now);
    let bad = [
        json!({ "staff": "0417", "iss": "https://other.example" }),
        json!({ "staff": "0417", "aud": "other" }),
        json!({ "staff": "0417", "aud": ["duban", "other"] }),
        json!({ "staff": "0417", "exp": now - 61 }),
        json!({ "staff": "0417", "iat": now + 61 }),
        json!({ "staff": "0417", "nonce": "other" }),
        json!({ "staff": ["0417"] }),
    ];
    for claims in bad {
        let (status, page) = attempt(claims.clone()).await;
        assert!(status == 403 && page.contains("无法确认您的身份"), "{claims}: {page}");
    }
    // Clocks differ a little.
    assert_eq!(attempt(json!({ "staff": "0417", "exp": now - 59 })).await.0, 303);
    assert_eq!(attempt(json!({ "staff": 417 })).await.0, 403, "nobody's number");

    let nobody = attempt(json!({ "staff": "<b>9" })).await;
    assert!(nobody.0 == 403 && nobody.1.contains("账号“&#60;b&#62;9”"), "{}", nobody.1);
    let two = attempt(json!({ "staff": "0001" })).await;
    assert!(two.0 == 403 && two.1.contains("对应几位人员"), "{}", two.1);

    // What the token leaves out is asked for.
    peer.with(|known| known.more = json!({ "sub": "s-1", "staff": "0417" }));
    assert_eq!(attempt(json!({})).await.0, 303);
    peer.with(|known| known.more = json!({ "sub": "s-2", "staff": "0417" }));
    assert_eq!(attempt(json!({})).await.0, 403, "another subject");

    let (browser, way) = go(&office, "/signin/oidc").await;
    let (status, page) =
        told(back(&office, &browser, &way.replace("code=", "error=access_denied&was=")).await)
            .await;
    assert!(status == 403 && page.contains("access_denied"), "{page}");
    let (browser, way) = go(&office, "/signin/oidc").await;
    let mixed = format!("{}&iss=https%3A%2F%2Fother.example", way.split("&iss=").next().unwrap());
    assert_eq!(back(&office, &browser, &mixed).await.status(), 403, "another issuer's answer");
}

#[tokio::test]
async fn keys_may_change_and_are_not_asked_for_at_will() {
    let (office, peer) = office(|_| ()).await;
    let fetched = || peer.with(|known| known.fetched);
    let attempt = async || {
        let (browser, way) = go(&office, "/signin/oidc").await;
        back(&office, &browser, &way).await.status().as_u16()
    };
    assert_eq!((attempt().await, fetched()), (303, 1));
    assert_eq!((attempt().await, fetched()), (303, 1), "they are kept");
    let new = Key::new("two", 8);
    peer.with(|known| {
        known.published = vec![new.public()];
        known.signs = Some(new);
    });
    assert_eq!((attempt().await, fetched()), (403, 1), "too soon after the last time");
    office.clock.set(office.engine.now().plus_millis(60_000));
    assert_eq!((attempt().await, fetched()), (303, 2));
    assert_eq!((attempt().await, fetched()), (303, 2));
    office.clock.set(office.engine.now().plus_millis(60_000));
    peer.with(|known| known.signs = Some(Key::new("invented", 9)));
    assert_eq!((attempt().await, fetched()), (403, 3));
    assert_eq!((attempt().await, fetched()), (403, 3));
}

/// The key of the other system.
fn oa() -> Key {
    Key::new("one", 7)
}

/// A token's claims, some of them changed; `null` takes one away.
fn claims(office: &Office, changed: &Value) -> Value {
    let now = office.engine.now().millis() / 1_000;
    let mut claims = json!({
        "iss": "https://oa.example.cn", "aud": "duban", "sub": "li", "iat": now, "exp": now + 120,
        "jti": format!("{changed}"),
    });
    for (name, value) in changed.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

async fn show(office: &Office, token: &str) -> Response {
    let request = office.bare(Method::POST, "/signin/handover").form(&[("token", token)]);
    // A page of the other system sends it.
    let request = request.header("origin", "https://oa.example.cn");
    request.header("sec-fetch-site", "cross-site").send().await.unwrap()
}

async fn hand(office: &Office, changed: &Value) -> (String, Response) {
    let token = oa().token(&claims(office, changed));
    let response = show(office, &token).await;
    (token, response)
}

#[tokio::test]
async fn a_token_that_is_handed_over_opens_once() {
    let (office, _peer) = office(|_| ()).await;
    let (token, entered) = hand(&office, &json!({ "path": "/duties" })).await;
    assert_eq!((entered.status().as_u16(), location(&entered)), (303, "/duties".to_owned()));
    assert_eq!(office.look(&cookie(&entered), "/todo").await.0, 200);
    let again = told(show(&office, &token).await).await;
    assert!(again.0 == 403 && again.1.contains("已经用过"), "{}", again.1);

    // Without an id it is known by what is signed, however its signature is spelt.
    let (token, entered) = hand(&office, &json!({ "jti": null })).await;
    assert_eq!(entered.status(), 303);
    let respelt = Key::respelt(&token);
    assert_ne!(respelt, token);
    for token in [&token, &respelt] {
        assert!(told(show(&office, token).await).await.1.contains("已经用过"));
    }
    // One id, two tokens.
    assert_eq!(hand(&office, &json!({ "jti": "x" })).await.1.status(), 303);
    assert_eq!(hand(&office, &json!({ "jti": "x", "path": "/duties" })).await.1.status(), 403);

    // In a link.
    let token = oa().token(&claims(&office, &json!({ "jti": "link" })));
    let path = format!("/signin/handover?token={token}");
    let entered = office.bare(Method::GET, &path).send().await.unwrap();
    assert_eq!(entered.status(), 303);
    assert_eq!(office.bare(Method::GET, &path).send().await.unwrap().status(), 403);

    // Nothing of it is kept once it could not be shown any more.
    office.clock.set(office.engine.now().plus_millis(400_000));
    assert_eq!(hand(&office, &json!({ "jti": "later" })).await.1.status(), 303);
    let kept = duban::Store::documents(office.engine.store(), "handover/").await.unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[tokio::test]
async fn nobody_has_more_than_twenty_sessions() {
    let (office, _peer) = office(|_| ()).await;
    let mut cookies = Vec::new();
    for number in 0..21 {
        office.clock.set(office.engine.now().plus_millis(1));
        cookies.push(cookie(&hand(&office, &json!({ "jti": number.to_string() })).await.1));
    }
    assert_eq!(office.look(&cookies[0], "/todo").await.0, 303, "the oldest has ended");
    for cookie in &cookies[1..] {
        assert_eq!(office.look(cookie, "/todo").await.0, 200);
    }
    // A browser that comes again has one session, not two.
    let token = oa().token(&claims(&office, &json!({ "jti": "again" })));
    let again = office.bare(Method::POST, "/signin/handover").header("cookie", &cookies[20]);
    let again = again.form(&[("token", &token)]).send().await.unwrap();
    assert_eq!(office.look(&cookies[20], "/todo").await.0, 303);
    assert_eq!(office.look(&cookie(&again), "/todo").await.0, 200);
    assert_eq!(office.look(&cookies[1], "/todo").await.0, 200);
}

#[tokio::test]
async fn forged_and_stale_tokens_are_refused() {
    let (office, peer) = office(|_| ()).await;
    let now = office.engine.now().millis() / 1_000;
    let signed = |changed: Value| oa().token(&claims(&office, &changed));
    let plain = claims(&office, &json!({}));
    let good = oa().token(&plain);
    let tampered = {
        let mut parts: Vec<&str> = good.split('.').collect();
        let other = encode(claims(&office, &json!({ "sub": "zhang" })).to_string().as_bytes());
        parts[1] = &other;
        parts.join(".")
    };
    let public = oa().public();
    let x = public["x"].as_str().unwrap();
    let bad = [
        ("another audience", signed(json!({ "aud": "other" }))),
        ("one more audience", signed(json!({ "aud": ["duban", "other"] }))),
        ("no audience", signed(json!({ "aud": null }))),
        ("another issuer", signed(json!({ "iss": "https://oa.example.cn/" }))),
        ("no issuer", signed(json!({ "iss": null }))),
        ("no subject", signed(json!({ "sub": null }))),
        ("expired", signed(json!({ "iat": now - 200, "exp": now - 61 }))),
        ("never expires", signed(json!({ "exp": null }))),
        ("lives too long", signed(json!({ "exp": now + 301 }))),
        ("backdated to live longer", signed(json!({ "iat": now - 250, "exp": now + 100 }))),
        ("no beginning", signed(json!({ "iat": null }))),
        ("from the future", signed(json!({ "iat": now + 61, "exp": now + 120 }))),
        ("not yet", signed(json!({ "nbf": now + 61 }))),
        ("unsigned", unsigned(&plain)),
        ("a shared secret: the key", shared("one", public.to_string().as_bytes(), &plain)),
        ("a shared secret: its point", shared("one", x.as_bytes(), &plain)),
        ("a shared secret: none", shared("one", b"", &plain)),
        ("an unknown key", Key::new("two", 8).token(&plain)),
        ("another key of that name", Key::new("one", 8).token(&plain)),
        ("changed on the way", tampered),
        ("cut off", good[..good.len() - 4].to_owned()),
        ("none", String::new()),
        ("no token", "督办".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9_000))),
        ("nobody", signed(json!({ "sub": "nobody" }))),
        ("a post of administration", signed(json!({ "sub": "security" }))),
    ];
    for (what, token) in bad {
        let response = show(&office, &token).await;
        assert_eq!(response.status(), 403, "{what}");
        assert!(!response.headers().contains_key("set-cookie"), "{what}");
    }
    assert_eq!(peer.with(|known| known.fetched), 1, "unknown keys do not have it asked again");
    // The clocks' difference is forgiven, and the good one was good all the time.
    let late = signed(json!({ "iat": now - 100, "exp": now - 59 }));
    assert_eq!(show(&office, &late).await.status(), 303);
    assert_eq!(show(&office, &good).await.status(), 303);
}

#[tokio::test]
async fn where_people_have_no_passwords_administrators_still_do() {
    let (office, _peer) = office(|options| options.passwords = false).await;
    office.accounts(&[]).await;
    let security = office.sign_in("security").await;
    assert_eq!(office.look(&security, "/accounts").await.0, 200);
    let form = [("what", "create"), ("login", "li"), ("holder", "li")];
    let request = office.bare(Method::POST, "/accounts").header("cookie", &security).form(&form);
    let (status, page) = told(request.send().await.unwrap()).await;
    assert!(status == 422 && page.contains("sign_in.passwords"), "{page}");
    let (_, page) = office.look("", "/signin").await;
    assert!(page.contains("<summary>管理员登录</summary>"), "{page}");
}

#[tokio::test]
async fn whoever_leaves_the_directory_is_out() {
    let (office, _peer) = office(|_| ()).await;
    let (_, entered) = hand(&office, &json!({})).await;
    let li = cookie(&entered);
    assert_eq!(office.look(&li, "/todo").await.0, 200);
    let mut data = office.engine.directory().data().clone();
    data.people.retain(|person| person.id.as_str() != "li");
    for post in &mut data.posts {
        post.holders.retain(|holder| holder.as_str() != "li");
    }
    data.stand_ins.clear();
    office.engine.set_directory(duban::Directory::new(data).unwrap()).await.unwrap();
    assert_eq!(office.look(&li, "/todo").await.0, 303);
}

#[tokio::test]
async fn a_way_that_is_not_set_up_is_not_there() {
    let office = Office::new().await;
    for path in [
        "/signin/oidc",
        "/signin/oidc/back?state=1&code=1",
        "/signin/cas",
        "/signin/cas/back?state=1&ticket=1",
        "/signin/handover?token=x",
    ] {
        assert_eq!(office.look("", path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_told() {
    let peer_down = "http://127.0.0.1:1".to_owned();
    let (office, _peer) = office(|options| {
        options.oidc.as_mut().unwrap().issuer.clone_from(&peer_down);
    })
    .await;
    let (status, page) = office.look("", "/signin/oidc").await;
    assert!(status == 502 && page.contains("暂时无法连接"), "{page}");
}

#[tokio::test]
async fn cookies_work_inside_a_frame_over_tls() {
    let (sign_in, _peer) = ways(|_| ()).await;
    let office = Office::with(|settings| Settings {
        sign_in,
        frame_ancestors: vec!["https://oa.example.cn".to_owned()],
        is_behind_tls: true,
        ..settings
    })
    .await;
    let (_, entered) = hand(&office, &json!({})).await;
    let set = entered.headers()["set-cookie"].to_str().unwrap();
    for part in
        ["__Host-duban_session=", "SameSite=None", "Secure", "Partitioned", "HttpOnly", "Path=/"]
    {
        assert!(set.contains(part), "{part}: {set}");
    }
    assert_eq!(office.look(&cookie(&entered), "/todo").await.0, 200);
    let bare = cookie(&entered).replace("__Host-", "");
    assert_eq!(office.look(&bare, "/todo").await.0, 303, "a cookie that another host may have set");
}
