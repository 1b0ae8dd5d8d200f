//! Who signs: accepting for the seats that a person holds, adding and removing signers, and what
//! a change of the owner means for them.

use duban_model::{Assignee, PersonId};

use super::{Turn, reason_of};
use crate::authority::principal;
use crate::command::Actor;
use crate::event::{Manner, Notification, SignerDate};
use crate::fact::Fact;
use crate::ids::ItemKey;
use crate::item::{Item, Status};
use crate::refusal::{Refusal, Why};
use crate::signers::Review;

/// How an item comes to be done: what the record says beside the fact.
#[derive(Default)]
pub(super) struct Closing {
    /// The remark.
    pub(super) text: Option<String>,
    /// For which seats the last agreement was given.
    pub(super) seats: Vec<Assignee>,
    /// Whose removal left only signers who had agreed.
    pub(super) taken_off: Option<Assignee>,
}

impl Turn<'_> {
    /// The person who may decide now for one of `members`. Nobody reviews what they worked on,
    /// not through a stand-in either.
    pub(super) fn may_review(
        &self,
        act: &'static str,
        item: &Item,
        members: &[&Assignee],
    ) -> Result<PersonId, Refusal> {
        let directory = &self.env.directory;
        let person = principal(act, item.key.as_str(), &self.actor, directory, self.today())?;
        if !members.iter().any(|member| directory.holders(member).contains(&person)) {
            return Err(Refusal::NotAllowed {
                act,
                item: item.key.to_string(),
                allowed: members.iter().copied().cloned().collect(),
            });
        }
        self.is_separate_from_work(item, &person)?;
        if let Actor::Person { person: actor, .. } = &self.actor {
            self.is_separate_from_work(item, actor)?;
        }
        Ok(person)
    }

    fn is_separate_from_work(&self, item: &Item, person: &PersonId) -> Result<(), Refusal> {
        let barred = self.barred(item, item.owner.as_ref(), item.handler.as_ref());
        if barred.contains(person) {
            return Err(Refusal::SamePerson { person: person.to_string(), item: item.key.clone() });
        }
        Ok(())
    }

    /// Who may not review an item that such people owe and handle.
    fn barred(
        &self,
        item: &Item,
        owner: Option<&Assignee>,
        handler: Option<&PersonId>,
    ) -> Vec<PersonId> {
        let owners = match owner {
            Some(owner @ (Assignee::Post(..) | Assignee::Person(_))) => {
                self.env.directory.holders(owner)
            }
            Some(Assignee::Unit(_)) | None => Vec::new(),
        };
        item.workers.iter().chain(handler).cloned().chain(owners).collect()
    }

    /// The seats that the actor speaks for: the one named, or all they hold that have not agreed,
    /// if it is the turn of one of them.
    pub(super) fn seats(
        &self,
        act: &'static str,
        item: &Item,
        seat: Option<&Assignee>,
    ) -> Result<Vec<Assignee>, Refusal> {
        let review = &item.review;
        let Some(seat) = seat else {
            let person = self.may_review(act, item, &review.may_speak())?;
            let left = review.members.iter().filter(|member| !review.agreed.contains(member));
            let holds = |member: &&Assignee| self.env.directory.holders(member).contains(&person);
            return Ok(left.filter(holds).cloned().collect());
        };
        let unsuitable = |why| Err(Refusal::Unsuitable { act, item: item.key.to_string(), why });
        if !review.members.contains(seat) {
            return unsuitable(
                Why::new("that seat does not countersign", "所代表的不在会签名单中").about("seat"),
            );
        }
        if review.agreed.contains(seat) {
            return unsuitable(
                Why::new("that seat has agreed already", "所代表的一席已经同意").about("seat"),
            );
        }
        if !review.may_speak().contains(&seat) {
            return unsuitable(
                Why::new("it is not that seat's turn", "还没有轮到所代表的一席").about("seat"),
            );
        }
        self.may_review(act, item, &[seat])?;
        Ok(vec![seat.clone()])
    }

    pub(super) fn accept(
        &mut self,
        key: &ItemKey,
        text: Option<&str>,
        seat: Option<&Assignee>,
    ) -> Result<(), Refusal> {
        let item = self.in_status("accept", key, &[Status::Submitted])?;
        let seats = self.seats("accept", &item, seat)?;
        let text = text.map(ToOwned::to_owned);
        let mut review = item.review.clone();
        review.agree(seats.iter());
        if review.is_decided() {
            let others: Vec<Assignee> = review.pending().into_iter().cloned().collect();
            self.complete(key, Closing { text, seats, taken_off: None });
            self.release_others(key, others);
            return Ok(());
        }
        let Some((member, also)) = seats.split_first() else { return Ok(()) };
        let (review_due, arming, stays) = match item.review.manner {
            Manner::Steps => {
                let (due, arming) = self.review_deadline(key, &item);
                (due, arming, false)
            }
            Manner::All | Manner::Any | Manner::Quorum { .. } => (item.review.due, None, true),
        };
        self.push(Fact::Countersigned {
            item: key.clone(),
            member: member.clone(),
            also: also.to_vec(),
            text,
            review_due,
            arming,
            stays,
        });
        Ok(())
    }

    /// Tells those whose answer a quorum needs no longer.
    fn release_others(&mut self, key: &ItemKey, others: Vec<Assignee>) {
        if !others.is_empty() {
            let text = format!("“{}”同意的已达到所需数目，不必再签。", self.title(key));
            self.notify(Notification::Tell, Some(key), others, text);
        }
    }

    /// Reviewers and the supervision office may change who countersigns; whoever is on the list
    /// of a round is taken off by the office alone.
    fn may_change_reviewers(&self, act: &'static str, item: &Item) -> Result<(), Refusal> {
        if self.may_supervise(act, item.key.as_str()).is_ok() {
            return Ok(());
        }
        let members: Vec<&Assignee> = item.review.members.iter().collect();
        self.may_review(act, item, &members).map(|_| ())
    }

    pub(super) fn add_countersigner(
        &mut self,
        key: &ItemKey,
        who: &Assignee,
        before: Option<&Assignee>,
    ) -> Result<(), Refusal> {
        let act = "add_countersigner";
        let item = self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        self.may_change_reviewers(act, &item)?;
        let unsuitable = |why| Err(Refusal::Unsuitable { act, item: key.to_string(), why });
        let review = &item.review;
        if review.members.contains(who) {
            return unsuitable(Why::new("they countersign already", "已在会签名单中").about("who"));
        }
        let barred = self.barred(&item, item.owner.as_ref(), item.handler.as_ref());
        if !self.can_sign(who, &barred) {
            return unsuitable(
                Why::new("nobody but the owner could sign for them", "除承办人外无人可代其会签")
                    .about("who"),
            );
        }
        let place = match before {
            Some(before) => review.members.iter().position(|member| member == before),
            None => Some(place_behind_the_one_in_hand(review)),
        };
        let Some(place) = place else {
            return unsuitable(
                Why::new(
                    "the one before whom they should stand does not countersign",
                    "要排在其前的不在会签名单中",
                )
                .about("before"),
            );
        };
        let mut changed = review.clone();
        changed.forget(who);
        changed.members.insert(place, who.clone());
        let date = self.date_of_added(key, &item, &changed);
        self.push(Fact::ReviewersChanged {
            item: key.clone(),
            members: changed.members,
            reason: None,
            added: Some(who.clone()),
            removed: None,
            date,
        });
        Ok(())
    }

    /// Whoever is added during a round begins with a full time for review.
    fn date_of_added(&mut self, key: &ItemKey, item: &Item, changed: &Review) -> SignerDate {
        if item.status != Status::Submitted {
            return SignerDate::Stays;
        }
        if changed.manner == Manner::Steps {
            return self.date_of_turn(key, item, changed);
        }
        match self.review_deadline(key, item) {
            (Some(due), arming) => SignerDate::Own { due, arming },
            (None, _) => SignerDate::Stays,
        }
    }

    /// A turn that begins because the list changed.
    fn date_of_turn(&mut self, key: &ItemKey, item: &Item, changed: &Review) -> SignerDate {
        let is_round = item.status == Status::Submitted && changed.manner == Manner::Steps;
        if !is_round || changed.pending() == item.review.pending() {
            return SignerDate::Stays;
        }
        let (due, arming) = self.review_deadline(key, item);
        SignerDate::Turn { due, arming }
    }

    pub(super) fn remove_countersigner(
        &mut self,
        key: &ItemKey,
        who: &Assignee,
        reason: &str,
    ) -> Result<(), Refusal> {
        let act = "remove_countersigner";
        let item = self.in_status(act, key, &[Status::Ready, Status::Active, Status::Submitted])?;
        if item.status == Status::Submitted {
            self.may_supervise(act, key.as_str())?;
        } else {
            self.may_change_reviewers(act, &item)?;
        }
        let reason = reason_of(act, reason)?;
        let mut changed = item.review.clone();
        changed.forget(who);
        changed.members.retain(|member| member != who);
        self.may_shrink(act, &item, &changed)?;
        let date = self.date_of_turn(key, &item, &changed);
        self.push(Fact::ReviewersChanged {
            item: key.clone(),
            members: changed.members.clone(),
            reason: Some(reason),
            added: None,
            removed: Some(who.clone()),
            date,
        });
        if item.status == Status::Submitted && changed.is_decided() {
            let taken_off = Some(who.clone());
            self.complete(key, Closing { taken_off, ..Closing::default() });
        }
        Ok(())
    }

    /// Whether a shorter list can still decide.
    fn may_shrink(&self, act: &'static str, item: &Item, changed: &Review) -> Result<(), Refusal> {
        if item.review.members.len() <= 1 {
            return Err(Refusal::NotApplicable {
                act,
                item: item.key.to_string(),
                why: Why::new(
                    "the last one stays; add another first",
                    "最后一位会签人不能去掉，请先加签",
                ),
            });
        }
        let unsuitable = |why| Err(Refusal::Unsuitable { act, item: item.key.to_string(), why });
        if changed.members.len() == item.review.members.len() {
            return unsuitable(Why::new("they do not countersign", "不在会签名单中").about("who"));
        }
        if changed.seats_missing(|member| !changed.has_answered(member)) > 0 {
            return unsuitable(
                Why::new(
                    "fewer signers would be left than must agree; add another first",
                    "去掉后不够所需的同意数，请先加签",
                )
                .about("who"),
            );
        }
        Ok(())
    }

    /// Whether somebody of the directory who is none of `barred` could sign for a seat.
    fn can_sign(&self, seat: &Assignee, barred: &[PersonId]) -> bool {
        let directory = &self.env.directory;
        let holders = directory.holders(seat);
        holders.iter().any(|one| directory.person(one).is_some() && !barred.contains(one))
    }

    /// The signers of an item that passes to another owner. The list of a round and the seats of
    /// a quorum stay; elsewhere whoever would review their own work gives way to a superior.
    pub(super) fn signers_after(&self, item: &Item, to: &Assignee) -> Vec<Assignee> {
        let review = &item.review;
        let stays = item.status == Status::Submitted || review.manner.quorum().is_some();
        if review.members.is_empty() || stays {
            return review.members.clone();
        }
        let members = self.separate(Some(to), review.members.clone());
        if members.is_empty() { review.members.clone() } else { members }
    }

    /// Whether an item that these people owe and handle could still be reviewed as well as now.
    pub(super) fn leaves_reviewers(
        &self,
        item: &Item,
        owner: Option<&Assignee>,
        handler: Option<&PersonId>,
        members: Vec<Assignee>,
    ) -> bool {
        let before = self.barred(item, item.owner.as_ref(), item.handler.as_ref());
        let missing = item.review.seats_missing(|seat| self.can_sign(seat, &before));
        let after = self.barred(item, owner, handler);
        let review = Review { members, ..item.review.clone() };
        review.seats_missing(|seat| self.can_sign(seat, &after)) <= missing
    }
}

/// Behind the signer in hand in steps, elsewhere last.
fn place_behind_the_one_in_hand(review: &Review) -> usize {
    let last = review.members.len();
    match (review.manner, review.pending().first()) {
        (Manner::Steps, Some(in_hand)) => {
            let place = review.members.iter().position(|member| member == *in_hand);
            place.map_or(last, |place| place + 1)
        }
        _ => last,
    }
}
