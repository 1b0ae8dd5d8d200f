//! Why a command was refused. The case is unchanged.

use std::fmt;

use duban_calendar::{Date, Instant};
use duban_model::Assignee;
use duban_script::Spent;
use serde::Serialize;

use crate::ids::{CaseId, ItemKey};
use crate::item::Status;
use crate::moves::MoveKind;
use crate::tell::Teller;

/// A field of a form that was filled in wrongly.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FieldProblem {
    /// The field's name; a table's as `rows[2].amount`.
    pub field: String,
    /// What is wrong, in Chinese.
    pub message: String,
}

/// Part of a message, in both languages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Why {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
    /// The field that it is about, as the table of moves calls it.
    pub field: Option<&'static str>,
}

impl Why {
    /// Both texts.
    pub const fn new(en: &'static str, zh: &'static str) -> Self {
        Self { en, zh, field: None }
    }

    /// The same about a field.
    #[must_use]
    pub const fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.en)
    }
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
        why: Why,
    },
    /// The move could be made, but not with this content. Give other content.
    #[error("`{act}` on `{item}`: {why}")]
    Unsuitable {
        /// The move.
        act: &'static str,
        /// The item or case.
        item: String,
        /// What is wrong with it.
        why: Why,
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
    /// The task must be done in person: nobody stands in, it is not transferred, and whoever it is
    /// delegated to reports and submits alone.
    #[error("item `{0}` must be done in person: a delegate may report and submit, nothing else")]
    InPerson(ItemKey),
    /// What the entry is about counts already, for this window or another. Submit what was held
    /// besides, or have the other entry returned.
    #[error("what was submitted for `{item}` counts already, as an entry of `{used}`")]
    EventUsed {
        /// The occurrence for which it was submitted.
        item: ItemKey,
        /// The occurrence of which it is an entry.
        used: ItemKey,
    },
    /// Several done items upstream could be meant by a return. Name one or more of them.
    #[error("`return` of `{item}` must say in `upstream` which of {} is meant", keys(among))]
    UpstreamUnclear {
        /// The item in hand.
        item: ItemKey,
        /// The items that could be meant.
        among: Vec<ItemKey>,
    },
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
        range: Why,
    },
    /// An expression of the definition failed while the case was being opened.
    #[error("the definition's `{key}` failed: {error}")]
    Definition {
        /// The key.
        key: String,
        /// What went wrong.
        error: String,
    },
    /// The command asks for more than one decision may take. Make the workflow's scripts do less,
    /// or its tasks fewer; after `decision_ms_max` the machine was too busy, and it may be repeated.
    #[error("one decision may not take so much: limit `{}` reached", .0.limit())]
    OverBudget(Spent),
    /// After the migration something would wait for what never comes, or be read as nothing. Mend
    /// the new definition as the reasons say.
    #[error("the migration would strand work: {}", obstacles(.0))]
    Stranded(Vec<Obstacle>),
    /// The environment holds another definition than the case runs on.
    #[error("the environment holds definition {given}, the case runs on {expected}")]
    OtherDefinition {
        /// The case's.
        expected: String,
        /// The environment's.
        given: String,
    },
}

/// Why a case cannot run on another definition.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Items exist without an axis that the definition gives their task. Say what it was called
    /// (`was`), or take the list over.
    Axis {
        /// The task's title.
        task: String,
        /// The axis.
        axis: String,
    },
    /// A task's list is read from work that is done and holds nothing for it; what needs the task
    /// would go on without it.
    NoItems {
        /// The task's title.
        task: String,
        /// Titles of the tasks that the list is read from.
        from: String,
    },
}

impl Obstacle {
    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::Axis { task, axis } => format!(
                "任务“{task}”已有条目，条目上没有轴 {axis}；轴改了名的，在新版写 was，\
                 要按新名单重建的，改用新版名单（items）"
            ),
            Self::NoItems { task, from } => format!(
                "任务“{task}”的名单取自已办结的“{from}”，其中没有内容，后面的任务将不等它就开始"
            ),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Axis { task, axis } => write!(
                formatter,
                "items of `{task}` have no axis `{axis}`; name it by `was` or take `items` over"
            ),
            Self::NoItems { task, from } => {
                write!(formatter, "the list of `{task}` is empty in what `{from}` came to")
            }
        }
    }
}

