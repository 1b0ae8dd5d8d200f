//! Changes of the directory that people decide on: what was read, what it would change, and what
//! has been decided.
//!
//! A directory that is to take the place of the present one is kept until somebody has looked at
//! the difference and says yes to it. The yes names its digest, and counts only while the
//! directory that it was compared with is the present one.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_documents::read_tables;
use duban_engine::{Applying, Engine, EngineError};
use duban_model::{
    Definition, Difference, Directory, DirectoryData, Imported, Mode, Problem, Section, Signed,
    import_tables,
};
use duban_store::{ItemFilter, PageRequest, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// Lines of each kind of change that are shown.
pub(crate) const LINES_MAX: usize = 100;

/// Tasks that are shown as having another owner.
pub(crate) const TASKS_MAX: usize = 50;

/// Posts and people whose tasks are looked for.
const AFFECTED_MAX: usize = 2_000;

/// Of those, how many at once.
const AFFECTED_AT_ONCE: usize = 200;

/// Changes that are remembered.
const CHANGES_MAX: usize = 100;

/// A file that somebody sent.
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Why tables were not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Problems(Vec<Problem>),
    Engine(EngineError),
}

/// Reads tables against the present directory. One at a time: a workbook takes much memory.
pub(crate) async fn read<S: Store>(
    engine: &Engine<S>,
    uploads: Vec<Upload>,
    mode: Mode,
) -> Result<Imported, ReadError> {
    static ALONE: Semaphore = Semaphore::const_new(1);
    let _permit = ALONE.acquire().await.expect("invariant: the semaphore is never closed");
    let levels = suite_levels(engine.store()).await;
    let levels = levels.map_err(|error| ReadError::Engine(error.into()))?;
    let current = engine.directory();
    let files: Vec<String> = uploads.iter().map(|upload| upload.name.clone()).collect();
    let work = move || {
        let mut sheets = Vec::new();
        let mut problems = Vec::new();
        for upload in &uploads {
            match read_tables(&upload.name, &upload.bytes) {
                Ok(read) => sheets.extend(read),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            import_tables(&sheets, &current, mode, &levels)
        } else {
            Err(problems)
        }
    };
    let broken = |_| {
        let place = duban_model::Place { file: files.join("、"), line: 1, column: 1, length: 0 };
        ReadError::Problems(vec![Problem::error("DB1309", &place, "读取中断，请另存一次再试")])
    };
    tokio::task::spawn_blocking(work).await.map_err(broken)?.map_err(ReadError::Problems)
}

/// The levels of every published suite, each once: id, and what people call it.
///
/// # Errors
///
/// [`StoreError`].
pub async fn suite_levels<S: Store>(store: &S) -> Result<Vec<(String, String)>, StoreError> {
    let mut levels = Vec::new();
    let mut suites = BTreeSet::new();
    for (suite, _, hash) in store.currents().await? {
        // The head of a suite is the same in all its definitions.
        if !suites.insert(suite) {
            continue;
        }
        let Some(row) = store.definition(&hash).await? else { continue };
        let definition: Definition =
            serde_json::from_str(&row.json).map_err(StoreError::Unreadable)?;
        for level in &definition.suite.levels {
            if !levels.contains(level) {
                levels.push(level.clone());
            }
        }
    }
    Ok(levels)
}

/// A task that would have another owner.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Touched {
    /// The case's id.
    pub(crate) case: String,
    /// The task in it.
    pub(crate) item: String,
    /// On whom it waits.
    pub(crate) on: String,
    /// What the case is called.
    pub(crate) title: String,
}

/// What a change would do.
pub(crate) struct Preview {
    pub(crate) difference: Difference,
    pub(crate) sections: Vec<Section>,
    /// The first of the tasks that would have another owner.
    pub(crate) tasks: Vec<Touched>,
}

/// Compares a directory with the one that it would replace.
pub(crate) async fn preview<S: Store>(
    engine: &Engine<S>,
    before: Arc<Directory>,
    after: Arc<Directory>,
) -> Result<Preview, EngineError> {
    let compare = move || {
        let difference = Difference::between(&before, &after);
        let sections = difference.sections(LINES_MAX);
        let mut affected = difference.affected(&before, &after);
        affected.truncate(AFFECTED_MAX);
        let on = affected.iter().map(|one| (one.to_string(), before.name_of(one)));
        (on.collect::<Vec<_>>(), difference, sections)
    };
    let compared = tokio::task::spawn_blocking(compare).await;
    let (affected, difference, sections) =
        compared.map_err(|error| StoreError::Database(Box::new(error)))?;
    let mut tasks = Vec::new();
    for some in affected.chunks(AFFECTED_AT_ONCE) {
        let waiting_on = some.iter().map(|(on, _)| on.clone()).collect();
        let filter = ItemFilter { waiting_on, ..ItemFilter::default() };
        let room = u32::try_from(TASKS_MAX - tasks.len()).unwrap_or(0);
        for row in engine.tasks(filter, PageRequest::first(room)).await?.rows {
            let waits = row.waiting_on.unwrap_or_default();
            let on = some.iter().find(|(on, _)| waits.split(' ').any(|one| one == on));
            let case = engine.store().case(&row.case).await?;
            tasks.push(Touched {
                on: on.map_or(waits.clone(), |(_, name)| name.clone()),
                title: case.map(|case| case.title).unwrap_or_default(),
                case: row.case,
                item: row.key,
            });
        }
        if tasks.len() >= TASKS_MAX {
            break;
        }
    }
    Ok(Preview { difference, sections, tasks })
}

