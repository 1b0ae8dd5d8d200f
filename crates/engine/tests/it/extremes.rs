//! What can be written can be read: commands with extreme values, and everything that they leave
//! behind read back in every way there is.

use duban_calendar::{Date, Instant, WindowKind};
use duban_core::{Act, Actor, CaseId, Evidence, ItemKey, decode};
use duban_engine::OpenSpec;
use duban_store::{CaseFilter, DeliveryFilter, DeliveryState, ItemFilter, PageRequest, Store};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use crate::support::{Office, at, operator, spec, suite_with};

const ONE: &str = "
id: one
title: 极端的事
lead: org(\"督查室\")
cases: units(\"district\")
period: year
tasks:
  a:
    title: 甲
    owner: unit.post(\"组织部长\")
    reviewer: unit.post(\"书记\")
    due: period.end
    extension: { max: 9, by: months(600) }
    indicator: { unit: 个, value: form.number, target: 100, better: up }
    form:
      text: { type: text, title: 文 }
      number: { type: number, title: 数 }
      money: { type: money, title: 钱 }
      integer: { type: integer, title: 整数 }
      date: { type: date, title: 日 }
      list: { type: list, title: 单 }
      table: { type: table, title: 表, columns: { text: { type: text, title: 文 }, date: { type: date, title: 日 } } }
";

/// What somebody asks for.
#[derive(Clone, Debug)]
enum Ask {
    Open(Date, WindowKind, u32),
    Report(String, Option<u8>, Option<Decimal>, Vec<(String, String)>),
    Submit(Map<String, Json>),
    Return(String),
    Extension(Instant, String),
    Grant,
    Suspend(Option<Instant>, String),
    Resume,
    Reopen(Option<Instant>, String),
    Urge(String),
    Key(String),
    Later(i64),
}

fn date() -> impl Strategy<Value = Date> {
    let usual = (1890..2210, 1_u32..=12, 1_u32..=28);
    let wild = (-262_000..262_000, 1_u32..=12, 1_u32..=28);
    let edge = prop::sample::select(vec![
        (22, 1, 1),
        (1899, 12, 31),
        (1900, 1, 1),
        (2200, 12, 31),
        (2201, 1, 1),
        (10_000, 1, 1),
    ]);
    prop_oneof![usual, wild, edge]
        .prop_filter_map("no date", |(year, month, day)| Date::from_ymd_opt(year, month, day))
}

fn instant() -> impl Strategy<Value = Instant> {
    let soon = (0_i64..40_000_000_000).prop_map(|ms| at("2022-01-01", 0).plus_millis(ms));
    let edge = prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX - 1, i64::MAX]);
    prop_oneof![
        soon,
        any::<i64>().prop_map(Instant::from_millis),
        edge.prop_map(Instant::from_millis)
    ]
}

fn decimal() -> impl Strategy<Value = Decimal> {
    let any = (any::<i64>(), 0_u32..28).prop_map(|(digits, scale)| Decimal::new(digits, scale));
    prop_oneof![any, Just(Decimal::MAX), Just(Decimal::MIN), Just(Decimal::new(-0, 3))]
}

fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "\0\u{1}\u{7f}\u{2028}\u{feff}".to_owned(),
        "\"\\\u{10ffff}'{}[]".to_owned(),
        "长".repeat(20_000),
        "长".repeat(20_001),
        "x".repeat(300_000),
        "[".repeat(500),
        String::new(),
    ]);
    prop_oneof![4 => any::<String>(), 1 => odd]
}

/// JSON of any kind, also too deep for a reader, also numbers that no float holds.
fn value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        text().prop_map(Json::String),
        date().prop_map(|date| json!(date.to_string())),
        decimal().prop_map(|number| json!(number.to_string())),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        Just(Json::Null),
        Just(json!(true)),
    ];
    let deep = (1_usize..200)
        .prop_map(|layers| (0..layers).fold(json!(1), |inner, _| Json::Array(vec![inner])));
    let rows = (0_usize..5_100).prop_map(|rows| json!(vec!["行"; rows]));
    let table = date().prop_map(|date| json!([{ "text": "甲", "date": date.to_string() }]));
    prop_oneof![8 => leaf, 1 => deep, 1 => rows, 2 => table]
}

fn form() -> impl Strategy<Value = Map<String, Json>> {
    let name = prop::sample::select(vec![
        "text", "number", "money", "integer", "date", "list", "table", "none",
    ]);
    prop::collection::btree_map(name.prop_map(str::to_owned), value(), 0..3)
        .prop_map(|fields| fields.into_iter().collect())
}

fn ask() -> impl Strategy<Value = Ask> {
    let kind = prop::sample::select(WindowKind::ALL.to_vec());
    let files = prop::collection::vec((text(), text()), 0..3);
    prop_oneof![
        (date(), kind, any::<u32>()).prop_map(|(date, kind, n)| Ask::Open(date, kind, n)),
        (text(), any::<Option<u8>>(), prop::option::of(decimal()), files)
            .prop_map(|(text, percent, value, files)| Ask::Report(text, percent, value, files)),
        form().prop_map(Ask::Submit),
        text().prop_map(Ask::Return),
        (instant(), text()).prop_map(|(at, text)| Ask::Extension(at, text)),
        Just(Ask::Grant),
        (prop::option::of(instant()), text()).prop_map(|(at, text)| Ask::Suspend(at, text)),
        Just(Ask::Resume),
        (prop::option::of(instant()), text()).prop_map(|(at, text)| Ask::Reopen(at, text)),
        text().prop_map(Ask::Urge),
        text().prop_map(Ask::Key),
        (0_i64..4_000_000_000).prop_map(Ask::Later),
    ]
}

