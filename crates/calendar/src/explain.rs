//! The same counting day by day, for people who ask why a date is what it is.

use chrono::{Datelike, NaiveDate as Date};
use serde::{Deserialize, Serialize};

use crate::year::check_date;
use crate::{Calendar, CalendarError, Span};

/// The most calendar days that are explained at once. Enough for any span that can be added.
pub const DAYS_EXPLAINED_MAX: i64 = 20_000;

/// Why a day counts, or not.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Why {
    /// An ordinary working day.
    Workday,
    /// Off by the working week.
    Weekend,
    /// Off by a notice, or by a fixed statutory date where no notice is out; the holiday's name.
    Holiday(String),
    /// Worked in exchange for a holiday (调休上班); the holiday's name.
    MadeUp(String),
    /// The day that the period starts on; it is not counted (Civil Code art. 201).
    StartDay,
}

impl Why {
    /// The reason as people read it in Chinese, e.g. `春节调休上班`.
    pub fn zh(&self) -> String {
        match self {
            Self::Workday => "工作日".to_owned(),
            Self::Weekend => "周末".to_owned(),
            Self::Holiday(name) => format!("{name}放假"),
            Self::MadeUp(name) => format!("{name}调休上班"),
            Self::StartDay => "起始日，不计".to_owned(),
        }
    }
}

/// One day of a count.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub struct DayNote {
    /// The civil date.
    pub date: Date,
    /// Its place in the count, from 1; none if it is not counted.
    pub counted: Option<i64>,
    /// Why it is counted or not.
    pub why: Why,
    /// True where no loaded notice settles the day, so that the reason is an assumption.
    pub provisional: bool,
}

impl DayNote {
    /// The note as people read it in Chinese.
    ///
    /// ```
    /// # use duban_calendar::{Calendar, Date};
    /// let calendar = Calendar::weekdays_only("plain");
    /// let notes = calendar.explain_add(Date::from_ymd_opt(2022, 7, 1).unwrap(), 1)?;
    /// let lines: Vec<String> = notes.iter().map(|note| note.zh()).collect();
    /// assert_eq!(lines, [
    ///     "2022年7月1日（周五）起始日，不计",
    ///     "2022年7月2日（周六）周末",
    ///     "2022年7月3日（周日）周末",
    ///     "2022年7月4日（周一）工作日，第1个",
    /// ]);
    /// # Ok::<(), duban_calendar::CalendarError>(())
    /// ```
    pub fn zh(&self) -> String {
        let (year, month, day) = (self.date.year(), self.date.month(), self.date.day());
        let weekday = ["一", "二", "三", "四", "五", "六", "日"]
            [self.date.weekday().num_days_from_monday() as usize];
        let counted = self.counted.map_or(String::new(), |n| format!("，第{n}个"));
        let provisional = if self.provisional { "（暂定）" } else { "" };
        let why = self.why.zh();
        format!("{year}年{month}月{day}日（周{weekday}）{why}{counted}{provisional}")
    }
}

impl Calendar {
    /// Each day from `from` to the `n`-th working day after it, or before it if `n` is negative,
    /// in the order in which they are counted.
    ///
    /// # Errors
    ///
    /// As for [`Calendar::add`].
    pub fn explain_add(&self, from: Date, n: i64) -> Result<Vec<DayNote>, CalendarError> {
        let end = self.add(from, Span::Workdays(n))?;
        self.explain(from, end.date)
    }

    /// Each day that [`Calendar::workdays_between`] looks at, the earlier date first as start day.
    /// The last ordinal is the count, which is negative where `upto` is the earlier.
    ///
    /// # Errors
    ///
    /// [`CalendarError::DateOutOfBounds`], or [`CalendarError::TooLongToExplain`] beyond
    /// [`DAYS_EXPLAINED_MAX`].
    pub fn explain_between(&self, after: Date, upto: Date) -> Result<Vec<DayNote>, CalendarError> {
        check_date(after)?;
        check_date(upto)?;
        self.explain(after.min(upto), after.max(upto))
    }

    /// Walks from `from`, which is not counted, to `to`, in either direction.
    fn explain(&self, from: Date, to: Date) -> Result<Vec<DayNote>, CalendarError> {
        let days = (to - from).num_days().abs();
        if days > DAYS_EXPLAINED_MAX {
            return Err(CalendarError::TooLongToExplain { days });
        }
        let next = if to < from { Date::pred_opt } else { Date::succ_opt };
        let start = DayNote { date: from, counted: None, why: Why::StartDay, provisional: false };
        let mut notes = vec![start];
        let (mut date, mut ordinal) = (from, 0);
        while date != to {
            let Some(following) = next(&date) else { break };
            date = following;
            notes.push(self.note(date, &mut ordinal));
        }
        Ok(notes)
    }

    fn note(&self, date: Date, ordinal: &mut i64) -> DayNote {
        let worked = self.is_workday(date);
        *ordinal += i64::from(worked);
        let provisional = !self.is_settled(date);
        DayNote { date, counted: worked.then_some(*ordinal), why: self.why(date), provisional }
    }
}
