//! How things look on a terminal: problems, tables, graphs.

pub(crate) mod graph;
pub(crate) mod problems;
pub(crate) mod table;
