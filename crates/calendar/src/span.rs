//! How long, and what to do when the end falls on a day off.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate as Date;
use serde::{Deserialize, Serialize};

use crate::{CalendarError, ParseError};

/// The most units a [`Span`] may have, and the most working days a [`Roll`] may wait.
pub const SPAN_UNITS_MAX: i64 = 10_000;

/// A length of civil time. Negative lengths lead back.
///
/// Spans of different units do not compare: how many days a working day is depends on the date.
/// Text and serialized form: `10 workdays`, `-1 day`, `6 months`, `24 hours`.
///
/// ```
/// # use duban_calendar::Span;
/// assert_eq!(Span::Workdays(10).to_string(), "10 workdays");
/// assert_eq!(Span::Workdays(10).zh(), "10个工作日");
/// assert_eq!("1 month".parse(), Ok(Span::Months(1)));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Span {
    /// Working days of the calendar (工作日).
    Workdays(i64),
    /// Natural days (自然日).
    Days(i64),
    /// Calendar months; the day is clamped to the month's end.
    Months(i64),
    /// Hours of 3,600 seconds, counted from a moment, not from a date.
    Hours(i64),
}

impl Span {
    /// The number of units.
    pub const fn units(self) -> i64 {
        match self {
            Self::Workdays(n) | Self::Days(n) | Self::Months(n) | Self::Hours(n) => n,
        }
    }

    /// The same length the other way.
    #[must_use]
    pub const fn negate(self) -> Self {
        match self {
            Self::Workdays(n) => Self::Workdays(n.saturating_neg()),
            Self::Days(n) => Self::Days(n.saturating_neg()),
            Self::Months(n) => Self::Months(n.saturating_neg()),
            Self::Hours(n) => Self::Hours(n.saturating_neg()),
        }
    }

    /// The length as people write it in Chinese, e.g. `10个工作日`.
    pub fn zh(self) -> String {
        match self {
            Self::Workdays(n) => format!("{n}个工作日"),
            Self::Days(n) => format!("{n}天"),
            Self::Months(n) => format!("{n}个月"),
            Self::Hours(n) => format!("{n}小时"),
        }
    }

    pub(crate) fn check(self) -> Result<(), CalendarError> {
        if self.units().unsigned_abs() > SPAN_UNITS_MAX.unsigned_abs() {
            return Err(CalendarError::SpanTooLong { span: self });
        }
        Ok(())
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Workdays(_) => "workday",
            Self::Days(_) => "day",
            Self::Months(_) => "month",
            Self::Hours(_) => "hour",
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.units().unsigned_abs() == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.units(), self.unit())
    }
}

impl FromStr for Span {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new("span", text, "write a number and a unit: `10 workdays`");
        let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
        let n: i64 = number.parse().map_err(|_| wrong())?;
        match unit {
            "workday" | "workdays" => Ok(Self::Workdays(n)),
            "day" | "days" => Ok(Self::Days(n)),
            "month" | "months" => Ok(Self::Months(n)),
            "hour" | "hours" => Ok(Self::Hours(n)),
            _ => Err(wrong()),
        }
    }
}

/// What to do when a date falls on a day off. A working day always stays.
///
/// Text and serialized form: `none`, `forward`, `backward`, `forward 2`.
///
/// ```
/// # use duban_calendar::Roll;
/// assert_eq!("forward 2".parse(), Ok(Roll::KthAfter(2)));
/// assert!("forward 0".parse::<Roll>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Roll {
    /// Leave it. Right for dates that a document names.
    #[default]
    None,
    /// To the first working day after (Civil Code art. 203, 民法典第二百零三条).
    Forward,
    /// To the last working day before.
    Backward,
    /// To the k-th working day after the break, as in 顺延至节假日结束后的第二个工作日.
    /// One is the same as [`Roll::Forward`]; zero is read as one, and more than
    /// [`SPAN_UNITS_MAX`] as that many.
    KthAfter(u32),
}

impl Roll {
    /// Working days to go from a day off; negative is back.
    pub(crate) fn workdays(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Forward => 1,
            Self::Backward => -1,
            Self::KthAfter(k) => i64::from(k).clamp(1, SPAN_UNITS_MAX),
        }
    }
}

impl fmt::Display for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Forward => f.write_str("forward"),
            Self::Backward => f.write_str("backward"),
            // As it is counted, so that what is written can be read.
            Self::KthAfter(_) => write!(f, "forward {}", self.workdays()),
        }
    }
}

impl FromStr for Roll {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "none" => Ok(Self::None),
            "forward" => Ok(Self::Forward),
            "backward" => Ok(Self::Backward),
            _ => text
                .strip_prefix("forward ")
                .and_then(|k| k.parse().ok())
                .filter(|k| (1..=SPAN_UNITS_MAX).contains(&i64::from(*k)))
                .map(Self::KthAfter)
                .ok_or_else(|| {
                    let expected = "write `none`, `forward`, `backward` or `forward 2`";
                    ParseError::new("roll", text, expected)
                }),
        }
    }
}

/// A date that was computed, and whether it is final.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub struct Projected {
    /// The date.
    pub date: Date,
    /// True where the computation touched days that no loaded notice settles: the date may differ
    /// once the year's notice is out.
    pub provisional: bool,
}

impl Projected {
    pub(crate) const fn certain(date: Date) -> Self {
        Self { date, provisional: false }
    }
}

/// Writes both conversions that serde needs for a type with a text form.
macro_rules! serialized_as_text {
    ($name:ty) => {
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;

            fn try_from(text: String) -> Result<Self, ParseError> {
                text.parse()
            }
        }
    };
}
serialized_as_text!(Span);
serialized_as_text!(Roll);
pub(crate) use serialized_as_text;
