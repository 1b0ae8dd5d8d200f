//! The supervision office's moves: suspend, resume, skip, cancel, reopen, strike off.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, Hook};

use super::deadline::NewDeadline;
use super::graph::Settle;
use super::handover::Handover;
use super::{Turn, reason_of};
use crate::case::CaseStatus;
use crate::command::AnswerSays;
use crate::event::{DueReason, ItemKind, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::{Refusal, Why};

impl Turn<'_> {
    /// The supervision office; where the suite names none, the lead.
    pub(super) fn may_supervise(&self, act: &'static str, on: &str) -> Result<(), Refusal> {
        let head = self.case.head();
        let office = head.supervision.clone().or_else(|| head.lead.clone());
        let allowed: Vec<Assignee> = office.into_iter().collect();
        crate::authority::check(act, on, &self.actor, &allowed, self.env, self.today())
    }

    pub(super) fn skip(&mut self, key: &ItemKey, reason: &str) -> Result<(), Refusal> {
        let reason = reason_of("skip", reason)?;
        self.may_supervise("skip", key.as_str())?;
        let item = self.not_closed("skip", key)?;
        let why = SkipReason::Dropped(reason.clone());
        self.push(Fact::ItemSkipped { item: key.clone(), why });
        self.end_child(&item, &reason);
        self.settled.push_back(Settle::Closed(key.clone()));
        Ok(())
    }

    fn not_closed(&self, act: &'static str, key: &ItemKey) -> Result<Arc<Item>, Refusal> {
        self.in_status(
            act,
            key,
            &[Status::Waiting, Status::Ready, Status::Active, Status::Submitted],
        )
    }

    pub(super) fn cancel(&mut self, item: Option<&ItemKey>, reason: &str) -> Result<(), Refusal> {
        let reason = reason_of("cancel", reason)?;
        self.may_supervise("cancel", item.map_or("case", |key| key.as_str()))?;
        if let Some(key) = item {
            let item = self.not_closed("cancel", key)?;
            self.cancel_item(&item, &reason);
            self.hook(Hook::Cancelled, key);
            return Ok(());
        }
        self.end_case(&reason);
        Ok(())
    }

    /// Ends an item and what belongs to it.
    pub(super) fn cancel_item(&mut self, item: &Item, reason: &str) {
        let key = item.key.clone();
        self.push(Fact::ItemCancelled {
            item: key.clone(),
            reason: reason.to_owned(),
            title: None,
        });
        self.end_child(item, reason);
        self.settled.push_back(Settle::Closed(key));
    }

    pub(super) fn reopen(
        &mut self,
        key: &ItemKey,
        reason: &str,
        due: Option<Instant>,
    ) -> Result<(), Refusal> {
        let reason = reason_of("reopen", reason)?;
        self.may_supervise("reopen", key.as_str())?;
        let item = self.in_status("reopen", key, &[Status::Done])?;
        self.parent_waits("reopen", key)?;
        if item.kind != ItemKind::Task {
            let why = Why::new(
                "only a task of the workflow is looked back at",
                "只有措施中的任务可以回头看",
            );
            return Err(Refusal::NotApplicable { act: "reopen", item: key.to_string(), why });
        }
        if due.is_some_and(|due| due <= self.at) {
            return Err(Refusal::OutOfRange {
                what: "due",
                range: Why::new("in the future", "将来的时间"),
            });
        }
        let was = self.case.head().status;
        if was != CaseStatus::Open {
            self.push(Fact::CaseReopened);
            self.pass_over_closed_time();
        }
        if was == CaseStatus::Cancelled {
            self.tell_watchers(AnswerSays::There);
        }
        let stall_at = self.silence(&item);
        let people = self.people_anew(key);
        let missing = people.as_ref().is_some_and(|people| people.holder.is_none());
        let again = reason.clone();
        let looks_back = item.window.is_some();
        let item_key = key.clone();
        self.push(Fact::Reopened { item: item_key, reason: again, stall_at, people, looks_back });
        self.reopen_child(key);
        if missing {
            self.note_owner_missing(key);
        }
        self.hand_back(key, Handover { before: &item, reason, due, reopened: true });
        self.hold_from_the_start(key);
        self.stop_clocks(key);
        self.supersede_dependents(key);
        Ok(())
    }

    /// While a case was over nothing was owed: windows that went by are none, and what would have
    /// been judged then is judged now. The system did not stand still.
    fn pass_over_closed_time(&mut self) {
        let now = self.at;
        let planned = self.case.head().windows.clone();
        for (task, (_, window)) in planned.into_iter().filter(|(_, (at, _))| *at < now) {
            let current = window.kind.containing(self.today());
            let next = if current.start > window.start { current } else { window };
            // Nor is one of which too little is left.
            let next = if self.is_too_short(&next) { next.next() } else { next };
            let next = self.is_owed(next).then(|| (now.max(self.starts(next)), next));
            self.push(Fact::WindowsPlanned { task, next });
        }
        let waits = |item: &&Arc<Item>| {
            let judged =
                if item.window_met.is_none() { item.judged_at } else { item.judge_again_at };
            item.status == Status::Done && judged.is_some_and(|at| at < now)
        };
        let judged: Vec<ItemKey> =
            self.case.items().filter(waits).map(|item| item.key.clone()).collect();
        for item in judged {
            self.push(Fact::JudgementDeferred { item, at: now });
        }
    }

    pub(super) fn strike_off(
        &mut self,
        item: Option<&ItemKey>,
        text: Option<&str>,
    ) -> Result<(), Refusal> {
        let act = "strike_off";
        let on = item.map_or("case", |key| key.as_str());
        self.may_supervise(act, on)?;
        match item {
            Some(key) => self.may_strike_off(act, key)?,
            None if self.case.head().status != CaseStatus::Closed => {
                return Err(Refusal::StillOpen { open: self.case.unclosed() });
            }
            None => {}
        }
        self.push(Fact::StruckOff { item: item.cloned(), text: text.map(ToOwned::to_owned) });
        Ok(())
    }

    /// An interview is struck off once it was held and what it required is rectified.
    fn may_strike_off(&self, act: &'static str, key: &ItemKey) -> Result<(), Refusal> {
        let item = self.in_status(act, key, &[Status::Done])?;
        let not_applicable = |why| Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        if !matches!(item.kind, ItemKind::Interview { .. }) {
            return not_applicable(Why::new(
                "only an interview or a case is struck off",
                "只有约谈或事项可以销号",
            ));
        }
        if item.struck_off_at.is_some() {
            return not_applicable(Why::new("it is struck off already", "已经销号"));
        }
        let rectified = self.case.items_of("rectification").any(|other| {
            matches!(&other.kind, ItemKind::Rectification { interview, .. } if interview == key)
                && other.status == Status::Done
        });
        if rectified {
            Ok(())
        } else {
            not_applicable(Why::new("its rectification is not accepted", "整改尚未通过审核"))
        }
    }

    pub(super) fn consent_earlier(&mut self, key: &ItemKey) -> Result<(), Refusal> {
        let act = "consent_earlier";
        self.may_supervise(act, key.as_str())?;
        let item = self.not_closed(act, key)?;
        let Some(due) = item.earlier_due else {
            let why = Why::new("no earlier due date is proposed", "没有待同意的提前期限");
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        };
        // Whoever is not late keeps what everybody has; an earlier date is no new lateness.
        let late = item.judged_due().is_some_and(|judged| judged < self.at);
        let floor = self.floor(key);
        let due = item.due().map_or(due, |in_force| due.max(floor.min(in_force)));
        let provisional = self.is_provisional(self.at, due);
        let why = DueReason::Calendar;
        let new = NewDeadline { due, why, by: None, in_time: !late, provisional };
        if late {
            self.carry_deadline(key, new, item.armed.clone());
        } else {
            self.set_deadline(key, new);
        }
        Ok(())
    }
}
