//! Backups while the daemon runs: one a day, the last few kept, and files of evidence beside them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use duban_calendar::{Date, Instant, Tz, local, start_of};
use duban_web::HostStats;
use serde::Deserialize;

use crate::db::{beside, present};
use crate::private;

/// What an operator sets about backups.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BackupConfig {
    folder: Option<PathBuf>,
    at: String,
    keep: usize,
}

impl Default for BackupConfig {
    fn default() -> Self {
        Self { folder: None, at: "02:00".to_owned(), keep: 14 }
    }
}

/// Where the office's days begin.
const ZONE: Tz = Tz::Asia__Shanghai;

/// How often to look whether a backup is due; also the pause after one that failed.
const LOOK_EVERY: Duration = Duration::from_secs(600);

impl BackupConfig {
    /// Whether the settings fit; nothing is written.
    ///
    /// # Errors
    ///
    /// What does not.
    pub(crate) fn check(&self) -> Result<()> {
        if self.keep == 0 {
            bail!("[backup] keep = 0: write how many to keep, 1 or more");
        }
        self.minute().map(drop)
    }

    /// The minute of the day.
    fn minute(&self) -> Result<i64> {
        let parts = self.at.split_once(':');
        let read = |text: &str, end: i64| {
            let number = text.parse().ok().filter(|number| (0..end).contains(number));
            number.filter(|_| text.len() == 2)
        };
        let minute =
            parts.and_then(|(hour, minute)| Some(read(hour, 24)? * 60 + read(minute, 60)?));
        minute.with_context(|| format!("[backup] at = \"{}\": write it like \"02:00\"", self.at))
    }
}

/// What is to be backed up, and where to.
pub(crate) struct Backups {
    folder: PathBuf,
    minute: i64,
    keep: usize,
    db: PathBuf,
    /// The folder of evidence; `None`: it lies elsewhere and is backed up there.
    evidence: Option<PathBuf>,
    host: Arc<HostStats>,
}

impl Backups {
    /// The backups that a configuration asks for, if it does.
    ///
    /// # Errors
    ///
    /// Settings that do not fit, or a folder that cannot be made.
    pub(crate) fn new(
        config: &BackupConfig,
        db: &Path,
        evidence: Option<PathBuf>,
        host: &Arc<HostStats>,
    ) -> Result<Option<Self>> {
        config.check()?;
        let Some(folder) = config.folder.clone() else { return Ok(None) };
        std::fs::create_dir_all(&folder)
            .and_then(|()| private::keep(&folder))
            .with_context(|| format!("[backup] folder `{}`", folder.display()))?;
        let (minute, keep, host) = (config.minute()?, config.keep, Arc::clone(host));
        Ok(Some(Self { folder, minute, keep, db: db.to_owned(), evidence, host }))
    }

