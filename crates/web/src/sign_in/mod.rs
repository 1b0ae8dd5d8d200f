//! Signing in by other means than a password kept here: OpenID Connect, CAS, and a token that an
//! office-automation system hands over.
//!
//! Each of them proves an account elsewhere; [`person`] says whose it is in the directory. Posts
//! of administration have no part in this: they sign in with passwords alone.

mod cas;
mod handover;
mod kept;
mod oidc;
mod peer;
mod person;
mod token;
mod under_way;

use std::time::Duration;

use duban_model::echoed;
use duban_notify::HttpClient;
use duban_store::StoreError;
use openidconnect::url::Url;
use serde::{Deserialize, Serialize};

pub use crate::sign_in::cas::CasOptions;
pub use crate::sign_in::handover::{HandoverKeys, HandoverOptions};
pub use crate::sign_in::oidc::OidcOptions;
pub use crate::sign_in::person::PersonKey;

pub(crate) use crate::sign_in::cas::Cas;
pub(crate) use crate::sign_in::handover::{DOCUMENTS as HANDOVERS, Handover};
pub(crate) use crate::sign_in::oidc::{Oidc, proof_key};
pub(crate) use crate::sign_in::under_way::{DOCUMENTS as SIGN_INS, Started, UnderWay};

use crate::account::Holder;
use crate::sign_in::peer::Peer;

/// How people sign in.
pub struct SignInOptions {
    /// The address of the pages as browsers know it, for example `https://duban.example.cn`. Other
    /// systems send people back to it: needed for OpenID Connect and CAS.
    pub site: Option<String>,
    /// Whether people may sign in with passwords kept here. Posts of administration always do.
    pub passwords: bool,
    /// How long a session lasts that nobody uses; counted in steps of an eighth of it.
    pub idle_max: Duration,
    /// Sign-in by OpenID Connect.
    pub oidc: Option<OidcOptions>,
    /// Sign-in by CAS.
    pub cas: Option<CasOptions>,
    /// Sign-in by a token that another system hands over.
    pub handover: Option<HandoverOptions>,
    /// Hosts that may be spoken to without TLS. All others must use https.
    pub plain_hosts: Vec<String>,
}

impl Default for SignInOptions {
    /// Passwords alone, and sessions that end after two hours without use.
    fn default() -> Self {
        Self {
            site: None,
            passwords: true,
            idle_max: Duration::from_secs(2 * 3_600),
            oidc: None,
            cas: None,
            handover: None,
            plain_hosts: Vec::new(),
        }
    }
}

/// The ways to sign in, set up.
pub struct SignIn {
    passwords: bool,
    idle_ms_max: i64,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) cas: Option<Cas>,
    pub(crate) handover: Option<Handover>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Their settings hold secrets.
        f.debug_struct("SignIn").field("passwords", &self.passwords).finish_non_exhaustive()
    }
}

impl Default for SignIn {
    /// Passwords alone.
    fn default() -> Self {
        let idle_ms_max = millis(SignInOptions::default().idle_max);
        Self { passwords: true, idle_ms_max, oidc: None, cas: None, handover: None }
    }
}

impl SignIn {
    /// Checks the settings and sets the ways up. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`SignInError`]: what to correct.
    pub fn new(options: SignInOptions, client: &HttpClient) -> Result<Self, SignInError> {
        let is_elsewhere =
            options.oidc.is_some() || options.cas.is_some() || options.handover.is_some();
        if !options.passwords && !is_elsewhere {
            return Err(SignInError::NoWay);
        }
        let idle_ms_max = millis(options.idle_max);
        if !(IDLE_MS_LEAST..=IDLE_MS_MOST).contains(&idle_ms_max) {
            return Err(SignInError::Idle);
        }
        let peer = Peer::new(client.clone(), &options.plain_hosts);
        let site = options.site.as_deref().map(site).transpose()?;
        let needed = || site.clone().ok_or(SignInError::NoSite);
        let oidc =
            options.oidc.map(|oidc| Oidc::new(oidc, &needed()?, peer.clone())).transpose()?;
        let cas = options.cas.map(|cas| Cas::new(cas, &needed()?, peer.clone())).transpose()?;
        let handover = options.handover.map(|over| Handover::new(over, peer)).transpose()?;
        Ok(Self { passwords: options.passwords, idle_ms_max, oidc, cas, handover })
    }

    /// The ways in use, by the words of the configuration.
    pub fn ways(&self) -> Vec<&'static str> {
        let all = [
            ("passwords", self.passwords),
            ("oidc", self.oidc.is_some()),
            ("cas", self.cas.is_some()),
            ("handover", self.handover.is_some()),
        ];
        all.into_iter().filter(|(_, is_used)| *is_used).map(|(way, _)| way).collect()
    }

    /// Whether somebody may sign in so.
    pub(crate) fn offers(&self, way: Way, holder: &Holder) -> bool {
        match way {
            Way::Password => self.passwords || matches!(holder, Holder::Admin(_)),
            Way::Oidc => self.oidc.is_some(),
            Way::Cas => self.cas.is_some(),
            Way::Handover => self.handover.is_some(),
            Way::Demonstration => false,
        }
    }

    /// Whether passwords of people are taken.
    pub(crate) fn has_passwords(&self) -> bool {
        self.passwords
    }

    /// How long a session lasts that nobody uses, in milliseconds.
    pub(crate) fn idle_ms_max(&self) -> i64 {
        self.idle_ms_max
    }
}

