//! A small office for tests: a city, a district, two streets, people with posts; one case at a
//! time, driven through `decide` alone.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod golden;
pub(crate) mod signers;

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Calendar, Date, Instant, Tz, date_of, end_of, start_of};
use duban_core::{
    Act, Actor, Case, CaseName, Command, Decision, Env, Event, Evidence, Fact, Item, ItemKey,
    MigrationReport, Notification, Open, Operation, Refusal, Request, Side, Signal, Status, Take,
    decide, replay,
};
use duban_model::{Directory, Library, Problem, Sources, load_calendar, load_suite};
use duban_script::{Budget, Limits, Program};
use serde_json::{Map, Value as Json};

pub(crate) const TZ: Tz = Tz::Asia__Shanghai;

const SUITE: &str = "
title: 试验文件
issuer: 市委
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, bureau: 局, district: 区, street: 街道 }
supervision: org(\"督查室\")
administrator: org(\"督查室\").post(\"主任\")
ladder: standard
ladders:
  standard:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
";

const DIRECTORY: &str = "
units:
  - { id: \"C\", name: 市, level: city }
  - { id: \"B\", name: 组织部, level: bureau, superior: \"C\" }
  - { id: \"S\", name: 督查室, level: bureau, superior: \"C\" }
  - { id: \"D\", name: 历下, level: district, superior: \"C\" }
  - { id: \"D1\", name: 一街, level: street, superior: \"D\" }
  - { id: \"D2\", name: 二街, level: street, superior: \"D\" }
posts:
  - { unit: \"C\", name: 书记, holders: [c1] }
  - { unit: \"B\", name: 部长, holders: [b1] }
  - { unit: \"B\", name: 干事, holders: [b2] }
  - { unit: \"S\", name: 主任, holders: [s1] }
  - { unit: \"D\", name: 书记, holders: [d1] }
  - { unit: \"D\", name: 组织部长, holders: [d2] }
  - { unit: \"D\", name: 空岗, holders: [] }
  - { unit: \"D1\", name: 书记, holders: [x1] }
  - { unit: \"D2\", name: 书记, holders: [x2] }
people:
  - { id: c1, name: 市一 }
  - { id: b1, name: 部一 }
  - { id: b2, name: 部二 }
  - { id: s1, name: 督一 }
  - { id: d1, name: 区一 }
  - { id: d2, name: 区二 }
  - { id: x1, name: 街一 }
  - { id: x2, name: 街二 }
stand_ins:
  - { absent: d1, by: d2, from: 2022-01-01, until: 2022-12-31 }
  - { absent: b1, by: d1, from: 2022-01-01, until: 2022-12-31 }
";

/// Another workflow, for needs across cases.
const OTHER: &str = "
id: other
title: 另一措施
lead: org(\"组织部\")
period: year
tasks:
  x: { title: 前置, owner: unit.post(\"部长\"), ladder: none }
";

const HOOKS: &str = "
fn nudge(task, rung) { remind(#{ to: rung.to, text: `第${rung.index}级` }); }
fn breaks(task) { throw \"坏了\"; }
fn talk(task) {
    interview(#{ who: task.owner, by: task.unit.superior, why: \"未履行\",
                 due: now + workdays(10), rectify_within: workdays(20) });
}
";

/// The working days of every announced year.
pub(crate) fn china() -> Calendar {
    let text = include_str!("../../../../workflows/calendars/cn.yaml");
    load_calendar("cn.yaml", text).expect("the calendar loads")
}

/// The calendar of the years before 2026: what lies behind is provisional.
pub(crate) fn unannounced() -> Calendar {
    let text = include_str!("../../../../workflows/calendars/cn.yaml");
    let cut = text.find("  - year: 2026").expect("the year");
    load_calendar("cn.yaml", &text[..cut]).expect("the calendar loads")
}

/// Compiles one workflow, given as YAML after its `id` and `title`.
pub(crate) fn program(workflow: &str, hooks: &str, suite: &str) -> Arc<Program> {
    compile(workflow, hooks, suite).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The same, or what `check` has against it.
pub(crate) fn compile(workflow: &str, hooks: &str, suite: &str) -> Result<Arc<Program>, String> {
    let mut sources = Sources::new();
    sources.insert("suite.yaml".to_owned(), format!("{SUITE}{suite}"));
    sources.insert("directory.yaml".to_owned(), DIRECTORY.to_owned());
    sources.insert("hooks.rhai".to_owned(), format!("{HOOKS}{hooks}"));
    sources.insert(
        "w.yaml".to_owned(),
        format!("id: w\ntitle: 措施\nlead: org(\"组织部\")\n{workflow}"),
    );
    sources.insert("other.yaml".to_owned(), OTHER.to_owned());
    let library =
        Library { scripts: Vec::new(), calendars: BTreeMap::from([("cn".to_owned(), china())]) };
    let loaded = load_suite("s", &sources, &library);
    let told = |problems: &[Problem]| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let suite = loaded.suite.ok_or_else(|| told(&loaded.problems))?;
    let definition = Arc::clone(suite.definitions.get("w").expect("the workflow"));
    Program::compile(definition, Limits::default())
        .map(Arc::new)
        .map_err(|problems| told(&problems))
}

/// The directory that goes with [`program`].
pub(crate) fn directory() -> Directory {
    let mut sources = Sources::new();
    sources.insert("suite.yaml".to_owned(), SUITE.to_owned());
    sources.insert("directory.yaml".to_owned(), DIRECTORY.to_owned());
    sources.insert("hooks.rhai".to_owned(), HOOKS.to_owned());
    let library =
        Library { scripts: Vec::new(), calendars: BTreeMap::from([("cn".to_owned(), china())]) };
    let loaded = load_suite("s", &sources, &library);
    Directory::clone(loaded.draft.directory.as_ref().expect("a directory"))
}

/// `2022-06-30` at a time of day.
pub(crate) fn at(date: &str, hour: u32) -> Instant {
    start_of(day(date), TZ).plus_millis(i64::from(hour) * 3_600_000)
}

/// The end of a day.
pub(crate) fn end(date: &str) -> Instant {
    end_of(day(date), TZ)
}

pub(crate) fn day(date: &str) -> Date {
    date.parse().expect("a date")
}

/// One case under test.
pub(crate) struct Office {
    pub(crate) env: Env,
    pub(crate) case: Case,
    pub(crate) log: Vec<(Event, String)>,
}

impl Office {
    /// Opens the workflow for the district at the start of 2022.
    pub(crate) fn open(workflow: &str) -> Self {
        Self::open_with(workflow, "", "")
    }

    pub(crate) fn open_with(workflow: &str, hooks: &str, suite: &str) -> Self {
        let env = env(program(workflow, hooks, suite), at("2022-01-01", 0));
        Self::open_in(env, Map::new()).expect("the case opens")
    }

    /// The same on another day.
    pub(crate) fn open_on(date: &str, workflow: &str, hooks: &str, suite: &str) -> Self {
        let env = env(program(workflow, hooks, suite), at(date, 0));
        Self::open_in(env, Map::new()).expect("the case opens")
    }

    pub(crate) fn open_in(env: Env, form: Map<String, Json>) -> Result<Self, Refusal> {
        let name = name_of(&env);
        let open = Open::new(name, form);
        let command = Command::new(Actor::operator("测试"), open);
        let decision = decide(None, &command, &env)?;
        let mut office = Self { env, case: decision.case.clone(), log: Vec::new() };
        office.take(decision);
        Ok(office)
    }

    fn take(&mut self, decision: Decision) {
        let hashes = decision.encoded.iter().map(|encoded| encoded.hash.clone());
        self.log.extend(decision.events.into_iter().zip(hashes));
        self.case = decision.case;
    }

    /// Decides and keeps what comes of it.
    pub(crate) fn command(
        &mut self,
        actor: Actor,
        request: impl Into<Request>,
    ) -> Result<Vec<Fact>, Refusal> {
        let command = Command::new(actor, request);
        let decision = match decide(Some(&self.case), &command, &self.env) {
            Err(Refusal::WakeFirst) => {
                self.wake();
                decide(Some(&self.case), &command, &self.env)?
            }
            other => other?,
        };
        let facts = decision.events.iter().map(|event| event.fact.clone()).collect();
        self.take(decision);
        Ok(facts)
    }

    pub(crate) fn act(&mut self, person: &str, act: Act) -> Result<Vec<Fact>, Refusal> {
        self.command(Actor::person(person), act)
    }

    /// Lets everything up to now happen, as a late wake-up would.
    pub(crate) fn wake(&mut self) {
        loop {
            let command = Command::new(Actor::Engine, Signal::Wake);
            let decision = decide(Some(&self.case), &command, &self.env).expect("a wake-up");
            let more = decision.more;
            self.take(decision);
            if !more {
                break;
            }
        }
    }

    /// Sets the clock without waking anybody: an outage.
    pub(crate) fn sleep_until(&mut self, now: Instant) {
        self.env.now = now;
    }

    /// Wakes at each moment on the way.
    pub(crate) fn advance(&mut self, until: Instant) {
        while let Some(next) = self.case.next_wakeup().filter(|next| *next <= until) {
            self.env.now = next;
            self.wake();
        }
        self.env.now = until;
    }

    /// Has the case run on another workflow from now on; what it means, and what happened.
    pub(crate) fn migrate(
        &mut self,
        program: Arc<Program>,
        take: &[Take],
    ) -> Result<(MigrationReport, Vec<Fact>), Refusal> {
        let before = self.env.clone();
        let definition = program.definition().hash.clone();
        self.env.previous = Some(std::mem::replace(&mut self.env.program, program));
        let operation = Operation::Migrate { definition, take: take.to_vec() };
        let command = Command::new(Actor::operator("测试"), operation);
        let decision = match decide(Some(&self.case), &command, &self.env) {
            Ok(decision) => decision,
            Err(refusal) => {
                self.env = before;
                return Err(refusal);
            }
        };
        self.env.previous = None;
        let facts = decision.events.iter().map(|event| event.fact.clone()).collect();
        let report = decision.migration.clone().expect("a report");
        self.take(decision);
        self.assert_replays();
        Ok((*report, facts))
    }

    pub(crate) fn item(&self, key: &str) -> &Item {
        self.case.item(&ItemKey::new(key)).unwrap_or_else(|| {
            let keys: Vec<&str> = self.case.items().map(|item| item.key.as_str()).collect();
            panic!("no item {key} in {keys:?}")
        })
    }

    pub(crate) fn status(&self, key: &str) -> Status {
        self.item(key).status
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.log.iter().map(|(event, _)| event.fact.kind()).collect()
    }

    pub(crate) fn count(&self, kind: &str) -> usize {
        self.kinds().into_iter().filter(|found| *found == kind).count()
    }

    /// Texts of what was sent, with a mark where it is collapsed.
    pub(crate) fn sent(&self, kind: Notification) -> Vec<String> {
        let sent = self.log.iter().filter_map(|(event, _)| match &event.fact {
            Fact::Sent(sent) if sent.kind == kind => {
                let mark = if sent.collapsed { "~" } else { "" };
                Some(format!("{mark}{}", sent.text))
            }
            _ => None,
        });
        sent.collect()
    }

    /// The days on which rungs of the owner's ladder fired, with the rung's place.
    pub(crate) fn fired(&self) -> Vec<(u16, String)> {
        let fired = self.log.iter().filter_map(|(event, _)| match &event.fact {
            Fact::RungFired { side: Side::Work, rung, collapsed: false, .. } => {
                Some((*rung, date_of(event.at, TZ).to_string()))
            }
            _ => None,
        });
        fired.collect()
    }

    /// The days on which events of a kind happened.
    pub(crate) fn days_of(&self, kind: &str) -> Vec<String> {
        let found = self.log.iter().filter(|(event, _)| event.fact.kind() == kind);
        found.map(|(event, _)| date_of(event.at, TZ).to_string()).collect()
    }

    /// Replaying the log must give the same state.
    pub(crate) fn assert_replays(&self) {
        let log = self.log.iter().map(|(event, hash)| (event, hash.as_str()));
        let replayed = replay(log).expect("a case");
        assert_eq!(replayed, self.case);
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            golden::offer(&self.log);
        }
    }
}

pub(crate) fn name_of(env: &Env) -> CaseName {
    let definition = env.program.definition();
    let opened_on = date_of(env.now.plus_millis(1), TZ);
    CaseName {
        suite: definition.suite.id.clone(),
        workflow: definition.workflow.id.clone(),
        unit: "D".into(),
        period: definition.workflow.period.map(|kind| kind.containing(opened_on)),
        parent: None,
        ordinal: 0,
    }
}

pub(crate) fn env(program: Arc<Program>, now: Instant) -> Env {
    let (directory, calendar) = (Arc::new(directory()), Arc::new(china()));
    Env { now, program, previous: None, directory, calendar, epoch: 0, budget: Budget::default() }
}

pub(crate) fn sign(key: &str) -> Act {
    Act::Sign { item: key.into() }
}

pub(crate) fn report(key: &str) -> Act {
    Act::Report {
        item: key.into(),
        text: "进展".to_owned(),
        percent: None,
        value: None,
        evidence: Vec::new(),
    }
}

pub(crate) fn submit(key: &str) -> Act {
    submit_with(key, &Json::Object(Map::new()))
}

pub(crate) fn submit_with(key: &str, form: &Json) -> Act {
    let form = form.as_object().cloned().unwrap_or_default();
    Act::Submit { item: key.into(), form, evidence: Vec::new() }
}

pub(crate) fn file(name: &str) -> Evidence {
    Evidence { name: name.to_owned(), file: format!("sha256:{name}") }
}

/// A study's entry: the day on which it was held, and its minutes.
pub(crate) fn minutes(key: &str, date: &str, file: &str) -> Act {
    let form = serde_json::json!({ "held_on": date });
    let form = form.as_object().cloned().expect("an object");
    let evidence = vec![Evidence { name: "会议纪要".to_owned(), file: file.to_owned() }];
    Act::Submit { item: key.into(), form, evidence }
}

/// The owner of `plan` asks for more time.
pub(crate) fn ask(until: &str) -> Act {
    Act::AskExtension { item: "plan".into(), until: end(until), reason: "协调未完".to_owned() }
}

pub(crate) fn accept(key: &str) -> Act {
    Act::Accept { item: key.into(), text: None, seat: None }
}

/// A return that names a date.
pub(crate) fn send_back_until(key: &str, due: Instant) -> Act {
    Act::Return {
        item: key.into(),
        reason: "不实".to_owned(),
        upstream: Vec::new(),
        due: Some(due),
    }
}

pub(crate) fn suspend(key: Option<&str>) -> Act {
    Act::Suspend {
        item: key.map(Into::into),
        reason: "上级叫停".to_owned(),
        until: None,
        stops_clock: None,
    }
}

pub(crate) fn resume(key: Option<&str>) -> Act {
    Act::Resume { item: key.map(Into::into) }
}

pub(crate) fn send_back(key: &str) -> Act {
    Act::Return { item: key.into(), reason: "不实".to_owned(), upstream: Vec::new(), due: None }
}
