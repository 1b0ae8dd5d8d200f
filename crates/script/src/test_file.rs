//! What can be found wrong with a file of workflow tests without running it.

use std::collections::BTreeSet;

use duban_model::{Problem, Script};
use rhai::{AST, ASTNode, Engine, Expr as Code, FnCallExpr, ParseError, Position, Stmt};

use crate::dates::{self, Dated, Shifts, Wrong};
use crate::explain::{Base, syntax};
use crate::fullwidth;
use crate::known::RHAI;
use crate::suggest::closest;

/// rhai's own functions that tests may call besides those of scripts.
const MORE: &[&str] = &[
    "Fn",
    "bytes",
    "chop",
    "crop",
    "debug",
    "drain",
    "fill_with",
    "is_anonymous",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "is_zero",
    "make_lower",
    "make_upper",
    "max",
    "min",
    "name",
    "order",
    "order_by",
    "order_desc",
    "print",
    "reduce_rev",
    "shift",
    "sort_by",
    "splice",
    "split_rev",
    "to_binary",
    "to_chars",
    "to_debug",
    "to_hex",
    "to_json",
    "to_octal",
    "truncate",
];

/// Compiles a text in which dates are written as `date` reads them, or says what is wrong with it.
pub(crate) fn parse(
    engine: &Engine,
    source: &str,
    base: Base<'_>,
    date: impl Fn(&str) -> Result<Dated, Vec<Wrong>>,
) -> Result<(AST, Shifts), Vec<Problem>> {
    if let Some(first) = fullwidth::find(source).first() {
        let narrow = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let position = Position::new(narrow(first.line.max(1)), narrow(first.column));
        let corrected = fullwidth::corrected(source);
        let line = corrected.lines().nth(first.line - 1).map(str::trim).unwrap_or_default();
        let message = format!("脚本里有全角标点 {}", first.wide);
        let problem = Problem::error("DB1501", &base.place(position, 1), message);
        return Err(vec![problem.with_help(format!("改为半角：{line}"))]);
    }
    let Dated { source, shifts } = date(source)
        .map_err(|wrong| wrong.iter().map(|wrong| wrong.problem(base)).collect::<Vec<_>>())?;
    match engine.compile(&source) {
        Ok(code) => Ok((code, shifts)),
        Err(ParseError(kind, position)) => {
            let place = base.place(shifts.original(position), 0);
            Err(vec![Problem::error("DB1501", &place, syntax(&kind))])
        }
    }
}

/// Problems of a file of workflow tests: syntax, and functions that neither the file nor rhai nor
/// the tests' own `functions` have. The engine is the one that will run it.
pub fn check_test(engine: &Engine, script: &Script, functions: &[&str]) -> Vec<Problem> {
    let base = Base::File(&script.file);
    let (code, dates) = match parse(engine, &script.source, base, dates::as_texts) {
        Ok(parsed) => parsed,
        Err(problems) => return problems,
    };
    let own = code.iter_fn_def().map(|function| function.name.as_str());
    let known: BTreeSet<&str> = RHAI
        .iter()
        .map(|(name, _)| *name)
        .chain(MORE.iter().copied())
        .chain(functions.iter().copied())
        .chain(own)
        .collect();
    let mut problems = Vec::new();
    let mut look = |call: &FnCallExpr, position: Position| {
        let name = call.name.as_str();
        if call.op_token.is_some() || known.contains(name) {
            return;
        }
        let place = base.place(dates.original(position), name.chars().count());
        let problem = Problem::error("DB1504", &place, format!("没有函数 {name}"));
        problems.push(match closest(name, known.iter().copied()) {
            Some(near) => problem.with_help(format!("是不是 {near}？")),
            None => problem,
        });
    };
    code.walk(&mut |path| {
        if let Some(
            ASTNode::Expr(Code::FnCall(call, position) | Code::MethodCall(call, position))
            | ASTNode::Stmt(Stmt::FnCall(call, position)),
        ) = path.last()
        {
            look(call, *position);
        }
        true
    });
    problems
}
