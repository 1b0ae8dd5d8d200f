//! The directory: units, posts and people, as the office has them now.
//!
//! A directory is a value. A change makes a new one; what happened keeps the posts that people
//! held then, because events record them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use duban_calendar::{Date, Instant};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{PersonId, UnitId};
use crate::wording::{BadWording, What};

/// The most units on the way from one up to its root, itself among them (`unit_depth_max`). The
/// work of a task goes up that way again and again.
pub const UNIT_DEPTH_MAX: usize = 64;

/// A unit: a district, a street, a bureau.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Its code; names repeat, codes do not.
    pub id: UnitId,
    /// What people read.
    pub name: String,
    /// Its level, one of the suite's `levels`.
    pub level: String,
    /// The unit above it; only the root has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superior: Option<UnitId>,
    /// What it is besides its level, for example `功能区`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Since when it exists; `None`: from the beginning. A duty is not owed for the window in
    /// which a unit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// Codes of units, gone by now, whose place it took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predecessors: Vec<UnitId>,
}

/// A post of a unit and who holds it. The first post of a unit answers for the unit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// The unit.
    pub unit: UnitId,
    /// Its name, for example `书记`.
    pub name: String,
    /// Who holds it, first the one who answers; empty while it is vacant.
    #[serde(default)]
    pub holders: Vec<PersonId>,
}

/// A person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The office's own id for the person.
    pub id: PersonId,
    /// What people read.
    pub name: String,
    /// Addresses by channel, for example `email`, `wecom`, `dingtalk`, `feishu`, `mobile`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
}

/// One person stands in for another, from the first to the last date.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StandIn {
    /// Who is absent.
    pub absent: PersonId,
    /// Who stands in.
    pub by: PersonId,
    /// First date.
    pub from: Date,
    /// Last date.
    pub until: Date,
    /// Who set it and when, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Signed>,
    /// Who ended it early and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Signed>,
}

/// Who did something and when.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Signed {
    /// A person's id, an administrator's login, a token's name.
    pub by: String,
    /// When.
    pub at: Instant,
}

impl StandIn {
    /// Whether it holds on a date.
    pub fn covers(&self, on: Date) -> bool {
        self.from <= on && on <= self.until
    }

    /// Whether it says the same as another, whoever set them.
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.absent.clone(), one.by.clone(), one.from, one.until);
        key(self) == key(other)
    }
}

/// A unit, a post or a person that owes or reviews something.
///
/// Written as text: `unit:370102`, `post:370102/书记`, `person:p17`.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Assignee {
    /// Whoever answers for the unit.
    Unit(UnitId),
    /// Whoever holds the post.
    Post(UnitId, std::sync::Arc<str>),
    /// That person.
    Person(PersonId),
}

impl fmt::Display for Assignee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(unit) => write!(f, "unit:{unit}"),
            Self::Post(unit, post) => write!(f, "post:{unit}/{post}"),
            Self::Person(person) => write!(f, "person:{person}"),
        }
    }
}

/// A text that names no assignee.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not `unit:CODE`, `post:CODE/NAME` or `person:ID`")]
pub struct NotAnAssignee(String);

