//! The end: told by a signal, told to systemd, and what readiness says before it and on a full
//! disk.

use std::os::unix::net::UnixDatagram;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::daemon::{Home, client, open};

/// The next message to systemd that is not the watchdog's.
fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    loop {
        let length = socket.recv(&mut buffer).unwrap();
        let said = String::from_utf8_lossy(&buffer[..length]).trim().to_owned();
        if said != "WATCHDOG=1" {
            return said;
        }
    }
}

#[tokio::test]
async fn the_end_is_announced_before_it_comes_and_a_second_signal_hurries_it() {
    let (home, token) = Home::office("[server]\ndrain_seconds = 3600\n");
    let socket = UnixDatagram::bind(home.path("notify")).unwrap();
    let mut daemon = home.serve_by(|mut command| {
        command.env("NOTIFY_SOCKET", home.path("notify")).env("WATCHDOG_USEC", "60000000");
        command
    });
    assert_eq!(heard(&socket), "READY=1");
    let ready = client().get(daemon.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let stream = client().get(daemon.url("/api/v1/stream")).bearer_auth(&token);
    let mut stream = stream.send().await.unwrap();
    daemon.tell_to_end();
    assert_eq!(heard(&socket), "STOPPING=1");
    // The stream ends by itself; from then on the service says that it is about to end.
    while stream.chunk().await.unwrap().is_some() {}
    let ready = client().get(daemon.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let alive = client().get(daemon.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    daemon.tell_to_end();
    let (code, said) = daemon.ended();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ended at once"), "{said}");
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_then_the_process_ends_well() {
    let (home, token) = Home::office("");
    let mut daemon = home.serve();
    let case = open(&daemon, &token).await;
    let mut upload = TcpStream::connect(daemon.address()).await.unwrap();
    let head = format!(
        "POST /api/v1/evidence?name=a.txt HTTP/1.1\r\nHost: duban\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    );
    upload.write_all(head.as_bytes()).await.unwrap();
    // The service waits for the body: the request is under way.
    let mut buffer = [0; 1024];
    let length = upload.read(&mut buffer).await.unwrap();
    assert!(buffer[..length].starts_with(b"HTTP/1.1 100"));
    daemon.tell_to_end();
    // Nobody new is let in once the listener is closed.
    while TcpStream::connect(daemon.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    upload.write_all(b"0123456789").await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (code, said) = daemon.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(!home.path("office.db-wal").exists(), "the log was moved into the database");
    home.run(&["show", &case]);
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let (home, token) = Home::office("");
    // No file may grow beyond 1 MiB, which is what a full disk looks like to a program.
    let mut daemon = home.serve_by(|command| {
        let mut limited = std::process::Command::new("bash");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$@\"", "bash"]);
        limited.arg(command.get_program()).args(command.get_args());
        limited.current_dir(command.get_current_dir().unwrap()).env("DUBAN_DB", "office.db");
        limited
    });
    let ready = client().get(daemon.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    // Drafts that stay, until no more fits, neither in the database nor in its log.
    let mut kept = 0;
    let mut is_full = async |lines: usize| {
        kept += 1;
        let draft = json!({ "files": { "suite.yaml": "# 占地方\n".repeat(lines) } });
        let path = format!("/api/v1/suites/s{kept}/draft");
        let request = client().put(daemon.url(&path)).bearer_auth(&token).json(&draft);
        request.send().await.unwrap().status().as_u16() == 500
    };
    let mut tries = 0;
    while !is_full(8_000).await {
        tries += 1;
        assert!(tries < 60, "the disk is full at some time");
    }
    // The answer of the start holds for a moment; what little room is left is used up meanwhile.
    let mut looks = 0;
    while client().get(daemon.url("/readyz")).send().await.unwrap().status() != 503 {
        looks += 1;
        assert!(looks < 600, "a store that takes no writes is told of");
        for _ in 0..20 {
            is_full(1).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let alive = client().get(daemon.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    daemon.tell_to_end();
    let (_, said) = daemon.ended();
    assert!(said.contains("the store takes no writes"), "{said}");
    home.run(&["audit", "verify"]);
}
