//! Channels against a real peer on loopback that checks the bytes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod apps;
mod emails;
mod faults;
mod peer;
mod robots;
mod smtp;
mod templates;
mod todos;
mod webhooks;
