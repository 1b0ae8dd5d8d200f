//! How lights have changed over the weeks: one snapshot a day, kept as it was.
//!
//! What a light was on a past day cannot be worked out from today's rows: an extension moves the
//! due date, a return begins anew. So the counts of each day are kept as a document of the store,
//! `trend/2022-03-04`, and never changed afterwards.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use duban_calendar::{Date, Instant, Tz, date_of};
use duban_engine::Engine;
use duban_store::{LightCount, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Points that are shown, a week apart.
pub(crate) const WEEKS: i64 = 13;

/// Days after which a snapshot is removed.
const KEPT_DAYS: i64 = 400;

/// Removal looks this many days further back, for days on which no daemon ran.
const LOOKED_BACK_DAYS: i64 = 31;

/// How often the present day's snapshot is made anew.
const EVERY: Duration = Duration::from_secs(3_600);

/// The counts of one unit, over all measures of a suite.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) yellow: u64,
    pub(crate) red: u64,
    pub(crate) done: u64,
    pub(crate) all: u64,
}

impl Sum {
    fn add(&mut self, more: &Self) {
        self.yellow += more.yellow;
        self.red += more.red;
        self.done += more.done;
        self.all += more.all;
    }
}

/// A day's counts by suite, then unit.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Day(BTreeMap<String, BTreeMap<String, Sum>>);

impl Day {
    fn of(counts: &[LightCount]) -> Self {
        let mut day = Self::default();
        for count in counts {
            let LightCount { grey, green, yellow, red, done, .. } = count;
            let units = day.0.entry(count.suite.clone()).or_default();
            let all = grey + green + yellow + red;
            units.entry(count.unit.clone()).or_default().add(&Sum {
                yellow: *yellow,
                red: *red,
                done: *done,
                all,
            });
        }
        day
    }

    /// What a visitor sees of it.
    fn sum(&self, suite: &str, sees: impl Fn(&str) -> bool) -> Sum {
        let mut sum = Sum::default();
        for (unit, more) in self.0.get(suite).into_iter().flatten() {
            if sees(unit) {
                sum.add(more);
            }
        }
        sum
    }
}

fn name(date: Date) -> String {
    format!("trend/{date}")
}

const DAY_MS: i64 = 24 * 3_600_000;

/// The civil day some days before an instant. Offices of one database share a zone.
fn day_before(at: Instant, days: i64) -> Date {
    date_of(at.plus_millis(-days * DAY_MS), Tz::Asia__Shanghai)
}

/// Past days that were looked for on the present one: what has passed does not change.
type Past = BTreeMap<Date, Option<Arc<Day>>>;

/// Snapshots of the counts of lights, one a day.
#[derive(Default)]
pub struct Trend {
    past: Mutex<(Option<Date>, Past)>,
}

impl Trend {
    /// Keeps the counts of the day in which an instant lies, as they are at that instant. A later
    /// one of the same day takes its place; snapshots older than 400 days are removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the day's earlier snapshot stays.
    pub async fn record<S: Store>(store: &S, at: Instant) -> Result<(), StoreError> {
        let day = Day::of(&store.lights(None, at.millis()).await?);
        let json = serde_json::to_string(&day).map_err(StoreError::Unreadable)?;
        store.put_document(&name(day_before(at, 0)), &json, at.millis()).await?;
        for back in KEPT_DAYS..KEPT_DAYS + LOOKED_BACK_DAYS {
            store.remove_document(&name(day_before(at, back))).await?;
        }
        Ok(())
    }

    /// Records the present day every hour, until the engine shuts down.
    pub(crate) async fn keep<S: Store>(engine: Engine<S>) {
        loop {
            tokio::time::sleep(EVERY).await;
            match Self::record(engine.store(), engine.now()).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no trend recorded");
                }
            }
        }
    }

    /// The last weeks of a suite, oldest first, the present as it is now: for each the latest
    /// snapshot of the seven days that end with its date, or nothing.
    pub(crate) async fn weeks<S: Store>(
        &self,
        store: &S,
        suite: &str,
        (now, counts): (Instant, &[LightCount]),
        sees: impl Fn(&str) -> bool,
    ) -> Result<Vec<(Date, Option<Sum>)>, StoreError> {
        let mut points = Vec::new();
        for week in (1..WEEKS).rev() {
            let day = self.latest(store, now, 7 * week).await?;
            points.push((day_before(now, 7 * week), day.map(|day| day.sum(suite, &sees))));
        }
        points.push((day_before(now, 0), Some(Day::of(counts).sum(suite, &sees))));
        Ok(points)
    }

    async fn latest<S: Store>(
        &self,
        store: &S,
        now: Instant,
        days: i64,
    ) -> Result<Option<Arc<Day>>, StoreError> {
        let (today, date) = (day_before(now, 0), day_before(now, days));
        {
            let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
            if past.0 != Some(today) {
                *past = (Some(today), Past::new());
            }
            if let Some(day) = past.1.get(&date) {
                return Ok(day.clone());
            }
        }
        let mut found = None;
        for back in days..days + 7 {
            if let Some(json) = store.document(&name(day_before(now, back))).await? {
                let day = serde_json::from_str(&json).map_err(StoreError::Unreadable)?;
                found = Some(Arc::new(day));
                break;
            }
        }
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.1.insert(date, found.clone());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(unit: &str, red: u64, done: u64) -> LightCount {
        let (suite, workflow) = ("points".to_owned(), "report".to_owned());
        LightCount {
            suite,
            workflow,
            unit: unit.to_owned(),
            grey: done,
            red,
            done,
            ..LightCount::default()
        }
    }

    #[test]
    fn a_visitor_sees_the_sum_of_their_units() {
        let day = Day::of(&[count("D", 2, 1), count("D", 1, 0), count("E", 5, 5)]);
        let sum = day.sum("points", |unit| unit == "D");
        assert_eq!(sum, Sum { red: 3, done: 1, all: 4, yellow: 0 });
        assert_eq!(day.sum("other", |_| true), Sum::default());
        let kept: Day = serde_json::from_str(&serde_json::to_string(&day).unwrap()).unwrap();
        assert_eq!(kept.sum("points", |_| true).red, 8);
    }
}
