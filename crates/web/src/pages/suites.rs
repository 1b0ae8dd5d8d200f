//! Suites and workflows: sources, graphs, drafts that are checked and published.
//!
//! A draft is the text of every file, kept beside the published one until it is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum_extra::extract::WithRejection;
use duban_core::{Actor, Refusal};
use duban_engine::EngineError;
use duban_model::{
    DefinitionHash, Directory, Expr, Library, Loaded, Problem, Severity, Sources, Suite, TaskDef,
    What, load_suite,
};
use duban_script::Program;
use duban_store::{Store, StoreError};
use serde::Deserialize;

use crate::account::{AdminPost, Holder};
use crate::civil::civil;
use crate::pages::case::plain;
use crate::pages::shell::{Shell, encode};
use crate::pages::{Asked, Failure, Named, Sent, Uploaded, go, render};
use crate::server::App;
use crate::session::Visitor;

/// The largest file of a suite, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Problems shown at once.
const PROBLEMS_SHOWN: usize = 100;

struct SuiteLine {
    id: String,
    title: String,
    issuer: String,
    workflows: usize,
}

#[derive(Template)]
#[template(path = "suites.html")]
struct SuitesPage {
    shell: Shell,
    suites: Vec<SuiteLine>,
    drafts: Vec<String>,
    may_edit: bool,
    /// Dead letters that have lain for a day, for the administrator of the system.
    dead_letters: u64,
}

/// How long a dead letter may lie before the first page tells of it, in milliseconds.
const DEAD_LETTER_MS: i64 = 24 * 3_600_000;

pub(crate) fn may_edit(visitor: &Visitor) -> bool {
    visitor.holder == Holder::Admin(AdminPost::System)
}

/// Suites are for people and for the administrator of the system.
fn may_read(visitor: &Visitor) -> Result<(), Failure> {
    match visitor.holder {
        Holder::Person(_) | Holder::Admin(AdminPost::System) => Ok(()),
        Holder::Admin(AdminPost::Security | AdminPost::Audit) => Err(Failure::NotYours),
    }
}

pub(crate) async fn list<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    may_read(&visitor)?;
    let mut suites: BTreeMap<String, SuiteLine> = BTreeMap::new();
    for (suite, _, hash) in app.engine.store().currents().await? {
        let definition = app.engine.definition(&DefinitionHash::new(&hash)).await?;
        let line = suites.entry(suite.clone()).or_insert_with(|| SuiteLine {
            id: suite,
            title: definition.suite.title.clone(),
            issuer: definition.suite.issuer.clone(),
            workflows: 0,
        });
        line.workflows += 1;
    }
    let drafts = app.engine.store().documents("draft/").await?;
    let drafts =
        drafts.into_iter().filter_map(|(name, _)| name.strip_prefix("draft/").map(str::to_owned));
    let dead_letters = match may_edit(&visitor) {
        true => app.engine.dead_letters(app.engine.now().plus_millis(-DEAD_LETTER_MS)).await?,
        false => 0,
    };
    let shell = Shell::new("文件与措施", "/suites", &visitor, &app.engine.directory(), &headers);
    Ok(render(&SuitesPage {
        shell,
        suites: suites.into_values().collect(),
        drafts: drafts.collect(),
        may_edit: may_edit(&visitor),
        dead_letters,
    }))
}

#[derive(Deserialize)]
pub(crate) struct CreateForm {
    suite: String,
}

/// Begins the draft of a new suite.
pub(crate) async fn create<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Form(form), _): Sent<CreateForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let id = form.suite.trim();
    if let Err(bad) = What::Suite.check(id) {
        return Err(Failure::Bad(format!("{}。例如 key-points-2027", bad.zh())));
    }
    let path = format!("/suites/{id}/draft");
    if read_draft(&app, id).await?.is_empty() {
        let head = "title: 文件标题\nissuer: 发文单位\ntarget_year: 2027\ncalendar: cn\n";
        let draft = Sources::from([("suite.yaml".to_owned(), head.to_owned())]);
        keep_draft(&app, id, &draft).await?;
    }
    Ok(go(&path))
}

struct WorkflowLine {
    id: String,
    basis: String,
    title: String,
    tasks: usize,
    version: String,
    /// Open cases that run on an older version.
    outdated: u64,
}

#[derive(Template)]
#[template(path = "suite.html")]
struct SuitePage {
    shell: Shell,
    id: String,
    issuer: String,
    workflows: Vec<WorkflowLine>,
    files: Vec<(String, String)>,
    may_edit: bool,
    this_year: String,
}

