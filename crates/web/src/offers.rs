//! The moves that somebody may make now, for pages and API alike: made from the table of moves,
//! and asked of the case itself.

use duban_core::{Act, Actor, AskKind, CaseId, Choice, ItemKey, MoveKind, Question, Teller};
use duban_engine::{Engine, EngineError};
use duban_model::PersonId;
use duban_store::Store;

use crate::sight::Sight;

/// A move that may be made, in whose name, and what it asks for now.
pub(crate) struct Offer {
    pub(crate) kind: MoveKind,
    /// For whom they would stand in.
    pub(crate) absent: Option<PersonId>,
    pub(crate) questions: Vec<Question>,
}

/// Every move that the case would take from somebody now, on an item or (`None`) on itself.
pub(crate) async fn offered<S: Store>(
    engine: &Engine<S>,
    sight: &Sight,
    case: &CaseId,
    item: Option<&ItemKey>,
) -> Result<Vec<Offer>, EngineError> {
    let moves = engine.available_moves(case, item.cloned(), sight.actors()).await?;
    let offer = |one: duban_core::AvailableMove| {
        let absent = match one.actor {
            Actor::Person { on_behalf_of, .. } => on_behalf_of,
            Actor::Operator { .. } | Actor::Case { .. } | Actor::Engine => None,
        };
        Offer { kind: one.kind, absent, questions: one.questions }
    };
    Ok(moves.into_iter().map(offer).collect())
}

/// Refuses somebody from whom the case would take no move with files now, as the case does.
pub(crate) async fn takes_files<S: Store>(
    engine: &Engine<S>,
    sight: &Sight,
    case: &CaseId,
    item: &ItemKey,
) -> Result<(), EngineError> {
    let has_files = |kind: MoveKind| kind.asks().iter().any(|ask| ask.kind == AskKind::Files);
    let offers = offered(engine, sight, case, Some(item)).await?;
    if offers.iter().any(|offer| has_files(offer.kind)) {
        return Ok(());
    }
    // The case says why it takes none.
    let report = Act::Report {
        item: item.clone(),
        text: "？".to_owned(),
        percent: None,
        value: None,
        evidence: Vec::new(),
    };
    engine.dry_run(case, Actor::person(sight.person.clone()), report).await.map(|_| ())
}

/// What a choice is called in requests, and what people read for it.
pub(crate) fn choice(choice: &Choice, teller: &Teller<'_>) -> (String, String) {
    match choice {
        Choice::Signer(who) => (who.to_string(), teller.name(who)),
        Choice::Item(key) => (key.to_string(), teller.key_title(key)),
    }
}

/// The word for a kind of content.
pub(crate) fn word(kind: AskKind) -> &'static str {
    match kind {
        AskKind::Text => "text",
        AskKind::Percent => "percent",
        AskKind::Number => "number",
        AskKind::Date => "date",
        AskKind::Assignee => "assignee",
        AskKind::Person => "person",
        AskKind::Items => "items",
        AskKind::Flag => "flag",
        AskKind::Form => "form",
        AskKind::Files => "files",
    }
}
