//! Connections: how they are opened, and the pool of those that only read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use super::schema::{check_owner, migrate};
use crate::error::StoreError;

/// Statements that a connection keeps ready.
const STATEMENTS_MAX: usize = 128;

/// How long to wait for a program that looks into the file from outside.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Opens the one connection that writes, and brings the schema up to date.
pub(super) fn open_writer(path: &Path, options: &SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    check_owner(&conn, &path.display().to_string())?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", if options.durable { "full" } else { "off" })?;
    conn.pragma_update(None, "wal_autocheckpoint", options.wal_pages)?;
    conn.pragma_update(None, "journal_size_limit", i64::from(options.wal_pages) * 4096)?;
    tune(&conn, options.writer_cache_kib, options.mmap_bytes)?;
    migrate(&mut conn)?;
    Ok(conn)
}

fn open_reader(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    tune(&conn, options.reader_cache_kib, options.mmap_bytes)?;
    Ok(conn)
}

fn tune(conn: &Connection, cache_kib: u32, mmap_bytes: u64) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Otherwise a statement is prepared anew whenever a bound value might change its plan.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    let mmap_bytes = i64::try_from(mmap_bytes).unwrap_or(i64::MAX);
    conn.pragma_update(None, "mmap_size", mmap_bytes)?;
    conn.pragma_update(None, "temp_store", "memory")
}

/// Connections that only read. More than the pool keeps are opened while many read at once.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    options: SqliteOptions,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: &Path, options: &SqliteOptions) -> Self {
        let idle = Mutex::new(Some(Vec::new()));
        Self { path: path.to_owned(), options: options.clone(), idle }
    }

    /// Reads, on the thread of the caller.
    pub(super) fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().as_mut().ok_or(StoreError::Closed)?.pop();
        let conn = match idle {
            Some(conn) => conn,
            None => open_reader(&self.path, &self.options)?,
        };
        let answer = question(&conn);
        if let Some(idle) = self.idle().as_mut()
            && idle.len() < self.options.readers
        {
            idle.push(conn);
        }
        answer
    }

    /// Closes them all; later questions are refused.
    pub(super) fn close(&self) {
        *self.idle() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
