//! The engine on a real SQLite file, with a small suite loaded from text.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod attention;
mod between;
mod bounds;
mod budget;
mod channels;
mod clock;
mod commands;
mod evidence;
mod extremes;
mod faults;
mod feed;
mod life;
mod openings;
mod outbox;
mod search;
mod support;
mod time;
mod units;
mod unreadable;
mod upkeep;
