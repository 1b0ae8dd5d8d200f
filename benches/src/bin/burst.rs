//! A hundred thousand due dates at one instant, each running its rung's script, while a person
//! acts on other cases.

use std::time::{Duration, Instant};

use duban::{Act, Actor, DeliveryFilter};
use duban_benches::{Bench, Failure, ITEMS, at, item, percentile, say, scaled};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let cases = scaled(10_000);
    let bench = Bench::open(cases, 1).await?;
    let deadlines = cases * 10;
    let (engine, acting) = (bench.engine.clone(), bench.cases.clone());
    // Lights turn yellow some days before: that is not what is measured.
    bench.clock.advance(&bench.engine, at(6, 30)).await?;
    let earlier = bench.engine.stats();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let person = tokio::spawn(async move {
        let mut waits = Vec::new();
        let mut turn = 0_usize;
        while !*stopped.borrow_and_update() {
            let case = &acting[turn * 7 % acting.len()];
            let text = "进展".to_owned();
            let act = Act::Report {
                item: item(turn % ITEMS),
                text,
                percent: None,
                value: None,
                evidence: Vec::new(),
            };
            let began = Instant::now();
            engine.act(case, Actor::person("worker"), act, None).await?;
            waits.push(began.elapsed().as_micros());
            turn += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok::<_, duban::EngineError>(waits)
    });
    let began = Instant::now();
    bench.clock.advance(&bench.engine, at(7, 1)).await?;
    let seconds = began.elapsed().as_secs_f64();
    stop.send_replace(true);
    let mut waits = person.await??;
    let stats = bench.engine.stats();
    say(&json!({
        "bench": "burst", "deadlines": deadlines, "cases": cases,
        "all_fired_seconds": (seconds * 100.0).round() / 100.0, "target_seconds": 5,
        "met": seconds <= 5.0,
        "acts_meanwhile": waits.len(),
        "act_p50_ms": ms(percentile(&mut waits, 50)), "act_p99_ms": ms(percentile(&mut waits, 99)),
        "target_p99_ms": 50, "p99_met": percentile(&mut waits, 99) <= 50_000,
        "commits": stats.commits - earlier.commits, "events": stats.events - earlier.events,
        "loads": stats.loads - earlier.loads, "delivered": stats.delivered - earlier.delivered,
    }));
    let some =
        bench.engine.deliveries(DeliveryFilter::default(), duban::PageRequest::first(1)).await?;
    assert!(!some.rows.is_empty(), "the rungs sent nothing");
    bench.engine.shutdown().await?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a duration of milliseconds")]
fn ms(micros: u128) -> f64 {
    (micros as f64 / 10.0).round() / 100.0
}
