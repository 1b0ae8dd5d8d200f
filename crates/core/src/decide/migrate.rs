//! Another definition for a case: everything is carried over, opened or ended, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_model::{Axis, Definition, Field, FieldKind, Need, TaskDef, TaskId, TaskKind};
use duban_script::Program;

use super::Turn;
use super::graph::Settle;
use super::takeover::Weighing;
use crate::case::{Case, CaseStatus};
use crate::event::{HoldCause, ItemKind};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::migration::{
    CHANGES_MAX, Change, FieldMap, MigrationMap, MigrationReport, Take, TaskFate, TaskMap,
};
use crate::refusal::{Obstacle, Refusal};

const GONE: &str = "新版措施中已无此任务";

/// What the old definition's tasks are in the new one.
pub(super) struct Pairs {
    pub(super) old: Arc<Program>,
    pub(super) new: Arc<Definition>,
    /// By old id the new one.
    pub(super) names: BTreeMap<TaskId, TaskId>,
    /// Both definitions call the same functions and data: equal expressions yield the same.
    pub(super) same_words: bool,
}

impl Pairs {
    fn new(old: Arc<Program>, new: Arc<Definition>) -> Self {
        let before = Arc::clone(old.definition());
        let mut names = BTreeMap::new();
        for task in &before.workflow.tasks {
            let by_name = new.workflow.task_once(task.id.as_str());
            // A name that it had before may be its name again.
            let is_free = |was: &&TaskId| before.workflow.task(was.as_str()).is_none();
            let mut earlier = task.was.iter().filter(is_free);
            let found = by_name.map(|found| found.id.clone()).or_else(|| {
                earlier
                    .find_map(|was| new.workflow.task(was.as_str()).map(|(_, now)| now.id.clone()))
            });
            names.extend(found.map(|found| (task.id.clone(), found)));
        }
        let same_words = before.scripts == new.scripts
            && before.suite.params == new.suite.params
            && before.workflow.params == new.workflow.params;
        Self { old, new, names, same_words }
    }

    pub(super) fn before(&self) -> &Arc<Definition> {
        self.old.definition()
    }

    /// The old definition's task of a new one's.
    pub(super) fn old_task(&self, new: &TaskId) -> Option<&TaskDef> {
        let same = self.names.get_key_value(new).filter(|(_, name)| *name == new);
        let (old, _) = same.or_else(|| self.names.iter().find(|(_, name)| *name == new))?;
        self.before().workflow.task(old.as_str()).map(|(_, task)| task)
    }

    fn gone(&self) -> impl Iterator<Item = &TaskDef> {
        let tasks = self.before().workflow.tasks.iter();
        tasks.filter(|task| !self.names.contains_key(&task.id))
    }

    fn map(&self) -> MigrationMap {
        let mut map = MigrationMap::default();
        for (order, task) in (0_usize..).zip(&self.new.workflow.tasks) {
            let order = crate::moment::task_order(order);
            for (old, _) in self.names.iter().filter(|(_, new)| **new == task.id) {
                let Some((_, before)) = self.before().workflow.task(old.as_str()) else { continue };
                let moved = TaskMap {
                    to: task.id.clone(),
                    order,
                    axes: axes(&before.each, &task.each),
                    fields: fields(&before.form, &task.form),
                    needs: self.needs(&before.needs, &task.needs),
                };
                let unchanged = *old == task.id
                    && moved.axes.is_empty()
                    && moved.fields.is_empty()
                    && moved.needs.is_none();
                if !unchanged {
                    map.tasks.insert(old.clone(), moved);
                }
            }
        }
        let form = |definition: &Definition| {
            definition.workflow.open.as_ref().map(|open| open.form.clone()).unwrap_or_default()
        };
        map.form = fields(&form(self.before()), &form(&self.new));
        map.titles = self.titles_lost();
        map
    }

    /// Titles that the new definition does not give the old one's tasks, by every id of theirs: keys
    /// of items keep the first.
    fn titles_lost(&self) -> BTreeMap<TaskId, String> {
        let title_now = |task: &TaskDef| {
            let id = self.names.get(&task.id)?;
            self.new.workflow.task(id.as_str()).map(|(_, now)| now.title.as_str())
        };
        let tasks = self.before().workflow.tasks.iter();
        let lost = tasks.filter(|task| title_now(task) != Some(task.title.as_str()));
        let all = lost.flat_map(|task| {
            std::iter::once(&task.id).chain(&task.was).map(|id| (id.clone(), task.title.clone()))
        });
        all.collect()
    }

