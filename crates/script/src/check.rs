//! What can be found wrong with a script without running it.
//!
//! The checks walk rhai's syntax tree. They know the names that the host gives, the functions of
//! the scripts, and the tasks, axes and form fields of the definition; where a value's kind
//! cannot be known, they keep silent, and the value is checked when it exists.

mod absent;
mod infer;
mod spans;
mod sums;

use std::collections::{BTreeMap, BTreeSet};

use duban_model::{Definition, ExprRole, Place, Problem, TaskDef};
use rhai::{
    AST, ASTNode, Expr as Code, FnCallExpr, FnPtr, Module, Position, ScriptFuncDef, Shared, Stmt,
};

use crate::chain::{Chain, Link, is_inner};
use crate::dates::{self, Shifts};
use crate::explain::Base;
use crate::kind::{Kind, misfit};
use crate::known::Known;
use crate::names::{HostKind, both, english, of_kind};
use crate::program::Reads;
use crate::sandbox::variable_named;
use crate::suggest::closest;

/// What a piece of code reads and calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    tasks: BTreeSet<String>,
    foreign: BTreeSet<String>,
    later: bool,
    calls: BTreeSet<String>,
    /// Workflows that are opened, and where.
    opens: BTreeSet<(String, Place)>,
}

impl Seen {
    pub(crate) fn merge(&mut self, other: Self) {
        self.opens.extend(other.opens);
        self.tasks.extend(other.tasks);
        self.foreign.extend(other.foreign);
        self.calls.extend(other.calls);
        self.later |= other.later;
    }

    /// What a call of a function is.
    pub(crate) fn of_call(name: &str) -> Self {
        Self { calls: BTreeSet::from([name.to_owned()]), ..Self::default() }
    }

    /// With what the functions called do, near or far.
    fn followed(mut self, functions: &BTreeMap<String, Self>) -> Self {
        let mut visited = BTreeSet::new();
        while let Some(name) = self.calls.pop_first() {
            if visited.insert(name.clone())
                && let Some(called) = functions.get(&name)
            {
                self.merge(called.clone());
            }
        }
        self
    }

    /// What is read, also by the functions called.
    pub(crate) fn reads(self, functions: &BTreeMap<String, Self>) -> Reads {
        let all = self.followed(functions);
        Reads {
            tasks: all.tasks.into_iter().collect(),
            foreign: all.foreign.into_iter().collect(),
            later: all.later,
        }
    }

    /// Which workflows are opened and where, also by the functions called.
    pub(crate) fn opens(self, functions: &BTreeMap<String, Self>) -> BTreeSet<(String, Place)> {
        self.followed(functions).opens
    }
}

/// What was found in a piece of code.
pub(crate) struct Found {
    /// What it cannot be compiled with.
    pub(crate) problems: Vec<Problem>,
    /// What can only fail, or makes no sense, though it compiles.
    pub(crate) doubts: Vec<Problem>,
    pub(crate) seen: Seen,
}

/// Variables whose values are not settled when a case opens.
const LATER: &[&str] = &[
    "task",
    "form",
    "now",
    "moment",
    "owner",
    "reviewer",
    "interview",
    "rung",
    "overdue_workdays",
    "remaining_workdays",
];

/// Walks one expression or function.
pub(crate) struct Checker<'d> {
    pub(crate) definition: &'d Definition,
    known: &'d Known,
    /// Actions may be called: it is a function, not an expression.
    acts: bool,
    /// The task whose key it is.
    pub(crate) task: Option<&'d TaskDef>,
    /// The parameter `task` of a function is an item.
    pub(crate) receives_task: bool,
    /// The parameters of the function at hand. What a closure captures is among them, and is
    /// found by name only.
    parameters: BTreeSet<String>,
    /// Closures met, each with the host's variables that it captures.
    waiting: Vec<(String, BTreeSet<String>)>,
    found: Vec<(Position, usize, Problem)>,
    doubts: Vec<(Position, usize, Problem)>,
    /// The expression is evaluated only in part, as its conditions say.
    branches: bool,
    /// Several workflows may have it: a function, or an expression of a ladder.
    shared: bool,
    opened: Vec<(String, Position)>,
    seen: Seen,
}

