//! The embedded default: SQLite with one writer thread and a few readers.
//!
//! Writes queue up at one thread that commits whatever is there as one transaction (group commit,
//! WAL, `synchronous=FULL`) and answers only after the commit. Reads run on read-only
//! connections, in the caller's thread, inside the async functions: they take microseconds, and
//! the engine calls them from threads of its own.

mod lock;
mod read;
mod rows;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use duban_core::{CaseRow, ItemRow};
use rusqlite::{Connection, OpenFlags, params};
use tokio::sync::oneshot;

use self::lock::OwnerLock;
use self::writer::{Job, Queue};
use crate::commit::{Commit, KeyRecord};
use crate::error::{CommitError, StoreError};
use crate::query::{
    CaseFilter, Cursor, DeliveryFilter, DeliveryRow, EventRow, ItemFilter, LightCount, Page,
    PageRequest, ScoreTotal,
};
use crate::store::{DefinitionRow, Leased, Store, StoredCase};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}

/// How a database is opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SqliteOptions {
    /// Memory for pages of the write connection, in KiB.
    pub writer_cache_kib: u32,
    /// Memory for pages of each read connection, in KiB.
    pub reader_cache_kib: u32,
    /// Read connections kept for reuse.
    pub readers_kept_max: usize,
    /// The longest the write-ahead log grows before it is written back, in pages of 4 KiB.
    pub checkpoint_pages: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            writer_cache_kib: 64 * 1024,
            reader_cache_kib: 16 * 1024,
            readers_kept_max: 4,
            checkpoint_pages: 8_000,
        }
    }
}

/// A database file, open. A cheap handle; the last one to go ends the writer.
///
/// ```
/// # use duban_store::{SqliteStore, Store};
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let store = SqliteStore::open_in_memory()?;
/// assert_eq!(store.next_wakeup().await?, None);
/// store.close().await?;
/// # Ok::<(), duban_store::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    options: SqliteOptions,
    queue: Arc<Queue>,
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<OwnerLock>>,
    /// A store for tests lives in a folder that goes with it.
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // The writer's own panic was reported where it happened.
            drop(writer.join());
        }
    }
}

impl SqliteStore {
    /// Opens a database, making or migrating it where needed, with default options.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], [`StoreError::Newer`], [`StoreError::Foreign`], or what the
    /// database engine says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default())
    }

    /// Opens a database.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_in(path.as_ref().to_owned(), options, None)
    }

    /// A database for tests, which goes with its last handle. It is a real file in a temporary
    /// folder, so that it behaves like any other.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_in_memory() -> Result<Self, StoreError> {
        let folder = tempfile::tempdir().map_err(|error| StoreError::Database(Box::new(error)))?;
        let path = folder.path().join("duban.db");
        Self::open_in(path, SqliteOptions::default(), Some(folder))
    }

    fn open_in(
        path: PathBuf,
        options: SqliteOptions,
        folder: Option<tempfile::TempDir>,
    ) -> Result<Self, StoreError> {
        let lock = OwnerLock::take(&path)?;
        let mut connection = Connection::open(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -i64::from(options.writer_cache_kib))?;
        connection.pragma_update(None, "wal_autocheckpoint", options.checkpoint_pages)?;
        schema::migrate(&mut connection, &path.display().to_string())?;
        let queue = Arc::new(Queue::default());
        let served = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name("duban-writer".to_owned())
            .spawn(move || writer::serve(&connection, &served))
            .map_err(|error| StoreError::Database(Box::new(error)))?;
        let shared = Shared {
            path,
            options,
            queue,
            readers: Mutex::new(Vec::new()),
            writer: Mutex::new(Some(writer)),
            lock: Mutex::new(Some(lock)),
            _folder: folder,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Where the database lies.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Forgets deliveries that arrived before an instant (milliseconds UTC); returns how many.
    ///
    /// # Errors
    ///
    /// What the database engine says.
    pub async fn prune_delivered(&self, before: i64) -> Result<u64, StoreError> {
        self.write(false, move |connection| {
            let sql = "DELETE FROM outbox WHERE state = 1 AND next_at < ?1";
            connection.prepare_cached(sql)?.execute([before])
        })
        .await
        .map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
    }

    /// Lets `read` use a read-only connection, in this thread.
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.readers().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => self.open_reader()?,
        };
        let answer = read(&connection);
        let mut readers = self.readers();
        if readers.len() < self.shared.options.readers_kept_max {
            readers.push(connection);
        }
        answer
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.shared.path, flags)?;
        let cache = -i64::from(self.shared.options.reader_cache_kib);
        connection.pragma_update(None, "cache_size", cache)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    /// Queues a write and waits until it is durable.
    async fn write<T: Send + 'static>(
        &self,
        urgent: bool,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, done) = oneshot::channel();
        let (keep, kept) = oneshot::channel();
        let work = Box::new(move |connection: &Connection| {
            let value = write(connection)?;
            // The caller may have gone; what was written stands.
            drop(keep.send(value));
            Ok(())
        });
        if !self.shared.queue.push(Job::Other(work, reply), urgent) {
            return Err(StoreError::Closed);
        }
        done.await.map_err(|_| StoreError::Closed)??;
        kept.await.map_err(|_| StoreError::Closed)
    }
}

