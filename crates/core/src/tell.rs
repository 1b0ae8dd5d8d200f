//! Events told in Chinese, one line each: for timelines, failed tests and the audit.

use duban_calendar::{Instant, Tz, date_of, local};
use duban_model::{Assignee, Definition, Directory, PersonId};
use duban_script::SlipColour;

use crate::attention::{Attention, AttentionKind};
use crate::case::CaseHead;
use crate::command::{Actor, ParentSays};
use crate::decide::title_of;
use crate::event::{
    DueReason, Event, HoldCause, ItemKind, Notification, Sent, SkipReason, TakenBack,
};
use crate::fact::{Fact, bookkeeping};
use crate::failed::Expression;
use crate::ids::ItemKey;
use crate::item::Item;
use crate::lateness::Late;
use crate::migration::PastTitles;
use crate::names::Names;

/// Items that a line names; the rest is counted.
pub(crate) const AXES_SHOWN: usize = 5;

/// Tells events of one case to people.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// The definition that the case runs on.
    pub definition: &'a Definition,
    /// The directory, for names.
    pub directory: &'a Directory,
    /// What tasks were called before, for lines of that time.
    past: &'a [PastTitles],
}

impl<'a> Teller<'a> {
    /// One that knows the present titles of tasks.
    pub fn new(definition: &'a Definition, directory: &'a Directory) -> Self {
        Self { definition, directory, past: &[] }
    }

    /// The same for the lines of a case: tasks are called as they were then.
    #[must_use]
    pub fn of_case(self, head: &'a CaseHead) -> Self {
        Self { past: &head.past_titles, ..self }
    }
}

impl Teller<'_> {
    /// One line: when, who, what. `None` for bookkeeping that people need not read. Everybody is
    /// called as they were when it happened.
    pub fn line(&self, event: &Event) -> Option<String> {
        let telling = self.then(event);
        let what = nested(&telling.what(&event.fact)?);
        let when = local(event.at, self.tz()).format("%Y-%m-%d %H:%M");
        let who = telling.who(&event.actor);
        Some(format!("{when}  {who}{what}"))
    }

    fn of<'t>(&'t self, names: &'t Names) -> Telling<'t> {
        Telling { definition: self.definition, directory: self.directory, names, past: &[] }
    }

    /// With the names and titles of an event's time.
    fn then<'t>(&'t self, event: &'t Event) -> Telling<'t> {
        let place = self.past.partition_point(|past| past.until <= event.seq);
        Telling { past: &self.past[place..], ..self.of(&event.names) }
    }

    fn tz(&self) -> Tz {
        self.definition.suite.time_zone
    }

    /// A civil date as people write it.
    pub fn date(&self, at: Instant) -> String {
        date_of(at, self.tz()).format("%Y-%m-%d").to_string()
    }

    /// Who acted, as they were called then; nothing where the clock did.
    pub fn who(&self, event: &Event) -> String {
        self.of(&event.names).who(&event.actor)
    }

    /// A unit, post or person by their present name.
    pub fn name(&self, assignee: &Assignee) -> String {
        self.directory.name_of(assignee)
    }

    /// What people read for an item: its task's title, its axes' units, its window.
    pub fn item_title(&self, item: &Item) -> String {
        let task = self.definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
        self.of(&Names::default()).with_key(title_of(item, task), &item.key)
    }

    /// The same from a key alone.
    pub fn key_title(&self, key: &ItemKey) -> String {
        self.of(&Names::default()).key_title(key)
    }

    /// What a task is called; its id where the definition does not know it.
    pub fn task_title(&self, task: &str) -> String {
        let found = self.definition.workflow.task(task);
        found.map_or_else(|| task.to_owned(), |(_, task)| task.title.clone())
    }

    /// What of a task's list a case needs attention for: the items that it would add or drop, with
    /// names, at most five of them; `None`: the kind says it all.
    pub fn list_line(&self, head: &CaseHead, one: &Attention) -> Option<String> {
        let differs = head.differs.as_ref()?;
        let keys = match one.kind {
            AttentionKind::ItemsCame => &differs.came,
            AttentionKind::ItemsGone => &differs.gone,
            AttentionKind::OwnerVacant
            | AttentionKind::ReviewerVacant
            | AttentionKind::OwnerReviews
            | AttentionKind::ReviewerWorked
            | AttentionKind::OfficeVacant
            | AttentionKind::ExpressionFailed
            | AttentionKind::ListEmpty
            | AttentionKind::NeedCancelled
            | AttentionKind::NeedMissing
            | AttentionKind::SubCaseEnded
            | AttentionKind::SubCaseSilent
            | AttentionKind::KeyDuplicate
            | AttentionKind::UnitGone
            | AttentionKind::BudgetReached
            | AttentionKind::HeldBack => return None,
        };
        let own: Vec<&ItemKey> = keys.iter().filter(|key| key.task() == one.about).collect();
        let shown: Vec<String> =
            own.iter().take(AXES_SHOWN).map(|key| self.key_title(key)).collect();
        let more =
            if own.len() > AXES_SHOWN { format!("等{}项", own.len()) } else { String::new() };
        Some(format!("{}{more}", shown.join("、")))
    }

    /// What the item of an event was called when it happened.
    pub fn title_then(&self, event: &Event) -> Option<String> {
        event.fact.item().map(|key| self.then(event).key_title(key))
    }
}

