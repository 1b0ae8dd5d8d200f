//! Where a configuration has files of evidence kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{Evidence, FileLimits, Probed, S3Options};
use serde::Deserialize;

use crate::config::{Config, Secret};
use crate::db::beside;
use crate::private;

/// What an operator sets about evidence.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EvidenceConfig {
    url: Option<String>,
    endpoint: Option<String>,
    region: Option<String>,
    access_key: Option<String>,
    secret_key: Option<Secret>,
    file_bytes_max: Option<u64>,
    file_kinds: Option<Vec<String>>,
    case_bytes_max: Option<u64>,
    case_files_max: Option<usize>,
    person_day_bytes_max: Option<u64>,
}

/// How long one request to a bucket may take: that of a part of a file, over a slow line.
const REQUEST_MAX: Duration = Duration::from_secs(120);

impl EvidenceConfig {
    /// Whether files lie in a bucket and not in a folder.
    pub(crate) fn is_remote(&self) -> bool {
        self.url.is_some()
    }

    fn limits(&self) -> Result<FileLimits> {
        let mut limits = FileLimits::default();
        if let Some(kinds) = &self.file_kinds {
            let is_plain = |kind: &String| {
                !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            if let Some(bad) = kinds.iter().find(|kind| !is_plain(kind)) {
                bail!("file_kinds: `{bad}`: write the ending alone, for example \"pdf\"");
            }
            limits.kinds = kinds.iter().map(|kind| kind.to_ascii_lowercase()).collect();
        }
        limits.bytes_max = self.file_bytes_max.unwrap_or(limits.bytes_max);
        limits.case_bytes_max = self.case_bytes_max.unwrap_or(limits.case_bytes_max);
        limits.case_files_max = self.case_files_max.unwrap_or(limits.case_files_max);
        let day_max = self.person_day_bytes_max;
        limits.person_day_bytes_max = day_max.unwrap_or(limits.person_day_bytes_max);
        Ok(limits)
    }

    fn bucket(&self, allowed_hosts: &[String]) -> Result<Option<Evidence>> {
        let Some(url) = &self.url else { return Ok(None) };
        let place = url.strip_prefix("s3://");
        let place =
            place.with_context(|| format!("url: `{url}` is none; write s3://BUCKET/PREFIX"))?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            bail!("url: `{url}` names no bucket; write s3://BUCKET/PREFIX");
        }
        let options = S3Options {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: self.access_key.clone().context("access_key: a bucket needs one")?,
            secret_key: self
                .secret_key
                .as_ref()
                .context("secret_key: a bucket needs one")?
                .reveal()?,
        };
        let client = HttpClient::new(ClientOptions {
            allowed_hosts: allowed_hosts.to_vec(),
            request_max: REQUEST_MAX,
            ..ClientOptions::default()
        })?;
        Ok(Some(Evidence::s3(options, &client)?))
    }
}

/// Whether the settings fit; nothing is sent and nothing written.
///
/// # Errors
///
/// What does not fit.
pub(crate) fn check(config: &Config) -> Result<()> {
    let wanted = &config.evidence;
    wanted.limits().context("[evidence]")?;
    wanted.bucket(&config.network.allowed_hosts).context("[evidence]").map(drop)
}

/// Where files are kept of a database for which nobody says otherwise.
pub(crate) fn folder(config: &Config, db: &Path) -> PathBuf {
    config.server.evidence.clone().unwrap_or_else(|| beside(db, ".evidence"))
}

/// The place where files are kept, tried once.
///
/// # Errors
///
/// Settings that do not fit, a folder that cannot be made, or a bucket that refuses. One that does
/// not answer is told in the log: it may come back, and everything else works without it.
pub(crate) async fn make(config: &Config, folder: &Path) -> Result<Evidence> {
    let wanted = &config.evidence;
    let place = match wanted.bucket(&config.network.allowed_hosts).context("[evidence]")? {
        Some(bucket) => bucket,
        None => Evidence::folder(folder)
            .and_then(|place| private::keep(folder).map(|()| place))
            .with_context(|| format!("the folder of evidence `{}`", folder.display()))?,
    };
    match place.probe().await {
        Probed::Works => {}
        Probed::Unreachable(error) => {
            tracing::error!(error, "evidence can be neither kept nor read");
        }
        Probed::Refused(error) => bail!("[evidence] no file could be kept: {error}"),
    }
    Ok(place.limited(wanted.limits().context("[evidence]")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let config: Config = toml::from_str(text).unwrap();
        format!("{:#}", check(&config).unwrap_err())
    }

    #[test]
    fn what_does_not_fit_is_named_before_anything_is_sent() {
        let keys = "access_key = \"a\"\nsecret_key = \"b\"\n";
        let with = |lines: &str| refusal(&format!("[evidence]\n{lines}\n{keys}"));
        assert!(with("url = \"http://a/b\"").contains("s3://BUCKET/PREFIX"));
        assert!(with("url = \"s3:///b\"").contains("no bucket"));
        assert!(with("file_kinds = [\".pdf\"]").contains("`.pdf`"));
        let plain = with("url = \"s3://b\"\nendpoint = \"http://oss.example.cn\"");
        assert!(plain.contains("not encrypted"), "{plain}");
        let inside = with("url = \"s3://b\"\nendpoint = \"http://10.0.0.9:9000\"");
        assert!(inside.contains("10.0.0.9"), "{inside}");
        assert!(refusal("[evidence]\nurl = \"s3://b\"").contains("access_key"));
    }

    #[test]
    fn a_listed_host_may_speak_plainly() {
        let text = "[network]\nallowed_hosts = [\"10.0.0.9\"]\n[evidence]\nurl = \"s3://b/c\"\n\
                    endpoint = \"http://10.0.0.9:9000\"\naccess_key = \"a\"\nsecret_key = \"b\"\n";
        check(&toml::from_str(text).unwrap()).unwrap();
    }
}
