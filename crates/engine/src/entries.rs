//! What of an event is to be found by a search: the texts that people wrote, and what things are
//! called.
//!
//! Texts are taken from the event that said them and never change. Names are taken from the case
//! as it is now; an event only tells that they may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_core::{
    Actor, CaseHead, CaseRow, Event, Evidence, Fact, HoldCause, Item, ItemKey, ItemKind,
    Notification, Sent, SkipReason, Teller, decode, touched,
};
use duban_model::{Assignee, Definition, DefinitionHash, Directory};
use duban_script::SlipColour;
use duban_store::{Entry, EntryKind, EventRow, Indexed, Store};
use serde_json::{Map, Value as Json};

use crate::error::EngineError;
use crate::shared::Shared;

/// Characters of one entry that are indexed; what is written beyond them is not found.
const TEXT_CHARS_MAX: usize = 20_000;

/// Makes entries of events. Each case is read once.
pub(crate) struct Reader<'a, S> {
    shared: &'a Shared<S>,
    directory: Arc<Directory>,
    cases: BTreeMap<String, Option<Subject>>,
    named: BTreeSet<(String, Option<ItemKey>)>,
    entries: Vec<Indexed>,
}

/// A case with what it runs on.
#[derive(Clone)]
struct Subject {
    row: Arc<CaseRow>,
    definition: Arc<Definition>,
}

impl<'a, S: Store> Reader<'a, S> {
    pub(crate) fn new(shared: &'a Shared<S>) -> Self {
        let directory = shared.library.directory();
        let (cases, named, entries) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Self { shared, directory, cases, named, entries }
    }

    /// What was found, in the order of the events.
    pub(crate) fn entries(self) -> Vec<Indexed> {
        self.entries
    }

    /// Takes an event in. What cannot be read is passed over: no case may hold up the others.
    pub(crate) async fn read(&mut self, row: &EventRow) -> Result<(), EngineError> {
        let event = match decode(&row.text) {
            Ok(event) => event,
            Err(error) => {
                let what = format!("event {}", row.seq);
                self.shared.note_unreadable(&row.case, &what, &error);
                return Ok(());
            }
        };
        let said = said(&event.fact);
        let (case, items) = renamed(&event);
        if said.is_none() && !case && items.is_empty() {
            return Ok(());
        }
        let Some(subject) = self.subject(&row.case).await? else { return Ok(()) };
        if case && self.named.insert((row.case.clone(), None)) {
            match self.name_case(&subject) {
                Ok(entry) => self.entries.push(entry),
                Err(error) => tracing::warn!(case = row.case, %error, "a case is not indexed"),
            }
        }
        for key in self.with_all(&event.fact, &row.case, items).await? {
            if self.named.insert((row.case.clone(), Some(key.clone()))) {
                self.name_item(&subject, &key).await?;
            }
        }
        if let Some((kind, text)) = said {
            self.say(&subject, &event, kind, text).await?;
        }
        Ok(())
    }

    async fn subject(&mut self, case: &str) -> Result<Option<Subject>, EngineError> {
        if let Some(known) = self.cases.get(case) {
            return Ok(known.clone());
        }
        let subject = match self.shared.store.case(case).await? {
            Some(row) => {
                let hash = DefinitionHash::new(&row.definition);
                match self.shared.library.program(&hash).await {
                    Ok(program) => {
                        let definition = Arc::clone(program.definition());
                        Some(Subject { row: Arc::new(row), definition })
                    }
                    Err(EngineError::NoDefinition(_)) => None,
                    Err(error) => return Err(error),
                }
            }
            None => None,
        };
        self.cases.insert(case.to_owned(), subject.clone());
        Ok(subject)
    }

    /// Another definition may call every item by another name.
    async fn with_all(
        &self,
        fact: &Fact,
        case: &str,
        mut items: Vec<ItemKey>,
    ) -> Result<Vec<ItemKey>, EngineError> {
        if let Fact::Migrated { .. } = fact
            && let Some(stored) = self.shared.store.load(case).await?
        {
            items.extend(stored.items.iter().map(|(key, _)| ItemKey::new(key)));
        }
        Ok(items)
    }

