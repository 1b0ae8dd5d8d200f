//! A cast of people who act by seed: most on time, some late, one that never studies.
//!
//! The cast sees what happens and makes up its mind when to do what; it acts through commands
//! alone, on working days, in office hours.

use std::collections::BTreeMap;

use duban_calendar::{Date, Instant, Span, Tz, date_of, start_of};
use duban_core::{
    Act, Actor, CaseId, Event, Evidence, Fact, Item, ItemKey, ItemKind, Readiness, Refusal, Status,
};
use duban_model::{Assignee, Directory, PersonId, TaskDef, UnitId};
use serde_json::{Map, Value as Json};

use crate::forms::{Pen, fill};
use crate::seed::Chance;
use crate::world::World;

/// How a unit goes about its duties.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Habit {
    /// Before the due date.
    Punctual,
    /// Some working days after it.
    Late,
    /// It never studies, and does not rectify.
    Never,
}

#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
enum What {
    Sign,
    Report,
    Submit,
    Review,
    StrikeOff,
}

/// The people of a simulation.
pub struct Cast {
    seed: u64,
    never: Option<UnitId>,
    plans: BTreeMap<(Instant, u64), (CaseId, ItemKey, What)>,
    planned: u64,
    refusals: Vec<(Instant, CaseId, ItemKey, Refusal)>,
}

impl Cast {
    /// A cast by seed. One district of the directory, chosen by the seed, never studies.
    pub fn sample(seed: u64, directory: &Directory) -> Self {
        let districts: Vec<&UnitId> = directory
            .units()
            .filter(|unit| unit.level == "district")
            .map(|unit| &unit.id)
            .collect();
        let count = u64::try_from(districts.len()).unwrap_or(u64::MAX);
        let chosen = usize::try_from(Chance::new(seed).below(count)).unwrap_or(0);
        Self {
            seed,
            never: districts.get(chosen).map(|unit| (*unit).clone()),
            plans: BTreeMap::new(),
            planned: 0,
            refusals: Vec::new(),
        }
    }

    /// The unit that never studies.
    pub fn never_studies(&self) -> Option<&UnitId> {
        self.never.as_ref()
    }

    /// Moves that were refused, with the reasons: what the cast could not make sense of.
    pub fn refusals(&self) -> &[(Instant, CaseId, ItemKey, Refusal)] {
        &self.refusals
    }

    /// How a unit goes about its duties: about one in eight is late.
    pub fn habit(&self, unit: &UnitId) -> Habit {
        if self.never.as_ref() == Some(unit) {
            Habit::Never
        } else if Chance::of(self.seed, unit.as_str()).percent(12) {
            Habit::Late
        } else {
            Habit::Punctual
        }
    }

    /// Lets the world live until an instant. `tick` is called with the present as it moves on.
    pub fn play(&mut self, world: &mut World<'_>, until: Instant, mut tick: impl FnMut(Instant)) {
        loop {
            self.look(world);
            let planned = self.plans.first_key_value().map(|((at, _), _)| *at);
            let wakes = world.next_wakeup();
            let next = planned.into_iter().chain(wakes).min();
            match next.filter(|next| *next <= until) {
                None => break,
                // A person's move at the instant of a moment comes first.
                Some(next) if planned == Some(next) => {
                    world.sleep_until(next);
                    self.act_next(world);
                }
                Some(next) => {
                    world.step(next);
                }
            }
            tick(world.now());
        }
        world.sleep_until(until);
    }

    fn look(&mut self, world: &mut World<'_>) {
        while let Some((case, event)) = world.next_fresh() {
            self.react(world, &case, &event);
        }
    }

    fn plan(&mut self, at: Instant, case: &CaseId, item: &ItemKey, what: What) {
        self.planned += 1;
        self.plans.insert((at, self.planned), (case.clone(), item.clone(), what));
    }

    fn react(&mut self, world: &World<'_>, case: &CaseId, event: &Event) {
        let at = event.recorded_at;
        match &event.fact {
            Fact::ItemReady { item, ready } => self.take_on(world, case, item, ready, at),
            Fact::ItemOpened { key, ready, .. } => self.take_on(world, case, key, ready, at),
            Fact::Returned { item, .. } | Fact::Reopened { item, .. } => {
                let soon = self.office_hour(world, case, item, at, 4);
                self.plan(soon, case, item, What::Submit);
            }
            Fact::Submitted { item, .. } | Fact::Countersigned { item, .. } => {
                let soon = self.office_hour(world, case, item, at, 3);
                self.plan(soon, case, item, What::Review);
            }
            Fact::Reported { item, .. } => {
                let next = at.plus_millis(28 * DAY_MS);
                self.plan(self.office_hour(world, case, item, next, 1), case, item, What::Report);
            }
            Fact::Accepted { item, done: true, .. } => {
                self.after_rectification(world, case, item, at)
            }
            Fact::WindowJudged { item, met: false, .. } => {
                let later = self.office_hour(world, case, item, at, 15);
                self.plan(later, case, item, What::Submit);
            }
            _ => {}
        }
    }