    /// Old places of needs with their new ones; `None` where nothing moves.
    fn needs(&self, old: &[Need], new: &[Need]) -> Option<BTreeMap<u16, u16>> {
        let name = |need: &Need| match &need.workflow {
            Some(workflow) => (Some(workflow.clone()), need.task.clone()),
            None => (None, self.names.get(&need.task).unwrap_or(&need.task).clone()),
        };
        let place = |need: &Need| {
            let is_same = |other: &Need| (other.workflow.clone(), other.task.clone()) == name(need);
            new.iter().position(is_same).and_then(|place| u16::try_from(place).ok())
        };
        let moved: BTreeMap<u16, u16> =
            (0_u16..).zip(old).filter_map(|(at, need)| Some((at, place(need)?))).collect();
        let stays = moved.len() == old.len() && moved.iter().all(|(old, new)| old == new);
        (!stays).then_some(moved)
    }
}

fn axes(old: &[Axis], new: &[Axis]) -> BTreeMap<String, String> {
    let known = |name: &str| old.iter().any(|axis| axis.name == name);
    let renamed = new.iter().filter(|axis| !known(&axis.name)).filter_map(|axis| {
        axis.was.iter().find(|was| known(was)).map(|was| (was.clone(), axis.name.clone()))
    });
    renamed.collect()
}

fn fields(old: &[Field], new: &[Field]) -> Vec<FieldMap> {
    let columns = |field: &Field| {
        if let FieldKind::Table(columns) = &field.kind { columns.clone() } else { Vec::new() }
    };
    let moved = new.iter().filter_map(|field| {
        let same = old.iter().find(|other| other.name == field.name);
        let before = same.or_else(|| {
            field.was.iter().find_map(|was| old.iter().find(|other| other.name == *was))
        })?;
        let columns = fields(&columns(before), &columns(field));
        let (from, to) = (before.name.clone(), field.name.clone());
        (from != to || !columns.is_empty()).then_some(FieldMap { from, to, columns })
    });
    moved.collect()
}