    fn name_case(&self, subject: &Subject) -> Result<Indexed, serde_json::Error> {
        let row = &subject.row;
        let head: CaseHead = serde_json::from_str(&row.data)?;
        let mut names = vec![row.title.clone(), self.unit_name(&row.unit)];
        names.extend(subject.definition.workflow.basis.iter().cloned());
        names.extend(head.lead.iter().chain(&head.with).map(|one| self.directory.name_of(one)));
        names.extend(head.name.period.map(|period| period.name()));
        let entry = Entry {
            case: row.id.clone(),
            seq: 0,
            item: None,
            kind: EntryKind::Case,
            unit: row.unit.clone(),
            at: row.opened_at,
            title: row.title.clone(),
            text: cut(values(&head.form)),
        };
        Ok(Indexed { entry, names: names.join(" "), place: String::new() })
    }

    async fn name_item(&mut self, subject: &Subject, key: &ItemKey) -> Result<(), EngineError> {
        let row = &subject.row;
        let Some(stored) = self.shared.store.item(&row.id, key.as_str()).await? else {
            return Ok(());
        };
        let Ok(item) = serde_json::from_str::<Item>(&stored.data) else {
            tracing::warn!(case = row.id, item = key.as_str(), "an item is not indexed");
            return Ok(());
        };
        let (kind, text) = match &item.kind {
            ItemKind::Task => (EntryKind::Task, String::new()),
            ItemKind::Interview { why, who, .. } => {
                let who = self.directory.name_of(who);
                (EntryKind::Interview, format!("约谈{who}：{why}"))
            }
            ItemKind::Rectification { why, .. } => (EntryKind::Interview, why.clone()),
            ItemKind::Extra { why, .. } => (EntryKind::Task, why.clone().unwrap_or_default()),
        };
        let title = subject.teller(&self.directory).item_title(&item);
        let unit = self.unit_name(&stored.unit);
        let owner = item.owner.as_ref().map(|owner| self.directory.name_of(owner));
        let mut names = vec![title.clone()];
        // A post is called after its unit.
        names.extend(Some(unit).filter(|unit| !owner.iter().any(|owner| owner.contains(unit))));
        names.extend(owner);
        let people = item.holder.iter().chain(&item.handler);
        names.extend(people.map(|one| self.directory.name_of(&Assignee::Person(one.clone()))));
        let entry = Entry {
            case: row.id.clone(),
            seq: 0,
            item: Some(stored.key),
            kind,
            unit: stored.unit,
            at: row.opened_at,
            title,
            text: cut(text),
        };
        self.entries.push(Indexed { entry, names: names.join(" "), place: row.title.clone() });
        Ok(())
    }

    async fn say(
        &mut self,
        subject: &Subject,
        event: &Event,
        kind: EntryKind,
        text: String,
    ) -> Result<(), EngineError> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let row = &subject.row;
        let item = event.fact.item();
        let unit = match item {
            Some(key) => self.shared.store.item(&row.id, key.as_str()).await?.map(|row| row.unit),
            None => None,
        };
        let unit = unit.unwrap_or_else(|| row.unit.clone());
        let title = subject.teller(&self.directory).title_then(event);
        let title = title.unwrap_or_else(|| row.title.clone());
        let is_interview = item.is_some_and(|key| {
            key.as_str().starts_with("interview/") || key.as_str().starts_with("rectification/")
        });
        let kind = match kind {
            EntryKind::Report if is_interview => EntryKind::Interview,
            other => other,
        };
        let mut place = vec![title.clone(), row.title.clone(), self.unit_name(&unit)];
        if let Actor::Person { person, .. } = &event.actor {
            let person = Assignee::Person(person.clone());
            place.push(event.names.name_of(&person, &self.directory));
        }
        let entry = Entry {
            case: row.id.clone(),
            seq: event.seq,
            item: item.map(|key| key.as_str().to_owned()),
            kind,
            unit,
            at: event.at.millis(),
            title,
            text: cut(text),
        };
        self.entries.push(Indexed { entry, names: String::new(), place: place.join(" ") });
        Ok(())
    }

    fn unit_name(&self, unit: &str) -> String {
        self.directory.name_of(&Assignee::Unit(unit.into()))
    }
}

impl Subject {
    fn teller<'t>(&'t self, directory: &'t Directory) -> Teller<'t> {
        Teller::new(&self.definition, directory)
    }
}

