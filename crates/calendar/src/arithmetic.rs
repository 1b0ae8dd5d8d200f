//! Adding spans to dates, rolling off holidays, and counting between.
//!
//! Follows Civil Code arts. 200 to 204 (民法典第二百条至第二百零四条): the start day is not counted,
//! months end on the corresponding day or the month's last. It never rolls unless asked.

use chrono::{Datelike, Months, NaiveDate as Date, TimeDelta};
use chrono_tz::Tz;

use crate::year::{check_date, check_year};
use crate::{
    Calendar, CalendarError, Instant, LATE_DECEMBER_DAY, Projected, Roll, Span, date_of, end_of,
    local,
};

const HOUR_MS: i64 = 3_600_000;

impl Calendar {
    /// The last day of a period of `span` that starts on `from`. The start day is not counted;
    /// a negative span leads back, and no unit at all leads nowhere.
    ///
    /// Working days may start on any day: one working day from a Saturday off is Monday. Months
    /// clamp to the month's end (art. 202): one month from 31 January is 28 or 29 February.
    ///
    /// # Errors
    ///
    /// [`CalendarError::HoursNeedInstant`] for hours; [`CalendarError::SpanTooLong`] beyond
    /// [`SPAN_UNITS_MAX`](crate::SPAN_UNITS_MAX); [`CalendarError::DateOutOfBounds`] or
    /// [`CalendarError::ResultOutOfBounds`] outside [`YEAR_MIN`](crate::YEAR_MIN) to
    /// [`YEAR_MAX`](crate::YEAR_MAX).
    ///
    /// ```
    /// # use duban_calendar::{Calendar, CalendarError, Date, Span};
    /// let calendar = Calendar::weekdays_only("plain");
    /// let friday = Date::from_ymd_opt(2022, 7, 1).unwrap();
    /// let due = calendar.add(friday, Span::Workdays(1))?;
    /// assert_eq!(due.date.to_string(), "2022-07-04");
    /// assert!(matches!(
    ///     calendar.add(friday, Span::Hours(24)),
    ///     Err(CalendarError::HoursNeedInstant { .. })
    /// ));
    /// # Ok::<(), CalendarError>(())
    /// ```
    pub fn add(&self, from: Date, span: Span) -> Result<Projected, CalendarError> {
        check_date(from)?;
        span.check()?;
        let found = match span {
            Span::Workdays(n) => self.step(from, n),
            Span::Days(n) => from.checked_add_signed(TimeDelta::days(n)).map(Projected::certain),
            Span::Months(n) => add_months(from, n).map(Projected::certain),
            Span::Hours(_) => return Err(CalendarError::HoursNeedInstant { span }),
        };
        found
            .filter(|found| check_date(found.date).is_ok())
            .ok_or(CalendarError::ResultOutOfBounds { from, span })
    }

    /// The day `span` before `from`, itself not counted, as for "remind three working days before".
    ///
    /// # Errors
    ///
    /// As for [`Calendar::add`].
    pub fn sub(&self, from: Date, span: Span) -> Result<Projected, CalendarError> {
        span.check()?;
        self.add(from, span.negate())
    }

    /// The moment a period of `span` ends that starts at `from`, and whether it is provisional.
    ///
    /// Hours are exact. Everything else ends with the civil day in `tz` that [`Calendar::add`]
    /// finds from the date of `from`; see [`date_of`] for a start at exactly 24:00.
    ///
    /// # Errors
    ///
    /// As for [`Calendar::add`]; an instant outside the years counts as its date.
    ///
    /// ```
    /// # use duban_calendar::{Calendar, Date, Span, Tz, end_of};
    /// let tz = Tz::Asia__Shanghai;
    /// let calendar = Calendar::weekdays_only("plain");
    /// let half_year = end_of(Date::from_ymd_opt(2022, 6, 30).unwrap(), tz);
    /// let (due, _) = calendar.add_instant(half_year, Span::Workdays(1), tz)?;
    /// assert_eq!(due, end_of(Date::from_ymd_opt(2022, 7, 1).unwrap(), tz));
    /// # Ok::<(), duban_calendar::CalendarError>(())
    /// ```
    pub fn add_instant(
        &self,
        from: Instant,
        span: Span,
        tz: Tz,
    ) -> Result<(Instant, bool), CalendarError> {
        let date = date_of(from, tz);
        let Span::Hours(hours) = span else {
            let found = self.add(date, span)?;
            return Ok((end_of(found.date, tz), found.provisional));
        };
        check_date(date)?;
        span.check()?;
        let end = from.plus_millis(hours * HOUR_MS);
        check_year(local(end, tz).year())
            .map_err(|_| CalendarError::ResultOutOfBounds { from: date, span })?;
        Ok((end, false))
    }

