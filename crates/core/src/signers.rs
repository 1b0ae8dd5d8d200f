//! Who reviews an item, and how far they are: signers are a set.
//!
//! A round lasts from submission to decision.

use duban_calendar::{Instant, Span};
use duban_model::Assignee;
use serde::{Deserialize, Serialize};

use crate::event::{Arming, Manner, SignerDate};
use crate::ids::ItemKey;
use crate::item::{Armed, is_false, is_zero};

/// Who reviews and how far they are.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// How several decide.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub manner: Manner,
    /// The reviewers in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Assignee>,
    /// Those who have agreed to the submission in hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<Assignee>,
    /// What signers of a quorum hold against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Objection>,
    /// How long a review may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// By when the submission in hand must be reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Instant>,
    /// Whether that has been found overdue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overdue: bool,
    /// The ladder towards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// Dates of signers who were added during the round.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<OwnDate>,
    /// How many review dates there have been; the version of the latest one's ladder.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
}

/// Why a signer of a quorum does not agree. Kept until the round ends or they agree.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Objection {
    /// The seat.
    pub member: Assignee,
    /// Why.
    pub reason: String,
    /// Done items upstream to which it should go; empty: to its owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream: Vec<ItemKey>,
    /// When it was said.
    pub at: Instant,
}

/// The review date of a signer who was added during a round.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OwnDate {
    /// Who.
    pub member: Assignee,
    /// By when they must decide.
    pub due: Instant,
    /// Whether that has been found overdue.
    #[serde(default, skip_serializing_if = "is_false")]
    pub overdue: bool,
    /// The ladder towards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
}

/// One review date with those who must decide by it and have not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReviewDate<'a> {
    /// Whose own date it is; `None`: the round's.
    pub own: Option<&'a Assignee>,
    /// Who must decide by it.
    pub waits_on: Vec<&'a Assignee>,
    /// The date; `None`: a review may take any time.
    pub due: Option<Instant>,
    /// Whether it has been found overdue.
    pub overdue: bool,
    /// The ladder towards it.
    pub armed: Option<&'a Armed>,
}

impl Review {
    /// Those whose turn it is.
    pub fn pending(&self) -> Vec<&Assignee> {
        let mut left = self.members.iter().filter(|member| !self.has_answered(member));
        match self.manner {
            Manner::All | Manner::Any | Manner::Quorum { .. } => left.collect(),
            Manner::Steps => left.next().into_iter().collect(),
        }
    }

    /// Those who may speak now: whose turn it is, and in a quorum whoever has refused.
    pub fn may_speak(&self) -> Vec<&Assignee> {
        let mut open = self.members.iter().filter(|member| !self.agreed.contains(member));
        match self.manner {
            Manner::All | Manner::Any | Manner::Quorum { .. } => open.collect(),
            Manner::Steps => open.next().into_iter().collect(),
        }
    }

    /// Whether a signer has agreed or refused in the round in hand.
    pub fn has_answered(&self, member: &Assignee) -> bool {
        self.agreed.contains(member) || self.refused.iter().any(|one| one.member == *member)
    }

    /// By when a signer must decide on the submission in hand; `None`: there is no such date.
    pub fn due_of(&self, member: &Assignee) -> Option<Instant> {
        let own = self.own.iter().find(|own| own.member == *member);
        own.map(|own| own.due).or(self.due)
    }

    /// Whether the round is done: everybody on the list has agreed and somebody has, or as many
    /// as a quorum asks for.
    pub fn is_decided(&self) -> bool {
        let agreed = self.members.iter().filter(|member| self.agreed.contains(member)).count();
        match self.manner.quorum() {
            Some((at_least, _)) => agreed >= count(at_least).max(1),
            None => agreed > 0 && agreed == self.members.len(),
        }
    }

    /// Whether a quorum sends the item back: its refusals are reached, or its agreements can no
    /// longer be.
    pub fn is_rejected(&self) -> bool {
        let Some((at_least, refusals)) = self.manner.quorum() else { return false };
        let refused = self.refused.len();
        refused > 0
            && (refused >= count(refusals) || self.members.len() - refused < count(at_least))
    }

    /// How many seats are missing for the review to be decided, where `can_sign` says who could
    /// sign for one: 0 where it can be.
    pub fn seats_missing(&self, can_sign: impl Fn(&Assignee) -> bool) -> usize {
        let able = self
            .members
            .iter()
            .filter(|member| self.agreed.contains(member) || can_sign(member))
            .count();
        let owed = self.manner.quorum().map_or(self.members.len(), |(least, _)| count(least));
        owed.saturating_sub(able)
    }

