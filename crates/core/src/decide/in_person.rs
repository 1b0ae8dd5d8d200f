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

    /// Those who may act as an item's owner.
    pub(super) fn owners_of(&self, item: &Item) -> Vec<PersonId> {
        match &item.owner {
            Some(owner) if self.is_in_person(item) => self.holders_in_person(owner),
            Some(owner) => self.env.directory.holders(owner),
            None => Vec::new(),
        }
    }

    /// Those who act in person for an assignee: a unit acts through the post that answers for it.
    fn holders_in_person(&self, who: &Assignee) -> Vec<PersonId> {
        let directory = &self.env.directory;
        match who {
            Assignee::Unit(unit) => {
                directory.posts(unit).next().map(|post| post.holders.clone()).unwrap_or_default()
            }
            Assignee::Post(..) | Assignee::Person(_) => directory.holders(who),
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
        match (&own, to) {
            (Assignee::Person(gone), _) if self.env.directory.person(gone).is_none() => true,
            (_, Assignee::Person(person)) => self.holders_in_person(&own).contains(person),
            (_, Assignee::Unit(_) | Assignee::Post(..)) => *to == own,
        }
    }

    /// Whether a person to whom an item was given, which is to be done in person, holds its post
    /// no more.
    pub(super) fn has_left_post(&mut self, item: &Item) -> bool {
        let given = matches!(&item.owner, Some(Assignee::Person(_)));
        given && item.owner.clone().is_some_and(|owner| !self.stays_in_person(item, &owner))
    }
}
