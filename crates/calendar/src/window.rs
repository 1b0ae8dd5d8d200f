//! Windows: the years, half-years, quarters, months and weeks that recurring duties are owed in.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate as Date, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use crate::span::serialized_as_text;
use crate::year::check_date;
use crate::{ParseError, YEAR_MAX, YEAR_MIN};

/// How long a window is. Longer kinds sort first.
///
/// Text and serialized form: `year`, `half-year`, `quarter`, `month`, `week`.
///
/// ```
/// # use duban_calendar::WindowKind;
/// assert_eq!("half-year".parse(), Ok(WindowKind::HalfYear));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum WindowKind {
    /// 1 January to 31 December.
    Year,
    /// From 1 January or 1 July.
    HalfYear,
    /// From 1 January, April, July or October.
    Quarter,
    /// A calendar month.
    Month,
    /// Monday to Sunday, numbered by ISO 8601: week 1 has the year's first Thursday.
    Week,
}

/// A window of civil dates, made by [`WindowKind::containing`] or [`Window::parse`].
///
/// Text and serialized form is its [`key`](Window::key), which says all there is to it. What was
/// stored is read again whatever its year; [`Window::parse`] and `FromStr` take only the years
/// [`YEAR_MIN`] to [`YEAR_MAX`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Window {
    /// How long it is.
    pub kind: WindowKind,
    /// Its first day.
    pub start: Date,
    /// Its last day, which belongs to it.
    pub end: Date,
}

impl WindowKind {
    /// All kinds, longest first.
    pub const ALL: [Self; 5] = [Self::Year, Self::HalfYear, Self::Quarter, Self::Month, Self::Week];

    /// The window of this kind that `date` lies in. At the ends of what chrono can hold, it is cut.
    ///
    /// ```
    /// # use duban_calendar::{Date, WindowKind};
    /// let date = Date::from_ymd_opt(2022, 1, 1).unwrap();
    /// assert_eq!(WindowKind::HalfYear.containing(date).key(), "2022-H1");
    /// assert_eq!(WindowKind::Week.containing(date).key(), "2021-W52");
    /// ```
    pub fn containing(self, date: Date) -> Window {
        let Some(months) = self.months() else {
            let week = date.week(Weekday::Mon);
            let start = week.checked_first_day().unwrap_or(Date::MIN);
            let end = week.checked_last_day().unwrap_or(Date::MAX);
            return Window { kind: self, start, end };
        };
        let first_month = date.month0() / months * months + 1;
        let start = Date::from_ymd_opt(date.year(), first_month, 1).unwrap_or(Date::MIN);
        let end = start
            .checked_add_months(Months::new(months))
            .and_then(|next| next.checked_sub_signed(TimeDelta::days(1)))
            .unwrap_or(Date::MAX);
        Window { kind: self, start, end }
    }

    /// The windows that lie wholly inside `start` to `end`, both included, in order.
    ///
    /// ```
    /// # use duban_calendar::{Date, WindowKind};
    /// let (start, end) = ("2022-01-15".parse().unwrap(), "2022-12-31".parse().unwrap());
    /// let keys: Vec<String> = WindowKind::Quarter.within(start, end).map(|w| w.key()).collect();
    /// assert_eq!(keys, ["2022-Q2", "2022-Q3", "2022-Q4"]);
    /// ```
    pub fn within(self, start: Date, end: Date) -> impl Iterator<Item = Window> {
        let first = self.containing(start);
        let first = if first.start < start { first.following() } else { Some(first) };
        std::iter::successors(first, Window::following).take_while(move |window| window.end <= end)
    }

    /// The kind as people read it in Chinese, e.g. `半年`.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Year => "年",
            Self::HalfYear => "半年",
            Self::Quarter => "季度",
            Self::Month => "月",
            Self::Week => "周",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::HalfYear => "half-year",
            Self::Quarter => "quarter",
            Self::Month => "month",
            Self::Week => "week",
        }
    }

    /// Months in a window, none for weeks.
    const fn months(self) -> Option<u32> {
        match self {
            Self::Year => Some(12),
            Self::HalfYear => Some(6),
            Self::Quarter => Some(3),
            Self::Month => Some(1),
            Self::Week => None,
        }
    }
}

impl Window {
    /// The window of the same kind that begins the day after this one ends. The last window that
    /// chrono can hold is its own next.
    #[must_use]
    pub fn next(self) -> Self {
        self.following().unwrap_or(self)
    }

    /// The window of the same kind that ends the day before this one begins. The first window that
    /// chrono can hold is its own previous.
    #[must_use]
    pub fn previous(self) -> Self {
        self.start.pred_opt().map_or(self, |date| self.kind.containing(date))
    }

    /// Whether it is one of a period's windows: a week by its Thursday (ISO 8601), any other by its
    /// last day. Of periods of one kind that follow each other, each window belongs to one.
    ///
    /// ```
    /// # use duban_calendar::Window;
    /// let (week, year) = (Window::parse("2026-W53")?, Window::parse("2026")?);
    /// assert_eq!((week.belongs_to(year), week.belongs_to(year.next())), (true, false));
    /// # Ok::<(), duban_calendar::ParseError>(())
    /// ```
    pub fn belongs_to(self, period: Self) -> bool {
        let day = match self.kind {
            WindowKind::Week => self.end.checked_sub_signed(TimeDelta::days(3)),
            WindowKind::Year | WindowKind::HalfYear | WindowKind::Quarter | WindowKind::Month => {
                Some(self.end)
            }
        };
        day.is_some_and(|day| period.contains(day))
    }

