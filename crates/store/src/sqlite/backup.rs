//! Copies of a database as it was at one moment, made while it is in use.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::BUSY;
use super::schema::check_owner;
use crate::error::StoreError;

/// Writes a whole copy of a database into a new file. Whoever uses the database goes on
/// meanwhile; what they commit after the copy has begun is not in it.
///
/// The copy is a database like any other: open it, or put it in the place of the old one while
/// nobody has that open. Files of evidence are not in it.
///
/// # Errors
///
/// [`StoreError::Database`]: there is no such database, the new file exists already, or there is
/// no room; [`StoreError::Foreign`]. A copy that failed half-way is removed.
///
/// ```
/// # use duban_store::{SqliteStore, Store, backup};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("office.db"))?;
/// store.put_document("directory", "{}", 0).await?;
///
/// // The store stays open.
/// backup(folder.path().join("office.db"), folder.path().join("copy.db"))?;
/// let copy = SqliteStore::open(folder.path().join("copy.db"))?;
/// assert_eq!(copy.document("directory").await?.as_deref(), Some("{}"));
/// # Ok(())
/// # }
/// ```
pub fn backup(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<(), StoreError> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if to.exists() {
        let error = std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            format!("`{}` exists already; name a new file", to.display()),
        );
        return Err(StoreError::Database(Box::new(error)));
    }
    let conn = Connection::open_with_flags(
        from,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(BUSY)?;
    check_owner(&conn, &from.display().to_string())?;
    let written = conn.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
    if let Err(error) = written {
        // What is half written is of no use to anybody.
        drop(std::fs::remove_file(to));
        return Err(error.into());
    }
    std::fs::File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::Database(Box::new(error)))
}

/// Whether every page and index of a database is whole.
///
/// # Errors
///
/// [`StoreError::Database`] with what is broken; [`StoreError::Foreign`].
pub fn check_file(path: impl AsRef<Path>) -> Result<(), StoreError> {
    let path = path.as_ref();
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_owner(&conn, &path.display().to_string())?;
    let found: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(StoreError::Database(Box::new(std::io::Error::other(found))))
    }
}
