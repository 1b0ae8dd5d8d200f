//! Where cases live: the [`Store`] trait of whole operations, and its SQLite backend.
//!
//! A store keeps events, the rows beside them, what is to be delivered, and definitions. It does
//! not know what a command means and never reads a clock: every instant is handed in.
//!
//! # Where to start reading
//!
//! [`Store`], then [`Commit`], then the backend in `sqlite/`.

mod commit;
mod error;
mod measure;
mod query;
mod search;
mod sqlite;
mod store;
mod words;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use crate::commit::{Commit, KeyRecord};
pub use crate::error::{CommitError, StoreError};
pub use crate::measure::{AMOUNTS, DURATIONS_US, Distribution, Histogram};
pub use crate::query::{
    AttentionCount, AttentionFilter, CaseFilter, ChannelNote, ChannelNotes, ChannelState, Cursor,
    DeliveryFilter, DeliveryRow, DeliveryState, EventRow, ItemFilter, LightCount, LightFilter,
    Noted, NotedState, Page, PageRequest, ScoreFilter, ScoreRow, ScoreTotal, UNREADABLE,
    VersionRow,
};
pub use crate::search::{Entry, EntryKind, INDEX_PROGRESS, Indexed, Indexing, SearchFilter};
pub use crate::sqlite::{SqliteOptions, SqliteStore, backup, check_file};
pub use crate::store::{Backlog, DefinitionRow, Leased, Store, StoreStats, StoredCase};
pub use crate::words::{SearchWords, fold};
