//! What can go wrong in a store.

/// Why one commit of a batch was not taken. The others of the batch stand.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Another writer came first. Load the case again and decide again.
    #[error("case `{case}` is at version {current}, not {expected}")]
    Conflict {
        /// The case.
        case: String,
        /// The version it is at; 0: it does not exist.
        current: u64,
        /// The version that was expected.
        expected: u64,
    },
    /// The idempotency key is taken. Read the record and answer from it.
    #[error("the idempotency key of case `{case}` is taken")]
    KeyTaken {
        /// The case.
        case: String,
    },
}

/// Why a store could not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database was written by a newer version. Upgrade duban, or restore a backup.
    #[error("database has schema {found}, this version knows {known}; use a newer duban")]
    Newer {
        /// The schema of the database.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// The file belongs to another program.
    #[error("`{0}` is not one of duban's databases")]
    Foreign(String),
    /// Another process has the database open. Stop it, or talk to it over HTTP.
    #[error("`{path}` is in use by {holder}")]
    Locked {
        /// The file.
        path: String,
        /// Who holds it, as far as that is known.
        holder: String,
    },
    /// A cursor that no query of this kind handed out.
    #[error("`{0}` is not a cursor of this listing")]
    BadCursor(String),
    /// Rows made again from events are not of the case's last event. Make them again.
    #[error("the rows of case `{case}` are of version {rows}, its last event is {events}")]
    Behind {
        /// The case.
        case: String,
        /// The version of the rows handed in.
        rows: u64,
        /// The position of its last event.
        events: u64,
    },
    /// A stored row cannot be read. Run `duban rebuild`.
    #[error("a stored row cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The database engine failed.
    #[error("the database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
