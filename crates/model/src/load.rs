//! Loads a suite: all files, all problems, one answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::Calendar;

use crate::check;
use crate::definition::{Definition, Place, Script};
use crate::directory::Directory;
use crate::directory_file::read_directory;
use crate::ids::{DefinitionHash, WorkflowId};
use crate::ladder::Ladder;
use crate::limits::LoadLimits;
use crate::problem::{Problem, Severity};
use crate::read::{Reader, Sources, closest};
use crate::suite::{Library, Loaded, Suite};
use crate::suite_file::{SUITE_FILE, SuiteFile, read_suite, top};
use crate::wording::What;
use crate::workflow_file::{ReadWorkflow, WorkflowContext, read_workflow};
use crate::yaml::{Node, parse};

/// The path of the directory inside a suite.
const DIRECTORY_FILE: &str = "directory.yaml";

/// The path of the suite's own functions.
const HOOKS_FILE: &str = "hooks.rhai";

/// Loads a suite from its files with [`LoadLimits::DEFAULT`].
///
/// Nothing stops at the first problem: the answer carries every problem of every file, and
/// whatever could be read in spite of them. Expressions are only checked for brackets and
/// punctuation here; `duban-script` compiles them.
///
/// ```
/// # use duban_model::{Library, Sources, load_suite};
/// let suite = "title: 若干措施\ntarget_year: 2022\ncalendar: none\n";
/// let workflow = "id: m01\ntitle: 过硬街道\ncases: districts()\ntasks:\n  plan: { titel: 计划, owner: unit }\n";
/// let sources = Sources::from([
///     ("suite.yaml".to_owned(), suite.to_owned()),
///     ("m01.yaml".to_owned(), workflow.to_owned()),
/// ]);
///
/// let loaded = load_suite("jinan", &sources, &Library::default());
/// assert!(loaded.suite.is_none());
/// let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
/// assert_eq!(said[1], "m01.yaml:5:11: 错误 DB1011: 没有 `titel` 这个键（是否想写 `title`？）");
/// ```
pub fn load_suite(id: &str, sources: &Sources, library: &Library) -> Loaded {
    load_suite_within(id, sources, library, LoadLimits::DEFAULT)
}

/// Loads a suite with limits of the host's own.
pub fn load_suite_within(
    id: &str,
    sources: &Sources,
    library: &Library,
    limits: LoadLimits,
) -> Loaded {
    let mut r = Reader::new(sources);
    if sources.len() > limits.files_max {
        let message =
            format!("文件夹里有 {} 个文件，上限是 {} 个", sources.len(), limits.files_max);
        r.problems.push(Problem::error("DB1006", &top(), message));
    }
    if let Err(bad) = What::Suite.check(id) {
        let help = "编号就是文件夹的名称，或者接口地址里 `suites/` 后面的一段";
        r.problems.push(Problem::error("DB1019", &top(), bad.zh()).with_help(help));
    }
    let head = load_head(&mut r, id, sources, limits);
    let is_headless = head.is_none();
    let suite = head.unwrap_or_else(|| SuiteFile::empty(id));
    let calendar = find_calendar(&mut r, &suite, library);
    let directory = load_directory(&mut r, &suite, sources, limits);
    let (workflows, broken) = load_workflows(&mut r, &suite, sources, limits);
    check::check_suite(&mut r, &suite, &workflows, &calendar);
    check_scripts(&mut r, sources, &workflows);
    // What a file holds that cannot be read is not known to be missing.
    let unknown = if is_headless { OF_SUITE } else { &[] };
    let missing = if broken { OF_WORKFLOWS } else { &[] };
    let untold = [unknown, missing].concat();

    let definitions = workflows
        .into_iter()
        .map(|read| close(read, &suite, sources, library))
        .map(|definition| (definition.workflow.id.clone(), Arc::new(definition)))
        .collect();
    let draft = Suite {
        head: suite.head,
        definitions,
        directory,
        obligations: suite.obligations,
        tests: scripts(sources, |path| path.starts_with("tests/")),
        calendar,
        sources: Arc::new(sources.clone()),
    };
    finish(draft, r.problems, untold)
}

fn finish(draft: Suite, problems: Vec<Problem>, untold: Vec<&'static str>) -> Loaded {
    let mut loaded = Loaded { suite: Some(draft.clone()), draft, problems: Vec::new(), untold };
    loaded.add(problems);
    loaded
}

/// What is told of names that only suite.yaml could explain.
const OF_SUITE: &[&str] = &["DB1102", "DB1108", "DB1209", "DB1304", "DB1512", "DB1518"];

/// What is told of names that only a workflow's file could explain.
pub(crate) const OF_WORKFLOWS: &[&str] = &["DB1104", "DB1110", "DB1204"];

/// Reads suite.yaml; `None` where it cannot be read.
fn load_head(
    r: &mut Reader<'_>,
    id: &str,
    sources: &Sources,
    limits: LoadLimits,
) -> Option<SuiteFile> {
    let Some(text) = sources.get(SUITE_FILE) else {
        r.problems.push(Problem::error("DB1016", &top(), "缺少文件 suite.yaml"));
        return None;
    };
    let root = parse(SUITE_FILE, text, limits, &mut r.problems)?;
    Some(read_suite(r, id, &root))
}

