//! The trait that every backend implements.

use std::future::Future;

use duban_core::{CaseRow, ItemRow, Outgoing};
use serde::{Deserialize, Serialize};

use crate::commit::{Commit, KeyRecord};
use crate::error::{CommitError, StoreError};
use crate::measure::Distribution;
use crate::query::{
    AttentionCount, CaseFilter, Cursor, DeliveryFilter, DeliveryRow, EventRow, ItemFilter,
    LightCount, Noted, Page, PageRequest, ScoreFilter, ScoreRow, ScoreTotal, VersionRow,
};
use crate::search::{Entry, Indexing, SearchFilter};
use crate::words::SearchWords;

/// The rows of one case: enough to make it again.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCase {
    /// The version it is at.
    pub version: u64,
    /// The hash of its definition.
    pub definition: String,
    /// The head as JSON.
    pub head: String,
    /// Every item: key and JSON, in the order of keys.
    pub items: Vec<(String, String)>,
}

/// A definition as stored.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DefinitionRow {
    /// Its hash.
    pub hash: String,
    /// The suite.
    pub suite: String,
    /// The workflow.
    pub workflow: String,
    /// The definition as JSON.
    pub json: String,
    /// When it was published, in milliseconds UTC.
    pub published_at: i64,
}

/// A delivery handed out for an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The delivery.
    pub delivery: DeliveryRow,
}

/// Deliveries that have not arrived.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Backlog {
    /// Those that will be tried, again or for the first time.
    pub pending: u64,
    /// Those that were given up.
    pub dead: u64,
    /// When the pending one that was written first came about, in milliseconds UTC.
    pub oldest_at: Option<i64>,
}

/// What a backend has measured of itself since it was opened. Zero and `None`: it does not know.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct StoreStats {
    /// How long writing transactions took, in microseconds.
    pub transaction_us: Distribution,
    /// How many commits, or other pieces of work, shared a transaction.
    pub transaction_commits: Distribution,
    /// Writing transactions that failed: the disk is full, or does not take what it should.
    pub write_failures: u64,
    /// How long ago the last of them failed, in milliseconds.
    pub failed_ms_ago: Option<u64>,
    /// Deliveries that could not be read and were given up, so that they stop no others.
    pub set_aside: u64,
    /// The size of the database on the disk, in bytes.
    pub database_bytes: Option<u64>,
    /// The size of what is written and not yet moved into it, in bytes.
    pub log_bytes: Option<u64>,
}