    /// Plans the work on an item that has become ready.
    fn take_on(
        &mut self,
        world: &World<'_>,
        case: &CaseId,
        key: &ItemKey,
        ready: &Readiness,
        at: Instant,
    ) {
        let Some(item) = world.case(case).and_then(|found| found.item(key)) else { return };
        if ready.owner.is_none() {
            return;
        }
        let sign = self.office_hour(world, case, key, at, 3);
        self.plan(sign, case, key, What::Sign);
        if ready.report_at.is_some() {
            let first = self.office_hour(world, case, key, at.plus_millis(20 * DAY_MS), 3);
            self.plan(first, case, key, What::Report);
        }
        let habit = self.habit_of(world, item);
        let due = item.due().unwrap_or(at.plus_millis(60 * DAY_MS)).max(at);
        let tz = time_zone(world, case);
        let mut chance = Chance::of(self.seed, key.as_str());
        let days = |number: u64| i64::try_from(number).unwrap_or(0);
        let last = date_of(due, tz);
        let calendar = world.calendar();
        let submit_on = match habit {
            Habit::Late => calendar.add(last, Span::Workdays(2 + days(chance.below(22)))),
            Habit::Punctual | Habit::Never => {
                calendar.sub(last, Span::Workdays(1 + days(chance.below(8))))
            }
        };
        let wanted = submit_on.map_or(last, |projected| projected.date);
        let submit = nine_of(world, wanted, tz).max(sign).plus_millis(HOUR_MS);
        self.plan(submit, case, key, What::Submit);
    }

    fn habit_of(&self, world: &World<'_>, item: &Item) -> Habit {
        let owner = item.owner.as_ref().and_then(|owner| world.directory().unit_of(owner));
        let habit = owner.map_or(Habit::Punctual, |unit| self.habit(&unit));
        let shirked = item.window.is_some() || matches!(item.kind, ItemKind::Rectification { .. });
        match habit {
            // Even the unit that never studies does its other work.
            Habit::Never if !shirked => Habit::Punctual,
            // An interview is held in time, and what it requires is mended in time.
            Habit::Late if item.kind != ItemKind::Task => Habit::Punctual,
            habit => habit,
        }
    }

    fn after_rectification(
        &mut self,
        world: &World<'_>,
        case: &CaseId,
        key: &ItemKey,
        at: Instant,
    ) {
        let item = world.case(case).and_then(|found| found.item(key));
        if let Some(ItemKind::Rectification { interview, .. }) = item.map(|item| &item.kind) {
            let soon = self.office_hour(world, case, interview, at, 5);
            self.plan(soon, case, interview, What::StrikeOff);
        }
    }

    fn act_next(&mut self, world: &mut World<'_>) {
        let Some((_, (case, key, what))) = self.plans.pop_first() else { return };
        let Some(item) = world.case(&case).and_then(|found| found.item(&key)).cloned() else {
            return;
        };
        let done = match what {
            What::Sign if item.status == Status::Ready => {
                self.as_owner(world, &case, &item, Act::Sign { item: key.clone() })
            }
            What::Report if matches!(item.status, Status::Ready | Status::Active) => {
                let act = report(world, &case, &item);
                self.as_owner(world, &case, &item, act)
            }
            What::Submit if matches!(item.status, Status::Ready | Status::Active) => {
                self.submit(world, &case, &item)
            }
            What::Review if item.status == Status::Submitted => self.review(world, &case, &item),
            What::StrikeOff if item.status == Status::Done && item.struck_off_at.is_none() => {
                let act = Act::StrikeOff {
                    item: Some(key.clone()),
                    text: Some("整改到位".to_owned()),
                };
                as_office(world, &case, act)
            }
            _ => Ok(()),
        };
        if let Err(refusal) = done {
            self.refusals.push((world.now(), case, key, refusal));
        }
    }

    fn as_owner(
        &self,
        world: &mut World<'_>,
        case: &CaseId,
        item: &Item,
        act: Act,
    ) -> Result<(), Refusal> {
        if self.habit_of(world, item) == Habit::Never {
            return Ok(());
        }
        match first_holder(world, item.owner.as_ref()) {
            Some(person) => world.act(case, Actor::person(person), act),
            None => Ok(()),
        }
    }

    /// Submits the first form that meets the figure; a late unit's second choice may not.
    fn submit(&self, world: &mut World<'_>, case: &CaseId, item: &Item) -> Result<(), Refusal> {
        if self.habit_of(world, item) == Habit::Never {
            return Ok(());
        }
        let Some(person) = first_holder(world, item.owner.as_ref()) else { return Ok(()) };
        let mut last = Ok(());
        for number in [100, 3, 1] {
            let act = submission(world, case, item, number, &person);
            match world.dry_run(case, Actor::person(person.clone()), act.clone()) {
                Err(Refusal::WakeFirst) => {}
                Err(refusal) => {
                    last = Err(refusal);
                    continue;
                }
                Ok(decision) => {
                    let value = decision.case.item(&item.key).and_then(|item| item.value);
                    let short = matches!((value, item.target), (Some(value), Some(target)) if value < target);
                    if short && number != 1 {
                        continue;
                    }
                }
            }
            return world.act(case, Actor::person(person), act);
        }
        last
    }

