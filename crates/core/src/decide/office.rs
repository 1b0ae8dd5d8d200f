//! The supervision office's moves: suspend, resume, skip, cancel, reopen, strike off.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, Hook};

use super::deadline::NewDeadline;
use super::graph::Settle;
use super::{Turn, reason_of};
use crate::case::CaseStatus;
use crate::event::{DueReason, HoldCause, ItemKind, SkipReason};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::Refusal;

impl Turn<'_> {
    /// The supervision office; where the suite names none, the lead.
    pub(super) fn may_supervise(&self, act: &'static str, on: &str) -> Result<(), Refusal> {
        let head = self.case.head();
        let office = head.supervision.clone().or_else(|| head.lead.clone());
        let allowed: Vec<Assignee> = office.into_iter().collect();
        crate::authority::check(act, on, &self.actor, &allowed, self.env, self.today())
    }

    /// The item named, or every one that `fits`.
    fn chosen(
        &self,
        item: Option<&ItemKey>,
        fits: impl Fn(&Item) -> bool,
    ) -> Result<Vec<Arc<Item>>, Refusal> {
        match item {
            Some(key) => Ok(vec![self.item(key)?]),
            None => Ok(self.case.items().filter(|item| fits(item)).cloned().collect()),
        }
    }

    pub(super) fn suspend(
        &mut self,
        item: Option<&ItemKey>,
        reason: &str,
        until: Option<Instant>,
        stops_clock: Option<bool>,
    ) -> Result<(), Refusal> {
        let act = "suspend";
        let reason = reason_of(act, reason)?;
        let ordered = self.may_suspend(item)?;
        if stops_clock == Some(true) && !ordered {
            return Err(Refusal::NotApplicable {
                act,
                item: item.map(ToString::to_string).unwrap_or_default(),
                why: "only a superior's order stops the clock",
            });
        }
        if until.is_some_and(|until| until <= self.at) {
            return Err(Refusal::OutOfRange { what: "until", range: "in the future" });
        }
        let open = |item: &Item| item.status.is_open() && item.hold.is_none();
        for found in self.chosen(item, open)? {
            if !found.status.is_open() {
                let (item, status) = (found.key.clone(), found.status);
                return Err(Refusal::WrongStatus { act, item, status });
            }
            if found.hold.is_some() {
                return Err(Refusal::Suspended(found.key.clone()));
            }
            let stops = stops_clock.unwrap_or(ordered);
            let remaining = if stops { self.remaining(&found).or(Some(NO_DUE)) } else { None };
            let cause = HoldCause::Suspended(reason.clone());
            self.push(Fact::Held { item: found.key.clone(), cause, until, remaining });
        }
        Ok(())
    }

    /// Whether the suspension is ordered from above; an owner may ask for one of their own task.
    fn may_suspend(&self, item: Option<&ItemKey>) -> Result<bool, Refusal> {
        let on = item.map_or("case", |key| key.as_str());
        let office = self.may_supervise("suspend", on);
        let Some(key) = item else { return office.map(|()| true) };
        if office.is_ok() {
            return Ok(true);
        }
        let found = self.item(key)?;
        let members = &found.review.members;
        let on = key.as_str();
        let reviews =
            crate::authority::check("suspend", on, &self.actor, members, self.env, self.today());
        if reviews.is_ok() && self.may_work("suspend", &found).is_err() {
            return Ok(true);
        }
        self.may_work("suspend", &found).map(|_| false).or(office.map(|()| true))
    }

    pub(super) fn resume(&mut self, item: Option<&ItemKey>) -> Result<(), Refusal> {
        let act = "resume";
        if self.may_suspend(item).is_err() {
            self.may_supervise(act, item.map_or("case", |key| key.as_str()))?;
        }
        let suspended = |item: &Item| {
            item.hold.as_ref().is_some_and(|hold| matches!(hold.cause, HoldCause::Suspended(_)))
        };
        for found in self.chosen(item, suspended)? {
            if !suspended(&found) {
                let why = "it is not suspended";
                return Err(Refusal::NotApplicable { act, item: found.key.to_string(), why });
            }
            self.release(&found.key);
        }
        Ok(())
    }

    /// Lets a clock go on: what was left of the time is counted from today.
    pub(super) fn release(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let remaining = item.hold.as_ref().and_then(|hold| hold.remaining);
        let stall_at = self.silence(&item);
        self.push(Fact::Released { item: key.clone(), stall_at });
        let Some(due) =
            remaining.filter(|_| item.due().is_some()).and_then(|left| self.resumed_due(left))
        else {
            return;
        };
        if Some(due) != item.due() {
            let in_time = item
                .judged_due()
                .is_none_or(|old| item.hold.as_ref().is_none_or(|hold| hold.since <= old));
            let provisional = self.is_provisional(self.at, due);
            let why = DueReason::Resumed;
            self.set_deadline(key, NewDeadline { due, why, by: None, in_time, provisional });
        }
    }

    pub(super) fn skip(&mut self, key: &ItemKey, reason: &str) -> Result<(), Refusal> {
        let reason = reason_of("skip", reason)?;
        self.may_supervise("skip", key.as_str())?;
        self.not_closed("skip", key)?;
        let why = SkipReason::Dropped(reason);
        self.push(Fact::ItemSkipped { item: key.clone(), why });
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
            self.not_closed("cancel", key)?;
            self.cancel_item(key, reason);
            return Ok(());
        }
        let open: Vec<ItemKey> = self
            .case
            .items()
            .filter(|item| !item.status.is_closed())
            .map(|item| item.key.clone())
            .collect();
        self.push(Fact::CaseCancelled { reason: reason.clone() });
        for key in open {
            let (item, reason) = (key.clone(), reason.clone());
            self.push(Fact::ItemCancelled { item, reason });
            self.hook(Hook::Cancelled, &key);
        }
        Ok(())
    }

    fn cancel_item(&mut self, key: &ItemKey, reason: String) {
        self.push(Fact::ItemCancelled { item: key.clone(), reason });
        self.settled.push_back(Settle::Closed(key.clone()));
        self.hook(Hook::Cancelled, key);
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
        if item.kind != ItemKind::Task {
            let why = "only a task of the workflow is looked back at";
            return Err(Refusal::NotApplicable { act: "reopen", item: key.to_string(), why });
        }
        if due.is_some_and(|due| due <= self.at) {
            return Err(Refusal::OutOfRange { what: "due", range: "in the future" });
        }
        if self.case.head().status != CaseStatus::Open {
            self.push(Fact::CaseReopened);
        }
        let stall_at = self.silence(&item);
        self.push(Fact::Reopened { item: key.clone(), reason: reason.clone(), stall_at });
        if let Some(due) = due {
            let provisional = self.is_provisional(self.at, due);
            let why = DueReason::Reopened(reason);
            self.set_deadline(key, NewDeadline { due, why, by: None, in_time: true, provisional });
        }
        self.supersede_dependents(key);
        Ok(())
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
            return not_applicable("only an interview or a case is struck off");
        }
        if item.struck_off_at.is_some() {
            return not_applicable("it is struck off already");
        }
        let rectified = self.case.items_of("rectification").any(|other| {
            matches!(&other.kind, ItemKind::Rectification { interview, .. } if interview == key)
                && other.status == Status::Done
        });
        if rectified { Ok(()) } else { not_applicable("its rectification is not accepted") }
    }

    pub(super) fn consent_earlier(&mut self, key: &ItemKey) -> Result<(), Refusal> {
        let act = "consent_earlier";
        self.may_supervise(act, key.as_str())?;
        let item = self.not_closed(act, key)?;
        let Some(due) = item.earlier_due else {
            let why = "no earlier due date is proposed";
            return Err(Refusal::NotApplicable { act, item: key.to_string(), why });
        };
        let why = DueReason::Calendar;
        let provisional = self.is_provisional(self.at, due);
        self.set_deadline(key, NewDeadline { due, why, by: None, in_time: true, provisional });
        Ok(())
    }
}

/// A clock that stands still without a due date keeps nothing, but its ladder and stalls rest.
const NO_DUE: crate::event::Remaining = crate::event::Remaining::Days(0);
