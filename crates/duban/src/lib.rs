//! duban（督办）: an orchestration engine for work that people owe by a date.
//!
//! duban turns a policy document into running work that chases itself. Each measure of a document
//! is a *workflow*: a graph of tasks with owners, deadlines and an escalation ladder. Scripts
//! decide what happens when a task nears its deadline, stalls or is overdue: a reminder, a
//! supervision slip, a notice, an interview, a referral. Time escalates; people decide.
//!
//! This crate is what other programs embed. It gathers the parts under one name:
//!
//! - [`Engine`] runs everything; start with [`Engine::start`].
//! - [`model`] loads what authors write; [`library`] is what comes with duban; [`load_folder`]
//!   reads a suite from disk.
//! - [`Act`] is what may be asked of a case, [`Fact`] what may have happened to it.
//! - [`Channel`] is how messages reach people: implement it for an office's own.
//! - [`EvidenceCheck`] says whether the files that a move names are there: by default the host's
//!   word is taken ([`HostsWord`]); a host that keeps files implements it.
//! - [`SystemClock`] is the default; with a [`TestClock`] a year passes in a test.
//!
//! # Example
//!
//! One task, owed by the end of June; the office's own channel is told when it is late.
//!
//! ```
//! use duban::{
//!     Act, Actor, Engine, OpenSpec, Options, Sources, SqliteStore, TestClock, library, load_suite,
//! };
//! use std::sync::Arc;
//!
//! let files = [
//!     ("suite.yaml", "
//! title: 年度工作要点
//! date: 2021-12-13
//! target_year: 2022
//! calendar: cn
//! levels: { city: 市, district: 区 }
//! ladder: standard
//! ladders:
//!   standard:
//!     - { at: due - workdays(3), do: remind, to: owner }
//!     - { at: due + workdays(1), do: press }
//! "),
//!     ("directory.yaml", "
//! units:
//!   - { id: C, name: 市委办, level: city }
//!   - { id: D, name: 历下区, level: district, superior: C }
//! posts:
//!   - { unit: C, name: 主任, holders: [zhang] }
//!   - { unit: D, name: 书记, holders: [li] }
//! people:
//!   - { id: zhang, name: 张三 }
//!   - { id: li, name: 李四 }
//! "),
//!     ("report.yaml", "
//! id: report
//! title: 报送半年总结
//! lead: org(\"市委办\")
//! cases: units(\"district\")
//! tasks:
//!   write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: 2022-06-30 }
//! "),
//! ];
//! let sources: Sources =
//!     files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
//! let suite = load_suite("points", &sources, &library()).suite.expect("the suite is sound");
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let clock = TestClock::new("2022-06-01T09:00:00+08:00".parse()?);
//! let options = Options { clock: Arc::new(clock.clone()), ..Options::default() };
//! let engine = Engine::start(SqliteStore::open_in_memory()?, options).await?;
//! engine.publish(&suite).await?;
//!
//! let opened = engine
//!     .open(OpenSpec::new("points", "report", "D"), Actor::operator("OA"), None)
//!     .await?;
//! let case = opened.case;
//! engine.act(&case, Actor::person("li"), Act::Sign { item: "write".into() }, None).await?;
//!
//! // Nobody writes the report: a reminder, then a slip.
//! clock.advance(&engine, "2022-07-05T09:00:00+08:00".parse()?).await?;
//! let sent = engine.deliveries(Default::default(), duban::PageRequest::first(10)).await?;
//! let kinds: Vec<&str> = sent.rows.iter().map(|row| row.outgoing.kind.as_str()).collect();
//! assert_eq!(kinds, ["remind", "slip"]);
//! engine.shutdown().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `sqlite` (default): [`SqliteStore`], one file, nothing to install.
//! - `notify`: channels over the network: signed webhooks, robots and apps of chat platforms, email.

mod builtin;

/// Civil time: working days, holidays, windows, spans.
pub use duban_calendar as calendar;
/// The case machine: acts, facts, refusals, state.
pub use duban_core as core;
/// The engine, its limits and errors.
pub use duban_engine as engine;
/// What authors write and offices own.
pub use duban_model as model;
/// Channels over the network: signed webhooks, chat robots and apps, email.
#[cfg(feature = "notify")]
pub use duban_notify as notify;
/// The sandbox in which scripts run.
pub use duban_script as script;
/// Virtual time: simulating a period, workflow tests.
pub use duban_sim as sim;
/// Where cases live.
pub use duban_store as store;

pub use duban_calendar::{Calendar, Date, Instant, Window, WindowKind};
pub use duban_core::{
    Act, Actor, Case, CaseId, CaseName, Event, Evidence, Fact, Item, ItemKey, Light, Refusal, Sent,
    Status,
};
pub use duban_engine::{
    BoxFuture, Channel, ChannelError, Clock, Delivery, Engine, EngineError, EngineLimits,
    EvidenceCheck, EvidenceError, FileChannel, HostsWord, LogChannel, OpenSpec, Options, Outcome,
    Subscription, SystemClock, TestClock,
};
pub use duban_model::{
    Assignee, Directory, DirectoryData, Library, Loaded, Problem, Sources, Suite, load_calendar,
    load_suite,
};
pub use duban_store::{
    CaseFilter, Cursor, DeliveryFilter, ItemFilter, Page, PageRequest, Store, StoreError,
};
#[cfg(feature = "sqlite")]
pub use duban_store::{SqliteOptions, SqliteStore};

pub use crate::builtin::{library, load_folder};