/// The durable home of cases.
///
/// Methods are whole operations: each is one transaction, so that nobody can store events and
/// forget the rows. A backend is a cheap handle; clones share one database. Nothing here assumes
/// that one process alone has the database: versions are checked with every commit, due cases
/// and deliveries are leased.
pub trait Store: Clone + Send + Sync + 'static {
    /// Writes a batch in one transaction, as few disk synchronisations as the backend can, and
    /// answers for each commit in order once all is durable. One refused commit does not undo
    /// the others.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: none of the batch was written.
    fn append(
        &self,
        batch: Vec<Commit>,
    ) -> impl Future<Output = Result<Vec<Result<(), CommitError>>, StoreError>> + Send;

    /// The rows of a case.
    fn load(
        &self,
        case: &str,
    ) -> impl Future<Output = Result<Option<StoredCase>, StoreError>> + Send;

    /// What an idempotency key of a case stands for.
    fn recall(
        &self,
        case: &str,
        actor: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// Forgets idempotency keys older than an instant; returns how many.
    fn forget_keys(&self, before: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The earliest wake-up of any running case, in milliseconds UTC.
    fn next_wakeup(&self) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send;

    /// Leases up to `limit` cases whose wake-up is not after `now`, earliest first: id and
    /// wake-up. A case is not handed out again before `until`, unless its row is written.
    /// A backend with one owner may leave the leasing to its caller and pass over `skip`.
    fn claim_due(
        &self,
        now: i64,
        until: i64,
        limit: u32,
        skip: &[String],
    ) -> impl Future<Output = Result<Vec<(String, i64)>, StoreError>> + Send;

    /// Leases up to `limit` deliveries whose time has come, oldest first, until `until`: their
    /// `next_at` becomes `until`, and they come up again then unless they are marked before.
    /// One that cannot be read becomes a dead letter, with [`UNREADABLE`](crate::UNREADABLE) and
    /// why as its error; it is counted as set aside and stops none of the others.
    fn lease_deliveries(
        &self,
        now: i64,
        until: i64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Leased>, StoreError>> + Send;

    /// When the next pending delivery is to be tried, in milliseconds UTC.
    fn next_delivery(&self) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send;

    /// Moves the time at which pending deliveries are tried, and that at which their channels want
    /// to be asked again, by so many milliseconds: the clock was set. Returns how many there are.
    fn shift_deliveries(&self, by: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Marks deliveries as arrived, by (case, seq). Unknown ones and those that had arrived are
    /// ignored.
    fn delivered(
        &self,
        ids: Vec<(String, u64)>,
        at: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes what became of attempts that did not simply arrive. Ignored where a delivery is
    /// unknown or not pending.
    fn noted(&self, notes: Vec<Noted>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Later deliveries that were held and are about the same topic, by position.
    fn overtaking(
        &self,
        topic: &str,
        after: u64,
    ) -> impl Future<Output = Result<Vec<DeliveryRow>, StoreError>> + Send;

    /// Puts messages into the outbox that no event sends, at once due. Those whose (case, seq) is
    /// there already are ignored; returns how many were new.
    fn enqueue(
        &self,
        messages: Vec<Outgoing>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes messages that no event sends and that have arrived, by names in `from..until`;
    /// returns how many.
    fn prune_messages(
        &self,
        from: &str,
        until: &str,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The delivery of a kind that was queued last.
    fn last_delivery(
        &self,
        kind: &str,
    ) -> impl Future<Output = Result<Option<DeliveryRow>, StoreError>> + Send;

    /// Puts a dead delivery back with a new series of attempts through the channels that have not
    /// taken it; `false` where it is not dead.
    fn retry_delivery(
        &self,
        case: &str,
        seq: u64,
        at: i64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The same for all dead ones of a filter, whatever state it names; returns how many.
    fn retry_deliveries(
        &self,
        filter: &DeliveryFilter,
        at: i64,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// How many dead deliveries there are that came about before an instant.
    fn dead_letters(&self, before: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes deliveries that arrived before an instant; returns how many. Their events stay.
    fn prune_delivered(&self, before: i64) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Keeps a definition and makes it the current one of its workflow. Repeated: only the
    /// latter.
    fn publish(
        &self,
        definition: DefinitionRow,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A definition by its hash.
    fn definition(
        &self,
        hash: &str,
    ) -> impl Future<Output = Result<Option<DefinitionRow>, StoreError>> + Send;

    /// The current definition of a workflow.
    fn current(
        &self,
        suite: &str,
        workflow: &str,
    ) -> impl Future<Output = Result<Option<DefinitionRow>, StoreError>> + Send;

    /// Every workflow's current definition: suite, workflow, hash, in that order.
    fn currents(
        &self,
    ) -> impl Future<Output = Result<Vec<(String, String, String)>, StoreError>> + Send;

    /// Every version of a suite's workflows, by workflow, then in the order of their first
    /// publishing. Open cases are counted by looking at all of them.
    fn versions(
        &self,
        suite: &str,
    ) -> impl Future<Output = Result<Vec<VersionRow>, StoreError>> + Send;

    /// Keeps a named document of the host: the directory, a calendar, an account. The name comes
    /// with a prefix where there are many of a kind, for example `calendar/cn`.
    fn put_document(
        &self,
        name: &str,
        json: &str,
        at: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps a document in place of the one that was read as `expected`, or, where that is `None`,
    /// as the first of its name. `false`, and nothing is kept, where it is not so any more.
    fn swap_document(
        &self,
        name: &str,
        expected: Option<&str>,
        json: &str,
        at: i64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// A named document.
    fn document(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Every document whose name begins so: name and JSON, by name.
    fn documents(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// Up to `limit` documents whose name begins so and comes after `after`: name and JSON, by
    /// name. Begin with an empty text, go on with the last name.
    fn documents_after(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// Removes a document; `false` where there is none of that name.
    fn remove_document(&self, name: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Cases, by id.
    fn cases(
        &self,
        filter: &CaseFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page<CaseRow>, StoreError>> + Send;

    /// One case's row.
    fn case(&self, id: &str) -> impl Future<Output = Result<Option<CaseRow>, StoreError>> + Send;

    /// One item's row.
    fn item(
        &self,
        case: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<ItemRow>, StoreError>> + Send;

    /// Items, by due date.
    fn items(
        &self,
        filter: &ItemFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page<ItemRow>, StoreError>> + Send;

    /// How many items of which workflow and unit have which light at an instant, in the order of
    /// suite, workflow and unit.
    fn lights(
        &self,
        suite: Option<&str>,
        now: i64,
    ) -> impl Future<Output = Result<Vec<LightCount>, StoreError>> + Send;

    /// How many items and cases need attention, by kind and unit, in that order. Its cost grows with their
    /// number, not with that of the others.
    fn attention(&self) -> impl Future<Output = Result<Vec<AttentionCount>, StoreError>> + Send;

    /// A case's events after a position, oldest first.
    fn events(
        &self,
        case: &str,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<EventRow>, StoreError>> + Send;

    /// The latest `limit` of a case's events about one item, oldest first.
    fn events_about(
        &self,
        case: &str,
        item: &str,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<EventRow>, StoreError>> + Send;

    /// Every case's events in the order of their commits, resuming from a cursor. A page that is
    /// not empty has a `next`, from which to resume once there is more; an empty one has none.
    fn feed(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Result<Page<EventRow>, StoreError>> + Send;

    /// The place at the end of the feed: events after it are new.
    fn feed_end(&self) -> impl Future<Output = Result<Cursor, StoreError>> + Send;

    /// How many events come after a cursor; without one, how many there are.
    fn feed_left(
        &self,
        after: Option<&Cursor>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes part of the search index together with how far it has come, as the document
    /// [`INDEX_PROGRESS`](crate::INDEX_PROGRESS). Entries of unknown cases are left out, those
    /// that have not changed are not written again. `false`, and nothing is written, where the
    /// index is not at `before`: somebody else has taken it further, or it was cleared.
    ///
    /// A backend may find words in any way that meets [`SearchWords`]: characters and
    /// their pairs in a full-text index, or trigrams beside a scan for what is shorter.
    fn index(&self, part: Indexing) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Forgets the whole search index and how far it had come.
    fn clear_index(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Entries that hold every wanted word and no unwanted one, newest first. What an entry says
    /// itself must hold at least one of the words; its place may hold the others.
    ///
    /// The backend bounds how much it looks at: a page may be short, or empty, and still have a
    /// `next`.
    fn search(
        &self,
        words: &SearchWords,
        filter: &SearchFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page<Entry>, StoreError>> + Send;

    /// The place in the feed before the first event recorded at or after an instant. Where the
    /// clock has stepped back, some of the events after it may have been recorded earlier.
    fn feed_from(&self, at: i64) -> impl Future<Output = Result<Cursor, StoreError>> + Send;

    /// Deliveries, by (case, seq).
    fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page<DeliveryRow>, StoreError>> + Send;

    /// How many deliveries have not arrived. Its cost grows with their number, not with that of
    /// the others.
    fn backlog(&self) -> impl Future<Output = Result<Backlog, StoreError>> + Send;

    /// What the backend has measured of itself.
    fn stats(&self) -> StoreStats;

    /// Points by unit.
    fn scores(
        &self,
        suite: Option<&str>,
    ) -> impl Future<Output = Result<Vec<ScoreTotal>, StoreError>> + Send;

    /// Points one by one, by (case, seq).
    fn score_entries(
        &self,
        filter: &ScoreFilter,
        page: &PageRequest,
    ) -> impl Future<Output = Result<Page<ScoreRow>, StoreError>> + Send;

    /// Replaces the rows of a case by these, made again from its events. Deliveries, keys and
    /// events are left alone. Items that are not among these are removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Behind`] where the rows are not of the case's last event.
    fn replace_rows(
        &self,
        case: CaseRow,
        items: Vec<ItemRow>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes everything out, closes the database and waits for it. Every later call, through
    /// any handle, is refused with [`StoreError::Closed`]; closing again does nothing.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
