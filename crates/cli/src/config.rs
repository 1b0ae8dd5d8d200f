//! The configuration file: what it may hold, and reading it.
//!
//! Flags come before the environment, the environment before the file, the file before defaults.
//! `docs/configuration.md` is the reference.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::backups::BackupConfig;
use crate::evidence::EvidenceConfig;
use crate::limits::LimitsConfig;
use crate::logs::LogConfig;
use crate::pull::DirectoryConfig;
use crate::sign_in::SignInConfig;
use crate::telemetry::TelemetryConfig;

/// Where a file is looked for that nobody names.
const DEFAULT_FILE: &str = "duban.toml";

/// What an operator sets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) messages: Messages,
    pub(crate) sign_in: SignInConfig,
    pub(crate) directory: DirectoryConfig,
    /// Channels by name.
    pub(crate) channels: BTreeMap<String, ChannelTable>,
    /// The daily digest; left out: none.
    pub(crate) digest: Option<DigestConfig>,
    /// Other systems that show to-dos, by name.
    pub(crate) todos: BTreeMap<String, TodoConfig>,
    pub(crate) log: LogConfig,
    pub(crate) telemetry: TelemetryConfig,
    pub(crate) metrics: Metrics,
    pub(crate) evidence: EvidenceConfig,
    pub(crate) backup: BackupConfig,
}

/// The daemon itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) db: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) behind_proxy: bool,
    pub(crate) trusted_proxies: Option<Vec<IpAddr>>,
    pub(crate) frame_ancestors: Vec<String>,
    pub(crate) evidence: Option<PathBuf>,
    pub(crate) token_requests_per_second_max: Option<NonZeroU32>,
    pub(crate) limits: LimitsConfig,
    pub(crate) drain_seconds: u64,
    pub(crate) shutdown_seconds_max: Option<u64>,
}

/// Where the monitoring looks, beside `/metrics` for tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Metrics {
    pub(crate) listen: Option<SocketAddr>,
}

/// What may be reached from here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Network {
    pub(crate) allowed_hosts: Vec<String>,
}

/// What messages say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Messages {
    pub(crate) templates: Option<PathBuf>,
    pub(crate) site: Option<String>,
    /// The parts of a working day, for channels that keep to them.
    pub(crate) working_hours: Vec<String>,
    /// The calendar of working days.
    pub(crate) calendar: String,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            templates: None,
            site: None,
            working_hours: ["09:00-11:30", "13:00-17:30"].map(str::to_owned).to_vec(),
            calendar: "cn".to_owned(),
        }
    }
}

/// What a channel may do when. Every kind of channel has these keys beside its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RulesConfig {
    pub(crate) kinds: Vec<String>,
    pub(crate) not: Vec<String>,
    pub(crate) quiet: Option<String>,
    pub(crate) working_hours: bool,
    pub(crate) except: Vec<String>,
    pub(crate) per_minute: Option<NonZeroU32>,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            not: Vec::new(),
            quiet: None,
            working_hours: false,
            except: ["slip:red", "refer"].map(str::to_owned).to_vec(),
            per_minute: None,
        }
    }
}

/// The keys of [`RulesConfig`].
const RULES: [&str; 6] = ["kinds", "not", "quiet", "working_hours", "except", "per_minute"];

/// A channel and its rules, which stand in one table.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub(crate) struct ChannelTable {
    pub(crate) rules: RulesConfig,
    pub(crate) channel: ChannelConfig,
}

impl TryFrom<toml::Table> for ChannelTable {
    type Error = toml::de::Error;

    fn try_from(table: toml::Table) -> Result<Self, Self::Error> {
        let (rules, channel): (toml::Table, toml::Table) =
            table.into_iter().partition(|(key, _)| RULES.contains(&key.as_str()));
        Ok(Self { rules: rules.try_into()?, channel: channel.try_into()? })
    }
}

/// One message a day to everybody who owes something.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestConfig {
    pub(crate) at: String,
    #[serde(default = "yes")]
    pub(crate) working_days: bool,
    pub(crate) channels: Vec<String>,
    #[serde(default = "ten")]
    pub(crate) lines: usize,
}

fn yes() -> bool {
    true
}

