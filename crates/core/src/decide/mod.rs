//! Deciding: what a command means for a case.
//!
//! A [`Turn`] is one decision in the making: a working copy of the case, and the events so far.
//! Every event is folded into the copy at once, so that what follows sees what has happened.

mod actions;
mod admin;
mod between;
mod deadline;
mod graph;
mod office;
mod open;
mod ready;
mod review;
mod scene;
mod wake;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Span, Tz, date_of};
use duban_model::{Definition, Directory, Ladder, TaskDef};
use duban_script::{CaseFacts, Program};

use crate::case::{Case, CaseStatus};
use crate::command::{Act, Actor, Command};
use crate::event::Event;
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::Item;
use crate::log::{CHAIN_START, Encoded, encode};
use crate::refusal::Refusal;

pub use self::open::cases_of;
pub use self::scene::fields_of;
pub(crate) use self::scene::title_of;
pub use self::wake::MOMENTS_MAX;

/// The most events that one decision may hold. A larger one is refused with
/// [`Refusal::TooManyEvents`].
pub const EVENTS_MAX: usize = 50_000;

/// Everything that [`decide`] may know besides the case and the command.
#[derive(Clone)]
pub struct Env {
    /// When the command was admitted. Raised to the case's last event where it lies before.
    pub now: Instant,
    /// The definition that the case runs on, compiled.
    pub program: Arc<Program>,
    /// The directory as it is now.
    pub directory: Arc<Directory>,
    /// The working-day calendar as it is now.
    pub calendar: Arc<Calendar>,
}

/// What a command means: the events to store and the case after them.
#[derive(Clone, Debug)]
#[must_use = "a decision has no effect until it is stored"]
pub struct Decision {
    /// The version that the case was at; 0: it did not exist.
    pub expected: u64,
    /// What happened, in order. Empty for a repeated message or a wake-up that came too early.
    pub events: Vec<Event>,
    /// The same as bytes, chained.
    pub encoded: Vec<Encoded>,
    /// The case after the events.
    pub case: Case,
    /// Further moments have passed already: wake the case again.
    pub more: bool,
}

/// Says what `command` means for `case` (`None`: it does not exist). Changes nothing.
///
/// A command stamped before the case's last event is raised to it. A command must not be decided
/// before every earlier moment of the case has happened; at exactly a deadline the command wins.
///
/// # Errors
///
/// [`Refusal`]: nothing happened. On [`Refusal::WakeFirst`] decide [`Act::Wake`] first.
pub fn decide(case: Option<&Case>, command: &Command, env: &Env) -> Result<Decision, Refusal> {
    if let Act::Open(open) = &command.act {
        return match case {
            Some(case) => Err(Refusal::Exists(case.id())),
            None => open::decide_open(open, command, env),
        };
    }
    let Some(case) = case else {
        return Err(Refusal::NoCase(crate::ids::CaseId::new("")));
    };
    check_definition(case, command, env)?;
    let mut turn = Turn::on(case, env, command.actor.clone());
    admit(&turn, &command.act)?;
    let more = turn.act(&command.act)?;
    turn.finish(more)
}

fn check_definition(case: &Case, command: &Command, env: &Env) -> Result<(), Refusal> {
    let given = &env.program.definition().hash;
    let expected = match &command.act {
        Act::Migrate { definition } => definition,
        _ => &case.head().definition,
    };
    if given == expected {
        return Ok(());
    }
    Err(Refusal::OtherDefinition { expected: expected.to_string(), given: given.to_string() })
}

/// What every command must pass before it is looked at.
fn admit(turn: &Turn<'_>, act: &Act) -> Result<(), Refusal> {
    let head = turn.case.head();
    if let Some(error) = &head.faulted
        && !matches!(act, Act::Repair { .. })
    {
        return Err(Refusal::Faulted { case: turn.case.id(), error: error.clone() });
    }
    if matches!(act, Act::Wake | Act::MarkFaulted { .. } | Act::Repair { .. }) {
        return Ok(());
    }
    if turn.case.next_wakeup().is_some_and(|at| at < turn.at) {
        return Err(Refusal::WakeFirst);
    }
    let from_case = matches!(
        act,
        Act::Watch(_) | Act::Answer(_) | Act::ChildClosed { .. } | Act::Migrate { .. }
    );
    let ended = matches!(head.status, CaseStatus::Cancelled | CaseStatus::StruckOff);
    if ended && !from_case && !matches!(act, Act::Reopen { .. }) {
        return Err(Refusal::CaseClosed(turn.case.id()));
    }
    Ok(())
}

/// One decision in the making.
struct Turn<'e> {
    case: Case,
    env: &'e Env,
    definition: Arc<Definition>,
    /// The moment judged.
    at: Instant,
    actor: Actor,
    /// Time, not a person, set off what is happening.
    by_time: bool,
    /// Messages are kept in the log but not delivered: a higher rung has overtaken them.
    collapsed: bool,
    expected: u64,
    events: Vec<Event>,
    encoded: Vec<Encoded>,
    /// Items that were closed or opened again and whose neighbours must be looked at.
    settled: VecDeque<graph::Settle>,
    case_facts: Option<Arc<CaseFacts>>,
}

impl<'e> Turn<'e> {
    fn on(case: &Case, env: &'e Env, actor: Actor) -> Self {
        Self {
            case: case.clone(),
            env,
            definition: Arc::clone(env.program.definition()),
            at: env.now.max(case.head().last_at),
            actor,
            by_time: false,
            collapsed: false,
            expected: case.head().version,
            events: Vec::new(),
            encoded: Vec::new(),
            settled: VecDeque::new(),
            case_facts: None,
        }
    }

