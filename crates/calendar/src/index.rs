//! Counting working days without walking over them.
//!
//! Each year is a row of bits, one for a day, with the number of working days before it. Counting
//! up to a date is then a few additions, and finding the n-th working day a binary search. It
//! holds no names and no rule: `calendar.rs` says which bits are set.

use chrono::{Datelike, NaiveDate as Date};

use crate::year::Workweek;
use crate::{YEAR_MAX, YEAR_MIN};

const WORDS: usize = 6;
const WORD_BITS: u32 = u64::BITS;

/// The working days of [`YEAR_MIN`] to [`YEAR_MAX`].
#[derive(Clone, Debug)]
pub(crate) struct Index {
    years: Vec<YearBits>,
    total: i64,
}

#[derive(Clone, Debug)]
struct YearBits {
    /// Bit n is set if the day with ordinal n (from 0) is worked.
    words: [u64; WORDS],
    /// Working days from the first year up to this one.
    before: i64,
}

impl Index {
    /// Every day follows `workweek`, except those in `overrides`, which are worked or not.
    pub(crate) fn new(workweek: Workweek, overrides: impl Iterator<Item = (Date, bool)>) -> Self {
        let years = (YEAR_MIN..=YEAR_MAX).map(|year| YearBits::of(year, workweek)).collect();
        let mut index = Self { years, total: 0 };
        for (date, worked) in overrides {
            if let Some(year) = position(date).and_then(|at| index.years.get_mut(at)) {
                year.set(date, worked);
            }
        }
        index.count();
        index
    }

    /// Whether `date` is worked; none outside the years of the index.
    pub(crate) fn contains(&self, date: Date) -> Option<bool> {
        self.year_of(date).map(|year| year.contains(date))
    }

    /// Working days from the start of the index to `date`, `date` included. Dates outside count as
    /// the nearest inside.
    pub(crate) fn count_upto(&self, date: Date) -> i64 {
        match self.year_of(date) {
            Some(year) => year.before + year.count_upto(date.ordinal0()),
            None if date.year() < YEAR_MIN => 0,
            None => self.total,
        }
    }

    /// The n-th working day from the start of the index, counted from 1.
    pub(crate) fn nth(&self, n: i64) -> Option<Date> {
        if !(1..=self.total).contains(&n) {
            return None;
        }
        let at = self.years.partition_point(|year| year.before < n) - 1;
        let ordinal0 = self.years[at].nth(n - self.years[at].before)?;
        let year = YEAR_MIN + i32::try_from(at).ok()?;
        Date::from_yo_opt(year, ordinal0 + 1)
    }

    fn year_of(&self, date: Date) -> Option<&YearBits> {
        position(date).and_then(|at| self.years.get(at))
    }

    fn count(&mut self) {
        self.total = 0;
        for year in &mut self.years {
            year.before = self.total;
            self.total += year.count_upto(u32::MAX);
        }
    }
}

fn position(date: Date) -> Option<usize> {
    usize::try_from(date.year() - YEAR_MIN).ok()
}

/// The word of a day, and its bit in there.
const fn place(ordinal0: u32) -> (usize, u64) {
    ((ordinal0 / WORD_BITS) as usize, 1 << (ordinal0 % WORD_BITS))
}

impl YearBits {
    fn of(year: i32, workweek: Workweek) -> Self {
        let mut bits = Self { words: [0; WORDS], before: 0 };
        let first =
            Date::from_ymd_opt(year, 1, 1).map_or(0, |d| d.weekday().num_days_from_monday());
        let days = Date::from_ymd_opt(year, 12, 31).map_or(0, |d| d.ordinal());
        for ordinal0 in (0..days).filter(|n| workweek.bits() >> ((first + n) % 7) & 1 == 1) {
            let (word, bit) = place(ordinal0);
            bits.words[word] |= bit;
        }
        bits
    }

    fn set(&mut self, date: Date, worked: bool) {
        let (word, bit) = place(date.ordinal0());
        if worked {
            self.words[word] |= bit;
        } else {
            self.words[word] &= !bit;
        }
    }

    fn contains(&self, date: Date) -> bool {
        let (word, bit) = place(date.ordinal0());
        self.words[word] & bit != 0
    }

    fn count_upto(&self, ordinal0: u32) -> i64 {
        let (last, bit) = place(ordinal0.min(365));
        let whole: u32 = self.words[..last].iter().map(|word| word.count_ones()).sum();
        let part = (self.words[last] & (bit | (bit - 1))).count_ones();
        i64::from(whole + part)
    }

    /// The ordinal, from 0, of the n-th working day of the year, counted from 1.
    fn nth(&self, n: i64) -> Option<u32> {
        let mut before = u32::try_from(n).ok()?.checked_sub(1)?;
        for (at, word) in (0..).zip(self.words) {
            let worked = word.count_ones();
            if before < worked {
                // Without its lowest bits, one for each working day that comes before.
                let rest = (0..before).fold(word, |rest, _| rest & (rest - 1));
                return Some(at * WORD_BITS + rest.trailing_zeros());
            }
            before -= worked;
        }
        None
    }
}
