//! Copies of a database as it was at one moment, made while it is in use.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::connection::BUSY;
use super::schema::check_made;
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
/// no room; [`StoreError::Foreign`], [`StoreError::Newer`]. A copy that failed half-way is
/// removed; one whose process died is left as `<to>.part`, and removed by the next.
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
    check_made(&conn, &from.display().to_string())?;
    // Under another name until it is whole: a copy that was cut off must not pass for one.
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let copy = || -> Result<(), StoreError> {
        if part.exists() {
            std::fs::remove_file(&part).map_err(failed)?;
        }
        conn.execute("VACUUM INTO ?1", [part.to_string_lossy()])?;
        std::fs::File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&part, to).map_err(failed)
    };
    copy().inspect_err(|_| {
        // What is half written is of no use to anybody.
        drop(std::fs::remove_file(&part));
    })
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

/// Whether a file is a database that this version can open, and every page and index of it whole.
///
/// # Errors
///
/// [`StoreError::Database`] with what is broken; [`StoreError::Foreign`], also for an empty file;
/// [`StoreError::Newer`].
pub fn check_file(path: impl AsRef<Path>) -> Result<(), StoreError> {
    let path = path.as_ref();
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_made(&conn, &path.display().to_string())?;
    let found: String = conn.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(StoreError::Database(Box::new(std::io::Error::other(found))))
    }
}
