//! A world of cases in virtual time, driven through `duban_core::decide` alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant};
use duban_core::{
    Act, Actor, Case, CaseId, CaseName, Command, Decision, Env, Event, Fact, Message, Open,
    Refusal, cases_of, decide,
};
use duban_model::{Definition, Directory, Suite, WorkflowId};
use duban_script::Program;
use serde_json::{Map, Value as Json};

/// Sees every decision as it is made, for example to store it.
pub trait Observer {
    /// One decision, with the definition that its case runs on.
    fn decided(&mut self, decision: &Decision, definition: &Arc<Definition>);
}

impl Observer for () {
    fn decided(&mut self, _: &Decision, _: &Arc<Definition>) {}
}

/// How often a case may be woken at one instant before the world is thought to be stuck.
const WAKES_MAX: usize = 100_000;

struct Slot {
    case: Case,
    program: Arc<Program>,
    log: Vec<Event>,
    /// The wake-up that stands in `World::due`.
    due: Option<Instant>,
}

/// Many cases in virtual time. Deterministic: the same calls give the same events.
pub struct World<'o> {
    programs: BTreeMap<WorkflowId, Arc<Program>>,
    directory: Arc<Directory>,
    calendar: Arc<Calendar>,
    now: Instant,
    cases: BTreeMap<CaseId, Slot>,
    due: BTreeSet<(Instant, CaseId)>,
    messages: VecDeque<(CaseId, Message)>,
    /// Requests to cases that do not exist yet.
    parked: Vec<(CaseId, Message)>,
    /// Events that the cast has not looked at: the case and the place in its log.
    fresh: VecDeque<(CaseId, usize)>,
    observer: Option<&'o mut (dyn Observer + Send)>,
}

impl<'o> World<'o> {
    /// A world without cases, at an instant.
    ///
    /// The programs are the compiled definitions of the suite. Without a directory the world has
    /// no units, and nothing can be opened.
    pub fn new(suite: &Suite, programs: &[Arc<Program>], now: Instant) -> Self {
        let by_id = programs
            .iter()
            .map(|program| (program.definition().workflow.id.clone(), Arc::clone(program)));
        Self {
            programs: by_id.collect(),
            directory: suite.directory.clone().unwrap_or_default(),
            calendar: Arc::clone(&suite.calendar),
            now,
            cases: BTreeMap::new(),
            due: BTreeSet::new(),
            messages: VecDeque::new(),
            parked: Vec::new(),
            fresh: VecDeque::new(),
            observer: None,
        }
    }

    /// Lets an observer see every decision from now on.
    #[must_use]
    pub fn observed_by(mut self, observer: &'o mut (dyn Observer + Send)) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The directory.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The calendar.
    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// The compiled definition of a workflow.
    pub fn program(&self, workflow: &str) -> Option<&Arc<Program>> {
        self.programs.get(workflow)
    }

    /// Every case by id.
    pub fn cases(&self) -> impl Iterator<Item = (&CaseId, &Case)> {
        self.cases.iter().map(|(id, slot)| (id, &slot.case))
    }

    /// One case.
    pub fn case(&self, id: &CaseId) -> Option<&Case> {
        self.cases.get(id).map(|slot| &slot.case)
    }

    /// The definition that a case runs on.
    pub fn definition(&self, id: &CaseId) -> Option<&Arc<Definition>> {
        self.cases.get(id).map(|slot| slot.program.definition())
    }

    /// Everything that happened in a case.
    pub fn log(&self, id: &CaseId) -> &[Event] {
        self.cases.get(id).map(|slot| slot.log.as_slice()).unwrap_or_default()
    }

    /// The next event that nobody has looked at, in the order in which they happened.
    pub(crate) fn next_fresh(&mut self) -> Option<(CaseId, usize)> {
        self.fresh.pop_front()
    }

    /// Opens a case and lets its messages travel.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing happened.
    pub fn open(&mut self, name: CaseName, form: Map<String, Json>) -> Result<CaseId, Refusal> {
        let opened = self.open_with(Open { name, form, carried: Vec::new() })?;
        self.route();
        Ok(opened)
    }

    /// Opens every workflow for every unit of its `cases`, in the period around a date. Cases
    /// that exist are passed over. Returns how many were opened.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`]; what was opened before it stands.
    pub fn open_all(&mut self, on: Date) -> Result<usize, Refusal> {
        let programs: Vec<Arc<Program>> = self.programs.values().cloned().collect();
        let mut opened = 0;
        for program in programs {
            // Workflows that people open by hand wait for them.
            if program.definition().workflow.open.is_some() {
                continue;
            }
            for name in cases_of(&self.env(&program), on)? {
                if !self.cases.contains_key(&name.id()) {
                    self.open_with(Open { name, form: Map::new(), carried: Vec::new() })?;
                    opened += 1;
                }
            }
        }
        self.route();
        Ok(opened)
    }

    fn open_with(&mut self, open: Open) -> Result<CaseId, Refusal> {
        let Some(program) = self.programs.get(&open.name.workflow).cloned() else {
            return Err(Refusal::Definition {
                key: "workflow".to_owned(),
                error: format!("the suite has no workflow `{}`", open.name.workflow),
            });
        };
        let id = open.name.id();
        if self.cases.contains_key(&id) {
            return Err(Refusal::Exists(id));
        }
        let command = Command::new(Actor::operator("立项"), Act::Open(open));
        let decision = decide(None, &command, &self.env(&program))?;
        self.take(&id, decision, &program);
        self.retry_parked();
        Ok(id)
    }

    fn env(&self, program: &Arc<Program>) -> Env {
        Env {
            now: self.now,
            program: Arc::clone(program),
            directory: Arc::clone(&self.directory),
            calendar: Arc::clone(&self.calendar),
        }
    }

    /// Takes over what was decided: the case, its log, its messages, its next wake-up.
    fn take(&mut self, id: &CaseId, decision: Decision, program: &Arc<Program>) {
        if let Some(observer) = self.observer.as_mut() {
            observer.decided(&decision, program.definition());
        }
        let next = decision.case.next_wakeup();
        let case = decision.case;
        let slot = self.cases.entry(id.clone()).or_insert_with(|| Slot {
            case: case.clone(),
            program: Arc::clone(program),
            log: Vec::new(),
            due: None,
        });
        slot.case = case;
        for event in decision.events {
            if let Fact::MessageSent { message, .. } = &event.fact {
                self.messages.push_back((id.clone(), message.clone()));
            }
            self.fresh.push_back((id.clone(), slot.log.len()));
            slot.log.push(event);
        }
        if slot.due != next {
            if let Some(at) = slot.due {
                self.due.remove(&(at, id.clone()));
            }
            self.due.extend(next.map(|at| (at, id.clone())));
            slot.due = next;
        }
    }

    /// Says what a command would do, without doing it.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn dry_run(&self, id: &CaseId, actor: Actor, act: Act) -> Result<Decision, Refusal> {
        let slot = self.cases.get(id).ok_or_else(|| Refusal::NoCase(id.clone()))?;
        decide(Some(&slot.case), &Command::new(actor, act), &self.env(&slot.program))
    }