fn find_calendar(r: &mut Reader<'_>, suite: &SuiteFile, library: &Library) -> Arc<Calendar> {
    let id = &suite.head.calendar;
    if let Some(calendar) = library.calendars.get(id) {
        return Arc::new(calendar.clone());
    }
    let known = library.calendars.keys().map(String::as_str);
    let help = closest(id, known.clone()).map_or_else(
        || format!("可用的日历：{}", known.collect::<Vec<_>>().join("、")),
        |near| format!("是否想写 `{near}`？"),
    );
    let problem = Problem::error("DB1102", &suite.calendar_place, format!("没有工作日历 `{id}`"));
    r.problems.push(problem.with_help(help));
    Arc::new(Calendar::weekdays_only(id.clone()))
}

fn load_directory(
    r: &mut Reader<'_>,
    suite: &SuiteFile,
    sources: &Sources,
    limits: LoadLimits,
) -> Option<Arc<Directory>> {
    let text = sources.get(DIRECTORY_FILE)?;
    let root = parse(DIRECTORY_FILE, text, limits.of_directory(), &mut r.problems)?;
    read_directory(r, &root, &suite.head.levels).map(Arc::new)
}

/// Whether a path is that of a workflow: a YAML file at the top of the suite.
fn is_workflow_file(path: &str) -> bool {
    let top_level = path.strip_suffix(".yaml").is_some_and(|name| !name.contains('/'));
    top_level && path != SUITE_FILE && path != DIRECTORY_FILE
}

/// The workflows that can be read, and whether any cannot.
fn load_workflows(
    r: &mut Reader<'_>,
    suite: &SuiteFile,
    sources: &Sources,
    limits: LoadLimits,
) -> (Vec<ReadWorkflow>, bool) {
    let context = WorkflowContext {
        limits,
        presets: &suite.presets,
        ladder: suite.ladder.as_deref(),
        review_ladder: suite.review_ladder.as_deref(),
    };
    let mut places: BTreeMap<WorkflowId, Place> = BTreeMap::new();
    let mut workflows = Vec::new();
    let mut broken = false;
    for (path, text) in sources.iter().filter(|(path, _)| is_workflow_file(path)) {
        let Some(root) = parse(path, text, limits, &mut r.problems) else {
            broken = true;
            continue;
        };
        if is_calendar(&root) {
            continue;
        }
        let Some(read) = read_workflow(r, &root, &context) else {
            broken = true;
            continue;
        };
        let id = read.workflow.id.clone();
        if let Some(first) = places.get(&id) {
            let message = format!("措施 `{id}` 重复");
            let place = root.get("id").map_or_else(|| root.place(), Node::place);
            let help = format!("第一次写在 {}", first.file);
            r.problems.push(Problem::error("DB1106", &place, message).with_help(help));
            continue;
        }
        places.insert(id, read.workflow.place.clone());
        workflows.push(read);
    }
    (workflows, broken)
}

/// A calendar that lies beside the workflows is the host's business.
fn is_calendar(root: &Node) -> bool {
    root.get("years").is_some() && root.get("tasks").is_none()
}

fn scripts(sources: &Sources, wanted: impl Fn(&str) -> bool) -> Vec<Script> {
    sources
        .iter()
        .filter(|(path, _)| path.ends_with(".rhai") && wanted(path))
        .map(|(file, source)| Script { file: file.clone(), source: source.clone() })
        .collect()
}

/// Warns of scripts that nothing calls.
fn check_scripts(r: &mut Reader<'_>, sources: &Sources, workflows: &[ReadWorkflow]) {
    let ids: BTreeSet<&str> = workflows.iter().map(|read| read.workflow.id.as_str()).collect();
    for script in scripts(sources, |path| !path.starts_with("tests/") && path != HOOKS_FILE) {
        let name = script.file.trim_end_matches(".rhai");
        if ids.contains(name) {
            continue;
        }
        let place = Place { file: script.file.clone(), line: 1, column: 1, length: 0 };
        let help = closest(name, ids.iter().copied()).map_or_else(
            || "措施的脚本与措施的 id 同名；共用的函数写在 hooks.rhai".to_owned(),
            |near| format!("是否想用 `{near}.rhai`？"),
        );
        let problem = Problem::warning("DB1110", &place, "没有措施使用这个脚本");
        r.problems.push(problem.with_help(help));
    }
}

/// The closed bundle that a case is opened with: only what its tasks can reach.
fn close(
    read: ReadWorkflow,
    suite: &SuiteFile,
    sources: &Sources,
    library: &Library,
) -> Definition {
    let own = format!("{}.rhai", read.workflow.id);
    let mut found: Vec<Script> = scripts(sources, |path| path == own);
    found.extend(scripts(sources, |path| path == HOOKS_FILE));
    found.extend(library.scripts.iter().cloned());
    let mut definition = Definition {
        hash: DefinitionHash::new(""),
        suite: suite.head.clone(),
        ladders: used_ladders(&read, suite),
        default_ladder: suite.ladder.clone(),
        workflow: read.workflow,
        lights: suite.lights.clone(),
        scoring: suite.scoring.clone(),
        scripts: found,
    };
    definition.hash = definition.content_hash();
    definition
}

/// The ladders that the workflow's tasks climb, and the suite's default one; the workflow's own
/// win over the suite's.
fn used_ladders(read: &ReadWorkflow, suite: &SuiteFile) -> BTreeMap<String, Ladder> {
    let tasks = read.workflow.tasks.iter();
    let names = tasks.flat_map(|task| task.ladder.iter().chain(&task.review_ladder));
    let names = names.chain(&suite.ladder);
    let ladders =
        names.filter_map(|name| read.ladders.get(name).or_else(|| suite.ladders.get(name)));
    ladders.map(|ladder| (ladder.name.clone(), ladder.clone())).collect()
}

/// Whether any problem is an error.
pub(crate) fn any_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
