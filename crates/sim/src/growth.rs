//! Rule 38 where messages travel in virtual time: as the engine counts, so it is counted here.

use std::collections::{BTreeMap, VecDeque};

use duban_calendar::{Date, Instant, Tz, date_of, start_of};
use duban_core::{CaseId, Message, OPENED_PER_DAY_MAX, OpenRequest};
use duban_model::{UnitId, WorkflowId};

/// The cases that other cases opened today, and what waits for tomorrow.
#[derive(Default)]
pub(crate) struct Growth {
    date: Option<Date>,
    opened: BTreeMap<(WorkflowId, UnitId), usize>,
    /// In the order in which it was asked for; the instants never fall.
    waiting: VecDeque<(Instant, CaseId, Message)>,
}

impl Growth {
    /// Counts a case that is asked for now; otherwise when there is room again.
    pub(crate) fn admit(
        &mut self,
        request: &OpenRequest,
        now: Instant,
        tz: Tz,
    ) -> Result<(), Instant> {
        // Midnight belongs to the day that begins.
        let today = date_of(now.plus_millis(1), tz);
        if self.date != Some(today) {
            self.date = Some(today);
            self.opened.clear();
        }
        let key = (request.workflow.clone(), request.open.name.unit.clone());
        let opened = self.opened.entry(key).or_default();
        if *opened < OPENED_PER_DAY_MAX {
            *opened += 1;
            return Ok(());
        }
        Err(today.succ_opt().map_or(Instant::MAX, |next| start_of(next, tz)))
    }

    /// Keeps a message until then.
    pub(crate) fn wait(&mut self, until: Instant, from: CaseId, message: Message) {
        self.waiting.push_back((until, from, message));
    }

    /// When something that waits may go on.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _, _)| *at)
    }

    /// Everything that may go on at an instant.
    pub(crate) fn take(&mut self, now: Instant) -> Vec<(CaseId, Message)> {
        let mut taken = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            taken.extend(self.waiting.pop_front().map(|(_, from, message)| (from, message)));
        }
        taken
    }
}
