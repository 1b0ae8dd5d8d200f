//! Migrations: what is carried over to another definition, what may be taken over from it, and the
//! report of what a migration means for a case.

use std::collections::BTreeMap;

use duban_model::{DefinitionHash, TaskId};
use serde::{Deserialize, Serialize};

use crate::event::Side;
use crate::ids::{CaseId, ItemKey};

/// The most differences that a report lists one by one; the others are counted.
pub const CHANGES_MAX: usize = 1_000;

/// What a migration takes over from the new definition where it differs for work that has begun.
/// What is not named is kept as it is in force.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// Due dates.
    Due,
    /// Owners.
    Owner,
    /// Reviewers.
    Reviewer,
    /// Ladders: which one, and the instants of rungs that are still to fire.
    Ladder,
    /// The windows of duties.
    Cadence,
    /// Lists that items are made of (`each`).
    Items,
}

impl Take {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Due, Self::Owner, Self::Reviewer, Self::Ladder, Self::Cadence, Self::Items];

    /// The word on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Owner => "owner",
            Self::Reviewer => "reviewer",
            Self::Ladder => "ladder",
            Self::Cadence => "cadence",
            Self::Items => "items",
        }
    }

    /// The word that people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Due => "期限",
            Self::Owner => "承办",
            Self::Reviewer => "审核",
            Self::Ladder => "阶梯",
            Self::Cadence => "周期",
            Self::Items => "名单",
        }
    }

    /// What a word names.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|take| take.name() == word)
    }
}

/// What changes its name or place between two definitions; part of the migration's event, because
/// folding knows no definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MigrationMap {
    /// By its old id, each task whose name, axes, fields or needs have changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<TaskId, TaskMap>,
    /// Fields of the case's own form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form: Vec<FieldMap>,
    /// Ladders whose rungs have changed their places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladders: Vec<LadderMap>,
    /// What tasks were called until then, by every id that they had, where they are called otherwise
    /// now or are gone. Lines of that time keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub titles: BTreeMap<TaskId, String>,
}

/// What tasks were called up to an event of the case.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PastTitles {
    /// The position of the event that took the titles away.
    pub until: u64,
    /// By the tasks' ids.
    pub titles: BTreeMap<TaskId, String>,
}

impl MigrationMap {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a task is called now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskMap {
    /// Its id.
    pub to: TaskId,
    /// Its order.
    pub order: u32,
    /// Axes: old name, new name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub axes: BTreeMap<String, String>,
    /// Fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldMap>,
    /// Needs: old position, new position; those left out are gone. `None`: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<BTreeMap<u16, u16>>,
}

/// What a field is called now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldMap {
    /// The old name.
    pub from: String,
    /// The new one.
    pub to: String,
    /// Columns of a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Self>,
}

/// Where the rungs of a ladder stand now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LadderMap {
    /// Whose ladder it is.
    pub side: Side,
    /// Its name in the old definition.
    pub from: String,
    /// The tasks (by their new ids) and other kinds of items that this is for; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskId>,
    /// The ladder climbed from now on; `None`: none.
    pub to: Option<String>,
    /// Old place, new place.
    pub rungs: BTreeMap<u16, u16>,
    /// Names of the rungs that are gone, by their old places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gone: BTreeMap<u16, String>,
}

/// What a migration means for one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MigrationReport {
    /// The case.
    pub case: CaseId,
    /// The definition that it ran on.
    pub from: DefinitionHash,
    /// The one that it runs on then.
    pub to: DefinitionHash,
    /// Every task of both: first those of the new definition, then those that are gone.
    pub tasks: Vec<TaskFate>,
    /// What differs for work that has begun, and what is done about it.
    pub changes: Vec<Change>,
    /// Further differences that are not listed.
    pub left_out: usize,
}

/// What becomes of a task's items.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskFate {
    /// The task; for one that is gone, as it was called.
    pub task: TaskId,
    /// What people read.
    pub title: String,
    /// What the old definition called it, if otherwise.
    pub was: Option<TaskId>,
    /// Whether only the new definition has it.
    pub new: bool,
    /// Whether only the old one had it.
    pub gone: bool,
    /// How many of its items stay as they are.
    pub kept: usize,
    /// Items that begin to exist.
    pub opened: Vec<ItemKey>,
    /// Items that are cancelled.
    pub cancelled: Vec<ItemKey>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What is different.
    pub what: Take,
    /// The task; for a rung that several tasks have, none.
    pub task: Option<TaskId>,
    /// The item, if it is one item's.
    pub item: Option<ItemKey>,
    /// What people read for the task or item.
    pub title: String,
    /// What is in force, as people read it; empty: nothing.
    pub from: String,
    /// What the new definition gives; empty: nothing.
    pub to: String,
    /// What is done.
    pub done: Done,
    /// More about it, in Chinese.
    pub note: Option<String>,
}

/// What is done about a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// What is in force stays.
    Kept,
    /// What the new definition gives is taken over.
    Taken,
}

impl Change {
    /// One line that people read.
    pub fn zh(&self) -> String {
        let or_none = |text: &str| if text.is_empty() { "无".to_owned() } else { text.to_owned() };
        let done = match self.done {
            Done::Kept => "保持不变",
            Done::Taken => "改用新版",
        };
        let note = self.note.as_ref().map(|note| format!("（{note}）")).unwrap_or_default();
        format!(
            "“{}”{}：{} → {}，{done}{note}",
            self.title,
            self.what.zh(),
            or_none(&self.from),
            or_none(&self.to)
        )
    }
}
