//! The moves that somebody may make, as the API tells them.

use duban_core::{CaseId, ItemKey, Question, Teller};
use duban_store::Store;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::items::sight_of;
use crate::offers::{self, Offer};
use crate::problem::Problem;
use crate::server::App;

/// For whom.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForPerson {
    /// A person's id: the moves that they may make now come with the answer.
    pub(super) person: Option<String>,
}

/// The moves that somebody may make now, on an item or (`None`) on the case itself.
pub(super) async fn moves_for<S: Store>(
    app: &App<S>,
    person: &str,
    (case, item): (&CaseId, Option<&ItemKey>),
    teller: &Teller<'_>,
) -> Result<Vec<MoveView>, Problem> {
    let sight = sight_of(app, person).await?;
    let offers = offers::offered(&app.engine, &sight, case, item).await?;
    Ok(offers.iter().map(|offer| MoveView::new(offer, teller)).collect())
}

/// Something that may be chosen.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChoiceView {
    /// What a move names it by.
    value: String,
    /// What people read.
    zh: String,
}

/// One thing that a move asks for.
#[derive(Serialize, ToSchema)]
pub(crate) struct AskView {
    /// Its name in the move.
    field: &'static str,
    /// `text`, `percent`, `number`, `date`, `assignee`, `person`, `items`, `flag`, `form` (the
    /// fields are in `fields`) or `files`.
    kind: &'static str,
    /// Whether it must be given now.
    required: bool,
    /// What people read.
    zh: &'static str,
    /// The same in English.
    en: &'static str,
    /// What may be chosen; left out where anything of its kind may be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<ChoiceView>>,
    /// What is meant where none is chosen: the items that a return goes to; empty: this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    otherwise: Vec<String>,
}

/// A move that may be made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MoveView {
    /// Which, for example `sign`.
    kind: &'static str,
    /// What people read.
    zh: &'static str,
    /// The same in English.
    en: &'static str,
    /// What it asks for beside the item.
    asks: Vec<AskView>,
    /// For whom they would stand in.
    on_behalf_of: Option<String>,
}

impl MoveView {
    fn new(offer: &Offer, teller: &Teller<'_>) -> Self {
        let ask = |question: &Question| AskView {
            field: question.ask.field,
            kind: offers::word(question.ask.kind),
            required: question.required,
            zh: question.ask.zh,
            en: question.ask.en,
            choices: question.choices.as_ref().map(|choices| {
                let named = choices.iter().map(|choice| offers::choice(choice, teller));
                named.map(|(value, zh)| ChoiceView { value, zh }).collect()
            }),
            otherwise: question.otherwise.iter().map(ToString::to_string).collect(),
        };
        Self {
            kind: offer.kind.name(),
            zh: offer.kind.zh(),
            en: offer.kind.en(),
            asks: offer.questions.iter().map(ask).collect(),
            on_behalf_of: offer.absent.as_ref().map(ToString::to_string),
        }
    }
}
