//! What nobody can move on: kinds of attention that an item may need, each with its remedy.
//!
//! A case needs attention itself for what no item of it shows: a list that failed, that is empty, or
//! that the directory would make otherwise now.
//!
//! An item that is not closed needs attention unless a person who holds the post and is in the
//! directory may make its next move, or only time is awaited (rule 26). What is needed, and since
//! when, is a fact of the item. Whoever is told of it is told beside the cases, once a day.

use duban_calendar::Instant;
use serde::{Deserialize, Serialize};

/// Why an item, or a case, needs attention.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// Nobody who is there holds the owner's post.
    OwnerVacant,
    /// Nobody who is there holds the post of a reviewer whose answer is owed.
    ReviewerVacant,
    /// Whoever must review is the owner.
    OwnerReviews,
    /// Whoever must review has worked on it.
    ReviewerWorked,
    /// It is held until the supervision office lifts that, and nobody who is there is the office.
    OfficeVacant,
    /// A key's expression failed, and what it should have given is missing.
    ExpressionFailed,
    /// A list that gives no items keeps what follows it waiting.
    ListEmpty,
    /// The case that it waits for was cancelled.
    NeedCancelled,
    /// The case that it waits for is not there, long after all else that it needs.
    NeedMissing,
    /// Its sub-case has ended before it was done.
    SubCaseEnded,
    /// Its earlier sub-case does not answer that it has ended.
    SubCaseSilent,
    /// Its list gave the same key twice; the second was refused.
    KeyDuplicate,
    /// Its unit is not in the directory any more.
    UnitGone,
    /// What its scripts may spend ran out, and the rest of them did not happen.
    BudgetReached,
    /// A bound holds the opening of its sub-case back.
    HeldBack,
    /// A case's list would add items by the directory as it is now.
    ItemsCame,
    /// A case's list would drop items that are still owed.
    ItemsGone,
}