    /// Makes a move now, and lets its messages travel.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; earlier moments have happened all the same.
    pub fn act(&mut self, id: &CaseId, actor: Actor, act: Act) -> Result<(), Refusal> {
        let done = self.command(id, actor, act);
        self.route();
        done
    }

    /// Makes a move that was weighed by [`dry_run`](Self::dry_run) and nothing has followed since.
    pub(crate) fn adopt(&mut self, id: &CaseId, decision: Decision) {
        let Some(slot) = self.cases.get(id) else { return };
        let program = Arc::clone(&slot.program);
        self.take(id, decision, &program);
        self.route();
    }

    fn command(&mut self, id: &CaseId, actor: Actor, act: Act) -> Result<(), Refusal> {
        let command = Command::new(actor, act);
        for _ in 0..WAKES_MAX {
            let slot = self.cases.get(id).ok_or_else(|| Refusal::NoCase(id.clone()))?;
            let program = Arc::clone(&slot.program);
            match decide(Some(&slot.case), &command, &self.env(&program)) {
                Err(Refusal::WakeFirst) => self.wake(id),
                Err(refusal) => return Err(refusal),
                Ok(decision) => {
                    self.take(id, decision, &program);
                    return Ok(());
                }
            }
        }
        Err(Refusal::WakeFirst)
    }

    fn wake(&mut self, id: &CaseId) {
        let Some(slot) = self.cases.get(id) else { return };
        let program = Arc::clone(&slot.program);
        let command = Command::new(Actor::Engine, Act::Wake);
        if let Ok(decision) = decide(Some(&slot.case), &command, &self.env(&program)) {
            self.take(id, decision, &program);
        }
    }

    /// When the next case is to be woken.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Wakes the first case that is due no later than `until`, at its own instant. `false`
    /// where there is none; time does not move then.
    pub fn step(&mut self, until: Instant) -> bool {
        let Some((at, id)) = self.due.first().filter(|(at, _)| *at <= until).cloned() else {
            return false;
        };
        self.now = self.now.max(at);
        self.wake(&id);
        self.route();
        true
    }

    /// Lets everything happen up to an instant, each at its own time; then it is that instant.
    pub fn advance_to(&mut self, until: Instant) {
        while self.step(until) {}
        self.now = self.now.max(until);
    }

    /// Moves the clock without waking anybody, as an outage does.
    pub fn sleep_until(&mut self, until: Instant) {
        self.now = self.now.max(until);
    }

    /// Carries messages between cases until none is left.
    fn route(&mut self) {
        while let Some((from, message)) = self.messages.pop_front() {
            self.carry(from, message);
        }
    }

    fn carry(&mut self, from: CaseId, message: Message) {
        let actor = Actor::Case { case: from.clone() };
        match &message {
            Message::Open(request) => {
                // A case that exists was opened by an earlier copy of the message.
                let opened = self.open_with(request.open.clone());
                if let Err(refusal) = opened
                    && !matches!(refusal, Refusal::Exists(_))
                {
                    self.parked.push((from, message));
                }
            }
            Message::Watch { candidates, watch } => {
                match candidates.iter().find(|id| self.cases.contains_key(id)).cloned() {
                    Some(id) => self.deliver(&id, actor, Act::Watch(watch.clone())),
                    None => self.parked.push((from, message)),
                }
            }
            Message::Answer { to, answer } => {
                self.deliver(&to.clone(), actor, Act::Answer(answer.clone()));
            }
            Message::ChildClosed { to, item, number } => {
                let act = Act::ChildClosed { item: item.clone(), number: *number, child: from };
                self.deliver(&to.clone(), actor, act);
            }
        }
    }

    /// A message that is refused has come too late; its sender has nothing to undo.
    fn deliver(&mut self, to: &CaseId, actor: Actor, act: Act) {
        drop(self.command(to, actor, act));
    }

    fn retry_parked(&mut self) {
        self.messages.extend(std::mem::take(&mut self.parked));
    }
}