impl FromStr for Assignee {
    type Err = NotAnAssignee;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || NotAnAssignee(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
        if rest.is_empty() {
            return Err(unknown());
        }
        match kind {
            "unit" => Ok(Self::Unit(rest.into())),
            "person" => Ok(Self::Person(rest.into())),
            "post" => {
                let (unit, post) = rest.split_once('/').ok_or_else(unknown)?;
                Ok(Self::Post(unit.into(), post.into()))
            }
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Assignee {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Assignee {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a directory file holds.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct DirectoryData {
    /// Units, superiors anywhere in the list.
    pub units: Vec<Unit>,
    /// Posts, each unit's most answerable first.
    pub posts: Vec<Post>,
    /// People.
    pub people: Vec<Person>,
    /// Absences.
    #[serde(default)]
    pub stand_ins: Vec<StandIn>,
    /// When units came that do not say since when they exist. Kept by whoever keeps the directory;
    /// what is there from the beginning is not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub came: BTreeMap<UnitId, Date>,
    /// What units and people were called that have left it. Kept by whoever puts a directory in
    /// place of another ([`Directory::following`]).
    #[serde(default, skip_serializing_if = "Former::is_empty")]
    pub former: Former,
}

/// What a directory's version is the digest of.
#[derive(Serialize)]
struct Present<'d> {
    units: &'d [Unit],
    posts: &'d [Post],
    people: &'d [Person],
    stand_ins: &'d [StandIn],
}

/// Names of units and people that are in a directory no more: what they did, and what is still
/// theirs, is shown under them.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Former {
    /// Units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<UnitId, String>,
    /// People.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<PersonId, String>,
}

impl Former {
    fn is_empty(&self) -> bool {
        self.units.is_empty() && self.people.is_empty()
    }
}

/// Why some data is not a directory.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Two units, posts or people of one id. Rename one.
    #[error("`{0}` is used twice")]
    Duplicate(String),
    /// A superior, unit or holder that is not in the data. Add it or correct the id.
    #[error("`{what}` of `{of}` is not in the directory")]
    Unknown {
        /// The id that leads nowhere.
        what: String,
        /// Where it is named.
        of: String,
    },
    /// An id, a code or a name that cannot be one. Correct it.
    #[error("{0}")]
    Bad(#[from] BadWording),
    /// Superiors go round in a circle. Break it.
    #[error("the superiors of `{0}` go round in a circle")]
    Circle(UnitId),
    /// Too many units stand above each other. Take some of the steps between out.
    #[error("`{0}` is too deep: limit `unit_depth_max` ({UNIT_DEPTH_MAX}) reached")]
    TooDeep(UnitId),
}

impl DirectoryError {
    /// The code of the same problem in an author's file.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Duplicate(_) => "DB1301",
            Self::Unknown { .. } => "DB1302",
            Self::Circle(_) => "DB1303",
            Self::Bad(_) => "DB1313",
            Self::TooDeep(_) => "DB1314",
        }
    }

    /// The same for people who read Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Duplicate(id) => format!("`{id}` 重复"),
            Self::Unknown { what, of } => format!("`{of}` 的 `{what}` 不存在"),
            Self::Circle(id) => format!("`{id}` 的上级绕成了圈"),
            Self::Bad(bad) => bad.zh(),
            Self::TooDeep(id) => {
                format!("`{id}` 的上级多于上限 unit_depth_max（连本级 {UNIT_DEPTH_MAX} 级）")
            }
        }
    }
}

/// Checks every id and name, those of who has left among them.
fn check_wording(data: &DirectoryData) -> Result<(), BadWording> {
    let DirectoryData { units, posts, people, stand_ins, came, former } = data;
    for Unit { id, name, level, superior, tags, since: _, predecessors } in units {
        What::Unit.check(id.as_str())?;
        What::UnitName.check(name)?;
        What::Level.check(level)?;
        let others = superior.iter().chain(predecessors);
        others.map(UnitId::as_str).try_for_each(|id| What::Unit.check(id))?;
        tags.iter().try_for_each(|tag| What::Tag.check(tag))?;
    }
    for Post { unit, name, holders } in posts {
        What::Unit.check(unit.as_str())?;
        What::Post.check(name)?;
        holders.iter().try_for_each(|holder| What::Person.check(holder.as_str()))?;
    }
    for Person { id, name, addresses } in people {
        What::Person.check(id.as_str())?;
        What::PersonName.check(name)?;
        addresses.keys().try_for_each(|channel| What::Channel.check(channel))?;
        addresses.values().try_for_each(|address| What::Address.check(address))?;
    }
    for StandIn { absent, by, .. } in stand_ins {
        What::Person.check(absent.as_str())?;
        What::Person.check(by.as_str())?;
    }
    came.keys().chain(former.units.keys()).try_for_each(|id| What::Unit.check(id.as_str()))?;
    former.units.values().try_for_each(|name| What::UnitName.check(name))?;
    former.people.keys().try_for_each(|id| What::Person.check(id.as_str()))?;
    former.people.values().try_for_each(|name| What::PersonName.check(name))
}

