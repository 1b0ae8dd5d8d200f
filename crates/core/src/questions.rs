//! What a move asks for as things are: which of the table's questions mean something now, which
//! of them must be answered, and what may be chosen.

use duban_model::{Assignee, PersonId};
use serde_json::{Map, Value as Json, json};

use crate::case::Case;
use crate::command::{Act, Actor};
use crate::decide::{Env, probe, return_choice};
use crate::ids::ItemKey;
use crate::item::Item;
use crate::moves::{Ask, AskKind, MoveKind};

/// A question of a move, as it is put now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The question of the table.
    pub ask: Ask,
    /// Whether it must be answered now: the table's word, or more than that.
    pub required: bool,
    /// What may be chosen; `None`: anything of its kind.
    pub choices: Option<Vec<Choice>>,
    /// What is meant where nothing is chosen: where a return goes.
    pub otherwise: Vec<ItemKey>,
}

/// Something that may be chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Choice {
    /// One of the item's signers.
    Signer(Assignee),
    /// An item of the case.
    Item(ItemKey),
}

impl Question {
    /// Whether it must be answered and nothing can be chosen.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.required && self.choices.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Where a move is looked at, and for whom.
pub(crate) struct Scene<'a> {
    pub(crate) case: &'a Case,
    pub(crate) item: Option<&'a Item>,
    pub(crate) actor: &'a Actor,
    pub(crate) env: &'a Env,
}

/// What a move asks for now; `example` is content that would fit.
pub(crate) fn questions(
    scene: &Scene<'_>,
    kind: MoveKind,
    example: &Map<String, Json>,
) -> Vec<Question> {
    kind.asks().iter().filter_map(|ask| scene.question(kind, ask, example)).collect()
}

impl Scene<'_> {
    fn question(&self, kind: MoveKind, ask: &Ask, example: &Map<String, Json>) -> Option<Question> {
        let mut question =
            Question { ask: *ask, required: ask.required, choices: None, otherwise: Vec::new() };
        match ask.kind {
            AskKind::Text | AskKind::Percent | AskKind::Form | AskKind::Files => {}
            AskKind::Number => {
                if !ask.required && !self.has_indicator() {
                    return None;
                }
            }
            AskKind::Date => {
                // A duty is judged with its window: a return gives it no date.
                let is_duty = self.item.is_some_and(|item| item.window.is_some());
                if kind == MoveKind::Return && is_duty {
                    return None;
                }
            }
            AskKind::Assignee => {
                if is_about_signers(kind, ask) {
                    question.choices = Some(self.signers(kind, ask, example));
                    if !ask.required && !self.may_name_a_signer(kind, &question) {
                        return None;
                    }
                }
            }
            AskKind::Person => {
                // Nobody named: a delegation ends, where there is one.
                let delegates = self.item.is_some_and(|item| item.handler.is_some());
                question.required |= kind == MoveKind::Delegate && !delegates;
            }
            AskKind::Items if kind == MoveKind::Return => self.ask_where_to(&mut question)?,
            AskKind::Items => {
                let keys = self.case.items().map(|item| Choice::Item(item.key.clone()));
                question.choices = Some(keys.collect());
            }
            AskKind::Flag => {
                // Where only one answer would be taken there is no question.
                let taken = |answer: bool| self.is_taken_with(kind, ask, &json!(answer), example);
                let is_open = ask.required || (taken(true) && taken(false));
                if !is_open {
                    return None;
                }
            }
        }
        Some(question)
    }

    fn has_indicator(&self) -> bool {
        let workflow = &self.env.program.definition().workflow;
        let task = self.item.and_then(|item| workflow.task(item.task.as_str()));
        task.is_some_and(|(_, task)| task.indicator.is_some())
    }

    /// The signers with whom the case would take the move.
    fn signers(&self, kind: MoveKind, ask: &Ask, example: &Map<String, Json>) -> Vec<Choice> {
        let members = self.item.map(|item| item.review.members.clone()).unwrap_or_default();
        // Whether somebody new may stand before a signer is seen with somebody who is not on the
        // list yet; every place on it will do.
        let any = kind == MoveKind::AddCountersigner;
        let fits = |who: &Assignee| any || self.is_taken_with(kind, ask, &json!(who), example);
        members.into_iter().filter(fits).map(Choice::Signer).collect()
    }

    /// A seat is named by whoever holds several; a place by whoever adds to a list.
    fn may_name_a_signer(&self, kind: MoveKind, question: &Question) -> bool {
        let offered = question.choices.as_ref().is_some_and(|choices| !choices.is_empty());
        offered && (kind != MoveKind::Accept || self.seats_held() > 1)
    }

    /// Seats of the actor that have not agreed.
    fn seats_held(&self) -> usize {
        let (Some(item), Actor::Person { person, on_behalf_of }) = (self.item, self.actor) else {
            return 0;
        };
        let speaks: &PersonId = on_behalf_of.as_ref().unwrap_or(person);
        let review = &item.review;
        let left = review.members.iter().filter(|member| !review.agreed.contains(member));
        left.filter(|member| self.env.directory.holders(member).contains(speaks)).count()
    }

    /// Where a return may go. Not asked where it can only go to the item in hand.
    fn ask_where_to(&self, question: &mut Question) -> Option<()> {
        let item = self.item?;
        let choice = return_choice(self.case, &item.key, self.env.program.definition());
        if choice.may.is_empty() {
            return None;
        }
        question.required |= choice.must_name();
        // Where something else is meant, the item in hand is named to mean it.
        let own = (!choice.meant.is_empty()).then(|| item.key.clone());
        question.choices = Some(own.into_iter().chain(choice.may).map(Choice::Item).collect());
        question.otherwise = if question.required { Vec::new() } else { choice.meant };
        Some(())
    }

    fn is_taken_with(
        &self,
        kind: MoveKind,
        ask: &Ask,
        value: &Json,
        example: &Map<String, Json>,
    ) -> bool {
        let mut content = example.clone();
        content.insert(ask.field.to_owned(), value.clone());
        let made = Act::make(kind, self.item.map(|item| &item.key), content);
        made.is_ok_and(|act| probe(self.case, self.actor, &act, self.env).is_ok())
    }
}

/// Whether a question is about those who review the item already.
fn is_about_signers(kind: MoveKind, ask: &Ask) -> bool {
    let names_one = matches!(kind, MoveKind::Accept | MoveKind::RemoveCountersigner);
    names_one || (kind == MoveKind::AddCountersigner && !ask.required)
}
