//! What a test does and asserts, in Rust: one world, the rightful person for each move.

use std::sync::Arc;

use chrono::NaiveDateTime;
use duban_calendar::{Date, Instant, Span, Tz, date_of, end_of, start_of};
use duban_core::{
    Act, Actor, CaseId, CaseName, Evidence, Fact, Item, ItemKey, ItemKind, Refusal, Status, Teller,
    light,
};
use duban_model::{Assignee, PersonId, Suite, UnitId};
use duban_script::{Program, Value};
use serde_json::{Map, Value as Json};

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
pub(super) struct Bench {
    world: World<'static>,
    suite: duban_model::SuiteId,
    tz: Tz,
}

const NINE_MS: i64 = 9 * 3_600_000;

impl Bench {
    pub(super) fn new(suite: &Suite, programs: &[Arc<Program>]) -> Self {
        let tz = suite.head.time_zone;
        let first = Date::from_ymd_opt(suite.head.target_year, 1, 1).unwrap_or_default();
        let world = World::new(suite, programs, start_of(first, tz));
        Self { world, suite: suite.head.id.clone(), tz }
    }

    /// What happened in every case, told.
    pub(super) fn timeline(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, case) in self.world.cases() {
            let Some(definition) = self.world.definition(id) else { continue };
            let teller = Teller { definition, directory: self.world.directory() };
            let unit = teller.name(&Assignee::Unit(case.head().name.unit.clone()));
            lines.push(format!("{} {unit}", definition.workflow.id));
            lines.extend(self.world.log(id).iter().filter_map(|event| teller.line(event)));
        }
        lines
    }

    fn unit(&self, name: &str) -> Outcome<UnitId> {
        let directory = self.world.directory();
        if let Some(unit) = directory.unit(&name.into()) {
            return Ok(unit.id.clone());
        }
        let found = directory.units_named(name).next().map(|unit| unit.id.clone());
        found.ok_or_else(|| format!("通讯录中没有单位“{name}”"))
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
                let midnight = at.date();
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
        let now = self.world.now();
        let at = match span {
            Span::Hours(hours) => now.plus_millis(hours * 3_600_000),
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

    fn date(&self, text: &str) -> Outcome<Date> {
        text.parse().map_err(|_| format!("“{text}”不是日期；请写成 2022-07-08"))
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

    fn holder(&self, assignee: Option<&Assignee>) -> Outcome<PersonId> {
        let assignee = assignee.ok_or("没有承办方")?;
        let holder = self.world.directory().holders(assignee).into_iter().next();
        holder.ok_or_else(|| format!("{} 无人", self.world.directory().name_of(assignee)))
    }

    fn act(&mut self, item: &ItemRef, person: PersonId, act: Act) -> Outcome {
        self.world.act(&item.case, Actor::person(person), act).map_err(refused)
    }

    /// A move of the owner.
    pub(super) fn as_owner(&mut self, item: &ItemRef, act: Act) -> Outcome {
        let owner = self.state(item)?.owner.clone();
        let person = self.holder(owner.as_ref())?;
        self.act(item, person, act)
    }

    /// A move of the supervision office; where the suite names none, the lead.
    pub(super) fn as_office(&mut self, item: &ItemRef, act: Act) -> Outcome {
        let head = self.world.case(&item.case).map(|case| case.head().clone());
        let office = head.and_then(|head| head.supervision.or(head.lead));
        let person = self.holder(office.as_ref())?;
        self.act(item, person, act)
    }

    /// A move of a reviewer: the first one who may.
    pub(super) fn as_reviewer(&mut self, item: &ItemRef, act: &Act) -> Outcome {
        let state = Arc::clone(self.state(item)?);
        let members: Vec<Assignee> = if state.status == Status::Submitted {
            state.review.pending().into_iter().cloned().collect()
        } else {
            state.review.members.clone()
        };
        let mut last = Err(format!("任务 {} 没有审核人", item.key));
        for member in members {
            for person in self.world.directory().holders(&member) {
                last = self.act(item, person, act.clone());
                if last.is_ok() {
                    return last;
                }
            }
        }
        last
    }

    /// One reviewer accepts: the first whose turn it is.
    pub(super) fn accept(&mut self, item: &ItemRef) -> Outcome {
        self.as_reviewer(item, &Act::Accept { item: item.key.clone(), text: None })
    }

    /// Every reviewer accepts, until nothing is left to accept.
    pub(super) fn accept_all(&mut self, item: &ItemRef) -> Outcome {
        self.accept(item)?;
        while self.state(item)?.status == Status::Submitted {
            self.accept(item)?;
        }
        Ok(())
    }

    pub(super) fn submit(
        &mut self,
        item: &ItemRef,
        form: Map<String, Json>,
        evidence: Option<Vec<String>>,
    ) -> Outcome {
        let state = Arc::clone(self.state(item)?);
        let declared = self
            .world
            .definition(&item.case)
            .and_then(|definition| definition.workflow.task(state.task.as_str()))
            .map(|(_, task)| task.evidence.clone())
            .unwrap_or_default();
        let files = evidence.unwrap_or(declared).into_iter();
        let evidence = files.map(|name| Evidence { file: format!("test:{name}"), name }).collect();
        self.as_owner(item, Act::Submit { item: item.key.clone(), form, evidence })
    }

    /// The end of a day, for due dates.
    pub(super) fn end(&self, text: &str) -> Outcome<Instant> {
        Ok(end_of(self.date(text)?, self.tz))
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

    /// The interview that is struck off: itself, or that of a rectification.
    pub(super) fn strike_off(&mut self, item: &ItemRef) -> Outcome {
        let key = match &self.state(item)?.kind {
            ItemKind::Rectification { interview, .. } => interview.clone(),
            _ => item.key.clone(),
        };
        self.as_office(item, Act::StrikeOff { item: Some(key), text: None })
    }

    pub(super) fn assert_status(&self, item: &ItemRef, expected: &str) -> Outcome {
        equal("状态", expected, self.state(item)?.status.as_str())
    }

    pub(super) fn assert_light(&self, item: &ItemRef, expected: &str) -> Outcome {
        let definition = self.world.definition(&item.case).ok_or("没有这件督办事项")?;
        let shown = light(self.state(item)?, definition, self.world.now());
        equal("灯", expected, shown.as_str())
    }

    fn sent_count(&self, case: &CaseId, kind: &str, to: &str) -> usize {
        let directory = self.world.directory();
        let log = self.world.log(case).iter();
        log.filter(|event| match &event.fact {
            Fact::Sent(sent) => {
                !sent.collapsed
                    && sent.kind.as_str() == kind
                    && sent.to.iter().any(|one| directory.name_of(one) == to)
            }
            _ => false,
        })
        .count()
    }

    pub(super) fn assert_sent(
        &self,
        case: &CaseId,
        kind: &str,
        to: &str,
        expected: i64,
    ) -> Outcome {
        let sent = self.sent_count(case, kind, to);
        equal(&format!("发给 {to} 的 {kind}"), expected, i64::try_from(sent).unwrap_or(i64::MAX))
    }

    pub(super) fn assert_sent_at_least(
        &self,
        case: &CaseId,
        kind: &str,
        to: &str,
        least: i64,
    ) -> Outcome {
        let sent = i64::try_from(self.sent_count(case, kind, to)).unwrap_or(i64::MAX);
        if sent >= least {
            return Ok(());
        }
        Err(format!("发给 {to} 的 {kind}：应至少 {least}，实为 {sent}"))
    }

    /// An interview is looked for under who is interviewed, never under who holds it.
    pub(super) fn is_open_task(&self, case: &CaseId, task: &str, unit: &str) -> Outcome<bool> {
        let found = self.world.case(case).ok_or("没有这件督办事项")?;
        let directory = self.world.directory();
        Ok(found.items_of(task).any(|item| {
            let owner = item.owner.as_ref().and_then(|owner| directory.unit_of(owner));
            let owned = owner.is_some_and(|owner| self.unit_name(&owner) == unit)
                && !matches!(item.kind, ItemKind::Interview { .. });
            item.status.is_open()
                && (owned || self.is_named(item, unit) || self.unit_name(&item.unit) == unit)
        }))
    }

    pub(super) fn event_count(&self, case: &CaseId, kind: &str) -> i64 {
        let count = self.world.log(case).iter().filter(|event| event.fact.kind() == kind).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// Points of a unit in a case, in hundredths.
    pub(super) fn score(&self, case: &CaseId, unit: &str) -> i64 {
        let log = self.world.log(case).iter();
        log.filter_map(|event| match &event.fact {
            Fact::Scored { unit: scored, points, .. } if self.unit_name(scored) == unit => {
                Some(*points)
            }
            _ => None,
        })
        .sum()
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

fn refused(refusal: Refusal) -> String {
    format!("{REFUSED}{}（{}）", refusal.zh(), refusal.code())
}

/// How the message of a refused move begins.
pub(super) const REFUSED: &str = "被拒：";
