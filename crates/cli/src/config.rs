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

use crate::sign_in::SignInConfig;

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
    /// Channels by name.
    pub(crate) channels: BTreeMap<String, ChannelConfig>,
}

/// The daemon itself.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    pub(crate) db: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) behind_proxy: bool,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) frame_ancestors: Vec<String>,
    pub(crate) evidence: Option<PathBuf>,
    pub(crate) token_requests_per_second_max: Option<NonZeroU32>,
}

/// What may be reached from here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Network {
    pub(crate) allowed_hosts: Vec<String>,
}

/// What messages say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Messages {
    pub(crate) templates: Option<PathBuf>,
    pub(crate) site: Option<String>,
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
    fn secrets_are_never_shown() {
        let text = "[channels.oa]\nkind = \"webhook\"\nurl = \"https://a\"\nsecret = \"hush\"\n";
        let config: Config = toml::from_str(text).unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
