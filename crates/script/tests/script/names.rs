//! Every name of the table works under both names.

use std::collections::BTreeMap;

use duban_script::{HostKind, Limits, NAMES, Program};

use crate::support::{definition, render, rung, scene, value_with};

/// An expression on which a property or method of each type can be read.
const HOLDERS: &[(&str, &str)] = &[
    ("task", "task"),
    ("unit", "unit"),
    ("assignee", "owner"),
    ("window", "window"),
    ("date", "period.start"),
    ("instant", "now"),
    ("case", "case"),
    ("rung", "rung"),
];

/// A call of each function and method, by its English name.
const CALLS: &[(&str, &str)] = &[
    ("days", "(3)"),
    ("workdays", "(3)"),
    ("months", "(3)"),
    ("hours", "(3)"),
    ("date", "(2022, 7, 8)"),
    ("org", "(\"历下区\")"),
    ("units", "(\"district\")"),
    ("districts", "()"),
    ("workdays_between", "(due, now)"),
    ("is_workday", "(due)"),
    ("history", "(\"remind\")"),
    ("indicator", "(\"list\")"),
    ("min", "([1, 2])"),
    ("max", "(1, 2)"),
    ("sum", "([1, 2])"),
    ("avg", "([1, 2])"),
    ("count", "([1, 2])"),
    ("post", "(\"书记\")"),
    ("below", "(\"street\")"),
    ("with", "(\"street\")"),
    ("is_within", "(unit)"),
];

/// A value for each key of each action.
const VALUES: &[(&str, &str)] = &[
    ("to", "unit"),
    ("text", "\"一\""),
    ("colour", "\"red\""),
    ("who", "owner"),
    ("by", "unit"),
    ("why", "\"一\""),
    ("due", "due"),
    ("rectify_within", "workdays(3)"),
    ("title", "\"一\""),
    ("owner", "unit"),
    ("reviewer", "unit"),
    ("ladder", "\"standard\""),
    ("workflow", "\"m02\""),
    ("unit", "unit"),
    ("form", "#{}"),
    ("name", "\"一\""),
    ("value", "1"),
    ("points", "1"),
    ("kind", "\"一\""),
    ("data", "#{}"),
];

fn row(table: &'static [(&str, &str)], key: &str) -> &'static str {
    let found = table.iter().find(|(name, _)| *name == key);
    found.unwrap_or_else(|| panic!("the test has no example of {key}")).1
}

#[test]
fn variables_functions_and_properties_read_alike_in_both_languages() {
    for host in NAMES {
        let written = |name: &str| match host.kind {
            HostKind::Variable => name.to_owned(),
            HostKind::Function => format!("{name}{}", row(CALLS, host.english)),
            HostKind::Method { of } => {
                format!("{}.{name}{}", row(HOLDERS, of), row(CALLS, host.english))
            }
            HostKind::Property { of } => format!("{}.{name}", row(HOLDERS, of)),
            HostKind::Action | HostKind::Key { .. } => String::new(),
        };
        let of_rung = matches!(host.kind, HostKind::Property { of: "rung" });
        if written("x").is_empty() || of_rung {
            continue;
        }
        // Handles such as `task` do not leave the sandbox; as text they do.
        let [english, chinese] = [host.english, host.chinese]
            .map(|name| value_with(&format!("`${{{}}}`", written(name)), ""));
        assert!(english.is_ok(), "{host:?}: {english:?}");
        assert_eq!(english, chinese, "{host:?}");
    }
}

#[test]
fn properties_of_rungs_read_alike_in_both_languages() {
    for host in NAMES.iter().filter(|it| it.kind == HostKind::Property { of: "rung" }) {
        let hooks = format!(
            "fn act(task, rung) {{ log(`${{rung.{}}}`); log(`${{梯级.{}}}`); }}",
            host.english, host.chinese
        );
        let definition = definition("true", &hooks);
        let program = Program::compile(definition.clone(), Limits::default())
            .unwrap_or_else(|problems| panic!("{}", render(&problems)));
        let actions = program.call("act", &scene(&definition), Some(&rung())).unwrap();
        assert_eq!(actions[0], actions[1], "{host:?}");
    }
}

#[test]
fn actions_and_their_keys_act_alike_in_both_languages() {
    for action in NAMES.iter().filter(|it| it.kind == HostKind::Action) {
        let keys: BTreeMap<&str, &str> = NAMES
            .iter()
            .filter(|it| it.kind == HostKind::Key { of: action.english })
            .map(|it| (it.english, it.chinese))
            .collect();
        let entry = |(key, name): (&str, &str)| format!("{name}: {}", row(VALUES, key));
        let english: Vec<String> = keys.keys().map(|key| entry((key, key))).collect();
        let chinese: Vec<String> = keys.iter().map(|(key, name)| entry((key, name))).collect();
        let hooks = format!(
            "fn act(task) {{ {}(#{{ {} }}); {}(#{{ {} }}); }}",
            action.english,
            english.join(", "),
            action.chinese,
            chinese.join(", ")
        );
        let definition = definition("true", &hooks);
        let program = Program::compile(definition.clone(), Limits::default())
            .unwrap_or_else(|problems| panic!("{}\n{hooks}", render(&problems)));
        let actions = program.call("act", &scene(&definition), None);
        let actions = actions.unwrap_or_else(|error| panic!("{error}\n{hooks}"));
        assert_eq!(actions[0], actions[1], "{hooks}");
    }
}
