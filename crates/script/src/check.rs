//! Checks that need no run: what an expression names, and whether that exists.

use std::collections::BTreeMap;

use duban_model::{Definition, Directory, Expr, Place, Problem, TaskKind};
use rhai::{AST, ASTNode, EvalAltResult, Expr as Node, ParseError, ParseErrorType, Position, Stmt};

use crate::host::variables;
use crate::names::{HostKind, NAMES};
use crate::program::{Reads, Role, place_of};
use crate::suggest::{closest, with_suggestion};

/// The functions of a definition's scripts: name and number of parameters, with their files.
#[derive(Default)]
pub(crate) struct Functions(BTreeMap<(String, usize), String>);

impl Functions {
    pub(crate) fn add(&mut self, file: &str, ast: &AST) {
        for function in ast.iter_functions() {
            let key = (function.name.to_owned(), function.params.len());
            self.0.insert(key, file.to_owned());
        }
    }

    pub(crate) fn has(&self, name: &str, parameters: usize) -> bool {
        self.0.contains_key(&(name.to_owned(), parameters))
    }

    fn has_any(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    pub(crate) fn file_of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|((known, _), _)| known == name).map(|(_, file)| file.as_str())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(name, _)| name.as_str())
    }
}

/// Functions of rhai's own packages that scripts may use.
const STANDARD: &[&str] = &[
    "len",
    "push",
    "pop",
    "shift",
    "insert",
    "remove",
    "append",
    "concat",
    "reverse",
    "sort",
    "filter",
    "map",
    "reduce",
    "find",
    "find_map",
    "some",
    "all",
    "any",
    "index_of",
    "contains",
    "dedup",
    "drain",
    "retain",
    "splice",
    "extract",
    "split",
    "truncate",
    "chop",
    "clear",
    "pad",
    "keys",
    "values",
    "get",
    "set",
    "is_empty",
    "mixin",
    "fill_with",
    "to_string",
    "to_int",
    "to_decimal",
    "round",
    "trim",
    "starts_with",
    "ends_with",
    "sub_string",
    "replace",
    "to_upper",
    "to_lower",
    "chars",
    "range",
    "abs",
    "type_of",
    "is_def_var",
    "is_def_fn",
    "Fn",
    "call",
    "curry",
    "throw",
    "print",
    "debug",
    "for_each",
    "zip",
    "flatten",
    "order_by",
    "to_json",
    "split_rev",
    "make_upper",
    "make_lower",
    "crop",
    "bytes",
    "remove_all",
    "name",
];

/// A name that an expression mentions.
#[derive(Debug)]
pub(crate) enum Mention {
    Variable(String, Position),
    /// A function and, where it is a constant text, its first argument.
    Call(String, Position, Option<String>),
    /// A path from a variable: `tasks.survey.form.count`.
    Path(Vec<String>, Position),
}

/// Everything that the functions of an AST mention.
pub(crate) fn walk(ast: &AST) -> Vec<Mention> {
    let mut found = Vec::new();
    ast.walk(&mut |nodes: &[ASTNode<'_>]| {
        let Some(node) = nodes.last() else { return true };
        match node {
            ASTNode::Expr(expr) => mention(expr, nodes, &mut found),
            ASTNode::Stmt(Stmt::FnCall(call, position)) => {
                found.push(Mention::Call(call.name.to_string(), *position, None));
            }
            ASTNode::Stmt(_) => {}
            _ => {}
        }
        true
    });
    found
}

