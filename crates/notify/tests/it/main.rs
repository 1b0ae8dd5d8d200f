//! Channels against a real peer on loopback that checks the bytes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod apps;
mod digests;
mod emails;
mod faults;
mod office;
mod peer;
mod rest;
mod robots;
mod rules;
mod smtp;
mod templates;
mod todos;
mod webhooks;
