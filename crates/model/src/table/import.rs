//! From sheets to a directory.

use std::collections::{BTreeMap, BTreeSet};

use super::Sheet;
use super::columns::{Column, TableKind};
use super::rows::{Found, Line, Table};
use crate::absence::check_stand_in;
use crate::dates::plain;
use crate::definition::Place;
use crate::directory::{Directory, DirectoryData, DirectoryError, Person, Post, StandIn, Unit};
use crate::ids::{PersonId, UnitId};
use crate::problem::Problem;
use crate::wording::What;

/// What becomes of units, posts and people that the tables do not name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// They go: the tables are the whole directory.
    Replace,
    /// They stay: the tables add and change. A column that is not there changes nothing; a cell
    /// that is there counts, empty ones too.
    Merge,
}

/// A directory read from tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The whole directory as it would be.
    pub data: DirectoryData,
    /// What was not read, and what looks wrong.
    pub warnings: Vec<Problem>,
}

/// Makes a directory of tables and of the one that is there.
///
/// Units and people are named by code, or by name where only one has it. `levels` are the levels
/// that suites know, with what people call them; either may be written. Absences that are there
/// stay in both modes, as long as both people do.
///
/// # Errors
///
/// Every problem with its sheet, row and column, up to [`PROBLEMS_MAX`](super::PROBLEMS_MAX).
pub fn import_tables(
    sheets: &[Sheet],
    current: &Directory,
    mode: Mode,
    levels: &[(String, String)],
) -> Result<Imported, Vec<Problem>> {
    let mut found = Found::default();
    let tables: Vec<Table<'_>> =
        sheets.iter().filter_map(|sheet| Table::new(sheet, &mut found)).collect();
    check_whole(&tables, sheets, mode, &mut found);
    let start = match mode {
        Mode::Merge => current.data().clone(),
        Mode::Replace => DirectoryData {
            stand_ins: current.data().stand_ins.clone(),
            came: current.data().came.clone(),
            ..DirectoryData::default()
        },
    };
    let mut draft = Draft { data: start, found, levels, lines: BTreeMap::new() };
    draft.read_units(&tables);
    draft.read_people(&tables);
    draft.read_posts(&tables);
    draft.read_stand_ins(&tables);
    draft.check(&tables);
    let warnings = draft.found.settle()?;
    Ok(Imported { data: draft.data, warnings })
}

/// A whole directory has units, posts and people.
fn check_whole(tables: &[Table<'_>], sheets: &[Sheet], mode: Mode, found: &mut Found) {
    let has = |kind| tables.iter().any(|table| table.kind == kind);
    let file = || sheets.first().map(Sheet::title).unwrap_or_default();
    if tables.is_empty() && found.count() == 0 {
        let place = Place { file: file(), line: 1, column: 1, length: 0 };
        found.add(Problem::error("DB1305", &place, "没有读到单位、岗位、人员、花名册或代理表"));
    } else if mode == Mode::Replace && found.count() == 0 {
        let people = has(TableKind::Roster) || (has(TableKind::Posts) && has(TableKind::People));
        if !has(TableKind::Units) || !people {
            let place = Place { file: file(), line: 1, column: 1, length: 0 };
            let text = "整体替换要有单位表，以及岗位表和人员表（或花名册）";
            let help = "只改一部分请用“合并”";
            found.add(Problem::error("DB1305", &place, text).with_help(help));
        }
    }
}

/// Ids by themselves and by names that people write.
struct Names<I> {
    what: &'static str,
    ids: BTreeSet<I>,
    named: BTreeMap<String, Vec<I>>,
}

impl<I: Clone + Ord + for<'t> From<&'t str>> Names<I> {
    fn new<'d>(what: &'static str, all: impl Iterator<Item = (&'d I, &'d str)>) -> Self
    where
        I: 'd,
    {
        let mut names = Self { what, ids: BTreeSet::new(), named: BTreeMap::new() };
        for (id, name) in all {
            names.ids.insert(id.clone());
            names.named.entry(name.to_owned()).or_default().push(id.clone());
        }
        names
    }

    fn find(&self, text: &str, line: Line<'_>, column: &Column, found: &mut Found) -> Option<I> {
        for id in [I::from(text), I::from(&plain(text))] {
            if self.ids.contains(&id) {
                return Some(id);
            }
        }
        let what = self.what;
        match self.named.get(text).map(Vec::as_slice) {
            Some([only]) => Some(only.clone()),
            Some(several) => {
                let text = format!("有 {} 个{what}叫 `{text}`，请写代码", several.len());
                found.add(line.error("DB1310", column, text));
                None
            }
            None => {
                found.add(line.error("DB1302", column, format!("没有{what} `{text}`")));
                None
            }
        }
    }
}

/// A directory while it is read.
struct Draft<'a> {
    data: DirectoryData,
    found: Found,
    levels: &'a [(String, String)],
    /// Where units were read.
    lines: BTreeMap<UnitId, Problem>,
}