/// Bounds of `idle_max`, in milliseconds: a minute, and the life of any session.
const IDLE_MS_LEAST: i64 = 60_000;
const IDLE_MS_MOST: i64 = crate::session::SESSION_MS_MAX;

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The origin of the pages; they lie at its root.
fn site(text: &str) -> Result<Url, SignInError> {
    let bad = || SignInError::BadSite(text.to_owned());
    let url = Url::parse(text).map_err(|_| bad())?;
    let is_origin = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if is_origin { Ok(url) } else { Err(bad()) }
}

/// Why settings of signing in do not fit. Told when they are read, never to whoever signs in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Neither passwords nor any other way: nobody could sign in. Set up one.
    #[error("`passwords = false` needs `oidc`, `cas` or `handover`, or nobody could sign in")]
    NoWay,
    /// People are sent back to an address that nobody has set. Set it.
    #[error("the address of the pages is not set; set `messages.site`")]
    NoSite,
    /// The pages' address is none. Write scheme and host alone.
    #[error("`{0}` is not where the pages are; write scheme and host, `https://duban.example.cn`")]
    BadSite(String),
    /// An address that cannot be used. Correct it.
    #[error("`{key}` is `{url}`: {problem}")]
    BadAddress {
        /// The setting.
        key: &'static str,
        /// What stands there.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Keys that cannot be used. Correct them.
    #[error("the keys cannot be used: {0}")]
    BadKeys(String),
    /// A setting is empty. Fill it in.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A token's life is out of range. Choose another.
    #[error("`seconds_max` must lie between 10 and 3600")]
    Life,
    /// The idle time is out of range. Choose another.
    #[error("`session_idle_minutes` must lie between 1 and 720")]
    Idle,
}

impl SignInError {
    /// Stable code for logs and exit messages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoWay => "DB7001",
            Self::NoSite => "DB7002",
            Self::BadSite(_) => "DB7003",
            Self::BadAddress { .. } => "DB7004",
            Self::BadKeys(_) => "DB7005",
            Self::Empty(_) => "DB7006",
            Self::Life => "DB7007",
            Self::Idle => "DB7008",
        }
    }
}

/// How a session began.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// A password kept here.
    Password,
    /// OpenID Connect.
    Oidc,
    /// CAS.
    Cas,
    /// A token that another system handed over.
    Handover,
    /// In a demonstration anybody may be anybody.
    Demonstration,
}

impl Way {
    /// The word in logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Oidc => "oidc",
            Self::Cas => "cas",
            Self::Handover => "handover",
            Self::Demonstration => "demonstration",
        }
    }

    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::Password => "口令",
            Self::Oidc => "统一身份认证",
            Self::Cas => "CAS",
            Self::Handover => "办公系统转入",
            Self::Demonstration => "模拟",
        }
    }
}

/// Why somebody who came from elsewhere is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// This way is not set up.
    #[error("this way is not set up")]
    NotOffered,
    /// The sign-in is unknown, used up, too old, or another browser's.
    #[error("the sign-in is unknown, used up, too old, or another browser's")]
    Stale,
    /// The other side said no.
    #[error("the other side said no: {0}")]
    Declined(String),
    /// What was shown proves nothing.
    #[error("what was shown proves nothing: {0}")]
    Unproven(String),
    /// A token was shown before.
    #[error("the token was used before")]
    Replayed,
    /// The account is nobody's in the directory.
    #[error("account `{0}` is nobody's in the directory")]
    Nobody(String),
    /// The account is that of several people in the directory.
    #[error("account `{0}` is that of several people in the directory")]
    Several(String),
    /// The other side cannot be asked.
    #[error("the other side cannot be asked: {0}")]
    Unreachable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    /// The other side's own reason, which may be anything.
    pub(crate) fn declined(reason: &str) -> Self {
        Self::Declined(echoed(reason))
    }

    /// What people read.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::NotOffered => "没有启用这种登录方式".to_owned(),
            Self::Stale => {
                "这次登录已失效：已用过、已超过 10 分钟，或者不是在这个浏览器里开始的；请重新登录"
                    .to_owned()
            }
            Self::Declined(reason) => format!("身份认证服务没有同意登录（{reason}）；请重新登录"),
            Self::Unproven(_) => {
                "无法确认您的身份：对方给出的凭据无效或已过期；请重新登录，仍不行请告知系统管理员"
                    .to_owned()
            }
            Self::Replayed => "这个登录凭据已经用过；请回到办公系统重新打开".to_owned(),
            Self::Nobody(account) => {
                format!("账号“{account}”在通讯录中没有对应的人员；请告知系统管理员核对通讯录")
            }
            Self::Several(account) => {
                format!(
                    "账号“{account}”在通讯录中对应几位人员，无法确定是谁；请告知系统管理员核对通讯录"
                )
            }
            Self::Unreachable(_) => "身份认证服务暂时无法连接；请稍后再试".to_owned(),
            Self::Store(_) => "数据库暂时无法使用；请稍后再试".to_owned(),
        }
    }
}
