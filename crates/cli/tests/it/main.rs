//! The program as operators run it: started, looked at, backed up, told to end.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod backups;
mod bucket;
mod daemon;
mod ending;
mod logs;
mod traces;
