//! Rows: the current state as a store keeps it beside the events.
//!
//! A row repeats nothing that a query does not need: what people filter and sort by stands in
//! columns, the rest in one JSON text.

use std::collections::BTreeSet;

use duban_calendar::Instant;
use duban_model::Definition;
use serde::{Deserialize, Serialize};

use crate::attention::kinds_of;
use crate::case::{Case, CaseHead};
use crate::command::Message;
use crate::decide::Decision;
use crate::event::{Event, Sent};
use crate::fact::Fact;
use crate::ids::{CaseId, ItemKey};
use crate::item::Item;
use crate::light::turns;

/// The row of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRow {
    /// Its id.
    pub id: String,
    /// The suite.
    pub suite: String,
    /// The workflow.
    pub workflow: String,
    /// The unit.
    pub unit: String,
    /// The period's key, for example `2022`.
    pub period: Option<String>,
    /// The workflow's title.
    pub title: String,
    /// `open`, `closed`, `struck_off` or `cancelled`.
    pub status: String,
    /// Whether it is left alone because it failed.
    pub faulted: bool,
    /// The hash of its definition.
    pub definition: String,
    /// Events so far.
    pub version: u64,
    /// When it is to be looked at next, in milliseconds UTC.
    pub next_wakeup: Option<i64>,
    /// When it was opened, in milliseconds UTC.
    pub opened_at: i64,
    /// When it closed, in milliseconds UTC.
    pub closed_at: Option<i64>,
    /// Kinds of attention that the case itself needs, each once, joined by spaces; `None`: none.
    #[serde(default)]
    pub attention: Option<String>,
    /// The [`CaseHead`] as JSON.
    pub data: String,
}

/// The row of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemRow {
    /// Its case.
    pub case: String,
    /// Its key.
    pub key: String,
    /// Its task, or `interview`, `rectification`, `extra`.
    pub task: String,
    /// The unit it is shown under.
    pub unit: String,
    /// Its status, one of [`Status::as_str`](crate::Status::as_str).
    pub status: String,
    /// Whether work on it has stopped.
    pub held: bool,
    /// Who owes it.
    pub owner: Option<String>,
    /// On whom it waits now; several are joined by a space.
    pub waiting_on: Option<String>,
    /// Since when, in milliseconds UTC.
    pub since: i64,
    /// The due date, in milliseconds UTC.
    pub due: Option<i64>,
    /// When its light turns yellow, in milliseconds UTC.
    pub yellow_at: Option<i64>,
    /// When its light turns red, in milliseconds UTC.
    pub red_at: Option<i64>,
    /// A duty's window, for example `2022-H1`.
    pub window: Option<String>,
    /// Kinds of attention that it needs, each once, joined by spaces; `None`: none.
    #[serde(default)]
    pub attention: Option<String>,
    /// The [`Item`] as JSON.
    pub data: String,
}

/// What must leave the case once its events are durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The case.
    pub case: String,
    /// The position of its event: with the case, the delivery's stable id. 0: no event sends it,
    /// and `case` alone is the id.
    pub seq: u64,
    /// `message` for another case; otherwise the kind of notification, for example `remind`.
    pub kind: String,
    /// When it came about, in milliseconds UTC.
    pub at: i64,
    /// What it carries.
    pub body: Body,
}

impl Outgoing {
    /// The delivery's stable id, `CASE-SEQ`; what no event sends has a name of its own.
    pub fn id(&self) -> String {
        match self.seq {
            0 => self.case.clone(),
            seq => format!("{}-{seq}", self.case),
        }
    }
}

/// What a delivery carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A message for people.
    People(Box<Sent>),
    /// A message for another case, with its number.
    Case(u64, Box<Message>),
}

impl CaseRow {
    /// The row of a case as it is now.
    pub fn of(case: &Case) -> Self {
        let head = case.head();
        Self {
            id: case.id().as_str().to_owned(),
            suite: head.name.suite.to_string(),
            workflow: head.name.workflow.to_string(),
            unit: head.name.unit.to_string(),
            period: head.name.period.map(|period| period.key()),
            title: head.title.clone(),
            status: head.status.as_str().to_owned(),
            faulted: head.faulted.is_some(),
            definition: head.definition.to_string(),
            version: head.version,
            next_wakeup: case.next_wakeup().map(Instant::millis),
            opened_at: head.opened_at.millis(),
            closed_at: head.closed_at.map(Instant::millis),
            attention: kinds_of(&head.attention),
            data: serde_json::to_string(head).expect("invariant: a head is plain data"),
        }
    }
}

impl ItemRow {
    /// The row of an item as it is now.
    pub fn of(case: &CaseId, item: &Item, definition: &Definition) -> Self {
        let turns = turns(item, definition);
        let waiting: Vec<String> = item.in_hands_of().iter().map(ToString::to_string).collect();
        Self {
            case: case.as_str().to_owned(),
            key: item.key.as_str().to_owned(),
            task: item.task.to_string(),
            unit: item.unit.to_string(),
            status: item.status.as_str().to_owned(),
            held: !item.holds.is_empty(),
            owner: item.owner.as_ref().map(ToString::to_string),
            waiting_on: (!waiting.is_empty()).then(|| waiting.join(" ")),
            since: item.since.millis(),
            due: item.due().map(Instant::millis),
            yellow_at: turns.yellow_at.map(Instant::millis),
            red_at: turns.red_at.map(Instant::millis),
            window: item.window.map(|window| window.key()),
            attention: kinds_of(&item.attention),
            data: serde_json::to_string(item).expect("invariant: an item is plain data"),
        }
    }
}

