//! What a decision may spend on its scripts, over all its calls together.
//!
//! A call has limits of its own ([`Limits`](crate::Limits)); ten thousand calls, each well inside
//! them, would still hold up everybody else. A [`Budget`] travels with the scenes of one decision
//! and counts. What it counts follows from the decision alone, so the same decision always spends
//! the same. Time is not counted here: whoever has a clock hands in a [`StopFlag`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::stop::StopFlag;

/// Bounds of one decision, over all calls of scripts in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BudgetLimits {
    /// Operations of all its calls, native work included.
    pub operations_max: u64,
    /// Items that it may make.
    pub items_max: usize,
    /// Events that it may write.
    pub events_max: usize,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self { operations_max: 10_000_000, items_max: 40_000, events_max: 50_000 }
    }
}

/// What of a budget ran out first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Spent {
    /// [`BudgetLimits::operations_max`].
    Operations,
    /// [`BudgetLimits::items_max`].
    Items,
    /// [`BudgetLimits::events_max`].
    Events,
    /// The [`StopFlag`] was set.
    Time,
}

impl Spent {
    /// The limit's name.
    pub fn limit(self) -> &'static str {
        match self {
            Self::Operations => "decision_operations_max",
            Self::Items => "decision_items_max",
            Self::Events => "decision_events_max",
            Self::Time => "decision_ms_max",
        }
    }

    const ALL: [Self; 4] = [Self::Operations, Self::Items, Self::Events, Self::Time];
}

/// The budget of one decision. Clones count together; [`begun`](Self::begun) counts anew.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    limits: BudgetLimits,
    stop: StopFlag,
    count: Arc<Count>,
}

#[derive(Debug, Default)]
struct Count {
    operations: AtomicU64,
    items: AtomicU64,
    /// 0: nothing ran out; otherwise the place in [`Spent::ALL`] and one.
    spent: AtomicU8,
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(limits: BudgetLimits, stop: StopFlag) -> Self {
        Self { limits, stop, count: Arc::default() }
    }

    /// The same budget with nothing spent.
    #[must_use]
    pub fn begun(&self) -> Self {
        Self::new(self.limits.clone(), self.stop.clone())
    }

    /// Its bounds.
    pub fn limits(&self) -> &BudgetLimits {
        &self.limits
    }

    /// What ran out first; `None`: nothing so far.
    pub fn spent(&self) -> Option<Spent> {
        let place = usize::from(self.count.spent.load(Ordering::Relaxed));
        place.checked_sub(1).and_then(|place| Spent::ALL.get(place).copied())
    }

    /// As [`spent`](Self::spent), after a look at the [`StopFlag`].
    pub fn look(&self) -> Option<Spent> {
        if self.spent().is_none() && self.stop.is_set() {
            self.run_out(Spent::Time);
        }
        self.spent()
    }

    /// Whether what comes next should wait: so much is spent, or the [`StopFlag`] is set. Nothing
    /// has run out by that.
    pub fn is_time_to_yield(&self) -> bool {
        self.operations() > self.limits.operations_max / 2 || self.stop.is_set()
    }

    /// Operations spent so far.
    pub fn operations(&self) -> u64 {
        self.count.operations.load(Ordering::Relaxed)
    }

    /// Operations left.
    pub(crate) fn operations_left(&self) -> u64 {
        self.limits.operations_max.saturating_sub(self.operations())
    }

    /// Adds operations; more than are left end the budget.
    pub(crate) fn spend(&self, operations: u64) {
        let before = self.count.operations.fetch_add(operations, Ordering::Relaxed);
        if before.saturating_add(operations) > self.limits.operations_max {
            self.run_out(Spent::Operations);
        }
    }

    /// Counts items about to be made; `false`: they are too many, and none is counted.
    #[must_use]
    pub fn take_items(&self, items: usize) -> bool {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        let max = u64::try_from(self.limits.items_max).unwrap_or(u64::MAX);
        let taken = self.count.items.load(Ordering::Relaxed).saturating_add(items);
        let fits = taken <= max;
        if fits {
            self.count.items.store(taken, Ordering::Relaxed);
        } else {
            self.run_out(Spent::Items);
        }
        fits
    }

    /// Looks at the number of events written so far.
    pub fn count_events(&self, events: usize) {
        if events > self.limits.events_max {
            self.run_out(Spent::Events);
        }
    }

    /// Notes what ran out; what did so first stays.
    fn run_out(&self, spent: Spent) {
        let place = Spent::ALL.iter().position(|one| *one == spent).unwrap_or_default();
        let place = u8::try_from(place + 1).unwrap_or(u8::MAX);
        let order = Ordering::Relaxed;
        // Whoever came first has said it already.
        let _first = self.count.spent.compare_exchange(0, place, order, order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_first_is_named_and_the_next_decision_begins_anew() {
        let limits = BudgetLimits { operations_max: 10, items_max: 3, events_max: 5 };
        let budget = Budget::new(limits, StopFlag::default());
        budget.spend(10);
        assert_eq!((budget.look(), budget.operations_left()), (None, 0));
        assert!(budget.take_items(3));
        assert!(!budget.clone().take_items(1));
        budget.spend(1);
        budget.count_events(6);
        assert_eq!(budget.spent().map(Spent::limit), Some("decision_items_max"));
        let next = budget.begun();
        assert_eq!((next.spent(), next.operations()), (None, 0));
        next.count_events(6);
        assert_eq!(next.spent(), Some(Spent::Events));
    }

    #[test]
    fn a_stop_is_seen_by_looking() {
        let budget = Budget::new(BudgetLimits::default(), StopFlag::when(|| true));
        assert_eq!(budget.spent(), None);
        assert_eq!(budget.look(), Some(Spent::Time));
        assert_eq!(budget.spent(), Some(Spent::Time));
    }
}