/// Quotations inside quotations with the inner marks: a title that holds `“…”` stands in a line as
/// `“…‘…’…”`. Marks that do not pair stay as they are.
fn nested(line: &str) -> String {
    let mut depth = 0_usize;
    let mut told = String::with_capacity(line.len());
    for letter in line.chars() {
        told.push(match letter {
            '“' => {
                depth += 1;
                if depth % 2 == 1 { '“' } else { '‘' }
            }
            '”' => {
                let Some(outer) = depth.checked_sub(1) else { return line.to_owned() };
                let mark = if depth % 2 == 1 { '”' } else { '’' };
                depth = outer;
                mark
            }
            other => other,
        });
    }
    if depth == 0 { told } else { line.to_owned() }
}

/// One event being told, with the names of its time.
struct Telling<'a> {
    definition: &'a Definition,
    directory: &'a Directory,
    names: &'a Names,
    /// What tasks were called until later, oldest first.
    past: &'a [PastTitles],
}

impl Telling<'_> {
    fn date(&self, at: Instant) -> String {
        date_of(at, self.definition.suite.time_zone).format("%Y-%m-%d").to_string()
    }

    fn who(&self, actor: &Actor) -> String {
        match actor {
            Actor::Person { person, on_behalf_of: None } => format!("{} ", self.person(person)),
            Actor::Person { person, on_behalf_of: Some(absent) } => {
                format!("{}（代 {}）", self.person(person), self.person(absent))
            }
            Actor::Operator { name } => format!("[{name}] "),
            Actor::Case { case } => format!("[事项 {case}] "),
            Actor::Engine => String::new(),
        }
    }

    fn person(&self, id: &PersonId) -> String {
        self.name(&Assignee::Person(id.clone()))
    }

    fn name(&self, assignee: &Assignee) -> String {
        self.names.name_of(assignee, self.directory)
    }

    fn expression(&self, one: &Expression) -> String {
        let key = one.key.zh();
        let known = one.task.as_ref().map(|task| self.key_title(&ItemKey::new(task.as_str())));
        let task = known.map(|title| format!("“{title}”的")).unwrap_or_default();
        let rung = one.rung.map(|rung| format!("第 {} 级", rung + 1)).unwrap_or_default();
        format!("{task}{key}{rung}")
    }

    fn until(&self, until: Option<Instant>) -> String {
        until.map(|until| format!("至 {}", self.date(until))).unwrap_or_default()
    }

    /// What attention is about, by name where it names somebody.
    pub(crate) fn about(&self, about: &str) -> String {
        match (about.parse::<Assignee>(), about.is_empty()) {
            (Ok(assignee), _) => format!("（{}）", self.name(&assignee)),
            (Err(_), false) => format!("（{about}）"),
            (Err(_), true) => String::new(),
        }
    }

    fn names(&self, assignees: &[Assignee]) -> String {
        assignees.iter().map(|one| self.name(one)).collect::<Vec<_>>().join("、")
    }

    fn key_title(&self, key: &ItemKey) -> String {
        let then = self.past.iter().find_map(|past| past.titles.get(key.task()));
        let now = self.definition.workflow.task_once(key.task()).map(|task| &task.title);
        let title = match (then.or(now), key.task()) {
            (Some(title), _) => title.as_str(),
            (None, "interview") => "约谈",
            (None, "rectification") => "整改",
            (None, "extra") => "交办",
            (None, gone) => gone,
        };
        self.with_key(title, key)
    }

    fn with_key(&self, title: &str, key: &ItemKey) -> String {
        let (path, window) = match key.as_str().split_once('@') {
            Some((path, window)) => (path, Some(window)),
            None => (key.as_str(), None),
        };
        let named = path
            .split('/')
            .skip(1)
            .map(|part| self.names.unit(&part.into(), self.directory).unwrap_or(part));
        let parts: Vec<&str> = named.chain(window).collect();
        if parts.is_empty() {
            title.to_owned()
        } else {
            format!("{title}（{}）", parts.join(" "))
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each fact")]
    fn what(&self, fact: &Fact) -> Option<String> {
        let title = fact.item().map(|key| self.key_title(key)).unwrap_or_default();
        Some(match fact {
            Fact::CaseOpened { title, .. } => format!("立项：{title}"),
            Fact::ItemOpened { kind, ready, .. } => {
                let owner = ready.owner.as_ref().map(|owner| self.name(owner)).unwrap_or_default();
                let due = ready.deadline.as_ref().map(|deadline| self.date(deadline.due));
                let due = due.map(|due| format!("，{due} 前完成")).unwrap_or_default();
                match kind {
                    ItemKind::Interview { who, why, .. } => {
                        format!("发起约谈：由 {owner} 约谈 {}{due}。事由：{why}", self.name(who))
                    }
                    ItemKind::Rectification { .. } => format!("要求整改：{owner}{due}"),
                    ItemKind::Extra { title, .. } => format!("新增任务“{title}”：{owner}{due}"),
                    ItemKind::Task => format!("{title}：{owner}{due}"),
                }
            }
            Fact::ItemReady { ready, .. } => {
                let owner = ready
                    .owner
                    .as_ref()
                    .map_or("（无人承办）".to_owned(), |owner| self.name(owner));
                let due = ready.deadline.as_ref().map(|deadline| self.date(deadline.due));
                let due = due.map(|due| format!("，期限 {due}")).unwrap_or_default();
                format!("交办“{title}”：{owner}{due}")
            }
            Fact::OwnerMissing { .. } => format!("“{title}”找不到承办人"),
            Fact::ItemSkipped { why, .. } => format!("跳过“{title}”：{}", skip_reason(why)),
            Fact::ItemCarried { .. } => format!("“{title}”沿用上期结果"),
            Fact::Signed { .. } => format!("签收“{title}”"),
            Fact::Reported { text, percent, .. } => {
                let percent = percent.map(|percent| format!("（{percent}%）")).unwrap_or_default();
                format!("反馈“{title}”{percent}：{text}")
            }
            Fact::Submitted { .. } => format!("申请办结“{title}”"),
            Fact::Withdrawn { .. } => format!("撤回“{title}”的申请"),
            Fact::Countersigned { member, also, .. } => {
                let seats: Vec<String> =
                    std::iter::once(member).chain(also).map(|seat| self.name(seat)).collect();
                format!("会签同意“{title}”（{}）", seats.join("、"))
            }
            Fact::ReviewRefused { members, reason, .. } => {
                format!("不同意“{title}”办结（{}）：{reason}", self.names(members))
            }
            Fact::Accepted { done: true, on_time, taken_off, .. } => {
                let late = if *on_time { "" } else { "（逾期）" };
                let how = taken_off
                    .as_ref()
                    .map(|member| format!("：减签 {} 后，其余会签人均已同意", self.name(member)));
                format!("办结“{title}”{late}{}", how.unwrap_or_default())
            }
            Fact::Accepted { done: false, .. } => format!("认可“{title}”的一次提交"),
            Fact::Returned { reason, .. } => format!("退回“{title}”：{reason}"),
            Fact::Superseded { because, .. } => {
                format!("“{title}”因“{}”重新办理而重开", self.key_title(because))
            }
            Fact::Reopened { reason, .. } => format!("回头看，重新办理“{title}”：{reason}"),
            Fact::ItemCancelled { item, reason, title: Some(title) } => {
                format!("中止“{}”：{reason}", self.with_key(title, item))
            }
            Fact::ItemCancelled { reason, .. } => format!("中止“{title}”：{reason}"),
            Fact::MadeUp { .. } => format!("“{title}”已补办，未履职的记录保留"),
            Fact::PapersLate { .. } => {
                format!("“{title}”经核实已按期履行，材料迟报；撤回未履职的认定")
            }
            Fact::CaseClosed => "事项办结".to_owned(),
            Fact::CaseReopened => "事项重新打开".to_owned(),
            Fact::CaseCancelled { reason } => format!("事项中止：{reason}"),
            Fact::StruckOff { item: None, .. } => "事项销号".to_owned(),
            Fact::StruckOff { item: Some(_), .. } => format!("“{title}”销号"),
            Fact::Renewed => "下一期事项立项".to_owned(),
            Fact::SubCaseLeft { keeps, .. } => {
                let what = if *keeps { "继续自行办理" } else { "随之中止" };
                format!("“{title}”已结束，其子事项{what}")
            }
            Fact::SubCaseEnded { .. } => format!("“{title}”的子事项已中止"),
            Fact::SubCaseSilent { .. } => {
                format!("“{title}”的原子事项未在期限内答复中止，新的子事项尚不能立项")
            }
            Fact::AttentionNeeded { item, kind, about } => {
                let what =
                    if item.is_some() { format!("“{title}”") } else { "事项".to_owned() };
                format!("{what}需要关注：{}{}", kind.zh(), self.about(about))
            }
            Fact::AttentionEnded { item, kind, about } => {
                let what =
                    if item.is_some() { format!("“{title}”") } else { "事项".to_owned() };
                format!("{what}不再需要关注：{}{}", kind.zh(), self.about(about))
            }
            Fact::NeedEnded { .. } => format!("“{title}”所需的事项已中止"),
            Fact::OpeningHeld { reason: Some(reason), .. } => {
                format!("“{title}”的子事项暂不立项：{reason}")
            }
            Fact::OpeningHeld { reason: None, .. } => format!("“{title}”的子事项已立项"),
            Fact::SeatFilled { member, .. } => {
                format!("“{title}”的审核岗位 {} 已有人在岗，审核期限重新起算", self.name(member))
            }
            Fact::ParentSaid { says, .. } => match says {
                ParentSays::End { reason } => format!("上级事项中的任务已结束：{reason}"),
                ParentSays::GoOn => "上级事项中的任务已结束，本事项继续办理".to_owned(),
                ParentSays::Reopened => "上级事项中的任务重新办理，本事项可以重新打开".to_owned(),
                ParentSays::Suspended { reason } => {
                    format!("上级事项或上期事项已挂起，本事项随之挂起：{reason}")
                }
                ParentSays::Resumed => "上级事项或上期事项恢复，本事项随之恢复".to_owned(),
                ParentSays::Duties { .. } => "相邻周期的事项转来周期性职责的履行情况".to_owned(),
            },
            Fact::Mended { what, reason, item, .. } => {
                let keys: Vec<String> = what.iter().map(|one| self.expression(one)).collect();
                let reason = reason.as_ref().map(|reason| format!("（{reason}）"));
                let title = if item.is_some() { format!("“{title}”") } else { String::new() };
                format!("{title}重新计算成功：{}{}", keys.join("、"), reason.unwrap_or_default())
            }
            Fact::EntryCounted { .. } => format!("“{title}”的一次提交重新计入本期"),
            Fact::AxesDiffer { came, gone } => {
                let titles = |keys: &[ItemKey]| {
                    let shown = keys.iter().take(AXES_SHOWN).map(|key| self.key_title(key));
                    let more = if keys.len() > AXES_SHOWN { "等" } else { "" };
                    format!("{}{more} {} 项", shown.collect::<Vec<_>>().join("、"), keys.len())
                };
                let came = (!came.is_empty()).then(|| format!("应增列{}", titles(came)));
                let gone = (!gone.is_empty()).then(|| format!("名单中已无{}", titles(gone)));
                let both: Vec<String> = came.into_iter().chain(gone).collect();
                if both.is_empty() {
                    "通讯录变更后，各项任务与名单一致".to_owned()
                } else {
                    format!("通讯录变更后，{}", both.join("；"))
                }
            }
            Fact::HandedOver { to, reason, .. } => {
                format!("“{title}”移交承接单位 {}：{reason}", self.name(to))
            }
            Fact::FinishesAsItIs { reason, .. } => format!("“{title}”照旧办结：{reason}"),
            Fact::ExtensionAsked { until, reason, .. } => {
                format!("申请“{title}”延期至 {}：{reason}", self.date(*until))
            }
            Fact::ExtensionRefused { reason, .. } => format!("不同意“{title}”延期：{reason}"),
            Fact::DeadlineSet { deadline, judged_at: Some(judged), .. }
                if deadline.why == DueReason::Calendar =>
            {
                let why = due_reason(&deadline.why);
                format!("“{title}”改于 {} 评判（{why}）", self.date(*judged))
            }
            Fact::DeadlineSet { deadline, .. } => {
                format!(
                    "“{title}”期限改为 {}（{}）",
                    self.date(deadline.due),
                    due_reason(&deadline.why)
                )
            }
            Fact::CalendarApplied { next: None, .. } => "工作日历公布，重新推算期限".to_owned(),
            Fact::LatenessWithdrawn { late, .. } => {
                let what = match late {
                    Late::Work => "逾期",
                    Late::Review => "审核逾期",
                    Late::Answer => "逾期未答复",
                    Late::Sign => "逾期未签收",
                    Late::Rectification => "逾期未整改",
                };
                format!("撤回“{title}”的{what}认定：按新公布的工作日历当时未到期限")
            }
            Fact::EarlierDueProposed { due, .. } => {
                format!("“{title}”按新日历应提前到 {}，待同意", self.date(*due))
            }
            Fact::Transferred { to, reason, .. } => {
                format!("转办“{title}”给 {}：{reason}", self.name(to))
            }
            Fact::Delegated { to: Some(to), .. } => {
                format!("委托 {} 办理“{title}”", self.person(to))
            }
            Fact::Delegated { to: None, .. } => format!("收回“{title}”的委托"),
            Fact::ReviewersChanged { members, reason, .. } => {
                let reason = reason.as_ref().map(|reason| format!("：{reason}"));
                format!(
                    "“{title}”的审核人改为 {}{}",
                    self.names(members),
                    reason.unwrap_or_default()
                )
            }
            Fact::Held { cause: HoldCause::Suspended(reason), remaining, .. } => {
                let clock = if remaining.is_some() { "，停止计时" } else { "" };
                format!("挂起“{title}”{clock}：{reason}")
            }
            Fact::Held { cause: HoldCause::Order(reason), remaining, until, .. } => {
                let clock = if remaining.is_some() { "，停止计时" } else { "" };
                format!("挂起“{title}”{clock}{}：{reason}", self.until(*until))
            }
            Fact::Held { cause: HoldCause::Own(reason), until, .. } => {
                format!("承办人挂起“{title}”，计时不停{}：{reason}", self.until(*until))
            }
            Fact::Held { cause: HoldCause::Case(_), .. } => {
                format!("“{title}”随事项挂起，停止计时")
            }
            Fact::Held { cause: HoldCause::Above(_), .. } => {
                format!("“{title}”随上级事项或上期事项挂起，停止计时")
            }
            Fact::Held { cause: HoldCause::Item(item), .. } => {
                format!("“{title}”停止计时，等待“{}”", self.key_title(item))
            }
            Fact::Released { cause: Some(HoldCause::Item(item)), .. } => {
                format!("“{}”已结束，不再停“{title}”的计时", self.key_title(item))
            }
            Fact::Released { .. } => format!("“{title}”恢复"),
            Fact::SuspensionAsked { reason, until, .. } => {
                format!("申请挂起“{title}”{}：{reason}", self.until(*until))
            }
            Fact::SuspensionRefused { reason, .. } => format!("不同意挂起“{title}”：{reason}"),
            Fact::CaseSuspended { reason, until } => {
                format!("挂起事项{}：{reason}", self.until(*until))
            }
            Fact::CaseResumed => "事项恢复".to_owned(),
            Fact::ExtensionLapsed { .. } => format!("“{title}”的延期申请未及答复，已失效"),
            Fact::AnswerOverdue { .. } => format!("“{title}”的延期申请逾期未答复"),
            Fact::JudgementDeferred { at, .. } => {
                format!("“{title}”本期推迟到 {} 评判", self.date(*at))
            }
            Fact::Migrated { .. } => "改用新版措施".to_owned(),
            Fact::ReviewPlanned { review, .. } => {
                format!("“{title}”按新版措施由 {} 审核", self.names(&review.members))
            }
            Fact::CadenceTaken { task, kind } => {
                let known = self.definition.workflow.task_once(task.as_str());
                let title = known.map_or(task.as_str(), |task| task.title.as_str());
                format!("“{title}”改为每{}一次，自两种周期的共同起点起", kind.zh())
            }
            Fact::Faulted { error } => format!("处理异常，暂停：{error}"),
            Fact::Repaired { reason } => format!("异常修复：{reason}"),
            Fact::StartOverdue { .. } => format!("“{title}”逾期未签收"),
            Fact::DueSoon { .. } => format!("“{title}”临近期限"),
            Fact::Overdue { .. } => format!("“{title}”逾期"),
            Fact::ReviewOverdue { .. } => format!("“{title}”逾期未审核"),
            Fact::ReportMissed { .. } => format!("“{title}”未按期反馈"),
            Fact::Stalled { .. } => format!("“{title}”久无进展"),
            Fact::WindowJudged { met: false, .. } => format!("“{title}”本期未履行"),
            Fact::WindowJudged { met: true, .. } => format!("“{title}”本期已履行"),
            Fact::IndicatorJudged { value, met, .. } => {
                let value =
                    value.map_or("未报".to_owned(), |value| value.normalize().to_string());
                let verdict = match met {
                    Some(true) => "达标",
                    Some(false) => "未达标",
                    None => "未报",
                };
                format!("“{title}”指标 {value}：{verdict}")
            }
            Fact::Unrectified { .. } => format!("“{title}”逾期未整改"),
            Fact::Referred { why, .. } => format!("问责移送“{title}”：{why}"),
            Fact::Sent(sent) => self.sent(sent),
            Fact::Scored { unit, points, why, .. } => {
                let unit = self.name(&Assignee::Unit(unit.clone()));
                let sign = if *points < 0 { "-" } else { "+" };
                let points = points.unsigned_abs();
                format!("{unit} 计 {sign}{}.{:02} 分：{why}", points / 100, points % 100)
            }
            Fact::Logged { text, .. } => text.clone(),
            Fact::TakenBack(wrong) => {
                let TakenBack { after, cases, papers, .. } = wrong.as_ref();
                let more = match (cases.len(), papers.len()) {
                    (0, 0) => String::new(),
                    (cases, papers) => {
                        format!("；其间立项 {cases} 件、编号文书 {papers} 份已经发出，请人工处理")
                    }
                };
                format!("系统时钟曾有误，第 {after} 条之后由时间触发的记录全部撤回{more}")
            }
            Fact::BoundReached { bound, .. } => bound.zh(),
            Fact::ScriptFailed { function, error, .. } => format!("脚本“{function}”出错：{error}"),
            bookkeeping!() => return None,
        })
    }

    fn sent(&self, sent: &Sent) -> String {
        let kind = colour_name(sent.kind, sent.colour);
        let number = sent.number.map(|number| format!(" {number} 号")).unwrap_or_default();
        let collapsed = if sent.collapsed { "（已并入后一次，不送达）" } else { "" };
        format!("{kind}{number} → {}{collapsed}：{}", self.names(&sent.to), sent.text)
    }
}

fn colour_name(kind: Notification, colour: Option<SlipColour>) -> &'static str {
    match (kind, colour) {
        (Notification::Slip, Some(SlipColour::Blue)) => "蓝色督办单",
        (Notification::Slip, Some(SlipColour::Yellow)) => "黄色督办单",
        (Notification::Slip, Some(SlipColour::Red)) => "红色督办单",
        (kind, _) => kind.zh(),
    }
}

