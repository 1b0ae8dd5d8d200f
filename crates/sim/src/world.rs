//! A world of cases in virtual time, driven through `duban_core::decide` alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant};
use duban_core::{
    Act, Actor, AvailableMove, Case, CaseId, CaseName, Command, Decision, Env, Event, Fact,
    ItemKey, Message, MigrationReport, OPENED_DEPTH_MAX, Open, OpenRequest, Operation, Refusal,
    Request, Signal, Take, available_moves, cases_of, check_date, decide,
};
use duban_model::{Definition, Directory, Suite, WorkflowId};
use duban_script::{BudgetLimits, Program};
use serde_json::{Map, Value as Json};

use crate::budget::{Budget, Stop, Used};
use crate::growth::Growth;

/// Sees every decision as it is made, for example to store it.
pub trait Observer {
    /// One decision, with the definition that its case runs on.
    fn decided(&mut self, decision: &Decision, definition: &Arc<Definition>);
}

impl Observer for () {
    fn decided(&mut self, _: &Decision, _: &Arc<Definition>) {}
}

struct Slot {
    case: Case,
    /// How many items it has.
    items: u64,
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
    growth: Growth,
    /// Events that the cast has not looked at: the case and the place in its log.
    fresh: VecDeque<(CaseId, usize)>,
    observer: Option<&'o mut (dyn Observer + Send)>,
    budget: Budget,
    used: Used,
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
            growth: Growth::default(),
            fresh: VecDeque::new(),
            observer: None,
            budget: Budget::default(),
            used: Used::default(),
        }
    }

    /// Bounds what may happen in the world; without it the bounds are the default ones.
    #[must_use]
    pub fn within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The bound that is reached, if one is. Nothing moves any more then: no message travels, no
    /// case is woken.
    pub fn stopped(&self) -> Option<Stop> {
        self.used.reached(&self.budget)
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
        let opened = self.open_with(Open::new(name, form))?;
        self.route();
        Ok(opened)
    }

    /// Opens every workflow for every unit of its `cases`, in the period around a date. Cases
    /// that exist are passed over. Returns how many were opened, until the world has
    /// [`stopped`](Self::stopped).
    ///
    /// # Errors
    ///
    /// The first [`Refusal`]; what was opened before it stands.
    pub fn open_all(&mut self, on: Date) -> Result<usize, Refusal> {
        check_date("date", on)?;
        let programs: Vec<Arc<Program>> = self.programs.values().cloned().collect();
        let mut opened = 0;
        for program in programs {
            // Workflows that people open by hand wait for them.
            if program.definition().workflow.open.is_some() {
                continue;
            }
            for name in cases_of(&self.env(&program), on)? {
                if self.stopped().is_some() {
                    return Ok(opened);
                }
                if !self.cases.contains_key(&name.id()) {
                    self.open_with(Open::new(name, Map::new()))?;
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
        let command = Command::new(Actor::operator("立项"), open);
        self.used.moment();
        let decision = self.ask(None, &command, &program)?;
        self.take(&id, decision, &program);
        self.retry_parked();
        Ok(id)
    }

    /// Decides what comes from outside.
    fn ask(
        &self,
        case: Option<&Case>,
        command: &Command,
        program: &Arc<Program>,
    ) -> Result<Decision, Refusal> {
        decide(case, command, &self.env(program))
    }

    fn env(&self, program: &Arc<Program>) -> Env {
        Env {
            now: self.now,
            program: Arc::clone(program),
            previous: None,
            directory: Arc::clone(&self.directory),
            calendar: Arc::clone(&self.calendar),
            epoch: 0,
            budget: duban_script::Budget::new(BudgetLimits::default(), self.budget.stop.clone()),
        }
    }

    /// Takes over what was decided: the case, its log, its messages, its next wake-up.
    fn take(&mut self, id: &CaseId, decision: Decision, program: &Arc<Program>) {
        if let Some(observer) = self.observer.as_mut() {
            observer.decided(&decision, program.definition());
        }
        let next = decision.case.next_wakeup();
        // The map knows its length: counting would go through all of it at each decision.
        let (items, _) = decision.case.items().size_hint();
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        let before = self.cases.get(id).map_or(0, |slot| slot.items);
        self.used.decision(&decision, items, before);
        let case = decision.case;
        let slot = self.cases.entry(id.clone()).or_insert_with(|| Slot {
            case: case.clone(),
            items,
            program: Arc::clone(program),
            log: Vec::new(),
            due: None,
        });
        slot.case = case;
        slot.items = items;
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
        self.ask(Some(&slot.case), &Command::new(actor, act), &slot.program)
    }

    /// The moves that a case would take now, on an item (`None`: on the case), from one of
    /// `actors`. Moments of the case that have passed must have happened, as
    /// [`advance_to`](Self::advance_to) leaves them.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoCase`].
    pub fn available_moves(
        &self,
        id: &CaseId,
        item: Option<&ItemKey>,
        actors: &[Actor],
    ) -> Result<Vec<AvailableMove>, Refusal> {
        let slot = self.cases.get(id).ok_or_else(|| Refusal::NoCase(id.clone()))?;
        Ok(available_moves(&slot.case, item, actors, &self.env(&slot.program)))
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

    /// Another directory holds from now on; every case looks at what it means for it.
    pub fn change_directory(&mut self, directory: Directory) {
        self.directory = Arc::new(directory);
        let cases: Vec<CaseId> = self.cases.keys().cloned().collect();
        for id in cases {
            // A case that has ended has nothing to look at.
            drop(self.command(&id, Actor::Engine, Operation::ApplyDirectory));
        }
        self.route();
    }

    /// Makes a move that was weighed by [`dry_run`](Self::dry_run) and nothing has followed since.
    pub(crate) fn adopt(&mut self, id: &CaseId, decision: Decision) {
        let Some(slot) = self.cases.get(id) else { return };
        let program = Arc::clone(&slot.program);
        self.take(id, decision, &program);
        self.route();
    }

    /// Has a case run on another version of its workflow from now on; cases that are opened later
    /// run on it too. What it means for the case is in the report; `None`: it ran on it already.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; earlier moments have happened all the same.
    pub fn migrate(
        &mut self,
        id: &CaseId,
        program: &Arc<Program>,
        take: &[Take],
    ) -> Result<Option<MigrationReport>, Refusal> {
        let definition = program.definition().hash.clone();
        let migrate = Operation::Migrate { definition, take: take.to_vec() };
        let command = Command::new(Actor::operator("改版"), migrate);
        while self.case(id).and_then(Case::next_wakeup).is_some_and(|at| at < self.now) {
            self.wake(id);
        }
        let slot = self.cases.get_mut(id).ok_or_else(|| Refusal::NoCase(id.clone()))?;
        let previous = Some(Arc::clone(&slot.program));
        let case = slot.case.clone();
        let env = Env { previous, ..self.env(program) };
        let mut decision = decide(Some(&case), &command, &env)?;
        let report = decision.migration.take();
        let workflow = program.definition().workflow.id.clone();
        self.programs.insert(workflow, Arc::clone(program));
        self.take(id, decision, program);
        if let Some(slot) = self.cases.get_mut(id) {
            slot.program = Arc::clone(program);
        }
        self.route();
        Ok(report.map(|report| *report))
    }

    fn command(
        &mut self,
        id: &CaseId,
        actor: Actor,
        request: impl Into<Request>,
    ) -> Result<(), Refusal> {
        let command = Command::new(actor, request);
        while self.stopped().is_none() {
            self.used.moment();
            let slot = self.cases.get(id).ok_or_else(|| Refusal::NoCase(id.clone()))?;
            let program = Arc::clone(&slot.program);
            match self.ask(Some(&slot.case), &command, &program) {
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
        let command = Command::new(Actor::Engine, Signal::Wake);
        self.used.moment();
        if let Ok(decision) = decide(Some(&slot.case), &command, &self.env(&program)) {
            self.take(id, decision, &program);
        }
    }

    /// When the next case is to be woken.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.growth.next()).min()
    }

    /// Wakes the first case that is due no later than `until`, at its own instant. `false`
    /// where there is none, or the world has [`stopped`](Self::stopped); time does not move then.
    pub fn step(&mut self, until: Instant) -> bool {
        if self.stopped().is_some() {
            return false;
        }
        let Some(at) = self.next_wakeup().filter(|at| *at <= until) else { return false };
        self.now = self.now.max(at);
        self.messages.extend(self.growth.take(at));
        if let Some((_, id)) = self.due.first().filter(|(due, _)| *due == at).cloned() {
            self.wake(&id);
        }
        self.route();
        true
    }

    /// Lets everything happen up to an instant, each at its own time; then it is that instant,
    /// unless the world has [`stopped`](Self::stopped).
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
        while self.stopped().is_none()
            && let Some((from, message)) = self.messages.pop_front()
        {
            self.carry(from, message);
        }
    }

    fn carry(&mut self, from: CaseId, message: Message) {
        let actor = Actor::Case { case: from.clone() };
        match &message {
            Message::Open(request) => {
                if self.is_too_deep(&request.open.name) {
                    self.used.grow_too_deep();
                    return;
                }
                if let Err(until) = self.admit(request) {
                    self.growth.wait(until, from, message);
                    return;
                }
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
                    Some(id) => self.deliver(&id, actor, Signal::Watch(watch.clone())),
                    None => self.parked.push((from, message)),
                }
            }
            Message::Answer { to, answer } => {
                self.deliver(&to.clone(), actor, Signal::Answer(answer.clone()));
            }
            Message::ChildClosed { to, item, number } => {
                let closed =
                    Signal::ChildClosed { item: item.clone(), number: *number, child: from };
                self.deliver(&to.clone(), actor, closed);
            }
            Message::ChildEnded { to, item, number } => {
                let ended = Signal::ChildEnded { item: item.clone(), number: *number, child: from };
                self.deliver(&to.clone(), actor, ended);
            }
            Message::ToChild { to, .. } if !self.cases.contains_key(to) => {
                self.parked.push((from, message));
            }
            Message::ToChild { to, item, number, says } => {
                let (item, says) = (item.clone(), says.clone());
                let told = Signal::ParentSays { from, item, number: *number, says };
                self.deliver(&to.clone(), actor, told);
            }
        }
    }

    /// Counts a case that another one asks for; otherwise when there is room again.
    fn admit(&mut self, request: &OpenRequest) -> Result<(), Instant> {
        let name = &request.open.name;
        match self.programs.get(&request.workflow) {
            Some(program) if !self.cases.contains_key(&name.id()) => {
                let tz = program.definition().suite.time_zone;
                self.growth.admit(request, self.now, tz)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Too deep a case ends virtual time: the daemon would never open it.
    fn is_too_deep(&self, name: &CaseName) -> bool {
        let mut above = name.parent.as_ref();
        for _ in 0..OPENED_DEPTH_MAX {
            let Some((parent, _)) = above else { return false };
            above = self.case(parent).and_then(|case| case.head().name.parent.as_ref());
        }
        above.is_some()
    }

    /// A message that is refused has come too late; its sender has nothing to undo.
    fn deliver(&mut self, to: &CaseId, actor: Actor, signal: Signal) {
        drop(self.command(to, actor, signal));
    }

    fn retry_parked(&mut self) {
        self.messages.extend(std::mem::take(&mut self.parked));
    }
}
