//! The source of the directory that a configuration names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use duban_model::Mapping;
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{PULL_BYTES_MAX, Pull};
use serde::Deserialize;

use crate::config::{Config, Secret};

/// The directory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DirectoryConfig {
    pub(crate) pull: Option<PullConfig>,
}

/// Where it is fetched from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullConfig {
    url: String,
    /// Sent as `Authorization: Bearer …`, or as it is in the header that is named.
    token: Option<Secret>,
    header: Option<String>,
    #[serde(default = "hourly")]
    every: String,
    #[serde(default = "a_fifth")]
    loss_percent_max: u32,
    mapping: Option<Mapping>,
}

fn hourly() -> String {
    "1h".to_owned()
}

fn a_fifth() -> u32 {
    20
}

/// How long one request may take: a whole directory is large.
const REQUEST_MAX: Duration = Duration::from_secs(120);

/// Makes the source; nothing is fetched.
///
/// # Errors
///
/// What does not fit, under the key `directory.pull`.
pub(crate) fn make(config: &Config) -> Result<Option<Arc<Pull>>> {
    let Some(wanted) = &config.directory.pull else { return Ok(None) };
    let made = one(config, wanted).context("[directory.pull]")?;
    Ok(Some(Arc::new(made)))
}

fn one(config: &Config, wanted: &PullConfig) -> Result<Pull> {
    let client = HttpClient::new(ClientOptions {
        allowed_hosts: config.network.allowed_hosts.clone(),
        request_max: REQUEST_MAX,
        answer_bytes_max: PULL_BYTES_MAX,
        ..ClientOptions::default()
    })?;
    let token = wanted.token.as_ref().map(Secret::reveal).transpose()?;
    let header = match (token, &wanted.header) {
        (Some(token), None) => Some(("authorization".to_owned(), format!("Bearer {token}"))),
        (Some(token), Some(name)) => Some((name.clone(), token)),
        (None, None) => None,
        (None, Some(name)) => bail!("`header` is `{name}`, but there is no `token`"),
    };
    if wanted.loss_percent_max > 100 {
        bail!("`loss_percent_max` is {}, not 0 to 100", wanted.loss_percent_max);
    }
    let mut pull = Pull::new(client, &wanted.url, header)?;
    pull.every = span(&wanted.every)?;
    pull.mapping.clone_from(&wanted.mapping);
    pull.loss_percent_max = wanted.loss_percent_max;
    Ok(pull)
}

/// `30m`, `1h`, `1d`: at least a minute.
fn span(text: &str) -> Result<Duration> {
    let bad = || format!("`every` is `{text}`; write for example 30m, 1h or 1d");
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds: u64 = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => bail!(bad()),
    };
    let number: u64 = number.parse().with_context(bad)?;
    if number == 0 || number > 10_000 {
        bail!(bad());
    }
    Ok(Duration::from_secs(number * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_source_is_made_of_its_settings() {
        let text = "
            [directory.pull]
            url = \"https://oa.example.org/api/org\"
            token = \"hush\"
            every = \"30m\"
            [directory.pull.mapping.units]
            list = \"/data/depts\"
            id = \"code\"
            name = \"title\"
            level_default = \"district\"
            superior = \"parent\"
            [directory.pull.mapping.posts]
            list = \"/data/jobs\"
            unit = \"dept\"
            name = \"job\"
            holders = \"user\"
            [directory.pull.mapping.people]
            list = \"/data/users\"
            id = \"uid\"
            name = \"cn\"
            addresses = { email = \"mail\" }
        ";
        let pull = make(&config(text)).unwrap().unwrap();
        assert_eq!((pull.every, pull.loss_percent_max), (Duration::from_secs(1_800), 20));
        assert!(!format!("{pull:?}").contains("hush"));
        assert!(make(&Config::default()).unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_is_told_before_a_daemon_runs_on_it() {
        let cases = [
            ("every = \"soon\"", "every"),
            ("every = \"0m\"", "every"),
            ("header = \"x-key\"", "token"),
            ("token = \"a\"\nheader = \"x key\"", "x key"),
            ("loss_percent_max = 101", "loss_percent_max"),
        ];
        for (line, told) in cases {
            let text = format!("[directory.pull]\nurl = \"https://oa.example.org\"\n{line}\n");
            let error = format!("{:#}", make(&config(&text)).unwrap_err());
            assert!(error.contains("directory.pull") && error.contains(told), "{line}: {error}");
        }
        let text = "[directory.pull]\nurl = \"http://10.0.0.1/org\"\n";
        let error = format!("{:#}", make(&config(text)).unwrap_err());
        assert!(error.contains("10.0.0.1"), "{error}");
    }
}
