//! One piece of work on one case: load, decide, commit, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use duban_calendar::Instant;
use duban_core::{
    Actor, AvailableMove, Case, CaseId, Command, Decision, Env, Event, Fact, ItemKey, Operation,
    Refusal, Signal, available_moves, case_from_texts,
};
use duban_model::DefinitionHash;
use duban_script::{Budget, Program};
use duban_store::{Commit, KeyRecord, Store};
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use crate::error::EngineError;
use crate::evidence;
use crate::keys;
use crate::shard::Turn;
use crate::shared::{Shared, Ticket};
use crate::stats::add;
use crate::thinking::{Decided, aside};
use crate::upkeep::{self, Rebuilt};
use crate::wake::Claim;

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The case.
    pub case: CaseId,
    /// Its version after the command.
    pub version: u64,
    /// What happened; empty where the case knew of it already.
    pub events: Vec<Event>,
}

/// A command on its way to a case.
pub(crate) struct Request {
    pub(crate) command: Command,
    pub(crate) admitted_at: Instant,
    pub(crate) asked: Asked,
}

/// What may come with a command.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) key: Option<String>,
    /// What a case that does not exist yet is to run on.
    pub(crate) definition: Option<DefinitionHash>,
    /// The version that whoever asks has looked at.
    pub(crate) version: Option<u64>,
}

/// Which moves are asked about.
pub(crate) struct Question {
    pub(crate) item: Option<ItemKey>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) now: Instant,
}

impl Request {
    /// Whether somebody outside waits for it; cases and the engine itself can.
    fn is_urgent(&self) -> bool {
        matches!(self.command.actor, Actor::Person { .. } | Actor::Operator { .. })
    }
}

type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What is to be done with a case.
pub(crate) enum Work {
    Command(Box<Request>, Reply<Outcome>),
    DryRun(Box<Request>, Reply<Decision>),
    Moves(Question, Reply<Vec<AvailableMove>>),
    Look(Reply<Case>),
    Wake(Claim),
    Check(Reply<bool>),
    Rebuild(Reply<Rebuilt>),
}

impl Work {
    /// Whether it may wait for people: it fills the lower queue.
    pub(crate) fn is_background(&self) -> bool {
        match self {
            Self::Command(request, _) => !request.is_urgent(),
            Self::DryRun(..) | Self::Moves(..) | Self::Look(_) => false,
            Self::Wake(_) | Self::Check(_) | Self::Rebuild(_) => true,
        }
    }

    /// Answers without having done anything.
    pub(crate) fn refuse(self, error: EngineError) {
        match self {
            Self::Command(_, reply) => drop(reply.send(Err(error))),
            Self::DryRun(_, reply) => drop(reply.send(Err(error))),
            Self::Moves(_, reply) => drop(reply.send(Err(error))),
            Self::Look(reply) => drop(reply.send(Err(error))),
            Self::Check(reply) => drop(reply.send(Err(error))),
            Self::Rebuild(reply) => drop(reply.send(Err(error))),
            Self::Wake(_) => {}
        }
    }
}

/// Work with its case.
pub(crate) struct Job {
    pub(crate) case: CaseId,
    pub(crate) work: Work,
    pub(crate) ticket: Ticket,
    /// On whose behalf: what the host was doing when it asked.
    pub(crate) span: Span,
}

/// Work that is done: the case to keep in memory, and the answer to give once it is kept.
pub(crate) struct Finished {
    pub(crate) case: Option<Case>,
    reply: Box<dyn FnOnce() + Send>,
}

impl Finished {
    pub(crate) fn reply(self) {
        (self.reply)();
    }
}

