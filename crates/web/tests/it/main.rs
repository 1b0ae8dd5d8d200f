//! The API over real HTTP on loopback, with an engine on a real store behind it.

#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

mod absences;
mod administration;
mod api;
mod attention;
mod bounds;
mod calendars;
mod directory;
mod elsewhere;
mod evidence;
mod items;
mod listed;
mod lists;
mod manual;
mod messages;
mod offers;
mod operations;
mod pages;
mod pull;
mod rehearsals;
mod rights;
mod search;
mod sign_in;
mod signing;
mod strangers;
mod stream;
mod support;
mod tries;
mod wire;
mod wording;
