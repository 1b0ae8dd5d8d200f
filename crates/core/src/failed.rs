//! What failed and is still lacking, and what a changed directory would add and drop: kept until
//! somebody mends it.

use duban_calendar::{Instant, Span, Window};
use duban_model::TaskId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::case::CaseHead;
use crate::event::NewItem;
use crate::ids::ItemKey;
use crate::item::Item;

/// The keys of the definition whose values are kept, with the words that they have in its files.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptKey {
    /// `owner`.
    Owner,
    /// `reviewer`.
    Reviewer,
    /// `review_within`.
    ReviewWithin,
    /// `start_by`.
    StartBy,
    /// `due`.
    Due,
    /// `stall`.
    Stall,
    /// `target` of an indicator.
    Target,
    /// `value` of an indicator.
    Value,
    /// `when`.
    When,
    /// Which items a need means: `needs`.
    Needs,
    /// `grace`.
    Grace,
    /// `counts`.
    Counts,
    /// A list of the case: `each`.
    Each,
    /// `at` of a rung of `ladder`.
    Ladder,
    /// `at` of a rung of `review_ladder`.
    ReviewLadder,
}

impl KeptKey {
    /// The key of an item, read for it by its word; `None`: what it yields is not kept.
    pub(crate) fn of_item(word: &str) -> Option<Self> {
        let kept = [
            Self::Owner,
            Self::Reviewer,
            Self::ReviewWithin,
            Self::StartBy,
            Self::Due,
            Self::Stall,
            Self::Target,
            Self::Value,
            Self::When,
            Self::Needs,
            Self::Grace,
        ];
        kept.into_iter().find(|key| key.as_str() == word)
    }

    /// The word in the files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Reviewer => "reviewer",
            Self::ReviewWithin => "review_within",
            Self::StartBy => "start_by",
            Self::Due => "due",
            Self::Stall => "stall",
            Self::Target => "target",
            Self::Value => "value",
            Self::When => "when",
            Self::Needs => "needs",
            Self::Grace => "grace",
            Self::Counts => "counts",
            Self::Each => "each",
            Self::Ladder => "ladder",
            Self::ReviewLadder => "review_ladder",
        }
    }

    /// What people read for it.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Owner => "承办",
            Self::Reviewer => "审核",
            Self::ReviewWithin => "审核时限",
            Self::StartBy => "签收期限",
            Self::Due => "期限",
            Self::Stall => "停滞时长",
            Self::Target => "目标值",
            Self::Value => "指标值",
            Self::When => "条件",
            Self::Needs => "前置任务",
            Self::Grace => "宽限",
            Self::Counts => "是否计入",
            Self::Each => "名单",
            Self::Ladder => "督办阶梯",
            Self::ReviewLadder => "审核督办阶梯",
        }
    }
}

/// An expression of the definition whose value is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// Its key in the file.
    pub key: KeptKey,
    /// The rung's position in the ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<u16>,
    /// The task whose list it is (`each`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The window that the list is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

impl Expression {
    /// A key of an item.
    pub(crate) fn of(key: KeptKey) -> Self {
        Self { key, rung: None, task: None, window: None }
    }

    /// A rung of a ladder.
    pub(crate) fn of_rung(key: KeptKey, rung: u16) -> Self {
        Self { rung: Some(rung), ..Self::of(key) }
    }

    /// A task's list, in a window or none.
    pub(crate) fn of_list(task: &TaskId, window: Option<Window>) -> Self {
        Self { task: Some(task.clone()), window, ..Self::of(KeptKey::Each) }
    }
}

/// An expression that failed and has not been evaluated again.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// Which.
    pub expression: Expression,
    /// What it said last, in Chinese, with its place.
    pub error: String,
    /// When it failed first.
    pub since: Instant,
}

/// What mended expressions yielded, where no other fact says it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct MendedValues {
    /// How long silence may last, and when it will have lasted too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<(Span, Option<Instant>)>,
    /// By when to sign for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_by: Option<Instant>,
    /// The indicator's target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Decimal>,
    /// The indicator's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
}

impl MendedValues {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a case's axes would add and drop by the directory as it is now.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct AxisDifferences {
    /// Keys of items that they would add, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<ItemKey>,
    /// Keys of items that they would drop and that are still owed, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ItemKey>,
}

impl AxisDifferences {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.gone.is_empty()
    }
}

/// Notes a failure; one that is known keeps its beginning.
fn note(list: &mut Vec<Failed>, expression: &Expression, error: &str, at: Instant) {
    match list.iter_mut().find(|failed| failed.expression == *expression) {
        Some(known) => error.clone_into(&mut known.error),
        None => {
            list.push(Failed { expression: expression.clone(), error: error.to_owned(), since: at })
        }
    }
}

/// Forgets the failures of a key.
pub(crate) fn forget(list: &mut Vec<Failed>, key: KeptKey) {
    list.retain(|failed| failed.expression.key != key);
}

/// An item's expression failed, and its value is lacking until somebody mends it.
pub(crate) fn of_item(item: &mut Item, keeps: Option<&Expression>, error: &str, at: Instant) {
    if let Some(expression) = keeps {
        note(&mut item.failed, expression, error, at);
    }
}

/// The same for a list of the case.
pub(crate) fn of_head(head: &mut CaseHead, keeps: Option<&Expression>, error: &str, at: Instant) {
    if let Some(expression) = keeps {
        note(&mut head.failed, expression, error, at);
    }
}

pub(crate) fn mend(item: &mut Item, what: &[Expression], values: &MendedValues, at: Instant) {
    item.failed.retain(|failed| !what.contains(&failed.expression));
    if let Some((span, at)) = values.stall {
        (item.stall, item.stall_at) = (Some(span), at);
    }
    item.start_by = values.start_by.or(item.start_by);
    item.target = values.target.or(item.target);
    item.value = values.value.or(item.value);
    item.note("mended", at);
}

pub(crate) fn mend_lists(head: &mut CaseHead, what: &[Expression]) {
    head.failed.retain(|failed| !what.contains(&failed.expression));
}

/// An entry whose `counts` had failed counts after all.
pub(crate) fn count_entry(item: &mut Item, entry: u32) {
    let place = usize::try_from(entry).unwrap_or(usize::MAX);
    if let Some(entry) = item.entries.get_mut(place) {
        entry.counts = true;
    }
}

/// What the axes of a case would add and drop from now on.
pub(crate) fn differ(head: &mut CaseHead, came: &[ItemKey], gone: &[ItemKey]) {
    let differs = AxisDifferences { came: came.to_vec(), gone: gone.to_vec() };
    head.differs = (!differs.is_empty()).then_some(differs);
}

/// Items that came are there now.
pub(crate) fn settle_came(head: &mut CaseHead, items: &[NewItem]) {
    settle(head, |came| items.iter().any(|item| item.key == *came), |_| false);
}

/// An item that would go has ended, or somebody has said what becomes of it.
pub(crate) fn settle_gone(head: &mut CaseHead, item: &ItemKey) {
    settle(head, |_| false, |gone| gone == item);
}

/// Takes away what is settled of the differences.
fn settle(head: &mut CaseHead, came: impl Fn(&ItemKey) -> bool, gone: impl Fn(&ItemKey) -> bool) {
    let Some(differs) = &mut head.differs else { return };
    differs.came.retain(|key| !came(key));
    differs.gone.retain(|key| !gone(key));
    if differs.is_empty() {
        head.differs = None;
    }
}