/// Positions by id.
fn positions<I: Clone + Ord>(ids: impl Iterator<Item = I>) -> BTreeMap<I, usize> {
    ids.enumerate().map(|(at, id)| (id, at)).collect()
}

fn of_kind<'t>(
    tables: &'t [Table<'t>],
    kind: TableKind,
) -> impl Iterator<Item = (&'t Table<'t>, Line<'t>)> {
    let of = tables.iter().filter(move |table| table.kind == kind);
    of.flat_map(|table| table.lines().map(move |line| (table, line)))
}

impl<'a> Draft<'a> {
    fn read_units(&mut self, tables: &'a [Table<'a>]) {
        let mut known = positions(self.data.units.iter().map(|unit| unit.id.clone()));
        let mut superiors = Vec::new();
        for (table, line) in of_kind(tables, TableKind::Units) {
            let found = &mut self.found;
            let id = line.require_code(&Column::Id, What::Unit, found).map(UnitId::new);
            let name = line.require_name(&Column::Name, What::UnitName, found);
            let level = line.require_name(&Column::Level, What::Level, found);
            let since = line.date(&Column::Since, &mut self.found);
            let (Some(id), Some(name), Some(level)) = (id, name, level) else { continue };
            let place = line.error("DB1303", &Column::Superior, String::new());
            if self.lines.insert(id.clone(), place).is_some() {
                let text = format!("单位代码 `{id}` 重复");
                self.found.add(line.error("DB1301", &Column::Id, text));
                continue;
            }
            let level = self.level(level, line);
            for tag in line.list(&Column::Tags) {
                line.check(&Column::Tags, What::Tag, tag, &mut self.found);
            }
            for code in line.list(&Column::Predecessors) {
                line.check(&Column::Predecessors, What::Unit, code, &mut self.found);
            }
            let old = known.get(&id).map(|&at| &self.data.units[at]);
            let kept = |column| old.filter(|_| !table.has(column));
            let tags = line.list(&Column::Tags).into_iter().map(ToOwned::to_owned).collect();
            let predecessors = line.list(&Column::Predecessors).into_iter().map(UnitId::from);
            let predecessors = predecessors.collect();
            let unit = Unit {
                name: name.to_owned(),
                level,
                superior: kept(&Column::Superior).and_then(|old| old.superior.clone()),
                tags: kept(&Column::Tags).map_or(tags, |old| old.tags.clone()),
                since: kept(&Column::Since).map_or(since, |old| old.since),
                predecessors: kept(&Column::Predecessors)
                    .map_or(predecessors, |old| old.predecessors.clone()),
                id: id.clone(),
            };
            let next = self.data.units.len();
            let at = *known.entry(id).or_insert(next);
            if at == next {
                self.data.units.push(unit)
            } else {
                self.data.units[at] = unit
            }
            superiors.extend(line.get(&Column::Superior).map(|text| (at, line, text)));
        }
        let names = self.unit_names();
        for (at, line, text) in superiors {
            let superior = names.find(text, line, &Column::Superior, &mut self.found);
            self.data.units[at].superior = superior;
        }
    }

    /// A level by what suites or people call it.
    fn level(&mut self, text: &str, line: Line<'_>) -> String {
        let known = self.levels.iter().find(|(level, zh)| level == text || zh == text);
        if known.is_none() && !self.levels.is_empty() {
            let levels: Vec<String> =
                self.levels.iter().map(|(level, zh)| format!("{level}（{zh}）")).collect();
            let mut problem = line.error("DB1304", &Column::Level, format!("没有层级 `{text}`"));
            problem.severity = crate::problem::Severity::Warning;
            self.found.warn(problem.with_help(format!("已发布文件的层级：{}", levels.join("、"))));
        }
        known.map_or(text, |(level, _)| level).to_owned()
    }

    fn unit_names(&self) -> Names<UnitId> {
        Names::new("单位", self.data.units.iter().map(|unit| (&unit.id, unit.name.as_str())))
    }

    fn person_names(&self) -> Names<PersonId> {
        let people = self.data.people.iter();
        Names::new("人员", people.map(|person| (&person.id, person.name.as_str())))
    }

    fn read_people(&mut self, tables: &'a [Table<'a>]) {
        let mut known = positions(self.data.people.iter().map(|person| person.id.clone()));
        let mut seen: BTreeMap<PersonId, bool> = BTreeMap::new();
        let lines = of_kind(tables, TableKind::People);
        for (table, line) in lines.chain(of_kind(tables, TableKind::Roster)) {
            let found = &mut self.found;
            let id = line.require_code(&Column::Id, What::Person, found).map(PersonId::new);
            let name = line.require_name(&Column::Name, What::PersonName, found);
            let (Some(id), Some(name)) = (id, name) else { continue };
            let is_roster = table.kind == TableKind::Roster;
            let before = seen.insert(id.clone(), is_roster);
            if before == Some(false) && !is_roster {
                let text = format!("人员编号 `{id}` 重复");
                self.found.add(line.error("DB1301", &Column::Id, text));
                continue;
            }
            let next = self.data.people.len();
            let at = *known.entry(id.clone()).or_insert(next);
            if at == next {
                let person = Person { id, name: name.to_owned(), addresses: BTreeMap::new() };
                self.data.people.push(person);
            }
            let person = &mut self.data.people[at];
            if before.is_some() && person.name != name {
                let text = format!("编号 `{}` 前面叫 `{}`", person.id, person.name);
                self.found.add(line.error("DB1301", &Column::Name, text));
                continue;
            }
            name.clone_into(&mut person.name);
            for (column, channel) in table.channels() {
                match line.get(column) {
                    Some(address) => {
                        line.check(column, What::Address, address, &mut self.found);
                        person.addresses.insert(channel.to_owned(), plain(address));
                    }
                    // A roster names people again and again, not always with their addresses.
                    None if before.is_some() => {}
                    None => {
                        person.addresses.remove(channel);
                    }
                }
            }
        }
    }

    fn read_posts(&mut self, tables: &'a [Table<'a>]) {
        let (units, people) = (self.unit_names(), self.person_names());
        let named = |post: &Post| (post.unit.clone(), post.name.clone());
        let mut known = positions(self.data.posts.iter().map(named));
        let mut seen = BTreeSet::new();
        let lines = of_kind(tables, TableKind::Posts);
        for (table, line) in lines.chain(of_kind(tables, TableKind::Roster)) {
            let unit = line.require(&Column::Unit, &mut self.found);
            let unit = unit.and_then(|text| units.find(text, line, &Column::Unit, &mut self.found));
            let name = line.require_name(&Column::Post, What::Post, &mut self.found);
            let (Some(unit), Some(name)) = (unit, name) else { continue };
            let key = (unit.clone(), name.to_owned());
            let is_new = seen.insert(key.clone());
            let is_roster = table.kind == TableKind::Roster;
            if !is_new && !is_roster {
                let text = format!("岗位 `{unit} {name}` 重复");
                self.found.add(line.error("DB1301", &Column::Post, text));
                continue;
            }
            let next = self.data.posts.len();
            let at = *known.entry(key).or_insert(next);
            if at == next {
                self.data.posts.push(Post { unit, name: name.to_owned(), holders: Vec::new() });
            }
            if is_new {
                self.data.posts[at].holders.clear();
            }
            let (column, given) = if is_roster {
                (Column::Id, line.get(&Column::Id).into_iter().collect())
            } else {
                (Column::Holders, line.list(&Column::Holders))
            };
            for text in given {
                let holder = people.find(text, line, &column, &mut self.found);
                let holders = &mut self.data.posts[at].holders;
                holders.extend(holder.filter(|holder| !holders.contains(holder)));
            }
        }
    }

    fn read_stand_ins(&mut self, tables: &'a [Table<'a>]) {
        let people = self.person_names();
        let stays =
            |one: &StandIn| people.ids.contains(&one.absent) && people.ids.contains(&one.by);
        self.data.stand_ins.retain(stays);
        for (_, line) in of_kind(tables, TableKind::StandIns) {
            let mut person = |column| {
                let text = line.require(&column, &mut self.found)?;
                people.find(text, line, &column, &mut self.found)
            };
            let (absent, by) = (person(Column::Absent), person(Column::By));
            let mut date = |column| {
                line.require(&column, &mut self.found)?;
                line.date(&column, &mut self.found)
            };
            let (from, until) = (date(Column::From), date(Column::Until));
            let (Some(absent), Some(by), Some(from), Some(until)) = (absent, by, from, until)
            else {
                continue;
            };
            let new = StandIn { absent, by, from, until, set: None, ended: None };
            if self.data.stand_ins.iter().any(|old| old.is_same(&new)) {
                continue;
            }
            match check_stand_in(&self.data.stand_ins, &new) {
                Ok(()) => self.data.stand_ins.push(new),
                Err(error) => {
                    self.found.add(line.error("DB1312", &Column::Absent, error.zh()));
                }
            }
        }
    }

    /// What only the whole can tell: circles of superiors.
    fn check(&mut self, tables: &[Table<'_>]) {
        if self.found.count() > 0 {
            return;
        }
        let Err(error) = Directory::new(self.data.clone()) else { return };
        let place = tables.first().map(Table::place).unwrap_or_default();
        let place = match &error {
            DirectoryError::Circle(unit) | DirectoryError::TooDeep(unit) => {
                self.lines.get(unit).map_or(place, |line| line.place.clone())
            }
            DirectoryError::Duplicate(_)
            | DirectoryError::Unknown { .. }
            | DirectoryError::Bad(_) => place,
        };
        self.found.add(Problem::error(error.code(), &place, error.zh()));
    }
}
