//! What a test does and asserts, in Rust: one world, the rightful person for each move.

use std::sync::Arc;

use chrono::NaiveDateTime;
use duban_calendar::{CivilDate, Date, Instant, Span, Tz, date_of, start_of};
use duban_core::{
    AttentionKind, CaseId, CaseName, Fact, Item, ItemKey, ItemKind, Light, Notification, Refusal,
    Status, Teller, light,
};
use duban_model::{Assignee, Directory, PersonId, Suite, UnitId};
use duban_script::{Program, Value};
use serde_json::{Map, Value as Json};

use super::words;
use crate::budget::{Budget, Stop};
use crate::world::World;

/// A move or an assertion that failed, in Chinese.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// One item of one case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ItemRef {
    pub(super) case: CaseId,
    pub(super) key: ItemKey,
}

/// The world of one test.
/// What a test has said of what should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Said {
    /// Nothing: it has opened, or let time pass, last.
    Nothing,
    /// That what it did last is possible: a move is taken, an item is there.
    MayFail,
    /// It has asserted something.
    Asserted,
}

pub(super) struct Bench {
    pub(super) world: World<'static>,
    suite: duban_model::SuiteId,
    pub(super) tz: Tz,
    /// On whose behalf moves are made; `None`: of whoever makes them by the table.
    pub(super) acting: Option<Assignee>,
    /// What the test has said so far.
    said: Said,
    /// Scripts that are to fail: in which case, or in any, and which function.
    expected: Vec<(Option<CaseId>, String)>,
}

const NINE_MS: i64 = 9 * 3_600_000;

impl Bench {
    pub(super) fn new(suite: &Suite, programs: &[Arc<Program>], budget: &Budget) -> Self {
        let tz = suite.head.time_zone;
        let first = Date::from_ymd_opt(suite.head.target_year, 1, 1).unwrap_or_default();
        let world = World::new(suite, programs, start_of(first, tz)).within(budget.clone());
        let suite = suite.head.id.clone();
        Self { world, suite, tz, acting: None, said: Said::Nothing, expected: Vec::new() }
    }

