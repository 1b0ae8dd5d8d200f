//! What is wrong with a channel's settings. Told when it is made, never while it delivers.

use crate::template::{TemplateProblem, Templates};

/// Why a channel cannot be made. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The target is no address that can be sent to. Correct it.
    #[error("`{url}` is not an http or https address: {error}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        error: String,
    },
    /// The target lies inside a network that only the operator may open. List its host.
    #[error("`{0}` is not a public address; list it in `allowed_hosts` if it is meant")]
    PrivateTarget(String),
    /// The secret cannot be used for signing. Copy it again.
    #[error("the secret of `{channel}` cannot be used: {error}")]
    BadSecret {
        /// The channel.
        channel: String,
        /// What is wrong with it.
        error: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
    /// The sender is no email address. Correct it.
    #[error("the sender `{from}` is no email address: {error}")]
    BadSender {
        /// The address.
        from: String,
        /// What is wrong with it.
        error: String,
    },
    /// The mail server's name, or this machine's, cannot be a name. Correct it.
    #[error("`{0}` is no name of a machine")]
    BadHost(String),
    /// The password would cross the network for all to read. Ask for STARTTLS or TLS.
    #[error("the password for `{0}` would be sent unencrypted; set STARTTLS or TLS")]
    OpenPassword(String),
    /// TLS cannot be set up, mostly for a root certificate that is none. Correct it.
    #[error("TLS to `{host}` cannot be set up")]
    Tls {
        /// The mail server.
        host: String,
        /// What the library said.
        source: lettre::transport::smtp::Error,
    },
    /// Templates of messages cannot be used. Correct what is named.
    #[error("templates cannot be used:\n{}", list(.0))]
    BadTemplates(Vec<TemplateProblem>),
    /// A rule names a kind of message that there is none of. Correct it.
    #[error(
        "`{0}` is no kind of message; there are `{kinds}`, and `slip:blue`, `slip:yellow`, \
         `slip:red`",
        kinds = Templates::sources().map(|(kind, _)| kind).collect::<Vec<_>>().join("`, `")
    )]
    BadKind(String),
    /// Hours cannot be kept. Correct them.
    #[error("hours cannot be kept: {0}")]
    BadHours(String),
    /// A call of a to-do system cannot be made as it is written. Correct it.
    #[error("the call `{call}` cannot be made: {error}")]
    BadCall {
        /// The call as it is written.
        call: String,
        /// What is wrong with it.
        error: String,
    },
    /// To-dos would lead to no page. Set its address.
    #[error("to-dos of `{0}` lead nowhere; set the address of an item's page")]
    NoPage(String),
}

fn list(problems: &[TemplateProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl NotifyError {
    /// Stable code for logs and exit messages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "DB5001",
            Self::PrivateTarget(_) => "DB5002",
            Self::BadSecret { .. } => "DB5003",
            Self::Client(_) => "DB5004",
            Self::BadSender { .. } => "DB5005",
            Self::BadHost(_) => "DB5006",
            Self::OpenPassword(_) => "DB5007",
            Self::Tls { .. } => "DB5008",
            Self::BadTemplates(_) => "DB5009",
            Self::NoPage(_) => "DB5010",
            Self::BadKind(_) => "DB5012",
            Self::BadHours(_) => "DB5013",
            Self::BadCall { .. } => "DB5014",
        }
    }
}
