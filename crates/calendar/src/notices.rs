//! The notices of all years taken together: by year, and as one list of days.
//!
//! The place for checks that look across years. What one notice must satisfy is in `year.rs`.

use std::collections::BTreeMap;

use chrono::NaiveDate as Date;

use crate::year::{self, STATUTORY_DATES};
use crate::{CalendarError, YearCalendar};

/// A day that some notice names.
pub(crate) struct Special {
    /// The year of the notice.
    notice_year: i32,
    pub(crate) worked: bool,
    pub(crate) name: String,
}

/// The notices by their year. A year has one notice.
pub(crate) fn by_year(
    id: &str,
    years: Vec<YearCalendar>,
) -> Result<BTreeMap<i32, YearCalendar>, CalendarError> {
    let mut by_year = BTreeMap::new();
    for entry in years {
        let year = entry.year;
        if by_year.insert(year, entry.sorted()).is_some() {
            return Err(CalendarError::DuplicateYear { id: id.to_owned(), year });
        }
    }
    Ok(by_year)
}

/// The days of all notices. A day belongs to one notice and one list.
pub(crate) fn special_days(
    years: &BTreeMap<i32, YearCalendar>,
) -> Result<BTreeMap<Date, Special>, CalendarError> {
    let mut special: BTreeMap<Date, Special> = BTreeMap::new();
    for year in years.values() {
        let off = year.off.iter().map(|day| (day, false));
        for (day, worked) in off.chain(year.on.iter().map(|day| (day, true))) {
            let (date, name) = (day.date, day.name.clone());
            let entry = Special { notice_year: year.year, worked, name };
            match special.insert(date, entry) {
                Some(first) if first.worked != worked => {
                    return Err(CalendarError::OffAndOn { date });
                }
                Some(Special { notice_year: first, .. }) => {
                    return Err(CalendarError::DuplicateDay { date, first, second: year.year });
                }
                None => {}
            }
        }
    }
    Ok(special)
}

/// The days of `year` that are assumed off while its notice is not out.
pub(crate) fn statutory_holidays(year: i32) -> impl Iterator<Item = Date> {
    STATUTORY_DATES
        .iter()
        .filter_map(move |(month, day)| Date::from_ymd_opt(year, *month, *day))
        .filter(|date| year::statutory_holiday(*date).is_some())
}