/// Where to find what is asked for by its key, in every decision.
#[expect(clippy::disallowed_types, reason = "asked by key alone: its order shows nowhere")]
type Index<K, V> = std::collections::HashMap<K, V>;

/// Units, posts and people with indexes; immutable.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    data: DirectoryData,
    units: Index<UnitId, usize>,
    by_name: Index<String, Vec<usize>>,
    children: Index<UnitId, Vec<UnitId>>,
    posts: Index<UnitId, Vec<usize>>,
    people: Index<PersonId, usize>,
    posts_of: Index<PersonId, Vec<usize>>,
    version: OnceLock<String>,
}

impl Directory {
    /// Indexes the data after checking it.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] names the first id that is repeated, unknown or its own superior, the
    /// first id or name that cannot be one, or a unit that lies too deep.
    pub fn new(data: DirectoryData) -> Result<Self, DirectoryError> {
        check_wording(&data)?;
        let directory = Self::kept(data)?;
        match directory.check_superiors()? {
            Some((depth, unit)) if depth > UNIT_DEPTH_MAX => {
                Err(DirectoryError::TooDeep(unit.clone()))
            }
            _ => Ok(directory),
        }
    }

    /// As [`new`](Self::new), of data that have been taken before: what an earlier version has let
    /// an id or a name be, or has let units lie how deep, stays readable.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] names the first id that is repeated, unknown or its own superior.
    pub fn kept(data: DirectoryData) -> Result<Self, DirectoryError> {
        let mut directory = Self { data, ..Self::default() };
        directory.index_units()?;
        directory.index_people()?;
        directory.index_posts()?;
        directory.check_superiors()?;
        Ok(directory)
    }

    fn index_units(&mut self) -> Result<(), DirectoryError> {
        for (at, unit) in self.data.units.iter().enumerate() {
            if self.units.insert(unit.id.clone(), at).is_some() {
                return Err(DirectoryError::Duplicate(unit.id.to_string()));
            }
            self.by_name.entry(unit.name.clone()).or_default().push(at);
            if let Some(superior) = &unit.superior {
                self.children.entry(superior.clone()).or_default().push(unit.id.clone());
            }
        }
        Ok(())
    }

    fn index_people(&mut self) -> Result<(), DirectoryError> {
        for (at, person) in self.data.people.iter().enumerate() {
            if self.people.insert(person.id.clone(), at).is_some() {
                return Err(DirectoryError::Duplicate(person.id.to_string()));
            }
        }
        Ok(())
    }

    fn index_posts(&mut self) -> Result<(), DirectoryError> {
        let mut seen = BTreeSet::new();
        for (at, post) in self.data.posts.iter().enumerate() {
            let of = || format!("{}/{}", post.unit, post.name);
            if !self.units.contains_key(&post.unit) {
                return Err(DirectoryError::Unknown { what: post.unit.to_string(), of: of() });
            }
            if !seen.insert((&post.unit, &post.name)) {
                return Err(DirectoryError::Duplicate(of()));
            }
            self.posts.entry(post.unit.clone()).or_default().push(at);
            for holder in &post.holders {
                if !self.people.contains_key(holder) {
                    return Err(DirectoryError::Unknown { what: holder.to_string(), of: of() });
                }
                self.posts_of.entry(holder.clone()).or_default().push(at);
            }
        }
        Ok(())
    }

