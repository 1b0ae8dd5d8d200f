//! Rule 26 on the command line: `duban tasks --attention`, `duban cases --attention`.

use serde_json::Value;

use crate::daemon::Home;

#[test]
fn rule_26_tasks_that_nobody_can_move_on_are_listed_with_their_remedy() {
    let (home, _) = Home::office("");
    let open = ["open", "--suite", "points", "--workflow", "report", "--unit", "D"];
    home.run(&[&open[..], &["--date", "2026-01-01"]].concat());
    let none = home.run(&["tasks", "--attention"]);
    assert!(String::from_utf8_lossy(&none.stdout).contains("没有符合条件的记录"));
    std::fs::write(home.path("岗位.csv"), "单位,岗位,任职\nD,书记,\n").unwrap();
    home.run(&["directory", "import", "岗位.csv", "--merge"]);
    let told = home.run(&["tasks", "--attention"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("承办岗位无人在岗：历下区 书记"), "{told}");
    assert!(told.contains("在通讯录中补上任职人员"), "{told}");
    let json = |args: &[&str]| -> Value {
        let output = home.run(&[&["--json", "tasks"], args].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = json(&["--attention", "owner_vacant"]);
    assert_eq!(found["tasks"][0]["attention"], "owner_vacant", "{found}");
    assert_eq!(json(&["--attention", "unit_gone"])["tasks"].as_array().unwrap().len(), 0);
    let bad = home.try_run(&["tasks", "--attention", "soon"]);
    assert!(!bad.status.success());
    assert!(String::from_utf8_lossy(&bad.stderr).contains("owner_vacant"));
}
