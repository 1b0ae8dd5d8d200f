//! What the repository holds itself to, checked by machine: layers, module headers, file length.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// For each crate, the workspace crates it may depend on. Read from the ground floor up.
const LAYERS: &[(&str, &[&str])] = &[
    ("duban-calendar", &[]),
    ("duban-model", &["duban-calendar"]),
    ("duban-script", &["duban-calendar", "duban-model"]),
    ("duban-core", &["duban-calendar", "duban-model", "duban-script"]),
    ("duban-store", &["duban-calendar", "duban-model", "duban-core"]),
    ("duban-sim", &["duban-calendar", "duban-model", "duban-script", "duban-core"]),
    (
        "duban-engine",
        &["duban-calendar", "duban-model", "duban-script", "duban-core", "duban-store"],
    ),
    (
        "duban-notify",
        &[
            "duban-calendar",
            "duban-model",
            "duban-script",
            "duban-core",
            "duban-store",
            "duban-engine",
        ],
    ),
    ("duban-documents", &["duban-calendar", "duban-model"]),
    (
        "duban-web",
        &[
            "duban-calendar",
            "duban-model",
            "duban-script",
            "duban-core",
            "duban-store",
            "duban-sim",
            "duban-engine",
            "duban-notify",
            "duban-documents",
        ],
    ),
    (
        "duban-cli",
        &[
            "duban-calendar",
            "duban-model",
            "duban-script",
            "duban-core",
            "duban-store",
            "duban-sim",
            "duban-engine",
            "duban-notify",
            "duban-documents",
            "duban-web",
            "duban",
        ],
    ),
    (
        "duban",
        &[
            "duban-calendar",
            "duban-model",
            "duban-script",
            "duban-core",
            "duban-store",
            "duban-sim",
            "duban-engine",
            "duban-notify",
        ],
    ),
    // Beside the house: they see the façade, or nothing of it.
    ("duban-examples", &["duban"]),
    ("duban-benches", &["duban", "duban-web"]),
    ("xtask", &[]),
];

/// Crates of floors 0 to 3: no clock, no files, no threads.
const PURE: &[&str] = &["duban-calendar", "duban-model", "duban-script", "duban-core", "duban-sim"];

/// What must not be found anywhere below a pure crate.
const IMPURE: &[&str] = &["tokio", "rusqlite", "reqwest", "axum", "rand", "tracing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root exists")
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn members(metadata: &Value) -> Vec<&Value> {
    let ids = metadata["workspace_members"].as_array().expect("members");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().filter(|package| ids.contains(&package["id"])).collect()
}

fn is_normal(dependency: &Value) -> bool {
    dependency["kind"].is_null()
}

#[test]
fn crates_depend_only_on_lower_floors() {
    let metadata = metadata();
    let members = members(&metadata);
    let names: Vec<&str> = members.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in &members {
        let name = package["name"].as_str().expect("a name");
        let Some((_, allowed)) = LAYERS.iter().find(|(listed, _)| *listed == name) else {
            panic!("`{name}` has no floor; add it to LAYERS and to docs/architecture.md");
        };
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        for dependency in dependencies.iter().filter(|dependency| is_normal(dependency)) {
            let to = dependency["name"].as_str().expect("a name");
            assert!(
                !names.contains(&to) || allowed.contains(&to),
                "`{name}` may not depend on `{to}`; see docs/architecture.md, \"The house\"",
            );
        }
    }
}

#[test]
fn pure_crates_pull_in_nothing_impure() {
    for name in PURE {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--locked"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).expect("cargo prints text");
        for line in tree.lines() {
            let dependency = line.split(' ').next().unwrap_or_default();
            assert!(
                !IMPURE.contains(&dependency),
                "`{name}` must stay free of clocks and I/O, but has `{dependency}`",
            );
        }
    }
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["crates", "examples", "benches"].iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a source file");
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} has no header", path.display());
    }
}

#[test]
fn no_file_does_two_jobs() {
    for path in rust_files() {
        let lines = fs::read_to_string(&path).expect("a source file").lines().count();
        assert!(lines <= 900, "{} has {lines} lines; split it", path.display());
    }
}

#[test]
fn every_error_code_in_the_sources_is_explained() {
    let page = fs::read_to_string(root().join("docs/errors.md")).expect("docs/errors.md");
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a source file");
        for (start, _) in text.match_indices("\"DB") {
            let code: String = text[start + 1..].chars().take(6).collect();
            if code.len() == 6 && code[2..].chars().all(|digit| digit.is_ascii_digit()) {
                assert!(page.contains(&code), "docs/errors.md does not explain {code}");
            }
        }
    }
}

/// Packages are fetched by name with the ordinary clients, which know where they lie: no address
/// stands where the repository builds, tests and fetches.
#[test]
fn nothing_is_fetched_by_its_address() {
    // Put together here, so that this file is no hit itself.
    let marks = ["http", "https"].map(|scheme| format!("{scheme}{}", "://"));
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name == "Cargo.toml") || path.ends_with(".ci/run")
    };
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_tool = path.starts_with(root().join("crates/xtask"))
                || path.starts_with(root().join(".cargo"));
            if path.is_dir() {
                let skipped = path.ends_with("target") || path.ends_with(".git");
                folders.extend((!skipped).then_some(path));
            } else if is_tool || named(&path) {
                let text = fs::read_to_string(&path).expect("a source file");
                let hits = text.lines().filter(|line| marks.iter().any(|mark| line.contains(mark)));
                found.extend(hits.map(|line| format!("{}: {}", path.display(), line.trim())));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new(), "name the package and use its client");
}
