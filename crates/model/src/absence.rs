//! Who may stand in for whom: what an absence must keep to.

use std::collections::BTreeSet;

use duban_calendar::{CivilDate, Date};

use crate::directory::StandIn;
use crate::ids::PersonId;

/// The most days that one absence may last.
pub const ABSENCE_DAYS_MAX: i64 = 366;

/// Why somebody cannot stand in for somebody else.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StandInError {
    /// Nobody stands in for themselves. Name somebody else.
    #[error("`{0}` cannot stand in for themselves")]
    Oneself(PersonId),
    /// A date that nobody means. Correct the year.
    #[error("the absence lies outside {}", CivilDate::RANGE)]
    Beyond,
    /// It ends before it begins. Correct a date.
    #[error("the absence ends before it begins")]
    Backwards,
    /// It lasts too long. Change who holds the post.
    #[error("limit `absence_days_max` ({ABSENCE_DAYS_MAX}) reached")]
    TooLong,
    /// Whoever stands in is absent too, and the way back leads to who is absent. Name somebody
    /// who is there.
    #[error("on {on} stand-ins go round in a circle through `{by}`")]
    Circle {
        /// Who was to stand in.
        by: PersonId,
        /// A day on which it would go round.
        on: Date,
    },
}

impl StandInError {
    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::Oneself(_) => "不能由本人代理本人".to_owned(),
            Self::Beyond => format!("日期应在 {} 之内，请核对年份", CivilDate::RANGE_ZH),
            Self::Backwards => "结束日期在开始日期之前".to_owned(),
            Self::TooLong => {
                format!("外出最长 {ABSENCE_DAYS_MAX} 天（absence_days_max）；更久请调整岗位任职")
            }
            Self::Circle { by, on } => {
                format!("{on} 这天 {by} 也外出，代理关系绕成了圈，请另选代理人")
            }
        }
    }
}

/// Checks an absence against those that are there.
///
/// # Errors
///
/// [`StandInError`] with what is wrong first.
pub fn check_stand_in(known: &[StandIn], new: &StandIn) -> Result<(), StandInError> {
    if new.absent == new.by {
        return Err(StandInError::Oneself(new.by.clone()));
    }
    if [new.from, new.until].into_iter().any(|date| CivilDate::try_from(date).is_err()) {
        return Err(StandInError::Beyond);
    }
    if new.until < new.from {
        return Err(StandInError::Backwards);
    }
    if (new.until - new.from).num_days() >= ABSENCE_DAYS_MAX {
        return Err(StandInError::TooLong);
    }
    // A circle that exists on some day exists on a day on which one of its absences begins.
    let begins = known.iter().map(|one| one.from).filter(|day| new.covers(*day));
    let days: BTreeSet<Date> = begins.chain([new.from]).collect();
    match days.into_iter().find(|day| leads_back(known, new, *day)) {
        Some(on) => Err(StandInError::Circle { by: new.by.clone(), on }),
        None => Ok(()),
    }
}

/// Whether whoever stands in is absent on that day, and so on until the first is reached.
fn leads_back(known: &[StandIn], new: &StandIn, on: Date) -> bool {
    let mut seen: BTreeSet<&PersonId> = BTreeSet::new();
    let mut ahead = vec![&new.by];
    while let Some(person) = ahead.pop() {
        if *person == new.absent {
            return true;
        }
        if seen.insert(person) {
            let absences = known.iter().filter(|one| one.absent == *person && one.covers(on));
            ahead.extend(absences.map(|one| &one.by));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn absence(absent: &str, by: &str, from: &str, until: &str) -> StandIn {
        let date = |text: &str| text.parse().unwrap();
        let (from, until) = (date(from), date(until));
        StandIn { absent: absent.into(), by: by.into(), from, until, set: None, ended: None }
    }

    #[test]
    fn circles_are_found_on_the_days_on_which_they_close() {
        let known = [
            absence("b", "c", "2026-01-01", "2026-01-05"),
            absence("c", "a", "2026-01-10", "2026-01-15"),
        ];
        let long = absence("a", "b", "2026-01-01", "2026-01-31");
        assert_eq!(check_stand_in(&known, &long), Ok(()), "on no day does it close");
        let known = [known[0].clone(), absence("c", "a", "2026-01-05", "2026-01-15")];
        let on = "2026-01-05".parse().unwrap();
        let circle = StandInError::Circle { by: "b".into(), on };
        assert_eq!(check_stand_in(&known, &long), Err(circle));
        let later = absence("a", "b", "2026-01-06", "2026-01-31");
        assert_eq!(check_stand_in(&known, &later), Ok(()));
    }

    #[test]
    fn what_is_no_absence_is_refused() {
        let check = |one: StandIn| check_stand_in(&[], &one);
        let day = "2026-01-01";
        assert_eq!(check(absence("a", "b", day, day)), Ok(()));
        assert_eq!(check(absence("a", "a", day, day)), Err(StandInError::Oneself("a".into())));
        assert_eq!(check(absence("a", "b", day, "2025-12-31")), Err(StandInError::Backwards));
        assert_eq!(check(absence("a", "b", day, "2027-01-01")), Ok(()));
        assert_eq!(check(absence("a", "b", day, "2027-01-02")), Err(StandInError::TooLong));
    }
}
