//! The owner's moves: sign for, report, submit, ask for more time, pass on.

use std::sync::Arc;

use duban_calendar::Instant;
use duban_model::{Assignee, Hook, Judged, PersonId, TaskDef};
use duban_script::{Scene, Value};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::scene::fields_of;
use super::{Turn, reason_of};
use crate::authority::principal;
use crate::command::{Actor, Evidence};
use crate::event::{HoldCause, Notification, ReviewPlan};
use crate::fact::Fact;
use crate::form;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::{ExtensionRefusal, Refusal};

/// The most files that come with one move.
pub(crate) const FILES_MAX: usize = 100;

/// Between two urgings by hand, in milliseconds: a day.
pub(crate) const URGE_COOL_DOWN_MS: i64 = 24 * 60 * 60 * 1000;

impl Turn<'_> {
    /// The item, if it is in one of the statuses in which the move is possible.
    pub(super) fn in_status(
        &self,
        act: &'static str,
        key: &ItemKey,
        statuses: &[Status],
    ) -> Result<Arc<Item>, Refusal> {
        let item = self.item(key)?;
        if statuses.contains(&item.status) {
            Ok(item)
        } else {
            Err(Refusal::WrongStatus { act, item: key.clone(), status: item.status })
        }
    }

    /// The item, if it can be worked on now.
    fn workable(&self, act: &'static str, key: &ItemKey) -> Result<Arc<Item>, Refusal> {
        let item = self.in_status(act, key, &[Status::Ready, Status::Active])?;
        let suspended =
            item.hold.as_ref().is_some_and(|hold| matches!(hold.cause, HoldCause::Suspended(_)));
        if suspended { Err(Refusal::Suspended(key.clone())) } else { Ok(item) }
    }

    /// The owner, whoever stands in for them, or whoever handles the task for them.
    pub(super) fn may_work(&self, act: &'static str, item: &Item) -> Result<PersonId, Refusal> {
        let directory = &self.env.directory;
        let person = principal(act, item.key.as_str(), &self.actor, directory, self.today())?;
        let in_person = Self::task(&self.definition, item).is_some_and(|task| task.in_person);
        let stands_in = matches!(&self.actor, Actor::Person { on_behalf_of: Some(_), .. });
        if in_person && stands_in {
            return Err(Refusal::InPerson(item.key.clone()));
        }
        let owns =
            item.owner.as_ref().is_some_and(|owner| directory.holders(owner).contains(&person));
        if owns || item.handler.as_ref() == Some(&person) {
            return Ok(person);
        }
        Err(Refusal::NotAllowed {
            act,
            item: item.key.to_string(),
            allowed: item.owner.iter().cloned().collect(),
        })
    }

    /// When silence will have lasted too long, counted from now. With a reporting cadence only a
    /// missed report starts it.
    pub(super) fn silence(&self, item: &Item) -> Option<Instant> {
        let reports = item.report_at.is_some();
        item.stall.filter(|_| !reports).and_then(|span| self.after(self.at, span))
    }

    pub(super) fn sign(&mut self, key: &ItemKey) -> Result<(), Refusal> {
        let item = self.in_status("sign", key, &[Status::Ready])?;
        self.workable("sign", key)?;
        self.may_work("sign", &item)?;
        let stall_at = self.silence(&item);
        self.push(Fact::Signed { item: key.clone(), stall_at });
        self.hook(Hook::Signed, key);
        Ok(())
    }

    pub(super) fn report(
        &mut self,
        key: &ItemKey,
        text: &str,
        percent: Option<u8>,
        value: Option<Decimal>,
        evidence: &[Evidence],
    ) -> Result<(), Refusal> {
        let item = self.workable("report", key)?;
        self.may_work("report", &item)?;
        if percent.is_some_and(|percent| percent > 100) {
            return Err(Refusal::OutOfRange { what: "percent", range: "0 to 100" });
        }
        check_texts(text, evidence)?;
        let stall_at = self.silence(&item);
        self.push(Fact::Reported {
            item: key.clone(),
            text: text.to_owned(),
            percent,
            value,
            evidence: evidence.to_vec(),
            stall_at,
        });
        self.judge_if(key, value.is_some(), &[Judged::Always]);
        self.hook(Hook::Reported, key);
        Ok(())
    }

    pub(super) fn submit(
        &mut self,
        key: &ItemKey,
        form: &Map<String, Json>,
        evidence: &[Evidence],
    ) -> Result<(), Refusal> {
        let named = self.workable("submit", key)?;
        self.may_work("submit", &named)?;
        check_texts("", evidence)?;
        let definition = Arc::clone(&self.definition);
        let task = Self::task(&definition, &named);
        let form = form::check(&fields_of(&named, task), form, &self.env.directory)?;
        check_evidence(task, evidence)?;
        let item = match task {
            Some(task) if task.counts.is_some() => self.occurrence(&named, task, &form)?,
            _ => named,
        };
        let key = &item.key;
        let value = self.indicator_value(task, key, &form);
        let (review_due, arming) = self.review_deadline(key, &item);
        self.push(Fact::Submitted {
            item: key.clone(),
            form,
            evidence: evidence.to_vec(),
            value,
            counts: true,
            review_due,
            arming,
        });
        self.judge_if(key, value.is_some(), &[Judged::First, Judged::Always]);
        self.hook(Hook::Submitted, key);
        if item.review.members.is_empty() && self.status(key) == Some(Status::Submitted) {
            self.complete(key, None);
        }
        Ok(())
    }

    /// The occurrence for whose window a submission counts: the one named, or a sibling of the
    /// same axes.
    fn occurrence(
        &mut self,
        named: &Arc<Item>,
        task: &TaskDef,
        form: &Map<String, Json>,
    ) -> Result<Arc<Item>, Refusal> {
        if self.counts_for(named, task, form)? {
            return Ok(Arc::clone(named));
        }
        let siblings: Vec<Arc<Item>> = self
            .case
            .items_of(task.id.as_str())
            .filter(|other| other.axes == named.axes && other.window != named.window)
            .filter(|other| matches!(other.status, Status::Ready | Status::Active))
            .cloned()
            .collect();
        for sibling in siblings {
            if self.counts_for(&sibling, task, form)? {
                return Ok(sibling);
            }
        }
        Err(Refusal::NoWindow(named.key.clone()))
    }

    fn counts_for(
        &mut self,
        item: &Item,
        task: &TaskDef,
        form: &Map<String, Json>,
    ) -> Result<bool, Refusal> {
        let Some(counts) = &task.counts else { return Ok(true) };
        let scene = self.scene_with_form(&item.key, form);
        match self.program().eval(counts, &scene) {
            Ok(Value::Bool(truth)) => Ok(truth),
            Ok(other) => Err(Refusal::Definition {
                key: "counts".to_owned(),
                error: format!("expected a truth value, got {}", other.type_name()),
            }),
            Err(error) => {
                Err(Refusal::Definition { key: "counts".to_owned(), error: error.to_string() })
            }
        }
    }

    fn scene_with_form(&mut self, key: &ItemKey, form: &Map<String, Json>) -> Scene {
        let mut scene = self.scene(Some(key));
        if let Some(item) = &mut scene.item {
            Arc::make_mut(item).form = Arc::new(form.clone());
        }
        scene
    }

    fn indicator_value(
        &mut self,
        task: Option<&TaskDef>,
        key: &ItemKey,
        form: &Map<String, Json>,
    ) -> Option<Decimal> {
        let expr = task?.indicator.as_ref()?.value.as_ref()?;
        let scene = self.scene_with_form(key, form);
        self.read("value", expr, &scene, "数字", Value::to_decimal)
    }

    /// Judges an indicator whose `judged` is one of those given, where a value has come in.
    fn judge_if(&mut self, key: &ItemKey, has_value: bool, when: &[Judged]) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let definition = Arc::clone(&self.definition);
        let indicator = Self::task(&definition, &item).and_then(|task| task.indicator.as_ref());
        let Some(indicator) = indicator else { return };
        let again = indicator.judged == Judged::Always;
        if has_value && when.contains(&indicator.judged) && (again || !item.judged) {
            self.judge_indicator(key);
        }
    }

    pub(super) fn withdraw(&mut self, key: &ItemKey) -> Result<(), Refusal> {
        let item = self.in_status("withdraw", key, &[Status::Submitted])?;
        self.may_work("withdraw", &item)?;
        if !item.review.agreed.is_empty() {
            return Err(Refusal::NotApplicable {
                act: "withdraw",
                item: key.to_string(),
                why: "a reviewer has agreed already",
            });
        }
        self.push(Fact::Withdrawn { item: key.clone() });
        Ok(())
    }

    pub(super) fn ask_extension(
        &mut self,
        key: &ItemKey,
        until: Instant,
        reason: &str,
    ) -> Result<(), Refusal> {
        let item = self.workable("ask_extension", key)?;
        self.may_work("ask_extension", &item)?;
        let reason = reason_of("ask_extension", reason)?;
        self.may_extend(&item, until)
            .map_err(|why| Refusal::Extension { item: key.clone(), why })?;
        self.push(Fact::ExtensionAsked { item: key.clone(), until, reason: reason.clone() });
        let text = format!("“{}”申请延期至{}：{reason}", self.title(key), self.date(until));
        self.notify(Notification::Ask, Some(key), item.review.members.clone(), text);
        Ok(())
    }

    fn may_extend(&mut self, item: &Item, until: Instant) -> Result<(), ExtensionRefusal> {
        let definition = Arc::clone(&self.definition);
        let allowed = Self::task(&definition, item).and_then(|task| task.extension.as_ref());
        let allowed = allowed.ok_or(ExtensionRefusal::None)?;
        let due = item.due().ok_or(ExtensionRefusal::NoDue)?;
        if item.extensions >= allowed.max {
            return Err(ExtensionRefusal::TooMany(item.extensions));
        }
        let scene = self.scene(Some(&item.key));
        let ends = match &allowed.apply_before {
            Some(expr) => self.read_instant("apply_before", expr, &scene).unwrap_or(due),
            None => due,
        };
        if self.at > ends {
            return Err(ExtensionRefusal::TooLate(ends));
        }
        if until <= due {
            return Err(ExtensionRefusal::NotLater(due));
        }
        if let Some(by) = &allowed.by
            && let Some(span) = self.read_span("by", by, &scene)
            && let Some(last) = self.after(due, span)
            && until > last
        {
            return Err(ExtensionRefusal::TooLong(last));
        }
        Ok(())
    }

    pub(super) fn transfer(
        &mut self,
        key: &ItemKey,
        to: &Assignee,
        reason: &str,
    ) -> Result<(), Refusal> {
        let item = self.in_status("transfer", key, &[Status::Ready, Status::Active])?;
        let reason = reason_of("transfer", reason)?;
        if self.may_supervise("transfer", key.as_str()).is_err() {
            self.may_work("transfer", &item)?;
        }
        if self.env.directory.holders(to).is_empty() {
            return Err(Refusal::NotApplicable {
                act: "transfer",
                item: key.to_string(),
                why: "nobody holds the new owner's post",
            });
        }
        self.reassign(key, to, reason);
        Ok(())
    }

    /// Gives an item another owner, and another reviewer where the old one is the new owner.
    pub(super) fn reassign(&mut self, key: &ItemKey, to: &Assignee, reason: String) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let members = if item.review.members.is_empty() {
            Vec::new()
        } else {
            self.separate(Some(to), item.review.members.clone())
        };
        let review = (members != item.review.members).then(|| ReviewPlan {
            manner: item.review.manner,
            members,
            within: item.review.within,
        });
        self.push(Fact::Transferred {
            item: key.clone(),
            to: to.clone(),
            holder: self.env.directory.holders(to).first().cloned(),
            review,
            reason,
        });
    }

    pub(super) fn delegate(
        &mut self,
        key: &ItemKey,
        to: Option<&PersonId>,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let item = self.in_status("delegate", key, &[Status::Ready, Status::Active])?;
        let person = self.may_work("delegate", &item)?;
        let not_applicable =
            |why| Err(Refusal::NotApplicable { act: "delegate", item: key.to_string(), why });
        if let Some(to) = to {
            if self.env.directory.person(to).is_none() {
                return not_applicable("the person is not in the directory");
            }
            if *to == person {
                return not_applicable("nobody delegates to themselves");
            }
        }
        let reason = reason.map(ToOwned::to_owned);
        self.push(Fact::Delegated { item: key.clone(), to: to.cloned(), reason });
        Ok(())
    }

    pub(super) fn urge(&mut self, key: &ItemKey, text: Option<&str>) -> Result<(), Refusal> {
        let item =
            self.in_status("urge", key, &[Status::Ready, Status::Active, Status::Submitted])?;
        self.may_urge(&item)?;
        if let Some(urged) = item.urged_at {
            let until = urged.plus_millis(URGE_COOL_DOWN_MS);
            if self.at < until {
                return Err(Refusal::CoolDown { item: key.clone(), until });
            }
        }
        let text = match text.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => text.to_owned(),
            None => format!("请抓紧办理“{}”。", self.title(key)),
        };
        check_texts(&text, &[])?;
        let to = item.waiting_on().into_iter().cloned().collect();
        self.notify(Notification::Urge, Some(key), to, text);
        Ok(())
    }

    /// The supervision office, the lead, and whoever will review the item.
    fn may_urge(&self, item: &Item) -> Result<(), Refusal> {
        let head = self.case.head();
        let mut allowed: Vec<Assignee> = item.review.members.clone();
        allowed.extend(head.lead.clone());
        allowed.extend(head.supervision.clone());
        let on = item.key.as_str();
        crate::authority::check("urge", on, &self.actor, &allowed, self.env, self.today())
    }
}

fn check_texts(text: &str, evidence: &[Evidence]) -> Result<(), Refusal> {
    let too_long = |text: &str| text.chars().count() > form::TEXT_CHARS_MAX;
    if too_long(text) {
        return Err(Refusal::OutOfRange { what: "text", range: "at most 20000 characters" });
    }
    if evidence.len() > FILES_MAX {
        return Err(Refusal::OutOfRange { what: "evidence", range: "at most 100 files" });
    }
    let blank = |file: &Evidence| file.name.trim().is_empty() || file.file.trim().is_empty();
    if evidence.iter().any(|file| blank(file) || too_long(&file.name) || too_long(&file.file)) {
        return Err(Refusal::OutOfRange {
            what: "evidence",
            range: "files with a name and a reference",
        });
    }
    Ok(())
}

fn check_evidence(task: Option<&TaskDef>, evidence: &[Evidence]) -> Result<(), Refusal> {
    let owed = task.map(|task| task.evidence.as_slice()).unwrap_or_default();
    let missing: Vec<String> = owed
        .iter()
        .filter(|name| !evidence.iter().any(|file| file.name == **name))
        .cloned()
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::EvidenceMissing(missing)) }
}