impl<'d> Checker<'d> {
    pub(crate) fn new(definition: &'d Definition, known: &'d Known, acts: bool) -> Self {
        Self {
            definition,
            known,
            acts,
            task: None,
            receives_task: false,
            parameters: BTreeSet::new(),
            waiting: Vec::new(),
            found: Vec::new(),
            doubts: Vec::new(),
            branches: acts,
            shared: acts,
            opened: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Checks an expression and that it may give what its role needs.
    pub(crate) fn expression(&mut self, code: &AST, role: ExprRole) {
        self.branches = absent::branches(code);
        self.shared = absent::is_shared(role);
        code.clone_statements_only().walk(&mut |path| {
            self.visit(path);
            true
        });
        self.closures(code);
        self.parameters.clear();
        if let [only] = code.statements() {
            self.outcome(only, role);
        }
    }

    /// Checks every value that a statement may answer with.
    fn outcome(&mut self, statement: &Stmt, role: ExprRole) {
        match statement {
            Stmt::Expr(expr) => self.outcome_of(expr, role),
            Stmt::FnCall(call, position) => {
                let kind = self.call_kind(call);
                self.role(kind, *position, role);
            }
            Stmt::If(branches, _) => {
                for block in [&branches.body, &branches.branch] {
                    if let Some(last) = block.statements().last() {
                        self.outcome(last, role);
                    }
                }
            }
            Stmt::Block(block) => {
                if let Some(last) = block.statements().last() {
                    self.outcome(last, role);
                }
            }
            _ => {}
        }
    }

    fn outcome_of(&mut self, expr: &Code, role: ExprRole) {
        match expr {
            Code::Stmt(block) => {
                if let Some(last) = block.statements().last() {
                    self.outcome(last, role);
                }
            }
            Code::Coalesce(either, _) => {
                for expr in either.iter() {
                    self.outcome_of(expr, role);
                }
            }
            _ => {
                let kind = self.kind(expr);
                self.role(kind, expr.start_position(), role);
            }
        }
    }

    fn role(&mut self, kind: Kind<'d>, position: Position, role: ExprRole) {
        if let Some(wanted) = misfit(role, kind) {
            let message = format!("这里需要{wanted}，写的是{}", kind.name());
            let help = match (wanted, kind) {
                ("时长", Kind::Int) => Some("写成 workdays(3) 或 days(3)".to_owned()),
                ("日期或时刻", Kind::Span | Kind::Hours) => {
                    Some("写明从何时算起，例如 now + workdays(3)".to_owned())
                }
                ("日期或时刻", Kind::Int | Kind::Decimal) => {
                    Some("日期写成 2026-12-31".to_owned())
                }
                ("日期或时刻", Kind::Text) => Some("日期不加引号，写成 2026-12-31".to_owned()),
                ("单位、岗位或人员", Kind::Text) => {
                    Some("按名称取单位请写 org(\"…\")".to_owned())
                }
                _ => None,
            };
            self.problem("DB1513", position, 0, message, help);
        }
    }

    /// Checks a function of a file, with the closures in it.
    pub(crate) fn function(&mut self, file: &AST, function: &Shared<ScriptFuncDef>) {
        self.body(function, &BTreeSet::new());
        self.closures(file);
    }

    /// Checks a body, in which these parameters stand for the host's variables of their names.
    fn body(&mut self, function: &Shared<ScriptFuncDef>, captured: &BTreeSet<String>) {
        let parameters = function.params.iter().map(ToString::to_string);
        self.parameters = parameters.filter(|name| !captured.contains(name)).collect();
        // rhai walks whole syntax trees only, so the function gets one of its own.
        let mut module = Module::new();
        module.set_script_fn(function.clone());
        AST::new_from_module(module).walk(&mut |path| {
            self.visit(path);
            true
        });
    }

    /// Checks the closures met so far, and those in them.
    fn closures(&mut self, file: &AST) {
        while let Some((name, captured)) = self.waiting.pop() {
            let found = file.iter_fn_def().find(|function| function.name.as_str() == name);
            if let Some(closure) = found {
                self.body(closure, &captured);
            }
        }
    }

    /// Notes a closure: rhai makes it a function of its own, whose first parameters are what it
    /// captures.
    fn closure(&mut self, pointer: &Code, captured: &[Code]) {
        let Code::DynamicConstant(value, _) = pointer else { return };
        let Some(pointer) = value.read_lock::<FnPtr>() else { return };
        let captured = captured.iter().filter(|expr| !self.is_local(expr));
        let captured = captured.filter_map(|expr| match expr {
            Code::Variable(variable, ..) => Some(variable.1.to_string()),
            _ => None,
        });
        self.waiting.push((pointer.fn_name().to_owned(), captured.collect()));
    }

    /// The problems found, at their places, and what was read.
    pub(crate) fn finish(mut self, base: Base<'_>, dates: &Shifts) -> Found {
        let opened = self.opened.into_iter();
        let place = |at| base.place(dates.original(at), 0);
        self.seen.opens.extend(opened.map(|(name, at)| (name, place(at))));
        let place = |(position, length, problem): (Position, usize, Problem)| Problem {
            place: base.place(dates.original(position), length),
            ..problem
        };
        Found {
            problems: self.found.into_iter().map(place).collect(),
            doubts: self.doubts.into_iter().map(place).collect(),
            seen: self.seen,
        }
    }

    fn problem(
        &mut self,
        code: &str,
        position: Position,
        length: usize,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let problem = Problem::error(code, &Place::default(), message);
        let problem = Problem { help, ..problem };
        self.found.push((position, length, problem));
    }

    /// Notes what can only fail though it compiles.
    pub(crate) fn doubt(&mut self, position: Position, length: usize, problem: Problem) {
        self.doubts.push((position, length, problem));
    }

    fn suggested<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
        closest(written, known).map(|name| format!("是不是 {name}？"))
    }

    fn visit(&mut self, path: &[ASTNode<'_>]) {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => self.call(call, *position, false),
            Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => self.assignment(&assignment.1.lhs),
            Some(ASTNode::Expr(Code::FnCall(call, position))) => {
                self.call(call, *position, false);
                self.operator(call, *position);
            }
            Some(ASTNode::Expr(pointer @ Code::DynamicConstant(..))) => match path {
                // Noted with what it captures.
                [.., ASTNode::Expr(Code::FnCall(call, _)), _] if call.name == "curry" => {}
                [.., ASTNode::Stmt(Stmt::FnCall(call, _)), _] if call.name == "curry" => {}
                _ => self.closure(pointer, &[]),
            },
            Some(ASTNode::Expr(Code::MethodCall(call, position))) => {
                self.call(call, *position, true);
            }
            Some(ASTNode::Expr(expr @ Code::Variable(variable, ..))) if !self.is_local(expr) => {
                self.variable(&variable.1, expr.position());
            }
            Some(ASTNode::Expr(expr @ (Code::Dot(..) | Code::Index(..)))) if !is_inner(path) => {
                let chain = Chain::of(expr);
                self.chain(&chain, true);
                self.absent(&chain);
            }
            _ => {}
        }
    }

    /// rhai does not measure what is assigned by index, so lists and maps could outgrow their
    /// limits that way; `set` is measured.
    fn assignment(&mut self, target: &Code) {
        if let Some(Link::Index(_)) = Chain::of(target).links.last() {
            let help = Some("写成 x.set(下标, 值)".to_owned());
            self.problem("DB1519", target.start_position(), 0, "不能按下标赋值", help);
        }
    }

    fn variable(&mut self, name: &str, position: Position) {
        match variable_named(name) {
            Some(english) => self.seen.later |= LATER.contains(&english),
            None if self.known.in_scripts(name) => {}
            None => {
                let known = of_kind(HostKind::Variable).flat_map(|it| [it.english, it.chinese]);
                let help = Self::suggested(name, known).unwrap_or_else(|| {
                    let known = of_kind(HostKind::Variable).map(|it| it.english);
                    infer::listed("变量", known, "文字要加引号，自己的变量先写 let")
                });
                let length = name.chars().count();
                self.problem("DB1503", position, length, format!("没有变量 {name}"), Some(help));
            }
        }
    }

    fn call(&mut self, call: &FnCallExpr, position: Position, method: bool) {
        if call.op_token.is_some() {
            return;
        }
        if call.name == "curry"
            && let Some((pointer, captured)) = call.args.split_first()
        {
            self.closure(pointer, captured);
        }
        let (name, arity) = (call.name.as_str(), call.args.len());
        self.seen.calls.insert(name.to_owned());
        self.seen.later |= english(HostKind::Function, name)
            .is_some_and(|name| matches!(name, "history" | "indicator"));
        self.indicator(call);
        self.date(call);
        self.opening(call);
        if !method {
            self.span(call);
            self.colour(call);
        }
        let length = name.chars().count();
        if !self.known.has(name, arity, method) {
            let arities = self.known.arities(name, method);
            if arities.is_empty() {
                let help = Self::suggested(name, self.known.names());
                self.problem("DB1504", position, length, format!("没有函数 {name}"), help);
            } else {
                let arities: Vec<String> = arities.iter().map(usize::to_string).collect();
                let message = format!("{name} 要 {} 个参数，写了 {arity} 个", arities.join(" 或 "));
                self.problem("DB1509", position, length, message, None);
            }
        } else if !self.acts
            && !self.known.in_scripts(name)
            && !method
            && english(HostKind::Action, name).is_some()
        {
            let message = format!("表达式只作判断，不能调用动作 {name}");
            let help = Some("写进脚本函数，由钩子或梯级调用".to_owned());
            self.problem("DB1514", position, length, message, help);
        }
    }

    /// `open_case("workflow", …)` and `open_case(#{ workflow: "…" })` open it.
    fn opening(&mut self, call: &FnCallExpr) {
        if english(HostKind::Action, &call.name) != Some("open_case") {
            return;
        }
        let workflow = match call.args.first() {
            Some(Code::Map(map, _)) => {
                let names = both(HostKind::Key { of: "open_case" }, "workflow");
                let mut entries = map.0.iter();
                entries.find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value)
            }
            first => first,
        };
        if let Some(Code::StringConstant(workflow, position)) = workflow {
            self.opened.push((workflow.to_string(), *position));
        }
    }

