//! Instants, and the civil dates that they belong to.
//!
//! The only place that knows time zones. Daylight saving leaves midnights that do not exist and
//! midnights that come twice; each function here says what it does with them, and none panics.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use chrono::{TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::ParseError;

/// A moment: milliseconds since 1970-01-01T00:00:00 UTC.
///
/// Serialized as a number. [`Display`](fmt::Display) is RFC 3339 in UTC.
///
/// ```
/// # use duban_calendar::Instant;
/// let at = Instant::from_millis(1_656_604_800_000);
/// assert_eq!(at.to_string(), "2022-06-30T16:00:00Z");
/// assert_eq!("2022-07-01T00:00:00+08:00".parse(), Ok(at));
/// ```
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize,
)]
#[serde(transparent)]
pub struct Instant(i64);

/// Beyond this many milliseconds from 1970 a moment has no civil date here (some 250,000 years).
const CIVIL_MS_MAX: i64 = 8_000_000_000_000_000;

/// No offset differs from UTC by more than this.
const OFFSET_MS_MAX: i64 = 30 * 3_600_000;

impl Instant {
    /// Before every other instant.
    pub const MIN: Self = Self(i64::MIN);
    /// After every other instant.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00 UTC; negative is before.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00 UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The moment `millis` milliseconds later, or earlier if negative. Stops at [`Self::MIN`] and
    /// [`Self::MAX`].
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; negative where `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same moment as chrono has it; moments out of its reach are moved to the nearest within.
    fn utc(self) -> DateTime<Utc> {
        let millis = self.0.clamp(-CIVIL_MS_MAX, CIVIL_MS_MAX);
        DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn from_utc(at: DateTime<impl TimeZone>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl FromStr for Instant {
    type Err = ParseError;

    /// Reads RFC 3339 with any offset. Anything finer than a millisecond is cut off.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        DateTime::parse_from_rfc3339(text).map(Self::from_utc).map_err(|_| {
            ParseError::new("moment", text, "write it as `2022-06-30T16:00:00Z` (RFC 3339)")
        })
    }
}

/// The moment `date` ends in `tz`: its 24:00, which is 00:00 of the next day
/// (Civil Code art. 203, 民法典第二百零三条).
///
/// A midnight that comes twice counts the first time; where the clocks skip it, the moment of the
/// skip counts. The last date that chrono can hold ends when it starts.
///
/// ```
/// # use duban_calendar::{Date, Tz, end_of};
/// let date = Date::from_ymd_opt(2022, 6, 30).unwrap();
/// assert_eq!(end_of(date, Tz::Asia__Shanghai).to_string(), "2022-06-30T16:00:00Z");
/// ```
pub fn end_of(date: NaiveDate, tz: Tz) -> Instant {
    start_of(date.succ_opt().unwrap_or(date), tz)
}

/// The moment `date` starts in `tz`: its 00:00, or the first moment after it where the clocks
/// skip it.
///
/// ```
/// # use duban_calendar::{Date, Tz, start_of};
/// let date = Date::from_ymd_opt(2017, 10, 15).unwrap();
/// // The clocks in São Paulo went from 24:00 on the 14th straight to 01:00.
/// assert_eq!(start_of(date, Tz::America__Sao_Paulo).to_string(), "2017-10-15T03:00:00Z");
/// ```
pub fn start_of(date: NaiveDate, tz: Tz) -> Instant {
    let midnight = date.and_time(NaiveTime::MIN);
    match tz.from_local_datetime(&midnight) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => Instant::from_utc(at),
        MappedLocalTime::None => first_moment_from(midnight, tz),
    }
}

/// The first instant at which the clocks in `tz` show `wanted` or more, where they skip `wanted`.
fn first_moment_from(wanted: NaiveDateTime, tz: Tz) -> Instant {
    let guess = wanted.and_utc().timestamp_millis();
    let (mut before, mut from) = (guess - OFFSET_MS_MAX, guess + OFFSET_MS_MAX);
    while before + 1 < from {
        let middle = before + (from - before) / 2;
        if local(Instant(middle), tz) < wanted {
            before = middle;
        } else {
            from = middle;
        }
    }
    Instant(from)
}

/// The civil date in `tz` that `at` belongs to. Exactly 24:00 still belongs to the date it ends,
/// so a period that starts then is counted from the day after that date.
///
/// ```
/// # use duban_calendar::{Date, Tz, date_of, end_of};
/// let date = Date::from_ymd_opt(2022, 6, 30).unwrap();
/// let end = end_of(date, Tz::Asia__Shanghai);
/// assert_eq!(date_of(end, Tz::Asia__Shanghai), date);
/// assert_eq!(date_of(end.plus_millis(1), Tz::Asia__Shanghai), date.succ_opt().unwrap());
/// ```
pub fn date_of(at: Instant, tz: Tz) -> NaiveDate {
    local(at.plus_millis(-1), tz).date()
}

/// What calendar and clock in `tz` show at `at`, for display. Unlike [`date_of`] it shows 24:00 as
/// 00:00 of the next day. Moments over 250,000 years away show as the nearest that can be shown.
///
/// ```
/// # use duban_calendar::{Instant, Tz, local};
/// let at: Instant = "2022-06-30T16:00:00Z".parse()?;
/// assert_eq!(local(at, Tz::Asia__Shanghai).to_string(), "2022-07-01 00:00:00");
/// # Ok::<(), duban_calendar::ParseError>(())
/// ```
pub fn local(at: Instant, tz: Tz) -> NaiveDateTime {
    tz.from_utc_datetime(&at.utc().naive_utc()).naive_local()
}