    /// The dates of the round on which somebody still owes an answer: the round's, then those of
    /// signers who were added.
    pub fn dates(&self) -> impl Iterator<Item = ReviewDate<'_>> {
        let has_own = |member: &Assignee| self.own.iter().any(|own| own.member == *member);
        let pending = self.pending();
        let waits_on = pending.iter().copied().filter(|member| !has_own(member)).collect();
        let (due, overdue, armed) = (self.due, self.overdue, self.armed.as_ref());
        let round = ReviewDate { own: None, waits_on, due, overdue, armed };
        let own = self.own.iter().map(move |own| ReviewDate {
            own: Some(&own.member),
            waits_on: pending.iter().copied().filter(|member| **member == own.member).collect(),
            due: Some(own.due),
            overdue: own.overdue,
            armed: own.armed.as_ref(),
        });
        std::iter::once(round).chain(own).filter(|date| !date.waits_on.is_empty())
    }

    /// The date whose ladder has the first rung to come.
    pub(crate) fn next_ladder(&self) -> Option<(Instant, ReviewDate<'_>)> {
        let rung = |date: &ReviewDate<'_>| Some(date.armed?.rungs.first()?.at);
        let rungs = self.dates().filter_map(|date| Some((rung(&date)?, date)));
        rungs.min_by_key(|(at, _)| *at)
    }

    /// The first date to come that has not been found overdue.
    pub(crate) fn next_due(&self) -> Option<(Instant, ReviewDate<'_>)> {
        let open = self.dates().filter(|date| !date.overdue);
        open.filter_map(|date| Some((date.due?, date))).min_by_key(|(due, _)| *due)
    }

    /// A new date for those whose turn it is.
    pub(crate) fn towards(&mut self, due: Option<Instant>, arming: Option<&Arming>) {
        self.round += 1;
        self.due = due;
        self.overdue = false;
        self.armed = arming.map(|arming| Armed::towards(arming, self.round));
        self.own.clear();
    }

    /// What a change of the signers means for dates.
    pub(crate) fn date_from(&mut self, added: Option<&Assignee>, date: &SignerDate) {
        match (date, added) {
            (SignerDate::Turn { due, arming }, _) => self.towards(*due, arming.as_ref()),
            (SignerDate::Own { due, arming }, Some(member)) => {
                self.round += 1;
                self.own.push(OwnDate {
                    member: member.clone(),
                    due: *due,
                    overdue: false,
                    armed: arming.as_ref().map(|arming| Armed::towards(arming, self.round)),
                });
            }
            (SignerDate::Own { .. }, None) | (SignerDate::Stays, _) => {}
        }
    }

    pub(crate) fn agree<'a>(&mut self, seats: impl Iterator<Item = &'a Assignee>) {
        for seat in seats {
            self.refused.retain(|one| one.member != *seat);
            self.agreed.push(seat.clone());
        }
    }

    pub(crate) fn refuse(
        &mut self,
        seats: &[Assignee],
        reason: &str,
        upstream: &[ItemKey],
        at: Instant,
    ) {
        self.refused.retain(|one| !seats.contains(&one.member));
        self.refused.extend(seats.iter().map(|member| Objection {
            member: member.clone(),
            reason: reason.to_owned(),
            upstream: upstream.to_vec(),
            at,
        }));
    }

    /// Notes that the round's date, or a signer's own, has passed.
    pub(crate) fn find_overdue(&mut self, own: Option<&Assignee>) {
        match own {
            None => self.overdue = true,
            Some(member) => {
                let found = self.own.iter_mut().filter(|date| date.member == *member);
                found.for_each(|date| date.overdue = true);
            }
        }
    }

    /// Ends the round, or clears what was left before one begins.
    pub(crate) fn end(&mut self) {
        self.agreed.clear();
        self.refused.clear();
        self.own.clear();
        self.due = None;
        self.overdue = false;
        self.armed = None;
    }

    /// Forgets what somebody said who comes to the list or leaves it.
    pub(crate) fn forget(&mut self, member: &Assignee) {
        self.agreed.retain(|one| one != member);
        self.refused.retain(|one| one.member != *member);
        self.own.retain(|one| one.member != *member);
    }

    /// The ladder of a version.
    pub(crate) fn ladder_mut(&mut self, version: u32) -> Option<&mut Armed> {
        let own = self.own.iter_mut().filter_map(|own| own.armed.as_mut());
        let mut found = own.filter(|armed| armed.version == version);
        found.next().or(self.armed.as_mut())
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
