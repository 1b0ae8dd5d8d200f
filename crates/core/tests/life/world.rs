//! The world around a case: its office, directory, calendar and sub-cases, and what happens there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::Instant;
use duban_core::{
    Act, Actor, Answer, AnswerSays, Case, CaseId, Command, Decision, Env, Event, Fact, Item,
    ItemKey, Message, Open, Operation, Refusal, Request, Signal, Status, Take, Watch, decide,
};
use duban_model::{Assignee, Directory, DirectoryData, PersonId, Post, Unit, UnitId};
use duban_script::Program;
use serde_json::{Map, json};

use crate::dice::Dice;
use crate::invariants::Watcher;
use crate::support::{at, china, compile, env, name_of, unannounced};
use crate::works::{HOOKS, SUITE, Work};

/// The most wake-ups that one step may take.
const WAKES_MAX: usize = 2_000;

/// So often a random workflow is written before the grammar is held to be wrong.
const TRIES: usize = 3;

const DAY_MS: i64 = 24 * 3_600_000;
const HOUR_MS: i64 = 3_600_000;

const PEOPLE: [&str; 8] = ["c1", "b1", "b2", "s1", "d1", "d2", "x1", "x2"];

/// What another case is to this one.
#[derive(Clone, Debug)]
struct Child {
    item: ItemKey,
    sent: u64,
}

pub(crate) struct World {
    env: Env,
    case: Case,
    log: Vec<(Event, String)>,
    work: Work,
    data: DirectoryData,
    children: BTreeMap<CaseId, Child>,
    asked: BTreeSet<(u64, CaseId)>,
    watcher: Watcher,
    moves: usize,
}

impl World {
    /// Opens a random workflow at the beginning of 2026.
    pub(crate) fn open(dice: &mut Dice) -> Result<Self, String> {
        let (work, program) =
            (0..TRIES).find_map(|_| checked(Work::random(dice)).ok()).ok_or_else(|| {
                format!(
                    "{TRIES} workflows are refused by check: {:?}",
                    checked(Work::random(dice)).err()
                )
            })?;
        let mut env = env(program, at("2026-01-01", 9));
        if dice.percent(30) {
            env.calendar = Arc::new(unannounced());
        }
        let open = Open::new(name_of(&env), Map::new());
        let command = Command::new(Actor::operator("测试"), open);
        let decision = decide(None, &command, &env).map_err(|refusal| refusal.to_string())?;
        let data = env.directory.data().clone();
        let mut world = Self {
            case: decision.case.clone(),
            env,
            log: Vec::new(),
            work,
            data,
            children: BTreeMap::new(),
            asked: BTreeSet::new(),
            watcher: Watcher::default(),
            moves: 0,
        };
        world.watcher.awake(world.env.now);
        world.take(decision)?;
        Ok(world)
    }

    pub(crate) fn log(&self) -> &[(Event, String)] {
        &self.log
    }

    /// The workflow and everything that happened, for whoever looks into a failure.
    pub(crate) fn story(&self) -> String {
        let mut story = self.work.text();
        for (event, _) in &self.log {
            let fact = serde_json::to_string(&event.fact).expect("plain data");
            story.push_str(&format!("{} {:?} {fact}\n", event.at, event.actor));
        }
        story
    }

    fn take(&mut self, decision: Decision) -> Result<(), String> {
        for event in &decision.events {
            self.hear(&event.fact);
        }
        let held = self.watcher.decided(&self.case, &decision, &self.env, &self.work);
        let hashes = decision.encoded.into_iter().map(|encoded| encoded.hash);
        self.log.extend(decision.events.into_iter().zip(hashes));
        self.case = decision.case;
        held
    }

    /// What leaves the case for others.
    fn hear(&mut self, fact: &Fact) {
        let Fact::MessageSent { number, message, about } = fact else { return };
        match message {
            Message::Open(request) => {
                if let Some((_, item)) = &request.open.name.parent {
                    let child = Child { item: item.clone(), sent: 0 };
                    self.children.insert(request.open.name.id(), child);
                }
            }
            Message::Watch { candidates, .. } if about.is_some() => {
                self.asked.extend(candidates.first().map(|one| (*number, one.clone())));
            }
            Message::Watch { .. }
            | Message::Answer { .. }
            | Message::ChildClosed { .. }
            | Message::ChildEnded { .. }
            | Message::ToChild { .. } => {}
        }
    }

