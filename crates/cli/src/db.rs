//! Databases: opened to read, or with an engine on top.
//!
//! A database that a simulation has made keeps the instant at which its time stands still, so
//! that looking at it, or acting in it, does not let years pass at once.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban::{Engine, FileChannel, Instant, Options, SqliteStore, Store, TestClock};
use duban_core::{Case, CaseId, case_from_texts};
use duban_engine::Channel;
use duban_model::{Definition, Directory, DirectoryData};
use duban_web::{CaseFiles, Evidence};

use crate::private;

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

/// Runs something on a runtime of its own. What still computes in the background when it has ended
/// is not waited for: what must be kept has been.
///
/// # Errors
///
/// What it gave, or that no runtime could be had.
pub(crate) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("starting a runtime")?;
    let ended = runtime.block_on(task);
    runtime.shutdown_background();
    ended
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
            Some(json) => Directory::kept(serde_json::from_str::<DirectoryData>(&json)?)?,
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

/// A database that must be there: only commands that say so make one.
///
/// # Errors
///
/// There is none, with what makes one; [`duban_store::StoreError`].
pub(crate) fn existing(path: &Path) -> Result<SqliteStore> {
    must_exist(path)?;
    open(path)
}

/// Opens a database, or makes it. What lies beside it is kept from other accounts, also where an
/// older version made it.
pub(crate) fn open(path: &Path) -> Result<SqliteStore> {
    for ending in ["", "-wal", "-shm", ".lock", ".outbox.jsonl"] {
        private::keep(&beside(path, ending))?;
    }
    Ok(SqliteStore::open(path)?)
}

/// # Errors
///
/// There is no such file, with what makes one.
pub(crate) fn must_exist(path: &Path) -> Result<()> {
    // An empty file is what a start that failed early leaves behind.
    if std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0) {
        return Ok(());
    }
    bail!(NoDatabase(path.to_owned()));
}

/// There is no database where one is to be used.
#[derive(Debug)]
pub(crate) struct NoDatabase(PathBuf);

impl fmt::Display for NoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no database at `{0}`（没有数据库 {0}）; name the right one with --db, or make \
             one: `duban publish` or `duban serve` for an office, `duban demo` to explore, `duban \
             restore` from a backup",
            self.0.display()
        )
    }
}

impl std::error::Error for NoDatabase {}

/// Says that a database is about to be made, where there is none.
pub(crate) fn tell_if_new(path: &Path) {
    if must_exist(path).is_err() {
        crate::output::tell(format_args!(
            "新建数据库 {0} / a new database is made at {0}",
            path.display()
        ));
    }
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

/// An engine on a database that is there. Messages for people are appended to a file beside it.
pub(crate) async fn engine(path: &Path) -> Result<Engine<SqliteStore>> {
    must_exist(path)?;
    engine_with(path, Vec::new(), None).await.map(|(engine, _)| engine)
}

/// The same on a database that is made where there is none, and with channels; without any,
/// messages are appended to the file. With a place for files of evidence, moves may name those
/// that were given for their case, and no others.
pub(crate) async fn engine_with(
    path: &Path,
    mut channels: Vec<Arc<dyn Channel>>,
    evidence: Option<Evidence>,
) -> Result<(Engine<SqliteStore>, Option<CaseFiles<SqliteStore>>)> {
    let store = open(path)?;
    if channels.is_empty() {
        channels.push(Arc::new(FileChannel::open(beside(path, ".outbox.jsonl"))?));
    }
    let mut options = Options { channels, ..Options::default() };
    let files = evidence.map(|evidence| CaseFiles::new(store.clone(), evidence));
    if let Some(files) = &files {
        options.evidence = Arc::new(files.clone());
    }
    if let Some(at) = stands_at(&store).await? {
        options.clock = Arc::new(TestClock::new(at));
    }
    Ok((Engine::start(store, options).await?, files))
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
        // Half of what there is, so that spans can be taken from it.
        clock: Arc::new(TestClock::new(Instant::from_millis(i64::MIN / 2))),
        channels: Vec::new(),
        check_every: None,
        ..Options::default()
    };
    Ok(Engine::start(store, options).await?)
}
