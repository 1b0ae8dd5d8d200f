//! A small office: a city with districts, each with a secretary and an organiser; three
//! workflows; a channel that keeps what it is given.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use duban_calendar::{Instant, Tz, WindowKind, end_of, start_of};
use duban_core::{Act, Actor, CaseId, Fact, ItemKey};
use duban_engine::{
    BoxFuture, Channel, ChannelError, Delivery, Engine, EngineError, EngineLimits, OpenSpec,
    Options, Outcome, TestClock,
};
use duban_model::{Library, Sources, Suite, load_calendar, load_suite};
use duban_store::{EventRow, SqliteStore};
use serde_json::Map;

pub(crate) const TZ: Tz = Tz::Asia__Shanghai;

const SUITE: &str = "
title: 试验文件
issuer: 市委
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, bureau: 局, district: 区 }
supervision: org(\"督查室\")
administrator: org(\"督查室\").post(\"主任\")
ladder: standard
ladders:
  standard:
    - { at: due - workdays(3), do: nudge, to: owner }
    - { at: due + workdays(1), do: nudge, to: owner }
    - { at: due + workdays(5), do: nudge, to: owner }
";

const HOOKS: &str = "
fn nudge(task, rung) { remind(#{ to: rung.to, text: `第${rung.index}级` }); }
fn slips(task) { slip(\"blue\", task.owner, \"请抓紧\"); }
fn breaks(task) { throw \"坏了\"; }
fn spins(task, rung) { loop { } }
fn counts(task) { if now < date(2022, 1, 15) { return; } let n = 0; while n < 20000 { n += 1; } }
fn again(task) { open_case(#{ workflow: \"one\", unit: unit }); }
fn eight(task) { let n = 0; while n < 8 { open_case(#{ workflow: \"child\", unit: unit }); n += 1; } }
fn heavy(task) {
    if unit.code == \"D0\" { open_case(#{ workflow: \"one\", unit: units(\"district\")[1] }); return; }
    let n = 0;
    while n < 10000 { n += 1; }
}
fn searches(task, rung) { let s = \"x\"; s.pad(60000, 'x'); loop { s.contains(\"y\"); } }
";

/// One task, due at the end of March.
pub(crate) const ONE: &str = "
id: one
title: 一件事
lead: org(\"督查室\")
cases: units(\"district\")
period: year
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: unit.post(\"书记\"), due: 2022-03-31 }
  b: { title: 乙, needs: [a], owner: unit.post(\"组织部长\"), reviewer: unit.post(\"书记\"), due: 2022-06-30 }
";

/// A task that waits for the other workflow's.
const AFTER: &str = "
id: after
title: 后一件事
lead: org(\"督查室\")
period: year
open: { by: org(\"督查室\"), form: {} }
tasks:
  x: { title: 丙, needs: { one/a: unit }, owner: unit.post(\"组织部长\"), reviewer: unit.post(\"书记\"), due: 2022-06-30 }
";

/// A task that another case does.
const PARENT: &str = "
id: parent
title: 大事
lead: org(\"督查室\")
period: year
open: { by: org(\"督查室\"), form: {} }
tasks:
  sub: { title: 子项, workflow: child, due: 2022-06-30 }
";

const CHILD: &str = "
id: child
title: 小事
lead: org(\"督查室\")
open: { by: org(\"督查室\"), form: {} }
tasks:
  c: { title: 丁, owner: unit.post(\"组织部长\"), reviewer: none }
";

/// A script that fails.
const BROKEN: &str = "
id: broken
title: 出错的事
lead: org(\"督查室\")
period: year
open: { by: org(\"督查室\"), form: {} }
tasks:
  a: { title: 甲, owner: unit.post(\"组织部长\"), reviewer: none, due: 2022-03-31, ladder: none, hooks: { overdue: breaks } }
";

fn directory(districts: usize) -> String {
    let mut units = String::from(
        "units:\n  - { id: \"C\", name: 市, level: city }\n  \
         - { id: \"S\", name: 督查室, level: bureau, superior: \"C\" }\n",
    );
    let mut posts = String::from("posts:\n  - { unit: \"S\", name: 主任, holders: [s1] }\n");
    let mut people = String::from("people:\n  - { id: s1, name: 督一 }\n");
    for number in 0..districts {
        let written = writeln!(
            units,
            "  - {{ id: \"D{number}\", name: 区{number}, level: district, superior: \"C\" }}"
        )
        .and_then(|()| {
            writeln!(posts, "  - {{ unit: \"D{number}\", name: 书记, holders: [s-{number}] }}")
        })
        .and_then(|()| {
            writeln!(posts, "  - {{ unit: \"D{number}\", name: 组织部长, holders: [o-{number}] }}")
        })
        .and_then(|()| writeln!(people, "  - {{ id: s-{number}, name: 书记{number} }}"))
        .and_then(|()| writeln!(people, "  - {{ id: o-{number}, name: 部长{number} }}"));
        written.unwrap();
    }
    format!("{units}{posts}{people}")
}

/// The suite, with another text for the first workflow if one is given.
pub(crate) fn suite_with(districts: usize, one: &str) -> Suite {
    let mut sources = Sources::new();
    for (name, text) in [
        ("suite.yaml", SUITE.to_owned()),
        ("directory.yaml", directory(districts)),
        ("hooks.rhai", HOOKS.to_owned()),
        ("one.yaml", one.to_owned()),
        ("after.yaml", AFTER.to_owned()),
        ("parent.yaml", PARENT.to_owned()),
        ("child.yaml", CHILD.to_owned()),
        ("broken.yaml", BROKEN.to_owned()),
    ] {
        sources.insert(name.to_owned(), text);
    }
    let calendar =
        load_calendar("cn.yaml", include_str!("../../../../workflows/calendars/cn.yaml")).unwrap();
    let library =
        Library { scripts: Vec::new(), calendars: BTreeMap::from([("cn".to_owned(), calendar)]) };
    let loaded = load_suite("s", &sources, &library);
    let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    loaded.suite.unwrap_or_else(|| panic!("{}", problems.join("\n")))
}

pub(crate) fn suite(districts: usize) -> Suite {
    suite_with(districts, ONE)
}

/// The first workflow with another title: a new version.
pub(crate) fn suite_renamed(districts: usize) -> Suite {
    suite_with(districts, &ONE.replace("一件事", "改名的事"))
}

/// A channel that keeps what it takes, and fails as often as it is told to.
#[derive(Default)]
pub(crate) struct Postbox {
    pub(crate) taken: Mutex<Vec<Delivery>>,
    pub(crate) failures: AtomicU32,
    pub(crate) is_dead: std::sync::atomic::AtomicBool,
}

impl Channel for Postbox {
    fn name(&self) -> &'static str {
        "postbox"
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            if self.is_dead.load(Ordering::SeqCst) {
                return Err(ChannelError::Dead { error: "no such address".to_owned() });
            }
            let failed = self
                .failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if failed.is_ok() {
                return Err(ChannelError::Retry { error: "busy".to_owned(), after: None });
            }
            self.taken.lock().unwrap().push(delivery.clone());
            Ok(())
        })
    }
}

impl Postbox {
    /// Texts of what was taken, in the order of their ids.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut taken = self.taken.lock().unwrap().clone();
        taken.sort_by(|a, b| (&a.case, a.seq).cmp(&(&b.case, b.seq)));
        taken.into_iter().map(|delivery| delivery.sent.text).collect()
    }
}

/// An engine on a file in a temporary folder.
pub(crate) struct Office {
    pub(crate) engine: Engine<SqliteStore>,
    pub(crate) clock: TestClock,
    pub(crate) postbox: Arc<Postbox>,
    pub(crate) path: PathBuf,
    pub(crate) _folder: Option<tempfile::TempDir>,
}

pub(crate) fn at(date: &str, hour: i64) -> Instant {
    start_of(date.parse().unwrap(), TZ).plus_millis(hour * 3_600_000)
}

pub(crate) fn end(date: &str) -> Instant {
    end_of(date.parse().unwrap(), TZ)
}

pub(crate) async fn start(
    path: &PathBuf,
    clock: &TestClock,
    postbox: &Arc<Postbox>,
    limits: EngineLimits,
) -> Engine<SqliteStore> {
    let store = SqliteStore::open(path).unwrap();
    let options = Options {
        clock: Arc::new(clock.clone()),
        channels: vec![Arc::<Postbox>::clone(postbox)],
        limits,
        workers: 2,
        check_every: None,
        ..Options::default()
    };
    Engine::start(store, options).await.unwrap()
}

impl Office {
    /// The suite is published; nothing is open. It is the first of January 2022, 9 o'clock.
    pub(crate) async fn new(districts: usize) -> Self {
        Self::with(districts, EngineLimits::default()).await
    }

    pub(crate) async fn with(districts: usize, limits: EngineLimits) -> Self {
        Self::by(TestClock::new(at("2022-01-01", 9)), districts, limits).await
    }

    /// The same by a clock.
    pub(crate) async fn by(clock: TestClock, districts: usize, limits: EngineLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("duban.db");
        let postbox = Arc::new(Postbox::default());
        let engine = start(&path, &clock, &postbox, limits).await;
        engine.publish(&suite(districts)).await.unwrap();
        Self { engine, clock, postbox, path, _folder: Some(folder) }
    }

    /// Shuts down and starts anew on the same file.
    pub(crate) async fn restart(self) -> Self {
        self.engine.shutdown().await.unwrap();
        self.restarted().await
    }

    /// Starts anew on the same file, after a shutdown.
    pub(crate) async fn restarted(self) -> Self {
        let Self { engine, clock, postbox, path, _folder } = self;
        engine.shutdown().await.unwrap();
        Self { engine, clock, postbox, path, _folder }.restart_only().await
    }

    /// Starts anew on the same file, after a shutdown.
    pub(crate) async fn restart_only(self) -> Self {
        let Self { engine, clock, postbox, path, _folder } = self;
        drop(engine);
        let engine = start(&path, &clock, &postbox, EngineLimits::default()).await;
        Self { engine, clock, postbox, path, _folder }
    }

    pub(crate) async fn open(&self, workflow: &str, district: usize) -> CaseId {
        self.try_open(workflow, district, None).await.unwrap().case
    }

    pub(crate) async fn try_open(
        &self,
        workflow: &str,
        district: usize,
        key: Option<&str>,
    ) -> Result<Outcome, EngineError> {
        let spec = spec(workflow, district);
        self.engine.open(spec, operator(), key.map(str::to_owned)).await
    }

    pub(crate) async fn act(
        &self,
        case: &CaseId,
        person: &str,
        act: Act,
    ) -> Result<Outcome, EngineError> {
        self.engine.act(case, Actor::person(person), act, None).await
    }

    pub(crate) async fn log(&self, case: &CaseId) -> Vec<EventRow> {
        self.engine.events(case, 0, 10_000).await.unwrap()
    }

    pub(crate) async fn kinds(&self, case: &CaseId) -> Vec<&'static str> {
        let log = self.log(case).await;
        log.iter().map(|row| duban_core::decode(&row.text).unwrap().fact.kind()).collect()
    }

    pub(crate) async fn count(&self, case: &CaseId, kind: &str) -> usize {
        self.kinds(case).await.into_iter().filter(|found| *found == kind).count()
    }

    pub(crate) async fn status(&self, case: &CaseId, item: &str) -> &'static str {
        let case = self.engine.case(case).await.unwrap();
        case.item(&ItemKey::new(item)).unwrap().status.as_str()
    }

    /// Lives through the time until `to`.
    pub(crate) async fn advance(&self, to: Instant) {
        self.clock.advance(&self.engine, to).await.unwrap();
    }

    /// Jumps there: an outage.
    pub(crate) async fn sleep_until(&self, to: Instant) {
        self.clock.set(to);
        self.engine.settled().await.unwrap();
    }
}

pub(crate) fn operator() -> Actor {
    Actor::operator("测试")
}

pub(crate) fn spec(workflow: &str, district: usize) -> OpenSpec {
    let period = WindowKind::Year.containing("2022-01-01".parse().unwrap());
    let unit = format!("D{district}");
    let mut spec = OpenSpec::new("s", workflow, unit.as_str());
    spec.period = (workflow != "child").then_some(period);
    spec
}

pub(crate) fn sign(item: &str) -> Act {
    Act::Sign { item: item.into() }
}

pub(crate) fn submit(item: &str) -> Act {
    Act::Submit { item: item.into(), form: Map::new(), evidence: Vec::new() }
}

pub(crate) fn accept(item: &str) -> Act {
    Act::Accept { item: item.into(), text: None, seat: None }
}

pub(crate) fn report(item: &str, text: &str) -> Act {
    Act::Report {
        item: item.into(),
        text: text.to_owned(),
        percent: None,
        value: None,
        evidence: Vec::new(),
    }
}

pub(crate) fn fact_kinds(outcome: &Outcome) -> Vec<&'static str> {
    outcome.events.iter().map(|event| Fact::kind(&event.fact)).collect()
}
