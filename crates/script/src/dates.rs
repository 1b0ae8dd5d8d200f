//! Dates written as dates: `2026-12-20` in an expression or script is that day.
//!
//! rhai would read a subtraction. Before it reads a text, each date in it becomes a call of
//! `date("…")`; places that rhai names are then counted back to what the author wrote. A call is
//! an expression wherever one may stand, and nowhere else, so a date in the place of a name stays
//! an error.

use std::collections::BTreeMap;

use duban_calendar::Date;
use duban_model::{Problem, civil_date, is_civil};
use rhai::Position;

use crate::explain::Base;
use crate::pieces::pieces;

/// Characters of a date, `2026-12-20`.
const WRITTEN: usize = 10;

/// What a date becomes: something of one length.
#[derive(Clone, Copy, Debug, Default)]
enum Becomes {
    #[default]
    Call,
    Text,
}

impl Becomes {
    fn write(self, date: Date) -> String {
        match self {
            Self::Call => format!("(date(\"{date}\"))"),
            Self::Text => format!("\"{date}\""),
        }
    }

    /// Its characters.
    fn length(self) -> usize {
        match self {
            Self::Call => WRITTEN + 10,
            Self::Text => WRITTEN + 2,
        }
    }
}

/// A text for rhai in which dates have become what rhai can read.
#[derive(Clone, Debug)]
pub struct Dated {
    /// The text.
    pub source: String,
    /// Where the author wrote dates.
    pub shifts: Shifts,
}

/// Where an author wrote dates: columns by line, both from 1.
#[derive(Clone, Debug, Default)]
pub struct Shifts {
    dates: BTreeMap<usize, Vec<usize>>,
    becomes: Becomes,
}

/// No date stands anywhere.
pub(crate) const NO_SHIFTS: &Shifts = &Shifts { dates: BTreeMap::new(), becomes: Becomes::Call };

impl Shifts {
    /// Whether no date stands anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }

    /// The author's place for a place in the text that rhai read.
    pub fn original(&self, position: Position) -> Position {
        let (Some(line), Some(column)) = (position.line(), position.position()) else {
            return position;
        };
        let Some(dates) = self.dates.get(&line) else { return position };
        let length = self.becomes.length();
        let mut shift = 0;
        for start in dates {
            if column < start + shift {
                break;
            }
            if column < start + shift + length {
                return at(line, *start);
            }
            shift += length - WRITTEN;
        }
        at(line, column - shift)
    }
}

/// A place as rhai counts it.
pub(crate) fn at(line: usize, column: usize) -> Position {
    let narrow = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    Position::new(narrow(line.max(1)), narrow(column))
}

/// Something that looks like a date and is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// What is written.
    pub(crate) text: String,
    pub(crate) fault: Fault,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// No such day, or none between the years that are counted in.
    NoDay,
    /// A day, written as another form has it.
    Form(Date),
    /// A time of day behind it.
    Time(Date),
}

impl Wrong {
    /// The problem at its place.
    pub(crate) fn problem(&self, base: Base<'_>) -> Problem {
        let length = self.text.chars().count();
        let (message, help) = self.zh();
        let place = base.place(at(self.line, self.column), length);
        Problem::error("DB1520", &place, message).with_help(help)
    }

    /// What is wrong, and the remedy.
    fn zh(&self) -> (String, String) {
        let text = &self.text;
        match self.fault {
            Fault::NoDay => no_day(text),
            Fault::Form(date) => (
                format!("`{text}` 不是日期的写法"),
                format!("日期写成 {date}；要作计算，在符号两边空格"),
            ),
            Fault::Time(date) => {
                (format!("日期后面不能写时刻：{text}"), format!("只写 {date}，指当天结束"))
            }
        }
    }
}

/// What is told of a date that does not exist, and the remedy.
pub(crate) fn no_day(text: &str) -> (String, String) {
    let help = "日期写成 2026-12-31，在 1900 年至 2200 年之间；要做减法，在减号两边空格";
    (format!("没有 {text} 这一天"), help.to_owned())
}

