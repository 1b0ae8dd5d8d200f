//! What was pushed and what is still to be pushed, kept in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use duban_store::Cursor;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::todo::{Ending, Todo};

/// A to-do and how far the other system knows of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// As it is to be shown.
    pub todo: Todo,
    /// Whether the other system has confirmed it.
    pub is_open: bool,
    /// The other system's own id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Whether something of it has changed since it was last shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_changed: bool,
    /// How it is to end, once it is owed no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

impl Entry {
    /// Whether a call is owed.
    pub fn is_pending(&self) -> bool {
        !self.is_open || self.is_changed || self.ending.is_some()
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Put(Box<Entry>),
    Drop(String),
    Cursor(Cursor),
    /// How many to-dos there have ever been.
    Opened(u64),
    /// The digest of the directory by which all cases were looked at last.
    Directory(String),
}

/// All to-dos that the other system shows or is to show, and how far the feed was read.
///
/// Every change is a line appended to a file, and on the disk before anything is sent by it. The
/// file is written anew, with what still counts, when it is opened.
#[derive(Debug)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    by_case: BTreeMap<String, BTreeSet<String>>,
    cursor: Option<Cursor>,
    /// How many to-dos there have ever been: it makes ids new.
    opened: u64,
    directory: Option<String>,
    file: Option<File>,
    /// Bytes of the file that are whole lines on the disk.
    length: u64,
    unwritten: Vec<u8>,
}

impl Ledger {
    /// A ledger that is forgotten when it is dropped. For tests.
    pub fn in_memory() -> Self {
        Self {
            entries: BTreeMap::new(),
            by_case: BTreeMap::new(),
            cursor: None,
            opened: 0,
            directory: None,
            file: None,
            length: 0,
            unwritten: Vec::new(),
        }
    }

    /// Opens the ledger in a file, or begins one.
    ///
    /// # Errors
    ///
    /// What reading or writing gave. A line that cannot be read is an error, save the last one: it
    /// was cut short by a crash, and what it said has not been acted on.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let mut ledger = Self::in_memory();
        match fs::read_to_string(&path) {
            Ok(text) => ledger.replay(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        ledger.rewrite(&path)?;
        ledger.file = Some(OpenOptions::new().append(true).open(&path)?);
        Ok(ledger)
    }

    fn replay(&mut self, text: &str) -> io::Result<()> {
        for line in text.split_inclusive('\n') {
            match serde_json::from_str(line) {
                Ok(Line::Put(entry)) => self.keep(*entry),
                Ok(Line::Drop(id)) => self.forget(&id),
                Ok(Line::Cursor(cursor)) => self.cursor = Some(cursor),
                Ok(Line::Opened(opened)) => self.opened = opened,
                Ok(Line::Directory(digest)) => self.directory = Some(digest),
                Err(_) if !line.ends_with('\n') => {}
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(())
    }

    fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let fresh = path.with_extension("new");
        for entry in self.entries.values().cloned().collect::<Vec<_>>() {
            self.write(&Line::Put(Box::new(entry)));
        }
        if let Some(cursor) = self.cursor.clone() {
            self.write(&Line::Cursor(cursor));
        }
        self.write(&Line::Opened(self.opened));
        if let Some(digest) = self.directory.clone() {
            self.write(&Line::Directory(digest));
        }
        let text = std::mem::take(&mut self.unwritten);
        let mut file = File::create(&fresh)?;
        file.write_all(&text)?;
        file.sync_data()?;
        self.length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        fs::rename(&fresh, path)
    }

    /// Every to-do, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Ids of to-dos for which a call is owed.
    pub fn pending(&self) -> Vec<String> {
        let pending = self.entries.iter().filter(|(_, entry)| entry.is_pending());
        pending.map(|(id, _)| id.clone()).collect()
    }

    /// The to-do of an id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Cases with to-dos.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.by_case.keys().map(String::as_str)
    }

    /// How far the feed was read.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// Notes how far the feed was read.
    pub fn advance(&mut self, cursor: Cursor) {
        self.write(&Line::Cursor(cursor.clone()));
        self.cursor = Some(cursor);
    }

    /// The digest of the directory by which all cases were looked at last.
    pub(crate) fn directory(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// Notes the directory by which all cases have been looked at.
    pub(crate) fn settled_by(&mut self, digest: String) {
        self.write(&Line::Directory(digest.clone()));
        self.directory = Some(digest);
    }

    /// Notes what is owed in a case now: what is new is to be opened, what has changed to be
    /// changed, and what is owed no longer to be ended.
    pub fn plan(&mut self, case: &str, wanted: Vec<Todo>, ending: impl Fn(&Todo) -> Ending) {
        let ids = self.by_case.get(case).cloned().unwrap_or_default();
        let mut known: Vec<Entry> =
            ids.iter().filter_map(|id| self.entries.get(id).cloned()).collect();
        known.retain(|entry| entry.ending.is_none());
        for todo in wanted {
            match known.iter().position(|entry| entry.todo.is_same(&todo)) {
                None => {
                    let todo = Todo { id: id(&todo, self.opened), ..todo };
                    let (is_open, is_changed) = (false, false);
                    self.put(Entry { todo, is_open, remote: None, is_changed, ending: None });
                }
                Some(at) => {
                    let entry = known.swap_remove(at);
                    let (id, since) = (entry.todo.id.clone(), entry.todo.since);
                    let todo = Todo { id, since, ..todo };
                    if todo != entry.todo {
                        self.put(Entry { todo, is_changed: true, ..entry });
                    }
                }
            }
        }
        for entry in known {
            let ending = Some(ending(&entry.todo));
            self.put(Entry { ending, ..entry });
        }
    }

    /// Notes that the other system shows a to-do as `shown`.
    pub fn shown(&mut self, shown: &Todo, remote: Option<String>) {
        let Some(entry) = self.entries.get(&shown.id).cloned() else { return };
        // It may have changed again while the call was under way.
        let is_changed = entry.todo != *shown;
        let remote = remote.or(entry.remote);
        self.put(Entry { is_open: true, is_changed, remote, ..entry });
    }

    /// Notes that the other system has ended a to-do.
    pub fn ended(&mut self, id: &str) {
        self.write(&Line::Drop(id.to_owned()));
        self.forget(id);
    }

    /// Puts what was noted on the disk.
    ///
    /// # Errors
    ///
    /// What writing gave; what was noted is written with the next call.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.unwritten.is_empty() {
            return Ok(());
        }
        // What an earlier attempt may have left half written.
        file.set_len(self.length)?;
        file.write_all(&self.unwritten)?;
        file.sync_data()?;
        self.length += u64::try_from(self.unwritten.len()).unwrap_or(0);
        self.unwritten.clear();
        Ok(())
    }

