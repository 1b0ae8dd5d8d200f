//! A small office with the engine behind real channels, on a file that outlives a restart.

use std::sync::Arc;

use duban::store::DeliveryRow;
use duban::{
    Actor, Channel, DeliveryFilter, Engine, EngineLimits, OpenSpec, Options, PageRequest, Sources,
    SqliteStore, TestClock, library, load_suite,
};
use tempfile::TempDir;

const SUITE: &str = "
title: 年度工作要点
date: 2021-12-13
target_year: 2022
calendar: cn
levels: { city: 市, district: 区 }
ladder: standard
ladders:
  standard:
RUNGS
";

const DIRECTORY: &str = "
units:
  - { id: C, name: 市委办, level: city }
  - { id: D, name: 历下区, level: district, superior: C }
posts:
  - { unit: C, name: 主任, holders: [zhang] }
  - { unit: D, name: 书记, holders: [li] }
people:
  - { id: zhang, name: 张三, addresses: { email: zhang@example.org } }
  - { id: li, name: 李四, addresses: { email: li@example.org, wecom: LiSi, dingtalk: \"01\", feishu: ou_1, oa: li } }
";

const WORKFLOW: &str = "
id: report
title: 报送半年总结
lead: org(\"市委办\")
cases: units(\"district\")
tasks:
  write: { title: 撰写总结, owner: unit.post(\"书记\"), reviewer: unit.superior, due: DUE }
";

pub(crate) struct Office {
    pub(crate) engine: Engine<SqliteStore>,
    pub(crate) clock: TestClock,
    folder: TempDir,
}

/// One reminder, three working days before the end of June.
pub(crate) async fn office(channels: Vec<Arc<dyn Channel>>) -> Office {
    office_with("2022-06-01T09:00:00+08:00", "2022-06-30", &["workdays(3)"], channels).await
}

/// A case that is open from `now` on, with a reminder at each span before its due date.
pub(crate) async fn office_with(
    now: &str,
    due: &str,
    before: &[&str],
    channels: Vec<Arc<dyn Channel>>,
) -> Office {
    let rungs =
        before.iter().map(|span| format!("    - {{ at: due - {span}, do: remind, to: owner }}"));
    let suite = SUITE.replace("RUNGS", &rungs.collect::<Vec<_>>().join("\n"));
    let workflow = WORKFLOW.replace("DUE", due);
    let texts = [
        ("suite.yaml", suite.as_str()),
        ("directory.yaml", DIRECTORY),
        ("report.yaml", workflow.as_str()),
    ];
    let sources: Sources =
        texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let loaded = load_suite("points", &sources, &library());
    let suite = loaded.suite.unwrap_or_else(|| panic!("{:?}", loaded.problems));
    let folder = tempfile::tempdir().unwrap();
    let clock = TestClock::new(now.parse().unwrap());
    let engine = start(&folder, &clock, channels).await;
    engine.publish(&suite).await.unwrap();
    let spec = OpenSpec::new("points", "report", "D");
    engine.open(spec, Actor::operator("OA"), None).await.unwrap();
    Office { engine, clock, folder }
}

async fn start(
    folder: &TempDir,
    clock: &TestClock,
    channels: Vec<Arc<dyn Channel>>,
) -> Engine<SqliteStore> {
    let options = Options {
        clock: Arc::new(clock.clone()),
        channels,
        limits: EngineLimits { delivery_attempts_max: 6, ..EngineLimits::default() },
        ..Options::default()
    };
    let store = SqliteStore::open(folder.path().join("duban.db")).unwrap();
    Engine::start(store, options).await.unwrap()
}

impl Office {
    /// Shuts down and starts anew on the same file, with other channels.
    pub(crate) async fn restart(self, channels: Vec<Arc<dyn Channel>>) -> Self {
        let Self { engine, clock, folder } = self;
        engine.shutdown().await.unwrap();
        drop(engine);
        let engine = start(&folder, &clock, channels).await;
        Self { engine, clock, folder }
    }

    /// Lives through the time until a moment, as `2022-06-30T09:00`.
    pub(crate) async fn advance(&self, to: &str) {
        let to = format!("{to}:00+08:00").parse().unwrap();
        self.clock.advance(&self.engine, to).await.unwrap();
    }

    pub(crate) async fn rows(&self) -> Vec<DeliveryRow> {
        let page = PageRequest::first(500);
        self.engine.deliveries(DeliveryFilter::default(), page).await.unwrap().rows
    }
}
