//! A calendar: a working week, and the notices of the years that it covers.
//!
//! Building, checking and asking about single days. Counting is in `arithmetic.rs`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use chrono::{Datelike, NaiveDate as Date};
use serde::{Deserialize, Serialize};

use crate::index::Index;
use crate::notices::{Special, by_year, special_days, statutory_holidays};
use crate::year;
use crate::{CalendarError, NamedDay, ParseError, Why, Workweek, YEAR_MAX, YEAR_MIN, YearCalendar};

/// Which days are worked. Immutable; clones share the look-up tables.
///
/// ```
/// # use duban_calendar::{Calendar, Date, NamedDay, Span, YearCalendar};
/// let named = |days: &str, name: &str| -> Vec<NamedDay> {
///     let days = Calendar::parse_days(days).unwrap();
///     days.into_iter().map(|date| NamedDay { date, name: name.to_owned() }).collect()
/// };
/// let calendar = Calendar::new("cn", vec![YearCalendar {
///     year: 2026,
///     notice: "国办发明电〔2025〕7号".to_owned(),
///     off: named("2026-02-15..2026-02-23", "春节"),
///     on: named("2026-02-14", "春节"),
/// }])?;
///
/// let due = calendar.add("2026-02-12".parse().unwrap(), Span::Workdays(5))?;
/// assert_eq!(due.date, "2026-02-26".parse().unwrap());
/// assert!(!due.provisional);
/// # Ok::<(), duban_calendar::CalendarError>(())
/// ```
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Calendar {
    id: String,
    workweek: Workweek,
    /// No notice is awaited: the working week is the whole truth for years without one.
    universal: bool,
    years: BTreeMap<i32, YearCalendar>,
    tables: Arc<Tables>,
}

/// What is derived from the rest of a calendar.
struct Tables {
    special: BTreeMap<Date, Special>,
    index: Index,
}

impl Calendar {
    /// A calendar with the working week Monday to Friday and the notices `years`.
    ///
    /// Years without a notice are assumed to follow the working week and the statutory holidays
    /// with fixed dates; answers that touch them are provisional.
    ///
    /// # Errors
    ///
    /// A [`CalendarError`] that names the first wrong date or year: a year or a day given twice, a
    /// day both off and worked, a day outside its year, a worked day that is worked anyway, a year
    /// outside [`YEAR_MIN`] to [`YEAR_MAX`].
    pub fn new(id: impl Into<String>, years: Vec<YearCalendar>) -> Result<Self, CalendarError> {
        let id = id.into();
        let years = by_year(&id, years)?;
        Self::build(id, Workweek::MONDAY_TO_FRIDAY, false, years)
    }

    /// Monday to Friday without holidays, for every year. Never provisional.
    pub fn weekdays_only(id: impl Into<String>) -> Self {
        Self::universal(id.into(), Workweek::MONDAY_TO_FRIDAY)
    }

    /// Every day is a working day, for every year: units on duty around the clock. Never
    /// provisional.
    pub fn every_day(id: impl Into<String>) -> Self {
        Self::universal(id.into(), Workweek::EVERY_DAY)
    }

    /// The same calendar with another working week.
    ///
    /// # Errors
    ///
    /// [`CalendarError::WorkedAnyway`] if a notice lists a day as worked that the new week has
    /// anyway.
    pub fn with_workweek(&self, workweek: Workweek) -> Result<Self, CalendarError> {
        Self::build(self.id.clone(), workweek, self.universal, self.years.clone())
    }

    /// The next version of this calendar, with `year` in place of what it had for that year.
    ///
    /// # Errors
    ///
    /// As for [`Calendar::new`].
    pub fn with_year(&self, year: YearCalendar) -> Result<Self, CalendarError> {
        let mut years = self.years.clone();
        years.insert(year.year, year.sorted());
        Self::build(self.id.clone(), self.workweek, self.universal, years)
    }