    /// Goes up from every unit, no way twice, and gives the unit that lies deepest and how deep.
    fn check_superiors(&self) -> Result<Option<(usize, &UnitId)>, DirectoryError> {
        let units = &self.data.units;
        // 0: not yet seen; `WALKED`: on the way up from the unit that is looked at.
        const WALKED: usize = usize::MAX;
        let mut depths = vec![0_usize; units.len()];
        let mut way = Vec::new();
        let mut deepest = None;
        for (start, unit) in units.iter().enumerate() {
            let mut at = Some(start);
            while let Some(here) = at.filter(|&here| depths[here] == 0) {
                depths[here] = WALKED;
                way.push(here);
                at = match &units[here].superior {
                    None => None,
                    Some(superior) => Some(*self.units.get(superior).ok_or_else(|| {
                        let of = units[here].id.to_string();
                        DirectoryError::Unknown { what: superior.to_string(), of }
                    })?),
                };
            }
            let mut depth = at.map_or(0, |above| depths[above]);
            if depth == WALKED {
                return Err(DirectoryError::Circle(unit.id.clone()));
            }
            for here in way.drain(..).rev() {
                depth += 1;
                depths[here] = depth;
                if deepest.is_none_or(|(most, _)| depth > most) {
                    deepest = Some((depth, &units[here].id));
                }
            }
        }
        Ok(deepest)
    }

    /// The data it was made from.
    pub fn data(&self) -> &DirectoryData {
        &self.data
    }

