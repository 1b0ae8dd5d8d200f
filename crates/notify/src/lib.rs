//! How messages reach people beyond the log and the file: signed webhooks, email, and the group
//! robots and apps of DingTalk, Feishu and WeCom.
//!
//! Each is a [`Channel`](duban_engine::Channel): the engine hands it every message at least once,
//! always under the same id, waits and tries again after a failure, and parks as a dead letter
//! what never arrives. A channel only says whether to try again, and when.
//!
//! # Where to start reading
//!
//! [`Webhook`], [`Robot`], [`App`] and [`Email`] are the channels. [`HttpClient`] is what all but
//! the last send through, and where targets inside an office's own network are refused unless they
//! are listed. [`Contacts`] is where [`App`] and [`Email`] look up the people whom a message means,
//! and [`Templates`] is what is said to people. [`mod@todo`] is no channel: it keeps the to-dos of
//! e-cology or DingTalk as the cases are.
//!
//! ```
//! use duban_notify::{ClientOptions, HttpClient, Robot, RobotOptions};
//!
//! let client = HttpClient::new(ClientOptions::default())?;
//! let group = RobotOptions::wecom("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=K");
//! let channel = Robot::new(client.clone(), group)?;
//!
//! let inside = RobotOptions::wecom("http://10.0.0.8/send?key=K");
//! let refused = Robot::new(client, inside).unwrap_err();
//! assert!(refused.to_string().contains("allowed_hosts"));
//! # Ok::<(), duban_notify::NotifyError>(())
//! ```

mod app;
mod digest;
mod email;
mod error;
mod guard;
mod hours;
mod http;
mod pace;
mod recipients;
mod robot;
mod ruled;
mod sign;
mod template;
pub mod todo;
mod token;
mod webhook;

pub use crate::app::{App, AppKind, AppOptions};
pub use crate::digest::{Digest, DigestOptions};
pub use crate::email::{Email, EmailOptions, Security};
pub use crate::error::NotifyError;
pub use crate::hours::{DayPart, Hours, WorkingDays};
pub use crate::http::{ClientOptions, FetchError, HttpClient};
pub use crate::recipients::{Contacts, Unaddressed};
pub use crate::robot::{Robot, RobotKind, RobotOptions};
pub use crate::ruled::{KindPattern, Ruled, Rules};
pub use crate::template::{
    TemplateInForce, TemplateOptions, TemplateOrigin, TemplateProblem, Templates,
};
pub use crate::webhook::{Webhook, WebhookOptions};