impl Turn<'_> {
    /// Runs on another definition. What has begun stays as it is in force, but for what is to be
    /// taken over; tasks that are gone are cancelled, new ones begin.
    pub(super) fn migrate(&mut self, take: &[Take]) -> Result<(), Refusal> {
        self.may_operate("migrate")?;
        let definition = Arc::clone(&self.definition);
        let running = self.case.head().definition.clone();
        if running == definition.hash {
            return Ok(());
        }
        let previous = self.env.previous.as_ref();
        let Some(old) = previous.filter(|old| old.definition().hash == running) else {
            let given = previous.map(|old| old.definition().hash.to_string()).unwrap_or_default();
            return Err(Refusal::OtherDefinition { expected: running.to_string(), given });
        };
        let pairs = Pairs::new(Arc::clone(old), Arc::clone(&definition));
        let before = self.case.clone();
        let is_open = before.head().status == CaseStatus::Open;
        let mut weighing = Weighing::new(take);
        self.give_before(&pairs, &mut weighing);
        let relaid = self.relay_ladders(&pairs, &mut weighing);
        let mut map = pairs.map();
        map.ladders = relaid.iter().filter(|one| !one.stays()).map(|one| one.map.clone()).collect();
        self.push(Fact::Migrated {
            definition: definition.hash.clone(),
            title: definition.workflow.title.clone(),
            map: (!map.is_empty()).then(|| Box::new(map)),
        });
        if self.other_calendar() {
            let years = super::open::announced(self.env, self.case.head().opened_at);
            self.push(Fact::CalendarApplied { years, next: None });
        }
        self.case_facts = None;
        let mut obstacles = Vec::new();
        if is_open {
            self.end_gone(&pairs);
            self.find_lost_axes(&pairs, take, &mut obstacles);
            self.take_cadences(&pairs, &mut weighing);
            self.take_lists(&pairs, &mut weighing);
            self.begin_new(&pairs, &mut obstacles);
            self.renew_needs(&pairs);
            self.move_plans(&pairs);
            self.arm_relaid(&relaid, take);
            self.weigh(&pairs, &mut weighing);
            self.settle();
        }
        if !obstacles.is_empty() {
            return Err(Refusal::Stranded(obstacles));
        }
        self.migration = Some(Box::new(self.reported(&pairs, &before, weighing.changes)));
        Ok(())
    }

    /// Ends what the new definition does not have: items with their sub-cases, windows to come,
    /// clocks that stood still for them.
    fn end_gone(&mut self, pairs: &Pairs) {
        for task in pairs.gone() {
            if self.case.head().windows.contains_key(&task.id) {
                self.push(Fact::WindowsPlanned { task: task.id.clone(), next: None });
            }
            let items: Vec<Arc<Item>> = self
                .case
                .items_of(task.id.as_str())
                .filter(|item| is_task(item))
                .cloned()
                .collect();
            for item in items.into_iter().filter(|item| !item.status.is_closed()) {
                self.end_item_of_gone(task, &item);
            }
        }
    }

    fn end_item_of_gone(&mut self, task: &TaskDef, item: &Item) {
        let key = item.key.clone();
        self.push(Fact::ItemCancelled {
            item: key.clone(),
            reason: GONE.to_owned(),
            title: Some(task.title.clone()),
        });
        if let TaskKind::SubCase { workflow } = &task.kind {
            self.end_child_of_gone(item, workflow, task.keeps_case);
        }
        let cause = HoldCause::Item(key.clone());
        let waits = |other: &&Arc<Item>| other.holds.iter().any(|hold| hold.cause == cause);
        let held: Vec<ItemKey> =
            self.case.items().filter(waits).map(|one| one.key.clone()).collect();
        for held in held {
            self.release(&held, &cause);
        }
        self.settled.push_back(Settle::Closed(key));
    }

    /// Items that would read an axis that they do not have.
    fn find_lost_axes(&self, pairs: &Pairs, take: &[Take], obstacles: &mut Vec<Obstacle>) {
        if take.contains(&Take::Items) {
            return;
        }
        for task in &pairs.new.workflow.tasks {
            let open: Vec<_> = self
                .case
                .items_of(task.id.as_str())
                .filter(|item| !item.status.is_closed())
                .collect();
            for axis in &task.each {
                if open.iter().any(|item| !item.axes.contains_key(&axis.name)) {
                    let (task, axis) = (task.title.clone(), axis.name.clone());
                    obstacles.push(Obstacle::Axis { task, axis });
                }
            }
        }
    }

    /// Makes the items of tasks that the case does not have yet. A list that is read from work that
    /// is done is there to be read.
    fn begin_new(&mut self, pairs: &Pairs, obstacles: &mut Vec<Obstacle>) {
        let definition = Arc::clone(&self.definition);
        for (position, task) in definition.workflow.tasks.iter().enumerate() {
            if self.case.head().expanded.contains(&task.id) {
                if pairs.old_task(&task.id).is_none() {
                    self.begin_again(task);
                    self.begin_task(position);
                }
                continue;
            }
            let sources = self.sources(task);
            if task.every.is_some() || sources.is_empty() {
                self.begin_task(position);
            } else if sources.iter().all(|source| self.is_finished(source)) {
                self.expand(position, None);
                let is_needed = self.is_needed(task) && !task.empty_skips;
                if is_needed && self.case.items_of(task.id.as_str()).next().is_none() {
                    let title = |id: &String| {
                        definition.workflow.task(id).map(|(_, task)| task.title.clone())
                    };
                    let from: Vec<String> = sources.iter().filter_map(title).collect();
                    let (task, from) = (task.title.clone(), from.join("”“"));
                    obstacles.push(Obstacle::NoItems { task, from });
                }
            }
        }
    }

    fn is_needed(&self, task: &TaskDef) -> bool {
        let needs = self.definition.workflow.tasks.iter().flat_map(|other| &other.needs);
        needs.into_iter().any(|need| need.workflow.is_none() && need.task == task.id)
    }

    /// A task that an earlier migration took away is there again: what that one cancelled begins
    /// again.
    fn begin_again(&mut self, task: &TaskDef) {
        let cancelled: Vec<ItemKey> = self
            .case
            .items_of(task.id.as_str())
            .filter(|item| item.status == Status::Cancelled && item.title.is_some())
            .filter(|item| item.window.is_none())
            .map(|item| item.key.clone())
            .collect();
        for key in cancelled {
            self.push(Fact::Superseded { item: key.clone(), because: key.clone() });
            self.settled.push_back(Settle::Fresh(key));
        }
    }

    /// Waiting items are looked at by what they need now; what is new is asked for.
    fn renew_needs(&mut self, pairs: &Pairs) {
        let definition = Arc::clone(&self.definition);
        for task in &definition.workflow.tasks {
            let Some(before) = pairs.old_task(&task.id) else { continue };
            let fresh = pairs.fresh_needs(before, task);
            let named: BTreeSet<u16> =
                fresh.union(&pairs.needs_named_anew(before, task)).copied().collect();
            let waiting: Vec<Arc<Item>> = self
                .case
                .items_of(task.id.as_str())
                .filter(|item| item.status == Status::Waiting)
                .cloned()
                .collect();
            for item in waiting {
                let which = self.which(task, &item.key, &named);
                if !which.is_empty() {
                    let which = item.which.clone().into_iter().chain(which).collect();
                    self.push(Fact::NeedsChanged { item: item.key.clone(), which });
                }
                self.ask_needs(task, &item.key, |place| fresh.contains(&place));
                self.settled.push_back(Settle::Fresh(item.key.clone()));
            }
        }
    }

    /// Plan dates that are past are not judged by another plan.
    fn move_plans(&mut self, pairs: &Pairs) {
        let definition = Arc::clone(&self.definition);
        for task in &definition.workflow.tasks {
            let moved = pairs.old_task(&task.id).is_some_and(|before| before.plan != task.plan);
            let open = self.case.items_of(task.id.as_str()).filter(|item| item.status.is_open());
            let open: Vec<ItemKey> = open.map(|item| item.key.clone()).collect();
            for item in open.into_iter().filter(|_| moved) {
                let next = self.first_plan_date(task);
                self.push(Fact::PlanMoved { item, next });
            }
        }
    }

    fn reported(&self, pairs: &Pairs, before: &Case, changes: Vec<Change>) -> MigrationReport {
        let new = pairs.new.workflow.tasks.iter().map(|task| {
            let old = pairs.old_task(&task.id);
            let was = old.map(|old| old.id.clone()).filter(|old| *old != task.id);
            self.fate(before, task, was, (old.is_none(), false))
        });
        let gone = pairs.gone().map(|task| self.fate(before, task, None, (false, true)));
        let tasks = new.chain(gone).collect();
        let left_out = changes.len().saturating_sub(CHANGES_MAX);
        MigrationReport {
            case: self.case.id(),
            from: pairs.before().hash.clone(),
            to: pairs.new.hash.clone(),
            tasks,
            changes: changes.into_iter().take(CHANGES_MAX).collect(),
            left_out,
        }
    }

    fn fate(
        &self,
        before: &Case,
        task: &TaskDef,
        was: Option<TaskId>,
        (new, gone): (bool, bool),
    ) -> TaskFate {
        let mut fate = TaskFate {
            task: task.id.clone(),
            title: task.title.clone(),
            was,
            new,
            gone,
            kept: 0,
            opened: Vec::new(),
            cancelled: Vec::new(),
        };
        for item in self.case.items_of(task.id.as_str()).filter(|item| is_task(item)) {
            let was = before.item(&item.key).map(|item| item.status);
            match (was, item.status) {
                (None, _) => fate.opened.push(item.key.clone()),
                (Some(Status::Cancelled), Status::Cancelled) => fate.kept += 1,
                (Some(Status::Cancelled), _) => fate.opened.push(item.key.clone()),
                (Some(_), Status::Cancelled) => fate.cancelled.push(item.key.clone()),
                (Some(_), _) => fate.kept += 1,
            }
        }
        fate
    }
}