/// A directory that waits for somebody's word.
#[derive(Serialize, Deserialize)]
pub(crate) struct Staged {
    /// The version of the directory that it was compared with.
    pub(crate) expected: String,
    /// Its own version: what a yes must name.
    pub(crate) digest: String,
    /// Where it came from, and when.
    pub(crate) signed: Signed,
    /// What was not read, and what looks wrong.
    pub(crate) warnings: Vec<Problem>,
    /// The whole directory as it would be.
    pub(crate) data: DirectoryData,
}

/// Where a directory waits that came from the source of the pull.
pub(crate) const PULLED: &str = "staged-directory/pull";

/// Where a directory waits that an administrator has uploaded.
pub(crate) fn uploaded_by(login: &str) -> String {
    format!("staged-directory/upload/{login}")
}

/// Keeps a directory until somebody decides; an earlier one in its place is forgotten.
pub(crate) async fn stage<S: Store>(
    engine: &Engine<S>,
    place: &str,
    staged: &Staged,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(staged).map_err(StoreError::Unreadable)?;
    engine.store().put_document(place, &json, engine.now().millis()).await
}

/// The directory that waits in a place.
pub(crate) async fn staged<S: Store>(
    engine: &Engine<S>,
    place: &str,
) -> Result<Option<Staged>, StoreError> {
    let json = engine.store().document(place).await?;
    json.map(|json| serde_json::from_str(&json)).transpose().map_err(StoreError::Unreadable)
}

/// How a directory changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Import,
    Pull,
    Api,
}

impl How {
    pub(crate) fn zh(self) -> &'static str {
        match self {
            Self::Import => "导入",
            Self::Pull => "拉取",
            Self::Api => "接口",
        }
    }
}

/// A change that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Changed {
    pub(crate) signed: Signed,
    pub(crate) how: How,
    /// What changed, as people read it: kind and number.
    pub(crate) counts: Vec<(String, usize)>,
}

const CHANGES: &str = "directory-change/";

/// Puts an imported directory in the place of the one at a version, and remembers who did it, as
/// the pages do. The run over the open cases goes on in the background.
///
/// # Errors
///
/// [`EngineError::Outdated`] where the directory has changed since; [`EngineError::Store`].
pub async fn replace_imported<S: Store>(
    engine: &Engine<S>,
    expected: &str,
    directory: Directory,
    difference: &Difference,
    by: &str,
) -> Result<Applying, EngineError> {
    replace(engine, expected, directory, difference, How::Import, by).await
}

/// Puts a directory in the place of the one at a version, and remembers how it came.
pub(crate) async fn replace<S: Store>(
    engine: &Engine<S>,
    expected: &str,
    directory: Directory,
    difference: &Difference,
    how: How,
    by: &str,
) -> Result<Applying, EngineError> {
    let applying = engine.replace_directory(expected, directory).await?;
    let signed = Signed { by: by.to_owned(), at: engine.now() };
    tracing::info!(target: "duban::security", by, ?how, "the directory was replaced");
    let sections = difference.sections(0);
    let counts = sections.iter().map(|one| (one.zh.to_owned(), one.total)).collect();
    remember(engine, &Changed { signed, how, counts }).await?;
    Ok(applying)
}

async fn remember<S: Store>(engine: &Engine<S>, changed: &Changed) -> Result<(), StoreError> {
    let store = engine.store();
    let at = changed.signed.at.millis();
    let json = serde_json::to_string(changed).map_err(StoreError::Unreadable)?;
    // Two of one moment would be one; the clock stands still in simulated databases alone.
    store.put_document(&format!("{CHANGES}{at:020}"), &json, at).await?;
    let kept = store.documents(CHANGES).await?;
    for (old, _) in kept.iter().take(kept.len().saturating_sub(CHANGES_MAX)) {
        store.remove_document(old).await?;
    }
    Ok(())
}

/// The latest changes, newest first.
pub(crate) async fn changes<S: Store>(
    engine: &Engine<S>,
    max: usize,
) -> Result<Vec<Changed>, StoreError> {
    let kept = engine.store().documents(CHANGES).await?;
    let read = kept.iter().rev().take(max).map(|(_, json)| serde_json::from_str(json));
    read.collect::<Result<_, _>>().map_err(StoreError::Unreadable)
}
