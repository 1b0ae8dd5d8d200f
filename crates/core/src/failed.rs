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

/// An expression of the definition whose value is kept.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    /// Its key in the file: `owner`, `reviewer`, `due`, `stall`, `counts`, `each` and the like; of
    /// a rung `ladder`, of a review's rung `review_ladder`.
    pub key: String,
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
    /// What people read for its key.
    pub fn zh(&self) -> &str {
        match self.key.as_str() {
            "owner" => "承办",
            "reviewer" => "审核",
            "review_within" => "审核时限",
            "start_by" => "签收期限",
            "due" => "期限",
            "stall" => "停滞时长",
            "target" => "目标值",
            "value" => "指标值",
            "when" => "条件",
            "needs" => "前置任务",
            "grace" => "宽限",
            "counts" => "是否计入",
            "each" => "名单",
            "ladder" => "督办阶梯",
            "review_ladder" => "审核督办阶梯",
            other => other,
        }
    }

    /// A key of an item.
    pub(crate) fn of(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    /// A rung of a ladder: `ladder` or `review_ladder`.
    pub(crate) fn of_rung(key: &str, rung: u16) -> Self {
        Self { rung: Some(rung), ..Self::of(key) }
    }

    /// A task's list, in a window or none.
    pub(crate) fn of_list(task: &TaskId, window: Option<Window>) -> Self {
        Self { task: Some(task.clone()), window, ..Self::of("each") }
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
pub(crate) fn forget(list: &mut Vec<Failed>, key: &str) {
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
