//! What a person may see: their own units and all below, what they take part in, and, for the
//! supervision office of a suite, everything of that suite.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_calendar::date_of;
use duban_core::{Actor, Case, CaseRow};
use duban_engine::Engine;
use duban_model::{Assignee, Directory, PersonId, UnitId};
use duban_store::{CaseFilter, PageRequest, Store};
use serde::Deserialize;

use crate::pages::Failure;

/// What one person may see and for whom they may act today.
pub(crate) struct Sight {
    pub(crate) directory: Arc<Directory>,
    pub(crate) person: PersonId,
    /// Absent people for whom they stand in today.
    pub(crate) absent: Vec<PersonId>,
    /// Units in which they, or those absent, hold posts.
    own: BTreeSet<UnitId>,
    /// Whether they supervise every suite.
    sees_all: bool,
}

impl Sight {
    pub(crate) async fn of<S: Store>(
        engine: &Engine<S>,
        person: &PersonId,
    ) -> Result<Self, Failure> {
        let directory = engine.directory();
        // Stand-ins are by civil day; offices of one database share a zone.
        let today = date_of(engine.now(), duban_calendar::Tz::Asia__Shanghai);
        let absences = directory.data().stand_ins.iter();
        let absent: Vec<PersonId> = absences
            .filter(|one| one.by == *person && one.from <= today && today <= one.until)
            .map(|one| one.absent.clone())
            .collect();
        let mut own = BTreeSet::new();
        for one in absent.iter().chain([person]) {
            own.extend(directory.posts_of(one).map(|post| post.unit.clone()));
        }
        let mut sight = Self { directory, person: person.clone(), absent, own, sees_all: false };
        sight.sees_all = sight.supervises_all(engine).await?;
        Ok(sight)
    }

    /// Everyone on whose behalf they may act: themselves first.
    pub(crate) fn actors(&self) -> Vec<Actor> {
        let mut actors = vec![Actor::person(self.person.clone())];
        actors.extend(self.absent.iter().map(|absent| Actor::Person {
            person: self.person.clone(),
            on_behalf_of: Some(absent.clone()),
        }));
        actors
    }

    /// Every assignee whose work is theirs.
    pub(crate) fn assignees(&self) -> Vec<Assignee> {
        let mut all = BTreeSet::new();
        for one in self.absent.iter().chain([&self.person]) {
            all.insert(Assignee::Person(one.clone()));
            for post in self.directory.posts_of(one) {
                all.insert(Assignee::Unit(post.unit.clone()));
                all.insert(Assignee::Post(post.unit.clone(), post.name.as_str().into()));
            }
        }
        all.into_iter().collect()
    }

    /// The units that they may see with all below; `None` where they see all.
    pub(crate) fn upper_units(&self) -> Option<&BTreeSet<UnitId>> {
        (!self.sees_all).then_some(&self.own)
    }

    /// For lists: the units they may see; `None` where they see all.
    pub(crate) fn units(&self) -> Option<Vec<UnitId>> {
        if self.sees_all {
            return None;
        }
        let below = self.own.iter().flat_map(|own| below(&self.directory, own));
        Some(below.collect::<BTreeSet<_>>().into_iter().map(|unit| unit.as_str().into()).collect())
    }

    /// The units of a list's filter, narrowed to what they may see; empty: no unit is left out.
    /// `None` where they may see nothing of what is wanted.
    pub(crate) fn filter(&self, wanted: Option<&str>) -> Option<Vec<String>> {
        match wanted.filter(|wanted| !wanted.is_empty()) {
            Some(wanted) if self.covers(&wanted.into()) => Some(vec![wanted.to_owned()]),
            Some(_) => None,
            None => {
                let Some(units) = self.units() else { return Some(Vec::new()) };
                let units: Vec<String> = units.iter().map(ToString::to_string).collect();
                (!units.is_empty()).then_some(units)
            }
        }
    }

