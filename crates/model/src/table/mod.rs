//! The directory as tables: sheets of text in, sheets of text out.
//!
//! Offices keep their people in spreadsheets. Whoever reads the files hands their text over as
//! [`Sheet`]s; [`import_tables`] makes a directory of them, or tells every problem with its sheet,
//! row and column. [`export_tables`] is the way back, and what it gives is read again as the same
//! directory.

mod columns;
mod export;
mod import;
mod rows;
#[cfg(test)]
mod tests;

pub use crate::table::columns::TableKind;
pub use crate::table::export::export_tables;
pub use crate::table::import::{Imported, Mode, import_tables};
pub(crate) use crate::table::rows::{HEADING_ROWS_MAX, beyond, place_of};

/// The most problems that are told at once; the rest are counted.
pub const PROBLEMS_MAX: usize = 500;

/// A sheet of a workbook, or a CSV file, as text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// The file it comes from, as people know it.
    pub file: String,
    /// The sheet's name; of a CSV file the file's name without its ending.
    pub name: String,
    /// Rows that hold anything, the headings first.
    pub rows: Vec<Row>,
}

/// A row of a sheet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// Its number as spreadsheets count, from 1.
    pub number: u32,
    /// Its cells from the first column on; those that are missing at the end are empty.
    pub cells: Vec<String>,
}

impl Sheet {
    /// How problems name the sheet: the file, and the sheet where a file has several.
    pub fn title(&self) -> String {
        let is_alone = self.file.split('.').next() == Some(self.name.as_str());
        if is_alone { self.file.clone() } else { format!("{}［{}］", self.file, self.name) }
    }
}
