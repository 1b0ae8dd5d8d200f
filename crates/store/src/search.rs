//! What a search finds: entries, their kinds, filters.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A case: its names and its data.
    Case,
    /// A task: its names and who owes it.
    Task,
    /// What somebody wrote in the course of work: reports, submissions, reasons, remarks.
    Report,
    /// Interviews and rectifications: their reasons and what was written about them.
    Interview,
    /// A slip, with its colour and number.
    Slip,
    /// A notice, with its number.
    Notice,
    /// A referral.
    #[serde(rename = "refer")]
    Referral,
}

impl EntryKind {
    /// Every kind, in the order in which people read them.
    pub const ALL: [Self; 7] = [
        Self::Case,
        Self::Task,
        Self::Report,
        Self::Interview,
        Self::Slip,
        Self::Notice,
        Self::Referral,
    ];

    /// The word in rows, filters and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Task => "task",
            Self::Report => "report",
            Self::Interview => "interview",
            Self::Slip => "slip",
            Self::Notice => "notice",
            Self::Referral => "refer",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something to be found. There is one for each text: the case, the event that said it, the item.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct Entry {
    /// The case.
    pub case: String,
    /// The event that said it; 0: the names of a case or an item.
    pub seq: u64,
    /// The item it is about; `None`: the case.
    pub item: Option<String>,
    /// What it is.
    pub kind: EntryKind,
    /// The unit it is shown under: whoever may not see this unit does not find it.
    pub unit: String,
    /// When it came about, in milliseconds UTC.
    pub at: i64,
    /// What people read first.
    pub title: String,
    /// What was written.
    pub text: String,
}

/// An entry with the names under which it is found besides its text. A search must meet the text
/// or the names with at least one word; the others may stand in the place.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Indexed {
    /// The entry.
    pub entry: Entry,
    /// Its own names.
    pub names: String,
    /// The names of what it belongs to.
    pub place: String,
}

impl Indexed {
    /// Stands for everything in it, so that what has not changed is not written again. It may
    /// differ between releases, which costs one writing.
    pub(crate) fn digest(&self) -> i64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().cast_signed()
    }
}

/// Part of the search index, to be written together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Indexing {
    /// Entries. Each replaces the one of its case, event and item.
    pub entries: Vec<Indexed>,
    /// How far the index must be: what was last given as `after`; `None`: it is empty.
    pub before: Option<String>,
    /// How far it is then: a text of the caller's.
    pub after: String,
}

/// The document that holds how far the search index is.
pub const INDEX_PROGRESS: &str = "search:progress";

/// Which entries. Fields that are `None` or empty do not filter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SearchFilter {
    /// Of this suite.
    pub suite: Option<String>,
    /// Of cases with this period, for example `2022`.
    pub period: Option<String>,
    /// Of this kind.
    pub kind: Option<EntryKind>,
    /// Shown under one of these units.
    pub units: Vec<String>,
    /// Whether the item, or the case, is closed now.
    pub is_closed: Option<bool>,
}