    /// Reads `2022-01-31` or `2022-01-31..2022-02-06`, both ends included, as calendar files
    /// write it.
    ///
    /// # Errors
    ///
    /// [`ParseError`] if a date does not exist or lies outside [`YEAR_MIN`] to [`YEAR_MAX`], if
    /// the range goes backwards, or if it is longer than
    /// [`DAYS_IN_RANGE_MAX`](crate::DAYS_IN_RANGE_MAX).
    ///
    /// ```
    /// # use duban_calendar::Calendar;
    /// assert_eq!(Calendar::parse_days("2022-01-31..2022-02-06")?.len(), 7);
    /// assert!(Calendar::parse_days("2022-02-29").is_err());
    /// # Ok::<(), duban_calendar::ParseError>(())
    /// ```
    pub fn parse_days(text: &str) -> Result<Vec<Date>, ParseError> {
        year::parse_days(text)
    }

    /// The name by which workflows refer to the calendar.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The days worked where no notice says otherwise.
    pub fn workweek(&self) -> Workweek {
        self.workweek
    }

    /// Whether working days of `year` are settled, except that its last days wait for the notice
    /// of the next year; see [`Calendar::is_settled`].
    pub fn covers(&self, year: i32) -> bool {
        self.universal || self.years.contains_key(&year)
    }

    /// Whether no notice still to come can change `date`: its year is covered, and in late
    /// December (from [`LATE_DECEMBER_DAY`](crate::LATE_DECEMBER_DAY)) the next year is, too.
    ///
    /// The notice for 2008 came on 15 December 2007 and gave 31 December 2007 off.
    pub fn is_settled(&self, date: Date) -> bool {
        let next = date.year().saturating_add(1);
        self.covers(date.year()) && (!year::is_late_december(date) || self.covers(next))
    }

    /// The notices, by year.
    pub fn years(&self) -> impl Iterator<Item = &YearCalendar> {
        self.years.values()
    }

