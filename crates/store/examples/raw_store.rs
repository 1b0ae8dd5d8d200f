//! How fast the store alone is: `raw_store [cases] [seconds] [folder]`.
//!
//! Opens some cases of ten items, then moves them as people would: each commit updates the case
//! and one item, adds one or two events and an idempotency key. 256 callers each move one case
//! at a time and wait until that is durable; then the same in batches of 256 from one caller.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use duban_core::{CaseRow, Encoded, ItemRow};
use duban_store::{Commit, KeyRecord, SqliteStore, Store};

const CALLERS: usize = 256;
const ITEMS: usize = 10;
const DAY: i64 = 86_400_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let cases: usize = args.next().map_or(Ok(100_000), |text| text.parse())?;
    let seconds: u64 = args.next().map_or(Ok(10), |text| text.parse())?;
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("raw-store-").tempdir_in(folder)?;
    let store = SqliteStore::open(folder.path().join("duban.db"))?;

    open_cases(&store, cases).await?;
    let time = Duration::from_secs(seconds);
    callers(&store, cases, time).await?;
    batches(&store, cases, time).await?;
    questions(&store, cases).await?;
    store.close().await?;
    let bytes = std::fs::metadata(folder.path().join("duban.db"))?.len();
    say(&format!("database: {} MB", bytes / 1_000_000));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}

async fn open_cases(store: &SqliteStore, cases: usize) -> Result<(), Failure> {
    let begin = Instant::now();
    for first in (0..cases).step_by(CALLERS) {
        let batch = (first..cases.min(first + CALLERS)).map(opening).collect();
        check(&store.append(batch).await?)?;
    }
    rate("cases opened", cases, begin.elapsed());
    Ok(())
}

async fn callers(store: &SqliteStore, cases: usize, time: Duration) -> Result<(), Failure> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        tasks.spawn(async move {
            let (mut done, mut spent, mut longest) = (0, Duration::ZERO, Duration::ZERO);
            let mut mine = walk(caller, cases);
            while begin.elapsed() < time {
                let (case, version) = mine.next().ok_or("no cases")?;
                let begin = Instant::now();
                check(&store.append(vec![moving(case, version)]).await?)?;
                done += 1;
                spent += begin.elapsed();
                longest = longest.max(begin.elapsed());
            }
            Ok::<_, Failure>((done, spent, longest))
        });
    }
    let (mut done, mut spent, mut longest) = (0, Duration::ZERO, Duration::ZERO);
    for caller in tasks.join_all().await {
        let (count, time, most) = caller?;
        done += count;
        spent += time;
        longest = longest.max(most);
    }
    rate("commits by 256 callers", done, begin.elapsed());
    let mean = spent / u32::try_from(done.max(1))?;
    say(&format!("  a caller waits {mean:.2?} on average, {longest:.2?} at most"));
    Ok(())
}

async fn batches(store: &SqliteStore, cases: usize, time: Duration) -> Result<(), Failure> {
    let mut walks: Vec<_> = (0..CALLERS).map(|caller| walk(caller, cases)).collect();
    let mut versions = vec![0; cases];
    let (mut done, begin) = (0, Instant::now());
    while begin.elapsed() < time {
        let mut batch = Vec::with_capacity(CALLERS);
        for walk in &mut walks {
            let (case, _) = walk.next().ok_or("no cases")?;
            if versions[case] == 0 {
                let stored = store.case(&id(case)).await?.ok_or("no case")?;
                versions[case] = stored.version;
            }
            let commit = moving(case, versions[case]);
            versions[case] = commit.case.version;
            batch.push(commit);
        }
        check(&store.append(batch).await?)?;
        done += CALLERS;
    }
    rate("commits in batches of 256", done, begin.elapsed());
    Ok(())
}

async fn questions(store: &SqliteStore, cases: usize) -> Result<(), Failure> {
    let begin = Instant::now();
    let groups = store.lights(None, 40 * DAY).await?.len();
    say(&format!("lights of {} items in {groups} groups: {:.2?}", cases * ITEMS, begin.elapsed()));
    let begin = Instant::now();
    let count = 10_000;
    for number in 0..count {
        store.load(&id(number * 7919 % cases)).await?;
    }
    rate("cases loaded", count, begin.elapsed());
    Ok(())
}

