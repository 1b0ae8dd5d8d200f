//! Counts of lights, kept for a moment.
//!
//! Counting goes over every item, so its cost grows with them: a few milliseconds for a city's
//! year, a second or more for a province's. Answers are therefore kept for ten times as long as
//! they took, and made anew in the background while people look at the last ones. Where counting
//! is quick, what people see is current. What was summed up of an answer for some people is kept
//! with it, since summing goes over every unit.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use duban_calendar::Date;
use duban_engine::{Engine, EngineError};
use duban_model::{Directory, UnitId};
use duban_store::{LightCount, Store};

use crate::sight::Sight;
use crate::trend::Sum;

/// How many times the cost of counting an answer is kept.
const KEPT_FOR: u32 = 10;

/// The longest that an answer is kept.
const KEPT_MAX: Duration = Duration::from_secs(30);

/// How long nobody may have asked before the last answer is not shown any more.
const FORGOTTEN: Duration = Duration::from_secs(120);

#[derive(Clone)]
struct Kept {
    counts: Arc<Vec<LightCount>>,
    made: Instant,
    cost: Duration,
    /// The engine's time: a clock that was moved makes every answer old.
    at: duban_calendar::Instant,
    is_being_made: bool,
}

/// Summaries that are kept; with one more the oldest goes.
const SUMMARIES_MAX: usize = 64;

/// What people who see the same units are shown of some counts.
pub(crate) struct Summary {
    /// The counts of as many units as a table can show.
    pub(crate) counts: Vec<LightCount>,
    /// The last weeks, oldest first.
    pub(crate) weeks: Vec<(Date, Option<Sum>)>,
}

/// A summary, and what it was made of.
struct Summed {
    counts: Arc<Vec<LightCount>>,
    directory: Arc<Directory>,
    units: Option<BTreeSet<UnitId>>,
    summary: Arc<Summary>,
}

/// The last counts of each suite.
#[derive(Default)]
pub(crate) struct Counts {
    kept: Mutex<HashMap<Option<String>, Kept>>,
    summed: Mutex<VecDeque<Summed>>,
}

impl Counts {
    /// How many items of which workflow and unit have which light.
    pub(crate) async fn of<S: Store>(
        self: &Arc<Self>,
        engine: &Engine<S>,
        suite: Option<&str>,
    ) -> Result<Arc<Vec<LightCount>>, EngineError> {
        let suite = suite.map(str::to_owned);
        let found = self.look(&suite, engine.now());
        match found {
            Some((counts, false)) => Ok(counts),
            Some((counts, true)) => {
                let (counting, engine) = (Arc::clone(self), engine.clone());
                tokio::spawn(async move {
                    if let Err(error) = counting.make(&engine, suite).await {
                        tracing::warn!(error = &error as &dyn std::error::Error, "counting failed");
                    }
                });
                Ok(counts)
            }
            None => self.make(engine, suite).await,
        }
    }

    /// What was summed up of these very counts for whoever sees the same units.
    pub(crate) fn summary(
        &self,
        counts: &Arc<Vec<LightCount>>,
        sight: &Sight,
    ) -> Option<Arc<Summary>> {
        let units = sight.upper_units();
        let summed = self.summed.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |one: &&Summed| {
            Arc::ptr_eq(&one.counts, counts)
                && Arc::ptr_eq(&one.directory, &sight.directory)
                && one.units.as_ref() == units
        };
        summed.iter().find(fits).map(|one| Arc::clone(&one.summary))
    }

    /// Keeps a summary.
    pub(crate) fn sum_up(
        &self,
        counts: Arc<Vec<LightCount>>,
        sight: &Sight,
        summary: Summary,
    ) -> Arc<Summary> {
        let summary = Arc::new(summary);
        let mut summed = self.summed.lock().unwrap_or_else(PoisonError::into_inner);
        if summed.len() >= SUMMARIES_MAX {
            summed.pop_front();
        }
        let units = sight.upper_units().cloned();
        let (directory, kept) = (Arc::clone(&sight.directory), Arc::clone(&summary));
        summed.push_back(Summed { counts, directory, units, summary: kept });
        summary
    }

    /// The last answer, and whether whoever asks is to have it made anew.
    fn look(
        &self,
        suite: &Option<String>,
        now: duban_calendar::Instant,
    ) -> Option<(Arc<Vec<LightCount>>, bool)> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get_mut(suite)?;
        let age = kept.made.elapsed();
        let passed = now.millis().saturating_sub(kept.at.millis()).unsigned_abs();
        let is_moved = Duration::from_millis(passed) > age + Duration::from_secs(1);
        if age > FORGOTTEN || is_moved {
            return None;
        }
        let is_old = age > (kept.cost * KEPT_FOR).min(KEPT_MAX) && !kept.is_being_made;
        kept.is_being_made |= is_old;
        Some((Arc::clone(&kept.counts), is_old))
    }

    async fn make<S: Store>(
        &self,
        engine: &Engine<S>,
        suite: Option<String>,
    ) -> Result<Arc<Vec<LightCount>>, EngineError> {
        let (begun, at) = (Instant::now(), engine.now());
        let counted = engine.lights(suite.as_deref()).await;
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match counted {
            Ok(counts) => {
                let counts = Arc::new(counts);
                let (made, cost) = (Instant::now(), begun.elapsed());
                let kept =
                    Kept { counts: Arc::clone(&counts), made, cost, at, is_being_made: false };
                all.insert(suite, kept);
                Ok(counts)
            }
            Err(error) => {
                if let Some(kept) = all.get_mut(&suite) {
                    kept.is_being_made = false;
                }
                Err(error)
            }
        }
    }
}
