//! The daemon over HTTP on loopback: durable moves with keep-alive, a thousand listeners, and the
//! pages people look at most, with a million open tasks behind them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use duban::{Act, Actor, Store, library};
use duban_benches::{Bench, Failure, ITEMS, percentile, resident_mib, say, scaled};
use duban_web::{App, Scope, Settings, Tokens, serve};
use reqwest::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECONDS: u64 = 5;
const CALLERS: usize = 64;
const LISTENERS: usize = 1_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let small = Daemon::over(Bench::open(scaled(1_000), 1).await?).await?;
    let rate = moves(&small).await?;
    say(&json!({
        "bench": "http_moves", "callers": CALLERS, "moves_per_second": rate.round(),
        "target": 5_000, "met": rate >= 5_000.0,
    }));
    listeners(&small).await?;
    let large = Daemon::over(Bench::open(scaled(10_000), 10).await?).await?;
    reports(&large.bench).await?;
    pages(&large).await?;
    Ok(())
}

struct Daemon {
    bench: Bench,
    address: String,
    token: String,
}

impl Daemon {
    /// Serves a database in which anybody may sign in as anybody.
    async fn over(bench: Bench) -> Result<Self, Failure> {
        let token = Tokens::create(bench.engine.store(), "bench", Scope::Admin, 0).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let settings = Settings {
            is_demonstration: true,
            library: Arc::new(library()),
            ..Settings::default()
        };
        tokio::spawn(serve(
            App::new(bench.engine.clone(), settings),
            listener,
            std::future::pending(),
        ));
        Ok(Self { bench, address, token })
    }
}

/// Each caller has a connection of its own and waits for each answer.
async fn moves(daemon: &Daemon) -> Result<f64, Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let ends = began + Duration::from_secs(SECONDS);
    let mut running = Vec::new();
    for caller in 0..CALLERS {
        let (address, token, done) =
            (daemon.address.clone(), daemon.token.clone(), Arc::clone(&done));
        let own: Vec<_> =
            daemon.bench.cases.iter().skip(caller).step_by(CALLERS).cloned().collect();
        running.push(tokio::spawn(async move {
            let client = Client::builder().pool_max_idle_per_host(1).build()?;
            let mut turn = 0_usize;
            while Instant::now() < ends {
                let case = &own[turn % own.len()];
                let item = duban_benches::item(turn / own.len() % ITEMS);
                let act =
                    json!({ "kind": "report", "item": item, "text": "进展顺利", "percent": 50 });
                let request = client
                    .post(format!("http://{address}/api/v1/cases/{case}/moves"))
                    .bearer_auth(&token)
                    .header("idempotency-key", format!("{caller}-{turn}"))
                    .json(&json!({ "person": "worker", "act": act }));
                request.send().await?.error_for_status()?.bytes().await?;
                done.fetch_add(1, Ordering::Relaxed);
                turn += 1;
            }
            Ok::<(), Failure>(())
        }));
    }
    for caller in running {
        caller.await??;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let moves = done.load(Ordering::Relaxed) as f64;
    Ok(moves / began.elapsed().as_secs_f64())
}

/// A thousand open streams, one move, and how long until every one of them has its event.
async fn listeners(daemon: &Daemon) -> Result<(), Failure> {
    let heard = Arc::new(AtomicU64::new(0));
    let before = resident_mib();
    for _ in 0..LISTENERS {
        let mut stream = TcpStream::connect(&daemon.address).await?;
        let request = format!(
            "GET /api/v1/stream HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\r\n",
            daemon.token
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 4_096];
        // The head of the answer: the stream stands.
        if stream.read(&mut buffer).await? == 0 {
            return Err("a stream was refused".into());
        }
        let heard = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok(read) = stream.read(&mut buffer).await {
                if read == 0 || String::from_utf8_lossy(&buffer[..read]).contains("reported") {
                    break;
                }
            }
            heard.fetch_add(1, Ordering::Relaxed);
        });
    }
    let case = &daemon.bench.cases[0];
    let act = json!({ "kind": "report", "item": duban_benches::item(0), "text": "一" });
    let began = Instant::now();
    let client = Client::new();
    let request = client
        .post(format!("http://{}/api/v1/cases/{case}/moves", daemon.address))
        .bearer_auth(&daemon.token)
        .json(&json!({ "person": "worker", "act": act }));
    request.send().await?.error_for_status()?;
    let all = u64::try_from(LISTENERS)?;
    while heard.load(Ordering::Relaxed) < all && began.elapsed() < Duration::from_secs(30) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say(&json!({
        "bench": "http_listeners", "listeners": LISTENERS, "heard": heard.load(Ordering::Relaxed),
        "until_all_heard_ms": u64::try_from(began.elapsed().as_millis())?,
        "resident_mib_more": resident_mib().saturating_sub(before),
        "met": heard.load(Ordering::Relaxed) == all,
    }));
    Ok(())
}

