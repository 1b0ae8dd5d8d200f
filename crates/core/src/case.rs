//! A case: the state that its events add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::{Instant, Window};
use duban_model::{Assignee, Definition, DefinitionHash, TaskId};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::command::{Carried, Watch};
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::{Item, Status};
use crate::moment::{CASE_ORDER, next_case_moment, next_moment};

/// Where a case is in its life.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Something is owed, or will be.
    #[default]
    Open,
    /// Nothing is left to do.
    Closed,
    /// Closed, verified and off the ledger.
    StruckOff,
    /// Ended by the supervision office.
    Cancelled,
}

impl CaseStatus {
    /// The word in rows and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::StruckOff => "struck_off",
            Self::Cancelled => "cancelled",
        }
    }

    /// The word that people read.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Open => "在办",
            Self::Closed => "办结",
            Self::StruckOff => "销号",
            Self::Cancelled => "中止",
        }
    }
}

/// What a case is, besides its items: one row of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseHead {
    /// What it is for.
    pub name: CaseName,
    /// What it runs on.
    pub definition: DefinitionHash,
    /// The workflow's title.
    pub title: String,
    /// Where it is in its life.
    pub status: CaseStatus,
    /// The error that it is left alone for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faulted: Option<String>,
    /// Who leads.
    pub lead: Option<Assignee>,
    /// Who cooperates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Assignee>,
    /// The supervision office.
    pub supervision: Option<Assignee>,
    /// Who is told when nobody else can be found.
    pub administrator: Option<Assignee>,
    /// Its data.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub form: Map<String, Json>,
    /// Values kept by scripts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub vars: Map<String, Json>,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Instant>,
    /// Events so far; the version that a store checks.
    pub version: u64,
    /// The moment of the last event.
    pub last_at: Instant,
    /// The hash of the last event, in hexadecimal.
    pub chain: String,
    /// When the next period's case opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<Instant>,
    /// Tasks whose items exist.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub expanded: BTreeSet<TaskId>,
    /// The next window of each duty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<TaskId, (Instant, Window)>,
    /// What an earlier period's case hands on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Carried>,
    /// The number of the next interview, rectification or extra task.
    #[serde(default)]
    pub opened: u32,
    /// Slips issued.
    #[serde(default)]
    pub slips: u32,
    /// Notices issued.
    #[serde(default)]
    pub notices: u32,
    /// Messages sent to other cases.
    #[serde(default)]
    pub messages: u64,
    /// Needs that other cases have been asked about: number → item and position of the need.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<u64, (ItemKey, u16)>,
    /// Who waits for a task of this case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watchers: Vec<Watch>,
    /// Messages of other cases that were handled, for deduplication.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub handled: BTreeSet<(CaseId, u64)>,
    /// What came with other cases' answers, by `workflow/task`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreign: BTreeMap<String, Map<String, Json>>,
    /// Points given by each rule, in hundredths, for its cap.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scored: BTreeMap<String, i64>,
}

impl CaseHead {
    /// The head of a case that is only being thought of, for the keys that decide its opening.
    pub(crate) fn unopened(
        name: &CaseName,
        definition: &Definition,
        form: Map<String, Json>,
        lead: Option<Assignee>,
        now: Instant,
    ) -> Self {
        Self {
            name: name.clone(),
            definition: definition.hash.clone(),
            title: definition.workflow.title.clone(),
            status: CaseStatus::Open,
            faulted: None,
            lead,
            with: Vec::new(),
            supervision: None,
            administrator: None,
            form,
            vars: Map::new(),
            opened_at: now,
            closed_at: None,
            version: 0,
            last_at: now,
            chain: String::new(),
            renew_at: None,
            expanded: BTreeSet::new(),
            windows: BTreeMap::new(),
            carried: Vec::new(),
            opened: 0,
            slips: 0,
            notices: 0,
            messages: 0,
            asked: BTreeMap::new(),
            watchers: Vec::new(),
            handled: BTreeSet::new(),
            foreign: BTreeMap::new(),
            scored: BTreeMap::new(),
        }
    }
}

/// How many items of a task there are, and how many hold nothing up any more.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    /// All of them.
    pub(crate) total: usize,
    /// Satisfied ones.
    pub(crate) satisfied: usize,
    /// Those of the satisfied that were skipped.
    pub(crate) skipped: usize,
}

