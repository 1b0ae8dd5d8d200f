//! What the ledgers say of an item: whether a duty was done, what came of an interview, how an
//! indicator stands. Pages and API say it from here.

use duban_core::{Item, Status};
use duban_model::{DefinitionHash, TaskDef};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pages::Failure;
use crate::server::App;

/// What became of one window of a duty.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DutyState {
    /// The window is not judged yet.
    Open,
    /// It was done in the window.
    Done,
    /// It was not.
    Missed,
    /// It was not, and was made up for later.
    MadeUp,
}

impl DutyState {
    pub(crate) fn of(item: &Item) -> Self {
        match item.window_met {
            None => Self::Open,
            Some(true) => Self::Done,
            Some(false) if item.status.is_closed() => Self::MadeUp,
            Some(false) => Self::Missed,
        }
    }

    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::Open => "未判定",
            Self::Done => "履行",
            Self::Missed => "未履行",
            Self::MadeUp => "补办",
        }
    }
}

/// What came of an interview.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InterviewState {
    /// It has not been held.
    Pending,
    /// It was held, and what it demanded is under way.
    Rectifying,
    /// What it demanded is overdue.
    Unrectified,
    /// The supervision office has struck it off.
    StruckOff,
    /// It went to the body that holds people to account.
    Referred,
    /// It was called off.
    Cancelled,
}

impl InterviewState {
    pub(crate) fn of(item: &Item) -> Self {
        if item.referred_at.is_some() {
            Self::Referred
        } else if item.struck_off_at.is_some() {
            Self::StruckOff
        } else if item.unrectified {
            Self::Unrectified
        } else if item.status == Status::Done {
            Self::Rectifying
        } else if item.status == Status::Cancelled {
            Self::Cancelled
        } else {
            Self::Pending
        }
    }

    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::Pending => "待约谈",
            Self::Rectifying => "已约谈，整改中",
            Self::Unrectified => "逾期未整改",
            Self::StruckOff => "已销号",
            Self::Referred => "已移送",
            Self::Cancelled => "已中止",
        }
    }
}

/// How an indicator stands against its target.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It is not judged yet.
    Open,
    /// The target was met.
    Met,
    /// It was not.
    Missed,
    /// A value was reported, but not in time.
    Late,
    /// Nobody reported a value.
    Unreported,
}

impl Verdict {
    pub(crate) fn of(item: &Item) -> Self {
        match (item.judged, item.met) {
            (false, _) => Self::Open,
            (true, Some(true)) => Self::Met,
            (true, Some(false)) => Self::Missed,
            (true, None) if item.value.is_some() => Self::Late,
            (true, None) => Self::Unreported,
        }
    }

    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::Open => "未判定",
            Self::Met => "达标",
            Self::Missed => "未达标",
            Self::Late => "未按期上报",
            Self::Unreported => "未上报",
        }
    }
}

/// A task of a current definition.
pub(crate) struct Listed {
    /// `WORKFLOW/TASK`.
    pub(crate) value: String,
    /// What people read.
    pub(crate) name: String,
    /// In what its indicator counts; empty where it has none.
    pub(crate) unit: String,
}

/// Tasks of the current definitions that a ledger is about.
pub(crate) async fn tasks_with<S: Store>(
    app: &App<S>,
    is_meant: impl Fn(&TaskDef) -> bool,
) -> Result<Vec<Listed>, Failure> {
    let mut listed = Vec::new();
    for (_, workflow, hash) in app.engine.store().currents().await? {
        let definition = app.engine.definition(&DefinitionHash::new(&hash)).await?;
        for task in definition.workflow.tasks.iter().filter(|task| is_meant(task)) {
            let unit = task.indicator.as_ref().map(|indicator| indicator.unit.clone());
            listed.push(Listed {
                value: format!("{workflow}/{}", task.id),
                name: format!("{}：{}", definition.workflow.title, task.title),
                unit: unit.unwrap_or_default(),
            });
        }
    }
    Ok(listed)
}

/// Whether a task is a periodic duty.
pub(crate) fn is_duty(task: &TaskDef) -> bool {
    task.every.is_some()
}

/// Whether a task has a number with a target, or planned progress.
pub(crate) fn has_indicator(task: &TaskDef) -> bool {
    task.indicator.is_some() || !task.plan.is_empty()
}