    /// The years from a date's year on whose notices are there, in order. None for a calendar that
    /// needs no notices.
    pub fn announced_since(&self, date: Date) -> impl Iterator<Item = i32> + '_ {
        self.years.range(date.year()..).map(|(year, _)| *year)
    }

    /// The first day that is worked by one of two calendars and not by the other, from a date's
    /// year on and up to the last year with a notice.
    pub fn first_difference(&self, other: &Self, since: Date) -> Option<Date> {
        let last = self.years.keys().chain(other.years.keys()).max()?;
        let (from, upto) = (first_of(since.year()), first_of(last.saturating_add(1)));
        let days = from.into_iter().flat_map(|from| from.iter_days());
        days.take_while(|day| upto.is_none_or(|upto| *day < upto))
            .find(|day| self.is_workday(*day) != other.is_workday(*day))
    }

    /// The same calendar as it was before the notices of some years were there.
    ///
    /// ```
    /// # use duban_calendar::{Calendar, YearCalendar};
    /// let (off, on) = (Calendar::parse_days("2027-01-04")?, Vec::new());
    /// let off = off.into_iter().map(|date| duban_calendar::NamedDay { date, name: "元旦".into() });
    /// let year = YearCalendar { year: 2027, notice: "…".into(), off: off.collect(), on };
    /// let calendar = Calendar::new("cn", vec![year])?;
    /// let monday = "2027-01-04".parse().unwrap();
    /// assert!(!calendar.is_workday(monday));
    /// assert!(calendar.without(&[2027]).is_workday(monday));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn without(&self, years: &[i32]) -> Self {
        let kept = self.years.iter().filter(|(year, _)| !years.contains(year));
        let kept = kept.map(|(year, notice)| (*year, notice.clone())).collect();
        Self::build(self.id.clone(), self.workweek, self.universal, kept)
            .expect("invariant: notices that were taken together can be taken apart")
    }

    /// A short text that is the same for calendars with the same content, and changes with any
    /// change of it: id and a 64-bit FNV-1a digest. Not proof against forgery.
    pub fn version(&self) -> String {
        format!("{}@{:016x}", self.id, fnv1a(&self.content()))
    }

    /// Whether `date` is worked: a notice decides, else the fixed statutory holidays where no
    /// notice covers the year, else the working week. Outside [`YEAR_MIN`] to [`YEAR_MAX`] the
    /// working week alone.
    pub fn is_workday(&self, date: Date) -> bool {
        let by_week = || self.workweek.contains(date.weekday());
        self.tables.index.contains(date).unwrap_or_else(by_week)
    }

    /// Why `date` is worked or not.
    pub fn why(&self, date: Date) -> Why {
        if let Some(day) = self.tables.special.get(&date) {
            let name = day.name.clone();
            return if day.worked { Why::MadeUp(name) } else { Why::Holiday(name) };
        }
        match year::statutory_holiday(date) {
            Some(name) if !self.is_workday(date) && !self.covers(date.year()) => {
                Why::Holiday(name.to_owned())
            }
            _ if self.is_workday(date) => Why::Workday,
            _ => Why::Weekend,
        }
    }

    pub(crate) fn index(&self) -> &Index {
        &self.tables.index
    }

    fn universal(id: String, workweek: Workweek) -> Self {
        let special = BTreeMap::new();
        let index = Index::new(workweek, std::iter::empty());
        let tables = Arc::new(Tables { special, index });
        Self { id, workweek, universal: true, years: BTreeMap::new(), tables }
    }

    fn build(
        id: String,
        workweek: Workweek,
        universal: bool,
        years: BTreeMap<i32, YearCalendar>,
    ) -> Result<Self, CalendarError> {
        workweek.check()?;
        for year in years.values() {
            year.check(workweek)?;
        }
        let special = special_days(&years)?;
        let waits = |year: &i32| !universal && !years.contains_key(year);
        let assumed = (YEAR_MIN..=YEAR_MAX).filter(waits).flat_map(statutory_holidays);
        let announced = special.iter().map(|(date, day)| (*date, day.worked));
        let index = Index::new(workweek, assumed.map(|date| (date, false)).chain(announced));
        let tables = Arc::new(Tables { special, index });
        Ok(Self { id, workweek, universal, years, tables })
    }

    /// Everything that makes the calendar what it is, as text.
    fn content(&self) -> String {
        let mut text = format!("{} {} {}\n", self.id, self.workweek.bits(), self.universal);
        for year in self.years.values() {
            let days = |kind: &str, days: &[NamedDay]| -> String {
                days.iter().map(|day| format!("{kind} {} {}\n", day.date, day.name)).collect()
            };
            let (off, on) = (days("off", &year.off), days("on", &year.on));
            writeln!(text, "{} {}\n{off}{on}", year.year, year.notice)
                .expect("invariant: a string takes what is written to it");
        }
        text
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar")
            .field("version", &self.version())
            .field("years", &self.years.keys())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        let key = |c: &Self| (c.workweek, c.universal);
        self.id == other.id && key(self) == key(other) && self.years == other.years
    }
}

impl Eq for Calendar {}

fn first_of(year: i32) -> Option<Date> {
    Date::from_yo_opt(year, 1)
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): the same on every machine and in every release.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// How a calendar is serialized: without what can be derived.
#[derive(Deserialize, Serialize)]
struct Stored {
    id: String,
    workweek: Workweek,
    universal: bool,
    years: Vec<YearCalendar>,
}

impl From<Calendar> for Stored {
    fn from(calendar: Calendar) -> Self {
        let Calendar { id, workweek, universal, years, .. } = calendar;
        Self { id, workweek, universal, years: years.into_values().collect() }
    }
}

impl TryFrom<Stored> for Calendar {
    type Error = CalendarError;

    fn try_from(stored: Stored) -> Result<Self, CalendarError> {
        let Stored { id, workweek, universal, years } = stored;
        let years = by_year(&id, years)?;
        Self::build(id, workweek, universal, years)
    }
}