    /// Has a command decided, twice now and then, and takes what comes of it.
    fn command(&mut self, actor: Actor, request: impl Into<Request>) -> Result<bool, String> {
        let command = Command::new(actor, request);
        let before = self.case.clone();
        self.moves += 1;
        match decide(Some(&self.case), &command, &self.env) {
            Ok(decision) => {
                if self.moves.is_multiple_of(4) {
                    let again = decide(Some(&self.case), &command, &self.env);
                    let same = again.is_ok_and(|again| again.encoded == decision.encoded);
                    ensure(same, || format!("decided otherwise the second time: {command:?}"))?;
                }
                self.take(decision)?;
                Ok(true)
            }
            Err(Refusal::WakeFirst) => Err(format!("{command:?}: an awake case asks to be woken")),
            Err(_) => {
                ensure(before == self.case, || "a refusal has changed the case".to_owned())?;
                Ok(false)
            }
        }
    }

    fn wake(&mut self) -> Result<(), String> {
        for _ in 0..WAKES_MAX {
            let next = self.case.next_wakeup();
            let command = Command::new(Actor::Engine, Signal::Wake);
            let decision =
                decide(Some(&self.case), &command, &self.env).map_err(|error| error.to_string())?;
            let more = decision.more;
            self.watcher.waking(next, self.env.now);
            self.take(decision)?;
            if !more {
                self.watcher.awake(self.env.now);
                let next = self.case.next_wakeup();
                return ensure(next.is_none_or(|next| next > self.env.now), || {
                    format!("after waking at {} the next moment is {next:?}", self.env.now)
                });
            }
        }
        Err("a wake-up has no end".to_owned())
    }

    /// Wakes at each moment on the way.
    fn advance(&mut self, until: Instant) -> Result<(), String> {
        self.wake()?;
        for _ in 0..WAKES_MAX {
            let Some(next) = self.case.next_wakeup().filter(|next| *next <= until) else {
                self.env.now = self.env.now.max(until);
                return Ok(());
            };
            self.env.now = self.env.now.max(next);
            self.wake()?;
        }
        Err("moments come without an end".to_owned())
    }

    /// One step of the life. What it is follows from the dice alone.
    pub(crate) fn step(&mut self, dice: &mut Dice) -> Result<(), String> {
        match dice.below(100) {
            0..=24 => self.advance(self.env.now.plus_millis(hours(dice, 96)))?,
            25..=34 => self.advance(self.env.now.plus_millis(hours(dice, 24 * 25)))?,
            35..=37 => self.env.now = self.env.now.plus_millis(hours(dice, 24 * 40)),
            38..=39 => self.env.now = self.env.now.plus_millis(-hours(dice, 72)),
            40..=42 => self.change_directory(dice)?,
            43..=44 => self.migrate(dice)?,
            45 => {
                self.wake()?;
                self.env.calendar = Arc::new(china());
                self.command(Actor::operator("测试"), Operation::ApplyCalendar)?;
            }
            46..=49 => self.hear_from_others(dice)?,
            50..=51 => self.whole_case(dice)?,
            _ => self.person_acts(dice)?,
        }
        self.wake()?;
        self.watcher.standing(&self.case, &self.env)
    }

    /// The state as it lives must be what its log folds to and what its rows give back.
    pub(crate) fn looked_back(&self) -> Result<(), String> {
        crate::invariants::kept(&self.case, &self.log, &self.env)
    }

    fn change_directory(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.wake()?;
        let mut data = self.data.clone();
        let post = dice.below(data.posts.len());
        match dice.below(5) {
            0 => data.posts[post].holders.clear(),
            1 | 2 => data.posts[post].holders = vec![(*dice.pick(&PEOPLE)).into()],
            3 => {
                let other = dice.below(data.posts.len());
                let held = std::mem::take(&mut data.posts[post].holders);
                let others = std::mem::replace(&mut data.posts[other].holders, held);
                data.posts[post].holders = others;
            }
            _ if dice.percent(50) => found(&mut data, dice),
            _ => merge(&mut data, dice),
        }
        let Ok(directory) = Directory::new(data.clone()) else { return Ok(()) };
        self.data = data;
        self.env.directory = Arc::new(directory);
        self.command(Actor::operator("测试"), Operation::ApplyDirectory).map(drop)
    }

