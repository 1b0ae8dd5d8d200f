//! Random texts: the compiler answers, it never panics; what compiles, runs to an end.

use std::sync::Arc;

use duban_model::{Definition, Script};
use duban_script::{Limits, Program};
use proptest::prelude::*;

use crate::support::{definition, rung, scene, when};

fn with(source: &str, script: &str) -> Arc<Definition> {
    thread_local! {
        static BASE: Arc<Definition> = definition("true", "");
    }
    let mut definition = BASE.with(|base| (**base).clone());
    for task in &mut definition.workflow.tasks {
        if let Some(expr) = &mut task.when {
            source.clone_into(&mut expr.source);
        }
    }
    let own = Script { file: "m01.rhai".to_owned(), source: script.to_owned() };
    definition.scripts.insert(0, own);
    Arc::new(definition)
}

#[rustfmt::skip] // One kind a line.
const WORDS: &[&str] = &[
    "due", "now", "unit", "task", "form", "item", "tasks", "params", "case", "owner", "期限", "x",
    ".", "(", ")", "[", "]", "{", "}", "#{", ",", ";", "=>", "|x|", "?.", "\"书记\"", "`${", "}`",
    "+", "-", "*", "/", "==", "<", "&&", "??", "!", "=", "+=", "1", "9223372036854775807", "2.5", "()",
    "let", "if", "else", "fn", "for", "in", "loop", "switch", "return", "this", "curry", "call",
    "days", "workdays", "工作日", "org", "min", "sum", "with", "post", "remind", "all", "map", "filter",
    "（", "'", "\\",
];

/// Pieces that make likelier texts than random letters do.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ]
}

fn run(source: &str, script: &str) {
    let limits = Limits { operations_max: 2_000, ..Limits::default() };
    let definition = with(source, script);
    if let Ok(program) = Program::compile(definition.clone(), limits) {
        let scene = scene(&definition);
        // Any answer will do, as long as there is one.
        drop(program.eval(&when(&definition), &scene));
        drop(program.call("act", &scene, Some(&rung())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_expressions_never_panic(pieces in prop::collection::vec(piece(), 0..24)) {
        run(&pieces.join(" "), "");
    }

    #[test]
    fn random_scripts_never_panic(pieces in prop::collection::vec(piece(), 0..24)) {
        run("true", &format!("fn act(task, rung) {{ {} }}", pieces.join(" ")));
    }

    #[test]
    fn random_letters_never_panic(text in "\\PC{0,60}") {
        run(&text, &text);
    }
}