    fn review(&self, world: &mut World<'_>, case: &CaseId, item: &Item) -> Result<(), Refusal> {
        let mut chance = Chance::of(self.seed, item.key.as_str());
        let returns = item.attempt == 1 && item.window.is_none() && chance.percent(6);
        let mut outcome = Ok(());
        for member in item.review.pending() {
            for person in world.directory().holders(member) {
                let key = item.key.clone();
                let act = if returns {
                    Act::Return {
                        item: key, reason: "佐证材料不充分".to_owned(), upstream: None
                    }
                } else {
                    Act::Accept { item: key, text: None }
                };
                outcome = world.act(case, Actor::person(person), act);
                if outcome.is_ok() {
                    return outcome;
                }
            }
        }
        outcome
    }

    /// Some working day within so many, in office hours, by chance.
    fn office_hour(
        &self,
        world: &World<'_>,
        case: &CaseId,
        item: &ItemKey,
        after: Instant,
        within: u64,
    ) -> Instant {
        let tz = time_zone(world, case);
        let mut chance = Chance::of(self.seed ^ 0x5eed, item.as_str());
        let days = i64::try_from(1 + chance.below(within)).unwrap_or(1);
        let date = date_of(after, tz);
        let date =
            world.calendar().add(date, Span::Workdays(days)).map_or(date, |found| found.date);
        let minutes = i64::try_from(chance.below(8 * 60)).unwrap_or(0);
        nine_of(world, date, tz).plus_millis(minutes * 60_000)
    }
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn nine_of(world: &World<'_>, date: Date, tz: Tz) -> Instant {
    let date = world.calendar().roll(date, duban_calendar::Roll::Backward).date;
    start_of(date, tz).plus_millis(9 * HOUR_MS)
}

fn time_zone(world: &World<'_>, case: &CaseId) -> Tz {
    world.definition(case).map_or(Tz::UTC, |definition| definition.suite.time_zone)
}

fn first_holder(world: &World<'_>, assignee: Option<&Assignee>) -> Option<PersonId> {
    world.directory().holders(assignee?).into_iter().next()
}

fn as_office(world: &mut World<'_>, case: &CaseId, act: Act) -> Result<(), Refusal> {
    let head = world.case(case).map(duban_core::Case::head);
    let office = head.and_then(|head| head.supervision.clone().or_else(|| head.lead.clone()));
    match first_holder(world, office.as_ref()) {
        Some(person) => world.act(case, Actor::person(person), act),
        None => Ok(()),
    }
}

fn task_of<'w>(world: &'w World<'_>, case: &CaseId, item: &Item) -> Option<&'w TaskDef> {
    world.definition(case)?.workflow.task(item.task.as_str()).map(|(_, task)| task)
}

fn report(world: &World<'_>, case: &CaseId, item: &Item) -> Act {
    let now = world.now();
    let share = match (item.ready_at, item.due()) {
        (Some(from), Some(due)) if due > from => {
            now.millis_since(from).saturating_mul(100) / due.millis_since(from)
        }
        _ => 50,
    };
    let title = task_of(world, case, item).map(|task| task.title.clone()).unwrap_or_default();
    Act::Report {
        item: item.key.clone(),
        text: format!("{title}有序推进"),
        percent: u8::try_from(share.clamp(5, 95)).ok(),
        value: None,
        evidence: Vec::new(),
    }
}

/// What a submission holds: the form filled in, every named file attached.
pub(crate) fn submission(
    world: &World<'_>,
    case: &CaseId,
    item: &Item,
    number: i64,
    person: &PersonId,
) -> Act {
    let tz = time_zone(world, case);
    let today = date_of(world.now(), tz);
    let date = item.window.map_or(today, |window| {
        let working = world.calendar().roll(window.end, duban_calendar::Roll::Backward).date;
        if window.contains(today) { today } else { working }
    });
    let pen = Pen { date, number, unit: item.unit.to_string(), person: person.to_string() };
    let task = task_of(world, case, item);
    let form = match (&item.kind, task) {
        (ItemKind::Task, Some(task)) => fill(&task.form, &pen),
        (ItemKind::Interview { .. }, _) => {
            record(&[("held_on", &today.to_string()), ("requirements", "限期整改并书面反馈")])
        }
        _ => record(&[("result", "已按要求整改到位")]),
    };
    let evidence = task.map(|task| task.evidence.as_slice()).unwrap_or_default();
    let evidence =
        evidence.iter().map(|name| Evidence { name: name.clone(), file: format!("sample:{name}") });
    Act::Submit { item: item.key.clone(), form, evidence: evidence.collect() }
}

fn record(fields: &[(&str, &str)]) -> Map<String, Json> {
    fields.iter().map(|(name, text)| ((*name).to_owned(), Json::from(*text))).collect()
}
