//! The lock that makes this process the only one with the database.
//!
//! The lock is the operating system's, on a file `<database>.lock`; it ends with the process,
//! however that dies. The file's text says who holds it and is meaningless once unlocked.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::StoreError;

/// How much of a command line is written down, in characters.
const COMMAND_CHARS_MAX: usize = 200;

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a database.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
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
        sign(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
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
