//! Files of log lines: one for each day, with numbered ones more where it is full; bounded in days
//! and in bytes.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use duban_calendar::{Date, Tz};
use duban_web::HostStats;

use crate::db::present;
use crate::output::tell;

/// The fewest days that files may be kept: six months.
pub(crate) const KEEP_DAYS_MIN: u64 = 183;

/// What the names of files end with.
const ENDING: &str = ".jsonl";

/// How often losses are told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How often the folder is looked at: files may be too old, or somebody may have made room.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How much is kept of the lines of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Days, by the date in a file's name.
    pub(crate) keep_days: u64,
    /// The bytes of one file.
    pub(crate) file_bytes_max: u64,
    /// Those of all of them.
    pub(crate) total_bytes_max: u64,
}

/// Where lines of one kind are written. What no file takes is lost, counted, and told on standard
/// error: a full disk must not stop the daemon.
pub(crate) struct LogFiles {
    folder: PathBuf,
    name: String,
    bounds: Bounds,
    host: Arc<HostStats>,
    open: Option<OpenFile>,
    /// The bytes of all files, as far as they are known.
    total_bytes: u64,
    looked_at: Instant,
    is_full: bool,
    told_at: Option<Instant>,
}

/// The file that is written to.
struct OpenFile {
    day: Date,
    file: File,
    bytes: u64,
}

/// A file of the folder.
struct Found {
    day: Date,
    number: u32,
    bytes: u64,
    path: PathBuf,
}

