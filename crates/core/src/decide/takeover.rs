//! What differs for work that has begun when its definition changes, and what is taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_calendar::{Instant, Roll, Window, date_of, end_of};
use duban_model::{Assignee, Expr, Reviewer, TaskDef, TaskId, TaskKind};
use duban_script::{Program, Scene};

use super::Turn;
use super::deadline::NewDeadline;
use super::migrate::Pairs;
use super::rungs;
use crate::event::{DueReason, ItemKind, Notification, ReviewPlan, Side};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::migration::{Change, Done, Take};
use crate::tell::Teller;

/// Why work under review keeps what it has.
const UNDER_REVIEW: &str = "正在审核";

/// The differences found so far.
pub(super) struct Weighing {
    pub(super) take: BTreeSet<Take>,
    before: BTreeMap<ItemKey, (Differs, Given)>,
    pub(super) changes: Vec<Change>,
}

impl Weighing {
    pub(super) fn new(take: &[Take]) -> Self {
        let take = take.iter().copied().collect();
        Self { take, before: BTreeMap::new(), changes: Vec::new() }
    }

    pub(super) fn takes(&self, what: Take) -> bool {
        self.take.contains(&what)
    }

    fn note(&mut self, what: Take, at: &Place, (from, to): (String, String), done: Outcome) {
        self.changes.push(Change {
            what,
            task: at.task.clone(),
            item: at.item.clone(),
            title: at.title.clone(),
            from,
            to,
            done: done.done,
            note: done.note.map(str::to_owned),
        });
    }
}

/// What a difference is about.
pub(super) struct Place {
    pub(super) task: Option<TaskId>,
    pub(super) item: Option<ItemKey>,
    pub(super) title: String,
}

impl Place {
    fn of_task(task: &TaskDef) -> Self {
        Self { task: Some(task.id.clone()), item: None, title: task.title.clone() }
    }
}

/// What is done about a difference, and why where that is not what was asked for.
#[derive(Clone, Copy)]
struct Outcome {
    done: Done,
    note: Option<&'static str>,
}

const KEPT: Outcome = Outcome { done: Done::Kept, note: None };
const TAKEN: Outcome = Outcome { done: Done::Taken, note: None };

fn kept_because(note: &'static str) -> Outcome {
    Outcome { done: Done::Kept, note: Some(note) }
}

/// Which keys of a task may yield something else than before.
#[derive(Clone, Copy, Default)]
struct Differs {
    due: bool,
    owner: bool,
    reviewer: bool,
}

impl Differs {
    fn between(pairs: &Pairs, old: &TaskDef, new: &TaskDef) -> Self {
        let other = !pairs.same_words;
        Self {
            due: other || words(&old.due) != words(&new.due) || old.roll != new.roll,
            owner: other || words(&old.owner) != words(&new.owner),
            reviewer: other || reviewers(&old.reviewer) != reviewers(&new.reviewer),
        }
    }

    fn any(self) -> bool {
        self.due || self.owner || self.reviewer
    }
}

fn words(expr: &Option<Expr>) -> Option<&str> {
    expr.as_ref().map(|expr| expr.source.as_str())
}

/// The manner of a review, and who reviews in the author's words.
fn reviewers(reviewer: &Reviewer) -> (&'static str, Vec<&str>) {
    let (manner, exprs) = reviewer_exprs(reviewer);
    (manner, exprs.iter().map(|expr| expr.source.as_str()).collect())
}

fn reviewer_exprs(reviewer: &Reviewer) -> (&'static str, &[Expr]) {
    match reviewer {
        Reviewer::None => ("none", &[]),
        Reviewer::Superior => ("superior", &[]),
        Reviewer::One(one) => ("all", std::slice::from_ref(one)),
        Reviewer::All(all) => ("all", all),
        Reviewer::Any(any) => ("any", any),
        Reviewer::Steps(steps) => ("steps", steps),
        Reviewer::Quorum { of, .. } => ("quorum", of),
    }
}

