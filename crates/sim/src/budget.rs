//! What a simulation or a test may use up before it ends.

use duban_core::{Decision, OPENED_DEPTH_MAX};
use duban_script::StopFlag;

/// Bounds of virtual time. Reaching one ends the work with a [`Stop`] that names it.
///
/// ```
/// let small = duban_sim::Budget { cases_max: 100, ..Default::default() };
/// assert_eq!(small.items_max, 200_000);
/// ```
#[derive(Clone, Debug)]
pub struct Budget {
    /// Cases opened.
    pub cases_max: u64,
    /// Items made.
    pub items_max: u64,
    /// Moments and moves: whatever is decided, refusals included.
    pub moments_max: u64,
    /// Memory that cases and their events take, in bytes. It is not measured but reckoned from
    /// what is kept: see [`event_bytes`](Self::event_bytes).
    pub memory_bytes_max: u64,
    /// Seconds after which whoever holds the flag sets it. There is no clock here.
    pub seconds_max: u64,
    /// Ends the work from outside: its time is up, or its client has gone.
    pub stop: StopFlag,
}

/// What an item, with its place in the case's maps, is reckoned to take.
const ITEM_BYTES: u64 = 2 * 1024;

/// What an event takes besides its texts.
const EVENT_BYTES: u64 = 512;

/// How often the text of an event is held: in the log, and in the state that it is folded into.
const COPIES: u64 = 2;

impl Default for Budget {
    fn default() -> Self {
        Self {
            cases_max: 10_000,
            items_max: 200_000,
            moments_max: 2_000_000,
            memory_bytes_max: 512 * 1024 * 1024,
            seconds_max: 60,
            stop: StopFlag::default(),
        }
    }
}

impl Budget {
    /// What an event is reckoned to take, in bytes: half a kibibyte and twice its JSON text.
    pub fn event_bytes(text: &str) -> u64 {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        length.saturating_mul(COPIES).saturating_add(EVENT_BYTES)
    }
}

/// Virtual time ended early, at a bound of its [`Budget`]. What has been lived through until then
/// says nothing about the rest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.zh())]
pub struct Stop {
    /// The bound's name in docs/configuration.md.
    pub name: &'static str,
    /// Its value.
    pub max: u64,
}

impl Stop {
    /// The code of docs/errors.md.
    pub fn code(&self) -> &'static str {
        "DB3001"
    }

    /// What people read.
    pub fn zh(&self) -> String {
        let Self { name, max } = self;
        format!(
            "达到上限 {name}（{max}），已停止。请检查是否有脚本无休止地立项或生成条目；\
             否则请缩短期间或减少单位"
        )
    }
}

/// What has been used up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    cases: u64,
    items: u64,
    moments: u64,
    memory: u64,
    too_deep: bool,
}

impl Used {
    /// Cases have opened cases deeper than any daemon would let them.
    pub(crate) fn grow_too_deep(&mut self) {
        self.too_deep = true;
    }

    /// Counts something that is about to be decided.
    pub(crate) fn moment(&mut self) {
        self.moments += 1;
    }

    /// Counts what was decided: how many items the case has now, and had before.
    pub(crate) fn decision(&mut self, decision: &Decision, items: u64, before: u64) {
        self.cases += u64::from(decision.expected == 0);
        let added = items.saturating_sub(before);
        self.items += added;
        let texts = decision.encoded.iter().map(|event| Budget::event_bytes(&event.text));
        self.memory = self.memory.saturating_add(texts.sum::<u64>() + added * ITEM_BYTES);
    }

    /// The bound that is reached, if one is.
    pub(crate) fn reached(&self, budget: &Budget) -> Option<Stop> {
        if budget.stop.is_set() {
            return Some(Stop { name: "simulation_seconds_max", max: budget.seconds_max });
        }
        if self.too_deep {
            let max = u64::try_from(OPENED_DEPTH_MAX).unwrap_or(u64::MAX);
            return Some(Stop { name: "opened_depth_max", max });
        }
        let bounds = [
            ("simulation_cases_max", self.cases, budget.cases_max),
            ("simulation_items_max", self.items, budget.items_max),
            ("simulation_moments_max", self.moments, budget.moments_max),
            ("simulation_memory_bytes_max", self.memory, budget.memory_bytes_max),
        ];
        let reached = bounds.into_iter().find(|(_, used, max)| used > max);
        reached.map(|(name, _, max)| Stop { name, max })
    }
}
