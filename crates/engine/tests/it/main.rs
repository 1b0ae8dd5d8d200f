//! The engine on a real SQLite file, with a small suite loaded from text.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod between;
mod channels;
mod commands;
mod faults;
mod feed;
mod life;
mod outbox;
mod search;
mod support;
mod time;
mod upkeep;
