//! What a script asks for. Each action becomes one event; nothing happens before the commit.

use std::collections::BTreeMap;

use duban_calendar::{Instant, Span};
use duban_model::{Assignee, UnitId, WorkflowId};
use serde::{Deserialize, Serialize};

/// A colour of a supervision slip.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlipColour {
    /// 蓝色督办单.
    Blue,
    /// 黄色督办单.
    Yellow,
    /// 红色督办单.
    Red,
}

impl SlipColour {
    /// The word that people read, before 督办单.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Blue => "蓝色",
            Self::Yellow => "黄色",
            Self::Red => "红色",
        }
    }
}

/// What a script asks for.
///
/// Scripts propose and prompt. There is no action that approves, accepts or skips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A reminder to someone.
    Remind {
        /// Who is reminded.
        to: Vec<Assignee>,
        /// What it says; left out: the standard text.
        text: Option<String>,
    },
    /// A numbered supervision slip.
    Slip {
        /// Its colour.
        colour: SlipColour,
        /// Who gets it.
        to: Vec<Assignee>,
        /// What it says.
        text: Option<String>,
    },
    /// A notice that names the unit before others.
    Notice {
        /// Who gets it; empty: the unit, its superior and the supervision office.
        to: Vec<Assignee>,
        /// What it says.
        text: Option<String>,
    },
    /// An interview: opens a task of the superior, then the rectification.
    Interview {
        /// Who is interviewed.
        who: Assignee,
        /// Who holds it.
        by: Assignee,
        /// Why.
        why: String,
        /// By when it must be held.
        due: Instant,
        /// How long the rectification may take after the interview.
        rectify_within: Span,
    },
    /// The case is handed to the body that holds people to account.
    Refer {
        /// To whom; `None`: the supervision unit.
        to: Option<Assignee>,
        /// Why.
        why: String,
    },
    /// A further task in this case.
    OpenTask {
        /// What people read.
        title: String,
        /// Who owes it.
        owner: Assignee,
        /// Who accepts it; `None`: the owner's superior.
        reviewer: Option<Assignee>,
        /// By when.
        due: Option<Instant>,
        /// The ladder it climbs; `None`: the suite's.
        ladder: Option<String>,
        /// Why.
        why: Option<String>,
    },
    /// A case of another workflow of the suite.
    OpenCase {
        /// The workflow.
        workflow: WorkflowId,
        /// For which unit.
        unit: UnitId,
        /// Its data, read as `case.form`.
        form: serde_json::Map<String, serde_json::Value>,
    },
    /// The task gets another owner.
    Assign {
        /// The new owner.
        to: Assignee,
        /// Why.
        why: Option<String>,
    },
    /// The due date moves. Refused in a script that time has triggered.
    Extend {
        /// The new due date.
        due: Instant,
        /// Why.
        why: String,
    },
    /// The task is cancelled. Refused in a script that time has triggered.
    Cancel {
        /// Why.
        why: String,
    },
    /// A value kept with the case, read as `case.vars.NAME`.
    Set {
        /// Its name.
        name: String,
        /// The value.
        value: serde_json::Value,
    },
    /// Points for or against a unit.
    Score {
        /// The unit.
        unit: UnitId,
        /// Points, in hundredths.
        points: i64,
        /// Why.
        why: String,
    },
    /// A custom event for webhooks.
    Emit {
        /// Its type.
        kind: String,
        /// Its data.
        data: BTreeMap<String, serde_json::Value>,
    },
    /// A line in the case's log.
    Log {
        /// The line.
        text: String,
    },
}
