//! Where the daemon's log goes: to standard error for whoever looks, and into files that are kept
//! as long as the law asks.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban_web::HostStats;
use serde::Deserialize;
use tracing::{Level, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::db::beside;
use crate::log_files::{Bounds, KEEP_DAYS_MIN, LogFiles};

/// What an operator sets about logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    format: Format,
    level: String,
    folder: Option<Folder>,
    keep_days: u64,
    file_bytes_max: u64,
    total_bytes_max: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        let level = "info".to_owned();
        Self {
            format: Format::Text,
            level,
            folder: None,
            keep_days: 200,
            file_bytes_max: 64 * MIB,
            total_bytes_max: 10 * 1024 * MIB,
        }
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

const MIB: u64 = 1024 * 1024;

/// The smallest file that is followed by another, in bytes.
const FILE_BYTES_LEAST: u64 = 64 * 1024;

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
        if self.file_bytes_max < FILE_BYTES_LEAST {
            bail!(
                "[log] file_bytes_max = {}: write {FILE_BYTES_LEAST} or more",
                self.file_bytes_max
            );
        }
        if self.total_bytes_max < self.file_bytes_max {
            bail!(
                "[log] total_bytes_max = {}: it bounds all files together; write more than \
                 file_bytes_max ({})",
                self.total_bytes_max,
                self.file_bytes_max
            );
        }
        self.filter().map(drop)
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            keep_days: self.keep_days,
            file_bytes_max: self.file_bytes_max,
            total_bytes_max: self.total_bytes_max,
        }
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
                let file = LogFiles::open(&folder, name, config.bounds(), host)
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
    fn sizes_that_hold_nothing_are_refused() {
        for (text, said) in [
            ("file_bytes_max = 65535", "file_bytes_max"),
            ("total_bytes_max = 1000000", "total_bytes_max"),
            ("file_bytes_max = 20000000000", "total_bytes_max"),
        ] {
            let refused = config(text).check().unwrap_err().to_string();
            assert!(refused.starts_with("[log]") && refused.contains(said), "{refused}");
        }
        assert!(config("file_bytes_max = 65536\ntotal_bytes_max = 65536").check().is_ok());
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
}
