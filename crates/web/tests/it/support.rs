//! A small office behind a listener.

use std::net::SocketAddr;
use std::sync::Arc;

use duban::{
    Actor, CaseId, Channel, Engine, LogChannel, OpenSpec, Options, Sources, SqliteStore, TestClock,
    library, load_suite,
};
use duban_web::{Accounts, App, CaseFiles, Evidence, FileLimits, Scope, Settings, Tokens, serve};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const SUITE: &str = "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
supervision: org(\"督查室\")
ladder: standard
ladders:
  standard:
    - { at: due - workdays(3), do: remind, to: owner }
";

const DIRECTORY: &str = "
units:
  - { id: C, name: 市委办, level: city }
  - { id: D, name: 历下区, level: district, superior: C }
  - { id: E, name: 市中区, level: district, superior: C }
  - { id: S, name: 督查室, level: city, superior: C }
posts:
  - { unit: C, name: 主任, holders: [zhang] }
  - { unit: D, name: 书记, holders: [li] }
  - { unit: E, name: 书记, holders: [wang] }
  - { unit: S, name: 主任, holders: [sun] }
people:
  - { id: zhang, name: 张三, addresses: { staff: \"0001\" } }
  - { id: li, name: 李四, addresses: { staff: \"0417\" } }
  - { id: wang, name: 王五, addresses: { staff: \"0001\" } }
  - { id: sun, name: 孙督查 }
  - { id: qian, name: 钱代理 }
  - { id: wu, name: 吴外人 }
stand_ins:
  - { absent: li, by: qian, from: 2022-05-01, until: 2022-12-31 }
";

pub(crate) const WORKFLOW: &str = "
id: report
title: 报送半年总结
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30 }
";

/// A task with a form, a file and a review, for the pages.
const PLAN: &str = "
id: plan
title: 制定工作计划
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  draft:
    title: 起草计划
    owner: unit.post(\"书记\")
    reviewer: unit.superior
    due: 2022-06-30
    form:
      topic: { type: text, title: 主题, required: true }
      budget: { type: money, title: 预算 }
    evidence: [计划书]
  publish: { title: 印发计划, needs: [draft], owner: unit.post(\"书记\"), due: 2022-07-15 }
";

/// A task whose form has files.
const SCAN: &str = "
id: scan
title: 报送扫描件
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  scan:
    title: 扫描
    owner: unit.post(\"书记\")
    reviewer: unit.superior
    due: 2022-06-30
    form:
      scan: { type: file, title: 扫描件 }
      pages: { type: table, title: 各页, columns: { page: { type: file, title: 页 } } }
";

pub(crate) struct Office {
    pub(crate) engine: Engine<SqliteStore>,
    pub(crate) clock: TestClock,
    pub(crate) address: SocketAddr,
    client: Client,
    tokens: Vec<(Scope, String)>,
    /// The folder of evidence.
    files: TempDir,
    pub(crate) case_files: CaseFiles<SqliteStore>,
    _stop: oneshot::Sender<()>,
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    /// The files of its suite, with a version of the workflow `report`.
    pub(crate) fn sources(report: &str) -> Sources {
        let texts = [
            ("suite.yaml", SUITE),
            ("directory.yaml", DIRECTORY),
            ("report.yaml", report),
            ("plan.yaml", PLAN),
            ("scan.yaml", SCAN),
        ];
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// The same, set up otherwise.
    pub(crate) async fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        Self::start(vec![Arc::new(LogChannel)], change).await
    }

    /// The same with channels of a test's own.
    pub(crate) async fn start(
        channels: Vec<Arc<dyn Channel>>,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        Self::whole(SqliteStore::open_in_memory().unwrap(), channels, FileLimits::default(), change)
            .await
    }

    /// The same on a store that may hold something already.
    pub(crate) async fn on(
        store: SqliteStore,
        channels: Vec<Arc<dyn Channel>>,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        Self::whole(store, channels, FileLimits::default(), change).await
    }

    /// The same with limits of files.
    pub(crate) async fn limited(
        channels: Vec<Arc<dyn Channel>>,
        limits: FileLimits,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        Self::whole(SqliteStore::open_in_memory().unwrap(), channels, limits, change).await
    }

    async fn whole(
        store: SqliteStore,
        channels: Vec<Arc<dyn Channel>>,
        limits: FileLimits,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let suite = load_suite("points", &Self::sources(WORKFLOW), &library()).suite.unwrap();
        let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse().unwrap());
        let files = tempfile::tempdir().unwrap();
        let evidence = Evidence::folder(files.path()).unwrap().limited(limits);
        let case_files = CaseFiles::new(store.clone(), evidence.clone());
        let options = Options {
            clock: Arc::new(clock.clone()),
            channels,
            evidence: Arc::new(case_files.clone()),
            ..Options::default()
        };
        let mut tokens = Vec::new();
        for scope in Scope::ALL {
            let token = Tokens::create(&store, scope.as_str(), scope, 0).await.unwrap();
            tokens.push((scope, token));
        }
        let engine = Engine::start(store, options).await.unwrap();
        engine.publish(&suite).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let settings = Settings { library: Arc::new(library()), evidence, ..Settings::default() };
        let app = App::new(engine.clone(), change(settings));
        tokio::spawn(serve(app, listener, async move { drop(stopped.await) }));
        Self { engine, clock, address, client, tokens, files, case_files, _stop: stop }
    }

    pub(crate) async fn open(&self) -> CaseId {
        self.open_of("report").await
    }

    pub(crate) async fn open_of(&self, workflow: &str) -> CaseId {
        let spec = OpenSpec::new("points", workflow, "D");
        self.engine.open(spec, Actor::operator("OA"), None).await.unwrap().case
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes accounts as an office does: the first by the link of the first start, the others by
    /// the links that the security administrator hands out. Every password is [`PASSWORD`].
    pub(crate) async fn accounts(&self, holders: &[(&str, &str)]) {
        let now = self.engine.now().millis();
        let link = Accounts::first_link(self.engine.store(), now).await.unwrap().unwrap();
        self.welcome(&link).await;
        self.more_accounts(holders).await;
    }

    /// The same, once there is a security administrator.
    pub(crate) async fn more_accounts(&self, holders: &[(&str, &str)]) {
        let security = self.sign_in("security").await;
        for (login, holder) in holders {
            let form = [("what", "create"), ("login", login), ("holder", holder)];
            let request = self.bare(Method::POST, "/accounts").header("cookie", &security);
            let page = request.form(&form).send().await.unwrap().text().await.unwrap();
            let (_, rest) = page.split_once("<code id=\"secret\">").unwrap();
            let link = rest.split_once('<').unwrap().0.replace("&#38;", "&");
            self.welcome(&link).await;
        }
    }

    /// Follows a link that sets a password; the cookie that comes with it.
    async fn welcome(&self, link: &str) -> String {
        let key = link.split_once("key=").unwrap().1;
        let form = [("key", key), ("password", PASSWORD), ("again", PASSWORD)];
        let request = self.bare(Method::POST, "/welcome").form(&form);
        cookie(&request.send().await.unwrap())
    }

    /// The cookie of somebody who signs in.
    pub(crate) async fn sign_in(&self, login: &str) -> String {
        let form = [("login", login), ("password", PASSWORD)];
        cookie(&self.bare(Method::POST, "/signin").form(&form).send().await.unwrap())
    }

    /// A page as somebody sees it: status and text.
    pub(crate) async fn look(&self, cookie: &str, path: &str) -> (u16, String) {
        let request = self.bare(Method::GET, path).header("cookie", cookie);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Uploads a file for a case in somebody's name; the answer.
    pub(crate) async fn upload(
        &self,
        case: &str,
        person: &str,
        name: &str,
        bytes: Vec<u8>,
    ) -> Response {
        let path = format!("/api/v1/evidence?name={name}&case={case}&person={person}");
        self.call(Scope::Act, Method::POST, &path).body(bytes).send().await.unwrap()
    }

    /// The same for a file that is taken: its address.
    pub(crate) async fn give(&self, case: &CaseId, person: &str, name: &str, text: &str) -> String {
        let answer = self.upload(case.as_str(), person, name, text.as_bytes().to_vec()).await;
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        answer["file"].as_str().unwrap().to_owned()
    }

    /// Every file in the folder of evidence, by its name.
    pub(crate) fn files_kept(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in self.files.path().read_dir().unwrap() {
            let files = folder.unwrap().path().read_dir().unwrap();
            let name = |file: std::fs::DirEntry| file.file_name().into_string().unwrap();
            found.extend(files.map(|file| name(file.unwrap())));
        }
        found.sort();
        found
    }

    /// Takes a file away, or puts other bytes in its place.
    pub(crate) fn damage(&self, address: &str, other: Option<&str>) {
        let digest = address.strip_prefix("sha256:").unwrap();
        let path = self.files.path().join(&digest[..2]).join(digest);
        match other {
            Some(text) => std::fs::write(path, text).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
    }

    /// What is kept of files beside them.
    pub(crate) async fn file_documents(&self) -> Vec<String> {
        let documents = duban::Store::documents(self.engine.store(), "evidence").await.unwrap();
        let names = documents.into_iter().map(|(name, _)| name);
        names.filter(|name| !name.starts_with("evidence-day/")).collect()
    }

    pub(crate) fn token(&self, scope: Scope) -> &str {
        &self.tokens.iter().find(|(of, _)| *of == scope).unwrap().1
    }

    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) fn call(&self, scope: Scope, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(self.token(scope))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.call(Scope::Read, Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn act(&self, case: &CaseId, person: &str, act: Value) -> Response {
        let path = format!("/api/v1/cases/{case}/moves");
        let body = serde_json::json!({ "person": person, "act": act });
        self.call(Scope::Act, Method::POST, &path).json(&body).send().await.unwrap()
    }
}

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse 42";

pub(crate) fn cookie(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// A problem's status and code; its header must say what it is.
pub(crate) async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(kind, "application/problem+json", "{body}");
    assert_eq!(body["status"], status, "{body}");
    for field in ["title", "detail", "type"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
    (status, body["code"].as_str().unwrap().to_owned())
}