/// What a definition gives an item, whatever is in force.
#[derive(Default, PartialEq)]
struct Given {
    due: Option<Instant>,
    owner: Option<Assignee>,
    reviewers: (&'static str, Vec<Assignee>),
}

impl Turn<'_> {
    /// Notes what the definition in force gives the items that people work on.
    pub(super) fn give_before(&mut self, pairs: &Pairs, weighing: &mut Weighing) {
        let keys: Vec<(ItemKey, TaskId)> = self
            .case
            .items()
            .filter(|item| item.kind == ItemKind::Task && !item.status.is_closed())
            .map(|item| (item.key.clone(), item.task.clone()))
            .collect();
        let old = Arc::clone(&pairs.old);
        for (key, task) in keys {
            let Some((_, before)) = pairs.before().workflow.task(task.as_str()) else { continue };
            let after = pairs.names.get(&task).and_then(|id| pairs.new.workflow.task(id.as_str()));
            let Some((_, after)) = after.filter(|(_, after)| after.kind == TaskKind::Human) else {
                continue;
            };
            let differs = Differs::between(pairs, before, after);
            if differs.any() {
                let given = self.give(&old, &key, differs);
                weighing.before.insert(key, (differs, given));
            }
        }
    }

    fn give(&mut self, program: &Arc<Program>, key: &ItemKey, differs: Differs) -> Given {
        let definition = Arc::clone(program.definition());
        let Some(item) = self.case.item(key).cloned() else { return Given::default() };
        let Some(task) = Self::task(&definition, &item) else { return Given::default() };
        let scene = self.scene_in(program, key);
        let mut given = Given::default();
        if let Some(due) = task.due.as_ref().filter(|_| differs.due) {
            let fixed_at = item.ready_at.unwrap_or(self.case.head().opened_at);
            let scene = Scene { now: fixed_at, moment: fixed_at, ..scene.clone() };
            let tz = definition.suite.time_zone;
            let due = program.eval(due, &scene).ok().and_then(|value| value.to_instant(tz));
            given.due = due.map(|due| match task.roll {
                Roll::None => due,
                roll @ (Roll::Forward | Roll::Backward | Roll::KthAfter(_)) => {
                    end_of(self.env.calendar.roll(date_of(due, tz), roll).date, tz)
                }
            });
        }
        if let Some(owner) = task.owner.as_ref().filter(|_| differs.owner) {
            given.owner = program.eval(owner, &scene).ok().and_then(|value| value.to_assignee());
        }
        if differs.reviewer {
            let (manner, exprs) = reviewer_exprs(&task.reviewer);
            let found = exprs.iter().filter_map(|expr| program.eval(expr, &scene).ok());
            let found = found.filter_map(|value| value.to_assignees()).flatten().collect();
            given.reviewers = (manner, found);
        }
        given
    }

    /// A scene of an item as another definition has it.
    pub(super) fn scene_in(&mut self, program: &Program, key: &ItemKey) -> Scene {
        let own = std::mem::replace(&mut self.definition, Arc::clone(program.definition()));
        let scene = self.scene(Some(key));
        self.definition = own;
        scene
    }

    /// Says of every open item what the new definition would give it, and takes over what is asked
    /// for.
    pub(super) fn weigh(&mut self, pairs: &Pairs, weighing: &mut Weighing) {
        let new = Arc::clone(&self.env.program);
        for (key, (differs, before)) in std::mem::take(&mut weighing.before) {
            let Some(item) = self.case.item(&key).cloned() else { continue };
            let Some((_, task)) = pairs.new.workflow.task(item.task.as_str()) else { continue };
            if item.status.is_closed() {
                continue;
            }
            let after = self.give(&new, &key, differs);
            if after.due != before.due {
                self.weigh_due(&item, task, after.due, weighing);
            }
            if after.owner != before.owner {
                self.weigh_owner(&item, after.owner, weighing);
            }
            if after.reviewers != before.reviewers {
                self.weigh_reviewers(&item, task, weighing);
            }
        }
        self.give_ladders(pairs, weighing);
    }