/// Whether an event may change what the case is called, and which items it may rename.
fn renamed(event: &Event) -> (bool, Vec<ItemKey>) {
    let case = matches!(event.fact, Fact::CaseOpened { .. } | Fact::Migrated { .. });
    let renames = matches!(
        event.fact,
        Fact::ItemsAdded { .. }
            | Fact::ItemOpened { .. }
            | Fact::ItemReady { .. }
            | Fact::Transferred { .. }
            | Fact::HandedOver { .. }
            | Fact::Delegated { .. }
    );
    (case, if renames { touched(event).collect() } else { Vec::new() })
}

/// What somebody wrote, if the event holds it. What a case's suspension does to its items is found
/// at the case.
#[deny(clippy::wildcard_enum_match_arm)]
#[expect(clippy::too_many_lines, reason = "one pattern for each fact that holds no text")]
fn said(fact: &Fact) -> Option<(EntryKind, String)> {
    let text = match fact {
        Fact::Sent(sent) => return issued(sent),
        Fact::Reported { text, evidence, .. } => with_files(text.clone(), evidence),
        Fact::Submitted { form, evidence, .. } => with_files(values(form), evidence),
        Fact::Returned { reason, .. }
        | Fact::ReviewRefused { reason, .. }
        | Fact::Reopened { reason, .. }
        | Fact::ExtensionAsked { reason, .. }
        | Fact::ExtensionRefused { reason, .. }
        | Fact::Transferred { reason, .. }
        | Fact::HandedOver { reason, .. }
        | Fact::FinishesAsItIs { reason, .. }
        | Fact::ItemCancelled { reason, .. }
        | Fact::CaseCancelled { reason }
        | Fact::SuspensionAsked { reason, .. }
        | Fact::SuspensionRefused { reason, .. }
        | Fact::Mended { reason: Some(reason), .. }
        | Fact::CaseSuspended { reason, .. }
        | Fact::Repaired { reason }
        | Fact::Held {
            cause: HoldCause::Suspended(reason) | HoldCause::Order(reason) | HoldCause::Own(reason),
            ..
        }
        | Fact::ItemSkipped { why: SkipReason::Dropped(reason), .. } => reason.clone(),
        Fact::Countersigned { text, .. }
        | Fact::Accepted { text, .. }
        | Fact::StruckOff { text, .. }
        | Fact::Delegated { reason: text, .. }
        | Fact::ReviewersChanged { reason: text, .. } => text.clone()?,
        Fact::Held {
            cause: HoldCause::Item(_) | HoldCause::Case(_) | HoldCause::Above(_), ..
        }
        | Fact::ItemSkipped {
            why:
                SkipReason::When
                | SkipReason::Needs
                | SkipReason::Blocked
                | SkipReason::Earlier
                | SkipReason::Excused
                | SkipReason::TooShort
                | SkipReason::TookOver(_),
            ..
        }
        | Fact::CaseOpened { .. }
        | Fact::WindowsPlanned { .. }
        | Fact::ItemsAdded { .. }
        | Fact::ItemOpened { .. }
        | Fact::ItemHeldUntil { .. }
        | Fact::ItemReady { .. }
        | Fact::OwnerMissing { .. }
        | Fact::ItemCarried { .. }
        | Fact::Signed { .. }
        | Fact::Withdrawn { .. }
        | Fact::Superseded { .. }
        | Fact::AnswerOverdue { .. }
        | Fact::ExtensionLapsed { .. }
        | Fact::CaseResumed
        | Fact::Rescheduled { .. }
        | Fact::JudgementDeferred { .. }
        | Fact::DeadlineSet { .. }
        | Fact::EarlierDueProposed { .. }
        | Fact::Released { .. }
        | Fact::RungFired { .. }
        | Fact::StartOverdue { .. }
        | Fact::DueSoon { .. }
        | Fact::Overdue { .. }
        | Fact::ReviewOverdue { .. }
        | Fact::ReportMissed { .. }
        | Fact::ReportKept { .. }
        | Fact::Stalled { .. }
        | Fact::PlanChecked { .. }
        | Fact::WindowJudged { .. }
        | Fact::MadeUp { .. }
        | Fact::PapersLate { .. }
        | Fact::IndicatorJudged { .. }
        | Fact::Unrectified { .. }
        | Fact::Referred { .. }
        | Fact::VarSet { .. }
        | Fact::Scored { .. }
        | Fact::Logged { .. }
        | Fact::ScriptFailed { .. }
        | Fact::MessageSent { .. }
        | Fact::Watched(_)
        | Fact::NeedAnswered { .. }
        | Fact::WatchAnswered { .. }
        | Fact::ChildClosed { .. }
        | Fact::SubCaseOpened { .. }
        | Fact::SubCaseLeft { .. }
        | Fact::SubCaseEnded { .. }
        | Fact::SubCaseSilent { .. }
        | Fact::ParentSaid { .. }
        | Fact::Renewed
        | Fact::CaseClosed
        | Fact::CaseReopened
        | Fact::Migrated { .. }
        | Fact::NeedsChanged { .. }
        | Fact::PlanMoved { .. }
        | Fact::RungsArmed { .. }
        | Fact::ReviewPlanned { .. }
        | Fact::CadenceTaken { .. }
        | Fact::CalendarApplied { .. }
        | Fact::LatenessWithdrawn { .. }
        | Fact::Mended { reason: None, .. }
        | Fact::EntryCounted { .. }
        | Fact::AxesDiffer { .. }
        | Fact::AttentionNeeded { .. }
        | Fact::AttentionEnded { .. }
        | Fact::NeedAwaited { .. }
        | Fact::NeedMissing { .. }
        | Fact::NeedFound { .. }
        | Fact::NeedEnded { .. }
        | Fact::OpeningHeld { .. }
        | Fact::SeatFilled { .. }
        | Fact::BoundReached { .. }
        | Fact::TakenBack { .. }
        | Fact::Faulted { .. } => return None,
    };
    Some((EntryKind::Report, text))
}