/// What a paper is called, for example 蓝色督办单第 3 号.
pub(crate) fn paper_name(
    kind: Notification,
    colour: Option<SlipColour>,
    number: Option<u32>,
) -> String {
    let number = number.map(|number| format!("第 {number} 号")).unwrap_or_default();
    format!("{}{number}", colour_name(kind, colour))
}

fn skip_reason(why: &SkipReason) -> &str {
    match why {
        SkipReason::When => "条件不成立",
        SkipReason::Needs => "前置任务均已跳过",
        SkipReason::Blocked => "前置任务未完成，本期未能开始",
        SkipReason::Excused => "计时停止过久，本期免予评判",
        SkipReason::TooShort => "列入时本期所余时间过短，免予评判",
        SkipReason::TookOver(_) => "本单位承接了同一任务的另一项，以其代之",
        SkipReason::Earlier => "由上期事项继续督办",
        SkipReason::Dropped(reason) => reason,
    }
}

/// Why a due date is what it is, in Chinese.
pub fn due_reason(why: &DueReason) -> String {
    match why {
        DueReason::Definition(source) => {
            format!("措施规定：{}", duban_script::in_chinese(source))
        }
        DueReason::Window => "周期截止".to_owned(),
        DueReason::Extension(reason) => format!("延期：{reason}"),
        DueReason::Resumed => "恢复计时".to_owned(),
        DueReason::Calendar => "工作日历公布后重新推算".to_owned(),
        DueReason::Migrated(source) => {
            format!("新版措施规定：{}", duban_script::in_chinese(source))
        }
        DueReason::Reopened(reason) => format!("回头看：{reason}"),
        DueReason::Script(reason) => format!("脚本：{reason}"),
        DueReason::Opened => "交办时确定".to_owned(),
        DueReason::Returned(reason) => format!("退回后重新办理：{reason}"),
        DueReason::AtLeast => "轮到承办时应有的办理时间".to_owned(),
        DueReason::Outage => "系统停运后顺延".to_owned(),
        DueReason::NotExtended => "延期申请答复后的办理时间".to_owned(),
        DueReason::NotAnswered => "延期申请未及答复，其间不计逾期".to_owned(),
        DueReason::Set(reason) => format!("督查机构确定：{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::nested;

    #[test]
    fn quotations_in_quotations_have_the_inner_marks() {
        for (line, told) in [
            ("签收“总结”", "签收“总结”"),
            ("签收““三单”总结”", "签收“‘三单’总结”"),
            ("反馈“甲”：见“乙”和““丙””", "反馈“甲”：见“乙”和“‘丙’”"),
            ("““一““二””””", "“‘一“‘二’”’”"),
            ("退回“甲”：引号没有写完“", "退回“甲”：引号没有写完“"),
            ("退回“甲”：多一个”", "退回“甲”：多一个”"),
            ("", ""),
        ] {
            assert_eq!(nested(line), told);
        }
    }
}
