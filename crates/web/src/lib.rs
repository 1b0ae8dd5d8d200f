//! What an office works with: the HTTP API, the pages, who may sign in and see what.
//!
//! [`router`] makes the service; [`serve`] runs it until it is told to stop.
//!
//! Programs call `/api/v1` with a token ([`Tokens`]); what they may do follows from its
//! [`Scope`]. The API describes itself at `/api/openapi.json` (OpenAPI 3.1), and its errors are
//! problem details (RFC 9457) with the codes of `docs/errors.md`. People look at pages with a
//! session; what they see and may do follows from the posts they hold in the directory, and
//! whether a move is theirs is for the case to say.
//!
//! # Where to start reading
//!
//! `server.rs` has the routes. `routes/` is the API, with a file for each kind of thing;
//! `pages/` the pages. `auth.rs`, `account.rs`, `session.rs`, `tries.rs` and `guard.rs` keep strangers out,
//! `sign_in/` lets in who has signed in elsewhere; `sight.rs` says what a person may see.
//! `connections.rs`, `pace.rs` and `streams.rs` bound how much of the service a caller
//! takes up; `access.rs` logs and measures requests, `metrics.rs` tells Prometheus.

mod about;
mod absence;
mod access;
mod account;
mod address;
mod auth;
mod broom;
mod case_files;
mod change;
mod civil;
mod connections;
mod counts;
mod document;
mod download;
mod evidence;
mod exposition;
mod guard;
mod jobs;
mod known;
mod ledger;
mod leftovers;
mod limits;
mod lines;
mod messages;
mod metrics;
mod migration;
mod offers;
mod pace;
mod page;
mod pages;
mod password;
mod problem;
mod pull;
mod ready;
mod rehearsal;
mod rights;
mod routes;
mod security;
mod server;
mod session;
mod sight;
mod sign_in;
mod snippet;
mod status;
mod streams;
mod trend;
mod tries;
mod view;
mod wire;

pub use crate::account::{Account, Accounts, AdminPost, Holder};
pub use crate::auth::{Scope, TokenError, TokenInfo, Tokens};
pub use crate::case_files::{CaseFiles, Given, Giving};
pub use crate::change::{replace_imported, suite_levels};
pub use crate::document::openapi;
pub use crate::evidence::{Evidence, FileError, FileLimits, Probed, S3Error, S3Options};
pub use crate::limits::Limits;
pub use crate::messages::{Messages, restore_templates};
pub use crate::metrics::HostStats;
pub use crate::pull::{PULL_BYTES_MAX, Pull, PullError};
pub use crate::server::{App, Settings, router, serve, serve_metrics};
pub use crate::sign_in::{
    CasOptions, HandoverKeys, HandoverOptions, OidcOptions, PersonKey, SignIn, SignInError,
    SignInOptions,
};
pub use crate::trend::Trend;