fn act(ask: Ask) -> Option<(&'static str, Act)> {
    let item = ItemKey::new("a");
    let (owner, reviewer, office) = ("o-0", "s-0", "s1");
    Some(match ask {
        Ask::Report(text, percent, value, files) => {
            let evidence = files.into_iter().map(|(name, file)| Evidence { name, file }).collect();
            (owner, Act::Report { item, text, percent, value, evidence })
        }
        Ask::Submit(form) => (owner, Act::Submit { item, form, evidence: Vec::new() }),
        Ask::Return(reason) => {
            (reviewer, Act::Return { item, reason, upstream: Vec::new(), due: None })
        }
        Ask::Extension(until, reason) => (owner, Act::AskExtension { item, until, reason }),
        Ask::Grant => (reviewer, Act::GrantExtension { item }),
        Ask::Suspend(until, reason) => {
            (office, Act::Suspend { item: Some(item), reason, until, stops_clock: None })
        }
        Ask::Resume => (office, Act::Resume { item: Some(item) }),
        Ask::Reopen(due, reason) => (office, Act::Reopen { item, reason, due }),
        Ask::Urge(text) => (office, Act::Urge { item, text: Some(text) }),
        Ask::Open(..) | Ask::Key(_) | Ask::Later(_) => return None,
    })
}

/// Every row of every listing: nothing is left out, nothing fails.
async fn everything(office: &Office) -> (Vec<CaseId>, String) {
    let page = || PageRequest::first(PageRequest::LIMIT_MAX);
    let cases = office.engine.cases(CaseFilter::default(), page()).await.unwrap().rows;
    let items = office.engine.tasks(ItemFilter::default(), page()).await.unwrap().rows;
    let sent = office.engine.deliveries(DeliveryFilter::default(), page()).await.unwrap().rows;
    assert!(sent.iter().all(|row| !row.is_unreadable));
    let ids: Vec<CaseId> = cases.iter().map(|row| CaseId::new(&row.id)).collect();
    let mut whole = Vec::new();
    for id in &ids {
        // The cache is asked first, then the rows, after a restart.
        whole.push(office.engine.case(id).await.unwrap());
    }
    (ids, format!("{cases:?}{items:?}{whole:?}"))
}

async fn run(asks: Vec<Ask>) {
    let office = Office::new(1).await;
    office.engine.publish(&suite_with(1, ONE)).await.unwrap();
    let case = office.open("one", 0).await;
    let mut key = None;
    for ask in asks {
        match ask {
            Ask::Open(date, kind, ordinal) => {
                let period = Some(kind.containing(date));
                let spec = OpenSpec { period, ordinal, ..spec("one", 0) };
                drop(office.engine.open(spec, operator(), key.take()).await);
                drop(office.engine.open_suite(&"s".into(), date, operator()).await);
            }
            Ask::Key(text) => key = Some(text),
            Ask::Later(ms) => {
                // A clock that stands still between its jumps jumps only once all is quiet.
                office.engine.settled().await.unwrap();
                office.clock.set(office.engine.now().plus_millis(ms));
                office.engine.settled().await.unwrap();
            }
            other => {
                let Some((person, act)) = act(other) else { continue };
                let actor = Actor::person(person);
                let Ok(outcome) = office.engine.act(&case, actor, act, key.take()).await else {
                    continue;
                };
                // What was answered is what is stored, byte for byte.
                let first = outcome.version - u64::try_from(outcome.events.len()).unwrap();
                let rows = office.engine.events(&case, first, 500).await.unwrap();
                let stored: Vec<_> = rows.iter().map(|row| decode(&row.text).unwrap()).collect();
                assert_eq!(stored[..outcome.events.len()], outcome.events);
            }
        }
    }
    office.engine.settled().await.unwrap();
    let before = everything(&office).await;
    let office = office.restart().await;
    office.engine.settled().await.unwrap();
    assert_eq!(everything(&office).await, before, "read again from the rows");
    assert_eq!(office.engine.verify_all(|_, _| ()).await.unwrap(), 0);
    assert_eq!(office.engine.rebuild_all(|_, _| ()).await.unwrap(), 0);
    assert_eq!(everything(&office).await, before, "made again from the events");
    let pending = DeliveryFilter { state: Some(DeliveryState::Pending), ..Default::default() };
    let pending = office.engine.deliveries(pending, PageRequest::first(1)).await.unwrap();
    assert_eq!(pending.rows, [], "all was delivered");
    let feed = office.engine.store().feed(None, 10_000).await.unwrap();
    assert!(feed.rows.iter().all(|row| decode(&row.text).is_ok()));
    assert_eq!(office.engine.stats().unreadable, 0);
    office.engine.shutdown().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..Default::default() })]

    #[test]
    fn what_can_be_written_can_be_read(asks in prop::collection::vec(ask(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(asks));
    }
}
