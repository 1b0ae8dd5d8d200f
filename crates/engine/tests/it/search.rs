//! What is written is found: at once, after a crash, after the index was lost, under new names.

use std::sync::Arc;

use duban_core::Act;
use duban_engine::{Engine, EngineError, Options};
use duban_model::Directory;
use duban_store::{
    Entry, EntryKind, INDEX_PROGRESS, Indexing, PageRequest, SearchFilter, SearchWords,
    SqliteStore, Store,
};

use crate::support::{Office, report, submit};

async fn find(engine: &Engine<SqliteStore>, words: &str) -> Vec<Entry> {
    engine.indexed().await.unwrap();
    let words = SearchWords::parse(words);
    let filter = SearchFilter::default();
    engine.search(words, filter, PageRequest::first(500)).await.unwrap().page.rows
}

/// Kinds and texts of what is found, newest first.
async fn told(engine: &Engine<SqliteStore>, words: &str) -> Vec<String> {
    let entry = |entry: Entry| format!("{} {}{}", entry.kind.as_str(), entry.title, entry.text);
    find(engine, words).await.into_iter().map(entry).collect()
}

/// Everything in the index: each entry is met by one of these at least.
async fn everything(engine: &Engine<SqliteStore>) -> Vec<Vec<Entry>> {
    let mut all = Vec::new();
    for words in ["区", "进展", "材料", "部长", "一件事"] {
        all.push(find(engine, words).await);
    }
    all
}

async fn work(office: &Office) {
    for number in 0..2 {
        let case = office.open("one", number).await;
        let (owner, head) = (format!("o-{number}"), format!("s-{number}"));
        office.act(&case, &owner, report("a", "进展顺利，约谈３人")).await.unwrap();
        office.act(&case, &owner, submit("a")).await.unwrap();
        let back = Act::Return {
            item: "a".into(),
            reason: "材料不全".to_owned(),
            upstream: Vec::new(),
            due: None,
        };
        office.act(&case, &head, back).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_written_is_found_with_what_it_belongs_to() {
    let office = Office::new(2).await;
    work(&office).await;
    let engine = &office.engine;
    assert_eq!(told(engine, "约谈3人 区0").await, ["report 甲进展顺利，约谈３人"]);
    assert_eq!(told(engine, "材料 书记1").await, ["report 甲材料不全"]);
    assert_eq!(told(engine, "一件事").await, ["case 一件事", "case 一件事"]);
    // The owner's post, and who held it when the task became ready.
    assert_eq!(told(engine, "部长1").await, ["task 甲"]);
    assert_eq!(told(engine, "组织部长 区1 甲").await, ["task 甲"]);
    let kind = Some(EntryKind::Report);
    let filter = SearchFilter { kind, units: vec!["D1".to_owned()], ..SearchFilter::default() };
    let words = SearchWords::parse("不全");
    let found = engine.search(words, filter, PageRequest::first(9)).await.unwrap();
    let units: Vec<_> = found.page.rows.iter().map(|entry| entry.unit.as_str()).collect();
    assert_eq!(units, ["D1"]);
}

#[tokio::test]
async fn why_work_was_suspended_is_found() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    let suspend = Act::Suspend {
        item: Some("a".into()),
        reason: "等候批复".to_owned(),
        until: None,
        stops_clock: None,
    };
    office.act(&case, "o-0", suspend).await.unwrap();
    assert_eq!(told(&office.engine, "批复").await, ["report 甲等候批复"]);
}

#[tokio::test]
async fn the_index_takes_in_what_a_crash_left_undone() {
    let office = Office::new(2).await;
    let path = office.path.clone();
    let start = async |search: bool| {
        let store = SqliteStore::open(&path).unwrap();
        let clock = Arc::new(office.clock.clone());
        let options =
            Options { clock, channels: vec![], check_every: None, search, ..Options::default() };
        Engine::start(store, options).await.unwrap()
    };
    work(&office).await;
    let before = everything(&office.engine).await;
    assert!(before.iter().all(|found| !found.is_empty()), "{before:?}");

    // Committed and not indexed, and then the process is gone.
    office.engine.shutdown().await.unwrap();
    let engine = start(false).await;
    engine.store().clear_index().await.unwrap();
    let last = duban_core::Actor::person("o-0");
    let case = engine.cases(Default::default(), PageRequest::first(2)).await.unwrap().rows;
    let case = case.iter().find(|case| case.unit == "D0").unwrap();
    let case = duban_core::CaseId::new(&case.id);
    engine.act(&case, last, report("a", "补充说明"), None).await.unwrap();
    assert!(matches!(engine.indexed().await, Err(EngineError::Closed)));
    let words = SearchWords::parse("补充");
    let found = engine.search(words, SearchFilter::default(), PageRequest::first(9));
    let found = found.await.unwrap();
    assert_eq!((found.page.rows.len(), found.is_current), (0, false));
    engine.shutdown().await.unwrap();

    let engine = start(true).await;
    assert_eq!(told(&engine, "补充").await, ["report 甲补充说明"]);
    assert_eq!(everything(&engine).await, before);

    // An index whose place is lost, for example of another version, is gone through again.
    let kept = engine.store().document(INDEX_PROGRESS).await.unwrap();
    let lost = Indexing { entries: vec![], before: kept, after: "另一个版本".to_owned() };
    assert!(engine.store().index(lost).await.unwrap());
    engine.shutdown().await.unwrap();
    let engine = start(true).await;
    assert_eq!(everything(&engine).await, before);
    engine.shutdown().await.unwrap();
}

#[tokio::test]
async fn rebuilding_makes_the_same_index() {
    let office = Office::new(2).await;
    work(&office).await;
    let before = everything(&office.engine).await;
    assert_eq!(office.engine.rebuild_all(|_, _| ()).await.unwrap(), 0);
    assert_eq!(everything(&office.engine).await, before);
    assert_eq!(office.engine.stats().index_behind, 0);
}

#[tokio::test]
async fn a_new_name_finds_what_the_old_one_found() {
    let office = Office::new(2).await;
    work(&office).await;
    let old = find(&office.engine, "区0").await;
    let mut data = office.engine.directory().data().clone();
    for unit in data.units.iter_mut().filter(|unit| unit.name == "区0") {
        "起步区".clone_into(&mut unit.name);
    }
    let directory = Directory::new(data).unwrap();
    office.engine.set_directory(directory).await.unwrap().finished().await.unwrap();
    assert_eq!(find(&office.engine, "起步区").await, old);
    assert_eq!(find(&office.engine, "区0").await, []);
}