    /// Writes each day's backup when its time has come, or soon after a start that came later.
    /// Never returns.
    pub(crate) async fn run(self) {
        let backups = Arc::new(self);
        loop {
            let day = due(present(), backups.minute);
            let (working, file) = (Arc::clone(&backups), backups.file(day));
            if !file.exists() {
                let made = tokio::task::spawn_blocking(move || working.make(day)).await;
                match made.map_err(anyhow::Error::from).and_then(|made| made) {
                    Ok(()) => tracing::info!(file = %file.display(), "backed up"),
                    Err(error) => {
                        backups.host.backup_failures.fetch_add(1, Ordering::Relaxed);
                        tracing::error!(error = format!("{error:#}"), "the backup failed");
                    }
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn stem(&self) -> String {
        let name = self.db.file_stem().unwrap_or_default();
        format!("{}-", name.to_string_lossy())
    }

    fn file(&self, day: Date) -> PathBuf {
        self.folder.join(format!("{}{day}.db", self.stem()))
    }

    fn make(&self, day: Date) -> Result<()> {
        duban_store::backup(&self.db, self.file(day))?;
        if let Some(evidence) = &self.evidence {
            copy_new(evidence, &self.folder.join("evidence"))?;
        }
        self.host.backup_at_s.store(present().millis() / 1_000, Ordering::Relaxed);
        self.forget()
    }

    /// Removes the oldest backups of this database beyond those to keep.
    fn forget(&self) -> Result<()> {
        let stem = self.stem();
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let day = name.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(".db"));
            if let Some(day) = day.and_then(|day| day.parse::<Date>().ok()) {
                kept.push((day, path));
            }
        }
        kept.sort();
        let too_many = kept.len().saturating_sub(self.keep);
        for (_, path) in kept.into_iter().take(too_many) {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The last day whose minute has passed.
fn due(now: Instant, minute: i64) -> Date {
    let day = local(now, ZONE).date();
    let at = start_of(day, ZONE).plus_millis(minute * 60_000);
    if at <= now { day } else { day.pred_opt().unwrap_or(day) }
}

/// Copies files of evidence that are not there yet; returns how many. Files never change, so
/// those that are there are left alone.
///
/// # Errors
///
/// What reading or writing gave. What was copied is whole.
pub(crate) fn copy_new(from: &Path, to: &Path) -> Result<u64> {
    let mut copied = 0;
    if !from.exists() {
        return Ok(copied);
    }
    for folder in std::fs::read_dir(from)? {
        let folder = folder?.path();
        let Some(name) = folder.file_name().filter(|name| name.len() == 2) else { continue };
        let target = to.join(name);
        std::fs::create_dir_all(&target)?;
        private::keep(&target)?;
        for file in std::fs::read_dir(&folder)? {
            let file = file?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_digest = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let copy = target.join(&name);
            if is_digest && !copy.exists() {
                let part = beside(&copy, ".part");
                match std::fs::copy(&file, &part).and_then(|_| private::keep(&part)) {
                    // No move named it, and it is gone meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound && !file.exists() => continue,
                    copied => {
                        copied.with_context(|| format!("copying `{}`", file.display()))?;
                    }
                }
                std::fs::File::open(&part)?.sync_all()?;
                std::fs::rename(&part, &copy)?;
                copied += 1;
            }
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_for_the_last_day_whose_time_has_passed() {
        let due = |now: &str, minute| due(now.parse().unwrap(), minute).to_string();
        assert_eq!(due("2026-03-02T01:59:59+08:00", 120), "2026-03-01");
        assert_eq!(due("2026-03-02T02:00:00+08:00", 120), "2026-03-02");
        assert_eq!(due("2026-03-02T00:00:00+08:00", 0), "2026-03-02");
    }

    #[test]
    fn the_time_is_read_or_refused_with_an_example() {
        let minute = |at: &str| BackupConfig { at: at.to_owned(), ..Default::default() }.minute();
        assert_eq!(minute("02:30").unwrap(), 150);
        for bad in ["24:00", "2:00", "02.00", "02:60", "-1:00", ""] {
            assert!(minute(bad).unwrap_err().to_string().contains("02:00"), "{bad}");
        }
    }

    #[test]
    fn the_last_few_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let config = BackupConfig {
            folder: Some(folder.path().to_owned()),
            keep: 2,
            ..BackupConfig::default()
        };
        let db = folder.path().join("office.db");
        let backups = Backups::new(&config, &db, None, &Arc::default()).unwrap().unwrap();
        let names = ["office-2026-01-01.db", "office-2026-01-02.db", "office-2026-01-03.db"];
        for name in names.iter().chain(&["office-notes.db", "other-2020-01-01.db", "office.db"]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        backups.forget().unwrap();
        let there = |name: &str| folder.path().join(name).exists();
        assert_eq!(names.map(there), [false, true, true]);
        assert!(there("office-notes.db") && there("other-2020-01-01.db") && there("office.db"));
    }
}
