//! Readiness on a disk that takes no more: the limit on the size of a file stands for a full one.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{Daemon, Home, client, open};

/// Moves of ten thousand characters until the file is full; more would mean that it never is.
const MOVES_MAX: usize = 400;

/// Starts `duban serve` so that no file of it grows beyond so many KiB, and writing further fails.
fn serve_in(home: &Home, kib: u32) -> Daemon {
    home.serve_by(|command| {
        let mut limited = Command::new("bash");
        let script = format!("trap '' XFSZ; ulimit -S -f {kib}; exec \"$0\" \"$@\"");
        limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            limited.current_dir(folder);
        }
        limited.env("DUBAN_DB", "office.db");
        limited
    })
}

async fn ready(daemon: &Daemon) -> u16 {
    client().get(daemon.url("/readyz")).send().await.unwrap().status().as_u16()
}

async fn report(daemon: &Daemon, token: &str, case: &str) -> u16 {
    let text = "办".repeat(10_000);
    let act = json!({ "kind": "report", "item": "write", "text": text });
    let body = json!({ "person": "li", "act": act });
    let place = daemon.url(&format!("/api/v1/cases/{case}/moves"));
    let sent = client().post(place).bearer_auth(token).json(&body).send().await.unwrap();
    sent.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_that_fail_are_told_and_forgotten_once_they_get_through() {
    let (home, token) = Home::office("");
    let daemon = serve_in(&home, 2_000);
    let case = open(&daemon, &token).await;
    assert_eq!(ready(&daemon).await, 200);
    let mut last = 200;
    for _ in 0..MOVES_MAX {
        last = report(&daemon, &token, &case).await;
        if last != 200 {
            break;
        }
    }
    assert_eq!(last, 500, "the file never was full");
    assert_eq!(ready(&daemon).await, 503);
    // There is room again.
    let id = daemon.id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    let mut status = 503;
    for _ in 0..300 {
        status = ready(&daemon).await;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200);
    assert_eq!(report(&daemon, &token, &case).await, 200);
    let metrics = client().get(daemon.url("/metrics")).bearer_auth(&token).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(!metrics.contains("duban_write_failures_total 0"), "{metrics}");
    let audit = client()
        .get(daemon.url(&format!("/api/v1/cases/{case}/audit")))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(audit.json::<Value>().await.unwrap()["whole"], true);
}
