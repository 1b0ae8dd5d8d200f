//! The reviewer's moves: accept, return, grant, countersign. Nothing is ever approved by time.

use std::sync::Arc;

use duban_model::{Assignee, Hook, Judged, PersonId, ScoreOn, TaskDef};
use rust_decimal::Decimal;

use super::actions::Opening;
use super::deadline::NewDeadline;
use super::{Turn, reason_of};
use crate::authority::principal;
use crate::command::Actor;
use crate::event::{DueReason, ItemKind, Manner};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{EntryState, Item, Status};
use crate::refusal::{ExtensionRefusal, Refusal};

impl Turn<'_> {
    /// The reviewer for whom the actor may decide now. Nobody reviews what they worked on, not
    /// through a stand-in either.
    fn may_review(
        &self,
        act: &'static str,
        item: &Item,
        members: &[&Assignee],
    ) -> Result<Assignee, Refusal> {
        let directory = &self.env.directory;
        let person = principal(act, item.key.as_str(), &self.actor, directory, self.today())?;
        let member =
            members.iter().find(|member| directory.holders(member).contains(&person)).copied();
        let Some(member) = member else {
            return Err(Refusal::NotAllowed {
                act,
                item: item.key.to_string(),
                allowed: members.iter().copied().cloned().collect(),
            });
        };
        self.is_separate_from_work(item, &person)?;
        if let Actor::Person { person: actor, .. } = &self.actor {
            self.is_separate_from_work(item, actor)?;
        }
        Ok(member.clone())
    }

    fn is_separate_from_work(&self, item: &Item, person: &PersonId) -> Result<(), Refusal> {
        let owns = match &item.owner {
            Some(owner @ (Assignee::Post(..) | Assignee::Person(_))) => {
                self.env.directory.holders(owner).contains(person)
            }
            Some(Assignee::Unit(_)) | None => false,
        };
        if owns || item.workers.contains(person) || item.handler.as_ref() == Some(person) {
            return Err(Refusal::SamePerson { person: person.to_string(), item: item.key.clone() });
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, key: &ItemKey, text: Option<&str>) -> Result<(), Refusal> {
        let item = self.in_status("accept", key, &[Status::Submitted])?;
        let member = self.may_review("accept", &item, &item.review.pending())?;
        let text = text.map(ToOwned::to_owned);
        let others = item.review.pending().len() > 1
            || (item.review.manner == Manner::Steps
                && item.review.agreed.len() + 1 < item.review.members.len());
        if item.review.manner != Manner::Any && others {
            let (review_due, arming) = match item.review.manner {
                Manner::Steps => self.review_deadline(key, &item),
                Manner::All | Manner::Any => (item.review.due, None),
            };
            self.push(Fact::Countersigned { item: key.clone(), member, text, review_due, arming });
        } else {
            self.complete(key, text);
        }
        Ok(())
    }

    /// Closes what every reviewer has agreed to. A duty that owes more entries goes on.
    pub(super) fn complete(&mut self, key: &ItemKey, text: Option<String>) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &item);
        let owed = task.map_or(1, |task| task.at_least);
        let pending_counts = item
            .entries
            .last()
            .is_some_and(|entry| entry.counts && entry.state == EntryState::Submitted);
        let enough =
            item.window.is_none() || item.entries_accepted() + u32::from(pending_counts) >= owed;
        if !enough {
            let on_time = true;
            self.push(Fact::Accepted { item: key.clone(), text, done: false, on_time });
            return;
        }
        self.judge_on_completion(key, &item, task);
        self.finish_item(key, text);
        if item.is_breached() {
            self.push(Fact::MadeUp { item: key.clone() });
            self.score(ScoreOn::MadeUp, key);
        }
        if let ItemKind::Interview { who, why, rectify_within, .. } = &item.kind {
            let due = self.after(self.at, *rectify_within);
            let members = item.owner.iter().cloned().collect();
            let kind = ItemKind::Rectification { interview: key.clone(), why: why.clone() };
            let members = self.separate(Some(who), members);
            self.open_item(Opening { kind, owner: who.clone(), members, due, ladder: None });
        }
    }

    /// What is done before its due date is judged by the value it was done with.
    fn judge_on_completion(&mut self, key: &ItemKey, item: &Item, task: Option<&TaskDef>) {
        let due = task.and_then(|task| task.indicator.as_ref()).map(|one| one.judged);
        if due == Some(Judged::Due) && !item.judged {
            self.judge_indicator(key);
        }
    }

    pub(super) fn send_back(
        &mut self,
        key: &ItemKey,
        reason: &str,
        upstream: Option<&ItemKey>,
    ) -> Result<(), Refusal> {
        let item = self.in_status("return", key, &[Status::Submitted])?;
        self.may_review("return", &item, &item.review.pending())?;
        let reason = reason_of("return", reason)?;
        let target = self.return_target(&item, upstream)?;
        let stall_at = self.silence(&item);
        match target {
            Some(target) => {
                self.push(Fact::Returned { item: target.clone(), reason, stall_at });
                self.supersede_dependents(&target);
                self.after_return(&target);
            }
            None => {
                self.push(Fact::Returned { item: key.clone(), reason, stall_at });
                self.after_return(key);
            }
        }
        Ok(())
    }

    fn after_return(&mut self, key: &ItemKey) {
        self.score(ScoreOn::Returned, key);
        self.hook(Hook::Returned, key);
        self.judge_again(key);
    }

    /// A window that was judged met is breached by a return that leaves too few entries.
    fn judge_again(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        if item.window_met != Some(true) {
            return;
        }
        let owed = Self::task(&self.definition, &item).map_or(1, |task| task.at_least);
        if item.entries_counting() < owed {
            self.judge_window(key);
        }
    }

    /// The done item upstream that a return means: the one named, or the paired item of the
    /// task's `on_refuse`.
    fn return_target(
        &self,
        item: &Item,
        upstream: Option<&ItemKey>,
    ) -> Result<Option<ItemKey>, Refusal> {
        let on_refuse = Self::task(&self.definition, item).and_then(|task| task.on_refuse.as_ref());
        let target = match (upstream, on_refuse) {
            (Some(key), _) => self.item(key)?,
            (None, Some(task)) => {
                let shares = |other: &&Arc<Item>| {
                    other
                        .axes
                        .iter()
                        .all(|(name, value)| item.axes.get(name).is_none_or(|own| own == value))
                };
                match self.case.items_of(task.as_str()).find(shares) {
                    Some(found) => Arc::clone(found),
                    None => return Ok(None),
                }
            }
            (None, None) => return Ok(None),
        };
        let not_applicable =
            |why| Err(Refusal::NotApplicable { act: "return", item: target.key.to_string(), why });
        if target.key == item.key {
            return Ok(None);
        }
        if target.status != Status::Done {
            return not_applicable("only a done item upstream can be returned");
        }
        if !self.is_upstream(&target, item) {
            return not_applicable("the item in hand does not rest on it");
        }
        Ok(Some(target.key.clone()))
    }

    fn is_upstream(&self, target: &Item, item: &Item) -> bool {
        let mut tasks = vec![item.task.clone()];
        let mut seen = tasks.clone();
        while let Some(task) = tasks.pop() {
            let Some((_, task)) = self.definition.workflow.task(task.as_str()) else { continue };
            for need in task.needs.iter().filter(|need| need.workflow.is_none()) {
                if need.task == target.task {
                    return true;
                }
                if !seen.contains(&need.task) {
                    seen.push(need.task.clone());
                    tasks.push(need.task.clone());
                }
            }
        }
        false
    }

    pub(super) fn grant_extension(&mut self, key: &ItemKey) -> Result<(), Refusal> {
        let item = self.in_status("grant_extension", key, &[Status::Ready, Status::Active])?;
        let members: Vec<&Assignee> = item.review.members.iter().collect();
        self.may_review("grant_extension", &item, &members)?;
        let Some(asked) = item.asked.clone() else {
            let why = ExtensionRefusal::NotAsked;
            return Err(Refusal::Extension { item: key.clone(), why });
        };
        let by = match &self.actor {
            Actor::Person { person, .. } => Some(person.clone()),
            _ => None,
        };
        let in_time = item.judged_due().is_none_or(|due| self.at <= due);
        let provisional = self.is_provisional(self.at, asked.until);
        let why = DueReason::Extension(asked.reason);
        self.set_deadline(key, NewDeadline { due: asked.until, why, by, in_time, provisional });
        let definition = Arc::clone(&self.definition);
        let then = Self::task(&definition, &item)
            .and_then(|task| task.extension.as_ref())
            .and_then(|extension| extension.then.as_deref());
        if let Some(then) = then {
            self.call(then, key, None);
        }
        Ok(())
    }

    pub(super) fn refuse_extension(&mut self, key: &ItemKey, reason: &str) -> Result<(), Refusal> {
        let item = self.in_status("refuse_extension", key, &[Status::Ready, Status::Active])?;
        let members: Vec<&Assignee> = item.review.members.iter().collect();
        self.may_review("refuse_extension", &item, &members)?;
        let reason = reason_of("refuse_extension", reason)?;
        if item.asked.is_none() {
            let why = ExtensionRefusal::NotAsked;
            return Err(Refusal::Extension { item: key.clone(), why });
        }
        self.push(Fact::ExtensionRefused { item: key.clone(), reason });
        Ok(())
    }

    /// Reviewers and the supervision office may change who countersigns.
    fn may_change_reviewers(&self, act: &'static str, item: &Item) -> Result<(), Refusal> {
        if self.may_supervise(act, item.key.as_str()).is_ok() {
            return Ok(());
        }
        let members: Vec<&Assignee> = item.review.members.iter().collect();
        self.may_review(act, item, &members).map(|_| ())
    }

    pub(super) fn add_countersigner(
        &mut self,
        key: &ItemKey,
        who: &Assignee,
    ) -> Result<(), Refusal> {
        let act = "add_countersigner";
        let item = self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        self.may_change_reviewers(act, &item)?;
        let not_applicable = |why| Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        if item.review.members.contains(who) {
            return not_applicable("they countersign already");
        }
        let owner = item.owner.iter().flat_map(|owner| self.env.directory.holders(owner)).take(1);
        let workers: Vec<PersonId> = item.workers.iter().cloned().chain(owner).collect();
        let holders = self.env.directory.holders(who);
        if holders.is_empty() || holders.iter().all(|holder| workers.contains(holder)) {
            return not_applicable("nobody but the owner could sign for them");
        }
        let mut members = item.review.members.clone();
        members.push(who.clone());
        self.push(Fact::ReviewersChanged { item: key.clone(), members, reason: None });
        Ok(())
    }

    pub(super) fn remove_countersigner(
        &mut self,
        key: &ItemKey,
        who: &Assignee,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "remove_countersigner";
        let item = self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        self.may_change_reviewers(act, &item)?;
        let reason = reason_of(act, reason)?;
        let members: Vec<Assignee> =
            item.review.members.iter().filter(|member| *member != who).cloned().collect();
        let not_applicable = |why| Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        if members.len() == item.review.members.len() {
            return not_applicable("they do not countersign");
        }
        let left = members.iter().any(|member| !item.review.agreed.contains(member));
        if members.is_empty() || (item.status == Status::Submitted && !left) {
            return not_applicable("the last one who must decide stays");
        }
        self.push(Fact::ReviewersChanged { item: key.clone(), members, reason: Some(reason) });
        Ok(())
    }

    /// Judges an indicator by the value that stands. No value is unreported, never not met.
    pub(super) fn judge_indicator(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let indicator = Self::task(&definition, &item).and_then(|task| task.indicator.as_ref());
        let Some(indicator) = indicator else { return };
        let value = item.value.or_else(|| self.rolled_up(indicator, &item));
        let met = match (&indicator.met, value) {
            (_, None) => None,
            (Some(expr), Some(_)) => {
                let scene = self.scene(Some(key));
                self.read_bool("met", expr, &scene)
            }
            (None, Some(value)) => self.reaches_target(indicator, &item, value),
        };
        self.push(Fact::IndicatorJudged { item: key.clone(), value, met });
        if met == Some(false) {
            self.score(ScoreOn::IndicatorNotMet, key);
            self.hook(Hook::Missed, key);
        }
    }

    fn reaches_target(
        &mut self,
        indicator: &duban_model::Indicator,
        item: &Item,
        value: Decimal,
    ) -> Option<bool> {
        let target = match (item.target, &indicator.target) {
            (Some(target), _) => target,
            (None, Some(expr)) => {
                let scene = self.scene(Some(&item.key));
                self.read("target", expr, &scene, "数字", duban_script::Value::to_decimal)?
            }
            (None, None) => return None,
        };
        Some(match indicator.better {
            duban_model::Better::Up => value >= target,
            duban_model::Better::Down => value <= target,
        })
    }

    /// A number made from another task's items that belong to the item's unit.
    fn rolled_up(&mut self, indicator: &duban_model::Indicator, item: &Item) -> Option<Decimal> {
        use duban_model::Fold;
        let from = indicator.from.as_ref()?;
        let mut values: Vec<Decimal> = Vec::new();
        let sources: Vec<Arc<Item>> = self.case.items_of(from.task.as_str()).cloned().collect();
        for source in sources {
            let belongs = match &from.by {
                Some(by) => {
                    let scene = self.scene(Some(&source.key));
                    let unit =
                        self.read("by", by, &scene, "单位", duban_script::Value::to_assignee);
                    unit.and_then(|unit| self.env.directory.unit_of(&unit))
                        == Some(item.unit.clone())
                }
                None => true,
            };
            values.extend(source.value.filter(|_| belongs));
        }
        let count = Decimal::from(values.len());
        let sum: Decimal = values.iter().copied().sum();
        match from.using {
            Fold::Count => Some(count),
            Fold::Sum => (!values.is_empty()).then_some(sum),
            Fold::Min => values.into_iter().min(),
            Fold::Max => values.into_iter().max(),
            Fold::Avg => sum.checked_div(count),
        }
    }
}