    /// The bound that is reached, if one is.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.world.stopped()
    }

    /// What was called last; an assertion stays one.
    pub(super) fn note(&mut self, said: Said) {
        if self.said != Said::Asserted {
            self.said = said;
        }
    }

    /// A script is to fail, in a case or in any.
    pub(super) fn expect_failure(&mut self, case: Option<CaseId>, function: &str) {
        self.expected.push((case, function.to_owned()));
    }

    /// What is wrong with a test that ran to its end.
    pub(super) fn verdict(&self) -> Outcome {
        let mut waiting: Vec<&(Option<CaseId>, String)> = self.expected.iter().collect();
        for (id, _) in self.world.cases() {
            for event in self.world.log(id) {
                let Fact::ScriptFailed { function, error, .. } = &event.fact else { continue };
                let fits = |(case, name): &(Option<CaseId>, String)| {
                    name == function && case.as_ref().is_none_or(|case| case == id)
                };
                if !self.expected.iter().any(fits) {
                    return Err(format!(
                        "脚本“{function}”出错：{error}。若本应出错，请写 \
                         预期脚本出错(\"{function}\")（expect_script_failure）"
                    ));
                }
                waiting.retain(|one| !fits(one));
            }
        }
        if let Some((_, function)) = waiting.first() {
            return Err(format!("脚本“{function}”应出错，实际没有"));
        }
        match self.said {
            Said::Asserted | Said::MayFail => Ok(()),
            Said::Nothing => Err(
                "测试里没有断言；至少写一个，例如 断言状态(…)（assert_status），或以应当办得成的动作、\
                 应当找得到的任务结尾"
                    .to_owned(),
            ),
        }
    }

    /// What happened in every case, told in so many lines.
    pub(super) fn timeline(&self, lines_max: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, case) in self.world.cases() {
            if lines.len() > lines_max {
                break;
            }
            let Some(definition) = self.world.definition(id) else { continue };
            let teller = Teller::new(definition, self.world.directory()).of_case(case.head());
            let unit = teller.name(&Assignee::Unit(case.head().name.unit.clone()));
            lines.push(format!("{} {unit}", definition.workflow.id));
            lines.extend(self.world.log(id).iter().filter_map(|event| teller.line(event)));
        }
        if lines.len() > lines_max {
            lines.truncate(lines_max);
            lines.push("……以下略".to_owned());
        }
        lines
    }

    fn unit(&self, name: &str) -> Outcome<UnitId> {
        let directory = self.world.directory();
        if let Some(unit) = directory.unit(&name.into()) {
            return Ok(unit.id.clone());
        }
        let found = directory.units_named(name).next().map(|unit| unit.id.clone());
        found.ok_or_else(|| words::no_unit(directory, name))
    }

    fn unit_name(&self, unit: &UnitId) -> String {
        self.world.directory().name_of(&Assignee::Unit(unit.clone()))
    }

    pub(super) fn open(
        &mut self,
        workflow: &str,
        unit: &str,
        year: i64,
        form: Map<String, Json>,
    ) -> Outcome<CaseId> {
        let Some(program) = self.world.program(workflow) else {
            return Err(format!("没有措施 {workflow}"));
        };
        let period = program.definition().workflow.period;
        let first = i32::try_from(year).ok().and_then(|year| Date::from_ymd_opt(year, 1, 1));
        let first = first.ok_or_else(|| format!("没有 {year} 年"))?;
        let name = CaseName {
            suite: self.suite.clone(),
            workflow: workflow.into(),
            unit: self.unit(unit)?,
            period: period.map(|kind| kind.containing(first)),
            parent: None,
            ordinal: 0,
        };
        self.world.open(name, form).map_err(refused)
    }

    /// `2022-07-08` (nine o'clock) or `2022-07-08 18:00`.
    pub(super) fn advance_to(&mut self, text: &str) -> Outcome {
        let at = match NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M") {
            Ok(at) => {
                let midnight = self.date(&at.date().to_string())?;
                let since = at.signed_duration_since(midnight.and_time(chrono::NaiveTime::MIN));
                start_of(midnight, self.tz).plus_millis(since.num_milliseconds())
            }
            Err(_) => self.nine(self.date(text)?),
        };
        if at < self.world.now() {
            let now = date_of(self.world.now(), self.tz);
            return Err(format!("时间不能倒退：现在是 {now}，不能回到 {text}"));
        }
        self.world.advance_to(at);
        Ok(())
    }

    pub(super) fn advance(&mut self, span: Span) -> Outcome {
        if span.units() <= 0 {
            return Err(format!("只能向前推进：{}不是往后的时间", span.zh()));
        }
        let now = self.world.now();
        let at = match span {
            Span::Hours(_) => {
                let moved = self.world.calendar().add_instant(now, span, self.tz);
                moved.map_err(|error| error.to_string())?.0
            }
            days => {
                let moved = self.world.calendar().add(date_of(now, self.tz), days);
                self.nine(moved.map_err(|error| error.to_string())?.date)
            }
        };
        self.world.advance_to(at.max(now));
        Ok(())
    }

    fn nine(&self, date: Date) -> Instant {
        start_of(date, self.tz).plus_millis(NINE_MS)
    }

    pub(super) fn date(&self, text: &str) -> Outcome<Date> {
        let date = text.parse::<CivilDate>().map(CivilDate::date);
        date.map_err(|_| format!("“{text}”不是 1900 至 2200 年的日期；请写成 2022-07-08"))
    }

    pub(super) fn item(
        &self,
        case: &CaseId,
        task: &str,
        who: Option<&str>,
        window: Option<&str>,
    ) -> Outcome<ItemRef> {
        let found = self.world.case(case).ok_or("没有这件督办事项")?;
        // What comes after the name is the window of a duty, or a second axis.
        let fits = |item: &&Arc<Item>| {
            let named = who.is_none_or(|who| self.is_named(item, who));
            let further = window.is_none_or(|window| match item.window {
                Some(own) => own.key() == window || own.name() == window,
                None => self.is_named(item, window),
            });
            named && further
        };
        let items: Vec<&Arc<Item>> = found.items_of(task).filter(fits).collect();
        match items.as_slice() {
            [one] => Ok(ItemRef { case: case.clone(), key: one.key.clone() }),
            [] => {
                let known: Vec<String> =
                    found.items().map(|item| item.key.to_string()).take(40).collect();
                Err(format!("没有任务 {task} {}；有：{}", who.unwrap_or(""), known.join("、")))
            }
            several => {
                let keys: Vec<String> = several.iter().map(|item| item.key.to_string()).collect();
                Err(format!("任务 {task} 有多个条目，请指明：{}", keys.join("、")))
            }
        }
    }

    /// Whether an axis, or for what a rung opened the unit, bears the name or code.
    fn is_named(&self, item: &Item, who: &str) -> bool {
        let axis = |value: &Value| match value {
            Value::Unit(unit) => unit.as_str() == who || self.unit_name(unit) == who,
            Value::Map(row) => row.values().any(|cell| cell.to_key().as_deref() == Some(who)),
            other => other.to_key().as_deref() == Some(who),
        };
        item.axes.values().any(axis)
            || ((item.axes.is_empty() || item.kind != ItemKind::Task)
                && (item.unit.as_str() == who || self.unit_name(&item.unit) == who))
    }

    /// The latest interview or rectification of a unit.
    pub(super) fn latest(&self, case: &CaseId, task: &str, unit: &str) -> Outcome<ItemRef> {
        let found = self.world.case(case).ok_or("没有这件督办事项")?;
        let mut items: Vec<&Arc<Item>> =
            found.items_of(task).filter(|item| self.unit_name(&item.unit) == unit).collect();
        items.sort_by_key(|item| item.ready_at);
        let last = items.last().ok_or_else(|| format!("{unit} 没有{task}"))?;
        Ok(ItemRef { case: case.clone(), key: last.key.clone() })
    }

    pub(super) fn state(&self, item: &ItemRef) -> Outcome<&Arc<Item>> {
        let found = self.world.case(&item.case).and_then(|case| case.item(&item.key));
        found.ok_or_else(|| format!("没有任务 {}", item.key))
    }

    /// `UNIT POST`, a unit's name, or an assignee's own text.
    pub(super) fn assignee(&self, text: &str) -> Outcome<Assignee> {
        if let Ok(assignee) = text.parse() {
            return Ok(assignee);
        }
        match text.split_once(' ') {
            Some((unit, post)) => Ok(Assignee::Post(self.unit(unit)?, post.into())),
            None => Ok(Assignee::Unit(self.unit(text)?)),
        }
    }

    /// A person by id, or by a name that one person alone bears.
    pub(super) fn person(&self, text: &str) -> Outcome<PersonId> {
        let directory = self.world.directory();
        if let Some(person) = directory.person(&text.into()) {
            return Ok(person.id.clone());
        }
        let mut named = directory.data().people.iter().filter(|person| person.name == text);
        match (named.next(), named.next()) {
            (Some(person), None) => Ok(person.id.clone()),
            (Some(_), Some(_)) => Err(format!("通讯录中有几个“{text}”；请写编号")),
            (None, _) => Err(words::no_person(directory, text)),
        }
    }

    pub(super) fn assert_status(&self, item: &ItemRef, expected: &str) -> Outcome {
        words::known::<Status>("状态", expected)?;
        equal("状态", expected, self.state(item)?.status.as_str())
    }

    pub(super) fn assert_light(&self, item: &ItemRef, expected: &str) -> Outcome {
        words::known::<Light>("灯", expected)?;
        let definition = self.world.definition(&item.case).ok_or("没有这件督办事项")?;
        let shown = light(self.state(item)?, definition, self.world.now());
        equal("灯", expected, shown.as_str())
    }

    /// What an item needs attention for: kinds, joined by spaces.
    pub(super) fn attention(&self, item: &ItemRef) -> Outcome<String> {
        let kinds = self.state(item)?.attention.iter().map(|one| one.kind.as_str());
        Ok(kinds.collect::<Vec<_>>().join(" "))
    }

    pub(super) fn assert_attention(&self, item: &ItemRef, expected: &str) -> Outcome {
        words::known::<AttentionKind>("关注类别", expected)?;
        let found = self.attention(item)?;
        if found.split(' ').any(|kind| kind == expected) {
            return Ok(());
        }
        equal("需要关注", expected, &found)
    }

    /// Somebody holds a post from now on, or nobody does; every case is told.
    pub(super) fn appoint(&mut self, post: &str, person: Option<&str>) -> Outcome {
        let Assignee::Post(unit, name) = self.assignee(post)? else {
            return Err(format!("{post} 不是岗位，应写“单位 岗位”"));
        };
        let mut data = self.world.directory().data().clone();
        let holder = person.map(|named| {
            let mut people = data.people.iter();
            let found = people.find(|one| one.name == named || one.id.as_str() == named);
            found.map(|one| one.id.clone()).ok_or_else(|| format!("通讯录中没有人员“{named}”"))
        });
        let holder = holder.transpose()?;
        let mut posts = data.posts.iter_mut();
        let found = posts.find(|one| one.unit == unit && *one.name == *name);
        let found = found.ok_or_else(|| format!("通讯录中没有岗位“{post}”"))?;
        found.holders = holder.into_iter().collect();
        let directory = Directory::kept(data).map_err(|error| error.zh())?;
        self.world.change_directory(directory);
        Ok(())
    }

    fn sent_count(&self, case: &CaseId, kind: &str, to: &str) -> Outcome<i64> {
        words::known::<Notification>("消息", kind)?;
        let directory = self.world.directory();
        words::addressee(directory, to)?;
        let log = self.world.log(case).iter();
        let sent = log.filter(|event| match &event.fact {
            Fact::Sent(sent) => {
                !sent.collapsed
                    && sent.kind.as_str() == kind
                    && sent.to.iter().any(|one| directory.name_of(one) == to)
            }
            _ => false,
        });
        Ok(i64::try_from(sent.count()).unwrap_or(i64::MAX))
    }

    pub(super) fn assert_sent(
        &self,
        case: &CaseId,
        kind: &str,
        to: &str,
        expected: i64,
    ) -> Outcome {
        let sent = self.sent_count(case, kind, to)?;
        equal(&format!("发给 {to} 的 {kind}"), expected, sent)
    }

    pub(super) fn assert_sent_at_least(
        &self,
        case: &CaseId,
        kind: &str,
        to: &str,
        least: i64,
    ) -> Outcome {
        let sent = self.sent_count(case, kind, to)?;
        if sent >= least {
            return Ok(());
        }
        Err(format!("发给 {to} 的 {kind}：应至少 {least}，实为 {sent}"))
    }

    /// An interview is looked for under who is interviewed, never under who holds it.
    pub(super) fn is_open_task(&self, case: &CaseId, task: &str, unit: &str) -> Outcome<bool> {
        let found = self.world.case(case).ok_or("没有这件督办事项")?;
        self.task(case, task)?;
        let directory = self.world.directory();
        let is_axis = found.items_of(task).any(|item| self.is_named(item, unit));
        let name = if is_axis { unit.to_owned() } else { self.unit_name(&self.unit(unit)?) };
        let unit = name.as_str();
        Ok(found.items_of(task).any(|item| {
            let owner = item.owner.as_ref().and_then(|owner| directory.unit_of(owner));
            let owned = owner.is_some_and(|owner| self.unit_name(&owner) == unit)
                && !matches!(item.kind, ItemKind::Interview { .. });
            item.status.is_open()
                && (owned || self.is_named(item, unit) || self.unit_name(&item.unit) == unit)
        }))
    }

    /// A task of the case's workflow, or of the kinds that every case may have.
    fn task(&self, case: &CaseId, name: &str) -> Outcome {
        let definition = self.world.definition(case).ok_or("没有这件督办事项")?;
        let own = definition.workflow.tasks.iter().map(|task| task.id.as_str());
        let known: Vec<&str> = own.chain(["interview", "rectification", "extra"]).collect();
        words::among("任务", name, &known)
    }

    pub(super) fn event_count(&self, case: &CaseId, kind: &str) -> Outcome<i64> {
        words::known::<Fact>("事件", kind)?;
        let count = self.world.log(case).iter().filter(|event| event.fact.kind() == kind).count();
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Points of a unit in a case, in hundredths.
    pub(super) fn score(&self, case: &CaseId, unit: &str) -> Outcome<i64> {
        let unit = self.unit_name(&self.unit(unit)?);
        let log = self.world.log(case).iter();
        let points = log.filter_map(|event| match &event.fact {
            Fact::Scored { unit: scored, points, .. } if self.unit_name(scored) == unit => {
                Some(*points)
            }
            _ => None,
        });
        Ok(points.sum())
    }
}

/// Expected against actual.
pub(super) fn equal<T: PartialEq + std::fmt::Display>(
    what: &str,
    expected: T,
    actual: T,
) -> Outcome {
    if expected == actual {
        return Ok(());
    }
    Err(format!("{what}：应为 {expected}，实为 {actual}"))
}

pub(super) fn refused(refusal: Refusal) -> String {
    format!("{REFUSED}{}（{}）", refusal.zh(), refusal.code())
}

/// How the message of a refused move begins.
pub(super) const REFUSED: &str = "被拒：";