/// Does one piece of work. `cached` is the case as committed last, if it is known.
pub(crate) async fn perform<S: Store>(
    shared: Arc<Shared<S>>,
    cached: Option<Case>,
    turn: Turn,
    job: Job,
) -> Finished {
    let Job { case: id, work, ticket, .. } = job;
    turn.taken().await;
    let mut desk = Desk { shared, id, case: cached, turn: Some(turn), is_urgent: false };
    let reply: Box<dyn FnOnce() + Send> = match work {
        Work::Command(request, reply) => {
            let span = tracing::debug_span!("command", case = %desk.id);
            let answer = desk.carry_out(&request).instrument(span).await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
        Work::DryRun(request, reply) => {
            desk.is_urgent = true;
            let answer = desk.dry_run(&request).await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
        Work::Moves(question, reply) => {
            let answer = desk.moves(&question).await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
        Work::Look(reply) => {
            let answer = desk.look().await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
        Work::Wake(mut claim) => {
            desk.wake_claimed(&mut claim).await;
            Box::new(move || drop((claim, ticket)))
        }
        Work::Check(reply) => {
            let answer = upkeep::check(&mut desk).await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
        Work::Rebuild(reply) => {
            let answer = upkeep::rebuild(&mut desk).await;
            Box::new(move || drop((reply.send(answer), ticket)))
        }
    };
    Finished { case: desk.case, reply }
}

/// A case in hand.
pub(crate) struct Desk<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) id: CaseId,
    /// The case as committed last; `None`: it does not exist, or must be loaded.
    pub(crate) case: Option<Case>,
    /// Given up once the first decision is on its way to the store.
    turn: Option<Turn>,
    /// Somebody waits for the answer, and so for every commit on the way to it.
    is_urgent: bool,
}

/// Cases with more items, and decisions with more events, are read and written beside the worker.
const ITEMS_AT_THE_WORKER: usize = 500;

/// What came of one attempt to commit.
enum Attempt<T> {
    Done(T),
    /// Another writer came first: load again and decide again.
    Overtaken,
}

impl<S: Store> Desk<S> {
    async fn load(&mut self) -> Result<(), EngineError> {
        if self.case.is_some() {
            return Ok(());
        }
        let Some(stored) = self.shared.store.load(self.id.as_str()).await? else { return Ok(()) };
        add(&self.shared.counters.loads, 1);
        let id = self.id.clone();
        let is_large = stored.items.len() > ITEMS_AT_THE_WORKER;
        let read = move || {
            let items = stored.items.iter().map(|(key, text)| (key.as_str(), text.as_str()));
            case_from_texts(id.as_str(), &stored.head, items)
        };
        self.case = Some(if is_large { aside(read).await? } else { read() }?);
        Ok(())
    }

    async fn look(&mut self) -> Result<Case, EngineError> {
        self.load().await?;
        let case = self.case.clone();
        case.ok_or_else(|| Refusal::NoCase(self.id.clone()).into())
    }

    /// Everything that a decision may know, for the definition that the command needs.
    async fn env(&self, request: &Request) -> Result<Env, EngineError> {
        let hash = match (&request.command.request, &self.case) {
            (duban_core::Request::Operate(Operation::Migrate { definition, .. }), Some(case)) => {
                let library = &self.shared.library;
                let previous = library.program(&case.head().definition).await?;
                let env = self.env_on(definition, request.admitted_at).await?;
                return Ok(Env { previous: Some(previous), ..env });
            }
            (_, Some(case)) => &case.head().definition,
            (_, None) => match &request.asked.definition {
                Some(hash) => hash,
                None => return Err(Refusal::NoCase(self.id.clone()).into()),
            },
        };
        self.env_on(hash, request.admitted_at).await
    }

    async fn env_on(&self, hash: &DefinitionHash, now: Instant) -> Result<Env, EngineError> {
        let library = &self.shared.library;
        let program = library.program(hash).await?;
        let calendar = library.calendar(&program.definition().suite.calendar).await?;
        // Its budget comes with the decision.
        let budget = Budget::default();
        let directory = library.directory();
        let epoch = self.shared.clock.epoch();
        Ok(Env { now, program, previous: None, directory, calendar, epoch, budget })
    }

    async fn carry_out(&mut self, request: &Request) -> Result<Outcome, EngineError> {
        self.is_urgent = request.is_urgent();
        let attempts = self.shared.limits.attempts_max;
        for _ in 0..attempts {
            if let Some(outcome) = keys::recall(&self.shared, &self.id, request).await? {
                add(&self.shared.counters.repeated, 1);
                return Ok(outcome);
            }
            match self.attempt(request).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Overtaken => self.case = None,
            }
        }
        Err(EngineError::Contended { case: self.id.clone(), attempts })
    }

    async fn attempt(&mut self, request: &Request) -> Result<Attempt<Outcome>, EngineError> {
        self.load().await?;
        self.check_version(request)?;
        for _ in 0..=self.shared.limits.wakes_before_command_max {
            let env = self.env(request).await?;
            match self.decide(&request.command, &env).await? {
                Err(Refusal::WakeFirst) => {
                    self.shared.check_clock()?;
                    if let Attempt::Overtaken = self.wake(request.admitted_at).await? {
                        return Ok(Attempt::Overtaken);
                    }
                }
                Err(refusal) => {
                    add(&self.shared.counters.refused, 1);
                    return Err(refusal.into());
                }
                Ok(decision) => {
                    self.check_evidence(&decision, &env.program).await?;
                    return self.commit(decision, &env.program, Some(request)).await;
                }
            }
        }
        Err(EngineError::Busy("wakes_before_command_max"))
    }

    /// Refuses a request whose sender has looked at another version. What time brings before the
    /// command itself is no change that they could have seen.
    fn check_version(&self, request: &Request) -> Result<(), EngineError> {
        let (Some(case), Some(seen)) = (&self.case, request.asked.version) else { return Ok(()) };
        let version = case.head().version;
        if version == seen {
            return Ok(());
        }
        Err(EngineError::Changed { case: self.id.clone(), version })
    }

    /// Refuses a decision whose files are not there. What the engine and its cases bring about
    /// names none.
    async fn check_evidence(
        &self,
        decision: &Decision,
        program: &Program,
    ) -> Result<(), EngineError> {
        let files = evidence::named(decision, program.definition());
        if files.is_empty() {
            return Ok(());
        }
        let (check, case) = (Arc::clone(&self.shared.evidence), self.id.clone());
        let at = self.shared.now();
        self.shared.on_runtime(async move { Ok(check.check(&case, &files, at).await?) }).await
    }

    /// Decides on a copy that is thrown away.
    async fn dry_run(&mut self, request: &Request) -> Result<Decision, EngineError> {
        self.load().await?;
        let committed = self.case.clone();
        let answer = self.decide_ahead(request).await;
        self.case = committed;
        answer
    }

    async fn decide_ahead(&mut self, request: &Request) -> Result<Decision, EngineError> {
        if self.case.is_some() {
            self.imagine_moments(request.admitted_at).await?;
        }
        let env = self.env(request).await?;
        let decision = self.think(&request.command, &env).await?;
        let decision = decision.map_err(|error| self.faulted(error))??;
        self.check_evidence(&decision, &env.program).await?;
        Ok(decision)
    }

    /// The moves that the case would take; what time has brought is imagined.
    async fn moves(&mut self, question: &Question) -> Result<Vec<AvailableMove>, EngineError> {
        let committed = self.look().await?;
        let imagined = self.imagine_moments(question.now).await;
        let ahead = self.case.replace(committed);
        imagined?;
        let Some(case) = ahead else { return Ok(Vec::new()) };
        let env = self.env_on(&case.head().definition, question.now).await?;
        let item = question.item.as_ref();
        catch_unwind(AssertUnwindSafe(|| available_moves(&case, item, &question.actors, &env)))
            .map_err(|_| self.faulted("a move could not be tried".to_owned()))
    }

    /// Lets what has passed by `now` happen to the case in hand. Nothing is stored.
    async fn imagine_moments(&mut self, now: Instant) -> Result<(), EngineError> {
        for _ in 0..=self.shared.limits.wakes_before_command_max {
            let Some(case) = &self.case else { return Ok(()) };
            if case.next_wakeup().is_none_or(|at| at >= now) {
                return Ok(());
            }
            let env = self.env_on(&case.head().definition, now).await?;
            let wake = Command::new(Actor::Engine, Signal::Wake);
            let decision = self.think(&wake, &env).await?;
            self.case = Some(decision.map_err(|error| self.faulted(error))??.case);
        }
        Err(EngineError::Busy("wakes_before_command_max"))
    }

    fn faulted(&self, error: String) -> EngineError {
        EngineError::Faulted { case: self.id.clone(), error }
    }

    async fn think(&self, command: &Command, env: &Env) -> Result<Decided, EngineError> {
        let thinking = &self.shared.thinking;
        thinking.decide(self.case.as_ref(), command, env, self.is_urgent).await
    }

    /// Decides; a panic marks the case and leaves all others alone.
    async fn decide(
        &mut self,
        command: &Command,
        env: &Env,
    ) -> Result<Result<Decision, Refusal>, EngineError> {
        match self.think(command, env).await? {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.mark_faulted(&error, env).await;
                self.case = None;
                Err(self.faulted(error))
            }
        }
    }

    async fn mark_faulted(&mut self, error: &str, env: &Env) {
        add(&self.shared.counters.faulted, 1);
        tracing::error!(case = %self.id, error, "a case failed inside the engine");
        let Some(case) = &self.case else { return };
        let mark = Signal::MarkFaulted { error: error.to_owned() };
        let hash = case.head().definition.clone();
        let Ok(env) = self.env_on(&hash, env.now).await else { return };
        let command = Command::new(Actor::Engine, mark);
        let marked = match self.think(&command, &env).await {
            Ok(Ok(Ok(decision))) => self.commit(decision, &env.program, None).await.map(|_| ()),
            Ok(Ok(Err(refusal))) => Err(refusal.into()),
            Ok(Err(error)) => Err(self.faulted(error)),
            Err(error) => Err(error),
        };
        if let Err(error) = marked {
            tracing::error!(case = %self.id, %error, "a failed case could not be marked");
        }
    }

    /// Lets what has passed by `now` happen, as far as one commit goes; `Done(true)`: more has
    /// passed.
    async fn wake(&mut self, now: Instant) -> Result<Attempt<Option<bool>>, EngineError> {
        let Some(case) = &self.case else { return Ok(Attempt::Done(None)) };
        let hash = case.head().definition.clone();
        // A clock that stepped back must not hide what lies before the case's last event.
        let env = self.env_on(&hash, now.max(case.head().last_at)).await?;
        let decision = self.decide(&Command::new(Actor::Engine, Signal::Wake), &env).await??;
        if decision.events.is_empty() {
            return Ok(Attempt::Done(None));
        }
        let more = decision.more;
        Ok(match self.commit(decision, &env.program, None).await? {
            Attempt::Done(_) => Attempt::Done(Some(more)),
            Attempt::Overtaken => Attempt::Overtaken,
        })
    }

    /// Wakes a case that was claimed as due.
    async fn wake_claimed(&mut self, claim: &mut Claim) {
        let now = self.shared.now();
        if self.shared.clock.is_doubted() {
            return;
        }
        match self.wake_once(now).await {
            Ok(Some(more)) => {
                let late_ms = now.millis_since(claim.due);
                self.shared.counters.note_wake(late_ms);
                let late_us = u64::try_from(late_ms).unwrap_or(0).saturating_mul(1_000);
                self.shared.meters.lateness_us.note(late_us);
                claim.more_at = more.then_some(now);
            }
            Ok(None) => {}
            Err(error) => {
                if !matches!(error, EngineError::Faulted { .. }) {
                    claim.put_off(now);
                }
                tracing::error!(case = %self.id, %error, "a wake-up failed");
            }
        }
    }

    async fn wake_once(&mut self, now: Instant) -> Result<Option<bool>, EngineError> {
        for _ in 0..self.shared.limits.attempts_max {
            self.load().await?;
            match self.wake(now).await? {
                Attempt::Done(Some(more)) => return Ok(Some(more)),
                Attempt::Done(None) => {
                    // Claimed as due, but nothing was: either somebody came first, or the
                    // wake-up index is wrong.
                    upkeep::check(self).await?;
                    return Ok(None);
                }
                Attempt::Overtaken => self.case = None,
            }
        }
        Err(EngineError::Contended {
            case: self.id.clone(),
            attempts: self.shared.limits.attempts_max,
        })
    }

    async fn commit(
        &mut self,
        decision: Decision,
        program: &Program,
        request: Option<&Request>,
    ) -> Result<Attempt<Outcome>, EngineError> {
        let outcome = |decision: Decision| Outcome {
            case: decision.case.id(),
            version: decision.case.head().version,
            events: decision.events,
        };
        if decision.events.is_empty() {
            return Ok(Attempt::Done(outcome(decision)));
        }
        if let Some(spent) = decision.spent {
            tracing::warn!(case = %self.id, limit = spent.limit(), "scripts of a wake-up were cut off");
        }
        let key = request.and_then(|request| self.key_record(request, &decision));
        let definition = Arc::clone(program.definition());
        let is_large = decision.events.len() > ITEMS_AT_THE_WORKER;
        let make = move || (Commit::of(&decision, &definition, key), decision);
        let (mut commit, decision) = if is_large { aside(make).await? } else { make() };
        commit.urgent = self.is_urgent;
        let has_outgoing = !commit.outgoing.is_empty();
        // Until the store has answered, what is in it is unknown.
        self.case = None;
        self.turn = None;
        let span = tracing::debug_span!("commit", events = decision.events.len());
        let mut answers = self.shared.store.append(vec![commit]).instrument(span).await?;
        match answers.pop() {
            Some(Ok(())) => {
                self.case = Some(decision.case.clone());
                self.announce(&decision, has_outgoing);
                Ok(Attempt::Done(outcome(decision)))
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "another writer came first");
                add(&self.shared.counters.conflicts, 1);
                Ok(Attempt::Overtaken)
            }
            None => unreachable!("invariant: a store answers for each commit"),
        }
    }

    fn key_record(&self, request: &Request, decision: &Decision) -> Option<KeyRecord> {
        let key = request.asked.key.as_ref()?;
        Some(KeyRecord {
            case: self.id.as_str().to_owned(),
            actor: keys::actor_text(&request.command.actor),
            key: key.clone(),
            digest: keys::digest(request).at(decision.expected),
            version: decision.case.head().version,
            at: request.admitted_at.millis(),
        })
    }

    /// Tells the loops and the subscriptions what a commit brought.
    fn announce(&self, decision: &Decision, has_outgoing: bool) {
        let (shared, case) = (&self.shared, &decision.case);
        let version = case.head().version;
        tracing::debug!(case = %self.id, version, events = decision.events.len(), "committed");
        shared.wakeups.note(case.next_wakeup().map(Instant::millis));
        if has_outgoing {
            shared.outbox.note(Some(shared.now().millis()));
        }
        if decision.expected == 0 {
            shared.waiting.opened(&self.id);
            if shared.waiting.has_ready() {
                shared.outbox.nudge();
            }
        }
        let failures = decision
            .events
            .iter()
            .filter(|event| matches!(event.fact, Fact::ScriptFailed { .. }))
            .count();
        add(&shared.counters.script_failures, as_u64(failures));
        add(&shared.counters.events, as_u64(decision.events.len()));
        add(&shared.counters.commits, 1);
        shared.meters.commit_events.note(as_u64(decision.events.len()));
        shared.call_readers();
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
