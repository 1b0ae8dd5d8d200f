//! Files: those that a move names on the command line, and who may read what the program makes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::daemon::{Home, client, open, openly};

/// A case of the suite, opened on the command line.
pub(crate) fn opened(home: &Home) -> String {
    let args = ["--json", "open", "--suite", "points", "--all", "--date", "2026-01-01"];
    let told: Value = serde_json::from_slice(&home.run(&args).stdout).unwrap();
    told["opened"][0].as_str().unwrap().to_owned()
}

fn kept(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(folders) = home.path("office.db.evidence").read_dir() else { return found };
    for folder in folders.map(|folder| folder.unwrap().path()).filter(|path| path.is_dir()) {
        let files = folder.read_dir().unwrap();
        found.extend(files.map(|file| file.unwrap().file_name().into_string().unwrap()));
    }
    found
}

#[tokio::test]
async fn a_move_on_the_command_line_names_files_that_are_there() {
    let (home, _) = Home::office("");
    let case = opened(&home);
    std::fs::write(home.path("草稿.txt"), "一").unwrap();
    let report = |file: &str, person: &str| {
        let file = format!("草稿={file}");
        let args = ["act", &case, "report", "write", "--text", "见附件", "--file", &file, "--as"];
        home.try_run(&[args.as_slice(), &[person]].concat())
    };
    let zeros = format!("sha256:{}", "0".repeat(64));
    for (file, code, said) in [
        (zeros.as_str(), 3, "DB4031"),
        ("sha256:zz", 3, "DB4031"),
        ("file:///etc/passwd", 1, "cannot be read"),
        ("none.txt", 1, "cannot be read"),
        ("duban.toml", 1, "duban.toml"),
    ] {
        let refused = report(file, "li");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(code), "{file}: {told}");
        assert!(told.contains(said), "{file}: {told}");
    }
    // Whose move is refused leaves nothing.
    assert_eq!(report("草稿.txt", "zhang").status.code(), Some(3));
    assert_eq!(kept(&home), Vec::<String>::new());
    assert_eq!(report("草稿.txt", "li").status.code(), Some(0));
    let [digest] = kept(&home).try_into().unwrap();
    assert_eq!(report(&format!("sha256:{digest}"), "li").status.code(), Some(0));
}

/// Every file and folder below a path that others than its owner may read.
fn readable(path: &Path, found: &mut Vec<String>) {
    for entry in path.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        if about.permissions().mode() & 0o077 != 0 {
            found.push(path.display().to_string());
        }
        if about.is_dir() {
            readable(&path, found);
        }
    }
}

#[tokio::test]
async fn what_the_program_makes_is_its_owners_alone_whatever_the_umask() {
    let (home, token) = Home::office("[backup]\nfolder = \"daily\"\nat = \"00:00\"\n");
    // As an older version left it.
    for name in ["office.db", "office.db.lock"] {
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(home.path(name), open).unwrap();
    }
    let daemon = home.serve_by(openly);
    let case = open(&daemon, &token).await;
    let path = format!("/api/v1/evidence?name=a.txt&case={case}&person=li");
    let upload = client().post(daemon.url(&path)).bearer_auth(&token);
    assert_eq!(upload.body("证据").send().await.unwrap().status(), 201);
    let urge =
        json!({ "person": "zhang", "act": { "kind": "urge", "item": "write", "text": "快" } });
    let moves = daemon.url(&format!("/api/v1/cases/{case}/moves"));
    let urged = client().post(moves).bearer_auth(&token).json(&urge).send().await.unwrap();
    assert!(urged.status().is_success() || urged.status() == 403, "{}", urged.status());
    home.run_by(&["backup", "copy.db", "--evidence", "copies"], openly);
    let mut looks = 0;
    while home.path("daily").read_dir().unwrap().count() < 1 {
        looks += 1;
        assert!(looks < 600, "there is a backup of the day");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let wanted = ["office.db-wal", "office.db.lock", "office.db.logs", "office.db.evidence"];
    assert!(wanted.iter().all(|name| home.path(name).exists()));
    let mut found = Vec::new();
    readable(&home.path(""), &mut found);
    daemon.end();
    home.run_by(&["directory", "export", "people.xlsx"], openly);
    home.run_by(&["restore", "copy.db", "--db", "other.db"], openly);
    home.run_by(&["publish", "points", "--db", "third.db"], openly);
    readable(&home.path(""), &mut found);
    // The suite and the settings are the test's own.
    let own = [home.path("points"), home.path("duban.toml")];
    found.retain(|path| own.iter().all(|own| !Path::new(path).starts_with(own)));
    assert_eq!(found, Vec::<String>::new());
}
