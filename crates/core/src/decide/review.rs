//! What follows from a reviewer's decision: completion, extensions, indicators. Nothing is ever
//! approved by time.

use std::sync::Arc;

use duban_model::{Assignee, Hook, Judged, ScoreOn, TaskDef};
use rust_decimal::Decimal;

use super::actions::Opening;
use super::deadline::NewDeadline;
use super::signers::Closing;
use super::{Turn, reason_of};
use crate::command::Actor;
use crate::event::{DueReason, ItemKind};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{EntryState, Item, Status};
use crate::refusal::{ExtensionRefusal, Refusal};

impl Turn<'_> {
    /// Closes what every reviewer has agreed to. A duty that owes more entries goes on.
    pub(super) fn complete(&mut self, key: &ItemKey, closing: Closing) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &item);
        let owed = task.map_or(1, |task| task.at_least);
        let pending = item.entries.last().filter(|entry| entry.state == EntryState::Submitted);
        let counts = pending.is_some_and(|entry| entry.counts);
        let makes_up = pending.is_some_and(|entry| entry.makes_up);
        let kept = item.entries_accepted() + u32::from(counts);
        // Entry for entry: what was missing is made up for, no more and no less.
        let made_up = kept + item.entries_made_up() + u32::from(makes_up);
        let enough =
            item.window.is_none() || kept >= owed || (item.is_breached() && made_up >= owed);
        if !enough {
            self.push(Fact::Accepted {
                item: key.clone(),
                text: closing.text,
                done: false,
                on_time: true,
                seats: closing.seats,
                taken_off: closing.taken_off,
            });
            return;
        }
        self.judge_on_completion(key, &item, task);
        self.finish_item(key, closing);
        if item.is_breached() && kept >= owed {
            self.papers_late(key);
        } else if item.is_breached() {
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
            Actor::Operator { .. } | Actor::Case { .. } | Actor::Engine => None,
        };
        // As of its making, by the clock that stood.
        let asked_at = item.stood.as_ref().map_or(asked.at, |stood| stood.since.min(asked.at));
        let in_time = item.judged_due().is_none_or(|due| asked_at <= due);
        // An answer that came after the date gives no less than a refusal would.
        let waited = item.asks_in_time() && item.due().is_some_and(|due| due < self.at);
        let floor = waited.then(|| self.floor(key));
        // What was given meanwhile, by an outage or with another owner, stands where it is later.
        let due = Some(asked.until).max(floor).max(item.due()).unwrap_or(asked.until);
        let provisional = self.is_provisional(self.at, due);
        let why = DueReason::Extension(asked.reason);
        self.set_deadline(key, NewDeadline { due, why, by, in_time, provisional });
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
        self.begin_after_answer(&item, DueReason::NotExtended);
        Ok(())
    }

    /// While an answer to a request was owed nobody was late: where the date has passed meanwhile,
    /// what is left begins now.
    pub(super) fn begin_after_answer(&mut self, before: &Item, why: DueReason) {
        let waited = before.asks_in_time() && before.due().is_some_and(|due| due < self.at);
        if waited && before.window.is_none() {
            let due = self.floor(&before.key);
            let provisional = self.is_provisional(self.at, due);
            let new = NewDeadline { due, why, by: None, in_time: true, provisional };
            self.set_deadline(&before.key, new);
        }
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