/// Writes every date as a call.
///
/// # Errors
///
/// Everything that looks like a date and is none.
pub(crate) fn called(source: &str) -> Result<Dated, Vec<Wrong>> {
    rewritten(source, Becomes::Call)
}

/// Writes every date of a script as a text, for a language in which dates are texts.
///
/// ```
/// let dated = duban_script::dates_as_texts("t.rhai", "advance_to(2022-07-08)")?;
/// assert_eq!(dated.source, "advance_to(\"2022-07-08\")");
/// # Ok::<(), Vec<duban_model::Problem>>(())
/// ```
///
/// # Errors
///
/// DB1520: everything that looks like a date and is none.
pub fn dates_as_texts(file: &str, source: &str) -> Result<Dated, Vec<Problem>> {
    as_texts(source)
        .map_err(|wrong| wrong.iter().map(|wrong| wrong.problem(Base::File(file))).collect())
}

/// The same, with what is wrong untold.
pub(crate) fn as_texts(source: &str) -> Result<Dated, Vec<Wrong>> {
    rewritten(source, Becomes::Text)
}

fn rewritten(source: &str, becomes: Becomes) -> Result<Dated, Vec<Wrong>> {
    let shifts = Shifts { becomes, ..Shifts::default() };
    let mut dated = Dated { source: String::with_capacity(source.len()), shifts };
    let mut wrong = Vec::new();
    let mut copied = 0;
    for piece in pieces(source) {
        let mut after = 0;
        let mut before = ' ';
        for (start, line, column, letter) in piece.letters() {
            let begins = start >= after && letter.is_ascii_digit() && !continues(before);
            before = letter;
            let Some(found) = begins.then(|| read(&piece.text[start..])).flatten() else {
                continue;
            };
            after = start + found.length;
            match found.what {
                Ok(date) => {
                    dated.source.push_str(&source[copied..piece.start + start]);
                    dated.source.push_str(&becomes.write(date));
                    dated.shifts.dates.entry(line).or_default().push(column);
                    copied = piece.start + after;
                }
                Err(fault) => {
                    let text = piece.text[start..after].to_owned();
                    wrong.push(Wrong { line, column, text, fault });
                }
            }
        }
    }
    dated.source.push_str(&source[copied..]);
    if wrong.is_empty() { Ok(dated) } else { Err(wrong) }
}

/// Whether a number goes on, or a name, or a property begins, behind a character.
fn continues(before: char) -> bool {
    before.is_alphanumeric() || matches!(before, '_' | '.')
}

struct Found {
    /// In bytes.
    length: usize,
    what: Result<Date, Fault>,
}

/// Reads what looks like a date at the beginning of a text.
fn read(text: &str) -> Option<Found> {
    let (year, rest) = digits(text, 4..=4)?;
    let mark = rest.chars().next()?;
    let second = match mark {
        '-' | '/' | '.' => mark,
        '年' => '月',
        _ => return None,
    };
    let (month, rest) = digits(rest.strip_prefix(mark)?, 1..=2)?;
    let (day, rest) = digits(rest.strip_prefix(second)?, 1..=2)?;
    let rest = if mark == '年' { rest.trim_start_matches(['日', '号']) } else { rest };
    let (time, behind) = time(rest).unwrap_or(("", rest));
    if behind.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
        return None;
    }
    let is_iso = mark == '-' && month.len() == 2 && day.len() == 2;
    let date = civil_date(year, month, day);
    let what = match date {
        Some(date) if !time.is_empty() => Err(Fault::Time(date)),
        Some(date) if is_iso => Ok(date),
        Some(date) => Err(Fault::Form(date)),
        None if is_iso || mark == '年' => Err(Fault::NoDay),
        // 1200-3-45 and 8000/12/30 are sums.
        None => return None,
    };
    Some(Found { length: text.len() - behind.len(), what })
}

/// So many digits, and what follows them.
fn digits(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    count.contains(&end).then(|| text.split_at(end))
}

