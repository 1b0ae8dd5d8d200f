//! The moves that a visitor may make on a task, and the acts that forms ask for.

use duban_calendar::{Instant, Tz, end_of};
use duban_core::{Act, Actor, CaseId, Evidence, Item, Refusal};
use duban_engine::{Engine, EngineError};
use duban_model::{Assignee, Directory, Field};
use duban_store::Store;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;

use crate::pages::Failure;
use crate::pages::fields::{self, Sent};
use crate::sight::Sight;

/// A kind of move: its name in forms, what people read, and what its form asks for.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) zh: &'static str,
    pub(crate) en: &'static str,
    pub(crate) asks: Asks,
}

/// What a move's form asks for beside a button.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Asks {
    /// Nothing.
    Nothing,
    /// A text that may be left out.
    Remark,
    /// A reason that is owed.
    Reason,
    /// Text, percentage, value, files.
    Report,
    /// The task's form and files.
    Form,
    /// A date and a reason.
    Date,
    /// An assignee and a reason.
    Assignee,
}

const KINDS: &[Kind] = &[
    Kind { name: "sign", zh: "签收", en: "Sign for", asks: Asks::Nothing },
    Kind { name: "report", zh: "反馈进展", en: "Report", asks: Asks::Report },
    Kind { name: "submit", zh: "申请办结", en: "Submit", asks: Asks::Form },
    Kind { name: "withdraw", zh: "撤回申请", en: "Withdraw", asks: Asks::Nothing },
    Kind { name: "accept", zh: "同意办结", en: "Accept", asks: Asks::Remark },
    Kind { name: "return", zh: "退回", en: "Return", asks: Asks::Reason },
    Kind {
        name: "ask_extension", zh: "申请延期", en: "Ask for an extension", asks: Asks::Date
    },
    Kind { name: "grant_extension", zh: "同意延期", en: "Grant", asks: Asks::Nothing },
    Kind { name: "refuse_extension", zh: "不同意延期", en: "Refuse", asks: Asks::Reason },
    Kind { name: "urge", zh: "催办", en: "Urge", asks: Asks::Remark },
    Kind { name: "transfer", zh: "转办", en: "Transfer", asks: Asks::Assignee },
    Kind { name: "delegate", zh: "委托", en: "Delegate", asks: Asks::Assignee },
    Kind { name: "suspend", zh: "挂起", en: "Suspend", asks: Asks::Reason },
    Kind { name: "resume", zh: "恢复", en: "Resume", asks: Asks::Nothing },
    Kind { name: "skip", zh: "跳过", en: "Skip", asks: Asks::Reason },
    Kind { name: "cancel", zh: "中止", en: "Cancel", asks: Asks::Reason },
    Kind { name: "reopen", zh: "回头看，重新办理", en: "Reopen", asks: Asks::Reason },
    Kind { name: "strike_off", zh: "销号", en: "Strike off", asks: Asks::Remark },
    Kind { name: "consent_earlier", zh: "同意期限提前", en: "Consent", asks: Asks::Nothing },
];

/// A move that may be made, and in whose name.
pub(crate) struct Offer {
    pub(crate) kind: &'static Kind,
    pub(crate) on_behalf_of: String,
    pub(crate) on_behalf_name: String,
}

impl Offer {
    pub(crate) fn asks(&self, what: &str) -> bool {
        match what {
            "remark" => self.kind.asks == Asks::Remark,
            "reason" => matches!(self.kind.asks, Asks::Reason | Asks::Date | Asks::Assignee),
            "report" => self.kind.asks == Asks::Report,
            "form" => self.kind.asks == Asks::Form,
            "date" => self.kind.asks == Asks::Date,
            "assignee" => self.kind.asks == Asks::Assignee,
            "files" => matches!(self.kind.asks, Asks::Report | Asks::Form),
            _ => false,
        }
    }
}

/// Every move that the case would take from the visitor now, asked of the case itself.
pub(crate) async fn offered<S: Store>(
    engine: &Engine<S>,
    sight: &Sight,
    case: &CaseId,
    item: &Item,
) -> Result<Vec<Offer>, Failure> {
    let mut offers = Vec::new();
    for kind in KINDS {
        for actor in sight.actors() {
            let Some(act) = specimen(kind.name, item, sight, engine.now()) else { continue };
            match engine.dry_run(case, actor.clone(), act).await {
                Ok(_) => {}
                Err(EngineError::Refused(refusal)) if is_about_content(&refusal) => {}
                Err(EngineError::Refused(_)) => continue,
                Err(error) => return Err(error.into()),
            }
            let absent = match &actor {
                Actor::Person { on_behalf_of: Some(absent), .. } => Some(absent),
                _ => None,
            };
            let name = absent.and_then(|absent| sight.directory.person(absent));
            offers.push(Offer {
                kind,
                on_behalf_of: absent.map(ToString::to_string).unwrap_or_default(),
                on_behalf_name: name.map(|person| person.name.clone()).unwrap_or_default(),
            });
            break;
        }
    }
    Ok(offers)
}

/// Refusals that another form would get round.
fn is_about_content(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::BadForm(_)
            | Refusal::EvidenceMissing(_)
            | Refusal::ReasonMissing(_)
            | Refusal::OutOfRange { .. }
            | Refusal::NoWindow(_)
            | Refusal::Extension {
                why: duban_core::ExtensionRefusal::TooLong(_)
                    | duban_core::ExtensionRefusal::NotLater(_),
                ..
            }
    )
}

