//! Absences: setting and ending them, whoever asks.

use duban_calendar::{Date, Tz, date_of};
use duban_engine::{Engine, EngineError};
use duban_model::{Directory, PersonId, Signed, StandIn, StandInError, check_stand_in};
use duban_store::Store;

/// Attempts where others change the directory at the same time.
const ATTEMPTS_MAX: usize = 5;

/// Why an absence was not set or ended. Nothing was changed.
#[derive(Debug)]
pub(crate) enum AbsenceError {
    /// Not in the directory.
    Unknown(String),
    /// Over before it was set.
    Past,
    /// There is no such absence, or it is over.
    Missing,
    /// It cannot be.
    Unfit(StandInError),
    Engine(EngineError),
}

impl From<EngineError> for AbsenceError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl AbsenceError {
    /// The message that people read.
    pub(crate) fn zh(&self) -> String {
        match self {
            Self::Unknown(person) => format!("通讯录里没有“{person}”"),
            Self::Past => "结束日期已经过去".to_owned(),
            Self::Missing => "没有这条代理，或者已经结束".to_owned(),
            Self::Unfit(error) => error.zh(),
            Self::Engine(error) => error.zh(),
        }
    }
}

/// Today, as absences count it: offices of one database share a zone.
pub(crate) fn today<S: Store>(engine: &Engine<S>) -> Date {
    date_of(engine.now(), Tz::Asia__Shanghai)
}

/// Sets an absence. Repeated: nothing changes.
pub(crate) async fn set<S: Store>(
    engine: &Engine<S>,
    mut new: StandIn,
    by: &str,
) -> Result<(), AbsenceError> {
    if new.until < today(engine) {
        return Err(AbsenceError::Past);
    }
    new.set = Some(Signed { by: by.to_owned(), at: engine.now() });
    change(engine, |directory| {
        for person in [&new.absent, &new.by] {
            let known = directory.person(person);
            known.ok_or_else(|| AbsenceError::Unknown(person.to_string()))?;
        }
        let mut all = directory.data().stand_ins.clone();
        if all.iter().any(|one| one.is_same(&new)) {
            return Ok(all);
        }
        check_stand_in(&all, &new).map_err(AbsenceError::Unfit)?;
        all.push(new.clone());
        Ok(all)
    })
    .await?;
    let (absent, stand_in) = (new.absent.as_str(), new.by.as_str());
    tracing::info!(target: "duban::security", by, absent, stand_in, "an absence was set");
    Ok(())
}

/// Which absence.
pub(crate) struct Which {
    pub(crate) absent: PersonId,
    pub(crate) by: PersonId,
    pub(crate) from: Date,
}

/// Ends an absence: from today on nobody stands in by it. One that has held on no day before today
/// is forgotten.
pub(crate) async fn end<S: Store>(
    engine: &Engine<S>,
    which: &Which,
    by: &str,
) -> Result<(), AbsenceError> {
    let (today, at) = (today(engine), engine.now());
    change(engine, |directory| {
        let mut all = directory.data().stand_ins.clone();
        let meant = |one: &StandIn| {
            one.absent == which.absent && one.by == which.by && one.from == which.from
        };
        let found = all.iter().position(|one| meant(one) && today <= one.until);
        let place = found.ok_or(AbsenceError::Missing)?;
        match today.pred_opt().filter(|yesterday| all[place].from <= *yesterday) {
            Some(yesterday) => {
                all[place].until = yesterday;
                all[place].ended = Some(Signed { by: by.to_owned(), at });
            }
            None => drop(all.remove(place)),
        }
        Ok(all)
    })
    .await?;
    let (absent, stand_in) = (which.absent.as_str(), which.by.as_str());
    tracing::info!(target: "duban::security", by, absent, stand_in, "an absence was ended");
    Ok(())
}

/// Changes the absences of the present directory, again where somebody else came first.
async fn change<S: Store>(
    engine: &Engine<S>,
    decide: impl Fn(&Directory) -> Result<Vec<StandIn>, AbsenceError>,
) -> Result<(), AbsenceError> {
    let mut attempt = 1;
    loop {
        let directory = engine.directory();
        let all = decide(&directory)?;
        if all == directory.data().stand_ins {
            return Ok(());
        }
        match engine.set_stand_ins(directory.version(), all).await {
            Err(EngineError::Outdated(_)) if attempt < ATTEMPTS_MAX => attempt += 1,
            other => return Ok(other?),
        }
    }
}