/// Why stored rows are no case.
#[derive(Debug, thiserror::Error)]
#[error("row `{row}` of case `{case}` cannot be read; run `duban rebuild`")]
pub struct RowError {
    /// The case.
    pub case: String,
    /// The row: `case`, or an item's key.
    pub row: String,
    /// What the reader said.
    #[source]
    pub source: serde_json::Error,
}

/// Makes a case from the JSON texts of its rows: the head's, then `(key, text)` of each item.
///
/// # Errors
///
/// [`RowError`] names the first row that cannot be read.
pub fn case_from_texts<'a>(
    id: &str,
    head: &str,
    items: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Case, RowError> {
    let unreadable = |row: &str| {
        let (case, row) = (id.to_owned(), row.to_owned());
        move |source| RowError { case, row, source }
    };
    let head: CaseHead = serde_json::from_str(head).map_err(unreadable("case"))?;
    let items: Vec<Item> = items
        .into_iter()
        .map(|(key, text)| serde_json::from_str(text).map_err(unreadable(key)))
        .collect::<Result<_, _>>()?;
    Ok(Case::from_rows(head, items))
}

/// What an event sends out, if anything. Collapsed messages stay in the log.
#[expect(clippy::too_many_lines, reason = "one pattern for each fact that sends nothing")]
pub fn outgoing(case: &CaseId, event: &Event) -> Option<Outgoing> {
    let (kind, body) = match &event.fact {
        Fact::Sent(sent) if !sent.collapsed => {
            let told = Sent { names: event.names.clone(), ..Sent::clone(sent) };
            (sent.kind.as_str().to_owned(), Body::People(Box::new(told)))
        }
        Fact::MessageSent { number, message, .. } => {
            ("message".to_owned(), Body::Case(*number, Box::new(message.clone())))
        }
        Fact::Sent(_)
        | Fact::CaseOpened { .. }
        | Fact::WindowsPlanned { .. }
        | Fact::ItemsAdded { .. }
        | Fact::ItemOpened { .. }
        | Fact::ItemHeldUntil { .. }
        | Fact::ItemReady { .. }
        | Fact::OwnerMissing { .. }
        | Fact::ItemSkipped { .. }
        | Fact::ItemCarried { .. }
        | Fact::Signed { .. }
        | Fact::Reported { .. }
        | Fact::Submitted { .. }
        | Fact::Withdrawn { .. }
        | Fact::Countersigned { .. }
        | Fact::ReviewRefused { .. }
        | Fact::Accepted { .. }
        | Fact::Returned { .. }
        | Fact::Superseded { .. }
        | Fact::AnswerOverdue { .. }
        | Fact::ExtensionLapsed { .. }
        | Fact::SuspensionAsked { .. }
        | Fact::SuspensionRefused { .. }
        | Fact::CaseSuspended { .. }
        | Fact::CaseResumed
        | Fact::Rescheduled { .. }
        | Fact::JudgementDeferred { .. }
        | Fact::Reopened { .. }
        | Fact::ExtensionAsked { .. }
        | Fact::ExtensionRefused { .. }
        | Fact::DeadlineSet { .. }
        | Fact::EarlierDueProposed { .. }
        | Fact::Transferred { .. }
        | Fact::Delegated { .. }
        | Fact::ReviewersChanged { .. }
        | Fact::Held { .. }
        | Fact::Released { .. }
        | Fact::ItemCancelled { .. }
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
        | Fact::StruckOff { .. }
        | Fact::VarSet { .. }
        | Fact::Scored { .. }
        | Fact::Logged { .. }
        | Fact::ScriptFailed { .. }
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
        | Fact::CaseCancelled { .. }
        | Fact::Migrated { .. }
        | Fact::NeedsChanged { .. }
        | Fact::PlanMoved { .. }
        | Fact::RungsArmed { .. }
        | Fact::ReviewPlanned { .. }
        | Fact::CadenceTaken { .. }
        | Fact::Mended { .. }
        | Fact::EntryCounted { .. }
        | Fact::AxesDiffer { .. }
        | Fact::HandedOver { .. }
        | Fact::FinishesAsItIs { .. }
        | Fact::BoundReached { .. }
        | Fact::CalendarApplied { .. }
        | Fact::LatenessWithdrawn { .. }
        | Fact::AttentionNeeded { .. }
        | Fact::AttentionEnded { .. }
        | Fact::NeedAwaited { .. }
        | Fact::NeedMissing { .. }
        | Fact::NeedFound { .. }
        | Fact::NeedEnded { .. }
        | Fact::OpeningHeld { .. }
        | Fact::SeatFilled { .. }
        | Fact::TakenBack { .. }
        | Fact::Faulted { .. }
        | Fact::Repaired { .. } => return None,
    };
    let case = case.as_str().to_owned();
    Some(Outgoing { case, seq: event.seq, kind, at: event.at.millis(), body })
}

/// Keys of the items whose rows a decision may have changed. A migration may change all of them:
/// lights and tasks are the definition's.
pub fn changed(decision: &Decision) -> BTreeSet<ItemKey> {
    let migrates = |event: &Event| matches!(event.fact, Fact::Migrated { .. });
    if decision.events.iter().any(migrates) {
        return decision.case.items().map(|item| item.key.clone()).collect();
    }
    decision.events.iter().flat_map(touched).collect()
}

/// Keys of the items that an event may have changed.
pub fn touched(event: &Event) -> impl Iterator<Item = ItemKey> {
    let mut keys: Vec<ItemKey> = event.fact.item().cloned().into_iter().collect();
    if let Fact::ItemsAdded { items, .. } = &event.fact {
        keys.extend(items.iter().map(|item| item.key.clone()));
    }
    if let Fact::TakenBack(wrong) = &event.fact {
        keys.extend(wrong.items.iter().map(|item| item.key.clone()));
    }
    keys.into_iter()
}
