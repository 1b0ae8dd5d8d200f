//! What comes with duban: the standard ladder's functions and the national calendar; and reading
//! a suite's folder from disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use duban_model::{
    Library, Loaded, Place, Problem, Script, Sources, decode_text, load_calendar, load_suite,
};

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

/// Reads a suite from its folder: every YAML and rhai file in it and in its `tests`, in UTF-8 or in
/// GB18030, as WPS and Notepad save them. The folder's name is the suite's id. What is wrong
/// inside the files is in [`Loaded::problems`].
///
/// # Errors
///
/// What reading the folder or a file gave.
///
/// ```
/// let loaded = duban::load_folder("../../workflows/jinan-2021", &duban::library())?;
/// assert_eq!(loaded.draft.head.id.as_str(), "jinan-2021");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn load_folder(folder: impl AsRef<Path>, library: &Library) -> io::Result<Loaded> {
    let folder = folder.as_ref().canonicalize()?;
    let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (mut sources, mut unread) = (Sources::new(), Vec::new());
    read_into(&folder, "", &mut sources, &mut unread)?;
    let tests = folder.join("tests");
    if tests.is_dir() {
        read_into(&tests, "tests/", &mut sources, &mut unread)?;
    }
    let mut loaded = load_suite(&id, &sources, library);
    unread.into_iter().for_each(|problem| loaded.add_unread(problem));
    Ok(loaded)
}

fn read_into(
    folder: &Path,
    prefix: &str,
    sources: &mut Sources,
    unread: &mut Vec<Problem>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !path.is_file() || !matches!(ending, Some("yaml" | "yml" | "rhai")) {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let file = format!("{prefix}{name}");
        match decode_text(&std::fs::read(&path)?) {
            Some(text) => drop(sources.insert(file, text)),
            None => {
                let place = Place { file, line: 1, column: 1, length: 0 };
                let text = "文字编码不是 UTF-8，也不是 GB18030";
                let problem = Problem::error("DB1018", &place, text);
                unread.push(problem.with_help("在编辑器里另存为 UTF-8"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_the_encodings_of_chinese_editors() {
        let kept = tempfile::tempdir().expect("a folder");
        // The suite's id is the folder's name.
        let folder = kept.path().join("points");
        std::fs::create_dir(&folder).expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.join(name), bytes).expect("a file");
        };
        let suite = "title: 督办\ntarget_year: 2022\nobligations: [{ row: A1, text: 一 }]\n";
        // "title: 甲" and a function with a Chinese name, as Notepad saves them in China.
        let workflow = b"id: w\ntitle: \xbc\xd7\nbasis: A1\ncases: units(\"x\")\ntasks:\n  a: { title: x, owner: unit }\n";
        write("suite.yaml", format!("\u{feff}{suite}").as_bytes());
        write("w.yaml", workflow);
        write("hooks.rhai", b"fn \xb4\xdf(task) {}");
        let loaded = load_folder(&folder, &library()).expect("a folder");
        assert_eq!(loaded.problems, []);
        let definition = loaded.draft.definitions.values().next().expect("a workflow");
        assert_eq!(definition.workflow.title, "甲");
        assert!(definition.scripts.iter().any(|script| script.source == "fn 催(task) {}"));

        std::fs::remove_file(folder.join("w.yaml")).expect("a file");
        write("x.yaml", b"id: x\ntitle: \xff\xff\n");
        let loaded = load_folder(&folder, &library()).expect("a folder");
        assert!(loaded.suite.is_none());
        let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        let expected =
            "x.yaml:1:1: 错误 DB1018: 文字编码不是 UTF-8，也不是 GB18030（在编辑器里另存为 UTF-8）";
        assert_eq!(told, [expected]);
    }
}
