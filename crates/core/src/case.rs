//! A case: the state that its events add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::{Instant, Window, WindowKind};
use duban_model::{Assignee, Definition, DefinitionHash, TaskId};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::attention::Attention;
use crate::command::{Carried, Watch};
use crate::duties::Neighbours;
use crate::failed::{AxisDifferences, Failed};
use crate::growth::Bound;
use crate::ids::{CaseId, CaseName, ItemKey};
use crate::item::{Item, Status, is_zero};
use crate::migration::PastTitles;
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::StruckOff, Self::Cancelled];

    /// The status of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

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

/// An order by which a case stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSuspension {
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Instant,
    /// When it resumes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
}

/// What is known of the item that opened this case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentItem {
    /// It waits until this case closes, and is done then.
    #[default]
    Waits,
    /// It was done, and is worked on again.
    Reopened,
    /// It has ended, or has another sub-case now.
    Ended,
    /// It has ended and this case goes on by itself.
    Left,
}

impl ParentItem {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_waiting(&self) -> bool {
        *self == Self::Waits
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
    /// What tasks were called before a migration, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past_titles: Vec<PastTitles>,
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
    /// The clock's epoch at the last event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u32,
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
    /// It is suspended: what is open and what is to come stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Box<CaseSuspension>>,
    /// The case above, or the earlier period's, is suspended, and this one with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<Box<CaseSuspension>>,
    /// The number of the last word from above about that; what comes later with a smaller one is
    /// out of date.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub above_said: u64,
    /// The next period's case, where it was asked for while this one was suspended: it waits for
    /// word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_held: Option<CaseId>,
    /// Points given by each rule, in hundredths, for its cap.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scored: BTreeMap<String, i64>,
    /// What tasks were called in earlier definitions: items keep the keys they were made under.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub was: BTreeMap<TaskId, Vec<TaskId>>,
    /// Cadences that were taken over and begin where windows of both begin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cadences: BTreeMap<TaskId, WindowKind>,
    /// Cases that its scripts have opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub script_cases: u32,
    /// Bounds of growth that it has reached.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bounds: BTreeSet<Bound>,
    /// What is known of the item that opened it.
    #[serde(default, skip_serializing_if = "ParentItem::is_waiting")]
    pub parent_item: ParentItem,
    /// Lists of tasks that failed and are to be evaluated again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// What its axes would add and drop since the directory changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<AxisDifferences>,
    /// What the case itself needs attention for, oldest first: no item of it shows that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<Attention>,
    /// The years from its opening on whose calendars its dates are counted by; `None`: an older
    /// version opened it and no calendar has been applied since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Vec<i32>>,
    /// Its dates are being counted again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recounting: Option<Box<Recounting>>,
    /// What is known of the duties in the cases of the periods beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Arc<Neighbours>>,
}

/// How far counting a case's dates again has come: it is done in parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recounting {
    /// The years whose calendars are counted by afterwards.
    pub years: Vec<i32>,
    /// The first item that is still to be counted again.
    pub next: ItemKey,
}

impl CaseHead {
    /// Why everything stands still, by an order for this case or for the one above; `None`: it
    /// does not.
    pub fn suspension(&self) -> Option<&CaseSuspension> {
        self.suspended.as_deref().or(self.above.as_deref())
    }

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
            epoch: 0,
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
            suspended: None,
            above: None,
            above_said: 0,
            next_held: None,
            scored: BTreeMap::new(),
            was: BTreeMap::new(),
            cadences: BTreeMap::new(),
            script_cases: 0,
            bounds: BTreeSet::new(),
            parent_item: ParentItem::Waits,
            failed: Vec::new(),
            neighbours: None,
            past_titles: Vec::new(),
            differs: None,
            attention: Vec::new(),
            counted: None,
            recounting: None,
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

    /// Items from a key on, in the order of keys.
    pub(crate) fn items_from(&self, key: ItemKey) -> impl Iterator<Item = &Arc<Item>> {
        self.items.range(key..).map(|(_, item)| item)
    }

    /// A task's items in the order of keys; first those made under its present name.
    pub fn items_of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Arc<Item>> + 'a {
        self.names_of(task).flat_map(move |name| {
            self.items
                .range(ItemKey::new(name)..)
                .map(|(_, item)| item)
                .take_while(move |item| item.key.as_str().starts_with(name))
                // A name may begin another: what lies under that one is found under that one.
                .filter(move |item| item.task.as_str() == task && item.key.task() == name)
        })
    }

    /// What a task is called, and was.
    pub(crate) fn names_of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let was = self.head.was.get(task).into_iter().flatten().map(TaskId::as_str);
        std::iter::once(task).chain(was)
    }

    /// The key of a task's item: the one it was made under, or would be.
    pub(crate) fn key_of(&self, task: &str, axes: &[String], window: Option<&Window>) -> ItemKey {
        let compose = |name: &str| ItemKey::compose(name, axes.iter().map(String::as_str), window);
        let found = self.names_of(task).map(compose).find(|key| self.items.contains_key(key));
        found.unwrap_or_else(|| compose(task))
    }

    /// The item of that key, though its task may have been renamed since.
    pub(crate) fn find(&self, key: &str) -> Option<&Arc<Item>> {
        if let Some(item) = self.items.get(&ItemKey::new(key)) {
            return Some(item);
        }
        let task = ItemKey::new(key).task().to_owned();
        let rest = key.get(task.len()..)?;
        self.names_of(&task).find_map(|name| self.items.get(&ItemKey::new(format!("{name}{rest}"))))
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
        // Counting again goes on at once.
        let recounts = self.head.recounting.as_ref().map(|_| self.head.last_at);
        item.into_iter().chain(own).chain(recounts).min()
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

    /// Takes an item out. Unknown keys are ignored.
    pub(crate) fn remove(&mut self, key: &ItemKey) {
        if let Some(old) = self.items.get(key).cloned() {
            self.forget(&old);
            self.items.remove(key);
        }
    }

    fn forget(&mut self, item: &Item) {
        if let Some((at, _)) = next_moment(item) {
            self.moments.remove(&(at, item.order, item.key.clone()));
        }
        let mut tally = self.tally(item.task.as_str());
        tally.total -= 1;
        tally.satisfied -= usize::from(item.is_satisfied());
        tally.skipped -= usize::from(item.status == Status::Skipped);
        if tally.total == 0 {
            self.tallies.remove(&item.task);
        } else {
            self.tallies.insert(item.task.clone(), tally);
        }
        self.unclosed -= usize::from(!item.status.is_closed());
    }
}