    fn place(&self, item: &Item) -> Place {
        let teller = Teller::new(&self.definition, &self.env.directory);
        let (task, key) = (Some(item.task.clone()), Some(item.key.clone()));
        Place { task, item: key, title: teller.item_title(item) }
    }

    fn weigh_due(
        &mut self,
        item: &Item,
        task: &TaskDef,
        given: Option<Instant>,
        weighing: &mut Weighing,
    ) {
        let fixed_later = item.status == Status::Waiting && item.deadline().is_none();
        if item.window.is_some() || fixed_later || given == item.due() {
            return;
        }
        let text = |turn: &Self, at: Option<Instant>| {
            at.map(|at| turn.date(at).to_string()).unwrap_or_default()
        };
        let from = text(self, item.due());
        let mut to = text(self, given);
        let outcome = match given {
            _ if !weighing.takes(Take::Due) => KEPT,
            None => kept_because("新版没有期限"),
            _ if item.status == Status::Submitted => kept_because(UNDER_REVIEW),
            _ if item.is_held() => kept_because("已停止计时"),
            Some(given) => {
                let due = self.with_floor(item, given);
                to = text(self, Some(due));
                self.take_due(item, task, due);
                if due == given {
                    TAKEN
                } else {
                    Outcome {
                        done: Done::Taken, note: Some("已近或已过，留足办理时间")
                    }
                }
            }
        };
        let place = self.place(item);
        weighing.note(Take::Due, &place, (from, to), outcome);
    }

    /// A due date that is taken over leaves some days, but needs no more than those in force.
    fn with_floor(&mut self, item: &Item, given: Instant) -> Instant {
        if item.status == Status::Waiting {
            return given;
        }
        let floor = self.floor(&item.key);
        match item.due() {
            Some(due) if given < due => given.max(floor.min(due)),
            _ => given.max(floor),
        }
    }

    fn take_due(&mut self, item: &Item, task: &TaskDef, due: Instant) {
        if item.due() == Some(due) {
            return;
        }
        let key = item.key.clone();
        let version = item.deadline().map_or(0, |deadline| deadline.version);
        let overdue = version > 0 && item.overdue_version == version;
        let why = DueReason::Migrated(words(&task.due).unwrap_or_default().to_owned());
        let in_time = item.judged_due().is_none_or(|judged| self.at <= judged);
        let provisional = self.is_provisional(self.at, due);
        let new = NewDeadline { due, why, by: None, in_time, provisional };
        let mut deadline = self.passes_nearness(self.deadline(version + 1, new));
        deadline.judged = item.deadline().and_then(|old| old.judged).filter(|_| !in_time);
        let arming = item.armed.as_ref().and_then(|armed| {
            let definition = Arc::clone(&self.definition);
            let ladder = Self::ladder(&definition, &armed.ladder)?;
            let scene = Scene { due: Some(due), ..self.scene(Some(&key)) };
            let arming = self.arm(Side::Work, ladder, &scene);
            // What has gone out about a lateness that goes on stays gone out. What leads up to the
            // new date comes.
            let ahead: Vec<u16> =
                arming.rungs.iter().filter(|(_, at)| *at <= due).map(|(place, _)| *place).collect();
            let to_come =
                |place| ahead.contains(&place) || armed.rungs.iter().any(|rung| rung.rung == place);
            Some(if overdue { rungs::only(arming, to_come) } else { arming })
        });
        let (key_of, armed) = (key.clone(), None);
        self.push(Fact::DeadlineSet { item: key_of, deadline, arming, judged_at: None, armed });
        if item.status.is_open() && item.due().is_some_and(|old| due < old) {
            let text = format!(
                "措施改版，“{}”的期限由{}提前到{}，请按新期限办理。",
                self.title(&key),
                item.due().map(|old| self.date(old).to_string()).unwrap_or_default(),
                self.date(due)
            );
            self.notify(Notification::Remind, Some(&key), item.in_hands_of(), text);
        }
    }

