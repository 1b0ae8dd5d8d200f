//! The rhai sandbox: expressions and hooks, host functions, limits.
//!
//! A [`Program`] is one definition with all its expressions and functions compiled. It evaluates
//! an expression to a [`Value`], and calls a function to get the [`Action`]s it asks for. It has
//! no I/O, no clock and no randomness; what a script sees comes through [`Facts`].
//!
//! # Where to start reading
//!
//! [`Facts`] (what scripts read), [`Action`] (what they ask for), then [`Program`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod action;
mod arithmetic;
mod chain;
mod check;
mod compare;
mod compile;
mod constants;
mod convert;
mod explain;
mod facts;
mod frame;
mod fullwidth;
mod host;
mod kind;
mod known;
mod names;
mod nesting;
mod object;
mod program;
mod sandbox;
mod suggest;
mod text;
mod value;

pub use crate::action::{Action, SlipColour};
pub use crate::facts::{CaseFacts, Facts, RungFacts, RungValue, Scene, TaskFacts};
pub use crate::names::{HostKind, HostName, NAMES};
pub use crate::program::{Limits, Program, Reads, ScriptError};
pub use crate::value::Value;
