//! A duty's entries: for which window one counts, what it makes up for, and that it does so once.

use std::sync::Arc;

use duban_calendar::Window;
use duban_model::{Assignee, FieldKind, TaskDef};
use duban_script::Value;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::Turn;
use crate::command::Evidence;
use crate::duties;
use crate::event::Notification;
use crate::failed::{Expression, KeptKey};
use crate::ids::{ItemKey, hex};
use crate::item::{EntryState, Item, Status};
use crate::refusal::Refusal;

/// What a submission is meant for.
pub(super) struct Meant {
    /// The item; of a duty, the occurrence.
    pub(super) item: Arc<Item>,
    /// Whether it counts for its window; `true` for what is no duty.
    pub(super) counts: bool,
    /// It makes up for a window that was judged missed.
    pub(super) makes_up: bool,
    /// What a duty's entry is about.
    pub(super) event: Option<String>,
}

impl Turn<'_> {
    /// What a submission is meant for: the item named; of a duty that counts, the occurrence for
    /// whose window it counts, which may be a sibling of the same axes. Where `counts` itself
    /// fails, the one named, and the submission is taken as not counted.
    ///
    /// What lies outside the window of an occurrence that was judged missed makes up for it. What
    /// an entry is about counts once.
    pub(super) fn occurrence(
        &mut self,
        named: &Arc<Item>,
        task: Option<&TaskDef>,
        form: &Map<String, Json>,
        evidence: &[Evidence],
    ) -> Result<Meant, Refusal> {
        let meant = |item: &Arc<Item>, counts, makes_up| Meant {
            item: Arc::clone(item),
            counts,
            makes_up,
            event: None,
        };
        let Some(task) = task.filter(|_| named.window.is_some()) else {
            return Ok(meant(named, true, false));
        };
        if task.counts.is_none() {
            let missed = named.is_breached();
            return Ok(meant(named, !missed, missed));
        }
        let (item, counts, makes_up) = self.counted(named, task, form)?;
        let event = self.event_of(&item, task, form, evidence);
        if let Some(used) = event.as_ref().and_then(|event| self.used_by(&item, event)) {
            return Err(Refusal::EventUsed { item: item.key.clone(), used });
        }
        Ok(Meant { event, ..meant(&item, counts, makes_up) })
    }

    /// The occurrence, whether the form counts for its window, and whether it makes up for it.
    fn counted(
        &mut self,
        named: &Arc<Item>,
        task: &TaskDef,
        form: &Map<String, Json>,
    ) -> Result<(Arc<Item>, bool, bool), Refusal> {
        let siblings: Vec<Arc<Item>> = self.siblings(named);
        let is_owed = |item: &&Arc<Item>| matches!(item.status, Status::Ready | Status::Active);
        // What is done in the days that a window was given for a clock that stood is that
        // window's alone.
        for sibling in siblings.iter().filter(is_owed) {
            if sibling.window_met.is_none()
                && self.extended_window(sibling).is_some()
                && self.counts_for(sibling, task, form) == Ok(true)
                && self.counts_within(sibling, sibling.window, task, form) == Ok(false)
            {
                return Ok((Arc::clone(sibling), true, false));
            }
        }
        let own = self.counts_for(named, task, form);
        if own == Ok(true) {
            return Ok((Arc::clone(named), true, false));
        }
        if own == Ok(false) && named.is_breached() && !self.came_before(named, task, form) {
            return Ok((Arc::clone(named), false, true));
        }
        for sibling in siblings.iter().filter(is_owed) {
            if self.counts_for(sibling, task, form) == Ok(true) {
                return Ok((Arc::clone(sibling), true, false));
            }
        }
        match own {
            Ok(_) => Err(Refusal::NoWindow(named.key.clone())),
            Err(error) => {
                self.take_as_not_counted(named, &error);
                Ok((Arc::clone(named), false, false))
            }
        }
    }

    /// Other windows of the same task and axes.
    fn siblings(&self, named: &Item) -> Vec<Arc<Item>> {
        let items = self.case.items_of(named.task.as_str());
        items
            .filter(|other| other.axes == named.axes && other.window != named.window)
            .cloned()
            .collect()
    }

    /// Whether a form belongs to a window before an occurrence's own: that makes up for nothing
    /// that came after it.
    fn came_before(&mut self, named: &Item, task: &TaskDef, form: &Map<String, Json>) -> bool {
        let Some(window) = named.window else { return false };
        let earlier = self.siblings(named).into_iter().filter_map(|other| other.window);
        let earlier: Vec<Window> =
            earlier.filter(|other| other.end < window.start).chain([window.previous()]).collect();
        earlier
            .into_iter()
            .any(|window| self.counts_within(named, Some(window), task, form) == Ok(true))
    }

    /// What an entry is about, as text that is the same for the same: what the task's `event` says;
    /// without one, the dates that have happened and the files.
    fn event_of(
        &mut self,
        item: &Item,
        task: &TaskDef,
        form: &Map<String, Json>,
        evidence: &[Evidence],
    ) -> Option<String> {
        let about = match &task.event {
            Some(expr) => {
                let scene = self.scene_with_form(&item.key, form);
                let said = self.read("event", expr, &scene, "文字、数字或日期", Value::to_key);
                json!(said?)
            }
            None => {
                let has_happened = task
                    .form
                    .iter()
                    .filter(|field| field.kind == FieldKind::Date && field.past == Some(true));
                let dates: Vec<&Json> =
                    has_happened.filter_map(|field| form.get(&field.name)).collect();
                if dates.is_empty() {
                    return None;
                }
                let mut files: Vec<&str> = evidence.iter().map(|file| file.file.as_str()).collect();
                files.sort_unstable();
                json!([dates, files])
            }
        };
        Some(hex(&Sha256::digest(about.to_string())))
    }

    /// The occurrence in which something counts already, here or in the case of the period beside
    /// this one; what was returned does not.
    fn used_by(&self, item: &Item, event: &str) -> Option<ItemKey> {
        let items = self.case.items_of(item.task.as_str());
        let mut of_axes = items.filter(|other| other.axes == item.axes);
        let uses = |other: &&Arc<Item>| {
            let mut entries = other.entries.iter();
            entries
                .any(|one| one.state != EntryState::Returned && one.event.as_deref() == Some(event))
        };
        let here = of_axes.find(uses).map(|other| other.key.clone());
        here.or_else(|| {
            let said = duties::heard_of(&self.case, item);
            said.into_iter().find_map(|(_, record)| record.used.get(event).cloned())
        })
    }

    /// Records that nobody can say whether a submission counts, and tells owner and reviewers.
    fn take_as_not_counted(&mut self, item: &Item, error: &str) {
        let scene = self.scene(Some(&item.key));
        self.script_failed(&scene, "counts", error, Some(Expression::of(KeptKey::Counts)));
        let mut to: Vec<Assignee> = item.owner.iter().cloned().collect();
        to.extend(item.review.members.iter().cloned());
        let title = self.title(&item.key);
        let text =
            format!("“{title}”的提交是否计入本期无法计算，暂不计入，待督查机构处理：{error}");
        self.notify(Notification::Tell, Some(&item.key), to, text);
    }

    /// Whether a form counts for an item's window; else what the expression said.
    pub(super) fn counts_for(
        &mut self,
        item: &Item,
        task: &TaskDef,
        form: &Map<String, Json>,
    ) -> Result<bool, String> {
        let window = self.extended_window(item).or(item.window);
        self.counts_within(item, window, task, form)
    }

    /// An occurrence's window up to the day to which its end was moved, where it was.
    fn extended_window(&self, item: &Item) -> Option<Window> {
        let (window, due) = (item.window?, item.due()?);
        let stands = item.stood.as_ref().is_some_and(|stood| stood.since <= due);
        // While its clock stands it is given every day that passes.
        let end = self.date(due);
        let end = if stands { end.max(self.today()).min(window.next().end) } else { end };
        (end > window.end).then_some(Window { end, ..window })
    }

    fn counts_within(
        &mut self,
        item: &Item,
        window: Option<Window>,
        task: &TaskDef,
        form: &Map<String, Json>,
    ) -> Result<bool, String> {
        let Some(counts) = &task.counts else { return Ok(true) };
        let mut scene = self.scene_with_form(&item.key, form);
        scene.window = window;
        if let Some(facts) = &mut scene.item {
            Arc::make_mut(facts).window = window;
        }
        match self.program().eval(counts, &scene) {
            Ok(Value::Bool(truth)) => Ok(truth),
            Ok(other) => Err(format!("应为真假值，得到{}", other.type_name())),
            Err(error) => Err(error.to_string()),
        }
    }
}