fn mention(expr: &Node, nodes: &[ASTNode<'_>], found: &mut Vec<Mention>) {
    match expr {
        Node::Variable(variable, _, position) => {
            found.push(Mention::Variable(variable.1.to_string(), *position));
        }
        Node::FnCall(call, position) if call.op_token.is_none() => {
            let constant = call.args.first().and_then(|argument| match argument {
                Node::StringConstant(text, _) => Some(text.to_string()),
                _ => None,
            });
            found.push(Mention::Call(call.name.to_string(), *position, constant));
        }
        Node::Dot(..) | Node::Index(..) => {
            let inside = nodes.len() >= 2
                && matches!(nodes[nodes.len() - 2], ASTNode::Expr(Node::Dot(..) | Node::Index(..)));
            if !inside {
                let mut path = Vec::new();
                let position = path_of(expr, &mut path);
                if path.len() > 1 {
                    found.push(Mention::Path(path, position));
                }
            }
        }
        _ => {}
    }
}

/// The names along a chain, as far as they are constant.
fn path_of(expr: &Node, path: &mut Vec<String>) -> Position {
    match expr {
        Node::Dot(pair, ..) | Node::Index(pair, ..) => {
            let position = path_of(&pair.lhs, path);
            let length = path.len();
            let last = path_of(&pair.rhs, path);
            if path.len() > length { last } else { position }
        }
        Node::Variable(variable, _, position) => {
            path.push(variable.1.to_string());
            *position
        }
        Node::Property(property, position) => {
            path.push(property.2.to_string());
            *position
        }
        Node::StringConstant(text, position) => {
            path.push(text.to_string());
            *position
        }
        other => {
            path.push(String::new());
            other.position()
        }
    }
}

/// What is read, from what is mentioned.
pub(crate) fn reads(mentions: &[Mention]) -> Reads {
    let mut reads = Reads::default();
    for mention in mentions {
        match mention {
            Mention::Variable(name, _) => {
                reads.later |= matches!(
                    variables::english(name),
                    Some(
                        "task"
                            | "form"
                            | "now"
                            | "moment"
                            | "interview"
                            | "rung"
                            | "owner"
                            | "reviewer"
                            | "due"
                            | "overdue_workdays"
                            | "remaining_workdays"
                    )
                );
            }
            Mention::Call(name, ..) => {
                reads.later |= matches!(name.as_str(), "history" | "历史" | "indicator" | "指标");
            }
            Mention::Path(path, _) if variables::english(&path[0]) == Some("tasks") => {
                let list =
                    if path[1].contains('/') { &mut reads.foreign } else { &mut reads.tasks };
                if !list.contains(&path[1]) {
                    list.push(path[1].clone());
                }
            }
            Mention::Path(..) => {}
        }
    }
    reads
}

/// Functions that hooks, rungs and automatic tasks call but no script has.
pub(crate) fn script_problems(definition: &Definition, functions: &Functions) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut owed = |name: &str, place: &Place, rung: bool| {
        let known = functions.has(name, 1) || (rung && functions.has(name, 2));
        if !known {
            let arity = if functions.has_any(name) {
                "参数个数不对"
            } else {
                "脚本中没有这个函数"
            };
            let problem = Problem::error("DB1502", place, format!("函数 {name}：{arity}"));
            let form = if rung { "fn NAME(task, rung)" } else { "fn NAME(task)" };
            let help = match closest(name, functions.names()) {
                Some(near) if !functions.has_any(name) => format!("是不是 {near}？"),
                _ => format!("写成 {}", form.replace("NAME", name)),
            };
            problems.push(problem.with_help(help));
        }
    };
    for task in &definition.workflow.tasks {
        for function in task.hooks.values() {
            owed(function, &task.place, false);
        }
        if let TaskKind::Automatic { run } = &task.kind {
            owed(run, &task.place, false);
        }
        if let Some(then) = task.extension.as_ref().and_then(|extension| extension.then.as_ref()) {
            owed(then, &task.place, false);
        }
    }
    for rung in definition.ladders.values().flat_map(|ladder| &ladder.rungs) {
        owed(&rung.run, &rung.place, true);
    }
    problems
}

