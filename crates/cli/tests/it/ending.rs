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

/// A simulation that takes long: many cases, in each of which an owner is counted out. None of
/// them is large.
fn long_simulation() -> serde_json::Value {
    let suite = "title: 长\ntarget_year: 2022\ncalendar: cn\nlevels: { city: 市 }\n";
    let units: Vec<String> = (0..2_000).map(|unit| format!("u{unit}")).collect();
    let list = |one: fn(&String) -> String| units.iter().map(one).collect::<String>();
    let directory = format!(
        "units:\n{}posts:\n{}people: [{{ id: zhang, name: 张三 }}]\n",
        list(|unit| format!("  - {{ id: {unit}, name: {unit}, level: city }}\n")),
        list(|unit| format!("  - {{ unit: {unit}, name: 主任, holders: [zhang] }}\n")),
    );
    let workflow = "id: long\ntitle: 长\nlead: org(\"u0\")\ncases: units(\"city\")\n\
                    tasks:\n  write:\n    title: 写\n    owner: pick(unit)\n    \
                    each: { number: numbers() }\n    due: 2022-12-31\n";
    let script = "fn numbers() { [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }\n\
                  fn pick(unit) { let n = 0; while n < 20000 { n += 1; } unit.post(\"主任\") }\n";
    json!({
        "files": {
            "suite.yaml": suite, "directory.yaml": directory, "long.yaml": workflow,
            "hooks.rhai": script,
        },
        "from": "2022-01-01", "to": "2022-12-31",
    })
}

#[tokio::test]
async fn what_computes_in_the_background_holds_no_end_up() {
    for (config, signals, expected) in [
        ("[server]\nshutdown_seconds_max = 0\n", 1, Some(0)),
        ("[server]\ndrain_seconds = 3600\n", 2, Some(1)),
    ] {
        let home = Home::new("");
        // A first start makes the database; without a suite the draft's own directory counts.
        drop(home.serve().end());
        home.configure(config);
        let token = home.token();
        let mut daemon = home.serve();
        let body = long_simulation().to_string();
        let head = format!(
            "POST /api/v1/suites/long/simulate HTTP/1.1\r\nHost: duban\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut callers = Vec::new();
        for _ in 0..2 {
            let mut caller = TcpStream::connect(daemon.address()).await.unwrap();
            caller.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 64];
            let early = caller.read(&mut answer);
            let early = tokio::time::timeout(std::time::Duration::from_secs(1), early).await;
            assert!(early.is_err(), "it takes long: {}", String::from_utf8_lossy(&answer));
            callers.push(caller);
        }
        // They hang up while it is under way.
        drop(callers);
        for _ in 0..signals {
            daemon.tell_to_end();
            let ready = async || client().get(daemon.url("/readyz")).send().await;
            while signals > 1 && ready().await.is_ok_and(|answer| answer.status() == 200) {}
        }
        let (code, said) = daemon.ended();
        assert_eq!(code, expected, "{said}");
    }
}

#[tokio::test]
async fn a_process_that_may_open_few_files_takes_fewer_connections_and_says_so() {
    let home = Home::new("[log]\nformat = \"json\"\n");
    let daemon = home.serve_by(|command| {
        let mut limited = std::process::Command::new("bash");
        limited.args(["-c", "ulimit -n 300; exec \"$@\"", "bash"]);
        limited.arg(command.get_program()).args(command.get_args());
        limited.current_dir(command.get_current_dir().unwrap()).env("DUBAN_DB", "office.db");
        limited
    });
    let mut held = Vec::new();
    for number in 0..400 {
        let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
        // Some say nothing, some say half of it.
        if number % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nX-A: ").await.unwrap();
        }
        held.push(stream);
    }
    let alive = client().get(daemon.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    let said = daemon.end();
    assert!(said.contains("raise LimitNOFILE") && said.contains("server.limits"), "{said}");
    assert!(!said.contains("the system refuses connections"), "{said}");
    assert!(!said.contains("were cut off"), "half a head holds no end up: {said}");
}

#[test]
fn limits_are_checked_before_a_daemon_runs_on_them() {
    let home = Home::new("[server.limits]\nconnections_max = 5000\nstreams_max = 3000\n");
    home.run(&["config", "check"]);
    for (config, said) in [
        ("connections_max = 100", "streams_max"),
        ("streams_max = 0", "streams_max"),
        ("head_seconds = 3", "head_seconds_max"),
    ] {
        home.configure(&format!("[server.limits]\n{config}\n"));
        let refused = home.try_run(&["config", "check"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_then_the_process_ends_well() {
    let (home, token) = Home::office("");
    let mut daemon = home.serve();
    let case = open(&daemon, &token).await;
    let mut upload = TcpStream::connect(daemon.address()).await.unwrap();
    let head = format!(
        "POST /api/v1/evidence?name=a.txt&case={case}&person=li HTTP/1.1\r\nHost: duban\r\n\
         Authorization: Bearer {token}\r\n\
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
    // The probe's last answer still holds; the write that failed counts at once.
    let ready = client().get(daemon.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503, "a store that takes no writes is told of");
    let alive = client().get(daemon.url("/healthz")).send().await.unwrap();
    assert_eq!(alive.status(), 200);
    daemon.tell_to_end();
    let (_, said) = daemon.ended();
    assert!(said.contains("a transaction failed"), "{said}");
    home.run(&["audit", "verify"]);
}
