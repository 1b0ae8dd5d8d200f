//! What is to be done in person: the duty stays with the post, whoever would like it elsewhere.
//!
//! A delegate may carry papers, never answer for them: they report and submit. Nobody stands in.
//! An assignment, also one by the supervision office or by a script, goes to a holder of the same
//! post.

use duban_model::{Assignee, PersonId};

use super::Turn;
use crate::item::Item;

/// What a delegate may do for whoever must act in person.
const DELEGATED: [&str; 2] = ["report", "submit"];

/// Whether a delegate may make a move on what is to be done in person.
pub(super) fn may_delegate_make(act: &str) -> bool {
    DELEGATED.contains(&act)
}

impl Turn<'_> {
    /// Whether an item's task is to be done in person.
    pub(super) fn is_in_person(&self, item: &Item) -> bool {
        Self::task(&self.definition, item).is_some_and(|task| task.in_person)
    }

    /// Those who may act as an item's owner. A unit that is to act in person acts through the post
    /// that answers for it.
    pub(super) fn owners_of(&self, item: &Item) -> Vec<PersonId> {
        let Some(owner) = &item.owner else { return Vec::new() };
        let directory = &self.env.directory;
        match owner {
            Assignee::Unit(unit) if self.is_in_person(item) => {
                directory.posts(unit).next().map(|post| post.holders.clone()).unwrap_or_default()
            }
            Assignee::Unit(_) | Assignee::Post(..) | Assignee::Person(_) => {
                directory.holders(owner)
            }
        }
    }

    /// Whether an item stays with the post whose holder must act in person, if it passes to
    /// somebody.
    ///
    /// Where the workflow names a person who has left, nothing is left to hold on to.
    pub(super) fn stays_in_person(&mut self, item: &Item, to: &Assignee) -> bool {
        if !self.is_in_person(item) {
            return true;
        }
        let Some(own) = self.find_owner(item) else { return true };
        let directory = &self.env.directory;
        let holders = match &own {
            Assignee::Person(person) if directory.person(person).is_none() => return true,
            Assignee::Unit(unit) => directory.posts(unit).next().map(|post| post.holders.clone()),
            Assignee::Post(..) | Assignee::Person(_) => Some(directory.holders(&own)),
        };
        let is_holder = |person: &PersonId| holders.iter().flatten().any(|one| one == person);
        *to == own || matches!(to, Assignee::Person(person) if is_holder(person))
    }

    /// Whether a person to whom an item was given, which is to be done in person, holds its post
    /// no more.
    pub(super) fn has_left_post(&mut self, item: &Item) -> bool {
        let given = matches!(&item.owner, Some(Assignee::Person(_)));
        given && item.owner.clone().is_some_and(|owner| !self.stays_in_person(item, &owner))
    }
}