impl AttentionKind {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 17] = [
        Self::OwnerVacant,
        Self::ReviewerVacant,
        Self::OwnerReviews,
        Self::ReviewerWorked,
        Self::OfficeVacant,
        Self::ExpressionFailed,
        Self::ListEmpty,
        Self::NeedCancelled,
        Self::NeedMissing,
        Self::SubCaseEnded,
        Self::SubCaseSilent,
        Self::KeyDuplicate,
        Self::UnitGone,
        Self::BudgetReached,
        Self::HeldBack,
        Self::ItemsCame,
        Self::ItemsGone,
    ];

    /// The word in rows, filters, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnerVacant => "owner_vacant",
            Self::ReviewerVacant => "reviewer_vacant",
            Self::OwnerReviews => "owner_reviews",
            Self::ReviewerWorked => "reviewer_worked",
            Self::OfficeVacant => "office_vacant",
            Self::ExpressionFailed => "expression_failed",
            Self::ListEmpty => "list_empty",
            Self::NeedCancelled => "need_cancelled",
            Self::NeedMissing => "need_missing",
            Self::SubCaseEnded => "sub_case_ended",
            Self::SubCaseSilent => "sub_case_silent",
            Self::KeyDuplicate => "key_duplicate",
            Self::UnitGone => "unit_gone",
            Self::BudgetReached => "budget_reached",
            Self::HeldBack => "held_back",
            Self::ItemsCame => "items_came",
            Self::ItemsGone => "items_gone",
        }
    }

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What people read.
    pub fn zh(self) -> &'static str {
        self.words().0
    }

    /// What an office does about it.
    pub fn remedy_zh(self) -> &'static str {
        self.words().1
    }

    /// The same in English.
    pub fn en(self) -> &'static str {
        self.words().2
    }

    /// What an office does about it, in English.
    pub fn remedy_en(self) -> &'static str {
        self.words().3
    }

    /// Whether what the attention is about is a post that nobody fills, written as its assignee.
    pub fn is_vacancy(self) -> bool {
        matches!(self, Self::OwnerVacant | Self::ReviewerVacant | Self::OfficeVacant)
    }

    /// Whether a case itself may need it, for one of its lists.
    pub fn is_of_case(self) -> bool {
        matches!(self, Self::ItemsCame | Self::ItemsGone | Self::ExpressionFailed | Self::ListEmpty)
    }

    #[expect(clippy::too_many_lines, reason = "four texts for each kind")]
    fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::OwnerVacant => (
                "承办岗位无人在岗",
                "在通讯录中补上任职人员，或由督查机构转办",
                "nobody holds the owner's post",
                "fill the post in the directory, or transfer the task",
            ),
            Self::ReviewerVacant => (
                "审核岗位无人在岗",
                "在通讯录中补上任职人员，或由督查机构加签、减签",
                "nobody holds a reviewer's post",
                "fill the post in the directory, or add another countersigner and remove this one",
            ),
            Self::OwnerReviews => (
                "承办与审核为同一人",
                "由督查机构加签他人后减签，或转办",
                "owner and reviewer are one person",
                "add another countersigner and remove this one, or transfer the task",
            ),
            Self::ReviewerWorked => (
                "审核人参与过办理",
                "由督查机构加签未参与办理的人",
                "whoever must review has worked on it",
                "add a countersigner who has not worked on it",
            ),
            Self::OfficeVacant => (
                "督查机构无人在岗，挂起无人解除",
                "在通讯录中补上督查机构的任职人员",
                "nobody is there to lift the suspension",
                "fill the supervision office's posts in the directory",
            ),
            Self::ExpressionFailed => (
                "表达式出错",
                "改正措施后迁移，或由督查机构指派、定期限",
                "an expression failed",
                "correct the workflow and migrate, or assign the task and set its date",
            ),
            Self::ListEmpty => (
                "名单为空，后续任务无从开始",
                "补充名单中的对象，或由督查机构跳过后续任务",
                "a list without items keeps what follows waiting",
                "add an item to the list, or skip what follows",
            ),
            Self::NeedCancelled => (
                "所需的事项已中止",
                "由督查机构跳过本任务，或重新打开所需的事项",
                "the case that it needs was cancelled",
                "skip the task, or reopen the case that it needs",
            ),
            Self::NeedMissing => (
                "所需的事项一直没有立项",
                "为所需的措施立项，或由督查机构跳过本任务",
                "the case that it needs is not there",
                "open a case of the workflow that it needs, or skip the task",
            ),
            Self::SubCaseEnded => (
                "子事项未办结即已中止",
                "由督查机构跳过或中止本任务，或退回前置任务后重新立项",
                "its sub-case has ended before it was done",
                "skip or cancel the task, or return what comes before it so that it begins anew",
            ),
            Self::SubCaseSilent => (
                "原子事项未答复中止",
                "查看原子事项是否处理异常，修复后即会答复",
                "its earlier sub-case does not answer",
                "see whether the earlier sub-case has failed; repaired, it answers",
            ),
            Self::KeyDuplicate => (
                "名单中有重复的条目",
                "改正名单中重复的名称，未列入的另行交办",
                "its list gave a key twice",
                "correct the list, and hand out what was refused by itself",
            ),
            Self::UnitGone => (
                "单位已不在通讯录中",
                "移交承接的单位，或由督查机构中止本任务",
                "its unit is not in the directory any more",
                "transfer it to the unit that has taken over, or cancel it",
            ),
            Self::BudgetReached => (
                "脚本超出处理上限，其余未执行",
                "检查措施中的脚本是否循环或过大，改正后迁移",
                "its scripts were cut off by a bound",
                "see whether a script of the workflow is too large; correct and migrate",
            ),
            Self::HeldBack => (
                "子事项因上限暂未立项",
                "检查措施是否循环或重复立项；因每日上限顺延的次日自动立项",
                "a bound holds the opening of its sub-case back",
                "see whether the workflow opens itself; what was too much for a day opens on the next",
            ),
            Self::ItemsCame => (
                "通讯录变动，名单应增列",
                "由督查机构在事项页增列；措施写 follow: directory 则自动列入",
                "the directory changed, and a list would add items",
                "add them to the case; `follow: directory` in the workflow does it by itself",
            ),
            Self::ItemsGone => (
                "通讯录变动，名单应减列",
                "由督查机构在事项页逐项移交承接单位、按原样办完或中止",
                "the directory changed, and a list would drop items that are still owed",
                "hand each to the successor, let it be finished as it is, or cancel it",
            ),
        }
    }
}

/// One thing for which an item, or a case, needs attention.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Attention {
    /// Why.
    pub kind: AttentionKind,
    /// What it is about, the same text for the same cause: a post (`post:D1/书记`), a unit
    /// (`unit:D1`), a key, `workflow/task`, a task.
    pub about: String,
    /// Since when.
    pub since: Instant,
}

/// An item, or a case, needs attention from now on.
pub(crate) fn need(of: &mut Vec<Attention>, kind: AttentionKind, about: &str, at: Instant) {
    of.push(Attention { kind, about: about.to_owned(), since: at });
}

/// It does not need it any more.
pub(crate) fn end(of: &mut Vec<Attention>, kind: AttentionKind, about: &str) {
    of.retain(|one| one.kind != kind || one.about != about);
}

/// Kinds of attention, each once, joined by spaces, as rows have them; `None`: none is needed.
pub(crate) fn kinds_of(attention: &[Attention]) -> Option<String> {
    let mut kinds: Vec<&str> = Vec::new();
    for kind in attention.iter().map(|one| one.kind.as_str()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    (!kinds.is_empty()).then(|| kinds.join(" "))
}
