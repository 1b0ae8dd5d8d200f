//! What people and units were called when something happened.
//!
//! Each event keeps the names that its text shows. A post is called after its unit and by its own
//! name, which is part of it: the unit's name suffices.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use duban_model::{Assignee, Directory, PersonId, UnitId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::command::Actor;
use crate::event::{HoldCause, ItemKind};
use crate::fact::{Fact, bookkeeping};
use crate::ids::ItemKey;
use crate::tell::AXES_SHOWN;

/// Names of a time. Empty in events of versions that recorded none: those are called as they are
/// known when they are shown.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// Units.
    #[serde(default, skip_serializing_if = "NamesById::is_empty")]
    pub units: NamesById<UnitId>,
    /// People.
    #[serde(default, skip_serializing_if = "NamesById::is_empty")]
    pub people: NamesById<PersonId>,
}

/// Names by id, in the order of the ids, as JSON an object.
///
/// Most events name one or two, so that a list takes a tenth of a map's memory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamesById<K>(Vec<(K, String)>);

impl<K> Default for NamesById<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord> NamesById<K> {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What an id was called.
    pub fn get<Q: Ord + ?Sized>(&self, id: &Q) -> Option<&String>
    where
        K: Borrow<Q>,
    {
        let place = self.0.binary_search_by(|(other, _)| other.borrow().cmp(id)).ok()?;
        self.0.get(place).map(|(_, name)| name)
    }

    /// Adds a name, in place of another of the same id.
    fn insert(&mut self, id: K, name: String) {
        match self.0.binary_search_by(|(other, _)| other.cmp(&id)) {
            Ok(place) => self.0[place].1 = name,
            Err(place) => self.0.insert(place, (id, name)),
        }
    }
}

impl<K: Serialize> Serialize for NamesById<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, name)| (id, name)))
    }
}

impl<'de, K: Deserialize<'de> + Ord> Deserialize<'de> for NamesById<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<K, String>::deserialize(deserializer)?;
        Ok(Self(map.into_iter().collect()))
    }
}

impl Names {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.people.is_empty()
    }

    /// What a unit, post or person was called; where that was not recorded, what the directory
    /// calls them; without that, their id.
    pub fn name_of(&self, assignee: &Assignee, directory: &Directory) -> String {
        let unit = |id: &UnitId| self.units.get(id);
        let known = match assignee {
            Assignee::Unit(id) => unit(id).cloned(),
            Assignee::Post(id, post) => unit(id).map(|name| format!("{name} {post}")),
            Assignee::Person(id) => self.people.get(id).cloned(),
        };
        known.unwrap_or_else(|| directory.name_of(assignee))
    }

    /// What a unit that stands in an item's key was called; `None`: it is no unit that is known.
    pub(crate) fn unit<'a>(&'a self, id: &UnitId, directory: &'a Directory) -> Option<&'a str> {
        let known = self.units.get(id).map(String::as_str);
        known.or_else(|| directory.unit_name(id))
    }

    /// The names that the text of an event shows.
    pub(crate) fn shown(actor: &Actor, fact: &Fact, directory: &Directory) -> Self {
        let mut shown = Shown { names: Self::default(), directory };
        if shown.fact(fact) {
            if let Actor::Person { person, on_behalf_of } = actor {
                shown.person(person);
                on_behalf_of.iter().for_each(|absent| shown.person(absent));
            }
            fact.item().into_iter().for_each(|key| shown.key(key));
        }
        shown.names
    }
}

struct Shown<'d> {
    names: Names,
    directory: &'d Directory,
}