    /// A digest of the data (SHA-256 in hexadecimal): the same for the same data alone, whatever
    /// those were called who have left. Worked out when it is first asked for.
    pub fn version(&self) -> &str {
        self.version.get_or_init(|| {
            let DirectoryData { units, posts, people, stand_ins, came: _, former: _ } = &self.data;
            let json = serde_json::to_vec(&Present { units, posts, people, stand_ins });
            let digest = Sha256::digest(json.expect("invariant: a directory is plain data"));
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// The unit of that code.
    pub fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.units.get(id).map(|&at| &self.data.units[at])
    }

    /// Since when a unit exists: as it says, else since it came into the directory; `None`: from
    /// the beginning, or there is no such unit.
    pub fn since(&self, id: &UnitId) -> Option<Date> {
        self.unit(id)?.since.or_else(|| self.data.came.get(id).copied())
    }

    /// The unit that took the place of one that is gone: the first in the order of the file.
    pub fn successor(&self, gone: &UnitId) -> Option<&Unit> {
        self.data.units.iter().find(|unit| unit.predecessors.contains(gone))
    }

    /// Whether lists of units and posts would come out the same from another directory: they
    /// differ in nothing but people and in who holds which post.
    pub fn has_the_units_of(&self, other: &Self) -> bool {
        let posts = |data: &'_ DirectoryData| {
            let names = data.posts.iter().map(|post| (post.unit.clone(), post.name.clone()));
            names.collect::<Vec<_>>()
        };
        self.data.units == other.data.units && posts(&self.data) == posts(&other.data)
    }

    /// Units of that name, in the order of the file. Names repeat; codes do not.
    pub fn units_named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Unit> + use<'a> {
        let found = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&at| &self.data.units[at])
    }

    /// All units in the order of the file.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.data.units.iter()
    }

    /// Units one step below, in the order of the file.
    pub fn children<'a>(&'a self, id: &UnitId) -> impl Iterator<Item = &'a Unit> + use<'a> {
        let found = self.children.get(id).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|child| self.unit(child))
    }

    /// Units of a level anywhere below, depth first in the order of the file.
    pub fn below(&self, id: &UnitId, level: &str) -> Vec<&Unit> {
        self.descendants(id).filter(|unit| unit.level == level).collect()
    }

    /// All units below one, each before those below it, in the order of the directory.
    pub fn descendants<'a>(&'a self, id: &UnitId) -> impl Iterator<Item = &'a Unit> + use<'a> {
        let mut stack: Vec<&Unit> = self.children(id).collect();
        stack.reverse();
        std::iter::from_fn(move || {
            let unit = stack.pop()?;
            let begun = stack.len();
            stack.extend(self.children(&unit.id));
            stack[begun..].reverse();
            Some(unit)
        })
    }

    /// Whether `id` is `above` or lies anywhere below it.
    pub fn is_within(&self, id: &UnitId, above: &UnitId) -> bool {
        self.chain(id).any(|unit| unit.id == *above)
    }

    /// The unit itself, then its superiors up to the root.
    pub fn chain<'a>(&'a self, id: &UnitId) -> impl Iterator<Item = &'a Unit> + use<'a> {
        std::iter::successors(self.unit(id), |unit| {
            unit.superior.as_ref().and_then(|superior| self.unit(superior))
        })
    }

    /// A unit's posts, the one that answers for it first.
    pub fn posts<'a>(&'a self, unit: &UnitId) -> impl Iterator<Item = &'a Post> + use<'a> {
        let found = self.posts.get(unit).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&at| &self.data.posts[at])
    }

    /// A unit's post of that name.
    pub fn post(&self, unit: &UnitId, name: &str) -> Option<&Post> {
        self.posts(unit).find(|post| post.name == name)
    }

    /// The person of that id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.get(id).map(|&at| &self.data.people[at])
    }

    /// The posts a person holds.
    pub fn posts_of<'a>(&'a self, person: &PersonId) -> impl Iterator<Item = &'a Post> + use<'a> {
        let found = self.posts_of.get(person).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&at| &self.data.posts[at])
    }

    /// The unit that an assignee belongs to: a person's is that of the first post they hold.
    pub fn unit_of(&self, assignee: &Assignee) -> Option<UnitId> {
        match assignee {
            Assignee::Unit(unit) | Assignee::Post(unit, _) => Some(unit.clone()),
            Assignee::Person(person) => self.posts_of(person).next().map(|post| post.unit.clone()),
        }
    }

    /// Who may act for an assignee: the holders of the post, anyone with a post in the unit, or
    /// the person. The first one answers.
    pub fn holders(&self, assignee: &Assignee) -> Vec<PersonId> {
        match assignee {
            Assignee::Person(person) => vec![person.clone()],
            Assignee::Post(unit, name) => {
                self.post(unit, name).map(|post| post.holders.clone()).unwrap_or_default()
            }
            Assignee::Unit(unit) => {
                let mut seen = BTreeSet::new();
                let all = self.posts(unit).flat_map(|post| &post.holders);
                all.filter(|holder| seen.insert(*holder)).cloned().collect()
            }
        }
    }

    /// Who stands in for a person on a date, in the order of the file.
    pub fn stand_ins(&self, absent: &PersonId, on: Date) -> impl Iterator<Item = &PersonId> {
        self.data
            .stand_ins
            .iter()
            .filter(move |entry| entry.absent == *absent && entry.covers(on))
            .map(|entry| &entry.by)
    }

    /// This directory in place of another: it goes on knowing what those were called who are gone.
    pub fn following(&self, before: &Self) -> Self {
        let mut former = before.data.former.clone();
        let named = before.data.units.iter().map(|unit| (unit.id.clone(), unit.name.clone()));
        former.units.extend(named);
        former.units.retain(|id, _| self.unit(id).is_none());
        let named = before.data.people.iter().map(|one| (one.id.clone(), one.name.clone()));
        former.people.extend(named);
        former.people.retain(|id, _| self.person(id).is_none());
        if former == self.data.former {
            return self.clone();
        }
        let data = DirectoryData { former, ..self.data.clone() };
        Self { data, version: OnceLock::new(), ..self.clone() }
    }

    /// A unit's name, also of one that has left the directory.
    pub fn unit_name(&self, id: &UnitId) -> Option<&str> {
        let known = self.unit(id).map(|unit| &unit.name);
        known.or_else(|| self.data.former.units.get(id)).map(String::as_str)
    }

    /// A person's name, also of one who has left the directory.
    pub fn person_name(&self, id: &PersonId) -> Option<&str> {
        let known = self.person(id).map(|person| &person.name);
        known.or_else(|| self.data.former.people.get(id)).map(String::as_str)
    }

    /// What people read for an assignee, for example `历下区 书记`. Whoever has left the directory
    /// keeps the last name.
    pub fn name_of(&self, assignee: &Assignee) -> String {
        let unit = |id: &UnitId| self.unit_name(id).unwrap_or(id.as_str()).to_owned();
        match assignee {
            Assignee::Unit(id) => unit(id),
            Assignee::Post(id, post) => format!("{} {post}", unit(id)),
            Assignee::Person(id) => self.person_name(id).unwrap_or(id.as_str()).to_owned(),
        }
    }
}
