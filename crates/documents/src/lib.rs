//! What offices look at and file: graphs of workflows and cases, bars and lines, as SVG.
//!
//! Drawing is pure: the same data gives the same bytes. Colours are left to the page's style
//! sheet, by class; text is measured with one em for a Chinese character, so that no font needs
//! to be at hand.
//!
//! # Where to start reading
//!
//! [`Dag::svg`] for graphs, [`bars()`] for bars, [`lines()`] for what changes over time.

mod bars;
mod dag;
mod lines;
mod xml;

pub use crate::bars::{Bar, bars};
pub use crate::dag::{Dag, Node};
pub use crate::lines::{Line, lines};