fn obstacles(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Why an extension cannot be asked for. Days are those of the suite's time zone.
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
    TooLate(Date),
    /// Longer than allowed.
    #[error("at most until {0}")]
    TooLong(Date),
    /// Not later than the due date in force.
    #[error("it must be later than {0}")]
    NotLater(Date),
    /// Nothing was asked for.
    #[error("none was asked for")]
    NotAsked,
}

impl ExtensionRefusal {
    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::None => "本任务不得延期".to_owned(),
            Self::NoDue => "本任务没有期限".to_owned(),
            Self::TooMany(granted) => format!("已延期 {granted} 次，不得再延"),
            Self::TooLate(day) => format!("申请延期已于 {} 截止", day),
            Self::TooLong(day) => format!("最晚可延至 {}", day),
            Self::NotLater(day) => format!("须晚于现期限 {}", day),
            Self::NotAsked => "没有待答复的延期申请".to_owned(),
        }
    }
}

fn not_allowed(on: &str, act: &'static str, who: &str) -> String {
    format!("您无权对 {on} 执行“{}”，应由 {who} 办理", move_zh(act))
}

fn list(allowed: &[Assignee]) -> String {
    if allowed.is_empty() {
        return "nobody".to_owned();
    }
    allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Keys that a message names.
const KEYS_SHOWN: usize = 10;

/// Keys in a message, not too many of them.
fn keys(among: &[ItemKey]) -> String {
    let shown: Vec<&str> = among.iter().take(KEYS_SHOWN).map(ItemKey::as_str).collect();
    let more = if among.len() > KEYS_SHOWN { "…" } else { "" };
    format!("{}{more}", shown.join("、"))
}

fn fields(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}：{}", problem.field, problem.message)).collect();
    lines.join("；")
}