/// A report for each case, so that a word stands in many of them; then what the index weighs.
async fn reports(bench: &Bench) -> Result<(), Failure> {
    let began = Instant::now();
    bench.engine.indexed().await?;
    let (names, opened) = (bench.engine.stats().indexed, began.elapsed().as_secs_f64());
    let mut running = Vec::new();
    for caller in 0..CALLERS {
        let engine = bench.engine.clone();
        let cases: Vec<_> = bench.cases.iter().skip(caller).step_by(CALLERS).cloned().collect();
        running.push(tokio::spawn(async move {
            for (turn, case) in cases.iter().enumerate() {
                let act = Act::Report {
                    item: duban_benches::item(turn),
                    text: format!("督办事项进展顺利，第{turn}次会议研究部署，按期推进。"),
                    percent: Some(50),
                    value: None,
                    evidence: Vec::new(),
                };
                engine.act(case, Actor::person("worker"), act, None).await?;
            }
            Ok::<(), duban::EngineError>(())
        }));
    }
    for caller in running {
        caller.await??;
    }
    let written = Instant::now();
    bench.engine.indexed().await?;
    say(&json!({
        "bench": "search_index", "tasks": bench.cases.len() * ITEMS, "names_indexed": names,
        "behind_after_opening_seconds": opened.round(), "reports": bench.cases.len(),
        "behind_after_reports_seconds": written.elapsed().as_secs_f64().round(),
    }));
    Ok(())
}

/// What people look at: the supervisor of all, an owner, the administrator of the system.
const PAGES: &[(&str, &str, &str)] = &[
    ("overview", "person:boss", "/"),
    ("tasks", "person:boss", "/tasks"),
    ("tasks_red", "person:boss", "/tasks?light=red"),
    ("tasks_yellow", "person:boss", "/tasks?light=yellow"),
    ("tasks_green", "person:boss", "/tasks?light=green"),
    ("tasks_submitted", "person:boss", "/tasks?status=submitted"),
    ("tasks_cancelled", "person:boss", "/tasks?status=cancelled"),
    ("tasks_of_measure_red", "person:boss", "/tasks?workflow=work3&light=red"),
    ("duties", "person:boss", "/duties"),
    ("interviews", "person:boss", "/interviews"),
    ("notices", "person:boss", "/notices?kind=notice"),
    ("indicators", "person:boss", "/indicators"),
    ("search_name", "person:boss", "/search?q=%E5%8D%95%E4%BD%8D77"),
    ("search_common", "person:boss", "/search?q=%E8%BF%9B%E5%B1%95"),
    ("search_one_character", "person:boss", "/search?q=%E8%BF%9B"),
    ("search_two_words", "person:boss", "/search?q=%E7%9D%A3%E5%8A%9E+%E4%BC%9A%E8%AE%AE"),
    ("search_nothing_closed", "person:boss", "/search?q=%E8%BF%9B%E5%B1%95&state=closed"),
    ("todo", "person:own7", "/todo"),
    ("tasks_of_a_unit", "person:own7", "/tasks?light=yellow"),
    ("search_of_a_unit", "person:own7", "/search?q=%E8%BF%9B%E5%B1%95"),
    ("deliveries_pending", "admin:system", "/deliveries?state=pending"),
];

/// How often each page is looked at.
const LOOKS: usize = 200;

/// One page after the other, while nothing else runs.
async fn pages(daemon: &Daemon) -> Result<(), Failure> {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut cookies: BTreeMap<&str, String> = BTreeMap::new();
    for (page, who, path) in PAGES {
        if !cookies.contains_key(who) {
            let signed = client
                .post(format!("http://{}/signin", daemon.address))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("who={}", who.replace(':', "%3A")))
                .send()
                .await?;
            cookies.insert(who, signed.headers()["set-cookie"].to_str()?.to_owned());
        }
        let mut micros = Vec::new();
        let mut first = None;
        for _ in 0..LOOKS {
            let began = Instant::now();
            let request = client
                .get(format!("http://{}{path}", daemon.address))
                .header("cookie", &cookies[who]);
            request.send().await?.error_for_status()?.bytes().await?;
            let taken = began.elapsed().as_micros();
            // The first one after a start counts for the first visitor alone.
            if first.is_none() { first = Some(taken) } else { micros.push(taken) }
        }
        let p99 = percentile(&mut micros, 99);
        say(&json!({
            "bench": "http_page", "page": page, "tasks": daemon.bench.cases.len() * ITEMS,
            "p50_ms": percentile(&mut micros, 50) / 1_000, "p99_ms": p99 / 1_000,
            "first_ms": first.unwrap_or_default() / 1_000, "target_p99_ms": 100, "met": p99 <= 100_000,
        }));
    }
    daemon.bench.engine.store().close().await?;
    Ok(())
}
