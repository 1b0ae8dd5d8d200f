//! The SQLite backend: one file, one process, one thread that writes.
//!
//! Start with [`SqliteStore`]. `writer.rs` is the thread and its queue, `append.rs` what a commit
//! writes, `schema.rs` the tables, `list.rs` and `read.rs` the questions, `connection.rs` the
//! connections, `search.rs` the index of words, `lock.rs` what keeps other processes away.

mod append;
mod backup;
mod column;
mod connection;
mod cursor;
mod deliveries;
mod list;
mod lock;
mod read;
mod rebuild;
mod schema;
mod search;
mod store;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

pub use self::backup::{backup, check_file};
use self::connection::{Readers, open_writer};
use self::lock::Lock;
use self::writer::{Queue, Size, Urgency};
use crate::error::StoreError;

/// How a database is used. The defaults suit a daemon on a small machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SqliteOptions {
    /// Whether a commit survives a power failure (`synchronous=FULL`). Without it a commit
    /// survives the death of the process alone; for tests and throw-away data.
    pub durable: bool,
    /// Reading connections that are kept open. More are opened while more read at once.
    pub readers: usize,
    /// Page cache of the writing connection, in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reading connection, in KiB.
    pub reader_cache_kib: u32,
    /// How much of the file each connection maps into memory, in bytes; 0: nothing.
    pub mmap_bytes: u64,
    /// Pages of 4 KiB in the write-ahead log before they are moved into the database.
    pub wal_pages: u32,
    /// The most commits of one transaction, where several batches share it. An eighth of it at
    /// most goes to commits that are not urgent. A batch itself is never split.
    pub transaction_commits_max: u32,
    /// The most rows of one transaction; likewise.
    pub transaction_rows_max: u32,
    /// Commits that may wait for the writer, urgent and others apart. Callers wait beyond that.
    pub queue_commits_max: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durable: true,
            readers: 4,
            writer_cache_kib: 32 * 1024,
            reader_cache_kib: 8 * 1024,
            mmap_bytes: 0,
            wal_pages: 4096,
            transaction_commits_max: 1000,
            transaction_rows_max: 10_000,
            queue_commits_max: 8192,
        }
    }
}

/// A database in one file, owned by this process alone.
///
/// A cheap handle; clones share the database. Writing goes through one thread, which commits
/// together whatever has queued up, and answers once that is durable; commits marked
/// [`urgent`](crate::Commit::urgent) go first. A write that was queued is carried out even where
/// its future is dropped.
///
/// Reading happens at once, on the thread that polls: questions by id take microseconds,
/// listings milliseconds; [`lights`](crate::Store::lights) over a million items takes some
/// hundreds of milliseconds and belongs on a thread that may block.
///
/// [`close`](crate::Store::close) shuts the database in an orderly manner. Dropping the last
/// handle does so too, and blocks until it is done.
///
/// ```
/// use duban_store::{SqliteStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("duban.db");
/// let store = SqliteStore::open(&path)?;
/// store.put_document("directory", "{}", 0).await?;
/// assert_eq!(store.document("directory").await?.as_deref(), Some("{}"));
///
/// let second = SqliteStore::open(&path);
/// assert!(second.is_err_and(|error| error.to_string().contains("is in use by process")));
/// store.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    handle: Arc<Handle>,
}

