//! The standard ladder: what each rung asks for, and its text.

use std::sync::Arc;

use duban_script::{Action, Limits, Program, RungFacts, RungSide, Scene, ScriptError, TaskFacts};

use crate::support::{STANDARD, definition, end, rung, scene, world};

fn call(name: &str, rung: &RungFacts) -> Result<Vec<Action>, ScriptError> {
    let definition = definition("true", "");
    let program = Program::compile(definition.clone(), Limits::default()).unwrap();
    program.call(name, &scene(&definition), Some(rung))
}

#[track_caller]
fn check(name: &str, rung: &RungFacts, expected: &str) {
    let actions = call(name, rung).unwrap();
    let [action] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(serde_json::to_string(action).unwrap().replace('"', "'"), expected);
}

const STATE: &str = "“专题研究城市基层党建工作”应于2022年7月8日前办结，已逾期3个工作日。";

const STILL: &str =
    "“专题研究城市基层党建工作”应于2022年7月8日前办结，已逾期3个工作日，至今仍未办结";

#[test]
fn with_everything_written_on_the_rung() {
    let rung = rung();
    let to = "['post:370102001/书记']";
    check(
        "remind",
        &rung,
        &format!(
            "{{'remind':{{'to':{to},'text':'【提醒】{STATE}请按时办结，并在系统中反馈进展。'}}}}"
        ),
    );
    check(
        "press",
        &rung,
        &format!(
            "{{'slip':{{'colour':'red','to':{to},'text':'【催办】{STATE}请即查明原因、倒排工期，于3个工作日内反馈办理情况和预计办结时间。'}}}}"
        ),
    );
    check(
        "supervise",
        &rung,
        &format!(
            "{{'slip':{{'colour':'red','to':{to},'text':'【督办】{STATE}请承办单位主要负责同志亲自过问，限期办结；请上级单位加强督促指导。'}}}}"
        ),
    );
    check(
        "notice",
        &rung,
        &format!(
            "{{'notice':{{'to':{to},'text':'【通报】解放路街道承办的{STILL}，现予通报。请认真整改，并书面说明情况。'}}}}"
        ),
    );
    check(
        "interview",
        &rung,
        &format!(
            "{{'interview':{{'who':'post:370102001/书记','by':'unit:370102','why':'{STILL}。','due':{},'rectify_within':'30 workdays'}}}}",
            serde_json::to_string(&end("2022-07-29")).unwrap().replace('"', "'")
        ),
    );
    check(
        "refer",
        &rung,
        &format!(
            "{{'refer':{{'to':'post:370102001/书记','why':'解放路街道承办的{STATE}经约谈仍未整改到位，现将有关材料移送，请依规依纪依法研究处理。'}}}}"
        ),
    );
}

#[test]
fn with_nothing_written_on_the_rung() {
    let bare = RungFacts::default();
    let found = |name: &str| serde_json::to_string(&call(name, &bare).unwrap()).unwrap();
    assert!(found("press").contains(r#""colour":"blue","to":["post:370102001/书记"]"#));
    assert!(
        found("supervise")
            .contains(r#""colour":"yellow","to":["post:370102001/书记","unit:370102"]"#)
    );
    assert!(found("notice").contains(r#""to":[]"#));
    assert!(found("interview").contains(r#""rectify_within":"20 workdays""#));
    assert!(found("refer").contains(r#""to":null"#));
}

#[test]
fn what_is_still_owed_is_one_sentence_with_single_quotation_marks() {
    let definition = definition("true", "");
    let program = Program::compile(definition.clone(), Limits::default()).unwrap();
    for (side, what, verb) in [
        (RungSide::Work, "", "办结"),
        (RungSide::Review, "", "审核"),
        (RungSide::Answer, "的延期申请", "答复"),
    ] {
        for due in [None, Some("2022-07-08"), Some("2022-07-13"), Some("2022-07-29")] {
            let due = due.map(end);
            let (facts, item) = world(&definition);
            let title = "落实“三张清单”".to_owned();
            let item = Arc::new(TaskFacts { title, due, ..TaskFacts::clone(&item) });
            let scene = Scene { facts, item: Some(item), ..scene(&definition) };
            let rung = RungFacts { side, due, ..rung() };
            let said = |name: &str| {
                let actions = program.call(name, &scene, Some(&rung)).unwrap();
                serde_json::to_string(&actions).unwrap()
            };
            for name in ["interview", "notice"] {
                let said = said(name);
                assert!(said.contains(&format!("“落实‘三张清单’”{what}")), "{said}");
                assert_eq!(said.matches(&format!("至今仍未{verb}")).count(), 1, "{said}");
                assert!(!said.contains("。至今") && !said.contains("尚未"), "{said}");
                assert_eq!(due.is_some(), said.contains("，至今"), "{said}");
            }
            for name in ["remind", "press", "supervise", "refer", "interview", "notice"] {
                let said = said(name);
                assert!(!said.contains("““") && !said.contains("””"), "{said}");
            }
        }
    }
}

#[test]
fn every_function_is_commented() {
    let lines: Vec<&str> = STANDARD.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("fn ")) {
        assert!(lines[at - 1].starts_with("//"), "{line}");
    }
}
