//! Backups while moves go on, and what a restored copy is worth.

use std::sync::Arc;

use serde_json::json;

use crate::daemon::{Home, client, has_files, open};

#[tokio::test]
async fn a_backup_taken_while_moves_go_on_is_whole() {
    let (home, token) = Home::office("");
    let home = Arc::new(home);
    let daemon = home.serve();
    let case = open(&daemon, &token).await;
    let path = format!("/api/v1/evidence?name=a.txt&case={case}&person=li");
    let upload = client().post(daemon.url(&path)).bearer_auth(&token);
    assert_eq!(upload.body("证据").send().await.unwrap().status(), 201);
    let moves = async {
        let url = daemon.url(&format!("/api/v1/cases/{case}/moves"));
        let mut made = 0;
        for ordinal in 1.. {
            let act = match ordinal {
                1 => json!({ "kind": "sign", "item": "write" }),
                _ => json!({ "kind": "report", "item": "write", "text": format!("进展{ordinal}") }),
            };
            let body = json!({ "person": "li", "act": act });
            let answer = client().post(&url).bearer_auth(&token).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
            made = ordinal;
            if home.path("copy.db").exists() && made > 20 {
                break;
            }
        }
        made
    };
    let backing = Arc::clone(&home);
    let backup = tokio::task::spawn_blocking(move || {
        backing.run(&["backup", "copy.db", "--evidence", "copies"]);
    });
    let (made, backed_up) = tokio::join!(moves, backup);
    backed_up.unwrap();
    assert!(made > 20);
    daemon.end();

    home.run(&["restore", "copy.db", "--db", "restored.db"]);
    let verified = home.run(&["audit", "verify", "--db", "restored.db"]);
    assert!(verified.status.success());
    home.run(&["show", &case, "--db", "restored.db"]);
    let files = std::fs::read_dir(home.path("copies")).unwrap();
    let names: Vec<String> = files
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].len(), 64);
    // A second time nothing is copied again, and a file that is there is not written over.
    let refused = home.try_run(&["backup", "copy.db"]);
    assert_eq!(refused.status.code(), Some(4));
}

#[tokio::test]
async fn the_daemon_backs_itself_up_when_the_time_has_come() {
    let (home, token) = Home::office("[backup]\nfolder = \"copies\"\nat = \"00:00\"\n");
    let daemon = home.serve();
    // Today's time has passed: one is written at the start.
    let written = async {
        loop {
            let page = client().get(daemon.url("/metrics")).bearer_auth(&token).send().await;
            let page = page.unwrap().text().await.unwrap();
            let line = page.lines().find(|line| line.starts_with("duban_backup_timestamp_seconds"));
            if line.is_some_and(|line| !line.ends_with(" 0")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    written.await;
    daemon.end();
    assert!(has_files(&home.path("copies")));
    let mut copies = std::fs::read_dir(home.path("copies")).unwrap();
    let copy = copies.find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|ending| ending == "db").then_some(path)
    });
    home.run(&["audit", "verify", "--db", copy.unwrap().to_str().unwrap()]);
}
