//! Whom a message goes to by name, and who has it already.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use duban_core::Notification;
use duban_engine::{ChannelError, Delivery};
use duban_model::{Directory, PersonId};

type Lookup = Arc<dyn Fn() -> Arc<Directory> + Send + Sync>;

/// Where channels look people up. A cheap handle: clones look into the same directory.
///
/// Channels are made before the engine that holds the directory, so the handle is made empty and
/// told later. Until then every message waits.
///
/// ```
/// use std::sync::Arc;
/// use duban_notify::Contacts;
///
/// let contacts = Contacts::default();
/// // … make channels with `contacts.clone()`, start the engine, and then:
/// # let directory = Arc::new(duban_model::Directory::default());
/// contacts.follow(move || Arc::clone(&directory)); // or: move || engine.directory()
/// ```
#[derive(Clone, Default)]
pub struct Contacts {
    lookup: Arc<RwLock<Option<Lookup>>>,
}

impl fmt::Debug for Contacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contacts").finish_non_exhaustive()
    }
}

impl Contacts {
    /// People of one directory that never changes.
    pub fn of(directory: Directory) -> Self {
        let contacts = Self::default();
        let directory = Arc::new(directory);
        contacts.follow(move || Arc::clone(&directory));
        contacts
    }

    /// Says where the directory is to be had; asked anew for every message, so that an address
    /// corrected by the office counts from the next attempt on. A second call replaces the first.
    ///
    /// A closure that holds the engine keeps it alive: end such an engine with its `shutdown`.
    pub fn follow(&self, lookup: impl Fn() -> Arc<Directory> + Send + Sync + 'static) {
        let mut held = self.lookup.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(lookup));
    }

    /// The directory as it is now, if it is known yet.
    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        let lookup = self.lookup.read().unwrap_or_else(PoisonError::into_inner).clone();
        lookup.map(|lookup| lookup())
    }

    /// The people whom a message means, with their addresses for `key`.
    pub(crate) fn reach(&self, delivery: &Delivery, key: &str) -> Result<Reach, ChannelError> {
        let Some(directory) = self.directory() else {
            let error = "the directory is not known yet".to_owned();
            return Err(ChannelError::Retry { error, after: Some(DIRECTORY_WAIT) });
        };
        let mut reach = Reach::default();
        for id in &delivery.sent.people {
            let person = directory.person(id);
            match person.and_then(|person| person.addresses.get(key)) {
                Some(address) if !address.trim().is_empty() => reach.contacts.push(Contact {
                    person: id.clone(),
                    name: person.map(|person| person.name.clone()).unwrap_or_default(),
                    address: address.trim().to_owned(),
                }),
                _ => reach.missing.push(format!("`{id}` has no address `{key}`")),
            }
        }
        if delivery.sent.people.is_empty() {
            let to: Vec<String> = delivery.sent.to.iter().map(ToString::to_string).collect();
            reach.missing.push(match to.is_empty() {
                true => "it is for nobody".to_owned(),
                false => format!("nobody holds `{}`", to.join("`, `")),
            });
        }
        Ok(reach)
    }
}

/// How soon a message comes back that came before the directory.
const DIRECTORY_WAIT: Duration = Duration::from_secs(1);

/// Whether a message is meant for people at all. Custom events are for programs.
pub(crate) fn is_for_people(delivery: &Delivery) -> bool {
    delivery.sent.kind != Notification::Emit
}

/// What becomes of a message for somebody who has no address for the channel.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unaddressed {
    /// The others get it, then it is parked as a dead letter that names who did not: nobody is
    /// left out unseen.
    #[default]
    Park,
    /// The others get it, and that is all. For a channel beside another one that reaches everybody.
    Skip,
}

/// A person with an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Contact {
    pub(crate) person: PersonId,
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Who can be reached, and what stands against the others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Reach {
    pub(crate) contacts: Vec<Contact>,
    pub(crate) missing: Vec<String>,
}

/// What came of one attempt, person by person.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Who has it now.
    pub(crate) taken: Vec<PersonId>,
    /// Why some may get it later.
    pub(crate) later: Vec<String>,
    /// When to try again, if the other side said so.
    pub(crate) after: Option<Duration>,
    /// Why others never will.
    pub(crate) refused: Vec<String>,
}

impl Round {
    /// What the engine is told.
    fn verdict(self) -> Result<(), ChannelError> {
        if !self.later.is_empty() {
            let error = self.later.into_iter().chain(self.refused).collect::<Vec<_>>().join("; ");
            return Err(ChannelError::Retry { error, after: self.after });
        }
        match self.refused.is_empty() {
            true => Ok(()),
            false => Err(ChannelError::Dead { error: self.refused.join("; ") }),
        }
    }
}

/// Deliveries remembered at most; the oldest is forgotten first.
const REMEMBERED_MAX: usize = 4_096;

/// Who has taken a message that others have not: they do not get it again when it is repeated.
///
/// Kept in memory alone. After a restart they may get it once more, under the same id.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    parts: Mutex<VecDeque<(String, BTreeSet<PersonId>)>>,
}

impl Taken {
    /// Those who do not have the message yet.
    pub(crate) fn open<'a>(&self, id: &str, contacts: &'a [Contact]) -> Vec<&'a Contact> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let had = parts.iter().find(|(known, _)| known == id).map(|(_, people)| people);
        let is_open = |contact: &&Contact| had.is_none_or(|had| !had.contains(&contact.person));
        contacts.iter().filter(is_open).collect()
    }

    /// Keeps who took it, or forgets the message where nothing is left to do.
    pub(crate) fn close(&self, id: &str, round: Round) -> Result<(), ChannelError> {
        let people = round.taken.clone();
        let verdict = round.verdict();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.iter().position(|(known, _)| known == id);
        let mut had = known.and_then(|at| parts.remove(at)).map(|(_, had)| had).unwrap_or_default();
        had.extend(people);
        if verdict.is_err() && !had.is_empty() {
            parts.push_back((id.to_owned(), had));
            if parts.len() > REMEMBERED_MAX {
                parts.pop_front();
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(person: &str) -> Contact {
        Contact { person: person.into(), name: String::new(), address: String::new() }
    }

    fn later(taken: &[&str]) -> Round {
        let taken = taken.iter().map(|person| (*person).into()).collect();
        Round { taken, later: vec!["busy".to_owned()], ..Round::default() }
    }

    #[test]
    fn who_has_it_does_not_get_it_again() {
        let taken = Taken::default();
        let all = [contact("a"), contact("b"), contact("c")];
        let open = || -> Vec<&Contact> { taken.open("m-1", &all) };
        assert_eq!(open().len(), 3);
        assert!(taken.close("m-1", later(&["a"])).is_err());
        assert!(taken.close("m-1", later(&["c"])).is_err());
        assert_eq!(open(), [&all[1]]);
        assert_eq!(taken.open("m-2", &all).len(), 3, "another message");
        assert!(taken.close("m-1", Round::default()).is_ok());
        assert_eq!(open().len(), 3, "what has arrived is forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let taken = Taken::default();
        for number in 0..=REMEMBERED_MAX {
            drop(taken.close(&format!("m-{number}"), later(&["a"])));
        }
        assert_eq!(taken.parts.lock().unwrap().len(), REMEMBERED_MAX);
        assert_eq!(taken.open("m-0", &[contact("a")]).len(), 1, "the oldest was forgotten");
    }
}