impl LogFiles {
    /// Makes the folder, for its owner alone, and removes files that are too old.
    ///
    /// # Errors
    ///
    /// A folder or file that cannot be written.
    pub(crate) fn open(
        folder: &Path,
        name: &str,
        bounds: Bounds,
        host: &Arc<HostStats>,
    ) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut files = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            bounds,
            host: Arc::clone(host),
            open: None,
            total_bytes: 0,
            looked_at: Instant::now(),
            is_full: false,
            told_at: None,
        };
        files.look(today());
        files.turn_to(today(), 0)?;
        Ok(files)
    }

    /// The files of this kind, the oldest first.
    fn found(&self) -> Vec<Found> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let read = |entry: std::fs::DirEntry| {
            let name = entry.file_name();
            let (day, number) = read_name(name.to_str()?, &self.name)?;
            Some(Found { day, number, bytes: entry.metadata().ok()?.len(), path: entry.path() })
        };
        let mut found: Vec<Found> = entries.flatten().filter_map(read).collect();
        found.sort_by_key(|file| (file.day, file.number));
        found
    }

    /// Removes files that are older than the days to keep, and counts what is there.
    fn look(&mut self, today: Date) {
        self.looked_at = Instant::now();
        self.is_full = false;
        self.total_bytes = 0;
        let first = first_kept(today, self.bounds.keep_days);
        for file in self.found() {
            if !(first.is_some_and(|first| file.day < first) && remove(&file.path)) {
                self.total_bytes += file.bytes;
            }
        }
    }

    /// Whether one more line finds room in all files together. Files give way that are older than
    /// the law asks for; younger ones never do.
    fn has_room(&mut self, bytes: u64, today: Date) -> bool {
        if self.total_bytes + bytes <= self.bounds.total_bytes_max {
            return true;
        }
        let first = first_kept(today, KEEP_DAYS_MIN);
        for file in self.found() {
            let may_go = first.is_some_and(|first| file.day < first);
            if !may_go || self.total_bytes + bytes <= self.bounds.total_bytes_max {
                break;
            }
            if remove(&file.path) {
                self.total_bytes = self.total_bytes.saturating_sub(file.bytes);
            }
        }
        self.total_bytes + bytes <= self.bounds.total_bytes_max
    }

    /// Opens the last file of a day, or the next one where it is full.
    fn turn_to(&mut self, day: Date, bytes: u64) -> std::io::Result<()> {
        let last = self.found().into_iter().rfind(|file| file.day == day);
        let (number, filled) = match last {
            Some(last) if !self.is_filled(last.bytes, bytes) => (last.number, last.bytes),
            Some(last) => (last.number + 1, 0),
            None => (0, 0),
        };
        let number = if number == 0 { String::new() } else { format!(".{number}") };
        let path = self.folder.join(format!("{}.{day}{number}{ENDING}", self.name));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        self.open = Some(OpenFile { day, file, bytes: filled });
        Ok(())
    }

    /// A line longer than a file may be has one of its own.
    fn is_filled(&self, filled: u64, bytes: u64) -> bool {
        filled > 0 && filled + bytes > self.bounds.file_bytes_max
    }

    /// Writes a line, whatever room there is in all.
    fn append(&mut self, line: &[u8], today: Date) -> std::io::Result<()> {
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let fits = self
            .open
            .as_ref()
            .is_some_and(|open| open.day == today && !self.is_filled(open.bytes, bytes));
        if !fits {
            self.turn_to(today, bytes)?;
        }
        if let Some(open) = &mut self.open {
            open.file.write_all(line)?;
            open.bytes += bytes;
            self.total_bytes += bytes;
        }
        Ok(())
    }

    /// Takes a line.
    ///
    /// # Errors
    ///
    /// Why it is lost.
    fn take(&mut self, line: &[u8], today: Date) -> std::io::Result<()> {
        let is_new_day = self.open.as_ref().is_some_and(|open| open.day != today);
        if is_new_day || self.looked_at.elapsed() > LOOK_EVERY {
            self.look(today);
        }
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.is_full || !self.has_room(bytes, today) {
            if !self.is_full {
                self.is_full = true;
                // Whoever reads the file learns why it ends.
                self.append(&self.last_line(), today)?;
            }
            return Err(std::io::Error::other(format!(
                "`{}` in `{}` has reached log.total_bytes_max ({} bytes), and what is younger than \
                 {KEEP_DAYS_MIN} days is kept; move old files away or raise it",
                self.name,
                self.folder.display(),
                self.bounds.total_bytes_max
            )));
        }
        self.append(line, today)
    }

    fn last_line(&self) -> Vec<u8> {
        let line = serde_json::json!({
            "timestamp": present().to_string(),
            "level": "ERROR",
            "target": "duban::log",
            "message": "log.total_bytes_max is reached: what follows stands on standard error alone",
            "total_bytes_max": self.bounds.total_bytes_max,
        });
        format!("{line}\n").into_bytes()
    }
}

impl Write for LogFiles {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if let Err(error) = self.take(line, today()) {
            self.host.log_lines_lost.fetch_add(1, Ordering::Relaxed);
            if self.told_at.is_none_or(|told| told.elapsed() > TOLD_EVERY) {
                self.told_at = Some(Instant::now());
                tell(format_args!("duban: lines are lost from the log files: {error}"));
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |open| open.file.flush())
    }
}

/// Day and number in the name of a file of one kind: `KIND.DATE.jsonl`, `KIND.DATE.2.jsonl`.
fn read_name(file: &str, kind: &str) -> Option<(Date, u32)> {
    let rest = file.strip_prefix(kind)?.strip_prefix('.')?.strip_suffix(ENDING)?;
    match rest.split_once('.') {
        None => Some((rest.parse().ok()?, 0)),
        Some((day, number)) => Some((day.parse().ok()?, number.parse().ok()?)),
    }
}

/// Removes a file. One that stays is tried again.
fn remove(path: &Path) -> bool {
    let removed = std::fs::remove_file(path);
    if let Err(error) = &removed {
        tell(format_args!("duban: `{}` could not be removed: {error}", path.display()));
    }
    removed.is_ok()
}

/// The first day whose files are kept.
fn first_kept(today: Date, keep_days: u64) -> Option<Date> {
    today.iter_days().rev().nth(usize::try_from(keep_days).ok()?)
}