/// What people call a move, an opening or what operators see to; what only cases and the engine
/// say keeps its name.
fn move_zh(act: &'static str) -> &'static str {
    match act {
        "open" => "立项",
        "repair" => "修复",
        "migrate" => "迁移到新版",
        "take_back" => "撤销误判",
        "apply_calendar" => "按新日历重算",
        "apply_directory" | "apply_holders" => "按新通讯录调整",
        other => MoveKind::named(other).map_or(other, MoveKind::zh),
    }
}

/// What people call a value that a command brings along.
fn value_zh(what: &'static str) -> &'static str {
    match what {
        "period" => "期间",
        "date" => "日期",
        "since" => "设立日期",
        "from" => "开始日期",
        "to" => "结束日期",
        "until" => "截止日期",
        "due" => "期限",
        other => {
            let asks = MoveKind::ALL.iter().flat_map(|kind| kind.asks());
            asks.into_iter().find(|ask| ask.field == other).map_or(other, |ask| ask.zh)
        }
    }
}

/// What a move is on: an item by its key, or the case, which moves on it call `case`.
fn on_zh(on: &str) -> &str {
    if on == "case" { "本事项" } else { on }
}

impl Refusal {
    /// Whether the same move with other content could be taken.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::BadForm(_)
            | Self::EvidenceMissing(_)
            | Self::ReasonMissing(_)
            | Self::OutOfRange { .. }
            | Self::Unsuitable { .. }
            | Self::UpstreamUnclear { .. }
            | Self::NoWindow(_)
            | Self::EventUsed { .. } => true,
            Self::Extension { why, .. } => {
                matches!(why, ExtensionRefusal::TooLong(_) | ExtensionRefusal::NotLater(_))
            }
            Self::NoCase(_)
            | Self::Exists(_)
            | Self::NoItem(_)
            | Self::WakeFirst
            | Self::WrongStatus { .. }
            | Self::Suspended(_)
            | Self::NotApplicable { .. }
            | Self::NotAllowed { .. }
            | Self::SamePerson { .. }
            | Self::NoStandIn { .. }
            | Self::InPerson(_)
            | Self::CoolDown { .. }
            | Self::CaseClosed(_)
            | Self::StillOpen { .. }
            | Self::Faulted { .. }
            | Self::Definition { .. }
            | Self::OverBudget(_)
            | Self::Stranded(_)
            | Self::OtherDefinition { .. } => false,
        }
    }

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
            Self::EventUsed { .. } => "DB2026",
            Self::NoWindow(_) => "DB2015",
            Self::Extension { .. } => "DB2016",
            Self::CoolDown { .. } => "DB2017",
            Self::CaseClosed(_) => "DB2018",
            Self::StillOpen { .. } => "DB2019",
            Self::Faulted { .. } => "DB2020",
            Self::OutOfRange { .. } => "DB2021",
            Self::Definition { .. } => "DB2022",
            Self::OverBudget(_) => "DB2023",
            Self::OtherDefinition { .. } => "DB2024",
            Self::Unsuitable { .. } => "DB2025",
            Self::UpstreamUnclear { .. } => "DB2030",
            Self::Stranded(_) => "DB2035",
        }
    }

    /// The message that people read who look at the case: items, units and people by their names.
    pub fn zh_by(&self, teller: &Teller<'_>) -> String {
        let title = |on: &str| match on {
            "case" => "本事项".to_owned(),
            key => format!("“{}”", teller.key_title(&ItemKey::new(key))),
        };
        match self {
            Self::NotAllowed { item, act, allowed } if !allowed.is_empty() => {
                let who: Vec<String> = allowed.iter().map(|one| teller.name(one)).collect();
                not_allowed(&title(item), act, &who.join("、"))
            }
            Self::NotAllowed { act, item, .. } => {
                format!("{}的“{}”不由人办理", title(item), move_zh(act))
            }
            Self::NotApplicable { act, item, why } => {
                format!("{}不能{}：{}", title(item), move_zh(act), why.zh)
            }
            Self::Unsuitable { act, item, why } => {
                format!("{}（{}）：{}，请改后再试", move_zh(act), title(item), why.zh)
            }
            Self::WrongStatus { item, status, act } => {
                let title = title(item.as_str());
                format!("任务{title}处于“{}”，不能{}", status.zh(), move_zh(act))
            }
            Self::Suspended(item) => format!("任务{}已挂起，请先恢复", title(item.as_str())),
            Self::SamePerson { item, .. } => {
                format!("承办人不能审核自己承办的任务{}", title(item.as_str()))
            }
            Self::NoStandIn { person, absent } => {
                let name = |id: &str| teller.name(&Assignee::Person(id.into()));
                format!("{} 今日不是 {} 的代理人", name(person), name(absent))
            }
            Self::InPerson(item) => in_person_zh(&title(item.as_str())),
            Self::UpstreamUnclear { item, among } => {
                let among: Vec<String> =
                    among.iter().take(KEYS_SHOWN).map(|key| title(key.as_str())).collect();
                format!("退回{}须选明退回到哪一项：{}", title(item.as_str()), among.join("、"))
            }
            Self::EventUsed { item, used } => {
                event_used_zh(&title(item.as_str()), &title(used.as_str()))
            }
            Self::NoWindow(item) => {
                format!("提交内容不属于{}的任何开放周期", title(item.as_str()))
            }
            Self::Extension { item, why } => {
                format!("任务{}不能延期：{}", title(item.as_str()), why.zh())
            }
            Self::CoolDown { item, .. } => {
                format!("任务{}刚刚催办过，请稍后再催", title(item.as_str()))
            }
            Self::NoCase(_)
            | Self::Exists(_)
            | Self::NoItem(_)
            | Self::WakeFirst
            | Self::BadForm(_)
            | Self::EvidenceMissing(_)
            | Self::ReasonMissing(_)
            | Self::CaseClosed(_)
            | Self::StillOpen { .. }
            | Self::Faulted { .. }
            | Self::OutOfRange { .. }
            | Self::Definition { .. }
            | Self::OverBudget(_)
            | Self::Stranded(_)
            | Self::OtherDefinition { .. } => self.zh(),
        }
    }

    /// The message that people read.
    pub fn zh(&self) -> String {
        match self {
            Self::NoCase(case) => format!("没有督办事项“{case}”，请核对编号"),
            Self::Exists(case) => format!("督办事项 {case} 已经立项"),
            Self::NoItem(item) => format!("没有任务“{item}”，请核对"),
            Self::WakeFirst => "此前到点的事项尚未处理，请稍后重试".to_owned(),
            Self::WrongStatus { item, status, act } => {
                format!("任务 {item} 处于“{}”，不能{}", status.zh(), move_zh(act))
            }
            Self::Suspended(item) => format!("任务 {item} 已挂起，请先恢复"),
            Self::NotApplicable { act, item, why } => {
                format!("{} 不能{}：{}", on_zh(item), move_zh(act), why.zh)
            }
            Self::Unsuitable { act, item, why } => {
                format!("{}（{}）：{}，请改后再试", move_zh(act), on_zh(item), why.zh)
            }
            Self::UpstreamUnclear { item, among } => {
                format!("退回 {item} 须写明退回到哪一项（upstream）：{}", keys(among))
            }
            Self::NotAllowed { act, item, allowed } if allowed.is_empty() => {
                format!("{} 的“{}”不由人办理", on_zh(item), move_zh(act))
            }
            Self::NotAllowed { act, item, allowed } => {
                not_allowed(on_zh(item), act, &list(allowed))
            }
            Self::SamePerson { item, .. } => format!("承办人不能审核自己承办的任务 {item}"),
            Self::NoStandIn { person, absent } => format!("{person} 今日不是 {absent} 的代理人"),
            Self::InPerson(item) => in_person_zh(&format!(" {item} ")),
            Self::BadForm(problems) => format!("表单有误：{}", fields(problems)),
            Self::EvidenceMissing(names) => format!("缺少佐证材料：{}", names.join("、")),
            Self::ReasonMissing(act) => format!("{}须写明理由", move_zh(act)),
            Self::NoWindow(item) => format!("提交内容不属于 {item} 的任何开放周期"),
            Self::EventUsed { item, used } => {
                event_used_zh(&format!(" {item} "), &format!(" {used} "))
            }
            Self::Extension { item, why } => {
                format!("任务 {item} 不能延期：{}", why.zh())
            }
            Self::CoolDown { item, .. } => format!("任务 {item} 刚刚催办过，请稍后再催"),
            Self::CaseClosed(case) => format!("督办事项 {case} 不在办理中"),
            Self::StillOpen { open } => format!("尚有 {open} 项未办结"),
            Self::Faulted { case, error } => {
                format!("督办事项 {case} 处理异常，待管理员修复：{error}")
            }
            Self::OutOfRange { what, range } => format!("{}应为{}", value_zh(what), range.zh),
            Self::Definition { key, error } => format!("措施定义中的 {key} 计算失败：{error}"),
            Self::OverBudget(spent) => match spent {
                Spent::Operations => "脚本的计算量超过一次操作的上限（decision_operations_max），未作任何改动；请简化措施中的脚本".to_owned(),
                Spent::Items => "任务条目超过一次操作的上限（decision_items_max），未作任何改动；请减少措施的条目".to_owned(),
                Spent::Events => "产生的记录超过一次操作的上限（decision_events_max），未作任何改动；请减少措施的条目".to_owned(),
                Spent::Time => "办理用时超过上限（decision_ms_max），未作任何改动；请稍后重试，再次出现时请简化措施中的脚本".to_owned(),
            },
            Self::Stranded(obstacles) => {
                let lines: Vec<String> = obstacles.iter().map(Obstacle::zh).collect();
                format!("迁移后会有任务办不下去：{}", lines.join("；"))
            }
            Self::OtherDefinition { .. } => "督办事项所用的措施版本与所给版本不一致".to_owned(),
        }
    }
}

fn in_person_zh(item: &str) -> String {
    format!("任务{item}须本人办理：不得代理、转办，受委托人只能反馈和提交")
}

fn event_used_zh(item: &str, used: &str) -> String {
    format!("提交{item}的内容已经计入{used}：同一次会议（活动）只计一次")
}
