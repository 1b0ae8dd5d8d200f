//! One commit: everything that one decision changes, written together or not at all.

use duban_core::{CaseRow, Decision, Encoded, Fact, ItemRow, Outgoing, changed, outgoing};
use duban_model::Definition;

/// What an idempotency key stands for. Unique by (case, actor, key).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRecord {
    /// The case.
    pub case: String,
    /// Who used it: the actor's JSON text.
    pub actor: String,
    /// The key as given by the caller.
    pub key: String,
    /// A digest of the request, to tell a repetition from a reuse.
    pub digest: String,
    /// The case's version after the request.
    pub version: u64,
    /// When, in milliseconds UTC; old keys are forgotten.
    pub at: i64,
}

/// Everything that one decision changes in one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The version that the case must be at; 0: it must not exist.
    pub expected: u64,
    /// The case's row.
    pub case: CaseRow,
    /// Rows of the items that the events changed, and of no others.
    pub items: Vec<ItemRow>,
    /// The events.
    pub events: Vec<Encoded>,
    /// What is to leave the case.
    pub outgoing: Vec<Outgoing>,
    /// Points given: unit, points in hundredths, rule, reason, position of the event.
    pub scores: Vec<crate::query::ScoreRow>,
    /// The idempotency key that the request came with.
    pub key: Option<KeyRecord>,
    /// Whether somebody waits for it: such commits are written before the others. Set by
    /// [`Commit::of`]; unset it for what time alone brings.
    pub urgent: bool,
}

impl Commit {
    /// The commit of a decision.
    pub fn of(decision: &Decision, definition: &Definition, key: Option<KeyRecord>) -> Self {
        let case = &decision.case;
        let id = case.id();
        let items = changed(decision)
            .iter()
            .filter_map(|key| case.item(key))
            .map(|item| ItemRow::of(&id, item, definition))
            .collect();
        let scores = decision.events.iter().filter_map(|event| {
            let Fact::Scored { unit, points, rule, why, .. } = &event.fact else { return None };
            Some(crate::query::ScoreRow {
                case: id.as_str().to_owned(),
                seq: event.seq,
                at: event.at.millis(),
                unit: unit.to_string(),
                points: *points,
                rule: rule.clone(),
                why: why.clone(),
            })
        });
        Self {
            expected: decision.expected,
            case: CaseRow::of(case),
            items,
            scores: scores.collect(),
            outgoing: decision.events.iter().filter_map(|event| outgoing(&id, event)).collect(),
            events: decision.encoded.clone(),
            key,
            urgent: true,
        }
    }
}
