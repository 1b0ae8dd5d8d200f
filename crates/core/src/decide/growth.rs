//! What a bound of growth holds back inside one case.

use super::Turn;
use crate::fact::Fact;
use crate::growth::{Bound, SCRIPT_CASES_MAX, SCRIPT_TASKS_MAX};
use crate::ids::ItemKey;

impl Turn<'_> {
    /// Whether a script may open one more case; its number.
    pub(super) fn next_script_case(&mut self, key: &ItemKey) -> Option<u32> {
        let opened = self.case.head().script_cases;
        if opened >= SCRIPT_CASES_MAX {
            self.hold_back(key, Bound::ScriptCases);
            return None;
        }
        Some(opened + 1)
    }

    /// Whether a script may open one more task.
    pub(super) fn may_open_task(&mut self, key: &ItemKey) -> bool {
        let may = self.case.items_of("extra").count() < SCRIPT_TASKS_MAX;
        if !may {
            self.hold_back(key, Bound::ScriptTasks);
        }
        may
    }

    /// The first thing that is held back is told; the log has each.
    fn hold_back(&mut self, key: &ItemKey, bound: Bound) {
        let text = format!("{}，未予办理", bound.zh());
        if self.case.head().bounds.contains(&bound) {
            self.log(key, text);
            return;
        }
        self.push(Fact::BoundReached { item: key.clone(), bound });
        self.alarm(Some(key), format!("{text}，请检查措施的脚本。"));
    }
}
