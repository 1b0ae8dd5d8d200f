//! The SQLite backend: the suite of every backend, and what a file alone can get wrong.

use duban_store::{SqliteStore, Store, StoreError, conformance_tests};
use rusqlite::Connection;

conformance_tests! { SqliteStore::open_in_memory().unwrap() }

#[tokio::test]
async fn rule_17_a_database_has_one_owner_and_says_who() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duban.db");
    let store = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&path).unwrap_err();
    let said = second.to_string();
    assert!(matches!(second, StoreError::Locked { .. }), "{said}");
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    store.close().await.unwrap();
    SqliteStore::open(&path).unwrap();
}

#[tokio::test]
async fn what_was_answered_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duban.db");
    SqliteStore::open(&path).unwrap().put_document("directory", "{}", 1).await.unwrap();
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(again.document("directory").await.unwrap().as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("duban.db");
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let refused = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 999, .. }), "{refused}");
    let version: i64 = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .unwrap();
    assert_eq!(version, 999);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("other.db");
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "买菜\n".repeat(500)).unwrap();
    for path in [database, text] {
        let before = std::fs::read(&path).unwrap();
        let refused = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(refused, StoreError::Foreign(_)), "{}: {refused}", path.display());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn what_is_written_is_measured() {
    let store = SqliteStore::open_in_memory().unwrap();
    store.put_document("a", "1", 0).await.unwrap();
    let stats = store.stats();
    assert_eq!((stats.transaction_commits.count(), stats.transaction_commits.sum), (1, 1));
    assert_eq!(stats.transaction_us.count(), 1);
    assert!(stats.database_bytes.is_some() && stats.log_bytes.is_some_and(|bytes| bytes > 0));
}
