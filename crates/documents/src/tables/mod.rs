//! Tables as files: .xlsx and CSV, read as sheets of text and written again.
//!
//! What is read comes from strangers: files are measured before they are opened, and every limit
//! below has a name that its problem tells.

mod csv;
mod number;
mod unpack;
mod xlsx;

use duban_model::{Problem, Row, Sheet};

pub use self::csv::write_csv;
pub use self::xlsx::{WriteError, write_xlsx};

/// The largest file, in bytes.
pub const TABLE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The most bytes that a workbook may hold once it is unpacked, and the most text of a file.
pub const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The most rows of all sheets of a file.
pub const ROWS_MAX: usize = 500_000;

/// The most cells of all sheets of a file, empty ones before filled ones among them.
pub const CELLS_MAX: usize = 5_000_000;

/// The most columns of a sheet.
pub const COLUMNS_MAX: usize = 200;

/// Reads a table as text, known by its ending: `.xlsx`, or `.csv` in UTF-8 or GB18030.
///
/// Formulas give the values that were saved with them, dates are written as ISO has them, hidden
/// sheets are left out.
///
/// # Errors
///
/// DB1307 to DB1309: every cell that cannot be read, the limit that is reached, or that the file
/// is no table.
pub fn read_tables(file: &str, bytes: &[u8]) -> Result<Vec<Sheet>, Vec<Problem>> {
    if bytes.len() > TABLE_BYTES_MAX {
        return Err(limit(file, "table_bytes_max", "20 MiB"));
    }
    let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("xlsx") => xlsx::read(file, bytes),
        Some("csv") => csv::read(file, bytes).map(|sheet| vec![sheet]),
        _ => {
            let text = format!("“{file}”不是 .xlsx 或 .csv 文件");
            let help = "在表格软件中另存为 .xlsx 或 .csv（UTF-8 或 GB18030）";
            Err(vec![at(file, "DB1309", text).with_help(help)])
        }
    }
}

/// A problem of a whole file.
fn at(file: &str, code: &str, text: impl Into<String>) -> Problem {
    Problem::error(code, &place(file, 1, 0), text)
}

/// A cell by its row's number and its column from 0.
fn place(title: &str, row: u32, column: usize) -> duban_model::Place {
    let line = usize::try_from(row).unwrap_or(usize::MAX);
    duban_model::Place { file: title.to_owned(), line, column: column + 1, length: 0 }
}

fn limit(file: &str, name: &str, value: &str) -> Vec<Problem> {
    let text = format!("超过上限 {name}（{value}）");
    vec![at(file, "DB1308", text).with_help("请拆成几个文件")]
}

/// What has been read of a file, held against its limits.
struct Meter<'f> {
    file: &'f str,
    rows: usize,
    cells: usize,
    bytes: u64,
}

impl<'f> Meter<'f> {
    fn new(file: &'f str) -> Self {
        Self { file, rows: 0, cells: 0, bytes: 0 }
    }

    /// Puts a text into a row, filled up to its column.
    fn put(&mut self, row: &mut Row, column: usize, text: String) -> Result<(), Vec<Problem>> {
        if text.is_empty() {
            return Ok(());
        }
        if column >= COLUMNS_MAX {
            return Err(limit(self.file, "columns_max", &COLUMNS_MAX.to_string()));
        }
        self.cells += (column + 1).saturating_sub(row.cells.len());
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        if self.cells > CELLS_MAX {
            return Err(limit(self.file, "cells_max", &CELLS_MAX.to_string()));
        }
        if self.bytes > UNPACKED_BYTES_MAX {
            return Err(limit(self.file, "unpacked_bytes_max", "256 MiB"));
        }
        if row.cells.len() <= column {
            row.cells.resize(column + 1, String::new());
        }
        row.cells[column] = text;
        Ok(())
    }

    /// Takes a row that holds anything.
    fn keep(&mut self, rows: &mut Vec<Row>, row: Row) -> Result<(), Vec<Problem>> {
        if row.cells.is_empty() {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > ROWS_MAX {
            return Err(limit(self.file, "rows_max", &ROWS_MAX.to_string()));
        }
        rows.push(row);
        Ok(())
    }
}
