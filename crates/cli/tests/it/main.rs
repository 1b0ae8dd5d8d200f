//! The program as operators run it: started, looked at, backed up, told to end.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod acts;
mod attention;
mod backups;
mod bucket;
mod daemon;
mod ending;
mod files;
mod golden;
mod logs;
mod pipes;
#[cfg(target_os = "linux")]
mod ready;
mod rehearsals;
mod traces;
