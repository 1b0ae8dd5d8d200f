//! Virtual time: many cases, a cast of people, workflow tests.
//!
//! [`World`] lets cases live in virtual time with the daemon's own core; [`simulate`] lets a
//! seeded cast of people work through a period; [`run_tests`] runs an author's workflow tests.
//! The crate has no clock, no storage and no randomness of its own: the same seed gives the same
//! events.
//!
//! # Where to start reading
//!
//! [`World`], then `cast.rs` for how people behave, then `testing/` for the tests' functions.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cast;
mod forecast;
mod forms;
mod moves;
mod report;
mod seed;
mod testing;
mod world;

pub use crate::cast::{Cast, Habit};
pub use crate::forecast::{FORECAST_EVENTS_MAX, Forecast, forecast};
pub use crate::report::{Cell, Interview, Report, simulate};
pub use crate::testing::{TestResult, run_tests};
pub use crate::world::{Observer, World};
