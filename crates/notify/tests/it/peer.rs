//! A peer that keeps every request byte by byte and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use duban_calendar::Instant;
use duban_core::Sent;
use duban_engine::Delivery;
use duban_notify::{ClientOptions, HttpClient};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the peer does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Answers with a status line's rest, header lines and a body.
    Http(&'static str, &'static str, &'static str),
    /// Never answers.
    Hang,
    /// Closes the connection in the middle of the answer.
    DieHalfWay,
}

pub(crate) const OK: Answer = Answer::Http("204 No Content", "", "");

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    head: String,
    pub(crate) body: String,
}

impl Request {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Peer {
    /// Listens on loopback; requests beyond the answers given get the last one.
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&answers)));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://127.0.0.1:{}{rest}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    kept: Arc<Mutex<Vec<Request>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let mut request =
        Request { head: String::from_utf8(bytes[..head].to_vec()).unwrap(), body: String::new() };
    let length: usize = request.header("content-length").unwrap_or("0").parse().unwrap();
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    request.body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
    kept.lock().unwrap().push(request);
    let answer = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    };
    let text = match answer {
        Some(Answer::Http(status, headers, body)) => format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
        Some(Answer::DieHalfWay) => {
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"err".to_owned()
        }
        Some(Answer::Hang) | None => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            return;
        }
    };
    // A client that has gone away is part of some tests.
    drop(stream.write_all(text.as_bytes()).await);
    drop(stream.shutdown().await);
}

/// A client that may talk to loopback and soon loses its patience.
pub(crate) fn client() -> HttpClient {
    HttpClient::new(ClientOptions {
        allowed_hosts: vec!["127.0.0.1".to_owned()],
        request_max: Duration::from_millis(500),
        ..ClientOptions::default()
    })
    .unwrap()
}

pub(crate) fn delivery(text: &str) -> Delivery {
    let sent: Sent = serde_json::from_value(json!({
        "kind": "slip", "item": "write", "to": ["post:D/书记"], "people": ["li"], "text": text,
        "number": 3,
    }))
    .unwrap();
    Delivery {
        id: "c0ffee-7".to_owned(),
        case: "c0ffee".to_owned(),
        seq: 7,
        kind: "slip".to_owned(),
        at: Instant::from_millis(1_656_604_800_000),
        attempt: 1,
        now: Instant::from_millis(1_656_604_800_000),
        sent,
    }
}
