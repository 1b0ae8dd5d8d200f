//! One year's notice: which days are off, and which are worked in exchange.

use chrono::{Datelike, NaiveDate as Date, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use crate::{CalendarError, CivilDate, ParseError, YEAR_MAX, YEAR_MIN};

/// From this day of December on, a day may be set by the notice of the next year.
///
/// The notice for 2008 is the earliest so far: it begins with 29 December 2007.
pub const LATE_DECEMBER_DAY: u32 = 25;

/// The most days that a range `a..b` may have.
pub const DAYS_IN_RANGE_MAX: i64 = 366;

/// A day that a notice names, e.g. 2022-01-31 and `春节`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct NamedDay {
    /// The civil date.
    pub date: Date,
    /// The holiday to which the day belongs, as people read it.
    pub name: String,
}

/// What one year's notice says. Days it does not name follow the working week.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct YearCalendar {
    /// The year that the notice is for. Its days may lie in that year, or in the last days of the
    /// year before, from [`LATE_DECEMBER_DAY`] December.
    pub year: i32,
    /// The notice that the figures rest on: its number (发文字号) and date.
    pub notice: String,
    /// Days off, weekend days inside a holiday included.
    pub off: Vec<NamedDay>,
    /// Days worked in exchange (调休上班).
    pub on: Vec<NamedDay>,
}

impl YearCalendar {
    /// Sorts the days, so that equal calendars have equal versions.
    pub(crate) fn sorted(mut self) -> Self {
        self.off.sort();
        self.on.sort();
        self
    }

    pub(crate) fn check(&self, workweek: Workweek) -> Result<(), CalendarError> {
        check_year(self.year)?;
        for day in self.off.iter().chain(&self.on) {
            self.check_belongs(day.date)?;
        }
        match self.on.iter().find(|day| workweek.contains(day.date.weekday())) {
            Some(day) => Err(CalendarError::WorkedAnyway { date: day.date }),
            None => Ok(()),
        }
    }

    fn check_belongs(&self, date: Date) -> Result<(), CalendarError> {
        let late = date.year() + 1 == self.year && is_late_december(date);
        if date.year() == self.year || late {
            return Ok(());
        }
        Err(CalendarError::DayOutsideYear { date, year: self.year })
    }
}

/// The weekdays that are worked when no notice says otherwise.
///
/// Serialized as a number: bit 0 is Monday, bit 6 Sunday.
///
/// ```
/// # use duban_calendar::Workweek;
/// use chrono::Weekday::{Sat, Sun};
/// assert!(!Workweek::MONDAY_TO_FRIDAY.contains(Sat));
/// assert!(Workweek::of(&[Sat, Sun])?.contains(Sun));
/// # Ok::<(), duban_calendar::CalendarError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Workweek(u8);

impl Workweek {
    /// The usual five days.
    pub const MONDAY_TO_FRIDAY: Self = Self(0b001_1111);
    /// All seven days, for units on duty around the clock.
    pub const EVERY_DAY: Self = Self(0b111_1111);

    /// The working week made of `days`; naming a day twice is naming it once.
    ///
    /// # Errors
    ///
    /// [`CalendarError::EmptyWorkweek`] if there is no day.
    pub fn of(days: &[Weekday]) -> Result<Self, CalendarError> {
        let mask = days.iter().fold(0, |mask, day| mask | bit(*day));
        Self(mask).check()
    }

    /// Whether `day` is worked.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn check(self) -> Result<Self, CalendarError> {
        if self.0 & Self::EVERY_DAY.0 == 0 {
            return Err(CalendarError::EmptyWorkweek);
        }
        Ok(self)
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.num_days_from_monday()
}

/// The fixed dates of the statutory holidays, assumed for years whose notice is not out.
///
/// Source: Regulation on Public Holidays (全国年节及纪念日放假办法) art. 2 as revised in 2024, which
/// added 2 May from 2025 on. Festivals of the lunar calendar, Qingming and substitute days are left
/// out: only the notice fixes them.
pub(crate) fn statutory_holiday(date: Date) -> Option<&'static str> {
    match (date.month(), date.day()) {
        (1, 1) => Some("元旦"),
        (5, 1) => Some("劳动节"),
        (5, 2) if date.year() >= 2025 => Some("劳动节"),
        (10, 1..=3) => Some("国庆节"),
        _ => None,
    }
}

/// The dates for which [`statutory_holiday`] may answer, as month and day.
pub(crate) const STATUTORY_DATES: [(u32, u32); 6] =
    [(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)];

pub(crate) fn is_late_december(date: Date) -> bool {
    date.month() == 12 && date.day() >= LATE_DECEMBER_DAY
}

pub(crate) fn check_year(year: i32) -> Result<(), CalendarError> {
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
        return Err(CalendarError::YearOutOfBounds { year });
    }
    Ok(())
}

pub(crate) fn check_date(date: Date) -> Result<(), CalendarError> {
    check_year(date.year()).map_err(|_| CalendarError::DateOutOfBounds { date })
}

/// Reads a single date `2022-01-31` or a range `2022-01-31..2022-02-06`, both ends included.
pub(crate) fn parse_days(text: &str) -> Result<Vec<Date>, ParseError> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (parse_date(first.trim())?, parse_date(last.trim())?);
    let days = (last - first).num_days() + 1;
    if !(1..=DAYS_IN_RANGE_MAX).contains(&days) {
        let expected = format!("a range goes forward and has at most {DAYS_IN_RANGE_MAX} days");
        return Err(ParseError::new("range of days", text, expected));
    }
    Ok((0..days).map(|n| first + TimeDelta::days(n)).collect())
}

fn parse_date(text: &str) -> Result<Date, ParseError> {
    let date: CivilDate = text.parse()?;
    if date.to_string() != text {
        return Err(ParseError::new("date", text, "write two digits for month and day"));
    }
    Ok(date.date())
}