/// A move with content that says nothing, to ask whether it could be made.
fn specimen(name: &str, item: &Item, sight: &Sight, now: Instant) -> Option<Act> {
    let due = item.due().unwrap_or(now);
    let someone = item.owner.clone().unwrap_or(Assignee::Person(sight.person.clone()));
    let unit = sight.directory.unit_of(&someone)?;
    let fill = Filling {
        text: "？".to_owned(),
        percent: None,
        value: None,
        until: Some(due.plus_millis(1)),
        to: Some(Assignee::Unit(unit)),
        person: Some(sight.person.clone()),
        form: Map::new(),
        evidence: Vec::new(),
    };
    act(name, item, fill)
}

/// What fills a move's form.
pub(crate) struct Filling {
    text: String,
    percent: Option<u8>,
    value: Option<Decimal>,
    until: Option<Instant>,
    to: Option<Assignee>,
    person: Option<duban_model::PersonId>,
    form: Map<String, serde_json::Value>,
    evidence: Vec<Evidence>,
}

/// Reads what a browser sent.
pub(crate) fn read(
    sent: &Sent,
    fields: &[Field],
    evidence: Vec<Evidence>,
    directory: &Directory,
    tz: Tz,
) -> Result<Filling, Failure> {
    let given = |name: &str| {
        let value = sent.get(name).and_then(|values| values.first()).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    };
    let bad = |what: &str, example: &str| Failure::Bad(format!("“{what}”无法读取，应如 {example}"));
    let percent = given("percent").map(str::parse).transpose();
    let value = given("value").map(str::parse).transpose();
    let until = given("until").map(str::parse::<duban_calendar::Date>).transpose();
    let until = until.map_err(|_| bad("日期", "2022-06-30"))?;
    let to = given("to").map(|to| assignee(to, directory)).transpose()?;
    let person = match &to {
        Some(Assignee::Person(person)) => Some(person.clone()),
        _ => None,
    };
    Ok(Filling {
        text: given("text").unwrap_or_default().to_owned(),
        percent: percent.map_err(|_| bad("进度", "60"))?,
        value: value.map_err(|_| bad("指标值", "98.5"))?,
        until: until.map(|until| end_of(until, tz)),
        to,
        person,
        form: fields::read(fields, sent, directory),
        evidence,
    })
}

/// A post, unit or person by what people write: `单位 岗位`, a unit's name, a person's name, or
/// the exact form that the engine writes.
fn assignee(text: &str, directory: &Directory) -> Result<Assignee, Failure> {
    if let Ok(exact) = text.parse() {
        return Ok(exact);
    }
    if let Some((unit, post)) = text.split_once(' ')
        && let Some(unit) = directory.units_named(unit).next()
        && directory.post(&unit.id, post.trim()).is_some()
    {
        return Ok(Assignee::Post(unit.id.clone(), post.trim().into()));
    }
    let mut units = directory.units_named(text);
    if let (Some(unit), None) = (units.next(), units.next()) {
        return Ok(Assignee::Unit(unit.id.clone()));
    }
    let mut people = directory.data().people.iter().filter(|one| one.name == text);
    if let (Some(person), None) = (people.next(), people.next()) {
        return Ok(Assignee::Person(person.id.clone()));
    }
    Err(Failure::Bad(format!("通讯录里找不到唯一的“{text}”；可写“单位 岗位”、单位名或人名")))
}

/// The act of a name; `None` where it is unknown or its assignee or date is missing.
pub(crate) fn act(name: &str, item: &Item, fill: Filling) -> Option<Act> {
    let key = item.key.clone();
    let remark = (!fill.text.is_empty()).then(|| fill.text.clone());
    let reason = fill.text;
    Some(match name {
        "sign" => Act::Sign { item: key },
        "report" => Act::Report {
            item: key,
            text: reason,
            percent: fill.percent,
            value: fill.value,
            evidence: fill.evidence,
        },
        "submit" => Act::Submit { item: key, form: fill.form, evidence: fill.evidence },
        "withdraw" => Act::Withdraw { item: key },
        "accept" => Act::Accept { item: key, text: remark },
        "return" => Act::Return { item: key, reason, upstream: None },
        "ask_extension" => Act::AskExtension { item: key, until: fill.until?, reason },
        "grant_extension" => Act::GrantExtension { item: key },
        "refuse_extension" => Act::RefuseExtension { item: key, reason },
        "urge" => Act::Urge { item: key, text: remark },
        "transfer" => Act::Transfer { item: key, to: fill.to?, reason },
        "delegate" => Act::Delegate { item: key, to: Some(fill.person?), reason: remark },
        "suspend" => Act::Suspend { item: Some(key), reason, until: None, stops_clock: None },
        "resume" => Act::Resume { item: Some(key) },
        "skip" => Act::Skip { item: key, reason },
        "cancel" => Act::Cancel { item: Some(key), reason },
        "reopen" => Act::Reopen { item: key, reason, due: fill.until },
        "strike_off" => Act::StrikeOff { item: Some(key), text: remark },
        "consent_earlier" => Act::ConsentEarlier { item: key },
        _ => return None,
    })
}
