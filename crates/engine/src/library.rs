//! What cases run on: definitions compiled, the directory, calendars.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use duban_calendar::{Calendar, Date, Instant, Tz, date_of};
use duban_core::{Refusal, check_date};
use duban_model::{
    Definition, DefinitionHash, Directory, DirectoryData, Problem, SuiteId, UnitId, WorkflowId,
};
use duban_script::{Limits, Program};
use duban_store::{DefinitionRow, Store};
use tokio::sync::{OnceCell, watch};

use crate::error::EngineError;

/// The name of the stored directory.
const DIRECTORY: &str = "directory";

fn text_of(directory: &Directory) -> String {
    serde_json::to_string(directory.data()).expect("invariant: a directory is plain data")
}

fn read_directory(json: &str) -> Result<Directory, EngineError> {
    let bad = |error: String| EngineError::BadDocument { name: DIRECTORY.to_owned(), error };
    let data: DirectoryData = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    Directory::kept(data).map_err(|error| bad(error.to_string()))
}

/// Refuses new dates beyond the years. What an older version has kept may stay as it is.
fn check_dates(known: &Directory, new: &Directory) -> Result<(), Refusal> {
    let (known, new) = (known.data(), new.data());
    for unit in &new.units {
        let checked = unit.since.map_or(Ok(()), |since| check_date("since", since));
        if checked.is_err() && !known.units.contains(unit) {
            return checked;
        }
    }
    for one in &new.stand_ins {
        let checked = check_date("from", one.from).and_then(|()| check_date("until", one.until));
        if checked.is_err() && !known.stand_ins.contains(one) {
            return checked;
        }
    }
    Ok(())
}

/// The civil time by which units date from their import.
const TZ: Tz = Tz::Asia__Shanghai;

/// The new directory with the days on which units came that do not say since when they exist. What
/// an empty directory is filled with has been there from the beginning.
fn dated(
    known: &Directory,
    new: &Arc<Directory>,
    at: Instant,
) -> Result<Arc<Directory>, EngineError> {
    let mut came: BTreeMap<UnitId, Date> = BTreeMap::new();
    for unit in new.units().filter(|unit| unit.since.is_none()) {
        let said = match known.unit(&unit.id) {
            Some(_) => known.data().came.get(&unit.id).copied(),
            None if known.units().next().is_none() => new.data().came.get(&unit.id).copied(),
            None => Some(date_of(at, TZ)),
        };
        came.extend(said.map(|date| (unit.id.clone(), date)));
    }
    if came == new.data().came {
        return Ok(Arc::clone(new));
    }
    let data = DirectoryData { came, ..new.data().clone() };
    let dated = Directory::kept(data).map_err(|error| EngineError::BadDocument {
        name: DIRECTORY.to_owned(),
        error: error.to_string(),
    })?;
    Ok(Arc::new(dated))
}

/// What the names of calendars' documents begin with.
const CALENDARS: &str = "calendar:";

fn calendar_name(id: &str) -> String {
    format!("{CALENDARS}{id}")
}

/// A compiled definition, or one that is being compiled.
type Cell = Arc<OnceCell<Arc<Program>>>;

/// Definitions, the directory and calendars: in the store, and in memory as far as they are used.
pub(crate) struct Library<S> {
    store: S,
    script: Limits,
    programs_max: usize,
    programs: Mutex<Programs>,
    directory: watch::Sender<Arc<Directory>>,
    calendars: RwLock<BTreeMap<String, Arc<Calendar>>>,
}

#[derive(Default)]
struct Programs {
    uses: u64,
    cells: BTreeMap<DefinitionHash, (u64, Cell)>,
}

impl Programs {
    /// The cell of a definition; the one used longest ago makes room for a new one.
    fn cell(&mut self, hash: &DefinitionHash, max: usize) -> Cell {
        self.uses += 1;
        if self.cells.len() >= max && !self.cells.contains_key(hash) {
            let oldest = self.cells.iter().min_by_key(|(_, (used, _))| *used);
            if let Some(oldest) = oldest.map(|(hash, _)| hash.clone()) {
                self.cells.remove(&oldest);
            }
        }
        let entry = self.cells.entry(hash.clone()).or_default();
        entry.0 = self.uses;
        Arc::clone(&entry.1)
    }
}

