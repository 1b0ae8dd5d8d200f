//! Moves on the command line: every one of the table, with dates where the suite is.

use std::process::Output;

use serde_json::Value;

use crate::daemon::Home;
use crate::files::opened;

/// A move in the case by a person.
fn act(home: &Home, case: &str, person: &str, words: &[&str]) -> Output {
    home.try_run(&[&["--json", "act", case], words, &["--as", person]].concat())
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The facts of a move that must be made.
fn facts(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told["events"].as_array().unwrap().iter().map(|event| event["fact"].clone()).collect()
}

#[test]
fn a_report_without_text_and_a_period_of_another_kind_are_refused() {
    let (home, _) = Home::office("");
    let case = opened(&home);
    for text in ["", "  "] {
        let refused = act(&home, &case, "li", &["report", "write", "--text", text]);
        assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
        assert!(said(&refused).contains("DB2025"), "{}", said(&refused));
    }
    let open = ["open", "--suite", "points", "--workflow", "report", "--unit", "C", "--date"];
    let monthly = home.try_run(&[&open[..], &["2022-01-01", "--period", "month"]].concat());
    assert_eq!(monthly.status.code(), Some(3), "{}", said(&monthly));
    assert!(said(&monthly).contains("DB2021"), "{}", said(&monthly));
    // Nothing said: what the workflow covers.
    home.run(&[&open[..], &["2022-01-01"]].concat());
}

#[test]
fn what_a_command_line_says_wrongly_is_refused_with_the_remedy() {
    let (home, _) = Home::office("");
    let list = |args: &[&str]| home.try_run(args);
    for (args, known) in
        [(["tasks", "--status", "foo"], "submitted"), (["cases", "--status", "foo"], "struck_off")]
    {
        let wrong = list(&args);
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
        assert!(said(&wrong).contains(known), "{}", said(&wrong));
    }
    home.run(&["token", "add", "oa"]);
    let again = home.try_run(&["token", "add", "oa", "--scope", "act"]);
    assert_eq!(again.status.code(), Some(3), "{}", said(&again));
    assert!(said(&again).contains("revoke that one first"), "{}", said(&again));
    home.run(&["token", "revoke", "oa"]);
    home.run(&["token", "add", "oa", "--scope", "act"]);
}

#[test]
fn a_suspension_is_asked_for_answered_and_ended() {
    let (home, _) = Home::office("");
    let case = opened(&home);
    let ask = ["ask-suspension", "write", "--reason", "等上级", "--until", "2099-01-31"];
    let asked = facts(&act(&home, &case, "li", &ask));
    // The end of the day where the suite is.
    let end: duban_calendar::Instant = "2099-01-31T16:00:00Z".parse().unwrap();
    assert_eq!(asked[0]["suspension_asked"]["until"], end.millis());
    let refuse = ["refuse-suspension", "write", "--reason", "不必"];
    assert_eq!(act(&home, &case, "li", &refuse).status.code(), Some(3), "the office's alone");
    facts(&act(&home, &case, "zhang", &refuse));
    facts(&act(&home, &case, "li", &["ask-suspension", "write", "--reason", "再等"]));
    facts(&act(&home, &case, "zhang", &["grant-suspension", "write"]));
    facts(&act(&home, &case, "zhang", &["resume", "--item", "write"]));
    // Only the reviewer could handle it in this office.
    let delegate = ["delegate", "write", "--to", "zhang", "--reason", "出差"];
    assert_eq!(act(&home, &case, "li", &delegate).status.code(), Some(3));
    facts(&act(&home, &case, "zhang", &["suspend", "--reason", "改革"]));
    facts(&act(&home, &case, "zhang", &["resume"]));
    let seat = ["accept", "write", "--seat", "unit:C"];
    assert_eq!(act(&home, &case, "zhang", &seat).status.code(), Some(3));
}

#[test]
fn what_is_typed_wrong_is_said_with_what_is_right() {
    let (home, _) = Home::office("");
    let case = opened(&home);
    for (words, part) in [
        (&["sgin", "write"][..], "sign"),
        (&["sign", "write", "--reason", "x"], "--reason"),
        (&["return", "write", "--reson", "x"], "--reason"),
        (&["ask-suspension", "write"], "--reason"),
        (&["ask-suspension", "write", "--reason", "x", "--until", "0022-01-01"], "1900"),
        (&["submit", "write", "--form", "[]"], "JSON object"),
        (&["transfer", "write", "--reason", "x", "--to", "李四"], "post:CODE/NAME"),
        (&["sign"], "ITEM"),
    ] {
        let wrong = act(&home, &case, "li", words);
        assert_eq!(wrong.status.code(), Some(2), "{words:?}: {}", said(&wrong));
        assert!(said(&wrong).contains(part), "{words:?}: {}", said(&wrong));
    }
}

#[test]
fn help_tells_every_move_and_what_it_asks_for() {
    let home = Home::new("");
    let help = said(&home.run(&["act", "--help"]));
    for (name, zh) in
        [("sign", "签收"), ("ask-suspension", "申请挂起"), ("add-countersigner", "加签")]
    {
        let line = help.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.contains(zh)), "{help}");
    }
    let help = said(&home.run(&["act", "CASE", "report", "--help"]));
    for part in ["--text <TEXT>", "进展情况", "--percent", "--file <NAME=PATH>", "<ITEM>", "--as"]
    {
        assert!(help.contains(part), "{part}: {help}");
    }
}