/// A time of day: ` 10:00`, `T10:00`, ` 10时`, ` 18点`, and what follows it.
fn time(text: &str) -> Option<(&str, &str)> {
    let blank = text.trim_start_matches([' ', 'T']);
    let (_, rest) = digits(blank, 1..=2)?;
    let rest = match rest.strip_prefix(':') {
        Some(minute) => digits(minute, 2..=2)?.1,
        None => rest.strip_prefix(['时', '点'])?,
    };
    Some((&text[..text.len() - rest.len()], rest))
}

/// Whether a text that stands for a date names one: `date("2026-12-20")`.
pub(crate) fn names_day(text: &str) -> bool {
    crate::convert::iso_date(text).is_some_and(is_civil)
}

/// Whether numbers that stand for a date name one: `date(2026, 12, 20)`.
pub(crate) fn is_day(year: i64, month: i64, day: i64) -> bool {
    civil_date(&year.to_string(), &month.to_string(), &day.to_string()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let found = called(source).map(|dated| dated.source);
        let told = |wrong: Vec<Wrong>| {
            let one = |wrong: &Wrong| {
                format!("{}:{} {} {:?}", wrong.line, wrong.column, wrong.text, wrong.fault)
            };
            wrong.iter().map(one).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(found.unwrap_or_else(told), expected, "{source}");
    }

    #[test]
    fn dates_become_calls_wherever_code_stands() {
        check("2026-12-20", "(date(\"2026-12-20\"))");
        check("f(2026-12-20, a<2024-02-29)", "f((date(\"2026-12-20\")), a<(date(\"2024-02-29\")))");
        check("2026-12-20-days(3)", "(date(\"2026-12-20\"))-days(3)");
        check("`至${2026-12-20}止`", "`至${(date(\"2026-12-20\"))}止`");
        check(
            "\"2026-12-20\" // 2026-02-30\n/* 2026-02-30 */ `2026-02-30`",
            "\"2026-12-20\" // 2026-02-30\n/* 2026-02-30 */ `2026-02-30`",
        );
    }

    #[test]
    fn sums_stay_sums() {
        for sum in [
            "2026 - 12 - 20",
            "12026-12-20",
            "x2026-12-20",
            "2026-12-201",
            "1.2026-12-20",
            "2026-12",
            "9000/30/12",
            "1200-3-45",
            "2026-12-20a",
            "街道2026-12-20",
        ] {
            check(sum, sum);
        }
    }

    #[test]
    fn what_looks_like_a_date_and_is_none_is_told_with_its_place() {
        check("a < 2026-02-30", "1:5 2026-02-30 NoDay");
        check("x +\n 2026-13-01", "2:2 2026-13-01 NoDay");
        check("0022-01-05", "1:1 0022-01-05 NoDay");
        check("2843-01-05", "1:1 2843-01-05 NoDay");
        check("2026年2月30日", "1:1 2026年2月30日 NoDay");
        check("2026/6/30 + days(1)", "1:1 2026/6/30 Form(2026-06-30)");
        check("2026-6-3", "1:1 2026-6-3 Form(2026-06-03)");
        check("2026.6.30", "1:1 2026.6.30 Form(2026-06-30)");
        check("2026年6月30日", "1:1 2026年6月30日 Form(2026-06-30)");
        check("2026-12-20 10:00", "1:1 2026-12-20 10:00 Time(2026-12-20)");
        check("min(2026-12-20T9:30, due)", "1:5 2026-12-20T9:30 Time(2026-12-20)");
        check("2026年12月20日18时", "1:1 2026年12月20日18时 Time(2026-12-20)");
    }

    #[test]
    fn places_are_counted_back() {
        let dated = called("a+2026-12-20+b+2026-12-21 + c\nd").unwrap();
        let back = |text: &str| {
            let column = dated.source.lines().next().unwrap().find(text).unwrap() + 1;
            dated.shifts.original(at(1, column)).position().unwrap()
        };
        assert_eq!((back("a+"), back("(date"), back("2026-12-20")), (1, 3, 3));
        assert_eq!((back("+b"), back("b"), back("2026-12-21"), back("c")), (13, 14, 16, 29));
        assert_eq!(dated.shifts.original(at(2, 1)), at(2, 1));
    }
}