    /// Whether `date` lies in the window, first and last day included.
    pub fn contains(self, date: Date) -> bool {
        (self.start..=self.end).contains(&date)
    }

    /// A short stable name: `2022`, `2022-H1`, `2022-Q3`, `2022-03`, `2022-W09` (ISO week year).
    pub fn key(self) -> String {
        let (year, n) = (self.year(), self.number());
        match self.kind {
            WindowKind::Year => format!("{year:04}"),
            WindowKind::HalfYear => format!("{year:04}-H{n}"),
            WindowKind::Quarter => format!("{year:04}-Q{n}"),
            WindowKind::Month => format!("{year:04}-{n:02}"),
            WindowKind::Week => format!("{year:04}-W{n:02}"),
        }
    }

    /// The name that people read, e.g. `2022年上半年`.
    ///
    /// ```
    /// # use duban_calendar::Window;
    /// assert_eq!(Window::parse("2022-Q3")?.name(), "2022年第三季度");
    /// # Ok::<(), duban_calendar::ParseError>(())
    /// ```
    pub fn name(self) -> String {
        let (year, n) = (self.year(), self.number());
        match (self.kind, n) {
            (WindowKind::Year, _) => format!("{year}年"),
            (WindowKind::HalfYear, 1) => format!("{year}年上半年"),
            (WindowKind::HalfYear, _) => format!("{year}年下半年"),
            (WindowKind::Quarter, 1) => format!("{year}年第一季度"),
            (WindowKind::Quarter, 2) => format!("{year}年第二季度"),
            (WindowKind::Quarter, 3) => format!("{year}年第三季度"),
            (WindowKind::Quarter, _) => format!("{year}年第四季度"),
            (WindowKind::Month, _) => format!("{year}年{n}月"),
            (WindowKind::Week, _) => format!("{year}年第{n}周"),
        }
    }

    /// Reads a [`key`](Window::key).
    ///
    /// # Errors
    ///
    /// [`ParseError`] if it is no key, names a window that does not exist, or lies outside
    /// [`YEAR_MIN`] to [`YEAR_MAX`].
    ///
    /// ```
    /// # use duban_calendar::Window;
    /// assert_eq!(Window::parse("2022-W09")?.start.to_string(), "2022-02-28");
    /// assert!(Window::parse("2022-W53").is_err());
    /// # Ok::<(), duban_calendar::ParseError>(())
    /// ```
    pub fn parse(key: &str) -> Result<Self, ParseError> {
        read(key).filter(|window| window.is_civil()).ok_or_else(|| not_a_window(key))
    }

    /// Whether the whole window lies in the years [`YEAR_MIN`] to [`YEAR_MAX`].
    pub fn is_civil(self) -> bool {
        check_date(self.start).is_ok() && check_date(self.end).is_ok()
    }

    fn following(&self) -> Option<Self> {
        self.end.succ_opt().map(|date| self.kind.containing(date))
    }

    fn year(self) -> i32 {
        match self.kind {
            WindowKind::Week => self.start.iso_week().year(),
            _ => self.start.year(),
        }
    }

    /// The window's number in its year, from 1.
    fn number(self) -> u32 {
        match self.kind.months() {
            Some(months) => self.start.month0() / months + 1,
            None => self.start.iso_week().week(),
        }
    }
}

fn not_a_window(key: &str) -> ParseError {
    let expected = format!(
        "write `2022`, `2022-H1`, `2022-Q3`, `2022-03` or `2022-W09`, years {YEAR_MIN} to \
         {YEAR_MAX}"
    );
    ParseError::new("window", key, expected)
}

/// The window of a key, whatever its year.
fn read(key: &str) -> Option<Window> {
    window_of(key).filter(|window| window.key() == key)
}

/// The window that a key seems to name. The caller checks that it names it in the one right way.
fn window_of(key: &str) -> Option<Window> {
    let (sign, digits) = key.strip_prefix('-').map_or((1, key), |digits| (-1, digits));
    let (year, rest) = digits.split_once('-').unwrap_or((digits, ""));
    let year = year.parse::<i32>().ok()?.checked_mul(sign)?;
    let kind = match rest.chars().next() {
        None => WindowKind::Year,
        Some('H') => WindowKind::HalfYear,
        Some('Q') => WindowKind::Quarter,
        Some('W') => WindowKind::Week,
        Some(_) => WindowKind::Month,
    };
    let number = rest.trim_start_matches(['H', 'Q', 'W']);
    let number: u32 = if rest.is_empty() { 1 } else { number.parse().ok()? };
    let date = match kind.months() {
        Some(months) => {
            let month0 = number.checked_sub(1)?.checked_mul(months)?;
            Date::from_ymd_opt(year, month0.checked_add(1)?, 1)?
        }
        None => Date::from_isoywd_opt(year, number, Weekday::Mon)?,
    };
    Some(kind.containing(date))
}

impl fmt::Display for WindowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for WindowKind {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.into_iter().find(|kind| kind.text() == text).ok_or_else(|| {
            let expected = "write `year`, `half-year`, `quarter`, `month` or `week`";
            ParseError::new("kind of window", text, expected)
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

impl FromStr for Window {
    type Err = ParseError;

    fn from_str(key: &str) -> Result<Self, ParseError> {
        Self::parse(key)
    }
}

serialized_as_text!(WindowKind);

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.key()
    }
}

/// For stored windows: whatever [`Window::key`] wrote is read again.
impl TryFrom<String> for Window {
    type Error = ParseError;

    fn try_from(key: String) -> Result<Self, ParseError> {
        read(&key).ok_or_else(|| not_a_window(&key))
    }
}