pub(crate) async fn show<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(id), _): Named<String>,
) -> Result<Response, Failure> {
    may_read(&visitor)?;
    let mut workflows = Vec::new();
    let mut head = None;
    let versions = if may_edit(&visitor) {
        app.engine.versions(&id.as_str().into()).await?
    } else {
        Vec::new()
    };
    for (suite, workflow, hash) in app.engine.store().currents().await? {
        if suite != id {
            continue;
        }
        let definition = app.engine.definition(&DefinitionHash::new(&hash)).await?;
        let older = versions.iter().filter(|one| one.workflow == workflow && !one.current);
        workflows.push(WorkflowLine {
            outdated: older.map(|one| one.open_cases).sum(),
            id: workflow,
            basis: definition.workflow.basis.join("、"),
            title: definition.workflow.title.clone(),
            tasks: definition.workflow.tasks.len(),
            version: hash.chars().take(12).collect(),
        });
        head = Some(definition.suite.clone());
    }
    let Some(head) = head else {
        return if may_edit(&visitor) {
            Ok(go(&format!("/suites/{}/draft", encode(&id))))
        } else {
            Err(Failure::Missing)
        };
    };
    let files = published(&app, &id).await?.into_iter().collect();
    let today = duban_calendar::date_of(app.engine.now(), head.time_zone);
    let shell = Shell::new(head.title, "/suites", &visitor, &app.engine.directory(), &headers);
    Ok(render(&SuitePage {
        shell,
        id,
        issuer: head.issuer,
        workflows,
        files,
        may_edit: may_edit(&visitor),
        this_year: today.to_string(),
    }))
}

/// A task as its author wrote it.
struct TaskRow {
    title: String,
    basis: String,
    each: String,
    owner: String,
    due: String,
    ladder: String,
}

impl TaskRow {
    fn of(task: &TaskDef) -> Self {
        let written = |expr: &Option<Expr>| expr.as_ref().map(|expr| expr.source.clone());
        let axes = task.each.iter().map(|axis| format!("{}: {}", axis.name, axis.over.source));
        let every = task.every.map(|every| format!("每{} {} 次", every.zh(), task.at_least));
        Self {
            title: task.title.clone(),
            basis: task.basis.join("、"),
            each: axes.collect::<Vec<_>>().join("; "),
            owner: written(&task.owner).unwrap_or_default(),
            due: written(&task.due).or(every).unwrap_or_default(),
            ladder: task.ladder.clone().unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "graph.html")]
struct GraphPage {
    shell: Shell,
    suite: String,
    description: String,
    graph: String,
    tasks: Vec<TaskRow>,
}

pub(crate) async fn graph<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path((suite, workflow)), _): Named<(String, String)>,
) -> Result<Response, Failure> {
    may_read(&visitor)?;
    let row = app.engine.store().current(&suite, &workflow).await?.ok_or(Failure::Missing)?;
    let definition = app.engine.definition(&DefinitionHash::new(&row.hash)).await?;
    let title = definition.workflow.title.clone();
    let shell = Shell::new(title, "/suites", &visitor, &app.engine.directory(), &headers);
    let description = definition.workflow.description.clone().unwrap_or_default();
    let graph = plain(&definition.workflow).svg();
    let tasks = definition.workflow.tasks.iter().map(TaskRow::of).collect();
    Ok(render(&GraphPage { shell, suite, description, graph, tasks }))
}

/// The sources of a suite as it was published last; empty where it was published without them.
pub(crate) async fn published<S: Store>(app: &App<S>, id: &str) -> Result<Sources, Failure> {
    sources(app, &format!("sources/{id}")).await
}

/// The draft of a suite; without one, what was published.
pub(crate) async fn read_draft<S: Store>(app: &App<S>, id: &str) -> Result<Sources, Failure> {
    let draft = sources(app, &format!("draft/{id}")).await?;
    if draft.is_empty() { published(app, id).await } else { Ok(draft) }
}

/// The files that a document holds; empty: there is none.
pub(crate) async fn sources<S: Store>(app: &App<S>, document: &str) -> Result<Sources, Failure> {
    let Some(json) = app.engine.store().document(document).await? else {
        return Ok(Sources::new());
    };
    Ok(serde_json::from_str(&json).map_err(StoreError::Unreadable)?)
}

