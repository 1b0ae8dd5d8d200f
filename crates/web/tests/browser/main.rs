//! The pages in a real browser: headless Chromium, driven by WebDriver.
//!
//! `cargo xtask test` installs what is needed. Pictures of each page are left in
//! `target/pages/`.

#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]

mod accessibility;
mod chromium;
mod frame;
#[path = "../it/listed.rs"]
mod listed;
mod lists;
mod moves;
#[path = "../it/signing.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which forge tokens as well")]
mod signing;
#[path = "../it/support.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which use the rest")]
mod support;
mod work;
