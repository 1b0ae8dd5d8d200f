//! The API over real HTTP on loopback, with an engine on a real store behind it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod api;
mod elsewhere;
mod lists;
mod pages;
mod rights;
mod search;
mod sign_in;
mod signing;
mod stream;
mod support;
