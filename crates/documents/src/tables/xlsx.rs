//! Workbooks: read cell by cell, written with text alone.

use std::io::Cursor;

use calamine::{Dimensions, Reader as _, SheetType, SheetVisible, Xlsx, XlsxError};
use duban_model::{Problem, Row, Sheet};
use rust_xlsxwriter::{Format, Workbook};

use super::number::text_of;
use super::unpack::measure;
use super::{CELLS_MAX, COLUMNS_MAX, Meter, at, limit, place};

/// Problems of cells that are told before reading stops.
const PROBLEMS_MAX: usize = 100;

pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Vec<Sheet>, Vec<Problem>> {
    measure(file, bytes)?;
    let broken = |error: XlsxError| {
        vec![
            at(file, "DB1309", format!("“{file}”读不成：{error}"))
                .with_help("在表格软件中另存一次"),
        ]
    };
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let shown = book.sheets_metadata().iter().filter(|sheet| {
        sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible
    });
    let names: Vec<String> = shown.map(|sheet| sheet.name.clone()).collect();
    let mut meter = Meter::new(file);
    let mut problems = Vec::new();
    let mut sheets = Vec::new();
    for name in names {
        let mut sheet = Sheet { file: file.to_owned(), name: name.clone(), rows: Vec::new() };
        let title = sheet.title();
        let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
        let mut row = Row::default();
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (line, column) = cell.get_position();
            let number = line.saturating_add(1);
            if number != row.number {
                let full = std::mem::replace(&mut row, Row { number, cells: Vec::new() });
                meter.keep(&mut sheet.rows, full)?;
            }
            let column = usize::try_from(column).unwrap_or(usize::MAX);
            match text_of(cell.get_value()) {
                Ok(text) => meter.put(&mut row, column, text)?,
                Err(wrong) if problems.len() < PROBLEMS_MAX => {
                    problems.push(Problem::error("DB1307", &place(&title, number, column), wrong));
                }
                Err(_) => return Err(problems),
            }
        }
        meter.keep(&mut sheet.rows, row)?;
        drop(cells);
        let merged = book.merge_cells_by_sheet_name(&name).map_err(broken)?;
        spread(file, &merged, &mut sheet.rows)?;
        sheets.push(sheet);
    }
    if problems.is_empty() { Ok(sheets) } else { Err(problems) }
}

/// Gives every cell of a merged region the text of its first, as people read it. Rows that hold
/// nothing of their own stay away.
fn spread(file: &str, merged: &[Dimensions], rows: &mut [Row]) -> Result<(), Vec<Problem>> {
    let mut room = CELLS_MAX;
    for region in merged {
        let (first, last) = (region.start.0.saturating_add(1), region.end.0.saturating_add(1));
        let column = usize::try_from(region.start.1).unwrap_or(usize::MAX);
        let end = usize::try_from(region.end.1).unwrap_or(usize::MAX).min(COLUMNS_MAX - 1);
        let start = rows.partition_point(|row| row.number < first);
        let until = rows.partition_point(|row| row.number <= last);
        let top = rows.get(start).filter(|row| row.number == first);
        let Some(text) = top.and_then(|row| row.cells.get(column)).cloned() else { continue };
        for row in rows.get_mut(start..until).unwrap_or_default() {
            let wide = (end + 1).saturating_sub(column);
            room = room
                .checked_sub(wide)
                .ok_or_else(|| limit(file, "cells_max", &CELLS_MAX.to_string()))?;
            if row.cells.len() <= end {
                row.cells.resize(end + 1, String::new());
            }
            let cells = row.cells.get_mut(column..=end).unwrap_or_default();
            for cell in cells.iter_mut().filter(|cell| cell.is_empty()) {
                cell.clone_from(&text);
            }
        }
    }
    Ok(())
}