    fn weigh_owner(&mut self, item: &Item, given: Option<Assignee>, weighing: &mut Weighing) {
        if !item.status.is_open() || given == item.owner {
            return;
        }
        let name = |owner: Option<&Assignee>| {
            owner.map(|owner| self.env.directory.name_of(owner)).unwrap_or_default()
        };
        let texts = (name(item.owner.as_ref()), name(given.as_ref()));
        let outcome = match &given {
            _ if !weighing.takes(Take::Owner) => KEPT,
            None => kept_because("新版找不到承办人"),
            _ if item.status == Status::Submitted => kept_because(UNDER_REVIEW),
            // What was due in it was somebody else's.
            _ if item.window_met.is_some() => kept_because("本期已评判"),
            Some(to) => {
                self.reassign(&item.key, to, "新版措施改由其承办".to_owned());
                self.begin_with_owner(item, None);
                TAKEN
            }
        };
        let place = self.place(item);
        weighing.note(Take::Owner, &place, texts, outcome);
    }

    fn weigh_reviewers(&mut self, item: &Item, task: &TaskDef, weighing: &mut Weighing) {
        if !item.status.is_open() {
            return;
        }
        let current = self.case.item(&item.key).cloned();
        let owner = current.as_ref().and_then(|item| item.owner.clone());
        let scene = self.scene(Some(&item.key));
        self.compares = true;
        let plan = self.review_plan(task, owner.as_ref(), &scene);
        self.compares = false;
        drop(scene);
        let own = ReviewPlan {
            manner: item.review.manner,
            members: item.review.members.clone(),
            within: item.review.within,
        };
        if plan == own {
            return;
        }
        let names = |plan: &ReviewPlan| {
            let names = plan.members.iter().map(|one| self.env.directory.name_of(one));
            names.collect::<Vec<_>>().join("、")
        };
        let texts = (names(&own), names(&plan));
        let outcome = if !weighing.takes(Take::Reviewer) {
            KEPT
        } else if item.status == Status::Submitted {
            kept_because(UNDER_REVIEW)
        } else {
            let others = plan.members != item.review.members;
            self.push(Fact::ReviewPlanned { item: item.key.clone(), review: plan });
            if others {
                self.ask_anew(&item.key);
            }
            TAKEN
        };
        let place = self.place(item);
        weighing.note(Take::Reviewer, &place, texts, outcome);
    }

    /// Tasks that climbed no ladder and have one in the new definition.
    fn give_ladders(&mut self, pairs: &Pairs, weighing: &mut Weighing) {
        let definition = Arc::clone(&self.definition);
        for task in &definition.workflow.tasks {
            let had = pairs.old_task(&task.id).is_none_or(|old| old.ladder.is_some());
            let Some(name) = task.ladder.as_ref().filter(|_| !had) else { continue };
            let Some(ladder) = Self::ladder(&definition, name) else { continue };
            let open = |item: &&Arc<Item>| item.status.is_open() && item.armed.is_none();
            let items: Vec<Arc<Item>> =
                self.case.items_of(task.id.as_str()).filter(open).cloned().collect();
            if items.is_empty() {
                continue;
            }
            let takes = weighing.takes(Take::Ladder);
            for item in items.iter().filter(|_| takes) {
                let scene = Scene { due: item.due(), ..self.scene(Some(&item.key)) };
                let since = item.ready_at.unwrap_or(self.at);
                let arming = self.arm_since(Side::Work, ladder, &scene, since);
                let (item, side) = (item.key.clone(), Side::Work);
                self.push(Fact::RungsArmed { item, side, arming, anew: true });
            }
            let outcome = if takes { TAKEN } else { KEPT };
            let texts = (String::new(), name.clone());
            weighing.note(Take::Ladder, &Place::of_task(task), texts, outcome);
        }
    }

