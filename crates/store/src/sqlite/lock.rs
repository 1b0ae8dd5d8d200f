//! The lock that makes this process the only one with the database.
//!
//! The lock is the operating system's, on a file `<database>.lock`; it ends with the process,
//! however that dies. The file's text says who holds it and is meaningless once unlocked.
//!
//! Links do not get round it: the file lies beside the database that a symbolic link leads to, and
//! on Linux the database itself is locked too, so that another name of the same file, or a lock
//! file that somebody removed, changes nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// How much of a command line is written down, in characters.
const COMMAND_CHARS_MAX: usize = 200;

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    _database: Option<File>,
}

impl Lock {
    /// Takes the lock of a database.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let database = &real(database);
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = database.display().to_string();
                return Err(StoreError::Locked { path, holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let _database = lock_database(database)?;
        sign(&mut file).map_err(failed)?;
        Ok(Self { _file: file, _database })
    }
}

/// The file that a path leads to. One that does not exist yet is looked up by its folder.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Locks the database's file itself, by a kind of lock (`flock`) that SQLite does not use there.
#[cfg(target_os = "linux")]
fn lock_database(database: &Path) -> Result<Option<File>, StoreError> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(database);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            // Were it closed, a connection of this process to the same file would lose its locks.
            std::mem::forget(file);
            let path = database.display().to_string();
            Err(StoreError::Locked { path, holder: "another process".to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Elsewhere such a lock would keep SQLite itself away.
#[cfg(not(target_os = "linux"))]
fn lock_database(_: &Path) -> Result<Option<File>, StoreError> {
    Ok(None)
}

fn sign(file: &mut File) -> std::io::Result<()> {
    let command: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let command: String = command.join(" ").chars().take(COMMAND_CHARS_MAX).collect();
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "process {} (`{command}`)", std::process::id())?;
    file.flush()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.is_empty() => text,
        _ => "another process".to_owned(),
    }
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}
