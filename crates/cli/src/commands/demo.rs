//! `duban demo`: all 25 measures, every district, a whole year, in seconds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use duban::{Date, Engine, Options, SqliteStore, Store, TestClock};
use duban_calendar::{Tz, end_of, start_of};
use duban_core::Decision;
use duban_model::{Definition, Suite};
use duban_sim::{Budget, Observer, Plan, simulate};
use duban_store::Commit;
use duban_web::{Evidence, Settings, Trend};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::load;
use super::serve::{Listeners, until_told};
use super::simulate::{Progress, summary, told};
use super::upkeep::has_cases;
use crate::Ended;
use crate::db::{beside, block_on, engine_with, open, stand_at};
use crate::output::Output;

/// Live through a year: 25 measures for every district of Jinan, with a seeded cast.
#[derive(Args)]
#[command(after_help = "Examples:
  duban demo
  duban demo --seed 7 --db /tmp/seven.db

It leaves a real database to explore; its time stands still at the end of the year. Then its
pages are served on loopback until Ctrl-C.")]
pub(crate) struct Demo {
    /// The database to make. It must not hold cases yet, unless it is the default one.
    #[arg(long)]
    db: Option<PathBuf>,
    /// What the cast's behaviour follows from.
    #[arg(long, default_value_t = 2022)]
    seed: u64,
    /// The suite.
    #[arg(long)]
    suite: Option<PathBuf>,
    /// End after the summary, in place of serving the year's pages.
    #[arg(long)]
    no_serve: bool,
    /// Where the pages are served; where it is left out and 8080 is taken, a free port.
    #[arg(long)]
    listen: Option<SocketAddr>,
}

/// The database that a demonstration without `--db` makes anew.
const DEFAULT_DB: &str = "duban-demo.db";

/// Commits written at once.
const BATCH: usize = 256;

pub(crate) fn run(demo: &Demo, output: &Output) -> Result<Ended> {
    let folder = demo.suite.clone().map_or_else(suite_folder, Ok)?;
    let (suite, programs) = load(&folder)?;
    let path = demo.db.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DB));
    if demo.db.is_none() {
        remove(&path)?;
    }
    let year = suite.head.target_year;
    let day = |month, day| {
        Date::from_ymd_opt(year, month, day).with_context(|| format!("there is no year {year}"))
    };
    let (from, to) = (day(1, 1)?, day(12, 31)?);
    let store = prepare(&path, &suite, from, to)?;

    let (sender, receiver) = sync_channel(4 * BATCH);
    let tz = suite.head.time_zone;
    let writer = std::thread::spawn(move || write(&store, &receiver, to, tz));
    let mut recorder = Recorder { sender };
    let progress = Progress::new(&suite, from, to);
    let plan = Plan { from, to, seed: demo.seed, budget: Budget::default() };
    let simulated = simulate(&suite, &programs, &plan, &mut recorder, |now| progress.show(now));
    progress.end();
    drop(recorder);
    writer.join().map_err(|_| anyhow!("the thread that writes the database failed"))??;

    let report = simulated.map_err(told)?;
    let db = path.display();
    output.print(&serde_json::to_value(&report)?, || {
        format!(
            "{}\n\n格子里是灯和 办结/全部。{db} 里是这一年的全部记录，可以接着看：\n  \
             duban cases --db {db} --workflow m23-duty-performance\n  \
             duban tasks --db {db} --light red\n  \
             duban tasks --db {db} --task interview\n  \
             duban show 编号 --db {db}\n  \
             duban audit verify --db {db}",
            summary(&report)
        )
    })?;
    if demo.no_serve {
        return Ok(Ended::Well);
    }
    block_on(async {
        let listeners = Listeners { pages: listener(demo.listen).await?, metrics: None };
        let evidence = Evidence::folder(&beside(&path, ".evidence"))?;
        let library = Arc::new(duban::library());
        let (engine, _) = engine_with(&path, Vec::new(), Some(evidence.clone())).await?;
        let settings = Settings { evidence, library, ..Settings::default() };
        until_told(engine, listeners, settings, JoinSet::new(), output).await
    })
}

async fn listener(wanted: Option<SocketAddr>) -> Result<TcpListener> {
    if let Some(address) = wanted {
        if !address.ip().is_loopback() {
            bail!(
                "{address} can be reached from other machines, where anybody could sign in as \
                 anybody; a demonstration listens on 127.0.0.1 alone"
            );
        }
        return TcpListener::bind(address).await.with_context(|| format!("listening on {address}"));
    }
    let home = std::net::Ipv4Addr::LOCALHOST;
    match TcpListener::bind((home, 8080)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((home, 0)).await.context("listening on a free port"),
    }
}

/// The suite beside the working directory, or beside the sources that the program was built from.
fn suite_folder() -> Result<PathBuf> {
    let here = PathBuf::from("workflows/jinan-2021");
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../workflows/jinan-2021");
    [here, built]
        .into_iter()
        .find(|folder| folder.is_dir())
        .context("no folder workflows/jinan-2021 here; name it with --suite")
}

fn remove(path: &std::path::Path) -> Result<()> {
    for ending in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// An empty database with the suite published in it.
fn prepare(path: &std::path::Path, suite: &Suite, from: Date, to: Date) -> Result<SqliteStore> {
    let tz = suite.head.time_zone;
    block_on(async {
        let store = open(path)?;
        if has_cases(&store).await? {
            bail!("`{}` holds cases already; name another file", path.display());
        }
        stand_at(&store, end_of(to, tz).plus_millis(-1)).await?;
        let clock = Arc::new(TestClock::new(start_of(from, tz)));
        let options = Options { clock, channels: Vec::new(), ..Options::default() };
        let engine = Engine::start(store, options).await?;
        engine.publish(suite).await?;
        engine.shutdown().await?;
        Ok(SqliteStore::open(path)?)
    })
}

/// Hands every decision over to the thread that writes.
struct Recorder {
    sender: SyncSender<Commit>,
}

impl Observer for Recorder {
    fn decided(&mut self, decision: &Decision, definition: &Arc<Definition>) {
        // A writer that has failed says so when it is joined.
        drop(self.sender.send(Commit::of(decision, definition, None)));
    }
}

/// A week of virtual time, in milliseconds: the trend has a point for each.
const WEEK_MS: i64 = 7 * 24 * 3_600_000;

/// Writes commits in batches. What they send has been seen to in virtual time already.
fn write(store: &SqliteStore, commits: &Receiver<Commit>, to: Date, tz: Tz) -> Result<()> {
    // Points stand whole weeks before the moment at which the demonstration's time stands still.
    let end = end_of(to, tz).plus_millis(-1);
    let mut point = end.plus_millis(-53 * WEEK_MS);
    block_on(async {
        while let Ok(first) = commits.recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = commits.try_recv()
            {
                batch.push(next);
            }
            let sent: Vec<(String, u64)> = batch
                .iter()
                .flat_map(|commit| &commit.outgoing)
                .map(|outgoing| (outgoing.case.clone(), outgoing.seq))
                .collect();
            let at = batch.iter().flat_map(|commit| &commit.events).map(|event| event.at).max();
            for written in store.append(batch).await? {
                written?;
            }
            if !sent.is_empty() {
                store.delivered(sent, at.unwrap_or_default()).await?;
            }
            while at.is_some_and(|at| at > point.millis()) {
                Trend::record(store, point).await?;
                point = point.plus_millis(WEEK_MS);
            }
        }
        store.close().await?;
        Ok(())
    })
}
