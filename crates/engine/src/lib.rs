//! The tokio runtime of duban: the [`Engine`] handle, wake loop, outbox pump, queries.
//!
//! The engine is the host that `duban-core` asks for. It loads cases, lets the core decide,
//! stores what it decided, and only then answers and lets messages out. What a command means, and
//! what is kept how, it does not know.
//!
//! # How it works
//!
//! 1. Cases are spread over worker threads by their id. A worker does one thing at a time with a
//!    case and goes on with others while a commit is on its way to the disk, or a long decision is
//!    being made on another thread. People's commands go before wake-ups, in the queues here and in the store's.
//! 2. The wake loop sleeps until the earliest wake-up known and hands due cases to the workers, a
//!    bounded number at a time. While nothing is due it asks the store nothing.
//! 3. The outbox pump leases deliveries, hands messages for people to the [`Channel`]s and
//!    messages between cases to the workers, and tries again what failed.
//! 4. A panic inside a case marks that case as faulted; the others go on.
//!
//! # Where to start reading
//!
//! [`Engine::start`], then `commands.rs`, then `work.rs` for what happens to one command.

mod agenda;
mod apply;
mod attempt;
mod attention;
mod believed;
mod channel;
mod clock;
mod clock_alarm;
mod commands;
mod engine;
mod entries;
mod error;
mod evidence;
mod feed;
mod index;
mod keys;
mod library;
mod meanwhile;
mod migrate;
mod openings;
mod options;
mod outbox;
mod publish;
mod queries;
mod route;
mod shard;
mod shared;
mod stats;
mod steps;
mod takeback;
mod thinking;
mod upkeep;
mod wake;
mod work;

pub use crate::apply::{Applied, Applying};
pub use crate::believed::{ClockState, Epoch, EpochCause, accept_clock, clock_epochs};
pub use crate::channel::{Channel, ChannelError, Delivery, FileChannel, Hold, LogChannel};
pub use crate::clock::{BoxFuture, Clock, SystemClock, TestClock};
pub use crate::commands::{OpenSpec, Opened};
pub use crate::engine::Engine;
pub use crate::error::EngineError;
pub use crate::evidence::{EvidenceCheck, EvidenceError, HostsWord};
pub use crate::feed::{FeedBatch, Subscription};
pub use crate::index::Found;
pub use crate::keys::KeyClaim;
pub use crate::options::{EngineLimits, Options};
pub use crate::stats::{AttemptStats, Stats};
pub use crate::steps::{NextStep, Upcoming, next_steps};
pub use crate::takeback::{Restored, TakenBack};
pub use crate::upkeep::{Audit, Rebuilt};
pub use crate::work::Outcome;