    /// `indicator("task")` reads the task.
    fn indicator(&mut self, call: &FnCallExpr) {
        if english(HostKind::Function, &call.name) == Some("indicator")
            && let [Code::StringConstant(task, position)] = call.args.as_slice()
        {
            self.task_named(task, *position);
        }
    }

    /// `date("2026-12-20")` and `date(2026, 12, 20)` name a day.
    fn date(&mut self, call: &FnCallExpr) {
        if english(HostKind::Function, &call.name) != Some("date") {
            return;
        }
        let (written, position, there) = match call.args.as_slice() {
            [Code::StringConstant(text, position)] => {
                (text.to_string(), *position, dates::names_day(text))
            }
            [
                Code::IntegerConstant(year, position),
                Code::IntegerConstant(month, _),
                Code::IntegerConstant(day, _),
            ] => {
                let there = dates::is_day(*year, *month, *day);
                (format!("{year}-{month}-{day}"), *position, there)
            }
            _ => return,
        };
        if !there {
            let (message, help) = dates::no_day(&written);
            self.problem("DB1520", position, 0, message, Some(help));
        }
    }

    /// A task of the workflow by name, or a note that there is none.
    fn task_named(&mut self, name: &str, position: Position) -> Option<&'d TaskDef> {
        if name.contains('/') {
            self.seen.foreign.insert(name.to_owned());
            return None;
        }
        let tasks = &self.definition.workflow.tasks;
        let found = tasks.iter().find(|task| task.id.as_str() == name);
        if found.is_some() {
            self.seen.tasks.insert(name.to_owned());
        } else if !["interview", "rectification", "extra"].contains(&name) {
            let help = Self::suggested(name, tasks.iter().map(|task| task.id.as_str()));
            let length = name.chars().count();
            self.problem("DB1505", position, length, format!("没有任务 {name}"), help);
        }
        found
    }

    /// Whether a variable is a local one or a parameter.
    fn is_local(&self, expr: &Code) -> bool {
        matches!(expr, Code::Variable(variable, short, _)
            if short.is_some() || variable.0.is_some() || self.parameters.contains(variable.1.as_str()))
    }
}
