//! Units that come and go: what a case's axes would add and drop by the directory as it is now,
//! and the moves that settle it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::{Span, Window};
use duban_model::{Assignee, Directory, TaskDef, TaskId, UnitId};
use duban_script::Value;

use super::mend::OWED;
use super::{Env, Turn, reason_of};
use crate::attention::AttentionKind;
use crate::case::{Case, CaseStatus};
use crate::command::Actor;
use crate::event::{ReviewPlan, SkipReason};
use crate::fact::Fact;
use crate::failed::AxisDifferences;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::{Refusal, Why};

/// Working days that an item has at least which is added to a running case (`added_workdays`).
pub const ADDED_WORKDAYS: i64 = 20;

/// The rows of a list by the keys of their items.
type Rows = Vec<(ItemKey, BTreeMap<String, Value>)>;

/// What a case's axes would add and drop now. Tasks whose list fails, or is not made yet, are
/// passed over. A duty takes what comes from its next window on, so that nothing comes there.
///
/// Nothing happens: no event is written and no function of a script is called. It takes as long as
/// the lists (`each`) of the case take to evaluate.
pub fn axis_differences(case: &Case, env: &Env) -> AxisDifferences {
    let env = &env.begun();
    Turn::on(case, env, Actor::Engine).differences()
}