impl<S: Store> Library<S> {
    pub(crate) fn new(store: S, script: Limits, programs_max: usize) -> Self {
        Self {
            store,
            script,
            programs_max: programs_max.max(1),
            programs: Mutex::default(),
            directory: watch::Sender::default(),
            calendars: RwLock::default(),
        }
    }

    /// Reads the stored directory, if there is one.
    pub(crate) async fn load(&self) -> Result<(), EngineError> {
        let Some(json) = self.store.document(DIRECTORY).await? else { return Ok(()) };
        self.put_directory(Arc::new(read_directory(&json)?));
        Ok(())
    }

    fn put_directory(&self, directory: Arc<Directory>) {
        self.directory.send_replace(directory);
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.borrow())
    }

    pub(crate) fn directory_changes(&self) -> watch::Receiver<Arc<Directory>> {
        self.directory.subscribe()
    }

    pub(crate) async fn set_directory(
        &self,
        directory: Arc<Directory>,
        at: Instant,
    ) -> Result<(), EngineError> {
        let before = self.directory();
        check_dates(&before, &directory)?;
        let directory = dated(&before, &directory, at)?;
        let directory = Arc::new(directory.following(&before));
        self.store.put_document(DIRECTORY, &text_of(&directory), at.millis()).await?;
        self.put_directory(directory);
        Ok(())
    }

    /// Keeps a directory in place of the one at a version, and no other.
    pub(crate) async fn replace_directory(
        &self,
        expected: &str,
        directory: Arc<Directory>,
        at: Instant,
    ) -> Result<(), EngineError> {
        let outdated = || EngineError::Outdated(DIRECTORY.to_owned());
        let kept = self.store.document(DIRECTORY).await?;
        let current = kept.as_deref().map(read_directory).transpose()?.unwrap_or_default();
        if current.version() != expected {
            return Err(outdated());
        }
        check_dates(&current, &directory)?;
        let directory = dated(&current, &directory, at)?;
        let directory = Arc::new(directory.following(&current));
        let json = text_of(&directory);
        if !self.store.swap_document(DIRECTORY, kept.as_deref(), &json, at.millis()).await? {
            return Err(outdated());
        }
        self.put_directory(directory);
        Ok(())
    }

    pub(crate) async fn calendar(&self, id: &str) -> Result<Arc<Calendar>, EngineError> {
        let known = |calendars: &BTreeMap<String, Arc<Calendar>>| calendars.get(id).cloned();
        let kept = known(&self.calendars.read().unwrap_or_else(PoisonError::into_inner));
        if let Some(calendar) = kept {
            return Ok(calendar);
        }
        let name = calendar_name(id);
        let json = self.store.document(&name).await?;
        let json = json.ok_or_else(|| EngineError::NoCalendar(id.to_owned()))?;
        let calendar: Calendar = serde_json::from_str(&json)
            .map_err(|error| EngineError::BadDocument { name, error: error.to_string() })?;
        let mut calendars = self.calendars.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have loaded a newer one meanwhile.
        Ok(Arc::clone(calendars.entry(id.to_owned()).or_insert_with(|| Arc::new(calendar))))
    }

    /// The ids of all calendars, in their order.
    pub(crate) async fn calendars(&self) -> Result<Vec<String>, EngineError> {
        let kept = self.store.documents(CALENDARS).await?;
        let id = |(name, _): &(String, String)| name.strip_prefix(CALENDARS).map(str::to_owned);
        Ok(kept.iter().filter_map(id).collect())
    }

    /// Keeps a calendar in place of the one at a version, and no other.
    pub(crate) async fn replace_calendar(
        &self,
        expected: &str,
        calendar: Arc<Calendar>,
        at: Instant,
    ) -> Result<(), EngineError> {
        let name = calendar_name(calendar.id());
        let kept = self.store.document(&name).await?;
        let kept = kept.ok_or_else(|| EngineError::NoCalendar(calendar.id().to_owned()))?;
        let bad = |error: serde_json::Error| EngineError::BadDocument {
            name: name.clone(),
            error: error.to_string(),
        };
        let current: Calendar = serde_json::from_str(&kept).map_err(bad)?;
        let json = serde_json::to_string(&*calendar).expect("invariant: a calendar is plain data");
        let is_kept = current.version() == expected
            && self.store.swap_document(&name, Some(&kept), &json, at.millis()).await?;
        if !is_kept {
            return Err(EngineError::Outdated(name));
        }
        let mut calendars = self.calendars.write().unwrap_or_else(PoisonError::into_inner);
        calendars.insert(calendar.id().to_owned(), calendar);
        Ok(())
    }

    /// Whether a calendar of that id is known.
    pub(crate) async fn has_calendar(&self, id: &str) -> Result<bool, EngineError> {
        match self.calendar(id).await {
            Ok(_) => Ok(true),
            Err(EngineError::NoCalendar(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn set_calendar(
        &self,
        calendar: Arc<Calendar>,
        at: Instant,
    ) -> Result<(), EngineError> {
        let json = serde_json::to_string(&*calendar).expect("invariant: a calendar is plain data");
        self.store.put_document(&calendar_name(calendar.id()), &json, at.millis()).await?;
        let mut calendars = self.calendars.write().unwrap_or_else(PoisonError::into_inner);
        calendars.insert(calendar.id().to_owned(), calendar);
        Ok(())
    }

    fn programs(&self) -> MutexGuard<'_, Programs> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A definition, compiled once and kept while it is used.
    pub(crate) async fn program(&self, hash: &DefinitionHash) -> Result<Arc<Program>, EngineError> {
        let cell = self.programs().cell(hash, self.programs_max);
        let program = cell.get_or_try_init(|| async {
            let row = self.store.definition(hash.as_str()).await?;
            let row = row.ok_or_else(|| EngineError::NoDefinition(hash.to_string()))?;
            let definition: Definition = serde_json::from_str(&row.json).map_err(|error| {
                let name = format!("definition {hash}");
                EngineError::BadDocument { name, error: error.to_string() }
            })?;
            self.compile(Arc::new(definition)).map(Arc::new).map_err(EngineError::Invalid)
        });
        program.await.cloned()
    }

    /// Compiles a definition without keeping it.
    pub(crate) fn compile(&self, definition: Arc<Definition>) -> Result<Program, Vec<Problem>> {
        Program::compile(definition, self.script.clone())
    }

    /// Keeps a definition and makes it the current one of its workflow.
    pub(crate) async fn publish(
        &self,
        definition: &Definition,
        at: Instant,
    ) -> Result<(), EngineError> {
        let json =
            serde_json::to_string(definition).expect("invariant: a definition is plain data");
        let row = DefinitionRow {
            hash: definition.hash.to_string(),
            suite: definition.suite.id.to_string(),
            workflow: definition.workflow.id.to_string(),
            json,
            published_at: at.millis(),
        };
        Ok(self.store.publish(row).await?)
    }

    /// The hash of a workflow's current definition.
    pub(crate) async fn current(
        &self,
        suite: &SuiteId,
        workflow: &WorkflowId,
    ) -> Result<DefinitionHash, EngineError> {
        if let Some(row) = self.store.current(suite.as_str(), workflow.as_str()).await? {
            return Ok(DefinitionHash::new(row.hash));
        }
        let (suite, workflow) = (suite.to_string(), workflow.to_string());
        let is_known = self.store.currents().await?.iter().any(|(of, ..)| *of == suite);
        Err(match is_known {
            true => EngineError::NoWorkflow { suite, workflow },
            false => EngineError::NoSuite(suite),
        })
    }
}