    /// Records a fact and folds it in.
    fn push(&mut self, fact: Fact) {
        let event = Event {
            seq: self.case.head().version + 1,
            at: self.at,
            recorded_at: self.now(),
            actor: self.actor.clone(),
            fact,
        };
        let encoded = encode(&event, &self.case.head().chain);
        self.case.evolve(&event, &encoded.hash);
        self.events.push(event);
        self.encoded.push(encoded);
    }

    /// Records the first fact of a case that does not exist yet.
    fn begin(fact: Fact, env: &'e Env, actor: Actor) -> Self {
        let event = Event { seq: 1, at: env.now, recorded_at: env.now, actor: actor.clone(), fact };
        let encoded = encode(&event, CHAIN_START);
        let case = Case::opened_by(&event, &encoded.hash)
            .expect("invariant: a case begins with its opening");
        let mut turn = Self::on(&case, env, actor);
        turn.expected = 0;
        turn.events.push(event);
        turn.encoded.push(encoded);
        turn
    }

    fn finish(mut self, more: bool) -> Result<Decision, Refusal> {
        self.settle();
        self.close_if_nothing_is_left();
        if self.events.len() > EVENTS_MAX {
            return Err(Refusal::TooManyEvents { max: EVENTS_MAX });
        }
        Ok(Decision {
            expected: self.expected,
            events: self.events,
            encoded: self.encoded,
            case: self.case,
            more,
        })
    }

    fn act(&mut self, act: &Act) -> Result<bool, Refusal> {
        match act {
            Act::Open(_) => Err(Refusal::Exists(self.case.id())),
            Act::Sign { item } => self.sign(item),
            Act::Report { item, text, percent, value, evidence } => {
                self.report(item, text, *percent, *value, evidence)
            }
            Act::Submit { item, form, evidence } => self.submit(item, form, evidence),
            Act::Withdraw { item } => self.withdraw(item),
            Act::Accept { item, text } => self.accept(item, text.as_deref()),
            Act::Return { item, reason, upstream } => {
                self.send_back(item, reason, upstream.as_ref())
            }
            Act::AskExtension { item, until, reason } => self.ask_extension(item, *until, reason),
            Act::GrantExtension { item } => self.grant_extension(item),
            Act::RefuseExtension { item, reason } => self.refuse_extension(item, reason),
            Act::Transfer { item, to, reason } => self.transfer(item, to, reason),
            Act::Delegate { item, to, reason } => {
                self.delegate(item, to.as_ref(), reason.as_deref())
            }
            Act::AddCountersigner { item, who } => self.add_countersigner(item, who),
            Act::RemoveCountersigner { item, who, reason } => {
                self.remove_countersigner(item, who, reason)
            }
            Act::Suspend { item, reason, until, stops_clock } => {
                self.suspend(item.as_ref(), reason, *until, *stops_clock)
            }
            Act::Resume { item } => self.resume(item.as_ref()),
            Act::Skip { item, reason } => self.skip(item, reason),
            Act::Cancel { item, reason } => self.cancel(item.as_ref(), reason),
            Act::Reopen { item, reason, due } => self.reopen(item, reason, *due),
            Act::Urge { item, text } => self.urge(item, text.as_deref()),
            Act::StrikeOff { item, text } => self.strike_off(item.as_ref(), text.as_deref()),
            Act::ConsentEarlier { item } => self.consent_earlier(item),
            Act::Wake => return Ok(self.wake()),
            Act::Watch(watch) => self.watch(watch),
            Act::Answer(answer) => self.answer(answer),
            Act::ChildClosed { item, number, child } => self.child_closed(item, *number, child),
            Act::Migrate { .. } => self.migrate(),
            Act::ApplyCalendar => self.apply_calendar(),
            Act::ApplyDirectory => self.apply_directory(),
            Act::MarkFaulted { error } => self.mark_faulted(error),
            Act::Repair { reason } => self.repair(reason),
        }?;
        Ok(false)
    }

    /// When what happens is recorded: never before the moment judged.
    fn now(&self) -> Instant {
        self.env.now.max(self.at)
    }

    fn tz(&self) -> Tz {
        self.definition.suite.time_zone
    }

    fn today(&self) -> Date {
        date_of(self.at, self.tz())
    }

    /// An instant some span later; `None` where it lies beyond every calendar.
    fn after(&self, from: Instant, span: Span) -> Option<Instant> {
        self.env.calendar.add_instant(from, span, self.tz()).ok().map(|(at, _)| at)
    }

    fn item(&self, key: &ItemKey) -> Result<Arc<Item>, Refusal> {
        self.case.item(key).cloned().ok_or_else(|| Refusal::NoItem(key.clone()))
    }

    fn task<'d>(definition: &'d Definition, item: &Item) -> Option<&'d TaskDef> {
        definition.workflow.task(item.task.as_str()).map(|(_, task)| task)
    }

    fn ladder<'d>(definition: &'d Definition, name: &str) -> Option<&'d Ladder> {
        definition.ladders.get(name)
    }
}

/// A reason that is owed and must say something.
fn reason_of(act: &'static str, reason: &str) -> Result<String, Refusal> {
    let reason = reason.trim();
    if reason.is_empty() { Err(Refusal::ReasonMissing(act)) } else { Ok(reason.to_owned()) }
}
