//! The sandbox from outside: expressions, actions, limits, checks, and the standard ladder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod bites;
mod checks;
mod dates;
mod expressions;
mod limits;
mod names;
mod random;
mod standard;
mod suites;
mod support;
mod values;
