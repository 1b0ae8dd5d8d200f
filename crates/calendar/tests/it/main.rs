//! The calendar crate as its callers see it, over the national calendar that ships with duban.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod cn;
mod golden;
mod instants;
mod properties;
mod refusals;
mod windows;