    fn migrate(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.wake()?;
        let work = self.work.changed(dice);
        let take: Vec<Take> = Take::ALL.into_iter().filter(|_| dice.percent(30)).collect();
        // What check refuses is not published.
        let Ok((work, next)) = checked(work) else { return Ok(()) };
        let definition = next.definition().hash.clone();
        let previous = std::mem::replace(&mut self.env.program, next);
        self.env.previous = Some(Arc::clone(&previous));
        let before = std::mem::replace(&mut self.work, work);
        let operation = Operation::Migrate { definition, take };
        let taken = self.command(Actor::operator("测试"), operation)?;
        self.env.previous = None;
        if !taken {
            self.env.program = previous;
            self.work = before;
        }
        Ok(())
    }

    /// Sub-cases, and cases that were asked, speak: late, twice, or out of turn.
    fn hear_from_others(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.wake()?;
        if dice.percent(30) {
            let Some((number, from)) = self.asked.iter().next().cloned() else { return Ok(()) };
            let answer =
                Answer { number, from: from.clone(), form: Map::new(), says: AnswerSays::Done };
            return self.command(Actor::Case { case: from }, Signal::Answer(answer)).map(drop);
        }
        if dice.percent(20) {
            let from = CaseId::new("asker");
            let task = dice.pick(&self.work.tasks).name.as_str().into();
            let number = dice.throw() % 4 + 1;
            let watch = Watch { from: from.clone(), number, task, unit: "D".into() };
            return self.command(Actor::Case { case: from }, Signal::Watch(watch)).map(drop);
        }
        let known: Vec<CaseId> = self.children.keys().cloned().collect();
        if known.is_empty() {
            return Ok(());
        }
        let child = dice.pick(&known).clone();
        let told = self.children.get_mut(&child).expect("a child");
        if !dice.percent(20) {
            told.sent += 1;
        }
        let (item, number) = (told.item.clone(), told.sent);
        let actor = Actor::Case { case: child.clone() };
        let signal = if dice.percent(60) {
            Signal::ChildClosed { item, number, child }
        } else {
            Signal::ChildEnded { item, number, child }
        };
        self.command(actor, signal).map(drop)
    }

    /// The office takes a unit's item in that a list would add, or one of a unit that is not there.
    fn add_item(&self, dice: &mut Dice) -> Act {
        let differs = self.case.head().differs.clone().unwrap_or_default();
        let came = differs.came.first().map(|key| key.as_str().to_owned());
        let key = came.unwrap_or_else(|| format!("{}/D1", dice.pick(&self.work.tasks).name));
        let (task, which) = key.split_once('/').unwrap_or((&key, ""));
        let reason = "新设".to_owned();
        Act::AddItem { task: task.into(), which: which.to_owned(), reason }
    }

    fn whole_case(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.wake()?;
        let reason = "上级叫停".to_owned();
        let until = dice.percent(40).then(|| self.env.now.plus_millis(hours(dice, 24 * 60)));
        let act = match dice.below(10) {
            0..=4 => Act::Suspend { item: None, reason, until, stops_clock: None },
            5..=8 => Act::Resume { item: None },
            _ if dice.percent(10) => Act::Cancel { item: None, reason },
            _ if dice.percent(60) => self.add_item(dice),
            _ if dice.percent(50) => Act::Retry { item: None, reason: None },
            _ => Act::StrikeOff { item: None, text: None },
        };
        self.command(Actor::person("s1"), act).map(drop)
    }