impl Shown<'_> {
    fn person(&mut self, id: &PersonId) {
        if let Some(name) = self.directory.person_name(id) {
            self.names.people.insert(id.clone(), name.to_owned());
        }
    }

    fn unit(&mut self, id: &UnitId) {
        if let Some(name) = self.directory.unit_name(id) {
            self.names.units.insert(id.clone(), name.to_owned());
        }
    }

    fn key(&mut self, key: &ItemKey) {
        let path = key.as_str().split('@').next().unwrap_or_default();
        path.split('/').skip(1).for_each(|part| self.unit(&part.into()));
    }

    fn one(&mut self, assignee: &Assignee) {
        match assignee {
            Assignee::Unit(unit) | Assignee::Post(unit, _) => self.unit(unit),
            Assignee::Person(person) => self.person(person),
        }
    }

    fn all<'a>(&mut self, assignees: impl IntoIterator<Item = &'a Assignee>) {
        assignees.into_iter().for_each(|one| self.one(one));
    }

    /// Whom a fact names besides its actor and its item. `false`: it is bookkeeping that is told
    /// to nobody.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of fact")]
    fn fact(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::ItemOpened { kind, ready, .. } => {
                self.all(&ready.owner);
                if let ItemKind::Interview { who, .. } = kind {
                    self.one(who);
                }
            }
            Fact::ItemReady { ready, .. } => self.all(&ready.owner),
            Fact::Countersigned { member, also, .. } => {
                self.all(std::iter::once(member).chain(also));
            }
            Fact::ReviewRefused { members, .. } | Fact::ReviewersChanged { members, .. } => {
                self.all(members);
            }
            Fact::Accepted { taken_off, .. } => self.all(taken_off),
            Fact::Superseded { because, .. } => self.key(because),
            Fact::Held { cause: HoldCause::Item(stopper), .. }
            | Fact::Released { cause: Some(HoldCause::Item(stopper)), .. } => self.key(stopper),
            Fact::Transferred { to, .. } => self.one(to),
            Fact::Delegated { to, .. } => to.iter().for_each(|person| self.person(person)),
            Fact::ReviewPlanned { review, .. } => self.all(&review.members),
            Fact::HandedOver { to, .. } => self.one(to),
            Fact::SeatFilled { member, .. } => self.one(member),
            Fact::AttentionNeeded { about, .. } | Fact::AttentionEnded { about, .. } => {
                self.all(&about.parse::<Assignee>());
            }
            Fact::AxesDiffer { came, gone } => {
                came.iter().chain(gone).take(AXES_SHOWN).for_each(|key| self.key(key));
            }
            Fact::Scored { unit, .. } => self.unit(unit),
            Fact::Sent(sent) => self.all(&sent.to),
            Fact::CaseOpened { .. }
            | Fact::OwnerMissing { .. }
            | Fact::ItemSkipped { .. }
            | Fact::ItemCarried { .. }
            | Fact::Signed { .. }
            | Fact::Reported { .. }
            | Fact::Submitted { .. }
            | Fact::Withdrawn { .. }
            | Fact::Returned { .. }
            | Fact::Reopened { .. }
            | Fact::ExtensionAsked { .. }
            | Fact::AnswerOverdue { .. }
            | Fact::ExtensionLapsed { .. }
            | Fact::ExtensionRefused { .. }
            | Fact::DeadlineSet { .. }
            | Fact::LatenessWithdrawn { .. }
            | Fact::EarlierDueProposed { .. }
            | Fact::Held { .. }
            | Fact::Released { .. }
            | Fact::SuspensionAsked { .. }
            | Fact::SuspensionRefused { .. }
            | Fact::CaseSuspended { .. }
            | Fact::CaseResumed
            | Fact::JudgementDeferred { .. }
            | Fact::ItemCancelled { .. }
            | Fact::StartOverdue { .. }
            | Fact::DueSoon { .. }
            | Fact::Overdue { .. }
            | Fact::ReviewOverdue { .. }
            | Fact::ReportMissed { .. }
            | Fact::Stalled { .. }
            | Fact::WindowJudged { .. }
            | Fact::MadeUp { .. }
            | Fact::PapersLate { .. }
            | Fact::IndicatorJudged { .. }
            | Fact::Unrectified { .. }
            | Fact::Referred { .. }
            | Fact::StruckOff { .. }
            | Fact::Logged { .. }
            | Fact::ScriptFailed { .. }
            | Fact::SubCaseLeft { .. }
            | Fact::SubCaseEnded { .. }
            | Fact::SubCaseSilent { .. }
            | Fact::ParentSaid { .. }
            | Fact::Renewed
            | Fact::CaseClosed
            | Fact::CaseReopened
            | Fact::CaseCancelled { .. }
            | Fact::Migrated { .. }
            | Fact::CalendarApplied { next: None, .. }
            | Fact::CadenceTaken { .. }
            | Fact::Mended { .. }
            | Fact::EntryCounted { .. }
            | Fact::FinishesAsItIs { .. }
            | Fact::NeedEnded { .. }
            | Fact::OpeningHeld { .. }
            | Fact::BoundReached { .. }
            | Fact::TakenBack { .. }
            | Fact::Faulted { .. }
            | Fact::Repaired { .. } => {}
            bookkeeping!() => return false,
        }
        true
    }
}