    fn put(&mut self, entry: Entry) {
        self.write(&Line::Put(Box::new(entry.clone())));
        self.keep(entry);
    }

    fn keep(&mut self, entry: Entry) {
        let (case, id) = (entry.todo.case.clone(), entry.todo.id.clone());
        self.by_case.entry(case).or_default().insert(id.clone());
        if self.entries.insert(id, entry).is_none() {
            self.opened += 1;
        }
    }

    fn forget(&mut self, id: &str) {
        let Some(entry) = self.entries.remove(id) else { return };
        if let Some(ids) = self.by_case.get_mut(&entry.todo.case) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_case.remove(&entry.todo.case);
            }
        }
    }

    fn write(&mut self, line: &Line) {
        let text = serde_json::to_string(line).expect("invariant: a line is plain data");
        self.unwritten.extend_from_slice(text.as_bytes());
        self.unwritten.push(b'\n');
    }
}

/// An id that no other to-do has had: where the same person comes to owe the same once more, the
/// other system must not take it for the one that has ended.
fn id(todo: &Todo, opened: u64) -> String {
    let Todo { case, item, role, person, account, since, .. } = todo;
    let parts = format!("{opened}\n{case}\n{item}\n{role:?}\n{person}\n{account}\n{since}");
    Sha256::digest(parts).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use duban_calendar::Instant;

    use super::*;
    use crate::todo::Role;

    fn todo(person: &str, is_read: bool) -> Todo {
        Todo {
            id: String::new(),
            case: "c".to_owned(),
            item: "write".to_owned(),
            role: Role::Work,
            person: person.into(),
            account: person.to_uppercase(),
            title: "撰写".to_owned(),
            workflow: "措施".to_owned(),
            status: "在办".to_owned(),
            since: Instant::from_millis(0),
            due: None,
            is_read,
        }
    }

    fn gone(_: &Todo) -> Ending {
        Ending::Gone
    }

    fn only(ledger: &Ledger) -> Entry {
        let entries: Vec<&Entry> = ledger.entries().collect();
        assert_eq!(entries.len(), 1);
        entries[0].clone()
    }

    #[test]
    fn the_same_plan_twice_owes_nothing_new() {
        let mut ledger = Ledger::in_memory();
        ledger.plan("c", vec![todo("li", false)], gone);
        let first = only(&ledger);
        assert!(first.is_pending() && first.todo.id.len() == 32);
        ledger.shown(&first.todo, None);
        ledger.plan("c", vec![todo("li", false)], gone);
        assert_eq!(ledger.pending(), Vec::<String>::new());
        ledger.plan("c", vec![todo("li", true)], gone);
        assert_eq!(ledger.pending(), [first.todo.id]);
    }

    #[test]
    fn who_owes_it_again_owes_something_new() {
        let mut ledger = Ledger::in_memory();
        ledger.plan("c", vec![todo("li", false)], gone);
        let first = only(&ledger).todo.id;
        ledger.plan("c", vec![], gone);
        ledger.plan("c", vec![todo("li", false)], gone);
        assert_eq!(ledger.entries().count(), 2, "the old one is still to be ended");
        ledger.ended(&first);
        assert_ne!(only(&ledger).todo.id, first);
    }

    #[test]
    fn what_changes_during_a_call_is_shown_by_the_next() {
        let mut ledger = Ledger::in_memory();
        ledger.plan("c", vec![todo("li", false)], gone);
        let called_with = only(&ledger).todo;
        ledger.plan("c", vec![todo("li", true)], gone);
        ledger.shown(&called_with, Some("r".to_owned()));
        let entry = only(&ledger);
        assert!(entry.is_open && entry.is_changed);
        assert_eq!(entry.remote.as_deref(), Some("r"));
    }

    #[test]
    fn a_file_brings_everything_back_and_a_torn_line_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("todos.jsonl");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.plan("c", vec![todo("li", false), todo("wang", false)], gone);
        ledger.plan("c", vec![todo("li", false)], gone);
        ledger.advance(Cursor("17".to_owned()));
        ledger.flush().unwrap();
        let before: Vec<Entry> = ledger.entries().cloned().collect();
        drop(ledger);
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"drop\":\"").unwrap();

        let mut ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.entries().cloned().collect::<Vec<_>>(), before);
        assert_eq!((ledger.cursor(), ledger.opened), (Some(&Cursor("17".to_owned())), 2));
        for id in ledger.pending() {
            ledger.ended(&id);
        }
        // A write that failed half way; the next one takes its place.
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"drop\":\"").unwrap();
        ledger.flush().unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!((ledger.entries().count(), ledger.opened), (0, 2));

        fs::write(&path, "{\n").unwrap();
        assert!(Ledger::open(&path).is_err(), "a damaged file is not taken for an empty one");
    }
}
