//! Counts what a running script does, native work included.
//!
//! rhai counts statements and calls, one for each, and counts anew in every closure that its own
//! functions call. Here everything of one evaluation counts together: each operation, and what
//! functions touch, by its size. rhai tells its progress callback a number and nothing else, so
//! the count of the evaluation in hand lies beside the thread that runs it; it is put there when
//! an evaluation begins and taken away when it ends.

use std::cell::RefCell;

use rhai::Dynamic;

use crate::budget::{Budget, Spent};
use crate::frame::{Fallible, limit};
use crate::nesting::{NESTING_MAX, Size};
use crate::stop;

/// Bytes of text that a function reads or writes for one operation.
const TEXT_BYTES: usize = 64;
/// Values of lists and maps that it reads or writes for one operation.
const VALUES: usize = 16;
/// A variable is only looked through when it is read: so much less than a function's work.
const READ_SHARE: usize = 32;
/// Operations for the view of one item.
const ITEM_OPERATIONS: usize = 2;

/// The [`StopFlag`](crate::StopFlag) is asked after so many operations.
const LOOK_EVERY: u64 = 512;

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

struct Running {
    operations: u64,
    max: u64,
    /// What is reached beyond `max`.
    limit: &'static str,
    look_at: u64,
    budget: Budget,
}

impl Running {
    /// Counts operations; the limit that they reach.
    fn spend(&mut self, operations: u64) -> Option<&'static str> {
        self.operations = self.operations.saturating_add(operations);
        if self.operations > self.max {
            return Some(self.limit);
        }
        if self.operations >= self.look_at {
            self.look_at = self.operations + LOOK_EVERY;
            if self.budget.look() == Some(Spent::Time) {
                return Some(Spent::Time.limit());
            }
            if stop::is_told() {
                return Some(stop::STOPPED);
            }
        }
        None
    }
}

/// One evaluation that is being counted; it ends when this is dropped.
pub(crate) struct Metered {
    outer: Option<Running>,
}

impl Metered {
    /// Begins to count, under the limit of one call and what its decision has left.
    pub(crate) fn begin(budget: &Budget, operations_max: u64) -> Self {
        // 0 is no limit, as everywhere in rhai.
        let operations_max = if operations_max == 0 { u64::MAX } else { operations_max };
        let left = budget.operations_left();
        let (max, limit) = if left < operations_max {
            (left, Spent::Operations.limit())
        } else {
            (operations_max, OPERATIONS_MAX)
        };
        let running =
            Running { operations: 0, max, limit, look_at: LOOK_EVERY, budget: budget.clone() };
        Self { outer: RUNNING.replace(Some(running)) }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(running) = RUNNING.replace(self.outer.take()) {
            running.budget.spend(running.operations);
        }
    }
}

/// The limit of one call.
pub(crate) const OPERATIONS_MAX: &str = "operations_max";

/// Counts operations of the evaluation in hand; the limit that they reach.
pub(crate) fn spend(operations: u64) -> Option<&'static str> {
    RUNNING.with_borrow_mut(|running| running.as_mut().and_then(|it| it.spend(operations)))
}

/// Counts native work that goes through so many values.
pub(crate) fn values(count: usize) -> Fallible<()> {
    charge(count / VALUES)
}

/// Counts native work that goes through so many bytes of text.
pub(crate) fn text(bytes: usize) -> Fallible<()> {
    charge(bytes / TEXT_BYTES)
}

/// Counts native work that goes through all of these values.
pub(crate) fn work<'a>(touched: impl IntoIterator<Item = &'a Dynamic>) -> Fallible<()> {
    let size = touched.into_iter().map(Size::of).fold(Size::default(), Size::and);
    charge(operations(size))
}

/// Measures a variable that a script reads; one that is too deep is refused.
pub(crate) fn read(value: &Dynamic) -> Fallible<()> {
    let size = Size::of(value);
    if size.layers > NESTING_MAX {
        return Err(limit(crate::nesting::LIMIT));
    }
    charge(operations(size) / READ_SHARE)
}

fn operations(size: Size) -> usize {
    size.bytes / TEXT_BYTES + size.values / VALUES
}

fn charge(operations: usize) -> Fallible<()> {
    if operations == 0 {
        return Ok(());
    }
    match spend(u64::try_from(operations).unwrap_or(u64::MAX)) {
        Some(reached) => Err(limit(reached)),
        None => Ok(()),
    }
}

/// Counts the making of views of so many items: each is more than a value.
pub(crate) fn items(count: usize) -> Fallible<()> {
    charge(count.saturating_mul(ITEM_OPERATIONS))
}
