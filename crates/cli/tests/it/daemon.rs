//! A daemon of its own for each test: the real binary, on a free port, with a small office.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_duban");

const SUITE: &[(&str, &str)] = &[
    (
        "suite.yaml",
        "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
",
    ),
    (
        "directory.yaml",
        "
units:
  - { id: C, name: 市委办, level: city }
  - { id: D, name: 历下区, level: district, superior: C }
posts:
  - { unit: C, name: 主任, holders: [zhang] }
  - { unit: D, name: 书记, holders: [li] }
people:
  - { id: zhang, name: 张三 }
  - { id: li, name: 李四 }
",
    ),
    (
        "report.yaml",
        "
id: report
title: 报送半年总结
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2099-06-30 }
",
    ),
];

/// A folder with a database and, perhaps, a configuration.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    /// An empty one with a configuration; the database is `office.db`.
    pub(crate) fn new(config: &str) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        home.configure(config);
        home
    }

    /// One whose database has a suite and a token `test` of every scope, which comes with it.
    pub(crate) fn office(config: &str) -> (Self, String) {
        let home = Self::new(config);
        let suite = home.path("points");
        std::fs::create_dir(&suite).unwrap();
        for (name, text) in SUITE {
            std::fs::write(suite.join(name), text).unwrap();
        }
        home.run(&["publish", "points"]);
        let token = home.token();
        (home, token)
    }

    /// A token `test` of the widest scope.
    pub(crate) fn token(&self) -> String {
        let told = self.run(&["--json", "token", "add", "test", "--scope", "admin"]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        told["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.path("duban.toml"), config).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.folder.path()).env("DUBAN_DB", "office.db");
        command.env_remove("RUST_LOG");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn try_run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed, by a command that was changed.
    pub(crate) fn run_by(&self, args: &[&str], change: impl FnOnce(Command) -> Command) -> Output {
        let output = change(self.command(args)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        output
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_by(args, |command| command)
    }

    /// Starts `duban serve`.
    pub(crate) fn serve(&self) -> Daemon {
        self.serve_by(|command| command)
    }

    /// Starts it by a command that was changed.
    pub(crate) fn serve_by(&self, change: impl FnOnce(Command) -> Command) -> Daemon {
        let command = self.command(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        Daemon::start(change(command))
    }

    /// Every line of a kind of log file.
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(self.path("office.db.logs")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with(kind) && name.ends_with(".jsonl") {
                let text = std::fs::read_to_string(&path).unwrap();
                lines.extend(text.lines().map(|line| {
                    serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}"))
                }));
            }
        }
        lines
    }
}

/// A running daemon. It is killed with the test.
pub(crate) struct Daemon {
    child: Child,
    /// What it said when it was ready.
    pub(crate) told: Value,
    stderr: Option<JoinHandle<String>>,
}

impl Daemon {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            drop(said.read_to_string(&mut text));
            text
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        // The greeting is one JSON object over several lines.
        while !text.ends_with("}\n") && stdout.read_line(&mut text).unwrap() > 0 {}
        let told = serde_json::from_str(&text);
        let mut daemon = Self { child, told: Value::Null, stderr: Some(stderr) };
        match told {
            Ok(told) => daemon.told = told,
            Err(_) => panic!("the daemon did not start: {}", daemon.ended().1),
        }
        daemon
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.told["listening"].as_str().unwrap())
    }

    pub(crate) fn address(&self) -> &str {
        self.told["listening"].as_str().unwrap()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub(crate) fn tell_to_end(&self) {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for the end: the exit code, and what was said on standard error.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        (status.code(), self.stderr.take().unwrap().join().unwrap())
    }

    /// Tells it to end and waits: it must end well. What was said on standard error.
    pub(crate) fn end(mut self) -> String {
        self.tell_to_end();
        let (code, said) = self.ended();
        assert_eq!(code, Some(0), "{said}");
        said
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client as programs have one.
pub(crate) fn client() -> reqwest::Client {
    // A second call finds it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The same command by a shell whose umask hides nothing from anybody.
pub(crate) fn openly(command: Command) -> Command {
    let mut open = Command::new("bash");
    open.args(["-c", "umask 000; exec \"$@\"", "bash"]);
    open.arg(command.get_program()).args(command.get_args());
    open.current_dir(command.get_current_dir().unwrap()).env("DUBAN_DB", "office.db");
    open
}

/// Opens a case of the suite; its id.
pub(crate) async fn open(daemon: &Daemon, token: &str) -> String {
    let body = serde_json::json!({
        "suite": "points", "workflow": "report", "unit": "D",
    });
    let request = client().post(daemon.url("/api/v1/cases")).bearer_auth(token).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap());
    let answer: Value = answer.json().await.unwrap();
    answer["case"].as_str().unwrap().to_owned()
}

/// Whether a path is below a folder that exists and is not empty.
pub(crate) fn has_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
