//! Where the daemon's log goes: to standard error for whoever looks, and into files that are kept
//! as long as the law asks.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use duban_calendar::{Date, Tz};
use duban_web::HostStats;
use serde::Deserialize;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::db::{beside, present};

/// What an operator sets about logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    format: Format,
    level: String,
    folder: Option<Folder>,
    keep_days: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        let level = "info".to_owned();
        Self { format: Format::Text, level, folder: None, keep_days: 200 }
    }
}

/// How lines look on standard error.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json,
}

/// Where files of lines lie.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a folder, or false for none")]
enum Folder {
    /// Beside the database, or nowhere.
    Default(bool),
    At(PathBuf),
}

/// The fewest days that files may be kept: six months.
const KEEP_DAYS_MIN: u64 = 183;

/// The target of lines about who came in and who did not.
const SECURITY: &str = "duban::security";

impl LogConfig {
    /// Whether the settings fit; nothing is written.
    ///
    /// # Errors
    ///
    /// What does not, and what the law asks for.
    pub(crate) fn check(&self) -> Result<()> {
        if self.keep_days < KEEP_DAYS_MIN {
            bail!(
                "[log] keep_days = {}: the Cybersecurity Law of the PRC asks for network logs of \
                 at least six months; write {KEEP_DAYS_MIN} or more",
                self.keep_days
            );
        }
        self.filter().map(drop)
    }

    /// The folder for the files, where there is to be one.
    fn folder(&self, db: &Path) -> Option<PathBuf> {
        match &self.folder {
            None | Some(Folder::Default(true)) => Some(beside(db, ".logs")),
            Some(Folder::Default(false)) => None,
            Some(Folder::At(path)) => Some(path.clone()),
        }
    }

    /// `RUST_LOG`, or the level.
    fn filter(&self) -> Result<EnvFilter> {
        match std::env::var("RUST_LOG") {
            Ok(wanted) => EnvFilter::try_new(wanted).context("RUST_LOG"),
            Err(_) => EnvFilter::try_new(&self.level).context("[log] level"),
        }
    }
}

/// A layer that writes lines or sends spans.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The log while it runs. Dropping it writes out what waits.
pub(crate) struct Logs {
    _guards: Vec<WorkerGuard>,
}

impl Logs {
    /// Starts logging for the whole process, once. Other layers see the same spans.
    ///
    /// # Errors
    ///
    /// Settings that do not fit, or a folder that cannot be written.
    pub(crate) fn start(
        config: &LogConfig,
        db: &Path,
        host: &Arc<HostStats>,
        others: Vec<BoxedLayer>,
    ) -> Result<Self> {
        config.check()?;
        let (terminal, guard) = tracing_appender::non_blocking(std::io::stderr());
        let mut guards = vec![guard];
        let terminal: BoxedLayer = match config.format {
            Format::Json => lines(terminal).with_filter(config.filter()?).boxed(),
            Format::Text => tracing_subscriber::fmt::layer()
                .with_writer(terminal)
                .with_ansi(std::io::stderr().is_terminal())
                .with_filter(config.filter()?)
                .boxed(),
        };
        let mut layers = vec![terminal];
        if let Some(folder) = config.folder(db) {
            let mut file = |name| -> Result<NonBlocking> {
                let file = LossyFile::open(&folder, name, config.keep_days, host)
                    .with_context(|| format!("the folder of logs `{}`", folder.display()))?;
                let (file, guard) = tracing_appender::non_blocking(file);
                guards.push(guard);
                Ok(file)
            };
            let general = config.filter()?.and(filter_fn(|line| line.target() != SECURITY));
            layers.push(lines(file("duban")?).with_filter(general).boxed());
            layers.push(lines(file("security")?).with_filter(filter_fn(is_security)).boxed());
        }
        layers.extend(others);
        tracing_subscriber::registry().with(layers).try_init().context("starting the log")?;
        Ok(Self { _guards: guards })
    }
}

/// Lines of security, and the spans of the requests that they belong to.
fn is_security(metadata: &Metadata<'_>) -> bool {
    metadata.target() == SECURITY || (metadata.is_span() && *metadata.level() <= Level::INFO)
}

/// One JSON object a line, with the fields of the span that it lies in.
fn lines<S>(writer: NonBlocking) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
}

