//! Virtual time: many cases, a cast of people, workflow tests.
//!
//! [`World`] lets cases live in virtual time with the daemon's own core; [`simulate`] lets a
//! seeded cast of people work through a period; [`run_tests`] runs an author's workflow tests;
//! [`check`] finds what is wrong with a suite before any of it runs.
//! The crate has no clock, no storage and no randomness of its own: the same seed gives the same
//! events. What a world may use up is bounded by a [`Budget`].
//!
//! # Where to start reading
//!
//! [`World`], then `cast.rs` for how people behave, then `testing/` for the tests' functions.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod budget;
mod cast;
mod check;
mod forecast;
mod forms;
mod growth;
mod moves;
mod report;
mod seed;
mod testing;
mod world;

pub use crate::budget::{Budget, Stop};
pub use crate::cast::{Cast, Habit};
pub use crate::check::check;
pub use crate::forecast::{FORECAST_EVENTS_MAX, Forecast, forecast};
pub use crate::report::{Cell, Interview, NotSimulated, Plan, Report, ScriptFailure, simulate};
pub use crate::testing::{TestResult, run_tests, test_functions};
pub use crate::world::{Observer, World};
