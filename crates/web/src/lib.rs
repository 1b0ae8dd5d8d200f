//! The HTTP API: everything that a program of an office asks of the engine.
//!
//! [`router`] makes the service; [`serve`] runs it until it is told to stop. Whoever calls shows a
//! token ([`Tokens`]); what it may do follows from its [`Scope`]. The API describes itself at
//! `/api/openapi.json` (OpenAPI 3.1). Errors are problem details (RFC 9457) with the codes of
//! `docs/errors.md`.
//!
//! # Where to start reading
//!
//! `routes/` has a file for each kind of thing; `view.rs` is what answers look like, `problem.rs`
//! what errors look like, `auth.rs` who may do what.

mod auth;
mod document;
mod page;
mod problem;
mod routes;
mod server;
mod view;

pub use crate::auth::{Scope, TokenInfo, Tokens};
pub use crate::document::openapi;
pub use crate::server::{App, router, serve};
