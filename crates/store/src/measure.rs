//! Distributions: how long something took, or how much it was, counted in fixed buckets.
//!
//! Noting a value is a short search and two relaxed additions: it may stand on the hottest path.
//! The type lives here because the writer needs it first; the engine and the daemon use it too.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Bounds for durations, in microseconds: from a tenth of a millisecond to an hour.
pub const DURATIONS_US: &[u64] = &[
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    3_600_000_000,
];

/// Bounds for how many of something came together.
pub const AMOUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Counts values in buckets, from any number of threads.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound and one for what lies beyond the last.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one. Bounds are inclusive and must rise.
    pub fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.is_sorted());
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts one value.
    pub fn note(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts one duration, in microseconds.
    pub fn note_time(&self, took: std::time::Duration) {
        self.note(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// What has been counted. Values that are noted meanwhile may be in it or not.
    pub fn read(&self) -> Distribution {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Distribution {
            bounds: self.bounds,
            counts: self.buckets.iter().map(read).collect(),
            sum: read(&self.sum),
        }
    }
}

/// What a [`Histogram`] has counted.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Distribution {
    /// The upper bounds of the buckets, inclusive.
    pub bounds: &'static [u64],
    /// How many values lie in each bucket, and at the end how many lie beyond the last bound.
    pub counts: Vec<u64>,
    /// All values added up.
    pub sum: u64,
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lies_below_its_bound_or_on_it() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 500] {
            histogram.note(value);
        }
        let read = histogram.read();
        assert_eq!((read.counts.as_slice(), read.sum, read.count()), (&[2, 2, 2][..], 524, 6));
    }
}
