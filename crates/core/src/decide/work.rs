//! The owner's moves: sign for, report, submit, ask for more time, pass on.

use std::sync::Arc;

use duban_calendar::{Instant, date_of};
use duban_model::{Assignee, Hook, Judged, PersonId, TaskDef, says_nothing};
use duban_script::{Scene, Value};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::in_person::may_delegate_make;
use super::scene::fields_of;
use super::signers::Closing;
use super::{Turn, reason_of};
use crate::authority::principal;
use crate::command::{Actor, Evidence};
use crate::event::{DueReason, Notification, ReviewPlan, Schedule};
use crate::fact::Fact;
use crate::form;
use crate::ids::ItemKey;
use crate::item::{Armed, Item, Status};
use crate::refusal::{ExtensionRefusal, Refusal, Why};

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

    /// The owner, whoever stands in for them, or whoever handles the task for them. What is to be
    /// done in person knows no stand-in, and whoever handles it reports and submits alone.
    pub(super) fn may_work(&self, act: &'static str, item: &Item) -> Result<PersonId, Refusal> {
        let directory = &self.env.directory;
        let person = principal(act, item.key.as_str(), &self.actor, directory, self.today())?;
        let in_person = self.is_in_person(item);
        let stands_in = matches!(&self.actor, Actor::Person { on_behalf_of: Some(_), .. });
        if in_person && stands_in {
            return Err(Refusal::InPerson(item.key.clone()));
        }
        if self.owners_of(item).contains(&person) {
            return Ok(person);
        }
        if item.handler.as_ref() == Some(&person) {
            if in_person && !may_delegate_make(act) {
                return Err(Refusal::InPerson(item.key.clone()));
            }
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
            return Err(Refusal::OutOfRange {
                what: "percent",
                range: Why::new("0 to 100", "0 到 100"),
            });
        }
        check_texts(text, evidence)?;
        if says_nothing(text) {
            let why = Why::new("the text must say what was done", "须写明进展情况");
            let why = why.about("text");
            return Err(Refusal::Unsuitable { act: "report", item: key.to_string(), why });
        }
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
        let form = form::check(&fields_of(&named, task), form, &self.env.directory, self.today())?;
        check_evidence(task, evidence)?;
        let meant = self.occurrence(&named, task, &form, evidence)?;
        let (item, key) = (&meant.item, &meant.item.key);
        if item.asked.is_some() {
            self.lapse(key);
            // While the answer was owed nobody was late.
            self.begin_after_answer(item, DueReason::NotAnswered);
        }
        let value = self.indicator_value(task, key, &form);
        let (review_due, arming) = self.review_deadline(key, item);
        self.push(Fact::Submitted {
            item: key.clone(),
            form,
            evidence: evidence.to_vec(),
            value,
            counts: meant.counts,
            makes_up: meant.makes_up,
            event: meant.event.clone(),
            review_due,
            arming,
        });
        self.judge_if(key, value.is_some(), &[Judged::First, Judged::Always]);
        self.hook(Hook::Submitted, key);
        if item.review.members.is_empty() && self.status(key) == Some(Status::Submitted) {
            self.complete(key, Closing::default());
        }
        Ok(())
    }

    pub(super) fn scene_with_form(&mut self, key: &ItemKey, form: &Map<String, Json>) -> Scene {
        let mut scene = self.scene(Some(key));
        if let Some(item) = &mut scene.item {
            Arc::make_mut(item).form = Arc::new(form.clone());
        }
        scene
    }

    pub(super) fn indicator_value(
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
    pub(super) fn judge_if(&mut self, key: &ItemKey, has_value: bool, when: &[Judged]) {
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
        if item.review.members.iter().any(|member| item.review.has_answered(member)) {
            return Err(Refusal::NotApplicable {
                act: "withdraw",
                item: key.to_string(),
                why: Why::new("a reviewer has answered already", "已有审核人表态"),
            });
        }
        if item.blocked().is_some() {
            return Err(Refusal::Suspended(key.clone()));
        }
        let is_new = self.is_new_to(&item);
        self.push(Fact::Withdrawn { item: key.clone() });
        if is_new {
            self.begin_with_withdrawn(&item);
        } else {
            self.judge_again(key);
            self.keep_distance(&item);
        }
        self.pass_over(key);
        self.count_on(&item);
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
        let (answer_due, arming) = self.review_deadline(key, &item);
        self.push(Fact::ExtensionAsked {
            item: key.clone(),
            until,
            reason: reason.clone(),
            answer_due,
            arming,
        });
        self.notify_asked(&item, until, &reason);
        Ok(())
    }

    /// A request for extension that is open has come to somebody else: they have the time to answer
    /// that everybody has.
    pub(super) fn ask_anew(&mut self, key: &ItemKey) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let Some(asked) = &item.asked else { return };
        let (answer_due, arming) = self.review_deadline(key, &item);
        let answer_armed = arming.map(|arming| Armed::towards(&arming, item.extensions + 1));
        let schedule = Schedule { answer_due, answer_armed, ..Schedule::default() };
        if schedule != Schedule::default() {
            self.push(Fact::Rescheduled { item: key.clone(), schedule: Box::new(schedule) });
        }
        self.notify_asked(&item, asked.until, &asked.reason);
    }

    fn notify_asked(&mut self, item: &Item, until: Instant, reason: &str) {
        let (title, until) = (self.title(&item.key), self.date(until));
        let text = format!("“{title}”申请延期至{until}：{reason}");
        self.notify(Notification::Ask, Some(&item.key), item.review.members.clone(), text);
    }

    fn may_extend(&mut self, item: &Item, until: Instant) -> Result<(), ExtensionRefusal> {
        let definition = Arc::clone(&self.definition);
        let allowed = Self::task(&definition, item).and_then(|task| task.extension.as_ref());
        let due = item.due();
        let scene = self.scene(Some(&item.key));
        let ends = match allowed.and_then(|allowed| allowed.apply_before.as_ref()) {
            Some(expr) => self.read_instant("apply_before", expr, &scene).or(due),
            None => due,
        };
        if allowed.is_some()
            && let Some(ends) = ends
            && self.at > ends
        {
            return Err(ExtensionRefusal::TooLate(date_of(ends, self.tz())));
        }
        self.may_be_extended(item, until)
    }

    /// Whether somebody could still review an item that passes to another owner.
    pub(super) fn may_pass_to(&self, item: &Item, to: &Assignee) -> bool {
        self.leaves_reviewers(item, Some(to), None, self.signers_after(item, to))
    }

    /// Gives an item another owner, and another reviewer where the old one is the new owner.
    pub(super) fn reassign(&mut self, key: &ItemKey, to: &Assignee, reason: String) {
        let Some(item) = self.case.item(key).cloned() else { return };
        let members = self.signers_after(&item, to);
        let review = (members != item.review.members).then(|| ReviewPlan {
            manner: item.review.manner,
            members,
            within: item.review.within,
        });
        let others = review.is_some();
        self.push(Fact::Transferred {
            item: key.clone(),
            to: to.clone(),
            holder: self.env.directory.holders(to).first().cloned(),
            review,
            reason,
            from: item.holder.clone(),
            late: self.left_late(&item),
        });
        if others {
            self.ask_anew(key);
        }
    }

    pub(super) fn delegate(
        &mut self,
        key: &ItemKey,
        to: Option<&PersonId>,
        reason: Option<&str>,
    ) -> Result<(), Refusal> {
        let item = self.workable("delegate", key)?;
        let person = self.may_work("delegate", &item)?;
        let unsuitable =
            |why| Err(Refusal::Unsuitable { act: "delegate", item: key.to_string(), why });
        if let Some(to) = to {
            if self.env.directory.person(to).is_none() {
                return unsuitable(
                    Why::new("the person is not in the directory", "通讯录中没有此人").about("to"),
                );
            }
            if *to == person {
                return unsuitable(
                    Why::new("nobody delegates to themselves", "不能委托给自己").about("to"),
                );
            }
            let members = item.review.members.clone();
            if !self.leaves_reviewers(&item, item.owner.as_ref(), Some(to), members) {
                return unsuitable(
                    Why::new("nobody could review it then", "委托后无人可以审核").about("to"),
                );
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
        let text = match text.map(str::trim).filter(|text| !says_nothing(text)) {
            Some(text) => text.to_owned(),
            None => format!("请抓紧办理“{}”。", self.title(key)),
        };
        check_texts(&text, &[])?;
        let to = self.manned(item.waiting_on().into_iter().cloned().collect());
        if to.is_empty() {
            let why = Why::new(
                "nobody holds the post; fill it, or hand the task on",
                "岗位无人在岗，请先补上任职人员，或转办、加签",
            );
            return Err(Refusal::NotApplicable { act: "urge", item: key.to_string(), why });
        }
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
        return Err(Refusal::OutOfRange {
            what: "text",
            range: Why::new("at most 20000 characters", "不超过 20000 字"),
        });
    }
    if evidence.len() > FILES_MAX {
        return Err(Refusal::OutOfRange {
            what: "evidence",
            range: Why::new("at most 100 files", "不超过 100 个文件"),
        });
    }
    form::check_readable("text", text)?;
    for file in evidence {
        form::check_readable("evidence", &file.name)?;
        form::check_readable("evidence", &file.file)?;
    }
    let blank = |file: &Evidence| says_nothing(&file.name) || says_nothing(&file.file);
    if evidence.iter().any(|file| blank(file) || too_long(&file.name) || too_long(&file.file)) {
        return Err(Refusal::OutOfRange {
            what: "evidence",
            range: Why::new("files with a name and a reference", "有名称和引用的文件"),
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
