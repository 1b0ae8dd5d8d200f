//! The tables, and how older databases are brought up to them.
//!
//! A case has a small number beside its id: everything that is kept by case is kept by that
//! number, which saves space and puts cases that were opened together side by side. Rows that
//! carry JSON live in tables with a row number, so that an index never drags the JSON along.
//!
//! Indexed columns are few, and most moves change none of them: see `append.rs`.

use rusqlite::Connection;

use crate::error::StoreError;

/// Marks a file as one of duban's: `DUBN`.
const APPLICATION_ID: i64 = 0x4455_424E;

/// Every step from an empty database to the newest schema. A published step is never edited.
const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH];

const FIRST: &str = "
CREATE TABLE cases (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    suite TEXT NOT NULL,
    workflow TEXT NOT NULL,
    unit TEXT NOT NULL,
    period TEXT,
    version INTEGER NOT NULL,
    next_wakeup INTEGER,
    faulted INTEGER NOT NULL,
    status TEXT NOT NULL,
    title TEXT NOT NULL,
    definition TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    data TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX cases_id ON cases (id);
CREATE INDEX cases_unit ON cases (unit, suite, workflow);
CREATE INDEX cases_due ON cases (next_wakeup) WHERE next_wakeup IS NOT NULL AND faulted = 0;
CREATE INDEX cases_faulted ON cases (id) WHERE faulted = 1;

-- `due` is 9223372036854775807 where there is none: such items come last.
CREATE TABLE items (
    no INTEGER PRIMARY KEY,
    case_no INTEGER NOT NULL,
    case_id TEXT NOT NULL,
    key TEXT NOT NULL,
    workflow TEXT NOT NULL,
    task TEXT NOT NULL,
    unit TEXT NOT NULL,
    closed INTEGER NOT NULL,
    status TEXT NOT NULL,
    held INTEGER NOT NULL,
    owner TEXT,
    waiting_on TEXT,
    since INTEGER NOT NULL,
    due INTEGER NOT NULL,
    yellow_at INTEGER,
    red_at INTEGER,
    window TEXT,
    data TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX items_key ON items (case_no, key);
CREATE INDEX items_due ON items (closed, due, case_id, key);
CREATE INDEX items_unit ON items (unit, closed, due, case_id, key);
CREATE INDEX items_light ON items (case_no, closed, status, yellow_at, red_at);

-- On whom an item waits, one row for each.
CREATE TABLE waiting (
    assignee TEXT NOT NULL,
    item INTEGER NOT NULL,
    PRIMARY KEY (assignee, item)
) STRICT, WITHOUT ROWID;

-- `feed` only grows; `text` is what was hashed. A hash of 64 hexadecimal digits is 32 bytes here.
CREATE TABLE events (
    feed INTEGER PRIMARY KEY,
    case_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    item TEXT,
    hash ANY NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_seq ON events (case_no, seq);

-- `state`: 0 pending, 1 delivered, 2 dead. A lease is a later `next_at`.
CREATE TABLE outbox (
    no INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    delivered_at INTEGER,
    error TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX outbox_id ON outbox (case_id, seq);
CREATE INDEX outbox_pending ON outbox (next_at) WHERE state = 0;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE state = 1;
CREATE INDEX outbox_dead ON outbox (case_id, seq) WHERE state = 2;

CREATE TABLE keys (
    case_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (case_id, actor, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE scores (
    case_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    suite TEXT NOT NULL,
    at INTEGER NOT NULL,
    unit TEXT NOT NULL,
    points INTEGER NOT NULL,
    rule TEXT,
    why TEXT NOT NULL,
    PRIMARY KEY (case_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE definitions (
    no INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    suite TEXT NOT NULL,
    workflow TEXT NOT NULL,
    json TEXT NOT NULL,
    published_at INTEGER NOT NULL
) STRICT;

CREATE TABLE current (
    suite TEXT NOT NULL,
    workflow TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (suite, workflow)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
";

/// What each channel has said of a delivery, where it did not simply arrive everywhere; and what
/// a held reminder is about, so that the reminders that overtook it are found. Both are `NULL` for
/// nearly every row, and the index holds no others.
const SECOND: &str = "
ALTER TABLE outbox ADD COLUMN channels TEXT;
ALTER TABLE outbox ADD COLUMN topic TEXT;
CREATE INDEX outbox_topic ON outbox (topic, seq) WHERE topic IS NOT NULL;
";

/// What a search finds. `seq` is the event that said it; 0: the names of a case (no item) or of an
/// item. `words` keeps terms alone: see `search.rs`.
const THIRD: &str = "
CREATE TABLE entries (
    no INTEGER PRIMARY KEY,
    case_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    item TEXT NOT NULL,
    kind TEXT NOT NULL,
    unit TEXT NOT NULL,
    at INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    digest INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_of ON entries (case_no, seq, item);
CREATE VIRTUAL TABLE words USING fts5 (
    own, place, tags, content = '', contentless_delete = 1, tokenize = 'ascii'
);
";

/// Lists of a million items: `items_due` answers for lights and statuses by itself,
/// `items_workflow` for a measure and its tasks; interviews and the like are few and lie apart.
const FOURTH: &str = "
DROP INDEX items_due;
CREATE INDEX items_due ON items (closed, due, case_id, key, status, yellow_at, red_at);
CREATE INDEX items_workflow
    ON items (workflow, closed, due, case_id, key, task, yellow_at, red_at);
CREATE INDEX items_special ON items (task, closed, due, case_id, key)
    WHERE task = 'interview' OR task = 'rectification' OR task = 'extra';
CREATE INDEX cases_suite ON cases (suite, id, workflow);
";

/// Slips and notices are few among the messages.
const FIFTH: &str = "
CREATE INDEX outbox_kind ON outbox (kind, case_id, seq);
";

/// What nobody can move on is little among the items: its index holds nothing else.
const SIXTH: &str = "
ALTER TABLE items ADD COLUMN attention TEXT;
CREATE INDEX items_attention ON items (due, case_id, key, unit, attention)
    WHERE attention IS NOT NULL;
";

/// Cases that need attention themselves are fewer still.
const SEVENTH: &str = "
ALTER TABLE cases ADD COLUMN attention TEXT;
CREATE INDEX cases_attention ON cases (id, unit, attention) WHERE attention IS NOT NULL;
";

/// Refuses a database of another program, before anything in it is touched.
pub(super) fn check_owner(conn: &Connection, path: &str) -> Result<(), StoreError> {
    let foreign = || StoreError::Foreign(path.to_owned());
    let id = match conn.query_row("PRAGMA application_id", (), |row| row.get::<_, i64>(0)) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(foreign());
        }
        other => other?,
    };
    if id == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if id != 0 || tables != 0 || schema_of(conn)? != 0 {
        return Err(foreign());
    }
    Ok(())
}

/// Refuses what is no whole database of this version or an older one: an empty file, which
/// [`check_owner`] would let be made one, a foreign or a newer database.
pub(super) fn check_made(conn: &Connection, path: &str) -> Result<(), StoreError> {
    check_owner(conn, path)?;
    match schema_of(conn)? {
        0 => Err(StoreError::Foreign(path.to_owned())),
        found if found > known() => Err(StoreError::Newer { found, known: known() }),
        _ => Ok(()),
    }
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("invariant: few migrations")
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let known = known();
    let found = schema_of(conn)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (number, step) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        let tx = conn.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}

fn schema_of(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", (), |row| row.get(0))
}
