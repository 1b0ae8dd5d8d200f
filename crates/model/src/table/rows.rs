//! A sheet whose headings are understood, read cell by cell, with what is wrong with it.

use duban_calendar::Date;

use super::columns::{Column, TableKind};
use super::{PROBLEMS_MAX, Row, Sheet};
use crate::dates::{office_date, plain};
use crate::definition::Place;
use crate::problem::Problem;
use crate::wording::{What, says_nothing};

/// What separates several values of one cell.
const SEPARATORS: [char; 6] = ['、', '，', ',', '；', ';', '\n'];

/// Rows among which the headings are looked for; offices put titles above them.
pub(crate) const HEADING_ROWS_MAX: usize = 10;

/// The problems found so far; beyond a number they are only counted.
#[derive(Default)]
pub(super) struct Found {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    untold: usize,
}

impl Found {
    pub(super) fn add(&mut self, problem: Problem) {
        if self.errors.len() < PROBLEMS_MAX {
            self.errors.push(problem);
        } else {
            self.untold += 1;
        }
    }

    pub(super) fn warn(&mut self, problem: Problem) {
        if self.warnings.len() < PROBLEMS_MAX {
            self.warnings.push(problem);
        }
    }

    /// How many errors there are.
    pub(super) fn count(&self) -> usize {
        self.errors.len() + self.untold
    }

    /// The warnings, where nothing is wrong; else every problem.
    pub(super) fn settle(mut self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self.errors.is_empty() {
            return Ok(self.warnings);
        }
        self.errors.sort();
        if self.untold > 0 {
            let place = self.errors[0].place.clone();
            let text = format!("另有 {} 处问题没有列出", self.untold);
            self.errors.push(Problem::error("DB1308", &place, text));
        }
        self.errors.append(&mut self.warnings);
        Err(self.errors)
    }
}

/// A sheet with its kind and its columns.
pub(super) struct Table<'s> {
    pub(super) kind: TableKind,
    title: String,
    columns: Vec<(Column, usize)>,
    heading: &'s Row,
    rows: &'s [Row],
}

impl<'s> Table<'s> {
    /// Understands a sheet; `None` where it holds nothing, is no table of the directory, or lacks
    /// a column.
    pub(super) fn new(sheet: &'s Sheet, found: &mut Found) -> Option<Self> {
        let heading = heading_of(sheet);
        let rows = sheet.rows.get(heading + 1..).unwrap_or_default();
        let heading = sheet.rows.get(heading)?;
        let title = sheet.title();
        let place = |column: usize| place_of(&title, heading.number, column);
        let Some(kind) = TableKind::of(&sheet.name, &heading.cells) else {
            let text = format!("不认识工作表“{}”，没有读取", sheet.name);
            let kinds = TableKind::ALL.map(TableKind::zh).join("、");
            found.warn(
                Problem::warning("DB1311", &place(0), text).with_help(format!("认识的表：{kinds}")),
            );
            return None;
        };
        let missing = kind.missing(&heading.cells);
        if !missing.is_empty() {
            let text = format!("{}表缺少列：{}", kind.zh(), missing.join("、"));
            found.add(Problem::error("DB1305", &place(0), text));
            return None;
        }
        let mut columns: Vec<(Column, usize)> = Vec::new();
        for (at, text) in
            heading.cells.iter().enumerate().filter(|(_, text)| !text.trim().is_empty())
        {
            match kind.column(text) {
                Some(column) if columns.iter().any(|(other, _)| *other == column) => {
                    let text = format!("列“{text}”与前面的列重复");
                    found.add(Problem::error("DB1301", &place(at), text));
                }
                Some(column) => columns.push((column, at)),
                None => {
                    let text = format!("不认识列“{text}”，没有读取");
                    found.warn(Problem::warning("DB1311", &place(at), text));
                }
            }
        }
        for row in rows {
            for (at, _) in beyond(row, heading) {
                let text = "这一格在所有列之外，不会被读取";
                let help = "格子里的逗号要用引号括起整格；确有这一列的，在表头写上列名";
                let place = place_of(&title, row.number, at);
                found.add(Problem::error("DB1307", &place, text).with_help(help));
            }
        }
        Some(Self { kind, title, columns, heading, rows })
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.rows.iter().map(|row| Line { table: self, row })
    }

    pub(super) fn has(&self, column: &Column) -> bool {
        self.columns.iter().any(|(known, _)| known == column)
    }

    /// Address columns, by channel.
    pub(super) fn channels(&self) -> impl Iterator<Item = (&Column, &str)> {
        self.columns.iter().filter_map(|(column, _)| match column {
            Column::Address(channel) => Some((column, channel.as_str())),
            _ => None,
        })
    }

    /// Where the headings are.
    pub(super) fn place(&self) -> Place {
        place_of(&self.title, self.heading.number, 0)
    }
}