struct Handle {
    path: PathBuf,
    queue: Arc<Queue>,
    readers: Readers,
    /// Deliveries that could not be read and were set aside.
    set_aside: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    /// The folder of a throw-away database; it goes last.
    _folder: Option<tempfile::TempDir>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.handle.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a database, or makes one, and brings its schema up to date, with default options.
    ///
    /// Next to it lie `<path>-wal` and `<path>-shm` while it is open, and `<path>.lock`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], [`StoreError::Foreign`], [`StoreError::Newer`]: the database is
    /// left as it is. [`StoreError::Database`]: it cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, SqliteOptions::default())
    }

    /// Opens a database with other options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_file(path.as_ref().to_owned(), &options, None)
    }

    /// A database that goes with its last handle, for tests and simulations. It is a file in a
    /// temporary folder, so that it behaves like any other, but it waits for no disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`]: there is no place for it.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new().prefix("duban-").tempdir();
        let folder = folder.map_err(|error| StoreError::Database(Box::new(error)))?;
        let options = SqliteOptions { durable: false, ..SqliteOptions::default() };
        Self::open_file(folder.path().join("duban.db"), &options, Some(folder))
    }

    fn open_file(
        path: PathBuf,
        options: &SqliteOptions,
        folder: Option<tempfile::TempDir>,
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(&path)?;
        let conn = open_writer(&path, options)?;
        let queue = Arc::new(Queue::new(options));
        let (end, ended) = oneshot::channel();
        let thread = {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name("duban-writer".to_owned())
                .spawn(move || write_until_closed(conn, &queue, lock, end))
                .map_err(|error| StoreError::Database(Box::new(error)))?
        };
        let handle = Handle {
            readers: Readers::new(&path, options),
            path,
            queue,
            set_aside: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
            ended: Mutex::new(Some(ended)),
            _folder: folder,
        };
        Ok(Self { handle: Arc::new(handle) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.handle.path
    }

    fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.handle.readers.read(question)
    }

    async fn write<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let size = Size { commits: 1, rows: 1 };
        self.handle.queue.submit(Urgency::Urgent, size, body).await
    }

    async fn write_later<T, F>(&self, rows: usize, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.handle.queue.submit(Urgency::Later, Size { commits: 1, rows }, body).await
    }
}

/// The writer's thread: works, then moves the log into the database, closes, unlocks.
fn write_until_closed(conn: Connection, queue: &Queue, lock: Lock, end: oneshot::Sender<()>) {
    writer::run(&conn, queue);
    let checkpoint = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
    if let Err(error) = checkpoint {
        // Nothing is lost: the log is read when the database is opened next.
        tracing::warn!(%error, "the write-ahead log stays behind");
    }
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "the database did not close");
    }
    drop(lock);
    end.send(()).ok();
}

impl Handle {
    fn shut(&self) {
        self.readers.close();
        self.queue.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shut();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer had panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[tokio::test]
    async fn a_panic_in_the_writer_leaves_nobody_waiting() {
        let store = SqliteStore::open_in_memory().unwrap();
        let boom = store.write(|_| -> rusqlite::Result<()> { panic!("on purpose") });
        let after = store.put_document("a", "1", 0);
        let (boom, after) = tokio::join!(boom, after);
        assert!(matches!(boom, Err(StoreError::Closed)), "{boom:?}");
        assert!(matches!(after, Err(StoreError::Closed)), "{after:?}");
        let later = store.put_document("a", "1", 0).await;
        assert!(matches!(later, Err(StoreError::Closed)), "{later:?}");
    }

    #[tokio::test]
    async fn a_broken_constraint_hurts_nobody_else_in_the_transaction() {
        let store = SqliteStore::open_in_memory().unwrap();
        let bad = store.write(|conn| conn.execute("INSERT INTO cases (no) VALUES (1)", ()));
        let good = store.put_document("a", "1", 0);
        let (bad, good) = tokio::join!(bad, good);
        assert!(matches!(bad, Err(StoreError::Database(_))), "{bad:?}");
        good.unwrap();
        assert_eq!(store.document("a").await.unwrap().as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn the_writer_outlives_a_full_database() {
        let store = SqliteStore::open_in_memory().unwrap();
        let limit = |pages: i64| {
            store.write(move |conn| {
                conn.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |_| Ok(()))
            })
        };
        limit(1).await.unwrap();
        let large = "x".repeat(100_000);
        let full = store.put_document("a", &large, 0).await;
        assert!(matches!(full, Err(StoreError::Database(_))), "{full:?}");
        assert_eq!(store.document("a").await.unwrap(), None);
        limit(1_000_000).await.unwrap();
        store.put_document("a", &large, 0).await.unwrap();
        assert_eq!(store.document("a").await.unwrap(), Some(large));
    }
}
