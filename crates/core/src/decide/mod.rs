//! Deciding: what a command means for a case.
//!
//! A [`Turn`] is one decision in the making: a working copy of the case, and the events so far.
//! Every event is folded into the copy at once, so that what follows sees what has happened.

mod actions;
mod admin;
mod attention;
mod axes;
mod between;
mod child;
mod clock;
mod deadline;
mod duty_rows;
mod entries;
mod graph;
mod growth;
mod handover;
mod hold;
mod in_person;
mod mend;
mod migrate;
mod newcomer;
mod office;
mod open;
mod outage;
mod ready;
mod recount;
mod returns;
mod review;
mod rungs;
mod scene;
mod signers;
mod takeback;
mod takeover;
mod wake;
mod withdraw;
mod work;

use std::collections::VecDeque;
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Span, Tz, date_of};
use duban_model::{Assignee, Definition, Directory, Ladder, TaskDef, says_nothing};
use duban_script::{Budget, CaseFacts, Program, Spent};

use crate::authority::Presence;
use crate::case::{Case, CaseStatus};
use crate::command::{Act, Actor, Command, Operation, Request, Signal};
use crate::event::{Event, Side};
use crate::fact::Fact;
use crate::failed::{Expression, Failed};
use crate::form;
use crate::ids::ItemKey;
use crate::item::Item;
use crate::log::{CHAIN_START, Encoded, encode};
use crate::migration::MigrationReport;
use crate::names::Names;
use crate::refusal::{Refusal, Why};

pub use self::axes::{ADDED_WORKDAYS, axis_differences};
pub use self::open::cases_of;
pub use self::returns::{ReturnChoice, return_choice};
pub use self::scene::fields_of;
pub(crate) use self::scene::title_of;
pub use self::wake::MOMENTS_MAX;

/// Everything that [`decide`] may know besides the case and the command.
#[derive(Clone)]
pub struct Env {
    /// When the command was admitted. Raised to the case's last event where it lies before.
    pub now: Instant,
    /// The definition that the case runs on, compiled.
    pub program: Arc<Program>,
    /// For a migration alone: the definition that the case runs on before it.
    pub previous: Option<Arc<Program>>,
    /// The directory as it is now.
    pub directory: Arc<Directory>,
    /// The working-day calendar as it is now.
    pub calendar: Arc<Calendar>,
    /// Which time `now` is of; events name it. 0: the host answers for its clock.
    pub epoch: u32,
    /// What one decision may spend; each begins with all of it.
    pub budget: Budget,
}

impl Env {
    /// The same with nothing spent yet.
    fn begun(&self) -> Self {
        Self { budget: self.budget.begun(), ..self.clone() }
    }
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
    /// Operations that its scripts took, native work included.
    pub operations: u64,
    /// What of its budget ran out: scripts were cut off, and what happens without them happened.
    /// Only in a wake-up; anything else is refused whole.
    pub spent: Option<Spent>,
    /// What a migration means for the case.
    pub migration: Option<Box<MigrationReport>>,
    /// Items that were looked at for whether somebody can move on them: those that the events are
    /// about, and all that are not closed where the directory or the definition changed.
    pub looked_at: u64,
}

/// Says what `command` means for `case` (`None`: it does not exist). Changes nothing.
///
/// A command stamped before the case's last event is raised to it. A command must not be decided
/// before every earlier moment of the case has happened; at exactly a deadline the command wins.
///
/// # Errors
///
/// [`Refusal`]: nothing happened. On [`Refusal::WakeFirst`] decide [`Signal::Wake`] first. A
/// wake-up never ends in [`Refusal::OverBudget`]: the moment in hand happens without its scripts,
/// and what is left waits for the next.
pub fn decide(case: Option<&Case>, command: &Command, env: &Env) -> Result<Decision, Refusal> {
    crate::bounds::check_bounds(command, env.program.definition().suite.time_zone)?;
    let env = &env.begun();
    let decided = decide_within(case, command, env);
    let wakes = matches!(command.request, Request::Signal(Signal::Wake));
    match env.budget.spent() {
        Some(spent) if !wakes => Err(Refusal::OverBudget(spent)),
        _ => decided,
    }
}

