//! What somebody may take of the service who has not signed in: raw sockets, as a hostile caller
//! uses them. Limits are short here; that they are kept is what is tested, not when.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use duban_web::{Limits, Scope, Settings};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Office;

/// How long to wait for what must happen, far beyond any limit that is set here.
const PATIENCE: Duration = Duration::from_secs(60);

async fn limited(change: impl FnOnce(&mut Limits)) -> Office {
    Office::with(|mut settings| {
        change(&mut settings.limits);
        settings
    })
    .await
}

fn count(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// A connection, and what was written to it.
async fn connect(office: &Office, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(office.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Everything until the other side closes. One that has closed already gives what it sent.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset comes after what was sent.
    drop(read.expect("the connection is closed"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Until the end of an answer's head.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap();
        bytes.push(read.unwrap());
    }
    String::from_utf8_lossy(&bytes).to_ascii_lowercase()
}

/// The status of an answer to a request that closes its connection.
async fn status(office: &Office, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = rest(&mut connect(office, &request).await).await;
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn form(path: &str, length: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
}

#[tokio::test]
async fn a_form_before_sign_in_is_small() {
    let office = Office::new().await;
    for path in ["/signin", "/welcome", "/signin/handover"] {
        for body in [16 * 1024 + 1, 64 * 1024 * 1024] {
            let head = form(path, &format!("Content-Length: {body}"));
            let mut stream = connect(&office, &head).await;
            stream.write_all(&vec![b'a'; 16 * 1024 + 1]).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 413"), "{path} {body}: {answer}");
            assert!(answer.contains("16 KiB"), "{answer}");
        }
        let mut stream = connect(&office, &form(path, "Transfer-Encoding: chunked")).await;
        for _ in 0..5 {
            let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
            // It may have been refused already.
            drop(stream.write_all(chunk.as_bytes()).await);
        }
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413"), "{path}");
    }
    // One that just fits is read.
    let body = format!("login=li&password={}", "a".repeat(16 * 1024 - 18));
    let request = office.bare(Method::POST, "/signin");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains("用户名或口令不对"));
}

#[tokio::test]
async fn nobody_is_waited_for_who_may_not_send_anything() {
    let office = Office::new().await;
    let paths = [
        "/",
        "/signout",
        "/language",
        "/live",
        "/todo",
        "/absences",
        "/templates/slip",
        "/cases/x/task",
        "/suites/x/publish",
        "/directory/import",
        "/calendars",
        "/accounts",
        "/signin/oidc/back",
        "/signin/cas/back",
        "/healthz",
        "/metrics",
        "/nowhere",
        "/api/openapi.json",
        "/api/v1/cases",
        "/api/v1/moves",
        "/api/v1/evidence",
        "/api/v1/directory/import",
        "/api/v1/accounts",
    ];
    for path in paths {
        // The body is announced and never comes.
        let mut stream = connect(&office, &form(path, "Content-Length: 67108864")).await;
        let head = head(&mut stream).await;
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!([303, 401, 404, 405].contains(&status), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_head_is_bounded() {
    let office = Office::new().await;
    let long = format!("X-A: {}\r\n", "a".repeat(70 * 1024));
    let many: String = (0..101).map(|number| format!("X-{number}: a\r\n")).collect();
    for lines in [long, many] {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        let answer = rest(&mut connect(&office, &head).await).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let office = limited(|limits| limits.head_max = Duration::from_millis(300)).await;
    for text in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "] {
        let answer = rest(&mut connect(&office, text).await).await;
        assert!(!answer.contains("200"), "{text}: {answer}");
    }
    // One that is idle after an answer.
    let mut idle = connect(&office, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(rest(&mut idle).await.ends_with("ok"));
    // One whose head comes byte by byte.
    let mut stream = connect(&office, "GET / HTTP/1.1\r\nX-A: ").await;
    let (mut read, mut write) = stream.split();
    let drip = async {
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let closed = async {
        let mut bytes = Vec::new();
        drop(read.read_to_end(&mut bytes).await);
    };
    let ended = async { tokio::join!(drip, closed) };
    tokio::time::timeout(PATIENCE, ended).await.expect("a drip does not hold a connection");
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_the_request_and_says_so() {
    let office = limited(|limits| {
        limits.body_pause_max = Duration::from_millis(500);
        limits.body_bytes_per_second_min = NonZeroU32::new(1_000_000).unwrap();
    })
    .await;
    let mut silent = connect(&office, &form("/signin", "Content-Length: 100")).await;
    let answer = rest(&mut silent).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("上传过慢"), "{answer}");
    // One whose every byte comes long before the pause is over.
    let mut stream = connect(&office, &form("/signin", "Content-Length: 10000")).await;
    let (mut read, mut write) = stream.split();
    let drip = async {
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = async {
        let mut bytes = Vec::new();
        drop(read.read_to_end(&mut bytes).await);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let ended = async { tokio::join!(drip, told).1 };
    let answer = tokio::time::timeout(PATIENCE, ended).await.expect("a drip ends");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");

    let token = office.token(Scope::Admin);
    let head = format!(
        "POST /api/v1/cases HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    let answer = rest(&mut connect(&office, &head).await).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("DB6041"), "{answer}");
}

#[tokio::test]
async fn connections_that_say_nothing_shut_nobody_out() {
    let office = limited(|limits| limits.connections_max = count(20)).await;
    let mut held = Vec::new();
    for text in ["", "GET / HTTP/1.1\r\nX-A: ", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"] {
        for _ in 0..30 {
            held.push(connect(&office, text).await);
        }
        assert_eq!(status(&office, "/healthz").await, "200");
    }
    // What was refused or given up is closed, not kept.
    let first = rest(&mut held[0]).await;
    assert!(first.is_empty(), "{first}");
}

#[tokio::test]
async fn where_every_connection_is_busy_one_more_is_told_when_to_come_back() {
    let office = limited(|limits| limits.connections_max = count(3)).await;
    let token = office.token(Scope::Read);
    let listen = format!(
        "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let mut busy = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&office, &listen).await;
        assert!(head(&mut stream).await.starts_with("http/1.1 200"));
        busy.push(stream);
    }
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = rest(&mut connect(&office, request).await).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("Retry-After: 1\r\n") && answer.contains("DB6043"), "{answer}");
    drop(busy.pop());
    let freed = async {
        while status(&office, "/healthz").await != "200" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("a place that was left is free");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let office = limited(|limits| {
        limits.connections_max = count(2);
        limits.answer_pause_max = Duration::from_millis(300);
    })
    .await;
    let file = vec![b'a'; 20 * 1024 * 1024];
    let case = office.open().await;
    let place = format!("/api/v1/evidence?name=a.txt&case={case}&person=li");
    let kept = office.call(Scope::Act, Method::POST, &place).body(file);
    let kept: serde_json::Value = kept.send().await.unwrap().json().await.unwrap();
    let name = kept["file"].as_str().unwrap();
    let token = office.token(Scope::Read);
    let fetch = format!(
        "GET /api/v1/evidence/{name} HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&office, &fetch).await;
        assert!(head(&mut stream).await.starts_with("http/1.1 200"));
        held.push(stream);
    }
    let freed = async {
        while status(&office, "/healthz").await != "200" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("whoever takes nothing holds no place");
}

#[tokio::test]
async fn a_simulated_office_answers_to_this_machines_own_names_alone() {
    let office = Office::with(|settings| Settings { is_demonstration: true, ..settings }).await;
    let ask = async |method: &str, path: &str, host: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: 0\r\n\r\n"
        );
        let answer = rest(&mut connect(&office, &request).await).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let paths = [
        ("GET", "/"),
        ("GET", "/signin"),
        ("POST", "/signin"),
        ("GET", "/assets/app.css"),
        ("GET", "/signin/handover?token=x"),
        ("GET", "/healthz"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/v1/cases"),
        ("POST", "/api/v1/evidence"),
        ("GET", "/nowhere"),
    ];
    for (method, path) in paths {
        for host in ["Host: evil.cn\r\n", "Host: localhost.evil.cn:80\r\n", ""] {
            assert_eq!(ask(method, path, host).await, "421", "{method} {path} {host}");
        }
        for host in ["Host: localhost\r\n", "Host: 127.0.0.1:8080\r\n", "Host: [::1]\r\n"] {
            assert_ne!(ask(method, path, host).await, "421", "{method} {path} {host}");
        }
    }
    let real = Office::new().await;
    let answer = real.bare(Method::GET, "/signin").header("host", "duban.example.cn");
    assert_eq!(answer.send().await.unwrap().status(), 200);
}
