//! Durable moves a second through the engine, with 1, 32 and 256 callers, against the raw store
//! writing rows of the same kind and number in batches of the same size, in the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use duban::core::decode;
use duban::store::Commit;
use duban::{Act, Actor, SqliteStore, Store};
use duban_benches::{Bench, Failure, ITEMS, item, say, scaled};
use serde_json::json;

const SECONDS: u64 = 5;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let bench = Bench::open(scaled(1_000), 1).await?;
    let mut best = 0.0;
    for callers in [1, 32, 256] {
        let rate = through_engine(&bench, callers).await?;
        say(&json!({
            "bench": "moves", "callers": callers, "moves_per_second": rate.round(),
            "target": if callers == 256 { json!(20_000) } else { json!(null) },
            "met": callers != 256 || rate >= 20_000.0,
        }));
        best = rate;
    }
    let raw = raw_store(&bench).await?;
    say(&json!({
        "bench": "moves_raw_store", "batch": 256, "commits_per_second": raw.round(),
        "ratio": (best / raw * 100.0).round() / 100.0, "target_ratio": 0.4,
        "met": best / raw >= 0.4,
    }));
    bench.engine.shutdown().await?;
    Ok(())
}

fn report(number: usize) -> Act {
    Act::Report {
        item: item(number),
        text: "进展顺利".to_owned(),
        percent: Some(50),
        value: None,
        evidence: Vec::new(),
    }
}

/// Each caller reports on items of cases of its own and waits for the answer.
async fn through_engine(bench: &Bench, callers: usize) -> Result<f64, Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let ends = began + Duration::from_secs(SECONDS);
    let mut running = Vec::new();
    for caller in 0..callers {
        let (engine, done) = (bench.engine.clone(), Arc::clone(&done));
        let own: Vec<_> = bench.cases.iter().skip(caller).step_by(callers).cloned().collect();
        running.push(tokio::spawn(async move {
            let mut turn = 0_usize;
            while Instant::now() < ends {
                let case = &own[turn % own.len()];
                let key = Some(format!("{callers}-{caller}-{turn}"));
                let act = report(turn / own.len() % ITEMS);
                engine.act(case, Actor::person("worker"), act, key).await?;
                done.fetch_add(1, Ordering::Relaxed);
                turn += 1;
            }
            Ok::<(), duban::EngineError>(())
        }));
    }
    for caller in running {
        caller.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let moves = done.load(Ordering::Relaxed) as f64;
    Ok(moves / began.elapsed().as_secs_f64())
}

/// Real commits of the engine's last moves, written again into a new database: the case's row,
/// one item's row, one event and one key each.
async fn raw_store(bench: &Bench) -> Result<f64, Failure> {
    let store = SqliteStore::open(bench.folder().join("raw.db"))?;
    let mut commits: Vec<Commit> = Vec::new();
    for case in bench.cases.iter().take(256) {
        commits.push(last_commit(bench, case).await?);
    }
    let openings = commits.iter().map(|commit| Commit { expected: 0, ..commit.clone() });
    for answer in store.append(openings.collect()).await? {
        answer?;
    }
    let began = Instant::now();
    let mut written = 0_u32;
    while began.elapsed() < Duration::from_secs(SECONDS) {
        for commit in &mut commits {
            advance(commit);
        }
        for answer in store.append(commits.clone()).await? {
            answer?;
        }
        written += 256;
    }
    let rate = f64::from(written) / began.elapsed().as_secs_f64();
    store.close().await?;
    Ok(rate)
}

/// The next commit of the same shape.
fn advance(commit: &mut Commit) {
    commit.expected = commit.case.version;
    commit.case.version += 1;
    for event in &mut commit.events {
        event.seq = commit.case.version;
    }
    if let Some(key) = &mut commit.key {
        key.key = format!("raw-{}", commit.case.version);
    }
}

async fn last_commit(bench: &Bench, case: &duban::CaseId) -> Result<Commit, Failure> {
    let state = bench.engine.case(case).await?;
    let version = state.head().version;
    let rows = bench.engine.events(case, version - 1, 1).await?;
    let event = decode(&rows[0].text)?;
    let encoded = duban::core::encode(&event, "");
    let definition = bench.engine.definition(&state.head().definition).await?;
    let decision = duban::core::Decision {
        migration: None,
        looked_at: 0,
        operations: 0,
        spent: None,
        expected: version - 1,
        events: vec![event],
        encoded: vec![encoded],
        case: state,
        more: false,
    };
    let key = duban::store::KeyRecord {
        case: case.as_str().to_owned(),
        actor: "{\"person\":{\"person\":\"worker\"}}".to_owned(),
        key: "raw".to_owned(),
        digest: "0".repeat(64),
        version,
        at: 0,
    };
    Ok(Commit::of(&decision, &definition, Some(key)))
}