    fn person_acts(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.wake()?;
        let keys: Vec<ItemKey> = self.case.items().map(|item| item.key.clone()).collect();
        let open: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| item.status.is_open())
            .map(|item| item.key.clone())
            .collect();
        let from = if open.is_empty() || dice.percent(20) { &keys } else { &open };
        if from.is_empty() {
            return Ok(());
        }
        let key = dice.pick(from).clone();
        let item = self.case.item(&key).cloned().expect("an item");
        let (hand, act) = self.act(&item, dice);
        let person: PersonId = match self.person(&hand) {
            Some(person) if dice.percent(88) => person,
            _ => (*dice.pick(&PEOPLE)).into(),
        };
        let on_behalf_of = dice.percent(6).then(|| (*dice.pick(&PEOPLE)).into());
        self.command(Actor::Person { person, on_behalf_of }, act).map(drop)
    }

    fn person(&self, hand: &Hand) -> Option<PersonId> {
        match hand {
            Hand::Of(seats) => {
                seats.iter().find_map(|seat| self.env.directory.holders(seat).into_iter().next())
            }
            Hand::Office => Some("s1".into()),
        }
    }

    /// A move that the item's status invites, and in whose hand it lies.
    fn act(&self, item: &Item, dice: &mut Dice) -> (Hand, Act) {
        let owner = Hand::Of(item.owner.iter().cloned().collect());
        let pending = item.review.pending().into_iter().cloned().collect();
        if dice.percent(22) {
            return (Hand::Office, self.office_act(item, dice));
        }
        match item.status {
            Status::Submitted if dice.percent(8) => {
                (owner, Act::Withdraw { item: item.key.clone() })
            }
            Status::Submitted => (Hand::Of(pending), self.review_act(item, dice)),
            Status::Waiting
            | Status::Ready
            | Status::Active
            | Status::Done
            | Status::Skipped
            | Status::Cancelled => {
                let answers = item.asked.is_some() && dice.percent(40);
                if answers {
                    (Hand::Of(item.review.members.clone()), answer_act(item, dice))
                } else {
                    (owner, self.owner_act(item, dice))
                }
            }
        }
    }

    fn owner_act(&self, item: &Item, dice: &mut Dice) -> Act {
        let (key, reason) = (item.key.clone(), "理由".to_owned());
        let later = self.env.now.plus_millis(hours(dice, 24 * 60));
        match dice.below(20) {
            0..=2 => Act::Sign { item: key },
            3..=5 => Act::Report {
                item: key,
                text: reason,
                percent: Some(u8::try_from(dice.below(101)).expect("a percentage")),
                value: None,
                evidence: Vec::new(),
            },
            6..=12 => submit(item),
            13 | 14 => {
                let from = item.due().unwrap_or(self.env.now).max(self.env.now);
                let until = from.plus_millis(hours(dice, 24 * 40));
                Act::AskExtension { item: key, until, reason }
            }
            15 => Act::Transfer { item: key, to: seat(dice), reason },
            16 => {
                let to = dice.percent(70).then(|| (*dice.pick(&PEOPLE)).into());
                Act::Delegate { item: key, to, reason: None }
            }
            17 => Act::Suspend {
                item: Some(key),
                reason,
                until: dice.percent(50).then_some(later),
                stops_clock: None,
            },
            18 => Act::Resume { item: Some(key) },
            _ => Act::AskSuspension { item: key, reason, until: dice.percent(50).then_some(later) },
        }
    }

    fn review_act(&self, item: &Item, dice: &mut Dice) -> Act {
        let key = item.key.clone();
        match dice.below(10) {
            0..=5 => Act::Accept { item: key, text: None, seat: None },
            6 => Act::AddCountersigner { item: key, who: seat(dice), before: None },
            _ => {
                let due = dice.percent(25).then(|| self.env.now.plus_millis(hours(dice, 24 * 50)));
                let done: Vec<ItemKey> = self
                    .case
                    .items()
                    .filter(|other| other.status == Status::Done)
                    .map(|other| other.key.clone())
                    .collect();
                let named = !done.is_empty() && dice.percent(40);
                let upstream = if named { vec![dice.pick(&done).clone()] } else { Vec::new() };
                Act::Return { item: key, reason: "不实".to_owned(), upstream, due }
            }
        }
    }

    fn office_act(&self, item: &Item, dice: &mut Dice) -> Act {
        let (key, reason) = (item.key.clone(), "督查".to_owned());
        let later = self.env.now.plus_millis(hours(dice, 24 * 45));
        let until = dice.percent(40).then_some(later);
        match dice.below(16) {
            0..=2 => Act::Suspend { item: Some(key), reason, until, stops_clock: None },
            3..=5 => Act::Resume { item: Some(key) },
            6 => Act::GrantSuspension { item: key },
            7 => Act::RefuseSuspension { item: key, reason },
            8 => Act::AddCountersigner { item: key, who: seat(dice), before: None },
            9 => {
                let members = &item.review.members;
                let who = if members.is_empty() { seat(dice) } else { dice.pick(members).clone() };
                Act::RemoveCountersigner { item: key, who, reason }
            }
            10 | 11 => Act::Reopen { item: key, reason, due: dice.percent(40).then_some(later) },
            12 if dice.percent(40) => Act::Skip { item: key, reason },
            13 if dice.percent(40) => Act::Cancel { item: Some(key), reason },
            14 => Act::ConsentEarlier { item: key },
            15 => Act::StrikeOff { item: Some(key), text: None },
            _ => self.office_mends(item, dice),
        }
    }

    /// What the office does about work that has got stuck.
    fn office_mends(&self, item: &Item, dice: &mut Dice) -> Act {
        let (key, reason) = (item.key.clone(), "督查".to_owned());
        let mut gone = self.case.head().differs.iter().flat_map(|differs| &differs.gone);
        if let Some(key) = gone.next().cloned().filter(|_| dice.percent(50)) {
            return match dice.below(3) {
                0 => Act::FinishAsItIs { item: key, reason },
                1 => Act::HandToSuccessor {
                    item: key,
                    to: Some("unit:D1".parse().expect("it")),
                    reason,
                },
                _ => Act::HandToSuccessor { item: key, to: None, reason },
            };
        }
        match dice.below(8) {
            0..=3 => Act::Assign { item: key, to: seat(dice), reason },
            4 | 5 => {
                let due = self.env.now.plus_millis(hours(dice, 24 * 50));
                Act::SetDue { item: key, due, reason }
            }
            6 => Act::Retry { item: Some(key), reason: None },
            _ => Act::Urge { item: key, text: None },
        }
    }
}

