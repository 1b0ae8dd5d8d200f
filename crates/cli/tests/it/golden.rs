//! Databases that older versions wrote: see `tests/golden/README.md`.

use serde_json::Value;

use crate::daemon::{Home, client};

/// The cases of the years 22 and 2843.
const BEYOND: [&str; 3] =
    ["6311719e33bbfd4c009fdb98", "ca005b65851622da1f92262a", "dedfe06e11e27f67d9930bd9"];

/// A copy of a database of an older version, as `office.db`.
fn home(name: &str) -> Home {
    let home = Home::new("");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/");
    std::fs::copy(format!("{golden}{name}"), home.path("office.db")).unwrap();
    home
}

fn json(home: &Home, args: &[&str]) -> Value {
    let output = home.run(&[&["--json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn texts<'a>(rows: &'a Value, key: &str) -> Vec<&'a str> {
    let mut texts: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn years_that_nobody_means_are_read_listed_and_audited_as_whole() {
    let home = home("year-0022.db");
    let cases = json(&home, &["cases"]);
    assert_eq!(cases["cases"].as_array().unwrap().len(), 7);
    let audit = json(&home, &["audit", "verify"]);
    assert_eq!(audit["cases"], 7, "{audit}");
    for key in ["broken", "unreadable", "failed"] {
        assert_eq!(audit[key].as_array().unwrap().len(), 0, "{audit}");
    }
    for case in BEYOND {
        let shown = json(&home, &["show", case]);
        assert!(shown["events"].as_array().unwrap().len() >= 10, "{shown}");
        assert_eq!(shown["unreadable"].as_array().unwrap().len(), 0);
    }
    json(&home, &["rebuild"]);
    for dry in [true, false] {
        let args: &[&str] = if dry { &["repair", "--dry-run"] } else { &["repair"] };
        let repaired = json(&home, args);
        assert_eq!(texts(&repaired["beyond"], "case"), BEYOND, "{repaired}");
        assert_eq!(repaired["left"].as_array().unwrap().len(), 0, "{repaired}");
    }
    assert_eq!(json(&home, &["audit", "verify"])["broken"].as_array().unwrap().len(), 0);
}

#[test]
fn repair_makes_rows_again_and_puts_deliveries_back() {
    let home = home("year-0022.db");
    let change = |sql: &str| {
        let conn = rusqlite::Connection::open(home.path("office.db")).unwrap();
        assert_eq!(conn.execute(sql, ()).unwrap(), 1, "{sql}");
    };
    let [beyond, _, later] = BEYOND;
    change(&format!("UPDATE items SET data = '{{' WHERE case_id = '{beyond}' AND key = 'write'"));
    // One that this version can read and one that none can.
    let aside = "UPDATE outbox SET state = 2, error = 'unreadable: year' WHERE";
    change(&format!("{aside} case_id = '{later}' AND seq = 7"));
    change(&format!("{aside} case_id = '{beyond}' AND seq = 6"));
    change(&format!("UPDATE outbox SET body = '{{' WHERE case_id = '{beyond}' AND seq = 6"));
    for args in [["repair", "--dry-run"].as_slice(), &["repair"], &["repair", "--dry-run"]] {
        let output = home.try_run(&[&["--json"], args].concat());
        assert_eq!(output.status.code(), Some(1), "one is left");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (rebuilt, put_back) = (&told["rebuilt"], &told["put_back"]);
        if told["dry_run"] == true && *rebuilt == serde_json::json!([]) {
            assert_eq!(*put_back, serde_json::json!([]), "mended: {told}");
        } else {
            assert_eq!(*rebuilt, serde_json::json!([beyond]), "{told}");
            assert_eq!(*put_back, serde_json::json!([format!("{later}-7")]), "{told}");
        }
        assert!(told["left"][0].as_str().unwrap().starts_with(&format!("{beyond}-6")), "{told}");
    }
    let audit = json(&home, &["audit", "verify"]);
    assert_eq!(audit["unreadable"].as_array().unwrap().len(), 0, "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_messages_go_out_and_its_cases_can_be_ended() {
    let home = home("year-0022.db");
    let token = json(&home, &["token", "add", "test", "--scope", "admin"]);
    let token = token["token"].as_str().unwrap();
    let daemon = home.serve();
    let get = async |path: &str| {
        let sent = client().get(daemon.url(path)).bearer_auth(token).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{path}: {}", sent.text().await.unwrap());
        sent.json::<Value>().await.unwrap()
    };
    for path in ["/api/v1/deliveries", "/api/v1/feed", "/api/v1/tasks", "/api/v1/cases"] {
        get(path).await;
    }
    for case in BEYOND {
        get(&format!("/api/v1/cases/{case}/timeline")).await;
        let audit = get(&format!("/api/v1/cases/{case}/audit")).await;
        assert_eq!(audit["whole"], true, "{audit}");
    }
    // Whatever can be delivered is; what asks for cases of the years 22 and 23 is given up.
    let pending = async || get("/api/v1/deliveries?state=pending").await["rows"].clone();
    let wait = std::time::Duration::from_millis(50);
    for _ in 0..600 {
        if pending().await.as_array().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(wait).await;
    }
    assert_eq!(pending().await.as_array().unwrap().len(), 0);
    let sent = std::fs::read_to_string(home.path("office.db.outbox.jsonl")).unwrap();
    assert!(sent.contains("请抓紧"), "{sent}");
    let dead = get("/api/v1/deliveries?state=dead").await;
    let dead = dead["rows"].as_array().unwrap();
    assert!(!dead.is_empty());
    for row in dead {
        assert!(BEYOND.contains(&row["case"].as_str().unwrap()), "{row}");
        assert!(row["error"].as_str().unwrap().contains("1900-01-01 to 2200-12-31"), "{row}");
    }
    daemon.end();

    for case in BEYOND {
        home.run(&["act", case, "cancel", "--reason", "期间有误", "--as", "zhang"]);
    }
    let repaired = json(&home, &["repair"]);
    assert_eq!(repaired["beyond"].as_array().unwrap().len(), 0, "{repaired}");
    assert_eq!(json(&home, &["audit", "verify"])["broken"].as_array().unwrap().len(), 0);
}

#[test]
fn a_missing_database_is_made_by_no_command_that_reads_or_acts() {
    let home = Home::new("");
    let copy = home.path("copy.db");
    let copy = copy.to_str().unwrap();
    let commands: [&[&str]; 14] = [
        &["cases"],
        &["tasks"],
        &["show", "x"],
        &["audit", "verify"],
        &["rebuild"],
        &["repair"],
        &["backup", copy],
        &["act", "x", "sign", "y", "--as", "z"],
        &["open", "--suite", "points", "--all", "--date", "2022-01-01"],
        &["token", "add", "test"],
        &["token", "list"],
        &["token", "revoke", "test"],
        &["directory", "export", "all.xlsx"],
        &["directory", "import", "nothing.csv"],
    ];
    for there in [false, true] {
        if there {
            std::fs::write(home.path("office.db"), "").unwrap();
        }
        for command in commands {
            let output = home.try_run(command);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(4), "{command:?}");
            assert!(said.contains("duban publish"), "{command:?}: {said}");
        }
        let size = std::fs::metadata(home.path("office.db")).map(|file| file.len());
        assert_eq!(size.ok(), there.then_some(0));
    }
}

#[test]
fn restore_takes_no_empty_or_foreign_file() {
    let (home, _) = Home::office("");
    home.run(&["backup", "good.db"]);
    let before = std::fs::read(home.path("office.db")).unwrap();
    std::fs::write(home.path("empty.db"), "").unwrap();
    std::fs::write(home.path("notes.db"), "买菜\n".repeat(500)).unwrap();
    std::fs::write(home.path("cut.db"), &before[..before.len() / 2]).unwrap();
    for bad in ["empty.db", "notes.db", "cut.db", "none.db"] {
        assert!(!home.try_run(&["restore", bad]).status.success(), "{bad}");
        assert_eq!(std::fs::read(home.path("office.db")).unwrap(), before, "{bad}");
        assert!(!home.path("office.db.before").exists(), "{bad}");
    }
    home.run(&["restore", "good.db"]);
    home.run(&["audit", "verify"]);
}
