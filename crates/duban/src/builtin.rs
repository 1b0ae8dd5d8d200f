//! What comes with duban: the standard ladder's functions and the national calendar; and reading
//! a suite's folder from disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use duban_model::{Library, Loaded, Script, Sources, load_calendar, load_suite};

const STANDARD: &str = include_str!("../../../workflows/lib/standard.rhai");
const CHINA: &str = include_str!("../../../workflows/calendars/cn.yaml");

/// The standard ladder's functions (`remind`, `press`, `supervise`, `notice`, `interview`,
/// `refer`) and the working-day calendar `cn` of the State Council's notices, as they were when
/// the program was built.
///
/// ```
/// assert!(duban::library().calendars["cn"].covers(2022));
/// ```
pub fn library() -> Library {
    let standard = Script { file: "lib/standard.rhai".to_owned(), source: STANDARD.to_owned() };
    let china =
        load_calendar("calendars/cn.yaml", CHINA).expect("invariant: the built-in calendar loads");
    Library { scripts: vec![standard], calendars: BTreeMap::from([("cn".to_owned(), china)]) }
}

/// Reads a suite from its folder: every YAML and rhai file in it and in its `tests`. The folder's
/// name is the suite's id. What is wrong inside the files is in [`Loaded::problems`].
///
/// # Errors
///
/// What reading the folder or a file gave; a file that is not UTF-8 is invalid data.
///
/// ```
/// let loaded = duban::load_folder("../../workflows/jinan-2021", &duban::library())?;
/// assert_eq!(loaded.draft.head.id.as_str(), "jinan-2021");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn load_folder(folder: impl AsRef<Path>, library: &Library) -> io::Result<Loaded> {
    let folder = folder.as_ref().canonicalize()?;
    let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut sources = Sources::new();
    read_into(&folder, "", &mut sources)?;
    let tests = folder.join("tests");
    if tests.is_dir() {
        read_into(&tests, "tests/", &mut sources)?;
    }
    Ok(load_suite(&id, &sources, library))
}

fn read_into(folder: &Path, prefix: &str, sources: &mut Sources) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !path.is_file() || !matches!(ending, Some("yaml" | "yml" | "rhai")) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sources.insert(format!("{prefix}{name}"), std::fs::read_to_string(&path)?);
    }
    Ok(())
}
