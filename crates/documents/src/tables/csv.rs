//! CSV: what Chinese spreadsheets save, in UTF-8 or GB18030.

use duban_model::{Problem, Row, Sheet, decode_text};

use super::{Meter, at, place};

/// What a spreadsheet would take for a formula where a cell begins with it. The apostrophe stands
/// among them so that what is written can be told from what is put before it.
const FORMULAS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Sheet, Vec<Problem>> {
    let text = decode_text(bytes).ok_or_else(|| {
        let problem = at(file, "DB1309", "文字编码不是 UTF-8，也不是 GB18030");
        vec![problem.with_help("在表格软件中另存为“CSV UTF-8”")]
    })?;
    if let Some(fault) = quotes(&text) {
        return Err(vec![fault.problem(file)]);
    }
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut meter = Meter::new(file);
    let mut lines = Lines { text: text.as_bytes(), read: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| vec![at(file, "DB1309", error.to_string())])?;
        let start = record.position().map_or(0, ::csv::Position::byte);
        let mut row = Row { number: lines.at(start), cells: Vec::new() };
        for (column, cell) in record.iter().enumerate() {
            if is_shortened_number(cell) {
                let text = format!("长数字被表格软件写成了 {cell}，后面的位数已经丢失");
                let help = "把这一列设为文本，重新填写后再另存；或直接导入 .xlsx";
                let place = place(file, row.number, column);
                return Err(vec![Problem::error("DB1307", &place, text).with_help(help)]);
            }
            meter.put(&mut row, column, plain(cell).to_owned())?;
        }
        meter.keep(&mut rows, row)?;
    }
    let name = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    Ok(Sheet { file: file.to_owned(), name: name.to_owned(), rows })
}

/// A long number as spreadsheets shorten it where a column is not text: `3.70102E+17`.
fn is_shortened_number(cell: &str) -> bool {
    let Some((digits, power)) = cell.trim().split_once("E+") else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    is_number(whole) && is_number(part) && is_number(power)
}

/// A quote that would let the reader take other rows, or other cells, for one cell.
struct Quotes {
    line: u32,
    column: usize,
    fault: Fault,
}

/// What is wrong with it.
#[derive(Clone, Copy)]
enum Fault {
    /// Nothing closes it.
    Open,
    /// Text follows behind the quote that closes it.
    GoesOn,
    /// It closes in a later line, and a comma stands between: whole rows would be one cell.
    Rows,
    /// It stands inside a cell that no quote begins.
    Inside,
}

impl Quotes {
    fn problem(&self, file: &str) -> Problem {
        let text = match self.fault {
            Fault::Open => "引号没有配对，后面各行都会被当作这一格",
            Fault::GoesOn => "引号后面还有文字：前面的引号没有配对",
            Fault::Rows => "引号到后面一行才配对，其间的各行会被当作这一格",
            Fault::Inside => "引号在格子中间：整格没有用引号括起来",
        };
        let help = match self.fault {
            Fault::Open | Fault::GoesOn => {
                "去掉这一格开头的引号，或在这一格末尾补上引号；文字里的引号写两个"
            }
            Fault::Rows => {
                "去掉这一格开头的引号，或在这一格末尾补上引号；确是一格多行的，请另存为 .xlsx"
            }
            Fault::Inside => "用引号括起整格，里面的引号写两个；或去掉这个引号",
        };
        Problem::error("DB1307", &place(file, self.line, self.column), text).with_help(help)
    }
}

/// The first cell whose quotes do not match, at its own line.
fn quotes(text: &str) -> Option<Quotes> {
    let (mut line, mut column) = (1_u32, 0);
    // Where the cell in hand was opened by a quote, and whether a comma stands in a later line.
    let mut open: Option<(u32, usize)> = None;
    let mut swallows = false;
    let mut begins = true;
    let mut bytes = text.strip_prefix('\u{feff}').unwrap_or(text).bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (open, byte) {
            (None, b'"') if begins => (open, swallows) = (Some((line, column)), false),
            (None, b'"') => return Some(Quotes { line, column, fault: Fault::Inside }),
            (Some((line, column)), b'"') => match bytes.peek() {
                Some(b'"') => drop(bytes.next()),
                None | Some(b',' | b'\r' | b'\n') if swallows => {
                    return Some(Quotes { line, column, fault: Fault::Rows });
                }
                None | Some(b',' | b'\r' | b'\n') => open = None,
                Some(_) => return Some(Quotes { line, column, fault: Fault::GoesOn }),
            },
            (Some((opened, _)), b',') => swallows |= line > opened,
            (None, b',') => column += 1,
            (None, b'\n') => column = 0,
            _ => {}
        }
        line = line.saturating_add(u32::from(byte == b'\n'));
        begins = open.is_none() && matches!(byte, b',' | b'\r' | b'\n');
    }
    open.map(|(line, column)| Quotes { line, column, fault: Fault::Open })
}

/// Counts lines up to a record. The reader's own count lags behind at blank lines.
struct Lines<'t> {
    text: &'t [u8],
    read: usize,
    line: u32,
}

impl Lines<'_> {
    fn at(&mut self, start: u64) -> u32 {
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.text.len());
        let blank = self.text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let end = start + blank.count();
        let passed = self.text.get(self.read..end).unwrap_or_default();
        for _ in passed.iter().filter(|byte| **byte == b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.read = end;
        self.line
    }
}

fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

/// Writes a sheet in UTF-8 with a mark, as spreadsheets want it. A cell that one would take for a
/// formula gets an apostrophe before it, which is taken off when it is read again.
pub fn write_csv(sheet: &Sheet) -> Vec<u8> {
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = ::csv::WriterBuilder::new()
        .flexible(true)
        .terminator(::csv::Terminator::CRLF)
        .from_writer(&mut bytes);
    for row in &sheet.rows {
        let cells = row
            .cells
            .iter()
            .map(|cell| if cell.starts_with(FORMULAS) { format!("'{cell}") } else { cell.clone() });
        writer.write_record(cells).expect("invariant: memory takes what is written to it");
    }
    writer.flush().expect("invariant: memory takes what is written to it");
    drop(writer);
    bytes
}

#[cfg(test)]
mod tests {
    use encoding_rs::GB18030;

    use super::*;

    fn cells(bytes: &[u8]) -> Vec<(u32, Vec<String>)> {
        let sheet = read("人员.csv", bytes).unwrap();
        assert_eq!(sheet.title(), "人员.csv");
        sheet.rows.into_iter().map(|row| (row.number, row.cells)).collect()
    }

    #[test]
    fn every_encoding_of_chinese_spreadsheets_is_read() {
        let text = "编号,姓名\r\n\r\n1,\"张,三\"\r\n2,㐂\r\n";
        let expected = cells(text.as_bytes());
        assert_eq!(expected[1], (3, vec!["1".to_owned(), "张,三".to_owned()]));
        assert_eq!(cells(format!("\u{feff}{text}").as_bytes()), expected);
        assert_eq!(cells(&GB18030.encode(text).0), expected);
        let utf16: Vec<u8> =
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(cells(&utf16), expected);
        assert_eq!(read("a.csv", b"\xff\xff\xff").unwrap_err()[0].code, "DB1309");
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told_at_its_line() {
        let place = |text: &str| {
            let problems = read("人员.csv", text.as_bytes()).unwrap_err();
            let [problem] = problems.as_slice() else { panic!("{problems:?}") };
            assert_eq!(problem.code, "DB1307");
            (problem.place.line, problem.place.column)
        };
        assert_eq!(place("编号,姓名\nzz8,\"新八\nzz9,新九\nzz7,新七\n"), (2, 2));
        assert_eq!(place("编号,姓名\r\n1,\"甲\n乙\"\r\n2,\"丙\r\n3,丁\r\n"), (4, 2));
        assert_eq!(place("a,\"一\n2,\"二\"\n"), (1, 2), "a later quote closes it by chance");
        assert_eq!(place("\"a"), (1, 1));
        assert_eq!(
            place("编号,姓名\nzz8,\"新八\nzz9,新九\"\nzz7,新七\n"),
            (2, 2),
            "closed in a later row"
        );
        assert_eq!(place("a,b,c\n1,\"二\n3,4,5\n6\",7\n"), (2, 2));
        assert_eq!(place("a,b\n1,5\"管\n"), (2, 2), "inside a cell");
        assert_eq!(place("a,b\n1,甲\"\n"), (2, 2));
        let sound = "\u{feff}\"编号\",\"姓\"\"名\"\r\n1,\"5\"\"管\"\r\n\"2\",\"甲\n乙\"";
        assert_eq!(cells(sound.as_bytes()).len(), 3);
    }

    #[test]
    fn a_number_that_a_spreadsheet_has_shortened_is_refused_at_its_cell() {
        for (text, cell) in [("1.23457E+17", (2, 1)), ("x,3.70102E+17", (2, 2)), ("2E+08", (2, 1))]
        {
            let problems = read("人员.csv", format!("编号,姓名\n{text}\n").as_bytes()).unwrap_err();
            assert_eq!((problems[0].place.line, problems[0].place.column), cell, "{text}");
        }
        for text in ["E+17", "1.5E", "CE+1", "1E17", "A1E+3"] {
            assert_eq!(cells(text.as_bytes())[0].1, [text]);
        }
    }

    #[test]
    fn no_cell_is_a_formula_and_all_come_back() {
        let row = ["=1+1", "+86", "-", "@x", "'=quoted", "plain", "", "a\"b,c"];
        let cells = row.map(ToOwned::to_owned).to_vec();
        let sheet = Sheet {
            file: "x.csv".to_owned(),
            name: "x".to_owned(),
            rows: vec![Row { number: 1, cells }],
        };
        let bytes = write_csv(&sheet);
        let text = std::str::from_utf8(&bytes).unwrap().trim_start_matches('\u{feff}');
        assert!(text.starts_with("'=1+1,'+86,'-,'@x,''=quoted,plain,,"), "{text}");
        assert_eq!(read("x.csv", &bytes).unwrap(), sheet);
    }

    #[test]
    fn a_row_of_too_many_columns_is_refused_by_the_name_of_the_limit() {
        let wide = ",".repeat(super::super::COLUMNS_MAX) + "x";
        let problems = read("a.csv", wide.as_bytes()).unwrap_err();
        assert!(problems[0].message.contains("columns_max"), "{problems:?}");
    }
}