/// Unknown variables, functions, tasks and form fields of one expression.
pub(crate) fn expression_problems(
    definition: &Definition,
    functions: &Functions,
    (_, task, expr): Role<'_>,
    mentions: &[Mention],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let locals = expr.source.contains("let ") || expr.source.contains('|');
    for mention in mentions {
        match mention {
            Mention::Variable(name, position) => {
                if !locals && variables::english(name).is_none() {
                    let message = format!("没有变量 {name}");
                    let problem = Problem::error("DB1503", &place_of(expr, *position), message);
                    problems.push(suggest(problem, name, variables::all()));
                }
            }
            Mention::Call(name, position, _) => {
                if !is_known_function(functions, name) {
                    let message = format!("没有函数 {name}");
                    let problem = Problem::error("DB1504", &place_of(expr, *position), message);
                    problems.push(suggest(problem, name, known_functions(functions)));
                }
            }
            Mention::Path(path, position) => {
                let place = place_of(expr, *position);
                problems.extend(path_problem(definition, task, path, &place));
            }
        }
    }
    problems
}

fn suggest<'a>(
    problem: Problem,
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Problem {
    match closest(written, known) {
        Some(near) => problem.with_help(format!("是不是 {near}？")),
        None => problem,
    }
}

fn host_functions<'a>() -> impl Iterator<Item = &'a str> {
    NAMES
        .iter()
        .filter(|name| {
            matches!(name.kind, HostKind::Function | HostKind::Method { .. } | HostKind::Action)
        })
        .flat_map(|name| [name.english, name.chinese])
}

fn known_functions(functions: &Functions) -> impl Iterator<Item = &str> {
    host_functions().chain(functions.names()).chain(STANDARD.iter().copied())
}

fn is_known_function(functions: &Functions, name: &str) -> bool {
    !name.chars().next().is_some_and(char::is_alphabetic)
        || known_functions(functions).any(|known| known == name)
}

/// `form.x` and `tasks.NAME.form.x` against the declared fields, `tasks.NAME` against the tasks.
fn path_problem(
    definition: &Definition,
    task: Option<&duban_model::TaskDef>,
    path: &[String],
    place: &Place,
) -> Option<Problem> {
    let form = |name: &str| name == "form" || name == "表单";
    match (variables::english(&path[0]), task) {
        (Some("form"), Some(task)) => {
            let known = task.form.iter().map(|field| field.name.as_str());
            unknown_field(path.get(1)?, known, place)
        }
        (Some("tasks"), _) if !path[1].contains('/') && !path[1].is_empty() => {
            let Some((_, source)) = definition.workflow.task(&path[1]) else {
                if matches!(path[1].as_str(), "interview" | "rectification" | "extra") {
                    return None;
                }
                let known = definition.workflow.tasks.iter().map(|task| task.id.as_str());
                let problem = Problem::error("DB1505", place, format!("没有任务 {}", path[1]));
                return Some(suggest(problem, &path[1], known));
            };
            let field = path.get(2).filter(|name| form(name)).and_then(|_| path.get(3))?;
            let known = source.form.iter().map(|field| field.name.as_str());
            unknown_field(field, known, place)
        }
        _ => None,
    }
}

fn unknown_field<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    place: &Place,
) -> Option<Problem> {
    if written.is_empty() || known.clone().any(|name| name == written) {
        return None;
    }
    let problem = Problem::error("DB1506", place, format!("表单没有字段 {written}"));
    Some(suggest(problem, written, known))
}

/// Units named by a constant that the directory does not have, or has more than once.
pub(crate) fn directory_problems(
    directory: &Directory,
    expr: &Expr,
    mentions: &[Mention],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for mention in mentions {
        let Mention::Call(name, position, Some(constant)) = mention else { continue };
        let place = place_of(expr, *position);
        match name.as_str() {
            "org" | "机构" => problems.extend(unit_problem(directory, constant, &place)),
            "post" | "岗位" => {
                let known = || directory.data().posts.iter().map(|post| post.name.as_str());
                if !known().any(|post| post == constant) {
                    let message = format!("没有哪个单位有岗位“{constant}”");
                    let problem = Problem::warning("DB1508", &place, message);
                    problems.push(suggest(problem, constant, known()));
                }
            }
            _ => {}
        }
    }
    problems
}

