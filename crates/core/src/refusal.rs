//! Why a command was refused. The case is unchanged.

use duban_calendar::Instant;
use duban_model::Assignee;
use serde::Serialize;

use crate::ids::{CaseId, ItemKey};
use crate::item::Status;

/// A field of a form that was filled in wrongly.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FieldProblem {
    /// The field's name; a table's as `rows[2].amount`.
    pub field: String,
    /// What is wrong, in Chinese.
    pub message: String,
}

/// Why a command was refused.
///
/// Messages are lowercase fragments that read well after "refused: ". Every code is explained in
/// `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No case of that id. Check the id.
    #[error("case `{0}` does not exist")]
    NoCase(CaseId),
    /// The case exists already. Callers may treat this as success.
    #[error("case `{0}` exists already")]
    Exists(CaseId),
    /// No item of that key. Check the key.
    #[error("item `{0}` does not exist")]
    NoItem(ItemKey),
    /// Earlier moments must happen first. Wake the case, store that, and ask again.
    #[error("moments before the command have not happened yet; wake the case first")]
    WakeFirst,
    /// The move is not possible in the item's status.
    #[error("`{act}` is not possible while item `{item}` is {}", status.as_str())]
    WrongStatus {
        /// The move.
        act: &'static str,
        /// The item.
        item: ItemKey,
        /// Its status.
        status: Status,
    },
    /// Work on the item has stopped. Resume it first.
    #[error("item `{0}` is suspended")]
    Suspended(ItemKey),
    /// The move is not possible for this kind of item.
    #[error("`{act}` is not possible for item `{item}`: {why}")]
    NotApplicable {
        /// The move.
        act: &'static str,
        /// The item or case.
        item: String,
        /// Why not.
        why: &'static str,
    },
    /// The actor may not make this move. It belongs to those named.
    #[error("`{act}` on `{item}` belongs to {}", list(allowed))]
    NotAllowed {
        /// The move.
        act: &'static str,
        /// The item or case.
        item: String,
        /// Who may.
        allowed: Vec<Assignee>,
    },
    /// The actor did the work, or stands in for whoever did. Somebody else must review it.
    #[error("`{person}` worked on `{item}` and may not review it")]
    SamePerson {
        /// The person.
        person: String,
        /// The item.
        item: ItemKey,
    },
    /// The person does not stand in for the other at this time.
    #[error("`{person}` does not stand in for `{absent}` today")]
    NoStandIn {
        /// Who acts.
        person: String,
        /// Who is absent.
        absent: String,
    },
    /// The task must be done in person.
    #[error("item `{0}` must be done in person")]
    InPerson(ItemKey),
    /// The form does not fit. Correct the fields named.
    #[error("the form does not fit: {}", fields(.0))]
    BadForm(Vec<FieldProblem>),
    /// Files that are owed at submission are missing.
    #[error("evidence is missing: {}", .0.join("、"))]
    EvidenceMissing(Vec<String>),
    /// A move that owes a reason came without one.
    #[error("`{0}` needs a reason")]
    ReasonMissing(&'static str),
    /// The submission counts for no window of this duty that is open.
    #[error("the submission counts for no open window of item `{0}`")]
    NoWindow(ItemKey),
    /// An extension cannot be asked for any more, or not for so long, or not so often.
    #[error("extension of item `{item}`: {why}")]
    Extension {
        /// The item.
        item: ItemKey,
        /// Why not.
        why: ExtensionRefusal,
    },
    /// The owner was urged a short while ago.
    #[error("item `{item}` was urged already; again from {until}")]
    CoolDown {
        /// The item.
        item: ItemKey,
        /// When it may be urged again.
        until: Instant,
    },
    /// The case is closed, struck off or cancelled.
    #[error("case `{0}` is not open")]
    CaseClosed(CaseId),
    /// Something is still open.
    #[error("{open} items are still open")]
    StillOpen {
        /// How many.
        open: usize,
    },
    /// The engine failed in this case. An operator must repair it.
    #[error("case `{case}` is faulted: {error}")]
    Faulted {
        /// The case.
        case: CaseId,
        /// What happened.
        error: String,
    },
    /// A value lies outside its range.
    #[error("{what} must be {range}")]
    OutOfRange {
        /// What.
        what: &'static str,
        /// The range.
        range: &'static str,
    },
    /// An expression of the definition failed while the case was being opened.
    #[error("the definition's `{key}` failed: {error}")]
    Definition {
        /// The key.
        key: String,
        /// What went wrong.
        error: String,
    },
    /// The command would write more events than one commit may hold.
    #[error("limit `events_max` ({max}) reached")]
    TooManyEvents {
        /// The limit.
        max: usize,
    },
    /// The environment holds another definition than the case runs on.
    #[error("the environment holds definition {given}, the case runs on {expected}")]
    OtherDefinition {
        /// The case's.
        expected: String,
        /// The environment's.
        given: String,
    },
}