/// Keeps a draft.
pub(crate) async fn keep_draft<S: Store>(
    app: &App<S>,
    id: &str,
    draft: &Sources,
) -> Result<(), Failure> {
    let json = serde_json::to_string(draft).map_err(StoreError::Unreadable)?;
    let now = app.engine.now().millis();
    Ok(app.engine.store().put_document(&format!("draft/{id}"), &json, now).await?)
}

/// A draft loaded and compiled, with every problem found on the way.
pub(crate) struct Checked {
    pub(crate) suite: Option<Suite>,
    pub(crate) programs: Vec<Arc<Program>>,
    pub(crate) problems: Vec<Problem>,
}

/// Checks sources against the office's own directory, where it has one.
pub(crate) struct Checker {
    id: String,
    library: Arc<Library>,
    office: Arc<Directory>,
}

impl Checker {
    pub(crate) fn of<S: Store>(app: &App<S>, id: &str) -> Self {
        let (library, office) = (app.settings().library.clone(), app.engine.directory());
        Self { id: id.to_owned(), library, office }
    }

    /// Takes a while: not for the threads that answer requests.
    pub(crate) fn check(self, draft: &Sources) -> Checked {
        let mut loaded: Loaded = load_suite(&self.id, draft, &self.library);
        if self.office.units().next().is_some() {
            loaded.draft.directory = Some(Arc::clone(&self.office));
            if let Some(suite) = &mut loaded.suite {
                suite.directory = Some(self.office);
            }
        }
        let programs = duban_sim::check(&mut loaded);
        Checked { suite: loaded.suite, programs, problems: loaded.problems }
    }
}

/// Checks sources on a thread of its own.
pub(crate) async fn check<S: Store>(
    app: &App<S>,
    id: &str,
    draft: Sources,
) -> Result<Checked, Failure> {
    let checker = Checker::of(app, id);
    tokio::task::spawn_blocking(move || checker.check(&draft))
        .await
        .map_err(|_| Failure::Bad("检查中断，请把文件发给系统管理员".to_owned()))
}

pub(crate) struct ProblemLine {
    pub(crate) is_error: bool,
    pub(crate) place: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) help: String,
    pub(crate) line: String,
    pub(crate) href: String,
}

pub(crate) fn problem_lines(id: &str, problems: &[Problem], draft: &Sources) -> Vec<ProblemLine> {
    let line = |problem: &Problem| {
        let place = &problem.place;
        let text =
            draft.get(&place.file).and_then(|text| text.lines().nth(place.line.checked_sub(1)?));
        ProblemLine {
            is_error: problem.severity == Severity::Error,
            place: format!("{}:{}:{}", place.file, place.line, place.column),
            code: problem.code.clone(),
            message: problem.message.clone(),
            help: problem.help.clone().unwrap_or_default(),
            line: text.unwrap_or_default().to_owned(),
            href: format!("/suites/{}/draft?file={}", encode(id), encode(&place.file)),
        }
    };
    problems.iter().take(PROBLEMS_SHOWN).map(line).collect()
}

#[derive(Deserialize)]
pub(crate) struct DraftQuery {
    file: Option<String>,
}

#[derive(Template)]
#[template(path = "draft.html")]
struct DraftPage {
    shell: Shell,
    id: String,
    files: Vec<(String, String, bool)>,
    file: String,
    text: String,
    problems: Vec<ProblemLine>,
    errors: usize,
    /// Id, title, and whether it is the one in hand.
    workflows: Vec<(String, String, bool)>,
    /// The graph of the workflow in hand, where the draft has no errors.
    graph: String,
    year: i32,
}

pub(crate) async fn draft<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    headers: HeaderMap,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(Query(query), _): Asked<DraftQuery>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let draft = read_draft(&app, &id).await?;
    if draft.is_empty() {
        return Err(Failure::Missing);
    }
    let checked = check(&app, &id, draft.clone()).await?;
    let file = query.file.filter(|file| draft.contains_key(file));
    let file = file.unwrap_or_else(|| "suite.yaml".to_owned());
    let text = draft.get(&file).cloned().unwrap_or_default();
    let files = draft.keys().map(|name| (name.clone(), encode(name), *name == file)).collect();
    let errors = checked.problems.iter().filter(|one| one.severity == Severity::Error).count();
    let (mut workflows, mut graph, mut year) = (Vec::new(), String::new(), 2027);
    if let Some(suite) = &checked.suite {
        year = suite.head.target_year;
        for definition in suite.definitions.values() {
            let workflow = &definition.workflow;
            let is_here = workflow.place.file == file;
            if is_here {
                graph = plain(workflow).svg();
            }
            workflows.push((workflow.id.to_string(), workflow.title.clone(), is_here));
        }
    }
    let title = format!("{id} 的草稿");
    let shell = Shell::new(title, "/suites", &visitor, &app.engine.directory(), &headers);
    let problems = problem_lines(&id, &checked.problems, &draft);
    Ok(render(&DraftPage {
        shell,
        id,
        files,
        file,
        text,
        problems,
        errors,
        workflows,
        graph,
        year,
    }))
}