impl Turn<'_> {
    fn differences(&self) -> AxisDifferences {
        let mut found = AxisDifferences::default();
        if self.case.head().status != CaseStatus::Open {
            return found;
        }
        for task in self.definition.workflow.tasks.iter().filter(|task| !task.each.is_empty()) {
            for window in self.windows_in_hand(task) {
                let Some(rows) = self.rows_now(task, window) else { continue };
                let keys: BTreeSet<&ItemKey> = rows.iter().map(|(key, _)| key).collect();
                if task.every.is_none() {
                    let mut seen = BTreeSet::new();
                    let fresh = rows.iter().map(|(key, _)| key).filter(|key| seen.insert(*key));
                    let fresh = fresh.filter(|key| self.case.item(key).is_none());
                    let fresh = fresh.filter(|key| !self.is_stood_for(key, &rows, task));
                    found.came.extend(fresh.cloned());
                }
                let items = self.case.items_of(task.id.as_str());
                let owed = items.filter(|item| item.window == window && is_owed(item));
                let gone = owed.filter(|item| !item.as_it_is && !keys.contains(&item.key));
                found.gone.extend(gone.map(|item| item.key.clone()));
            }
        }
        found
    }

    /// Whether the unit of a list's row has taken over another item of the task, which stands for
    /// its own.
    fn is_stood_for(&self, key: &ItemKey, rows: &Rows, task: &TaskDef) -> bool {
        let Some((_, axes)) = rows.iter().find(|(known, _)| known == key) else { return false };
        let units = axes
            .values()
            .filter_map(|value| if let Value::Unit(unit) = value { Some(unit) } else { None });
        let units: Vec<&UnitId> = units.collect();
        let mut items = self.case.items_of(task.id.as_str());
        items.any(|item| {
            let is_handed = item.history.iter().any(|(kind, _)| kind == "handed_over");
            is_handed && !matches!(item.status, Status::Cancelled) && units.contains(&&item.unit)
        })
    }

    /// The windows in which items of a task are still owed; without windows the one list there is,
    /// once it is made of work that is finished.
    fn windows_in_hand(&self, task: &TaskDef) -> Vec<Option<Window>> {
        if task.every.is_none() {
            let is_made = self.case.head().expanded.contains(&task.id);
            let finished = self.sources(task).iter().all(|source| self.is_finished(source));
            return if is_made && finished { vec![None] } else { Vec::new() };
        }
        let items = self.case.items_of(task.id.as_str());
        let windows: BTreeSet<Option<Window>> =
            items.filter(|item| is_owed(item)).map(|item| item.window).collect();
        windows.into_iter().collect()
    }

    /// A task's list as it would be made now; `None` where it fails. The case is left alone.
    fn rows_now(&self, task: &TaskDef, window: Option<Window>) -> Option<Rows> {
        let mut scratch = Turn::on(&self.case, self.env, Actor::Engine);
        scratch.probing = true;
        // Looking takes no items out of the budget.
        scratch.by_time = true;
        let rows = scratch.product(task, window)?;
        let key = |names: &[String]| self.case.key_of(task.id.as_str(), names, window.as_ref());
        Some(rows.into_iter().map(|(names, axes)| (key(&names), axes)).collect())
    }

    /// After a change of the directory: tasks that follow it take what came and end what has not
    /// begun; the rest is recorded where it has changed.
    pub(super) fn apply_axes(&mut self) {
        let mut differs = self.differences();
        let follows = self.definition.workflow.tasks.iter().any(|task| task.follows);
        if follows && !differs.is_empty() {
            self.follow(&differs);
            // What followed has closed and opened other items.
            self.settle();
            differs = self.differences();
        }
        if self.case.head().differs.clone().unwrap_or_default() != differs {
            let AxisDifferences { came, gone } = differs;
            self.push(Fact::AxesDiffer { came, gone });
        }
    }

    fn follow(&mut self, differs: &AxisDifferences) {
        let definition = Arc::clone(&self.definition);
        for (position, task) in definition.workflow.tasks.iter().enumerate() {
            if !task.follows {
                continue;
            }
            let rows = if task.every.is_none() { self.rows_now(task, None) } else { None };
            let mut came: Rows = Vec::new();
            for (key, axes) in rows.unwrap_or_default() {
                if differs.came.contains(&key) && came.iter().all(|(known, _)| *known != key) {
                    came.push((key, axes));
                }
            }
            if !came.is_empty() {
                self.add_rows(position, came);
            }
            let gone = differs.gone.iter().filter_map(|key| self.case.item(key));
            let gone = gone.filter(|item| item.task == task.id && !item.has_begun());
            for item in gone.cloned().collect::<Vec<_>>() {
                self.cancel_item(&item, "通讯录更新，名单中已无此项");
            }
        }
    }

    fn add_rows(&mut self, position: usize, rows: Rows) {
        let not_before = self.after(self.at, Span::Workdays(ADDED_WORKDAYS));
        self.make_items(position, None, rows, not_before);
    }

    pub(super) fn add_item(
        &mut self,
        task: &TaskId,
        which: &str,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "add_item";
        self.may_supervise(act, "case")?;
        if self.case.head().status != CaseStatus::Open {
            return Err(Refusal::CaseClosed(self.case.id()));
        }
        let reason = reason_of(act, reason)?;
        let definition = Arc::clone(&self.definition);
        let unsuitable = |why| Err(Refusal::Unsuitable { act, item: task.to_string(), why });
        let found = definition.workflow.task(task.as_str());
        let Some((position, def)) = found.filter(|(_, def)| !def.each.is_empty()) else {
            return unsuitable(Why::new(
                "the workflow has no task of that name with a list (`each`)",
                "措施中没有这个带名单（each）的任务",
            ));
        };
        if def.every.is_some() {
            return unsuitable(Why::new(
                "a duty takes new items by itself from its next window on",
                "周期性职责自下一周期起自动列入，不须增列",
            ));
        }
        let made = self.case.head().expanded.contains(&def.id);
        if !made || !self.sources(def).iter().all(|source| self.is_finished(source)) {
            return unsuitable(Why::new(
                "its list is not made yet",
                "任务的名单尚未形成，形成时会自动列入",
            ));
        }
        let names: Vec<&str> = which.split('/').map(str::trim).collect();
        let key = ItemKey::compose(def.id.as_str(), names.iter().copied(), None);
        if self.case.find(key.as_str()).is_some() {
            return unsuitable(Why::new("that item is there already", "这一项已经在列"));
        }
        let rows = match self.rows_now(def, None) {
            Some(rows) => rows,
            None => units_named(&self.env.directory, def, &names, &key).into_iter().collect(),
        };
        let Some(row) = rows.into_iter().find(|(known, _)| *known == key) else {
            return unsuitable(Why::new(
                "the list does not yield it now; correct the directory or the name",
                "现在的名单中没有这一项，请核对名称，或先更新通讯录",
            ));
        };
        self.add_rows(position, vec![row]);
        let text = format!("增列“{}”（{which}）：{reason}", def.title);
        self.push(Fact::Logged { item: Some(key), text });
        Ok(())
    }

    /// The item, if the case's axes would drop it and nobody has settled that.
    fn gone(&self, act: &'static str, key: &ItemKey) -> Result<Arc<Item>, Refusal> {
        self.may_supervise(act, key.as_str())?;
        let item = self.in_status(act, key, &OWED)?;
        let differs = self.case.head().differs.as_ref();
        // What is owed again, reopened for example, is not looked for among the lists.
        let is_gone =
            !item.as_it_is && item.attention.iter().any(|one| one.kind == AttentionKind::UnitGone);
        if is_gone || differs.is_some_and(|differs| differs.gone.contains(key)) {
            return Ok(item);
        }
        let why = Why::new("its unit is still on the list", "名单中仍有此项");
        Err(Refusal::NotApplicable { act, item: key.to_string(), why })
    }

    pub(super) fn finish_as_it_is(&mut self, key: &ItemKey, reason: &str) -> Result<(), Refusal> {
        let act = "finish_as_it_is";
        self.gone(act, key)?;
        let reason = reason_of(act, reason)?;
        self.push(Fact::FinishesAsItIs { item: key.clone(), reason });
        Ok(())
    }

    pub(super) fn hand_to_successor(
        &mut self,
        key: &ItemKey,
        to: Option<&Assignee>,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "hand_to_successor";
        let item = self.gone(act, key)?;
        let reason = reason_of(act, reason)?;
        let given = to.cloned().or_else(|| self.successor_of(&item));
        let unit = given.as_ref().and_then(|to| self.env.directory.unit_of(to));
        let unit = unit.filter(|unit| self.env.directory.unit(unit).is_some());
        let (Some(given), Some(unit)) = (given, unit) else {
            let why = Why::new(
                "say to which unit: the directory names no successor",
                "请写明承接单位：通讯录没有写明谁承接（前身）",
            );
            return Err(Refusal::Unsuitable { act, item: key.to_string(), why });
        };
        let owner = self.same_post(&item, given, &unit);
        self.may_succeed(act, &item, &owner)?;
        let members = self.signers_after(&item, &owner);
        let review = (members != item.review.members).then(|| ReviewPlan {
            manner: item.review.manner,
            members,
            within: item.review.within,
        });
        self.push(Fact::HandedOver {
            item: key.clone(),
            unit: unit.clone(),
            holder: self.env.directory.holders(&owner).first().cloned(),
            to: owner,
            review,
            reason,
            from: item.holder.clone(),
            late: self.left_late(&item),
        });
        self.begin_with_owner(&item, None);
        self.excuse_own(&item, &unit);
        Ok(())
    }

    /// The unit that took the place of the one among an item's axes that is gone.
    fn successor_of(&self, item: &Item) -> Option<Assignee> {
        let units = item
            .axes
            .values()
            .filter_map(|value| if let Value::Unit(unit) = value { Some(unit) } else { None });
        let mut units = units.chain(std::iter::once(&item.unit));
        let successor = units.find_map(|unit| self.env.directory.successor(unit))?;
        Some(Assignee::Unit(successor.id.clone()))
    }

    /// Where only a unit is named: its post of the same name as the owner's, if somebody holds it.
    fn same_post(&self, item: &Item, given: Assignee, unit: &UnitId) -> Assignee {
        match (&given, &item.owner) {
            (Assignee::Unit(_), Some(Assignee::Post(_, name))) => {
                let post = Assignee::Post(unit.clone(), Arc::clone(name));
                if self.is_held(&post) { post } else { given }
            }
            _ => given,
        }
    }

    /// The successor owes the item in place of its own of the same task and window. What its
    /// reviewers have in hand goes its way.
    fn excuse_own(&mut self, item: &Item, unit: &UnitId) {
        let is_its = |other: &Item| {
            other.axes.iter().all(|(name, value)| {
                let same = item.axes.get(name) == Some(value);
                same || matches!(value, Value::Unit(own) if own == unit)
            })
        };
        let items = self.case.items_of(item.task.as_str());
        let own = items.filter(|other| other.key != item.key && other.window == item.window);
        let own = own.filter(|other| is_its(other) && other.status != Status::Submitted);
        let own: Vec<ItemKey> =
            own.filter(|other| is_owed(other)).map(|other| other.key.clone()).collect();
        for key in own {
            let Some(before) = self.case.item(&key).cloned() else { continue };
            self.skip_item(&key, SkipReason::TookOver(item.key.clone()));
            self.end_child(&before, "承接单位改办另一项");
        }
    }
}

/// Whether something is still owed of an item.
fn is_owed(item: &Item) -> bool {
    !item.status.is_closed() && item.window_met.is_none()
}

/// Where a list cannot be worked out: the item of these units, if the directory has them all.
fn units_named(
    directory: &Directory,
    task: &TaskDef,
    names: &[&str],
    key: &ItemKey,
) -> Option<(ItemKey, BTreeMap<String, Value>)> {
    if names.len() != task.each.len() {
        return None;
    }
    let units = names.iter().map(|name| directory.unit(&UnitId::from(*name)));
    let axes = task.each.iter().zip(units);
    let axes = axes.map(|(axis, unit)| Some((axis.name.clone(), Value::Unit(unit?.id.clone()))));
    Some((key.clone(), axes.collect::<Option<_>>()?))
}