/// Why an extension cannot be asked for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionRefusal {
    /// The definition allows none.
    #[error("none is allowed")]
    None,
    /// The item has no due date.
    #[error("it has no due date")]
    NoDue,
    /// As many as allowed were granted.
    #[error("{0} were granted already")]
    TooMany(u32),
    /// The time for asking is over.
    #[error("asking ended at {0}")]
    TooLate(Instant),
    /// Longer than allowed.
    #[error("at most until {0}")]
    TooLong(Instant),
    /// Not later than the due date in force.
    #[error("it must be later than {0}")]
    NotLater(Instant),
    /// Nothing was asked for.
    #[error("none was asked for")]
    NotAsked,
}

fn list(allowed: &[Assignee]) -> String {
    if allowed.is_empty() {
        return "nobody".to_owned();
    }
    allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn fields(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}：{}", problem.field, problem.message)).collect();
    lines.join("；")
}

impl Refusal {
    /// Stable code for logs, HTTP bodies and exit messages.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCase(_) => "DB2001",
            Self::Exists(_) => "DB2002",
            Self::NoItem(_) => "DB2003",
            Self::WakeFirst => "DB2004",
            Self::WrongStatus { .. } => "DB2005",
            Self::Suspended(_) => "DB2006",
            Self::NotApplicable { .. } => "DB2007",
            Self::NotAllowed { .. } => "DB2008",
            Self::SamePerson { .. } => "DB2009",
            Self::NoStandIn { .. } => "DB2010",
            Self::InPerson(_) => "DB2011",
            Self::BadForm(_) => "DB2012",
            Self::EvidenceMissing(_) => "DB2013",
            Self::ReasonMissing(_) => "DB2014",
            Self::NoWindow(_) => "DB2015",
            Self::Extension { .. } => "DB2016",
            Self::CoolDown { .. } => "DB2017",
            Self::CaseClosed(_) => "DB2018",
            Self::StillOpen { .. } => "DB2019",
            Self::Faulted { .. } => "DB2020",
            Self::OutOfRange { .. } => "DB2021",
            Self::Definition { .. } => "DB2022",
            Self::TooManyEvents { .. } => "DB2023",
            Self::OtherDefinition { .. } => "DB2024",
        }
    }

    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::NoCase(case) => format!("没有督办事项 {case}，请核对编号"),
            Self::Exists(case) => format!("督办事项 {case} 已经立项"),
            Self::NoItem(item) => format!("没有任务 {item}，请核对"),
            Self::WakeFirst => "此前到点的事项尚未处理，请稍后重试".to_owned(),
            Self::WrongStatus { item, status, act } => {
                format!("任务 {item} 处于“{}”，不能执行 {act}", status.zh())
            }
            Self::Suspended(item) => format!("任务 {item} 已挂起，请先恢复"),
            Self::NotApplicable { act, item, why } => format!("{item} 不能执行 {act}：{why}"),
            Self::NotAllowed { act, item, allowed } => {
                format!("您无权对 {item} 执行 {act}，应由 {} 办理", list(allowed))
            }
            Self::SamePerson { item, .. } => format!("承办人不能审核自己承办的任务 {item}"),
            Self::NoStandIn { person, absent } => format!("{person} 今日不是 {absent} 的代理人"),
            Self::InPerson(item) => format!("任务 {item} 须本人办理，不得代理"),
            Self::BadForm(problems) => format!("表单有误：{}", fields(problems)),
            Self::EvidenceMissing(names) => format!("缺少佐证材料：{}", names.join("、")),
            Self::ReasonMissing(act) => format!("{act} 须写明理由"),
            Self::NoWindow(item) => format!("提交内容不属于 {item} 的任何开放周期"),
            Self::Extension { item, why } => format!("任务 {item} 不能延期：{why}"),
            Self::CoolDown { item, .. } => format!("任务 {item} 刚刚催办过，请稍后再催"),
            Self::CaseClosed(case) => format!("督办事项 {case} 不在办理中"),
            Self::StillOpen { open } => format!("尚有 {open} 项未办结"),
            Self::Faulted { case, error } => {
                format!("督办事项 {case} 处理异常，待管理员修复：{error}")
            }
            Self::OutOfRange { what, range } => format!("{what} 应为 {range}"),
            Self::Definition { key, error } => format!("措施定义中的 {key} 计算失败：{error}"),
            Self::TooManyEvents { max } => {
                format!("一次操作产生的记录超过上限 events_max（{max}）")
            }
            Self::OtherDefinition { .. } => "督办事项所用的措施版本与所给版本不一致".to_owned(),
        }
    }
}