/// The state of one case. A value: cloning it is cheap, because its maps share their parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub(crate) head: Arc<CaseHead>,
    items: OrdMap<ItemKey, Arc<Item>>,
    /// Derived: when each item is to be looked at next.
    moments: OrdSet<(Instant, u32, ItemKey)>,
    /// Derived: counters by task.
    tallies: OrdMap<TaskId, Tally>,
    /// Derived: items that are neither closed nor waiting for a window that nobody owes.
    unclosed: usize,
}

impl Case {
    /// A case as a store keeps it: the head and every item.
    pub fn from_rows(head: CaseHead, items: impl IntoIterator<Item = Item>) -> Self {
        let mut case = Self::new(head);
        for item in items {
            case.put(item);
        }
        case
    }

    pub(crate) fn new(head: CaseHead) -> Self {
        Self {
            head: Arc::new(head),
            items: OrdMap::new(),
            moments: OrdSet::new(),
            tallies: OrdMap::new(),
            unclosed: 0,
        }
    }

    /// What it is, besides its items.
    pub fn head(&self) -> &CaseHead {
        &self.head
    }

    /// Its id.
    pub fn id(&self) -> CaseId {
        self.head.name.id()
    }

    /// One item.
    pub fn item(&self, key: &ItemKey) -> Option<&Arc<Item>> {
        self.items.get(key)
    }

    /// Every item in the order of keys.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.values()
    }

    /// A task's items in the order of keys.
    pub fn items_of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Arc<Item>> + 'a {
        self.items
            .range(ItemKey::new(task)..)
            .map(|(_, item)| item)
            .take_while(move |item| item.key.as_str().starts_with(task))
            .filter(move |item| item.task.as_str() == task)
    }

    /// When the case is to be looked at next; `None`: not before a command comes.
    ///
    /// A faulted or cancelled case is never looked at.
    pub fn next_wakeup(&self) -> Option<Instant> {
        if !self.is_running() {
            return None;
        }
        let item = self.moments.get_min().map(|(at, _, _)| *at);
        let own = next_case_moment(&self.head).map(|(at, _)| at);
        item.into_iter().chain(own).min()
    }

    /// Whether time still means something to it.
    pub(crate) fn is_running(&self) -> bool {
        self.head.faulted.is_none() && self.head.status != CaseStatus::Cancelled
    }

    /// The first thing that time brings: when, and to which item (`None`: to the case itself).
    pub(crate) fn first_moment(&self) -> Option<(Instant, Option<ItemKey>)> {
        if !self.is_running() {
            return None;
        }
        let own = next_case_moment(&self.head).map(|(at, _)| (at, CASE_ORDER, None));
        let item = self.moments.get_min().map(|(at, order, key)| (*at, *order, Some(key.clone())));
        own.into_iter().chain(item).min().map(|(at, _, key)| (at, key))
    }

    pub(crate) fn tally(&self, task: &str) -> Tally {
        self.tallies.get(task).copied().unwrap_or_default()
    }

    /// How many items are not closed.
    pub(crate) fn unclosed(&self) -> usize {
        self.unclosed
    }

    pub(crate) fn head_mut(&mut self) -> &mut CaseHead {
        Arc::make_mut(&mut self.head)
    }

    /// Changes an item and keeps what is derived from it in step. Unknown keys are ignored.
    pub(crate) fn change(&mut self, key: &ItemKey, change: impl FnOnce(&mut Item)) {
        let Some(old) = self.items.get(key) else { return };
        let mut item = Item::clone(old);
        self.forget(&Arc::clone(old));
        change(&mut item);
        self.put(item);
    }

    /// Adds an item, or puts a changed one in its place after [`forget`](Self::forget).
    pub(crate) fn put(&mut self, item: Item) {
        if let Some((at, _)) = next_moment(&item) {
            self.moments.insert((at, item.order, item.key.clone()));
        }
        let mut tally = self.tally(item.task.as_str());
        tally.total += 1;
        tally.satisfied += usize::from(item.is_satisfied());
        tally.skipped += usize::from(item.status == Status::Skipped);
        self.tallies.insert(item.task.clone(), tally);
        self.unclosed += usize::from(!item.status.is_closed());
        self.items.insert(item.key.clone(), Arc::new(item));
    }

    fn forget(&mut self, item: &Item) {
        if let Some((at, _)) = next_moment(item) {
            self.moments.remove(&(at, item.order, item.key.clone()));
        }
        let mut tally = self.tally(item.task.as_str());
        tally.total -= 1;
        tally.satisfied -= usize::from(item.is_satisfied());
        tally.skipped -= usize::from(item.status == Status::Skipped);
        self.tallies.insert(item.task.clone(), tally);
        self.unclosed -= usize::from(!item.status.is_closed());
    }
}