/// Keeps uploaded files, or one file's text, in the draft. An empty text takes the file out.
pub(crate) async fn save<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(mut form, _): Uploaded,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let mut draft = read_draft(&app, &id).await?;
    let (mut file, mut text) = (String::new(), None);
    let unreadable = Failure::unread;
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let upload = part.file_name().map(str::to_owned);
        let bytes = part.bytes().await.map_err(unreadable)?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Failure::Bad("文件超过上限 suite_file_bytes_max（1 MiB）".to_owned()));
        }
        let content = String::from_utf8(bytes.to_vec());
        let content = content.map_err(|_| Failure::Bad("文件须是 UTF-8 文本".to_owned()))?;
        match (name.as_str(), upload) {
            ("files", Some(upload)) if !upload.is_empty() => {
                file = safe_name(&upload)?;
                draft.insert(file.clone(), content);
            }
            ("file", None) => file = safe_name(content.trim())?,
            ("text", None) => text = Some(content.replace("\r\n", "\n")),
            _ => {}
        }
    }
    match text {
        Some(text) if text.trim().is_empty() => {
            draft.remove(&file);
        }
        Some(text) => {
            draft.insert(file.clone(), text);
        }
        None => {}
    }
    keep_draft(&app, &id, &draft).await?;
    Ok(go(&format!("/suites/{}/draft?file={}", encode(&id), encode(&file))))
}

/// Checks a name inside a suite: `*.yaml`, `*.rhai`, perhaps in `tests/`.
pub(crate) fn safe_name(name: &str) -> Result<String, Failure> {
    let base = name.strip_prefix("tests/").unwrap_or(name);
    let is_good = (base.ends_with(".yaml") || base.ends_with(".rhai"))
        && !base.starts_with('.')
        && base.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter));
    if is_good {
        Ok(name.to_owned())
    } else {
        Err(Failure::Bad(format!("文件名“{name}”不合要求：用 .yaml 或 .rhai 结尾，不带路径")))
    }
}

/// Publishes the draft: its workflows become the current ones. Running cases stay on theirs.
pub(crate) async fn publish<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Path(id), _): Named<String>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let draft = read_draft(&app, &id).await?;
    let checked = check(&app, &id, draft).await?;
    let Some(suite) = checked.suite else {
        return Err(Failure::Bad("草稿里还有错误，不能发布".to_owned()));
    };
    app.engine.publish(&suite).await?;
    app.engine.store().remove_document(&format!("draft/{id}")).await?;
    tracing::info!(suite = id, by = visitor.login, "published");
    Ok(go(&format!("/suites/{}", encode(&id))))
}

#[derive(Deserialize)]
pub(crate) struct OpenForm {
    date: String,
}

/// Opens every case that the suite asks for in the period of a date.
pub(crate) async fn open<S: Store>(
    State(app): State<App<S>>,
    visitor: Visitor,
    WithRejection(Path(id), _): Named<String>,
    WithRejection(Form(form), _): Sent<OpenForm>,
) -> Result<Response, Failure> {
    visitor.must_be(AdminPost::System)?;
    let actor = Actor::operator(visitor.login.as_str());
    let opened = app.engine.open_suite(&id.as_str().into(), civil(&form.date)?, actor).await?;
    let failures: BTreeSet<String> = opened
        .iter()
        .filter_map(|one| one.version.as_ref().err())
        // What was opened before stays as it is.
        .filter(|error| !matches!(error, EngineError::Refused(Refusal::Exists(_))))
        .map(EngineError::zh)
        .collect();
    if !failures.is_empty() {
        let failures: Vec<String> = failures.into_iter().collect();
        return Err(Failure::Bad(format!("有的事项未能立项：{}", failures.join("；"))));
    }
    Ok(go(&format!("/suites/{}", encode(&id))))
}
