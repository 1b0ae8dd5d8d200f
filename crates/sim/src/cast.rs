//! A cast of people who act by seed: most on time, some late, one that never studies.
//!
//! The cast sees what happens and makes up its mind when to do what; it acts through commands
//! alone, on working days, in office hours.

use std::collections::BTreeMap;

use duban_calendar::{Date, Instant, Span, Tz, date_of, start_of};
use duban_core::{
    Act, Actor, Case, CaseId, CaseStatus, Event, Fact, Item, ItemKey, ItemKind, Readiness, Refusal,
    Status,
};
use duban_model::{Assignee, Better, Directory, UnitId};

use crate::budget::Stop;
use crate::moves::{
    as_first_of, as_office, ask_extension, first_holder, is_enough, report, submission, task_of,
};
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
    AskExtension,
    AnswerExtension,
    StrikeOff,
    StrikeOffCase,
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

    /// Lets the world live until an instant, or until it has stopped. `tick` is called with the
    /// present as it moves on.
    ///
    /// # Errors
    ///
    /// [`Stop`]: a bound of the world's budget was reached.
    pub fn play(
        &mut self,
        world: &mut World<'_>,
        until: Instant,
        mut tick: impl FnMut(Instant),
    ) -> Result<(), Stop> {
        loop {
            if let Some(stop) = world.stopped() {
                return Err(stop);
            }
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
        Ok(())
    }

    fn look(&mut self, world: &mut World<'_>) {
        while let Some((case, place)) = world.next_fresh() {
            let Some(event) = world.log(&case).get(place) else { continue };
            self.react(world, &case, event);
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
            Fact::Submitted { item, .. }
            | Fact::Countersigned { item, .. }
            | Fact::ReviewRefused { item, .. } => {
                let soon = self.office_hour(world, case, item, at, 3);
                self.plan(soon, case, item, What::Review);
            }
            Fact::Reported { item, stall_at: Some(by), .. }
            | Fact::Signed { item, stall_at: Some(by) }
            | Fact::ReportKept { item, next: by }
            | Fact::ReportMissed { item, next: by, .. } => {
                self.plan_report(world, case, item, at, *by);
            }
            Fact::ExtensionAsked { item, .. } => {
                let soon = self.office_hour(world, case, item, at, 3);
                self.plan(soon, case, item, What::AnswerExtension);
            }
            Fact::Accepted { item, done: false, .. } => {
                let later = self.office_hour(world, case, item, at, 10);
                self.plan(later, case, item, What::Submit);
            }
            Fact::CaseClosed => {
                let later = self.office_hour(world, case, &ItemKey::default(), at, 10);
                self.plan(later, case, &ItemKey::default(), What::StrikeOffCase);
            }
            Fact::Accepted { item, done: true, .. } => {
                self.after_rectification(world, case, item, at);
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
        if let Some(by) = ready.report_at {
            self.plan_report(world, case, key, at, by);
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
        let may_ask = task_of(world, case, item).is_some_and(|task| task.extension.is_some());
        if may_ask && habit == Habit::Late && chance.percent(50) {
            let before = calendar.sub(last, Span::Workdays(3)).map_or(last, |found| found.date);
            let ask = nine_of(world, before, tz).max(sign).plus_millis(HOUR_MS);
            self.plan(ask, case, key, What::AskExtension);
        }
    }

    /// Plans a report some working days before it is owed; a late unit forgets one in four.
    fn plan_report(
        &mut self,
        world: &World<'_>,
        case: &CaseId,
        key: &ItemKey,
        at: Instant,
        by: Instant,
    ) {
        let Some(item) = world.case(case).and_then(|found| found.item(key)) else { return };
        let mut chance = Chance::of(self.seed ^ u64::from(item.progress), key.as_str());
        if self.habit_of(world, item) == Habit::Late && chance.percent(25) {
            return;
        }
        let tz = time_zone(world, case);
        let days = i64::try_from(2 + chance.below(4)).unwrap_or(2);
        let (today, last) = (date_of(at, tz), date_of(by, tz));
        let before = world.calendar().sub(last, Span::Workdays(days));
        let earliest = world.calendar().add(today, Span::Workdays(1));
        let (Ok(before), Ok(earliest)) = (before, earliest) else { return };
        let minutes = i64::try_from(chance.below(8 * 60)).unwrap_or(0);
        let wanted = nine_of(world, before.date.max(earliest.date), tz);
        self.plan(wanted.plus_millis(minutes * MINUTE_MS), case, key, What::Report);
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
        if what == What::StrikeOffCase {
            self.strike_off_case(world, &case);
            return;
        }
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
            What::AskExtension if matches!(item.status, Status::Ready | Status::Active) => {
                match ask_extension(world, &case, &item) {
                    Some(act) => self.as_owner(world, &case, &item, act),
                    None => Ok(()),
                }
            }
            What::AnswerExtension if item.asked.is_some() => {
                self.answer_extension(world, &case, &item)
            }
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

    /// A closed case is struck off, but for one that still has its next period to open.
    fn strike_off_case(&mut self, world: &mut World<'_>, case: &CaseId) {
        let Some(head) = world.case(case).map(Case::head) else { return };
        if head.status != CaseStatus::Closed || head.renew_at.is_some() {
            return;
        }
        let act = Act::StrikeOff { item: None, text: Some("事项全部办结".to_owned()) };
        if let Err(refusal) = as_office(world, case, act) {
            self.refusals.push((world.now(), case.clone(), ItemKey::default(), refusal));
        }
    }

    /// Submits the first form that meets the figure; a late unit's falls short now and then.
    fn submit(&self, world: &mut World<'_>, case: &CaseId, item: &Item) -> Result<(), Refusal> {
        let habit = self.habit_of(world, item);
        if habit == Habit::Never {
            return Ok(());
        }
        let Some(person) = first_holder(world, item.owner.as_ref()) else { return Ok(()) };
        let better = task_of(world, case, item)
            .and_then(|task| task.indicator.as_ref())
            .map(|indicator| indicator.better);
        let falls_short = better.is_some()
            && habit == Habit::Late
            && Chance::of(self.seed ^ 0x5407, item.key.as_str()).percent(40);
        let numbers = if better == Some(Better::Down) { [0, 1, 100] } else { [100, 3, 1] };
        let mut outcome = Ok(());
        let mut last = None;
        for number in numbers {
            let act = submission(world, case, item, number, falls_short, &person);
            match world.dry_run(case, Actor::person(person.clone()), act.clone()) {
                // The case has passed moments behind it: the move itself wakes it.
                Err(Refusal::WakeFirst) => {
                    return world.act(case, Actor::person(person), act);
                }
                Err(refusal) => outcome = Err(refusal),
                Ok(decision) => {
                    let enough = falls_short || is_enough(&decision, &item.key, better);
                    last = Some(decision);
                    if enough {
                        break;
                    }
                }
            }
        }
        match last {
            Some(decision) => {
                world.adopt(case, decision);
                Ok(())
            }
            None => outcome,
        }
    }

    fn answer_extension(
        &self,
        world: &mut World<'_>,
        case: &CaseId,
        item: &Item,
    ) -> Result<(), Refusal> {
        let key = item.key.clone();
        let act = if Chance::of(self.seed, item.key.as_str()).percent(70) {
            Act::GrantExtension { item: key }
        } else {
            Act::RefuseExtension { item: key, reason: "理由不充分".to_owned() }
        };
        let members: Vec<&Assignee> = item.review.members.iter().collect();
        as_first_of(world, case, &members, &act)
    }

    fn review(&self, world: &mut World<'_>, case: &CaseId, item: &Item) -> Result<(), Refusal> {
        let mut chance = Chance::of(self.seed, item.key.as_str());
        let returns = item.attempt == 1 && item.window.is_none() && chance.percent(6);
        let key = item.key.clone();
        let act = if returns {
            Act::Return {
                item: key,
                reason: "佐证材料不充分".to_owned(),
                upstream: Vec::new(),
                due: None,
            }
        } else {
            Act::Accept { item: key, text: None, seat: None }
        };
        as_first_of(world, case, &item.review.pending(), &act)
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
        nine_of(world, date, tz).plus_millis(minutes * MINUTE_MS)
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

fn nine_of(world: &World<'_>, date: Date, tz: Tz) -> Instant {
    let date = world.calendar().roll(date, duban_calendar::Roll::Backward).date;
    start_of(date, tz).plus_millis(9 * HOUR_MS)
}

pub(crate) fn time_zone(world: &World<'_>, case: &CaseId) -> Tz {
    world.definition(case).map_or(Tz::UTC, |definition| definition.suite.time_zone)
}