/// The day of the files' names, in UTC.
fn today() -> Date {
    duban_calendar::local(present(), Tz::UTC).date()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const ROOMY: Bounds =
        Bounds { keep_days: 200, file_bytes_max: 1 << 20, total_bytes_max: 1 << 20 };

    fn files(folder: &TempDir, bounds: Bounds) -> LogFiles {
        LogFiles::open(folder.path(), "duban", bounds, &Arc::default()).unwrap()
    }

    fn put(folder: &TempDir, name: &str, bytes: usize) {
        std::fs::write(folder.path().join(name), "x".repeat(bytes)).unwrap();
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn files_go_when_they_are_older_than_the_days_to_keep_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(&folder, ROOMY);
        let there = [
            "duban.2026-01-01.jsonl",
            "duban.2026-01-01.7.jsonl",
            "duban.2026-01-02.jsonl",
            "duban.2026-07-21.jsonl",
            "security.2020-01-01.jsonl",
            "duban.2020-01-01.jsonl.gz",
            "duban.2020-01-01.x.jsonl",
            "notes.txt",
        ];
        for name in there {
            put(&folder, name, 3);
        }
        // 2026-01-02 lies 200 days before.
        files.look(day("2026-07-21"));
        let left = there.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [false, false, true, true, true, true, true, true]);
    }

    #[test]
    fn a_full_file_is_followed_by_a_numbered_one_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds { file_bytes_max: 100, ..ROOMY };
        let today = today();
        let mut kept = 0;
        for _ in 0..3 {
            // Each is a start of its own.
            let mut files = files(&folder, bounds);
            for line in ["a".repeat(30), "b".repeat(50), "c".repeat(150)] {
                files.take(line.as_bytes(), today).unwrap();
                kept += line.len();
            }
        }
        let found = files(&folder, ROOMY).found();
        let sizes: Vec<u64> = found.iter().map(|file| file.bytes).collect();
        assert_eq!(sizes, [80, 150, 80, 150, 80, 150], "whole lines; a long one stands alone");
        assert_eq!(sizes.iter().sum::<u64>(), u64::try_from(kept).unwrap());
        let numbers: Vec<u32> = found.iter().map(|file| file.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert!(found.iter().all(|file| mode(&file.path) == 0o600));
    }

    #[test]
    fn what_the_law_keeps_stays_and_a_new_line_is_lost_and_told_once_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds { total_bytes_max: 1_000, ..ROOMY };
        let mut files = files(&folder, bounds);
        // 190 and 183 days before.
        put(&folder, "duban.2026-01-12.jsonl", 400);
        put(&folder, "duban.2026-01-19.jsonl", 500);
        let today = day("2026-07-21");
        files.look(today);
        files.take(&[b'x'; 100], today).unwrap();
        assert!(folder.path().join("duban.2026-01-12.jsonl").exists(), "there is room");
        files.take(&[b'x'; 300], today).unwrap();
        assert!(!folder.path().join("duban.2026-01-12.jsonl").exists(), "it may give way");
        for _ in 0..3 {
            let lost = files.take(&[b'x'; 300], today).unwrap_err().to_string();
            assert!(lost.contains("log.total_bytes_max") && lost.contains("183"), "{lost}");
        }
        assert!(folder.path().join("duban.2026-01-19.jsonl").exists(), "the law keeps it");
        let text = std::fs::read_to_string(folder.path().join("duban.2026-07-21.jsonl")).unwrap();
        assert_eq!(text.matches("total_bytes_max is reached").count(), 1, "{text}");
        // A day later one file more may go.
        files.take(&[b'x'; 300], day("2026-07-22")).unwrap();
        assert!(names(&folder).contains(&"duban.2026-07-22.jsonl".to_owned()));
        assert!(!names(&folder).contains(&"duban.2026-01-19.jsonl".to_owned()));
    }
}
