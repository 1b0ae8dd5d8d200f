//! What is written into the files of logs, and what must never be.

use serde_json::Value;

use crate::daemon::{Home, client, has_files, open};

#[tokio::test]
async fn each_request_has_one_line_with_its_route_and_who_asked_and_nothing_secret() {
    let (home, token) =
        Home::office("[log]\nformat = \"json\"\nlevel = \"info,duban_engine=debug\"\n");
    let daemon = home.serve();
    let link = daemon.told["first_link"].as_str().unwrap().to_owned();
    let key = link.split_once("key=").unwrap().1.to_owned();
    assert_eq!(client().get(&link).send().await.unwrap().status(), 200);
    let case = open(&daemon, &token).await;
    let request = client().get(daemon.url(&format!("/api/v1/cases/{case}")));
    let answer =
        request.bearer_auth(&token).header("x-request-id", "from-the-proxy-7").send().await;
    assert_eq!(answer.unwrap().headers()["x-request-id"], "from-the-proxy-7");
    let said = daemon.end();

    let lines = home.log("duban.");
    let request = |line: &Value, name: &str| {
        let spans = line["spans"].as_array().cloned().unwrap_or_default();
        spans.first().map_or(Value::Null, |span| span[name].clone())
    };
    let access: Vec<&Value> =
        lines.iter().filter(|line| line["target"] == "duban::access").collect();
    assert_eq!(access.len(), 3, "{access:?}");
    let look = access.iter().find(|line| request(line, "id") == "from-the-proxy-7").unwrap();
    assert_eq!(request(look, "route"), "/api/v1/cases/{case}");
    assert_eq!(request(look, "who"), "token:test");
    assert_eq!(look["status"], 200);
    assert!(look["micros"].as_u64().is_some());
    // The engine's line of the commit carries the name of the request that caused it.
    let opening = access.iter().find(|line| request(line, "method") == "POST").unwrap();
    let commit = lines.iter().find(|line| line["message"] == "committed").unwrap();
    assert_eq!(request(commit, "id"), request(opening, "id"));
    assert_eq!(commit["case"], case.as_str());

    for text in [said.as_str(), &serde_json::to_string(&lines).unwrap()] {
        assert!(text.contains("from-the-proxy-7"), "{text}");
        assert!(!text.contains(&token) && !text.contains(&key), "{text}");
    }
    assert!(said.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{said}");
    assert!(home.log("security.").iter().all(|line| line["target"] == "duban::security"));
}

#[test]
fn files_can_be_turned_off_but_not_kept_too_short() {
    let home = Home::new("[log]\nfolder = false\n");
    home.serve().end();
    assert!(!has_files(&home.path("office.db.logs")));
    home.configure("[log]\nkeep_days = 30\n");
    for command in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = home.try_run(command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("Cybersecurity Law") && said.contains("183"), "{said}");
    }
}

/// Sends so many requests, each of which has a line.
async fn ask(daemon: &crate::daemon::Daemon, times: usize) {
    let client = client();
    for _ in 0..times {
        assert_eq!(client.get(daemon.url("/healthz")).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_full_file_is_followed_by_another_and_no_line_is_lost() {
    let home = Home::new("[log]\nfile_bytes_max = 65536\n");
    let daemon = home.serve();
    ask(&daemon, 600).await;
    daemon.end();
    let lines = home.log("duban.");
    let access = lines.iter().filter(|line| line["target"] == "duban::access").count();
    assert_eq!(access, 600);
    let files: Vec<u64> = std::fs::read_dir(home.path("office.db.logs"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_str().unwrap().starts_with("duban."))
        .map(|entry| entry.metadata().unwrap().len())
        .collect();
    assert!(files.len() > 1 && files.iter().all(|bytes| *bytes <= 65_536), "{files:?}");
}

#[tokio::test]
async fn files_that_hold_as_much_as_they_may_are_told_of_and_the_daemon_goes_on() {
    let (home, token) = Home::office("[log]\nfile_bytes_max = 65536\ntotal_bytes_max = 65536\n");
    let daemon = home.serve();
    ask(&daemon, 600).await;
    // Lines are written by a thread of their own, and counted when they are lost.
    let lost = async || {
        let metrics = client().get(daemon.url("/metrics")).bearer_auth(&token);
        let metrics = metrics.send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find(|line| line.starts_with("duban_log_lines_lost_total"));
        line.unwrap().split(' ').next_back().unwrap().parse::<u64>().unwrap()
    };
    let mut looks = 0;
    while lost().await == 0 {
        looks += 1;
        assert!(looks < 1_000, "what is lost is counted");
    }
    let said = daemon.end();
    assert_eq!(said.matches("log.total_bytes_max (65536 bytes)").count(), 1, "{said}");
    assert!(said.matches("answered").count() >= 600, "standard error has every line");
    let lines = home.log("duban.");
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().unwrap().contains("log.total_bytes_max is reached"), "{last}");
    // The other kind has room of its own.
    assert!(home.log("security.").iter().all(|line| line["level"] != "ERROR"));

    home.configure("[log]\ntotal_bytes_max = 1\n");
    let refused = home.try_run(&["config", "check"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("total_bytes_max"));
}
