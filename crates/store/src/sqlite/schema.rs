//! The tables, and how an older database becomes a newer one.

use rusqlite::Connection;

use crate::error::StoreError;

/// Marks a database file as duban's: "dubn" in ASCII.
const APPLICATION_ID: i64 = 0x6475_626e;

/// One entry a version, in order; each runs in a transaction of its own. Never edited.
const MIGRATIONS: &[&str] = &["
CREATE TABLE cases (
    id          TEXT PRIMARY KEY,
    suite       TEXT NOT NULL,
    workflow    TEXT NOT NULL,
    unit        TEXT NOT NULL,
    period      TEXT,
    title       TEXT NOT NULL,
    status      TEXT NOT NULL,
    faulted     INTEGER NOT NULL,
    definition  TEXT NOT NULL,
    version     INTEGER NOT NULL,
    next_wakeup INTEGER,
    opened_at   INTEGER NOT NULL,
    closed_at   INTEGER,
    data        TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX cases_due ON cases (next_wakeup) WHERE next_wakeup IS NOT NULL;
CREATE INDEX cases_of ON cases (workflow, unit);

-- `workflow` and `case_unit` repeat the case's, so that lights are counted without a join.
CREATE TABLE items (
    case_id    TEXT NOT NULL,
    key        TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    case_unit  TEXT NOT NULL,
    task       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    status     TEXT NOT NULL,
    held       INTEGER NOT NULL,
    owner      TEXT,
    waiting_on TEXT,
    since      INTEGER NOT NULL,
    due        INTEGER,
    yellow_at  INTEGER,
    red_at     INTEGER,
    window     TEXT,
    data       TEXT NOT NULL,
    PRIMARY KEY (case_id, key)
) WITHOUT ROWID;
CREATE INDEX items_due ON items (due, case_id, key);
CREATE INDEX items_waiting ON items (waiting_on, due) WHERE waiting_on IS NOT NULL;

-- `feed` is the order of commits; a case's own order is `seq`.
CREATE TABLE events (
    feed        INTEGER PRIMARY KEY,
    case_id     TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    item        TEXT,
    text        TEXT NOT NULL,
    hash        TEXT NOT NULL
);
CREATE UNIQUE INDEX events_of ON events (case_id, seq);

CREATE TABLE outbox (
    case_id   TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    state     INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    next_at   INTEGER NOT NULL,
    error     TEXT,
    body      TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
) WITHOUT ROWID;
CREATE INDEX outbox_pending ON outbox (next_at) WHERE state = 0;

CREATE TABLE keys (
    case_id TEXT NOT NULL,
    actor   TEXT NOT NULL,
    key     TEXT NOT NULL,
    digest  TEXT NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (case_id, actor, key)
) WITHOUT ROWID;

CREATE TABLE scores (
    case_id TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    unit    TEXT NOT NULL,
    points  INTEGER NOT NULL,
    rule    TEXT,
    why     TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
) WITHOUT ROWID;

CREATE TABLE definitions (
    hash         TEXT PRIMARY KEY,
    suite        TEXT NOT NULL,
    workflow     TEXT NOT NULL,
    json         TEXT NOT NULL,
    published_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE current (
    suite    TEXT NOT NULL,
    workflow TEXT NOT NULL,
    hash     TEXT NOT NULL,
    PRIMARY KEY (suite, workflow)
) WITHOUT ROWID;
CREATE TABLE documents (
    name TEXT PRIMARY KEY,
    json TEXT NOT NULL,
    at   INTEGER NOT NULL
) WITHOUT ROWID;
"];

/// The newest schema that this version knows.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("invariant: few migrations")
}

/// Makes a new or older database one of the newest schema.
///
/// # Errors
///
/// [`StoreError::Foreign`] for another program's file, [`StoreError::Newer`] for one of a newer
/// version; nothing is changed then.
pub(super) fn migrate(connection: &mut Connection, path: &str) -> Result<(), StoreError> {
    let pragma = |name: &str| connection.query_row(name, [], |row| row.get::<_, i64>(0));
    let application = pragma("PRAGMA application_id")?;
    let found = pragma("PRAGMA user_version")?;
    let tables = pragma("SELECT count(*) FROM sqlite_master")?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    let done = usize::try_from(found).unwrap_or_default();
    for (version, sql) in (1_i64..).zip(MIGRATIONS).skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}
