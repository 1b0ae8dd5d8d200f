//! A million open tasks: what a move costs beside ten thousand, what a restart costs, how much
//! memory is resident, and whether an idle engine leaves its database alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use duban::{Act, Actor, Engine, Options, SqliteStore, TestClock};
use duban_benches::{Bench, Failure, ITEMS, at, item, resident_mib, say, scaled};
use serde_json::json;

const SECONDS: u64 = 5;
const CALLERS: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let small = Bench::open(scaled(1_000), 1).await?;
    let few = micros_a_move(&small).await?;
    small.engine.shutdown().await?;
    drop(small);

    let began = Instant::now();
    let units = scaled(10_000);
    let bench = Bench::open(units, 10).await?;
    let opening = began.elapsed().as_secs_f64();
    let many = micros_a_move(&bench).await?;
    say(&json!({
        "bench": "million_moves", "tasks": bench.cases.len() * ITEMS,
        "opened_in_seconds": opening.round(), "micros_at_10_thousand": round(few),
        "micros_at_this_size": round(many), "ratio": round(many / few), "target_ratio": 1.5,
        "met": many / few <= 1.5,
    }));

    bench.engine.settled().await?;
    let before = bench.engine.stats().index_queries;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let queries = bench.engine.stats().index_queries - before;
    let resident = resident_mib();
    say(&json!({
        "bench": "million_idle", "resident_mib": resident, "target_mib": 500,
        "queries_in_3_seconds": queries, "met": resident <= 500 && queries == 0,
    }));

    let path = bench.folder().join("duban.db");
    bench.engine.shutdown().await?;
    let began = Instant::now();
    let options = Options {
        clock: Arc::new(TestClock::new(at(7, 1))),
        channels: Vec::new(),
        ..Options::default()
    };
    let engine = Engine::start(SqliteStore::open(path)?, options).await?;
    while engine.stats().wakes == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    say(&json!({
        "bench": "million_restart", "first_firing_seconds": round(seconds), "target_seconds": 1,
        "met": seconds <= 1.0,
    }));
    // The rest of the million due dates would fire now; that is what `burst` measures.
    drop(engine);
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Microseconds of wall time for each move, with every caller taking cases in a scattered order.
async fn micros_a_move(bench: &Bench) -> Result<f64, Failure> {
    let began = Instant::now();
    let ends = began + Duration::from_secs(SECONDS);
    let cases = Arc::new(bench.cases.clone());
    let mut running = Vec::new();
    for caller in 0..CALLERS {
        let (engine, cases) = (bench.engine.clone(), Arc::clone(&cases));
        running.push(tokio::spawn(async move {
            let mut turn = 0_usize;
            while Instant::now() < ends {
                let place = (caller + turn * CALLERS).wrapping_mul(7_919) % cases.len();
                let act = Act::Report {
                    item: item(turn % ITEMS),
                    text: "进展顺利".to_owned(),
                    percent: Some(50),
                    value: None,
                    evidence: Vec::new(),
                };
                engine.act(&cases[place], Actor::person("worker"), act, None).await?;
                turn += 1;
            }
            Ok::<usize, duban::EngineError>(turn)
        }));
    }
    let mut moves = 0_usize;
    for caller in running {
        moves += caller.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let each = began.elapsed().as_secs_f64() * 1e6 / moves.max(1) as f64;
    Ok(each)
}