/// A file for each day. What it does not take is lost, counted, and told on standard error: a
/// full disk must not stop the daemon.
struct LossyFile {
    file: RollingFileAppender,
    old: OldFiles,
    looked_at: Instant,
    host: Arc<HostStats>,
    told_at: Option<Instant>,
}

/// How often losses are told.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// How often files are looked at that may be too old.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

impl LossyFile {
    fn open(folder: &Path, name: &str, keep_days: u64, host: &Arc<HostStats>) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = RollingFileAppender::builder()
            .rotation(Rotation::DAILY)
            .filename_prefix(name)
            .filename_suffix(ENDING)
            .build(folder)?;
        let old = OldFiles { folder: folder.to_owned(), name: name.to_owned(), keep_days };
        old.remove(today());
        let host = Arc::clone(host);
        Ok(Self { file, old, looked_at: Instant::now(), host, told_at: None })
    }
}

impl Write for LossyFile {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if self.looked_at.elapsed() > LOOK_EVERY {
            self.looked_at = Instant::now();
            self.old.remove(today());
        }
        if let Err(error) = self.file.write_all(line) {
            self.host.log_lines_lost.fetch_add(1, Ordering::Relaxed);
            if self.told_at.is_none_or(|told| told.elapsed() > TOLD_EVERY) {
                self.told_at = Some(Instant::now());
                eprintln!("duban: lines are lost from the log files: {error}");
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// What the names of files end with.
const ENDING: &str = "jsonl";

/// Files of days gone by. Their age is that of their name: a copied folder has no other.
struct OldFiles {
    folder: PathBuf,
    name: String,
    keep_days: u64,
}

impl OldFiles {
    /// Removes those that are older than the days to keep. One that stays is tried again.
    fn remove(&self, today: Date) {
        let Some(first) = first_kept(today, self.keep_days) else { return };
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let day = path.file_name().and_then(|name| name.to_str()).and_then(|name| {
                let rest = name.strip_prefix(&self.name)?.strip_prefix('.')?;
                rest.strip_suffix(ENDING)?.strip_suffix('.')?.parse::<Date>().ok()
            });
            if day.is_some_and(|day| day < first)
                && let Err(error) = std::fs::remove_file(&path)
            {
                eprintln!("duban: `{}` could not be removed: {error}", path.display());
            }
        }
    }
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
    use super::*;

    fn config(text: &str) -> LogConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn less_than_six_months_is_refused_with_the_law() {
        assert!(LogConfig::default().check().is_ok());
        assert!(config("keep_days = 183").check().is_ok());
        let refused = config("keep_days = 182").check().unwrap_err().to_string();
        assert!(refused.contains("Cybersecurity Law") && refused.contains("183"), "{refused}");
    }

    #[test]
    fn files_lie_beside_the_database_or_where_they_are_told_or_nowhere() {
        let db = Path::new("/var/lib/office.db");
        let folder = |text: &str| config(text).folder(db).map(|path| path.display().to_string());
        assert_eq!(folder("").as_deref(), Some("/var/lib/office.db.logs"));
        assert_eq!(folder("folder = \"/var/log/duban\"").as_deref(), Some("/var/log/duban"));
        assert_eq!(folder("folder = false"), None);
        let refused = toml::from_str::<LogConfig>("folder = 3").unwrap_err().to_string();
        assert!(refused.contains("a folder, or false for none"), "{refused}");
    }

    #[test]
    fn files_go_when_they_are_older_than_the_days_to_keep_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "duban.2026-01-01.jsonl",
            "duban.2026-01-02.jsonl",
            "duban.2026-07-21.jsonl",
            "security.2020-01-01.jsonl",
            "duban.2020-01-01.jsonl.gz",
            "notes.txt",
        ];
        for name in names {
            std::fs::write(folder.path().join(name), "{}\n").unwrap();
        }
        let old =
            OldFiles { folder: folder.path().to_owned(), name: "duban".to_owned(), keep_days: 200 };
        // 2026-01-02 lies 200 days before.
        old.remove("2026-07-21".parse().unwrap());
        let there = |name: &str| folder.path().join(name).exists();
        assert_eq!(names.map(there), [false, true, true, true, true, true]);
    }
}
