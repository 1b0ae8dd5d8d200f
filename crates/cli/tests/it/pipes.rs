//! Whoever reads the output goes away early (`| head`): a quiet end, with the code of the work.

use std::process::{Output, Stdio};

use crate::daemon::Home;

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (home, _) = Home::office("");
    let ended = |args: &[&str]| -> Output {
        home.command(args).stdout(closed()).stderr(Stdio::piped()).output().unwrap()
    };
    home.run(&["open", "--suite", "points", "--all", "--date", "2022-01-01"]);
    let commands: [&[&str]; 9] = [
        &["cases"],
        &["--json", "cases"],
        &["--json", "tasks"],
        &["check", "points"],
        &["--json", "check", "points"],
        &["graph", "points", "report"],
        &["--json", "directory", "import", "people.csv", "--merge"],
        &["workday", "add", "2026-02-12", "5"],
        &["--json", "audit", "verify"],
    ];
    std::fs::write(home.path("people.csv"), "编号,姓名\nwang,王五\n").unwrap();
    for args in commands {
        let output = ended(args);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn problems_that_nobody_reads_still_give_their_code() {
    let (home, _) = Home::office("");
    std::fs::write(home.path("points/report.yaml"), "id：x\n").unwrap();
    let output = home.command(&["check", "points"]).stdout(closed()).stderr(closed()).output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    let output = home.command(&["show", "nothing"]).stdout(closed()).stderr(closed()).output();
    assert_eq!(output.unwrap().status.code(), Some(3));
}