/// Slips, notices and referrals that went out, with their colours and numbers.
fn issued(sent: &Sent) -> Option<(EntryKind, String)> {
    let kind = match sent.kind {
        Notification::Slip => EntryKind::Slip,
        Notification::Notice => EntryKind::Notice,
        Notification::Refer => EntryKind::Referral,
        Notification::Remind
        | Notification::Urge
        | Notification::Interview
        | Notification::Ask
        | Notification::Tell
        | Notification::Alarm
        | Notification::Emit => return None,
    };
    if sent.collapsed {
        return None;
    }
    let colour = sent.colour.map(SlipColour::zh).unwrap_or_default();
    let number = sent.number.map(|number| format!("第{number}号")).unwrap_or_default();
    Some((kind, format!("{colour}{}{number} {}", sent.kind.zh(), sent.text)))
}

fn with_files(mut text: String, evidence: &[Evidence]) -> String {
    for file in evidence {
        text.push(' ');
        text.push_str(&file.name);
    }
    text
}

/// The texts and numbers of a form, also those of its lists and tables.
fn values(form: &Map<String, Json>) -> String {
    let mut found = Vec::new();
    form.values().for_each(|value| collect(value, &mut found));
    found.join(" ")
}

fn collect(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::String(text) => found.push(text.clone()),
        Json::Number(number) => found.push(number.to_string()),
        Json::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Json::Object(values) => values.values().for_each(|value| collect(value, found)),
        Json::Null | Json::Bool(_) => {}
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_by_its_colour_and_number() {
        let sent = Sent {
            kind: Notification::Slip,
            item: None,
            to: Vec::new(),
            people: Vec::new(),
            text: "限期整改".to_owned(),
            colour: Some(SlipColour::Yellow),
            number: Some(3),
            data: Map::new(),
            names: duban_core::Names::default(),
            collapsed: false,
        };
        let text = "黄色督办单第3号 限期整改".to_owned();
        assert_eq!(issued(&sent), Some((EntryKind::Slip, text)));
        assert_eq!(issued(&Sent { collapsed: true, ..sent.clone() }), None);
        assert_eq!(issued(&Sent { kind: Notification::Remind, ..sent }), None);
    }

    #[test]
    fn forms_and_files_are_texts() {
        let form = serde_json::json!({
            "topic": "学习", "budget": "12.5", "rows": [{ "name": "甲", "count": 3, "done": true }],
        });
        let text = values(form.as_object().unwrap());
        assert_eq!(text.split(' ').collect::<BTreeSet<_>>(), ["12.5", "3", "学习", "甲"].into());
        let file = Evidence { name: "方案.pdf".to_owned(), file: "sha256:0".to_owned() };
        assert_eq!(with_files(text, &[file]).split(' ').next_back(), Some("方案.pdf"));
        assert_eq!(cut("督".repeat(TEXT_CHARS_MAX + 1)).chars().count(), TEXT_CHARS_MAX);
    }
}