/// Filled cells to the right of the last heading: no column is theirs.
pub(crate) fn beyond<'r>(row: &'r Row, heading: &Row) -> impl Iterator<Item = (usize, &'r String)> {
    let filled = |cells: &[String]| cells.iter().rposition(|text| !text.trim().is_empty());
    let columns = filled(&heading.cells).map_or(0, |last| last + 1);
    let cells = row.cells.iter().enumerate().skip(columns);
    cells.filter(|(_, text)| !text.trim().is_empty())
}

/// Where the headings are: below titles, and the lower row where they take two.
fn heading_of(sheet: &Sheet) -> usize {
    let rows = || sheet.rows.iter().take(HEADING_ROWS_MAX);
    let is_heading = |row: &Row| {
        let kind = TableKind::of(&sheet.name, &row.cells);
        kind.is_some_and(|kind| kind.missing(&row.cells).is_empty())
    };
    if let Some(first) = rows().position(is_heading) {
        let lower = rows().skip(first + 1).take_while(|row| is_heading(row)).count();
        return first + lower;
    }
    // None is whole: the row with the most known columns says best what is missing.
    let known = |row: &Row| {
        let kind = TableKind::of(&sheet.name, &row.cells);
        let known =
            |kind: TableKind| row.cells.iter().filter(|cell| kind.column(cell).is_some()).count();
        kind.map_or(0, known)
    };
    let most = rows().map(known).max().unwrap_or_default();
    rows().position(|row| known(row) == most).unwrap_or_default()
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    table: &'t Table<'t>,
    row: &'t Row,
}

impl<'t> Line<'t> {
    /// A cell's text without spaces around it; `None` where it is empty or has no column.
    pub(super) fn get(&self, column: &Column) -> Option<&'t str> {
        let (_, at) = self.table.columns.iter().find(|(known, _)| known == column)?;
        let text = self.row.cells.get(*at)?.trim();
        (!says_nothing(text)).then_some(text)
    }

    /// A cell that must not be empty.
    pub(super) fn require(&self, column: &Column, found: &mut Found) -> Option<&'t str> {
        let text = self.get(column);
        if text.is_none() {
            let heading = self.table.kind.heading(column);
            let problem = self.error("DB1306", column, format!("“{heading}”不能为空"));
            // CSV keeps nothing of merged cells but the first.
            let is_csv = self.table.title.to_ascii_lowercase().ends_with(".csv");
            let help = "合并的单元格在 CSV 里只有第一格有字：取消合并并逐格填写，或上传 .xlsx";
            found.add(if is_csv { problem.with_help(help) } else { problem });
        }
        text
    }

    /// The code of a unit or the id of a person, in characters of usual width.
    pub(super) fn require_code(
        &self,
        column: &Column,
        what: What,
        found: &mut Found,
    ) -> Option<String> {
        let code = self.require(column, found).map(plain)?;
        self.check(column, what, &code, found);
        Some(code)
    }

    /// A name that must not be empty.
    pub(super) fn require_name(
        &self,
        column: &Column,
        what: What,
        found: &mut Found,
    ) -> Option<&'t str> {
        let name = self.require(column, found)?;
        self.check(column, what, name, found);
        Some(name)
    }

    /// Reports what cannot be an id or a name.
    pub(super) fn check(&self, column: &Column, what: What, text: &str, found: &mut Found) {
        if let Err(bad) = what.check(text) {
            found.add(self.error("DB1313", column, bad.zh()));
        }
    }

    /// Several values of one cell, each once.
    pub(super) fn list(&self, column: &Column) -> Vec<&'t str> {
        let mut values: Vec<&str> = Vec::new();
        let given = self.get(column).unwrap_or_default().split(SEPARATORS).map(str::trim);
        for value in given.filter(|value| !value.is_empty()) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }

    /// A date as ISO writes it, or as offices do: `2026/1/2`, `2026.1.2`, `2026年1月2日`.
    pub(super) fn date(&self, column: &Column, found: &mut Found) -> Option<Date> {
        let text = self.get(column)?;
        let date = office_date(text);
        if date.is_none() {
            let message = format!("`{text}` 不是 1900 至 2200 年的日期");
            found.add(self.error("DB1307", column, message).with_help("写成 2026-01-31"));
        }
        date
    }

    /// A problem of one cell.
    pub(super) fn error(&self, code: &str, column: &Column, text: impl Into<String>) -> Problem {
        let at = self.table.columns.iter().find(|(known, _)| known == column);
        let at = at.map_or(0, |(_, at)| *at);
        Problem::error(code, &place_of(&self.table.title, self.row.number, at), text)
    }
}

/// A cell by its row's number and its column from 0.
pub(crate) fn place_of(title: &str, row: u32, column: usize) -> Place {
    let line = usize::try_from(row).unwrap_or(usize::MAX);
    Place { file: title.to_owned(), line, column: column + 1, length: 0 }
}
