//! Checks that need a directory: the units, levels and posts that scripts name in so many words.

use duban_model::{Directory, Place, Problem, Severity, expressions};
use rhai::{AST, ASTNode, Expr as Code, FnCallExpr, Position, Stmt};

use crate::dates::{Shifts, called};
use crate::explain::Base;
use crate::host::units::{find, level_named};
use crate::names::{HostKind, english};
use crate::program::{Code as Compiled, Program};
use crate::suggest::closest;

/// Units that the directory does not have, and posts that no unit of it has.
pub(crate) fn check(program: &Program, directory: &Directory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, _, expr) in expressions(&program.definition) {
        let compiled = program.expressions.get(&expr.source);
        let Some(compiled) = compiled else { continue };
        if let Compiled::Script(code) = &compiled.code {
            let base = Base::Expression(&expr.place);
            problems.extend(walk(program, directory, code, base, &compiled.dates));
        }
    }
    for script in &program.definition.scripts {
        let Ok(dated) = called(&script.source) else { continue };
        if let Ok(code) = program.engine.compile(&dated.source) {
            let base = Base::File(&script.file);
            problems.extend(walk(program, directory, &code, base, &dated.shifts));
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

fn walk(
    program: &Program,
    directory: &Directory,
    code: &AST,
    base: Base<'_>,
    dates: &Shifts,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    code.walk(&mut |path| {
        let call = match path.last() {
            Some(ASTNode::Expr(Code::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
                Some((&**call, HostKind::Function))
            }
            Some(ASTNode::Expr(Code::MethodCall(call, _))) => {
                Some((&**call, HostKind::Method { of: "unit" }))
            }
            _ => None,
        };
        let place = |position, length| base.place(dates.original(position), length);
        let found = call.and_then(|(call, kind)| constant(program, directory, call, kind, &place));
        problems.extend(found);
        true
    });
    problems
}

/// What is wrong with a call whose first argument is a text written out.
fn constant(
    program: &Program,
    directory: &Directory,
    call: &FnCallExpr,
    kind: HostKind,
    place: &impl Fn(Position, usize) -> Place,
) -> Option<Problem> {
    let Some(Code::StringConstant(text, position)) = call.args.first() else { return None };
    let place = place(*position, text.chars().count() + 2);
    match english(kind, &call.name)? {
        "org" => {
            find(directory, text).err().map(|message| Problem::error("DB1507", &place, message))
        }
        "units" | "below" | "with" => level_named(&program.definition.suite, text)
            .err()
            .map(|message| Problem::error("DB1518", &place, message)),
        "post" => {
            let mut posts = directory.units().flat_map(|unit| directory.posts(&unit.id));
            if posts.any(|post| post.name == text.as_str()) {
                return None;
            }
            let message = format!("名录里没有一个单位有岗位 {text}");
            let problem = Problem::warning("DB1508", &place, message);
            debug_assert_eq!(problem.severity, Severity::Warning);
            let names: Vec<&str> = directory
                .units()
                .flat_map(|unit| directory.posts(&unit.id))
                .map(|post| post.name.as_str())
                .collect();
            Some(match closest(text, names) {
                Some(name) => problem.with_help(format!("是不是 {name}？")),
                None => problem,
            })
        }
        _ => None,
    }
}
