//! The rhai sandbox: expressions and hooks, host functions, limits.
//!
//! A [`Program`] is one definition with all its expressions and functions compiled. It evaluates
//! an expression to a [`Value`], and calls a function to get the [`Action`]s it asks for. It has
//! no I/O, no clock and no randomness; what a script sees comes through [`Facts`].
//!
//! # Compiling
//!
//! ```
//! use std::collections::BTreeMap;
//! use duban_model::{Library, load_calendar, load_suite};
//! use duban_script::{Limits, Program};
//!
//! let suite = "title: t
//! issuer: i
//! target_year: 2022
//! calendar: cn
//! levels: [{ district: 区县 }]
//! supervision: org(\"a\")
//! administrator: org(\"a\")";
//! let workflow = "id: m01
//! title: t
//! lead: org(\"a\")
//! tasks:
//!   study: { title: t, owner: unit, due: now + workday(40) }";
//! let sources = [("suite.yaml", suite), ("m01.yaml", workflow)];
//! let sources = sources.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
//! let calendar = load_calendar("cn.yaml", include_str!("../../../workflows/calendars/cn.yaml"))
//!     .map_err(|problem| format!("{problem:?}"))?;
//! let library = Library { calendars: BTreeMap::from([("cn".to_owned(), calendar)]), ..Library::default() };
//! let loaded = load_suite("s", &sources, &library);
//! let definition = loaded.draft.definitions.into_values().next().ok_or("nothing loaded")?;
//!
//! let Err(problems) = Program::compile(definition, Limits::default()) else { return Err("compiled".into()) };
//! let found: Vec<_> = problems.iter().map(|it| (it.code.as_str(), it.message.as_str())).collect();
//! assert_eq!(found, [("DB1504", "没有函数 workday")]);
//! assert_eq!(problems[0].help.as_deref(), Some("是不是 workdays？"));
//! # Ok::<(), String>(())
//! ```
//!
//! # Where to start reading
//!
//! [`Facts`] (what scripts read), [`Action`] (what they ask for), then [`Program`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod action;
mod arithmetic;
mod budget;
mod chain;
mod check;
mod circle;
mod codes;
mod colours;
mod compare;
mod compile;
mod constants;
mod convert;
mod dates;
mod explain;
mod facts;
mod frame;
mod fullwidth;
mod host;
mod kind;
mod known;
mod meter;
mod names;
mod nesting;
mod object;
mod pieces;
mod program;
mod sandbox;
mod stop;
mod suggest;
mod test_file;
mod text;
mod trial;
mod value;

pub use crate::action::{Action, SlipColour};
pub use crate::budget::{Budget, BudgetLimits, Spent};
pub use crate::codes::CODES;
pub use crate::dates::{Dated, Shifts, dates_as_texts};
pub use crate::facts::{CaseFacts, Facts, RungFacts, RungSide, RungValue, Scene, TaskFacts};
pub use crate::names::{HostKind, HostName, NAMES, in_chinese};
pub use crate::program::{Limits, Program, Reads, ScriptError};
pub use crate::stop::StopFlag;
pub use crate::suggest::closest;
pub use crate::test_file::check_test;
pub use crate::value::Value;
