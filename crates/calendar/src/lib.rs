//! Civil time for work that is owed by a date: working days, windows and the end of a day.
//!
//! Working days in China do not follow from a rule. Each year the State Council announces which
//! days are off and which weekend days are worked in exchange (调休). A [`Calendar`] holds those
//! announcements and answers three questions: is this a working day, which date lies so many
//! working days away, and how many working days lie between two dates.
//!
//! The crate reads no clock, no file and no environment, so the same inputs give the same answer
//! on every machine, for ever. It knows no opening hours: a date ends at 24:00.
//!
//! # What the answers mean
//!
//! 1. A period is counted from the day after it starts (Civil Code art. 201, 民法典第二百零一条).
//! 2. A period of months ends on the same day of the month, or on the month's last day where that
//!    day does not exist (art. 202).
//! 3. A period that ends on a day off may roll to the next working day (art. 203); the caller says
//!    so with a [`Roll`], since absolute dates in policy documents do not roll.
//! 4. The last day ends at 24:00 (art. 203): [`end_of`]. That moment still belongs to the date
//!    that it ends: [`date_of`].
//! 5. A working-day answer that touches days which no loaded announcement settles is *provisional*:
//!    [`Projected::provisional`].
//!
//! # Where to start reading
//!
//! [`Calendar::add`], then [`Calendar::explain_add`] for the same answer day by day, then
//! [`WindowKind`].

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod arithmetic;
mod calendar;
mod civil;
mod error;
mod explain;
mod index;
mod instant;
mod notices;
mod span;
mod window;
mod year;

pub use chrono::NaiveDate as Date;
pub use chrono_tz::Tz;

pub use crate::calendar::Calendar;
pub use crate::civil::CivilDate;
pub use crate::error::{CalendarError, ParseError};
pub use crate::explain::{DAYS_EXPLAINED_MAX, DayNote, Why};
pub use crate::instant::{Instant, date_of, end_of, local, start_of};
pub use crate::span::{Projected, Roll, SPAN_UNITS_MAX, Span};
pub use crate::window::{Window, WindowKind};
pub use crate::year::{DAYS_IN_RANGE_MAX, LATE_DECEMBER_DAY, NamedDay, Workweek, YearCalendar};

/// The first civil year that dates may lie in.
pub const YEAR_MIN: i32 = 1900;

/// The last civil year that dates may lie in.
pub const YEAR_MAX: i32 = 2200;
