//! The sandbox from outside: expressions, actions, limits, checks, and the standard ladder.

mod actions;
mod bites;
mod checks;
mod expressions;
mod limits;
mod names;
mod random;
mod standard;

mod support;
