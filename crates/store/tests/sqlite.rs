//! The SQLite backend: the suite of every backend, and what a file alone can get wrong.

use duban_store::{SqliteStore, Store, StoreError, backup, check_file, conformance_tests};
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

#[cfg(unix)]
#[tokio::test]
async fn rule_17_links_lead_to_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (path, symbolic, hard) = (file("duban.db"), file("symbolic.db"), file("hard.db"));
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    std::os::unix::fs::symlink(&path, &symbolic).unwrap();
    std::fs::hard_link(&path, &hard).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let mut others = vec![symbolic.clone()];
    if cfg!(target_os = "linux") {
        others.push(hard);
    }
    for other in &others {
        let second = SqliteStore::open(other).unwrap_err();
        assert!(matches!(second, StoreError::Locked { .. }), "{}: {second}", other.display());
    }
    if cfg!(target_os = "linux") {
        std::fs::remove_file(file("duban.db.lock")).unwrap();
        let second = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    }
    // The owner works on, and its own locks were not lost.
    store.put_document("a", "1", 0).await.unwrap();
    store.close().await.unwrap();
    SqliteStore::open(&symbolic).unwrap().close().await.unwrap();
}

#[test]
fn only_a_whole_database_of_ours_is_copied_or_taken_for_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("empty.db"), "").unwrap();
    Connection::open(file("other.db")).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    Connection::open(file("bare.db")).unwrap().execute_batch("VACUUM").unwrap();
    drop(SqliteStore::open(file("newer.db")).unwrap());
    let newer = Connection::open(file("newer.db")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);
    for name in ["empty.db", "other.db", "bare.db", "newer.db"] {
        let checked = check_file(file(name)).unwrap_err();
        assert!(
            matches!(checked, StoreError::Foreign(_) | StoreError::Newer { .. }),
            "{name}: {checked}"
        );
        backup(file(name), file("copy.db")).unwrap_err();
    }
    assert!(!file("copy.db").exists() && !file("copy.db.part").exists());
    drop(SqliteStore::open(file("good.db")).unwrap());
    // What a copy that was killed has left is no obstacle.
    std::fs::write(file("copy.db.part"), "half").unwrap();
    backup(file("good.db"), file("copy.db")).unwrap();
    assert!(!file("copy.db.part").exists());
    check_file(file("copy.db")).unwrap();
    // Cut off at any place it is no copy.
    let whole = std::fs::read(file("copy.db")).unwrap();
    for bytes in [1, 99, 512, 4096, whole.len() / 2, whole.len() - 4096] {
        std::fs::write(file("cut.db"), &whole[..bytes]).unwrap();
        check_file(file("cut.db")).unwrap_err();
    }
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