/// A table that no workbook can hold, for example for a cell of more than 32,767 characters.
#[derive(Debug, thiserror::Error)]
#[error("the workbook cannot be written")]
pub struct WriteError(#[from] rust_xlsxwriter::XlsxError);

/// Writes sheets as a workbook. Every cell is text, so that codes keep their zeros and nothing is
/// a formula; the headings stand still.
///
/// # Errors
///
/// [`WriteError`]: a cell or a sheet is larger than workbooks allow.
pub fn write_xlsx(sheets: &[Sheet]) -> Result<Vec<u8>, WriteError> {
    let mut book = Workbook::new();
    let (text, heading) = (Format::new().set_num_format("@"), Format::new().set_bold());
    for sheet in sheets {
        let page = book.add_worksheet();
        page.set_name(&sheet.name)?;
        page.set_freeze_panes(1, 0)?;
        let columns = sheet.rows.first().map_or(0, |row| row.cells.len());
        for column in 0..u16::try_from(columns).unwrap_or(u16::MAX) {
            page.set_column_width(column, 18)?;
            page.set_column_format(column, &text)?;
        }
        for (row, line) in (0..).zip(&sheet.rows) {
            let format = if row == 0 { &heading } else { &text };
            for (column, cell) in (0..).zip(&line.cells).filter(|(_, cell)| !cell.is_empty()) {
                page.write_string_with_format(row, column, cell, format)?;
            }
        }
    }
    Ok(book.save_to_buffer()?)
}

#[cfg(test)]
mod tests {
    use rust_xlsxwriter::{ExcelDateTime, Formula};

    use super::*;

    fn texts(sheets: &[Sheet]) -> Vec<(u32, Vec<&str>)> {
        let rows = sheets.iter().flat_map(|sheet| &sheet.rows);
        rows.map(|row| (row.number, row.cells.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn cells_are_read_as_people_see_them() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        page.set_name("人员").unwrap();
        page.write_string(0, 0, "编号").unwrap();
        page.write_number(0, 2, 370_102.0).unwrap();
        let date = ExcelDateTime::parse_from_str("2026-01-02").unwrap();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        page.write_datetime_with_format(3, 0, &date, &day).unwrap();
        page.write_formula(3, 1, Formula::new("=1+1").set_result("2")).unwrap();
        page.write_boolean(3, 2, true).unwrap();
        page.write_number(3, 3, 1.5).unwrap();
        let hidden = book.add_worksheet();
        hidden.write_string(0, 0, "旧").unwrap();
        hidden.set_hidden(true);
        let sheets = read("a.xlsx", &book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(sheets.len(), 1);
        assert_eq!(sheets[0].title(), "a.xlsx［人员］");
        let expected = [(1, vec!["编号", "", "370102"]), (4, vec!["2026-01-02", "2", "是", "1.5"])];
        assert_eq!(texts(&sheets), expected);
    }

    #[test]
    fn numbers_that_lost_digits_and_failed_formulas_are_told() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        page.write_number(1, 1, 370_102_199_001_011_234.0).unwrap();
        page.write_formula(2, 0, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        let problems = read("a.xlsx", &book.save_to_buffer().unwrap()).unwrap_err();
        let places: Vec<(usize, usize)> =
            problems.iter().map(|one| (one.place.line, one.place.column)).collect();
        assert_eq!(places, [(2, 2), (3, 1)], "{problems:?}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cells = |row: [&str; 3]| row.map(ToOwned::to_owned).to_vec();
        let rows = [["代码", "名称", "级别"], ["007", "=1+1", "区"]];
        let rows = (1..).zip(rows).map(|(number, row)| Row { number, cells: cells(row) }).collect();
        let sheet = Sheet { file: "b.xlsx".to_owned(), name: "单位".to_owned(), rows };
        let bytes = write_xlsx(std::slice::from_ref(&sheet)).unwrap();
        assert_eq!(read("b.xlsx", &bytes).unwrap(), [sheet]);
    }

    #[test]
    fn merged_cells_have_the_text_of_the_first() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        let plain = Format::new();
        page.merge_range(0, 0, 0, 2, "全区名单", &plain).unwrap();
        page.merge_range(1, 0, 2, 0, "办公室", &plain).unwrap();
        page.merge_range(5, 0, 9, 1, "空", &plain).unwrap();
        for (row, name) in [(1, "甲"), (2, "乙")] {
            page.write_string(row, 1, name).unwrap();
        }
        let sheets = read("a.xlsx", &book.save_to_buffer().unwrap()).unwrap();
        let expected = [
            (1, vec!["全区名单"; 3]),
            (2, vec!["办公室", "甲"]),
            (3, vec!["办公室", "乙"]),
            (6, vec!["空", "空"]),
        ];
        assert_eq!(texts(&sheets), expected);
        let huge = Dimensions::new((0, 0), (u32::MAX, u32::MAX));
        let mut rows: Vec<Row> =
            (1..=3000).map(|number| Row { number, cells: vec!["甲".to_owned()] }).collect();
        spread("a.xlsx", &[huge], &mut rows).unwrap();
        assert_eq!(rows[2].cells.len(), COLUMNS_MAX);
        let problems = spread("a.xlsx", &[huge; 10], &mut rows).unwrap_err();
        assert!(problems[0].message.contains("cells_max"), "{problems:?}");
    }

    #[test]
    fn what_is_no_workbook_is_told() {
        for bytes in [&b"PK"[..], b"", b"<html>"] {
            let problems = read("a.xlsx", bytes).unwrap_err();
            assert_eq!(problems[0].code, "DB1309", "{problems:?}");
        }
    }

    #[test]
    fn a_cell_far_away_costs_nothing() {
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 16_383, "x").unwrap();
        let problems = read("a.xlsx", &book.save_to_buffer().unwrap()).unwrap_err();
        assert!(problems[0].message.contains("columns_max"), "{problems:?}");
    }
}
