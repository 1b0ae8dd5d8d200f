//! What can be wrong with a calendar, a question asked of it, or a text.

use chrono::NaiveDate as Date;

use crate::span::{SPAN_UNITS_MAX, Span};
use crate::year::LATE_DECEMBER_DAY;
use crate::{DAYS_EXPLAINED_MAX, YEAR_MAX, YEAR_MIN};

/// Why a calendar could not be built, or could not answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// Two entries for one year. Merge them, or replace one with
    /// [`Calendar::with_year`](crate::Calendar::with_year).
    #[error("calendar `{id}` has the year {year} twice")]
    DuplicateYear {
        /// The calendar.
        id: String,
        /// The year given twice.
        year: i32,
    },
    /// A date stands in two places. Keep one, under the notice that set it.
    #[error("{date} is listed twice (year {first} and year {second})")]
    DuplicateDay {
        /// The date.
        date: Date,
        /// The year whose list has it first.
        first: i32,
        /// The year whose list has it again; may be the same.
        second: i32,
    },
    /// A date is both off and worked. Check the notice.
    #[error("{date} is listed both as off and as worked")]
    OffAndOn {
        /// The date.
        date: Date,
    },
    /// A date does not belong to the notice of that year. Move it to the right year.
    #[error(
        "{date} is not in {year}, nor in the last days (from {LATE_DECEMBER_DAY} December) of the \
         year before"
    )]
    DayOutsideYear {
        /// The date.
        date: Date,
        /// The year of the notice.
        year: i32,
    },
    /// A worked day that the working week has anyway. Probably the date is wrong.
    #[error("{date} is listed as worked, but is a {} and worked anyway", date.format("%A"))]
    WorkedAnyway {
        /// The date.
        date: Date,
    },
    /// A working week without a day. Name at least one.
    #[error("a working week needs at least one working day")]
    EmptyWorkweek,
    /// A year beyond the limits of this crate.
    #[error("the year {year} lies outside {YEAR_MIN} to {YEAR_MAX}")]
    YearOutOfBounds {
        /// The year.
        year: i32,
    },
    /// A date beyond the limits of this crate.
    #[error("{date} lies outside the years {YEAR_MIN} to {YEAR_MAX}")]
    DateOutOfBounds {
        /// The date.
        date: Date,
    },
    /// The answer would lie beyond the limits of this crate.
    #[error("{span} from {from} lies outside the years {YEAR_MIN} to {YEAR_MAX}")]
    ResultOutOfBounds {
        /// The start.
        from: Date,
        /// The span added; negative where one was subtracted.
        span: Span,
    },
    /// A span beyond the limit. Deadlines are not set that far ahead: check the number.
    #[error("{span} is more than {SPAN_UNITS_MAX} units")]
    SpanTooLong {
        /// The span.
        span: Span,
    },
    /// Hours asked of a date. Use [`Calendar::add_instant`](crate::Calendar::add_instant).
    #[error("{span} cannot be counted from a date, only from an instant")]
    HoursNeedInstant {
        /// The span.
        span: Span,
    },
    /// A list of days that would be too long to read.
    #[error("{days} days are more than the {DAYS_EXPLAINED_MAX} that are explained at once")]
    TooLongToExplain {
        /// Calendar days asked for.
        days: i64,
    },
}

/// Why a text is not what it should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a {what}: {expected}")]
pub struct ParseError {
    /// What was looked for, e.g. `window`.
    pub what: &'static str,
    /// The text as given.
    pub text: String,
    /// What would have been right, for a person to read.
    pub expected: String,
}

impl ParseError {
    pub(crate) fn new(what: &'static str, text: &str, expected: impl Into<String>) -> Self {
        Self { what, text: text.to_owned(), expected: expected.into() }
    }
}