    /// The units of a search: those of a name or code with all below them, narrowed to what they
    /// may see; empty: no unit is left out. `None` where they may see nothing of what is wanted.
    pub(crate) fn within(&self, wanted: &str) -> Option<Vec<String>> {
        if wanted.is_empty() {
            return self.filter(None);
        }
        let named = self.directory.units_named(wanted).map(|unit| unit.id.clone());
        let code = self.directory.unit(&wanted.into()).map(|unit| unit.id.clone());
        let seen = named.chain(code).filter(|unit| self.covers(unit));
        let units: BTreeSet<String> = seen.flat_map(|unit| below(&self.directory, &unit)).collect();
        (!units.is_empty()).then(|| units.into_iter().collect())
    }

    /// Whether a unit is theirs or lies below one of theirs.
    pub(crate) fn covers(&self, unit: &UnitId) -> bool {
        self.sees_all || self.own.iter().any(|own| self.directory.is_within(unit, own))
    }

    /// Whether they may look into a case.
    pub(crate) fn may_see(&self, case: &Case) -> bool {
        let head = case.head();
        let is_ours = |assignee: &Assignee| {
            matches!(assignee, Assignee::Person(person)
                if *person == self.person || self.absent.contains(person))
                || self.directory.unit_of(assignee).is_some_and(|unit| self.covers(&unit))
        };
        self.covers(&head.name.unit)
            || head.supervision.iter().chain(&head.lead).chain(&head.with).any(is_ours)
            || case.items().any(|item| {
                let handler = item.handler.as_ref();
                self.covers(&item.unit)
                    || item.owner.iter().chain(&item.review.members).any(is_ours)
                    || handler.is_some_and(|handler| *handler == self.person)
            })
    }

    /// Whether every suite that has cases is supervised by them.
    async fn supervises_all<S: Store>(&self, engine: &Engine<S>) -> Result<bool, Failure> {
        let offices = supervisors(engine).await?;
        let is_theirs = |holders: &Vec<PersonId>| {
            holders.contains(&self.person) || self.absent.iter().any(|one| holders.contains(one))
        };
        Ok(!offices.is_empty() && offices.iter().all(is_theirs))
    }
}

/// The codes of a unit and of all below it. A code that the directory does not know stands for
/// itself.
pub(crate) fn below(directory: &Directory, unit: &UnitId) -> Vec<String> {
    let mut found = vec![unit.clone()];
    let mut at = 0;
    while let Some(unit) = found.get(at).cloned() {
        found.extend(directory.children(&unit).map(|child| child.id.clone()));
        at += 1;
    }
    found.iter().map(ToString::to_string).collect()
}

/// Of a case's head, what says who supervises it.
#[derive(Deserialize)]
struct Supervised {
    supervision: Option<Assignee>,
}

/// Cases that are asked which office supervises their suite, where the first cannot be read.
const CASES_ASKED_MAX: u32 = 10;

/// Who supervises each suite that has cases. A suite's first case says which office does.
pub(crate) async fn supervisors<S: Store>(
    engine: &Engine<S>,
) -> Result<Vec<Vec<PersonId>>, Failure> {
    let directory = engine.directory();
    let currents = engine.store().currents().await?;
    let suites: BTreeSet<String> = currents.into_iter().map(|(suite, _, _)| suite).collect();
    let mut found = Vec::new();
    for suite in suites {
        let filter = CaseFilter { suite: Some(suite), ..CaseFilter::default() };
        let first = engine.cases(filter, PageRequest::first(CASES_ASKED_MAX)).await?.rows;
        let read = |row: &CaseRow| serde_json::from_str::<Supervised>(&row.data).ok();
        let Some(head) = first.iter().find_map(read) else { continue };
        let office = head.supervision;
        found.push(office.map(|office| directory.holders(&office)).unwrap_or_default());
    }
    Ok(found)
}