    /// Moves `date` off a day off, as `roll` says. A working day stays where it is.
    ///
    /// Total: a date that no working day within the limits can replace stays, and is provisional.
    ///
    /// ```
    /// # use duban_calendar::{Calendar, Date, Roll};
    /// let calendar = Calendar::weekdays_only("plain");
    /// let saturday = Date::from_ymd_opt(2022, 7, 2).unwrap();
    /// assert_eq!(calendar.roll(saturday, Roll::Forward).date.to_string(), "2022-07-04");
    /// assert_eq!(calendar.roll(saturday, Roll::KthAfter(2)).date.to_string(), "2022-07-05");
    /// ```
    pub fn roll(&self, date: Date, roll: Roll) -> Projected {
        if roll == Roll::None {
            return Projected::certain(date);
        }
        if check_date(date).is_err() {
            return Projected { date, provisional: true };
        }
        let steps = if self.is_workday(date) { 0 } else { roll.workdays() };
        let unmoved = Projected { date, provisional: true };
        let found = self.step(date, steps).unwrap_or(unmoved);
        Projected { provisional: found.provisional || !self.is_settled(date), ..found }
    }

    /// How many working days lie after `after` up to and including `upto`; negative where `upto`
    /// is the earlier. Dates outside the limits count as the nearest inside.
    ///
    /// ```
    /// # use duban_calendar::{Calendar, Date};
    /// let calendar = Calendar::weekdays_only("plain");
    /// let (due, now) = ("2022-06-30".parse().unwrap(), "2022-07-05".parse().unwrap());
    /// assert_eq!(calendar.workdays_between(due, now), 3);
    /// assert_eq!(calendar.workdays_between(now, due), -3);
    /// ```
    pub fn workdays_between(&self, after: Date, upto: Date) -> i64 {
        self.index().count_upto(upto) - self.index().count_upto(after)
    }

    /// Whether some day from `first` to `last`, both included, is not settled.
    pub fn is_provisional(&self, first: Date, last: Date) -> bool {
        (first.year()..=last.year()).any(|year| {
            let late = Date::from_ymd_opt(year, 12, LATE_DECEMBER_DAY);
            let reaches_late = late.is_some_and(|late| late <= last) || year < last.year();
            !self.covers(year) || (reaches_late && !self.covers(year.saturating_add(1)))
        })
    }

    /// The n-th working day after `from`, before it where n is negative; none outside the years.
    fn step(&self, from: Date, n: i64) -> Option<Projected> {
        let upto_from = self.index().count_upto(from);
        let before_from = upto_from - i64::from(self.is_workday(from));
        let date = match n {
            0 => return Some(Projected::certain(from)),
            1.. => self.index().nth(upto_from + n)?,
            _ => self.index().nth(before_from + n + 1)?,
        };
        let provisional = if n > 0 {
            from.succ_opt().is_some_and(|next| self.is_provisional(next, date))
        } else {
            from.pred_opt().is_some_and(|last| self.is_provisional(date, last))
        };
        Some(Projected { date, provisional })
    }
}

fn add_months(from: Date, months: i64) -> Option<Date> {
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 { from.checked_sub_months(count) } else { from.checked_add_months(count) }
}
