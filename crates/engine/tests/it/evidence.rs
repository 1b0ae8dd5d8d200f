//! Files that moves name: the host is asked before anything is committed.

use std::sync::{Arc, Mutex};

use duban_calendar::Instant;
use duban_core::{Act, Actor, CaseId, Evidence};
use duban_engine::{BoxFuture, Engine, EngineError, EvidenceCheck, EvidenceError, Options};
use duban_store::SqliteStore;

use crate::support::{Office, report, sign};

/// Knows one file, and what it was asked for.
#[derive(Default)]
struct OneFile {
    asked: Mutex<Vec<(CaseId, Vec<Evidence>)>>,
}

impl EvidenceCheck for OneFile {
    fn check<'a>(
        &'a self,
        case: &'a CaseId,
        files: &'a [Evidence],
        _: Instant,
    ) -> BoxFuture<'a, Result<(), EvidenceError>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push((case.clone(), files.to_vec()));
            match files.iter().find(|file| file.file != "own:1") {
                Some(file) => Err(EvidenceError::not_given(file)),
                None => Ok(()),
            }
        })
    }
}

fn with_files(files: &[&str]) -> Act {
    let name = || "附件".to_owned();
    let files = files.iter().map(|file| Evidence { name: name(), file: (*file).to_owned() });
    let Act::Report { item, text, percent, value, .. } = report("a", "甲") else {
        panic!("a report is a report")
    };
    Act::Report { item, text, percent, value, evidence: files.collect() }
}

/// A case under an engine that asks.
async fn asked() -> (Office, Engine<SqliteStore>, Arc<OneFile>, CaseId) {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.engine.shutdown().await.unwrap();
    let check = Arc::new(OneFile::default());
    let options = Options {
        clock: Arc::new(office.clock.clone()),
        evidence: Arc::<OneFile>::clone(&check),
        check_every: None,
        workers: 1,
        ..Options::default()
    };
    let store = SqliteStore::open(&office.path).unwrap();
    let engine = Engine::start(store, options).await.unwrap();
    (office, engine, check, case)
}

#[tokio::test]
async fn a_move_whose_files_the_host_does_not_know_is_not_made() {
    let (_office, engine, check, case) = asked().await;
    let li = || Actor::person("o-0");
    let before = engine.events(&case, 0, 100).await.unwrap();
    for files in [vec!["own:2"], vec!["own:1", "file:///etc/passwd"]] {
        let tried = engine.dry_run(&case, li(), with_files(&files)).await.map(drop);
        let made = engine.act(&case, li(), with_files(&files), Some("k".into())).await.map(drop);
        for refused in [tried, made] {
            let Err(EngineError::Evidence(error)) = &refused else { panic!("{refused:?}") };
            let last = (*files.last().unwrap()).to_owned();
            assert_eq!(*error, EvidenceError::NotGiven { name: "附件".into(), file: last });
        }
    }
    assert_eq!(engine.events(&case, 0, 100).await.unwrap(), before);
    // The key was not used up.
    engine.act(&case, li(), with_files(&["own:1"]), Some("k".into())).await.unwrap();
    assert_eq!(check.asked.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn the_host_is_asked_for_what_the_case_agrees_to_and_names_files() {
    let (_office, engine, check, case) = asked().await;
    engine.act(&case, Actor::person("o-0"), sign("a"), None).await.unwrap();
    engine.act(&case, Actor::person("o-0"), report("a", "见 own:2"), None).await.unwrap();
    let stranger = engine.act(&case, Actor::person("s-0"), with_files(&["own:1"]), None).await;
    assert!(matches!(stranger, Err(EngineError::Refused(_))), "{stranger:?}");
    assert_eq!(*check.asked.lock().unwrap(), []);
    engine
        .act(&case, Actor::person("o-0"), with_files(&["own:1"]), Some("k".into()))
        .await
        .unwrap();
    engine
        .act(&case, Actor::person("o-0"), with_files(&["own:1"]), Some("k".into()))
        .await
        .unwrap();
    let asked = check.asked.lock().unwrap();
    let [(of, files)] = asked.as_slice() else { panic!("a repeated move asks nobody: {asked:?}") };
    assert_eq!((of, files[0].file.as_str()), (&case, "own:1"));
}

#[tokio::test]
async fn without_a_check_the_hosts_word_is_taken() {
    let office = Office::new(1).await;
    let case = office.open("one", 0).await;
    office.act(&case, "o-0", with_files(&["oa://附件/17"])).await.unwrap();
}