/// A caller's own cases, round and round in a scattered order, with the version each is at.
fn walk(caller: usize, cases: usize) -> impl Iterator<Item = (usize, u64)> {
    let mine = (cases / CALLERS).max(1);
    (0..).map(move |step: usize| {
        let case = (caller + CALLERS * (step * 7919 % mine)) % cases;
        let round = u64::try_from(step / mine).unwrap_or(u64::MAX);
        (case, FIRST_VERSION + round * events_of(case))
    })
}

const FIRST_VERSION: u64 = 3;

fn events_of(case: usize) -> u64 {
    if case.is_multiple_of(2) { 1 } else { 2 }
}

fn id(case: usize) -> String {
    // Scattered, as ids that are hashes are.
    let number = u64::try_from(case).unwrap_or_default().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{number:016x}{case:08x}")
}

fn opening(case: usize) -> Commit {
    let mut commit = commit(case, 0, FIRST_VERSION, ITEMS);
    commit.key = None;
    commit
}

fn moving(case: usize, version: u64) -> Commit {
    commit(case, version, events_of(case), 1)
}

fn commit(case: usize, expected: u64, events: u64, items: usize) -> Commit {
    let version = expected + events;
    let at = i64::try_from(version).unwrap_or_default() * 1000;
    let id = id(case);
    let status = if version.is_multiple_of(2) { "active" } else { "submitted" };
    let item = |number: usize| ItemRow {
        case: id.clone(),
        key: format!("task{number}/370102001"),
        task: format!("task{number}"),
        unit: format!("3701{:02}", case % 40),
        status: status.to_owned(),
        held: false,
        owner: Some("post:370102/办公室主任".to_owned()),
        waiting_on: Some(format!("post:3701{:02}/书记", version % 40)),
        since: at,
        due: Some(DAY * i64::try_from(30 + case % 100).unwrap_or_default()),
        yellow_at: Some(DAY * 25),
        red_at: Some(DAY * 31),
        window: None,
        attention: None,
        data: "x".repeat(900),
    };
    let event = |seq: u64| Encoded {
        seq,
        at,
        recorded_at: at,
        kind: "reported".to_owned(),
        item: Some("task0/370102001".to_owned()),
        text: "x".repeat(320),
        hash: format!("{seq:064x}"),
    };
    let key = KeyRecord {
        case: id.clone(),
        actor: r#"{"person":"zhang-wei"}"#.to_owned(),
        key: format!("5f0c1c1e-93b7-4b59-8a4e-{version:012}"),
        digest: "0".repeat(64),
        version,
        at,
    };
    let case = CaseRow {
        id: id.clone(),
        suite: "2021-17".to_owned(),
        workflow: format!("measure-{}", case % 25),
        unit: format!("3701{:02}", case % 40),
        period: Some("2022".to_owned()),
        title: "推进重点项目建设".to_owned(),
        status: "open".to_owned(),
        faulted: false,
        definition: "0".repeat(64),
        version,
        next_wakeup: Some(DAY * 25 + at % 7000),
        opened_at: 0,
        closed_at: None,
        attention: None,
        data: "x".repeat(700),
    };
    Commit {
        expected,
        case,
        items: (0..items).map(item).collect(),
        events: (expected + 1..=version).map(event).collect(),
        outgoing: vec![],
        scores: vec![],
        key: Some(key),
        urgent: true,
    }
}

fn check<E: std::error::Error + Clone + Send + Sync + 'static>(
    answers: &[Result<(), E>],
) -> Result<(), Failure> {
    for answer in answers {
        answer.clone()?;
    }
    Ok(())
}

fn rate(what: &str, count: usize, time: Duration) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    say(&format!("{what}: {count} in {time:.2?}: {:.0}/s", f64::from(count) / time.as_secs_f64()));
}
