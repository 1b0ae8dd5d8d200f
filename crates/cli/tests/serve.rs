//! `duban serve` as an office runs it: from `duban.toml` to the bytes that other systems get.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

const SUITE: &str = "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
";

const WORKFLOW: &str = "
id: report
title: 报送总结
lead: org(\"市委办\")
cases: units(\"district\")
period: year
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior }
";

fn directory(secretary: &str) -> Json {
    let person = |id: &str| json!({ "id": id, "name": id, "addresses": { "oa": id } });
    json!({
        "units": [
            { "id": "C", "name": "市委办", "level": "city" },
            { "id": "D", "name": "历下区", "level": "district", "superior": "C" },
        ],
        "posts": [
            { "unit": "C", "name": "主任", "holders": ["zhang"] },
            { "unit": "D", "name": "书记", "holders": [secretary] },
        ],
        "people": [person("zhang"), person("li"), person("wang")],
    })
}

/// Another system on loopback: takes every call, and hands on its request line and body.
fn other_system() -> (SocketAddr, Receiver<(String, Json)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (calls, taken) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (line, body) = read_request(&mut stream);
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).unwrap();
            if calls.send((line, serde_json::from_str(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (address, taken)
}

fn read_request(stream: &mut TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let header = header.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (line.trim().trim_end_matches(" HTTP/1.1").to_owned(), String::from_utf8(body).unwrap())
}

/// How long another process may take before a test gives it up.
const PATIENCE: Duration = Duration::from_secs(120);

struct Home {
    folder: TempDir,
}

impl Home {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn duban(&self, arguments: &[&str]) -> Json {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_duban"));
        command.arg("--json").args(arguments).current_dir(self.folder.path());
        command
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A daemon that is killed with the test.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(home: &Home) -> Self {
        let mut child = home.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        let told: Json = loop {
            let read = lines.read_line(&mut text).unwrap();
            assert!(read > 0, "it ended: {text}");
            if let Ok(told) = serde_json::from_str(&text) {
                break told;
            }
        };
        let address = told["listening"].as_str().unwrap().to_owned();
        Self { child, address }
    }

    fn put(&self, path: &str, token: &str, body: &Json) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let body = body.to_string();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    /// Ends it as systemd does.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn home(other: SocketAddr) -> Home {
    let home = Home { folder: tempfile::tempdir().unwrap() };
    home.write("points/suite.yaml", SUITE);
    home.write("points/report.yaml", WORKFLOW);
    home.write("points/directory.yaml", &directory("li").to_string());
    home.write(
        "duban.toml",
        &format!(
            r#"
            [server]
            db = "office.db"
            listen = "127.0.0.1:0"

            [network]
            allowed_hosts = ["127.0.0.1"]

            [messages]
            site = "https://duban.example.cn"

            [channels.log]
            kind = "file"
            path = "sent.jsonl"
            quiet = "20:00-08:00"

            [digest]
            at = "08:30"
            channels = ["log"]

            [todos.oa]
            kind = "http"
            server = "http://{other}/api"
            secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            address = "oa"
            create = "POST /todos"
            change = "PUT /todos/{{id}}"
            done = "POST /todos/{{id}}/done"
            delete = "DELETE /todos/{{id}}"
            "#
        ),
    );
    home
}

#[test]
fn to_dos_follow_from_the_configuration_through_a_restart_and_a_new_directory() {
    let (other, calls) = other_system();
    let home = home(other);
    let checked = home.duban(&["config", "check"]);
    assert_eq!((&checked["todos"], &checked["digest"]), (&json!(["oa"]), &json!("08:30")));
    assert!(!Path::new(&home.path("office.db")).exists(), "checking makes nothing");

    home.duban(&["publish", "points", "--db", "office.db"]);
    let open = ["--suite", "points", "--workflow", "report", "--unit", "D", "--date", "2022-06-01"];
    home.duban(&[&["open", "--db", "office.db"], &open[..]].concat());
    let token = home.duban(&["token", "add", "oa", "--scope", "admin", "--db", "office.db"]);
    let token = token["token"].as_str().unwrap().to_owned();

    let daemon = Daemon::start(&home);
    let (line, body) = calls.recv_timeout(PATIENCE).unwrap();
    assert_eq!((line.as_str(), &body["account"]), ("POST /api/todos", &json!("li")));
    let page = body["url"].as_str().unwrap();
    assert!(page.starts_with("https://duban.example.cn/cases/"), "{page}");
    daemon.stop();
    assert!(home.path("office.db.todos-oa.jsonl").exists());

    // The ledger knows what is shown there: the next call is that of the next change.
    let daemon = Daemon::start(&home);
    daemon.put("/api/v1/directory", &token, &directory("wang"));
    let mut then = [calls.recv_timeout(PATIENCE).unwrap(), calls.recv_timeout(PATIENCE).unwrap()];
    then.sort_by(|a, b| a.0.cmp(&b.0));
    let id = body["id"].as_str().unwrap();
    assert_eq!(then[0].0, format!("DELETE /api/todos/{id}"));
    assert_eq!((then[1].0.as_str(), &then[1].1["account"]), ("POST /api/todos", &json!("wang")));
    daemon.stop();
}

#[test]
fn what_does_not_fit_is_named_with_its_table() {
    let (other, _calls) = other_system();
    let home = home(other);
    let good = std::fs::read_to_string(home.path("duban.toml")).unwrap();
    for (from, to, parts) in [
        ("20:00-08:00", "8pm-8am", ["[channels.log]", "8pm-8am"]),
        ("channels = [\"log\"]", "channels = [\"lgo\"]", ["[digest]", "lgo"]),
        ("08:30", "noon", ["[digest]", "noon"]),
        ("POST /todos/{id}/done", "GET /todos", ["[todos.oa]", "`GET`"]),
        ("quiet =", "kinds = [\"slips\"]\nquiet =", ["[channels.log]", "slips"]),
        ("[channels.log]", "[channels.\"a/b\"]", ["a/b", "letters"]),
    ] {
        home.write("duban.toml", &good.replace(from, to));
        let output = home.command(&["config", "check"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{to}");
        for part in parts {
            assert!(told.contains(part), "{to}: {told}");
        }
    }
}