/// A street is made.
fn found(data: &mut DirectoryData, dice: &mut Dice) {
    let id = format!("N{}", data.units.len());
    data.units.push(Unit {
        id: id.as_str().into(),
        name: format!("{id}街"),
        level: "street".to_owned(),
        superior: Some("D".into()),
        tags: Vec::new(),
        since: None,
        predecessors: Vec::new(),
    });
    let holders = (*dice.pick(&PEOPLE)).into();
    data.posts.push(Post {
        unit: id.as_str().into(),
        name: "书记".to_owned(),
        holders: vec![holders],
    });
}

/// A street goes, and another takes its place, or none does.
fn merge(data: &mut DirectoryData, dice: &mut Dice) {
    let streets = |data: &DirectoryData| -> Vec<UnitId> {
        let found = data.units.iter().filter(|unit| unit.level == "street");
        found.map(|unit| unit.id.clone()).collect()
    };
    let known = streets(data);
    if known.is_empty() {
        return;
    }
    let gone = dice.pick(&known).clone();
    data.units.retain(|unit| unit.id != gone);
    data.posts.retain(|post| post.unit != gone);
    let left = streets(data);
    if !left.is_empty() && dice.percent(70) {
        let into = dice.pick(&left).clone();
        let heirs = data.units.iter_mut().filter(|unit| unit.id == into);
        heirs.for_each(|unit| unit.predecessors.push(gone.clone()));
    }
}

/// A workflow with its program, or what `check` has against it.
fn checked(work: Work) -> Result<(Work, Arc<Program>), String> {
    compile(&work.text(), HOOKS, SUITE).map(|program| (work, program))
}

/// In whose hand a move lies.
enum Hand {
    Of(Vec<Assignee>),
    Office,
}

fn hours(dice: &mut Dice, upto: i64) -> i64 {
    let upto = usize::try_from(upto).expect("hours");
    i64::try_from(dice.below(upto)).expect("hours") * HOUR_MS + DAY_MS / 48
}

fn seat(dice: &mut Dice) -> Assignee {
    let seats = [
        "post:B/部长",
        "post:B/干事",
        "post:C/书记",
        "post:D1/书记",
        "post:D2/书记",
        "post:D/空岗",
        "post:D/书记",
    ];
    dice.pick(&seats).parse().expect("a seat")
}

fn submit(item: &Item) -> Act {
    let form = match item.key.task() {
        "interview" => json!({ "held_on": "2026-03-05", "requirements": "改" }),
        "rectification" => json!({ "result": "已办" }),
        _ => json!({}),
    };
    let form = form.as_object().cloned().unwrap_or_default();
    Act::Submit { item: item.key.clone(), form, evidence: Vec::new() }
}

fn answer_act(item: &Item, dice: &mut Dice) -> Act {
    if dice.percent(60) {
        Act::GrantExtension { item: item.key.clone() }
    } else {
        Act::RefuseExtension { item: item.key.clone(), reason: "不同意".to_owned() }
    }
}

pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
