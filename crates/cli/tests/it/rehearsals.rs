//! Tests and simulations: bounded on the command line, and in the daemon also when whoever asked
//! has gone, and when it is told to end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::daemon::{Daemon, Home, client};

const SUITE: &str = "title: 文件\ntarget_year: 2022\ncalendar: cn\nlevels: { district: 区 }\n";
const DIRECTORY: &str = "units:\n  - { id: D, name: 历下区, level: district }\n\
    posts:\n  - { unit: D, name: 书记, holders: [li] }\npeople:\n  - { id: li, name: 李四 }\n";

fn workflow(task: &str) -> String {
    format!(
        "id: a\ntitle: 措施\nlead: org(\"历下区\")\ncases: units(\"district\")\nperiod: year\n\
         tasks:\n  work:\n    title: 办理\n    due: 2022-06-30\n    reviewer: none\n{task}"
    )
}

/// Thousands of items, each with an owner who takes long to find: minutes of work.
fn costly() -> Value {
    let script = "fn many() { let all = []; for n in 0..20000 { all.push(`${n}`); } all }\n\
                  fn slow() { let n = 0; while n < 30000 { n += 1; } org(\"历下区\") }";
    let task = "    owner: slow()\n    each: { n: many() }\n";
    json!({
        "files": {
            "suite.yaml": SUITE,
            "directory.yaml": DIRECTORY,
            "hooks.rhai": script,
            "a.yaml": workflow(task),
        },
        "from": "2022-01-01",
        "to": "2022-12-31",
    })
}

fn write(home: &Home, files: &[(&str, &str)]) {
    std::fs::create_dir_all(home.path("suite/tests")).unwrap();
    for (name, text) in files {
        std::fs::write(home.path("suite").join(name), text).unwrap();
    }
}

#[test]
fn what_opens_itself_is_warned_of_and_ends_at_a_bound() {
    let home = Home::new("");
    let task = workflow("    owner: unit.post(\"书记\")\n    hooks: { ready: 又开 }\n");
    let test =
        "fn test_a() { assert_status(item(open(\"a\", \"历下区\", 2022), \"work\"), \"ready\"); }";
    write(
        &home,
        &[
            ("suite.yaml", SUITE),
            ("directory.yaml", DIRECTORY),
            ("a.yaml", &task),
            ("hooks.rhai", "fn 又开(task) { open_case(\"a\", task.unit, #{}); }"),
            ("tests/a.rhai", test),
        ],
    );
    let checked = home.run(&["check", "suite"]);
    let warned = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(warned.contains("DB1530") && warned.contains("a → a"), "{warned}");
    let year = ["simulate", "suite", "--from", "2022-01-01", "--to", "2022-12-31"];
    let simulated = home.try_run(&year);
    let said = String::from_utf8_lossy(&simulated.stderr).into_owned();
    assert_eq!(simulated.status.code(), Some(1));
    assert!(said.contains("DB3001 达到上限 opened_depth_max（8）"), "{said}");
    // Its time is up long before it has opened so many.
    let hurried = home.try_run(&[&year[..], &["--seconds-max", "0"]].concat());
    let said = String::from_utf8_lossy(&hurried.stderr).into_owned();
    assert_eq!(hurried.status.code(), Some(1));
    assert!(said.contains("DB3001 达到上限 simulation_seconds_max（0）"), "{said}");
    let tested = home.try_run(&["test", "suite"]);
    let said = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert_eq!(tested.status.code(), Some(1));
    assert!(said.contains("DB3001 达到上限 opened_depth_max（8）"), "{said}");
    assert!(said.contains("0 passed, 1 failed"), "{said}");
}

#[test]
fn a_simulation_with_scripts_that_fail_does_not_end_well() {
    let home = Home::new("");
    let task = |hook: &str| {
        workflow(&format!(
            "    owner: unit.post(\"书记\")\n    each: {{ n: '[\"甲\", \"乙\"]' }}\n{hook}"
        ))
    };
    let files = |task: &str| {
        let scripts = "fn 坏(task) { throw \"不行\"; }";
        write(
            &home,
            &[
                ("suite.yaml", SUITE),
                ("directory.yaml", DIRECTORY),
                ("a.yaml", task),
                ("hooks.rhai", scripts),
            ],
        );
        home.try_run(&["simulate", "suite", "--from", "2022-01-01", "--to", "2022-03-31"])
    };
    let well = files(&task(""));
    assert_eq!(well.status.code(), Some(0), "{}", String::from_utf8_lossy(&well.stderr));
    let bad = files(&task("    hooks: { ready: 坏 }\n"));
    let said = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert_eq!(bad.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("脚本出错").count(), 1, "{said}");
    assert!(said.contains("2 次"), "{said}");
}

/// Sends a simulation and leaves the answer alone.
async fn ask(daemon: &Daemon, token: &str, body: &Value) -> TcpStream {
    let body = body.to_string();
    let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
    let head = format!(
        "POST /api/v1/suites/s/simulate HTTP/1.1\r\nHost: duban\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

/// What the kernel says of a process, for example `VmRSS` in KiB.
fn told_of(daemon: &Daemon, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn sixty_who_hang_up_leave_nothing_and_the_daemon_ends_during_one() {
    let (home, token) = Home::office("");
    let mut daemon = home.serve();
    let (memory, threads) = (told_of(&daemon, "VmRSS"), told_of(&daemon, "Threads"));
    let mut open = Vec::new();
    for _ in 0..60 {
        open.push(ask(&daemon, &token, &costly()).await);
    }
    // One is at work, the others wait for their turn.
    tokio::time::sleep(Duration::from_millis(700)).await;
    drop(open);
    // The turn is free again within the wait of one request.
    let small = json!({
        "files": {
            "suite.yaml": SUITE, "directory.yaml": DIRECTORY,
            "a.yaml": workflow("    owner: unit.post(\"书记\")\n"),
        },
        "from": "2022-01-01", "to": "2022-01-31",
    });
    let request = client().post(daemon.url("/api/v1/suites/s/simulate")).bearer_auth(&token);
    let answer = request.json(&small).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    assert!(told_of(&daemon, "VmRSS") < memory + 300 * 1024, "in KiB, {memory} before");
    // Threads that have nothing to do end after a while; no work has one any more.
    assert!(told_of(&daemon, "Threads") <= threads + 8, "{threads} before");

    let last = ask(&daemon, &token, &costly()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    daemon.tell_to_end();
    let (code, said) = daemon.ended();
    assert_eq!(code, Some(0), "{said}");
    drop(last);
}
