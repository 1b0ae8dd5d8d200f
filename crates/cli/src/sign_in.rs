//! How people sign in, as a configuration asks for it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use duban_notify::{ClientOptions, HttpClient};
use duban_web::{
    CasOptions, HandoverKeys, HandoverOptions, OidcOptions, PersonKey, SignIn, SignInOptions,
};
use serde::Deserialize;

use crate::config::{Config, Secret};

/// `[sign_in]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignInConfig {
    passwords: bool,
    session_idle_minutes: u32,
    oidc: Option<OidcConfig>,
    cas: Option<CasConfig>,
    handover: Option<HandoverConfig>,
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self { passwords: true, session_idle_minutes: 120, oidc: None, cas: None, handover: None }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OidcConfig {
    #[serde(default = "oidc_label")]
    label: String,
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default = "subject")]
    claim: String,
    #[serde(default = "id")]
    person: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasConfig {
    #[serde(default = "cas_label")]
    label: String,
    server: String,
    attribute: Option<String>,
    #[serde(default = "id")]
    person: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HandoverConfig {
    issuer: String,
    audience: String,
    keys: Option<String>,
    keys_file: Option<PathBuf>,
    #[serde(default = "subject")]
    claim: String,
    #[serde(default = "id")]
    person: String,
    #[serde(default = "path")]
    path_claim: String,
    #[serde(default = "handover_seconds_max")]
    seconds_max: u32,
}

fn oidc_label() -> String {
    "统一身份认证登录".to_owned()
}

fn cas_label() -> String {
    "单点登录（CAS）".to_owned()
}

fn subject() -> String {
    "sub".to_owned()
}

fn id() -> String {
    "id".to_owned()
}

fn path() -> String {
    "path".to_owned()
}

fn handover_seconds_max() -> u32 {
    300
}

/// How much is read of what an identity provider says of itself, in bytes.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// Checks the settings; nothing is sent.
///
/// # Errors
///
/// The first setting that does not fit, with its place, and what is wrong.
pub(crate) fn make(config: &Config) -> Result<SignIn> {
    let client = HttpClient::new(ClientOptions {
        allowed_hosts: config.network.allowed_hosts.clone(),
        request_max: Duration::from_secs(10),
        answer_bytes_max: ANSWER_BYTES_MAX,
        ..ClientOptions::default()
    })?;
    let wanted = &config.sign_in;
    let oidc = wanted.oidc.as_ref().map(oidc).transpose().context("[sign_in.oidc]")?;
    let cas = wanted.cas.as_ref().map(cas).transpose().context("[sign_in.cas]")?;
    let handover = wanted.handover.as_ref().map(handover).transpose();
    let options = SignInOptions {
        site: config.messages.site.clone(),
        passwords: wanted.passwords,
        idle_max: Duration::from_secs(60 * u64::from(wanted.session_idle_minutes)),
        oidc,
        cas,
        handover: handover.context("[sign_in.handover]")?,
        plain_hosts: config.network.allowed_hosts.clone(),
    };
    SignIn::new(options, &client).context("[sign_in]")
}

fn person(text: &str) -> Result<PersonKey> {
    text.parse().map_err(anyhow::Error::msg).context("`person`")
}

fn oidc(wanted: &OidcConfig) -> Result<OidcOptions> {
    Ok(OidcOptions {
        label: wanted.label.clone(),
        issuer: wanted.issuer.clone(),
        client_id: wanted.client_id.clone(),
        client_secret: wanted.client_secret.as_ref().map(Secret::reveal).transpose()?,
        scopes: wanted.scopes.clone(),
        claim: wanted.claim.clone(),
        person: person(&wanted.person)?,
    })
}

fn cas(wanted: &CasConfig) -> Result<CasOptions> {
    Ok(CasOptions {
        label: wanted.label.clone(),
        server: wanted.server.clone(),
        attribute: wanted.attribute.clone(),
        person: person(&wanted.person)?,
    })
}

fn handover(wanted: &HandoverConfig) -> Result<HandoverOptions> {
    let keys = match (&wanted.keys, &wanted.keys_file) {
        (Some(url), None) => HandoverKeys::Url(url.clone()),
        (None, Some(file)) => {
            let set = std::fs::read_to_string(file);
            HandoverKeys::Set(set.with_context(|| format!("reading `{}`", file.display()))?)
        }
        _ => anyhow::bail!("write either `keys`, an address, or `keys_file`, a file"),
    };
    Ok(HandoverOptions {
        issuer: wanted.issuer.clone(),
        audience: wanted.audience.clone(),
        keys,
        claim: wanted.claim.clone(),
        person: person(&wanted.person)?,
        path_claim: wanted.path_claim.clone(),
        seconds_max: wanted.seconds_max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    fn told(text: &str) -> String {
        let config: Config = match toml::from_str(text) {
            Ok(config) => config,
            Err(error) => return error.to_string(),
        };
        match make(&config) {
            Ok(sign_in) => sign_in.ways().join(" "),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn settings_are_checked_without_a_network() {
        let site = "[messages]\nsite = \"https://duban.example.cn\"\n";
        let oidc = "[sign_in.oidc]\nissuer = \"https://id.example.cn\"\nclient_id = \"duban\"\n";
        let cas = "[sign_in.cas]\nserver = \"https://cas.example.cn/cas\"\n";
        let folder = std::env::temp_dir().join(format!("duban-keys-{}", std::process::id()));
        std::fs::write(&folder, KEY).unwrap();
        let over = format!(
            "[sign_in.handover]\nissuer = \"https://oa.example.cn\"\naudience = \"duban\"\n\
             keys_file = {folder:?}\n"
        );
        let without = "[sign_in]\npasswords = false\n";
        let cases = [
            (String::new(), "passwords"),
            (format!("{site}{oidc}{cas}{over}"), "passwords oidc cas handover"),
            (format!("{site}{without}{cas}"), "cas"),
            (over.clone(), "passwords handover"),
            (without.to_owned(), "nobody could sign in"),
            (oidc.to_owned(), "messages.site"),
            (format!("{site}{oidc}person = \"name\"\n"), "neither `id` nor `addresses.KEY`"),
            (format!("{site}{oidc}clam = \"sub\"\n"), "clam"),
            (format!("{site}{oidc}claim = \"\"\n"), "`sign_in.oidc.claim` is empty"),
            (
                format!("{site}{}", oidc.replace("https://id", "http://id")),
                "list `id.example.cn` in `network.allowed_hosts`",
            ),
            (
                format!(
                    "{site}[network]\nallowed_hosts = [\"id.example.cn\"]\n{}",
                    oidc.replace("https://id", "http://id")
                ),
                "passwords oidc",
            ),
            (format!("{}{oidc}", site.replace(".cn", ".cn/duban")), "scheme and host"),
            (format!("{site}{}", cas.replace("https", "ftp")), "its scheme is `ftp`"),
            (format!("{over}keys = \"https://oa.example.cn/keys\"\n"), "either `keys`"),
            (format!("{over}seconds_max = 5\n"), "between 10 and 3600"),
            ("[sign_in]\nsession_idle_minutes = 0\n".to_owned(), "between 1 and 720"),
            (
                format!("{site}{oidc}client_secret = \"env:DUBAN_NO_SUCH\"\n"),
                "`DUBAN_NO_SUCH` is not set",
            ),
        ];
        for (text, expected) in cases {
            let told = told(&text);
            assert!(told.contains(expected), "{text}\n{told}");
        }
        std::fs::write(&folder, "{\"keys\":[]}").unwrap();
        assert!(told(&over).contains("there is none"));
        std::fs::remove_file(&folder).unwrap();
    }
}