fn ten() -> usize {
    10
}

/// Another system that shows to-dos.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum TodoConfig {
    /// 泛微 e-cology.
    Ecology {
        server: String,
        system: String,
        creator: String,
        address: Option<String>,
        page: Option<String>,
    },
    /// 钉钉待办.
    Dingtalk {
        app_key: String,
        secret: Secret,
        operator: String,
        server: Option<String>,
        page: Option<String>,
    },
    /// Any other, by the calls that it takes.
    Http {
        server: String,
        secret: Secret,
        token: Option<Secret>,
        address: String,
        page: Option<String>,
        create: String,
        change: Option<String>,
        done: String,
        delete: Option<String>,
    },
}

/// One way by which messages travel.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum ChannelConfig {
    /// Lines in a file.
    File { path: PathBuf },
    /// A signed webhook.
    Webhook { url: String, secret: Secret },
    /// A group robot.
    DingtalkRobot { url: String, secret: Secret },
    /// A group robot.
    FeishuRobot { url: String, secret: Secret },
    /// A group robot; its address is its secret.
    WecomRobot { url: Secret },
    /// Messages of an app.
    WecomApp { corp_id: String, secret: Secret, agent_id: u64, server: Option<String> },
    /// Messages of an app.
    DingtalkApp { app_key: String, secret: Secret, agent_id: u64 },
    /// Messages of an app.
    FeishuApp { app_id: String, secret: Secret, server: Option<String> },
    /// Email over SMTP.
    Email {
        host: String,
        port: Option<u16>,
        #[serde(default)]
        security: MailSecurity,
        from: String,
        user: Option<String>,
        password: Option<Secret>,
        #[serde(default)]
        subject_prefix: String,
    },
}

impl ChannelConfig {
    /// Whether it is a robot of a chat group.
    pub(crate) fn is_robot(&self) -> bool {
        matches!(
            self,
            Self::DingtalkRobot { .. } | Self::FeishuRobot { .. } | Self::WecomRobot { .. }
        )
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailSecurity {
    None,
    #[default]
    Starttls,
    Tls,
}

/// A secret: as it is, or `env:NAME` for that variable of the environment.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    ///
    /// Where it names a variable that is not set.
    pub(crate) fn reveal(&self) -> Result<String> {
        match self.0.strip_prefix("env:") {
            Some(name) => std::env::var(name)
                .with_context(|| format!("`{name}` is not set, which the configuration names")),
            None => Ok(self.0.clone()),
        }
    }
}

/// Reads the file that is named, or `duban.toml` where there is one, or takes the defaults. The
/// file's path comes with it.
///
/// # Errors
///
/// Where a named file is missing, or a file cannot be read: with line and column.
pub(crate) fn read(named: Option<&Path>) -> Result<(Config, Option<PathBuf>)> {
    let path = match named {
        Some(path) => path.to_owned(),
        None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
        None => return Ok((Config::default(), None)),
    };
    let shown = path.display();
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading `{shown}`"))?;
    match toml::from_str(&text) {
        Ok(config) => Ok((config, Some(path))),
        Err(error) => bail!("`{shown}`: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = toml::from_str::<Config>("[server]\nlisten = \"127.0.0.1:1\"\nlissen = 2\n");
        let error = error.unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("lissen"), "{error}");
    }

    #[test]
    fn a_channels_rules_stand_beside_its_own_keys() {
        let text = "[channels.oa]\nkind = \"file\"\npath = \"a\"\nquiet = \"20:00-08:00\"\n";
        let config: Config = toml::from_str(text).unwrap();
        let oa = &config.channels["oa"];
        assert!(matches!(&oa.channel, ChannelConfig::File { path } if path == Path::new("a")));
        assert_eq!(oa.rules.quiet.as_deref(), Some("20:00-08:00"));
        assert_eq!(oa.rules.except, ["slip:red", "refer"]);
        let wrong = format!("{text}quite = 1\n");
        let error = toml::from_str::<Config>(&wrong).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("quite"), "{error}");
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = "[channels.oa]\nkind = \"webhook\"\nurl = \"https://a\"\nsecret = \"hush\"\n";
        let config: Config = toml::from_str(text).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