impl Pairs {
    /// Places of the needs that mean their items by another expression than before.
    fn needs_named_anew(&self, before: &TaskDef, task: &TaskDef) -> BTreeSet<u16> {
        let which = |need: &Need| need.which.as_ref().map(|which| which.source.clone());
        let named_anew = |need: &&Need| {
            let is_same = |old: &&Need| {
                let old_task = self.names.get(&old.task).unwrap_or(&old.task);
                old.workflow == need.workflow && *old_task == need.task
            };
            let old = before.needs.iter().find(is_same);
            need.which.is_some() && old.is_some_and(|old| which(old) != which(need))
        };
        let places = (0_u16..).zip(&task.needs);
        places.filter(|(_, need)| named_anew(need)).map(|(place, _)| place).collect()
    }

    /// Places of the needs that only the new definition has.
    fn fresh_needs(&self, before: &TaskDef, task: &TaskDef) -> BTreeSet<u16> {
        let moved = self.needs(&before.needs, &task.needs);
        let known: BTreeSet<u16> = match moved {
            Some(moved) => moved.into_values().collect(),
            None => (0_u16..).zip(&before.needs).map(|(place, _)| place).collect(),
        };
        (0_u16..).zip(&task.needs).map(|(at, _)| at).filter(|at| !known.contains(at)).collect()
    }
}

fn is_task(item: &Item) -> bool {
    item.kind == ItemKind::Task
}