fn unit_problem(directory: &Directory, name: &str, place: &Place) -> Option<Problem> {
    if directory.unit(&name.into()).is_some() {
        return None;
    }
    match directory.units_named(name).count() {
        1 => None,
        0 => {
            let problem = Problem::error("DB1507", place, format!("通讯录中没有单位“{name}”"));
            Some(suggest(problem, name, directory.units().map(|unit| unit.name.as_str())))
        }
        more => {
            let message = format!("通讯录中有 {more} 个单位叫“{name}”");
            Some(Problem::error("DB1507", place, message).with_help("请写单位代码"))
        }
    }
}

/// Full-width punctuation and what to write in its place.
const FULL_WIDTH: &[(char, &str)] = &[
    ('（', "("),
    ('）', ")"),
    ('：', ":"),
    ('，', ","),
    ('；', ";"),
    ('“', "\""),
    ('”', "\""),
    ('‘', "'"),
    ('’', "'"),
    ('＋', "+"),
    ('－', "-"),
    ('＝', "="),
    ('＞', ">"),
    ('＜', "<"),
    ('！', "!"),
    ('【', "["),
    ('】', "]"),
    ('｛', "{"),
    ('｝', "}"),
    ('。', "."),
];

/// A syntax error, with the half-width form where full-width punctuation caused it.
pub(crate) fn syntax(place: &Place, source: &str, error: &ParseError) -> Problem {
    let problem = Problem::error("DB1501", place, parse_message(error));
    let written = FULL_WIDTH.iter().find(|(wide, _)| outside_strings(source).contains(*wide));
    match written {
        Some((wide, half)) => problem.with_help(format!("“{wide}”是全角符号，请改成半角 {half}")),
        None => problem,
    }
}

/// The source without what stands between half-width quotes.
fn outside_strings(source: &str) -> String {
    source.split('"').step_by(2).collect::<Vec<_>>().join(" ")
}

fn parse_message(error: &ParseError) -> String {
    match error.err_type() {
        ParseErrorType::UnexpectedEOF => "脚本没有写完".to_owned(),
        ParseErrorType::MissingToken(token, _) => format!("缺少 {token}"),
        ParseErrorType::Reserved(word) => format!("{word} 是保留字，不能作名称"),
        ParseErrorType::ExprExpected(what) => format!("这里应有{what}表达式"),
        ParseErrorType::VariableUndefined(name) => format!("没有变量 {name}"),
        ParseErrorType::ExprTooDeep => "表达式嵌套超过上限 expr_depth_max".to_owned(),
        other => format!("语法错误：{other}"),
    }
}

/// What went wrong at run time, in Chinese.
pub(crate) fn in_chinese(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorRuntime(value, _) => value.to_string(),
        EvalAltResult::ErrorFunctionNotFound(name, _) => {
            let short = name.split(" (").next().unwrap_or(name);
            with_suggestion(format!("没有函数 {name}"), short, host_functions())
        }
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            with_suggestion(format!("没有变量 {name}"), name, variables::all())
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => {
            let known = NAMES
                .iter()
                .filter(|entry| matches!(entry.kind, HostKind::Property { .. }))
                .flat_map(|entry| [entry.english, entry.chinese]);
            with_suggestion(format!("没有属性 {name}"), name, known)
        }
        EvalAltResult::ErrorDotExpr(message, _) => format!("没有这个属性：{message}"),
        EvalAltResult::ErrorIndexNotFound(key, _) => format!("没有键 {key}"),
        EvalAltResult::ErrorArrayBounds(length, index, _) => {
            format!("列表只有 {length} 项，没有第 {index} 项")
        }
        EvalAltResult::ErrorMismatchDataType(expected, got, _) => {
            format!("要{expected}，给的是{got}")
        }
        EvalAltResult::ErrorMismatchOutputType(expected, got, _) => {
            format!("结果要{expected}，给的是{got}")
        }
        other => other.to_string(),
    }
}
