//! Suites on disk: reads a folder into memory, with the library that comes with the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use duban_calendar::Calendar;
use duban_model::{Library, Loaded, Script, Sources, load_calendar, load_suite};
use duban_script::{Limits, Program};

/// The standard functions, as they were when the program was built.
const STANDARD: &str = include_str!("../../../workflows/lib/standard.rhai");
/// The national calendar, as it was when the program was built.
const CHINA: &str = include_str!("../../../workflows/calendars/cn.yaml");

/// The largest file that is read at all; the loader has a lower limit of its own.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The calendar of the State Council's notices that comes with the program.
pub(crate) fn china() -> Calendar {
    load_calendar("calendars/cn.yaml", CHINA).expect("invariant: the built-in calendar loads")
}

/// What every suite may use besides its own files.
pub(crate) fn library() -> Library {
    let standard = Script { file: "lib/standard.rhai".to_owned(), source: STANDARD.to_owned() };
    Library { scripts: vec![standard], calendars: BTreeMap::from([("cn".to_owned(), china())]) }
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
    let sources = read(folder)?;
    let id = folder
        .canonicalize()?
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut loaded = load_suite(&id, &sources, &library());
    let mut programs = Vec::new();
    let definitions: Vec<_> = loaded.draft.definitions.values().cloned().collect();
    for definition in definitions {
        match Program::compile(definition, Limits::default()) {
            Ok(program) => {
                if let Some(directory) = &loaded.draft.directory {
                    let found = program.check(directory);
                    loaded.add(found);
                }
                programs.push(Arc::new(program));
            }
            Err(problems) => loaded.add(problems),
        }
    }
    Ok(Checked { loaded, sources, programs })
}

/// Every YAML and rhai file of a suite, by its path inside the folder.
fn read(folder: &Path) -> Result<Sources> {
    if !folder.is_dir() {
        bail!("`{}` is no folder; name the folder that holds suite.yaml", folder.display());
    }
    let mut sources = Sources::new();
    read_into(folder, "", &mut sources)?;
    let tests = folder.join("tests");
    if tests.is_dir() {
        read_into(&tests, "tests/", &mut sources)?;
    }
    Ok(sources)
}

fn read_into(folder: &Path, prefix: &str, sources: &mut Sources) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !path.is_file() || !matches!(ending, Some("yaml" | "yml" | "rhai")) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let length = fs::metadata(&path)?.len();
        if length > FILE_BYTES_MAX {
            bail!(
                "`{}` has {length} bytes; limit file_bytes_max is {FILE_BYTES_MAX}",
                path.display()
            );
        }
        let bytes = fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
        let text = String::from_utf8(bytes)
            .with_context(|| format!("`{}` is not UTF-8; save it as UTF-8", path.display()))?;
        sources.insert(format!("{prefix}{name}"), text);
    }
    Ok(())
}
