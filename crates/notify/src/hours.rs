//! The hours at which a channel may disturb people.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use duban_calendar::{Calendar, Date, Instant, Tz, local, start_of};
use duban_engine::BoxFuture;

use crate::error::NotifyError;

/// A part of the day, as `20:00-08:00`: from its first minute up to its last, which is no part of
/// it. One that ends before it begins goes through midnight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DayPart {
    from_ms: i64,
    to_ms: i64,
}

const DAY_MS: i64 = 24 * 3_600_000;

impl FromStr for DayPart {
    type Err = NotifyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotifyError::BadHours(format!("`{text}` is not as `20:00-08:00`"));
        let (from, to) = text.split_once('-').ok_or_else(bad)?;
        let from_ms = minute(from).filter(|from| *from < DAY_MS).ok_or_else(bad)?;
        let to_ms = minute(to).ok_or_else(bad)?;
        if from_ms == to_ms {
            return Err(bad());
        }
        Ok(Self { from_ms, to_ms })
    }
}

/// `HH:MM` as milliseconds since midnight; 24:00 is the end of the day.
pub(crate) fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    if hours.len() > 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let ms = (i64::from(hours) * 60 + i64::from(minutes)) * 60_000;
    (minutes < 60 && ms <= DAY_MS).then_some(ms)
}

/// When messages may go out. Outside of it they wait.
#[derive(Clone, Debug)]
pub struct Hours {
    quiet: Option<DayPart>,
    /// The parts of a working day in order; `None`: every day, all day.
    working: Option<Vec<DayPart>>,
    zone: Tz,
}

/// Steps from one closed part to the next before hours are taken to never come.
const STEPS_MAX: u32 = 1_000;

impl Hours {
    /// Hours that leave out `quiet` and keep to `working` on working days, where they are given.
    ///
    /// # Errors
    ///
    /// [`NotifyError::BadHours`] where a working part goes through midnight, or nothing is left.
    pub fn new(
        quiet: Option<DayPart>,
        working: Option<Vec<DayPart>>,
        zone: Tz,
    ) -> Result<Self, NotifyError> {
        let mut working = working;
        for part in working.iter().flatten() {
            if part.to_ms < part.from_ms {
                let error = "a part of the working day goes through midnight".to_owned();
                return Err(NotifyError::BadHours(error));
            }
        }
        if let Some(parts) = &mut working {
            parts.sort_by_key(|part| part.from_ms);
        }
        let hours = Self { quiet, working, zone };
        match hours.next(Instant::from_millis(0), &Calendar::weekdays_only("check")) {
            Some(_) => Ok(hours),
            None => Err(NotifyError::BadHours("no time is left at which to send".to_owned())),
        }
    }

    /// When messages may go out next; `None` where that is now. Hours that never come, for want of
    /// working days, hold nothing back.
    pub(crate) fn opens(&self, at: Instant, calendar: &Calendar) -> Option<Instant> {
        self.next(at, calendar).filter(|open| *open > at)
    }

    /// The first moment from `at` on that is open.
    fn next(&self, at: Instant, calendar: &Calendar) -> Option<Instant> {
        let mut open = at;
        for _ in 0..STEPS_MAX {
            let later = self.quiet_until(open).or_else(|| self.worked_from(open, calendar));
            match later {
                Some(later) => open = later,
                None => return Some(open),
            }
        }
        None
    }

    /// The end of the quiet time that a moment lies in.
    fn quiet_until(&self, at: Instant) -> Option<Instant> {
        let DayPart { from_ms, to_ms } = self.quiet?;
        let (day, ms) = self.time_of_day(at);
        let is_through_midnight = to_ms < from_ms;
        match is_through_midnight {
            false => (from_ms <= ms && ms < to_ms).then(|| self.at(day, to_ms)),
            true if ms >= from_ms => Some(self.at(day.succ_opt()?, to_ms)),
            true => (ms < to_ms).then(|| self.at(day, to_ms)),
        }
    }

    /// The next part of a working day, or the next day, where a moment lies in none.
    fn worked_from(&self, at: Instant, calendar: &Calendar) -> Option<Instant> {
        let parts = self.working.as_ref()?;
        let (day, ms) = self.time_of_day(at);
        let part = parts.iter().find(|part| ms < part.to_ms);
        match part.filter(|_| calendar.is_workday(day)) {
            Some(part) => (ms < part.from_ms).then(|| self.at(day, part.from_ms)),
            None => Some(self.at(day.succ_opt()?, 0)),
        }
    }

    fn time_of_day(&self, at: Instant) -> (Date, i64) {
        let day = local(at, self.zone).date();
        (day, at.millis_since(start_of(day, self.zone)))
    }

