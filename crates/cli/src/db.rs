//! Databases: opened to read, or with an engine on top.
//!
//! A database that a simulation has made keeps the instant at which its time stands still, so
//! that looking at it, or acting in it, does not let years pass at once.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban::{Engine, FileChannel, Instant, Options, SqliteStore, Store, TestClock};
use duban_core::{Case, CaseId, case_from_texts};
use duban_engine::Channel;
use duban_model::{Definition, Directory, DirectoryData};

/// The document that holds the instant at which a simulated database stands.
const STANDS_AT: &str = "stands_at";

/// The document that holds the directory.
const DIRECTORY: &str = "directory";

/// Where the database lies.
#[derive(clap::Args, Clone)]
pub(crate) struct DbArgs {
    /// The database file.
    #[arg(long, env = "DUBAN_DB", default_value = "duban.db", global = true)]
    pub(crate) db: PathBuf,
}

/// Runs something on a runtime of its own.
///
/// # Errors
///
/// What it gave, or that no runtime could be had.
pub(crate) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("starting a runtime")?.block_on(task)
}

/// A database opened to read. Nothing happens in it.
pub(crate) struct Reading {
    pub(crate) store: SqliteStore,
    pub(crate) directory: Directory,
    pub(crate) now: Instant,
}

impl Reading {
    /// Opens an existing database.
    pub(crate) async fn open(args: &DbArgs) -> Result<Self> {
        let store = existing(&args.db)?;
        let directory = match store.document(DIRECTORY).await? {
            Some(json) => Directory::new(serde_json::from_str::<DirectoryData>(&json)?)?,
            None => Directory::default(),
        };
        let now = stands_at(&store).await?.unwrap_or_else(present);
        Ok(Self { store, directory, now })
    }

    /// A case and its definition.
    pub(crate) async fn case(&self, id: &CaseId) -> Result<(Case, Arc<Definition>)> {
        let Some(stored) = self.store.load(id.as_str()).await? else {
            bail!(duban_core::Refusal::NoCase(id.clone()));
        };
        let items = stored.items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
        let case = case_from_texts(id.as_str(), &stored.head, items)?;
        Ok((case, self.definition(&stored.definition).await?))
    }

    /// A definition by its hash.
    pub(crate) async fn definition(&self, hash: &str) -> Result<Arc<Definition>> {
        let row = self.store.definition(hash).await?;
        let row = row.with_context(|| format!("definition {hash} is not in the database"))?;
        Ok(Arc::new(serde_json::from_str(&row.json)?))
    }
}

fn existing(path: &Path) -> Result<SqliteStore> {
    if !path.exists() {
        bail!(
            "`{}` does not exist; `duban demo` makes one to explore, `duban publish` a new one",
            path.display()
        );
    }
    Ok(SqliteStore::open(path)?)
}

/// Whether a simulation has made the database.
pub(crate) async fn is_simulated(store: &SqliteStore) -> Result<bool> {
    Ok(stands_at(store).await?.is_some())
}

async fn stands_at(store: &SqliteStore) -> Result<Option<Instant>> {
    let Some(text) = store.document(STANDS_AT).await? else { return Ok(None) };
    Ok(Some(serde_json::from_str(&text)?))
}

/// Keeps the instant at which a simulated database stands.
pub(crate) async fn stand_at(store: &SqliteStore, at: Instant) -> Result<()> {
    store.put_document(STANDS_AT, &serde_json::to_string(&at)?, at.millis()).await?;
    Ok(())
}

/// The present, in UTC.
pub(crate) fn present() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Instant::from_millis(millis)
}

/// An engine on a database, made where there is none. Messages for people are appended to a
/// file beside it.
pub(crate) async fn engine(path: &Path) -> Result<Engine<SqliteStore>> {
    engine_with(path, Vec::new()).await
}

/// The same with channels; without any, messages are appended to the file.
pub(crate) async fn engine_with(
    path: &Path,
    mut channels: Vec<Arc<dyn Channel>>,
) -> Result<Engine<SqliteStore>> {
    let store = SqliteStore::open(path)?;
    if channels.is_empty() {
        channels.push(Arc::new(FileChannel::open(beside(path, ".outbox.jsonl"))?));
    }
    let mut options = Options { channels, ..Options::default() };
    if let Some(at) = stands_at(&store).await? {
        options.clock = Arc::new(TestClock::new(at));
    }
    Ok(Engine::start(store, options).await?)
}

/// A file or folder that belongs to a database, named after it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// An engine whose time stands still before everything: for upkeep alone.
pub(crate) async fn upkeep(path: &Path) -> Result<Engine<SqliteStore>> {
    let store = existing(path)?;
    let options = Options {
        clock: Arc::new(TestClock::new(Instant::from_millis(0))),
        channels: Vec::new(),
        check_every: None,
        ..Options::default()
    };
    Ok(Engine::start(store, options).await?)
}
