//! Tasks as lines of a table, with the names that people read.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_calendar::{Instant, date_of};
use duban_core::{CaseRow, Item, ItemRow, Light, Teller, Turns, light_at};
use duban_engine::Engine;
use duban_model::{Assignee, Definition, DefinitionHash, Directory};
use duban_store::{Store, StoreError};

use crate::pages::Failure;
use crate::pages::shell::encode;

/// One line of a table of tasks.
#[derive(Clone)]
pub(crate) struct TaskLine {
    pub(crate) href: String,
    pub(crate) case_href: String,
    pub(crate) title: String,
    pub(crate) measure: String,
    pub(crate) unit: String,
    pub(crate) status: &'static str,
    pub(crate) light: &'static str,
    pub(crate) light_zh: &'static str,
    pub(crate) due: String,
    pub(crate) owner: String,
    pub(crate) waiting_on: String,
    pub(crate) item: Item,
}

/// Makes lines of rows; cases and definitions are read once for each.
pub(crate) struct Lines<'a, S: Store> {
    engine: &'a Engine<S>,
    directory: Arc<Directory>,
    now: Instant,
    cases: BTreeMap<String, (CaseRow, Arc<Definition>)>,
    definitions: BTreeMap<String, Arc<Definition>>,
}

impl<'a, S: Store> Lines<'a, S> {
    pub(crate) fn new(engine: &'a Engine<S>) -> Self {
        let (directory, now) = (engine.directory(), engine.now());
        let (cases, definitions) = (BTreeMap::new(), BTreeMap::new());
        Self { engine, directory, now, cases, definitions }
    }

    async fn case(&mut self, id: &str) -> Result<&(CaseRow, Arc<Definition>), Failure> {
        if !self.cases.contains_key(id) {
            let row = self.engine.store().case(id).await?.ok_or(Failure::Missing)?;
            let definition = match self.definitions.get(&row.definition) {
                Some(known) => Arc::clone(known),
                None => self.engine.definition(&DefinitionHash::new(&row.definition)).await?,
            };
            self.definitions.insert(row.definition.clone(), Arc::clone(&definition));
            self.cases.insert(id.to_owned(), (row, definition));
        }
        self.cases.get(id).ok_or(Failure::Missing)
    }

    pub(crate) async fn line(&mut self, row: ItemRow) -> Result<TaskLine, Failure> {
        let item = serde_json::from_str(&row.data).map_err(StoreError::Unreadable)?;
        self.line_of(row, item).await
    }

    async fn line_of(&mut self, row: ItemRow, item: Item) -> Result<TaskLine, Failure> {
        let (directory, now) = (Arc::clone(&self.directory), self.now);
        let (case, definition) = self.case(&row.case).await?;
        let teller = Teller::new(definition, &directory);
        let at = |millis: Option<i64>| millis.map(Instant::from_millis);
        let turns = Turns { yellow_at: at(row.yellow_at), red_at: at(row.red_at) };
        let light = light_at(item.status, turns, now);
        let waiting_on: Vec<String> =
            item.in_hands_of().iter().map(|one| teller.name(one)).collect();
        let tz = definition.suite.time_zone;
        Ok(TaskLine {
            href: task_href(&row.case, &row.key),
            case_href: format!("/cases/{}", row.case),
            title: teller.item_title(&item),
            measure: case.title.clone(),
            unit: teller.name(&Assignee::Unit(item.unit.clone())),
            status: item.status.zh(),
            light: light.as_str(),
            light_zh: light.zh(),
            due: match item.lacks_due() {
                Some(_) => "期限无法计算".to_owned(),
                None => item.due().map(|due| date_of(due, tz).to_string()).unwrap_or_default(),
            },
            owner: item.owner.as_ref().map(|owner| teller.name(owner)).unwrap_or_default(),
            waiting_on: waiting_on.join("、"),
            item,
        })
    }

    /// Lines of all that can be read.
    pub(crate) async fn lines(&mut self, rows: Vec<ItemRow>) -> Result<Vec<TaskLine>, Failure> {
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            match serde_json::from_str(&row.data) {
                Ok(item) => lines.push(self.line_of(row, item).await?),
                Err(error) => self.engine.note_unreadable(&row.case, &row.key, &error),
            }
        }
        Ok(lines)
    }
}

/// The page of a task.
pub(crate) fn task_href(case: &str, item: &str) -> String {
    format!("/cases/{case}/task?item={}", encode(item))
}

/// A light that may be asked for.
pub(crate) fn light_filter(word: &str) -> Option<duban_store::LightFilter> {
    match word {
        "red" => Some(duban_store::LightFilter::Red),
        "yellow" => Some(duban_store::LightFilter::Yellow),
        "green" => Some(duban_store::LightFilter::Green),
        _ => None,
    }
}

/// The worst light of some counts.
pub(crate) fn worst(red: u64, yellow: u64, green: u64) -> Light {
    match (red, yellow, green) {
        (0, 0, 0) => Light::Grey,
        (0, 0, _) => Light::Green,
        (0, _, _) => Light::Yellow,
        _ => Light::Red,
    }
}
