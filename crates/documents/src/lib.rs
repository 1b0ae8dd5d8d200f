//! What offices look at and file: graphs of workflows and cases, bars and lines, as SVG; tables as
//! .xlsx and CSV.
//!
//! Drawing is pure: the same data gives the same bytes. Colours are left to the page's style
//! sheet, by class; text is measured with one em for a Chinese character, so that no font needs
//! to be at hand.
//!
//! # Where to start reading
//!
//! [`Dag::svg`] for graphs, [`bars()`] for bars, [`lines()`] for what changes over time,
//! [`read_tables`] for tables.

mod bars;
mod dag;
mod lines;
mod tables;
mod xml;

pub use crate::bars::{Bar, bars};
pub use crate::dag::{Dag, Node};
pub use crate::lines::{Line, lines};
pub use crate::tables::{
    CELLS_MAX, COLUMNS_MAX, ROWS_MAX, TABLE_BYTES_MAX, UNPACKED_BYTES_MAX, WriteError, read_tables,
    write_csv, write_xlsx,
};
