//! Events told in Chinese, one line each: for timelines, failed tests and the audit.

use duban_calendar::{Instant, Tz, date_of, local};
use duban_model::{Assignee, Definition, Directory, PersonId};
use duban_script::SlipColour;

use crate::command::Actor;
use crate::decide::title_of;
use crate::event::{DueReason, Event, HoldCause, ItemKind, Notification, Sent, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::Item;

/// Tells events of one case to people.
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// The definition that the case runs on.
    pub definition: &'a Definition,
    /// The directory, for names.
    pub directory: &'a Directory,
}

impl Teller<'_> {
    /// One line: when, who, what. `None` for bookkeeping that people need not read.
    pub fn line(&self, event: &Event) -> Option<String> {
        let what = self.what(&event.fact)?;
        let when = local(event.at, self.tz()).format("%Y-%m-%d %H:%M");
        let who = self.who(&event.actor);
        Some(format!("{when}  {who}{what}"))
    }

    fn tz(&self) -> Tz {
        self.definition.suite.time_zone
    }

    /// A civil date as people write it.
    pub fn date(&self, at: Instant) -> String {
        date_of(at, self.tz()).format("%Y-%m-%d").to_string()
    }

    /// Who acted; nothing where the clock did.
    pub fn who(&self, actor: &Actor) -> String {
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
        self.directory.person(id).map_or_else(|| id.to_string(), |person| person.name.clone())
    }

    /// A unit, post or person by name.
    pub fn name(&self, assignee: &Assignee) -> String {
        self.directory.name_of(assignee)
    }

    fn names(&self, assignees: &[Assignee]) -> String {
        assignees.iter().map(|one| self.name(one)).collect::<Vec<_>>().join("、")
    }

    /// What people read for an item: its task's title, its axes' units, its window.
    pub fn item_title(&self, item: &Item) -> String {
        let task = self.definition.workflow.task(item.task.as_str()).map(|(_, task)| task);
        self.with_key(title_of(item, task), &item.key)
    }

    /// The same from a key alone.
    pub fn key_title(&self, key: &ItemKey) -> String {
        let task = key.as_str().split(['/', '@']).next().unwrap_or_default();
        let title = match (self.definition.workflow.task(task), task) {
            (Some((_, task)), _) => task.title.as_str(),
            (None, "interview") => "约谈",
            (None, "rectification") => "整改",
            (None, _) => "交办",
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
            .map(|part| self.directory.unit(&part.into()).map_or(part, |unit| unit.name.as_str()));
        let parts: Vec<&str> = named.chain(window).collect();
        if parts.is_empty() {
            title.to_owned()
        } else {
            format!("{title}（{}）", parts.join(" "))
        }
    }

    fn what(&self, fact: &Fact) -> Option<String> {
        self.life(fact).or_else(|| self.change(fact)).or_else(|| self.time(fact))
    }

    fn life(&self, fact: &Fact) -> Option<String> {
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
            Fact::Countersigned { member, .. } => {
                format!("会签同意“{title}”（{}）", self.name(member))
            }
            Fact::Accepted { done: true, on_time, .. } => {
                format!("办结“{title}”{}", if *on_time { "" } else { "（逾期）" })
            }
            Fact::Accepted { done: false, .. } => format!("认可“{title}”的一次提交"),
            Fact::Returned { reason, .. } => format!("退回“{title}”：{reason}"),
            Fact::Superseded { because, .. } => {
                format!("“{title}”因“{}”重新办理而重开", self.key_title(because))
            }
            Fact::Reopened { reason, .. } => format!("回头看，重新办理“{title}”：{reason}"),
            Fact::ItemCancelled { reason, .. } => format!("中止“{title}”：{reason}"),
            Fact::MadeUp { .. } => format!("“{title}”已补办"),
            Fact::CaseClosed => "事项办结".to_owned(),
            Fact::CaseReopened => "事项重新打开".to_owned(),
            Fact::CaseCancelled { reason } => format!("事项中止：{reason}"),
            Fact::StruckOff { item: None, .. } => "事项销号".to_owned(),
            Fact::StruckOff { item: Some(_), .. } => format!("“{title}”销号"),
            Fact::Renewed => "下一期事项立项".to_owned(),
            _ => return None,
        })
    }

    fn change(&self, fact: &Fact) -> Option<String> {
        let title = fact.item().map(|key| self.key_title(key)).unwrap_or_default();
        Some(match fact {
            Fact::ExtensionAsked { until, reason, .. } => {
                format!("申请“{title}”延期至 {}：{reason}", self.date(*until))
            }
            Fact::ExtensionRefused { reason, .. } => format!("不同意“{title}”延期：{reason}"),
            Fact::DeadlineSet { deadline, .. } => {
                format!(
                    "“{title}”期限改为 {}（{}）",
                    self.date(deadline.due),
                    due_reason(&deadline.why)
                )
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
            Fact::ReviewersChanged { members, .. } => {
                format!("“{title}”的审核人改为 {}", self.names(members))
            }
            Fact::Held { cause: HoldCause::Suspended(reason), remaining, .. } => {
                let clock = if remaining.is_some() { "，停止计时" } else { "" };
                format!("挂起“{title}”{clock}：{reason}")
            }
            Fact::Held { cause: HoldCause::Item(item), .. } => {
                format!("“{title}”停止计时，等待“{}”", self.key_title(item))
            }
            Fact::Released { .. } => format!("“{title}”恢复"),
            Fact::Migrated { .. } => "改用新版措施".to_owned(),
            Fact::Faulted { error } => format!("处理异常，暂停：{error}"),
            Fact::Repaired { reason } => format!("异常修复：{reason}"),
            _ => return None,
        })
    }

    fn time(&self, fact: &Fact) -> Option<String> {
        let title = fact.item().map(|key| self.key_title(key)).unwrap_or_default();
        Some(match fact {
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
            Fact::ScriptFailed { function, error, .. } => format!("脚本“{function}”出错：{error}"),
            _ => return None,
        })
    }

    fn sent(&self, sent: &Sent) -> String {
        let kind = match (sent.kind, sent.colour) {
            (Notification::Slip, Some(SlipColour::Blue)) => "蓝色督办单",
            (Notification::Slip, Some(SlipColour::Yellow)) => "黄色督办单",
            (Notification::Slip, Some(SlipColour::Red)) => "红色督办单",
            (kind, _) => kind.zh(),
        };
        let number = sent.number.map(|number| format!(" {number} 号")).unwrap_or_default();
        let collapsed = if sent.collapsed { "（已并入后一次，不送达）" } else { "" };
        format!("{kind}{number} → {}{collapsed}：{}", self.names(&sent.to), sent.text)
    }
}

fn skip_reason(why: &SkipReason) -> &str {
    match why {
        SkipReason::When => "条件不成立",
        SkipReason::Needs => "前置任务均已跳过",
        SkipReason::Blocked => "前置任务未完成，本期未能开始",
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
        DueReason::Reopened(reason) => format!("回头看：{reason}"),
        DueReason::Script(reason) => format!("脚本：{reason}"),
        DueReason::Opened => "交办时确定".to_owned(),
    }
}