fn decide_within(case: Option<&Case>, command: &Command, env: &Env) -> Result<Decision, Refusal> {
    if let Request::Open(open) = &command.request {
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
    if let Request::Operate(Operation::TakeBack(wrong)) = &command.request {
        // It does not happen after what it takes back, but after what stands.
        turn.at = env.now.max(wrong.head.last_at);
    }
    admit(&turn, command)?;
    let more = turn.take(&command.request)?;
    turn.finish(more)
}

/// Whether a case would take a person's move now. Nothing is written and no script's function is
/// called; the expressions that the move itself rests on are evaluated.
pub(crate) fn probe(case: &Case, actor: &Actor, act: &Act, env: &Env) -> Result<(), Refusal> {
    let command = Command::new(actor.clone(), act.clone());
    check_definition(case, &command, env)?;
    let env = &env.begun();
    let mut turn = Turn::on(case, env, actor.clone());
    turn.probing = true;
    admit(&turn, &command)?;
    turn.act(act)
}

fn check_definition(case: &Case, command: &Command, env: &Env) -> Result<(), Refusal> {
    let given = &env.program.definition().hash;
    let expected = match &command.request {
        Request::Operate(Operation::Migrate { definition, .. }) => definition,
        Request::Open(_) | Request::Move(_) | Request::Operate(_) | Request::Signal(_) => {
            &case.head().definition
        }
    };
    if given == expected {
        return Ok(());
    }
    Err(Refusal::OtherDefinition { expected: expected.to_string(), given: given.to_string() })
}

/// What every command must pass before it is looked at.
fn admit(turn: &Turn<'_>, command: &Command) -> Result<(), Refusal> {
    let (head, request) = (turn.case.head(), &command.request);
    if let Request::Signal(signal) = request
        && !signal.is_from(&command.actor)
    {
        let item = turn.case.id().to_string();
        return Err(Refusal::NotAllowed { act: signal.name(), item, allowed: Vec::new() });
    }
    let repairs =
        matches!(request, Request::Operate(Operation::Repair { .. } | Operation::TakeBack(_)));
    if let Some(error) = &head.faulted
        && !repairs
    {
        return Err(Refusal::Faulted { case: turn.case.id(), error: error.clone() });
    }
    let waits_for_nothing =
        matches!(request, Request::Signal(Signal::Wake | Signal::MarkFaulted { .. }));
    if waits_for_nothing || repairs {
        return Ok(());
    }
    let applies = matches!(request, Request::Operate(Operation::ApplyCalendar));
    if turn.case.next_wakeup().is_some_and(|at| at < turn.at) || (turn.is_behind() && !applies) {
        return Err(Refusal::WakeFirst);
    }
    let may_come_late = matches!(
        request,
        Request::Signal(_)
            | Request::Operate(Operation::Migrate { .. })
            | Request::Move(Act::Reopen { .. })
    );
    let ended = matches!(head.status, CaseStatus::Cancelled | CaseStatus::StruckOff);
    if ended && !may_come_late {
        return Err(Refusal::CaseClosed(turn.case.id()));
    }
    Ok(())
}

/// Whom a ladder towards a review or an answer chases. To its scripts they are the reviewers, and
/// its date is `due`.
#[derive(Clone, Debug)]
struct Chase {
    side: Side,
    /// Those of them for whom somebody is there.
    to: Vec<Assignee>,
    due: Option<Instant>,
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
    /// While a rung of a ladder towards a review or an answer fires: whom it chases.
    chase: Option<Chase>,
    expected: u64,
    events: Vec<Event>,
    encoded: Vec<Encoded>,
    /// Items that were closed or opened again and whose neighbours must be looked at.
    settled: VecDeque<graph::Settle>,
    case_facts: Option<Arc<CaseFacts>>,
    /// What the migration in the making means.
    migration: Option<Box<MigrationReport>>,
    /// Nothing is kept: events are not written, and no function of a script is called.
    probing: bool,
    /// Somebody was told that the budget ran out.
    told_spent: bool,
    /// The expression that is being read, where its key alone does not say it.
    reading: Option<Expression>,
    /// What is read is only compared with what an item has: it lacks nothing where that fails.
    compares: bool,
    /// Expressions that failed and are kept, so far.
    failures: usize,
    /// Failures of items that are only being made.
    unborn: Vec<(ItemKey, Failed)>,
    /// Every item is looked at for whether somebody can move on it, not only those touched.
    looks_at_all: bool,
    looked_at: u64,
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
            chase: None,
            expected: case.head().version,
            events: Vec::new(),
            encoded: Vec::new(),
            settled: VecDeque::new(),
            case_facts: None,
            migration: None,
            probing: false,
            told_spent: false,
            reading: None,
            compares: false,
            failures: 0,
            unborn: Vec::new(),
            looks_at_all: false,
            looked_at: 0,
        }
    }

    /// Records a fact and folds it in.
    fn push(&mut self, fact: Fact) {
        let event = Event {
            seq: self.case.head().version + 1,
            at: self.at,
            recorded_at: self.now(),
            epoch: self.env.epoch,
            actor: self.actor.clone(),
            names: Names::shown(&self.actor, &fact, &self.env.directory),
            fact,
        };
        if self.probing {
            self.case.evolve(&event, "");
            return;
        }
        let encoded = encode(&event, &self.case.head().chain);
        self.case.evolve(&event, &encoded.hash);
        self.events.push(event);
        self.encoded.push(encoded);
    }

    /// Records the first fact of a case that does not exist yet.
    fn begin(fact: Fact, env: &'e Env, actor: Actor) -> Self {
        let names = Names::shown(&actor, &fact, &env.directory);
        let event = Event {
            seq: 1,
            at: env.now,
            recorded_at: env.now,
            epoch: env.epoch,
            actor: actor.clone(),
            fact,
            names,
        };
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
        self.tell_of_duties();
        self.close_if_nothing_is_left();
        self.note_attention();
        if !self.by_time {
            self.env.budget.count_events(self.events.len());
        }
        Ok(Decision {
            expected: self.expected,
            events: self.events,
            encoded: self.encoded,
            case: self.case,
            more,
            operations: self.env.budget.operations(),
            spent: self.env.budget.spent(),
            migration: self.migration,
            looked_at: self.looked_at,
        })
    }

    /// `true` where more has passed than one commit handles.
    fn take(&mut self, request: &Request) -> Result<bool, Refusal> {
        match request {
            Request::Open(_) => Err(Refusal::Exists(self.case.id())),
            Request::Move(act) => self.act(act).map(|()| false),
            Request::Operate(operation) => self.operate(operation),
            Request::Signal(signal) => self.hear(signal),
        }
    }

    fn act(&mut self, act: &Act) -> Result<(), Refusal> {
        match act {
            Act::Sign { item } => self.sign(item),
            Act::Report { item, text, percent, value, evidence } => {
                self.report(item, text, *percent, *value, evidence)
            }
            Act::Submit { item, form, evidence } => self.submit(item, form, evidence),
            Act::Withdraw { item } => self.withdraw(item),
            Act::Accept { item, text, seat } => self.accept(item, text.as_deref(), seat.as_ref()),
            Act::Return { item, reason, upstream, due } => {
                self.send_back(item, reason, upstream, *due)
            }
            Act::AskExtension { item, until, reason } => self.ask_extension(item, *until, reason),
            Act::GrantExtension { item } => self.grant_extension(item),
            Act::RefuseExtension { item, reason } => self.refuse_extension(item, reason),
            Act::Transfer { item, to, reason } => self.transfer(item, to, reason),
            Act::Delegate { item, to, reason } => {
                self.delegate(item, to.as_ref(), reason.as_deref())
            }
            Act::AddCountersigner { item, who, before } => {
                self.add_countersigner(item, who, before.as_ref())
            }
            Act::RemoveCountersigner { item, who, reason } => {
                self.remove_countersigner(item, who, reason)
            }
            Act::Suspend { item, reason, until, stops_clock } => {
                self.suspend(item.as_ref(), reason, *until, *stops_clock)
            }
            Act::Resume { item } => self.resume(item.as_ref()),
            Act::AskSuspension { item, reason, until } => self.ask_suspension(item, reason, *until),
            Act::GrantSuspension { item } => self.answer_suspension("grant_suspension", item, None),
            Act::RefuseSuspension { item, reason } => {
                self.answer_suspension("refuse_suspension", item, Some(reason))
            }
            Act::Skip { item, reason } => self.skip(item, reason),
            Act::Cancel { item, reason } => self.cancel(item.as_ref(), reason),
            Act::Reopen { item, reason, due } => self.reopen(item, reason, *due),
            Act::Urge { item, text } => self.urge(item, text.as_deref()),
            Act::StrikeOff { item, text } => self.strike_off(item.as_ref(), text.as_deref()),
            Act::ConsentEarlier { item } => self.consent_earlier(item),
            Act::SetDue { item, due, reason } => self.set_due(item, *due, reason),
            Act::Assign { item, to, reason } => self.assign(item, to, reason),
            Act::Retry { item, reason } => self.retry(item.as_ref(), reason.as_deref()),
            Act::AddItem { task, which, reason } => self.add_item(task, which, reason),
            Act::HandToSuccessor { item, to, reason } => {
                self.hand_to_successor(item, to.as_ref(), reason)
            }
            Act::FinishAsItIs { item, reason } => self.finish_as_it_is(item, reason),
        }
    }

    fn operate(&mut self, operation: &Operation) -> Result<bool, Refusal> {
        match operation {
            Operation::Migrate { take, .. } => {
                self.migrate(take)?;
                // The lists are the new definition's.
                if self.case.head().differs.is_some() {
                    self.apply_axes();
                }
                Ok(())
            }
            Operation::ApplyCalendar => return self.apply_calendar(),
            Operation::ApplyDirectory => {
                self.apply_directory()?;
                self.apply_axes();
                Ok(())
            }
            Operation::ApplyHolders => self.apply_directory(),
            Operation::TakeBack(wrong) => self.take_back(wrong),
            Operation::Repair { reason } => self.repair(reason),
        }
        .map(|()| false)
    }

    fn hear(&mut self, signal: &Signal) -> Result<bool, Refusal> {
        match signal {
            Signal::Wake => return Ok(self.wake()),
            Signal::MarkFaulted { error } => self.mark_faulted(error),
            Signal::Watch(watch) => self.watch(watch),
            Signal::Answer(answer) => self.answer(answer),
            Signal::ChildClosed { item, number, child } => self.child_closed(item, *number, child),
            Signal::ChildEnded { item, number, child } => self.child_ended(item, *number, child),
            Signal::ParentSays { from, item, number, says } => {
                self.parent_says(from, item, *number, says);
            }
            Signal::OpeningHeld { item, reason } => self.opening_held(item, reason.as_ref()),
        }
        Ok(false)
    }

    /// Whether the decision is refused whatever follows: its budget has run out, and it is not time
    /// that set it off.
    fn is_over(&self) -> bool {
        if self.by_time {
            return false;
        }
        self.env.budget.count_events(self.events.len());
        self.env.budget.look().is_some()
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

    /// Who is there today.
    fn presence(&self) -> Presence<'_> {
        let (directory, calendar) = (&self.env.directory, &self.env.calendar);
        Presence { directory, calendar, today: self.today() }
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
    if says_nothing(reason) {
        return Err(Refusal::ReasonMissing(act));
    }
    form::check_readable("reason", reason)?;
    if reason.chars().count() > form::TEXT_CHARS_MAX {
        let range = Why::new("at most 20000 characters", "不超过 20000 字");
        return Err(Refusal::OutOfRange { what: "reason", range });
    }
    Ok(reason.trim().to_owned())
}