    fn at(&self, day: Date, ms: i64) -> Instant {
        start_of(day, self.zone).plus_millis(ms)
    }
}

type Lookup = Arc<dyn Fn() -> BoxFuture<'static, Option<Arc<Calendar>>> + Send + Sync>;

/// The calendar of working days that hours go by. A cheap handle: clones look into the same one.
///
/// Channels are made before the engine that holds calendars; until the handle is told where to
/// look, it goes by the one that it was made with.
#[derive(Clone)]
pub struct WorkingDays {
    first: Arc<Calendar>,
    lookup: Arc<RwLock<Option<Lookup>>>,
}

impl fmt::Debug for WorkingDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkingDays").field("first", &self.first.id()).finish_non_exhaustive()
    }
}

impl WorkingDays {
    /// Working days of one calendar.
    pub fn of(calendar: Calendar) -> Self {
        Self { first: Arc::new(calendar), lookup: Arc::default() }
    }

    /// Says where the calendar is to be had, asked anew for each message; where it answers `None`,
    /// the first one counts. A second call replaces the first.
    pub fn follow(
        &self,
        lookup: impl Fn() -> BoxFuture<'static, Option<Arc<Calendar>>> + Send + Sync + 'static,
    ) {
        *self.lookup.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(lookup));
    }

    /// The calendar as it is now.
    pub(crate) async fn calendar(&self) -> Arc<Calendar> {
        let lookup = self.lookup.read().unwrap_or_else(PoisonError::into_inner).clone();
        let found = match lookup {
            Some(lookup) => lookup().await,
            None => None,
        };
        found.unwrap_or_else(|| Arc::clone(&self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cn() -> Calendar {
        let text = include_str!("../../../workflows/calendars/cn.yaml");
        duban_model::load_calendar("cn.yaml", text).unwrap()
    }

    fn hours(quiet: Option<&str>, working: &[&str]) -> Hours {
        let quiet = quiet.map(|text| text.parse().unwrap());
        let parts = working.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let working = Some(parts).filter(|parts| !parts.is_empty());
        Hours::new(quiet, working, Tz::Asia__Shanghai).unwrap()
    }

    #[track_caller]
    fn check(hours: &Hours, at: &str, open: &str) {
        let instant = |text: &str| format!("{text}:00+08:00").parse::<Instant>().unwrap();
        let found = hours.opens(instant(at), &cn()).unwrap_or_else(|| instant(at));
        assert_eq!(found.to_string(), instant(open).to_string(), "asked at {at}");
    }

    #[test]
    fn quiet_time_goes_through_midnight() {
        let hours = hours(Some("20:00-08:00"), &[]);
        check(&hours, "2022-06-30T19:59", "2022-06-30T19:59");
        check(&hours, "2022-06-30T20:00", "2022-07-01T08:00");
        check(&hours, "2022-07-01T00:00", "2022-07-01T08:00");
        check(&hours, "2022-07-01T07:59", "2022-07-01T08:00");
        check(&hours, "2022-07-01T08:00", "2022-07-01T08:00");
    }

    #[test]
    fn working_hours_wait_for_the_end_of_a_holiday_and_count_moved_weekends() {
        let hours = hours(None, &["13:00-17:30", "09:00-11:30"]);
        check(&hours, "2022-01-28T11:29", "2022-01-28T11:29");
        check(&hours, "2022-01-28T11:30", "2022-01-28T13:00");
        // 29 and 30 January are a weekend that is worked, 31 January to 6 February the holiday.
        check(&hours, "2022-01-28T17:30", "2022-01-29T09:00");
        check(&hours, "2022-01-30T17:30", "2022-02-07T09:00");
        check(&hours, "2022-02-02T10:00", "2022-02-07T09:00");
    }

    #[test]
    fn both_hold_together() {
        let hours = hours(Some("12:00-14:00"), &["09:00-17:00"]);
        check(&hours, "2022-06-30T13:00", "2022-06-30T14:00");
        check(&hours, "2022-06-30T18:00", "2022-07-01T09:00");
    }

    #[test]
    fn hours_that_cannot_be_are_refused() {
        for text in ["20:00", "8-9", "25:00-08:00", "08:60-09:00", "08:00-08:00", "24:00-01:00"] {
            assert!(text.parse::<DayPart>().is_err(), "{text}");
        }
        let part = |text: &str| text.parse::<DayPart>().unwrap();
        let never = Hours::new(
            Some(part("08:00-18:00")),
            Some(vec![part("09:00-17:00")]),
            Tz::Asia__Shanghai,
        );
        assert_eq!(never.unwrap_err().code(), "DB5013");
        let night = Hours::new(None, Some(vec![part("20:00-08:00")]), Tz::Asia__Shanghai);
        assert_eq!(night.unwrap_err().code(), "DB5013");
    }
}
