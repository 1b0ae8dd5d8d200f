//! Suites on disk: loaded, and compiled, with every problem found on the way.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban_calendar::Calendar;
use duban_model::{Loaded, Sources};
use duban_script::Program;

/// The calendar of the State Council's notices that comes with the program.
pub(crate) fn china() -> Calendar {
    duban::library().calendars.remove("cn").expect("invariant: the library has the calendar")
}

/// A suite with every problem found in it, by the loader and by the script compiler.
pub(crate) struct Checked {
    /// What was loaded.
    pub(crate) loaded: Loaded,
    /// The files it was loaded from.
    pub(crate) sources: Sources,
    /// Compiled workflows; those with problems are missing.
    pub(crate) programs: Vec<Arc<Program>>,
}

/// Reads and checks a suite's folder.
///
/// # Errors
///
/// Where the folder cannot be read. What is wrong inside the files is in [`Checked::loaded`].
pub(crate) fn check(folder: &Path) -> Result<Checked> {
    if !folder.join("suite.yaml").is_file() {
        bail!("`{}` has no suite.yaml; name the folder that holds it", folder.display());
    }
    let mut loaded = duban::load_folder(folder, &duban::library())
        .with_context(|| format!("reading `{}`", folder.display()))?;
    let sources = Sources::clone(&loaded.draft.sources);
    let programs = duban_sim::check(&mut loaded);
    Ok(Checked { loaded, sources, programs })
}
