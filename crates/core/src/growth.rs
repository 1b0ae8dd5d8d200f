//! Rule 38: how far cases grow by themselves.
//!
//! A script that opens tasks or cases whenever it runs would never end. What lies inside one case
//! is counted there; how deep and how often cases open cases is counted where messages are routed.

use serde::{Deserialize, Serialize};

use crate::case::CaseHead;
use crate::command::Message;

/// How deep cases may open cases one out of the other; what lies deeper is never opened.
pub const OPENED_DEPTH_MAX: usize = 8;

/// Cases of one workflow that other cases may open for one unit on one day; further ones open on
/// the next day, in order.
pub const OPENED_PER_DAY_MAX: usize = 100;

/// Cases that the scripts of one case may open in its whole life.
pub const SCRIPT_CASES_MAX: u32 = 1_000;

/// Tasks that the scripts of one case may open in its whole life.
pub const SCRIPT_TASKS_MAX: usize = 1_000;

/// A bound of growth inside one case.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// [`SCRIPT_CASES_MAX`].
    ScriptCases,
    /// [`SCRIPT_TASKS_MAX`].
    ScriptTasks,
}

impl Bound {
    /// What people read, with the bound's name and value.
    pub fn zh(self) -> String {
        match self {
            Self::ScriptCases => {
                format!("脚本自动立项已达上限 script_cases_max（{SCRIPT_CASES_MAX}）")
            }
            Self::ScriptTasks => {
                format!("脚本自动生成任务已达上限 script_tasks_max（{SCRIPT_TASKS_MAX}）")
            }
        }
    }
}

/// A case that a script of this one opened carries its number.
pub(crate) fn count_opened(head: &mut CaseHead, message: &Message) {
    if let Message::Open(request) = message {
        head.script_cases = head.script_cases.max(request.by_script);
    }
}
