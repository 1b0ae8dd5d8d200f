//! The dates that may be written: those of the years 1900 to 2200.
//!
//! Whatever comes in from outside passes through [`CivilDate`]. What was written once is read for
//! ever, also where it lies beyond: readers of stored data take a plain [`Date`].

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate as Date;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::instant::{Instant, date_of};
use crate::year::check_date;
use crate::{CalendarError, ParseError, YEAR_MAX, YEAR_MIN};

/// A date of the years [`YEAR_MIN`] to [`YEAR_MAX`]: what pages, programs, files and the command
/// line may give.
///
/// Text and serialized form: `2022-01-31`.
///
/// ```
/// # use duban_calendar::CivilDate;
/// assert_eq!("2022-01-31".parse::<CivilDate>()?.to_string(), "2022-01-31");
/// // What a browser sends for a year typed as "22".
/// assert!("0022-01-31".parse::<CivilDate>().is_err());
/// # Ok::<(), duban_calendar::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct CivilDate(Date);

impl CivilDate {
    /// The dates that there are, for messages.
    pub const RANGE: &'static str = "1900-01-01 to 2200-12-31";

    /// The same for people who read Chinese.
    pub const RANGE_ZH: &'static str = "1900-01-01 至 2200-12-31";

    /// The plain date.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The date in `tz` that a moment belongs to.
    ///
    /// # Errors
    ///
    /// [`CalendarError::DateOutOfBounds`].
    pub fn of(at: Instant, tz: Tz) -> Result<Self, CalendarError> {
        date_of(at, tz).try_into()
    }
}

impl TryFrom<Date> for CivilDate {
    type Error = CalendarError;

    fn try_from(date: Date) -> Result<Self, CalendarError> {
        check_date(date).map(|()| Self(date))
    }
}

impl From<CivilDate> for Date {
    fn from(date: CivilDate) -> Self {
        date.0
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CivilDate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // Chrono takes a sign, spaces and single digits, too.
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let found = date.and_then(|date| Self::try_from(date).ok());
        found.ok_or_else(|| {
            let expected = format!("write a day of {YEAR_MIN} to {YEAR_MAX} as `2022-01-31`");
            ParseError::new("date", text, expected)
        })
    }
}

crate::span::serialized_as_text!(CivilDate);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end_of;

    #[test]
    fn a_day_is_written_in_one_way() {
        for text in
            ["+2026-01-01", "2026-1-1", " 2026-01-01", "2026-01-1", "02026-01-01", "2026/01/01"]
        {
            assert!(text.parse::<CivilDate>().is_err(), "{text}");
        }
        assert_eq!("2026-01-01".parse::<CivilDate>().unwrap().to_string(), "2026-01-01");
    }

    #[test]
    fn the_range_is_that_of_the_years() {
        assert_eq!(CivilDate::RANGE, format!("{YEAR_MIN}-01-01 to {YEAR_MAX}-12-31"));
        assert_eq!(CivilDate::RANGE_ZH, format!("{YEAR_MIN}-01-01 至 {YEAR_MAX}-12-31"));
    }

    #[test]
    fn dates_beyond_the_years_are_no_civil_dates() {
        let good = ["1900-01-01", "1999-02-28", "2024-02-29", "2200-12-31"];
        for text in good {
            assert_eq!(text.parse::<CivilDate>().unwrap().to_string(), text);
        }
        let beyond = ["0022-01-01", "1899-12-31", "2201-01-01", "2843-06-30", "-0001-01-01"];
        let odd = ["10000-01-01", "+10000-01-01", "2023-02-29", "", "2022", "昨天"];
        for text in beyond.into_iter().chain(odd) {
            let error = text.parse::<CivilDate>().unwrap_err().to_string();
            assert!(error.contains("1900 to 2200"), "{text}: {error}");
            assert!(serde_json::from_value::<CivilDate>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_belongs_to_the_date_that_it_ends() {
        let last = "2200-12-31".parse::<CivilDate>().unwrap();
        for tz in [Tz::Asia__Shanghai, Tz::America__New_York, Tz::Pacific__Kiritimati] {
            let end = end_of(last.date(), tz);
            assert_eq!(CivilDate::of(end, tz), Ok(last));
            assert!(CivilDate::of(end.plus_millis(1), tz).is_err());
        }
        for at in [Instant::MIN, Instant::MAX] {
            assert!(CivilDate::of(at, Tz::Asia__Shanghai).is_err());
        }
    }
}
