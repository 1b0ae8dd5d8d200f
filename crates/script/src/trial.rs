//! Expressions that read nothing give the same at every time, so they are evaluated once before
//! there is a case: what can only fail is told to its author.

use std::sync::Arc;

use duban_calendar::{Calendar, Instant, SPAN_UNITS_MAX, Span};
use duban_model::{Definition, Directory, Expr, ExprRole, Place, Problem, UnitId, expressions};
use rhai::{AST, ASTNode, Expr as Code, FnCallExpr, Stmt};
use serde_json::{Map, Value as Json};

use crate::budget::Budget;
use crate::facts::{CaseFacts, Facts, Scene, TaskFacts};
use crate::known::RHAI;
use crate::names::{HostKind, english};
use crate::program::{Code as Compiled, Program, ScriptError};
use crate::sandbox::variable_named;
use crate::value::Value;

/// Functions of the host whose answers follow from their arguments alone, or nearly: which days
/// are worked on is not known here, only what spans of them can be counted at all.
const PURE: &[&str] =
    &["days", "workdays", "months", "hours", "date", "min", "max", "sum", "avg", "count"];

/// What is wrong with the values of expressions that read nothing, but for those of which a part
/// is `known` to fail.
pub(crate) fn problems(program: &Program, known: &[Problem]) -> Vec<Problem> {
    let scene = nothing(program);
    let mut problems = Vec::new();
    for (role, _, expr) in expressions(&program.definition) {
        let compiled = program.expressions.get(&expr.source);
        let Some(Compiled::Script(code)) = compiled.map(|compiled| &compiled.code) else {
            continue;
        };
        if is_closed(code) && !known.iter().any(|problem| lies_in(&problem.place, expr)) {
            problems.extend(problem(role, expr, program.eval(expr, &scene)));
        }
        // Expressions without end, one after the other, end with what all may spend.
        if scene.budget.spent().is_some() {
            break;
        }
    }
    problems
}

/// Whether a place lies in the lines of an expression.
fn lies_in(place: &Place, expr: &Expr) -> bool {
    let lines = expr.place.line..expr.place.line + expr.source.lines().count().max(1);
    place.file == expr.place.file && lines.contains(&place.line)
}

/// Whether an expression reads nothing of a case, a directory or a calendar.
fn is_closed(code: &AST) -> bool {
    let mut closed = true;
    code.walk(&mut |path| {
        closed &= match path.last() {
            Some(ASTNode::Expr(Code::Variable(variable, short, _))) => {
                short.is_some()
                    || variable.0.is_some()
                    || variable_named(&variable.1) == Some("params")
            }
            Some(ASTNode::Expr(Code::DynamicConstant(value, _))) => !value.is_fnptr(),
            Some(ASTNode::Expr(Code::FnCall(call, _) | Code::MethodCall(call, _)))
            | Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => is_pure(call),
            _ => true,
        };
        closed
    });
    closed
}

fn is_pure(call: &FnCallExpr) -> bool {
    call.op_token.is_some()
        || RHAI.iter().any(|(name, _)| *name == call.name.as_str())
        || english(HostKind::Function, &call.name).is_some_and(|name| PURE.contains(&name))
}

/// What is wrong with an answer that never changes.
fn problem(role: ExprRole, expr: &Expr, answer: Result<Value, ScriptError>) -> Option<Problem> {
    let fails = |message: String, help: &str| {
        Some(Problem::error("DB1521", &expr.place, message).with_help(help))
    };
    match answer {
        // The time of whoever waits for the check is up: that says nothing of the expression.
        Err(ScriptError::Limit { limit, .. }) if limit == crate::stop::STOPPED => None,
        Err(ScriptError::Limit { limit, .. }) if limit.starts_with("decision_") => None,
        Err(ScriptError::Limit { limit, .. }) => {
            let message = format!("这个表达式每次都会超过上限 {limit}");
            fails(message, "去掉没有尽头的循环；表达式只写一个判断或一个值")
        }
        Err(ScriptError::Failed { message, .. }) => {
            let help = "这个表达式不读任何数据，每次结果都一样；改正写定的数";
            fails(format!("这个表达式每次都会出错：{message}"), help)
        }
        Ok(Value::Nil) if role == ExprRole::Due => {
            let help = "写明期限，例如 2026-12-31 或 now + workdays(20)；没有期限的，去掉 due";
            fails("期限是空值，任务开始后只能由督查单位另定".to_owned(), help)
        }
        Ok(Value::Span(span)) => span_problem(role, expr, span),
        _ => None,
    }
}

/// What is wrong with a span that is a key's whole value.
fn span_problem(role: ExprRole, expr: &Expr, span: Span) -> Option<Problem> {
    use ExprRole as R;
    let lasts =
        matches!(role, R::Grace | R::Stall | R::ReviewWithin | R::ReturnWithin | R::RungFor);
    if !lasts && !matches!(role, R::ExtensionBy | R::RungEvery) {
        return None;
    }
    let units = span.units();
    if units.unsigned_abs() > SPAN_UNITS_MAX.unsigned_abs() {
        let message = format!("时长 {} 太长，推算不出日期", span.zh());
        let help = format!("时长至多 {SPAN_UNITS_MAX}；用更大的单位，例如 months(6)");
        return Some(Problem::error("DB1521", &expr.place, message).with_help(help));
    }
    let error = |message: String, help: &str| {
        Some(Problem::error("DB1522", &expr.place, message).with_help(help))
    };
    match role {
        R::RungEvery if units < 1 => error(
            format!("每隔 {} 不能重复", span.zh()),
            "间隔至少是 1，例如 every: workdays(5)；只做一次的，写 at",
        ),
        R::ExtensionBy if units < 0 => error(
            format!("至多延期 {}，就不能延期", span.zh()),
            "写正数，例如 by: days(30)；不许延期的，去掉 extension",
        ),
        _ if lasts && units < 0 => {
            let problem =
                Problem::warning("DB1522", &expr.place, format!("这里的时长是负的：{}", span.zh()));
            Some(problem.with_help("去掉负号；此处写多长时间，不写提前多久"))
        }
        _ => None,
    }
}

/// A scene in which there is nothing to read.
fn nothing(program: &Program) -> Scene {
    Scene {
        facts: Arc::new(Nothing {
            directory: Arc::default(),
            calendar: Arc::new(Calendar::weekdays_only("check")),
            definition: program.definition.clone(),
        }),
        item: None,
        window: None,
        now: Instant::from_millis(0),
        moment: Instant::from_millis(0),
        due: None,
        by_time: false,
        budget: Budget::default(),
    }
}

/// No case: what is evaluated here reads none.
struct Nothing {
    directory: Arc<Directory>,
    calendar: Arc<Calendar>,
    definition: Arc<Definition>,
}

impl Facts for Nothing {
    fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    fn case(&self) -> Arc<CaseFacts> {
        Arc::new(CaseFacts {
            id: String::new(),
            title: String::new(),
            unit: UnitId::from(""),
            period: None,
            lead: None,
            with: Vec::new(),
            form: Map::new(),
            vars: Map::new(),
            opened_at: Instant::from_millis(0),
        })
    }

    fn item(&self, _key: &str) -> Option<Arc<TaskFacts>> {
        None
    }

    fn items(&self, _task: &str) -> Vec<Arc<TaskFacts>> {
        Vec::new()
    }

    fn missed_in_row(&self, _key: &str) -> u32 {
        0
    }

    fn foreign(&self, _name: &str) -> Option<Map<String, Json>> {
        None
    }
}