impl Store for SqliteStore {
    async fn append(&self, batch: Vec<Commit>) -> Result<Vec<Result<(), CommitError>>, StoreError> {
        let urgent = batch.iter().any(|commit| commit.urgent);
        let (reply, done) = oneshot::channel();
        if !self.shared.queue.push(Job::Append(batch, reply), urgent) {
            return Err(StoreError::Closed);
        }
        done.await.map_err(|_| StoreError::Closed)?
    }

    async fn load(&self, case: &str) -> Result<Option<StoredCase>, StoreError> {
        self.read(|connection| read::load(connection, case))
    }

    async fn recall(
        &self,
        case: &str,
        actor: &str,
        key: &str,
    ) -> Result<Option<KeyRecord>, StoreError> {
        self.read(|connection| read::recall(connection, case, actor, key))
    }

    async fn forget_keys(&self, before: i64) -> Result<u64, StoreError> {
        self.write(false, move |connection| {
            connection.prepare_cached("DELETE FROM keys WHERE at < ?1")?.execute([before])
        })
        .await
        .map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
    }

    async fn next_wakeup(&self) -> Result<Option<i64>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT next_wakeup FROM cases WHERE next_wakeup IS NOT NULL \
                       ORDER BY next_wakeup LIMIT 1";
            read::one(connection, sql, [])
        })
    }

    /// One owner: nothing is leased, and `skip` names what the caller has in hand.
    async fn claim_due(
        &self,
        now: i64,
        _until: i64,
        limit: u32,
        skip: &[String],
    ) -> Result<Vec<(String, i64)>, StoreError> {
        self.read(|connection| read::due_cases(connection, now, limit, skip))
    }

    async fn lease_deliveries(
        &self,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<Leased>, StoreError> {
        let rows =
            self.write(false, move |connection| read::lease(connection, now, until, limit)).await?;
        rows.into_iter().map(|row| row.map(|delivery| Leased { delivery })).collect()
    }

    async fn next_delivery(&self) -> Result<Option<i64>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT next_at FROM outbox WHERE state = 0 ORDER BY next_at LIMIT 1";
            read::one(connection, sql, [])
        })
    }

    async fn delivered(&self, ids: Vec<(String, u64)>, at: i64) -> Result<(), StoreError> {
        self.write(false, move |connection| {
            let sql = "UPDATE outbox SET state = 1, attempts = attempts + 1, next_at = ?3, \
                       error = NULL WHERE case_id = ?1 AND seq = ?2";
            let mut update = connection.prepare_cached(sql)?;
            for (case, seq) in ids {
                update.execute(params![case, seq, at])?;
            }
            Ok(())
        })
        .await
    }

    async fn failed(
        &self,
        case: &str,
        seq: u64,
        error: &str,
        next_at: Option<i64>,
    ) -> Result<(), StoreError> {
        let (case, error) = (case.to_owned(), error.to_owned());
        self.write(false, move |connection| {
            let sql = "UPDATE outbox SET state = ?3, attempts = attempts + 1, \
                       next_at = coalesce(?4, next_at), error = ?5 \
                       WHERE case_id = ?1 AND seq = ?2 AND state = 0";
            let state = if next_at.is_some() { rows::PENDING } else { rows::DEAD };
            connection.prepare_cached(sql)?.execute(params![case, seq, state, next_at, error])?;
            Ok(())
        })
        .await
    }

    async fn retry_delivery(&self, case: &str, seq: u64, at: i64) -> Result<bool, StoreError> {
        let case = case.to_owned();
        self.write(true, move |connection| {
            let sql = "UPDATE outbox SET state = 0, attempts = 0, next_at = ?3 \
                       WHERE case_id = ?1 AND seq = ?2 AND state = 2";
            connection.prepare_cached(sql)?.execute(params![case, seq, at])
        })
        .await
        .map(|changed| changed == 1)
    }

    async fn publish(&self, definition: DefinitionRow) -> Result<(), StoreError> {
        self.write(true, move |connection| {
            let row = definition;
            connection
                .prepare_cached(
                    "INSERT INTO definitions VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                )?
                .execute(params![row.hash, row.suite, row.workflow, row.json, row.published_at])?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO current VALUES (?1, ?2, ?3)")?
                .execute(params![row.suite, row.workflow, row.hash])?;
            Ok(())
        })
        .await
    }

    async fn definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError> {
        self.read(|connection| read::definition(connection, hash))
    }

    async fn current(
        &self,
        suite: &str,
        workflow: &str,
    ) -> Result<Option<DefinitionRow>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT hash FROM current WHERE suite = ?1 AND workflow = ?2";
            match read::one::<String>(connection, sql, params![suite, workflow])? {
                Some(hash) => read::definition(connection, &hash),
                None => Ok(None),
            }
        })
    }

    async fn currents(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        self.read(read::currents)
    }

    async fn put_document(&self, name: &str, json: &str, at: i64) -> Result<(), StoreError> {
        let (name, json) = (name.to_owned(), json.to_owned());
        self.write(true, move |connection| {
            let sql = "INSERT OR REPLACE INTO documents VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![name, json, at])?;
            Ok(())
        })
        .await
    }

    async fn document(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            read::one(connection, "SELECT json FROM documents WHERE name = ?1", [name])
        })
    }

    async fn cases(
        &self,
        filter: &CaseFilter,
        page: &PageRequest,
    ) -> Result<Page<CaseRow>, StoreError> {
        self.read(|connection| read::cases(connection, filter, page))
    }

    async fn case(&self, id: &str) -> Result<Option<CaseRow>, StoreError> {
        self.read(|connection| read::case(connection, id))
    }

    async fn items(
        &self,
        filter: &ItemFilter,
        page: &PageRequest,
    ) -> Result<Page<ItemRow>, StoreError> {
        self.read(|connection| read::items(connection, filter, page))
    }

    async fn lights(&self, suite: Option<&str>, now: i64) -> Result<Vec<LightCount>, StoreError> {
        self.read(|connection| read::lights(connection, suite, now))
    }

    async fn events(
        &self,
        case: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        self.read(|connection| read::events(connection, case, after, limit))
    }

    async fn feed(&self, after: Option<&Cursor>, limit: u32) -> Result<Page<EventRow>, StoreError> {
        self.read(|connection| read::feed(connection, after, limit))
    }

    async fn feed_end(&self) -> Result<Cursor, StoreError> {
        self.read(|connection| {
            let last: Option<i64> =
                read::one(connection, "SELECT feed FROM events ORDER BY feed DESC LIMIT 1", [])?;
            Ok(Cursor(last.unwrap_or(0).to_string()))
        })
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryRow>, StoreError> {
        self.read(|connection| read::deliveries(connection, filter, page))
    }

    async fn scores(&self, suite: Option<&str>) -> Result<Vec<ScoreTotal>, StoreError> {
        self.read(|connection| read::scores(connection, suite))
    }

    async fn replace_rows(&self, case: CaseRow, items: Vec<ItemRow>) -> Result<(), StoreError> {
        self.write(false, move |connection| writer::replace(connection, &case, &items)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shared.queue.close();
        let writer = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let joined = tokio::task::spawn_blocking(move || writer.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                return Err(StoreError::Database("the writer thread failed".into()));
            }
        }
        self.readers().clear();
        self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }
}