    /// Windows of another length begin where one of the old ends and one of the new begins.
    pub(super) fn take_cadences(&mut self, pairs: &Pairs, weighing: &mut Weighing) {
        let definition = Arc::clone(&self.definition);
        for (position, task) in definition.workflow.tasks.iter().enumerate() {
            let Some(old) = pairs.old_task(&task.id) else { continue };
            let planned = self.case.head().windows.get(&task.id).map(|(_, window)| *window);
            let runs = planned.map(|window| window.kind).or(old.every);
            let goes_on = planned.is_some()
                || old.every.is_none() && self.case.head().expanded.contains(&task.id);
            if runs == task.every || !goes_on {
                continue;
            }
            let takes = weighing.takes(Take::Cadence);
            if takes {
                self.take_cadence(position, task, planned);
            }
            let outcome = if takes { TAKEN } else { KEPT };
            let text = |kind: Option<duban_calendar::WindowKind>| {
                kind.map_or("只办一次".to_owned(), |kind| format!("每{}", kind.zh()))
            };
            let texts = (text(runs), text(task.every));
            weighing.note(Take::Cadence, &Place::of_task(task), texts, outcome);
        }
    }

    fn take_cadence(&mut self, position: usize, task: &TaskDef, planned: Option<Window>) {
        match (task.every, planned) {
            (Some(kind), Some(planned)) => {
                self.push(Fact::CadenceTaken { task: task.id.clone(), kind });
                self.plan_window(position, Some(planned));
            }
            // What was to be done once covers the window in hand.
            (Some(kind), None) => {
                let current = kind.containing(self.today_exactly());
                self.plan_window(position, Some(current.next()));
            }
            (None, _) => self.push(Fact::WindowsPlanned { task: task.id.clone(), next: None }),
        }
    }

    /// Lists that would hold other items.
    pub(super) fn take_lists(&mut self, pairs: &Pairs, weighing: &mut Weighing) {
        let definition = Arc::clone(&self.definition);
        for (position, task) in definition.workflow.tasks.iter().enumerate() {
            let Some(old) = pairs.old_task(&task.id) else { continue };
            let is_there = self.case.head().expanded.contains(&task.id)
                && self.sources(task).iter().all(|source| self.is_finished(source));
            if !is_there || !lists_differ(pairs, old, task) {
                continue;
            }
            let open = self.case.items_of(task.id.as_str());
            let open = open.filter(|item| !item.status.is_closed() && item.window_met.is_none());
            let mut windows: BTreeSet<Option<Window>> = open.map(|item| item.window).collect();
            if task.every.is_none() && old.every.is_none() {
                windows.insert(None);
            }
            for window in windows {
                self.weigh_list(position, task, window, weighing);
            }
        }
    }

    fn weigh_list(
        &mut self,
        position: usize,
        task: &TaskDef,
        window: Option<Window>,
        weighing: &mut Weighing,
    ) {
        let Some(rows) = self.product(task, window) else { return };
        let keys: BTreeSet<ItemKey> = rows
            .iter()
            .map(|(names, _)| self.case.key_of(task.id.as_str(), names, window.as_ref()))
            .collect();
        let items = self.case.items_of(task.id.as_str()).filter(|item| item.window == window);
        let (mut known, mut lost) = (BTreeSet::new(), Vec::new());
        for item in items {
            known.insert(item.key.clone());
            if !keys.contains(&item.key) && !item.status.is_closed() {
                lost.push(item.key.clone());
            }
        }
        let fresh: Vec<ItemKey> = keys.into_iter().filter(|key| !known.contains(key)).collect();
        if lost.is_empty() && fresh.is_empty() {
            return;
        }
        let takes = weighing.takes(Take::Items);
        let outcome = if takes { TAKEN } else { KEPT };
        let teller = Teller::new(&self.definition, &self.env.directory);
        let text = |keys: &[ItemKey]| {
            keys.iter().map(|key| teller.key_title(key)).collect::<Vec<_>>().join("、")
        };
        let texts = (text(&lost), text(&fresh));
        weighing.note(Take::Items, &Place::of_task(task), texts, outcome);
        if takes {
            self.expand(position, window);
        }
    }
}

fn lists_differ(pairs: &Pairs, old: &TaskDef, new: &TaskDef) -> bool {
    let axes =
        |task: &TaskDef| task.each.iter().map(|axis| axis.over.source.clone()).collect::<Vec<_>>();
    !(old.each.is_empty() && new.each.is_empty())
        && (!pairs.same_words || axes(old) != axes(new) || old.key != new.key)
}
