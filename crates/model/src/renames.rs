//! What newer versions say of older ones: names that were, rungs with ids.

use std::collections::BTreeMap;

use crate::definition::Definition;
use crate::load::load_suite;
use crate::load_calendar;
use crate::read::Sources;
use crate::suite::Library;

const SUITE: &str = "title: 文件\ntarget_year: 2022\ncalendar: cn\n";

/// One workflow of these tasks, and the codes of what is wrong with it.
fn loaded(tasks: &str) -> (Option<Definition>, Vec<String>) {
    let workflow = format!("id: m\ntitle: 措施\ncases: districts()\ntasks:\n{tasks}");
    let sources = Sources::from([
        ("suite.yaml".to_owned(), SUITE.to_owned()),
        ("m.yaml".to_owned(), workflow),
    ]);
    let text = include_str!("../../../workflows/calendars/cn.yaml");
    let calendar = load_calendar("cn.yaml", text).expect("the calendar loads");
    let library =
        Library { scripts: Vec::new(), calendars: BTreeMap::from([("cn".to_owned(), calendar)]) };
    let loaded = load_suite("s", &sources, &library);
    let codes = loaded.problems.iter().map(|problem| problem.code.to_string()).collect();
    let suite = loaded.suite;
    let definition = suite.and_then(|suite| suite.definitions.get("m").cloned());
    (definition.map(|found| Definition::clone(&found)), codes)
}

fn codes(tasks: &str) -> Vec<String> {
    loaded(tasks).1
}

#[test]
fn earlier_names_are_read() {
    let (definition, _) = loaded(
        "  scheme:\n    title: 方案\n    was: [plan, draft]\n    owner: unit\n    \
         each: { body: { over: streets(unit), was: [street] }, n: '[1, 2]' }\n    \
         form: { text: { type: text, was: [content] }, plain: text }\n",
    );
    let definition = definition.expect("it loads");
    let workflow = &definition.workflow;
    let task = workflow.task_once("draft").expect("it was called so");
    assert_eq!(task.id.as_str(), "scheme");
    assert!(workflow.task("draft").is_none() && workflow.task_once("other").is_none());
    assert_eq!(task.each[0].was, ["street"]);
    assert_eq!((task.each[0].over.source.as_str(), task.each[1].was.len()), ("streets(unit)", 0));
    assert_eq!(task.form[0].was, ["content"]);
}

#[test]
fn an_earlier_name_leads_to_one_thing() {
    let two = |was: &str| {
        format!(
            "  a: {{ title: 甲, owner: unit, was: [x] }}\n  b: {{ title: 乙, owner: unit, was: [{was}] }}\n"
        )
    };
    assert_eq!(codes(&two("y")), Vec::<String>::new());
    assert_eq!(codes(&two("a")), ["DB1202"]);
    assert_eq!(codes(&two("x")), ["DB1202"]);
    let fields =
        "  a: { title: 甲, owner: unit, form: { p: text, q: { type: text, was: [p] } } }\n";
    assert_eq!(codes(fields), ["DB1213"]);
    let axes =
        "  a: { title: 甲, owner: unit, each: { p: '[1]', q: { over: '[2]', was: [p] } } }\n";
    assert_eq!(codes(axes), ["DB1213"]);
}

#[test]
fn only_what_opens_a_case_can_keep_it() {
    let task = |keys: &str| format!("  a: {{ title: 甲, {keys} }}\n");
    assert_eq!(codes(&task("owner: unit, on_cancel: keep")), ["DB1217"]);
    let (definition, _) = loaded(&task("workflow: m, on_cancel: drop"));
    assert!(definition.is_none());
}

#[test]
fn a_definition_without_them_is_written_as_before() {
    let (definition, _) =
        loaded("  a: { title: 甲, owner: unit, each: { n: '[1]' }, form: { p: text } }\n");
    let text = serde_json::to_string(&definition.expect("it loads")).expect("plain data");
    for key in ["\"was\"", "keeps_case"] {
        assert!(!text.contains(key), "{key}: {text}");
    }
}

#[test]
fn rungs_are_named_by_id_or_by_what_they_do() {
    let (definition, _) = loaded(
        "  a: { title: 甲, owner: unit, ladder: main }\nladders:\n  main:\n    \
         - { id: first, at: due - workdays(3), do: remind, to: owner }\n    \
         - { at: due + workdays( 1 ), do: press, slip: blue, to: [owner, owner.superior] }\n    \
         - { at: due + workdays(5), do: press, to: [owner, owner.superior], slip: blue }\n    \
         - { at: due + workdays(5), do: press, to: [owner, owner.superior], slip: red }\n",
    );
    let definition = definition.expect("it loads");
    let rungs = &definition.ladders["main"].rungs;
    assert_eq!(rungs[0].name(), "first");
    assert_eq!(rungs[1].deed(), rungs[2].deed());
    assert_ne!(rungs[2].deed(), rungs[3].deed());
    assert_eq!(rungs[1].when(), "due+workdays(1)");
    let text = serde_json::to_string(&rungs[1]).expect("plain data");
    assert!(!text.contains("\"id\""), "{text}");
}
