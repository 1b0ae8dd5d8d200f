//! What the benchmarks share: a small suite, an engine on a real file, figures as JSON.

use std::error::Error;
use std::sync::Arc;

use duban::calendar::start_of;
use duban::{
    Actor, CaseId, Date, Engine, Instant, Options, Sources, SqliteStore, Suite, TestClock, library,
    load_suite,
};
use mimalloc::MiMalloc;
use tempfile::TempDir;

/// The allocator of the binary `duban`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What a benchmark may fail with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Items of one case.
pub const ITEMS: usize = 10;

/// The share of the full size, from `DUBAN_BENCH_SCALE`; 1 where it is not set.
pub fn scale() -> f64 {
    std::env::var("DUBAN_BENCH_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0)
}

/// A number at the scale in force, at least 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are small and positive"
)]
pub fn scaled(full: u32) -> u32 {
    ((f64::from(full) * scale()) as u32).max(1)
}

/// Prints one measurement.
#[expect(clippy::print_stdout, reason = "figures go to standard output")]
pub fn say(figures: &serde_json::Value) {
    println!("{figures}");
}

/// Nine o'clock in Shanghai on a date of 2022.
pub fn at(month: u32, day: u32) -> Instant {
    let date = Date::from_ymd_opt(2022, month, day).unwrap_or_default();
    start_of(date, duban::calendar::Tz::Asia__Shanghai).plus_millis(9 * 3_600_000)
}

/// A suite of one workflow whose cases have ten tasks each, due on 30 June, with one rung at the
/// due date that runs a script; `units` units each have one case of each of `workflows` copies.
///
/// # Errors
///
/// Where the suite does not load, which would be a defect of this file.
pub fn suite(units: u32, workflows: u32) -> Result<Suite, Failure> {
    let mut directory = String::from(
        "units:\n  - { id: C, name: 市, level: city }\nposts:\n  - { unit: C, name: 书记, holders: [boss] }\n",
    );
    let mut list = String::new();
    let mut posts = String::new();
    let mut people = String::new();
    for unit in 0..units {
        list.push_str(&format!(
            "  - {{ id: U{unit}, name: 单位{unit}, level: district, superior: C }}\n"
        ));
        posts.push_str(&format!(
            "  - {{ unit: U{unit}, name: 联络员, holders: [worker, own{unit}] }}\n"
        ));
        people.push_str(&format!("  - {{ id: own{unit}, name: 丙{unit} }}\n"));
    }
    directory = directory.replace("posts:\n", &format!("{list}posts:\n"));
    directory.push_str(&posts);
    directory.push_str("people:\n  - { id: boss, name: 甲 }\n  - { id: worker, name: 乙 }\n");
    directory.push_str(&people);
    let mut sources = Sources::new();
    sources.insert("directory.yaml".to_owned(), directory);
    sources.insert("suite.yaml".to_owned(), SUITE.to_owned());
    sources.insert("hooks.rhai".to_owned(), HOOKS.to_owned());
    for copy in 0..workflows {
        let text = WORK.replace("id: work", &format!("id: work{copy}"));
        sources.insert(format!("work{copy}.yaml"), text);
    }
    let loaded = load_suite("bench", &sources, &library());
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.suite.ok_or_else(|| problems.join("\n").into())
}

const SUITE: &str = "
title: 基准
issuer: 市
date: 2022-01-01
target_year: 2022
levels: { city: 市, district: 区 }
supervision: org(\"C\")
administrator: org(\"C\").post(\"书记\")
params: { parts: [a, b, c, d, e, f, g, h, i, j] }
ladder: one
ladders:
  one:
    - { at: due, do: nudge, to: owner }
";

const HOOKS: &str = "
fn nudge(task, rung) {
    remind(#{ to: rung.to, text: `${task.title}到期：${task.due}` });
}
";

const WORK: &str = "
id: work
title: 工作
lead: org(\"C\")
cases: districts()
period: year
tasks:
  t:
    title: 任务
    each: { part: params.parts }
    owner: unit.post(\"联络员\")
    reviewer: lead
    due: 2022-06-30
";

/// An engine on a file of its own, with a clock that the benchmark moves.
pub struct Bench {
    /// The engine.
    pub engine: Engine<SqliteStore>,
    /// Its clock.
    pub clock: TestClock,
    /// The cases that were opened.
    pub cases: Vec<CaseId>,
    folder: TempDir,
}

impl Bench {
    /// Publishes the suite into a new database and opens a case for each unit and workflow.
    ///
    /// # Errors
    ///
    /// What the engine says.
    pub async fn open(units: u32, workflows: u32) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("duban-bench-").tempdir_in(".")?;
        let store = SqliteStore::open(folder.path().join("duban.db"))?;
        let clock = TestClock::new(at(1, 4));
        let options =
            Options { clock: Arc::new(clock.clone()), channels: Vec::new(), ..Options::default() };
        let engine = Engine::start(store, options).await?;
        engine.publish(&suite(units, workflows)?).await?;
        let today = Date::from_ymd_opt(2022, 1, 4).unwrap_or_default();
        let opened = engine.open_suite(&"bench".into(), today, Actor::operator("bench")).await?;
        let mut cases = Vec::with_capacity(opened.len());
        for one in opened {
            one.version?;
            cases.push(one.name.id());
        }
        Ok(Self { engine, clock, cases, folder })
    }

    /// Where its files lie.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// The key of one of a case's items.
pub fn item(number: usize) -> duban::ItemKey {
    let part = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][number % ITEMS];
    format!("t/{part}").as_str().into()
}

/// Resident memory of this process in MiB, from `/proc/self/status`.
pub fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The value below which so many of a hundred lie.
pub fn percentile(values: &mut [u128], percent: usize) -> u128 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    values.get(last * percent / 100).copied().unwrap_or(0)
}
